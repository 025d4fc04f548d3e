/* NumPy .npy files of float32 in C order. */
#ifndef LW_NPY_H
#define LW_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NPY_MAX_DIMS 8

struct npy_array {
    int dims;
    int64_t shape[NPY_MAX_DIMS];
    size_t count; /* product of shape; 1 when there are no dimensions */
    float *data;  /* aligned to 64; NULL when count is 0 */
};

/* Reads a version 1, 2 or 3 file. The file must hold exactly what its header says. false: `why` is one clause
 * that says what is wrong, without the path. */
bool npy_read(const char *path, struct npy_array *array, char why[200]);

/* Writes a version 1 file, whole or not at all. */
bool npy_write(const char *path, int dims, const int64_t *shape, const float *data, char why[200]);

void npy_free(struct npy_array *array);

/* "(2, 32, 14, 14)" */
void npy_format_shape(int dims, const int64_t *shape, char *text, size_t size);

#endif
