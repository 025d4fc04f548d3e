/* Result files (matrix.json, as `lanewise bench` writes them): the one reader, for `compare` and for reports.
 * Keys it doesn't know are left alone; a file that is cut short, isn't JSON (NaN and Infinity aren't), lacks
 * what every one has, or says a newer format than this reader's is refused whole. */
#ifndef LW_RESULTS_READ_H
#define LW_RESULTS_READ_H

#include "cli.h"

/* Written as context.format "lanewise-results 1"; files without it are from before there was one. A change
 * that makes old readers wrong raises it; a new key doesn't. */
enum { RESULTS_FORMAT = 1 };

/* One benchmark. Its name is OP/PROBLEM/KERNEL/threads:N, or with /LAYOUT at the end where that isn't the
 * layout that the row likes best. */
struct results_row {
    char *name;
    char *op, *problem, *kernel, *layout; /* the name's parts; layout may be "" */
    int threads;
    const char *label; /* "blocked>blocked relu", or "" */
    const char *error; /* it failed, and why: no passes; NULL: it was measured */
    double last_index; /* the largest repetition index */
    size_t pass_count; /* `bench --repeat`: one a pass over the matrix, in their order; else 1 */
    const cJSON **passes;
};

struct results {
    char *path;
    cJSON *root; /* owns all text and numbers */
    const cJSON *context;
    size_t count;
    struct results_row *rows; /* in the file's order, each name once */
};

/* path: the file, or a folder that has a matrix.json. CLI_GO, or LW_EXIT_USAGE after one line on stderr; then
 * there is nothing to free. */
int results_read(struct results *results, const char *path);
/* The same, called `name` in messages and in results->path. */
int results_read_as(struct results *results, const char *path, const char *name);
/* The same of a text; path is for messages. */
int results_parse(struct results *results, const char *path, const char *text, size_t size);
void results_free(struct results *results);

/* A counter (or cpu_time, real_time ...) of one pass; absent: it has none, or it is no number. */
double results_pass_value(const struct results_row *row, size_t pass, const char *key, double absent);
/* The median over the passes that have it. */
double results_value(const struct results_row *row, const char *key, double absent);

/* Nanoseconds of one execution in one pass: the median of its samples, where the file has it; else Google
 * Benchmark's mean (CPU time on one thread, real time on several). */
double results_pass_ns(const struct results_row *row, size_t pass);
double results_ns(const struct results_row *row); /* the median over the passes */

/* A text of the context; absent: it isn't there. */
const char *results_context(const struct results *results, const char *key, const char *absent);
/* A context's text that is a number, such as "peak_gflops_avx2_threads_1". */
double results_context_number(const struct results *results, const char *key, double absent);

const struct results_row *results_find(const struct results *results, const char *name); /* NULL: none */

#endif
