/* The public API around the kernels: descriptors, layouts, plans, texts, the CPU. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise.h"
#include "reference/fill.h"

TestSuite(dispatch, .timeout = 60);

static void expect_one_line(const lw_error *err) {
    cr_expect(err->text[0], "no text");
    for (const char *c = err->text; *c; c++)
        cr_expect((unsigned char)*c >= 32, "control character in '%s'", err->text);
}

/* ---- descriptors --------------------------------------------------------------------------------------- */

static void expect_bad(const lw_desc *d, lw_status status, const char *word) {
    lw_error err = {0};
    int64_t oc = 7, oh = 7, ow = 7;
    cr_expect_eq(lw_desc_check(d, &err), status, "%s: %s", word, err.text);
    cr_expect_eq(err.status, status);
    cr_expect(strstr(err.text, word), "'%s' isn't in '%s'", word, err.text);
    expect_one_line(&err);
    cr_expect_eq(lw_desc_check(d, NULL), status);
    lw_desc_output(d, &oc, &oh, &ow); /* must not fault on what doesn't pass */
    cr_expect(!oc && !oh && !ow);
    cr_expect(!lw_src_floats(d) && !lw_dst_floats(d) && !lw_weight_floats(d));
}

struct bad_field {
    size_t offset;
    int64_t value;
    lw_status status;
    const char *word;
};
#define FIELD(name, value, status)                                                                           \
    { offsetof(lw_desc, name), value, status, #name }

Test(dispatch, bad_fields) {
    static const struct bad_field bad[] = {FIELD(batch, 0, LW_ERR_INVALID),
                                           FIELD(batch, -1, LW_ERR_INVALID),
                                           FIELD(batch, INT64_MAX, LW_ERR_OVERFLOW),
                                           FIELD(groups, 0, LW_ERR_INVALID),
                                           FIELD(groups, 3, LW_ERR_INVALID),
                                           FIELD(groups, -4, LW_ERR_INVALID),
                                           FIELD(ic, 0, LW_ERR_INVALID),
                                           FIELD(ic, INT64_MIN, LW_ERR_INVALID),
                                           FIELD(ih, 0, LW_ERR_INVALID),
                                           FIELD(iw, -9, LW_ERR_INVALID),
                                           FIELD(ih, INT64_MAX, LW_ERR_OVERFLOW),
                                           FIELD(oc, 0, LW_ERR_INVALID),
                                           FIELD(kh, 0, LW_ERR_INVALID),
                                           FIELD(kw, -1, LW_ERR_INVALID),
                                           FIELD(kh, INT64_MAX, LW_ERR_OVERFLOW),
                                           FIELD(stride_h, 0, LW_ERR_INVALID),
                                           FIELD(stride_w, -1, LW_ERR_INVALID),
                                           FIELD(stride_h, INT64_MAX, LW_ERR_OVERFLOW),
                                           FIELD(dilation_h, 0, LW_ERR_INVALID),
                                           FIELD(dilation_w, INT64_MIN, LW_ERR_INVALID),
                                           FIELD(dilation_w, INT64_MAX, LW_ERR_OVERFLOW),
                                           FIELD(pad_top, -1, LW_ERR_INVALID),
                                           FIELD(pad_left, -1, LW_ERR_INVALID),
                                           FIELD(pad_top, INT64_MAX, LW_ERR_OVERFLOW),
                                           FIELD(pad_bottom, -8, LW_ERR_INVALID),
                                           FIELD(pad_right, INT64_MIN, LW_ERR_INVALID),
                                           FIELD(pad_right, INT64_MAX, LW_ERR_OVERFLOW)};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        lw_desc d = lw_conv2d(2, 8, 8, 8, 8, 3, 3);
        cr_assert_eq(lw_desc_check(&d, NULL), LW_OK);
        memcpy((char *)&d + bad[i].offset, &bad[i].value, sizeof bad[i].value);
        expect_bad(&d, bad[i].status, bad[i].word);
    }
}

