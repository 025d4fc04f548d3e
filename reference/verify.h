/* One kernel row on one problem against the reference. Tests, `check`, `run` and the benchmark share it. */
#ifndef LW_VERIFY_H
#define LW_VERIFY_H

#include "fill.h"
#include "lanewise.h"

struct lw_verify_options {
    enum lw_fill fill;
    uint64_t seed;
    int threads;         /* 0: 1 */
    int64_t max_outputs; /* compare all borders and tails and a random sample of the rest beyond this; 0:
                            compare all */
    int64_t max_macs;    /* the same, by the reference's multiply-adds; 0: no limit */
    bool once;           /* no second execution */
    bool guard;          /* source, destination, weights and workspace in guard-page buffers */
    size_t offset;       /* floats of misalignment of src and dst */
    int spread;          /* of the row (lw_kernel_info); lw_verify looks it up */
    bool exact;          /* data and row are such that results have no error (exact_on_integers); the same */
};

struct lw_verify_result {
    lw_status status; /* not LW_OK: the row refused (reason in error.text), nothing was compared */
    lw_error error;
    bool ok;
    double err_over_bound; /* worst |y - ref| / (c * u * scale); 0 where the result must be and is exact;
                              INFINITY where it isn't, and on a special value (NaN, Inf) that differs */
    double rel_l2;         /* sqrt(sum (y-ref)^2 / sum ref^2) over the compared outputs */
    int64_t compared, total;
    char worst[160]; /* where, and the two values; or what else is wrong */
};

/* Makes data in NCHW, converts it to desc's layouts, plans with that row and executes twice (once only with
 * `once` or beyond 2e9 multiply-adds). Besides the bound it checks that both executions give the same bits,
 * that all of the destination is written, its pad lanes with zeros, and that the source and what surrounds
 * the buffers stay as they are. The first execution has its buffers against the upper guard page, with
 * `guard` the second one against the lower. LW_ERR_NO_MEMORY where the tensors need more than 1.5 GB. */
void lw_verify(const char *kernel, const lw_desc *desc, const struct lw_verify_options *opt,
               struct lw_verify_result *result);

/* Compares a given destination (of desc's dst_layout) with the reference on given NCHW source data: each
 * output within bound * 2^-24 * scale (0: the same bits; `exact`: an equal value where the scale is at most
 * 2^18), NaN for NaN, an infinity for the same infinity or where a partial sum may overflow. With a spread
 * anything goes where Inf or NaN is in reach, and nowhere else. The bias isn't read where desc has none. */
void lw_verify_output(const lw_desc *desc, const float *src_nchw, const float *weights, const float *bias,
                      const float *dst, double bound, const struct lw_verify_options *opt,
                      struct lw_verify_result *result);

#endif
