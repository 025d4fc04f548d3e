/* Private to `lanewise check`: what was found, and how it is told. */
#ifndef LW_CHECK_H
#define LW_CHECK_H

#include "cli.h"
#include "reference/problem.h"

enum check_outcome { CHECK_OK, CHECK_FAILED, CHECK_SKIPPED };

struct check_result { /* one kernel on one problem: the worst of the layouts and tails it was run with */
    enum check_outcome outcome;
    lw_op op;
    const char *kernel; /* "" where the problem itself is out of scope */
    char problem[192];  /* canonical, or as written where it is out of scope */
    char name[128];
    char reason[256]; /* why skipped */
    double err_over_bound, rel_l2;
    int64_t compared, total; /* outputs, over all runs */
    char variants[160];      /* "nchw nhwc blocked nchw+pool+relu" */
    char worst[160];         /* where, and the two values */
    double seconds;
};

struct check_reason {
    char text[256];
    size_t count;
};

enum check_format { CHECK_TEXT, CHECK_TAP, CHECK_JUNIT, CHECK_JSON, CHECK_FORMAT_COUNT };

struct check_report {
    enum check_format format;
    uint64_t seed;
    struct check_result *results; /* kept where the format needs them at the end */
    size_t count, room;
    size_t checked, skipped, failed;
    size_t kernels, not_run; /* rows selected, and those that this CPU can't run */
    size_t option_lines;     /* of batch files, ignored */
    struct check_reason *reasons, *not_run_reasons;
    size_t reason_count, not_run_reason_count;
    double seconds;
};

bool check_find_format(const char *name, enum check_format *format);

void check_begin(struct check_report *report);
void check_add(struct check_report *report, const struct check_result *result);
void check_not_run(struct check_report *report, const lw_kernel_info *row);
/* Prints what is left to print; returns status, or another when printing failed. */
int check_end(struct check_report *report, int status);
void check_free(struct check_report *report);

#endif
