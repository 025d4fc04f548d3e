/* Depthwise convolution: every channel has its own filter. From planes to planes vectors run along x
 * (depthwise_planes.h), in every other case over channels (depthwise_pixels.h). These are taken together
 * where both layouts keep them together, else in blocks of 16; from NCHW, strips of rows are transposed into
 * blocks first. Rows that are to be pooled or transposed pass through scratch memory.
 *
 * Each sum starts from the bias and takes those taps that lie in the source, in order.
 *
 * Packed: for each block of 16 channels the biases, then the weights of each tap, zero beyond the last
 * channel. */
#ifndef LW_CONV_DEPTHWISE_H
#define LW_CONV_DEPTHWISE_H

#include "template.h"
#include "window.h"
#include "epilogue.h"
#include "pack.h"
#include "depthwise_pixels.h"
#include "depthwise_planes.h"

#define DEPTHWISE_STRIP 32768 /* floats of a strip of source rows: 128 KB, for L2 */

struct depthwise {
    const lw_desc *desc;
    struct axis h, w;      /* of the convolution; with a pool, cut to what the pool reads */
    int64_t rows, columns; /* of the destination */
    int64_t group, groups; /* channels taken together, and how often in an image */
    int64_t strip, strips; /* destination rows of a unit of work, and units in a group */
    int64_t strip_in;      /* source rows of a strip from NCHW; else 0 */
    int64_t src_pixel, dst_pixel, scratch_pixel; /* floats from one pixel to the next */
    depthwise_plane_function *plane;             /* from planes to planes; NULL: over channels */
    depthwise_function *over_channels;
};

static struct depthwise depthwise_setup(const lw_desc *d) {
    struct depthwise p = {.desc = d, .h = axis_h(d), .w = axis_w(d), .strip = 1};
    int64_t pool = d->pool2x2 ? 2 : 1;
    p.rows = p.h.out / pool;
    p.columns = p.w.out / pool;
    p.h.out = p.rows * pool;
    p.w.out = p.columns * pool;
    p.plane = depthwise_plane_pick(d);
    p.over_channels = depthwise_pick(d, p.w.out);
    p.group = LW_BLOCK;
    if (p.plane)
        p.group = 1;
    else if (d->src_layout == LW_NHWC && d->dst_layout == LW_NHWC)
        p.group = d->ic;
    p.groups = lw_div_up(d->ic, p.group);
    p.src_pixel = d->src_layout == LW_NHWC ? d->ic : LW_BLOCK;
    p.dst_pixel = d->dst_layout == LW_NHWC ? d->ic : LW_BLOCK;
    p.scratch_pixel = lw_round_up(p.group, LW_BLOCK);
    if (d->src_layout == LW_NCHW) {
        int64_t window = (d->kh - 1) * d->dilation_h + 1, fit = DEPTHWISE_STRIP / (d->iw * p.group);
        p.strip = lw_max(1, lw_min(p.rows, ((fit - window) / d->stride_h + 1) / pool));
        p.strip_in = lw_min(d->ih, (p.strip * pool - 1) * d->stride_h + window);
    }
    p.strips = lw_div_up(p.rows, p.strip);
    return p;
}

/* ---- weights ----------------------------------------------------------------------------------------- */

static int64_t depthwise_block_floats(const lw_desc *d) { return (d->kh * d->kw + 1) * LW_BLOCK; }

static size_t depthwise_packed_bytes(const lw_desc *d) {
    return sizeof(float) * (size_t)(lw_div_up(d->ic, LW_BLOCK) * depthwise_block_floats(d));
}

static void depthwise_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    int64_t taps = d->kh * d->kw;
    float *out = packed;
    for (int64_t b = 0; b < d->ic; b += LW_BLOCK)
        for (int64_t t = -1; t < taps; t++)
            for (int64_t c = b; c < b + LW_BLOCK; c++)
                *out++ = c >= d->ic ? 0.0f : t >= 0 ? weights[c * taps + t] : bias ? bias[c] : 0.0f;
}

/* ---- scratch memory ---------------------------------------------------------------------------------- */

