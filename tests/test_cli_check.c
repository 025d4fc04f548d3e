/* `lanewise check`: what it runs, what it prints in each format, what makes it fail, and that a failure is
 * repeated by the command it prints. */
#include "command.h"
#include "lanewise.h"
#include "reference/fill.h"

#include <math.h>

TestSuite(cli_check, .init = enter_scratch, .fini = leave_scratch, .timeout = 120);

#define CONV "mb1_ic3ih6_oc4_kh3_ph1"

Test(cli_check, json) {
    static const char *const keys[] = {"results", "checked",         "skipped", "failed",
                                       "kernels", "kernels_not_run", NULL};
    static const char *const result_keys[] = {"kernel", "problem", "err_over_bound", "rel_l2", "ok", NULL};
    static const char batch[] = "# shapes\n--reset\n" CONV "n\"small\"\nmb2_ic16ih7_oc16oh4_kh3sh2ph1\n"
                                "g4ic4ih5oc4oh5kh3ph1\nic3id5ih5oc2od5oh5kh3ph1\n";
    write_file("shapes.txt", batch, sizeof batch - 1);
    cJSON *root = expect_json(0, "check --json --batch shapes.txt"), *result;
    expect_keys(root, keys);
    cJSON *results = cJSON_GetObjectItem(root, "results");
    cr_expect_eq(cJSON_GetArraySize(results), (int)number_of(root, "checked"));
    cr_expect_gt(cJSON_GetArraySize(results), 3);
    cr_expect_eq(number_of(root, "failed"), 0);
    cr_expect_eq(number_of(root, "option_lines_ignored"), 1);
    cJSON_ArrayForEach(result, results) {
        expect_keys(result, result_keys);
        cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(result, "ok")));
        cr_expect_leq(number_of(result, "err_over_bound"), 1);
        cr_expect_lt(number_of(result, "rel_l2"), 1e-5);
        cJSON *by_data = cJSON_GetObjectItem(result, "err_over_bound_by_data"), *one;
        cr_expect_eq(cJSON_GetArraySize(by_data), LW_FILL_COUNT);
        double worst = 0;
        cJSON_ArrayForEach(one, by_data) worst = fmax(worst, one->valuedouble);
        cr_expect_eq(worst, number_of(result, "err_over_bound"));
        cr_expect_eq(worst, number_of(by_data, text_of(result, "worst_data")));
    }
    cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(root, "skipped_problems")), 1, "the 3-D problem");
    double refused = 0;
    cJSON_ArrayForEach(result, cJSON_GetObjectItem(root, "skip_reasons")) {
        cr_expect(*text_of(result, "reason"));
        refused += number_of(result, "count");
    }
    cr_expect_eq(refused, number_of(root, "skipped"), "every skip has its reason");
    cJSON_Delete(root);
}

Test(cli_check, other_operations) {
    static const char *const commands[] = {
        "check --json --op maxpool mb2_ic17ih9_kh3sh2ph1 mb1_ic8ih6_kh2sh2",
        "check --json --op linear mb3_ic33_oc10",
        "check --json --op relu mb1_ic5ih7",
        "check --json --op softmax mb2_ic10",
        ("check --json --isa scalar --threads 2 --seed 7 " CONV),
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        cJSON *root = expect_json(0, commands[i]);
        cr_expect_gt(number_of(root, "checked"), 0, "%s", commands[i]);
        cJSON_Delete(root);
    }
}

Test(cli_check, that_checks_nothing_fails) {
    struct outcome o = run_words(".stdout", "check ic3id5ih5oc2od5oh5kh3ph1");
    cr_expect_eq(o.status, 1, "3-D alone: %d", o.status);
    cr_expect(strstr(o.err, "nothing was checked"), "%s", o.err);
    cr_expect(strstr(o.out, "skip  ic3id5ih5oc2od5oh5kh3ph1: "), "%s", o.out);
    free_outcome(&o);
}

/* ---- options ------------------------------------------------------------------------------------------- */

