/* One ISA's vec.h as functions over arrays of floats, so that code built for every CPU can call it. `lanes`
 * floats an array unless said otherwise. */
#ifndef LW_VEC_OPS_H
#define LW_VEC_OPS_H

#include <stdint.h>

struct lw_vec_ops {
    const char *name;
    int lanes;
    int fma_roundings; /* 1: fused */

    void (*zero)(float *r);
    void (*set1)(float *r, float x);
    void (*copy)(float *r, const float *a);           /* v_load, v_store */
    void (*load_n)(float *r, const float *p, int n);  /* v_load_n, v_store */
    void (*store_n)(float *p, const float *a, int n); /* v_load, v_store_n */
    void (*relu)(float *r, const float *a);
    void (*round)(float *r, const float *a);
    void (*pow2)(float *r, const float *a);
    void (*add)(float *r, const float *a, const float *b);
    void (*sub)(float *r, const float *a, const float *b);
    void (*mul)(float *r, const float *a, const float *b);
    void (*div)(float *r, const float *a, const float *b);
    void (*mask)(float *r, const float *a, const float *m);
    void (*max)(float *r, const float *m, const float *x); /* not of NaN */
    void (*max_keep)(float *r, const float *m, const float *x);
    void (*max_any)(float *r, const float *m, const float *x);
    void (*max_any_no_nan)(float *r, const float *m, const float *x); /* not of NaN */
    void (*fma)(float *r, const float *a, const float *b, const float *c);
    void (*fma_sum)(float *r, const float *a, const float *b, const float *c);
    void (*fnma)(float *r, const float *a, const float *b, const float *c);
    void (*fma_lane)(float *acc, const float *w,
                     const float *q);       /* acc: 4 vectors, the i-th with lane i; q: 4 floats */
    void (*lane)(float *r, const float *q); /* r: 4 vectors, the i-th of value i; q: 4 floats */
    float (*sum)(const float *a);
    float (*hmax)(const float *a);
    void (*transpose)(float *r);                                   /* lanes x lanes floats, in place */
    void (*deinterleave)(float *even, float *odd, const float *p); /* p: 2 x lanes floats */
    void (*unzip)(float *even, float *odd, const float *a, const float *b);
    double (*fma_peak)(int64_t steps);
};

#endif
