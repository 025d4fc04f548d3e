/* Ours against the peers': on each problem, number of threads and layout the fastest row of each side, timed
 * in turn. */
#ifndef LW_BENCH_VERSUS_H
#define LW_BENCH_VERSUS_H

#include <stdio.h>

#include "measure.h"

struct bench_versus {
    const struct bench_case *ours, *peer;
    struct bench_ratio ratio; /* ours over peer */
    double peak_pct;          /* of ours */
};

struct bench_comparison {
    size_t count;
    struct bench_versus *items;
};

/* After the matrix: of what it has measured. Without it: all of the peers' rows are tried, and of ours those
 * that the cost model likes best. Each result is checked; the session counts what is wrong, impossible or
 * late. CLI_GO, or the exit status after one line. */
int bench_versus_run(struct bench_session *session, bool matrix, struct bench_comparison *comparison);
void bench_versus_free(struct bench_comparison *comparison);

/* {"comparisons": [...]}, for whoever calls to free; NULL: no memory. Times in us, ratios are ours over
 * theirs. */
char *bench_versus_json(const struct bench_comparison *comparison);
void bench_versus_print(FILE *out, const struct bench_comparison *comparison);

#endif
