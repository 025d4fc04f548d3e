/* What a comparison found, for people and for programs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

static const char *const verdict_names[COMPARE_VERDICTS] = {"slower",     "faster",  "same",
                                                            "can't tell", "missing", "new"};

static int exit_status(const struct comparison *c) {
    if (c->counts[SLOWER]) return EXIT_SLOWER;
    return c->counts[CANT_TELL] + c->counts[MISSING] ? EXIT_CANT_TELL : EXIT_SAME;
}

static size_t fewest_passes(const struct comparison *c) {
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < c->count; i++) {
        const struct compare_row *r = &c->rows[i];
        if (!compare_is_compared(r)) continue;
        fewest = r->a_passes < fewest ? r->a_passes : fewest;
        fewest = r->b_passes < fewest ? r->b_passes : fewest;
    }
    return fewest;
}

/* How many would do, if as many of them are disturbed. */
static void note_few(const struct comparison *c) {
    const size_t passes = fewest_passes(c), rows = c->count - c->counts[MISSING] - c->counts[NEW];
    const size_t needed = c->turns ? compare_pairs_needed(c->alpha) : compare_passes_needed(c->alpha);
    const char *few = passes == 1 ? "is too few" : "are too few", *s = rows == 1 ? "" : "s";
    if (passes >= needed) return;
    if (!c->turns)
        cli_note(
            "%zu undisturbed pass%s %s for %zu row%s, at least %zu are needed: lanewise bench --repeat %zu",
            passes, passes == 1 ? "" : "es", few, rows, s, needed, needed > 15 ? 2 * needed : 30);
    else if (passes == 0)
        cli_note("no turn was undisturbed for some row: other processes took its core");
    else
        cli_note("%zu undisturbed turn%s of %zu %s for %zu row%s, at least %zu are needed: --turns %zu",
                 passes, passes == 1 ? "" : "s", c->turns, few, rows, s, needed,
                 (3 * needed * c->turns / passes + 1) / 2);
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
    if (c->all_changed && !c->turns)
        cli_note("half of the rows take %.2f times as long or %s: all has changed, or the machine was in "
                 "another state; measure again",
                 c->median, c->median > 1 ? "more" : "less");
    if (c->failed)
        cli_note("%zu benchmark%s in both runs", c->failed, c->failed == 1 ? " failed" : "s failed");
    note_few(c);
}

static void print_row(const struct compare_row *r) {
    printf("%-10s  %-70s", verdict_names[r->verdict], r->name);
    if (compare_is_compared(r) && !compare_has_ratio(r)) printf("  no undisturbed pass");
    if (compare_has_ratio(r)) {
        printf("  %.3fx", r->ratio.ratio);
        if (r->ratio.low > 0) printf("  %.3f .. %.3f", r->ratio.low, r->ratio.high);
    }
    if (r->error) printf("  failed in one run: %s", r->error);
    putchar('\n');
}

static int print_text(const struct comparison *c) {
    static const enum compare_verdict order[] = {SLOWER, FASTER, CANT_TELL, MISSING, NEW};
    const struct results *const runs[] = {&c->a, &c->b};
    for (size_t i = 0; i < 2; i++)
        printf("%c: %s, commit %s, %s\n", "AB"[i], runs[i] -> path,
               results_context(runs[i], "commit", "unknown"), results_context(runs[i], "date", "no date"));
    for (size_t k = 0; k < CLI_COUNT(order); k++)
        for (size_t i = 0; i < c->count; i++)
            if (c->rows[i].verdict == order[k]) print_row(&c->rows[i]);
    printf("B's time over A's, %s; interval: %.0f%% sure of all rows at once\n",
           c->turns ? "turn by turn" : "each in units of its run's FMA peak", 100 * (1 - 2 * COMPARE_ALPHA));
    for (int v = 0; v < COMPARE_VERDICTS; v++)
        printf("%zu %s%s", c->counts[v], verdict_names[v], v + 1 < COMPARE_VERDICTS ? ", " : "\n");
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
    cli_json_number(root, "confidence", 1 - 2 * COMPARE_ALPHA);
    cli_json_number(root, "median_ratio", c->median);
    for (int v = 0; v < COMPARE_VERDICTS; v++)
        cJSON_AddNumberToObject(root, v == CANT_TELL ? "cant_tell" : verdict_names[v], (double)c->counts[v]);
    cJSON *rows = cJSON_AddArrayToObject(root, "rows");
    for (size_t i = 0; i < c->count; i++) {
        const struct compare_row *r = &c->rows[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", r->name);
        cJSON_AddStringToObject(object, "verdict", verdict_names[r->verdict]);
        bool known = compare_has_ratio(r);
        cli_json_number(object, "ratio", known ? r->ratio.ratio : NAN);
        cli_json_number(object, "ratio_low", known && r->ratio.low > 0 ? r->ratio.low : NAN);
        cli_json_number(object, "ratio_high", known ? r->ratio.high : NAN);
        cli_json_number(object, "a_ns", r->a_ns > 0 ? r->a_ns : NAN);
        cli_json_number(object, "b_ns", r->b_ns > 0 ? r->b_ns : NAN);
        cJSON_AddItemToArray(rows, object);
    }
    return cli_json_print(root, exit_status(c));
}

int compare_tell(const struct comparison *c) {
    note_doubts(c);
    int status = c->json ? print_json(c) : print_text(c);
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    clearerr(stdout); /* said once */
    return cli_fail(EXIT_BAD_INPUT, "stdout can't be written");
}
