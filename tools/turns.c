#include "turns.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* ---- one run ------------------------------------------------------------------------------------------- */

/* Its table is of no interest; what it says on stderr is, if it fails. 0, or an errno. */
static int run_command(char *const argv[], FILE *notes, int *ended) {
    posix_spawn_file_actions_t actions;
    pid_t child = -1;
    fflush(NULL);
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error) error = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, fileno(notes), 2);
    if (!error) error = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    while (!error && waitpid(child, ended, 0) < 0)
        error = errno == EINTR ? 0 : errno;
    return error;
}

/* What it said last: its error. */
static void last_line(FILE *notes, char *line, size_t size) {
    char next[400];
    snprintf(line, size, "it said nothing");
    rewind(notes);
    while (fgets(next, sizeof next, notes)) {
        next[strcspn(next, "\n")] = '\0';
        if (*next) snprintf(line, size, "%s", next);
    }
}

static int fail(const char *command, int ended, FILE *notes) {
    char line[300];
    last_line(notes, line, sizeof line);
    if (WIFSIGNALED(ended))
        return cli_fail(LW_EXIT_IMPOSSIBLE, "%s: ended by signal %d", command, WTERMSIG(ended));
    int status = WEXITSTATUS(ended);
    return cli_fail(status == LW_EXIT_USAGE ? LW_EXIT_USAGE : LW_EXIT_IMPOSSIBLE, "%s: exit status %d: %s",
                    command, status, line);
}

/* Its result goes to `path`. */
static int run_bench(const struct turns *t, const char *command, const char *path, FILE *notes) {
    char passes[32], out[1200], subcommand[] = "bench", repeat[] = "--repeat";
    char **argv = calloc(t->word_count + 6, sizeof *argv), **end = argv;
    if (!argv) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    snprintf(passes, sizeof passes, "%d", (int)t->passes);
    snprintf(out, sizeof out, "--benchmark_out=%s", path);
    *end++ = (char *)command;
    *end++ = subcommand;
    for (size_t i = 0; i < t->word_count; i++)
        *end++ = (char *)t->words[i];
    *end++ = repeat;
    *end++ = passes;
    *end++ = out;
    int ended = 0, error = run_command(argv, notes, &ended);
    free(argv);
    if (error) return cli_fail(LW_EXIT_USAGE, "%s: %s", command, strerror(error));
    return ended ? fail(command, ended, notes) : CLI_GO;
}

static int run_once(const struct turns *t, const char *command, struct results *r) {
    const char *folder = getenv("TMPDIR");
    char path[1000];
    struct cli_file result; /* a temporary name, which goes whatever happens */
    snprintf(path, sizeof path, "%s/lanewise-gate", folder && *folder ? folder : "/tmp");
    if (!cli_file_open(&result, path)) return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
    FILE *notes = tmpfile();
    int status = notes ? run_bench(t, command, result.temp, notes)
                       : cli_fail(LW_EXIT_IMPOSSIBLE, "no temporary file: %s", strerror(errno));
    struct stat info;
    if (status == CLI_GO && (stat(result.temp, &info) != 0 || !info.st_size))
        status = cli_fail(LW_EXIT_USAGE, "%s: it wrote no result", command);
    if (status == CLI_GO) status = results_read(r, result.temp);
    if (notes) fclose(notes);
    cli_file_abort(&result);
    return status;
}

/* ---- all runs of one build ----------------------------------------------------------------------------- */

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

/* Moves one run's passes to those of the turns before. Aggregates are left out: they are of one run. */
static void take_run(struct side *side, struct results *run, int64_t turn) {
    const double before = side->repetitions;
    cJSON *list = cJSON_GetObjectItemCaseSensitive(run->root, "benchmarks"), *next;
    for (cJSON *item = list->child; item; item = next) {
        next = item->next;
        const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "run_type"));
        if (kind && strcmp(kind, "aggregate") == 0) continue;
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

/* A run that can't be trusted is one of many: a quarter of them may be so. */
static void judge_trust(struct side *side, int64_t turns) {
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
    judge_trust(side, turns);
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

static int run_turn(const struct turns *t, int64_t turn, struct side sides[2]) {
    int status = CLI_GO;
    for (int k = 0; k < 2 && status == CLI_GO; k++) {
        const int s = (int)((turn + k) % 2);
        struct results run;
        cli_progress("turn %d of %d: %.50s", (int)turn + 1, (int)t->turns, t->commands[s]);
        status = run_once(t, t->commands[s], &run);
        if (status != CLI_GO) break;
        take_run(&sides[s], &run, turn);
        results_free(&run);
    }
    return status;
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
