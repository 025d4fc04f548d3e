#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "dispatch/race.h"

/* A row this much slower than the leader, for all that is known, ties with it. Where samples scatter so that
 * more can't be told apart, the medians still may be no further than `tie_ratio`. */
static const double tie_low = 1.01, tie_ratio = 1.02;
static const double hopeless = 2.0; /* times the best: not sampled again */
static const double warm_ns = 2e6;  /* a longer execution warms its own caches */

enum { FIRST_STAGE = 6, RESAMPLES = 200 };

struct race {
    struct lw_racer *racers;
    size_t count;
    const struct lw_race_rules *rules;
    double start;
    uint64_t random;
};

static double clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static bool stopped(const struct race *r) { return r->rules->stop && *r->rules->stop; }

/* ---- samples ------------------------------------------------------------------------------------------- */

static double time_of(const struct race *r, struct lw_racer *racer, int64_t repeats) {
    clockid_t clock = r->rules->cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    double start = clock_ns(clock);
    for (int64_t i = 0; i < repeats; i++)
        racer->run(racer->arg);
    return fmax(clock_ns(clock) - start, 1.0) / (double)repeats;
}

/* Others' data have been through the caches since: what is short is run once before. */
static double warm_sample(const struct race *r, struct lw_racer *racer) {
    if (racer->ns < warm_ns) racer->run(racer->arg);
    return time_of(r, racer, racer->repeats);
}

static void calibrate(const struct race *r, struct lw_racer *racer) {
    const double sample = r->rules->sample_ns;
    racer->repeats = 1;
    racer->samples = 0;
    racer->out = racer->tied = false;
    racer->cold_ns = 0;
    racer->ns = time_of(r, racer, 1);
    for (int i = 0; i < 2 && racer->ns < sample; i++) { /* the clock's own time counts in the first */
        racer->repeats = (int64_t)(sample / fmax(racer->ns, 2.0)) + 1;
        racer->ns = time_of(r, racer, racer->repeats);
    }
}

/* ---- statistics ---------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static unsigned draw(struct race *r, int below) { /* xorshift64*: the same numbers in every race */
    r->random ^= r->random >> 12;
    r->random ^= r->random << 25;
    r->random ^= r->random >> 27;
    return (unsigned)((r->random * UINT64_C(0x2545F4914F6CDD1D) >> 32) * (uint64_t)below >> 32);
}

/* The median and the bootstrap's 2.5% and 97.5% quantiles of it. */
static void interval(struct race *r, const double *values, int count, double *mid, double *low,
                     double *high) {
    double medians[RESAMPLES], sample[LW_RACE_MOST];
    memcpy(sample, values, (size_t)count * sizeof *sample);
    *mid = median(sample, count);
    for (int k = 0; k < RESAMPLES; k++) {
        for (int i = 0; i < count; i++)
            sample[i] = values[draw(r, count)];
        medians[k] = median(sample, count);
    }
    qsort(medians, RESAMPLES, sizeof *medians, by_value);
    *low = medians[RESAMPLES / 40];
    *high = medians[RESAMPLES - 1 - RESAMPLES / 40];
}

/* Every racer has all the rounds up to its last one. */
static void compare(struct race *r, struct lw_racer *racer, const struct lw_racer *leader) {
    double ratios[LW_RACE_MOST];
    for (int i = 0; i < racer->samples; i++)
        ratios[i] = racer->times[i] / leader->times[i];
    interval(r, ratios, racer->samples, &racer->ratio, &racer->ratio_low, &racer->ratio_high);
}

static struct lw_racer *find_leader(struct race *r) {
    struct lw_racer *leader = NULL;
    for (size_t i = 0; i < r->count; i++) {
        struct lw_racer *racer = &r->racers[i];
        if (racer->out) continue;
        double sorted[LW_RACE_MOST];
        memcpy(sorted, racer->times, (size_t)racer->samples * sizeof *sorted);
        racer->ns = median(sorted, racer->samples);
        if (!leader || racer->ns < leader->ns) leader = racer;
    }
    return leader;
}

/* ---- stages -------------------------------------------------------------------------------------------- */

/* By the better of two times: the calibration's and the first sample. */
static void drop_hopeless(struct race *r) {
    double best = INFINITY;
    for (size_t i = 0; i < r->count; i++)
        best = fmin(best, fmin(r->racers[i].ns, r->racers[i].times[0]));
    for (size_t i = 0; i < r->count; i++)
        r->racers[i].out = fmin(r->racers[i].ns, r->racers[i].times[0]) > hopeless * best;
}

