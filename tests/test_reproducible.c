/* Reproducible plans: each row of the ISA under test against scalar's of the same family, bit for bit, and
 * both against digests that every build on every architecture is held to. */
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows and families --------------------------------------------------------------------------------- */

static const char *isa_under_test(void) {
    const char *isa = getenv("LANEWISE_TEST_ISA");
    return isa != NULL ? isa : "scalar";
}

/* The length of the family in a row's name: what comes before _ISA. */
static int family_length(const char *name, const char *isa) {
    char end[40];
    snprintf(end, sizeof end, "_%s", isa);
    const char *found = strstr(name, end);
    cr_assert_not_null(found, "%s doesn't name its ISA", name);
    return (int)(found - name);
}

/* The first row of an ISA with the family of a scalar row; false: it has none. */
static bool find_row(const lw_kernel_info *scalar, const char *isa, lw_kernel_info *row) {
    int length = family_length(scalar->name, "scalar");
    for (size_t i = 0; i < lw_kernel_count(); i++)
        if (lw_kernel_get(i, row) == LW_OK && strcmp(row->isa, isa) == 0 &&
            family_length(row->name, isa) == length && strncmp(row->name, scalar->name, (size_t)length) == 0)
            return true;
    return false;
}

static lw_options reproducible(const char *kernel) {
    lw_options o = lw_default_options();
    o.reproducible = true;
    o.kernel = kernel;
    return o;
}

/* ---- one problem --------------------------------------------------------------------------------------- */

static const lw_layout layouts[] = {LW_NCHW, LW_NHWC, LW_BLOCKED};

static lw_desc variant(const struct test_corpus *corpus, size_t p, int pair) {
    lw_desc d = corpus->problem[p].desc;
    d.src_layout = layouts[pair / 3];
    d.dst_layout = layouts[pair % 3];
    test_set_tail(&d, ((int)p + pair) % TEST_TAILS);
    return d;
}

struct data {
    float *src, *weights, *bias;
};

static struct data make_data(const lw_desc *d, enum lw_fill fill, uint64_t seed) {
    size_t src = (size_t)(d->batch * d->ic * d->ih * d->iw), weights = lw_weight_floats(d),
           bias = (size_t)d->oc;
    float *all = malloc((src + weights + bias) * sizeof *all);
    cr_assert_not_null(all);
    lw_fill(all, src, fill, seed);
    lw_fill(all + src, weights, fill, seed + 1);
    lw_fill(all + src + weights, bias, fill, seed + 2);
    return (struct data){all, weights ? all + src : NULL, d->bias ? all + src + weights : NULL};
}

/* NULL: the row refuses the problem. */
static float *run(const char *kernel, const lw_desc *d, const struct data *data) {
    lw_options o = reproducible(kernel);
    return test_run_with(&o, d, data->src, data->weights, data->bias);
}

/* The same bits; a NaN's sign and payload are the CPU's own. */
static bool same(const float *a, const float *b, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return false;
    return true;
}

static void compare_data(struct test_tally *t, const char *scalar, const char *kernel, const lw_desc *d,
                         const struct data *data) {
    float *want = run(scalar, d, data), *got = run(kernel, d, data);
    if (want == NULL && got == NULL)
        t->refused++;
    else if (want == NULL || got == NULL)
        test_report(t, kernel, d, "it and the scalar row don't take the same problems");
    else {
        t->checked++;
        if (!same(want, got, lw_dst_floats(d))) test_report(t, kernel, d, "other bits than the scalar row's");
    }
    free(want);
    free(got);
}

static void compare(struct test_tally *t, const char *scalar, const char *kernel, const lw_desc *d,
                    enum lw_fill fill, uint64_t seed) {
    if (lw_desc_check(d, NULL) != LW_OK) return;
    struct data data = make_data(d, fill, seed);
    compare_data(t, scalar, kernel, d, &data);
    free(data.src);
}

/* Every `step`-th problem from `first` on, for every row of the ISA. */
static void compare_all(struct test_tally *t, lw_op op, enum lw_fill fill, size_t first, size_t step) {
    const struct test_corpus *corpus = test_corpus(op);
    const char *isa = isa_under_test();
    lw_kernel_info scalar, row;
    for (size_t i = 0; lw_kernel_get(i, &scalar) == LW_OK; i++) {
        if (scalar.op != op || strcmp(scalar.isa, "scalar") != 0 || !find_row(&scalar, isa, &row)) continue;
        for (size_t p = first; p < corpus->count; p += step)
            for (int pair = test_quick() ? (int)p % 3 : 0; pair < 9; pair += test_quick() ? 4 : 1) {
                lw_desc d = variant(corpus, p, pair);
                compare(t, scalar.name, row.name, &d, fill, p);
            }
    }
}

