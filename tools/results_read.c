#include "results_read.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LARGEST ((size_t)256 << 20) /* bytes: a hundred times what a full matrix has */

static int refuse(struct results *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct results *r, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int status = cli_fail(LW_EXIT_USAGE, "%s: %s", r->path ? r->path : "results", text);
    results_free(r);
    return status;
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static const char *const numbers_json_lacks[] = {"NaN",      "nan",       "-NaN", "-nan",
                                                 "Infinity", "-Infinity", "inf",  "-inf"};

/* `at` is where reading stopped. */
static int refuse_json(struct results *r, const char *text, size_t size, const char *at) {
    size_t line = 1, left = (size_t)(text + size - at);
    for (const char *s = text; s < at; s++)
        line += *s == '\n';
    for (; left && strchr(" \t\r\n", *at); left--)
        at++;
    for (size_t i = 0; i < CLI_COUNT(numbers_json_lacks); i++) {
        const char *word = numbers_json_lacks[i];
        if (left >= strlen(word) && strncmp(at, word, strlen(word)) == 0)
            return refuse(r, "line %zu: %s: not a number that JSON has", line, word);
    }
    while (size && strchr(" \t\r\n", text[size - 1])) /* a nul counts, as in a file whose blocks were lost */
        size--;
    if (!left || !size || text[size - 1] != '}') return refuse(r, "line %zu: it is cut short", line);
    return refuse(r, "line %zu: not JSON", line);
}

/* A number that overflows (1e999) reads as infinite. NULL: all are finite; else the key of one that isn't. */
static const char *find_infinite(const cJSON *item) {
    if (cJSON_IsNumber(item) && !isfinite(item->valuedouble)) return item->string ? item->string : "a number";
    const char *found = NULL;
    for (const cJSON *child = item->child; child && !found; child = child->next)
        found = find_infinite(child);
    return found;
}

static int parse_json(struct results *r, const char *text, size_t size) {
    const char *end = NULL;
    r->root = cJSON_ParseWithLengthOpts(text, size, &end, false);
    if (!r->root) return refuse_json(r, text, size, end ? end : text + size);
    while (end < text + size && strchr(" \t\r\n", *end)) /* nuls as well */
        end++;
    if (end < text + size) return refuse(r, "something follows the JSON");
    const char *key = find_infinite(r->root);
    if (key) return refuse(r, "%.60s: not a finite number", key);
    return CLI_GO;
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static const char *text_of(const cJSON *object, const char *key, const char *absent) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : absent;
}

static double number_of(const cJSON *object, const char *key, double absent) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : absent;
}

/* OP/PROBLEM/KERNEL/threads:N[/LAYOUT]; a problem's own name may have slashes. false: no memory or another
 * form. */
static bool split_name(struct results_row *row, const char *name) {
    row->name = strdup(name);
    row->op = strdup(name);
    if (!row->name || !row->op) return false;
    char *threads = NULL, *slash = strchr(row->op, '/'), *end;
    for (char *s = row->op; (s = strstr(s, "/threads:")); s++)
        threads = s;
    if (!threads || !slash || slash == threads) return false;
    *threads = '\0';
    *slash = '\0';
    row->problem = slash + 1;
    char *kernel = strrchr(row->problem, '/');
    long count = strtol(threads + strlen("/threads:"), &end, 10);
    if (!kernel || count < 1 || count > CLI_MAX_THREADS || (*end && *end != '/')) return false;
    *kernel = '\0';
    row->kernel = kernel + 1;
    row->threads = (int)count;
    row->layout = *end ? end + 1 : end;
    return *row->op && *row->problem && *row->kernel;
}

static bool add_pass(struct results_row *row, const cJSON *item) {
    const cJSON **passes = realloc(row->passes, (row->pass_count + 1) * sizeof(cJSON *));
    if (!passes) return false;
    row->passes = passes;
    passes[row->pass_count++] = item;
    return true;
}

static struct results_row *find(const struct results *r, const char *name) {
    for (size_t i = r->count; i-- > 0;) /* passes of one follow each other */
        if (strcmp(r->rows[i].name, name) == 0) return &r->rows[i];
    return NULL;
}

/* Files have them in order, mostly. */
static bool has_pass(struct results_row *row, double index) {
    if (!row->pass_count || index > row->last_index) {
        row->last_index = index;
        return false;
    }
    for (size_t i = 0; i < row->pass_count; i++)
        if (number_of(row->passes[i], "repetition_index", 0) == index) return true;
    return false;
}

static int add_entry(struct results *r, const cJSON *item) {
    const char *name = text_of(item, "run_name", text_of(item, "name", NULL));
    if (!cJSON_IsObject(item) || !name) return refuse(r, "a benchmark has no name");
    if (strcmp(text_of(item, "run_type", "iteration"), "aggregate") == 0) return CLI_GO;
    struct results_row *row = find(r, name);
    if (!row) {
        row = &r->rows[r->count++];
        if (!split_name(row, name))
            return refuse(r, "%.150s: not OP/PROBLEM/KERNEL/threads:N, as benchmarks are named", name);
        row->label = text_of(item, "label", "");
    }
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "error_occurred"))) {
        row->error = text_of(item, "error_message", "it failed");
        return CLI_GO;
    }
    if (has_pass(row, number_of(item, "repetition_index", 0)))
        return refuse(r, "%.150s: it is there twice", name);
    if (!add_pass(row, item)) return refuse(r, "out of memory");
    if (!(results_pass_ns(row, row->pass_count - 1) > 0)) return refuse(r, "%.150s: it has no time", name);
    return CLI_GO;
}

