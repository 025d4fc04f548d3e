/* lanewise check: every usable kernel on every problem, against sums in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/shapes.h"
#include "check.h"
#include "commands.h"
#include "reference/verify.h"

/* Beyond these a problem is compared in part (all borders and tails, a random sample of the rest)... */
#define COMPARE_OUTPUTS 16384
#define COMPARE_MACS    8000000
/* ...run in one layout only, and not in guard-page buffers; */
#define ONE_LAYOUT_FLOPS 1e9
#define GUARD_BYTES      (64 << 20)
/* and beyond these not at all: --mb makes it smaller. */
#define MEMORY_BYTES   1e9
#define FLOPS_PER_LANE 1.5e10
/* Threads aren't worth starting for less than this. */
#define THREADS_FLOPS 5e7

struct check_options {
    struct cli_shared shared;
    const char *format_name;
    uint64_t seed;
    struct cli_strings problems;
    int threads;
};

struct variant {
    lw_layout src, dst;
    bool tail; /* relu, and a 2x2 pool where the output has room for one */
};
enum { MAX_VARIANTS = LW_LAYOUT_COUNT * LW_LAYOUT_COUNT + 1 };

/* ---- one kernel on one problem --------------------------------------------------------------------------
 */

static lw_desc variant_desc(const lw_desc *desc, const struct variant *v) {
    lw_desc d = *desc;
    d.src_layout = v->src;
    d.dst_layout = v->dst;
    int64_t oc, oh, ow;
    lw_desc_output(&d, &oc, &oh, &ow);
    d.relu = v->tail;
    d.pool2x2 = v->tail && d.op == LW_CONV && oh >= 2 && ow >= 2;
    return d;
}

/* The layouts to test a row in: those it takes on both sides alike; the mixed ones where it takes no other.
 * Then the first of them again with the fused tail. Returns how many; 0: reason tells why. */
static int find_variants(const lw_kernel_info *row, const lw_desc *desc, struct variant *out,
                         char reason[256]) {
    int count = 0;
    lw_error err = {0};
    for (int mixed = 0; mixed < 2 && count == 0; mixed++) {
        for (int pair = 0; pair < LW_LAYOUT_COUNT * LW_LAYOUT_COUNT; pair++) {
            struct variant v = {(lw_layout)(pair / LW_LAYOUT_COUNT), (lw_layout)(pair % LW_LAYOUT_COUNT),
                                false};
            if ((v.src != v.dst) != mixed || !(row->src_layouts >> v.src & 1) ||
                !(row->dst_layouts >> v.dst & 1))
                continue;
            lw_desc d = variant_desc(desc, &v);
            lw_error refusal = {0};
            if (lw_kernel_accepts(row->name, &d, &refusal) == LW_OK)
                out[count++] = v;
            else if (!*err.text)
                err = refusal;
        }
    }
    /* Without the row's name, so that the same reason of several rows is one in the tally. */
    size_t name = strlen(row->name);
    bool named = strncmp(err.text, row->name, name) == 0 && strncmp(err.text + name, ": ", 2) == 0;
    snprintf(reason, 256, "%s", err.text + (named ? name + 2 : 0));
    if (count && (desc->op == LW_CONV || desc->op == LW_LINEAR)) {
        struct variant v = {out[0].src, out[0].dst, true};
        lw_desc d = variant_desc(desc, &v);
        if (lw_kernel_accepts(row->name, &d, NULL) == LW_OK) out[count++] = v;
    }
    return count;
}

/* Of a big problem one variant is run; which one is drawn from the problem itself, so that a repetition runs
 * the same. */
static void keep_one(struct variant *variants, int *count, const char *problem) {
    unsigned hash = 0;
    for (; *problem; problem++)
        hash = hash * 31 + (unsigned char)*problem;
    variants[0] = variants[hash % (unsigned)*count];
    *count = 1;
}

