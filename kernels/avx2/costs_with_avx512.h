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
            [LW_WORK_call] = 113,
            [LW_WORK_task] = 56.63,
            [LW_WORK_tile] = 15.95,
            [LW_WORK_tap] = 5.679,
            [LW_WORK_product] = 1.433,
            [LW_WORK_wino_tile] = 54.27,
            [LW_WORK_store] = 0.3784,
            [LW_WORK_direct] = 1.083,
            [LW_WORK_planes] = 1.164,
            [LW_WORK_patch] = 1.038,
            [LW_WORK_gemm] = 1.144,
            [LW_WORK_wino_in] = 0.8372,
            [LW_WORK_wino_out] = 0.9819,
            [LW_WORK_depthwise] = 1.533,
            [LW_WORK_depthwise_any] = 2.239,
            [LW_WORK_depthwise_plane] = 1.813,
            [LW_WORK_pool] = 1.496,
            [LW_WORK_pool_any] = 2.445,
            [LW_WORK_linear] = 1.508,
            [LW_WORK_map] = 1.125,
            [LW_WORK_masked] = 0.2373,
            [LW_WORK_row] = 19.62,
            [LW_WORK_copy] = 1.567,
            [LW_WORK_gather] = 1.931,
            [LW_WORK_transpose] = 3.145,
            [LW_WORK_l2] = 0.003318,
            [LW_WORK_l3] = 0.01821,
            [LW_WORK_dram] = 0.07952,
        },
};
