/* The yardstick itself: against numbers worked out by hand, and against other ways of
 * computing the same. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "reference/fill.h"
#include "reference/guard.h"
#include "reference/reference.h"

static lw_desc padded_conv(int64_t n, int64_t ic, int64_t ih, int64_t iw, int64_t oc, int64_t k,
                           int64_t pad) {
    lw_desc d = lw_conv2d(n, ic, ih, iw, oc, k, k);
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = pad;
    return d;
}

/* ---- by hand ------------------------------------------------------------------------------------------- */

Test(reference, conv_of_ones_counts_the_window) {
    lw_desc d = padded_conv(1, 2, 3, 3, 1, 3, 1);
    float src[18], weights[18], bias[1] = {0.5f};
    double dst[9], scale[9];
    static const double expected[] = {8.5, 12.5, 8.5, 12.5, 18.5, 12.5, 8.5, 12.5, 8.5};
    for (int i = 0; i < 18; i++)
        src[i] = weights[i] = 1;
    cr_assert(lw_ref_run(&d, src, weights, bias, dst, scale));
    for (int i = 0; i < 9; i++) {
        cr_expect_eq(dst[i], expected[i]);
        cr_expect_eq(scale[i], expected[i]);
    }
}

Test(reference, conv_is_a_correlation_with_stride_and_dilation) {
    lw_desc d = lw_conv2d(1, 1, 1, 7, 1, 1, 2);
    static const float src[] = {1, 2, 3, 4, 5, 6, 7}, weights[] = {10, -1}, bias[] = {0};
    double dst[3], scale[3];
    d.stride_w = 2, d.dilation_w = 2;
    cr_assert(lw_ref_run(&d, src, weights, bias, dst, scale));
    cr_expect_eq(dst[0], 10 * 1 - 3);
    cr_expect_eq(dst[1], 10 * 3 - 5);
    cr_expect_eq(dst[2], 10 * 5 - 7);
    cr_expect_eq(scale[2], 57);
}

Test(reference, padding_by_side) {
    lw_desc d = lw_conv2d(1, 1, 2, 3, 1, 1, 2);
    static const float src[] = {1, 2, 3, 4, 5, 6}, weights[] = {1, 10};
    double dst[8];
    d.bias = false, d.pad_left = 1, d.pad_top = 1, d.pad_right = -1;
    cr_assert(lw_ref_run(&d, src, weights, NULL, dst, NULL)); /* 3 rows of 2 */
    static const double expected[] = {0, 0, 10, 21, 40, 54};
    for (int i = 0; i < 6; i++)
        cr_expect_eq(dst[i], expected[i], "dst[%d] = %g", i, dst[i]);
}

Test(reference, groups_see_their_own_channels) {
    lw_desc d = lw_conv2d(1, 4, 1, 1, 4, 1, 1);
    static const float src[] = {1, 10, 100, 1000}, weights[] = {1, 1, 1, -1, 1, 1, 2, 0},
                       bias[] = {0, 0, 0, 0.25f};
    static const double expected[] = {11, -9, 1100, 200.25};
    double dst[4];
    d.groups = 2;
    cr_assert(lw_ref_run(&d, src, weights, bias, dst, NULL));
    for (int i = 0; i < 4; i++)
        cr_expect_eq(dst[i], expected[i]);
}

Test(reference, tail_is_pool_then_relu) {
    lw_desc d = lw_conv2d(1, 1, 2, 5, 2, 1, 1);
    static const float src[] = {1, -2, -3, 4, 9, 0, -5, -6, -7, 9}, weights[] = {1, -1}, bias[] = {0, 0};
    double dst[4], scale[4];
    d.pool2x2 = d.relu = true;
    cr_assert(lw_ref_run(&d, src, weights, bias, dst, scale)); /* the fifth column has no window */
    static const double expected[] = {1, 4, 5, 7}, scales[] = {5, 7, 5, 7};
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(dst[i], expected[i]);
        cr_expect_eq(scale[i], scales[i]);
    }
}

