/* XNNPACK: convolution, fully connected, max pool, ReLU and softmax, in its own layout, NHWC. ReLU is the
 * clamp of an operator's output, a fused 2x2 pool a second operator. In the "+nchw" rows the data come as
 * NCHW and go as NCHW, through a transposition on the operator's threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xnnpack.h>

#include "peer.h"

enum { MAX_STEPS = 2, MAX_POOLS = 32 };

struct tensor {
    lw_layout layout;
    size_t batch, channels, height, width;
    float *data; /* with XNN_EXTRA_BYTES behind: operators read so far over the end */
    bool owned;
};

struct xnnpack_op {
    struct lw_peer_op base;
    pthreadpool_t threads;                         /* NULL: the caller alone */
    struct tensor given, src, middle, dst, result; /* given and result are NCHW, where that is converted */
    xnn_operator_t steps[MAX_STEPS];
};

/* ---- starting ------------------------------------------------------------------------------------------ */

static char refusal[LW_PEER_TEXT]; /* of everything; "" if it can be used */

/* The library chooses its kernels by the CPU alone. */
static bool would_exceed(const char *isa) {
    static const struct {
        const char *isa, *feature;
    } wider[] = {{"scalar", "avx"}, {"scalar", "neon"}, {"avx2", "avx512f"}};
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    for (size_t i = 0; i < sizeof wider / sizeof *wider; i++)
        if (strcmp(isa, wider[i].isa) == 0 && strstr(cpu.features, wider[i].feature)) return true;
    return false;
}

static void start(const char *isa, char version[LW_PEER_TEXT]) {
    snprintf(version, LW_PEER_TEXT, "%s", LW_PEER_XNNPACK); /* it has no function or macro that tells */
    *refusal = '\0';
    if (xnn_initialize(NULL) != xnn_status_success)
        snprintf(refusal, sizeof refusal, "XNNPACK doesn't run on this CPU");
    else if (would_exceed(isa))
        snprintf(refusal, sizeof refusal, "XNNPACK can't be held to %s: it uses what the CPU has", isa);
}

/* A pool of so many threads, kept for the operators to come; false: no more can be had. */
static bool find_threads(int threads, pthreadpool_t *pool) {
    static pthreadpool_t pools[MAX_POOLS];
    *pool = NULL;
    if (threads == 1) return true;
    for (int i = 0; i < MAX_POOLS; i++) {
        if (!pools[i]) pools[i] = pthreadpool_create((size_t)threads);
        *pool = pools[i];
        if (!*pool || pthreadpool_get_threads_count(*pool) == (size_t)threads) return *pool != NULL;
    }
    return false;
}

/* ---- what it takes ------------------------------------------------------------------------------------- */

/* Padding may be negative (rows of the source that aren't read), which the library doesn't know; without it
 * there may be as many outputs. */
static uint32_t padding(int64_t pad) { return pad > 0 ? (uint32_t)pad : 0; }

static bool as_many(int64_t in, int64_t before, int64_t after, int64_t kernel, int64_t dilation,
                    int64_t stride) {
    int64_t rest = in + before - (kernel - 1) * dilation - 1;
    return after >= 0 || rest / stride == (rest + after) / stride;
}

static bool supports(const struct lw_peer_row *row, const struct lw_peer_problem *p, char why[LW_PEER_TEXT]) {
    const lw_desc *d = p->desc;
    (void)row;
    const char *reason = *refusal ? refusal : NULL;
    bool window = d->op == LW_CONV || d->op == LW_MAXPOOL;
    if (window && !(as_many(d->ih, d->pad_top, d->pad_bottom, d->kh, d->dilation_h, d->stride_h) &&
                    as_many(d->iw, d->pad_left, d->pad_right, d->kw, d->dilation_w, d->stride_w)))
        reason = "XNNPACK has no negative padding";
    if (d->op == LW_MAXPOOL && d->kh * d->kw == 1) reason = "XNNPACK has no pool of one pixel";
    if (reason) snprintf(why, LW_PEER_TEXT, "%s", reason);
    return !reason;
}

/* ---- tensors ------------------------------------------------------------------------------------------- */

static size_t count_of(const struct tensor *t) { return t->batch * t->channels * t->height * t->width; }

static bool allocate(struct tensor *t) {
    size_t bytes = (count_of(t) * sizeof *t->data + XNN_EXTRA_BYTES + 63) / 64 * 64;
    t->data = aligned_alloc(64, bytes);
    t->owned = true;
    if (t->data) memset(t->data, 0, bytes);
    return t->data != NULL;
}

