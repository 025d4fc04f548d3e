/* The register tile of direct convolution: neighbouring output pixels times up to LW_DIRECT_VECTORS vectors
 * of output channels, the more vectors the fewer pixels, accumulated over all taps and input channels.
 *
 * The source is a strip of blocks of B channels (B = 16, or 1 for plain planes) in which neighbouring output
 * pixels of one tap are always B floats apart: packing (pack.h) sees to that for any stride. Or it lies as an
 * image does, or is one, of stride 1 or 2. So every address is a pointer plus a constant, and one tile serves
 * every kernel size, stride and dilation; taps are a table of offsets. A call computes a run of equal tiles
 * side by side: with few input channels a call for each would cost a tenth. */
#ifndef LW_CONV_TILE_H
#define LW_CONV_TILE_H

/* Pixels of a tile whose tap lies in the padding, and is left out: the first one or two, or the last. */
enum conv_trim { CONV_TRIM_NONE, CONV_TRIM_FIRST, CONV_TRIM_FIRST2, CONV_TRIM_LAST, CONV_TRIM_LAST2 };
#define CONV_MAX_TRIM 2

#define CONV_LINE 16 /* floats of a cache line */

struct conv_tile {
    const float *src;     /* the first pixel's window origin */
    const float *weights; /* [block][tap][channel of the block][vectors * VL] */
    const float *bias;    /* [vectors * VL] */
    float *out;           /* pixel p, vector v at out + p * out_pixel + out_vector[v] */
    int64_t tiles;        /* side by side */
    ptrdiff_t out_pixel, out_vector[LW_DIRECT_VECTORS];
    const ptrdiff_t *tap;      /* [all taps] source offset of each tap */
    const unsigned char *trim; /* [all taps] conv_trim */
    bool trims;                /* is one of them not CONV_TRIM_NONE? */
    int tap_begin, tap_end;    /* the rows of the kernel that lie inside the image */
    int taps;                  /* all taps, for strides */
    int row_taps;              /* of a row of the kernel where they are neighbours in a plane, else 0 */
    int64_t blocks;
    ptrdiff_t src_block; /* floats from one channel block to the next */
    int last_run;        /* channels in the last block */
    bool resumed; /* the sums over the blocks before these are in `out`; else they start from the bias */
    bool relu;
    const float *ahead; /* weights that come after these: each block of a tap fetches so many lines of them */
    int ahead_lines;
    bool fetches; /* pixels of the next block: a core doesn't foresee lines so far apart */
};

/* More than any tile has: unrolled loops leave nothing of an array but what they use. */
#define LW_MAX_PIXELS  14
#define LW_MAX_VECTORS 4

/* Channel i of four: pixels lo .. hi-1, whose values are in the quads q. */
LW_INLINE void conv_channel(vf *acc, const vf *w, const vq *q, const int i, const int lo, const int hi,
                            const int V) {
    LW_UNROLL
    for (int t = lo; t < hi; t++) {
        LW_UNROLL
        for (int v = 0; v < V; v++)
            acc[t * V + v] = v_fma_lane(acc[t * V + v], w[v], q[t], i);
        if (LW_TIGHT) v_in_turn(acc + t * V, V);
    }
}

/* Four channels: the source values of a pixel are one quad. row: floats from a channel's weights to the next
 * one's. (In conv_points.h the parts are exchanged: s are weights, and w vectors of pixels.) */
LW_INLINE void conv_step4(vf *acc, const float *s, const float *w, const int lo, const int hi, const int V,
                          const int B, const ptrdiff_t row) {
    vq q[LW_MAX_PIXELS];
    LW_UNROLL
    for (int t = lo; t < hi; t++)
        q[t] = vq_load(s + t * B);
    LW_UNROLL
    for (int i = 0; i < 4; i++) {
        vf wv[LW_MAX_VECTORS];
        LW_UNROLL
        for (int v = 0; v < V; v++)
            wv[v] = v_load(w + i * row + v * VL);
        conv_channel(acc, wv, q, i, lo, hi, V);
    }
}

/* One channel: pixels lo .. hi-1, whose values are B floats apart. */
LW_INLINE void conv_values(vf *acc, const vf *w, const float *s, const int lo, const int hi, const int V,
                           const int B) {
    LW_UNROLL
    for (int t = lo; t < hi; t++) {
        const vf x = v_set1(s[t * B]);
        LW_UNROLL
        for (int v = 0; v < V; v++)
            acc[t * V + v] = v_fma_sum(w[v], x, acc[t * V + v]);
        if (LW_TIGHT) v_in_turn(acc + t * V, V);
    }
}

