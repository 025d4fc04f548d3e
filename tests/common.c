#include "common.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool test_quick(void) {
    const char *value = getenv("LANEWISE_TEST_QUICK");
    return value != NULL && strcmp(value, "1") == 0;
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static bool is_listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *s = list; s != NULL && *s != '\0'; s += strcspn(s, ","), s += *s == ',')
        if (strcspn(s, ",") == length && strncmp(s, name, length) == 0) return true;
    return false;
}

static bool find_isa(const char *name, lw_isa_info *info) {
    for (size_t i = 0; i < lw_isa_count(); i++)
        if (lw_isa_get(i, info) == LW_OK && strcmp(info->name, name) == 0) return true;
    return false;
}

int test_lanes(const char *isa) {
    lw_isa_info info;
    return find_isa(isa, &info) ? info.lanes : 1;
}

bool test_is_ieee(const lw_kernel_info *row) { return strcmp(row->algorithm, "winograd") != 0; }

const struct test_rows *test_rows(lw_op op) {
    static struct test_rows rows;
    const char *isa = getenv("LANEWISE_TEST_ISA");
    rows.count = 0;
    for (size_t i = 0; i < lw_kernel_count(); i++) {
        lw_kernel_info info;
        cr_assert_eq(lw_kernel_get(i, &info), LW_OK);
        if (!info.usable || (isa != NULL && strcmp(info.isa, isa) != 0)) continue;
        if (op != LW_OP_COUNT && info.op != op) continue;
        cr_assert_lt(rows.count, sizeof rows.row / sizeof *rows.row);
        rows.row[rows.count++] = info;
    }
    return &rows;
}

/* Says what this process won't run; false when something is missing that was expected. */
static bool take_stock(void) {
    const char *expected = getenv("LANEWISE_EXPECT_ISA");
    size_t skipped = 0;
    bool ok = true;
    for (size_t i = 0; i < lw_kernel_count(); i++) {
        lw_kernel_info info;
        if (lw_kernel_get(i, &info) == LW_OK && !info.usable) skipped++;
    }
    printf("%zu of %zu kernels not run here\n", skipped, lw_kernel_count());
    for (size_t i = 0; i < lw_isa_count(); i++) {
        lw_isa_info info;
        if (lw_isa_get(i, &info) != LW_OK || info.usable) continue;
        bool wanted = is_listed(expected, info.name);
        printf("%s: %s: %s\n", wanted ? "FAILED" : "skipped", info.name, info.reason);
        ok = ok && !wanted;
    }
    for (const char *s = expected; s != NULL && *s != '\0'; s += strcspn(s, ","), s += *s == ',') {
        char name[32];
        lw_isa_info info;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(s, ","), s);
        if (name[0] == '\0' || find_isa(name, &info)) continue;
        printf("FAILED: %s is expected, but not compiled in\n", name);
        ok = false;
    }
    return ok;
}

int main(int argc, char **argv) {
    const char *isa = getenv("LANEWISE_TEST_ISA");
    lw_isa_info info;
    struct criterion_test_set *tests = criterion_initialize();
    int result = 0;
    if (criterion_handle_args(argc, argv, true)) {
        bool complete = take_stock(), known = isa == NULL || find_isa(isa, &info);
        if (!known) printf("FAILED: LANEWISE_TEST_ISA is '%s', which isn't compiled in\n", isa);
        fflush(stdout);
        if (!complete || !known)
            result = 1;
        else if (isa != NULL && !info.usable)
            result = 77;
        else
            result = !criterion_run_all_tests(tests);
    }
    criterion_finalize(tests);
    return result;
}

/* ---- problems ------------------------------------------------------------------------------------------ */

