#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dispatch/cost.h"
#include "dispatch/error.h"
#include "dispatch/measure.h"
#include "dispatch/plan.h"
#include "dispatch/select.h"
#include "dispatch/size.h"
#include "dispatch/wisdom.h"

/* ---- the question -------------------------------------------------------------------------------------- */

lw_options lw_default_options(void) {
    return (lw_options){.effort = LW_ESTIMATE, .max_error = LW_ERROR_FAST, .threads = 1};
}

static lw_status check_options(const lw_options *opt, lw_error *err) {
    if ((unsigned)opt->effort > LW_WISDOM_ONLY)
        return lw_fail(err, LW_ERR_INVALID, "effort is %d, which is no effort", (int)opt->effort);
    if (!(opt->max_error >= 0.0))
        return lw_fail(err, LW_ERR_INVALID, "max_error is %g, but must be 0 or more", opt->max_error);
    if (opt->threads < 0 || opt->threads > LW_MAX_THREADS)
        return lw_fail(err, LW_ERR_INVALID, "threads is %d, but must be 0 to %d", opt->threads,
                       LW_MAX_THREADS);
    return LW_OK;
}

lw_status lw_request_init(struct lw_request *request, const lw_desc *desc, const lw_options *opt,
                          lw_error *err) {
    *request = (struct lw_request){
        .desc = desc, .target = &lw_target_here, .opt = opt ? *opt : lw_default_options()};
    lw_status status = lw_desc_check(desc, err);
    if (status == LW_OK) status = check_options(&request->opt, err);
    if (status == LW_OK) status = lw_environment_read(&request->env, err);
    if (status != LW_OK) return status;
    if (request->opt.pool)
        request->opt.threads = lw_pool_threads(request->opt.pool);
    else if (!request->opt.threads)
        request->opt.threads = 1;
    request->opt.reproducible |= request->env.reproducible;
    request->pool = request->opt.pool;
    return LW_OK;
}

/* ---- candidates ---------------------------------------------------------------------------------------- */

static void refuse(lw_candidate *c, const char *reason) {
    c->eligible = false;
    snprintf(c->reason, sizeof c->reason, "%s", reason);
}

/* Classes of error: whatever sums directly is as good as float gets, and always admitted. */
static bool within_error(const lw_candidate *c, const struct lw_kernel *kernel, double max_error) {
    bool direct = strcmp(kernel->algorithm, "winograd") != 0;
    return direct || (max_error > 0.0 && c->rel_l2 <= max_error);
}

/* May rows of this ISA run where the choice is for? */
static bool usable(const struct lw_request *r, size_t isa_index, const char **reason) {
    *reason = "";
    return r->target->elsewhere || lw_isa_usable(isa_index, r->env.isa_cap, reason);
}

/* Fills what is known without running the row, which accepts the problem. false: a size overflows. */
static bool describe(const struct lw_request *r, struct lw_considered *x) {
    const struct lw_kernel *k = x->row.kernel;
    lw_candidate *c = &x->c;
    int threads = lw_row_threads(&x->row, r->desc, r->opt.threads, r->opt.max_workspace);
    c->ns = lw_row_ns(&x->row, r->desc); /* of one thread: the choice, and so the bits, don't depend on how
                                            many there are */
    c->ns_low = c->ns / 2;               /* the cost model claims no more than a factor of two */
    c->ns_high = c->ns * 2;
    c->source = r->target->source;
    c->bound = k->bound(r->desc);
    c->rel_l2 = k->rel_l2(r->desc);
    size_t one;
    return lw_row_packed_bytes(k, r->desc, &c->packed_bytes) && lw_row_thread_workspace(k, r->desc, &one) &&
           !__builtin_mul_overflow(one, (size_t)threads, &c->workspace_bytes);
}

/* Everything but opt.isa and forcing. */
static void consider(const struct lw_request *r, struct lw_considered *x) {
    lw_candidate *c = &x->c;
    const struct lw_kernel *k = x->row.kernel;
    const char *reason;
    c->kernel = k->name;
    c->source = "";
    c->eligible = true;
    if (!usable(r, x->row.isa_index, &reason) || !lw_row_accepts(&x->row, r->desc, &reason)) {
        refuse(c, reason);
        return;
    }
    char text[sizeof c->reason];
    if (!describe(r, x))
        refuse(c, "its sizes overflow the address range");
    else if (r->opt.max_workspace && c->workspace_bytes > r->opt.max_workspace) {
        snprintf(text, sizeof text, "its workspace of %zu bytes is above the budget of %zu",
                 c->workspace_bytes, r->opt.max_workspace);
        refuse(c, text);
    } else if (!within_error(c, k, r->opt.max_error)) {
        snprintf(text, sizeof text, "its relative L2 error %.1e is above the budget %.1e", c->rel_l2,
                 r->opt.max_error);
        refuse(c, text);
        x->over_error = true;
    }
}

