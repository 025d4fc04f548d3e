/* What the units of work cost on avx2: written by hand, not yet fitted. */
#include "work.h"

static const struct lw_costs costs = {
    .source = "by hand",
    .ghz = 3.2,
    .caches = {32768, 524288, 16777216},
    .unit =
        {
            [LW_WORK_call] = 50,
            [LW_WORK_task] = 200,
            [LW_WORK_tile] = 25,
            [LW_WORK_store] = 2,
            [LW_WORK_direct] = 1.05,
            [LW_WORK_planes] = 1.15,
            [LW_WORK_patch] = 1.15,
            [LW_WORK_gemm] = 1.08,
            [LW_WORK_wino_in] = 1.3,
            [LW_WORK_wino_out] = 1.3,
            [LW_WORK_depthwise] = 1.3,
            [LW_WORK_depthwise_any] = 2.4,
            [LW_WORK_depthwise_plane] = 1.2,
            [LW_WORK_pool] = 1.5,
            [LW_WORK_pool_any] = 3,
            [LW_WORK_linear] = 1.2,
            [LW_WORK_map] = 1.2,
            [LW_WORK_copy] = 2,
            [LW_WORK_transpose] = 4,
            [LW_WORK_l2] = 0.005,
            [LW_WORK_l3] = 0.02,
            [LW_WORK_dram] = 0.1,
        },
};
