/* benchdnn's grammar: fields are a short name and a number, in any order, `_` is ignored, n ends the string.
 * What is absent is deduced by benchdnn's rules; see deduce(). */
#include "problem.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum field {
    F_MB,
    F_G,
    F_IC,
    F_OC,
    F_ID,
    F_IH,
    F_IW,
    F_OD,
    F_OH,
    F_OW,
    F_KD,
    F_KH,
    F_KW,
    F_SD,
    F_SH,
    F_SW,
    F_PD,
    F_PH,
    F_PW,
    F_DD,
    F_DH,
    F_DW,
    F_COUNT
};

#define ON(op) (1u << (op))
enum { SPATIAL = ON(LW_CONV) | ON(LW_MAXPOOL), FLAT = ON(LW_LINEAR) | ON(LW_RELU) | ON(LW_SOFTMAX) };

static const struct {
    const char name[3];
    unsigned ops; /* which operations have the field */
    int64_t least;
} fields[F_COUNT] = {
    [F_MB] = {"mb", SPATIAL | FLAT, 1}, [F_G] = {"g", ON(LW_CONV), 1},
    [F_IC] = {"ic", SPATIAL | FLAT, 1}, [F_OC] = {"oc", ON(LW_CONV) | ON(LW_LINEAR), 1},
    [F_ID] = {"id", SPATIAL, 1},        [F_IH] = {"ih", SPATIAL | FLAT, 1},
    [F_IW] = {"iw", SPATIAL | FLAT, 1}, [F_OD] = {"od", SPATIAL, 1},
    [F_OH] = {"oh", SPATIAL, 1},        [F_OW] = {"ow", SPATIAL, 1},
    [F_KD] = {"kd", SPATIAL, 1},        [F_KH] = {"kh", SPATIAL, 1},
    [F_KW] = {"kw", SPATIAL, 1},        [F_SD] = {"sd", SPATIAL, 1},
    [F_SH] = {"sh", SPATIAL, 1},        [F_SW] = {"sw", SPATIAL, 1},
    [F_PD] = {"pd", SPATIAL, 0},        [F_PH] = {"ph", SPATIAL, 0},
    [F_PW] = {"pw", SPATIAL, 0},        [F_DD] = {"dd", SPATIAL, 0},
    [F_DH] = {"dh", SPATIAL, 0},        [F_DW] = {"dw", SPATIAL, 0},
};

/* Nine digits: far beyond any tensor, and products of two never overflow. */
#define LARGEST 999999999

enum { WHY = 200 };
#define FAIL(status, ...) (snprintf(why, WHY, __VA_ARGS__), status)

/* ---- reading ------------------------------------------------------------------------------------------- */

struct values {
    int64_t v[F_COUNT]; /* -1: absent */
};

static enum field find_field(const char *s) {
    enum field f = 0;
    while (f < F_COUNT && strncmp(s, fields[f].name, strlen(fields[f].name)) != 0)
        f++;
    return f;
}

/* How much of the string to quote in a message. */
static int snippet(const char *s) {
    return (int)strcspn(s, "_ \t\r\n") < 20 ? (int)strcspn(s, "_ \t\r\n") : 20;
}

static enum lw_parse read_field(lw_op op, const char *string, const char **at, struct values *out,
                                char *why) {
    const char *s = *at;
    int column = (int)(s - string) + 1;
    enum field f = find_field(s);
    if (f == F_COUNT)
        return FAIL(LW_PARSE_BAD, "column %d: no field begins with '%.*s'", column, snippet(s), s);
    const char *name = fields[f].name;
    if (!(fields[f].ops & ON(op)))
        return FAIL(LW_PARSE_BAD, "column %d: '%s' is no field of a %s problem", column, name,
                    lw_op_name(op));
    s += strlen(name);
    if (*s == '-') return FAIL(LW_PARSE_BAD, "column %d: '%s' is negative", column, name);
    if (!isdigit((unsigned char)*s))
        return FAIL(LW_PARSE_BAD, "column %d: no number after '%s'", column, name);
    int64_t value = 0;
    for (; isdigit((unsigned char)*s); s++) {
        value = value * 10 + (*s - '0');
        if (value > LARGEST)
            return FAIL(LW_PARSE_BAD, "column %d: '%s' is larger than %d", column, name, LARGEST);
    }
    if (value < fields[f].least) return FAIL(LW_PARSE_BAD, "column %d: '%s' is zero", column, name);
    out->v[f] = value; /* the last one counts, as in benchdnn */
    *at = s;
    return LW_PARSE_OK;
}

