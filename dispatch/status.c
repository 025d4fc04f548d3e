#include <stdarg.h>
#include <stdio.h>
#include "dispatch/error.h"

const char *lw_status_text(lw_status status) {
    static const char *const text[] = {
        [LW_OK] = "no error",
        [LW_ERR_INVALID] = "an argument or descriptor is not valid",
        [LW_ERR_OVERFLOW] = "a size does not fit in the address range",
        [LW_ERR_NO_MEMORY] = "out of memory",
        [LW_ERR_UNSUPPORTED] = "no kernel takes this problem",
        [LW_ERR_ISA] = "this CPU can't run the kernel or ISA asked for",
        [LW_ERR_UNKNOWN] = "no kernel or ISA has that name",
        [LW_ERR_NO_WISDOM] = "nothing is known about this problem",
        [LW_ERR_ENVIRONMENT] = "a LANEWISE_* environment variable makes no sense",
        [LW_ERR_THREADS] = "threads could not be started",
        [LW_ERR_CORRUPT] = "wisdom that isn't as it was written",
        [LW_ERR_STALE] = "wisdom of another CPU, compiler or build",
        [LW_ERR_FILE] = "a file can't be read or written",
    };
    return (size_t)status < sizeof text / sizeof *text ? text[status] : "unknown status";
}

lw_status lw_fail(lw_error *err, lw_status status, const char *format, ...) {
    if (!err) return status;
    err->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    for (char *c = err->text; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) *c = '?';
    return status;
}

lw_status lw_succeed(lw_error *err) {
    if (err) {
        err->status = LW_OK;
        err->text[0] = 0;
    }
    return LW_OK;
}
