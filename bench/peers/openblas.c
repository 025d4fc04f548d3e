/* OpenBLAS: convolution as im2col and a matrix product for each image and group, fully connected as one
 * product, all in NCHW with the weights as they are. What isn't a product (im2col; bias, 2x2 pool and ReLU in
 * one pass after it; the softmax at a model's end) is plain C in this file, on one thread.
 *
 * The library chooses its kernels while it is loaded, by the CPU or by OPENBLAS_CORETYPE. So it is loaded by
 * start(): first in a child process, to see what it would choose, then here, where that is beyond the ISA
 * that it is held to, or is a kind of core without the ISA that this CPU has, with the variable set. */
#define _GNU_SOURCE
#include <cblas.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

struct openblas_op {
    struct lw_peer_op base;
    lw_desc desc;
    int64_t conv_h, conv_w; /* of the convolution's output, before the pool */
    float *src, *weights, *bias, *dst;
    float *columns, *sums; /* of one image; NULL: the source itself, the destination itself */
    bool owns_src;
};

static struct {
    char refusal[LW_PEER_TEXT], core[32];
    __typeof__(openblas_set_num_threads) *set_num_threads;
    __typeof__(openblas_get_corename) *get_corename;
    __typeof__(openblas_get_config) *get_config;
    __typeof__(cblas_sgemm) *sgemm;
    __typeof__(cblas_sgemv) *sgemv;
} blas;

/* ---- the kind of core ---------------------------------------------------------------------------------- */

/* Widest first. */
static const struct core_kind {
    const char *isa, *feature; /* of a CPU that has it */
    const char *type;          /* what OPENBLAS_CORETYPE is set to */
    const char *names;         /* kinds of cores with kernels of that ISA */
} kinds[] = {
    {"avx512", "avx512f", "SkylakeX", " SkylakeX Cooperlake Sapphirerapids "},
    {"avx2", "avx2", "Haswell", " Haswell Zen Excavator "},
    {"scalar", "", "Nehalem", /* it has nothing less than SSE */
     " Nehalem Core2 Penryn Dunnington Atom Opteron Opteron_SSE3 Barcelona Bobcat "},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* KINDS: of none, or "Prescott", which it also takes a CPU for that it doesn't know. */
static int kind_of_core(const char *core) {
    char word[40];
    snprintf(word, sizeof word, " %s ", core);
    for (int i = 0; i < KINDS; i++)
        if (strcasestr(kinds[i].names, word)) return i;
    return KINDS;
}

/* What the ISA and the CPU allow; KINDS: not an x86-64 ISA. */
static int kind_wanted(const char *isa) {
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    int i = 0;
    while (i < KINDS && strcmp(kinds[i].isa, isa) != 0)
        i++;
    while (i < KINDS && !strstr(cpu.features, kinds[i].feature))
        i++;
    return i;
}

/* Loads it. false: refusal says why. */
static bool load_library(void) {
    void *library = dlopen(LW_PEER_OPENBLAS, RTLD_NOW | RTLD_LOCAL);
    const struct {
        const char *name;
        void *function;
    } symbols[] = {{"openblas_set_num_threads", &blas.set_num_threads},
                   {"openblas_get_corename", &blas.get_corename},
                   {"openblas_get_config", &blas.get_config},
                   {"cblas_sgemm", &blas.sgemm},
                   {"cblas_sgemv", &blas.sgemv}};
    bool good = library != NULL;
    for (size_t i = 0; good && i < sizeof symbols / sizeof *symbols; i++) {
        void *found = dlsym(library, symbols[i].name);
        memcpy(symbols[i].function, &found, sizeof found);
        good = found != NULL;
    }
    if (!good) snprintf(blas.refusal, sizeof blas.refusal, "OpenBLAS: %s", dlerror());
    return good;
}

/* The core that it would choose by itself, seen in a child process; "" if that can't be seen. */
static void ask_core(char core[32]) {
    int ends[2];
    *core = '\0';
    if (pipe(ends) != 0) return;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        const char *name = load_library() ? blas.get_corename() : "";
        _exit(write(ends[1], name, strlen(name)) < 0);
    }
    close(ends[1]);
    ssize_t size = child > 0 ? read(ends[0], core, 31) : 0;
    core[size > 0 ? size : 0] = '\0';
    close(ends[0]);
    if (child > 0) waitpid(child, NULL, 0);
}

static void set_core_type(const char *isa) {
    int wanted = kind_wanted(isa);
    char core[32];
    if (getenv("OPENBLAS_CORETYPE") || wanted == KINDS) return;
    ask_core(core);
    if (*core && kind_of_core(core) != wanted) setenv("OPENBLAS_CORETYPE", kinds[wanted].type, 1);
}

static void start(const char *isa, char version[LW_PEER_TEXT]) {
    if (!blas.sgemm && !*blas.refusal) {
        set_core_type(isa);
        if (load_library()) snprintf(blas.core, sizeof blas.core, "%s", blas.get_corename());
    }
    char name[32] = "";
    if (blas.sgemm) sscanf(blas.get_config(), "OpenBLAS %31s", name);
    snprintf(version, LW_PEER_TEXT, "%s", *name ? name : "can't be loaded");
}

