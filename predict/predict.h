/* CPUs that aren't this one: what is known of them, and the choice of rows for them. The command's; no part
 * of the library. docs/picking.md tells how well it does. */
#ifndef LW_PREDICT_H
#define LW_PREDICT_H

#include "dispatch/target.h"

enum { PREDICT_ISAS = 2, PREDICT_KINDS = 4 };

/* An ISA on a CPU. `cycles` replaces what a unit of work costs in the ISA's costs.h, `times` multiplies it; a
 * zero leaves it. */
struct predict_isa {
    const char *isa;
    const char *model; /* whose llvm-mca model it is */
    double ghz;
    double cycles[LW_WORK_COUNT], times[LW_WORK_COUNT];
};

/* lw_cpu_info.kind: this text, and a model number from first to last where these aren't negative. */
struct predict_kind {
    const char *text;
    int first, last;
};

struct predict_cpu {
    const char *name, *about, *source;
    struct predict_kind kinds[PREDICT_KINDS];
    struct lw_caches caches;
    struct predict_isa isas[PREDICT_ISAS]; /* the preferred one first; scalar goes without saying */
};

size_t predict_cpu_count(void);
const struct predict_cpu *predict_cpu_at(size_t index);       /* NULL past the end */
const struct predict_cpu *predict_cpu_find(const char *name); /* whatever the case; NULL: unknown */
const struct predict_cpu *predict_cpu_of(const char *kind); /* the first of that lw_cpu_info.kind, or NULL */

/* How well the method did where it could be checked: a line for each CPU and ISA, then NULL. */
extern const char *const predict_checked[];

/* What rows are chosen for; must stay where it is while `target` is used. */
struct predict_target {
    struct lw_target target;
    struct lw_isa isas[PREDICT_ISAS + 1];
    struct lw_costs costs[PREDICT_ISAS + 1];
    const struct lw_isa *list[PREDICT_ISAS + 1];
};

/* Rows for a CPU by its predicted costs. */
void predict_target(struct predict_target *t, const struct predict_cpu *cpu);
/* Rows of ISAs, "avx2 scalar", by the costs that these assume of an unknown CPU. */
void predict_target_of_isas(struct predict_target *t, const char *isas);

#endif
