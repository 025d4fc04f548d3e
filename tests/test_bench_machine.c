/* What `lanewise bench` says of the machine: its state, whether a run can be trusted, energy, roofs. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/crowding.h"
#include "bench/energy.h"
#include "bench/machine.h"
#include "bench/roof.h"
#include "dispatch/samples.h"

/* ---- trust */

Test(machine, doubts_are_named) {
    static const struct bench_doubt good = {.others = 0.1,
                                            .stolen = 0,
                                            .load = 0.5,
                                            .cores = 2,
                                            .usable = 2,
                                            .threads = 2,
                                            .peak_wander = 0.03,
                                            .crowded = 0.05};
    char text[512];
    cr_expect(bench_trust(&good, text, sizeof text));
    cr_expect_str_eq(text, "good");
    static const struct bench_doubt unknown = {
        .others = -1, .stolen = -1, .cores = 1, .usable = 1, .threads = 1, .crowded = -1};
    cr_expect(bench_trust(&unknown, text, sizeof text), "what isn't known is no reason: %s", text);
    struct bench_doubt bad[9];
    static const char *const says[] = {"other processes took 0.97", "the load was 2.00", "host took 5%",
                                       "3 threads on 2 cores",      "wandered by 20%",   "emulated",
                                       "without optimisation",      "sanitizers",        "in 30% of looks"};
    for (size_t i = 0; i < 9; i++)
        bad[i] = good;
    bad[0].others = 0.97;
    bad[1].load = 2, bad[1].others = -1;
    bad[2].stolen = 0.05;
    bad[3].threads = 3;
    bad[4].peak_wander = 0.2;
    bad[5].emulated = bad[6].unoptimised = bad[7].sanitized = true;
    bad[8].crowded = 0.3;
    for (size_t i = 0; i < 9; i++) {
        cr_expect_not(bench_trust(&bad[i], text, sizeof text), "%s", says[i]);
        cr_expect(strstr(text, says[i]), "'%s' is not in: %s", says[i], text);
        cr_expect_null(strchr(text, ';'), "one reason, not more: %s", text);
    }
    bad[0].emulated = true;
    bench_trust(&bad[0], text, sizeof text);
    cr_expect(strstr(text, "core; AVX-512"), "%s", text);
}

Test(machine, wander_leaves_outliers_out) {
    double steady[40], drifting[40], one[] = {3};
    for (int i = 0; i < 40; i++) {
        steady[i] = i == 7 ? 50 : 100;
        drifting[i] = 100 + i % 20;
    }
    cr_expect_float_eq(bench_wander(steady, 40), 0, 1e-9);
    double wander = bench_wander(drifting, 40);
    cr_expect(wander > 0.15 && wander < 0.18, "%g", wander);
    cr_expect_eq(bench_wander(one, 1), 0);
    cr_expect_eq(bench_wander(one, 0), 0);
}

/* Four chains of additions take as long as one where the core's other thread rests, else longer; a ratio far
 * below one is of a chain that was interrupted. */
Test(machine, ratios_of_looks_are_told_apart) {
    cr_expect(lw_is_alone(1.0) && lw_is_alone(1.05));
    cr_expect_not(lw_is_alone(1.2) || lw_is_alone(2.0) || lw_is_alone(INFINITY));
    cr_expect_not(lw_is_alone(0.5) || lw_is_alone(NAN));
}

/* Whatever other threads do meanwhile. */
Test(machine, a_look_at_the_core_tells_a_number) {
    double looks[99];
    for (int i = 0; i < 99; i++)
        looks[i] = lw_crowding_ratio();
    const double share = lw_crowded_share(20);
    if (isnan(looks[0])) {
        cr_expect_eq(share, -1);
    } else {
        const double median = lw_median(looks, 99);
        cr_expect(median > 0.95 && median < 8, "%g", median);
        cr_expect(share >= 0 && share <= 1, "%g", share);
    }
}

Test(machine, a_busy_process_is_seen) {
    struct bench_machine m;
    bench_machine_start(&m);
    cr_assert(m.total >= 0 && m.process_count > 0);
    pid_t child = fork();
    if (child == 0)
        for (;;) {
        }
    struct timespec nap = {0, 400000000};
    nanosleep(&nap, NULL);
    bench_machine_end(&m);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_expect(m.others > 0.1, "%g of a core", m.others);
    cr_expect(strstr(m.busy, "test_bench_mach"), "'%s'", m.busy);
    cr_expect(strlen(m.load_after) > 0 && strlen(m.microcode) > 0 && strlen(m.governor) > 0);
    bench_machine_free(&m);
}

/* ---- energy */

static char root[] = "/tmp/lanewise-rapl-XXXXXX";

static void put(const char *zone, const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, zone);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s", root, zone, name);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

