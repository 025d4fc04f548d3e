/* Winograd convolution, 3x3 of stride 1: any padding, size, batch and layout, one group, with the fused tail.
 *
 * An axis of n outputs is covered by tiles of the set's largest size and at most one smaller one (14 =
 * 6+6+2), all over one weight set (winograd_matrices.h): the smaller tile's points are a prefix of the
 * larger's. A block of tile rows goes through three steps, with V and M in this thread's workspace:
 *
 *   V[channel block][unit][16]  input transform; a unit is one (point, tile) of those that the tile sizes use
 *   M[unit][oc tile]            for each point a small matrix product over the input channels
 *   rows of outputs             output transform; then pool, ReLU and layout as for every row (epilogue.h) */
#ifndef LW_CONV_WINOGRAD_H
#define LW_CONV_WINOGRAD_H

#include "conv_loop.h"
#include "pack.h"
#include "winograd_error.h"
#include "winograd_gemm.h"
#include "winograd_transform.h"

/* Tiles that share one pass over the weights, and the floats of V that a block may take. */
#define WINO_BLOCK_TILES  24
#define WINO_BLOCK_FLOATS (384 * 1024)

#define WINO_TEMP_STEP (WINO_MAX_POINTS + 1) /* vectors: off the powers of two */
#define WINO_PATCH     (WINO_MAX_POINTS * WINO_MAX_POINTS * LW_BLOCK)

struct wino_axis {
    int pairs;     /* of the large tiles */
    int rest;      /* pairs of the last, smaller tile; 0: none */
    int64_t full;  /* large tiles */
    int64_t tiles; /* all */
};

struct wino_variant {
    const struct wino_set *set;
    const struct wino_functions *functions;
};

struct wino {
    struct conv_geometry g;
    const struct wino_variant *variant;
    struct wino_axis y, x;
    int points;            /* along one axis, of the largest tile */
    int64_t block_rows;    /* tile rows in a block */
    int64_t blocks, tasks; /* blocks of tile rows in an image */
    int64_t units;         /* the most that a block has */
};

static inline int wino_pairs_at(const struct wino_axis *a, int64_t tile) {
    return tile < a->full ? a->pairs : a->rest;
}

static struct wino_axis wino_cover(int64_t outputs, int pairs) {
    struct wino_axis a = {.pairs = pairs, .full = outputs / (2 * pairs)};
    a.rest = (int)((outputs % (2 * pairs) + 1) / 2);
    if (a.rest == pairs) a.full++, a.rest = 0;
    a.tiles = a.full + (a.rest > 0);
    return a;
}

/* Tiles begin .. end-1 that use point i. */
static inline int64_t wino_users(const struct wino_axis *a, int64_t begin, int64_t end, int i) {
    const int64_t users = i < 2 * a->rest + 2 && a->rest ? a->tiles : a->full;
    return lw_max(0, lw_min(end, users) - begin);
}

static int64_t wino_axis_units(const struct wino_axis *a, int64_t begin, int64_t end, int points) {
    int64_t units = 0;
    for (int i = 0; i < points; i++)
        units += wino_users(a, begin, end, i);
    return units;
}

static struct wino wino_geometry(const lw_desc *d, const struct wino_variant *variant) {
    struct wino w = {.g = conv_geometry(d, LW_BLOCK), .variant = variant};
    const int pairs = variant->set->pairs;
    w.points = 2 * pairs + 2;
    w.y = wino_cover(w.g.oh, pairs);
    w.x = wino_cover(w.g.ow, pairs);
    const int64_t row_units = w.points * wino_axis_units(&w.x, 0, w.x.tiles, w.points);
    const int64_t row_floats = row_units * w.g.blocks * LW_BLOCK;
    w.block_rows = lw_min(lw_div_up(WINO_BLOCK_TILES, w.x.tiles), lw_max(1, WINO_BLOCK_FLOATS / row_floats));
    w.block_rows = lw_min(w.block_rows, w.y.tiles);
    w.blocks = lw_div_up(w.y.tiles, w.block_rows);
    w.units = w.block_rows * row_units;
    w.tasks = d->batch * w.blocks * w.g.oc_tiles;
    return w;
}

