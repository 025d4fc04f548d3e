/* Depthwise convolution where vectors run over channels: rows of pixels that hold a vector's channels side by
 * side. An output row is cut into tiles of four to eight neighbouring pixels, all of one size, the last
 * overlapping the one before; in a tile each source pixel is loaded once a row of taps and meets all the
 * weights that it has. Taps in the padding are left out by columns of the tile, and rows of taps by row. */
#ifndef LW_DEPTHWISE_PIXELS_H
#define LW_DEPTHWISE_PIXELS_H

#include "template.h"
#include "window.h"

#define DEPTHWISE_TILE    8 /* pixels, at most; 4 in pairs of vectors (DEPTHWISE_PAIRS) */
#define DEPTHWISE_VECTORS (LW_DEPTHWISE_SUMS / DEPTHWISE_TILE)

_Static_assert(LW_DEPTHWISE_SUMS == 8 || (LW_DEPTHWISE_SUMS == 16 && VL < LW_BLOCK), "tiles.h: 8 or 16");

/* Output rows y .. y_end-1 of some channels. */
struct depthwise_rows {
    struct axis h, w;
    const float *src;     /* column 0 of source row src_y, which row y needs or those behind it */
    const float *weights; /* of the first channel's block */
    float *dst;           /* of row y */
    int64_t src_y, y, y_end;
    int64_t src_pixel, dst_pixel; /* floats from one pixel to the next */
    int64_t channels;
    bool relu;
};

/* One output row of a block of channels. */
struct depthwise_row {
    const float *src; /* column 0 of the first row that has a tap */
    const float *bias, *weights;
    float *dst;
    int64_t taps;     /* rows of them in the source */
    int64_t pitch;    /* floats from one of these to the next */
    int64_t channels; /* of the block */
};

LW_INLINE void depthwise_store(float *dst, vf *acc, int64_t pixel, int n, bool relu, const int pixels) {
    if (relu) v_relu(acc, pixels);
    LW_UNROLL
    for (int p = 0; p < pixels; p++) {
        if (n == VL)
            v_store(dst, acc[p]);
        else
            v_store_n(dst, acc[p], n);
        dst += pixel;
        LW_NEW_BASE(dst);
    }
}

/* ---- square kernels that are known ------------------------------------------------------------------- */

/* One row of taps of a tile; the first `left` columns that it spans and the last `right` are padding. */
LW_INLINE void depthwise_taps(const float *x, int64_t pixel, const float *w, int n, int64_t left,
                              int64_t right, vf *acc, const int pixels, const int vectors, const int kernel,
                              const int stride) {
    const int columns = (pixels - 1) * stride + kernel, half = kernel / 2;
    vf weight[2][5];
    LW_UNROLL
    for (int k = 0; k < kernel * vectors; k++)
        weight[k / kernel][k % kernel] = v_load(w + k % kernel * LW_BLOCK + k / kernel * VL);
    LW_UNROLL
    for (int j = 0; j < columns; j++) {
        const bool padding = (j < half && j < left) || (j >= columns - half && j >= columns - right);
        LW_UNROLL
        for (int u = 0; u < vectors && !padding; u++) {
            vf v = n == VL ? v_load(x + u * VL) : v_load_n(x, n), *sum = acc + u * pixels;
            LW_UNROLL
            for (int k = 0; k < kernel; k++)
                if (j >= k && (j - k) % stride == 0 && (j - k) / stride < pixels)
                    sum[(j - k) / stride] = v_fma(weight[u][k], v, sum[(j - k) / stride]);
        }
        /* or sums and weights go to the stack (clang), where they nearly fill the registers */
        if (LW_TIGHT || DEPTHWISE_VECTORS > 1) v_in_turn(acc, pixels * vectors);
        x += pixel;
        if (stride > 1) LW_NEW_BASE(x); /* with stride 1 a sum would be spilled in place of addresses */
    }
}

/* n: VL, or the channels of the one vector. */
LW_INLINE void depthwise_known(const struct depthwise_rows *r, const struct depthwise_row *row, int64_t ox,
                               int64_t c, const int n, const int pixels, const int vectors, const int kernel,
                               const int stride) {
    const int64_t pixel = r->src_pixel, start = ox * stride - r->w.pad;
    const int64_t right = start + (pixels - 1) * stride + kernel - r->w.in;
    vf acc[LW_DEPTHWISE_SUMS];
    LW_UNROLL
    for (int i = 0; i < pixels * vectors; i++)
        acc[i] = v_load(row->bias + c + i / pixels * VL);
    const float *x = row->src + start * pixel + c, *w = row->weights + c;
    for (int64_t i = 0; i < row->taps; i++, x += row->pitch, w += kernel * LW_BLOCK)
        depthwise_taps(x, pixel, w, n, -start, right, acc, pixels, vectors, kernel, stride);
    float *dst = row->dst + ox * r->dst_pixel + c;
    LW_UNROLL
    for (int u = 0; u < vectors; u++)
        depthwise_store(dst + u * VL, acc + u * pixels, r->dst_pixel, n, r->relu, pixels);
}

