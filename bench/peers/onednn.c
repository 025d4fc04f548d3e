/* oneDNN, versions 2 and 3: convolution, linear, max pool, ReLU and softmax. Weights are in the format that
 * the library asks for; ReLU is a post-op, a fused 2x2 pool a second primitive. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

#include "onednn_api.h"
#include "peer.h"

enum { MAX_STEPS = 4, MAX_MEMORIES = 9, MAX_ARGS = 4 };

struct step {
    dnnl_primitive_t primitive;
    int count;
    dnnl_exec_arg_t args[MAX_ARGS];
};

struct onednn_op {
    struct lw_peer_op base;
    struct step steps[MAX_STEPS]; /* from src to dst */
    int step_count;
    dnnl_memory_t memories[MAX_MEMORIES]; /* its own */
    int memory_count;
    dnnl_memory_t src, dst;
    int64_t src_dims[4], dst_dims[4]; /* NCHW */
};

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static const dnnl_version_t *version;

/* ---- starting ------------------------------------------------------------------------------------------ */

static void start(const char *isa, char text[LW_PEER_TEXT]) {
    static const struct {
        const char *isa;
        dnnl_cpu_isa_t cap;
    } caps[] = {{"avx2", dnnl_cpu_isa_avx2}, {"scalar", dnnl_cpu_isa_sse41}}; /* it knows nothing less */
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
        if (strcmp(isa, caps[i].isa) == 0) dnnl_set_max_cpu_isa(caps[i].cap);
    version = dnnl_version();
    if (!engine) {
        dnnl_engine_create(&engine, dnnl_cpu, 0);
        dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    }
    snprintf(text, LW_PEER_TEXT, "%d.%d.%d", version->major, version->minor, version->patch);
}

/* The library asks OpenMP for the number of threads when a primitive descriptor is made. */
static bool set_threads(int threads, char why[LW_PEER_TEXT]) {
    void (*set)(int) = NULL;
    void *found = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    memcpy(&set, &found, sizeof set);
    if (version->cpu_runtime == DNNL_RUNTIME_OMP && set) {
        set(threads);
        return true;
    }
    if (version->cpu_runtime == DNNL_RUNTIME_SEQ && threads == 1) return true;
    snprintf(why, LW_PEER_TEXT, "this oneDNN isn't built with OpenMP: it can't be told to use %d threads",
             threads);
    return false;
}

/* ---- descriptors --------------------------------------------------------------------------------------- */

/* The primitive descriptors of one operation, and the shapes around them. */
struct recipe {
    dnnl_primitive_desc_t main, pool; /* pool NULL: none */
    api_md src, weights, bias, dst;   /* what was asked for, "any" mostly */
    api_md pooled;
    int ndims; /* of the destination: 2 after linear and softmax */
    int64_t src_dims[4], conv_dims[4], dst_dims[4], weight_dims[5], bias_dim[1];
    int weight_ndims;
};

static dnnl_format_tag_t tag_of(int ndims, lw_layout layout) {
    if (ndims == 2) return dnnl_ab;
    if (layout == LW_BLOCKED) {
        bool wide = dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core;
        return wide ? dnnl_nChw16c : dnnl_nChw8c;
    }
    return layout == LW_NHWC ? dnnl_nhwc : layout == LW_NCHW ? dnnl_nchw : dnnl_format_tag_any;
}

