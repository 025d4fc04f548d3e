/* Depthwise convolution: every channel has its own filter. In NHWC and blocked layouts vectors run over
 * channels and a tile of pixels shares the weights; in NCHW they run along x, where a stride above 1 first
 * splits each row into its phases (columns 0, s, 2s ..., then 1, s+1 ...), so that neighbouring outputs read
 * neighbouring floats.
 *
 * Each sum starts from the bias and takes the taps that lie in the source, in order. With a fused pool two
 * rows go to scratch memory and are pooled from there.
 *
 * Packed: [tap][channels rounded up to 16], then the biases, for vectors over channels; [channel][tap], then
 * the biases, for NCHW. */
#ifndef LW_CONV_DEPTHWISE_H
#define LW_CONV_DEPTHWISE_H

#include "template.h"
#include "window.h"

#if VL == 4 || VL == 16 /* 32 registers */
#define DEPTHWISE_PIXELS 8
#else
#define DEPTHWISE_PIXELS 6
#endif
#define DEPTHWISE_VECTORS 4 /* along x, in NCHW */

struct depthwise {
    const lw_desc *desc;
    struct axis h, w;             /* of the convolution; with a pool, cut to what the pool reads */
    int64_t x_begin, x_end;       /* columns whose windows need no clipping */
    int64_t groups, images;       /* groups of channels of an image, and of all images */
    int64_t rows, columns;        /* of the destination */
    int64_t src_pixel, dst_pixel; /* floats from one pixel to the next */
    int64_t tap;                  /* floats from one tap's weights to the next */
    const float *weights, *bias;
};

static int64_t depthwise_padded(const lw_desc *d) {
    return d->src_layout == LW_NCHW ? d->ic : lw_round_up(d->ic, LW_BLOCK);
}

/* Channels are taken all together when both layouts keep them together, else by blocks, or one by one in
 * NCHW. */
static int64_t depthwise_group(const lw_desc *d) {
    if (d->src_layout == LW_NCHW) return 1;
    return d->src_layout == LW_NHWC && d->dst_layout == LW_NHWC ? d->ic : LW_BLOCK;
}

static struct depthwise depthwise_setup(const lw_desc *d, const float *packed) {
    struct depthwise p = {.desc = d, .h = axis_h(d), .w = axis_w(d), .weights = packed};
    p.rows = d->pool2x2 ? p.h.out / 2 : p.h.out;
    p.columns = d->pool2x2 ? p.w.out / 2 : p.w.out;
    if (d->pool2x2) p.h.out = 2 * p.rows, p.w.out = 2 * p.columns;
    axis_interior(&p.w, &p.x_begin, &p.x_end);
    p.groups = lw_div_up(d->ic, depthwise_group(d));
    p.images = d->batch * p.groups;
    p.tap = depthwise_padded(d);
    p.bias = packed ? packed + p.tap * d->kh * d->kw : NULL;
    p.src_pixel = d->src_layout == LW_NCHW ? 1 : d->src_layout == LW_NHWC ? d->ic : LW_BLOCK;
    p.dst_pixel = d->dst_layout == LW_NCHW ? 1 : d->dst_layout == LW_NHWC ? d->ic : LW_BLOCK;
    return p;
}

/* First float of group g of image n, in a tensor of `plane` pixels. */
LW_INLINE int64_t depthwise_offset(const lw_desc *d, lw_layout layout, int64_t n, int64_t g, int64_t plane) {
    int64_t group = depthwise_group(d);
    if (layout == LW_NHWC) return n * plane * d->ic + g * group;
    return (n * lw_div_up(d->ic, group) + g) * plane * group;
}

static size_t depthwise_packed_bytes(const lw_desc *d) {
    return sizeof(float) * (size_t)(depthwise_padded(d) * (d->kh * d->kw + 1));
}

