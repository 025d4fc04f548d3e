/* MEASURE: times rows on scratch data. */
#ifndef LW_MEASURE_H
#define LW_MEASURE_H

#include "dispatch/select.h"

/* Times the eligible rows of list, but for those far behind by estimate, stores the times in them and the
 * number of the best in *chosen. At least one is eligible. */
lw_status lw_measure(const struct lw_request *request, struct lw_considered *list, size_t count,
                     size_t *chosen, lw_error *err);

#endif
