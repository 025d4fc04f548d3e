/* AVX2 + FMA: 8 lanes, 16 registers. The operations are described in docs/adding-an-isa.md. */
#ifndef LW_VEC_H
#define LW_VEC_H

#include <immintrin.h>
#include <stdbool.h>
#include "tiles.h"
#include "../common/unroll.h"

typedef __m256 vf;

LW_INLINE __m256i vec_mask(int n) {
    static const int table[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    return _mm256_loadu_si256((const __m256i *)(table + 8 - n));
}

LW_INLINE vf v_zero(void) { return _mm256_setzero_ps(); }
LW_INLINE vf v_set1(float x) { return _mm256_set1_ps(x); }
LW_INLINE vf v_load(const float *p) { return _mm256_loadu_ps(p); }
LW_INLINE void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
LW_INLINE vf v_load_n(const float *p, int n) { return _mm256_maskload_ps(p, vec_mask(n)); }
LW_INLINE void v_store_n(float *p, vf a, int n) { _mm256_maskstore_ps(p, vec_mask(n), a); }

LW_INLINE vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
LW_INLINE vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
LW_INLINE vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
LW_INLINE vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
LW_INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
LW_INLINE vf v_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
LW_INLINE vf v_mask(vf a, vf m) { return _mm256_and_ps(a, m); }

/* x86 max returns its second operand when either is NaN and when both are zero: the order keeps NaN and -0.
 */
LW_INLINE void v_relu(vf *a, const int n) {
    vf zero = _mm256_setzero_ps();
    LW_HERE("x", zero);
    LW_UNROLL
    for (int i = 0; i < n; i++)
        a[i] = _mm256_max_ps(zero, a[i]);
}
LW_INLINE vf v_max(vf m, vf x) { return _mm256_max_ps(x, m); }
LW_INLINE vf v_max_keep(vf m, vf x) {
    return _mm256_blendv_ps(_mm256_max_ps(x, m), x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}
LW_INLINE vf v_max_any(vf m, vf x, const bool no_nan) { return no_nan ? v_max(m, x) : v_max_keep(m, x); }

/* Broadcasts are loads here, so a quad of values to broadcast is just their address. */
typedef const float *vq;
LW_INLINE vq vq_load(const float *p) { return p; }
LW_INLINE vq vq_constants(const float *p) { return p; }
LW_INLINE vf v_lane(vq q, int i) { return v_set1(q[i]); }
/* As assembly: gcc 12 likes to put the sum where a factor was, and moves it back later: where another thread
 * has half of the core, these moves are a tenth of the time of 1x1. clang 19 does so in the loop of F(1x4),
 * and has two of its twelve sums on the stack. */
LW_INLINE vf v_fma_sum(vf w, vf x, vf sum) {
    __asm__ volatile("vfmadd231ps\t%2, %1, %0" : "+x"(sum) : "x"(w), "x"(x));
    return sum;
}
#ifdef __clang__
LW_INLINE vf v_fma_lane(vf acc, vf w, vq q, int i) { return v_fma(w, _mm256_broadcast_ss(q + i), acc); }
LW_INLINE void v_in_turn(vf *sum, const int n) {
    LW_UNROLL
    for (int i = 0; i < n; i++)
        __asm__ volatile("" : "+x"(sum[i]) : : "memory");
}
#else
LW_INLINE vf v_fma_lane(vf acc, vf w, vq q, int i) { return v_fma_sum(w, _mm256_broadcast_ss(q + i), acc); }
/* What is volatile stays in turn by itself; of other sums the loads behind them do. */
LW_INLINE void v_in_turn(vf *sum, const int n) {
    (void)sum, (void)n;
    LW_KEEP_LOADS;
}
#endif

LW_INLINE float v_sum(vf a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

LW_INLINE float v_hmax(vf a) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_shuffle_ps(m, m, 1)));
}

LW_INLINE void v_transpose(vf r[VL]) {
    __m256 t[8], u[8];
    LW_UNROLL
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    LW_UNROLL
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    LW_UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}

LW_INLINE void v_unzip(vf a, vf b, vf *even, vf *odd) {
    __m256 lo = _mm256_permute2f128_ps(a, b, 0x20), hi = _mm256_permute2f128_ps(a, b, 0x31);
    *even = _mm256_shuffle_ps(lo, hi, 0x88);
    *odd = _mm256_shuffle_ps(lo, hi, 0xdd);
}
LW_INLINE void v_deinterleave(const float *p, vf *even, vf *odd) {
    v_unzip(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8), even, odd);
}

LW_INLINE vf v_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
LW_INLINE vf v_pow2(vf a) {
    __m256i e = _mm256_add_epi32(_mm256_cvtps_epi32(a), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(e, 23));
}

#endif