static void depthwise_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    int64_t taps = d->kh * d->kw, padded = depthwise_padded(d);
    float *out = packed;
    for (int64_t c = 0; c < padded; c++) {
        for (int64_t t = 0; t < taps; t++) {
            float w = c < d->ic ? weights[c * taps + t] : 0.0f;
            out[d->src_layout == LW_NCHW ? c * taps + t : t * padded + c] = w;
        }
        out[taps * padded + c] = bias && c < d->ic ? bias[c] : 0.0f;
    }
}

LW_INLINE vf depthwise_load(const float *p, int n) { return n == VL ? v_load(p) : v_load_n(p, n); }

/* ---- vectors over channels ------------------------------------------------------------------------------
 */

/* What a tile of pixels needs: its first tap in the source, steps in floats, the taps it takes, where it
 * goes. */
struct depthwise_tile {
    const float *x, *weights, *bias;
    float *dst;
    int64_t row, column, pixel, dst_pixel; /* row, column: from tap to tap; pixel: from output to output */
    int64_t ky, ky_end, kx, kx_end;        /* x is at tap (ky, kx) */
    int64_t kw, tap;
};

/* n channels of `pixels` outputs. width: kw where it is known and nothing is clipped (dilation 1, this
 * stride), else 0. */
LW_INLINE void depthwise_tile(const struct depthwise_tile *t, int64_t c, int n, bool relu, const int pixels,
                              const int width, const int stride) {
    vf acc[DEPTHWISE_PIXELS];
    LW_UNROLL
    for (int p = 0; p < pixels; p++)
        acc[p] = v_load(t->bias + c);
    const float *x = t->x + c, *w = t->weights + c + t->ky * t->kw * t->tap;
    for (int64_t ky = t->ky; ky < t->ky_end; ky++, x += t->row, w += t->kw * t->tap) {
        if (width > 0) { /* each pixel is loaded once and meets all the weights that it has */
            vf weight[5];
            LW_UNROLL
            for (int k = 0; k < width; k++)
                weight[k] = v_load(w + k * t->tap);
            LW_UNROLL
            for (int j = 0; j < (pixels - 1) * stride + width; j++) {
                vf v = depthwise_load(x + j * t->column, n);
                LW_UNROLL
                for (int k = 0; k < width; k++)
                    if (j >= k && (j - k) % stride == 0 && (j - k) / stride < pixels)
                        acc[(j - k) / stride] = v_fma(weight[k], v, acc[(j - k) / stride]);
            }
        } else {
            for (int64_t kx = t->kx; kx < t->kx_end; kx++) {
                vf weight = v_load(w + kx * t->tap);
                LW_UNROLL
                for (int p = 0; p < pixels; p++)
                    acc[p] =
                        v_fma(weight, depthwise_load(x + (kx - t->kx) * t->column + p * t->pixel, n), acc[p]);
            }
        }
    }
    LW_UNROLL
    for (int p = 0; p < pixels; p++) {
        vf y = relu ? v_relu(acc[p]) : acc[p];
        if (n == VL)
            v_store(t->dst + p * t->dst_pixel + c, y);
        else
            v_store_n(t->dst + p * t->dst_pixel + c, y, n);
    }
}

LW_INLINE void depthwise_channels(const struct depthwise_tile *t, int64_t channels, bool relu,
                                  const int pixels, const int width, const int stride) {
    int64_t c = 0;
    for (; c + VL <= channels; c += VL)
        depthwise_tile(t, c, VL, relu, pixels, width, stride);
    if (c < channels) depthwise_tile(t, c, (int)(channels - c), relu, pixels, width, stride);
}

typedef void depthwise_function(const struct depthwise_tile *t, int64_t channels, bool relu);

#define DEPTHWISE_FUNCTION(name, pixels, width, stride)                                                      \
    static void name(const struct depthwise_tile *t, int64_t channels, bool relu) {                          \
        depthwise_channels(t, channels, relu, pixels, width, stride);                                        \
    }
