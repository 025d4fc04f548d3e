/* Direct 3x3 convolution of stride 1 for few input channels in planes: the first layer of a network. Its sums
 * are so short that what surrounds them counts, so a register tile is a patch of 2x4 outputs: each of its 4x6
 * inputs is broadcast once for all the taps that it meets, two rows of weights are enough at a time, and a
 * 2x2 max pool is taken where the outputs are. Padding is packed as zeros (pack.h). */
#ifndef LW_CONV_DIRECT_PATCH_H
#define LW_CONV_DIRECT_PATCH_H

#include <float.h>
#include "conv_direct.h"

#define PATCH_MAX_CHANNELS 4
#define PATCH_MAX_COLUMNS  4

/* What rows of patches for up to LW_PATCH_VECTORS vectors of output channels have in common. */
struct patch_row {
    ptrdiff_t row, plane;
    int64_t ic, ow;       /* ow: outputs before the pool, at least 2 */
    const float *weights; /* [channel][tap][width] */
    const float *bias;
    ptrdiff_t width;
    /* pixel (r, x), vector v at out + r * out_row + x * out_column + out_vector[v] */
    ptrdiff_t out_row, out_column, out_vector[LW_PATCH_VECTORS];
    bool relu;
};

LW_INLINE void patch_load_weights(const float *weights, ptrdiff_t width, const int V, vf *w) {
    LW_UNROLL
    for (int k = 0; k < 3; k++) {
        LW_UNROLL
        for (int v = 0; v < V; v++)
            w[k * V + v] = v_load(weights + k * width + v * VL);
    }
}

/* Adds the products of one channel; outputs take their taps in order. What an input meets in both rows of
 * outputs comes together: the longer the way from one product of an output to its next, the less they wait
 * for each other. */
LW_INLINE void patch_channel(const float *src, ptrdiff_t row, const float *weights, ptrdiff_t width,
                             const int R, const int C, const int V, vf *acc) {
    vf w[3][3 * LW_PATCH_VECTORS];
    LW_UNROLL
    for (int i = 0; i < R + 2; i++) {
        const float *s = src + i * row;
        const vq q[2] = {vq_load(s), vq_load(s + C - 2)}; /* the second ends with the last column */
        if (i < 3) patch_load_weights(weights + 3 * i * width, width, V, w[i]);
        LW_UNROLL
        for (int j = 0; j < C + 2; j++) {
            LW_UNROLL
            for (int o = 0; o < R * C; o++) {
                const int ky = i - o / C, kx = j - o % C;
                LW_UNROLL
                for (int v = 0; v < V; v++)
                    if (ky >= 0 && ky < 3 && kx >= 0 && kx < 3)
                        acc[o * V + v] =
                            v_fma_lane(acc[o * V + v], w[ky][kx * V + v], q[j / 4], j < 4 ? j : j - C + 2);
            }
        }
    }
}

/* The pool, in order. finite: no NaN can be there, and a plain maximum does. */
LW_INLINE void patch_pool(const vf *acc, const int C, const int V, const bool finite, vf *y) {
    LW_UNROLL
    for (int x = 0; x < C / 2; x++) {
        LW_UNROLL
        for (int v = 0; v < V; v++) {
            const vf *a = acc + 2 * x * V + v;
            y[x * V + v] = finite ? v_max(v_max(v_max(a[0], a[V]), a[C * V]), a[(C + 1) * V])
                                  : v_max_keep(v_max_keep(v_max_keep(a[0], a[V]), a[C * V]), a[(C + 1) * V]);
        }
    }
}

enum patch_kind { PATCH_ROW, PATCH_TWO_ROWS, PATCH_POOL, PATCH_POOL_FINITE, PATCH_KINDS };

/* A row of patches of two rows (one: PATCH_ROW) and C columns. src: the first input of the first patch; one:
 * a single channel. */
