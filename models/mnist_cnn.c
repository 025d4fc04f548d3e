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
    PAIR = 2, /* images that the convolutions take at once: conv2's weights are read half as often */
    GROUP = 4 /* and the fully connected layer, whose activations are small */
};

/* The plans for images that one thread takes (set[0]), or all threads together (set[1]). */
struct plans {
    lw_plan *layer[GROUP][LWM_CNN_LAYERS]; /* of 1, 2 .. images; NULL: more than the layer takes at once */
    size_t workspace_bytes;                /* the largest of them */
};

/* What one thread needs to take an image through the layers. */
struct scratch {
    float *hidden1;          /* of PAIR images */
    float *hidden2, *logits; /* of GROUP images */
    void *workspace;
    void *memory;
};

struct lwm_cnn {
    struct plans set[2];
    struct scratch *scratch; /* one for each thread; the first also serves the shared plans */
    lw_pool *pool;           /* NULL: one thread */
    int threads;
    lw_layout hidden1_layout, hidden2_layout;
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
    if (layer == LWM_CONV2) d.dst_layout = cnn->hidden2_layout;
    if (layer == LWM_FC) d.src_layout = cnn->hidden2_layout;
    return d;
}

double lwm_cnn_flops(void) {
    return 2.0 * (9.0 * 1 * 32 * 28 * 28 + 9.0 * 32 * 64 * 14 * 14 + 3136.0 * CLASSES);
}

/* Plans one layer for one thread (shared == false) or for all. The same row serves both and every batch, so
 * that results don't depend on how images meet threads: `kernel` is what the first plan of the layer chose,
 * or NULL. */
static lw_status plan_layer(const struct build *b, enum lwm_cnn_layer layer, int64_t batch, bool shared,
                            const char *kernel, lw_plan **plan) {
    struct lwm_cnn_values values = lwm_cnn_layer_values(b->weights, layer);
    lw_desc desc = layer_desc(b->cnn, layer, batch);
    lw_options opt = lw_default_options();
    opt.isa = b->options->isa;
    opt.reproducible = b->options->reproducible;
    opt.effort = b->options->effort;
    opt.max_error = b->options->max_error;
    opt.kernel = kernel ? kernel : b->options->kernel[layer];
    opt.threads = shared ? b->cnn->threads : 1;
    opt.pool = shared ? b->cnn->pool : NULL;
    lw_error err = {0};
    lw_status status = lw_plan_create(plan, &desc, values.weights, values.bias, &opt, &err);
    if (status == LW_OK || !b->err) return status;
    b->err->status = status;
    snprintf(b->err->text, sizeof b->err->text, "%s: %.200s", lwm_cnn_layer_names[layer],
             *err.text ? err.text : lw_status_text(status));
    return status;
}

static lw_status plan_set(const struct build *b, bool shared) {
    struct plans *p = &b->cnn->set[shared];
    for (int64_t batch = 1; batch <= GROUP; batch++)
        for (int layer = batch > PAIR ? LWM_FC : LWM_CONV1; layer < LWM_CNN_LAYERS; layer++) {
            const lw_plan *first = b->cnn->set[0].layer[0][layer];
            lw_plan **plan = &p->layer[batch - 1][layer];
            lw_status status = plan_layer(b, (enum lwm_cnn_layer)layer, batch, shared,
                                          first ? lw_plan_kernel(first) : NULL, plan);
            if (status != LW_OK) return status;
            size_t bytes = lw_plan_workspace(*plan);
            if (bytes > p->workspace_bytes) p->workspace_bytes = bytes;
        }
    return LW_OK;
}

static void free_set(struct plans *p) {
    for (int i = 0; i < GROUP * LWM_CNN_LAYERS; i++)
        lw_plan_destroy(p->layer[i / LWM_CNN_LAYERS][i % LWM_CNN_LAYERS]);
    *p = (struct plans){0};
}

/* Blocked activations, as every ISA's rows prefer them; a forced row may take other layouts only. */
static lw_status plan_any_layout(const struct build *b) {
    static const lw_layout order[] = {LW_BLOCKED, LW_NHWC, LW_NCHW};
    lw_status first = LW_OK;
    lw_error first_err = {0};
    for (int i = 0; i < 9; i++) {
        b->cnn->hidden1_layout = order[i / 3];
        b->cnn->hidden2_layout = order[i % 3];
        lw_status status = plan_set(b, false);
        if (status == LW_OK) return status;
        free_set(&b->cnn->set[0]);
        if (i == 0) {
            first = status;
            if (b->err) first_err = *b->err;
        }
        if (status != LW_ERR_UNSUPPORTED) break;
    }
    if (b->err) *b->err = first_err;
    return first;
}

/* ---- memory -------------------------------------------------------------------------------------------- */

static size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