Test(dispatch, windows_that_do_not_fit) {
    lw_desc d = lw_conv2d(1, 4, 5, 5, 4, 6, 3);
    expect_bad(&d, LW_ERR_INVALID, "fit");
    d.pad_top = 1;
    cr_expect_eq(lw_desc_check(&d, NULL), LW_OK);
    d.dilation_w = 3;
    expect_bad(&d, LW_ERR_INVALID, "fit");
    d = lw_conv2d(1, 4, 5, 5, 4, 3, 3);
    d.pad_bottom = -3; /* two rows are left of five */
    expect_bad(&d, LW_ERR_INVALID, "fit");
    d.pad_bottom = -2;
    cr_expect_eq(lw_desc_check(&d, NULL), LW_OK);
    d.pool2x2 = true; /* one row of outputs */
    expect_bad(&d, LW_ERR_INVALID, "pool");
    d.pad_bottom = -1;
    cr_expect_eq(lw_desc_check(&d, NULL), LW_OK);
    d = lw_maxpool2d(1, 4, 2, 2, 3, 2, 0);
    expect_bad(&d, LW_ERR_INVALID, "fit");
}

Test(dispatch, what_an_operation_does_not_have) {
    expect_bad(NULL, LW_ERR_INVALID, "NULL");
    lw_desc d = lw_conv2d(1, 4, 5, 5, 4, 3, 3);
    d.op = (lw_op)LW_OP_COUNT;
    expect_bad(&d, LW_ERR_INVALID, "op");
    d.op = (lw_op)-1;
    expect_bad(&d, LW_ERR_INVALID, "op");
    d.op = LW_CONV;
    d.src_layout = (lw_layout)LW_LAYOUT_COUNT;
    expect_bad(&d, LW_ERR_INVALID, "layout");
    d.src_layout = LW_NCHW;
    d.dst_layout = (lw_layout)-1;
    expect_bad(&d, LW_ERR_INVALID, "layout");
    d = lw_maxpool2d(1, 4, 8, 8, 2, 2, 0);
    d.oc = 5;
    expect_bad(&d, LW_ERR_INVALID, "channels");
    d.oc = 4;
    d.bias = true;
    expect_bad(&d, LW_ERR_INVALID, "bias");
    d.bias = false;
    d.relu = true;
    expect_bad(&d, LW_ERR_INVALID, "relu");
    d.relu = false;
    d.pool2x2 = true;
    expect_bad(&d, LW_ERR_INVALID, "pool");
    d.pool2x2 = false;
    d.groups = 2;
    expect_bad(&d, LW_ERR_INVALID, "groups");
    d = lw_linear(1, 4, 4);
    d.kh = 2;
    expect_bad(&d, LW_ERR_INVALID, "kernel");
    d = lw_linear(1, 4, 4);
    d.pad_right = 1;
    expect_bad(&d, LW_ERR_INVALID, "padding");
    d = lw_relu(1, 4, 3, 3);
    d.dst_layout = LW_NHWC;
    expect_bad(&d, LW_ERR_INVALID, "layout");
    d = lw_softmax(3, 10);
    d.iw = 2;
    expect_bad(&d, LW_ERR_INVALID, "rows");
}

Test(dispatch, sizes_that_overflow) {
    enum { BIG = 1 << 30 };
    lw_desc d = lw_conv2d(BIG, BIG, 1, 1, 1, 1, 1);
    expect_bad(&d, LW_ERR_OVERFLOW, "source");
    d = lw_conv2d(BIG, 1, 1, 1, BIG, 1, 1);
    expect_bad(&d, LW_ERR_OVERFLOW, "destination");
    d = lw_conv2d(1, BIG, 1, 1, BIG, 1, 1);
    expect_bad(&d, LW_ERR_OVERFLOW, "weights");
    d = lw_conv2d(1, 1, BIG, BIG, 1, BIG, BIG);
    expect_bad(&d, LW_ERR_OVERFLOW, "source");
    d = lw_conv2d(1, 16, 1, 1, 16, 1, 1); /* 2^20 output pixels for one of input */
    d.pad_top = d.pad_left = BIG;
    expect_bad(&d, LW_ERR_OVERFLOW, "source");
    d = lw_conv2d(1, 1, 1 << 20, 1 << 20, 1, 1 << 19, 1 << 19);
    expect_bad(&d, LW_ERR_OVERFLOW, "multiply-adds");
    d = lw_maxpool2d(1, 1, 1 << 20, 1 << 20, 1 << 19, 1, 0);
    expect_bad(&d, LW_ERR_OVERFLOW, "multiply-adds");
    d = lw_linear(BIG, BIG, 1);
    expect_bad(&d, LW_ERR_OVERFLOW, "source");
    d = lw_relu(1 << 20, 1 << 20, 1 << 20, 1);
    expect_bad(&d, LW_ERR_OVERFLOW, "source");
    lw_plan *plan;
    float x = 0;
    cr_expect_eq(lw_plan_create(&plan, &d, &x, &x, NULL, NULL), LW_ERR_OVERFLOW);
}

