#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include "dispatch/cost.h"
#include "dispatch/error.h"
#include "dispatch/plan.h"
#include "dispatch/select.h"
#include "dispatch/size.h"

/* Chunks per thread: enough that a descheduled thread holds up little, few enough that a chunk keeps its
 * neighbourhood in the cache. */
enum { CHUNKS_PER_THREAD = 4 };
/* Work of less than this many ns is over before another thread has woken. */
static const double worth_sharing = 2000.0;

bool lw_row_packed_bytes(const struct lw_kernel *kernel, const lw_desc *desc, size_t *bytes) {
    *bytes = kernel->packed_bytes ? kernel->packed_bytes(desc) : 0;
    return lw_align_up(bytes);
}

bool lw_row_thread_workspace(const struct lw_kernel *kernel, const lw_desc *desc, size_t *bytes) {
    *bytes = kernel->workspace_bytes ? kernel->workspace_bytes(desc) : 0;
    return lw_align_up(bytes);
}

int lw_row_threads(const struct lw_row *row, const lw_desc *desc, int threads, size_t max_workspace) {
    const struct lw_kernel *kernel = row->kernel;
    size_t one;
    const bool fits = !max_workspace ||
                      (lw_row_thread_workspace(kernel, desc, &one) && one <= max_workspace / (size_t)threads);
    return threads > 1 && fits && kernel->tasks(desc) > 1 && lw_row_ns(row, desc) >= worth_sharing ? threads
                                                                                                   : 1;
}

lw_status lw_plan_build(struct lw_plan *plan, const struct lw_row *row, const lw_desc *desc,
                        const float *weights, const float *bias, lw_pool *pool, size_t max_workspace,
                        lw_error *err) {
    const struct lw_kernel *k = row->kernel;
    *plan = (struct lw_plan){.desc = *desc, .row = *row, .tasks = k->tasks(desc)};
    plan->threads = lw_row_threads(row, desc, pool ? lw_pool_threads(pool) : 1, max_workspace);
    plan->pool = plan->threads > 1 ? pool : NULL;
    plan->chunks = lw_min(plan->tasks, (int64_t)CHUNKS_PER_THREAD * plan->threads);
    size_t all;
    if (!lw_row_packed_bytes(k, desc, &plan->packed_bytes) ||
        !lw_row_thread_workspace(k, desc, &plan->thread_workspace) ||
        __builtin_mul_overflow(plan->thread_workspace, (size_t)plan->threads, &all))
        return lw_fail(err, LW_ERR_OVERFLOW, "%s: its sizes overflow the address range", k->name);
    if (!plan->packed_bytes) return LW_OK;
    plan->packed = lw_aligned_alloc(plan->packed_bytes);
    if (!plan->packed)
        return lw_fail(err, LW_ERR_NO_MEMORY, "no memory for %zu bytes of packed weights",
                       plan->packed_bytes);
    k->pack(&plan->desc, weights, bias, plan->packed);
    return LW_OK;
}

static lw_status check_tensors(const lw_desc *d, const float *weights, const float *bias, lw_error *err) {
    bool has_weights = d->op == LW_CONV || d->op == LW_LINEAR;
    if (has_weights && !weights)
        return lw_fail(err, LW_ERR_INVALID, "weights is NULL, but %s needs them", lw_op_name(d->op));
    if (d->bias && !bias)
        return lw_fail(err, LW_ERR_INVALID, "bias is NULL, but the descriptor says that there is one");
    return LW_OK;
}

static lw_status create(lw_plan *plan, const lw_desc *desc, const float *weights, const float *bias,
                        struct lw_request *request, lw_error *err) {
    struct lw_selection selection;
    lw_pool *own = NULL;
    lw_status status = LW_OK;
    if (!request->pool && request->opt.threads > 1) {
        status = lw_pool_create(&own, request->opt.threads, err);
        request->pool = own;
    }
    if (status != LW_OK) return status;
    status = lw_select(request, &selection, err);
    if (status == LW_OK)
        status = lw_plan_build(plan, &selection.list[selection.chosen].row, desc, weights,
                               desc->bias ? bias : NULL, request->pool, request->opt.max_workspace, err);
    free(selection.list);
    plan->rule = selection.rule;
    plan->owns_pool = status == LW_OK && own && plan->pool == own;
    if (!plan->owns_pool) /* failed, or too small to share */
        lw_pool_destroy(own);
    return status;
}

lw_status lw_plan_create(lw_plan **plan, const lw_desc *desc, const float *weights, const float *bias,
                         const lw_options *opt, lw_error *err) {
    struct lw_request request;
    if (!plan) return lw_fail(err, LW_ERR_INVALID, "the pointer to the plan is NULL");
    *plan = NULL;
    lw_status status = lw_request_init(&request, desc, opt, err);
    if (status == LW_OK) status = check_tensors(desc, weights, bias, err);
    if (status != LW_OK) return status;
    lw_plan *p = calloc(1, sizeof *p);
    if (!p) return lw_fail(err, LW_ERR_NO_MEMORY, "no memory for a plan");
    status = create(p, desc, weights, bias, &request, err);
    if (status != LW_OK) {
        lw_plan_destroy(p);
        return status;
    }
    *plan = p;
    return lw_succeed(err);
}

void lw_plan_destroy(lw_plan *plan) {
    if (!plan) return;
    if (plan->owns_pool) lw_pool_destroy(plan->pool);
    free(plan->packed);
    free(plan);
}

size_t lw_plan_workspace(const lw_plan *plan) {
    return plan ? plan->thread_workspace * (size_t)plan->threads : 0;
}
size_t lw_plan_packed_bytes(const lw_plan *plan) { return plan ? plan->packed_bytes : 0; }
const char *lw_plan_kernel(const lw_plan *plan) { return plan ? plan->row.kernel->name : ""; }
const char *lw_plan_rule(const lw_plan *plan) { return plan ? plan->rule : ""; }

/* ---- execution ----------------------------------------------------------------------------------------- */

struct execution {
    struct lw_call call;
    const lw_plan *plan;
    char *workspace;
};

static void run_chunk(void *arg, int64_t chunk, int worker) {
    const struct execution *e = arg;
    const lw_plan *p = e->plan;
    /* The first `longer` chunks take one task more. */
    int64_t size = p->tasks / p->chunks, longer = p->tasks % p->chunks;
    int64_t begin = chunk * size + lw_min(chunk, longer);
    int64_t end = begin + size + (chunk < longer);
    void *workspace = e->workspace ? e->workspace + (size_t)worker * p->thread_workspace : NULL;
    p->row.kernel->run(&e->call, begin, end, workspace);
}

lw_status lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace) {
    if (!plan || !src || !dst || ((uintptr_t)src | (uintptr_t)dst) % sizeof(float) ||
        (plan->thread_workspace && (!workspace || (uintptr_t)workspace % LW_ALIGN)))
        return LW_ERR_INVALID;
    struct execution e = {
        {&plan->desc, plan->packed, src, dst}, plan, plan->thread_workspace ? workspace : NULL};
    for (int t = 0; plan->thread_workspace && t < plan->threads; t++)
        memset(e.workspace + (size_t)t * plan->thread_workspace, 0, LW_HELD);
    if (plan->pool)
        lw_pool_run(plan->pool, plan->chunks, run_chunk, &e);
    else
        plan->row.kernel->run(&e.call, 0, plan->tasks, e.workspace);
    return LW_OK;
}
