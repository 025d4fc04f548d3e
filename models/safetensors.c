#include "safetensors.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "lwm_file.h"

/* JSON takes some 50 times its text in memory, so a header's length is capped: 1 MiB is thousands of tensors.
 */
static const uint64_t longest_header = 1 << 20;
static const uint64_t longest_data = UINT64_C(1) << 32;

struct lwm_safetensors {
    char *path;
    cJSON *header; /* owns the names, types and metadata */
    struct lwm_tensor *tensors;
    size_t count;
    unsigned char *data;
    uint64_t size; /* of the data, bytes */
};

static int no_memory(const struct lwm_safetensors *f, struct lwm_error *err) {
    return lwm_fail(err, LWM_NO_MEMORY, f->path, "not enough memory");
}

/* ---- the header of one tensor */

/* JSON numbers are doubles; those above 2^53 aren't exact, and no file is that long. */
static bool as_size(const cJSON *item, uint64_t *value) {
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= 9007199254740992.0))
        return false;
    *value = (uint64_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

/* Bytes of an element; 0 for a type that this reader doesn't know. */
static uint64_t element_size(const char *dtype) {
    static const struct {
        const char *dtype;
        uint64_t size;
    } known[] = {{"F32", 4},  {"F64", 8}, {"F16", 2},     {"BF16", 2},   {"I8", 1},  {"I16", 2},
                 {"I32", 4},  {"I64", 8}, {"U8", 1},      {"U16", 2},    {"U32", 4}, {"U64", 8},
                 {"BOOL", 1}, {"C64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(dtype, known[i].dtype) == 0) return known[i].size;
    return 0;
}

static int read_shape(const struct lwm_safetensors *f, const cJSON *shape, struct lwm_tensor *t,
                      struct lwm_error *err) {
    if (!cJSON_IsArray(shape))
        return lwm_fail(err, LWM_BAD, f->path, "tensor '%.64s' has no array 'shape'", t->name);
    const cJSON *item;
    cJSON_ArrayForEach(item, shape) {
        if (t->rank == LWM_MAX_RANK)
            return lwm_fail(err, LWM_BAD, f->path, "tensor '%.64s' has more than %d dimensions", t->name,
                            LWM_MAX_RANK);
        if (!as_size(item, &t->shape[t->rank]))
            return lwm_fail(err, LWM_BAD, f->path,
                            "tensor '%.64s': dimension %d is not a whole number in range", t->name, t->rank);
        t->rank++;
    }
    return LWM_OK;
}

static int read_offsets(const struct lwm_safetensors *f, const cJSON *offsets, struct lwm_tensor *t,
                        struct lwm_error *err) {
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !as_size(cJSON_GetArrayItem(offsets, 0), &t->begin) ||
        !as_size(cJSON_GetArrayItem(offsets, 1), &t->end))
        return lwm_fail(err, LWM_BAD, f->path,
                        "tensor '%.64s': 'data_offsets' are not two whole numbers in range", t->name);
    if (t->begin > t->end)
        return lwm_fail(err, LWM_BAD, f->path,
                        "tensor '%.64s': its data begins at %" PRIu64 ", after its end %" PRIu64, t->name,
                        t->begin, t->end);
    if (t->end > f->size)
        return lwm_fail(err, LWM_BAD, f->path,
                        "tensor '%.64s': its data ends at %" PRIu64 ", the file's data at %" PRIu64, t->name,
                        t->end, f->size);
    return LWM_OK;
}

/* The data must be as long as shape and type say. */
static int check_length(const struct lwm_safetensors *f, const struct lwm_tensor *t, struct lwm_error *err) {
    uint64_t bytes = element_size(t->dtype);
    if (bytes == 0) return LWM_OK; /* an unknown type: it can't be asked for, and it can't be checked */
    bool empty = false;
    for (int i = 0; i < t->rank; i++)
        empty |= t->shape[i] == 0;
    for (int i = 0; i < t->rank && !empty; i++) {
        if (bytes > UINT64_MAX / t->shape[i])
            return lwm_fail(err, LWM_BAD, f->path, "tensor '%.64s': its shape overflows 64 bits", t->name);
        bytes *= t->shape[i];
    }
    if (empty) bytes = 0;
    if (bytes != t->end - t->begin)
        return lwm_fail(err, LWM_BAD, f->path,
                        "tensor '%.64s' has %" PRIu64 " bytes of data, its shape and type need %" PRIu64,
                        t->name, t->end - t->begin, bytes);
    return LWM_OK;
}

static int read_tensor(const struct lwm_safetensors *f, const cJSON *item, struct lwm_tensor *t,
                       struct lwm_error *err) {
    t->name = item->string;
    if (!cJSON_IsObject(item))
        return lwm_fail(err, LWM_BAD, f->path, "tensor '%.64s' is not described by an object", t->name);
    const cJSON *field;
    cJSON_ArrayForEach(field, item) {
        if (strcmp(field->string, "dtype") != 0 && strcmp(field->string, "shape") != 0 &&
            strcmp(field->string, "data_offsets") != 0)
            return lwm_fail(err, LWM_BAD, f->path, "tensor '%.64s' has an unknown field '%.64s'", t->name,
                            field->string);
        if (cJSON_GetObjectItemCaseSensitive(item, field->string) != field)
            return lwm_fail(err, LWM_BAD, f->path, "tensor '%.64s' has two fields '%s'", t->name,
                            field->string);
    }
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    if (!cJSON_IsString(dtype))
        return lwm_fail(err, LWM_BAD, f->path, "tensor '%.64s' has no text 'dtype'", t->name);
    t->dtype = dtype->valuestring;

    int status = read_shape(f, cJSON_GetObjectItemCaseSensitive(item, "shape"), t, err);
    if (status == LWM_OK)
        status = read_offsets(f, cJSON_GetObjectItemCaseSensitive(item, "data_offsets"), t, err);
    if (status == LWM_OK) status = check_length(f, t, err);
    return status;
}

static int check_metadata(const struct lwm_safetensors *f, const cJSON *metadata, struct lwm_error *err) {
    if (!cJSON_IsObject(metadata)) return lwm_fail(err, LWM_BAD, f->path, "__metadata__ is not an object");
    const cJSON *item;
    cJSON_ArrayForEach(item, metadata) {
        if (!cJSON_IsString(item))
            return lwm_fail(err, LWM_BAD, f->path, "__metadata__ '%.64s' is not a text", item->string);
    }
    return LWM_OK;
}

/* ---- all tensors together */

static int by_name(const void *a, const void *b) {
    const struct lwm_tensor *const *s = a, *const *t = b;
    return strcmp((*s)->name, (*t)->name);
}

static int by_place(const void *a, const void *b) {
    const struct lwm_tensor *s = *(const struct lwm_tensor *const *)a,
                            *t = *(const struct lwm_tensor *const *)b;
    if (s->begin != t->begin) return s->begin < t->begin ? -1 : 1;
    return (s->end > t->end) - (s->end < t->end);
}

/* No name twice; the data covered exactly. `order` has room for one pointer a tensor. */
static int check_together(const struct lwm_safetensors *f, const struct lwm_tensor **order,
                          struct lwm_error *err) {
    for (size_t i = 0; i < f->count; i++)
        order[i] = &f->tensors[i];

    qsort(order, f->count, sizeof *order, by_name);
    for (size_t i = 1; i < f->count; i++)
        if (strcmp(order[i - 1]->name, order[i]->name) == 0)
            return lwm_fail(err, LWM_BAD, f->path, "tensor '%.64s' is there twice", order[i]->name);

    qsort(order, f->count, sizeof *order, by_place);
    uint64_t covered = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct lwm_tensor *t = order[i];
        if (t->begin < covered)
            return lwm_fail(err, LWM_BAD, f->path,
                            "tensor '%.64s' overlaps tensor '%.64s' at byte %" PRIu64 " of the data", t->name,
                            order[i - 1]->name, t->begin);
        if (t->begin > covered)
            return lwm_fail(err, LWM_BAD, f->path,
                            "bytes %" PRIu64 " to %" PRIu64 " of the data belong to no tensor", covered,
                            t->begin);
        covered = t->end;
    }
    if (covered < f->size)
        return lwm_fail(err, LWM_BAD, f->path, "%" PRIu64 " bytes follow the last tensor", f->size - covered);
    return LWM_OK;
}

static int read_tensors(struct lwm_safetensors *f, struct lwm_error *err) {
    size_t room = (size_t)cJSON_GetArraySize(f->header) + 1; /* + 1: calloc(0) may be NULL */
    f->tensors = calloc(room, sizeof *f->tensors);
    const struct lwm_tensor **order = calloc(room, sizeof *order);
    int status = f->tensors && order ? LWM_OK : no_memory(f, err);
    bool metadata = false;
    for (const cJSON *item = f->header->child; item && status == LWM_OK; item = item->next) {
        if (strcmp(item->string, "__metadata__") != 0)
            status = read_tensor(f, item, &f->tensors[f->count++], err);
        else if (metadata)
            status = lwm_fail(err, LWM_BAD, f->path, "__metadata__ is there twice");
        else {
            metadata = true;
            status = check_metadata(f, item, err);
        }
    }
    if (status == LWM_OK) status = check_together(f, order, err);
    free(order);
    return status;
}

/* ---- the file */

static int parse_header(struct lwm_safetensors *f, const char *text, size_t length, struct lwm_error *err) {
    /* The JSON parser takes any control character for white space, a zero too. */
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return lwm_fail(err, LWM_BAD, f->path, "byte %zu of the header is a control character", i);
    }
    const char *end = text;
    f->header = cJSON_ParseWithLengthOpts(text, length, &end, 0);
    if (!f->header)
        return lwm_fail(err, LWM_BAD, f->path, "the header is not JSON, near its byte %td", end - text);
    if (!cJSON_IsObject(f->header)) return lwm_fail(err, LWM_BAD, f->path, "the header is not a JSON object");
    for (; end < text + length; end++)
        if (!strchr(" \t\r\n", *end))
            return lwm_fail(err, LWM_BAD, f->path, "byte %td of the header follows the end of its JSON",
                            end - text);
    return LWM_OK;
}

