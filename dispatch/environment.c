#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dispatch/environment.h"
#include "dispatch/error.h"
#include "dispatch/registry.h"

static const char *value_of(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* "avx512, avx2, scalar" */
static void list_isas(char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; lw_isa_at(i) && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", lw_isa_at(i)->name);
}

static bool is_readable_file(const char *path) {
    struct stat info;
    return !stat(path, &info) && S_ISREG(info.st_mode) && !access(path, R_OK);
}

/* 0 or 1; unset is 0. */
static lw_status read_switch(const char *name, bool *on, lw_error *err) {
    const char *value = value_of(name);
    *on = value && !strcmp(value, "1");
    if (!value || *on || !strcmp(value, "0")) return LW_OK;
    return lw_fail(err, LW_ERR_ENVIRONMENT, "%s is '%.60s', neither 0 nor 1", name, value);
}

lw_status lw_environment_read(struct lw_environment *env, lw_error *err) {
    *env =
        (struct lw_environment){.kernel = value_of("LANEWISE_KERNEL"), .wisdom = value_of("LANEWISE_WISDOM")};
    const char *isa = value_of("LANEWISE_ISA");
    struct lw_row row;
    char names[96];

    if (isa && !lw_isa_find(isa, &env->isa_cap)) {
        list_isas(names, sizeof names);
        return lw_fail(err, LW_ERR_ENVIRONMENT, "LANEWISE_ISA is '%.60s', but this build has: %s", isa,
                       names);
    }
    if (env->kernel && !lw_row_find(env->kernel, &row))
        return lw_fail(err, LW_ERR_UNKNOWN, "LANEWISE_KERNEL: no kernel is named '%.100s'", env->kernel);
    if (env->wisdom && strcmp(env->wisdom, "none") != 0 && !is_readable_file(env->wisdom))
        return lw_fail(err, LW_ERR_ENVIRONMENT, "LANEWISE_WISDOM: can't read '%.160s'", env->wisdom);
    lw_status status = read_switch("LANEWISE_REPRODUCIBLE", &env->reproducible, err);
    return status == LW_OK ? read_switch("LANEWISE_VERBOSE", &env->verbose, err) : status;
}

/* ---- the log function ---------------------------------------------------------------------------------- */

struct log {
    void (*line)(void *arg, const char *text);
    void *arg;
};
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* keeps the pair whole */
static struct log log_to;

void lw_set_log(void (*line)(void *arg, const char *text), void *arg) {
    pthread_mutex_lock(&log_lock);
    log_to = (struct log){line, arg};
    pthread_mutex_unlock(&log_lock);
}

void lw_log_line(const char *format, ...) {
    pthread_mutex_lock(&log_lock);
    struct log to = log_to;
    pthread_mutex_unlock(&log_lock);
    if (!to.line) return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    to.line(to.arg, text);
}
