/* Winograd's transforms of a tile, on vectors of channels: two passes over an axis each (winograd_axis.h),
 * the output's second one with the tail: bias, 2x2 max pool, ReLU. */
#ifndef LW_WINOGRAD_TRANSFORM_H
#define LW_WINOGRAD_TRANSFORM_H

#include "winograd_axis.h"
#include "winograd_gemm.h"

/* Vectors from row to row between the two passes of the input transform: off the powers of two. */
#define WINO_TEMP_STEP (WINO_MAX_POINTS + 1)

/* The pixels that a tile reads: (r, c) at row[r] + c * column floats. Rows in the padding point to zeros;
 * columns outside begin .. end-1 are padding and never read. */
struct wino_patch {
    const float *row[WINO_MAX_POINTS];
    ptrdiff_t column;
    int columns, begin, end;
    int groups; /* vectors of channels, at most LW_BLOCK_VECTORS */
};

/* The two passes of the input transform. First pass: each column's vectors to points. */
LW_INLINE void wino_input_columns(const struct wino_set *set, const int P, const struct wino_patch *patch,
                                  float *temp) {
    const struct wino_patch p = *patch; /* a copy: stores through temp can't change it */
    const ptrdiff_t step = WINO_TEMP_STEP * LW_BLOCK;
    for (int c = 0; c < p.columns; c++, temp += LW_BLOCK) {
        if (c < p.begin || c >= p.end) {
            LW_UNROLL
            for (int i = 0; i < WINO_POINTS(set, P); i++) {
                LW_UNROLL
                for (int v = 0; v < LW_BLOCK_VECTORS; v++)
                    v_store(temp + i * step + v * VL, v_zero());
            }
            continue;
        }
        float *to = temp;
        for (ptrdiff_t at = c * p.column, end = at + p.groups * VL; at < end; at += VL, to += VL) {
            vf d[WINO_MAX_POINTS], point[WINO_MAX_POINTS];
            LW_UNROLL
            for (int i = 0; i < WINO_POINTS(set, P); i++)
                d[i] = v_load(p.row[i] + at);
            wino_input_axis(set, P, d, point);
            LW_UNROLL
            for (int i = 0; i < WINO_POINTS(set, P); i++)
                v_store(to + i * step, point[i]);
        }
    }
}

/* Second pass: `rows` rows of neighbouring pixels, to point (r, i) at v[i] + r * row. */
LW_INLINE void wino_input_rows(const struct wino_set *set, const int P, const float *temp, int rows,
                               int groups, float *const *v, ptrdiff_t row) {
    float *to[WINO_MAX_POINTS];
    LW_UNROLL
    for (int i = 0; i < WINO_POINTS(set, P); i++)
        to[i] = v[i];
    for (ptrdiff_t r = 0; r < rows * row; r += row, temp += WINO_TEMP_STEP * LW_BLOCK) {
        const float *from = temp;
        for (ptrdiff_t at = r; at < r + groups * VL; at += VL, from += VL) {
            vf d[WINO_MAX_POINTS], point[WINO_MAX_POINTS];
            LW_UNROLL
            for (int i = 0; i < WINO_POINTS(set, P); i++)
                d[i] = v_load(from + i * LW_BLOCK);
            wino_input_axis(set, P, d, point);
            LW_UNROLL
            for (int i = 0; i < WINO_POINTS(set, P); i++)
                v_store(to[i] + at, point[i]);
        }
    }
}

/* One row of points of an oc tile, for all the block's tile rows that use it. */
struct wino_point_row {
    const float *m;       /* [point of the row][slot][WINO_WIDTH] */
    ptrdiff_t slots;      /* of a point */
    const int32_t *tiles; /* of a tile row, that use each point */
    int64_t rows;         /* tile rows */
    int vectors;
    float *temp;        /* [tile row][row of points][column][WINO_WIDTH], from this row of points on */
    ptrdiff_t temp_row; /* floats of a tile row */
};

/* The output transform, the other way round. First pass: of tiles begin .. end-1 of each tile row, a row of
 * points to columns. */
LW_INLINE void wino_output_rows(const struct wino_set *set, const int P, const struct wino_point_row *p,
                                int64_t begin, int64_t end) {
    const ptrdiff_t width = p->vectors * VL;
    const float *from[WINO_MAX_POINTS];
    float *temp = p->temp + begin * WINO_OUTPUTS(set, set->pairs) * WINO_WIDTH;
    LW_UNROLL
    for (int i = 0; i < WINO_POINTS(set, P); i++)
        from[i] = p->m + (i * p->slots + begin) * WINO_WIDTH;
    for (int64_t r = 0; r < p->rows; r++, temp += p->temp_row) {
        float *to = temp;
        for (ptrdiff_t t = 0; t < (end - begin) * WINO_WIDTH; t += WINO_WIDTH) {
            for (ptrdiff_t g = 0; g < width; g += VL) {
                vf product[WINO_MAX_POINTS], y[WINO_MAX_OUTPUTS];
                LW_UNROLL
                for (int i = 0; i < WINO_POINTS(set, P); i++)
                    product[i] = v_load(from[i] + t + g);
                wino_output_axis(set, P, product, y);
                LW_UNROLL
                for (int i = 0; i < WINO_OUTPUTS(set, P); i++)
                    v_store(to + i * WINO_WIDTH + g, y[i]);
            }
            to += WINO_OUTPUTS(set, P) * WINO_WIDTH;
        }
        LW_UNROLL
        for (int i = 0; i < WINO_POINTS(set, P); i++)
            from[i] += p->tiles[i] * WINO_WIDTH;
    }
}