static bool make_scratch(struct lwm_cnn *cnn, struct scratch *s, size_t workspace) {
    size_t hidden1 = round_up(PAIR * cnn->hidden1_floats * sizeof(float));
    size_t hidden2 = round_up(GROUP * cnn->hidden2_floats * sizeof(float));
    size_t logits = round_up(GROUP * CLASSES * sizeof(float));
    s->memory = aligned_alloc(64, hidden1 + hidden2 + logits + round_up(workspace));
    if (!s->memory) return false;
    char *at = s->memory;
    s->hidden1 = (float *)at;
    s->hidden2 = (float *)(at += hidden1);
    s->logits = (float *)(at += hidden2);
    s->workspace = at + logits;
    return true;
}

static bool make_all_scratch(struct lwm_cnn *cnn) {
    lw_desc conv1 = layer_desc(cnn, LWM_CONV1, 1), conv2 = layer_desc(cnn, LWM_CONV2, 1);
    cnn->hidden1_floats = lw_dst_floats(&conv1);
    cnn->hidden2_floats = lw_dst_floats(&conv2);
    cnn->scratch = calloc((size_t)cnn->threads, sizeof *cnn->scratch);
    if (!cnn->scratch) return false;
    for (int i = 0; i < cnn->threads; i++) {
        size_t bytes = cnn->set[0].workspace_bytes;
        if (i == 0 && cnn->set[1].workspace_bytes > bytes) bytes = cnn->set[1].workspace_bytes;
        if (!make_scratch(cnn, &cnn->scratch[i], bytes)) return false;
    }
    return true;
}

static lw_status fill_in(const struct build *b) {
    struct lwm_cnn *cnn = b->cnn;
    lw_status status = LW_OK;
    if (cnn->threads > 1) status = lw_pool_create(&cnn->pool, cnn->threads, b->err);
    if (status == LW_OK) status = plan_any_layout(b);
    if (status == LW_OK && cnn->pool) status = plan_set(b, true);
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
    lw_status status = fill_in(&(struct build){cnn, weights, options, err});
    if (status == LW_OK)
        *out = cnn;
    else
        lwm_cnn_destroy(cnn);
    return status;
}

void lwm_cnn_destroy(struct lwm_cnn *cnn) {
    if (!cnn) return;
    free_set(&cnn->set[0]);
    free_set(&cnn->set[1]);
    lw_pool_destroy(cnn->pool);
    for (int i = 0; cnn->scratch && i < cnn->threads; i++)
        free(cnn->scratch[i].memory);
    free(cnn->scratch);
    free(cnn);
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* Up to GROUP images through all layers. */
static void run_group(const struct lwm_cnn *cnn, const struct plans *p, struct scratch *s,
                      const float *images, int n, float *probabilities, float *logits) {
    float *sums = logits ? logits : s->logits;
    for (int i = 0; i < n; i += PAIR) {
        lw_plan *const *layer = p->layer[n - i < PAIR ? n - i - 1 : PAIR - 1];
        float *hidden2 = s->hidden2 + (size_t)i * cnn->hidden2_floats;
        lw_plan_execute(layer[LWM_CONV1], images + i * IMAGE, s->hidden1, s->workspace);
        lw_plan_execute(layer[LWM_CONV2], s->hidden1, hidden2, s->workspace);
    }
    lw_plan_execute(p->layer[n - 1][LWM_FC], s->hidden2, sums, s->workspace);
    lw_plan_execute(p->layer[n - 1][LWM_SOFTMAX], sums, probabilities, s->workspace);
}

struct batch {
    const struct lwm_cnn *cnn;
    const struct plans *plans;
    const float *images;
    float *probabilities, *logits;
    int64_t n;
    int group; /* images of a task */
};

static void run_task(void *arg, int64_t task, int worker) {
    const struct batch *b = arg;
    const int64_t i = task * b->group;
    run_group(b->cnn, b->plans, &b->cnn->scratch[worker], b->images + i * IMAGE,
              b->n - i < b->group ? (int)(b->n - i) : b->group, b->probabilities + i * CLASSES,
              b->logits ? b->logits + i * CLASSES : NULL);
}

/* Each thread takes images of its own where there are enough, else all share each layer. */
void lwm_cnn_run(struct lwm_cnn *cnn, const float *images, int64_t n, float *probabilities, float *logits) {
    const bool apart = n >= PAIR * cnn->threads, many = n >= 2 * GROUP * cnn->threads;
    struct batch batch = {.cnn = cnn,
                          .plans = &cnn->set[cnn->pool && !apart],
                          .images = images,
                          .probabilities = probabilities,
                          .logits = logits,
                          .n = n,
                          .group = many || !apart ? GROUP : PAIR};
    const int64_t tasks = (n + batch.group - 1) / batch.group;
    if (cnn->pool && apart) {
        lw_pool_run(cnn->pool, tasks, run_task, &batch);
        return;
    }
    for (int64_t task = 0; task < tasks; task++)
        run_task(&batch, task, 0);
}

const char *lwm_cnn_kernel(const struct lwm_cnn *cnn, enum lwm_cnn_layer layer) {
    return lw_plan_kernel(cnn->set[0].layer[0][layer]);
}

int lwm_cnn_threads(const struct lwm_cnn *cnn) { return cnn->threads; }