Test(cli_check, bad_lists) {
    static const struct {
        const char *words, *needle;
    } cases[] = {
        {"check --data canel " CONV, "--data canel: no such kind of data, did you mean cancel?"},
        {"check --data normal,rnage " CONV, "did you mean range?"},
        {"check --data gaussian-mixture " CONV, "(normal, uniform, "},
        {"check --data normal, " CONV, "--data : no such kind"},
        {"check --expect axv2 " CONV, "--expect axv2: no such ISA in this build ("},
        {"check --expect scalr " CONV, "did you mean scalar?"},
        {"check --expect scalar,,scalar " CONV, "--expect : no such ISA"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_failure(2, cases[i].needle, cases[i].words);
}

Test(cli_check, data_kinds) {
    cJSON *root = expect_json(0, "check --json --data integer,special " CONV), *result;
    cJSON_ArrayForEach(result, cJSON_GetObjectItem(root, "results")) {
        static const char *const keys[] = {"integer", "special", NULL};
        cJSON *by_data = cJSON_GetObjectItem(result, "err_over_bound_by_data");
        cr_expect_eq(cJSON_GetArraySize(by_data), 2);
        expect_keys(by_data, keys);
        cr_expect(cJSON_IsNull(cJSON_GetObjectItem(result, "rel_l2")), "it is of normal data");
    }
    cJSON_Delete(root);
    /* all, of a problem so big that a row gets one kind beside normal data */
    root = expect_json(0, "check --json --data all --isa scalar --op maxpool mb1_ic16ih1100_kh2sh2");
    cJSON_ArrayForEach(result, cJSON_GetObjectItem(root, "results")) {
        cJSON *by_data = cJSON_GetObjectItem(result, "err_over_bound_by_data");
        cr_expect_eq(cJSON_GetArraySize(by_data), 2);
        cr_expect(cJSON_HasObjectItem(by_data, "normal"));
        cr_expect_lt(number_of(result, "compared"), number_of(result, "outputs"));
    }
    cJSON_Delete(root);
}

Test(cli_check, same_seed_same_data) {
    char *out[3];
    for (int i = 0; i < 3; i++) {
        struct outcome o = run_words(".stdout", i < 2 ? "check --seed 7 --format tap " CONV
                                                      : "check --seed 8 --format tap " CONV);
        cr_expect_eq(o.status, 0);
        out[i] = strdup(o.out);
        free_outcome(&o);
    }
    cr_expect_str_eq(out[0], out[1]);
    cr_expect_str_neq(out[0], out[2]);
    for (int i = 0; i < 3; i++)
        free(out[i]);
}

static void expect_one_line(const char *text, const char *needle) {
    const char *newline = strchr(text, '\n');
    cr_expect(newline && !newline[1] && strstr(text, needle), "not one line with '%s': %s", needle, text);
}

Test(cli_check, expected_isas) {
    struct outcome o = run_words(".stdout", "check --expect scalar " CONV);
    cr_expect(o.status == 0 && !*o.err, "%s", o.err);
    free_outcome(&o);
    o = run_words(".stdout", "check --expect scalar --kernel *winograd* mb1_ic3ih6_oc4_kh5");
    cr_expect_eq(o.status, 1);
    expect_one_line(o.err, "no kernel of it ran: scalar (its kernels took none of the problems)");
    cr_expect(strstr(o.out, "scalar kernels: usable, and none took any"), "%s", o.out);
    free_outcome(&o);

    setenv("LANEWISE_ISA", "scalar", 1); /* the others are compiled, and of no use */
    lw_isa_info isa;
    char words[128], needle[80];
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK; i++) {
        bool scalar = strcmp(isa.name, "scalar") == 0;
        snprintf(words, sizeof words, "check --expect scalar,%s " CONV, isa.name);
        o = run_words(".stdout", words);
        cr_expect_eq(o.status, scalar ? 0 : 1, "%s: %d", words, o.status);
        snprintf(needle, sizeof needle, "no kernel of it ran: %s (%s", isa.name, isa.reason);
        if (!scalar) expect_one_line(o.err, needle);
        free_outcome(&o);
    }
}

Test(cli_check, expected_isa_that_is_not_selected) {
    lw_isa_info isa = {.name = "scalar"};
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK && !isa.usable; i++)
        ;
    if (strcmp(isa.name, "scalar") == 0) cr_skip("there is none but scalar");
    char words[128];
    snprintf(words, sizeof words, "check --isa scalar --expect %s " CONV, isa.name);
    struct outcome o = run_words(".stdout", words);
    cr_expect_eq(o.status, 1);
    expect_one_line(o.err, "leave none of its kernels");
    free_outcome(&o);
}

