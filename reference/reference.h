/* What is right: plain loops that sum in double. Slow on purpose, and sharing nothing with the kernels. */
#ifndef LW_REFERENCE_H
#define LW_REFERENCE_H

#include "lanewise.h"

/* One output element of conv (before pool and relu), linear or maxpool, from NCHW float tensors. *scale gets
 * |bias| + sum |w||x|, the quantity that error bounds are multiples of (0 for maxpool). */
double lw_ref_conv_at(const lw_desc *d, const float *src, const float *weights, const float *bias, int64_t n,
                      int64_t o, int64_t y, int64_t x, double *scale);
double lw_ref_linear_at(const lw_desc *d, const float *src, const float *weights, const float *bias,
                        int64_t n, int64_t o, double *scale);
float lw_ref_maxpool_at(const lw_desc *d, const float *src, int64_t n, int64_t c, int64_t y, int64_t x);

/* The scale of a conv output for a row with a spread (lw_kernel_bound): each channel's weights times the
 * largest |x| up to `spread` pixels beyond the window, at least FLT_MIN; the largest of the window's for a
 * fused pool. Inf where a special value is in reach. */
double lw_ref_spread_scale_at(const lw_desc *d, const float *src, const float *weights, const float *bias,
                              int64_t n, int64_t o, int64_t y, int64_t x, int spread);

/* One element of the final output of any operation, fused pool and relu included: value in double, and its
 * scale (the largest of the window's for a fused pool; the value itself for softmax; 0 where the result is
 * exact). */
double lw_ref_at(const lw_desc *d, const float *src, const float *weights, const float *bias, int64_t n,
                 int64_t o, int64_t y, int64_t x, double *scale);

/* The output of image n, [oc][oh][ow] (after the fused pool), and of the whole batch, [batch][oc][oh][ow]:
 * the same bits as lw_ref_at, only sooner. scales may be NULL. false: no memory. */
bool lw_ref_image(const lw_desc *d, const float *src, const float *weights, const float *bias, int64_t n,
                  double *dst, double *scales);
bool lw_ref_run(const lw_desc *d, const float *src, const float *weights, const float *bias, double *dst,
                double *scales);

#endif
