/* Every vec.h operation of every ISA usable here against plain C: bit for bit where IEEE 754 defines the
 * bits, on ordinary, special and denormal values, in every lane; tails of every length between guard pages.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise.h"
#include "reference/guard.h"
#include "vec_ops.h"

enum { MAX_LANES = 64 };

#define LW_ISA(isa) extern const struct lw_vec_ops lw_vec_ops_##isa;
#include "isa_list.inc"
#undef LW_ISA

static const struct lw_vec_ops *const all_ops[] = {
#define LW_ISA(isa) &lw_vec_ops_##isa,
#include "isa_list.inc"
#undef LW_ISA
};
enum { ISA_COUNT = sizeof all_ops / sizeof *all_ops };

/* NULL: this ISA isn't asked for, or can't run here (main() in common.c says so). */
static const struct lw_vec_ops *usable_ops(size_t i) {
    const char *only = getenv("LANEWISE_TEST_ISA");
    lw_isa_info info;
    if (only && strcmp(only, all_ops[i]->name) != 0) return NULL;
    for (size_t k = 0; k < lw_isa_count(); k++)
        if (lw_isa_get(k, &info) == LW_OK && strcmp(info.name, all_ops[i]->name) == 0)
            return info.usable ? all_ops[i] : NULL;
    cr_assert(false, "the library doesn't know %s", all_ops[i]->name);
    return NULL;
}

#define FOR_EACH_ISA(ops)                                                                                    \
    for (size_t isa_ = 0; isa_ < ISA_COUNT; isa_++)                                                          \
        for (const struct lw_vec_ops *ops = usable_ops(isa_); ops; ops = NULL)

/* ---- values -------------------------------------------------------------------------------------------- */

static uint32_t bits_of(float x) {
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}
static float of_bits(uint32_t b) {
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static const uint32_t special_bits[] = {
    0x00000000, 0x80000000,                         /* zeros */
    0x00000001, 0x80000001, 0x00012345, 0x807fffff, /* denormals */
    0x00800000, 0x80800000, 0x00800001,             /* the smallest normals */
    0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, /* the largest, infinities */
    0x7fc00000, 0xffc00000, 0x7fc12345, 0xffedcba9, /* quiet NaNs, with payloads */
    0x3f800000, 0xbf800000, 0x3f800001, 0x3f7fffff, /* about one */
    0x3f000000, 0xbf000000, 0x3fc00000, 0x40200000, 0xc0600000, 0x3effffff, 0x3f000001, /* halves: rounding */
    0x4b000001, 0x4affffff, 0xcb7fffff, 0x4effffff, 0xcf000000, 0x5f123456, /* big ones: rounding */
    0x40490fdb, 0xc2f6e979, 0x35a3d70a, 0xb8d1b717, 0x1e3ce508, 0xe0ad78ec,
};
enum { SPECIALS = sizeof special_bits / sizeof *special_bits };

static uint64_t random_state = 88172645463325252u;
static uint32_t random_bits(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16);
}
static float random_small(void) { return (float)((int)(random_bits() % 2001) - 1000); }

/* The i-th value of operand number `operand`: all combinations of specials first, then any bits at all. */
static float value(uint64_t i, int operand, int operands) {
    uint64_t combinations = 1, divisor = 1;
    for (int k = 0; k < operands; k++) {
        combinations *= SPECIALS;
        divisor *= k < operand ? SPECIALS : 1;
    }
    return of_bits(i < combinations ? special_bits[i / divisor % SPECIALS] : random_bits());
}

/* ---- lane by lane -------------------------------------------------------------------------------------- */

struct scalar_op {
    const char *name;
    int operands;
    bool exact_nan; /* a NaN result is one of the operands, and keeps its bits */
    float (*plain)(float a, float b, float c, int fma_roundings);
};

