/* lanewise explain: which kernel a problem gets here, and why. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "dispatch/cost.h"
#include "dispatch/registry.h"
#include "other_cpu.h"
#include "question.h"
#include "reference/problem.h"

struct explain_options {
    struct cli_shared shared;
    struct question question;
    const char *cpu_name;
    struct other_cpu other;
    const struct lw_target *target;
    bool relu, no_bias;
    lw_op op;
};

/* What the row does, unit by unit; those it doesn't do are left out. */
static cJSON *work_json(const struct lw_target *target, const char *kernel, const lw_desc *d) {
    struct lw_work work = {{0}};
    struct lw_row row;
    cJSON *object = cJSON_CreateObject();
    if (lw_target_find(target, kernel, &row)) row.kernel->work(d, &lw_isa_costs(row.isa)->caches, &work);
    for (size_t i = 0; i < LW_WORK_COUNT; i++)
        if (work.unit[i] > 0) cJSON_AddNumberToObject(object, lw_work_unit(i), work.unit[i]);
    return object;
}

static int print_json(const struct explain_options *o, const struct lw_problem *problem, const lw_desc *d,
                      const lw_explanation *e) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "problem", problem->text);
    if (o->cpu_name) {
        cJSON_AddStringToObject(root, "cpu", o->other.name);
        other_cpu_json(&o->other, root);
    }
    cJSON_AddStringToObject(root, "op", lw_op_name(d->op));
    cJSON_AddStringToObject(root, "src_layout", lw_layout_name(d->src_layout));
    cJSON_AddStringToObject(root, "dst_layout", lw_layout_name(d->dst_layout));
    if (e->chosen)
        cJSON_AddStringToObject(root, "chosen", e->chosen);
    else
        cJSON_AddNullToObject(root, "chosen");
    cJSON_AddStringToObject(root, "rule", e->rule ? e->rule : "");
    cJSON *array = cJSON_AddArrayToObject(root, "candidates");
    for (size_t i = 0; i < e->count; i++) {
        const lw_candidate *c = &e->candidates[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "kernel", c->kernel);
        cJSON_AddBoolToObject(object, "eligible", c->eligible);
        cJSON_AddStringToObject(object, "reason", c->reason);
        cli_json_candidate(object, c);
        if (c->eligible) cJSON_AddItemToObject(object, "work", work_json(o->target, c->kernel, d));
        cJSON_AddItemToArray(array, object);
    }
    return cli_json_print(root, e->chosen ? LW_EXIT_OK : LW_EXIT_IMPOSSIBLE);
}

static bool is_chosen(const lw_explanation *e, const lw_candidate *c) {
    return e->chosen && strcmp(c->kernel, e->chosen) == 0;
}

static double chosen_ns(const lw_explanation *e) {
    for (size_t i = 0; i < e->count; i++)
        if (is_chosen(e, &e->candidates[i])) return e->candidates[i].ns;
    return 0;
}

/* What the rule means, in a line. */
static const char *rule_text(const lw_explanation *e, bool elsewhere) {
    static const struct {
        const char *rule, *chosen, *none;
    } rules[] = {
        {"forced", "asked for by name", ""},
        {"wisdom",
         "the fastest when lanewise tune timed this problem on this CPU (of equals the smaller one)",
         "nothing is known about this problem: lanewise tune times it"},
        {"measured", "the fastest of those timed just now (of equals the one with less memory)", ""},
        {"estimated",
         "the least time by the cost model; nothing is known: lanewise tune or --effort measure "
         "times it",
         "no kernel takes the problem within the budgets"},
        {"predicted",
         "the least time by the cost model and llvm-mca's models of that CPU; nothing was measured",
         "no kernel takes the problem within the budgets"},
    };
    if (elsewhere && e->chosen && strcmp(e->rule, "wisdom") == 0)
        return "the fastest when lanewise tune timed this problem on that CPU (of equals the smaller one)";
    for (size_t i = 0; i < CLI_COUNT(rules); i++)
        if (strcmp(e->rule, rules[i].rule) == 0) return e->chosen ? rules[i].chosen : rules[i].none;
    return "";
}

static bool is_guessed(const lw_candidate *c) {
    return strcmp(c->source, "estimated") == 0 || strcmp(c->source, "predicted") == 0;
}