static const char *const conv_strings[] = {
    /* 3x3 with every small padding */
    "mb1ic8ih9iw11oc8kh3kw3ph0pw0",
    "mb1ic8ih9iw11oc16kh3kw3ph1pw1",
    "mb1ic8ih9iw11oc16kh3kw3ph2pw2",
    "mb2ic16ih7iw9oc32kh3kw3ph0pw1",
    "mb2ic16ih7iw9oc32kh3kw3ph1pw0",
    "mb1ic16ih5iw6oc16kh3kw3ph2pw1",
    "mb3ic32ih6iw7oc33kh3kw3ph1pw1",
    "mb1ic32ih14iw14oc64kh3ph1",
    "mb1ic1ih28iw28oc32kh3ph1",
    /* sizes smaller than the window */
    "mb1ic16ih1iw1oc16kh3ph1",
    "mb1ic16ih2iw1oc17kh3kw3ph1pw1",
    "mb2ic5ih1iw9oc7kh3kw3ph1pw1",
    "mb1ic16ih3iw2oc16kh5kw5ph2pw2",
    "mb1ic3ih2iw2oc8kh3ph3",
    /* 1x1 */
    "mb1ic16ih7iw7oc16kh1ph0",
    "mb2ic17ih5iw3oc33kh1ph0",
    "mb1ic64ih4iw4oc48kh1ph0",
    "mb1ic1ih6iw13oc1kh1ph0",
    "mb1ic24ih9oc20kh1sh2ph0",
    "mb2ic24ih10oc20kh1sh2ph0",
    "mb1ic3ih16iw14oc20kh1sh2ph0",
    "mb1ic8ih4oc8kh1ph2",
    "mb1ic32ih5iw8oc56kh1ph1pw0", /* several oc tiles narrower than the first ones, rows in the padding */
    "mb2ic16ih6iw7oc50kh3ph1",
    "g2mb1ic64ih5iw6oc80kh1ph0",
    "mb1ic37ih13iw20oc7kh1sh2ph0",
    "mb1ic19ih3iw40oc20kh1sh2ph0",
    "mb1ic9ih22iw25oc5kh1sh3ph0",
    "mb1ic8ih9iw12oc5kh1ph0oh8ow12",
    "mb1ic8ih9iw12oc5kh1ph0oh9ow11",
    "mb2ic66ih48iw30oc9kh1ph0", /* two strips of pixels */
    /* 5x5, 7x7, 11x11, flat and tall */
    "mb1ic8ih12iw13oc16kh5ph2",
    "mb1ic3ih11iw17oc9kh5ph1",
    "mb1ic3ih21iw23oc17kh7sh2ph3",
    "mb1ic1ih15iw14oc16kh7ph3",
    "mb1ic3ih27iw27oc16kh11sh4ph2",
    "mb1ic6ih8iw19oc10kh1kw5ph0pw2",
    "mb1ic6ih19iw8oc10kh5kw1ph2pw0",
    "mb1ic16ih6iw20oc16kh2kw4ph1pw2",
    "mb2ic9iw17oc13kw3pw1",
    "mb1ic16iw33oc16kw5pw0sw2",
    /* strided */
    "mb1ic16ih13iw15oc16kh3sh2ph1",
    "mb1ic7ih12iw10oc15kh3sh2ph0",
    "mb1ic3ih16iw17oc16kh3sh2ph1",
    "mb1ic16ih11iw14oc31kh3kw3sh1sw3ph1pw1",
    "mb1ic16ih14iw11oc16kh3kw3sh3sw1ph1pw1",
    "mb1ic5ih17oc6kh2sh2ph0",
    "mb1ic4ih20oc16kh8sh4ph0",
    "mb1ic3ih7iw71oc20kh3sh2ph1",
    "mb2ic4ih6iw66oc33kh5sh2ph2",
    /* planes: rows of three and of seven neighbouring taps, some rows outside; a trim at the right
     * alone; packed */
    "mb1ic3ih9iw13oc17kh5kw3ph2pw1",
    "mb1ic3ih13iw26oc17kh5kw3sh2ph2pw1",
    "mb1ic3ih12iw34oc17kh3kw7sh2ph1pw3",
    "mb1ic3ih9iw28oc17kh3kw3sh2sw2ph1pw0oh5ow14",
    "mb1ic2ih9iw11oc17kh3sh2ph6",
    /* more weights than one pass takes, in every ISA: sums wait for the next one */
    "mb1ic130ih9iw13oc40kh3ph1",
    "mb1ic130ih31iw24oc33kh3sh2ph1",
    "mb1ic1040ih6iw5oc35kh1ph0",
    /* dilated */
    "mb1ic16ih12iw13oc16kh3ph2dh1",
    "mb1ic9ih15iw17oc17kh3ph0dh2",
    "mb1ic8ih13iw14oc8kh3kw3ph3pw1dh2dw0",
    "mb1ic8ih14iw19oc8kh3sh2ph2dh1",
    "mb1ic2ih16iw16oc3kh5ph4dh1",
    /* padding that differs by side: above, below, none, and rows that are left unread */
    "mb1ic16ih16iw16oc16kh3ph0pw1oh15ow16kw3",
    "mb1ic8ih7iw9oc8kh3kw3ph1pw0oh8ow10",
    "mb1ic8ih8iw8oc9kh3kw3ph2pw2oh8ow8",
    "mb1ic8ih9iw9oc8kh3kw3sh2sw2ph0pw0oh3ow3",
    "mb1ic8ih9iw12oc8kh3kw3sh1sw1ph1pw1oh5ow7",
    "mb1ic16ih10iw10oc16kh3kw3ph0pw2oh9ow9",
    "mb1ic3ih10iw12oc5kh4kw2ph1pw0oh10ow12",
    "mb1ic8ih5oc8kh5ph7",
    /* grouped and depthwise */
    "g4mb1ic16ih5oc16kh3ph1",
    "g2mb1ic6ih7iw8oc10kh3ph1",
    "g4mb2ic20ih8oc20kh3sh2ph1",
    "g3mb1ic9ih6oc6kh1ph0",
    "g3mb2ic15ih8iw9oc21kh1ph0",
    "g2mb1ic32ih6iw9oc64kh3ph1",
    "g16mb1ic16ih7iw9oc16kh3ph1",
    "g17mb1ic17ih8iw11oc17kh3ph1",
    "g33mb2ic33ih9iw8oc33kh3sh2ph1",
    "g8mb1ic8ih9iw17oc8kh5ph2",
    "g32mb1ic32ih10iw5oc32kh3ph2dh1",
    "g5mb1ic5ih6iw6oc10kh3ph1",
    "g64mb1ic64ih4iw35oc64kh3ph1",
    "g7mb1ic7ih12iw12oc7kh7sh3ph3",
    "g16mb1ic16ih8iw8oc16kh2kw4ph1pw1oh8ow7",
};

