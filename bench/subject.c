#include "subject.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- making -------------------------------------------------------------------------------------------- */

static bool fits_memory(const lw_desc *d, char why[BENCH_WHY]) {
    double needed = sizeof(float) * (2.0 * (double)lw_src_floats(d) + (double)lw_dst_floats(d) +
                                     3.0 * (double)lw_weight_floats(d));
    if (bench_fits_memory(needed)) return true;
    snprintf(why, BENCH_WHY,
             "not possible here: its tensors need %.0f MB, half of the memory is %.0f MB (see --mb)",
             needed / 1e6, bench_memory() / 2e6);
    return false;
}

static bool make_plan(struct bench_subject *s, bool reproducible, char why[BENCH_WHY]) {
    const struct bench_case *c = s->c;
    const lw_desc *d = &c->desc;
    lw_options opt = lw_default_options();
    lw_error err = {0};
    opt.kernel = c->row.name;
    opt.threads = c->threads;
    opt.reproducible = reproducible;
    if (lw_plan_create(&s->plan, d, lw_weight_floats(d) > 0 ? s->data->weights : NULL,
                       d->bias ? s->data->bias : NULL, &opt, &err) != LW_OK) {
        snprintf(why, BENCH_WHY, "not possible here: %s", err.text);
        return false;
    }
    s->src = bench_floats(lw_src_floats(d));
    s->workspace = aligned_alloc(64, (lw_plan_workspace(s->plan) + 127) / 64 * 64);
    if (!s->src || !s->workspace) return false;
    lw_convert_layout(s->data->src, LW_NCHW, s->src, d->src_layout, d->batch, d->ic, d->ih, d->iw);
    return true;
}

static bool make_op(struct bench_subject *s, char why[BENCH_WHY]) {
    const struct bench_case *c = s->c;
    struct lw_peer_problem problem = {&c->desc, s->data->weights, s->data->bias, c->threads, NULL};
    char reason[LW_PEER_TEXT];
    s->op = c->peer->create(c->peer_row, &problem, reason);
    if (!s->op) snprintf(why, BENCH_WHY, "not possible here: %s", reason);
    if (s->op) c->peer->load(s->op, s->data->src);
    return s->op != NULL;
}

bool bench_subject_make(struct bench_subject *s, const struct bench_case *c, const struct bench_data *data,
                        bool reproducible, char why[BENCH_WHY]) {
    *s = (struct bench_subject){.c = c, .data = data};
    *why = '\0';
    if (!fits_memory(&c->desc, why)) return false;
    s->dst = bench_floats(lw_dst_floats(&c->desc));
    bool good = s->dst && (c->peer ? make_op(s, why) : make_plan(s, reproducible, why));
    if (!good && !*why) snprintf(why, BENCH_WHY, "not possible here: out of memory");
    return good;
}

void bench_subject_free(struct bench_subject *s) {
    if (s->op) s->c->peer->destroy(s->op);
    lw_plan_destroy(s->plan);
    free(s->src);
    free(s->dst);
    free(s->workspace);
    *s = (struct bench_subject){0};
}

/* ---- running ------------------------------------------------------------------------------------------- */

void bench_subject_run(void *subject) {
    const struct bench_subject *s = subject;
    if (s->op)
        s->c->peer->run(s->op);
    else
        lw_plan_execute(s->plan, s->src, s->dst, s->workspace);
}

double bench_subject_bytes(const struct bench_subject *s) {
    const lw_desc *d = &s->c->desc;
    if (!s->plan) return bench_bytes(d);
    return sizeof(float) * (double)(lw_src_floats(d) + lw_dst_floats(d)) +
           (double)(lw_plan_packed_bytes(s->plan) + lw_plan_workspace(s->plan));
}

struct bench_side bench_subject_side(struct bench_subject *s) {
    return (struct bench_side){bench_subject_run, s};
}

/* A peer publishes no bound: it is held to the loosest one of our scalar rows of the same kind. */
static double bound(const struct bench_subject *s) {
    const lw_desc *d = &s->c->desc;
    if (!s->op) return lw_kernel_bound(s->c->row.name, d);
    lw_kernel_info row;
    double most = -1;
    for (size_t i = 0; lw_kernel_get(i, &row) == LW_OK; i++) {
        bool alike = row.op == d->op && (row.spread > 0) == s->op->winograd;
        if (!alike || strcmp(row.isa, "scalar") != 0 || lw_kernel_accepts(row.name, d, NULL) != LW_OK)
            continue;
        most = fmax(most, lw_kernel_bound(row.name, d));
    }
    return most;
}

bool bench_subject_check(struct bench_subject *s, const struct lw_verify_options *opt, double *err_over_bound,
                         bool *wrong, char why[BENCH_WHY]) {
    struct lw_verify_result result = {0};
    if (s->op) s->c->peer->store(s->op, s->dst);
    lw_verify_output(&s->c->desc, s->data->src, s->data->weights, s->data->bias, s->dst, bound(s), opt,
                     &result);
    *err_over_bound = result.err_over_bound;
    s->rel_l2 = result.rel_l2;
    *wrong = result.status == LW_OK && !result.ok;
    if (result.status != LW_OK)
        snprintf(why, BENCH_WHY, "not possible here: %s", result.error.text);
    else if (*wrong)
        snprintf(why, BENCH_WHY, "wrong result %s", result.worst);
    return result.status == LW_OK && result.ok;
}

bool bench_subject_first_run(struct bench_subject *s, double *seconds, double *err_over_bound, bool *wrong,
                             char why[BENCH_WHY]) {
    static const struct lw_verify_options sampled = {.seed = 1, .max_outputs = 20000, .max_macs = 20000000};
    size_t count = lw_dst_floats(&s->c->desc);
    for (size_t i = 0; i < count; i++)
        s->dst[i] = NAN; /* what isn't written is wrong */
    double start = cli_seconds();
    bench_subject_run(s);
    s->first_seconds = cli_seconds() - start;
    start = cli_seconds();
    bench_subject_run(s);
    *seconds = cli_seconds() - start;
    return bench_subject_check(s, &sampled, err_over_bound, wrong, why);
}
