#define _GNU_SOURCE
#include "guard.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATTERN = 0xA5 };

/* [no access][slack and data][no access]; what lies between data and the pages is filled with PATTERN. */
bool lw_guard_alloc(struct lw_guard *g, size_t count, enum lw_guard_side side, size_t offset) {
    memset(g, 0, sizeof *g);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (count > SIZE_MAX / 16 || offset > SIZE_MAX / 16) return false;
    size_t bytes = (count + offset) * sizeof(float);
    size_t inner = (bytes + page - 1) / page * page;
    size_t total = inner + 2 * page;
    unsigned char *map = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return false;
    if (inner > 0 && mprotect(map + page, inner, PROT_READ | PROT_WRITE) != 0) {
        munmap(map, total);
        return false;
    }
    memset(map + page, PATTERN, inner);
    g->map = map;
    g->map_bytes = total;
    g->count = count;
    unsigned char *data =
        side == LW_GUARD_START ? map + page + offset * sizeof(float) : map + page + inner - bytes;
    g->data = (float *)(void *)data;
    return true;
}

static bool is_pattern(const unsigned char *from, const unsigned char *to) {
    for (; from < to; from++)
        if (*from != PATTERN) return false;
    return true;
}

bool lw_guard_intact(const struct lw_guard *g) {
    if (g->map == NULL) return true;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const unsigned char *map = g->map, *data = (const unsigned char *)g->data;
    return is_pattern(map + page, data) &&
           is_pattern(data + g->count * sizeof(float), map + g->map_bytes - page);
}

void lw_guard_free(struct lw_guard *g) {
    if (g->map != NULL) munmap(g->map, g->map_bytes);
    memset(g, 0, sizeof *g);
}