/* ---- weights: [oc tile] of { bias[width], [point][input channel][width] } ------------------------------ */

static inline int64_t wino_tile_weights(const struct wino *w, int vectors) {
    return (1 + w->points * w->points * w->g.icg) * vectors * VL;
}

static size_t wino_packed(const lw_desc *d, const struct wino_variant *variant) {
    const struct wino w = wino_geometry(d, variant);
    const int64_t last = w.g.oc_tiles - 1;
    return (size_t)(last * wino_tile_weights(&w, LW_DIRECT_VECTORS) +
                    wino_tile_weights(&w, conv_tile_vectors(&w.g, last))) *
           sizeof(float);
}

/* G g G^T of one filter in double, rounded once. */
static void wino_transform_filter(const struct wino_set *set, const float *filter, int points,
                                  float u[WINO_MAX_POINTS * WINO_MAX_POINTS]) {
    for (int i = 0; i < points; i++) {
        double row[3];
        for (int k = 0; k < 3; k++)
            row[k] = set->g[i][0] * filter[k] + set->g[i][1] * filter[3 + k] + set->g[i][2] * filter[6 + k];
        for (int j = 0; j < points; j++)
            u[i * points + j] =
                (float)(set->g[j][0] * row[0] + set->g[j][1] * row[1] + set->g[j][2] * row[2]);
    }
}

static void wino_pack(const lw_desc *d, const struct wino_variant *variant, const float *weights,
                      const float *bias, float *out) {
    const struct wino w = wino_geometry(d, variant);
    const int square = w.points * w.points;
    for (int64_t tile = 0; tile < w.g.oc_tiles; tile++) {
        const int64_t o0 = tile * CONV_TILE_CHANNELS, channels = lw_min(CONV_TILE_CHANNELS, d->oc - o0);
        const int64_t width = conv_tile_vectors(&w.g, tile) * VL;
        memset(out, 0, (size_t)wino_tile_weights(&w, (int)(width / VL)) * sizeof *out);
        for (int64_t o = 0; o < channels; o++) {
            out[o] = bias ? bias[o0 + o] : 0.0f;
            for (int64_t c = 0; c < d->ic; c++) {
                float u[WINO_MAX_POINTS * WINO_MAX_POINTS];
                wino_transform_filter(variant->set, weights + ((o0 + o) * d->ic + c) * 9, w.points, u);
                for (int p = 0; p < square; p++)
                    out[width * (1 + p * d->ic + c) + o] = u[p];
            }
        }
        out += wino_tile_weights(&w, (int)(width / VL));
    }
}

/* ---- workspace -------------------------------------------------------------------------------------------
 */

struct wino_scratch {
    float *v, *m, *rows, *temp, *patch, *zeros;
    int32_t (
        *unit)[WINO_MAX_POINTS][WINO_MAX_POINTS]; /* [tile of the block]: the unit of each of its points */
};

static size_t wino_carve(const struct wino *w, char *base, struct wino_scratch *s) {
    const size_t floats[] = {(size_t)(w->units * w->g.blocks * LW_BLOCK),
                             (size_t)(w->units * CONV_TILE_CHANNELS),
                             (size_t)(2 * w->variant->set->pairs * w->g.ow * CONV_TILE_CHANNELS),
                             WINO_MAX_POINTS * WINO_TEMP_STEP * VL,
                             WINO_PATCH,
                             VL};
    float **const parts[] = {&s->v, &s->m, &s->rows, &s->temp, &s->patch, &s->zeros};
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        *parts[i] = base ? (float *)(base + bytes) : NULL;
        bytes += conv_align(floats[i] * sizeof(float));
    }
    s->unit = base ? (int32_t(*)[WINO_MAX_POINTS][WINO_MAX_POINTS])(base + bytes) : NULL;
    return bytes + conv_align((size_t)(w->block_rows * w->x.tiles) * sizeof *s->unit);
}