static void check_op(lw_op op, size_t slice, size_t slices) {
    struct test_tally tally = {0};
    char what[64];
    if (strcmp(isa_under_test(), "scalar") == 0) return; /* it is what the others are compared with */
    compare_all(&tally, op, LW_FILL_NORMAL, slice, slices);
    cr_assert_gt(tally.checked, 0, "no %s row of %s was compared", lw_op_name(op), isa_under_test());
    snprintf(what, sizeof what, "%s %zu/%zu, bits of %s and scalar", lw_op_name(op), slice + 1, slices,
             isa_under_test());
    test_finish(&tally, what);
}

Test(reproducible, conv_1, .timeout = 600) { check_op(LW_CONV, 0, 3); }
Test(reproducible, conv_2, .timeout = 600) { check_op(LW_CONV, 1, 3); }
Test(reproducible, conv_3, .timeout = 600) { check_op(LW_CONV, 2, 3); }
Test(reproducible, maxpool, .timeout = 600) { check_op(LW_MAXPOOL, 0, 1); }
Test(reproducible, linear, .timeout = 600) { check_op(LW_LINEAR, 0, 1); }
Test(reproducible, relu, .timeout = 600) { check_op(LW_RELU, 0, 1); }
Test(reproducible, softmax, .timeout = 600) { check_op(LW_SOFTMAX, 0, 1); }

/* Overflow, underflow, cancellation, NaN, infinities, zeros of both signs and denormals. */
Test(reproducible, other_data, .timeout = 600) {
    static const enum lw_fill fills[] = {LW_FILL_CANCEL, LW_FILL_RANGE, LW_FILL_ONE_HOT, LW_FILL_SPECIAL};
    struct test_tally tally = {0};
    if (strcmp(isa_under_test(), "scalar") == 0) return;
    for (lw_op op = 0; op < LW_OP_COUNT; op++)
        for (size_t i = 0; i < sizeof fills / sizeof *fills; i++)
            compare_all(&tally, op, fills[i], i, test_quick() ? 29 : 7);
    test_finish(&tally, "bits on other data");
}

/* ---- zeros of both signs ------------------------------------------------------------------------------- */

/* Products that are too small for a float, so that sums are zeros of either sign, and biases likewise. */
static struct data make_underflow(const lw_desc *d, uint64_t seed) {
    const struct data data = make_data(d, LW_FILL_NORMAL, seed);
    for (int64_t i = 0; i < d->batch * d->ic * d->ih * d->iw; i++)
        data.src[i] *= 0x1p-100f;
    for (size_t i = 0; i < lw_weight_floats(d); i++)
        data.weights[i] *= 0x1p-80f;
    for (int64_t o = 0; o < d->oc; o++)
        data.bias[o] = copysignf(0.0f, data.bias[o]);
    return data;
}

static int64_t negative_zeros(const float *x, size_t count) {
    int64_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += x[i] == 0.0f && signbit(x[i]);
    return found;
}

/* The pool's choice among zeros has the same bits on every ISA; Winograd's rows, which pool before they add
 * the bias, never give -0. */
static void check_underflow(struct test_tally *t, const lw_desc *d, const char *isa, int64_t *direct) {
    const struct data data = make_underflow(d, (uint64_t)d->ic);
    lw_kernel_info scalar, row;
    for (size_t i = 0; lw_kernel_get(i, &scalar) == LW_OK; i++) {
        if (scalar.op != LW_CONV || strcmp(scalar.isa, "scalar") != 0 || !find_row(&scalar, isa, &row))
            continue;
        compare_data(t, scalar.name, row.name, d, &data);
        float *got = run(row.name, d, &data);
        if (!got) continue;
        const int64_t found = negative_zeros(got, lw_dst_floats(d));
        if (!strstr(row.name, "winograd"))
            *direct += found;
        else if (found > 0)
            test_report(t, row.name, d, "-0 from a row that pools before it adds the bias");
        free(got);
    }
    free(data.src);
}

Test(reproducible, zeros, .timeout = 600) {
    static const int64_t channels[] = {1, 3, 16};
    struct test_tally tally = {0};
    int64_t direct = 0;
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (int pair = 0; pair < 9; pair++) {
            lw_desc d = {.op = LW_CONV, .batch = 1, .groups = 1, .ic = channels[c], .oc = 20};
            d.ih = d.iw = 28;
            d.kh = d.kw = 3;
            d.stride_h = d.stride_w = d.dilation_h = d.dilation_w = 1;
            d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
            d.bias = d.pool2x2 = true;
            d.src_layout = layouts[pair / 3];
            d.dst_layout = layouts[pair % 3];
            check_underflow(&tally, &d, isa_under_test(), &direct);
        }
    cr_assert_gt(direct, 0, "no sum was -0: the data don't test what they should");
    test_finish(&tally, "bits where sums are zeros of both signs");
}

