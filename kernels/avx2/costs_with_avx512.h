/* What the units of work cost on avx2, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).
 * 1953 times of avx2, off by 1.21 in geometric mean. */
/* clang-format off */
#include "work.h"

static const struct lw_costs costs_with_avx512 = {
    .source = "fitted on x86 AuthenticAMD family 26 model 2, clang 19.1.7",
    .ghz = 3.45,
    .caches = {49152, 1048576, 16777216},
    .unit =
        {
            [LW_WORK_call] = 114.2,
            [LW_WORK_task] = 70.85,
            [LW_WORK_tile] = 16.25,
            [LW_WORK_tap] = 7.168,
            [LW_WORK_product] = 0.6864,
            [LW_WORK_wino_tile] = 81.58,
            [LW_WORK_store] = 0.6773,
            [LW_WORK_direct] = 1.086,
            [LW_WORK_planes] = 1.187,
            [LW_WORK_patch] = 1.126,
            [LW_WORK_gemm] = 1.166,
            [LW_WORK_wino_in] = 0.835,
            [LW_WORK_wino_out] = 1.05,
            [LW_WORK_depthwise] = 1.446,
            [LW_WORK_depthwise_any] = 2.493,
            [LW_WORK_depthwise_plane] = 1.793,
            [LW_WORK_pool] = 1.334,
            [LW_WORK_pool_any] = 2.678,
            [LW_WORK_linear] = 1.489,
            [LW_WORK_map] = 1.168,
            [LW_WORK_masked] = 1.154,
            [LW_WORK_row] = 17.59,
            [LW_WORK_copy] = 2.706,
            [LW_WORK_gather] = 1.098,
            [LW_WORK_transpose] = 4.778,
            [LW_WORK_l2] = 0.00304,
            [LW_WORK_l3] = 0.0235,
            [LW_WORK_dram] = 0.08716,
        },
};
