#include <math.h>
#include <stdlib.h>
#include "dispatch/error.h"
#include "dispatch/measure.h"
#include "dispatch/plan.h"
#include "dispatch/race.h"
#include "dispatch/size.h"

/* Times the best estimate: not timed at all. */
static const double far_behind = 4.0;

static const struct lw_race_rules rules = {.sample_ns = 20e3, .budget_ns = 40e6, .most = 40};

struct scratch {
    float *src, *dst, *weights, *bias;
};

struct contender {
    struct lw_plan plan;
    const struct scratch *scratch;
    void *workspace;
    size_t which; /* in the list of rows */
};

/* Small values without denormals, so that no kernel is slowed by what it is fed. */
static float *filled(size_t count) {
    float *data = lw_aligned_alloc(count * sizeof *data);
    for (size_t i = 0; data && i < count; i++)
        data[i] = (float)(int)(i * 2654435761u >> 16 & 255) / 256.0f - 0.5f;
    return data;
}

static void scratch_free(struct scratch *s) {
    free(s->src);
    free(s->dst);
    free(s->weights);
    free(s->bias);
}

static bool scratch_alloc(struct scratch *s, const lw_desc *d) {
    s->weights = filled(lw_weight_floats(d));
    s->bias = filled((size_t)d->oc);
    s->dst = filled(lw_dst_floats(d));
    float *nchw = filled(lw_tensor_floats(LW_NCHW, d->batch, d->ic, d->ih, d->iw));
    s->src = filled(lw_src_floats(d));
    bool ok = s->weights && s->bias && s->dst && s->src && nchw;
    if (ok) /* by way of NCHW, so that a blocked source has its zero lanes */
        lw_convert_layout(nchw, LW_NCHW, s->src, d->src_layout, d->batch, d->ic, d->ih, d->iw);
    free(nchw);
    return ok;
}

static void execute(void *arg) {
    const struct contender *c = arg;
    lw_plan_execute(&c->plan, c->scratch->src, c->scratch->dst, c->workspace);
}

static void contender_free(struct contender *c) {
    free(c->plan.packed);
    free(c->workspace);
}

static lw_status contender_init(struct contender *c, const struct lw_request *r, const struct lw_row *row,
                                const struct scratch *s, lw_error *err) {
    c->scratch = s;
    lw_status status = lw_plan_build(&c->plan, row, r->desc, s->weights, r->desc->bias ? s->bias : NULL,
                                     r->pool, r->opt.max_workspace, err);
    if (status != LW_OK) return status;
    c->workspace = lw_aligned_alloc(lw_plan_workspace(&c->plan));
    if (!c->workspace) return lw_fail(err, LW_ERR_NO_MEMORY, "no memory to measure %s", row->kernel->name);
    return LW_OK;
}

static lw_status race(struct contender *contenders, size_t count, struct lw_considered *list, size_t *chosen,
                      lw_error *err) {
    struct lw_racer *racers = calloc(count, sizeof *racers);
    size_t *order = calloc(count, sizeof *order);
    bool ok = racers && order;
    for (size_t i = 0; ok && i < count; i++) {
        const lw_candidate *c = &list[contenders[i].which].c;
        racers[i].run = execute;
        racers[i].arg = &contenders[i];
        racers[i].memory = c->packed_bytes + c->workspace_bytes;
        racers[i].error = c->rel_l2;
    }
    ok = ok && lw_race(racers, count, &rules, order);
    for (size_t i = 0; ok && i < count; i++) {
        lw_candidate *c = &list[contenders[i].which].c;
        c->ns = racers[i].ns;
        c->ns_low = racers[i].ns_low;
        c->ns_high = racers[i].ns_high;
        c->source = "measured";
    }
    if (ok) *chosen = contenders[order[0]].which;
    free(racers);
    free(order);
    return ok ? LW_OK : lw_fail(err, LW_ERR_NO_MEMORY, "no memory to measure kernels");
}

lw_status lw_measure(const struct lw_request *request, struct lw_considered *list, size_t count,
                     size_t *chosen, lw_error *err) {
    struct scratch s = {0};
    double best = INFINITY;
    size_t started = 0;
    lw_status status = LW_OK;
    struct contender *contenders = calloc(count, sizeof *contenders);
    if (!contenders || !scratch_alloc(&s, request->desc))
        status = lw_fail(err, LW_ERR_NO_MEMORY, "no memory for scratch data to measure on");
    for (size_t i = 0; i < count; i++)
        if (list[i].c.eligible) best = fmin(best, list[i].c.ns);
    for (size_t i = 0; status == LW_OK && i < count; i++) {
        if (!list[i].c.eligible || list[i].c.ns > far_behind * best) continue;
        contenders[started].which = i;
        status = contender_init(&contenders[started++], request, &list[i].row, &s, err);
    }
    if (status == LW_OK) status = race(contenders, started, list, chosen, err);
    for (size_t i = 0; i < started; i++)
        contender_free(&contenders[i]);
    scratch_free(&s);
    free(contenders);
    return status;
}
