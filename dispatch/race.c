#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dispatch/race.h"

/* A row this much slower than the leader, for all that is known, ties with it. Where samples scatter so that
 * more can't be told apart, the medians still may be no further than `tie_ratio`. */
static const double tie_low = 1.005, tie_ratio = 1.01;
static const double hopeless = 2.0;  /* times the best: not sampled again */
static const double first_ns = 50e6; /* the first executions touch new pages, for so long at most */
static const double warm_ns = 10e6;  /* a longer execution warms its own caches */
static const double long_ns = 2e6;   /* what interrupts such an execution is a small part of it */
static const double cpu_ns = 500e3; /* a part may be preempted from here on; reading a thread's CPU time takes
                                       up to 2 us, which would show in a shorter one */

enum {
    FIRST_STAGE = 6,
    PARTS = 5,
    PLACE_ROUNDS = 4 /* after so many, racers' memory moves: one that lies badly has few samples there */
};

struct race {
    struct lw_racer *racers;
    size_t count;
    const struct lw_race_rules *rules;
    double start;
    uint64_t random;
};

static bool stopped(const struct lw_race_rules *rules) { return rules->stop && *rules->stop; }

/* ---- samples ------------------------------------------------------------------------------------------- */

static double time_of(const struct lw_racer *racer, int64_t repeats, const struct lw_race_rules *rules) {
    const bool cpu_time = rules->cpu_time && racer->ns * (double)repeats >= cpu_ns;
    double start = lw_clock_ns(cpu_time);
    for (int64_t i = 0; i < repeats; i++)
        racer->run(racer->arg);
    return fmax(lw_clock_ns(cpu_time) - start, 1.0) / (double)repeats;
}

static int parts_of(double ns) { return (int)fmin(fmax(long_ns / ns, 1), PARTS); }

int64_t lw_race_repeats(double sample_ns, double ns) {
    return (int64_t)(sample_ns / PARTS / fmax(ns, 2.0)) + 1;
}

struct sample {
    const struct lw_racer *racer;
    const struct lw_race_rules *rules;
    double ns;
};

/* Others' data have been through the caches since: what is short is run once before. Of the parts the one
 * counts that took least, as a hypervisor or a device interrupts for some 50 us at any time. */
static void take_sample(void *arg) {
    struct sample *s = arg;
    const struct lw_racer *racer = s->racer;
    const struct lw_race_rules *rules = s->rules;
    double start = rules->warm_ns > 0 ? lw_clock_ns(false) : 0;
    if (racer->ns < warm_ns) racer->run(racer->arg);
    while (rules->warm_ns > 0 && lw_clock_ns(false) - start < rules->warm_ns)
        racer->run(racer->arg);
    s->ns = INFINITY;
    for (int part = parts_of(racer->ns * (double)racer->repeats); part > 0; part--)
        s->ns = fmin(s->ns, time_of(racer, racer->repeats, rules));
}

static void calibrate(const struct race *r, struct lw_racer *racer) {
    const double sample = r->rules->sample_ns;
    racer->repeats = 1;
    racer->samples = 0;
    racer->out = racer->tied = false;
    racer->cold_ns = 0;
    racer->ns = INFINITY;
    const double start = lw_clock_ns(false);
    for (int i = 0; i < 3 && lw_clock_ns(false) - start < first_ns; i++) /* cold at first, or interrupted */
        racer->ns = fmin(racer->ns, time_of(racer, 1, r->rules));
    for (int i = 0; i < 2 && racer->ns < sample; i++) { /* the clock's own time counts in the first */
        racer->repeats = lw_race_repeats(sample, racer->ns);
        racer->ns = time_of(racer, racer->repeats, r->rules);
    }
}

void lw_race_round(struct lw_racer *racers, size_t count, int round, const struct lw_race_rules *rules) {
    for (size_t k = 0; k < count && !stopped(rules); k++) {
        struct lw_racer *racer = &racers[(k + (size_t)round) % count];
        if (racer->out) continue;
        struct sample sample = {racer, rules, 0};
        lw_sample_anywhere(take_sample, &sample, (size_t)round);
        racer->times[round] = sample.ns;
        racer->samples = round + 1;
    }
}

