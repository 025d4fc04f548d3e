/* The head of the page: which CPU, and the few figures that matter. */
#include <math.h>
#include <string.h>
#include "page.h"
#include "text.h"

/* NAME over VALUE UNIT; the small print below is the caller's, who ends it. */
static void begin_fact(FILE *out, const char *name, const char *value, const char *unit) {
    fprintf(out, "<div class=\"fact\"><dt>%s</dt><dd><b>%s</b> %s</dd><dd class=\"note\">", name, value,
            unit);
}
static void end_fact(FILE *out) { fputs("</dd></div>\n", out); }

static void write_model(FILE *out, const struct report_run *run) {
    char text[TEXT_NUMBER];
    double us = report_number(run->mnist, "us_per_image"), pct = report_number(run->mnist, "peak_pct");
    double threads = report_number(run->mnist, "threads"), batch = report_number(run->mnist, "batch");
    if (!run->mnist) {
        begin_fact(out, "MNIST model", "–", "not measured");
        fputs("<code>./dev bench</code> measures it", out);
    } else {
        begin_fact(out, "MNIST model", text_number(text, us), "µs an image");
        if (isfinite(batch) && isfinite(threads))
            fprintf(out, "batches of %.0f, %.0f thread%s", batch, threads, threads > 1 ? "s" : "");
        end_fact(out);
        if (!isfinite(pct)) return;
        begin_fact(out, "Of the FMA peak", text_number(text, pct), "%");
        fputs(pct > 100 ? "above 100 as Winograd multiplies less than the direct sum that is counted"
                        : "floating-point operations of direct convolution",
              out);
    }
    end_fact(out);
}

static void write_accuracy(FILE *out, const struct report_run *run) {
    char text[TEXT_NUMBER];
    double accuracy = report_number(run->mnist, "accuracy"), images = report_number(run->mnist, "images");
    if (!isfinite(accuracy)) return;
    snprintf(text, sizeof text, "%.2f", 100 * accuracy);
    begin_fact(out, "Accuracy", text, "%");
    if (isfinite(images)) fprintf(out, "of %.0f images: ", images);
    text_html(out, report_text(run->mnist, "dataset"));
    end_fact(out);
}

/* The peer that comes nearest. */
static void write_model_peer(FILE *out, const struct report_run *run) {
    const cJSON *peers = cJSON_GetObjectItemCaseSensitive(run->mnist, "peers"), *p, *best = NULL;
    char text[TEXT_NUMBER], interval[TEXT_INTERVAL];
    cJSON_ArrayForEach(p, peers) {
        double ratio = report_number(p, "ratio");
        if (ratio > 0 && (!best || ratio > report_number(best, "ratio"))) best = p;
    }
    if (!best) return;
    begin_fact(out, "Model against the best peer", text_number(text, report_number(best, "ratio")),
               "of its time");
    text_html(out, report_peer_name(best));
    text_interval(interval, report_number(best, "ratio_low"), report_number(best, "ratio_high"));
    if (*interval) fprintf(out, ", 95%% interval %s", interval);
    end_fact(out);
}

static void write_standing(FILE *out, const struct report_run *run) {
    char text[TEXT_NUMBER], mean[TEXT_NUMBER];
    struct report_standing s = report_standing_of(run, report_least_threads(run));
    if (!s.count) {
        begin_fact(out, "Against other libraries", "–", "not measured");
        fputs("<code>./dev bench --peers</code> measures them", out);
    } else {
        snprintf(text, sizeof text, "%zu of %zu", s.faster, s.count);
        begin_fact(out, "Faster than the best peer", text, "problems");
        fprintf(out, "slower on %zu, too close to tell on %zu; geometric mean %s of its time", s.slower,
                s.count - s.faster - s.slower, text_number(mean, s.mean));
    }
    end_fact(out);
}

static void write_peak(FILE *out, const struct report_run *run) {
    char isa[REPORT_ISA], text[TEXT_NUMBER], level[64];
    const double best = report_best_isa(run, isa);
    if (!(best > 0)) return;
    begin_fact(out, "FMA peak, one core", text_number(text, best), "GFLOP/s");
    text_html(out, isa);
    static const char *const levels[] = {"L1", "L2", "L3", "DRAM"};
    for (size_t i = 0; i < CLI_COUNT(levels); i++) {
        snprintf(level, sizeof level, "bandwidth_%s_read", levels[i]);
        double bandwidth = report_context_number(run, level);
        if (bandwidth > 0)
            fprintf(out, "%s%s %s", i ? ", " : "; reads GB/s: ", levels[i], text_number(text, bandwidth));
    }
    end_fact(out);
}

static void write_checked(FILE *out, const struct report_run *run) {
    char count[TEXT_NUMBER], worst_text[TEXT_NUMBER];
    double worst = 0;
    for (size_t i = 0; i < run->row_count; i++)
        if (run->rows[i].value[REPORT_err_over_bound] > worst)
            worst = run->rows[i].value[REPORT_err_over_bound];
    snprintf(count, sizeof count, "%zu", run->row_count);
    begin_fact(out, "Measured and checked", count, "benchmarks");
    fprintf(out, "largest error %s of its bound", text_number(worst_text, worst));
    end_fact(out);
}

void report_tables_header(FILE *out, const struct report_run *run, size_t index) {
    (void)index;
    static const struct {
        const char *key, *before;
    } parts[] = {{"lanewise_version", "lanewise "},
                 {"commit", " · "},
                 {"compiler", " · "},
                 {"compiler_flags", " "},
                 {"date", " · "}};
    const char *trust = report_context(run, "trust");
    fputs("<h1>", out);
    text_html(out, report_cpu(run));
    fputs("</h1>\n<p class=\"sub\">", out);
    for (size_t i = 0; i < CLI_COUNT(parts); i++) {
        const char *value = report_context(run, parts[i].key);
        if (*value) fputs(parts[i].before, out);
        text_html(out, value);
    }
    fputs("</p>\n", out);
    if (*trust && strcmp(trust, "good") != 0) {
        fputs("<p class=\"warning\"><b>Take these figures with care:</b> ", out);
        text_html(out, trust);
        fputs("</p>\n", out);
    }
    fputs("<dl class=\"facts\">\n", out);
    write_model(out, run);
    write_accuracy(out, run);
    write_model_peer(out, run);
    write_standing(out, run);
    write_peak(out, run);
    write_checked(out, run);
    fputs("</dl>\n", out);
}
