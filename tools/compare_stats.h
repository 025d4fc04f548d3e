/* How two sets of passes compare: a shift with an interval that needs no distribution to be known. */
#ifndef LW_COMPARE_STATS_H
#define LW_COMPARE_STATS_H

#include <stddef.h>

/* Of B's times over A's. */
struct compare_ratio {
    double ratio;     /* exp of the median of all differences of logarithms (Hodges and Lehmann) */
    double low, high; /* too few passes for the confidence: 0 and INFINITY */
};

/* a, b: positive figures, one a pass. alpha: the chance that the ratio lies below `low`, and as much that it
 * lies above `high`, by the Mann-Whitney distribution. All zero: no memory. */
struct compare_ratio compare_passes(const double *a, size_t a_count, const double *b, size_t b_count,
                                    double alpha);

/* Of logarithms of ratios, one a pair, whose distribution is symmetric: by the distribution of Wilcoxon's
 * signed ranks. The estimate is the median of the means of any two of them, also of one with itself. All
 * zero: no memory. */
struct compare_ratio compare_pairs(const double *logs, size_t count, double alpha);

/* So many pairs are needed at least for an interval at this alpha. */
size_t compare_pairs_needed(double alpha);

/* Sorts the values, at least one; part: 0.5 is the median, 0.25 the lower quartile, between two values by
 * proportion. */
double compare_quantile(double *values, size_t count, double part);

/* So many passes on each side are needed at least for an interval at this alpha. */
size_t compare_passes_needed(double alpha);

#endif
