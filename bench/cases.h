/* The matrix: every row that takes a problem x its layouts x thread counts. */
#ifndef LW_BENCH_CASES_H
#define LW_BENCH_CASES_H

#include "problems.h"

struct bench_session;

struct bench_case {
    const struct bench_problem *problem;
    lw_kernel_info row;
    size_t isa_index;
    lw_desc desc; /* the problem's in these layouts */
    int threads;
    double ns;         /* the cost model's estimate */
    char name[400];    /* OP/PROBLEM/KERNEL/threads:N, and /LAYOUT where that isn't what the row likes best */
    bool extra_layout; /* it isn't */
    struct bench_session *session;

    /* Set by the run. */
    bool measured;
    double gflops, peak_pct, bytes_per_second, err_over_bound, us;
    double reproducible_x, denormal_x; /* 0: not measured */
};

enum bench_mode {
    BENCH_GIVEN, /* problems of the command line */
    BENCH_QUICK, /* a selection, under four minutes */
    BENCH_FULL   /* everything */
};

struct bench_choice {
    enum bench_mode mode;
    const char *kernel, *isa; /* as cli_select_rows() takes them */
    bool one_layout;          /* `layout` in and out, nothing else */
    lw_layout layout;
    bool reproducible; /* plans are */
    int threads[32];
    size_t thread_count;
};

struct bench_cases {
    size_t count;
    struct bench_case *items;
    size_t rows, unusable;    /* rows that were asked for, and those among them that can't run here */
    size_t refused, left_out; /* (row, problem) pairs: refused by the row; not in the quick selection */
    char unusable_why[320];   /* of one of the rows that can't run here */
    char refused_why[320];    /* of the last one refused */
};

/* CLI_GO, or the exit status after one line on stderr: no such kernel, or none that can run. problems must
 * outlive the cases. */
int bench_cases_build(const struct bench_problems *problems, const struct bench_choice *choice,
                      struct bench_cases *cases);
void bench_cases_free(struct bench_cases *cases);

#endif
