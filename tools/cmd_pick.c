/* lanewise pick: the row for each of a list of problems. */
#include <stdlib.h>

#include "bench/problems.h"
#include "commands.h"
#include "models/mnist_cnn.h"
#include "pick.h"
#include "question.h"

struct pick_command {
    struct cli_shared shared;
    struct question question;
    struct bench_source source;
    bool mnist;
    struct bench_problems problems;
    struct pick_list list;
    lw_cpu_info cpu;
};

static const char about[] =
    "Picks the row for each problem, as a plan on this CPU would: forced, by wisdom, or by the estimate. "
    "Without\n"
    "problems: all that the matrix has.";

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
    return status == CLI_GO ? cli_check_isa(c->shared.isa) : status;
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

static int fill(struct pick_command *c, pick_source *source, void *arg) {
    int status = CLI_GO;
    for (size_t i = 0; i < c->list.count && status == CLI_GO; i++) {
        struct pick *p = &c->list.items[i];
        if (c->question.plan.effort == LW_MEASURE) cli_progress("measuring %s", p->name);
        status = source(arg, &c->question.plan, p);
        c->list.missing += !p->row.kernel;
    }
    cli_progress_clear();
    return status;
}

static int tell(const struct pick_command *c) {
    const struct pick_list *list = &c->list;
    int status = LW_EXIT_OK;
    if (c->shared.json)
        status = cli_json_print(pick_json(list), status);
    else
        pick_print(list);
    if (status != LW_EXIT_OK || !list->missing) return status;
    return cli_fail(LW_EXIT_IMPOSSIBLE, "no row for %zu of %zu problems", list->missing, list->count);
}

int cmd_pick(int argc, char **argv) {
    struct pick_command c = {0};
    struct cli_shared *s = &c.shared;
    const struct cli_option options[] = {
        CLI_OPT_OP(s),
        CLI_OPT_BATCH(s),
        CLI_OPT_MB(s),
        {"mnist", 0, CLI_FLAG, &c.mnist, NULL, "the layers of the MNIST model, as it plans them", 0, 0},
        {"set", 0, CLI_STRING, &c.source.set, "GLOB", "of the built-in problem sets these, e.g. 'vgg16.*'", 0,
         0},
        OPT_MAX_ERROR(&c.question),
        OPT_EFFORT(&c.question),
        OPT_LAYOUT(&c.question),
        {"relu", 0, CLI_FLAG, &c.source.relu, NULL, "with a fused ReLU", 0, 0},
        {"no-relu", 0, CLI_FLAG, &c.source.no_relu, NULL, "without, also where the set has one", 0, 0},
        OPT_POOL(&c.question),
        OPT_FORCE(s),
        CLI_OPT_ISA(s),
        CLI_OPT_THREADS(s),
        CLI_OPT_WISDOM(s),
        CLI_OPT_REPRODUCIBLE(s),
        CLI_OPT_JSON(s),
    };
    const struct cli_command command = {
        .name = "pick",
        .usage = "[options] [PROBLEM]...",
        .about = about,
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &c.source.strings,
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = check_usage(&c);
    if (status == CLI_GO) status = cli_use_wisdom(s->wisdom);
    if (status == CLI_GO) status = list_problems(&c);
    if (status == CLI_GO) {
        lw_cpu_get(&c.cpu);
        c.list.cpu = c.cpu.model;
        status = fill(&c, pick_here, NULL);
    }
    if (status == CLI_GO) status = tell(&c);
    free(c.list.items);
    bench_problems_free(&c.problems);
    cli_strings_free(&c.source.strings);
    cli_strings_free(&s->batch);
    return status;
}
