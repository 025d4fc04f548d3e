/* What rows count alike (kernels/work.h). */
#ifndef LW_WORK_COUNT_H
#define LW_WORK_COUNT_H

#include "template.h"

/* One of so many steps of a register tile: its multiply-adds, its loads, or the latency of too few sums,
 * which short tiles share with the next ones, as far as the core looks ahead. */
LW_INLINE double work_step(double pixels, double vectors, double steps) {
    const double latency = 4, ahead = 256 / (steps * (pixels + 1) * vectors);
    return fmax(latency / fmax(1, ahead), fmax(pixels * vectors * LW_FMA_ROUNDINGS, pixels + vectors) / 2);
}

/* Tiles of so many pixels which lie in planes: each touches a line or two of every plane, and of many planes
 * no line stays in L1 until the next tile needs it. */
LW_INLINE void work_planes(const struct lw_caches *caches, double tiles, double planes, double pixels,
                           struct lw_work *w) {
    const double line = 64, lines = planes * (sizeof(float) * (pixels - 1) + line) / line;
    if (lines * line > caches->l1) w->unit[LW_WORK_plane_line] += tiles * lines;
}

/* The tail of a convolution on rows of `width` pixels of so many channels and vectors of outputs each, before
 * any pool. */
static void work_epilogue(const lw_desc *d, double rows, double width, int64_t channels, double vectors,
                          struct lw_work *w) {
    const bool pool = d->pool2x2, cut = channels % VL != 0;
    const double kept_rows = pool ? rows / 2 : rows, kept = pool ? width / 2 : width;
    if (d->dst_layout == LW_NCHW) {
        w->unit[LW_WORK_row] += kept_rows * vectors;
        w->unit[LW_WORK_transpose] += kept_rows * ceil(kept / VL) * VL * vectors;
        w->unit[LW_WORK_masked] += kept < VL * ceil(kept / VL) ? kept_rows * (double)channels : 0;
    } else if (d->dst_layout == LW_NHWC) {
        w->unit[LW_WORK_copy] += cut ? kept_rows * kept * 2 : 0;
        w->unit[LW_WORK_masked] += cut ? kept_rows * kept : 0;
    } else if (channels == d->oc) { /* the last block: the lanes behind the last channel become zeros */
        const bool padded = channels % LW_BLOCK != 0;
        w->unit[LW_WORK_copy] += padded ? kept_rows * kept * 2 * LW_BLOCK_VECTORS : 0;
    } else if (cut) { /* a group's channels one by one: its neighbours share the blocks */
        w->unit[LW_WORK_gather] += kept_rows * kept * (double)channels;
    }
}

/* Source, destination and packed weights, which an execution touches at least once. */
static void work_tensors(const lw_desc *d, const struct lw_caches *caches, double weight_bytes,
                         struct lw_work *w) {
    const int64_t outputs = d->op == LW_LINEAR ? 1 : lw_out_h(d) * lw_out_w(d) / (d->pool2x2 ? 4 : 1);
    const int64_t floats = lw_layout_channels(d->src_layout, d->ic) * d->ih * d->iw +
                           lw_layout_channels(d->dst_layout, d->oc) * outputs;
    const double bytes = 4.0 * (double)(d->batch * floats) + weight_bytes;
    lw_work_stream(w, caches, bytes, bytes);
}

#endif
