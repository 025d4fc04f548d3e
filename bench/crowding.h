/* Is this thread alone on its core? Where a core runs two threads, and on a virtual machine the other one may
 * be anybody's, what isn't multiply-adds takes longer while the FMA peak stays (docs/performance.md). */
#ifndef LW_CROWDING_H
#define LW_CROWDING_H

/* What four independent additions of integers take, by what one takes in a chain: 1 where the thread has the
 * core to itself, 1.3 to 2 where the core's other thread is at work. It takes a microsecond. NAN: not known
 * on this architecture. */
double lw_measure_crowding(void);

/* From here on the core is shared. */
#define LW_CROWDED 1.15

/* The part of so many looks that found the core shared; -1: not known on this architecture. */
double lw_measure_crowded(int looks);

#endif
