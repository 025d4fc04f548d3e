/* Direct convolution of any kernel size, stride, padding, dilation and number of groups, from and to any
 * layout. A strip of source rows is packed (see pack.h), then every oc tile runs over it.
 *
 *   conv_direct       blocks of 16 channels: for all but the first layers
 *   conv_direct_nchw  plain planes, one channel at a time: for few input channels, NCHW only
 *
 * A strip which is already in the source as it has to be (no padding at the sides, stride 1) isn't packed at
 * all. */
#ifndef LW_CONV_DIRECT_H
#define LW_CONV_DIRECT_H

#include "conv_loop.h"
#include "pack.h"

struct direct {
    struct conv_geometry g;
    struct strip strip;
    bool in_place;
};

static struct strip direct_strip(const struct conv_geometry *g, int64_t rows) {
    const lw_desc *d = g->d;
    struct strip s = {.block = g->block, .blocks = g->blocks};
    s.in_rows = (rows - 1) * d->stride_h + (d->kh - 1) * d->dilation_h + 1;
    s.phase_width = g->ow + (d->kw - 1) * d->dilation_w / d->stride_w;
    s.row_floats = d->stride_w * s.phase_width * s.block;
    s.block_floats = s.in_rows * s.row_floats;
    s.floats = s.blocks * s.block_floats;
    return s;
}

static struct direct direct_geometry(const lw_desc *d, int block) {
    struct direct x = {.g = conv_geometry(d, block)};
    const lw_layout native = block == 1 ? LW_NCHW : LW_BLOCKED;
    x.in_place = d->src_layout == native && d->stride_w == 1 && d->pad_left == 0 &&
                 x.g.ow + (d->kw - 1) * d->dilation_w <= d->iw && (d->groups == 1 || x.g.icg % block == 0);
    int64_t rows = x.g.oh;
    while (rows > 1 && direct_strip(&x.g, rows).floats > CONV_STRIP_FLOATS)
        rows = (rows + 1) / 2;
    conv_cut_strips(&x.g, rows);
    x.strip = direct_strip(&x.g, x.g.strip_rows);
    if (x.in_place) {
        x.strip.row_floats = d->iw * block;
        x.strip.block_floats = d->ih * x.strip.row_floats;
    }
    return x;
}

static void direct_taps(const struct direct *x, ptrdiff_t *tap) {
    const lw_desc *d = x->g.d;
    for (int64_t ky = 0; ky < d->kh; ky++)
        for (int64_t kx = 0; kx < d->kw; kx++) {
            const int64_t column = kx * d->dilation_w, phase = column % d->stride_w;
            *tap++ = ky * d->dilation_h * x->strip.row_floats +
                     (phase * x->strip.phase_width + column / d->stride_w) * x->strip.block;
        }
}

static size_t direct_workspace(const lw_desc *d, int block) {
    const struct direct x = direct_geometry(d, block);
    return conv_scratch_bytes(&x.g) + (x.in_place ? 0 : (size_t)x.strip.floats * sizeof(float));
}

/* Where the strip of a task is: packed now, unless it is there in the source or still there from the last
 * task. */
static const float *direct_find_strip(const struct direct *x, const struct lw_call *call, int64_t n,
                                      int64_t group, int64_t y0, bool fresh, float *packed) {
    const lw_desc *d = x->g.d;
    const float *image = call->src + lw_layout_channels(d->src_layout, d->ic) * d->ih * d->iw * n;
    if (x->in_place) return image + group * x->g.blocks * x->strip.block_floats + y0 * x->strip.row_floats;
    if (fresh) pack_strip(d, &x->strip, image, group * x->g.icg, x->g.icg, y0, packed);
    return packed;
}

static void direct_run(const struct lw_call *call, int block, int64_t begin, int64_t end, void *workspace) {
    const lw_desc *d = call->desc;
    const struct direct x = direct_geometry(d, block);
    const struct conv_geometry *g = &x.g;
    struct conv_rows r = {.g = g, .scratch = conv_scratch(g, workspace), .row_floats = x.strip.row_floats};
    float *packed = (float *)((char *)workspace + conv_scratch_bytes(g));
    direct_taps(&x, r.scratch.tap);
    r.t = (struct conv_tile){.tap = r.scratch.tap,
                             .trim = r.scratch.trim,
                             .taps = (int)(d->kh * d->kw),
                             .blocks = g->blocks,
                             .src_block = x.strip.block_floats,
                             .last_run = (int)(g->icg - (g->blocks - 1) * block)};
    int64_t oc, oh, ow;
    const int64_t pool = d->pool2x2 ? 2 : 1;
    oc = lw_layout_channels(d->dst_layout, d->oc);
    oh = g->oh / pool, ow = g->ow / pool;
    for (int64_t task = begin; task < end; task++) {
        const int64_t tile = task % g->oc_tiles, strip = task / g->oc_tiles % g->strips;
        const int64_t group = task / g->oc_tiles / g->strips % d->groups, n = task / (g->tasks / d->batch);
        const int64_t y0 = strip * g->strip_rows, c = tile * CONV_TILE_CHANNELS;
        r.strip_y = y0 * d->stride_h - d->pad_top;
        r.strip = direct_find_strip(&x, call, n, group, r.strip_y,
                                    conv_is_fresh(&r.scratch, task / g->oc_tiles), packed);
        r.vectors = conv_tile_vectors(g, tile);
        r.tiles = block == 1 ? conv_tiles_planes[r.vectors - 1] : conv_tiles_blocked[r.vectors - 1];
        r.t.bias = (const float *)call->packed + group * conv_group_weights(g) +
                   tile * conv_tile_weights(g, LW_DIRECT_VECTORS);
        r.t.weights = r.t.bias + r.vectors * VL;
        conv_strip_rows(&r, call->dst + n * oc * oh * ow, group * g->ocg + c,
                        lw_min(CONV_TILE_CHANNELS, g->ocg - c), y0, lw_min(g->oh, y0 + g->strip_rows));
    }
}

