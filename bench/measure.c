#include "measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "costs.h"
#include "peak.h"
#include "reference/fill.h"
#include "reference/verify.h"

/* The FMA peak is sampled for this long before and after each timing, so that changes of the clock cancel. */
#define PEAK_SECONDS 2e-3

/* Executions that take longer than this need no warm-up. */
#define COLD_SECONDS 20e-3

/* ---- set-up -------------------------------------------------------------------------------------------- */

static void free_set_up(struct bench_session *s) {
    lw_plan_destroy(s->plan);
    free(s->src);
    free(s->dst);
    free(s->workspace);
    s->plan = NULL;
    s->src = s->dst = NULL;
    s->workspace = NULL;
    s->set_up = NULL;
}

static void free_data(struct bench_session *s) {
    free(s->src_nchw);
    free(s->weights);
    free(s->bias);
    s->src_nchw = s->weights = s->bias = NULL;
    s->problem = NULL;
}

void bench_session_free(struct bench_session *s) {
    free_set_up(s);
    free_data(s);
}

float *bench_floats(size_t count) {
    return aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64 + (count == 0 ? 64 : 0));
}

static bool fail(struct bench_session *s, const char *text) {
    snprintf(s->failure, sizeof s->failure, "%s", text);
    return false;
}

/* Linux promises more memory than there is and ends the program later: better to refuse. */
static bool fits_memory(struct bench_session *s, const struct bench_case *c) {
    double physical = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    double needed = sizeof(float) * (2.0 * (double)lw_src_floats(&c->desc) + (double)lw_dst_floats(&c->desc) +
                                     3.0 * (double)lw_weight_floats(&c->desc));
    if (physical <= 0 || needed <= physical / 2) return true;
    snprintf(s->failure, sizeof s->failure,
             "not possible here: its tensors need %.0f MB, half of the memory is %.0f MB (see --mb)",
             needed / 1e6, physical / 2e6);
    return false;
}

static bool make_data(struct bench_session *s, const struct bench_problem *p) {
    const lw_desc *d = &p->desc;
    size_t src = lw_tensor_floats(LW_NCHW, d->batch, d->ic, d->ih, d->iw), weights = lw_weight_floats(d);
    size_t bias = d->bias ? (size_t)d->oc : 0;
    s->src_nchw = bench_floats(src);
    s->weights = bench_floats(weights);
    s->bias = bench_floats(bias);
    if (!s->src_nchw || !s->weights || !s->bias) return fail(s, "not possible here: out of memory");
    lw_fill(s->src_nchw, src, LW_FILL_NORMAL, 1);
    lw_fill(s->weights, weights, LW_FILL_NORMAL, 2);
    lw_fill(s->bias, bias, LW_FILL_NORMAL, 3);
    s->problem = p;
    return true;
}

static bool make_plan(struct bench_session *s, struct bench_case *c) {
    const lw_desc *d = &c->desc;
    lw_options opt = lw_default_options();
    lw_error err = {0};
    bool weighted = lw_weight_floats(d) > 0;
    opt.kernel = c->row.name;
    opt.threads = c->threads;
    opt.reproducible = s->reproducible;
    if (lw_plan_create(&s->plan, d, weighted ? s->weights : NULL, d->bias ? s->bias : NULL, &opt, &err) !=
        LW_OK) {
        snprintf(s->failure, sizeof s->failure, "not possible here: %s", err.text);
        return false;
    }
    s->src = bench_floats(lw_src_floats(d));
    s->dst = bench_floats(lw_dst_floats(d));
    s->workspace = aligned_alloc(64, (lw_plan_workspace(s->plan) + 127) / 64 * 64);
    if (!s->src || !s->dst || !s->workspace) return fail(s, "not possible here: out of memory");
    lw_convert_layout(s->src_nchw, LW_NCHW, s->src, d->src_layout, d->batch, d->ic, d->ih, d->iw);
    return true;
}

/* Runs the plan that will be timed, and compares what it wrote with the reference: borders, tails and a
 * sample. */
static bool check(struct bench_session *s, struct bench_case *c) {
    static const struct lw_verify_options sampled = {.seed = 1, .max_outputs = 20000, .max_macs = 20000000};
    struct lw_verify_result result = {0};
    size_t count = lw_dst_floats(&c->desc);
    for (size_t i = 0; i < count; i++)
        s->dst[i] = NAN; /* what isn't written is wrong */
    lw_plan_execute(s->plan, s->src, s->dst, s->workspace);
    double start = cli_seconds();
    lw_plan_execute(s->plan, s->src, s->dst, s->workspace);
    s->seconds = cli_seconds() - start;
    lw_verify_output(&c->desc, s->src_nchw, s->weights, s->bias, s->dst,
                     lw_kernel_bound(c->row.name, &c->desc), &sampled, &result);
    s->err_over_bound = result.err_over_bound;
    if (result.status != LW_OK) {
        snprintf(s->failure, sizeof s->failure, "not possible here: %s", result.error.text);
        return false;
    }
    if (result.ok) return true;
    snprintf(s->failure, sizeof s->failure, "wrong result %s", result.worst);
    s->wrong++;
    return false;
}

static bool set_up(struct bench_session *s, struct bench_case *c) {
    s->failure[0] = '\0';
    free_set_up(s);
    s->set_up = c;
    if (s->deadline > 0 && cli_seconds() > s->deadline) {
        s->late++;
        return fail(s, "left out: the time of the quick matrix is over");
    }
    if (s->problem != c->problem) free_data(s);
    bool ready = fits_memory(s, c) && (s->problem || make_data(s, c->problem)) && make_plan(s, c);
    if (!ready) s->impossible++;
    return ready && check(s, c) && bench_costs(s, c);
}

/* ---- timing -------------------------------------------------------------------------------------------- */

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double time_plan(lw_gbench_state *state, struct bench_session *s, bool real_time) {
    double start = 0;
    bool running = lw_gbench_next(state);
    start = real_time ? cli_seconds() : cpu_seconds();
    for (; running; running = lw_gbench_next(state))
        lw_plan_execute(s->plan, s->src, s->dst, s->workspace);
    double end = real_time ? cli_seconds() : cpu_seconds();
    return (end - start) / (double)lw_gbench_iterations(state);
}

static void describe(lw_gbench_state *state, const lw_desc *d) {
    char label[64];
    snprintf(label, sizeof label, "%s>%s%s%s", lw_layout_name(d->src_layout), lw_layout_name(d->dst_layout),
             d->relu ? " relu" : "", d->pool2x2 ? " pool2x2" : "");
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
    if (s->seconds < COLD_SECONDS) lw_plan_execute(s->plan, s->src, s->dst, s->workspace);
    double seconds = time_plan(state, s, c->threads > 1);
    double after = lw_measure_peak_gflops_threads(c->isa_index, PEAK_SECONDS, c->threads);
    double peak = (before + after) / 2, gflops = 1e-9 * bench_flops(&c->desc) / seconds;
    lw_gbench_counter(state, "gflops", gflops);
    lw_gbench_counter(state, "peak_pct", peak > 0 ? 100 * gflops / peak : 0);
    lw_gbench_counter(state, "bytes_per_second", bench_bytes(&c->desc) / seconds);
    lw_gbench_counter(state, "err_over_bound", s->err_over_bound);
    lw_gbench_counter(state, "reproducible_x", s->reproducible_x);
    lw_gbench_counter(state, "denormal_x", s->denormal_x);
    describe(state, &c->desc);
}