static const char *const pool_strings[] = {
    "mb1ic16ih8iw8kh2sh2ph0",
    "mb2ic17ih9iw7kh2sh2ph0",
    "mb1ic32ih28kh2sh2ph0",
    "mb1ic3ih5iw6kh2sh2ph1",
    "mb1ic1ih2kh2sh2ph0",
    "mb1ic64ih4iw35kh2sh2ph0",
    "mb3ic8ih7iw15kh2sh2ph1",
    "mb1ic33ih6iw34kh2sh2ph0",
    "mb1ic16ih9iw9kh3sh2ph1",
    "mb2ic17ih11iw13kh3sh2ph1",
    "mb1ic64ih8iw10kh3sh2ph0",
    "mb1ic5ih7iw33kh3sh2ph1",
    "mb1ic16ih16oh8kh3sh2ph0",
    "mb1ic16ih3kh3sh2ph1",
    "mb1ic9ih1iw1kh3sh2ph1",
    "mb2ic31ih12iw11kh3sh2ph1",
    "mb1ic16ih6kh3sh1ph1",
    "mb1ic8ih3iw4oh1ow5kh3kw3ph0pw1",
    "mb2ic4ih13oh12kh3",
    "mb1ic8ih9iw8kh5sh3ph2",
    "mb4ic17ih6oh7kh2ph1",
    "mb1ic16ih10oh6kh5sh5ph10",
    "mb1ic8ih12iw10oh5ow4kh2kw2sh2sw2ph0pw0",
    "mb1ic35iw16ih10ow7oh4kw3kh4sw2sh2",
    "mb1ic8ih12kh3sh2ph1dh1",
    "mb1ic17ih9iw14kh2sh2ph0dh2",
    "mb1ic15ih4iw4kh2kw3sh2sw1ph1pw2",
    "mb1ic16ih7iw7oh4ow4kh3kw3sh2sw2ph0pw0",
    "mb2ic7ih6iw6kh1sh2ph0",
};

static const char *const linear_strings[] = {
    "mb1ic1oc1",   "mb1ic3136oc10", "mb2ic64ih7oc10", "mb3ic17oc33",      "mb1ic15oc16",
    "mb1ic16oc15", "mb5ic31oc7",    "mb4ic128oc64",   "mb1ic5ih3iw2oc17", "mb2ic17ih2iw3oc5",
    "mb7ic9oc100", "mb1ic1000oc1",  "mb2ic33ih4oc3",  "mb16ic63oc65",
};

static const char *const relu_strings[] = {
    "mb1ic1ih1",     "mb1ic16ih7", "mb2ic17ih5iw3", "mb3ic33ih4iw9",
    "mb1ic5ih1iw31", "mb1ic64ih8", "mb1ic3ih2iw2",
};

static const char *const softmax_strings[] = {
    "mb1ic1",  "mb1ic2",  "mb1ic10", "mb64ic10",  "mb3ic15", "mb2ic16",
    "mb2ic17", "mb1ic31", "mb2ic33", "mb1ic1000", "mb5ic7",
};

lw_desc test_desc(lw_op op, const char *string) {
    struct lw_problem p;
    char why[200];
    enum lw_parse status = lw_problem_parse(op, string, 0, &p, why);
    cr_assert(status == LW_PARSE_OK, "%s: %s", string, why);
    return p.desc;
}

