/* Reads what wisdom_write.c writes, to the letter: what was read is written again, and has to be the same
 * text. So the scanning below may be lenient. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "dispatch/error.h"
#include "dispatch/wisdom.h"
#include "dispatch/wisdom_text.h"

enum { LARGEST = 64 << 20, MOST_ROWS = 256, NAME = 128 };

struct reader {
    lw_wisdom *wisdom;
    char *next; /* the line to come */
    int line;   /* number of the last one */
    lw_error *err;

    /* The decision that is being read; its problem is "" between decisions. */
    lw_decision decision;
    char problem[256];
    lw_timing rows[MOST_ROWS];
    char names[MOST_ROWS][NAME];
};

static lw_status corrupt(const struct reader *r, const char *what) {
    return lw_fail(r->err, LW_ERR_CORRUPT, "line %d: %s", r->line, what);
}

/* The next line without its end, or NULL. */
static char *take_line(struct reader *r) {
    char *line = r->next, *end = line ? strchr(line, '\n') : NULL;
    r->line++;
    if (!end) return NULL;
    *end = 0;
    r->next = end + 1;
    return line;
}

/* ---- header -------------------------------------------------------------------------------------------- */

static lw_status read_header(struct reader *r) {
    const char *line = take_line(r);
    if (!line || strcmp(line, LW_WISDOM_FIRST_LINE) != 0) return corrupt(r, "not '" LW_WISDOM_FIRST_LINE "'");
    for (int f = 0; f < LW_WISDOM_FIELDS; f++) {
        const char *name = lw_wisdom_field_names[f];
        size_t length = strlen(name);
        line = take_line(r);
        if (!line || strncmp(line, name, length) != 0 || strncmp(line + length, ": ", 2) != 0 ||
            !line[length + 2] || strlen(line + length + 2) >= LW_WISDOM_VALUE) {
            char what[64];
            snprintf(what, sizeof what, "no '%s: ...'", name);
            return corrupt(r, what);
        }
        strcpy(r->wisdom->header[f], line + length + 2);
    }
    line = take_line(r);
    return line && !*line ? LW_OK : corrupt(r, "no empty line");
}

/* ---- decisions ----------------------------------------------------------------------------------------- */

static lw_status finish_decision(struct reader *r) {
    if (!*r->problem) return LW_OK;
    lw_error why = {0};
    r->line--; /* of its last row */
    r->decision.problem = r->problem;
    r->decision.rows = r->rows;
    lw_status status = lw_wisdom_add(r->wisdom, &r->decision, &why);
    if (status == LW_ERR_INVALID) return corrupt(r, why.text);
    r->line++;
    r->problem[0] = 0;
    return status == LW_OK ? LW_OK : lw_fail(r->err, status, "%s", why.text);
}

static lw_status read_row(struct reader *r, const char *text) {
    lw_decision *d = &r->decision;
    int length = -1;
    if (d->count == MOST_ROWS) return corrupt(r, "too many rows");
    lw_timing *t = &r->rows[d->count];
    t->kernel = r->names[d->count];
    if (sscanf(text, "%127s %40lf [%40lf, %40lf] cold %40lf%n", r->names[d->count], &t->ns, &t->ns_low,
               &t->ns_high, &t->cold_ns, &length) != 5 ||
        length < 0 || text[length])
        return corrupt(r, "not 'kernel ns [low, high] cold ns'");
    d->count++;
    return LW_OK;
}

static lw_status read_question(struct reader *r, const char *line) {
    lw_decision *d = &r->decision;
    char op[16], sizes[192], layouts[24], tail[24], error[40], workspace[24], bits[16], effort[8];
    int length = -1;
    *d = (lw_decision){.tied = 1};
    if (sscanf(line,
               "%15s %191s %23s %23s error=%39s workspace=%23s threads=%6d bits=%15s effort=%7[a-z]: %n", op,
               sizes, layouts, tail, error, workspace, &d->threads, bits, effort, &length) != 9 ||
        length < 0)
        return corrupt(r, "no decision and no row of one");
    snprintf(r->problem, sizeof r->problem, "%s %s %s %s", op, sizes, layouts, tail);
    d->max_error = strtod(error, NULL);
    d->max_workspace = strcmp(workspace, "any") ? (size_t)strtoumax(workspace, NULL, 10) : 0;
    d->reproducible = !strcmp(bits, "reproducible");
    d->full = !strcmp(effort, "full");
    return read_row(r, line + length);
}

static lw_status read_line(struct reader *r, const char *line) {
    bool tie = !strncmp(line, "  tie ", 6), slower = !strncmp(line, "  slower ", 9);
    if (!tie && !slower) {
        lw_status status = finish_decision(r);
        return status == LW_OK ? read_question(r, line) : status;
    }
    if (!*r->problem) return corrupt(r, "a row without a decision");
    if (tie && r->decision.tied != r->decision.count) return corrupt(r, "a tie after a slower row");
    r->decision.tied += tie;
    return read_row(r, line + (tie ? 6 : 9));
}

