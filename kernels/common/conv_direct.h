/* Direct convolution of any kernel size, stride, padding, dilation and number of groups, from and to any
 * layout. A strip of source rows is found or made, then every oc tile runs over it.
 *
 *   conv_direct       blocks of 16 channels: for all but the first layers
 *   conv_direct_nchw  plain planes, one channel at a time: for few input channels, NCHW only
 *
 * There are three kinds of strips. One which is in the source as it has to be is read there: blocks of stride
 * 1 or 2 and planes of stride 2 where the border tiles can leave the padding out, and planes of stride 1
 * without padding at the sides, which are sooner copied than their border tiles are called one by one. From
 * other layouts the same becomes blocks, and stays without padding. All else is packed with its padding, and
 * sorted by phases (see pack.h). To the tiles, the pixels of a 1x1 kernel are one long row where they lie
 * together: several image rows are joined. */
#ifndef LW_CONV_DIRECT_H
#define LW_CONV_DIRECT_H

#include "conv_loop.h"
#include "pack.h"

#define DIRECT_TASKS    4         /* at least, of */
#define DIRECT_PRODUCTS (3 << 18) /* each */

struct direct {
    struct conv_geometry g; /* as the tiles see it */
    const lw_desc *d;       /* the call's */
    int64_t join;           /* image rows to a row of the tiles */
    struct strip strip;
    bool in_place;
    bool plain;     /* it has no padding, and columns lie as in an image: in place, or in another layout */
    lw_desc joined; /* what the tiles see where rows are joined */
};

/* Rows of planes of stride 1: what comes from the source, behind the padding, begins on a cache line. A
 * vector stored across two lines, of which L1 may have none, takes as long as several. Narrow rows would grow
 * too much. */
static void direct_align_rows(const lw_desc *d, struct strip *s) {
    s->lead = lw_round_up(d->pad_left, CONV_LINE) - d->pad_left;
    s->row_floats = lw_round_up(s->phase_width, CONV_LINE);
}

/* Columns of the image up to the last one that a tap reads. */
static int64_t direct_columns(const lw_desc *d) {
    return lw_min(d->iw, (lw_out_w(d) - 1) * d->stride_w + (d->kw - 1) * d->dilation_w + 1 - d->pad_left);
}

/* rows: of the tiles. */
static struct strip direct_strip(const struct direct *x, int64_t rows) {
    const lw_desc *d = x->d;
    struct strip s = {.block = x->g.block, .blocks = x->g.blocks};
    s.row_step = d->kh == 1 ? d->stride_h : 1;
    s.in_rows = d->kh == 1 ? rows * x->join : (rows - 1) * d->stride_h + (d->kh - 1) * d->dilation_h + 1;
    const bool plain = x->plain && !x->in_place;
    s.phase_width = plain ? direct_columns(d) : lw_out_w(d) + (d->kw - 1) * d->dilation_w / d->stride_w;
    s.row_floats = (d->kw == 1 || plain ? 1 : d->stride_w) * s.phase_width * s.block;
    if (s.block == 1 && d->stride_w == 1 && d->kw > 1 && 2 * s.phase_width > 3 * CONV_LINE)
        direct_align_rows(d, &s);
    s.block_floats = s.in_rows * s.row_floats;
    s.floats = s.lead + s.blocks * s.block_floats;
    return s;
}

/* Do strips lie in the source as the tiles want them? */
static bool direct_is_in_place(const struct direct *x) {
    const lw_desc *d = x->d;
    const struct conv_geometry *g = &x->g;
    if (d->groups > 1 && g->icg % g->block != 0) return false;
    if (d->src_layout != (g->block == 1 ? LW_NCHW : LW_BLOCKED)) return false;
    if (x->join > 1) return d->stride_w == 1 && d->stride_h == 1 && lw_out_w(d) == d->iw;
    if (g->block == 1 && d->stride_w == 1)
        return d->pad_left == 0 && lw_out_w(d) + (d->kw - 1) * d->dilation_w <= d->iw;
    return d->stride_w <= 2 && conv_can_trim(g);
}

/* May the strip be no more than the image's rows in another layout? If all columns are read. */
static bool direct_is_plain(const struct direct *x) {
    const lw_desc *d = x->d;
    if (x->in_place) return true;
    if (x->g.block != LW_BLOCK || d->kw == 1 || d->stride_w > 2 || !conv_can_trim(&x->g)) return false;
    return phase_is_used(d, d->stride_w - 1);
}

