/* Winograd's transforms of one axis, on vectors of channels. Everything is in +- pairs: an even part E and an
 * odd part O give E + p O and E - p O, so a pair costs one product more than a point. */
#ifndef LW_WINOGRAD_TRANSFORM_H
#define LW_WINOGRAD_TRANSFORM_H

#include "winograd_matrices.h"

/* Sum over k < n of coefficient[k] * x[k * step]; the last coefficient is often 1. */
LW_INLINE vf wino_dot(const float *coefficient, const vf *x, const int n) {
    vf sum = v_mul(v_set1(coefficient[n - 1]), x[2 * (n - 1)]);
    LW_UNROLL
    for (int k = n - 2; k >= 0; k--)
        sum = v_fma(v_set1(coefficient[k]), x[2 * k], sum);
    return sum;
}

/* B^T: 2P + 2 inputs to as many points. */
LW_INLINE void wino_input_axis(const struct wino_set *set, const int P, const vf *d, vf *point) {
    const struct wino_size *size = &set->size[P - 1];
    point[0] = wino_dot(size->zero, d, P + 1);
    point[1] = wino_dot(size->infinity, d + 1, P + 1);
    LW_UNROLL
    for (int i = 0; i < P; i++) {
        const vf even = wino_dot(size->pair[i], d + 2, P), odd = wino_dot(size->pair[i], d + 1, P);
        const vf p = v_set1(set->p[i]);
        point[2 + 2 * i] = v_fma(p, odd, even);
        point[3 + 2 * i] = v_fnma(p, odd, even);
    }
}

/* A^T: 2P + 2 products to 2P outputs. */
LW_INLINE void wino_output_axis(const struct wino_set *set, const int P, const vf *product, vf *y) {
    vf sum[WINO_MAX_PAIRS], difference[WINO_MAX_PAIRS];
    LW_UNROLL
    for (int i = 0; i < P; i++) {
        sum[i] = v_add(product[2 + 2 * i], product[3 + 2 * i]);
        difference[i] = v_sub(product[2 + 2 * i], product[3 + 2 * i]);
    }
    LW_UNROLL
    for (int k = 0; k < 2 * P; k++) {
        const vf *part = k % 2 ? difference : sum;
        vf out = k == 0 ? v_add(product[0], part[0]) : v_mul(v_set1(set->power[0][k]), part[0]);
        if (k == 2 * P - 1) out = v_add(product[1], out);
        LW_UNROLL
        for (int i = 1; i < P; i++)
            out = v_fma(v_set1(set->power[i][k]), part[i], out);
        y[k] = out;
    }
}

/* Where a patch lies: `step` floats from row to row, `column` from column to column. Rows and columns outside
 * row_begin .. row_end-1, column_begin .. column_end-1 are padding: never read. */
struct wino_patch {
    const float *src;
    ptrdiff_t step, column;
    int columns; /* of the patch */
    int row_begin, row_end, column_begin, column_end;
    const float *zeros; /* a vector to read where a row is padding */
};

/* The two passes of the input transform. First pass: each column's 2P + 2 vectors to points `out_step` floats
 * apart; the columns of the result are VL floats apart. */
LW_INLINE void wino_input_columns(const struct wino_set *set, const int P, const struct wino_patch *p,
                                  ptrdiff_t offset, float *out, ptrdiff_t out_step) {
    const bool whole = p->row_begin == 0 && p->row_end == 2 * P + 2;
    for (int c = 0; c < p->columns; c++, out += VL) {
        vf d[WINO_MAX_POINTS], point[WINO_MAX_POINTS];
        if (c < p->column_begin || c >= p->column_end) {
            LW_UNROLL
            for (int i = 0; i < 2 * P + 2; i++)
                v_store(out + i * out_step, v_zero());
            continue;
        }
        const float *src = p->src + offset + c * p->column;
        LW_UNROLL
        for (int i = 0; i < 2 * P + 2; i++)
            d[i] = v_load(whole || (i >= p->row_begin && i < p->row_end) ? src + i * p->step : p->zeros);
        wino_input_axis(set, P, d, point);
        LW_UNROLL
        for (int i = 0; i < 2 * P + 2; i++)
            v_store(out + i * out_step, point[i]);
    }
}

