/* Who wins a problem, and by how much. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "run.h"
#include "text.h"

static struct report_winner *find(struct report_winner *all, size_t count, const struct report_row *row) {
    for (size_t i = count; i-- > 0;)
        if (strcmp(all[i].first->problem, row->problem) == 0 && strcmp(all[i].first->op, row->op) == 0)
            return &all[i];
    return NULL;
}

static void enter(struct report_winner *w, const struct report_row *row) {
    if (row->us < w->first->us) {
        w->second = w->first;
        w->first = row;
    } else if (!w->second || row->us < w->second->us) {
        w->second = row;
    }
}

struct report_winner *report_winners(const struct report_run *run, int threads, size_t *count) {
    struct report_winner *all = calloc(run->row_count + 1, sizeof *all);
    *count = 0;
    for (const struct report_row *r = run->rows; all && r < run->rows + run->row_count; r++) {
        if (r->peer || r->extra_layout || r->threads != threads) continue;
        struct report_winner *w = find(all, *count, r);
        if (w)
            enter(w, r);
        else
            all[(*count)++].first = r;
    }
    for (struct report_winner *w = all; w && w < all + *count; w++) {
        const struct report_row *a = w->first, *b = w->second;
        w->by = b ? text_round(b->us / a->us) : NAN;
        w->by_low = b ? text_round(b->us_low / a->us_high) : NAN;
        w->by_high = b ? text_round(b->us_high / a->us_low) : NAN;
    }
    return all;
}

/* A peer in its own layout meets our rows in theirs; else both are in one. */
static bool meets(const struct report_row *ours, const struct report_row *peer) {
    char both[2 * sizeof peer->layout];
    if (ours->peer || ours->threads != peer->threads) return false;
    if (strcmp(ours->problem, peer->problem) != 0 || strcmp(ours->op, peer->op) != 0) return false;
    if (strcmp(peer->layout, "own") == 0) return !ours->extra_layout;
    snprintf(both, sizeof both, "%s>%s", peer->layout, peer->layout);
    return strcmp(ours->layout, both) == 0;
}

static const struct report_row *fastest_against(const struct report_run *run, const struct report_row *peer) {
    const struct report_row *best = NULL;
    for (const struct report_row *r = run->rows; r < run->rows + run->row_count; r++)
        if (meets(r, peer) && (!best || r->us < best->us)) best = r;
    return best;
}

static struct report_versus *find_versus(struct report_run *run, const struct report_row *peer) {
    for (struct report_versus *v = run->versus; v < run->versus + run->versus_count; v++)
        if (strcmp(v->problem, peer->problem) == 0 && strcmp(v->op, peer->op) == 0 &&
            strcmp(v->layout, peer->layout) == 0 && v->threads == peer->threads)
            return v;
    return NULL;
}

bool report_derive_versus(struct report_run *run) {
    run->versus = calloc(run->row_count + 1, sizeof *run->versus);
    run->derived = true;
    for (const struct report_row *p = run->rows; run->versus && p < run->rows + run->row_count; p++) {
        const struct report_row *ours = p->peer ? fastest_against(run, p) : NULL;
        struct report_versus *v = ours ? find_versus(run, p) : NULL;
        if (!ours || (v && v->peer_us <= p->us)) continue;
        if (!v) v = &run->versus[run->versus_count++];
        *v = (struct report_versus){.op = p->op,
                                    .problem = p->problem,
                                    .layout = p->layout,
                                    .ours = ours->kernel,
                                    .peer = p->kernel,
                                    .threads = p->threads,
                                    .ours_us = ours->us,
                                    .peer_us = p->us,
                                    .ratio = text_round(ours->us / p->us),
                                    .low = text_round(ours->us_low / p->us_high),
                                    .high = text_round(ours->us_high / p->us_low),
                                    .peak_pct = ours->value[REPORT_peak_pct]};
    }
    return run->versus != NULL;
}

struct report_standing report_standing_of(const struct report_run *run, int threads) {
    struct report_standing s = {0};
    double logs = 0;
    for (const struct report_versus *v = run->versus; v < run->versus + run->versus_count; v++) {
        if (v->threads != threads) continue;
        s.count++;
        s.faster += (isfinite(v->high) ? v->high : v->ratio) < 1;
        s.slower += (isfinite(v->low) ? v->low : v->ratio) > 1;
        logs += log(v->ratio);
    }
    s.mean = s.count ? exp(logs / (double)s.count) : NAN;
    return s;
}
