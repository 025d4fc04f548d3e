/* Depthwise convolution from planes to planes (NCHW), 3x3 or 5x5 with stride 1 or 2: vectors run along x, and
 * a tile is one vector of four or seven output rows, so that each source row is loaded once for all of them.
 * A vector may read what is beside its row: lanes of padding are cleared there, and such a lane's weight too.
 * Weights are negated and their products subtracted, since subtracting the +0 of a cleared lane keeps every
 * sum as it is, -0 too, which adding it wouldn't. A plane beside which there is nothing to read, at either
 * end of the tensor, is copied first.
 *
 * In a plane narrower than a vector each output row but the last spills into those behind it, which are
 * written later. */
#ifndef LW_DEPTHWISE_PLANES_H
#define LW_DEPTHWISE_PLANES_H

#include "template.h"
#include "window.h"

/* Output rows of a tile: of two heights, whichever computes fewer rows twice. */
#define DEPTHWISE_TALL  7
#define DEPTHWISE_SHORT 4

/* Floats that a row's vectors read beyond either end of it, at most. */
#define DEPTHWISE_BESIDE (2 * VL + 8)

/* Output rows y .. y_end-1 of one plane. */
struct depthwise_plane {
    struct axis h, w;
    int64_t x_begin, x_end; /* columns whose windows need no clipping */
    const float *src;       /* column 0 of source row src_y, which row y needs or those behind it */
    const float *weights;   /* the bias, then the taps, LW_BLOCK floats apart */
    float *dst, *dst_end;   /* row y; what may be written ends here */
    int64_t src_y, y, y_end;
    bool relu;
};

/* What kernel taps see of a source row: tap k of output lane i is x[i * stride + k]. */
LW_INLINE void depthwise_load_taps(const float *x, vf *tap, const int kernel, const int stride) {
    LW_UNROLL
    for (int k = 0; k < kernel; k += stride) {
        if (stride == 1)
            tap[k] = v_load(x + k);
        else
            v_deinterleave(x + k, &tap[k], &tap[k + 1]);
    }
}

/* A vector of `rows` output rows: column ox of row y and those below. */
LW_INLINE void depthwise_plane_tile(const struct depthwise_plane *p, int64_t ox, int64_t y, const vf *weight,
                                    const vf *mask, const int rows, const int kernel, const int stride,
                                    const bool clipped) {
    vf acc[DEPTHWISE_TALL], bias = v_set1(p->weights[0]);
    int64_t iy = axis_start(&p->h, y), pitch = p->w.in;
    const float *x = p->src + (iy - p->src_y) * pitch + axis_start(&p->w, ox);
    LW_UNROLL
    for (int r = 0; r < rows; r++)
        acc[r] = bias;
    LW_UNROLL
    for (int i = 0; i < (rows - 1) * stride + kernel; i++, x += pitch) {
        if (iy + i < 0 || iy + i >= p->h.in) continue;
        vf tap[6];
        depthwise_load_taps(x, tap, kernel, stride);
        LW_UNROLL
        for (int k = 0; k < kernel; k++) {
            if (clipped && k != kernel / 2) tap[k] = v_mask(tap[k], mask[k]);
            LW_UNROLL
            for (int r = 0; r < rows; r++)
                if (i >= r * stride && i - r * stride < kernel)
                    acc[r] = v_fnma(weight[(i - r * stride) * kernel + k], tap[k], acc[r]);
        }
    }
    float *dst = p->dst + (y - p->y) * p->w.out + ox;
    LW_UNROLL
    for (int r = 0; r < rows; r++, dst += p->w.out) {
        if (p->relu) v_relu(acc + r, 1);
        if (p->dst_end - dst >= VL)
            v_store(dst, acc[r]);
        else
            v_store_n(dst, acc[r], (int)lw_min(VL, p->w.out));
    }
}

/* All rows of the vector at column ox. */
LW_INLINE void depthwise_plane_column(const struct depthwise_plane *p, int64_t ox, const int rows,
                                      const int kernel, const int stride, const bool clipped) {
    vf weight[5 * 5], mask[5];
    int64_t start = axis_start(&p->w, ox), last = p->y_end - rows;
    LW_UNROLL
    for (int k = 0; clipped && k < kernel; k++)
        mask[k] = lane_mask((stride - 1 - start - k) / stride, (p->w.in - start - k + stride - 1) / stride);
    LW_UNROLL
    for (int t = 0; t < kernel * kernel; t++) {
        weight[t] = v_set1(-p->weights[(1 + t) * LW_BLOCK]);
        if (clipped && t % kernel != kernel / 2) weight[t] = v_mask(weight[t], mask[t % kernel]);
    }
    for (int64_t y = p->y;; y = lw_min(y + rows, last)) {
        depthwise_plane_tile(p, ox, y, weight, mask, rows, kernel, stride, clipped);
        if (y == last) break;
    }
}

LW_INLINE void depthwise_plane_columns(const struct depthwise_plane *plane, const int rows, const int kernel,
                                       const int stride) {
    const struct depthwise_plane p = *plane; /* a copy: stores through dst can't change it */
    const int64_t last = lw_max(0, p.w.out - VL);
    for (int64_t ox = 0;; ox = lw_min(ox + VL, last)) {
        if (ox >= p.x_begin && ox + VL <= p.x_end)
            depthwise_plane_column(&p, ox, rows, kernel, stride, false);
        else
            depthwise_plane_column(&p, ox, rows, kernel, stride, true);
        if (ox == last) break;
    }
}

LW_INLINE void depthwise_plane_tiles(const struct depthwise_plane *p, const int kernel, const int stride) {
    if (kernel > 3) LW_ALIGN_FRAME; /* 3x3 has few vectors there, and wants the register that this takes */
    int64_t rows = p->y_end - p->y;
    if (rows < DEPTHWISE_SHORT)
        depthwise_plane_columns(p, 1, kernel, stride);
    else if (rows < DEPTHWISE_TALL || lw_round_up(rows, DEPTHWISE_SHORT) < lw_round_up(rows, DEPTHWISE_TALL))
        depthwise_plane_columns(p, DEPTHWISE_SHORT, kernel, stride);
    else
        depthwise_plane_columns(p, DEPTHWISE_TALL, kernel, stride);
}

typedef void depthwise_plane_function(const struct depthwise_plane *plane);

#define DEPTHWISE_PLANE_FUNCTION(kernel, stride)                                                             \
    static void depthwise_plane_##kernel##s##stride(const struct depthwise_plane *p) {                       \
        depthwise_plane_tiles(p, kernel, stride);                                                            \
    }
DEPTHWISE_PLANE_FUNCTION(3, 1)
DEPTHWISE_PLANE_FUNCTION(3, 2)
DEPTHWISE_PLANE_FUNCTION(5, 1)
DEPTHWISE_PLANE_FUNCTION(5, 2)

/* NULL: not such a problem. */
static depthwise_plane_function *depthwise_plane_pick(const lw_desc *d) {
    static depthwise_plane_function *const known[2][2] = {{depthwise_plane_3s1, depthwise_plane_3s2},
                                                          {depthwise_plane_5s1, depthwise_plane_5s2}};
    if (d->src_layout != LW_NCHW || d->dst_layout != LW_NCHW || d->pool2x2 || !depthwise_is_known(d) ||
        d->kh != d->kw || d->stride_h != d->stride_w || d->dilation_h != 1)
        return NULL;
    return known[d->kw == 5][d->stride_w - 1];
}

#endif
