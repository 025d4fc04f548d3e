#include "run.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "text.h"

const char *const report_counter_names[REPORT_COUNTER_COUNT] = {
#define X(name) #name,
    REPORT_COUNTERS(X)
#undef X
};

/* Counters that say "not measured" by 0. */
static bool zero_is_absent(enum report_counter c) {
    switch (c) {
    case REPORT_err_over_bound:
    case REPORT_rel_l2:
    case REPORT_roof_level:
    case REPORT_workspace_bytes:
    case REPORT_packed_bytes:
        return false;
    default:
        return true;
    }
}

const char *report_text(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

double report_number(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? text_round(item->valuedouble) : NAN;
}

const char *report_context(const struct report_run *run, const char *key) {
    return results_context(&run->matrix, key, "");
}

double report_context_number(const struct report_run *run, const char *key) {
    return results_context_number(&run->matrix, key, NAN);
}

const char *report_cpu(const struct report_run *run) {
    const char *model = report_context(run, "cpu_model");
    return *model ? model : run->name;
}

double report_best_isa(const struct report_run *run, char isa[REPORT_ISA]) {
    const cJSON *context = run->matrix.context, *item;
    double best = 0;
    *isa = '\0';
    cJSON_ArrayForEach(item, context) {
        const double peak = report_context_number(run, item->string);
        char name[REPORT_ISA];
        int threads = 0;
        if (sscanf(item->string, "peak_gflops_%31[^_]_threads_%d", name, &threads) != 2) continue;
        if (threads != 1 || !(peak > best)) continue;
        best = peak;
        snprintf(isa, REPORT_ISA, "%s", name);
    }
    return best;
}

/* ---- files --------------------------------------------------------------------------------------------- */

static char *read_all(const char *path) {
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = NULL;
    if (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode))
        errno = EISDIR;
    else if ((text = malloc((size_t)info.st_size + 1))) {
        size_t length = fread(text, 1, (size_t)info.st_size, file);
        text[length] = '\0';
    }
    fclose(file);
    return text;
}

/* *root stays NULL where there is no such file. */
static int read_json(const char *path, cJSON **root) {
    char *text = read_all(path);
    if (!text && errno == ENOENT) return CLI_GO;
    if (!text) return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
    const char *end = NULL;
    *root = cJSON_ParseWithOpts(text, &end, true);
    int line = 1;
    for (const char *s = text; !*root && end && s < end; s++)
        line += *s == '\n';
    free(text);
    if (!*root) return cli_fail(LW_EXIT_USAGE, "%s: line %d: not JSON, or cut short", path, line);
    if (cJSON_IsObject(*root)) return CLI_GO;
    return cli_fail(LW_EXIT_USAGE, "%s: not an object", path);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* conv_direct_avx2_t6x2: the last word before the tile. */
static void isa_of(const char *kernel, char isa[16]) {
    size_t length = strlen(kernel), a, b;
    const char *tile = strrchr(kernel, '_');
    char rest;
    if (tile && sscanf(tile, "_t%zux%zu%c", &a, &b, &rest) == 2) length = (size_t)(tile - kernel);
    size_t start = length;
    while (start > 0 && kernel[start - 1] != '_')
        start--;
    snprintf(isa, 16, "%.*s", (int)(length - start < 15 ? length - start : 15), kernel + start);
}

static void read_label(const char *label, struct report_row *row) {
    size_t length = strcspn(label, " ");
    if (length >= sizeof row->layout) length = sizeof row->layout - 1;
    snprintf(row->layout, sizeof row->layout, "%.*s", (int)length, label);
    row->detail = label + length + strspn(label + length, " ");
}

static void read_figures(const struct results_row *from, struct report_row *row) {
    row->us = text_round(1e-3 * results_ns(from));
    for (int c = 0; c < REPORT_COUNTER_COUNT; c++) {
        row->value[c] = text_round(results_value(from, report_counter_names[c], NAN));
        if (row->value[c] == 0 && zero_is_absent((enum report_counter)c)) row->value[c] = NAN;
    }
    row->us_low = text_round(1e-3 * row->value[REPORT_time_low_ns]);
    row->us_high = text_round(1e-3 * row->value[REPORT_time_high_ns]);
}

static int read_rows(struct report_run *run) {
    run->rows = calloc(run->matrix.count + 1, sizeof *run->rows);
    if (!run->rows) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    for (const struct results_row *from = run->matrix.rows; from < run->matrix.rows + run->matrix.count;
         from++) {
        if (!from->pass_count) continue;
        struct report_row *row = &run->rows[run->row_count++];
        *row = (struct report_row){.op = from->op,
                                   .problem = from->problem,
                                   .kernel = from->kernel,
                                   .threads = from->threads,
                                   .peer = strchr(from->kernel, ':') != NULL,
                                   .extra_layout = *from->layout != '\0'};
        if (!row->peer) isa_of(row->kernel, row->isa);
        read_label(from->label, row);
        read_figures(from, row);
    }
    return CLI_GO;
}

static int read_versus(struct report_run *run, const char *path) {
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(run->versus_json, "comparisons"), *c;
    if (!run->versus_json)
        return report_derive_versus(run) ? CLI_GO : cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    if (!cJSON_IsArray(all)) return cli_fail(LW_EXIT_USAGE, "%s: no comparisons in it", path);
    run->versus = calloc((size_t)cJSON_GetArraySize(all) + 1, sizeof *run->versus);
    if (!run->versus) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    cJSON_ArrayForEach(c, all) {
        struct report_versus *v = &run->versus[run->versus_count];
        *v = (struct report_versus){.op = report_text(c, "op"),
                                    .problem = report_text(c, "problem"),
                                    .layout = report_text(c, "layout"),
                                    .ours = report_text(c, "ours"),
                                    .peer = report_text(c, "peer"),
                                    .ours_us = report_number(c, "ours_us"),
                                    .peer_us = report_number(c, "peer_us"),
                                    .ratio = report_number(c, "ratio"),
                                    .low = report_number(c, "ratio_low"),
                                    .high = report_number(c, "ratio_high"),
                                    .peak_pct = report_number(c, "peak_pct")};
        double threads = report_number(c, "threads");
        if (!(v->ratio > 0) || !(threads >= 1 && threads <= CLI_MAX_THREADS) || !*v->problem)
            return cli_fail(LW_EXIT_USAGE, "%s: comparison %zu has no problem, threads or ratio", path,
                            run->versus_count + 1);
        v->threads = (int)threads;
        run->versus_count++;
    }
    return CLI_GO;
}

/* ---- runs ---------------------------------------------------------------------------------------------- */

static char *join(const char *folder, const char *name) {
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path) snprintf(path, size, "%s/%s", folder, name);
    return path;
}

