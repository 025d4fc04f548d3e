/* What the units of work cost on scalar, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).
 * 2023 times of scalar, off by 1.24 in geometric mean. */
/* clang-format off */
#include "work.h"

static const struct lw_costs costs = {
    .source = "fitted on x86 AuthenticAMD family 25 model 1, clang 19.1.7",
    .ghz = 3.1,
    .caches = {32768, 524288, 16777216},
    .unit =
        {
            [LW_WORK_call] = 115.2,
            [LW_WORK_task] = 132.4,
            [LW_WORK_tile] = 28.9,
            [LW_WORK_tap] = 7.805,
            [LW_WORK_product] = 25.3,
            [LW_WORK_wino_tile] = 93.55,
            [LW_WORK_store] = 0.5304,
            [LW_WORK_direct] = 0.3667,
            [LW_WORK_planes] = 0.4511,
            [LW_WORK_patch] = 0.6192,
            [LW_WORK_gemm] = 0.4048,
            [LW_WORK_wino_in] = 0.3892,
            [LW_WORK_wino_out] = 0.4987,
            [LW_WORK_depthwise] = 1.056,
            [LW_WORK_depthwise_any] = 1.693,
            [LW_WORK_depthwise_plane] = 0.9248,
            [LW_WORK_pool] = 0.6411,
            [LW_WORK_pool_any] = 2.246,
            [LW_WORK_linear] = 0.3037,
            [LW_WORK_map] = 1.062,
            [LW_WORK_masked] = 2.104,
            [LW_WORK_row] = 24.61,
            [LW_WORK_copy] = 1.466,
            [LW_WORK_gather] = 1.96,
            [LW_WORK_transpose] = 4.672,
            [LW_WORK_l2] = 0.01121,
            [LW_WORK_l3] = 0.03726,
            [LW_WORK_dram] = 0.2457,
        },
};
