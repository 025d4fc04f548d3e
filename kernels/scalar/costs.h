/* What the units of work cost on scalar, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).
 * 2023 times of scalar, off by 1.13 in geometric mean. */
/* clang-format off */
#include "work.h"

static const struct lw_costs costs = {
    .source = "fitted on x86 AuthenticAMD family 25 model 1, clang 19.1.7",
    .ghz = 3.21,
    .caches = {32768, 524288, 16777216},
    .unit =
        {
            [LW_WORK_call] = 104.3,
            [LW_WORK_task] = 140.7,
            [LW_WORK_tile] = 17.52,
            [LW_WORK_tap] = 8.646,
            [LW_WORK_product] = 21.28,
            [LW_WORK_wino_tile] = 98.11,
            [LW_WORK_store] = 0.144,
            [LW_WORK_direct] = 0.3426,
            [LW_WORK_planes] = 0.4113,
            [LW_WORK_patch] = 0.554,
            [LW_WORK_line] = 0.554,
            [LW_WORK_gemm] = 0.3609,
            [LW_WORK_wino_in] = 0.3864,
            [LW_WORK_wino_out] = 0.4246,
            [LW_WORK_depthwise] = 0.8266,
            [LW_WORK_depthwise_any] = 1.584,
            [LW_WORK_depthwise_plane] = 0.8046,
            [LW_WORK_pool] = 0.5273,
            [LW_WORK_pool_any] = 2.214,
            [LW_WORK_linear] = 0.2288,
            [LW_WORK_map] = 0.8198,
            [LW_WORK_masked] = 4.106,
            [LW_WORK_row] = 26.15,
            [LW_WORK_copy] = 1.051,
            [LW_WORK_gather] = 1.791,
            [LW_WORK_transpose] = 4.806,
            [LW_WORK_plane_line] = 0,
            [LW_WORK_l2] = 0.01094,
            [LW_WORK_l3] = 0.02323,
            [LW_WORK_dram] = 0.1625,
        },
};
