/* What the units of work cost on avx2, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).
 * 2023 times of avx2, off by 1.29 in geometric mean. */
/* clang-format off */
#include "work.h"

static const struct lw_costs costs = {
    .source = "fitted on x86 AuthenticAMD family 25 model 1, clang 19.1.7",
    .ghz = 3.1,
    .caches = {32768, 524288, 16777216},
    .unit =
        {
            [LW_WORK_call] = 110.7,
            [LW_WORK_task] = 56.06,
            [LW_WORK_tile] = 26.39,
            [LW_WORK_tap] = 8.17,
            [LW_WORK_product] = 20.02,
            [LW_WORK_wino_tile] = 115.2,
            [LW_WORK_store] = 2.328,
            [LW_WORK_direct] = 1.013,
            [LW_WORK_planes] = 1.162,
            [LW_WORK_patch] = 1.249,
            [LW_WORK_gemm] = 1.245,
            [LW_WORK_wino_in] = 0.9704,
            [LW_WORK_wino_out] = 1.28,
            [LW_WORK_depthwise] = 1.562,
            [LW_WORK_depthwise_any] = 2.323,
            [LW_WORK_depthwise_plane] = 1.717,
            [LW_WORK_pool] = 1.159,
            [LW_WORK_pool_any] = 2.346,
            [LW_WORK_linear] = 1.776,
            [LW_WORK_map] = 1.486,
            [LW_WORK_masked] = 9.653,
            [LW_WORK_row] = 31.87,
            [LW_WORK_copy] = 3.291,
            [LW_WORK_gather] = 1.598,
            [LW_WORK_transpose] = 5.113,
            [LW_WORK_l2] = 0.01121,
            [LW_WORK_l3] = 0.03726,
            [LW_WORK_dram] = 0.2457,
        },
};
