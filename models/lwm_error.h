/* How the readers in this folder report failure: a status to branch on, and one line for a person.
 * Nothing here prints, aborts or exits. */
#ifndef LWM_ERROR_H
#define LWM_ERROR_H

enum lwm_status {
    LWM_OK = 0,
    LWM_NOT_FOUND, /* no such file, or no data set in the usual places */
    LWM_BAD,       /* the file is there, but it isn't what it should be */
    LWM_NO_MEMORY
};

struct lwm_error {
    enum lwm_status status;
    char text[512]; /* one line without a newline; names the file first */
};

#if defined(__GNUC__)
#define LWM_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define LWM_PRINTF(text, first)
#endif

/* Fill err (which may be NULL) with "subject: message" and return status. A subject too long for the line
 * loses its head, never the message; control characters, as a hostile file's names may hold, become '?'. */
int lwm_fail(struct lwm_error *err, enum lwm_status status, const char *subject, const char *format, ...)
    LWM_PRINTF(4, 5);

#endif
