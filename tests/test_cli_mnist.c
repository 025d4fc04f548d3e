/* `lanewise mnist`: its logits against sums in double, the same bits however images meet threads, what others
 * read of its JSON, and one line for every kind of bad file. */
#include "command.h"

#include <math.h>

#include "lanewise.h"
#include "models/digit.h"
#include "models/mnist_cnn.h"
#include "reference/reference.h"

#define WEIGHTS LW_SOURCE_DIR "/models/mnist.safetensors"
#define DIGITS  LW_SOURCE_DIR "/models/digits"

static void hide_data(void) { /* the drawn digits are what is left, whatever this machine has in its home */
    enter_scratch();
    setenv("HOME", scratch, 1);
    unsetenv("XDG_CACHE_HOME");
}

TestSuite(mnist, .init = hide_data, .fini = leave_scratch, .timeout = 300);

/* "mnist OPTIONS .../0.png ... .../9.png" */
static const char *with_all_digits(const char *options, int times) {
    static char words[8192];
    snprintf(words, sizeof words, "mnist %s", options);
    for (int i = 0; i < 10 * times; i++)
        snprintf(words + strlen(words), sizeof words - strlen(words), " " DIGITS "/%d.png", i % 10);
    return words;
}

static const char *with_digits(const char *options) { return with_all_digits(options, 1); }

/* ---- against the reference ----------------------------------------------------------------------------- */

struct layer {
    double value[32 * 14 * 14]; /* the largest of the layers' outputs */
    double error[32 * 14 * 14]; /* how far a float computation may be off */
};

/* What a layer makes of x, which may itself be off by `error`: |w| carries that on, the layer's own rounding
 * is `c` units of its scale. Pool and ReLU don't widen differences. */
static void reference_layer(const lw_desc *d, const float *weights, const float *bias, double c,
                            struct layer *x) {
    enum { MOST = 32 * 14 * 14 };
    static float src[MOST], off[MOST];
    static double value[MOST], scale[MOST], carried[MOST];
    size_t in = lw_src_floats(d), out = lw_dst_floats(d), count = lw_weight_floats(d);
    cr_assert(in <= MOST && out <= MOST);
    float *absolute = malloc(count * sizeof *absolute);
    for (size_t i = 0; i < count; i++)
        absolute[i] = fabsf(weights[i]);
    for (size_t i = 0; i < in; i++) {
        src[i] = (float)x->value[i];
        off[i] = (float)(1.0001 * (x->error[i] + 0x1p-24 * fabs(x->value[i])));
    }
    lw_ref_run(d, src, weights, bias, value, scale);
    lw_desc plain = *d;
    plain.bias = false;
    lw_ref_run(&plain, off, absolute, NULL, carried, NULL);
    for (size_t i = 0; i < out; i++) {
        x->value[i] = value[i];
        x->error[i] = carried[i] + 1.01 * c * 0x1p-24 * scale[i]; /* 1.01: the scale of an x that is off */
    }
    free(absolute);
}

static lw_desc conv_layer(int64_t ic, int64_t side, int64_t oc) {
    lw_desc d = lw_conv2d(1, ic, side, side, oc, 3, 3);
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    d.relu = d.pool2x2 = true;
    return d;
}

static double bound_of(const char *kernel, const lw_desc *desc) {
    for (int pair = 0; pair < 9; pair++) {
        lw_desc d = *desc;
        d.src_layout = (lw_layout)(pair / 3);
        d.dst_layout = (lw_layout)(pair % 3);
        double c = lw_kernel_bound(kernel, &d);
        if (c >= 0) return c;
    }
    cr_assert_fail("%s has no bound", kernel);
    return -1;
}

/* kernels: the row of each layer. */
static void reference_logits(const struct lwm_cnn_weights *w, const char *const *kernels, const float *image,
                             struct layer *x) {
    lw_desc conv1 = conv_layer(1, 28, 32), conv2 = conv_layer(32, 14, 64), fc = lw_linear(1, 64, 10);
    fc.ih = fc.iw = 7;
    for (int i = 0; i < 28 * 28; i++) {
        x->value[i] = (double)image[i];
        x->error[i] = 0;
    }
    reference_layer(&conv1, w->conv1_weight, w->conv1_bias, bound_of(kernels[0], &conv1), x);
    reference_layer(&conv2, w->conv2_weight, w->conv2_bias, bound_of(kernels[1], &conv2), x);
    reference_layer(&fc, w->fc_weight, w->fc_bias, bound_of(kernels[2], &fc), x);
}

