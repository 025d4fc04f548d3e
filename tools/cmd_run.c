/* lanewise run: one kernel on NumPy files. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "npy.h"
#include "reference/problem.h"

struct run_options {
    struct cli_shared shared;
    const char *src, *weights, *bias, *dst, *pool, *layout_name;
    bool relu;
    lw_op op;
    lw_layout layout;
};

struct run_data {
    struct npy_array src, weights, bias;
    float *converted, *dst, *dst_converted; /* in the plan's layouts, and back */
    void *workspace;
    lw_plan *plan;
};

static void free_data(struct run_data *r) {
    lw_plan_destroy(r->plan);
    npy_free(&r->src);
    npy_free(&r->weights);
    npy_free(&r->bias);
    free(r->converted);
    free(r->dst);
    free(r->dst_converted);
    free(r->workspace);
}

static float *alloc_floats(size_t count) {
    size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
    return aligned_alloc(64, bytes ? bytes : 64);
}

/* ---- arrays -------------------------------------------------------------------------------------------- */

struct shape {
    int dims;
    int64_t size[4];
};

static struct shape tensor_shape(lw_layout layout, int64_t n, int64_t c, int64_t h, int64_t w) {
    if (layout == LW_NHWC) return (struct shape){4, {n, h, w, c}};
    return (struct shape){4, {n, c, h, w}};
}

static bool same_shape(const struct npy_array *array, const struct shape *shape) {
    return array->dims == shape->dims &&
           memcmp(array->shape, shape->size, (size_t)shape->dims * sizeof *shape->size) == 0;
}

/* Reads an array and compares its shape with the one or two that will do (flat.dims == 0: only full). */
static int read_array(const char *path, const char *what, struct shape full, struct shape flat,
                      const struct lw_problem *problem, struct npy_array *array) {
    char why[200], is[100], wanted[100];
    if (!npy_read(path, array, why)) return cli_fail(LW_EXIT_USAGE, "%s: %s", path, why);
    if (same_shape(array, &full) || (flat.dims && same_shape(array, &flat))) return CLI_GO;
    npy_format_shape(array->dims, array->shape, is, sizeof is);
    const struct shape *told = flat.dims ? &flat : &full;
    npy_format_shape(told->dims, told->size, wanted, sizeof wanted);
    return cli_fail(LW_EXIT_USAGE, "%s: shape %s, but the %s of %s is %s", path, is, what, problem->text,
                    wanted);
}

static bool flat_op(lw_op op) { return op == LW_LINEAR || op == LW_SOFTMAX; }

static int read_arrays(const struct run_options *o, struct lw_problem *problem, struct run_data *r) {
    const lw_desc *d = &problem->desc;
    const struct shape none = {0};
    struct shape full = tensor_shape(o->layout, d->batch, d->ic, d->ih, d->iw);
    /* Flat rows are the C order that linear flattens to; another order of the same numbers must be
     * four-dimensional. */
    bool flat_ok = flat_op(d->op) && (o->layout == LW_NCHW || d->ih * d->iw == 1);
    struct shape flat = {flat_ok ? 2 : 0, {d->batch, d->ic * d->ih * d->iw}};
    int status = read_array(o->src, "source", full, flat, problem, &r->src);
    if (status != CLI_GO || !o->weights) return status;

    struct shape oihw = {4, {d->oc, d->ic / d->groups, d->kh, d->kw}};
    struct shape matrix = {2, {d->oc, d->ic * d->ih * d->iw}};
    if (d->op == LW_LINEAR) oihw = (struct shape){4, {d->oc, d->ic, d->ih, d->iw}};
    status = read_array(o->weights, d->op == LW_LINEAR ? "weight matrix" : "weights (OIHW)", oihw,
                        d->op == LW_LINEAR ? matrix : none, problem, &r->weights);
    if (status != CLI_GO || !o->bias) return status;
    return read_array(o->bias, "bias", (struct shape){1, {d->oc}}, none, problem, &r->bias);
}

/* ---- the plan ------------------------------------------------------------------------------------------ */