/* A strip of source rows; rows of the convolution, where they don't go straight to the destination. */
static bool depthwise_direct(const lw_desc *d) { return !d->pool2x2 && d->dst_layout != LW_NCHW; }
static int64_t depthwise_strip_floats(const struct depthwise *p) {
    int64_t floats = p->strip_in * p->desc->iw * p->group;
    return p->plane ? floats + 2 * DEPTHWISE_BESIDE : floats;
}
static size_t depthwise_workspace_bytes(const lw_desc *d) {
    struct depthwise p = depthwise_setup(d);
    int64_t rows = p.plane || depthwise_direct(d) ? 0 : (d->pool2x2 ? 2 : 1) * p.w.out * p.scratch_pixel;
    return sizeof(float) * (size_t)(depthwise_strip_floats(&p) + rows);
}

/* The source rows [y, y_end) that destination rows [out, out_end) need. */
static void depthwise_source_rows(const struct depthwise *p, int64_t out, int64_t out_end, int64_t *y,
                                  int64_t *y_end) {
    const lw_desc *d = p->desc;
    int64_t pool = d->pool2x2 ? 2 : 1, window = (d->kh - 1) * d->dilation_h + 1;
    *y = lw_max(0, lw_min(d->ih, axis_start(&p->h, out * pool)));
    *y_end = lw_max(*y, lw_min(d->ih, axis_start(&p->h, out_end * pool - 1) + window));
}

/* ---- from planes to planes --------------------------------------------------------------------------- */

static void depthwise_run_planes(const struct depthwise *p, const struct lw_call *call, int64_t unit,
                                 int64_t last, float *scratch) {
    const lw_desc *d = p->desc;
    const int64_t src_plane = d->ih * d->iw, dst_plane = p->rows * p->columns;
    const float *src_end = call->src + d->batch * d->ic * src_plane;
    int64_t plane = unit / p->strips, strip = unit % p->strips, c = plane % d->ic, end;
    struct depthwise_plane run = {.h = p->h, .w = p->w, .relu = d->relu};
    axis_interior(&run.w, &run.x_begin, &run.x_end);
    run.dst_end = call->dst + last / p->strips * dst_plane + last % p->strips * p->strip * p->columns;
    for (; unit < last; unit++) {
        run.y = strip * p->strip;
        run.y_end = lw_min(p->rows, run.y + p->strip);
        run.dst = call->dst + plane * dst_plane + run.y * p->columns;
        depthwise_source_rows(p, run.y, run.y_end, &run.src_y, &end);
        run.src = call->src + plane * src_plane + run.src_y * d->iw;
        int64_t floats = (end - run.src_y) * d->iw;
        if (run.src - call->src < DEPTHWISE_BESIDE || src_end - (run.src + floats) < DEPTHWISE_BESIDE) {
            copy_floats(scratch + DEPTHWISE_BESIDE, run.src, floats);
            run.src = scratch + DEPTHWISE_BESIDE;
        }
        run.weights = (const float *)call->packed + c / LW_BLOCK * depthwise_block_floats(d) + c % LW_BLOCK;
        p->plane(&run);
        if (++strip < p->strips) continue;
        strip = 0;
        plane++;
        c = c + 1 < d->ic ? c + 1 : 0;
    }
}

/* ---- over channels ----------------------------------------------------------------------------------- */

/* Source rows [y, y_end) of 16 channels from planes. */
static void depthwise_transpose(const lw_desc *d, const float *image, int64_t c, int64_t count, int64_t y,
                                int64_t y_end, float *out) {
    struct pack_row row = {.d = d, .image = image, .c = c, .count = count};
    for (row.y = y; row.y < y_end; row.y++, out += d->iw * LW_BLOCK)
        pack_pixels_nchw(&row, 0, 1, d->iw, out);
}

/* The lanes of a block behind those that have been written: vectors of them, or, where that ends within a
 * vector, floats. */
