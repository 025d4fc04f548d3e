/* The C API of oneDNN 2 and 3, where they differ, under one set of names. Memory descriptors are pointers
 * here: version 3 has them so, version 2 has structures. */
#ifndef LW_ONEDNN_API_H
#define LW_ONEDNN_API_H

#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t api_md;
typedef const_dnnl_memory_desc_t api_const_md;
#else
typedef dnnl_memory_desc_t *api_md;
typedef const dnnl_memory_desc_t *api_const_md;
#endif

/* Everything that a primitive descriptor is made of; what the operation doesn't have is 0. */
struct api_op {
    dnnl_alg_kind_t alg;
    api_const_md src, weights, bias, dst;
    dnnl_dims_t strides, kernel, dilation, pad_l, pad_r; /* dilation: 0 is dense */
    dnnl_primitive_attr_t attr;
};

static inline void api_md_destroy(api_md md) {
#if DNNL_VERSION_MAJOR >= 3
    if (md) dnnl_memory_desc_destroy(md);
#else
    free(md);
#endif
}

/* NULL: not possible. */
static inline api_md api_md_create(int ndims, const int64_t *shape, dnnl_format_tag_t tag) {
    api_md md = NULL;
    dnnl_dims_t dims = {0};
    memcpy(dims, shape, (size_t)ndims * sizeof *dims);
#if DNNL_VERSION_MAJOR >= 3
    if (dnnl_memory_desc_create_with_tag(&md, ndims, dims, dnnl_f32, tag) != dnnl_success) return NULL;
#else
    md = malloc(sizeof *md);
    if (md && dnnl_memory_desc_init_by_tag(md, ndims, dims, dnnl_f32, tag) != dnnl_success) {
        free(md);
        return NULL;
    }
#endif
    return md;
}

static inline dnnl_status_t api_append_relu(dnnl_post_ops_t ops) {
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0, 0);
#else
    return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0);
#endif
}

/* ---- primitive descriptors ----------------------------------------------------------------------------- */

#if DNNL_VERSION_MAJOR >= 3

static inline dnnl_status_t api_convolution(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                            const struct api_op *o) {
    return dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, o->alg, o->src,
                                                          o->weights, o->bias, o->dst, o->strides,
                                                          o->dilation, o->pad_l, o->pad_r, o->attr);
}

static inline dnnl_status_t api_inner_product(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                              const struct api_op *o) {
    return dnnl_inner_product_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, o->src,
                                                            o->weights, o->bias, o->dst, o->attr);
}

static inline dnnl_status_t api_max_pool(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                         const struct api_op *o) {
    return dnnl_pooling_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, dnnl_pooling_max,
                                                      o->src, o->dst, o->strides, o->kernel, o->dilation,
                                                      o->pad_l, o->pad_r, o->attr);
}

static inline dnnl_status_t api_relu(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                     const struct api_op *o) {
    return dnnl_eltwise_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, dnnl_eltwise_relu,
                                                      o->src, o->dst, 0, 0, o->attr);
}

static inline dnnl_status_t api_softmax(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                        const struct api_op *o) {
    return dnnl_softmax_forward_primitive_desc_create(pd, engine, dnnl_forward_inference,
                                                      dnnl_softmax_accurate, o->src, o->dst, 1, o->attr);
}

#else

static inline dnnl_status_t api_convolution(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                            const struct api_op *o) {
    dnnl_convolution_desc_t d;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &d, dnnl_forward_inference, o->alg, o->src, o->weights, o->bias, o->dst, o->strides, o->dilation,
        o->pad_l, o->pad_r);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, o->attr, engine, NULL) : status;
}

static inline dnnl_status_t api_inner_product(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                              const struct api_op *o) {
    dnnl_inner_product_desc_t d;
    dnnl_status_t status =
        dnnl_inner_product_forward_desc_init(&d, dnnl_forward_inference, o->src, o->weights, o->bias, o->dst);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, o->attr, engine, NULL) : status;
}

static inline dnnl_status_t api_max_pool(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                         const struct api_op *o) {
    dnnl_pooling_v2_desc_t d;
    dnnl_status_t status =
        dnnl_pooling_v2_forward_desc_init(&d, dnnl_forward_inference, dnnl_pooling_max, o->src, o->dst,
                                          o->strides, o->kernel, o->dilation, o->pad_l, o->pad_r);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, o->attr, engine, NULL) : status;
}

static inline dnnl_status_t api_relu(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                     const struct api_op *o) {
    dnnl_eltwise_desc_t d;
    dnnl_status_t status =
        dnnl_eltwise_forward_desc_init(&d, dnnl_forward_inference, dnnl_eltwise_relu, o->src, 0, 0);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, o->attr, engine, NULL) : status;
}

static inline dnnl_status_t api_softmax(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                        const struct api_op *o) {
    dnnl_softmax_desc_t d;
    dnnl_status_t status = dnnl_softmax_forward_desc_init(&d, dnnl_forward_inference, o->src, 1);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, o->attr, engine, NULL) : status;
}

#endif
#endif
