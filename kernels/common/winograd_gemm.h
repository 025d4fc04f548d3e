/* The products of one Winograd point: M[tile][oc] = sum over channels of V[tile][channel] U[channel][oc], for
 * up to LW_WINO_TILES tiles times up to LW_WINO_VECTORS vectors in registers. The sum is a few dozen
 * terms long, so what counts is how little happens around it: no tables, no taps, all in arguments. */
#ifndef LW_WINOGRAD_GEMM_H
#define LW_WINOGRAD_GEMM_H

#include "conv_tile.h"
#include "winograd_schedule.h"

/* M's row of a unit, whatever part of it is used. */
#define WINO_WIDTH (LW_WINO_VECTORS * VL)

/* Weights of one oc tile, [point][channel][vectors of the tile], and how far behind the next tile's are.
 * ahead: so many floats ahead they are fetched into L1; 0: not. */
struct wino_weights {
    const float *u;
    ptrdiff_t next, ahead;
};

/* Four channels of a point's tiles; u, far: of the first oc tile, and of the second where there is one. */
LW_INLINE void wino_step4(vf *acc, const float *x, const float *u, const float *far, const int T,
                          const int V) {
    const int W = V < WINO_TASK_VECTORS ? V : WINO_TASK_VECTORS;
    vq q[LW_WINO_TILES];
    LW_UNROLL
    for (int t = 0; t < T; t++)
        q[t] = vq_load(x + t * LW_BLOCK);
    LW_UNROLL
    for (int i = 0; i < 4; i++) {
        vf w[LW_WINO_VECTORS];
        LW_UNROLL
        for (int v = 0; v < V; v++)
            w[v] = v_load((v < W ? u : far) + (i * W + v % W) * VL);
        LW_UNROLL
        for (int t = 0; t < T; t++) {
            LW_UNROLL
            for (int v = 0; v < V; v++)
                acc[t * V + v] = v_fma_lane(acc[t * V + v], w[v], q[t], i);
        }
    }
}

LW_INLINE void wino_step1(vf *acc, const float *x, const float *u, const float *far, const int T,
                          const int V) {
    const int W = V < WINO_TASK_VECTORS ? V : WINO_TASK_VECTORS;
    LW_UNROLL
    for (int v = 0; v < V; v++) {
        const vf w = v_load((v < W ? u : far) + v % W * VL);
        LW_UNROLL
        for (int t = 0; t < T; t++)
            acc[t * V + v] = v_fma(w, v_set1(x[t * LW_BLOCK]), acc[t * V + v]);
    }
}

/* The weights of four channels. */
LW_INLINE void wino_fetch(const float *u, const ptrdiff_t width) {
    LW_UNROLL
    for (ptrdiff_t i = 0; i < 4 * width; i += CONV_LINE)
        __builtin_prefetch(u + i, 0, 3);
}

/* Whole blocks of channels, `block` floats apart in V. fetch: a few lines of weights at a time, or they would
 * hold up the loads. */
LW_INLINE void wino_channel_blocks(vf *acc, const float *x, ptrdiff_t block, int64_t blocks, const float *u,
                                   const float *far, ptrdiff_t ahead, const int T, const int V,
                                   const bool fetch) {
    const ptrdiff_t width = (V < WINO_TASK_VECTORS ? V : WINO_TASK_VECTORS) * VL;
    for (; blocks > 0; blocks--, x += block, u += LW_BLOCK * width, far += LW_BLOCK * width) {
        LW_NEW_BASE(u);
        LW_NEW_BASE(far);
        LW_UNROLL
        for (int c = 0; c < LW_BLOCK; c += 4) {
            if (fetch) wino_fetch(u + ahead + c * width, width);
            if (fetch && V > WINO_TASK_VECTORS) wino_fetch(far + ahead + c * width, width);
            wino_step4(acc, x + c, u + c * width, far + c * width, T, V);
            LW_KEEP_LOADS;
        }
    }
}