LW_INLINE void patch_run(const struct patch_row *p, const float *src, float *out, const enum patch_kind kind,
                         const int C, const int V, const bool one) {
    const bool pool = kind >= PATCH_POOL;
    const int R = kind == PATCH_ROW ? 1 : 2;
    const struct patch_row t = *p; /* a store might change *p for all that the compiler knows */
    const int rows = pool ? 1 : R, columns = pool ? C / 2 : C;
    const int64_t last = (pool ? t.ow / 2 * 2 : t.ow) - C;
    float *row_out[2] = {out, out + t.out_row};
    for (int64_t i = 0; i < last + C; i += C) {
        const int64_t x = lw_min(i, last); /* the last patch may overlap the one before */
        vf acc[2 * PATCH_MAX_COLUMNS * LW_PATCH_VECTORS], y[PATCH_MAX_COLUMNS / 2 * LW_PATCH_VECTORS];
        LW_UNROLL
        for (int o = 0; o < R * C * V; o++)
            acc[o] = v_load(t.bias + o % V * VL);
        for (int64_t c = 0; c < (one ? 1 : t.ic); c++)
            patch_channel(src + c * t.plane + x, t.row, t.weights + c * 9 * t.width, t.width, R, C, V, acc);
        if (pool) patch_pool(acc, C, V, kind == PATCH_POOL_FINITE, y);
        vf *value = pool ? y : acc;
        if (t.relu) {
            LW_UNROLL
            for (int o = 0; o < rows * columns * V; o++)
                value[o] = v_relu(value[o]);
        }
        const ptrdiff_t at = (pool ? x / 2 : x) * t.out_column;
        LW_UNROLL
        for (int o = 0; o < rows * columns * V; o++)
            v_store(row_out[o / V / columns] + at + o / V % columns * t.out_column + t.out_vector[o % V],
                    value[o]);
    }
}

typedef void (*patch_fn)(const struct patch_row *p, const float *src, float *out);

#define PATCH_FUNCTION(kind, C, V, one)                                                                      \
    static void patch_##kind##_##C##x##V##_##one(const struct patch_row *p, const float *src, float *out) {  \
        patch_run(p, src, out, kind, C, V, one);                                                             \
    }
#define PATCH_FUNCTIONS(C, V, one)                                                                           \
    PATCH_FUNCTION(PATCH_ROW, C, V, one)                                                                     \
    PATCH_FUNCTION(PATCH_TWO_ROWS, C, V, one)                                                                \
    PATCH_FUNCTION(PATCH_POOL, C, V, one)                                                                    \
    PATCH_FUNCTION(PATCH_POOL_FINITE, C, V, one)
#define PATCH_ENTRY(C, V, one)                                                                               \
    {                                                                                                        \
        patch_PATCH_ROW_##C##x##V##_##one, patch_PATCH_TWO_ROWS_##C##x##V##_##one,                           \
            patch_PATCH_POOL_##C##x##V##_##one, patch_PATCH_POOL_FINITE_##C##x##V##_##one                    \
    }
#define PATCH_ENTRIES(V)                                                                                     \
    { PATCH_ENTRY(2, V, 0), PATCH_ENTRY(4, V, 0), PATCH_ENTRY(2, V, 0), PATCH_ENTRY(4, V, 1) }

PATCH_FUNCTIONS(2, 1, 0)
PATCH_FUNCTIONS(4, 1, 0)
PATCH_FUNCTIONS(4, 1, 1)
#if LW_PATCH_VECTORS > 1
PATCH_FUNCTIONS(2, 2, 0)
PATCH_FUNCTIONS(4, 2, 0)
PATCH_FUNCTIONS(4, 2, 1)
#endif

/* [vectors - 1][2 where there is one channel, and 1 where there is room for the wide patch][kind] */
static const patch_fn patch_functions[LW_PATCH_VECTORS][4][PATCH_KINDS] = {
    PATCH_ENTRIES(1),
#if LW_PATCH_VECTORS > 1
    PATCH_ENTRIES(2),
#endif
};

#undef PATCH_FUNCTION
#undef PATCH_FUNCTIONS
#undef PATCH_ENTRY
#undef PATCH_ENTRIES

/* ---- a strip ------------------------------------------------------------------------------------------- */

/* What the packed weights begin with. */
struct patch_head {
    struct direct x;
    float reach; /* the largest |source value| for which no sum can leave the range of floats */
};

