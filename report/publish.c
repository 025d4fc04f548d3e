#include "publish.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "page.h"
#include "sets.h"
#include "text.h"

int publish_file(const char *dir, const char *name, publish_writer *write, const void *arg) {
    char path[4096];
    struct cli_file file;
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return cli_fail(LW_EXIT_USAGE, "%.80s...: the name is too long", dir);
    if (!cli_file_open(&file, path)) return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
    if (write(file.stream, arg)) {
        if (!cli_file_commit(&file)) return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
        return CLI_GO;
    }
    cli_file_abort(&file);
    if (unlink(path) == 0 || errno == ENOENT) return CLI_GO;
    return cli_fail(LW_EXIT_USAGE, "%s: %s", path, strerror(errno));
}

/* ---- a folder ------------------------------------------------------------------------------------------ */

static bool write_page(FILE *out, const void *run) {
    report_page(out, run, 1);
    return true;
}
static bool write_peers(FILE *out, const void *run) { return report_svg_peers(out, run); }
static bool write_mnist(FILE *out, const void *run) { return report_svg_mnist(out, run); }

int publish_folder(const struct report_run *run, const char *folder) {
    static const struct {
        const char *name;
        publish_writer *write;
    } files[] = {{"report.html", write_page}, {"peers.svg", write_peers}, {"mnist.svg", write_mnist}};
    int status = CLI_GO;
    for (size_t i = 0; i < CLI_COUNT(files) && status == CLI_GO; i++)
        status = publish_file(folder, files[i].name, files[i].write, run);
    return status;
}

/* ---- all folders --------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void publish_free_names(char **names, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

int publish_list(const char *dir, char ***names, size_t *count) {
    DIR *folder = opendir(dir);
    char path[4096];
    *names = NULL;
    *count = 0;
    if (!folder) return cli_fail(LW_EXIT_USAGE, "%s: %s", dir, strerror(errno));
    for (struct dirent *e; (e = readdir(folder));) {
        bool fits = snprintf(path, sizeof path, "%s/%s/matrix.json", dir, e->d_name) < (int)sizeof path;
        if (e->d_name[0] == '.' || !fits || access(path, F_OK) != 0) continue;
        char **more = realloc(*names, (*count + 1) * sizeof *more), *copy = strdup(e->d_name);
        if (more) *names = more;
        if (!more || !copy) {
            free(copy);
            closedir(folder);
            return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
        }
        (*names)[(*count)++] = copy;
    }
    closedir(folder);
    if (*count) qsort(*names, *count, sizeof **names, by_name);
    return CLI_GO;
}

static void cell(FILE *out, double value, const char *unit) {
    char text[TEXT_NUMBER];
    fprintf(out, " %s%s |", isfinite(value) ? text_number(text, value) : "–", isfinite(value) ? unit : "");
}

/* The day of it. */
static void date(FILE *out, const struct report_run *run) {
    char day[11];
    snprintf(day, sizeof day, "%s", report_context(run, "date"));
    text_markdown(out, day);
}

static double best_peer(const struct report_run *run) {
    const cJSON *peers = cJSON_GetObjectItemCaseSensitive(run->mnist, "peers"), *p;
    double best = NAN;
    cJSON_ArrayForEach(p, peers) best = fmax(best, report_number(p, "ratio"));
    return best;
}

static void index_row(FILE *out, const struct report_run *run) {
    const struct report_standing s = report_standing_of(run, report_least_threads(run));
    const char *trust = report_context(run, "trust");
    char isa[REPORT_ISA];
    fputs("| [", out);
    text_markdown(out, report_cpu(run));
    fprintf(out, "](%s/report.html) | ", run->name);
    report_best_isa(run, isa);
    text_markdown(out, *isa ? isa : "–");
    fputs(" |", out);
    cell(out, report_number(run->mnist, "us_per_image"), "");
    cell(out, report_number(run->mnist, "peak_pct"), "%");
    cell(out, 100 * report_number(run->mnist, "accuracy"), "%");
    cell(out, best_peer(run), "");
    cell(out, s.mean, "");
    if (s.count)
        fprintf(out, " %zu of %zu |", s.faster, s.count);
    else
        fputs(" – |", out);
    fputc(' ', out);
    date(out, run);
    fputs(" | ", out);
    text_markdown(out, report_context(run, "lanewise_version"));
    fputs(" | ", out);
    text_markdown(out, *trust ? trust : "not recorded");
    fputs(" |\n", out);
}

static bool write_text(FILE *out, const void *text) {
    fputs(text, out);
    return true;
}

int publish_index(const char *dir) {
    char **names, *text = NULL;
    size_t count, size;
    int status = publish_list(dir, &names, &count);
    FILE *out = status == CLI_GO ? open_memstream(&text, &size) : NULL;
    if (status == CLI_GO && !out) status = cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    if (out)
        fputs(
            "# Results\n\nMade by `lanewise results refresh` from the folders beside this file; not written "
            "by hand. `lanewise results merge\nFOLDER...` adds others' "
            "([docs/reading-the-results.md](../docs/reading-the-results.md)).\n\n"
            "The MNIST model's time is of one image. Against peers: our time over that of the fastest other "
            "library, on\none thread: of the model, and the geometric mean over the matrix's problems. Fewer "
            "is faster. 'Faster on' counts the\nproblems where the ratio's whole 95% interval is below 1. "
            "CPUs with AVX-512 meet oneDNN's Winograd, those without its\ndirect convolution alone "
            "([docs/peers.md](../docs/peers.md#what-isnt)), so compare them by their times.\n\n"
            "| CPU, and its page | widest ISA | MNIST, µs | of the FMA peak | accuracy "
            "| model against peers | matrix against peers | faster on | measured | lanewise | trust |\n"
            "|---|---|---|---|---|---|---|---|---|---|---|\n",
            out);
    for (size_t i = 0; i < count && status == CLI_GO; i++) {
        char path[4096];
        struct report_run run;
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        status = report_run_read(&run, path);
        if (status == CLI_GO) index_row(out, &run);
        report_run_free(&run);
    }
    if (out) fclose(out);
    if (status == CLI_GO) status = publish_file(dir, "README.md", write_text, text);
    free(text);
    publish_free_names(names, count);
    return status;
}

