/* Softmax of rows: exp(x - max) / sum, with exp as 2^k times a polynomial. A row with NaN, with +Inf, or of
 * -Inf alone gives NaN, as in PyTorch; -Inf beside finite values gives 0; results may be denormal.
 *
 * Error, relative to the result: rounding d = x - max is |d| u in exp(d), and d > -104 unless the result is
 * 0; the polynomial and its evaluation give 4 u. In the sum all terms are positive: it has the roundings of
 * its chain, and the errors of its terms weighted by the terms, where the weighted mean of |d| is at most
 * ln(n). The division gives one more. */
#ifndef LW_SOFTMAX_H
#define LW_SOFTMAX_H

#include "template.h"
#include "window.h"

#define SOFTMAX_LOWEST -104.0f /* exp() of this rounds to 0 */
#define SOFTMAX_LANES  LW_BLOCK
#define SOFTMAX_CHUNK  (64 * SOFTMAX_LANES) /* values that are added up in chains of 64 */

/* exp of x in [SOFTMAX_LOWEST, 0]; NaN gives NaN. Scaled in two steps, so that denormal results are rounded
 * once. */
LW_INLINE vf softmax_exp(vf x) {
    vf k = v_round(v_mul(x, v_set1(0x1.715476p+0f)));
    vf r = v_fnma(k, v_set1(0x1.63p-1f), x); /* ln 2 in two parts, the first short: k times it is exact */
    r = v_fnma(k, v_set1(-0x1.bd0106p-13f), r);
    vf p = v_set1(0x1.6a98dap-10f);
    p = v_fma(p, r, v_set1(0x1.1272ap-7f));
    p = v_fma(p, r, v_set1(0x1.555532p-5f));
    p = v_fma(p, r, v_set1(0x1.5554acp-3f));
    p = v_fma(p, r, v_set1(0.5f));
    p = v_fma(v_mul(r, r), p, r);
    p = v_add(p, v_set1(1.0f));
    vf half = v_round(v_mul(k, v_set1(0.5f)));
    return v_mul(v_mul(p, v_pow2(half)), v_pow2(v_sub(k, half)));
}

/* n <= VL values, and -Inf in the lanes beyond. */
LW_INLINE vf softmax_load(const float *p, int n) {
    static const float beyond[2 * VL] = {
        [VL] = -INFINITY,
#if VL >= 4
        [VL + 1] = -INFINITY,
        -INFINITY,
        -INFINITY,
#endif
#if VL >= 8
        -INFINITY,
        -INFINITY,
        -INFINITY,
        -INFINITY,
#endif
#if VL >= 16
        -INFINITY,
        -INFINITY,
        -INFINITY,
        -INFINITY,
        -INFINITY,
        -INFINITY,
        -INFINITY,
        -INFINITY,
#endif
    };
    return v_add(v_load_n(p, n), v_load(beyond + VL - n));
}

/* NaN stays: v_max() returns its first operand where they don't compare. */
LW_INLINE vf softmax_term(vf x, vf top) { return softmax_exp(v_max(v_sub(x, top), v_set1(SOFTMAX_LOWEST))); }

/* Of n <= VL values, and 0 in the lanes beyond: what they are taken for, 0, is like a value and not as slow
 * as the denormal result of -Inf would be. */
LW_INLINE vf softmax_terms(const float *p, int n, vf top) {
    return n < VL ? v_mask(softmax_term(v_load_n(p, n), top), lane_mask(0, n)) : softmax_term(v_load(p), top);
}

/* A store of all lanes is faster without a mask. */
LW_INLINE void softmax_store(float *p, vf a, int n) {
    if (n < VL)
        v_store_n(p, a, n);
    else
        v_store(p, a);
}

/* A row of up to sixteen values stays in registers. The operations are those of softmax_row(). */
LW_INLINE void softmax_block(const float *src, float *dst, int count) {
    vf term[LW_BLOCK_VECTORS], sum[LW_BLOCK_VECTORS], max = v_set1(-INFINITY);
    int n[LW_BLOCK_VECTORS];
    LW_UNROLL
    for (int v = 0; v < LW_BLOCK_VECTORS; v++) {
        n[v] = (int)lw_max(0, lw_min(VL, count - v * VL));
        max = v_max(softmax_load(src + v * VL, n[v]), max);
    }
    max = v_set1(v_hmax(max));
    LW_UNROLL
    for (int v = 0; v < LW_BLOCK_VECTORS; v++)
        sum[v] = term[v] = softmax_terms(src + v * VL, n[v], max);
    const vf total = v_set1(sum_by_halves(sum));
    LW_UNROLL
    for (int v = 0; v < LW_BLOCK_VECTORS; v++)
        softmax_store(dst + v * VL, v_div(term[v], total), n[v]);
}

/* Of a row with NaN anything: that value's term, and with it the sum, is NaN all the same. */
static vf softmax_largest(const float *src, int64_t count) {
    int64_t body = count / VL * VL;
    vf max = softmax_load(src + body, (int)(count - body));
    for (int64_t i = 0; i < body; i += VL)
        max = v_max(max, v_load(src + i));
    return v_set1(v_hmax(max));
}

