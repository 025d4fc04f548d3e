/* The readers in models/: what is good is read, and whatever is wrong gives one clear line. */
#include "model_files.h"
#include "models/idx.h"
#include "models/mnist_data.h"
#include "models/safetensors.h"

TestSuite(safetensors, .init = make_folder, .fini = remove_folder);
TestSuite(idx, .init = make_folder, .fini = remove_folder);
TestSuite(mnist_data, .init = make_folder, .fini = remove_folder);

/* ---- safetensors */

/* A file of this header, padded, and `size` bytes of data: 0, 1, 2, .. as floats. */
static void write_safetensors(const char *header, size_t size) {
    unsigned char bytes[4096] = {0};
    size_t length = (strlen(header) + 7) / 8 * 8;
    cr_assert_leq(8 + length + size, sizeof bytes);
    bytes[0] = (unsigned char)length;
    bytes[1] = (unsigned char)(length >> 8);
    memset(bytes + 8, ' ', length);
    memcpy(bytes + 8, header, strlen(header));
    for (size_t i = 0; i + 4 <= size; i += 4) {
        float value = (float)(i / 4);
        memcpy(bytes + 8 + length + i, &value, 4);
    }
    write_file("w.safetensors", bytes, 8 + length + size);
}

static int open_close(struct lwm_error *err) {
    struct lwm_safetensors *f = NULL;
    int status = lwm_safetensors_open(path, &f, err);
    cr_expect_eq(status == LWM_OK, f != NULL);
    lwm_safetensors_close(f);
    return status;
}

static void refuse_safetensors(const char *header, size_t size, const char *what) {
    struct lwm_error err = {0};
    write_safetensors(header, size);
    cr_expect_eq(open_close(&err), LWM_BAD, "accepted: %s", header);
    check_error(&err, what);
}

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define B "\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[24,32]}"
static const char good_header[] = "{\"__metadata__\":{\"dataset\":\"MNIST\"}," A "," B "}";

CASE(safetensors, good) {
    struct lwm_safetensors *f = NULL;
    struct lwm_error err = {0};
    write_safetensors(good_header, 32);
    cr_assert_eq(lwm_safetensors_open(path, &f, &err), LWM_OK, "%s", err.text);
    cr_expect_eq(lwm_safetensors_count(f), 2);
    cr_expect_str_eq(lwm_safetensors_tensor(f, 1)->name, "b");
    cr_expect_str_eq(lwm_safetensors_tensor(f, 1)->dtype, "I64");
    cr_expect_null(lwm_safetensors_tensor(f, 2));
    cr_expect_str_eq(lwm_safetensors_metadata(f, "dataset"), "MNIST");
    cr_expect_null(lwm_safetensors_metadata(f, "Dataset"));

    const float *values = NULL;
    cr_assert_eq(lwm_safetensors_f32(f, "a", 2, (uint64_t[]){2, 3}, &values, &err), LWM_OK, "%s", err.text);
    for (int i = 0; i < 6; i++)
        cr_expect_eq(values[i], (float)i);
    lwm_safetensors_close(f);
}

CASE(safetensors, not_what_was_asked_for) {
    struct lwm_safetensors *f = NULL;
    struct lwm_error err = {0};
    write_safetensors(good_header, 32);
    cr_assert_eq(lwm_safetensors_open(path, &f, &err), LWM_OK);
    const float *values = NULL;
    cr_expect_eq(lwm_safetensors_f32(f, "c", 1, (uint64_t[]){1}, &values, &err), LWM_BAD);
    check_error(&err, "no tensor 'c'");
    cr_expect_eq(lwm_safetensors_f32(f, "b", 1, (uint64_t[]){1}, &values, &err), LWM_BAD);
    check_error(&err, "of type I64, not F32");
    cr_expect_eq(lwm_safetensors_f32(f, "a", 2, (uint64_t[]){3, 2}, &values, &err), LWM_BAD);
    check_error(&err, "is 2x3, not 3x2");
    cr_expect_eq(lwm_safetensors_f32(f, "a", 1, (uint64_t[]){6}, &values, &err), LWM_BAD);
    check_error(&err, "is 2x3, not 6");
    cr_expect_null(values);
    lwm_safetensors_close(f);
}