/* ---- the formats, by their own rules ------------------------------------------------------------------- */

struct tally {
    int good, failed, skipped, cases;
};

/* TAP 13: a version, test lines numbered from 1, comments, and one plan that counts them. */
static struct tally read_tap(const char *text) {
    struct tally t = {0};
    int plans = 0, planned = -1, number, used;
    char *copy = strdup(text), *rest = copy, *line = strsep(&rest, "\n");
    cr_assert_str_eq(line, "TAP version 13");
    while ((line = strsep(&rest, "\n")) && rest) {
        bool bad = strncmp(line, "not ok ", 7) == 0;
        if (*line == '#') continue;
        if (sscanf(line, "1..%d%n", &planned, &used) == 1 && !line[used]) {
            plans++;
            continue;
        }
        used = 0;
        cr_assert(sscanf(line, bad ? "not ok %d - %n" : "ok %d - %n", &number, &used) == 1 && used > 0, "%s",
                  line);
        cr_assert_eq(number, ++t.cases, "%s", line);
        cr_assert_eq(plans, 0, "a test after the plan");
        bool skip = strstr(line, " # SKIP ") != NULL;
        *(bad ? &t.failed : skip ? &t.skipped : &t.good) += 1;
    }
    cr_assert(line && !*line, "the last line isn't ended");
    cr_expect(plans == 1 && planned == t.cases, "%d plans, of %d tests; there are %d", plans, planned,
              t.cases);
    free(copy);
    return t;
}

static const char *after_name(const char *p) {
    const char *start = p;
    while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (p > start && (*p == '_' || *p == '-')))
        p++;
    cr_assert(p > start, "no name at: %.40s", start);
    return p;
}

/* Characters up to one of `end`, with the five entities alone. */
static const char *after_text(const char *p, const char *end) {
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
    for (; *p && !strchr(end, *p); p++) {
        bool entity = false;
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            entity |= strncmp(p, entities[i], strlen(entities[i])) == 0;
        cr_assert(*p != '<' && (*p != '&' || entity), "'%c' in text: %.40s", *p, p);
        cr_assert(*p == '\n' || (*p >= ' ' && (unsigned char)*p < 127), "character %d", *p);
    }
    return p;
}

/* Counts elements; the numbers that testsuite's attributes give are in `said`. */
static void count_element(const char *name, size_t length, const char *attributes, struct tally *found,
                          struct tally *said) {
    if (strncmp(name, "testcase ", length + 1) == 0) found->cases++;
    if (strncmp(name, "failure ", length + 1) == 0) found->failed++;
    if (strncmp(name, "skipped ", length + 1) == 0) found->skipped++;
    if (strncmp(name, "testsuite ", length + 1) == 0)
        cr_assert_eq(sscanf(attributes,
                            " name=\"lanewise check\" tests=\"%d\" failures=\"%d\" skipped=\"%d\"",
                            &said->cases, &said->failed, &said->skipped),
                     3);
}

