/* Two things timed in turn, in short samples: what disturbs the machine disturbs both alike. */
#ifndef LW_BENCH_RATIO_H
#define LW_BENCH_RATIO_H

#include <stdbool.h>

#include "dispatch/race.h"

struct bench_side {
    void (*run)(void *arg); /* one execution */
    void *arg;
};

struct bench_sampling {
    double sample_seconds; /* executions are repeated until a sample takes about this long */
    double seconds;        /* of all samples together, beyond the least number of pairs */
    int least, most;       /* pairs; most: up to BENCH_PAIRS */
    bool real_time;        /* else the thread's CPU time */
    double warm_seconds;   /* executions that aren't timed before each sample, for so long; at least one where
                              an execution is short, as the other side has had the caches */
};

enum { BENCH_PAIRS = LW_RACE_MOST };

struct bench_ratio {
    double ratio, low, high; /* time of a over that of b: median of the pairs' ratios, and its 95% interval */
    double a_seconds, b_seconds; /* medians, of one execution */
    int pairs;
};

/* How we are timed beside another library. */
struct bench_sampling bench_peer_sampling(int threads);

/* The clock of the figures: the thread's CPU time, or real time. */
double bench_clock(bool real_time);

/* Time of one execution, the median of a few samples after one to warm up. */
double bench_time_side(const struct bench_side *side, const struct bench_sampling *sampling);

/* b_seconds: of one execution of b, as far as known. Where both of the first two samples of a take longer
 * than all should, there are no more. */
struct bench_ratio bench_time_pair(const struct bench_side *a, const struct bench_side *b, double b_seconds,
                                   const struct bench_sampling *sampling);

#endif
