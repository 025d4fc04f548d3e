/* `lanewise bench`: reads the command line, registers the matrix, runs it and writes what it found. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include "cases.h"
#include "context.h"
#include "flags.h"
#include "gbench_c.h"
#include "measure.h"
#include "results.h"
#include "summary.h"
#include "versus.h"

/* The quick matrix has four minutes with its set-up; these are for the measuring. */
#define QUICK_SECONDS      75.0
#define QUICK_DEADLINE     215.0
#define QUICK_COMPARISON   45.0 /* of it, where there are peers */
#define QUICK_MIN_TIME_MAX 0.15
#define QUICK_MIN_TIME_MIN 0.02
#define MIN_TIME           0.2
#define PASS_MIN_TIME      0.01 /* with --repeat */

struct command {
    struct cli_shared shared;
    struct bench_source source;
    struct cli_strings passed;
    const char *threads, *layout, *pool, *results, *mnist;
    bool quick, full, peers, compare;
    int64_t repeat; /* 0: not given */
};

/* ---- the command line ---------------------------------------------------------------------------------- */

/* "1,2,4", or by default 1 and what the mode asks for. */
static int read_threads(const struct command *cmd, struct bench_choice *choice) {
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    const size_t room = CLI_COUNT(choice->threads);
    if (!cmd->threads) {
        choice->threads[choice->thread_count++] = 1;
        int most = choice->mode == BENCH_FULL ? cpu.cores : cpu.cores < 2 ? cpu.cores : 2;
        for (int n = 2; n < most && choice->thread_count + 1 < room; n *= 2)
            choice->threads[choice->thread_count++] = n;
        if (most > 1) choice->threads[choice->thread_count++] = most;
        return CLI_GO;
    }
    for (const char *s = cmd->threads;; s++) {
        char *end;
        long n = strtol(s, &end, 10);
        bool good = *s >= '0' && *s <= '9' && n >= 1 && n <= CLI_MAX_THREADS && (!*end || *end == ',');
        if (!good || choice->thread_count == room)
            return cli_fail(LW_EXIT_USAGE,
                            "--threads %s: not whole numbers from 1 to %d, with commas between", cmd->threads,
                            CLI_MAX_THREADS);
        choice->threads[choice->thread_count++] = (int)n;
        if (!*end) return CLI_GO;
        s = end;
    }
}

static int read_choice(const struct command *cmd, struct bench_choice *choice) {
    bool given = cmd->source.strings.count + cmd->source.files.count > 0;
    if (cmd->quick && cmd->full) return cli_fail(LW_EXIT_USAGE, "--quick and --full exclude each other");
    *choice = (struct bench_choice){.kernel = cmd->shared.kernel, .isa = cmd->shared.isa};
    choice->reproducible = cmd->shared.reproducible;
    choice->peers = cmd->peers || cmd->compare;
    choice->mode = cmd->full            ? BENCH_FULL
                   : cmd->quick         ? BENCH_QUICK
                   : given              ? BENCH_GIVEN
                   : cmd->shared.kernel ? BENCH_GIVEN
                                        : BENCH_QUICK;
    choice->one_layout = cmd->layout != NULL;
    if (cmd->layout && !cli_find_layout(cmd->layout, &choice->layout))
        return cli_fail(LW_EXIT_USAGE, "--layout %s: not nchw, nhwc or blocked", cmd->layout);
    if (choice->peers && !*lw_peers) return cli_fail(LW_EXIT_IMPOSSIBLE, "%s", LW_PEER_NONE);
    if (cmd->pool && strcmp(cmd->pool, "2x2") != 0)
        return cli_fail(LW_EXIT_USAGE, "--pool %s: only 2x2 can be fused", cmd->pool);
    if (cmd->source.relu && cmd->source.no_relu)
        return cli_fail(LW_EXIT_USAGE, "--relu and --no-relu exclude each other");
    return read_threads(cmd, choice);
}

