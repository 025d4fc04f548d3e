/* What is known from earlier measurements: the place in the selection between "forced" and "measured". */
#ifndef LW_WISDOM_H
#define LW_WISDOM_H

#include "dispatch/select.h"

/* What a text says of the machine and build it was measured with. */
enum lw_wisdom_field {
    LW_WISDOM_VERSION,
    LW_WISDOM_CPU,
    LW_WISDOM_KIND,
    LW_WISDOM_ISAS,
    LW_WISDOM_COMPILER,
    LW_WISDOM_REGISTRY,
    LW_WISDOM_FIELDS
};
enum { LW_WISDOM_VALUE = 160 };
typedef char lw_wisdom_header[LW_WISDOM_FIELDS][LW_WISDOM_VALUE];
extern const char *const lw_wisdom_field_names[LW_WISDOM_FIELDS];

struct lw_wisdom {
    lw_wisdom_header header;
    lw_decision **list; /* sorted by problem, then by what was asked for; each one block of memory */
    size_t count, room;
};

/* This machine and build. */
void lw_wisdom_here(lw_wisdom_header header);

/* The decision with the tightest budgets that cover those of the options, or NULL. */
const lw_decision *lw_wisdom_covering(const struct lw_wisdom *wisdom, const lw_desc *desc,
                                      const lw_options *opt);

/* Where the process's wisdom knows the problem and a row of it is eligible: stores its times in the
 * selection's candidates, chooses, and returns true. */
bool lw_wisdom_lookup(const struct lw_request *request, struct lw_selection *selection);

/* lw_wisdom_use() without the check: for the library's own table, which is of a kind of CPU. */
lw_status lw_wisdom_adopt(const struct lw_wisdom *wisdom, lw_error *err);

/* Imports those of the files that are there, the last one first, so that the first one wins. needed: the
 * first has to be there. */
lw_status lw_wisdom_import_files(const char *const *paths, size_t count, bool needed, lw_error *err);

#endif
