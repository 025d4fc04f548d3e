#include "measure.h"

#include <math.h>
#include <stdlib.h>

#include "costs.h"
#include "crowding.h"
#include "dispatch/samples.h"
#include "energy.h"
#include "peak.h"

/* The FMA peak is sampled for this long before and after each timing, so that changes of the clock cancel. */
#define PEAK_SECONDS 2e-3

/* Executions that take longer than this need no warm-up. */
#define COLD_SECONDS 20e-3

/* A sample takes at least so long, else the clock's own time counts. */
#define SAMPLE_SECONDS 50e-6

enum { COLD_SAMPLES = 3, LOOKS = 32 /* at the core's other thread, before and after each timing */ };

/* ---- set-up -------------------------------------------------------------------------------------------- */

void bench_session_free(struct bench_session *s) {
    bench_subject_free(&s->subject);
    bench_data_free(&s->data);
    free(s->sweep);
    s->sweep = NULL;
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

/* With the caches full of other data: the median of a few, in microseconds; 0: no memory. */
static double time_cold(struct bench_session *s, const struct bench_case *c) {
    lw_cpu_info cpu;
    double samples[COLD_SAMPLES];
    lw_cpu_get(&cpu);
    const size_t bytes = lw_sweep_bytes(&cpu);
    if (!s->sweep) s->sweep = malloc(bytes ? bytes : 1);
    if (!s->sweep || !bytes) return 0;
    for (int i = 0; i < COLD_SAMPLES; i++) {
        lw_sweep_caches(s->sweep, bytes);
        double start = lw_clock_ns(c->threads == 1);
        bench_subject_run(&s->subject);
        samples[i] = lw_clock_ns(c->threads == 1) - start;
    }
    return 1e-3 * lw_median(samples, COLD_SAMPLES);
}

/* What needs doing once, however many passes there are. */
static bool check(struct bench_session *s, struct bench_case *c) {
    bool wrong = false;
    bool good = bench_subject_first_run(&s->subject, &c->seconds, &c->err_over_bound, &wrong, s->failure);
    c->rel_l2 = s->subject.rel_l2;
    c->first_us = 1e6 * s->subject.first_seconds;
    if (!good) *(wrong ? &s->wrong : &s->impossible) += 1;
    if (!good || !bench_costs(s, c)) return false;
    c->cold_us = time_cold(s, c);
    return c->checked = true;
}

static bool set_up(struct bench_session *s, struct bench_case *c) {
    s->failure[0] = '\0';
    bench_subject_free(&s->subject);
    s->set_up = c;
    if (s->deadline > 0 && cli_seconds() > s->deadline) {
        s->late++;
        return fail(s, "left out: the time of the quick matrix is over");
    }
    if (!make_ready(s, c)) {
        s->impossible++;
        return false;
    }
    if (!c->checked) return check(s, c);
    bench_subject_run(&s->subject); /* its pages are there then */
    return true;
}

/* ---- timing -------------------------------------------------------------------------------------------- */

struct timing {
    int count;
    double ns[LW_SAMPLES_MOST];
    double energy_uj; /* of one execution; -1: can't be read */
    double crowded;   /* see crowding.h; -1: more threads than one, or not known */
};

/* A sample is as long as makes no more than fit, but not too short for the clock. */
static int64_t sample_length(lw_gbench_state *state, double seconds) {
    double whole = (double)lw_gbench_wanted(state), least = SAMPLE_SECONDS / fmax(seconds, 1e-9);
    double length = ceil(fmax(whole / LW_SAMPLES_MOST, least));
    return (int64_t)fmax(fmin(length, whole), 1);
}

static void time_subject(lw_gbench_state *state, struct bench_subject *subject, const struct bench_case *c,
                         struct timing *t) {
    const int64_t length = sample_length(state, c->seconds);
    struct lw_energy energy;
    lw_energy_start(&energy, LW_POWERCAP);
    int64_t done = 0;
    t->count = 0;
    bool running = lw_gbench_next(state);
    for (double start = lw_clock_ns(false); running;) {
        bench_subject_run(subject);
        running = lw_gbench_next(state);
        if (++done < length || t->count == LW_SAMPLES_MOST) continue;
        double end = lw_clock_ns(false);
        t->ns[t->count++] = (end - start) / (double)length;
        start = end;
        done = 0;
    }
    double used = lw_energy_used(&energy);
    t->energy_uj = used < 0 ? -1 : used / (double)lw_gbench_iterations(state);
}

struct timed_case {
    lw_gbench_state *state;
    struct bench_session *session;
    const struct bench_case *c;
    struct timing timing;
};

static void time_case(void *arg) {
    struct timed_case *t = arg;
    time_subject(t->state, &t->session->subject, t->c, &t->timing);
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

static void count(lw_gbench_state *state, const struct bench_session *s, const struct bench_case *c,
                  const struct timing *t, double peak) {
    uint64_t random = LW_SAMPLES_SEED;
    const struct lw_interval i = lw_bootstrap(t->ns, t->count, &random);
    const struct bench_roof roof =
        bench_roof_of(&s->limits, &c->desc, bench_subject_bytes(&s->subject), peak, c->threads);
    double least = t->ns[0];
    for (int k = 1; k < t->count; k++)
        least = fmin(least, t->ns[k]);
    const double gflops = bench_flops(&c->desc) / i.mid;
    const struct {
        const char *name;
        double value;
    } counters[] = {
        {"gflops", gflops},
        {"peak_pct", peak > 0 ? 100 * gflops / peak : 0},
        {"peak_gflops", peak},
        {"bytes_per_second", 1e9 * bench_bytes(&c->desc) / i.mid},
        {"time_ns", i.mid},
        {"time_min_ns", least},
        {"time_low_ns", i.low},
        {"time_high_ns", i.high},
        {"samples", t->count},
        {"cold_us", c->cold_us},
        {"first_us", c->first_us},
        {"intensity", roof.intensity},
        {"roof_gflops", roof.ns > 0 ? bench_flops(&c->desc) / roof.ns : 0},
        {"roof_pct", 100 * roof.ns / i.mid},
        {"roof_level", roof.level},
        {"err_over_bound", c->err_over_bound},
        {"rel_l2", c->rel_l2},
        {"reproducible_x", c->reproducible_x},
        {"denormal_x", c->denormal_x},
        {"batch", (double)c->desc.batch},
    };
    for (size_t k = 0; k < CLI_COUNT(counters); k++)
        lw_gbench_counter(state, counters[k].name, counters[k].value);
    if (t->energy_uj >= 0) lw_gbench_counter(state, "energy_uj", t->energy_uj);
    if (t->crowded >= 0) lw_gbench_counter(state, "crowded", t->crowded);
    if (!s->subject.plan) return;
    lw_gbench_counter(state, "packed_bytes", (double)lw_plan_packed_bytes(s->subject.plan));
    lw_gbench_counter(state, "workspace_bytes", (double)lw_plan_workspace(s->subject.plan));
}

void bench_measure(lw_gbench_state *state, void *arg) {
    struct bench_case *c = arg;
    struct bench_session *s = c->session;
    if (s->set_up != c) {
        cli_progress("[%zu/%zu] %s", ++s->started, s->passes * s->cases->count, c->name);
        bool good = set_up(s, c);
        cli_progress_clear();
        if (!good) lw_gbench_fail(state, s->failure);
        if (!good) return;
    } else if (*s->failure) {
        lw_gbench_fail(state, s->failure);
        return;
    }
    double before = lw_measure_peak_gflops_threads(c->isa_index, PEAK_SECONDS, LW_PEAK_SAMPLE, c->threads);
    struct timed_case t = {.state = state, .session = s, .c = c};
    const double crowded = c->threads == 1 ? lw_crowded_share(LOOKS) : -1;
    if (c->seconds < COLD_SECONDS) bench_subject_run(&s->subject);
    lw_sample_anywhere(time_case, &t, s->started);
    t.timing.crowded = crowded < 0 ? -1 : (crowded + lw_crowded_share(LOOKS)) / 2;
    double after = lw_measure_peak_gflops_threads(c->isa_index, PEAK_SECONDS, LW_PEAK_SAMPLE, c->threads);
    count(state, s, c, &t.timing, (before + after) / 2);
    describe(state, &s->subject);
}
