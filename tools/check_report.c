/* How `lanewise check` tells what it found: text and TAP line by line, JUnit and JSON at the end. */
#include "check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *array, size_t count, size_t size) {
    if (count & (count - 1)) return array; /* room doubles at every power of two */
    void *more = realloc(array, (count ? 2 * count : 1) * size);
    if (!more) exit(cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory"));
    return more;
}

static void tally(struct check_reason **reasons, size_t *count, const char *text) {
    for (size_t i = 0; i < *count; i++) {
        if (strcmp((*reasons)[i].text, text) == 0) {
            (*reasons)[i].count++;
            return;
        }
    }
    *reasons = grow(*reasons, *count, sizeof **reasons);
    struct check_reason *reason = &(*reasons)[(*count)++];
    snprintf(reason->text, sizeof reason->text, "%s", text);
    reason->count = 1;
}

/* The command that repeats one result. */
static void format_repeat(const struct check_report *report, const struct check_result *r, char *text,
                          size_t size) {
    const struct check_settings *s = &report->settings;
    char threads[24] = "";
    if (s->threads_given) snprintf(threads, sizeof threads, " --threads %d", s->threads);
    snprintf(text, size, "lanewise check --op %s --kernel %s --data %s --seed %" PRIu64 "%s %s",
             lw_op_name(r->op), r->kernel, lw_fill_name(r->worst_kind), s->seed, threads, r->problem);
}

static void format_rel_l2(const struct check_result *r, char text[16]) {
    snprintf(text, 16, isnan(r->rel_l2) ? "-" : "%.2e", r->rel_l2);
}

static const char *short_problem(const struct check_result *r) { return *r->name ? r->name : r->problem; }

/* ---- text ---------------------------------------------------------------------------------------------- */

static void text_result(const struct check_report *report, const struct check_result *r) {
    if (r->outcome ==
        CHECK_SKIPPED) { /* a row that refuses a problem is tallied; a problem out of scope is named */
        if (!*r->kernel) printf("skip  %s: %s\n", r->problem, r->reason);
        return;
    }
    char rel_l2[16];
    format_rel_l2(r, rel_l2);
    printf("%-5s %-38s %-44s %8.4f of bound  rel.L2 %-8s  %" PRId64, r->outcome == CHECK_OK ? "ok" : "FAIL",
           r->kernel, short_problem(r), r->err_over_bound, rel_l2, r->compared);
    if (r->compared < r->total) printf(" of %" PRId64, r->total);
    printf(" outputs");
    if (r->err_over_bound > 0) printf(", worst: %s %s", lw_fill_name(r->worst_kind), r->worst_variant);
    putchar('\n');
    if (r->outcome != CHECK_FAILED) return;
    char repeat[512];
    format_repeat(report, r, repeat, sizeof repeat);
    printf("      %s\n      repeat: %s\n", r->worst, repeat);
}

static bool is_idle(const struct check_isa *isa) {
    return isa->info.usable && isa->rows > 0 && isa->checked == 0;
}

static void text_end(const struct check_report *report) {
    printf("\n%zu checked, %zu failed, %zu skipped in %.1f s; %zu of %zu kernels not run here\n",
           report->checked, report->failed, report->skipped, report->seconds, report->not_run,
           report->kernels);
    for (size_t i = 0; i < report->not_run_reason_count; i++)
        printf("  not run  %6zu  %s\n", report->not_run_reasons[i].count, report->not_run_reasons[i].text);
    for (size_t i = 0; i < report->isa_count; i++)
        if (is_idle(&report->isas[i]))
            printf("  idle     %6zu  %s kernels: usable, and none took any of the problems\n",
                   report->isas[i].rows, report->isas[i].info.name);
    for (size_t i = 0; i < report->reason_count; i++)
        printf("  skipped  %6zu  %s\n", report->reasons[i].count, report->reasons[i].text);
    if (report->option_lines) printf("  ignored  %6zu  option lines of batch files\n", report->option_lines);
}

/* ---- TAP ----------------------------------------------------------------------------------------------- */

static void print_escaped(const char *text, const char *special) {
    for (; *text; text++) {
        if (strchr(special, *text)) putchar('\\');
        putchar(*text);
    }
}

static void tap_result(const struct check_report *report, const struct check_result *r) {
    printf("%sok %zu - %s%s", r->outcome == CHECK_FAILED ? "not " : "", report->count, r->kernel,
           *r->kernel ? " " : "");
    print_escaped(r->problem, "#\\");
    char rel_l2[16];
    format_rel_l2(r, rel_l2);
    if (r->outcome == CHECK_SKIPPED)
        printf(" # SKIP %s\n", r->reason);
    else
        printf("\n# %.4f of bound (%s %s), rel.L2 %s, %" PRId64 " of %" PRId64 " outputs\n",
               r->err_over_bound, lw_fill_name(r->worst_kind), r->worst_variant, rel_l2, r->compared,
               r->total);
    if (r->outcome != CHECK_FAILED) return;
    char repeat[512];
    format_repeat(report, r, repeat, sizeof repeat);
    printf("# %s\n# repeat: %s\n", r->worst, repeat);
}

