/* The loops around the register tile: geometry, packed weights, one row of tiles, the tail. Rows of direct
 * convolution differ only in where their strip comes from. */
#ifndef LW_CONV_LOOP_H
#define LW_CONV_LOOP_H

#include "conv_tile.h"
#include "epilogue.h"
#include "work_count.h"

#define CONV_FAR_FLOATS    (128 << 10) /* of a source that doesn't stay near */
#define CONV_PASS_FLOATS   (256 << 10) /* of a pass's weights and source: see conv_pass_blocks() */
#define CONV_STAGED_PIXELS 256
#define CONV_JOINED_PIXELS 512 /* of joined rows, at most */

/* Do the weights come from beyond a small L2? */
static bool conv_is_heavy(const lw_desc *d) {
    return d->oc * (d->ic / d->groups) * d->kh * d->kw > 128 << 10;
}

/* Is a 1x1 of stride 2 better read in place, row by row, than packed, which lets rows be joined? If a row
 * fills tiles and each pixel is read a few times only; on some ISAs also if it is shorter and the source too
 * large for packing to find it near. */
static bool conv_skips(const lw_desc *d) {
    const int64_t icg = d->ic / d->groups, ow = lw_out_w(d);
    if (d->kh != 1 || d->kw != 1 || d->stride_w != 2 || d->src_layout != LW_BLOCKED) return false;
    if (d->groups > 1 && icg % LW_BLOCK != 0) return false;
    if (ow > 16 && !conv_is_heavy(d)) return true;
    return ow >= LW_SHORT_ROW && icg * d->ih * d->iw >= CONV_FAR_FLOATS && d->oc / d->groups <= 512;
}

/* Floats of a strip: half of a small L2 where the weights may stay in the other half; more where they come
 * from beyond it anyway, once for each strip, and where of what is skipped half comes with it. */
static int64_t conv_strip_floats(const lw_desc *d) {
    return conv_skips(d) ? 96 << 10 : conv_is_heavy(d) ? 256 << 10 : 48 << 10;
}

/* ---- the register tile ----------------------------------------------------------------------------------
 */

/* The image rows that are one row of pixels to the tiles, where the kernel is 1x1: as many as divide them
 * all, and leave a row within a strip. */
static int64_t conv_joined_rows(const lw_desc *d) {
    const bool unpadded = d->pad_left == 0 && d->pad_right <= 0 && d->pad_top == 0 && d->pad_bottom <= 0;
    const int64_t oh = lw_out_h(d), ow = lw_out_w(d);
    if (d->kh != 1 || d->kw != 1 || !unpadded || d->pool2x2 || conv_skips(d)) return 1;
    const int64_t pixels = lw_min(CONV_JOINED_PIXELS, conv_strip_floats(d) / (d->ic / d->groups));
    int64_t rows = lw_max(1, lw_min(oh, pixels / ow));
    while (oh % rows != 0)
        rows--;
    return rows;
}

/* Pixels of a tile of so many vectors, at most: the more vectors, the fewer, so that a narrower tile's row
 * has no more tiles than a wider one's. */
_Static_assert(LW_DIRECT_VECTORS == 3 || LW_DIRECT_VECTORS == 4, "tiles.h");
_Static_assert(LW_DIRECT_PIXELS_1 >= LW_DIRECT_PIXELS_2, "tiles.h");
_Static_assert(LW_JOIN(LW_DIRECT_PIXELS_, LW_DIRECT_VECTORS) > CONV_MAX_TRIM, "see conv_can_trim()");
_Static_assert(LW_DIRECT_PIXELS_2 >= LW_DIRECT_PIXELS_3, "tiles.h");
#if LW_DIRECT_VECTORS > 3
_Static_assert(LW_DIRECT_PIXELS_3 >= LW_DIRECT_PIXELS_4, "tiles.h");
#endif
static inline int64_t conv_tile_pixels(int vectors) {
    static const int pixels[] = {
        LW_DIRECT_PIXELS_1,
        LW_DIRECT_PIXELS_2,
        LW_DIRECT_PIXELS_3,
#if LW_DIRECT_VECTORS > 3
        LW_DIRECT_PIXELS_4,
#endif
    };
    return pixels[vectors - 1];
}