static lw_status list_rows(const struct lw_request *r, struct lw_selection *s, lw_error *err) {
    struct lw_row row;
    size_t rows = 1;
    for (size_t i = 0; i < r->target->isa_count; i++)
        rows += r->target->isas[i]->row_count;
    s->list = calloc(rows, sizeof *s->list);
    if (!s->list) return lw_fail(err, LW_ERR_NO_MEMORY, "no memory for the list of kernels");
    for (size_t i = 0; lw_target_row(r->target, i, &row); i++)
        if (row.kernel->op == r->desc->op) {
            s->list[s->count].row = r->opt.reproducible ? lw_row_reproducible(row) : row;
            consider(r, &s->list[s->count++]);
        }
    return LW_OK;
}

/* ---- reproducible plans -------------------------------------------------------------------------------- */

static bool is_scalar(const struct lw_request *r, const struct lw_considered *x) {
    return x->row.isa_index == r->target->isa_count - 1;
}

/* The row whose family a reproducible plan takes; NULL: none will do. Other algorithms give other bits, so it
 * is chosen by what is the same on every CPU: the estimates, errors and workspaces of the scalar rows, which
 * every build has. A forced row brings its own family, if that has a scalar row. */
static const struct lw_row *family_of_choice(const struct lw_request *r, const struct lw_selection *s,
                                             const char *forced) {
    const struct lw_considered *best = NULL;
    struct lw_row row;
    bool known = forced && lw_target_find(r->target, forced, &row);
    for (size_t i = 0; i < s->count; i++) {
        const struct lw_considered *x = &s->list[i];
        if (!is_scalar(r, x)) continue;
        if (known ? lw_row_same_family(&x->row, &row) : x->c.eligible && (!best || x->c.ns < best->c.ns))
            best = x;
    }
    return best ? &best->row : NULL;
}

/* Which ISA's row does the sums of that family remains to be chosen. */
static void keep_family(const struct lw_request *r, struct lw_selection *s, const char *forced) {
    const struct lw_row *family = family_of_choice(r, s, forced);
    for (size_t i = 0; i < s->count; i++) {
        struct lw_considered *x = &s->list[i];
        if (family && lw_row_same_family(family, &x->row)) continue;
        if (x->c.eligible || x->over_error)
            refuse(&x->c, family ? "another algorithm would give other bits (reproducible)"
                                 : "no scalar row within the budgets gives its bits (reproducible)");
        x->over_error = false;
    }
}

/* opt.isa keeps that ISA's rows, or the scalar ones (the last ISA's) where it has none. */
static lw_status keep_isa(const struct lw_request *r, struct lw_selection *s, lw_error *err) {
    size_t isa, scalar = r->target->isa_count - 1;
    const char *name = r->opt.isa, *reason;
    if (!lw_target_isa(r->target, name, &isa))
        return lw_fail(err, LW_ERR_UNKNOWN, "%s has no ISA named '%.60s'",
                       r->target->elsewhere ? "that CPU" : "this build", name);
    if (!usable(r, isa, &reason)) return lw_fail(err, LW_ERR_ISA, "ISA %s: %s", name, reason);
    bool any = false;
    for (size_t i = 0; i < s->count; i++)
        any |= s->list[i].row.isa_index == isa && s->list[i].c.eligible;
    size_t kept = any ? isa : scalar;
    char text[96];
    snprintf(text, sizeof text, "ISA %.60s was asked for", name);
    for (size_t i = 0; i < s->count; i++) {
        struct lw_considered *x = &s->list[i];
        if (x->row.isa_index == kept) continue;
        if (x->c.eligible || x->over_error) refuse(&x->c, text);
        x->over_error = false;
    }
    return LW_OK;
}

/* ---- the rules ----------------------------------------------------------------------------------------- */

/* The name that is forced on this problem, or NULL. LANEWISE_KERNEL speaks of its own operation only. */
static const char *forced_name(const struct lw_request *r) {
    struct lw_row row;
    if (r->opt.kernel) return r->opt.kernel;
    if (r->target->elsewhere) return NULL;
    bool applies = r->env.kernel && lw_row_find(r->env.kernel, &row) && row.kernel->op == r->desc->op;
    return applies ? r->env.kernel : NULL;
}

static size_t position(const struct lw_selection *s, const struct lw_row *row) {
    size_t i = 0;
    while (i < s->count && s->list[i].row.index != row->index)
        i++;
    return i;
}

