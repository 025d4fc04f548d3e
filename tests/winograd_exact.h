/* Winograd's matrices of one axis in exact fractions, from nothing but the points: the Toom-Cook construction
 * transposed, by inverting the Vandermonde matrix. Nothing is shared with kernels/common/winograd_*.h. */
#ifndef LW_WINOGRAD_EXACT_H
#define LW_WINOGRAD_EXACT_H

/* Numerator and denominator without common factors, the denominator positive; both below 2^62, which every
 * operation asserts. */
struct fraction {
    __int128 n, d;
};

struct fraction fraction_of(double x); /* exact */
struct fraction fraction_add(struct fraction a, struct fraction b);
struct fraction fraction_mul(struct fraction a, struct fraction b);
struct fraction fraction_div(struct fraction a, struct fraction b);
int fraction_equal(struct fraction a, struct fraction b);
double fraction_double(struct fraction a); /* correctly rounded; asserts that it fits 53 bits each */

enum { EXACT_SETS = 4, EXACT_POINTS = 9, EXACT_OUTPUTS = 7 };

/* Points in the order 0, infinity (of an even set), +p, -p, ...; a tile of m outputs uses the first m + 2 of
 * them. Scaled so that the rows of B^T of the set's LARGEST tile have 1 in front of their highest input: G is
 * the same for all tile sizes of a set. y_k = sum over i of a[k][i] (sum of g[i][tap] w_tap) (sum of b[i][e]
 * d_e)
 */
struct exact_tile {
    int outputs, points;
    struct fraction a[EXACT_OUTPUTS][EXACT_POINTS], b[EXACT_POINTS][EXACT_POINTS], g[EXACT_POINTS][3];
};

struct exact_set {
    const char *name;
    int pairs;    /* of the largest tile */
    int infinity; /* 1: one of the points */
    struct fraction p[4];
    int shrink[4]; /* what a pair's columns of A^T are divided by and its rows of G multiplied by; 0: 1 */
};
extern const struct exact_set exact_sets[EXACT_SETS];

/* Points of a tile of so many pairs. */
int exact_points(const struct exact_set *set, int pairs);

struct exact_tile exact_tile(const struct exact_set *set, int pairs);

/* What a family of rows computes. */
struct exact_row {
    const char *name; /* as in the rows' names: "f2x2" */
    int set, pairs;   /* pairs: of the largest tile */
    int line; /* 1: tiles of that size alone, along the rows of outputs; down the columns plain sums */
};

/* By a kernel's name; fails the test where no family is known. */
const struct exact_row *exact_row_of(const char *kernel);

/* c of a row's bound, counting roundings by running the kernels' own transforms on linear forms
 * (winograd_forms.c). fma_roundings: 1 fused, 2 not. */
double forms_bound(const struct exact_row *row, double channels, int fma_roundings);

/* Does the code of the transforms compute B^T and A^T of this tile? Fails the test where not. */
void forms_check(int set, int pairs);

#endif
