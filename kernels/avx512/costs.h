/* What the units of work cost on avx512, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).
 * 2023 times of avx512, off by 1.17 in geometric mean. */
/* clang-format off */
#include "work.h"

static const struct lw_costs costs = {
    .source = "fitted on x86 AuthenticAMD family 26 model 2, clang 19.1.7",
    .ghz = 3.36,
    .caches = {49152, 1048576, 16777216},
    .unit =
        {
            [LW_WORK_call] = 120.3,
            [LW_WORK_task] = 4.07,
            [LW_WORK_tile] = 32.27,
            [LW_WORK_tap] = 2.995,
            [LW_WORK_product] = 0,
            [LW_WORK_wino_tile] = 93.84,
            [LW_WORK_store] = 0.8091,
            [LW_WORK_direct] = 1.056,
            [LW_WORK_planes] = 1.025,
            [LW_WORK_patch] = 0.9596,
            [LW_WORK_gemm] = 1.088,
            [LW_WORK_wino_in] = 0.6956,
            [LW_WORK_wino_out] = 1.442,
            [LW_WORK_depthwise] = 1.277,
            [LW_WORK_depthwise_any] = 2.478,
            [LW_WORK_depthwise_plane] = 1.15,
            [LW_WORK_pool] = 1.721,
            [LW_WORK_pool_any] = 2.451,
            [LW_WORK_linear] = 1.321,
            [LW_WORK_map] = 1.282,
            [LW_WORK_masked] = 0.2191,
            [LW_WORK_row] = 18.27,
            [LW_WORK_copy] = 3.475,
            [LW_WORK_gather] = 1.351,
            [LW_WORK_transpose] = 5.171,
            [LW_WORK_l2] = 0.007681,
            [LW_WORK_l3] = 0.01738,
            [LW_WORK_dram] = 0.07648,
        },
};
