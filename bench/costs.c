#include "costs.h"

#include <stdlib.h>

/* Executions and weights larger than these aren't compared. */
#define LONGEST     2e-3
#define MOST_PACKED ((size_t)4 << 20)

/* Turns N(0,1) data into denormals: up to 5 sigma lie below 2^-126. */
#define DENORMAL 0x1p-129f

/* Median time of a over that of b, the session's own subject. */
static double compare(struct bench_session *s, struct bench_subject *a) {
    static const struct bench_sampling sampling = {
        .sample_seconds = 0.2e-3, .seconds = 10e-3, .least = 3, .most = 33, .real_time = true};
    struct bench_side b = bench_subject_side(&s->subject), side = bench_subject_side(a);
    return bench_time_pair(&side, &b, s->set_up->seconds, &sampling).ratio;
}

static bool is_long(const struct bench_session *s) {
    return s->set_up->seconds > LONGEST || lw_plan_packed_bytes(s->subject.plan) > MOST_PACKED;
}

static double reproducible_cost(struct bench_session *s, const struct bench_case *c) {
    struct bench_subject twin;
    char why[BENCH_WHY];
    if (c->row.reproducible || s->reproducible) return 1;
    if (is_long(s)) return 0;
    double cost = bench_subject_make(&twin, c, &s->data, true, why) ? compare(s, &twin) : 0;
    bench_subject_free(&twin);
    return cost;
}

static float *scaled(const float *data, size_t count, float factor) {
    float *copy = bench_floats(count);
    for (size_t i = 0; copy && i < count; i++)
        copy[i] = data[i] * factor;
    return copy;
}

static bool denormal_cost(struct bench_session *s, struct bench_case *c) {
    const lw_desc *d = &c->desc;
    const struct lw_verify_options sampled = {
        .seed = 2, .max_outputs = 2000, .max_macs = 2000000, .spread = c->row.spread};
    if (is_long(s)) return true;
    struct bench_data data = s->data;
    struct bench_subject tiny = {0};
    double error;
    bool wrong = false;
    data.src = scaled(s->data.src, lw_tensor_floats(LW_NCHW, d->batch, d->ic, d->ih, d->iw), DENORMAL);
    data.bias = scaled(s->data.bias, d->bias ? (size_t)d->oc : 0, DENORMAL);
    bool made = data.src && data.bias;
    if (!made) snprintf(s->failure, sizeof s->failure, "not possible here: out of memory");
    bool good = made && bench_subject_make(&tiny, c, &data, s->reproducible, s->failure);
    if (good) {
        bench_subject_run(&tiny);
        good = bench_subject_check(&tiny, &sampled, &error, &wrong, s->failure);
        s->wrong += wrong;
    }
    if (good) c->denormal_x = compare(s, &tiny);
    bench_subject_free(&tiny);
    free(data.src);
    free(data.bias);
    return good;
}

bool bench_costs(struct bench_session *s, struct bench_case *c) {
    c->reproducible_x = c->denormal_x = 0;
    if (c->peer) return true;
    c->reproducible_x = reproducible_cost(s, c);
    return denormal_cost(s, c);
}
