/* Winograd convolution along the rows alone, F(1x4, 3x3), of few input channels: a tile's 4 outputs take 6
 * products for each row of the kernel in place of 12, and rows are summed directly. In one dimension the
 * transforms cost little: the input's is done for vectors of tiles, and the output's is ten additions for
 * a row of a tile. Points and matrices are those of F(6x6)'s tiles of 4 (winograd_matrices.h). */
#ifndef LW_CONV_WINOGRAD_LINE_H
#define LW_CONV_WINOGRAD_LINE_H

#include "conv_patch.h"
#include "winograd_axis.h"
#include "winograd_error.h"

#define LINE_SET     (&wino_f6)
#define LINE_PAIRS   2
#define LINE_OUTPUTS 4
#define LINE_POINTS  (LINE_OUTPUTS + 2)
#define LINE_GROUPS  ((LINE_POINTS + LW_LINE_LANES - 1) / LW_LINE_LANES) /* of points side by side */
#define LINE_TAPS    (3 * LINE_POINTS) /* vectors of weights of a channel: [row of the kernel][point] */

_Static_assert(LW_LINE_LANES == 1 || (LW_LINE_LANES == 4 && VL == 4), "tiles.h: 1, or 4 where VL is 4");

/* ---- one vector of output channels --------------------------------------------------------------------- */

/* Weights of one channel: held, in registers where there are 32 of them, or (NULL) loaded where they are
 * needed. */
struct line_weights {
    const vf *held;
    const float *at;
};

LW_INLINE vf line_weight(struct line_weights w, int k) { return w.held ? w.held[k] : v_load(w.at + k * VL); }

/* The rows of inputs of R rows of outputs. */
LW_INLINE void line_inputs(const struct patch_row *t, const float *v, const int R, const float **row) {
    LW_UNROLL
    for (int i = 0; i < R + 2; i++) {
        row[i] = v + i * t->row;
        LW_NEW_BASE(row[i]);
    }
}

/* Of points begin .. end-1, adds (first: begins with) the products of one channel, of R rows of T tiles side
 * by side, to m[tile][row][point]. */
LW_INLINE void line_products(const struct patch_row *t, const float *const *row, struct line_weights w,
                             const int begin, const int end, const int R, const int T, const bool first,
                             vf *m) {
    /* Row by row of inputs, a quad of each tile at a time, where that spares registers; each row of outputs
     * loads its weights. Else point by point, whose weights serve all rows and tiles. */
    const bool by_rows = LW_LINE_LANES > 1 && (w.held || T > 1);
    const int points = end - begin, inner = by_rows ? points : R + 2;
    vq quad[4 * LW_LINE_TILES];
    vf weight[3];
    LW_UNROLL
    for (int k = 0; k < (R + 2) * points; k++) {
        const int i = by_rows ? k / inner : k % inner, p = begin + (by_rows ? k % inner : k / inner);
        const int lane = p % LW_LINE_LANES;
        /* or clang keeps the weights of the row before, and has sums on the stack for them */
        if (!w.held && by_rows && k % inner == 0) LW_NEW_BASE(w.at);
        LW_UNROLL
        for (int n = 0; n < T; n++) {
            vq *q = quad + i * T + n;
            if (lane == 0) *q = vq_load(row[i] + p / LW_LINE_LANES * t->point + n * LW_LINE_LANES);
            const vf x = v_lane(*q, lane);
            LW_UNROLL
            for (int r = 0; r < R; r++) {
                const int ky = i - r;
                vf *sum = m + (n * R + r) * LINE_POINTS + p;
                if (ky < 0 || ky > 2) continue;
                if (w.held || (n == 0 && (r == 0 || by_rows)))
                    weight[ky] = line_weight(w, ky * LINE_POINTS + p);
                const vf u = weight[ky];
                *sum = first && ky == 0    ? v_mul(x, u)
                       : LW_LINE_LANES > 1 ? v_fma_lane(*sum, u, *q, lane)
                       : w.held            ? v_fma(x, u, *sum) /* maybe from the stack */
                                           : v_fma_sum(u, x, *sum);
            }
        }
    }
}

