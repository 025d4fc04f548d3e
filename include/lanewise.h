/* lanewise: SIMD convolution kernels behind a runtime dispatcher.
 *
 * One call, as data flows:
 *     lw_desc d = lw_conv2d(1, 32, 14, 14, 64, 3, 3);     // what to compute
 *     d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
 *     lw_plan_create(&plan, &d, weights, bias, NULL, &err); // which kernel; packs the weights
 *     lw_plan_execute(plan, src, dst, workspace);           // no allocation, no locks
 *
 * All tensors are float32. The library never prints, aborts or exits: every failure is a status with a text.
 */
#ifndef LANEWISE_H
#define LANEWISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LW_VERSION_MAJOR 0
#define LW_VERSION_MINOR 1
#define LW_VERSION_PATCH 0

#if defined(__GNUC__)
#define LW_API __attribute__((visibility("default")))
#else
#define LW_API
#endif

/* ---- status -------------------------------------------------------------------------------------------- */

typedef enum lw_status {
    LW_OK = 0,
    LW_ERR_INVALID,   /* a null pointer or a descriptor that can't be (negative size, output that doesn't fit)
                       */
    LW_ERR_OVERFLOW,  /* a size doesn't fit in memory's address range */
    LW_ERR_NO_MEMORY, /* an allocation failed */
    LW_ERR_UNSUPPORTED, /* no kernel row takes this problem within the budgets, or the forced one refuses it
                         */
    LW_ERR_ISA,         /* the forced kernel or ISA exists, but this CPU can't run it */
    LW_ERR_UNKNOWN,     /* no kernel or ISA has that name */
    LW_ERR_NO_WISDOM,   /* WISDOM_ONLY was asked for and nothing is known about the problem */
    LW_ERR_ENVIRONMENT, /* a LANEWISE_* environment variable has a value that makes no sense */
    LW_ERR_THREADS,     /* threads couldn't be started */
    LW_ERR_CORRUPT,     /* wisdom that isn't as it was written; the text names the line */
    LW_ERR_STALE,       /* wisdom of another CPU, compiler or build of the library */
    LW_ERR_FILE         /* a file can't be read or written */
} lw_status;

typedef struct lw_error {
    lw_status status;
    char text[256]; /* one line: what is wrong, with the values */
} lw_error;

/* A static sentence for a status; never NULL. */
LW_API const char *lw_status_text(lw_status status);

/* With LANEWISE_VERBOSE=1 in the environment each plan decision is a line of text that goes to this function;
 * NULL (the default) drops them. It may be called by several threads at once, and is set once, before plans
 * are made. */
LW_API void lw_set_log(void (*line)(void *arg, const char *text), void *arg);

/* ---- problems ------------------------------------------------------------------------------------------ */

typedef enum lw_op { LW_CONV, LW_MAXPOOL, LW_LINEAR, LW_RELU, LW_SOFTMAX, LW_OP_COUNT } lw_op;

/* LW_NCHW     [batch][channels][height][width]
 * LW_NHWC     [batch][height][width][channels]
 * LW_BLOCKED  [batch][ceil(channels/16)][height][width][16]: the same block of 16 channels in every ISA. The
 *             lanes beyond `channels` in the last block are part of the tensor and are zero: every kernel
 *             writes them as zero and may rely on it in what it reads. */
typedef enum lw_layout { LW_NCHW, LW_NHWC, LW_BLOCKED, LW_LAYOUT_COUNT } lw_layout;

#define LW_BLOCK 16

