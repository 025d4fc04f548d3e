/* Every kernel row of every ISA in this build, numbered in order of preference. */
#ifndef LW_REGISTRY_H
#define LW_REGISTRY_H

#include "dispatch/target.h"

struct lw_row {
    const struct lw_kernel *kernel;
    const struct lw_isa *isa;
    size_t isa_index, index;
};

/* A target's ISAs and rows; false where there is none of that name, or past the end. */
bool lw_target_isa(const struct lw_target *target, const char *name, size_t *index);
bool lw_target_row(const struct lw_target *target, size_t index, struct lw_row *row);
bool lw_target_find(const struct lw_target *target, const char *name, struct lw_row *row);

/* The same of lw_target_here: this build's. */
const struct lw_isa *lw_isa_at(size_t index); /* NULL past the end */
bool lw_isa_find(const char *name, size_t *index);
bool lw_row_at(size_t index, struct lw_row *row);
bool lw_row_find(const char *name, struct lw_row *row);

/* The row itself, or what stands for it in a reproducible plan: the same row of its ISA's other table. */
struct lw_row lw_row_reproducible(struct lw_row row);

/* Rows of one family, whatever their ISA and tile, do the same sums in the same order. */
bool lw_row_same_family(const struct lw_row *a, const struct lw_row *b);

/* May rows of this ISA run here? cap: the first ISA allowed by LANEWISE_ISA (0: all). *reason: why not, or
 * "". The functions of a row whose ISA isn't usable must not even be asked: they're compiled for that ISA. */
bool lw_isa_usable(size_t isa_index, size_t cap, const char **reason);

/* Does the row take a checked descriptor? *reason: why not. The row's ISA must be usable. */
bool lw_row_accepts(const struct lw_row *row, const lw_desc *desc, const char **reason);

#endif
