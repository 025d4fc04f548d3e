/* Convolution of 3x3 and stride 1 for few input channels in planes: the first layer of a network. Its sums
 * are so short that what surrounds them counts: outputs are made two rows at a time, their 2x2 max pool is
 * taken where they are, and vectors go straight into the destination where its layout allows. Padding is
 * packed as zeros (pack.h).
 *
 * How a row of patches is made is the algorithm's: conv_direct_patch.h, conv_winograd_line.h. */
#ifndef LW_CONV_PATCH_H
#define LW_CONV_PATCH_H

#include <float.h>
#include "conv_direct.h"

#define PATCH_MAX_CHANNELS 4

/* What rows of patches for one call's vectors of output channels have in common. */
struct patch_row {
    /* of the source: from row to row, of Winograd points (or quads of them), of channels */
    ptrdiff_t row, point, plane;
    int64_t ic, ow;       /* ow: outputs before the pool */
    const float *weights; /* [channel][tap][width], or of each vector [channel][tap][VL] */
    const float *bias;
    ptrdiff_t width;
    /* pixel (r, x), vector v at out + r * out_row + x * out_column + out_vector[v] */
    ptrdiff_t out_row, out_column, out_vector[LW_PATCH_VECTORS];
    bool relu;
};

enum patch_kind { PATCH_ROW, PATCH_TWO_ROWS, PATCH_POOL, PATCH_POOL_FINITE, PATCH_KINDS };

/* `times` rows of patches, each of two rows of outputs (one: PATCH_ROW). src: the first input of the first.
 */
typedef void (*patch_fn)(const struct patch_row *p, const float *src, float *out, int64_t times);

struct patch_algorithm {
    int taps;      /* vectors of weights for each channel */
    int vectors;   /* of output channels that a call takes, at most */
    bool apart;    /* a vector's weights lie apart from the others', not side by side with them */
    double growth; /* what a term of a sum may be, in products of a source value and a weight */
    const patch_fn *(*functions)(const struct patch_row *p, int vectors); /* by kind */
    void (*pack)(const struct conv_geometry *g, const float *weights, const float *bias, float *out);
    void (*geometry)(const lw_desc *d, struct direct *x);
    int64_t (*floats)(const struct direct *x); /* of room for a strip */
    void (*strides)(const struct direct *x, struct patch_row *p);
    /* The first input of the strip from source row y0 on, put into `room` where it is fresh. */
    const float *(*find)(const struct direct *x, const struct lw_call *call, int64_t n, int64_t y0,
                         bool fresh, float *room);
};

/* biased: the sums have the bias in them, and a zero's sign counts; else it is lost when the bias, never -0,
 * is added. */
LW_INLINE vf patch_max(vf m, vf x, const bool finite, const bool biased) {
    if (!biased) return v_max_any(m, x, finite);
    return finite ? v_max(m, x) : v_max_keep(m, x);
}

/* The pool, in order. finite: no NaN can be there, and a plain maximum does. */
LW_INLINE void patch_pool(const vf *acc, const int C, const int V, const bool finite, const bool biased,
                          vf *y) {
    LW_UNROLL
    for (int x = 0; x < C / 2; x++) {
        LW_UNROLL
        for (int v = 0; v < V; v++) {
            const vf *a = acc + 2 * x * V + v;
            vf m = patch_max(a[0], a[V], finite, biased);
            m = patch_max(m, a[C * V], finite, biased);
            y[x * V + v] = patch_max(m, a[(C + 1) * V], finite, biased);
        }
    }
}

/* Strips as the patches want them: packed, or in the source where `in_place` allows it. Oc tiles of two
 * vectors are two patches, or one of two vectors, and none is left with half a patch but the last. */
static void patch_geometry(const lw_desc *d, bool in_place, struct direct *x) {
    direct_geometry(d, 1, 2, x);
    x->plain = x->in_place &= in_place;
    if (!x->in_place) x->strip = direct_strip(x, x->g.strip_rows);
}

/* ---- packed weights --------------------------------------------------------------------------------- */

/* What the packed weights begin with. */
struct patch_head {
    struct direct x;
    float reach; /* the largest |source value| for which no sum can leave the range of floats */
};