/* Eligible ones first, those with a real time before those guessed; then the others in registry order. */
static int by_time(const void *a, const void *b) {
    const lw_candidate *x = *(const lw_candidate *const *)a, *y = *(const lw_candidate *const *)b;
    if (x->eligible != y->eligible) return x->eligible ? -1 : 1;
    bool guess = is_guessed(x), other_guess = is_guessed(y);
    if (x->eligible && guess != other_guess) return guess ? 1 : -1;
    if (x->eligible && x->ns != y->ns) return x->ns < y->ns ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Is a row that the model has to be faster passed over? */
static bool scalar_is_doubted(const lw_explanation *e, const lw_candidate *first) {
    bool guessed = strcmp(e->rule, "estimated") == 0 || strcmp(e->rule, "predicted") == 0;
    return guessed && e->chosen && is_guessed(first) && !is_chosen(e, first);
}

static int print_text(const struct explain_options *o, const struct lw_problem *problem, const lw_desc *d,
                      const lw_explanation *e) {
    const lw_candidate **order = calloc(e->count ? e->count : 1, sizeof *order);
    if (!order) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    for (size_t i = 0; i < e->count; i++)
        order[i] = &e->candidates[i];
    qsort(order, e->count, sizeof *order, by_time);
    printf("%s %s%s%s  %s -> %s%s%s\n", lw_op_name(d->op), problem->text, *problem->name ? "  " : "",
           problem->name, lw_layout_name(d->src_layout), lw_layout_name(d->dst_layout),
           d->pool2x2 ? ", pool 2x2" : "", d->relu ? ", relu" : "");
    printf("chosen: %s (%s)\n", e->chosen ? e->chosen : "none", e->rule);
    printf("why:    %s\n", rule_text(e, o->target->elsewhere));
    if (scalar_is_doubted(e, order[0]))
        puts("        (a scalar row is taken only where its estimate is half as long as any other's)");
    putchar('\n');
    printf("  %-38s %11s %6s  %-23s %-9s %9s %8s %9s %9s\n", "kernel", "us", "/ pick", "interval", "time is",
           "bound c", "rel.L2", "workspace", "packed");
    const double best = chosen_ns(e);
    size_t i = 0;
    for (; i < e->count && order[i]->eligible; i++) {
        const lw_candidate *c = order[i];
        char interval[48] = "", ratio[16] = "", workspace[16], packed[16];
        if (c->ns_high > 0 && c->ns_high != c->ns_low)
            snprintf(interval, sizeof interval, "%.2f .. %.2f", c->ns_low * 1e-3, c->ns_high * 1e-3);
        if (best > 0) snprintf(ratio, sizeof ratio, "%.2f", c->ns / best);
        printf("%s %-38s %11.2f %6s  %-23s %-9s %9.0f %8.1e %9s %9s\n", is_chosen(e, c) ? "*" : " ",
               c->kernel, c->ns * 1e-3, ratio, interval, c->source, c->bound, c->rel_l2,
               cli_bytes_text(c->workspace_bytes, workspace), cli_bytes_text(c->packed_bytes, packed));
    }
    if (i < e->count) printf("\nnot eligible:\n");
    for (; i < e->count; i++)
        printf("  %-38s %s\n", order[i]->kernel, order[i]->reason);
    free(order);
    return e->chosen ? LW_EXIT_OK : LW_EXIT_IMPOSSIBLE;
}

static int explain(struct explain_options *o, const char *string) {
    char why[200];
    struct lw_problem problem;
    if (lw_problem_parse(o->op, string, o->shared.mb, &problem, why) != LW_PARSE_OK)
        return cli_fail(LW_EXIT_USAGE, "%s: %s", string, why);
    lw_desc d = problem.desc;
    d.relu = o->relu;
    d.pool2x2 = o->question.pool != NULL;
    if (o->no_bias) d.bias = false;
    d = question_desc(&o->question, &d);
    lw_error err = {0};
    if (lw_desc_check(&d, &err) != LW_OK) return cli_fail_error(&err, string);
    lw_explanation *e = NULL;
    if (lw_explain_for(&e, o->target, &d, &o->question.plan, &err) != LW_OK)
        return cli_fail_error(&err, NULL);
    if (o->cpu_name && !o->shared.json) printf("for %s\n", o->other.name);
    int status = o->shared.json ? print_json(o, &problem, &d, e) : print_text(o, &problem, &d, e);
    if (o->cpu_name && !o->shared.json) other_cpu_print_note(&o->other);
    if (!e->chosen) status = cli_fail(LW_EXIT_IMPOSSIBLE, "%s", rule_text(e, o->target->elsewhere));
    lw_explanation_free(e);
    return status;
}

static int check_usage(struct explain_options *o, const struct cli_strings *problems) {
    if (problems->count != 1)
        return cli_fail(LW_EXIT_USAGE, "needs one problem (see lanewise explain --help)");
    int status = question_read(&o->question, &o->shared);
    if (status != CLI_GO) return status;
    o->op = o->shared.op.given ? o->shared.op.op : LW_CONV;
    if (o->question.pool && o->op != LW_CONV) return cli_fail(LW_EXIT_USAGE, "--pool: only conv fuses it");
    if (o->relu && o->op != LW_CONV && o->op != LW_LINEAR)
        return cli_fail(LW_EXIT_USAGE, "--relu: only conv and linear fuse it");
    return CLI_GO;
}

int cmd_explain(int argc, char **argv) {
    struct explain_options o = {0};
    struct cli_strings problems = {0};
    struct cli_shared *s = &o.shared;
    const struct cli_option options[] = {
        CLI_OPT_OP(s),           OPT_CPU(&o.cpu_name),    OPT_MAX_ERROR(&o.question),
        OPT_EFFORT(&o.question), OPT_LAYOUT(&o.question), OPT_RELU(&o),
        OPT_POOL(&o.question),   OPT_NO_BIAS(&o),         OPT_FORCE(s),
        CLI_OPT_ISA(s),          CLI_OPT_MB(s),           CLI_OPT_THREADS(s),
        CLI_OPT_WISDOM(s),       CLI_OPT_REPRODUCIBLE(s), CLI_OPT_JSON(s),
    };
    const struct cli_command command = {
        .name = "explain",
        .usage = "[options] PROBLEM",
        .about = "Tells which kernel a plan of PROBLEM would use on this CPU, which rule decided, and of "
                 "every other\n"
                 "kernel its time and error, or why it isn't eligible.",
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &problems,
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = check_usage(&o, &problems);
    if (status == CLI_GO) status = other_cpu_choose(&o.other, o.cpu_name, s, &o.target);
    if (status == CLI_GO) status = explain(&o, problems.items[0]);
    other_cpu_free(&o.other);
    cli_strings_free(&problems);
    return status;
}
