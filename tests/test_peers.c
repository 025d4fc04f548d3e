/* Other libraries beside our kernels: a made-up one shows what becomes of rows that are right, wrong, refused
 * or slow; where a real one is installed, its rows are right. */
#include "command.h"

#include <glob.h>
#include <math.h>

#include "bench/bench.h"
#include "bench/peers/peer.h"
#include "bench/ratio.h"

TestSuite(peers, .init = enter_scratch, .fini = leave_scratch, .timeout = 300);

#define PROBLEM "mb1_ic5ih7n\"tiny\""

/* ---- a library that knows ReLU ------------------------------------------------------------------------- */

enum { RIGHT, WRONG, REFUSES, FAILS, SLOW };

struct fake_op {
    struct lw_peer_op base;
    int variant;
    size_t count;
    float *src, *dst;
};

static char started[32]; /* the ISA that it was held to */

static void start(const char *isa, char version[LW_PEER_TEXT]) {
    snprintf(started, sizeof started, "%s", isa);
    snprintf(version, LW_PEER_TEXT, "7.0");
}

static bool supports(const struct lw_peer_row *row, const struct lw_peer_problem *problem,
                     char why[LW_PEER_TEXT]) {
    (void)problem;
    cr_assert(*started, "asked before it was started");
    snprintf(why, LW_PEER_TEXT, "it has no taste for this");
    return row->variant != REFUSES;
}

static const struct lw_peer fake;

static struct lw_peer_op *create(const struct lw_peer_row *row, const struct lw_peer_problem *problem,
                                 char why[LW_PEER_TEXT]) {
    if (row->variant == FAILS) {
        snprintf(why, LW_PEER_TEXT, "it has run out of taste");
        return NULL;
    }
    struct fake_op *op = calloc(1, sizeof *op);
    op->base.peer = &fake;
    op->variant = row->variant;
    op->count = lw_dst_floats(problem->desc);
    op->src = calloc(2 * op->count, sizeof *op->src);
    op->dst = op->src + op->count;
    return &op->base;
}

static void load(struct lw_peer_op *base, const float *src_nchw) {
    struct fake_op *op = (struct fake_op *)base;
    memcpy(op->src, src_nchw, op->count * sizeof *op->src);
}

static void run(struct lw_peer_op *base) {
    struct fake_op *op = (struct fake_op *)base;
    double end = bench_clock(false) + (op->variant == SLOW ? 1e-3 : 0);
    do {
        for (size_t i = 0; i < op->count; i++)
            op->dst[i] = op->src[i] > 0 ? op->src[i] : 0;
    } while (op->variant == SLOW && bench_clock(false) < end);
    if (op->variant == WRONG) op->dst[op->count - 1] += 1;
}

static void store(struct lw_peer_op *base, float *dst_nchw) {
    struct fake_op *op = (struct fake_op *)base;
    memcpy(dst_nchw, op->dst, op->count * sizeof *op->dst);
}

static void destroy(struct lw_peer_op *base) {
    struct fake_op *op = (struct fake_op *)base;
    if (op) free(op->src);
    free(op);
}

static const struct lw_peer_row rows[] = {
    {"fake:right", LW_RELU, LW_NCHW, RIGHT},     {"fake:wrong", LW_RELU, LW_NCHW, WRONG},
    {"fake:refuses", LW_RELU, LW_NCHW, REFUSES}, {"fake:fails", LW_RELU, LW_NCHW, FAILS},
    {"fake:slow", LW_RELU, LW_NCHW, SLOW},
};

static const struct lw_peer fake = {
    .name = "fake",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .start = start,
    .supports = supports,
    .create = create,
    .load = load,
    .run = run,
    .store = store,
    .destroy = destroy,
};

/* In place of those of the build. */
const struct lw_peer *const lw_peers[] = {&fake, NULL};

/* ---- the command over it ------------------------------------------------------------------------------- */

