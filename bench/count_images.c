/* count_images WEIGHTS ISA IMAGES BATCH: runs the MNIST model on blank images, between two calls that
 * count_instructions.py finds in the trace of an emulator. Prints the rows that were chosen. */
#include <stdio.h>
#include <stdlib.h>

#include "models/mnist_cnn.h"

enum { PIXELS = 28 * 28, CLASSES = 10 };

/* Where the counting begins and ends; the statements keep the calls. */
__attribute__((noinline)) void count_begin(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline)) void count_end(void) { __asm__ volatile("" ::: "memory"); }

static int run(struct lwm_cnn *cnn, int64_t images, int64_t batch) {
    float *pixels = calloc((size_t)batch, PIXELS * sizeof(float));
    float *out = calloc((size_t)batch, CLASSES * sizeof(float));
    if (!pixels || !out) {
        free(pixels);
        free(out);
        fprintf(stderr, "count_images: no memory\n");
        return 3;
    }
    lwm_cnn_run(cnn, pixels, batch, out, NULL); /* the first run binds the C library's functions */
    count_begin();
    for (int64_t i = 0; i < images; i += batch)
        lwm_cnn_run(cnn, pixels, batch, out, NULL);
    count_end();
    for (int i = 0; i < LWM_CNN_LAYERS; i++)
        printf("%s %s\n", lwm_cnn_layer_names[i], lwm_cnn_kernel(cnn, (enum lwm_cnn_layer)i));
    free(pixels);
    free(out);
    return 0;
}

int main(int argc, char **argv) {
    struct lwm_safetensors *file = NULL;
    struct lwm_cnn_weights weights;
    struct lwm_cnn *cnn = NULL;
    struct lwm_error failure = {0};
    lw_error error = {0};
    if (argc != 5 || atoi(argv[3]) < 1 || atoi(argv[4]) < 1) {
        fprintf(stderr, "usage: count_images WEIGHTS ISA IMAGES BATCH\n");
        return 2;
    }
    if (lwm_safetensors_open(argv[1], &file, &failure) != LWM_OK ||
        lwm_cnn_weights(file, &weights, &failure) != LWM_OK) {
        fprintf(stderr, "count_images: %s\n", failure.text);
        return 2;
    }
    int status = 3;
    const lw_options defaults = lw_default_options();
    const struct lwm_cnn_options options = {
        .isa = argv[2], .effort = defaults.effort, .max_error = defaults.max_error};
    if (lwm_cnn_create(&cnn, &weights, &options, &error) != LW_OK)
        fprintf(stderr, "count_images: %s\n", error.text);
    else
        status = run(cnn, atoi(argv[3]), atoi(argv[4]));
    lwm_cnn_destroy(cnn);
    lwm_safetensors_close(file);
    return status;
}
