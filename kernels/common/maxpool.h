/* Max pooling. In NHWC and blocked layouts vectors run over channels; in NCHW along x, with the columns of a
 * stride-2 window separated by deinterleaving, and one element at a time where the window is neither 2x2 nor
 * 3x3 of stride 2 or reaches into padding.
 *
 * Every output takes its window in order, x > m or NaN replacing m: the first of equal values wins, which
 * decides the sign of zero, and NaN propagates. */
#ifndef LW_MAXPOOL_H
#define LW_MAXPOOL_H

#include "template.h"
#include "window.h"

struct maxpool {
    struct axis h, w;
    int64_t x_begin, x_end; /* columns whose windows need no clipping */
    int64_t pixel;          /* floats from one pixel to the next: its channels, or 1 in planes */
    int64_t images;         /* planes (NCHW), images (NHWC) or planes of 16 channels (blocked) */
    const float *end;       /* of the source: up to it anything may be read */
};

static struct maxpool maxpool_setup(const lw_desc *d) {
    struct maxpool p = {.h = axis_h(d), .w = axis_w(d), .pixel = 1, .images = d->batch};
    if (d->src_layout == LW_NHWC)
        p.pixel = d->ic;
    else if (d->src_layout == LW_BLOCKED)
        p.pixel = LW_BLOCK, p.images *= lw_div_up(d->ic, LW_BLOCK);
    else
        p.images *= d->ic;
    axis_interior(&p.w, &p.x_begin, &p.x_end);
    return p;
}

/* A window of rows x columns pixels, at least one, none of them outside the source. */
LW_INLINE vf maxpool_window(const float *x, int64_t row, int64_t column, int64_t rows, int64_t columns,
                            int n) {
    vf m = v_set1(-INFINITY);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            m = v_max_keep(m, n == VL ? v_load(x + i * row + j * column)
                                      : v_load_n(x + i * row + j * column, n));
    return m;
}

/* The same for one float. */
LW_INLINE float maxpool_float(const float *x, int64_t row, int64_t column, int64_t rows, int64_t columns) {
    float m = -INFINITY;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            float v = x[i * row + j * column];
            float larger = v > m ? v : m;
            m = v != v ? v : larger; /* in two steps, which compile without a branch */
        }
    return m;
}

/* ---- one output, any window -------------------------------------------------------------------------- */

/* The rows of taps of one output row that lie in the source. */
struct maxpool_rows {
    const float *first; /* column 0 of the first of them; not valid when count is 0 */
    int64_t count, step;
    int64_t valid; /* channels that aren't the blocked layout's zeros */
};

static void maxpool_pixel(const struct maxpool *p, const struct maxpool_rows *r, int64_t ox, float *dst) {
    int64_t kx, kx_end;
    axis_taps(&p->w, ox, &kx, &kx_end);
    if (r->count == 0 || kx == kx_end) {
        for (int64_t c = 0; c < p->pixel; c++)
            dst[c] = c < r->valid ? -INFINITY : 0.0f;
        return;
    }
    const float *x = r->first + (axis_start(&p->w, ox) + kx * p->w.dilation) * p->pixel;
    int64_t column = p->w.dilation * p->pixel, c = 0;
    if (p->pixel == 1) {
        *dst = maxpool_float(x, r->step, column, r->count, kx_end - kx);
        return;
    }
    for (; c + VL <= p->pixel; c += VL)
        v_store(dst + c, maxpool_window(x + c, r->step, column, r->count, kx_end - kx, VL));
    int n = (int)(p->pixel - c);
    if (n > 0) v_store_n(dst + c, maxpool_window(x + c, r->step, column, r->count, kx_end - kx, n), n);
}

/* ---- columns x_begin .. x_end-1, whose windows have all their columns -------------------------------- */

/* The columns that a window has in one source row: VL (or n) channels of it, or in planes those of VL
 * windows. */
LW_INLINE vf maxpool_across(const float *x, int64_t pixel, int n, const int kernel) {
    vf column[3], skip;
    if (pixel == 1) {
        v_deinterleave(x, &column[0], &column[1]);
        if (kernel == 3) /* from x + 1, since x + 2 would read one float too many */
            v_deinterleave(x + 1, &skip, &column[2]);
    } else {
        LW_UNROLL
        for (int j = 0; j < kernel; j++)
            column[j] = n == VL ? v_load(x + j * pixel) : v_load_n(x + j * pixel, n);
    }
    vf m = v_max_keep(column[0], column[1]);
    return kernel == 3 ? v_max_keep(m, column[2]) : m;
}

