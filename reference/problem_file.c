/* --batch files as benchdnn reads them: problems and options separated by white space, `#` to the end of the
 * line is a comment; here with line numbers, and options are noted instead of obeyed. */
#include "problem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WHY = 200, LINE = 4096, FILE_LIMIT = 64 << 20 };

static struct lw_problem_line *append(struct lw_problem_list *list) {
    if ((list->count & (list->count - 1)) == 0) { /* room doubles at every power of two */
        size_t room = list->count == 0 ? 1 : 2 * list->count;
        struct lw_problem_line *lines = realloc(list->lines, room * sizeof *lines);
        if (lines == NULL) return NULL;
        list->lines = lines;
    }
    struct lw_problem_line *line = &list->lines[list->count++];
    memset(line, 0, sizeof *line);
    return line;
}

/* As written, or its beginning and three dots. */
static void shorten(char *text, size_t size, const char *string) {
    if (snprintf(text, size, "%s", string) >= (int)size) memcpy(text + size - 4, "...", 4);
}

static bool add_token(lw_op op, const char *token, int64_t mb, int line_number,
                      struct lw_problem_list *list) {
    struct lw_problem_line *line = append(list);
    if (line == NULL) return false;
    line->line = line_number;
    shorten(line->text, sizeof line->text, token);
    if (strncmp(token, "--", 2) == 0) {
        line->status = LW_PARSE_SKIP;
        snprintf(line->why, sizeof line->why, "benchdnn option, ignored");
        return true;
    }
    line->status = lw_problem_parse(op, token, mb, &line->problem, line->why);
    return true;
}

bool lw_problem_add(lw_op op, const char *string, int64_t mb, struct lw_problem_list *list) {
    return add_token(op, string, mb, 0, list);
}

/* Ends the token at s (white space and # within quotes belong to it) and returns where the next may begin. */
static char *end_token(char *s) {
    bool quoted = false;
    for (; *s != '\0' && (quoted || strchr(" \t\r\v\f#", *s) == NULL); s++)
        if (*s == '"') quoted = !quoted;
    if (*s == '#') {
        *s = '\0';
        return s;
    }
    if (*s != '\0') *s++ = '\0';
    return s;
}

static bool add_line(lw_op op, char *s, int64_t mb, int line_number, struct lw_problem_list *list) {
    for (;;) {
        s += strspn(s, " \t\r\v\f");
        if (*s == '\0' || *s == '#') return true;
        char *token = s;
        s = end_token(s);
        if (!add_token(op, token, mb, line_number, list)) return false;
    }
}

/* The whole file, ended by a zero. */
static char *read_all(const char *path, size_t *size, char *why) {
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        snprintf(why, WHY, "%.150s: %s", path, strerror(errno));
        if (file != NULL) fclose(file);
        return NULL;
    }
    size_t room = 1 << 16;
    char *data = S_ISDIR(info.st_mode) ? NULL : malloc(room);
    snprintf(why, WHY, "%.150s: %s", path, S_ISDIR(info.st_mode) ? "is a directory" : "out of memory");
    *size = 0;
    while (data != NULL) {
        *size += fread(data + *size, 1, room - 1 - *size, file);
        if (*size < room - 1) break;
        char *more = room < FILE_LIMIT ? realloc(data, room *= 2) : NULL;
        if (more == NULL) {
            snprintf(why, WHY, "%.150s: too large for a batch file", path);
            free(data);
        }
        data = more;
    }
    if (data != NULL && ferror(file)) {
        snprintf(why, WHY, "%.150s: %s", path, strerror(EIO));
        free(data);
        data = NULL;
    }
    fclose(file);
    if (data != NULL) data[*size] = '\0';
    return data;
}

static bool add_text(lw_op op, const char *path, char *data, size_t size, int64_t mb,
                     struct lw_problem_list *list, char *why) {
    if (memchr(data, '\0', size) != NULL) {
        snprintf(why, WHY, "%.150s: not a text file", path);
        return false;
    }
    char *s = strncmp(data, "\xEF\xBB\xBF", 3) == 0 ? data + 3 : data;
    for (int number = 1; *s != '\0'; number++) {
        size_t length = strcspn(s, "\n");
        char *next = s[length] == '\0' ? s + length : s + length + 1;
        s[length] = '\0';
        if (length > LINE) {
            snprintf(why, WHY, "%.150s:%d: line longer than %d characters", path, number, LINE);
            return false;
        }
        if (!add_line(op, s, mb, number, list)) {
            snprintf(why, WHY, "%.150s: out of memory", path);
            return false;
        }
        s = next;
    }
    return true;
}

bool lw_problem_read_file(lw_op op, const char *path, int64_t mb, struct lw_problem_list *list,
                          char why[200]) {
    size_t size;
    char *data = read_all(path, &size, why);
    if (data == NULL) return false;
    why[0] = '\0';
    bool ok = add_text(op, path, data, size, mb, list, why);
    free(data);
    return ok;
}

bool lw_problem_read_text(lw_op op, const char *name, const char *text, int64_t mb,
                          struct lw_problem_list *list, char why[200]) {
    size_t size = strlen(text);
    char *copy = strdup(text);
    if (copy == NULL) snprintf(why, WHY, "%.150s: out of memory", name);
    bool ok = copy != NULL && add_text(op, name, copy, size, mb, list, why);
    free(copy);
    return ok;
}

void lw_problem_list_free(struct lw_problem_list *list) {
    free(list->lines);
    *list = (struct lw_problem_list){0};
}
