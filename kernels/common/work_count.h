/* What rows count alike (kernels/work.h). */
#ifndef LW_WORK_COUNT_H
#define LW_WORK_COUNT_H

#include "template.h"

/* One step of a register tile: its multiply-adds, its loads, or the latency of too few sums. */
LW_INLINE double work_step(double pixels, double vectors) {
    return fmax(4, fmax(pixels * vectors * LW_FMA_ROUNDINGS, pixels + vectors) / 2);
}

/* The tail of a convolution on so many vectors of outputs. */
static void work_epilogue(const lw_desc *d, double vectors, struct lw_work *w) {
    w->unit[LW_WORK_copy] += d->pool2x2 ? vectors : 0;
    w->unit[LW_WORK_transpose] += d->dst_layout != LW_NCHW ? 0 : d->pool2x2 ? vectors / 4 : vectors;
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