static struct tensor tensor_of(lw_layout layout, int64_t batch, int64_t channels, int64_t height,
                               int64_t width) {
    return (struct tensor){layout, (size_t)batch, (size_t)channels, (size_t)height, (size_t)width,
                           NULL,   false};
}

static void copy(const float *src, lw_layout from, float *dst, lw_layout to, const struct tensor *t) {
    lw_convert_layout(src, from, dst, to, (int64_t)t->batch, (int64_t)t->channels, (int64_t)t->height,
                      (int64_t)t->width);
}

/* ---- NCHW to NHWC and back ----------------------------------------------------------------------------- */

enum { STRIP = 16 }; /* rows that are transposed together: a cache line of what is written */

typedef float v4 __attribute__((vector_size(16), aligned(4)));

/* Each image is a matrix of rows x columns. */
struct transposition {
    const float *src;
    float *dst;
    size_t rows, columns;
};

static void transpose_4x4(const float *src, size_t columns, float *dst, size_t rows) {
    v4 r[4], low[2], high[2];
    for (size_t i = 0; i < 4; i++)
        memcpy(&r[i], src + i * columns, sizeof r[i]);
    for (size_t i = 0; i < 2; i++) {
        low[i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 0, 4, 1, 5);
        high[i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 2, 6, 3, 7);
    }
    r[0] = __builtin_shufflevector(low[0], low[1], 0, 1, 4, 5);
    r[1] = __builtin_shufflevector(low[0], low[1], 2, 3, 6, 7);
    r[2] = __builtin_shufflevector(high[0], high[1], 0, 1, 4, 5);
    r[3] = __builtin_shufflevector(high[0], high[1], 2, 3, 6, 7);
    for (size_t i = 0; i < 4; i++)
        memcpy(dst + i * rows, &r[i], sizeof r[i]);
}

static void transpose_strip(void *arg, size_t image, size_t first, size_t count) {
    const struct transposition *t = arg;
    const float *src = t->src + (image * t->rows + first) * t->columns;
    float *dst = t->dst + image * t->rows * t->columns + first;
    size_t whole_rows = count / 4 * 4, whole_columns = t->columns / 4 * 4;
    for (size_t c = 0; c < whole_columns; c += 4)
        for (size_t r = 0; r < whole_rows; r += 4)
            transpose_4x4(src + r * t->columns + c, t->columns, dst + c * t->rows + r, t->rows);
    for (size_t c = 0; c < t->columns; c++)
        for (size_t r = c < whole_columns ? whole_rows : 0; r < count; r++)
            dst[c * t->rows + r] = src[r * t->columns + c];
}

static void convert(const struct tensor *from, const struct tensor *to, pthreadpool_t threads) {
    size_t pixels = from->height * from->width;
    bool planes = from->layout == LW_NCHW;
    struct transposition t = {from->data, to->data, planes ? from->channels : pixels,
                              planes ? pixels : from->channels};
    pthreadpool_parallelize_2d_tile_1d(threads, transpose_strip, &t, from->batch, t.rows, STRIP, 0);
}

/* ---- operators ----------------------------------------------------------------------------------------- */

static enum xnn_status add_conv(struct xnnpack_op *op, const lw_desc *d, const float *weights,
                                const float *bias, const struct tensor *dst) {
    size_t ic = (size_t)(d->ic / d->groups), oc = (size_t)(d->oc / d->groups);
    enum xnn_status status = xnn_create_convolution2d_nhwc_f32(
        padding(d->pad_top), padding(d->pad_right), padding(d->pad_bottom), padding(d->pad_left),
        (uint32_t)d->kh, (uint32_t)d->kw, (uint32_t)d->stride_h, (uint32_t)d->stride_w,
        (uint32_t)d->dilation_h, (uint32_t)d->dilation_w, (uint32_t)d->groups, ic, oc, (size_t)d->ic,
        (size_t)d->oc, weights, bias, d->relu ? 0 : -INFINITY, INFINITY, 0, &op->steps[0]);
    if (status != xnn_status_success) return status;
    return xnn_setup_convolution2d_nhwc_f32(op->steps[0], op->src.batch, op->src.height, op->src.width,
                                            op->src.data, dst->data, op->threads);
}

static enum xnn_status add_linear(struct xnnpack_op *op, const lw_desc *d, const float *weights,
                                  const float *bias) {
    size_t inputs = (size_t)(d->ic * d->ih * d->iw), outputs = (size_t)d->oc;
    enum xnn_status status = xnn_create_fully_connected_nc_f32(
        inputs, outputs, inputs, outputs, weights, bias, d->relu ? 0 : -INFINITY, INFINITY, 0, &op->steps[0]);
    if (status != xnn_status_success) return status;
    return xnn_setup_fully_connected_nc_f32(op->steps[0], op->src.batch, op->src.data, op->dst.data,
                                            op->threads);
}

