/* The --benchmark_* flags: checked before Google Benchmark sees them, as it answers a bad value with its
 * whole usage text and exit status 0. */
#ifndef LW_BENCH_FLAGS_H
#define LW_BENCH_FLAGS_H

#include "cli.h"

struct bench_flags {
    bool list_tests;        /* names only: nothing will run */
    bool quiet_stdout;      /* stdout is JSON or CSV for a program to read */
    bool min_time_given;    /* by flag or environment */
    bool looks_given;       /* flags say how the console should look */
    const char *out;        /* --benchmark_out: handled here, so that the file appears whole or not at all */
    const char *out_format; /* "json" unless said otherwise */
    int argc;               /* the rest, for Google Benchmark, argv[0] first */
    char **argv;
};

/* CLI_GO, or the exit status after one line on stderr. Looks at the environment's BENCHMARK_* too. */
int bench_flags_read(const struct cli_strings *passed, struct bench_flags *flags);
void bench_flags_add(struct bench_flags *flags, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bench_flags_free(struct bench_flags *flags);

#endif