static void patch_geometry(const lw_desc *d, struct direct *x) {
    direct_geometry(d, 1, (int)lw_min(LW_DIRECT_VECTORS, lw_div_up(d->oc, VL)), x);
    x->in_place &= d->pad_top == 0 && d->pad_bottom <= 0; /* no row of a patch is left out */
    if (!x->in_place) x->strip = direct_strip(x, x->g.strip_rows);
}

static size_t patch_workspace(const lw_desc *d) {
    struct direct x;
    patch_geometry(d, &x);
    return conv_scratch_bytes(&x.g) + (x.in_place ? 0 : (size_t)x.strip.floats * sizeof(float));
}

/* Rows of padding above and below the image. */
static void patch_zero_rows(const struct direct *x, int64_t y0, float *strip) {
    const int64_t rows = x->strip.in_rows, row = x->strip.row_floats;
    int64_t begin, end;
    pack_rows_inside(x->d, &x->strip, y0, &begin, &end);
    for (int64_t b = 0; b < x->strip.blocks; b++, strip += x->strip.block_floats) {
        zero_floats(strip, begin * row);
        zero_floats(strip + end * row, (rows - end) * row);
    }
}

static size_t patch_packed_bytes(const lw_desc *d) {
    struct direct x;
    patch_geometry(d, &x);
    return conv_align(sizeof(struct patch_head)) + conv_packed_bytes(&x.g);
}

static float patch_reach(const lw_desc *d, const float *weights, const float *bias) {
    double reach = FLT_MAX;
    for (int64_t o = 0; o < d->oc; o++) {
        double sum = 1; /* for the bias, and for roundings */
        for (int64_t i = 0; i < d->ic * 9; i++)
            sum += fabs((double)weights[o * d->ic * 9 + i]);
        const double room = FLT_MAX / 4 - (bias ? fabs((double)bias[o]) : 0);
        reach = room / sum < reach ? room / sum : reach;
        if (!(room >= 0)) reach = -1; /* NaN or Inf, too */
    }
    return (float)reach;
}

static void patch_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    struct patch_head *head = packed;
    memset(head, 0, conv_align(sizeof *head));
    patch_geometry(d, &head->x);
    head->reach = patch_reach(d, weights, bias);
    conv_pack(&head->x.g, weights, bias, (float *)((char *)packed + conv_align(sizeof *head)));
    head->x.d = head->x.g.d = NULL;
}

/* Are all of them within +-limit, and no NaN? By their sum of squares, which is no smaller than the largest
 * of them and keeps NaN: where it says no, that may be for want of a closer look. */
static bool patch_is_within(const float *x, int64_t count, float limit) {
    vf sum[8];
    LW_UNROLL
    for (int k = 0; k < 8; k++)
        sum[k] = v_zero();
    int64_t i = 0;
    for (; i + 8 * VL <= count; i += 8 * VL) {
        LW_UNROLL
        for (int k = 0; k < 8; k++)
            sum[k] = v_fma(v_load(x + i + k * VL), v_load(x + i + k * VL), sum[k]);
    }
    for (int n; i < count; i += n) {
        n = (int)lw_min(VL, count - i);
        const vf v = v_load_n(x + i, n);
        sum[0] = v_fma(v, v, sum[0]);
    }
    LW_UNROLL
    for (int half = 4; half > 0; half /= 2) {
        LW_UNROLL
        for (int k = 0; k < half; k++)
            sum[k] = v_add(sum[k], sum[k + half]);
    }
    const float most = limit < 1e18f ? limit : 1e18f; /* its square is a float */
    return limit > 0 && v_sum(sum[0]) <= most * most;
}

/* Are all source values of a strip? Looked at where they come from: what was packed just now, in vectors that
 * begin elsewhere, would have to wait for the stores. */
static bool patch_source_is_within(const struct direct *x, const float *image, int64_t y0, float limit) {
    const lw_desc *d = x->d;
    const int64_t begin = lw_max(0, y0), end = lw_min(d->ih, y0 + x->strip.in_rows);
    bool within = true;
    for (int64_t c = 0; c < d->ic && begin < end; c++)
        within &= patch_is_within(image + (c * d->ih + begin) * d->iw, (end - begin) * d->iw, limit);
    return within;
}

