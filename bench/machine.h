/* The machine's state over a run, and whether the run can be trusted. */
#ifndef LW_BENCH_MACHINE_H
#define LW_BENCH_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

struct bench_process;

struct bench_machine {
    char microcode[32], governor[64], smt[16]; /* "n/a" where the system doesn't tell */
    char load_before[64], load_after[64];      /* as /proc/loadavg: of the last 1, 5, 15 minutes */
    char busy[256]; /* other processes and what share of a core each took: "cc1 0.96, others 0.10"; "none" */
    double others;  /* cores' worth of CPU time that was not ours; -1: not known */
    double stolen;  /* share of the machine's time that its host gave to others; -1: not known */

    /* As it was at the start. */
    double started, own, total, steal; /* seconds: clock; CPU time of this process, of all; stolen */
    size_t process_count;
    struct bench_process *processes;
};

void bench_machine_start(struct bench_machine *machine);
/* Fills in what is known at the end only. */
void bench_machine_end(struct bench_machine *machine);
void bench_machine_free(struct bench_machine *machine);

/* What makes a run doubtful; numbers below 0: not known. */
struct bench_doubt {
    double others, stolen, load; /* see above; load of the last minute before the run */
    int cores, usable, threads;  /* of the machine; for this process; the most that the run uses */
    double peak_wander;          /* the FMA peak's spread over the run, as a fraction of its median */
    double crowded;              /* how often the core's other thread was found at work (crowding.h) */
    bool emulated, unoptimised, sanitized;
};

/* "good", or the reasons in one line. Returns whether it is good. */
bool bench_trust(const struct bench_doubt *doubt, char *text, size_t size);

/* (95% quantile - 5% quantile) / median; sorts the values. 0: fewer than two. */
double bench_wander(double *values, size_t count);

#endif
