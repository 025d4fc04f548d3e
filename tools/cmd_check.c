/* lanewise check: every usable kernel on every problem, against sums in double. */
#include <string.h>

#include "bench/shapes.h"
#include "check.h"
#include "commands.h"

struct check_options {
    struct cli_shared shared;
    const char *format_name;
    const char *data, *expect;
    uint64_t seed;
    struct cli_strings problems;
};

/* ---- problems ------------------------------------------------------------------------------------------ */

/* Files are named SET.OP.txt. */
static bool add_built_in(lw_op op, int64_t mb, struct lw_problem_list *list, char why[200]) {
    for (const struct lw_text *t = lw_texts_lw_shapes; t->name; t++) {
        const char *dot = strrchr(t->name, '.');
        if (!dot || strcmp(dot + 1, lw_op_name(op)) != 0) continue;
        if (!lw_problem_read_text(op, t->name, t->text, mb, list, why)) return false;
    }
    return true;
}

static int collect(const struct check_options *o, lw_op op, struct lw_problem_list *list) {
    char why[200];
    const struct cli_shared *s = &o->shared;
    if (s->batch.count + o->problems.count == 0)
        return add_built_in(op, s->mb, list, why) ? CLI_GO : cli_fail(LW_EXIT_USAGE, "%s", why);
    for (size_t i = 0; i < s->batch.count; i++) {
        size_t first = list->count;
        if (!lw_problem_read_file(op, s->batch.items[i], s->mb, list, why))
            return cli_fail(LW_EXIT_USAGE, "%s", why);
        for (size_t k = first; k < list->count; k++) {
            const struct lw_problem_line *line = &list->lines[k];
            if (line->status == LW_PARSE_BAD)
                return cli_fail(LW_EXIT_USAGE, "%s:%d: %s: %s", s->batch.items[i], line->line, line->text,
                                line->why);
        }
    }
    for (size_t i = 0; i < o->problems.count; i++) {
        if (!lw_problem_add(op, o->problems.items[i], s->mb, list))
            return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
        const struct lw_problem_line *line = &list->lines[list->count - 1];
        if (line->status == LW_PARSE_BAD) return cli_fail(LW_EXIT_USAGE, "%s: %s", line->text, line->why);
    }
    return CLI_GO;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

struct check_run {
    const struct check_options *options;
    struct check_report report;
    struct cli_rows rows[LW_OP_COUNT];
    struct lw_problem_list lists[LW_OP_COUNT];
};

/* What a batch file holds may be anything, and what is printed is text and XML. */
static void make_printable(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 32 || (unsigned char)*text >= 127) *text = '?';
}

static void check_line(struct check_run *run, lw_op op, const struct lw_problem_line *line, size_t number) {
    struct check_result r;
    if (line->status == LW_PARSE_SKIP && strncmp(line->text, "--", 2) == 0) {
        run->report.option_lines++;
        return;
    }
    if (line->status == LW_PARSE_SKIP) {
        r = (struct check_result){.outcome = CHECK_SKIPPED, .op = op, .kernel = "", .isa = ""};
        snprintf(r.problem, sizeof r.problem, "%.191s", line->text);
        snprintf(r.reason, sizeof r.reason, "%s", line->why);
        make_printable(r.problem);
        make_printable(r.reason);
        check_add(&run->report, &r);
        return;
    }
    for (size_t i = 0; i < run->rows[op].count; i++) {
        const lw_kernel_info *row = &run->rows[op].items[i];
        if (!row->usable) continue;
        cli_progress("%zu/%zu %s %s", number + 1, run->lists[op].count, row->name,
                     *line->problem.name ? line->problem.name : line->problem.text);
        check_pair(&run->report.settings, row, &line->problem, &r);
        make_printable(r.name);
        check_add(&run->report, &r);
        if (ferror(stdout)) return;
    }
}

/* --expect: one line that names each expected ISA of which nothing ran, and why. */
static bool all_expected_ran(const struct check_report *report) {
    char missing[400] = "";
    for (size_t i = 0; i < report->isa_count; i++) {
        const struct check_isa *isa = &report->isas[i];
        if (!isa->expected || isa->checked) continue;
        size_t used = strlen(missing);
        snprintf(missing + used, sizeof missing - used, "%s%s (%s)", used ? ", " : "", isa->info.name,
                 !isa->info.usable ? isa->info.reason
                 : !isa->rows      ? "--op, --kernel or --isa leave none of its kernels"
                                   : "its kernels took none of the problems");
    }
    if (*missing) cli_fail(LW_EXIT_FAILED, "expected, and no kernel of it ran: %s", missing);
    return !*missing;
}