LW_INLINE void conv_step1(vf *acc, const float *s, const float *w, const int lo, const int hi, const int V,
                          const int B) {
    vf wv[LW_MAX_VECTORS];
    LW_UNROLL
    for (int v = 0; v < V; v++)
        wv[v] = v_load(w + v * VL);
    conv_values(acc, wv, s, lo, hi, V, B);
}

/* `run` channels of one tap. */
LW_INLINE void conv_run(vf *acc, const float *s, const float *w, int run, const int lo, const int hi,
                        const int V, const int B) {
    int i = 0;
    for (; i + 4 <= run; i += 4)
        conv_step4(acc, s + i, w + i * V * VL, lo, hi, V, B, V * VL);
    for (; i < run; i++)
        conv_step1(acc, s + i, w + i * V * VL, lo, hi, V, B);
}

/* The same, of the pixels whose tap doesn't lie in the padding. */
LW_INLINE void conv_tap(vf *acc, const float *s, const float *w, int run, int trim, const int T, const int V,
                        const int B) {
    if (trim == CONV_TRIM_NONE)
        conv_run(acc, s, w, run, 0, T, V, B);
    else if (trim == CONV_TRIM_FIRST)
        conv_run(acc, s, w, run, 1, T, V, B);
    else if (trim == CONV_TRIM_LAST)
        conv_run(acc, s, w, run, 0, T - 1, V, B);
    else if (trim == CONV_TRIM_FIRST2)
        conv_run(acc, s, w, run, 2, T, V, B);
    else
        conv_run(acc, s, w, run, 0, T - 2, V, B);
}

LW_INLINE void conv_tile_store(const struct conv_tile *a, float *out, vf *acc, const int T, const int V) {
    if (a->relu) v_relu(acc, T * V);
    float *at[LW_DIRECT_VECTORS];
    LW_UNROLL
    for (int v = 0; v < V; v++)
        at[v] = out + a->out_vector[v];
    LW_UNROLL
    for (int t = 0; t < T; t++) {
        LW_UNROLL
        for (int v = 0; v < V; v++) {
            v_store(at[v], acc[t * V + v]);
            at[v] += a->out_pixel;
        }
    }
}

LW_INLINE void conv_tile_start(const struct conv_tile *a, const float *out, vf *acc, const int T,
                               const int V) {
    if (a->resumed) {
        LW_UNROLL
        for (int t = 0; t < T; t++) {
            LW_UNROLL
            for (int v = 0; v < V; v++)
                acc[t * V + v] = v_load(out + t * a->out_pixel + a->out_vector[v]);
        }
        return;
    }
    LW_UNROLL
    for (int v = 0; v < V; v++) {
        vf b = v_load(a->bias + v * VL);
        LW_UNROLL
        for (int t = 0; t < T; t++)
            acc[t * V + v] = b;
    }
}

/* The next pixels, into L1. */
LW_INLINE void conv_fetch_pixels(const float *src, const int T, const int S) {
    LW_UNROLL
    for (int t = 0; t < T; t++)
        __builtin_prefetch(src + t * S * LW_BLOCK, 0, 3);
}

/* Weights that come later, into L2; returns what comes behind them. */
LW_INLINE const float *conv_fetch_ahead(const float *ahead, int lines) {
    LW_NO_UNROLL
    for (int line = 0; line < lines; line++, ahead += CONV_LINE)
        __builtin_prefetch(ahead, 0, 2);
    return ahead;
}

/* ---- the sums of one tile: `src` is its origin; S: pixels of the source from one of the output to the next
 */

/* The pixels of the block behind this one, or of the next tile. */
LW_INLINE const float *conv_next_pixels(const struct conv_tile *a, const float *src, const float *tile,
                                        int64_t left, const int T, const int S) {
    return left > 1 ? src + a->src_block : tile + T * S * LW_BLOCK;
}

/* A 1x1 kernel: nothing but products. Where another thread has half of the core, all that is done around a
 * block's products costs its share. */
