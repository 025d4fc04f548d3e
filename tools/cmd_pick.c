/* lanewise pick: the row for each of a list of problems. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/problems.h"
#include "commands.h"
#include "models/mnist_cnn.h"
#include "other_cpu.h"
#include "pick.h"
#include "question.h"

struct pick_command {
    struct cli_shared shared;
    struct question question;
    struct bench_source source;
    const char *emit, *prefix, *out, *cpu_name;
    bool mnist, fallback, list_cpus;
    pick_emitter *emitter; /* NULL: a person reads the picks, or JSON */
    struct bench_problems problems;
    struct pick_list list;
    lw_cpu_info cpu;
    struct other_cpu other;
    const struct lw_target *target;
};

static const char about[] =
    "Picks the row for each problem, as a plan on this CPU would: forced, by wisdom, or by the estimate. "
    "Without\n"
    "problems: all that the matrix has.\n"
    "\n"
    "--cpu NAME picks for another CPU: by what was measured on it (results/ or --wisdom FILE), else "
    "predicted; "
    "--list\n"
    "tells which are known and how well that does (docs/picking.md).\n"
    "\n"
    "--emit c writes a table in C that forces these rows, for programs that shall tune nothing; --emit h its "
    "declarations\n"
    "alone; --emit cmake the rows as a list, for a library with just them (docs/embedding.md).";

static int read_emit(struct pick_command *c) {
    static const struct {
        const char *name;
        pick_emitter *emitter;
    } forms[] = {{"c", pick_emit_c}, {"h", pick_emit_h}, {"cmake", pick_emit_cmake}};
    for (size_t i = 0; c->emit && i < CLI_COUNT(forms); i++)
        if (strcmp(c->emit, forms[i].name) == 0) c->emitter = forms[i].emitter;
    if (c->emit && !c->emitter) return cli_fail(LW_EXIT_USAGE, "--emit %s: c, h or cmake", c->emit);
    if (c->emit && c->shared.json) return cli_fail(LW_EXIT_USAGE, "--emit and --json exclude each other");
    if (c->out && !c->emit) return cli_fail(LW_EXIT_USAGE, "-o goes with --emit");
    if (c->prefix && (!c->emit || c->emitter == pick_emit_cmake))
        return cli_fail(LW_EXIT_USAGE, "--prefix goes with --emit c and --emit h");
    if (c->fallback && c->emitter != pick_emit_cmake)
        return cli_fail(LW_EXIT_USAGE, "--fallback goes with --emit cmake");
    if (!c->prefix) c->prefix = "lw_picks";
    const char *s = c->prefix;
    while (isalnum((unsigned char)*s) || *s == '_')
        s++;
    if (!*s && isalpha((unsigned char)*c->prefix) && s - c->prefix <= PICK_PREFIX_MAX) return CLI_GO;
    return cli_fail(LW_EXIT_USAGE, "--prefix %s: a C name of at most %d characters, a letter first",
                    c->prefix, PICK_PREFIX_MAX);
}

/* Beside --list, which tells of CPUs, not of problems. */
static bool asks_for_picks(const struct pick_command *c) {
    const struct cli_shared *s = &c->shared;
    const struct question *q = &c->question;
    const char *const given[] = {c->source.set, c->cpu_name, c->emit,      s->isa,   s->kernel,
                                 q->layout,     q->pool,     q->max_error, q->effort};
    for (size_t i = 0; i < CLI_COUNT(given); i++)
        if (given[i]) return true;
    return s->op.given || c->mnist || c->source.relu || c->source.no_relu || c->source.no_bias || s->mb ||
           s->threads || s->reproducible;
}