/* Windows of stride 2; rows: of the window, clipped. */
LW_INLINE vf maxpool_known(const float *x, int64_t row, int64_t pixel, const int64_t rows, int n,
                           const int kernel) {
    vf m = maxpool_across(x, pixel, n, kernel);
    for (int64_t i = 1; i < rows; i++)
        m = v_max_keep(m, maxpool_across(x + i * row, pixel, n, kernel));
    return m;
}

/* Whole 3x3 windows of stride 2: the last source row of an output row is the first of the next, and what its
 * windows' columns gave is kept. */
#define MAXPOOL_KEPT 4096

struct maxpool_kept {
    const float *row; /* of this source row, from the first whole window on; NULL: of none */
    float max[MAXPOOL_KEPT];
};

static bool maxpool_can_keep(const struct maxpool *p) {
    const int64_t count = p->x_end - p->x_begin;
    if (p->pixel == 1) return count >= VL && lw_round_up(count, VL) <= MAXPOOL_KEPT;
    return count * lw_round_up(p->pixel, VL) <= MAXPOOL_KEPT;
}

/* What becomes of a row's windows: all their rows are taken, or the first one is taken and kept, or it was
 * kept and their last one is. */
enum maxpool_way { MAXPOOL_WHOLE, MAXPOOL_KEEP, MAXPOOL_CHAIN };

/* One vector of a row of outputs. */
LW_INLINE void maxpool_output(const float *x, int64_t step, int64_t pixel, const int64_t rows, int n,
                              float *max, float *dst, const enum maxpool_way way, const int kernel) {
    if (way == MAXPOOL_KEEP) {
        v_store(max, maxpool_across(x, pixel, n, kernel));
        return;
    }
    vf m;
    if (way == MAXPOOL_WHOLE)
        m = maxpool_known(x, step, pixel, rows, n, kernel);
    else {
        const vf last = maxpool_across(x + 2 * step, pixel, n, kernel);
        m = v_max_keep(v_max_keep(v_load(max), maxpool_across(x + step, pixel, n, kernel)), last);
        v_store(max, last);
    }
    if (n == VL)
        v_store(dst, m);
    else
        v_store_n(dst, m, n);
}

/* pixel: floats from one pixel to the next, all of them channels. */
LW_INLINE void maxpool_channels(int64_t count, const float *x, int64_t step, const int64_t pixel,
                                const int64_t rows, float *max, float *dst, const enum maxpool_way way,
                                const int kernel) {
    for (int64_t i = 0; i < count; i++, x += 2 * pixel, dst += pixel) {
        int64_t c = 0;
        for (; c + VL <= pixel; c += VL, max += way == MAXPOOL_WHOLE ? 0 : VL)
            maxpool_output(x + c, step, pixel, rows, VL, max, dst + c, way, kernel);
        const int n = (int)(pixel - c);
        if (n == 0) continue;
        maxpool_output(x + c, step, pixel, rows, n, max, dst + c, way, kernel);
        max += way == MAXPOOL_WHOLE ? 0 : VL;
    }
}

/* n < VL outputs along x. Whole vectors are read where the source goes on behind the row: a copy would be
 * read at other offsets than it was written, and wait for the stores. */
LW_INLINE void maxpool_along_n(const struct maxpool *p, const float *x, int64_t step, const int64_t rows,
                               int n, float *dst, const int kernel) {
    if (p->end - x > (rows - 1) * step + 2 * VL) {
        v_store_n(dst, maxpool_known(x, step, 1, rows, VL, kernel), n);
        return;
    }
    float copy[3 * 3 * VL];
    int floats = 2 * (n - 1) + kernel;
    for (int64_t i = 0; i < rows; i++) {
        LW_UNROLL
        for (int j = 0; j < 3; j++) {
            int have = (int)lw_max(0, lw_min(VL, floats - j * VL));
            v_store(copy + (3 * i + j) * VL, v_load_n(x + i * step + (have > 0 ? j * VL : 0), have));
        }
    }
    v_store_n(dst, maxpool_known(copy, 3 * VL, 1, rows, VL, kernel), n);
}

