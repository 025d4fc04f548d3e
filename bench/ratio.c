#include "ratio.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* Executions shorter than this are preceded by one that isn't timed: the other side has had the caches. */
#define COLD_SECONDS 2e-3

/* OpenMP's threads go on spinning for some milliseconds when there is no more work. */
#define REST_SECONDS 12e-3

struct bench_sampling bench_peer_sampling(int threads) {
    return (struct bench_sampling){.sample_seconds = 1e-3,
                                   .seconds = threads > 1 ? 0.4 : 0.15,
                                   .least = 5,
                                   .most = 51,
                                   .real_time = threads > 1,
                                   .rest_seconds = threads > 1 ? REST_SECONDS : 0};
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

double bench_time_side(const struct bench_side *side, const struct bench_sampling *s) {
    double first = sample(side, 1, s->real_time), values[3];
    int64_t executions = executions_of(first, s);
    int count = 0;
    if (first > s->seconds) return first;
    for (double start = bench_clock(true); count < 3 && (!count || bench_clock(true) - start < s->seconds);)
        values[count++] = sample(side, executions, s->real_time);
    return quantile(values, count, 0.5);
}

static void rest(double seconds) {
    if (seconds > 0) nanosleep(&(struct timespec){0, (long)(seconds * 1e9)}, NULL);
}

struct bench_ratio bench_time_pair(const struct bench_side *a, const struct bench_side *b, double b_seconds,
                                   const struct bench_sampling *s) {
    double as[BENCH_PAIRS], bs[BENCH_PAIRS], ratios[BENCH_PAIRS], start = bench_clock(true);
    int64_t executions = executions_of(b_seconds, s);
    bool warm = b_seconds < COLD_SECONDS;
    int count = 0;
    while (count < s->most && (count < s->least || bench_clock(true) - start < s->seconds)) {
        rest(s->rest_seconds);
        if (warm) a->run(a->arg);
        as[count] = sample(a, executions, s->real_time);
        if (warm) b->run(b->arg);
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
