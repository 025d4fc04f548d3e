/* AVX-512 F+BW+DQ+VL. */
#include "vec.h"
#include "costs.h"
#include "common/template.h"
#include "common/isa_table.inc"