DEPTHWISE_FUNCTION(depthwise_one, 1, 0, 0)
DEPTHWISE_FUNCTION(depthwise_any, DEPTHWISE_PIXELS, 0, 0)
DEPTHWISE_FUNCTION(depthwise_3s1, DEPTHWISE_PIXELS, 3, 1)
DEPTHWISE_FUNCTION(depthwise_3s2, DEPTHWISE_PIXELS, 3, 2)
DEPTHWISE_FUNCTION(depthwise_5s1, DEPTHWISE_PIXELS, 5, 1)
DEPTHWISE_FUNCTION(depthwise_5s2, DEPTHWISE_PIXELS, 5, 2)

static depthwise_function *depthwise_pick(const lw_desc *d) {
    static depthwise_function *const table[2][2] = {{depthwise_3s1, depthwise_3s2},
                                                    {depthwise_5s1, depthwise_5s2}};
    bool known = (d->kw == 3 || d->kw == 5) && d->stride_w <= 2 && d->dilation_w == 1;
    return known ? table[d->kw == 5][d->stride_w - 1] : depthwise_any;
}

/* Row oy of the convolution for `channels` channels from c on, to dst. */
static void depthwise_row_channels(const struct depthwise *p, const float *src, int64_t c, int64_t channels,
                                   int64_t oy, float *dst, int64_t dst_pixel, bool relu) {
    int64_t row = p->w.in * p->src_pixel;
    struct depthwise_tile t = {.weights = p->weights + c,
                               .bias = p->bias + c,
                               .row = p->h.dilation * row,
                               .column = p->w.dilation * p->src_pixel,
                               .pixel = p->w.stride * p->src_pixel,
                               .dst_pixel = dst_pixel,
                               .kw = p->w.kernel,
                               .tap = p->tap};
    int64_t ky, ky_end;
    axis_taps(&p->h, oy, &ky, &ky_end);
    t.ky = ky;
    int64_t y = axis_start(&p->h, oy) + ky * p->h.dilation, last = p->x_end - DEPTHWISE_PIXELS;
    depthwise_function *many = depthwise_pick(p->desc);
    for (int64_t ox = 0; ox < p->w.out;) {
        bool inside = ox >= p->x_begin && ox < p->x_end;
        bool whole = inside && last >= p->x_begin;
        if (whole) /* the last tile overlaps the one before */
            ox = lw_min(ox, last);
        axis_taps(&p->w, ox, &t.kx, &t.kx_end);
        t.x = src; /* no address is formed where all taps are clipped */
        if (ky < ky_end && t.kx < t.kx_end)
            t.x += y * row + (axis_start(&p->w, ox) + t.kx * p->w.dilation) * p->src_pixel;
        t.ky_end = t.kx < t.kx_end ? ky_end : ky;
        t.dst = dst + ox * dst_pixel;
        (whole ? many : depthwise_one)(&t, channels, relu);
        ox += whole ? DEPTHWISE_PIXELS : 1;
    }
}

/* dst = 2x2 max pool of two rows. */
static void depthwise_pool_channels(const float *rows, int64_t row, int64_t pixel, int64_t columns,
                                    float *dst, int64_t dst_pixel, int64_t channels, bool relu) {
    for (int64_t x = 0; x < columns; x++) {
        for (int64_t c = 0; c < channels; c += VL) {
            int n = (int)lw_min(VL, channels - c);
            const float *window = rows + 2 * x * pixel + c;
            vf m = v_max_keep(v_load_n(window, n), v_load_n(window + pixel, n));
            m = v_max_keep(m, v_load_n(window + row, n));
            m = v_max_keep(m, v_load_n(window + row + pixel, n));
            v_store_n(dst + x * dst_pixel + c, relu ? v_relu(m) : m, n);
        }
    }
}

/* ---- vectors along x ------------------------------------------------------------------------------------
 */

/* A plane whose rows are split into phases: row y, column s*i + f is at plane + y*row + f*phase + i.
 * offsets[kx] is the place of tap kx of output 0. */