/* Second pass: `count` rows of 2P + 2 neighbouring vectors, to points scattered to out + unit[row][point] *
 * size. */
LW_INLINE void wino_input_rows(const struct wino_set *set, const int P, const float *in, ptrdiff_t in_step,
                               int count, float *out, const int32_t (*unit)[WINO_MAX_POINTS],
                               ptrdiff_t size) {
    for (int r = 0; r < count; r++, in += in_step) {
        vf d[WINO_MAX_POINTS], point[WINO_MAX_POINTS];
        LW_UNROLL
        for (int i = 0; i < 2 * P + 2; i++)
            d[i] = v_load(in + i * VL);
        wino_input_axis(set, P, d, point);
        LW_UNROLL
        for (int i = 0; i < 2 * P + 2; i++)
            v_store(out + unit[r][i] * size, point[i]);
    }
}

/* The output transform, the other way round: first along the rows' points (gathered), then down the columns.
 */
LW_INLINE void wino_output_rows(const struct wino_set *set, const int P, const float *in,
                                const int32_t (*unit)[WINO_MAX_POINTS], ptrdiff_t size, int count, float *out,
                                ptrdiff_t out_step) {
    for (int r = 0; r < count; r++, out += out_step) {
        vf product[WINO_MAX_POINTS], y[2 * WINO_MAX_PAIRS];
        LW_UNROLL
        for (int i = 0; i < 2 * P + 2; i++)
            product[i] = v_load(in + unit[r][i] * size);
        wino_output_axis(set, P, product, y);
        LW_UNROLL
        for (int i = 0; i < 2 * P; i++)
            v_store(out + i * VL, y[i]);
    }
}

/* Where the outputs of a tile go, after the tail: rows and columns beyond the image are left out. */
struct wino_target {
    float *out;
    ptrdiff_t row, column; /* floats from one to the next */
    int rows, columns;     /* of the (pooled) outputs */
    bool relu;
};

LW_INLINE void wino_load_column(const struct wino_set *set, const int P, const float *in, ptrdiff_t in_step,
                                vf *y) {
    vf product[WINO_MAX_POINTS];
    LW_UNROLL
    for (int i = 0; i < 2 * P + 2; i++)
        product[i] = v_load(in + i * in_step);
    wino_output_axis(set, P, product, y);
}

/* Bias, ReLU and store of one column of the (pooled) outputs. */
LW_INLINE void wino_store_column(const struct wino_target *t, vf *y, const int rows, vf bias, float *out) {
    LW_UNROLL
    for (int k = 0; k < rows; k++) {
        y[k] = v_add(y[k], bias);
        if (t->relu) y[k] = v_relu(y[k]);
        if (k < t->rows) v_store(out + k * t->row, y[k]);
    }
}

LW_INLINE void wino_output_columns(const struct wino_set *set, const int P, const float *in,
                                   ptrdiff_t in_step, const float *bias, const struct wino_target *t,
                                   ptrdiff_t offset) {
    const vf b = v_load(bias);
    float *out = t->out + offset;
    for (int c = 0; c < t->columns; c++, in += VL, out += t->column) {
        vf y[2 * WINO_MAX_PAIRS];
        wino_load_column(set, P, in, in_step, y);
        wino_store_column(t, y, 2 * P, b, out);
    }
}