static const char about[] =
    "Measures kernel rows on problems through Google Benchmark, and checks each result against the\n"
    "double-precision reference in the same run. Convolutions run with bias and ReLU.\n"
    "\n"
    "Counters: gflops (direct-convolution FLOPs over time), peak_pct (of the ISA's FMA peak, measured\n"
    "just before and after), bytes_per_second (source, weights, destination), err_over_bound, crowded\n"
    "(how often another thread was found at work on the core, of one thread alone); and how many\n"
    "times longer the row takes when it has to be reproducible (reproducible_x) and on denormal data\n"
    "(denormal_x), 0 where that isn't measured. The time is CPU time on one thread, real time on several.\n"
    "\n"
    "Every --benchmark_* flag of Google Benchmark works: --benchmark_filter=REGEX, _repetitions=N,\n"
    "_min_time=SECONDS, _format=console|json|csv, _out=FILE, _list_tests ...";

static int parse(struct command *cmd, int argc, char **argv) {
    const struct cli_option options[] = {
        CLI_OPT_OP(&cmd->shared),
        CLI_OPT_KERNEL(&cmd->shared),
        CLI_OPT_ISA(&cmd->shared),
        CLI_OPT_BATCH(&cmd->shared),
        CLI_OPT_MB(&cmd->shared),
        CLI_OPT_REPRODUCIBLE(&cmd->shared),
        {"threads", 0, CLI_STRING, &cmd->threads, "N[,N...]",
         "thread counts (default 1 and 2; --full: up to all)", 0, 0},
        {"quick", 0, CLI_FLAG, &cmd->quick, NULL,
         "a selection in under four minutes (default without problems)", 0, 0},
        {"full", 0, CLI_FLAG, &cmd->full, NULL, "every row, problem, layout and thread count", 0, 0},
        {"set", 0, CLI_STRING, &cmd->source.set, "GLOB", "of the built-in problem sets these, e.g. 'vgg16.*'",
         0, 0},
        {"layout", 0, CLI_STRING, &cmd->layout, "NAME",
         "nchw, nhwc or blocked alone (default: each row's best)", 0, 0},
        {"relu", 0, CLI_FLAG, &cmd->source.relu, NULL, "fuse ReLU (default for conv)", 0, 0},
        {"no-relu", 0, CLI_FLAG, &cmd->source.no_relu, NULL, "don't", 0, 0},
        {"pool", 0, CLI_STRING, &cmd->pool, "2x2", "fuse a 2x2 max pool into conv", 0, 0},
        {"peers", 0, CLI_FLAG, &cmd->peers, NULL, "rows of other libraries too, and ours against theirs", 0,
         0},
        {"compare", 0, CLI_FLAG, &cmd->compare, NULL, "ours against the peers' alone, without the matrix", 0,
         0},
        {"repeat", 0, CLI_INT, &cmd->repeat, "N",
         "passes over the matrix, in random order (for lanewise compare: 30)", 1, 100},
        {"results", 0, CLI_STRING, &cmd->results, "DIR", "write DIR/<cpu>/matrix.json and summary.txt", 0, 0},
        {"mnist", 0, CLI_STRING, &cmd->mnist, "FILE", "output of lanewise mnist --json, for the summary", 0,
         0},
    };
    const struct cli_command command = {
        .name = "bench",
        .usage = "[options] [PROBLEM]...",
        .about = about,
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &cmd->source.strings,
        .pass_prefix = "--benchmark_",
        .passed = &cmd->passed,
    };
    int status = cli_parse(&command, argc, argv);
    cmd->source.op = cmd->shared.op;
    cmd->source.files = cmd->shared.batch;
    cmd->source.mb = cmd->shared.mb;
    cmd->source.pool2x2 = cmd->pool != NULL;
    return status;
}

/* The peers are held to the ISA that our rows are held to, before anything is asked of them. */
static void start_peers(const struct bench_choice *choice) {
    char version[LW_PEER_TEXT], key[64];
    lw_isa_info isa;
    cli_widest_isa(choice->isa, &isa);
    for (const struct lw_peer *const *peer = lw_peers; choice->peers && *peer; peer++) {
        (*peer)->start(isa.name, version);
        snprintf(key, sizeof key, "peer_%s", (*peer)->name);
        lw_gbench_context(key, version);
    }
}