static size_t patch_workspace(const lw_desc *d, const struct patch_algorithm *a) {
    struct direct x;
    a->geometry(d, &x);
    return conv_scratch_bytes(&x.g) + (size_t)a->floats(&x) * sizeof(float);
}

static int64_t patch_tile_weights(const struct conv_geometry *g, const struct patch_algorithm *a,
                                  int64_t vectors) {
    return (1 + a->taps * g->icg) * vectors * VL;
}

static int64_t patch_weights(const struct conv_geometry *g, const struct patch_algorithm *a) {
    return patch_tile_weights(g, a, conv_tile_begin(g, g->oc_tiles));
}

static size_t patch_packed_bytes(const lw_desc *d, const struct patch_algorithm *a) {
    struct direct x;
    a->geometry(d, &x);
    return conv_align(sizeof(struct patch_head)) + (size_t)patch_weights(&x.g, a) * sizeof(float);
}

static float patch_reach(const lw_desc *d, double growth, const float *weights, const float *bias) {
    double reach = FLT_MAX;
    for (int64_t o = 0; o < d->oc; o++) {
        double sum = 1; /* for the bias, and for roundings */
        for (int64_t i = 0; i < d->ic * 9; i++)
            sum += growth * fabs((double)weights[o * d->ic * 9 + i]);
        const double room = FLT_MAX / 4 - (bias ? fabs((double)bias[o]) : 0);
        reach = room / sum < reach ? room / sum : reach;
        if (!(room >= 0)) reach = -1; /* NaN or Inf, too */
    }
    return (float)reach;
}