CASE(safetensors, misaligned_floats) {
    struct lwm_safetensors *f = NULL;
    struct lwm_error err = {0};
    const float *values = NULL;
    write_safetensors("{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                      "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}",
                      5);
    cr_assert_eq(lwm_safetensors_open(path, &f, &err), LWM_OK, "%s", err.text);
    cr_expect_eq(lwm_safetensors_f32(f, "a", 1, (uint64_t[]){1}, &values, &err), LWM_BAD);
    check_error(&err, "not a multiple of 4");
    lwm_safetensors_close(f);
}

CASE(safetensors, no_file) {
    struct lwm_error err = {0};
    snprintf(path, sizeof path, "%s/absent", folder);
    cr_expect_eq(open_close(&err), LWM_NOT_FOUND);
    check_error(&err, "No such file");
    cr_expect_eq(open_close(NULL), LWM_NOT_FOUND);
    snprintf(path, sizeof path, "%s/.", folder);
    cr_expect_eq(open_close(&err), LWM_BAD);
    check_error(&err, "is a folder");
}

CASE(safetensors, cut_anywhere) {
    size_t size;
    write_safetensors(good_header, 32);
    unsigned char *bytes = read_back(&size);
    for (size_t cut = 0; cut < size; cut++) {
        struct lwm_error err = {0};
        write_file("cut.safetensors", bytes, cut);
        cr_expect_eq(open_close(&err), LWM_BAD, "cut at %zu: accepted", cut);
        check_error(&err, "");
    }
    free(bytes);
}

CASE(safetensors, any_byte_changed) {
    size_t size;
    write_safetensors(good_header, 32);
    unsigned char *bytes = read_back(&size);
    static const unsigned char changes[] = {0x01, 0x80, 0xff, 0x10};
    for (size_t i = 0; i < size; i++)
        for (size_t c = 0; c < sizeof changes; c++) {
            struct lwm_error err = {0};
            bytes[i] ^= changes[c];
            write_file("changed.safetensors", bytes, size);
            if (open_close(&err) != LWM_OK) check_error(&err, "");
            bytes[i] ^= changes[c];
        }
    free(bytes);
}

CASE(safetensors, header_length_lies) {
    struct lwm_error err = {0};
    unsigned char bytes[64] = {0};
    memset(bytes, 0xff, 8);
    write_file("w.safetensors", bytes, sizeof bytes);
    cr_expect_eq(open_close(&err), LWM_BAD);
    check_error(&err, "18446744073709551615");
    memset(bytes, 0, 8);
    bytes[0] = 57;
    write_file("w.safetensors", bytes, sizeof bytes);
    cr_expect_eq(open_close(&err), LWM_BAD);
    check_error(&err, "57 bytes, the file has 56 more");

    size_t size = (2 << 20) + 8;
    unsigned char *large = calloc(size, 1);
    large[2] = 0x20;
    write_file("w.safetensors", large, size);
    free(large);
    cr_expect_eq(open_close(&err), LWM_BAD);
    check_error(&err, "are refused");
}

CASE(safetensors, header_is_not_json) {
    refuse_safetensors("", 0, "not JSON");
    refuse_safetensors("{", 0, "not JSON");
    refuse_safetensors("{\"a\":}", 0, "not JSON");
    refuse_safetensors("[]", 0, "not a JSON object");
    refuse_safetensors("3", 0, "not a JSON object");
    refuse_safetensors("{} {}", 0, "follows the end of its JSON");
    refuse_safetensors("{\x01}", 0, "control character");
    char deep[3000];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    refuse_safetensors(deep, 0, "not JSON");
}

