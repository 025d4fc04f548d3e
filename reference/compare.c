/* lw_verify_output: a destination against the reference, all of it or a sample that has every border in it.
 */
#include "reference.h"
#include "verify.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compare {
    const lw_desc *d;
    const float *src, *weights, *bias, *dst;
    double bound; /* c * 2^-24 */
    double floor; /* what rounding in the denormal range may add, whatever the scale */
    int64_t oc, oh, ow, total;
    double worst, difference2, reference2;
    unsigned char *seen; /* one bit an output: which a sample has compared */
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
    return fabs(y - ref) / (c->bound * scale + c->floor);
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

/* ---- all of it -------------------------------------------------------------------------------------------
 */

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

/* ---- a sample --------------------------------------------------------------------------------------------
 */

static void sample_one(struct compare *c, int64_t plane, int64_t y, int64_t x) {
    int64_t at = (plane * c->oh + y) * c->ow + x;
    double scale;
    if (c->seen[at / 8] & (1u << at % 8)) return;
    c->seen[at / 8] |= (unsigned char)(1u << at % 8);
    int64_t n = plane / c->oc, o = plane % c->oc;
    double ref = lw_ref_at(c->d, c->src, c->weights, c->bias, n, o, y, x, &scale);
    compare_one(c, n, o, y, x, ref, scale);
}

static void sample_border(struct compare *c, int64_t plane) {
    for (int64_t x = 0; x < c->ow; x++) {
        sample_one(c, plane, 0, x);
        sample_one(c, plane, c->oh - 1, x);
    }
    for (int64_t y = 1; y < c->oh - 1; y++) {
        sample_one(c, plane, y, 0);
        sample_one(c, plane, y, c->ow - 1);
    }
}

static uint64_t next_random(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 24;
}

/* Planes in the order of what they tell: the first and the last image's first and last channels and those at
 * the seams of blocks, then strides through the rest. Gives the k-th. */
static int64_t interesting_plane(const struct compare *c, int64_t k) {
    const int64_t channels[] = {0,        c->oc - 1, (c->oc - 1) / LW_BLOCK * LW_BLOCK, LW_BLOCK - 1,
                                LW_BLOCK, c->oc / 2};
    const int64_t images[] = {0, c->d->batch - 1};
    const int64_t planes = c->oc * c->d->batch, fixed = 2 * (int64_t)(sizeof channels / sizeof *channels);
    if (k < fixed) {
        int64_t o = channels[k / 2] < c->oc ? channels[k / 2] : 0;
        return images[k % 2] * c->oc + o;
    }
    return (int64_t)((uint64_t)(k - fixed) * UINT64_C(2654435761) %
                     (uint64_t)planes); /* visits all: a prime step */
}

/* Borders first, of every plane where three quarters of the budget are enough for that; then every position
 * of the plane in the tail channel, as far as half of what is left goes; then at random. */
static bool compare_sample(struct compare *c, int64_t budget, uint64_t seed) {
    int64_t *compared = &c->result->compared;
    int64_t planes = c->oc * c->d->batch, area = c->oh * c->ow;
    c->seen = calloc(1, (size_t)(c->total / 8 + 1));
    if (c->seen == NULL) return false;
    for (int64_t k = 0; k < 2 * planes + 12 && *compared < budget * 3 / 4; k++)
        sample_border(c, interesting_plane(c, k));
    int64_t half = *compared + (budget - *compared) / 2;
    for (int64_t k = 1; k < 4 && *compared + area <= half; k++)
        for (int64_t i = 0; i < area; i++)
            sample_one(c, interesting_plane(c, k), i / c->ow, i % c->ow);
    uint64_t state = seed * 2 + 1;
    for (int64_t tries = 0; tries < 4 * budget && *compared < budget; tries++) {
        int64_t at = (int64_t)(next_random(&state) % (uint64_t)c->total);
        sample_one(c, at / area, at % area / c->ow, at % c->ow);
    }
    free(c->seen);
    return true;
}

/* ---- the interface ---------------------------------------------------------------------------------------
 */

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
    struct compare c = {
        .d = desc, .src = src_nchw, .weights = weights, .bias = bias, .dst = dst, .result = result};
    memset(result, 0, sizeof *result);
    lw_desc_output(desc, &c.oc, &c.oh, &c.ow);
    c.total = result->total = desc->batch * c.oc * c.oh * c.ow;
    c.bound = bound * 0x1p-24;
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
