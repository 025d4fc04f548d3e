/* Verification finds what is wrong: errors planted in a destination, and executions that misbehave. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "reference/fill.h"
#include "reference/reference.h"
#include "reference/verify.h"

static lw_desc padded_conv(int64_t n, int64_t ic, int64_t ih, int64_t iw, int64_t oc, int64_t k,
                           int64_t pad) {
    lw_desc d = lw_conv2d(n, ic, ih, iw, oc, k, k);
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = pad;
    return d;
}

/* ---- verification finds what is wrong ------------------------------------------------------------------ */

struct planted {
    lw_desc d;
    float *src, *weights, *bias, *dst;
    int64_t oc, oh, ow;
};

/* A destination that is right: the reference rounded to float. */
static struct planted right_result(lw_desc d) {
    struct planted p = {.d = d};
    size_t src = (size_t)(d.batch * d.ic * d.ih * d.iw), weights = lw_weight_floats(&d);
    lw_desc_output(&d, &p.oc, &p.oh, &p.ow);
    size_t count = (size_t)(d.batch * p.oc * p.oh * p.ow);
    p.src = malloc(src * sizeof(float));
    p.weights = malloc((weights + 1) * sizeof(float));
    p.bias = malloc((size_t)d.oc * sizeof(float));
    p.dst = malloc(lw_dst_floats(&d) * sizeof(float));
    lw_fill(p.src, src, LW_FILL_NORMAL, 1);
    lw_fill(p.weights, weights, LW_FILL_NORMAL, 2);
    lw_fill(p.bias, (size_t)d.oc, LW_FILL_NORMAL, 3);
    double *exact = malloc(count * sizeof *exact);
    float *plain = malloc(count * sizeof *plain);
    cr_assert(lw_ref_run(&d, p.src, p.weights, d.bias ? p.bias : NULL, exact, NULL));
    for (size_t i = 0; i < count; i++)
        plain[i] = (float)exact[i];
    lw_convert_layout(plain, LW_NCHW, p.dst, d.dst_layout, d.batch, p.oc, p.oh, p.ow);
    free(exact);
    free(plain);
    return p;
}

static void free_planted(struct planted *p) {
    free(p->src);
    free(p->weights);
    free(p->bias);
    free(p->dst);
}

static struct lw_verify_result look(const struct planted *p, double bound, struct lw_verify_options opt) {
    struct lw_verify_result r;
    lw_verify_output(&p->d, p->src, p->weights, p->bias, p->dst, bound, &opt, &r);
    cr_assert_eq(r.status, LW_OK);
    return r;
}

Test(verify, every_single_wrong_output_is_found) {
    for (int layout = 0; layout < LW_LAYOUT_COUNT; layout++) {
        lw_desc d = padded_conv(2, 3, 5, 6, 17, 3, 1);
        d.dst_layout = (lw_layout)layout;
        struct planted p = right_result(d);
        struct lw_verify_result r = look(&p, 10, (struct lw_verify_options){0});
        cr_expect(r.ok && r.err_over_bound < 1 && r.err_over_bound > 0 && r.rel_l2 < 1e-7);
        cr_expect_eq(r.compared, 2 * 17 * 30);
        cr_expect_eq(r.total, r.compared);
        for (size_t i = 0; i < lw_dst_floats(&d); i++) { /* the pad lanes of the blocked layout included */
            float kept = p.dst[i];
            p.dst[i] = kept + 1e-4f;
            cr_assert_not(look(&p, 10, (struct lw_verify_options){0}).ok, "dst[%zu]", i);
            p.dst[i] = NAN;
            r = look(&p, 10, (struct lw_verify_options){0});
            cr_assert(!r.ok && isinf(r.err_over_bound));
            p.dst[i] = kept;
        }
        free_planted(&p);
    }
}

