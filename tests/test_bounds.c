/* The published bounds: each row's c recomputed from what docs/numerics.md says of its algorithm, and data
 * that comes near it. A bound that is too small fails where it is broken, one that is too large fails here.
 */
#include "common.h"
#include "winograd_exact.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- c from first principles --------------------------------------------------------------------------- */

/* Roundings of a multiply-add. */
static int fma_roundings(const lw_kernel_info *row) { return strcmp(row->isa, "scalar") == 0 ? 2 : 1; }

/* n roundings in a chain: Higham's gamma, in units of u. */
static double gamma_of(double n) { return n / (1 - n * 0x1p-24); }

static double ceil_div(double a, double b) { return ceil(a / b); }

/* A chain of multiply-adds over all taps and channels, starting from the bias. */
static double direct_c(const lw_kernel_info *row, const lw_desc *d) {
    return gamma_of((double)(d->ic / d->groups * d->kh * d->kw) + fma_roundings(row) - 1);
}

static double winograd_c(const lw_kernel_info *row, const lw_desc *d) {
    return forms_bound(exact_row_of(row->name), (double)d->ic, fma_roundings(row));
}

/* Sums along the inputs have sixteen lanes in every ISA, chunks of a fixed size, and a tree of four levels.
 */
enum { SUM_LANES = 16, LINEAR_INPUTS = 784, SOFTMAX_VALUES = 64 * SUM_LANES };

/* A lane's products within a chunk, the tree, the chunks. */
static double linear_c(const lw_kernel_info *row, const lw_desc *d) {
    const double channels = d->src_layout == LW_BLOCKED ? 16 * ceil_div((double)d->ic, 16) : (double)d->ic;
    const double inputs = channels * (double)(d->ih * d->iw);
    return gamma_of(fma_roundings(row) * ceil_div(fmin(LINEAR_INPUTS, inputs), SUM_LANES) +
                    ceil_div(inputs, LINEAR_INPUTS) + 4);
}

/* The rounded difference to the maximum, up to 104, beyond which the result is 0; the mean of it in the sum;
 * two polynomials; a lane's sum in a chunk, the chunks, the tail and the tree; the division. */
static double softmax_c(const lw_kernel_info *row, const lw_desc *d) {
    const double n = (double)d->ic;
    const double chain = ceil_div(fmin(SOFTMAX_VALUES, n), SUM_LANES) + ceil_div(n, SOFTMAX_VALUES) + 1 + 4;
    return gamma_of(104 + log(n) + 8 * fma_roundings(row) + chain + 1);
}

static double exact_c(const lw_kernel_info *row, const lw_desc *d) {
    (void)row, (void)d;
    return 0;
}

/* The smallest problems: few roundings, so that few have to go the same way. CONV_3X3 is one tile of F(6x6),
 * which is a large and a small one of F(4x4). */
#define CONV_3X3 "mb1ic1ih8oc1kh3ph0"
#define CONV_1X1 "mb1ic9ih4oc1kh1ph0"

/* reach: what the climb below must reach on the small problem, as a fraction of the bound; about half of what
 * it reaches, so that a bound which is three times too large fails. */
struct family {
    lw_op op;
    const char *algorithm, *name; /* of its rows: what the name begins with */
    double (*c)(const lw_kernel_info *row, const lw_desc *d);
    double reach;
    const char *problem;
};
static const struct family families[] = {
    {LW_CONV, "direct", "conv_direct", direct_c, 1.0 / 6, CONV_3X3},
    {LW_CONV, "direct", "conv_points", direct_c, 1.0 / 6, CONV_1X1},
    {LW_CONV, "depthwise", "conv_depthwise", direct_c, 1.0 / 6, CONV_3X3},
    {LW_CONV, "winograd", "conv_winograd_f1x4", winograd_c, 1.0 / 13, CONV_3X3},
    {LW_CONV, "winograd", "conv_winograd_f2x2", winograd_c, 1.0 / 20, CONV_3X3},
    {LW_CONV, "winograd", "conv_winograd_f4x4", winograd_c, 1.0 / 60, CONV_3X3},
    {LW_CONV, "winograd", "conv_winograd_f6x6", winograd_c, 1.0 / 80, CONV_3X3},
    {LW_CONV, "winograd", "conv_winograd_f7x7", winograd_c, 1.0 / 110, CONV_3X3},
    {LW_LINEAR, "gemv", "linear", linear_c, 1.0 / 10, "mb1ic4oc1"},
    {LW_SOFTMAX, "map", "softmax", softmax_c, 1.0 / 4, "mb1ic4"},
    {LW_MAXPOOL, "pool", "maxpool", exact_c, 0, ""},
    {LW_RELU, "map", "relu", exact_c, 0, ""},
};

