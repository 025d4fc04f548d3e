/* Selection over a registry of made-up rows: the dispatcher is compiled in with fake/isa_list.inc in place of
 * the real list, so that every rule can be seen at work whatever the CPU. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "kernel.h"

TestSuite(select, .timeout = 60);

/* ---- the made-up rows: their properties are in the table, and what ran is counted ---------------------- */

enum { ROW_TASKS = 37, WORKSPACE = 100 };
static atomic_int ran[ROW_TASKS], wrong, asked_alien;
static _Atomic(const char *) last_run;
static int slow_us;

static bool any(const lw_desc *d, const char **reason) { return (void)d, (void)reason, true; }
static bool three(const lw_desc *d, const char **reason) {
    *reason = "only 3x3";
    return d->kh == 3 && d->kw == 3;
}
static bool mute(const lw_desc *d, const char **reason) { return (void)d, (void)reason, false; }
/* The functions of an ISA that this CPU lacks are compiled for it: to call one is to crash. */
static bool alien(const lw_desc *d, const char **reason) {
    asked_alien++;
    return any(d, reason);
}

static size_t packed(const lw_desc *d) { return (size_t)d->oc * 4; }
static void pack(const lw_desc *d, const float *weights, const float *bias, void *to) {
    if (!weights || !bias != !d->bias || (uintptr_t)to % 64) wrong++;
    memset(to, 1, packed(d));
}
static size_t workspace(const lw_desc *d) { return (void)d, WORKSPACE; }
static size_t huge(const lw_desc *d) { return (void)d, SIZE_MAX / 2; }
static int64_t tasks(const lw_desc *d) { return (void)d, ROW_TASKS; }
static int64_t one_task(const lw_desc *d) { return (void)d, 1; }

static void run(const struct lw_call *call, int64_t begin, int64_t end, void *space) {
    if (begin < 0 || end > ROW_TASKS || begin >= end || (uintptr_t)space % 64 || !space || !call->packed) {
        wrong++;
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        memset(space, (int)i, WORKSPACE); /* a neighbour's writes would show */
        for (volatile int spin = 0; spin < 2000; spin++)
            ;
        for (int k = 0; k < WORKSPACE; k++)
            if (((unsigned char *)space)[k] != i) wrong++;
        ran[i]++;
    }
}
static void run_slow(const struct lw_call *call, int64_t begin, int64_t end, void *space) {
    (void)call, (void)begin, (void)end, (void)space;
    last_run = "slow";
    struct timespec t = {0, slow_us * 1000L};
    nanosleep(&t, NULL);
}
static void run_fast(const struct lw_call *call, int64_t begin, int64_t end, void *space) {
    (void)call, (void)begin, (void)end, (void)space;
    last_run = "fast";
}

static double bound(const lw_desc *d) { return (void)d, 3.0; }
static double exact(const lw_desc *d) { return (void)d, 4e-7; }
static double loose(const lw_desc *d) { return (void)d, 5e-6; }
static double sloppy(const lw_desc *d) { return (void)d, 1e-3; }
#define WORK(NAME, CYCLES)                                                                                   \
    static void work_##NAME(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {           \
        (void)d, (void)caches;                                                                               \
        w->unit[LW_WORK_call] += CYCLES;                                                                     \
    }
WORK(1, 1e5)
WORK(2, 2e5)
WORK(3, 3e5)
WORK(9, 9e5)

enum { ALL = 7, NCHW = 1 << LW_NCHW };
#define ROW(NAME, OP, ALGORITHM, LAYOUTS, SUPPORTS, RUN, ERROR, WORK, TASKS, ...)                            \
    {                                                                                                        \
        .name = NAME, .op = OP, .algorithm = ALGORITHM, .tile = "", .src_layouts = LAYOUTS,                  \
        .dst_layouts = LAYOUTS, .supports = SUPPORTS, .run = RUN, .rel_l2 = ERROR, .work = WORK,             \
        .bound = bound, .tasks = TASKS, __VA_ARGS__                                                          \
    }