Test(verify, a_bias_that_the_descriptor_lacks_is_not_read) {
    lw_desc d = padded_conv(2, 3, 5, 6, 17, 3, 1);
    d.bias = false;
    struct planted p = right_result(d);
    for (int64_t i = 0; i < d.oc; i++)
        p.bias[i] = NAN;
    cr_expect(look(&p, 10, (struct lw_verify_options){0}).ok);
    cr_expect(look(&p, 10, (struct lw_verify_options){.max_outputs = 100}).ok);
    free_planted(&p);
}

Test(verify, the_bound_is_a_bound) {
    struct planted p = right_result(padded_conv(1, 4, 4, 4, 3, 3, 1));
    double scale, exact = lw_ref_at(&p.d, p.src, p.weights, p.bias, 0, 1, 2, 3, &scale);
    float *y = &p.dst[(1 * 4 + 2) * 4 + 3];
    *y = (float)(exact + 100 * scale * 0x1p-24);
    struct lw_verify_result r = look(&p, 200, (struct lw_verify_options){0});
    cr_expect(r.ok);
    cr_expect_float_eq(r.err_over_bound, 0.5, 0.02);
    cr_expect_not_null(strstr(r.worst, "[0,1,2,3] is "), "%s", r.worst);
    cr_expect_not(look(&p, 50, (struct lw_verify_options){0}).ok);
    cr_expect_not(look(&p, -1, (struct lw_verify_options){0}).ok);
    free_planted(&p);
}

/* Beside a large input, an error that the output's own window doesn't allow is a fraction of the wider bound.
 */
Test(verify, a_spread_has_the_wider_scale) {
    struct planted p = right_result(padded_conv(1, 2, 12, 12, 3, 3, 1));
    struct lw_verify_options plain = {0}, spread = {.spread = 3};
    double exact, scale, wide;
    p.src[2 * 12 + 6] = 1e6f; /* four rows above the output's, three above its window */
    for (int64_t i = 0; i < 3 * 144; i++)
        p.dst[i] = (float)lw_ref_at(&p.d, p.src, p.weights, p.bias, 0, i / 144, i / 12 % 12, i % 12, &scale);
    exact = lw_ref_at(&p.d, p.src, p.weights, p.bias, 0, 1, 6, 6, &scale);
    wide = lw_ref_spread_scale_at(&p.d, p.src, p.weights, p.bias, 0, 1, 6, 6, 3);
    cr_assert_gt(wide, 1e4 * scale);
    float *y = &p.dst[(1 * 12 + 6) * 12 + 6];
    for (int beyond = 0; beyond < 2; beyond++) {
        double part = beyond ? 1.5 : 0.5;
        *y = (float)(exact + part * 100 * wide * 0x1p-24);
        struct lw_verify_result r = look(&p, 100, spread);
        cr_expect_eq(r.ok, !beyond);
        cr_expect_float_eq(r.err_over_bound, part, 0.02);
        cr_expect_not(look(&p, 100, plain).ok);
    }
    *y = (float)(exact + 50 * scale * 0x1p-24); /* half of what its own window allows: next to nothing */
    cr_expect_lt(look(&p, 100, spread).err_over_bound, 0.0626);
    cr_expect_float_eq(look(&p, 100, plain).err_over_bound, 0.5, 0.02);
    free_planted(&p);
}

Test(verify, exact_operations_are_compared_to_the_bit) {
    struct planted p = right_result(lw_relu(1, 5, 4, 4));
    cr_expect(look(&p, 0, (struct lw_verify_options){0}).ok);
    float *zero = p.dst;
    while (*zero != 0)
        zero++;
    *zero = -0.0f;
    cr_expect_not(look(&p, 0, (struct lw_verify_options){0}).ok);
    *zero = 0x1p-149f;
    cr_expect_not(look(&p, 0, (struct lw_verify_options){0}).ok);
    *zero = 0;
    cr_expect(look(&p, 0, (struct lw_verify_options){0}).ok);
    free_planted(&p);
}

/* A sample has all borders of all planes where the budget allows, never counts an output twice, and keeps to
 * its budget. */
