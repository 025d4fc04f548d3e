#include "peak.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "dispatch/samples.h"
#include "lanewise.h"

enum { SAMPLES = 9, MOST_SAMPLES = 1024 };

/* Real time, which is read in a hundredth of the time that a thread's own takes; the median doesn't see the
 * samples in which others had the core. */
static double clock_seconds(void) { return 1e-9 * lw_clock_ns(false); }

double lw_measure_peak_gflops(size_t isa_index, double seconds, double sample_seconds) {
    int64_t steps = 256;
    double spent = 0, flops = 0, rate[MOST_SAMPLES];
    /* Grow the round until it can be timed; this also wakes the vector unit up. */
    for (; spent < 50e-6; steps *= 2) {
        double start = clock_seconds();
        flops = lw_isa_fma_peak(isa_index, steps);
        spent = clock_seconds() - start;
        if (flops <= 0) return 0;
    }
    const double sample = fmin(fmax(sample_seconds, seconds / MOST_SAMPLES), seconds / SAMPLES);
    const size_t samples = (size_t)(seconds / sample);
    double round = (double)steps / 2 * sample / spent;
    steps = round < 256 ? 256 : (int64_t)round;
    for (size_t i = 0; i < samples; i++) {
        double start = clock_seconds();
        flops = lw_isa_fma_peak(isa_index, steps);
        rate[i] = flops / (clock_seconds() - start);
    }
    return lw_median(rate, (int)samples) * 1e-9;
}

/* Holds the threads back until all are there, so that they run at one time. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    enum { GATE_SHUT, GATE_OPEN, GATE_CANCELLED } state;
};

struct peak_thread {
    pthread_t id;
    struct gate *gate;
    size_t isa_index;
    double seconds, sample_seconds, gflops;
};

static void gate_set(struct gate *gate, int state) {
    pthread_mutex_lock(&gate->lock);
    gate->state = state;
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->lock);
}

static void *peak_thread(void *arg) {
    struct peak_thread *t = arg;
    pthread_mutex_lock(&t->gate->lock);
    while (t->gate->state == GATE_SHUT)
        pthread_cond_wait(&t->gate->moved, &t->gate->lock);
    bool go = t->gate->state == GATE_OPEN;
    pthread_mutex_unlock(&t->gate->lock);
    if (go) t->gflops = lw_measure_peak_gflops(t->isa_index, t->seconds, t->sample_seconds);
    return NULL;
}

double lw_measure_peak_gflops_threads(size_t isa_index, double seconds, double sample_seconds, int threads) {
    if (threads <= 1) return lw_measure_peak_gflops(isa_index, seconds, sample_seconds);
    struct peak_thread *all = calloc((size_t)threads, sizeof *all);
    if (!all) return 0;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, GATE_SHUT};
    int started = 0;
    for (; started < threads; started++) {
        all[started] = (struct peak_thread){
            .gate = &gate, .isa_index = isa_index, .seconds = seconds, .sample_seconds = sample_seconds};
        if (pthread_create(&all[started].id, NULL, peak_thread, &all[started]) != 0) break;
    }
    gate_set(&gate, started == threads ? GATE_OPEN : GATE_CANCELLED);
    double sum = 0;
    for (int i = 0; i < started; i++) {
        pthread_join(all[i].id, NULL);
        sum += all[i].gflops;
    }
    free(all);
    return started == threads ? sum : 0;
}

/* Loads all of `data`, eight vectors at a time; nothing is done with them. */
#if defined(__x86_64__)
#define READ_VECTORS(name, isa, register_class, width)                                                       \
    __attribute__((target(isa))) static void name(const unsigned char *data, size_t bytes) {                 \
        typedef char vector __attribute__((vector_size(width), aligned(1)));                                 \
        for (const unsigned char *end = data + bytes; data < end; data += 8 * (width))                       \
            for (int i = 0; i < 8; i++)                                                                      \
                __asm__ volatile("" : : register_class(*(const vector *)(data + i * (width))));              \
    }
READ_VECTORS(read_16, "sse2", "x", 16)
READ_VECTORS(read_32, "avx", "x", 32)
READ_VECTORS(read_64, "avx512f", "v", 64)
static void read_all(const unsigned char *data, size_t bytes) {
    const bool avx512 = __builtin_cpu_supports("avx512f"), avx = __builtin_cpu_supports("avx");
    (avx512 ? read_64 : avx ? read_32 : read_16)(data, bytes);
}
#else
static void read_all(const unsigned char *data, size_t bytes) {
    static const void *volatile sink;
    sink = memchr(data, 1, bytes); /* finds nothing: all are 0 */
    (void)sink;
}
#endif

static void pass(unsigned char *data, size_t bytes, enum lw_traffic traffic) {
    if (traffic == LW_READ)
        read_all(data, bytes);
    else if (traffic == LW_WRITE)
        memset(data, 0, bytes);
    else
        memcpy(data, data + bytes / 2, bytes / 2);
    /* What was written counts as used, and may be another thing to read: else the next pass isn't made. */
    __asm__ volatile("" : : "r"(data) : "memory");
}

/* GB/s. Repeats the pass until one sample takes its share of the time; the best sample is the undisturbed
 * one. */
static double best_rate(unsigned char *data, size_t bytes, enum lw_traffic traffic, double seconds) {
    size_t repeat = 1;
    double spent = 0, best = 0;
    for (;;) {
        double start = clock_seconds();
        for (size_t i = 0; i < repeat; i++)
            pass(data, bytes, traffic);
        double once = clock_seconds() - start;
        spent += once;
        if (once >= seconds / SAMPLES) {
            double rate = (double)bytes * (double)repeat / once;
            if (rate > best) best = rate;
            if (spent >= seconds) break;
        } else {
            repeat *= 2;
        }
    }
    return best * 1e-9;
}

void lw_measure_bandwidth(size_t bytes, double seconds, double gb_per_s[LW_TRAFFICS]) {
    bytes = (bytes < 512 ? 512 : bytes) & ~(size_t)511;
    unsigned char *data = aligned_alloc(64, bytes);
    if (data) memset(data, 0, bytes);
    for (int traffic = 0; traffic < LW_TRAFFICS; traffic++)
        gb_per_s[traffic] = data ? best_rate(data, bytes, (enum lw_traffic)traffic, seconds) : 0;
    free(data);
}
