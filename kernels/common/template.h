/* What every algorithm template starts from: the row contract, this ISA's vectors and tiles, names. */
#ifndef LW_TEMPLATE_H
#define LW_TEMPLATE_H

#include <math.h>
#include <string.h>
#include "kernel.h"
#include "unroll.h"

#define LW_STRING_(x) #x
#define LW_STRING(x)  LW_STRING_(x)

/* "conv_direct" + "_t6x2" -> "conv_direct_avx2_t6x2" */
#define LW_ROW_NAME(algorithm, tile) algorithm "_" LW_STRING(LW_ISA_NAME) tile

#define LW_LAYOUT_BIT(layout) (1u << (layout))
#define LW_ANY_LAYOUT         (LW_LAYOUT_BIT(LW_NCHW) | LW_LAYOUT_BIT(LW_NHWC) | LW_LAYOUT_BIT(LW_BLOCKED))

/* Vectors in a block of 16 channels. */
#define LW_BLOCK_VECTORS (LW_BLOCK / VL)

#endif
