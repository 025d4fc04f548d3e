/* Every usable row on a corpus of problems against the reference: all layouts, tails and thread counts. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const lw_layout layouts[] = {LW_NCHW, LW_NHWC, LW_BLOCKED};

/* Not every operation goes from any layout to any other. */
static bool can_be(const lw_desc *d) { return lw_desc_check(d, NULL) == LW_OK; }

static bool accepts(const lw_kernel_info *row, const lw_desc *d) {
    return can_be(d) && lw_kernel_accepts(row->name, d, NULL) == LW_OK;
}

/* The layout pair, the tail and the thread count change from problem to problem in such a way that all meet.
 */
static void check_slice(lw_op op, int slice, int slices) {
    const struct test_rows *rows = test_rows(op);
    const struct test_corpus *corpus = test_corpus(op);
    struct test_tally tally = {0};
    char what[64];
    for (size_t r = 0; r < rows->count; r++)
        for (size_t p = (size_t)slice; p < corpus->count; p += (size_t)slices)
            for (int pair = 0; pair < 9; pair++)
                for (int k = 0; k < (test_quick() || op != LW_CONV ? 1 : TEST_TAILS); k++) {
                    lw_desc d = corpus->problem[p].desc;
                    int turn = (int)p / slices + pair + k;
                    struct lw_verify_options opt = {.seed = p, .threads = 1 + turn % 3};
                    d.src_layout = layouts[pair / 3];
                    d.dst_layout = layouts[pair % 3];
                    test_set_tail(&d, turn % TEST_TAILS);
                    if (can_be(&d)) test_check(&tally, rows->row[r].name, &d, &opt);
                }
    snprintf(what, sizeof what, "%s %d/%d", lw_op_name(op), slice + 1, slices);
    test_finish(&tally, what);
}

Test(rows, conv_1, .timeout = 600) { check_slice(LW_CONV, 0, 4); }
Test(rows, conv_2, .timeout = 600) { check_slice(LW_CONV, 1, 4); }
Test(rows, conv_3, .timeout = 600) { check_slice(LW_CONV, 2, 4); }
Test(rows, conv_4, .timeout = 600) { check_slice(LW_CONV, 3, 4); }
Test(rows, maxpool, .timeout = 600) { check_slice(LW_MAXPOOL, 0, 1); }
Test(rows, linear, .timeout = 600) { check_slice(LW_LINEAR, 0, 1); }
Test(rows, relu, .timeout = 600) { check_slice(LW_RELU, 0, 1); }
Test(rows, softmax, .timeout = 600) { check_slice(LW_SOFTMAX, 0, 1); }

/* No row goes untested because the corpus has nothing for it, in any layout that it says it takes. */
static bool runs_something(const lw_kernel_info *row, lw_layout src, lw_layout dst) {
    const struct test_corpus *corpus = test_corpus(row->op);
    for (size_t p = 0; p < corpus->count; p++)
        for (int tail = 0; tail < TEST_TAILS; tail++) {
            lw_desc d = corpus->problem[p].desc;
            d.src_layout = src;
            d.dst_layout = dst;
            test_set_tail(&d, tail);
            if (accepts(row, &d)) return true;
        }
    return false;
}

Test(rows, every_row_and_layout_is_run, .timeout = 60) {
    const struct test_rows *rows = test_rows(LW_OP_COUNT);
    cr_assert_gt(rows->count, 0, "no row is usable");
    for (size_t r = 0; r < rows->count; r++) {
        const lw_kernel_info *row = &rows->row[r];
        unsigned src = 0, dst = 0;
        for (int pair = 0; pair < 9; pair++)
            if (runs_something(row, layouts[pair / 3], layouts[pair % 3])) {
                src |= 1u << layouts[pair / 3];
                dst |= 1u << layouts[pair % 3];
            }
        cr_expect_eq(src, row->src_layouts, "%s takes sources 0x%x, and the corpus has 0x%x", row->name,
                     row->src_layouts, src);
        cr_expect_eq(dst, row->dst_layouts, "%s writes 0x%x, and the corpus has 0x%x", row->name,
                     row->dst_layouts, dst);
    }
}

/* ---- other data ---------------------------------------------------------------------------------------- */

