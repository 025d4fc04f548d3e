/* lanewise pick: what it picks is what plans take. */
#include "command.h"
#include "lanewise.h"
#include "models/mnist_cnn.h"

TestSuite(cli_pick, .init = enter_scratch, .fini = leave_scratch, .timeout = 120);

#define SMALL "mb1_ic3ih9_oc5_kh3_ph1"
#define OTHER "mb2_ic4ih6_oc7_kh5"

static const cJSON *picks_of(const cJSON *root) {
    const cJSON *picks = cJSON_GetObjectItemCaseSensitive(root, "picks");
    cr_assert(cJSON_IsArray(picks));
    return picks;
}

static lw_layout layout_of(const cJSON *pick, const char *key) {
    int l = 0;
    while (l < LW_LAYOUT_COUNT && strcmp(lw_layout_name((lw_layout)l), text_of(pick, key)) != 0)
        l++;
    return (lw_layout)l;
}

/* The row, rule and memory of each pick are those of explain. */
Test(cli_pick, as_explain) {
    static const char *const keys[] = {
        "problem", "name",   "op",      "src_layout",      "dst_layout",   "bias",
        "relu",    "kernel", "rule",    "reason",          "ns",           "ns_low",
        "ns_high", "bound",  "pool2x2", "workspace_bytes", "packed_bytes", NULL};
    static const char *const flags[] = {"",
                                        "--layout blocked --relu --pool 2x2 --threads 2",
                                        "--isa scalar --max-error tight",
                                        "--no-bias",
                                        "--kernel conv_direct_scalar_t3x4",
                                        "--reproducible --mb 3 --max-error strict",
                                        "--effort measure --layout network"};
    static const char *const problems[] = {SMALL, OTHER};
    for (size_t f = 0; f < sizeof flags / sizeof *flags; f++) {
        char words[256];
        snprintf(words, sizeof words, "pick --json %s " SMALL " " OTHER, flags[f]);
        cJSON *root = expect_json(0, words);
        cr_expect(*text_of(root, "cpu"));
        const cJSON *picks = picks_of(root);
        cr_assert_eq(cJSON_GetArraySize(picks), 2);
        for (int i = 0; i < 2; i++) {
            const cJSON *pick = cJSON_GetArrayItem(picks, i), *candidate;
            expect_keys(pick, keys);
            snprintf(words, sizeof words, "explain --json %s %s", flags[f], problems[i]);
            cJSON *explained = expect_json(0, words);
            cr_expect_str_eq(text_of(pick, "rule"), text_of(explained, "rule"), "%s", words);
            cr_expect_str_eq(text_of(pick, "problem"), text_of(explained, "problem"), "%s", words);
            cr_expect_str_eq(text_of(pick, "src_layout"), text_of(explained, "src_layout"), "%s", words);
            cr_expect_eq(cJSON_IsTrue(cJSON_GetObjectItem(pick, "bias")), !strstr(flags[f], "--no-bias"));
            if (!strstr(flags[f], "measure")) { /* two measurements may differ */
                cr_expect_str_eq(text_of(pick, "kernel"), text_of(explained, "chosen"), "%s", words);
                cJSON_ArrayForEach(candidate, cJSON_GetObjectItem(explained, "candidates")) {
                    if (strcmp(text_of(candidate, "kernel"), text_of(pick, "kernel")) != 0) continue;
                    cr_expect_eq(number_of(pick, "ns"), number_of(candidate, "ns"));
                    cr_expect_eq(number_of(pick, "packed_bytes"), number_of(candidate, "packed_bytes"));
                    cr_expect_eq(number_of(pick, "workspace_bytes"), number_of(candidate, "workspace_bytes"));
                }
            }
            cJSON_Delete(explained);
        }
        cJSON_Delete(root);
    }
}

/* The layers as the model plans them, row by row. */
Test(cli_pick, mnist) {
    const size_t floats = 64 * 32 * 9 + 10 * 3136;
    float *zeros = calloc(floats, sizeof *zeros);
    const struct lwm_cnn_weights weights = {zeros, zeros, zeros, zeros, zeros, zeros};
    lw_options defaults = lw_default_options();
    const struct lwm_cnn_options options = {.max_error = defaults.max_error};
    struct lwm_cnn *cnn;
    cr_assert_eq(lwm_cnn_create(&cnn, &weights, &options, NULL), LW_OK);
    cJSON *root = expect_json(0, "pick --mnist --wisdom none --json");
    cr_assert_eq(cJSON_GetArraySize(picks_of(root)), LWM_CNN_LAYERS);
    for (int i = 0; i < LWM_CNN_LAYERS; i++) {
        const cJSON *pick = cJSON_GetArrayItem(picks_of(root), i);
        lw_desc d = lwm_cnn_layer_desc((enum lwm_cnn_layer)i, 1);
        char problem[192];
        lw_desc_problem(&d, problem, sizeof problem);
        cr_expect_str_eq(text_of(pick, "name"), lwm_cnn_layer_names[i]);
        cr_expect_str_eq(text_of(pick, "problem"), problem);
        cr_expect_str_eq(text_of(pick, "kernel"), lwm_cnn_kernel(cnn, (enum lwm_cnn_layer)i));
        bool hidden = i == LWM_CONV2 || i == LWM_FC;
        cr_expect_eq(layout_of(pick, "src_layout"), hidden ? LW_BLOCKED : LW_NCHW, "%d", i);
    }
    cJSON_Delete(root);
    lwm_cnn_destroy(cnn);
    free(zeros);
}

