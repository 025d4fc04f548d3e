/* The error bound of the Winograd rows (derivation: docs/numerics.md): the transforms of winograd_transform.h
 * once more, on magnitudes instead of values, counting the roundings that each term goes through. */
#ifndef LW_WINOGRAD_ERROR_H
#define LW_WINOGRAD_ERROR_H

#include "winograd_matrices.h"

/* A sum: of its terms' magnitudes, of each magnitude times its roundings, and the most roundings of a term.
 */
struct wino_terms {
    double size, rounded, longest;
};

/* c x. A product by a power of two is exact. */
static struct wino_terms wino_times(double c, struct wino_terms x, int roundings) {
    int exponent;
    if (frexp(fabs(c), &exponent) == 0.5) roundings = 0;
    return (struct wino_terms){fabs(c) * x.size, fabs(c) * (x.rounded + roundings * x.size),
                               x.longest + roundings};
}

static struct wino_terms wino_plus(struct wino_terms a, struct wino_terms b) {
    return (struct wino_terms){a.size + b.size, a.rounded + b.rounded + a.size + b.size,
                               fmax(a.longest, b.longest) + 1};
}

/* c a + b */
static struct wino_terms wino_fma_terms(double c, struct wino_terms a, struct wino_terms b) {
    return wino_plus(wino_times(c, a, LW_FMA_ROUNDINGS - 1), b);
}

static struct wino_terms wino_dot_terms(const float *coefficient, int n) {
    const struct wino_terms input = {1, 0, 0};
    struct wino_terms sum = wino_times(coefficient[n - 1], input, 1);
    for (int k = n - 2; k >= 0; k--)
        sum = wino_fma_terms(coefficient[k], input, sum);
    return sum;
}

/* wino_input_axis of inputs of magnitude 1. */
static void wino_input_terms(const struct wino_set *set, int P, struct wino_terms *point) {
    const struct wino_size *size = &set->size[P - 1];
    point[0] = wino_dot_terms(size->zero, P + 1);
    if (set->infinity) point[1] = wino_dot_terms(size->infinity, P + 1);
    point += 1 + set->infinity;
    for (int i = 0; i < P; i++) {
        const struct wino_terms part = wino_dot_terms(size->pair[i], P);
        point[2 * i] = point[2 * i + 1] = wino_fma_terms(set->p[i], part, part);
    }
}

/* Output k of wino_output_axis. */
static struct wino_terms wino_output_terms(const struct wino_set *set, int P, int k,
                                           const struct wino_terms *product) {
    const struct wino_terms *pair = product + 1 + set->infinity;
    struct wino_terms part[WINO_MAX_PAIRS];
    for (int i = 0; i < P; i++)
        part[i] = wino_plus(pair[2 * i], pair[2 * i + 1]);
    struct wino_terms out =
        k == 0 ? wino_plus(product[0], part[0]) : wino_times(set->power[0][k], part[0], 1);
    if (set->infinity && k == 2 * P - 1) out = wino_plus(product[1], out);
    for (int i = 1; i < P; i++)
        out = wino_fma_terms(set->power[i][k], part[i], out);
    return out;
}

#define WINO_AXIS_TERMS (3 * (1 + 3 + 5 + 7)) /* taps times the outputs of all tile sizes */

/* Each output of each tile size, from each tap of weight 1; returns how many. */
static int wino_axis_terms(const struct wino_set *set, struct wino_terms *axis) {
    int count = 0;
    for (int P = 1; P <= set->pairs; P++) {
        struct wino_terms point[WINO_MAX_POINTS], product[WINO_MAX_POINTS];
        wino_input_terms(set, P, point);
        for (int tap = 0; tap < 3; tap++) {
            for (int i = 0; i < WINO_POINTS(set, P); i++)
                product[i] = wino_times(set->g[i][tap], point[i], 0);
            for (int k = 0; k < WINO_OUTPUTS(set, P); k++)
                axis[count++] = wino_output_terms(set, P, k, product);
        }
    }
    return count;
}

/* Besides the transforms' own: the weight, rounded to float once and some eight times in double; a chain of
 * products that starts at zero, one rounding a channel, fused or not; the bias. */
static double wino_bound(const struct wino_set *set, int64_t ic) {
    const double between = (1 + 0x1p-26) + (double)ic + 1;
    struct wino_terms axis[WINO_AXIS_TERMS];
    const int count = wino_axis_terms(set, axis);
    double worst = 0;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            const struct wino_terms y = axis[i], x = axis[j];
            const double c = y.size * x.size * between + y.rounded * x.size + y.size * x.rounded;
            worst = fmax(worst, c / (1 - (between + y.longest + x.longest) * 0x1p-24));
        }
    return worst;
}

/* Measured on normal data, 1 to 2,048 channels, within a quarter: what the transforms lose is in proportion
 * to the output, what the sum over channels adds is a random walk. An unfused product makes no difference
 * that shows. */
static double wino_rel_l2(const struct wino_set *set, int64_t ic) {
    static const struct { double transforms, sum; } part[] = {{1.5, 0.54}, {4.4, 1.5}, {18.5, 6.4}, {52, 17}};
    const double transforms = part[set->pairs - 1].transforms, sum = part[set->pairs - 1].sum;
    return 0x1p-24 * sqrt(transforms * transforms + sum * sum * (double)ic);
}

#endif
