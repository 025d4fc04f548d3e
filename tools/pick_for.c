#include <string.h>

#include "pick.h"

/* Why there is no row: the question's failing, or that of the row which came nearest. */
static void say_why(const lw_explanation *e, const lw_options *opt, struct pick *p) {
    if (opt->effort == LW_WISDOM_ONLY && strcmp(e->rule, "wisdom") == 0) {
        snprintf(p->why, sizeof p->why, "nothing is known about it: lanewise tune times it");
        return;
    }
    snprintf(p->why, sizeof p->why, "no row takes it within the budgets");
    for (size_t i = 0; opt->kernel && i < e->count; i++)
        if (strcmp(e->candidates[i].kernel, opt->kernel) == 0)
            snprintf(p->why, sizeof p->why, "%s: %s", opt->kernel, e->candidates[i].reason);
}

int pick_for(const struct lw_target *target, const lw_options *opt, struct pick *p) {
    lw_explanation *e = NULL;
    lw_error err = {0};
    if (lw_explain_for(&e, target, &p->desc, opt, &err) != LW_OK) return cli_fail_error(&err, p->name);
    p->rule = e->rule;
    for (size_t i = 0; e->chosen && i < e->count; i++)
        if (strcmp(e->candidates[i].kernel, e->chosen) == 0) p->row = e->candidates[i];
    if (!e->chosen) say_why(e, opt, p);
    lw_explanation_free(e);
    return CLI_GO;
}