#define WEIGHTS .packed_bytes = packed, .pack = pack

static const struct lw_kernel alien_rows[] = {
    ROW("conv_alien", LW_CONV, "direct", ALL, alien, run, exact, work_1, tasks, WEIGHTS)};
static const struct lw_kernel wide_rows[] = {
    ROW("conv_winograd_wide", LW_CONV, "winograd", ALL, three, run, loose, work_1, tasks, WEIGHTS,
        .workspace_bytes = workspace),
    ROW("conv_bold_wide", LW_CONV, "winograd", ALL, three, run, sloppy, work_1, tasks, WEIGHTS,
        .workspace_bytes = workspace),
    ROW("conv_direct_wide", LW_CONV, "direct", ALL, any, run, sloppy, work_2, tasks, WEIGHTS,
        .workspace_bytes = workspace),
    ROW("conv_mute_wide", LW_CONV, "direct", ALL, mute, run, exact, work_1, tasks, WEIGHTS),
    ROW("maxpool_slow_wide", LW_MAXPOOL, "pool", ALL, any, run_slow, exact, work_1, one_task)};
static const struct lw_kernel narrow_rows[] = {
    ROW("conv_direct_narrow", LW_CONV, "direct", NCHW, any, run, exact, work_2, tasks, WEIGHTS,
        .workspace_bytes = workspace),
    ROW("maxpool_fast_narrow", LW_MAXPOOL, "pool", ALL, any, run_fast, exact, work_3, one_task),
    ROW("relu_huge_narrow", LW_RELU, "map", ALL, any, run_fast, exact, work_9, tasks,
        .workspace_bytes = huge)};
static const struct lw_kernel scalar_rows[] = {
    ROW("conv_direct_scalar", LW_CONV, "direct", ALL, any, run, exact, work_9, tasks, WEIGHTS,
        .workspace_bytes = workspace),
    ROW("conv_bold_scalar", LW_CONV, "winograd", ALL, three, run, sloppy, work_1, tasks, WEIGHTS,
        .workspace_bytes = workspace),
    ROW("relu_scalar", LW_RELU, "map", ALL, any, run_fast, exact, work_3, one_task)};
/* What reproducible plans take of scalar. */
static const struct lw_kernel fused_rows[] = {
    ROW("conv_direct_scalar", LW_CONV, "direct", ALL, any, run, exact, work_9, tasks, WEIGHTS,
        .workspace_bytes = workspace),
    ROW("conv_bold_scalar", LW_CONV, "winograd", ALL, three, run, sloppy, work_1, tasks, WEIGHTS,
        .workspace_bytes = workspace),
    ROW("relu_scalar", LW_RELU, "map", ALL, any, run_slow, exact, work_3, one_task)};

static double peak(int64_t steps) { return (double)steps * 2; }
static const struct lw_costs costs = {"by hand", 3.0, {1 << 15, 1 << 19, 1 << 23}, {[LW_WORK_call] = 1}};
static const struct lw_isa fused = {
    "scalar", 4, 0, fused_rows, sizeof fused_rows / sizeof *fused_rows, peak, &costs, NULL, NULL};
#define TABLE(NAME, FEATURES, REPRODUCIBLE)                                                                  \
    extern const struct lw_isa lw_isa_##NAME;                                                                \
    const struct lw_isa lw_isa_##NAME = {                                                                    \
        #NAME, 4,      FEATURES, NAME##_rows, sizeof NAME##_rows / sizeof *NAME##_rows,                      \
        peak,  &costs, NULL,     REPRODUCIBLE};
TABLE(alien, 1u << 20, NULL)
TABLE(wide, 0, NULL)
TABLE(narrow, 0, NULL)
TABLE(scalar, 0, &fused)

/* ---- helpers ------------------------------------------------------------------------------------------- */