Test(reference, linear_flattens_in_c_order) {
    lw_desc d = lw_linear(2, 2, 2);
    static const float src[] = {1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, -5, -6, -7, -8};
    static const float weights[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2}, bias[] = {0, 1};
    static const double expected[] = {1, 19, 0, 0};
    double dst[4];
    d.ih = d.iw = 2, d.relu = true;
    cr_assert(lw_ref_run(&d, src, weights, bias, dst, NULL));
    for (int i = 0; i < 4; i++)
        cr_expect_eq(dst[i], expected[i]);
}

Test(reference, softmax_is_safe_and_sums_to_one) {
    lw_desc d = lw_softmax(3, 3);
    const float src[] = {0, 0, 0, 1000, 999, -INFINITY, 1, NAN, 2};
    double dst[9], scale[9];
    cr_assert(lw_ref_run(&d, src, NULL, NULL, dst, scale));
    cr_expect_float_eq(dst[0], 1.0 / 3, 1e-15);
    cr_expect_float_eq(dst[3], 1 / (1 + exp(-1)), 1e-15);
    cr_expect_float_eq(dst[3] + dst[4], 1, 1e-15);
    cr_expect_eq(dst[5], 0);
    cr_expect_eq(scale[4], dst[4]);
    for (int i = 6; i < 9; i++)
        cr_expect(isnan(dst[i]));
}

/* ---- special values, as PyTorch has them --------------------------------------------------------------- */

static float max_of(const float *row, int64_t n) {
    lw_desc d = lw_maxpool2d(1, 1, 1, n, 1, 1, 0);
    d.kw = n;
    return lw_ref_maxpool_at(&d, row, 0, 0, 0, 0);
}

Test(reference, maxpool_keeps_nan_and_the_first_zero) {
    cr_expect(isnan(max_of((const float[]){1, NAN, 2}, 3)));
    cr_expect(isnan(max_of((const float[]){NAN, 1, INFINITY}, 3)));
    cr_expect(signbit(max_of((const float[]){-0.0f, 0.0f}, 2)));
    cr_expect_not(signbit(max_of((const float[]){0.0f, -0.0f}, 2)));
    cr_expect_eq(max_of((const float[]){-INFINITY, -INFINITY}, 2), -INFINITY);
    cr_expect_eq(max_of((const float[]){-0x1p-149f, -1}, 2), -0x1p-149f);
}

Test(reference, maxpool_padding_never_wins) {
    lw_desc d = lw_maxpool2d(1, 1, 2, 2, 2, 2, 1);
    static const float src[] = {-1, -2, -3, -4};
    for (int i = 0; i < 4; i++)
        cr_expect_eq(lw_ref_maxpool_at(&d, src, 0, 0, i / 2, i % 2), src[i]);
    d.pad_top = d.pad_bottom = 2; /* the first row of windows lies in padding alone */
    cr_expect_eq(lw_ref_maxpool_at(&d, src, 0, 0, 0, 0), -INFINITY);
}

Test(reference, relu_keeps_nan_and_minus_zero) {
    lw_desc d = lw_relu(1, 6, 1, 1);
    const float src[] = {-1, -0.0f, NAN, 0x1p-149f, -INFINITY, INFINITY};
    double dst[6];
    cr_assert(lw_ref_run(&d, src, NULL, NULL, dst, NULL));
    cr_expect(dst[0] == 0 && !signbit(dst[0]));
    cr_expect(dst[1] == 0 && signbit(dst[1]));
    cr_expect(isnan(dst[2]));
    cr_expect_eq(dst[3], 0x1p-149);
    cr_expect(dst[4] == 0 && !signbit(dst[4]));
    cr_expect_eq(dst[5], INFINITY);
}

/* ---- other ways to the same numbers -------------------------------------------------------------------- */

/* The source with its padding written out, cropped where padding is negative. Rows and columns of zeros are
 * free. */
static double *written_out(const lw_desc *d, const float *src, int64_t *rows, int64_t *cols) {
    *rows = d->pad_top + d->ih + d->pad_bottom;
    *cols = d->pad_left + d->iw + d->pad_right;
    double *image = calloc((size_t)(d->batch * d->ic * *rows * *cols), sizeof *image);
    cr_assert_not_null(image);
    for (int64_t p = 0; p < d->batch * d->ic; p++)
        for (int64_t y = 0; y < d->ih && y + d->pad_top < *rows; y++)
            for (int64_t x = 0; x < d->iw && x + d->pad_left < *cols; x++)
                image[(p * *rows + y + d->pad_top) * *cols + x + d->pad_left] =
                    src[(p * d->ih + y) * d->iw + x];
    return image;
}