/* Well-formed XML as far as JUnit files use it: a declaration, nested elements, quoted attributes, text. */
static struct tally read_junit(const char *text) {
    const char *open[16];
    int depth = 0, roots = 0;
    struct tally found = {0}, said = {-1, -1, -1, -1};
    static const char declaration[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    cr_assert_eq(strncmp(text, declaration, sizeof declaration - 1), 0, "%.60s", text);
    const char *p = text + sizeof declaration - 1;
    for (p = after_text(p, "<"); *p; p = after_text(p, "<")) {
        bool closing = *++p == '/';
        const char *name = p += closing, *end = after_name(name), *attributes = end;
        size_t length = (size_t)(end - name);
        for (p = end; !closing && *p == ' '; p++) {
            p = after_name(p + 1);
            cr_assert(strncmp(p, "=\"", 2) == 0, "attribute without value: %.40s", p);
            p = after_text(p + 2, "\"");
            cr_assert_eq(*p, '"');
        }
        bool empty = !closing && *p == '/';
        cr_assert_eq(p[empty], '>', "%.40s", p);
        p += empty + 1;
        if (closing) {
            cr_assert(depth > 0 && strncmp(open[--depth], name, length) == 0, "</%.20s", name);
            continue;
        }
        count_element(name, length, attributes, &found, &said);
        roots += depth == 0;
        cr_assert_lt(depth, 16);
        if (!empty) open[depth++] = name;
    }
    cr_assert(depth == 0 && roots == 1, "%d elements open, %d roots", depth, roots);
    cr_expect(found.cases == said.cases && found.failed == said.failed && found.skipped == said.skipped);
    found.good = found.cases - found.failed - found.skipped;
    return found;
}

static struct tally read_json(const char *text) {
    cJSON *root = cJSON_ParseWithOpts(text, NULL, true), *result;
    cr_assert_not_null(root);
    struct tally t = {.skipped = (int)number_of(root, "skipped")};
    cJSON_ArrayForEach(result, cJSON_GetObjectItem(root, "results")) {
        bool ok = cJSON_IsTrue(cJSON_GetObjectItem(result, "ok"));
        t.good += ok, t.failed += !ok;
        cr_expect_eq(cJSON_HasObjectItem(result, "repeat"), !ok);
    }
    cr_expect_eq(t.good + t.failed, (int)number_of(root, "checked"));
    cr_expect_eq(t.failed, (int)number_of(root, "failed"));
    t.cases = t.good + t.failed + t.skipped;
    cJSON_Delete(root);
    return t;
}

/* A usable conv row that takes the problem; exact_on_integers or not. NULL: there is none. */
static const char *find_row(const char *after, bool exact) {
    static lw_kernel_info row;
    lw_desc d = lw_conv2d(1, 3, 6, 6, 4, 3, 3);
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    bool passed = after == NULL;
    for (size_t i = 0; lw_kernel_get(i, &row) == LW_OK; i++) {
        bool takes = false;
        for (int pair = 0; pair < LW_LAYOUT_COUNT * LW_LAYOUT_COUNT && row.op == LW_CONV; pair++) {
            d.src_layout = (lw_layout)(pair / LW_LAYOUT_COUNT),
            d.dst_layout = (lw_layout)(pair % LW_LAYOUT_COUNT);
            takes |= row.usable && lw_kernel_accepts(row.name, &d, NULL) == LW_OK;
        }
        if (takes && passed && row.exact_on_integers == exact) return row.name;
        passed |= after && strcmp(row.name, after) == 0;
    }
    return NULL;
}

static struct outcome run_faulty(const char *how, const char *kernel, const char *words) {
    char fault[128];
    snprintf(fault, sizeof fault, "%s:%s", how, kernel);
    setenv("LW_FAULT", fault, 1);
    return run_program_words(LW_FAULTY_BINARY, ".stdout", words);
}

/* A batch with names and bytes that each format has to escape. */
static void write_awkward_batch(void) {
    static const char batch[] =
        "--reset\n" CONV "n\"a <b> & \\ # \xc3\xa9\xff\"\nic3id5ih5oc2od5oh5kh3ph1n\"<&#\xff\"\n";
    write_file("awkward.txt", batch, sizeof batch - 1);
}

Test(cli_check, formats) {
    static const struct {
        const char *name;
        struct tally (*read)(const char *text);
    } formats[] = {{"tap", read_tap}, {"junit", read_junit}, {"json", read_json}};
    char words[128];
    const char *kernel = find_row(NULL, true);
    cr_assert_not_null(kernel);
    write_awkward_batch();
    for (int faulty = 0; faulty < 2; faulty++) {
        struct tally t[3];
        for (size_t i = 0; i < 3; i++) {
            snprintf(words, sizeof words, "check --format %s --batch awkward.txt", formats[i].name);
            struct outcome o = run_faulty(faulty ? "cancel" : "none", kernel, words);
            cr_expect_eq(o.status, faulty, "%s: %d", formats[i].name, o.status);
            t[i] = formats[i].read(o.out);
            cr_expect_eq(t[i].failed, faulty, "%s: %d failed", formats[i].name, t[i].failed);
            cr_expect_gt(t[i].good, 3);
            cr_expect_gt(t[i].skipped, 1);
            if (i > 0)
                cr_expect_eq(memcmp(&t[i], &t[0], sizeof *t), 0, "%s counts otherwise", formats[i].name);
            free_outcome(&o);
        }
    }
}

/* ---- failures, and the command that repeats one -------------------------------------------------------- */

/* The line that says FAIL and the two after it, up to the command; the command without "lanewise ". */
static void read_failure(const char *out, char what[512], char command[512]) {
    const char *fail = strstr(out, "FAIL "), *repeat = fail ? strstr(fail, "      repeat: lanewise ") : NULL;
    cr_assert(repeat, "no failure, or none that can be repeated: %s", out);
    cr_assert_null(strstr(fail + 1, "FAIL "), "more than one failure: %s", out);
    snprintf(what, 512, "%.*s", (int)(repeat - fail), fail);
    const char *words = repeat + strlen("      repeat: lanewise ");
    snprintf(command, 512, "%.*s", (int)strcspn(words, "\n"), words);
}

/* What failed, without the counts of runs that a repetition leaves out. */
static void shorten(char what[512]) {
    char *from = strstr(what, "  rel.L2"), *to = strstr(what, ", worst: ");
    cr_assert(from && to && from < to, "%s", what);
    memmove(from, to, strlen(to) + 1);
}

Test(cli_check, the_printed_command_repeats_the_failure) {
    static const char *const commands[] = {
        "check " CONV, "check --seed 12345678901234567890 mb2_ic5ih9iw7_oc17_kh3_ph1",
        "check --threads 2 --mb 3 --seed 5 " CONV, "check --data uniform,cancel,special --isa scalar " CONV};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const char *kernel = NULL; /* the last one, which is scalar */
        for (const char *next; (next = find_row(kernel, true));)
            kernel = next;
        char what[512], again[512], command[512], same[512];
        struct outcome o = run_faulty("cancel", kernel, commands[i]);
        cr_expect_eq(o.status, 1);
        read_failure(o.out, what, command);
        cr_expect(strstr(what, ", worst: cancel ") && strstr(command, " --data cancel "), "%s%s", what,
                  command);
        free_outcome(&o);
        o = run_program_words(LW_FAULTY_BINARY, ".stdout", command);
        cr_expect_eq(o.status, 1, "%s", command);
        read_failure(o.out, again, same);
        shorten(what), shorten(again);
        cr_expect_str_eq(what, again);
        cr_expect_str_eq(command, same);
        free_outcome(&o);
        unsetenv("LW_FAULT");
        o = run_program_words(LW_FAULTY_BINARY, ".stdout", command);
        cr_expect_eq(o.status, 0, "%s: fails without the fault", command);
        free_outcome(&o);
    }
}

