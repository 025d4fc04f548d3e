/* Depthwise convolution: every channel has its own filter. Vectors run over channels, and a tile of
 * neighbouring output pixels shares the weights: each source pixel is loaded once a row and meets all the
 * weights that it has. Channels are taken together where both layouts keep them together, else in blocks of
 * 16; from NCHW, strips of rows are transposed into blocks first. Rows that are to be pooled or transposed
 * pass through scratch memory.
 *
 * Each sum starts from the bias and takes those taps that lie in the source, in order.
 *
 * Packed: for each block of 16 channels the biases, then the weights of each tap, zero beyond the last
 * channel. */
#ifndef LW_CONV_DEPTHWISE_H
#define LW_CONV_DEPTHWISE_H

#include "template.h"
#include "window.h"
#include "epilogue.h"
#include "pack.h"

#define DEPTHWISE_PIXELS 8     /* of a tile that is whole */
#define DEPTHWISE_EDGE   4     /* of a tile that reaches into padding, or is all that a narrow image has */
#define DEPTHWISE_STRIP  32768 /* floats of a transposed strip: 128 KB, for L2 */

struct depthwise {
    const lw_desc *desc;
    struct axis h, w;       /* of the convolution; with a pool, cut to what the pool reads */
    int64_t x_begin, x_end; /* columns whose windows need no clipping */
    int64_t rows, columns;  /* of the destination */
    int64_t group, groups;  /* channels taken together, and how often in an image */
    int64_t strip, strips;  /* destination rows of a unit of work, and units in a group */
    int64_t strip_in;       /* source rows of a strip that is transposed; 0: none is */
    int64_t src_pixel, dst_pixel, scratch_pixel; /* floats from one pixel to the next */
};

static struct depthwise depthwise_setup(const lw_desc *d) {
    struct depthwise p = {.desc = d, .h = axis_h(d), .w = axis_w(d), .strip = 1};
    int64_t pool = d->pool2x2 ? 2 : 1;
    p.rows = p.h.out / pool;
    p.columns = p.w.out / pool;
    p.h.out = p.rows * pool;
    p.w.out = p.columns * pool;
    axis_interior(&p.w, &p.x_begin, &p.x_end);
    p.group = d->src_layout == LW_NHWC && d->dst_layout == LW_NHWC ? d->ic : LW_BLOCK;
    p.groups = lw_div_up(d->ic, p.group);
    p.src_pixel = d->src_layout == LW_NHWC ? d->ic : LW_BLOCK;
    p.dst_pixel = d->dst_layout == LW_NHWC ? d->ic : LW_BLOCK;
    p.scratch_pixel = lw_round_up(p.group, LW_BLOCK);
    if (d->src_layout == LW_NCHW) {
        int64_t window = (d->kh - 1) * d->dilation_h + 1, fit = DEPTHWISE_STRIP / (d->iw * LW_BLOCK);
        p.strip = lw_max(1, lw_min(p.rows, ((fit - window) / d->stride_h + 1) / pool));
        p.strip_in = lw_min(d->ih, (p.strip * pool - 1) * d->stride_h + window);
    }
    p.strips = lw_div_up(p.rows, p.strip);
    return p;
}

/* ---- weights ----------------------------------------------------------------------------------------- */

static int64_t depthwise_block_floats(const lw_desc *d) { return (d->kh * d->kw + 1) * LW_BLOCK; }

static size_t depthwise_packed_bytes(const lw_desc *d) {
    return sizeof(float) * (size_t)(lw_div_up(d->ic, LW_BLOCK) * depthwise_block_floats(d));
}

static void depthwise_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    int64_t taps = d->kh * d->kw;
    float *out = packed;
    for (int64_t b = 0; b < d->ic; b += LW_BLOCK)
        for (int64_t t = -1; t < taps; t++)
            for (int64_t c = b; c < b + LW_BLOCK; c++)
                *out++ = c >= d->ic ? 0.0f : t >= 0 ? weights[c * taps + t] : bias ? bias[c] : 0.0f;
}

/* ---- tiles ------------------------------------------------------------------------------------------- */