static float data[1 << 16];
static lw_desc conv(void) { return lw_conv2d(1, 4, 10, 10, 16, 3, 3); }

static lw_plan *plan_of(lw_desc d, const lw_options *opt) {
    lw_error err;
    lw_plan *plan;
    lw_status status = lw_plan_create(&plan, &d, data, data, opt, &err);
    cr_assert_eq(status, LW_OK, "%s", err.text);
    return plan;
}

static void expect(lw_desc d, const lw_options *opt, const char *kernel, const char *rule) {
    lw_plan *plan = plan_of(d, opt);
    cr_expect_str_eq(lw_plan_kernel(plan), kernel);
    cr_expect_str_eq(lw_plan_rule(plan), rule);
    lw_plan_destroy(plan);
}

static void expect_failure(lw_desc d, const lw_options *opt, lw_status status, const char *word) {
    lw_error err = {0};
    lw_plan *plan = (lw_plan *)data;
    cr_expect_eq(lw_plan_create(&plan, &d, data, data, opt, &err), status, "%s", err.text);
    cr_expect_null(plan);
    cr_expect_eq(err.status, status);
    cr_expect(strstr(err.text, word), "'%s' isn't in '%s'", word, err.text);
    cr_expect_null(strchr(err.text, '\n'));
}

static const lw_candidate *candidate(const lw_explanation *e, const char *kernel) {
    for (size_t i = 0; i < e->count; i++)
        if (!strcmp(e->candidates[i].kernel, kernel)) return &e->candidates[i];
    cr_assert_fail("no candidate %s", kernel);
    return NULL;
}

static lw_options options(void) { return lw_default_options(); }

/* ---- tests --------------------------------------------------------------------------------------------- */

Test(select, least_estimate_wins_and_the_preferred_isa_on_a_tie) {
    lw_desc d = conv();
    expect(d, NULL, "conv_winograd_wide", "estimated");
    d.kh = d.kw = 5; /* direct wide and narrow are equal */
    expect(d, NULL, "conv_direct_wide", "estimated");
    cr_expect_eq(asked_alien, 0, "a function of an ISA that this CPU lacks was called");
}

Test(select, error_budgets_are_classes) {
    lw_options opt = options();
    opt.max_error = LW_ERROR_TIGHT; /* winograd is 5e-6; direct is admitted though it says 1e-3 */
    expect(conv(), &opt, "conv_direct_wide", "estimated");
    opt.max_error = LW_ERROR_STRICT;
    expect(conv(), &opt, "conv_direct_wide", "estimated");
    opt.max_error = 5e-6;
    expect(conv(), &opt, "conv_winograd_wide", "estimated");
    opt.max_error = -1;
    expect_failure(conv(), &opt, LW_ERR_INVALID, "max_error");
    opt.max_error = 0.0 / 0.0;
    expect_failure(conv(), &opt, LW_ERR_INVALID, "max_error");
}

Test(select, workspace_budget) {
    lw_options opt = options();
    opt.max_workspace = 1;
    expect_failure(conv(), &opt, LW_ERR_UNSUPPORTED, "none of the");
    opt.max_workspace = 128; /* 100 bytes, rounded up to a multiple of 64 */
    expect(conv(), &opt, "conv_winograd_wide", "estimated");
    opt.max_workspace = 127;
    opt.kernel = "conv_direct_wide";
    expect_failure(conv(), &opt, LW_ERR_UNSUPPORTED, "workspace");
}

Test(select, forced) {
    lw_options opt = options();
    opt.kernel = "conv_direct_scalar";
    expect(conv(), &opt, "conv_direct_scalar", "forced");
    opt.kernel = "conv_bold_wide"; /* over the default budget, but asked for by name */
    expect(conv(), &opt, "conv_bold_wide", "forced");
    opt.max_error = LW_ERROR_STRICT;
    expect_failure(conv(), &opt, LW_ERR_UNSUPPORTED, "budget");
    opt = options();
    opt.effort = LW_WISDOM_ONLY;
    opt.kernel = "conv_direct_narrow";
    expect(conv(), &opt, "conv_direct_narrow", "forced");
}