/* A tile of a single channel: as soon as a pair of points is there, it goes into the outputs, and its sums
 * leave the registers. */
LW_INLINE void line_single(const struct patch_row *t, const float *v, const struct line_weights w,
                           const int R, vf *y) {
    vf m[2 * LINE_POINTS];
    const float *row[4];
    line_inputs(t, v, R, row);
    LW_UNROLL
    for (int i = 0; i < LINE_PAIRS; i++) {
        const int end = LINE_POINTS - 2 * (LINE_PAIRS - 1 - i);
        line_products(t, row, w, i > 0 ? end - 2 : 0, end, R, 1, true, m);
        LW_UNROLL
        for (int r = 0; r < R; r++)
            wino_output_pair(LINE_SET, LINE_PAIRS, i, m + r * LINE_POINTS, y + r * LINE_OUTPUTS);
        v_in_turn(y, R * LINE_OUTPUTS);
    }
}

/* The sums of T tiles of several channels: [tile][row][point]. */
LW_INLINE void line_sums(const struct patch_row *t, const float *v, struct line_weights w, const int R,
                         const int T, vf *m) {
    const float *row[4];
    line_inputs(t, v, R, row);
    line_products(t, row, w, 0, LINE_POINTS, R, T, true, m);
    for (int64_t c = 1; c < t->ic; c++) {
        w.at += LINE_TAPS * VL;
        LW_UNROLL
        for (int i = 0; i < R + 2; i++) {
            row[i] += t->plane;
            LW_NEW_BASE(row[i]);
        }
        line_products(t, row, w, 0, LINE_POINTS, R, T, false, m);
    }
}

/* The tail and store of `count` outputs of each row of a tile, at most; with a pool, half as many. */
LW_INLINE void line_outputs(const struct patch_row *t, vf *y, float *out, int64_t count,
                            const enum patch_kind kind) {
    const int R = kind == PATCH_ROW ? 1 : 2;
    vf pooled[LINE_OUTPUTS / 2];
    const bool pool = kind >= PATCH_POOL;
    if (pool) patch_pool(y, LINE_OUTPUTS, 1, kind == PATCH_POOL_FINITE, false, pooled);
    const int rows = pool ? 1 : R, columns = pool ? LINE_OUTPUTS / 2 : LINE_OUTPUTS;
    vf *value = pool ? pooled : y;
    LW_UNROLL
    for (int o = 0; o < rows * columns; o++)
        value[o] = v_add(value[o], v_load(t->bias));
    if (t->relu) v_relu(value, rows * columns);
    LW_UNROLL
    for (int o = 0; o < rows * columns; o++)
        if (o % columns < count)
            v_store(out + o / columns * t->out_row + o % columns * t->out_column, value[o]);
}

/* T tiles side by side of a row that has `left` outputs yet. one: of a single channel. */
LW_INLINE void line_tiles(const struct patch_row *t, const float *v, const struct line_weights w, float *out,
                          int64_t left, const enum patch_kind kind, const bool one, const int T) {
    const int R = kind == PATCH_ROW ? 1 : 2, columns = LINE_OUTPUTS / (kind >= PATCH_POOL ? 2 : 1);
    vf m[2 * LW_LINE_TILES * LINE_POINTS], y[2 * LINE_OUTPUTS];
    if (!one) line_sums(t, v, w, R, T, m);
    LW_UNROLL
    for (int s = 0; s < T; s++) {
        if (one) line_single(t, v, w, R, y);
        LW_UNROLL
        for (int r = 0; r < R && !one; r++)
            wino_output_axis(LINE_SET, LINE_PAIRS, m + (s * R + r) * LINE_POINTS, y + r * LINE_OUTPUTS);
        float *to = out + s * columns * t->out_column;
        if (left >= (s + 1) * columns)
            line_outputs(t, y, to, columns, kind);
        else
            line_outputs(t, y, to, left - s * columns, kind);
    }
}

