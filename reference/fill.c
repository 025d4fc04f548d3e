/* Counter-based: element i is a hash of (seed, i), made with integer arithmetic and single exactly rounded
 * double operations, so that every compiler and CPU gives the same bits. */
#include "fill.h"

#include <string.h>

static const char *const names[LW_FILL_COUNT] = {"normal",  "uniform", "integer",   "cancel", "range",
                                                 "one-hot", "equal",   "alternate", "special"};

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

/* Pairs +a, -(a - noise) with |a| around 2^12: sums lose twelve bits. */
static float cancel(uint64_t seed, uint64_t i) {
    float a = 4096.0f * normal(seed, i / 2);
    return i % 2 == 0 ? a : normal(~seed, i) - a;
}

static float range(uint64_t h) {
    uint32_t exponent = 127 - 20 + (uint32_t)((h >> 32) % 41);
    return from_bits((uint32_t)(h >> 63) << 31 | exponent << 23 | (uint32_t)(h & 0x7FFFFF));
}

/* Every 64th or so is a special value. */
static float special(uint64_t seed, uint64_t i) {
    static const uint32_t values[] = {0x7FC00000, 0x7F800000, 0xFF800000, 0x80000000,
                                      0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF};
    uint64_t h = hash(~seed, i);
    return h % 64 == 0 ? from_bits(values[(h >> 32) % 8]) : normal(seed, i);
}

static float element(enum lw_fill kind, uint64_t seed, uint64_t i, uint64_t hot) {
    switch (kind) {
    case LW_FILL_UNIFORM:
        return uniform(hash(seed, i));
    case LW_FILL_INTEGER:
        return (float)((int64_t)(hash(seed, i) % 9) - 4);
    case LW_FILL_CANCEL:
        return cancel(seed, i);
    case LW_FILL_RANGE:
        return range(hash(seed, i));
    case LW_FILL_ONE_HOT:
        return i == hot ? 1.0f : 0.0f;
    case LW_FILL_EQUAL:
        return 0.1f;
    case LW_FILL_ALTERNATE:
        return i % 2 == 0 ? 0.7f : -0.7f;
    case LW_FILL_SPECIAL:
        return special(seed, i);
    default:
        return normal(seed, i);
    }
}

void lw_fill(float *data, size_t count, enum lw_fill kind, uint64_t seed) {
    uint64_t key = hash(seed, (uint64_t)kind); /* neighbouring seeds give unrelated streams */
    uint64_t hot = count > 0 ? hash(key, 0) % count : 0;
    for (size_t i = 0; i < count; i++)
        data[i] = element(kind, key, i, hot);
}
