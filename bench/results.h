/* results/<cpu>/: what the matrix measured, for reports and for picking kernels for a CPU that isn't at hand.
 */
#ifndef LW_BENCH_RESULTS_H
#define LW_BENCH_RESULTS_H

#include "cli.h"

/* A folder's name for this CPU: its model name in lower case, words joined by dashes, without trade marks and
 * clock rate; where a model name has no number ("AMD EPYC" in a virtual machine) family and model are added.
 */
void bench_cpu_slug(char *slug, size_t size);
/* The same from given texts; family and model may be "". */
void bench_slug_of(const char *cpu, const char *family, const char *model, char *slug, size_t size);

/* Makes DIR/<cpu> with its parents, and sees whether it can be written. CLI_GO, or the exit status after one
 * line. */
int bench_results_dir(const char *dir, char *path, size_t size);

#endif
