/* The command as a person or a script meets it: flags, environment, exit statuses, the JSON that others read.
 */
#include "command.h"
#include "lanewise.h"

TestSuite(cli, .init = enter_scratch, .fini = leave_scratch, .timeout = 120);

#define CONV "mb1_ic3ih6_oc4_kh3_ph1"

Test(cli, help_and_version) {
    static const char *const commands[] = {"info",    "list", "run",   "check",  "compare",
                                           "explain", "pick", "mnist", "report", "results"};
    char words[64];
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        for (int form = 0; form < 2; form++) {
            snprintf(words, sizeof words, form ? "help %s" : "%s --help", commands[i]);
            struct outcome o = run_words(".stdout", words);
            cr_expect_eq(o.status, 0, "%s", words);
            cr_expect_str_eq(o.err, "");
            snprintf(words, sizeof words, "usage: lanewise %s ", commands[i]);
            cr_expect(strstr(o.out, words), "%s", o.out);
            free_outcome(&o);
        }
    }
    struct outcome o = run_words(".stdout", "--version");
    snprintf(words, sizeof words, "lanewise %d.%d.%d\n", LW_VERSION_MAJOR, LW_VERSION_MINOR,
             LW_VERSION_PATCH);
    cr_expect_str_eq(o.out, words);
    cr_expect_eq(o.status, 0);
    free_outcome(&o);
    o = run_words(".stdout", "help");
    cr_expect(o.status == 0 && strstr(o.out, "Exit status"));
    free_outcome(&o);
}

