/* The rows of an ISA that neither this CPU nor this compiler need have, from the same templates: for what
 * they say of themselves (what they take, need, promise and do), which holds on any machine. Compiled once
 * for each folder of kernels/. */
#include "vec.h"
#include "costs.h"
#include "common/template.h"
#include "common/isa_table.inc"
