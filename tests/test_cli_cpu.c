/* lanewise pick and explain for CPUs that aren't this one. */
#include "command.h"
#include "dispatch/wisdom.h"
#include "lanewise.h"

TestSuite(cli_cpu, .init = enter_scratch, .fini = leave_scratch, .timeout = 120);

#define SMALL "mb1_ic32ih14_oc64_kh3_ph1"
#define OTHER "mb2_ic4ih6_oc7_kh5"
#define SLOW  "conv_direct_scalar_t3x4" /* what no prediction would pick */

/* Wisdom of a CPU that knows SMALL alone. */
static void write_wisdom(const char *path, const char *cpu, const char *kind, const char *isas) {
    lw_wisdom *w;
    lw_desc d = lw_conv2d(1, 32, 14, 14, 64, 3, 3);
    char problem[256];
    const lw_timing row = {.kernel = SLOW, .ns = 1234, .ns_low = 1200, .ns_high = 1300};
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    lw_desc_text(&d, problem, sizeof problem);
    const lw_decision decision = {
        .problem = problem, .max_error = 1e-5, .threads = 1, .count = 1, .tied = 1, .rows = &row};
    cr_assert_eq(lw_wisdom_create(&w, NULL), LW_OK);
    snprintf(w->header[LW_WISDOM_CPU], LW_WISDOM_VALUE, "%s", cpu);
    snprintf(w->header[LW_WISDOM_KIND], LW_WISDOM_VALUE, "%s", kind);
    snprintf(w->header[LW_WISDOM_ISAS], LW_WISDOM_VALUE, "%s", isas);
    cr_assert_eq(lw_wisdom_add(w, &decision, NULL), LW_OK);
    cr_assert_eq(lw_wisdom_write_file(w, path, NULL), LW_OK);
    lw_wisdom_free(w);
}

static const cJSON *pick_at(const cJSON *root, int i) {
    const cJSON *pick = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "picks"), i);
    cr_assert(cJSON_IsObject(pick));
    return pick;
}

Test(cli_cpu, unknown) {
    expect_failure(2, "haswell, skylake-avx512", "pick --cpu nonesuch " SMALL);
    expect_failure(2, "apple-m1", "explain --cpu znver " SMALL);
    expect_failure(2, "--list takes", "pick --list " SMALL);
    expect_failure(2, "--list takes", "pick --list --isa avx2");
    expect_failure(2, "--list takes", "pick --list --no-bias");
    expect_failure(2, "--list takes", "pick --list --op linear");
    expect_failure(2, "that CPU has no ISA named 'neon'", "pick --cpu znver4 --isa neon " SMALL);
    expect_failure(2, "can't be timed here", "pick --cpu znver4 --effort measure " SMALL);
    expect_failure(2, "of that CPU's ISAs", "explain --cpu haswell --kernel conv_direct_neon_t5x4 " SMALL);
    struct outcome o =
        run_words(".stdout", "pick --cpu apple-m1 --kernel conv_direct_patch_neon_t8x2 " SMALL);
    cr_expect_eq(o.status, 3);
    cr_expect(strstr(o.err, "takes at most 4 input channels"), "%s", o.err);
    free_outcome(&o);
}

/* Rows of other ISAs, whatever this build and CPU have. */
Test(cli_cpu, predicted) {
    static const char *const cpus[][2] = {{"neoverse-n1", "_neon"}, {"ZNVER4", "_avx"}, {"haswell", "_avx2"}};
    static const char *const keys[] = {"cpu", "figures", "isas", "costs", "checked", NULL};
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++) {
        char words[256];
        snprintf(words, sizeof words, "pick --json --layout blocked --cpu %s " SMALL " " OTHER, cpus[i][0]);
        cJSON *root = expect_json(0, words);
        cr_expect_str_neq(text_of(root, "cpu"), "");
        expect_keys(cJSON_GetObjectItem(root, "prediction"), keys);
        for (int p = 0; p < 2; p++) {
            cr_expect_str_eq(text_of(pick_at(root, p), "rule"), "predicted");
            cr_expect_str_eq(text_of(pick_at(root, p), "source"), "predicted");
            cr_expect(strstr(text_of(pick_at(root, p), "kernel"), cpus[i][1]), "%s",
                      text_of(pick_at(root, p), "kernel"));
            cr_expect_gt(number_of(pick_at(root, p), "ns"), 0);
        }
        snprintf(words, sizeof words, "explain --json --layout blocked --cpu %s " SMALL, cpus[i][0]);
        cJSON *explained = expect_json(0, words);
        cr_expect_str_eq(text_of(explained, "chosen"), text_of(pick_at(root, 0), "kernel"));
        cr_expect_str_eq(text_of(explained, "rule"), "predicted");
        cJSON_Delete(explained);
        cJSON_Delete(root);
    }
    struct outcome o = run_words(".stdout", "pick --cpu neoverse-v2 " SMALL);
    cr_expect_eq(o.status, 0);
    cr_expect(strstr(o.out, "for neoverse-v2 (Arm Neoverse V2)") && strstr(o.out, "rank correlation") &&
                  strstr(o.out, "neon by the model of neoverse-v2"),
              "%s", o.out);
    free_outcome(&o);
    o = run_words(".stdout", "pick --cpu znver5 " SMALL); /* LLVM 19 has no model of it, and that is said */
    cr_expect(strstr(o.out, "znver4") != NULL, "%s", o.out);
    free_outcome(&o);
}

