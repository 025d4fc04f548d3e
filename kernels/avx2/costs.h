/* What the units of work cost on avx2, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).
 * 2022 times of avx2, off by 1.16 in geometric mean. */
/* clang-format off */
#include "work.h"

static const struct lw_costs costs = {
    .source = "fitted on x86 AuthenticAMD family 25 model 1, clang 19.1.7",
    .ghz = 3.22,
    .caches = {32768, 524288, 16777216},
    .unit =
        {
            [LW_WORK_call] = 87.36,
            [LW_WORK_task] = 52.84,
            [LW_WORK_tile] = 18.06,
            [LW_WORK_tap] = 5.151,
            [LW_WORK_product] = 17.33,
            [LW_WORK_wino_tile] = 48.54,
            [LW_WORK_store] = 0.4811,
            [LW_WORK_direct] = 0.9922,
            [LW_WORK_planes] = 1.056,
            [LW_WORK_patch] = 0.9999,
            [LW_WORK_line] = 1.112,
            [LW_WORK_gemm] = 1.04,
            [LW_WORK_wino_in] = 0.8521,
            [LW_WORK_wino_out] = 0.7849,
            [LW_WORK_depthwise] = 1.022,
            [LW_WORK_depthwise_any] = 2.641,
            [LW_WORK_depthwise_plane] = 1.526,
            [LW_WORK_pool] = 1.239,
            [LW_WORK_pool_any] = 2.29,
            [LW_WORK_linear] = 1.46,
            [LW_WORK_map] = 1.384,
            [LW_WORK_masked] = 7.355,
            [LW_WORK_row] = 5.967,
            [LW_WORK_copy] = 2.71,
            [LW_WORK_gather] = 2.28,
            [LW_WORK_transpose] = 3.462,
            [LW_WORK_l2] = 0.01141,
            [LW_WORK_l3] = 0.01637,
            [LW_WORK_dram] = 0.08619,
        },
};