/* Strips that two or four threads can share evenly, if each is worth waking one. */
static int64_t direct_least_strips(const struct conv_geometry *g) {
    const lw_desc *d = g->d;
    const int64_t tasks = d->batch * d->groups * g->oc_tiles, strips = lw_div_up(DIRECT_TASKS, tasks);
    const double worth = (double)tasks * DIRECT_PRODUCTS; /* products of many pixels pass any integer */
    const double products =
        (double)d->batch * (double)d->oc * (double)(g->oh * g->ow) * (double)g->icg * (double)(d->kh * d->kw);
    return products >= (double)strips * worth ? strips : products >= 2 * worth ? 2 : 1;
}

/* What a copy needs: its pointers are the call's and its own. */
static void direct_link(struct direct *x, const lw_desc *d) {
    x->d = d;
    x->g.d = x->join > 1 ? &x->joined : d;
}

/* vectors: of an oc tile. */
static void direct_geometry(const lw_desc *d, int block, int vectors, struct direct *out) {
    struct direct x = {.d = d, .join = conv_joined_rows(d), .joined = *d};
    if (x.join > 1) {
        x.joined.ih = lw_out_h(d) / x.join, x.joined.iw = lw_out_w(d) * x.join;
        x.joined.stride_h = x.joined.stride_w = 1;
        x.joined.pad_bottom = x.joined.pad_right = 0;
    }
    x.g = conv_geometry(&x.joined, block, vectors);
    x.in_place = direct_is_in_place(&x);
    x.plain = direct_is_plain(&x);
    int64_t rows = lw_div_up(x.g.oh, direct_least_strips(&x.g));
    while (rows > 1 && direct_strip(&x, rows).floats > conv_strip_floats(d))
        rows = (rows + 1) / 2;
    conv_cut_strips(&x.g, rows);
    x.strip = direct_strip(&x, x.g.strip_rows);
    if (x.in_place) {
        x.strip.row_floats = d->iw * block;
        x.strip.row_step = 1;
        x.strip.block_floats = d->ih * x.strip.row_floats;
    }
    *out = x;
    direct_link(out, d);
}

/* Packed: the geometry, which takes longer to work out than a small problem, then the weights. */
static size_t direct_packed_bytes(const lw_desc *d) {
    const struct conv_geometry g = conv_geometry(d, 1, conv_choose_vectors(d));
    return conv_align(sizeof(struct direct)) + conv_packed_bytes(&g);
}

static void direct_pack(const lw_desc *d, int block, const float *weights, const float *bias, void *packed) {
    struct direct *x = packed;
    memset(x, 0, conv_align(sizeof *x));
    direct_geometry(d, block, conv_choose_vectors(d), x);
    conv_pack(&x->g, weights, bias, (float *)((char *)packed + conv_align(sizeof *x)));
    x->d = x->g.d = NULL;
}

/* The geometry that a call's weights begin with; returns the weights. */
static const float *direct_open(const struct lw_call *call, struct direct *x) {
    memcpy(x, call->packed, sizeof *x);
    direct_link(x, call->desc);
    return (const float *)((const char *)call->packed + conv_align(sizeof *x));
}

/* Where a source column is: sorted by phases where the strip is packed with its padding. */
static ptrdiff_t direct_column(const struct direct *x, int64_t column) {
    const int64_t s = x->d->stride_w;
    if (x->plain) return column * x->strip.block;
    return (column % s * x->strip.phase_width + column / s) * x->strip.block;
}

static void direct_taps(const struct direct *x, ptrdiff_t *tap) {
    const lw_desc *d = x->d;
    for (int64_t ky = 0; ky < d->kh; ky++)
        for (int64_t kx = 0; kx < d->kw; kx++)
            *tap++ = ky * d->dilation_h * x->strip.row_floats + direct_column(x, kx * d->dilation_w);
}

/* Floats of room for a strip. */
static int64_t direct_room(const struct direct *x) { return x->in_place ? 0 : x->strip.floats; }

static size_t direct_workspace(const lw_desc *d, int block) {
    struct direct x;
    direct_geometry(d, block, conv_choose_vectors(d), &x);
    return conv_scratch_bytes(&x.g) + (size_t)direct_room(&x) * sizeof(float);
}

/* Where the strip of a task is, from source row y0 on: packed now, unless it is there in the source or still
 * there from the last task. */