struct depthwise_plane {
    const float *data;
    int64_t row;
    const int64_t *offsets;
};

static int64_t depthwise_phase(const lw_desc *d) { return lw_div_up(d->iw, d->stride_w); }

static void depthwise_offsets(const lw_desc *d, int64_t *offsets) {
    for (int64_t kx = 0; kx < d->kw; kx++) {
        int64_t column = kx * d->dilation_w - d->pad_left, s = d->stride_w;
        int64_t i = column >= 0 ? column / s : -lw_div_up(-column, s);
        offsets[kx] = (column - i * s) * depthwise_phase(d) + i;
    }
}

static void depthwise_split(const lw_desc *d, const float *plane, float *out) {
    int64_t s = d->stride_w, phase = depthwise_phase(d);
    for (int64_t y = 0; y < d->ih; y++, plane += d->iw, out += s * phase) {
        int64_t x = 0;
        if (s == 2)
            for (; x + 2 * VL <= d->iw; x += 2 * VL) {
                vf even, odd;
                v_deinterleave(plane + x, &even, &odd);
                v_store(out + x / 2, even);
                v_store(out + phase + x / 2, odd);
            }
        for (int64_t f = 0; f < s; f++)
            for (int64_t i = x / s; i * s + f < d->iw; i++)
                out[f * phase + i] = plane[i * s + f];
    }
}

/* n outputs (VL * vectors of them when vectors > 1) with taps [ky, ky_end) x [kx, kx_end). x: row of tap ky,
 * at the outputs. */
LW_INLINE void depthwise_along(const struct depthwise *p, const struct depthwise_plane *plane, const float *x,
                               const float *w, float bias, float *dst, int64_t taps[4], int n, bool relu,
                               const int vectors) {
    vf acc[DEPTHWISE_VECTORS];
    LW_UNROLL
    for (int v = 0; v < vectors; v++)
        acc[v] = v_set1(bias);
    for (int64_t ky = taps[0]; ky < taps[1]; ky++, x += p->h.dilation * plane->row)
        for (int64_t kx = taps[2]; kx < taps[3]; kx++) {
            vf weight = v_set1(w[ky * p->w.kernel + kx]);
            LW_UNROLL
            for (int v = 0; v < vectors; v++)
                acc[v] = v_fma(weight, depthwise_load(x + plane->offsets[kx] + v * VL, n), acc[v]);
        }
    LW_UNROLL
    for (int v = 0; v < vectors; v++) {
        vf y = relu ? v_relu(acc[v]) : acc[v];
        if (n == VL)
            v_store(dst + v * VL, y);
        else
            v_store_n(dst + v * VL, y, n);
    }
}

/* Row oy of the convolution of channel c, to dst. */
static void depthwise_row_plane(const struct depthwise *p, const struct depthwise_plane *plane, int64_t c,
                                int64_t oy, float *dst, bool relu) {
    const float *w = p->weights + c * p->h.kernel * p->w.kernel;
    int64_t taps[4], ox = 0;
    axis_taps(&p->h, oy, &taps[0], &taps[1]);
    const float *x = plane->data;
    if (taps[0] < taps[1]) x += (axis_start(&p->h, oy) + taps[0] * p->h.dilation) * plane->row;
    while (ox < p->w.out) {
        bool inside = ox >= p->x_begin && ox < p->x_end;
        int64_t left = inside ? p->x_end - ox : 1;
        axis_taps(&p->w, ox, &taps[2], &taps[3]);
        if (left >= DEPTHWISE_VECTORS * VL) {
            depthwise_along(p, plane, x + ox, w, p->bias[c], dst + ox, taps, VL, relu, DEPTHWISE_VECTORS);
            ox += DEPTHWISE_VECTORS * VL;
        } else if (left >= VL) {
            depthwise_along(p, plane, x + ox, w, p->bias[c], dst + ox, taps, VL, relu, 1);
            ox += VL;
        } else {
            depthwise_along(p, plane, x + ox, w, p->bias[c], dst + ox, taps, (int)left, relu, 1);
            ox += left;
        }
    }
}

