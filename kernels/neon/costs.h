/* What the units of work cost on neon, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).
 * 2022 times of avx2, off by 1.15 in geometric mean. */
/* clang-format off */
#include "work.h"

static const struct lw_costs costs = {
    .source = "derived from avx2, fitted on x86 AuthenticAMD family 25 model 1, clang 19.1.7",
    .ghz = 3.22,
    .caches = {32768, 524288, 16777216},
    .unit =
        {
            [LW_WORK_call] = 87.45,
            [LW_WORK_task] = 53.98,
            [LW_WORK_tile] = 17.71,
            [LW_WORK_tap] = 5.356,
            [LW_WORK_product] = 17.33,
            [LW_WORK_wino_tile] = 48.34,
            [LW_WORK_store] = 0.4728,
            [LW_WORK_direct] = 0.9852,
            [LW_WORK_planes] = 1.052,
            [LW_WORK_patch] = 1.004,
            [LW_WORK_line] = 1.119,
            [LW_WORK_gemm] = 1.04,
            [LW_WORK_wino_in] = 0.8372,
            [LW_WORK_wino_out] = 0.7854,
            [LW_WORK_depthwise] = 1.016,
            [LW_WORK_depthwise_any] = 2.639,
            [LW_WORK_depthwise_plane] = 1.529,
            [LW_WORK_pool] = 1.244,
            [LW_WORK_pool_any] = 2.291,
            [LW_WORK_linear] = 1.464,
            [LW_WORK_map] = 1.389,
            [LW_WORK_masked] = 7.511,
            [LW_WORK_row] = 3.728,
            [LW_WORK_copy] = 2.772,
            [LW_WORK_gather] = 1.961,
            [LW_WORK_transpose] = 2.415,
            [LW_WORK_plane_line] = 0.788,
            [LW_WORK_l2] = 0.01126,
            [LW_WORK_l3] = 0.01612,
            [LW_WORK_dram] = 0.08703,
        },
};