static const float *direct_find_strip(const struct direct *x, const struct lw_call *call, int64_t n,
                                      int64_t group, int64_t y0, bool fresh, float *packed) {
    const lw_desc *d = x->d;
    const float *image = call->src + lw_layout_channels(d->src_layout, d->ic) * d->ih * d->iw * n;
    if (x->in_place)
        return image + group * x->g.blocks * x->strip.block_floats + y0 * x->strip.row_floats -
               d->pad_left * x->g.block;
    packed += x->strip.lead;
    if (fresh) {
        lw_desc rows = *d;
        if (x->plain) rows.stride_w = rows.kw = 1, rows.pad_left = 0;
        pack_strip(&rows, &x->strip, image, group * x->g.icg, x->g.icg, y0, packed);
    }
    return x->plain ? packed - d->pad_left * x->g.block : packed;
}

/* Taps of a kernel row of which each reads the float behind the one before's; 0 where they don't. */
static int direct_row_taps(const struct direct *x) {
    const bool columns = x->plain || x->d->stride_w == 1;
    return columns && x->g.block == 1 && x->d->dilation_w == 1 ? (int)x->d->kw : 0;
}

/* Are the next pixels of a 1x1 fetched ahead? */
static bool direct_fetches(const struct direct *x, int step) {
    const lw_desc *d = x->d;
    return d->kh * d->kw == 1 && x->g.blocks > LW_FETCH_BLOCKS &&
           (LW_FETCH_HEAVY || step == 2 || !conv_is_heavy(d));
}

static void direct_run(const struct lw_call *call, int block, int64_t begin, int64_t end, void *workspace) {
    const lw_desc *d = call->desc;
    struct direct x;
    const float *weights = direct_open(call, &x);
    const struct conv_geometry *g = &x.g;
    struct conv_rows r = {.g = g, .scratch = conv_scratch(g, workspace)};
    const int step = x.plain ? (int)g->d->stride_w : 1;
    r.tiles = (block == 1 ? conv_tiles_planes : conv_tiles_blocked)[step - 1];
    r.pixel_floats = step * block;
    r.trim_borders = x.plain ? conv_find_trims(g, &r.scratch) : 0;
    r.row_floats = x.join * d->stride_h / x.strip.row_step * x.strip.row_floats;
    float *packed = (float *)((char *)workspace + conv_scratch_bytes(g));
    direct_taps(&x, r.scratch.tap);
    r.t = (struct conv_tile){.tap = r.scratch.tap,
                             .taps = (int)(d->kh * d->kw),
                             .row_taps = direct_row_taps(&x),
                             .blocks = g->blocks,
                             .src_block = x.strip.block_floats,
                             .last_run = (int)(g->icg - (g->blocks - 1) * block),
                             .fetches = direct_fetches(&x, step)};
    int64_t oc, oh, ow;
    const int64_t pool = d->pool2x2 ? 2 : 1;
    oc = lw_layout_channels(d->dst_layout, d->oc);
    oh = g->oh / pool, ow = g->ow / pool;
    for (int64_t task = begin, next; task < end; task = next) {
        const int64_t tile = task % g->oc_tiles, strip = task / g->oc_tiles % g->strips;
        const int64_t group = task / g->oc_tiles / g->strips % d->groups, n = task / (g->tasks / d->batch);
        const int64_t y0 = strip * g->strip_rows;
        next = lw_min(end, task - tile + g->oc_tiles);
        r.first = y0;
        r.strip = direct_find_strip(&x, call, n, group, y0 * x.join * d->stride_h - d->pad_top,
                                    conv_is_fresh(&r.scratch, task / g->oc_tiles), packed);
        const struct conv_part part = {.packed = weights + group * conv_group_weights(g),
                                       .dst = call->dst + n * oc * oh * ow,
                                       .channel = group * g->ocg,
                                       .tile = tile,
                                       .tile_end = tile + next - task,
                                       .begin = y0,
                                       .end = lw_min(g->oh, y0 + g->strip_rows)};
        conv_strip_tiles(&r, &part);
    }
}

