/* lw_verify: makes data, runs one kernel row on it twice, and checks all that can be seen from outside. */
#include "verify.h"
#include "guard.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tensors of one problem above this are refused: the machine may have less, and its owner other plans for it.
 */
#define MEMORY_LIMIT ((size_t)1536 << 20)

/* Problems above this many multiply-adds are executed once only. */
#define RUN_TWICE_MACS 2e9

struct run {
    const char *kernel;
    const lw_desc *d;
    const struct lw_verify_options *opt;
    struct lw_verify_result *result;
    struct lw_guard src, dst, weights, bias, workspace; /* guarded or not, all live in such buffers */
    float *nchw; /* the source in NCHW; src.data itself where that is NCHW */
    lw_plan *plan;
};

static const uint32_t unwritten = 0x7FD5A5A5; /* a NaN that no kernel makes */

static void fail_status(struct run *r, lw_status status, const char *text) {
    r->result->status = r->result->error.status = status;
    snprintf(r->result->error.text, sizeof r->result->error.text, "%s", text);
}

static void fail_check(struct run *r, const char *text) {
    r->result->ok = false;
    r->result->err_over_bound = INFINITY;
    snprintf(r->result->worst, sizeof r->result->worst, "%s", text);
}

/* ---- data ---------------------------------------------------------------------------------------------- */

static bool fits_memory(struct run *r) {
    size_t src = lw_src_floats(r->d), dst = lw_dst_floats(r->d), weights = lw_weight_floats(r->d);
    size_t floats = src * (r->d->src_layout == LW_NCHW ? 1 : 2) + dst + 2 * weights;
    if (r->opt->guard) floats += src + dst;
    if (floats <= MEMORY_LIMIT / sizeof(float)) return true;
    char text[128];
    snprintf(text, sizeof text, "its tensors need %zu MB; the limit is %zu MB (a smaller batch fits)",
             floats / (1 << 20) * sizeof(float), MEMORY_LIMIT >> 20);
    fail_status(r, LW_ERR_NO_MEMORY, text);
    return false;
}

static bool make_data(struct run *r) {
    const lw_desc *d = r->d;
    size_t plain = lw_tensor_floats(LW_NCHW, d->batch, d->ic, d->ih, d->iw), weights = lw_weight_floats(d);
    bool ok = lw_guard_alloc(&r->src, lw_src_floats(d), LW_GUARD_END, r->opt->offset) &&
              lw_guard_alloc(&r->dst, lw_dst_floats(d), LW_GUARD_END, r->opt->offset) &&
              (weights == 0 || lw_guard_alloc(&r->weights, weights, LW_GUARD_END, 0)) &&
              (!d->bias || lw_guard_alloc(&r->bias, (size_t)d->oc, LW_GUARD_END, 0));
    r->nchw = d->src_layout == LW_NCHW ? r->src.data : malloc(plain * sizeof(float));
    if (!ok || r->nchw == NULL) return false;
    lw_fill_problem(d, r->opt->fill, r->opt->seed, r->nchw, r->weights.data, r->bias.data);
    if (r->nchw != r->src.data)
        lw_convert_layout(r->nchw, LW_NCHW, r->src.data, d->src_layout, d->batch, d->ic, d->ih, d->iw);
    return true;
}

static void free_run(struct run *r) {
    lw_plan_destroy(r->plan);
    if (r->nchw != r->src.data) free(r->nchw);
    lw_guard_free(&r->src);
    lw_guard_free(&r->dst);
    lw_guard_free(&r->weights);
    lw_guard_free(&r->bias);
    lw_guard_free(&r->workspace);
}

static void fill_words(float *data, size_t count, uint32_t word) {
    for (size_t i = 0; i < count; i++)
        memcpy(data + i, &word, sizeof word);
}

static uint64_t digest(const float *data, size_t count) {
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, data + i, sizeof word);
        h = (h ^ word) * UINT64_C(0x100000001B3);
    }
    return h;
}

/* ---- execution ----------------------------------------------------------------------------------------- */

static bool make_plan(struct run *r) {
    lw_options o = lw_default_options();
    o.kernel = r->kernel;
    o.threads = r->opt->threads > 0 ? r->opt->threads : 1;
    lw_status status = lw_plan_create(&r->plan, r->d, r->weights.data, r->bias.data, &o, &r->result->error);
    r->result->status = status;
    if (status != LW_OK) return false;
    size_t floats = (lw_plan_workspace(r->plan) + 63) / 64 * 16;
    if (floats == 0 || lw_guard_alloc(&r->workspace, floats, LW_GUARD_END, 0)) return true;
    fail_status(r, LW_ERR_NO_MEMORY, "no memory for the workspace");
    return false;
}