Test(select, forced_fails_with_a_reason) {
    lw_options opt = options();
    opt.kernel = "conv_none";
    expect_failure(conv(), &opt, LW_ERR_UNKNOWN, "conv_none");
    opt.kernel = "two\nlines";
    expect_failure(conv(), &opt, LW_ERR_UNKNOWN, "two?lines");
    opt.kernel = "conv_alien";
    expect_failure(conv(), &opt, LW_ERR_ISA, "lacks");
    opt.kernel = "conv_mute_wide";
    expect_failure(conv(), &opt, LW_ERR_UNSUPPORTED, "doesn't take this problem");
    opt.kernel = "maxpool_fast_narrow";
    expect_failure(conv(), &opt, LW_ERR_UNSUPPORTED, "operation");
    lw_desc d = conv();
    d.kh = 1;
    opt.kernel = "conv_winograd_wide";
    expect_failure(d, &opt, LW_ERR_UNSUPPORTED, "only 3x3");
    d.src_layout = LW_NHWC;
    opt.kernel = "conv_direct_narrow";
    expect_failure(d, &opt, LW_ERR_UNSUPPORTED, "source layout");
    cr_expect_eq(asked_alien, 0);
}

Test(select, forced_by_the_environment_for_its_operation_alone) {
    setenv("LANEWISE_KERNEL", "conv_direct_narrow", 1);
    expect(conv(), NULL, "conv_direct_narrow", "forced");
    expect(lw_relu(1, 2, 3, 4), NULL, "relu_scalar", "estimated");
    lw_options opt = options();
    opt.kernel = "conv_direct_scalar"; /* the program's own choice comes first */
    expect(conv(), &opt, "conv_direct_scalar", "forced");
    setenv("LANEWISE_KERNEL", "nonsense", 1);
    expect_failure(conv(), NULL, LW_ERR_UNKNOWN, "LANEWISE_KERNEL");
    setenv("LANEWISE_KERNEL", "conv_alien", 1);
    expect_failure(conv(), NULL, LW_ERR_ISA, "conv_alien");
    setenv("LANEWISE_KERNEL", "", 1);
    expect(conv(), NULL, "conv_winograd_wide", "estimated");
}

Test(select, isa_option_keeps_its_rows_or_scalar) {
    lw_options opt = options();
    opt.isa = "narrow";
    expect(conv(), &opt, "conv_direct_narrow", "estimated");
    lw_desc d = conv();
    d.src_layout = d.dst_layout = LW_NHWC; /* narrow has no row for it; wide has, but wasn't asked for */
    expect(d, &opt, "conv_direct_scalar", "estimated");
    opt.isa = "alien";
    expect_failure(conv(), &opt, LW_ERR_ISA, "alien");
    opt.isa = "martian";
    expect_failure(conv(), &opt, LW_ERR_UNKNOWN, "martian");
    opt.isa = "narrow";
    opt.kernel = "conv_direct_wide";
    expect_failure(conv(), &opt, LW_ERR_UNSUPPORTED, "ISA narrow");
    opt.kernel = "conv_bold_wide"; /* nor does the overridden error budget let it in */
    expect_failure(conv(), &opt, LW_ERR_UNSUPPORTED, "ISA narrow");
}

/* ---- reproducible plans -------------------------------------------------------------------------------- */

/* Wide's winograd row is the fastest, but scalar has none to repeat its bits; bold is over the error budget.
 */
