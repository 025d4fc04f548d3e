/* `lanewise run`: every usable row on files agrees with sums in double, what a row can't do is refused, and
 * every kind of malformed npy file gets one line and no output file. */
#include "command.h"

#include <math.h>

#include "lanewise.h"
#include "reference/fill.h"
#include "reference/problem.h"
#include "reference/reference.h"

TestSuite(run, .init = enter_scratch, .fini = leave_scratch, .timeout = 300);

/* ---- good paths ---------------------------------------------------------------------------------------- */

struct data {
    struct lw_problem problem;
    lw_layout layout;
    float *src, *weights, *bias; /* NCHW, OIHW */
    double *want, *scale;
};

static float *filled(size_t count, uint64_t seed) {
    float *data = malloc((count + 1) * sizeof *data);
    cr_assert_not_null(data);
    lw_fill(data, count, LW_FILL_NORMAL, seed);
    return data;
}

static void write_tensor(const char *path, lw_layout layout, const float *nchw, int64_t n, int64_t c,
                         int64_t h, int64_t w) {
    size_t count = (size_t)(n * c * h * w);
    float *copy = malloc((count + 1) * sizeof *copy);
    lw_convert_layout(nchw, LW_NCHW, copy, layout, n, c, h, w);
    const long nchw_shape[] = {n, c, h, w}, nhwc_shape[] = {n, h, w, c};
    write_npy(path, 4, layout == LW_NHWC ? nhwc_shape : nchw_shape, copy);
    free(copy);
}

/* Makes the problem's files x.npy, w.npy and b.npy, and what should come out. */
static void make_data(struct data *t, lw_op op, const char *problem, bool tail, lw_layout layout) {
    char why[200];
    cr_assert_eq(lw_problem_parse(op, problem, 0, &t->problem, why), LW_PARSE_OK, "%s: %s", problem, why);
    lw_desc *d = &t->problem.desc;
    t->layout = layout;
    d->relu = d->pool2x2 = tail;
    t->src = filled(lw_src_floats(d), 1);
    t->weights = filled(lw_weight_floats(d), 2);
    t->bias = filled((size_t)d->oc, 3);
    t->want = malloc(lw_dst_floats(d) * sizeof *t->want);
    t->scale = malloc(lw_dst_floats(d) * sizeof *t->scale);
    lw_ref_run(d, t->src, t->weights, t->bias, t->want, t->scale);
    write_tensor("x.npy", layout, t->src, d->batch, d->ic, d->ih, d->iw);
    if (op == LW_CONV) write_tensor("w.npy", LW_NCHW, t->weights, d->oc, d->ic / d->groups, d->kh, d->kw);
    if (op == LW_LINEAR) write_npy("w.npy", 2, (long[]){d->oc, d->ic * d->ih * d->iw}, t->weights);
    write_npy("b.npy", 1, (long[]){d->oc}, t->bias);
}

static void free_data(struct data *t) {
    free(t->src);
    free(t->weights);
    free(t->bias);
    free(t->want);
    free(t->scale);
}

/* Does the row take the problem in any layouts? Files are NCHW or NHWC, the command converts. *with: in
 * which. */
static bool takes(const char *kernel, const lw_desc *desc, lw_desc *with) {
    for (int pair = 0; pair < 9; pair++) {
        *with = *desc;
        with->src_layout = (lw_layout)(pair / 3);
        with->dst_layout = (lw_layout)(pair % 3);
        if (lw_kernel_accepts(kernel, with, NULL) == LW_OK) return true;
    }
    return false;
}

