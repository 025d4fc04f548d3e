/* `lanewise bench`: the names, counters, flags, files and exit statuses that other programs rely on. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <cjson/cJSON.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/results.h"
#include "lanewise.h"

#define TINY      "mb1_ic16ih8_oc16oh8_kh3ph1n\"tiny\""
#define TINY_FLOP (2.0 * 16 * 16 * 9 * 8 * 8)
#define SHORT     " --benchmark_min_time=0.01 "

struct outcome {
    int status;
    char *out, *err;
};

static char *read_whole(const char *path) {
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s can't be read", path);
    size_t size = 0, room = 1 << 16;
    char *text = malloc(room);
    for (size_t n; (n = fread(text + size, 1, room - size - 1, file)) > 0;) {
        size += n;
        if (room - size < 2) text = realloc(text, room *= 2);
    }
    fclose(file);
    text[size] = '\0';
    return text;
}

static struct outcome run_line(const char *line) {
    char out[] = "/tmp/lw_bench_out_XXXXXX", err[] = "/tmp/lw_bench_err_XXXXXX", command[2048];
    cr_assert(close(mkstemp(out)) == 0 && close(mkstemp(err)) == 0);
    snprintf(command, sizeof command, "%s >%s 2>%s", line, out, err);
    int raw = system(command);
    struct outcome outcome = {WIFEXITED(raw) ? WEXITSTATUS(raw) : -1, read_whole(out), read_whole(err)};
    unlink(out);
    unlink(err);
    return outcome;
}

/* Runs the command in a shell, so arguments are quoted for one. */
static struct outcome run(const char *environment, const char *arguments) {
    char line[1900];
    snprintf(line, sizeof line, "%s '%s' bench %s", environment, LW_BINARY, arguments);
    return run_line(line);
}

static void release(struct outcome *o) {
    free(o->out);
    free(o->err);
}

static int lines(const char *text) {
    int count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static double number(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItem(object, key);
    cr_assert(cJSON_IsNumber(item), "%s isn't a number", key);
    return item->valuedouble;
}

/* "conv/tiny/KERNEL/threads:N": the row exists here and the counters make sense. */
static void check_benchmark(const cJSON *benchmark) {
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(benchmark, "name"));
    char kernel[128];
    int threads = 0, used = 0;
    cr_assert(name != NULL);
    cr_assert_null(cJSON_GetObjectItem(benchmark, "error_occurred"), "%s failed", name);
    cr_assert_eq(sscanf(name, "conv/tiny/%127[^/]/threads:%d%n", kernel, &threads, &used), 2, "%s", name);
    cr_assert_eq((size_t)used, strlen(name), "%s", name);
    cr_assert(threads == 1 || threads == 2, "%s", name);
    lw_kernel_info row = {.name = ""};
    for (size_t i = 0; lw_kernel_get(i, &row) == LW_OK && strcmp(row.name, kernel) != 0; i++)
        ;
    cr_assert_str_eq(row.name, kernel);
    cr_assert(row.usable, "%s ran, but isn't usable", kernel);
    double gflops = number(benchmark, "gflops"), error = number(benchmark, "err_over_bound");
    cr_assert(gflops > 0 && number(benchmark, "peak_pct") > 0 && number(benchmark, "bytes_per_second") > 0);
    cr_assert(error >= 0 && error <= 1, "%s: err_over_bound %g", name, error);
    if (threads > 1) return;
    cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(benchmark, "time_unit")), "us");
    double flop = gflops * 1e3 * number(benchmark, "cpu_time");
    /* one is of the median, the other a mean: on a busy machine they are far apart, but not by a wrong unit
     */
    cr_assert(flop > 0.1 * TINY_FLOP && flop < 10 * TINY_FLOP, "%s: gflops x time is %g", name, flop);
}

