/* AVX-512 F+BW+DQ+VL. */
#include "vec.h"
#include "tiles.h"
#include "costs.h"
#define LW_ISA_FEATURES LW_CPU_AVX512
#include "common/template.h"
#include "common/isa_table.inc"