static float plain_relu(float a, float b, float c, int f) {
    return (void)b, (void)c, (void)f, a < 0 ? 0.0f : a;
}
static float plain_round(float a, float b, float c, int f) {
    return (void)b, (void)c, (void)f, nearbyintf(a);
}
static float plain_add(float a, float b, float c, int f) { return (void)c, (void)f, a + b; }
static float plain_sub(float a, float b, float c, int f) { return (void)c, (void)f, a - b; }
static float plain_mul(float a, float b, float c, int f) { return (void)c, (void)f, a * b; }
static float plain_div(float a, float b, float c, int f) { return (void)c, (void)f, a / b; }
static float plain_mask(float a, float b, float c, int f) {
    union {
        float value;
        uint32_t bits;
    } x = {.value = a}, y = {.value = b};
    x.bits &= y.bits;
    return (void)c, (void)f, x.value;
}
static float plain_max(float m, float x, float c, int f) { return (void)c, (void)f, x > m ? x : m; }
static float plain_max_keep(float m, float x, float c, int f) {
    return (void)c, (void)f, x > m || isnan(x) ? x : m;
}
static float plain_fma(float a, float b, float c, int f) { return f == 1 ? fmaf(a, b, c) : a * b + c; }
static float plain_fnma(float a, float b, float c, int f) { return f == 1 ? fmaf(-a, b, c) : c - a * b; }

static const struct scalar_op relu_op = {"v_relu", 1, true, plain_relu},
                              round_op = {"v_round", 1, false, plain_round},
                              add_op = {"v_add", 2, false, plain_add},
                              sub_op = {"v_sub", 2, false, plain_sub},
                              mul_op = {"v_mul", 2, false, plain_mul},
                              div_op = {"v_div", 2, false, plain_div},
                              mask_op = {"v_mask", 2, true, plain_mask},
                              max_op = {"v_max", 2, true, plain_max},
                              keep_op = {"v_max_keep", 2, true, plain_max_keep},
                              fma_op = {"v_fma", 3, false, plain_fma},
                              sum_op = {"v_fma_sum", 3, false, plain_fma},
                              fnma_op = {"v_fnma", 3, false, plain_fnma};

static bool same(float got, float want, bool exact_nan) {
    return bits_of(got) == bits_of(want) || (!exact_nan && isnan(got) && isnan(want));
}

static void call(const struct lw_vec_ops *ops, const struct scalar_op *op, float *r, float (*in)[MAX_LANES]) {
    struct {
        const struct scalar_op *op;
        void (*unary)(float *, const float *);
        void (*binary)(float *, const float *, const float *);
        void (*ternary)(float *, const float *, const float *, const float *);
    } calls[] = {{.op = &relu_op, .unary = ops->relu},      {.op = &round_op, .unary = ops->round},
                 {.op = &add_op, .binary = ops->add},       {.op = &sub_op, .binary = ops->sub},
                 {.op = &mul_op, .binary = ops->mul},       {.op = &div_op, .binary = ops->div},
                 {.op = &mask_op, .binary = ops->mask},     {.op = &max_op, .binary = ops->max},
                 {.op = &keep_op, .binary = ops->max_keep}, {.op = &fma_op, .ternary = ops->fma},
                 {.op = &sum_op, .ternary = ops->fma_sum},  {.op = &fnma_op, .ternary = ops->fnma}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (calls[i].op != op) continue;
        if (calls[i].unary) calls[i].unary(r, in[0]);
        if (calls[i].binary) calls[i].binary(r, in[0], in[1]);
        if (calls[i].ternary) calls[i].ternary(r, in[0], in[1], in[2]);
    }
}

/* Windows of `lanes` values that start at every index: each combination of specials visits each lane. */
static void check_lanes(const struct scalar_op *op) {
    uint64_t combinations = 1;
    for (int k = 0; k < op->operands; k++)
        combinations *= SPECIALS;
    FOR_EACH_ISA(ops) {
        float in[3][MAX_LANES], got[MAX_LANES];
        for (uint64_t start = 0; start < combinations + 20000; start++) {
            for (int k = 0; k < op->operands; k++)
                for (int l = 0; l < ops->lanes; l++)
                    in[k][l] = value((start + (uint64_t)l) % (combinations + 20000), k, op->operands);
            memset(got, 0xa5, sizeof got);
            call(ops, op, got, in);
            for (int l = 0; l < ops->lanes; l++) {
                float b = op->operands > 1 ? in[1][l] : 0, c = op->operands > 2 ? in[2][l] : 0;
                float want = op->plain(in[0][l], b, c, ops->fma_roundings);
                cr_assert(same(got[l], want, op->exact_nan),
                          "%s of %s, lane %d: (%a, %a, %a) gives %a, not %a", op->name, ops->name, l,
                          in[0][l], b, c, got[l], want);
            }
        }
    }
}

