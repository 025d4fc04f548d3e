/* A table of decisions, sorted by what they answer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dispatch/error.h"
#include "dispatch/plan.h"
#include "dispatch/wisdom.h"

static const double longest_ns = 1e14;

lw_status lw_wisdom_create(lw_wisdom **out, lw_error *err) {
    if (!out) return lw_fail(err, LW_ERR_INVALID, "the pointer to the wisdom is NULL");
    *out = calloc(1, sizeof **out);
    if (!*out) return lw_fail(err, LW_ERR_NO_MEMORY, "no memory for wisdom");
    lw_wisdom_here((*out)->header);
    return lw_succeed(err);
}

void lw_wisdom_free(lw_wisdom *w) {
    if (!w) return;
    for (size_t i = 0; i < w->count; i++)
        free(w->list[i]);
    free(w->list);
    free(w);
}

const char *lw_wisdom_cpu(const lw_wisdom *w) { return w ? w->header[LW_WISDOM_CPU] : ""; }
const char *lw_wisdom_cpu_kind(const lw_wisdom *w) { return w ? w->header[LW_WISDOM_KIND] : ""; }

/* ---- order --------------------------------------------------------------------------------------------- */

static int compare_numbers(double a, double b) { return (a > b) - (a < b); }

/* What is asked first, then how: decisions of one problem, number of threads and kind of plan stand together,
 * the tightest budgets first. */
static int compare_question(const lw_decision *a, const lw_decision *b) {
    int order = strcmp(a->problem, b->problem);
    if (!order) order = compare_numbers(a->threads, b->threads);
    return order ? order : (int)a->reproducible - (int)b->reproducible;
}

/* 0 is no limit: the loosest, as a number. */
static size_t limit_of(const lw_decision *d) { return d->max_workspace - 1; }

static int compare(const lw_decision *a, const lw_decision *b) {
    int order = compare_question(a, b);
    if (!order) order = compare_numbers(a->max_error, b->max_error);
    return order ? order : (limit_of(a) > limit_of(b)) - (limit_of(a) < limit_of(b));
}

/* The first that isn't before the one asked for. */
static size_t lower_bound(const struct lw_wisdom *w, const lw_decision *asked) {
    size_t low = 0, high = w->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(w->list[mid], asked) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static lw_decision question(const lw_desc *desc, const lw_options *opt, char text[256]) {
    lw_desc_text(desc, text, 256);
    int threads = opt->pool ? lw_pool_threads(opt->pool) : opt->threads;
    return (lw_decision){.problem = text,
                         .max_error = opt->max_error,
                         .max_workspace = opt->max_workspace,
                         .threads = threads ? threads : 1,
                         .reproducible = opt->reproducible};
}

bool lw_wisdom_get(const lw_wisdom *w, size_t index, lw_decision *decision) {
    if (!w || !decision || index >= w->count) return false;
    *decision = *w->list[index];
    return true;
}

bool lw_wisdom_find(const lw_wisdom *w, const lw_desc *desc, const lw_options *opt, lw_decision *decision) {
    char text[256];
    lw_options defaults = lw_default_options();
    if (!w || !decision || lw_desc_check(desc, NULL) != LW_OK) return false;
    lw_decision asked = question(desc, opt ? opt : &defaults, text);
    size_t i = lower_bound(w, &asked);
    return i < w->count && compare(w->list[i], &asked) == 0 && lw_wisdom_get(w, i, decision);
}

const lw_decision *lw_wisdom_covering(const struct lw_wisdom *w, const lw_desc *desc, const lw_options *opt) {
    char text[256];
    lw_decision asked = question(desc, opt, text);
    for (size_t i = lower_bound(w, &asked); i < w->count && compare_question(w->list[i], &asked) == 0; i++)
        if (limit_of(w->list[i]) >= limit_of(&asked)) return w->list[i];
    return NULL;
}

/* ---- adding -------------------------------------------------------------------------------------------- */

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

static bool is_made_of(const char *text, const char *letters, size_t most) {
    size_t length = text ? strspn(text, letters) : 0;
    return length > 0 && length < most && !text[length];
}

/* Four words, one space between. */
static bool is_problem(const char *text) {
    if (!is_made_of(text, NAME_LETTERS ">+ ", 256) || *text == ' ' || strstr(text, "  ")) return false;
    size_t words = 1;
    for (const char *c = text; *c; c++)
        words += *c == ' ';
    return words == 4 && text[strlen(text) - 1] != ' ';
}

static bool is_time(double ns) { return ns > 0 && ns <= longest_ns; }

static lw_status check_rows(const lw_decision *d, lw_error *err) {
    for (size_t i = 0; i < d->count; i++) {
        const lw_timing *t = &d->rows[i];
        if (!is_made_of(t->kernel, NAME_LETTERS, 128))
            return lw_fail(err, LW_ERR_INVALID, "row %zu has no proper name", i);
        if (!is_time(t->ns) || !is_time(t->ns_low) || !is_time(t->ns_high) || t->ns_low > t->ns ||
            t->ns_high < t->ns || !(t->cold_ns == 0 || is_time(t->cold_ns)))
            return lw_fail(err, LW_ERR_INVALID, "the time of %s makes no sense", t->kernel);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(t->kernel, d->rows[k].kernel))
                return lw_fail(err, LW_ERR_INVALID, "%s is there twice", t->kernel);
    }
    return LW_OK;
}

