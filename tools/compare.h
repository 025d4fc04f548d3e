/* Two runs of the matrix, row by row: what `compare` and `gate` judge and tell. */
#ifndef LW_COMPARE_H
#define LW_COMPARE_H

#include "compare_stats.h"
#include "results_read.h"

/* The house's 2 (bad usage or input) means "can't tell" here. */
enum { EXIT_SAME = 0, EXIT_SLOWER = 1, EXIT_CANT_TELL = 2, EXIT_NOT_COMPARABLE = 3, EXIT_BAD_INPUT = 4 };
#define COMPARE_STATUSES                                                                                     \
    "Exit status, unlike other subcommands': 0 same, 1 slower (those rows are named), 2 can't tell (too\n"   \
    "few passes, too noisy, or rows are missing), 3 not comparable (two CPUs, no benchmark in common; a\n"   \
    "run that failed or took too long), 4 bad usage or input."

/* The chance that any row is called slower though it isn't, and as much that any is called faster; shared
 * among the rows. */
#define COMPARE_ALPHA 0.01

enum { COMPARE_MAX_TURNS = 1000 };

enum compare_verdict { SLOWER, FASTER, SAME, CANT_TELL, MISSING, NEW, COMPARE_VERDICTS };

struct compare_row {
    const char *name;
    enum compare_verdict verdict;
    const char *error; /* of MISSING: why it failed in one run; NULL: it isn't there */
    struct compare_ratio ratio;
    double a_ns, b_ns;
    size_t a_passes, b_passes; /* undisturbed; of two builds in turn the turns that both have */
};

struct comparison {
    double threshold; /* as a fraction: what counts as slower */
    bool json;
    size_t glob_count;
    const char *const *globs; /* of benchmarks that are compared; none: all are */
    struct results a, b;      /* owned */
    size_t turns;             /* made by one `gate`, in turn; 0: two runs */
    size_t count, counts[COMPARE_VERDICTS];
    size_t failed;    /* in both runs: nothing to compare */
    double median;    /* of the rows' ratios */
    bool all_changed; /* so says the median */
    struct compare_row *rows;
    double alpha; /* of one row */
    bool busy;    /* other processes ran beside one of the runs */
};

#define COMPARE_OPT_THRESHOLD(text)                                                                          \
    { "threshold", 0, CLI_STRING, (text), "PCT", "what counts as slower, in percent (default 6)", 0, 0 }

/* --threshold (NULL: 6%): CLI_GO, or LW_EXIT_USAGE after one line. */
int compare_read_threshold(const char *text, double *threshold);

/* Judges the rows of c->a and c->b. CLI_GO, or the status after one line. */
int compare_judge(struct comparison *c);

/* Prints what was judged, as text or JSON; returns the exit status. */
int compare_tell(const struct comparison *c);

/* Rows that both have; of those nothing is known where no pass is left. */
bool compare_is_compared(const struct compare_row *row);
bool compare_has_ratio(const struct compare_row *row);

void compare_free(struct comparison *c);

#endif
