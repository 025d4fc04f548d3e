/* Counter-based: element i is a hash of (seed, i), made with integer arithmetic and single exactly rounded
 * double operations, so that every compiler and CPU gives the same bits. */
#include "fill.h"

#include <string.h>

static const char *const names[LW_FILL_COUNT] = {"normal",  "uniform", "integer",   "cancel",   "range",
                                                 "one-hot", "equal",   "alternate", "denormal", "special"};

const char *lw_fill_name(enum lw_fill kind) {
    return (unsigned)kind < LW_FILL_COUNT ? names[kind] : "unknown";
}

/* splitmix64 */
static uint64_t hash(uint64_t seed, uint64_t i) {
    uint64_t z = seed + (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int64_t sum_of_quarters(uint64_t h) {
    return (int64_t)((h & 0xFFFF) + ((h >> 16) & 0xFFFF) + ((h >> 32) & 0xFFFF) + (h >> 48));
}

/* The sum of eight uniform 16-bit integers, centred and scaled to variance 1: within 5 sigma, and close to
 * normal. */
static float normal(uint64_t seed, uint64_t i) {
    int64_t sum = sum_of_quarters(hash(seed, 2 * i)) + sum_of_quarters(hash(seed, 2 * i + 1));
    return (float)((double)(sum - 4 * 65535) * 0x1.3988e1412ed76p-16); /* 1 / sqrt(8 * (2^32 - 1) / 12) */
}

static float uniform(uint64_t h) { return (float)((int64_t)(h >> 40) - (1 << 23)) * 0x1p-23f; }

static float from_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Eight neighbours share an exponent, at the same place of every plane. */
static float range(uint64_t seed, uint64_t i, uint64_t plane) {
    uint32_t exponent = 127 - 20 + (uint32_t)(hash(~seed, i % plane / 8) % 41);
    uint64_t h = hash(seed, i);
    return from_bits((uint32_t)(h >> 63) << 31 | exponent << 23 | (uint32_t)(h & 0x7FFFFF));
}

static float denormal(uint64_t h) {
    return from_bits((uint32_t)(h >> 63) << 31 | (uint32_t)(h & 0x7FFFFF) >> (h >> 32) % 23);
}

/* NaN and Inf are rare, or every output had one in its window and nothing else were compared. */
enum { RARE = 16381 }; /* a prime: they move through rows and columns */

static float special(uint64_t seed, uint64_t i, uint64_t hot) {
    static const uint32_t infinite[] = {0x7FC00000, 0x7F800000, 0xFF800000};
    static const uint32_t finite[] = {0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF};
    uint64_t h = hash(~seed, i);
    if (i % RARE == hot % RARE) return from_bits(infinite[h % 3]);
    return h % 16 == 0 ? from_bits(finite[(h >> 32) % 5]) : normal(seed, i);
}

struct stream {
    enum lw_fill kind;
    uint64_t key;
    uint64_t hot;   /* the element that isn't like the others */
    uint64_t plane; /* elements of an image plane, all of a tensor that has none */
};

static float element(const struct stream *s, uint64_t i) {
    switch (s->kind) {
    case LW_FILL_UNIFORM:
        return uniform(hash(s->key, i));
    case LW_FILL_INTEGER:
        return (float)((int64_t)(hash(s->key, i) % 9) - 4);
    case LW_FILL_CANCEL:
        return 4096.0f + normal(s->key, i);
    case LW_FILL_RANGE:
        return range(s->key, i, s->plane);
    case LW_FILL_ONE_HOT:
        return i == s->hot ? 1.0f : 0.0f;
    case LW_FILL_EQUAL:
        return 0.1f;
    case LW_FILL_ALTERNATE:
        return i % 2 == 0 ? 0.7f : -0.7f;
    case LW_FILL_DENORMAL:
        return denormal(hash(s->key, i));
    case LW_FILL_SPECIAL:
        return special(s->key, i, s->hot);
    default:
        return normal(s->key, i);
    }
}

static void fill_planes(float *data, size_t count, size_t plane, enum lw_fill kind, uint64_t seed) {
    struct stream s = {.kind = kind, .plane = plane};
    s.key = hash(seed, (uint64_t)kind); /* neighbouring seeds give unrelated streams */
    s.hot = count > 0 ? hash(s.key, count) % count : 0;
    for (size_t i = 0; i < count; i++)
        data[i] = element(&s, i);
}

void lw_fill(float *data, size_t count, enum lw_fill kind, uint64_t seed) {
    fill_planes(data, count, count, kind, seed);
}

/* Rows of +w, -w; what has no partner is 0. */
static void fill_opposites(float *data, size_t count, size_t row, uint64_t seed) {
    for (size_t i = 0; i < count; i++) {
        size_t column = i % row;
        float w = normal(seed, i - column % 2);
        data[i] = column % 2 ? -w : column + 1 < row ? w : 0.0f;
    }
}

/* Of the weights and the bias of a kind. */
static const enum lw_fill weight_kinds[LW_FILL_COUNT] = {
    [LW_FILL_UNIFORM] = LW_FILL_UNIFORM,
    [LW_FILL_INTEGER] = LW_FILL_INTEGER,
    [LW_FILL_EQUAL] = LW_FILL_EQUAL,
    [LW_FILL_ALTERNATE] = LW_FILL_ALTERNATE, /* normal where not named */
};
static const enum lw_fill bias_kinds[LW_FILL_COUNT] = {
    [LW_FILL_UNIFORM] = LW_FILL_UNIFORM,   [LW_FILL_INTEGER] = LW_FILL_INTEGER,
    [LW_FILL_RANGE] = LW_FILL_RANGE, /* a small sum isn't lost in a large bias */
    [LW_FILL_EQUAL] = LW_FILL_EQUAL,       [LW_FILL_ALTERNATE] = LW_FILL_ALTERNATE,
    [LW_FILL_DENORMAL] = LW_FILL_DENORMAL,
};

void lw_fill_problem(const lw_desc *d, enum lw_fill kind, uint64_t seed, float *src, float *weights,
                     float *bias) {
    size_t plane = (size_t)(d->ih * d->iw), count = lw_weight_floats(d);
    fill_planes(src, (size_t)(d->batch * d->ic) * plane, plane, kind, seed);
    if (weights && kind == LW_FILL_CANCEL)
        fill_opposites(weights, count, count / (size_t)d->oc, seed + 1);
    else if (weights)
        lw_fill(weights, count, weight_kinds[kind], seed + 1);
    if (bias) lw_fill(bias, (size_t)d->oc, bias_kinds[kind], seed + 2);
}
