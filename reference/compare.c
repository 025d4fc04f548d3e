/* lw_verify_output: a destination against the reference, all of it or a sample that has every border in it.
 */
#include "reference.h"
#include "verify.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Up to here a row that is exact_on_integers makes no error. */
#define EXACT_SCALE 0x1p18

/* Of a row with a spread the wider scale is what its bound is proved for. It takes long, and isn't asked
 * where an error is this far within the bound on the plain one. */
#define NEAR 0.0625

struct compare {
    const lw_desc *d;
    const float *src, *weights, *bias, *dst;
    double bound; /* c * 2^-24 */
    int spread;   /* of the row */
    bool exact;
    double floor; /* what rounding in the denormal range may add, whatever the scale */
    int64_t oc, oh, ow, total;
    double worst, difference2, reference2;
    struct lw_verify_result *result;
};

static size_t element(const struct compare *c, int64_t n, int64_t o, int64_t y, int64_t x) {
    int64_t at;
    switch (c->d->dst_layout) {
    case LW_NCHW:
        at = ((n * c->oc + o) * c->oh + y) * c->ow + x;
        break;
    case LW_NHWC:
        at = ((n * c->oh + y) * c->ow + x) * c->oc + o;
        break;
    default:
        at = (((n * ((c->oc + LW_BLOCK - 1) / LW_BLOCK) + o / LW_BLOCK) * c->oh + y) * c->ow + x) * LW_BLOCK +
             o % LW_BLOCK;
    }
    return (size_t)at;
}

static bool same_bits(float a, float b) { return memcmp(&a, &b, sizeof a) == 0; }

/* Partial sums reach at most (scale + |ref|) / 2 on the side of ref and (scale - |ref|) / 2 on the other one;
 * where that is beyond float's range, an infinity is right, and NaN is where both are. */
static bool may_overflow(const struct compare *c, float y, double ref, double scale) {
    double slack = scale * c->bound;
    bool same = (scale + fabs(ref)) / 2 + slack > FLT_MAX, other = (scale - fabs(ref)) / 2 + slack > FLT_MAX;
    if (isnan(y)) return same && other;
    return (y < 0) == (ref < 0) ? same : other;
}

/* |y - ref| as a fraction of what is allowed. Exact operations must give the same bits (any NaN will do for a
 * NaN). */
static double fraction(const struct compare *c, float y, double ref, double scale) {
    if (isnan(ref)) return isnan(y) ? 0 : INFINITY;
    if (c->bound == 0) return same_bits(y, (float)ref) ? 0 : INFINITY;
    if (isinf(ref)) return (double)y == ref ? 0 : INFINITY;
    if (!isfinite(y)) return may_overflow(c, y, ref, scale) ? 0 : INFINITY;
    if (c->exact && scale <= EXACT_SCALE) return y == ref ? 0 : INFINITY; /* a zero may have either sign */
    return fabs(y - ref) / (c->bound * scale + c->floor);
}

/* The same for a row that mixes the inputs of a tile: anything goes where Inf or NaN is in reach. */
static double fraction_spread(const struct compare *c, float got, double ref, int64_t n, int64_t o, int64_t y,
                              int64_t x) {
    double scale = lw_ref_spread_scale_at(c->d, c->src, c->weights, c->bias, n, o, y, x, c->spread);
    return isinf(scale) ? 0 : fraction(c, got, ref, scale);
}

static void note(struct compare *c, int64_t n, int64_t o, int64_t y, int64_t x, const char *what, float got,
                 double ref) {
    snprintf(c->result->worst, sizeof c->result->worst, "[%lld,%lld,%lld,%lld]%s is %.9g, should be %.9g",
             (long long)n, (long long)o, (long long)y, (long long)x, what, got, ref);
}

