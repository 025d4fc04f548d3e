/* The FMA peak, measured: chains of dependent FMAs, as many as it takes to keep two pipes of five cycles
 * busy, all in registers. What a kernel reaches is judged against this. */
#ifndef LW_FMA_PEAK_H
#define LW_FMA_PEAK_H

#include <stdint.h>
#include <string.h>

#ifndef LW_FMA_CHAINS
#define LW_FMA_CHAINS 12 /* leaves room for the two factors in 16 registers */
#endif

#if LW_FMA_ROUNDINGS == 1
/* The chain runs through the addend, as in the kernels: an FMA that overwrites its addend (all of NEON's)
 * would need a move otherwise. Factors of 1/2: it stops growing at 2^22. */
typedef vf fma_peak_v;
LW_INLINE fma_peak_v fma_peak_step(fma_peak_v x, fma_peak_v a, fma_peak_v b) { return v_fma(a, b, x); }
#else
/* Compilers pack plain C into the baseline's vectors where they can, so four lanes are its peak. The chain
 * runs through a factor, or the product would be computed once. Factor and addend of 1/2: it goes to 1. */
typedef float fma_peak_v __attribute__((vector_size(16)));
LW_INLINE fma_peak_v fma_peak_step(fma_peak_v x, fma_peak_v a, fma_peak_v b) { return x * a + b; }
#endif

/* Beyond this point the compiler knows nothing of the contents of memory: nothing is computed ahead or
 * dropped. */
#define LW_FMA_PEAK_BARRIER(memory) __asm__ volatile("" : : "r"(memory) : "memory")

/* Does `steps` FMAs on each chain and returns the FLOPs done. */
static double fma_peak(int64_t steps) {
    enum { LANES = sizeof(fma_peak_v) / sizeof(float) };
    float half[LANES], memory[LW_FMA_CHAINS * LANES];
    for (int i = 0; i < LANES; i++)
        half[i] = 0.5f;
    for (int i = 0; i < LW_FMA_CHAINS * LANES; i++)
        memory[i] = 0.25f * (float)(i + 1);
    LW_FMA_PEAK_BARRIER(half);
    LW_FMA_PEAK_BARRIER(memory);
    fma_peak_v a, b, x[LW_FMA_CHAINS];
    memcpy(&a, half, sizeof a);
    memcpy(&b, half, sizeof b);
    LW_UNROLL
    for (int i = 0; i < LW_FMA_CHAINS; i++)
        memcpy(&x[i], memory + i * LANES, sizeof x[i]);
    for (int64_t step = 0; step < steps; step++) {
        LW_UNROLL
        for (int i = 0; i < LW_FMA_CHAINS; i++)
            x[i] = fma_peak_step(x[i], a, b);
    }
    LW_UNROLL
    for (int i = 0; i < LW_FMA_CHAINS; i++)
        memcpy(memory + i * LANES, &x[i], sizeof x[i]);
    LW_FMA_PEAK_BARRIER(memory);
    return 2.0 * LANES * LW_FMA_CHAINS * (double)steps;
}

#undef LW_FMA_PEAK_BARRIER

#endif
