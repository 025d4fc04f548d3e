/* What every subcommand shares: options, exit statuses, messages, JSON, files written whole or not at all. */
#ifndef LW_CLI_H
#define LW_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "lanewise.h"

enum {
    LW_EXIT_OK = 0,
    LW_EXIT_FAILED = 1,    /* a check failed */
    LW_EXIT_USAGE = 2,     /* bad usage or input; also output that can't be written */
    LW_EXIT_IMPOSSIBLE = 3 /* not possible here: an ISA this CPU lacks, a row that refuses the problem */
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum cli_kind {
    CLI_FLAG,   /* bool: set to true */
    CLI_STRING, /* const char * */
    CLI_INT,    /* int64_t within min .. max */
    CLI_UINT64, /* uint64_t: any, decimal or 0x... */
    CLI_LIST,   /* struct cli_strings: may be repeated */
    CLI_OP      /* struct cli_op */
};

struct cli_strings {
    size_t count;
    const char **items; /* point into argv */
};
void cli_strings_add(struct cli_strings *list, const char *item);
void cli_strings_free(struct cli_strings *list);

struct cli_op {
    bool given;
    lw_op op;
};

struct cli_option {
    const char *name; /* without the dashes */
    char letter;      /* -o, or 0 */
    enum cli_kind kind;
    void *value;      /* what it sets, of the kind's type; untouched when the option isn't there */
    const char *arg;  /* placeholder in the help; NULL for a flag */
    const char *help; /* one line */
    int64_t min, max; /* CLI_INT */
};

struct cli_command {
    const char *name;  /* "run" */
    const char *usage; /* the synopsis: one or more lines after "usage: lanewise run " */
    const char *about; /* a sentence or some lines */
    const struct cli_option *options;
    size_t option_count;
    struct cli_strings *positional; /* NULL: takes none */
    const char *pass_prefix;        /* options that begin with this go to `passed`, as they are; NULL: none */
    struct cli_strings *passed;
};

#define CLI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Parses argv[1..] (argv[0] is the subcommand). Returns CLI_GO, or the status to exit with: 0 after --help, 2
 * after one line on stderr. */
#define CLI_GO (-1)
int cli_parse(const struct cli_command *command, int argc, char **argv);

/* The shared flags mean the same everywhere; a command lists those it takes with the CLI_OPT_ macros. */
struct cli_shared {
    struct cli_op op;
    const char *kernel; /* a glob over row names; a name in run */
    const char *isa;
    struct cli_strings batch; /* --batch files */
    int64_t mb;               /* 0: as the problem says */
    int64_t threads;          /* 0: not given */
    const char *wisdom;       /* NULL: not given */
    bool reproducible;
    bool json;
};

#define CLI_MAX_THREADS 1024
#define CLI_OPT_OP(s)                                                                                        \
    { "op", 0, CLI_OP, &(s)->op, "OP", "conv, maxpool, linear, relu or softmax", 0, 0 }
#define CLI_OPT_KERNEL(s)                                                                                    \
    { "kernel", 0, CLI_STRING, &(s)->kernel, "GLOB", "rows whose name matches", 0, 0 }
#define CLI_OPT_ISA(s)                                                                                       \
    { "isa", 0, CLI_STRING, &(s)->isa, "NAME", "rows of this ISA alone, scalar where it has none", 0, 0 }
#define CLI_OPT_BATCH(s)                                                                                     \
    {                                                                                                        \
        "batch", 0, CLI_LIST, &(s)->batch, "FILE", "problem strings, one a line, as benchdnn's; repeatable", \
            0, 0                                                                                             \
    }
#define CLI_OPT_MB(s)                                                                                        \
    { "mb", 0, CLI_INT, &(s)->mb, "N", "batch size, whatever the problem says", 1, INT32_MAX }
#define CLI_OPT_THREADS(s)                                                                                   \
    { "threads", 0, CLI_INT, &(s)->threads, "N", "threads (default 1)", 1, CLI_MAX_THREADS }
#define CLI_OPT_WISDOM(s)                                                                                    \
    {                                                                                                        \
        "wisdom", 0, CLI_STRING, &(s)->wisdom, "FILE",                                                       \
            "measured choices, before the user's and the system's; none: no wisdom at all", 0, 0             \
    }
#define CLI_OPT_REPRODUCIBLE(s)                                                                              \
    { "reproducible", 0, CLI_FLAG, &(s)->reproducible, NULL, "the same bits on every CPU", 0, 0 }
#define CLI_OPT_JSON(s)                                                                                      \
    { "json", 0, CLI_FLAG, &(s)->json, NULL, "print JSON", 0, 0 }

/* ---- messages ------------------------------------------------------------------------------------------ */

/* Prints "lanewise COMMAND: message" as one line on stderr and returns status. */
int cli_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same without failing: a note on stderr. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The exit status that a library status stands for. */
int cli_exit_status(lw_status status);
/* Fails with a library error's text (prefix may be NULL: "PREFIX: text"). */
int cli_fail_error(const lw_error *err, const char *prefix);

/* One line on stderr, rewritten in place, only when it is a terminal. */
void cli_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_progress_clear(void);

/* Flushes stdout; a write error there turns status 0 into 2 and says so. */
int cli_finish(int status);

/* ---- names --------------------------------------------------------------------------------------------- */

bool cli_match(const char *glob, const char *name); /* NULL matches everything */
bool cli_find_op(const char *name, lw_op *op);
bool cli_find_layout(const char *name, lw_layout *layout);
/* --max-error: strict, tight, fast, or a number. CLI_GO, or the status after one line. */
int cli_read_max_error(const char *text, double *value);
/* --layout: "blocked", or "nchw:blocked" for source and destination; the same. */
int cli_read_layouts(const char *text, lw_layout *src, lw_layout *dst);
/* --isa: CLI_GO if NULL or usable; 2 when no ISA has that name, 3 when this CPU lacks it (said on stderr). */
int cli_check_isa(const char *name);
int cli_known_isa(const char *name); /* the same, but an ISA that this CPU lacks will do */
/* That ISA, or without a name the widest that is usable. */
void cli_widest_isa(const char *name, lw_isa_info *isa);
/* LANEWISE_* variables: CLI_GO, or the status after one line. */
int cli_check_environment(void);
/* Makes plans know what was measured: --wisdom (NULL: LANEWISE_WISDOM), the user's file, the system's. CLI_GO
 * also after a note about one that isn't for this machine; else the status after one line. */
int cli_use_wisdom(const char *path);

/* The rows of one operation that --kernel and --isa leave, usable or not, in registry order. */
struct cli_rows {
    size_t count;
    lw_kernel_info *items;
    size_t unusable; /* of `count` */
};
/* --isa NAME keeps that ISA's rows, the scalar ones where it has none for the operation. false: no memory. */
bool cli_select_rows(lw_op op, const char *glob, const char *isa, struct cli_rows *rows);
void cli_rows_free(struct cli_rows *rows);

/* The nearest of `count` names to what was typed, or NULL when none is near: for "did you mean". */
const char *cli_nearest(const char *typed, const char *const *names, size_t count);

/* ---- JSON ---------------------------------------------------------------------------------------------- */

/* Adds a number that reads back as the same double; NaN and Inf become null. */
void cli_json_number(cJSON *object, const char *key, double value);
/* Prints pretty on stdout and frees root. Returns status, or 2 when memory ran out. */
int cli_json_print(cJSON *root, int status);

/* Adds an explanation's candidate: its time, error and memory. */
void cli_json_candidate(cJSON *object, const lw_candidate *candidate);

/* ---- figures, for people ------------------------------------------------------------------------------- */

const char *cli_time_text(double ns, char text[16]);              /* "13.2 ms", in three digits */
const char *cli_bytes_text(size_t bytes, char text[16]);          /* "77.1K" */
const char *cli_layouts_text(const lw_desc *desc, char text[32]); /* "nchw>blocked" */

/* ---- files --------------------------------------------------------------------------------------------- */

/* A file that appears whole or not at all: written under another name beside it, then renamed. Where path is
 * no regular file (/dev/stdout, a FIFO) it is written directly. An interrupted command removes the temporary
 * file. */
struct cli_file {
    FILE *stream;
    char *path, *temp; /* temp NULL: written directly */
};
bool cli_file_open(struct cli_file *file, const char *path); /* false: errno */
bool cli_file_commit(struct cli_file *file);                 /* false: errno; the temporary file is gone */
void cli_file_abort(struct cli_file *file);                  /* fine on a file never opened (zeroed) */

/* Can the file be written? CLI_GO, or the exit status after one line: better known before the run than after.
 */
int cli_try_file(const char *path);

/* Writes a file whole or not at all. CLI_GO, or the exit status after one line. */
int cli_write_file(const char *path, const char *text);

/* ---- time ---------------------------------------------------------------------------------------------- */

double cli_seconds(void); /* a monotonic clock */

/* Floating-point operations of a checked conv or linear descriptor, as direct summation does them; else 0. */
double cli_flops(const lw_desc *desc);

#endif
