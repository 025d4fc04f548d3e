/* Winograd convolution, 3x3 of stride 1: any padding, size, batch and layout, one group, with the fused tail.
 *
 * A block of tile rows goes through three steps, with V and M in this thread's workspace (winograd_schedule.h
 * tells which units there are):
 *
 *   V[channel block][unit][16]  input transform
 *   M[unit][oc tile]            for each point a small matrix product over the input channels
 *   rows of outputs             output transform; then pool, ReLU and layout as for every row (epilogue.h) */
#ifndef LW_CONV_WINOGRAD_H
#define LW_CONV_WINOGRAD_H

#include "conv_loop.h"
#include "winograd_error.h"
#include "winograd_gemm.h"
#include "winograd_schedule.h"
#include "winograd_source.h"

struct wino_variant {
    const struct wino_set *set;
    const struct wino_functions *functions;
};

/* ---- weights: the schedule, bias[all oc tiles], then [oc tile][point][input channel][width] -------------
 */

static inline int64_t wino_bias_floats(const struct wino *w) { return w->oc_tiles * WINO_TASK_WIDTH; }
static inline int64_t wino_tile_weights(const struct wino *w, int vectors) {
    return w->points * w->points * w->g.icg * vectors * VL;
}

static size_t wino_packed(const lw_desc *d, const struct wino_variant *variant) {
    struct wino_head h;
    wino_make_head(d, variant->set, &h);
    const int64_t last = h.w.oc_tiles - 1;
    return h.bytes + (size_t)(wino_bias_floats(&h.w) + last * wino_tile_weights(&h.w, WINO_TASK_VECTORS) +
                              wino_tile_weights(&h.w, wino_vectors(&h.w, last))) *
                         sizeof(float);
}

/* G g G^T of one filter in double, rounded once: a point every `step` floats. */
static void wino_transform_filter(const struct wino_set *set, const float *filter, int points, float *u,
                                  int64_t step) {
    for (int i = 0; i < points; i++) {
        double row[3];
        for (int k = 0; k < 3; k++)
            row[k] = set->g[i][0] * filter[k] + set->g[i][1] * filter[3 + k] + set->g[i][2] * filter[6 + k];
        for (int j = 0; j < points; j++, u += step)
            *u = (float)(set->g[j][0] * row[0] + set->g[j][1] * row[1] + set->g[j][2] * row[2]);
    }
}

/* One oc tile; lanes beyond the last channel are zero. A channel's points gather in a small array first,
 * since in the packed weights they lie far apart. */
static void wino_pack_tile(const struct wino *w, const struct wino_set *set, int64_t tile,
                           const float *weights, float *out) {
    const int square = w->points * w->points;
    const int64_t width = wino_vectors(w, tile) * VL, o0 = tile * WINO_TASK_WIDTH, ic = w->g.icg;
    float u[WINO_MAX_POINTS * WINO_MAX_POINTS * WINO_TASK_WIDTH] = {0};
    for (int64_t c = 0; c < ic; c++, out += width) {
        for (int64_t o = 0; o < lw_min(width, w->g.ocg - o0); o++)
            wino_transform_filter(set, weights + ((o0 + o) * ic + c) * 9, w->points, u + o, width);
        for (int p = 0; p < square; p++)
            memcpy(out + p * ic * width, u + p * width, (size_t)width * sizeof *u);
    }
}

static void wino_pack(const lw_desc *d, const struct wino_variant *variant, const float *weights,
                      const float *bias, void *packed) {
    struct wino_head h;
    wino_make_head(d, variant->set, &h);
    wino_write_head(&h, packed);
    float *out = (float *)((char *)packed + h.bytes);
    for (int64_t o = 0; o < wino_bias_floats(&h.w); o++)
        *out++ = bias && o < d->oc ? bias[o] + 0.0f : 0.0f; /* never -0 */
    for (int64_t tile = 0; tile < h.w.oc_tiles; tile++)
        wino_pack_tile(&h.w, variant->set, tile, weights,
                       out + tile * wino_tile_weights(&h.w, WINO_TASK_VECTORS));
}