Test(rows, every_kind_of_data, .timeout = 600) {
    const struct test_rows *rows = test_rows(LW_OP_COUNT);
    struct test_tally tally = {0};
    for (size_t r = 0; r < rows->count; r++) {
        const struct test_corpus *corpus = test_corpus(rows->row[r].op);
        for (int fill = 0; fill < LW_FILL_COUNT; fill++)
            for (size_t p = (size_t)fill; p < corpus->count; p += test_quick() ? 23 : 5) {
                lw_desc d = corpus->problem[p].desc;
                struct lw_verify_options opt = {.fill = (enum lw_fill)fill, .seed = p + 100, .threads = 1};
                for (int pair = 0; pair < 9; pair += 4) {
                    d.src_layout = layouts[pair / 3];
                    d.dst_layout = layouts[pair % 3];
                    test_set_tail(&d, (int)(p + r) % TEST_TAILS);
                    if (can_be(&d)) test_check(&tally, rows->row[r].name, &d, &opt);
                }
            }
    }
    test_finish(&tally, "every kind of data");
}

/* A negative padding: the last rows and columns of the source aren't read. */
Test(rows, rows_and_columns_left_out, .timeout = 600) {
    const struct test_rows *rows = test_rows(LW_OP_COUNT);
    struct test_tally tally = {0};
    for (size_t r = 0; r < rows->count; r++) {
        const struct test_corpus *corpus = test_corpus(rows->row[r].op);
        for (size_t p = 0; p < corpus->count; p += test_quick() ? 3 : 1) {
            lw_desc d = corpus->problem[p].desc;
            const struct lw_verify_options opt = {.fill = LW_FILL_NORMAL, .seed = p + 200, .threads = 1};
            if (d.op == LW_SOFTMAX || d.op == LW_RELU || d.op == LW_LINEAR) continue;
            d.pad_right -= 1 + (int64_t)p % 2;
            d.pad_bottom -= (int64_t)p % 3;
            if (lw_desc_check(&d, NULL) != LW_OK) continue;
            for (int pair = 0; pair < 9; pair += 4) {
                d.src_layout = layouts[pair / 3];
                d.dst_layout = layouts[pair % 3];
                if (can_be(&d)) test_check(&tally, rows->row[r].name, &d, &opt);
            }
        }
    }
    test_finish(&tally, "rows and columns left out");
}

/* ---- threads ------------------------------------------------------------------------------------------- */

static void check_threads(const lw_kernel_info *row, const lw_desc *d, struct test_tally *tally) {
    size_t plain = (size_t)(d->batch * d->ic * d->ih * d->iw), weights = lw_weight_floats(d);
    float *data = malloc((plain + weights + (size_t)d->oc) * sizeof *data);
    cr_assert_not_null(data);
    lw_fill(data, plain + weights + (size_t)d->oc, LW_FILL_NORMAL, 7);
    const float *w = weights > 0 ? data + plain : NULL, *bias = d->bias ? data + plain + weights : NULL;
    float *one = test_run(row->name, d, data, w, bias, 1);
    for (int threads = 2; threads <= 7 && one != NULL; threads += threads == 3 ? 4 : 1) {
        float *many = test_run(row->name, d, data, w, bias, threads);
        cr_assert_not_null(many);
        tally->checked++;
        if (memcmp(one, many, lw_dst_floats(d) * sizeof *one) != 0)
            test_report(tally, row->name, d, "other bits with more threads");
        free(many);
    }
    if (one == NULL) tally->refused++;
    free(one);
    free(data);
}

Test(rows, same_bits_with_any_number_of_threads, .timeout = 600) {
    const struct test_rows *rows = test_rows(LW_OP_COUNT);
    struct test_tally tally = {0};
    for (size_t r = 0; r < rows->count; r++) {
        const struct test_corpus *corpus = test_corpus(rows->row[r].op);
        for (size_t p = 0; p < corpus->count; p += test_quick() ? 7 : 2)
            for (int pair = 0; pair < 9; pair += 4) {
                lw_desc d = corpus->problem[p].desc;
                d.src_layout = layouts[pair / 3];
                d.dst_layout = layouts[pair % 3];
                test_set_tail(&d, (int)p % TEST_TAILS);
                check_threads(&rows->row[r], &d, &tally);
            }
    }
    test_finish(&tally, "threads");
}
