/* Wisdom as a table and as text: what is written is read again, and nothing else is. */
#define _GNU_SOURCE
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include "wisdom.h"

TestSuite(wisdom, .timeout = 60);

/* ---- the table ----------------------------------------------------------------------------------------- */

Test(wisdom, round_trip) {
    lw_wisdom *w = some_wisdom(), *again;
    lw_decision a, b;
    char *text = text_of_wisdom(w);
    cr_assert_eq(lw_wisdom_read(&again, text, strlen(text), NULL), LW_OK);
    cr_assert_eq(lw_wisdom_check(again, NULL), LW_OK);
    for (size_t i = 0; i < 4; i++) {
        cr_assert(lw_wisdom_get(w, i, &a) && lw_wisdom_get(again, i, &b));
        cr_expect_str_eq(a.problem, b.problem);
        cr_expect(a.max_error == b.max_error && a.max_workspace == b.max_workspace &&
                  a.threads == b.threads && a.reproducible == b.reproducible && a.full == b.full);
        cr_assert(a.count == b.count && a.tied == b.tied);
        for (size_t k = 0; k < a.count; k++) {
            cr_expect_str_eq(a.rows[k].kernel, b.rows[k].kernel);
            cr_expect(a.rows[k].ns == b.rows[k].ns && a.rows[k].ns_low == b.rows[k].ns_low &&
                      a.rows[k].ns_high == b.rows[k].ns_high && a.rows[k].cold_ns == b.rows[k].cold_ns);
        }
    }
    cr_expect_not(lw_wisdom_get(again, 4, &b));
    char *second = text_of_wisdom(again);
    cr_expect_str_eq(text, second);
    free(second);
    free(text);
    lw_wisdom_free(w);
    lw_wisdom_free(again);
}

Test(wisdom, numbers_are_the_same_in_every_locale) {
    lw_wisdom *w = some_wisdom(), *again = NULL;
    char *plain = text_of_wisdom(w);
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8")) {
        free(plain);
        lw_wisdom_free(w);
        cr_skip("no locale with a decimal comma here");
    }
    char *comma = text_of_wisdom(w);
    cr_expect_str_eq(plain, comma);
    cr_expect_eq(lw_wisdom_read(&again, plain, strlen(plain), NULL), LW_OK);
    free(plain);
    free(comma);
    lw_wisdom_free(w);
    lw_wisdom_free(again);
}

Test(wisdom, odd_budgets_are_kept) {
    static const double errors[] = {0, 1e-5, 3.3e-7, 1.0 / 3, 5e-324, 1e300};
    lw_wisdom *w, *again;
    lw_decision d;
    lw_options opt = lw_default_options();
    lw_desc desc = conv2();
    cr_assert_eq(lw_wisdom_create(&w, NULL), LW_OK);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        opt.max_error = errors[i];
        opt.max_workspace = (SIZE_MAX >> 3) - i;
        add_backwards(w, &desc, &opt);
    }
    char *text = text_of_wisdom(w);
    cr_assert_eq(lw_wisdom_read(&again, text, strlen(text), NULL), LW_OK);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        opt.max_error = errors[i];
        opt.max_workspace = (SIZE_MAX >> 3) - i;
        cr_expect(lw_wisdom_find(again, &desc, &opt, &d), "%g", errors[i]);
        opt.max_workspace--;
        cr_expect_not(lw_wisdom_find(again, &desc, &opt, &d), "%g", errors[i]);
    }
    free(text);
    lw_wisdom_free(w);
    lw_wisdom_free(again);
}

Test(wisdom, one_answer_to_a_question) {
    lw_wisdom *w = some_wisdom();
    lw_options opt = lw_default_options();
    lw_desc desc = conv2();
    lw_decision d;
    cr_assert(lw_wisdom_find(w, &desc, NULL, &d));
    char kernel[128], problem[256]; /* `d` is of what is replaced */
    snprintf(kernel, sizeof kernel, "%s", d.rows[d.count - 1].kernel);
    snprintf(problem, sizeof problem, "%s", d.problem);
    lw_timing other = {kernel, 0.04, 0.01, 0.31, 0};
    d.rows = &other;
    d.count = d.tied = 1;
    d.full = true;
    d.problem = problem;
    cr_assert_eq(lw_wisdom_add(w, &d, NULL), LW_OK);
    cr_assert(lw_wisdom_find(w, &desc, &opt, &d));
    cr_expect(d.count == 1 && d.full && !lw_wisdom_get(w, 4, &d));
    cr_assert(lw_wisdom_find(w, &desc, &opt, &d));
    cr_expect_str_eq(d.rows[0].kernel, other.kernel);
    cr_expect(d.rows[0].ns == 0.1 && d.rows[0].ns_high == 0.3); /* tenths, and never nothing */
    opt.threads = 2;
    cr_expect_not(lw_wisdom_find(w, &desc, &opt, &d));
    desc.relu = false;
    cr_expect_not(lw_wisdom_find(w, &desc, NULL, &d));
    lw_wisdom_free(w);
}