/* Runs it in this process: its status, and what it prints in .stdout and .stderr. */
static struct outcome bench(const char *words) {
    static const char *const always[] = {"bench",     "--op", "relu",
                                         "--threads", "1",    "--benchmark_min_time=0.01"};
    static char copy[1024];
    char *argv[32];
    int argc = 0;
    for (; argc < (int)(sizeof always / sizeof *always); argc++)
        argv[argc] = (char *)always[argc];
    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
        argv[argc++] = w;
    argv[argc] = NULL;
    fflush(stdout);
    int out = dup(1), err = dup(2);
    cr_assert(freopen(".stdout", "w", stdout) && freopen(".stderr", "w", stderr));
    struct outcome o = {.status = lw_bench_command(argc, argv)};
    fflush(stdout);
    fflush(stderr);
    dup2(out, 1);
    dup2(err, 2);
    o.out = read_file(".stdout", NULL);
    o.err = read_file(".stderr", NULL);
    return o;
}

Test(peers, a_row_is_measured_and_checked) {
    struct outcome o =
        bench("--peers --isa scalar --kernel *right --benchmark_format=json --benchmark_out=b.json " PROBLEM);
    cr_assert_eq(o.status, 0, "%s", o.err);
    char *text = read_file("b.json", NULL);
    cJSON *root = cJSON_Parse(text);
    const cJSON *all = cJSON_GetObjectItem(root, "benchmarks"), *row = cJSON_GetArrayItem(all, 0);
    cr_assert_eq(cJSON_GetArraySize(all), 1, "%s", text);
    cr_assert_str_eq(text_of(row, "name"), "relu/tiny/fake:right/threads:1");
    cr_assert_eq(number_of(row, "err_over_bound"), 0);
    cr_assert(number_of(row, "gflops") > 0 && number_of(row, "peak_pct") > 0 &&
              number_of(row, "bytes_per_second") > 0);
    cr_assert_str_eq(text_of(cJSON_GetObjectItem(root, "context"), "peer_fake"), "7.0");
    cr_assert_str_eq(started, "scalar");
    cJSON_Delete(root);
    free(text);
    free_outcome(&o);
}

Test(peers, a_wrong_result_is_status_1) {
    struct outcome o = bench("--peers --isa scalar --kernel fake:wrong " PROBLEM);
    cr_assert_eq(o.status, 1, "%s", o.err);
    cr_assert(strstr(o.out, "WRONG RESULTS"), "%s", o.out);
    free_outcome(&o);
}

Test(peers, a_wrong_result_is_found_by_the_comparison_too) {
    struct outcome o = bench("--compare --isa scalar --kernel *[rw]* " PROBLEM);
    cr_assert_eq(o.status, 1, "%s", o.err);
    cr_assert(strstr(o.err, "fake:wrong") && strstr(o.err, "wrong result"), "%s", o.err);
    free_outcome(&o);
}

Test(peers, a_refused_problem_is_counted_with_its_reason) {
    struct outcome o = bench("--peers --isa scalar --kernel fake:r* " PROBLEM);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_assert(strstr(o.out, "1 pairs of a peer's row and problem skipped"), "%s", o.out);
    cr_assert(strstr(o.out, "fake:refuses on tiny: it has no taste for this"), "%s", o.out);
    free_outcome(&o);
    o = bench("--peers --isa scalar --kernel fake:refuses " PROBLEM);
    cr_assert_eq(o.status, 3, "%s", o.err);
    cr_assert(strstr(o.err, "it has no taste for this"), "%s", o.err);
    free_outcome(&o);
}

Test(peers, one_that_can_not_be_made_is_reported) {
    struct outcome o = bench("--peers --isa scalar --kernel fake:fails " PROBLEM);
    cr_assert_eq(o.status, 3, "%s", o.err);
    cr_assert(strstr(o.out, "not possible here: it has run out of taste"), "%s", o.out);
    free_outcome(&o);
}

Test(peers, none_unless_asked_for) {
    struct outcome o = bench("--isa scalar " PROBLEM);
    cr_assert_eq(o.status, 0, "%s", o.err);
    cr_assert(strstr(o.out, "relu/tiny/relu_scalar") && !strstr(o.out, "fake:"), "%s", o.out);
    cr_assert_str_eq(started, "");
    free_outcome(&o);
}