/* dst = 2x2 max pool of two rows. */
static void depthwise_pool_plane(const float *rows, int64_t row, int64_t columns, float *dst, bool relu) {
    int64_t x = 0;
    for (; x + VL <= columns; x += VL) {
        vf a, b, c, e;
        v_deinterleave(rows + 2 * x, &a, &b);
        v_deinterleave(rows + row + 2 * x, &c, &e);
        vf m = v_max_keep(v_max_keep(v_max_keep(a, b), c), e);
        v_store(dst + x, relu ? v_relu(m) : m);
    }
    for (; x < columns; x++) {
        const float *w = rows + 2 * x;
        vf m = v_max_keep(v_set1(w[0]), v_set1(w[1]));
        m = v_max_keep(v_max_keep(m, v_set1(w[row])), v_set1(w[row + 1]));
        v_store_n(dst + x, relu ? v_relu(m) : m, 1);
    }
}

/* ---- the row --------------------------------------------------------------------------------------------
 */

/* Scratch memory: two rows for the pool; in NCHW also the offsets and, for a stride above 1, the phases of a
 * plane. */
static int64_t depthwise_scratch_channels(const lw_desc *d) { return lw_round_up(depthwise_group(d), VL); }
static int64_t depthwise_pool_floats(const lw_desc *d) {
    return d->pool2x2 ? lw_round_up(2 * lw_out_w(d) * depthwise_scratch_channels(d), 16) : 0;
}
static size_t depthwise_workspace_bytes(const lw_desc *d) {
    size_t bytes = sizeof(float) * (size_t)depthwise_pool_floats(d);
    if (d->src_layout == LW_NCHW) bytes += sizeof(int64_t) * (size_t)d->kw;
    if (d->src_layout == LW_NCHW && d->stride_w > 1)
        bytes += sizeof(float) * (size_t)(d->ih * d->stride_w * depthwise_phase(d));
    return bytes;
}

/* Group g of image n: destination rows y .. y_end-1. */
static void depthwise_rows_channels(const struct depthwise *p, const struct lw_call *call, int64_t n,
                                    int64_t g, int64_t y, int64_t y_end, float *scratch) {
    const lw_desc *d = p->desc;
    int64_t group = depthwise_group(d), first = g * group;
    /* The blocked layout's zero lanes are computed like the others, from zeros; where one side is NHWC they
     * are not there. */
    bool blocked = d->src_layout == LW_BLOCKED && d->dst_layout == LW_BLOCKED;
    int64_t channels = blocked ? group : lw_min(group, d->ic - first);
    const float *src = call->src + depthwise_offset(d, d->src_layout, n, g, d->ih * d->iw);
    float *dst = call->dst + depthwise_offset(d, d->dst_layout, n, g, p->rows * p->columns);
    int64_t pixel = depthwise_scratch_channels(d);
    for (; y < y_end; y++) {
        float *row = dst + y * p->columns * p->dst_pixel;
        if (d->pool2x2) {
            for (int i = 0; i < 2; i++)
                depthwise_row_channels(p, src, first, channels, 2 * y + i, scratch + i * p->w.out * pixel,
                                       pixel, false);
            depthwise_pool_channels(scratch, p->w.out * pixel, pixel, p->columns, row, p->dst_pixel, channels,
                                    d->relu);
        } else {
            depthwise_row_channels(p, src, first, channels, y, row, p->dst_pixel, d->relu);
        }
        if (d->dst_layout == LW_BLOCKED && channels < LW_BLOCK)
            for (int64_t x = 0; x < p->columns; x++)
                for (int64_t c = channels; c < LW_BLOCK; c++)
                    row[x * LW_BLOCK + c] = 0.0f;
    }
}

