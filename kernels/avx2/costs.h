/* What the units of work cost on avx2, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).
 * 2023 times of avx2, off by 1.20 in geometric mean. */
/* clang-format off */
#include "work.h"

static const struct lw_costs costs = {
    .source = "fitted on x86 AuthenticAMD family 25 model 1, clang 19.1.7",
    .ghz = 3.21,
    .caches = {32768, 524288, 16777216},
    .unit =
        {
            [LW_WORK_call] = 111.5,
            [LW_WORK_task] = 38.64,
            [LW_WORK_tile] = 14.93,
            [LW_WORK_tap] = 7.276,
            [LW_WORK_product] = 10.47,
            [LW_WORK_wino_tile] = 119.9,
            [LW_WORK_store] = 0.9309,
            [LW_WORK_direct] = 0.9437,
            [LW_WORK_planes] = 1.05,
            [LW_WORK_patch] = 1.121,
            [LW_WORK_gemm] = 1.03,
            [LW_WORK_wino_in] = 0.8613,
            [LW_WORK_wino_out] = 1.224,
            [LW_WORK_depthwise] = 1.588,
            [LW_WORK_depthwise_any] = 2.425,
            [LW_WORK_depthwise_plane] = 1.624,
            [LW_WORK_pool] = 1.321,
            [LW_WORK_pool_any] = 2.303,
            [LW_WORK_linear] = 1.432,
            [LW_WORK_map] = 1.338,
            [LW_WORK_masked] = 11.09,
            [LW_WORK_row] = 27.03,
            [LW_WORK_copy] = 2.782,
            [LW_WORK_gather] = 1.642,
            [LW_WORK_transpose] = 5.387,
            [LW_WORK_l2] = 0.01094,
            [LW_WORK_l3] = 0.02323,
            [LW_WORK_dram] = 0.1625,
        },
};
