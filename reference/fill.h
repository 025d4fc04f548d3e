/* Deterministic test data: the same seed gives the same floats on every machine. */
#ifndef LW_FILL_H
#define LW_FILL_H

#include <stddef.h>
#include <stdint.h>

#include "lanewise.h"

/* What a kind does to an operation with weights is in how source and weights meet: lw_fill_problem. */
enum lw_fill {
    LW_FILL_NORMAL,    /* N(0,1) */
    LW_FILL_UNIFORM,   /* [-1,1) */
    LW_FILL_INTEGER,   /* whole numbers of -4 .. 4: sums are exact in float */
    LW_FILL_CANCEL,    /* 4096 + N(0,1), on weights that come as +w, -w: a sum loses twelve of its bits */
    LW_FILL_RANGE,     /* magnitudes over 2^-20 .. 2^20, alike in patches of eight neighbours */
    LW_FILL_ONE_HOT,   /* zeros but for a single 1; where it is depends on the seed and the size */
    LW_FILL_EQUAL,     /* all the same, not representable exactly in few bits: all roundings go one way */
    LW_FILL_ALTERNATE, /* +a -a +a ... */
    LW_FILL_DENORMAL,  /* denormals of all sizes and both signs, on ordinary weights */
    LW_FILL_SPECIAL,   /* normal with -0 and denormals; one NaN or Inf, and more in big tensors */
    LW_FILL_COUNT
};

/* One tensor. */
void lw_fill(float *data, size_t count, enum lw_fill kind, uint64_t seed);

/* All data of a problem: src in NCHW, weights and bias (NULL where there are none) as in lw_plan_create.
 * Kinds that are about the source have normal weights. In `range` all channels of a patch share its
 * magnitude, so that small outputs have large ones for neighbours. In `cancel` each output's weights cancel
 * in pairs, but for what lies in padding. */
void lw_fill_problem(const lw_desc *desc, enum lw_fill kind, uint64_t seed, float *src, float *weights,
                     float *bias);

const char *lw_fill_name(enum lw_fill kind);

#endif
