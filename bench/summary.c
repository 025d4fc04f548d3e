#include "summary.h"

#include <stdlib.h>
#include <string.h>

/* What one line of the table is about. */
struct group {
    const struct bench_case *winner, *second; /* on the fewest threads measured; second NULL: it ran alone */
    const struct bench_case *more; /* the fastest on the most threads; NULL: measured on one count only */
};

static bool same_group(const struct bench_case *a, const struct bench_case *b) {
    return a->problem == b->problem && a->peer == b->peer && a->isa_index == b->isa_index;
}

/* Fastest of the group on so many threads, other than `not_row`. */
static const struct bench_case *fastest(const struct bench_cases *all, const struct bench_case *member,
                                        int threads, const char *not_row) {
    const struct bench_case *best = NULL;
    for (size_t i = 0; i < all->count; i++) {
        const struct bench_case *c = &all->items[i];
        if (!c->measured || !same_group(c, member) || c->threads != threads) continue;
        if (not_row && strcmp(c->row.name, not_row) == 0) continue;
        if (!best || c->us < best->us) best = c;
    }
    return best;
}

static struct group make_group(const struct bench_cases *all, const struct bench_case *member) {
    int least = member->threads, most = member->threads;
    for (size_t i = 0; i < all->count; i++) {
        const struct bench_case *c = &all->items[i];
        if (!c->measured || !same_group(c, member)) continue;
        least = c->threads < least ? c->threads : least;
        most = c->threads > most ? c->threads : most;
    }
    struct group g = {.winner = fastest(all, member, least, NULL)};
    g.second = fastest(all, member, least, g.winner->row.name);
    if (most > least) g.more = fastest(all, member, most, NULL);
    return g;
}

static bool is_first(const struct bench_cases *all, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (all->items[i].measured && same_group(&all->items[i], &all->items[index])) return false;
    return true;
}

/* 0: not known. */
static void print_factor(FILE *out, double factor) {
    if (factor > 0)
        fprintf(out, " %6.2fx", factor);
    else
        fprintf(out, " %7s", "-");
}

/* "0.8%": half of the interval; "87% L2": how near to its roof, and which one that is. */
static void print_roof(FILE *out, const struct bench_case *w) {
    static const char *const names[] = {"FMA", "L1", "L2", "L3", "DRAM"};
    if (w->roof_pct > 0)
        fprintf(out, " %5.0f%% %-4s", w->roof_pct, names[w->roof_level]);
    else
        fprintf(out, " %6s %-4s", "-", "");
}

static void print_group(FILE *out, const struct group *g, const char *problem) {
    const struct bench_case *w = g->winner;
    fprintf(out, "%-32s %-6s %-34s", problem, w->peer ? w->peer->name : w->row.isa, w->row.name);
    fprintf(out, " %10.2f %5.1f%% %8.1f", w->us, 50 * (w->us_high - w->us_low) / w->us, w->gflops);
    if (bench_multiplies(&w->desc))
        fprintf(out, " %7.1f", w->peak_pct);
    else
        fprintf(out, " %7s", "-");
    print_roof(out, w);
    fprintf(out, " %6.1f %9.3f", w->bytes_per_second * 1e-9, w->err_over_bound);
    print_factor(out, g->second ? g->second->us / w->us : 0);
    print_factor(out, w->cold_us / w->us);
    print_factor(out, w->first_us / w->us);
    print_factor(out, w->reproducible_x);
    print_factor(out, w->denormal_x);
    if (g->more) fprintf(out, "  %2d: %.2f us, %.2fx", g->more->threads, g->more->us, w->us / g->more->us);
    fputc('\n', out);
}

static void print_count(FILE *out, size_t count, const char *what) {
    if (count) fprintf(out, "%zu %s\n", count, what);
}

