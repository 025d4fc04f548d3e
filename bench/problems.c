#include "problems.h"

#include <stdlib.h>
#include <string.h>
#include "kernels/kernel.h"
#include "reference/problem.h"
#include "shapes.h"

struct tail {
    bool relu, pool2x2;
};

static const struct {
    const char *name;
    struct tail tail;
} tails[] = {{"none", {false, false}},
             {"relu", {true, false}},
             {"pool2x2", {false, true}},
             {"relu+pool2x2", {true, true}}};

static const char *const quick_names[] = {[QUICK_ALL] = "all", [QUICK_BEST] = "best", [QUICK_NONE] = "none"};

/* What the option lines have set so far. */
struct state {
    const struct bench_source *source;
    struct bench_problems *problems;
    const char *from; /* file, or NULL */
    struct tail tail;
    enum bench_quick quick;
};

/* true: one of our own option lines. */
static bool read_option(struct state *s, const char *text) {
    const char *tail = strncmp(text, "--tail=", 7) == 0 ? text + 7 : NULL;
    const char *quick = strncmp(text, "--quick=", 8) == 0 ? text + 8 : NULL;
    for (size_t i = 0; tail && i < CLI_COUNT(tails); i++) {
        if (strcmp(tail, tails[i].name) != 0) continue;
        s->tail = tails[i].tail;
        return true;
    }
    for (size_t i = 0; quick && i < CLI_COUNT(quick_names); i++) {
        if (strcmp(quick, quick_names[i]) != 0) continue;
        s->quick = (enum bench_quick)i;
        return true;
    }
    return false;
}

static bool is_taken(const struct bench_problems *all, lw_op op, const char *name) {
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].desc.op == op && strcmp(all->items[i].name, name) == 0) return true;
    return false;
}

/* Names are parts of benchmark names, between slashes. */
static void set_name(const struct bench_problems *all, struct bench_problem *p, const char *name) {
    char plain[192];
    snprintf(plain, sizeof plain, "%s", name);
    for (char *s = plain; *s; s++)
        if (*s == '/') *s = '_';
    snprintf(p->name, sizeof p->name, "%s", plain);
    for (unsigned n = 2; is_taken(all, p->desc.op, p->name); n++)
        snprintf(p->name, sizeof p->name, "%s#%u", plain, n);
}

static void note_skipped(struct state *s, const struct lw_problem_line *line, const char *why) {
    if (s->from)
        cli_note("%s:%d: skipped %s: %s", s->from, line->line, line->text, why);
    else
        cli_note("skipped %s: %s", line->text, why);
    s->problems->skipped++;
}

static int add(struct state *s, const struct lw_problem_line *line) {
    const struct bench_source *source = s->source;
    struct bench_problems *all = s->problems;
    struct bench_problem p = {.desc = line->problem.desc, .quick = s->quick};
    lw_desc *d = &p.desc;
    if (d->op == LW_CONV || d->op == LW_LINEAR) d->relu = source->relu || (s->tail.relu && !source->no_relu);
    d->bias = d->bias && !source->no_bias;
    if (d->op == LW_CONV) d->pool2x2 = source->pool2x2 || s->tail.pool2x2;
    lw_error err;
    if (lw_desc_check(d, &err) != LW_OK) {
        note_skipped(s, line, err.text);
        return CLI_GO;
    }
    set_name(all, &p, *line->problem.name ? line->problem.name : line->problem.text);
    if ((all->count & (all->count - 1)) == 0) { /* room doubles at every power of two */
        struct bench_problem *items = realloc(all->items, (all->count ? 2 * all->count : 1) * sizeof *items);
        if (!items) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
        all->items = items;
    }
    all->items[all->count++] = p;
    return CLI_GO;
}

static int add_lines(struct state *s, lw_op op, const struct lw_problem_list *list) {
    s->tail.relu = op == LW_CONV && !s->source->plain;
    s->tail.pool2x2 = false;
    s->quick = QUICK_BEST;
    int status = CLI_GO;
    for (size_t i = 0; i < list->count && status == CLI_GO; i++) {
        const struct lw_problem_line *line = &list->lines[i];
        if (line->status == LW_PARSE_OK)
            status = add(s, line);
        else if (line->status == LW_PARSE_BAD && s->from)
            status = cli_fail(LW_EXIT_USAGE, "%s:%d: %s: %s", s->from, line->line, line->text, line->why);
        else if (line->status == LW_PARSE_BAD)
            status = cli_fail(LW_EXIT_USAGE, "%s: %s", line->text, line->why);
        else if (strncmp(line->text, "--", 2) != 0)
            note_skipped(s, line, line->why);
        else if (!read_option(s, line->text))
            cli_note("%s:%d: %s: %s", s->from ? s->from : "argument", line->line, line->text, line->why);
    }
    return status;
}

