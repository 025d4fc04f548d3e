#include "cases.h"

#include <stdlib.h>
#include <string.h>

/* What --quick keeps of a QUICK_BEST problem: so many rows of each ISA (the scalar rows are there to compare
 * with), and no row that the cost model expects to take longer than this. */
enum { BEST_ROWS = 3, BEST_SCALAR_ROWS = 1 };
#define QUICK_LIMIT_NS 60e6

struct builder {
    const struct bench_choice *choice;
    struct bench_cases *cases;
};

/* ---- layouts ------------------------------------------------------------------------------------------- */

static lw_desc with_layouts(const lw_desc *desc, struct bench_layouts layouts) {
    lw_desc d = *desc;
    d.src_layout = layouts.src;
    d.dst_layout = layouts.dst;
    return d;
}

static bool accepts(struct builder *b, const char *kernel, const lw_desc *d) {
    lw_error err = {0};
    if (lw_desc_check(d, &err) == LW_OK && lw_kernel_accepts(kernel, d, &err) == LW_OK) return true;
    snprintf(b->cases->refused_why, sizeof b->cases->refused_why, "%s", err.text);
    return false;
}

/* ---- adding -------------------------------------------------------------------------------------------- */

/* Estimated time of a row on one thread; 0 when the cost model doesn't know. */
static double estimate(const lw_kernel_info *row, const lw_desc *d) {
    lw_options opt = lw_default_options();
    lw_explanation *why = NULL;
    double ns = 0;
    opt.kernel = row->name;
    if (lw_explain(&why, d, &opt, NULL) != LW_OK) return 0;
    for (size_t i = 0; i < why->count; i++)
        if (strcmp(why->candidates[i].kernel, row->name) == 0) ns = why->candidates[i].ns;
    lw_explanation_free(why);
    return ns;
}

static size_t isa_index(const char *name) {
    lw_isa_info isa;
    size_t i = 0;
    while (lw_isa_get(i, &isa) == LW_OK && strcmp(isa.name, name) != 0)
        i++;
    return i;
}

static bool add_case(struct builder *b, struct bench_case c) {
    struct bench_cases *all = b->cases;
    const char *layout = c.extra_layout ? lw_layout_name(c.desc.src_layout) : "";
    for (size_t i = 0; i < b->choice->thread_count; i++) {
        if ((all->count & (all->count - 1)) == 0) { /* room doubles at every power of two */
            struct bench_case *items = realloc(all->items, (all->count ? 2 * all->count : 1) * sizeof *items);
            if (!items) return false;
            all->items = items;
        }
        c.threads = b->choice->threads[i];
        snprintf(c.name, sizeof c.name, "%s/%s/%s/threads:%d%s%s", lw_op_name(c.row.op), c.problem->name,
                 c.row.name, c.threads, *layout ? "/" : "", layout);
        all->items[all->count++] = c;
    }
    return true;
}

/* A layout that one of the peers' rows is measured in. */
static bool peers_have(lw_op op, lw_layout layout) {
    for (const struct lw_peer *const *peer = lw_peers; *peer; peer++)
        for (size_t i = 0; i < (*peer)->row_count; i++)
            if ((*peer)->rows[i].op == op && (*peer)->rows[i].layout == layout) return true;
    return false;
}

/* One row on one problem, in one layout, or in its preferred and, for the full matrix, in each. */
static bool add_row(struct builder *b, const struct bench_problem *p, const struct bench_case *preferred) {
    const struct bench_choice *choice = b->choice;
    struct bench_case c = *preferred;
    if (!choice->one_layout && !add_case(b, c)) return false;
    for (lw_layout l = 0; l < LW_LAYOUT_COUNT; l++) {
        bool beside = choice->peers && choice->mode != BENCH_QUICK && peers_have(p->desc.op, l);
        bool wanted = choice->one_layout ? l == choice->layout : beside || choice->mode == BENCH_FULL;
        bool known = preferred->desc.src_layout == l && preferred->desc.dst_layout == l;
        c.extra_layout = !known;
        c.desc = with_layouts(&p->desc, (struct bench_layouts){l, l});
        if (!wanted || (known && !choice->one_layout)) continue;
        if (!accepts(b, c.row.name, &c.desc)) {
            b->cases->refused += choice->one_layout;
            continue;
        }
        if (!known) c.ns = estimate(&c.row, &c.desc);
        if (!add_case(b, c)) return false;
    }
    return true;
}

