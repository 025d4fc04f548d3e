/* Forced unrolling. Without it the accumulators of a register tile live in memory and a kernel runs at a
 * third of its speed, so every loop over a register tile carries LW_UNROLL. */
#ifndef LW_UNROLL_H
#define LW_UNROLL_H

#if defined(__clang__)
#define LW_UNROLL    _Pragma("clang loop unroll(full)")
#define LW_NO_UNROLL _Pragma("clang loop unroll(disable)")
#else
#define LW_UNROLL    _Pragma("GCC unroll 64")
#define LW_NO_UNROLL _Pragma("GCC unroll 1")
#endif

/* Loads stay on their side of this: moved up, into the products before them, they would push accumulators out
 * of the registers. */
#define LW_KEEP_LOADS __asm__ volatile("" ::: "memory")

/* The compiler knows nothing of the pointer from here on: addresses are constants from it, not values
 * computed ahead and kept (or spilled) for each load. */
#define LW_NEW_BASE(p) __asm__ volatile("" : "+r"(p))

/* The constant is made here, each time: kept in a register across a loop over tiles it would push a sum out
 * of the last one. constraint: of a vector's register. */
#define LW_HERE(constraint, vector) __asm__ volatile("" : "+" constraint(vector))

/* For functions whose vectors don't all find a register: those on the stack lie within cache lines. clang 19
 * aligns them to 16 bytes otherwise, and then it is luck of each process whether they do. */
#define LW_ALIGN_FRAME                                                                                       \
    do {                                                                                                     \
        _Alignas(64) char frame;                                                                             \
        __asm__ volatile("" : "=m"(frame));                                                                  \
    } while (0)

#define LW_INLINE static inline __attribute__((always_inline, unused))

#endif
