#include "versus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "peak.h"

/* Of our rows so many are tried, those that come near the best again: on a shared core one look may be at a
 * bad moment. */
enum { TRIED = 3, LOOKS = 3 };
#define NEAR         1.5
#define PEAK_SECONDS 2e-3
#define TRY_SECONDS  10e-3

/* Ratios nearer to 1 than this are a draw. */
#define DRAW 0.03

/* ---- the fastest of each side -------------------------------------------------------------------------- */

/* What is compared: cases with this one's problem, threads and layout. */
static bool belongs(const struct bench_case *c, const struct bench_case *leader) {
    if (c->problem != leader->problem || c->threads != leader->threads) return false;
    return c->peer ? c->peer_row->layout == leader->peer_row->layout : bench_same_layout(c, leader);
}

static bool have_data(struct bench_session *s, const struct bench_problem *p) {
    if (s->data.problem == p) return true;
    bench_data_free(&s->data);
    if (bench_data_make(&s->data, p)) return true;
    snprintf(s->failure, sizeof s->failure, "not possible here: out of memory");
    return false;
}

/* Made, checked and timed for a moment, which counts if it is the best so far. */
static void try_case(struct bench_session *s, struct bench_case *c) {
    struct bench_sampling few = bench_peer_sampling(c->threads);
    struct bench_subject subject = {0};
    double seconds;
    bool wrong = false;
    few.seconds = TRY_SECONDS;
    bool good = have_data(s, c->problem) &&
                bench_subject_make(&subject, c, &s->data, s->reproducible, s->failure) &&
                bench_subject_first_run(&subject, &seconds, &c->err_over_bound, &wrong, s->failure);
    if (good) {
        struct bench_side side = bench_subject_side(&subject);
        const double us = 1e6 * bench_time_side(&side, &few);
        c->us = c->measured ? fmin(c->us, us) : us;
        c->measured = true;
    } else {
        *(wrong ? &s->wrong : &s->impossible) += 1;
        cli_note("%s: %s", c->name, s->failure);
    }
    bench_subject_free(&subject);
}

/* How many rows of ours are expected to be faster than this one. */
static size_t rank(const struct bench_cases *all, const struct bench_case *which,
                   const struct bench_case *leader) {
    size_t faster = 0;
    for (const struct bench_case *c = all->items; c < all->items + all->count; c++)
        if (!c->peer && belongs(c, leader)) faster += c->ns < which->ns || (c->ns == which->ns && c < which);
    return faster;
}

/* One look at all that may be the fastest; best: so far, NULL: none. */
static const struct bench_case *look(struct bench_session *s, const struct bench_case *leader, bool peers,
                                     bool matrix, const struct bench_case *best) {
    struct bench_cases *all = s->cases;
    const double most = best ? NEAR * best->us : INFINITY;
    for (struct bench_case *c = all->items; c < all->items + all->count; c++) {
        if ((c->peer != NULL) != peers || !belongs(c, leader)) continue;
        const bool wanted = !matrix && (peers || rank(all, c, leader) < TRIED);
        if (wanted && (!best || (c->measured && c->us <= most))) try_case(s, c);
    }
    for (struct bench_case *c = all->items; c < all->items + all->count; c++)
        if ((c->peer != NULL) == peers && belongs(c, leader) && c->measured && (!best || c->us < best->us))
            best = c;
    return best;
}

