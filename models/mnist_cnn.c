/* Four plans in a row: see mnist_cnn.h. */
#include "mnist_cnn.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const lwm_cnn_layer_names[LWM_CNN_LAYERS] = {"conv1", "conv2", "fc", "softmax"};

enum {
    IMAGE = 28 * 28,
    CLASSES = 10,
    HIDDEN1 = 32, /* channels that conv1 makes, and conv2 */
    HIDDEN2 = 64,
    PLANE = 7 * 7,
    PAIR = 2,  /* images that the convolutions take at once: conv2's weights are read half as often */
    GROUP = 4, /* and the fully connected layer, whose activations are small */
    TERMS = 4, /* of fc's inputs by channels: each one chunk of the row's, so that they add up to its bits */
    TERM_CHANNELS = HIDDEN2 / TERMS,
    TERM_INPUTS = TERM_CHANNELS * PLANE
};

/* What one thread needs to take an image through the layers. */
struct scratch {
    float *hidden1;          /* of PAIR images */
    float *hidden2, *logits; /* of GROUP images */
    float *term;             /* [TERMS of one image][CLASSES], a cache line for each */
    void *workspace;
    void *memory;
};

struct lwm_cnn {
    lw_plan *layer[GROUP][LWM_CNN_LAYERS]; /* of 1, 2 .. images; NULL: more than the layer takes at once */
    lw_plan *slice[TERMS];                 /* conv2 of one image, output channels 64 / slices * i and up */
    lw_plan *term[TERMS];                  /* fc of one image, input channels 16 * i and up; no bias */
    float bias[CLASSES];                   /* fc's */
    int slices;                            /* 2 or 4; 1: one thread, and no plans of slices or terms */
    size_t workspace_bytes;                /* the largest of all plans' */
    struct scratch *scratch;               /* one for each thread */
    lw_pool *pool;                         /* NULL: one thread */
    int threads;
    lw_layout hidden1_layout;
    size_t hidden1_floats, hidden2_floats; /* of one image */
};

struct build {
    struct lwm_cnn *cnn;
    const struct lwm_cnn_weights *weights;
    const struct lwm_cnn_options *options;
    lw_error *err;
};

int lwm_cnn_weights(const struct lwm_safetensors *file, struct lwm_cnn_weights *weights,
                    struct lwm_error *err) {
    const struct {
        const char *name;
        int rank;
        uint64_t shape[4];
        const float **values;
    } tensors[] = {
        {"conv1.weight", 4, {32, 1, 3, 3}, &weights->conv1_weight},
        {"conv1.bias", 1, {32}, &weights->conv1_bias},
        {"conv2.weight", 4, {64, 32, 3, 3}, &weights->conv2_weight},
        {"conv2.bias", 1, {64}, &weights->conv2_bias},
        {"fc.weight", 2, {CLASSES, 3136}, &weights->fc_weight},
        {"fc.bias", 1, {CLASSES}, &weights->fc_bias},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        int status = lwm_safetensors_f32(file, tensors[i].name, tensors[i].rank, tensors[i].shape,
                                         tensors[i].values, err);
        if (status != LWM_OK) return status;
    }
    return LWM_OK;
}

/* ---- layers -------------------------------------------------------------------------------------------- */

static lw_desc conv_desc(int64_t batch, int64_t ic, int64_t side, int64_t oc) {
    lw_desc d = lw_conv2d(batch, ic, side, side, oc, 3, 3);
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    d.pool2x2 = d.relu = true;
    return d;
}

lw_desc lwm_cnn_layer_desc(enum lwm_cnn_layer layer, int64_t batch) {
    lw_desc d;
    switch (layer) {
    case LWM_CONV1:
        return conv_desc(batch, 1, 28, 32);
    case LWM_CONV2:
        return conv_desc(batch, 32, 14, 64);
    case LWM_FC:
        d = lw_linear(batch, 64, CLASSES);
        d.ih = d.iw = 7;
        return d;
    default:
        return lw_softmax(batch, CLASSES);
    }
}

struct lwm_cnn_values lwm_cnn_layer_values(const struct lwm_cnn_weights *w, enum lwm_cnn_layer layer) {
    const struct lwm_cnn_values values[LWM_CNN_LAYERS] = {[LWM_CONV1] = {w->conv1_weight, w->conv1_bias},
                                                          [LWM_CONV2] = {w->conv2_weight, w->conv2_bias},
                                                          [LWM_FC] = {w->fc_weight, w->fc_bias}};
    return values[layer];
}

