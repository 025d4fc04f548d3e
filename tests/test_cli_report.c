/* lanewise report and results: pages from result files, what is refused, what can't become markup. */
#define _GNU_SOURCE
#include <sys/stat.h>
#include "command.h"

TestSuite(cli_report, .timeout = 120, .init = enter_scratch, .fini = leave_scratch);

#define BENCHMARK_IN(unit, problem, kernel, time)                                                            \
    "{\"name\": \"conv/" problem "/" kernel                                                                  \
    "/threads:1\", \"run_type\": \"iteration\", \"family_index\": 0, "                                       \
    "\"real_time\": " time ", \"cpu_time\": " time ", \"time_unit\": \"" unit                                \
    "\", \"gflops\": 10, \"rel_l2\": 2e-7, "                                                                 \
    "\"label\": \"blocked>blocked relu\", \"nobody_knows_this\": {\"a\": [1]}}"
#define BENCHMARK(problem, kernel, us) BENCHMARK_IN("us", problem, kernel, us)
#define CONTEXT                                                                                              \
    "{\"context\": {\"peak_gflops_avx2_threads_1\": \"90.5\", \"peak_gflops_scalar_threads_1\": \"40\", "    \
    "\"cpu_model\": \"Test CPU\", \"cpu_kind\": \"kind\", \"host_name\": \"secret-host\", "                  \
    "\"format\": \"lanewise-results 1\", \"date\": \"2026-01-02T03:04:05\"}, "
#define ROWS                                                                                                 \
    BENCHMARK("a_1", "conv_slow_avx2_t6x2", "20.5") ", " BENCHMARK("a_1", "conv_fast_avx2_t6x2", "12.25")
#define MATRIX CONTEXT "\"benchmarks\": [" ROWS "]}"

static void write_text(const char *path, const char *text) { write_file(path, text, strlen(text)); }

static void make_folder(const char *name, const char *matrix, const char *versus, const char *mnist) {
    char path[300];
    cr_assert_eq(mkdir(name, 0777), 0);
    snprintf(path, sizeof path, "%s/matrix.json", name);
    write_text(path, matrix);
    snprintf(path, sizeof path, "%s/versus.json", name);
    if (versus) write_text(path, versus);
    snprintf(path, sizeof path, "%s/mnist.json", name);
    if (mnist) write_text(path, mnist);
}

static void run_good(const char *words) {
    struct outcome o = run_words(".stdout", words);
    cr_assert_eq(o.status, 0, "lanewise %s: %d: %s", words, o.status, o.err);
    free_outcome(&o);
}

static void expect_in_file(const char *path, const char *needle, bool wanted) {
    char *text = read_file(path, NULL);
    cr_expect((strstr(text, needle) != NULL) == wanted, "%s %s '%s'", path, wanted ? "lacks" : "has", needle);
    free(text);
}

Test(cli_report, bad_files_make_no_page) {
    static const struct {
        const char *matrix, *versus, *mnist, *needle;
    } cases[] = {
        {CONTEXT "\"benchmarks\": [" BENCHMARK("a", "k", "1") ", {", NULL, NULL, "cut short"},
        {CONTEXT "\"benchmarks\": [" BENCHMARK("a", "k", "NaN") "]}", NULL, NULL, "NaN"},
        {CONTEXT "\"benchmarks\": [" BENCHMARK("a", "k", "1e999") "]}", NULL, NULL, "finite"},
        {"{\"context\": {\"format\": \"lanewise-results 9\"}, \"benchmarks\": []}", NULL, NULL, "newer"},
        {"[]", NULL, NULL, "matrix.json"},
        {MATRIX, "{\"comparisons\": [", NULL, "versus.json: line 1: not JSON, or cut short"},
        {MATRIX, "{\"comparisons\": [{\"problem\": \"a\"}]}", NULL, "versus.json: comparison 1"},
        {MATRIX, NULL, "{\"us_per_image\": NaN}", "mnist.json: line 1"},
        {MATRIX, NULL, "{\"us_per_image\": \"fast\"}", "mnist.json: not the output"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32], words[100];
        snprintf(name, sizeof name, "cpu-%zu", i);
        make_folder(name, cases[i].matrix, cases[i].versus, cases[i].mnist);
        snprintf(words, sizeof words, "report -o page.html %s", name);
        expect_failure(2, cases[i].needle, words);
        cr_expect_neq(access("page.html", F_OK), 0);
        snprintf(words, sizeof words, "results merge --into results %s", name);
        expect_failure(2, cases[i].needle, words);
        cr_expect_neq(access("results", F_OK), 0);
    }
    expect_failure(2, "no results given", "report");
    expect_failure(2, "no-such", "report no-such");
}

