/* One lane of plain C: runs everywhere, ends every list. Compiled a second time with LW_FUSED, for the table
 * that reproducible plans take their rows from. */
#include "vec.h"
#include "costs.h"
#ifdef LW_FUSED
#define LW_ISA_TABLE scalar_fused
#else
#define LW_ISA_REPRODUCIBLE scalar_fused
#endif
#include "common/template.h"
#include "common/isa_table.inc"