static bool too_big(const lw_kernel_info *row, const lw_desc *d, char reason[256]) {
    double bytes = 4.0 * ((double)lw_src_floats(d) + (double)lw_dst_floats(d) + (double)lw_weight_floats(d));
    int lanes = 1;
    lw_isa_info isa;
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK; i++) {
        if (strcmp(isa.name, row->isa) == 0) lanes = isa.lanes;
    }
    if (bytes > MEMORY_BYTES)
        snprintf(reason, 256, "its tensors take more than 1 GB (--mb N makes it smaller)");
    else if (cli_flops(d) > FLOPS_PER_LANE * lanes)
        snprintf(reason, 256, "more than %.0f GFLOP, too long on %s rows (--mb N makes it smaller)",
                 FLOPS_PER_LANE * 1e-9 * lanes, row->isa);
    else
        return false;
    return true;
}

static void name_variant(char *text, size_t size, const lw_desc *d) {
    size_t used = strlen(text);
    const char *src = lw_layout_name(d->src_layout), *dst = lw_layout_name(d->dst_layout);
    snprintf(text + used, size - used, "%s%s%s%s%s%s", used ? " " : "", src,
             d->src_layout == d->dst_layout ? "" : ":", d->src_layout == d->dst_layout ? "" : dst,
             d->pool2x2 ? "+pool" : "", d->relu ? "+relu" : "");
}

/* Takes one run into the result: the worst counts. */
static void merge(struct check_result *r, const lw_desc *d, const struct lw_verify_result *v) {
    if (v->status == LW_ERR_NO_MEMORY || v->status == LW_ERR_UNSUPPORTED) {
        if (!*r->reason) snprintf(r->reason, sizeof r->reason, "%s", v->error.text);
        return;
    }
    char variant[48] = "";
    name_variant(variant, sizeof variant, d);
    name_variant(r->variants, sizeof r->variants, d);
    bool good = v->status == LW_OK && v->ok;
    bool worst = r->outcome == CHECK_SKIPPED || !(v->err_over_bound <= r->err_over_bound);
    if ((good ? r->outcome != CHECK_FAILED : true) && worst) {
        snprintf(r->worst, sizeof r->worst, "%s: %.110s", variant,
                 v->status == LW_OK ? v->worst : v->error.text);
        r->err_over_bound = v->status == LW_OK ? v->err_over_bound : (double)INFINITY;
    }
    if (!(v->rel_l2 <= r->rel_l2)) r->rel_l2 = v->rel_l2;
    r->compared += v->compared;
    r->total += v->total;
    if (!good)
        r->outcome = CHECK_FAILED;
    else if (r->outcome == CHECK_SKIPPED)
        r->outcome = CHECK_OK;
}

static void check_pair(const struct check_options *o, const lw_kernel_info *row,
                       const struct lw_problem *problem, struct check_result *r) {
    const lw_desc *desc = &problem->desc;
    struct variant variants[MAX_VARIANTS];
    *r = (struct check_result){.outcome = CHECK_SKIPPED, .op = desc->op, .kernel = row->name};
    snprintf(r->problem, sizeof r->problem, "%s", problem->text);
    snprintf(r->name, sizeof r->name, "%s", problem->name);
    int count = find_variants(row, desc, variants, r->reason);
    if (count == 0 || too_big(row, desc, r->reason)) return;
    *r->reason = 0;
    if (cli_flops(desc) > ONE_LAYOUT_FLOPS) keep_one(variants, &count, problem->text);

    double start = cli_seconds();
    for (int i = 0; i < count; i++) {
        lw_desc d = variant_desc(desc, &variants[i]);
        size_t bytes = sizeof(float) * (lw_src_floats(&d) + lw_dst_floats(&d) + lw_weight_floats(&d));
        const struct lw_verify_options options = {
            .fill = LW_FILL_NORMAL,
            .seed = o->seed,
            .threads = o->shared.threads || cli_flops(&d) > THREADS_FLOPS ? o->threads : 1,
            .max_outputs = COMPARE_OUTPUTS,
            .max_macs = COMPARE_MACS,
            .guard = bytes < GUARD_BYTES,
        };
        struct lw_verify_result v;
        lw_verify(row->name, &d, &options, &v);
        merge(r, &d, &v);
    }
    r->seconds = cli_seconds() - start;
}

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
    struct check_options *options;
    struct check_report report;
    struct cli_rows rows[LW_OP_COUNT];
    struct lw_problem_list lists[LW_OP_COUNT];
    bool isa_ran; /* a row of --isa itself */
};