static int read_header(struct lwm_safetensors *f, FILE *file, uint64_t file_size, struct lwm_error *err) {
    unsigned char prefix[8];
    if (file_size < sizeof prefix || fread(prefix, 1, sizeof prefix, file) != sizeof prefix)
        return lwm_fail(err, LWM_BAD, f->path, "%" PRIu64 " bytes are too few for a safetensors file",
                        file_size);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | prefix[i];
    if (length > file_size - 8)
        return lwm_fail(err, LWM_BAD, f->path,
                        "its first 8 bytes say that the header has %" PRIu64 " bytes, the file has %" PRIu64
                        " more",
                        length, file_size - 8);
    if (length > longest_header)
        return lwm_fail(err, LWM_BAD, f->path,
                        "the header has %" PRIu64 " bytes; more than %" PRIu64 " are refused", length,
                        longest_header);
    f->size = file_size - 8 - length;
    if (f->size > longest_data)
        return lwm_fail(err, LWM_BAD, f->path,
                        "it has %" PRIu64 " bytes of data; more than %" PRIu64 " are refused", f->size,
                        longest_data);

    char *text = malloc((size_t)length + 1);
    if (!text) return no_memory(f, err);
    int status = LWM_OK;
    if (fread(text, 1, (size_t)length, file) != length)
        status = lwm_fail(err, LWM_BAD, f->path, "can't be read: it ends within the header");
    text[length] = '\0';
    if (status == LWM_OK) status = parse_header(f, text, (size_t)length, err);
    free(text);
    return status;
}