/* --isa, a forced row and budgets mean what they mean here. */
Test(cli_cpu, options) {
    cJSON *root = expect_json(0, "pick --json --cpu skylake-avx512 --isa avx2 " SMALL);
    cr_expect(strstr(text_of(pick_at(root, 0), "kernel"), "_avx2"));
    cJSON_Delete(root);
    root = expect_json(0, "pick --json --cpu cortex-a72 --max-error strict " SMALL);
    cr_expect(strstr(text_of(pick_at(root, 0), "kernel"), "direct"));
    cJSON_Delete(root);
    root = expect_json(0, "pick --json --cpu cortex-a72 --kernel conv_direct_neon_t5x4 " SMALL);
    cr_expect_str_eq(text_of(pick_at(root, 0), "rule"), "forced");
    cJSON_Delete(root);
}

Test(cli_cpu, list) {
    write_wisdom("n1", "Neoverse-N1", "arm implementer 0x41 part 0xd0c", "neon scalar");
    write_wisdom("mystery", "Mystery-9000", "arm implementer 0x99 part 0x001", "neon scalar");
    cJSON *root = expect_json(0, "pick --list --json --wisdom n1");
    const cJSON *cpu;
    bool seen = false;
    cr_expect_geq(cJSON_GetArraySize(root), 15);
    cJSON_ArrayForEach(cpu, root) {
        static const char *const keys[] = {"name", "about", "sources", "decisions", "figures", NULL};
        expect_keys(cpu, keys);
        if (strcmp(text_of(cpu, "name"), "neoverse-n1") != 0) continue;
        seen = true;
        cr_expect_eq(number_of(cpu, "decisions"), 1);
        cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(cpu, "sources")), 2);
    }
    cr_expect(seen);
    cJSON_Delete(root);
    struct outcome o = run_words(".stdout", "pick --list --wisdom mystery");
    cr_expect_eq(o.status, 0);
    cr_expect(strstr(o.out, "Mystery-9000") && strstr(o.out, "predicted") && strstr(o.out, "wisdom (1)"),
              "%s", o.out);
    free_outcome(&o);
}

/* Measured comes before predicted; the CPU goes by its name in the table, its model or its kind. */
Test(cli_cpu, wisdom) {
    write_wisdom("n1", "Neoverse-N1", "arm implementer 0x41 part 0xd0c", "neon scalar");
    static const char *const names[] = {"neoverse-n1", "NEOVERSE-N1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char words[256];
        snprintf(words, sizeof words, "pick --json --wisdom n1 --cpu %s " SMALL " " OTHER, names[i]);
        cJSON *root = expect_json(0, words);
        cr_expect_str_eq(text_of(pick_at(root, 0), "kernel"), SLOW);
        cr_expect_str_eq(text_of(pick_at(root, 0), "rule"), "wisdom");
        cr_expect_eq(number_of(pick_at(root, 0), "ns"), 1234);
        cr_expect_str_eq(text_of(pick_at(root, 1), "rule"), "predicted");
        cr_expect_eq(number_of(root, "decisions"), 1);
        cJSON_Delete(root);
    }
    char *const by_kind[] = {(char *)"lanewise", (char *)"explain",
                             (char *)"--wisdom", (char *)"n1",
                             (char *)"--cpu",    (char *)"Arm Implementer 0x41 part 0xD0C",
                             (char *)SMALL,      NULL};
    struct outcome o = run_argv(".stdout", by_kind);
    cr_expect_eq(o.status, 0, "%s", o.err);
    cr_expect(strstr(o.out, "chosen: " SLOW " (wisdom)") && strstr(o.out, "on that CPU"), "%s", o.out);
    free_outcome(&o);
}

/* Wisdom of a CPU that isn't the one asked for, of one that can't be predicted, and no wisdom at all. */
Test(cli_cpu, other_wisdom) {
    write_wisdom("n1", "Neoverse-N1", "arm implementer 0x41 part 0xd0c", "neon scalar");
    expect_failure(2, "not measured on znver4", "pick --cpu znver4 --wisdom n1 " SMALL);
    write_wisdom("mystery", "Mystery-9000", "arm implementer 0x99 part 0x001", "neon scalar");
    cJSON *root = expect_json(0, "pick --json --wisdom mystery --cpu mystery-9000 " SMALL " " OTHER);
    cr_expect_str_eq(text_of(pick_at(root, 0), "rule"), "wisdom");
    cr_expect_str_eq(text_of(pick_at(root, 1), "rule"), "estimated");
    cr_expect(strstr(text_of(pick_at(root, 1), "kernel"), "_neon"));
    cJSON_Delete(root);
    write_file("broken", "lanewise wisdom 1\n", 18);
    expect_failure(2, "nothing is known", "pick --cpu mystery-9000 --wisdom none " SMALL);
    expect_failure(2, "broken", "pick --cpu znver4 --wisdom broken " SMALL);
    expect_failure(2, "missing", "pick --cpu znver4 --wisdom missing " SMALL);
    expect_failure(3, "nothing is known", "pick --effort wisdom --cpu neoverse-n2 --emit cmake " SMALL);
}