/* one: a single channel, whose weights are held. */
LW_INLINE void line_rows(const struct patch_row *p, const float *src, float *out, int64_t times,
                         const enum patch_kind kind, const bool one) {
    if (one) LW_ALIGN_FRAME;       /* for the held weights */
    const struct patch_row t = *p; /* a store might change *p for all that the compiler knows */
    const int pool = kind >= PATCH_POOL ? 2 : 1, columns = LINE_OUTPUTS / pool, T = one ? 1 : LW_LINE_TILES;
    const int64_t width = t.ow / pool;
    vf held[LINE_TAPS];
    LW_UNROLL
    for (int k = 0; one && k < LINE_TAPS; k++)
        held[k] = v_load(t.weights + k * VL);
    const struct line_weights w = {one ? held : NULL, t.weights};
    out += t.out_vector[0];
    for (; times > 0; times--, src += 2 * t.row, out += 2 / pool * t.out_row) {
        const float *v = src;
        float *to = out;
        int64_t left = width;
        for (; T > 1 && left > (T - 1) * columns; left -= T * columns, v += T * LW_LINE_LANES) {
            line_tiles(&t, v, w, to, left, kind, one, T);
            to += T * columns * t.out_column;
        }
        for (; left > 0; left -= columns, v += LW_LINE_LANES, to += columns * t.out_column)
            line_tiles(&t, v, w, to, left, kind, one, 1);
    }
}

#define LINE_FUNCTION(kind, one)                                                                             \
    static void line_##kind##_##one(const struct patch_row *p, const float *src, float *out,                 \
                                    int64_t times) {                                                         \
        line_rows(p, src, out, times, kind, one);                                                            \
    }
#define LINE_FUNCTIONS(one)                                                                                  \
    LINE_FUNCTION(PATCH_ROW, one)                                                                            \
    LINE_FUNCTION(PATCH_TWO_ROWS, one)                                                                       \
    LINE_FUNCTION(PATCH_POOL, one)                                                                           \
    LINE_FUNCTION(PATCH_POOL_FINITE, one)
