/* Advanced SIMD of Armv8-A. */
#include "vec.h"
#include "tiles.h"
#include "costs.h"
#define LW_ISA_FEATURES LW_CPU_NEON
#include "common/template.h"
#include "common/isa_table.inc"
