/* Private to `lanewise pick`: a list of picks, which a source fills, and what is made of it. */
#ifndef LW_PICK_H
#define LW_PICK_H

#include "cli.h"
#include "dispatch/target.h"

struct pick {
    const char *name; /* of the problem, or its benchdnn string */
    lw_desc desc;
    lw_candidate row; /* what was picked; row.kernel NULL: nothing */
    const char *rule; /* "forced", "wisdom", "measured", "estimated", "predicted" */
    char why[256];    /* where nothing was picked */
};

struct pick_list {
    const char *cpu;   /* what the picks are for */
    bool reproducible; /* they were made for such plans */
    size_t count, missing;
    struct pick *items;
};

/* Fills in what a plan of pick->desc would take, on this CPU or another one. Returns CLI_GO also where no row
 * takes it; else the exit status after one line. */
int pick_for(const struct lw_target *target, const lw_options *opt, struct pick *pick);

/* ---- telling ------------------------------------------------------------------------------------------- */

void pick_print(const struct pick_list *list);
cJSON *pick_json(const struct pick_list *list);

/* ---- files to build with (docs/embedding.md) ----------------------------------------------------------- */

/* Of a list without missing picks. prefix: what C names begin with, a C identifier of at most so many
 * characters. */
#define PICK_PREFIX_MAX 40
typedef void pick_emitter(const struct pick_list *list, const char *prefix, FILE *out);
pick_emitter pick_emit_c, pick_emit_h, pick_emit_cmake;

/* Text from outside without what would end a comment or a string. */
const char *pick_plain(const char *text, char *copy, size_t size);

#endif