/* ---- statistics ---------------------------------------------------------------------------------------- */

/* Every racer has all the rounds up to its last one. */
void lw_race_compare(struct lw_racer *racer, const struct lw_racer *leader, uint64_t *random) {
    struct lw_interval i = lw_bootstrap_ratio(racer->times, leader->times, racer->samples, random);
    racer->ratio = i.mid;
    racer->ratio_low = i.low;
    racer->ratio_high = i.high;
}

static struct lw_racer *find_leader(struct race *r) {
    struct lw_racer *leader = NULL;
    for (size_t i = 0; i < r->count; i++) {
        struct lw_racer *racer = &r->racers[i];
        if (racer->out) continue;
        double sorted[LW_RACE_MOST];
        memcpy(sorted, racer->times, (size_t)racer->samples * sizeof *sorted);
        racer->ns = lw_median(sorted, racer->samples);
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

/* How much slower for certain a row must be to leave after so many samples: what it loses in one place it may
 * win in the next. */
static double leaving(int samples) {
    return samples <= FIRST_STAGE ? 1.1 : samples <= 2 * FIRST_STAGE ? 1.05 : tie_low;
}

static size_t drop_slower(struct race *r) {
    struct lw_racer *leader = find_leader(r);
    size_t left = 1;
    for (size_t i = 0; i < r->count; i++) {
        struct lw_racer *racer = &r->racers[i];
        if (racer->out || racer == leader) continue;
        lw_race_compare(racer, leader, &r->random);
        racer->out = racer->ratio_low > leaving(racer->samples);
        left += !racer->out;
    }
    return left;
}

static void move_all(struct race *r) {
    for (size_t i = 0; i < r->count; i++)
        if (!r->racers[i].out && r->racers[i].move) r->racers[i].move(r->racers[i].arg);
}

static void run_stages(struct race *r) {
    int round = 0, most = r->rules->most < LW_RACE_MOST ? r->rules->most : LW_RACE_MOST;
    size_t left = r->count;
    bool late = false;
    for (int stage = FIRST_STAGE; round < most && left > 1 && !late; stage *= 2) {
        for (; round < stage && round < most && !late; round++) {
            if (round > 0 && round % PLACE_ROUNDS == 0) move_all(r);
            lw_race_round(r->racers, r->count, round, r->rules);
            if (stopped(r->rules)) return;
            if (round == 0 && !r->rules->keep) drop_hopeless(r);
            late = round + 1 >= FIRST_STAGE && lw_clock_ns(false) - r->start > r->rules->budget_ns;
        }
        if (!r->rules->keep) left = drop_slower(r);
    }
    for (; left == 1 && round < FIRST_STAGE && round < most && !stopped(r->rules); round++)
        lw_race_round(r->racers, r->count, round, r->rules); /* a lone racer's own time */
}

static bool run_cold(struct race *r) {
    const struct lw_race_rules *rules = r->rules;
    if (!rules->cold || !rules->cold_bytes) return true;
    char *other = malloc(rules->cold_bytes);
    if (!other) return false;
    for (int k = 0; k < rules->cold; k++)
        for (size_t i = 0; i < r->count && !stopped(r->rules); i++) {
            struct lw_racer *racer = &r->racers[i];
            if (racer->out) continue;
            lw_sweep_caches(other, rules->cold_bytes);
            double ns = time_of(racer, 1, r->rules);
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
        lw_race_compare(racer, leader, &r->random);
        struct lw_interval i = lw_bootstrap(racer->times, racer->samples, &r->random);
        racer->ns = i.mid;
        racer->ns_low = i.low;
        racer->ns_high = i.high;
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
    struct race r = {racers, count, rules, lw_clock_ns(false), LW_SAMPLES_SEED};
    if (!count) return true;
    for (size_t i = 0; i < count && !stopped(rules); i++)
        calibrate(&r, &racers[i]);
    if (!stopped(rules)) run_stages(&r);
    if (stopped(rules) || !run_cold(&r)) return false;
    judge(&r);
    rank(&r, order);
    return !stopped(rules);
}