static enum xnn_status add_pool(struct xnnpack_op *op, int step, const lw_desc *d, const struct tensor *src) {
    enum xnn_status status = xnn_create_max_pooling2d_nhwc_f32(
        padding(d->pad_top), padding(d->pad_right), padding(d->pad_bottom), padding(d->pad_left),
        (uint32_t)d->kh, (uint32_t)d->kw, (uint32_t)d->stride_h, (uint32_t)d->stride_w,
        (uint32_t)d->dilation_h, (uint32_t)d->dilation_w, src->channels, src->channels, src->channels,
        -INFINITY, INFINITY, 0, &op->steps[step]);
    if (status != xnn_status_success) return status;
    return xnn_setup_max_pooling2d_nhwc_f32(op->steps[step], src->batch, src->height, src->width, src->data,
                                            op->dst.data, op->threads);
}

static enum xnn_status add_relu(struct xnnpack_op *op) {
    enum xnn_status status = xnn_create_clamp_nc_f32(1, 1, 1, 0, INFINITY, 0, &op->steps[0]);
    if (status != xnn_status_success) return status;
    return xnn_setup_clamp_nc_f32(op->steps[0], count_of(&op->src), op->src.data, op->dst.data, op->threads);
}

static enum xnn_status add_softmax(struct xnnpack_op *op) {
    size_t classes = op->src.channels;
    enum xnn_status status = xnn_create_softmax_nc_f32(classes, classes, classes, 0, &op->steps[0]);
    if (status != xnn_status_success) return status;
    return xnn_setup_softmax_nc_f32(op->steps[0], op->src.batch, op->src.data, op->dst.data, op->threads);
}

/* Weights [o][i][h][w] are wanted as [o][h][w][i]: so are those of a linear layer that reads NHWC. */
static float *permute(const float *weights, const lw_desc *d, lw_layout to) {
    bool linear = d->op == LW_LINEAR;
    struct tensor t = tensor_of(to, d->oc, linear ? d->ic : d->ic / d->groups, linear ? d->ih : d->kh,
                                linear ? d->iw : d->kw);
    if (allocate(&t)) copy(weights, LW_NCHW, t.data, to, &t);
    return t.data;
}

static enum xnn_status add_weighted(struct xnnpack_op *op, const struct lw_peer_problem *p) {
    const lw_desc *d = p->desc;
    float *weights = permute(p->weights, d, op->src.layout);
    const float *bias = d->bias ? p->bias : NULL;
    enum xnn_status status = xnn_status_out_of_memory;
    if (weights && d->op == LW_LINEAR) status = add_linear(op, d, weights, bias);
    if (weights && d->op == LW_CONV)
        status = add_conv(op, d, weights, bias, d->pool2x2 ? &op->middle : &op->dst);
    free(weights); /* the operator has packed them */
    if (status != xnn_status_success || !d->pool2x2) return status;
    lw_desc pool =
        lw_maxpool2d(d->batch, d->oc, (int64_t)op->middle.height, (int64_t)op->middle.width, 2, 2, 0);
    return add_pool(op, 1, &pool, &op->middle);
}

static enum xnn_status add_steps(struct xnnpack_op *op, const struct lw_peer_problem *p) {
    switch (p->desc->op) {
    case LW_MAXPOOL:
        return add_pool(op, 0, p->desc, &op->src);
    case LW_RELU:
        return add_relu(op);
    case LW_SOFTMAX:
        return add_softmax(op);
    default:
        return add_weighted(op, p);
    }
}

/* ---- making -------------------------------------------------------------------------------------------- */

/* Variants: the layout that the operator works in, whatever the row's is. */
enum { AS_NHWC, AS_NCHW };

/* Shapes of all tensors, and memory for those that are needed. */
static bool make_tensors(struct xnnpack_op *op, const struct lw_peer_row *row,
                         const struct lw_peer_problem *p) {
    const lw_desc *d = p->desc;
    lw_desc whole = *d;
    int64_t oc, oh, ow;
    lw_layout inner = row->variant == AS_NCHW ? LW_NCHW : LW_NHWC;
    bool converted = row->layout == LW_NCHW && inner == LW_NHWC;
    op->src = tensor_of(inner, d->batch, d->ic, d->ih, d->iw);
    whole.pool2x2 = false;
    lw_desc_output(&whole, &oc, &oh, &ow);
    op->middle = tensor_of(inner, d->batch, oc, oh, ow);
    lw_desc_output(d, &oc, &oh, &ow);
    op->dst = tensor_of(inner, d->batch, oc, oh, ow);
    op->given = op->src;
    op->result = op->dst;
    op->given.layout = op->result.layout = LW_NCHW;
    if (p->from)
        op->src.data = ((const struct xnnpack_op *)p->from)->dst.data;
    else if (!allocate(&op->src))
        return false;
    return allocate(&op->dst) && (!d->pool2x2 || allocate(&op->middle)) &&
           (!converted || (allocate(&op->given) && allocate(&op->result)));
}

