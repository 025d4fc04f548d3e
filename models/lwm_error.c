#include "lwm_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int lwm_fail(struct lwm_error *err, enum lwm_status status, const char *subject, const char *format, ...) {
    enum { longest_subject = 256 };

    if (!err) return (int)status;
    size_t length = strlen(subject);
    const char *ellipsis = "";
    if (length > longest_subject) {
        subject += length - longest_subject;
        ellipsis = "...";
    }
    err->status = status;
    int used = snprintf(err->text, sizeof err->text, "%s%s: ", ellipsis, subject);

    va_list list;
    va_start(list, format);
    vsnprintf(err->text + used, sizeof err->text - (size_t)used, format, list);
    va_end(list);

    for (char *c = err->text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    return (int)status;
}
