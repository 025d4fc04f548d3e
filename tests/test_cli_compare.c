/* Result files: their reader, and `lanewise compare` on made-up runs. */
#include "command.h"

#include <math.h>
#include <sys/stat.h>

#include "tools/compare_stats.h"
#include "tools/results_read.h"

TestSuite(results, .init = enter_scratch, .fini = leave_scratch);
TestSuite(compare, .init = enter_scratch, .fini = leave_scratch);

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

/* ---- the statistics ------------------------------------------------------------------------------------ */

Test(compare, the_interval_is_that_of_mann_and_whitney) {
    /* Of 252 orders of 5 and 5 one has no pair the wrong way round, one has one, two have two: at 1% two of
     * the differences are cut off, at 2% four. */
    double a[5] = {1, 1, 1, 1, 1}, b[5] = {exp(1), exp(2), exp(3), exp(4), exp(5)};
    struct compare_ratio r = compare_passes(a, 5, b, 5, 0.01);
    cr_expect_float_eq(log(r.ratio), 3, 1e-9);
    cr_expect_float_eq(log(r.low), 1, 1e-9, "%g", log(r.low));
    double a2[5] = {1, exp(0.1), exp(0.2), exp(0.3), exp(0.4)};
    r = compare_passes(a2, 5, b, 5, 0.01);
    cr_expect_float_eq(log(r.low), 0.7, 1e-9, "%g", log(r.low));
    cr_expect_float_eq(log(r.high), 4.9, 1e-9, "%g", log(r.high));
    r = compare_passes(a2, 5, b, 5, 0.02);
    cr_expect_float_eq(log(r.low), 0.8, 1e-9, "%g", log(r.low));
    r = compare_passes(a, 5, b, 5, 0.001);
    cr_expect(r.low == 0 && isinf(r.high), "five are too few");
    cr_expect_eq(compare_passes_needed(0.01), 5);
    cr_expect_eq(compare_passes_needed(0.002), 6);
    cr_expect_eq(compare_passes_needed(0.001), 7);
}

Test(compare, many_passes_are_as_the_normal_distribution_says) {
    double a[60], b[60];
    for (int i = 0; i < 60; i++) {
        a[i] = exp(0.01 * (i * 37 % 60));
        b[i] = a[i] * 1.2;
    }
    struct compare_ratio counted = compare_passes(a, 50, b, 50, 0.001),
                         normal = compare_passes(a, 51, b, 50, 0.001);
    cr_expect_float_eq(log(counted.low / normal.low), 0, 0.02);
    cr_expect_float_eq(log(counted.high / normal.high), 0, 0.02);
    cr_expect(counted.low < counted.ratio && counted.ratio < counted.high);
}

/* ---- made-up runs -------------------------------------------------------------------------------------- */

enum { ROWS = 6 };

static double noise(unsigned *state) { /* 0.99 to 1.01, now and then a disturbed pass */
    *state = *state * 1664525u + 1013904223u;
    double unit = (*state >> 8) / 16777216.0;
    return (*state >> 4) % 10 == 0 ? 1.3 + unit : 0.99 + 0.02 * unit;
}

struct run {
    unsigned seed;
    int passes, missing; /* row that isn't there; -1: none */
    int failed;          /* a pass of row failed - 1 did; 0: none */
    double clock, factor[ROWS];
    double share;           /* of its core that the thread had; 0: all */
    bool restless;          /* every other pass takes 1.3 times as long */
    const char *cpu, *more; /* of the context, NULL: nothing */
};

