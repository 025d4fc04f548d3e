#define _POSIX_C_SOURCE 200809L /* stat */
#include "lwm_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

bool lwm_is_file(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

bool lwm_is_folder(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

int lwm_open(const char *path, FILE **file, uint64_t *size, struct lwm_error *err) {
    *file = NULL;
    struct stat s;
    if (stat(path, &s) != 0) {
        enum lwm_status status = errno == ENOENT || errno == ENOTDIR ? LWM_NOT_FOUND : LWM_BAD;
        return lwm_fail(err, status, path, "%s", strerror(errno));
    }
    if (S_ISDIR(s.st_mode)) return lwm_fail(err, LWM_BAD, path, "is a folder, not a file");
    if (!S_ISREG(s.st_mode)) return lwm_fail(err, LWM_BAD, path, "is not a regular file");
    *file = fopen(path, "rb");
    if (!*file) return lwm_fail(err, LWM_BAD, path, "%s", strerror(errno));
    *size = (uint64_t)s.st_size;
    return LWM_OK;
}

bool lwm_join(char path[LWM_PATH_MAX], const char *folder, const char *name, const char *suffix) {
    int length = snprintf(path, LWM_PATH_MAX, "%s/%s%s", folder, name, suffix);
    return length > 0 && length < LWM_PATH_MAX;
}