static void patch_pack(const lw_desc *d, const struct patch_algorithm *a, const float *weights,
                       const float *bias, void *packed) {
    struct patch_head *head = packed;
    memset(head, 0, conv_align(sizeof *head));
    a->geometry(d, &head->x);
    head->reach = patch_reach(d, a->growth, weights, bias);
    a->pack(&head->x.g, weights, bias, (float *)((char *)packed + conv_align(sizeof *head)));
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

/* ---- a strip ------------------------------------------------------------------------------------------- */

/* What one oc tile's rows of patches have in common, and where they go. */
struct patch_tile {
    const struct patch_algorithm *algorithm;
    struct patch_row p;
    enum patch_kind pool; /* which one, where there is a pool */
    int vectors;
    ptrdiff_t out_vector[LW_DIRECT_VECTORS];
};

/* `rows` rows of outputs for all vectors, two at a time; src and out: of the first. */
static void patch_rows(const struct patch_tile *t, bool pool, const float *src, float *out, int64_t rows) {
    const struct patch_algorithm *a = t->algorithm;
    const int64_t pairs = rows / 2, vector = a->apart ? a->taps * t->p.ic * VL : VL;
    for (int v = 0, n; v < t->vectors; v += n) {
        struct patch_row p = t->p;
        n = (int)lw_min(a->vectors, t->vectors - v);
        const patch_fn *functions = a->functions(&p, n);
        p.weights += v * vector;
        p.bias += v * VL;
        for (int k = 0; k < n; k++)
            p.out_vector[k] = t->out_vector[v + k];
        functions[pool ? t->pool : PATCH_TWO_ROWS](&p, src, out, pairs);
        if (!pool && rows % 2)
            functions[PATCH_ROW](&p, src + 2 * pairs * p.row, out + 2 * pairs * p.out_row, 1);
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
        patch_rows(t, d->pool2x2, strip, out, end - begin);
        return;
    }
    for (int64_t y = begin; y + pool <= end; y += 2) {
        const int64_t count = pool == 2 ? 1 : lw_min(2, end - y);
        patch_rows(t, d->pool2x2, strip + (y - begin) * t->p.row, rows, lw_min(2, end - y));
        for (int64_t i = 0; i < count; i++) {
            o->y = y / pool + i;
            store_row(o, rows + i * t->p.out_row, t->p.out_column);
        }
    }
}

static void patch_run(const struct lw_call *call, const struct patch_algorithm *a, int64_t begin, int64_t end,
                      void *workspace) {
    const lw_desc *d = call->desc;
    const struct patch_head *head = call->packed;
    const float *weights = (const float *)((const char *)call->packed + conv_align(sizeof *head));
    struct direct x = head->x;
    direct_link(&x, d);
    const struct conv_geometry *g = &x.g;
    const struct conv_scratch scratch = conv_scratch(g, workspace);
    float *room = (float *)((char *)workspace + conv_scratch_bytes(g));
    const int64_t pool = d->pool2x2 ? 2 : 1;
    struct out_row o = {
        .layout = d->dst_layout, .channels = d->oc, .height = g->oh / pool, .width = g->ow / pool};
    o.relu = false; /* taken care of */
    const int64_t image = lw_layout_channels(d->dst_layout, d->oc) * o.height * o.width;
    struct patch_tile t = {.algorithm = a, .p = {.ic = d->ic, .ow = g->ow}};
    a->strides(&x, &t.p);
    for (int64_t task = begin; task < end; task++) {
        const int64_t tile = task % g->oc_tiles, strip = task / g->oc_tiles % g->strips;
        const int64_t n = task / g->oc_tiles / g->strips, y0 = strip * g->strip_rows;
        const bool fresh = conv_is_fresh(&scratch, task / g->oc_tiles);
        const float *src = a->find(&x, call, n, y0 - d->pad_top, fresh, room);
        if (fresh && !x.in_place) {
            const float *from = call->src + n * d->ic * d->ih * d->iw;
            const bool finite = d->pool2x2 && patch_source_is_within(&x, from, y0 - d->pad_top, head->reach);
            scratch.held[1] = finite ? PATCH_POOL_FINITE : PATCH_POOL;
        }
        t.pool = x.in_place ? PATCH_POOL : (enum patch_kind)scratch.held[1];
        t.vectors = conv_tile_vectors(g, tile);
        t.p.width = t.vectors * VL;
        t.p.bias = weights + patch_tile_weights(g, a, conv_tile_begin(g, tile));
        t.p.weights = t.p.bias + t.p.width;
        o.dst = call->dst + n * image;
        o.c = conv_tile_begin(g, tile) * VL;
        o.count = lw_min(t.p.width, d->oc - o.c);
        patch_strip_rows(&x, &t, src, scratch.rows, &o, y0, lw_min(g->oh, y0 + g->strip_rows));
    }
}

static bool patch_supports(const lw_desc *d, const char **reason) {
    if (!conv_is_3x3s1(d, reason)) return false;
    *reason = "takes at most 4 input channels";
    return d->ic <= PATCH_MAX_CHANNELS;
}

static int64_t patch_tasks(const lw_desc *d, const struct patch_algorithm *a) {
    struct direct x;
    a->geometry(d, &x);
    return x.g.tasks;
}

/* Counts what all algorithms do alike; returns the vectors of outputs, before the pool. */
static double patch_work(const struct direct *x, const struct patch_algorithm *a,
                         const struct lw_caches *caches, struct lw_work *w) {
    const lw_desc *d = x->d;
    const double vectors = (double)lw_div_up(d->oc, VL);
    const double rows = (double)(d->batch * lw_round_up(x->g.oh, 2)), width = (double)lw_round_up(x->g.ow, 4);
    w->unit[LW_WORK_call] += 1;
    w->unit[LW_WORK_task] += (double)(d->batch * x->g.strips * x->g.oc_tiles);
    w->unit[LW_WORK_store] += rows * width * vectors / (d->pool2x2 ? 4 : 1);
    w->unit[LW_WORK_tile] += rows / 2 * vectors;
    if (!x->in_place) direct_pack_work(x, w);
    work_epilogue(d, rows, width, d->oc, vectors, w);
    work_tensors(d, caches, (double)patch_weights(&x->g, a) * sizeof(float), w);
    return rows * width * vectors;
}

#define PATCH_ROW_FUNCTIONS(f)                                                                               \
    static size_t f##_packed_bytes(const lw_desc *d) { return patch_packed_bytes(d, &f##_algorithm); }       \
    static void f##_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {          \
        patch_pack(d, &f##_algorithm, weights, bias, packed);                                                \
    }                                                                                                        \
    static size_t f##_workspace(const lw_desc *d) { return patch_workspace(d, &f##_algorithm); }             \
    static int64_t f##_tasks(const lw_desc *d) { return patch_tasks(d, &f##_algorithm); }                    \
    static void f##_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {           \
        patch_run(call, &f##_algorithm, begin, end, workspace);                                              \
    }

#endif
