/* One problem's race: see tune.h. */
#include "tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch/race.h"
#include "reference/verify.h"

/* Quick tuning doesn't time rows whose estimate is so many times the best one. */
#define FAR_BEHIND 6.0
/* Rows that take up to so many times as long as the fastest race again. */
#define CLOSE 1.2

static const struct lw_race_rules efforts[] = {
    [TUNE_QUICK] = {.sample_ns = 100e3, .budget_ns = 1e9, .most = 32, .cold = 2},
    [TUNE_FULL] = {.sample_ns = 300e3, .budget_ns = 4e9, .most = LW_RACE_MOST, .cold = 5},
    [TUNE_EXHAUSTIVE] = {.sample_ns = 200e3, .budget_ns = 4e9, .most = 32, .keep = true},
};

struct runner {
    struct tune_session *session;
    const struct tune_task *task;
    const lw_candidate *row;
    lw_plan *plan;
    const float *src;
    float *dst;
    void *workspace;
};

struct field {
    lw_explanation *why;
    float *src, *dst;
    struct runner runners[256];
    size_t count;
    double bytes; /* that are in use */
};

static void execute(void *arg) {
    const struct runner *r = arg;
    lw_plan_execute(r->plan, r->src, r->dst, r->workspace);
}

/* ---- data ---------------------------------------------------------------------------------------------- */

void tune_session_free(struct tune_session *s) {
    bench_data_free(&s->data);
    lw_pool_destroy(s->opt.pool);
    s->opt.pool = NULL;
}

static bool make_data(struct tune_session *s, const struct bench_problem *p) {
    if (s->data.problem == p) return true;
    bench_data_free(&s->data);
    if (bench_data_make(&s->data, p)) return true;
    bench_data_free(&s->data);
    return false;
}

