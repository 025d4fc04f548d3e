/* lanewise tune: times the rows on this CPU and writes what it learned as wisdom. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "bench/levels.h"
#include "bench/peak.h"
#include "question.h"
#include "tune.h"

struct tune_command {
    struct cli_shared shared;
    struct bench_source source;
    struct question question;
    const char *effort, *out, *against;
    bool again;

    char user_path[1024];
    struct bench_problems problems;
    struct tune_task *tasks;
    struct tune_result **results; /* of each task; NULL: none */
    size_t task_count;
    struct tune_session session;
    struct tune_totals totals;
    lw_wisdom *wisdom, *other; /* other: of --against */
    cJSON *json;
};

/* ---- the command line ---------------------------------------------------------------------------------- */

static const char about[] =
    "Times every kernel row that takes a problem on this CPU, and writes which is the fastest as wisdom: "
    "plans\n"
    "then know it (lanewise explain: 'wisdom'). Without problems: all that the matrix has, the MNIST "
    "model's\n"
    "layers among them, in NCHW and in the layouts that a network keeps them in.\n"
    "\n"
    "Each row's results are compared with the double-precision reference before it is timed. Samples are\n"
    "interleaved; rows that are slower for certain are dropped early. The verdict on the pick is 'faster' "
    "or\n"
    "'tie'; of equals the one with less memory is picked, then the one with the smaller error.\n"
    "\n"
    "What the file knows already is kept and not measured again, so an interrupted run goes on where it was.";

static int read_effort(const char *text, enum tune_effort *effort) {
    static const char *const names[] = {"quick", "full", "exhaustive"};
    for (size_t i = 0; i < CLI_COUNT(names); i++) {
        *effort = (enum tune_effort)i;
        if (!text || strcmp(text, names[i]) == 0) return CLI_GO;
    }
    return cli_fail(LW_EXIT_USAGE, "--effort %s: quick, full or exhaustive", text);
}

static int check_usage(struct tune_command *c) {
    if (c->source.relu && c->source.no_relu)
        return cli_fail(LW_EXIT_USAGE, "--relu and --no-relu exclude each other");
    c->source.op = c->shared.op;
    c->source.files = c->shared.batch;
    c->source.mb = c->shared.mb;
    c->source.pool2x2 = c->question.pool != NULL;
    c->source.plain = true;
    int status = read_effort(c->effort, &c->session.effort);
    if (status == CLI_GO) status = question_read(&c->question, &c->shared);
    const char *reproducible = getenv("LANEWISE_REPRODUCIBLE");
    c->session.opt = c->question.plan;
    c->session.opt.reproducible |= reproducible && strcmp(reproducible, "1") == 0;
    return status;
}

/* Both would hide rows, and the wisdom would say that there are no better ones. */
static int check_environment(void) {
    static const char *const hiding[] = {"LANEWISE_ISA", "LANEWISE_KERNEL"};
    int status = cli_check_environment();
    for (size_t i = 0; status == CLI_GO && i < CLI_COUNT(hiding); i++) {
        const char *value = getenv(hiding[i]);
        if (value && *value)
            status = cli_fail(LW_EXIT_USAGE, "%s is set, but every row has to be timed: unset it", hiding[i]);
    }
    return status;
}

/* ---- tasks --------------------------------------------------------------------------------------------- */

static void add_task(struct tune_command *c, const struct bench_problem *p, const lw_desc *desc) {
    struct tune_task t = {.problem = p, .desc = *desc};
    lw_explanation *why = NULL;
    if (lw_explain(&why, &t.desc, &c->session.opt, NULL) == LW_OK)
        for (size_t i = 0; i < why->count && why->chosen; i++)
            if (strcmp(why->candidates[i].kernel, why->chosen) == 0) {
                t.guess = why->chosen;
                t.guess_ns = why->candidates[i].ns;
            }
    lw_explanation_free(why);
    if (t.guess)
        c->tasks[c->task_count++] = t;
    else
        c->totals.nothing++;
}

