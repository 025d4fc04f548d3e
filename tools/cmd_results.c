/* lanewise results merge|refresh|readme: the folder results/, which has a folder for each CPU. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "report/publish.h"
#include "report/tidy.h"

/* ---- looking at what is contributed -------------------------------------------------------------------- */

static int check_name(const struct report_run *run) {
    size_t good = strspn(run->name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (*run->name && *run->name != '-' && !run->name[good]) return CLI_GO;
    return cli_fail(LW_EXIT_USAGE, "%s: a folder is named after its CPU, in a-z, 0-9 and dashes", run->path);
}

static const char *const texts[] = {"summary.txt", "peers.txt", "wisdom.txt"};

/* What is copied as it is: each may be absent, but not be unreadable. */
static int check_texts(const struct report_run *run) {
    char path[4096];
    struct stat info;
    if (strlen(run->path) > 2000) return cli_fail(LW_EXIT_USAGE, "%.80s...: the name is too long", run->path);
    for (size_t i = 0; i < CLI_COUNT(texts); i++) {
        snprintf(path, sizeof path, "%.2000s/%s", run->path, texts[i]);
        if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
            return cli_fail(LW_EXIT_USAGE, "%s: not a file", path);
        if (access(path, R_OK) != 0 && errno != ENOENT)
            return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
    }
    return CLI_GO;
}

/* Built into the library: so of the same CPU, and whole. */
static int check_wisdom(const struct report_run *run) {
    char path[4096];
    lw_wisdom *wisdom;
    lw_error err;
    snprintf(path, sizeof path, "%.2000s/wisdom.txt", run->path);
    if (access(path, F_OK) != 0) return CLI_GO;
    if (lw_wisdom_read_file(&wisdom, path, &err) != LW_OK) return cli_fail(LW_EXIT_USAGE, "%s", err.text);
    const char *kind = report_context(run, "cpu_kind");
    bool same = strcmp(lw_wisdom_cpu(wisdom), report_cpu(run)) == 0 &&
                (!*kind || strcmp(lw_wisdom_cpu_kind(wisdom), kind) == 0);
    int status = CLI_GO;
    if (!same)
        status = cli_fail(LW_EXIT_USAGE, "%s: of %s (%s), while the matrix is of %s (%s)", path,
                          lw_wisdom_cpu(wisdom), lw_wisdom_cpu_kind(wisdom), report_cpu(run), kind);
    lw_wisdom_free(wisdom);
    return status;
}

static int check(const struct report_run *runs, size_t index) {
    const struct report_run *run = &runs[index];
    if (!run->folder) return cli_fail(LW_EXIT_USAGE, "%s: not a folder", run->path);
    if (!*report_context(run, "cpu_model") && !*report_context(run, "cpu_kind"))
        return cli_fail(LW_EXIT_USAGE, "%s: its matrix doesn't name the CPU", run->path);
    for (size_t i = 0; i < index; i++)
        if (strcmp(runs[i].name, run->name) == 0)
            return cli_fail(LW_EXIT_USAGE, "%s and %s have the same name", runs[i].path, run->path);
    int status = check_name(run);
    if (status == CLI_GO) status = check_texts(run);
    return status == CLI_GO ? check_wisdom(run) : status;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static bool write_matrix(FILE *out, const void *run) {
    report_tidy_matrix(out, run);
    return true;
}
static bool write_json(FILE *out, const void *json) {
    if (json) report_tidy_json(out, json);
    return json != NULL;
}
/* Texts as they are. */
static bool write_copy(FILE *out, const void *path) {
    char block[4096];
    size_t got;
    FILE *in = fopen(path, "rb");
    if (!in) return false;
    while ((got = fread(block, 1, sizeof block, in)) > 0)
        fwrite(block, 1, got, out);
    fclose(in);
    return true;
}

/* A folder's page and plots, of what is written there: figures in a file are rounded, those that it was
 * written from aren't. */
static int publish_written(const char *folder) {
    struct report_run written = {0};
    int status = report_run_read(&written, folder);
    if (status == CLI_GO) status = publish_folder(&written, folder);
    report_run_free(&written);
    return status;
}

/* In the folder that it is in already, texts stay what they are; in another's place nothing of that one
 * stays. */
static int write_run(const struct report_run *run, const char *dir) {
    char folder[2048], path[4096];
    if (snprintf(folder, sizeof folder, "%s/%s", dir, run->name) >= (int)sizeof folder)
        return cli_fail(LW_EXIT_USAGE, "%.80s...: the name is too long", dir);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return cli_fail(LW_EXIT_USAGE, "%s: %s", folder, strerror(errno));
    int status = publish_file(folder, "matrix.json", write_matrix, run);
    if (status == CLI_GO) status = publish_file(folder, "versus.json", write_json, run->versus_json);
    if (status == CLI_GO) status = publish_file(folder, "mnist.json", write_json, run->mnist);
    for (size_t i = 0; i < CLI_COUNT(texts) && status == CLI_GO; i++) {
        snprintf(path, sizeof path, "%.2000s/%s", run->path, texts[i]);
        status = publish_file(folder, texts[i], write_copy, path);
    }
    return status == CLI_GO ? publish_written(folder) : status;
}

/* All are looked at before anything is written. */
static int merge(const struct cli_strings *folders, const char *dir) {
    struct report_run *runs = calloc(folders->count + 1, sizeof *runs);
    if (!runs) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    int status = CLI_GO;
    for (size_t i = 0; i < folders->count && status == CLI_GO; i++) {
        status = report_run_read(&runs[i], folders->items[i]);
        if (status == CLI_GO) status = check(runs, i);
    }
    if (status == CLI_GO && mkdir(dir, 0777) != 0 && errno != EEXIST)
        status = cli_fail(LW_EXIT_USAGE, "%s: %s", dir, strerror(errno));
    for (size_t i = 0; i < folders->count && status == CLI_GO; i++)
        status = write_run(&runs[i], dir);
    if (status == CLI_GO) status = publish_index(dir);
    for (size_t i = 0; i < folders->count; i++)
        report_run_free(&runs[i]);
    free(runs);
    return status == CLI_GO ? LW_EXIT_OK : status;
}

/* Every folder's page and plots again, and the table over them. */
static int refresh(const char *dir) {
    char **names;
    size_t count;
    int status = publish_list(dir, &names, &count);
    for (size_t i = 0; i < count && status == CLI_GO; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        status = publish_written(path);
    }
    if (status == CLI_GO) status = publish_index(dir);
    publish_free_names(names, count);
    return status == CLI_GO ? LW_EXIT_OK : status;
}

static int readme(const char *folder, const char *file) {
    struct report_run run;
    int status = report_run_read(&run, folder);
    char *shown = strdup(folder);
    size_t length = shown ? strlen(shown) : 0;
    while (length > 1 && shown[length - 1] == '/')
        shown[--length] = '\0';
    if (status == CLI_GO) status = publish_readme(&run, shown ? shown : folder, file);
    free(shown);
    report_run_free(&run);
    return status == CLI_GO ? LW_EXIT_OK : status;
}

/* ---- the command line ---------------------------------------------------------------------------------- */

static int act(const struct cli_strings *words, const char *dir, const char *file) {
    static const char *const actions[] = {"merge", "refresh", "readme"};
    static const char *const take[] = {"folders", "no more words: --into names the folder", "one folder"};
    if (!words->count)
        return cli_fail(LW_EXIT_USAGE, "merge, refresh or readme? (see lanewise results --help)");
    const char *action = words->items[0];
    const struct cli_strings rest = {words->count - 1, words->items + 1};
    if (strcmp(action, "merge") == 0 && rest.count) return merge(&rest, dir);
    if (strcmp(action, "refresh") == 0 && !rest.count) return refresh(dir);
    if (strcmp(action, "readme") == 0 && rest.count == 1) return readme(rest.items[0], file);
    for (size_t i = 0; i < CLI_COUNT(actions); i++)
        if (strcmp(action, actions[i]) == 0) return cli_fail(LW_EXIT_USAGE, "%s takes %s", action, take[i]);
    const char *near = cli_nearest(action, actions, CLI_COUNT(actions));
    return cli_fail(LW_EXIT_USAGE, "unknown action %.80s%s%s", action, near ? ", did you mean " : "",
                    near ? near : "");
}

int cmd_results(int argc, char **argv) {
    const char *dir = "results", *file = "README.md";
    struct cli_strings words = {0};
    const struct cli_option options[] = {
        {"into", 0, CLI_STRING, &dir, "DIR", "where the CPUs' folders are (default results)", 0, 0},
        {"file", 0, CLI_STRING, &file, "FILE", "readme: which one (default README.md)", 0, 0},
    };
    const struct cli_command command = {
        .name = "results",
        .usage = "merge FOLDER... | refresh | readme FOLDER",
        .about =
            "Keeps results/, which has a folder for each CPU.\n\n"
            "  merge FOLDER...  takes in folders that others measured, each whole or not at all: what is "
            "cut\n"
            "                   short, malformed, of a newer format, or has wisdom of another CPU is "
            "refused,\n"
            "                   and then nothing is written; FOLDER's name is the CPU's\n"
            "  refresh          makes every folder's report.html and plots again, and results/README.md\n"
            "  readme FOLDER    fills FOLDER's plot and table in between the marks of README.md",
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &words,
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = act(&words, dir, file);
    cli_strings_free(&words);
    return status;
}