static void set_dims(struct recipe *r, const lw_desc *d) {
    lw_desc whole = *d;
    whole.pool2x2 = false;
    int64_t *c = r->conv_dims, *y = r->dst_dims, oc;
    lw_desc_output(&whole, &oc, &c[2], &c[3]);
    lw_desc_output(d, &oc, &y[2], &y[3]);
    c[0] = y[0] = r->src_dims[0] = d->batch;
    c[1] = y[1] = r->bias_dim[0] = oc;
    r->src_dims[1] = d->ic;
    r->src_dims[2] = d->ih;
    r->src_dims[3] = d->iw;
    r->ndims = d->op == LW_LINEAR || d->op == LW_SOFTMAX ? 2 : 4;
    if (d->op == LW_LINEAR) {
        memcpy(r->weight_dims, (int64_t[]){oc, d->ic, d->ih, d->iw}, 4 * sizeof(int64_t));
        r->weight_ndims = 4;
    } else {
        int64_t g = d->groups, shape[] = {g, oc / g, d->ic / g, d->kh, d->kw};
        r->weight_ndims = g > 1 ? 5 : 4;
        memcpy(r->weight_dims, shape + 5 - r->weight_ndims, (size_t)r->weight_ndims * sizeof *shape);
    }
}

static struct api_op window(const lw_desc *d) {
    struct api_op o = {.strides = {d->stride_h, d->stride_w},
                       .kernel = {d->kh, d->kw},
                       .dilation = {d->dilation_h - 1, d->dilation_w - 1},
                       .pad_l = {d->pad_top, d->pad_left},
                       .pad_r = {d->pad_bottom, d->pad_right}};
    return o;
}

static dnnl_status_t add_relu(dnnl_primitive_attr_t attr) {
    dnnl_post_ops_t ops;
    dnnl_status_t status = dnnl_post_ops_create(&ops);
    if (status != dnnl_success) return status;
    status = api_append_relu(ops);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    return status;
}

static dnnl_status_t make_main(struct recipe *r, const lw_desc *d, dnnl_alg_kind_t alg) {
    static dnnl_status_t (*const makers[LW_OP_COUNT])(dnnl_primitive_desc_t *, dnnl_engine_t,
                                                      const struct api_op *) = {
        [LW_CONV] = api_convolution, [LW_MAXPOOL] = api_max_pool, [LW_LINEAR] = api_inner_product,
        [LW_RELU] = api_relu,        [LW_SOFTMAX] = api_softmax,
    };
    struct api_op o = window(d);
    o.alg = alg;
    o.src = r->src;
    o.weights = r->weights;
    o.bias = r->bias;
    o.dst = r->dst;
    dnnl_status_t status = dnnl_primitive_attr_create(&o.attr);
    if (status == dnnl_success && d->relu) status = add_relu(o.attr);
    if (status == dnnl_success) status = makers[d->op](&r->main, engine, &o);
    dnnl_primitive_attr_destroy(o.attr);
    return status;
}

static dnnl_status_t make_pool(struct recipe *r) {
    lw_desc d = lw_maxpool2d(1, 1, 2, 2, 2, 2, 0);
    struct api_op o = window(&d);
    o.src = dnnl_primitive_desc_query_md(r->main, dnnl_query_dst_md, 0);
    o.dst = r->pooled;
    return api_max_pool(&r->pool, engine, &o);
}

static void free_recipe(struct recipe *r) {
    if (r->main) dnnl_primitive_desc_destroy(r->main);
    if (r->pool) dnnl_primitive_desc_destroy(r->pool);
    api_md *const mds[] = {&r->src, &r->weights, &r->bias, &r->dst, &r->pooled};
    for (size_t i = 0; i < sizeof mds / sizeof *mds; i++)
        api_md_destroy(*mds[i]);
    *r = (struct recipe){0};
}

static api_const_md md_of(dnnl_memory_t memory) {
    api_const_md md = NULL;
    dnnl_memory_get_memory_desc(memory, &md);
    return md;
}

