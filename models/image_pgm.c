/* PGM: "P2" (text) or "P5" (bytes), width, height, the value of white, the pixels. */
#include "image_formats.h"

#include <stdbool.h>

/* White space, and comments from # to the end of the line. */
static int skip_space(FILE *file) {
    int c = getc(file);
    while (c == '#' || c == ' ' || (c >= '\t' && c <= '\r')) {
        if (c == '#')
            while (c != '\n' && c != '\r' && c != EOF)
                c = getc(file);
        else
            c = getc(file);
    }
    return c;
}

/* A decimal number up to a million, which is more than any that is meant; the character after it is left
 * unread. */
static bool read_number(FILE *file, unsigned *value) {
    int c = skip_space(file);
    if (c < '0' || c > '9') return false;
    *value = 0;
    for (; c >= '0' && c <= '9'; c = getc(file)) {
        *value = 10 * *value + (unsigned)(c - '0');
        if (*value > 1000000) return false;
    }
    if (c != EOF) ungetc(c, file);
    return true;
}

static bool read_bytes(FILE *file, bool two, unsigned *value) {
    int high = two ? getc(file) : 0, low = getc(file);
    *value = (unsigned)high << 8 | (unsigned)low;
    return high != EOF && low != EOF;
}

int lwm_image_read_pgm(FILE *file, const char *path, struct lwm_image *image, struct lwm_error *err) {
    getc(file); /* P */
    bool text = getc(file) == '2';
    unsigned width = 0, height = 0, white = 0;
    if (!read_number(file, &width) || !read_number(file, &height) || !read_number(file, &white))
        return lwm_fail(err, LWM_BAD, path,
                        "is not a good PGM: its header lacks width, height or the value of white");
    if (white == 0 || white > 65535)
        return lwm_fail(err, LWM_BAD, path, "is not a good PGM: the value of white is %u, not 1 to 65535",
                        white);
    int after = getc(file);
    if (after != EOF && after != ' ' && !(after >= '\t' && after <= '\r'))
        return lwm_fail(err, LWM_BAD, path, "is not a good PGM: no white space after its header");
    int status = lwm_image_allocate(image, width, height, path, err);
    if (status != LWM_OK) return status;

    size_t count = (size_t)width * height;
    for (size_t i = 0; i < count; i++) {
        unsigned value = 0;
        if (!(text ? read_number(file, &value) : read_bytes(file, white > 255, &value)))
            return lwm_fail(err, LWM_BAD, path, "is not a good PGM: it %s at pixel %zu of %zu",
                            feof(file) ? "ends" : "has no number", i, count);
        if (value > white)
            return lwm_fail(err, LWM_BAD, path, "is not a good PGM: pixel %zu is %u, but white is %u", i,
                            value, white);
        image->gray[i] = (uint8_t)((value * 255 + white / 2) / white);
    }
    if (skip_space(file) != EOF)
        return lwm_fail(err, LWM_BAD, path, "is not a good PGM: more follows its %zu pixels", count);
    return LWM_OK;
}
