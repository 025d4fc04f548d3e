#include "predict/predict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dispatch/registry.h"

/* The ISAs of kernels/ but scalar, which every build has, from any compiler for any machine (rows.c). */
#define LW_ISA(name) extern const struct lw_isa lw_isa_told_##name;
#include "told_list.inc"
#undef LW_ISA
static const struct lw_isa *const told[] = {
#define LW_ISA(name) &lw_isa_told_##name,
#include "told_list.inc"
#undef LW_ISA
};

static const struct predict_cpu cpus[] = {
#include "cpus.inc"
};

const char *const predict_checked[] = {
#include "checked.inc"
    NULL};

enum { CPUS = sizeof cpus / sizeof *cpus, TOLD = sizeof told / sizeof *told };

size_t predict_cpu_count(void) { return CPUS; }
const struct predict_cpu *predict_cpu_at(size_t index) { return index < CPUS ? &cpus[index] : NULL; }

const struct predict_cpu *predict_cpu_find(const char *name) {
    for (size_t i = 0; i < CPUS; i++)
        if (!strcasecmp(cpus[i].name, name)) return &cpus[i];
    return NULL;
}

static bool is_kind(const struct predict_kind *k, const char *kind) {
    const size_t length = k->text ? strlen(k->text) : 0;
    char *end;
    if (!length || strncasecmp(kind, k->text, length)) return false;
    if (k->first < 0) return !kind[length];
    const long model = strtol(kind + length, &end, 10);
    return end != kind + length && !*end && model >= k->first && model <= k->last;
}

const struct predict_cpu *predict_cpu_of(const char *kind) {
    for (size_t i = 0; i < CPUS; i++)
        for (int k = 0; k < PREDICT_KINDS; k++)
            if (is_kind(&cpus[i].kinds[k], kind)) return &cpus[i];
    return NULL;
}

/* ---- targets ------------------------------------------------------------------------------------------- */

static const struct lw_isa *told_isa(const char *name, size_t length) {
    for (size_t i = 0; i < TOLD; i++)
        if (strlen(told[i]->name) == length && !strncmp(told[i]->name, name, length)) return told[i];
    return NULL;
}

static void add_isa(struct predict_target *t, const struct lw_isa *isa) {
    const size_t i = t->target.isa_count++;
    t->isas[i] = *isa;
    t->costs[i] = *isa->costs;
    t->isas[i].costs = &t->costs[i];
    t->list[i] = &t->isas[i];
}

static void begin(struct predict_target *t, const char *source) {
    *t = (struct predict_target){.target = {.elsewhere = true, .source = source}};
    t->target.isas = t->list;
}

/* What scalar rows cost is left as it is, but for the clock: reproducible plans choose by it, the same on
 * every CPU. */
static struct lw_costs *add_scalar(struct predict_target *t) {
    add_isa(t, lw_isa_at(lw_isa_count() - 1));
    return &t->costs[t->target.isa_count - 1];
}

void predict_target(struct predict_target *t, const struct predict_cpu *cpu) {
    begin(t, "predicted");
    for (int i = 0; i < PREDICT_ISAS && cpu->isas[i].isa; i++) {
        const struct predict_isa *p = &cpu->isas[i];
        add_isa(t, told_isa(p->isa, strlen(p->isa)));
        struct lw_costs *costs = &t->costs[i];
        costs->source = "predicted";
        costs->ghz = p->ghz;
        costs->caches = cpu->caches;
        for (int unit = 0; unit < LW_WORK_COUNT; unit++) {
            if (p->cycles[unit] > 0) costs->unit[unit] = p->cycles[unit];
            if (p->times[unit] > 0) costs->unit[unit] *= p->times[unit];
        }
    }
    add_scalar(t)->ghz = t->costs[0].ghz;
}

void predict_target_of_isas(struct predict_target *t, const char *isas) {
    begin(t, "estimated");
    for (const char *word = isas; *word; word += strspn(word, " ")) {
        const size_t length = strcspn(word, " ");
        const struct lw_isa *isa = told_isa(word, length);
        if (isa && t->target.isa_count < PREDICT_ISAS) add_isa(t, isa);
        word += length;
    }
    add_scalar(t);
}
