#include "dispatch/wisdom.h"

/* No wisdom format is defined yet, so nothing is known of any problem. */
bool lw_wisdom_lookup(const char *path, const lw_desc *desc, int threads, struct lw_row *row, double *ns) {
    (void)path, (void)desc, (void)threads, (void)row, (void)ns;
    return false;
}