static size_t drop_slower(struct race *r) {
    struct lw_racer *leader = find_leader(r);
    size_t left = 1;
    for (size_t i = 0; i < r->count; i++) {
        struct lw_racer *racer = &r->racers[i];
        if (racer->out || racer == leader) continue;
        compare(r, racer, leader);
        racer->out = racer->ratio_low > tie_low;
        left += !racer->out;
    }
    return left;
}

/* One sample of each; they take turns in being first. */
static void run_round(struct race *r, int round) {
    for (size_t k = 0; k < r->count && !stopped(r); k++) {
        struct lw_racer *racer = &r->racers[(k + (size_t)round) % r->count];
        if (racer->out) continue;
        racer->times[round] = warm_sample(r, racer);
        racer->samples = round + 1;
    }
}

static void run_stages(struct race *r) {
    int round = 0, most = r->rules->most < LW_RACE_MOST ? r->rules->most : LW_RACE_MOST;
    size_t left = r->count;
    bool late = false;
    for (int stage = FIRST_STAGE; round < most && left > 1 && !late; stage *= 2) {
        for (; round < stage && round < most && !late; round++) {
            run_round(r, round);
            if (stopped(r)) return;
            if (round == 0 && !r->rules->keep) drop_hopeless(r);
            late = round + 1 >= FIRST_STAGE && clock_ns(CLOCK_MONOTONIC) - r->start > r->rules->budget_ns;
        }
        if (!r->rules->keep) left = drop_slower(r);
    }
    for (; left == 1 && round < FIRST_STAGE && round < most && !stopped(r); round++)
        run_round(r, round); /* a lone racer's own time */
}

static bool run_cold(struct race *r) {
    const struct lw_race_rules *rules = r->rules;
    if (!rules->cold || !rules->cold_bytes) return true;
    char *other = malloc(rules->cold_bytes);
    if (!other) return false;
    for (int k = 0; k < rules->cold; k++)
        for (size_t i = 0; i < r->count && !stopped(r); i++) {
            struct lw_racer *racer = &r->racers[i];
            if (racer->out) continue;
            memset(other, k + (int)i, rules->cold_bytes);
            __asm__ volatile("" : : "r"(other) : "memory"); /* it is written, whoever reads it */
            double ns = time_of(r, racer, 1);
            racer->cold_ns = racer->cold_ns > 0 ? fmin(racer->cold_ns, ns) : ns;
        }
    free(other);
    return true;
}

/* ---- the result ---------------------------------------------------------------------------------------- */

static void judge(struct race *r) {
    const struct lw_racer *leader = find_leader(r);
    for (size_t i = 0; i < r->count; i++) {
        struct lw_racer *racer = &r->racers[i];
        compare(r, racer, leader);
        interval(r, racer->times, racer->samples, &racer->ns, &racer->ns_low, &racer->ns_high);
        racer->tied = !racer->out && racer->ratio_low <= tie_low && racer->ratio <= tie_ratio;
    }
}

static bool is_before(const struct lw_racer *racers, size_t i, size_t j) {
    const struct lw_racer *a = &racers[i], *b = &racers[j];
    if (a->tied != b->tied) return a->tied;
    if (!a->tied && a->ratio != b->ratio) return a->ratio < b->ratio;
    if (a->memory != b->memory) return a->memory < b->memory;
    if (a->error != b->error) return a->error < b->error;
    return i < j;
}

static void rank(const struct race *r, size_t *order) {
    for (size_t i = 0; i < r->count; i++) {
        size_t at = i;
        for (; at > 0 && is_before(r->racers, i, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

bool lw_race(struct lw_racer *racers, size_t count, const struct lw_race_rules *rules, size_t *order) {
    struct race r = {racers, count, rules, clock_ns(CLOCK_MONOTONIC), UINT64_C(0x9E3779B97F4A7C15)};
    if (!count) return true;
    for (size_t i = 0; i < count && !stopped(&r); i++)
        calibrate(&r, &racers[i]);
    if (!stopped(&r)) run_stages(&r);
    if (stopped(&r) || !run_cold(&r)) return false;
    judge(&r);
    rank(&r, order);
    return !stopped(&r);
}
