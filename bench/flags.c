#include "flags.h"

#include <ctype.h>
#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- what a value may be ------------------------------------------------------------------------------- */

static bool is_one_of(const char *value, const char *const *words) {
    while (*words && strcasecmp(value, *words) != 0)
        words++;
    return *words != NULL;
}

static const char *const falsehoods[] = {"0", "f", "n", "false", "no", "off", NULL};
static const char *const truths[] = {"1", "t", "y", "true", "yes", "on", NULL};

static bool is_bool(const char *value) {
    return !*value || is_one_of(value, falsehoods) || is_one_of(value, truths);
}
static bool is_color(const char *value) { return strcmp(value, "auto") == 0 || is_bool(value); }
static bool is_text(const char *value) { return value != NULL; }
static bool is_format(const char *value) {
    static const char *const formats[] = {"console", "json", "csv", NULL};
    return is_one_of(value, formats);
}
static bool is_unit(const char *value) {
    static const char *const units[] = {"ns", "us", "ms", "s", NULL};
    return is_one_of(value, units);
}

static bool is_count(const char *value) {
    char *end;
    long n = strtol(value, &end, 10);
    return isdigit((unsigned char)*value) && !*end && n <= 1000000;
}

static bool is_seconds(const char *value) {
    char *end;
    double seconds = strtod(value, &end);
    bool ends = !*end || strcmp(end, "s") == 0;
    return end != value && ends && isfinite(seconds) && seconds >= 0 && seconds <= 1e6;
}

/* Seconds, or from version 1.8 on a number of iterations: "100x". */
static bool is_min_time(const char *value) {
    size_t digits = strspn(value, "0123456789");
    return is_seconds(value) || (digits > 0 && strcmp(value + digits, "x") == 0);
}

static bool is_regex(const char *value) {
    regex_t regex;
    if (regcomp(&regex, value[0] == '-' ? value + 1 : value, REG_EXTENDED | REG_NOSUB) != 0) return false;
    regfree(&regex);
    return true;
}

static bool is_context(const char *value) {
    /* key=value,key=value */
    for (;;) {
        size_t length = strcspn(value, ",");
        const char *equals = memchr(value, '=', length);
        if (!equals || equals == value) return false;
        if (!value[length]) return true;
        value += length + 1;
    }
}

static const struct rule {
    const char *name; /* without --benchmark_ */
    bool (*good)(const char *value);
    const char *wants;
} rules[] = {
    {"list_tests", is_bool, "true or false"},
    {"filter", is_regex, "a regular expression"},
    {"min_time", is_min_time, "seconds"},
    {"min_warmup_time", is_seconds, "seconds"},
    {"repetitions", is_count, "a whole number"},
    {"enable_random_interleaving", is_bool, "true or false"},
    {"report_aggregates_only", is_bool, "true or false"},
    {"display_aggregates_only", is_bool, "true or false"},
    {"format", is_format, "console, json or csv"},
    {"out_format", is_format, "console, json or csv"},
    {"out", is_text, "a file name"},
    {"color", is_color, "true, false or auto"},
    {"counters_tabular", is_bool, "true or false"},
    {"perf_counters", is_text, "names"},
    {"context", is_context, "key=value"},
    {"time_unit", is_unit, "ns, us, ms or s"},
};

/* ---- reading ------------------------------------------------------------------------------------------- */

static int check(const struct rule *rule, const char *name, const char *value) {
    if (rule->good(value)) return CLI_GO;
    return cli_fail(LW_EXIT_USAGE, "%s=%.80s: not %s", name, value, rule->wants);
}

