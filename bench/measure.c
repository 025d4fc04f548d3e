#include "measure.h"

#include "costs.h"
#include "peak.h"

/* The FMA peak is sampled for this long before and after each timing, so that changes of the clock cancel. */
#define PEAK_SECONDS 2e-3

/* Executions that take longer than this need no warm-up. */
#define COLD_SECONDS 20e-3

/* ---- set-up -------------------------------------------------------------------------------------------- */

void bench_session_free(struct bench_session *s) {
    bench_subject_free(&s->subject);
    bench_data_free(&s->data);
    s->set_up = NULL;
}

static bool fail(struct bench_session *s, const char *text) {
    snprintf(s->failure, sizeof s->failure, "%s", text);
    return false;
}

static bool make_ready(struct bench_session *s, const struct bench_case *c) {
    if (s->data.problem != c->problem) {
        bench_data_free(&s->data);
        if (!bench_data_make(&s->data, c->problem)) return fail(s, "not possible here: out of memory");
    }
    return bench_subject_make(&s->subject, c, &s->data, s->reproducible, s->failure);
}

static bool set_up(struct bench_session *s, const struct bench_case *c) {
    bool wrong = false;
    s->failure[0] = '\0';
    bench_subject_free(&s->subject);
    s->set_up = c;
    if (s->deadline > 0 && cli_seconds() > s->deadline) {
        s->late++;
        return fail(s, "left out: the time of the quick matrix is over");
    }
    bool good = make_ready(s, c) &&
                bench_subject_first_run(&s->subject, &s->seconds, &s->err_over_bound, &wrong, s->failure);
    if (!good) *(wrong ? &s->wrong : &s->impossible) += 1;
    return good && bench_costs(s, c);
}

/* ---- timing -------------------------------------------------------------------------------------------- */

static double time_subject(lw_gbench_state *state, struct bench_subject *subject, bool real_time) {
    double start = 0;
    bool running = lw_gbench_next(state);
    start = bench_clock(real_time);
    for (; running; running = lw_gbench_next(state))
        bench_subject_run(subject);
    double end = bench_clock(real_time);
    return (end - start) / (double)lw_gbench_iterations(state);
}

static void describe(lw_gbench_state *state, const struct bench_subject *s) {
    const struct bench_case *c = s->c;
    const lw_desc *d = &c->desc;
    char label[160], layouts[40];
    if (c->peer)
        snprintf(layouts, sizeof layouts, "%s", bench_peer_layout(c));
    else
        snprintf(layouts, sizeof layouts, "%s>%s", lw_layout_name(d->src_layout),
                 lw_layout_name(d->dst_layout));
    snprintf(label, sizeof label, "%s%s%s%s%s", layouts, d->relu ? " relu" : "", d->pool2x2 ? " pool2x2" : "",
             s->op ? " " : "", s->op ? s->op->how : "");
    lw_gbench_label(state, label);
}

void bench_measure(lw_gbench_state *state, void *arg) {
    struct bench_case *c = arg;
    struct bench_session *s = c->session;
    if (s->set_up != c) {
        cli_progress("[%zu/%zu] %s", ++s->started, s->cases->count, c->name);
        bool good = set_up(s, c);
        cli_progress_clear();
        if (!good) lw_gbench_fail(state, s->failure);
        if (!good) return;
    } else if (*s->failure) {
        lw_gbench_fail(state, s->failure);
        return;
    }
    double before = lw_measure_peak_gflops_threads(c->isa_index, PEAK_SECONDS, c->threads);
    if (s->seconds < COLD_SECONDS) bench_subject_run(&s->subject);
    double seconds = time_subject(state, &s->subject, c->threads > 1);
    double after = lw_measure_peak_gflops_threads(c->isa_index, PEAK_SECONDS, c->threads);
    double peak = (before + after) / 2, gflops = 1e-9 * bench_flops(&c->desc) / seconds;
    lw_gbench_counter(state, "gflops", gflops);
    lw_gbench_counter(state, "peak_pct", peak > 0 ? 100 * gflops / peak : 0);
    lw_gbench_counter(state, "bytes_per_second", bench_bytes(&c->desc) / seconds);
    lw_gbench_counter(state, "err_over_bound", s->err_over_bound);
    lw_gbench_counter(state, "reproducible_x", s->reproducible_x);
    lw_gbench_counter(state, "denormal_x", s->denormal_x);
    describe(state, &s->subject);
}
