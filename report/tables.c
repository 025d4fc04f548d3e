/* Tables that need no script: winners, peers, the MNIST model, the machine. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "page.h"
#include "text.h"

static void cell_text(FILE *out, const char *text) {
    fputs("<td>", out);
    text_html(out, text);
    fputs("</td>", out);
}
static void cell_problem(FILE *out, const char *op, const char *problem) {
    fputs("<th scope=\"row\"><span class=\"op\">", out);
    text_html(out, op);
    fputs("</span> ", out);
    text_html(out, problem);
    fputs("</th>", out);
}
static void cell_number(FILE *out, double value) {
    char text[TEXT_NUMBER];
    fprintf(out, "<td class=\"n\">%s</td>", text_number(text, value));
}
static void cell_interval(FILE *out, double low, double high) {
    char text[TEXT_INTERVAL];
    fprintf(out, "<td class=\"n i\">%s</td>", text_interval(text, low, high));
}

/* A table that scrolls inside its own box. `numbers`: so many of the last heads stand over figures. */
static void begin_table(FILE *out, const char *id, size_t index, const char *label, const char *const *heads,
                        size_t count, size_t texts) {
    fprintf(out,
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table "
            "id=\"%s-%zu\"><thead><tr>",
            label, id, index);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "<th scope=\"col\"%s>%s</th>", i < texts ? "" : " class=\"n\"", heads[i]);
    fputs("</tr></thead>\n<tbody>\n", out);
}
static void end_table(FILE *out) { fputs("</tbody></table></div>\n", out); }

static void no_data(FILE *out, const char *what, const char *command) {
    fprintf(out, "<p class=\"none\">Not measured: %s. <code>%s</code> does.</p>\n", what, command);
}

/* ---- winners ------------------------------------------------------------------------------------------- */

void report_tables_winners(FILE *out, const struct report_run *run, size_t index) {
    static const char *const heads[] = {"Problem",      "Fastest kernel", "µs",
                                        "95% interval", "GFLOP/s",        "% of peak",
                                        "% of roof",    "next takes",     "95% interval"};
    size_t count;
    struct report_winner *all = report_winners(run, report_least_threads(run), &count);
    begin_table(out, "winners-table", index, "Fastest kernel of each problem", heads, CLI_COUNT(heads), 2);
    for (const struct report_winner *w = all; w && w < all + count; w++) {
        char by[TEXT_NUMBER];
        const struct report_row *r = w->first;
        fputs("<tr>", out);
        cell_problem(out, r->op, r->problem);
        cell_text(out, r->kernel);
        cell_number(out, r->us);
        cell_interval(out, r->us_low, r->us_high);
        cell_number(out, r->value[REPORT_gflops]);
        cell_number(out, r->value[REPORT_peak_pct]);
        cell_number(out, r->value[REPORT_roof_pct]);
        fputs("<td class=\"n\" title=\"", out);
        text_html(out, w->second ? w->second->kernel : "no other row");
        text_number(by, w->by);
        fprintf(out, "\">%s%s</td>", by, *by ? "×" : "");
        cell_interval(out, w->by_low, w->by_high);
        fputs("</tr>\n", out);
    }
    end_table(out);
    free(all);
}

/* ---- peers --------------------------------------------------------------------------------------------- */

/* A script hides the rows that its filters leave out: each says what it is. */
static void begin_versus(FILE *out, const struct report_versus *v) {
    fputs("<tr data-op=\"", out);
    text_html(out, v->op);
    fprintf(out, "\" data-threads=\"%d\">", v->threads);
}

void report_tables_peers(FILE *out, const struct report_run *run, size_t index) {
    static const char *const heads[] = {"Problem",     "Layout", "Threads",  "Our kernel",
                                        "Their row",   "our µs", "their µs", "our time / theirs",
                                        "95% interval"};
    if (!run->versus_count) {
        no_data(out, "other libraries beside ours", "./dev bench --peers");
        return;
    }
    if (run->derived)
        fputs("<p class=\"note\">This run has no versus.json: the two sides are those of the matrix, timed "
              "minutes "
              "apart, and not in turn.</p>\n",
              out);
    begin_table(out, "peers-table", index, "Our time over the best peer's, of each problem", heads,
                CLI_COUNT(heads), 5);
    for (const struct report_versus *v = run->versus; v < run->versus + run->versus_count; v++) {
        char threads[16];
        snprintf(threads, sizeof threads, "%d", v->threads);
        begin_versus(out, v);
        cell_problem(out, v->op, v->problem);
        cell_text(out, v->layout);
        cell_text(out, threads);
        cell_text(out, v->ours);
        cell_text(out, v->peer);
        cell_number(out, v->ours_us);
        cell_number(out, v->peer_us);
        cell_number(out, v->ratio);
        cell_interval(out, v->low, v->high);
        fputs("</tr>\n", out);
    }
    end_table(out);
}

/* ---- the MNIST model ----------------------------------------------------------------------------------- */

static const struct {
    const char *name, *what;
} layer_shapes[] = {
    {"conv1", "3×3, 1 → 32 channels of 28×28; bias, ReLU, 2×2 max pool"},
    {"conv2", "3×3, 32 → 64 channels of 14×14; bias, ReLU, 2×2 max pool"},
    {"fc", "fully connected, 64×7×7 → 10"},
    {"softmax", "10 probabilities"},
};

