/* A plan, as the dispatcher sees it. */
#ifndef LW_PLAN_H
#define LW_PLAN_H

#include "dispatch/registry.h"

enum { LW_MAX_THREADS = 1024 };

struct lw_plan {
    lw_desc desc;
    struct lw_row row;
    const char *rule;
    void *packed;
    size_t packed_bytes, thread_workspace; /* both multiples of LW_ALIGN */
    int threads;
    int64_t tasks, chunks; /* the row's tasks; the contiguous runs of them that threads claim */
    lw_pool *pool;
    bool owns_pool;
};

/* Bytes that a row needs: packed weights, and one thread's workspace, aligned up. false on overflow. */
bool lw_row_packed_bytes(const struct lw_kernel *kernel, const lw_desc *desc, size_t *bytes);
bool lw_row_thread_workspace(const struct lw_kernel *kernel, const lw_desc *desc, size_t *bytes);

/* Threads that an execution really uses: none but the caller when the work is too small to share, or when the
 * workspaces of all are above max_workspace (0: no limit). So the number of threads never decides which row
 * it is. */
int lw_row_threads(const struct lw_row *row, const lw_desc *desc, int threads, size_t max_workspace);

/* A plan for a row that was chosen already; the pool (NULL: one thread) stays the caller's. */
lw_status lw_plan_build(struct lw_plan *plan, const struct lw_row *row, const lw_desc *desc,
                        const float *weights, const float *bias, lw_pool *pool, size_t max_workspace,
                        lw_error *err);

#endif
