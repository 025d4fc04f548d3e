#include "winograd_exact.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef __int128 wide;

static wide magnitude(wide a) { return a < 0 ? -a : a; }

static struct fraction reduce(wide n, wide d) {
    wide a = magnitude(n), b = magnitude(d);
    cr_assert(d != 0, "a fraction over zero");
    while (b != 0) {
        const wide rest = a % b;
        a = b;
        b = rest;
    }
    const struct fraction f = {n / (d < 0 ? -a : a), d / (d < 0 ? -a : a)};
    cr_assert(magnitude(f.n) >> 62 == 0 && f.d >> 62 == 0, "a fraction is too large to go on exactly");
    return f;
}

static struct fraction whole(int n) { return (struct fraction){n, 1}; }

struct fraction fraction_of(double x) {
    int exponent;
    const double mantissa = frexp(x, &exponent) * 0x1p53;
    wide n = (wide)mantissa, d = 1;
    for (exponent -= 53; exponent < 0 && n % 2 == 0 && n != 0; exponent++)
        n /= 2;
    cr_assert(exponent > -62 && exponent < 9, "%g is too large or too fine", x);
    return n == 0 ? whole(0) : exponent < 0 ? reduce(n, d << -exponent) : reduce(n * (d << exponent), d);
}

struct fraction fraction_add(struct fraction a, struct fraction b) {
    return reduce(a.n * b.d + b.n * a.d, a.d * b.d);
}
struct fraction fraction_mul(struct fraction a, struct fraction b) {
    return reduce(a.n * b.n, a.d * b.d);
}
struct fraction fraction_div(struct fraction a, struct fraction b) {
    return reduce(a.n * b.d, a.d * b.n);
}
int fraction_equal(struct fraction a, struct fraction b) { return a.n == b.n && a.d == b.d; }

double fraction_double(struct fraction a) {
    cr_assert(magnitude(a.n) >> 53 == 0 && a.d >> 53 == 0, "the division would round more than once");
    return (double)a.n / (double)a.d;
}

const struct exact_set exact_sets[EXACT_SETS] = {
    {.name = "f2x2", .pairs = 1, .infinity = 1, .p = {{1, 1}}},
    {.name = "f4x4", .pairs = 2, .infinity = 1, .p = {{3, 4}, {3, 2}}},
    {.name = "f6x6", .pairs = 3, .infinity = 1, .p = {{1, 1}, {2, 1}, {1, 2}}},
    {.name = "f7x7", .pairs = 4, .p = {{3, 2}, {1, 2}, {4, 1}, {7, 8}}, .shrink = {0, 0, 64, 0}},
};

static const struct exact_row exact_rows[] = {
    {.name = "f2x2", .set = 0, .pairs = 1},
    {.name = "f4x4", .set = 1, .pairs = 2},
    {.name = "f6x6", .set = 2, .pairs = 3},
    {.name = "f7x7", .set = 3, .pairs = 4},
    {.name = "f1x4", .set = 2, .pairs = 2, .line = 1},
};

const struct exact_row *exact_row_of(const char *kernel) {
    for (size_t i = 0; i < sizeof exact_rows / sizeof *exact_rows; i++)
        if (strstr(kernel, exact_rows[i].name) != NULL) return &exact_rows[i];
    cr_assert_fail("%s: a family that this suite doesn't know", kernel);
    return NULL;
}

int exact_points(const struct exact_set *set, int pairs) { return 2 * pairs + 1 + set->infinity; }

/* Powers 0 .. width-1 of point i; infinity takes the highest alone. */
static void powers(const struct exact_set *set, int i, int width, struct fraction *row) {
    const int in_pair = i - 1 - set->infinity;
    const bool infinite = i == 1 && set->infinity;
    struct fraction p = whole(0);
    if (in_pair >= 0) p = fraction_mul(whole(in_pair % 2 ? -1 : 1), set->p[in_pair / 2]);
    row[0] = whole(!infinite);
    for (int k = 1; k < width; k++)
        row[k] = fraction_mul(row[k - 1], p);
    if (infinite) row[width - 1] = whole(1);
}

/* Gauss and Jordan, on a matrix beside the unit matrix. */
static void invert(int n, struct fraction m[EXACT_POINTS][2 * EXACT_POINTS]) {
    for (int column = 0; column < n; column++) {
        int pivot = column;
        while (pivot < n && m[pivot][column].n == 0)
            pivot++;
        cr_assert_lt(pivot, n, "two points are equal");
        for (int k = 0; k < 2 * n; k++) {
            const struct fraction other = m[pivot][k];
            m[pivot][k] = m[column][k];
            m[column][k] = other;
        }
        const struct fraction by = m[column][column];
        for (int k = 0; k < 2 * n; k++)
            m[column][k] = fraction_div(m[column][k], by);
        for (int r = 0; r < n; r++) {
            const struct fraction factor = fraction_mul(whole(-1), m[r][column]);
            for (int k = 0; k < 2 * n && r != column; k++)
                m[r][k] = fraction_add(m[r][k], fraction_mul(factor, m[column][k]));
        }
    }
}

/* lagrange[i][e]: coefficient of x^e in the polynomial that is 1 at point i and 0 at the others, which is the
 * inverse of the Vandermonde matrix, transposed. */
static void interpolation(const struct exact_set *set, int n,
                          struct fraction lagrange[EXACT_POINTS][EXACT_POINTS]) {
    struct fraction m[EXACT_POINTS][2 * EXACT_POINTS];
    for (int i = 0; i < n; i++) {
        powers(set, i, n, m[i]);
        for (int k = 0; k < n; k++)
            m[i][n + k] = whole(i == k);
    }
    invert(n, m);
    for (int i = 0; i < n; i++)
        for (int e = 0; e < n; e++)
            lagrange[i][e] = m[e][n + i];
}

/* What a row of B^T is multiplied by and the same row of G divided by. */
static struct fraction scale(const struct exact_set *set, int i) {
    struct fraction lagrange[EXACT_POINTS][EXACT_POINTS];
    int n = exact_points(set, set->pairs), highest = n - 1;
    interpolation(set, n, lagrange);
    while (lagrange[i][highest].n == 0)
        highest--;
    return fraction_div(whole(1), lagrange[i][highest]);
}

/* What a column of A^T is multiplied by and the same row of G divided by. */
static struct fraction column_scale(const struct exact_set *set, int i) {
    const int in_pair = i - 1 - set->infinity;
    const int shrink = in_pair < 0 ? 0 : set->shrink[in_pair / 2];
    return fraction_div(whole(1), whole(shrink ? shrink : 1));
}

struct exact_tile exact_tile(const struct exact_set *set, int pairs) {
    struct exact_tile t = {.points = exact_points(set, pairs)};
    t.outputs = t.points - 2;
    struct fraction lagrange[EXACT_POINTS][EXACT_POINTS];
    interpolation(set, t.points, lagrange);
    for (int i = 0; i < t.points; i++) {
        const struct fraction s = scale(set, i), column = column_scale(set, i);
        struct fraction row[EXACT_OUTPUTS];
        powers(set, i, t.outputs, row);
        for (int k = 0; k < t.outputs; k++)
            t.a[k][i] = fraction_mul(row[k], column);
        powers(set, i, 3, row);
        for (int tap = 0; tap < 3; tap++)
            t.g[i][tap] = fraction_div(row[tap], fraction_mul(s, column));
        for (int e = 0; e < t.points; e++)
            t.b[i][e] = fraction_mul(lagrange[i][e], s);
    }
    return t;
}
