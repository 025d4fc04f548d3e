/* Result files as they are kept: without what names a machine or says nothing, and with 6 digits. */
#ifndef LW_REPORT_TIDY_H
#define LW_REPORT_TIDY_H

#include "run.h"

/* matrix.json: a line a benchmark; aggregates, which can be made again, are left out. */
void report_tidy_matrix(FILE *out, const struct report_run *run);
/* mnist.json, versus.json: without paths. */
void report_tidy_json(FILE *out, const cJSON *root);

#endif
