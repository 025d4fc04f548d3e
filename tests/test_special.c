/* NaN, infinities, -0 and denormals, in the body and the tail of every usable row: what comes out is what the
 * reference says, for max pool and ReLU to the bit. */
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const lw_layout layouts[] = {LW_NCHW, LW_NHWC, LW_BLOCKED};

/* One row of each kind takes some of these; sizes leave a tail of every vector in width and channels. */
static const struct {
    lw_op op;
    const char *string;
    int tail;
} problems[] = {
    {LW_CONV, "mb1ic17ih4iw19oc19kh3ph1", 0},
    {LW_CONV, "mb1ic3ih6iw19oc17kh3ph1", 1},
    {LW_CONV, "mb1ic1ih6iw21oc17kh3ph1", 3},
    {LW_CONV, "mb1ic16ih4iw18oc32kh3ph1", 1},
    {LW_CONV, "mb1ic5ih5iw11oc9kh1ph0", 2},
    {LW_CONV, "mb1ic6ih9iw23oc5kh5sh2ph2", 3},
    {LW_CONV, "g19mb1ic19ih5iw19oc19kh3ph1", 3},
    {LW_CONV, "g17mb1ic17ih7iw9oc17kh3sh2ph1", 1},
    {LW_CONV, "g2mb1ic6ih5iw9oc10kh3ph1", 0},
    {LW_MAXPOOL, "mb1ic19ih6iw37kh2sh2ph0", 0},
    {LW_MAXPOOL, "mb1ic3ih7iw37kh2sh2ph1", 0},
    {LW_MAXPOOL, "mb1ic19ih7iw37kh3sh2ph1", 0},
    {LW_MAXPOOL, "mb1ic5ih8iw35kh3sh2ph0", 0},
    {LW_MAXPOOL, "mb1ic18ih7iw20kh3kw4sh1ph1dh1", 0},
    {LW_LINEAR, "mb2ic37oc19", 0},
    {LW_LINEAR, "mb1ic17ih2iw3oc35", 1},
    {LW_RELU, "mb1ic19ih3iw7", 0},
    {LW_SOFTMAX, "mb3ic37", 0},
};
enum { PROBLEMS = sizeof problems / sizeof *problems };

static const uint32_t specials[] = {
    0x7FC00000, /* NaN */
    0xFFC00001, /* NaN, negative, another payload */
    0x7F800000, /* +Inf */
    0xFF800000, /* -Inf */
    0x80000000, /* -0 */
    0x00000001, /* the smallest denormal */
    0x807FFFFF, /* the largest denormal, negative */
    0x7F7FFFFF  /* the largest number */
};
enum { SPECIALS = sizeof specials / sizeof *specials };

static float from_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* One row on one problem, its plan kept while the source changes. */
struct bench {
    const lw_kernel_info *row;
    lw_desc d;
    size_t plain, weights;
    float *nchw, *w, *bias, *src, *dst;
    void *workspace;
    lw_plan *plan;
    double bound;
};

static bool open_bench(struct bench *b, const lw_kernel_info *row, const lw_desc *d) {
    lw_options o = lw_default_options();
    lw_error error;
    if (lw_desc_check(d, NULL) != LW_OK || lw_kernel_accepts(row->name, d, NULL) != LW_OK) return false;
    *b = (struct bench){.row = row, .d = *d, .bound = lw_kernel_bound(row->name, d)};
    b->plain = (size_t)(d->batch * d->ic * d->ih * d->iw);
    b->weights = lw_weight_floats(d);
    b->nchw = malloc(b->plain * sizeof(float));
    b->w = malloc((b->weights + 1) * sizeof(float));
    b->bias = malloc((size_t)d->oc * sizeof(float));
    b->src = malloc(lw_src_floats(d) * sizeof(float));
    b->dst = malloc(lw_dst_floats(d) * sizeof(float));
    cr_assert(b->nchw && b->w && b->bias && b->src && b->dst);
    lw_fill(b->w, b->weights, LW_FILL_NORMAL, 2);
    lw_fill(b->bias, (size_t)d->oc, LW_FILL_NORMAL, 3);
    o.kernel = row->name;
    lw_status status =
        lw_plan_create(&b->plan, d, b->weights ? b->w : NULL, d->bias ? b->bias : NULL, &o, &error);
    cr_assert_eq(status, LW_OK, "%s: %s", row->name, error.text);
    size_t bytes = (lw_plan_workspace(b->plan) + 63) / 64 * 64;
    b->workspace = bytes > 0 ? aligned_alloc(64, bytes) : NULL;
    return true;
}