/* As --layout says; without it as the problem string says, and as a network would keep the tensors. */
static int make_tasks(struct tune_command *c) {
    c->tasks = calloc(2 * c->problems.count + 1, sizeof *c->tasks);
    c->results = calloc(2 * c->problems.count + 1, sizeof *c->results);
    if (!c->tasks || !c->results) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    for (size_t i = 0; i < c->problems.count; i++) {
        const struct bench_problem *p = &c->problems.items[i];
        const struct question network = {.layout = "network", .network = true};
        const lw_desc asked = question_desc(&c->question, &p->desc), kept = question_desc(&network, &p->desc);
        add_task(c, p, &asked);
        if (!c->question.layout && (kept.src_layout != LW_NCHW || kept.dst_layout != LW_NCHW))
            add_task(c, p, &kept);
    }
    if (c->task_count) return CLI_GO;
    return cli_fail(LW_EXIT_IMPOSSIBLE, "no row takes any of the problems here");
}

/* ---- the file ------------------------------------------------------------------------------------------ */

/* The folders of a path. */
static bool make_folders(const char *path) {
    char *copy = strdup(path);
    bool ok = copy != NULL;
    for (char *s = copy ? strchr(copy + 1, '/') : NULL; s && ok; s = strchr(s + 1, '/')) {
        *s = '\0';
        ok = mkdir(copy, 0777) == 0 || errno == EEXIST;
        *s = '/';
    }
    free(copy);
    return ok;
}

static int find_file(struct tune_command *c) {
    lw_error err;
    if (c->out) return CLI_GO;
    if (lw_wisdom_user_path(c->user_path, sizeof c->user_path, &err) != LW_OK)
        return cli_fail(LW_EXIT_USAGE, "no -o, and %s", err.text);
    c->out = c->user_path;
    if (make_folders(c->out)) return CLI_GO;
    return cli_fail(LW_EXIT_USAGE, "%s: %s", c->out, strerror(errno));
}

static int write_file(const struct tune_command *c) {
    lw_error err;
    return lw_wisdom_write_file(c->wisdom, c->out, &err) == LW_OK ? CLI_GO : cli_fail_error(&err, NULL);
}

/* Writes it at once: better known before the run than after that it can't be. */
static int open_file(struct tune_command *c) {
    struct stat info;
    lw_error err = {0};
    int status = find_file(c);
    if (status != CLI_GO) return status;
    bool there = !c->again && stat(c->out, &info) == 0 && S_ISREG(info.st_mode);
    lw_status read =
        there ? lw_wisdom_read_file(&c->wisdom, c->out, &err) : lw_wisdom_create(&c->wisdom, &err);
    if (read != LW_OK)
        return cli_fail(cli_exit_status(read), "%s%s", err.text, there ? " (--again replaces it)" : "");
    if (lw_wisdom_check(c->wisdom, &err) != LW_OK)
        return cli_fail(LW_EXIT_USAGE, "%s: %s (--again replaces it)", c->out, err.text);
    return write_file(c);
}

/* Before anything is timed, and before the file is written, which may be the same one. */
static int read_other(struct tune_command *c) {
    lw_error err;
    if (!c->against || lw_wisdom_read_file(&c->other, c->against, &err) == LW_OK) return CLI_GO;
    return cli_fail_error(&err, "--against");
}

static bool is_known(const struct tune_command *c, const struct tune_task *t) {
    lw_decision d;
    return lw_wisdom_find(c->wisdom, &t->desc, &c->session.opt, &d) &&
           d.full >= (c->session.effort != TUNE_QUICK);
}

/* ---- running ------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopped_by;

static void note_signal(int number) { stopped_by = number; }

/* The first one ends the run, with what it has; the second one ends the process. */
static void catch_signals(void) {
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESETHAND};
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < CLI_COUNT(ending); i++)
        sigaction(ending[i], &action, NULL);
}

/* Set-up, and so many executions; and the part of it that the second look takes. */
static double cost_of(const struct tune_task *t) { return 0.3 + 100e-9 * t->guess_ns; }
static const double again_cost = 0.3;

static void show_progress(const struct tune_task *t, double done, double all, double start) {
    static const char bar[] = "####################";
    const int width = (int)sizeof bar - 1, full = (int)(done / all * width);
    double left = done > 0 ? (cli_seconds() - start) * (all - done) / done : 0;
    char time[32] = "";
    if (done > 0) snprintf(time, sizeof time, "%d:%02d left", (int)left / 60, (int)left % 60);
    cli_progress("[%.*s%*s] %3.0f%%  %-10s %s %s>%s", full, bar, width - full, "", 100 * done / all, time,
                 t->problem->name, lw_layout_name(t->desc.src_layout), lw_layout_name(t->desc.dst_layout));
}

