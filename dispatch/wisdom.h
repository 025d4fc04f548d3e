/* What is known from earlier measurements: the place in the selection between "forced" and "measured". */
#ifndef LW_WISDOM_H
#define LW_WISDOM_H

#include "dispatch/registry.h"

/* The row that is known to be best for the problem on this CPU, on that many threads, and its time. path: the
 * file that LANEWISE_WISDOM names, or NULL. false: nothing is known. */
bool lw_wisdom_lookup(const char *path, const lw_desc *desc, int threads, struct lw_row *row, double *ns);

#endif
