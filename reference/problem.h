/* benchdnn's problem strings: "mb1_ic32ih14iw14_oc64oh14ow14_kh3kw3_sh1sw1_ph1pw1_dh0dw0_n\"name\"". */
#ifndef LW_PROBLEM_H
#define LW_PROBLEM_H

#include "lanewise.h"

struct lw_problem {
    lw_desc desc;   /* NCHW in and out; conv and linear with bias */
    char name[128]; /* the string's n"..." or "" */
    char text[192]; /* lw_desc_problem(): every field, no name */
};

enum lw_parse {
    LW_PARSE_OK,
    LW_PARSE_SKIP, /* well formed, but out of scope (3-D, output that doesn't fit): `why` is the reason */
    LW_PARSE_BAD   /* not a problem string: `why` says what and where */
};

/* Reads one problem of operation op with benchdnn's defaults and deductions (batch 2 when there is no mb; iw
 * from ih, kw from kh ...; outputs or padding from the rest; dh is dilation minus one). mb > 0 overrides the
 * batch. why has room for 200 characters. */
enum lw_parse lw_problem_parse(lw_op op, const char *string, int64_t mb, struct lw_problem *out,
                               char why[200]);

/* Lines of a --batch file, in order. */
struct lw_problem_line {
    enum lw_parse status; /* LW_PARSE_SKIP also for the file's option lines ("--...") */
    int line;
    struct lw_problem problem;
    char text[256]; /* as written, shortened */
    char why[200];
};
struct lw_problem_list {
    size_t count;
    struct lw_problem_line *lines;
};

/* Appends a file's problems to the list. false: the file can't be read or is no text file (why). */
bool lw_problem_read_file(lw_op op, const char *path, int64_t mb, struct lw_problem_list *list,
                          char why[200]);
/* The same from a text in memory, which errors call `name`. */
bool lw_problem_read_text(lw_op op, const char *name, const char *text, int64_t mb,
                          struct lw_problem_list *list, char why[200]);
bool lw_problem_add(lw_op op, const char *string, int64_t mb, struct lw_problem_list *list);
void lw_problem_list_free(struct lw_problem_list *list);

#endif