void bench_summary_print(FILE *out, const struct bench_session *s) {
    const struct bench_cases *all = s->cases;
    const struct bench_problem *previous = NULL;
    fputs(
        "\nThe fastest row of each ISA and peer, medians. '+-': half of the median's 95% interval; '% roof': "
        "of what the "
        "FMA peak\nor a level of memory allows, and which; how much longer 'by' the ISA's next row takes, "
        "and this one with "
        "'cold' caches, the\n'first' time, in a reproducible plan ('repro'), on denormal data ('denorm').\n",
        out);
    fprintf(out, "%-32s %-6s %-34s %10s %6s %8s %7s %11s %6s %9s %7s %7s %7s %7s %7s  %s\n", "problem", "isa",
            "kernel", "us", "+-", "GFLOP/s", "% peak", "% roof", "GB/s", "err/bound", "by", "cold", "first",
            "repro", "denorm", "more threads");
    for (size_t i = 0; i < all->count; i++) {
        const struct bench_case *c = &all->items[i];
        if (!c->measured || !is_first(all, i)) continue;
        struct group g = make_group(all, c);
        char name[300] = "";
        if (c->problem != previous)
            snprintf(name, sizeof name, "%s %s", lw_op_name(c->row.op), c->problem->name);
        previous = c->problem;
        if (strlen(name) > 32) { /* a long name has a line of its own */
            fprintf(out, "%s\n", name);
            *name = '\0';
        }
        print_group(out, &g, name);
    }
}

void bench_summary_counts(FILE *out, const struct bench_session *s) {
    const struct bench_cases *all = s->cases;
    size_t measured = 0;
    for (size_t i = 0; i < all->count; i++)
        measured += all->items[i].measured;
    fputc('\n', out);
    print_count(out, measured, "benchmarks, each result within its error bound");
    print_count(out, s->wrong, "benchmarks with WRONG RESULTS");
    print_count(out, s->impossible, "benchmarks that weren't possible here");
    print_count(out, s->late, "benchmarks left out: the time of the quick matrix was over");
    if (all->unusable)
        fprintf(out, "%zu of %zu kernels not run here (%s)\n", all->unusable, all->rows, all->unusable_why);
    print_count(out, all->refused, "pairs of kernel and problem left out: the kernel refuses the problem");
    if (all->peer_refused)
        fprintf(out, "%zu pairs of a peer's row and problem skipped: the peer refuses the problem (%s)\n",
                all->peer_refused, all->peer_refused_why);
    print_count(out, all->left_out, "pairs of kernel and problem left out of the quick selection");
}

int bench_summary_mnist(const char *path, char *line, size_t size) {
    char text[65536];
    FILE *file = fopen(path, "rb");
    if (!file) return cli_fail(LW_EXIT_USAGE, "--mnist %s: can't be read", path);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    cJSON *root = cJSON_Parse(text);
    const cJSON *us = cJSON_GetObjectItem(root, "us_per_image"),
                *accuracy = cJSON_GetObjectItem(root, "accuracy");
    const cJSON *images = cJSON_GetObjectItem(root, "images"), *pct = cJSON_GetObjectItem(root, "peak_pct");
    const cJSON *threads = cJSON_GetObjectItem(root, "threads"), *batch = cJSON_GetObjectItem(root, "batch");
    bool good =
        cJSON_IsNumber(us) && cJSON_IsNumber(images) && cJSON_IsNumber(threads) && cJSON_IsNumber(batch);
    if (good) {
        char correct[48] = "", peak[48] = "";
        if (cJSON_IsNumber(accuracy))
            snprintf(correct, sizeof correct, ", accuracy %.4f", accuracy->valuedouble);
        if (cJSON_IsNumber(pct)) snprintf(peak, sizeof peak, " (%.1f%% of the FMA peak)", pct->valuedouble);
        snprintf(line, size, "MNIST model: %.2f us an image%s, batch %d, %d thread%s; %d images%s\n",
                 us->valuedouble, peak, batch->valueint, threads->valueint, threads->valueint == 1 ? "" : "s",
                 images->valueint, correct);
    }
    cJSON_Delete(root);
    return good ? CLI_GO
                : cli_fail(LW_EXIT_USAGE, "--mnist %s: not the output of lanewise mnist --json", path);
}
