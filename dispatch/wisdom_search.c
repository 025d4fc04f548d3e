/* Where wisdom is looked for: a named file, the user's, the system's, the library's own table. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dispatch/error.h"
#include "dispatch/wisdom.h"

#define SYSTEM_FILE "/etc/lanewise/wisdom"

/* results/<cpu>/wisdom.txt of the source tree (cmake/embed.cmake). */
struct lw_text {
    const char *name, *text;
};
extern const struct lw_text lw_texts_lw_wisdom_builtin[];

static bool is_same(const lw_wisdom *w, const lw_wisdom_header here, enum lw_wisdom_field field) {
    return strcmp(w->header[field], here[field]) == 0;
}

/* The table is of kinds of CPUs: it was measured by some compiler, on some member of the kind. Rows that this
 * build doesn't have are passed over when it is asked. */
static lw_status use_builtin(lw_error *err) {
    lw_wisdom_header here;
    lw_status status = LW_OK;
    lw_wisdom_here(here);
    for (const struct lw_text *t = lw_texts_lw_wisdom_builtin; t->text && status == LW_OK; t++) {
        lw_wisdom *w;
        status = lw_wisdom_read(&w, t->text, strlen(t->text), err);
        if (status == LW_OK && is_same(w, here, LW_WISDOM_KIND) && is_same(w, here, LW_WISDOM_ISAS))
            status = lw_wisdom_adopt(w, err);
        lw_wisdom_free(w);
    }
    return status;
}

lw_status lw_wisdom_import_files(const char *const *paths, size_t count, bool needed, lw_error *err) {
    lw_status first = LW_OK;
    for (size_t i = count; i-- > 0;) {
        lw_error why = {0};
        if (access(paths[i], F_OK) != 0 && !(needed && i == 0)) continue;
        lw_status status = lw_wisdom_import_file(paths[i], &why);
        if (status != LW_OK) first = lw_fail(err, status, "%s", why.text);
    }
    return first == LW_OK ? lw_succeed(err) : first;
}

lw_status lw_wisdom_user_path(char *path, size_t size, lw_error *err) {
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int length = -1;
    if (!path || !size) return lw_fail(err, LW_ERR_INVALID, "there is no room for the path");
    path[0] = 0;
    if (config && *config == '/') /* others are to be ignored, says the standard */
        length = snprintf(path, size, "%s/lanewise/wisdom", config);
    else if (home && *home)
        length = snprintf(path, size, "%s/.config/lanewise/wisdom", home);
    if (length > 0 && (size_t)length < size) return lw_succeed(err);
    path[0] = 0;
    return lw_fail(err, LW_ERR_ENVIRONMENT,
                   length < 0 ? "neither XDG_CONFIG_HOME nor HOME is set" : "the path is too long");
}

lw_status lw_wisdom_import_default(const char *path, lw_error *err) {
    const char *named = path ? path : getenv("LANEWISE_WISDOM"), *paths[3];
    char user[1024];
    size_t count = 0;
    bool is_named = named && *named;
    if (is_named && !strcmp(named, "none")) return lw_succeed(err);
    if (is_named) paths[count++] = named;
    if (lw_wisdom_user_path(user, sizeof user, NULL) == LW_OK) paths[count++] = user;
    paths[count++] = SYSTEM_FILE;
    lw_status builtin = use_builtin(err);
    return builtin == LW_OK ? lw_wisdom_import_files(paths, count, is_named, err) : builtin;
}