CASE(safetensors, tensors_lie) {
#define TENSOR(name, dtype, shape, offsets)                                                                  \
    "\"" name "\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define REFUSE(tensors, size, what) refuse_safetensors("{" tensors "}", size, what)
    REFUSE("\"a\":3", 0, "object");
    REFUSE("\"a\":{}", 0, "dtype");
    REFUSE(TENSOR("a", "32", "[1]", "[0,4]"), 4, "dtype");
    REFUSE(TENSOR("a", "\"F32\"", "1", "[0,4]"), 4, "no array 'shape'");
    REFUSE(TENSOR("a", "\"F32\"", "[-1]", "[0,4]"), 4, "dimension 0");
    REFUSE(TENSOR("a", "\"F32\"", "[1,1.5]", "[0,4]"), 4, "dimension 1");
    REFUSE(TENSOR("a", "\"F32\"", "[1e300]", "[0,4]"), 4, "dimension 0");
    REFUSE(TENSOR("a", "\"F32\"", "[\"1\"]", "[0,4]"), 4, "dimension 0");
    REFUSE(TENSOR("a", "\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "more than 8 dimensions");
    REFUSE(TENSOR("a", "\"F32\"", "[1]", "[0]"), 4, "not two");
    REFUSE(TENSOR("a", "\"F32\"", "[1]", "[0,4,8]"), 4, "not two");
    REFUSE(TENSOR("a", "\"F32\"", "[1]", "[-4,0]"), 4, "not two");
    REFUSE(TENSOR("a", "\"F32\"", "[1]", "[4,0]"), 4, "after its end");
    REFUSE(TENSOR("a", "\"F32\"", "[2]", "[0,8]"), 4, "ends at 8");
    REFUSE(TENSOR("a", "\"F32\"", "[1]", "[0,9007199254740992]"), 4, "ends at");
    REFUSE(TENSOR("a", "\"F32\"", "[3]", "[0,8]"), 8, "need 12");
    REFUSE(TENSOR("a", "\"I64\"", "[2]", "[0,8]"), 8, "need 16");
    REFUSE(TENSOR("a", "\"F32\"", "[4294967296,4294967296]", "[0,4]"), 4, "overflows");
    REFUSE(TENSOR("a", "\"F32\"", "[0,2]", "[0,4]"), 4, "need 0");
    REFUSE(TENSOR("a", "\"F32\"", "[1]", "[0,4]"), 8, "4 bytes follow the last tensor");
    REFUSE(TENSOR("a", "\"F32\"", "[1]", "[4,8]"), 8, "bytes 0 to 4 of the data belong to no tensor");
    REFUSE(TENSOR("a", "\"F32\"", "[2]", "[0,8]") "," TENSOR("b", "\"F32\"", "[2]", "[4,12]"), 12,
           "overlaps");
    REFUSE(TENSOR("a", "\"F32\"", "[1]", "[0,4]") "," TENSOR("a", "\"F32\"", "[1]", "[4,8]"), 8, "twice");
    REFUSE("\"__metadata__\":3," A, 24, "__metadata__");
    REFUSE("\"__metadata__\":{\"x\":3}," A, 24, "__metadata__");
    REFUSE("\"__metadata__\":{},\"__metadata__\":{}," A, 24, "twice");
    REFUSE("\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}", 4,
           "two fields");
    REFUSE("\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}", 4, "unknown field 'x'");
    REFUSE("\"\\n\\u001b[2J\":3", 0, "'??[2J'"); /* nothing reaches a terminal raw */
}

CASE(safetensors, the_trained_weights) {
    static const struct {
        const char *name;
        int rank;
        uint64_t shape[4];
    } tensors[] = {{"conv1.weight", 4, {32, 1, 3, 3}},  {"conv1.bias", 1, {32}},
                   {"conv2.weight", 4, {64, 32, 3, 3}}, {"conv2.bias", 1, {64}},
                   {"fc.weight", 2, {10, 3136}},        {"fc.bias", 1, {10}}};
    static const char *const files[] = {LW_SOURCE_DIR "/models/mnist.safetensors",
                                        LW_SOURCE_DIR "/models/fashion.safetensors"};
    for (int i = 0; i < 2; i++) {
        struct lwm_safetensors *f = NULL;
        struct lwm_error err = {0};
        cr_assert_eq(lwm_safetensors_open(files[i], &f, &err), LWM_OK, "%s", err.text);
        cr_expect_eq(lwm_dataset_named(lwm_safetensors_metadata(f, "dataset")),
                     i == 0 ? LWM_MNIST : LWM_FASHION_MNIST);
        for (int t = 0; t < 6; t++) {
            const float *values = NULL;
            cr_expect_eq(
                lwm_safetensors_f32(f, tensors[t].name, tensors[t].rank, tensors[t].shape, &values, &err),
                LWM_OK, "%s", err.text);
            cr_expect(values && isfinite(values[0]));
        }
        lwm_safetensors_close(f);
    }
}

/* ---- IDX */

/* An IDX file in memory: `items` of rank 1, or images; its true length. */
static size_t idx_bytes(unsigned char *to, int rank, unsigned items, unsigned rows, unsigned columns,
                        size_t data) {
    const unsigned dims[3] = {items, rows, columns};
    memcpy(to, (const unsigned char[]){0, 0, 8, (unsigned char)rank}, 4);
    for (int d = 0; d < rank; d++)
        for (int b = 0; b < 4; b++)
            to[4 + 4 * d + b] = (unsigned char)(dims[d] >> (24 - 8 * b));
    size_t header = 4 + 4 * (size_t)rank;
    for (size_t i = 0; i < data; i++)
        to[header + i] = (unsigned char)(rank == 1 ? i % 10 : i * 7);
    return header + data;
}

static void refuse_idx(int rank, const char *what) {
    struct lwm_error err = {0};
    uint8_t *data = NULL;
    size_t count = 1;
    int status =
        rank == 3 ? lwm_idx_images(path, &data, &count, &err) : lwm_idx_labels(path, &data, &count, &err);
    cr_expect_eq(status, LWM_BAD, "accepted; expected an error: %s", what);
    cr_expect_null(data);
    cr_expect_eq(count, 0);
    check_error(&err, what);
}

CASE(idx, good_plain_and_gzipped) {
    unsigned char bytes[2000];
    struct lwm_error err = {0};
    for (int zipped = 0; zipped < 2; zipped++) {
        uint8_t *data = NULL;
        size_t count = 0, size = idx_bytes(bytes, 3, 2, 28, 28, 2 * 784);
        (zipped ? write_gzip : write_file)("images", bytes, size);
        cr_assert_eq(lwm_idx_images(path, &data, &count, &err), LWM_OK, "%s", err.text);
        cr_expect_eq(count, 2);
        cr_expect_arr_eq(data, bytes + 16, 2 * 784);
        free(data);

        size = idx_bytes(bytes, 1, 12, 0, 0, 12);
        (zipped ? write_gzip : write_file)("labels", bytes, size);
        cr_assert_eq(lwm_idx_labels(path, &data, &count, &err), LWM_OK, "%s", err.text);
        cr_expect_eq(count, 12);
        cr_expect_eq(data[11], 1);
        free(data);
    }
}

CASE(idx, cut_anywhere) {
    unsigned char bytes[2000];
    size_t size = idx_bytes(bytes, 3, 2, 28, 28, 2 * 784);
    for (size_t cut = 0; cut < size; cut += cut < 20 ? 1 : 97) {
        write_file("images", bytes, cut);
        refuse_idx(3, cut < 16 ? "too few" : "ends after");
    }
    write_gzip("images.gz", bytes, size);
    size_t zipped_size;
    unsigned char *zipped = read_back(&zipped_size);
    for (size_t cut = 0; cut < zipped_size; cut++) {
        write_file("images.gz", zipped, cut);
        refuse_idx(3, "");
    }
    zipped[zipped_size - 5] ^= 1; /* of the checksum */
    write_file("images.gz", zipped, zipped_size);
    refuse_idx(3, "incorrect data check");
    free(zipped);
}

CASE(idx, any_byte_of_a_gzip_changed) {
    unsigned char bytes[100];
    write_gzip("labels.gz", bytes, idx_bytes(bytes, 1, 40, 0, 0, 40));
    size_t size;
    unsigned char *zipped = read_back(&size);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct lwm_error err = {0};
            uint8_t *data = NULL;
            size_t count;
            zipped[i] ^= (unsigned char)(1 << bit);
            write_file("labels.gz", zipped, size);
            if (lwm_idx_labels(path, &data, &count, &err) != LWM_OK) check_error(&err, "");
            free(data);
            zipped[i] ^= (unsigned char)(1 << bit);
        }
    free(zipped);
}

CASE(idx, lies) {
    unsigned char bytes[2000];
    write_file("images", bytes, idx_bytes(bytes, 3, 2, 28, 28, 2 * 784 + 1));
    refuse_idx(3, "more data than the 1568 bytes");
    write_file("images", bytes, idx_bytes(bytes, 3, 1000000, 28, 28, 10));
    refuse_idx(3, "ends after 10 of the 784000000");
    write_file("images", bytes, idx_bytes(bytes, 3, 0xffffffff, 28, 28, 10));
    refuse_idx(3, "4294967295 items");
    write_file("images", bytes, idx_bytes(bytes, 3, 1, 0xffffffff, 0xffffffff, 10));
    refuse_idx(3, "not 28x28");
    write_file("images", bytes, idx_bytes(bytes, 3, 0, 28, 28, 0));
    refuse_idx(3, "0 items");
    write_file("labels", bytes, idx_bytes(bytes, 1, 4, 0, 0, 4));
    refuse_idx(3, "1 dimensions, not the 3 of images");
    idx_bytes(bytes, 1, 4, 0, 0, 4);
    bytes[2] = 0x0d;
    write_file("labels", bytes, 12);
    refuse_idx(1, "type 0x0d");
    bytes[0] = 'P';
    write_file("labels", bytes, 12);
    refuse_idx(1, "is not an IDX file");
    idx_bytes(bytes, 1, 4, 0, 0, 4);
    bytes[10] = 10;
    write_file("labels", bytes, 12);
    refuse_idx(1, "label 2 is 10");
}

/* ---- where the data is */

CASE(mnist_data, every_spelling) {
    static const char *const names[][2] = {{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
                                           {"t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"},
                                           {"t10k-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte.gz"}};
    unsigned char bytes[3 * 784 + 16];
    for (int i = 0; i < 3; i++) {
        struct lwm_mnist data;
        struct lwm_error err = {0};
        char found[LWM_PATH_MAX];
        snprintf(path, sizeof path, "%s/none", folder);
        cr_expect_eq(lwm_mnist_load(folder, LWM_TEST, &data, &err), LWM_NOT_FOUND);
        cr_expect_null(data.pixels);
        void (*write)(const char *, const void *, size_t) = i == 2 ? write_gzip : write_file;
        write(names[i][0], bytes, idx_bytes(bytes, 3, 3, 28, 28, 3 * 784));
        cr_expect_eq(lwm_mnist_find(LWM_MNIST, LWM_TEST, folder, found, &err), LWM_NOT_FOUND);
        cr_expect_not_null(strstr(err.text, "labels"), "%s", err.text);
        write(names[i][1], bytes, idx_bytes(bytes, 1, 3, 0, 0, 3));
        cr_expect_eq(lwm_mnist_find(LWM_MNIST, LWM_TEST, folder, found, &err), LWM_OK, "%s", err.text);
        cr_expect_str_eq(found, folder);
        cr_expect_eq(lwm_mnist_find(LWM_MNIST, LWM_TRAIN, folder, found, &err), LWM_NOT_FOUND);
        cr_expect_eq(lwm_mnist_load(found, LWM_TEST, &data, &err), LWM_OK, "%s", err.text);
        cr_expect_eq(data.count, 3);
        cr_expect_eq(data.labels[2], 2);
        lwm_mnist_free(&data);
        lwm_mnist_free(&data);
        for (int n = 0; n < 2; n++) {
            snprintf(path, sizeof path, "%s/%s", folder, names[i][n]);
            unlink(path);
        }
    }
}

CASE(mnist_data, counts_differ) {
    unsigned char bytes[3 * 784 + 16];
    struct lwm_mnist data;
    struct lwm_error err = {0};
    write_file("train-images-idx3-ubyte", bytes, idx_bytes(bytes, 3, 3, 28, 28, 3 * 784));
    write_file("train-labels-idx1-ubyte", bytes, idx_bytes(bytes, 1, 4, 0, 0, 4));
    cr_expect_eq(lwm_mnist_load(folder, LWM_TRAIN, &data, &err), LWM_BAD);
    check_error(&err, "4 labels, but there are 3 images");
    cr_expect_null(data.pixels);
}

CASE(mnist_data, a_named_folder_is_not_passed_over) {
    struct lwm_error err = {0};
    char found[LWM_PATH_MAX];
    snprintf(path, sizeof path, "%s/absent", folder);
    cr_expect_eq(lwm_mnist_find(LWM_MNIST, LWM_TEST, path, found, &err), LWM_NOT_FOUND);
    check_error(&err, "no such folder");
    setenv("LANEWISE_MNIST_DIR", path, 1);
    cr_expect_eq(lwm_mnist_find(LWM_MNIST, LWM_TEST, NULL, found, &err), LWM_NOT_FOUND);
    check_error(&err, "no such folder");

    char *endless = malloc(100000);
    memset(endless, 'x', 99999);
    endless[99999] = '\0';
    cr_expect_eq(lwm_mnist_find(LWM_MNIST, LWM_TEST, endless, found, &err), LWM_NOT_FOUND);
    cr_expect_not_null(strstr(err.text, "too long"), "%s", err.text);
    cr_expect_eq(lwm_mnist_load(endless, LWM_TEST, &(struct lwm_mnist){0}, &err), LWM_NOT_FOUND);
    free(endless);
}