static int check_usage(struct pick_command *c) {
    c->source.op = c->shared.op;
    c->source.files = c->shared.batch;
    c->source.mb = c->shared.mb;
    c->source.pool2x2 = c->question.pool != NULL;
    c->source.plain = true;
    bool problems = c->source.strings.count + c->source.files.count > 0;
    if (c->mnist && (problems || c->source.set))
        return cli_fail(LW_EXIT_USAGE, "--mnist and problems exclude each other");
    if (c->mnist && c->question.layout)
        return cli_fail(LW_EXIT_USAGE, "--mnist and --layout exclude each other: the model has its own");
    if (c->source.relu && c->source.no_relu)
        return cli_fail(LW_EXIT_USAGE, "--relu and --no-relu exclude each other");
    int status = question_read(&c->question, &c->shared);
    if (status == CLI_GO) status = read_emit(c);
    if (status == CLI_GO && c->list_cpus && (problems || asks_for_picks(c)))
        status = cli_fail(LW_EXIT_USAGE, "--list takes --wisdom and --json alone");
    return status;
}

static void add_model(struct pick_command *c) {
    const struct question network = {.layout = "network", .network = true};
    for (int layer = 0; layer < LWM_CNN_LAYERS; layer++) {
        lw_desc d = lwm_cnn_layer_desc((enum lwm_cnn_layer)layer, c->shared.mb ? c->shared.mb : 1);
        c->list.items[c->list.count++] =
            (struct pick){.name = lwm_cnn_layer_names[layer], .desc = question_desc(&network, &d)};
    }
}

static void add_problems(struct pick_command *c) {
    for (size_t i = 0; i < c->problems.count; i++) {
        const struct bench_problem *p = &c->problems.items[i];
        c->list.items[c->list.count++] =
            (struct pick){.name = p->name, .desc = question_desc(&c->question, &p->desc)};
    }
}

static int list_problems(struct pick_command *c) {
    int status = c->mnist ? CLI_GO : bench_problems_read(&c->source, &c->problems);
    if (status != CLI_GO) return status;
    c->list.items = calloc(c->problems.count + LWM_CNN_LAYERS, sizeof *c->list.items);
    if (!c->list.items) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    if (c->mnist)
        add_model(c);
    else
        add_problems(c);
    return c->list.count ? CLI_GO : cli_fail(LW_EXIT_USAGE, "no problem is left");
}

static int fill(struct pick_command *c, const lw_options *opt) {
    int status = CLI_GO;
    for (size_t i = 0; i < c->list.count && status == CLI_GO; i++) {
        struct pick *p = &c->list.items[i];
        if (p->row.kernel || *p->why) continue;
        if (opt->effort == LW_MEASURE) cli_progress("measuring %s", p->name);
        status = pick_for(c->target, opt, p);
        c->list.missing += !p->row.kernel;
    }
    cli_progress_clear();
    return status;
}

/* The scalar row of each problem as well. Reproducible plans can't be made without it. */
static int add_fallback(struct pick_command *c) {
    struct pick_list *list = &c->list;
    lw_options scalar = c->question.plan;
    struct pick *items = realloc(list->items, 2 * list->count * sizeof *items);
    if (!items) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    list->items = items;
    for (size_t i = 0, count = list->count; i < count; i++)
        items[list->count++] = (struct pick){.name = items[i].name, .desc = items[i].desc};
    scalar.isa = "scalar";
    scalar.kernel = NULL;
    return fill(c, &scalar);
}

static int pick(struct pick_command *c) {
    lw_cpu_get(&c->cpu);
    c->list.cpu = c->cpu_name ? c->other.name : c->cpu.model;
    c->list.reproducible = c->question.plan.reproducible;
    int status = fill(c, &c->question.plan);
    bool fallback = c->fallback || (c->list.reproducible && c->emitter == pick_emit_cmake);
    return status == CLI_GO && fallback ? add_fallback(c) : status;
}

static int no_row(const struct pick_list *list) {
    const struct pick *p = list->items;
    while (p->row.kernel)
        p++;
    return cli_fail(LW_EXIT_IMPOSSIBLE, "no row for %zu of %zu problems: %s: %s", list->missing, list->count,
                    p->name, p->why);
}

