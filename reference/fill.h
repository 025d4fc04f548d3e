/* Deterministic test data: the same seed gives the same floats on every machine. */
#ifndef LW_FILL_H
#define LW_FILL_H

#include <stddef.h>
#include <stdint.h>

enum lw_fill {
    LW_FILL_NORMAL,    /* N(0,1) */
    LW_FILL_UNIFORM,   /* [-1,1) */
    LW_FILL_INTEGER,   /* small integers: sums are exact in float */
    LW_FILL_CANCEL,    /* large terms that cancel */
    LW_FILL_RANGE,     /* magnitudes over 2^-20 .. 2^20 */
    LW_FILL_ONE_HOT,   /* zeros but for one */
    LW_FILL_EQUAL,     /* all the same, not representable exactly in few bits */
    LW_FILL_ALTERNATE, /* +a -a +a ... */
    LW_FILL_SPECIAL,   /* normal, sprinkled with NaN, +-Inf, -0 and denormals */
    LW_FILL_COUNT
};

void lw_fill(float *data, size_t count, enum lw_fill kind, uint64_t seed);
const char *lw_fill_name(enum lw_fill kind);

#endif