/* In the layouts that the layers hand their activations on in. */
static lw_desc layer_desc(const struct lwm_cnn *cnn, enum lwm_cnn_layer layer, int64_t batch) {
    lw_desc d = lwm_cnn_layer_desc(layer, batch);
    if (layer == LWM_CONV1) d.dst_layout = cnn->hidden1_layout;
    if (layer == LWM_CONV2) d.src_layout = cnn->hidden1_layout;
    if (layer == LWM_CONV2) d.dst_layout = LW_BLOCKED;
    if (layer == LWM_FC) d.src_layout = LW_BLOCKED;
    return d;
}

double lwm_cnn_flops(void) {
    return 2.0 * (9.0 * 1 * 32 * 28 * 28 + 9.0 * 32 * 64 * 14 * 14 + 3136.0 * CLASSES);
}

static lw_status make_plan(const struct build *b, enum lwm_cnn_layer layer, const lw_desc *desc,
                           struct lwm_cnn_values values, const char *kernel, lw_plan **plan) {
    lw_options opt = lw_default_options();
    opt.isa = b->options->isa;
    opt.reproducible = b->options->reproducible;
    opt.effort = b->options->effort;
    opt.max_error = b->options->max_error;
    opt.kernel = kernel;
    lw_error err = {0};
    lw_status status = lw_plan_create(plan, desc, values.weights, values.bias, &opt, &err);
    if (status == LW_OK) {
        size_t bytes = lw_plan_workspace(*plan);
        if (bytes > b->cnn->workspace_bytes) b->cnn->workspace_bytes = bytes;
    } else if (b->err) {
        b->err->status = status;
        snprintf(b->err->text, sizeof b->err->text, "%s: %.200s", lwm_cnn_layer_names[layer],
                 *err.text ? err.text : lw_status_text(status));
    }
    return status;
}

/* The row that the first plan of the layer chose serves every batch and number of threads, so that results
 * don't depend on how images meet threads. */
static lw_status plan_layers(const struct build *b) {
    struct lwm_cnn *cnn = b->cnn;
    for (int batch = 1; batch <= GROUP; batch++)
        for (int i = batch > PAIR ? LWM_FC : LWM_CONV1; i < LWM_CNN_LAYERS; i++) {
            const enum lwm_cnn_layer layer = (enum lwm_cnn_layer)i;
            const lw_desc desc = layer_desc(cnn, layer, batch);
            const char *kernel = batch > 1 ? lw_plan_kernel(cnn->layer[0][layer]) : b->options->kernel[layer];
            lw_status status = make_plan(b, layer, &desc, lwm_cnn_layer_values(b->weights, layer), kernel,
                                         &cnn->layer[batch - 1][layer]);
            if (status != LW_OK) return status;
        }
    return LW_OK;
}

static lw_status plan_slice(const struct build *b, int slice) {
    struct lwm_cnn *cnn = b->cnn;
    struct lwm_cnn_values values = lwm_cnn_layer_values(b->weights, LWM_CONV2);
    lw_desc desc = layer_desc(cnn, LWM_CONV2, 1);
    desc.oc /= cnn->slices;
    values.weights += slice * desc.oc * HIDDEN1 * 9;
    values.bias += slice * desc.oc;
    return make_plan(b, LWM_CONV2, &desc, values, lw_plan_kernel(cnn->layer[0][LWM_CONV2]),
                     &cnn->slice[slice]);
}

static lw_status plan_term(const struct build *b, int term) {
    struct lwm_cnn *cnn = b->cnn;
    float weights[CLASSES * TERM_INPUTS];
    for (int i = 0; i < CLASSES; i++)
        memcpy(weights + i * TERM_INPUTS, b->weights->fc_weight + (i * TERMS + term) * TERM_INPUTS,
               TERM_INPUTS * sizeof *weights);
    lw_desc desc = layer_desc(cnn, LWM_FC, 1);
    desc.ic = TERM_CHANNELS;
    desc.bias = false;
    return make_plan(b, LWM_FC, &desc, (struct lwm_cnn_values){.weights = weights},
                     lw_plan_kernel(cnn->layer[0][LWM_FC]), &cnn->term[term]);
}

static lw_status plan_slices(const struct build *b) {
    lw_status status = LW_OK;
    for (int i = 0; i < b->cnn->slices && status == LW_OK; i++)
        status = plan_slice(b, i);
    for (int i = 0; i < TERMS && status == LW_OK; i++)
        status = plan_term(b, i);
    memcpy(b->cnn->bias, b->weights->fc_bias, sizeof b->cnn->bias);
    return status;
}

