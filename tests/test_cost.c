/* What rows count as their work, and the estimate that is made of it (docs/cost-model.md). Nothing is timed.
 */
#include <math.h>
#include <string.h>
#include "common.h"

TestSuite(cost, .timeout = 60);

enum { UNITS = 64 };

static size_t unit_count(void) {
    size_t count = 0;
    while (lw_work_unit(count))
        count++;
    cr_assert(count > 0 && count <= UNITS);
    return count;
}

Test(cost, units_have_names_and_meanings) {
    const size_t count = unit_count();
    for (size_t i = 0; i < count; i++) {
        cr_expect(*lw_work_unit(i) && *lw_work_unit_meaning(i));
        for (size_t k = 0; k < i; k++)
            cr_expect(strcmp(lw_work_unit(i), lw_work_unit(k)) != 0, "%s twice", lw_work_unit(i));
    }
    cr_expect_null(lw_work_unit_meaning(count));
}

/* Every listed problem in NCHW and blocked, and each row that takes it. */
static void each_pair(void (*visit)(const lw_kernel_info *row, const lw_desc *d)) {
    const struct test_rows *rows = test_rows(LW_OP_COUNT);
    for (size_t i = 0; i < rows->count; i++) {
        const struct test_corpus *corpus = test_corpus(rows->row[i].op);
        for (size_t k = 0; k < 2 * corpus->listed; k++) {
            lw_desc d = corpus->problem[k / 2].desc;
            const lw_layout layout = k % 2 ? LW_BLOCKED : LW_NCHW;
            d.src_layout = d.dst_layout = layout;
            if (lw_desc_check(&d, NULL) != LW_OK) continue;
            if (lw_kernel_accepts(rows->row[i].name, &d, NULL) == LW_OK) visit(&rows->row[i], &d);
        }
    }
}

static void expect_counts(const lw_kernel_info *row, const lw_desc *d) {
    double one[UNITS], many[UNITS];
    lw_desc batch = *d;
    batch.batch *= 8;
    const size_t count = lw_kernel_work(row->name, d, one, UNITS);
    cr_assert_eq(count, unit_count(), "%s", row->name);
    cr_assert_eq(lw_kernel_work(row->name, &batch, many, UNITS), count, "%s", row->name);
    double levels[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        const char *unit = lw_work_unit(i);
        const bool level = strcmp(unit, "l2") == 0 || strcmp(unit, "l3") == 0 || strcmp(unit, "dram") == 0;
        cr_expect(isfinite(one[i]) && isfinite(many[i]) && one[i] >= 0, "%s: %g of %s", row->name, one[i],
                  unit);
        /* what images share (an execution, weights, the tiles that small images fill together) isn't
         * eightfold */
        cr_expect(level || (many[i] >= one[i] && many[i] <= 10 * one[i]), "%s: %g and %g of %s, ic %d",
                  row->name, one[i], many[i], unit, (int)d->ic);
        if (level) levels[0] += one[i], levels[1] += many[i];
    }
    cr_expect(levels[1] >= levels[0], "%s: bytes", row->name);
    cr_expect_eq(one[0], 1.0, "%s: executions", row->name);
}

Test(cost, counts_are_finite_and_grow_with_the_batch) { each_pair(expect_counts); }

/* Beside what two vector multiply-adds a cycle would take at 3 GHz. */
static void expect_estimate(const lw_kernel_info *row, const lw_desc *d) {
    lw_options opt = lw_default_options();
    lw_explanation *why = NULL;
    opt.kernel = row->name;
    opt.max_error = 1.0;
    cr_assert_eq(lw_explain(&why, d, &opt, NULL), LW_OK);
    for (size_t i = 0; i < why->count; i++) {
        const lw_candidate *c = &why->candidates[i];
        if (strcmp(c->kernel, row->name) != 0 || !c->eligible) continue;
        cr_expect(c->ns > 0 && isfinite(c->ns), "%s: %g", row->name, c->ns);
        if (row->op != LW_CONV) continue;
        const int64_t lanes = test_lanes(row->isa), of_group = d->oc / d->groups;
        const double vectors = (double)(d->groups * ((of_group + lanes - 1) / lanes));
        const double fewest = (double)((d->oc + lanes - 1) / lanes); /* with groups side by side */
        const double pixels = (double)lw_dst_floats(d) / (double)d->oc * (d->pool2x2 ? 4 : 1);
        const double ideal = vectors * pixels * (double)(d->ic / d->groups * d->kh * d->kw) / 2 / 3.0;
        cr_expect(c->ns > ideal * fewest / vectors / 8 && c->ns < 100 * ideal + 5000,
                  "%s on ic %d oc %d ih %d: %g ns, ideal %g", row->name, (int)d->ic, (int)d->oc, (int)d->ih,
                  c->ns, ideal);
    }
    lw_explanation_free(why);
}