Test(select, reproducible_plans_take_the_family_that_scalar_would) {
    lw_options opt = options();
    opt.reproducible = true;
    expect(conv(), &opt, "conv_direct_wide", "estimated");
    setenv("LANEWISE_ISA", "narrow", 1);
    expect(conv(), &opt, "conv_direct_narrow", "estimated");
    setenv("LANEWISE_ISA", "scalar", 1);
    expect(conv(), &opt, "conv_direct_scalar", "estimated");
    unsetenv("LANEWISE_ISA");
    opt.max_error = 1e-2; /* now bold is within it: in every ISA, also in narrow, which has no such row */
    expect(conv(), &opt, "conv_bold_wide", "estimated");
    opt.isa = "narrow";
    expect(conv(), &opt, "conv_bold_scalar", "estimated");
    opt.isa = NULL;
    opt.max_workspace = WORKSPACE; /* less than a row takes, as it is rounded up */
    expect_failure(conv(), &opt, LW_ERR_UNSUPPORTED, "reproducibly");
    expect_failure(lw_maxpool2d(1, 1, 4, 4, 2, 2, 0), &opt, LW_ERR_UNSUPPORTED, "reproducibly");
}

Test(select, reproducible_plans_of_forced_rows) {
    lw_options opt = options();
    opt.reproducible = true;
    opt.kernel = "conv_direct_narrow";
    expect(conv(), &opt, "conv_direct_narrow", "forced");
    opt.kernel = "conv_bold_wide"; /* forcing overrides the error budget */
    expect(conv(), &opt, "conv_bold_wide", "forced");
    opt.kernel = "conv_winograd_wide";
    expect_failure(conv(), &opt, LW_ERR_UNSUPPORTED, "no scalar row");
    opt.kernel = NULL;
    lw_explanation *e;
    lw_desc d = conv();
    cr_assert_eq(lw_explain(&e, &d, &opt, NULL), LW_OK);
    cr_expect_not_null(strstr(candidate(e, "conv_winograd_wide")->reason, "other bits"));
    cr_expect(candidate(e, "conv_direct_scalar")->eligible);
    lw_explanation_free(e);
}

Test(select, reproducible_plans_run_scalars_other_table) {
    lw_desc d = lw_relu(1, 1, 4, 4);
    lw_options opt = options();
    for (int reproducible = 0; reproducible < 2; reproducible++) {
        opt.reproducible = reproducible;
        lw_plan *plan = plan_of(d, &opt);
        cr_assert_str_eq(lw_plan_kernel(plan), "relu_scalar");
        cr_assert_eq(lw_plan_execute(plan, data, data + 64, data + 128), LW_OK);
        cr_expect_str_eq(last_run, reproducible ? "slow" : "fast");
        lw_plan_destroy(plan);
    }
    lw_kernel_info info;
    for (size_t i = 0; lw_kernel_get(i, &info) == LW_OK; i++)
        cr_expect_eq(info.reproducible, strcmp(info.isa, "scalar") != 0, "%s", info.name);
}

Test(select, environment_caps_the_isa) {
    setenv("LANEWISE_ISA", "narrow", 1);
    expect(conv(), NULL, "conv_direct_narrow", "estimated");
    lw_options opt = options();
    opt.isa = "wide";
    expect_failure(conv(), &opt, LW_ERR_ISA, "LANEWISE_ISA");
    opt = options();
    opt.kernel = "conv_direct_wide";
    expect_failure(conv(), &opt, LW_ERR_ISA, "LANEWISE_ISA");
    setenv("LANEWISE_ISA", "alien", 1); /* a cap above the CPU is no cap */
    expect(conv(), NULL, "conv_winograd_wide", "estimated");
    setenv("LANEWISE_ISA", "bogus", 1);
    expect_failure(conv(), NULL, LW_ERR_ENVIRONMENT, "alien, wide, narrow, scalar");
    lw_kernel_info info;
    cr_expect_eq(lw_kernel_get(1, &info), LW_ERR_ENVIRONMENT);
    cr_expect(!info.usable && strstr(info.reason, "LANEWISE"));
}

