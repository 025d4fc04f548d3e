/* PNG by libpng's simplified interface: it converts every colour type to gray, holds its own setjmp, and
 * leaves errors as a text instead of printing them. */
#include "image_formats.h"

#include <png.h>

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
    }
    png_image_free(&png);
    return status;
}
