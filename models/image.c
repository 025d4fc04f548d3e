#include "image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "image_formats.h"
#include "lwm_file.h"

int lwm_image_allocate(struct lwm_image *image, uint64_t width, uint64_t height, const char *path,
                       struct lwm_error *err) {
    if (width == 0 || height == 0)
        return lwm_fail(err, LWM_BAD, path, "the picture is %" PRIu64 "x%" PRIu64 " pixels", width, height);
    if (width > LWM_IMAGE_MAX_SIDE || height > LWM_IMAGE_MAX_SIDE)
        return lwm_fail(err, LWM_BAD, path,
                        "the picture is %" PRIu64 "x%" PRIu64 " pixels; more than %d a side are refused",
                        width, height, LWM_IMAGE_MAX_SIDE);
    if (width * height > LWM_IMAGE_MAX_PIXELS)
        return lwm_fail(err, LWM_BAD, path,
                        "the picture is %" PRIu64 "x%" PRIu64 " pixels; more than %d in all are refused",
                        width, height, LWM_IMAGE_MAX_PIXELS);
    image->width = (int)width;
    image->height = (int)height;
    image->gray = malloc((size_t)(width * height));
    if (!image->gray)
        return lwm_fail(err, LWM_NO_MEMORY, path, "not enough memory for a picture of %dx%d pixels",
                        image->width, image->height);
    return LWM_OK;
}

int lwm_image_read(const char *path, struct lwm_image *image, struct lwm_error *err) {
    *image = (struct lwm_image){0};
    uint64_t size;
    FILE *file;
    int status = lwm_open(path, &file, &size, err);
    if (status != LWM_OK) return status;

    unsigned char start[8] = {0};
    size_t got = fread(start, 1, sizeof start, file);
    rewind(file);
    if (size == 0)
        status = lwm_fail(err, LWM_BAD, path, "is empty");
    else if (got == sizeof start && memcmp(start, "\x89PNG\r\n\x1a\n", sizeof start) == 0)
        status = lwm_image_read_png(file, path, image, err);
    else if (start[0] == 'P' && (start[1] == '2' || start[1] == '5'))
        status = lwm_image_read_pgm(file, path, image, err);
    else
        status = lwm_fail(err, LWM_BAD, path, "is neither a PNG nor a PGM (P2, P5) picture");
    fclose(file);
    if (status != LWM_OK) lwm_image_free(image);
    return status;
}

void lwm_image_free(struct lwm_image *image) {
    free(image->gray);
    *image = (struct lwm_image){0};
}