static bool make_recipe(struct recipe *r, const struct lw_peer_row *row, const struct lw_peer_problem *p,
                        char why[LW_PEER_TEXT]) {
    const lw_desc *d = p->desc;
    bool weighted = d->op == LW_CONV || d->op == LW_LINEAR;
    lw_layout inner = weighted ? LW_PEER_OWN : row->layout;
    *r = (struct recipe){0};
    if (!set_threads(p->threads, why)) return false;
    set_dims(r, d);
    int src_ndims = d->op == LW_SOFTMAX ? 2 : 4;
    r->src = api_md_create(src_ndims, r->src_dims, tag_of(src_ndims, inner));
    r->dst = api_md_create(r->ndims, r->conv_dims, weighted ? dnnl_format_tag_any : tag_of(r->ndims, inner));
    if (weighted) r->weights = api_md_create(r->weight_ndims, r->weight_dims, dnnl_format_tag_any);
    if (d->bias) r->bias = api_md_create(1, r->bias_dim, dnnl_a);
    if (d->pool2x2) r->pooled = api_md_create(4, r->dst_dims, dnnl_format_tag_any);
    dnnl_status_t status = make_main(r, d, (dnnl_alg_kind_t)row->variant);
    if (status == dnnl_success && d->pool2x2) status = make_pool(r);
    if (status == dnnl_success) return true;
    snprintf(why, LW_PEER_TEXT, "oneDNN %d.%d.%d %s", version->major, version->minor, version->patch,
             status == dnnl_unimplemented ? "has no such primitive for this problem here" : "refuses it");
    free_recipe(r);
    return false;
}

static bool supports(const struct lw_peer_row *row, const struct lw_peer_problem *p, char why[LW_PEER_TEXT]) {
    struct recipe r;
    if (!make_recipe(&r, row, p, why)) return false;
    free_recipe(&r);
    return true;
}

/* ---- data ---------------------------------------------------------------------------------------------- */

/* One copy, at once. */
static bool reorder(dnnl_memory_t from, dnnl_memory_t to) {
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    bool good = dnnl_reorder_primitive_desc_create(&pd, md_of(from), engine, md_of(to), engine, NULL) ==
                    dnnl_success &&
                dnnl_primitive_create(&primitive, pd) == dnnl_success &&
                dnnl_primitive_execute(primitive, stream, 2, args) == dnnl_success &&
                dnnl_stream_wait(stream) == dnnl_success;
    if (primitive) dnnl_primitive_destroy(primitive);
    if (pd) dnnl_primitive_desc_destroy(pd);
    return good;
}

/* Caller's data as a memory of the library; NULL: not possible. */
static dnnl_memory_t wrap(const float *data, int ndims, const int64_t *dims, dnnl_format_tag_t tag) {
    dnnl_memory_t memory = NULL;
    api_md md = api_md_create(ndims, dims, tag);
    if (md) dnnl_memory_create(&memory, md, engine, (void *)(uintptr_t)data);
    api_md_destroy(md);
    return memory;
}

static dnnl_memory_t make_memory(struct onednn_op *op, api_const_md md) {
    dnnl_memory_t memory = NULL;
    if (!md || dnnl_memory_create(&memory, md, engine, DNNL_MEMORY_ALLOCATE) != dnnl_success) return NULL;
    op->memories[op->memory_count++] = memory;
    return memory;
}

/* Weights or bias in the format that the primitive wants. */
static dnnl_memory_t pack(struct onednn_op *op, const float *data, int ndims, const int64_t *dims,
                          api_const_md wanted) {
    static const dnnl_format_tag_t plain[] = {0, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde};
    dnnl_memory_t from = wrap(data, ndims, dims, plain[ndims]), to = make_memory(op, wanted);
    bool good = from && to && reorder(from, to);
    if (from) dnnl_memory_destroy(from);
    return good ? to : NULL;
}

static int ndims_of(const int64_t dims[4], api_const_md md) {
    int64_t flat[] = {dims[0], dims[1]};
    api_md two = api_md_create(2, flat, dnnl_ab);
    bool is_flat = two && dnnl_memory_desc_equal(two, md);
    api_md_destroy(two);
    return is_flat ? 2 : 4;
}

static void load(struct lw_peer_op *base, const float *src_nchw) {
    struct onednn_op *op = (struct onednn_op *)base;
    int ndims = ndims_of(op->src_dims, md_of(op->src));
    dnnl_memory_t from = wrap(src_nchw, ndims, op->src_dims, tag_of(ndims, LW_NCHW));
    if (!from) return;
    reorder(from, op->src);
    dnnl_memory_destroy(from);
}