static void tap_end(const struct check_report *report) {
    printf("1..%zu\n# %zu checked, %zu failed, %zu skipped; %zu of %zu kernels not run here\n", report->count,
           report->checked, report->failed, report->skipped, report->not_run, report->kernels);
}

/* ---- JUnit --------------------------------------------------------------------------------------------- */

static void print_xml(const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", stdout);
            break;
        case '>':
            fputs("&gt;", stdout);
            break;
        case '&':
            fputs("&amp;", stdout);
            break;
        case '"':
            fputs("&quot;", stdout);
            break;
        default:
            putchar((unsigned char)*text < 32 ? '?' : *text);
        }
    }
}

static void junit_case(const struct check_report *report, const struct check_result *r) {
    char repeat[512];
    printf("    <testcase classname=\"");
    print_xml(*r->kernel ? r->kernel : "out of scope");
    printf("\" name=\"");
    print_xml(r->problem);
    printf("\" time=\"%.6f\">", r->seconds);
    if (r->outcome == CHECK_SKIPPED) {
        printf("<skipped message=\"");
        print_xml(r->reason);
        printf("\"/>");
    } else if (r->outcome == CHECK_FAILED) {
        printf("<failure message=\"%.4f of bound, %s %s: ", r->err_over_bound, lw_fill_name(r->worst_kind),
               r->worst_variant);
        print_xml(r->worst);
        printf("\">");
        format_repeat(report, r, repeat, sizeof repeat);
        print_xml(repeat);
        printf("</failure>");
    }
    printf("</testcase>\n");
}

static void junit_end(const struct check_report *report) {
    printf(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
        "  <testsuite name=\"lanewise check\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\" time=\"%.3f\">\n"
        "    <properties><property name=\"seed\" value=\"%" PRIu64 "\"/>"
        "<property name=\"kernels\" value=\"%zu\"/><property name=\"kernels_not_run\" value=\"%zu\"/>"
        "</properties>\n",
        report->count, report->failed, report->skipped, report->seconds, report->settings.seed,
        report->kernels, report->not_run);
    for (size_t i = 0; i < report->count; i++)
        junit_case(report, &report->results[i]);
    printf("  </testsuite>\n</testsuites>\n");
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static cJSON *json_result(const struct check_report *report, const struct check_result *r) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "op", lw_op_name(r->op));
    cJSON_AddStringToObject(object, "kernel", r->kernel);
    cJSON_AddStringToObject(object, "problem", r->problem);
    cJSON_AddStringToObject(object, "name", r->name);
    cli_json_number(object, "err_over_bound", r->err_over_bound);
    cli_json_number(object, "rel_l2", r->rel_l2);
    cJSON_AddBoolToObject(object, "ok", r->outcome == CHECK_OK);
    cJSON_AddNumberToObject(object, "compared", (double)r->compared);
    cJSON_AddNumberToObject(object, "outputs", (double)r->total);
    cJSON_AddStringToObject(object, "variants", r->variants);
    cJSON_AddStringToObject(object, "worst", r->worst);
    cJSON_AddStringToObject(object, "worst_data", lw_fill_name(r->worst_kind));
    cJSON_AddStringToObject(object, "worst_variant", r->worst_variant);
    cJSON *data = cJSON_AddObjectToObject(object, "err_over_bound_by_data");
    for (int k = 0; k < LW_FILL_COUNT; k++)
        if (r->kinds >> k & 1) cli_json_number(data, lw_fill_name((enum lw_fill)k), r->kind_error[k]);
    if (r->outcome == CHECK_FAILED) {
        char repeat[512];
        format_repeat(report, r, repeat, sizeof repeat);
        cJSON_AddStringToObject(object, "repeat", repeat);
    }
    return object;
}

static void json_reasons(cJSON *root, const char *key, const struct check_reason *reasons, size_t count) {
    cJSON *array = cJSON_AddArrayToObject(root, key);
    for (size_t i = 0; i < count; i++) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "reason", reasons[i].text);
        cJSON_AddNumberToObject(object, "count", (double)reasons[i].count);
        cJSON_AddItemToArray(array, object);
    }
}

static cJSON *json_isas(const struct check_report *report) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < report->isa_count; i++) {
        const struct check_isa *isa = &report->isas[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "isa", isa->info.name);
        cJSON_AddBoolToObject(object, "usable", isa->info.usable);
        cJSON_AddStringToObject(object, "reason", isa->info.usable ? "" : isa->info.reason);
        cJSON_AddBoolToObject(object, "expected", isa->expected);
        cJSON_AddNumberToObject(object, "kernels", (double)isa->rows);
        cJSON_AddNumberToObject(object, "checked", (double)isa->checked);
        cJSON_AddItemToArray(array, object);
    }
    return array;
}

