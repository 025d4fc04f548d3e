/* Winograd's minimal filtering F(m, 3) by the Toom-Cook construction, along one axis (Winograd 1980; Lavin
 * and Gray, arXiv:1509.09308; the choice of points: Barabasz et al., arXiv:1803.10986).
 *
 * The points are 0, infinity and P pairs +-p, so m = 2P and there are 2P + 2 products. With t = x^2 and, for
 * a pair p, R_p(t) = product over the other pairs q of (t - q^2):
 *
 *   row of B^T for +-p:      (x^2 R_p(x^2) +- p x R_p(x^2))      even inputs E, odd inputs O: E +- p O
 *   row of B^T for 0:        product of (x^2 - q^2)              even inputs only
 *   row of B^T for infinity: x times that                        odd inputs only
 *   row of G for point p:    (1, p, p^2) / N_p,  N_p = 2 p^2 R_p(p^2);  N_0 = product of (-q^2);  (0, 0, 1)
 *   column of A^T for p:     (1, p, ..., p^(m-1));  infinity: the last row alone
 *
 * A set's tile sizes 2, 4, 6 use its first one, two, three pairs. They share ONE weight set: G is scaled by
 * the N of the largest tile, and a smaller tile's B^T by the ratio of its N's, which is exact in float for
 * the sets below. */
#ifndef LW_WINOGRAD_MATRICES_H
#define LW_WINOGRAD_MATRICES_H

#define WINO_MAX_PAIRS  3
#define WINO_MAX_POINTS 8 /* along one axis, in the order 0, infinity, +p1, -p1, +p2, -p2, +p3, -p3 */

/* What a tile size needs of its set; float, since every entry is exact. */
struct wino_size {
    float zero[WINO_MAX_PAIRS + 1];             /* row of 0, inputs 0, 2, 4, 6 */
    float infinity[WINO_MAX_PAIRS + 1];         /* row of infinity, inputs 1, 3, 5, 7 */
    float pair[WINO_MAX_PAIRS][WINO_MAX_PAIRS]; /* scaled R_p: E from inputs 2, 4, 6; O from 1, 3, 5 */
};

struct wino_set {
    int pairs;                                       /* of the largest tile */
    float p[WINO_MAX_PAIRS];                         /* the points */
    float power[WINO_MAX_PAIRS][2 * WINO_MAX_PAIRS]; /* 1, p, p^2, ..., p^5 */
    double g[WINO_MAX_POINTS][3];                    /* G, in double */
    struct wino_size size[WINO_MAX_PAIRS];           /* tiles of 2, 4, 6 */
};

#define WINO_SQ(p) ((p) * (p))
#define WINO_POWERS(p)                                                                                       \
    { 1, p, (p) * (p), (p) * (p) * (p), (p) * (p) * (p) * (p), (p) * (p) * (p) * (p) * (p) }
#define WINO_G(p, N)                                                                                         \
    { 1 / (N), (p) / (N), (p) * (p) / (N) }

/* N_p of pair a beside b and c. */
#define WINO_N1(a)       (2 * WINO_SQ(a))
#define WINO_N2(a, b)    (2 * WINO_SQ(a) * (WINO_SQ(a) - WINO_SQ(b)))
#define WINO_N3(a, b, c) (2 * WINO_SQ(a) * (WINO_SQ(a) - WINO_SQ(b)) * (WINO_SQ(a) - WINO_SQ(c)))

/* R_a scaled by s, beside no, one and two other pairs. */
#define WINO_R1(s)                                                                                           \
    { (s) }
#define WINO_R2(s, b)                                                                                        \
    { -(s)*WINO_SQ(b), (s) }
#define WINO_R3(s, b, c)                                                                                     \
    { (s) * WINO_SQ(b) * WINO_SQ(c), -(s) * (WINO_SQ(b) + WINO_SQ(c)), (s) }

/* Coefficients of the product of (t - q^2), scaled by s. */
#define WINO_Q1(s, a)                                                                                        \
    { -(s)*WINO_SQ(a), (s) }
#define WINO_Q2(s, a, b)                                                                                     \
    { (s) * WINO_SQ(a) * WINO_SQ(b), -(s) * (WINO_SQ(a) + WINO_SQ(b)), (s) }
#define WINO_Q3(s, a, b, c)                                                                                  \
    {                                                                                                        \
        -(s)*WINO_SQ(a) * WINO_SQ(b) * WINO_SQ(c),                                                           \
            (s) * (WINO_SQ(a) * WINO_SQ(b) + WINO_SQ(a) * WINO_SQ(c) + WINO_SQ(b) * WINO_SQ(c)),             \
            -(s) * (WINO_SQ(a) + WINO_SQ(b) + WINO_SQ(c)), (s)                                               \
    }

/* F(2x2): 0, +-1, infinity. */
static const struct wino_set wino_f2 = {
    .pairs = 1,
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

#endif
