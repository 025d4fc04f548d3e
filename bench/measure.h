/* One benchmark of the matrix: set up, checked against the reference, timed. */
#ifndef LW_BENCH_MEASURE_H
#define LW_BENCH_MEASURE_H

#include "gbench_c.h"
#include "subject.h"

/* What the benchmarks of one run share. One set of data and one subject are alive at a time: the matrix would
 * not fit into memory at once. */
struct bench_session {
    struct bench_cases *cases;
    size_t started;                 /* for the progress line */
    double deadline;                /* cli_seconds() after which nothing more is started; 0: none */
    bool reproducible;              /* plans are */
    size_t wrong, impossible, late; /* benchmarks: wrong results, no memory or threads, past the deadline */

    struct bench_data data;
    struct bench_subject subject;
    const struct bench_case *set_up;   /* whose subject this is, or failed to be */
    char failure[BENCH_WHY];           /* of the set-up; "" when it is good */
    double err_over_bound, seconds;    /* of the set-up: its check and one warm execution */
    double reproducible_x, denormal_x; /* of the set-up: see costs.h */
};

/* The benchmark: an lw_gbench_fn whose arg is the struct bench_case. Sets counters gflops, peak_pct,
 * bytes_per_second, err_over_bound, reproducible_x and denormal_x from the thread's CPU time, or from real
 * time where there are several threads. */
void bench_measure(lw_gbench_state *state, void *arg);

void bench_session_free(struct bench_session *session);

#endif
