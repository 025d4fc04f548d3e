#include <inttypes.h>
#include <stdio.h>
#include "dispatch/error.h"
#include "dispatch/size.h"
#include "kernel.h"

/* Nothing that is computed from a checked descriptor overflows int64: fields fit in 30 bits, tensors (blocked
 * and padded, whatever the layout) in 46 and multiply-adds in 60. */
#define FIELD_LIMIT  ((int64_t)1 << 30)
#define TENSOR_LIMIT ((int64_t)1 << 46)
#define WORK_LIMIT   ((int64_t)1 << 60)

static const char *const op_names[] = {[LW_CONV] = "conv",
                                       [LW_MAXPOOL] = "maxpool",
                                       [LW_LINEAR] = "linear",
                                       [LW_RELU] = "relu",
                                       [LW_SOFTMAX] = "softmax"};

const char *lw_op_name(lw_op op) { return (unsigned)op < LW_OP_COUNT ? op_names[op] : "?"; }

/* ---- constructors -------------------------------------------------------------------------------------- */

static lw_desc plain(lw_op op, int64_t batch, int64_t ic, int64_t ih, int64_t iw, int64_t oc) {
    return (lw_desc){.op = op,
                     .src_layout = LW_NCHW,
                     .dst_layout = LW_NCHW,
                     .batch = batch,
                     .groups = 1,
                     .ic = ic,
                     .ih = ih,
                     .iw = iw,
                     .oc = oc,
                     .kh = 1,
                     .kw = 1,
                     .stride_h = 1,
                     .stride_w = 1,
                     .dilation_h = 1,
                     .dilation_w = 1};
}

lw_desc lw_conv2d(int64_t batch, int64_t ic, int64_t ih, int64_t iw, int64_t oc, int64_t kh, int64_t kw) {
    lw_desc d = plain(LW_CONV, batch, ic, ih, iw, oc);
    d.kh = kh;
    d.kw = kw;
    d.bias = true;
    return d;
}

lw_desc lw_maxpool2d(int64_t batch, int64_t channels, int64_t ih, int64_t iw, int64_t kernel, int64_t stride,
                     int64_t pad) {
    lw_desc d = plain(LW_MAXPOOL, batch, channels, ih, iw, channels);
    d.kh = d.kw = kernel;
    d.stride_h = d.stride_w = stride;
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = pad;
    return d;
}

lw_desc lw_linear(int64_t batch, int64_t in_features, int64_t out_features) {
    lw_desc d = plain(LW_LINEAR, batch, in_features, 1, 1, out_features);
    d.bias = true;
    return d;
}

lw_desc lw_relu(int64_t batch, int64_t channels, int64_t ih, int64_t iw) {
    return plain(LW_RELU, batch, channels, ih, iw, channels);
}

lw_desc lw_softmax(int64_t batch, int64_t classes) {
    return plain(LW_SOFTMAX, batch, classes, 1, 1, classes);
}

/* ---- checks: each returns the first fault -------------------------------------------------------------- */

struct field {
    const char *name;
    int64_t value, least;
};

static lw_status check_fields(const struct field *fields, size_t count, lw_error *err) {
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &fields[i];
        if (f->value < f->least)
            return lw_fail(err, LW_ERR_INVALID, "%s is %" PRId64 ", but must be at least %" PRId64, f->name,
                           f->value, f->least);
        if (f->value > FIELD_LIMIT)
            return lw_fail(err, LW_ERR_OVERFLOW, "%s is %" PRId64 ", above the limit of %" PRId64, f->name,
                           f->value, FIELD_LIMIT);
    }
    return LW_OK;
}

