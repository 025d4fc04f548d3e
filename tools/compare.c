/* Is one run of the matrix slower than another? Row by row, by ranks. */
#include "compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A row is slower if all of its interval is beyond this part of the threshold: two runs of one build differ
 * by a percent or three for reasons that last as long as a run, and turns average those. */
#define SURE_PART      0.8
#define SURE_PART_TURN 0.5

/* Where other processes took so much of a core during a run, no row is called slower or faster. */
#define BUSY_CORES 0.2

/* A pass whose thread had less of a core than this is left out. */
#define LEAST_SHARE 0.95

/* Of so many rows the median tells whether all has changed. */
#define LEAST_ROWS 5

static bool is_wanted(const struct comparison *c, const char *name) {
    for (size_t i = 0; i < c->glob_count; i++)
        if (cli_match(c->globs[i], name)) return true;
    return c->glob_count == 0;
}

/* Did its thread have a core to itself? Beside another process on the same core even CPU time is up to half
 * as long again. Of several threads this can't be seen. */
static bool is_undisturbed(const struct results_row *row, size_t pass) {
    double cpu = results_pass_value(row, pass, "cpu_time", 0);
    double real = results_pass_value(row, pass, "real_time", 0);
    return row->threads > 1 || !(cpu > 0 && real > 0) || cpu >= LEAST_SHARE * real;
}

/* The FMA peak beside a pass; where the file hasn't got it, by what else it says. 0: unknown. */
static double peak_of(const struct results_row *row, size_t pass) {
    double peak = results_pass_value(row, pass, "peak_gflops", 0);
    double gflops = results_pass_value(row, pass, "gflops", 0);
    double pct = results_pass_value(row, pass, "peak_pct", 0);
    return peak > 0 ? peak : pct > 0 && gflops > 0 ? 100 * gflops / pct : 0;
}

/* The median of the passes' peaks, as a single one scatters more than the clock does. values: room for one a
 * pass. 1: unknown, in both runs then. */
static double row_peak(const struct results_row *row, double *values) {
    for (size_t i = 0; i < row->pass_count; i++)
        values[i] = peak_of(row, i);
    const double peak = compare_quantile(values, row->pass_count, 0.5);
    return peak > 0 ? peak : 1;
}

/* What a pass took in units of the row's FMA peak, so that the clock of the run cancels: the least of its
 * samples, as whatever disturbs a machine makes it slower. 0: it was disturbed. */
static double pass_figure(const struct results_row *row, size_t pass, double peak) {
    double ns = results_pass_value(row, pass, "time_min_ns", results_pass_ns(row, pass));
    return is_undisturbed(row, pass) ? ns * peak : 0;
}

/* Of the undisturbed passes; returns how many. */
static size_t read_passes(const struct results_row *row, double *figures) {
    const double peak = row_peak(row, figures);
    size_t count = 0;
    for (size_t i = 0; i < row->pass_count; i++) {
        figures[count] = pass_figure(row, i, peak);
        count += figures[count] > 0;
    }
    return count;
}

/* The least of each turn's undisturbed passes, in ns; 0: there are none. */
static void read_turns(const struct results_row *row, size_t turns, double *ns) {
    for (size_t turn = 0; turn < turns; turn++)
        ns[turn] = 0;
    for (size_t i = 0; i < row->pass_count; i++) {
        double *least = &ns[(size_t)results_pass_value(row, i, "turn", 0)], figure = pass_figure(row, i, 1);
        if (figure > 0 && (*least == 0 || figure < *least)) *least = figure;
    }
}

/* Are the quartiles near each other, or did the machine change its state within the run? Such a state can
 * last as long as a run, so then nobody knows which one the other run was in. */
static bool is_steady(double *figures, size_t count, double threshold) {
    return compare_quantile(figures, count, 0.75) <= compare_quantile(figures, count, 0.25) * (1 + threshold);
}

/* Beyond the threshold, and for sure beyond part of it. */
static enum compare_verdict judge(const struct compare_ratio *r, double threshold, double sure_part) {
    const double sure = sure_part * threshold;
    if (!(r->ratio > 0 && r->ratio < INFINITY)) return CANT_TELL; /* no memory, or times beyond all measure */
    if (r->ratio > 1 + threshold && r->low > 1 + sure) return SLOWER;
    if (r->ratio < 1 / (1 + threshold) && r->high < 1 / (1 + sure)) return FASTER;
    return r->high < 1 + threshold ? SAME : CANT_TELL;
}