/* n"name" or nname: the rest of the string. */
static enum lw_parse read_name(const char *string, const char *s, char *name, size_t size, char *why) {
    int column = (int)(s - string) + 1;
    size_t length;
    s++;
    if (*s == '"') {
        const char *end = strchr(++s, '"');
        if (end == NULL) return FAIL(LW_PARSE_BAD, "column %d: the name has no closing quote", column);
        if (end[1] != '\0')
            return FAIL(LW_PARSE_BAD, "column %d: '%.*s' after the name", (int)(end - string) + 2, 20,
                        end + 1);
        length = (size_t)(end - s);
    } else {
        length = strlen(s);
    }
    if (length == 0) return FAIL(LW_PARSE_BAD, "column %d: the name is empty", column);
    if (length >= size) return FAIL(LW_PARSE_BAD, "column %d: the name is longer than %zu", column, size - 1);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)s[i] < ' ')
            return FAIL(LW_PARSE_BAD, "column %d: control character in the name", column);
    memcpy(name, s, length);
    name[length] = '\0';
    return LW_PARSE_OK;
}

static enum lw_parse read_string(lw_op op, const char *string, struct values *out, char *name,
                                 size_t name_size, char *why) {
    for (int f = 0; f < F_COUNT; f++)
        out->v[f] = -1;
    name[0] = '\0';
    const char *s = string;
    while (*s != '\0') {
        enum lw_parse status = LW_PARSE_OK;
        if (*s == '_')
            s++;
        else if (*s == 'n')
            return read_name(string, s, name, name_size, why);
        else
            status = read_field(op, string, &s, out, why);
        if (status != LW_PARSE_OK) return status;
    }
    return LW_PARSE_OK;
}

/* ---- deducing ------------------------------------------------------------------------------------------ */

/* One spatial dimension. */
struct axis {
    const char *name;
    int64_t in, out, kernel, stride, pad, dilate; /* dilate: minus one, as written */
    int64_t pad_hi;
};

static struct axis get_axis(const struct values *v, const char *name, int offset) {
    const int64_t *f = v->v + offset;
    return (struct axis){.name = name,
                         .in = f[F_ID],
                         .out = f[F_OD],
                         .kernel = f[F_KD],
                         .stride = f[F_SD],
                         .pad = f[F_PD],
                         .dilate = f[F_DD]};
}

static bool is_given(const struct axis *a) { return a->in > 0 || a->out > 0 || a->kernel > 0; }

static void fill_in(int64_t *value, int64_t with) {
    if (*value < 0) *value = with;
}

static int64_t reach(const struct axis *a) { return (a->kernel - 1) * (a->dilate + 1) + 1; }

/* Output or padding from the rest; the padding after the end is what makes the output fit exactly. */
static enum lw_parse solve_axis(struct axis *a, char *why) {
    if (a->in < 0) return FAIL(LW_PARSE_BAD, "no i%s", a->name);
    if (a->kernel < 0) return FAIL(LW_PARSE_BAD, "no k%s", a->name);
    fill_in(&a->stride, 1);
    fill_in(&a->dilate, 0);
    if (a->out < 0) {
        fill_in(&a->pad, 0);
        int64_t room = a->in + 2 * a->pad - reach(a);
        if (room < 0)
            return FAIL(LW_PARSE_SKIP, "the window of %lld doesn't fit i%s%lld with p%s%lld",
                        (long long)reach(a), a->name, (long long)a->in, a->name, (long long)a->pad);
        a->out = room / a->stride + 1;
    }
    int64_t padding = (a->out - 1) * a->stride + reach(a) - a->in; /* on both sides together */
    if (a->pad < 0 && padding / 2 < 0)
        return FAIL(LW_PARSE_SKIP, "o%s%lld doesn't fit i%s%lld: the padding would be negative", a->name,
                    (long long)a->out, a->name, (long long)a->in);
    fill_in(&a->pad, padding / 2);
    a->pad_hi = padding - a->pad;
    int64_t limit = a->pad + reach(a); /* more, and windows lie beyond the end that nobody can have meant */
    if (a->pad_hi > limit)
        return FAIL(LW_PARSE_SKIP, "o%s%lld doesn't fit i%s%lld: %lld of padding would follow the end",
                    a->name, (long long)a->out, a->name, (long long)a->in, (long long)a->pad_hi);
    return LW_PARSE_OK;
}

/* benchdnn's rule: a width that isn't mentioned is the height. Where it is only partly described, which
 * benchdnn refuses, the missing input, kernel, stride, padding and dilation are the height's too. */
