/* The levels of memory, and the bandwidth of each. */
#ifndef LW_BENCH_LEVELS_H
#define LW_BENCH_LEVELS_H

#include "lanewise.h"
#include "peak.h"

enum { LW_LEVELS = 4 };

struct lw_level {
    const char *name;   /* "L1", "L2", "L3", "DRAM" */
    int number;         /* 1 to 4 */
    size_t cache_bytes; /* 0: DRAM */
    size_t working_set; /* that sits in this level: half of it, of L3 at most eight times the L2; for DRAM
                           four times the last cache */
    double gb_per_s[LW_TRAFFICS]; /* of one thread, by enum lw_traffic; 0: not measured */
};

/* Names and sizes, nearest first: the caches whose size is known, and DRAM. Returns their number. */
size_t lw_levels_of(const lw_cpu_info *cpu, struct lw_level levels[LW_LEVELS]);

/* What has to go through the caches so that nothing of before is left in them: as much as L2 and L3 hold, of
 * a large L3 32 MB. */
size_t lw_sweep_bytes(const lw_cpu_info *cpu);

#endif
