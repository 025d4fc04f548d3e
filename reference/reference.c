#include "reference.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* ---- shapes: written out here once more, so that nothing is shared with the kernels -------------------- */

static int64_t window_count(int64_t in, int64_t before, int64_t after, int64_t kernel, int64_t dilation,
                            int64_t stride) {
    int64_t room = in + before + after - ((kernel - 1) * dilation + 1);
    return room < 0 ? 0 : room / stride + 1;
}

static int64_t window_rows(const lw_desc *d) {
    return window_count(d->ih, d->pad_top, d->pad_bottom, d->kh, d->dilation_h, d->stride_h);
}

static int64_t window_cols(const lw_desc *d) {
    return window_count(d->iw, d->pad_left, d->pad_right, d->kw, d->dilation_w, d->stride_w);
}

/* Rows and columns below 0 and beyond the source are padding. A negative pad_bottom only makes the output
 * smaller. */
static bool inside(int64_t i, int64_t size) { return i >= 0 && i < size; }

/* ---- one element --------------------------------------------------------------------------------------- */

double lw_ref_conv_at(const lw_desc *d, const float *src, const float *weights, const float *bias, int64_t n,
                      int64_t o, int64_t y, int64_t x, double *scale) {
    int64_t channels = d->ic / d->groups, first = o / (d->oc / d->groups) * channels;
    double sum = bias != NULL ? bias[o] : 0.0, magnitude = fabs(sum);
    for (int64_t c = 0; c < channels; c++) {
        const float *image = src + (n * d->ic + first + c) * d->ih * d->iw;
        const float *filter = weights + (o * channels + c) * d->kh * d->kw;
        for (int64_t i = 0; i < d->kh; i++) {
            int64_t row = y * d->stride_h - d->pad_top + i * d->dilation_h;
            if (!inside(row, d->ih)) continue;
            for (int64_t j = 0; j < d->kw; j++) {
                int64_t col = x * d->stride_w - d->pad_left + j * d->dilation_w;
                if (!inside(col, d->iw)) continue;
                double term = (double)filter[i * d->kw + j] * image[row * d->iw + col];
                sum += term;
                magnitude += fabs(term);
            }
        }
    }
    *scale = magnitude;
    return sum;
}

double lw_ref_linear_at(const lw_desc *d, const float *src, const float *weights, const float *bias,
                        int64_t n, int64_t o, double *scale) {
    int64_t inputs = d->ic * d->ih * d->iw;
    double sum = bias != NULL ? bias[o] : 0.0, magnitude = fabs(sum);
    for (int64_t i = 0; i < inputs; i++) {
        double term = (double)weights[o * inputs + i] * src[n * inputs + i];
        sum += term;
        magnitude += fabs(term);
    }
    *scale = magnitude;
    return sum;
}

/* PyTorch's rule: the first of equals stays, any NaN wins. */
static bool replaces(double candidate, double best) { return candidate > best || isnan(candidate); }

float lw_ref_maxpool_at(const lw_desc *d, const float *src, int64_t n, int64_t c, int64_t y, int64_t x) {
    const float *image = src + (n * d->ic + c) * d->ih * d->iw;
    float best = -INFINITY;
    for (int64_t i = 0; i < d->kh; i++) {
        int64_t row = y * d->stride_h - d->pad_top + i * d->dilation_h;
        if (!inside(row, d->ih)) continue;
        for (int64_t j = 0; j < d->kw; j++) {
            int64_t col = x * d->stride_w - d->pad_left + j * d->dilation_w;
            if (!inside(col, d->iw)) continue;
            float value = image[row * d->iw + col];
            if (replaces(value, best)) best = value;
        }
    }
    return best;
}

static double relu(double x) { return x < 0 ? 0.0 : x; }

static double conv_tail_at(const lw_desc *d, const float *src, const float *weights, const float *bias,
                           int64_t n, int64_t o, int64_t y, int64_t x, double *scale) {
    if (!d->pool2x2) return lw_ref_conv_at(d, src, weights, bias, n, o, y, x, scale);
    double best = -INFINITY, largest = 0;
    for (int k = 0; k < 4; k++) {
        double s, value = lw_ref_conv_at(d, src, weights, bias, n, o, 2 * y + k / 2, 2 * x + k % 2, &s);
        if (replaces(value, best)) best = value;
        if (replaces(s, largest)) largest = s;
    }
    *scale = largest;
    return best;
}

/* The largest |x| of rows y0 .. y1 and columns x0 .. x1, as far as they exist, or the smallest normal number:
 * a transform of denormals is rounded as coarsely as one of that. Inf if one isn't finite. */
