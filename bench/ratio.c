#include "ratio.h"

#include <math.h>

/* On several threads a side needs this long until it runs as it does by itself: the other's threads may go on
 * spinning (OpenBLAS's and XNNPACK's for 20 to 30 ms), and the system has to find a core for each that
 * wakes up. */
#define THREADS_WARM_SECONDS 50e-3

struct bench_sampling bench_peer_sampling(int threads) {
    return (struct bench_sampling){.sample_seconds = threads > 1 ? 3e-3 : 1e-3,
                                   .seconds = threads > 1 ? 0.5 : 0.15,
                                   .least = 5,
                                   .most = 51,
                                   .real_time = threads > 1,
                                   .warm_seconds = threads > 1 ? THREADS_WARM_SECONDS : 0};
}

double bench_clock(bool real_time) { return 1e-9 * lw_clock_ns(!real_time); }

static struct lw_race_rules rules_of(const struct bench_sampling *s) {
    return (struct lw_race_rules){.warm_ns = 1e9 * s->warm_seconds, .cpu_time = !s->real_time};
}

static struct lw_racer racer_of(const struct bench_side *side, double seconds,
                                const struct bench_sampling *s) {
    return (struct lw_racer){.run = side->run,
                             .arg = side->arg,
                             .ns = 1e9 * seconds,
                             .repeats = lw_race_repeats(1e9 * s->sample_seconds, fmax(1e9 * seconds, 50))};
}

double bench_time_side(const struct bench_side *side, const struct bench_sampling *s) {
    const struct lw_race_rules rules = rules_of(s);
    double start = bench_clock(true);
    side->run(side->arg);
    double first = bench_clock(true) - start;
    if (first > s->seconds) return first;
    struct lw_racer racer = racer_of(side, first, s);
    start = bench_clock(true);
    for (int round = 0; round < 3 && (!round || bench_clock(true) - start < s->seconds); round++)
        lw_race_round(&racer, 1, round, &rules);
    return 1e-9 * lw_median(racer.times, racer.samples);
}

struct bench_ratio bench_time_pair(const struct bench_side *a, const struct bench_side *b, double b_seconds,
                                   const struct bench_sampling *s) {
    const struct lw_race_rules rules = rules_of(s);
    struct lw_racer sides[2] = {racer_of(a, b_seconds, s), racer_of(b, b_seconds, s)};
    uint64_t random = LW_SAMPLES_SEED;
    double start = bench_clock(true);
    for (int n = 0; n < s->most && (n < s->least || bench_clock(true) - start < s->seconds); n++) {
        lw_race_round(sides, 2, n, &rules);
        const double least = fmin(sides[0].times[0], sides[0].times[n]) * (double)sides[0].repeats;
        if (n == 1 && 1e-9 * least > s->seconds) break;
    }
    lw_race_compare(&sides[0], &sides[1], &random);
    return (struct bench_ratio){.ratio = sides[0].ratio,
                                .low = sides[0].ratio_low,
                                .high = sides[0].ratio_high,
                                .a_seconds = 1e-9 * lw_median(sides[0].times, sides[0].samples),
                                .b_seconds = 1e-9 * lw_median(sides[1].times, sides[1].samples),
                                .pairs = sides[0].samples};
}