/* The sum's order is the same in every ISA: sixteen lanes, each of which takes every sixteenth value. */
static void softmax_row(const float *src, float *dst, int64_t count) {
    int64_t body = count / SOFTMAX_LANES * SOFTMAX_LANES;
    vf top = softmax_largest(src, count), sum[LW_BLOCK_VECTORS], last[LW_BLOCK_VECTORS];
    LW_UNROLL
    for (int v = 0; v < LW_BLOCK_VECTORS; v++)
        sum[v] = v_zero();
    for (int64_t begin = 0; begin < body; begin += SOFTMAX_CHUNK) {
        vf part[LW_BLOCK_VECTORS];
        LW_UNROLL
        for (int v = 0; v < LW_BLOCK_VECTORS; v++)
            part[v] = v_zero();
        for (int64_t i = begin; i < lw_min(body, begin + SOFTMAX_CHUNK); i += SOFTMAX_LANES) {
            LW_UNROLL
            for (int v = 0; v < LW_BLOCK_VECTORS; v++) {
                vf e = softmax_term(v_load(src + i + v * VL), top);
                part[v] = v_add(part[v], e);
                v_store(dst + i + v * VL, e);
            }
        }
        LW_UNROLL
        for (int v = 0; v < LW_BLOCK_VECTORS; v++)
            sum[v] = v_add(sum[v], part[v]);
    }
    const float *x = src + body;
    float *y = dst + body;
    for (int v = 0, n = (int)(count - body); n > 0; v++, n -= VL) {
        last[v] = softmax_terms(x + v * VL, lw_min(n, VL), top);
        sum[v] = v_add(sum[v], last[v]);
    }
    vf total = v_set1(sum_by_halves(sum));
    for (int64_t i = 0; i < body; i += VL)
        v_store(dst + i, v_div(v_load(dst + i), total));
    for (int v = 0, n = (int)(count - body); n > 0; v++, n -= VL)
        softmax_store(y + v * VL, v_div(last[v], total), n);
}

/* Floats from one row to the next. */
static int64_t softmax_step(const lw_desc *d, lw_layout layout) { return lw_layout_channels(layout, d->ic); }

static bool softmax_supports(const lw_desc *d, const char **reason) {
    if (d->ih == 1 && d->iw == 1) return true;
    *reason = "softmax takes rows of channels: height and width must be 1";
    return false;
}

/* Vector operations: an exponential, a sum, a division and three passes, and what a row needs around them.
 * Rows overlap; a scalar exponential is another thing. */
static double softmax_operations(const lw_desc *d) {
    const double row = VL > 1 ? 13 : 60, vector = VL > 1 ? 13 : 25;
    return (double)d->batch * (row + vector * (double)lw_div_up(d->ic, VL));
}

static void softmax_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    w->unit[LW_WORK_call] += 1;
    w->unit[LW_WORK_map] += softmax_operations(d);
    work_tensors(d, caches, 0, w);
}

static int64_t softmax_tasks(const lw_desc *d) { return split_tasks(d->batch, softmax_operations(d)); }

static void softmax_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    const lw_desc *d = call->desc;
    int64_t tasks = softmax_tasks(d), last = split_begin(d->batch, tasks, end);
    int64_t src_step = softmax_step(d, d->src_layout), dst_step = softmax_step(d, d->dst_layout);
    (void)workspace;
    for (int64_t n = split_begin(d->batch, tasks, begin); n < last; n++) {
        float *dst = call->dst + n * dst_step;
        const float *src = call->src + n * src_step;
        if (VL > 1 && d->ic <= LW_BLOCK)
            softmax_block(src, dst, (int)d->ic);
        else
            softmax_row(src, dst, d->ic);
        for (int64_t i = d->ic; i < dst_step; i++)
            dst[i] = 0;
    }
}

/* Sums in sequence: a lane's part of a chunk, the chunks, the tail and the four halvings. */
static double softmax_chain(const lw_desc *d) {
    return (double)(lw_div_up(lw_min(SOFTMAX_CHUNK, d->ic), SOFTMAX_LANES) + lw_div_up(d->ic, SOFTMAX_CHUNK) +
                    5);
}

static double softmax_bound(const lw_desc *d) {
    return rounding_bound(-SOFTMAX_LOWEST + log((double)d->ic) + 8 * LW_FMA_ROUNDINGS + softmax_chain(d) + 1);
}

static double softmax_rel_l2(const lw_desc *d) { return 5e-8 + 3e-8 * sqrt(softmax_chain(d)); }

#define LW_ROWS_softmax                                                                                      \
    LW_ROW(softmax, .algorithm = "map", .op = LW_SOFTMAX, .src_layouts = LW_ANY_LAYOUT,                      \
           .dst_layouts = LW_ANY_LAYOUT, .supports = softmax_supports, .tasks = softmax_tasks,               \
           .run = softmax_run, .bound = softmax_bound, .rel_l2 = softmax_rel_l2, .work = softmax_work)

#endif