Test(machine, energy_is_the_sum_of_the_packages) {
    struct lw_energy e;
    cr_assert_not_null(mkdtemp(root));
    lw_energy_start(&e, root);
    cr_expect_eq(lw_energy_used(&e), -1, "no package");
    lw_energy_start(&e, "/nowhere");
    cr_expect_eq(lw_energy_used(&e), -1);
    put("intel-rapl:0", "energy_uj", "1500\n");
    put("intel-rapl:0", "max_energy_range_uj", "10000\n");
    put("intel-rapl:1", "energy_uj", "500\n");
    put("intel-rapl:1", "max_energy_range_uj", "20000\n");
    put("intel-rapl:0:0", "energy_uj", "700\n"); /* a part of the first */
    put("dtpm", "energy_uj", "9\n");
    lw_energy_start(&e, root);
    cr_expect_eq(e.count, 2);
    put("intel-rapl:1", "energy_uj", "800\n");
    put("intel-rapl:0:0", "energy_uj", "900\n");
    cr_expect_eq(lw_energy_used(&e), 300);
    put("intel-rapl:0", "energy_uj", "100\n"); /* it started again */
    cr_expect_eq(lw_energy_used(&e), 300 + 100 - 1500 + 10000);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", root);
    cr_expect_eq(system(command), 0);
}

/* ---- roofs */

static const struct bench_limits limits = {3,
                                           {{"L1", 1, 1 << 15, 1 << 14, {100, 50, 80}},
                                            {"L2", 2, 1 << 19, 1 << 18, {50, 25, 40}},
                                            {"DRAM", 4, 0, 1 << 26, {10, 10, 8}}}};

Test(roof, bytes_go_at_the_rate_of_their_kind) {
    const struct lw_level *l1 = &limits.levels[0], none = {"L1", 1, 1, 1, {0}};
    cr_expect_float_eq(bench_level_ns(l1, 1000, 0), 10, 1e-9);
    cr_expect_float_eq(bench_level_ns(l1, 0, 1000), 20, 1e-9);
    cr_expect_float_eq(bench_level_ns(l1, 1000, 1000), 25, 1e-9, "a copy of 2000 bytes");
    cr_expect_float_eq(bench_level_ns(l1, 4000, 1000), 25 + 30, 1e-9);
    cr_expect_eq(bench_level_ns(&none, 1000, 0), 0);
}

Test(roof, the_level_is_the_nearest_that_holds_it) {
    static const struct bench_limits none = {0};
    cr_expect_str_eq(bench_level_of(&limits, 1 << 15)->name, "L1");
    cr_expect_str_eq(bench_level_of(&limits, (1 << 15) + 1)->name, "L2");
    cr_expect_str_eq(bench_level_of(&limits, 1e9)->name, "DRAM");
    cr_expect_null(bench_level_of(&none, 1));
}

Test(roof, the_slower_of_multiplying_and_moving_binds) {
    lw_desc conv = lw_conv2d(1, 64, 56, 56, 64, 3, 3), relu = {.op = LW_RELU};
    conv.pad_top = conv.pad_left = conv.pad_bottom = conv.pad_right = 1;
    double flops = 2.0 * 64 * 64 * 9 * 56 * 56,
           bytes = 4.0 * (2 * 64 * 56 * 56 + 64 * 64 * 9 + (conv.bias ? 64 : 0));
    struct bench_roof r = bench_roof_of(&limits, &conv, bytes, 100, 1);
    cr_expect_eq(r.level, 0);
    cr_expect_float_eq(r.ns, flops / 100, 1e-3);
    cr_expect_float_eq(r.intensity, flops / bytes, 1e-6);
    r = bench_roof_of(&limits, &conv, bytes, 1e6, 1);
    cr_expect_eq(r.level, 4, "memory binds a machine that multiplies as fast as that");
    cr_expect_float_eq(
        r.ns, bench_level_ns(&limits.levels[2], bytes - 4.0 * 64 * 56 * 56, 4.0 * 64 * 56 * 56), 1e-3);
    relu = conv;
    relu.op = LW_RELU;
    relu.kh = relu.kw = 1;
    relu.pad_top = relu.pad_left = relu.pad_bottom = relu.pad_right = 0;
    r = bench_roof_of(&limits, &relu, 1 << 14, 1e-3, 1);
    cr_expect_eq(r.level, 1, "the FMA peak says nothing of a ReLU");
    double one = r.ns;
    cr_expect_float_eq(bench_roof_of(&limits, &relu, 1 << 14, 1, 2).ns, one / 2, 1e-6,
                       "two threads have two L1s");
    static const struct bench_limits none = {0};
    cr_expect_eq(bench_roof_of(&none, &relu, 1 << 14, 1, 1).ns, 0);
}