static double direct_cycles(const lw_desc *d, int block) {
    const struct direct x = direct_geometry(d, block);
    const double passes = (double)(d->batch * d->groups * x.g.strips);
    /* a pixel of one block in two loads and stores; transposed or gathered pixels cost more */
    const double packed = x.in_place ? 0
                                     : passes * (double)x.strip.floats / VL * (block == 1 ? 0.5 : 1.5) *
                                           (block == 16 && d->src_layout == LW_NCHW ? 2.0 : 1.0);
    /* a plane's loop over its single channel costs a few instructions for each tap, a block's few channels
     * too */
    const double around = block == 1 ? 1.12 : x.g.icg < LW_BLOCK && x.g.icg % 4 != 0 ? 1.2 : 1.0;
    return conv_image_cycles(&x.g) * around + packed + 2000;
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static bool direct_supports(const lw_desc *d, const char **reason) {
    (void)d, (void)reason;
    return true;
}

static int64_t direct_blocked_tasks(const lw_desc *d) { return direct_geometry(d, LW_BLOCK).g.tasks; }
static size_t direct_blocked_workspace(const lw_desc *d) { return direct_workspace(d, LW_BLOCK); }
static double direct_blocked_cycles(const lw_desc *d) { return direct_cycles(d, LW_BLOCK); }
static void direct_blocked_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    conv_pack(d, LW_BLOCK, weights, bias, packed);
}
static void direct_blocked_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    direct_run(call, LW_BLOCK, begin, end, workspace);
}

static int64_t direct_planes_tasks(const lw_desc *d) { return direct_geometry(d, 1).g.tasks; }
static size_t direct_planes_workspace(const lw_desc *d) { return direct_workspace(d, 1); }
static double direct_planes_cycles(const lw_desc *d) { return direct_cycles(d, 1); }
static void direct_planes_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    conv_pack(d, 1, weights, bias, packed);
}
static void direct_planes_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    direct_run(call, 1, begin, end, workspace);
}

#define CONV_TILE_NAME LW_STRING(LW_DIRECT_PIXELS) "x" LW_STRING(LW_DIRECT_VECTORS)

#define LW_ROWS_conv_direct                                                                                  \
    {.name = LW_ROW_NAME("conv_direct_nchw", "_t" CONV_TILE_NAME),                                           \
     .algorithm = "direct",                                                                                  \
     .tile = CONV_TILE_NAME,                                                                                 \
     .op = LW_CONV,                                                                                          \
     .src_layouts = LW_LAYOUT_BIT(LW_NCHW),                                                                  \
     .dst_layouts = LW_ANY_LAYOUT,                                                                           \
     .supports = direct_supports,                                                                            \
     .packed_bytes = conv_packed_bytes,                                                                      \
     .pack = direct_planes_pack,                                                                             \
     .workspace_bytes = direct_planes_workspace,                                                             \
     .tasks = direct_planes_tasks,                                                                           \
     .run = direct_planes_run,                                                                               \
     .bound = conv_bound,                                                                                    \
     .rel_l2 = conv_rel_l2,                                                                                  \
     .exact_on_integers = true,                                                                              \
     .cycles = direct_planes_cycles},                                                                        \
        {.name = LW_ROW_NAME("conv_direct", "_t" CONV_TILE_NAME),                                            \
         .algorithm = "direct",                                                                              \
         .tile = CONV_TILE_NAME,                                                                             \
         .op = LW_CONV,                                                                                      \
         .src_layouts = LW_ANY_LAYOUT,                                                                       \
         .dst_layouts = LW_ANY_LAYOUT,                                                                       \
         .supports = direct_supports,                                                                        \
         .packed_bytes = conv_packed_bytes,                                                                  \
         .pack = direct_blocked_pack,                                                                        \
         .workspace_bytes = direct_blocked_workspace,                                                        \
         .tasks = direct_blocked_tasks,                                                                      \
         .run = direct_blocked_run,                                                                          \
         .bound = conv_bound,                                                                                \
         .rel_l2 = conv_rel_l2,                                                                              \
         .exact_on_integers = true,                                                                          \
         .cycles = direct_blocked_cycles},

#endif
