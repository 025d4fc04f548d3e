#include "dispatch/cost.h"
#include "dispatch/cpu.h"

/* A plain sum, so that costs can be fitted by least squares. */
double lw_kernel_cycles(const struct lw_kernel *kernel, const lw_desc *desc, const struct lw_costs *costs) {
    struct lw_work work = {{0}};
    double cycles = 0;
    kernel->work(desc, &costs->caches, &work);
    for (int i = 0; i < LW_WORK_COUNT; i++)
        cycles += work.unit[i] * costs->unit[i];
    return cycles;
}

const struct lw_costs *lw_isa_costs(const struct lw_isa *isa) {
    return isa->costs_with_avx512 && (lw_cpu_features() & LW_CPU_AVX512) ? isa->costs_with_avx512
                                                                         : isa->costs;
}

double lw_row_ns(const struct lw_row *row, const lw_desc *desc) {
    const struct lw_costs *costs = lw_isa_costs(row->isa);
    return lw_kernel_cycles(row->kernel, desc, costs) / costs->ghz;
}

/* ---- counts, for those who fit costs or look on ---------------------------------------------------------
 */

static const struct {
    const char *name, *meaning;
} units[] = {
#define UNIT(name, meaning) {#name, meaning},
    LW_WORK_UNITS(UNIT)
#undef UNIT
};

const char *lw_work_unit(size_t i) { return i < LW_WORK_COUNT ? units[i].name : NULL; }
const char *lw_work_unit_meaning(size_t i) { return i < LW_WORK_COUNT ? units[i].meaning : NULL; }

size_t lw_kernel_work(const char *name, const lw_desc *desc, double *amount, size_t most) {
    struct lw_row row;
    struct lw_work work = {{0}};
    if (lw_kernel_accepts(name, desc, NULL) != LW_OK || !lw_row_find(name, &row)) return 0;
    row.kernel->work(desc, &lw_isa_costs(row.isa)->caches, &work);
    for (size_t i = 0; i < most && i < LW_WORK_COUNT; i++)
        amount[i] = work.unit[i];
    return LW_WORK_COUNT;
}
