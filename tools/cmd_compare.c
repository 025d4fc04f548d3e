/* lanewise compare: is one run of the matrix slower than another? */
#include <stdlib.h>

#include "cli.h"
#include "commands.h"
#include "compare.h"

static const char about[] =
    "Is run B slower than run A? Both are matrix.json files of `lanewise bench --repeat N`, folders that\n"
    "have one, or what `lanewise gate --out` keeps; GLOBs keep the benchmarks whose names match. Rows are\n"
    "compared by their passes, in units of the FMA peak measured in the same run. Where both builds are at\n"
    "hand, `lanewise gate` measures them in turn and tells more. docs/regression-gate.md: how it decides.\n"
    "\n" COMPARE_STATUSES;

static int prepare(struct comparison *c, const char *threshold, const struct cli_strings *words) {
    int status = compare_read_threshold(threshold, &c->threshold);
    if (status != CLI_GO) return status;
    if (words->count < 2)
        return cli_fail(LW_EXIT_USAGE, "needs two result files (see lanewise compare --help)");
    c->globs = words->items + 2;
    c->glob_count = words->count - 2;
    status = results_read(&c->a, words->items[0]);
    if (status == CLI_GO) status = results_read(&c->b, words->items[1]);
    return status == CLI_GO ? compare_judge(c) : status;
}

int cmd_compare(int argc, char **argv) {
    struct comparison c = {0};
    struct cli_strings words = {0};
    const char *threshold = NULL;
    const struct cli_option options[] = {
        COMPARE_OPT_THRESHOLD(&threshold),
        {"json", 0, CLI_FLAG, &c.json, NULL, "print JSON", 0, 0},
    };
    const struct cli_command command = {
        .name = "compare",
        .usage = "[--threshold PCT] [--json] A.json B.json [GLOB]...",
        .about = about,
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &words,
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = prepare(&c, threshold, &words);
    if (status == LW_EXIT_USAGE) status = EXIT_BAD_INPUT;
    if (status == CLI_GO) status = compare_tell(&c);
    compare_free(&c);
    cli_strings_free(&words);
    return status;
}
