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