/* What to compute. Fill it with one of the constructors below, then change what differs.
 *
 * conv     dst[n][o][y][x] = bias[o] + sum over c,i,j of weights[o][c][i][j] *
 *                            src[n][g*ic/groups + c][y*stride_h - pad_top + i*dilation_h][x*stride_w - ...]
 *          weights [oc][ic/groups][kh][kw], bias [oc] (when `bias`). The output has
 *          oh = floor((ih + pad_top + pad_bottom - ((kh-1)*dilation_h + 1)) / stride_h) + 1 rows.
 *          Fused tail, in this order: `pool2x2` (2x2 max pool of stride 2, floor), then `relu`.
 * maxpool  PyTorch's semantics: NaN propagates, padding never wins. oc == ic. A window that lies in padding
 *          alone gives -Inf.
 * linear   dst[n][o] = bias[o] + sum of weights[o][i] * flatten(src[n])[i], where flatten is C order over
 *          [ic][ih][iw] whatever src_layout is. weights [oc][ic*ih*iw]. `relu` may be fused.
 * relu     elementwise on [ic][ih][iw]; NaN and -0 are kept. src_layout == dst_layout.
 * softmax  over the ic values of each of `batch` rows (ih == iw == 1).
 *
 * pad_bottom and pad_right may be negative: those rows and columns of the source are then not read. */
typedef struct lw_desc {
    lw_op op;
    lw_layout src_layout, dst_layout;
    int64_t batch, groups;
    int64_t ic, ih, iw;
    int64_t oc;
    int64_t kh, kw;
    int64_t stride_h, stride_w;
    int64_t dilation_h, dilation_w; /* 1 = dense */
    int64_t pad_top, pad_left, pad_bottom, pad_right;
    bool bias, relu, pool2x2;
} lw_desc;

/* Constructors: NCHW in and out, stride 1, no padding, no dilation, one group, no tail; conv and linear with
 * bias. */
LW_API lw_desc lw_conv2d(int64_t batch, int64_t ic, int64_t ih, int64_t iw, int64_t oc, int64_t kh,
                         int64_t kw);
LW_API lw_desc lw_maxpool2d(int64_t batch, int64_t channels, int64_t ih, int64_t iw, int64_t kernel,
                            int64_t stride, int64_t pad);
LW_API lw_desc lw_linear(int64_t batch, int64_t in_features, int64_t out_features);
LW_API lw_desc lw_relu(int64_t batch, int64_t channels, int64_t ih, int64_t iw);
LW_API lw_desc lw_softmax(int64_t batch, int64_t classes);

/* Checks a descriptor: LW_OK, or LW_ERR_INVALID / LW_ERR_OVERFLOW with the reason in *err (err may be NULL).
 */
LW_API lw_status lw_desc_check(const lw_desc *desc, lw_error *err);

/* Shape of what the plan writes, the fused pool included: channels, height, width. */
LW_API void lw_desc_output(const lw_desc *desc, int64_t *oc, int64_t *oh, int64_t *ow);

/* Number of floats in the source, the destination and the (unpacked) weights; of a checked descriptor. */
LW_API size_t lw_src_floats(const lw_desc *desc);
LW_API size_t lw_dst_floats(const lw_desc *desc);
LW_API size_t lw_weight_floats(const lw_desc *desc);

/* Number of floats of a tensor in a layout (blocked counts the zero lanes); 0 on overflow. */
LW_API size_t lw_tensor_floats(lw_layout layout, int64_t batch, int64_t channels, int64_t height,
                               int64_t width);

/* Copies a tensor from one layout to another; src and dst must not overlap. */
LW_API void lw_convert_layout(const float *src, lw_layout from, float *dst, lw_layout to, int64_t batch,
                              int64_t channels, int64_t height, int64_t width);

LW_API const char *lw_op_name(lw_op op);             /* "conv", "maxpool", "linear", "relu", "softmax" */
LW_API const char *lw_layout_name(lw_layout layout); /* "nchw", "nhwc", "blocked" */

/* A checked descriptor's sizes as benchdnn writes them, every field:
 * "mb1_g1ic32ih14iw14_oc64oh14ow14_kh3kw3_sh1sw1_ph1pw1_dh0dw0". size: bytes of text, 192 hold any; less
 * cuts it short. */