static int verdict(struct check_run *run) {
    struct check_report *report = &run->report;
    const char *isa = run->options->shared.isa;
    if (!all_expected_ran(report) || report->failed) return LW_EXIT_FAILED;
    if (!report->checked)
        return cli_fail(LW_EXIT_FAILED, "nothing was checked: %zu skipped", report->skipped);
    if (isa && !check_find_isa(report, isa)->checked)
        return cli_fail(LW_EXIT_FAILED, "no %s row took any of the problems", isa);
    return LW_EXIT_OK;
}

static int select_and_collect(struct check_run *run) {
    const struct check_options *o = run->options;
    const struct cli_shared *s = &o->shared;
    bool own_problems = s->batch.count + o->problems.count > 0;
    const char *why_not = "";
    for (int op = 0; op < LW_OP_COUNT; op++) {
        if (s->op.given ? (lw_op)op != s->op.op : own_problems && op != LW_CONV) continue;
        if (!cli_select_rows((lw_op)op, s->kernel, s->isa, &run->rows[op]))
            return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
        for (size_t i = 0; i < run->rows[op].count; i++) {
            const lw_kernel_info *row = &run->rows[op].items[i];
            check_row(&run->report, row);
            if (!row->usable) why_not = row->reason;
        }
        if (!run->rows[op].count) continue;
        int status = collect(o, (lw_op)op, &run->lists[op]);
        if (status != CLI_GO) return status;
    }
    const struct check_report *report = &run->report;
    if (!report->kernels)
        return cli_fail(LW_EXIT_USAGE, "no %s kernel row matches %s",
                        s->op.given || own_problems ? lw_op_name(s->op.given ? s->op.op : LW_CONV) : "single",
                        s->kernel ? s->kernel : "*");
    if (report->not_run == report->kernels)
        return cli_fail(LW_EXIT_IMPOSSIBLE, "none of the %zu kernels asked for can run here: %s",
                        report->kernels, why_not);
    return CLI_GO;
}

/* Calls take(arg, item) for each item of a list with commas until one isn't taken. */
static int each_item(const char *list, int (*take)(void *arg, const char *item), void *arg) {
    int status = CLI_GO;
    while (status == CLI_GO) {
        size_t length = strcspn(list, ",");
        char item[64];
        snprintf(item, sizeof item, "%.*s", (int)(length < sizeof item ? length : sizeof item - 1), list);
        status = take(arg, item);
        if (!list[length]) break;
        list += length + 1;
    }
    return status;
}

static int take_kind(void *arg, const char *item) {
    unsigned *kinds = arg;
    const char *names[LW_FILL_COUNT + 1] = {[LW_FILL_COUNT] = "all"};
    char known[200] = "";
    for (int k = 0; k < LW_FILL_COUNT; k++) {
        names[k] = lw_fill_name((enum lw_fill)k);
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s, ", names[k]);
    }
    for (int k = 0; k <= LW_FILL_COUNT; k++) {
        if (strcmp(item, names[k]) != 0) continue;
        *kinds |= k == LW_FILL_COUNT ? (1u << LW_FILL_COUNT) - 1 : 1u << k;
        return CLI_GO;
    }
    const char *near = cli_nearest(item, names, CLI_COUNT(names));
    if (near) return cli_fail(LW_EXIT_USAGE, "--data %s: no such kind of data, did you mean %s?", item, near);
    return cli_fail(LW_EXIT_USAGE, "--data %s: no such kind of data (%sall)", item, known);
}

