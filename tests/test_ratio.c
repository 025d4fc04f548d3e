/* Two sides timed in turn, and one alone, by a clock of the test's own. */
#include <criterion/criterion.h>

#include "bench/ratio.h"

TestSuite(ratio, .timeout = 60);

static double now_ns;

/* The linker puts this in place of the library's. */
double __wrap_lw_clock_ns(bool cpu_time);
double __wrap_lw_clock_ns(bool cpu_time) {
    (void)cpu_time;
    return now_ns += 20;
}

static void takes(void *ns) { now_ns += *(const double *)ns; }

/* Every seventh execution is interrupted for ten times its time. */
static void is_interrupted(void *ns) {
    static int run;
    now_ns += *(const double *)ns * (run++ % 7 ? 1 : 10);
}

static const struct bench_sampling sampling = {
    .sample_seconds = 1e-3, .seconds = 30e-3, .least = 5, .most = BENCH_PAIRS};
static double three = 300e3, one = 100e3;

Test(ratio, is_that_of_the_times) {
    const struct bench_side a = {takes, &three}, b = {takes, &one};
    struct bench_ratio r = bench_time_pair(&a, &b, 100e-6, &sampling);
    cr_expect(r.pairs >= 5 && r.pairs <= BENCH_PAIRS, "%d pairs", r.pairs);
    cr_expect(r.low <= r.ratio && r.ratio <= r.high);
    cr_expect_float_eq(r.ratio, 3.0, 0.01);
    cr_expect_float_eq(1e9 * r.a_seconds, three, 100);
    cr_expect_float_eq(1e9 * r.b_seconds, one, 100);
    cr_expect_float_eq(1e9 * bench_time_side(&a, &sampling), three, 100);
}

Test(ratio, interruptions_do_not_decide) {
    const struct bench_sampling once = {
        .sample_seconds = 0, .seconds = 30e-3, .least = 15, .most = BENCH_PAIRS};
    const struct bench_side a = {is_interrupted, &three}, b = {takes, &one};
    struct bench_ratio r = bench_time_pair(&a, &b, 100e-6, &once);
    cr_expect_float_eq(r.ratio, 3.0, 0.01);
    cr_expect_float_eq(1e9 * r.a_seconds, three, 100);
}

Test(ratio, a_long_side_ends_by_its_time) {
    double long_ns = 80e6;
    const struct bench_side a = {takes, &long_ns}, b = {takes, &long_ns};
    struct bench_ratio r = bench_time_pair(&a, &b, 80e-3, &sampling);
    cr_expect_leq(r.pairs, 5);
    cr_expect_float_eq(r.ratio, 1.0, 0.01);
    cr_expect_float_eq(1e9 * bench_time_side(&a, &sampling), long_ns, 100);
}
