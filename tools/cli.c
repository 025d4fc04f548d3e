/* Options, messages and names: see cli.h. */
#include "cli.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *current_command = "";
static bool progress_shown;

/* ---- messages ------------------------------------------------------------------------------------------ */

/* One line, whatever the names in it hold: control characters become '?'. */
static void print_line(const char *format, va_list args) {
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 32 || *p == 127) *p = '?';
    }
    cli_progress_clear();
    fprintf(stderr, "lanewise%s%s: %s\n", *current_command ? " " : "", current_command, text);
}

int cli_fail(int status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_line(format, args);
    va_end(args);
    return status;
}

void cli_note(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_line(format, args);
    va_end(args);
}

int cli_exit_status(lw_status status) {
    switch (status) {
    case LW_OK:
        return LW_EXIT_OK;
    case LW_ERR_NO_MEMORY:
    case LW_ERR_UNSUPPORTED:
    case LW_ERR_ISA:
    case LW_ERR_NO_WISDOM:
    case LW_ERR_THREADS:
        return LW_EXIT_IMPOSSIBLE;
    default:
        return LW_EXIT_USAGE;
    }
}

int cli_fail_error(const lw_error *err, const char *prefix) {
    const char *text = *err->text ? err->text : lw_status_text(err->status);
    return cli_fail(cli_exit_status(err->status), "%s%s%s", prefix ? prefix : "", prefix ? ": " : "", text);
}

void cli_progress(const char *format, ...) {
    if (!isatty(STDERR_FILENO)) return;
    char text[79];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "\r\033[K%s", text);
    fflush(stderr);
    progress_shown = true;
}

void cli_progress_clear(void) {
    if (!progress_shown) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress_shown = false;
}

int cli_finish(int status) {
    cli_progress_clear();
    bool bad = ferror(stdout) != 0;
    errno = 0;
    if (fflush(stdout) != 0) bad = true;
    if (!bad) return status;
    int failed =
        cli_fail(LW_EXIT_USAGE, "can't write to stdout: %s", errno ? strerror(errno) : "write error");
    return status == LW_EXIT_OK ? failed : status;
}

/* ---- options ------------------------------------------------------------------------------------------- */

void cli_strings_add(struct cli_strings *list, const char *item) {
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items) exit(cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory"));
    list->items = items;
    items[list->count++] = item;
}

void cli_strings_free(struct cli_strings *list) {
    free(list->items);
    *list = (struct cli_strings){0};
}

static void print_help(const struct cli_command *command) {
    printf("usage: lanewise %s %s\n\n%s\n\n", command->name, command->usage, command->about);
    for (size_t i = 0; i < command->option_count; i++) {
        const struct cli_option *o = &command->options[i];
        char left[64];
        snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                 o->letter ? ", " : "  ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        printf("  %-26s %s\n", left, o->help);
    }
    printf("  %-26s %s\n", "-h, --help", "this help");
}

static const struct cli_option *find_option(const struct cli_command *command, const char *text,
                                            size_t length) {
    for (size_t i = 0; i < command->option_count; i++) {
        const struct cli_option *o = &command->options[i];
        if (strlen(o->name) == length && memcmp(o->name, text, length) == 0) return o;
    }
    return NULL;
}

static const struct cli_option *find_letter(const struct cli_command *command, char letter) {
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i].letter == letter) return &command->options[i];
    }
    return NULL;
}

static int unknown_option(const struct cli_command *command, const char *typed) {
    const char *names[64];
    size_t count = 0;
    for (; count < command->option_count && count < 64; count++)
        names[count] = command->options[count].name;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(typed, "="), typed);
    const char *near = strncmp(name, "--", 2) == 0 ? cli_nearest(name + 2, names, count) : NULL;
    return cli_fail(LW_EXIT_USAGE, "unknown option %s%s%s (see lanewise %s --help)", name,
                    near ? ", did you mean --" : "", near ? near : "", command->name);
}

static int set_int(const struct cli_option *option, const char *text) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || text[0] == ' ' || errno || value < option->min || value > option->max) {
        return cli_fail(LW_EXIT_USAGE, "--%s %s: not a whole number from %" PRId64 " to %" PRId64,
                        option->name, text, option->min, option->max);
    }
    *(int64_t *)option->value = value;
    return CLI_GO;
}

static int set_uint64(const struct cli_option *option, const char *text) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (end == text || *end || text[0] < '0' || text[0] > '9' || errno) {
        return cli_fail(LW_EXIT_USAGE, "--%s %s: not a whole number below 2^64", option->name, text);
    }
    *(uint64_t *)option->value = value;
    return CLI_GO;
}

