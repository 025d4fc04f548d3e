/* JSON and figures on stdout, and files that appear whole or not at all: see cli.h. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void cli_json_number(cJSON *object, const char *key, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(object, key, value);
    else
        cJSON_AddNullToObject(object, key);
}

int cli_json_print(cJSON *root, int status) {
    char *text = root ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    if (!text) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    puts(text);
    cJSON_free(text);
    return status;
}

void cli_json_candidate(cJSON *object, const lw_candidate *c) {
    cli_json_number(object, "ns", c->ns);
    cli_json_number(object, "ns_low", c->ns_low);
    cli_json_number(object, "ns_high", c->ns_high);
    cJSON_AddStringToObject(object, "source", c->source);
    cli_json_number(object, "bound", c->bound);
    cli_json_number(object, "rel_l2", c->rel_l2);
    cJSON_AddNumberToObject(object, "workspace_bytes", (double)c->workspace_bytes);
    cJSON_AddNumberToObject(object, "packed_bytes", (double)c->packed_bytes);
}

/* ---- figures ------------------------------------------------------------------------------------------- */

const char *cli_time_text(double ns, char text[16]) {
    static const char *const units[] = {"ns", "us", "ms", "s"};
    int unit = 0;
    for (; ns >= 999.5 && unit < 3; unit++)
        ns /= 1000;
    snprintf(text, 16, "%.*f %s", ns < 9.995 ? 2 : ns < 99.95 ? 1 : 0, ns, units[unit]);
    return text;
}

const char *cli_bytes_text(size_t bytes, char text[16]) {
    if (bytes >= 10 << 20)
        snprintf(text, 16, "%.1fM", (double)bytes / (1 << 20));
    else if (bytes >= 10 << 10)
        snprintf(text, 16, "%.1fK", (double)bytes / (1 << 10));
    else
        snprintf(text, 16, "%u", (unsigned)bytes);
    return text;
}

const char *cli_layouts_text(const lw_desc *d, char text[32]) {
    snprintf(text, 32, "%s>%s", lw_layout_name(d->src_layout), lw_layout_name(d->dst_layout));
    return text;
}

/* ---- files --------------------------------------------------------------------------------------------- */

/* The temporary file to remove when a signal ends the command: set while one is open, read by the handler. */
static char *volatile open_temp;

static void remove_temp(int signal_number) {
    if (open_temp) unlink(open_temp);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void free_file(struct cli_file *file) {
    open_temp = NULL;
    free(file->path);
    free(file->temp);
    *file = (struct cli_file){0};
}

bool cli_file_open(struct cli_file *file, const char *path) {
    *file = (struct cli_file){0};
    struct stat info;
    bool exists = stat(path, &info) == 0;
    if (exists && S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        return false;
    }
    const bool regular = !exists || S_ISREG(info.st_mode);
    /* A symbolic link stays one; /dev/stdout leads to what has no path where that is a pipe. */
    file->path = exists && regular ? realpath(path, NULL) : strdup(path);
    if (!file->path) return false;
    if (!regular) {
        file->stream = fopen(path, "wb");
    } else if (exists && access(file->path, W_OK) != 0) {
        free_file(file);
        errno = EACCES;
        return false;
    } else {
        size_t size = strlen(file->path) + 16;
        file->temp = malloc(size);
        if (!file->temp) {
            free_file(file);
            return false;
        }
        snprintf(file->temp, size, "%s.tmp.XXXXXX", file->path);
        int fd = mkstemp(file->temp);
        if (fd >= 0) {
            open_temp = file->temp;
            static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
            for (size_t i = 0; i < CLI_COUNT(ending); i++) {
                if (signal(ending[i], remove_temp) == SIG_IGN) signal(ending[i], SIG_IGN);
            }
            mode_t mask = umask(0);
            umask(mask);
            fchmod(fd, exists ? info.st_mode & 07777 : 0666 & ~mask);
            file->stream = fdopen(fd, "wb");
        }
    }
    if (file->stream) return true;
    int error = errno;
    free_file(file);
    errno = error;
    return false;
}

bool cli_file_commit(struct cli_file *file) {
    bool good = !ferror(file->stream);
    errno = 0;
    if (fflush(file->stream) != 0) good = false;
    int error = errno;
    if (fclose(file->stream) != 0 && good) {
        good = false;
        error = errno;
    }
    file->stream = NULL;
    if (good && file->temp && rename(file->temp, file->path) != 0) {
        good = false;
        error = errno;
    }
    if (!good && file->temp) unlink(file->temp);
    free_file(file);
    errno = error ? error : EIO;
    return good;
}

void cli_file_abort(struct cli_file *file) {
    if (file->stream) fclose(file->stream);
    if (file->temp) unlink(file->temp);
    free_file(file);
}

int cli_try_file(const char *path) {
    struct cli_file file;
    if (!cli_file_open(&file, path)) return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
    cli_file_abort(&file);
    return CLI_GO;
}

int cli_write_file(const char *path, const char *text) {
    struct cli_file file;
    if (!cli_file_open(&file, path)) return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
    bool ok = fputs(text, file.stream) >= 0;
    if (!ok) cli_file_abort(&file);
    if (!ok || !cli_file_commit(&file)) return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
    return CLI_GO;
}