/* Nine weights, however wide the image: no row may need more than a few copies, or miscount them. */
/* Explained in no time, without an overflow: strides beyond the image, and more pixels than can be counted.
 */
Test(dispatch, the_largest_numbers, .timeout = 60) {
    lw_desc far = lw_conv2d(1, 1, 1, 858993461, 1, 1, 1),
            pixels = lw_conv2d(1, 16, 1 << 21, 1 << 21, 1, 1, 1);
    far.stride_h = 1073741823;
    far.stride_w = 214748365;
    const lw_desc *d[] = {&far, &pixels};
    for (size_t i = 0; i < sizeof d / sizeof *d; i++) {
        lw_explanation *e;
        cr_assert_eq(lw_explain(&e, d[i], NULL, NULL), LW_OK);
        cr_expect_not_null(e->chosen);
        lw_explanation_free(e);
    }
}

Test(dispatch, the_widest_rows) {
    lw_desc d = lw_conv2d(1, 1, 1, 1 << 30, 1, 3, 3);
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    lw_explanation *e;
    cr_assert_eq(lw_explain(&e, &d, NULL, NULL), LW_OK);
    cr_expect_not_null(e->chosen);
    for (size_t i = 0; i < e->count; i++)
        if (e->candidates[i].eligible)
            cr_expect_lt(e->candidates[i].packed_bytes, 4096, "%s: %zu bytes of packed weights",
                         e->candidates[i].kernel, e->candidates[i].packed_bytes);
    lw_explanation_free(e);
}

Test(dispatch, shapes) {
    int64_t c, h, w;
    lw_desc d = lw_conv2d(2, 3, 9, 8, 5, 3, 2);
    d.stride_h = 2;
    d.dilation_w = 2;
    d.pad_left = 1;
    d.dst_layout = LW_BLOCKED;
    lw_desc_output(&d, &c, &h, &w);
    cr_expect(c == 5 && h == 4 && w == 7, "%" PRId64 " %" PRId64 " %" PRId64, c, h, w);
    cr_expect_eq(lw_src_floats(&d), 2u * 3 * 9 * 8);
    cr_expect_eq(lw_dst_floats(&d), 2u * 16 * 4 * 7);
    cr_expect_eq(lw_weight_floats(&d), 5u * 3 * 3 * 2);
    d.pool2x2 = true;
    lw_desc_output(&d, &c, &h, &w);
    cr_expect(c == 5 && h == 2 && w == 3);
    d = lw_linear(3, 10, 4);
    d.ih = 2;
    d.iw = 5;
    lw_desc_output(&d, &c, &h, &w);
    cr_expect(c == 4 && h == 1 && w == 1);
    cr_expect_eq(lw_weight_floats(&d), 400);
    cr_expect_eq(lw_dst_floats(&d), 12);
    d = lw_maxpool2d(1, 6, 7, 7, 3, 2, 1);
    lw_desc_output(&d, &c, &h, &w);
    cr_expect(c == 6 && h == 4 && w == 4);
    cr_expect_eq(lw_weight_floats(&d), 0);
}

/* ---- layouts ------------------------------------------------------------------------------------------- */

Test(dispatch, tensor_sizes) {
    cr_expect_eq(lw_tensor_floats(LW_BLOCKED, 2, 17, 3, 5), 2u * 32 * 3 * 5);
    cr_expect_eq(lw_tensor_floats(LW_NHWC, 2, 17, 3, 5), 2u * 17 * 3 * 5);
    cr_expect_eq(lw_tensor_floats(LW_NCHW, 0, 1, 1, 1), 0);
    cr_expect_eq(lw_tensor_floats(LW_NCHW, 1, -1, 1, 1), 0);
    cr_expect_eq(lw_tensor_floats((lw_layout)9, 1, 1, 1, 1), 0);
    cr_expect_eq(lw_tensor_floats(LW_NCHW, INT64_MAX, 2, 1, 1), 0);
    cr_expect_eq(lw_tensor_floats(LW_NCHW, INT64_MAX, 1, 1, 1), 0); /* as many floats, but not bytes */
    cr_expect_eq(lw_tensor_floats(LW_BLOCKED, 1, INT64_MAX, 1, 1), 0);
}