Test(bench, json_has_names_and_counters) {
    struct outcome o = run("", "--threads 1,2 '" TINY "'" SHORT "--benchmark_format=json");
    cr_assert_eq(o.status, 0, "%s", o.err);
    cJSON *root = cJSON_Parse(o.out);
    cr_assert(root != NULL, "no JSON: %.200s", o.out);
    const cJSON *context = cJSON_GetObjectItem(root, "context"), *benchmark;
    const char *keys[] = {"cpu_model",        "compiler", "compiler_flags",
                          "lanewise_version", "date",     "peak_gflops_scalar_threads_1"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cr_assert(cJSON_GetObjectItem(context, keys[i]), "the context lacks %s", keys[i]);
    const cJSON *all = cJSON_GetObjectItem(root, "benchmarks");
    int scalar = 0;
    cJSON_ArrayForEach(benchmark, all) {
        check_benchmark(benchmark);
        scalar += strstr(cJSON_GetStringValue(cJSON_GetObjectItem(benchmark, "name")), "_scalar") != NULL;
    }
    cr_assert(scalar >= 2, "the scalar row ran %d times, not on 1 and 2 threads", scalar);
    cJSON_Delete(root);
    release(&o);
}

Test(bench, other_operations_and_layouts) {
    const char *arguments[] = {"--op maxpool mb1_ic16ih8oh4kh2sh2n\"p\"", "--op linear mb2_ic32oc10n\"p\"",
                               "--op relu mb1_ic5ih7n\"p\"", "--op softmax mb3_ic10n\"p\"",
                               "--layout nhwc --pool 2x2 mb1_ic16ih8oc16oh8kh3ph1n\"p\""};
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        char line[512];
        snprintf(line, sizeof line, "--isa scalar --threads 1 %s" SHORT "--benchmark_format=csv",
                 arguments[i]);
        struct outcome o = run("", line);
        cr_assert_eq(o.status, 0, "%s: %s", line, o.err);
        cr_assert(strstr(o.out, "/p/"), "%s: %s", line, o.out);
        cr_assert(!strstr(o.out, "ERROR"), "%s: %s", line, o.out);
        release(&o);
    }
}

Test(bench, filter_repetitions_and_list) {
    struct outcome o = run("", "'" TINY "' --threads 1 --benchmark_list_tests=true");
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_assert(lines(o.out) >= 1 && strncmp(o.out, "conv/tiny/", 10) == 0, "%s", o.out);
    cr_assert(lines(o.err) == 0, "%s", o.err);
    release(&o);
    o = run("", "'" TINY
                "' --threads 1 --isa scalar --benchmark_filter='conv_direct_scalar[^/]*/threads:1$'" SHORT
                "--benchmark_repetitions=3 --benchmark_report_aggregates_only=true --benchmark_format=csv");
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_assert(strstr(o.out, "_median") && strstr(o.out, "_stddev"), "%s", o.out);
    release(&o);
}

/* One turn tells nothing; that both were measured and read does. */
Test(bench, gate_runs_two_builds) {
    struct outcome o = run_line("'" LW_BINARY "' gate --turns 1 '" LW_BINARY "' '" LW_BINARY
                                "' -- --isa scalar --threads 1 '" TINY "'");
    cr_assert_eq(o.status, 2, "%s", o.err);
    cr_assert(strstr(o.out, "can't tell  conv/tiny/conv_direct_scalar_"), "%s", o.out);
    cr_assert(strstr(o.err, "undisturbed") != NULL, "%s", o.err);
    release(&o);
}

Test(bench, built_in_problems_are_all_sound) {
    struct outcome o = run("", "--full --isa scalar --threads 1 --benchmark_list_tests");
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_assert_eq(lines(o.err), 0, "%s", o.err);
    const char *names[] = {"conv/mnist_conv1/",      "conv/mnist_conv2/",
                           "maxpool/mnist_pool1/",   "linear/mnist_fc/",
                           "softmax/mnist_softmax/", "relu/mnist_relu2/",
                           "conv/vgg16_conv1_2/",    "conv/resnet50_res2a_branch2b/",
                           "conv/odd_groups4/"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert(strstr(o.out, names[i]), "no %s", names[i]);
    release(&o);
}

Test(bench, bad_usage_is_one_line_and_status_2) {
    const char *arguments[] = {"--benchmark_nonsense=1",
                               "--benchmark_format=xml",
                               "--benchmark_min_time=soon",
                               "--benchmark_filter='('",
                               "--benchmark_repetitions=x",
                               "--benchmark_filter",
                               "--benchmark_out_format=no",
                               "--benchmark_filtre=a",
                               "--nonsense",
                               "--threads 0",
                               "--threads 1,",
                               "--threads x",
                               "--layout diagonal",
                               "--pool 3x3",
                               "--op cook",
                               "--isa nonsense",
                               "--kernel 'nonsense*'",
                               "--set nonsense",
                               "--quick --full",
                               "--batch /nonexistent",
                               "mb1ic",
                               "--relu --no-relu",
                               "--mb 0",
                               "--results /dev/null/x",
                               "--mnist /nonexistent",
                               "--benchmark_filter=matches_nothing_at_all"};
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        struct outcome o = run("", arguments[i]);
        cr_expect_eq(o.status, 2, "%s: status %d", arguments[i], o.status);
        cr_expect_eq(lines(o.err), 1, "%s: %s", arguments[i], o.err);
        release(&o);
    }
    struct outcome o = run("BENCHMARK_FORMAT=xml", "'" TINY "'");
    cr_expect(o.status == 2 && lines(o.err) == 1, "BENCHMARK_FORMAT: %d %s", o.status, o.err);
    release(&o);
    o = run("", "--set mobilenet.conv");
    cr_expect(o.status == 2 && lines(o.err) == 1 && strstr(o.err, "--full"), "none quick: %d %s", o.status,
              o.err);
    release(&o);
}

