/* Helpers of the suites that walk the rows: which rows, on which problems, and a count of what was and wasn't
 * run.
 *
 * LANEWISE_TEST_ISA     only the rows of this ISA; the suite exits 77 (skipped) when the CPU can't run it
 * LANEWISE_EXPECT_ISA   comma-separated ISAs that must run here: skipping one of them is a failure
 * LANEWISE_TEST_QUICK   1: a smaller corpus, for emulators and sanitizers */
#ifndef LW_TEST_COMMON_H
#define LW_TEST_COMMON_H

#include <criterion/criterion.h>
#include "lanewise.h"
#include "reference/fill.h"
#include "reference/guard.h"
#include "reference/problem.h"
#include "reference/reference.h"
#include "reference/verify.h"

bool test_quick(void);

/* The rows under test: usable, of LANEWISE_TEST_ISA where that is set, of one operation (LW_OP_COUNT: all).
 * The list is static. Also prints 'N of M kernels not run here' once. */
struct test_rows {
    size_t count;
    struct lw_kernel_info row[256];
};
const struct test_rows *test_rows(lw_op op);

/* Does the row treat Inf, NaN and values at the ends of the range as plain sums do? Winograd's transforms
 * don't: they spread them over a tile, and rows of such algorithms say so. */
bool test_is_ieee(const lw_kernel_info *row);

/* Lanes of an ISA. */
int test_lanes(const char *isa);

/* Problems of an operation: a fixed list, and what the loops of common.c make of it. Valid as long as the
 * process. */
struct test_problem {
    lw_desc desc;
    const char *text;
};
struct test_corpus {
    size_t count, listed; /* the first `listed` are there in every kind of run, quick or not */
    struct test_problem *problem;
};
const struct test_corpus *test_corpus(lw_op op);
lw_desc test_desc(lw_op op, const char *string); /* fails the test on a bad string */

/* Tails of a convolution or linear layer, in turn: k = 0 .. TEST_TAILS-1. */
enum { TEST_TAILS = 5 };
void test_set_tail(lw_desc *d, int k);

/* A tally; every check goes through test_check(), which prints the first failures with all that is needed to
 * repeat them. */
struct test_tally {
    int64_t checked, refused, failed;
    double worst;      /* the largest fraction of a bound */
    char refusal[160]; /* the last reason */
};
void test_check(struct test_tally *t, const char *kernel, const lw_desc *d,
                const struct lw_verify_options *opt);
void test_report(struct test_tally *t, const char *kernel, const lw_desc *d,
                 const char *what); /* a failure */
void test_finish(const struct test_tally *t,
                 const char *what); /* prints, and fails the test unless all is well */

/* All of a plan made and run on given NCHW data; the destination is in desc's layout, to be freed. NULL:
 * refused. */
float *test_run(const char *kernel, const lw_desc *d, const float *src_nchw, const float *weights,
                const float *bias, int threads);
float *test_run_with(const lw_options *options, const lw_desc *d, const float *src_nchw, const float *weights,
                     const float *bias);

#endif