static void width_from_height(struct axis *w, const struct axis *h) {
    if (w->in > 0 && w->kernel > 0) return;
    fill_in(&w->in, h->in);
    fill_in(&w->kernel, h->kernel);
    fill_in(&w->stride, h->stride);
    if (w->out < 0 || w->in == h->in) fill_in(&w->pad, h->pad);
    fill_in(&w->dilate, h->dilate);
    if (w->in == h->in && w->kernel == h->kernel && w->stride == h->stride && w->pad == h->pad &&
        w->dilate == h->dilate)
        fill_in(&w->out, h->out);
}

static bool is_3d(const struct values *v) {
    const int64_t *f = v->v;
    return f[F_ID] > 1 || f[F_OD] > 1 || f[F_KD] > 1 || f[F_PD] > 0;
}

static enum lw_parse deduce_window(const struct values *v, lw_desc *d, char *why) {
    if (is_3d(v)) return FAIL(LW_PARSE_SKIP, "3-D: only problems of height and width are in scope");
    struct axis h = get_axis(v, "h", 1), w = get_axis(v, "w", 2);
    if (!is_given(&h) && !is_given(&w)) return FAIL(LW_PARSE_BAD, "no ih");
    if (is_given(&h)) {
        enum lw_parse status = solve_axis(&h, why);
        if (status != LW_PARSE_OK) return status;
        width_from_height(&w, &h);
    } else {
        h = (struct axis){.name = "h", .in = 1, .out = 1, .kernel = 1, .stride = 1}; /* 1-D */
    }
    enum lw_parse status = solve_axis(&w, why);
    if (status != LW_PARSE_OK) return status;
    d->ih = h.in, d->kh = h.kernel, d->stride_h = h.stride, d->dilation_h = h.dilate + 1;
    d->iw = w.in, d->kw = w.kernel, d->stride_w = w.stride, d->dilation_w = w.dilate + 1;
    d->pad_top = h.pad, d->pad_bottom = h.pad_hi, d->pad_left = w.pad, d->pad_right = w.pad_hi;
    return LW_PARSE_OK;
}

static enum lw_parse deduce_flat(const struct values *v, lw_desc *d) {
    d->ih = v->v[F_IH] > 0 ? v->v[F_IH] : 1;
    d->iw = v->v[F_IW] > 0 ? v->v[F_IW] : d->ih;
    return LW_PARSE_OK;
}

static enum lw_parse deduce(lw_op op, const struct values *v, int64_t mb, lw_desc *d, char *why) {
    *d = (lw_desc){.op = op,
                   .src_layout = LW_NCHW,
                   .dst_layout = LW_NCHW,
                   .groups = 1,
                   .kh = 1,
                   .kw = 1,
                   .stride_h = 1,
                   .stride_w = 1,
                   .dilation_h = 1,
                   .dilation_w = 1};
    bool has_oc = (fields[F_OC].ops & ON(op)) != 0;
    if (v->v[F_IC] < 0) return FAIL(LW_PARSE_BAD, "no ic");
    if (has_oc && v->v[F_OC] < 0) return FAIL(LW_PARSE_BAD, "no oc");
    d->batch = mb > 0 ? mb : v->v[F_MB] > 0 ? v->v[F_MB] : 2;
    d->ic = v->v[F_IC];
    d->oc = has_oc ? v->v[F_OC] : d->ic;
    d->bias = has_oc;
    if (v->v[F_G] > 0) d->groups = v->v[F_G];
    enum lw_parse status = SPATIAL & ON(op) ? deduce_window(v, d, why) : deduce_flat(v, d);
    if (status != LW_PARSE_OK) return status;
    if (d->ic % d->groups != 0 || d->oc % d->groups != 0)
        return FAIL(LW_PARSE_SKIP, "g%lld doesn't divide ic%lld and oc%lld", (long long)d->groups,
                    (long long)d->ic, (long long)d->oc);
    lw_error error;
    if (lw_desc_check(d, &error) != LW_OK) return FAIL(LW_PARSE_SKIP, "%.*s", WHY - 1, error.text);
    return LW_PARSE_OK;
}

/* ---- the interface ------------------------------------------------------------------------------------- */

enum lw_parse lw_problem_parse(lw_op op, const char *string, int64_t mb, struct lw_problem *out,
                               char why[200]) {
    struct values v;
    memset(out, 0, sizeof *out);
    why[0] = '\0';
    if (string[strspn(string, "_")] == '\0') return FAIL(LW_PARSE_BAD, "the problem string is empty");
    enum lw_parse status = read_string(op, string, &v, out->name, sizeof out->name, why);
    if (status == LW_PARSE_OK) status = deduce(op, &v, mb, &out->desc, why);
    if (status == LW_PARSE_OK) lw_desc_problem(&out->desc, out->text, sizeof out->text);
    return status;
}