static int set_option(const struct cli_option *option, const char *text) {
    struct cli_op *op = option->value;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->value = true;
        return CLI_GO;
    case CLI_INT:
        return set_int(option, text);
    case CLI_UINT64:
        return set_uint64(option, text);
    case CLI_LIST:
        cli_strings_add(option->value, text);
        return CLI_GO;
    case CLI_STRING:
        if (!*text) return cli_fail(LW_EXIT_USAGE, "--%s: empty value", option->name);
        *(const char **)option->value = text;
        return CLI_GO;
    case CLI_OP:
        op->given = cli_find_op(text, &op->op);
        if (op->given) return CLI_GO;
        return cli_fail(LW_EXIT_USAGE, "--%s %s: no such operation (conv, maxpool, linear, relu, softmax)",
                        option->name, text);
    }
    return CLI_GO;
}

int cli_parse(const struct cli_command *command, int argc, char **argv) {
    current_command = command->name;
    bool only_positional = false;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (only_positional || arg[0] != '-' || arg[1] == 0) {
            if (!command->positional) return cli_fail(LW_EXIT_USAGE, "unexpected argument %s", arg);
            cli_strings_add(command->positional, arg);
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            only_positional = true;
            continue;
        }
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            print_help(command);
            return LW_EXIT_OK;
        }
        if (command->pass_prefix && strncmp(arg, command->pass_prefix, strlen(command->pass_prefix)) == 0) {
            cli_strings_add(command->passed, arg);
            continue;
        }
        bool is_long = arg[1] == '-';
        size_t length = is_long ? strcspn(arg + 2, "=") : 0;
        const struct cli_option *option = is_long  ? find_option(command, arg + 2, length)
                                          : arg[2] ? NULL
                                                   : find_letter(command, arg[1]);
        if (!option) return unknown_option(command, arg);
        const char *value = is_long && arg[2 + length] == '=' ? arg + 3 + length : NULL;
        if (option->kind == CLI_FLAG && value)
            return cli_fail(LW_EXIT_USAGE, "--%s takes no value", option->name);
        if (option->kind != CLI_FLAG && !value) {
            if (i + 1 >= argc)
                return cli_fail(LW_EXIT_USAGE, "--%s needs a value (%s)", option->name, option->arg);
            value = argv[++i];
        }
        int status = set_option(option, value);
        if (status != CLI_GO) return status;
    }
    return CLI_GO;
}

/* ---- names --------------------------------------------------------------------------------------------- */

bool cli_match(const char *glob, const char *name) { return !glob || fnmatch(glob, name, 0) == 0; }

bool cli_find_op(const char *name, lw_op *op) {
    for (int i = 0; i < LW_OP_COUNT; i++) {
        if (strcmp(name, lw_op_name((lw_op)i)) == 0) {
            *op = (lw_op)i;
            return true;
        }
    }
    return false;
}

bool cli_find_layout(const char *name, lw_layout *layout) {
    for (int i = 0; i < LW_LAYOUT_COUNT; i++) {
        if (strcmp(name, lw_layout_name((lw_layout)i)) == 0) {
            *layout = (lw_layout)i;
            return true;
        }
    }
    return false;
}

int cli_read_max_error(const char *text, double *value) {
    static const struct {
        const char *name;
        double value;
    } classes[] = {{"strict", LW_ERROR_STRICT}, {"tight", LW_ERROR_TIGHT}, {"fast", LW_ERROR_FAST}};
    for (size_t i = 0; i < CLI_COUNT(classes); i++) {
        *value = classes[i].value;
        if (strcmp(text, classes[i].name) == 0) return CLI_GO;
    }
    char *end;
    *value = strtod(text, &end);
    if (end != text && !*end && *value >= 0 && *value <= 1) return CLI_GO;
    return cli_fail(LW_EXIT_USAGE, "--max-error %s: strict, tight, fast or a number from 0 to 1", text);
}

int cli_read_layouts(const char *text, lw_layout *src, lw_layout *dst) {
    char first[16];
    const char *colon = strchr(text, ':');
    snprintf(first, sizeof first, "%.*s", colon ? (int)(colon - text) : 15, text);
    if (cli_find_layout(first, src) && cli_find_layout(colon ? colon + 1 : first, dst)) return CLI_GO;
    return cli_fail(LW_EXIT_USAGE, "--layout %s: nchw, nhwc, blocked, a pair like nchw:blocked, or network",
                    text);
}

