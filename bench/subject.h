/* What one benchmark runs: a plan of ours or a peer's operation, on given data, and whether its result is
 * right. */
#ifndef LW_BENCH_SUBJECT_H
#define LW_BENCH_SUBJECT_H

#include "cases.h"
#include "data.h"
#include "ratio.h"
#include "reference/verify.h"

enum { BENCH_WHY = 320 };

struct bench_subject {
    const struct bench_case *c; /* NULL: none */
    const struct bench_data *data;
    lw_plan *plan; /* NULL: a peer's */
    void *workspace;
    float *src, *dst; /* a peer: src NULL, and dst gets what it stores */
    struct lw_peer_op *op;

    /* Of the first run and its check. */
    double first_seconds, rel_l2;
};

/* false: why in one line. A failed or zeroed one may be freed. data must outlive the subject. */
bool bench_subject_make(struct bench_subject *subject, const struct bench_case *c,
                        const struct bench_data *data, bool reproducible, char why[BENCH_WHY]);
void bench_subject_free(struct bench_subject *subject);

void bench_subject_run(void *subject);
/* Bytes that an execution touches: tensors, packed weights, workspace; of a peer only the tensors are known.
 */
double bench_subject_bytes(const struct bench_subject *subject);
struct bench_side bench_subject_side(struct bench_subject *subject);

/* Compares what the last run wrote with the reference; sets rel_l2. false: not possible here, or wrong
 * (*wrong), and why. */
bool bench_subject_check(struct bench_subject *subject, const struct lw_verify_options *opt,
                         double *err_over_bound, bool *wrong, char why[BENCH_WHY]);
/* The same after two runs over a destination of NaN, on borders, tails and a sample; sets first_seconds.
 * *seconds: of the second run. */
bool bench_subject_first_run(struct bench_subject *subject, double *seconds, double *err_over_bound,
                             bool *wrong, char why[BENCH_WHY]);

#endif
