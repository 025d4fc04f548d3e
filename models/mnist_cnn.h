/* The MNIST model, assembled from kernels:
 *
 *     conv1 3x3 1->32, pool 2x2, ReLU     1x28x28 NCHW      -> 32x14x14 blocked
 *     conv2 3x3 32->64, pool 2x2, ReLU    32x14x14 blocked  -> 64x7x7 blocked
 *     fc 3136->10                         64x7x7 blocked    -> 10
 *     softmax                             10                -> 10
 *
 * Each layer is one plan; pool and ReLU happen in the convolutions' tails, activations stay in the library's
 * blocked layout. An image goes through all layers before the next one, so that activations stay in the
 * cache. */
#ifndef LWM_MNIST_CNN_H
#define LWM_MNIST_CNN_H

#include "lanewise.h"
#include "safetensors.h"

enum lwm_cnn_layer { LWM_CONV1, LWM_CONV2, LWM_FC, LWM_SOFTMAX, LWM_CNN_LAYERS };

extern const char *const lwm_cnn_layer_names[LWM_CNN_LAYERS]; /* "conv1", "conv2", "fc", "softmax" */

/* As PyTorch names and shapes them; the values belong to whoever filled this in. */
struct lwm_cnn_weights {
    const float *conv1_weight, *conv1_bias; /* [32][1][3][3], [32] */
    const float *conv2_weight, *conv2_bias; /* [64][32][3][3], [64] */
    const float *fc_weight, *fc_bias;       /* [10][3136], [10]; inputs in the order channel, row, column */
};

/* The six tensors of an open file; valid until it is closed. */
int lwm_cnn_weights(const struct lwm_safetensors *file, struct lwm_cnn_weights *weights,
                    struct lwm_error *err);

/* A layer's weights and bias; NULL where it has none. */
struct lwm_cnn_values {
    const float *weights, *bias;
};
struct lwm_cnn_values lwm_cnn_layer_values(const struct lwm_cnn_weights *weights, enum lwm_cnn_layer layer);

/* What a layer computes, NCHW in and out. */
lw_desc lwm_cnn_layer_desc(enum lwm_cnn_layer layer, int64_t batch);

struct lwm_cnn_options {
    const char *isa;                    /* rows of this ISA alone (scalar where it has none); NULL: all */
    const char *kernel[LWM_CNN_LAYERS]; /* force a layer's row; NULL: choose */
    int threads;                        /* 1 when 0 */
    lw_effort effort;
    double max_error; /* as in lw_options */
    bool reproducible;
};

struct lwm_cnn;

/* Plans every layer. The weights are copied. On failure *out is NULL and err says why, with the layer's name.
 */
lw_status lwm_cnn_create(struct lwm_cnn **out, const struct lwm_cnn_weights *weights,
                         const struct lwm_cnn_options *options, lw_error *err);
void lwm_cnn_destroy(struct lwm_cnn *cnn); /* NULL is fine */

/* Classifies n images [n][1][28][28]. probabilities [n][10]; logits [n][10] or NULL. Allocates nothing.
 * Threads share out the images; where there are fewer images than threads, up to four share the channels of
 * conv2. The results are the same, bit for bit. One call at a time. */
void lwm_cnn_run(struct lwm_cnn *cnn, const float *images, int64_t n, float *probabilities, float *logits);

const char *lwm_cnn_kernel(const struct lwm_cnn *cnn, enum lwm_cnn_layer layer);
int lwm_cnn_threads(const struct lwm_cnn *cnn);

/* Multiply-adds of one image, times two: what convolutions and the fully connected layer do by direct
 * summation. */
double lwm_cnn_flops(void);

#endif