static void store(struct lw_peer_op *base, float *dst_nchw) {
    struct onednn_op *op = (struct onednn_op *)base;
    int ndims = ndims_of(op->dst_dims, md_of(op->dst));
    dnnl_memory_t to = wrap(dst_nchw, ndims, op->dst_dims, tag_of(ndims, LW_NCHW));
    if (!to) return;
    reorder(op->dst, to);
    dnnl_memory_destroy(to);
}

/* ---- operations ---------------------------------------------------------------------------------------- */

static bool add_step(struct onednn_op *op, const_dnnl_primitive_desc_t pd, const dnnl_exec_arg_t *args,
                     int count) {
    struct step *s = &op->steps[op->step_count];
    if (dnnl_primitive_create(&s->primitive, pd) != dnnl_success) return false;
    op->step_count++;
    for (int i = 0; i < count; i++)
        if (args[i].memory) s->args[s->count++] = args[i];
    return true;
}

static bool add_reorder(struct onednn_op *op, dnnl_memory_t from, dnnl_memory_t to) {
    dnnl_primitive_desc_t pd = NULL;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    if (dnnl_reorder_primitive_desc_create(&pd, md_of(from), engine, md_of(to), engine, NULL) != dnnl_success)
        return false;
    bool good = add_step(op, pd, args, 2);
    dnnl_primitive_desc_destroy(pd);
    return good;
}

/* The memory that the primitive reads, fed from what the row is given; NULL: not possible. */
static dnnl_memory_t feed(struct onednn_op *op, const struct recipe *r, const struct lw_peer_row *row,
                          const struct lw_peer_op *from, int ndims) {
    api_const_md wanted = dnnl_primitive_desc_query_md(r->main, dnnl_query_src_md, 0);
    if (from) {
        op->src = ((const struct onednn_op *)from)->dst;
    } else {
        api_md given =
            row->layout == LW_PEER_OWN ? NULL : api_md_create(ndims, r->src_dims, tag_of(ndims, row->layout));
        op->src = make_memory(op, given ? given : wanted);
        api_md_destroy(given);
    }
    if (!op->src || dnnl_memory_desc_equal(md_of(op->src), wanted)) return op->src;
    dnnl_memory_t inner = make_memory(op, wanted);
    return inner && add_reorder(op, op->src, inner) ? inner : NULL;
}

/* Hands on what the last primitive wrote. */
static bool deliver(struct onednn_op *op, const struct recipe *r, const struct lw_peer_row *row,
                    dnnl_memory_t last) {
    op->dst = last;
    if (!last || row->layout == LW_PEER_OWN) return last != NULL;
    api_md wanted = api_md_create(r->ndims, r->dst_dims, tag_of(r->ndims, row->layout));
    bool good = wanted != NULL;
    if (good && !dnnl_memory_desc_equal(md_of(last), wanted)) {
        op->dst = make_memory(op, wanted);
        good = op->dst && add_reorder(op, last, op->dst);
    }
    api_md_destroy(wanted);
    return good;
}

static bool add_steps(struct onednn_op *op, const struct recipe *r, const struct lw_peer_row *row,
                      const struct lw_peer_problem *p) {
    dnnl_memory_t weights = NULL, bias = NULL, src, dst, pooled;
    src = feed(op, r, row, p->from, p->desc->op == LW_SOFTMAX ? 2 : 4);
    dst = make_memory(op, dnnl_primitive_desc_query_md(r->main, dnnl_query_dst_md, 0));
    if (!src || !dst) return false;
    if (r->weights) {
        weights = pack(op, p->weights, r->weight_ndims, r->weight_dims,
                       dnnl_primitive_desc_query_md(r->main, dnnl_query_weights_md, 0));
        if (!weights) return false;
    }
    if (r->bias && !(bias = pack(op, p->bias, 1, r->bias_dim, r->bias))) return false;
    dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, src}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_BIAS, bias}, {DNNL_ARG_DST, dst}};
    if (!add_step(op, r->main, args, 4)) return false;
    if (!r->pool) return deliver(op, r, row, dst);
    pooled = make_memory(op, dnnl_primitive_desc_query_md(r->pool, dnnl_query_dst_md, 0));
    dnnl_exec_arg_t pool_args[] = {{DNNL_ARG_SRC, dst}, {DNNL_ARG_DST, pooled}};
    return pooled && add_step(op, r->pool, pool_args, 2) && deliver(op, r, row, pooled);
}