/* Cores that other processes took during the run: of "clang 0.50, others 0.51" both. */
static double busy_cores(const struct results *run) {
    double sum = 0;
    const char *text = results_context(run, "busy_processes", "none");
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = text + strcspn(text, ",");
        const char *number = end;
        while (number > text && number[-1] != ' ')
            number--;
        sum += strtod(number, NULL);
    }
    return sum;
}

/* By all passes of the one and of the other. values: room for one a pass of both. */
static void compare_runs(const struct comparison *c, const struct results_row *a, const struct results_row *b,
                         double *values, struct compare_row *out) {
    out->a_passes = read_passes(a, values);
    out->b_passes = read_passes(b, values + out->a_passes);
    if (!out->a_passes || !out->b_passes) return;
    out->ratio = compare_passes(values, out->a_passes, values + out->a_passes, out->b_passes, c->alpha);
    out->verdict = judge(&out->ratio, c->threshold, SURE_PART);
    bool steady = is_steady(values, out->a_passes, c->threshold) &&
                  is_steady(values + out->a_passes, out->b_passes, c->threshold);
    if ((!steady || c->busy) && out->verdict != SAME) out->verdict = CANT_TELL;
}

/* Turn by turn: the machine was in one state then, whichever, and at one clock, so that no peak is needed
 * (its own scatter would come in). values: room for two a turn. */
static void compare_turns(const struct comparison *c, const struct results_row *a,
                          const struct results_row *b, double *values, struct compare_row *out) {
    double *logs = values, *b_ns = values + c->turns;
    size_t count = 0;
    read_turns(a, c->turns, values);
    read_turns(b, c->turns, b_ns);
    for (size_t turn = 0; turn < c->turns; turn++)
        if (values[turn] > 0 && b_ns[turn] > 0) logs[count++] = log(b_ns[turn] / values[turn]);
    out->a_passes = out->b_passes = count;
    if (!count) return;
    out->ratio = compare_pairs(logs, count, c->alpha);
    out->verdict = judge(&out->ratio, c->threshold, SURE_PART_TURN);
}

static void compare_row(const struct comparison *c, const struct results_row *a, const struct results_row *b,
                        struct compare_row *out) {
    double *values = malloc((a->pass_count + b->pass_count + 2 * c->turns + 1) * sizeof *values);
    *out = (struct compare_row){.name = a->name,
                                .verdict = CANT_TELL,
                                .ratio = {1, 0, INFINITY},
                                .a_ns = results_ns(a),
                                .b_ns = results_ns(b)};
    if (values && c->turns)
        compare_turns(c, a, b, values, out);
    else if (values)
        compare_runs(c, a, b, values, out);
    free(values);
}

static bool is_measured(const struct results_row *row) { return row && row->pass_count > 0; }

bool compare_is_compared(const struct compare_row *r) { return r->verdict != MISSING && r->verdict != NEW; }
bool compare_has_ratio(const struct compare_row *r) {
    return compare_is_compared(r) && r->a_passes > 0 && r->b_passes > 0;
}

/* The median of the rows' ratios. Has all changed? A shared machine can be in another state for the length of
 * a run, at the same FMA peak, and no row's time can be told from that. Of a few rows the slow one may be the
 * median itself. */
static int find_median(struct comparison *c) {
    const double most = 1 + c->threshold;
    double *ratios = malloc((c->count + 1) * sizeof *ratios);
    size_t count = 0;
    if (!ratios) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    for (size_t i = 0; i < c->count; i++)
        if (compare_has_ratio(&c->rows[i])) ratios[count++] = c->rows[i].ratio.ratio;
    c->median = count ? compare_quantile(ratios, count, 0.5) : 1;
    c->all_changed = count >= LEAST_ROWS && (c->median > most || c->median < 1 / most);
    free(ratios);
    return CLI_GO;
}

/* A row of A, and B's of the same name, NULL: it has none. What failed in one run is missing there. */
static void judge_row(struct comparison *c, const struct results_row *a, const struct results_row *b) {
    struct compare_row *row = &c->rows[c->count];
    if (a->error && b && b->error) {
        c->failed++;
        return;
    }
    c->count++;
    if (is_measured(a) && is_measured(b))
        compare_row(c, a, b, row);
    else
        *row = (struct compare_row){.name = a->name,
                                    .verdict = MISSING,
                                    .error = a->error ? a->error
                                             : b      ? b->error
                                                      : NULL,
                                    .a_ns = is_measured(a) ? results_ns(a) : 0,
                                    .b_ns = is_measured(b) ? results_ns(b) : 0};
}

