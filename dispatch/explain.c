#include <stdlib.h>
#include "dispatch/error.h"
#include "dispatch/select.h"

static lw_status copy_out(lw_explanation **out, const struct lw_selection *s, lw_error *err) {
    lw_explanation *e = calloc(1, sizeof *e);
    if (e) e->candidates = calloc(s->count + 1, sizeof *e->candidates);
    if (!e || !e->candidates) {
        free(e);
        return lw_fail(err, LW_ERR_NO_MEMORY, "no memory for an explanation");
    }
    e->rule = s->rule;
    e->count = s->count;
    for (size_t i = 0; i < s->count; i++)
        e->candidates[i] = s->list[i].c;
    if (s->chosen < s->count) e->chosen = e->candidates[s->chosen].kernel;
    *out = e;
    return LW_OK;
}

lw_status lw_explain(lw_explanation **out, const lw_desc *desc, const lw_options *opt, lw_error *err) {
    return lw_explain_for(out, &lw_target_here, desc, opt, err);
}

lw_status lw_explain_for(lw_explanation **out, const struct lw_target *target, const lw_desc *desc,
                         const lw_options *opt, lw_error *err) {
    struct lw_request request;
    struct lw_selection selection;
    lw_pool *own = NULL;
    if (!out) return lw_fail(err, LW_ERR_INVALID, "the pointer to the explanation is NULL");
    *out = NULL;
    lw_status status = lw_request_init(&request, desc, opt, err);
    request.target = target;
    if (status == LW_OK && target->elsewhere && request.opt.effort == LW_MEASURE)
        status = lw_fail(err, LW_ERR_INVALID, "another CPU's kernels can't be timed here");
    if (status == LW_OK && !request.pool && request.opt.threads > 1 && request.opt.effort == LW_MEASURE) {
        status = lw_pool_create(&own, request.opt.threads, err);
        request.pool = own;
    }
    if (status != LW_OK) return status;
    status = lw_select(&request, &selection, err);
    if (status == LW_OK || status == LW_ERR_UNSUPPORTED || status == LW_ERR_NO_WISDOM)
        status = copy_out(out, &selection, err);
    free(selection.list);
    lw_pool_destroy(own);
    return status == LW_OK ? lw_succeed(err) : status;
}

void lw_explanation_free(lw_explanation *explanation) {
    if (!explanation) return;
    free(explanation->candidates);
    free(explanation);
}