/* Where the outputs of a tile row go, after the tail: vector g of pixel (r, c) to out + r * row + c * column
 * + vector[g]. Rows and columns beyond the image are left out. */
struct wino_target {
    float *carry; /* [pooled column][WINO_WIDTH]: a tile's last row where its other half is the next tile's */
    float *out;
    ptrdiff_t row, column, vector[LW_WINO_VECTORS];
    int rows, columns; /* of the (pooled) outputs */
    int vectors;
    bool relu;
};

LW_INLINE void wino_load_column(const struct wino_set *set, const int P, const float *temp, ptrdiff_t step,
                                vf *y) {
    vf product[WINO_MAX_POINTS];
    LW_UNROLL
    for (int i = 0; i < WINO_POINTS(set, P); i++)
        product[i] = v_load(temp + i * step);
    wino_output_axis(set, P, product, y);
}

/* Bias, ReLU and store of one column of the (pooled) outputs. */
LW_INLINE void wino_store_column(const struct wino_target *t, const vf *y, const int rows, vf bias,
                                 float *out) {
    vf tail[WINO_MAX_OUTPUTS];
    LW_UNROLL
    for (int k = 0; k < rows; k++)
        tail[k] = v_add(y[k], bias);
    if (t->relu) v_relu(tail, rows);
    if (t->rows >= rows) { /* one look where all are wanted */
        LW_UNROLL
        for (int k = 0; k < rows; k++)
            v_store(out + k * t->row, tail[k]);
        return;
    }
    LW_UNROLL
    for (int k = 0; k < rows; k++)
        if (k < t->rows) v_store(out + k * t->row, tail[k]);
}

/* temp: [row of points][column][WINO_WIDTH], rows `step` floats apart. */
LW_INLINE void wino_output_columns(const struct wino_set *set, const int P, const float *temp, ptrdiff_t step,
                                   const float *bias, const struct wino_target *t) {
    for (int c = 0; c < t->columns; c++, temp += WINO_WIDTH)
        for (int g = 0; g < t->vectors; g++) {
            vf y[WINO_MAX_OUTPUTS];
            wino_load_column(set, P, temp + g * VL, step, y);
            wino_store_column(t, y, WINO_OUTPUTS(set, P), v_load(bias + g * VL),
                              t->out + c * t->column + t->vector[g]);
        }
}

/* One column for the pool: its rows' maxima, two by two, and its last row. odd: the first row stays alone,
 * the second one of a window that began in the tile above. */
LW_INLINE void wino_pool_column(const struct wino_set *set, const int P, const int odd, const float *temp,
                                ptrdiff_t step, vf *pooled, vf *last) {
    const int m = WINO_OUTPUTS(set, P), rows = (m + odd) / 2;
    vf y[WINO_MAX_OUTPUTS];
    wino_load_column(set, P, temp, step, y);
    LW_UNROLL
    for (int k = 0; k < rows; k++) {
        const int r = 2 * k - odd;
        pooled[k] = r < 0 ? y[0] : v_max_any(y[r], y[r + 1], false);
    }
    *last = y[m - 1];
    v_in_turn(pooled, rows); /* or the next column's sums push these out of the registers */
}

/* The same with a 2x2 max pool, which commutes with adding the bias: rounding is monotonic, and of zeros any
 * gives the same sum, since no bias is -0.
 *
 * odd: the tile's first row is the second one of a window, whose first waits in t->carry. */
LW_INLINE void wino_output_pooled(const struct wino_set *set, const int P, const int odd, const float *temp,
                                  ptrdiff_t step, const float *bias, const struct wino_target *t) {
    const int m = WINO_OUTPUTS(set, P), rows = (m + odd) / 2;
    for (int c = 0; c < t->columns; c++, temp += 2 * WINO_WIDTH)
        for (int g = 0; g < t->vectors; g++) {
            float *carry = t->carry + c * WINO_WIDTH + g * VL;
            vf pooled[WINO_MAX_OUTPUTS], right[WINO_MAX_OUTPUTS], last[2];
            wino_pool_column(set, P, odd, temp + g * VL, step, pooled, &last[0]);
            wino_pool_column(set, P, odd, temp + WINO_WIDTH + g * VL, step, right, &last[1]);
            LW_UNROLL
            for (int k = 0; k < rows; k++)
                pooled[k] = v_max_any(pooled[k], right[k], false);
            if (odd) pooled[0] = v_max_any(v_load(carry), pooled[0], false);
            if ((m + odd) % 2) v_store(carry, v_max_any(last[0], last[1], false));
            wino_store_column(t, pooled, rows, v_load(bias + g * VL), t->out + c * t->column + t->vector[g]);
        }
}

