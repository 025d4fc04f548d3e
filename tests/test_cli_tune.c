/* lanewise tune, and what the other subcommands make of its wisdom. */
#define _GNU_SOURCE
#include "command.h"

TestSuite(cli_tune, .timeout = 120, .init = enter_scratch, .fini = leave_scratch);

#define SMALL "mb1_ic16ih9_oc16_kh3_ph1"
#define OTHER "mb1_ic16ih8_oc32_kh1"

static void run_good(const char *words) {
    struct outcome o = run_words(".stdout", words);
    cr_assert_eq(o.status, 0, "lanewise %s: %d: %s", words, o.status, o.err);
    free_outcome(&o);
}

static const char *rule_of(const char *words) {
    static char rule[32];
    cJSON *root = expect_json(0, words);
    snprintf(rule, sizeof rule, "%s", text_of(root, "rule"));
    cJSON_Delete(root);
    return rule;
}

static void edit(const char *path, const char *what, const char *with) {
    char *text = read_file(path, NULL), *at = strstr(text, what);
    cr_assert_not_null(at);
    FILE *f = fopen(path, "wb");
    fprintf(f, "%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
    fclose(f);
    free(text);
}

Test(cli_tune, tells_and_writes_what_it_found) {
    static const char *const keys[] = {"problem", "name", "chosen", "verdict", "estimated", "rows", NULL};
    static const char *const row_keys[] = {"kernel", "verdict", "ns", "ns_low", "ns_high", "cold_ns", NULL};
    cJSON *root = expect_json(0, "tune --json -o w " SMALL " " OTHER), *item, *row;
    const cJSON *problems = cJSON_GetObjectItem(root, "problems");
    cr_expect_eq(cJSON_GetArraySize(problems), 4); /* each in NCHW and blocked */
    cr_expect(number_of(root, "tuned") == 4 && number_of(root, "known") == 0 &&
              number_of(root, "wrong") == 0);
    cr_expect_str_eq(text_of(root, "written"), "w");
    char *wisdom = read_file("w", NULL);
    cJSON_ArrayForEach(item, problems) {
        expect_keys(item, keys);
        cr_expect(strstr(wisdom, text_of(item, "problem")));
        const cJSON *rows = cJSON_GetObjectItem(item, "rows");
        cr_expect_geq(cJSON_GetArraySize(rows), 1);
        cr_expect_str_eq(text_of(cJSON_GetArrayItem(rows, 0), "verdict"), "pick");
        cr_expect_str_eq(text_of(cJSON_GetArrayItem(rows, 0), "kernel"), text_of(item, "chosen"));
        cJSON_ArrayForEach(row, rows) {
            expect_keys(row, row_keys);
            cr_expect(number_of(row, "ns_low") <= number_of(row, "ns") &&
                      number_of(row, "ns") <= number_of(row, "ns_high"));
            for (const cJSON *later = row->next; later;
                 later = later->next) /* of two races each row counts once */
                cr_expect_str_neq(text_of(later, "kernel"), text_of(row, "kernel"));
        }
        char words[512];
        snprintf(words, sizeof words, "explain --wisdom w --json --layout %s %s",
                 strstr(text_of(item, "problem"), "nchw>nchw") ? "nchw" : "blocked",
                 strstr(text_of(item, "problem"), "ih9") ? SMALL : OTHER);
        cJSON *explained = expect_json(0, words);
        cr_expect_str_eq(text_of(explained, "rule"), "wisdom");
        cr_expect_str_eq(text_of(explained, "chosen"), text_of(item, "chosen"));
        cJSON_Delete(explained);
    }
    cr_expect_eq(count_files(), 1);
    free(wisdom);
    cJSON_Delete(root);
}

Test(cli_tune, explain_names_the_rule_that_decided) {
    run_good("tune -o w --layout nchw " SMALL);
    cr_expect_str_eq(rule_of("explain --json " SMALL), "estimated");
    cr_expect_str_eq(rule_of("explain --json --effort measure " SMALL), "measured");
    cr_expect_str_eq(rule_of("explain --json --wisdom w " SMALL), "wisdom");
    cr_expect_str_eq(rule_of("explain --json --wisdom w --effort wisdom " SMALL), "wisdom");
    cr_expect_str_eq(rule_of("explain --json --wisdom w --relu " SMALL), "estimated");
    cr_expect_str_eq(rule_of("explain --json --wisdom w --kernel conv_direct_scalar_t3x4 " SMALL), "forced");
    setenv("LANEWISE_WISDOM", "w", 1);
    cr_expect_str_eq(rule_of("explain --json " SMALL), "wisdom");
    unsetenv("LANEWISE_WISDOM");
    struct outcome o = run_words(".stdout", "explain --effort wisdom " SMALL);
    cr_expect_eq(o.status, 3);
    cr_expect(strstr(o.err, "nothing is known about this problem"), "%s", o.err);
    free_outcome(&o);
    o = run_words(".stdout", "explain --wisdom w " SMALL);
    cr_expect(strstr(o.out, "(wisdom)\nwhy:") && strstr(o.out, "1.00") && strstr(o.out, "not eligible:"),
              "%s", o.out);
    free_outcome(&o);
}

Test(cli_tune, the_users_file_is_found) {
    run_good("tune " SMALL); /* XDG_CONFIG_HOME is the scratch folder */
    free(read_file("lanewise/wisdom", NULL));
    cr_expect_str_eq(rule_of("explain --json " SMALL), "wisdom");
    edit("lanewise/wisdom", "\ncpu: ", "\ncpu: not ");
    struct outcome o = run_words(".stdout", "explain --json " SMALL);
    cr_expect_eq(o.status, 0);
    cr_expect(strstr(o.err, "wisdom not used: ") && strstr(o.err, "lanewise/wisdom: line "), "%s", o.err);
    cr_expect(strstr(o.out, "\"estimated\""));
    free_outcome(&o);
}

Test(cli_tune, goes_on_where_it_was) {
    run_good("tune -o w --layout nchw " SMALL);
    char *before = read_file("w", NULL);
    cJSON *root = expect_json(0, "tune --json -o w --layout nchw " SMALL " " OTHER);
    cr_expect(number_of(root, "known") == 1 && number_of(root, "tuned") == 1);
    cJSON_Delete(root);
    char *after = read_file("w", NULL), *first = strstr(before, "\n\n") + 2;
    *strstr(first, "\nend") = 0;
    cr_expect(strstr(after, first), "measured again"); /* the same times */
    root = expect_json(0, "tune --json -o w --layout nchw --effort full " SMALL);
    cr_expect(number_of(root, "tuned") == 1); /* quick wisdom isn't enough */
    cJSON_Delete(root);
    root = expect_json(0, "tune --json -o w --layout nchw " SMALL);
    cr_expect(number_of(root, "known") == 1); /* but full wisdom is */
    cJSON_Delete(root);
    root = expect_json(0, "tune --json -o w --layout nchw --threads 2 " SMALL);
    cr_expect(number_of(root, "tuned") == 1);
    cJSON_Delete(root);
    root = expect_json(0, "tune --json --again -o w --layout nchw --against w " SMALL);
    cr_expect(number_of(root, "tuned") == 1);
    const cJSON *against = cJSON_GetObjectItem(root, "against");
    cr_expect_eq(number_of(against, "same") + number_of(against, "tie") + number_of(against, "different"),
                 1.0);
    cJSON_Delete(root);
    free(before);
    free(after);
}

Test(cli_tune, bad_usage) {
    static const struct {
        const char *words, *needle;
    } cases[] = {
        {"tune --effort hard", "--effort hard: quick, full or exhaustive"},
        {"tune --layout hwcn", "--layout hwcn"},
        {"tune --pool 3x3", "--pool 3x3"},
        {"tune --relu --no-relu", "exclude"},
        {"tune --set nothing", "no problem set matches"},
        {"tune -o no/such/folder/w " SMALL, "no/such/folder/w: No such file"},
        {"tune banana", "banana"},
        {"tune --max-error loose " SMALL, "--max-error loose"},
        {"explain --wisdom nothing " SMALL, "nothing: No such file"},
        {"tune -o w --against nothing " SMALL, "--against: nothing: No such file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_failure(2, cases[i].needle, cases[i].words);
    setenv("LANEWISE_ISA", "scalar", 1);
    expect_failure(2, "LANEWISE_ISA is set", "tune -o w " SMALL);
    unsetenv("LANEWISE_ISA");
    cr_expect_eq(count_files(), 0);
    write_file("w", "not wisdom\n", 11);
    expect_failure(2, "w: line 1: not 'lanewise wisdom 1' (--again replaces it)", "tune -o w " SMALL);
    expect_failure(2, "w: line 1: not 'lanewise wisdom 1'", "explain --wisdom w " SMALL);
    run_good("tune --again -o w --layout nchw " OTHER);
}

Test(cli_tune, without_bias) {
    run_good("tune -o w --no-bias --layout nchw " SMALL);
    cr_expect_str_eq(rule_of("explain --json --wisdom w --no-bias " SMALL), "wisdom");
    cr_expect_str_eq(rule_of("explain --json --wisdom w " SMALL), "estimated");
}

Test(cli_tune, the_model_plans_by_it) {
    run_good("tune -o w --relu --pool 2x2 --layout nchw:blocked mb1_ic1ih28_oc32_kh3_ph1");
    run_good("tune -o w --relu --pool 2x2 --layout blocked mb1_ic32ih14_oc64_kh3_ph1");
    run_good("tune -o w --op linear --layout blocked:nchw mb1_ic64ih7iw7_oc10");
    run_good("tune -o w --op softmax mb1_ic10");
    setenv("LANEWISE_VERBOSE", "1", 1);
    struct outcome o = run_words(".stdout", "mnist --wisdom w --images 10 --json");
    cr_assert_eq(o.status, 0, "%s", o.err);
    int known = 0;
    for (const char *s = o.err; (s = strstr(s, " (wisdom, ")); s++)
        known++;
    cr_expect_eq(known, 4, "%s", o.err); /* the other plans are forced to the same rows */
    cr_expect_not(strstr(o.err, "estimated"), "%s", o.err);
    free_outcome(&o);
}

#ifdef LW_FAULTY_BINARY
Test(cli_tune, wrong_results_don_t_count) {
    cJSON *root = expect_json(0, "explain --json " SMALL);
    char kernel[128], words[64] = "tune --json -o w --layout nchw " SMALL, fault[160];
    snprintf(kernel, sizeof kernel, "%s", text_of(root, "chosen"));
    cJSON_Delete(root);
    snprintf(fault, sizeof fault, "fails:%s", kernel);
    setenv("LW_FAULT", fault, 1);
    struct outcome o = run_program_words(LW_FAULTY_BINARY, ".stdout", words);
    cr_expect_eq(o.status, 1, "%d: %s", o.status, o.err);
    cr_expect(strstr(o.err, kernel) && strstr(o.err, "wrong result"), "%s", o.err);
    char *wisdom = read_file("w", NULL);
    cr_expect_not(strstr(wisdom, kernel));
    root = cJSON_Parse(o.out);
    cr_assert_not_null(root);
    cr_expect_eq(number_of(root, "wrong"), 1.0);
    cJSON_Delete(root);
    free(wisdom);
    free_outcome(&o);
}
#endif