static void write_run(const char *path, const struct run *run) {
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fprintf(f,
            "{\"context\": {\"format\": \"lanewise-results 1\", \"cpu_model\": \"%s\"%s}, \"benchmarks\": [",
            run->cpu ? run->cpu : "X", run->more ? run->more : "");
    unsigned state = run->seed;
    const char *comma = "";
    for (int r = 0; r < ROWS; r++)
        for (int p = 0; p < run->passes && r != run->missing; p++) {
            double ns = 1000 * (r + 1) * run->factor[r] * noise(&state) / run->clock;
            if (run->restless && p % 2) ns *= 1.3;
            fprintf(f,
                    "%s{\"name\": \"conv/p%d/k_avx2/threads:1\", \"repetition_index\": %d, \"cpu_time\": %g, "
                    "\"real_time\": %g, \"time_unit\": \"ns\", \"time_min_ns\": %g, \"peak_gflops\": %g%s}",
                    comma, r, p, ns, run->share > 0 ? ns / run->share : ns, ns, 100 * run->clock,
                    r + 1 == run->failed && p == 3 ? ", \"error_occurred\": true, \"error_message\": \"why\""
                                                   : "");
            comma = ",";
        }
    fputs("]}", f);
    fclose(f);
}

static const struct run plain = {
    .seed = 1, .passes = 15, .missing = -1, .clock = 1, .factor = {1, 1, 1, 1, 1, 1}};

static void expect(int status, const char *words, const char *const *needles) {
    struct outcome o = run_words(".stdout", words);
    cr_expect_eq(o.status, status, "lanewise %s: status %d, not %d\n%s%s", words, o.status, status, o.out,
                 o.err);
    for (; *needles; needles++)
        cr_expect(strstr(o.out, *needles) || strstr(o.err, *needles), "'%s' is not in:\n%s%s", *needles,
                  o.out, o.err);
    free_outcome(&o);
}
#define EXPECT(status, words, ...) expect(status, words, (const char *const[]){__VA_ARGS__, NULL})

Test(compare, one_row_slower_and_the_other_way_round) {
    struct run slow = plain;
    slow.seed = 2;
    slow.clock = 0.7; /* the peak tells of it */
    slow.factor[3] = 1.08;
    write_run("a.json", &plain);
    write_run("b.json", &slow);
    EXPECT(1, "compare a.json b.json", "slower      conv/p3/k_avx2/threads:1", "1 slower, 0 faster, 5 same");
    EXPECT(0, "compare b.json a.json", "faster      conv/p3/k_avx2/threads:1", "0 slower, 1 faster, 5 same");
    EXPECT(0, "compare --threshold 20 a.json b.json", "0 slower, 0 faster, 6 same", "threshold 20%");
    EXPECT(0, "compare a.json b.json */p[0-2]/* */p4/*", "4 same");
    cJSON *root = expect_json(1, "compare --json a.json b.json");
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(root, "outcome")), "slower");
    const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "rows"), 3);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(row, "verdict")), "slower");
    cr_expect_float_eq(number_of(row, "ratio"), 1.08, 0.01);
    cr_expect(number_of(row, "ratio_low") > 1.025 && number_of(row, "ratio_high") < 1.2);
    cJSON_Delete(root);
}

Test(compare, the_same_is_the_same_whatever_the_noise) {
    write_run("a.json", &plain);
    for (unsigned seed = 2; seed < 22; seed++) {
        struct run other = plain;
        other.seed = seed;
        write_run("b.json", &other);
        struct outcome o = run_words(".stdout", "compare a.json b.json");
        cr_expect_neq(o.status, 1, "seed %u: %s", seed, o.out);
        free_outcome(&o);
    }
}

Test(compare, what_cant_be_told) {
    struct run few = plain, gone = plain, wild = plain, shared = plain;
    shared.share = 0.6;
    few.passes = 2;
    gone.missing = 2;
    wild.factor[1] = 1.055;
    write_run("a.json", &plain);
    write_run("few.json", &few);
    write_run("gone.json", &gone);
    write_run("wild.json", &wild);
    write_run("shared.json", &shared);
    EXPECT(2, "compare few.json few.json", "2 undisturbed passes are too few", "6 can't tell");
    EXPECT(2, "compare a.json shared.json", "0 undisturbed passes are too few for 6 rows", "6 can't tell");
    EXPECT(2, "compare gone.json shared.json", "0 undisturbed passes are too few for 5 rows",
           "  no undisturbed pass");
    EXPECT(2, "compare a.json gone.json", "missing     conv/p2/k_avx2/threads:1", "1 missing");
    EXPECT(0, "compare gone.json a.json", "new         conv/p2/k_avx2/threads:1", "1 new");
    EXPECT(2, "compare a.json wild.json", "can't tell  conv/p1/k_avx2/threads:1");
}

