#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#define LW_X86 1
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif
#include "dispatch/cpu.h"
#include "kernel.h"

/* ---- features ------------------------------------------------------------------------------------------ */

struct raw_features {
    unsigned bits;  /* LW_CPU_* */
    char text[256]; /* what was seen, space separated */
};

static void add_word(struct raw_features *f, const char *word) {
    size_t used = strlen(f->text);
    snprintf(f->text + used, sizeof f->text - used, "%s%s", used ? " " : "", word);
}

#if defined(LW_X86)
/* XCR0: which register files the OS saves. Only to be read when CPUID says OSXSAVE. */
static unsigned read_xcr0(void) {
    unsigned lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return lo;
}

enum { AVX2, AVX512F, AVX512DQ, AVX512BW, AVX512VL, LEAF7_WORDS };
static const struct {
    const char *name;
    int ebx_bit;
    unsigned xcr0; /* what the OS must save: SSE+AVX, or those and the opmasks and ZMM halves */
} leaf7[LEAF7_WORDS] = {[AVX2] = {"avx2", 5, 0x6},
                        [AVX512F] = {"avx512f", 16, 0xe6},
                        [AVX512DQ] = {"avx512dq", 17, 0xe6},
                        [AVX512BW] = {"avx512bw", 30, 0xe6},
                        [AVX512VL] = {"avx512vl", 31, 0xe6}};

static struct raw_features detect(void) {
    struct raw_features f = {0};
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return f;
    bool osxsave = ecx >> 27 & 1;
    unsigned xcr0 = osxsave ? read_xcr0() : 0;
    bool avx = (ecx >> 28 & 1) && (xcr0 & 0x6) == 0x6, fma = avx && (ecx >> 12 & 1);
    if (avx) add_word(&f, "avx");
    if (fma) add_word(&f, "fma");

    unsigned have = 0;
    if (avx && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
        for (int i = 0; i < LEAF7_WORDS; i++)
            if ((ebx >> leaf7[i].ebx_bit & 1) && (xcr0 & leaf7[i].xcr0) == leaf7[i].xcr0) {
                have |= 1u << i;
                add_word(&f, leaf7[i].name);
            }
    if (fma && (have & 1u << AVX2)) f.bits |= LW_CPU_AVX2_FMA;
#if defined(LW_EMULATE_AVX512)
    if (f.bits & LW_CPU_AVX2_FMA) {
        f.bits |= LW_CPU_AVX512;
        add_word(&f, "avx512(emulated)");
    }
#else
    if ((f.bits & LW_CPU_AVX2_FMA) && have == (1u << LEAF7_WORDS) - 1) f.bits |= LW_CPU_AVX512;
#endif
    return f;
}
#elif defined(__aarch64__)
static struct raw_features detect(void) {
    struct raw_features f = {0};
#if defined(__linux__)
    enum { ASIMD = 1 << 1 }; /* HWCAP_ASIMD, by value: older headers lack the name */
    if (!(getauxval(AT_HWCAP) & ASIMD)) return f;
#endif
    f.bits = LW_CPU_NEON;
    add_word(&f, "neon");
    return f;
}
#else
static struct raw_features detect(void) { return (struct raw_features){0}; }
#endif

unsigned lw_cpu_features(void) {
    enum { KNOWN = 1u << 31 };
    static _Atomic unsigned published;
    unsigned bits = atomic_load_explicit(&published, memory_order_relaxed);
    if (!bits) {
        bits = detect().bits | KNOWN; /* two threads may both detect: they store the same word */
        atomic_store_explicit(&published, bits, memory_order_relaxed);
    }
    return bits & ~KNOWN;
}

const char *lw_cpu_lacks(unsigned missing) {
    static const struct {
        unsigned bit;
        const char *text;
    } texts[] = {{LW_CPU_AVX2_FMA, "this CPU or its OS lacks AVX2 and FMA"},
                 {LW_CPU_AVX512, "this CPU or its OS lacks AVX-512 (F, BW, DQ and VL)"},
                 {LW_CPU_NEON, "this CPU or its OS lacks NEON"}};
    const char *text = "this CPU lacks a feature the ISA needs";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (missing & texts[i].bit) text = texts[i].text;
    return text;
}

/* ---- model --------------------------------------------------------------------------------------------- */

/* Reads the first line of a small file; false where there is none. */
static bool read_line(const char *path, char *line, size_t size) {
    FILE *file = fopen(path, "re");
    if (!file) return false;
    bool ok = fgets(line, (int)size, file) != NULL;
    fclose(file);
    if (ok) line[strcspn(line, "\n")] = 0;
    return ok;
}

/* Copies text without leading, trailing and repeated spaces: brand strings are padded. */
static void copy_squeezed(char *to, size_t size, const char *text) {
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        bool space = (unsigned char)*text <= ' ';
        if (!space)
            to[n++] = *text;
        else if (n && to[n - 1] != ' ')
            to[n++] = ' ';
    }
    while (n && to[n - 1] == ' ')
        n--;
    to[n] = 0;
}