/* ---- digests ------------------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits, over the results' bits, lowest byte first. */
static uint64_t digest_floats(uint64_t hash, const float *data, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &data[i], sizeof bits);
        for (int byte = 0; byte < 4; byte++)
            hash = (hash ^ (bits >> 8 * byte & 255)) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static uint64_t digest_row(const lw_kernel_info *row) {
    const struct test_corpus *corpus = test_corpus(row->op);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t p = 0; p < corpus->listed; p++)
        for (int pair = (int)p % 2; pair < 9; pair += 2) {
            lw_desc d = variant(corpus, p, pair);
            if (lw_desc_check(&d, NULL) != LW_OK) continue;
            struct data data = make_data(&d, LW_FILL_NORMAL, p);
            float *y = run(row->name, &d, &data);
            if (y != NULL) hash = digest_floats(hash, y, lw_dst_floats(&d));
            free(y);
            free(data.src);
        }
    return hash;
}

/* By family. They change with an algorithm, its sums' order, its constants, or the listed problems. */
static const struct {
    const char *family;
    uint64_t digest;
} digests[] = {
    {"conv_winograd_f1x4", 0xfba75e2caf9713fb},
    {"conv_winograd_f2x2", 0xce271aadca5930d6},
    {"conv_winograd_f4x4", 0x0040b909dc5722a0},
    {"conv_winograd_f6x6", 0x41b2c6835228d587},
    {"conv_winograd_f7x7", 0xa39761cb1dd929b0},
    {"conv_direct_patch", 0x2dfca38597ea517d},
    {"conv_direct_nchw", 0x9e8a2fdd3f0c9968},
    {"conv_direct", 0xf3514883bbeb7aff},
    {"conv_points", 0x7c84ce50d106427a},
    {"conv_depthwise", 0xa5b54faff05bca43},
    {"maxpool_2x2s2", 0x7555ced1d916981d},
    {"maxpool_3x3s2", 0xdbcbb4d3055ef3cd},
    {"maxpool_any", 0x3ad17148bafa9624},
    {"linear", 0x1901f21495a0a40e},
    {"relu", 0x58dc261ddc525b99},
    {"softmax", 0x3f28db32c924c061},
};

Test(reproducible, digests, .timeout = 600) {
    const char *isa = isa_under_test();
    lw_kernel_info scalar, row;
    size_t rows = 0, wrong = 0;
    for (size_t i = 0; lw_kernel_get(i, &scalar) == LW_OK; i++) {
        if (strcmp(scalar.isa, "scalar") != 0 || !find_row(&scalar, isa, &row)) continue;
        int length = family_length(scalar.name, "scalar");
        uint64_t digest = digest_row(&row);
        bool known = false;
        for (size_t k = 0; k < sizeof digests / sizeof *digests; k++)
            known = known || ((int)strlen(digests[k].family) == length && digests[k].digest == digest &&
                              strncmp(digests[k].family, scalar.name, (size_t)length) == 0);
        rows++;
        if (known) continue;
        wrong++;
        printf("FAILED: %s is    {\"%.*s\", 0x%016llx},\n", row.name, length, scalar.name,
               (unsigned long long)digest);
    }
    fflush(stdout);
    cr_assert_gt(rows, 0, "no row of %s", isa);
    cr_assert_eq(wrong, 0, "%zu rows of %s have other bits than every build is to have", wrong, isa);
}

/* ---- the choice ---------------------------------------------------------------------------------------- */

/* The family that a plan takes, in a static buffer; "" for none. */
static const char *chosen_family(const lw_desc *d, const lw_options *o, const char *cap) {
    static char family[64];
    lw_explanation *e;
    if (cap != NULL)
        setenv("LANEWISE_ISA", cap, 1);
    else
        unsetenv("LANEWISE_ISA");
    cr_assert_eq(lw_explain(&e, d, o, NULL), LW_OK);
    unsetenv("LANEWISE_ISA");
    family[0] = '\0';
    for (size_t i = 0; i < lw_kernel_count() && e->chosen != NULL; i++) {
        lw_kernel_info row;
        if (lw_kernel_get(i, &row) == LW_OK && strcmp(row.name, e->chosen) == 0)
            snprintf(family, sizeof family, "%.*s", family_length(row.name, row.isa), row.name);
    }
    lw_explanation_free(e);
    return family;
}

