#include "crowding.h"

#include <math.h>
#include <stdint.h>
#include "dispatch/samples.h"

/* A ratio below this is of a first chain that was interrupted; from the other on the core is shared. */
#define LEAST 0.9
#define MOST  1.15

#ifdef __x86_64__

enum { STEPS = 100 }; /* of 16 cycles */

/* From register to register: there are cores that add constants without an adder. */
#define ADD(sum)   "add %[one], %[" #sum "]\n"
#define SIXTEEN(x) x x x x x x x x x x x x x x x x

static void add_in_a_chain(void) {
    int64_t steps = STEPS, a = 0;
    __asm__ volatile("1:\n" SIXTEEN(ADD(a)) "dec %[steps]\njnz 1b\n"
                     : [steps] "+&r"(steps), [a] "+&r"(a)
                     : [one] "r"((int64_t)1)
                     : "cc");
}

static void add_in_four_chains(void) {
    int64_t steps = STEPS, a = 0, b = 0, c = 0, d = 0;
    __asm__ volatile("1:\n" SIXTEEN(ADD(a) ADD(b) ADD(c) ADD(d)) "dec %[steps]\njnz 1b\n"
                     : [steps] "+&r"(steps), [a] "+&r"(a), [b] "+&r"(b), [c] "+&r"(c), [d] "+&r"(d)
                     : [one] "r"((int64_t)1)
                     : "cc");
}

double lw_crowding_ratio(void) {
    if (!__builtin_cpu_supports("avx2")) return NAN;
    const double begin = lw_clock_ns(false);
    add_in_a_chain();
    const double middle = lw_clock_ns(false);
    add_in_four_chains();
    const double end = lw_clock_ns(false);
    return middle > begin ? (end - middle) / (middle - begin) : INFINITY;
}

#else

double lw_crowding_ratio(void) { return NAN; }

#endif

bool lw_is_alone(double ratio) { return ratio > LEAST && ratio < MOST; }

double lw_crowded_share(int looks) {
    int crowded = 0;
    for (int i = 0; i < looks; i++) {
        const double ratio = lw_crowding_ratio();
        if (isnan(ratio)) return -1;
        crowded += !lw_is_alone(ratio);
    }
    return (double)crowded / looks;
}
