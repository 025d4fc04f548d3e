/* Winograd's transforms of one axis, on vectors of channels. Everything is in +- pairs: an even part E and an
 * odd part O give E + p O and E - p O, so a pair costs one product more than a point. */
#ifndef LW_WINOGRAD_AXIS_H
#define LW_WINOGRAD_AXIS_H

#include "winograd_matrices.h"

/* Sum over k < n of coefficient[k] * x[k * step]; the last coefficient is often 1. */
LW_INLINE vf wino_dot(const float *coefficient, const vf *x, const int n) {
    const vq c = vq_constants(coefficient);
    vf sum = v_mul(v_set1(coefficient[n - 1]), x[2 * (n - 1)]);
    LW_UNROLL
    for (int k = n - 2; k >= 0; k--)
        sum = v_fma_lane(sum, x[2 * k], c, k);
    return sum;
}

/* B^T: the inputs to as many points. */
LW_INLINE void wino_input_axis(const struct wino_set *set, const int P, const vf *d, vf *point) {
    const struct wino_size *size = &set->size[P - 1];
    point[0] = wino_dot(size->zero, d, P + 1);
    if (set->infinity) point[1] = wino_dot(size->infinity, d + 1, P + 1);
    point += 1 + set->infinity;
    LW_UNROLL
    for (int i = 0; i < P; i++) {
        const vf even = wino_dot(size->pair[i], d + 2, P), odd = wino_dot(size->pair[i], d + 1, P);
        const vf p = v_set1(set->p[i]);
        point[2 * i] = v_fma(p, odd, even);
        point[2 * i + 1] = v_fnma(p, odd, even);
    }
}

/* What pair i adds to the outputs, in order: the first takes the points of 0 and infinity along. */
LW_INLINE void wino_output_pair(const struct wino_set *set, const int P, const int i, const vf *product,
                                vf *y) {
    const vf *pair = product + 1 + set->infinity + 2 * i;
    const vf part[2] = {v_add(pair[0], pair[1]), v_sub(pair[0], pair[1])};
    const vq low = vq_constants(set->power[i]), high = vq_constants(set->power[i] + 4);
    LW_UNROLL
    for (int k = 0; k < WINO_OUTPUTS(set, P); k++) {
        if (i > 0) {
            y[k] = v_fma_lane(y[k], part[k % 2], k < 4 ? low : high, k % 4);
            continue;
        }
        y[k] = k == 0 ? v_add(product[0], part[0]) : v_mul(v_set1(set->power[0][k]), part[k % 2]);
        if (set->infinity && k == 2 * P - 1) y[k] = v_add(product[1], y[k]);
    }
}

/* A^T: the products to two outputs fewer. */
LW_INLINE void wino_output_axis(const struct wino_set *set, const int P, const vf *product, vf *y) {
    LW_UNROLL
    for (int i = 0; i < P; i++)
        wino_output_pair(set, P, i, product, y);
}

#endif