Test(verify, samples_have_the_borders) {
    lw_desc d = padded_conv(2, 2, 40, 50, 20, 3, 1);
    d.dst_layout = LW_BLOCKED;
    struct planted p = right_result(d);
    struct lw_verify_options opt = {.max_outputs = 10000};
    int64_t border = 2 * 20 * (2 * 40 + 2 * 50 - 4), total = 2 * 20 * 40 * 50;
    struct lw_verify_result r = look(&p, 10, opt);
    cr_expect(r.ok);
    cr_expect_eq(r.total, total);
    cr_expect(r.compared >= border && r.compared <= 10000, "compared %lld", (long long)r.compared);
    for (int64_t n = 0; n < 2; n++)
        for (int64_t o = 0; o < 20; o += 3)
            for (int64_t i = 0; i < 4 * 50; i += 7) {
                int64_t y = i < 50    ? 0
                            : i < 100 ? 39
                                      : (i - 100) % 40,
                        x = i < 100   ? i % 50
                            : i < 150 ? 0
                                      : 49;
                float *at = p.dst + (((n * 2 + o / 16) * 40 + y) * 50 + x) * 16 + o % 16, kept = *at;
                *at += 1;
                cr_assert_not(look(&p, 10, opt).ok, "[%d,%d,%d,%d]", (int)n, (int)o, (int)y, (int)x);
                *at = kept;
            }
    opt = (struct lw_verify_options){.max_macs = 20000 * 18};
    r = look(&p, 10, opt);
    cr_expect(r.ok && r.compared > 15000 && r.compared <= 20000, "compared %lld", (long long)r.compared);
    opt.max_macs = 1;
    r = look(&p, 10, opt);
    cr_expect(r.ok && r.compared == 1);
    /* the inside is sampled too: a whole wrong image is found */
    for (int64_t i = 0; i < 32 * 40 * 50; i++)
        if (i / 16 / 50 % 40 > 0 && i / 16 / 50 % 40 < 39 && i / 16 % 50 > 0 && i / 16 % 50 < 49)
            p.dst[i] += 1;
    opt = (struct lw_verify_options){.max_outputs = 10000};
    cr_expect_not(look(&p, 10, opt).ok);
    free_planted(&p);
}

Test(verify, special_results) {
    lw_desc d = lw_conv2d(1, 1, 1, 4, 1, 1, 1);
    float src[] = {NAN, INFINITY, 3e38f, 1e-44f}, weights[] = {2}, bias[] = {0},
          dst[] = {NAN, INFINITY, INFINITY, 2e-44f};
    struct planted p = {.d = d, .src = src, .weights = weights, .bias = bias, .dst = dst};
    cr_expect(look(&p, 2, (struct lw_verify_options){0}).ok); /* 6e38 is beyond float: Inf is right */
    dst[3] = 0;
    cr_expect_not(look(&p, 2, (struct lw_verify_options){0}).ok); /* a flushed denormal */
    dst[3] = 2e-44f;
    dst[0] = 1;
    cr_expect_not(look(&p, 2, (struct lw_verify_options){0}).ok);
    dst[0] = NAN, dst[1] = -INFINITY;
    cr_expect_not(look(&p, 2, (struct lw_verify_options){0}).ok);
    dst[1] = INFINITY, dst[2] = -INFINITY;
    cr_expect_not(look(&p, 2, (struct lw_verify_options){0}).ok);
    dst[2] = INFINITY, src[2] = 1;
    cr_expect_not(look(&p, 2, (struct lw_verify_options){0}).ok);
}