static double from_written_out(const lw_desc *d, const double *image, int64_t rows, int64_t cols,
                               const float *weights, const float *bias, int64_t n, int64_t o, int64_t y,
                               int64_t x) {
    int64_t ic = d->ic / d->groups, oc = d->oc / d->groups;
    double sum = bias[o];
    for (int64_t i = 0; i < d->kh; i++)
        for (int64_t j = 0; j < d->kw; j++)
            for (int64_t c = 0; c < ic; c++)
                sum += weights[((o * ic + c) * d->kh + i) * d->kw + j] *
                       image[((n * d->ic + o / oc * ic + c) * rows + y * d->stride_h + i * d->dilation_h) *
                                 cols +
                             x * d->stride_w + j * d->dilation_w];
    return sum;
}

static const lw_desc odd_convs[] = {
    {.batch = 2,
     .groups = 1,
     .ic = 3,
     .ih = 7,
     .iw = 9,
     .oc = 4,
     .kh = 3,
     .kw = 3,
     .stride_h = 1,
     .stride_w = 1,
     .dilation_h = 1,
     .dilation_w = 1,
     .pad_top = 1,
     .pad_left = 1,
     .pad_bottom = 1,
     .pad_right = 1},
    {.batch = 1,
     .groups = 2,
     .ic = 6,
     .ih = 9,
     .iw = 8,
     .oc = 4,
     .kh = 3,
     .kw = 2,
     .stride_h = 2,
     .stride_w = 3,
     .dilation_h = 2,
     .dilation_w = 1,
     .pad_top = 2,
     .pad_left = 0,
     .pad_bottom = -1,
     .pad_right = 3},
    {.batch = 1,
     .groups = 5,
     .ic = 5,
     .ih = 5,
     .iw = 11,
     .oc = 10,
     .kh = 5,
     .kw = 1,
     .stride_h = 1,
     .stride_w = 2,
     .dilation_h = 1,
     .dilation_w = 1,
     .pad_top = 7,
     .pad_left = 2,
     .pad_bottom = 0,
     .pad_right = -2},
    {.batch = 3,
     .groups = 1,
     .ic = 2,
     .ih = 1,
     .iw = 13,
     .oc = 3,
     .kh = 1,
     .kw = 4,
     .stride_h = 1,
     .stride_w = 1,
     .dilation_h = 1,
     .dilation_w = 3,
     .pad_top = 0,
     .pad_left = 3,
     .pad_bottom = 0,
     .pad_right = -3},
};

Test(reference, conv_equals_conv_of_the_padded_image) {
    for (size_t i = 0; i < sizeof odd_convs / sizeof *odd_convs; i++) {
        lw_desc d = odd_convs[i];
        lw_error error;
        float src[4096], weights[4096], bias[16];
        double dst[4096], scale, scales[4096];
        int64_t rows, cols, oc, oh, ow;
        d.op = LW_CONV, d.bias = true;
        cr_assert_eq(lw_desc_check(&d, &error), LW_OK, "%s", error.text);
        lw_desc_output(&d, &oc, &oh, &ow);
        lw_fill(src, 4096, LW_FILL_NORMAL, i);
        lw_fill(weights, 4096, LW_FILL_NORMAL, i + 10);
        lw_fill(bias, 16, LW_FILL_NORMAL, i + 20);
        cr_assert(lw_ref_run(&d, src, weights, bias, dst, scales));
        double *image = written_out(&d, src, &rows, &cols);
        for (int64_t at = 0; at < d.batch * oc * oh * ow; at++) {
            int64_t n = at / (oc * oh * ow), o = at / (oh * ow) % oc, y = at / ow % oh, x = at % ow;
            double other = from_written_out(&d, image, rows, cols, weights, bias, n, o, y, x);
            cr_assert_float_eq(dst[at], other, 1e-13 * scales[at]);
            cr_assert_eq(dst[at],
                         lw_ref_conv_at(&d, src, weights, bias, n, o, y, x, &scale)); /* to the bit */
            cr_assert_eq(scales[at], scale);
        }
        free(image);
    }
}

