/* AVX-512 F+BW+DQ+VL: 16 lanes, 32 registers, a mask for every tail. The operations are described in
 * docs/adding-an-isa.md. */
#ifndef LW_VEC_H
#define LW_VEC_H

#include <stdbool.h>
#ifdef LW_EMULATE_AVX512
#include "emulate.h"
#else
#include <immintrin.h>
#endif
#include "tiles.h"
#include "../common/unroll.h"

#define LW_FMA_CHAINS 24

typedef __m512 vf;

LW_INLINE __mmask16 vec_mask(int n) { return (__mmask16)((1u << n) - 1); }

LW_INLINE vf v_zero(void) { return _mm512_setzero_ps(); }
LW_INLINE vf v_set1(float x) { return _mm512_set1_ps(x); }
LW_INLINE vf v_load(const float *p) { return _mm512_loadu_ps(p); }
LW_INLINE void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
LW_INLINE vf v_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(vec_mask(n), p); }
LW_INLINE void v_store_n(float *p, vf a, int n) { _mm512_mask_storeu_ps(p, vec_mask(n), a); }

LW_INLINE vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
LW_INLINE vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
LW_INLINE vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
LW_INLINE vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
LW_INLINE vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
LW_INLINE vf v_fma_sum(vf w, vf x, vf sum) { return v_fma(w, x, sum); }
LW_INLINE vf v_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
LW_INLINE vf v_mask(vf a, vf m) { return _mm512_and_ps(a, m); }

/* x86 max returns its second operand when either is NaN and when both are zero: the order keeps NaN and -0. A
 * NaN in x is kept by leaving its lane out of the max. */
LW_INLINE void v_relu(vf *a, const int n) {
    vf zero = _mm512_setzero_ps();
#ifndef LW_EMULATE_AVX512
    LW_HERE("v", zero);
#endif
    LW_UNROLL
    for (int i = 0; i < n; i++)
        a[i] = _mm512_max_ps(zero, a[i]);
}
LW_INLINE vf v_max(vf m, vf x) { return _mm512_max_ps(x, m); }
LW_INLINE vf v_max_keep(vf m, vf x) {
    return _mm512_mask_max_ps(x, _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), x, m);
}
LW_INLINE vf v_max_any(vf m, vf x, const bool no_nan) { return no_nan ? v_max(m, x) : v_max_keep(m, x); }

/* A broadcast is a load here, or rides along in the FMA, so a quad of values to broadcast is just their
 * address. */
typedef const float *vq;
LW_INLINE vq vq_load(const float *p) { return p; }
LW_INLINE vq vq_constants(const float *p) { return p; }
LW_INLINE vf v_lane(vq q, int i) { return v_set1(q[i]); }
#if defined(__clang__) || !defined(__GNUC__) || defined(LW_EMULATE_AVX512)
LW_INLINE vf v_fma_lane(vf acc, vf w, vq q, int i) { return _mm512_fmadd_ps(w, _mm512_set1_ps(q[i]), acc); }
#else
/* gcc 12 likes to put the sum where a factor was, and moves it back later: in a tile that fills the registers
 * it runs out of them. */
LW_INLINE vf v_fma_lane(vf acc, vf w, vq q, int i) {
    __asm__("vfmadd231ps\t%2, %1, %0" : "+v"(acc) : "v"(w), "v"(_mm512_set1_ps(q[i])));
    return acc;
}
#endif

LW_INLINE __m256 vec_upper(vf a) { return _mm512_castps512_ps256(_mm512_shuffle_f32x4(a, a, 0xee)); }

#ifdef LW_EMULATE_AVX512
LW_INLINE void v_in_turn(vf *sum, const int n) { (void)sum, (void)n; }
#else
LW_INLINE void v_in_turn(vf *sum, const int n) {
    LW_UNROLL
    for (int i = 0; i < n; i++)
        __asm__ volatile("" : "+v"(sum[i]) : : "memory");
}
#endif

LW_INLINE float v_sum(vf a) {
    __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a), vec_upper(a));
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

LW_INLINE float v_hmax(vf a) {
    __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a), vec_upper(a));
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_shuffle_ps(m, m, 1)));
}

/* 4x4 transposes inside the quarters of four rows at a time, then a 4x4 transpose of whole quarters. */
LW_INLINE void v_transpose(vf r[VL]) {
    vf t[16], u[16];
    LW_UNROLL
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    LW_UNROLL
    for (int i = 0; i < 16; i += 4) {
        u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    LW_UNROLL
    for (int i = 0; i < 4; i++) {
        vf a = _mm512_shuffle_f32x4(u[i], u[i + 4], 0x88),
           b = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0x88);
        vf c = _mm512_shuffle_f32x4(u[i], u[i + 4], 0xdd),
           d = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0xdd);
        r[i] = _mm512_shuffle_f32x4(a, b, 0x88);
        r[i + 4] = _mm512_shuffle_f32x4(c, d, 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(a, b, 0xdd);
        r[i + 12] = _mm512_shuffle_f32x4(c, d, 0xdd);
    }
}

LW_INLINE void v_unzip(vf a, vf b, vf *even, vf *odd) {
    __m512i first = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    *even = _mm512_permutex2var_ps(a, first, b);
    *odd = _mm512_permutex2var_ps(a, _mm512_add_epi32(first, _mm512_set1_epi32(1)), b);
}
LW_INLINE void v_deinterleave(const float *p, vf *even, vf *odd) {
    v_unzip(_mm512_loadu_ps(p), _mm512_loadu_ps(p + 16), even, odd);
}

LW_INLINE vf v_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
LW_INLINE vf v_pow2(vf a) {
    __m512i e = _mm512_add_epi32(_mm512_cvtps_epi32(a), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(e, 23));
}

#endif
