#include "idx.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lwm_file.h"

/* MNIST has 60,000 images, EMNIST 814,255. The cap bounds what a small gzip file can blow up to. */
static const uint64_t most_items = 1 << 20;

/* Up to `wanted` bytes. Fewer only at the file's end, which *got tells; an error of zlib's (a broken stream,
 * a checksum that doesn't match) is reported here. */
static int read_bytes(gzFile file, const char *path, uint8_t *to, size_t wanted, size_t *got,
                      struct lwm_error *err) {
    int n = gzread(file, to, (unsigned)wanted);
    int code = Z_OK;
    const char *text = gzerror(file, &code);
    if (n < 0 || (code != Z_OK && code != Z_STREAM_END)) {
        if (code == Z_BUF_ERROR) return lwm_fail(err, LWM_BAD, path, "its gzip stream ends too early");
        if (code == Z_MEM_ERROR) return lwm_fail(err, LWM_NO_MEMORY, path, "not enough memory");
        /* zlib's text begins with the path */
        size_t prefix = strlen(path);
        if (strncmp(text, path, prefix) == 0 && strncmp(text + prefix, ": ", 2) == 0) text += prefix + 2;
        return lwm_fail(err, LWM_BAD, path, "can't be read: %s", text);
    }
    *got = (size_t)n;
    return LWM_OK;
}

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The header, for `rank` dimensions; *items is the first, *size the product of all. */
static int read_header(gzFile file, const char *path, int rank, uint64_t *items, uint64_t *size,
                       struct lwm_error *err) {
    uint8_t header[16];
    size_t length = 4 + 4 * (size_t)rank, got = 0;
    int status = read_bytes(file, path, header, length, &got, err);
    if (status != LWM_OK) return status;
    if (got >= 4 && (header[0] || header[1]))
        return lwm_fail(err, LWM_BAD, path,
                        "is not an IDX file: it begins with the bytes %02x %02x, not zeros", header[0],
                        header[1]);
    if (got >= 4 && header[2] != 8)
        return lwm_fail(err, LWM_BAD, path, "its elements are of IDX type 0x%02x, not unsigned bytes (0x08)",
                        header[2]);
    if (got >= 4 && header[3] != rank)
        return lwm_fail(err, LWM_BAD, path, "it has %d dimensions, not the %d of %s", header[3], rank,
                        rank == 3 ? "images" : "labels");
    if (got < length) return lwm_fail(err, LWM_BAD, path, "%zu bytes are too few for an IDX header", got);

    *items = big_endian(header + 4);
    *size = *items;
    if (*items == 0) return lwm_fail(err, LWM_BAD, path, "is empty: it says it has 0 items");
    if (*items > most_items)
        return lwm_fail(err, LWM_BAD, path,
                        "it says it has %" PRIu64 " items; more than %" PRIu64 " are refused", *items,
                        most_items);
    if (rank == 3) {
        uint32_t rows = big_endian(header + 8), columns = big_endian(header + 12);
        if (rows != LWM_IMAGE_SIDE || columns != LWM_IMAGE_SIDE)
            return lwm_fail(err, LWM_BAD, path, "its images are %" PRIu32 "x%" PRIu32 ", not 28x28", rows,
                            columns);
        *size *= LWM_IMAGE_PIXELS;
    }
    return LWM_OK;
}

/* Memory grows with what is really there, so a header that lies costs none. */
static int read_body(gzFile file, const char *path, uint64_t size, uint8_t **data, struct lwm_error *err) {
    enum { first_room = 1 << 20 };

    size_t room = 0, have = 0;
    for (;;) {
        if (have == room) {
            room = room ? 2 * room : first_room;
            if (room > size + 1) room = (size_t)size + 1; /* + 1: to see whether more follows */
            uint8_t *larger = realloc(*data, room);
            if (!larger)
                return lwm_fail(err, LWM_NO_MEMORY, path, "not enough memory for %" PRIu64 " bytes", size);
            *data = larger;
        }
        size_t got = 0;
        int status = read_bytes(file, path, *data + have, room - have, &got, err);
        if (status != LWM_OK) return status;
        have += got;
        if (have > size)
            return lwm_fail(err, LWM_BAD, path, "has more data than the %" PRIu64 " bytes it says", size);
        if (got == 0) break;
    }
    if (have < size)
        return lwm_fail(err, LWM_BAD, path, "ends after %zu of the %" PRIu64 " bytes of data it says", have,
                        size);
    return LWM_OK;
}

static int read_idx(const char *path, int rank, uint8_t **data, size_t *count, struct lwm_error *err) {
    *data = NULL;
    *count = 0;
    uint64_t file_size, items = 0, size = 0;
    FILE *probe; /* for lwm_open's checks and its clearer errors */
    int status = lwm_open(path, &probe, &file_size, err);
    if (status != LWM_OK) return status;
    fclose(probe);
    gzFile file = gzopen(path, "rb");
    if (!file) return lwm_fail(err, LWM_BAD, path, "can't be opened");
    gzbuffer(file, 1 << 16);

    status = read_header(file, path, rank, &items, &size, err);
    if (status == LWM_OK) status = read_body(file, path, size, data, err);
    gzclose(file);
    if (status != LWM_OK) {
        free(*data);
        *data = NULL;
    } else
        *count = (size_t)items;
    return status;
}

int lwm_idx_images(const char *path, uint8_t **pixels, size_t *count, struct lwm_error *err) {
    return read_idx(path, 3, pixels, count, err);
}

int lwm_idx_labels(const char *path, uint8_t **labels, size_t *count, struct lwm_error *err) {
    int status = read_idx(path, 1, labels, count, err);
    for (size_t i = 0; status == LWM_OK && i < *count; i++)
        if ((*labels)[i] >= LWM_CLASSES)
            status = lwm_fail(err, LWM_BAD, path, "label %zu is %d, not 0 to 9", i, (*labels)[i]);
    if (status != LWM_OK) {
        free(*labels);
        *labels = NULL;
        *count = 0;
    }
    return status;
}
