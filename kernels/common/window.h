/* One axis of a window operation (pooling, depthwise), and how work is cut into tasks. */
#ifndef LW_WINDOW_H
#define LW_WINDOW_H

#include "work_count.h"

struct axis {
    int64_t in, out, kernel, stride, dilation, pad;
};

LW_INLINE struct axis axis_h(const lw_desc *d) {
    return (struct axis){d->ih, lw_out_h(d), d->kh, d->stride_h, d->dilation_h, d->pad_top};
}
LW_INLINE struct axis axis_w(const lw_desc *d) {
    return (struct axis){d->iw, lw_out_w(d), d->kw, d->stride_w, d->dilation_w, d->pad_left};
}

/* Source coordinate of the first tap of output o; negative in padding. */
LW_INLINE int64_t axis_start(const struct axis *a, int64_t o) { return o * a->stride - a->pad; }

/* Taps are often dense, and a division costs as much as a small window. */
LW_INLINE int64_t axis_taps_in(const struct axis *a, int64_t room) {
    return a->dilation == 1 ? room : lw_div_up(room, a->dilation);
}

/* The taps [begin, end) of output o that lie in the source. */
LW_INLINE void axis_taps(const struct axis *a, int64_t o, int64_t *begin, int64_t *end) {
    int64_t start = axis_start(a, o), room = a->in - start;
    *end = room > 0 ? lw_min(a->kernel, axis_taps_in(a, room)) : 0;
    *begin = start < 0 ? lw_min(*end, axis_taps_in(a, -start)) : 0;
}

/* The outputs [begin, end) all of whose taps lie in the source. */
LW_INLINE void axis_interior(const struct axis *a, int64_t *begin, int64_t *end) {
    int64_t room = a->in + a->pad - ((a->kernel - 1) * a->dilation + 1);
    *end = room < 0 ? 0 : lw_min(a->out, room / a->stride + 1);
    *begin = lw_min(*end, a->pad > 0 ? lw_div_up(a->pad, a->stride) : 0);
}

/* Tasks of units of independent work that take about `cycles` together: small work stays whole, since waking
 * a thread costs more than it would save. Depends on the descriptor alone, never on the number of threads. */
LW_INLINE int64_t split_tasks(int64_t units, double cycles) {
    int64_t worth = cycles > 256 * 8192.0 ? 256 : (int64_t)(cycles / 8192);
    return lw_max(1, lw_min(units, worth));
}

/* First unit of a task; task == tasks gives the end. A branch on what small problems have foretells what a
 * division would tell late. */
LW_INLINE int64_t split_begin(int64_t units, int64_t tasks, int64_t task) {
    if (tasks == 1) return task == 0 ? 0 : units;
    return units / tasks * task + lw_min(task, units % tasks);
}

/* c of n roundings in a chain, with the higher-order terms. */
LW_INLINE double rounding_bound(double n) { return n / (1 - n * 0x1p-24); }

#endif
