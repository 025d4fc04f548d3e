#include "compare_stats.h"

#include <math.h>
#include <stdlib.h>

/* Up to so many pairs (ranks) the distribution is counted, beyond it the normal one is near enough. */
enum { COUNTED_PAIRS = 2500, COUNTED_RANKS = 60 };

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double compare_quantile(double *values, size_t count, double part) {
    qsort(values, count, sizeof *values, by_value);
    const double at = part * (double)(count - 1);
    const size_t below = (size_t)at, above = below + 1 < count ? below + 1 : below;
    return values[below] + (at - (double)below) * (values[above] - values[below]);
}

/* The chance of each number of pairs that are the wrong way round, if all orders are alike: p[u], u = 0 to n
 * * m. By Mann and Whitney's recurrence over n: the largest of all is one of n or one of m. NULL: no memory.
 */
static double *count_orders(size_t n, size_t m) {
    const size_t pairs = n * m;
    double *p = calloc((n + 1) * (pairs + 1), sizeof *p);
    if (!p) return NULL;
    for (size_t i = 0; i <= n; i++)
        p[i * (pairs + 1)] = 1; /* m = 0: nothing is the wrong way round */
    for (size_t j = 1; j <= m; j++)
        for (size_t i = 1; i <= n; i++) { /* rows hold m = j - 1 from i on, m = j below */
            double *row = p + i * (pairs + 1), *before = row - (pairs + 1);
            double share = (double)j / (double)(i + j);
            for (size_t u = pairs + 1; u-- > 0;)
                row[u] = share * row[u] + (1 - share) * (u >= j ? before[u - j] : 0);
        }
    for (size_t u = 0; u <= pairs; u++)
        p[u] = p[n * (pairs + 1) + u];
    return p;
}

static double normal_quantile(double alpha) { /* by bisection of erfc */
    double low = -40, high = 0;
    for (int i = 0; i < 100; i++) {
        double mid = (low + high) / 2;
        *(erfc(-mid / sqrt(2)) / 2 < alpha ? &low : &high) = mid;
    }
    return low;
}

static size_t cut_normal(double mean, double variance, double alpha) {
    double k = mean + normal_quantile(alpha) * sqrt(variance);
    return k > 0 ? (size_t)k : 0;
}

/* How many of the sorted differences may be cut off at one end: the largest k with a chance of at most alpha
 * that fewer than k pairs are the wrong way round. */
static size_t cut(size_t n, size_t m, double alpha) {
    const double pairs = (double)(n * m);
    if (n * m > COUNTED_PAIRS) return cut_normal(pairs / 2, pairs * (double)(n + m + 1) / 12, alpha);
    double *p = count_orders(n, m), sum = 0;
    size_t k = 0;
    while (p && k < n * m && (sum += p[k]) <= alpha)
        k++;
    free(p);
    return k;
}

/* Sorts the differences, of which k are cut off at either end. */
static struct compare_ratio ratio_of(double *differences, size_t count, size_t k) {
    qsort(differences, count, sizeof *differences, by_value);
    return (struct compare_ratio){.ratio = exp((differences[(count - 1) / 2] + differences[count / 2]) / 2),
                                  .low = k ? exp(differences[k - 1]) : 0,
                                  .high = k ? exp(differences[count - k]) : INFINITY};
}

struct compare_ratio compare_passes(const double *a, size_t a_count, const double *b, size_t b_count,
                                    double alpha) {
    const size_t pairs = a_count * b_count;
    double *differences = malloc((pairs + 1) * sizeof *differences);
    struct compare_ratio r = {0};
    if (!differences || !pairs) {
        free(differences);
        return r;
    }
    for (size_t i = 0; i < a_count; i++)
        for (size_t j = 0; j < b_count; j++)
            differences[i * b_count + j] = log(b[j] / a[i]);
    r = ratio_of(differences, pairs, cut(a_count, b_count, alpha));
    free(differences);
    return r;
}

size_t compare_passes_needed(double alpha) {
    size_t n = 1;
    double chance = 0.5; /* that all of one side come first: 1 / C(2n, n) */
    for (; chance > alpha && n < 1000; n++)
        chance *= (double)(n + 1) / (double)(2 * (2 * n + 1));
    return n;
}

/* How many of the sorted means may be cut off at one end: the largest k with a chance of at most alpha that
 * the ranks of the negative ones sum to less than k, each being negative or not like a coin's toss. */
static size_t cut_ranks(size_t n, double alpha) {
    const size_t most = n * (n + 1) / 2;
    if (n > COUNTED_RANKS)
        return cut_normal((double)most / 2, (double)most * (double)(2 * n + 1) / 12, alpha);
    double *p = calloc(most + 1, sizeof *p), sum = 0;
    size_t k = 0;
    if (!p) return 0;
    p[0] = 1;
    for (size_t rank = 1; rank <= n; rank++)
        for (size_t s = most + 1; s-- > 0;)
            p[s] = (p[s] + (s >= rank ? p[s - rank] : 0)) / 2;
    while (k < most && (sum += p[k]) <= alpha)
        k++;
    free(p);
    return k;
}

struct compare_ratio compare_pairs(const double *logs, size_t count, double alpha) {
    const size_t means = count * (count + 1) / 2;
    double *values = malloc((means + 1) * sizeof *values);
    struct compare_ratio r = {0};
    size_t used = 0;
    for (size_t i = 0; values && i < count; i++)
        for (size_t j = i; j < count; j++)
            values[used++] = (logs[i] + logs[j]) / 2;
    if (used) r = ratio_of(values, used, cut_ranks(count, alpha));
    free(values);
    return r;
}

size_t compare_pairs_needed(double alpha) {
    size_t n = 0;
    for (double chance = 1; chance > alpha && n < 1000; n++) /* that all are of one sign */
        chance /= 2;
    return n;
}
