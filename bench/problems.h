/* What the matrix measures: the embedded problem sets (shapes/NAME.OP.txt), --batch files and problem
 * strings.
 *
 * The files are benchdnn's, with two option lines of our own that hold for the problems after them:
 *     --tail=none|relu|pool2x2|relu+pool2x2   what is fused into convolution and linear (relu; linear: none)
 *     --quick=all|best|none                   what `bench --quick` measures of them: every row, the rows that
 * the cost model likes best, or nothing Other option lines are benchdnn's own: ignored with a note. */
#ifndef LW_BENCH_PROBLEMS_H
#define LW_BENCH_PROBLEMS_H

#include "cli.h"
#include "lanewise.h"

enum bench_quick { QUICK_ALL, QUICK_BEST, QUICK_NONE };

struct bench_problem {
    lw_desc desc;   /* with its tail, NCHW in and out */
    char name[224]; /* the second part of benchmark names: unique among those of its operation */
    enum bench_quick quick;
};

struct bench_problems {
    size_t count, skipped; /* skipped: out of scope, each with a note */
    struct bench_problem *items;
};

struct bench_source {
    struct cli_op op; /* embedded sets: those of this operation alone; else the operation of all, or conv */
    const char *set;  /* a glob over the embedded sets' names; NULL: all */
    struct cli_strings strings; /* problems given as they are */
    struct cli_strings files;
    int64_t mb;
    bool relu, no_relu, pool2x2; /* override the tails */
    bool no_bias;                /* nothing has one */
    bool plain;                  /* convolutions have no ReLU where nothing says so */
};

/* The source's problems, or the embedded ones when it gives none. CLI_GO, or the exit status after one line.
 */
int bench_problems_read(const struct bench_source *source, struct bench_problems *problems);
void bench_problems_free(struct bench_problems *problems);

/* The layouts that a problem may have, in order of preference: activations stay blocked between layers,
 * pictures come as NCHW, and a classifier's scores leave as plain numbers. */
struct bench_layouts {
    lw_layout src, dst;
};
size_t bench_layouts_of(const lw_desc *desc, struct bench_layouts out[9]);

/* Floating-point operations of one execution. conv and linear: two for each multiply-add of the direct sum,
 * taps in the padding included, the fused tail not; max pool: one a comparison; ReLU: one a value; softmax:
 * five a value (maximum, difference, exponential, sum, quotient). */
double bench_flops(const lw_desc *desc);
/* Does it multiply and add? Else the FMA peak says nothing of it. */
bool bench_multiplies(const lw_desc *desc);
/* Bytes that have to move: source, weights and bias in, destination out. */
double bench_bytes(const lw_desc *desc);

#endif
