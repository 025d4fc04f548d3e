/* The matrix: every row of ours and of the peers that takes a problem x its layouts x thread counts. */
#ifndef LW_BENCH_CASES_H
#define LW_BENCH_CASES_H

#include "peers/peer.h"
#include "problems.h"

struct bench_session;

struct bench_case {
    const struct bench_problem *problem;
    lw_kernel_info row;         /* of a peer: name, operation and the widest ISA that it may use */
    const struct lw_peer *peer; /* NULL: ours */
    const struct lw_peer_row *peer_row;
    size_t isa_index;
    lw_desc desc; /* the problem's in these layouts; a peer's in NCHW, as it loads and stores */
    int threads;
    double ns;         /* the cost model's estimate; 0: none */
    char name[400];    /* OP/PROBLEM/KERNEL/threads:N, and /LAYOUT where that isn't what the row likes best */
    bool extra_layout; /* it isn't */
    struct bench_session *session;

    /* Set by the run: medians over its passes, but for the minimum. */
    bool measured;
    double gflops, peak_pct, bytes_per_second, err_over_bound, us;
    double us_min, us_low, us_high;    /* 95% interval of the median */
    double peak_gflops;                /* beside it */
    double crowded;                    /* beside it, see crowding.h; -1: not known */
    double roof_pct;                   /* 0: the roof isn't known */
    int roof_level;                    /* 0: the FMA peak; 1 to 4: L1 to DRAM */
    double reproducible_x, denormal_x; /* 0: not measured */

    /* Set by its first set-up; later passes needn't check again. */
    bool checked;
    double seconds;  /* of one warm execution */
    double rel_l2;   /* of the outputs that were compared */
    double first_us; /* the first execution after planning */
    double cold_us;  /* with caches full of other data; 0: not measured */
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
    bool peers;
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
    size_t peer_refused;      /* (row, problem) pairs of the peers, the reason of the last one: */
    char peer_refused_why[LW_PEER_TEXT + 400];
};

/* Can the two be compared: is `ours` in the layout that the peer's case is in, or each in the one it likes
 * best? */
bool bench_same_layout(const struct bench_case *ours, const struct bench_case *peer);

/* The layout that a peer's case is measured in: "nchw" ..., or "own". */
const char *bench_peer_layout(const struct bench_case *peer);

/* CLI_GO, or the exit status after one line on stderr: no such kernel, or none that can run. problems must
 * outlive the cases. */
int bench_cases_build(const struct bench_problems *problems, const struct bench_choice *choice,
                      struct bench_cases *cases);
void bench_cases_free(struct bench_cases *cases);

#endif
