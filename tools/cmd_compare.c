/* lanewise compare: is one run of the matrix slower than another? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "compare_stats.h"
#include "results_read.h"

/* The house's 2 (bad usage or input) means "can't tell" here. */
enum { EXIT_SAME = 0, EXIT_SLOWER = 1, EXIT_CANT_TELL = 2, EXIT_NOT_COMPARABLE = 3, EXIT_BAD_INPUT = 4 };

/* The chance that any row of a run is called slower though it isn't; shared among the rows. */
#define ALPHA 0.01

/* A row is slower if all of its interval is beyond this part of the threshold. */
#define SURE_PART 0.8

/* Where other processes took so much of a core during a run, no row is called slower or faster. */
#define BUSY_CORES 0.2

/* A pass whose thread had less of a core than this is left out. */
#define LEAST_SHARE 0.95

/* Of so many rows the median tells whether all has changed. */
#define LEAST_ROWS 5

enum verdict { SLOWER, FASTER, SAME, CANT_TELL, MISSING, NEW, VERDICTS };

static const char *const verdict_names[VERDICTS] = {"slower",     "faster",  "same",
                                                    "can't tell", "missing", "new"};

struct row {
    const char *name;
    enum verdict verdict;
    struct compare_ratio ratio;
    double a_ns, b_ns;
    size_t a_passes, b_passes; /* undisturbed */
};

struct comparison {
    const char *threshold_text;
    double threshold; /* as a fraction */
    bool json;
    struct cli_strings words;
    struct results a, b;
    size_t count, counts[VERDICTS];
    double median;    /* of the rows' ratios */
    bool all_changed; /* so says the median */
    struct row *rows;
    double alpha; /* of one row */
    bool busy;    /* other processes ran beside one of the runs */
};

/* ---- comparing ----------------------------------------------------------------------------------------- */

