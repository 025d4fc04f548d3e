#include "machine.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ratio.h"

/* What is worth telling, in cores: a process; all others together; the host's share of the machine. */
#define BUSY_PROCESS 0.05
#define BUSY_OTHERS  0.25
#define STOLEN       0.02
#define WANDER       0.10 /* of the FMA peak */
#define CROWDED      0.10 /* of looks at the core (crowding.h) */

enum { MOST_NAMED = 5 };

struct bench_process {
    long pid;
    unsigned long long started; /* with pid: which process it is */
    char name[32];
    double seconds;
};

/* ---- files of one line --------------------------------------------------------------------------------- */

static void read_line(const char *path, char *line, size_t size) {
    FILE *file = fopen(path, "r");
    *line = '\0';
    if (file && fgets(line, (int)size, file)) line[strcspn(line, "\n")] = '\0';
    if (file) fclose(file);
}

static void read_or_na(const char *path, char *text, size_t size) {
    read_line(path, text, size);
    if (!*text) snprintf(text, size, "n/a");
}

static void read_microcode(char *text, size_t size) {
    char line[512];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(text, size, "n/a");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, "microcode", 9) != 0) continue;
        colon += 1 + strspn(colon + 1, " \t");
        snprintf(text, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        break;
    }
    if (file) fclose(file);
}

static void read_load(char *text, size_t size) {
    char line[128];
    double one, five, fifteen;
    read_line("/proc/loadavg", line, sizeof line);
    if (sscanf(line, "%lf %lf %lf", &one, &five, &fifteen) == 3)
        snprintf(text, size, "%.2f %.2f %.2f", one, five, fifteen);
    else
        snprintf(text, size, "n/a");
}

/* ---- processes ----------------------------------------------------------------------------------------- */

/* /proc/PID/stat; the name may hold anything, its last parenthesis ends it. */
static bool read_process(const char *pid, struct bench_process *p) {
    char path[64], line[1024];
    unsigned long user, system;
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    read_line(path, line, sizeof line);
    char *name = strchr(line, '('), *end = strrchr(line, ')');
    if (!name || !end) return false;
    *end = '\0';
    p->pid = strtol(pid, NULL, 10);
    snprintf(p->name, sizeof p->name, "%.31s", name + 1);
    for (char *s = p->name; *s; s++) /* a list's own signs, and what JSON would escape */
        if (!isprint((unsigned char)*s) || strchr(", \"\\", *s)) *s = '_';
    if (sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu",
               &user, &system, &p->started) != 3)
        return false;
    p->seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    return true;
}

/* All but this one. NULL: no memory, or no /proc. */
static struct bench_process *list_processes(size_t *count) {
    struct bench_process *all = NULL;
    size_t room = 0;
    DIR *folder = opendir("/proc");
    *count = 0;
    for (struct dirent *e; folder && (e = readdir(folder));) {
        if (!isdigit((unsigned char)*e->d_name) || strtol(e->d_name, NULL, 10) == getpid()) continue;
        if (*count == room) {
            struct bench_process *more = realloc(all, (room = room ? 2 * room : 256) * sizeof *more);
            if (!more) break;
            all = more;
        }
        *count += read_process(e->d_name, &all[*count]);
    }
    if (folder) closedir(folder);
    return all;
}

/* false: the system doesn't tell. */
static bool read_total(double *busy, double *stolen) {
    char line[256];
    unsigned long long t[8] = {0};
    read_line("/proc/stat", line, sizeof line);
    if (sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
               &t[6], &t[7]) < 7)
        return false;
    const double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    *busy = tick * (double)(t[0] + t[1] + t[2] + t[5] + t[6]);
    *stolen = tick * (double)t[7];
    return true;
}

static double own_seconds(void) {
    struct rusage self, children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    double whole = (double)(self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec +
                            children.ru_stime.tv_sec);
    return whole + 1e-6 * (double)(self.ru_utime.tv_usec + self.ru_stime.tv_usec + children.ru_utime.tv_usec +
                                   children.ru_stime.tv_usec);
}

static int by_pid(const void *a, const void *b) {
    const struct bench_process *x = a, *y = b;
    if (x->pid != y->pid) return x->pid < y->pid ? -1 : 1;
    return (x->started > y->started) - (x->started < y->started);
}