static void compare_digits(const cJSON *root, const float *logits) {
    const char *kernels[LWM_CNN_LAYERS];
    for (int i = 0; i < LWM_CNN_LAYERS; i++)
        kernels[i] = text_of(cJSON_GetArrayItem(cJSON_GetObjectItem(root, "layers"), i), "kernel");
    struct lwm_safetensors *file;
    struct lwm_cnn_weights weights;
    struct lwm_error err;
    cr_assert_eq(lwm_safetensors_open(WEIGHTS, &file, &err), LWM_OK, "%s", err.text);
    cr_assert_eq(lwm_cnn_weights(file, &weights, &err), LWM_OK, "%s", err.text);
    static struct layer x;
    for (int digit = 0; digit < 10; digit++) {
        char path[256];
        struct lwm_image image;
        float pixels[28 * 28];
        snprintf(path, sizeof path, DIGITS "/%d.png", digit);
        cr_assert_eq(lwm_image_read(path, &image, &err), LWM_OK, "%s", err.text);
        cr_assert_eq(lwm_image_to_mnist(&image, path, pixels, &err), LWM_OK, "%s", err.text);
        lwm_image_free(&image);
        reference_logits(&weights, kernels, pixels, &x);
        for (int i = 0; i < 10; i++) {
            double error = fabs((double)logits[10 * digit + i] - x.value[i]);
            cr_expect_leq(error, x.error[i], "digit %d, logit %d: %g off, %g allowed", digit, i, error,
                          x.error[i]);
        }
    }
    lwm_safetensors_close(file);
}

Test(mnist, every_isa_within_the_summed_bound) {
    lw_isa_info isa;
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK; i++) {
        char options[128];
        snprintf(options, sizeof options, "--json --weights " WEIGHTS " --logits l.npy --isa %s", isa.name);
        if (!isa.usable) {
            expect_failure(3, isa.name, with_digits(options));
            continue;
        }
        cJSON *root = expect_json(0, with_digits(options)), *picture;
        float *logits = read_npy("l.npy", "(10, 10)", 100);
        compare_digits(root, logits);
        int digit = 0;
        cJSON_ArrayForEach(picture, cJSON_GetObjectItem(root, "pictures"))
            cr_expect_eq(number_of(picture, "class"), digit++, "%s", isa.name);
        cr_expect_eq(digit, 10);
        free(logits);
        cJSON_Delete(root);
    }
}

Test(mnist, same_bits_for_any_batch_and_threads) {
    enum { TIMES = 5, COUNT = 10 * TIMES * 10 }; /* enough images for groups and pairs on three threads */
    static const char *const ways[] = {
        "--batch 1 --threads 1",  "--batch 1 --threads 2",  "--batch 3 --threads 1",
        "--batch 7 --threads 2",  "--batch 1 --threads 3",  "--batch 3 --threads 4",
        "--batch 10 --threads 3", "--batch 64 --threads 1", "--batch 50 --threads 2",
        "--batch 19 --threads 2", "--batch 37 --threads 3"};
    float *first = NULL;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char options[128];
        snprintf(options, sizeof options, "--json --logits l.npy %s", ways[i]);
        cJSON *root = expect_json(0, with_all_digits(options, TIMES));
        float *logits = read_npy("l.npy", "(50, 10)", COUNT);
        if (first)
            cr_expect_eq(memcmp(first, logits, COUNT * sizeof *first), 0, "%s gives other bits", ways[i]);
        if (!first) first = logits;
        if (first != logits) free(logits);
        cJSON_Delete(root);
    }
    free(first);
}

Test(mnist, first_images_and_the_same_bits_on_every_isa) {
    lw_isa_info isa;
    float *first = NULL;
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK; i++) {
        char words[128];
        if (!isa.usable) continue;
        snprintf(words, sizeof words, "mnist --json --reproducible --images 3 --logits l.npy --isa %s",
                 isa.name);
        cJSON *root = expect_json(0, words);
        float *logits = read_npy("l.npy", "(3, 10)", 30);
        cr_expect_eq(number_of(root, "images"), 3);
        if (first) cr_expect_eq(memcmp(first, logits, 120), 0, "%s gives other bits", isa.name);
        if (!first) first = logits;
        if (first != logits) free(logits);
        cJSON_Delete(root);
    }
    free(first);
    expect_failure(2, "--images", with_digits("--images 3"));
    expect_failure(2, "--images 0", "mnist --images 0");
}

/* ---- what it tells ------------------------------------------------------------------------------------- */