/* Channel c of image n: destination rows y .. y_end-1. */
static void depthwise_rows_plane(const struct depthwise *p, const struct lw_call *call, int64_t n, int64_t c,
                                 int64_t y, int64_t y_end, float *scratch) {
    const lw_desc *d = p->desc;
    int64_t *offsets = (int64_t *)(scratch + depthwise_pool_floats(d));
    float *phases = (float *)(offsets + d->kw);
    const float *src = call->src + depthwise_offset(d, LW_NCHW, n, c, d->ih * d->iw);
    float *dst = call->dst + depthwise_offset(d, LW_NCHW, n, c, p->rows * p->columns);
    struct depthwise_plane plane = {src, d->iw, offsets};
    depthwise_offsets(d, offsets);
    if (d->stride_w > 1) {
        depthwise_split(d, src, phases);
        plane.data = phases;
        plane.row = d->stride_w * depthwise_phase(d);
    }
    for (; y < y_end; y++) {
        if (d->pool2x2) {
            for (int i = 0; i < 2; i++)
                depthwise_row_plane(p, &plane, c, 2 * y + i, scratch + i * p->w.out, false);
            depthwise_pool_plane(scratch, p->w.out, p->columns, dst + y * p->columns, d->relu);
        } else {
            depthwise_row_plane(p, &plane, c, y, dst + y * p->columns, d->relu);
        }
    }
}

static double depthwise_cycles(const lw_desc *d) {
    struct depthwise p = depthwise_setup(d, NULL);
    double taps = (double)(d->kh * d->kw), outputs = (double)(d->batch * p.h.out * p.w.out), vectors;
    if (d->src_layout == LW_NCHW)
        vectors = (double)(d->batch * d->ic * p.h.out) * (2 + (double)lw_div_up(p.w.out, VL));
    else
        vectors = outputs * (double)lw_div_up(d->ic, VL);
    double floats = (double)d->ic * (outputs + (double)(d->batch * d->ih * d->iw));
    return cost_cycles(vectors * (2 + 0.7 * taps * LW_FMA_ROUNDINGS), floats);
}

/* Rows of the destination; whole planes where a plane is split into phases, since each task would have to do
 * that. */
static int64_t depthwise_unit_rows(const struct depthwise *p) {
    return p->desc->src_layout == LW_NCHW && p->desc->stride_w > 1 ? p->rows : 1;
}
static int64_t depthwise_tasks(const lw_desc *d) {
    struct depthwise p = depthwise_setup(d, NULL);
    return split_tasks(p.images * p.rows / depthwise_unit_rows(&p), depthwise_cycles(d));
}

static void depthwise_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    struct depthwise p = depthwise_setup(call->desc, call->packed);
    int64_t unit = depthwise_unit_rows(&p), units = p.images * p.rows / unit,
            tasks = depthwise_tasks(call->desc);
    int64_t row = split_begin(units, tasks, begin) * unit, last = split_begin(units, tasks, end) * unit;
    while (row < last) {
        int64_t image = row / p.rows, y = row % p.rows, y_end = lw_min(p.rows, y + last - row);
        int64_t n = image / p.groups, g = image % p.groups;
        if (call->desc->src_layout == LW_NCHW)
            depthwise_rows_plane(&p, call, n, g, y, y_end, workspace);
        else
            depthwise_rows_channels(&p, call, n, g, y, y_end, workspace);
        row += y_end - y;
    }
}

static bool depthwise_supports(const lw_desc *d, const char **reason) {
    if (d->groups != d->ic || d->oc != d->ic) {
        *reason = "only depthwise: groups, input and output channels must be equal";
        return false;
    }
    if ((d->src_layout == LW_NCHW) != (d->dst_layout == LW_NCHW)) {
        *reason = "depthwise from or to NCHW needs NCHW on both sides";
        return false;
    }
    return true;
}

static double depthwise_bound(const lw_desc *d) {
    return rounding_bound((double)(d->kh * d->kw + 1) * LW_FMA_ROUNDINGS);
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
     .cycles = depthwise_cycles},

#endif
