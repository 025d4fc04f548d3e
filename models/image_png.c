/* PNG by libpng's simplified interface: it converts every colour type to gray, holds its own setjmp, and
 * leaves errors as a text instead of printing them. */
#include "image_formats.h"

#include <stdbool.h>
#include <string.h>

#include <png.h>

/* libpng stops at the last pixel. A file that was cut after it is still a broken one: walk on to the end
 * chunk. */
static bool has_end(FILE *file) {
    unsigned char head[8], crc[4];
    if (fseek(file, 8, SEEK_SET) != 0) return false;
    while (fread(head, 1, 8, file) == 8) {
        if (memcmp(head, "\0\0\0\0IEND", 8) == 0)
            return fread(crc, 1, 4, file) == 4 && memcmp(crc, "\xae\x42\x60\x82", 4) == 0;
        uint32_t length =
            (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
        if (length > INT32_MAX - 4 || fseek(file, (long)length + 4, SEEK_CUR) != 0) return false;
    }
    return false;
}

int lwm_image_read_png(FILE *file, const char *path, struct lwm_image *image, struct lwm_error *err) {
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_stdio(&png, file)) {
        int status = lwm_fail(err, LWM_BAD, path, "is not a good PNG: %s", png.message);
        png_image_free(&png);
        return status;
    }
    int status = lwm_image_allocate(image, png.width, png.height, path, err);
    if (status == LWM_OK) {
        png.format = PNG_FORMAT_GRAY;
        png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB; /* else 16-bit files would be taken as linear light */
        const png_color white = {255, 255, 255};
        if (!png_image_finish_read(&png, &white, image->gray, image->width, NULL))
            status = lwm_fail(err, LWM_BAD, path, "is not a good PNG: %s", png.message);
        else if (!has_end(file))
            status = lwm_fail(err, LWM_BAD, path, "is not a good PNG: it ends without its end chunk");
    }
    png_image_free(&png);
    return status;
}
