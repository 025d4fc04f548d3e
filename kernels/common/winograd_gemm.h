/* The products of one Winograd point: M[tile][oc] = sum over channels of V[tile][channel] U[channel][oc], for
 * up to LW_WINO_TILES tiles times up to LW_WINO_VECTORS vectors in registers. The sum is a few dozen
 * terms long, so what counts is how little happens around it: no tables, no taps, all in arguments. */
#ifndef LW_WINOGRAD_GEMM_H
#define LW_WINOGRAD_GEMM_H

#include "conv_tile.h"
#include "winograd_schedule.h"

/* M's row of a unit: as many vectors as an oc tile can have, also for the last one, which may have fewer. */
#define WINO_WIDTH (LW_WINO_VECTORS * VL)

/* v: [channel block][point of the row][slot][16], blocks `block` floats apart; u: [point of the
 * row][channel][V * VL]; m: [point of the row][slot][WINO_WIDTH]. */
LW_INLINE void wino_gemm(const struct wino_product *p, ptrdiff_t slots, const float *v, ptrdiff_t block,
                         int64_t channels, const float *u, float *m, const int T, const int V) {
    v += (p->column * slots + p->slot) * LW_BLOCK;
    m += (p->column * slots + p->slot) * WINO_WIDTH;
    u += p->column * channels * V * VL;
    for (int32_t k = 0; k < p->points; k++, m += slots * WINO_WIDTH, v += slots * LW_BLOCK) {
        vf acc[LW_WINO_TILES * LW_WINO_VECTORS];
        LW_UNROLL
        for (int i = 0; i < T * V; i++)
            acc[i] = v_zero();
        const float *x = v;
        int64_t left = channels;
        for (; left >= LW_BLOCK; left -= LW_BLOCK, x += block, u += LW_BLOCK * V * VL) {
            LW_UNROLL
            for (int c = 0; c < LW_BLOCK; c += 4)
                conv_step4(acc, x + c, u + c * V * VL, 0, T, V, LW_BLOCK);
        }
        conv_run(acc, x, u, (int)left, 0, T, V, LW_BLOCK);
        u += left * V * VL;
        LW_UNROLL
        for (int t = 0; t < T; t++) {
            LW_UNROLL
            for (int i = 0; i < V; i++)
                v_store(m + t * WINO_WIDTH + i * VL, acc[t * V + i]);
        }
    }
}

#define WINO_GEMM(T, V)                                                                                      \
    static void wino_gemm_##T##x##V(const struct wino_product *p, ptrdiff_t slots, const float *v,           \
                                    ptrdiff_t block, int64_t channels, const float *u, float *m) {           \
        wino_gemm(p, slots, v, block, channels, u, m, T, V);                                                 \
    }
#define WINO_GEMM_ENTRY(T, V) wino_gemm_##T##x##V,

LW_REPEAT(LW_WINO_TILES, WINO_GEMM, 1)
LW_REPEAT(LW_WINO_TILES, WINO_GEMM, 2)
#if LW_WINO_VECTORS > 2
LW_REPEAT(LW_WINO_TILES, WINO_GEMM, 3)
LW_REPEAT(LW_WINO_TILES, WINO_GEMM, 4)
#endif

typedef void (*wino_gemm_fn)(const struct wino_product *p, ptrdiff_t slots, const float *v, ptrdiff_t block,
                             int64_t channels, const float *u, float *m);

static const wino_gemm_fn wino_gemm_tiles[LW_WINO_VECTORS][LW_WINO_TILES] = {
    {LW_REPEAT(LW_WINO_TILES, WINO_GEMM_ENTRY, 1)},
    {LW_REPEAT(LW_WINO_TILES, WINO_GEMM_ENTRY, 2)},
#if LW_WINO_VECTORS > 2
    {LW_REPEAT(LW_WINO_TILES, WINO_GEMM_ENTRY, 3)},
    {LW_REPEAT(LW_WINO_TILES, WINO_GEMM_ENTRY, 4)},
#endif
};

#undef WINO_GEMM
#undef WINO_GEMM_ENTRY

#endif