Test(cli, bad_flags) {
    static const struct {
        const char *words, *needle;
    } cases[] = {
        {"", "no subcommand"},
        {"chekc", "did you mean check?"},
        {"frobnicate", "unknown subcommand frobnicate"},
        {"check --kernl x", "did you mean --kernel"},
        {"check --zzz", "unknown option --zzz"},
        {"check -q", "unknown option -q"},
        {"check --isa", "--isa needs a value"},
        {"check --mb 0 " CONV, "--mb 0"},
        {"check --mb 1x " CONV, "--mb 1x"},
        {"check --mb 99999999999999999999 " CONV, "--mb"},
        {"check --threads -1 " CONV, "--threads -1"},
        {"check --threads=9999 " CONV, "--threads 9999"},
        {"check --json=yes", "takes no value"},
        {"check --seed -1 " CONV, "--seed -1"},
        {"check --format xml", "--format xml"},
        {"check --json --format tap", "contradicts"},
        {"check --op dense", "--op dense: no such operation"},
        {"check --isa mmx", "no such ISA"},
        {"check --kernel no_such_row* " CONV, "no conv kernel row matches"},
        {"check --batch no_such_file", "no_such_file: No such file"},
        {"check --batch .", "is a directory"},
        {"list --isa mmx", "no such ISA"},
        {"list --kernel nothing", "no kernel row matches nothing"},
        {"list extra", "unexpected argument extra"},
        {"info extra", "unexpected argument extra"},
        {"explain", "needs one problem"},
        {"explain " CONV " " CONV, "needs one problem"},
        {"explain --max-error loose " CONV, "--max-error loose"},
        {"explain --max-error nan " CONV, "--max-error nan"},
        {"explain --layout hwcn " CONV, "--layout hwcn"},
        {"explain --effort hard " CONV, "--effort hard"},
        {"explain --pool 3x3 " CONV, "--pool 3x3"},
        {"explain --kernel no_such_row " CONV, "no_such_row"},
        {"pick --mnist " CONV, "exclude each other"},
        {"pick --mnist --layout nchw", "exclude each other"},
        {"pick --relu --no-relu " CONV, "exclude each other"},
        {"pick --layout hwcn " CONV, "--layout hwcn"},
        {"pick --pool 3x3 " CONV, "--pool 3x3"},
        {"pick --effort hard " CONV, "--effort hard"},
        {"pick --kernel no_such_row " CONV, "no_such_row"},
        {"pick --set nothing", "no problem set matches"},
        {"pick --emit cobol " CONV, "--emit cobol: c, h or cmake"},
        {"pick --emit c --json " CONV, "exclude each other"},
        {"pick -o x " CONV, "-o goes with --emit"},
        {"pick --prefix x " CONV, "--prefix goes with"},
        {"pick --emit cmake --prefix x " CONV, "--prefix goes with"},
        {"pick --emit c --fallback " CONV, "--fallback goes with"},
        {"pick --emit c --prefix 3d " CONV, "--prefix 3d: a C name"},
        {"pick --emit c --prefix a-b " CONV, "--prefix a-b: a C name"},
        {"pick --emit c -o no/such/folder " CONV, "no/such/folder: No such"},
        {"mnist --batch 0", "--batch 0"},
        {"mnist --kernel conv9=x", "conv9=x"},
        {"mnist --kernel conv1", "--kernel conv1"},
        {"mnist --data . 5.png", "can't be combined"},
        {"run", "needs an operation and one problem"},
        {"run conv3 " CONV, "conv3: no such operation"},
        {"run conv " CONV, "--src is needed"},
        {"run conv " CONV " --src x --dst y", "--weights is needed"},
        {"run maxpool mb1_ic3ih6_kh2sh2 --src x --dst y --weights w", "maxpool has none"},
        {"run maxpool mb1_ic3ih6_kh2sh2 --src x --dst y --relu", "--relu"},
        {"run conv " CONV " --src x --dst y --weights w --layout blocked", "--layout blocked"},
        {"run conv " CONV " --src x --dst y --weights w --pool 4x4", "--pool 4x4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_failure(2, cases[i].needle, cases[i].words);
    cr_expect_eq(count_files(), 0);
}

Test(cli, bad_problems) {
    static const char *const problems[] = {
        "banana",
        "mb1_ic3ih6_oc4_kh3_qq1",
        "ic",
        "mb1_ic-3ih6_oc4_kh3",
        "mb1_ic3ih6_oc4_kh3_sh0",
        "mb1_ic3ih6_oc4_kh99999999999999999999",
        "mb0_ic3ih6_oc4_kh3",
        "mb1_g2ic3ih6_oc4_kh3_ph1",
    };
    char words[256];
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        snprintf(words, sizeof words, "explain %s", problems[i]);
        expect_failure(2, problems[i], words);
        snprintf(words, sizeof words, "run conv %s --src x --dst y --weights w", problems[i]);
        expect_failure(2, problems[i], words);
    }
    write_file("bad.txt", "# fine so far\n" CONV "\nbanana\n", 14 + strlen(CONV) + 8);
    expect_failure(2, "bad.txt:3: banana", "check --batch bad.txt");
    write_file("binary", "\0\1\2", 3);
    expect_failure(2, "not a text file", "check --batch binary");
}

Test(cli, bad_environment) {
    static const struct {
        const char *variable, *value;
    } cases[] = {
        {"LANEWISE_ISA", "mmx"},
        {"LANEWISE_KERNEL", "conv_of_nobody"},
        {"LANEWISE_WISDOM", "/no/such/wisdom"},
        {"LANEWISE_VERBOSE", "loud"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv(cases[i].variable, cases[i].value, 1);
        expect_failure(2, cases[i].variable, "explain " CONV);
        expect_failure(2, cases[i].variable, "check " CONV);
        expect_failure(2, cases[i].variable, "list --json");
        expect_failure(2, cases[i].variable, "mnist");
        unsetenv(cases[i].variable);
    }
}

Test(cli, output_that_cant_be_written) {
    static const char *const commands[] = {"list",        "list --json", "explain " CONV,
                                           "check " CONV, "help",        "mnist --help"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct outcome o = run_words("/dev/full", commands[i]);
        cr_expect_eq(o.status, 2, "%s > /dev/full: status %d", commands[i], o.status);
        cr_expect(strstr(o.err, "can't write to stdout"), "%s", o.err);
        free_outcome(&o);
    }
}

Test(cli, verbose_tells_each_decision) {
    setenv("LANEWISE_VERBOSE", "1", 1);
    struct outcome o = run_words(".stdout", "explain --json " CONV);
    cr_expect_eq(o.status, 0);
    cJSON *root = cJSON_Parse(o.out);
    cr_assert_not_null(root, "stdout is still JSON alone");
    cJSON_Delete(root);
    free_outcome(&o);
    o = run_words(".stdout", "check --kernel *scalar* " CONV);
    cr_expect(strstr(o.err, "conv"), "no decision on stderr: %s", o.err);
    free_outcome(&o);
}

/* ---- list ---------------------------------------------------------------------------------------------- */

Test(cli, list_json) {
    static const char *const keys[] = {"name",   "op",   "algorithm", "isa", "usable",
                                       "reason", "tile", "bound",     NULL};
    cJSON *root = expect_json(0, "list --json"), *row;
    cr_assert(cJSON_IsArray(root));
    cr_expect_eq((size_t)cJSON_GetArraySize(root), lw_kernel_count());
    cJSON_ArrayForEach(row, root) {
        expect_keys(row, keys);
        bool usable = cJSON_IsTrue(cJSON_GetObjectItem(row, "usable"));
        cr_expect_eq(usable, *text_of(row, "reason") == 0, "%s: a reason exactly where it isn't usable",
                     text_of(row, "name"));
    }
    cJSON_Delete(root);

    root = expect_json(0, "list --json --op maxpool --isa scalar");
    cr_expect_gt(cJSON_GetArraySize(root), 0);
    cJSON_ArrayForEach(row, root) {
        cr_expect_str_eq(text_of(row, "op"), "maxpool");
        cr_expect_str_eq(text_of(row, "isa"), "scalar");
    }
    cJSON_Delete(root);
}

Test(cli, isa_cap_and_missing_isa) {
    setenv("LANEWISE_ISA", "scalar", 1);
    cJSON *root = expect_json(0, "list --json"), *row;
    cJSON_ArrayForEach(row, root) {
        bool scalar = strcmp(text_of(row, "isa"), "scalar") == 0;
        cr_expect_eq(cJSON_IsTrue(cJSON_GetObjectItem(row, "usable")), scalar, "%s", text_of(row, "name"));
    }
    cJSON_Delete(root);
    lw_isa_info isa;
    char words[128];
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK; i++) { /* what the cap excludes can't be asked for */
        if (strcmp(isa.name, "scalar") == 0) continue;
        snprintf(words, sizeof words, "check --isa %s " CONV, isa.name);
        expect_failure(3, isa.name, words);
        snprintf(words, sizeof words, "explain --isa %s " CONV, isa.name);
        expect_failure(3, isa.name, words);
        snprintf(words, sizeof words, "mnist --isa %s", isa.name);
        expect_failure(3, isa.name, words);
        snprintf(words, sizeof words, "check --kernel *_%s* " CONV, isa.name);
        expect_failure(3, "can run here", words);
    }
}

/* ---- explain ------------------------------------------------------------------------------------------- */

Test(cli, explain_json) {
    static const char *const keys[] = {"problem", "chosen", "rule", "candidates", NULL};
    static const char *const candidate_keys[] = {"kernel",          "eligible",     "reason", "ns",
                                                 "ns_low",          "ns_high",      "bound",  "rel_l2",
                                                 "workspace_bytes", "packed_bytes", NULL};
    static const char *const commands[] = {
        "explain --json " CONV,
        "explain --json --layout nhwc --relu --pool 2x2 --mb 3 " CONV,
        "explain --json --layout nchw:blocked --max-error strict " CONV,
        "explain --json --isa scalar --max-error 1e-4 --threads 2 " CONV,
        "explain --json --effort measure " CONV,
        "explain --json --op maxpool mb1_ic20ih9_kh2sh2",
        "explain --json --op linear mb1_ic30_oc10",
        "explain --json --op softmax mb2_ic10",
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        cJSON *root = expect_json(0, commands[i]), *candidate;
        expect_keys(root, keys);
        bool chosen_eligible = false;
        cJSON_ArrayForEach(candidate, cJSON_GetObjectItem(root, "candidates")) {
            expect_keys(candidate, candidate_keys);
            bool eligible = cJSON_IsTrue(cJSON_GetObjectItem(candidate, "eligible"));
            cr_expect(eligible || *text_of(candidate, "reason"), "%s: %s isn't eligible, and no reason",
                      commands[i], text_of(candidate, "kernel"));
            if (eligible && strcmp(text_of(candidate, "kernel"), text_of(root, "chosen")) == 0)
                chosen_eligible = true;
        }
        cr_expect(chosen_eligible, "%s: the chosen kernel is no eligible candidate", commands[i]);
        cJSON_Delete(root);
    }
}
