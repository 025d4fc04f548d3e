/* One lane of plain C: runs everywhere, ends every list. */
#include "vec.h"
#include "tiles.h"
#define LW_ISA_FEATURES 0
#include "common/template.h"
#include "common/isa_table.inc"