Test(vec, relu) { check_lanes(&relu_op); }
Test(vec, round) { check_lanes(&round_op); }
Test(vec, add) { check_lanes(&add_op); }
Test(vec, sub) { check_lanes(&sub_op); }
Test(vec, mul) { check_lanes(&mul_op); }
Test(vec, div) { check_lanes(&div_op); }
Test(vec, mask) { check_lanes(&mask_op); }
Test(vec, max) { check_lanes(&max_op); }
Test(vec, max_keep) { check_lanes(&keep_op); }
Test(vec, fma) { check_lanes(&fma_op); }
Test(vec, fma_sum) { check_lanes(&sum_op); }
Test(vec, fnma) { check_lanes(&fnma_op); }

/* Of zeros either may come out, and of NaNs any. */
Test(vec, max_any) {
    FOR_EACH_ISA(ops)
    for (int s = 0; s < SPECIALS * SPECIALS; s++) {
        float m[MAX_LANES], x[MAX_LANES], any[MAX_LANES], no_nan[MAX_LANES];
        for (int l = 0; l < ops->lanes; l++) {
            m[l] = of_bits(special_bits[(s + l) / SPECIALS % SPECIALS]);
            x[l] = of_bits(special_bits[(s + l) % SPECIALS]);
        }
        ops->max_any(any, m, x);
        ops->max_any_no_nan(no_nan, m, x);
        for (int l = 0; l < ops->lanes; l++) {
            const bool nan = isnan(m[l]) || isnan(x[l]);
            const float want = x[l] > m[l] ? x[l] : m[l];
            cr_assert(nan ? isnan(any[l]) : any[l] == want, "%s: the larger of %a and %a is %a", ops->name,
                      m[l], x[l], any[l]);
            cr_assert(nan || no_nan[l] == want, "%s, no NaN: the larger of %a and %a is %a", ops->name, m[l],
                      x[l], no_nan[l]);
        }
    }
}

/* One that a product and a sum can't get right: (1 + u)(1 - u) - 1 = -u*u. */
Test(vec, fma_is_fused_where_it_says_so) {
    FOR_EACH_ISA(ops) {
        float a[MAX_LANES], b[MAX_LANES], c[MAX_LANES], r[MAX_LANES];
        for (int l = 0; l < ops->lanes; l++) {
            a[l] = 1 + 0x1p-20f;
            b[l] = 1 - 0x1p-20f;
            c[l] = -1;
        }
        ops->fma(r, a, b, c);
        for (int l = 0; l < ops->lanes; l++)
            cr_assert_eq(r[l], ops->fma_roundings == 1 ? -0x1p-40f : 0.0f, "%s: %a", ops->name, r[l]);
    }
}

Test(vec, pow2) {
    FOR_EACH_ISA(ops)
    for (int first = -126; first <= 127; first++) {
        float a[MAX_LANES], r[MAX_LANES];
        for (int l = 0; l < ops->lanes; l++)
            a[l] = (float)((first + 126 + l) % 254 - 126);
        ops->pow2(r, a);
        for (int l = 0; l < ops->lanes; l++)
            cr_assert_eq(r[l], ldexpf(1, (int)a[l]), "%s: 2^%g is %a", ops->name, a[l], r[l]);
    }
}

Test(vec, fma_lane_takes_its_lane) {
    FOR_EACH_ISA(ops)
    for (int round = 0; round < 1000; round++) {
        float acc[4 * MAX_LANES], before[4 * MAX_LANES], w[MAX_LANES], q[4];
        for (int i = 0; i < 4 * ops->lanes; i++)
            before[i] = acc[i] = of_bits(random_bits() % 0x7f000000);
        for (int l = 0; l < ops->lanes; l++)
            w[l] = of_bits(random_bits() % 0x7f000000);
        for (int i = 0; i < 4; i++)
            q[i] = of_bits(random_bits());
        ops->fma_lane(acc, w, q);
        for (int i = 0; i < 4 * ops->lanes; i++) {
            float want = plain_fma(w[i % ops->lanes], q[i / ops->lanes], before[i], ops->fma_roundings);
            cr_assert(same(acc[i], want, false), "%s, element %d: %a, not %a", ops->name, i, acc[i], want);
        }
    }
}

Test(vec, lane_keeps_all_bits) {
    FOR_EACH_ISA(ops)
    for (int s = 0; s < SPECIALS; s++) {
        float r[4 * MAX_LANES], q[4];
        for (int i = 0; i < 4; i++)
            q[i] = of_bits(special_bits[(s + i) % SPECIALS]);
        ops->lane(r, q);
        for (int i = 0; i < 4 * ops->lanes; i++)
            cr_assert(same(r[i], q[i / ops->lanes], true), "%s, element %d", ops->name, i);
    }
}