/* A run of tiles of neighbouring outputs in one row. Steps are in floats. */
struct depthwise_run {
    const float *x;                 /* column 0 of the first row that has a tap */
    const float *weights;           /* of the group's first block */
    float *dst;                     /* first output */
    int64_t start, count;           /* column of the first output's tap 0 (may be negative), tiles */
    int64_t row, pixel, dst_pixel;  /* row: from tap to tap */
    int64_t width, channels;        /* columns of the source; channels to compute */
    int64_t ky, ky_end, kx, kx_end; /* taps to take (kx where the kernel isn't known) */
    int64_t kh, kw, stride, dilation;
    bool relu;
};

/* One row of taps of a tile whose kernel width and stride are known. x: column 0. */
LW_INLINE void depthwise_known(const struct depthwise_run *r, const float *x, const float *w, int64_t start,
                               int n, vf *acc, const int pixels, const int width, const int stride,
                               const bool clipped) {
    vf weight[5];
    LW_UNROLL
    for (int k = 0; k < width; k++)
        weight[k] = v_load(w + k * LW_BLOCK);
    LW_UNROLL
    for (int j = 0; j < (pixels - 1) * stride + width; j++) {
        if (clipped && (start + j < 0 || start + j >= r->width)) continue;
        const float *at = x + (start + j) * r->pixel;
        vf v = n == VL ? v_load(at) : v_load_n(at, n);
        LW_UNROLL
        for (int k = 0; k < width; k++)
            if (j >= k && (j - k) % stride == 0 && (j - k) / stride < pixels)
                acc[(j - k) / stride] = v_fma(weight[k], v, acc[(j - k) / stride]);
    }
}

/* One row of taps kx .. kx_end-1, which lie in the source for all `pixels` outputs. */
LW_INLINE void depthwise_any(const struct depthwise_run *r, const float *x, const float *w, int64_t start,
                             int n, vf *acc, const int pixels) {
    for (int64_t kx = r->kx; kx < r->kx_end; kx++) {
        vf weight = v_load(w + kx * LW_BLOCK);
        LW_UNROLL
        for (int p = 0; p < pixels; p++) {
            const float *at = x + (start + kx * r->dilation + p * r->stride) * r->pixel;
            acc[p] = v_fma(weight, n == VL ? v_load(at) : v_load_n(at, n), acc[p]);
        }
    }
}

/* All tiles of n <= VL channels; x, w, dst: at those channels. width: of the kernel, 0: any. */
LW_INLINE void depthwise_lanes(const struct depthwise_run *r, const float *x, const float *w, float *dst,
                               int n, const int pixels, const int width, const int stride,
                               const bool clipped) {
    vf acc[DEPTHWISE_PIXELS], bias = v_load(w);
    int64_t start = r->start, step = pixels * (width > 0 ? stride : r->stride);
    w += (1 + r->ky * r->kw) * LW_BLOCK;
    for (int64_t i = 0; i < r->count; i++, start += step, dst += pixels * r->dst_pixel) {
        LW_UNROLL
        for (int p = 0; p < pixels; p++)
            acc[p] = bias;
        const float *row = x, *weights = w;
        for (int64_t ky = r->ky; ky < r->ky_end; ky++, row += r->row, weights += r->kw * LW_BLOCK) {
            if (width > 0)
                depthwise_known(r, row, weights, start, n, acc, pixels, width, stride, clipped);
            else
                depthwise_any(r, row, weights, start, n, acc, pixels);
        }
        LW_UNROLL
        for (int p = 0; p < pixels; p++) {
            vf y = r->relu ? v_relu(acc[p]) : acc[p];
            if (n == VL)
                v_store(dst + p * r->dst_pixel, y);
            else
                v_store_n(dst + p * r->dst_pixel, y, n);
        }
    }
}