/* ---- the README ---------------------------------------------------------------------------------------- */

static void readme_sets(FILE *out, const struct report_run *run) {
    size_t count;
    struct report_set *sets = report_sets(run, report_least_threads(run), &count);
    if (sets && count)
        fputs("\n| problems | how many | our time over the fastest other library's, geometric mean | least "
              ".. most |\n"
              "|---|---|---|---|\n",
              out);
    for (size_t i = 0; sets && i < count; i++) {
        char mean[TEXT_NUMBER], range[TEXT_INTERVAL];
        fputs("| ", out);
        text_markdown(out, sets[i].name);
        fprintf(out, " | %zu | %s | %s |\n", sets[i].count, text_number(mean, sets[i].mean),
                text_interval(range, sets[i].low, sets[i].high));
    }
    free(sets);
}

/* Whom the figures are against: the matrix's context has peer_NAME, a version, of each library. */
static void readme_peers(FILE *out, const struct report_run *run) {
    const char *before = "\nThe other libraries: ";
    const cJSON *item;
    cJSON_ArrayForEach(item, run->matrix.context) {
        if (strncmp(item->string, "peer_", 5) != 0) continue;
        fputs(before, out);
        text_markdown(out, item->string + 5);
        fputc(' ', out);
        text_markdown(out, report_context(run, item->string));
        before = ", ";
    }
    if (*before == ',') fputs(". [What that says, and what not](docs/peers.md#what-isnt).\n", out);
}

static void readme_section(FILE *out, const struct report_run *run, const char *folder) {
    const struct report_standing s = report_standing_of(run, report_least_threads(run));
    const char *plot = s.count ? "peers.svg" : "mnist.svg";
    char us[TEXT_NUMBER], pct[TEXT_NUMBER], mean[TEXT_NUMBER];
    fputs("\n![", out);
    fputs(s.count ? "Our time over the fastest other library's, problem by problem" : "The MNIST model", out);
    fprintf(out, "](%s/%s)\n\n", folder, plot);
    text_markdown(out, report_cpu(run));
    fputs(" (", out);
    date(out, run);
    fputs(", ", out);
    text_markdown(out, report_context(run, "compiler"));
    fputs(")", out);
    text_number(pct, report_number(run->mnist, "peak_pct"));
    if (run->mnist)
        fprintf(out, ": the MNIST model takes %s µs an image%s%s%s",
                text_number(us, report_number(run->mnist, "us_per_image")), *pct ? ", " : "", pct,
                *pct ? "% of the FMA peak" : "");
    if (s.count)
        fprintf(
            out,
            "%s on %zu of %zu problems our fastest kernel is faster than the fastest other library%s; over "
            "all %zu it takes %s of that one's time in geometric mean",
            run->mnist ? ";" : ":", s.faster, s.count,
            run->derived ? "" : " (the ratio's whole 95% interval is below 1)", s.count,
            text_number(mean, s.mean));
    fputs(".\n", out);
    readme_sets(out, run);
    if (s.count) readme_peers(out, run);
    const char *trust = report_context(run, "trust");
    if (*trust && strcmp(trust, "good") != 0) {
        fputs("\nTo be taken with care: ", out);
        text_markdown(out, trust);
        fputs(".\n", out);
    }
    fprintf(out,
            "\nMade by `./dev results`; the whole matrix is in [%s](%s), as a page for a browser in "
            "`report.html`, "
            "and other CPUs'\nare in [results/](results/README.md).\n\n",
            folder, folder);
}

static char *read_text(const char *path) {
    FILE *in = fopen(path, "rb"), *out;
    char *text = NULL, block[4096];
    size_t size, got;
    if (!in) return NULL;
    if ((out = open_memstream(&text, &size))) {
        while ((got = fread(block, 1, sizeof block, in)) > 0)
            fwrite(block, 1, got, out);
        fclose(out);
    }
    fclose(in);
    return text;
}

int publish_readme(const struct report_run *run, const char *folder, const char *file) {
    char *text = read_text(file), *begin = text ? strstr(text, PUBLISH_BEGIN) : NULL;
    char *end = begin ? strstr(begin, PUBLISH_END) : NULL;
    struct cli_file out;
    int status = CLI_GO;
    if (!text)
        status = cli_fail(LW_EXIT_USAGE, "%s: %s", file, strerror(errno));
    else if (!end)
        status = cli_fail(LW_EXIT_USAGE, "%s: no lines %s and %s, between which the results would go", file,
                          PUBLISH_BEGIN, PUBLISH_END);
    else if (!cli_file_open(&out, file))
        status = cli_fail(LW_EXIT_USAGE, "%s: %s", file, strerror(errno));
    if (status == CLI_GO) {
        fprintf(out.stream, "%.*s%s\n", (int)(begin - text), text, PUBLISH_BEGIN);
        readme_section(out.stream, run, folder);
        fputs(end, out.stream);
        if (!cli_file_commit(&out)) status = cli_fail(LW_EXIT_USAGE, "%s: %s", file, strerror(errno));
    }
    free(text);
    return status;
}
