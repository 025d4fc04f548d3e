/* Depthwise convolution where vectors run over channels: rows of pixels that hold a vector's channels side by
 * side. An output row is cut into tiles of four to eight neighbouring pixels, all of one size, the last
 * overlapping the one before; in a tile each source pixel is loaded once a row of taps and meets all the
 * weights that it has. Taps in the padding are left out by columns of the tile, and rows of taps by row. */
#ifndef LW_DEPTHWISE_PIXELS_H
#define LW_DEPTHWISE_PIXELS_H

#include "template.h"
#include "window.h"

#define DEPTHWISE_TILE_MIN 4
#define DEPTHWISE_TILE_MAX 8

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

/* One vector of n <= VL channels of one output row. */
struct depthwise_row {
    const float *src; /* column 0 of the first row that has a tap */
    const float *bias, *weights;
    float *dst;
    int64_t taps; /* rows of them in the source */
    int n;
};

LW_INLINE void depthwise_store(float *dst, vf *acc, int64_t pixel, int n, bool relu, const int pixels) {
    if (relu) {
        LW_UNROLL
        for (int p = 0; p < pixels; p++)
            acc[p] = v_relu(acc[p]);
    }
    LW_UNROLL
    for (int p = 0; p < pixels; p++, dst += pixel) {
        if (n == VL)
            v_store(dst, acc[p]);
        else
            v_store_n(dst, acc[p], n);
    }
}

/* ---- square kernels that are known ------------------------------------------------------------------- */

/* One row of taps of a tile; the first `left` columns that it spans and the last `right` are padding. */
LW_INLINE void depthwise_taps(const float *x, int64_t pixel, const float *w, int n, int64_t left,
                              int64_t right, vf *acc, const int pixels, const int kernel, const int stride) {
    const int columns = (pixels - 1) * stride + kernel, half = kernel / 2;
    vf weight[5];
    LW_UNROLL
    for (int k = 0; k < kernel; k++)
        weight[k] = v_load(w + k * LW_BLOCK);
    LW_UNROLL
    for (int j = 0; j < columns; j++, x += pixel) {
        if (j < half && j < left) continue;
        if (j >= columns - half && j >= columns - right) continue;
        vf v = n == VL ? v_load(x) : v_load_n(x, n);
        LW_UNROLL
        for (int k = 0; k < kernel; k++)
            if (j >= k && (j - k) % stride == 0 && (j - k) / stride < pixels)
                acc[(j - k) / stride] = v_fma(weight[k], v, acc[(j - k) / stride]);
    }
}

LW_INLINE void depthwise_known_row(const struct depthwise_rows *r, const struct depthwise_row *row,
                                   const int n, const int pixels, const int kernel, const int stride) {
    const int64_t pixel = r->src_pixel, pitch = r->h.dilation * r->w.in * pixel, last = r->w.out - pixels;
    const int columns = (pixels - 1) * stride + kernel;
    for (int64_t ox = 0;; ox = lw_min(ox + pixels, last)) {
        vf acc[DEPTHWISE_TILE_MAX];
        int64_t start = ox * stride - r->w.pad, right = start + columns - r->w.in;
        LW_UNROLL
        for (int p = 0; p < pixels; p++)
            acc[p] = v_load(row->bias);
        const float *x = row->src + start * pixel, *w = row->weights;
        for (int64_t i = 0; i < row->taps; i++, x += pitch, w += kernel * LW_BLOCK)
            depthwise_taps(x, pixel, w, n, -start, right, acc, pixels, kernel, stride);
        depthwise_store(row->dst + ox * r->dst_pixel, acc, r->dst_pixel, n, r->relu, pixels);
        if (ox == last) break;
    }
}

/* ---- any kernel -------------------------------------------------------------------------------------- */

/* `pixels` outputs from ox on, which have the same taps kx .. kx_end-1 in the source. */
LW_INLINE void depthwise_any(const struct depthwise_rows *r, const struct depthwise_row *row, int64_t ox,
                             const int n, const int pixels) {
    vf acc[DEPTHWISE_TILE_MAX];
    int64_t kx_begin, kx_end, pixel = r->src_pixel, step = r->w.stride * pixel;
    axis_taps(&r->w, ox, &kx_begin, &kx_end);
    const float *x = row->src + axis_start(&r->w, ox) * pixel, *w = row->weights;
    LW_UNROLL
    for (int p = 0; p < pixels; p++)
        acc[p] = v_load(row->bias);
    for (int64_t i = 0; i < row->taps; i++, w += r->w.kernel * LW_BLOCK) {
        for (int64_t kx = kx_begin; kx < kx_end; kx++) {
            vf weight = v_load(w + kx * LW_BLOCK);
            const float *at = x + (i * r->h.dilation * r->w.in + kx * r->w.dilation) * pixel;
            LW_UNROLL
            for (int p = 0; p < pixels; p++, at += step)
                acc[p] = v_fma(weight, n == VL ? v_load(at) : v_load_n(at, n), acc[p]);
        }
    }
    depthwise_store(row->dst + ox * r->dst_pixel, acc, r->dst_pixel, n, r->relu, pixels);
}

