/* logits WEIGHTS [KERNEL...]: the kernels of the library that it is linked with, one a line, and the bits of
 * the MNIST model's logits for made-up images, on the kernels named for conv1, conv2, fc and softmax. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "models/mnist_cnn.h"

enum { IMAGES = 20, PIXELS = 28 * 28, CLASSES = 10 };

int main(int argc, char **argv) {
    static float images[IMAGES * PIXELS], probabilities[IMAGES * CLASSES], logits[IMAGES * CLASSES];
    struct lwm_safetensors *file;
    struct lwm_cnn_weights weights;
    struct lwm_cnn_options options = {.max_error = LW_ERROR_FAST};
    struct lwm_cnn *cnn;
    struct lwm_error why = {0};
    lw_error err = {0};
    lw_kernel_info row;

    for (size_t i = 0; lw_kernel_get(i, &row) == LW_OK; i++)
        printf("kernel %s\n", row.name);
    for (int i = 2; i < argc && i < 2 + LWM_CNN_LAYERS; i++)
        options.kernel[i - 2] = argv[i];
    if (argc < 2 || lwm_safetensors_open(argv[1], &file, &why) != LWM_OK ||
        lwm_cnn_weights(file, &weights, &why) != LWM_OK) {
        fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    if (lwm_cnn_create(&cnn, &weights, &options, &err) != LW_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    uint32_t random = 1;
    for (size_t i = 0; i < IMAGES * PIXELS; i++) {
        random = random * 1664525u + 1013904223u;
        images[i] = (float)(random >> 8) / (float)(1 << 24);
    }
    lwm_cnn_run(cnn, images, IMAGES, probabilities, logits);
    for (size_t i = 0; i < IMAGES * CLASSES; i++) {
        uint32_t bits;
        memcpy(&bits, &logits[i], sizeof bits);
        printf("logit %08" PRIx32 "\n", bits);
    }
    lwm_cnn_destroy(cnn);
    lwm_safetensors_close(file);
    return 0;
}