static void depthwise_zero_lanes(float *block, int64_t pixels, int64_t written) {
    for (int64_t x = 0; x < pixels && written < LW_BLOCK; x++, block += LW_BLOCK) {
        if (written % VL != 0) zero_floats(block + written, LW_BLOCK - written);
        for (int c = VL; c < LW_BLOCK; c += VL)
            if (c >= written && written % VL == 0) v_store(block + c, v_zero());
    }
}

/* Destination rows y .. y_end-1 of group g of image n. */
static void depthwise_strip(const struct depthwise *p, const struct lw_call *call, int64_t n, int64_t g,
                            int64_t y, int64_t y_end, float *scratch) {
    const lw_desc *d = p->desc;
    const int64_t first = g * p->group, pool = d->pool2x2 ? 2 : 1;
    const int64_t channels = lw_min(p->group, d->ic - first), src_plane = d->ih * d->iw,
                  dst_plane = p->rows * p->columns;
    const float *image = call->src + n * src_plane * lw_layout_channels(d->src_layout, d->ic);
    float *dst = call->dst + n * dst_plane * lw_layout_channels(d->dst_layout, d->ic);
    int64_t src_y_end, strip_floats = depthwise_strip_floats(p);
    float *rows = strip_floats ? scratch + strip_floats : scratch; /* there may be none at all */
    struct depthwise_rows run = {.h = p->h, .w = p->w, .src_pixel = p->src_pixel, .channels = channels};
    run.weights = (const float *)call->packed + first / LW_BLOCK * depthwise_block_floats(d);
    depthwise_source_rows(p, y, y_end, &run.src_y, &src_y_end);
    if (d->src_layout == LW_NCHW) {
        depthwise_transpose(d, image, first, channels, run.src_y, src_y_end, scratch);
        run.src = scratch;
    } else {
        int64_t lane = d->src_layout == LW_NHWC ? 1 : src_plane;
        run.src = image + first * lane + run.src_y * d->iw * p->src_pixel;
    }
    /* Lanes behind the last channel are zero in a block, and so are their bias and weights. */
    if (d->src_layout != LW_NHWC && d->dst_layout != LW_NHWC) run.channels = lw_round_up(channels, VL);
    if (depthwise_direct(d)) {
        run.dst = dst + first * (d->dst_layout == LW_NHWC ? 1 : dst_plane) + y * p->columns * p->dst_pixel;
        run.dst_pixel = p->dst_pixel;
        run.y = y;
        run.y_end = y_end;
        run.relu = d->relu;
        p->over_channels(&run);
        if (d->dst_layout == LW_BLOCKED)
            depthwise_zero_lanes(run.dst, (y_end - y) * p->columns, run.channels);
        return;
    }
    struct out_row out = {.dst = dst,
                          .layout = d->dst_layout,
                          .channels = d->ic,
                          .height = p->rows,
                          .width = p->columns,
                          .c = first,
                          .count = channels,
                          .relu = d->relu};
    run.dst = rows;
    run.dst_pixel = p->scratch_pixel;
    for (; y < y_end; y++) {
        run.y = y * pool;
        run.y_end = run.y + pool;
        p->over_channels(&run);
        if (d->pool2x2)
            pool_rows(rows, rows + p->w.out * p->scratch_pixel, p->w.out, p->scratch_pixel,
                      (int)lw_div_up(channels, VL));
        out.y = y;
        store_row(&out, rows, p->scratch_pixel);
    }
}

/* Rows of one group are taken at once. */
static void depthwise_run_channels(const struct depthwise *p, const struct lw_call *call, int64_t unit,
                                   int64_t last, float *scratch) {
    while (unit < last) {
        int64_t group = unit / p->strips, y = unit % p->strips * p->strip;
        int64_t units = p->strip_in ? 1 : lw_min(last - unit, p->strips - unit % p->strips);
        depthwise_strip(p, call, group / p->groups, group % p->groups, y,
                        lw_min(p->rows, y + units * p->strip), scratch);
        unit += units;
    }
}

/* ---- the row ----------------------------------------------------------------------------------------- */