static lw_status check(const lw_decision *d, lw_error *err) {
    if (!is_problem(d->problem))
        return lw_fail(err, LW_ERR_INVALID, "the problem is not as lw_desc_text() writes one");
    if (!(d->max_error >= 0) || isinf(d->max_error) || d->threads < 1 || d->threads > LW_MAX_THREADS)
        return lw_fail(err, LW_ERR_INVALID, "the error budget or the number of threads makes no sense");
    if (!d->rows || d->count < 1 || d->count > 1000 || d->tied < 1 || d->tied > d->count)
        return lw_fail(err, LW_ERR_INVALID, "there are %zu rows, and %zu of them tie", d->count, d->tied);
    return check_rows(d, err);
}

/* As it is written: tenths of a nanosecond, but not less than one. */
static double rounded(double ns) { return ns > 0 ? fmax(floor(ns * 10 + 0.5), 1) / 10 : 0; }

static const char *copy_text(char **at, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

/* The decision, its rows and their names in one block. */
static lw_decision *copy(const lw_decision *d) {
    size_t bytes = sizeof *d + d->count * sizeof *d->rows + strlen(d->problem) + 1;
    for (size_t i = 0; i < d->count; i++)
        bytes += strlen(d->rows[i].kernel) + 1;
    lw_decision *to = malloc(bytes);
    if (!to) return NULL;
    lw_timing *rows = (lw_timing *)(to + 1);
    char *text = (char *)(rows + d->count);
    *to = *d;
    to->problem = copy_text(&text, d->problem);
    to->rows = rows;
    for (size_t i = 0; i < d->count; i++) {
        const lw_timing *t = &d->rows[i];
        rows[i] = (lw_timing){copy_text(&text, t->kernel), rounded(t->ns), rounded(t->ns_low),
                              rounded(t->ns_high), rounded(t->cold_ns)};
    }
    return to;
}

static bool make_room(struct lw_wisdom *w) {
    if (w->count < w->room) return true;
    size_t room = w->room ? 2 * w->room : 16;
    lw_decision **list = realloc(w->list, room * sizeof *list);
    if (!list) return false;
    w->list = list;
    w->room = room;
    return true;
}

lw_status lw_wisdom_add(lw_wisdom *w, const lw_decision *decision, lw_error *err) {
    if (!w || !decision) return lw_fail(err, LW_ERR_INVALID, "the wisdom or the decision is NULL");
    lw_status status = check(decision, err);
    if (status != LW_OK) return status;
    lw_decision *d = copy(decision);
    if (!d || !make_room(w)) {
        free(d);
        return lw_fail(err, LW_ERR_NO_MEMORY, "no memory for wisdom");
    }
    size_t i = lower_bound(w, d);
    if (i < w->count && compare(w->list[i], d) == 0) {
        free(w->list[i]);
    } else {
        memmove(w->list + i + 1, w->list + i, (w->count - i) * sizeof *w->list);
        w->count++;
    }
    w->list[i] = d;
    return lw_succeed(err);
}