/* ---- what isn't a product ------------------------------------------------------------------------------ */

/* One row of a column matrix: source pixels a stride apart, zeros where they lie in the padding. */
static void copy_row(float *to, const float *row, const lw_desc *d, int64_t count, int64_t first) {
    int64_t stride = d->stride_w, begin = first < 0 ? (-first + stride - 1) / stride : 0;
    int64_t end = d->iw > first ? (d->iw - first + stride - 1) / stride : 0;
    if (begin > count) begin = count;
    if (end > count) end = count;
    if (end < begin) end = begin;
    memset(to, 0, (size_t)begin * sizeof *to);
    if (stride == 1)
        memcpy(to + begin, row + first + begin, (size_t)(end - begin) * sizeof *to);
    else
        for (int64_t x = begin; x < end; x++)
            to[x] = row[first + x * stride];
    memset(to + end, 0, (size_t)(count - end) * sizeof *to);
}

/* columns[c][i][j][y][x]: for each input channel of a group and each tap what it meets at every output. */
static void im2col(const struct openblas_op *op, const float *src) {
    const lw_desc *d = &op->desc;
    float *to = op->columns;
    for (int64_t c = 0; c < d->ic / d->groups; c++)
        for (int64_t i = 0; i < d->kh; i++)
            for (int64_t j = 0; j < d->kw; j++)
                for (int64_t y = 0; y < op->conv_h; y++, to += op->conv_w) {
                    int64_t row = y * d->stride_h - d->pad_top + i * d->dilation_h;
                    if (row < 0 || row >= d->ih)
                        memset(to, 0, (size_t)op->conv_w * sizeof *to);
                    else
                        copy_row(to, src + (c * d->ih + row) * d->iw, d, op->conv_w,
                                 j * d->dilation_w - d->pad_left);
                }
}

static float tail(float value, float bias, bool relu) {
    value += bias;
    return relu && value < 0 ? 0 : value;
}

static float max4(float a, float b, float c, float d) {
    float left = a > b ? a : b, right = c > d ? c : d;
    return left > right ? left : right;
}

/* One image: bias and ReLU in place, or with the pool from sums to dst. */
static void finish(const struct openblas_op *op, const float *sums, float *dst) {
    const lw_desc *d = &op->desc;
    int64_t height = op->conv_h, width = op->conv_w;
    for (int64_t o = 0; o < d->oc; o++, sums += height * width) {
        float bias = op->bias ? op->bias[o] : 0;
        if (d->pool2x2) {
            for (int64_t y = 0; y + 1 < height; y += 2)
                for (int64_t x = 0; x + 1 < width; x += 2) {
                    const float *s = sums + y * width + x;
                    *dst++ = tail(max4(s[0], s[1], s[width], s[width + 1]), bias, d->relu);
                }
        } else if (op->bias || d->relu) {
            for (int64_t i = 0; i < height * width; i++)
                dst[i] = tail(dst[i], bias, d->relu);
            dst += height * width;
        }
    }
}

static void softmax(const float *src, float *dst, int64_t classes) {
    float most = src[0], sum = 0;
    for (int64_t i = 1; i < classes; i++)
        most = fmaxf(most, src[i]);
    for (int64_t i = 0; i < classes; i++)
        sum += dst[i] = expf(src[i] - most);
    for (int64_t i = 0; i < classes; i++)
        dst[i] /= sum;
}

/* ---- operations ---------------------------------------------------------------------------------------- */

static void run_conv(struct openblas_op *op) {
    const lw_desc *d = &op->desc;
    int64_t rows = d->oc / d->groups, inner = d->ic / d->groups, taps = inner * d->kh * d->kw;
    int64_t pixels = op->conv_h * op->conv_w, out = (int64_t)lw_dst_floats(d) / d->batch;
    for (int64_t n = 0; n < d->batch; n++) {
        float *dst = op->dst + n * out, *sums = op->sums ? op->sums : dst;
        for (int64_t g = 0; g < d->groups; g++) {
            const float *src = op->src + (n * d->ic + g * inner) * d->ih * d->iw;
            if (op->columns) im2col(op, src);
            blas.sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)rows, (blasint)pixels,
                       (blasint)taps, 1, op->weights + g * rows * taps, (blasint)taps,
                       op->columns ? op->columns : src, (blasint)pixels, 0, sums + g * rows * pixels,
                       (blasint)pixels);
        }
        finish(op, sums, dst);
    }
}

static void run_linear(struct openblas_op *op) {
    const lw_desc *d = &op->desc;
    blasint in = (blasint)(d->ic * d->ih * d->iw), out = (blasint)d->oc;
    if (d->batch == 1)
        blas.sgemv(CblasRowMajor, CblasNoTrans, out, in, 1, op->weights, in, op->src, 1, 0, op->dst, 1);
    else
        blas.sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)d->batch, out, in, 1, op->src, in,
                   op->weights, in, 0, op->dst, out);
    for (int64_t n = 0; n < d->batch; n++)
        for (int64_t o = 0; o < d->oc; o++)
            op->dst[n * d->oc + o] = tail(op->dst[n * d->oc + o], op->bias ? op->bias[o] : 0, d->relu);
}

