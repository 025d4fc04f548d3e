/* `lanewise pick --emit c` and `--emit h`: the picks as a table in C, and two functions over it. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "pick.h"

/* ---- the descriptor's fields, in their order ----------------------------------------------------------- */

static const struct {
    const char *name;
    size_t offset;
    bool begins_line;
} sizes[] = {
#define SIZE(field, begins_line)                                                                             \
    { #field, offsetof(lw_desc, field), begins_line }
    SIZE(batch, true),     SIZE(groups, false),   SIZE(ic, false),         SIZE(ih, false),
    SIZE(iw, false),       SIZE(oc, false),       SIZE(kh, true),          SIZE(kw, false),
    SIZE(stride_h, false), SIZE(stride_w, false), SIZE(dilation_h, false), SIZE(dilation_w, false),
    SIZE(pad_top, true),   SIZE(pad_left, false), SIZE(pad_bottom, false), SIZE(pad_right, false),
#undef SIZE
};

static const struct {
    const char *name;
    size_t offset;
} flags[] = {{"bias", offsetof(lw_desc, bias)},
             {"relu", offsetof(lw_desc, relu)},
             {"pool2x2", offsetof(lw_desc, pool2x2)}};

static int64_t size_of(const lw_desc *d, size_t i) {
    return *(const int64_t *)(const void *)((const char *)d + sizes[i].offset);
}
static bool flag_of(const lw_desc *d, size_t i) {
    return *(const bool *)(const void *)((const char *)d + flags[i].offset);
}

static bool same_desc(const lw_desc *a, const lw_desc *b) {
    bool same = a->op == b->op && a->src_layout == b->src_layout && a->dst_layout == b->dst_layout;
    for (size_t i = 0; i < CLI_COUNT(sizes); i++)
        same = same && size_of(a, i) == size_of(b, i);
    for (size_t i = 0; i < CLI_COUNT(flags); i++)
        same = same && flag_of(a, i) == flag_of(b, i);
    return same;
}

/* Descriptors that are given twice get one entry. */
static bool is_repeated(const struct pick_list *list, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (same_desc(&list->items[k].desc, &list->items[i].desc)) return true;
    return false;
}

static size_t count_entries(const struct pick_list *list) {
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += !is_repeated(list, i);
    return count;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

struct writer {
    FILE *out;
    const struct pick_list *list;
    const char *prefix;
    char capitals[PICK_PREFIX_MAX + 1]; /* the prefix in them */
};

static const char *in_capitals(const char *text, char *copy, size_t size) {
    size_t n = 0;
    for (; text[n] && n + 1 < size; n++)
        copy[n] = (char)toupper((unsigned char)text[n]);
    copy[n] = 0;
    return copy;
}

/* %p is the prefix, %P the same in capitals. */
static void put(const struct writer *w, const char *text) {
    for (const char *s = text; *s; s++)
        if (*s == '%')
            fputs(*++s == 'p' ? w->prefix : w->capitals, w->out);
        else
            fputc(*s, w->out);
}

static void put_declarations(const struct writer *w) {
    char cpu[96];
    fprintf(w->out, "/* The kernels that lanewise %d.%d.%d picked for %s: written by lanewise pick. */\n",
            LW_VERSION_MAJOR, LW_VERSION_MINOR, LW_VERSION_PATCH, pick_plain(w->list->cpu, cpu, sizeof cpu));
    put(w, "#ifndef %P_H\n"
           "#define %P_H\n\n"
           "#include <lanewise.h>\n\n");
    fprintf(w->out, "#define %s_COUNT %zu\n\n", w->capitals, count_entries(w->list));
    put(w, "struct %p_entry {\n"
           "    const char *name, *kernel;\n"
           "    lw_desc desc;\n"
           "};\n"
           "extern const struct %p_entry %p[%P_COUNT];\n\n"
           "/* The kernel picked for a descriptor, for lw_options.kernel; NULL: it isn't in the table. */\n"
           "const char *%p_kernel(const lw_desc *desc);\n\n"
           "/* lw_plan_create of %p[index].desc on its kernel, with the other options of opt (NULL: the\n"
           " * defaults). LW_ERR_INVALID past the end, LW_ERR_ISA where this CPU can't run the kernel. */\n"
           "lw_status %p_plan(lw_plan **plan, size_t index, const float *weights, const float *bias,\n"
           "        const lw_options *opt, lw_error *err);\n\n"
           "#endif\n");
}

static void put_entry(const struct writer *w, const struct pick *p) {
    const lw_desc *d = &p->desc;
    char name[256], op[16], src[16], dst[16];
    fprintf(w->out,
            "    {.name = \"%s\",\n     .kernel = \"%s\", /* %s */\n"
            "     .desc = {.op = LW_%s, .src_layout = LW_%s, .dst_layout = LW_%s",
            pick_plain(p->name, name, sizeof name), p->row.kernel, p->rule,
            in_capitals(lw_op_name(d->op), op, sizeof op),
            in_capitals(lw_layout_name(d->src_layout), src, sizeof src),
            in_capitals(lw_layout_name(d->dst_layout), dst, sizeof dst));
    for (size_t i = 0; i < CLI_COUNT(sizes); i++)
        fprintf(w->out, ",%s.%s = %" PRId64, sizes[i].begins_line ? "\n              " : " ", sizes[i].name,
                size_of(d, i));
    for (size_t i = 0; i < CLI_COUNT(flags); i++)
        fprintf(w->out, ",%s.%s = %s", i ? " " : "\n              ", flags[i].name,
                flag_of(d, i) ? "true" : "false");
    fputs("}},\n", w->out);
}

static void put_table(const struct writer *w) {
    put(w, "\nconst struct %p_entry %p[%P_COUNT] = {\n");
    for (size_t i = 0; i < w->list->count; i++)
        if (!is_repeated(w->list, i)) put_entry(w, &w->list->items[i]);
    put(w, "};\n");
}

static void put_functions(const struct writer *w) {
    put(w, "\nstatic bool %p_same(const lw_desc *a, const lw_desc *b) {\n"
           "    return a->op == b->op && a->src_layout == b->src_layout && a->dst_layout == b->dst_layout");
    for (size_t i = 0; i < CLI_COUNT(sizes); i++)
        fprintf(w->out, " &&%sa->%s == b->%s", i % 2 ? " " : "\n           ", sizes[i].name, sizes[i].name);
    for (size_t i = 0; i < CLI_COUNT(flags); i++)
        fprintf(w->out, " &&%sa->%s == b->%s", i ? " " : "\n           ", flags[i].name, flags[i].name);
    put(w, ";\n}\n\n"
           "const char *%p_kernel(const lw_desc *desc) {\n"
           "    for (size_t i = 0; i < %P_COUNT; i++)\n"
           "        if (%p_same(&%p[i].desc, desc)) return %p[i].kernel;\n"
           "    return NULL;\n"
           "}\n\n"
           "lw_status %p_plan(lw_plan **plan, size_t index, const float *weights, const float *bias,\n"
           "        const lw_options *opt, lw_error *err) {\n"
           "    lw_options options = opt ? *opt : lw_default_options();\n"
           "    if (index >= %P_COUNT) {\n"
           "        if (plan) *plan = NULL;\n"
           "        if (err) *err = (lw_error){LW_ERR_INVALID, \"no such entry in %p\"};\n"
           "        return LW_ERR_INVALID;\n"
           "    }\n"
           "    options.kernel = %p[index].kernel;\n");
    if (w->list->reproducible) put(w, "    options.reproducible = true;\n");
    put(w, "    return lw_plan_create(plan, &%p[index].desc, weights, bias, &options, err);\n"
           "}\n");
}

static struct writer start(const struct pick_list *list, const char *prefix, FILE *out) {
    struct writer w = {.out = out, .list = list, .prefix = prefix};
    in_capitals(prefix, w.capitals, sizeof w.capitals);
    put_declarations(&w);
    return w;
}

void pick_emit_h(const struct pick_list *list, const char *prefix, FILE *out) { start(list, prefix, out); }

void pick_emit_c(const struct pick_list *list, const char *prefix, FILE *out) {
    const struct writer w = start(list, prefix, out);
    put_table(&w);
    put_functions(&w);
}
