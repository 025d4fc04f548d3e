/* Rows for CPUs that aren't this one: the table is whole, and what is told without an ISA's instructions is
 * what its compiled rows say. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "dispatch/registry.h"
#include "predict/predict.h"

TestSuite(predict, .timeout = 120);

static const char *const wanted[] = {"haswell",     "skylake-avx512", "icelake-server", "sapphirerapids",
                                     "znver2",      "znver3",         "znver4",         "znver5",
                                     "neoverse-n1", "neoverse-n2",    "neoverse-v1",    "neoverse-v2",
                                     "cortex-a72",  "cortex-a76",     "apple-m1"};

static void check_isa(const struct predict_cpu *cpu, const struct predict_isa *p) {
    static const enum lw_work_unit needed[] = {LW_WORK_direct, LW_WORK_planes, LW_WORK_patch,    LW_WORK_line,
                                               LW_WORK_gemm,   LW_WORK_linear, LW_WORK_depthwise};
    cr_expect(*p->model && p->ghz >= 0.5 && p->ghz <= 6, "%s %s", cpu->name, p->isa);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        cr_expect(p->cycles[needed[i]] > 0, "%s %s: %s", cpu->name, p->isa, lw_work_unit(needed[i]));
    for (int unit = 0; unit < LW_WORK_COUNT; unit++) {
        const double cost = p->cycles[unit], times = p->times[unit];
        cr_expect(cost == 0 || (cost > 0.2 && cost < 6), "%s %s: %s costs %g", cpu->name, p->isa,
                  lw_work_unit((size_t)unit), cost);
        cr_expect(times == 0 || (times > 0.2 && times < 6), "%s %s: %s times %g", cpu->name, p->isa,
                  lw_work_unit((size_t)unit), times);
        cr_expect(cost == 0 || times == 0);
    }
}

Test(predict, table) {
    cr_expect_eq(predict_cpu_count(), sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const struct predict_cpu *cpu = predict_cpu_find(wanted[i]);
        cr_assert_not_null(cpu, "%s", wanted[i]);
        cr_expect(*cpu->about && *cpu->source && cpu->kinds[0].text && cpu->isas[0].isa);
        cr_expect(cpu->caches.l1 >= 16 << 10 && cpu->caches.l2 > cpu->caches.l1, "%s", cpu->name);
        cr_expect(cpu->caches.l3 == 0 || cpu->caches.l3 > cpu->caches.l2, "%s", cpu->name);
        for (int k = 0; k < PREDICT_ISAS && cpu->isas[k].isa; k++)
            check_isa(cpu, &cpu->isas[k]);
    }
    cr_expect_null(predict_cpu_at(predict_cpu_count()));
    cr_expect_null(predict_cpu_find("znver"));
    cr_expect_eq(predict_cpu_find("Neoverse-N1"), predict_cpu_find("neoverse-n1"));
}

Test(predict, kinds) {
    static const struct {
        const char *kind, *name;
    } known[] = {{"x86 AuthenticAMD family 25 model 1", "znver3"},
                 {"x86 AuthenticAMD family 25 model 33", "znver3"},
                 {"x86 AuthenticAMD family 25 model 17", "znver4"},
                 {"x86 AuthenticAMD family 23 model 49", "znver2"},
                 {"x86 GenuineIntel family 6 model 85", "skylake-avx512"},
                 {"x86 GenuineIntel family 6 model 143", "sapphirerapids"},
                 {"arm implementer 0x41 part 0xd0c", "neoverse-n1"},
                 {"arm implementer 0x61 part 0x023", "apple-m1"},
                 {"x86 GenuineIntel family 6 model 8", NULL},
                 {"x86 AuthenticAMD family 25 model ", NULL},
                 {"x86 AuthenticAMD family 25 model 1x", NULL},
                 {"arm implementer 0x41 part 0xd0", NULL},
                 {"", NULL}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct predict_cpu *cpu = predict_cpu_of(known[i].kind);
        cr_expect_str_eq(cpu ? cpu->name : "none", known[i].name ? known[i].name : "none", "%s",
                         known[i].kind);
    }
}

/* ---- problems ------------------------------------------------------------------------------------------ */

enum { PROBLEMS = 12 };

static void list_problems(lw_desc d[PROBLEMS]) {
    for (int i = 0; i < 7; i++)
        d[i] = lw_conv2d(1 + i % 3, 32, 14 + i, 14, 64, 3, 3);
    d[1] = lw_conv2d(1, 1, 28, 28, 32, 3, 3);
    d[2].groups = d[2].oc = d[2].ic;
    d[3] = lw_conv2d(1, 512, 7, 7, 1000, 1, 1);
    d[4].stride_h = d[4].stride_w = 2;
    d[5].src_layout = d[5].dst_layout = LW_BLOCKED;
    d[5].pad_top = d[5].pad_left = d[5].pad_bottom = d[5].pad_right = 1;
    d[6] = lw_conv2d(2, 17, 13, 19, 19, 5, 3);
    d[6].dst_layout = LW_NHWC;
    d[6].pool2x2 = true;
    d[7] = lw_maxpool2d(1, 32, 28, 28, 2, 2, 0);
    d[8] = lw_maxpool2d(2, 5, 28, 28, 3, 2, 1);
    d[9] = lw_linear(3, 3136, 10);
    d[10] = lw_relu(1, 32, 28, 28);
    d[11] = lw_softmax(4, 1000);
    for (int i = 0; i < PROBLEMS; i++)
        cr_assert_eq(lw_desc_check(&d[i], NULL), LW_OK, "%d", i);
}