LW_INLINE void depthwise_tiles(const struct depthwise_run *run, const int pixels, const int width,
                               const int stride, const bool clipped) {
    const struct depthwise_run r = *run; /* a copy: stores through dst can't change it */
    const float *w = r.weights;
    for (int64_t c = 0; c < r.channels; w += (r.kh * r.kw + 1) * LW_BLOCK)
        for (int v = 0; v < LW_BLOCK && c < r.channels; v += VL, c += VL) {
            int64_t n = r.channels - c;
            if (n >= VL)
                depthwise_lanes(&r, r.x + c, w + v, r.dst + c, VL, pixels, width, stride, clipped);
            else
                depthwise_lanes(&r, r.x + c, w + v, r.dst + c, (int)n, pixels, width, stride, clipped);
        }
}

typedef void depthwise_function(const struct depthwise_run *run);

#define DEPTHWISE_FUNCTION(name, pixels, width, stride, clipped)                                             \
    static void name(const struct depthwise_run *run) {                                                      \
        depthwise_tiles(run, pixels, width, stride, clipped);                                                \
    }
DEPTHWISE_FUNCTION(depthwise_single, 1, 0, 0, false)
DEPTHWISE_FUNCTION(depthwise_whole, DEPTHWISE_PIXELS, 0, 0, false)
DEPTHWISE_FUNCTION(depthwise_3s1, DEPTHWISE_PIXELS, 3, 1, false)
DEPTHWISE_FUNCTION(depthwise_3s2, DEPTHWISE_PIXELS, 3, 2, false)
DEPTHWISE_FUNCTION(depthwise_5s1, DEPTHWISE_PIXELS, 5, 1, false)
DEPTHWISE_FUNCTION(depthwise_5s2, DEPTHWISE_PIXELS, 5, 2, false)
DEPTHWISE_FUNCTION(depthwise_3s1_edge, DEPTHWISE_EDGE, 3, 1, true)
DEPTHWISE_FUNCTION(depthwise_3s2_edge, DEPTHWISE_EDGE, 3, 2, true)
DEPTHWISE_FUNCTION(depthwise_5s1_edge, DEPTHWISE_EDGE, 5, 1, true)
DEPTHWISE_FUNCTION(depthwise_5s2_edge, DEPTHWISE_EDGE, 5, 2, true)

/* What computes whole tiles, and tiles that reach into padding (NULL: those go pixel by pixel). */
struct depthwise_functions {
    depthwise_function *whole, *edge;
};

static struct depthwise_functions depthwise_pick(const lw_desc *d) {
    static const struct depthwise_functions known[2][2] = {
        {{depthwise_3s1, depthwise_3s1_edge}, {depthwise_3s2, depthwise_3s2_edge}},
        {{depthwise_5s1, depthwise_5s1_edge}, {depthwise_5s2, depthwise_5s2_edge}}};
    if ((d->kw == 3 || d->kw == 5) && d->stride_w <= 2 && d->dilation_w == 1)
        return known[d->kw == 5][d->stride_w - 1];
    return (struct depthwise_functions){depthwise_whole, NULL};
}

/* ---- rows -------------------------------------------------------------------------------------------- */

/* Rows of one group of channels, from row y on. */
struct depthwise_source {
    const float *data;
    int64_t y, pixel;
};

/* Row oy of the convolution to dst. run: what doesn't change from row to row. */
static void depthwise_row(const struct depthwise *p, struct depthwise_run run,
                          const struct depthwise_source *src, int64_t oy, float *dst, int64_t dst_pixel) {
    const struct depthwise_functions f = depthwise_pick(p->desc);
    int64_t row = p->w.in * src->pixel, last = p->w.out - DEPTHWISE_EDGE;
    axis_taps(&p->h, oy, &run.ky, &run.ky_end);
    run.x = src->data;
    if (run.ky < run.ky_end) run.x += (axis_start(&p->h, oy) + run.ky * p->h.dilation - src->y) * row;
    run.row = p->h.dilation * row;
    run.pixel = src->pixel;
    run.dst_pixel = dst_pixel;
    for (int64_t ox = 0; ox < p->w.out;) {
        int64_t whole = ox >= p->x_begin ? (p->x_end - ox) / DEPTHWISE_PIXELS : 0;
        bool single = f.edge == NULL || last < 0;
        run.count = 1;
        if (whole > 0)
            run.count = whole;
        else if (!single)
            ox = lw_min(ox, last); /* the last tile overlaps the one before */
        axis_taps(&p->w, ox, &run.kx, &run.kx_end);
        run.start = axis_start(&p->w, ox);
        run.dst = dst + ox * dst_pixel;
        if (whole > 0)
            f.whole(&run);
        else
            (single ? depthwise_single : f.edge)(&run);
        ox += run.count * (whole > 0 ? DEPTHWISE_PIXELS : single ? 1 : DEPTHWISE_EDGE);
    }
}