static bool execute(struct run *r, const float *src, float *dst) {
    fill_words(dst, r->dst.count, unwritten);
    fill_words(r->workspace.data, r->workspace.count, unwritten);
    lw_status status = lw_plan_execute(r->plan, src, dst, r->workspace.data);
    if (status != LW_OK) fail_status(r, status, lw_status_text(status));
    return status == LW_OK;
}

static bool is_written(const struct run *r) {
    for (size_t i = 0; i < r->dst.count; i++)
        if (memcmp(r->dst.data + i, &unwritten, sizeof unwritten) == 0) return false;
    return true;
}

/* Once more, with buffers against the lower guard page where guarding was asked for: the same bits. */
static bool is_repeatable(struct run *r) {
    uint64_t before = digest(r->dst.data, r->dst.count);
    struct lw_guard src = {0}, dst = {0};
    const float *from = r->src.data;
    float *to = r->dst.data;
    bool ok = true;
    if (r->opt->guard) {
        ok = lw_guard_alloc(&src, r->src.count, LW_GUARD_START, r->opt->offset) &&
             lw_guard_alloc(&dst, r->dst.count, LW_GUARD_START, r->opt->offset);
        if (ok) memcpy(src.data, r->src.data, r->src.count * sizeof(float));
        from = src.data;
        to = dst.data;
    }
    if (!ok)
        fail_status(r, LW_ERR_NO_MEMORY, "no memory for a second execution");
    else if (execute(r, from, to) && digest(to, r->dst.count) != before)
        fail_check(r, "a second execution gives other bits");
    if (ok && !(lw_guard_intact(&src) && lw_guard_intact(&dst))) fail_check(r, "wrote outside its buffers");
    lw_guard_free(&src);
    lw_guard_free(&dst);
    return ok;
}

static double macs(const lw_desc *d) {
    return (double)lw_weight_floats(d) * ((double)lw_dst_floats(d) / (double)d->oc) * (d->pool2x2 ? 4 : 1);
}

/* What the row says of itself. */
static void describe_row(const char *kernel, struct lw_verify_options *opt) {
    lw_kernel_info info;
    for (size_t i = 0; lw_kernel_get(i, &info) == LW_OK; i++) {
        if (strcmp(info.name, kernel) != 0) continue;
        opt->spread = info.spread;
        opt->exact = opt->fill == LW_FILL_INTEGER && info.exact_on_integers;
    }
}

static void run_and_check(struct run *r) {
    const lw_desc *d = r->d;
    uint64_t source = digest(r->src.data, r->src.count);
    if (!execute(r, r->src.data, r->dst.data)) return;
    struct lw_verify_options opt = *r->opt;
    describe_row(r->kernel, &opt);
    lw_verify_output(d, r->nchw, r->weights.data, r->bias.data, r->dst.data, lw_kernel_bound(r->kernel, d),
                     &opt, r->result);
    if (r->result->status != LW_OK) return;
    if (!is_written(r)) fail_check(r, "left a part of the destination unwritten");
    if (!opt.once && macs(d) <= RUN_TWICE_MACS && !is_repeatable(r)) return;
    if (digest(r->src.data, r->src.count) != source) fail_check(r, "changed its source");
    if (!(lw_guard_intact(&r->src) && lw_guard_intact(&r->dst) && lw_guard_intact(&r->weights) &&
          lw_guard_intact(&r->bias) && lw_guard_intact(&r->workspace)))
        fail_check(r, "wrote outside its buffers");
}

void lw_verify(const char *kernel, const lw_desc *desc, const struct lw_verify_options *opt,
               struct lw_verify_result *result) {
    struct run r = {.kernel = kernel, .d = desc, .opt = opt, .result = result};
    memset(result, 0, sizeof *result);
    result->status = lw_kernel_accepts(kernel, desc, &result->error);
    if (result->status != LW_OK || !fits_memory(&r)) return;
    if (!make_data(&r))
        fail_status(&r, LW_ERR_NO_MEMORY, "no memory for its tensors");
    else if (make_plan(&r))
        run_and_check(&r);
    free_run(&r);
}
