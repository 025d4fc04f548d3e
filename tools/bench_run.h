/* One run of `bench` of a build of lanewise, in a process of its own. */
#ifndef LW_BENCH_RUN_H
#define LW_BENCH_RUN_H

#include "results_read.h"

struct bench_run {
    const char *command;      /* the executable, found as a shell would */
    const char *const *words; /* options of `bench` */
    size_t word_count;
    int64_t passes;
    double seconds; /* it is ended after so long */
};

/* CLI_GO and *results are to be freed. LW_EXIT_USAGE after one line where the command can't be started, calls
 * its options bad, or writes no good result; LW_EXIT_IMPOSSIBLE where it fails otherwise, or takes too long.
 * Of its process and its files nothing is left, also when a signal ends this one. */
int bench_run(const struct bench_run *run, struct results *results);

#endif
