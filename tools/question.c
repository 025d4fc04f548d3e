#include "question.h"

#include <string.h>

#include "bench/problems.h"

static int read_effort(const char *text, lw_effort *effort) {
    static const char *const names[] = {"estimate", "measure", "wisdom"};
    for (size_t i = 0; i < CLI_COUNT(names); i++) {
        *effort = (lw_effort)i;
        if (strcmp(text, names[i]) == 0) return CLI_GO;
    }
    return cli_fail(LW_EXIT_USAGE, "--effort %s: estimate, measure or wisdom", text);
}

int question_read(struct question *q, const struct cli_shared *shared) {
    q->plan = lw_default_options();
    q->plan.kernel = shared->kernel;
    q->plan.isa = shared->isa;
    q->plan.reproducible = shared->reproducible;
    q->plan.threads = shared->threads ? (int)shared->threads : 1;
    q->network = q->layout && strcmp(q->layout, "network") == 0;
    if (q->pool && strcmp(q->pool, "2x2") != 0)
        return cli_fail(LW_EXIT_USAGE, "--pool %s: only 2x2 can be fused", q->pool);
    int status = q->max_error ? cli_read_max_error(q->max_error, &q->plan.max_error) : CLI_GO;
    if (status == CLI_GO && q->layout && !q->network)
        status = cli_read_layouts(q->layout, &q->src_layout, &q->dst_layout);
    if (status == CLI_GO && q->effort) status = read_effort(q->effort, &q->plan.effort);
    return status;
}

lw_desc question_desc(const struct question *q, const lw_desc *desc) {
    struct bench_layouts kept[9], given = {q->src_layout, q->dst_layout};
    lw_desc d = *desc;
    if (!q->layout) return d;
    bench_layouts_of(desc, kept);
    if (q->network) given = kept[0];
    d.src_layout = given.src;
    d.dst_layout = given.dst;
    return d;
}
