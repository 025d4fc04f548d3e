/* Buffers with an inaccessible page on both sides, so that an over-read or over-write of one byte faults. */
#ifndef LW_GUARD_H
#define LW_GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum lw_guard_side { LW_GUARD_END, LW_GUARD_START };

struct lw_guard {
    float *data; /* `count` floats, flush with the upper (END) or lower (START) guard page, `offset` floats
                    off it */
    size_t count;
    void *map;
    size_t map_bytes;
};

/* offset > 0 moves the data away from the page by that many floats, for misalignments; the slack is filled
 * with a pattern that lw_guard_intact() checks. false: no memory. */
bool lw_guard_alloc(struct lw_guard *g, size_t count, enum lw_guard_side side, size_t offset);
bool lw_guard_intact(const struct lw_guard *g);
void lw_guard_free(struct lw_guard *g);

#endif