/* Source rows [y, y_end) of 16 channels from planes. */
static void depthwise_transpose(const lw_desc *d, const float *image, int64_t c, int64_t count, int64_t y,
                                int64_t y_end, float *out) {
    struct pack_row row = {.d = d, .image = image, .c = c, .count = count};
    for (row.y = y; row.y < y_end; row.y++, out += d->iw * LW_BLOCK)
        pack_pixels_nchw(&row, 0, d->iw, out);
}

/* Scratch memory: a transposed strip; two rows, where they don't go straight to the destination. */
static bool depthwise_direct(const lw_desc *d) { return !d->pool2x2 && d->dst_layout != LW_NCHW; }
static int64_t depthwise_strip_floats(const struct depthwise *p) {
    return p->strip_in * p->desc->iw * LW_BLOCK;
}
static size_t depthwise_workspace_bytes(const lw_desc *d) {
    struct depthwise p = depthwise_setup(d);
    int64_t rows = depthwise_direct(d) ? 0 : 2 * p.w.out * p.scratch_pixel;
    return sizeof(float) * (size_t)(depthwise_strip_floats(&p) + rows);
}

static void depthwise_zero_lanes(float *row, int64_t columns, int64_t channels) {
    for (int64_t x = 0; x < columns; x++)
        for (int64_t c = channels; c < LW_BLOCK; c++)
            row[x * LW_BLOCK + c] = 0.0f;
}

/* Destination rows y .. y_end-1 of group g of image n. */
static void depthwise_strip(const struct depthwise *p, const struct lw_call *call, int64_t n, int64_t g,
                            int64_t y, int64_t y_end, float *scratch) {
    const lw_desc *d = p->desc;
    int64_t first = g * p->group, pool = d->pool2x2 ? 2 : 1, padded = lw_round_up(d->ic, LW_BLOCK);
    int64_t channels = lw_min(p->group, d->ic - first), src_plane = d->ih * d->iw,
            dst_plane = p->rows * p->columns;
    const float *image = call->src + n * src_plane * (d->src_layout == LW_BLOCKED ? padded : d->ic);
    float *dst = call->dst + n * dst_plane * (d->dst_layout == LW_BLOCKED ? padded : d->ic);
    int64_t strip_floats = depthwise_strip_floats(p);
    float *rows = strip_floats ? scratch + strip_floats : scratch; /* there may be none at all */
    struct depthwise_source src = {.pixel = p->src_pixel};
    if (d->src_layout == LW_NCHW) {
        src.y = lw_max(0, lw_min(d->ih, axis_start(&p->h, y * pool)));
        int64_t end = axis_start(&p->h, y_end * pool - 1) + (d->kh - 1) * d->dilation_h + 1;
        depthwise_transpose(d, image, first, channels, src.y, lw_min(d->ih, end), scratch);
        src.data = scratch;
    } else {
        src.data = image + first * (d->src_layout == LW_NHWC ? 1 : src_plane);
    }
    struct depthwise_run run = {.weights = (const float *)call->packed +
                                           first / LW_BLOCK * depthwise_block_floats(d),
                                .width = d->iw,
                                .channels = channels,
                                .kh = d->kh,
                                .kw = d->kw,

                                .stride = d->stride_w,
                                .dilation = d->dilation_w};
    struct out_row out = {.dst = dst,
                          .layout = d->dst_layout,
                          .channels = d->ic,
                          .height = p->rows,
                          .width = p->columns,
                          .c = first,
                          .count = channels,
                          .relu = d->relu};
    if (depthwise_direct(d)) {
        run.relu = d->relu;
        dst += first * (d->dst_layout == LW_NHWC ? 1 : dst_plane);
        for (; y < y_end; y++) {
            float *row = dst + y * p->columns * p->dst_pixel;
            depthwise_row(p, run, &src, y, row, p->dst_pixel);
            if (d->dst_layout == LW_BLOCKED && channels < LW_BLOCK)
                depthwise_zero_lanes(row, p->columns, channels);
        }
        return;
    }
    for (; y < y_end; y++) {
        for (int64_t i = 0; i < pool; i++)
            depthwise_row(p, run, &src, y * pool + i, rows + i * p->w.out * p->scratch_pixel,
                          p->scratch_pixel);
        if (d->pool2x2)
            pool_rows(rows, rows + p->w.out * p->scratch_pixel, p->w.out, p->scratch_pixel,
                      (int)lw_div_up(channels, VL));
        out.y = y;
        store_row(&out, rows, p->scratch_pixel);
    }
}

