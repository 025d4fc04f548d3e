/* lanewise gate: is one build slower than another? Both are measured, in turn. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "commands.h"
#include "compare.h"
#include "turns.h"

static const char about[] =
    "Is NEW, an executable of lanewise, slower than OLD? Runs `bench` of the two in turn, in processes of\n"
    "their own, and compares them turn by turn: what the machine does for longer than a turn cancels.\n"
    "BENCH OPTIONS, after --, say what is measured, as in `-- --set mnist.conv --threads 1`; few rows, and\n"
    "the more turns the more rows. A is OLD, B is NEW. docs/regression-gate.md tells more.\n"
    "\n" COMPARE_STATUSES;

/* DIR/old.json or DIR/new.json, for `compare` and `report`. */
static const char *file_in(const char *dir, const char *name, char path[1200]) {
    snprintf(path, 1200, "%s/%s", dir, name);
    return path;
}

static int write_one(const char *dir, const char *name, const struct results *r) {
    char path[1200], *text = cJSON_Print(r->root);
    if (!text) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    int status = cli_write_file(file_in(dir, name, path), text);
    cJSON_free(text);
    return status;
}

static int write_both(const char *dir, const struct comparison *c) {
    int status = write_one(dir, "old.json", &c->a);
    return status == CLI_GO ? write_one(dir, "new.json", &c->b) : status;
}

/* Before anything is measured: can they be written? */
static int try_dir(const char *dir) {
    struct stat info;
    if (strlen(dir) > 1000) return cli_fail(LW_EXIT_USAGE, "--out %.80s...: the name is too long", dir);
    if (mkdir(dir, 0777) != 0 && !(stat(dir, &info) == 0 && S_ISDIR(info.st_mode)))
        return cli_fail(LW_EXIT_USAGE, "--out %s: %s", dir, strerror(errno == EEXIST ? ENOTDIR : errno));
    char path[1200];
    int status = cli_try_file(file_in(dir, "old.json", path));
    return status == CLI_GO ? cli_try_file(file_in(dir, "new.json", path)) : status;
}

/* What would change what a run does, or where its result goes. */
static int check_words(const struct turns *turns) {
    static const char *const ours[] = {"--repeat",
                                       "--benchmark_out",
                                       "--benchmark_repetitions",
                                       "--compare",
                                       "--benchmark_list_tests",
                                       "--results",
                                       "--help",
                                       "-h"};
    for (size_t i = 0; i < turns->word_count; i++)
        for (size_t k = 0; k < CLI_COUNT(ours); k++)
            if (strncmp(turns->words[i], ours[k], strlen(ours[k])) == 0)
                return cli_fail(LW_EXIT_USAGE, "%s is no option for the runs of a gate", turns->words[i]);
    return CLI_GO;
}

static int measure(struct comparison *c, struct turns *turns, const struct cli_strings *words,
                   const char *dir) {
    struct results merged[2];
    if (words->count < 2)
        return cli_fail(LW_EXIT_USAGE, "needs two builds, OLD and NEW (see lanewise gate --help)");
    for (size_t i = 0; i < 2; i++)
        turns->commands[i] = words->items[i];
    turns->words = words->items + 2;
    turns->word_count = words->count - 2;
    int status = check_words(turns);
    if (status == CLI_GO && dir) status = try_dir(dir);
    if (status == CLI_GO) status = turns_run(turns, merged);
    if (status != CLI_GO) return status;
    c->a = merged[0];
    c->b = merged[1];
    return CLI_GO;
}

/* The answer is told also where the files can't be written. */
static int answer(struct comparison *c, const char *dir) {
    int written = dir ? write_both(dir, c) : CLI_GO, status = compare_judge(c);
    if (status == CLI_GO) status = compare_tell(c);
    return written == CLI_GO ? status : EXIT_BAD_INPUT;
}

int cmd_gate(int argc, char **argv) {
    struct comparison c = {0};
    struct cli_strings words = {0};
    struct turns turns = {.turns = 40, .passes = 1};
    int64_t seconds = 600;
    const char *threshold = NULL, *dir = NULL;
    const struct cli_option options[] = {
        {"turns", 0, CLI_INT, &turns.turns, "N", "runs of each build (default 40)", 1, COMPARE_MAX_TURNS},
        {"passes", 0, CLI_INT, &turns.passes, "N", "passes over the rows in each run (default 1)", 1, 100},
        {"timeout", 0, CLI_INT, &seconds, "SECONDS", "the most that one run may take (default 600)", 1,
         86400},
        COMPARE_OPT_THRESHOLD(&threshold),
        {"out", 0, CLI_STRING, &dir, "DIR", "keep what was measured: DIR/old.json and DIR/new.json", 0, 0},
        {"json", 0, CLI_FLAG, &c.json, NULL, "print JSON", 0, 0},
    };
    const struct cli_command command = {
        .name = "gate",
        .usage = "[options] OLD NEW [-- BENCH OPTIONS]",
        .about = about,
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &words,
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = compare_read_threshold(threshold, &c.threshold);
    turns.seconds = (double)seconds;
    if (status == CLI_GO) status = measure(&c, &turns, &words, dir);
    if (status == LW_EXIT_USAGE) status = EXIT_BAD_INPUT;
    if (status == CLI_GO) status = answer(&c, dir);
    compare_free(&c);
    cli_strings_free(&words);
    return status;
}