Test(reference, one_element_and_whole_image_agree_to_the_bit) {
    for (int tail = 0; tail < 4; tail++) {
        lw_desc d = padded_conv(2, 5, 9, 7, 6, 3, 1);
        float src[640], weights[300], bias[6];
        double dst[800], scales[800], scale;
        d.relu = tail & 1, d.pool2x2 = tail & 2;
        lw_fill(src, 630, LW_FILL_SPECIAL, 1);
        lw_fill(weights, 270, LW_FILL_NORMAL, 2);
        lw_fill(bias, 6, LW_FILL_NORMAL, 3);
        int64_t oc, oh, ow;
        lw_desc_output(&d, &oc, &oh, &ow);
        cr_assert(lw_ref_run(&d, src, weights, bias, dst, scales));
        for (int64_t at = 0; at < d.batch * oc * oh * ow; at++) {
            double one = lw_ref_at(&d, src, weights, bias, at / (oc * oh * ow), at / (oh * ow) % oc,
                                   at / ow % oh, at % ow, &scale);
            cr_assert((isnan(one) && isnan(dst[at])) || one == dst[at]);
            cr_assert((isnan(scale) && isnan(scales[at])) || scale == scales[at]);
        }
    }
}

/* ---- data ---------------------------------------------------------------------------------------------- */

static uint64_t digest(const float *data, size_t count) {
    uint64_t h = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, data + i, sizeof word);
        h = h * 31 + word;
    }
    return h;
}

/* The same on every machine and with every compiler: these were computed once. */
Test(fill, same_bits_everywhere) {
    static const uint64_t expected[LW_FILL_COUNT] = {
        0xd167c79630d65dd8, 0x27a83557ca0c8fa0, 0x447a1da9c0000000, 0x6aa8a9612a17f9b7, 0x5d903628a117af2a,
        0x52f5e6e9f0800000, 0xa4bc017d49375c80, 0x843c7a9136c8a380, 0x0354e3047cb2d899, 0x0acba4abeca30c7d};
    float data[1000];
    for (int kind = 0; kind < LW_FILL_COUNT; kind++) {
        lw_fill(data, 1000, (enum lw_fill)kind, 42);
        cr_expect_eq(digest(data, 1000), expected[kind], "%s: 0x%016llx", lw_fill_name((enum lw_fill)kind),
                     (unsigned long long)digest(data, 1000));
    }
}

Test(fill, seeds_and_kinds) {
    float a[100], b[100];
    for (int kind = 0; kind < LW_FILL_COUNT; kind++) {
        bool constant = kind == LW_FILL_EQUAL || kind == LW_FILL_ALTERNATE;
        lw_fill(a, 100, (enum lw_fill)kind, 1);
        lw_fill(b, 100, (enum lw_fill)kind, 1);
        cr_expect_eq(memcmp(a, b, sizeof a), 0);
        lw_fill(b, 100, (enum lw_fill)kind, 2);
        cr_expect_eq(memcmp(a, b, sizeof a) == 0, constant, "%s", lw_fill_name((enum lw_fill)kind));
        for (int other = 0; other < kind; other++)
            cr_expect_str_neq(lw_fill_name((enum lw_fill)kind), lw_fill_name((enum lw_fill)other));
    }
    lw_fill(NULL, 0, LW_FILL_ONE_HOT, 1);
}

Test(fill, normal_is_normal) {
    enum { COUNT = 200000 };
    float *data = malloc(COUNT * sizeof *data);
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, lag = 0;
    lw_fill(data, COUNT, LW_FILL_NORMAL, 9);
    for (int i = 0; i < COUNT; i++) {
        double x = data[i];
        m1 += x, m2 += x * x, m3 += x * x * x, m4 += x * x * x * x;
        if (i > 0) lag += x * data[i - 1];
    }
    free(data);
    cr_expect_float_eq(m1 / COUNT, 0, 0.01);
    cr_expect_float_eq(m2 / COUNT, 1, 0.01);
    cr_expect_float_eq(m3 / COUNT, 0, 0.03);
    cr_expect_float_eq(m4 / COUNT, 3, 0.2);
    cr_expect_float_eq(lag / COUNT, 0, 0.01);
}