/* Everything that is told at the end. */
struct report {
    struct bench_session *session;
    const struct bench_choice *choice;
    const struct bench_comparison *comparison;
    const char *mnist_line;
    bool matrix; /* it was measured, not the comparison alone */
    struct bench_machine machine;
    bool trusted;
    char trust[512]; /* "" before the end */
};

/* ---- running ------------------------------------------------------------------------------------------- */

static void record(const struct lw_gbench_result *result, void *arg) {
    struct bench_cases *cases = arg;
    bool single = !*result->aggregate;
    if (result->error || (!single && strcmp(result->aggregate, "median") != 0)) return;
    for (size_t i = 0; i < cases->count; i++) {
        struct bench_case *c = &cases->items[i];
        if (strcmp(c->name, result->name) != 0) continue;
        double least = 1e-3 * lw_gbench_result_counter(result, "time_min_ns", 0);
        if (single) c->us_min = c->us_min > 0 && c->us_min < least ? c->us_min : least;
        c->gflops = lw_gbench_result_counter(result, "gflops", 0);
        c->peak_pct = lw_gbench_result_counter(result, "peak_pct", 0);
        c->peak_gflops = lw_gbench_result_counter(result, "peak_gflops", 0);
        c->crowded = lw_gbench_result_counter(result, "crowded", -1);
        c->bytes_per_second = lw_gbench_result_counter(result, "bytes_per_second", 0);
        c->roof_pct = lw_gbench_result_counter(result, "roof_pct", 0);
        c->roof_level = (int)lw_gbench_result_counter(result, "roof_level", 0);
        c->us = 1e-3 * lw_gbench_result_counter(result, "time_ns", 0);
        c->us_low = 1e-3 * lw_gbench_result_counter(result, "time_low_ns", 0);
        c->us_high = 1e-3 * lw_gbench_result_counter(result, "time_high_ns", 0);
        c->measured = c->us > 0;
        return;
    }
}

/* The quick matrix shares its time among its benchmarks; each takes about twice its minimum, as the number of
 * iterations has to be found. */
static void set_defaults(struct bench_flags *flags, const struct bench_choice *choice, size_t count,
                         int64_t repeat) {
    double seconds = repeat ? PASS_MIN_TIME : MIN_TIME;
    if (choice->mode == BENCH_QUICK && !repeat) {
        seconds = QUICK_SECONDS / (2 * (double)count);
        seconds = seconds < QUICK_MIN_TIME_MIN ? QUICK_MIN_TIME_MIN : seconds;
        seconds = seconds > QUICK_MIN_TIME_MAX ? QUICK_MIN_TIME_MAX : seconds;
    }
    if (!flags->min_time_given) bench_flags_add(flags, "--benchmark_min_time=%.3f", seconds);
    if (!repeat) return;
    bench_flags_add(flags, "--benchmark_repetitions=%d", (int)repeat);
    bench_flags_add(flags, "--benchmark_enable_random_interleaving=true");
    bench_flags_add(flags, "--benchmark_display_aggregates_only=true");
}

static void end_context(void *arg) {
    struct report *r = arg;
    r->trusted = bench_context_end(r->choice, r->session->cases, &r->machine, r->trust, sizeof r->trust);
}

/* All are in the JSON. What multiplies nothing has no percentage of the FMA peak that is worth a look. */
static bool is_shown(const char *benchmark, const char *counter) {
    static const char *const shown[] = {"gflops", "peak_pct", "roof_pct", "bytes_per_second",
                                        "err_over_bound"};
    bool multiplies = strncmp(benchmark, "conv/", 5) == 0 || strncmp(benchmark, "linear/", 7) == 0;
    if (!multiplies && strcmp(counter, "peak_pct") == 0) return false;
    for (size_t i = 0; i < CLI_COUNT(shown); i++)
        if (strcmp(counter, shown[i]) == 0) return true;
    return false;
}

