#include "results.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- the name of a CPU --------------------------------------------------------------------------------- */

/* Words that tell nothing: marks, and what every CPU is. */
static bool is_noise(const char *word) {
    static const char *const noise[] = {"r", "tm", "cpu", "processor", "core", "with", "graphics", "genuine"};
    for (size_t i = 0; i < CLI_COUNT(noise); i++)
        if (strcmp(word, noise[i]) == 0) return true;
    const char *s = word + strspn(word, "0123456789");
    return s != word && (strcmp(s, "ghz") == 0 || strcmp(s, "-core") == 0);
}

static void add_word(char *slug, size_t size, const char *word) {
    size_t used = strlen(slug);
    if (*word && !is_noise(word)) snprintf(slug + used, size - used, "%s%s", used ? "-" : "", word);
}

static void add_words(char *slug, size_t size, const char *text) {
    char word[64];
    size_t length = 0;
    for (const char *s = text;; s++) {
        unsigned char c = (unsigned char)*s;
        if ((isalnum(c) || (c == '-' && length > 0)) && length + 1 < sizeof word) {
            word[length++] = (char)tolower(c);
            continue;
        }
        word[length] = '\0';
        add_word(slug, size, word);
        length = 0;
        if (!c || c == '@') return; /* the clock rate follows an @ */
    }
}

void bench_slug_of(const char *cpu, const char *family, const char *model, char *slug, size_t size) {
    slug[0] = '\0';
    add_words(slug, size, cpu);
    if (strpbrk(slug, "0123456789")) return;
    add_words(slug, size, family);
    add_words(slug, size, model);
}

/* A field of /proc/cpuinfo's first CPU; "" if there is none. */
static void cpuinfo_field(const char *field, char *value, size_t size) {
    char line[512];
    FILE *file = fopen("/proc/cpuinfo", "r");
    value[0] = '\0';
    while (file && !*value && fgets(line, sizeof line, file)) {
        size_t length = strlen(field);
        char *colon = strchr(line, ':');
        if (colon && strncmp(line, field, length) == 0 && strspn(line + length, " \t:") >= 1 &&
            line + length + strspn(line + length, " \t") == colon)
            snprintf(value, size, "%.*s", (int)strcspn(colon + 1, "\n"), colon + 1);
    }
    if (file) fclose(file);
}

void bench_cpu_slug(char *slug, size_t size) {
    lw_cpu_info cpu;
    char family[64], model[64];
    struct utsname machine;
    lw_cpu_get(&cpu);
    cpuinfo_field("cpu family", family, sizeof family);
    cpuinfo_field("model", model, sizeof model);
    bench_slug_of(cpu.model, family, model, slug, size);
    if (!*slug && uname(&machine) == 0) bench_slug_of(machine.machine, "", "", slug, size);
    if (!*slug) snprintf(slug, size, "cpu");
}

/* ---- files --------------------------------------------------------------------------------------------- */

static bool make_dirs(char *path) {
    for (char *s = path + 1;; s++) {
        if (*s && *s != '/') continue;
        char end = *s;
        *s = '\0';
        bool ok = mkdir(path, 0777) == 0 || errno == EEXIST;
        *s = end;
        if (!ok) return false;
        if (!end) return true;
    }
}

int bench_results_dir(const char *dir, char *path, size_t size) {
    char slug[128];
    bench_cpu_slug(slug, sizeof slug);
    if (snprintf(path, size, "%s/%s", dir, slug) >= (int)size)
        return cli_fail(LW_EXIT_USAGE, "--results: the name is too long");
    if (!make_dirs(path) || access(path, W_OK | X_OK) != 0)
        return cli_fail(LW_EXIT_USAGE, "--results %s: %s", path, strerror(errno));
    return CLI_GO;
}