LW_API void lw_desc_problem(const lw_desc *desc, char *text, size_t size);
/* All of it: "conv mb1_..._dh0dw0 nchw>blocked bias+pool2x2+relu" ("plain" without a tail). 256 hold any;
 * fewer cut it short. */
LW_API void lw_desc_text(const lw_desc *desc, char *text, size_t size);

/* ---- plans --------------------------------------------------------------------------------------------- */

typedef enum lw_effort {
    LW_ESTIMATE = 0, /* a cost model, no timing: well under a millisecond */
    LW_MEASURE,      /* times the eligible kernels on scratch data, unless there is wisdom */
    LW_WISDOM_ONLY   /* only what is already known; LW_ERR_NO_WISDOM otherwise, and nothing is timed */
} lw_effort;

/* Error budgets, as the relative L2 error class of a kernel; any positive number may be given instead. */
#define LW_ERROR_FAST   1e-5 /* the default */
#define LW_ERROR_TIGHT  1e-6
#define LW_ERROR_STRICT 0.0 /* direct summation only: no algorithm that trades accuracy for speed */

typedef struct lw_pool lw_pool;

typedef struct lw_options {
    lw_effort effort;
    double max_error;     /* LW_ERROR_*, or a relative L2 error */
    size_t max_workspace; /* bytes; 0: no limit. Where all threads' are more, the plan has one thread */
    int threads;          /* 1 when 0; taken from the pool where one is given */
    lw_pool *pool;        /* NULL: the plan starts its own when threads > 1 */
    const char *kernel;   /* force this row by name; NULL: choose */
    const char *isa;      /* rows of this ISA alone (scalar where it has none); NULL: all */
    bool reproducible;    /* the same bits on every CPU: see below */
} lw_options;

/* With `reproducible` the results of a descriptor and its data are the same bits on every CPU, in every ISA
 * and build, and on any number of threads; but for the sign and payload of a NaN, which is a NaN everywhere.
 * The algorithm is then chosen by what no CPU changes (the estimates, errors and workspaces of the scalar
 * rows within max_error and max_workspace), and may be another one for other such budgets, layouts or fused
 * tails. Effort, wisdom and `isa` still choose the ISA that runs it. A forced `kernel` runs its own
 * algorithm, and is refused (LW_ERR_UNSUPPORTED) where no scalar row gives the same bits. */

/* The defaults. lw_plan_create still applies the environment: LANEWISE_ISA (a cap), LANEWISE_KERNEL (a forced
 * row) and LANEWISE_REPRODUCIBLE=1. */
LW_API lw_options lw_default_options(void);

typedef struct lw_plan lw_plan;

/* Chooses a kernel (forced > wisdom > measured > estimated), packs weights and bias (copied; NULL where the
 * operation has none) and stores the plan in *plan. opt and err may be NULL. On failure *plan is NULL: what
 * is wrong with the descriptor (INVALID, OVERFLOW), the choice (UNSUPPORTED, ISA, UNKNOWN, NO_WISDOM), the
 * environment (ENVIRONMENT) or the process (NO_MEMORY, THREADS). */
LW_API lw_status lw_plan_create(lw_plan **plan, const lw_desc *desc, const float *weights, const float *bias,
                                const lw_options *opt, lw_error *err);
LW_API void lw_plan_destroy(lw_plan *plan); /* NULL is fine */

/* Bytes of scratch memory one execution needs, 64-byte aligned; may be 0. */
LW_API size_t lw_plan_workspace(const lw_plan *plan);
LW_API size_t lw_plan_packed_bytes(const lw_plan *plan); /* of the weights and biases that the plan holds */
LW_API const char *lw_plan_kernel(const lw_plan *plan);  /* the chosen row's name */
LW_API const char *lw_plan_rule(const lw_plan *plan);    /* "forced", "wisdom", "measured" or "estimated" */