typedef void (*wino_columns_fn)(const float *temp, ptrdiff_t step, const float *bias,
                                const struct wino_target *t);
enum { WINO_PLAIN, WINO_POOLED, WINO_POOLED_ODD, WINO_TAILS };

/* One function for each tile size of a set, by pairs - 1. */
struct wino_functions {
    void (*input_columns)(const struct wino_patch *p, float *temp);
    void (*input_rows)(const float *temp, int rows, int groups, float *const *v, ptrdiff_t row);
    void (*output_rows)(const struct wino_point_row *p, int64_t begin, int64_t end);
    wino_columns_fn output_columns[WINO_TAILS]; /* odd: only where tiles are */
};

#define WINO_FUNCTIONS(set, P)                                                                               \
    static void set##_input_columns_##P(const struct wino_patch *p, float *temp) {                           \
        wino_input_columns(&set, P, p, temp);                                                                \
    }                                                                                                        \
    static void set##_input_rows_##P(const float *temp, int rows, int groups, float *const *v,               \
                                     ptrdiff_t row) {                                                        \
        wino_input_rows(&set, P, temp, rows, groups, v, row);                                                \
    }                                                                                                        \
    static void set##_output_rows_##P(const struct wino_point_row *p, int64_t begin, int64_t end) {          \
        wino_output_rows(&set, P, p, begin, end);                                                            \
    }                                                                                                        \
    static void set##_output_columns_##P(const float *temp, ptrdiff_t step, const float *bias,               \
                                         const struct wino_target *t) {                                      \
        wino_output_columns(&set, P, temp, step, bias, t);                                                   \
    }                                                                                                        \
    WINO_POOLED_FUNCTION(set##_output_pooled_##P, set, P, 0)
#define WINO_POOLED_FUNCTION(name, set, P, odd)                                                              \
    static void name(const float *temp, ptrdiff_t step, const float *bias, const struct wino_target *t) {    \
        wino_output_pooled(&set, P, odd, temp, step, bias, t);                                               \
    }
#define WINO_ENTRY(set, P, odd)                                                                              \
    {                                                                                                        \
        set##_input_columns_##P, set##_input_rows_##P, set##_output_rows_##P, {                              \
            set##_output_columns_##P, set##_output_pooled_##P, odd                                           \
        }                                                                                                    \
    }
#define WINO_ODD_FUNCTIONS(set, P)                                                                           \
    WINO_FUNCTIONS(set, P)                                                                                   \
    WINO_POOLED_FUNCTION(set##_output_odd_##P, set, P, 1)
#define WINO_ODD_ENTRY(set, P) WINO_ENTRY(set, P, set##_output_odd_##P)

WINO_FUNCTIONS(wino_f2, 1)
WINO_FUNCTIONS(wino_f4, 1)
WINO_FUNCTIONS(wino_f4, 2)
WINO_FUNCTIONS(wino_f6, 1)
WINO_FUNCTIONS(wino_f6, 2)
WINO_FUNCTIONS(wino_f6, 3)
WINO_ODD_FUNCTIONS(wino_f7, 1)
WINO_ODD_FUNCTIONS(wino_f7, 2)
WINO_ODD_FUNCTIONS(wino_f7, 3)
WINO_ODD_FUNCTIONS(wino_f7, 4)

static const struct wino_functions wino_f2_functions[] = {WINO_ENTRY(wino_f2, 1, NULL)};
static const struct wino_functions wino_f4_functions[] = {WINO_ENTRY(wino_f4, 1, NULL),
                                                          WINO_ENTRY(wino_f4, 2, NULL)};
static const struct wino_functions wino_f6_functions[] = {
    WINO_ENTRY(wino_f6, 1, NULL), WINO_ENTRY(wino_f6, 2, NULL), WINO_ENTRY(wino_f6, 3, NULL)};
static const struct wino_functions wino_f7_functions[] = {
    WINO_ODD_ENTRY(wino_f7, 1), WINO_ODD_ENTRY(wino_f7, 2), WINO_ODD_ENTRY(wino_f7, 3),
    WINO_ODD_ENTRY(wino_f7, 4)};

#undef WINO_ODD_FUNCTIONS
#undef WINO_ODD_ENTRY
#undef WINO_POOLED_FUNCTION
#undef WINO_FUNCTIONS
#undef WINO_ENTRY

#endif
