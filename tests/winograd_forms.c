/* The kernels' own transforms of one axis, compiled over a "vector" which is a linear form: for each input
 * its coefficient, and the roundings that it has gone through. So the matrices and the error bound are those
 * of the code that runs, whatever its order of operations. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "winograd_exact.h"
#include "kernels/common/unroll.h"

#define VL 1

typedef struct form {
    double constant; /* of v_set1; coefficients are all 0 then */
    double coefficient[EXACT_POINTS];
    int roundings[EXACT_POINTS];
} vf;

static int fma_roundings;

static vf plus(vf a, vf b, double sign) {
    for (int i = 0; i < EXACT_POINTS; i++) {
        a.roundings[i] =
            (int)fmax(a.coefficient[i] != 0 ? a.roundings[i] : 0, b.coefficient[i] != 0 ? b.roundings[i] : 0);
        a.coefficient[i] += sign * b.coefficient[i];
        a.roundings[i]++;
    }
    return a;
}

/* constant * x; a product by a power of two is exact. */
static vf times(vf constant, vf x, int roundings) {
    int exponent;
    const bool exact = fabs(frexp(constant.constant, &exponent)) == 0.5;
    for (int i = 0; i < EXACT_POINTS; i++) {
        x.coefficient[i] *= constant.constant;
        x.roundings[i] += exact ? 0 : roundings;
    }
    return x;
}

static inline vf v_zero(void) { return (vf){0}; }
static inline vf v_set1(float x) { return (vf){.constant = x}; }
static inline vf v_add(vf a, vf b) { return plus(a, b, 1); }
static inline vf v_sub(vf a, vf b) { return plus(a, b, -1); }
static inline vf v_mul(vf a, vf b) { return times(a, b, 1); }
static inline vf v_fma(vf a, vf b, vf c) { return plus(times(a, b, fma_roundings - 1), c, 1); }
static inline vf v_fnma(vf a, vf b, vf c) { return plus(c, times(a, b, fma_roundings - 1), -1); }

typedef const float *vq;
static inline vq vq_constants(const float *p) { return p; }
static inline vf v_fma_lane(vf acc, vf w, vq q, int i) { return v_fma(v_set1(q[i]), w, acc); }

#include "kernels/common/winograd_axis.h"

static void unit_forms(vf *x) {
    for (int i = 0; i < EXACT_POINTS; i++) {
        x[i] = v_zero();
        x[i].coefficient[i] = 1;
    }
}

struct forms {
    vf point[WINO_MAX_POINTS]; /* of the inputs */
    vf y[WINO_MAX_OUTPUTS];    /* of the products */
};

/* Set and pairs are constants to the templates, here as in the kernels. */
#define RUN(set, P)                                                                                          \
    static void set##_##P(const vf *unit, struct forms *f) {                                                 \
        wino_input_axis(&set, P, unit, f->point);                                                            \
        wino_output_axis(&set, P, unit, f->y);                                                               \
    }
RUN(wino_f2, 1)
RUN(wino_f4, 1)
RUN(wino_f4, 2)
RUN(wino_f6, 1)
RUN(wino_f6, 2)
RUN(wino_f6, 3)
RUN(wino_f7, 1)
RUN(wino_f7, 2)
RUN(wino_f7, 3)
RUN(wino_f7, 4)

static void (*const runs[EXACT_SETS][WINO_MAX_PAIRS])(const vf *unit, struct forms *f) = {
    {wino_f2_1},
    {wino_f4_1, wino_f4_2},
    {wino_f6_1, wino_f6_2, wino_f6_3},
    {wino_f7_1, wino_f7_2, wino_f7_3, wino_f7_4},
};

static struct forms run(int set, int pairs, int roundings) {
    vf unit[EXACT_POINTS];
    struct forms f = {0};
    unit_forms(unit);
    fma_roundings = roundings;
    runs[set][pairs - 1](unit, &f);
    return f;
}

void forms_check(int set, int pairs) {
    const struct exact_tile exact = exact_tile(&exact_sets[set], pairs);
    const struct forms f = run(set, pairs, 1);
    for (int i = 0; i < exact.points; i++) {
        for (int e = 0; e < exact.points; e++)
            cr_expect(fraction_equal(fraction_of(f.point[i].coefficient[e]), exact.b[i][e]),
                      "%s, %d pairs: the input transform has %g of input %d in point %d",
                      exact_sets[set].name, pairs, f.point[i].coefficient[e], e, i);
        for (int k = 0; k < exact.outputs; k++)
            cr_expect(fraction_equal(fraction_of(f.y[k].coefficient[i]), exact.a[k][i]),
                      "%s, %d pairs: the output transform has %g of point %d in output %d",
                      exact_sets[set].name, pairs, f.y[k].coefficient[i], i, k);
    }
}

/* Of one output and tap along one axis: sum over points and inputs of |A G B|, the same with each term times
 * its roundings, and the most of them. */
struct axis {
    double size, rounded, longest;
};

static struct axis axis_of(const struct exact_tile *t, const struct forms *f, int k, int tap) {
    struct axis s = {0};
    for (int i = 0; i < t->points; i++)
        for (int e = 0; e < t->points; e++) {
            const double term = fabs(fraction_double(t->a[k][i]) * fraction_double(t->g[i][tap]) *
                                     fraction_double(t->b[i][e]));
            const int roundings = f->y[k].roundings[i] + f->point[i].roundings[e];
            s.size += term;
            s.rounded += term * roundings;
            if (t->a[k][i].n != 0 && t->b[i][e].n != 0) s.longest = fmax(s.longest, roundings);
        }
    return s;
}

/* A line's columns add nothing to its rows, but three products in place of one. */
double forms_bound(const struct exact_row *row, double channels, int roundings) {
    struct axis axis[64];
    const struct axis plain = {.size = 1};
    int count = 0;
    for (int pairs = row->line ? row->pairs : 1; pairs <= row->pairs; pairs++) {
        const struct exact_tile t = exact_tile(&exact_sets[row->set], pairs);
        const struct forms f = run(row->set, pairs, roundings);
        for (int k = 0; k < t.outputs; k++)
            for (int tap = 0; tap < 3; tap++)
                axis[count++] = axis_of(&t, &f, k, tap);
    }
    /* the weight (once in float, some eight times in double), one for each product, the bias */
    const double between = 1 + 8 * 0x1p-29 + channels * (row->line ? 3 : 1) + 1;
    double worst = 0;
    for (int i = 0; i < (row->line ? 1 : count); i++)
        for (int j = 0; j < count; j++) {
            const struct axis y = row->line ? plain : axis[i], x = axis[j];
            const double first = y.size * x.size * between + y.rounded * x.size + y.size * x.rounded;
            worst = fmax(worst, first / (1 - (between + y.longest + x.longest) * 0x1p-24));
        }
    return worst;
}
