/* What every algorithm template starts from: the row contract, this ISA's vectors and tiles, names. */
#ifndef LW_TEMPLATE_H
#define LW_TEMPLATE_H

#include <math.h>
#include <string.h>
#include "kernel.h"
#include "unroll.h"

#define LW_STRING_(x) #x
#define LW_STRING(x)  LW_STRING_(x)

#define LW_JOIN_(a, b) a##b
#define LW_JOIN(a, b)  LW_JOIN_(a, b)

/* Rows of a template: LW_ROW(relu, .algorithm = "map", ...) is named relu_avx2, and LW_TILED_ROW(conv_direct,
 * LW_TILE(6, 2), ...) conv_direct_avx2_t6x2. isa_table.inc says what becomes of LW_NAMED_ROW. */
#define LW_TILE(pixels, vectors) LW_JOIN(pixels, LW_JOIN(x, vectors))
#define LW_ROW(family, ...)      LW_NAMED_ROW(LW_ROW_NAME(family), .tile = "", __VA_ARGS__)
#define LW_TILED_ROW(family, tile_, ...)                                                                     \
    LW_NAMED_ROW(LW_JOIN(LW_ROW_NAME(family), LW_JOIN(_t, tile_)), .tile = LW_STRING(tile_), __VA_ARGS__)
#define LW_ROW_NAME(family) LW_JOIN(family##_, LW_ISA_NAME)

#define LW_LAYOUT_BIT(layout) (1u << (layout))
#define LW_ANY_LAYOUT         (LW_LAYOUT_BIT(LW_NCHW) | LW_LAYOUT_BIT(LW_NHWC) | LW_LAYOUT_BIT(LW_BLOCKED))

/* LW_REPEAT(n, M, a): M(1, a) M(2, a) ... M(n, a) */
#define LW_REPEAT(n, M, a)  LW_REPEAT_(n, M, a)
#define LW_REPEAT_(n, M, a) LW_REPEAT_##n(M, a)
#define LW_REPEAT_1(M, a)   M(1, a)
#define LW_REPEAT_2(M, a)   LW_REPEAT_1(M, a) M(2, a)
#define LW_REPEAT_3(M, a)   LW_REPEAT_2(M, a) M(3, a)
#define LW_REPEAT_4(M, a)   LW_REPEAT_3(M, a) M(4, a)
#define LW_REPEAT_5(M, a)   LW_REPEAT_4(M, a) M(5, a)
#define LW_REPEAT_6(M, a)   LW_REPEAT_5(M, a) M(6, a)
#define LW_REPEAT_7(M, a)   LW_REPEAT_6(M, a) M(7, a)
#define LW_REPEAT_8(M, a)   LW_REPEAT_7(M, a) M(8, a)
#define LW_REPEAT_9(M, a)   LW_REPEAT_8(M, a) M(9, a)
#define LW_REPEAT_10(M, a)  LW_REPEAT_9(M, a) M(10, a)
#define LW_REPEAT_11(M, a)  LW_REPEAT_10(M, a) M(11, a)
#define LW_REPEAT_12(M, a)  LW_REPEAT_11(M, a) M(12, a)
#define LW_REPEAT_13(M, a)  LW_REPEAT_12(M, a) M(13, a)
#define LW_REPEAT_14(M, a)  LW_REPEAT_13(M, a) M(14, a)

/* Vectors in a block of 16 channels. */
#define LW_BLOCK_VECTORS (LW_BLOCK / VL)

/* The sum of sixteen lanes, by halves from sixteen to one: in the same order in every ISA. */
LW_INLINE float sum_by_halves(vf lanes[LW_BLOCK_VECTORS]) {
    LW_UNROLL
    for (int half = LW_BLOCK_VECTORS / 2; half > 0; half /= 2) {
        LW_UNROLL
        for (int v = 0; v < half; v++)
            lanes[v] = v_add(lanes[v], lanes[v + half]);
    }
    return v_sum(lanes[0]);
}

/* Lanes begin .. end-1 are all ones, the others zero. */
LW_INLINE vf lane_mask(int64_t begin, int64_t end) {
    static const union {
        uint32_t bits[3 * LW_BLOCK];
        float floats[3 * LW_BLOCK];
    } ramp = {
        .bits = {
            [LW_BLOCK] = ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u}};
    const float *ones = ramp.floats + LW_BLOCK;
    begin = lw_max(0, lw_min(VL, begin));
    end = lw_max(0, lw_min(VL, end));
    return v_mask(v_load(ones - begin), v_load(ones + LW_BLOCK - end));
}

#endif
