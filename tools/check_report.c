/* How `lanewise check` tells what it found: text and TAP line by line, JUnit and JSON at the end. */
#include "check.h"

#include <inttypes.h>
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
    snprintf(text, size, "lanewise check --op %s --kernel %s --seed %" PRIu64 " %s", lw_op_name(r->op),
             r->kernel, report->seed, r->problem);
}

static const char *short_problem(const struct check_result *r) { return *r->name ? r->name : r->problem; }

/* ---- text ---------------------------------------------------------------------------------------------- */

static void text_result(const struct check_report *report, const struct check_result *r) {
    if (r->outcome ==
        CHECK_SKIPPED) { /* a row that refuses a problem is tallied; a problem out of scope is named */
        if (!*r->kernel) printf("skip  %s: %s\n", r->problem, r->reason);
        return;
    }
    printf("%-5s %-38s %-44s %8.4f of bound  rel.L2 %.2e  %" PRId64, r->outcome == CHECK_OK ? "ok" : "FAIL",
           r->kernel, short_problem(r), r->err_over_bound, r->rel_l2, r->compared);
    if (r->compared < r->total) printf(" of %" PRId64, r->total);
    printf(" outputs\n");
    if (r->outcome != CHECK_FAILED) return;
    char repeat[512];
    format_repeat(report, r, repeat, sizeof repeat);
    printf("      %s\n      repeat: %s\n", r->worst, repeat);
}

static void text_end(const struct check_report *report) {
    printf("\n%zu checked, %zu failed, %zu skipped in %.1f s; %zu of %zu kernels not run here\n",
           report->checked, report->failed, report->skipped, report->seconds, report->not_run,
           report->kernels);
    for (size_t i = 0; i < report->not_run_reason_count; i++)
        printf("  not run  %6zu  %s\n", report->not_run_reasons[i].count, report->not_run_reasons[i].text);
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
    if (r->outcome == CHECK_SKIPPED)
        printf(" # SKIP %s\n", r->reason);
    else
        printf("\n# %.4f of bound, rel.L2 %.2e, %" PRId64 " of %" PRId64 " outputs\n", r->err_over_bound,
               r->rel_l2, r->compared, r->total);
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
        printf("<failure message=\"%.4f of bound: ", r->err_over_bound);
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
        report->count, report->failed, report->skipped, report->seconds, report->seed, report->kernels,
        report->not_run);
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
    cJSON_AddNumberToObject(root, "option_lines_ignored", (double)report->option_lines);
    char seed[24];
    snprintf(seed, sizeof seed, "%" PRIu64, report->seed); /* a double holds 53 bits only */
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
    if (result->outcome == CHECK_SKIPPED) tally(&report->reasons, &report->reason_count, result->reason);
    cli_progress_clear();
    if (report->format == CHECK_TEXT) text_result(report, result);
    if (report->format == CHECK_TAP) tap_result(report, result);
}

void check_not_run(struct check_report *report, const lw_kernel_info *row) {
    report->not_run++;
    tally(&report->not_run_reasons, &report->not_run_reason_count, row->reason);
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