static double largest_in(const lw_desc *d, const float *image, int64_t y0, int64_t y1, int64_t x0,
                         int64_t x1) {
    double largest = FLT_MIN;
    for (int64_t y = y0 > 0 ? y0 : 0; y <= y1 && y < d->ih; y++)
        for (int64_t x = x0 > 0 ? x0 : 0; x <= x1 && x < d->iw; x++) {
            double v = fabs(image[y * d->iw + x]);
            if (!isfinite(v)) return INFINITY;
            if (v > largest) largest = v;
        }
    return largest;
}

static double spread_scale(const lw_desc *d, const float *src, const float *weights, const float *bias,
                           int64_t n, int64_t o, int64_t y, int64_t x, int spread) {
    int64_t channels = d->ic / d->groups, first = o / (d->oc / d->groups) * channels, taps = d->kh * d->kw;
    int64_t top = y * d->stride_h - d->pad_top, left = x * d->stride_w - d->pad_left;
    int64_t bottom = top + (d->kh - 1) * d->dilation_h, right = left + (d->kw - 1) * d->dilation_w;
    double scale = bias != NULL ? fabs(bias[o]) : 0.0;
    for (int64_t c = 0; c < channels; c++) {
        double weight = 0;
        for (int64_t k = 0; k < taps; k++)
            weight += fabs(weights[(o * channels + c) * taps + k]);
        scale += weight * largest_in(d, src + (n * d->ic + first + c) * d->ih * d->iw, top - spread,
                                     bottom + spread, left - spread, right + spread);
    }
    return isnan(scale) ? INFINITY : scale;
}

double lw_ref_spread_scale_at(const lw_desc *d, const float *src, const float *weights, const float *bias,
                              int64_t n, int64_t o, int64_t y, int64_t x, int spread) {
    if (!d->pool2x2) return spread_scale(d, src, weights, bias, n, o, y, x, spread);
    double largest = 0;
    for (int k = 0; k < 4; k++)
        largest =
            fmax(largest, spread_scale(d, src, weights, bias, n, o, 2 * y + k / 2, 2 * x + k % 2, spread));
    return largest;
}

/* exp(row - its maximum) and their sum; what isn't finite follows from IEEE: +Inf and NaN make the row NaN.
 */
static double softmax_sum(const float *row, int64_t classes, double *max) {
    double best = -INFINITY, sum = 0;
    for (int64_t i = 0; i < classes; i++)
        if (replaces(row[i], best)) best = row[i];
    for (int64_t i = 0; i < classes; i++)
        sum += exp(row[i] - best);
    *max = best;
    return sum;
}

double lw_ref_at(const lw_desc *d, const float *src, const float *weights, const float *bias, int64_t n,
                 int64_t o, int64_t y, int64_t x, double *scale) {
    double max, sum, value = 0;
    *scale = 0;
    switch (d->op) {
    case LW_CONV:
        value = conv_tail_at(d, src, weights, bias, n, o, y, x, scale);
        break;
    case LW_LINEAR:
        value = lw_ref_linear_at(d, src, weights, bias, n, o, scale);
        break;
    case LW_MAXPOOL:
        return lw_ref_maxpool_at(d, src, n, o, y, x);
    case LW_RELU:
        return relu(src[((n * d->ic + o) * d->ih + y) * d->iw + x]);
    default:
        sum = softmax_sum(src + n * d->ic, d->ic, &max);
        *scale = value = exp(src[n * d->ic + o] - max) / sum;
        return value;
    }
    return d->relu ? relu(value) : value;
}

/* ---- whole images -------------------------------------------------------------------------------------- */

/* Adds one filter tap to a plane of sums: sums[y][x] += w * image[y*stride + dy][x*stride + dx] where that
 * exists. */
static void add_tap(const lw_desc *d, const float *image, double w, int64_t dy, int64_t dx, int64_t rows,
                    int64_t cols, double *sums, double *magnitudes) {
    int64_t begin = 0, end = cols;
    while (begin < end && begin * d->stride_w + dx < 0)
        begin++;
    while (end > begin && (end - 1) * d->stride_w + dx >= d->iw)
        end--;
    for (int64_t y = 0; y < rows; y++) {
        int64_t row = y * d->stride_h + dy;
        if (!inside(row, d->ih)) continue;
        const float *line = image + row * d->iw;
        for (int64_t x = begin; x < end; x++) {
            double term = w * line[x * d->stride_w + dx];
            sums[y * cols + x] += term;
            magnitudes[y * cols + x] += fabs(term);
        }
    }
}