/* Channels that aren't copied or transposed as vectors are gathered one by one: see pack_strip(). */
static void direct_pack_work(const struct direct *x, struct lw_work *w) {
    const lw_desc *d = x->d;
    double phases = x->plain;
    for (int64_t phase = 0; !x->plain && phase < d->stride_w; phase++)
        phases += phase_is_used(d, phase);
    const double rows = (double)(d->batch * d->groups * x->g.strips * x->strip.in_rows) * phases;
    const double pixels = rows * (double)x->strip.phase_width, channels = (double)x->g.icg;
    const bool planes = x->g.block == 1, from_planes = d->src_layout == LW_NCHW;
    const bool all_used = x->plain || phases == (double)d->stride_w;
    w->unit[LW_WORK_row] += rows * (double)x->g.blocks;
    if (planes && d->stride_w <= 2)
        w->unit[LW_WORK_copy] += pixels * channels / VL * (double)d->stride_w;
    else if (from_planes && d->stride_w > 2 && (planes || !all_used))
        w->unit[LW_WORK_gather] += pixels * channels;
    else
        w->unit[from_planes ? LW_WORK_transpose : LW_WORK_copy] += pixels * ceil(channels / VL);
}

/* Rows of the kernel that lie in the image, all output rows together. */
static double direct_kernel_rows(const struct conv_geometry *g) {
    const lw_desc *d = g->d;
    int64_t rows = 0;
    for (int64_t ky = 0; ky < d->kh; ky++) {
        const int64_t first = d->pad_top - ky * d->dilation_h, s = d->stride_h; /* inside from here on */
        const int64_t begin = first > 0 ? lw_div_up(first, s) : 0;
        const int64_t end = first + d->ih > 0 ? lw_min(g->oh, lw_div_up(first + d->ih, s)) : 0;
        rows += lw_max(0, end - begin);
    }
    return (double)rows;
}

static void direct_work(const lw_desc *d, const struct lw_caches *caches, int block, struct lw_work *w) {
    struct direct x;
    direct_geometry(d, block, conv_choose_vectors(d), &x);
    conv_work(&x.g, caches, direct_kernel_rows(&x.g), block == 1 ? LW_WORK_planes : LW_WORK_direct, w);
    if (!x.in_place) direct_pack_work(&x, w);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static bool direct_supports(const lw_desc *d, const char **reason) {
    (void)d, (void)reason;
    return true;
}

static int64_t direct_count_tasks(const lw_desc *d, int block) {
    struct direct x;
    direct_geometry(d, block, conv_choose_vectors(d), &x);
    return x.g.tasks;
}
static int64_t direct_blocked_tasks(const lw_desc *d) { return direct_count_tasks(d, LW_BLOCK); }
static size_t direct_blocked_workspace(const lw_desc *d) { return direct_workspace(d, LW_BLOCK); }
static void direct_blocked_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    direct_work(d, caches, LW_BLOCK, w);
}
static void direct_blocked_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    direct_pack(d, LW_BLOCK, weights, bias, packed);
}
static void direct_blocked_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    direct_run(call, LW_BLOCK, begin, end, workspace);
}

static int64_t direct_planes_tasks(const lw_desc *d) { return direct_count_tasks(d, 1); }
static size_t direct_planes_workspace(const lw_desc *d) { return direct_workspace(d, 1); }
static void direct_planes_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    direct_work(d, caches, 1, w);
}
static void direct_planes_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    direct_pack(d, 1, weights, bias, packed);
}
static void direct_planes_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    direct_run(call, 1, begin, end, workspace);
}

#define LW_ROWS_conv_direct                                                                                  \
    LW_TILED_ROW(conv_direct_nchw, LW_DIRECT_TILE, .algorithm = "direct", .op = LW_CONV,                     \
                 .src_layouts = LW_LAYOUT_BIT(LW_NCHW), .dst_layouts = LW_ANY_LAYOUT,                        \
                 .supports = direct_supports, .packed_bytes = direct_packed_bytes,                           \
                 .pack = direct_planes_pack, .workspace_bytes = direct_planes_workspace,                     \
                 .tasks = direct_planes_tasks, .run = direct_planes_run, .bound = conv_bound,                \
                 .rel_l2 = conv_rel_l2, .exact_on_integers = true, .work = direct_planes_work)               \
    LW_TILED_ROW(conv_direct, LW_DIRECT_TILE, .algorithm = "direct", .op = LW_CONV,                          \
                 .src_layouts = LW_ANY_LAYOUT, .dst_layouts = LW_ANY_LAYOUT, .supports = direct_supports,    \
                 .packed_bytes = direct_packed_bytes, .pack = direct_blocked_pack,                           \
                 .workspace_bytes = direct_blocked_workspace, .tasks = direct_blocked_tasks,                 \
                 .run = direct_blocked_run, .bound = conv_bound, .rel_l2 = conv_rel_l2,                      \
                 .exact_on_integers = true, .work = direct_blocked_work)

#endif