bool bench_same_layout(const struct bench_case *ours, const struct bench_case *peer) {
    lw_layout layout = peer->peer_row->layout;
    if (layout == LW_PEER_OWN) return !ours->extra_layout;
    return ours->desc.src_layout == layout && ours->desc.dst_layout == layout;
}

const char *bench_peer_layout(const struct bench_case *peer) {
    lw_layout layout = peer->peer_row->layout;
    return layout == LW_PEER_OWN ? "own" : lw_layout_name(layout);
}

/* The quick matrix has the layouts that our rows like best, and no conversions. */
static bool is_peer_wanted(const struct bench_choice *choice, const struct bench_problem *p,
                           const struct lw_peer_row *row) {
    struct bench_layouts layouts[9];
    if (row->op != p->desc.op || !cli_match(choice->kernel, row->name)) return false;
    if (choice->one_layout) return row->layout == choice->layout;
    if (choice->mode != BENCH_QUICK || row->layout == LW_PEER_OWN) return true;
    bench_layouts_of(&p->desc, layouts);
    return row->layout == layouts[0].src && row->layout == layouts[0].dst;
}

static bool add_peer_row(struct builder *b, const struct bench_problem *p, const struct lw_peer *peer,
                         const struct lw_peer_row *row) {
    struct bench_cases *all = b->cases;
    struct bench_case c = {.problem = p, .row = {.name = row->name, .op = row->op}, .peer = peer};
    char why[LW_PEER_TEXT];
    lw_isa_info isa;
    cli_widest_isa(b->choice->isa, &isa);
    c.peer_row = row;
    c.row.isa = isa.name;
    c.isa_index = isa_index(isa.name);
    c.desc = with_layouts(&p->desc, (struct bench_layouts){LW_NCHW, LW_NCHW});
    struct lw_peer_problem problem = {.desc = &c.desc, .threads = b->choice->threads[0]};
    if (peer->supports(row, &problem, why)) return add_case(b, c);
    all->peer_refused++;
    snprintf(all->peer_refused_why, sizeof all->peer_refused_why, "%s on %s: %s", row->name, p->name, why);
    return true;
}

static bool add_peers(struct builder *b, const struct bench_problem *p) {
    bool ok = true;
    for (const struct lw_peer *const *peer = lw_peers; b->choice->peers && *peer; peer++)
        for (size_t i = 0; ok && i < (*peer)->row_count; i++)
            if (is_peer_wanted(b->choice, p, &(*peer)->rows[i]))
                ok = add_peer_row(b, p, *peer, &(*peer)->rows[i]);
    return ok;
}

/* The row as it likes the problem best; false if it takes it in no layout. */
static bool prefer(struct builder *b, const struct bench_problem *p, const lw_kernel_info *row,
                   struct bench_case *c) {
    struct bench_layouts layouts[9];
    size_t count = bench_layouts_of(&p->desc, layouts);
    *c = (struct bench_case){.problem = p, .row = *row, .isa_index = isa_index(row->isa)};
    for (size_t i = 0; i < count; i++) {
        c->desc = with_layouts(&p->desc, layouts[i]);
        if (!accepts(b, row->name, &c->desc)) continue;
        c->ns = estimate(row, &c->desc);
        return true;
    }
    b->cases->refused++;
    return false;
}

/* How many of the same ISA are expected to be faster. */
static size_t rank(const struct bench_case *all, size_t count, size_t which) {
    size_t faster = 0;
    for (size_t i = 0; i < count; i++) {
        bool before = all[i].ns < all[which].ns || (all[i].ns == all[which].ns && i < which);
        if (all[i].isa_index == all[which].isa_index && before) faster++;
    }
    return faster;
}

