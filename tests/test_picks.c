/* The C that `lanewise pick --emit c` wrote for the MNIST model: its plans run the rows of its table, and
 * they are right. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "picks.h"
#include "reference/fill.h"
#include "reference/verify.h"

/* What entry i computes on random data, compared with the reference. */
static void check_entry(size_t i) {
    const lw_desc *d = &picked[i].desc;
    size_t floats[] = {lw_src_floats(d), lw_weight_floats(d), (size_t)d->oc, lw_dst_floats(d)};
    float *data[4], *src = calloc(lw_src_floats(d), sizeof *src);
    for (int k = 0; k < 4; k++) {
        data[k] = calloc(floats[k] + 1, sizeof **data);
        if (k < 3) lw_fill(data[k], floats[k], LW_FILL_NORMAL, 7 * i + (unsigned)k);
    }
    lw_convert_layout(data[0], LW_NCHW, src, d->src_layout, d->batch, d->ic, d->ih, d->iw);

    lw_plan *plan;
    lw_error err = {0};
    cr_assert_eq(picked_plan(&plan, i, data[1], data[2], NULL, &err), LW_OK, "%s", err.text);
    cr_expect_str_eq(lw_plan_kernel(plan), picked[i].kernel);
    cr_expect_str_eq(lw_plan_rule(plan), "forced");
    void *workspace = aligned_alloc(64, (lw_plan_workspace(plan) + 64) / 64 * 64);
    cr_assert_eq(lw_plan_execute(plan, src, data[3], workspace), LW_OK);

    struct lw_verify_options opt = {0};
    struct lw_verify_result result;
    lw_kernel_info row;
    for (size_t k = 0; lw_kernel_get(k, &row) == LW_OK; k++)
        if (strcmp(row.name, picked[i].kernel) == 0) opt.spread = row.spread;
    lw_verify_output(d, data[0], data[1], data[2], data[3], lw_kernel_bound(picked[i].kernel, d), &opt,
                     &result);
    cr_expect(result.ok && result.compared > 0, "%s: %s", picked[i].name, result.worst);

    lw_plan_destroy(plan);
    free(workspace);
    free(src);
    for (int k = 0; k < 4; k++)
        free(data[k]);
}

Test(picks, run_their_rows) {
    cr_assert_eq(PICKED_COUNT, 4);
    for (size_t i = 0; i < PICKED_COUNT; i++)
        check_entry(i);
}

Test(picks, are_found_by_descriptor) {
    for (size_t i = 0; i < PICKED_COUNT; i++) {
        lw_desc d = picked[i].desc;
        cr_expect_eq(picked_kernel(&d), picked[i].kernel);
        d.batch++;
        cr_expect_null(picked_kernel(&d));
        d = picked[i].desc;
        d.relu = !d.relu;
        cr_expect_null(picked_kernel(&d));
        d = picked[i].desc;
        d.pad_right--;
        cr_expect_null(picked_kernel(&d));
    }
}

Test(picks, refuse_an_index_past_the_end) {
    lw_plan *plan = (lw_plan *)&plan;
    lw_error err = {0};
    cr_expect_eq(picked_plan(&plan, PICKED_COUNT, NULL, NULL, NULL, &err), LW_ERR_INVALID);
    cr_expect_null(plan);
    cr_expect(err.status == LW_ERR_INVALID && *err.text);
    cr_expect_eq(picked_plan(NULL, PICKED_COUNT, NULL, NULL, NULL, NULL), LW_ERR_INVALID);
}