LW_INLINE const float *conv_sum_blocks(vf *acc, const struct conv_tile *a, const float *src,
                                       const float *ahead, const int T, const int V, const int S) {
    const float *w = a->weights, *tile = src;
    const int rest = a->last_run < LW_BLOCK; /* the last block lacks channels */
    for (int64_t left = a->blocks; left > rest; left--, src += a->src_block, w += LW_BLOCK * V * VL) {
        LW_NEW_BASE(src);
        LW_NEW_BASE(w);
        LW_UNROLL
        for (int c = 0; c < LW_BLOCK; c += 4) {
            conv_step4(acc, src + c, w + c * V * VL, 0, T, V, S * LW_BLOCK, V * VL);
            if (c > 0) continue;
            if (a->fetches) conv_fetch_pixels(conv_next_pixels(a, src, tile, left, T, S), T, S);
            ahead = conv_fetch_ahead(ahead, a->ahead_lines);
        }
    }
    if (!rest) return ahead;
    if (a->fetches) conv_fetch_pixels(conv_next_pixels(a, src, tile, 1, T, S), T, S);
    LW_NO_UNROLL
    for (int c = 0; c < a->last_run; c++, w += V * VL)
        conv_step1(acc, src + c, w, 0, T, V, S * LW_BLOCK);
    return conv_fetch_ahead(ahead, a->ahead_lines);
}

/* Whole blocks, no tap in the padding. */
LW_INLINE const float *conv_sum_taps(vf *acc, const struct conv_tile *a, const float *src, const float *ahead,
                                     const int T, const int V, const int S) {
    const float *weights = a->weights + (ptrdiff_t)a->tap_begin * LW_BLOCK * V * VL, *tile = src;
    for (int64_t left = a->blocks; left > 0; left--, src += a->src_block) {
        if (a->fetches) conv_fetch_pixels(conv_next_pixels(a, src, tile, left, T, S), T, S);
        const float *w = weights;
        for (int k = a->tap_begin; k < a->tap_end; k++) {
            ahead = conv_fetch_ahead(ahead, a->ahead_lines);
            const float *s = src + a->tap[k];
            LW_NEW_BASE(s);
            LW_NO_UNROLL
            for (int c = 0; c < LW_BLOCK; c += 4, w += 4 * V * VL)
                conv_step4(acc, s + c, w, 0, T, V, S * LW_BLOCK, V * VL);
        }
        weights += (ptrdiff_t)a->taps * LW_BLOCK * V * VL;
    }
    return ahead;
}

/* Any blocks; taps may be trimmed at the image's left and right border. */
LW_INLINE const float *conv_sum_cut(vf *acc, const struct conv_tile *a, const float *src, const float *ahead,
                                    const int T, const int V, const int S) {
    const float *weights = a->weights;
    for (int64_t b = 0; b < a->blocks; b++, src += a->src_block) {
        const int run = b + 1 < a->blocks ? LW_BLOCK : a->last_run;
        const float *w = weights + (ptrdiff_t)a->tap_begin * run * V * VL;
        for (int k = a->tap_begin; k < a->tap_end; k++, w += run * V * VL) {
            ahead = conv_fetch_ahead(ahead, a->ahead_lines);
            conv_tap(acc, src + a->tap[k], w, run, a->trim[k], T, V, S * LW_BLOCK);
        }
        weights += (ptrdiff_t)a->taps * LW_BLOCK * V * VL;
    }
    return ahead;
}

/* Taps of a plane without a look at the loop between them. Of several gcc 12 puts a sum of the largest tiles
 * on the stack. */
#ifdef __clang__
#define CONV_PLANE_TAPS 4
#else
#define CONV_PLANE_TAPS 1
#endif

/* Plain planes, one channel a block; trims: as above, but for a tap's few instructions a look at each is too
 * many where there are none. */
LW_INLINE void conv_sum_planes(vf *acc, const struct conv_tile *a, const float *src, const bool trims,
                               const int T, const int V, const int S) {
    const float *weights = a->weights + (ptrdiff_t)a->tap_begin * V * VL;
    for (int64_t b = 0; b < a->blocks; b++, src += a->src_block) {
        const float *w = weights;
        int k = a->tap_begin;
        if (!trims) {
            LW_NO_UNROLL
            for (; k + CONV_PLANE_TAPS <= a->tap_end; k += CONV_PLANE_TAPS, w += CONV_PLANE_TAPS * V * VL) {
                LW_NEW_BASE(w);
                LW_UNROLL
                for (int j = 0; j < CONV_PLANE_TAPS; j++)
                    conv_step1(acc, src + a->tap[k + j], w + j * V * VL, 0, T, V, S);
            }
        }
        LW_NO_UNROLL
        for (; k < a->tap_end; k++, w += V * VL)
            conv_tap(acc, src + a->tap[k], w, 1, trims ? a->trim[k] : CONV_TRIM_NONE, T, V, S);
        weights += (ptrdiff_t)a->taps * V * VL;
    }
}

