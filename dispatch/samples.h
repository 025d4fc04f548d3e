/* Samples of times: the clocks they are taken with, and what they say. Races, `lanewise bench` and `compare`
 * have this in common. */
#ifndef LW_SAMPLES_H
#define LW_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LW_SAMPLES_MOST = 64 };

/* Nanoseconds from some start: of this thread's CPU time, or real time. */
double lw_clock_ns(bool cpu_time);

/* Fills the caches with something else. other: a buffer of so many bytes, at least as many as they hold. */
void lw_sweep_caches(void *other, size_t bytes);

/* Runs `sample` with the stack at another line of its page in each turn. A store holds up loads of the same
 * place in any page, so where the stack begins is worth up to a tenth: the system draws that lot once for a
 * process. */
void lw_sample_anywhere(void (*sample)(void *arg), void *arg, size_t turn);

/* Sorts the values; count > 0. */
double lw_median(double *values, int count);

struct lw_interval {
    double mid, low, high; /* the median of the values; 95% interval of it */
};

/* By the percentile bootstrap, with numbers that are the same in every run: `random` starts as
 * LW_SAMPLES_SEED and is advanced. count: 1 to LW_SAMPLES_MOST. Of one or two values the interval says
 * little. */
#define LW_SAMPLES_SEED UINT64_C(0x9E3779B97F4A7C15)
struct lw_interval lw_bootstrap(const double *values, int count, uint64_t *random);

/* Of the ratios a[i] / b[i]: what was measured in turn shares the machine's mood. */
struct lw_interval lw_bootstrap_ratio(const double *a, const double *b, int count, uint64_t *random);

#endif