#define LINE_ENTRY(one)                                                                                      \
    { line_PATCH_ROW_##one, line_PATCH_TWO_ROWS_##one, line_PATCH_POOL_##one, line_PATCH_POOL_FINITE_##one }
LINE_FUNCTIONS(0)
LINE_FUNCTIONS(1)

static const patch_fn *line_functions(const struct patch_row *p, int vectors) {
    static const patch_fn functions[2][PATCH_KINDS] = {LINE_ENTRY(0), LINE_ENTRY(1)}; /* [one channel] */
    (void)vectors;
    return functions[p->ic == 1];
}

#undef LINE_FUNCTION
#undef LINE_FUNCTIONS
#undef LINE_ENTRY

/* ---- weights ------------------------------------------------------------------------------------------- */

/* Of each oc tile: bias[width], [vector][channel][row of the kernel][point][VL]. */
static void line_pack_weights(const struct conv_geometry *g, const float *weights, const float *bias,
                              float *out) {
    for (int64_t tile = 0; tile < g->oc_tiles; tile++) {
        const int64_t o0 = conv_tile_begin(g, tile) * VL, width = conv_tile_vectors(g, tile) * VL;
        for (int64_t o = o0; o < o0 + width; o++)
            *out++ = bias && o < g->ocg ? bias[o] + 0.0f : 0.0f; /* never -0 */
        for (int64_t v = o0; v < o0 + width; v += VL)
            for (int64_t k = 0; k < g->icg * LINE_TAPS; k++) {
                const double *G = LINE_SET->g[k % LINE_POINTS];
                const float *row = weights + (v * g->icg * 3 + k / LINE_POINTS) * 3;
                for (int64_t o = v; o < v + VL; o++, out++) {
                    *out = o < g->ocg ? (float)(G[0] * row[0] + G[1] * row[1] + G[2] * row[2]) : 0.0f;
                    if (o + 1 < g->ocg) row += g->icg * 9;
                }
            }
    }
}

/* ---- a strip: rows of padded planes, cut into slots of 4 inputs, then the points of the tiles that begin
 * there ------------------------------------------------------------------------------------------------- */

/* Slots of a row: of its tiles, and one for the inputs that the last tile has beyond its own slot. */
static inline int64_t line_slots(const struct direct *x) { return lw_div_up(x->g.ow, LINE_OUTPUTS) + 1; }

/* Floats between the points of a channel, or its quads of them: whole vectors of slots, off the powers of
 * two. */
static inline int64_t line_point_floats(const struct direct *x) {
    return (lw_round_up(x->strip.in_rows * line_slots(x), VL) + VL) * LW_LINE_LANES;
}

/* What the transform of the last slots reads beyond them. */
#define LINE_BEYOND (LINE_OUTPUTS * VL + LW_BLOCK)

static void line_geometry(const lw_desc *d, struct direct *x) {
    patch_geometry(d, false, x);
    x->strip.lead = 0;
    x->strip.row_floats = LINE_OUTPUTS * line_slots(x);
    x->strip.block_floats = x->strip.in_rows * x->strip.row_floats;
    x->strip.floats = lw_round_up(x->strip.blocks * x->strip.block_floats + LINE_BEYOND, LW_BLOCK);
}

static int64_t line_floats(const struct direct *x) {
    return x->strip.floats + x->strip.blocks * LINE_GROUPS * line_point_floats(x);
}

static void line_strides(const struct direct *x, struct patch_row *p) {
    p->row = line_slots(x) * LW_LINE_LANES;
    p->point = line_point_floats(x);
    p->plane = LINE_GROUPS * p->point;
}

/* The points of VL tiles: [point][tile], or in groups side by side, [group][tile][4], where the first points
 * fill the room that the last group has. */
LW_INLINE void line_store(const vf *point, float *v, ptrdiff_t group_floats) {
    LW_UNROLL
    for (int g = 0; g < LINE_GROUPS; g++, v += group_floats) {
        vf r[VL];
        LW_UNROLL
        for (int l = 0; l < LW_LINE_LANES; l++)
            r[l] = point[(g * LW_LINE_LANES + l) % LINE_POINTS];
        if (LW_LINE_LANES > 1) v_transpose(r);
        LW_UNROLL
        for (int l = 0; l < LW_LINE_LANES; l++)
            v_store(v + l * VL, r[l]);
    }
}

/* One channel's points, VL tiles at a time. */
static void line_transform(const float *src, int64_t slots, float *v, ptrdiff_t point_floats) {
    for (int64_t s = 0; s < slots; s += VL, src += LINE_OUTPUTS * VL, v += VL * LW_LINE_LANES) {
        vf d[LINE_POINTS + 2], even[2], odd[2], point[LINE_POINTS];
        LW_UNROLL
        for (int k = 0; k < LINE_POINTS + 2; k += LINE_OUTPUTS) {
            v_deinterleave(src + k, &even[0], &odd[0]);
            v_deinterleave(src + k + 2 * VL, &even[1], &odd[1]);
            v_unzip(even[0], even[1], &d[k], &d[k + 2]);
            v_unzip(odd[0], odd[1], &d[k + 1], &d[k + 3]);
        }
        wino_input_axis(LINE_SET, LINE_PAIRS, d, point);
        line_store(point, v, point_floats);
    }
}

static const float *line_find(const struct direct *x, const struct lw_call *call, int64_t n, int64_t y0,
                              bool fresh, float *room) {
    float *v = room + x->strip.floats;
    if (!fresh) return v;
    struct patch_row p;
    line_strides(x, &p);
    zero_floats(room, x->strip.floats);
    direct_find_strip(x, call, n, 0, y0, fresh, room);
    for (int64_t c = 0; c < x->strip.blocks; c++)
        line_transform(room + c * x->strip.block_floats, x->strip.in_rows * line_slots(x), v + c * p.plane,
                       p.point);
    return v;
}

/* growth: products of magnitudes within the transforms are below 64 times the plain ones'. */
static const struct patch_algorithm line_algorithm = {.taps = LINE_TAPS,
                                                      .vectors = 1,
                                                      .apart = true,
                                                      .growth = 64,
                                                      .functions = line_functions,
                                                      .pack = line_pack_weights,
                                                      .geometry = line_geometry,
                                                      .floats = line_floats,
                                                      .strides = line_strides,
                                                      .find = line_find};
PATCH_ROW_FUNCTIONS(line)

/* ---- what the row says of itself ----------------------------------------------------------------------- */

/* winograd_error.h along the rows; down the columns the products of 3 rows of all channels are one chain. */
static double line_bound(const lw_desc *d) {
    const double between = (1 + 0x1p-26) + 3.0 * (double)d->ic + 1;
    struct wino_terms point[WINO_MAX_POINTS], product[WINO_MAX_POINTS];
    double worst = 0;
    wino_input_terms(LINE_SET, LINE_PAIRS, point);
    for (int tap = 0; tap < 3; tap++) {
        for (int i = 0; i < LINE_POINTS; i++)
            product[i] = wino_times(LINE_SET->g[i][tap], point[i], 0);
        for (int k = 0; k < LINE_OUTPUTS; k++) {
            const struct wino_terms y = wino_output_terms(LINE_SET, LINE_PAIRS, k, product);
            const double c = y.size * between + y.rounded;
            worst = fmax(worst, c / (1 - (between + y.longest) * 0x1p-24));
        }
    }
    return worst;
}

/* Measured on normal data, 1 to 4 channels. */
static double line_rel_l2(const lw_desc *d) { return 0x1p-24 * sqrt(12 + 5.0 * (double)d->ic); }

static void line_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    struct direct x;
    line_geometry(d, &x);
    const double tiles = patch_work(&x, &line_algorithm, caches, w) / LINE_OUTPUTS, ic = (double)d->ic;
    const bool held = LW_PATCH_VECTORS > 1 && d->ic == 1; /* by as many registers as a patch of two needs */
    /* Loads of a row of a tile; by rows there are more, yet fewer than multiply-adds. */
    const double loads = (held ? 0 : LINE_TAPS / 2.0 / LW_LINE_TILES) + 2 * LINE_GROUPS;
    const double slots = (double)(d->batch * x.g.strips * x.strip.in_rows * line_slots(&x));
    w->unit[LW_WORK_line] += tiles * ic * fmax(LINE_TAPS * LW_FMA_ROUNDINGS, loads) / 2;
    w->unit[LW_WORK_wino_out] += tiles * (7 + 4 * LW_FMA_ROUNDINGS) / 2;
    w->unit[LW_WORK_wino_in] += slots * ic / VL * (14 + 14 * LW_FMA_ROUNDINGS);
}

#define LINE_TILE LW_TILE(2, 1)

#define LW_ROWS_conv_winograd_line                                                                           \
    LW_TILED_ROW(conv_winograd_f1x4, LINE_TILE, .algorithm = "winograd", .op = LW_CONV,                      \
                 .src_layouts = LW_LAYOUT_BIT(LW_NCHW), .dst_layouts = LW_ANY_LAYOUT,                        \
                 .supports = patch_supports, .packed_bytes = line_packed_bytes, .pack = line_pack,           \
                 .workspace_bytes = line_workspace, .tasks = line_tasks, .run = line_run, .spread = 3,       \
                 .bound = line_bound, .rel_l2 = line_rel_l2, .work = line_work)

#endif
