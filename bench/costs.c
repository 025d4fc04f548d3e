#include "costs.h"

#include <math.h>
#include <stdlib.h>
#include "reference/verify.h"

/* A comparison takes about this long; executions and weights larger than these aren't compared. */
#define COST_SECONDS   10e-3
#define SAMPLE_SECONDS 0.2e-3
#define LONGEST        2e-3
#define MOST_PACKED    ((size_t)4 << 20)
enum { SAMPLES = 33 };

/* Turns N(0,1) data into denormals: up to 5 sigma lie below 2^-126. */
#define DENORMAL 0x1p-129f

static float *scaled(const float *data, size_t count, float factor) {
    float *copy = bench_floats(count);
    for (size_t i = 0; copy && i < count; i++)
        copy[i] = data[i] * factor;
    return copy;
}

/* ---- two executions ------------------------------------------------------------------------------------ */

struct side {
    lw_plan *plan;
    const float *src;
    void *workspace;
    double seconds[SAMPLES];
};

static bool make_side(struct side *side, const struct bench_session *s, const struct bench_case *c,
                      const float *bias, bool reproducible, const float *src) {
    lw_options opt = lw_default_options();
    opt.kernel = c->row.name;
    opt.threads = c->threads;
    opt.reproducible = reproducible;
    *side = (struct side){.src = src};
    const float *weights = lw_weight_floats(&c->desc) > 0 ? s->weights : NULL;
    if (lw_plan_create(&side->plan, &c->desc, weights, c->desc.bias ? bias : NULL, &opt, NULL) != LW_OK)
        return false;
    side->workspace = aligned_alloc(64, (lw_plan_workspace(side->plan) + 127) / 64 * 64);
    return side->workspace != NULL;
}

static void free_side(struct side *side) {
    lw_plan_destroy(side->plan);
    free(side->workspace);
}

static double sample(const struct side *side, float *dst, int64_t executions) {
    double start = cli_seconds();
    for (int64_t i = 0; i < executions; i++)
        lw_plan_execute(side->plan, side->src, dst, side->workspace);
    return cli_seconds() - start;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median time of a over median time of b. `seconds`: of one execution of b. */
static double compare(struct side *a, struct side *b, float *dst, double seconds) {
    int64_t executions = (int64_t)(SAMPLE_SECONDS / fmax(seconds, 50e-9)) + 1;
    double start = cli_seconds();
    size_t count = 0;
    sample(a, dst, 1);
    for (; count < SAMPLES && (count < 3 || cli_seconds() - start < COST_SECONDS); count++) {
        a->seconds[count] = sample(a, dst, executions);
        b->seconds[count] = sample(b, dst, executions);
        if (a->seconds[count] > COST_SECONDS) { /* far slower: once is enough */
            count++;
            break;
        }
    }
    qsort(a->seconds, count, sizeof *a->seconds, by_value);
    qsort(b->seconds, count, sizeof *b->seconds, by_value);
    return a->seconds[count / 2] / b->seconds[count / 2];
}

/* ---- the two costs ------------------------------------------------------------------------------------- */

static double reproducible_cost(const struct bench_session *s, const struct bench_case *c) {
    struct side twin, own = {s->plan, s->src, s->workspace, {0}};
    if (c->row.reproducible || s->reproducible) return 1;
    if (s->seconds > LONGEST || lw_plan_packed_bytes(s->plan) > MOST_PACKED) return 0;
    bool made = make_side(&twin, s, c, s->bias, true, s->src);
    double cost = made ? compare(&twin, &own, s->dst, s->seconds) : 0;
    free_side(&twin);
    return cost;
}

static bool is_right(struct bench_session *s, const struct bench_case *c, struct side *side,
                     const float *src_nchw, const float *bias) {
    const struct lw_verify_options sampled = {
        .seed = 2, .max_outputs = 2000, .max_macs = 2000000, .spread = c->row.spread};
    struct lw_verify_result result = {0};
    lw_plan_execute(side->plan, side->src, s->dst, side->workspace);
    lw_verify_output(&c->desc, src_nchw, s->weights, bias, s->dst, lw_kernel_bound(c->row.name, &c->desc),
                     &sampled, &result);
    if (result.status == LW_OK && result.ok) return true;
    snprintf(s->failure, sizeof s->failure, "wrong result on denormals %s", result.worst);
    s->wrong++;
    return false;
}

static bool denormal_cost(struct bench_session *s, const struct bench_case *c) {
    const lw_desc *d = &c->desc;
    s->denormal_x = 0;
    if (s->seconds > LONGEST || lw_plan_packed_bytes(s->plan) > MOST_PACKED) return true;
    struct side tiny = {0}, own = {s->plan, s->src, s->workspace, {0}};
    float *src = scaled(s->src_nchw, lw_tensor_floats(LW_NCHW, d->batch, d->ic, d->ih, d->iw), DENORMAL);
    float *bias = scaled(s->bias, d->bias ? (size_t)d->oc : 0, DENORMAL),
          *moved = bench_floats(lw_src_floats(d));
    bool good = src && bias && moved && make_side(&tiny, s, c, bias, s->reproducible, moved);
    if (!good) snprintf(s->failure, sizeof s->failure, "not possible here: out of memory");
    if (good) {
        lw_convert_layout(src, LW_NCHW, moved, d->src_layout, d->batch, d->ic, d->ih, d->iw);
        good = is_right(s, c, &tiny, src, bias);
    }
    if (good) s->denormal_x = compare(&tiny, &own, s->dst, s->seconds);
    free_side(&tiny);
    free(src);
    free(bias);
    free(moved);
    return good;
}

bool bench_costs(struct bench_session *s, const struct bench_case *c) {
    s->reproducible_x = reproducible_cost(s, c);
    return denormal_cost(s, c);
}
