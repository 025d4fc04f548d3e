/* AVX-512 intrinsics on an AVX2 CPU, so that the AVX-512 kernels can be tested anywhere: SIMDe's, and here
 * the ones that SIMDe 0.7.4 lacks, as pairs of AVX2 vectors. FMA stays fused. Never for timing. */
#ifndef LW_EMULATE_H
#define LW_EMULATE_H

#include <immintrin.h>
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include "../common/unroll.h"

/* A 512-bit vector as two of 256 bits. */
typedef union {
    __m512 f;
    __m512i i;
    __m256 f_half[2];
    __m256i i_half[2];
} emu_pair;

LW_INLINE __m256i emu_lanes(__mmask16 k, int half) {
    __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(k >> 8 * half), bit), bit);
}

LW_INLINE __m512 emu_maskz_loadu_ps(__mmask16 k, const void *p) {
    emu_pair r = {.f_half = {_mm256_maskload_ps(p, emu_lanes(k, 0)),
                             _mm256_maskload_ps((const float *)p + 8, emu_lanes(k, 1))}};
    return r.f;
}

LW_INLINE void emu_mask_storeu_ps(void *p, __mmask16 k, __m512 a) {
    emu_pair x = {.f = a};
    _mm256_maskstore_ps(p, emu_lanes(k, 0), x.f_half[0]);
    _mm256_maskstore_ps((float *)p + 8, emu_lanes(k, 1), x.f_half[1]);
}

LW_INLINE __m512i emu_cvtps_epi32(__m512 a) {
    emu_pair x = {.f = a};
    emu_pair r = {.i_half = {_mm256_cvtps_epi32(x.f_half[0]), _mm256_cvtps_epi32(x.f_half[1])}};
    return r.i;
}

LW_INLINE __m512i emu_cvttps_epi32(__m512 a) {
    emu_pair x = {.f = a};
    emu_pair r = {.i_half = {_mm256_cvttps_epi32(x.f_half[0]), _mm256_cvttps_epi32(x.f_half[1])}};
    return r.i;
}

LW_INLINE __m512 emu_cvtepi32_ps(__m512i a) {
    emu_pair x = {.i = a};
    emu_pair r = {.f_half = {_mm256_cvtepi32_ps(x.i_half[0]), _mm256_cvtepi32_ps(x.i_half[1])}};
    return r.f;
}

LW_INLINE __m256 emu_extractf32x8_ps(__m512 a, int half) {
    emu_pair x = {.f = a};
    return x.f_half[half];
}

LW_INLINE __m128 emu_quarters(__m256 a, __m128 (*op)(__m128, __m128)) {
    __m128 s = op(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = op(s, _mm_movehl_ps(s, s));
    return op(s, _mm_shuffle_ps(s, s, 1));
}

LW_INLINE float emu_reduce_add_ps(__m512 a) {
    emu_pair x = {.f = a};
    return _mm_cvtss_f32(emu_quarters(_mm256_add_ps(x.f_half[0], x.f_half[1]), _mm_add_ps));
}
LW_INLINE float emu_reduce_max_ps(__m512 a) {
    emu_pair x = {.f = a};
    return _mm_cvtss_f32(emu_quarters(_mm256_max_ps(x.f_half[0], x.f_half[1]), _mm_max_ps));
}
LW_INLINE float emu_reduce_min_ps(__m512 a) {
    emu_pair x = {.f = a};
    return _mm_cvtss_f32(emu_quarters(_mm256_min_ps(x.f_half[0], x.f_half[1]), _mm_min_ps));
}

#undef _mm512_cvtss_f32
#undef _mm512_extractf32x8_ps
#undef _mm512_permute_ps
#undef _mm512_shuffle_f32x4
#define _mm512_maskz_loadu_ps(k, p)       emu_maskz_loadu_ps(k, p)
#define _mm512_mask_loadu_ps(src, k, p)   _mm512_mask_mov_ps(src, k, emu_maskz_loadu_ps(k, p))
#define _mm512_mask_storeu_ps(p, k, a)    emu_mask_storeu_ps(p, k, a)
#define _mm512_cvtps_epi32(a)             emu_cvtps_epi32(a)
#define _mm512_cvttps_epi32(a)            emu_cvttps_epi32(a)
#define _mm512_cvtepi32_ps(a)             emu_cvtepi32_ps(a)
#define _mm512_cvtss_f32(a)               _mm_cvtss_f32(_mm512_castps512_ps128(a))
#define _mm512_extractf32x8_ps(a, half)   emu_extractf32x8_ps(a, half)
#define _mm512_permute_ps(a, imm)         _mm512_shuffle_ps(a, a, imm)
#define _mm512_shuffle_f32x4(a, b, imm)   simde_mm512_shuffle_f32x4(a, b, imm)
#define _mm512_mask_fnmadd_ps(a, k, b, c) _mm512_mask_mov_ps(a, k, _mm512_fnmadd_ps(a, b, c))
#define _mm512_mask3_fmadd_ps(a, b, c, k) _mm512_mask_mov_ps(c, k, _mm512_fmadd_ps(a, b, c))
#define _mm512_reduce_add_ps(a)           emu_reduce_add_ps(a)
#define _mm512_reduce_max_ps(a)           emu_reduce_max_ps(a)
#define _mm512_reduce_min_ps(a)           emu_reduce_min_ps(a)

#endif