static bool is_wanted(const struct comparison *c, const char *name) {
    for (size_t i = 2; i < c->words.count; i++)
        if (cli_match(c->words.items[i], name)) return true;
    return c->words.count == 2;
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

/* What the passes took in units of the row's FMA peak, so that the clock of the run cancels. The least of a
 * pass' samples, as whatever disturbs a machine makes it slower; the median of the passes' peaks, as a single
 * one scatters more than the clock does. Of the undisturbed passes; returns how many. */
static size_t read_passes(const struct results_row *row, double *figures) {
    size_t count = 0;
    for (size_t i = 0; i < row->pass_count; i++)
        figures[i] = peak_of(row, i);
    const double peak = compare_quantile(figures, row->pass_count, 0.5);
    for (size_t i = 0; i < row->pass_count; i++) {
        figures[count] =
            results_pass_value(row, i, "time_min_ns", results_pass_ns(row, i)) * (peak > 0 ? peak : 1);
        count += is_undisturbed(row, i) && figures[count] > 0;
    }
    return count;
}

/* Are the quartiles near each other, or did the machine change its state within the run? Such a state can
 * last as long as a run, so then nobody knows which one the other run was in. */
static bool is_steady(double *figures, size_t count, double threshold) {
    return compare_quantile(figures, count, 0.75) <= compare_quantile(figures, count, 0.25) * (1 + threshold);
}

/* Beyond the threshold, and for sure beyond most of it: two runs of one build differ by a percent or three.
 */
static enum verdict judge(const struct compare_ratio *r, double threshold) {
    const double sure = SURE_PART * threshold;
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

static void compare_row(const struct comparison *c, const struct results_row *a, const struct results_row *b,
                        struct row *out) {
    double *passes = malloc((a->pass_count + b->pass_count + 1) * sizeof *passes);
    *out = (struct row){.name = a->name,
                        .verdict = CANT_TELL,
                        .ratio = {1, 0, INFINITY},
                        .a_ns = results_ns(a),
                        .b_ns = results_ns(b)};
    if (passes) {
        out->a_passes = read_passes(a, passes);
        out->b_passes = read_passes(b, passes + out->a_passes);
    }
    if (out->a_passes && out->b_passes) {
        out->ratio = compare_passes(passes, out->a_passes, passes + out->a_passes, out->b_passes, c->alpha);
        out->verdict = judge(&out->ratio, c->threshold);
        bool steady = is_steady(passes, out->a_passes, c->threshold) &&
                      is_steady(passes + out->a_passes, out->b_passes, c->threshold);
        if ((!steady || c->busy) && out->verdict != SAME) out->verdict = CANT_TELL;
    }
    free(passes);
}

static bool is_measured(const struct results_row *row) { return row && row->pass_count > 0; }

/* Rows that both have; of those nothing is known where no pass is left. */
static bool is_compared(const struct row *r) { return r->verdict != MISSING && r->verdict != NEW; }
static bool has_ratio(const struct row *r) { return is_compared(r) && r->a_passes > 0 && r->b_passes > 0; }

/* The median of the rows' ratios. Has all changed? A shared machine can be in another state for the length of
 * a run, at the same FMA peak, and no row's time can be told from that. Of a few rows the slow one may be the
 * median itself. */
static int find_median(struct comparison *c) {
    const double most = 1 + c->threshold;
    double *ratios = malloc((c->count + 1) * sizeof *ratios);
    size_t count = 0;
    if (!ratios) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    for (size_t i = 0; i < c->count; i++)
        if (has_ratio(&c->rows[i])) ratios[count++] = c->rows[i].ratio.ratio;
    c->median = count ? compare_quantile(ratios, count, 0.5) : 1;
    c->all_changed = count >= LEAST_ROWS && (c->median > most || c->median < 1 / most);
    free(ratios);
    return CLI_GO;
}

/* Rows that A has, in its order, then those that are new in B. What failed counts as missing. */
static int compare_rows(struct comparison *c) {
    size_t both = 0;
    c->rows = calloc(c->a.count + c->b.count + 1, sizeof *c->rows);
    if (!c->rows) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    for (size_t i = 0; i < c->a.count; i++) {
        const struct results_row *a = &c->a.rows[i];
        both += is_wanted(c, a->name) && is_measured(a) && is_measured(results_find(&c->b, a->name));
    }
    if (!both)
        return cli_fail(EXIT_NOT_COMPARABLE, "%s and %s have no benchmark in common%s", c->a.path, c->b.path,
                        c->words.count > 2 ? " that matches" : "");
    c->alpha = ALPHA / (double)both;
    c->busy = busy_cores(&c->a) > BUSY_CORES || busy_cores(&c->b) > BUSY_CORES;
    for (size_t i = 0; i < c->a.count; i++) {
        const struct results_row *a = &c->a.rows[i], *b = results_find(&c->b, a->name);
        if (!is_wanted(c, a->name) || !is_measured(a)) continue;
        if (is_measured(b))
            compare_row(c, a, b, &c->rows[c->count++]);
        else
            c->rows[c->count++] = (struct row){.name = a->name, .verdict = MISSING, .a_ns = results_ns(a)};
    }
    for (size_t i = 0; i < c->b.count; i++) {
        const struct results_row *b = &c->b.rows[i];
        if (is_wanted(c, b->name) && is_measured(b) && !is_measured(results_find(&c->a, b->name)))
            c->rows[c->count++] = (struct row){.name = b->name, .verdict = NEW, .b_ns = results_ns(b)};
    }
    int status = find_median(c);
    for (size_t i = 0; i < c->count; i++) {
        if (c->all_changed && c->rows[i].verdict == SLOWER) c->rows[i].verdict = CANT_TELL;
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

static int exit_status(const struct comparison *c) {
    if (c->counts[SLOWER]) return EXIT_SLOWER;
    return c->counts[CANT_TELL] + c->counts[MISSING] ? EXIT_CANT_TELL : EXIT_SAME;
}

/* ---- telling ------------------------------------------------------------------------------------------- */

static size_t fewest_passes(const struct comparison *c) {
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < c->count; i++) {
        const struct row *r = &c->rows[i];
        if (!is_compared(r)) continue;
        fewest = r->a_passes < fewest ? r->a_passes : fewest;
        fewest = r->b_passes < fewest ? r->b_passes : fewest;
    }
    return fewest;
}

static void note_doubts(const struct comparison *c) {
    const struct results *const runs[] = {&c->a, &c->b};
    static const char *const builds[] = {"compiler", "compiler_flags"};
    for (size_t i = 0; i < 2; i++) {
        const char *trust = results_context(runs[i], "trust", "good");
        if (strcmp(trust, "good") != 0) cli_note("%s: don't trust its times: %s", runs[i]->path, trust);
    }
    for (size_t i = 0; i < CLI_COUNT(builds); i++) {
        const char *a = results_context(&c->a, builds[i], ""), *b = results_context(&c->b, builds[i], "");
        if (strcmp(a, b) != 0) cli_note("the %s differ: '%.100s' and '%.100s'", builds[i], a, b);
    }
    if (c->all_changed)
        cli_note("half of the rows take %.2f times as long or %s: all has changed, or the machine was in "
                 "another state; measure again",
                 c->median, c->median > 1 ? "more" : "less");
    size_t needed = compare_passes_needed(c->alpha), passes = fewest_passes(c);
    if (passes < needed)
        cli_note("%zu undisturbed pass%s are too few for %zu rows, at least %zu are needed: lanewise bench "
                 "--repeat %zu",
                 passes, passes == 1 ? "" : "es", c->count - c->counts[MISSING] - c->counts[NEW], needed,
                 needed > 15 ? 2 * needed : 30);
}

static void print_row(const struct row *r) {
    printf("%-10s  %-70s", verdict_names[r->verdict], r->name);
    if (is_compared(r) && !has_ratio(r)) printf("  no undisturbed pass");
    if (has_ratio(r)) {
        printf("  %.3fx", r->ratio.ratio);
        if (r->ratio.low > 0) printf("  %.3f .. %.3f", r->ratio.low, r->ratio.high);
    }
    putchar('\n');
}

static int print_text(const struct comparison *c) {
    static const enum verdict order[] = {SLOWER, FASTER, CANT_TELL, MISSING, NEW};
    const struct results *const runs[] = {&c->a, &c->b};
    for (size_t i = 0; i < 2; i++)
        printf("%c: %s, commit %s, %s\n", "AB"[i], runs[i] -> path,
               results_context(runs[i], "commit", "unknown"), results_context(runs[i], "date", "no date"));
    for (size_t k = 0; k < CLI_COUNT(order); k++)
        for (size_t i = 0; i < c->count; i++)
            if (c->rows[i].verdict == order[k]) print_row(&c->rows[i]);
    printf("B's time over A's, each in units of its run's FMA peak; interval: %.0f%% sure of all rows at "
           "once\n",
           100 * (1 - ALPHA));
    for (int v = 0; v < VERDICTS; v++)
        printf("%zu %s%s", c->counts[v], verdict_names[v], v + 1 < VERDICTS ? ", " : "\n");
    static const char *const outcomes[] = {"same", "slower", "can't tell"};
    printf("median of the rows: %.3fx\n", c->median);
    printf("%s (threshold %g%%)\n", outcomes[exit_status(c)], 100 * c->threshold);
    return exit_status(c);
}

static int print_json(const struct comparison *c) {
    static const char *const outcomes[] = {"same", "slower", "can't tell"};
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "outcome", outcomes[exit_status(c)]);
    cJSON_AddStringToObject(root, "a", c->a.path);
    cJSON_AddStringToObject(root, "b", c->b.path);
    cJSON_AddStringToObject(root, "a_commit", results_context(&c->a, "commit", "unknown"));
    cJSON_AddStringToObject(root, "b_commit", results_context(&c->b, "commit", "unknown"));
    cli_json_number(root, "threshold_pct", 100 * c->threshold);
    cli_json_number(root, "confidence", 1 - ALPHA);
    cli_json_number(root, "median_ratio", c->median);
    for (int v = 0; v < VERDICTS; v++)
        cJSON_AddNumberToObject(root, v == CANT_TELL ? "cant_tell" : verdict_names[v], (double)c->counts[v]);
    cJSON *rows = cJSON_AddArrayToObject(root, "rows");
    for (size_t i = 0; i < c->count; i++) {
        const struct row *r = &c->rows[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", r->name);
        cJSON_AddStringToObject(object, "verdict", verdict_names[r->verdict]);
        bool known = has_ratio(r);
        cli_json_number(object, "ratio", known ? r->ratio.ratio : NAN);
        cli_json_number(object, "ratio_low", known && r->ratio.low > 0 ? r->ratio.low : NAN);
        cli_json_number(object, "ratio_high", known ? r->ratio.high : NAN);
        cli_json_number(object, "a_ns", r->a_ns > 0 ? r->a_ns : NAN);
        cli_json_number(object, "b_ns", r->b_ns > 0 ? r->b_ns : NAN);
        cJSON_AddItemToArray(rows, object);
    }
    return cli_json_print(root, exit_status(c));
}

/* ---- the command --------------------------------------------------------------------------------------- */

static const char about[] =
    "Is run B slower than run A? Both are matrix.json files of `lanewise bench --repeat N`, or folders that "
    "have\n"
    "one; GLOBs keep the benchmarks whose names match. Rows are compared by their passes, in units of the "
    "FMA\n"
    "peak measured in the same run. A row is slower when its estimate is beyond the threshold and its "
    "interval\n"
    "beyond four fifths of it. docs/regression-gate.md tells how long a run must be.\n"
    "\n"
    "Exit status, unlike other subcommands': 0 same, 1 slower (those rows are named), 2 can't tell (too few\n"
    "passes, too noisy, or rows are missing), 3 runs that can't be compared (of two CPUs, or without a "
    "benchmark\n"
    "in common), 4 bad usage or input.";

static int read_threshold(struct comparison *c) {
    char *end;
    c->threshold = 0.06;
    if (!c->threshold_text) return CLI_GO;
    double percent = strtod(c->threshold_text, &end);
    if (end == c->threshold_text || *end || !(percent > 0 && percent <= 1000))
        return cli_fail(LW_EXIT_USAGE, "--threshold %.40s: not a number of percent above 0",
                        c->threshold_text);
    c->threshold = percent / 100;
    return CLI_GO;
}

static int prepare(struct comparison *c) {
    int status = read_threshold(c);
    if (status != CLI_GO) return status;
    if (c->words.count < 2)
        return cli_fail(LW_EXIT_USAGE, "needs two result files (see lanewise compare --help)");
    status = results_read(&c->a, c->words.items[0]);
    if (status == CLI_GO) status = results_read(&c->b, c->words.items[1]);
    if (status == CLI_GO) status = check_machines(c);
    return status == CLI_GO ? compare_rows(c) : status;
}

static int tell(const struct comparison *c) {
    note_doubts(c);
    int status = c->json ? print_json(c) : print_text(c);
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    return cli_fail(EXIT_BAD_INPUT, "stdout can't be written");
}

int cmd_compare(int argc, char **argv) {
    struct comparison c = {0};
    const struct cli_option options[] = {
        {"threshold", 0, CLI_STRING, &c.threshold_text, "PCT",
         "what counts as slower, in percent (default 6)", 0, 0},
        {"json", 0, CLI_FLAG, &c.json, NULL, "print JSON", 0, 0},
    };
    const struct cli_command command = {
        .name = "compare",
        .usage = "[--threshold PCT] [--json] A.json B.json [GLOB]...",
        .about = about,
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &c.words,
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = prepare(&c);
    if (status == LW_EXIT_USAGE) status = EXIT_BAD_INPUT;
    if (status == CLI_GO) status = tell(&c);
    results_free(&c.a);
    results_free(&c.b);
    free(c.rows);
    cli_strings_free(&c.words);
    return status;
}