/* src and dst are of the descriptor's shapes and layouts, aligned as floats, and don't overlap. workspace has
 * lw_plan_workspace() bytes, aligned to 64, one for each concurrent execution. Results don't depend on the
 * number of threads, bit for bit. Fails with LW_ERR_INVALID on NULL or a misaligned workspace, and never
 * otherwise. */
LW_API lw_status lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace);

/* ---- threads ------------------------------------------------------------------------------------------- */

/* A pool of threads - 1 workers and the caller. Any number of plans may share one; when two executions meet,
 * the second runs on its caller alone. threads: 1 .. 1024, else LW_ERR_INVALID; LW_ERR_THREADS where not all
 * could be started. On failure *pool is NULL; err may be NULL. */
LW_API lw_status lw_pool_create(lw_pool **pool, int threads, lw_error *err);
LW_API void lw_pool_destroy(lw_pool *pool);      /* after the plans that use it; NULL is fine */
LW_API int lw_pool_threads(const lw_pool *pool); /* the caller included; 1 of NULL */

/* Calls run(arg, task, worker) for every task in 0 .. tasks-1, on the pool's threads, each task once; returns
 * when all are done. worker is 0 .. threads-1, unique among the tasks that run at one time. */
LW_API void lw_pool_run(lw_pool *pool, int64_t tasks, void (*run)(void *arg, int64_t task, int worker),
                        void *arg);

/* ---- kernels and the CPU ------------------------------------------------------------------------------- */

typedef struct lw_kernel_info {
    const char *name; /* e.g. "conv_direct_avx512_t14x2" */
    lw_op op;
    const char *algorithm; /* "direct", "winograd", ... */
    const char *isa;
    const char *tile;                  /* register tile, e.g. "14x2", or "" */
    unsigned src_layouts, dst_layouts; /* bit 1 << lw_layout */
    bool usable;                       /* this CPU, and LANEWISE_ISA, allow it */
    const char *reason;                /* why not, or "" */
    int spread;                        /* see lw_kernel_bound; 0: plain sums */
    bool exact_on_integers;            /* see lw_kernel_bound */
    bool reproducible;                 /* a reproducible plan runs this row as it is; else a slower twin */
} lw_kernel_info;

/* Rows are numbered 0 .. lw_kernel_count()-1 in a fixed order, the preferred ISA first, scalar last. Texts
 * are static. LW_ERR_INVALID of an index beyond; where LANEWISE_* makes no sense its status, with `info`
 * filled and unusable. */
LW_API size_t lw_kernel_count(void);
LW_API lw_status lw_kernel_get(size_t index, lw_kernel_info *info);

/* Does the row take the problem? LW_OK; LW_ERR_UNSUPPORTED, LW_ERR_ISA or LW_ERR_UNKNOWN with the reason in
 * *err. */
LW_API lw_status lw_kernel_accepts(const char *name, const lw_desc *desc, lw_error *err);

/* c of the published bound |y - y_exact| <= c * 2^-24 * (|bias| + sum |w||x|) for each output element
 * (softmax: c * 2^-24 * y; maxpool, relu: 0). Negative when the name is unknown.
 *
 * A row with a spread of s > 0 (Winograd: one less than its largest tile) mixes the inputs of a tile. What
 * its c is proved for is |x| replaced by the largest magnitude of that channel within s pixels of the window,
 * and an Inf or NaN there may turn the output into NaN. Where neighbours are of like magnitude the plain sum
 * does as well.
 *
 * A row that is exact_on_integers (plain sums, F(2x2)) makes no error where source, weights and bias are
 * whole numbers and |bias| + sum |w||x|, with |x| as said, is at most 2^18: y == y_exact, though a zero's
 * sign may differ. */
LW_API double lw_kernel_bound(const char *name, const lw_desc *desc);

/* What the cost model counts (docs/cost-model.md): unit i's name, NULL past the last, and what it is a count
 * of. */
LW_API const char *lw_work_unit(size_t i);
LW_API const char *lw_work_unit_meaning(size_t i);