LW_INLINE void depthwise_any_row(const struct depthwise_rows *r, const struct depthwise_row *row,
                                 const int n) {
    int64_t begin, end, ox = 0;
    axis_interior(&r->w, &begin, &end);
    for (; ox < begin; ox++)
        depthwise_any(r, row, ox, n, 1);
    for (; ox + DEPTHWISE_TILE_MAX <= end; ox += DEPTHWISE_TILE_MAX)
        depthwise_any(r, row, ox, n, DEPTHWISE_TILE_MAX);
    for (; ox < r->w.out; ox++)
        depthwise_any(r, row, ox, n, 1);
}

/* ---- rows -------------------------------------------------------------------------------------------- */

/* kernel: 0 is any. */
LW_INLINE void depthwise_one_row(const struct depthwise_rows *r, const struct depthwise_row *row, const int n,
                                 const int pixels, const int kernel, const int stride) {
    if (kernel > 0)
        depthwise_known_row(r, row, n, pixels, kernel, stride);
    else
        depthwise_any_row(r, row, n);
}

LW_INLINE void depthwise_all_rows(const struct depthwise_rows *rows, const int pixels, const int kernel,
                                  const int stride) {
    const struct depthwise_rows r = *rows; /* a copy: stores through dst can't change it */
    const int64_t taps = r.h.kernel * r.w.kernel;
    float *dst = r.dst;
    for (int64_t y = r.y; y < r.y_end; y++, dst += r.w.out * r.dst_pixel) {
        int64_t ky, ky_end;
        axis_taps(&r.h, y, &ky, &ky_end);
        struct depthwise_row row = {.src = r.src, .taps = ky_end - ky, .dst = dst, .bias = r.weights};
        if (row.taps > 0)
            row.src += (axis_start(&r.h, y) + ky * r.h.dilation - r.src_y) * r.w.in * r.src_pixel;
        for (int64_t c = 0; c < r.channels; row.bias += taps * LW_BLOCK)
            for (int v = 0; v < LW_BLOCK && c < r.channels; v += VL, c += VL) {
                row.weights = row.bias + (1 + ky * r.w.kernel) * LW_BLOCK;
                row.n = (int)lw_min(VL, r.channels - c);
                if (row.n == VL)
                    depthwise_one_row(&r, &row, VL, pixels, kernel, stride);
                else
                    depthwise_one_row(&r, &row, row.n, pixels, kernel, stride);
                row.src += VL, row.dst += VL, row.bias += VL;
            }
    }
}

typedef void depthwise_function(const struct depthwise_rows *rows);

#define DEPTHWISE_FUNCTION(pixels, kernel, stride)                                                           \
    static void depthwise_##kernel##s##stride##_##pixels(const struct depthwise_rows *rows) {                \
        depthwise_all_rows(rows, pixels, kernel, stride);                                                    \
    }
#define DEPTHWISE_FUNCTIONS(kernel, stride)                                                                  \
    DEPTHWISE_FUNCTION(4, kernel, stride)                                                                    \
    DEPTHWISE_FUNCTION(5, kernel, stride)                                                                    \
    DEPTHWISE_FUNCTION(6, kernel, stride)                                                                    \
    DEPTHWISE_FUNCTION(7, kernel, stride)                                                                    \
    DEPTHWISE_FUNCTION(8, kernel, stride)
#define DEPTHWISE_NAMES(kernel, stride)                                                                      \
    {                                                                                                        \
        depthwise_##kernel##s##stride##_4, depthwise_##kernel##s##stride##_5,                                \
            depthwise_##kernel##s##stride##_6, depthwise_##kernel##s##stride##_7,                            \
            depthwise_##kernel##s##stride##_8                                                                \
    }

DEPTHWISE_FUNCTIONS(3, 1)
DEPTHWISE_FUNCTIONS(3, 2)
DEPTHWISE_FUNCTIONS(5, 1)
DEPTHWISE_FUNCTIONS(5, 2)
static void depthwise_rows_any(const struct depthwise_rows *rows) { depthwise_all_rows(rows, 0, 0, 0); }

/* Whether there are tiles for the width of a problem's kernel, its stride and its padding. */
static bool depthwise_is_known(const lw_desc *d) {
    const int64_t half = d->kw / 2;
    return (d->kw == 3 || d->kw == 5) && d->stride_w <= 2 && d->dilation_w == 1 && d->pad_left <= half &&
           d->pad_right <= half;
}

static depthwise_function *depthwise_pick(const lw_desc *d, int64_t columns) {
    static depthwise_function *const known[2][2][DEPTHWISE_TILE_MAX - DEPTHWISE_TILE_MIN + 1] = {
        {DEPTHWISE_NAMES(3, 1), DEPTHWISE_NAMES(3, 2)}, {DEPTHWISE_NAMES(5, 1), DEPTHWISE_NAMES(5, 2)}};
    if (!depthwise_is_known(d) || columns < DEPTHWISE_TILE_MIN) return depthwise_rows_any;
    int64_t pixels = lw_div_up(columns, lw_div_up(columns, DEPTHWISE_TILE_MAX));
    return known[d->kw == 5][d->stride_w - 1][pixels - DEPTHWISE_TILE_MIN];
}

#endif