/* The same with a 2x2 max pool, which commutes with adding the bias: rounding is monotonic. */
LW_INLINE void wino_output_pooled(const struct wino_set *set, const int P, const float *in, ptrdiff_t in_step,
                                  const float *bias, const struct wino_target *t, ptrdiff_t offset) {
    const vf b = v_load(bias);
    float *out = t->out + offset;
    for (int c = 0; c < t->columns; c++, in += 2 * VL, out += t->column) {
        vf left[2 * WINO_MAX_PAIRS], right[2 * WINO_MAX_PAIRS];
        wino_load_column(set, P, in, in_step, left);
        wino_load_column(set, P, in + VL, in_step, right);
        LW_UNROLL
        for (int k = 0; k < P; k++) {
            const vf upper = v_max_keep(left[2 * k], right[2 * k]);
            left[k] = v_max_keep(v_max_keep(upper, left[2 * k + 1]), right[2 * k + 1]);
        }
        wino_store_column(t, left, P, b, out);
    }
}

/* One function for each tile size of a set, by pairs - 1. */
struct wino_functions {
    void (*input_columns)(const struct wino_patch *p, ptrdiff_t offset, float *out, ptrdiff_t out_step);
    void (*input_rows)(const float *in, ptrdiff_t in_step, int count, float *out,
                       const int32_t (*unit)[WINO_MAX_POINTS], ptrdiff_t size);
    void (*output_rows)(const float *in, const int32_t (*unit)[WINO_MAX_POINTS], ptrdiff_t size, int count,
                        float *out, ptrdiff_t out_step);
    void (*output_columns[2])(const float *in, ptrdiff_t in_step, const float *bias,
                              const struct wino_target *t, ptrdiff_t offset); /* plain, pooled */
};

#define WINO_FUNCTIONS(set, P)                                                                               \
    static void set##_input_columns_##P(const struct wino_patch *p, ptrdiff_t offset, float *out,            \
                                        ptrdiff_t out_step) {                                                \
        wino_input_columns(&set, P, p, offset, out, out_step);                                               \
    }                                                                                                        \
    static void set##_input_rows_##P(const float *in, ptrdiff_t in_step, int count, float *out,              \
                                     const int32_t(*unit)[WINO_MAX_POINTS], ptrdiff_t size) {                \
        wino_input_rows(&set, P, in, in_step, count, out, unit, size);                                       \
    }                                                                                                        \
    static void set##_output_rows_##P(const float *in, const int32_t(*unit)[WINO_MAX_POINTS],                \
                                      ptrdiff_t size, int count, float *out, ptrdiff_t out_step) {           \
        wino_output_rows(&set, P, in, unit, size, count, out, out_step);                                     \
    }                                                                                                        \
    static void set##_output_columns_##P(const float *in, ptrdiff_t in_step, const float *bias,              \
                                         const struct wino_target *t, ptrdiff_t offset) {                    \
        wino_output_columns(&set, P, in, in_step, bias, t, offset);                                          \
    }                                                                                                        \
    static void set##_output_pooled_##P(const float *in, ptrdiff_t in_step, const float *bias,               \
                                        const struct wino_target *t, ptrdiff_t offset) {                     \
        wino_output_pooled(&set, P, in, in_step, bias, t, offset);                                           \
    }
#define WINO_ENTRY(set, P)                                                                                   \
    {                                                                                                        \
        set##_input_columns_##P, set##_input_rows_##P, set##_output_rows_##P, {                              \
            set##_output_columns_##P, set##_output_pooled_##P                                                \
        }                                                                                                    \
    }

WINO_FUNCTIONS(wino_f2, 1)
WINO_FUNCTIONS(wino_f4, 1)
WINO_FUNCTIONS(wino_f4, 2)
WINO_FUNCTIONS(wino_f6, 1)
WINO_FUNCTIONS(wino_f6, 2)
WINO_FUNCTIONS(wino_f6, 3)

static const struct wino_functions wino_f2_functions[] = {WINO_ENTRY(wino_f2, 1)};
static const struct wino_functions wino_f4_functions[] = {WINO_ENTRY(wino_f4, 1), WINO_ENTRY(wino_f4, 2)};
static const struct wino_functions wino_f6_functions[] = {WINO_ENTRY(wino_f6, 1), WINO_ENTRY(wino_f6, 2),
                                                          WINO_ENTRY(wino_f6, 3)};

#undef WINO_FUNCTIONS
#undef WINO_ENTRY

#endif
