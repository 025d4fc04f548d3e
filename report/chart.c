/* The plots beside the page, as SVG files with a ground of their own. */
#include <math.h>
#include <stdlib.h>
#include "sets.h"
#include "text.h"

enum { WIDTH = 860, NAMES = 170, RIGHT = 40, TOP = 62, LINE = 34 };

static void begin(FILE *out, int height, const char *title, const char *under) {
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
            "role=\"img\">\n<title>%s</title>\n",
            WIDTH, height, WIDTH, height, title);
    fputs("<style>\n"
          ".ground{fill:#fff;stroke:#d9dde3}text{fill:#1b1f24;font:13px system-ui,-apple-system,'Segoe UI',"
          "Roboto,'DejaVu Sans',sans-serif}.head{font-size:16px;font-weight:600}.soft{fill:#5b6470;font-size:"
          "12px}.grid{stroke:#e3e6ea}.one{stroke:#1b1f24;stroke-width:1.5}.a{fill:#0072b2}.b{fill:#8a93a0}"
          ".p{fill:#0072b2;fill-opacity:.55}.m{stroke:#d55e00;stroke-width:3}\n"
          "@media (prefers-color-scheme:dark){.ground{fill:#14171b;stroke:#363c44}text{fill:#e7eaee}.soft{"
          "fill:#a3acb8}.grid{stroke:#2a2f36}.one{stroke:#fff}.a,.p{fill:#4aa3e0}.b{fill:#6a7380}"
          ".m{stroke:#f0804a}}\n</style>\n",
          out);
    fprintf(out, "<rect class=\"ground\" x=\".5\" y=\".5\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n",
            WIDTH - 1, height - 1);
    fprintf(out,
            "<text class=\"head\" x=\"20\" y=\"28\">%s</text>\n<text class=\"soft\" x=\"20\" y=\"47\">%s",
            title, under);
}

/* ---- peers --------------------------------------------------------------------------------------------- */

struct axis {
    double low, high; /* logarithms */
};
static double at(const struct axis *a, double ratio) {
    return NAMES + (log(ratio) - a->low) / (a->high - a->low) * (WIDTH - NAMES - RIGHT);
}

static void draw_axis(FILE *out, const struct axis *a, int bottom) {
    static const double ticks[] = {0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20};
    for (size_t i = 0; i < CLI_COUNT(ticks); i++) {
        double x = at(a, ticks[i]);
        if (log(ticks[i]) < a->low || log(ticks[i]) > a->high) continue;
        fprintf(out, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>",
                ticks[i] == 1 ? "one" : "grid", x, x, TOP, bottom);
        fprintf(out, "<text class=\"soft\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", x,
                bottom + 17, ticks[i]);
    }
}

static void draw_set(FILE *out, const struct report_run *run, int threads, const struct report_set *set,
                     const struct axis *a, int y) {
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", NAMES - 30, y + 4);
    text_html(out, set->name);
    fprintf(out, " <tspan class=\"soft\">(%zu)</tspan></text>\n", set->count);
    for (const struct report_versus *v = run->versus; v < run->versus + run->versus_count; v++) {
        if (v->threads != threads || !report_in_set(set, v)) continue;
        fprintf(out, "<circle class=\"p\" cx=\"%.1f\" cy=\"%d\" r=\"5\"><title>", at(a, v->ratio), y);
        text_html(out, v->problem);
        fprintf(out, ": %.3f of the time of ", v->ratio);
        text_html(out, v->peer);
        fputs("</title></circle>\n", out);
    }
    fprintf(out, "<line class=\"m\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n", at(a, set->mean),
            at(a, set->mean), y - 11, y + 11);
}

bool report_svg_peers(FILE *out, const struct report_run *run) {
    const int threads = report_least_threads(run);
    size_t count;
    struct report_set *sets = report_sets(run, threads, &count);
    struct axis axis = {log(0.8), log(1.25)};
    for (size_t i = 0; sets && i < count; i++) {
        axis.low = fmin(axis.low, log(sets[i].low * 0.93));
        axis.high = fmax(axis.high, log(sets[i].high * 1.07));
    }
    if (sets && count) {
        const int bottom = TOP + (int)count * LINE;
        begin(out, bottom + 32, "Our time over the fastest other library's, problem by problem",
              "left of 1 we are faster; orange: geometric mean; ");
        text_html(out, report_cpu(run));
        fprintf(out, ", %d thread%s</text>\n", threads, threads > 1 ? "s" : "");
        draw_axis(out, &axis, bottom);
        for (size_t i = 0; i < count; i++)
            draw_set(out, run, threads, &sets[i], &axis, TOP + (int)i * LINE + LINE / 2);
        fputs("</svg>\n", out);
    }
    free(sets);
    return count > 0;
}

/* ---- the MNIST model ----------------------------------------------------------------------------------- */

static void draw_bar(FILE *out, const char *name, double us, double most, int y, const char *class) {
    double length = us / most * (WIDTH - NAMES - RIGHT - 70);
    char text[TEXT_NUMBER];
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", NAMES - 12, y + 4);
    text_html(out, name);
    fprintf(out,
            "</text><rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"18\" rx=\"2\"/>"
            "<text x=\"%.1f\" y=\"%d\">%s µs</text>\n",
            class, NAMES, y - 9, length, NAMES + length + 8, y + 4, text_number(text, us));
}

bool report_svg_mnist(FILE *out, const struct report_run *run) {
    const cJSON *peers = cJSON_GetObjectItemCaseSensitive(run->mnist, "peers"), *p;
    double ours = report_number(run->mnist, "us_per_image"), most = ours;
    int lines = 1;
    if (!(ours > 0)) return false;
    cJSON_ArrayForEach(p, peers) {
        if (!(report_number(p, "us_per_image") > 0)) continue;
        most = fmax(most, report_number(p, "us_per_image"));
        lines++;
    }
    double batch = report_number(run->mnist, "batch"), threads = report_number(run->mnist, "threads");
    begin(out, TOP + lines * LINE + 10, "The MNIST model: time of an image", "");
    text_html(out, report_cpu(run));
    if (isfinite(batch) && isfinite(threads))
        fprintf(out, ", batches of %.0f, %.0f thread%s", batch, threads, threads > 1 ? "s" : "");
    fputs("</text>\n", out);
    int y = TOP + LINE / 2;
    draw_bar(out, "lanewise", ours, most, y, "a");
    cJSON_ArrayForEach(p, peers) {
        double us = report_number(p, "us_per_image");
        if (us > 0) draw_bar(out, report_peer_name(p), us, most, y += LINE, "b");
    }
    fputs("</svg>\n", out);
    return true;
}