#if !defined(LW_X86)
/* The value of a "key : value" line of /proc/cpuinfo. */
static bool cpuinfo_value(const char *key, char *value, size_t size) {
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[256];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (colon && !strncmp(line, key, strlen(key))) {
            copy_squeezed(value, size, colon + 1);
            found = true;
        }
    }
    if (file) fclose(file);
    return found;
}
#endif

static void find_model(char *model, size_t size) {
#if defined(LW_X86)
    unsigned brand[13] = {0};
    if ((unsigned)__get_cpuid_max(0x80000000u, NULL) >= 0x80000004u)
        for (unsigned i = 0; i < 3; i++)
            __get_cpuid(0x80000002u + i, brand + 4 * i, brand + 4 * i + 1, brand + 4 * i + 2,
                        brand + 4 * i + 3);
    char text[sizeof brand];
    memcpy(text, brand, sizeof text);
    copy_squeezed(model, size, text);
#else
    char implementer[32], part[32];
    if (cpuinfo_value("model name", model, size)) return;
    if (cpuinfo_value("CPU implementer", implementer, sizeof implementer) &&
        cpuinfo_value("CPU part", part, sizeof part))
        snprintf(model, size, "implementer %.20s part %.20s", implementer, part);
#endif
    if (!model[0]) snprintf(model, size, "unknown");
}

/* What tells CPUs of one model name apart: virtual machines often have just the maker's. */
static void find_kind(char *kind, size_t size) {
#if defined(LW_X86)
    unsigned eax, ebx, ecx, edx, vendor[4] = {0};
    if (!__get_cpuid(0, &eax, &vendor[0], &vendor[2], &vendor[1]) || !__get_cpuid(1, &eax, &ebx, &ecx, &edx))
        return;
    unsigned family = eax >> 8 & 15, model = eax >> 4 & 15;
    if (family == 6 || family == 15) model += (eax >> 16 & 15) << 4;
    if (family == 15) family += eax >> 20 & 255;
    snprintf(kind, size, "x86 %.12s family %u model %u", (const char *)vendor, family, model);
#else
    char implementer[32], part[32];
    if (cpuinfo_value("CPU implementer", implementer, sizeof implementer) &&
        cpuinfo_value("CPU part", part, sizeof part))
        snprintf(kind, size, "arm implementer %.12s part %.12s", implementer, part);
#endif
}

/* ---- cores and caches ---------------------------------------------------------------------------------- */