/* The last whole vector overlaps the one before. */
LW_INLINE void maxpool_plane(const struct maxpool *p, const float *x, int64_t step, const int64_t rows,
                             float *max, float *dst, const enum maxpool_way way, const int kernel) {
    const int64_t count = p->x_end - p->x_begin;
    if (count < VL) {
        maxpool_along_n(p, x, step, rows, (int)count, dst, kernel);
        return;
    }
    int64_t i = 0;
    for (; i + VL <= count; i += VL)
        maxpool_output(x + 2 * i, step, 1, rows, VL, max + (way == MAXPOOL_WHOLE ? 0 : i), dst + i, way,
                       kernel);
    const int64_t last = count - VL;
    if (i < count)
        maxpool_output(x + 2 * last, step, 1, rows, VL, max + (way == MAXPOOL_WHOLE ? 0 : i), dst + last, way,
                       kernel);
}

/* max: what is kept; MAXPOOL_WHOLE leaves it alone. */
LW_INLINE void maxpool_columns(const struct maxpool *p, const float *x, int64_t step, const int64_t rows,
                               float *max, float *dst, const enum maxpool_way way, const int kernel) {
    const int64_t count = p->x_end - p->x_begin;
    if (p->pixel == 1)
        maxpool_plane(p, x, step, rows, max, dst, way, kernel);
    else if (p->pixel == LW_BLOCK)
        maxpool_channels(count, x, step, LW_BLOCK, rows, max, dst, way, kernel);
    else
        maxpool_channels(count, x, step, p->pixel, rows, max, dst, way, kernel);
}

LW_INLINE void maxpool_shared(const struct maxpool *p, const float *x, int64_t step, float *dst,
                              struct maxpool_kept *kept) {
    if (kept->row != x) maxpool_columns(p, x, step, 3, kept->max, dst, MAXPOOL_KEEP, 3);
    maxpool_columns(p, x, step, 3, kept->max, dst, MAXPOOL_CHAIN, 3);
    kept->row = x + 2 * step;
}

/* Windows of any kind and stride 1 in a plane: vectors along x. */
static void maxpool_plane_s1(const struct maxpool *p, const float *x, int64_t step, int64_t rows,
                             float *dst) {
    for (int64_t i = 0, count = p->x_end - p->x_begin; i < count; i += VL) {
        int n = (int)lw_min(VL, count - i);
        v_store_n(dst + i, maxpool_window(x + i, step, p->w.dilation, rows, p->w.kernel, n), n);
    }
}

/* ---- rows -------------------------------------------------------------------------------------------- */

/* One output row. kernel: 2 or 3 for the windows of stride 2, 0 for any; kept: for 3 alone, NULL where that
 * can't be. */
LW_INLINE void maxpool_row(const struct maxpool *p, const float *image, float *dst, int64_t oy, int64_t valid,
                           const int kernel, struct maxpool_kept *kept) {
    int64_t ky, ky_end, row = p->w.in * p->pixel, x_begin = 0, x_end = 0;
    axis_taps(&p->h, oy, &ky, &ky_end);
    struct maxpool_rows r = {image, ky_end - ky, p->h.dilation * row, valid};
    bool along = kernel > 0 || (p->pixel == 1 && p->w.stride == 1);
    if (r.count > 0) r.first += (axis_start(&p->h, oy) + ky * p->h.dilation) * row;
    if (along && r.count > 0 && p->x_begin < p->x_end) {
        x_begin = p->x_begin, x_end = p->x_end;
        const float *x = r.first + axis_start(&p->w, x_begin) * p->pixel;
        float *to = dst + x_begin * p->pixel;
        if (kernel == 0)
            maxpool_plane_s1(p, x, r.step, r.count, to);
        else if (r.count == kernel && kept)
            maxpool_shared(p, x, r.step, to, kept);
        else if (r.count == kernel)
            maxpool_columns(p, x, r.step, kernel, to, to, MAXPOOL_WHOLE, kernel);
        else
            maxpool_columns(p, x, r.step, r.count, to, to, MAXPOOL_WHOLE, kernel);
    }
    for (int64_t ox = 0; ox < x_begin; ox++)
        maxpool_pixel(p, &r, ox, dst + ox * p->pixel);
    for (int64_t ox = x_end; ox < p->w.out; ox++)
        maxpool_pixel(p, &r, ox, dst + ox * p->pixel);
}

/* A row's vectors of outputs; in planes those at the ends are single pixels. */
static double maxpool_vectors(const lw_desc *d, bool known) {
    const struct maxpool p = maxpool_setup(d);
    const double rows = (double)(p.images * p.h.out), columns = (double)p.w.out;
    if (p.pixel > 1) return rows * columns * (double)lw_div_up(p.pixel, VL);
    if (known) return rows * (2 + ceil(columns / VL));
    const double ends =
        d->stride_w == 1 ? fmin(columns, (double)(d->pad_left + lw_max(0, d->pad_right))) : columns;
    return rows * (2 * ends + ceil((columns - ends) / VL));
}