static int take_isa(void *arg, const char *item) {
    struct check_report *report = arg;
    struct check_isa *isa = check_find_isa(report, item);
    if (isa) {
        isa->expected = true;
        return CLI_GO;
    }
    const char *names[CHECK_MAX_ISAS];
    char known[200] = "";
    for (size_t i = 0; i < report->isa_count; i++) {
        names[i] = report->isas[i].info.name;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", names[i]);
    }
    const char *near = cli_nearest(item, names, report->isa_count);
    return cli_fail(LW_EXIT_USAGE, "--expect %s: no such ISA in this build (%s)%s%s%s", item, known,
                    near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

static int default_threads(void) {
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    return cpu.cores > 16 ? 16 : cpu.cores > 0 ? cpu.cores : 1;
}

static int run_check(const struct check_options *o, enum check_format format) {
    const int64_t threads = o->shared.threads;
    struct check_run run = {.options = o, .report = {.format = format}};
    run.report.settings = (struct check_settings){
        .seed = o->seed, .threads = threads ? (int)threads : default_threads(), .threads_given = threads > 0};
    int status = each_item(o->data ? o->data : "all", take_kind, &run.report.settings.kinds);
    if (status == CLI_GO && o->expect) status = each_item(o->expect, take_isa, &run.report);
    if (status == CLI_GO) status = select_and_collect(&run);
    if (status == CLI_GO) {
        check_begin(&run.report);
        for (int op = 0; op < LW_OP_COUNT; op++) {
            for (size_t i = 0; i < run.lists[op].count && !ferror(stdout); i++)
                check_line(&run, (lw_op)op, &run.lists[op].lines[i], i);
        }
        cli_progress_clear();
        fflush(stdout); /* so that what follows on stderr stands behind it */
        status = verdict(&run);
        status = check_end(&run.report, status);
    }
    for (int op = 0; op < LW_OP_COUNT; op++) {
        cli_rows_free(&run.rows[op]);
        lw_problem_list_free(&run.lists[op]);
    }
    check_free(&run.report);
    return status;
}

int cmd_check(int argc, char **argv) {
    struct check_options o = {.seed = 1};
    struct cli_shared *s = &o.shared;
    const struct cli_option options[] = {
        CLI_OPT_OP(s),
        CLI_OPT_KERNEL(s),
        CLI_OPT_ISA(s),
        CLI_OPT_BATCH(s),
        CLI_OPT_MB(s),
        {"threads", 0, CLI_INT, &s->threads, "N", "threads (default: the cores, where it pays)", 1,
         CLI_MAX_THREADS},
        {"data", 0, CLI_STRING, &o.data, "LIST", "kinds of data: normal,uniform,integer,... or all (default)",
         0, 0},
        {"expect", 0, CLI_STRING, &o.expect, "ISA,...", "fail where an ISA of these ran no kernel", 0, 0},
        {"seed", 0, CLI_UINT64, &o.seed, "N", "of the data (default 1)", 0, 0},
        {"format", 0, CLI_STRING, &o.format_name, "F", "text (default), tap, junit or json", 0, 0},
        CLI_OPT_JSON(s),
    };
    const struct cli_command command = {
        .name = "check",
        .usage =
            "[--op OP] [--kernel GLOB] [--isa NAME] [--batch FILE]... [PROBLEM]...\n"
            "                      [--data LIST] [--seed N] [--expect ISA[,ISA...]] [--mb N] [--threads N]\n"
            "                      [--format text|tap|junit|json]",
        .about =
            "Runs every usable kernel on every problem and compares with sums in double: the largest error\n"
            "as a fraction of the kernel's published bound, and the relative L2 error on normal data.\n\n"
            "Data: normal, uniform, integer (direct sums and Winograd's F(2x2) must be exact), cancel,\n"
            "range, one-hot, equal, alternate, denormal, special (NaN, Inf, -0). Normal data are run in\n"
            "every layout and with the fused tail, each other kind in one of these, which changes with\n"
            "problem, kind and seed. Big problems are run in one layout and with some kinds only, in turn,\n"
            "and compared in part.\n\n"
            "Problems are convolutions unless --op says otherwise; without any, the built-in sets of all\n"
            "operations are checked. Exit status 0: all within bound; 1: not, nothing was checked, or an\n"
            "expected ISA ran no kernel; 2: bad usage; 3: nothing asked for can run here.",
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &o.problems,
    };
    enum check_format format = CHECK_TEXT;
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO && o.format_name && !check_find_format(o.format_name, &format))
        status = cli_fail(LW_EXIT_USAGE, "--format %s: text, tap, junit or json", o.format_name);
    if (status == CLI_GO && s->json && o.format_name && format != CHECK_JSON)
        status = cli_fail(LW_EXIT_USAGE, "--json contradicts --format %s", o.format_name);
    if (s->json) format = CHECK_JSON;
    if (status == CLI_GO) status = cli_check_environment();
    if (status == CLI_GO) status = cli_check_isa(s->isa);
    if (status == CLI_GO) status = run_check(&o, format);
    cli_strings_free(&o.problems);
    cli_strings_free(&s->batch);
    return status;
}
