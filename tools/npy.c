/* NumPy .npy: magic, version, header length, a Python dict literal, raw data. The dict is parsed strictly. */
#include "npy.h"

#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_HEADER (1 << 20)

_Static_assert(sizeof(float) == 4, "npy data is float32");
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "npy.c reads '<f4' as it is: little-endian machines only"
#endif

static bool fail(char *why, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(why, 200, format, args);
    va_end(args);
    return false;
}

void npy_format_shape(int dims, const int64_t *shape, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "(");
    for (int i = 0; i < dims && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i ? ", %" PRId64 : "%" PRId64, shape[i]);
    if (used < size) snprintf(text + used, size - used, dims == 1 ? ",)" : ")");
}

/* ---- the header: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } --------------------------- */

struct header {
    const char *at;
    bool has_descr, has_order, has_shape, fortran;
    char descr[32];
};

static void skip_space(struct header *h) {
    while (*h->at == ' ' || *h->at == '\t' || *h->at == '\n' || *h->at == '\r')
        h->at++;
}

static bool take(struct header *h, char c) {
    skip_space(h);
    if (*h->at != c) return false;
    h->at++;
    return true;
}

static bool take_word(struct header *h, const char *word) {
    skip_space(h);
    size_t length = strlen(word);
    if (strncmp(h->at, word, length) != 0) return false;
    h->at += length;
    return true;
}

static bool take_string(struct header *h, char *out, size_t size) {
    skip_space(h);
    char quote = *h->at;
    if (quote != '\'' && quote != '"') return false;
    const char *end = strchr(h->at + 1, quote);
    if (!end || (size_t)(end - h->at) > size) return false;
    snprintf(out, size, "%.*s", (int)(end - h->at - 1), h->at + 1);
    h->at = end + 1;
    return true;
}

static bool take_shape(struct header *h, struct npy_array *array, char *why) {
    if (!take(h, '(')) return fail(why, "header: 'shape' is not a tuple");
    array->dims = 0;
    while (!take(h, ')')) {
        skip_space(h);
        if (*h->at < '0' || *h->at > '9') return fail(why, "header: a dimension is not a whole number");
        if (array->dims == NPY_MAX_DIMS) return fail(why, "header: more than %d dimensions", NPY_MAX_DIMS);
        char *end;
        errno = 0;
        long long value = strtoll(h->at, &end, 10);
        if (errno) return fail(why, "header: a dimension is too large");
        h->at = end;
        array->shape[array->dims++] = value;
        skip_space(h);
        if (!take(h, ',') && *h->at != ')')
            return fail(why, "header: 'shape' is not a tuple of whole numbers");
    }
    return true;
}

static bool take_entry(struct header *h, struct npy_array *array, char *why) {
    char key[32];
    if (!take_string(h, key, sizeof key) || !take(h, ':')) return fail(why, "header: not a dictionary");
    if (strcmp(key, "descr") == 0 && !h->has_descr) {
        h->has_descr = true;
        if (take_string(h, h->descr, sizeof h->descr)) return true;
        return fail(why, "dtype is structured or unreadable; float32 ('<f4') is needed");
    }
    if (strcmp(key, "fortran_order") == 0 && !h->has_order) {
        h->has_order = true;
        h->fortran = take_word(h, "True");
        return h->fortran || take_word(h, "False") ||
               fail(why, "header: 'fortran_order' is neither True nor False");
    }
    if (strcmp(key, "shape") == 0 && !h->has_shape) {
        h->has_shape = true;
        return take_shape(h, array, why);
    }
    return fail(why, "header: unexpected or repeated key '%s'", key);
}

static bool parse_header(const char *text, size_t length, struct npy_array *array, char *why) {
    if (strlen(text) != length) return fail(why, "header: zero bytes in it");
    struct header h = {.at = text};
    if (!take(&h, '{')) return fail(why, "header: not a dictionary");
    while (!take(&h, '}')) {
        if (!take_entry(&h, array, why)) return false;
        skip_space(&h);
        if (!take(&h, ',') && *h.at != '}') return fail(why, "header: not a dictionary");
    }
    skip_space(&h);
    if (*h.at) return fail(why, "header: text after the dictionary");
    if (!h.has_descr || !h.has_order || !h.has_shape)
        return fail(why, "header: '%s' is missing",
                    !h.has_descr   ? "descr"
                    : !h.has_order ? "fortran_order"
                                   : "shape");
    if (strcmp(h.descr, "<f4") != 0) return fail(why, "dtype '%s': float32 ('<f4') is needed", h.descr);
    if (h.fortran && array->dims > 1) return fail(why, "Fortran order: C order is needed");
    return true;
}

