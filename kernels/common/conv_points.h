/* 1x1 convolution from planes to planes: the product of two matrices, [oc][ic] times [ic][pixels]. Here
 * vectors are of pixels, which lie side by side in each plane, and it is the weights that are broadcast, so
 * that nothing is transposed on the way in or out.
 *
 * The pixels of an image are one long row, cut into strips that stay in L2 for all oc tiles, and read in
 * place where all of them are outputs. The last vectors of a strip overlap those before, and yield the same
 * bits again. */
#ifndef LW_CONV_POINTS_H
#define LW_CONV_POINTS_H

#include "conv_loop.h"
#include "pack.h"

#define POINTS_FLOATS (48 << 10) /* of a strip's source, the last one's aside; a tile's if that is more */
#define POINTS_LEAST  16         /* pixels: the longest vector of any ISA */

#define POINTS_VECTORS  LW_POINTS_VECTORS                             /* of pixels */
#define POINTS_CHANNELS LW_JOIN(LW_DIRECT_PIXELS_, LW_POINTS_VECTORS) /* of a tile as wide */
#define POINTS_TILE     LW_TILE(POINTS_CHANNELS, POINTS_VECTORS)

_Static_assert(VL <= POINTS_LEAST, "tiles.h");

/* ---- the register tile: T output channels times V vectors of pixels ------------------------------------ */

struct points_tile {
    const float *src;     /* the first pixel's first channel */
    ptrdiff_t src_plane;  /* floats from channel to channel */
    const float *weights; /* [quad of channels][T][4] */
    const float *bias;    /* [T] */
    float *out;
    ptrdiff_t out_plane;
    int64_t tiles; /* side by side */
    int64_t channels;
    bool relu;
};

LW_INLINE void points_tile(const struct points_tile *a, const int T, const int V) {
    const float *origin = a->src;
    float *out = a->out;
    const ptrdiff_t plane = a->src_plane;
    for (int64_t i = 0; i < a->tiles; i++, origin += V * VL, out += V * VL) {
        vf acc[LW_DIRECT_PIXELS_1 * LW_DIRECT_VECTORS];
        LW_UNROLL
        for (int t = 0; t < T; t++) {
            LW_UNROLL
            for (int v = 0; v < V; v++)
                acc[t * V + v] = v_set1(a->bias[t]);
        }
        const float *src = origin, *w = a->weights;
        int64_t c = a->channels;
        LW_NO_UNROLL
        for (; c >= 4; c -= 4, src += 4 * plane, w += 4 * T)
            conv_step4(acc, w, src, 0, T, V, 4, plane);
        for (; c > 0; c--, src += plane, w++)
            conv_step1(acc, w, src, 0, T, V, 4);
        float *to = out;
        LW_UNROLL
        for (int t = 0; t < T; t++, to += a->out_plane) {
            LW_UNROLL
            for (int v = 0; v < V; v++) {
                if (a->relu) v_relu(acc + t * V + v, 1); /* all at once gcc 12 spills a sum for */
                v_store(to + v * VL, acc[t * V + v]);
            }
        }
    }
}

typedef void (*points_fn)(const struct points_tile *);

#define POINTS_FUNCTION(T, V)                                                                                \
    static void points_tile_##T##x##V(const struct points_tile *told) {                                      \
        const struct points_tile a = *told;                                                                  \
        points_tile(&a, T, V);                                                                               \
    }
#define POINTS_ENTRY(T, V) points_tile_##T##x##V,

LW_REPEAT(POINTS_CHANNELS, POINTS_FUNCTION, 1)
LW_REPEAT(POINTS_CHANNELS, POINTS_FUNCTION, 2)
#if LW_POINTS_VECTORS > 2
LW_REPEAT(POINTS_CHANNELS, POINTS_FUNCTION, 3)
LW_REPEAT(POINTS_CHANNELS, POINTS_FUNCTION, 4)
#endif

/* [vectors - 1][channels - 1] */
static const points_fn points_tiles[POINTS_VECTORS][POINTS_CHANNELS] = {
    {LW_REPEAT(POINTS_CHANNELS, POINTS_ENTRY, 1)},
    {LW_REPEAT(POINTS_CHANNELS, POINTS_ENTRY, 2)},
#if LW_POINTS_VECTORS > 2
    {LW_REPEAT(POINTS_CHANNELS, POINTS_ENTRY, 3)},
    {LW_REPEAT(POINTS_CHANNELS, POINTS_ENTRY, 4)},
#endif
};

#undef POINTS_FUNCTION
#undef POINTS_ENTRY

/* ---- geometry ------------------------------------------------------------------------------------------ */