/* The one comparison in DIR/<cpu>/versus.json. */
static void expect_versus_json(const char *dir, double ratio) {
    char pattern[64];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/*/versus.json", dir);
    cr_assert(glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1);
    char *text = read_file(found.gl_pathv[0], NULL);
    cJSON *root = cJSON_Parse(text);
    const cJSON *all = cJSON_GetObjectItem(root, "comparisons"), *v = cJSON_GetArrayItem(all, 0);
    cr_assert_eq(cJSON_GetArraySize(all), 1, "%s", text);
    cr_assert_str_eq(text_of(v, "op"), "relu");
    cr_assert_str_eq(text_of(v, "problem"), "tiny");
    cr_assert_str_eq(text_of(v, "layout"), "nchw");
    cr_assert_str_eq(text_of(v, "ours"), "relu_scalar");
    cr_assert_str_eq(text_of(v, "peer"), "fake:slow");
    cr_assert_eq(number_of(v, "threads"), 1);
    cr_assert(fabs(number_of(v, "ratio") - ratio) <= 1e-3, "%s", text);
    cr_assert(number_of(v, "ratio_low") <= number_of(v, "ratio") &&
              number_of(v, "ratio") <= number_of(v, "ratio_high"));
    cr_assert(number_of(v, "ours_us") < 500 && number_of(v, "peer_us") > 900 && number_of(v, "peak_pct") > 0);
    cJSON_Delete(root);
    free(text);
    globfree(&found);
}

/* The row of ours takes well under a microsecond, the made-up one a millisecond. */
Test(peers, the_comparison_has_the_fastest_of_each_side) {
    struct outcome o = bench("--compare --isa scalar --results r --kernel *[w_]* " PROBLEM);
    cr_assert_eq(o.status, 1, "%s", o.err); /* fake:wrong */
    char layout[64], ours[64], theirs[64];
    double our_us, pct, their_us, ratio;
    const char *line = strstr(o.out, "relu tiny");
    cr_assert(line, "%s", o.out);
    cr_assert_eq(sscanf(line, "relu tiny %63s 1 %63s %lf %lf %63s %lf %lf", layout, ours, &our_us, &pct,
                        theirs, &their_us, &ratio),
                 7, "%s", line);
    cr_assert_str_eq(ours, "relu_scalar");
    cr_assert_str_eq(theirs, "fake:slow");
    cr_assert(ratio < 0.5 && our_us < 500 && their_us > 900, "%s", line);
    cr_assert(strstr(o.out, "1 comparisons: 1 faster, 0 slower"), "%s", o.out);
    expect_versus_json("r", ratio);
    free_outcome(&o);
}

/* ---- the libraries of this build ----------------------------------------------------------------------- */

/* Those that CMake has found, with what they have run; none: the commands say so. */
static struct real {
    char name[32];
    int rows;
} real[8];
static int real_count;

static bool find_installed(void) {
    char names[] = LW_PEERS_FOUND;
    real_count = 0;
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
        snprintf(real[real_count++].name, sizeof real->name, "%s", name);
    if (!real_count) expect_failure(3, "no other library", "bench --peers");
    if (!real_count) expect_failure(3, "no other library", "bench --compare --op relu mb1_ic8ih4");
    if (!real_count) expect_failure(3, "no other library", "mnist --peers");
    return real_count > 0;
}

/* kernel: NAME:WAY, or has it behind a slash. */
static void count_row(const char *kernel) {
    for (int i = 0; i < real_count; i++) {
        const char *at = strstr(kernel, real[i].name);
        real[i].rows += at && (at == kernel || at[-1] == '/') && at[strlen(real[i].name)] == ':';
    }
}

static void expect_all_ran(void) {
    for (int i = 0; i < real_count; i++)
        cr_assert(real[i].rows > 0, "%s was found when this was built, and has run nothing", real[i].name);
}

Test(peers, real_ones_are_right) {
    static const char *const problems[] = {
        "--op conv --pool 2x2 mb2_ic3ih9iw8_oc17_kh3_ph1",
        "--op conv mb1_ic16ih12_oc32_kh3_ph1",
        "--op conv g8mb1_ic8ih13_oc8_kh3_sh2_ph1",
        "--op conv g2mb1_ic6ih11iw7_oc10_kh5kw3_ph2pw1_dh1",
        "--op conv --no-relu mb1_ic33ih7_oc20_kh1",
        "--op conv mb1_ic33ih8oh4_oc20_kh1sh2",
        "--op maxpool mb2_ic17ih15iw14_kh3_sh2_ph1",
        "--op maxpool mb1_ic5ih9iw6_kh2_sh2",
        "--op linear --relu mb3_ic5ih3_oc7",
        "--op linear mb1_ic5ih3_oc7",
        "--op relu mb1_ic19ih5iw3",
        "--op softmax mb4_ic10",
    };
    if (!find_installed()) cr_skip("no other library is installed");
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        char words[512];
        snprintf(words, sizeof words,
                 "bench --peers --full --threads 1 --kernel *:* --benchmark_min_time=0.001 "
                 "--benchmark_format=json --benchmark_out=b.json %s",
                 problems[i]);
        struct outcome o = run_words(".stdout", words);
        cr_assert_eq(o.status, 0, "%s: status %d %s", words, o.status, o.err);
        char *text = read_file("b.json", NULL);
        cJSON *root = cJSON_Parse(text);
        const cJSON *row;
        int count = 0;
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(root, "benchmarks")) {
            cr_assert(strchr(text_of(row, "name"), ':'), "%s", text_of(row, "name"));
            cr_assert(number_of(row, "err_over_bound") <= 1, "%s", text_of(row, "name"));
            count_row(text_of(row, "name"));
            count++;
        }
        cr_assert(count > 0, "%s: nothing ran", words);
        cJSON_Delete(root);
        free(text);
        free_outcome(&o);
    }
    expect_all_ran();
}

