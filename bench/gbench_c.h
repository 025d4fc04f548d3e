/* Google Benchmark from C: just what the matrix needs. gbench_c.cc behind it is the project's only C++. */
#ifndef LW_GBENCH_C_H
#define LW_GBENCH_C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- inside a benchmark -------------------------------------------------------------------------------- */

typedef struct lw_gbench_state lw_gbench_state;

/* Called several times for one result, with more iterations each time until the minimum time is reached. Has
 * to run the timed code for as long as lw_gbench_next() is true, or to call lw_gbench_fail(). */
typedef void lw_gbench_fn(lw_gbench_state *state, void *arg);

bool lw_gbench_next(lw_gbench_state *state);          /* the timer runs from the first call to the last */
int64_t lw_gbench_iterations(lw_gbench_state *state); /* done so far */
int64_t lw_gbench_wanted(lw_gbench_state *state);     /* how many it will be */
void lw_gbench_fail(lw_gbench_state *state, const char *message);
void lw_gbench_label(lw_gbench_state *state, const char *text);

void lw_gbench_counter(lw_gbench_state *state, const char *name, double value);

/* ---- registering and running --------------------------------------------------------------------------- */

enum lw_gbench_unit { LW_GBENCH_NS, LW_GBENCH_US, LW_GBENCH_MS };

/* name is the full name of the result; arg must live until the run is over. */
void lw_gbench_register(const char *name, enum lw_gbench_unit unit, lw_gbench_fn *fn, void *arg);

/* A line for the JSON's "context". */
void lw_gbench_context(const char *key, const char *value);

struct lw_gbench_result {
    const char *name;
    const char *aggregate;            /* "" for a single run; "mean", "median" ... over repetitions */
    const char *error;                /* what lw_gbench_fail() was given, or NULL */
    double real_seconds, cpu_seconds; /* of one iteration */
    int64_t iterations;
    const void *impl;
};
/* Value of a counter of the result; `absent` when it has none of that name. */
double lw_gbench_result_counter(const struct lw_gbench_result *result, const char *name, double absent);

/* A report kept in memory until the run is over, beside what the run prints. */
struct lw_gbench_output {
    const char *format; /* "console", "json" or "csv" */
    char *text;         /* out: to be freed by the caller; NULL when memory ran out */
};

struct lw_gbench_run {
    int argc;    /* argv[0] and --benchmark_* flags, all but --benchmark_out */
    char **argv; /* is changed */
    struct lw_gbench_output *outputs;
    size_t output_count;
    /* Which counters of a benchmark the console shows, whatever its flags say. NULL: Google Benchmark prints
     * what the flags say. */
    bool (*shown)(const char *benchmark, const char *counter);
    bool medians_only; /* `shown` has one line a benchmark, also where there are repetitions */
    void (*report)(const struct lw_gbench_result *result, void *arg); /* may be NULL */
    void *report_arg;
    /* When all is measured, before the outputs are written: may add to the context. NULL: nothing. */
    void (*finish)(void *arg);
    void *finish_arg;
};

enum lw_gbench_outcome {
    LW_GBENCH_DONE,
    LW_GBENCH_BAD_FLAG, /* argv[1] is the first one that this version of Google Benchmark doesn't take */
    LW_GBENCH_NO_MATCH, /* the filter leaves nothing to run: said on stderr */
    LW_GBENCH_BROKEN    /* out of memory */
};
enum lw_gbench_outcome lw_gbench_run_all(struct lw_gbench_run *run);

#ifdef __cplusplus
}
#endif
#endif