static void add(struct test_corpus *c, lw_op op, const char *string) {
    if ((c->count & (c->count - 1)) == 0) {
        c->problem = realloc(c->problem, (c->count == 0 ? 1 : 2 * c->count) * sizeof *c->problem);
        cr_assert_not_null(c->problem);
    }
    c->problem[c->count++] = (struct test_problem){test_desc(op, string), strdup(string)};
}

/* Every width and every channel count at which a vector tail may begin; then strips whose first row isn't
 * whole, and rows of which every second one is read. */
static void add_conv_sweeps(struct test_corpus *c) {
    static const int channels[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64};
    enum { COUNT = sizeof channels / sizeof *channels };
    char s[128];
    add(c, LW_CONV, "g2mb2ic600ih39iw73oc14kh1sh2ph0");
    add(c, LW_CONV, "mb1ic20ih9iw15oc17kh1kw3sh2sw2ph0pw1");
    for (int w = 1; w <= 35; w += test_quick() ? 4 : 1) {
        snprintf(s, sizeof s, "mb%dic%dih4iw%doc%dkh3kw3ph1pw1", 1 + w % 3, w % 2 ? 16 : 3, w,
                 w % 3 ? 16 : 17);
        add(c, LW_CONV, s);
        snprintf(s, sizeof s, "mb1ic%dih3iw%doc16kh1kw1ph0pw0", w % 2 ? 8 : 17, w);
        add(c, LW_CONV, s);
    }
    for (int i = 0; i < COUNT * 3; i++) {
        if (test_quick() && i % 4 != 0) continue;
        int ic = channels[i % COUNT], oc = channels[(i * 5 + i / COUNT) % COUNT];
        snprintf(s, sizeof s, "mb1ic%dih5iw%doc%dkh3kw3ph1pw1", ic, 6 + i % 5, oc);
        add(c, LW_CONV, s);
        snprintf(s, sizeof s, "g%dmb1ic%dih6iw%doc%dkh3kw3sh%dsw%dph1pw1", ic, ic, 5 + i % 7, ic, 1 + i % 2,
                 1 + i % 2);
        add(c, LW_CONV, s);
    }
}

/* Depthwise: every width and height at which a tile may begin, kernels and strides that have tiles; then an
 * image of more than one strip, and rows of taps that aren't neighbours. */
static void add_depthwise_sweeps(struct test_corpus *c) {
    char s[128];
    for (int w = 1; w <= 35; w += test_quick() ? 4 : 1)
        for (int i = 0; i < 2; i++) {
            int kernel = (w + i) % 2 ? 3 : 5, stride = 1 + w / 2 % 2, ic = w % 3 ? 5 : 17;
            snprintf(s, sizeof s, "g%dmb2ic%dih%diw%doc%dkh%dkw%dsh%dsw%dph%dpw%d", ic, ic, 1 + w * 3 % 17, w,
                     ic, kernel, kernel, stride, stride, kernel / 2, kernel / 2);
            add(c, LW_CONV, s);
        }
    add(c, LW_CONV, "g2mb1ic2ih42iw900oc2kh3kw3ph1pw1");
    add(c, LW_CONV, "g17mb1ic17ih11iw13oc17kh3kw3ph2pw1dh1dw0");
    add(c, LW_CONV, "g3mb1ic3ih9iw15oc3oh5ow8kh5kw5sh2sw2ph1pw1");
}

static void add_pool_sweeps(struct test_corpus *c) {
    char s[128];
    for (int w = 2; w <= 35; w += test_quick() ? 4 : 1) {
        snprintf(s, sizeof s, "mb1ic%dih5iw%dkh2kw2sh2sw2ph0pw0", w % 18 + 1, w);
        add(c, LW_MAXPOOL, s);
        snprintf(s, sizeof s, "mb2ic%dih6iw%dkh3kw3sh2sw2ph1pw1", (w * 7) % 34 + 1, w);
        add(c, LW_MAXPOOL, s);
    }
}

const struct test_corpus *test_corpus(lw_op op) {
#define LIST(op, list) [op] = { list, sizeof list / sizeof *list }
    static const struct {
        const char *const *strings;
        size_t count;
    } lists[LW_OP_COUNT] = {LIST(LW_CONV, conv_strings), LIST(LW_MAXPOOL, pool_strings),
                            LIST(LW_LINEAR, linear_strings), LIST(LW_RELU, relu_strings),
                            LIST(LW_SOFTMAX, softmax_strings)};
    static struct test_corpus corpora[LW_OP_COUNT];
    struct test_corpus *c = &corpora[op];
    if (c->count > 0) return c;
    for (size_t i = 0; i < lists[op].count; i++)
        add(c, op, lists[op].strings[i]);
    c->listed = c->count;
    if (op == LW_CONV) add_conv_sweeps(c), add_depthwise_sweeps(c);
    if (op == LW_MAXPOOL) add_pool_sweeps(c);
    return c;
}

