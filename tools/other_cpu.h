/* --cpu NAME: what rows are picked for where it isn't this CPU. */
#ifndef LW_OTHER_CPU_H
#define LW_OTHER_CPU_H

#include "cli.h"
#include "predict/predict.h"

#define OPT_CPU(cpu)                                                                                         \
    {                                                                                                        \
        "cpu", 0, CLI_STRING, (cpu), "NAME",                                                                 \
            "for this CPU instead, by wisdom of it or predicted: see pick --list", 0, 0                      \
    }

struct other_cpu {
    struct predict_target target;
    const struct predict_cpu *known; /* what can be predicted of it; NULL: nothing */
    char name[160];                  /* as told to a person */
    lw_wisdom *wisdom;               /* what was measured on it; NULL: nothing */
    size_t decisions;
};

/* What a command picks for: this CPU where name is NULL. Else one by its name in predict/cpus.inc; or by the
 * model or kind, or the folder of results/, of a CPU that there is wisdom of, with the library or in --wisdom
 * FILE. Tells of a bad
 * --isa, too. CLI_GO, or the exit status after one line. */
int other_cpu_choose(struct other_cpu *other, const char *name, const struct cli_shared *shared,
                     const struct lw_target **target);
void other_cpu_free(struct other_cpu *other);

/* What there is to know of times that aren't measured, in a line or more. */
void other_cpu_print_note(const struct other_cpu *other);
void other_cpu_json(const struct other_cpu *other, cJSON *root);

/* pick --list: the CPUs known and from what source. Returns the exit status. */
int other_cpu_list(const char *file, bool json);

#endif