/* The same algorithm with and without the wide ISAs, within any budget, on any number of threads. */
Test(reproducible, the_family_depends_on_no_isa, .timeout = 60) {
    static const struct {
        double max_error;
        size_t max_workspace;
    } budgets[] = {{LW_ERROR_FAST, 0},     {LW_ERROR_TIGHT, 0},     {LW_ERROR_STRICT, 0},
                   {LW_ERROR_FAST, 65536}, {LW_ERROR_TIGHT, 16384}, {3e-6, 32768}};
    size_t chosen = 0;
    for (lw_op op = 0; op < LW_OP_COUNT; op++)
        for (size_t p = 0; p < test_corpus(op)->count; p++)
            for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++) {
                lw_desc d = variant(test_corpus(op), p, (int)(p + b) % 9);
                lw_options o = reproducible(NULL);
                char all[64];
                if (lw_desc_check(&d, NULL) != LW_OK) continue;
                o.max_error = budgets[b].max_error;
                o.max_workspace = budgets[b].max_workspace;
                snprintf(all, sizeof all, "%s", chosen_family(&d, &o, NULL));
                cr_assert_str_eq(all, chosen_family(&d, &o, "scalar"), "%s",
                                 test_corpus(op)->problem[p].text);
                o.threads = 4;
                cr_assert_str_eq(all, chosen_family(&d, &o, NULL), "%s on four threads",
                                 test_corpus(op)->problem[p].text);
                chosen += all[0] != '\0';
            }
    cr_assert_gt(chosen, 0);
}

static const lw_candidate *candidate(const lw_explanation *e, const char *kernel) {
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(e->candidates[i].kernel, kernel) == 0) return &e->candidates[i];
    return NULL;
}

/* Else an error budget could refuse a family in one ISA alone, and leave it to the scalar rows. */
Test(reproducible, a_family_has_one_error, .timeout = 60) {
    const char *isa = isa_under_test();
    lw_kernel_info scalar, row;
    for (size_t i = 0; lw_kernel_get(i, &scalar) == LW_OK; i++) {
        if (strcmp(scalar.isa, "scalar") != 0 || !find_row(&scalar, isa, &row)) continue;
        for (size_t p = 0; p < test_corpus(scalar.op)->listed; p++) {
            lw_desc d = variant(test_corpus(scalar.op), p, 4);
            lw_options o = reproducible(NULL);
            lw_explanation *e;
            if (lw_desc_check(&d, NULL) != LW_OK) continue;
            cr_assert_eq(lw_explain(&e, &d, &o, NULL), LW_OK);
            const lw_candidate *a = candidate(e, scalar.name), *b = candidate(e, row.name);
            cr_assert(a != NULL && b != NULL);
            cr_assert_float_eq(a->rel_l2, b->rel_l2, 0, "%s", row.name);
            cr_assert_float_eq(a->bound, b->bound, 0, "%s", row.name);
            lw_explanation_free(e);
        }
    }
}

Test(reproducible, others_are_refused_with_a_reason) {
    lw_desc d = lw_conv2d(1, 32, 14, 14, 64, 3, 3);
    lw_options o = reproducible(NULL);
    lw_explanation *e;
    size_t refused = 0;
    cr_assert_eq(lw_explain(&e, &d, &o, NULL), LW_OK);
    for (size_t i = 0; i < e->count; i++)
        refused += !e->candidates[i].eligible && strstr(e->candidates[i].reason, "reproducible") != NULL;
    cr_assert_gt(refused, 2);
    cr_assert_not_null(e->chosen);
    lw_explanation_free(e);
}

/* LANEWISE_REPRODUCIBLE=1 asks for every plan. */
Test(reproducible, the_environment_asks_too, .timeout = 60) {
    lw_desc d = variant(test_corpus(LW_CONV), 1, 0);
    struct data data = make_data(&d, LW_FILL_NORMAL, 1);
    lw_options o = lw_default_options();
    o.isa = "scalar";
    float *plain = test_run_with(&o, &d, data.src, data.weights, data.bias);
    setenv("LANEWISE_REPRODUCIBLE", "1", 1);
    float *asked = test_run_with(&o, &d, data.src, data.weights, data.bias);
    unsetenv("LANEWISE_REPRODUCIBLE");
    o.reproducible = true;
    float *wanted = test_run_with(&o, &d, data.src, data.weights, data.bias);
    cr_assert(plain && asked && wanted);
    cr_assert(same(asked, wanted, lw_dst_floats(&d)));
    cr_assert_not(same(asked, plain, lw_dst_floats(&d)), "plain C's rows round twice: other bits");
    setenv("LANEWISE_REPRODUCIBLE", "yes", 1);
    lw_error err;
    lw_plan *plan;
    cr_assert_eq(lw_plan_create(&plan, &d, data.weights, data.bias, NULL, &err), LW_ERR_ENVIRONMENT);
    cr_assert_not_null(strstr(err.text, "LANEWISE_REPRODUCIBLE"));
    unsetenv("LANEWISE_REPRODUCIBLE");
    free(plain);
    free(asked);
    free(wanted);
    free(data.src);
}