/* Tiles of so many vectors in a row. */
static inline int64_t conv_row_tiles(int64_t pixels, int vectors) {
    return lw_div_up(pixels, conv_tile_pixels(vectors));
}

/* Loads of a row of tiles for each of their multiply-adds: a vector of weights for every pixel, a value of
 * the source for every vector. Weights count twice, since they come from farther away. */
static double conv_tile_loads(int64_t pixels, int vectors) {
    return 2.0 * (double)conv_row_tiles(pixels, vectors) / (double)pixels + 1.0 / vectors;
}

/* Vectors shared out evenly to oc tiles: so many to the first `wide` tiles, one less to the others. */
struct conv_split {
    int vectors;
    int64_t tiles, wide;
};

static struct conv_split conv_split(int64_t all, int most) {
    struct conv_split s = {.tiles = lw_div_up(all, most)};
    s.vectors = (int)lw_div_up(all, s.tiles);
    s.wide = all - s.tiles * (s.vectors - 1);
    return s;
}

/* Loads of an oc tile. A single vector loads as often as it multiplies, which takes as long as twice the
 * loads of the others. */
static double conv_oc_tile_loads(int64_t pixels, int vectors) {
    return vectors == 0 ? 0 : (vectors > 1 ? vectors : 2) * conv_tile_loads(pixels, vectors);
}

/* Vectors of an oc tile, at most: those that load the least. */
static int conv_choose_vectors(const lw_desc *d) {
    const int64_t all = lw_div_up(d->oc / d->groups, VL), pixels = conv_joined_rows(d) * lw_out_w(d);
    double least = INFINITY;
    int best = 1;
    for (int most = 1; most <= LW_DIRECT_VECTORS; most++) {
        const struct conv_split s = conv_split(all, most);
        const double loads = (double)s.wide * conv_oc_tile_loads(pixels, s.vectors) +
                             (double)(s.tiles - s.wide) * conv_oc_tile_loads(pixels, s.vectors - 1);
        if (loads <= least) least = loads, best = s.vectors;
    }
    return best;
}

struct conv_geometry {
    const lw_desc *d;
    int block;                  /* B: 16 or 1 */
    int vectors;                /* of an oc tile, */
    int64_t wide_tiles;         /* oc tiles that have so many: the first ones; the others have one less */
    int64_t icg, ocg, oh, ow;   /* of one group; before the pool */
    int64_t blocks, oc_tiles;   /* of one group */
    int64_t strip_rows, strips; /* output rows of a strip; even when a pool follows */
    int64_t tasks;
};

static struct conv_geometry conv_geometry(const lw_desc *d, int block, int vectors) {
    struct conv_geometry g = {.d = d, .block = block, .icg = d->ic / d->groups, .ocg = d->oc / d->groups};
    g.oh = lw_out_h(d);
    g.ow = lw_out_w(d);
    g.blocks = lw_div_up(g.icg, block);
    const struct conv_split s = conv_split(lw_div_up(g.ocg, VL), vectors);
    g.vectors = s.vectors;
    g.oc_tiles = s.tiles;
    g.wide_tiles = s.wide;
    return g;
}

/* Channels of an oc tile, at most. */
static inline int64_t conv_tile_channels(const struct conv_geometry *g) { return g->vectors * VL; }

/* Cuts the output rows into equal strips of at most `most` rows. */
static void conv_cut_strips(struct conv_geometry *g, int64_t most) {
    const int64_t step = g->d->pool2x2 ? 2 : 1, rows = g->d->pool2x2 ? g->oh / 2 : g->oh;
    g->strips = lw_div_up(rows, lw_max(1, most / step));
    g->strip_rows = lw_div_up(rows, g->strips) * step;
    g->strips = lw_div_up(rows * step, g->strip_rows);
    g->tasks = g->d->batch * g->d->groups * g->strips * g->oc_tiles;
}

/* Vectors of an oc tile. */
static inline int conv_tile_vectors(const struct conv_geometry *g, int64_t tile) {
    return g->vectors - (tile >= g->wide_tiles);
}

/* Vectors of the oc tiles before this one. */
static inline int64_t conv_tile_begin(const struct conv_geometry *g, int64_t tile) {
    return tile * g->vectors - lw_max(0, tile - g->wide_tiles);
}

