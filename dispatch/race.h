/* Which of several pieces of code is the fastest: MEASURE and `lanewise tune` ask here.
 *
 * Samples are interleaved, so that a slow spell of the machine hits all alike, and what is compared is each
 * round's ratio to the leader: its median, with a bootstrap interval. In successive halving whoever is slower
 * for certain leaves, and those that stay are sampled twice as often as before. */
#ifndef LW_RACE_H
#define LW_RACE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dispatch/samples.h"

enum { LW_RACE_MOST = LW_SAMPLES_MOST }; /* samples of a racer */

struct lw_racer {
    void (*run)(void *arg);  /* one execution */
    void (*move)(void *arg); /* puts its memory elsewhere: every few rounds, as times depend on where it lies;
                                may be NULL */
    void *arg;
    size_t memory; /* equals are ranked by less memory, then by smaller error, then by their order */
    double error;

    /* What the race found. */
    double ns, ns_low, ns_high;          /* median time of one execution, and its 95% interval */
    double ratio, ratio_low, ratio_high; /* to the leader */
    double cold_ns;                      /* 0: not measured */
    bool tied;                           /* as fast as the leader, or it */

    bool out;
    int64_t repeats; /* executions in a part of a sample */
    int samples;
    double times[LW_RACE_MOST]; /* round by round */
};

struct lw_race_rules {
    double sample_ns;  /* short executions are repeated until a sample's parts take this long */
    double budget_ns;  /* past this, after the first samples, the race ends */
    int most;          /* samples of a racer, at most LW_RACE_MOST */
    int cold;          /* samples in cold caches of those still in the race at its end */
    size_t cold_bytes; /* what goes through the caches before each of them */
    bool keep;         /* nobody leaves */
    double warm_ns;    /* before a sample, executions that aren't timed for so long (real time); always one,
                          where an execution is short */
    bool cpu_time;     /* of long executions count the thread's CPU time: for racers that run on it alone */
    const volatile sig_atomic_t *stop; /* give up when it becomes nonzero; may be NULL */
};

/* order: room for count numbers; the racers, the best first. false: it was stopped, or memory ran out. */
bool lw_race(struct lw_racer *racers, size_t count, const struct lw_race_rules *rules, size_t *order);

/* ---- for those who keep the score themselves ----------------------------------------------------------- */

/* Executions in a part of a sample, of ns each. */
int64_t lw_race_repeats(double sample_ns, double ns);
/* One sample of each that isn't out: the least time of a few parts of `repeats` executions (of one, where
 * that takes some milliseconds). They take turns in being first. `ns` is what is known of an execution's
 * time. */
void lw_race_round(struct lw_racer *racers, size_t count, int round, const struct lw_race_rules *rules);
/* Sets the racer's ratio to the leader and its interval; both have had the same rounds. */
void lw_race_compare(struct lw_racer *racer, const struct lw_racer *leader, uint64_t *random);

#endif