/* All channels of `pixels` outputs from ox on. */
LW_INLINE void depthwise_known_pixels(const struct depthwise_rows *r, const struct depthwise_row *row,
                                      int64_t ox, const int pixels, const int vectors, const int kernel,
                                      const int stride) {
    int64_t c = 0;
    for (; vectors > 1 && c + vectors * VL <= row->channels; c += vectors * VL)
        depthwise_known(r, row, ox, c, VL, pixels, vectors, kernel, stride);
    for (; c + VL <= row->channels; c += VL)
        depthwise_known(r, row, ox, c, VL, pixels, 1, kernel, stride);
    if (c < row->channels)
        depthwise_known(r, row, ox, c, (int)(row->channels - c), pixels, 1, kernel, stride);
}

/* Where there are no tiles of other sizes, some take one pixel less: as many as leave none to be computed
 * twice. */
LW_INLINE void depthwise_known_row(const struct depthwise_rows *r, const struct depthwise_row *row,
                                   const int pixels, const int vectors, const int kernel, const int stride) {
    const int64_t out = r->w.out, fewer = pixels - 1;
    const bool one_size = vectors > DEPTHWISE_VECTORS;
    for (int64_t ox = 0; ox < out;) {
        if (one_size && out - ox <= fewer * lw_div_up(out - ox, pixels)) {
            depthwise_known_pixels(r, row, lw_min(ox, out - fewer), pixels - 1, vectors, kernel, stride);
            ox += fewer;
        } else {
            depthwise_known_pixels(r, row, lw_min(ox, out - pixels), pixels, vectors, kernel, stride);
            ox += pixels;
        }
    }
}

/* ---- any kernel -------------------------------------------------------------------------------------- */

/* `pixels` outputs from ox on, which have the same taps kx .. kx_end-1 in the source. */
LW_INLINE void depthwise_any(const struct depthwise_rows *r, const struct depthwise_row *row, int64_t ox,
                             int64_t c, const int n, const int pixels) {
    vf acc[DEPTHWISE_TILE];
    int64_t kx_begin, kx_end, pixel = r->src_pixel, step = r->w.stride * pixel;
    axis_taps(&r->w, ox, &kx_begin, &kx_end);
    const float *x = row->src + axis_start(&r->w, ox) * pixel + c, *w = row->weights + c;
    LW_UNROLL
    for (int p = 0; p < pixels; p++)
        acc[p] = v_load(row->bias + c);
    for (int64_t i = 0; i < row->taps; i++, w += r->w.kernel * LW_BLOCK) {
        for (int64_t kx = kx_begin; kx < kx_end; kx++) {
            vf weight = v_load(w + kx * LW_BLOCK);
            const float *at = x + i * row->pitch + kx * r->w.dilation * pixel;
            LW_UNROLL
            for (int p = 0; p < pixels; p++, at += step)
                acc[p] = v_fma(weight, n == VL ? v_load(at) : v_load_n(at, n), acc[p]);
        }
    }
    depthwise_store(row->dst + ox * r->dst_pixel + c, acc, r->dst_pixel, n, r->relu, pixels);
}

/* Outputs ox .. end-1, `pixels` at a time; returns the first that is left. */
LW_INLINE int64_t depthwise_any_run(const struct depthwise_rows *r, const struct depthwise_row *row,
                                    int64_t ox, int64_t end, const int pixels) {
    for (; ox + pixels <= end; ox += pixels) {
        int64_t c = 0;
        for (; c + VL <= row->channels; c += VL)
            depthwise_any(r, row, ox, c, VL, pixels);
        if (c < row->channels) depthwise_any(r, row, ox, c, (int)(row->channels - c), pixels);
    }
    return ox;
}

LW_INLINE void depthwise_any_row(const struct depthwise_rows *r, const struct depthwise_row *row) {
    int64_t begin, end;
    axis_interior(&r->w, &begin, &end);
    depthwise_any_run(r, row, 0, begin, 1);
    begin = depthwise_any_run(r, row, begin, end, DEPTHWISE_TILE);
    depthwise_any_run(r, row, begin, r->w.out, 1);
}

/* ---- rows -------------------------------------------------------------------------------------------- */