/* "results/amd-epyc-25-1/": "amd-epyc-25-1". */
static char *last_part(const char *path) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return strndup(path + start, end - start);
}

/* Whose machine it was is nobody's business. */
static void drop_private(struct report_run *run) {
    cJSON *context = cJSON_GetObjectItemCaseSensitive(run->matrix.root, "context");
    cJSON_DeleteItemFromObjectCaseSensitive(context, "host_name");
    cJSON_DeleteItemFromObjectCaseSensitive(context, "executable");
}

int report_run_read(struct report_run *run, const char *path) {
    struct stat info;
    *run = (struct report_run){.path = strdup(path), .name = last_part(path)};
    run->folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    char *versus = join(path, "versus.json"), *mnist = join(path, "mnist.json");
    bool memory = run->path && run->name && versus && mnist;
    int status = memory ? results_read(&run->matrix, path) : cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    if (status == CLI_GO) drop_private(run);
    if (status == CLI_GO) status = read_rows(run);
    if (status == CLI_GO && run->folder) status = read_json(versus, &run->versus_json);
    if (status == CLI_GO) status = read_versus(run, versus);
    if (status == CLI_GO && run->folder) status = read_json(mnist, &run->mnist);
    if (status == CLI_GO && run->mnist && !(report_number(run->mnist, "us_per_image") > 0))
        status = cli_fail(LW_EXIT_USAGE, "%s: not the output of lanewise mnist --json", mnist);
    free(versus);
    free(mnist);
    return status;
}

void report_run_free(struct report_run *run) {
    free(run->rows);
    free(run->versus);
    free(run->path);
    free(run->name);
    results_free(&run->matrix);
    cJSON_Delete(run->versus_json);
    cJSON_Delete(run->mnist);
    *run = (struct report_run){0};
}

int report_least_threads(const struct report_run *run) {
    int least = 0;
    for (size_t i = 0; i < run->row_count; i++)
        if (!least || run->rows[i].threads < least) least = run->rows[i].threads;
    return least ? least : 1;
}

double report_batch(const struct report_row *row) {
    if (row->value[REPORT_batch] > 0) return row->value[REPORT_batch];
    const char *mb = strncmp(row->problem, "mb", 2) == 0 ? row->problem : strstr(row->problem, "_mb");
    mb = mb ? mb + strcspn(mb, "0123456789") : "";
    long batch = strtol(mb, NULL, 10);
    return batch > 0 ? (double)batch : 1;
}

const char *report_peer_name(const cJSON *peer) {
    const char *name = report_text(peer, "peer");
    return *name ? name : report_text(peer, "kernel");
}
