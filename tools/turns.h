/* Two builds of lanewise measured in turn, each in processes of its own. */
#ifndef LW_TURNS_H
#define LW_TURNS_H

#include "results_read.h"

struct turns {
    const char *commands[2];  /* executables: the old build and the new one */
    const char *const *words; /* options of `lanewise bench`, from the user */
    size_t word_count;
    int64_t turns, passes; /* passes of each build in a turn */
    double seconds;        /* the most that a run may take */
};

/* Runs each command `turns` times, the one that goes first changing from turn to turn, and makes one result
 * of all runs of each: the context of its last run (without who else was busy then) with "gate", the same
 * text in both, and "turns"; the passes of all, each with its "turn" from 0 on. CLI_GO and both are to be
 * freed; or the status of bench_run() after one line on stderr. */
int turns_run(const struct turns *turns, struct results merged[2]);

#endif