Test(cli_report, winners_peers_and_model_are_in_the_page_without_scripts) {
    make_folder(
        "cpu", MATRIX,
        "{\"comparisons\": [{\"op\": \"conv\", \"problem\": \"a_1\", \"layout\": \"own\", \"threads\": 1, "
        "\"ours\": \"conv_fast_avx2_t6x2\", \"ours_us\": 12.25, \"peer\": \"onednn:direct\", \"peer_us\": "
        "49, \"ratio\": 0.25, \"ratio_low\": 0.24, \"ratio_high\": 0.262}]}",
        "{\"us_per_image\": 31.25, \"peak_pct\": 246, \"accuracy\": 0.9923, \"images\": 10000, "
        "\"threads\": 1, \"batch\": 64, \"layers\": [{\"name\": \"conv1\", \"kernel\": \"conv_k1\"}]}");
    run_good("report -o page.html cpu");
    static const char *const needles[] = {"<h1>Test CPU</h1>",
                                          "<td>conv_fast_avx2_t6x2</td><td class=\"n\">12.2</td>",
                                          "1.67×",
                                          "0.240 .. 0.262",
                                          "99.23",
                                          "<b>31.2</b>",
                                          "conv_k1"};
    for (size_t i = 0; i < sizeof needles / sizeof *needles; i++)
        expect_in_file("page.html", needles[i], true);
    expect_in_file("page.html", "secret-host", false);
    expect_in_file("page.html", "{{", false);
    expect_in_file("page.html", "https://", false);
}

Test(cli_report, names_cannot_become_markup) {
    make_folder(
        "cpu",
        "{\"context\": {\"cpu_model\": \"<script>alert(1)</script>\", \"compiler\": \"'\\\"&<!--\"}, "
        "\"benchmarks\": [" BENCHMARK("p<img src=x>\\\"", "</script><script>alert(2)</script>", "3") "]}",
        "{\"comparisons\": [{\"op\": \"\\\" onclick=alert(3)\", \"problem\": \"</title><script>alert(4)\", "
        "\"threads\": 1, \"ratio\": 2, \"peer\": \"<b>\"}]}",
        NULL);
    run_good("results merge --into out cpu");
    static const char *const files[] = {"out/cpu/report.html", "out/cpu/peers.svg", "out/README.md"};
    static const char *const needles[] = {"<script>alert", "</script><script>", "<img",
                                          "\"\" onclick=", "</title><s"};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++)
        for (size_t i = 0; i < sizeof needles / sizeof *needles; i++)
            expect_in_file(files[f], needles[i], false);
    expect_in_file(files[0], "&lt;script&gt;alert(2)", true);
    expect_in_file(files[0], "\\u003cscript>alert(2)", true);
}

/* A page of figures that are rounded when they are written: the one that they make when they are read again.
 */
Test(cli_report, refresh_after_merge_changes_nothing) {
    make_folder("cpu",
                CONTEXT "\"benchmarks\": [" BENCHMARK_IN("ns", "p", "k_avx2", "314067.5") ", " BENCHMARK_IN(
                    "ns", "q", "k_avx2", "228941.5") "]}",
                NULL, NULL);
    run_good("results merge --into out cpu");
    char *merged = read_file("out/cpu/report.html", NULL);
    run_good("results refresh --into out");
    char *refreshed = read_file("out/cpu/report.html", NULL);
    cr_expect_str_eq(merged, refreshed);
    free(merged);
    free(refreshed);
}

Test(cli_report, merge_is_all_or_nothing) {
    make_folder("good", MATRIX, NULL, NULL);
    make_folder("cut", CONTEXT "\"benchmarks\": [", NULL, NULL);
    make_folder("Bad_name", MATRIX, NULL, NULL);
    expect_failure(2, "cut short", "results merge --into out good cut");
    expect_failure(2, "named after its CPU", "results merge --into out good Bad_name");
    expect_failure(2, "same name", "results merge --into out good ./good/");
    expect_failure(2, "not a folder", "results merge --into out good/matrix.json");
    write_text("good/wisdom.txt", "lanewise wisdom 1\n");
    expect_failure(2, "wisdom.txt", "results merge --into out good");
    cr_expect_neq(access("out", F_OK), 0);
    expect_failure(2, "merge takes folders", "results merge");
    expect_failure(2, "did you mean merge", "results mege x");
    expect_failure(2, "merge, refresh or readme", "results");
}

Test(cli_report, wisdom_has_to_be_of_the_same_cpu) {
    make_folder("cpu", MATRIX, NULL, NULL);
    run_good("tune -o cpu/wisdom.txt --layout nchw mb1_ic16ih9_oc16_kh3_ph1");
    expect_failure(2, "while the matrix is of Test CPU", "results merge --into out cpu");
    char *text = read_file("cpu/wisdom.txt", NULL);
    *strstr(text, "error=") = 'E';
    write_text("cpu/wisdom.txt", text);
    free(text);
    expect_failure(2, "wisdom.txt", "results merge --into out cpu");
}