static void close_bench(struct bench *b) {
    lw_plan_destroy(b->plan);
    free(b->nchw);
    free(b->w);
    free(b->bias);
    free(b->src);
    free(b->dst);
    free(b->workspace);
}

static void run_bench(struct bench *b, struct test_tally *tally, const char *what) {
    struct lw_verify_options opt = {0};
    struct lw_verify_result r;
    char text[300];
    lw_convert_layout(b->nchw, LW_NCHW, b->src, b->d.src_layout, b->d.batch, b->d.ic, b->d.ih, b->d.iw);
    cr_assert_eq(lw_plan_execute(b->plan, b->src, b->dst, b->workspace), LW_OK);
    lw_verify_output(&b->d, b->nchw, b->w, b->bias, b->dst, b->bound, &opt, &r);
    tally->checked++;
    if (r.err_over_bound > tally->worst) tally->worst = r.err_over_bound;
    if (r.status == LW_OK && r.ok) return;
    snprintf(text, sizeof text, "%s: %s", what, r.worst);
    test_report(tally, b->row->name, &b->d, text);
}

typedef void (*special_test)(struct bench *b, struct test_tally *tally);

/* Runs a test for every row, problem and layout of the operations in the mask. */
static void for_all(unsigned ops, special_test test, const char *what) {
    struct test_tally tally = {0};
    const struct test_rows *rows = test_rows(LW_OP_COUNT);
    for (size_t r = 0; r < rows->count; r++) {
        int64_t before = tally.checked;
        if (!(ops & 1u << rows->row[r].op)) continue;
        if (!test_is_ieee(&rows->row[r])) {
            printf("%s: has tests of its own: %s spreads special values over a tile\n", rows->row[r].name,
                   rows->row[r].algorithm);
            continue;
        }
        for (int i = 0; i < PROBLEMS; i++)
            for (int pair = 0; pair < 9; pair++) {
                if (problems[i].op != rows->row[r].op) continue;
                struct bench b;
                lw_desc d = test_desc(problems[i].op, problems[i].string);
                d.src_layout = layouts[pair / 3];
                d.dst_layout = layouts[pair % 3];
                test_set_tail(&d, problems[i].tail);
                if (!open_bench(&b, &rows->row[r], &d)) continue;
                test(&b, &tally);
                close_bench(&b);
            }
        cr_expect_gt(tally.checked, before, "%s ran nothing", rows->row[r].name);
    }
    test_finish(&tally, what);
}

#define ALL_OPS ((1u << LW_OP_COUNT) - 1)
#define ON(op)  (1u << (op))
#define SUMS    (ON(LW_CONV) | ON(LW_LINEAR))
#define EXACT   (ON(LW_MAXPOOL) | ON(LW_RELU))

/* ---- one special value among ordinary ones ------------------------------------------------------------- */

static void one_special(struct bench *b, struct test_tally *tally) {
    char what[64];
    size_t wanted = test_quick() ? 6 : b->d.op == LW_CONV ? 40 : 150;
    size_t step = b->plain / wanted * 2 / 2 + 1;
    lw_fill(b->nchw, b->plain, LW_FILL_NORMAL, 1);
    for (size_t k = 0, at = 0; at < b->plain; k++, at += step) {
        size_t last =
            at + step >= b->plain ? b->plain - 1 : at; /* the very last element is always one of them */
        float ordinary = b->nchw[last];
        for (int s = (int)(k % 2); s < SPECIALS; s += test_quick() || b->d.op == LW_CONV ? 2 : 1) {
            b->nchw[last] = from_bits(specials[s]);
            snprintf(what, sizeof what, "source[%zu] = %g", last, b->nchw[last]);
            run_bench(b, tally, what);
        }
        b->nchw[last] = ordinary;
    }
}

