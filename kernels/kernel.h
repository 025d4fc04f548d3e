/* The contract between kernels and everyone else: one row = one kernel. */
#ifndef LW_KERNEL_H
#define LW_KERNEL_H

#include "lanewise.h"
#include "work.h"

/* Everything one execution needs. `packed` is what pack() wrote, 64-byte aligned. */
struct lw_call {
    const lw_desc *desc;
    const void *packed;
    const float *src;
    float *dst;
};

/* Bytes at the head of a workspace. */
#define LW_HELD 64

/* Functions get a descriptor that lw_desc_check() passed; all but supports() one that supports() accepted. */
struct lw_kernel {
    const char *name;      /* family_isa_tile: rows of one family do the same sums in the same order */
    const char *algorithm; /* "direct", "winograd", "pool", "gemv", "map" */
    const char *tile;      /* "14x2", or "" */
    lw_op op;
    unsigned src_layouts, dst_layouts; /* bit 1 << lw_layout; checked before supports() is asked */

    /* Refuses a problem with a reason that a person can read (a static string). */
    bool (*supports)(const lw_desc *desc, const char **reason);

    /* Packed weights and bias, in bytes; pack() writes exactly those. NULL: the operation has no weights. */
    size_t (*packed_bytes)(const lw_desc *desc);
    void (*pack)(const lw_desc *desc, const float *weights, const float *bias, void *packed);

    /* Scratch memory of ONE thread, in bytes (rounded up to 64 by the caller). NULL: none. */
    size_t (*workspace_bytes)(const lw_desc *desc);

    /* The work is cut into this many tasks; any partition of them gives the same bits. */
    int64_t (*tasks)(const lw_desc *desc);

    /* Runs tasks begin .. end-1 in order. workspace: this thread's own, 64-byte aligned. It stays as it is
     * between the runs of one execution, and its first LW_HELD bytes are zero before the first: a row may
     * note there what it holds. */
    void (*run)(const struct lw_call *call, int64_t begin, int64_t end, void *workspace);

    /* An algorithm of tiles mixes the inputs of a tile: its errors are in proportion to the largest input up
     * to this many pixels beyond the window, and Inf and NaN spread as far. 0: plain sums. */
    int spread;

    /* Small integers make no rounding error at all; lw_kernel_bound says how small. */
    bool exact_on_integers;

    /* c in |y - y_exact| <= c * u * (|bias| + sum |w||x|), and the relative L2 error expected of normal data.
     */
    double (*bound)(const lw_desc *desc);
    double (*rel_l2)(const lw_desc *desc);

    /* Adds what one thread does, with caches of such sizes: the estimate is this times the costs. */
    void (*work)(const lw_desc *desc, const struct lw_caches *caches, struct lw_work *work);
};

/* What one ISA's translation unit exports, and the only symbol that it exports: lw_isa_NAME. */
struct lw_isa {
    const char *name;
    int lanes;
    unsigned cpu_features; /* all of these LW_CPU_* bits must be there */
    const struct lw_kernel *rows;
    size_t row_count;
    double (*fma_peak)(int64_t steps); /* returns the FLOPs done */
    const struct lw_costs *costs;      /* of its rows' work, where nothing better is known of the CPU */
    const struct lw_costs *costs_with_avx512; /* on CPUs that have AVX-512, too; NULL: the same */

    /* The same rows in the same order, whose bits are every other ISA's too; NULL: `rows` are that already.
     */
    const struct lw_isa *reproducible;
};

/* Feature bits, filled by dispatch/cpu.c. LW_CPU_AVX512 means F+BW+DQ+VL and the OS support for all of them.
 */
enum { LW_CPU_AVX2_FMA = 1u << 0, LW_CPU_AVX512 = 1u << 1, LW_CPU_NEON = 1u << 2 };

/* Height and width of what a window operation yields before any fused pool. */
static inline int64_t lw_window_out(int64_t in, int64_t pad_lo, int64_t pad_hi, int64_t kernel,
                                    int64_t dilation, int64_t stride) {
    int64_t room = in + pad_lo + pad_hi - ((kernel - 1) * dilation + 1);
    return room < 0 ? 0 : room / stride + 1;
}
static inline int64_t lw_out_h(const lw_desc *d) {
    return lw_window_out(d->ih, d->pad_top, d->pad_bottom, d->kh, d->dilation_h, d->stride_h);
}
static inline int64_t lw_out_w(const lw_desc *d) {
    return lw_window_out(d->iw, d->pad_left, d->pad_right, d->kw, d->dilation_w, d->stride_w);
}

static inline int64_t lw_div_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t lw_round_up(int64_t a, int64_t b) { return lw_div_up(a, b) * b; }
static inline int64_t lw_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t lw_max(int64_t a, int64_t b) { return a > b ? a : b; }

/* Channels that a tensor has in memory: the blocked layout's last block is whole. */
static inline int64_t lw_layout_channels(lw_layout layout, int64_t channels) {
    return layout == LW_BLOCKED ? lw_round_up(channels, LW_BLOCK) : channels;
}

#endif