/* ---- whole vectors ------------------------------------------------------------------------------------- */

Test(vec, zero_and_set1) {
    FOR_EACH_ISA(ops)
    for (int s = 0; s < SPECIALS; s++) {
        float r[MAX_LANES];
        ops->set1(r, of_bits(special_bits[s]));
        for (int l = 0; l < ops->lanes; l++)
            cr_assert(same(r[l], of_bits(special_bits[s]), true), "v_set1 of %s, lane %d", ops->name, l);
        ops->zero(r);
        for (int l = 0; l < ops->lanes; l++)
            cr_assert_eq(bits_of(r[l]), 0, "v_zero of %s, lane %d", ops->name, l);
    }
}

/* Sums of small integers are exact in any order. */
Test(vec, sum_and_hmax) {
    FOR_EACH_ISA(ops)
    for (int round = 0; round < 10000; round++) {
        float a[MAX_LANES], sum = 0, max = -INFINITY;
        for (int l = 0; l < ops->lanes; l++) {
            a[l] = random_small();
            if (round % 7 == 0 && random_bits() % 8 == 0) a[l] = -INFINITY;
            sum += a[l];
            max = a[l] > max ? a[l] : max;
        }
        cr_assert_eq(ops->sum(a), sum, "v_sum of %s: %g, not %g", ops->name, ops->sum(a), sum);
        cr_assert_eq(ops->hmax(a), max, "v_hmax of %s: %g, not %g", ops->name, ops->hmax(a), max);
    }
}

/* Reproducible sums need one order: by halves, lane i + lane i + half of them. */
Test(vec, sum_by_halves) {
    FOR_EACH_ISA(ops)
    for (int round = 0; round < 10000; round++) {
        float a[MAX_LANES], s[MAX_LANES];
        for (int l = 0; l < ops->lanes; l++)
            a[l] = s[l] = (float)(int32_t)random_bits() * 0x1p-10f;
        for (int half = ops->lanes / 2; half > 0; half /= 2)
            for (int l = 0; l < half; l++)
                s[l] += s[l + half];
        cr_assert_eq(ops->sum(a), s[0], "v_sum of %s: %a, not %a", ops->name, ops->sum(a), s[0]);
    }
}

Test(vec, hmax_and_nan_in_sum_see_every_lane) {
    FOR_EACH_ISA(ops)
    for (int lane = 0; lane < ops->lanes; lane++) {
        float a[MAX_LANES];
        for (int l = 0; l < ops->lanes; l++)
            a[l] = l == lane ? -0x1p-149f : -1;
        cr_assert_eq(ops->hmax(a), -0x1p-149f, "v_hmax of %s, lane %d", ops->name, lane);
        a[lane] = NAN;
        cr_assert(isnan(ops->sum(a)), "v_sum of %s, lane %d", ops->name, lane);
    }
}

Test(vec, transpose) {
    FOR_EACH_ISA(ops) {
        float r[MAX_LANES * MAX_LANES];
        int n = ops->lanes;
        for (int i = 0; i < n * n; i++)
            r[i] = (float)i;
        ops->transpose(r);
        for (int i = 0; i < n * n; i++)
            cr_assert_eq(r[i], (float)(i % n * n + i / n), "%s, row %d, column %d", ops->name, i / n, i % n);
    }
}

/* ---- memory -------------------------------------------------------------------------------------------- */

/* Runs `body` with `count` floats between guard pages: at either end, at every misalignment. */
#define WITH_GUARDED(g, count, ops)                                                                          \
    for (int side_ = 0; side_ < 2; side_++)                                                                  \
        for (size_t off_ = 0; off_ <= (size_t)(ops)->lanes; off_++)                                          \
            for (struct lw_guard g = guarded((size_t)(count), side_, off_); g.map; check_guard(&g))

static struct lw_guard guarded(size_t count, int side, size_t offset) {
    struct lw_guard g;
    cr_assert(lw_guard_alloc(&g, count, side ? LW_GUARD_START : LW_GUARD_END, offset));
    for (size_t i = 0; i < count; i++)
        g.data[i] = (float)(i + 1);
    return g;
}
static void check_guard(struct lw_guard *g) {
    cr_assert(lw_guard_intact(g), "wrote outside of the %zu floats", g->count);
    lw_guard_free(g);
}