static const struct family *family_of(const lw_kernel_info *row) {
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        const struct family *f = &families[i];
        if (f->op == row->op && strcmp(f->algorithm, row->algorithm) == 0 &&
            strncmp(f->name, row->name, strlen(f->name)) == 0)
            return f;
    }
    cr_assert_fail("%s, algorithm %s: this suite doesn't know where its bound comes from", row->name,
                   row->algorithm);
    return NULL;
}

static void check_c(const lw_kernel_info *row, const lw_desc *d) {
    const double published = lw_kernel_bound(row->name, d), c = family_of(row)->c(row, d);
    char text[200];
    lw_desc_problem(d, text, sizeof text);
    cr_expect(fabs(published - c) <= 1e-12 * c, "%s %s: c is published as %.15g, and is %.15g", row->name,
              text, published, c);
}

Test(bounds, follow_from_the_algorithm, .timeout = 600) {
    static const lw_layout layouts[] = {LW_NCHW, LW_NHWC, LW_BLOCKED};
    const struct test_rows *rows = test_rows(LW_OP_COUNT);
    for (size_t r = 0; r < rows->count; r++) {
        const struct test_corpus *corpus = test_corpus(rows->row[r].op);
        int checked = 0;
        for (size_t p = 0; p < corpus->count; p++) {
            lw_desc d = corpus->problem[p].desc;
            d.src_layout = d.dst_layout = layouts[p % 3];
            if (lw_kernel_accepts(rows->row[r].name, &d, NULL) != LW_OK) continue;
            check_c(&rows->row[r], &d);
            checked++;
        }
        cr_expect_gt(checked, 0, "%s takes nothing of the corpus", rows->row[r].name);
    }
}

/* ---- data that comes near the bound -------------------------------------------------------------------- */

/* Climbs: one value of the source or the weights is changed at a time, and the change stays unless the worst
 * error is a smaller fraction of the bound. All values are of like magnitude, so that the bound's largest |x|
 * is every |x|, or zero. */
struct climb {
    const lw_kernel_info *row;
    lw_desc d;
    size_t inputs, weights;
    float *x, *w, *src, *dst; /* x: NCHW */
    lw_plan *plan;
    void *workspace;
    double c;
    uint64_t random;
};

static uint64_t draw(struct climb *s, uint64_t count) {
    s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (s->random >> 33) % count;
}

static void make_plan(struct climb *s) {
    lw_options o = lw_default_options();
    o.kernel = s->row->name;
    lw_plan_destroy(s->plan);
    cr_assert_eq(lw_plan_create(&s->plan, &s->d, s->weights ? s->w : NULL, NULL, &o, NULL), LW_OK);
}

static float draw_value(struct climb *s, bool weight) {
    if (s->d.op == LW_SOFTMAX) return -(float)draw(s, 86u << 20) * 0x1p-20f;
    if (draw(s, weight ? 2 : 64) == 0) return 0;
    const float magnitude = 0.5f + (float)draw(s, 1 << 23) * 0x1p-24f;
    return draw(s, 2) ? magnitude : -magnitude;
}