/* kernel: 0 is any. */
LW_INLINE void depthwise_all_rows(const struct depthwise_rows *rows, const int pixels, const int vectors,
                                  const int kernel, const int stride) {
    if (kernel > 3) LW_ALIGN_FRAME; /* 3x3 has few vectors there, and wants the register that this takes */
    const struct depthwise_rows r = *rows; /* a copy: stores through dst can't change it */
    const int64_t taps = r.h.kernel * r.w.kernel, pitch = r.w.in * r.src_pixel;
    float *dst = r.dst;
    for (int64_t y = r.y; y < r.y_end; y++, dst += r.w.out * r.dst_pixel) {
        int64_t ky, ky_end;
        axis_taps(&r.h, y, &ky, &ky_end);
        struct depthwise_row row = {
            .src = r.src, .taps = ky_end - ky, .dst = dst, .bias = r.weights, .pitch = r.h.dilation * pitch};
        if (row.taps > 0) row.src += (axis_start(&r.h, y) + ky * r.h.dilation - r.src_y) * pitch;
        for (int64_t c = 0; c < r.channels; c += LW_BLOCK) {
            row.weights = row.bias + (1 + ky * r.w.kernel) * LW_BLOCK;
            row.channels = lw_min(LW_BLOCK, r.channels - c);
            if (kernel > 0)
                depthwise_known_row(&r, &row, pixels, vectors, kernel, stride);
            else
                depthwise_any_row(&r, &row);
            row.src += LW_BLOCK, row.dst += LW_BLOCK, row.bias += (1 + taps) * LW_BLOCK;
        }
    }
}

typedef void depthwise_function(const struct depthwise_rows *rows);

#define DEPTHWISE_FUNCTION(pixels, vectors, kernel, stride)                                                  \
    static void depthwise_##kernel##s##stride##_##pixels(const struct depthwise_rows *rows) {                \
        depthwise_all_rows(rows, pixels, vectors, kernel, stride);                                           \
    }
#define DEPTHWISE_FUNCTIONS(kernel, stride)                                                                  \
    DEPTHWISE_FUNCTION(4, DEPTHWISE_VECTORS, kernel, stride)                                                 \
    DEPTHWISE_FUNCTION(5, DEPTHWISE_VECTORS, kernel, stride)                                                 \
    DEPTHWISE_FUNCTION(6, DEPTHWISE_VECTORS, kernel, stride)                                                 \
    DEPTHWISE_FUNCTION(7, DEPTHWISE_VECTORS, kernel, stride)                                                 \
    DEPTHWISE_FUNCTION(8, DEPTHWISE_VECTORS, kernel, stride)
#define DEPTHWISE_NAMES(kernel, stride)                                                                      \
    {                                                                                                        \
        depthwise_##kernel##s##stride##_8, depthwise_##kernel##s##stride##_7,                                \
            depthwise_##kernel##s##stride##_6, depthwise_##kernel##s##stride##_5,                            \
            depthwise_##kernel##s##stride##_4                                                                \
    }

DEPTHWISE_FUNCTIONS(3, 1)
DEPTHWISE_FUNCTIONS(5, 1)
DEPTHWISE_FUNCTIONS(5, 2)

/* With stride 2 a source pixel meets few weights, and loads are what counts. Two vectors of a pixel are in
 * different banks of the cache, as neighbouring pixels' vectors are not. */
#define DEPTHWISE_PAIRS (VL < LW_BLOCK && DEPTHWISE_VECTORS == 1)
#if DEPTHWISE_PAIRS
DEPTHWISE_FUNCTION(4, 2, 3, 2)
#define DEPTHWISE_NAMES_3S2                                                                                  \
    { depthwise_3s2_4, depthwise_3s2_4 }
#else
DEPTHWISE_FUNCTIONS(3, 2)
#define DEPTHWISE_NAMES_3S2 DEPTHWISE_NAMES(3, 2)
#endif

static void depthwise_rows_any(const struct depthwise_rows *rows) { depthwise_all_rows(rows, 0, 0, 0, 0); }

/* Whether there are tiles for the width of a problem's kernel, its stride and its padding. */
static bool depthwise_is_known(const lw_desc *d) {
    const int64_t half = d->kw / 2;
    return (d->kw == 3 || d->kw == 5) && d->stride_w <= 2 && d->dilation_w == 1 && d->pad_left <= half &&
           d->pad_right <= half;
}

static depthwise_function *depthwise_pick(const lw_desc *d, int64_t columns) {
    static const struct {
        int pixels;                                            /* of the largest tile */
        depthwise_function *functions[DEPTHWISE_TILE / 2 + 1]; /* of that many pixels, and of fewer */
    } known[2][2] = {{{8, DEPTHWISE_NAMES(3, 1)}, {DEPTHWISE_PAIRS ? 4 : 8, DEPTHWISE_NAMES_3S2}},
                     {{8, DEPTHWISE_NAMES(5, 1)}, {8, DEPTHWISE_NAMES(5, 2)}}};
    if (!depthwise_is_known(d) || columns < DEPTHWISE_TILE / 2) return depthwise_rows_any;
    int64_t most = known[d->kw == 5][d->stride_w - 1].pixels,
            pixels = lw_div_up(columns, lw_div_up(columns, most));
    return known[d->kw == 5][d->stride_w - 1].functions[most - pixels];
}

#endif