#ifdef __x86_64__
/* Of what the library says it runs, nothing is of a wider ISA; one that can't be held to it runs nothing. */
Test(peers, real_ones_are_held_to_an_isa) {
    static const struct {
        const char *rows, *how; /* NULL: refused */
    } peers[] = {{"onednn:direct", "sse41"}, {"openblas:im2col", "Nehalem"}, {"xnnpack:nhwc", NULL}};
    if (!find_installed()) cr_skip("no other library is installed");
    unsetenv("OPENBLAS_CORETYPE"); /* what a user sets is left alone */
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        char words[200], name[16];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(peers[i].rows, ":"), peers[i].rows);
        if (!strstr(LW_PEERS_FOUND, name)) continue;
        snprintf(words, sizeof words,
                 "bench --peers --isa scalar --threads 1 --kernel %s --benchmark_min_time=0.001 "
                 "mb1_ic8ih9_oc8_kh3_ph1",
                 peers[i].rows);
        struct outcome o = run_words(".stdout", words);
        if (peers[i].how) {
            cr_assert_eq(o.status, 0, "%s", o.err);
            cr_assert(strstr(o.out, peers[i].how), "%s", o.out);
        } else {
            cr_assert_eq(o.status, 3, "%s", o.err);
            cr_assert(strstr(o.err, "can't be held to scalar"), "%s", o.err);
        }
        free_outcome(&o);
    }
}
#endif

Test(peers, real_ones_classify_as_we_do) {
    if (!find_installed()) cr_skip("no other library is installed");
    setenv("HOME", scratch, 1);
    unsetenv("XDG_CACHE_HOME");
    cJSON *root = expect_json(0, "mnist --peers --json --batch 3"), *peer;
    cJSON_ArrayForEach(peer, cJSON_GetObjectItem(root, "peers")) {
        if (*text_of(peer, "reason")) continue;
        cr_assert(number_of(peer, "logits_rel_l2") < 1e-4, "%s", text_of(peer, "peer"));
        cr_assert(number_of(peer, "us_per_image") > 0 && number_of(peer, "ratio") > 0);
        cr_assert(number_of(peer, "batch") == 3 && number_of(peer, "threads") == 1);
        count_row(text_of(peer, "peer"));
    }
    expect_all_ran();
    cJSON_Delete(root);
}
