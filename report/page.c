#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "text.h"

/* Made by cmake/embed.cmake from page/. */
struct lw_text {
    const char *name, *text;
};
extern const struct lw_text lw_texts_lw_report_page[];

/* ---- the data ------------------------------------------------------------------------------------------ */

static void write_member(FILE *out, const char *key, const char *value) {
    text_json(out, key);
    fputc(':', out);
    text_json(out, value);
}

static void write_context(FILE *out, const struct report_run *run) {
    const cJSON *context = run->matrix.context, *item;
    const char *comma = "";
    fputs("\"context\":{", out);
    cJSON_ArrayForEach(item, context) {
        if (!cJSON_IsString(item)) continue;
        fputs(comma, out);
        write_member(out, item->string, item->valuestring);
        comma = ",";
    }
    fputc('}', out);
}

static bool has_column(const struct report_run *run, enum report_counter c) {
    for (size_t i = 0; i < run->row_count; i++)
        if (isfinite(run->rows[i].value[c])) return true;
    return false;
}

/* Texts that rows share, each once. */
struct names {
    size_t count;
    const char **items;
};

static size_t name_index(struct names *names, const char *text) {
    size_t i = names->count;
    while (i-- > 0) /* neighbours are alike */
        if (strcmp(names->items[i], text) == 0) return i;
    names->items[names->count] = text;
    return names->count++;
}

enum { ROW_TEXTS = 6 };
static void row_texts(const struct report_row *r, const char *texts[ROW_TEXTS]) {
    const char *all[ROW_TEXTS] = {r->op, r->problem, r->kernel, r->isa, r->layout, r->detail};
    memcpy(texts, all, sizeof all);
}

/* A list of columns, then each row as a list, its texts as places in a list of names: else these were most of
 * the file. */
static void write_rows(FILE *out, const struct report_run *run) {
    bool columns[REPORT_COUNTER_COUNT];
    const char *texts[ROW_TEXTS];
    struct names names = {.items = calloc(run->row_count * ROW_TEXTS + 1, sizeof *names.items)};
    fputs("\"columns\":[\"op\",\"problem\",\"kernel\",\"isa\",\"layout\",\"detail\",\"threads\",\"extra\","
          "\"us\"",
          out);
    for (int c = 0; c < REPORT_COUNTER_COUNT; c++)
        if ((columns[c] = has_column(run, (enum report_counter)c)))
            fprintf(out, ",\"%s\"", report_counter_names[c]);
    fputs("],\n\"rows\":[", out);
    for (const struct report_row *r = run->rows; names.items && r < run->rows + run->row_count; r++) {
        row_texts(r, texts);
        fputs(r == run->rows ? "\n[" : ",\n[", out);
        for (size_t i = 0; i < ROW_TEXTS; i++)
            fprintf(out, "%zu,", name_index(&names, texts[i]));
        fprintf(out, "%d,%d,", r->threads, r->extra_layout);
        text_number_json(out, r->us);
        for (int c = 0; c < REPORT_COUNTER_COUNT; c++) {
            if (!columns[c]) continue;
            fputc(',', out);
            text_number_json(out, r->value[c]);
        }
        fputc(']', out);
    }
    fputs("],\n\"names\":[", out);
    for (size_t i = 0; i < names.count; i++) {
        fputs(i ? "," : "", out);
        text_json(out, names.items[i]);
    }
    fputc(']', out);
    free(names.items);
}

static void write_versus(FILE *out, const struct report_run *run) {
    fputs("\"versus\":[", out);
    for (const struct report_versus *v = run->versus; v < run->versus + run->versus_count; v++) {
        const struct {
            const char *key, *value;
        } texts[] = {{"op", v->op},
                     {"problem", v->problem},
                     {"layout", v->layout},
                     {"ours", v->ours},
                     {"peer", v->peer}};
        const struct {
            const char *key;
            double value;
        } numbers[] = {{"threads", v->threads}, {"ours_us", v->ours_us}, {"peer_us", v->peer_us},
                       {"ratio", v->ratio},     {"ratio_low", v->low},   {"ratio_high", v->high}};
        fputs(v == run->versus ? "\n{" : ",\n{", out);
        for (size_t i = 0; i < CLI_COUNT(texts); i++) {
            write_member(out, texts[i].key, texts[i].value);
            fputc(',', out);
        }
        for (size_t i = 0; i < CLI_COUNT(numbers); i++) {
            fprintf(out, "%s\"%s\":", i ? "," : "", numbers[i].key);
            text_number_json(out, numbers[i].value);
        }
        fputc('}', out);
    }
    fputc(']', out);
}