static size_t wino_workspace(const lw_desc *d, const struct wino_variant *variant) {
    struct wino_scratch s;
    const struct wino w = wino_geometry(d, variant);
    return wino_carve(&w, NULL, &s);
}

/* ---- one block of tile rows ------------------------------------------------------------------------------
 */

struct wino_block {
    const struct wino *w;
    const struct wino_scratch *s;
    int64_t begin, end; /* tile rows */
    int32_t first_unit[WINO_MAX_POINTS][WINO_MAX_POINTS];
    int64_t units;
};

static void wino_number_units(struct wino_block *b) {
    const struct wino *w = b->w;
    b->units = 0;
    for (int i = 0; i < w->points; i++)
        for (int j = 0; j < w->points; j++) {
            b->first_unit[i][j] = (int32_t)b->units;
            b->units += wino_users(&w->y, b->begin, b->end, i) * wino_users(&w->x, 0, w->x.tiles, j);
        }
}

/* The unit of each point of tile (ty, tx). */
static void wino_tile_units(const struct wino_block *b, int64_t ty, int64_t tx,
                            int32_t unit[WINO_MAX_POINTS][WINO_MAX_POINTS]) {
    const struct wino *w = b->w;
    const int ny = 2 * wino_pairs_at(&w->y, ty) + 2, nx = 2 * wino_pairs_at(&w->x, tx) + 2;
    for (int j = 0; j < nx; j++) {
        const int64_t at = (ty - b->begin) * wino_users(&w->x, 0, w->x.tiles, j) + tx;
        for (int i = 0; i < ny; i++)
            unit[i][j] = b->first_unit[i][j] + (int32_t)at;
    }
}

/* A patch with padding or in a layout that has to be gathered, as [ny][nx][16]. */
static void wino_gather(const struct pack_row *pixel, int64_t y0, int64_t x0, int ny, int nx, float *patch) {
    const lw_desc *d = pixel->d;
    const int64_t begin = lw_min(nx, lw_max(0, -x0)), end = lw_max(begin, lw_min(nx, d->iw - x0));
    memset(patch, 0, (size_t)(ny * nx * LW_BLOCK) * sizeof *patch);
    for (int i = 0; i < ny; i++, patch += nx * LW_BLOCK) {
        struct pack_row p = *pixel;
        p.y = y0 + i;
        if (p.y < 0 || p.y >= d->ih || begin == end) continue;
        if (d->src_layout == LW_NCHW)
            pack_pixels_nchw(&p, x0 + begin, end - begin, patch + begin * LW_BLOCK);
        else
            for (int64_t x = begin; x < end; x++)
                pack_pixel(&p, x0 + x, patch + x * LW_BLOCK);
    }
}

/* Unit table of tile (ty, tx) of the block. */
static inline int32_t (*wino_units(const struct wino_block *b, int64_t ty, int64_t tx))[WINO_MAX_POINTS] {
    return b->s->unit[(ty - b->begin) * b->w->x.tiles + tx];
}

/* The part of 0 .. count-1 that lies in 0 .. size-1 when shifted by `origin`. */
static inline void wino_inside(int64_t origin, int count, int64_t size, int *begin, int *end) {
    *begin = (int)lw_min(count, lw_max(0, -origin));
    *end = (int)lw_max(*begin, lw_min(count, size - origin));
}

