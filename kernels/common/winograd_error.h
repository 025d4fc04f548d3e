/* The error bound of the Winograd rows, from their matrices (derivation: docs/numerics.md).
 *
 * To first order in u the error of an output is at most r u times
 *     sum over points i,j of |A_ki| |A_lj| sum over channels of (|G| |g| |G^T|)_ij (|B^T| |d| |B|)_ij
 * where r counts the roundings on the longest way from an input to an output. With |d| <= D over the tile's
 * patch that is at most r u kappa^2 sum |g| D, where kappa is the largest over outputs k and taps a of sum
 * over points i of |A_ki| |G_ia| (sum over e of |B_ie|). */
#ifndef LW_WINOGRAD_ERROR_H
#define LW_WINOGRAD_ERROR_H

#include "winograd_matrices.h"

/* Sum of |B_ie| over e, for point i of the tile with `pairs` pairs. */
static double wino_input_norm(const struct wino_set *set, int pairs, int i) {
    const struct wino_size *size = &set->size[pairs - 1];
    double norm = 0;
    if (i < 2) {
        for (int k = 0; k <= pairs; k++)
            norm += fabs(i == 0 ? size->zero[k] : size->infinity[k]);
        return norm;
    }
    const int pair = (i - 2) / 2;
    for (int k = 0; k < pairs; k++)
        norm += fabs(size->pair[pair][k]) * (1 + fabs(set->p[pair]));
    return norm;
}

/* |A_ki| of the tile with `pairs` pairs. */
static double wino_output_weight(const struct wino_set *set, int pairs, int k, int i) {
    if (i == 0) return k == 0;
    if (i == 1) return k == 2 * pairs - 1;
    return fabs(set->power[(i - 2) / 2][k]);
}

static double wino_kappa(const struct wino_set *set, int pairs) {
    double worst = 0;
    for (int k = 0; k < 2 * pairs; k++)
        for (int a = 0; a < 3; a++) {
            double sum = 0;
            for (int i = 0; i < 2 * pairs + 2; i++)
                sum += wino_output_weight(set, pairs, k, i) * fabs(set->g[i][a]) *
                       wino_input_norm(set, pairs, i);
            worst = fmax(worst, sum);
        }
    return worst;
}

/* Two axes of input transform (a chain of P + 1 operations and one for the pair), the rounded weight, the sum
 * over channels, two axes of output transform (a sum, P products, the point at infinity), the bias. */
static double wino_bound(const struct wino_set *set, int64_t ic) {
    double kappa = 0;
    for (int pairs = 1; pairs <= set->pairs; pairs++)
        kappa = fmax(kappa, wino_kappa(set, pairs));
    const double roundings =
        LW_FMA_ROUNDINGS * ((double)ic + 2 * (set->pairs + 2) + 2 * (set->pairs + 2)) + 2;
    return kappa * kappa * roundings / (1 - roundings * 0x1p-24);
}

/* Measured on normal data as a multiple of direct summation's: 0.6 for F(2x2), 1.9 for F(4x4), 8 for F(6x6).
 */
static double wino_rel_l2(const struct wino_set *set, int64_t ic) {
    static const double multiple[] = {0.6, 1.9, 8.0};
    return 0x1p-24 * 0.4 * sqrt(LW_FMA_ROUNDINGS * 9.0 * (double)ic + 1) * multiple[set->pairs - 1];
}

#endif
