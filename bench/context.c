#include "context.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "dispatch/wisdom.h"
#include "gbench_c.h"
#include "lw_commit.h"
#include "results_read.h"

#define PEAK_SECONDS      10e-3
#define BANDWIDTH_SECONDS 10e-3 /* of each kind of traffic in each level */

static void add(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(const char *key, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    lw_gbench_context(key, text);
}

static void add_build(void) {
    add("format", "lanewise-results %d", RESULTS_FORMAT);
    add("lanewise_version", "%d.%d.%d", LW_VERSION_MAJOR, LW_VERSION_MINOR, LW_VERSION_PATCH);
    add("commit", "%s", LW_COMMIT);
    add("compiler", "%s", LW_BENCH_COMPILER);
    add("compiler_flags", "%s", LW_BENCH_FLAGS);
}

/* The list of rows, as wisdom tells it. */
static void add_registry(void) {
    lw_wisdom_header here;
    lw_wisdom_here(here);
    lw_gbench_context("registry", here[LW_WISDOM_REGISTRY]);
}

static void add_peaks(const struct bench_choice *choice) {
    lw_isa_info isa;
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK; i++) {
        for (size_t t = 0; isa.usable && t < choice->thread_count; t++) {
            int threads = choice->threads[t];
            char key[64];
            snprintf(key, sizeof key, "peak_gflops_%s_threads_%d", isa.name, threads);
            add(key, "%.1f", lw_measure_peak_gflops_threads(i, PEAK_SECONDS, LW_PEAK_SAMPLE, threads));
        }
    }
}

static void add_limits(struct bench_limits *limits) {
    static const char *const kinds[] = {[LW_READ] = "read", [LW_WRITE] = "write", [LW_COPY] = "copy"};
    char key[64];
    bench_limits_measure(limits, BANDWIDTH_SECONDS);
    for (size_t i = 0; i < limits->count; i++) {
        const struct lw_level *level = &limits->levels[i];
        snprintf(key, sizeof key, "cache_bytes_%s", level->name);
        if (level->cache_bytes) add(key, "%zu", level->cache_bytes);
        for (size_t k = 0; k < CLI_COUNT(kinds); k++) {
            snprintf(key, sizeof key, "bandwidth_%s_%s", level->name, kinds[k]);
            add(key, "%.2f", level->gb_per_s[k]);
        }
    }
}

void bench_context_start(const struct bench_choice *choice, struct bench_machine *machine,
                         struct bench_limits *limits) {
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    add_build();
    add_registry();
    lw_gbench_context("cpu_model", cpu.model);
    lw_gbench_context("cpu_kind", cpu.kind);
    lw_gbench_context("cpu_features", cpu.features);
    add("cores", "%d", cpu.cores);
    bench_machine_start(machine);
    lw_gbench_context("smt", machine->smt);
    lw_gbench_context("microcode", machine->microcode);
    lw_gbench_context("governor", machine->governor);
    lw_gbench_context("load_before", machine->load_before);
    add_peaks(choice);
    add_limits(limits);
}

/* The widest wander of the peak beside the benchmarks of one ISA and number of threads. */
static double peak_wander(const struct bench_cases *cases) {
    double *peaks = malloc((cases->count + 1) * sizeof *peaks), widest = 0;
    for (size_t i = 0; peaks && i < cases->count; i++) {
        const struct bench_case *first = &cases->items[i];
        size_t count = 0;
        for (size_t k = 0; k < cases->count; k++) {
            const struct bench_case *c = &cases->items[k];
            bool alike = c->measured && c->isa_index == first->isa_index && c->threads == first->threads;
            if (alike && k < i) break; /* that group has been looked at */
            if (alike) peaks[count++] = c->peak_gflops;
        }
        double wander = bench_wander(peaks, count);
        widest = wander > widest ? wander : widest;
    }
    free(peaks);
    return widest;
}

/* How often single threads met another one on their core, in the mean of the benchmarks; -1: not known. */
static double crowded(const struct bench_cases *cases) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < cases->count; i++) {
        const struct bench_case *c = &cases->items[i];
        if (c->measured && c->crowded >= 0) sum += c->crowded, count++;
    }
    return count ? sum / (double)count : -1;
}

bool bench_context_end(const struct bench_choice *choice, const struct bench_cases *cases,
                       struct bench_machine *machine, char *trust, size_t size) {
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    bench_machine_end(machine);
    struct bench_doubt doubt = {.others = machine->others,
                                .stolen = machine->stolen,
                                .load = strtod(machine->load_before, NULL),
                                .cores = (int)sysconf(_SC_NPROCESSORS_ONLN),
                                .usable = cpu.cores,
                                .peak_wander = peak_wander(cases),
                                .crowded = crowded(cases),
                                .emulated = LW_BENCH_EMULATED,
                                .sanitized = LW_BENCH_SANITIZED};
#ifndef __OPTIMIZE__
    doubt.unoptimised = true;
#endif
    for (size_t i = 0; i < choice->thread_count; i++)
        if (choice->threads[i] > doubt.threads) doubt.threads = choice->threads[i];
    bool good = bench_trust(&doubt, trust, size);
    lw_gbench_context("load_after", machine->load_after);
    lw_gbench_context("busy_processes", machine->busy);
    lw_gbench_context("trust", trust);
    return good;
}
