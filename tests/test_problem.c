/* Problem strings: what benchdnn's deductions make of them, what is out of scope, what is no problem at all.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "reference/problem.h"

/* ---- what a string means ------------------------------------------------------------------------------- */

/* Expectations as canonical text, which names every field; then padding below and on the right. */
static const struct {
    lw_op op;
    const char *string, *text;
    int bottom, right;
} meanings[] = {
    {LW_CONV, "mb1_ic32ih14iw14_oc64oh14ow14_kh3kw3_sh1sw1_ph1pw1_dh0dw0_n\"x\"",
     "mb1_g1ic32ih14iw14_oc64oh14ow14_kh3kw3_sh1sw1_ph1pw1_dh0dw0", 1, 1},
    /* the batch is 2, the width is the height, the padding makes up for the output */
    {LW_CONV, "ic32oc13_ih13oh12kh3ph0", "mb2_g1ic32ih13iw13_oc13oh12ow12_kh3kw3_sh1sw1_ph0pw0_dh0dw0", 1, 1},
    {LW_CONV, "ic8ih9oc8oh9kh3", "mb2_g1ic8ih9iw9_oc8oh9ow9_kh3kw3_sh1sw1_ph1pw1_dh0dw0", 1, 1},
    {LW_CONV, "ic8ih9oc8oh8kh2", "mb2_g1ic8ih9iw9_oc8oh8ow8_kh2kw2_sh1sw1_ph0pw0_dh0dw0", 0, 0},
    {LW_CONV, "ic8ih9oc8oh9kh4", "mb2_g1ic8ih9iw9_oc8oh9ow9_kh4kw4_sh1sw1_ph1pw1_dh0dw0", 2, 2},
    {LW_CONV, "ic8ih9oc8kh3", "mb2_g1ic8ih9iw9_oc8oh7ow7_kh3kw3_sh1sw1_ph0pw0_dh0dw0", 0, 0},
    {LW_CONV, "ic4ih84oc16oh20kh8sh4ph0", "mb2_g1ic4ih84iw84_oc16oh20ow20_kh8kw8_sh4sw4_ph0pw0_dh0dw0", 0, 0},
    /* rows that the stride leaves over are a negative padding */
    {LW_CONV, "mb1ic8ih9oc8kh2sh2ph0", "mb1_g1ic8ih9iw9_oc8oh4ow4_kh2kw2_sh2sw2_ph0pw0_dh0dw0", -1, -1},
    {LW_CONV, "mb1ic3ih224oc64kh7sh2ph3", "mb1_g1ic3ih224iw224_oc64oh112ow112_kh7kw7_sh2sw2_ph3pw3_dh0dw0", 2,
     2},
    /* a width that is described stands alone, with benchdnn's defaults */
    {LW_CONV, "mb1ic16oc16_ih16kh3ph1oh15_iw16kw3pw0ow15",
     "mb1_g1ic16ih16iw16_oc16oh15ow15_kh3kw3_sh1sw1_ph1pw0_dh0dw0", 0, 1},
    {LW_CONV, "mb1ic8oc8ih8iw8oh4ow8kh3kw3sh2ph1", "mb1_g1ic8ih8iw8_oc8oh4ow8_kh3kw3_sh2sw1_ph1pw1_dh0dw0", 0,
     1},
    /* and one that is half described takes the rest from the height */
    {LW_CONV, "mb1ic8oc8ih14iw20kh3ph1", "mb1_g1ic8ih14iw20_oc8oh14ow20_kh3kw3_sh1sw1_ph1pw1_dh0dw0", 1, 1},
    {LW_CONV, "mb1ic8oc8ih14kh3kw5ph2sh2", "mb1_g1ic8ih14iw14_oc8oh8ow7_kh3kw5_sh2sw2_ph2pw2_dh0dw0", 1, 1},
    /* one dimension */
    {LW_CONV, "ic3oc16_iw5ow5kw3pw1", "mb2_g1ic3ih1iw5_oc16oh1ow5_kh1kw3_sh1sw1_ph0pw1_dh0dw0", 0, 1},
    {LW_CONV, "ic17oc17_iw8ow4kw3pw1sw2", "mb2_g1ic17ih1iw8_oc17oh1ow4_kh1kw3_sh1sw2_ph0pw1_dh0dw0", 0, 0},
    /* groups: channels are totals; dilation is minus one; order is free; the last of two counts */
    {LW_CONV, "g4ic16oc32ih8kh3ph2dh1", "mb2_g4ic16ih8iw8_oc32oh8ow8_kh3kw3_sh1sw1_ph2pw2_dh1dw1", 2, 2},
    {LW_CONV, "kh3ph1_oc4__ih5_ic2_mb9_mb3", "mb3_g1ic2ih5iw5_oc4oh5ow5_kh3kw3_sh1sw1_ph1pw1_dh0dw0", 1, 1},
    {LW_CONV, "mb1ic16oc16_ih10kh5_ph7sh1", "mb1_g1ic16ih10iw10_oc16oh20ow20_kh5kw5_sh1sw1_ph7pw7_dh0dw0", 7,
     7},
    {LW_CONV, "mb1ic2oc2id1ih4od1kd1pd0kh3ph1", "mb1_g1ic2ih4iw4_oc2oh4ow4_kh3kw3_sh1sw1_ph1pw1_dh0dw0", 1,
     1},
    {LW_MAXPOOL, "mb2ic128_ih4oh2_kh3", "mb2_ic128ih4iw4_oh2ow2_kh3kw3_sh1sw1_ph0pw0_dh0dw0", 0, 0},
    {LW_MAXPOOL, "mb1ic8_ih3iw4_oh1ow5_kh3kw3_ph0pw1", "mb1_ic8ih3iw4_oh1ow5_kh3kw3_sh1sw1_ph0pw1_dh0dw0", 0,
     2},
    {LW_MAXPOOL, "mb16ic64_ih32oh16_kh3sh2", "mb16_ic64ih32iw32_oh16ow16_kh3kw3_sh2sw2_ph0pw0_dh0dw0", 1, 1},
    {LW_MAXPOOL, "ic35_iw42ih20_ow14oh17_kw3kh4_sw3sh1_dh5dw2",
     "mb2_ic35ih20iw42_oh17ow14_kh4kw3_sh1sw3_ph7pw2_dh5dw2", 8, 2},
    {LW_MAXPOOL, "mb1ic8_ih3oh3_kh3ph1_dh2dw2", "mb1_ic8ih3iw3_oh3ow3_kh3kw3_sh1sw1_ph1pw1_dh2dw2", 5, 5},
    {LW_MAXPOOL, "ic35_iw30ih37_ow14oh17_kw3kh4_sw2sh2",
     "mb2_ic35ih37iw30_oh17ow14_kh4kw3_sh2sw2_ph0pw0_dh0dw0", -1, -1},
    {LW_LINEAR, "mb1ic3136oc10", "mb1_ic3136ih1iw1_oc10", 0, 0},
    {LW_LINEAR, "ic64ih7oc10", "mb2_ic64ih7iw7_oc10", 0, 0},
    {LW_RELU, "mb1ic32ih28iw14", "mb1_ic32ih28iw14", 0, 0},
    {LW_SOFTMAX, "mb64ic10", "mb64_ic10", 0, 0},
};