static int read_given(struct state *s, lw_op op) {
    const struct bench_source *source = s->source;
    char why[200];
    int status = CLI_GO;
    for (size_t i = 0; i < source->files.count && status == CLI_GO; i++) {
        struct lw_problem_list list = {0};
        s->from = source->files.items[i];
        if (lw_problem_read_file(op, s->from, source->mb, &list, why))
            status = add_lines(s, op, &list);
        else
            status = cli_fail(LW_EXIT_USAGE, "%s", why);
        lw_problem_list_free(&list);
    }
    s->from = NULL;
    for (size_t i = 0; i < source->strings.count && status == CLI_GO; i++) {
        struct lw_problem_list list = {0};
        if (lw_problem_add(op, source->strings.items[i], source->mb, &list))
            status = add_lines(s, op, &list);
        else
            status = cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
        lw_problem_list_free(&list);
    }
    return status;
}

static int read_embedded(struct state *s) {
    const struct bench_source *source = s->source;
    char why[200];
    int status = CLI_GO;
    bool found = false;
    for (const struct lw_text *set = lw_texts_lw_shapes; set->name && status == CLI_GO; set++) {
        const char *dot = strrchr(set->name, '.');
        lw_op op;
        if (!dot || !cli_find_op(dot + 1, &op)) continue;
        if ((source->op.given && source->op.op != op) || !cli_match(source->set, set->name)) continue;
        found = true;
        struct lw_problem_list list = {0};
        s->from = set->name;
        if (lw_problem_read_text(op, set->name, set->text, source->mb, &list, why))
            status = add_lines(s, op, &list);
        else
            status = cli_fail(LW_EXIT_USAGE, "%s", why);
        lw_problem_list_free(&list);
    }
    if (status == CLI_GO && !found)
        return cli_fail(LW_EXIT_USAGE, "no problem set matches --set %s%s%s", source->set ? source->set : "*",
                        source->op.given ? " and --op " : "",
                        source->op.given ? lw_op_name(source->op.op) : "");
    return status;
}

int bench_problems_read(const struct bench_source *source, struct bench_problems *problems) {
    *problems = (struct bench_problems){0};
    struct state s = {.source = source, .problems = problems};
    bool given = source->files.count + source->strings.count > 0;
    if (given && source->set) return cli_fail(LW_EXIT_USAGE, "--set and problems exclude each other");
    return given ? read_given(&s, source->op.given ? source->op.op : LW_CONV) : read_embedded(&s);
}

void bench_problems_free(struct bench_problems *problems) {
    free(problems->items);
    *problems = (struct bench_problems){0};
}

size_t bench_layouts_of(const lw_desc *d, struct bench_layouts out[9]) {
    static const lw_layout inner[] = {LW_BLOCKED, LW_NCHW, LW_NHWC}, plain[] = {LW_NCHW, LW_NHWC, LW_BLOCKED};
    bool picture = d->op == LW_CONV && d->ic <= 4 && d->groups == 1;
    bool flat = d->op == LW_SOFTMAX || (d->op == LW_LINEAR && d->ih * d->iw == 1);
    bool scores = d->op == LW_SOFTMAX || d->op == LW_LINEAR;
    bool same = d->op == LW_MAXPOOL || d->op == LW_RELU;
    const lw_layout *src = picture || flat ? plain : inner, *dst = scores ? plain : inner;
    size_t count = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            if (!same || src[i] == dst[j]) out[count++] = (struct bench_layouts){src[i], dst[j]};
    return count;
}

double bench_flops(const lw_desc *d) {
    double values = (double)d->batch * (double)d->ic * (double)d->ih * (double)d->iw;
    double taps = (double)d->kh * (double)d->kw;
    double outputs = (double)d->batch * (double)d->oc * (double)lw_out_h(d) * (double)lw_out_w(d);
    switch (d->op) {
    case LW_CONV:
        return 2 * outputs * taps * (double)(d->ic / d->groups);
    case LW_MAXPOOL:
        return outputs * (taps > 1 ? taps - 1 : 1);
    case LW_LINEAR:
        return 2 * values * (double)d->oc;
    case LW_RELU:
        return values;
    default:
        return 5 * values;
    }
}

bool bench_multiplies(const lw_desc *d) { return d->op == LW_CONV || d->op == LW_LINEAR; }

double bench_bytes(const lw_desc *d) {
    size_t bias = d->bias ? (size_t)d->oc : 0;
    return sizeof(float) * (double)(lw_src_floats(d) + lw_dst_floats(d) + lw_weight_floats(d) + bias);
}
