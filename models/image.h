/* A picture from a PNG file (any colour type and depth; transparency is laid on white) or a PGM file (P2 or
 * P5, up to 16 bits), as gray. */
#ifndef LWM_IMAGE_H
#define LWM_IMAGE_H

#include <stdint.h>

#include "lwm_error.h"

/* A few kilobytes of PNG can claim gigabytes: larger pictures are refused before memory is asked for. */
enum { LWM_IMAGE_MAX_SIDE = 16384, LWM_IMAGE_MAX_PIXELS = 1 << 26 };

struct lwm_image {
    int width, height; /* pixels */
    uint8_t *gray;     /* height rows of width bytes, 0 is black */
};

/* The format is told by the file's first bytes, not by its name. On failure *image is empty; lwm_image_free
 * is fine on it either way. */
int lwm_image_read(const char *path, struct lwm_image *image, struct lwm_error *err);
void lwm_image_free(struct lwm_image *image);

#endif
