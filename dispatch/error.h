/* How every failure is reported: a status, and one line of text with the values. */
#ifndef LW_ERROR_H
#define LW_ERROR_H

#include "lanewise.h"

/* Fills *err (may be NULL) and returns status. Control characters in the text become '?': it stays one line.
 */
lw_status lw_fail(lw_error *err, lw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Clears *err (may be NULL) and returns LW_OK. */
lw_status lw_succeed(lw_error *err);

#endif
