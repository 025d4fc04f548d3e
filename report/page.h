/* The page: one HTML file that needs nothing else. */
#ifndef LW_REPORT_PAGE_H
#define LW_REPORT_PAGE_H

#include "run.h"

/* Template, style and scripts are embedded; runs: at least one. */
void report_page(FILE *out, const struct report_run *runs, size_t count);

/* The parts of a run that need no script. `index` makes ids unique. */
void report_tables_header(FILE *out, const struct report_run *run, size_t index);
void report_tables_winners(FILE *out, const struct report_run *run, size_t index);
void report_tables_peers(FILE *out, const struct report_run *run, size_t index);
void report_tables_mnist(FILE *out, const struct report_run *run, size_t index);
void report_tables_machine(FILE *out, const struct report_run *run, size_t index);

#endif