Test(problem, meaning) {
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        struct lw_problem p;
        char why[200];
        enum lw_parse status = lw_problem_parse(meanings[i].op, meanings[i].string, 0, &p, why);
        cr_expect_eq(status, LW_PARSE_OK, "%s: %s", meanings[i].string, why);
        cr_expect_str_eq(p.text, meanings[i].text, "%s is %s, should be %s", meanings[i].string, p.text,
                         meanings[i].text);
        cr_expect_eq(p.desc.pad_bottom, meanings[i].bottom, "%s: pad_bottom %d", meanings[i].string,
                     (int)p.desc.pad_bottom);
        cr_expect_eq(p.desc.pad_right, meanings[i].right, "%s: pad_right %d", meanings[i].string,
                     (int)p.desc.pad_right);
    }
}

Test(problem, name_and_batch) {
    struct lw_problem p;
    char why[200];
    cr_assert_eq(lw_problem_parse(LW_CONV, "ic4oc16ih5kh3n\"net:conv_1*3\"", 7, &p, why), LW_PARSE_OK);
    cr_expect_str_eq(p.name, "net:conv_1*3");
    cr_expect_eq(p.desc.batch, 7);
    cr_assert_eq(lw_problem_parse(LW_CONV, "mb3ic4oc16ih5kh3_nplain", 7, &p, why), LW_PARSE_OK);
    cr_expect_str_eq(p.name, "plain");
    cr_expect_eq(p.desc.batch, 7);
    cr_expect(p.desc.bias);
    cr_assert_eq(lw_problem_parse(LW_CONV, "mb3ic4oc16ih5kh3", 0, &p, why), LW_PARSE_OK);
    cr_expect_str_eq(p.name, "");
    cr_expect_eq(p.desc.batch, 3);
}

