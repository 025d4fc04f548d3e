/* AVX2 + FMA. */
#include "vec.h"
#include "costs.h"
#include "costs_with_avx512.h"
#define LW_COSTS_WITH_AVX512 &costs_with_avx512
#include "common/template.h"
#include "common/isa_table.inc"