/* LANEWISE_ISA=scalar makes a CPU that lacks the rest of whatever this one has. */
Test(bench, what_this_cpu_lacks_is_status_3) {
    lw_kernel_info row;
    for (size_t i = 0; lw_kernel_get(i, &row) == LW_OK; i++) {
        if (row.op != LW_CONV || strcmp(row.isa, "scalar") == 0) continue;
        char line[256];
        snprintf(line, sizeof line, "--kernel %s '" TINY "'" SHORT, row.name);
        struct outcome o = run("LANEWISE_ISA=scalar", line);
        cr_assert_eq(o.status, 3, "%s: %d %s", line, o.status, o.err);
        cr_assert_eq(lines(o.err), 1, "%s", o.err);
        release(&o);
        return;
    }
    cr_skip("this build has no rows but scalar ones");
}

Test(bench, a_problem_that_cannot_be_is_status_3) {
    struct outcome o = run("", "mb1_ic8id4ih8_oc8_kd3kh3");
    cr_assert_eq(o.status, 3, "%d %s", o.status, o.err);
    cr_assert(strstr(o.err, "skipped"), "%s", o.err);
    release(&o);
}

Test(bench, files_appear_whole_or_not_at_all) {
    char dir[] = "/tmp/lw_bench_XXXXXX", line[512], path[256], slug[128];
    cr_assert(mkdtemp(dir) != NULL);
    snprintf(line, sizeof line,
             "'" TINY "' --isa scalar --threads 1" SHORT "--results %s --benchmark_out=%s/a.json", dir, dir);
    struct outcome o = run("", line);
    cr_assert_eq(o.status, 0, "%s", o.err);
    release(&o);
    bench_cpu_slug(slug, sizeof slug);
    for (int i = 0; i < 3; i++) {
        if (i == 0)
            snprintf(path, sizeof path, "%s/a.json", dir);
        else
            snprintf(path, sizeof path, "%s/%s/%s", dir, slug, i == 1 ? "matrix.json" : "summary.txt");
        char *text = read_whole(path);
        cJSON *root = cJSON_Parse(text);
        cr_assert((root != NULL) == (i < 2), "%s", path);
        cr_assert(strstr(text, "tiny"), "%s: %s", path, text);
        cJSON_Delete(root);
        free(text);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/%s", dir, slug);
    cr_assert_eq(rmdir(path), 0, "something is left in %s", path);
    cr_assert_eq(rmdir(dir), 0, "something is left in %s", dir);
}

Test(bench, names_of_cpus) {
    static const char *const cases[][4] = {
        {"AMD EPYC", "25", "1", "amd-epyc-25-1"},
        {"AMD EPYC 7763 64-Core Processor", "25", "1", "amd-epyc-7763"},
        {"Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "6", "106", "intel-xeon-platinum-8375c"},
        {"Intel(R) Xeon(R) Processor @ 2.10GHz", "6", "143", "intel-xeon-6-143"},
        {"Neoverse-N1", "", "", "neoverse-n1"},
        {"", "", "", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char slug[128];
        bench_slug_of(cases[i][0], cases[i][1], cases[i][2], slug, sizeof slug);
        cr_expect_str_eq(slug, cases[i][3]);
    }
}

/* The linker sends this program's calls of lw_plan_execute() here (see CMakeLists.txt). */
static bool spoil;
lw_status __real_lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace);
lw_status __wrap_lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace);
lw_status __wrap_lw_plan_execute(const lw_plan *plan, const float *src, float *dst, void *workspace) {
    lw_status status = __real_lw_plan_execute(plan, src, dst, workspace);
    if (spoil) dst[0] += 1e6f; /* beyond the widest bound */
    return status;
}

static int bench_in_process(bool wrong) {
    static char name[] = "bench", problem[] = TINY, isa[] = "--isa=scalar", threads[] = "--threads=1",
                time[] = "--benchmark_min_time=0.01", format[] = "--benchmark_format=csv";
    char *argv[] = {name, problem, isa, threads, time, format, NULL};
    spoil = wrong;
    cr_redirect_stdout();
    cr_redirect_stderr();
    return lw_bench_command(6, argv);
}

Test(bench, a_wrong_result_is_status_1) { cr_assert_eq(bench_in_process(true), 1); }
Test(bench, a_right_result_is_status_0) { cr_assert_eq(bench_in_process(false), 0); }