struct points {
    const lw_desc *d;
    int64_t icg, ocg, oc_tiles;   /* of one group */
    int64_t pixels;               /* of an output plane */
    int64_t strip_pixels, strips; /* the last strip has what is left, too, and is shorter than two */
    bool in_place;
};

static struct points points_geometry(const lw_desc *d) {
    const int64_t tile = POINTS_VECTORS * VL;
    struct points x = {.d = d, .icg = d->ic / d->groups, .ocg = d->oc / d->groups};
    x.oc_tiles = lw_div_up(x.ocg, POINTS_CHANNELS);
    x.pixels = lw_out_h(d) * lw_out_w(d);
    x.in_place = d->stride_h == 1 && d->stride_w == 1 && lw_out_w(d) == d->iw;
    x.strip_pixels = lw_max(1, POINTS_FLOATS / x.icg / tile) * tile;
    x.strips = lw_max(1, x.pixels / x.strip_pixels);
    return x;
}

static inline int64_t points_begin(const struct points *x, int64_t strip) { return strip * x->strip_pixels; }
static inline int64_t points_end(const struct points *x, int64_t strip) {
    return strip + 1 < x->strips ? (strip + 1) * x->strip_pixels : x->pixels;
}

/* The first channel of an oc tile: all tiles have as many, or one more. */
static inline int64_t points_channel(const struct points *x, int64_t tile) {
    return tile * x->ocg / x->oc_tiles;
}

/* ---- packed weights: [group] of { bias [oc], [oc tile][quad of channels][oc][4] }, the last quad filled up
 * with zeros --------------------------------------------------------------------------------------------- */

static inline int64_t points_group_weights(const struct points *x) {
    return x->ocg * (1 + lw_round_up(x->icg, 4));
}

static size_t points_packed_bytes(const lw_desc *d) {
    const struct points x = points_geometry(d);
    return (size_t)(d->groups * points_group_weights(&x)) * sizeof(float);
}

static void points_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    const struct points x = points_geometry(d);
    float *out = packed;
    for (int64_t group = 0; group < d->groups; group++) {
        const int64_t first = group * x.ocg;
        for (int64_t o = 0; o < x.ocg; o++)
            *out++ = bias ? bias[first + o] : 0.0f;
        for (int64_t tile = 0; tile < x.oc_tiles; tile++)
            for (int64_t quad = 0; quad < x.icg; quad += 4)
                for (int64_t o = points_channel(&x, tile); o < points_channel(&x, tile + 1); o++)
                    for (int64_t c = quad; c < quad + 4; c++)
                        *out++ = c < x.icg ? weights[(first + o) * x.icg + c] : 0.0f;
    }
}

/* ---- strips -------------------------------------------------------------------------------------------- */

/* Output pixels begin .. end-1 of every channel: [channel][pixel]. */
static void points_gather(const struct points *x, const float *image, int64_t begin, int64_t end,
                          float *out) {
    const lw_desc *d = x->d;
    const int64_t ow = lw_out_w(d);
    for (int64_t c = 0; c < x->icg; c++, image += d->ih * d->iw)
        for (int64_t p = begin, n; p < end; p += n, out += n) {
            const float *src = image + p / ow * d->stride_h * d->iw + p % ow * d->stride_w;
            n = lw_min(end - p, ow - p % ow);
            if (d->stride_w == 1)
                copy_floats(out, src, n);
            else
                pack_plane_strided(src, d->stride_w, n, out);
        }
}

/* Behind LW_HELD: the number of the strip that is there. */
static size_t points_workspace(const lw_desc *d) {
    const struct points x = points_geometry(d);
    const int64_t longest = x.pixels - points_begin(&x, x.strips - 1);
    return LW_HELD + (x.in_place ? 0 : (size_t)(longest * x.icg) * sizeof(float));
}

/* Tiles of a strip of so many pixels, none wider than it. */
static int64_t points_row_tiles(int64_t pixels) {
    return lw_div_up(lw_div_up(pixels, VL), lw_min(POINTS_VECTORS, pixels / VL));
}

/* One oc tile of a strip of so many pixels, which its tiles share evenly: at most two runs of equal tiles,
 * and the last tile, which ends where the strip does. */
static void points_row(struct points_tile t, int64_t pixels, int64_t channels) {
    int64_t vectors = lw_div_up(pixels, VL), tiles = points_row_tiles(pixels), width;
    const float *src = t.src;
    float *out = t.out;
    for (int64_t x = 0; tiles > 0; x += t.tiles * width * VL, vectors -= t.tiles * width, tiles -= t.tiles) {
        width = lw_div_up(vectors, tiles);
        t.tiles = tiles > 1 ? lw_min(tiles - 1, tiles - (tiles * width - vectors)) : 1;
        if (tiles == 1) x = pixels - width * VL;
        t.src = src + x;
        t.out = out + x;
        points_tiles[width - 1][channels - 1](&t);
    }
}