static int run(struct bench_flags *flags, struct report *report, struct lw_gbench_output *outputs,
               size_t output_count) {
    struct bench_session *session = report->session;
    struct bench_cases *cases = session->cases;
    for (size_t i = 0; i < cases->count; i++) {
        cases->items[i].session = session;
        lw_gbench_register(cases->items[i].name, LW_GBENCH_US, bench_measure, &cases->items[i]);
    }
    char **argv = malloc(((size_t)flags->argc + 1) * sizeof *argv); /* Google Benchmark takes its flags out */
    if (!argv) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    memcpy(argv, flags->argv, ((size_t)flags->argc + 1) * sizeof *argv);
    struct lw_gbench_run run = {.argc = flags->argc,
                                .argv = argv,
                                .outputs = outputs,
                                .output_count = output_count,
                                .shown = flags->looks_given || flags->quiet_stdout ? NULL : is_shown,
                                .medians_only = session->passes > 1,
                                .report = record,
                                .report_arg = cases,
                                .finish = end_context,
                                .finish_arg = report};
    enum lw_gbench_outcome outcome = lw_gbench_run_all(&run);
    int status = CLI_GO;
    if (outcome == LW_GBENCH_BAD_FLAG)
        status = cli_fail(LW_EXIT_USAGE, "unknown option %.80s to this version of Google Benchmark", argv[1]);
    if (outcome == LW_GBENCH_NO_MATCH) status = LW_EXIT_USAGE; /* it has said so */
    if (outcome == LW_GBENCH_BROKEN) status = cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    free(argv);
    bench_session_free(session);
    return status;
}

/* ---- what it found ------------------------------------------------------------------------------------- */

static void print_summary(FILE *out, const struct report *r) {
    if (r->matrix) bench_summary_print(out, r->session);
    bench_summary_counts(out, r->session);
    fputs(r->mnist_line, out);
    if (*r->trust && !r->trusted) fprintf(out, "DON'T TRUST these times: %s\n", r->trust);
}

/* DIR/NAME with what `print` prints, under a line about the machine. */
static int write_text(const char *dir, const char *name, void (*print)(FILE *out, const struct report *r),
                      const struct report *r) {
    char path[1200], *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    fprintf(stream, "lanewise %d.%d.%d on %s\n", LW_VERSION_MAJOR, LW_VERSION_MINOR, LW_VERSION_PATCH,
            cpu.model);
    print(stream, r);
    fclose(stream);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int status = cli_write_file(path, text);
    free(text);
    return status;
}

static void print_comparison(FILE *out, const struct report *r) { bench_versus_print(out, r->comparison); }

/* peers.txt and versus.json: the same for eyes and for programs. */
static int write_comparison(const char *dir, const struct report *r) {
    char path[1200], *json = bench_versus_json(r->comparison);
    snprintf(path, sizeof path, "%s/versus.json", dir);
    int status = json ? cli_write_file(path, json) : cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    free(json);
    return status == CLI_GO ? write_text(dir, "peers.txt", print_comparison, r) : status;
}

static int write_results(FILE *out, const char *dir, const char *json, const struct report *r) {
    char path[1200];
    int status = CLI_GO;
    if (r->matrix && !json) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    snprintf(path, sizeof path, "%s/matrix.json", dir);
    if (r->matrix) status = cli_write_file(path, json);
    if (r->matrix && status == CLI_GO) status = write_text(dir, "summary.txt", print_summary, r);
    if (r->comparison->count && status == CLI_GO) status = write_comparison(dir, r);
    if (status == CLI_GO)
        fprintf(out, "written: %s/%s%s%s\n", dir, r->matrix ? "matrix.json, summary.txt" : "",
                r->matrix && r->comparison->count ? ", " : "",
                r->comparison->count ? "peers.txt, versus.json" : "");
    return status;
}