Test(cli_pick, text) {
    struct outcome o = run_words(".stdout", "pick --relu " SMALL " --kernel conv_direct_scalar_t3x4");
    cr_expect_eq(o.status, 0);
    cr_expect_str_eq(o.err, "");
    cr_expect(strstr(o.out, "conv_direct_scalar_t3x4  forced") && strstr(o.out, "bias+relu"), "%s", o.out);
    free_outcome(&o);
    o = run_words(".stdout", "pick --effort wisdom " SMALL);
    cr_expect_eq(o.status, 3);
    cr_expect(strstr(o.out, "none: nothing is known") && strstr(o.err, "no row for 1 of 1"), "%s%s", o.out,
              o.err);
    free_outcome(&o);
    o = run_words(".stdout", "pick --kernel conv_winograd_f2x2_scalar_t2x4 " OTHER);
    cr_expect_eq(o.status, 3);
    cr_expect(strstr(o.out, "none: conv_winograd_f2x2_scalar_t2x4: takes 3x3"), "%s", o.out);
    free_outcome(&o);
}

/* ---- what is written to build with --------------------------------------------------------------------- */

static size_t count_of(const char *text, const char *what) {
    size_t count = 0;
    while ((text = strstr(text, what)) != NULL) {
        count++;
        text += strlen(what);
    }
    return count;
}

Test(cli_pick, emits_c) {
    /* A problem given twice is one entry; names can't end a comment or a string. */
    struct outcome o =
        run_words(".stdout", "pick --emit c --kernel conv_direct_scalar_t3x4 --prefix a_1 " SMALL " " SMALL
                             " mb1_ic3ih7_oc5_kh3_n\"x*/y\\z\"");
    cr_expect(o.status == 0 && !*o.err, "%s", o.err);
    cr_expect(strstr(o.out, "#define A_1_COUNT 2\n") && strstr(o.out, "#ifndef A_1_H\n"), "%s", o.out);
    cr_expect_eq(count_of(o.out, ".kernel = \"conv_direct_scalar_t3x4\", /* forced */"), 2, "%s", o.out);
    cr_expect(strstr(o.out, "\"x__y_z\""), "%s", o.out);
    free_outcome(&o);
    o = run_words(".stdout", "pick --emit c --reproducible -o picks.c " SMALL);
    cr_expect(o.status == 0 && !*o.out && count_files() == 1, "%s", o.err);
    free_outcome(&o);
    char *text = read_file("picks.c", NULL);
    cr_expect(strstr(text, "lw_picks_plan") && strstr(text, "options.reproducible = true"), "%s", text);
    free(text);
}

Test(cli_pick, emits_cmake) {
    struct outcome o =
        run_words(".stdout", "pick --emit cmake --kernel conv_direct_scalar_t3x4 " SMALL " " OTHER);
    cr_expect(o.status == 0 && !*o.err, "%s", o.err);
    cr_expect_eq(count_of(o.out, "conv_direct_scalar_t3x4"), 1, "%s", o.out);
    cr_expect(strstr(o.out, "and 1 more (forced)") && strstr(o.out, "set(LANEWISE_KERNELS\n"), "%s", o.out);
    free_outcome(&o);
    /* Reproducible plans need the scalar rows, and so does --fallback. */
    static const char *const needing[] = {"--reproducible", "--fallback"};
    for (int i = 0; i < 2; i++) {
        char words[128];
        snprintf(words, sizeof words, "pick --emit cmake %s " SMALL " " OTHER, needing[i]);
        o = run_words(".stdout", words);
        cr_expect(o.status == 0 && strstr(o.out, "_scalar"), "%s: %s%s", words, o.out, o.err);
        free_outcome(&o);
    }
}

/* Half a table would be worse than none. */
Test(cli_pick, emits_all_or_nothing) {
    expect_failure(3, "no row for 1 of 2",
                   "pick --emit c -o x --kernel conv_winograd_f2x2_scalar_t2x4 " SMALL " " OTHER);
    expect_failure(3, "nothing is known", "pick --emit cmake --effort wisdom " SMALL);
    cr_expect_eq(count_files(), 0);
}