/* A row that mixes the inputs of a tile may answer anything where a NaN is in reach, and nowhere else. */
Test(verify, special_values_within_reach_and_beyond) {
    struct planted p = right_result(padded_conv(1, 2, 12, 12, 3, 3, 1));
    struct lw_verify_options opt = {.spread = 3};
    for (int infinite = 0; infinite < 2; infinite++) {
        p.src[6 * 12 + 6] = infinite ? INFINITY : NAN; /* in the windows of rows and columns 5 .. 7 */
        for (int64_t y = 0; y < 12; y++)
            for (int64_t x = 0; x < 12; x++) {
                bool window = llabs(y - 6) <= 1 && llabs(x - 6) <= 1,
                     reach = llabs(y - 6) <= 4 && llabs(x - 6) <= 4;
                for (int64_t o = 0; o < 3; o++)
                    if (window) p.dst[(o * 12 + y) * 12 + x] = NAN;
                float *at = &p.dst[(1 * 12 + y) * 12 + x], kept = *at;
                *at = NAN;
                cr_expect_eq(look(&p, 100, opt).ok || window, reach || window, "NaN at %d,%d", (int)y,
                             (int)x);
                *at = kept + 1;
                cr_expect_eq(look(&p, 100, opt).ok || window, reach || window, "wrong at %d,%d", (int)y,
                             (int)x);
                *at = kept;
            }
        cr_expect(look(&p, 100, opt).ok);
    }
    free_planted(&p);
}

Test(verify, exact_results_have_no_tolerance) {
    lw_desc d = padded_conv(1, 3, 6, 6, 4, 3, 1);
    d.relu = true; /* which makes zeros */
    struct planted p = right_result(d);
    double *exact = malloc(lw_dst_floats(&d) * sizeof *exact);
    lw_fill_problem(&d, LW_FILL_INTEGER, 1, p.src, p.weights, p.bias);
    cr_assert(lw_ref_run(&d, p.src, p.weights, d.bias ? p.bias : NULL, exact, NULL));
    float *zero = NULL;
    for (size_t i = 0; i < lw_dst_floats(&d); i++) {
        p.dst[i] = (float)exact[i];
        if (exact[i] == 0) zero = &p.dst[i];
    }
    const struct lw_verify_options opt = {.exact = true}, tolerant = {.exact = false};
    cr_expect(look(&p, 100, opt).ok);
    cr_assert_not_null(zero);
    *zero = -0.0f; /* equal */
    cr_expect(look(&p, 100, opt).ok);
    float kept = p.dst[17];
    p.dst[17] = nextafterf(kept, INFINITY);
    cr_expect(look(&p, 100, tolerant).ok);
    struct lw_verify_result r = look(&p, 100, opt);
    cr_expect(!r.ok && isinf(r.err_over_bound));
    p.dst[17] = kept;
    for (int64_t i = 0; i < 108; i++) /* beyond 2^18 the bound is all that is claimed */
        p.src[i] *= 0x1p20f;
    for (size_t i = 0; i < lw_dst_floats(&d); i++)
        p.dst[i] = (float)lw_ref_at(&d, p.src, p.weights, p.bias, 0, (int64_t)i / 36, (int64_t)i / 6 % 6,
                                    (int64_t)i % 6, &(double){0});
    p.dst[17] = nextafterf(p.dst[17], INFINITY);
    cr_expect(look(&p, 100, opt).ok);
    free(exact);
    free_planted(&p);
}

/* ---- executions that misbehave: every call of lw_plan_execute() in this program comes here ---- */

static enum { HONEST, LEAVES_ONE, WRITES_BEYOND, WRITES_BEFORE, CHANGES_SOURCE, WAVERS, FAILS } sabotage;
static size_t dst_count;
static int executions;

lw_status __real_lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace);
lw_status __wrap_lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace);

lw_status __wrap_lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace) {
    executions++;
    if (sabotage == FAILS) return LW_ERR_INVALID;
    float kept = dst[dst_count / 2];
    lw_status status = __real_lw_plan_execute(plan, src, dst, workspace);
    switch (sabotage) {
    case LEAVES_ONE:
        dst[dst_count / 2] = kept;
        break;
    case WRITES_BEYOND:
        dst[dst_count] = 1;
        break; /* the slack of a misaligned buffer takes it */
    case WRITES_BEFORE:
        dst[-1] = 1;
        break;
    case CHANGES_SOURCE:
        ((float *)(uintptr_t)src)[3] = 12345;
        break;
    case WAVERS:
        dst[0] += (float)executions * 0x1p-22f;
        break;
    default:
        break;
    }
    return status;
}