static size_t at(lw_layout layout, int64_t n, int64_t c, int64_t y, int64_t x, const int64_t s[4]) {
    int64_t channels = s[1], height = s[2], width = s[3], blocks = (channels + 15) / 16;
    switch (layout) {
    case LW_NHWC:
        return (size_t)(((n * height + y) * width + x) * channels + c);
    case LW_BLOCKED:
        return (size_t)((((n * blocks + c / 16) * height + y) * width + x) * 16 + c % 16);
    default:
        return (size_t)(((n * channels + c) * height + y) * width + x);
    }
}

static void check_conversion(lw_layout from, lw_layout to, const int64_t s[4]) {
    size_t in = lw_tensor_floats(from, s[0], s[1], s[2], s[3]),
           out = lw_tensor_floats(to, s[0], s[1], s[2], s[3]);
    float *src = malloc(in * sizeof *src), *dst = malloc((out + 1) * sizeof *dst),
          *back = malloc(in * sizeof *back);
    lw_fill(src, in, LW_FILL_NORMAL, 1);
    memset(dst, 0xff, (out + 1) * sizeof *dst);
    lw_convert_layout(src, from, dst, to, s[0], s[1], s[2], s[3]);
    size_t bad = 0, zeros = 0, unwritten = 0;
    for (int64_t n = 0; n < s[0]; n++)
        for (int64_t c = 0; c < s[1]; c++)
            for (int64_t y = 0; y < s[2]; y++)
                for (int64_t x = 0; x < s[3]; x++)
                    bad +=
                        memcmp(&src[at(from, n, c, y, x, s)], &dst[at(to, n, c, y, x, s)], sizeof *src) != 0;
    for (size_t i = 0; i < out; i++) {
        zeros += dst[i] == 0.0f;
        unwritten += dst[i] != dst[i];
    }
    cr_expect_eq(bad, 0);
    cr_expect_eq(unwritten, 0);
    cr_expect_eq(zeros, out - (size_t)(s[0] * s[1] * s[2] * s[3]), "%zu zero lanes", zeros);
    cr_expect(dst[out] != dst[out], "written past the end");
    memset(back, 0xff, in * sizeof *back);
    if (from == LW_BLOCKED) { /* its own lanes hold noise here; they come back as zero */
        lw_convert_layout(dst, to, back, from, s[0], s[1], s[2], s[3]);
        lw_convert_layout(back, from, dst, to, s[0], s[1], s[2], s[3]);
    } else {
        lw_convert_layout(dst, to, back, from, s[0], s[1], s[2], s[3]);
        cr_expect_eq(memcmp(src, back, in * sizeof *src), 0);
    }
    free(src);
    free(dst);
    free(back);
}

