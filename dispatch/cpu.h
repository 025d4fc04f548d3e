/* What the CPU and its OS offer. */
#ifndef LW_CPU_H
#define LW_CPU_H

#include "lanewise.h"

/* LW_CPU_* bits of kernels/kernel.h. Detected on first use; any thread may be first. */
unsigned lw_cpu_features(void);

/* Says of the bits in `missing` what the CPU lacks; a static string. */
const char *lw_cpu_lacks(unsigned missing);

#endif