static bool make_tensors(struct tune_session *s, const struct tune_task *t, struct field *f) {
    const lw_desc *d = &t->desc;
    f->bytes =
        sizeof(float) * ((double)lw_tensor_floats(LW_NCHW, d->batch, d->ic, d->ih, d->iw) +
                         (double)lw_src_floats(d) + (double)lw_dst_floats(d) + (double)lw_weight_floats(d));
    if (!bench_fits_memory(f->bytes) || !make_data(s, t->problem)) return false;
    f->src = bench_floats(lw_src_floats(d));
    f->dst = bench_floats(lw_dst_floats(d));
    if (!f->src || !f->dst) return false;
    lw_convert_layout(s->data.src, LW_NCHW, f->src, d->src_layout, d->batch, d->ic, d->ih, d->iw);
    return true;
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static void runner_free(struct runner *r) {
    lw_plan_destroy(r->plan);
    free(r->workspace);
}

/* Runs the plan that will race, on a destination of NaN: what isn't written is wrong. */
static bool is_right(struct tune_session *s, const struct tune_task *t, struct runner *r) {
    static const struct lw_verify_options sampled = {.seed = 1, .max_outputs = 4000, .max_macs = 4000000};
    struct lw_verify_options options = sampled;
    struct lw_verify_result result = {0};
    lw_kernel_info info;
    for (size_t i = 0; lw_kernel_get(i, &info) == LW_OK; i++)
        if (strcmp(info.name, r->row->kernel) == 0) options.spread = info.spread;
    size_t count = lw_dst_floats(&t->desc);
    for (size_t i = 0; i < count; i++)
        r->dst[i] = NAN;
    execute(r);
    lw_verify_output(&t->desc, s->data.src, s->data.weights, s->data.bias, r->dst,
                     lw_kernel_bound(r->row->kernel, &t->desc), &options, &result);
    if (result.status == LW_OK && result.ok) return true;
    s->wrong += result.status == LW_OK;
    cli_note("%s on %s: %s%s", r->row->kernel, t->problem->name,
             result.status == LW_OK ? "wrong result " : "not compared: ",
             result.status == LW_OK ? result.worst : result.error.text);
    return false;
}

/* Plan and workspace. */
static bool make_plan(struct runner *r, lw_error *err) {
    const struct tune_session *s = r->session;
    const lw_desc *d = &r->task->desc;
    lw_options opt = s->opt;
    opt.kernel = r->row->kernel;
    r->plan = NULL, r->workspace = NULL;
    if (lw_plan_create(&r->plan, d, lw_weight_floats(d) > 0 ? s->data.weights : NULL,
                       d->bias ? s->data.bias : NULL, &opt, err) == LW_OK)
        r->workspace = aligned_alloc(64, (lw_plan_workspace(r->plan) + 127) / 64 * 64);
    return r->workspace != NULL;
}

/* The new ones are made before the old ones go, or they would be in the same place, and behind a gap that is
 * another one each time, or they would take turns between two. */
static void move_runner(void *arg) {
    struct runner *r = arg, moved = *r;
    lw_error err;
    void *gap = malloc((size_t)(r->session->moves++ * 7 % 61 + 1) * 1088);
    if (make_plan(&moved, &err)) {
        runner_free(r);
        *r = moved;
    } else
        runner_free(&moved);
    free(gap);
}

static bool start_runner(struct tune_session *s, const struct tune_task *t, struct field *f,
                         const lw_candidate *row, bool verified) {
    struct runner *r = &f->runners[f->count];
    *r = (struct runner){.session = s, .task = t, .row = row, .src = f->src, .dst = f->dst};
    lw_error err = {0};
    double bytes = (double)row->packed_bytes + (double)row->workspace_bytes;
    if (!bench_fits_memory(f->bytes + 2 * bytes) || !make_plan(r, &err))
        cli_note("%s on %s: not timed: %s", row->kernel, t->problem->name, *err.text ? err.text : "memory");
    if (!r->workspace || (!verified && !is_right(s, t, r))) {
        runner_free(r);
        return false;
    }
    f->bytes += bytes;
    f->count++;
    return true;
}

/* The row that the estimate likes best is the yardstick for the others. */
static void start_runners(struct tune_session *s, const struct tune_task *t, struct field *f) {
    for (size_t i = 0; i < f->why->count && f->count < CLI_COUNT(f->runners) && !*s->stop; i++) {
        const lw_candidate *c = &f->why->candidates[i];
        if (c->eligible && (s->effort != TUNE_QUICK || c->ns <= FAR_BEHIND * t->guess_ns))
            start_runner(s, t, f, c, false);
    }
}

static double fastest(const lw_decision *d) {
    double ns = INFINITY;
    for (size_t i = 0; i < d->count; i++)
        ns = fmin(ns, d->rows[i].ns);
    return ns;
}

static bool is_among(const lw_timing *rows, size_t count, double most_ns, const char *kernel) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].kernel, kernel) == 0) return rows[i].ns <= most_ns;
    return false;
}

/* Those that were close in the race before, which has seen that they are right. */
static void start_close(struct tune_session *s, const struct tune_task *t, struct field *f,
                        const lw_decision *before) {
    const double most = CLOSE * fastest(before);
    for (size_t i = 0; i < f->why->count && f->count < CLI_COUNT(f->runners) && !*s->stop; i++)
        if (is_among(before->rows, before->count, most, f->why->candidates[i].kernel))
            start_runner(s, t, f, &f->why->candidates[i], true);
}

/* ---- the race ------------------------------------------------------------------------------------------ */

static void report(const struct tune_session *s, const struct tune_task *t, const struct field *f,
                   const struct lw_racer *racers, const size_t *order, struct tune_result *out) {
    *out = (struct tune_result){0};
    lw_desc_text(&t->desc, out->problem, sizeof out->problem);
    lw_decision *d = &out->decision;
    *d = (lw_decision){.problem = out->problem,
                       .max_error = s->opt.max_error,
                       .max_workspace = s->opt.max_workspace,
                       .threads = s->opt.threads,
                       .reproducible = s->opt.reproducible,
                       .full = s->effort != TUNE_QUICK,
                       .count = f->count,
                       .rows = out->rows};
    const struct lw_racer *pick = &racers[order[0]];
    for (size_t i = 0; i < f->count; i++) {
        const struct lw_racer *r = &racers[order[i]];
        const char *kernel = f->runners[order[i]].row->kernel;
        out->rows[i] = (lw_timing){kernel, r->ns, r->ns_low, r->ns_high, r->cold_ns};
        d->tied += r->tied;
        if (strcmp(kernel, t->guess) == 0) out->guess = r->ratio / pick->ratio;
    }
    if (f->count < 2) return;
    const struct lw_racer *next = &racers[order[1]];
    out->next = next->ratio / pick->ratio; /* one of the two is the leader, or both tie with it */
    out->next_low = next->ratio_low / pick->ratio_high;
    out->next_high = next->ratio_high / pick->ratio_low;
}

