/* Winograd's matrices: the tables and the transforms' code against exact fractions derived from the points
 * alone, then the kernels on data that shows every entry. One wrong constant anywhere fails here. */
#include "common.h"
#include "winograd_exact.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "kernels/common/winograd_matrices.h"

static const struct wino_set *const tables[EXACT_SETS] = {&wino_f2, &wino_f4, &wino_f6, &wino_f7};

/* ---- the tables ---------------------------------------------------------------------------------------- */

static void expect(double entry, struct fraction exact, const char *set, const char *table, int i, int k) {
    cr_expect(fraction_equal(fraction_of(entry), exact), "%s: %s[%d][%d] is %.17g, should be %.17g", set,
              table, i, k, entry, fraction_double(exact));
}

static const struct fraction zero = {0, 1};

static void check_size(int set, int pairs) {
    const struct exact_tile t = exact_tile(&exact_sets[set], pairs);
    const struct wino_size *size = &tables[set]->size[pairs - 1];
    const char *name = exact_sets[set].name;
    for (int k = 0; k <= WINO_MAX_PAIRS; k++) {
        expect(size->zero[k], k <= pairs ? t.b[0][2 * k] : zero, name, "zero", pairs, k);
        expect(size->infinity[k], exact_sets[set].infinity && k <= pairs ? t.b[1][2 * k + 1] : zero, name,
               "infinity", pairs, k);
    }
    for (int i = 0; i < WINO_MAX_PAIRS; i++)
        for (int k = 0; k < WINO_MAX_PAIRS; k++)
            expect(size->pair[i][k],
                   i < pairs && k < pairs ? t.b[1 + exact_sets[set].infinity + 2 * i][2 * k + 2] : zero, name,
                   "pair", i, k);
}

Test(winograd, tables) {
    for (int s = 0; s < EXACT_SETS; s++) {
        const struct exact_set *set = &exact_sets[s];
        const struct exact_tile largest = exact_tile(set, set->pairs);
        cr_assert_eq(tables[s]->pairs, set->pairs);
        cr_assert_eq(tables[s]->infinity, set->infinity);
        for (int i = 0; i < set->pairs; i++) {
            expect(tables[s]->p[i], set->p[i], set->name, "p", i, 0);
            for (int k = 0; k < largest.outputs; k++)
                expect(tables[s]->power[i][k], largest.a[k][1 + set->infinity + 2 * i], set->name, "power", i,
                       k);
        }
        for (int i = 0; i < largest.points; i++)
            for (int tap = 0; tap < 3; tap++)
                cr_expect(tables[s]->g[i][tap] == fraction_double(largest.g[i][tap]),
                          "%s: G[%d][%d] is %.17g, should be %.17g", set->name, i, tap, tables[s]->g[i][tap],
                          fraction_double(largest.g[i][tap]));
        for (int pairs = 1; pairs <= set->pairs; pairs++)
            check_size(s, pairs);
    }
}

/* ---- the identity -------------------------------------------------------------------------------------- */

/* The tile's matrices as the tables have them (the odd part of a pair is p times the even one's
 * coefficients), and G exactly. */
static struct exact_tile table_tile(int set, int pairs) {
    const struct wino_set *table = tables[set];
    const struct wino_size *size = &table->size[pairs - 1];
    const struct exact_tile exact = exact_tile(&exact_sets[set], pairs);
    const int singles = 1 + table->infinity; /* points that are in no pair */
    struct exact_tile t = {.outputs = exact.outputs, .points = exact.points};
    for (int i = 0; i < t.points; i++) {
        const int pair = (i - singles) / 2, sign = (i - singles) % 2 ? -1 : 1;
        for (int k = 0; k < t.outputs; k++)
            t.a[k][i] = i == 0        ? fraction_of(k == 0)
                        : i < singles ? fraction_of(k == t.outputs - 1)
                                      : fraction_of((k % 2 ? sign : 1) * table->power[pair][k]);
        for (int tap = 0; tap < 3; tap++)
            t.g[i][tap] = exact.g[i][tap];
        for (int e = 0; e < t.points; e++)
            t.b[i][e] = zero;
        for (int k = 0; i < singles && k <= pairs; k++)
            t.b[i][2 * k + i] = fraction_of(i == 0 ? size->zero[k] : size->infinity[k]);
        for (int k = 0; i >= singles && k < pairs; k++) {
            const struct fraction p = fraction_of(sign * table->p[pair]);
            t.b[i][2 * k + 2] = fraction_of(size->pair[pair][k]);
            t.b[i][2 * k + 1] = fraction_mul(p, t.b[i][2 * k + 2]);
        }
    }
    return t;
}

