/* A 3x3 mean over a picture of ones: 9 inside, 6 on the borders, 4 in the corners. */
#include <lanewise.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    float weights[9], src[5 * 7], dst[5 * 7];
    lw_plan *plan = NULL;
    lw_error err;
    lw_desc d = lw_conv2d(1, 1, 5, 7, 1, 3, 3);
    int x, y, bad = 0;

    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    d.bias = false;
    for (x = 0; x < 9; x++)
        weights[x] = 1;
    for (x = 0; x < 5 * 7; x++)
        src[x] = 1;
    if (lw_plan_create(&plan, &d, weights, NULL, NULL, &err) != LW_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (lw_plan_workspace(plan) > 0) {
        void *workspace = aligned_alloc(64, (lw_plan_workspace(plan) + 63) / 64 * 64);
        bad = lw_plan_execute(plan, src, dst, workspace) != LW_OK;
        free(workspace);
    } else {
        bad = lw_plan_execute(plan, src, dst, NULL) != LW_OK;
    }
    for (y = 0; y < 5; y++)
        for (x = 0; x < 7; x++) {
            float wanted = (float)((1 + (y > 0) + (y < 4)) * (1 + (x > 0) + (x < 6)));
            if (dst[y * 7 + x] != wanted) bad = 1;
        }
    printf("%s: %s\n", lw_plan_kernel(plan), bad ? "wrong" : "right");
    lw_plan_destroy(plan);
    return bad;
}