Test(dispatch, conversions) {
    static const int64_t shapes[][4] = {{1, 1, 1, 1},  {2, 3, 5, 7},  {1, 15, 4, 3}, {2, 16, 3, 3},
                                        {1, 17, 2, 5}, {3, 33, 1, 9}, {1, 100, 6, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int from = 0; from < LW_LAYOUT_COUNT; from++)
            for (int to = 0; to < LW_LAYOUT_COUNT; to++)
                check_conversion((lw_layout)from, (lw_layout)to, shapes[i]);
}

/* ---- texts and names ----------------------------------------------------------------------------------- */

Test(dispatch, texts) {
    for (int s = LW_OK; s <= LW_ERR_THREADS; s++) {
        cr_expect(lw_status_text((lw_status)s)[0]);
        for (int t = LW_OK; t < s; t++)
            cr_expect_str_neq(lw_status_text((lw_status)s), lw_status_text((lw_status)t));
    }
    cr_expect_str_eq(lw_status_text((lw_status)99), "unknown status");
    cr_expect_str_eq(lw_status_text((lw_status)-1), "unknown status");
    cr_expect_str_eq(lw_op_name(LW_SOFTMAX), "softmax");
    cr_expect_str_eq(lw_op_name((lw_op)-1), "?");
    cr_expect_str_eq(lw_layout_name(LW_BLOCKED), "blocked");
    cr_expect_str_eq(lw_layout_name((lw_layout)3), "?");
}

Test(dispatch, rows_are_well_formed) {
    lw_kernel_info a, b;
    size_t count = lw_kernel_count();
    cr_assert_gt(count, 0);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(lw_kernel_get(i, &a), LW_OK);
        cr_expect(a.src_layouts && a.dst_layouts && a.algorithm[0] && a.tile && a.reason);
        cr_expect_eq(!a.reason[0], a.usable);
        cr_expect(strstr(a.name, a.isa), "%s doesn't name its ISA %s", a.name, a.isa);
        cr_expect_eq(strncmp(a.name, lw_op_name(a.op), strlen(lw_op_name(a.op))), 0, "%s", a.name);
        for (size_t j = 0; j < i; j++) {
            lw_kernel_get(j, &b);
            cr_expect_str_neq(a.name, b.name);
        }
    }
    cr_expect_str_eq(a.isa, "scalar", "scalar ends the list");
    cr_expect(a.usable);
}

/* ---- plans --------------------------------------------------------------------------------------------- */

struct tensors {
    lw_desc desc;
    size_t dst_floats;
    float *src, *weights, *bias, *dst;
};

static struct tensors tensors_of(lw_desc d) {
    struct tensors t = {.desc = d, .dst_floats = lw_dst_floats(&d)};
    size_t src = lw_src_floats(&d), weights = lw_weight_floats(&d);
    t.src = malloc(src * sizeof(float));
    t.weights = malloc((weights + 1) * sizeof(float));
    t.bias = malloc((size_t)d.oc * sizeof(float));
    t.dst = malloc(t.dst_floats * sizeof(float));
    lw_fill(t.src, src, LW_FILL_NORMAL, 1);
    lw_fill(t.weights, weights, LW_FILL_NORMAL, 2);
    lw_fill(t.bias, (size_t)d.oc, LW_FILL_NORMAL, 3);
    return t;
}

static void tensors_free(struct tensors *t) {
    free(t->src);
    free(t->weights);
    free(t->bias);
    free(t->dst);
}

static lw_plan *plan_of(const struct tensors *t, const lw_options *opt) {
    lw_plan *plan;
    lw_error err;
    cr_assert_eq(lw_plan_create(&plan, &t->desc, t->weights, t->bias, opt, &err), LW_OK, "%s", err.text);
    cr_assert_eq(err.status, LW_OK);
    cr_assert_not(err.text[0]);
    return plan;
}

static void *workspace_of(const lw_plan *plan) { return aligned_alloc(64, lw_plan_workspace(plan) + 64); }

static lw_desc big_conv(void) { /* enough work to be shared among threads */
    lw_desc d = lw_conv2d(2, 20, 30, 30, 40, 3, 3);
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    d.relu = d.pool2x2 = true;
    return d;
}

Test(dispatch, plan_arguments) {
    struct tensors t = tensors_of(big_conv());
    lw_error err;
    lw_plan *plan = (lw_plan *)&t;
    cr_expect_eq(lw_plan_create(NULL, &t.desc, t.weights, t.bias, NULL, &err), LW_ERR_INVALID);
    cr_expect_eq(lw_plan_create(&plan, NULL, t.weights, t.bias, NULL, &err), LW_ERR_INVALID);
    cr_expect_null(plan);
    cr_expect_eq(lw_plan_create(&plan, &t.desc, NULL, t.bias, NULL, &err), LW_ERR_INVALID);
    cr_expect(strstr(err.text, "weights"));
    cr_expect_eq(lw_plan_create(&plan, &t.desc, t.weights, NULL, NULL, &err), LW_ERR_INVALID);
    cr_expect(strstr(err.text, "bias"));
    expect_one_line(&err);
    t.desc.bias = false;
    cr_expect_eq(lw_plan_create(&plan, &t.desc, t.weights, NULL, NULL, &err), LW_OK, "%s", err.text);
    lw_plan_destroy(plan);
    lw_plan_destroy(NULL);
    cr_expect_eq(lw_plan_workspace(NULL), 0);
    tensors_free(&t);
}

