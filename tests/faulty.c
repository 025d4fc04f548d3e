/* The command over a library that errs: LW_FAULT=HOW:KERNEL spoils that kernel's first output,
 *   cancel  by a million, on `cancel` data alone
 *   ulp     by one unit in the last place, always
 *   fails   by not computing anything */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lanewise.h"

lw_status __real_lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace);
lw_status __wrap_lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace);

lw_status __wrap_lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace) {
    const char *fault = getenv("LW_FAULT"), *colon = fault ? strchr(fault, ':') : NULL;
    bool ours = colon && strcmp(colon + 1, lw_plan_kernel(plan)) == 0;
    if (ours && strncmp(fault, "fails:", 6) == 0) return LW_ERR_INVALID;
    lw_status status = __real_lw_plan_execute(plan, src, dst, workspace);
    if (ours && strncmp(fault, "cancel:", 7) == 0 && fabsf(src[0] - 4096) < 8) dst[0] += 1e6f;
    if (ours && strncmp(fault, "ulp:", 4) == 0) dst[0] = nextafterf(dst[0], INFINITY);
    return status;
}
