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
            [LW_WORK_call] = 131.5,
            [LW_WORK_task] = 38.18,
            [LW_WORK_tile] = 31.67,
            [LW_WORK_tap] = 4.566,
            [LW_WORK_product] = 9.179,
            [LW_WORK_wino_tile] = 54.07,
            [LW_WORK_store] = 0.3179,
            [LW_WORK_direct] = 1.126,
            [LW_WORK_planes] = 1.138,
            [LW_WORK_patch] = 0.909,
            [LW_WORK_line] = 0.909,
            [LW_WORK_gemm] = 1.164,
            [LW_WORK_wino_in] = 0.4982,
            [LW_WORK_wino_out] = 1.264,
            [LW_WORK_depthwise] = 1.41,
            [LW_WORK_depthwise_any] = 2.315,
            [LW_WORK_depthwise_plane] = 1.664,
            [LW_WORK_pool] = 1.958,
            [LW_WORK_pool_any] = 2.411,
            [LW_WORK_linear] = 1.612,
            [LW_WORK_map] = 1.333,
            [LW_WORK_masked] = 0,
            [LW_WORK_row] = 20.41,
            [LW_WORK_copy] = 3.218,
            [LW_WORK_gather] = 1.864,
            [LW_WORK_transpose] = 4.593,
            [LW_WORK_plane_line] = 0,
            [LW_WORK_l2] = 0.01059,
            [LW_WORK_l3] = 0.02752,
            [LW_WORK_dram] = 0.07422,
        },
};
