/* Sizes that may not fit. */
#ifndef LW_SIZE_H
#define LW_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *product *= factor; false on overflow. */
static inline bool lw_multiply(int64_t *product, int64_t factor) {
    return !__builtin_mul_overflow(*product, factor, product);
}

enum { LW_ALIGN = 64 };

/* Rounds bytes up to the alignment of packed weights and workspaces; false on overflow. */
static inline bool lw_align_up(size_t *bytes) {
    if (*bytes > SIZE_MAX - (LW_ALIGN - 1)) return false;
    *bytes = (*bytes + LW_ALIGN - 1) / LW_ALIGN * LW_ALIGN;
    return true;
}

/* Memory aligned to LW_ALIGN, to be freed with free(); NULL when there is none. bytes may be 0. */
void *lw_aligned_alloc(size_t bytes);

#endif