static bool is_selected(const struct builder *b, const struct bench_case *rows, size_t count, size_t which) {
    if (b->choice->mode != BENCH_QUICK || rows[which].problem->quick == QUICK_ALL) return true;
    size_t best = strcmp(rows[which].row.isa, "scalar") == 0 ? BEST_SCALAR_ROWS : BEST_ROWS;
    return rows[which].ns <= QUICK_LIMIT_NS && rank(rows, count, which) < best;
}

static bool add_problem(struct builder *b, const struct bench_problem *p, const struct cli_rows *rows) {
    struct bench_case *taken = calloc(rows->count ? rows->count : 1, sizeof *taken);
    size_t count = 0;
    bool ok = taken != NULL;
    for (size_t i = 0; ok && i < rows->count; i++)
        if (rows->items[i].usable && prefer(b, p, &rows->items[i], &taken[count])) count++;
    for (size_t i = 0; ok && i < count; i++) {
        if (is_selected(b, taken, count, i))
            ok = add_row(b, p, &taken[i]);
        else
            b->cases->left_out++;
    }
    free(taken);
    return ok && add_peers(b, p);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static void count_rows(struct bench_cases *cases, const struct cli_rows *rows) {
    cases->rows += rows->count;
    cases->unusable += rows->unusable;
    for (size_t i = 0; i < rows->count; i++)
        if (!rows->items[i].usable)
            snprintf(cases->unusable_why, sizeof cases->unusable_why, "%s: %s", rows->items[i].name,
                     rows->items[i].reason);
}

static int explain_nothing(const struct bench_problems *problems, const struct bench_choice *choice,
                           const struct bench_cases *cases) {
    if (problems->count == 0) return cli_fail(LW_EXIT_IMPOSSIBLE, "no problem is left to measure");
    size_t kept = 0;
    for (size_t i = 0; i < problems->count; i++)
        kept += choice->mode != BENCH_QUICK || problems->items[i].quick != QUICK_NONE;
    if (kept == 0) return cli_fail(LW_EXIT_USAGE, "the quick matrix has none of these problems: add --full");
    if (cases->rows == 0 && cases->peer_refused == 0)
        return cli_fail(LW_EXIT_USAGE, "no kernel row of these operations matches --kernel %s%s%s",
                        choice->kernel ? choice->kernel : "*", choice->isa ? " and --isa " : "",
                        choice->isa ? choice->isa : "");
    const char *why = *cases->refused_why        ? cases->refused_why
                      : *cases->peer_refused_why ? cases->peer_refused_why
                                                 : cases->unusable_why;
    return cli_fail(LW_EXIT_IMPOSSIBLE, "no row takes any of the problems here; %s", why);
}

int bench_cases_build(const struct bench_problems *problems, const struct bench_choice *choice,
                      struct bench_cases *cases) {
    *cases = (struct bench_cases){0};
    struct builder b = {choice, cases};
    struct cli_rows rows[LW_OP_COUNT] = {{0}};
    bool ok = true, seen[LW_OP_COUNT] = {false};
    for (size_t i = 0; ok && i < problems->count; i++) {
        const struct bench_problem *p = &problems->items[i];
        lw_op op = p->desc.op;
        if (choice->mode == BENCH_QUICK && p->quick == QUICK_NONE) continue;
        if (!seen[op]) {
            seen[op] = true;
            ok = cli_select_rows(op, choice->kernel, choice->isa, &rows[op]);
            if (ok) count_rows(cases, &rows[op]);
        }
        ok = ok && add_problem(&b, p, &rows[op]);
    }
    for (int op = 0; op < LW_OP_COUNT; op++)
        cli_rows_free(&rows[op]);
    if (!ok) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    return cases->count ? CLI_GO : explain_nothing(problems, choice, cases);
}

void bench_cases_free(struct bench_cases *cases) {
    free(cases->items);
    *cases = (struct bench_cases){0};
}