static int by_seconds(const void *a, const void *b) {
    const struct bench_process *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

static void append(char *text, size_t size, const char *separator, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void append(char *text, size_t size, const char *separator, const char *format, ...) {
    size_t used = strlen(text);
    va_list args;
    if (used && used + strlen(separator) + 1 < size) used += (size_t)sprintf(text + used, "%s", separator);
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

/* Names those that were busy; what has ended meanwhile is in the total alone. */
static void name_busy(struct bench_machine *m, double seconds) {
    size_t count;
    struct bench_process *now = list_processes(&count);
    double named = 0;
    for (size_t i = 0; i < count; i++) {
        const struct bench_process *before =
            m->processes ? bsearch(&now[i], m->processes, m->process_count, sizeof *now, by_pid) : NULL;
        if (before) now[i].seconds -= before->seconds;
    }
    if (now) qsort(now, count, sizeof *now, by_seconds);
    for (size_t i = 0; i < count && i < MOST_NAMED; i++) {
        double share = now[i].seconds / seconds;
        if (share < BUSY_PROCESS) break;
        named += share;
        append(m->busy, sizeof m->busy, ", ", "%s %.2f", now[i].name, share);
    }
    if (m->others - named >= BUSY_PROCESS)
        append(m->busy, sizeof m->busy, ", ", "others %.2f", m->others - named);
    if (!*m->busy) snprintf(m->busy, sizeof m->busy, "none");
    free(now);
}

/* ---- start and end ------------------------------------------------------------------------------------- */

void bench_machine_start(struct bench_machine *m) {
    *m = (struct bench_machine){.others = -1, .stolen = -1};
    read_microcode(m->microcode, sizeof m->microcode);
    read_or_na("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", m->governor, sizeof m->governor);
    read_or_na("/sys/devices/system/cpu/smt/active", m->smt, sizeof m->smt);
    if (strcmp(m->smt, "n/a") != 0) snprintf(m->smt, sizeof m->smt, "%s", *m->smt == '1' ? "on" : "off");
    read_load(m->load_before, sizeof m->load_before);
    snprintf(m->load_after, sizeof m->load_after, "n/a");
    m->processes = list_processes(&m->process_count);
    if (m->processes) qsort(m->processes, m->process_count, sizeof *m->processes, by_pid);
    m->started = bench_clock(true);
    m->own = own_seconds();
    if (!read_total(&m->total, &m->steal)) m->total = -1;
}

void bench_machine_end(struct bench_machine *m) {
    double total, steal, own = own_seconds() - m->own, seconds = bench_clock(true) - m->started;
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    *m->busy = '\0';
    if (seconds > 0 && m->total >= 0 && read_total(&total, &steal)) {
        double others = (total - m->total - own) / seconds;
        m->others = others > 0 ? others : 0;
        m->stolen = (steal - m->steal) / (seconds * (cores > 0 ? cores : 1));
    }
    read_load(m->load_after, sizeof m->load_after);
    name_busy(m, seconds > 0 ? seconds : 1);
}

void bench_machine_free(struct bench_machine *m) {
    free(m->processes);
    m->processes = NULL;
}

/* ---- trust --------------------------------------------------------------------------------------------- */

bool bench_trust(const struct bench_doubt *d, char *text, size_t size) {
    *text = '\0';
    if (d->others >= BUSY_OTHERS) append(text, size, "; ", "other processes took %.2f of a core", d->others);
    if (d->others < 0 && d->load >= d->cores) /* all that is known of others */
        append(text, size, "; ", "the load was %.2f before the run, on %d core%s", d->load, d->cores,
               d->cores == 1 ? "" : "s");
    if (d->stolen >= STOLEN)
        append(text, size, "; ", "the machine's host took %.0f%% of its time", 100 * d->stolen);
    if (d->threads > d->usable)
        append(text, size, "; ", "%d threads on %d core%s", d->threads, d->usable, d->usable == 1 ? "" : "s");
    if (d->peak_wander > WANDER)
        append(text, size, "; ", "the FMA peak wandered by %.0f%%", 100 * d->peak_wander);
    if (d->crowded > CROWDED)
        append(text, size, "; ", "another thread was at work on the core in %.0f%% of looks",
               100 * d->crowded);
    if (d->emulated) append(text, size, "; ", "AVX-512 is emulated");
    if (d->unoptimised) append(text, size, "; ", "built without optimisation");
    if (d->sanitized) append(text, size, "; ", "built with sanitizers");
    bool good = !*text;
    if (good) snprintf(text, size, "good");
    return good;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_wander(double *values, size_t count) {
    if (count < 2) return 0;
    qsort(values, count, sizeof *values, by_value);
    double low = values[(count - 1) / 20], high = values[count - 1 - (count - 1) / 20];
    double middle = (values[(count - 1) / 2] + values[count / 2]) / 2;
    return middle > 0 ? (high - low) / middle : 0;
}