static void run(struct lw_peer_op *base) {
    struct openblas_op *op = (struct openblas_op *)base;
    const lw_desc *d = &op->desc;
    if (d->op == LW_CONV) run_conv(op);
    if (d->op == LW_LINEAR) run_linear(op);
    for (int64_t n = 0; d->op == LW_SOFTMAX && n < d->batch; n++)
        softmax(op->src + n * d->ic, op->dst + n * d->ic, d->ic);
}

static bool supports(const struct lw_peer_row *row, const struct lw_peer_problem *p, char why[LW_PEER_TEXT]) {
    (void)row;
    const char *reason = *blas.refusal ? blas.refusal : NULL;
    if (p->desc->op == LW_SOFTMAX && !p->from)
        reason = "OpenBLAS has no softmax: only a model's end is given one";
    if (reason) snprintf(why, LW_PEER_TEXT, "%s", reason);
    return !reason;
}

static void destroy(struct lw_peer_op *base) {
    struct openblas_op *op = (struct openblas_op *)base;
    if (!op) return;
    if (op->owns_src) free(op->src);
    float *const own[] = {op->weights, op->bias, op->dst, op->columns, op->sums};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        free(own[i]);
    free(op);
}

static bool allocate(float **to, size_t count, const float *values) {
    *to = aligned_alloc(64, (count * sizeof **to + 63) / 64 * 64);
    if (*to && values) memcpy(*to, values, count * sizeof **to);
    return *to != NULL;
}

static bool make_buffers(struct openblas_op *op, const struct lw_peer_problem *p) {
    const lw_desc *d = p->desc;
    lw_desc whole = *d;
    int64_t oc;
    whole.pool2x2 = false;
    lw_desc_output(&whole, &oc, &op->conv_h, &op->conv_w);
    bool conv = d->op == LW_CONV, plain = d->kh * d->kw == 1 && d->stride_h * d->stride_w == 1 &&
                                          op->conv_h == d->ih && op->conv_w == d->iw;
    size_t taps = (size_t)(d->ic / d->groups * d->kh * d->kw), pixels = (size_t)(op->conv_h * op->conv_w);
    op->owns_src = !p->from;
    if (p->from) op->src = ((const struct openblas_op *)p->from)->dst;
    return (p->from || allocate(&op->src, lw_src_floats(d), NULL)) &&
           allocate(&op->dst, lw_dst_floats(d), NULL) &&
           (d->op == LW_SOFTMAX || allocate(&op->weights, lw_weight_floats(d), p->weights)) &&
           (!d->bias || allocate(&op->bias, (size_t)d->oc, p->bias)) &&
           (!conv || plain || allocate(&op->columns, taps * pixels, NULL)) &&
           (!d->pool2x2 || allocate(&op->sums, (size_t)d->oc * pixels, NULL));
}

extern const struct lw_peer lw_peer_openblas;

static struct lw_peer_op *create(const struct lw_peer_row *row, const struct lw_peer_problem *p,
                                 char why[LW_PEER_TEXT]) {
    if (!supports(row, p, why)) return NULL;
    struct openblas_op *op = calloc(1, sizeof *op);
    if (!op || (op->desc = *p->desc, !make_buffers(op, p))) {
        snprintf(why, LW_PEER_TEXT, "OpenBLAS: out of memory");
        if (op) destroy(&op->base);
        return NULL;
    }
    blas.set_num_threads(p->threads);
    op->base.peer = &lw_peer_openblas;
    snprintf(op->base.how, sizeof op->base.how, "%s", blas.core);
    return &op->base;
}

static void load(struct lw_peer_op *base, const float *src_nchw) {
    struct openblas_op *op = (struct openblas_op *)base;
    memcpy(op->src, src_nchw, lw_src_floats(&op->desc) * sizeof *op->src);
}

static void store(struct lw_peer_op *base, float *dst_nchw) {
    struct openblas_op *op = (struct openblas_op *)base;
    memcpy(dst_nchw, op->dst, lw_dst_floats(&op->desc) * sizeof *dst_nchw);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

/* Its own layout is NCHW, so the "+nchw" rows do the same: they stand beside the other libraries' of that
 * name. */
static const struct lw_peer_row rows[] = {
    {"openblas:im2col", LW_CONV, LW_PEER_OWN, 0},  {"openblas:im2col+nchw", LW_CONV, LW_NCHW, 0},
    {"openblas:sgemm", LW_LINEAR, LW_PEER_OWN, 0}, {"openblas:sgemm+nchw", LW_LINEAR, LW_NCHW, 0},
    {"openblas:softmax", LW_SOFTMAX, LW_NCHW, 0},
};

const struct lw_peer lw_peer_openblas = {
    .name = "openblas",
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