Test(mnist, json_of_a_test_set) {
    static const char *const keys[] = {"images",   "correct", "accuracy", "us_per_image", "peak_gflops",
                                       "peak_pct", "threads", "batch",    "layers",       NULL};
    static const char *const alone[] = {"alone_share", "alone_us_per_image", "alone_peak_pct", NULL};
    static const char *const layers[] = {"conv1", "conv2", "fc", "softmax"};
    cJSON *root = expect_json(0, "mnist --json --batch 8 --threads 2"), *layer;
    expect_keys(root, keys);
    cr_expect_geq(number_of(root, "images"), 10);
    cr_expect_geq(number_of(root, "accuracy"), 0.99);
    cr_expect_eq(number_of(root, "accuracy"), number_of(root, "correct") / number_of(root, "images"));
    cr_expect_gt(number_of(root, "us_per_image"), 0);
    cr_expect_gt(number_of(root, "peak_gflops"), 0);
    for (const char *const *key = alone; *key; key++)
        cr_expect(cJSON_IsNull(cJSON_GetObjectItem(root, *key)), "%s is of one thread", *key);
    cr_expect_eq(number_of(root, "threads"), 2);
    cr_expect_eq(number_of(root, "batch"), 8);
    int count = 0;
    cJSON_ArrayForEach(layer, cJSON_GetObjectItem(root, "layers"))
        cr_expect_str_eq(text_of(layer, "name"), layers[count++]);
    cr_expect_eq(count, 4);
    cJSON_Delete(root);
}

/* One thread: the time of the batches that had the core to themselves, where looks can tell and there are
 * any. */
Test(mnist, batches_that_had_the_core_to_themselves) {
    cJSON *root = expect_json(0, "mnist --json --batch 1 --threads 1");
    if (cJSON_IsNumber(cJSON_GetObjectItem(root, "alone_share"))) {
        const double share = number_of(root, "alone_share");
        cr_expect(share >= 0 && share <= 1, "%g", share);
        cr_expect_eq(!!cJSON_IsNumber(cJSON_GetObjectItem(root, "alone_us_per_image")), share > 0);
        cr_expect_eq(!!cJSON_IsNumber(cJSON_GetObjectItem(root, "alone_peak_pct")), share > 0);
        if (share > 0) cr_expect_gt(number_of(root, "alone_us_per_image"), 0);
    } else {
        cr_expect(cJSON_IsNull(cJSON_GetObjectItem(root, "alone_us_per_image")));
    }
    cJSON_Delete(root);
}

Test(mnist, forced_kernels) {
    lw_kernel_info row;
    for (size_t i = 0; lw_kernel_get(i, &row) == LW_OK; i++) {
        char options[200];
        if (row.op != LW_CONV) continue;
        lw_desc conv2 = conv_layer(32, 14, 64);
        bool takes = false;
        for (int pair = 0; pair < 9 && row.usable; pair++) {
            conv2.src_layout = (lw_layout)(pair / 3);
            conv2.dst_layout = (lw_layout)(pair % 3);
            takes |= lw_kernel_accepts(row.name, &conv2, NULL) == LW_OK;
        }
        snprintf(options, sizeof options, "--json --kernel conv2=%s", row.name);
        if (!takes) {
            expect_failure(3, row.name, with_digits(options));
            continue;
        }
        cJSON *root = expect_json(0, with_digits(options));
        cr_expect_str_eq(text_of(cJSON_GetArrayItem(cJSON_GetObjectItem(root, "layers"), 1), "kernel"),
                         row.name);
        cJSON_Delete(root);
    }
    expect_failure(2, "nobody", "mnist --kernel conv1=nobody");
    expect_failure(3, "linear_scalar", "mnist --kernel conv1=linear_scalar");
    setenv("LANEWISE_KERNEL", "conv_depthwise_scalar", 1);
    expect_failure(3, "conv_depthwise_scalar", "mnist");
}

Test(mnist, picture_drawn_with_bars) {
    struct outcome o = run_words(".stdout", "mnist " DIGITS "/7.png " DIGITS "/0.png");
    cr_expect_eq(o.status, 0, "%s", o.err);
    cr_expect(strstr(o.out, "7.png: 7\n") && strstr(o.out, "0.png: 0\n"), "%s", o.out);
    cr_expect(strstr(o.out, "  > 7 "), "%s", o.out);
    free_outcome(&o);
}

/* ---- bad files ----------------------------------------------------------------------------------------- */

