/* What the units of work cost on avx512, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).
 * 1953 times of avx512, off by 1.20 in geometric mean. */
/* clang-format off */
#include "work.h"

static const struct lw_costs costs = {
    .source = "fitted on x86 AuthenticAMD family 26 model 2, clang 19.1.7",
    .ghz = 3.52,
    .caches = {49152, 1048576, 16777216},
    .unit =
        {
            [LW_WORK_call] = 129.3,
            [LW_WORK_task] = 39.85,
            [LW_WORK_tile] = 31.29,
            [LW_WORK_tap] = 4.53,
            [LW_WORK_product] = 0,
            [LW_WORK_wino_tile] = 68.01,
            [LW_WORK_store] = 0.3234,
            [LW_WORK_direct] = 1.129,
            [LW_WORK_planes] = 1.139,
            [LW_WORK_patch] = 0.9095,
            [LW_WORK_gemm] = 1.124,
            [LW_WORK_wino_in] = 0.4864,
            [LW_WORK_wino_out] = 1.402,
            [LW_WORK_depthwise] = 1.409,
            [LW_WORK_depthwise_any] = 2.32,
            [LW_WORK_depthwise_plane] = 1.662,
            [LW_WORK_pool] = 1.985,
            [LW_WORK_pool_any] = 2.419,
            [LW_WORK_linear] = 1.625,
            [LW_WORK_map] = 1.349,
            [LW_WORK_masked] = 0,
            [LW_WORK_row] = 20.69,
            [LW_WORK_copy] = 3.212,
            [LW_WORK_gather] = 1.865,
            [LW_WORK_transpose] = 4.605,
            [LW_WORK_l2] = 0.009748,
            [LW_WORK_l3] = 0.02783,
            [LW_WORK_dram] = 0.0762,
        },
};