Test(vec, partial_loads) {
    FOR_EACH_ISA(ops)
    for (int n = 0; n <= ops->lanes; n++)
        WITH_GUARDED(g, n, ops) {
            float r[MAX_LANES];
            memset(r, 0xa5, sizeof r);
            ops->load_n(r, g.data, n);
            for (int l = 0; l < ops->lanes; l++)
                cr_assert_eq(bits_of(r[l]), bits_of(l < n ? (float)(l + 1) : 0.0f), "%s, n = %d, lane %d: %g",
                             ops->name, n, l, r[l]);
        }
}

Test(vec, partial_stores) {
    FOR_EACH_ISA(ops)
    for (int n = 0; n <= ops->lanes; n++)
        WITH_GUARDED(g, n, ops) {
            float a[MAX_LANES];
            for (int l = 0; l < MAX_LANES; l++)
                a[l] = (float)(100 + l);
            ops->store_n(g.data, a, n);
            for (int l = 0; l < n; l++)
                cr_assert_eq(g.data[l], a[l], "%s, n = %d, lane %d: %g", ops->name, n, l, g.data[l]);
        }
}

/* Bits go through loads and stores untouched, in whole vectors and in tails. */
Test(vec, memory_keeps_bits) {
    FOR_EACH_ISA(ops)
    for (int start = 0; start < SPECIALS; start++)
        for (int n = 0; n <= ops->lanes; n++) {
            uint32_t in[MAX_LANES], part[MAX_LANES] = {0}, whole[MAX_LANES] = {0};
            for (int l = 0; l < ops->lanes; l++)
                in[l] = special_bits[(start + l) % SPECIALS];
            ops->copy((float *)whole, (const float *)in);
            ops->store_n((float *)part, (const float *)in, n);
            cr_assert_arr_eq(whole, in, sizeof *in * (size_t)ops->lanes, "v_load, v_store of %s", ops->name);
            cr_assert_arr_eq(part, in, sizeof *in * (size_t)n, "v_store_n of %s, n = %d", ops->name, n);
            ops->load_n((float *)part, (const float *)in, n);
            cr_assert_arr_eq(part, in, sizeof *in * (size_t)n, "v_load_n of %s, n = %d", ops->name, n);
        }
}

Test(vec, whole_loads_and_stores) {
    FOR_EACH_ISA(ops)
    WITH_GUARDED(g, ops->lanes, ops) {
        float r[MAX_LANES];
        ops->copy(r, g.data);
        ops->copy(g.data, r);
        for (int l = 0; l < ops->lanes; l++)
            cr_assert(r[l] == (float)(l + 1) && g.data[l] == r[l], "%s, lane %d", ops->name, l);
    }
}

Test(vec, deinterleave) {
    FOR_EACH_ISA(ops)
    WITH_GUARDED(g, 2 * ops->lanes, ops) {
        float even[MAX_LANES], odd[MAX_LANES];
        ops->deinterleave(even, odd, g.data);
        for (int l = 0; l < ops->lanes; l++)
            cr_assert(even[l] == (float)(2 * l + 1) && odd[l] == (float)(2 * l + 2), "%s, lane %d", ops->name,
                      l);
    }
}

Test(vec, unzip) {
    FOR_EACH_ISA(ops) {
        float x[2 * MAX_LANES], even[MAX_LANES], odd[MAX_LANES];
        for (int i = 0; i < 2 * MAX_LANES; i++)
            x[i] = (float)i;
        ops->unzip(even, odd, x, x + ops->lanes);
        for (int l = 0; l < ops->lanes; l++)
            cr_assert(even[l] == (float)(2 * l) && odd[l] == (float)(2 * l + 1), "%s, lane %d", ops->name, l);
    }
}

Test(vec, quad_reads_four) {
    FOR_EACH_ISA(ops)
    WITH_GUARDED(g, 4, ops) {
        float acc[4 * MAX_LANES] = {0}, w[MAX_LANES];
        ops->set1(w, 2);
        ops->fma_lane(acc, w, g.data);
        for (int i = 0; i < 4 * ops->lanes; i++)
            cr_assert_eq(acc[i], 2 * (float)(i / ops->lanes + 1), "%s, element %d", ops->name, i);
    }
}

Test(vec, fma_peak_counts_flops) {
    FOR_EACH_ISA(ops) {
        double one = ops->fma_peak(1), many = ops->fma_peak(1000);
        cr_assert(one >= 2.0 * ops->lanes * 8, "%s: %g", ops->name, one);
        cr_assert_eq(many, 1000 * one, "%s: %g", ops->name, many);
    }
}
