/* Races of code that takes a known time, by a clock of their own: what else the machine does can't decide
 * one. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include "dispatch/race.h"

TestSuite(race, .timeout = 60);

struct runner {
    double ns; /* how long an execution takes, give or take a two-hundredth */
    int runs;
};

static double now_ns;

/* The linker puts this in place of the library's. */
double __wrap_lw_clock_ns(bool cpu_time);
double __wrap_lw_clock_ns(bool cpu_time) {
    (void)cpu_time;
    return now_ns += 20;
}

static void run(void *arg) {
    static uint32_t random = 1;
    struct runner *r = arg;
    random = random * 1664525 + 1013904223;
    now_ns += r->ns * (0.995 + 0.01 * random / UINT32_MAX);
    r->runs++;
}

static const struct lw_race_rules rules = {.sample_ns = 50e3, .budget_ns = 2e9, .most = 24, .cpu_time = true};

static void make(struct lw_racer *racers, struct runner *runners, const double *ns, size_t count) {
    for (size_t i = 0; i < count; i++) {
        runners[i] = (struct runner){ns[i], 0};
        racers[i] = (struct lw_racer){.run = run, .arg = &runners[i]};
    }
}

Test(race, ranks_by_time) {
    static const double ns[] = {60e3, 40e3, 50e3, 300e3};
    struct lw_racer racers[4];
    struct runner runners[4];
    size_t order[4];
    make(racers, runners, ns, 4);
    cr_assert(lw_race(racers, 4, &rules, order));
    cr_expect(order[0] == 1 && order[1] == 2 && order[2] == 0 && order[3] == 3, "%zu %zu %zu %zu", order[0],
              order[1], order[2], order[3]);
    for (size_t i = 0; i < 4; i++) {
        const struct lw_racer *r = &racers[i];
        cr_expect(r->ns_low <= r->ns && r->ns <= r->ns_high);
        cr_expect(r->ratio_low <= r->ratio && r->ratio <= r->ratio_high);
        cr_expect(r->ns > 0.9 * ns[i], "%g of %g", r->ns, ns[i]);
        cr_expect_eq(r->cold_ns, 0.0);
        cr_expect_eq(r->tied, i == 1);
    }
    cr_expect(racers[1].ratio == 1 && racers[3].ratio > 3);
    /* The hopeless one left at once, the others when it was certain. */
    cr_expect_eq(racers[3].samples, 1);
    cr_expect(racers[1].samples >= 6 && racers[0].samples <= racers[1].samples);
}

Test(race, equals_are_ranked_by_memory_then_error_then_order) {
    static const double ns[] = {50e3, 50e3, 50e3, 50e3, 80e3};
    struct lw_racer racers[5];
    struct runner runners[5];
    size_t order[5];
    make(racers, runners, ns, 5);
    racers[0].memory = racers[4].memory = 20;
    racers[1].memory = racers[2].memory = racers[3].memory = 10;
    racers[1].error = 2e-6;
    racers[2].error = racers[3].error = 1e-6;
    racers[4].memory = 0; /* less, but it is slower */
    cr_assert(lw_race(racers, 5, &rules, order));
    cr_expect(racers[0].tied && racers[1].tied && racers[2].tied && racers[3].tied && !racers[4].tied);
    cr_expect(order[0] == 2 && order[1] == 3 && order[2] == 1 && order[3] == 0 && order[4] == 4,
              "%zu %zu %zu %zu %zu", order[0], order[1], order[2], order[3], order[4]);
}

Test(race, alone) {
    static const double ns[] = {5e3};
    struct lw_racer racer;
    struct runner runner;
    size_t order[1] = {7};
    make(&racer, &runner, ns, 1);
    cr_assert(lw_race(&racer, 1, &rules, order));
    cr_expect(order[0] == 0 && racer.tied && racer.samples >= 6 && racer.ns > 4.9e3 && racer.repeats >= 2,
              "%zu tied %d samples %d ns %g repeats %lld", order[0], racer.tied, racer.samples, racer.ns,
              (long long)racer.repeats);
    cr_expect(lw_race(NULL, 0, &rules, NULL));
}

static void run_interrupted(void *arg) {
    run(arg);
    if (((struct runner *)arg)->runs % 4 != 0) now_ns += 45e3;
}

/* Most executions of the faster one are interrupted from outside: the others tell. */
Test(race, interruptions_do_not_count) {
    static const double ns[] = {110e3, 100e3};
    struct lw_racer racers[2];
    struct runner runners[2];
    size_t order[2];
    make(racers, runners, ns, 2);
    racers[1].run = run_interrupted;
    cr_assert(lw_race(racers, 2, &rules, order));
    cr_expect(order[0] == 1 && racers[1].ns < 102e3, "%zu %g", order[0], racers[1].ns);
}

static void run_cold_first(void *arg) {
    run(arg);
    if (((struct runner *)arg)->runs == 1) now_ns += 8e6;
}

/* The first execution touches new pages: it doesn't make the others long ones, of which a sample has one. */
Test(race, first_execution_does_not_count) {
    static const double ns[] = {6e3, 5e3};
    struct lw_racer racers[2];
    struct runner runners[2];
    size_t order[2];
    make(racers, runners, ns, 2);
    racers[1].run = run_cold_first;
    cr_assert(lw_race(racers, 2, &rules, order));
    cr_expect(order[0] == 1 && racers[1].repeats >= 2, "%zu %lld", order[0], (long long)racers[1].repeats);
}

Test(race, cold_samples_of_those_still_in) {
    static const double ns[] = {50e3, 50e3, 500e3};
    struct lw_race_rules cold = rules;
    struct lw_racer racers[3];
    struct runner runners[3];
    size_t order[3];
    cold.cold = 3;
    cold.cold_bytes = 1 << 20;
    make(racers, runners, ns, 3);
    cr_assert(lw_race(racers, 3, &cold, order));
    cr_expect(racers[0].cold_ns > 45e3 && racers[1].cold_ns > 45e3 && racers[2].cold_ns == 0);
}

Test(race, keeps_all_where_told) {
    static const double ns[] = {50e3, 80e3, 200e3};
    struct lw_race_rules exhaustive = rules;
    struct lw_racer racers[3];
    struct runner runners[3];
    size_t order[3];
    exhaustive.keep = true;
    make(racers, runners, ns, 3);
    cr_assert(lw_race(racers, 3, &exhaustive, order));
    cr_expect(order[0] == 0 && order[1] == 1 && order[2] == 2);
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(racers[i].samples, rules.most);
}

static volatile sig_atomic_t stop;

static void run_and_stop(void *arg) {
    run(arg);
    if (((struct runner *)arg)->runs == 5) stop = 1;
}

Test(race, stops_when_told) {
    static const double ns[] = {200e3, 200e3};
    struct lw_race_rules stoppable = rules;
    struct lw_racer racers[2];
    struct runner runners[2];
    size_t order[2];
    stoppable.stop = &stop;
    make(racers, runners, ns, 2);
    racers[0].run = run_and_stop;
    cr_expect_not(lw_race(racers, 2, &stoppable, order));
    cr_expect(runners[0].runs < 10 && runners[1].runs < 10);
}

Test(race, ends_with_its_budget) {
    static const double ns[] = {3e6, 3e6};
    struct lw_race_rules brief = rules;
    struct lw_racer racers[2];
    struct runner runners[2];
    size_t order[2];
    brief.budget_ns = 1e6;
    make(racers, runners, ns, 2);
    cr_assert(lw_race(racers, 2, &brief, order));
    cr_expect_eq(racers[0].samples, 6);
}
