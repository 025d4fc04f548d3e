/* AVX2 + FMA. */
#include "vec.h"
#include "costs.h"
#include "common/template.h"
#include "common/isa_table.inc"