static bool accepts(const struct lw_isa *isa, size_t row, const lw_desc *d) {
    const struct lw_row r = {.kernel = &isa->rows[row], .isa = isa};
    const char *reason;
    return lw_row_accepts(&r, d, &reason);
}

/* Two tables of an ISA's rows say the same of a problem. */
static void same_row(const struct lw_isa *a, const struct lw_isa *b, size_t row, const lw_desc *d) {
    const struct lw_kernel *x = &a->rows[row], *y = &b->rows[row];
    cr_assert_eq(accepts(a, row, d), accepts(b, row, d), "%s", x->name);
    if (!accepts(a, row, d)) return;
    struct lw_work one = {{0}}, other = {{0}};
    x->work(d, &a->costs->caches, &one);
    y->work(d, &a->costs->caches, &other);
    for (int unit = 0; unit < LW_WORK_COUNT; unit++) /* the same formulas, optimised or not */
        cr_expect(fabs(one.unit[unit] - other.unit[unit]) <= 1e-12 * one.unit[unit], "%s: %s", x->name,
                  lw_work_unit((size_t)unit));
    cr_expect(x->bound(d) == y->bound(d) && x->rel_l2(d) == y->rel_l2(d) && x->tasks(d) == y->tasks(d), "%s",
              x->name);
    cr_expect_eq(x->packed_bytes ? x->packed_bytes(d) : 0, y->packed_bytes ? y->packed_bytes(d) : 0, "%s",
                 x->name);
    cr_expect_eq(x->workspace_bytes ? x->workspace_bytes(d) : 0,
                 y->workspace_bytes ? y->workspace_bytes(d) : 0, "%s", x->name);
}

/* Of the ISAs that this CPU has: only their compiled rows may be asked. */
Test(predict, told_as_compiled) {
    lw_desc problems[PROBLEMS];
    const char *reason;
    size_t compared = 0;
    list_problems(problems);
    for (size_t i = 0; i < predict_cpu_count(); i++) {
        static struct predict_target t;
        predict_target(&t, predict_cpu_at(i));
        for (size_t k = 0; k + 1 < t.target.isa_count; k++) {
            const struct lw_isa *told = t.target.isas[k];
            size_t here;
            if (!lw_isa_find(told->name, &here) || !lw_isa_usable(here, 0, &reason)) continue;
            const struct lw_isa *compiled = lw_isa_at(here);
            cr_assert_eq(told->row_count, compiled->row_count);
            cr_expect(told->lanes == compiled->lanes && told->cpu_features == compiled->cpu_features);
            for (size_t row = 0; row < told->row_count; row++) {
                cr_expect_str_eq(told->rows[row].name, compiled->rows[row].name);
                for (int p = 0; p < PROBLEMS; p++)
                    same_row(compiled, told, row, &problems[p]);
                compared++;
            }
        }
    }
    size_t first;
    const bool simd = lw_isa_count() > 1 && lw_isa_usable(0, 0, &reason);
    cr_expect(compared > 0 || !simd || !lw_isa_find(lw_isa_at(0)->name, &first));
}

/* Every CPU has a row with a sensible time for every problem, and reproducible plans choose the same family
 * everywhere. */
Test(predict, choices) {
    lw_desc problems[PROBLEMS];
    lw_options opt = lw_default_options();
    list_problems(problems);
    for (size_t i = 0; i < predict_cpu_count(); i++) {
        static struct predict_target t;
        predict_target(&t, predict_cpu_at(i));
        for (int p = 0; p < 2 * PROBLEMS; p++) {
            const lw_desc *d = &problems[p / 2];
            lw_explanation *e, *here;
            struct lw_row row, own;
            opt.reproducible = p % 2;
            cr_assert_eq(lw_explain_for(&e, &t.target, d, &opt, NULL), LW_OK);
            cr_assert_not_null(e->chosen, "%s, problem %d", predict_cpu_at(i)->name, p / 2);
            cr_expect_str_eq(e->rule, "predicted");
            cr_assert(lw_target_find(&t.target, e->chosen, &row));
            for (size_t c = 0; c < e->count; c++)
                if (e->candidates[c].eligible)
                    cr_expect(e->candidates[c].ns > 1 && e->candidates[c].ns < 1e10, "%s on %s: %g",
                              e->candidates[c].kernel, predict_cpu_at(i)->name, e->candidates[c].ns);
            if (opt.reproducible) {
                cr_assert_eq(lw_explain(&here, d, &opt, NULL), LW_OK);
                cr_assert(lw_row_find(here->chosen, &own));
                cr_expect(lw_row_same_family(&row, &own), "%s for %s, %s here", e->chosen,
                          predict_cpu_at(i)->name, here->chosen);
                lw_explanation_free(here);
            }
            lw_explanation_free(e);
        }
    }
}