static int json_end(const struct check_report *report, int status) {
    cJSON *root = cJSON_CreateObject();
    cJSON *results = cJSON_AddArrayToObject(root, "results");
    cJSON *skips = cJSON_CreateArray(); /* problems out of scope; a row's refusals are in skip_reasons */
    for (size_t i = 0; i < report->count; i++) {
        const struct check_result *r = &report->results[i];
        if (r->outcome != CHECK_SKIPPED) {
            cJSON_AddItemToArray(results, json_result(report, r));
        } else if (!*r->kernel) {
            cJSON *object = cJSON_CreateObject();
            cJSON_AddStringToObject(object, "problem", r->problem);
            cJSON_AddStringToObject(object, "reason", r->reason);
            cJSON_AddItemToArray(skips, object);
        }
    }
    cJSON_AddNumberToObject(root, "checked", (double)report->checked);
    cJSON_AddNumberToObject(root, "skipped", (double)report->skipped);
    cJSON_AddNumberToObject(root, "failed", (double)report->failed);
    cJSON_AddNumberToObject(root, "kernels", (double)report->kernels);
    cJSON_AddNumberToObject(root, "kernels_not_run", (double)report->not_run);
    json_reasons(root, "not_run_reasons", report->not_run_reasons, report->not_run_reason_count);
    json_reasons(root, "skip_reasons", report->reasons, report->reason_count);
    cJSON_AddItemToObject(root, "skipped_problems", skips);
    cJSON_AddItemToObject(root, "isas", json_isas(report));
    cJSON_AddNumberToObject(root, "option_lines_ignored", (double)report->option_lines);
    char seed[24];
    snprintf(seed, sizeof seed, "%" PRIu64, report->settings.seed); /* a double holds 53 bits only */
    cJSON_AddStringToObject(root, "seed", seed);
    cli_json_number(root, "seconds", report->seconds);
    return cli_json_print(root, status);
}

/* ---- the formats --------------------------------------------------------------------------------------- */

static const char *const format_names[CHECK_FORMAT_COUNT] = {"text", "tap", "junit", "json"};

bool check_find_format(const char *name, enum check_format *format) {
    for (int i = 0; i < CHECK_FORMAT_COUNT; i++) {
        *format = (enum check_format)i;
        if (strcmp(name, format_names[i]) == 0) return true;
    }
    return false;
}

struct check_isa *check_find_isa(struct check_report *report, const char *name) {
    if (!report->isa_count) {
        size_t n = 0;
        while (n < CHECK_MAX_ISAS && lw_isa_get(n, &report->isas[n].info) == LW_OK)
            n++;
        report->isa_count = n;
    }
    for (size_t i = 0; i < report->isa_count; i++)
        if (strcmp(report->isas[i].info.name, name) == 0) return &report->isas[i];
    return NULL;
}

void check_row(struct check_report *report, const lw_kernel_info *row) {
    struct check_isa *isa = check_find_isa(report, row->isa);
    if (isa) isa->rows++;
    report->kernels++;
    if (row->usable) return;
    report->not_run++;
    tally(&report->not_run_reasons, &report->not_run_reason_count, row->reason);
}

void check_begin(struct check_report *report) {
    report->seconds = -cli_seconds();
    if (report->format == CHECK_TAP) printf("TAP version 13\n");
}

void check_add(struct check_report *report, const struct check_result *result) {
    if (report->format == CHECK_JUNIT || report->format == CHECK_JSON) {
        report->results = grow(report->results, report->count, sizeof *report->results);
        report->results[report->count] = *result;
    }
    report->count++;
    report->checked += result->outcome != CHECK_SKIPPED;
    report->failed += result->outcome == CHECK_FAILED;
    report->skipped += result->outcome == CHECK_SKIPPED;
    struct check_isa *isa = check_find_isa(report, result->isa);
    if (isa && result->outcome != CHECK_SKIPPED) isa->checked++;
    if (result->outcome == CHECK_SKIPPED) tally(&report->reasons, &report->reason_count, result->reason);
    cli_progress_clear();
    if (report->format == CHECK_TEXT) text_result(report, result);
    if (report->format == CHECK_TAP) tap_result(report, result);
}

int check_end(struct check_report *report, int status) {
    report->seconds += cli_seconds();
    cli_progress_clear();
    switch (report->format) {
    case CHECK_TEXT:
        text_end(report);
        break;
    case CHECK_TAP:
        tap_end(report);
        break;
    case CHECK_JUNIT:
        junit_end(report);
        break;
    default:
        return json_end(report, status);
    }
    return status;
}

void check_free(struct check_report *report) {
    free(report->results);
    free(report->reasons);
    free(report->not_run_reasons);
}