Test(cost, estimates_are_of_the_right_magnitude) { each_pair(expect_estimate); }

/* Unless the estimate has it at half the time. */
static void expect_vectors(const lw_kernel_info *row, const lw_desc *d) {
    lw_explanation *why = NULL;
    cr_assert_eq(lw_explain(&why, d, NULL, NULL), LW_OK);
    const lw_candidate *chosen = NULL, *vector = NULL;
    for (size_t i = 0; i < why->count; i++) {
        const lw_candidate *c = &why->candidates[i];
        if (!c->eligible) continue;
        if (strcmp(c->kernel, why->chosen) == 0) chosen = c;
        if (!strstr(c->kernel, "_scalar") && (!vector || c->ns < vector->ns)) vector = c;
    }
    cr_assert_not_null(chosen);
    cr_expect(!vector || !strstr(chosen->kernel, "_scalar") || 2 * chosen->ns <= vector->ns,
              "%s is chosen for a problem of %s: %g ns, %s %g ns", chosen->kernel, row->name, chosen->ns,
              vector->kernel, vector->ns);
    lw_explanation_free(why);
}

Test(cost, vectors_come_before_scalar) { each_pair(expect_vectors); }

static double seen[UNITS];

static void note_units(const lw_kernel_info *row, const lw_desc *d) {
    double amount[UNITS];
    const size_t count = lw_kernel_work(row->name, d, amount, UNITS);
    for (size_t i = 0; i < count; i++)
        seen[i] += amount[i];
}

Test(cost, every_unit_is_counted_by_some_row) {
    static const char *const large[] = {"mb1_ic256ih28_oc256_kh3_ph1", "mb1_ic64ih448_oc64_kh1",
                                        "mb1_ic1024ih14_oc64_kh1"};
    each_pair(note_units);
    const struct test_rows *rows = test_rows(LW_CONV);
    for (size_t k = 0; k < 3 && rows->count; k++) { /* beyond the second, the third and the first cache */
        const lw_desc d = test_desc(LW_CONV, large[k]);
        for (size_t i = 0; i < rows->count; i++)
            note_units(&rows->row[i], &d);
    }
    const bool vectors = rows->count && test_lanes(rows->row[0].isa) > 1; /* else none is stored in part */
    for (size_t i = 0; i < unit_count() && rows->count; i++)
        cr_expect(seen[i] > 0 || (!vectors && strcmp(lw_work_unit(i), "masked") == 0), "no row counts %s",
                  lw_work_unit(i));
}

static double amount_of(const char *unit, const char *row, const char *problem) {
    double amount[UNITS];
    const lw_desc d = test_desc(LW_CONV, problem);
    const size_t count = lw_kernel_work(row, &d, amount, UNITS);
    cr_assert_eq(count, unit_count(), "%s", row);
    for (size_t i = 0; i < count; i++)
        if (strcmp(lw_work_unit(i), unit) == 0) return amount[i];
    cr_expect_fail("no unit %s", unit);
    return 0;
}

/* A tile touches lines of every plane: of a few they are in L1 for the next tile, of many none is. */
Test(cost, many_planes_are_read_again_for_each_tile) {
    const struct test_rows *rows = test_rows(LW_CONV);
    for (size_t i = 0; i < rows->count; i++) {
        const char *row = rows->row[i].name;
        const bool planes =
            strncmp(row, "conv_points_", 12) == 0 || strncmp(row, "conv_direct_nchw_", 17) == 0;
        if (!planes && strncmp(row, "conv_direct_", 12) != 0) continue;
        if (strncmp(row, "conv_direct_patch_", 18) == 0) continue;
        cr_expect_eq(amount_of("plane_line", row, "mb1_ic64ih14_oc256_kh1"), 0.0, "%s", row);
        const double many = amount_of("plane_line", row, "mb1_ic1024ih14_oc256_kh1");
        cr_expect(planes ? many > 8 * 1024 : many == 0, "%s: %g lines", row, many);
    }
}

Test(cost, work_of_what_a_row_refuses) {
    double amount[2] = {-1, -1};
    const lw_desc d = test_desc(LW_CONV, "mb1_ic8ih8_oc8_kh5_ph2");
    cr_expect_eq(lw_kernel_work("conv_winograd_f4x4_scalar_t2x4", &d, amount, 2), 0u);
    cr_expect_eq(lw_kernel_work("none", &d, amount, 2), 0u);
    cr_expect(lw_kernel_work("conv_direct_scalar_t3x4", &d, amount, 1) > 1 && amount[0] == 1 &&
              amount[1] == -1);
}