static lw_status check_values(const lw_desc *d, lw_error *err) {
    /* A negative far pad must leave at least one row or column. */
    const struct field fields[] = {{"batch", d->batch, 1},
                                   {"groups", d->groups, 1},
                                   {"ic", d->ic, 1},
                                   {"ih", d->ih, 1},
                                   {"iw", d->iw, 1},
                                   {"oc", d->oc, 1},
                                   {"kh", d->kh, 1},
                                   {"kw", d->kw, 1},
                                   {"stride_h", d->stride_h, 1},
                                   {"stride_w", d->stride_w, 1},
                                   {"dilation_h", d->dilation_h, 1},
                                   {"dilation_w", d->dilation_w, 1},
                                   {"pad_top", d->pad_top, 0},
                                   {"pad_left", d->pad_left, 0},
                                   {"pad_bottom", d->pad_bottom, 1 - d->ih},
                                   {"pad_right", d->pad_right, 1 - d->iw}};
    return check_fields(fields, sizeof fields / sizeof *fields, err);
}

/* What an operation doesn't have must be at its neutral value. */
static lw_status check_unused(const lw_desc *d, lw_error *err) {
    bool window = d->op == LW_CONV || d->op == LW_MAXPOOL;
    bool weights = d->op == LW_CONV || d->op == LW_LINEAR;
    bool flat = d->op == LW_SOFTMAX;
    bool square1 = d->kh == 1 && d->kw == 1 && d->stride_h == 1 && d->stride_w == 1 && d->dilation_h == 1 &&
                   d->dilation_w == 1;
    bool unpadded = !d->pad_top && !d->pad_left && !d->pad_bottom && !d->pad_right;
    const struct {
        bool fault;
        const char *text;
    } faults[] = {{!window && !square1, "has no window: kernel, stride and dilation must be 1"},
                  {!window && !unpadded, "has no padding"},
                  {!weights && d->oc != d->ic, "keeps the channels: oc must equal ic"},
                  {!weights && d->bias, "has no bias"},
                  {!weights && d->relu, "has no fused relu"},
                  {d->op != LW_CONV && d->groups != 1, "has no groups: groups must be 1"},
                  {d->op != LW_CONV && d->pool2x2, "has no fused pool"},
                  {d->op == LW_RELU && d->src_layout != d->dst_layout,
                   "keeps the layout: src_layout must equal dst_layout"},
                  {flat && (d->ih != 1 || d->iw != 1), "works on rows: ih and iw must be 1"}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (faults[i].fault) return lw_fail(err, LW_ERR_INVALID, "%s %s", lw_op_name(d->op), faults[i].text);
    return LW_OK;
}

static lw_status check_window(const lw_desc *d, lw_error *err) {
    int64_t oh = lw_out_h(d), ow = lw_out_w(d);
    if (oh < 1 || ow < 1)
        return lw_fail(err, LW_ERR_INVALID,
                       "the window (%" PRId64 "x%" PRId64 ", dilation %" PRId64 "x%" PRId64
                       ") doesn't fit in the padded source (%" PRId64 "x%" PRId64 ")",
                       d->kh, d->kw, d->dilation_h, d->dilation_w, d->ih + d->pad_top + d->pad_bottom,
                       d->iw + d->pad_left + d->pad_right);
    if (d->ic % d->groups || d->oc % d->groups)
        return lw_fail(err, LW_ERR_INVALID,
                       "groups is %" PRId64 ", which must divide ic %" PRId64 " and oc %" PRId64, d->groups,
                       d->ic, d->oc);
    if (d->pool2x2 && (oh < 2 || ow < 2))
        return lw_fail(err, LW_ERR_INVALID,
                       "the fused 2x2 pool needs 2x2 outputs, but there are %" PRId64 "x%" PRId64, oh, ow);
    return LW_OK;
}

/* n*c*h*w, channels in whole blocks, within the limit. */
static bool fits(int64_t n, int64_t c, int64_t h, int64_t w) {
    int64_t size = lw_round_up(c, LW_BLOCK);
    return lw_multiply(&size, n) && lw_multiply(&size, h) && lw_multiply(&size, w) && size <= TENSOR_LIMIT;
}

static lw_status check_sizes(const lw_desc *d, lw_error *err) {
    int64_t oh = lw_out_h(d), ow = lw_out_w(d);
    int64_t padded_h = d->ih + d->pad_top + lw_max(d->pad_bottom, 0);
    int64_t padded_w = d->iw + d->pad_left + lw_max(d->pad_right, 0);
    if (!fits(d->batch, d->ic, padded_h, padded_w))
        return lw_fail(err, LW_ERR_OVERFLOW, "the source is too large (over 2^46 floats)");
    if (!fits(d->batch, d->oc, oh, ow))
        return lw_fail(err, LW_ERR_OVERFLOW, "the destination is too large (over 2^46 floats)");
    bool weights = d->op == LW_CONV || d->op == LW_LINEAR;
    int64_t kh = d->op == LW_LINEAR ? d->ih : d->kh, kw = d->op == LW_LINEAR ? d->iw : d->kw;
    int64_t group_ic = weights ? d->ic / d->groups : 1;
    if (weights && !fits(d->oc, group_ic, kh, kw))
        return lw_fail(err, LW_ERR_OVERFLOW, "the weights are too large (over 2^46 floats)");
    int64_t work = lw_round_up(d->oc, LW_BLOCK) * lw_round_up(group_ic, LW_BLOCK);
    int64_t pixels = d->op == LW_LINEAR ? 1 : oh * ow;
    if (!lw_multiply(&work, kh * kw) || !lw_multiply(&work, pixels) || !lw_multiply(&work, d->batch) ||
        work > WORK_LIMIT)
        return lw_fail(err, LW_ERR_OVERFLOW, "the problem is too large (over 2^60 multiply-adds)");
    return LW_OK;
}

lw_status lw_desc_check(const lw_desc *desc, lw_error *err) {
    if (!desc) return lw_fail(err, LW_ERR_INVALID, "the descriptor is NULL");
    if ((unsigned)desc->op >= LW_OP_COUNT)
        return lw_fail(err, LW_ERR_INVALID, "op is %d, which is no operation", (int)desc->op);
    if ((unsigned)desc->src_layout >= LW_LAYOUT_COUNT || (unsigned)desc->dst_layout >= LW_LAYOUT_COUNT)
        return lw_fail(err, LW_ERR_INVALID, "src_layout %d or dst_layout %d is no layout",
                       (int)desc->src_layout, (int)desc->dst_layout);
    lw_status status = check_values(desc, err);
    if (status == LW_OK) status = check_unused(desc, err);
    if (status == LW_OK) status = check_window(desc, err);
    if (status == LW_OK) status = check_sizes(desc, err);
    return status == LW_OK ? lw_succeed(err) : status;
}

/* ---- shapes -------------------------------------------------------------------------------------------- */

void lw_desc_output(const lw_desc *desc, int64_t *oc, int64_t *oh, int64_t *ow) {
    int64_t c = 0, h = 0, w = 0;
    if (lw_desc_check(desc, NULL) == LW_OK) {
        bool linear = desc->op == LW_LINEAR;
        int64_t pool = desc->pool2x2 ? 2 : 1;
        c = desc->oc;
        h = linear ? 1 : lw_out_h(desc) / pool;
        w = linear ? 1 : lw_out_w(desc) / pool;
    }
    *oc = c;
    *oh = h;
    *ow = w;
}

size_t lw_src_floats(const lw_desc *desc) {
    if (lw_desc_check(desc, NULL) != LW_OK) return 0;
    return lw_tensor_floats(desc->src_layout, desc->batch, desc->ic, desc->ih, desc->iw);
}

size_t lw_dst_floats(const lw_desc *desc) {
    int64_t oc, oh, ow;
    lw_desc_output(desc, &oc, &oh, &ow);
    return oc ? lw_tensor_floats(desc->dst_layout, desc->batch, oc, oh, ow) : 0;
}

size_t lw_weight_floats(const lw_desc *desc) {
    if (lw_desc_check(desc, NULL) != LW_OK) return 0;
    if (desc->op == LW_CONV) return (size_t)(desc->oc * (desc->ic / desc->groups) * desc->kh * desc->kw);
    return desc->op == LW_LINEAR ? (size_t)(desc->oc * desc->ic * desc->ih * desc->iw) : 0;
}