/* What one oc tile's rows of patches have in common, and where they go. */
struct patch_tile {
    struct patch_row p;
    enum patch_kind pool; /* which one, where there is a pool */
    int vectors;
    ptrdiff_t out_vector[LW_DIRECT_VECTORS];
};

/* Rows begin .. end-1 of outputs for all vectors, two at a time; src and out: of row `begin`. */
static void patch_rows(const struct patch_tile *t, bool pool, const float *src, float *out, int64_t begin,
                       int64_t end) {
    const enum patch_kind whole = pool ? t->pool : PATCH_TWO_ROWS;
    for (int v = 0, n; v < t->vectors; v += n) {
        struct patch_row p = t->p;
        n = (int)lw_min(LW_PATCH_VECTORS, t->vectors - v);
        const patch_fn *functions = patch_functions[n - 1][2 * (p.ic == 1) + (p.ow >= PATCH_MAX_COLUMNS)];
        const float *in = src;
        float *to = out;
        p.weights += v * VL;
        p.bias += v * VL;
        for (int k = 0; k < n; k++)
            p.out_vector[k] = t->out_vector[v + k];
        for (int64_t y = begin; y < end - pool; y += 2) {
            functions[y + 2 <= end ? whole : PATCH_ROW](&p, in, to);
            in += 2 * p.row;
            to += (pool ? 1 : 2) * p.out_row;
        }
    }
}

/* Rows begin .. end-1 (before the pool) of an oc tile: straight into the destination where its layout allows,
 * else through `rows`. */
static void patch_strip_rows(const struct direct *x, struct patch_tile *t, const float *strip, float *rows,
                             struct out_row *o, int64_t begin, int64_t end) {
    const lw_desc *d = x->g.d;
    const bool whole = conv_stores_whole(&x->g, o->c, o->count), blocked = d->dst_layout == LW_BLOCKED;
    const int64_t pool = d->pool2x2 ? 2 : 1;
    t->p.relu = d->relu;
    t->p.out_column = !whole ? t->vectors * VL : blocked ? LW_BLOCK : d->oc;
    t->p.out_row = o->width * t->p.out_column;
    for (int v = 0; v < t->vectors; v++) {
        const int64_t c = o->c + v * VL;
        t->out_vector[v] = whole && blocked ? conv_block_offset(c, o->height * t->p.out_row) : v * VL;
    }
    if (whole) {
        float *out = o->dst + (blocked ? 0 : o->c) + begin / pool * t->p.out_row;
        patch_rows(t, d->pool2x2, strip, out, begin, end);
        return;
    }
    for (int64_t y = begin; y + pool <= end; y += 2) {
        const int64_t count = pool == 2 ? 1 : lw_min(2, end - y);
        patch_rows(t, d->pool2x2, strip + (y - begin) * t->p.row, rows, y, lw_min(end, y + 2));
        for (int64_t i = 0; i < count; i++) {
            o->y = y / pool + i;
            store_row(o, rows + i * t->p.out_row, t->p.out_column);
        }
    }
}

