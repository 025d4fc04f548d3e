/* What a property of the plan or of its data costs: short samples of two executions in turn. */
#ifndef LW_BENCH_COSTS_H
#define LW_BENCH_COSTS_H

#include "measure.h"

/* Of the case that is set up, beside its own plan and data; sets its reproducible_x and denormal_x: the time
 * of the row's reproducible twin, and on denormal source data, each divided by the row's own; 0 where that
 * would take long. The results on denormals are checked. false: they are wrong, or there is no memory; the
 * session says which. */
bool bench_costs(struct bench_session *session, struct bench_case *c);

#endif
