#include "roof.h"

#include <math.h>
#include "problems.h"

void bench_limits_measure(struct bench_limits *limits, double seconds) {
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    limits->count = lw_levels_of(&cpu, limits->levels);
    for (struct lw_level *level = limits->levels; level < limits->levels + limits->count; level++)
        lw_measure_bandwidth(level->working_set, seconds, level->gb_per_s);
}

double bench_level_ns(const struct lw_level *level, double read, double written) {
    const double *rate = level->gb_per_s, both = fmin(read, written);
    if (!(rate[LW_READ] > 0 && rate[LW_WRITE] > 0 && rate[LW_COPY] > 0)) return 0;
    return 2 * both / rate[LW_COPY] + (read - both) / rate[LW_READ] + (written - both) / rate[LW_WRITE];
}

const struct lw_level *bench_level_of(const struct bench_limits *limits, double bytes) {
    const struct lw_level *level = limits->levels, *end = level + limits->count;
    while (level < end && level->cache_bytes && (double)level->cache_bytes < bytes)
        level++;
    return level < end ? level : NULL;
}

struct bench_roof bench_roof_of(const struct bench_limits *limits, const lw_desc *d, double resident,
                                double peak_gflops, int threads) {
    const double flops = bench_flops(d), bytes = bench_bytes(d);
    const double written = sizeof(float) * (double)lw_dst_floats(d);
    struct bench_roof roof = {.intensity = bytes > 0 ? flops / bytes : 0};
    if (bench_multiplies(d) && peak_gflops > 0) roof.ns = flops / peak_gflops;
    const struct lw_level *level = bench_level_of(limits, resident / threads);
    if (!level) return roof;
    double ns = bench_level_ns(level, bytes - written, written) / (level->number <= 2 ? threads : 1);
    if (ns > roof.ns) roof.ns = ns, roof.level = level->number;
    return roof;
}
