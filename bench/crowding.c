#include "crowding.h"

#include <math.h>
#include <stdint.h>
#include "dispatch/samples.h"

#if defined(__x86_64__) || defined(__aarch64__)

enum { STEPS = 100 }; /* of 16 cycles */

/* From register to register: there are cores that add constants without an adder. */
#ifdef __x86_64__
#define ADD(sum)   "add %[one], %[" #sum "]\n"
#define COUNT_DOWN "dec %[steps]\njnz 1b\n"
#else
#define ADD(sum)   "add %[" #sum "], %[" #sum "], %[one]\n"
#define COUNT_DOWN "subs %[steps], %[steps], #1\nb.ne 1b\n"
#endif
#define SIXTEEN(x) x x x x x x x x x x x x x x x x

static void add_in_a_chain(void) {
    int64_t steps = STEPS, a = 0;
    __asm__ volatile("1:\n" SIXTEEN(ADD(a)) COUNT_DOWN
                     : [steps] "+r"(steps), [a] "+r"(a)
                     : [one] "r"((int64_t)1)
                     : "cc");
}

static void add_in_four_chains(void) {
    int64_t steps = STEPS, a = 0, b = 0, c = 0, d = 0;
    __asm__ volatile("1:\n" SIXTEEN(ADD(a) ADD(b) ADD(c) ADD(d)) COUNT_DOWN
                     : [steps] "+r"(steps), [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d)
                     : [one] "r"((int64_t)1)
                     : "cc");
}

double lw_measure_crowding(void) {
    const double begin = lw_clock_ns(false);
    add_in_a_chain();
    const double middle = lw_clock_ns(false);
    add_in_four_chains();
    const double end = lw_clock_ns(false);
    return middle > begin ? (end - middle) / (middle - begin) : NAN;
}

#else

double lw_measure_crowding(void) { return NAN; }

#endif

double lw_measure_crowded(int looks) {
    int crowded = 0;
    for (int i = 0; i < looks; i++) {
        const double crowding = lw_measure_crowding();
        if (isnan(crowding)) return -1;
        crowded += crowding >= LW_CROWDED;
    }
    return (double)crowded / looks;
}