/* One unit in the last place is within every bound, and too much on integers where a row is exact. */
Test(cli_check, integers_are_exact) {
    for (int exact = 0; exact < 2; exact++) {
        int rows = 0;
        for (const char *kernel = NULL; (kernel = find_row(kernel, exact)); rows++) {
            char words[256], name[96];
            snprintf(name, sizeof name, "%s", kernel);
            snprintf(words, sizeof words, "check --json --kernel %s " CONV, kernel);
            struct outcome o = run_faulty("ulp", kernel, words);
            cr_expect_eq(o.status, exact, "%s: %d", name, o.status);
            cJSON *root = cJSON_Parse(o.out);
            const cJSON *result = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "results"), 0);
            if (exact) cr_expect_str_eq(text_of(result, "worst_data"), "integer", "%s", name);
            if (exact) cr_expect(cJSON_IsNull(cJSON_GetObjectItem(result, "err_over_bound")));
            cJSON_Delete(root);
            free_outcome(&o);
        }
        cr_expect_gt(rows, 1);
    }
}

Test(cli_check, a_failing_execution_is_told) {
    const char *kernel = find_row(NULL, true);
    struct outcome o = run_faulty("fails", kernel, "check " CONV);
    char what[512], command[512];
    cr_expect_eq(o.status, 1);
    read_failure(o.out, what, command);
    cr_expect(strstr(what, "      ") && strstr(what, lw_status_text(LW_ERR_INVALID)), "%s", what);
    free_outcome(&o);
}