/* Of all passes or of none: one that failed at some time isn't compared with others. */
static void drop_failed(struct results *r) {
    for (size_t i = 0; i < r->count; i++)
        if (r->rows[i].error) r->rows[i].pass_count = 0;
}

static int check_format(struct results *r) {
    const char *format = results_context(r, "format", NULL), *prefix = "lanewise-results ";
    if (!format) return CLI_GO;
    char *end;
    size_t length = strlen(prefix);
    if (strncmp(format, prefix, length) != 0) return refuse(r, "its format is %.60s", format);
    long number = strtol(format + length, &end, 10);
    if (*end || number < 1) return refuse(r, "its format is %.60s", format);
    if (number <= RESULTS_FORMAT) return CLI_GO;
    return refuse(r, "written by a newer lanewise (format %ld; this one reads up to %d)", number,
                  RESULTS_FORMAT);
}

static int read_root(struct results *r) {
    r->context = cJSON_GetObjectItemCaseSensitive(r->root, "context");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(r->root, "benchmarks"), *item;
    if (!cJSON_IsObject(r->context) || !cJSON_IsArray(list))
        return refuse(r, "no \"context\" and \"benchmarks\": not what lanewise bench writes");
    int status = check_format(r);
    if (status != CLI_GO) return status;
    r->rows = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *r->rows);
    if (!r->rows) return refuse(r, "out of memory");
    cJSON_ArrayForEach(item, list) {
        status = add_entry(r, item);
        if (status != CLI_GO) return status;
    }
    if (!r->count) return refuse(r, "there is no benchmark in it");
    drop_failed(r);
    return CLI_GO;
}

int results_parse(struct results *r, const char *path, const char *text, size_t size) {
    *r = (struct results){.path = strdup(path)};
    int status = parse_json(r, text, size);
    return status == CLI_GO ? read_root(r) : status;
}

/* ---- files --------------------------------------------------------------------------------------------- */

/* NULL: errno. */
static char *read_whole(FILE *file, size_t *size) {
    char *text = NULL;
    size_t room = 0;
    for (*size = 0;;) {
        if (*size == room) {
            char *more = room < LARGEST ? realloc(text, room = room ? 2 * room : 1 << 16) : NULL;
            if (!more) break;
            text = more;
        }
        size_t got = fread(text + *size, 1, room - *size, file);
        *size += got;
        if (!got && !ferror(file)) return text;
        if (!got) break;
    }
    int error = ferror(file) ? errno : EFBIG;
    free(text);
    errno = error;
    return NULL;
}

int results_read(struct results *r, const char *path) {
    struct stat info;
    char inside[4096];
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        if (snprintf(inside, sizeof inside, "%s/matrix.json", path) >= (int)sizeof inside)
            return cli_fail(LW_EXIT_USAGE, "%.80s...: the name is too long", path);
        path = inside;
    }
    return results_read_as(r, path, path);
}

int results_read_as(struct results *r, const char *path, const char *name) {
    *r = (struct results){0};
    FILE *file = fopen(path, "rb");
    size_t size = 0;
    char *text = file ? read_whole(file, &size) : NULL;
    int error = errno;
    if (file) fclose(file);
    if (!text) return cli_fail(LW_EXIT_USAGE, "%s: %s", name, strerror(error));
    int status = results_parse(r, name, text, size);
    free(text);
    return status;
}

void results_free(struct results *r) {
    for (size_t i = 0; i < r->count; i++) {
        free(r->rows[i].name);
        free(r->rows[i].op);
        free(r->rows[i].passes);
    }
    free(r->rows);
    free(r->path);
    cJSON_Delete(r->root);
    *r = (struct results){0};
}

/* ---- values -------------------------------------------------------------------------------------------- */

double results_pass_value(const struct results_row *row, size_t pass, const char *key, double absent) {
    return number_of(row->passes[pass], key, absent);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_over(const struct results_row *row,
                          double (*get)(const struct results_row *, size_t, const char *), const char *key,
                          double absent) {
    double *values = malloc((row->pass_count + 1) * sizeof *values), median = absent;
    size_t count = 0;
    for (size_t i = 0; values && i < row->pass_count; i++) {
        values[count] = get(row, i, key);
        count += isfinite(values[count]);
    }
    if (count) {
        qsort(values, count, sizeof *values, by_value);
        median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    }
    free(values);
    return median;
}

static double get_value(const struct results_row *row, size_t pass, const char *key) {
    return results_pass_value(row, pass, key, NAN);
}

static double get_ns(const struct results_row *row, size_t pass, const char *key) {
    (void)key;
    return results_pass_ns(row, pass);
}

double results_value(const struct results_row *row, const char *key, double absent) {
    return median_over(row, get_value, key, absent);
}

double results_ns(const struct results_row *row) { return median_over(row, get_ns, NULL, 0); }

double results_pass_ns(const struct results_row *row, size_t pass) {
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    const cJSON *item = row->passes[pass];
    double ns = number_of(item, "time_ns", 0);
    if (ns > 0) return ns;
    const char *unit = text_of(item, "time_unit", "ns");
    double time = number_of(item, row->threads > 1 ? "real_time" : "cpu_time", 0);
    for (size_t i = 0; i < CLI_COUNT(units); i++)
        if (strcmp(unit, units[i].name) == 0) return time * units[i].ns;
    return 0;
}

const char *results_context(const struct results *r, const char *key, const char *absent) {
    return text_of(r->context, key, absent);
}

double results_context_number(const struct results *r, const char *key, double absent) {
    const char *text = results_context(r, key, "");
    char *end;
    double value = strtod(text, &end);
    return end != text && !*end && isfinite(value) ? value : number_of(r->context, key, absent);
}

const struct results_row *results_find(const struct results *r, const char *name) { return find(r, name); }