static double worst_fraction(struct climb *s) {
    int64_t oc, oh, ow;
    double worst = 0;
    lw_convert_layout(s->x, LW_NCHW, s->src, s->d.src_layout, s->d.batch, s->d.ic, s->d.ih, s->d.iw);
    cr_assert_eq(lw_plan_execute(s->plan, s->src, s->dst, s->workspace), LW_OK);
    lw_desc_output(&s->d, &oc, &oh, &ow);
    for (int64_t i = 0; i < oc * oh * ow; i++) {
        const int64_t o = i / (oh * ow), y = i / ow % oh, x = i % ow;
        double scale;
        const double ref = lw_ref_at(&s->d, s->x, s->w, NULL, 0, o, y, x, &scale);
        if (s->row->spread > 0)
            scale = lw_ref_spread_scale_at(&s->d, s->x, s->w, NULL, 0, o, y, x, s->row->spread);
        if (scale > 0x1p-100) worst = fmax(worst, fabs(s->dst[i] - ref) / (s->c * 0x1p-24 * scale));
    }
    return worst;
}

static double climb(struct climb *s, int steps) {
    for (size_t i = 0; i < s->inputs; i++)
        s->x[i] = draw_value(s, false);
    for (size_t i = 0; i < s->weights; i++)
        s->w[i] = draw_value(s, true);
    make_plan(s);
    double best = worst_fraction(s);
    for (int step = 0; step < steps; step++) {
        const bool weight = s->weights > 0 && draw(s, 8) == 0;
        float *value = weight ? &s->w[draw(s, s->weights)] : &s->x[draw(s, s->inputs)], before = *value;
        *value = draw_value(s, weight);
        if (weight) make_plan(s);
        const double now = worst_fraction(s);
        if (now >= best) {
            best = now;
            continue;
        }
        *value = before;
        if (weight) make_plan(s);
    }
    return best;
}

static lw_desc small_problem(const lw_kernel_info *row) {
    lw_desc d = test_desc(row->op, family_of(row)->problem);
    d.bias = false;
    if (!(row->src_layouts & 1u << LW_NCHW)) d.src_layout = LW_BLOCKED;
    return d;
}

/* The best of a few climbs. */
static double reach(const lw_kernel_info *row) {
    struct climb s = {.row = row, .d = small_problem(row), .random = 1};
    cr_assert_eq(lw_kernel_accepts(row->name, &s.d, NULL), LW_OK, "%s refuses a small problem", row->name);
    s.inputs = (size_t)(s.d.ic * s.d.ih * s.d.iw);
    s.weights = lw_weight_floats(&s.d);
    s.c = lw_kernel_bound(row->name, &s.d);
    s.x = malloc(s.inputs * sizeof(float));
    s.w = calloc(s.weights + 1, sizeof(float));
    s.src = malloc(lw_src_floats(&s.d) * sizeof(float));
    s.dst = malloc(lw_dst_floats(&s.d) * sizeof(float));
    cr_assert(s.x && s.w && s.src && s.dst);
    make_plan(&s);
    const size_t bytes = (lw_plan_workspace(s.plan) + 63) / 64 * 64;
    s.workspace = bytes > 0 ? aligned_alloc(64, bytes) : NULL;
    double best = 0;
    for (int attempt = 0; attempt < (test_quick() ? 1 : 3); attempt++)
        best = fmax(best, climb(&s, 8000));
    lw_plan_destroy(s.plan);
    free(s.x);
    free(s.w);
    free(s.src);
    free(s.dst);
    free(s.workspace);
    return best;
}

Test(bounds, are_nearly_reached, .timeout = 600) {
    const struct test_rows *rows = test_rows(LW_OP_COUNT);
    for (size_t r = 0; r < rows->count; r++) {
        const lw_kernel_info *row = &rows->row[r];
        const struct family *f = family_of(row);
        if (f->reach == 0) continue;
        const double reached = reach(row);
        printf("%s: reaches 1/%.1f of its bound\n", row->name, 1 / reached);
        cr_expect(reached <= 1, "%s: breaks its bound: %g of it", row->name, reached);
        cr_expect(reached >= f->reach, "%s: reaches %g of its bound, which should be %g at least", row->name,
                  reached, f->reach);
    }
    fflush(stdout);
}