static enum tune_outcome race(struct tune_session *s, const struct tune_task *t, struct field *f,
                              struct tune_result *out) {
    struct lw_race_rules rules = efforts[s->effort];
    rules.cpu_time = s->opt.threads == 1;
    rules.cold_bytes = s->cold_bytes;
    rules.stop = s->stop;
    struct lw_racer *racers = calloc(f->count, sizeof *racers);
    size_t *order = calloc(f->count, sizeof *order);
    bool ok = racers && order;
    for (size_t i = 0; ok && i < f->count; i++) {
        const lw_candidate *row = f->runners[i].row;
        racers[i].run = execute;
        racers[i].move = move_runner;
        racers[i].arg = &f->runners[i];
        racers[i].memory = row->packed_bytes + row->workspace_bytes;
        racers[i].error = row->rel_l2;
    }
    ok = ok && lw_race(racers, f->count, &rules, order);
    if (ok) report(s, t, f, racers, order, out);
    free(racers);
    free(order);
    if (!ok && !*s->stop) cli_note("%s: not timed: memory", t->problem->name);
    return ok ? TUNE_DONE : *s->stop ? TUNE_STOPPED : TUNE_NOTHING;
}

/* before: of the race that this one repeats, or NULL. */
static enum tune_outcome tune_rows(struct tune_session *s, const struct tune_task *t,
                                   const lw_decision *before, struct tune_result *result) {
    struct field *f = calloc(1, sizeof *f);
    lw_error err = {0};
    enum tune_outcome outcome = TUNE_NOTHING;
    bool ready = f && lw_explain(&f->why, &t->desc, &s->opt, &err) == LW_OK && make_tensors(s, t, f);
    if (ready && before)
        start_close(s, t, f, before);
    else if (ready)
        start_runners(s, t, f);
    if (*s->stop)
        outcome = TUNE_STOPPED;
    else if (!ready)
        cli_note("%s: not timed: %s", t->problem->name, *err.text ? err.text : "memory");
    else if (f->count > 0)
        outcome = race(s, t, f, result);
    for (size_t i = 0; f && i < f->count; i++)
        runner_free(&f->runners[i]);
    if (f) {
        lw_explanation_free(f->why);
        free(f->src);
        free(f->dst);
    }
    free(f);
    return outcome;
}

enum tune_outcome tune_one(struct tune_session *s, const struct tune_task *t, struct tune_result *result) {
    return tune_rows(s, t, NULL, result);
}

bool tune_again(struct tune_session *s, const struct tune_task *t, struct tune_result *result) {
    const lw_decision *before = &result->decision;
    size_t close = 0;
    for (size_t i = 0; i < before->count; i++)
        close += before->rows[i].ns <= CLOSE * fastest(before);
    struct tune_result *later = close > 1 ? malloc(sizeof *later) : NULL;
    bool counts = later && tune_rows(s, t, before, later) == TUNE_DONE && later->decision.count == close &&
                  fastest(&later->decision) < fastest(before);
    if (counts) {
        lw_decision *d = &later->decision;
        for (size_t i = 0; i < before->count; i++)
            if (!is_among(later->rows, close, INFINITY, before->rows[i].kernel))
                later->rows[d->count++] = before->rows[i];
        if (later->guess == 0) later->guess = result->guess;
        *result = *later;
        result->decision.problem = result->problem;
        result->decision.rows = result->rows;
    }
    free(later);
    return counts;
}