Test(fill, kinds_are_what_they_say) {
    float data[10000];
    lw_fill(data, 10000, LW_FILL_UNIFORM, 1);
    for (int i = 0; i < 10000; i++)
        cr_assert(data[i] >= -1 && data[i] < 1);
    lw_fill(data, 10000, LW_FILL_INTEGER, 1);
    for (int i = 0; i < 10000; i++)
        cr_assert(data[i] == rintf(data[i]) && fabsf(data[i]) <= 4);
    lw_fill(data, 10000, LW_FILL_RANGE, 1);
    for (int i = 0; i < 10000; i++)
        cr_assert(fabsf(data[i]) >= 0x1p-20f && fabsf(data[i]) < 0x1p21f &&
                  ilogbf(data[i]) == ilogbf(data[i / 8 * 8]));
    lw_fill(data, 10000, LW_FILL_CANCEL, 1);
    for (int i = 0; i < 10000; i++)
        cr_assert(fabsf(data[i] - 4096) < 6);
    lw_fill(data, 10000, LW_FILL_DENORMAL, 1);
    for (int i = 0; i < 10000; i++)
        cr_assert(data[i] == 0 || fpclassify(data[i]) == FP_SUBNORMAL);
    int nan = 0, inf = 0, denormal = 0, minus_zero = 0, hot = 0;
    for (uint64_t seed = 0; seed < 20; seed++) { /* one NaN or Inf in each of them */
        lw_fill(data, 10000, LW_FILL_SPECIAL, seed);
        for (int i = 0; i < 10000; i++) {
            nan += isnan(data[i]) != 0, inf += isinf(data[i]) != 0;
            denormal += fpclassify(data[i]) == FP_SUBNORMAL, minus_zero += data[i] == 0 && signbit(data[i]);
        }
    }
    cr_expect(nan > 1 && inf > 1 && nan + inf == 20, "%d NaN, %d Inf", nan, inf);
    cr_expect(denormal > 1000 && minus_zero > 1000);
    lw_fill(data, 10000, LW_FILL_ONE_HOT, 1);
    for (int i = 0; i < 10000; i++)
        hot += data[i] == 1;
    cr_expect_eq(hot, 1);
}

static size_t hot_place(size_t count, uint64_t seed) {
    float data[1000];
    size_t i = 0;
    lw_fill(data, count, LW_FILL_ONE_HOT, seed);
    while (data[i] == 0)
        i++;
    return i;
}

Test(fill, the_hot_one_moves) {
    bool seen[10] = {false};
    int places = 0;
    for (uint64_t seed = 0; seed < 100; seed++)
        seen[hot_place(10, seed)] = true;
    for (int i = 0; i < 10; i++)
        places += seen[i];
    cr_expect_eq(places, 10, "%d of 10 places", places);
}

/* |sum| / sum |w||x| at an output whose window is inside the image. */
static double what_is_left(enum lw_fill kind, lw_desc d) {
    float src[4096], weights[4096], bias[16];
    double scale;
    lw_fill_problem(&d, kind, 3, src, weights, NULL);
    memset(bias, 0, sizeof bias);
    double sum = lw_ref_conv_at(&d, src, weights, bias, 0, d.oc - 1, 2, 2, &scale);
    return fabs(sum) / scale;
}

Test(fill, cancel_cancels) {
    const int64_t channels[] = {1, 3, 4, 16}; /* odd and even numbers of weights */
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        lw_desc d = padded_conv(1, channels[i], 6, 6, 5, 3, 1);
        cr_expect_lt(what_is_left(LW_FILL_CANCEL, d), 0x1p-10, "%d channels", (int)channels[i]);
        cr_expect_gt(what_is_left(LW_FILL_CANCEL, d), 0);
        cr_expect_gt(what_is_left(LW_FILL_NORMAL, d), 0x1p-10);
    }
}

Test(fill, range_has_small_outputs_beside_large_ones) {
    lw_desc d = padded_conv(1, 4, 24, 40, 1, 3, 1);
    static float src[4 * 24 * 40];
    float weights[36], bias[1];
    double scale, ratio = 1;
    lw_fill_problem(&d, LW_FILL_RANGE, 1, src, weights, bias);
    *bias = 0;
    double last = 0;
    for (int64_t y = 0; y < 24; y++)
        for (int64_t x = 0; x < 40; x++, last = scale) {
            lw_ref_conv_at(&d, src, weights, bias, 0, 0, y, x, &scale);
            if (x > 0) ratio = fmin(ratio, scale / last);
        }
    cr_expect_lt(ratio, 0x1p-10, "at most %g", 1 / ratio);
}