static void compare_file(const struct data *t, const char *kernel) {
    const lw_desc *d = &t->problem.desc;
    int64_t oc, oh, ow;
    lw_desc_output(d, &oc, &oh, &ow);
    char shape[100];
    if (d->op == LW_LINEAR)
        snprintf(shape, sizeof shape, "(%ld, %ld)", (long)d->batch, (long)oc);
    else if (t->layout == LW_NHWC)
        snprintf(shape, sizeof shape, "(%ld, %ld, %ld, %ld)", (long)d->batch, (long)oh, (long)ow, (long)oc);
    else
        snprintf(shape, sizeof shape, "(%ld, %ld, %ld, %ld)", (long)d->batch, (long)oc, (long)oh, (long)ow);
    size_t count = lw_dst_floats(d);
    float *got = read_npy("y.npy", shape, count), *nchw = malloc(count * sizeof *nchw);
    lw_convert_layout(got, d->op == LW_LINEAR ? LW_NCHW : t->layout, nchw, LW_NCHW, d->batch, oc, oh, ow);
    lw_desc with;
    cr_expect(takes(kernel, d, &with), "%s", kernel);
    double c = lw_kernel_bound(kernel, &with), worst = 0;
    cr_expect_geq(c, 0, "%s has no bound", kernel);
    for (size_t i = 0; i < count; i++) {
        double limit = c * 0x1p-24 * t->scale[i], error = fabs(nchw[i] - t->want[i]);
        if (!(error <= limit)) worst = fmax(worst, error - limit);
    }
    cr_expect_eq(worst, 0, "%s on %s: beyond its bound by %g", kernel, t->problem.text, worst);
    free(got);
    free(nchw);
}

static void run_every_row(lw_op op, const char *problem, bool tail, lw_layout layout) {
    struct data t;
    make_data(&t, op, problem, tail, layout);
    bool weighted = op == LW_CONV || op == LW_LINEAR;
    lw_kernel_info row;
    int ran = 0;
    for (size_t i = 0; lw_kernel_get(i, &row) == LW_OK; i++) {
        if (row.op != op || !row.usable) continue;
        char words[512];
        snprintf(words, sizeof words, "run %s %s --src x.npy %s --dst y.npy --kernel %s --layout %s %s %s",
                 lw_op_name(op), problem, weighted ? "--weights w.npy --bias b.npy" : "", row.name,
                 lw_layout_name(layout), tail ? "--relu --pool 2x2" : "", i % 2 ? "--threads 2" : "");
        lw_desc with;
        if (!takes(row.name, &t.problem.desc, &with)) {
            expect_failure(3, "", words);
            cr_expect_neq(access("y.npy", F_OK), 0, "%s refused, and wrote a file", row.name);
            continue;
        }
        struct outcome o = run_words(".stdout", words);
        cr_expect_eq(o.status, 0, "lanewise %s: %s", words, o.err);
        cr_expect(strstr(o.out, row.name), "%s", o.out);
        free_outcome(&o);
        compare_file(&t, row.name);
        remove("y.npy");
        ran++;
    }
    cr_expect_gt(ran, 0, "no row ran %s", problem);
    free_data(&t);
}

Test(run, conv) {
    run_every_row(LW_CONV, "mb2_ic3ih9iw11_oc20_kh3_ph1", false, LW_NCHW);
    run_every_row(LW_CONV, "mb1_ic1ih8_oc33_kh3_ph1", true, LW_NCHW);
    run_every_row(LW_CONV, "mb1_ic17ih13iw10_oc18_kh3_ph1", true, LW_NHWC);
    run_every_row(LW_CONV, "mb1_ic16ih12_oc16_kh5_sh2_ph2", false, LW_NHWC);
    run_every_row(LW_CONV, "mb2_ic5ih10_oc7_kh3kw2_dh1dw0", false, LW_NCHW);
    run_every_row(LW_CONV, "mb1_g20ic20ih9_oc20_kh3_ph1", false, LW_NCHW);
    run_every_row(LW_CONV, "mb1_g2ic6ih7_oc4_kh3_ph1", false, LW_NCHW);
}

Test(run, maxpool) {
    run_every_row(LW_MAXPOOL, "mb2_ic19ih9iw8_kh2sh2", false, LW_NCHW);
    run_every_row(LW_MAXPOOL, "mb1_ic16ih11_kh3sh2ph1", false, LW_NHWC);
    run_every_row(LW_MAXPOOL, "mb1_ic4ih9_kh4kw3sh3sw1", false, LW_NCHW);
}

Test(run, linear_relu_softmax) {
    run_every_row(LW_LINEAR, "mb3_ic5ih3iw7_oc10", false, LW_NCHW);
    run_every_row(LW_RELU, "mb2_ic5ih3iw7", false, LW_NHWC);
    run_every_row(LW_SOFTMAX, "mb3_ic17", false, LW_NCHW);
}