/* ---- workspace ------------------------------------------------------------------------------------------
 */

struct wino_scratch {
    int64_t *held; /* the number of the block whose V is there; 0: none yet */
    float *v, *m, *rows, *temp_in, *temp_out, *carry, *gathered, *zeros;
};

/* Floats between the passes of the output transform: from one row of points to the next (off the powers of
 * two), and of a tile row. */
static inline int64_t wino_temp_step(const struct wino *w) { return (wino_covered(&w->x) + 1) * WINO_WIDTH; }
static inline int64_t wino_temp_row(const struct wino *w) { return w->points * wino_temp_step(w); }

static size_t wino_carve(const struct wino *w, char *base, struct wino_scratch *s) {
    const size_t floats[] = {(size_t)(w->points * w->points * w->slots * w->g.blocks * LW_BLOCK),
                             (size_t)(w->points * w->slots * WINO_WIDTH),
                             (size_t)(w->y.outputs * w->g.ow * WINO_WIDTH),
                             WINO_MAX_POINTS * WINO_TEMP_STEP * LW_BLOCK,
                             (size_t)(w->block_rows * w->images * wino_temp_row(w)),
                             (size_t)(wino_carries(w) ? w->g.ow / 2 * WINO_WIDTH : 0),
                             wino_gathered(w->g.d, w->y.outputs + 2),
                             wino_zeros(w->g.d)};
    float **const parts[] = {&s->v,        &s->m,     &s->rows,     &s->temp_in,
                             &s->temp_out, &s->carry, &s->gathered, &s->zeros};
    size_t bytes = LW_HELD;
    s->held = (int64_t *)base;
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        *parts[i] = base ? (float *)(base + bytes) : NULL;
        bytes += conv_align(floats[i] * sizeof(float));
    }
    return bytes;
}

static size_t wino_workspace(const lw_desc *d, const struct wino_variant *variant) {
    struct wino_scratch s;
    const struct wino w = wino_geometry(d, variant->set);
    return wino_carve(&w, NULL, &s);
}

/* ---- one block of tile rows -----------------------------------------------------------------------------
 */

struct wino_block {
    const struct wino *w;
    const struct wino_scratch *s;
    const struct wino_functions *functions;
    const struct wino_schedule *schedule;
    const struct wino_product *product;
    int64_t begin; /* tile row */
    int64_t rows;
};

/* Row r of the block: block by block of channels, so that the source's rows stay in the near caches. */
static void wino_input_row(const struct wino_block *b, const float *image, int64_t r) {
    const struct wino *w = b->w;
    const lw_desc *d = w->g.d;
    const struct wino_functions *f = b->functions;
    const int64_t ty = b->begin + r / b->schedule->images, y0 = ty * w->y.outputs - d->pad_top;
    const int my = wino_outputs_at(&w->y, ty);
    const ptrdiff_t row = w->points * w->slots * LW_BLOCK;
    float *channels = b->s->v;
    for (int64_t c = 0; c < d->ic; c += LW_BLOCK, channels += w->points * row) {
        struct wino_source source;
        float *v[WINO_MAX_POINTS];
        wino_open_rows(d, image, c, y0, my + 2, b->s->gathered, b->s->zeros, &source);
        for (int j = 0; j < w->points; j++)
            v[j] = channels + (j * w->slots + r * w->column_tiles[j]) * LW_BLOCK;
        for (int64_t tx = 0; tx < w->x.tiles; tx++) {
            const int mx = wino_outputs_at(&w->x, tx);
            const struct wino_patch p = wino_patch_at(d, &source, tx * w->x.outputs - d->pad_left, mx + 2);
            f[wino_index(my)].input_columns(&p, b->s->temp_in);
            f[wino_index(mx)].input_rows(b->s->temp_in, my + 2, p.groups, v, row);
            for (int j = 0; j < w->points; j++)
                v[j] += LW_BLOCK;
        }
    }
}