/* What a kernel does for a problem, with the caches that its ISA's estimate assumes: amount[i] of unit i, for
 * i below `most`. Returns the number of units; 0 when lw_kernel_accepts() would refuse. */
LW_API size_t lw_kernel_work(const char *name, const lw_desc *desc, double *amount, size_t most);

typedef struct lw_isa_info {
    const char *name;
    int lanes; /* floats in a vector */
    bool usable;
    const char *reason;
} lw_isa_info;

/* ISAs of this build, in the same order; lw_isa_get fails as lw_kernel_get does. */
LW_API size_t lw_isa_count(void);
LW_API lw_status lw_isa_get(size_t index, lw_isa_info *info);

/* Runs `steps` rounds of the ISA's FMA peak loop and returns the floating-point operations done (time it to
 * get the peak); 0 if the ISA isn't usable here. */
LW_API double lw_isa_fma_peak(size_t index, int64_t steps);

typedef struct lw_cpu_info {
    char model[64];
    char kind[64]; /* as CPUs number themselves: "x86 AuthenticAMD family 25 model 1" */
    int cores;     /* logical, available to this process */
    size_t l1d_bytes, l2_bytes, l3_bytes; /* 0: unknown */
    char features[256];                   /* space separated, those that lanewise looks at */
} lw_cpu_info;

LW_API void lw_cpu_get(lw_cpu_info *info); /* never fails; what isn't known is 0 or "" */

/* ---- explain ------------------------------------------------------------------------------------------- */

typedef struct lw_candidate {
    const char *kernel;
    bool eligible;
    char reason[160];           /* why not eligible, or "" */
    double ns, ns_low, ns_high; /* measured or estimated time of one execution; 0: not known */
    const char *source;         /* of that time: "wisdom", "measured", "estimated"; "" where not known */
    double bound, rel_l2;       /* c as in lw_kernel_bound; the expected relative L2 error */
    size_t workspace_bytes, packed_bytes;
} lw_candidate;

typedef struct lw_explanation {
    const char *chosen; /* NULL if none */
    const char *rule;
    size_t count;
    lw_candidate *candidates;
} lw_explanation;

/* Why a plan of this problem would be what it is: the rows of its operation, in the registry's order. Where
 * none is chosen for want of one that takes it, or of wisdom, this is LW_OK with `chosen` NULL: the reasons
 * are in the candidates. Estimated times are the cost model's (docs/cost-model.md), give or take a factor of
 * two. Free with lw_explanation_free. */
LW_API lw_status lw_explain(lw_explanation **out, const lw_desc *desc, const lw_options *opt, lw_error *err);
LW_API void lw_explanation_free(lw_explanation *explanation);

/* ---- wisdom -------------------------------------------------------------------------------------------- */

/* What is known from measurements: for each problem the rows that were timed, the best first. Whatever makes
 * plans in this process shares what was imported; there is none until something is. As text (docs/wisdom.md)
 * it names the CPU, the compiler and the build that it was measured with, and is refused by others.
 *
 * All of these may be called by several threads at once, beside plans being made and executed; but a struct
 * lw_wisdom is its owner's alone. err may be NULL everywhere. */

typedef struct lw_timing {
    const char *kernel;
    double ns, ns_low, ns_high; /* median time of one execution, in warm caches, and its 95% interval */
    double cold_ns;             /* the same after other data have gone through the caches; 0: not measured */
} lw_timing;

typedef struct lw_decision {
    const char *problem;  /* as lw_desc_text() */
    double max_error;     /* the budgets, threads and kind of plan that were asked for: as in lw_options */
    size_t max_workspace; /* 0: no limit */
    int threads;          /* >= 1 */
    bool reproducible;
    bool full;             /* measured with full effort, not the quick one */
    size_t count, tied;    /* rows; the first `tied` are the best and those as fast as it */
    const lw_timing *rows; /* rows[0] is the pick, then in falling order of preference */
} lw_decision;

