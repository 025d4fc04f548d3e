#include "sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void set_name(const struct report_versus *v, char name[32]) {
    snprintf(name, 32, "%.*s", (int)strcspn(v->problem, "_"), v->problem);
}

bool report_in_set(const struct report_set *set, const struct report_versus *v) {
    char name[32];
    set_name(v, name);
    return strcmp(set->name, name) == 0;
}

struct report_set *report_sets(const struct report_run *run, int threads, size_t *count) {
    struct report_set *all = calloc(run->versus_count + 1, sizeof *all);
    *count = 0;
    for (const struct report_versus *v = run->versus; all && v < run->versus + run->versus_count; v++) {
        if (v->threads != threads) continue;
        struct report_set *s = all;
        while (s < all + *count && !report_in_set(s, v))
            s++;
        if (s == all + *count) {
            set_name(v, s->name);
            s->low = s->high = v->ratio;
            ++*count;
        }
        s->count++;
        s->mean += log(v->ratio);
        s->low = fmin(s->low, v->ratio);
        s->high = fmax(s->high, v->ratio);
    }
    for (size_t i = 0; all && i < *count; i++)
        all[i].mean = exp(all[i].mean / (double)all[i].count);
    return all;
}