/* Forcing overrides the error budget, but for strict: that one is a promise about the results. */
static lw_status force(const struct lw_request *r, struct lw_selection *s, const char *name, lw_error *err) {
    struct lw_row row;
    const char *reason;
    s->rule = "forced";
    if (!lw_target_find(r->target, name, &row))
        return lw_fail(err, LW_ERR_UNKNOWN, "no kernel %s'%.100s'",
                       r->target->elsewhere ? "of that CPU's ISAs is named " : "is named ", name);
    if (!usable(r, row.isa_index, &reason))
        return lw_fail(err, LW_ERR_ISA, "%s can't run here: %s", name, reason);
    if (!lw_row_accepts(&row, r->desc, &reason))
        return lw_fail(err, LW_ERR_UNSUPPORTED, "%s: %s", name, reason);
    size_t i = position(s, &row);
    struct lw_considered *x = &s->list[i];
    if (!x->c.eligible && !(x->over_error && r->opt.max_error > 0.0))
        return lw_fail(err, LW_ERR_UNSUPPORTED, "%s: %s", name, x->c.reason);
    x->c.eligible = true;
    x->c.reason[0] = 0;
    s->chosen = i;
    return LW_OK;
}

/* Scalar C has not once been the fastest where vectors take the problem too, so an estimate that says so is
 * in error: it has to be half as long. */
static double doubted_ns(const struct lw_considered *x) { return x->c.ns * (x->row.isa->lanes == 1 ? 2 : 1); }

static void choose_estimated(const struct lw_request *r, struct lw_selection *s) {
    s->rule = r->target->source;
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].c.eligible &&
            (s->chosen == s->count || doubted_ns(&s->list[i]) < doubted_ns(&s->list[s->chosen])))
            s->chosen = i;
}

static lw_status choose(const struct lw_request *r, struct lw_selection *s, lw_error *err) {
    const char *forced = forced_name(r);
    if (r->opt.reproducible) keep_family(r, s, forced);
    if (r->opt.isa) {
        lw_status status = keep_isa(r, s, err);
        if (status != LW_OK) return status;
    }
    if (forced) return force(r, s, forced, err);
    size_t eligible = 0;
    for (size_t i = 0; i < s->count; i++)
        eligible += s->list[i].c.eligible;
    if (!s->count)
        return lw_fail(err, LW_ERR_UNSUPPORTED, "this build of the library has no %s kernel",
                       lw_op_name(r->desc->op));
    if (!eligible)
        return lw_fail(err, LW_ERR_UNSUPPORTED,
                       "none of the %zu %s kernels takes this problem within the budgets%s", s->count,
                       lw_op_name(r->desc->op), r->opt.reproducible ? " and reproducibly" : "");
    s->rule = "wisdom";
    if (lw_wisdom_lookup(r, s)) return LW_OK;
    if (r->opt.effort == LW_WISDOM_ONLY) {
        char problem[256];
        lw_desc_text(r->desc, problem, sizeof problem);
        return lw_fail(err, LW_ERR_NO_WISDOM, "nothing is known about %s on %d threads", problem,
                       r->opt.threads);
    }
    s->rule = "measured";
    if (r->opt.effort == LW_MEASURE) return lw_measure(r, s->list, s->count, &s->chosen, err);
    choose_estimated(r, s);
    return LW_OK;
}

static void log_decision(const struct lw_request *r, const struct lw_selection *s, lw_status status) {
    char problem[256];
    size_t eligible = 0;
    for (size_t i = 0; i < s->count; i++)
        eligible += s->list[i].c.eligible;
    lw_desc_text(r->desc, problem, sizeof problem);
    if (status == LW_OK)
        lw_log_line("%s: %s (%s, %.2f us; %zu of %zu kernels eligible)", problem, s->list[s->chosen].c.kernel,
                    s->rule, s->list[s->chosen].c.ns * 1e-3, eligible, s->count);
    else
        lw_log_line("%s: no kernel (%s)", problem, lw_status_text(status));
}

lw_status lw_select(const struct lw_request *request, struct lw_selection *selection, lw_error *err) {
    *selection = (struct lw_selection){.rule = "estimated"};
    lw_status status = list_rows(request, selection, err);
    selection->chosen = selection->count;
    if (status == LW_OK) status = choose(request, selection, err);
    if (request->env.verbose) log_decision(request, selection, status);
    if (status != LW_OK && status != LW_ERR_UNSUPPORTED && status != LW_ERR_NO_WISDOM) {
        free(selection->list);
        *selection = (struct lw_selection){.rule = ""};
    }
    return status;
}