Test(special, one_value, .timeout = 600) { for_all(ALL_OPS, one_special, "one special value"); }

/* ---- special values alone: every meeting of two of them in a window ------------------------------------ */

static void only_specials(struct bench *b, struct test_tally *tally) {
    static const float few[] = {NAN,  INFINITY, -INFINITY, 0.0f,       -0.0f,
                                1.0f, -1.0f,    0x1p-149f, -0x1p-149f, 0x1p-127f};
    uint64_t state = 1;
    /* all; no NaN; zeros, ones and denormals; zeros alone */
    static const int first[] = {0, 1, 3, 3}, count[] = {10, 9, 7, 2};
    for (int round = 0; round < 4; round++)
        for (int repeat = 0; repeat < 5; repeat++) {
            for (size_t i = 0; i < b->plain; i++) {
                state = state * UINT64_C(6364136223846793005) + 1;
                b->nchw[i] = few[first[round] + (int)((state >> 33) % (uint64_t)count[round])];
            }
            run_bench(b, tally, "special values alone");
        }
    for (size_t i = 0; i < b->plain; i++)
        b->nchw[i] = -INFINITY;
    run_bench(b, tally, "-Inf alone");
    for (size_t i = 0; i < b->plain; i++)
        b->nchw[i] = NAN;
    run_bench(b, tally, "NaN alone");
}

Test(special, values_alone, .timeout = 600) { for_all(EXACT, only_specials, "special values alone"); }

/* ---- denormals: neither flushed on the way in nor on the way out --------------------------------------- */

static void denormals(struct bench *b, struct test_tally *tally) {
    lw_plan *plan = NULL;
    lw_options o = lw_default_options();
    o.kernel = b->row->name;
    lw_fill(b->nchw, b->plain, LW_FILL_NORMAL, 4);
    for (size_t i = 0; i < b->plain; i++)
        b->nchw[i] *= 0x1p-130f;
    if (b->weights > 0) { /* weights of 1 and a bias of 0, so that the sums are denormal too */
        for (size_t i = 0; i < b->weights; i++)
            b->w[i] = 1.0f;
        for (int64_t i = 0; i < b->d.oc; i++)
            b->bias[i] = 0.0f;
        cr_assert_eq(lw_plan_create(&plan, &b->d, b->w, b->d.bias ? b->bias : NULL, &o, NULL), LW_OK);
        lw_plan_destroy(b->plan);
        b->plan = plan;
    }
    run_bench(b, tally, "denormals");
}

Test(special, denormals, .timeout = 600) { for_all(SUMS | EXACT, denormals, "denormals"); }

/* ---- weights and bias ---------------------------------------------------------------------------------- */

static void special_bias(struct bench *b, struct test_tally *tally) {
    lw_options o = lw_default_options();
    char what[64];
    o.kernel = b->row->name;
    lw_fill(b->nchw, b->plain, LW_FILL_NORMAL, 5);
    run_bench(b, tally, "ordinary bias");
    if (!b->d.bias) return;
    for (int s = 0; s < SPECIALS; s++) {
        lw_plan *plan;
        for (int64_t i = s % 3; i < b->d.oc; i += 3)
            b->bias[i] = from_bits(specials[s]);
        cr_assert_eq(lw_plan_create(&plan, &b->d, b->w, b->bias, &o, NULL), LW_OK);
        lw_plan_destroy(b->plan);
        b->plan = plan;
        snprintf(what, sizeof what, "bias = %g", from_bits(specials[s]));
        run_bench(b, tally, what);
    }
}

Test(special, bias, .timeout = 600) { for_all(SUMS, special_bias, "special bias"); }