static void destroy(struct lw_peer_op *base) {
    struct onednn_op *op = (struct onednn_op *)base;
    if (!op) return;
    for (int i = 0; i < op->step_count; i++)
        dnnl_primitive_destroy(op->steps[i].primitive);
    for (int i = 0; i < op->memory_count; i++)
        dnnl_memory_destroy(op->memories[i]);
    free(op);
}

extern const struct lw_peer lw_peer_onednn;

static struct lw_peer_op *create(const struct lw_peer_row *row, const struct lw_peer_problem *p,
                                 char why[LW_PEER_TEXT]) {
    struct recipe r;
    if (!make_recipe(&r, row, p, why)) return NULL;
    struct onednn_op *op = calloc(1, sizeof *op);
    const char *how = "";
    dnnl_primitive_desc_query(r.main, dnnl_query_impl_info_str, 0, &how);
    bool good = op && add_steps(op, &r, row, p);
    if (good) {
        op->base.peer = &lw_peer_onednn;
        op->base.winograd = strstr(how, "wino") != NULL;
        snprintf(op->base.how, sizeof op->base.how, "%s", how);
        memcpy(op->src_dims, r.src_dims, sizeof op->src_dims);
        memcpy(op->dst_dims, r.dst_dims, sizeof op->dst_dims);
    } else {
        snprintf(why, LW_PEER_TEXT, "oneDNN %d.%d.%d: out of memory, or a conversion it can't do",
                 version->major, version->minor, version->patch);
        if (op) destroy(&op->base);
    }
    free_recipe(&r);
    return good ? &op->base : NULL;
}

static void run(struct lw_peer_op *base) {
    struct onednn_op *op = (struct onednn_op *)base;
    for (int i = 0; i < op->step_count; i++)
        dnnl_primitive_execute(op->steps[i].primitive, stream, op->steps[i].count, op->steps[i].args);
    dnnl_stream_wait(stream);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static const struct lw_peer_row rows[] = {
    {"onednn:default", LW_CONV, LW_PEER_OWN, dnnl_convolution_auto},
    {"onednn:direct", LW_CONV, LW_PEER_OWN, dnnl_convolution_direct},
    {"onednn:winograd", LW_CONV, LW_PEER_OWN, dnnl_convolution_winograd},
    {"onednn:default+nchw", LW_CONV, LW_NCHW, dnnl_convolution_auto},
    {"onednn:direct+nchw", LW_CONV, LW_NCHW, dnnl_convolution_direct},
    {"onednn:winograd+nchw", LW_CONV, LW_NCHW, dnnl_convolution_winograd},
    {"onednn:default", LW_LINEAR, LW_PEER_OWN, 0},
    {"onednn:default+nchw", LW_LINEAR, LW_NCHW, 0},
    {"onednn:nchw", LW_MAXPOOL, LW_NCHW, 0},
    {"onednn:nhwc", LW_MAXPOOL, LW_NHWC, 0},
    {"onednn:blocked", LW_MAXPOOL, LW_BLOCKED, 0},
    {"onednn:nchw", LW_RELU, LW_NCHW, 0},
    {"onednn:nhwc", LW_RELU, LW_NHWC, 0},
    {"onednn:blocked", LW_RELU, LW_BLOCKED, 0},
    {"onednn:nchw", LW_SOFTMAX, LW_NCHW, 0},
};

const struct lw_peer lw_peer_onednn = {
    .name = "onednn",
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
