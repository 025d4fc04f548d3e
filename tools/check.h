/* Private to `lanewise check`: what was found, and how it is told. */
#ifndef LW_CHECK_H
#define LW_CHECK_H

#include "cli.h"
#include "reference/fill.h"
#include "reference/problem.h"

struct check_settings {
    unsigned kinds; /* of data, bit 1 << lw_fill */
    uint64_t seed;
    int threads;
    bool threads_given; /* else they are used where it pays */
};

enum check_outcome { CHECK_OK, CHECK_FAILED, CHECK_SKIPPED };

struct check_result { /* one kernel on one problem: the worst of the layouts, tails and data it was run with
                       */
    enum check_outcome outcome;
    lw_op op;
    const char *kernel, *isa; /* "" where the problem itself is out of scope */
    char problem[192];        /* canonical, or as written where it is out of scope */
    char name[128];
    char reason[256]; /* why skipped */
    double err_over_bound;
    double rel_l2;           /* of normal data; NaN where there was none */
    int64_t compared, total; /* outputs, over all runs */
    char variants[160];      /* "nchw nhwc blocked nchw+pool+relu", of normal data */
    unsigned kinds;          /* that were run, bit 1 << lw_fill... */
    double kind_error[LW_FILL_COUNT];
    enum lw_fill worst_kind;
    char worst_variant[48]; /* "nchw" */
    char worst[160];        /* where, and the two values */
    double seconds;
};

/* Runs a usable kernel on a problem (check_pair.c): normal data in every layout and with the fused tail, each
 * other kind in one of them, which changes with the problem, the kind and the seed; big problems in one
 * layout, with one or some other kinds. */
void check_pair(const struct check_settings *settings, const lw_kernel_info *row,
                const struct lw_problem *problem, struct check_result *result);

struct check_reason {
    char text[256];
    size_t count;
};

enum check_format { CHECK_TEXT, CHECK_TAP, CHECK_JUNIT, CHECK_JSON, CHECK_FORMAT_COUNT };

struct check_isa {
    lw_isa_info info;
    bool expected;
    size_t rows, checked; /* selected rows; results of them that weren't skipped */
};
enum { CHECK_MAX_ISAS = 16 };

struct check_report {
    enum check_format format;
    struct check_settings settings;
    struct check_result *results; /* kept where the format needs them at the end */
    size_t count, room;
    size_t checked, skipped, failed;
    size_t kernels, not_run; /* rows selected, and those that this CPU can't run */
    size_t option_lines;     /* of batch files, ignored */
    struct check_isa isas[CHECK_MAX_ISAS];
    size_t isa_count;
    struct check_reason *reasons, *not_run_reasons;
    size_t reason_count, not_run_reason_count;
    double seconds;
};

bool check_find_format(const char *name, enum check_format *format);

/* First check_row() for each selected row, usable or not; then check_begin, check_add for each result. */
void check_row(struct check_report *report, const lw_kernel_info *row);
void check_begin(struct check_report *report);
void check_add(struct check_report *report, const struct check_result *result);
struct check_isa *check_find_isa(struct check_report *report, const char *name); /* NULL: not in this build */
/* Prints what is left to print; returns status, or another when printing failed. */
int check_end(struct check_report *report, int status);
void check_free(struct check_report *report);

#endif