/* The same where a kernel row's K taps are neighbours: an address for each row. H: the rows inside the image,
 * of which the compiler is told that there are as many; 1: any number. */
LW_INLINE void conv_sum_kernel_rows(vf *acc, const struct conv_tile *a, const float *src, const int H,
                                    const int K, const int T, const int V, const int S) {
    const float *weights = a->weights + (ptrdiff_t)a->tap_begin * V * VL;
    const int end = H == 1 ? a->tap_end : a->tap_begin + H * K;
    for (int64_t b = 0; b < a->blocks; b++, src += a->src_block) {
        const float *w = weights;
        LW_NO_UNROLL
        for (int k = a->tap_begin; k < end; k += H * K, w += H * K * V * VL) {
            LW_NEW_BASE(w);
            LW_UNROLL
            for (int i = 0; i < H; i++) {
                const float *s = src + a->tap[k + i * K];
                LW_NEW_BASE(s);
                LW_UNROLL
                for (int j = 0; j < K; j++)
                    conv_step1(acc, s + j, w + (i * K + j) * V * VL, 0, T, V, S);
            }
        }
        weights += (ptrdiff_t)a->taps * V * VL;
    }
}

/* The same of a 1x1 kernel: a loop around each channel's one tap costs as much as its products. */
LW_INLINE void conv_sum_points(vf *acc, const struct conv_tile *a, const float *src, const int T, const int V,
                               const int S) {
    const ptrdiff_t step = a->src_block;
    const float *w = a->weights;
    for (int64_t b = 0; b < a->blocks; b++, src += step, w += V * VL) {
        LW_NEW_BASE(src); /* gcc 12, on scalars, joins loads of two channels, and reads one too many */
        conv_step1(acc, src, w, 0, T, V, S);
    }
}

/* ---- a run of tiles --------------------------------------------------------------------------------------
 */

enum conv_form {
    CONV_BLOCKS,
    CONV_TAPS,
    CONV_CUT,
    CONV_PLANES,
    CONV_PLANES_CUT,
    CONV_3X3,
    CONV_ROWS_OF_7,
    CONV_POINTS
};

LW_INLINE void conv_tile_run(const struct conv_tile *a, const enum conv_form form, const int T, const int V,
                             const int S) {
    const int block = form < CONV_PLANES ? LW_BLOCK : 1;
    const float *src = a->src, *ahead = a->ahead;
    if (form == CONV_BLOCKS || form == CONV_POINTS) src += a->tap[0];
    float *out = a->out;
    for (int64_t i = 0; i < a->tiles; i++, src += T * S * block, out += T * a->out_pixel) {
        vf acc[LW_DIRECT_PIXELS_1 * LW_DIRECT_VECTORS];
        conv_tile_start(a, out, acc, T, V);
        if (form == CONV_BLOCKS) ahead = conv_sum_blocks(acc, a, src, ahead, T, V, S);
        if (form == CONV_TAPS) ahead = conv_sum_taps(acc, a, src, ahead, T, V, S);
        if (form == CONV_CUT) ahead = conv_sum_cut(acc, a, src, ahead, T, V, S);
        if (form == CONV_PLANES) conv_sum_planes(acc, a, src, false, T, V, S);
        if (form == CONV_PLANES_CUT) conv_sum_planes(acc, a, src, true, T, V, S);
        if (form == CONV_3X3) conv_sum_kernel_rows(acc, a, src, 3, 3, T, V, S);
        if (form == CONV_ROWS_OF_7) conv_sum_kernel_rows(acc, a, src, 1, 7, T, V, S);
        if (form == CONV_POINTS) conv_sum_points(acc, a, src, T, V, S);
        conv_tile_store(a, out, acc, T, V);
    }
}

/* One function for each size of the tile, so that every remainder is as unrolled as the whole. What it is
 * told is copied: no store can change that, so nothing is loaded again after each. */