static int emit(const struct pick_command *c) {
    struct cli_file file;
    if (c->list.missing) return no_row(&c->list);
    if (!c->out) {
        c->emitter(&c->list, c->prefix, stdout);
        return LW_EXIT_OK;
    }
    if (cli_file_open(&file, c->out)) {
        c->emitter(&c->list, c->prefix, file.stream);
        if (cli_file_commit(&file)) return LW_EXIT_OK;
    }
    return cli_fail(LW_EXIT_USAGE, "%s: %s", c->out, strerror(errno));
}

/* Are there times of another CPU that weren't measured? */
static bool guessed(const struct pick_command *c) {
    bool any = false;
    for (size_t i = 0; i < c->list.count; i++)
        any |= c->list.items[i].row.kernel && strcmp(c->list.items[i].row.source, c->target->source) == 0;
    return any && c->target->elsewhere;
}

static int tell(const struct pick_command *c) {
    int status = LW_EXIT_OK;
    if (c->emitter) return emit(c);
    if (c->shared.json) {
        cJSON *root = pick_json(&c->list);
        if (c->cpu_name) other_cpu_json(&c->other, root);
        status = cli_json_print(root, status);
    } else {
        pick_print(&c->list);
        if (guessed(c)) other_cpu_print_note(&c->other);
    }
    return status == LW_EXIT_OK && c->list.missing ? no_row(&c->list) : status;
}

int cmd_pick(int argc, char **argv) {
    struct pick_command c = {.target = &lw_target_here};
    struct cli_shared *s = &c.shared;
    const struct cli_option options[] = {
        CLI_OPT_OP(s),
        CLI_OPT_BATCH(s),
        CLI_OPT_MB(s),
        {"mnist", 0, CLI_FLAG, &c.mnist, NULL, "the layers of the MNIST model, as it plans them", 0, 0},
        OPT_SET(&c.source),
        OPT_CPU(&c.cpu_name),
        {"list", 0, CLI_FLAG, &c.list_cpus, NULL, "the CPUs known to --cpu, and by what they are picked for",
         0, 0},
        OPT_MAX_ERROR(&c.question),
        OPT_EFFORT(&c.question),
        OPT_LAYOUT(&c.question),
        OPT_RELU(&c.source),
        OPT_NO_RELU(&c.source),
        OPT_NO_BIAS(&c.source),
        OPT_POOL(&c.question),
        OPT_FORCE(s),
        CLI_OPT_ISA(s),
        CLI_OPT_THREADS(s),
        CLI_OPT_WISDOM(s),
        CLI_OPT_REPRODUCIBLE(s),
        {"emit", 0, CLI_STRING, &c.emit, "FORM", "write c, h or cmake instead of a table for people", 0, 0},
        {"out", 'o', CLI_STRING, &c.out, "FILE", "of --emit (default: stdout)", 0, 0},
        {"prefix", 0, CLI_STRING, &c.prefix, "NAME", "of the names in C (default lw_picks)", 0, 0},
        {"fallback", 0, CLI_FLAG, &c.fallback, NULL,
         "in --emit cmake each problem's scalar row too, for CPUs that lack the ISA", 0, 0},
        CLI_OPT_JSON(s),
    };
    const struct cli_command command = {
        .name = "pick",
        .usage = "[options] [--emit c|h|cmake [-o FILE]] [PROBLEM]...",
        .about = about,
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &c.source.strings,
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = check_usage(&c);
    if (status == CLI_GO && c.list_cpus) status = other_cpu_list(s->wisdom, s->json);
    if (status == CLI_GO) status = other_cpu_choose(&c.other, c.cpu_name, s, &c.target);
    if (status == CLI_GO) status = list_problems(&c);
    if (status == CLI_GO) status = pick(&c);
    if (status == CLI_GO) status = tell(&c);
    other_cpu_free(&c.other);
    free(c.list.items);
    bench_problems_free(&c.problems);
    cli_strings_free(&c.source.strings);
    cli_strings_free(&s->batch);
    return status;
}