static void compare_one(struct compare *c, int64_t n, int64_t o, int64_t y, int64_t x, double ref,
                        double scale) {
    float got = c->dst[element(c, n, o, y, x)];
    double f = fraction(c, got, ref, scale);
    if (f > NEAR && c->spread > 0) f = fraction_spread(c, got, ref, n, o, y, x);
    c->result->compared++;
    if (isfinite(ref) && isfinite(got)) {
        c->difference2 += (got - ref) * (got - ref);
        c->reference2 += ref * ref;
    }
    if (f > c->worst || c->result->worst[0] == '\0') {
        c->worst = f;
        note(c, n, o, y, x, "", got, ref);
    }
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static bool compare_all(struct compare *c) {
    int64_t count = c->oc * c->oh * c->ow;
    double *values = malloc(2 * sizeof *values * (size_t)count);
    if (values == NULL) return false;
    bool ok = true;
    for (int64_t n = 0; n < c->d->batch && ok; n++) {
        ok = lw_ref_image(c->d, c->src, c->weights, c->bias, n, values, values + count);
        for (int64_t i = 0; i < count && ok; i++)
            compare_one(c, n, i / (c->oh * c->ow), i / c->ow % c->oh, i % c->ow, values[i],
                        values[count + i]);
    }
    free(values);
    return ok;
}

/* ---- a sample: in small patches, so that what one output reads is still in the cache for the next ------ */

struct sample {
    struct compare *c;
    unsigned char *seen; /* one bit an output */
    int64_t budget;
    uint64_t random;
};

static void sample_one(struct sample *s, int64_t n, int64_t o, int64_t y, int64_t x) {
    struct compare *c = s->c;
    int64_t at = ((n * c->oc + o) * c->oh + y) * c->ow + x;
    double scale;
    if (s->seen[at / 8] & (1u << at % 8)) return;
    s->seen[at / 8] |= (unsigned char)(1u << at % 8);
    double ref = lw_ref_at(c->d, c->src, c->weights, c->bias, n, o, y, x, &scale);
    compare_one(c, n, o, y, x, ref, scale);
}

static int64_t pick(struct sample *s, int64_t count) {
    s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((s->random >> 24) % (uint64_t)count);
}

/* Position i of the border, walked around it. */
static void border_position(const struct compare *c, int64_t i, int64_t *y, int64_t *x) {
    int64_t side = i < 2 * c->ow ? i / c->ow : 2 + (i - 2 * c->ow) / c->oh;
    int64_t along = i < 2 * c->ow ? i % c->ow : (i - 2 * c->ow) % c->oh;
    *y = side == 0 ? 0 : side == 1 ? c->oh - 1 : along;
    *x = side == 2 ? 0 : side == 3 ? c->ow - 1 : along;
}

/* Channels in the order of what they tell: the first, the last, the seams of blocks; then steps through all
 * of them. */
static int64_t telling_channel(const struct compare *c, int64_t k) {
    const int64_t first[] = {0, c->oc - 1, (c->oc - 1) / LW_BLOCK * LW_BLOCK, LW_BLOCK - 1, LW_BLOCK};
    const int64_t count = (int64_t)(sizeof first / sizeof *first);
    if (k < count) return first[k] < c->oc ? first[k] : 0;
    return (k - count) * 2147483647 % c->oc; /* a prime step visits all */
}

/* The borders of all channels of as many images as the budget has room for, the first and the last image
 * first; where even those two are too much, of as many channels. */
static void sample_borders(struct sample *s, int64_t budget) {
    struct compare *c = s->c;
    int64_t batch = c->d->batch, length = 2 * (c->oh + c->ow), two = batch < 2 ? batch : 2;
    bool all = length * c->oc * two <= budget;
    int64_t images = all ? budget / (length * c->oc) : two;
    int64_t channels = all ? c->oc : budget / (length * two) + 1;
    for (int64_t k = 0; k < (images < batch ? images : batch); k++) {
        int64_t n = k == 0 ? 0 : k == 1 ? batch - 1 : k - 1;
        for (int64_t i = 0; i < length; i++)
            for (int64_t o = 0; o < channels && c->result->compared < budget; o++) {
                int64_t y, x;
                border_position(c, i, &y, &x);
                sample_one(s, n, all ? o : telling_channel(c, o), y, x);
            }
    }
}

/* Eight neighbours of one block of channels anywhere; every fourth time the last block, which has the tail.
 */
static void sample_patch(struct sample *s) {
    struct compare *c = s->c;
    int64_t blocks = (c->oc + LW_BLOCK - 1) / LW_BLOCK;
    int64_t block = pick(s, 4) == 0 ? blocks - 1 : pick(s, blocks);
    int64_t n = pick(s, c->d->batch), y = pick(s, c->oh), begin = pick(s, c->ow);
    for (int64_t o = block * LW_BLOCK; o < (block + 1) * LW_BLOCK && o < c->oc; o++)
        for (int64_t x = begin; x < begin + 8 && x < c->ow && c->result->compared < s->budget; x++)
            sample_one(s, n, o, y, x);
}

static bool compare_sample(struct compare *c, int64_t budget, uint64_t seed) {
    struct sample s = {.c = c, .budget = budget, .random = seed * 2 + 1};
    s.seen = calloc(1, (size_t)(c->total / 8 + 1));
    if (s.seen == NULL) return false;
    sample_borders(&s, budget * 3 / 4);
    for (int64_t tries = 0; tries < budget && c->result->compared < budget; tries++)
        sample_patch(&s);
    free(s.seen);
    return true;
}

/* ---- the interface ------------------------------------------------------------------------------------- */

/* The lanes beyond the channels of a blocked destination are zero (+0). */
static void check_pad_lanes(struct compare *c) {
    if (c->d->dst_layout != LW_BLOCKED || c->oc % LW_BLOCK == 0) return;
    for (int64_t n = 0; n < c->d->batch; n++)
        for (int64_t y = 0; y < c->oh; y++)
            for (int64_t x = 0; x < c->ow; x++)
                for (int64_t o = c->oc; o % LW_BLOCK != 0; o++) {
                    float got = c->dst[element(c, n, o, y, x)];
                    if (same_bits(got, 0.0f)) continue;
                    c->worst = INFINITY;
                    note(c, n, o, y, x, ", a pad lane,", got, 0);
                    return;
                }
}

static int64_t terms_per_output(const lw_desc *d) {
    switch (d->op) {
    case LW_CONV:
        return d->ic / d->groups * d->kh * d->kw * (d->pool2x2 ? 4 : 1);
    case LW_MAXPOOL:
        return d->kh * d->kw;
    case LW_LINEAR:
        return d->ic * d->ih * d->iw;
    case LW_SOFTMAX:
        return 1; /* a whole row at once */
    default:
        return 1;
    }
}

static int64_t output_budget(const lw_desc *d, int64_t total, const struct lw_verify_options *opt) {
    int64_t budget = total;
    if (d->op == LW_SOFTMAX) return budget;
    if (opt->max_outputs > 0 && opt->max_outputs < budget) budget = opt->max_outputs;
    if (opt->max_macs > 0 && opt->max_macs / terms_per_output(d) < budget)
        budget = opt->max_macs / terms_per_output(d);
    return budget > 0 ? budget : 1;
}

void lw_verify_output(const lw_desc *desc, const float *src_nchw, const float *weights, const float *bias,
                      const float *dst, double bound, const struct lw_verify_options *opt,
                      struct lw_verify_result *result) {
    struct compare c = {.d = desc,
                        .src = src_nchw,
                        .weights = weights,
                        .bias = desc->bias ? bias : NULL,
                        .dst = dst,
                        .result = result};
    memset(result, 0, sizeof *result);
    lw_desc_output(desc, &c.oc, &c.oh, &c.ow);
    c.total = result->total = desc->batch * c.oc * c.oh * c.ow;
    c.bound = bound * 0x1p-24;
    c.spread = opt->spread;
    c.exact = opt->exact;
    c.floor = (double)(terms_per_output(desc) + 8) * 0x1p-149;
    int64_t budget = output_budget(desc, c.total, opt);
    bool complete = budget < c.total ? compare_sample(&c, budget, opt->seed) : compare_all(&c);
    if (!complete) {
        result->status = result->error.status = LW_ERR_NO_MEMORY;
        snprintf(result->error.text, sizeof result->error.text, "no memory to compare %lld outputs",
                 (long long)c.total);
        return;
    }
    check_pad_lanes(&c);
    result->err_over_bound = c.worst;
    result->rel_l2 = c.difference2 == 0 ? 0 : sqrt(c.difference2 / c.reference2);
    result->ok = c.worst <= 1 && bound >= 0;
}
