/* One benchmark of the matrix: set up, checked against the reference, timed. */
#ifndef LW_BENCH_MEASURE_H
#define LW_BENCH_MEASURE_H

#include "gbench_c.h"
#include "roof.h"
#include "subject.h"

/* What the benchmarks of one run share. One set of data and one subject are alive at a time: the matrix would
 * not fit into memory at once. */
struct bench_session {
    struct bench_cases *cases;
    size_t passes, started;         /* for the progress line */
    double deadline;                /* cli_seconds() after which nothing more is started; 0: none */
    bool reproducible;              /* plans are */
    size_t wrong, impossible, late; /* benchmarks: wrong results, no memory or threads, past the deadline */
    struct bench_limits limits;     /* the bandwidths of this run */

    struct bench_data data;
    struct bench_subject subject;
    const struct bench_case *set_up; /* whose subject this is, or failed to be */
    char failure[BENCH_WHY];         /* of the set-up; "" when it is good */
    void *sweep; /* what goes through the caches before a cold execution; NULL: none yet */
};

/* The benchmark: an lw_gbench_fn whose arg is the struct bench_case. Its time is split into up to
 * LW_SAMPLES_MOST samples; gflops, peak_pct and bytes_per_second are of their median.
 * docs/reading-the-results.md has the counters. Theirs is real time. */
void bench_measure(lw_gbench_state *state, void *arg);

void bench_session_free(struct bench_session *session);

#endif