static int keep(struct tune_command *c, const struct tune_result *r) {
    lw_error err = {0};
    if (lw_wisdom_add(c->wisdom, &r->decision, &err) != LW_OK) return cli_fail_error(&err, NULL);
    return write_file(c);
}

/* A core that was idle may run slowly for a while, longer than the race of a small problem. */
#define WAKE_SECONDS 0.25

static void wake_cores(const struct tune_command *c) {
    const int threads = c->session.opt.threads > 1 ? c->session.opt.threads : 1;
    lw_isa_info isa;
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK; i++)
        if (isa.usable) {
            lw_measure_peak_gflops_threads(i, WAKE_SECONDS, LW_PEAK_SAMPLE, threads);
            return;
        }
}

struct progress {
    double all, done, start;
};

/* One task that the file doesn't know. */
static int run_task(struct tune_command *c, size_t i) {
    struct tune_result *r = malloc(sizeof *r);
    if (!r) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    const enum tune_outcome outcome = tune_one(&c->session, &c->tasks[i], r);
    c->totals.nothing += outcome == TUNE_NOTHING;
    if (outcome != TUNE_DONE) {
        free(r);
        return CLI_GO;
    }
    c->results[i] = r;
    if (!c->json) tune_print(&c->tasks[i], r);
    return keep(c, r);
}

/* A second look at all that were tuned just now: a changed pick is printed again. */
static int look_again(struct tune_command *c, struct progress *p) {
    int status = CLI_GO;
    for (size_t i = 0; i < c->task_count && status == CLI_GO && !stopped_by; i++) {
        const struct tune_task *t = &c->tasks[i];
        struct tune_result *r = c->results[i];
        if (!r) continue;
        show_progress(t, p->done, p->all, p->start);
        const char *pick = r->decision.rows[0].kernel;
        if (tune_again(&c->session, t, r)) {
            status = keep(c, r);
            if (!c->json && strcmp(pick, r->decision.rows[0].kernel) != 0) tune_print(t, r);
        }
        p->done += again_cost * cost_of(t);
    }
    return status;
}