/* ---- Winograd --------------------------------------------------------------------------------------------
 *
 * A special value reaches the outputs of its tiles. Outputs whose own window holds it are what IEEE makes of
 * the plain sum, or NaN; outputs that the row's spread doesn't reach have the bits of a run without it. */

/* Large and smaller tiles of every set in both axes, with tails; padding 0, 1, 2; a batch to keep apart. */
static const struct {
    const char *string;
    int tail;
} tiled[] = {
    {"mb2ic2ih9iw10oc19kh3ph1", 0}, {"mb1ic1ih11iw8oc17kh3ph0", 1},  {"mb1ic17ih5iw7oc9kh3ph2", 3},
    {"mb1ic3ih10iw7oc5kh3ph1", 4},  {"mb1ic16ih8iw13oc16kh3ph1", 1},
};
enum { TILED = sizeof tiled / sizeof *tiled };

/* Runs a test for every Winograd row and problem, from each layout to another one in turn. */
static void for_winograd(special_test test, const char *what) {
    struct test_tally tally = {0};
    const struct test_rows *rows = test_rows(LW_CONV);
    for (size_t r = 0; r < rows->count; r++) {
        if (test_is_ieee(&rows->row[r])) continue;
        int taken = 0;
        for (int i = 0; i < TILED; i++)
            for (int src = 0; src < 3; src++) {
                struct bench b;
                lw_desc d = test_desc(LW_CONV, tiled[i].string);
                d.src_layout = layouts[src];
                d.dst_layout = layouts[(src + i) % 3];
                test_set_tail(&d, tiled[i].tail);
                if (lw_kernel_accepts(rows->row[r].name, &d, NULL) != LW_OK) continue;
                cr_assert(open_bench(&b, &rows->row[r], &d), "%s refuses %s", rows->row[r].name,
                          tiled[i].string);
                taken++;
                lw_fill(b.nchw, b.plain, LW_FILL_NORMAL, 1);
                test(&b, &tally);
                close_bench(&b);
            }
        cr_assert_geq(taken, 3, "%s takes too few of these problems", rows->row[r].name);
    }
    cr_assert_gt(tally.checked, 0, "no Winograd row is usable");
    test_finish(&tally, what);
}

/* The destination in NCHW, to be freed. */
static float *run_plain(struct bench *b) {
    const lw_desc *d = &b->d;
    int64_t oc, oh, ow;
    lw_desc_output(d, &oc, &oh, &ow);
    float *plain = malloc((size_t)(d->batch * oc * oh * ow) * sizeof *plain);
    cr_assert_not_null(plain);
    lw_convert_layout(b->nchw, LW_NCHW, b->src, d->src_layout, d->batch, d->ic, d->ih, d->iw);
    cr_assert_eq(lw_plan_execute(b->plan, b->src, b->dst, b->workspace), LW_OK);
    lw_convert_layout(b->dst, d->dst_layout, plain, LW_NCHW, d->batch, oc, oh, ow);
    return plain;
}

static bool same_bits(float a, float b) { return memcmp(&a, &b, sizeof a) == 0; }

/* Is source pixel (y, x) in the window of output (oy, ox), of any of its four with a pool, widened by
 * `reach`? */
static bool in_window(const lw_desc *d, int64_t oy, int64_t ox, int64_t y, int64_t x, int reach) {
    const int64_t pool = d->pool2x2 ? 2 : 1;
    const int64_t top = oy * pool - d->pad_top - reach, left = ox * pool - d->pad_left - reach;
    return y >= top && y < top + 2 + pool + 2 * reach && x >= left && x < left + 2 + pool + 2 * reach;
}

/* What IEEE makes of it, or NaN; where a pool or ReLU passes over the special value, anything that isn't a
 * wrong number. */
static bool ieee_or_nan(struct bench *b, float got, int64_t n, int64_t o, int64_t y, int64_t x) {
    double scale, c = b->bound * 0x1p-24;
    const double ref = lw_ref_at(&b->d, b->nchw, b->w, b->d.bias ? b->bias : NULL, n, o, y, x, &scale);
    if (isnan(got) || isnan(ref)) return isnan(got);
    if (isinf(ref)) return got == ref;
    return isinf(got) ? b->d.pool2x2 : fabs(got - ref) <= c * 1e3;
}