/* Rows that A has, in its order, then those that are new in B. */
static int judge_rows(struct comparison *c) {
    size_t both = 0;
    c->rows = calloc(c->a.count + c->b.count + 1, sizeof *c->rows);
    if (!c->rows) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    for (size_t i = 0; i < c->a.count; i++) {
        const struct results_row *a = &c->a.rows[i];
        both += is_wanted(c, a->name) && is_measured(a) && is_measured(results_find(&c->b, a->name));
    }
    if (!both)
        return cli_fail(EXIT_NOT_COMPARABLE, "%s and %s have no benchmark in common%s", c->a.path, c->b.path,
                        c->glob_count ? " that matches" : "");
    c->alpha = COMPARE_ALPHA / (double)both;
    c->busy = busy_cores(&c->a) > BUSY_CORES || busy_cores(&c->b) > BUSY_CORES;
    for (size_t i = 0; i < c->a.count; i++) {
        const struct results_row *a = &c->a.rows[i];
        if (is_wanted(c, a->name)) judge_row(c, a, results_find(&c->b, a->name));
    }
    for (size_t i = 0; i < c->b.count; i++) {
        const struct results_row *b = &c->b.rows[i];
        if (is_wanted(c, b->name) && is_measured(b) && !results_find(&c->a, b->name))
            c->rows[c->count++] =
                (struct compare_row){.name = b->name, .verdict = NEW, .b_ns = results_ns(b)};
    }
    int status = find_median(c);
    for (size_t i = 0; i < c->count; i++) {
        if (c->all_changed && !c->turns && c->rows[i].verdict == SLOWER) c->rows[i].verdict = CANT_TELL;
        c->counts[c->rows[i].verdict]++;
    }
    return status;
}

static int check_machines(const struct comparison *c) {
    static const char *const keys[] = {"cpu_kind", "cpu_model"};
    for (size_t i = 0; i < CLI_COUNT(keys); i++) {
        const char *a = results_context(&c->a, keys[i], ""), *b = results_context(&c->b, keys[i], "");
        if (*a && *b && strcmp(a, b) != 0)
            return cli_fail(EXIT_NOT_COMPARABLE, "runs of two CPUs can't be compared: %.80s and %.80s", a, b);
    }
    return CLI_GO;
}

/* Each pass of a gate says its turn. */
static int check_turns(const struct results *r, size_t turns) {
    for (size_t i = 0; i < r->count; i++)
        for (size_t pass = 0; pass < r->rows[i].pass_count; pass++) {
            const double turn = results_pass_value(&r->rows[i], pass, "turn", -1);
            if (!(turn >= 0 && turn < (double)turns && turn == floor(turn)))
                return cli_fail(LW_EXIT_USAGE, "%s: %.150s: a pass has no turn from 0 to %zu", r->path,
                                r->rows[i].name, turns - 1);
        }
    return CLI_GO;
}

/* Were they made by one `gate`, in turn? */
static int find_turns(struct comparison *c) {
    const char *a = results_context(&c->a, "gate", ""), *b = results_context(&c->b, "gate", "");
    const double turns = results_context_number(&c->a, "turns", 0);
    if (!*a || strcmp(a, b) != 0) return CLI_GO;
    if (!(turns >= 1 && turns <= COMPARE_MAX_TURNS && turns == floor(turns)) ||
        results_context_number(&c->b, "turns", 0) != turns)
        return cli_fail(LW_EXIT_USAGE, "%s and %s: of one gate, but not of the same whole number of turns",
                        c->a.path, c->b.path);
    c->turns = (size_t)turns;
    int status = check_turns(&c->a, c->turns);
    return status == CLI_GO ? check_turns(&c->b, c->turns) : status;
}

int compare_judge(struct comparison *c) {
    int status = find_turns(c);
    if (status == CLI_GO) status = check_machines(c);
    return status == CLI_GO ? judge_rows(c) : status;
}

int compare_read_threshold(const char *text, double *threshold) {
    char *end;
    *threshold = 0.06;
    if (!text) return CLI_GO;
    double percent = strtod(text, &end);
    if (end == text || *end || !(percent > 0 && percent <= 1000))
        return cli_fail(LW_EXIT_USAGE, "--threshold %.40s: not a number of percent above 0", text);
    *threshold = percent / 100;
    return CLI_GO;
}

void compare_free(struct comparison *c) {
    results_free(&c->a);
    results_free(&c->b);
    free(c->rows);
}