static int run_tasks(struct tune_command *c) {
    const bool again = c->session.effort != TUNE_EXHAUSTIVE;
    struct progress p = {.start = cli_seconds()};
    int status = CLI_GO;
    for (size_t i = 0; i < c->task_count; i++)
        if (!is_known(c, &c->tasks[i])) p.all += (1 + again * again_cost) * cost_of(&c->tasks[i]);
    if (!c->json && p.all > 0) tune_print_head();
    if (p.all > 0) wake_cores(c);
    for (size_t i = 0; i < c->task_count && status == CLI_GO && !stopped_by; i++) {
        if (is_known(c, &c->tasks[i])) {
            c->totals.known++;
            continue;
        }
        show_progress(&c->tasks[i], p.done, p.all, p.start);
        status = run_task(c, i);
        p.done += cost_of(&c->tasks[i]);
    }
    if (again && status == CLI_GO) status = look_again(c, &p);
    cli_progress_clear();
    for (size_t i = 0; i < c->task_count; i++) {
        if (!c->results[i]) continue;
        tune_count(&c->totals, &c->tasks[i], c->results[i]);
        if (c->json)
            cJSON_AddItemToArray(cJSON_GetObjectItem(c->json, "problems"),
                                 tune_json(&c->tasks[i], c->results[i]));
    }
    return status;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void tell_agreement(struct tune_command *c) {
    struct tune_agreement sum = tune_compare(c->wisdom, c->other);
    size_t told = sum.same + sum.different;
    if (c->json) {
        cJSON *object = cJSON_AddObjectToObject(c->json, "against");
        cJSON_AddNumberToObject(object, "same", (double)sum.same);
        cJSON_AddNumberToObject(object, "tie", (double)sum.tie);
        cJSON_AddNumberToObject(object, "different", (double)sum.different);
    } else {
        printf("against %s: %zu the same pick, %zu ties, %zu different: %.1f%% agree, ties aside\n",
               c->against, sum.same, sum.tie, sum.different,
               told ? 100.0 * (double)sum.same / (double)told : 100.0);
    }
}

static int finish(struct tune_command *c) {
    size_t left = c->task_count - c->totals.tuned - c->totals.known;
    if (c->other) tell_agreement(c);
    int status = c->session.wrong                    ? LW_EXIT_FAILED
                 : c->totals.tuned + c->totals.known ? LW_EXIT_OK
                                                     : LW_EXIT_IMPOSSIBLE;
    if (c->json) {
        cJSON_AddStringToObject(c->json, "written", c->out);
        cJSON_AddNumberToObject(c->json, "tuned", (double)c->totals.tuned);
        cJSON_AddNumberToObject(c->json, "known", (double)c->totals.known);
        cJSON_AddNumberToObject(c->json, "wrong", (double)c->session.wrong);
        cJSON *json = c->json;
        c->json = NULL;
        status = cli_json_print(json, status);
    } else {
        tune_print_totals(&c->totals, c->out);
    }
    if (!stopped_by) return status;
    fflush(stdout);
    cli_note("interrupted, %zu left: the same command goes on where it was", left);
    raise(stopped_by); /* by its default action now: whoever waits for us sees it */
    return status;
}

static int tune(struct tune_command *c) {
    lw_cpu_info cpu;
    lw_error err = {0};
    lw_cpu_get(&cpu);
    c->session.stop = &stopped_by;
    c->session.cold_bytes = lw_sweep_bytes(&cpu);
    if (c->session.opt.threads > 1 &&
        lw_pool_create(&c->session.opt.pool, c->session.opt.threads, &err) != LW_OK)
        return cli_fail_error(&err, NULL);
    int status = make_tasks(c);
    if (status == CLI_GO) status = read_other(c);
    if (status == CLI_GO) status = open_file(c);
    if (status != CLI_GO) return status;
    if (c->shared.json) {
        c->json = cJSON_CreateObject();
        cJSON_AddArrayToObject(c->json, "problems");
    }
    catch_signals();
    status = run_tasks(c);
    return status == CLI_GO ? finish(c) : status;
}

int cmd_tune(int argc, char **argv) {
    struct tune_command c = {0};
    struct cli_shared *s = &c.shared;
    const struct cli_option options[] = {
        CLI_OPT_OP(s),
        CLI_OPT_BATCH(s),
        CLI_OPT_MB(s),
        CLI_OPT_THREADS(s),
        {"effort", 0, CLI_STRING, &c.effort, "E",
         "quick (default), full, or exhaustive: no row leaves the race early", 0, 0},
        {"out", 'o', CLI_STRING, &c.out, "WISDOM", "the file (default: the user's, which plans look for)", 0,
         0},
        {"again", 0, CLI_FLAG, &c.again, NULL, "forget what the file knows", 0, 0},
        {"against", 0, CLI_STRING, &c.against, "FILE", "at the end compare the picks with another wisdom's",
         0, 0},
        OPT_SET(&c.source),
        OPT_LAYOUT(&c.question),
        OPT_RELU(&c.source),
        OPT_NO_RELU(&c.source),
        OPT_NO_BIAS(&c.source),
        OPT_POOL(&c.question),
        OPT_MAX_ERROR(&c.question),
        CLI_OPT_REPRODUCIBLE(s),
        CLI_OPT_JSON(s),
    };
    const struct cli_command command = {
        .name = "tune",
        .usage = "[options] [PROBLEM]...",
        .about = about,
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &c.source.strings,
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = check_usage(&c);
    if (status == CLI_GO) status = check_environment();
    if (status == CLI_GO) status = bench_problems_read(&c.source, &c.problems);
    if (status == CLI_GO) status = tune(&c);
    tune_session_free(&c.session);
    lw_wisdom_free(c.wisdom);
    lw_wisdom_free(c.other);
    cJSON_Delete(c.json);
    for (size_t i = 0; i < c.task_count; i++)
        free(c.results[i]);
    free(c.results);
    free(c.tasks);
    bench_problems_free(&c.problems);
    cli_strings_free(&c.source.strings);
    cli_strings_free(&s->batch);
    return status;
}