/* What this program itself has to know of a flag; false: Google Benchmark alone needs it. */
static bool take(struct bench_flags *flags, const char *name, const char *value) {
    if (strcmp(name, "out") == 0) {
        flags->out = *value ? value : NULL;
        return true;
    }
    if (strcmp(name, "out_format") == 0) {
        flags->out_format = value;
        return true;
    }
    if (strcmp(name, "list_tests") == 0) flags->list_tests = !is_one_of(value, falsehoods);
    if (strcmp(name, "format") == 0) flags->quiet_stdout = strcasecmp(value, "console") != 0;
    if (strcmp(name, "min_time") == 0) flags->min_time_given = true;
    if (strcmp(name, "counters_tabular") == 0 || strcmp(name, "color") == 0) flags->looks_given = true;
    return false;
}

static int read_environment(struct bench_flags *flags) {
    for (size_t i = 0; i < CLI_COUNT(rules); i++) {
        char name[64] = "BENCHMARK_";
        size_t length = strlen(name);
        for (const char *s = rules[i].name; *s; s++)
            name[length++] = (char)toupper((unsigned char)*s);
        name[length] = '\0';
        const char *value = getenv(name);
        if (!value) continue;
        int status = check(&rules[i], name, value);
        if (status != CLI_GO) return status;
        take(flags, rules[i].name, value);
    }
    return CLI_GO;
}

static int read_flag(struct bench_flags *flags, const char *flag) {
    const char *prefix = "--benchmark_", *names[CLI_COUNT(rules)];
    size_t length = strlen(prefix);
    if (strncmp(flag, prefix, length) != 0)
        return cli_fail(LW_EXIT_USAGE, "unknown option %.80s (see lanewise bench --help)", flag);
    char name[64];
    const char *equals = strchr(flag, '='), *value = equals ? equals + 1 : "";
    if (strlen(flag) > 4000) return cli_fail(LW_EXIT_USAGE, "%.40s...: too long", flag);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(flag + length, "="), flag + length);
    for (size_t i = 0; i < CLI_COUNT(rules); i++) {
        names[i] = rules[i].name;
        if (strcmp(name, names[i]) != 0) continue;
        char full[80];
        snprintf(full, sizeof full, "%s%s", prefix, name);
        if (!equals && rules[i].good != is_bool)
            return cli_fail(LW_EXIT_USAGE, "%s needs a value: %s=%s", full, full, rules[i].wants);
        int status = check(&rules[i], full, value);
        if (status != CLI_GO) return status;
        if (take(flags, name, value)) return CLI_GO;
        /* Versions before 1.8 don't know the unit. */
        bool unit = rules[i].good == is_min_time && *value && value[strlen(value) - 1] == 's';
        bench_flags_add(flags, "%.*s", (int)strlen(flag) - unit, flag);
        return CLI_GO;
    }
    const char *near = cli_nearest(name, names, CLI_COUNT(rules));
    if (near)
        return cli_fail(LW_EXIT_USAGE, "unknown option %s%s, did you mean %s%s?", prefix, name, prefix, near);
    bench_flags_add(flags, "%s", flag); /* perhaps a newer version has it */
    return CLI_GO;
}

int bench_flags_read(const struct cli_strings *passed, struct bench_flags *flags) {
    *flags = (struct bench_flags){.out_format = "json"};
    bench_flags_add(flags, "lanewise");
    int status = read_environment(flags);
    for (size_t i = 0; i < passed->count && status == CLI_GO; i++)
        status = read_flag(flags, passed->items[i]);
    return status;
}

void bench_flags_add(struct bench_flags *flags, const char *format, ...) {
    char flag[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(flag, sizeof flag, format, args);
    va_end(args);
    char *copy = strdup(flag), **argv = realloc(flags->argv, ((size_t)flags->argc + 2) * sizeof *argv);
    if (!copy || !argv) exit(cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory"));
    argv[flags->argc++] = copy;
    argv[flags->argc] = NULL;
    flags->argv = argv;
}

void bench_flags_free(struct bench_flags *flags) {
    for (int i = 0; i < flags->argc; i++)
        free(flags->argv[i]);
    free(flags->argv);
    *flags = (struct bench_flags){0};
}
