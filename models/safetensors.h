/* A strict reader of safetensors, the weight file format:
 *
 *   8 bytes    length N of the header, little-endian
 *   N bytes    JSON: {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ..,
 *                     "__metadata__": {"key": "text", ..}}
 *   the rest   the tensors' bytes, little-endian, C order; offsets count from here
 *
 * Everything a header claims is checked against the file when it is opened: the tensors must cover the data
 * exactly, without overlap, hole or remainder, and each must be as long as its shape and type say. */
#ifndef LWM_SAFETENSORS_H
#define LWM_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "lwm_error.h"

enum { LWM_MAX_RANK = 8 };

struct lwm_safetensors; /* an open file, wholly in memory */

struct lwm_tensor {
    const char *name;
    const char *dtype; /* as written: "F32", "I64", .. */
    int rank;
    uint64_t shape[LWM_MAX_RANK];
    uint64_t begin, end; /* bytes, from the start of the data */
};

/* LWM_OK, and *out is to be closed; else another lwm_status, *out is NULL and err (may be NULL) says why. */
int lwm_safetensors_open(const char *path, struct lwm_safetensors **out, struct lwm_error *err);
void lwm_safetensors_close(struct lwm_safetensors *file); /* NULL is fine */

/* The tensors in the order of the header. */
size_t lwm_safetensors_count(const struct lwm_safetensors *file);
const struct lwm_tensor *lwm_safetensors_tensor(const struct lwm_safetensors *file, size_t index);

/* The values of tensor `name`, which must be float32 of exactly this shape; valid until the file is closed.
 */
int lwm_safetensors_f32(const struct lwm_safetensors *file, const char *name, int rank,
                        const uint64_t shape[], const float **values, struct lwm_error *err);

/* A text of __metadata__, or NULL if there is none of this key; valid until the file is closed. */
const char *lwm_safetensors_metadata(const struct lwm_safetensors *file, const char *key);

#endif
