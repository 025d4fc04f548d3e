/* What the units of work cost on avx2, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).
 * 1953 times of avx2, off by 1.21 in geometric mean. */
/* clang-format off */
#include "work.h"

static const struct lw_costs costs_with_avx512 = {
    .source = "fitted on x86 AuthenticAMD family 26 model 2, clang 19.1.7",
    .ghz = 3.52,
    .caches = {49152, 1048576, 16777216},
    .unit =
        {
            [LW_WORK_call] = 117.8,
            [LW_WORK_task] = 54.28,
            [LW_WORK_tile] = 19.4,
            [LW_WORK_tap] = 5.897,
            [LW_WORK_product] = 7.733,
            [LW_WORK_wino_tile] = 42.06,
            [LW_WORK_store] = 0.2428,
            [LW_WORK_direct] = 1.075,
            [LW_WORK_planes] = 1.161,
            [LW_WORK_patch] = 1.041,
            [LW_WORK_line] = 1.041,
            [LW_WORK_gemm] = 1.139,
            [LW_WORK_wino_in] = 0.9136,
            [LW_WORK_wino_out] = 0.8426,
            [LW_WORK_depthwise] = 1.546,
            [LW_WORK_depthwise_any] = 2.245,
            [LW_WORK_depthwise_plane] = 1.805,
            [LW_WORK_pool] = 1.5,
            [LW_WORK_pool_any] = 2.446,
            [LW_WORK_linear] = 1.477,
            [LW_WORK_map] = 1.07,
            [LW_WORK_masked] = 0.133,
            [LW_WORK_row] = 19.57,
            [LW_WORK_copy] = 1.599,
            [LW_WORK_gather] = 1.942,
            [LW_WORK_transpose] = 3.115,
            [LW_WORK_plane_line] = 0.4,
            [LW_WORK_l2] = 0.004236,
            [LW_WORK_l3] = 0.01878,
            [LW_WORK_dram] = 0.07945,
        },
};