/* The same sums in the same order as lw_ref_conv_at, a plane at a time. */
static void conv_plane(const lw_desc *d, const float *src, const float *weights, const float *bias, int64_t n,
                       int64_t o, double *sums, double *magnitudes) {
    int64_t rows = window_rows(d), cols = window_cols(d);
    int64_t channels = d->ic / d->groups, first = o / (d->oc / d->groups) * channels;
    for (int64_t i = 0; i < rows * cols; i++) {
        sums[i] = bias != NULL ? bias[o] : 0.0;
        magnitudes[i] = fabs(sums[i]);
    }
    for (int64_t c = 0; c < channels; c++) {
        const float *image = src + (n * d->ic + first + c) * d->ih * d->iw;
        const float *filter = weights + (o * channels + c) * d->kh * d->kw;
        for (int64_t i = 0; i < d->kh; i++)
            for (int64_t j = 0; j < d->kw; j++)
                add_tap(d, image, filter[i * d->kw + j], i * d->dilation_h - d->pad_top,
                        j * d->dilation_w - d->pad_left, rows, cols, sums, magnitudes);
    }
}

/* In place: the pooled plane is never ahead of what it reads. */
static void pool_plane(int64_t rows, int64_t cols, double *sums, double *magnitudes) {
    for (int64_t y = 0; y < rows / 2; y++)
        for (int64_t x = 0; x < cols / 2; x++) {
            double best = -INFINITY, largest = 0;
            for (int k = 0; k < 4; k++) {
                int64_t at = (2 * y + k / 2) * cols + 2 * x + k % 2;
                if (replaces(sums[at], best)) best = sums[at];
                if (replaces(magnitudes[at], largest)) largest = magnitudes[at];
            }
            sums[y * (cols / 2) + x] = best;
            magnitudes[y * (cols / 2) + x] = largest;
        }
}

static bool conv_image(const lw_desc *d, const float *src, const float *weights, const float *bias, int64_t n,
                       double *dst, double *scales) {
    int64_t rows = window_rows(d), cols = window_cols(d), oc, oh, ow;
    lw_desc_output(d, &oc, &oh, &ow);
    double *sums = malloc(2 * sizeof *sums * (size_t)(rows * cols));
    if (sums == NULL) return false;
    double *magnitudes = sums + rows * cols;
    for (int64_t o = 0; o < oc; o++) {
        conv_plane(d, src, weights, bias, n, o, sums, magnitudes);
        if (d->pool2x2) pool_plane(rows, cols, sums, magnitudes);
        for (int64_t i = 0; i < oh * ow; i++) {
            dst[o * oh * ow + i] = d->relu ? relu(sums[i]) : sums[i];
            if (scales != NULL) scales[o * oh * ow + i] = magnitudes[i];
        }
    }
    free(sums);
    return true;
}

static void softmax_image(const lw_desc *d, const float *src, int64_t n, double *dst, double *scales) {
    double max, sum = softmax_sum(src + n * d->ic, d->ic, &max);
    for (int64_t o = 0; o < d->ic; o++) {
        dst[o] = exp(src[n * d->ic + o] - max) / sum;
        if (scales != NULL) scales[o] = dst[o];
    }
}

bool lw_ref_image(const lw_desc *d, const float *src, const float *weights, const float *bias, int64_t n,
                  double *dst, double *scales) {
    int64_t oc, oh, ow;
    double scale;
    lw_desc_output(d, &oc, &oh, &ow);
    if (d->op == LW_CONV) return conv_image(d, src, weights, bias, n, dst, scales);
    if (d->op == LW_SOFTMAX) {
        softmax_image(d, src, n, dst, scales);
        return true;
    }
    for (int64_t o = 0; o < oc; o++)
        for (int64_t y = 0; y < oh; y++)
            for (int64_t x = 0; x < ow; x++) {
                int64_t at = (o * oh + y) * ow + x;
                dst[at] = lw_ref_at(d, src, weights, bias, n, o, y, x, &scale);
                if (scales != NULL) scales[at] = scale;
            }
    return true;
}

bool lw_ref_run(const lw_desc *d, const float *src, const float *weights, const float *bias, double *dst,
                double *scales) {
    int64_t oc, oh, ow;
    lw_desc_output(d, &oc, &oh, &ow);
    for (int64_t n = 0; n < d->batch; n++) {
        int64_t at = n * oc * oh * ow;
        if (!lw_ref_image(d, src, weights, bias, n, dst + at, scales != NULL ? scales + at : NULL))
            return false;
    }
    return true;
}
