/* What happens when a plan is executed: no memory is asked for, by any row, on one thread or two. */
#include <stdatomic.h>
#include <stdlib.h>
#include "common.h"

static atomic_long calls;

/* The linker puts these in place of the library's calls. */
#define WRAP(name, type, parameters, arguments)                                                              \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters {                                                                          \
        atomic_fetch_add(&calls, 1);                                                                         \
        return __real_##name arguments;                                                                      \
    }
WRAP(malloc, void *, (size_t bytes), (bytes))
WRAP(calloc, void *, (size_t count, size_t bytes), (count, bytes))
WRAP(realloc, void *, (void *memory, size_t bytes), (memory, bytes))
WRAP(aligned_alloc, void *, (size_t align, size_t bytes), (align, bytes))
WRAP(posix_memalign, int, (void **memory, size_t align, size_t bytes), (memory, align, bytes))

static void execute(const char *kernel, const lw_desc *d, int threads, int64_t *executed) {
    lw_options o = lw_default_options();
    o.kernel = kernel;
    o.threads = threads;
    size_t weights = lw_weight_floats(d);
    float *src = calloc(lw_src_floats(d), sizeof *src), *dst = calloc(lw_dst_floats(d), sizeof *dst);
    float *w = calloc(weights + 1, sizeof *w), *bias = calloc((size_t)d->oc, sizeof *bias);
    lw_plan *plan;
    if (lw_plan_create(&plan, d, w, bias, &o, NULL) == LW_OK) {
        void *workspace = aligned_alloc(64, (lw_plan_workspace(plan) + 64) / 64 * 64);
        const long before = atomic_load(&calls);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(lw_plan_execute(plan, src, dst, workspace), LW_OK);
        cr_assert_eq(atomic_load(&calls), before, "%s asked for memory %ld times", kernel,
                     atomic_load(&calls) - before);
        ++*executed;
        free(workspace);
        lw_plan_destroy(plan);
    }
    free(bias);
    free(w);
    free(dst);
    free(src);
}

Test(execute, asks_for_no_memory, .timeout = 600) {
    for (int op = 0; op < LW_OP_COUNT; op++) {
        const struct test_rows *rows = test_rows((lw_op)op);
        const struct test_corpus *corpus = test_corpus((lw_op)op);
        for (size_t r = 0; r < rows->count; r++) {
            int64_t executed = 0, enough = test_quick() ? 8 : INT64_MAX;
            for (size_t i = 0; i < corpus->count && executed < enough; i++) {
                lw_desc d = corpus->problem[i].desc;
                for (int layout = 0; layout < LW_LAYOUT_COUNT; layout++) {
                    d.src_layout = d.dst_layout = (lw_layout)layout;
                    execute(rows->row[r].name, &d, 1 + (int)(i % 2), &executed);
                }
            }
            cr_assert_gt(executed, 0, "%s ran nothing", rows->row[r].name);
        }
    }
}

Test(execute, counts_what_is_asked_for) {
    const long before = atomic_load(&calls);
    lw_plan *plan;
    lw_desc d = lw_relu(1, 1, 1, 1);
    cr_assert_eq(lw_plan_create(&plan, &d, NULL, NULL, NULL, NULL), LW_OK);
    cr_assert_gt(atomic_load(&calls), before, "planning asks for memory, and this suite must see it");
    lw_plan_destroy(plan);
}
