/* Winograd's minimal filtering F(m, 3) by the Toom-Cook construction, along one axis (Winograd 1980; Lavin
 * and Gray, arXiv:1509.09308; the choice of points: Barabasz et al., arXiv:1803.10986).
 *
 * The points are 0, P pairs +-p and, in a set of even tiles, infinity: so m + 2 = 2P + 2 products and as many
 * inputs, or 2P + 1 of a set of odd tiles, which has everything below but for infinity and the last input.
 * With t = x^2 and, for a pair p, R_p(t) = product over the other pairs q of (t - q^2):
 *
 *   row of B^T for +-p:      (x^2 R_p(x^2) +- p x R_p(x^2))      even inputs E, odd inputs O: E +- p O
 *   row of B^T for 0:        product of (x^2 - q^2)              even inputs only
 *   row of B^T for infinity: x times that                        odd inputs only
 *   row of G for point p:    (1, p, p^2) / N_p,  N_p = 2 p^2 R_p(p^2);  N_0 = product of (-q^2);  (0, 0, 1)
 *   column of A^T for p:     (1, p, ..., p^(m-1));  infinity: the last row alone
 *
 * A set's tile sizes 2, 4, 6 (or 1, 3, 5, 7) use its first one, two, three (four) pairs. They share ONE
 * weight set: G is scaled by the N of the largest tile, and a smaller tile's B^T by the ratio of its N's,
 * which is exact in float for the sets below. */
#ifndef LW_WINOGRAD_MATRICES_H
#define LW_WINOGRAD_MATRICES_H

#define WINO_MAX_PAIRS   4
#define WINO_MAX_POINTS  9 /* along one axis, in the order 0, infinity, +p1, -p1, +p2, -p2, ... */
#define WINO_MAX_OUTPUTS (WINO_MAX_POINTS - 2)

/* What a tile size needs of its set; float, since every entry is exact. */
struct wino_size {
    float zero[WINO_MAX_PAIRS + 1];             /* row of 0, inputs 0, 2, 4, ... */
    float infinity[WINO_MAX_PAIRS + 1];         /* row of infinity, inputs 1, 3, 5, ... */
    float pair[WINO_MAX_PAIRS][WINO_MAX_PAIRS]; /* scaled R_p: E from inputs 2, 4, ...; O from 1, 3, ... */
};

struct wino_set {
    int pairs;                             /* of the largest tile */
    int infinity;                          /* 1: one of the points; its tiles are even. 0: odd */
    float p[WINO_MAX_PAIRS];               /* the points */
    float power[WINO_MAX_PAIRS][8];        /* 1, p, p^2, ..., scaled */
    double g[WINO_MAX_POINTS][3];          /* G, in double */
    struct wino_size size[WINO_MAX_PAIRS]; /* by pairs - 1 */
};

/* Points (and inputs) of a tile of P pairs along one axis; it has two outputs fewer. */
#define WINO_POINTS(set, P)  (2 * (P) + 1 + (set)->infinity)
#define WINO_OUTPUTS(set, P) (WINO_POINTS(set, P) - 2)

#define WINO_SQ(p)     ((p) * (p))
#define WINO_POWERS(p) WINO_SCALED_POWERS(1, p)
#define WINO_SCALED_POWERS(s, p)                                                                             \
    {                                                                                                        \
        s, (s) * (p), (s)*WINO_SQ(p), (s) * (p)*WINO_SQ(p), (s)*WINO_SQ(WINO_SQ(p)),                         \
            (s) * (p)*WINO_SQ(WINO_SQ(p)), (s)*WINO_SQ((p)*WINO_SQ(p))                                       \
    }
#define WINO_G(p, N)                                                                                         \
    { 1 / (N), (p) / (N), (p) * (p) / (N) }

/* N_p of pair a beside b and c. */
#define WINO_N1(a)          (2 * WINO_SQ(a))
#define WINO_N2(a, b)       (2 * WINO_SQ(a) * (WINO_SQ(a) - WINO_SQ(b)))
#define WINO_N3(a, b, c)    (2 * WINO_SQ(a) * (WINO_SQ(a) - WINO_SQ(b)) * (WINO_SQ(a) - WINO_SQ(c)))
#define WINO_N4(a, b, c, d) (WINO_N3(a, b, c) * (WINO_SQ(a) - WINO_SQ(d)))