/* ---- packed weights: [group][oc tile] of { bias[vectors*VL], [block][tap][channel][vectors*VL] } ------- */

/* Of so many vectors. */
static inline int64_t conv_tile_weights(const struct conv_geometry *g, int64_t vectors) {
    return (1 + g->d->kh * g->d->kw * g->icg) * vectors * VL;
}

static inline int64_t conv_group_weights(const struct conv_geometry *g) {
    return conv_tile_weights(g, conv_tile_begin(g, g->oc_tiles));
}

static size_t conv_packed_bytes(const struct conv_geometry *g) {
    return (size_t)(g->d->groups * conv_group_weights(g)) * sizeof(float);
}

/* One oc tile: lanes beyond the last channel are zero. */
static float *conv_pack_tile(const struct conv_geometry *g, int64_t group, int64_t tile, const float *weights,
                             const float *bias, float *out) {
    const int64_t taps = g->d->kh * g->d->kw, begin = conv_tile_begin(g, tile) * VL,
                  o0 = group * g->ocg + begin;
    const int64_t width = conv_tile_vectors(g, tile) * VL;
    const int64_t channels = lw_min(width, g->ocg - begin);
    for (int64_t o = 0; o < width; o++)
        *out++ = bias && o < channels ? bias[o0 + o] : 0.0f;
    for (int64_t b = 0; b < g->icg; b += g->block)
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t c = b; c < lw_min(g->icg, b + g->block); c++)
                for (int64_t o = 0; o < width; o++)
                    *out++ = o < channels ? weights[((o0 + o) * g->icg + c) * taps + tap] : 0.0f;
    return out;
}

static void conv_pack(const struct conv_geometry *g, const float *weights, const float *bias, float *out) {
    for (int64_t group = 0; group < g->d->groups; group++)
        for (int64_t tile = 0; tile < g->oc_tiles; tile++)
            out = conv_pack_tile(g, group, tile, weights, bias, out);
}

/* Channel blocks of one pass: all where a tile's weights are near enough (tiles.h) and fit into half of an L2
 * of 2 MB together with the strip's source, else as many as are and do. The sums wait in the destination. */
static int64_t conv_pass_blocks(const struct conv_geometry *g) {
    const int64_t weights = g->block * g->d->kh * g->d->kw * conv_tile_channels(g);
    const int64_t rows = lw_min(g->d->ih, g->strip_rows * g->d->stride_h);
    const int64_t source = g->block * rows * lw_min(g->d->iw, g->ow * g->d->stride_w);
    const int64_t most = CONV_PASS_FLOATS / (weights + source);
    if (g->blocks * weights <= LW_WHOLE_FLOATS && g->blocks <= most) return g->blocks;
    return lw_div_up(g->blocks, lw_div_up(g->blocks, lw_max(1, lw_min(most, LW_PASS_FLOATS / weights))));
}

/* Output rows whose sums wait in the workspace from pass to pass, when they can't in the destination: enough
 * of them for a pass's weights to pay. */
static int64_t conv_staged_rows(const struct conv_geometry *g) {
    const int64_t least = 2; /* for a pool */
    if (conv_pass_blocks(g) == g->blocks) return least;
    return lw_max(least, lw_min(g->strip_rows, CONV_STAGED_PIXELS / g->ow) / 2 * 2);
}

/* ---- workspace: { the strip it holds, tap offsets, trims, rows of output pixels } ---------------------- */

enum { CONV_FIRST = 1, CONV_LAST = 2, CONV_BORDERS = 4 }; /* which tile of a row, as bits */

struct conv_scratch {
    int64_t *held; /* the number of the packed strip that lies behind (0: none yet), and what else is known of
                      it */
    ptrdiff_t *tap;
    unsigned char *trim; /* [CONV_BORDERS][taps] conv_trim */
    float *rows;         /* [conv_staged_rows][ow][conv_tile_channels] */
};