/* Outputs of a run with a special value at (n, c, y, x) against those of a run without. */
static const char *compare_special(struct bench *b, const float *clean, const float *got, int64_t n,
                                   int64_t y, int64_t x) {
    static char text[200];
    const lw_desc *d = &b->d;
    int64_t oc, oh, ow;
    lw_desc_output(d, &oc, &oh, &ow);
    for (int64_t i = 0; i < d->batch * oc * oh * ow; i++) {
        const int64_t image = i / (oc * oh * ow), oy = i / ow % oh, ox = i % ow;
        const bool reached = image == n && in_window(d, oy, ox, y, x, b->row->spread);
        const bool inside = image == n && in_window(d, oy, ox, y, x, 0);
        const bool ok = inside    ? ieee_or_nan(b, got[i], n, i / (oh * ow) % oc, oy, ox)
                        : reached ? true
                                  : same_bits(got[i], clean[i]);
        if (ok) continue;
        snprintf(text, sizeof text, "output [%lld,%lld,%lld,%lld], %s, is %g; without the special value %g",
                 (long long)image, (long long)(i / (oh * ow) % oc), (long long)oy, (long long)ox,
                 inside ? "whose window holds it" : "out of reach", got[i], clean[i]);
        return text;
    }
    return NULL;
}

static void special_anywhere(struct bench *b, struct test_tally *tally) {
    static const float values[] = {NAN, INFINITY, -INFINITY};
    const lw_desc *d = &b->d;
    float *clean = run_plain(b);
    char what[300];
    const size_t stride = d->ic > 3 ? 3 : 1; /* of many channels not every place */
    for (size_t at = 0; at < b->plain; at += at % 5 == 0 ? stride : 1)
        for (size_t v = test_quick() ? at % 3 : 0; v < (test_quick() ? at % 3 + 1 : 3); v++) {
            const float ordinary = b->nchw[at];
            const int64_t plane = d->ih * d->iw, n = (int64_t)at / (d->ic * plane);
            b->nchw[at] = values[v];
            float *got = run_plain(b);
            const char *wrong =
                compare_special(b, clean, got, n, (int64_t)at % plane / d->iw, (int64_t)at % d->iw);
            snprintf(what, sizeof what, "source[%zu] = %g: %s", at, values[v], wrong ? wrong : "");
            tally->checked++;
            if (wrong != NULL) test_report(tally, b->row->name, d, what);
            b->nchw[at] = ordinary;
            free(got);
        }
    free(clean);
}

Test(special, winograd_source, .timeout = 600) { for_winograd(special_anywhere, "special values in tiles"); }

static void replace_plan(struct bench *b) {
    lw_options o = lw_default_options();
    o.kernel = b->row->name;
    lw_plan_destroy(b->plan);
    cr_assert_eq(lw_plan_create(&b->plan, &b->d, b->w, b->d.bias ? b->bias : NULL, &o, NULL), LW_OK);
}

/* A special weight or bias reaches the outputs of its channel: the others keep their bits; those of the
 * channel are as with plain sums (bias), or whatever isn't a number that IEEE doesn't give. */
static void special_parameter(struct bench *b, struct test_tally *tally, float *parameter, int64_t channel,
                              const char *name, const float *clean) {
    int64_t oc, oh, ow;
    char what[160];
    lw_desc_output(&b->d, &oc, &oh, &ow);
    const float ordinary = *parameter;
    for (int s = 0; s < 4; s++) { /* NaN and infinities */
        *parameter = from_bits(specials[s]);
        replace_plan(b);
        float *got = run_plain(b);
        tally->checked++;
        for (int64_t i = 0; i < b->d.batch * oc * oh * ow; i++) {
            const int64_t n = i / (oc * oh * ow), o = i / (oh * ow) % oc;
            if (o != channel ? same_bits(got[i], clean[i])
                             : ieee_or_nan(b, got[i], n, o, i / ow % oh, i % ow))
                continue;
            snprintf(what, sizeof what, "%s of channel %lld = %g: output %lld is %g, before %g", name,
                     (long long)channel, *parameter, (long long)i, got[i], clean[i]);
            test_report(tally, b->row->name, &b->d, what);
            break;
        }
        free(got);
    }
    *parameter = ordinary;
}