static int read_data(struct lwm_safetensors *f, FILE *file, struct lwm_error *err) {
    if (f->size > SIZE_MAX - 1) return no_memory(f, err);
    f->data = malloc((size_t)f->size + 1); /* + 1: malloc(0) may be NULL */
    if (!f->data) return no_memory(f, err);
    if (fread(f->data, 1, (size_t)f->size, file) != f->size)
        return lwm_fail(err, LWM_BAD, f->path, "can't be read: it ends within the data");
    return LWM_OK;
}

int lwm_safetensors_open(const char *path, struct lwm_safetensors **out, struct lwm_error *err) {
    *out = NULL;
    uint64_t file_size;
    FILE *file;
    int status = lwm_open(path, &file, &file_size, err);
    if (status != LWM_OK) return status;

    struct lwm_safetensors *f = calloc(1, sizeof *f);
    if (f) f->path = malloc(strlen(path) + 1);
    if (!f || !f->path)
        status = lwm_fail(err, LWM_NO_MEMORY, path, "not enough memory");
    else {
        strcpy(f->path, path);
        status = read_header(f, file, file_size, err);
        if (status == LWM_OK)
            status = read_tensors(f, err); /* before the data: a lying header costs no memory */
        if (status == LWM_OK) status = read_data(f, file, err);
    }
    fclose(file);
    if (status != LWM_OK)
        lwm_safetensors_close(f);
    else
        *out = f;
    return status;
}

