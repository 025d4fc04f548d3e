/* The products of one Winograd point: M[tile][oc] = sum over channels of V[tile][channel] U[channel][oc], for
 * up to LW_WINO_TILES tiles times up to LW_WINO_VECTORS vectors in registers. The sum is a few dozen
 * terms long, so what counts is how little happens around it: no tables, no taps. */
#ifndef LW_WINOGRAD_GEMM_H
#define LW_WINOGRAD_GEMM_H

#include "conv_tile.h"
#include "winograd_schedule.h"

/* M's row of a unit, whatever part of it is used. */
#define WINO_WIDTH (LW_WINO_VECTORS * VL)

/* What the products of a row of points read and write. V: [channel block][point of the row][slot][16];
 * weights: of one oc tile, [point][channel][vectors of the tile]; M: [point of the row][slot][WINO_WIDTH]. */
struct wino_operands {
    const float *v;
    ptrdiff_t block; /* V's, from one block of channels to the next */
    ptrdiff_t slots;
    const float *u;  /* from the row of points on */
    ptrdiff_t next;  /* from an oc tile's weights to the next one's */
    ptrdiff_t point; /* from a point's weights to the next one's */
    float *m;
    int64_t first, channels; /* the channels to add, `first` a multiple of 16: from 0 on M is new */
    ptrdiff_t ahead; /* floats of an oc tile to those that a point's only run fetches into L1; 0: they are
                        near enough, and nothing is fetched */
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
        conv_channel(acc, w, q, i, 0, T, V);
    }
}

LW_INLINE void wino_step1(vf *acc, const float *x, const float *u, const float *far, const int T,
                          const int V) {
    const int W = V < WINO_TASK_VECTORS ? V : WINO_TASK_VECTORS;
    vf w[LW_WINO_VECTORS];
    LW_UNROLL
    for (int v = 0; v < V; v++)
        w[v] = v_load((v < W ? u : far) + v % W * VL);
    conv_values(acc, w, x, 0, T, V, LW_BLOCK);
}

/* The weights of four channels. */
LW_INLINE void wino_fetch(const float *u, const ptrdiff_t width) {
    LW_UNROLL
    for (ptrdiff_t i = 0; i < 4 * width; i += CONV_LINE)
        __builtin_prefetch(u + i, 0, 3);
}

/* What a run of tiles fetches of weights that come from beyond the near caches: a point's only run those a
 * little ahead, into L1; each of several its share of the next point's, into L2, since the first run alone is
 * too short for all of them. */
enum wino_fetched { WINO_NONE, WINO_NEAR, WINO_SHARE };
struct wino_ahead {
    ptrdiff_t floats; /* from the weights in use to the first line */
    int lines;        /* of a share, for each four channels */
};

/* Whole blocks of channels, `block` floats apart in V. A few lines of weights are fetched at a time, or they
 * would hold up the loads. */
LW_INLINE void wino_channel_blocks(vf *acc, const float *x, ptrdiff_t block, int64_t blocks, const float *u,
                                   const float *far, const enum wino_fetched what, struct wino_ahead ahead,
                                   const int T, const int V) {
    const ptrdiff_t width = (V < WINO_TASK_VECTORS ? V : WINO_TASK_VECTORS) * VL, next = far - u;
    const float *line = u + ahead.floats;
    for (; blocks > 0; blocks--, x += block, u += LW_BLOCK * width, far += LW_BLOCK * width) {
        LW_NEW_BASE(u);
        LW_NEW_BASE(far);
        LW_UNROLL
        for (int c = 0; c < LW_BLOCK; c += 4) {
            if (what == WINO_NEAR) wino_fetch(u + ahead.floats + c * width, width);
            if (what == WINO_NEAR && V > WINO_TASK_VECTORS) wino_fetch(far + ahead.floats + c * width, width);
            if (what == WINO_SHARE) {
                LW_NO_UNROLL
                for (int i = 0; i < ahead.lines; i++, line += CONV_LINE) {
                    __builtin_prefetch(line, 0, 2);
                    if (V > WINO_TASK_VECTORS) __builtin_prefetch(line + next, 0, 2);
                }
                LW_KEEP_LOADS;
            }
            wino_step4(acc, x + c, u + c * width, far + c * width, T, V);
            if (what == WINO_SHARE) v_in_turn(acc, T * V); /* not behind the next lines' loop */
            LW_KEEP_LOADS;
        }
    }
}