typedef struct lw_wisdom lw_wisdom;

/* None, of this CPU and build. LW_ERR_NO_MEMORY; *wisdom is NULL then, here and below. */
LW_API lw_status lw_wisdom_create(lw_wisdom **wisdom, lw_error *err);
/* Parses a text or file of any CPU and build: LW_ERR_CORRUPT (with the line), LW_ERR_FILE. */
LW_API lw_status lw_wisdom_read(lw_wisdom **wisdom, const char *text, size_t size, lw_error *err);
LW_API lw_status lw_wisdom_read_file(lw_wisdom **wisdom, const char *path, lw_error *err);
/* Prints it: free() *text, which ends with a zero beyond *size. A file appears whole or not at all. */
LW_API lw_status lw_wisdom_write(const lw_wisdom *wisdom, char **text, size_t *size, lw_error *err);
LW_API lw_status lw_wisdom_write_file(const lw_wisdom *wisdom, const char *path, lw_error *err);
LW_API void lw_wisdom_free(lw_wisdom *wisdom); /* NULL is fine */

/* Was it measured on a CPU like this one, by this build? LW_ERR_STALE with what differs. */
LW_API lw_status lw_wisdom_check(const lw_wisdom *wisdom, lw_error *err);
/* The CPU that it was measured on: lw_cpu_info's model and kind. */
LW_API const char *lw_wisdom_cpu(const lw_wisdom *wisdom);
LW_API const char *lw_wisdom_cpu_kind(const lw_wisdom *wisdom);

/* Adds a copy; it replaces what was known of that problem with the same budgets, threads and kind of plan.
 * LW_ERR_INVALID on what can't be written as text (no rows, a time that isn't positive, odd characters). */
LW_API lw_status lw_wisdom_add(lw_wisdom *wisdom, const lw_decision *decision, lw_error *err);
/* Decision number `index` in the order of the text, valid until the wisdom changes; false past the end. */
LW_API bool lw_wisdom_get(const lw_wisdom *wisdom, size_t index, lw_decision *decision);
/* What is known of this problem with just these options; false: nothing. Effort, pool, kernel and isa say
 * nothing here. */
LW_API bool lw_wisdom_find(const lw_wisdom *wisdom, const lw_desc *desc, const lw_options *opt,
                           lw_decision *decision);

/* Adds to what this process knows, all of it or on failure nothing: LW_ERR_STALE, LW_ERR_CORRUPT, ... It
 * replaces what was known of the same problems. */
LW_API lw_status lw_wisdom_use(const lw_wisdom *wisdom, lw_error *err);
LW_API lw_status lw_wisdom_import(const char *text, size_t size, lw_error *err);
LW_API lw_status lw_wisdom_import_file(const char *path, lw_error *err);
/* Looks, in this order, at `path` (NULL: $LANEWISE_WISDOM), the user's file (lw_wisdom_user_path), the
 * system's (/etc/lanewise/wisdom) and the library's own table. What comes first wins. A file that isn't there
 * is fine, but for `path`; one that is refused is left out, and the first such makes the status. The path
 * "none" stands for no wisdom at all. */
LW_API lw_status lw_wisdom_import_default(const char *path, lw_error *err);
/* $XDG_CONFIG_HOME/lanewise/wisdom, or ~/.config/lanewise/wisdom. LW_ERR_ENVIRONMENT: neither is known, or it
 * doesn't fit; LW_ERR_INVALID: size is 0. */
LW_API lw_status lw_wisdom_user_path(char *path, size_t size, lw_error *err);

/* What this process knows, as text or file; none is LW_OK too. */
LW_API lw_status lw_wisdom_export(char **text, size_t *size, lw_error *err);
LW_API lw_status lw_wisdom_export_file(const char *path, lw_error *err);
LW_API void lw_wisdom_forget(void);

#ifdef __cplusplus
}
#endif
#endif
