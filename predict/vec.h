/* The operations of docs/adding-an-isa.md in plain C, for any number of lanes: an ISA's rows without its
 * instructions. tiles.h is that ISA's. */
#ifndef LW_VEC_H
#define LW_VEC_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "tiles.h"
#include "../kernels/common/unroll.h"
#undef LW_UNROLL /* nothing is optimised, and gcc would warn of each loop */
#define LW_UNROLL

typedef struct {
    float lane[VL];
} vf;

#define EACH_LANE(r, expression)                                                                             \
    do {                                                                                                     \
        for (int l = 0; l < VL; l++)                                                                         \
            (r).lane[l] = (expression);                                                                      \
    } while (0)
#define OPERATION(name, parameters, expression)                                                              \
    static vf name parameters {                                                                              \
        vf r;                                                                                                \
        EACH_LANE(r, expression);                                                                            \
        return r;                                                                                            \
    }

OPERATION(v_zero, (void), 0.0f)
OPERATION(v_set1, (float x), x)
OPERATION(v_load, (const float *p), p[l])
OPERATION(v_load_n, (const float *p, int n), l < n ? p[l] : 0.0f)
static void v_store_n(float *p, vf a, int n) { memcpy(p, a.lane, (size_t)n * sizeof *p); }
static void v_store(float *p, vf a) { v_store_n(p, a, VL); }

OPERATION(v_add, (vf a, vf b), a.lane[l] + b.lane[l])
OPERATION(v_sub, (vf a, vf b), a.lane[l] - b.lane[l])
OPERATION(v_mul, (vf a, vf b), a.lane[l] * b.lane[l])
OPERATION(v_div, (vf a, vf b), a.lane[l] / b.lane[l])
OPERATION(v_fma, (vf a, vf b, vf c), fmaf(a.lane[l], b.lane[l], c.lane[l]))
OPERATION(v_fma_sum, (vf w, vf x, vf sum), fmaf(w.lane[l], x.lane[l], sum.lane[l]))
OPERATION(v_fnma, (vf a, vf b, vf c), fmaf(-a.lane[l], b.lane[l], c.lane[l]))
static void v_relu(vf *a, int n) {
    for (int i = 0; i < n; i++)
        EACH_LANE(a[i], a[i].lane[l] < 0.0f ? 0.0f : a[i].lane[l]);
}
OPERATION(v_max, (vf m, vf x), x.lane[l] > m.lane[l] ? x.lane[l] : m.lane[l])
OPERATION(v_max_keep, (vf m, vf x), x.lane[l] > m.lane[l] || x.lane[l] != x.lane[l] ? x.lane[l] : m.lane[l])
static vf v_max_any(vf m, vf x, bool no_nan) { return (void)no_nan, v_max_keep(m, x); }
OPERATION(v_round, (vf a), rintf(a.lane[l]))
OPERATION(v_pow2, (vf a), ldexpf(1.0f, (int)a.lane[l]))
static vf v_mask(vf a, vf m) {
    uint32_t bits[VL], mask[VL];
    memcpy(bits, &a, sizeof a);
    memcpy(mask, &m, sizeof m);
    for (int l = 0; l < VL; l++)
        bits[l] &= mask[l];
    memcpy(&a, bits, sizeof a);
    return a;
}

typedef const float *vq;
static vq vq_load(const float *p) { return p; }
static vq vq_constants(const float *p) { return p; }
static vf v_lane(vq q, int i) { return v_set1(q[i]); }
static vf v_fma_lane(vf acc, vf w, vq q, int i) { return v_fma(w, v_set1(q[i]), acc); }
static void v_in_turn(vf *sum, int n) { (void)sum, (void)n; }

static float v_sum(vf a) {
    for (int half = VL / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            a.lane[l] += a.lane[l + half];
    return a.lane[0];
}
static float v_hmax(vf a) {
    for (int l = 1; l < VL; l++)
        a.lane[0] = a.lane[l] > a.lane[0] ? a.lane[l] : a.lane[0];
    return a.lane[0];
}
static void v_transpose(vf r[VL]) {
    for (int i = 0; i < VL; i++)
        for (int l = 0; l < i; l++) {
            const float x = r[i].lane[l];
            r[i].lane[l] = r[l].lane[i];
            r[l].lane[i] = x;
        }
}
static void v_deinterleave(const float *p, vf *even, vf *odd) {
    EACH_LANE(*even, p[2 * l]);
    EACH_LANE(*odd, p[2 * l + 1]);
}
static void v_unzip(vf a, vf b, vf *even, vf *odd) {
    float both[2 * VL];
    for (int l = 0; l < VL; l++)
        both[l] = a.lane[l], both[VL + l] = b.lane[l];
    v_deinterleave(both, even, odd);
}

#undef OPERATION
#undef EACH_LANE

#endif