Test(select, other_environment_values) {
    setenv("LANEWISE_VERBOSE", "yes", 1);
    expect_failure(conv(), NULL, LW_ERR_ENVIRONMENT, "LANEWISE_VERBOSE");
    setenv("LANEWISE_VERBOSE", "0", 1);
    expect(conv(), NULL, "conv_winograd_wide", "estimated");
    setenv("LANEWISE_WISDOM", "/nowhere/wisdom", 1);
    expect_failure(conv(), NULL, LW_ERR_ENVIRONMENT, "/nowhere/wisdom");
    setenv("LANEWISE_WISDOM", "/", 1);
    expect_failure(conv(), NULL, LW_ERR_ENVIRONMENT, "LANEWISE_WISDOM");
}

static char logged[1024];
static int log_lines;
static void log_line(void *arg, const char *line) {
    cr_expect_eq(arg, data);
    snprintf(logged, sizeof logged, "%s", line);
    log_lines++;
}

Test(select, decisions_are_logged_on_request) {
    lw_set_log(log_line, data);
    expect(conv(), NULL, "conv_winograd_wide", "estimated");
    cr_expect_eq(log_lines, 0);
    setenv("LANEWISE_VERBOSE", "1", 1);
    expect(conv(), NULL, "conv_winograd_wide", "estimated");
    cr_expect_eq(log_lines, 1);
    cr_expect(strstr(logged, "conv_winograd_wide") && strstr(logged, "estimated") && strstr(logged, "ic4"),
              "%s", logged);
    cr_expect_null(strchr(logged, '\n'));
    lw_set_log(NULL, NULL);
    expect(conv(), NULL, "conv_winograd_wide", "estimated");
    cr_expect_eq(log_lines, 1);
}

Test(select, measured_overrules_the_estimate) {
    lw_desc d = lw_maxpool2d(1, 3, 8, 8, 2, 2, 0);
    lw_options opt = options();
    slow_us = 300;
    expect(d, &opt, "maxpool_slow_wide", "estimated");
    opt.effort = LW_MEASURE;
    expect(d, &opt, "maxpool_fast_narrow", "measured");
    lw_explanation *e;
    cr_assert_eq(lw_explain(&e, &d, &opt, NULL), LW_OK);
    const lw_candidate *slow = candidate(e, "maxpool_slow_wide"), *fast = candidate(e, "maxpool_fast_narrow");
    cr_expect_geq(slow->ns, 300e3);
    cr_expect_lt(fast->ns, 100e3);
    cr_expect(fast->ns_low <= fast->ns && fast->ns <= fast->ns_high);
    lw_explanation_free(e);
}

Test(select, wisdom_only_without_wisdom) {
    lw_options opt = options();
    opt.effort = LW_WISDOM_ONLY;
    expect_failure(conv(), &opt, LW_ERR_NO_WISDOM, "known");
    opt.effort = (lw_effort)7;
    expect_failure(conv(), &opt, LW_ERR_INVALID, "effort");
    opt = options();
    opt.threads = -1;
    expect_failure(conv(), &opt, LW_ERR_INVALID, "threads");
}

