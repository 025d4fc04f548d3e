/* The cost model: what a row's work costs (docs/cost-model.md). */
#ifndef LW_COST_H
#define LW_COST_H

#include "dispatch/registry.h"

/* Cycles of a row's work on a CPU with these costs; kernel must accept the descriptor. */
double lw_kernel_cycles(const struct lw_kernel *kernel, const lw_desc *desc, const struct lw_costs *costs);

/* What an ISA's work costs on CPUs like this one. */
const struct lw_costs *lw_isa_costs(const struct lw_isa *isa);

/* The estimate: ns of one thread, by the costs of the row's ISA. */
double lw_row_ns(const struct lw_row *row, const lw_desc *desc);

#endif