static void free_plans(struct lwm_cnn *cnn) {
    for (int i = 0; i < GROUP * LWM_CNN_LAYERS; i++)
        lw_plan_destroy(cnn->layer[i / LWM_CNN_LAYERS][i % LWM_CNN_LAYERS]);
    memset(cnn->layer, 0, sizeof cnn->layer);
    for (int i = 0; i < TERMS; i++) {
        lw_plan_destroy(cnn->slice[i]);
        lw_plan_destroy(cnn->term[i]);
    }
    memset(cnn->slice, 0, sizeof cnn->slice);
    memset(cnn->term, 0, sizeof cnn->term);
}

/* Blocked activations, as every ISA's rows prefer them; a forced row may take NCHW only. */
static lw_status plan_any_layout(const struct build *b) {
    b->cnn->hidden1_layout = LW_BLOCKED;
    lw_status status = plan_layers(b);
    if (status != LW_ERR_UNSUPPORTED) return status;
    struct build again = *b;
    again.err = NULL; /* the first one tells why */
    free_plans(b->cnn);
    b->cnn->hidden1_layout = LW_NCHW;
    return plan_layers(&again) == LW_OK ? LW_OK : status;
}

/* ---- memory -------------------------------------------------------------------------------------------- */

static size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

static bool make_scratch(struct lwm_cnn *cnn, struct scratch *s) {
    size_t hidden1 = round_up(PAIR * cnn->hidden1_floats * sizeof(float));
    size_t hidden2 = round_up(GROUP * cnn->hidden2_floats * sizeof(float));
    size_t logits = round_up(GROUP * CLASSES * sizeof(float));
    size_t terms = TERMS * round_up(CLASSES * sizeof(float));
    s->memory = aligned_alloc(64, hidden1 + hidden2 + logits + terms + round_up(cnn->workspace_bytes));
    if (!s->memory) return false;
    char *at = s->memory;
    s->hidden1 = (float *)at;
    s->hidden2 = (float *)(at += hidden1);
    s->logits = (float *)(at += hidden2);
    s->term = (float *)(at += logits);
    s->workspace = at + terms;
    return true;
}

static bool make_all_scratch(struct lwm_cnn *cnn) {
    lw_desc conv1 = layer_desc(cnn, LWM_CONV1, 1), conv2 = layer_desc(cnn, LWM_CONV2, 1);
    cnn->hidden1_floats = lw_dst_floats(&conv1);
    cnn->hidden2_floats = lw_dst_floats(&conv2);
    cnn->scratch = calloc((size_t)cnn->threads, sizeof *cnn->scratch);
    if (!cnn->scratch) return false;
    for (int i = 0; i < cnn->threads; i++)
        if (!make_scratch(cnn, &cnn->scratch[i])) return false;
    return true;
}

static lw_status fill_in(const struct build *b) {
    struct lwm_cnn *cnn = b->cnn;
    lw_status status = LW_OK;
    while (cnn->slices < cnn->threads && cnn->slices < TERMS)
        cnn->slices *= 2;
    if (cnn->threads > 1) status = lw_pool_create(&cnn->pool, cnn->threads, b->err);
    if (status == LW_OK) status = plan_any_layout(b);
    if (status == LW_OK && cnn->pool) status = plan_slices(b);
    if (status != LW_OK || make_all_scratch(cnn)) return status;
    if (b->err) *b->err = (lw_error){LW_ERR_NO_MEMORY, "no memory for the activations"};
    return LW_ERR_NO_MEMORY;
}

lw_status lwm_cnn_create(struct lwm_cnn **out, const struct lwm_cnn_weights *weights,
                         const struct lwm_cnn_options *options, lw_error *err) {
    *out = NULL;
    struct lwm_cnn *cnn = calloc(1, sizeof *cnn);
    if (!cnn) {
        if (err) *err = (lw_error){LW_ERR_NO_MEMORY, "no memory for the model"};
        return LW_ERR_NO_MEMORY;
    }
    cnn->threads = options->threads > 1 ? options->threads : 1;
    cnn->slices = 1;
    lw_status status = fill_in(&(struct build){cnn, weights, options, err});
    if (status == LW_OK)
        *out = cnn;
    else
        lwm_cnn_destroy(cnn);
    return status;
}