/* What one call of the products takes: one oc tile or two. */
struct wino_part {
    int64_t tile;
    int tiles, vectors;
};

/* Channels of a pass over a point's tiles: a multiple of 16, or all. */
static int64_t wino_pass_channels(const struct wino *w, int vectors) {
    const int64_t all = w->g.icg;
    if (!w->heavy) return all;
    const int64_t passes = lw_div_up(all * vectors * VL, WINO_CHUNK);
    return lw_round_up(lw_div_up(all, passes), LW_BLOCK);
}

/* The products of row i of the points: those of one point follow each other. */
static void wino_products(const struct wino_block *b, int i, const float *weights,
                          const struct wino_part *part) {
    const struct wino *w = b->w;
    const ptrdiff_t row = w->points * w->slots * LW_BLOCK;
    struct wino_operands o = {.v = b->s->v + i * row,
                              .block = w->points * row,
                              .slots = w->slots,
                              .next = wino_tile_weights(w, WINO_TASK_VECTORS),
                              .point = w->g.icg * lw_min(WINO_TASK_VECTORS, part->vectors) * VL,
                              .m = b->s->m,
                              .ahead = w->heavy ? WINO_AHEAD / part->tiles : 0};
    o.u = weights + part->tile * o.next + i * w->points * o.point;
    const int64_t most = wino_pass_channels(w, part->vectors);
    const struct wino_product *p = b->product + b->schedule->products[i],
                              *end = b->product + b->schedule->products[i + 1];
    while (p < end) {
        const struct wino_product *next = p + 1;
        while (next < end && next->slot > 0)
            next++;
        const int64_t pass = p->all_runs > 1 ? most : w->g.icg;
        for (o.first = 0; o.first < w->g.icg; o.first += pass) {
            o.channels = lw_min(pass, w->g.icg - o.first);
            for (const struct wino_product *q = p; q < next; q++)
                wino_gemm_tiles[part->vectors / 2][q->tiles - 1](q, &o);
        }
        p = next;
    }
}

/* Row i of the points of one part: its products, and while they are in the cache the first pass of the output
 * transform. */
static void wino_point_row(const struct wino_block *b, int i, const float *weights,
                           const struct wino_part *part) {
    const struct wino *w = b->w;
    const int vectors = part->vectors;
    const struct wino_schedule *s = b->schedule;
    const int64_t tile_rows = b->rows / s->images,
                  users = wino_users(&w->y, b->begin, b->begin + tile_rows, i);
    wino_products(b, i, weights, part);
    const struct wino_point_row row = {.m = b->s->m,
                                       .slots = w->slots,
                                       .tiles = w->column_tiles,
                                       .rows = users * s->images,
                                       .vectors = vectors,
                                       .temp = b->s->temp_out + i * wino_temp_step(w),
                                       .temp_row = wino_temp_row(w)};
    b->functions[wino_index(w->x.outputs)].output_rows(&row, 0, w->x.full);
    if (w->x.rest) b->functions[wino_index(w->x.rest)].output_rows(&row, w->x.full, w->x.tiles);
}

/* Where the vectors of a tile row go: straight into the destination where its layout allows, else into rows
 * that the epilogue stores. */
static struct wino_target wino_target(const struct wino_block *b, int64_t y0, int vectors,
                                      const struct out_row *o) {
    const lw_desc *d = b->w->g.d;
    const bool direct = conv_stores_whole(&b->w->g, o->c, o->count), blocked = d->dst_layout == LW_BLOCKED;
    struct wino_target t = {.relu = d->relu, .vectors = vectors, .carry = b->s->carry};
    t.column = !direct ? vectors * VL : blocked ? LW_BLOCK : d->oc;
    t.row = o->width * t.column;
    t.out = direct ? o->dst + y0 * t.row + (blocked ? 0 : o->c) : b->s->rows;
    for (int g = 0; g < vectors; g++) {
        const int64_t c = o->c + g * VL;
        t.vector[g] = direct && blocked ? conv_block_offset(c, o->height * t.row) : g * VL;
    }
    return t;
}