#define CONV_TILE_FUNCTION(T, V, S)                                                                          \
    static void conv_tile_blocked##S##_##T##x##V(const struct conv_tile *told) {                             \
        const struct conv_tile a = *told;                                                                    \
        if (!a.trims && T * V >= LW_UNROLLED_SUMS && a.taps == 1 && a.tap_begin < a.tap_end)                 \
            conv_tile_run(&a, CONV_BLOCKS, T, V, S);                                                         \
        else if (a.trims || a.last_run != LW_BLOCK)                                                          \
            conv_tile_run(&a, CONV_CUT, T, V, S);                                                            \
        else                                                                                                 \
            conv_tile_run(&a, CONV_TAPS, T, V, S);                                                           \
    }                                                                                                        \
    static void conv_tile_planes##S##_##T##x##V(const struct conv_tile *told) {                              \
        const struct conv_tile a = *told;                                                                    \
        if (a.trims)                                                                                         \
            conv_tile_run(&a, CONV_PLANES_CUT, T, V, S);                                                     \
        else if (LW_PLANE_ROWS && a.row_taps == 3 && a.tap_end - a.tap_begin == 9)                           \
            conv_tile_run(&a, CONV_3X3, T, V, S);                                                            \
        else if (LW_PLANE_ROWS && a.row_taps == 7 && S == 2)                                                 \
            conv_tile_run(&a, CONV_ROWS_OF_7, T, V, S);                                                      \
        else if (a.taps > 1 || a.tap_begin == a.tap_end)                                                     \
            conv_tile_run(&a, CONV_PLANES, T, V, S);                                                         \
        else                                                                                                 \
            conv_tile_run(&a, CONV_POINTS, T, V, S);                                                         \
    }
#define CONV_TILE_FUNCTIONS(T, V)                                                                            \
    CONV_TILE_FUNCTION(T, V, 1)                                                                              \
    CONV_TILE_FUNCTION(T, V, 2)
#define CONV_TILE_BLOCKED1(T, V) conv_tile_blocked1_##T##x##V,
#define CONV_TILE_BLOCKED2(T, V) conv_tile_blocked2_##T##x##V,
#define CONV_TILE_PLANES1(T, V)  conv_tile_planes1_##T##x##V,
#define CONV_TILE_PLANES2(T, V)  conv_tile_planes2_##T##x##V,

#if LW_DIRECT_VECTORS > 3
#define CONV_TILES_4(f) {LW_REPEAT(LW_DIRECT_PIXELS_4, f, 4)},
LW_REPEAT(LW_DIRECT_PIXELS_4, CONV_TILE_FUNCTIONS, 4)
#else
#define CONV_TILES_4(f)
#endif
LW_REPEAT(LW_DIRECT_PIXELS_1, CONV_TILE_FUNCTIONS, 1)
LW_REPEAT(LW_DIRECT_PIXELS_2, CONV_TILE_FUNCTIONS, 2)
LW_REPEAT(LW_DIRECT_PIXELS_3, CONV_TILE_FUNCTIONS, 3)

typedef void (*conv_tile_fn)(const struct conv_tile *);

#define CONV_TILES(f)                                                                                        \
    {                                                                                                        \
        {LW_REPEAT(LW_DIRECT_PIXELS_1, f, 1)}, {LW_REPEAT(LW_DIRECT_PIXELS_2, f, 2)},                        \
            {LW_REPEAT(LW_DIRECT_PIXELS_3, f, 3)}, CONV_TILES_4(f)                                           \
    }

/* [stride - 1][vectors - 1][pixels - 1] */
static const conv_tile_fn conv_tiles_blocked[2][LW_DIRECT_VECTORS][LW_DIRECT_PIXELS_1] = {
    CONV_TILES(CONV_TILE_BLOCKED1), CONV_TILES(CONV_TILE_BLOCKED2)};
static const conv_tile_fn conv_tiles_planes[2][LW_DIRECT_VECTORS][LW_DIRECT_PIXELS_1] = {
    CONV_TILES(CONV_TILE_PLANES1), CONV_TILES(CONV_TILE_PLANES2)};

#undef CONV_TILES
#undef CONV_TILES_4
#undef CONV_TILE_FUNCTION
#undef CONV_TILE_FUNCTIONS
#undef CONV_TILE_BLOCKED1
#undef CONV_TILE_BLOCKED2
#undef CONV_TILE_PLANES1
#undef CONV_TILE_PLANES2

#endif
