/* Compiled once for each ISA, with the flags of its kernels and its vec.h first in the include path. */
#include <stddef.h>
#include <stdint.h>
#include "vec.h"
#include "common/fma_peak.h"
#include "vec_ops.h"

static void do_zero(float *r) { v_store(r, v_zero()); }
static void do_set1(float *r, float x) { v_store(r, v_set1(x)); }
static void do_copy(float *r, const float *a) { v_store(r, v_load(a)); }
static void do_load_n(float *r, const float *p, int n) { v_store(r, v_load_n(p, n)); }
static void do_store_n(float *p, const float *a, int n) { v_store_n(p, v_load(a), n); }

static void do_relu(float *r, const float *a) {
    vf x[3] = {v_zero(), v_load(a), v_set1(-1.0f)};
    v_relu(x, 3);
    v_store(r, x[1]);
}

#define BINARY(op)                                                                                           \
    static void do_##op(float *r, const float *a, const float *b) {                                          \
        v_store(r, v_##op(v_load(a), v_load(b)));                                                            \
    }
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(mask)
BINARY(max)
BINARY(max_keep)

static void do_max_any(float *r, const float *m, const float *x) {
    v_store(r, v_max_any(v_load(m), v_load(x), false));
}
static void do_max_any_no_nan(float *r, const float *m, const float *x) {
    v_store(r, v_max_any(v_load(m), v_load(x), true));
}

static void do_round(float *r, const float *a) { v_store(r, v_round(v_load(a))); }
static void do_pow2(float *r, const float *a) { v_store(r, v_pow2(v_load(a))); }
static void do_fma(float *r, const float *a, const float *b, const float *c) {
    v_store(r, v_fma(v_load(a), v_load(b), v_load(c)));
}
static void do_fma_sum(float *r, const float *a, const float *b, const float *c) {
    v_store(r, v_fma_sum(v_load(a), v_load(b), v_load(c)));
}
static void do_fnma(float *r, const float *a, const float *b, const float *c) {
    v_store(r, v_fnma(v_load(a), v_load(b), v_load(c)));
}

/* The lane is the counter of an unrolled loop, as in the kernels. */
static void do_fma_lane(float *acc, const float *w, const float *q) {
    vq quad = vq_load(q);
    vf sum[4];
    LW_UNROLL
    for (int i = 0; i < 4; i++)
        sum[i] = v_fma_lane(v_load(acc + i * VL), v_load(w), quad, i);
    LW_UNROLL
    for (int i = 0; i < 4; i++)
        v_store(acc + i * VL, sum[i]);
}

static void do_lane(float *r, const float *q) {
    vq quad = vq_load(q);
    LW_UNROLL
    for (int i = 0; i < 4; i++)
        v_store(r + i * VL, v_lane(quad, i));
}

static float do_sum(const float *a) { return v_sum(v_load(a)); }
static float do_hmax(const float *a) { return v_hmax(v_load(a)); }

static void do_transpose(float *r) {
    vf row[VL];
    LW_UNROLL
    for (int i = 0; i < VL; i++)
        row[i] = v_load(r + i * VL);
    v_transpose(row);
    LW_UNROLL
    for (int i = 0; i < VL; i++)
        v_store(r + i * VL, row[i]);
}

static void do_deinterleave(float *even, float *odd, const float *p) {
    vf e, o;
    v_deinterleave(p, &e, &o);
    v_store(even, e);
    v_store(odd, o);
}

static void do_unzip(float *even, float *odd, const float *a, const float *b) {
    vf e, o;
    v_unzip(v_load(a), v_load(b), &e, &o);
    v_store(even, e);
    v_store(odd, o);
}

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define STRING_(x)  #x
#define STRING(x)   STRING_(x)
#define OPS_SYMBOL  JOIN(lw_vec_ops_, LW_ISA_NAME)

extern const struct lw_vec_ops OPS_SYMBOL;
const struct lw_vec_ops OPS_SYMBOL = {
    .name = STRING(LW_ISA_NAME),
    .lanes = VL,
    .fma_roundings = LW_FMA_ROUNDINGS,
    .zero = do_zero,
    .set1 = do_set1,
    .copy = do_copy,
    .load_n = do_load_n,
    .store_n = do_store_n,
    .relu = do_relu,
    .round = do_round,
    .pow2 = do_pow2,
    .add = do_add,
    .sub = do_sub,
    .mul = do_mul,
    .div = do_div,
    .mask = do_mask,
    .max = do_max,
    .max_keep = do_max_keep,
    .max_any = do_max_any,
    .max_any_no_nan = do_max_any_no_nan,
    .fma = do_fma,
    .fma_sum = do_fma_sum,
    .fnma = do_fnma,
    .fma_lane = do_fma_lane,
    .lane = do_lane,
    .sum = do_sum,
    .hmax = do_hmax,
    .transpose = do_transpose,
    .deinterleave = do_deinterleave,
    .unzip = do_unzip,
    .fma_peak = fma_peak,
};