static void destroy(struct lw_peer_op *base) {
    struct xnnpack_op *op = (struct xnnpack_op *)base;
    if (!op) return;
    struct tensor *const all[] = {&op->given, &op->src, &op->middle, &op->dst, &op->result};
    for (int i = 0; i < MAX_STEPS; i++)
        if (op->steps[i]) xnn_delete_operator(op->steps[i]);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->owned) free(all[i]->data);
    free(op);
}

extern const struct lw_peer lw_peer_xnnpack;

static struct lw_peer_op *create(const struct lw_peer_row *row, const struct lw_peer_problem *p,
                                 char why[LW_PEER_TEXT]) {
    static const char *const operators[LW_OP_COUNT] = {[LW_CONV] = "convolution2d",
                                                       [LW_MAXPOOL] = "max_pooling2d",
                                                       [LW_LINEAR] = "fully_connected",
                                                       [LW_RELU] = "clamp",
                                                       [LW_SOFTMAX] = "softmax"};
    if (!supports(row, p, why)) return NULL;
    struct xnnpack_op *op = calloc(1, sizeof *op);
    enum xnn_status status = xnn_status_out_of_memory;
    if (op && find_threads(p->threads, &op->threads) && make_tensors(op, row, p)) status = add_steps(op, p);
    if (status == xnn_status_success) {
        op->base.peer = &lw_peer_xnnpack;
        snprintf(op->base.how, sizeof op->base.how, "%s", operators[p->desc->op]);
        return &op->base;
    }
    snprintf(why, LW_PEER_TEXT, "XNNPACK: %s",
             status == xnn_status_out_of_memory ? "out of memory or threads" : "it refuses the problem");
    if (op) destroy(&op->base);
    return NULL;
}

/* ---- running ------------------------------------------------------------------------------------------- */

static void load(struct lw_peer_op *base, const float *src_nchw) {
    struct xnnpack_op *op = (struct xnnpack_op *)base;
    const struct tensor *t = op->given.data ? &op->given : &op->src;
    copy(src_nchw, LW_NCHW, t->data, t->layout, t);
}

static void run(struct lw_peer_op *base) {
    struct xnnpack_op *op = (struct xnnpack_op *)base;
    if (op->given.data) convert(&op->given, &op->src, op->threads);
    for (int i = 0; i < MAX_STEPS && op->steps[i]; i++)
        xnn_run_operator(op->steps[i], op->threads);
    if (op->result.data) convert(&op->dst, &op->result, op->threads);
}

static void store(struct lw_peer_op *base, float *dst_nchw) {
    struct xnnpack_op *op = (struct xnnpack_op *)base;
    const struct tensor *t = op->result.data ? &op->result : &op->dst;
    copy(t->data, t->layout, dst_nchw, LW_NCHW, t);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

/* A fully connected layer reads NCHW as it lies, with the weights as they are; ReLU and softmax don't care.
 */
static const struct lw_peer_row rows[] = {
    {"xnnpack:nhwc", LW_CONV, LW_PEER_OWN, AS_NHWC},   {"xnnpack:nhwc+nchw", LW_CONV, LW_NCHW, AS_NHWC},
    {"xnnpack:nhwc", LW_LINEAR, LW_PEER_OWN, AS_NHWC}, {"xnnpack:nchw", LW_LINEAR, LW_NCHW, AS_NCHW},
    {"xnnpack:nhwc", LW_MAXPOOL, LW_NHWC, AS_NHWC},    {"xnnpack:nhwc+nchw", LW_MAXPOOL, LW_NCHW, AS_NHWC},
    {"xnnpack:nhwc", LW_RELU, LW_NHWC, AS_NHWC},       {"xnnpack:nchw", LW_RELU, LW_NCHW, AS_NCHW},
    {"xnnpack:nchw", LW_SOFTMAX, LW_NCHW, AS_NCHW},
};

const struct lw_peer lw_peer_xnnpack = {
    .name = "xnnpack",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .start = start,
    .supports = supports,
    .create = create,
    .load = load,
    .run = run,
    .store = store,
    .destroy = destroy,
};
