/* A strict reader of IDX, the format of the MNIST files, gzipped or not:
 * two zero bytes, the type (8: unsigned bytes), the rank, the dimensions (big-endian, 32 bits each), the
 * data. */
#ifndef LWM_IDX_H
#define LWM_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "lwm_error.h"

enum { LWM_IMAGE_SIDE = 28, LWM_IMAGE_PIXELS = 28 * 28, LWM_CLASSES = 10 };

/* `*pixels` gets `*count` images of 28 rows of 28 bytes, 0 is background; to be freed with free(). A file
 * without images, or longer or shorter than it says, is an error. */
int lwm_idx_images(const char *path, uint8_t **pixels, size_t *count, struct lwm_error *err);

/* `*labels` gets `*count` bytes, each 0 to 9; to be freed with free(). */
int lwm_idx_labels(const char *path, uint8_t **labels, size_t *count, struct lwm_error *err);

#endif