/* Row r of the block for one part: second pass of the output transform, and tail. */
static void wino_output_row(const struct wino_block *b, int64_t r, const float *bias,
                            const struct wino_part *part, struct out_row *o) {
    const struct wino *w = b->w;
    const int64_t ty = b->begin + r / b->schedule->images;
    const int pool = w->g.d->pool2x2 ? 2 : 1, my = wino_outputs_at(&w->y, ty);
    const int64_t above = ty * w->y.outputs, y0 = above / pool;
    const int tail = pool == 1 ? WINO_PLAIN : above % 2 ? WINO_POOLED_ODD : WINO_POOLED;
    struct wino_target t = wino_target(b, y0, part->vectors, o);
    t.rows = (int)lw_min((above + my) / pool, o->height) - (int)y0;
    t.columns = (int)o->width;
    b->functions[wino_index(my)].output_columns[tail](
        b->s->temp_out + r * wino_temp_row(w), wino_temp_step(w), bias + part->tile * WINO_TASK_WIDTH, &t);
    if (conv_stores_whole(&w->g, o->c, o->count)) return;
    for (int64_t i = 0; i < t.rows; i++) {
        o->y = y0 + i;
        store_row(o, b->s->rows + i * t.row, t.column);
    }
}

/* Makes V of a block, unless this thread has it from its last task. */
static void wino_find_block(struct wino_block *b, const struct wino_head *h, const struct lw_call *call,
                            int64_t group, int64_t block) {
    const struct wino *w = b->w;
    const lw_desc *d = call->desc;
    const struct wino_schedule *s = &h->kind[wino_is_last(w, group, block)];
    const int64_t number = group * w->blocks + block + 1;
    const int64_t image = lw_layout_channels(d->src_layout, d->ic) * d->ih * d->iw;
    b->schedule = s;
    b->product = (const struct wino_product *)((const char *)h + s->product_at);
    b->begin = block * w->block_rows;
    b->rows = (s->end - s->begin) * s->images;
    if (*b->s->held == number) return;
    *b->s->held = number;
    for (int64_t r = 0; r < b->rows; r++)
        wino_input_row(b, call->src + (group * w->images + r % s->images) * image, r);
}

/* The next part of `tasks` oc tiles from `tile` on: two where a call can take them together. */
static struct wino_part wino_take(const struct wino *w, int64_t tile, int64_t tasks) {
    const bool two = LW_WINO_VECTORS > WINO_TASK_VECTORS && tasks > 1 && tile + 1 < w->oc_tiles &&
                     wino_vectors(w, tile + 1) == WINO_TASK_VECTORS;
    return two ? (struct wino_part){tile, 2, LW_WINO_VECTORS}
               : (struct wino_part){tile, 1, wino_vectors(w, tile)};
}

/* A part of a block: rows of points, then rows of outputs. */
static void wino_run_part(const struct wino_block *b, const struct wino_part *part, const float *bias,
                          float *dst, struct out_row *o) {
    const struct wino *w = b->w;
    const lw_desc *d = w->g.d;
    const int64_t image = lw_layout_channels(d->dst_layout, d->oc) * o->height * o->width;
    for (int i = 0; i < w->points; i++)
        wino_point_row(b, i, bias + wino_bias_floats(w), part);
    o->c = part->tile * WINO_TASK_WIDTH;
    o->count = lw_min(part->vectors * VL, d->oc - o->c);
    for (int64_t n = 0; n < b->schedule->images; n++) {
        o->dst = dst + n * image;
        for (int64_t r = n; r < b->rows; r += b->schedule->images)
            wino_output_row(b, r, bias, part, o);
    }
}