/* A run of T tiles. resumed: to the sums in M. */
LW_INLINE void wino_run_tiles(const float *v, ptrdiff_t block, int64_t channels, const float *u,
                              const float *far, bool resumed, const enum wino_fetched what,
                              struct wino_ahead ahead, float *m, const int T, const int V) {
    const ptrdiff_t width = (V < WINO_TASK_VECTORS ? V : WINO_TASK_VECTORS) * VL;
    const int64_t blocks = channels / LW_BLOCK;
    vf acc[LW_WINO_TILES * LW_WINO_VECTORS];
    LW_UNROLL
    for (int i = 0; i < T * V; i++)
        acc[i] = v_zero();
    if (resumed) {
        LW_UNROLL
        for (int i = 0; i < T * V; i++)
            acc[i] = v_load(m + i / V * WINO_WIDTH + i % V * VL);
    }
    wino_channel_blocks(acc, v, block, blocks, u, far, what, ahead, T, V);
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

/* The share of run k of so many; width: of a channel's weights. */
LW_INLINE struct wino_ahead wino_share(const struct wino_operands *o, int32_t k, int32_t runs,
                                       ptrdiff_t width) {
    const ptrdiff_t lines = 4 * width / CONV_LINE, most = lw_div_up(lines, runs), begin = k * most;
    return (struct wino_ahead){o->point + begin * (o->channels / LW_BLOCK * LW_BLOCK / 4) * CONV_LINE,
                               (int)lw_max(0, lw_min(most, lines - begin))};
}

LW_INLINE void wino_points(const struct wino_product *p, const struct wino_operands *operands,
                           const enum wino_fetched what, const int T, const int V) {
    const struct wino_operands o = *operands;
    const ptrdiff_t width = (V < WINO_TASK_VECTORS ? V : WINO_TASK_VECTORS) * VL;
    const ptrdiff_t rest = o.slots - p->runs * T;
    const int32_t runs = p->runs;
    const bool resumed = what == WINO_SHARE && o.first > 0; /* a single run takes all channels */
    const float *u = o.u + p->column * o.point + o.first * width;
    const float *v = o.v + o.first / LW_BLOCK * o.block + (p->column * o.slots + p->slot) * LW_BLOCK;
    float *m = o.m + (p->column * o.slots + p->slot) * WINO_WIDTH;
    struct wino_ahead ahead = {o.ahead, 0};
    for (int32_t left = p->points * runs, run = 0; left > 0; left--) {
        if (what == WINO_SHARE) ahead = wino_share(&o, p->first_run + run, p->all_runs, width);
        wino_run_tiles(v, o.block, o.channels, u, u + o.next, resumed, what, ahead, m, T, V);
        v += T * LW_BLOCK, m += T * WINO_WIDTH;
        if (++run < runs) continue;
        run = 0;
        u += o.point, v += rest * LW_BLOCK, m += rest * WINO_WIDTH;
    }
}

LW_INLINE void wino_gemm(const struct wino_product *p, const struct wino_operands *o, const int T,
                         const int V) {
    if (o->ahead == 0)
        wino_points(p, o, WINO_NONE, T, V);
    else if (p->all_runs == 1)
        wino_points(p, o, WINO_NEAR, T, V);
    else
        wino_points(p, o, WINO_SHARE, T, V);
}

#define WINO_GEMM(T, V)                                                                                      \
    static void wino_gemm_##T##x##V(const struct wino_product *p, const struct wino_operands *o) {           \
        wino_gemm(p, o, T, V);                                                                               \
    }
#define WINO_GEMM_ENTRY(T, V) wino_gemm_##T##x##V,

LW_REPEAT(LW_WINO_TILES, WINO_GEMM, 1)
LW_REPEAT(LW_WINO_TILES, WINO_GEMM, 2)
#if LW_WINO_VECTORS > 2
LW_REPEAT(LW_WINO_TILES, WINO_GEMM, 4)
#endif

typedef void (*wino_gemm_fn)(const struct wino_product *p, const struct wino_operands *o);

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
