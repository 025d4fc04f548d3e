/* Is this thread alone on its core? Where a core runs two threads, and on a virtual machine the other one may
 * be anybody's, what isn't multiply-adds takes longer while the FMA peak stays (docs/performance.md, What
 * "shared" is). Looks take a microsecond. Known on x86-64 with AVX2, whose cores add four integers a cycle;
 * one with fewer adders would always seem shared, and one with more sometimes alone. */
#ifndef LW_CROWDING_H
#define LW_CROWDING_H

#include <stdbool.h>

/* What four independent chains of additions take, by what one takes: 1 where the thread has the core to
 * itself, up to 2 and more where the core's other thread is at work. NAN: not known here. */
double lw_crowding_ratio(void);

/* What such a ratio says; of a look that was interrupted, and of NAN: no. */
bool lw_is_alone(double ratio);

/* The part of so many looks that didn't find the thread alone; -1: not known here. */
double lw_crowded_share(int looks);

#endif
