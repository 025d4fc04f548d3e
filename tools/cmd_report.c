/* lanewise report: result files as one page. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "report/page.h"

static int write_page(const char *path, const struct report_run *runs, size_t count) {
    struct cli_file file;
    if (!cli_file_open(&file, path)) return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
    report_page(file.stream, runs, count);
    if (!cli_file_commit(&file)) return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
    cli_note("written: %s", path);
    return LW_EXIT_OK;
}

static int report(const char *path, const struct cli_strings *results) {
    struct report_run *runs = calloc(results->count, sizeof *runs);
    if (!runs) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    int status = CLI_GO;
    for (size_t i = 0; i < results->count && status == CLI_GO; i++)
        status = report_run_read(&runs[i], results->items[i]);
    if (status == CLI_GO) status = write_page(path, runs, results->count);
    for (size_t i = 0; i < results->count; i++)
        report_run_free(&runs[i]);
    free(runs);
    return status;
}

int cmd_report(int argc, char **argv) {
    const char *path = "report.html";
    struct cli_strings results = {0};
    const struct cli_option options[] = {
        {"output", 'o', CLI_STRING, &path, "FILE.html", "the page (default report.html)", 0, 0},
    };
    const struct cli_command command = {
        .name = "report",
        .usage = "[-o FILE.html] RESULTS...",
        .about =
            "Writes what was measured as one HTML page that needs no network: winners, heat map, other\n"
            "libraries, the MNIST model, speed against error, roofline, and two runs or CPUs beside each "
            "other.\n"
            "RESULTS: folders as `bench --results` writes them (matrix.json; versus.json and mnist.json "
            "where\n"
            "they are), or a matrix.json alone. The first one is shown first.",
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &results,
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO && !results.count)
        status = cli_fail(LW_EXIT_USAGE, "no results given (see lanewise report --help)");
    if (status == CLI_GO) status = report(path, &results);
    cli_strings_free(&results);
    return status;
}
