/* Direct 3x3 convolution of stride 1 that reads the blocked layout where it lies: nothing is packed. Taps
 * that fall into the padding (0 or 1 at each side) are left out, rows by the tap range and columns by
 * trimming the border tiles, so the zeros are neither stored nor multiplied: at 14x14 that is a tenth of the
 * work. */
#ifndef LW_CONV_DIRECT_3X3S1_H
#define LW_CONV_DIRECT_3X3S1_H

#include "conv_loop.h"

static struct conv_geometry direct3_geometry(const lw_desc *d) {
    struct conv_geometry g = conv_geometry(d, LW_BLOCK);
    conv_cut_strips(&g, lw_max(7, conv_strip_floats(d) / (d->iw * lw_round_up(d->ic, LW_BLOCK))));
    return g;
}

static bool direct3_supports(const lw_desc *d, const char **reason) {
    if (!conv_is_3x3s1(d, reason)) return false;
    if (d->pad_left > 1 || d->pad_right > 1)
        *reason = "takes padding 0 or 1 at the sides";
    else if (lw_out_w(d) < 2)
        *reason = "takes outputs at least 2 wide";
    else
        return true;
    return false;
}

static void direct3_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    conv_pack(d, LW_BLOCK, weights, bias, packed);
}

static size_t direct3_workspace(const lw_desc *d) {
    const struct conv_geometry g = direct3_geometry(d);
    return conv_scratch_bytes(&g);
}

static int64_t direct3_tasks(const lw_desc *d) { return direct3_geometry(d).tasks; }

static void direct3_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    const lw_desc *d = call->desc;
    const struct conv_geometry g = direct3_geometry(d);
    const ptrdiff_t row = d->iw * LW_BLOCK, plane = d->ih * row;
    struct conv_rows r = {.g = &g, .scratch = conv_scratch(&g, workspace), .row_floats = row};
    for (int k = 0; k < 9; k++)
        r.scratch.tap[k] = k / 3 * row + k % 3 * LW_BLOCK;
    r.tiles = conv_tiles_blocked;
    r.pixel_floats = LW_BLOCK;
    r.trims = true;
    conv_find_trims(&g, &r.scratch);
    r.t = (struct conv_tile){.tap = r.scratch.tap,
                             .taps = 9,
                             .blocks = g.blocks,
                             .src_block = plane,
                             .last_run = (int)(d->ic - (g.blocks - 1) * LW_BLOCK)};
    const int64_t pool = d->pool2x2 ? 2 : 1, oc = lw_layout_channels(d->dst_layout, d->oc);
    const int64_t image = oc * (g.oh / pool) * (g.ow / pool);
    for (int64_t task = begin, next; task < end; task = next) {
        const int64_t tile = task % g.oc_tiles, strip = task / g.oc_tiles % g.strips;
        const int64_t n = task / g.oc_tiles / g.strips;
        next = lw_min(end, task - tile + g.oc_tiles);
        r.strip = call->src + n * g.blocks * plane - d->pad_top * row - d->pad_left * LW_BLOCK;
        const struct conv_part part = {.packed = call->packed,
                                       .dst = call->dst + n * image,
                                       .tile = tile,
                                       .tile_end = tile + next - task,
                                       .begin = strip * g.strip_rows,
                                       .end = lw_min(g.oh, (strip + 1) * g.strip_rows)};
        conv_strip_tiles(&r, &part);
    }
}

static void direct3_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    const struct conv_geometry g = direct3_geometry(d);
    const int64_t padding = lw_min(d->pad_top, 1) + lw_max(0, lw_min(d->pad_bottom, 1));
    conv_work(&g, caches, (double)(3 * g.oh - padding), LW_WORK_direct, w);
}

#define LW_ROWS_conv_direct_3x3s1                                                                            \
    LW_TILED_ROW(conv_direct_3x3s1, CONV_TILE, .algorithm = "direct", .op = LW_CONV,                         \
                 .src_layouts = LW_LAYOUT_BIT(LW_BLOCKED), .dst_layouts = LW_ANY_LAYOUT,                     \
                 .supports = direct3_supports, .packed_bytes = conv_packed_bytes, .pack = direct3_pack,      \
                 .workspace_bytes = direct3_workspace, .tasks = direct3_tasks, .run = direct3_run,           \
                 .bound = conv_bound, .rel_l2 = conv_rel_l2, .exact_on_integers = true,                      \
                 .work = direct3_work)

#endif