/* 2^48 bytes of weights: a descriptor in order, but more than any address space here holds. */
#if !defined(__has_feature) /* clang's way to tell */
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||     \
    __has_feature(thread_sanitizer)
enum { HUGE_ALLOCATIONS_ABORT = 1 };
#else
enum { HUGE_ALLOCATIONS_ABORT = 0 };
#endif

Test(dispatch, no_memory) {
    if (HUGE_ALLOCATIONS_ABORT) cr_skip("sanitizers abort on huge allocations");
    lw_desc d = lw_linear(1, 1 << 23, 1 << 23);
    lw_options opt = lw_default_options();
    lw_error err;
    float x = 0;
    for (int effort = LW_ESTIMATE; effort <= LW_MEASURE; effort++) {
        lw_plan *plan = (lw_plan *)&x;
        opt.effort = (lw_effort)effort;
        opt.threads = 1 + effort;
        cr_expect_eq(lw_plan_create(&plan, &d, &x, &x, &opt, &err), LW_ERR_NO_MEMORY, "%s", err.text);
        cr_expect_null(plan);
        expect_one_line(&err);
    }
}

Test(dispatch, execute_checks_its_pointers) {
    struct tensors t = tensors_of(big_conv());
    lw_options opt = lw_default_options();
    opt.threads = 2;
    lw_plan *plan = plan_of(&t, &opt);
    char *space = workspace_of(plan);
    cr_expect_eq(lw_plan_execute(NULL, t.src, t.dst, space), LW_ERR_INVALID);
    cr_expect_eq(lw_plan_execute(plan, NULL, t.dst, space), LW_ERR_INVALID);
    cr_expect_eq(lw_plan_execute(plan, t.src, NULL, space), LW_ERR_INVALID);
    cr_expect_eq(lw_plan_execute(plan, (float *)((char *)t.src + 1), t.dst, space), LW_ERR_INVALID);
    cr_expect_eq(lw_plan_workspace(plan) % 64, 0);
    lw_status without = lw_plan_workspace(plan) ? LW_ERR_INVALID : LW_OK;
    cr_expect_eq(lw_plan_execute(plan, t.src, t.dst, NULL), without);
    cr_expect_eq(lw_plan_execute(plan, t.src, t.dst, space + 32), without);
    cr_expect_eq(lw_plan_execute(plan, t.src, t.dst, space), LW_OK);
    free(space);
    lw_plan_destroy(plan);
    tensors_free(&t);
}

Test(dispatch, same_bits_on_any_number_of_threads) {
    struct tensors t = tensors_of(big_conv());
    float *first = malloc(t.dst_floats * sizeof *first);
    for (int threads = 1; threads <= 8; threads++) {
        lw_options opt = lw_default_options();
        opt.threads = threads;
        lw_plan *plan = plan_of(&t, &opt);
        void *space = workspace_of(plan);
        memset(t.dst, 0xff, t.dst_floats * sizeof *t.dst);
        cr_assert_eq(lw_plan_execute(plan, t.src, t.dst, space), LW_OK);
        if (threads == 1) memcpy(first, t.dst, t.dst_floats * sizeof *first);
        cr_expect_eq(memcmp(first, t.dst, t.dst_floats * sizeof *first), 0, "%d threads", threads);
        free(space);
        lw_plan_destroy(plan);
    }
    free(first);
    tensors_free(&t);
}

/* Several threads execute one plan, whose own pool has two. */
struct caller {
    const lw_plan *plan;
    const struct tensors *t;
    const float *expected;
    int wrong;
};

static void *execute_often(void *arg) {
    struct caller *c = arg;
    size_t bytes = c->t->dst_floats * sizeof(float);
    float *dst = malloc(bytes);
    void *space = workspace_of(c->plan);
    for (int i = 0; i < 20; i++) {
        memset(dst, 0xff, bytes);
        c->wrong += lw_plan_execute(c->plan, c->t->src, dst, space) != LW_OK;
        c->wrong += memcmp(dst, c->expected, bytes) != 0;
    }
    free(space);
    free(dst);
    return NULL;
}