static void check_line(struct check_run *run, lw_op op, const struct lw_problem_line *line, size_t number) {
    struct check_result r;
    if (line->status == LW_PARSE_SKIP && strncmp(line->text, "--", 2) == 0) {
        run->report.option_lines++;
        return;
    }
    if (line->status == LW_PARSE_SKIP) {
        r = (struct check_result){.outcome = CHECK_SKIPPED, .op = op, .kernel = ""};
        snprintf(r.problem, sizeof r.problem, "%.191s", line->text);
        snprintf(r.reason, sizeof r.reason, "%s", line->why);
        check_add(&run->report, &r);
        return;
    }
    const char *isa = run->options->shared.isa;
    for (size_t i = 0; i < run->rows[op].count; i++) {
        const lw_kernel_info *row = &run->rows[op].items[i];
        if (!row->usable) continue;
        cli_progress("%zu/%zu %s %s", number + 1, run->lists[op].count, row->name,
                     *line->problem.name ? line->problem.name : line->problem.text);
        check_pair(run->options, row, &line->problem, &r);
        if (isa && r.outcome != CHECK_SKIPPED && strcmp(row->isa, isa) == 0) run->isa_ran = true;
        check_add(&run->report, &r);
        if (ferror(stdout)) return;
    }
}

static int verdict(const struct check_run *run) {
    const struct check_report *report = &run->report;
    if (report->failed) return LW_EXIT_FAILED;
    if (!report->checked)
        return cli_fail(LW_EXIT_FAILED, "nothing was checked: %zu skipped", report->skipped);
    if (run->options->shared.isa && !run->isa_ran)
        return cli_fail(LW_EXIT_FAILED, "no %s row took any of the problems", run->options->shared.isa);
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
        run->report.kernels += run->rows[op].count;
        for (size_t i = 0; i < run->rows[op].count; i++) {
            const lw_kernel_info *row = &run->rows[op].items[i];
            if (row->usable) continue;
            check_not_run(&run->report, row);
            why_not = row->reason;
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

static int run_check(struct check_options *o, enum check_format format) {
    struct check_run run = {.options = o, .report = {.format = format, .seed = o->seed}};
    int status = select_and_collect(&run);
    if (status == CLI_GO) {
        check_begin(&run.report);
        for (int op = 0; op < LW_OP_COUNT; op++) {
            for (size_t i = 0; i < run.lists[op].count && !ferror(stdout); i++)
                check_line(&run, (lw_op)op, &run.lists[op].lines[i], i);
        }
        cli_progress_clear();
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

static int default_threads(void) {
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    return cpu.cores > 16 ? 16 : cpu.cores > 0 ? cpu.cores : 1;
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
        {"seed", 0, CLI_UINT64, &o.seed, "N", "of the data (default 1)", 0, 0},
        {"format", 0, CLI_STRING, &o.format_name, "F", "text (default), tap, junit or json", 0, 0},
        CLI_OPT_JSON(s),
    };
    const struct cli_command command = {
        .name = "check",
        .usage = "[--op OP] [--kernel GLOB] [--isa NAME] [--batch FILE]... [PROBLEM]...\n"
                 "                      [--mb N] [--threads N] [--seed N] [--format text|tap|junit|json]",
        .about =
            "Runs every usable kernel on every problem, in every layout it takes, and compares with sums in\n"
            "double: the largest error as a fraction of the kernel's published bound, and the relative L2 "
            "error.\n"
            "Problems are convolutions unless --op says otherwise; without any, the built-in sets of all\n"
            "operations are checked. Exit status 0: all within bound; 1: not, or nothing was checked.",
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
    if (status == CLI_GO) {
        o.threads = s->threads ? (int)s->threads : default_threads();
        status = run_check(&o, format);
    }
    cli_strings_free(&o.problems);
    cli_strings_free(&s->batch);
    return status;
}