/* Taps in planes cost a shuffle each where the stride is 2. */
static void depthwise_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    const struct depthwise p = depthwise_setup(d);
    const double taps = (double)(d->kh * d->kw) * LW_FMA_ROUNDINGS / 2, images = (double)d->batch;
    const double outputs = (double)(p.h.out * p.w.out), inputs = (double)(d->ih * d->iw);
    w->unit[LW_WORK_call] += 1;
    w->unit[LW_WORK_task] += images * (double)(p.groups * p.strips);
    if (p.plane) {
        const double columns = images * (double)(d->ic * lw_div_up(p.w.out, VL));
        w->unit[LW_WORK_tile] += columns;
        w->unit[LW_WORK_store] += columns * (double)p.h.out;
        w->unit[LW_WORK_depthwise_plane] += columns * (double)p.h.out * taps * (d->stride_w == 1 ? 1 : 2.5);
    } else {
        const double vectors = images * (double)lw_div_up(d->ic, VL);
        const bool known = depthwise_is_known(d);
        w->unit[LW_WORK_store] += vectors * outputs;
        w->unit[known ? LW_WORK_depthwise : LW_WORK_depthwise_any] += vectors * outputs * taps;
        w->unit[LW_WORK_masked] += d->dst_layout == LW_NHWC && d->ic % VL != 0 ? images * outputs : 0;
        w->unit[LW_WORK_transpose] += vectors * (d->src_layout == LW_NCHW ? inputs : 0);
        w->unit[LW_WORK_transpose] += vectors * (d->dst_layout == LW_NCHW ? outputs : 0);
        w->unit[LW_WORK_copy] += vectors * (depthwise_direct(d) ? 0 : outputs);
        if (depthwise_direct(d) && d->dst_layout == LW_BLOCKED) /* a block's empty vectors, later */
            w->unit[LW_WORK_copy] +=
                2 * images * outputs * (double)(lw_round_up(d->ic, LW_BLOCK) / VL - lw_div_up(d->ic, VL));
    }
    work_tensors(d, caches, (double)depthwise_packed_bytes(d), w);
}

static int64_t depthwise_units(const struct depthwise *p) { return p->desc->batch * p->groups * p->strips; }
static int64_t depthwise_tasks(const lw_desc *d) {
    struct depthwise p = depthwise_setup(d);
    const double vectors = (double)(d->batch * lw_div_up(d->ic, VL) * p.h.out * p.w.out);
    return split_tasks(depthwise_units(&p), vectors * (double)(d->kh * d->kw));
}

static void depthwise_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    struct depthwise p = depthwise_setup(call->desc);
    int64_t units = depthwise_units(&p), tasks = depthwise_tasks(call->desc);
    (p.plane ? depthwise_run_planes : depthwise_run_channels)(&p, call, split_begin(units, tasks, begin),
                                                              split_begin(units, tasks, end), workspace);
}

static bool depthwise_supports(const lw_desc *d, const char **reason) {
    if (d->groups == d->ic && d->oc == d->ic) return true;
    *reason = "only depthwise: groups, input and output channels must be equal";
    return false;
}

/* One rounding a tap, and one for a product that isn't fused. */
static double depthwise_bound(const lw_desc *d) {
    return rounding_bound((double)(d->kh * d->kw + LW_FMA_ROUNDINGS - 1));
}
static double depthwise_rel_l2(const lw_desc *d) { return 4e-8 + 2e-8 * sqrt((double)(d->kh * d->kw)); }

#define LW_ROWS_conv_depthwise                                                                               \
    LW_ROW(conv_depthwise, .algorithm = "depthwise", .op = LW_CONV, .src_layouts = LW_ANY_LAYOUT,            \
           .dst_layouts = LW_ANY_LAYOUT, .supports = depthwise_supports,                                     \
           .packed_bytes = depthwise_packed_bytes, .pack = depthwise_pack,                                   \
           .workspace_bytes = depthwise_workspace_bytes, .tasks = depthwise_tasks, .run = depthwise_run,     \
           .bound = depthwise_bound, .rel_l2 = depthwise_rel_l2, .exact_on_integers = true,                  \
           .work = depthwise_work)

#endif