/* The names --kernel matches: exactly one must do. */
static int resolve_kernel(const char *glob, lw_op op, const char **name) {
    *name = glob;
    if (!glob || !strpbrk(glob, "*?[")) return CLI_GO;
    struct cli_rows rows;
    if (!cli_select_rows(op, glob, NULL, &rows)) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    size_t count = rows.count;
    if (count) *name = rows.items[0].name; /* static: outlives the list */
    cli_rows_free(&rows);
    if (count == 1) return CLI_GO;
    return cli_fail(LW_EXIT_USAGE, "--kernel %s: matches %zu %s rows, one is needed", glob, count,
                    lw_op_name(op));
}

/* Files hold NCHW or NHWC; a forced row may want another layout on either side. Finds the first pair of
 * layouts that it takes, the files' own first, and plans with it. Without a forced row the files' layout is
 * planned as it is. */
static lw_status plan_any_layout(const struct run_options *o, lw_desc *desc, const lw_options *opt,
                                 struct run_data *r, lw_error *err) {
    const lw_layout order[] = {o->layout, LW_BLOCKED, o->layout == LW_NCHW ? LW_NHWC : LW_NCHW};
    lw_status first = LW_OK;
    lw_kernel_info info = {.src_layouts = ~0u, .dst_layouts = ~0u};
    for (size_t i = 0; opt->kernel && lw_kernel_get(i, &info) == LW_OK; i++) {
        if (strcmp(info.name, opt->kernel) == 0) break;
    }
    bool known = !opt->kernel || (info.name && strcmp(info.name, opt->kernel) == 0);
    for (size_t pair = 0; pair < 9; pair++) {
        /* (L,L) (L,B) (B,L) (B,B), then those with the third layout */
        static const unsigned char src_of[] = {0, 0, 1, 1, 0, 2, 1, 2, 2},
                                   dst_of[] = {0, 1, 0, 1, 2, 0, 2, 1, 2};
        desc->src_layout = order[src_of[pair]];
        desc->dst_layout = order[dst_of[pair]];
        bool takes = (info.src_layouts >> desc->src_layout & 1) && (info.dst_layouts >> desc->dst_layout & 1);
        if (known && !takes) continue;
        lw_error attempt = {0};
        lw_status status = lw_plan_create(&r->plan, desc, r->weights.data, r->bias.data, opt, &attempt);
        if (status == LW_OK) return status;
        if (first == LW_OK) { /* the reason on the row's most natural layouts is the one to tell */
            first = status;
            *err = attempt;
        }
        if (status != LW_ERR_UNSUPPORTED) break;
    }
    err->status = first;
    return first;
}

/* ---- running ------------------------------------------------------------------------------------------- */