/* matrix: of the cases that it has measured alone. NULL: none. */
static const struct bench_case *fastest(struct bench_session *s, const struct bench_case *leader, bool peers,
                                        bool matrix) {
    const struct bench_case *best = look(s, leader, peers, matrix, NULL);
    for (int i = 1; i < LOOKS && best && !matrix; i++)
        best = look(s, leader, peers, matrix, best);
    return best;
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

static bool compare(struct bench_session *s, struct bench_versus *v) {
    struct bench_subject a = {0}, b = {0};
    bool good = have_data(s, v->ours->problem) &&
                bench_subject_make(&a, v->ours, &s->data, s->reproducible, s->failure) &&
                bench_subject_make(&b, v->peer, &s->data, s->reproducible, s->failure);
    if (good) {
        struct bench_sampling sampled = bench_peer_sampling(v->ours->threads);
        struct bench_side ours = bench_subject_side(&a), peer = bench_subject_side(&b);
        size_t isa = v->ours->isa_index;
        double before = lw_measure_peak_gflops_threads(isa, PEAK_SECONDS, LW_PEAK_SAMPLE, v->ours->threads);
        v->ratio = bench_time_pair(&ours, &peer, 1e-6 * v->peer->us, &sampled);
        double after = lw_measure_peak_gflops_threads(isa, PEAK_SECONDS, LW_PEAK_SAMPLE, v->ours->threads);
        double gflops = 1e-9 * bench_flops(&v->ours->desc) / v->ratio.a_seconds;
        v->peak_pct = before + after > 0 ? 200 * gflops / (before + after) : 0;
    } else {
        s->impossible++;
        cli_note("%s: %s", v->peer->name, s->failure);
    }
    bench_subject_free(&a);
    bench_subject_free(&b);
    return good;
}

/* The first of the peers' cases in its group. */
static bool is_leader(const struct bench_cases *all, const struct bench_case *leader) {
    const struct bench_case *c = all->items;
    while (c < leader && !(c->peer && belongs(c, leader)))
        c++;
    return leader->peer && c == leader;
}

int bench_versus_run(struct bench_session *s, bool matrix, struct bench_comparison *comparison) {
    const struct bench_cases *all = s->cases;
    comparison->count = 0;
    comparison->items = calloc(all->count + 1, sizeof *comparison->items);
    if (!comparison->items) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    bench_session_free(s);
    for (const struct bench_case *c = all->items; c < all->items + all->count; c++) {
        if (!is_leader(all, c)) continue;
        if (s->deadline > 0 && cli_seconds() > s->deadline) {
            s->late++;
            continue;
        }
        cli_progress("[%zu/%zu] against peers: %s", (size_t)(c - all->items), all->count, c->problem->name);
        struct bench_versus v = {.peer = fastest(s, c, true, matrix)};
        if (v.peer) v.ours = fastest(s, c, false, matrix);
        if (v.ours && compare(s, &v)) comparison->items[comparison->count++] = v;
        cli_progress_clear();
    }
    bench_session_free(s);
    return CLI_GO;
}

void bench_versus_free(struct bench_comparison *comparison) {
    free(comparison->items);
    *comparison = (struct bench_comparison){0};
}

/* ---- as JSON ------------------------------------------------------------------------------------------- */

static cJSON *comparison_json(const struct bench_versus *v) {
    const struct {
        const char *key, *value;
    } texts[] = {{"op", lw_op_name(v->ours->row.op)},
                 {"problem", v->ours->problem->name},
                 {"layout", bench_peer_layout(v->peer)},
                 {"ours", v->ours->row.name},
                 {"peer", v->peer->row.name}};
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"threads", v->ours->threads},
                   {"ours_us", 1e6 * v->ratio.a_seconds},
                   {"peer_us", 1e6 * v->ratio.b_seconds},
                   {"ratio", v->ratio.ratio},
                   {"ratio_low", v->ratio.low},
                   {"ratio_high", v->ratio.high},
                   {"peak_pct", v->peak_pct}};
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; i < CLI_COUNT(texts); i++)
        cJSON_AddStringToObject(object, texts[i].key, texts[i].value);
    for (size_t i = 0; i < CLI_COUNT(numbers); i++)
        cli_json_number(object, numbers[i].key, numbers[i].value);
    return object;
}

char *bench_versus_json(const struct bench_comparison *all) {
    cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "comparisons");
    for (const struct bench_versus *v = all->items; v < all->items + all->count; v++)
        cJSON_AddItemToArray(list, comparison_json(v));
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    return text;
}

/* ---- printing ------------------------------------------------------------------------------------------ */

void bench_versus_print(FILE *out, const struct bench_comparison *all) {
    size_t faster = 0, slower = 0;
    double logs = 0;
    if (!all->count) return;
    fprintf(
        out,
        "\nOur fastest row against the fastest of the peers, timed in turn: 'ratio' is our time over theirs, "
        "the median\nof pairs of samples with its 95%% interval; below 1 we are faster, '<' marks where we "
        "aren't.\n");
    fprintf(out, "%-40s %-7s %2s  %-34s %10s %6s  %-24s %10s %6s  %s\n", "problem", "layout", "n", "our row",
            "us", "% peak", "peer's row", "us", "ratio", "95% interval");
    for (const struct bench_versus *v = all->items; v < all->items + all->count; v++) {
        const struct bench_ratio *r = &v->ratio;
        char name[300];
        snprintf(name, sizeof name, "%s %s", lw_op_name(v->ours->row.op), v->ours->problem->name);
        if (strlen(name) > 40) fprintf(out, "%s\n", name);
        fprintf(out, "%-40s %-7s %2d  %-34s %10.2f %6.1f  %-24s %10.2f %6.3f  %.3f .. %.3f%s\n",
                strlen(name) > 40 ? "" : name, bench_peer_layout(v->peer), v->ours->threads,
                v->ours->row.name, 1e6 * r->a_seconds, v->peak_pct, v->peer->row.name, 1e6 * r->b_seconds,
                r->ratio, r->low, r->high, r->ratio > 1 + DRAW ? "  <" : "");
        faster += r->ratio < 1 - DRAW;
        slower += r->ratio > 1 + DRAW;
        logs += log(r->ratio);
    }
    fprintf(
        out,
        "\n%zu comparisons: %zu faster, %zu slower, %zu within %.0f%%; geometric mean of the ratios %.3f\n",
        all->count, faster, slower, all->count - faster - slower, 100 * DRAW, exp(logs / (double)all->count));
}