void lwm_safetensors_close(struct lwm_safetensors *file) {
    if (!file) return;
    free(file->path);
    cJSON_Delete(file->header);
    free(file->tensors);
    free(file->data);
    free(file);
}

/* ---- what is in it */

size_t lwm_safetensors_count(const struct lwm_safetensors *file) { return file->count; }

const struct lwm_tensor *lwm_safetensors_tensor(const struct lwm_safetensors *file, size_t index) {
    return index < file->count ? &file->tensors[index] : NULL;
}

/* "32x1x3x3" */
static const char *shape_text(char text[192], int rank, const uint64_t shape[]) {
    size_t used = 0;
    strcpy(text, "a scalar");
    for (int i = 0; i < rank && used < 160; i++)
        used += (size_t)snprintf(text + used, 192 - used, "%s%" PRIu64, i ? "x" : "", shape[i]);
    return text;
}

int lwm_safetensors_f32(const struct lwm_safetensors *file, const char *name, int rank,
                        const uint64_t shape[], const float **values, struct lwm_error *err) {
    *values = NULL;
    const struct lwm_tensor *t = NULL;
    for (size_t i = 0; i < file->count && !t; i++)
        if (strcmp(file->tensors[i].name, name) == 0) t = &file->tensors[i];
    if (!t) return lwm_fail(err, LWM_BAD, file->path, "has no tensor '%.64s'", name);
    if (strcmp(t->dtype, "F32") != 0)
        return lwm_fail(err, LWM_BAD, file->path, "tensor '%.64s' is of type %.16s, not F32", name, t->dtype);
    bool same = t->rank == rank;
    for (int i = 0; i < rank && same; i++)
        same = t->shape[i] == shape[i];
    if (!same) {
        char has[192], needs[192];
        return lwm_fail(err, LWM_BAD, file->path, "tensor '%.64s' is %.80s, not %.80s", name,
                        shape_text(has, t->rank, t->shape), shape_text(needs, rank, shape));
    }
    if (t->begin % sizeof(float) != 0)
        return lwm_fail(err, LWM_BAD, file->path,
                        "tensor '%.64s' begins at byte %" PRIu64 ", not a multiple of 4", name, t->begin);
    *values = (const float *)(const void *)(file->data + t->begin);
    return LWM_OK;
}

const char *lwm_safetensors_metadata(const struct lwm_safetensors *file, const char *key) {
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(file->header, "__metadata__");
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(metadata, key);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}