static int64_t points_tasks(const lw_desc *d) {
    const struct points x = points_geometry(d);
    return d->batch * d->groups * x.strips * x.oc_tiles;
}

/* The strip of an image's group, gathered now unless it still is there or is read in place. */
static void points_find_strip(const struct points *x, const float *image, int64_t first, int64_t last,
                              bool fresh, float *room, struct points_tile *t) {
    t->src = x->in_place ? image + first : room;
    t->src_plane = x->in_place ? x->d->ih * x->d->iw : last - first;
    if (!x->in_place && fresh) points_gather(x, image, first, last, room);
}

static void points_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    const lw_desc *d = call->desc;
    const struct points x = points_geometry(d);
    int64_t *held = workspace;
    for (int64_t task = begin; task < end; task++) {
        const int64_t tile = task % x.oc_tiles, part = task / x.oc_tiles;
        const int64_t strip = part % x.strips, group = part / x.strips; /* of all images */
        const int64_t first = points_begin(&x, strip), last = points_end(&x, strip);
        const int64_t o = points_channel(&x, tile), channels = points_channel(&x, tile + 1) - o;
        const float *bias = (const float *)call->packed + group % d->groups * points_group_weights(&x);
        struct points_tile t = {.weights = bias + x.ocg + o * lw_round_up(x.icg, 4),
                                .bias = bias + o,
                                .out = call->dst + (group * x.ocg + o) * x.pixels + first,
                                .out_plane = x.pixels,
                                .channels = x.icg,
                                .relu = d->relu};
        points_find_strip(&x, call->src + group * x.icg * d->ih * d->iw, first, last, *held != part + 1,
                          (float *)((char *)workspace + LW_HELD), &t);
        *held = part + 1;
        points_row(t, last - first, channels);
    }
}

/* ---- what the row says of itself ----------------------------------------------------------------------- */

static bool points_supports(const lw_desc *d, const char **reason) {
    const int64_t oh = lw_out_h(d), ow = lw_out_w(d);
    const struct conv_need needs[] = {
        {d->kh == 1 && d->kw == 1, "takes 1x1 kernels only"},
        {d->pad_top == 0 && d->pad_left == 0 && (oh - 1) * d->stride_h < d->ih &&
             (ow - 1) * d->stride_w < d->iw,
         "takes no padding"},
        {!d->pool2x2, "takes no pool"},
        {oh * ow >= POINTS_LEAST, "takes at least 16 output pixels"},
        {true, NULL},
    };
    return conv_are_met(needs, reason);
}

static void points_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    const struct points x = points_geometry(d);
    const double groups = (double)(d->batch * d->groups), steps = (double)x.icg, tiles = (double)x.oc_tiles;
    const double weights = (double)points_packed_bytes(d);
    const int64_t last = x.pixels - points_begin(&x, x.strips - 1), others = x.strips - 1;
    const double vectors = (double)(others * x.strip_pixels / VL + lw_div_up(last, VL));
    const double wide =
        (double)others * (double)points_row_tiles(x.strip_pixels) + (double)points_row_tiles(last);
    w->unit[LW_WORK_direct] +=
        groups * tiles * wide * steps * work_step((double)x.ocg / tiles, vectors / wide, steps);
    w->unit[LW_WORK_call] += 1;
    w->unit[LW_WORK_task] += groups * (double)x.strips * tiles;
    w->unit[LW_WORK_tile] += groups * wide * tiles;
    w->unit[LW_WORK_store] += groups * vectors * (double)x.ocg;
    if (!x.in_place && d->stride_w <= 2)
        w->unit[LW_WORK_copy] += groups * vectors * steps * (double)d->stride_w;
    else if (!x.in_place)
        w->unit[LW_WORK_gather] += groups * (double)x.pixels * steps / 2;
    work_planes(caches, groups * wide * tiles, steps, vectors / wide * VL, w);
    lw_work_stream(w, caches, weights * ((double)(d->batch * x.strips) - 1), weights);
    work_tensors(d, caches, weights, w);
}

#define LW_ROWS_conv_points                                                                                  \
    LW_TILED_ROW(conv_points, POINTS_TILE, .algorithm = "direct", .op = LW_CONV,                             \
                 .src_layouts = LW_LAYOUT_BIT(LW_NCHW), .dst_layouts = LW_LAYOUT_BIT(LW_NCHW),               \
                 .supports = points_supports, .packed_bytes = points_packed_bytes, .pack = points_pack,      \
                 .workspace_bytes = points_workspace, .tasks = points_tasks, .run = points_run,              \
                 .bound = conv_bound, .rel_l2 = conv_rel_l2, .exact_on_integers = true, .work = points_work)

#endif