static void wino_input_tile(const struct wino_block *b, const float *image, int64_t ty, int64_t tx) {
    const struct wino *w = b->w;
    const lw_desc *d = w->g.d;
    const struct wino_functions *f = w->variant->functions;
    const int py = wino_pairs_at(&w->y, ty), px = wino_pairs_at(&w->x, tx), ny = 2 * py + 2, nx = 2 * px + 2;
    const int64_t y0 = ty * 2 * w->y.pairs - d->pad_top, x0 = tx * 2 * w->x.pairs - d->pad_left;
    const int32_t(*unit)[WINO_MAX_POINTS] = (const int32_t(*)[WINO_MAX_POINTS])wino_units(b, ty, tx);
    wino_tile_units(b, ty, tx, wino_units(b, ty, tx));
    for (int64_t c = 0; c < d->ic; c += LW_BLOCK) {
        const int64_t count = lw_min(LW_BLOCK, d->ic - c);
        struct wino_patch p = {.columns = nx, .zeros = b->s->zeros};
        if (d->src_layout == LW_BLOCKED || (d->src_layout == LW_NHWC && count % VL == 0)) {
            p.column = d->src_layout == LW_BLOCKED ? LW_BLOCK : d->ic;
            p.step = d->iw * p.column;
            p.src = image_at(d, image, c, 0, 0) + y0 * p.step + x0 * p.column;
            wino_inside(y0, ny, d->ih, &p.row_begin, &p.row_end);
            wino_inside(x0, nx, d->iw, &p.column_begin, &p.column_end);
        } else {
            const struct pack_row pixel = {.d = d, .image = image, .c = c, .count = count};
            wino_gather(&pixel, y0, x0, ny, nx, b->s->patch);
            p = (struct wino_patch){b->s->patch, nx * LW_BLOCK, LW_BLOCK, nx, 0, ny, 0, nx, b->s->zeros};
        }
        float *v = b->s->v + c / LW_BLOCK * b->units * LW_BLOCK;
        for (int64_t lane = 0; lane < count; lane += VL) {
            f[py - 1].input_columns(&p, lane, b->s->temp, WINO_TEMP_STEP * VL);
            f[px - 1].input_rows(b->s->temp, WINO_TEMP_STEP * VL, ny, v + lane, unit, LW_BLOCK);
        }
    }
}

/* The products of all points for one oc tile. */
static void wino_products(const struct wino_block *b, const float *weights, int vectors) {
    const struct wino *w = b->w;
    const int64_t width = vectors * VL;
    const ptrdiff_t block = b->units * LW_BLOCK;
    for (int i = 0; i < w->points; i++)
        for (int j = 0; j < w->points; j++, weights += w->g.icg * width) {
            const int64_t n = wino_users(&w->y, b->begin, b->end, i) * wino_users(&w->x, 0, w->x.tiles, j);
            const int64_t calls = lw_div_up(n, LW_DIRECT_PIXELS);
            const float *v = b->s->v + b->first_unit[i][j] * LW_BLOCK;
            float *m = b->s->m + b->first_unit[i][j] * width;
            for (int64_t k = 0, left = n; k < calls; k++) {
                const int64_t tiles = lw_div_up(left, calls - k);
                wino_gemm_tiles[vectors - 1][tiles - 1](v, block, w->g.icg, weights, m);
                v += tiles * LW_BLOCK;
                m += tiles * width;
                left -= tiles;
            }
        }
}

/* One tile row of one oc tile: output transform and tail, straight into the destination where its layout
 * allows, else into rows that the epilogue stores. */