static void special_parameters(struct bench *b, struct test_tally *tally) {
    float *clean = run_plain(b);
    const size_t filter = b->weights / (size_t)b->d.oc;
    for (int64_t o = 0; o < b->d.oc; o++) {
        special_parameter(b, tally, b->w + (size_t)o * filter + (size_t)o * 7 % filter, o, "a weight", clean);
        if (b->d.bias) special_parameter(b, tally, b->bias + o, o, "the bias", clean);
    }
    free(clean);
}

Test(special, winograd_weights_and_bias, .timeout = 600) {
    for_winograd(special_parameters, "special weights and biases of tiles");
}

/* Nothing is flushed: errors are in proportion to the smallest normal number at least, which is what rounding
 * to a multiple of the smallest denormal means. */
static void tiny_values(struct bench *b, struct test_tally *tally) {
    const double c = b->bound * 0x1p-24, terms = 9.0 * (double)b->d.ic;
    int64_t oc, oh, ow;
    char what[100];
    lw_desc_output(&b->d, &oc, &oh, &ow);
    for (size_t i = 0; i < b->weights; i++)
        b->w[i] = 1;
    for (int64_t i = 0; i < b->d.oc; i++)
        b->bias[i] = 0;
    for (size_t i = 0; i < b->plain; i++)
        b->nchw[i] *= 0x1p-129f;
    replace_plan(b);
    float *got = run_plain(b);
    for (int64_t i = 0; i < b->d.batch * oc * oh * ow; i++) {
        double scale;
        const double ref = lw_ref_at(&b->d, b->nchw, b->w, b->bias, i / (oc * oh * ow), i / (oh * ow) % oc,
                                     i / ow % oh, i % ow, &scale);
        tally->checked++;
        if (fabs(got[i] - ref) <= c * terms * 0x1p-126) continue;
        snprintf(what, sizeof what, "denormals: output %lld is %g, should be %g", (long long)i, got[i], ref);
        test_report(tally, b->row->name, &b->d, what);
    }
    free(got);
}

Test(special, winograd_denormals, .timeout = 600) { for_winograd(tiny_values, "denormals in tiles"); }

/* Of a source of zeros of either sign what comes out is the bias, denormals to the bit; the sign of a zero
 * isn't kept. */
static void zero_source(struct bench *b, struct test_tally *tally) {
    static const uint32_t biases[] = {0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x7F7FFFFF, 0xFF7FFFFF};
    int64_t oc, oh, ow;
    char what[100];
    lw_desc_output(&b->d, &oc, &oh, &ow);
    for (size_t i = 0; i < b->plain; i++)
        b->nchw[i] = i % 3 == 0 ? 0.0f : -0.0f;
    for (int64_t o = 0; o < b->d.oc; o++)
        b->bias[o] = from_bits(biases[o % 6]);
    replace_plan(b);
    float *got = run_plain(b);
    for (int64_t i = 0; i < b->d.batch * oc * oh * ow; i++) {
        float should = b->d.bias ? b->bias[i / (oh * ow) % oc] : 0;
        if (b->d.relu && should < 0) should = 0;
        tally->checked++;
        if (same_bits(got[i], should) || (got[i] == 0 && should == 0)) continue;
        snprintf(what, sizeof what, "a source of zeros: output %lld is %g, should be %g", (long long)i,
                 got[i], should);
        test_report(tally, b->row->name, &b->d, what);
    }
    free(got);
}

Test(special, winograd_zeros, .timeout = 600) { for_winograd(zero_source, "zeros in tiles"); }
