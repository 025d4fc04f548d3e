/* The LANEWISE_* environment variables, read anew for every plan. An empty value is the same as none. */
#ifndef LW_ENVIRONMENT_H
#define LW_ENVIRONMENT_H

#include "lanewise.h"

struct lw_environment {
    size_t isa_cap;     /* LANEWISE_ISA: number of the first ISA that may be used */
    const char *kernel; /* LANEWISE_KERNEL: force this row where the operation is its own; NULL: none */
    const char *wisdom; /* LANEWISE_WISDOM: path of a readable file; NULL: none */
    bool reproducible;  /* LANEWISE_REPRODUCIBLE=1: as if every plan asked for it */
    bool verbose;       /* LANEWISE_VERBOSE=1: log each decision through lw_set_log() */
};

/* LW_ERR_ENVIRONMENT where a value makes no sense, LW_ERR_UNKNOWN where LANEWISE_KERNEL names no kernel. */
lw_status lw_environment_read(struct lw_environment *env, lw_error *err);

/* Hands one line to the log function, if there is one. */
void lw_log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