static inline size_t conv_align(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

static size_t conv_scratch_bytes(const struct conv_geometry *g) {
    const size_t taps = (size_t)(g->d->kh * g->d->kw);
    return LW_HELD + conv_align(taps * sizeof(ptrdiff_t)) + conv_align(CONV_BORDERS * taps) +
           conv_align((size_t)(conv_staged_rows(g) * g->ow * conv_tile_channels(g)) * sizeof(float));
}

static struct conv_scratch conv_scratch(const struct conv_geometry *g, void *workspace) {
    const size_t taps = (size_t)(g->d->kh * g->d->kw);
    struct conv_scratch s;
    char *p = workspace;
    s.held = workspace;
    s.tap = (ptrdiff_t *)(p += LW_HELD);
    s.trim = (unsigned char *)(p += conv_align(taps * sizeof(ptrdiff_t)));
    s.rows = (float *)(p + conv_align(CONV_BORDERS * taps));
    memset(s.trim, CONV_TRIM_NONE, CONV_BORDERS * taps);
    return s;
}

/* Output pixels at the left border (at the right one) whose tap in column kx of the kernel lies in the
 * padding. */
static int64_t conv_pixels_outside(const struct conv_geometry *g, int64_t kx, bool right) {
    const lw_desc *d = g->d;
    const int64_t first = d->pad_left - kx * d->dilation_w, s = d->stride_w; /* inside from here on */
    if (!right) return lw_min(g->ow, first > 0 ? lw_div_up(first, s) : 0);
    return lw_max(0, g->ow - (first + d->iw > 0 ? lw_div_up(first + d->iw, s) : 0));
}

/* Can the border tiles leave out all that lies in the padding? In every ISA, or in none: what is left out
 * isn't multiplied by weights that may be infinite. Tiles for three pixels or more have two where a row has.
 */
static bool conv_can_trim(const struct conv_geometry *g) {
    const int64_t tiles = conv_row_tiles(g->ow, g->vectors), most = lw_min(CONV_MAX_TRIM, g->ow / tiles);
    for (int64_t kx = 0; kx < g->d->kw; kx++) {
        const int64_t left = conv_pixels_outside(g, kx, false), right = conv_pixels_outside(g, kx, true);
        if (left > most || right > most || (left > 0 && right > 0)) return false;
    }
    return true;
}

/* Of a source that holds no padding. Returns at which borders there are any. */
static int conv_find_trims(const struct conv_geometry *g, const struct conv_scratch *s) {
    static const unsigned char trim[2][CONV_MAX_TRIM + 1] = {
        {CONV_TRIM_NONE, CONV_TRIM_FIRST, CONV_TRIM_FIRST2},
        {CONV_TRIM_NONE, CONV_TRIM_LAST, CONV_TRIM_LAST2}};
    const int64_t kw = g->d->kw, taps = g->d->kh * kw;
    int borders = 0;
    for (int64_t kx = 0; kx < kw; kx++) {
        const unsigned char first = trim[0][conv_pixels_outside(g, kx, false)];
        const unsigned char last = trim[1][conv_pixels_outside(g, kx, true)];
        for (int64_t k = kx; k < taps; k += kw) {
            s->trim[CONV_FIRST * taps + k] = first;
            s->trim[CONV_LAST * taps + k] = last;
            s->trim[(CONV_FIRST | CONV_LAST) * taps + k] = first ? first : last;
        }
        if (first != CONV_TRIM_NONE) borders |= CONV_FIRST;
        if (last != CONV_TRIM_NONE) borders |= CONV_LAST;
    }
    return borders;
}

/* Does the workspace lack this strip? If so, it will have it now. */
static inline bool conv_is_fresh(const struct conv_scratch *s, int64_t strip) {
    const bool fresh = *s->held != strip + 1;
    *s->held = strip + 1;
    return fresh;
}

/* ---- one output row ------------------------------------------------------------------------------------ */

/* Equal tiles side by side, from pixel x of an output row on. */
struct conv_span {
    int64_t x, tiles;
    int pixels;  /* of a tile */
    int borders; /* where the tile, a single one then, leaves out taps that lie in the padding, as bits */
};

#define CONV_SPANS 4 /* of a row, at most: a border tile, wide ones, narrow ones, a border tile */

/* What run() knows of the strip and the oc tile that it is in. */
struct conv_rows {
    const struct conv_geometry *g;
    const conv_tile_fn (*tiles)[LW_DIRECT_PIXELS_1]; /* [vectors - 1][pixels - 1] */
    struct conv_scratch scratch;
    struct conv_tile t; /* all that doesn't change from row to row */
    const float *strip; /* the window of output row `first`, column 0 */
    int64_t first;
    ptrdiff_t row_floats;   /* from an output row's window to the next one's */
    ptrdiff_t pixel_floats; /* from an output pixel's window to the next one's */
    int trim_borders;       /* at which tiles leave out taps that lie in the padding, as bits */
    int vectors;
    struct conv_span span[CONV_SPANS]; /* of each output row */
    int spans;
    int64_t ahead_floats; /* of the next oc tile's weights that are yet to be fetched into L2: the caches
                             don't foresee them */
};

/* Pixels are shared out evenly: 14 are 5+5+4 where a tile holds 6, so there are tiles of at most two sizes.
 * A border tile stands alone where it leaves something out. */
static void conv_find_spans(struct conv_rows *r) {
    const int64_t ow = r->g->ow, tiles = conv_row_tiles(ow, r->vectors);
    int64_t x = 0;
    r->spans = 0;
    for (int64_t i = 0, n; i < tiles; i += n) {
        const int64_t pixels = lw_div_up(ow - x, tiles - i), narrow = (tiles - i) * pixels - (ow - x);
        n = tiles - i - narrow;
        if ((r->trim_borders & CONV_FIRST) && i == 0) n = 1;
        if ((r->trim_borders & CONV_LAST) && n > 1 && i + n == tiles) n--;
        const int borders = (i == 0 ? CONV_FIRST : 0) | (i + n == tiles ? CONV_LAST : 0);
        r->span[r->spans++] = (struct conv_span){x, n, (int)pixels, borders & r->trim_borders};
        x += n * pixels;
    }
}

/* Output row y, all pixels, to out (pixel stride and vector offsets are in r->t): what channel blocks begin
 * .. end-1 add. */
static void conv_row(struct conv_rows *r, int64_t y, int64_t begin, int64_t end, float *out) {
    const lw_desc *d = r->g->d;
    const int64_t top = y * d->stride_h - d->pad_top;
    int64_t ky = 0, ky_end = d->kh;
    while (ky < ky_end && top + ky * d->dilation_h < 0)
        ky++;
    while (ky_end > ky && top + (ky_end - 1) * d->dilation_h >= d->ih)
        ky_end--;
    struct conv_tile t = r->t;
    t.resumed = begin > 0;
    if (end < r->g->blocks) t.relu = false, t.last_run = r->g->block;
    t.blocks = end - begin;
    t.weights += begin * t.taps * r->g->block * r->vectors * VL;
    t.tap_begin = (int)(ky * d->kw);
    t.tap_end = (int)(ky_end * d->kw);
    const float *src = r->strip + (y - r->first) * r->row_floats + begin * t.src_block;
    for (const struct conv_span *span = r->span; span < r->span + r->spans; span++) {
        t.tiles = span->tiles;
        t.trims = span->borders != 0;
        t.trim = r->scratch.trim + span->borders * t.taps;
        t.src = src + span->x * r->pixel_floats;
        t.out = out + span->x * t.out_pixel;
        if (r->ahead_floats <= 0) t.ahead_lines = 0;
        r->tiles[r->vectors - 1][span->pixels - 1](&t);
        const int64_t fetched = t.tiles * t.blocks * (t.tap_end - t.tap_begin) * t.ahead_lines * CONV_LINE;
        t.ahead += fetched, r->t.ahead = t.ahead, r->ahead_floats -= fetched;
    }
}

/* Whole vectors of channels that go where they belong: no transposition, no tail, no zero lanes behind them.
 */
static bool conv_stores_whole(const struct conv_geometry *g, int64_t c, int64_t count) {
    const lw_desc *d = g->d;
    if (count % VL != 0) return false;
    if (d->dst_layout == LW_NHWC) return true;
    return d->dst_layout == LW_BLOCKED && c % VL == 0 && (c + count < d->oc || d->oc % LW_BLOCK == 0);
}

/* Where a channel begins in a blocked image, whose blocks of channels are `plane` floats apart. */
static inline ptrdiff_t conv_block_offset(int64_t channel, int64_t plane) {
    return channel / LW_BLOCK * plane + channel % LW_BLOCK;
}

/* ---- the oc tiles of a strip -----------------------------------------------------------------------------
 */

struct conv_part {
    const float *packed;    /* the group's weights */
    float *dst;             /* the image */
    int64_t channel;        /* the group's first */
    int64_t tile, tile_end; /* oc tiles */
    int64_t begin, end;     /* rows */
};

/* Rows of channels c .. that go where they belong: what channel blocks first .. last-1 add. */
static void conv_rows_whole(struct conv_rows *r, const struct conv_part *p, int64_t c, int64_t first,
                            int64_t last) {
    const struct conv_geometry *g = r->g;
    const bool blocked = g->d->dst_layout == LW_BLOCKED;
    r->t.relu = g->d->relu;
    r->t.out_pixel = blocked ? LW_BLOCK : g->d->oc;
    for (int v = 0; v < r->vectors; v++) {
        const int64_t channel = c + v * VL;
        r->t.out_vector[v] = blocked ? conv_block_offset(channel, g->oh * g->ow * LW_BLOCK) : channel;
    }
    for (int64_t y = p->begin; y < p->end; y++)
        conv_row(r, y, first, last, p->dst + y * g->ow * r->t.out_pixel);
}

/* Rows of channels c .. c+count-1 that are pooled, transposed or cut on the way. */
static void conv_rows_staged(struct conv_rows *r, const struct conv_part *p, int64_t c, int64_t count,
                             int64_t pass) {
    const struct conv_geometry *g = r->g;
    const lw_desc *d = g->d;
    const int64_t stride = r->vectors * VL, pool = d->pool2x2 ? 2 : 1;
    struct out_row o = {
        .dst = p->dst, .layout = d->dst_layout, .channels = d->oc, .c = c, .count = count, .relu = d->relu};
    o.height = g->oh / pool;
    o.width = g->ow / pool;
    r->t.relu = false;
    r->t.out_pixel = stride;
    for (int v = 0; v < r->vectors; v++)
        r->t.out_vector[v] = v * VL;
    const int64_t rows = conv_staged_rows(g), end = p->end - (p->end - p->begin) % pool;
    const ptrdiff_t row = g->ow * stride;
    for (int64_t y = p->begin; y < end; y += rows) {
        const int64_t last = lw_min(end, y + rows);
        for (int64_t b = 0; b < g->blocks; b += pass)
            for (int64_t i = y; i < last; i++)
                conv_row(r, i, b, lw_min(g->blocks, b + pass), r->scratch.rows + (i - y) * row);
        for (int64_t i = y; i < last; i += pool) {
            float *sums = r->scratch.rows + (i - y) * row;
            if (d->pool2x2) pool_rows(sums, sums + row, g->ow, stride, r->vectors);
            o.y = i / pool;
            store_row(&o, sums, stride);
        }
    }
}

/* In passes over channel blocks, so that the source of a pass stays in a near cache for all oc tiles, and a
 * tile's weights for all pixels. */
static void conv_strip_tiles(struct conv_rows *r, const struct conv_part *p) {
    const struct conv_geometry *g = r->g;
    const int64_t pass = conv_pass_blocks(g);
    const bool far = pass < g->blocks || conv_is_heavy(g->d);
    for (int64_t b = 0; b < g->blocks; b += pass)
        for (int64_t tile = p->tile; tile < p->tile_end; tile++) {
            const int64_t before = conv_tile_begin(g, tile), c = before * VL;
            r->vectors = conv_tile_vectors(g, tile);
            conv_find_spans(r);
            const int64_t count = lw_min(r->vectors * VL, g->ocg - c);
            r->t.bias = p->packed + conv_tile_weights(g, before);
            r->t.weights = r->t.bias + r->vectors * VL;
            const bool whole = !g->d->pool2x2 && conv_stores_whole(g, p->channel + c, count);
            r->ahead_floats = 0;
            if (far && tile + 1 < p->tile_end) {
                const int64_t width = conv_tile_vectors(g, tile + 1) * VL;
                const int64_t block = g->block * g->d->kh * g->d->kw * width;
                const int64_t tiles = (p->end - p->begin) * conv_row_tiles(g->ow, r->vectors);
                r->t.ahead = r->t.bias + conv_tile_weights(g, r->vectors) + width + b * block;
                r->ahead_floats = (whole ? lw_min(g->blocks - b, pass) : g->blocks) * block;
                r->t.ahead_lines = (int)lw_div_up(block, tiles * g->d->kh * g->d->kw * CONV_LINE);
            }
            if (whole)
                conv_rows_whole(r, p, p->channel + c, b, lw_min(g->blocks, b + pass));
            else if (b == 0)
                conv_rows_staged(r, p, p->channel + c, count, pass);
        }
}

/* ---- what a row says of itself ------------------------------------------------------------------------- */

/* A chain of multiply-adds that begins with the bias: one rounding a term, and one for a product that isn't
 * fused; n u / (1 - n u) in all (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section
 * 3.1). */
static double conv_bound(const lw_desc *d) {
    const double n = (double)(d->ic / d->groups * d->kh * d->kw + LW_FMA_ROUNDINGS - 1);
    return n / (1.0 - n * 0x1p-24);
}

/* Rounding errors of a sequential sum of n normal terms add up like a random walk. */
static double conv_rel_l2(const lw_desc *d) {
    return 0x1p-24 * 0.3 * sqrt((double)(d->ic / d->groups * d->kh * d->kw) + 1);
}

/* The tiles of all images, and the change of layout behind them. rows: of the kernel, all output rows
 * together (some may fall into the padding and are left out); unit: of the loop. */
static void conv_work(const struct conv_geometry *g, const struct lw_caches *caches, double rows,
                      enum lw_work_unit unit, struct lw_work *w) {
    const lw_desc *d = g->d;
    const double images = (double)(d->batch * d->groups), weights = (double)conv_packed_bytes(g);
    const double channels = (double)(d->kw * g->icg),
                 passes = (double)lw_div_up(g->blocks, conv_pass_blocks(g));
    const double steps = channels * (double)d->kh;
    double vectors = 0, tiles = 0; /* tiles: of all oc tiles in a row */
    for (int64_t t = 0; t < g->oc_tiles; t++) {
        const int v = conv_tile_vectors(g, t);
        const double row_tiles = (double)conv_row_tiles(g->ow, v), pixels = (double)g->ow / row_tiles;
        vectors += v;
        tiles += row_tiles;
        w->unit[unit] += images * rows * row_tiles * channels * work_step(pixels, v, steps);
        if (g->block == 1)
            work_planes(caches, images * rows * row_tiles, (double)g->icg,
                        pixels * (double)d->stride_w + d->kw, w);
    }
    w->unit[LW_WORK_call] += 1;
    w->unit[LW_WORK_task] += images * (double)(g->strips * g->oc_tiles) * passes;
    w->unit[LW_WORK_tile] += images * (double)g->oh * tiles * passes;
    w->unit[LW_WORK_tap] += g->block == 1 ? 0 : images * rows * tiles * (double)(d->kw * g->blocks);
    w->unit[LW_WORK_store] += images * (double)(g->oh * g->ow) * vectors * passes;
    w->unit[LW_WORK_copy] += d->pool2x2 ? images * (double)(g->oh * g->ow) * vectors : 0;
    work_epilogue(d, images * (double)g->oh, (double)g->ow, g->ocg, vectors, w);
    lw_work_stream(w, caches, weights * ((double)(d->batch * g->strips) - 1), weights);
    work_tensors(d, caches, weights, w);
}

/* What a row needs of a problem, and what it says where that isn't so; the last one's reason is NULL. */
struct conv_need {
    bool met;
    const char *reason;
};

/* *reason: of the first one that isn't met. */
static bool conv_are_met(const struct conv_need *need, const char **reason) {
    while (need->reason != NULL && need->met)
        need++;
    if (need->reason != NULL) *reason = need->reason;
    return need->reason == NULL;
}

/* What the rows made for 3x3 of stride 1 have in common; *reason: why not. */
static bool conv_is_3x3s1(const lw_desc *d, const char **reason) {
    const struct conv_need needs[] = {
        {d->kh == 3 && d->kw == 3, "takes 3x3 kernels only"},
        {d->stride_h == 1 && d->stride_w == 1, "takes stride 1 only"},
        {d->dilation_h == 1 && d->dilation_w == 1, "takes no dilation"},
        {d->groups == 1, "takes one group only"},
        {true, NULL},
    };
    return conv_are_met(needs, reason);
}

#endif