Test(cli_report, merged_folders_are_tidy_and_stay_the_same) {
    make_folder(
        "cpu-a", MATRIX, NULL,
        "{\"us_per_image\": 31.23456789, \"weights\": \"/home/somebody/models\", \"data\": \"in /home\"}");
    make_folder("cpu-b", MATRIX, NULL, NULL);
    write_text("cpu-a/summary.txt", "a summary\n");
    run_good("results merge --into out cpu-a cpu-b");
    expect_in_file("out/README.md", "[Test CPU](cpu-a/report.html) | avx2 | 31.2 |", true);
    expect_in_file("out/README.md", "[Test CPU](cpu-b/report.html) | avx2 | – |", true);
    expect_in_file("out/cpu-a/mnist.json", "/home", false);
    expect_in_file("out/cpu-a/mnist.json", "31.2346", true);
    expect_in_file("out/cpu-a/matrix.json", "secret-host", false);
    expect_in_file("out/cpu-a/summary.txt", "a summary", true);
    char *page = read_file("out/cpu-a/report.html", NULL), *matrix = read_file("out/cpu-a/matrix.json", NULL);
    run_good("results merge --into out out/cpu-a");
    run_good("results refresh --into out");
    char *page2 = read_file("out/cpu-a/report.html", NULL),
         *matrix2 = read_file("out/cpu-a/matrix.json", NULL);
    cr_expect_str_eq(page, page2);
    cr_expect_str_eq(matrix, matrix2);
    free(page), free(page2), free(matrix), free(matrix2);
    run_good("report -o both.html out/cpu-a out/cpu-b");
}

/* What another run has left in the folder isn't the new one's. */
Test(cli_report, merge_leaves_nothing_of_another_run) {
    static const char *const old[] = {"versus.json", "mnist.json", "summary.txt", "peers.svg", "mnist.svg"};
    make_folder("cpu", MATRIX,
                "{\"comparisons\": [{\"op\": \"conv\", \"problem\": \"a_1\", \"threads\": 1, \"ratio\": 2, "
                "\"peer\": \"b\"}]}",
                "{\"us_per_image\": 31.25}");
    write_text("cpu/summary.txt", "a summary\n");
    run_good("results merge --into out cpu");
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        char path[100];
        snprintf(path, sizeof path, "out/cpu/%s", old[i]);
        cr_expect_eq(access(path, F_OK), 0, "%s", path);
        snprintf(path, sizeof path, "cpu/%s", old[i]);
        unlink(path);
    }
    expect_in_file("out/cpu/mnist.svg", "nan", false); /* it doesn't tell its batch */
    run_good("results merge --into out cpu");
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        char path[100];
        snprintf(path, sizeof path, "out/cpu/%s", old[i]);
        cr_expect_neq(access(path, F_OK), 0, "%s", path);
    }
    cr_assert_eq(mkdir("cpu/summary.txt", 0777), 0);
    expect_failure(2, "not a file", "results merge --into out cpu");
}

Test(cli_report, readme_between_its_marks) {
    make_folder("cpu", MATRIX, NULL, "{\"us_per_image\": 31.25, \"peak_pct\": 246}");
    write_text("README.md", "before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter\n");
    run_good("results readme cpu/");
    char *once = read_file("README.md", NULL);
    cr_expect(strncmp(once, "before\n", 7) == 0 && strstr(once, "after\n") && !strstr(once, "old"), "%s",
              once);
    cr_expect(strstr(once, "![The MNIST model](cpu/mnist.svg)") && strstr(once, "31.2 µs"), "%s", once);
    run_good("results readme cpu");
    char *twice = read_file("README.md", NULL);
    cr_expect_str_eq(once, twice);
    free(once), free(twice);
    write_text("README.md", "no marks\n");
    expect_failure(2, "between which", "results readme cpu");
    expect_in_file("README.md", "no marks", true);
}

Test(cli_report, a_page_can_go_into_a_pipe) {
    make_folder("cpu", MATRIX, NULL, NULL);
    char *const argv[] = {(char *)"sh", (char *)"-c",
                          (char *)"{ " LW_BINARY " report -o /dev/stdout cpu; echo $? >status; } | tail -n 1",
                          NULL};
    struct outcome o = run_program("/bin/sh", ".stdout", argv);
    cr_expect_str_eq(o.out, "</html>\n", "%s%s", o.out, o.err);
    expect_in_file("status", "0", true);
    free_outcome(&o);
}
