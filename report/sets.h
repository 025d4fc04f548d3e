/* The comparisons of a run by problem set: what plots, README and index tell of them. */
#ifndef LW_REPORT_SETS_H
#define LW_REPORT_SETS_H

#include "run.h"

/* Problems whose names begin alike: mnist, vgg16, resnet50 ... */
struct report_set {
    char name[32];
    size_t count;
    double mean, low, high; /* our time over the best peer's: geometric mean, least, most */
};

/* Of that many threads, in the file's order; *count of them, to be freed. NULL: no memory. */
struct report_set *report_sets(const struct report_run *run, int threads, size_t *count);
bool report_in_set(const struct report_set *set, const struct report_versus *versus);

/* Plots as files: readable in light and dark on a page of any colour. false: there is nothing to plot. */
bool report_svg_peers(FILE *out, const struct report_run *run);
bool report_svg_mnist(FILE *out, const struct report_run *run);

#endif