static int find_isa(const char *name, lw_isa_info *isa) {
    char known[200] = "";
    for (size_t i = 0; lw_isa_get(i, isa) == LW_OK; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", isa->name);
        if (strcmp(isa->name, name) == 0) return CLI_GO;
    }
    return cli_fail(LW_EXIT_USAGE, "--isa %s: no such ISA in this build (%s)", name, known);
}

int cli_known_isa(const char *name) {
    lw_isa_info isa;
    return name ? find_isa(name, &isa) : CLI_GO;
}

int cli_check_isa(const char *name) {
    lw_isa_info isa;
    int status = name ? find_isa(name, &isa) : CLI_GO;
    if (!name || status != CLI_GO || isa.usable) return status;
    return cli_fail(LW_EXIT_IMPOSSIBLE, "--isa %s: not usable here: %s", name, isa.reason);
}

void cli_widest_isa(const char *name, lw_isa_info *isa) {
    for (size_t i = 0; lw_isa_get(i, isa) == LW_OK; i++)
        if (name ? strcmp(isa->name, name) == 0 : isa->usable) return;
}

int cli_check_environment(void) {
    /* The library reads the variables whenever it is asked something: ask anything. */
    lw_desc tiny = lw_relu(1, 1, 1, 1);
    lw_kernel_info row;
    lw_error err = {0};
    if (lw_kernel_get(0, &row) != LW_OK) row.name = "";
    lw_status status = lw_kernel_accepts(row.name, &tiny, &err);
    bool about_them = status == LW_ERR_ENVIRONMENT || status == LW_ERR_UNKNOWN;
    return about_them ? cli_fail_error(&err, NULL) : CLI_GO;
}

/* A file that was named has to be good, but one for another machine is only noted: the estimate will do. */
int cli_use_wisdom(const char *path) {
    const char *variable = getenv("LANEWISE_WISDOM");
    const char *named = path ? path : variable && *variable ? variable : NULL;
    lw_error err = {0};
    int status = cli_check_environment();
    if (status != CLI_GO) return status;
    lw_status imported = lw_wisdom_import_default(path, &err);
    if (imported == LW_OK) return CLI_GO;
    bool is_named = named && strncmp(err.text, named, strlen(named)) == 0;
    if (is_named && imported != LW_ERR_STALE) return cli_fail_error(&err, "wisdom");
    cli_note("wisdom not used: %s", err.text);
    return CLI_GO;
}

bool cli_select_rows(lw_op op, const char *glob, const char *isa, struct cli_rows *rows) {
    *rows = (struct cli_rows){0};
    size_t all = lw_kernel_count();
    rows->items = calloc(all ? all : 1, sizeof *rows->items);
    if (!rows->items) return false;
    lw_kernel_info info;
    bool isa_has_op = false;
    for (size_t i = 0; isa && lw_kernel_get(i, &info) == LW_OK; i++) {
        if (info.op == op && strcmp(info.isa, isa) == 0) isa_has_op = true;
    }
    const char *wanted = isa && !isa_has_op ? "scalar" : isa;
    for (size_t i = 0; lw_kernel_get(i, &info) == LW_OK; i++) {
        if (info.op != op || !cli_match(glob, info.name) || (wanted && strcmp(info.isa, wanted) != 0))
            continue;
        rows->items[rows->count++] = info;
        if (!info.usable) rows->unusable++;
    }
    return true;
}

void cli_rows_free(struct cli_rows *rows) {
    free(rows->items);
    *rows = (struct cli_rows){0};
}

/* Levenshtein distance of short names. */
static size_t edit_distance(const char *a, const char *b) {
    size_t row[65];
    size_t n = strlen(b);
    if (strlen(a) > 64 || n > 64) return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t best = diagonal + (a[i] != b[j]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j + 1] + 1 < best) best = row[j + 1] + 1;
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[n];
}

const char *cli_nearest(const char *typed, const char *const *names, size_t count) {
    const char *best = NULL;
    size_t least = strlen(typed) / 3 + 2; /* farther than that is another word */
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(typed, names[i]);
        if (distance < least) {
            least = distance;
            best = names[i];
        }
    }
    return best;
}

double cli_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double cli_flops(const lw_desc *d) {
    if (d->op != LW_CONV && d->op != LW_LINEAR) return 0;
    lw_desc whole = *d;
    whole.pool2x2 = false;
    int64_t oc, oh, ow;
    lw_desc_output(&whole, &oc, &oh, &ow);
    return 2.0 * (double)lw_weight_floats(d) * (double)(d->batch * oh * ow);
}
