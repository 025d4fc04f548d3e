#include "bench_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_SECONDS 20e-3 /* from one look whether it has ended to the next */

extern char **environ;

/* ---- what is left behind, if a signal ends the command ------------------------------------------------- */

static volatile pid_t child; /* 0: none */
static char folder[1000], result_path[1100], notes_path[1100];

static void leave_nothing(void) {
    unlink(result_path);
    unlink(notes_path);
    rmdir(folder);
}

/* The child removes what it was writing. */
static void end_both(int signal_number) {
    if (child > 0) {
        kill(child, SIGTERM);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    leave_nothing();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static int make_folder(void) {
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    const char *where = getenv("TMPDIR");
    where = where && *where ? where : "/tmp";
    if (snprintf(folder, sizeof folder, "%s/lanewise-gate-XXXXXX", where) >= (int)sizeof folder)
        return cli_fail(LW_EXIT_USAGE, "TMPDIR %.80s...: the name is too long", where);
    if (!mkdtemp(folder)) return cli_fail(LW_EXIT_USAGE, "TMPDIR %s: %s", where, strerror(errno));
    snprintf(result_path, sizeof result_path, "%s/result.json", folder);
    snprintf(notes_path, sizeof notes_path, "%s/notes.txt", folder);
    for (size_t i = 0; i < CLI_COUNT(ending); i++)
        if (signal(ending[i], end_both) == SIG_IGN) signal(ending[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would take the exit status */
    return CLI_GO;
}

/* ---- the process --------------------------------------------------------------------------------------- */

/* Its table is of no interest; what it says on stderr is, if it fails. 0, or an errno. */
static int start(char *const argv[]) {
    posix_spawn_file_actions_t actions;
    pid_t started = 0;
    fflush(NULL);
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error) error = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_addopen(&actions, 2, notes_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!error) error = posix_spawnp(&started, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (!error) child = started;
    return error;
}

/* false: it took too long, and was ended. */
static bool wait_for(double seconds, int *ended) {
    const struct timespec look = {0, (long)(LOOK_SECONDS * 1e9)};
    const double end = cli_seconds() + seconds;
    pid_t got;
    while ((got = waitpid(child, ended, WNOHANG)) == 0 && cli_seconds() < end)
        nanosleep(&look, NULL);
    if (got == 0) {
        kill(child, SIGKILL);
        waitpid(child, ended, 0);
    }
    child = 0;
    return got != 0;
}

/* ---- what came of it ----------------------------------------------------------------------------------- */

/* What it said last: its error. */
static void last_line(char *line, size_t size) {
    char *next = NULL;
    size_t room = 0;
    snprintf(line, size, "it said nothing");
    FILE *notes = fopen(notes_path, "r");
    while (notes && getline(&next, &room, notes) > 0) {
        next[strcspn(next, "\n")] = '\0';
        if (*next) snprintf(line, size, "%s", next);
    }
    free(next);
    if (notes) fclose(notes);
}

static int fail(const char *command, int ended) {
    char line[300];
    last_line(line, sizeof line);
    if (WIFSIGNALED(ended))
        return cli_fail(LW_EXIT_IMPOSSIBLE, "%s: ended by signal %d: %s", command, WTERMSIG(ended), line);
    int status = WEXITSTATUS(ended);
    return cli_fail(status == LW_EXIT_USAGE ? LW_EXIT_USAGE : LW_EXIT_IMPOSSIBLE, "%s: exit status %d: %s",
                    command, status, line);
}

static int run_in_folder(const struct bench_run *run, char *const argv[], struct results *results) {
    struct stat info;
    int ended = 0, error = start(argv);
    if (error) return cli_fail(LW_EXIT_USAGE, "%s: %s", run->command, strerror(error));
    if (!wait_for(run->seconds, &ended))
        return cli_fail(LW_EXIT_IMPOSSIBLE, "%s: not done after %g s", run->command, run->seconds);
    if (ended) return fail(run->command, ended);
    if (stat(result_path, &info) != 0 || !info.st_size)
        return cli_fail(LW_EXIT_USAGE, "%s: it wrote no result", run->command);
    return results_read_as(results, result_path, run->command);
}

int bench_run(const struct bench_run *run, struct results *results) {
    char passes[32], out[1200], subcommand[] = "bench", repeat[] = "--repeat";
    char **argv = calloc(run->word_count + 6, sizeof *argv), **end = argv;
    if (!argv) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    int status = make_folder();
    if (status == CLI_GO) {
        snprintf(passes, sizeof passes, "%d", (int)run->passes);
        snprintf(out, sizeof out, "--benchmark_out=%s", result_path);
        *end++ = (char *)run->command;
        *end++ = subcommand;
        for (size_t i = 0; i < run->word_count; i++)
            *end++ = (char *)run->words[i];
        *end++ = repeat;
        *end++ = passes;
        *end++ = out;
        status = run_in_folder(run, argv, results);
        leave_nothing();
    }
    free(argv);
    return status;
}
