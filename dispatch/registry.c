#include <string.h>
#include "dispatch/cpu.h"
#include "dispatch/environment.h"
#include "dispatch/error.h"
#include "dispatch/registry.h"

#define LW_ISA(name) extern const struct lw_isa lw_isa_##name;
#include "isa_list.inc"
#undef LW_ISA

static const struct lw_isa *const isas[] = {
#define LW_ISA(name) &lw_isa_##name,
#include "isa_list.inc"
#undef LW_ISA
};
enum { ISAS = sizeof isas / sizeof *isas };

const struct lw_target lw_target_here = {.isas = isas, .isa_count = ISAS, .source = "estimated"};

const struct lw_isa *lw_isa_at(size_t index) { return index < ISAS ? isas[index] : NULL; }

bool lw_target_isa(const struct lw_target *target, const char *name, size_t *index) {
    for (*index = 0; *index < target->isa_count; ++*index)
        if (!strcmp(target->isas[*index]->name, name)) return true;
    return false;
}

bool lw_target_row(const struct lw_target *target, size_t index, struct lw_row *row) {
    size_t left = index;
    for (size_t i = 0; i < target->isa_count; left -= target->isas[i++]->row_count)
        if (left < target->isas[i]->row_count) {
            const struct lw_isa *isa = target->isas[i];
            *row = (struct lw_row){.kernel = &isa->rows[left], .isa = isa, .isa_index = i, .index = index};
            return true;
        }
    return false;
}

bool lw_target_find(const struct lw_target *target, const char *name, struct lw_row *row) {
    for (size_t i = 0; lw_target_row(target, i, row); i++)
        if (!strcmp(row->kernel->name, name)) return true;
    return false;
}

bool lw_isa_find(const char *name, size_t *index) { return lw_target_isa(&lw_target_here, name, index); }
bool lw_row_at(size_t index, struct lw_row *row) { return lw_target_row(&lw_target_here, index, row); }
bool lw_row_find(const char *name, struct lw_row *row) { return lw_target_find(&lw_target_here, name, row); }

struct lw_row lw_row_reproducible(struct lw_row row) {
    const struct lw_isa *other = row.isa->reproducible;
    if (other) row.kernel = &other->rows[row.kernel - row.isa->rows];
    return row;
}

/* A name is family_isa or family_isa_tile: the length of the family. */
static size_t family_length(const struct lw_row *row) {
    const char *name = row->kernel->name, *isa = row->isa->name, *end = name + strlen(name);
    size_t length = strlen(isa);
    for (const char *s = name; (s = strstr(s, isa)) != NULL; s++)
        if (s > name && s[-1] == '_' && (s[length] == '_' || !s[length])) end = s - 1;
    return (size_t)(end - name);
}

bool lw_row_same_family(const struct lw_row *a, const struct lw_row *b) {
    size_t length = family_length(a);
    return length == family_length(b) && !strncmp(a->kernel->name, b->kernel->name, length);
}

bool lw_isa_usable(size_t isa_index, size_t cap, const char **reason) {
    unsigned missing = isas[isa_index]->cpu_features & ~lw_cpu_features();
    *reason = missing ? lw_cpu_lacks(missing) : isa_index < cap ? "above the cap that LANEWISE_ISA sets" : "";
    return !**reason;
}

bool lw_row_accepts(const struct lw_row *row, const lw_desc *desc, const char **reason) {
    const struct lw_kernel *k = row->kernel;
    *reason = "";
    if (k->op != desc->op)
        *reason = "is of another operation";
    else if (!(k->src_layouts >> desc->src_layout & 1))
        *reason = "doesn't read this source layout";
    else if (!(k->dst_layouts >> desc->dst_layout & 1))
        *reason = "doesn't write this destination layout";
    else if (!k->supports(desc, reason)) {
        if (!*reason || !**reason) *reason = "doesn't take this problem";
    } else
        return true;
    return false;
}

/* ---- the public enumeration ---------------------------------------------------------------------------- */

/* Usable, or why not; a bad environment makes every row unusable, with that for a reason. */
static lw_status usable(size_t isa_index, bool *yes, const char **reason) {
    struct lw_environment env;
    lw_status status = lw_environment_read(&env, NULL);
    *yes = status == LW_OK && lw_isa_usable(isa_index, env.isa_cap, reason);
    if (status != LW_OK) *reason = "a LANEWISE_* environment variable makes no sense";
    return status;
}

size_t lw_kernel_count(void) {
    size_t count = 0;
    for (size_t i = 0; i < ISAS; i++)
        count += isas[i]->row_count;
    return count;
}

lw_status lw_kernel_get(size_t index, lw_kernel_info *info) {
    struct lw_row row;
    if (!info || !lw_row_at(index, &row)) return LW_ERR_INVALID;
    const struct lw_kernel *k = row.kernel;
    *info = (lw_kernel_info){.name = k->name,
                             .op = k->op,
                             .algorithm = k->algorithm,
                             .isa = row.isa->name,
                             .tile = k->tile,
                             .src_layouts = k->src_layouts,
                             .dst_layouts = k->dst_layouts,
                             .spread = k->spread,
                             .reproducible = !row.isa->reproducible,
                             .exact_on_integers = k->exact_on_integers};
    return usable(row.isa_index, &info->usable, &info->reason);
}

lw_status lw_kernel_accepts(const char *name, const lw_desc *desc, lw_error *err) {
    struct lw_environment env;
    struct lw_row row;
    const char *reason;
    if (!name) return lw_fail(err, LW_ERR_INVALID, "the kernel's name is NULL");
    lw_status status = lw_desc_check(desc, err);
    if (status == LW_OK) status = lw_environment_read(&env, err);
    if (status != LW_OK) return status;
    if (!lw_row_find(name, &row)) return lw_fail(err, LW_ERR_UNKNOWN, "no kernel is named '%.100s'", name);
    if (!lw_isa_usable(row.isa_index, env.isa_cap, &reason))
        return lw_fail(err, LW_ERR_ISA, "%s can't run here: %s", name, reason);
    if (!lw_row_accepts(&row, desc, &reason)) return lw_fail(err, LW_ERR_UNSUPPORTED, "%s: %s", name, reason);
    return lw_succeed(err);
}

double lw_kernel_bound(const char *name, const lw_desc *desc) {
    struct lw_row row;
    if (lw_kernel_accepts(name, desc, NULL) != LW_OK || !lw_row_find(name, &row)) return -1.0;
    return row.kernel->bound(desc);
}

size_t lw_isa_count(void) { return ISAS; }

lw_status lw_isa_get(size_t index, lw_isa_info *info) {
    if (!info || index >= ISAS) return LW_ERR_INVALID;
    *info = (lw_isa_info){.name = isas[index]->name, .lanes = isas[index]->lanes};
    return usable(index, &info->usable, &info->reason);
}

double lw_isa_fma_peak(size_t index, int64_t steps) {
    lw_isa_info info;
    if (steps < 1 || lw_isa_get(index, &info) != LW_OK || !info.usable) return 0.0;
    return isas[index]->fma_peak(steps);
}