/* Output k has input e times tap a just where e = k + a: a correlation. */
static void check_identity(const struct exact_tile *t, const char *set) {
    for (int k = 0; k < t->outputs; k++)
        for (int tap = 0; tap < 3; tap++)
            for (int e = 0; e < t->points; e++) {
                struct fraction sum = zero;
                for (int i = 0; i < t->points; i++)
                    sum = fraction_add(sum, fraction_mul(t->a[k][i], fraction_mul(t->g[i][tap], t->b[i][e])));
                cr_expect(fraction_equal(sum, fraction_of(e == k + tap)),
                          "%s, %d outputs: output %d has %g of tap %d times input %d", set, t->outputs, k,
                          fraction_double(sum), tap, e);
            }
}

Test(winograd, matrices_are_a_correlation) {
    for (int s = 0; s < EXACT_SETS; s++)
        for (int pairs = 1; pairs <= exact_sets[s].pairs; pairs++) {
            const struct exact_tile exact = exact_tile(&exact_sets[s], pairs), table = table_tile(s, pairs);
            check_identity(&exact, exact_sets[s].name);
            check_identity(&table, exact_sets[s].name);
        }
}

Test(winograd, transforms_compute_the_matrices) {
    for (int s = 0; s < EXACT_SETS; s++)
        for (int pairs = 1; pairs <= exact_sets[s].pairs; pairs++)
            forms_check(s, pairs);
}

/* ---- the kernels: both axes ---------------------------------------------------------------------------- */

/* One tile of h x w inputs, and two fewer outputs each way; image n has its n-th pixel alone, filter o its
 * o-th tap. The result is one value where pixel, tap and output meet and zero elsewhere, give or take the
 * errors of the transforms, which are three orders of magnitude smaller. */
static void check_tile(const lw_kernel_info *row, int h, int w) {
    const int pixels = h * w;
    const float value = 1024, weight = 3;
    lw_desc d = lw_conv2d(pixels, 1, h, w, 9, 3, 3);
    d.bias = false;
    float *src = calloc((size_t)(pixels * pixels), sizeof *src), weights[9 * 9] = {0};
    cr_assert_not_null(src);
    for (int n = 0; n < pixels; n++)
        src[n * pixels + n] = value;
    for (int o = 0; o < 9; o++)
        weights[o * 9 + o] = weight;
    float *dst = test_run(row->name, &d, src, weights, NULL, 1);
    cr_assert_not_null(dst, "%s refuses one tile", row->name);
    for (int n = 0, i = 0; n < pixels; n++)
        for (int o = 0; o < 9; o++)
            for (int y = 0; y < h - 2; y++)
                for (int x = 0; x < w - 2; x++, i++) {
                    const bool meet = n / w == y + o / 3 && n % w == x + o % 3;
                    const float should = meet ? value * weight : 0;
                    cr_expect(fabsf(dst[i] - should) < 1, "%s: pixel %d, tap %d, output %d,%d: %g, not %g",
                              row->name, n, o, y, x, dst[i], should);
                }
    free(dst);
    free(src);
}

Test(winograd, every_tile_size, .timeout = 600) {
    const struct test_rows *rows = test_rows(LW_CONV);
    int checked = 0;
    for (size_t r = 0; r < rows->count; r++) {
        if (strcmp(rows->row[r].algorithm, "winograd") != 0) continue;
        const struct exact_row *row = exact_row_of(rows->row[r].name);
        const struct exact_set *set = &exact_sets[row->set];
        for (int py = 1; py <= row->pairs; py++)
            for (int px = 1; px <= row->pairs; px++, checked++)
                check_tile(&rows->row[r], exact_points(set, py), exact_points(set, px));
    }
    cr_assert_gt(checked, 0, "no Winograd row is usable");
}
