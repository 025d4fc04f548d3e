#include "turns.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench_run.h"

struct side {
    cJSON *context;     /* of the last run */
    cJSON *passes;      /* of all runs */
    double repetitions; /* of each benchmark among them, at most */
    int64_t doubted;
    char doubt[400]; /* the last one */
};

static void replace_text(cJSON *object, const char *key, const char *text) {
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    cJSON_AddStringToObject(object, key, text);
}

static void replace_number(cJSON *object, const char *key, double number) {
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    cJSON_AddNumberToObject(object, key, number);
}

/* Moves one run's passes to those of the turns before. Aggregates stay behind: they are of one run. And what
 * wasn't measured (time was over), but may be in other turns: a wrong result would have ended the gate. */
static void take_run(struct side *side, struct results *run, int64_t turn) {
    const double before = side->repetitions;
    cJSON *list = cJSON_GetObjectItemCaseSensitive(run->root, "benchmarks"), *next;
    for (cJSON *item = list->child; item; item = next) {
        next = item->next;
        const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "run_type"));
        if (kind && strcmp(kind, "aggregate") == 0) continue;
        if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "error_occurred"))) continue;
        const cJSON *index = cJSON_GetObjectItemCaseSensitive(item, "repetition_index");
        const double number = before + (cJSON_IsNumber(index) ? index->valuedouble : 0);
        if (number >= side->repetitions) side->repetitions = number + 1;
        replace_number(item, "repetition_index", number);
        replace_number(item, "turn", (double)turn);
        cJSON_AddItemToArray(side->passes, cJSON_DetachItemViaPointer(list, item));
    }
    const char *trust = results_context(run, "trust", "good");
    if (strcmp(trust, "good") != 0) {
        side->doubted++;
        snprintf(side->doubt, sizeof side->doubt, "%s", trust);
    }
    cJSON_Delete(side->context);
    side->context = cJSON_DetachItemFromObjectCaseSensitive(run->root, "context");
}

/* Who else was busy in the last run says nothing of the others. A run that can't be trusted is one of many: a
 * quarter of them may be so. */
static void end_context(struct side *side, int64_t turns) {
    static const char *const of_one_run[] = {"busy_processes", "load_before", "load_after"};
    for (size_t i = 0; i < CLI_COUNT(of_one_run); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(side->context, of_one_run[i]);
    char text[500] = "good";
    if (4 * side->doubted > turns)
        snprintf(text, sizeof text, "in %d of %d turns, the last time: %s", (int)side->doubted, (int)turns,
                 side->doubt);
    replace_text(side->context, "trust", text);
}

/* The result as a file has it, and read like one: then what is written reads the same. Takes the side's JSON.
 */
static int finish(const char *command, struct side *side, int64_t turns, const char *name,
                  struct results *merged) {
    char turns_text[24];
    snprintf(turns_text, sizeof turns_text, "%d", (int)turns);
    replace_text(side->context, "gate", name);
    replace_text(side->context, "turns", turns_text);
    end_context(side, turns);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddItemToObject(root, "context", side->context);
    cJSON_AddItemToObject(root, "benchmarks", side->passes);
    *side = (struct side){0};
    char *text = cJSON_Print(root);
    int status = text ? results_parse(merged, command, text, strlen(text))
                      : cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    cJSON_free(text);
    cJSON_Delete(root);
    return status;
}

static void name_gate(char name[64]) {
    char date[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    snprintf(name, 64, "%s %ld", date, (long)getpid());
}

/* Before the rest is measured: do the builds have a row in common? */
static int check_rows(const struct turns *t, const struct side sides[2]) {
    const cJSON *a, *b;
    cJSON_ArrayForEach(a, sides[0].passes) cJSON_ArrayForEach(b, sides[1].passes) {
        const char *x = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(a, "name"));
        const char *y = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(b, "name"));
        if (x && y && strcmp(x, y) == 0) return CLI_GO;
    }
    return cli_fail(LW_EXIT_IMPOSSIBLE, "%s and %s have no benchmark in common", t->commands[0],
                    t->commands[1]);
}

static int run_turn(const struct turns *t, int64_t turn, struct side sides[2]) {
    int status = CLI_GO;
    for (int k = 0; k < 2 && status == CLI_GO; k++) {
        const int s = (int)((turn + k) % 2);
        const struct bench_run one = {t->commands[s], t->words, t->word_count, t->passes, t->seconds};
        struct results run;
        cli_progress("turn %d of %d: %.50s", (int)turn + 1, (int)t->turns, t->commands[s]);
        status = bench_run(&one, &run);
        if (status != CLI_GO) break;
        take_run(&sides[s], &run, turn);
        results_free(&run);
    }
    return status == CLI_GO && turn == 0 ? check_rows(t, sides) : status;
}

int turns_run(const struct turns *t, struct results merged[2]) {
    struct side sides[2] = {{.passes = cJSON_CreateArray()}, {.passes = cJSON_CreateArray()}};
    char name[64];
    int status = CLI_GO;
    memset(merged, 0, 2 * sizeof *merged);
    name_gate(name);
    for (int64_t turn = 0; turn < t->turns && status == CLI_GO; turn++)
        status = run_turn(t, turn, sides);
    cli_progress_clear();
    for (int s = 0; s < 2; s++) {
        if (status == CLI_GO) status = finish(t->commands[s], &sides[s], t->turns, name, &merged[s]);
        cJSON_Delete(sides[s].context);
        cJSON_Delete(sides[s].passes);
    }
    if (status != CLI_GO)
        for (int s = 0; s < 2; s++)
            results_free(&merged[s]);
    return status;
}
