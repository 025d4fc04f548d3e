/* AVX2 + FMA. */
#include "vec.h"
#include "tiles.h"
#include "costs.h"
#define LW_ISA_FEATURES LW_CPU_AVX2_FMA
#include "common/template.h"
#include "common/isa_table.inc"