Test(run, chooses_without_a_name_and_tells_json) {
    struct data t;
    make_data(&t, LW_CONV, "mb1_ic16ih14_oc32_kh3_ph1", true, LW_NHWC);
    cJSON *root = expect_json(0, "run conv mb9_ic16ih14_oc32_kh3_ph1 --mb 1 --src x.npy --weights w.npy "
                                 "--bias b.npy --dst y.npy --relu --pool 2x2 --layout nhwc --json");
    static const char *const keys[] = {"kernel", "rule", "ns", "gflops", "threads", "problem", NULL};
    expect_keys(root, keys);
    cr_expect_gt(number_of(root, "gflops"), 0);
    compare_file(&t, text_of(root, "kernel"));
    cJSON_Delete(root);
    root = expect_json(0, "run conv mb1_ic16ih14_oc32_kh3_ph1 --src x.npy --weights w.npy --bias b.npy "
                          "--dst y.npy --relu --pool 2x2 --layout nhwc --isa scalar --json");
    cr_expect(strstr(text_of(root, "kernel"), "scalar"), "%s", text_of(root, "kernel"));
    compare_file(&t, text_of(root, "kernel"));
    cJSON_Delete(root);
    free_data(&t);
}

Test(run, without_bias) {
    struct data t;
    make_data(&t, LW_CONV, "mb1_ic2ih5_oc3_kh3", false, LW_NCHW);
    t.problem.desc.bias = false;
    lw_ref_run(&t.problem.desc, t.src, t.weights, NULL, t.want, t.scale);
    cJSON *root =
        expect_json(0, "run conv mb1_ic2ih5_oc3_kh3 --src x.npy --weights w.npy --dst y.npy --json");
    compare_file(&t, text_of(root, "kernel"));
    cJSON_Delete(root);
    free_data(&t);
}

/* ---- bad input ----------------------------------------------------------------------------------------- */

#define RUN "run conv mb1_ic1ih2_oc1_kh1 --weights w.npy --dst y.npy --src "

/* A source of 1x1x2x2 with this dictionary, this version and this much data. */
static void write_raw(const char *path, int version, const char *dict, size_t data_bytes) {
    char file[1024] = "\x93NUMPY";
    size_t length = strlen(dict) + 1, at = 8;
    file[6] = (char)version;
    file[at++] = (char)(length & 255);
    file[at++] = (char)(length >> 8);
    if (version > 1) at += 2;
    memcpy(file + at, dict, length - 1);
    file[at + length - 1] = '\n';
    write_file(path, file, at + length + data_bytes);
}

Test(run, malformed_npy) {
    static const struct {
        const char *dict;
        size_t bytes;
        const char *needle;
    } cases[] = {
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 2, 2), }", 32, "dtype '<f8'"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1, 2, 2), }", 16, "dtype '>f4'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1, 1, 2, 2), }", 16, "dtype '|O'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1, 2, 2), }", 16, "dtype"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1, 2, 2), }", 16, "Fortran order"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1, 1, 2, 2), }", 16, "fortran_order"},
        {"{'descr': '<f4', 'fortran_order': False, }", 16, "'shape' is missing"},
        {"{'descr': '<f4', 'shape': (1, 1, 2, 2), }", 16, "'fortran_order' is missing"},
        {"{'fortran_order': False, 'shape': (1, 1, 2, 2), }", 16, "'descr' is missing"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", 16,
         "repeated key 'descr'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 2), 'x': 1}", 16, "unexpected"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 2), } tail", 16, "text after"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 2)", 16, "not a dictionary"},
        {"'descr': '<f4'", 16, "not a dictionary"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, -2, 2), }", 16, "whole number"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2.5, 2), }", 16, "tuple of whole numbers"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [1, 1, 2, 2], }", 16, "not a tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,2,2), }", 16, "more than 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 16, "too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 16, "overflows"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 2), }", 16,
         "trailing data"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 2), }", 15, "truncated data"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 2), }", 17, "trailing data"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 3), }", 24,
         "(1, 1, 2, 3), but the source of"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", 16, "(4,), but the source of"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, "(), but the source of"},
    };
    write_npy("w.npy", 4, (long[]){1, 1, 1, 1}, (float[]){1});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int version = 1; version <= 3; version++) {
            write_raw("x.npy", version, cases[i].dict, cases[i].bytes);
            expect_failure(2, cases[i].needle, RUN "x.npy");
        }
    }
    cr_expect_eq(count_files(), 2, "no output, whole or in part");
    for (int version = 1; version <= 3;
         version++) { /* and the good one, in every version, keys in any order */
        write_raw("x.npy", version, "{\"shape\": (1,1,2,2), 'fortran_order':False,'descr': '<f4'}", 16);
        struct outcome o = run_words(".stdout", RUN "x.npy");
        cr_expect_eq(o.status, 0, "version %d: %s", version, o.err);
        free_outcome(&o);
    }
}