Test(compare, a_slow_row_on_a_machine_that_was_busy_or_changed) {
    struct run busy = plain, restless = plain, quiet = plain;
    busy.factor[3] = restless.factor[3] = quiet.factor[3] = 1.5;
    busy.more = ", \"busy_processes\": \"make 0.20, others 0.15\"";
    quiet.more = ", \"busy_processes\": \"make 0.10\"";
    restless.restless = true;
    write_run("a.json", &plain);
    write_run("busy.json", &busy);
    write_run("quiet.json", &quiet);
    write_run("restless.json", &restless);
    EXPECT(2, "compare a.json busy.json", "can't tell  conv/p3/k_avx2/threads:1", "0 slower");
    EXPECT(2, "compare busy.json a.json", "0 slower, 0 faster");
    EXPECT(1, "compare a.json quiet.json", "slower      conv/p3/k_avx2/threads:1", "1 slower");
    EXPECT(2, "compare a.json restless.json", "can't tell  conv/p3/k_avx2/threads:1", "0 slower");
}

Test(compare, a_run_in_another_state_of_the_machine) {
    struct run one = plain, all = plain;
    one.factor[3] = 1.5;
    for (size_t i = 0; i < sizeof all.factor / sizeof *all.factor; i++)
        all.factor[i] = 1.2;
    write_run("a.json", &plain);
    write_run("one.json", &one);
    write_run("all.json", &all);
    EXPECT(1, "compare a.json one.json", "median of the rows: 1.0", "1 slower");
    EXPECT(2, "compare a.json all.json", "half of the rows take 1.2", "0 slower");
    EXPECT(1, "compare a.json all.json conv/p3/*", "slower      conv/p3/k_avx2/threads:1", "1 slower");
    EXPECT(0, "compare all.json a.json", "half of the rows take 0.8", "or less: all has changed");
}

Test(compare, what_failed_in_one_run_is_missing) {
    struct run other = plain;
    other.seed = 2;
    other.failed = 3;
    write_run("a.json", &plain);
    write_run("failed.json", &other);
    EXPECT(2, "compare a.json failed.json", "missing     conv/p2/k_avx2/threads:1", "failed in one run: why",
           "1 missing");
    EXPECT(2, "compare failed.json a.json", "missing     conv/p2/k_avx2/threads:1", "1 missing, 0 new");
    EXPECT(0, "compare failed.json failed.json", "1 benchmark failed in both runs",
           "5 same, 0 can't tell, 0 missing");
}

Test(compare, what_cant_be_compared) {
    struct run other = plain, doubtful = plain;
    other.cpu = "Y";
    doubtful.more = ", \"trust\": \"the FMA peak wandered by 30%\", \"unheard_of\": [{}]";
    write_run("a.json", &plain);
    write_run("other.json", &other);
    write_run("doubtful.json", &doubtful);
    EXPECT(0, "compare a.json doubtful.json",
           "doubtful.json: don't trust its times: the FMA peak wandered by 30%");
    expect_failure(3, "two CPUs", "compare a.json other.json");
    expect_failure(3, "no benchmark in common that matches", "compare a.json a.json linear/*");
    expect_failure(4, "two result files", "compare a.json");
    expect_failure(4, "nowhere.json: No such file", "compare a.json nowhere.json");
    expect_failure(4, "--threshold 0: not a number", "compare --threshold 0 a.json a.json");
    expect_failure(4, "--threshold 5%: not a number", "compare --threshold 5% a.json a.json");
    expect_failure(4, "unknown option --frob", "compare --frob a.json a.json");
    size_t size;
    char *text = read_file("a.json", &size);
    write_file("cut.json", text, size / 2);
    expect_failure(4, "cut short", "compare a.json cut.json");
    free(text);
    mkdir("folder", 0700);
    expect_failure(4, "folder/matrix.json: No such file", "compare folder a.json");
    write_run("folder/matrix.json", &plain);
    EXPECT(0, "compare folder a.json", "6 same");
}
