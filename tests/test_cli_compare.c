/* Result files: their reader, and `lanewise compare` on made-up runs. */
#include "command.h"

#include "tools/results_read.h"

TestSuite(results, .init = enter_scratch, .fini = leave_scratch);

#define CONTEXT "{\"context\": {\"cpu_model\": \"X\", \"peak_gflops_avx2_threads_1\": \"97.5\"}, "
#define ROW(name, more)                                                                                      \
    "{\"name\": \"" name "\", \"cpu_time\": 2.5, \"real_time\": 3, \"time_unit\": \"us\"" more "}"

static struct results read_text(const char *text) {
    struct results r;
    cr_assert_eq(results_parse(&r, "given", text, strlen(text)), CLI_GO, "%s", text);
    return r;
}

Test(results, rows_and_values) {
    struct results r =
        read_text(CONTEXT "\"benchmarks\": [" ROW("conv/a/b/k_avx2/threads:1", ", \"gflops\": 7") "," ROW(
            "conv/p/onednn:direct/threads:2/nchw",
            ", \"time_ns\": 1500, \"unheard_of\": {\"x\": [1, null]}") "]}");
    cr_assert_eq(r.count, 2);
    const struct results_row *a = results_find(&r, "conv/a/b/k_avx2/threads:1"), *b = &r.rows[1];
    cr_assert_eq(a, &r.rows[0]);
    cr_expect_str_eq(a->op, "conv");
    cr_expect_str_eq(a->problem, "a/b", "a problem's name may have slashes");
    cr_expect_str_eq(a->kernel, "k_avx2");
    cr_expect_str_eq(a->layout, "");
    cr_expect_str_eq(b->layout, "nchw");
    cr_expect_eq(b->threads, 2);
    cr_expect_float_eq(results_ns(a), 2500, 1e-9);
    cr_expect_float_eq(results_ns(b), 1500, 1e-9, "the median of samples comes before the mean");
    cr_expect_float_eq(results_value(a, "gflops", 0), 7, 1e-9);
    cr_expect_float_eq(results_value(b, "gflops", -1), -1, 1e-9);
    cr_expect_float_eq(results_context_number(&r, "peak_gflops_avx2_threads_1", 0), 97.5, 1e-9);
    cr_expect_str_eq(results_context(&r, "commit", "unknown"), "unknown");
    results_free(&r);
}

Test(results, passes_of_a_row_are_one_row) {
    struct results r = read_text(
        CONTEXT
        "\"benchmarks\": [" ROW("conv/p/k/threads:1", ", \"repetition_index\": 0, \"gflops\": 1") "," ROW(
            "conv/p/k/threads:1",
            ", \"repetition_index\": 1, \"gflops\": 5") "," ROW("conv/p/k/threads:1_median",
                                                                ", \"run_type\": \"aggregate\"") "]}");
    cr_assert_eq(r.count, 1);
    cr_assert_eq(r.rows[0].pass_count, 2);
    cr_expect_float_eq(results_value(&r.rows[0], "gflops", 0), 3, 1e-9);
    results_free(&r);
}

Test(results, a_row_that_failed_has_no_pass) {
    struct results r = read_text(CONTEXT "\"benchmarks\": [" ROW(
        "conv/p/k/threads:1", ", \"error_occurred\": true, \"error_message\": \"why\"") "]}");
    cr_expect_str_eq(r.rows[0].error, "why");
    cr_expect_eq(r.rows[0].pass_count, 0);
    cr_expect_float_eq(results_value(&r.rows[0], "gflops", -1), -1, 1e-9);
    results_free(&r);
}

Test(results, refuses_what_it_cant_read) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "cut short"},
        {CONTEXT "\"benchmarks\": [" ROW("conv/p/k/threads:1", "") ",", "cut short"},
        {CONTEXT "\"benchmarks\": [{\"name\": \"conv/p", "cut short"},
        {CONTEXT "\n\"benchmarks\": [" ROW("conv/p/k/threads:1", ", \"gflops\": NaN") "]}", "line 2: NaN"},
        {CONTEXT "\"benchmarks\": [" ROW("conv/p/k/threads:1", ", \"gflops\": -Infinity") "]}", "-Infinity"},
        {CONTEXT "\"benchmarks\": [" ROW("conv/p/k/threads:1", ", \"gflops\": 1e999") "]}",
         "gflops: not a finite"},
        {CONTEXT "\"benchmarks\": [" ROW("conv/p/k/threads:1", "") "]} {}", "something follows"},
        {CONTEXT "\"benchmarks\" [" ROW("conv/p/k/threads:1", "") "]}", "not JSON"},
        {CONTEXT "\"benchmarks\": [" ROW("conv/p/k/threads:1", "") "," ROW("conv/p/k/threads:1", "") "]}",
         "twice"},
        {CONTEXT "\"benchmarks\": [" ROW("conv/p/k", "") "]}", "not OP/PROBLEM/KERNEL/threads:N"},
        {CONTEXT "\"benchmarks\": [{\"name\": \"conv/p/k/threads:1\"}]}", "no time"},
        {CONTEXT "\"benchmarks\": [7]}", "no name"},
        {CONTEXT "\"benchmarks\": []}", "no benchmark"},
        {"{\"images\": 3}", "not what lanewise bench writes"},
        {"[]", "not what lanewise bench writes"},
        {"{\"context\": {\"format\": \"lanewise-results 2\"}, \"benchmarks\": []}", "a newer lanewise"},
        {"{\"context\": {\"format\": \"odd\"}, \"benchmarks\": []}", "its format is odd"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct results r;
        FILE *old = stderr;
        char *said = NULL;
        size_t size;
        stderr = open_memstream(&said, &size);
        int status = results_parse(&r, "file", bad[i].text, strlen(bad[i].text));
        fclose(stderr);
        stderr = old;
        cr_expect_eq(status, LW_EXIT_USAGE, "%s", bad[i].text);
        cr_expect(strstr(said, "file: ") && strstr(said, bad[i].says), "'%s' is not in: %s", bad[i].says,
                  said);
        free(said);
    }
}