Test(wisdom, what_makes_no_sense_is_not_added) {
    lw_wisdom *w;
    lw_error err;
    cr_assert_eq(lw_wisdom_create(&w, NULL), LW_OK);
    lw_timing good[2] = {{"one", 10, 9, 11, 0}, {"two", 20, 19, 21, 50}};
    const lw_decision fine = {"conv mb1 nchw>nchw plain", 1e-5, 0, 1, false, false, 2, 1, good};
    const char *const problems[] = {NULL,       "",         "conv", "conv  mb1 a b", "conv mb1 a b ",
                                    "a b c\nd", "a b c d e"};
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        lw_decision d = fine;
        d.problem = problems[i];
        cr_expect_eq(lw_wisdom_add(w, &d, &err), LW_ERR_INVALID, "%zu", i);
    }
    lw_decision d[] = {fine, fine, fine, fine, fine, fine, fine};
    d[0].max_error = -1;
    d[1].max_error = NAN;
    d[2].max_error = INFINITY;
    d[3].threads = 0;
    d[4].count = 0;
    d[5].tied = 3;
    d[6].rows = NULL;
    for (size_t i = 0; i < sizeof d / sizeof *d; i++)
        cr_expect_eq(lw_wisdom_add(w, &d[i], &err), LW_ERR_INVALID, "%zu", i);
    const lw_timing bad[] = {{NULL, 1, 1, 1, 0}, {"", 1, 1, 1, 0},         {"a b", 1, 1, 1, 0},
                             {"x", 0, 0, 1, 0},  {"x", NAN, 1, 2, 0},      {"x", 1, 2, 3, 0},
                             {"x", 3, 1, 2, 0},  {"x", 2, 1, INFINITY, 0}, {"x", 2, 1, 3, -1},
                             {"two", 1, 1, 1, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        good[0] = bad[i];
        cr_expect_eq(lw_wisdom_add(w, &fine, &err), LW_ERR_INVALID, "row %zu", i);
    }
    lw_decision none;
    cr_expect_not(lw_wisdom_get(w, 0, &none));
    cr_expect_eq(lw_wisdom_add(NULL, &fine, &err), LW_ERR_INVALID);
    cr_expect_eq(lw_wisdom_use(NULL, &err), LW_ERR_INVALID);
    lw_wisdom_free(w);
    lw_wisdom_free(NULL);
}

/* ---- guards -------------------------------------------------------------------------------------------- */

static void expect_refused(const char *text, lw_status status, const char *needle) {
    lw_error err = {0};
    char *before = known_text();
    cr_expect_eq(lw_wisdom_import(text, strlen(text), &err), status, "%s: %s", needle, err.text);
    cr_expect(strstr(err.text, needle), "'%s' isn't in '%s'", needle, err.text);
    cr_expect(!strchr(err.text, '\n'));
    char *after = known_text();
    cr_expect_str_eq(before, after);
    free(before);
    free(after);
}

Test(wisdom, of_another_machine_or_build_is_refused) {
    static const char *const fields[] = {"version", "cpu", "kind", "isas", "compiler", "registry"};
    lw_wisdom *w = some_wisdom(), *other;
    char *text = text_of_wisdom(w), name[32], with[48];
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        snprintf(name, sizeof name, "\n%s: ", fields[i]);
        snprintf(with, sizeof with, "\n%s: another ", fields[i]);
        char *tampered = altered(text, name, with);
        expect_refused(tampered, LW_ERR_STALE, fields[i]);
        /* but it can be looked at, say to pick for that CPU */
        cr_expect_eq(lw_wisdom_read(&other, tampered, strlen(tampered), NULL), LW_OK);
        cr_expect_eq(lw_wisdom_check(other, NULL), LW_ERR_STALE);
        if (i == 1) cr_expect_eq(strncmp(lw_wisdom_cpu(other), "another ", 8), 0);
        if (i == 2) cr_expect_eq(strncmp(lw_wisdom_cpu_kind(other), "another ", 8), 0);
        lw_wisdom_free(other);
        free(tampered);
    }
    char *tampered = altered(text, "maxpool_2x2s2_", "maxpool_of_nobody_");
    expect_refused(tampered, LW_ERR_STALE, "maxpool_of_nobody_");
    free(tampered);
    free(text);
    lw_wisdom_free(w);
}

