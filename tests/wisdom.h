/* Helpers of the suites about wisdom: decisions about this CPU's rows, and texts that were tampered with. */
#ifndef LW_TEST_WISDOM_H
#define LW_TEST_WISDOM_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dispatch/wisdom_text.h"
#include "lanewise.h"

static inline lw_desc conv2(void) {
    lw_desc d = lw_conv2d(1, 32, 14, 14, 64, 3, 3);
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
    d.relu = true;
    return d;
}

/* Adds what a tune would have found with these options, were the time of row i that many ns: all rows that
 * are eligible, the registry's last one first, so that it isn't what the estimate picks. Returns how many. */
static inline size_t add_backwards(lw_wisdom *w, const lw_desc *d, const lw_options *opt) {
    lw_explanation *e;
    lw_timing rows[64];
    char problem[256];
    lw_error err;
    size_t count = 0;
    cr_assert_eq(lw_explain(&e, d, opt, &err), LW_OK, "%s", err.text);
    for (size_t i = e->count; i-- > 0;) {
        double ns = 1000.0 * (double)(count + 1);
        if (e->candidates[i].eligible)
            rows[count++] = (lw_timing){e->candidates[i].kernel, ns, ns - 10, ns + 10.5, 2 * ns};
    }
    lw_desc_text(d, problem, sizeof problem);
    lw_decision decision = {
        problem, opt->max_error, opt->max_workspace, opt->threads, opt->reproducible, false, count, 1, rows};
    cr_assert_eq(lw_wisdom_add(w, &decision, &err), LW_OK, "%s", err.text);
    lw_explanation_free(e);
    return count;
}

static inline lw_wisdom *some_wisdom(void) {
    lw_wisdom *w;
    lw_options opt = lw_default_options(), tight = opt, reproducible = opt;
    lw_desc d = conv2(), pool = lw_maxpool2d(1, 32, 28, 28, 2, 2, 0);
    tight.max_error = LW_ERROR_TIGHT;
    tight.max_workspace = (size_t)1 << 30;
    reproducible.reproducible = true;
    cr_assert_eq(lw_wisdom_create(&w, NULL), LW_OK);
    add_backwards(w, &d, &opt);
    add_backwards(w, &d, &tight);
    add_backwards(w, &d, &reproducible);
    add_backwards(w, &pool, &opt);
    return w;
}

/* To be freed. Not inlined: gcc 12 would take what strstr() finds in the text for a pointer to `text`. */
__attribute__((noinline, unused)) static char *text_of_wisdom(const lw_wisdom *w) {
    char *text;
    size_t size;
    cr_assert_eq(lw_wisdom_write(w, &text, &size, NULL), LW_OK);
    cr_assert_eq(strlen(text), size);
    return text;
}
static inline char *known_text(void) {
    char *text;
    cr_assert_eq(lw_wisdom_export(&text, NULL, NULL), LW_OK);
    return text;
}

/* Makes the last line's checksum fit what stands before it, where there is such a line. */
static inline void reseal(char *text) {
    char *end = strstr(text, "\nend "), *sum = end ? strchr(end + 5, ' ') : NULL;
    if (!sum || strlen(sum) != 18) return;
    sprintf(sum + 1, "%016llx\n", (unsigned long long)lw_wisdom_checksum(text, (size_t)(end + 1 - text)));
}

/* The text with its first `what` replaced, sealed again; to be freed. */
static inline char *altered(const char *text, const char *what, const char *with) {
    char *copy = calloc(1, strlen(text) + strlen(with) + 1);
    cr_assert(copy && strstr(text, what), "'%s' isn't in the text", what);
    size_t at = strlen(text) - strlen(strstr(text, what));
    memcpy(copy, text, at);
    strcat(strcpy(copy + at, with), text + at + strlen(what));
    reseal(copy);
    return copy;
}

#endif