/* ---- what is refused ----------------------------------------------------------------------------------- */

struct refusal {
    lw_op op;
    const char *string, *why; /* a part of the reason */
};

static void check_refusals(const struct refusal *list, size_t count, enum lw_parse expected) {
    for (size_t i = 0; i < count; i++) {
        struct lw_problem p;
        char why[200];
        enum lw_parse status = lw_problem_parse(list[i].op, list[i].string, 0, &p, why);
        cr_expect_eq(status, expected, "'%s' gives %d: %s", list[i].string, (int)status, why);
        cr_expect_not_null(strstr(why, list[i].why), "'%s': '%s' doesn't say '%s'", list[i].string, why,
                           list[i].why);
        cr_expect_null(strchr(why, '\n'));
    }
}

Test(problem, out_of_scope) {
    static const struct refusal list[] = {
        {LW_CONV, "ic3oc16_id5od5kd3pd1", "3-D"},
        {LW_CONV, "ic32oc13_id13od11kd3pd0_ih13oh12kh3ph0_iw13ow12kw3pw0", "3-D"},
        {LW_CONV, "ic8oc8ih3kh5", "doesn't fit"},
        {LW_CONV, "ic8oc8ih5oh50kh3ph1", "oh50 doesn't fit"},
        {LW_CONV, "ic8oc8ih9iw9kh3kw3ow30oh9ph1pw1", "ow30 doesn't fit"},
        {LW_CONV, "ic8oc8ih5oh7kh3ph0", "4 of padding would follow the end"},
        {LW_CONV, "ic8oc8ih10oh3kh1", "negative"},
        {LW_CONV, "g3ic8oc9ih5kh3", "g3 doesn't divide"},
        {LW_CONV, "g4ic8oc9ih5kh3", "doesn't divide"},
        {LW_MAXPOOL, "ic8ih3kh5sh1ph0", "doesn't fit"},
        {LW_CONV, "mb999999999ic999999999ih999999999oc8kh1", ""},
    };
    check_refusals(list, sizeof list / sizeof *list, LW_PARSE_SKIP);
}