Test(mnist, bad_weights) {
    size_t size;
    char *good = read_file(WEIGHTS, &size);
    static const size_t cuts[] = {0, 7, 8, 100, 0};
    for (size_t i = 0; i < 5; i++) {
        write_file("w.safetensors", good, i < 4 ? cuts[i] : size - 1);
        expect_failure(2, "w.safetensors", "mnist --weights w.safetensors");
    }
    memset(good, 0xff, 8); /* a header as long as can be said */
    write_file("w.safetensors", good, size);
    expect_failure(2, "w.safetensors", "mnist --weights w.safetensors");
    free(good);
    static const char *const headers[] = {
        "{}",
        "[]",
        "{\"conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"conv1.weight\":{\"dtype\":\"F64\",\"shape\":[32,1,3,3],\"data_offsets\":[0,2304]}}",
        "{\"conv1.weight\":{\"dtype\":\"F32\",\"shape\":[32,1,3,3],\"data_offsets\":[0,99999999999]}}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char file[512] = {(char)strlen(headers[i])};
        memcpy(file + 8, headers[i], strlen(headers[i]));
        write_file("w.safetensors", file, 8 + strlen(headers[i]) + (i == 2 ? 4 : 0));
        expect_failure(2, "w.safetensors", "mnist --weights w.safetensors --logits l.npy");
    }
    expect_failure(2, "none.safetensors", "mnist --weights none.safetensors");
    cr_expect_eq(count_files(), 1, "no logits");
}

/* An IDX header of `rank` dimensions. */
static size_t idx_header(unsigned char *file, int rank, const unsigned *size) {
    memcpy(file, (unsigned char[]){0, 0, 8, (unsigned char)rank}, 4);
    for (int i = 0; i < rank; i++)
        for (int byte = 0; byte < 4; byte++)
            file[4 + 4 * i + byte] = (unsigned char)(size[i] >> (24 - 8 * byte));
    return 4 + 4 * (size_t)rank;
}

Test(mnist, bad_test_sets) {
    static unsigned char images[16 + 2 * 784], labels[8 + 2];
    static const struct {
        unsigned image_size[3], label_count;
        size_t image_bytes, label_bytes; /* of the data */
        unsigned char label, type;
    } cases[] = {
        {{2, 28, 28}, 2, 2 * 784 - 1, 2, 3, 8}, {{2, 28, 27}, 2, 2 * 784, 2, 3, 8},
        {{2, 28, 28}, 3, 2 * 784, 2, 3, 8},     {{2, 28, 28}, 2, 2 * 784, 1, 3, 8},
        {{2, 28, 28}, 2, 2 * 784, 2, 10, 8},    {{2, 28, 28}, 2, 2 * 784, 2, 3, 13},
        {{0, 28, 28}, 0, 0, 0, 3, 8},           {{~0u, ~0u, ~0u}, 2, 2 * 784, 2, 3, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t header = idx_header(images, 3, cases[i].image_size);
        images[2] = cases[i].type;
        write_file("t10k-images-idx3-ubyte", images, header + cases[i].image_bytes);
        header = idx_header(labels, 1, &cases[i].label_count);
        labels[8] = labels[9] = cases[i].label;
        write_file("t10k-labels-idx1-ubyte", labels, header + cases[i].label_bytes);
        expect_failure(2, "idx", "mnist --data . --logits l.npy");
    }
    /* And a good one, to know that the others failed for what is wrong with them. */
    idx_header(images, 3, (unsigned[]){2, 28, 28});
    idx_header(labels, 1, (unsigned[]){2});
    labels[8] = labels[9] = 3;
    write_file("t10k-images-idx3-ubyte", images, sizeof images);
    write_file("t10k-labels-idx1-ubyte", labels, sizeof labels);
    cJSON *root = expect_json(0, "mnist --data . --json");
    cr_expect_eq(number_of(root, "images"), 2);
    cJSON_Delete(root);
    cr_expect_eq(count_files(), 2);
    expect_failure(2, "none", "mnist --data none");
    setenv("LANEWISE_MNIST_DIR", "none", 1);
    expect_failure(2, "none", "mnist");
}

Test(mnist, bad_pictures) {
    size_t size;
    char *good = read_file(DIGITS "/3.png", &size);
    for (size_t cut = 0; cut < size; cut += 1 + size / 9) {
        write_file("3.png", good, cut);
        expect_failure(2, "3.png", "mnist 3.png");
    }
    good[size / 2] ^= 0x55; /* a checksum that is wrong */
    write_file("3.png", good, size);
    expect_failure(2, "3.png", "mnist 3.png");
    free(good);
    static const char *const pgms[] = {
        "P5",           "P5 2 2 255\n\1\2", "P5 0 2 255\n",    "P5 99999999 99999999 255\n",
        "P2 2 2 255 1", "P9 1 1 255 1",     "P5 2 2 99999\n1", "GIF89a..."};
    for (size_t i = 0; i < sizeof pgms / sizeof *pgms; i++) {
        write_file("x.pgm", pgms[i], strlen(pgms[i]));
        expect_failure(2, "x.pgm", "mnist x.pgm");
    }
    expect_failure(2, "none.png", "mnist none.png");
    expect_failure(2, "none.png", "mnist --logits l.npy " DIGITS "/3.png none.png");
    expect_failure(2, "No space left", "mnist --logits /dev/full " DIGITS "/3.png");
    cr_expect_eq(count_files(), 2);
}