static int prepare(const struct run_options *o, const lw_desc *d, struct run_data *r) {
    int64_t oc, oh, ow;
    lw_desc_output(d, &oc, &oh, &ow);
    size_t workspace = lw_plan_workspace(r->plan);
    r->dst = alloc_floats(lw_dst_floats(d));
    r->workspace = workspace ? aligned_alloc(64, (workspace + 63) / 64 * 64) : NULL;
    bool good = r->dst && (r->workspace || !workspace);
    if (good && d->src_layout != o->layout) {
        good = (r->converted = alloc_floats(lw_src_floats(d))) != NULL;
        if (good)
            lw_convert_layout(r->src.data, o->layout, r->converted, d->src_layout, d->batch, d->ic, d->ih,
                              d->iw);
    }
    if (good && d->dst_layout != o->layout)
        good = (r->dst_converted = alloc_floats(lw_tensor_floats(o->layout, d->batch, oc, oh, ow))) != NULL;
    return good ? CLI_GO : cli_fail(LW_EXIT_IMPOSSIBLE, "no memory for the tensors");
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Executes once for the result and again for a tenth of a second; the median time in seconds. */
static lw_status execute(struct run_data *r, double *seconds) {
    enum { MAX_SAMPLES = 1001 };
    double sample[MAX_SAMPLES];
    int count = 0;
    const float *src = r->converted ? r->converted : r->src.data;
    double start = cli_seconds(), begin = start;
    do {
        lw_status status = lw_plan_execute(r->plan, src, r->dst, r->workspace);
        if (status != LW_OK) return status;
        double now = cli_seconds();
        sample[count++] = now - begin;
        begin = now;
    } while (begin - start < 0.1 && count < MAX_SAMPLES);
    /* The first one is cold. */
    int first = count > 1;
    qsort(sample + first, (size_t)(count - first), sizeof *sample, by_value);
    *seconds = sample[first + (count - first) / 2];
    return LW_OK;
}

static int write_result(const struct run_options *o, const lw_desc *d, struct run_data *r) {
    int64_t oc, oh, ow;
    char why[200];
    lw_desc_output(d, &oc, &oh, &ow);
    if (r->dst_converted)
        lw_convert_layout(r->dst, d->dst_layout, r->dst_converted, o->layout, d->batch, oc, oh, ow);
    struct shape shape = tensor_shape(o->layout, d->batch, oc, oh, ow);
    if (d->op == LW_LINEAR || (d->op == LW_SOFTMAX && r->src.dims == 2))
        shape = (struct shape){2, {d->batch, oc}};
    const float *data = r->dst_converted ? r->dst_converted : r->dst;
    if (npy_write(o->dst, shape.dims, shape.size, data, why)) return CLI_GO;
    return cli_fail(LW_EXIT_USAGE, "%s: %s", o->dst, why);
}

static int report(const struct run_options *o, const struct lw_problem *problem, const lw_desc *d,
                  const struct run_data *r, double seconds, int threads) {
    double gflops = cli_flops(d) / seconds * 1e-9;
    if (o->shared.json) {
        cJSON *root = cJSON_CreateObject();
        cJSON_AddStringToObject(root, "op", lw_op_name(d->op));
        cJSON_AddStringToObject(root, "problem", problem->text);
        cJSON_AddStringToObject(root, "kernel", lw_plan_kernel(r->plan));
        cJSON_AddStringToObject(root, "rule", lw_plan_rule(r->plan));
        cJSON_AddStringToObject(root, "src_layout", lw_layout_name(d->src_layout));
        cJSON_AddStringToObject(root, "dst_layout", lw_layout_name(d->dst_layout));
        cJSON_AddNumberToObject(root, "threads", threads);
        cli_json_number(root, "ns", seconds * 1e9);
        cli_json_number(root, "gflops", gflops);
        cJSON_AddStringToObject(root, "dst", o->dst);
        return cli_json_print(root, LW_EXIT_OK);
    }
    printf("%s  (%s, %s -> %s, %d thread%s)  %.2f us", lw_plan_kernel(r->plan), lw_plan_rule(r->plan),
           lw_layout_name(d->src_layout), lw_layout_name(d->dst_layout), threads, threads == 1 ? "" : "s",
           seconds * 1e6);
    if (gflops > 0) printf("  %.1f GFLOP/s", gflops);
    printf("  -> %s\n", o->dst);
    return LW_EXIT_OK;
}

static int run_problem(const struct run_options *o, struct lw_problem *problem, struct run_data *r) {
    int status = read_arrays(o, problem, r);
    if (status != CLI_GO) return status;
    lw_options opt = lw_default_options();
    opt.isa = o->shared.isa;
    opt.reproducible = o->shared.reproducible;
    opt.threads = o->shared.threads ? (int)o->shared.threads : 1;
    status = resolve_kernel(o->shared.kernel, o->op, &opt.kernel);
    if (status != CLI_GO) return status;
    lw_desc desc = problem->desc;
    lw_error err = {0};
    if (plan_any_layout(o, &desc, &opt, r, &err) != LW_OK) return cli_fail_error(&err, NULL);
    if ((status = prepare(o, &desc, r)) != CLI_GO) return status;
    double seconds = 0;
    lw_status run = execute(r, &seconds);
    if (run != LW_OK) return cli_fail(cli_exit_status(run), "%s", lw_status_text(run));
    if ((status = write_result(o, &desc, r)) != CLI_GO) return status;
    return report(o, problem, &desc, r, seconds, opt.threads);
}

/* ---- arguments ----------------------------------------------------------------------------------------- */

static int check_usage(struct run_options *o, const struct cli_strings *words) {
    if (words->count != 2)
        return cli_fail(LW_EXIT_USAGE, "needs an operation and one problem (see lanewise run --help)");
    if (!cli_find_op(words->items[0], &o->op))
        return cli_fail(LW_EXIT_USAGE, "%s: no such operation (conv, maxpool, linear, relu, softmax)",
                        words->items[0]);
    bool weighted = o->op == LW_CONV || o->op == LW_LINEAR;
    const char *op = words->items[0];
    if (o->layout_name && (!cli_find_layout(o->layout_name, &o->layout) || o->layout == LW_BLOCKED))
        return cli_fail(LW_EXIT_USAGE, "--layout %s: nchw or nhwc", o->layout_name);
    if (o->pool && strcmp(o->pool, "2x2") != 0)
        return cli_fail(LW_EXIT_USAGE, "--pool %s: only 2x2 can be fused", o->pool);
    if (!o->src || !o->dst) return cli_fail(LW_EXIT_USAGE, "--%s is needed", o->src ? "dst" : "src");
    if (weighted && !o->weights) return cli_fail(LW_EXIT_USAGE, "--weights is needed for %s", op);
    if (!weighted && (o->weights || o->bias))
        return cli_fail(LW_EXIT_USAGE, "--%s: %s has none", o->weights ? "weights" : "bias", op);
    if (o->relu && !weighted) return cli_fail(LW_EXIT_USAGE, "--relu: only conv and linear fuse it");
    if (o->pool && o->op != LW_CONV) return cli_fail(LW_EXIT_USAGE, "--pool: only conv fuses it");
    return cli_check_isa(o->shared.isa);
}

int cmd_run(int argc, char **argv) {
    struct run_options o = {.layout = LW_NCHW};
    struct cli_strings words = {0};
    struct cli_shared *s = &o.shared;
    const struct cli_option options[] = {
        {"src", 0, CLI_STRING, &o.src, "X.npy", "source, shaped as --layout says", 0, 0},
        {"weights", 0, CLI_STRING, &o.weights, "W.npy", "conv: OIHW (oc, ic/g, kh, kw); linear: (oc, ic)", 0,
         0},
        {"bias", 0, CLI_STRING, &o.bias, "B.npy", "(oc,); none when absent", 0, 0},
        {"dst", 0, CLI_STRING, &o.dst, "Y.npy", "where the result goes", 0, 0},
        CLI_OPT_KERNEL(s),
        CLI_OPT_ISA(s),
        {"relu", 0, CLI_FLAG, &o.relu, NULL, "fuse a ReLU", 0, 0},
        {"pool", 0, CLI_STRING, &o.pool, "2x2", "fuse a 2x2 max pool of stride 2", 0, 0},
        {"layout", 0, CLI_STRING, &o.layout_name, "nchw|nhwc", "of X.npy and Y.npy (default nchw)", 0, 0},
        CLI_OPT_MB(s),
        CLI_OPT_THREADS(s),
        CLI_OPT_WISDOM(s),
        CLI_OPT_REPRODUCIBLE(s),
        CLI_OPT_JSON(s),
    };
    const struct cli_command command = {
        .name = "run",
        .usage =
            "conv|maxpool|linear|relu|softmax PROBLEM --src X.npy [--weights W.npy [--bias B.npy]] --dst "
            "Y.npy\n"
            "                    [--kernel NAME] [--isa NAME] [--relu] [--pool 2x2] [--layout nchw|nhwc]\n"
            "                    [--mb N] [--threads N] [--wisdom FILE] [--reproducible] [--json]",
        .about = "Runs one kernel on NumPy files (float32, C order) and writes its result. PROBLEM is a "
                 "string like\n"
                 "mb1_ic32ih14_oc64_kh3_ph1 (benchdnn's; the batch is 2 when there is no mb). A row that "
                 "wants another\n"
                 "layout than the files' gets converted copies.",
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &words,
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = check_usage(&o, &words);
    struct lw_problem problem;
    if (status == CLI_GO) {
        char why[200];
        enum lw_parse parsed = lw_problem_parse(o.op, words.items[1], s->mb, &problem, why);
        if (parsed != LW_PARSE_OK) status = cli_fail(LW_EXIT_USAGE, "%s: %s", words.items[1], why);
    }
    if (status == CLI_GO) {
        problem.desc.relu = o.relu;
        problem.desc.pool2x2 = o.pool != NULL;
        problem.desc.bias = o.bias != NULL;
        lw_error err = {0};
        if (lw_desc_check(&problem.desc, &err) != LW_OK) status = cli_fail_error(&err, words.items[1]);
    }
    if (status == CLI_GO) status = cli_use_wisdom(s->wisdom);
    if (status == CLI_GO) {
        struct run_data data = {0};
        status = run_problem(&o, &problem, &data);
        free_data(&data);
    }
    cli_strings_free(&words);
    return status;
}
