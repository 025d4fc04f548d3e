/* No row reads or writes outside its buffers: inaccessible pages on both sides (lw_verify's guard runs
 * against the upper page, then against the lower one), every misalignment, every width and channel count up
 * to two vectors and one. */
#include "common.h"

#include <stdio.h>

static const lw_layout layouts[] = {LW_NCHW, LW_NHWC, LW_BLOCKED};

/* Problems with one %d, the width; rows refuse what isn't theirs. */
struct family {
    lw_op op;
    const char *format;
    int tail;
};
static const struct family widths[] = {
    {LW_CONV, "mb1ic16ih3iw%doc16kh3kw3ph1pw1", 0},
    {LW_CONV, "mb1ic1ih4iw%doc16kh3kw3ph1pw1", 1},
    {LW_CONV, "mb2ic3ih3iw%doc17kh3kw3ph1pw1", 2},
    {LW_CONV, "mb1ic5ih2iw%doc3kh1kw1ph0pw0", 3},
    {LW_CONV, "mb2ic3ih9iw%doc5kh1kw1sh2sw2ph0pw0", 3},
    {LW_CONV, "mb1ic4ih4iw%doc8kh5kw5sh2sw2ph2pw2", 0},
    {LW_CONV, "g17mb1ic17ih3iw%doc17kh3kw3ph1pw1", 3},
    {LW_CONV, "g16mb1ic16ih5iw%doc16kh3kw3sh2sw2ph1pw1", 0},
    {LW_CONV, "g2mb1ic4ih3iw%doc6kh3kw3ph1pw1", 0},
    {LW_MAXPOOL, "mb1ic17ih4iw%dkh2kw2sh2sw2ph1pw1", 0},
    {LW_MAXPOOL, "mb2ic3ih5iw%dkh3kw3sh2sw2ph1pw1", 0},
    {LW_MAXPOOL, "mb1ic2ih4iw%dkh3kw2sh1sw1ph1pw1", 0},
    {LW_RELU, "mb1ic3ih2iw%d", 0},
    {LW_LINEAR, "mb2ic3ih2iw%doc5", 0},
};
static const struct family channels[] = {
    {LW_CONV, "mb1ic%doc16ih3kh3ph1", 1},
    {LW_CONV, "mb1ic16oc%dih4kh3ph1", 0},
    {LW_CONV, "mb2ic3oc%dih3kh1ph0", 3},
    {LW_CONV, "mb1ic1oc%dih4kh3ph1", 1},
    {LW_CONV, "mb1ic%doc3ih4kh2sh2ph0", 0},
    {LW_MAXPOOL, "mb2ic%dih4kh2sh2ph0", 0},
    {LW_MAXPOOL, "mb1ic%dih5kh3sh2ph1", 0},
    {LW_RELU, "mb2ic%dih3", 0},
    {LW_LINEAR, "mb2ic%doc7", 1},
    {LW_LINEAR, "mb3ic5oc%d", 0},
    {LW_SOFTMAX, "mb2ic%d", 0},
};

static void check_family(const struct family *f, struct test_tally *tally) {
    const struct test_rows *rows = test_rows(f->op);
    char string[128];
    for (size_t r = 0; r < rows->count; r++) {
        int most = 2 * test_lanes(rows->row[r].isa) + 1;
        for (int size = 1; size <= most; size += test_quick() ? 3 : 1) {
            snprintf(string, sizeof string, f->format, size);
            for (int pair = 0; pair < 9; pair++)
                for (int k = 0; k < (test_quick() ? 2 : 4); k++) {
                    lw_desc d = test_desc(f->op, string);
                    /* offset 0 is flush with both pages; the others come in turn: all 16 within any 4 sizes
                     */
                    size_t offset = k == 0 ? 0 : (size_t)(size * 4 + k + pair) % 16;
                    struct lw_verify_options opt = {.seed = (uint64_t)size, .guard = true, .offset = offset};
                    d.src_layout = layouts[pair / 3];
                    d.dst_layout = layouts[pair % 3];
                    test_set_tail(&d, f->tail);
                    if (lw_desc_check(&d, NULL) == LW_OK) test_check(tally, rows->row[r].name, &d, &opt);
                }
        }
    }
}

static void check_families(lw_op op, const char *what) {
    struct test_tally tally = {0};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        if (widths[i].op == op) check_family(&widths[i], &tally);
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        if (channels[i].op == op) check_family(&channels[i], &tally);
    test_finish(&tally, what);
    cr_assert_gt(tally.checked, 0);
}

Test(guard, conv, .timeout = 600) { check_families(LW_CONV, "conv, guarded"); }
Test(guard, maxpool, .timeout = 600) { check_families(LW_MAXPOOL, "maxpool, guarded"); }
Test(guard, linear, .timeout = 600) { check_families(LW_LINEAR, "linear, guarded"); }
Test(guard, relu, .timeout = 600) { check_families(LW_RELU, "relu, guarded"); }
Test(guard, softmax, .timeout = 600) { check_families(LW_SOFTMAX, "softmax, guarded"); }

/* Every row at every misalignment, on the corpus' first problems that it takes. */
Test(guard, every_misalignment, .timeout = 600) {
    const struct test_rows *rows = test_rows(LW_OP_COUNT);
    struct test_tally tally = {0};
    for (size_t r = 0; r < rows->count; r++) {
        const struct test_corpus *corpus = test_corpus(rows->row[r].op);
        for (int pair = 0; pair < 9; pair++) {
            int taken = 0;
            for (size_t p = 0; p < corpus->count && taken < 3; p++) {
                lw_desc d = corpus->problem[p].desc;
                d.src_layout = layouts[pair / 3];
                d.dst_layout = layouts[pair % 3];
                test_set_tail(&d, (int)p % 4);
                if (lw_desc_check(&d, NULL) != LW_OK ||
                    lw_kernel_accepts(rows->row[r].name, &d, NULL) != LW_OK)
                    continue;
                taken++;
                for (size_t offset = 0; offset < 16; offset += test_quick() ? 5 : 1) {
                    struct lw_verify_options opt = {.seed = p, .guard = true, .offset = offset, .threads = 2};
                    test_check(&tally, rows->row[r].name, &d, &opt);
                }
            }
        }
    }
    test_finish(&tally, "every misalignment");
    cr_assert_gt(tally.checked, 0);
}