static void wino_run(const struct lw_call *call, const struct wino_variant *variant, int64_t begin,
                     int64_t end, void *workspace) {
    const lw_desc *d = call->desc;
    const struct wino_head *h = call->packed;
    struct wino w = h->w;
    w.g.d = d;
    struct wino_scratch s;
    wino_carve(&w, workspace, &s);
    memset(s.zeros, 0, wino_zeros(d) * sizeof *s.zeros);
    const int64_t pool = d->pool2x2 ? 2 : 1, oc = lw_layout_channels(d->dst_layout, d->oc);
    struct out_row o = {.layout = d->dst_layout, .channels = d->oc};
    o.height = w.g.oh / pool, o.width = w.g.ow / pool;
    struct wino_block b = {.w = &w, .s = &s, .functions = variant->functions};
    struct wino_part part;
    for (int64_t task = begin; task < end; task += part.tiles) {
        const int64_t tile = task % w.oc_tiles, block = task / w.oc_tiles % w.blocks;
        const int64_t group = task / w.oc_tiles / w.blocks;
        part = wino_take(&w, tile, end - task);
        wino_find_block(&b, h, call, group, block);
        wino_run_part(&b, &part, (const float *)((const char *)h + h->bytes),
                      call->dst + group * w.images * oc * o.height * o.width, &o);
    }
}

/* ---- what a row says of itself ---------------------------------------------------------------------------
 */

static bool wino_supports(const lw_desc *d, const char **reason) {
    if (!conv_is_3x3s1(d, reason)) return false;
    if (lw_max(lw_max(d->pad_top, d->pad_bottom), lw_max(d->pad_left, d->pad_right)) > 2)
        *reason = "takes padding of at most 2";
    else if (lw_out_w(d) > WINO_MAX_WIDTH)
        *reason = "takes outputs at most " LW_STRING(WINO_MAX_WIDTH) " wide";
    else
        return true;
    return false;
}

/* The products of all points: those that only large tiles have, and those that the smaller last tile of an
 * axis shares. */
static void wino_product_work(const struct wino *w, double vectors, struct lw_work *work) {
    const struct wino_axis *const axis[] = {&w->y, &w->x};
    double points[2][2]; /* of an axis; [1]: of large tiles alone */
    for (int a = 0; a < 2; a++) {
        points[a][0] = axis[a]->rest ? axis[a]->rest + 2 : w->points;
        points[a][1] = w->points - points[a][0];
    }
    const double blocks = (double)(w->blocks * w->groups), images = (double)w->g.d->batch;
    const double ic = (double)w->g.icg, wide = fmin(vectors, LW_WINO_VECTORS);
    for (int i = 0; i < 4; i++) {
        const double tiles =
            images * (double)(i / 2 ? w->y.full : w->y.tiles) * (double)(i % 2 ? w->x.full : w->x.tiles);
        const double calls = blocks * ceil(tiles / blocks / LW_WINO_TILES);
        const double count = points[0][i / 2] * points[1][i % 2] * vectors / wide;
        if (tiles == 0) continue;
        work->unit[LW_WORK_gemm] += count * calls * ic * work_step(tiles / calls, wide, ic);
        work->unit[LW_WORK_product] += count * calls;
    }
}

/* A pair of points takes two sums of as many terms as there are pairs, and two multiply-adds; each vector is
 * read and written once more in a pass. */