static void wino_output_row(const struct wino_block *b, int64_t ty, const float *bias, int vectors,
                            struct out_row *o) {
    const struct wino *w = b->w;
    const lw_desc *d = w->g.d;
    const struct wino_functions *f = w->variant->functions;
    const bool direct = conv_stores_whole(&w->g, o->c, o->count),
               blocked = direct && d->dst_layout == LW_BLOCKED;
    const int pool = d->pool2x2 ? 2 : 1, py = wino_pairs_at(&w->y, ty);
    const int64_t y0 = ty * 2 * w->y.pairs / pool, tile_width = 2 * w->x.pairs / pool;
    struct wino_target t = {.relu = d->relu, .rows = (int)lw_min(2 * py / pool, o->height - y0)};
    t.column = !direct ? vectors * VL : blocked ? LW_BLOCK : d->oc;
    t.row = o->width * t.column;
    for (int64_t tx = 0; tx < w->x.tiles; tx++) {
        const int px = wino_pairs_at(&w->x, tx);
        const int32_t(*unit)[WINO_MAX_POINTS] = (const int32_t(*)[WINO_MAX_POINTS])wino_units(b, ty, tx);
        t.columns = (int)lw_min(2 * px / pool, o->width - tx * tile_width);
        for (int v = 0; v < vectors; v++) {
            const int64_t c = o->c + v * VL;
            float *image = !direct   ? b->s->rows + v * VL
                           : blocked ? o->dst + c / LW_BLOCK * o->height * t.row + c % LW_BLOCK
                                     : o->dst + c;
            t.out = image + (direct ? y0 * t.row : 0);
            f[px - 1].output_rows(b->s->m + v * VL, unit, vectors * VL, 2 * py + 2, b->s->temp,
                                  WINO_TEMP_STEP * VL);
            f[py - 1].output_columns[pool - 1](b->s->temp, WINO_TEMP_STEP * VL, bias + v * VL, &t,
                                               tx * tile_width * t.column);
        }
    }
    for (int64_t i = 0; !direct && i < t.rows; i++) {
        o->y = y0 + i;
        store_row(o, b->s->rows + i * t.row, t.column);
    }
}

static void wino_run(const struct lw_call *call, const struct wino_variant *variant, int64_t begin,
                     int64_t end, void *workspace) {
    const lw_desc *d = call->desc;
    const struct wino w = wino_geometry(d, variant);
    struct wino_scratch s;
    wino_carve(&w, workspace, &s);
    memset(s.zeros, 0, VL * sizeof *s.zeros);
    const int64_t pool = d->pool2x2 ? 2 : 1;
    struct out_row o = {.layout = d->dst_layout, .channels = d->oc};
    o.height = w.g.oh / pool, o.width = w.g.ow / pool;
    const int64_t src_image = lw_round_up(d->ic, d->src_layout == LW_BLOCKED ? LW_BLOCK : 1) * d->ih * d->iw;
    const int64_t dst_image =
        lw_round_up(d->oc, d->dst_layout == LW_BLOCKED ? LW_BLOCK : 1) * o.height * o.width;
    struct wino_block b = {.w = &w, .s = &s};
    for (int64_t task = begin; task < end; task++) {
        const int64_t tile = task % w.g.oc_tiles, block = task / w.g.oc_tiles % w.blocks;
        const int64_t n = task / w.g.oc_tiles / w.blocks;
        const int vectors = conv_tile_vectors(&w.g, tile);
        b.begin = block * w.block_rows;
        b.end = lw_min(w.y.tiles, b.begin + w.block_rows);
        if (task == begin || tile == 0) {
            wino_number_units(&b);
            for (int64_t ty = b.begin; ty < b.end; ty++)
                for (int64_t tx = 0; tx < w.x.tiles; tx++)
                    wino_input_tile(&b, call->src + n * src_image, ty, tx);
        }
        const float *bias = (const float *)call->packed + tile * wino_tile_weights(&w, LW_DIRECT_VECTORS);
        wino_products(&b, bias + vectors * VL, vectors);
        o.dst = call->dst + n * dst_image;
        o.c = tile * CONV_TILE_CHANNELS;
        o.count = lw_min(CONV_TILE_CHANNELS, d->oc - o.c);
        for (int64_t ty = b.begin; ty < b.end; ty++)
            wino_output_row(&b, ty, bias, vectors, &o);
    }
}

/* ---- what a row says of itself ---------------------------------------------------------------------------
 */

static bool wino_supports(const lw_desc *d, const char **reason) {
    if (!conv_is_3x3s1(d, reason)) return false;
    if (lw_max(lw_max(d->pad_top, d->pad_bottom), lw_max(d->pad_left, d->pad_right)) <= 2) return true;
    *reason = "takes padding of at most 2";
    return false;
}

