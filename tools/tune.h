/* Private to `lanewise tune`: one problem's race, and how its outcome is told. */
#ifndef LW_TUNE_H
#define LW_TUNE_H

#include <signal.h>

#include "bench/data.h"
#include "cli.h"

struct tune_task {
    const struct bench_problem *problem;
    lw_desc desc;      /* the problem's in these layouts */
    const char *guess; /* the row that the estimate picks */
    double guess_ns;   /* by estimate */
};

enum tune_effort {
    TUNE_QUICK,     /* rows far behind by estimate aren't timed, and whoever is slower for certain leaves */
    TUNE_FULL,      /* every row is timed, in more samples */
    TUNE_EXHAUSTIVE /* and none leaves early */
};

struct tune_session {
    lw_options opt; /* budgets, threads, pool: what the wisdom is for */
    enum tune_effort effort;
    const volatile sig_atomic_t *stop;
    size_t wrong;   /* rows whose results were wrong */
    unsigned moves; /* of runners, so far */
    size_t cold_bytes;

    struct bench_data data; /* of one problem, kept from layout to layout */
};

enum tune_outcome {
    TUNE_DONE,
    TUNE_NOTHING, /* no row is left that was right and fits the memory: said on stderr */
    TUNE_STOPPED
};

struct tune_result {
    lw_decision decision; /* of static texts and `rows` */
    char problem[256];
    lw_timing rows[256];
    double next, next_low, next_high; /* the second row's ratio to the first, if there are two */
    double guess;                     /* the ratio of the estimate's pick; 0: it wasn't timed */
};

/* Makes a plan of each row that takes the task and may be fast, compares what it computes with the reference,
 * and lets those race that are right. */
enum tune_outcome tune_one(struct tune_session *session, const struct tune_task *task,
                           struct tune_result *result);
/* The rows that were close race once more, later: a spell in which the machine is slow may last longer than a
 * race, and not slow all rows alike. Of the two races that counts in which the fastest row took less time.
 * Returns whether it is this one: then *result is of it, and the other rows follow. */
bool tune_again(struct tune_session *session, const struct tune_task *task, struct tune_result *result);
void tune_session_free(struct tune_session *session);

/* ---- telling ------------------------------------------------------------------------------------------- */

struct tune_totals {
    size_t tuned, ties, known, nothing, same_guess, guessed;
    double log_guess, worst_guess; /* of the ratios of the estimate's picks */
    char worst_problem[224];
};

void tune_print_head(void);
void tune_print(const struct tune_task *task, const struct tune_result *result);
void tune_count(struct tune_totals *totals, const struct tune_task *task, const struct tune_result *result);
void tune_print_totals(const struct tune_totals *totals, const char *path);
cJSON *tune_json(const struct tune_task *task, const struct tune_result *result);

/* How two tunes agree on what both decided with the same options. */
struct tune_agreement {
    size_t same, tie, different; /* tie: one's pick is among the other's equals */
};
struct tune_agreement tune_compare(const lw_wisdom *a, const lw_wisdom *b);

#endif
