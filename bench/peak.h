/* What this machine can do at most: FMA rate per ISA and bandwidth per cache level, measured. Results are
 * judged against these, so they are taken in the same minute. */
#ifndef LW_PEAK_H
#define LW_PEAK_H

#include <stddef.h>

#define LW_PEAK_SAMPLE 100e-6 /* seconds */

/* GFLOP/s of the ISA's FMA peak loop on one thread: the median of samples of `sample_seconds` (but at least 9
 * and at most 1024 of them) over about `seconds`. What is judged against it should be timed in samples as
 * long: what interrupts a core a thousand times a second is in all of the long ones and in few of the short
 * ones. 0: no such ISA, or not usable here. */
double lw_measure_peak_gflops(size_t isa_index, double seconds, double sample_seconds);

/* The same on `threads` threads that run at one time: the sum of their rates, which turbo, SMT and power
 * limits make less than `threads` times the rate of one. 0 also when threads can't be started. */
double lw_measure_peak_gflops_threads(size_t isa_index, double seconds, double sample_seconds, int threads);

enum lw_traffic { LW_READ, LW_WRITE, LW_COPY, LW_TRAFFICS };

/* GB/s (1e9 bytes) of one thread that goes through a working set of `bytes` again and again, for about
 * `seconds` of each traffic; a copy counts the bytes read and the bytes written. The C library's memset and
 * memcpy write, as they pick the widest vectors of any CPU; reads are plain loads of the widest vectors
 * (elsewhere than on x86-64: memchr). All 0: no memory. */
void lw_measure_bandwidth(size_t bytes, double seconds, double gb_per_s[LW_TRAFFICS]);

#endif