static void write_data(FILE *out, const struct report_run *runs, size_t count) {
    fputs("{\"runs\":[", out);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ",\n{" : "\n{", out);
        write_member(out, "name", runs[i].name);
        fputc(',', out);
        write_member(out, "cpu", report_cpu(&runs[i]));
        fputc(',', out);
        write_member(out, "date", report_context(&runs[i], "date"));
        fputs(",\n", out);
        write_context(out, &runs[i]);
        fputs(",\n", out);
        write_rows(out, &runs[i]);
        fputs(",\n", out);
        write_versus(out, &runs[i]);
        fputc('}', out);
    }
    fputs("]}", out);
}

/* ---- the template -------------------------------------------------------------------------------------- */

static const char *embedded(const char *name) {
    const struct lw_text *t = lw_texts_lw_report_page;
    while (t->name && strcmp(t->name, name) != 0)
        t++;
    return t->name ? t->text : "";
}

static void write_title(FILE *out, const struct report_run *runs, size_t count) {
    fputs("lanewise on ", out);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", out);
        text_html(out, report_cpu(&runs[i]));
    }
}

static void write_style(FILE *out, const struct report_run *runs, size_t count) {
    (void)runs, (void)count;
    fputs(embedded("page.css"), out);
}

static void write_scripts(FILE *out, const struct report_run *runs, size_t count) {
    (void)runs, (void)count;
    for (const struct lw_text *t = lw_texts_lw_report_page; t->name; t++) {
        size_t length = strlen(t->name);
        if (length > 3 && strcmp(t->name + length - 3, ".js") == 0) fputs(t->text, out);
    }
}

/* A part of each run, one after the other; a script shows one of them. */
static void for_each_run(FILE *out, const struct report_run *runs, size_t count,
                         void (*write)(FILE *out, const struct report_run *run, size_t index)) {
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "<div data-run=\"%zu\">\n", i);
        write(out, &runs[i], i);
        fputs("</div>\n", out);
    }
}
#define FOR_EACH_RUN(name)                                                                                   \
    static void write_##name(FILE *out, const struct report_run *runs, size_t count) {                       \
        for_each_run(out, runs, count, report_tables_##name);                                                \
    }
FOR_EACH_RUN(header)
FOR_EACH_RUN(winners)
FOR_EACH_RUN(peers)
FOR_EACH_RUN(mnist)
FOR_EACH_RUN(machine)

static const struct {
    const char *mark;
    void (*write)(FILE *out, const struct report_run *runs, size_t count);
} parts[] = {
    {"{{title}}", write_title},     {"{{style}}", write_style}, {"{{header}}", write_header},
    {"{{winners}}", write_winners}, {"{{peers}}", write_peers}, {"{{mnist}}", write_mnist},
    {"{{machine}}", write_machine}, {"{{data}}", write_data},   {"{{scripts}}", write_scripts},
};

void report_page(FILE *out, const struct report_run *runs, size_t count) {
    const char *text = embedded("page.html"), *mark;
    while ((mark = strstr(text, "{{"))) {
        fwrite(text, 1, (size_t)(mark - text), out);
        size_t i = 0;
        while (i < CLI_COUNT(parts) && strncmp(mark, parts[i].mark, strlen(parts[i].mark)) != 0)
            i++;
        if (i < CLI_COUNT(parts)) parts[i].write(out, runs, count);
        text = i < CLI_COUNT(parts) ? mark + strlen(parts[i].mark) : mark + 2;
    }
    fputs(text, out);
}