void test_set_tail(lw_desc *d, int k) {
    static const struct {
        bool bias, relu, pool2x2;
    } tails[TEST_TAILS] = {{1, 0, 0}, {1, 1, 1}, {0, 0, 0}, {1, 1, 0}, {0, 0, 1}};
    bool has_weights = d->op == LW_CONV || d->op == LW_LINEAR;
    lw_error error;
    d->bias = has_weights && tails[k].bias;
    d->relu = has_weights && tails[k].relu;
    d->pool2x2 = d->op == LW_CONV && tails[k].pool2x2;
    if (lw_desc_check(d, &error) != LW_OK)
        d->pool2x2 = false; /* an output of one row or column has no 2x2 window */
}

/* ---- counting ------------------------------------------------------------------------------------------ */

void test_report(struct test_tally *t, const char *kernel, const lw_desc *d, const char *what) {
    char text[200];
    if (t->failed++ >= 20) return;
    lw_desc_problem(d, text, sizeof text);
    printf("FAILED %s %s %s->%s%s%s%s: %s\n", kernel, text, lw_layout_name(d->src_layout),
           lw_layout_name(d->dst_layout), d->bias ? " bias" : "", d->pool2x2 ? " pool2x2" : "",
           d->relu ? " relu" : "", what);
    fflush(stdout);
}

void test_check(struct test_tally *t, const char *kernel, const lw_desc *d,
                const struct lw_verify_options *opt) {
    struct lw_verify_result r;
    char what[400];
    lw_verify(kernel, d, opt, &r);
    if (r.status == LW_ERR_UNSUPPORTED) {
        t->refused++;
        snprintf(t->refusal, sizeof t->refusal, "%.*s", (int)sizeof t->refusal - 1, r.error.text);
        if (r.error.text[0] == '\0') test_report(t, kernel, d, "refused without a reason");
        return;
    }
    t->checked++;
    if (r.err_over_bound > t->worst) t->worst = r.err_over_bound;
    if (r.status == LW_OK && r.ok && r.compared > 0) return;
    snprintf(what, sizeof what, "%s (%s, seed %llu, %d threads, offset %zu): %.3g of the bound",
             r.status == LW_OK ? r.worst : r.error.text, lw_fill_name(opt->fill),
             (unsigned long long)opt->seed, opt->threads, opt->offset, r.err_over_bound);
    test_report(t, kernel, d, what);
}

void test_finish(const struct test_tally *t, const char *what) {
    printf("%s: %lld checked (at most %.2g of a bound), %lld refused%s%s\n", what, (long long)t->checked,
           t->worst, (long long)t->refused, t->refusal[0] != '\0' ? ", as: " : "", t->refusal);
    fflush(stdout);
    cr_assert_eq(t->failed, 0, "%lld of %lld failed", (long long)t->failed, (long long)t->checked);
}

/* ---- one plan ------------------------------------------------------------------------------------------ */

float *test_run(const char *kernel, const lw_desc *d, const float *src_nchw, const float *weights,
                const float *bias, int threads) {
    lw_options o = lw_default_options();
    o.kernel = kernel;
    o.threads = threads;
    return test_run_with(&o, d, src_nchw, weights, bias);
}

float *test_run_with(const lw_options *options, const lw_desc *d, const float *src_nchw, const float *weights,
                     const float *bias) {
    lw_error error;
    lw_plan *plan;
    lw_status status = lw_plan_create(&plan, d, weights, bias, options, &error);
    if (status == LW_ERR_UNSUPPORTED) return NULL;
    cr_assert_eq(status, LW_OK, "%s: %s", options->kernel ? options->kernel : "a plan", error.text);
    size_t bytes = lw_plan_workspace(plan);
    void *workspace = bytes > 0 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    float *src = malloc(lw_src_floats(d) * sizeof *src), *dst = malloc(lw_dst_floats(d) * sizeof *dst);
    cr_assert(src != NULL && dst != NULL && (bytes == 0 || workspace != NULL));
    lw_convert_layout(src_nchw, LW_NCHW, src, d->src_layout, d->batch, d->ic, d->ih, d->iw);
    cr_assert_eq(lw_plan_execute(plan, src, dst, workspace), LW_OK);
    lw_plan_destroy(plan);
    free(workspace);
    free(src);
    return dst;
}
