/* One lane of plain C: the vector header that every other one is compared with. The operations are described
 * in docs/adding-an-isa.md. With LW_FUSED multiply-adds round once, as every SIMD ISA's do: for the rows of
 * reproducible plans. */
#ifndef LW_VEC_H
#define LW_VEC_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "tiles.h"
#include "../common/unroll.h"

typedef float vf;

LW_INLINE vf v_zero(void) { return 0.0f; }
LW_INLINE vf v_set1(float x) { return x; }
LW_INLINE vf v_load(const float *p) { return *p; }
LW_INLINE void v_store(float *p, vf a) { *p = a; }
LW_INLINE vf v_load_n(const float *p, int n) { return n > 0 ? *p : 0.0f; }
LW_INLINE void v_store_n(float *p, vf a, int n) {
    if (n > 0) *p = a;
}

LW_INLINE vf v_add(vf a, vf b) { return a + b; }
LW_INLINE vf v_sub(vf a, vf b) { return a - b; }
LW_INLINE vf v_mul(vf a, vf b) { return a * b; }
LW_INLINE vf v_div(vf a, vf b) { return a / b; }
#ifdef LW_FUSED /* the C library's is exact also where the CPU has none */
LW_INLINE vf v_fma(vf a, vf b, vf c) { return fmaf(a, b, c); }
LW_INLINE vf v_fnma(vf a, vf b, vf c) { return fmaf(-a, b, c); }
#else
LW_INLINE vf v_fma(vf a, vf b, vf c) { return a * b + c; }
LW_INLINE vf v_fnma(vf a, vf b, vf c) { return c - a * b; }
#endif
LW_INLINE vf v_mask(vf a, vf m) {
    uint32_t bits, mask;
    memcpy(&bits, &a, sizeof bits);
    memcpy(&mask, &m, sizeof mask);
    bits &= mask;
    memcpy(&a, &bits, sizeof a);
    return a;
}
LW_INLINE void v_relu(vf *a, const int n) {
    LW_UNROLL
    for (int i = 0; i < n; i++)
        a[i] = a[i] < 0.0f ? 0.0f : a[i];
}
LW_INLINE vf v_max(vf m, vf x) { return x > m ? x : m; }
LW_INLINE vf v_max_keep(vf m, vf x) {
    float larger = x > m ? x : m; /* in two steps, which compile without a branch */
    return x != x ? x : larger;
}
LW_INLINE vf v_max_any(vf m, vf x, const bool no_nan) { return no_nan ? v_max(m, x) : v_max_keep(m, x); }

typedef const float *vq;
LW_INLINE vq vq_load(const float *p) { return p; }
LW_INLINE vq vq_constants(const float *p) { return p; }
LW_INLINE vf v_lane(vq q, int i) { return v_set1(q[i]); }
LW_INLINE vf v_fma_sum(vf w, vf x, vf sum) { return v_fma(w, x, sum); }
LW_INLINE vf v_fma_lane(vf acc, vf w, vq q, int i) { return v_fma(w, q[i], acc); }

LW_INLINE void v_in_turn(vf *sum, const int n) { (void)sum, (void)n; }

LW_INLINE float v_sum(vf a) { return a; }
LW_INLINE float v_hmax(vf a) { return a; }
LW_INLINE void v_transpose(vf r[VL]) { (void)r; }
LW_INLINE void v_unzip(vf a, vf b, vf *even, vf *odd) {
    *even = a;
    *odd = b;
}
LW_INLINE void v_deinterleave(const float *p, vf *even, vf *odd) {
    *even = p[0];
    *odd = p[1];
}
LW_INLINE vf v_round(vf a) { return rintf(a); }
LW_INLINE vf v_pow2(vf a) {
    int32_t whole = a == a ? (int32_t)a : 0; /* C doesn't define NaN as an integer; any factor keeps it NaN */
    uint32_t bits = (uint32_t)(whole + 127) << 23;
    float r;
    memcpy(&r, &bits, sizeof r);
    return r;
}

#endif