/* The matrix's row of that layer by that kernel, on the model's number of threads; of several batches the one
 * nearest to the model's. NULL: not measured. */
static const struct report_row *layer_row(const struct report_run *run, const char *layer,
                                          const char *kernel) {
    char problem[64];
    size_t length = (size_t)snprintf(problem, sizeof problem, "mnist_%.40s", layer);
    double threads = report_number(run->mnist, "threads"), batch = report_number(run->mnist, "batch");
    const struct report_row *best = NULL;
    for (const struct report_row *r = run->rows; r < run->rows + run->row_count; r++) {
        const char *end = r->problem + length;
        if (strncmp(r->problem, problem, length) != 0 || (*end && strncmp(end, "_mb", 3) != 0)) continue;
        if (strcmp(r->kernel, kernel) != 0 || (double)r->threads != threads || r->extra_layout) continue;
        if (!best || fabs(report_batch(r) - batch) < fabs(report_batch(best) - batch)) best = r;
    }
    return best;
}

static void write_layer(FILE *out, const struct report_run *run, const cJSON *layer, double total) {
    const char *name = report_text(layer, "name"), *kernel = report_text(layer, "kernel"), *what = "";
    const struct report_row *r = layer_row(run, name, kernel);
    double us = r ? text_round(r->us / report_batch(r)) : NAN, share = 100 * us / total;
    for (size_t i = 0; i < CLI_COUNT(layer_shapes); i++)
        if (strcmp(layer_shapes[i].name, name) == 0) what = layer_shapes[i].what;
    fputs("<tr><th scope=\"row\">", out);
    text_html(out, name);
    fputs("</th>", out);
    cell_text(out, what);
    cell_text(out, kernel);
    cell_number(out, us);
    fputs("<td class=\"bar\">", out);
    if (isfinite(share))
        fprintf(out, "<span style=\"width:%.0f%%\"></span><i>%.0f%%</i>", share > 100 ? 100 : share, share);
    fputs("</td>", out);
    cell_number(out, r ? r->value[REPORT_gflops] : NAN);
    cell_number(out, r ? r->value[REPORT_peak_pct] : NAN);
    cell_number(out, r ? r->value[REPORT_rel_l2] : NAN);
    cell_number(out, r ? report_batch(r) : NAN);
    fputs("</tr>\n", out);
}

static void write_model_peers(FILE *out, const struct report_run *run, size_t index) {
    static const char *const heads[] = {"Library", "µs an image", "our time / theirs", "95% interval"};
    const cJSON *peers = cJSON_GetObjectItemCaseSensitive(run->mnist, "peers"), *p;
    if (!cJSON_IsArray(peers)) {
        no_data(out, "the model by other libraries", "lanewise mnist --peers --json");
        return;
    }
    fputs("<h3>The whole model by other libraries</h3>\n", out);
    begin_table(out, "mnist-peers", index, "The MNIST model by other libraries", heads, CLI_COUNT(heads), 1);
    cJSON_ArrayForEach(p, peers) {
        if (!(report_number(p, "ratio") > 0)) continue;
        fputs("<tr><th scope=\"row\">", out);
        text_html(out, report_peer_name(p));
        fputs("</th>", out);
        cell_number(out, report_number(p, "us_per_image"));
        cell_number(out, report_number(p, "ratio"));
        cell_interval(out, report_number(p, "ratio_low"), report_number(p, "ratio_high"));
        fputs("</tr>\n", out);
    }
    end_table(out);
}

void report_tables_mnist(FILE *out, const struct report_run *run, size_t index) {
    static const char *const heads[] = {
        "Layer",   "What",      "Kernel",  "µs an image", "of the model's time",
        "GFLOP/s", "% of peak", "rel. L2", "batch"};
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(run->mnist, "layers"), *layer;
    if (!cJSON_IsArray(layers)) {
        no_data(out, "the MNIST model", "./dev bench");
        return;
    }
    begin_table(out, "mnist-table", index, "The MNIST model's plan, layer by layer", heads, CLI_COUNT(heads),
                3);
    cJSON_ArrayForEach(layer, layers) write_layer(out, run, layer, report_number(run->mnist, "us_per_image"));
    end_table(out);
    fputs("<p class=\"note\">A layer's figures are those of the matrix, where it runs alone in warm caches; "
          "so they "
          "needn't add up to the model's time.</p>\n",
          out);
    write_model_peers(out, run, index);
}

/* ---- the machine --------------------------------------------------------------------------------------- */

void report_tables_machine(FILE *out, const struct report_run *run, size_t index) {
    const cJSON *context = run->matrix.context, *item;
    static const char *const heads[] = {"What", "Value"};
    begin_table(out, "machine-table", index, "The machine and the build", heads, CLI_COUNT(heads), 2);
    cJSON_ArrayForEach(item, context) {
        if (!cJSON_IsString(item)) continue;
        fputs("<tr><th scope=\"row\">", out);
        text_html(out, item->string);
        fputs("</th>", out);
        cell_text(out, item->valuestring);
        fputs("</tr>\n", out);
    }
    end_table(out);
}
