/* The products of one Winograd point: M[tile][oc] = sum over channels of V[tile][channel] U[channel][oc], for
 * up to LW_DIRECT_PIXELS tiles times up to LW_DIRECT_VECTORS vectors in registers. The sum is a few dozen
 * terms long, so what counts is how little happens around it: no tables, no taps, all in arguments. */
#ifndef LW_WINOGRAD_GEMM_H
#define LW_WINOGRAD_GEMM_H

#include "conv_tile.h"

/* v: [channel block][tile][16], blocks `block` floats apart; u: [channel][V * VL]; m: [tile][V * VL]. */
LW_INLINE void wino_gemm(const float *v, ptrdiff_t block, int64_t channels, const float *u, float *m,
                         const int T, const int V) {
    vf acc[LW_DIRECT_PIXELS * LW_DIRECT_VECTORS];
    LW_UNROLL
    for (int i = 0; i < T * V; i++)
        acc[i] = v_zero();
    for (; channels >= LW_BLOCK; channels -= LW_BLOCK) {
        LW_UNROLL
        for (int c = 0; c < LW_BLOCK; c += 4)
            conv_step4(acc, v + c, u + c * V * VL, 0, T, V, LW_BLOCK);
        v += block;
        u += LW_BLOCK * V * VL;
    }
    conv_run(acc, v, u, (int)channels, 0, T, V, LW_BLOCK);
    LW_UNROLL
    for (int i = 0; i < T * V; i++)
        v_store(m + i * VL, acc[i]);
}

#define WINO_GEMM(T, V)                                                                                      \
    static void wino_gemm_##T##x##V(const float *v, ptrdiff_t block, int64_t channels, const float *u,       \
                                    float *m) {                                                              \
        wino_gemm(v, block, channels, u, m, T, V);                                                           \
    }
#define WINO_GEMM_ENTRY(T, V) wino_gemm_##T##x##V,

LW_REPEAT(LW_DIRECT_PIXELS, WINO_GEMM, 1)
LW_REPEAT(LW_DIRECT_PIXELS, WINO_GEMM, 2)
#if LW_DIRECT_VECTORS > 2
LW_REPEAT(LW_DIRECT_PIXELS, WINO_GEMM, 3)
LW_REPEAT(LW_DIRECT_PIXELS, WINO_GEMM, 4)
#endif

typedef void (*wino_gemm_fn)(const float *v, ptrdiff_t block, int64_t channels, const float *u, float *m);

static const wino_gemm_fn wino_gemm_tiles[LW_DIRECT_VECTORS][LW_DIRECT_PIXELS] = {
    {LW_REPEAT(LW_DIRECT_PIXELS, WINO_GEMM_ENTRY, 1)},
    {LW_REPEAT(LW_DIRECT_PIXELS, WINO_GEMM_ENTRY, 2)},
#if LW_DIRECT_VECTORS > 2
    {LW_REPEAT(LW_DIRECT_PIXELS, WINO_GEMM_ENTRY, 3)},
    {LW_REPEAT(LW_DIRECT_PIXELS, WINO_GEMM_ENTRY, 4)},
#endif
};

#undef WINO_GEMM
#undef WINO_GEMM_ENTRY

#endif
