/* Private to image.c and the readers of single formats. */
#ifndef LWM_IMAGE_FORMATS_H
#define LWM_IMAGE_FORMATS_H

#include <stdint.h>
#include <stdio.h>

#include "image.h"

/* Give the picture its memory, if its size is acceptable. */
int lwm_image_allocate(struct lwm_image *image, uint64_t width, uint64_t height, const char *path,
                       struct lwm_error *err);

/* Read from the start of the file. On failure the caller frees the picture. */
int lwm_image_read_png(FILE *file, const char *path, struct lwm_image *image, struct lwm_error *err);
int lwm_image_read_pgm(FILE *file, const char *path, struct lwm_image *image, struct lwm_error *err);

#endif