static void patch_tasks_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    const lw_desc *d = call->desc;
    const struct patch_head *head = call->packed;
    const float *weights = (const float *)((const char *)call->packed + conv_align(sizeof *head));
    struct direct x = head->x;
    direct_link(&x, d);
    const struct conv_geometry *g = &x.g;
    const struct conv_scratch scratch = conv_scratch(g, workspace);
    float *packed = (float *)((char *)workspace + conv_scratch_bytes(g));
    const int64_t pool = d->pool2x2 ? 2 : 1;
    struct out_row o = {
        .layout = d->dst_layout, .channels = d->oc, .height = g->oh / pool, .width = g->ow / pool};
    o.relu = false; /* taken care of */
    const int64_t image = lw_layout_channels(d->dst_layout, d->oc) * o.height * o.width;
    struct patch_tile t = {
        .p = {.row = x.strip.row_floats, .plane = x.strip.block_floats, .ic = d->ic, .ow = g->ow}};
    for (int64_t task = begin; task < end; task++) {
        const int64_t tile = task % g->oc_tiles, strip = task / g->oc_tiles % g->strips;
        const int64_t n = task / g->oc_tiles / g->strips, y0 = strip * g->strip_rows;
        const bool fresh = conv_is_fresh(&scratch, task / g->oc_tiles);
        const float *src = direct_find_strip(&x, call, n, 0, y0 - d->pad_top, fresh, packed);
        if (fresh && !x.in_place) {
            patch_zero_rows(&x, y0 - d->pad_top, packed);
            const float *image = call->src + n * d->ic * d->ih * d->iw;
            scratch.held[1] = patch_source_is_within(&x, image, y0 - d->pad_top, head->reach)
                                  ? PATCH_POOL_FINITE
                                  : PATCH_POOL;
        }
        t.pool = x.in_place ? PATCH_POOL : (enum patch_kind)scratch.held[1];
        t.vectors = conv_tile_vectors(g, tile);
        t.p.width = t.vectors * VL;
        t.p.bias = weights + tile * conv_tile_weights(g, g->vectors);
        t.p.weights = t.p.bias + t.p.width;
        o.dst = call->dst + n * image;
        o.c = tile * conv_tile_channels(g);
        o.count = lw_min(conv_tile_channels(g), d->oc - o.c);
        patch_strip_rows(&x, &t, src, scratch.rows, &o, y0, lw_min(g->oh, y0 + g->strip_rows));
    }
}

/* ---- what the row says of itself ----------------------------------------------------------------------- */

static bool patch_supports(const lw_desc *d, const char **reason) {
    if (!conv_is_3x3s1(d, reason)) return false;
    if (d->ic > PATCH_MAX_CHANNELS)
        *reason = "takes at most 4 input channels";
    else if (lw_out_w(d) < 2)
        *reason = "takes outputs at least 2 wide";
    else
        return true;
    return false;
}

static int64_t patch_tasks(const lw_desc *d) {
    struct direct x;
    patch_geometry(d, &x);
    return x.g.tasks;
}

/* Eight outputs of a vector are a patch. */
static void patch_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    struct direct x;
    patch_geometry(d, &x);
    double vectors = 0;
    for (int64_t t = 0; t < x.g.oc_tiles; t++)
        vectors += conv_tile_vectors(&x.g, t);
    const double rows = (double)(d->batch * lw_round_up(x.g.oh, 2)), width = (double)lw_round_up(x.g.ow, 4);
    w->unit[LW_WORK_call] += 1;
    w->unit[LW_WORK_task] += (double)(d->batch * x.g.strips * x.g.oc_tiles);
    w->unit[LW_WORK_patch] += rows * width * vectors * (double)d->ic * 9 * LW_FMA_ROUNDINGS / 2;
    w->unit[LW_WORK_store] += rows * width * vectors / (d->pool2x2 ? 4 : 1);
    w->unit[LW_WORK_tile] += rows / 2 * vectors;
    if (!x.in_place) direct_pack_work(&x, w);
    work_epilogue(d, rows, width, d->oc, vectors, w);
    work_tensors(d, caches, (double)conv_packed_bytes(&x.g), w);
}

#define PATCH_TILE LW_TILE(8, LW_PATCH_VECTORS)

#define LW_ROWS_conv_direct_patch                                                                            \
    LW_TILED_ROW(conv_direct_patch, PATCH_TILE, .algorithm = "direct", .op = LW_CONV,                        \
                 .src_layouts = LW_LAYOUT_BIT(LW_NCHW), .dst_layouts = LW_ANY_LAYOUT,                        \
                 .supports = patch_supports, .packed_bytes = patch_packed_bytes, .pack = patch_pack,         \
                 .workspace_bytes = patch_workspace, .exact_on_integers = true, .tasks = patch_tasks,        \
                 .run = patch_tasks_run, .bound = conv_bound, .rel_l2 = conv_rel_l2, .work = patch_work)

#endif