void lwm_cnn_destroy(struct lwm_cnn *cnn) {
    if (!cnn) return;
    free_plans(cnn);
    lw_pool_destroy(cnn->pool);
    for (int i = 0; cnn->scratch && i < cnn->threads; i++)
        free(cnn->scratch[i].memory);
    free(cnn->scratch);
    free(cnn);
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* The tasks of a batch: groups, at the end pairs, so that threads end together; single images where
 * there are few. The last task may be short.
 */
struct tasks {
    int64_t groups, all;
    int small; /* images of a task after the groups */
};

struct job {
    struct lwm_cnn *cnn;
    const float *images;
    float *probabilities, *logits;
    int64_t n;
    struct tasks tasks;
};

static float *term_at(const struct lwm_cnn *cnn, int term) {
    return cnn->scratch[0].term + (size_t)term * round_up(CLASSES * sizeof(float)) / sizeof(float);
}

static struct tasks tasks_of(int64_t n, int threads) {
    struct tasks t = {.small = n < PAIR * threads ? 1 : PAIR};
    const int64_t grouped = threads == 1 ? n : n < 2 * GROUP * threads ? 0 : n - GROUP * threads;
    t.groups = (grouped + GROUP - 1) / GROUP;
    const int64_t rest = n - GROUP * t.groups;
    t.all = t.groups + (rest > 0 ? (rest + t.small - 1) / t.small : 0);
    return t;
}

/* Some images through all layers. */
static void run_images(void *arg, int64_t task, int worker) {
    const struct job *j = arg;
    const struct lwm_cnn *cnn = j->cnn;
    const struct scratch *s = &cnn->scratch[worker];
    const int64_t after = task - j->tasks.groups; /* the last group */
    const int64_t first = after < 0 ? GROUP * task : GROUP * j->tasks.groups + after * j->tasks.small;
    const int most = after < 0 ? GROUP : j->tasks.small, n = j->n - first < most ? (int)(j->n - first) : most;
    float *logits = j->logits ? j->logits + first * CLASSES : s->logits;
    for (int i = 0; i < n; i += PAIR) {
        lw_plan *const *layer = cnn->layer[n - i < PAIR ? n - i - 1 : PAIR - 1];
        lw_plan_execute(layer[LWM_CONV1], j->images + (first + i) * IMAGE, s->hidden1, s->workspace);
        lw_plan_execute(layer[LWM_CONV2], s->hidden1, s->hidden2 + (size_t)i * cnn->hidden2_floats,
                        s->workspace);
    }
    lw_plan_execute(cnn->layer[n - 1][LWM_FC], s->hidden2, logits, s->workspace);
    lw_plan_execute(cnn->layer[n - 1][LWM_SOFTMAX], logits, j->probabilities + first * CLASSES, s->workspace);
}

/* A slice of one image: conv1, some of conv2's channels, and their terms of fc. */
static void run_slice(void *arg, int64_t task, int worker) {
    const struct job *j = arg;
    const struct lwm_cnn *cnn = j->cnn;
    const struct scratch *s = &cnn->scratch[worker];
    const int terms = TERMS / cnn->slices;
    lw_plan_execute(cnn->layer[0][LWM_CONV1], j->images, s->hidden1, s->workspace);
    lw_plan_execute(cnn->slice[task], s->hidden1, s->hidden2, s->workspace);
    for (int i = 0; i < terms; i++) {
        const int term = (int)task * terms + i;
        lw_plan_execute(cnn->term[term], s->hidden2 + i * TERM_INPUTS, term_at(cnn, term), s->workspace);
    }
}

/* One image by several threads. Each makes all of conv1 for itself, and between cores go only the terms: to
 * fetch activations that another core has just written takes longer than to make them. */
static void run_shared(struct job *job) {
    struct lwm_cnn *cnn = job->cnn;
    const struct scratch *s = &cnn->scratch[0];
    float *logits = job->logits ? job->logits : s->logits;
    lw_pool_run(cnn->pool, cnn->slices, run_slice, job);
    for (int i = 0; i < CLASSES; i++) {
        logits[i] = cnn->bias[i];
        for (int term = 0; term < TERMS; term++)
            logits[i] += term_at(cnn, term)[i];
    }
    lw_plan_execute(cnn->layer[0][LWM_SOFTMAX], logits, job->probabilities, s->workspace);
}

/* Each thread takes images of its own where there are enough. */
void lwm_cnn_run(struct lwm_cnn *cnn, const float *images, int64_t n, float *probabilities, float *logits) {
    struct job job = {cnn, images, probabilities, logits, n, tasks_of(n, cnn->threads)};
    if (n < cnn->threads) {
        for (int64_t i = 0; i < n; i++) {
            job.images = images + i * IMAGE;
            job.probabilities = probabilities + i * CLASSES;
            job.logits = logits ? logits + i * CLASSES : NULL;
            run_shared(&job);
        }
        return;
    }
    lw_pool_run(cnn->pool, job.tasks.all, run_images, &job);
}

const char *lwm_cnn_kernel(const struct lwm_cnn *cnn, enum lwm_cnn_layer layer) {
    return lw_plan_kernel(cnn->layer[0][layer]);
}

int lwm_cnn_threads(const struct lwm_cnn *cnn) { return cnn->threads; }