Test(wisdom, corrupt_text_is_refused_with_its_line) {
    static const struct {
        const char *what, *with, *needle;
    } cases[] = {
        {"lanewise wisdom 1", "lanewise wisdom 2", "line 1"},
        {"\nkind: ", "\nkin: ", "line 4: no 'kind: ...'"},
        {"\n\nconv", "\nconv", "line 8: no empty line"},
        {" threads=1", " threads=x", "line 9"},
        {" threads=1", " threads=0", "line "},
        {" threads=1", " threads=01", "line 9: not as lanewise would write it"},
        {" error=1e-06", " error=1.0e-06", "line 9: not as"},
        {" [", " (", "line 9: not 'kernel ns [low, high] cold ns'"},
        {"  slower ", "  slow ", "line 10"},
        {"\nend 4 ", "\nend 5 ", "number of decisions"},
        {"\nend 4 ", "\nend  4 ", "number of decisions"},
        {"\nend 4 ", "\nconv\nend 4 ", "no decision"},
    };
    lw_wisdom *w = some_wisdom();
    char *text = text_of_wisdom(w);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *tampered = altered(text, cases[i].what, cases[i].with);
        expect_refused(tampered, LW_ERR_CORRUPT, cases[i].needle);
        free(tampered);
    }
    for (size_t size = 0; size < strlen(text); size += 7) { /* cut anywhere */
        char *cut = strndup(text, size);
        expect_refused(cut, LW_ERR_CORRUPT, "line");
        free(cut);
    }
    expect_refused("", LW_ERR_CORRUPT, "line 1");
    cr_expect_eq(lw_wisdom_import(text, strlen(text) + 1, NULL), LW_ERR_CORRUPT); /* the zero is no text */
    cr_expect_eq(lw_wisdom_import(NULL, 0, NULL), LW_ERR_INVALID);
    free(text);
    lw_wisdom_free(w);
}

/* ---- mutations ----------------------------------------------------------------------------------------- */

static uint64_t state = 20240607;

static size_t random_below(size_t n) { /* xorshift64 */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state % n);
}

/* One to four bytes, words or lines changed, gone or doubled; size: what there is room for. */
static void mutate(char *text, size_t room) {
    static const char *const words[] = {"\n",
                                        " ",
                                        "end 1 ",
                                        "  tie ",
                                        "99999999999999999999",
                                        "-1",
                                        "nan",
                                        "inf",
                                        "0x1p3",
                                        "threads=",
                                        ": ",
                                        "[",
                                        "1e400",
                                        "\x80\xff",
                                        "%s%n",
                                        "lanewise wisdom"};
    for (size_t n = 1 + random_below(4); n > 0; n--) {
        size_t length = strlen(text), at = random_below(length + 1), kind = random_below(5);
        const char *word = words[random_below(sizeof words / sizeof *words)];
        size_t run = 1 + random_below(40);
        if (kind == 0 && at < length) {
            text[at] = (char)(1 + random_below(255));
        } else if (kind == 1 && at < length) {
            if (run > length - at) run = length - at;
            memmove(text + at, text + at + run, length - at - run + 1);
        } else if (kind == 2 && length + strlen(word) < room) {
            memmove(text + at + strlen(word), text + at, length - at + 1);
            memcpy(text + at, word, strlen(word));
        } else if (kind == 3 && at < length && text[at] >= '0' && text[at] <= '9') {
            text[at] = (char)('0' + random_below(10));
        } else if (kind == 4 && length > 0) {
            char *line = strchr(text + random_below(length), '\n'),
                 *next = line ? strchr(line + 1, '\n') : NULL;
            size_t size = next ? (size_t)(next - line) : 0;
            if (!size || length + size >= room) continue;
            memmove(line + size, line, strlen(line) + 1); /* the line, twice */
        }
    }
}

Test(wisdom, ten_thousand_mutations) {
    lw_wisdom *w = some_wisdom();
    char *text = text_of_wisdom(w), *empty = known_text();
    size_t room = 4 * strlen(text) + 64, taken = 0, sealed_refused = 0;
    char *mutant = malloc(room);
    for (int i = 0; i < 10000; i++) {
        lw_error err = {0};
        strcpy(mutant, text);
        mutate(mutant, room - 32);
        if (i % 2) reseal(mutant);
        lw_status status = lw_wisdom_import(mutant, strlen(mutant), &err);
        char *known = known_text();
        if (status == LW_OK) { /* a digit, sealed again: all of it is known */
            cr_assert_str_eq(known, mutant, "mutation %d", i);
            taken++;
        } else {
            cr_assert_str_eq(known, empty, "mutation %d left something behind", i);
            cr_assert(status == LW_ERR_CORRUPT || status == LW_ERR_STALE, "mutation %d: %d", i, (int)status);
            cr_assert(*err.text && !strchr(err.text, '\n'), "mutation %d", i);
            sealed_refused += i % 2;
        }
        free(known);
        lw_wisdom_forget();
    }
    /* Both ends were reached: the parser refused what the checksum had passed, and took what was still good.
     */
    cr_expect(taken > 20 && sealed_refused > 2000, "%zu taken, %zu refused by the parser", taken,
              sealed_refused);
    free(mutant);
    free(empty);
    free(text);
    lw_wisdom_free(w);
}