/* Products, the two transforms (a few operations a vector), and the weights, which come from beyond the L2
 * cache once for every block where there are many. */
static double wino_cycles(const lw_desc *d, const struct wino_variant *variant) {
    const struct wino w = wino_geometry(d, variant);
    const double units = (double)(wino_axis_units(&w.y, 0, w.y.tiles, w.points) *
                                  wino_axis_units(&w.x, 0, w.x.tiles, w.points) * d->batch);
    const double ic = (double)d->ic, in_vectors = (double)lw_div_up(d->ic, VL);
    double out_vectors = 0;
    for (int64_t t = 0; t < w.g.oc_tiles; t++)
        out_vectors += conv_tile_vectors(&w.g, t);
    const double products = units * out_vectors * (ic * 0.5 * 1.15 + 4) * LW_FMA_ROUNDINGS;
    const double transforms = units * (in_vectors * 5 + out_vectors * 7) * LW_FMA_ROUNDINGS;
    const double weight_bytes = 4.0 * w.points * w.points * ic * out_vectors * VL;
    const double traffic = weight_bytes > 768e3 ? weight_bytes / 8 * (double)(w.blocks * d->batch) : 0;
    return products + transforms + traffic + 2000;
}

#define WINO_ROW_FUNCTIONS(f)                                                                                \
    static const struct wino_variant f##_variant = {&wino_##f, wino_##f##_functions};                        \
    static size_t f##_packed(const lw_desc *d) { return wino_packed(d, &f##_variant); }                      \
    static void f##_pack(const lw_desc *d, const float *weights, const float *bias, void *out) {             \
        wino_pack(d, &f##_variant, weights, bias, out);                                                      \
    }                                                                                                        \
    static size_t f##_workspace(const lw_desc *d) { return wino_workspace(d, &f##_variant); }                \
    static int64_t f##_tasks(const lw_desc *d) { return wino_geometry(d, &f##_variant).tasks; }              \
    static void f##_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {           \
        wino_run(call, &f##_variant, begin, end, workspace);                                                 \
    }                                                                                                        \
    static double f##_bound(const lw_desc *d) { return wino_bound(&wino_##f, d->ic); }                       \
    static double f##_rel_l2(const lw_desc *d) { return wino_rel_l2(&wino_##f, d->ic); }                     \
    static double f##_cycles(const lw_desc *d) { return wino_cycles(d, &f##_variant); }

WINO_ROW_FUNCTIONS(f2)
WINO_ROW_FUNCTIONS(f4)
WINO_ROW_FUNCTIONS(f6)
#undef WINO_ROW_FUNCTIONS

#define WINO_PAIRS_f2 1
#define WINO_PAIRS_f4 2
#define WINO_PAIRS_f6 3

#define WINO_ROW(f, label)                                                                                   \
    {.name = LW_ROW_NAME("conv_winograd_" label, "_t" CONV_TILE_NAME),                                       \
     .algorithm = "winograd",                                                                                \
     .tile = CONV_TILE_NAME,                                                                                 \
     .op = LW_CONV,                                                                                          \
     .src_layouts = LW_ANY_LAYOUT,                                                                           \
     .dst_layouts = LW_ANY_LAYOUT,                                                                           \
     .supports = wino_supports,                                                                              \
     .packed_bytes = f##_packed,                                                                             \
     .pack = f##_pack,                                                                                       \
     .workspace_bytes = f##_workspace,                                                                       \
     .tasks = f##_tasks,                                                                                     \
     .run = f##_run,                                                                                         \
     .spread = 2 * WINO_PAIRS_##f - 1,                                                                       \
     .exact_on_integers = WINO_PAIRS_##f == 1,                                                               \
     .bound = f##_bound,                                                                                     \
     .rel_l2 = f##_rel_l2,                                                                                   \
     .cycles = f##_cycles},

#define LW_ROWS_conv_winograd WINO_ROW(f2, "f2x2") WINO_ROW(f4, "f4x4") WINO_ROW(f6, "f6x6")

#endif