Test(dispatch, concurrent_executions_of_one_plan) {
    enum { CALLERS = 4 };
    struct tensors t = tensors_of(big_conv());
    lw_options opt = lw_default_options();
    opt.threads = 2;
    lw_plan *plan = plan_of(&t, &opt);
    void *space = workspace_of(plan);
    cr_assert_eq(lw_plan_execute(plan, t.src, t.dst, space), LW_OK);
    pthread_t threads[CALLERS];
    struct caller callers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){plan, &t, t.dst, 0};
        cr_assert_eq(pthread_create(&threads[i], NULL, execute_often, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        cr_expect_eq(callers[i].wrong, 0);
    }
    free(space);
    lw_plan_destroy(plan);
    tensors_free(&t);
}

Test(dispatch, plans_share_a_pool) {
    struct tensors t = tensors_of(big_conv());
    lw_options opt = lw_default_options();
    cr_assert_eq(lw_pool_create(&opt.pool, 3, NULL), LW_OK);
    opt.threads = 7; /* the pool's number counts */
    lw_plan *a = plan_of(&t, &opt), *b = plan_of(&t, &opt);
    void *space = workspace_of(a);
    cr_expect_eq(lw_plan_execute(a, t.src, t.dst, space), LW_OK);
    lw_plan_destroy(a);
    cr_expect_eq(lw_plan_execute(b, t.src, t.dst, space), LW_OK);
    lw_plan_destroy(b);
    lw_pool_destroy(opt.pool);
    free(space);
    tensors_free(&t);
}

Test(dispatch, measured_plans) {
    struct tensors t = tensors_of(big_conv());
    for (int threads = 1; threads <= 2; threads++) {
        lw_options opt = lw_default_options();
        opt.effort = LW_MEASURE;
        opt.threads = threads;
        lw_plan *plan = plan_of(&t, &opt);
        cr_expect_str_eq(lw_plan_rule(plan), "measured");
        lw_plan_destroy(plan);
    }
    tensors_free(&t);
}

Test(dispatch, explain_measured) {
    lw_desc d = big_conv();
    lw_options opt = lw_default_options();
    lw_explanation *e;
    opt.effort = LW_MEASURE;
    cr_assert_eq(lw_explain(&e, &d, &opt, NULL), LW_OK);
    cr_expect_str_eq(e->rule, "measured");
    cr_assert_not_null(e->chosen);
    for (size_t i = 0; i < e->count; i++) {
        const lw_candidate *c = &e->candidates[i];
        cr_expect_eq(c->eligible, !c->reason[0], "%s: %s", c->kernel, c->reason);
        if (!c->eligible) continue;
        cr_expect(c->ns > 0 && c->ns_low <= c->ns && c->ns <= c->ns_high, "%s", c->kernel);
        cr_expect(c->bound > 0 && c->rel_l2 > 0 && c->packed_bytes > 0);
    }
    lw_explanation_free(e);
}

/* ---- the CPU ------------------------------------------------------------------------------------------- */

Test(dispatch, cpu) {
    lw_cpu_info info;
    lw_cpu_get(&info);
    cr_expect(info.model[0] && info.model[0] != ' ');
    cr_expect_geq(info.cores, 1);
    lw_cpu_get(NULL);
    lw_isa_info isa;
    for (size_t i = 0; i < lw_isa_count(); i++) {
        cr_assert_eq(lw_isa_get(i, &isa), LW_OK);
        cr_expect_eq(lw_isa_fma_peak(i, 1000) > 0, isa.usable, "%s", isa.name);
        cr_expect_eq(lw_isa_fma_peak(i, 0), 0.0);
    }
}

Test(dispatch, scalar_under_its_cap) {
    setenv("LANEWISE_ISA", "scalar", 1);
    struct tensors t = tensors_of(big_conv());
    lw_plan *plan = plan_of(&t, NULL);
    cr_expect(strstr(lw_plan_kernel(plan), "scalar"), "%s", lw_plan_kernel(plan));
    lw_plan_destroy(plan);
    tensors_free(&t);
    lw_isa_info isa;
    for (size_t i = 0; i < lw_isa_count(); i++) {
        cr_assert_eq(lw_isa_get(i, &isa), LW_OK);
        cr_expect_eq(isa.usable, !strcmp(isa.name, "scalar"), "%s", isa.name);
    }
}
