#include "ratio.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* Shorter executions are preceded by one that isn't timed. */
#define COLD_SECONDS 2e-3

/* On several threads a side needs this long until it runs as it does by itself: the other's threads may go on
 * spinning for some milliseconds (OpenMP's do), and the system has to find a core for each that wakes up. */
#define THREADS_WARM_SECONDS 20e-3

struct bench_sampling bench_peer_sampling(int threads) {
    return (struct bench_sampling){.sample_seconds = threads > 1 ? 3e-3 : 1e-3,
                                   .seconds = threads > 1 ? 0.5 : 0.15,
                                   .least = 5,
                                   .most = 51,
                                   .real_time = threads > 1,
                                   .warm_seconds = threads > 1 ? THREADS_WARM_SECONDS : 0};
}

double bench_clock(bool real_time) {
    struct timespec t;
    clock_gettime(real_time ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, int count, double q) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[(int)(q * (count - 1) + 0.5)];
}

static double sample(const struct bench_side *side, int64_t executions, bool real_time) {
    double start = bench_clock(real_time);
    for (int64_t i = 0; i < executions; i++)
        side->run(side->arg);
    return (bench_clock(real_time) - start) / (double)executions;
}

static int64_t executions_of(double seconds, const struct bench_sampling *s) {
    return (int64_t)(s->sample_seconds / fmax(seconds, 50e-9)) + 1;
}

static void warm_up(const struct bench_side *side, double seconds, const struct bench_sampling *s) {
    double start = bench_clock(true);
    if (seconds < COLD_SECONDS) side->run(side->arg);
    while (bench_clock(true) - start < s->warm_seconds)
        side->run(side->arg);
}

double bench_time_side(const struct bench_side *side, const struct bench_sampling *s) {
    double first = sample(side, 1, s->real_time), values[3];
    int64_t executions = executions_of(first, s);
    int count = 0;
    if (first > s->seconds) return first;
    warm_up(side, first, s);
    for (double start = bench_clock(true); count < 3 && (!count || bench_clock(true) - start < s->seconds);)
        values[count++] = sample(side, executions, s->real_time);
    return quantile(values, count, 0.5);
}

struct bench_ratio bench_time_pair(const struct bench_side *a, const struct bench_side *b, double b_seconds,
                                   const struct bench_sampling *s) {
    double as[BENCH_PAIRS], bs[BENCH_PAIRS], ratios[BENCH_PAIRS], start = bench_clock(true);
    int64_t executions = executions_of(b_seconds, s);
    int count = 0;
    while (count < s->most && (count < s->least || bench_clock(true) - start < s->seconds)) {
        warm_up(a, b_seconds, s);
        as[count] = sample(a, executions, s->real_time);
        warm_up(b, b_seconds, s);
        bs[count] = sample(b, executions, s->real_time);
        ratios[count] = as[count] / bs[count];
        if (as[count++] * (double)executions > s->seconds) break;
    }
    struct bench_ratio r = {.pairs = count};
    r.ratio = quantile(ratios, count, 0.5);
    r.low = quantile(ratios, count, 0.25);
    r.high = quantile(ratios, count, 0.75);
    r.a_seconds = quantile(as, count, 0.5);
    r.b_seconds = quantile(bs, count, 0.5);
    return r;
}