/* ---- files --------------------------------------------------------------------------------------------- */

/* Reads preamble and header; leaves the stream at the data and *offset at its position. */
static bool read_header(FILE *f, struct npy_array *array, size_t *offset, char *why) {
    unsigned char pre[12];
    if (fread(pre, 1, 10, f) != 10) return fail(why, ferror(f) ? "can't be read" : "truncated header");
    if (memcmp(pre, "\x93NUMPY", 6) != 0) return fail(why, "not a .npy file");
    if (pre[6] < 1 || pre[6] > 3) return fail(why, "npy version %d.%d is unknown", pre[6], pre[7]);
    size_t length = pre[8] | (size_t)pre[9] << 8;
    *offset = 10;
    if (pre[6] > 1) {
        if (fread(pre + 10, 1, 2, f) != 2) return fail(why, "truncated header");
        length |= (size_t)pre[10] << 16 | (size_t)pre[11] << 24;
        *offset = 12;
    }
    if (length > MAX_HEADER) return fail(why, "header of %zu bytes is too long", length);
    char *text = malloc(length + 1);
    if (!text) return fail(why, "out of memory");
    bool good = fread(text, 1, length, f) == length;
    if (!good) fail(why, "truncated header");
    text[good ? length : 0] = 0;
    good = good && parse_header(text, length, array, why);
    *offset += length;
    free(text);
    return good;
}

static bool count_elements(struct npy_array *array, char *why) {
    bool empty = false;
    for (int i = 0; i < array->dims; i++)
        empty |= array->shape[i] == 0;
    array->count = empty ? 0 : 1;
    for (int i = 0; i < array->dims && !empty; i++) {
        if (__builtin_mul_overflow(array->count, (size_t)array->shape[i], &array->count) ||
            array->count > SIZE_MAX / 8)
            return fail(why, "shape overflows memory");
    }
    return true;
}

static bool read_data(FILE *f, struct npy_array *array, size_t offset, char *why) {
    size_t bytes = array->count * sizeof(float);
    struct stat info;
    if (fstat(fileno(f), &info) != 0) return fail(why, "%s", strerror(errno));
    if (S_ISREG(info.st_mode) && (uint64_t)info.st_size != (uint64_t)offset + bytes) {
        char shape[120];
        npy_format_shape(array->dims, array->shape, shape, sizeof shape);
        return fail(why, "%s data: shape %s needs %zu bytes, the file has %lld",
                    (uint64_t)info.st_size < (uint64_t)offset + bytes ? "truncated" : "trailing", shape,
                    bytes, (long long)info.st_size - (long long)offset);
    }
    if (!bytes) return true;
    array->data = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!array->data) return fail(why, "no memory for %zu bytes", bytes);
    if (fread(array->data, 1, bytes, f) != bytes) return fail(why, "truncated data");
    if (fgetc(f) != EOF) return fail(why, "trailing data");
    return true;
}

bool npy_read(const char *path, struct npy_array *array, char why[200]) {
    *array = (struct npy_array){0};
    FILE *f = fopen(path, "rb");
    if (!f) return fail(why, "%s", strerror(errno));
    struct stat info;
    size_t offset = 0;
    bool good = fstat(fileno(f), &info) == 0 && S_ISDIR(info.st_mode) ? fail(why, "is a directory") : true;
    good = good && read_header(f, array, &offset, why) && count_elements(array, why) &&
           read_data(f, array, offset, why);
    fclose(f);
    if (!good) npy_free(array);
    return good;
}

bool npy_write(const char *path, int dims, const int64_t *shape, const float *data, char why[200]) {
    char text[128], header[256];
    size_t count = 1;
    for (int i = 0; i < dims; i++)
        count *= (size_t)shape[i];
    npy_format_shape(dims, shape, text, sizeof text);
    int length =
        snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", text);
    int padded = (10 + length + 1 + 63) / 64 * 64 - 10; /* the data starts at a multiple of 64 */
    const unsigned char pre[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, padded & 255, padded >> 8};

    struct cli_file file;
    if (!cli_file_open(&file, path)) return fail(why, "%s", strerror(errno));
    fwrite(pre, 1, 10, file.stream);
    fprintf(file.stream, "%-*s\n", padded - 1, header);
    if (count) fwrite(data, sizeof(float), count, file.stream);
    return cli_file_commit(&file) || fail(why, "%s", strerror(errno));
}

void npy_free(struct npy_array *array) {
    free(array->data);
    *array = (struct npy_array){0};
}
