/* The roofline: what an execution can take at best, by the multiply-adds it needs and the bytes it has to
 * move. */
#ifndef LW_BENCH_ROOF_H
#define LW_BENCH_ROOF_H

#include "levels.h"

/* Bandwidths of one run; measured where `count` isn't 0. */
struct bench_limits {
    size_t count;
    struct lw_level levels[LW_LEVELS];
};

/* Takes about four times `seconds` a level. */
void bench_limits_measure(struct bench_limits *limits, double seconds);

/* Nanoseconds that so many bytes take at least, to and from this level. Each byte written goes along with one
 * read, at the rate of a copy; what is left goes at that of reads or of writes. 0: not measured. */
double bench_level_ns(const struct lw_level *level, double read, double written);

/* The nearest level that holds so many bytes; NULL: none was measured. */
const struct lw_level *bench_level_of(const struct bench_limits *limits, double bytes);

struct bench_roof {
    double intensity; /* bench_flops per byte of source, weights and destination */
    double ns;        /* of one execution on the roof; 0: not known */
    int level;        /* which roof binds: 0 the FMA peak, 1 to 3 a cache, 4 DRAM */
};

/* resident: bytes that an execution touches, packed weights and workspace in it; they tell the level.
 * peak_gflops: of these threads, 0 where it isn't known. An operation without multiply-adds has the memory's
 * roof alone. Bandwidths are of one thread: `threads` of them are taken to have as many times that from L1
 * and L2, which are their own, and once that from L3 and DRAM. */
struct bench_roof bench_roof_of(const struct bench_limits *limits, const lw_desc *desc, double resident,
                                double peak_gflops, int threads);

#endif
