/* The FMA peak, measured: chains of dependent FMAs, as many as it takes to keep two pipes of five cycles
 * busy, all in registers. What a kernel reaches is judged against this. */
#ifndef LW_FMA_PEAK_H
#define LW_FMA_PEAK_H

#include <stdint.h>

#ifndef LW_FMA_CHAINS
#define LW_FMA_CHAINS 12 /* leaves room for the two factors in 16 registers */
#endif

/* One step of a chain. Fused, the chain runs through the addend, as in the kernels: an FMA that overwrites
 * its addend (all of NEON's) would need a move otherwise. Unfused, that would leave the product to be
 * computed once. */
LW_INLINE vf fma_peak_step(vf x, vf a, vf b) {
    return LW_FMA_ROUNDINGS == 1 ? v_fma(a, b, x) : v_fma(x, a, b);
}

/* Does `steps` FMAs on each chain and returns the FLOPs done. With both factors 1/2 a chain stops growing at
 * 2^22, or goes to 1: no overflow, no denormals. The factors and the result pass through volatile memory, so
 * that nothing is computed ahead or dropped. */
static double fma_peak(int64_t steps) {
    static volatile float factor = 0.5f;
    static const float spread[] = {0.25f, 0.5f, 0.75f, 1.25f, 1.5f, 1.75f, 2.0f, 2.25f};
    vf a = v_set1(factor), b = v_set1(factor), x[LW_FMA_CHAINS];

    LW_UNROLL
    for (int i = 0; i < LW_FMA_CHAINS; i++)
        x[i] = v_set1(spread[i % 8] + (float)i * factor);
    for (int64_t step = 0; step < steps; step++) {
        LW_UNROLL
        for (int i = 0; i < LW_FMA_CHAINS; i++)
            x[i] = fma_peak_step(x[i], a, b);
    }
    LW_UNROLL
    for (int i = 1; i < LW_FMA_CHAINS; i++)
        x[0] = v_add(x[0], x[i]);
    volatile float sink = v_sum(x[0]);
    (void)sink;
    return 2.0 * VL * LW_FMA_CHAINS * (double)steps;
}

#endif