Test(run, files_that_are_no_npy) {
    write_npy("w.npy", 4, (long[]){1, 1, 1, 1}, (float[]){1});
    write_npy("whole.npy", 4, (long[]){1, 1, 2, 2}, (float[]){1, 2, 3, 4});
    size_t size;
    char *whole = read_file("whole.npy", &size);
    for (size_t cut = 0; cut < size; cut += cut < 12 ? 1 : 13) { /* a good file cut anywhere */
        write_file("x.npy", whole, cut);
        expect_failure(2, "x.npy: truncated", RUN "x.npy");
    }
    free(whole);
    write_file("x.npy", "PK\3\4 this is a zip file, not an array", 36);
    expect_failure(2, "not a .npy file", RUN "x.npy");
    write_file("x.npy", "\x93NUMPY\7\0\x10\0{}              ", 26);
    expect_failure(2, "version 7.0", RUN "x.npy");
    write_file("x.npy", "\x93NUMPY\2\0\xff\xff\xff\xff{}", 14);
    expect_failure(2, "too long", RUN "x.npy");
    expect_failure(2, "No such file", RUN "none.npy");
    expect_failure(2, "is a directory", RUN ".");
    expect_failure(2, "weights",
                   "run conv mb1_ic1ih2_oc1_kh3_ph1 --src whole.npy --weights w.npy --dst y.npy");
    expect_failure(
        2, "bias",
        "run conv mb1_ic1ih2_oc1_kh1 --src whole.npy --weights w.npy --bias whole.npy --dst y.npy");
}

Test(run, output_that_cant_be_written) {
    struct data t;
    make_data(&t, LW_CONV, "mb1_ic2ih5_oc3_kh3", false, LW_NCHW);
#define TO "run conv mb1_ic2ih5_oc3_kh3 --src x.npy --weights w.npy --dst "
    expect_failure(2, "No space left", TO "/dev/full");
    expect_failure(2, "Is a directory", TO ".");
    expect_failure(2, "No such file", TO "none/y.npy");
    cr_expect_eq(count_files(), 3);
    /* What a failed command was to replace is still there. */
    write_file("y.npy", "precious", 8);
    expect_failure(2, "", "run conv mb1_ic2ih5_oc3_kh4 --src x.npy --weights w.npy --dst y.npy");
    char *kept = read_file("y.npy", NULL);
    cr_expect_str_eq(kept, "precious");
    free(kept);
    free_data(&t);
}

Test(run, forced_rows) {
    struct data t;
    make_data(&t, LW_CONV, "mb1_ic2ih5_oc3_kh3", false, LW_NCHW);
    expect_failure(2, "no_such_row", TO "y.npy --kernel no_such_row");
    expect_failure(2, "mmx", TO "y.npy --isa mmx");
    expect_failure(2, "one is needed", TO "y.npy --kernel *");
    lw_kernel_info row;
    for (size_t i = 0; lw_kernel_get(i, &row) == LW_OK; i++) {
        if (row.op == LW_CONV && row.usable) continue; /* of another operation, or of another CPU */
        char words[256];
        snprintf(words, sizeof words, TO "y.npy --kernel %s", row.name);
        expect_failure(3, "", words);
    }
    setenv("LANEWISE_KERNEL", "no_such_row", 1);
    expect_failure(2, "LANEWISE_KERNEL", TO "y.npy");
    cr_expect_eq(count_files(), 3);
    free_data(&t);
}
