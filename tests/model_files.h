/* Files for the suites of models/, in a folder of each test's own. Include it first. */
#ifndef LW_TEST_MODEL_FILES_H
#define LW_TEST_MODEL_FILES_H

#define _POSIX_C_SOURCE 200809L /* mkdtemp, setenv */
#include <criterion/criterion.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "models/lwm_file.h"

#define CASE(suite, name) Test(suite, name, .timeout = 60)

/* ---- files in a folder of their own */

static char folder[64];
static char path[128]; /* of the file written last */

static inline void make_folder(void) {
    strcpy(folder, "/tmp/lanewise-models-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static inline void remove_folder(void) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char name[512];
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        unlink(name); /* fails on . and .., as it should */
    }
    if (d) closedir(d);
    rmdir(folder);
}

static inline void write_file(const char *name, const void *bytes, size_t size) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static inline void write_gzip(const char *name, const void *bytes, size_t size) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile f = gzopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(gzwrite(f, bytes, (unsigned)size), (int)size);
    gzclose(f);
}

/* All of the file written last; to be freed. */
static inline unsigned char *read_back(size_t *size) {
    uint64_t length = 0;
    FILE *f;
    cr_assert_eq(lwm_open(path, &f, &length, NULL), LWM_OK);
    unsigned char *bytes = malloc((size_t)length + 1);
    *size = fread(bytes, 1, (size_t)length, f);
    cr_assert_eq(*size, length);
    fclose(f);
    return bytes;
}

/* One line, which names the file and says `what`. */
static inline void check_error(const struct lwm_error *err, const char *what) {
    const char *name = strrchr(path, '/') + 1;
    cr_expect_not_null(strstr(err->text, name), "no '%s' in: %s", name, err->text);
    cr_expect_not_null(strstr(err->text, what), "no '%s' in: %s", what, err->text);
    cr_expect_null(strchr(err->text, '\n'), "more than a line: %s", err->text);
}

#endif
