/* What a row is chosen for: this CPU with the rows of this build, or another CPU with those that would run
 * there. */
#ifndef LW_TARGET_H
#define LW_TARGET_H

#include "kernel.h"

struct lw_target {
    const struct lw_isa *const *isas; /* the preferred one first, scalar last */
    size_t isa_count;
    bool elsewhere; /* its rows can tell of themselves but not run */

    const char *source; /* what times by its ISAs' costs are called */

    const lw_wisdom
        *wisdom; /* what was measured elsewhere; NULL: nothing, or here, where the process knows */
};

extern const struct lw_target lw_target_here;

/* lw_explain() for any target; its isas may be another's. LANEWISE_ISA and LANEWISE_KERNEL speak of this CPU.
 */
lw_status lw_explain_for(lw_explanation **out, const struct lw_target *target, const lw_desc *desc,
                         const lw_options *opt, lw_error *err);

#endif
