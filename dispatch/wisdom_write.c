/* Wisdom as text, and as a file. docs/wisdom.md is the format; wisdom_read.c reads it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dispatch/error.h"
#include "dispatch/wisdom.h"
#include "dispatch/wisdom_text.h"

struct lw_plain_numbers lw_plain_numbers_begin(void) {
    struct lw_plain_numbers n = {newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), (locale_t)0};
    if (n.plain) n.usual = uselocale(n.plain);
    return n;
}

void lw_plain_numbers_end(struct lw_plain_numbers n) {
    if (!n.plain) return;
    uselocale(n.usual);
    freelocale(n.plain);
}

/* ---- text ---------------------------------------------------------------------------------------------- */

static void write_row(FILE *out, const lw_timing *t) {
    fprintf(out, "%s %.1f [%.1f, %.1f] cold %.1f\n", t->kernel, t->ns, t->ns_low, t->ns_high, t->cold_ns);
}

/* In the fewest digits that read back as the same number. */
static void write_error(FILE *out, double error) {
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, error);
        if (strtod(text, NULL) == error) break;
    }
    fprintf(out, " error=%s", text);
}

static void write_decision(FILE *out, const lw_decision *d) {
    fputs(d->problem, out);
    write_error(out, d->max_error);
    if (d->max_workspace)
        fprintf(out, " workspace=%zu", d->max_workspace);
    else
        fputs(" workspace=any", out);
    fprintf(out, " threads=%d bits=%s effort=%s: ", d->threads, d->reproducible ? "reproducible" : "any",
            d->full ? "full" : "quick");
    write_row(out, &d->rows[0]);
    for (size_t i = 1; i < d->count; i++) {
        fputs(i < d->tied ? "  tie " : "  slower ", out);
        write_row(out, &d->rows[i]);
    }
}

uint64_t lw_wisdom_checksum(const char *text, size_t size) { /* FNV-1a */
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

lw_status lw_wisdom_write(const lw_wisdom *w, char **text, size_t *size, lw_error *err) {
    size_t length;
    if (!w || !text) return lw_fail(err, LW_ERR_INVALID, "the wisdom or the pointer to the text is NULL");
    *text = NULL;
    FILE *out = open_memstream(text, &length);
    if (!out) return lw_fail(err, LW_ERR_NO_MEMORY, "no memory for the text of wisdom");
    struct lw_plain_numbers numbers = lw_plain_numbers_begin();
    fputs(LW_WISDOM_FIRST_LINE "\n", out);
    for (int f = 0; f < LW_WISDOM_FIELDS; f++)
        fprintf(out, "%s: %s\n", lw_wisdom_field_names[f], w->header[f]);
    fputc('\n', out);
    for (size_t i = 0; i < w->count; i++)
        write_decision(out, w->list[i]);
    bool ok = fflush(out) == 0;
    if (ok)
        fprintf(out, "end %zu %016llx\n", w->count, (unsigned long long)lw_wisdom_checksum(*text, length));
    lw_plain_numbers_end(numbers);
    ok = fclose(out) == 0 && ok;
    if (size) *size = length;
    if (ok) return lw_succeed(err);
    free(*text);
    *text = NULL;
    return lw_fail(err, LW_ERR_NO_MEMORY, "no memory for the text of wisdom");
}

/* ---- file ---------------------------------------------------------------------------------------------- */

static lw_status fail_errno(lw_error *err, const char *path) {
    return lw_fail(err, LW_ERR_FILE, "%.180s: %s", path, strerror(errno));
}

static bool write_all(FILE *file, const char *text, size_t size) {
    bool ok = file && fwrite(text, 1, size, file) == size;
    ok = file && fflush(file) == 0 && ok;
    return file && fclose(file) == 0 && ok;
}

/* Beside it, then renamed to it: there is never half a file of that name. */
static bool replace_file(const char *path, mode_t mode, const char *text, size_t size) {
    char *temp = NULL;
    if (asprintf(&temp, "%s.XXXXXX", path) < 0) return false;
    int fd = mkstemp(temp);
    bool ok = fd >= 0 && fchmod(fd, mode) == 0 && write_all(fdopen(fd, "wb"), text, size) &&
              rename(temp, path) == 0;
    int error = errno;
    if (fd >= 0 && !ok) unlink(temp);
    free(temp);
    errno = error;
    return ok;
}

lw_status lw_wisdom_write_file(const lw_wisdom *w, const char *path, lw_error *err) {
    char *text, *real;
    size_t size;
    struct stat info;
    if (!path) return lw_fail(err, LW_ERR_INVALID, "the path is NULL");
    lw_status status = lw_wisdom_write(w, &text, &size, err);
    if (status != LW_OK) return status;
    bool ok, exists = stat(path, &info) == 0;
    if (exists && !S_ISREG(info.st_mode)) { /* a pipe or terminal */
        ok = write_all(fopen(path, "wb"), text, size);
    } else {
        real = exists ? realpath(path, NULL) : strdup(path); /* a symbolic link stays one */
        ok = real && replace_file(real, exists ? info.st_mode & 07777 : 0644, text, size);
        free(real);
    }
    if (!ok) status = fail_errno(err, path);
    free(text);
    return status;
}
