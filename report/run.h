/* One measured run: results/<cpu>/ (matrix.json, and where they are versus.json and mnist.json) or a
 * matrix.json alone. What wasn't measured is NaN here. */
#ifndef LW_REPORT_RUN_H
#define LW_REPORT_RUN_H

#include "results_read.h"

/* The counters that are looked at: counter names of matrix.json, also the names of the page's columns. */
#define REPORT_COUNTERS(X)                                                                                   \
    X(gflops)                                                                                                \
    X(peak_pct)                                                                                              \
    X(bytes_per_second)                                                                                      \
    X(err_over_bound)                                                                                        \
    X(rel_l2)                                                                                                \
    X(time_min_ns)                                                                                           \
    X(time_low_ns)                                                                                           \
    X(time_high_ns)                                                                                          \
    X(samples)                                                                                               \
    X(intensity)                                                                                             \
    X(roof_gflops)                                                                                           \
    X(roof_pct)                                                                                              \
    X(roof_level)                                                                                            \
    X(cold_us)                                                                                               \
    X(first_us)                                                                                              \
    X(energy_uj)                                                                                             \
    X(packed_bytes)                                                                                          \
    X(workspace_bytes)                                                                                       \
    X(reproducible_x)                                                                                        \
    X(denormal_x)                                                                                            \
    X(batch)

enum report_counter {
#define X(name) REPORT_##name,
    REPORT_COUNTERS(X)
#undef X
        REPORT_COUNTER_COUNT
};
extern const char *const report_counter_names[REPORT_COUNTER_COUNT];

/* A benchmark. */
struct report_row {
    const char *op, *problem, *kernel;
    char isa[16];       /* "" for a peer */
    char layout[48];    /* "nchw>blocked"; a peer's: "own", "nhwc" ... */
    const char *detail; /* the fused tail, or what a peer runs */
    int threads;
    bool peer, extra_layout; /* not in the layout that the row likes best */
    double us, us_low, us_high;
    double value[REPORT_COUNTER_COUNT];
};

/* Our fastest row against the peers' fastest. */
struct report_versus {
    const char *op, *problem, *layout, *ours, *peer;
    int threads;
    double ours_us, peer_us, ratio, low, high, peak_pct; /* ratio: ours over theirs */
};

struct report_run {
    char *path, *name; /* as given; the last part of it */
    bool folder;
    struct results matrix;
    cJSON *versus_json, *mnist; /* the files; NULL: not there */
    size_t row_count, versus_count;
    struct report_row *rows; /* those that were measured */
    struct report_versus *versus;
    bool derived; /* there is no versus.json: the comparisons are made of the matrix's rows */
};

/* CLI_GO, or the exit status after one line that names the file. */
int report_run_read(struct report_run *run, const char *path);
void report_run_free(struct report_run *run);

/* A text of the matrix's context ("" where it has none), and a number among those (NaN). */
const char *report_context(const struct report_run *run, const char *key);
double report_context_number(const struct report_run *run, const char *key);
/* "AMD EPYC", else the run's name. */
const char *report_cpu(const struct report_run *run);

/* The ISA with the highest FMA peak of one thread, "" where none was measured; returns that peak, GFLOP/s. */
#define REPORT_ISA 32
double report_best_isa(const struct report_run *run, char isa[REPORT_ISA]);
/* What an object says under the key: "" and NaN where it doesn't. */
const char *report_text(const cJSON *object, const char *key);
double report_number(const cJSON *object, const char *key);

/* Images a batch: the counter, else what the problem's name says (_mb8, mb8_ic...), else 1. */
double report_batch(const struct report_row *row);
/* Of an entry of mnist.json's peers. */
const char *report_peer_name(const cJSON *peer);

/* The least number of threads that was measured; 1 without rows. */
int report_least_threads(const struct report_run *run);

/* ---- winners ------------------------------------------------------------------------------------------- */

/* Of the rows of ours that solve a problem, each in the layout that it likes best, the fastest two. */
struct report_winner {
    const struct report_row *first, *second; /* second NULL: it ran alone */
    double by, by_low, by_high; /* how many times longer the second takes; NaN: no second, no intervals */
};
/* Problems in the order of the file; *count of them, to be freed. NULL: no memory (or none). */
struct report_winner *report_winners(const struct report_run *run, int threads, size_t *count);

/* Without a versus.json: of each problem, layout and number of threads the fastest of both sides as the
 * matrix has them. They weren't timed in turn, so the interval takes both sides' at their ends. false: no
 * memory. */
bool report_derive_versus(struct report_run *run);

/* The peers at a number of threads: how many comparisons, how many of them have a ratio whose interval is
 * below 1, above 1, and the geometric mean of the ratios. */
struct report_standing {
    size_t count, faster, slower;
    double mean;
};
struct report_standing report_standing_of(const struct report_run *run, int threads);

#endif