/* R_a scaled by s, beside no, one, two and three other pairs: coefficients of the product of (t - q^2). */
#define WINO_R1(s)                                                                                           \
    { (s) }
#define WINO_R2(s, b)                                                                                        \
    { -(s)*WINO_SQ(b), (s) }
#define WINO_R3(s, b, c)                                                                                     \
    { (s) * WINO_SQ(b) * WINO_SQ(c), -(s) * (WINO_SQ(b) + WINO_SQ(c)), (s) }
#define WINO_R4(s, a, b, c)                                                                                  \
    {                                                                                                        \
        -(s)*WINO_SQ(a) * WINO_SQ(b) * WINO_SQ(c),                                                           \
            (s) * (WINO_SQ(a) * WINO_SQ(b) + WINO_SQ(a) * WINO_SQ(c) + WINO_SQ(b) * WINO_SQ(c)),             \
            -(s) * (WINO_SQ(a) + WINO_SQ(b) + WINO_SQ(c)), (s)                                               \
    }

/* The same beside all pairs, for 0 and infinity. */
#define WINO_Q1(s, a)       WINO_R2(s, a)
#define WINO_Q2(s, a, b)    WINO_R3(s, a, b)
#define WINO_Q3(s, a, b, c) WINO_R4(s, a, b, c)
#define WINO_Q4(s, a, b, c, d)                                                                               \
    {                                                                                                        \
        (s) * WINO_SQ(a) * WINO_SQ(b) * WINO_SQ(c) * WINO_SQ(d),                                             \
            -(s) * (WINO_SQ(a) * WINO_SQ(b) * (WINO_SQ(c) + WINO_SQ(d)) +                                    \
                    WINO_SQ(c) * WINO_SQ(d) * (WINO_SQ(a) + WINO_SQ(b))),                                    \
            (s) * (WINO_SQ(a) * WINO_SQ(b) + WINO_SQ(c) * WINO_SQ(d) +                                       \
                   (WINO_SQ(a) + WINO_SQ(b)) * (WINO_SQ(c) + WINO_SQ(d))),                                   \
            -(s) * (WINO_SQ(a) + WINO_SQ(b) + WINO_SQ(c) + WINO_SQ(d)), (s)                                  \
    }

/* F(2x2): 0, +-1, infinity. */
static const struct wino_set wino_f2 = {
    .pairs = 1,
    .infinity = 1,
    .p = {1},
    .power = {WINO_POWERS(1)},
    .g = {{1 / -1.0}, {0, 0, 1}, WINO_G(1.0, WINO_N1(1.0)), WINO_G(-1.0, WINO_N1(1.0))},
    .size = {{.zero = WINO_Q1(1, 1), .infinity = WINO_Q1(1, 1), .pair = {WINO_R1(1)}}},
};

/* F(4x4) with F(2x2) at the border: 0, +-3/4, +-3/2, infinity have a third of the error of 0, +-1, +-2. */
#define A (3 / 4.0)
#define B (3 / 2.0)
static const struct wino_set wino_f4 = {
    .pairs = 2,
    .infinity = 1,
    .p = {A, B},
    .power = {WINO_POWERS(A), WINO_POWERS(B)},
    .g = {{1 / (WINO_SQ(A) * WINO_SQ(B))},
          {0, 0, 1},
          WINO_G(A, WINO_N2(A, B)),
          WINO_G(-A, WINO_N2(A, B)),
          WINO_G(B, WINO_N2(B, A)),
          WINO_G(-B, WINO_N2(B, A))},
    .size = {{.zero = WINO_Q1(-WINO_SQ(B), A),
              .infinity = WINO_Q1(1, A),
              .pair = {WINO_R1(WINO_N2(A, B) / WINO_N1(A))}},
             {.zero = WINO_Q2(1, A, B),
              .infinity = WINO_Q2(1, A, B),
              .pair = {WINO_R2(1, B), WINO_R2(1, A)}}},
};
#undef A
#undef B