static struct lw_verify_result verify_scalar(lw_layout layout, int how, bool guard) {
    struct lw_verify_options opt = {.offset = 3, .guard = guard};
    struct lw_verify_result r;
    const char *name = NULL;
    lw_desc d = padded_conv(1, 5, 6, 7, 19, 3, 1);
    d.src_layout = d.dst_layout = layout;
    for (size_t i = 0; i < lw_kernel_count() && !name; i++) {
        lw_kernel_info info;
        cr_assert_eq(lw_kernel_get(i, &info), LW_OK);
        if (strcmp(info.isa, "scalar") == 0 && lw_kernel_accepts(info.name, &d, NULL) == LW_OK)
            name = info.name;
    }
    cr_assert_not_null(name);
    dst_count = lw_dst_floats(&d);
    sabotage = how, executions = 0;
    lw_verify(name, &d, &opt, &r);
    return r;
}

Test(verify, once_is_once) {
    struct lw_verify_options opt = {.once = true};
    struct lw_verify_result r;
    lw_desc d = lw_relu(1, 3, 4, 5);
    for (size_t i = 0; i < lw_kernel_count(); i++) {
        lw_kernel_info info;
        cr_assert_eq(lw_kernel_get(i, &info), LW_OK);
        if (!info.usable || info.op != LW_RELU) continue;
        sabotage = HONEST, executions = 0;
        lw_verify(info.name, &d, &opt, &r);
        cr_expect(r.status == LW_OK && r.ok);
        cr_expect_eq(executions, 1);
    }
}

Test(verify, misbehaviour_is_found) {
    static const struct {
        int how;
        const char *says;
    } cases[] = {
        {LEAVES_ONE, "unwritten"},      {WRITES_BEYOND, "wrote outside"}, {WRITES_BEFORE, "wrote outside"},
        {CHANGES_SOURCE, "its source"}, {WAVERS, "other bits"},
    };
    for (int layout = 0; layout < LW_LAYOUT_COUNT; layout++)
        for (int guard = 0; guard < 2; guard++) {
            struct lw_verify_result r = verify_scalar((lw_layout)layout, HONEST, guard);
            cr_expect(r.status == LW_OK && r.ok && r.err_over_bound <= 1, "%s", r.worst);
            cr_expect_eq(r.compared, 19 * 6 * 7);
            cr_expect_eq(executions, 2);
            for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                r = verify_scalar((lw_layout)layout, cases[i].how, guard);
                cr_expect(r.status == LW_OK && !r.ok && isinf(r.err_over_bound));
                cr_expect_not_null(strstr(r.worst, cases[i].says), "%d: '%s'", cases[i].how, r.worst);
            }
            r = verify_scalar((lw_layout)layout, FAILS, guard);
            cr_expect(r.status == LW_ERR_INVALID && !r.ok && r.compared == 0);
        }
}

Test(verify, what_cannot_be_run_has_a_status) {
    struct lw_verify_options opt = {0};
    struct lw_verify_result r;
    lw_desc d = padded_conv(1, 4, 5, 5, 4, 3, 1);
    lw_verify("no_such_kernel", &d, &opt, &r);
    cr_expect(r.status == LW_ERR_UNKNOWN && !r.ok && r.compared == 0 && r.error.text[0]);
    for (size_t i = 0; i < lw_kernel_count(); i++) {
        lw_kernel_info info;
        cr_assert_eq(lw_kernel_get(i, &info), LW_OK);
        if (info.op != LW_SOFTMAX || !info.usable) continue;
        lw_verify(info.name, &d, &opt, &r);
        cr_expect(r.status == LW_ERR_UNSUPPORTED && !r.ok && r.error.text[0]);
        lw_desc big = lw_softmax(1 << 12, 1 << 18);
        lw_verify(info.name, &big, &opt, &r);
        cr_expect(r.status == LW_ERR_NO_MEMORY && !r.ok && strstr(r.error.text, "MB"), "%s", r.error.text);
    }
}