Test(select, explain_lists_every_row_of_the_operation) {
    lw_desc d = conv();
    lw_options opt = options();
    lw_explanation *e;
    opt.threads = 3;
    cr_assert_eq(lw_explain(&e, &d, &opt, NULL), LW_OK);
    cr_expect_eq(e->count, 8);
    cr_expect_str_eq(e->chosen, "conv_winograd_wide");
    cr_expect_str_eq(e->rule, "estimated");
    const lw_candidate *c = candidate(e, "conv_winograd_wide");
    cr_expect(c->eligible && !c->reason[0]);
    cr_expect_eq(c->packed_bytes, 64);
    cr_expect_eq(c->workspace_bytes, 3 * 128);
    cr_expect_float_eq(c->bound, 3.0, 0);
    cr_expect_float_eq(c->rel_l2, 5e-6, 0);
    cr_expect_float_eq(c->ns, 1e5 / 3, 1e-6); /* of one thread, however many there are */
    cr_expect(c->ns_low < c->ns && c->ns < c->ns_high);
    cr_expect(strstr(candidate(e, "conv_alien")->reason, "lacks"));
    cr_expect(strstr(candidate(e, "conv_bold_wide")->reason, "budget"));
    cr_expect(candidate(e, "conv_mute_wide")->reason[0]);
    for (size_t i = 0; i < e->count; i++)
        cr_expect_eq(e->candidates[i].eligible, !e->candidates[i].reason[0]);
    lw_explanation_free(e);

    opt.max_workspace = 1; /* nobody: told by the candidates */
    cr_assert_eq(lw_explain(&e, &d, &opt, NULL), LW_OK);
    cr_expect_null(e->chosen);
    cr_expect(strstr(candidate(e, "conv_direct_wide")->reason, "workspace"));
    lw_explanation_free(e);

    opt = options();
    opt.kernel = "nonsense";
    cr_expect_eq(lw_explain(&e, &d, &opt, NULL), LW_ERR_UNKNOWN);
    cr_expect_null(e);
    cr_expect_eq(lw_explain(NULL, &d, &opt, NULL), LW_ERR_INVALID);
    cr_expect_eq(lw_explain(&e, NULL, &opt, NULL), LW_ERR_INVALID);
    lw_explanation_free(NULL);
}

Test(select, workspaces_whose_sum_overflows_are_refused) {
    lw_desc d = lw_relu(1, 1, 8, 8);
    lw_options opt = options();
    opt.threads = 4;
    opt.kernel = "relu_huge_narrow";
    expect_failure(d, &opt, LW_ERR_UNSUPPORTED, "overflow");
    opt.kernel = NULL;
    expect(d, &opt, "relu_scalar", "estimated");
}

Test(select, enumeration) {
    lw_kernel_info info;
    lw_isa_info isa;
    cr_assert_eq(lw_kernel_count(), 12);
    cr_assert_eq(lw_kernel_get(0, &info), LW_OK);
    cr_expect(!info.usable && !strcmp(info.isa, "alien") && strstr(info.reason, "lacks"));
    cr_assert_eq(lw_kernel_get(11, &info), LW_OK);
    cr_expect(info.usable && !strcmp(info.name, "relu_scalar") && !info.reason[0]);
    cr_expect_eq(lw_kernel_get(12, &info), LW_ERR_INVALID);
    cr_expect_eq(lw_kernel_get(0, NULL), LW_ERR_INVALID);
    cr_expect_eq(lw_isa_get(4, &isa), LW_ERR_INVALID);
    cr_expect_eq(lw_isa_fma_peak(0, 10), 0.0);
    cr_expect_eq(lw_isa_fma_peak(1, 10), 20.0);
    lw_desc d = conv();
    cr_expect_eq(lw_kernel_bound("conv_alien", &d), -1.0);
    cr_expect_eq(lw_kernel_bound("conv_none", &d), -1.0);
    cr_expect_eq(lw_kernel_bound("conv_direct_wide", &d), 3.0);
    cr_expect_eq(asked_alien, 0);
}

Test(select, every_task_runs_once_with_a_workspace_of_its_own) {
    for (int threads = 1; threads <= 8; threads++) {
        lw_options opt = options();
        opt.threads = threads;
        lw_plan *plan = plan_of(conv(), &opt);
        cr_assert_eq(lw_plan_workspace(plan), (size_t)threads * 128);
        void *space = aligned_alloc(64, lw_plan_workspace(plan));
        for (int round = 0; round < 50; round++) {
            memset((void *)ran, 0, sizeof ran);
            cr_assert_eq(lw_plan_execute(plan, data, data + 4096, space), LW_OK);
            for (int i = 0; i < ROW_TASKS; i++)
                cr_assert_eq(ran[i], 1, "task %d ran %d times on %d threads", i, ran[i], threads);
        }
        cr_expect_eq(wrong, 0);
        free(space);
        lw_plan_destroy(plan);
    }
}
