#define _POSIX_C_SOURCE 200809L
#include "dispatch/samples.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RESAMPLES = 200 };

double lw_clock_ns(bool cpu_time) {
    struct timespec t;
    clock_gettime(cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

enum { LINE = 64, PAGE_LINES = 64, STEP = 13 }; /* no factor in common: every line of a page has its turn */

void lw_sample_anywhere(void (*sample)(void *arg), void *arg, size_t turn) {
    char lower[1 + turn * STEP % PAGE_LINES * LINE];
    __asm__ volatile("" : : "r"(lower) : "memory"); /* else it wouldn't be there */
    sample(arg);
}

void lw_sweep_caches(void *other, size_t bytes) {
    memset(other, 1, bytes);
    __asm__ volatile("" : : "r"(other) : "memory"); /* it is written, whoever reads it */
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double lw_median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static unsigned draw(uint64_t *random, int below) { /* xorshift64* */
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    return (unsigned)((*random * UINT64_C(0x2545F4914F6CDD1D) >> 32) * (uint64_t)below >> 32);
}

struct lw_interval lw_bootstrap(const double *values, int count, uint64_t *random) {
    double medians[RESAMPLES], sample[LW_SAMPLES_MOST];
    struct lw_interval r;
    memcpy(sample, values, (size_t)count * sizeof *sample);
    r.mid = lw_median(sample, count);
    for (int k = 0; k < RESAMPLES; k++) {
        for (int i = 0; i < count; i++)
            sample[i] = values[draw(random, count)];
        medians[k] = lw_median(sample, count);
    }
    qsort(medians, RESAMPLES, sizeof *medians, by_value);
    r.low = medians[RESAMPLES / 40];
    r.high = medians[RESAMPLES - 1 - RESAMPLES / 40];
    return r;
}

struct lw_interval lw_bootstrap_ratio(const double *a, const double *b, int count, uint64_t *random) {
    double ratios[LW_SAMPLES_MOST];
    for (int i = 0; i < count; i++)
        ratios[i] = a[i] / b[i];
    return lw_bootstrap(ratios, count, random);
}
