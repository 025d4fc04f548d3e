/* lanewise SUBCOMMAND ...: finds the subcommand and runs it. */
#include <locale.h>
#include <signal.h>
#include <string.h>

#ifdef LW_HAVE_BENCH
#include "bench/bench.h"
#endif
#include "cli.h"
#include "commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} commands[] = {
    {"info", cmd_info, "CPU, ISAs compiled and usable, caches, measured peak and bandwidth"},
    {"list", cmd_list, "every kernel row: usable here or why not, layouts, bound"},
    {"run", cmd_run, "one kernel on NumPy files"},
    {"check", cmd_check, "validate numerics against the double-precision reference"},
#ifdef LW_HAVE_BENCH
    {"bench", lw_bench_command, "the matrix kernel x problem x threads, through Google Benchmark"},
#endif
    {"compare", cmd_compare, "is one run of the matrix slower than another?"},
    {"gate", cmd_gate, "is one build slower than another? Measures the two in turn: for CI"},
    {"tune", cmd_tune, "time the rows on this CPU: plans then know the fastest"},
    {"explain", cmd_explain, "which kernel a problem gets here, and why"},
    {"pick", cmd_pick, "the row for each problem, also as a C table or a list to build"},
    {"mnist", cmd_mnist, "classify handwritten digits with the assembled model"},
    {"report", cmd_report, "what was measured, as a page: heat map, winners, peers, roofline"},
    {"results", cmd_results, "keep results/: merge what others measured, make pages and tables"},
};

static void print_help(void) {
    puts("usage: lanewise SUBCOMMAND [options]\n\n"
         "SIMD convolution kernels behind a runtime dispatcher: run, validate, measure, pick.\n");
    for (size_t i = 0; i < CLI_COUNT(commands); i++)
        printf("  %-9s %s\n", commands[i].name, commands[i].about);
    puts("\n'lanewise SUBCOMMAND --help' tells its options; 'lanewise --version' the version.\n"
         "Exit status: 0 good, 1 a check failed, 2 bad usage or input, 3 not possible here.");
}

static int run(int argc, char **argv) {
    if (argc < 2) return cli_fail(LW_EXIT_USAGE, "no subcommand given (see lanewise help)");
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        printf("lanewise %d.%d.%d\n", LW_VERSION_MAJOR, LW_VERSION_MINOR, LW_VERSION_PATCH);
        return LW_EXIT_OK;
    }
    bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (help && argc == 2) {
        print_help();
        return LW_EXIT_OK;
    }
    char help_flag[] = "--help";
    char *help_argv[] = {argv[argc - 1], help_flag, NULL};
    if (help) name = argv[argc - 1]; /* lanewise help run */
    const char *names[CLI_COUNT(commands)];
    for (size_t i = 0; i < CLI_COUNT(commands); i++) {
        names[i] = commands[i].name;
        if (strcmp(name, names[i]) != 0) continue;
        return help ? commands[i].run(2, help_argv) : commands[i].run(argc - 1, argv + 1);
    }
    const char *near = cli_nearest(name, names, CLI_COUNT(commands));
    if (near) return cli_fail(LW_EXIT_USAGE, "unknown subcommand %s, did you mean %s?", name, near);
    return cli_fail(LW_EXIT_USAGE, "unknown subcommand %s (see lanewise help)", name);
}

/* LANEWISE_VERBOSE=1: what each plan decided. */
static void log_line(void *arg, const char *text) {
    (void)arg;
    cli_progress_clear();
    fprintf(stderr, "lanewise: %s\n", text);
}

int main(int argc, char **argv) {
    setlocale(LC_CTYPE, "");  /* does the terminal show UTF-8? Numbers stay in the C locale. */
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a write error like a full disk */
    lw_set_log(log_line, NULL);
    return cli_finish(run(argc, argv));
}