Test(fill, weights_and_bias_of_a_kind) {
    lw_desc d = padded_conv(1, 3, 6, 6, 5, 3, 1);
    float src[108], weights[135], bias[5], other[135];
    for (int kind = 0; kind < LW_FILL_COUNT; kind++) {
        lw_fill_problem(&d, (enum lw_fill)kind, 1, src, weights, bias);
        lw_fill_problem(&d, (enum lw_fill)kind, 1, src, other, bias);
        cr_expect_eq(memcmp(weights, other, sizeof other), 0, "the same again");
        bool whole = true;
        for (int i = 0; i < 135; i++) {
            cr_expect(isfinite(weights[i]) && fpclassify(weights[i]) != FP_SUBNORMAL);
            whole &= weights[i] == rintf(weights[i]) && src[i % 108] == rintf(src[i % 108]);
        }
        for (int i = 0; i < 5; i++) {
            cr_expect(isfinite(bias[i]));
            whole &= bias[i] == rintf(bias[i]);
        }
        cr_expect_eq(whole, kind == LW_FILL_INTEGER, "%s", lw_fill_name((enum lw_fill)kind));
    }
    lw_desc pool = lw_maxpool2d(1, 3, 6, 6, 2, 2, 0);
    lw_fill_problem(&pool, LW_FILL_CANCEL, 1, src, NULL, NULL); /* no weights, no bias */
    cr_expect_float_eq(src[107], 4096, 6);
}

/* ---- guard pages --------------------------------------------------------------------------------------- */

/* write() answers EFAULT where memory can't be read, without a signal. */
static bool is_readable(const void *p) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    bool ok = write(ends[1], p, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return ok;
}

Test(guard_buffer, pages_on_both_sides) {
    static const size_t counts[] = {1, 5, 1023, 1024, 1025, 5000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct lw_guard end, start;
        cr_assert(lw_guard_alloc(&end, counts[i], LW_GUARD_END, 0));
        cr_assert(lw_guard_alloc(&start, counts[i], LW_GUARD_START, 0));
        cr_expect(is_readable(end.data + counts[i] - 1) && !is_readable(end.data + counts[i]));
        cr_expect(is_readable(start.data) && !is_readable((char *)start.data - 1));
        memset(end.data, 0, counts[i] * sizeof(float));
        memset(start.data, 0, counts[i] * sizeof(float));
        cr_expect(lw_guard_intact(&end) && lw_guard_intact(&start));
        lw_guard_free(&end);
        lw_guard_free(&start);
    }
}

Test(guard_buffer, slack_is_watched) {
    for (int side = LW_GUARD_END; side <= LW_GUARD_START; side++)
        for (size_t offset = 1; offset < 16; offset++) {
            struct lw_guard g;
            cr_assert(lw_guard_alloc(&g, 100, (enum lw_guard_side)side, offset));
            cr_expect(lw_guard_intact(&g));
            size_t beyond = side == LW_GUARD_END ? 100 + offset : 0;
            if (side == LW_GUARD_END)
                cr_expect_not(is_readable(g.data + beyond));
            else
                cr_expect_not(is_readable((char *)(g.data - offset) - 1));
            ((unsigned char *)(g.data + 100))[0] ^= 1;
            cr_expect_not(lw_guard_intact(&g));
            ((unsigned char *)(g.data + 100))[0] ^= 1;
            ((unsigned char *)g.data)[-1] ^= 1;
            cr_expect_not(lw_guard_intact(&g));
            lw_guard_free(&g);
        }
}

Test(guard_buffer, impossible_sizes) {
    struct lw_guard g;
    cr_expect_not(lw_guard_alloc(&g, SIZE_MAX / 2, LW_GUARD_END, 0));
    cr_expect_not(lw_guard_alloc(&g, SIZE_MAX / 32, LW_GUARD_END, 0));
    cr_expect_null(g.map);
    lw_guard_free(&g);
    cr_assert(lw_guard_alloc(&g, 0, LW_GUARD_END, 0));
    cr_expect(lw_guard_intact(&g));
    lw_guard_free(&g);
}