/* Logical CPUs that this process may use, and the first of them. */
static int count_cores(int *first) {
    *first = 0;
#if defined(__linux__)
    for (int limit = CPU_SETSIZE; limit <= 1 << 20;
         limit *= 4) { /* the kernel's mask may be wider than ours */
        cpu_set_t *set = CPU_ALLOC((size_t)limit);
        size_t bytes = CPU_ALLOC_SIZE((size_t)limit);
        bool ok = set && !sched_getaffinity(0, bytes, set);
        int cores = ok ? CPU_COUNT_S(bytes, set) : 0;
        while (ok && *first < limit - 1 && !CPU_ISSET_S((size_t)*first, bytes, set))
            ++*first;
        CPU_FREE(set);
        if (cores > 0) return cores;
    }
    *first = 0;
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

static void note_cache(lw_cpu_info *info, int level, bool data, size_t bytes) {
    size_t *slot[] = {NULL, &info->l1d_bytes, &info->l2_bytes, &info->l3_bytes};
    if (data && level >= 1 && level <= 3 && bytes > *slot[level]) *slot[level] = bytes;
}

static bool caches_from_sysfs(lw_cpu_info *info, int cpu) {
    char path[96], line[32];
    bool any = false;
    for (int index = 0; index < 8; index++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cache/index%d/level", cpu, index);
        if (!read_line(path, line, sizeof line)) break;
        int level = atoi(line);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cache/index%d/type", cpu, index);
        bool data = read_line(path, line, sizeof line) && strcmp(line, "Instruction");
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cache/index%d/size", cpu, index);
        if (!data || !read_line(path, line, sizeof line)) continue;
        char *unit;
        size_t bytes = strtoul(line, &unit, 10);
        bytes *= *unit == 'K' ? 1024 : *unit == 'M' ? 1024 * 1024 : 1;
        note_cache(info, level, data, bytes);
        any = true;
    }
    return any;
}

#if defined(LW_X86)
/* AMD's older leaves, which hypervisors leave in place that hide the table. Their L3 is the whole
 * processor's; a core reaches that of its own complex, at most 32 MiB. */
static void caches_from_old_cpuid(lw_cpu_info *info) {
    unsigned eax, ebx, l1d = 0, l2 = 0, l3 = 0, other;
    if (!__get_cpuid(0x80000005u, &eax, &ebx, &l1d, &other)) return;
    if (!__get_cpuid(0x80000006u, &eax, &ebx, &l2, &l3)) return;
    size_t l3_bytes = (size_t)(l3 >> 18) * 512 * 1024, most = (size_t)32 << 20;
    note_cache(info, 1, true, (size_t)(l1d >> 24) * 1024);
    note_cache(info, 2, true, (size_t)(l2 >> 16) * 1024);
    note_cache(info, 3, true, l3_bytes < most ? l3_bytes : most);
}
#endif

static void caches_from_cpuid(lw_cpu_info *info) {
#if defined(LW_X86)
    unsigned leaf = 4, eax, ebx, ecx, edx; /* AMD has the same table at another leaf */
    if ((unsigned)__get_cpuid_max(0x80000000u, NULL) >= 0x8000001du &&
        __get_cpuid_count(0x8000001du, 0, &eax, &ebx, &ecx, &edx) && (eax & 31))
        leaf = 0x8000001du;
    for (unsigned i = 0; i < 8 && __get_cpuid_count(leaf, i, &eax, &ebx, &ecx, &edx) && (eax & 31); i++) {
        size_t ways = (ebx >> 22) + 1, parts = (ebx >> 12 & 1023) + 1, line = (ebx & 4095) + 1;
        note_cache(info, (int)(eax >> 5 & 7), (eax & 31) != 2, ways * parts * line * ((size_t)ecx + 1));
    }
    if (!info->l1d_bytes) caches_from_old_cpuid(info);
#else
    (void)info;
#endif
}

void lw_cpu_get(lw_cpu_info *info) {
    if (!info) return;
    memset(info, 0, sizeof *info);
    int first;
    info->cores = count_cores(&first);
    find_model(info->model, sizeof info->model);
    find_kind(info->kind, sizeof info->kind);
    if (!caches_from_sysfs(info, first)) caches_from_cpuid(info);
    memcpy(info->features, detect().text, sizeof info->features);
}