/* ---- the row ----------------------------------------------------------------------------------------- */

static double depthwise_cycles(const lw_desc *d) {
    struct depthwise p = depthwise_setup(d);
    double taps = (double)(d->kh * d->kw), channels = (double)d->batch * (double)d->ic;
    double vectors = (double)d->batch * (double)lw_div_up(d->ic, VL), outputs = (double)(p.h.out * p.w.out);
    double moved = d->src_layout == LW_NCHW ? 1.5 * (double)(d->ih * d->iw) : 0;
    moved += depthwise_direct(d) ? 0 : outputs;
    double known = depthwise_pick(d).edge ? 0.7 : 1.2;
    return cost_cycles(vectors * (outputs * (2 + known * taps * LW_FMA_ROUNDINGS) + 4 * moved),
                       channels * (outputs + (double)(d->ih * d->iw)));
}

static int64_t depthwise_units(const struct depthwise *p) { return p->desc->batch * p->groups * p->strips; }
static int64_t depthwise_tasks(const lw_desc *d) {
    struct depthwise p = depthwise_setup(d);
    return split_tasks(depthwise_units(&p), depthwise_cycles(d));
}

static void depthwise_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    struct depthwise p = depthwise_setup(call->desc);
    int64_t units = depthwise_units(&p), tasks = depthwise_tasks(call->desc),
            last = split_begin(units, tasks, end);
    for (int64_t unit = split_begin(units, tasks, begin); unit < last; unit++) {
        int64_t image = unit / p.strips, y = unit % p.strips * p.strip;
        depthwise_strip(&p, call, image / p.groups, image % p.groups, y, lw_min(p.rows, y + p.strip),
                        workspace);
    }
}

static bool depthwise_supports(const lw_desc *d, const char **reason) {
    if (d->groups == d->ic && d->oc == d->ic) return true;
    *reason = "only depthwise: groups, input and output channels must be equal";
    return false;
}

/* One rounding a tap, and one for a product that isn't fused. */
static double depthwise_bound(const lw_desc *d) {
    return rounding_bound((double)(d->kh * d->kw + LW_FMA_ROUNDINGS - 1));
}
static double depthwise_rel_l2(const lw_desc *d) { return 4e-8 + 2e-8 * sqrt((double)(d->kh * d->kw)); }

#define LW_ROWS_conv_depthwise                                                                               \
    {.name = LW_ROW_NAME("conv_depthwise", ""),                                                              \
     .algorithm = "depthwise",                                                                               \
     .tile = "",                                                                                             \
     .op = LW_CONV,                                                                                          \
     .src_layouts = LW_ANY_LAYOUT,                                                                           \
     .dst_layouts = LW_ANY_LAYOUT,                                                                           \
     .supports = depthwise_supports,                                                                         \
     .packed_bytes = depthwise_packed_bytes,                                                                 \
     .pack = depthwise_pack,                                                                                 \
     .workspace_bytes = depthwise_workspace_bytes,                                                           \
     .tasks = depthwise_tasks,                                                                               \
     .run = depthwise_run,                                                                                   \
     .bound = depthwise_bound,                                                                               \
     .rel_l2 = depthwise_rel_l2,                                                                             \
     .exact_on_integers = true,                                                                              \
     .cycles = depthwise_cycles},

#endif