static lw_status read_decisions(struct reader *r, uint64_t sum) {
    char *line, expected[64];
    while ((line = take_line(r)) && strncmp(line, "end ", 4) != 0) {
        lw_status status = read_line(r, line);
        if (status != LW_OK) return status;
    }
    if (!line) return corrupt(r, "the text ends without its last line");
    lw_status status = finish_decision(r);
    if (status != LW_OK) return status;
    snprintf(expected, sizeof expected, "end %zu %016llx", r->wisdom->count, (unsigned long long)sum);
    if (strcmp(line, expected) != 0)
        return corrupt(r, "the number of decisions or the checksum is wrong: it was changed or cut");
    return *r->next ? corrupt(r, "something after the last line") : LW_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

/* Written again it is the same. */
static lw_status compare(struct reader *r, const char *text, size_t size) {
    char *again;
    size_t length, same = 0;
    lw_status status = lw_wisdom_write(r->wisdom, &again, &length, r->err);
    if (status != LW_OK) return status;
    r->line = 1;
    for (; same < size && same < length && text[same] == again[same]; same++)
        r->line += text[same] == '\n';
    free(again);
    return same == size && same == length ? LW_OK : corrupt(r, "not as lanewise would write it");
}

/* Bytes before the last line. */
static size_t body_size(const char *text, size_t size) {
    size_t i = size ? size - 1 : 0; /* the last line's own end */
    while (i > 0 && text[i - 1] != '\n')
        i--;
    return i;
}

static lw_status parse(struct reader *r, const char *text, size_t size) {
    char *copy = malloc(size + 1);
    if (!copy) return lw_fail(r->err, LW_ERR_NO_MEMORY, "no memory for the text of wisdom");
    memcpy(copy, text, size);
    copy[size] = 0;
    r->next = copy;
    struct lw_plain_numbers numbers = lw_plain_numbers_begin();
    lw_status status = read_header(r);
    if (status == LW_OK) status = read_decisions(r, lw_wisdom_checksum(text, body_size(text, size)));
    lw_plain_numbers_end(numbers);
    free(copy);
    return status == LW_OK ? compare(r, text, size) : status;
}

lw_status lw_wisdom_read(lw_wisdom **out, const char *text, size_t size, lw_error *err) {
    if (!out) return lw_fail(err, LW_ERR_INVALID, "the pointer to the wisdom is NULL");
    *out = NULL;
    if (!text) return lw_fail(err, LW_ERR_INVALID, "the text is NULL");
    if (memchr(text, 0, size)) return lw_fail(err, LW_ERR_CORRUPT, "line 1: not a text");
    if (size > LARGEST) return lw_fail(err, LW_ERR_CORRUPT, "line 1: larger than %d bytes", LARGEST);
    struct reader *r = calloc(1, sizeof *r);
    if (!r) return lw_fail(err, LW_ERR_NO_MEMORY, "no memory to read wisdom");
    r->err = err;
    lw_status status = lw_wisdom_create(&r->wisdom, err);
    if (status == LW_OK) status = parse(r, text, size);
    if (status == LW_OK)
        *out = r->wisdom;
    else
        lw_wisdom_free(r->wisdom);
    free(r);
    return status == LW_OK ? lw_succeed(err) : status;
}

/* ---- file ---------------------------------------------------------------------------------------------- */

static lw_status read_file(const char *path, char **text, size_t *size, lw_error *err) {
    struct stat info;
    FILE *file = NULL;
    bool ok = stat(path, &info) == 0;
    if (ok && !S_ISREG(info.st_mode)) return lw_fail(err, LW_ERR_FILE, "%.180s: not a regular file", path);
    if (ok && info.st_size > LARGEST)
        return lw_fail(err, LW_ERR_CORRUPT, "%.180s: larger than %d bytes", path, LARGEST);
    ok = ok && (file = fopen(path, "rbe")) != NULL;
    if (!ok) return lw_fail(err, LW_ERR_FILE, "%.180s: %s", path, strerror(errno));
    *text = malloc((size_t)info.st_size + 1);
    *size = *text ? fread(*text, 1, (size_t)info.st_size, file) : 0;
    ok = *text && !ferror(file);
    fclose(file);
    if (ok) return LW_OK;
    free(*text);
    return lw_fail(err, LW_ERR_FILE, "%.180s: it can't be read", path);
}

lw_status lw_wisdom_read_file(lw_wisdom **out, const char *path, lw_error *err) {
    char *text = NULL;
    size_t size = 0;
    lw_error why = {0};
    if (!out) return lw_fail(err, LW_ERR_INVALID, "the pointer to the wisdom is NULL");
    *out = NULL;
    if (!path) return lw_fail(err, LW_ERR_INVALID, "the path is NULL");
    lw_status status = read_file(path, &text, &size, err);
    if (status != LW_OK) return status;
    status = lw_wisdom_read(out, text, size, &why);
    free(text);
    return status == LW_OK ? lw_succeed(err) : lw_fail(err, status, "%.120s: %.120s", path, why.text);
}
