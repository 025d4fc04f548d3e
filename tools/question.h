/* What a plan is asked for: the options about it that tune, explain and pick share, with one meaning. */
#ifndef LW_QUESTION_H
#define LW_QUESTION_H

#include "cli.h"

struct question {
    const char *layout, *pool, *max_error, *effort; /* as typed; NULL: not given */
    lw_options plan;                                /* what question_read() made of them */
    bool network;                                   /* --layout network */
    lw_layout src_layout, dst_layout;               /* another --layout */
};

#define OPT_LAYOUT(q)                                                                                        \
    {                                                                                                        \
        "layout", 0, CLI_STRING, &(q)->layout, "L[:L]",                                                      \
            "of source and destination: nchw, nhwc, blocked; network: as one keeps them", 0, 0               \
    }
#define OPT_POOL(q)                                                                                          \
    { "pool", 0, CLI_STRING, &(q)->pool, "2x2", "with a fused 2x2 max pool", 0, 0 }
#define OPT_MAX_ERROR(q)                                                                                     \
    {                                                                                                        \
        "max-error", 0, CLI_STRING, &(q)->max_error, "E",                                                    \
            "strict, tight, fast (default) or a relative L2 error", 0, 0                                     \
    }
#define OPT_EFFORT(q)                                                                                        \
    { "effort", 0, CLI_STRING, &(q)->effort, "E", "estimate (default), measure or wisdom", 0, 0 }
#define OPT_SET(source)                                                                                      \
    {                                                                                                        \
        "set", 0, CLI_STRING, &(source)->set, "GLOB", "of the built-in problem sets these, e.g. 'vgg16.*'",  \
            0, 0                                                                                             \
    }
#define OPT_RELU(source)                                                                                     \
    { "relu", 0, CLI_FLAG, &(source)->relu, NULL, "with a fused ReLU", 0, 0 }
#define OPT_NO_RELU(source)                                                                                  \
    { "no-relu", 0, CLI_FLAG, &(source)->no_relu, NULL, "without, also where the set has one", 0, 0 }
#define OPT_NO_BIAS(source)                                                                                  \
    { "no-bias", 0, CLI_FLAG, &(source)->no_bias, NULL, "without bias", 0, 0 }
#define OPT_FORCE(s)                                                                                         \
    { "kernel", 0, CLI_STRING, &(s)->kernel, "NAME", "force this row", 0, 0 }

/* CLI_GO, or the exit status after one line. */
int question_read(struct question *q, const struct cli_shared *shared);
/* The descriptor in the layouts that were asked for; without --layout as it is. */
lw_desc question_desc(const struct question *q, const lw_desc *desc);

#endif
