/* Direct 3x3 convolution of few input channels: a register tile is a patch of 2x4 outputs, each of whose 4x6
 * inputs is broadcast once for all the taps that it meets; two rows of weights are enough at a time. */
#ifndef LW_CONV_DIRECT_PATCH_H
#define LW_CONV_DIRECT_PATCH_H

#include "conv_patch.h"

#define PATCH_MAX_COLUMNS 4

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

/* One patch: its sums, pooled if so, to the rows of the destination. */
LW_INLINE void patch_outputs(const struct patch_row *t, const float *src, float *const row_out[2],
                             const enum patch_kind kind, const int C, const int V, const bool one) {
    const bool pool = kind >= PATCH_POOL;
    const int R = kind == PATCH_ROW ? 1 : 2, rows = pool ? 1 : R, columns = pool ? C / 2 : C;
    vf acc[2 * PATCH_MAX_COLUMNS * LW_PATCH_VECTORS], y[PATCH_MAX_COLUMNS / 2 * LW_PATCH_VECTORS];
    LW_UNROLL
    for (int o = 0; o < R * C * V; o++)
        acc[o] = v_load(t->bias + o % V * VL);
    for (int64_t c = 0; c < (one ? 1 : t->ic); c++)
        patch_channel(src + c * t->plane, t->row, t->weights + c * 9 * t->width, t->width, R, C, V, acc);
    if (pool) patch_pool(acc, C, V, kind == PATCH_POOL_FINITE, true, y);
    vf *value = pool ? y : acc;
    if (t->relu) v_relu(value, rows * columns * V);
    LW_UNROLL
    for (int o = 0; o < rows * columns * V; o++)
        v_store(row_out[o / V / columns] + o / V % columns * t->out_column + t->out_vector[o % V], value[o]);
}

/* Rows of patches of C columns; one: a single channel. */
LW_INLINE void patch_rows_of(const struct patch_row *p, const float *src, float *out, int64_t times,
                             const enum patch_kind kind, const int C, const int V, const bool one) {
    const struct patch_row t = *p; /* a store might change *p for all that the compiler knows */
    const int pool = kind >= PATCH_POOL ? 2 : 1;
    const int64_t last = t.ow / pool * pool - C;
    for (; times > 0; times--, src += 2 * t.row, out += 2 / pool * t.out_row) {
        LW_NEW_BASE(src);
        LW_NEW_BASE(out);
        for (int64_t i = 0; i < last + C; i += C) {
            const int64_t x = lw_min(i, last); /* the last patch may overlap the one before */
            float *const row_out[2] = {out + x / pool * t.out_column,
                                       out + x / pool * t.out_column + t.out_row};
            patch_outputs(&t, src + x, row_out, kind, C, V, one);
        }
    }
}

#define PATCH_FUNCTION(kind, C, V, one)                                                                      \
    static void patch_##kind##_##C##x##V##_##one(const struct patch_row *p, const float *src, float *out,    \
                                                 int64_t times) {                                            \
        patch_rows_of(p, src, out, times, kind, C, V, one);                                                  \
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

static const patch_fn *direct_patch_functions(const struct patch_row *p, int vectors) {
    return patch_functions[vectors - 1][2 * (p->ic == 1) + (p->ow >= PATCH_MAX_COLUMNS)];
}

/* ---- a strip ------------------------------------------------------------------------------------------- */

/* In place only where no row of a patch is left out. */
static void direct_patch_geometry(const lw_desc *d, struct direct *x) {
    patch_geometry(d, d->pad_top == 0 && d->pad_bottom <= 0, x);
}

static void direct_patch_strides(const struct direct *x, struct patch_row *p) {
    p->row = x->strip.row_floats;
    p->plane = x->strip.block_floats;
}

/* Rows of padding above and below the image. */
static void direct_patch_zero_rows(const struct direct *x, int64_t y0, float *strip) {
    const int64_t rows = x->strip.in_rows, row = x->strip.row_floats;
    int64_t begin, end;
    pack_rows_inside(x->d, &x->strip, y0, &begin, &end);
    for (int64_t b = 0; b < x->strip.blocks; b++, strip += x->strip.block_floats) {
        zero_floats(strip, begin * row);
        zero_floats(strip + end * row, (rows - end) * row);
    }
}

static const float *direct_patch_find(const struct direct *x, const struct lw_call *call, int64_t n,
                                      int64_t y0, bool fresh, float *room) {
    if (fresh && !x->in_place) direct_patch_zero_rows(x, y0, room + x->strip.lead);
    return direct_find_strip(x, call, n, 0, y0, fresh, room);
}

static const struct patch_algorithm direct_patch_algorithm = {.taps = 9,
                                                              .vectors = LW_PATCH_VECTORS,
                                                              .growth = 1,
                                                              .functions = direct_patch_functions,
                                                              .pack = conv_pack,
                                                              .geometry = direct_patch_geometry,
                                                              .floats = direct_room,
                                                              .strides = direct_patch_strides,
                                                              .find = direct_patch_find};
PATCH_ROW_FUNCTIONS(direct_patch)

/* ---- what the row says of itself ----------------------------------------------------------------------- */

static bool direct_patch_supports(const lw_desc *d, const char **reason) {
    if (!patch_supports(d, reason)) return false;
    *reason = "takes outputs at least 2 wide";
    return lw_out_w(d) >= 2;
}

static void direct_patch_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    struct direct x;
    direct_patch_geometry(d, &x);
    const double outputs = patch_work(&x, &direct_patch_algorithm, caches, w);
    w->unit[LW_WORK_patch] += outputs * (double)d->ic * 9 * LW_FMA_ROUNDINGS / 2;
}

#define PATCH_TILE LW_TILE(8, LW_PATCH_VECTORS)

#define LW_ROWS_conv_direct_patch                                                                            \
    LW_TILED_ROW(conv_direct_patch, PATCH_TILE, .algorithm = "direct", .op = LW_CONV,                        \
                 .src_layouts = LW_LAYOUT_BIT(LW_NCHW), .dst_layouts = LW_ANY_LAYOUT,                        \
                 .supports = direct_patch_supports, .packed_bytes = direct_patch_packed_bytes,               \
                 .pack = direct_patch_pack, .workspace_bytes = direct_patch_workspace,                       \
                 .exact_on_integers = true, .tasks = direct_patch_tasks, .run = direct_patch_run,            \
                 .bound = conv_bound, .rel_l2 = conv_rel_l2, .work = direct_patch_work)

#endif
