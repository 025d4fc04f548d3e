/* The table at the end of a run: for each problem the winner of each ISA. */
#ifndef LW_BENCH_SUMMARY_H
#define LW_BENCH_SUMMARY_H

#include <stdio.h>

#include "measure.h"

void bench_summary_print(FILE *out, const struct bench_session *session);
/* How much was measured, and what was left out and why. */
void bench_summary_counts(FILE *out, const struct bench_session *session);

/* Appends the line about the MNIST model from what `lanewise mnist --json` printed into a file. CLI_GO, or
 * the exit status after one line. */
int bench_summary_mnist(const char *path, char *line, size_t size);

#endif
