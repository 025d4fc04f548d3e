/* ReLU on a whole tensor: layouts don't matter, and the zero lanes of the blocked one stay zero. */
#ifndef LW_RELU_H
#define LW_RELU_H

#include "template.h"
#include "window.h"

#define RELU_CHUNK 1024 /* floats; what tasks are cut along */

static int64_t relu_floats(const lw_desc *d) {
    int64_t channels = lw_layout_channels(d->src_layout, d->ic);
    return d->batch * channels * d->ih * d->iw;
}

static bool relu_supports(const lw_desc *d, const char **reason) {
    if (d->src_layout == d->dst_layout) return true;
    *reason = "relu doesn't change the layout: source and destination must have the same one";
    return false;
}

static void relu_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    w->unit[LW_WORK_call] += 1;
    w->unit[LW_WORK_map] += (double)lw_div_up(relu_floats(d), VL);
    work_tensors(d, caches, 0, w);
}

static int64_t relu_tasks(const lw_desc *d) {
    return split_tasks(lw_div_up(relu_floats(d), RELU_CHUNK), (double)relu_floats(d) / 2);
}

static void relu_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    int64_t floats = relu_floats(call->desc), chunks = lw_div_up(floats, RELU_CHUNK),
            tasks = relu_tasks(call->desc);
    int64_t i = split_begin(chunks, tasks, begin) * RELU_CHUNK;
    int64_t last = lw_min(floats, split_begin(chunks, tasks, end) * RELU_CHUNK);
    const float *src = call->src;
    float *dst = call->dst;
    (void)workspace;
    for (; i + 4 * VL <= last; i += 4 * VL) {
        vf a[4];
        LW_UNROLL
        for (int j = 0; j < 4; j++)
            a[j] = v_load(src + i + j * VL);
        v_relu(a, 4);
        LW_UNROLL
        for (int j = 0; j < 4; j++)
            v_store(dst + i + j * VL, a[j]);
    }
    for (; i < last; i += VL) {
        int n = (int)lw_min(VL, last - i);
        vf a = v_load_n(src + i, n);
        v_relu(&a, 1);
        v_store_n(dst + i, a, n);
    }
}

static double relu_exact(const lw_desc *d) {
    (void)d;
    return 0;
}

#define LW_ROWS_relu                                                                                         \
    LW_ROW(relu, .algorithm = "map", .op = LW_RELU, .src_layouts = LW_ANY_LAYOUT,                            \
           .dst_layouts = LW_ANY_LAYOUT, .supports = relu_supports, .tasks = relu_tasks, .run = relu_run,    \
           .bound = relu_exact, .rel_l2 = relu_exact, .work = relu_work)

#endif