/* A run of T tiles. */
LW_INLINE void wino_run_tiles(const float *v, ptrdiff_t block, int64_t channels, const float *u,
                              const float *far, ptrdiff_t ahead, float *m, const int T, const int V) {
    const ptrdiff_t width = (V < WINO_TASK_VECTORS ? V : WINO_TASK_VECTORS) * VL;
    const int64_t blocks = channels / LW_BLOCK;
    vf acc[LW_WINO_TILES * LW_WINO_VECTORS];
    LW_UNROLL
    for (int i = 0; i < T * V; i++)
        acc[i] = v_zero();
    if (ahead != 0)
        wino_channel_blocks(acc, v, block, blocks, u, far, ahead, T, V, true);
    else
        wino_channel_blocks(acc, v, block, blocks, u, far, 0, T, V, false);
    int64_t left = channels % LW_BLOCK;
    if (left > 0) { /* one look where there are none */
        v += blocks * block, u += blocks * LW_BLOCK * width, far += blocks * LW_BLOCK * width;
        for (; left >= 4; left -= 4, v += 4, u += 4 * width, far += 4 * width)
            wino_step4(acc, v, u, far, T, V);
        for (; left > 0; left--, v++, u += width, far += width)
            wino_step1(acc, v, u, far, T, V);
    }
    LW_UNROLL
    for (int t = 0; t < T; t++) {
        LW_UNROLL
        for (int i = 0; i < V; i++)
            v_store(m + t * WINO_WIDTH + i * VL, acc[t * V + i]);
    }
}

/* v: [channel block][point of the row][slot][16], blocks `block` floats apart; w: from the row of points on;
 * m: [point of the row][slot][WINO_WIDTH]. */
LW_INLINE void wino_gemm(const struct wino_product *p, ptrdiff_t slots, const float *v, ptrdiff_t block,
                         int64_t channels, const struct wino_weights *w, float *m, const int T, const int V) {
    const ptrdiff_t width = (V < WINO_TASK_VECTORS ? V : WINO_TASK_VECTORS) * VL;
    const ptrdiff_t next_point = channels * width, rest = slots - p->runs * T;
    const int32_t runs = p->runs;
    const float *u = w->u + p->column * next_point;
    const ptrdiff_t next = w->next;
    v += (p->column * slots + p->slot) * LW_BLOCK;
    m += (p->column * slots + p->slot) * WINO_WIDTH;
    ptrdiff_t ahead = w->ahead;
    for (int32_t left = p->points * runs, run = runs; left > 0; left--) {
        wino_run_tiles(v, block, channels, u, u + next, ahead, m, T, V);
        v += T * LW_BLOCK, m += T * WINO_WIDTH;
        ahead = 0; /* then they are there */
        if (--run > 0) continue;
        run = runs, ahead = w->ahead;
        u += next_point, v += rest * LW_BLOCK, m += rest * WINO_WIDTH;
    }
}

#define WINO_GEMM(T, V)                                                                                      \
    static void wino_gemm_##T##x##V(const struct wino_product *p, ptrdiff_t slots, const float *v,           \
                                    ptrdiff_t block, int64_t channels, const struct wino_weights *w,         \
                                    float *m) {                                                              \
        wino_gemm(p, slots, v, block, channels, w, m, T, V);                                                 \
    }
#define WINO_GEMM_ENTRY(T, V) wino_gemm_##T##x##V,

LW_REPEAT(LW_WINO_TILES, WINO_GEMM, 1)
LW_REPEAT(LW_WINO_TILES, WINO_GEMM, 2)
#if LW_WINO_VECTORS > 2
LW_REPEAT(LW_WINO_TILES, WINO_GEMM, 4)
#endif

typedef void (*wino_gemm_fn)(const struct wino_product *p, ptrdiff_t slots, const float *v, ptrdiff_t block,
                             int64_t channels, const struct wino_weights *w, float *m);

/* By vectors / 2: one, two, and four, which are two oc tiles together. */
static const wino_gemm_fn wino_gemm_tiles[LW_WINO_VECTORS / 2 + 1][LW_WINO_TILES] = {
    {LW_REPEAT(LW_WINO_TILES, WINO_GEMM_ENTRY, 1)},
    {LW_REPEAT(LW_WINO_TILES, WINO_GEMM_ENTRY, 2)},
#if LW_WINO_VECTORS > 2
    {LW_REPEAT(LW_WINO_TILES, WINO_GEMM_ENTRY, 4)},
#endif
};

#undef WINO_GEMM
#undef WINO_GEMM_ENTRY

#endif
