/* Advanced SIMD of Armv8.0-A: 4 lanes, 32 registers. The operations are described in docs/adding-an-isa.md.
 */
#ifndef LW_VEC_H
#define LW_VEC_H

#include <arm_neon.h>
#include <stdbool.h>
#include "tiles.h"
#include "../common/unroll.h"

#define LW_FMA_CHAINS 24 /* up to four pipes of four cycles */

typedef float32x4_t vf;

LW_INLINE vf v_zero(void) { return vdupq_n_f32(0.0f); }
LW_INLINE vf v_set1(float x) { return vdupq_n_f32(x); }
LW_INLINE vf v_load(const float *p) { return vld1q_f32(p); }
LW_INLINE void v_store(float *p, vf a) { vst1q_f32(p, a); }

/* There are no masked loads or stores: a tail is a pair, a single, or both. */
LW_INLINE vf v_load_n(const float *p, int n) {
    float32x2_t zero = vdup_n_f32(0.0f);
    switch (n) {
    case 0:
        return v_zero();
    case 1:
        return vcombine_f32(vld1_lane_f32(p, zero, 0), zero);
    case 2:
        return vcombine_f32(vld1_f32(p), zero);
    case 3:
        return vcombine_f32(vld1_f32(p), vld1_lane_f32(p + 2, zero, 0));
    default:
        return vld1q_f32(p);
    }
}

LW_INLINE void v_store_n(float *p, vf a, int n) {
    if (n >= VL) {
        vst1q_f32(p, a);
        return;
    }
    if (n & 2) vst1_f32(p, vget_low_f32(a));
    if (n == 3) vst1q_lane_f32(p + 2, a, 2);
    if (n == 1) vst1q_lane_f32(p, a, 0);
}

LW_INLINE vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
LW_INLINE vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
LW_INLINE vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
LW_INLINE vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
LW_INLINE vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
LW_INLINE vf v_fma_sum(vf w, vf x, vf sum) { return v_fma(w, x, sum); }
LW_INLINE vf v_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }
LW_INLINE vf v_mask(vf a, vf m) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(m)));
}

/* Arm's max takes +0 over -0 and quiets NaN; selecting keeps the operand's own bits, as every ISA does here.
 */
LW_INLINE void v_relu(vf *a, const int n) {
    LW_UNROLL
    for (int i = 0; i < n; i++)
        a[i] = vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(a[i]), vcltzq_f32(a[i])));
}
LW_INLINE vf v_max(vf m, vf x) { return vbslq_f32(vcgtq_f32(x, m), x, m); }
LW_INLINE vf v_max_keep(vf m, vf x) { return vbslq_f32(vornq_u32(vcgtq_f32(x, m), vceqq_f32(x, x)), x, m); }
LW_INLINE vf v_max_any(vf m, vf x, const bool no_nan) { return (void)no_nan, vmaxq_f32(m, x); }

#ifdef __clang__
LW_INLINE void v_in_turn(vf *sum, const int n) {
    LW_UNROLL
    for (int i = 0; i < n; i++)
        __asm__ volatile("" : "+w"(sum[i]) : : "memory");
}
#else
/* v_fma_lane's sums are volatile here and stay in turn by themselves; of others the loads behind them do.
 * Named here, gcc 12 would copy some. */
LW_INLINE void v_in_turn(vf *sum, const int n) {
    (void)sum, (void)n;
    LW_KEEP_LOADS;
}
#endif

/* acc += w * q[i]. From the intrinsic gcc 12 makes a copy of the accumulator where it could update it in
 * place (28 beside the 256 products in the loop of a Winograd tile of 4x4), and copies take an FMA pipe. */
#ifdef __clang__
#define VEC_FMA_LANE(acc, w, q, i) (acc) = vfmaq_laneq_f32(acc, w, q, i)
#else
#define VEC_FMA_LANE(acc, w, q, i)                                                                           \
    __asm__ volatile("fmla %0.4s, %1.4s, %2.s[" #i "]" : "+w"(acc) : "w"(w), "w"(q))
#endif

/* Four values to broadcast share a register; the multiply picks one by its lane, which has to be a constant.
 */
typedef float32x4_t vq;
LW_INLINE vq vq_load(const float *p) { return vld1q_f32(p); }

/* Compilers that know the values take a register for each, and run out of them. */
LW_INLINE vq vq_constants(const float *p) {
    vq q = vld1q_f32(p);
    __asm__("" : "+w"(q));
    return q;
}
LW_INLINE vf v_lane(vq q, int i) {
    switch (i) {
    case 0:
        return vdupq_laneq_f32(q, 0);
    case 1:
        return vdupq_laneq_f32(q, 1);
    case 2:
        return vdupq_laneq_f32(q, 2);
    default:
        return vdupq_laneq_f32(q, 3);
    }
}
LW_INLINE vf v_fma_lane(vf acc, vf w, vq q, int i) {
    switch (i) {
    case 0:
        VEC_FMA_LANE(acc, w, q, 0);
        break;
    case 1:
        VEC_FMA_LANE(acc, w, q, 1);
        break;
    case 2:
        VEC_FMA_LANE(acc, w, q, 2);
        break;
    default:
        VEC_FMA_LANE(acc, w, q, 3);
    }
    return acc;
}

LW_INLINE float v_sum(vf a) {
    float32x2_t s = vadd_f32(vget_low_f32(a), vget_high_f32(a));
    return vget_lane_f32(s, 0) + vget_lane_f32(s, 1);
}
LW_INLINE float v_hmax(vf a) { return vmaxvq_f32(a); }

LW_INLINE void v_transpose(vf r[VL]) {
    float64x2_t a = vreinterpretq_f64_f32(vtrn1q_f32(r[0], r[1])),
                b = vreinterpretq_f64_f32(vtrn2q_f32(r[0], r[1]));
    float64x2_t c = vreinterpretq_f64_f32(vtrn1q_f32(r[2], r[3])),
                d = vreinterpretq_f64_f32(vtrn2q_f32(r[2], r[3]));
    r[0] = vreinterpretq_f32_f64(vzip1q_f64(a, c));
    r[1] = vreinterpretq_f32_f64(vzip1q_f64(b, d));
    r[2] = vreinterpretq_f32_f64(vzip2q_f64(a, c));
    r[3] = vreinterpretq_f32_f64(vzip2q_f64(b, d));
}

LW_INLINE void v_unzip(vf a, vf b, vf *even, vf *odd) {
    *even = vuzp1q_f32(a, b);
    *odd = vuzp2q_f32(a, b);
}
LW_INLINE void v_deinterleave(const float *p, vf *even, vf *odd) {
    float32x4x2_t pair = vld2q_f32(p);
    *even = pair.val[0];
    *odd = pair.val[1];
}

LW_INLINE vf v_round(vf a) { return vrndnq_f32(a); }
LW_INLINE vf v_pow2(vf a) {
    int32x4_t e = vaddq_s32(vcvtq_s32_f32(a), vdupq_n_s32(127));
    return vreinterpretq_f32_s32(vshlq_n_s32(e, 23));
}

#endif