LW_INLINE void maxpool_work(const lw_desc *d, const struct lw_caches *caches, const bool known,
                            struct lw_work *w) {
    const double vectors = maxpool_vectors(d, known);
    w->unit[LW_WORK_call] += 1;
    w->unit[LW_WORK_store] += vectors;
    w->unit[known ? LW_WORK_pool : LW_WORK_pool_any] += vectors * (double)(d->kh * d->kw);
    work_tensors(d, caches, 0, w);
}
static void maxpool_known_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    maxpool_work(d, caches, true, w);
}
static void maxpool_any_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    maxpool_work(d, caches, false, w);
}

static int64_t maxpool_tasks(const lw_desc *d) {
    struct maxpool p = maxpool_setup(d);
    return split_tasks(p.images * p.h.out, maxpool_vectors(d, true) * (double)(d->kh * d->kw));
}

LW_INLINE void maxpool_run(const struct lw_call *call, int64_t begin, int64_t end, const int kernel) {
    const lw_desc *d = call->desc;
    struct maxpool p = maxpool_setup(d);
    int64_t rows = p.images * p.h.out, tasks = maxpool_tasks(d), blocks = lw_div_up(d->ic, LW_BLOCK);
    int64_t row = split_begin(rows, tasks, begin), last = split_begin(rows, tasks, end);
    int64_t i = row / p.h.out, oy = row % p.h.out;
    struct maxpool_kept kept;
    kept.row = NULL;
    p.end = call->src + p.images * p.h.in * p.w.in * p.pixel;
    struct maxpool_kept *keep = kernel == 3 && maxpool_can_keep(&p) ? &kept : NULL;
    for (; row < last; row++) {
        const float *image = call->src + i * p.h.in * p.w.in * p.pixel;
        int64_t valid = d->src_layout == LW_BLOCKED ? d->ic - i % blocks * LW_BLOCK : p.pixel;
        maxpool_row(&p, image, call->dst + row * p.w.out * p.pixel, oy, valid, kernel, keep);
        if (++oy == p.h.out) oy = 0, i++;
    }
}

static void maxpool_run_2x2s2(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    (void)workspace;
    maxpool_run(call, begin, end, 2);
}
static void maxpool_run_3x3s2(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    (void)workspace;
    maxpool_run(call, begin, end, 3);
}
static void maxpool_run_any(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    (void)workspace;
    maxpool_run(call, begin, end, 0);
}

static bool maxpool_supports_any(const lw_desc *d, const char **reason) {
    if (d->src_layout == d->dst_layout) return true;
    *reason = "max pool doesn't change the layout: source and destination must have the same one";
    return false;
}
static bool maxpool_window_is(const lw_desc *d, int64_t kernel) {
    return d->kh == kernel && d->kw == kernel && d->stride_h == 2 && d->stride_w == 2 && d->dilation_h == 1 &&
           d->dilation_w == 1;
}
static bool maxpool_supports_2x2s2(const lw_desc *d, const char **reason) {
    *reason = "only a dense 2x2 window of stride 2";
    return maxpool_window_is(d, 2) && maxpool_supports_any(d, reason);
}
static bool maxpool_supports_3x3s2(const lw_desc *d, const char **reason) {
    *reason = "only a dense 3x3 window of stride 2";
    return maxpool_window_is(d, 3) && maxpool_supports_any(d, reason);
}

static double maxpool_exact(const lw_desc *d) {
    (void)d;
    return 0;
}

#define MAXPOOL_ROW(window, counts)                                                                          \
    LW_ROW(maxpool_##window, .algorithm = "pool", .op = LW_MAXPOOL, .src_layouts = LW_ANY_LAYOUT,            \
           .dst_layouts = LW_ANY_LAYOUT, .supports = maxpool_supports_##window, .tasks = maxpool_tasks,      \
           .run = maxpool_run_##window, .bound = maxpool_exact, .rel_l2 = maxpool_exact, .work = counts)

#define LW_ROWS_maxpool                                                                                      \
    MAXPOOL_ROW(2x2s2, maxpool_known_work)                                                                   \
    MAXPOOL_ROW(3x3s2, maxpool_known_work) MAXPOOL_ROW(any, maxpool_any_work)

#endif