/* F(6x6) with F(4x4) and F(2x2) at the border: 0, +-1, +-2, +-1/2, infinity. */
static const struct wino_set wino_f6 = {
    .pairs = 3,
    .infinity = 1,
    .p = {1, 2, 0.5},
    .power = {WINO_POWERS(1), WINO_POWERS(2), WINO_POWERS(0.5)},
    .g = {{1 / -1.0},
          {0, 0, 1},
          WINO_G(1.0, WINO_N3(1.0, 2.0, 0.5)),
          WINO_G(-1.0, WINO_N3(1.0, 2.0, 0.5)),
          WINO_G(2.0, WINO_N3(2.0, 1.0, 0.5)),
          WINO_G(-2.0, WINO_N3(2.0, 1.0, 0.5)),
          WINO_G(0.5, WINO_N3(0.5, 1.0, 2.0)),
          WINO_G(-0.5, WINO_N3(0.5, 1.0, 2.0))},
    .size = {{.zero = WINO_Q1(1, 1),
              .infinity = WINO_Q1(1, 1),
              .pair = {WINO_R1(WINO_N3(1.0, 2.0, 0.5) / WINO_N1(1.0))}},
             {.zero = WINO_Q2(-0.25, 1, 2),
              .infinity = WINO_Q2(1, 1, 2),
              .pair = {WINO_R2(WINO_N3(1.0, 2.0, 0.5) / WINO_N2(1.0, 2.0), 2),
                       WINO_R2(WINO_N3(2.0, 1.0, 0.5) / WINO_N2(2.0, 1.0), 1)}},
             {.zero = WINO_Q3(1, 1, 2, 0.5),
              .infinity = WINO_Q3(1, 1, 2, 0.5),
              .pair = {WINO_R3(1, 2, 0.5), WINO_R3(1, 1, 0.5), WINO_R3(1, 1, 2)}}},
};

/* F(7x7) with F(5x5), F(3x3) and F(1x1) at the border: 0, +-3/2, +-1/2, +-4, +-7/8. Of the sets of four pairs
 * without infinity that were simulated the one with the smallest error (docs/numerics.md). The column of +-4
 * in A^T is scaled by 1/64 and their rows of G by 64: the products would be so small that denormals lose more
 * than the bound allows. */
#define A (3 / 2.0)
#define B (1 / 2.0)
#define C 4.0
#define D (7 / 8.0)
static const struct wino_set wino_f7 = {
    .pairs = 4,
    .p = {A, B, C, D},
    .power = {WINO_POWERS(A), WINO_POWERS(B), WINO_SCALED_POWERS(1 / 64.0, C), WINO_POWERS(D)},
    .g = {{1 / (WINO_SQ(A) * WINO_SQ(B) * WINO_SQ(C) * WINO_SQ(D))},
          WINO_G(A, WINO_N4(A, B, C, D)),
          WINO_G(-A, WINO_N4(A, B, C, D)),
          WINO_G(B, WINO_N4(B, A, C, D)),
          WINO_G(-B, WINO_N4(B, A, C, D)),
          WINO_G(C, WINO_N4(C, A, B, D) / 64),
          WINO_G(-C, WINO_N4(C, A, B, D) / 64),
          WINO_G(D, WINO_N4(D, A, B, C)),
          WINO_G(-D, WINO_N4(D, A, B, C))},
    .size = {{.zero = WINO_Q1(-WINO_SQ(B) * WINO_SQ(C) * WINO_SQ(D), A),
              .pair = {WINO_R1(WINO_N4(A, B, C, D) / WINO_N1(A))}},
             {.zero = WINO_Q2(WINO_SQ(C) * WINO_SQ(D), A, B),
              .pair = {WINO_R2(WINO_N4(A, B, C, D) / WINO_N2(A, B), B),
                       WINO_R2(WINO_N4(B, A, C, D) / WINO_N2(B, A), A)}},
             {.zero = WINO_Q3(-WINO_SQ(D), A, B, C),
              .pair = {WINO_R3(WINO_N4(A, B, C, D) / WINO_N3(A, B, C), B, C),
                       WINO_R3(WINO_N4(B, A, C, D) / WINO_N3(B, A, C), A, C),
                       WINO_R3(WINO_N4(C, A, B, D) / WINO_N3(C, A, B), A, B)}},
             {.zero = WINO_Q4(1, A, B, C, D),
              .pair = {WINO_R4(1, B, C, D), WINO_R4(1, A, C, D), WINO_R4(1, A, B, D), WINO_R4(1, A, B, C)}}},
};
#undef A
#undef B
#undef C
#undef D

#endif
