#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include "dispatch/error.h"
#include "dispatch/measure.h"
#include "dispatch/plan.h"
#include "dispatch/size.h"

/* Rounds are interleaved (each times every candidate once), so that a slow spell hits all of them alike; the
 * least time counts, since noise only adds. */
enum { MIN_ROUNDS = 3, MAX_ROUNDS = 40 };
static const double total_ns = 40e6;  /* after MIN_ROUNDS, stop here */
static const double sample_ns = 20e3; /* a sample repeats short executions to about this long */
static const double far_behind = 4.0; /* times the best estimate: not timed at all */
static const double hopeless = 2.0;   /* times the best first sample: not timed again */

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct scratch {
    float *src, *dst, *weights, *bias;
};

struct contender {
    struct lw_plan plan;
    void *workspace;
    int64_t repeats;
    int samples;
    double times[MAX_ROUNDS];
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

static double sample(struct contender *c, const struct scratch *s) {
    double start = now_ns();
    for (int64_t i = 0; i < c->repeats; i++)
        lw_plan_execute(&c->plan, s->src, s->dst, c->workspace);
    return (now_ns() - start) / (double)c->repeats;
}

static void contender_free(struct contender *c) {
    free(c->plan.packed);
    free(c->workspace);
}

/* Builds, warms up, and finds how many executions make a sample. */
static lw_status contender_init(struct contender *c, const struct lw_request *r, const struct lw_row *row,
                                const struct scratch *s, lw_error *err) {
    lw_status status = lw_plan_build(&c->plan, row, r->desc, s->weights, r->desc->bias ? s->bias : NULL,
                                     r->pool, r->opt.max_workspace, err);
    if (status != LW_OK) return status;
    c->workspace = lw_aligned_alloc(lw_plan_workspace(&c->plan));
    if (!c->workspace) return lw_fail(err, LW_ERR_NO_MEMORY, "no memory to measure %s", row->kernel->name);
    c->repeats = 1;
    double once = sample(c, s);
    if (once < sample_ns) once = sample(c, s);
    c->repeats = once < sample_ns ? (int64_t)(sample_ns / (once > 50.0 ? once : 50.0)) + 1 : 1;
    return LW_OK;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The time is the least sample; the interval reaches up to the upper quartile. */
static void report(struct contender *c, lw_candidate *out) {
    qsort(c->times, (size_t)c->samples, sizeof *c->times, by_value);
    out->ns = out->ns_low = c->times[0];
    out->ns_high = c->times[(c->samples - 1) * 3 / 4];
}

static void run_rounds(struct contender *list, size_t count, const struct scratch *s) {
    double start = now_ns(), best = INFINITY;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        if (round >= MIN_ROUNDS && now_ns() - start > total_ns) break;
        for (size_t i = 0; i < count; i++) {
            struct contender *c = &list[i];
            if (!c->workspace || (round > 0 && c->times[0] > hopeless * best)) continue;
            c->times[c->samples++] = sample(c, s);
            if (round == 0) best = fmin(best, c->times[0]);
        }
    }
}

lw_status lw_measure(const struct lw_request *request, struct lw_considered *list, size_t count, bool *timed,
                     lw_error *err) {
    struct scratch s = {0};
    double best = INFINITY;
    lw_status status = LW_OK;
    struct contender *contenders = calloc(count, sizeof *contenders);
    if (!contenders || !scratch_alloc(&s, request->desc))
        status = lw_fail(err, LW_ERR_NO_MEMORY, "no memory for scratch data to measure on");
    for (size_t i = 0; i < count; i++)
        if (list[i].c.eligible) best = fmin(best, list[i].c.ns);
    for (size_t i = 0; status == LW_OK && i < count; i++)
        if (list[i].c.eligible && list[i].c.ns <= far_behind * best)
            status = contender_init(&contenders[i], request, &list[i].row, &s, err);
    if (status == LW_OK) run_rounds(contenders, count, &s);
    for (size_t i = 0; contenders && i < count; i++) {
        timed[i] = status == LW_OK && contenders[i].samples > 0;
        if (timed[i]) report(&contenders[i], &list[i].c);
        contender_free(&contenders[i]);
    }
    scratch_free(&s);
    free(contenders);
    return status;
}
