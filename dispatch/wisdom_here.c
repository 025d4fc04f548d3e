/* The machine and build that wisdom is of. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "dispatch/error.h"
#include "dispatch/wisdom.h"

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

#if defined(__clang__)
#define COMPILER "clang " TEXT(__clang_major__) "." TEXT(__clang_minor__) "." TEXT(__clang_patchlevel__)
#elif defined(__GNUC__)
#define COMPILER "gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__) "." TEXT(__GNUC_PATCHLEVEL__)
#else
#define COMPILER "unknown"
#endif
#ifndef LW_COMPILER_FLAGS
#define LW_COMPILER_FLAGS ""
#endif

const char *const lw_wisdom_field_names[LW_WISDOM_FIELDS] = {
    [LW_WISDOM_VERSION] = "version", [LW_WISDOM_CPU] = "cpu",           [LW_WISDOM_KIND] = "kind",
    [LW_WISDOM_ISAS] = "isas",       [LW_WISDOM_COMPILER] = "compiler", [LW_WISDOM_REGISTRY] = "registry"};

/* What this CPU can run, whatever LANEWISE_ISA says. */
static void list_isas(char *text, size_t size) {
    const char *reason;
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; lw_isa_at(i) && used < size; i++)
        if (lw_isa_usable(i, 0, &reason))
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", lw_isa_at(i)->name);
}

static uint64_t hash_text(uint64_t hash, const char *text) { /* FNV-1a, the final zero included */
    do
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    while (*text++);
    return hash;
}

static uint64_t hash_registry(void) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct lw_row row;
    for (size_t i = 0; lw_row_at(i, &row); i++)
        hash = hash_text(hash_text(hash, row.isa->name), row.kernel->name);
    return hash;
}

void lw_wisdom_here(lw_wisdom_header header) {
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    memset(header, 0, sizeof(lw_wisdom_header));
    snprintf(header[LW_WISDOM_VERSION], LW_WISDOM_VALUE, "%d.%d.%d", LW_VERSION_MAJOR, LW_VERSION_MINOR,
             LW_VERSION_PATCH);
    snprintf(header[LW_WISDOM_CPU], LW_WISDOM_VALUE, "%s", cpu.model);
    snprintf(header[LW_WISDOM_KIND], LW_WISDOM_VALUE, "%s", cpu.kind);
    list_isas(header[LW_WISDOM_ISAS], LW_WISDOM_VALUE);
    snprintf(header[LW_WISDOM_COMPILER], LW_WISDOM_VALUE, "%s", COMPILER " " LW_COMPILER_FLAGS);
    snprintf(header[LW_WISDOM_REGISTRY], LW_WISDOM_VALUE, "%016llx", (unsigned long long)hash_registry());
    for (int f = 0; f < LW_WISDOM_FIELDS; f++) { /* one line, no space at its end */
        char *end = header[f] + strlen(header[f]);
        while (end > header[f] && end[-1] == ' ')
            *--end = 0;
        for (char *c = header[f]; *c; c++)
            if ((unsigned char)*c < 32 || *c == 127) *c = '?';
        if (!*header[f]) strcpy(header[f], "unknown");
    }
}

lw_status lw_wisdom_check(const lw_wisdom *w, lw_error *err) {
    lw_wisdom_header here;
    struct lw_row row;
    if (!w) return lw_fail(err, LW_ERR_INVALID, "the wisdom is NULL");
    lw_wisdom_here(here);
    for (int f = 0; f < LW_WISDOM_FIELDS; f++)
        if (strcmp(w->header[f], here[f]) != 0)
            return lw_fail(err, LW_ERR_STALE, "it is of another %s: '%.80s', but here it is '%.80s'",
                           lw_wisdom_field_names[f], w->header[f], here[f]);
    for (size_t i = 0; i < w->count; i++)
        for (size_t k = 0; k < w->list[i]->count; k++)
            if (!lw_row_find(w->list[i]->rows[k].kernel, &row))
                return lw_fail(err, LW_ERR_STALE, "it speaks of a kernel '%.80s' that isn't here",
                               w->list[i]->rows[k].kernel);
    return lw_succeed(err);
}
