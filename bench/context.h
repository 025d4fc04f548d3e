/* The context of a run, for the JSON and for whoever reads along: the machine, the build, and whether the run
 * can be trusted. */
#ifndef LW_BENCH_CONTEXT_H
#define LW_BENCH_CONTEXT_H

#include "cases.h"
#include "machine.h"
#include "roof.h"

/* What is known before the run: measures peaks and bandwidths too. */
void bench_context_start(const struct bench_choice *choice, struct bench_machine *machine,
                         struct bench_limits *limits);

/* What is known after it. trust: "good", or why not. Returns whether it is. */
bool bench_context_end(const struct bench_choice *choice, const struct bench_cases *cases,
                       struct bench_machine *machine, char *trust, size_t size);

#endif