static int finish(const struct command *cmd, const struct bench_flags *flags, const char *dir,
                  const struct lw_gbench_output *outputs, const struct report *r) {
    const struct bench_session *session = r->session;
    FILE *out = flags->quiet_stdout ? stderr : stdout;
    fflush(stdout);
    if (r->matrix && !r->trusted) cli_note("don't trust these times: %s", r->trust);
    bench_versus_print(out, r->comparison);
    print_summary(out, r);
    int status = CLI_GO;
    if (cmd->results) status = write_results(out, dir, outputs[0].text, r);
    if (flags->out && r->matrix && status == CLI_GO) {
        const char *text = outputs[cmd->results != NULL].text;
        status = text ? cli_write_file(flags->out, text) : cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    }
    if (status != CLI_GO) return status;
    if (session->wrong) return LW_EXIT_FAILED;
    bool nothing = session->impossible > 0;
    for (size_t i = 0; i < session->cases->count; i++)
        nothing = nothing && !session->cases->items[i].measured;
    return nothing ? LW_EXIT_IMPOSSIBLE : LW_EXIT_OK;
}

static int measure(const struct command *cmd, struct bench_flags *flags, const struct bench_choice *choice,
                   struct bench_cases *cases) {
    char dir[1024] = "", mnist_line[300] = "";
    int status = cmd->mnist ? bench_summary_mnist(cmd->mnist, mnist_line, sizeof mnist_line) : CLI_GO;
    if (status == CLI_GO && cmd->results) status = bench_results_dir(cmd->results, dir, sizeof dir);
    if (status == CLI_GO && flags->out) status = cli_try_file(flags->out);
    if (status != CLI_GO) return status;
    struct lw_gbench_output outputs[2] = {{0}};
    size_t output_count = 0;
    if (cmd->results) outputs[output_count++].format = "json";
    if (flags->out) outputs[output_count++].format = flags->out_format;
    const size_t passes = cmd->repeat ? (size_t)cmd->repeat : 1;
    struct bench_session session = {.cases = cases, .passes = passes, .reproducible = choice->reproducible};
    struct bench_comparison comparison = {0};
    struct report report = {.session = &session,
                            .choice = choice,
                            .comparison = &comparison,
                            .mnist_line = mnist_line,
                            .matrix = !cmd->compare || flags->list_tests};
    const double end = choice->mode == BENCH_QUICK ? cli_seconds() + QUICK_DEADLINE * (double)passes : 0;
    session.deadline = choice->peers && end > 0 ? end - QUICK_COMPARISON : end;
    set_defaults(flags, choice, cases->count, cmd->repeat);
    if (!flags->list_tests) bench_context_start(choice, &report.machine, &session.limits);
    if (report.matrix) status = run(flags, &report, outputs, output_count);
    session.deadline = end;
    if (status == CLI_GO && choice->peers && !flags->list_tests)
        status = bench_versus_run(&session, report.matrix, &comparison);
    if (status == CLI_GO) status = flags->list_tests ? LW_EXIT_OK : finish(cmd, flags, dir, outputs, &report);
    bench_versus_free(&comparison);
    bench_machine_free(&report.machine);
    for (size_t i = 0; i < output_count; i++)
        free(outputs[i].text);
    return status;
}

int lw_bench_command(int argc, char **argv) {
    struct command cmd = {0};
    struct bench_flags flags = {0};
    struct bench_choice choice;
    struct bench_problems problems = {0};
    struct bench_cases cases = {0};
    int status = parse(&cmd, argc, argv);
    if (status == CLI_GO) status = bench_flags_read(&cmd.passed, &flags);
    if (status == CLI_GO) status = read_choice(&cmd, &choice);
    if (status == CLI_GO) status = cli_check_isa(cmd.shared.isa);
    if (status == CLI_GO) status = cli_check_environment();
    if (status == CLI_GO) status = bench_problems_read(&cmd.source, &problems);
    if (status == CLI_GO) start_peers(&choice);
    if (status == CLI_GO) status = bench_cases_build(&problems, &choice, &cases);
    if (status == CLI_GO) status = measure(&cmd, &flags, &choice, &cases);
    bench_cases_free(&cases);
    bench_problems_free(&problems);
    bench_flags_free(&flags);
    cli_strings_free(&cmd.source.strings);
    cli_strings_free(&cmd.shared.batch);
    cli_strings_free(&cmd.passed);
    return status;
}
