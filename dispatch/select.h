/* Which row runs a problem, and why: forced > wisdom > measured > estimated (for another CPU: predicted). */
#ifndef LW_SELECT_H
#define LW_SELECT_H

#include "dispatch/environment.h"
#include "dispatch/registry.h"

/* A plan's question, checked and with the defaults filled in. */
struct lw_request {
    const lw_desc *desc;
    const struct lw_target *target;
    lw_options opt; /* threads >= 1 */
    struct lw_environment env;
    lw_pool *pool; /* what measurements run on; NULL: one thread */
};

/* One row of the problem's operation. */
struct lw_considered {
    struct lw_row row;
    lw_candidate c;
    bool over_error; /* not eligible, for no reason but the error budget */
};

struct lw_selection {
    struct lw_considered *list; /* free() it */
    size_t count;
    size_t chosen; /* == count: none */
    const char *rule;
};

/* Checks the descriptor, options and environment. The target is this CPU. */
lw_status lw_request_init(struct lw_request *request, const lw_desc *desc, const lw_options *opt,
                          lw_error *err);

/* Fills the selection, also when no row is chosen (LW_ERR_UNSUPPORTED, LW_ERR_NO_WISDOM): the reasons are in
 * it then. With any other failure the selection is empty. */
lw_status lw_select(const struct lw_request *request, struct lw_selection *selection, lw_error *err);

#endif
