/* MEASURE: times rows on scratch data. */
#ifndef LW_MEASURE_H
#define LW_MEASURE_H

#include "dispatch/select.h"

/* Times the eligible rows of list, but for those far behind by estimate, and stores the times in them.
 * timed[i]: row i has been timed. */
lw_status lw_measure(const struct lw_request *request, struct lw_considered *list, size_t count, bool *timed,
                     lw_error *err);

#endif
