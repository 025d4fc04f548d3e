/* What a row does for a problem, in the units that cost time. Rows count; costs are data (dispatch/cost.c).
 *
 * The unit of a loop is a cycle that it would need at best on a core with two multiply-add pipes of four
 * cycles' latency and two loads a cycle, with this ISA's vectors. So a cost is a factor near 1 where the loop
 * is good and the core is such a core. */
#ifndef LW_WORK_H
#define LW_WORK_H

#define LW_WORK_UNITS(X)                                                                                     \
    X(call, "executions")                                                                                    \
    X(task, "tasks: strips of rows times tiles of output channels, channel passes")                          \
    X(tile, "register tiles begun and ended")                                                                \
    X(tap, "taps that a register tile begins with, in each block of channels")                               \
    X(product, "products of a Winograd point begun and ended")                                               \
    X(wino_tile, "tiles that go through Winograd's transforms")                                              \
    X(store, "vectors of outputs finished and stored")                                                       \
    X(direct, "loop cycles of tiles over blocks of 16 channels, of 1x1 over planes")                         \
    X(planes, "loop cycles of tiles over plain planes")                                                      \
    X(patch, "loop cycles of patches of a 3x3")                                                              \
    X(line, "loop cycles of tiles of F(1x4)")                                                                \
    X(gemm, "loop cycles of a Winograd point's products")                                                    \
    X(wino_in, "cycles of Winograd's input transform")                                                       \
    X(wino_out, "cycles of Winograd's output transform")                                                     \
    X(depthwise, "loop cycles of depthwise tiles with the kernel size known to the compiler")                \
    X(depthwise_any, "of those of any kernel size, stride and dilation")                                     \
    X(depthwise_plane, "of those in plain planes")                                                           \
    X(pool, "vectors compared by pools with the window known to the compiler")                               \
    X(pool_any, "of those of any window")                                                                    \
    X(linear, "loop cycles of fully connected layers")                                                       \
    X(map, "vector operations of ReLU and softmax")                                                          \
    X(masked, "vectors stored in part")                                                                      \
    X(row, "rows copied to a strip")                                                                         \
    X(copy, "vectors copied to or from a strip")                                                             \
    X(gather, "floats moved one by one")                                                                     \
    X(transpose, "vectors transposed between planes and channels")                                           \
    X(plane_line, "cache lines of planes that L1 let go since the last tile")                                \
    X(l2, "bytes from the second cache")                                                                     \
    X(l3, "bytes from the third cache")                                                                      \
    X(dram, "bytes from memory")

enum lw_work_unit {
#define LW_WORK_ENUM(name, what) LW_WORK_##name,
    LW_WORK_UNITS(LW_WORK_ENUM)
#undef LW_WORK_ENUM
        LW_WORK_COUNT
};

/* Bytes that one thread may count on in each level of the caches. */
struct lw_caches {
    double l1, l2, l3;
};

struct lw_work {
    double unit[LW_WORK_COUNT];
};

/* What the units cost on a CPU, in cycles, and its clock. */
struct lw_costs {
    const char *source; /* where the figures are from */
    double ghz;
    struct lw_caches caches;
    double unit[LW_WORK_COUNT];
};

/* `bytes` are read or written that were last touched when `between` bytes had been touched since. */
static inline void lw_work_stream(struct lw_work *w, const struct lw_caches *caches, double bytes,
                                  double between) {
    if (between <= caches->l1) return;
    w->unit[between <= caches->l2 ? LW_WORK_l2 : between <= caches->l3 ? LW_WORK_l3 : LW_WORK_dram] += bytes;
}

#endif