static void wino_work(const lw_desc *d, const struct wino_variant *variant, const struct lw_caches *caches,
                      struct lw_work *work) {
    const struct wino w = wino_geometry(d, variant->set);
    const double units = (double)(wino_axis_units(&w.y, 0, w.y.tiles, w.points) *
                                  wino_axis_units(&w.x, 0, w.x.tiles, w.points) * d->batch);
    const double pairs = variant->set->pairs, kept = (double)w.y.outputs / w.points;
    const double weights = 4.0 * (double)(w.points * w.points * d->ic) * (double)lw_round_up(d->oc, VL);
    const double v_block = 4.0 * (double)(w.points * w.points * w.slots * w.g.blocks * LW_BLOCK);
    const double out = (2 * pairs + w.y.outputs * pairs) / w.points * LW_FMA_ROUNDINGS;
    const double rows = (double)(d->batch * (w.g.oh + 2 * w.y.tiles)); /* of pixels that tiles read */
    double vectors = 0;
    for (int64_t t = 0; t < w.oc_tiles; t++)
        vectors += wino_vectors(&w, t);
    const double parts = ceil(vectors / LW_WINO_VECTORS), passes = (double)(w.blocks * w.groups);
    work->unit[LW_WORK_call] += 1;
    work->unit[LW_WORK_task] += passes * (double)w.oc_tiles;
    work->unit[LW_WORK_wino_in] +=
        units * (double)lw_div_up(d->ic, VL) * ((pairs + 1) * LW_FMA_ROUNDINGS + 2);
    work->unit[LW_WORK_wino_out] += units * vectors * ((1 + kept) * out / 2 + 2);
    wino_product_work(&w, vectors, work);
    if (d->src_layout == LW_NCHW) {
        work->unit[LW_WORK_row] += rows * (double)w.g.blocks;
        work->unit[LW_WORK_transpose] += rows * (double)(lw_round_up(d->iw, VL) * lw_div_up(d->ic, VL));
    }
    if (d->src_layout == LW_NHWC && d->ic % VL != 0) /* the last channels are gathered pixel by pixel */
        work->unit[LW_WORK_copy] += rows * (double)(d->iw * LW_BLOCK_VECTORS);
    work->unit[LW_WORK_wino_tile] += (double)(d->batch * w.y.tiles * w.x.tiles * w.g.blocks);
    work_epilogue(d, (double)(d->batch * w.g.oh), (double)w.g.ow, d->oc, vectors, work);
    lw_work_stream(work, caches, v_block * passes * parts, v_block);
    lw_work_stream(work, caches, weights * (passes - 1), weights + v_block);
    work_tensors(d, caches, weights, work);
}

#define WINO_ROW_FUNCTIONS(f)                                                                                \
    static const struct wino_variant f##_variant = {&wino_##f, wino_##f##_functions};                        \
    static size_t f##_packed(const lw_desc *d) { return wino_packed(d, &f##_variant); }                      \
    static void f##_pack(const lw_desc *d, const float *weights, const float *bias, void *out) {             \
        wino_pack(d, &f##_variant, weights, bias, out);                                                      \
    }                                                                                                        \
    static size_t f##_workspace(const lw_desc *d) { return wino_workspace(d, &f##_variant); }                \
    static int64_t f##_tasks(const lw_desc *d) { return wino_geometry(d, &wino_##f).tasks; }                 \
    static void f##_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {           \
        wino_run(call, &f##_variant, begin, end, workspace);                                                 \
    }                                                                                                        \
    static double f##_bound(const lw_desc *d) { return wino_bound(&wino_##f, d->ic); }                       \
    static double f##_rel_l2(const lw_desc *d) { return wino_rel_l2(&wino_##f, d->ic); }                     \
    static void f##_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *work) {           \
        wino_work(d, &f##_variant, caches, work);                                                            \
    }

WINO_ROW_FUNCTIONS(f2)
WINO_ROW_FUNCTIONS(f4)
WINO_ROW_FUNCTIONS(f6)
WINO_ROW_FUNCTIONS(f7)
#undef WINO_ROW_FUNCTIONS

#define WINO_TILE LW_TILE(LW_WINO_TILES, LW_WINO_VECTORS)

#define WINO_ROW(f, m)                                                                                       \
    LW_TILED_ROW(conv_winograd_f##m##x##m, WINO_TILE, .algorithm = "winograd", .op = LW_CONV,                \
                 .src_layouts = LW_ANY_LAYOUT, .dst_layouts = LW_ANY_LAYOUT, .supports = wino_supports,      \
                 .packed_bytes = f##_packed, .pack = f##_pack, .workspace_bytes = f##_workspace,             \
                 .tasks = f##_tasks, .run = f##_run, .spread = m - 1, .exact_on_integers = m == 2,           \
                 .bound = f##_bound, .rel_l2 = f##_rel_l2, .work = f##_work)

#define LW_ROWS_conv_winograd WINO_ROW(f2, 2) WINO_ROW(f4, 4) WINO_ROW(f6, 6) WINO_ROW(f7, 7)

#endif