Test(problem, bad_strings) {
    static const struct refusal list[] = {
        {LW_CONV, "", "empty"},
        {LW_CONV, "___", "empty"},
        {LW_CONV, "ic8oc8ih5khx3", "column 10: no number after 'kh'"},
        {LW_CONV, "ic8oc8ih5kh", "no number after 'kh'"},
        {LW_CONV, "ic8_xx3", "column 5: no field begins with 'xx3'"},
        {LW_CONV, "ic8oc8ih5kh3 junk", "column 13"},
        {LW_CONV, "IC8oc8ih5kh3", "column 1"},
        {LW_CONV, "ic8oc8ih5kh-3", "negative"},
        {LW_CONV, "ic8oc8ih5ph-1kh3", "negative"},
        {LW_CONV, "ic8oc8ih0kh3", "'ih' is zero"},
        {LW_CONV, "ic0oc8ih5kh3", "'ic' is zero"},
        {LW_CONV, "mb0ic8oc8ih5kh3", "'mb' is zero"},
        {LW_CONV, "g0ic8oc8ih5kh3", "'g' is zero"},
        {LW_CONV, "ic8oc8ih5kh3sh0", "'sh' is zero"},
        {LW_CONV, "ic99999999999999999999oc8ih5kh3", "larger than 999999999"},
        {LW_CONV, "ic8oc8ih5kh3.5", "column 13"},
        {LW_CONV, "oc8ih5kh3", "no ic"},
        {LW_CONV, "ic8ih5kh3", "no oc"},
        {LW_CONV, "ic8oc8", "no ih"},
        {LW_CONV, "ic8oc8ih5", "no kh"},
        {LW_CONV, "ic8oc8kh3", "no ih"},
        {LW_CONV, "ic8oc8iw5", "no kw"},
        {LW_CONV, "ic8oc8ih5kh3n", "the name is empty"},
        {LW_CONV, "ic8oc8ih5kh3n\"\"", "the name is empty"},
        {LW_CONV, "ic8oc8ih5kh3n\"abc", "no closing quote"},
        {LW_CONV, "ic8oc8ih5kh3n\"abc\"kh3", "after the name"},
        {LW_MAXPOOL, "ic8oc8ih5kh3", "'oc' is no field of a maxpool problem"},
        {LW_SOFTMAX, "ic8kh3", "'kh' is no field of a softmax problem"},
        {LW_LINEAR, "mb1ic8", "no oc"},
        {LW_CONV, "\xff\xfe", "column 1"},
    };
    check_refusals(list, sizeof list / sizeof *list, LW_PARSE_BAD);
}

Test(problem, long_names_and_strings) {
    struct lw_problem p;
    char why[200], string[5000];
    int head = snprintf(string, sizeof string, "ic8oc8ih5kh3n");
    memset(string + head, 'x', sizeof string - (size_t)head);
    string[sizeof string - 1] = '\0';
    cr_expect_eq(lw_problem_parse(LW_CONV, string, 0, &p, why), LW_PARSE_BAD);
    string[head + 127] = '\0';
    cr_expect_eq(lw_problem_parse(LW_CONV, string, 0, &p, why), LW_PARSE_OK);
    cr_expect_eq(strlen(p.name), 127);
    memset(string, 'q', sizeof string - 1);
    cr_expect_eq(lw_problem_parse(LW_CONV, string, 0, &p, why), LW_PARSE_BAD);
}

/* ---- the canonical text -------------------------------------------------------------------------------- */

static uint64_t state = 1;
static int64_t pick(int64_t least, int64_t most) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return least + (int64_t)((state >> 33) % (uint64_t)(most - least + 1));
}

/* Padding on the far side that makes the output fit exactly, so that text and descriptor say the same. */
static int64_t far_pad(int64_t out, int64_t stride, int64_t kernel, int64_t dilation, int64_t in,
                       int64_t pad) {
    return (out - 1) * stride + (kernel - 1) * dilation + 1 - in - pad;
}

/* By fields: the bytes between them may be anything. */
static bool same(const lw_desc *a, const lw_desc *b) {
    return a->op == b->op && a->src_layout == b->src_layout && a->dst_layout == b->dst_layout &&
           memcmp(&a->batch, &b->batch, offsetof(lw_desc, bias) - offsetof(lw_desc, batch)) == 0 &&
           a->bias == b->bias && a->relu == b->relu && a->pool2x2 == b->pool2x2;
}

