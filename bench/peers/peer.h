/* Other libraries beside our kernels: the same problems, data and checks.
 *
 * Each library is one file here and one line in peers.c. What the matrix calls a kernel is a row of its
 * table: one way in which the library does an operation, such as "onednn:direct". */
#ifndef LW_PEER_H
#define LW_PEER_H

#include "lanewise.h"

/* The layout that the library likes best: bringing the data there and back is not in a row's time. */
#define LW_PEER_OWN LW_LAYOUT_COUNT

enum { LW_PEER_TEXT = 200 };

struct lw_peer_row {
    const char *name;
    lw_op op;
    lw_layout layout; /* of source and destination; where the library computes in another one, converting from
                         and to it is in the row's time. Or LW_PEER_OWN */
    int variant;      /* means something to the library's file alone */
};

/* What a row is to be made ready for. */
struct lw_peer_problem {
    const lw_desc *desc; /* its layouts don't matter */
    const float *weights, *bias;
    int threads;
    struct lw_peer_op *from; /* another operation, whose destination is this one's source; NULL: load() */
};

/* An operation that is ready to run. Each library's own structure begins with this. */
struct lw_peer_op {
    const struct lw_peer *peer;
    bool winograd; /* it isn't a plain sum, so the error bound is another */
    char how[64];  /* the library's own name of what it runs: "jit:avx2" */
};

struct lw_peer {
    const char *name; /* "onednn" */
    const struct lw_peer_row *rows;
    size_t row_count;

    /* Once, before anything else: uses nothing wider than our ISA of that name, as near as the library can,
     * and tells its version. */
    void (*start)(const char *isa, char version[LW_PEER_TEXT]);
    /* Will create() do? Weights may be missing. false: why. */
    bool (*supports)(const struct lw_peer_row *row, const struct lw_peer_problem *problem,
                     char why[LW_PEER_TEXT]);
    /* Packs weights and bias. NULL: why. `from` must outlive what it feeds. */
    struct lw_peer_op *(*create)(const struct lw_peer_row *row, const struct lw_peer_problem *problem,
                                 char why[LW_PEER_TEXT]);
    void (*load)(struct lw_peer_op *op, const float *src_nchw);
    void (*run)(struct lw_peer_op *op);
    void (*store)(struct lw_peer_op *op, float *dst_nchw);
    void (*destroy)(struct lw_peer_op *op); /* NULL is fine */
};

/* Those of this build; ends with NULL. */
extern const struct lw_peer *const lw_peers[];
#define LW_PEER_NONE                                                                                         \
    "--peers: this build has no other library (Debian: install libdnnl-dev, libxnnpack-dev or "              \
    "libopenblas-dev, "                                                                                      \
    "configure and build again)"

#endif