Test(problem, text_parses_back_to_the_same_descriptor) {
    int kept = 0;
    for (int i = 0; i < 20000; i++) {
        lw_op op = pick(0, 1) ? LW_CONV : LW_MAXPOOL;
        int64_t g = op == LW_CONV ? pick(1, 4) : 1, ic = g * pick(1, 9);
        lw_desc d = lw_conv2d(pick(1, 5), ic, pick(1, 20), pick(1, 20), op == LW_CONV ? g * pick(1, 9) : ic,
                              pick(1, 5), pick(1, 5));
        d.op = op, d.bias = op == LW_CONV, d.groups = g;
        d.stride_h = pick(1, 4), d.stride_w = pick(1, 4), d.dilation_h = pick(1, 3),
        d.dilation_w = pick(1, 3);
        d.pad_top = pick(0, 5), d.pad_left = pick(0, 5);
        d.pad_bottom = far_pad(pick(1, 20), d.stride_h, d.kh, d.dilation_h, d.ih, d.pad_top);
        d.pad_right = far_pad(pick(1, 20), d.stride_w, d.kw, d.dilation_w, d.iw, d.pad_left);
        bool scope = d.pad_bottom <= d.pad_top + (d.kh - 1) * d.dilation_h + 1 &&
                     d.pad_right <= d.pad_left + (d.kw - 1) * d.dilation_w + 1;
        struct lw_problem p;
        char why[200], text[192];
        lw_desc_problem(&d, text, sizeof text);
        enum lw_parse status = lw_problem_parse(op, text, 0, &p, why);
        if (lw_desc_check(&d, NULL) != LW_OK || !scope) {
            cr_assert_eq(status, LW_PARSE_SKIP, "%s: %s", text, why);
            continue;
        }
        kept++;
        cr_assert_eq(status, LW_PARSE_OK, "%s: %s", text, why);
        cr_assert_str_eq(p.text, text);
        cr_assert(same(&p.desc, &d), "%s is another descriptor", text);
    }
    cr_expect_gt(kept, 2000);
}

Test(problem, the_longest_text_has_room) {
    const int64_t big = 999999999;
    lw_desc d = {.op = LW_CONV,
                 .batch = big,
                 .groups = big,
                 .ic = big,
                 .ih = big,
                 .iw = big,
                 .oc = big,
                 .kh = 1,
                 .kw = 1,
                 .stride_h = big,
                 .stride_w = big,
                 .dilation_h = big,
                 .dilation_w = big,
                 .pad_top = big,
                 .pad_left = big};
    char text[400];
    struct lw_problem p;
    lw_desc_problem(&d, text, sizeof text);
    cr_expect_lt(strlen(text) + 16, sizeof p.text); /* the window of 1 could be nine digits more, twice */
}

/* Random bytes and mutated strings: an answer, a reason where there is one, and no crash. */
Test(problem, fuzz, .timeout = 60) {
    static const char alphabet[] = "mbgicodihwksp_n\"0123456789-. \t#";
    for (int i = 0; i < 200000; i++) {
        char string[64], why[200];
        struct lw_problem p;
        size_t length = (size_t)pick(0, 40);
        snprintf(string, sizeof string, "%s", i % 2 ? "mb1_ic32ih14_oc64oh14_kh3_sh1_ph1_dh0_n\"x\"" : "");
        if (i % 2 == 0) string[length] = '\0';
        for (size_t k = 0; k < (i % 2 ? 2 : length); k++) {
            size_t at = i % 2 ? (size_t)pick(0, (int64_t)strlen(string) - 1) : k;
            string[at] = i % 7 == 0 ? (char)pick(1, 255) : alphabet[pick(0, (int64_t)sizeof alphabet - 2)];
        }
        lw_op op = (lw_op)pick(0, LW_OP_COUNT - 1);
        enum lw_parse status = lw_problem_parse(op, string, 0, &p, why);
        if (status == LW_PARSE_OK)
            cr_assert_eq(lw_desc_check(&p.desc, NULL), LW_OK);
        else
            cr_assert(why[0] != '\0' && strlen(why) < 200 && strchr(why, '\n') == NULL);
    }
}

/* ---- files --------------------------------------------------------------------------------------------- */

static bool read_text(const char *text, size_t size, struct lw_problem_list *list, char why[200]) {
    char path[] = "/tmp/lanewise-problem-XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, size), (ssize_t)size);
    close(file);
    bool ok = lw_problem_read_file(LW_CONV, path, 0, list, why);
    unlink(path);
    return ok;
}

Test(problem, file_of_every_kind_of_line) {
    static const char text[] = "\xEF\xBB\xBF# comment\r\n"
                               "\r\n"
                               "--reset\n"
                               "--dir=FWD_B  ic3oc4ih5kh3n\"a # b\"# c\r\n"
                               "  \tmb1ic3oc4ih5kh3   # after it\n"
                               "--batch=other\n"
                               "ic3oc4id5kd3\n"
                               "rubbish\n"
                               "ic3oc4ih5kh3 ic3oc4ih6kh3";
    struct lw_problem_list list = {0};
    char why[200];
    cr_assert(read_text(text, sizeof text - 1, &list, why), "%s", why);
    static const struct {
        enum lw_parse status;
        int line;
        const char *text, *why;
    } expected[] = {
        {LW_PARSE_SKIP, 3, "--reset", "benchdnn option, ignored"},
        {LW_PARSE_SKIP, 4, "--dir=FWD_B", "benchdnn option, ignored"},
        {LW_PARSE_OK, 4, "ic3oc4ih5kh3n\"a # b\"", ""},
        {LW_PARSE_OK, 5, "mb1ic3oc4ih5kh3", ""},
        {LW_PARSE_SKIP, 6, "--batch=other", "benchdnn option, ignored"},
        {LW_PARSE_SKIP, 7, "ic3oc4id5kd3", "3-D"},
        {LW_PARSE_BAD, 8, "rubbish", "column 1"},
        {LW_PARSE_OK, 9, "ic3oc4ih5kh3", ""},
        {LW_PARSE_OK, 9, "ic3oc4ih6kh3", ""},
    };
    cr_assert_eq(list.count, sizeof expected / sizeof *expected, "%zu lines", list.count);
    for (size_t i = 0; i < list.count; i++) {
        cr_expect_eq(list.lines[i].status, expected[i].status, "%s: %s", list.lines[i].text,
                     list.lines[i].why);
        cr_expect_eq(list.lines[i].line, expected[i].line);
        cr_expect_str_eq(list.lines[i].text, expected[i].text);
        cr_expect_not_null(strstr(list.lines[i].why, expected[i].why));
    }
    cr_expect_str_eq(list.lines[2].problem.name, "a # b");
    lw_problem_list_free(&list);
}

Test(problem, files_that_cannot_be_read) {
    struct lw_problem_list list = {0};
    char why[200], text[10000];
    cr_expect_not(lw_problem_read_file(LW_CONV, "/nonexistent/file", 0, &list, why));
    cr_expect_not_null(strstr(why, "No such file"));
    cr_expect_not(lw_problem_read_file(LW_CONV, "/", 0, &list, why));
    cr_expect_not_null(strstr(why, "directory"));
    cr_expect_not(read_text("ic3oc4ih5kh3\n\0\1\2", 16, &list, why));
    cr_expect_not_null(strstr(why, "not a text file"));
    lw_problem_list_free(&list);
    memset(text, 'i', sizeof text);
    cr_expect_not(read_text(text, sizeof text, &list, why));
    cr_expect_not_null(strstr(why, ":1: line longer"));
    cr_expect(read_text("", 0, &list, why));
    cr_expect_eq(list.count, 0);
    lw_problem_list_free(&list);
}

Test(problem, list_of_many) {
    struct lw_problem_list list = {0};
    for (int i = 1; i <= 1000; i++) {
        char string[64];
        snprintf(string, sizeof string, "ic%doc4ih5kh3", i);
        cr_assert(lw_problem_add(LW_CONV, string, 0, &list));
    }
    cr_assert_eq(list.count, 1000);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(list.lines[i].problem.desc.ic, i + 1);
    lw_problem_list_free(&list);
    cr_assert_null(list.lines);
}
