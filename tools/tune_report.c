/* What `lanewise tune` tells: see tune.h. */
#include "tune.h"

#include <math.h>
#include <string.h>

/* On the pick: 'unclear' where it had the least time, but the next one might do as well. */
static const char *verdict(const struct tune_result *r) {
    if (r->decision.count < 2) return "alone";
    return r->decision.tied > 1 ? "tie" : r->next_low > 1 ? "faster" : "unclear";
}

#define LINE "%-8s %-15s %-34s %9s  %-7s  %-18s  %-34s  %s\n"

void tune_print_head(void) {
    printf(LINE, "op", "layouts", "pick", "time", "verdict", "next / pick", "estimate's pick", "problem");
}

void tune_print(const struct tune_task *t, const struct tune_result *r) {
    char time[16], layouts[32], next[40] = "", guess[128] = "not timed";
    const lw_timing *pick = &r->decision.rows[0];
    if (r->decision.count > 1)
        snprintf(next, sizeof next, "%.2f [%.2f, %.2f]", r->next, r->next_low, r->next_high);
    if (strcmp(t->guess, pick->kernel) == 0)
        strcpy(guess, "the same");
    else if (r->guess > 0)
        snprintf(guess, sizeof guess, "%.2f %s", r->guess, t->guess);
    cli_progress_clear();
    printf(LINE, lw_op_name(t->desc.op), cli_layouts_text(&t->desc, layouts), pick->kernel,
           cli_time_text(pick->ns, time), verdict(r), next, guess, t->problem->name);
    fflush(stdout);
}

void tune_count(struct tune_totals *totals, const struct tune_task *t, const struct tune_result *r) {
    totals->tuned++;
    totals->ties += r->decision.tied > 1;
    totals->same_guess += strcmp(t->guess, r->decision.rows[0].kernel) == 0;
    if (!(r->guess > 0)) return;
    totals->guessed++;
    totals->log_guess += log(r->guess);
    if (r->guess <= totals->worst_guess) return;
    totals->worst_guess = r->guess;
    snprintf(totals->worst_problem, sizeof totals->worst_problem, "%s", t->problem->name);
}

void tune_print_totals(const struct tune_totals *totals, const char *path) {
    printf("\n%zu tuned, %zu of them ties; %zu were known; %zu without a row\n", totals->tuned, totals->ties,
           totals->known, totals->nothing);
    if (totals->guessed > 0)
        printf(
            "the estimate picks the same row for %zu; its picks take %.2f times as long in geometric mean, "
            "%.2f at most (%s)\n",
            totals->same_guess, exp(totals->log_guess / (double)totals->guessed), totals->worst_guess,
            totals->worst_problem);
    printf("written: %s\n", path);
}

cJSON *tune_json(const struct tune_task *t, const struct tune_result *r) {
    const lw_decision *d = &r->decision;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "problem", d->problem);
    cJSON_AddStringToObject(object, "name", t->problem->name);
    cJSON_AddStringToObject(object, "chosen", d->rows[0].kernel);
    cJSON_AddStringToObject(object, "verdict", verdict(r));
    cJSON_AddStringToObject(object, "estimated", t->guess);
    cli_json_number(object, "estimated_ratio", r->guess > 0 ? r->guess : NAN);
    cJSON *rows = cJSON_AddArrayToObject(object, "rows");
    for (size_t i = 0; i < d->count; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "kernel", d->rows[i].kernel);
        cJSON_AddStringToObject(row, "verdict", i == 0 ? "pick" : i < d->tied ? "tie" : "slower");
        cli_json_number(row, "ns", d->rows[i].ns);
        cli_json_number(row, "ns_low", d->rows[i].ns_low);
        cli_json_number(row, "ns_high", d->rows[i].ns_high);
        cli_json_number(row, "cold_ns", d->rows[i].cold_ns > 0 ? d->rows[i].cold_ns : NAN);
        cJSON_AddItemToArray(rows, row);
    }
    return object;
}

/* ---- agreement ----------------------------------------------------------------------------------------- */

static bool ties_with(const lw_decision *d, const char *kernel) {
    for (size_t i = 0; i < d->tied; i++)
        if (strcmp(d->rows[i].kernel, kernel) == 0) return true;
    return false;
}

static bool is_same_question(const lw_decision *a, const lw_decision *b) {
    return strcmp(a->problem, b->problem) == 0 && a->max_error == b->max_error &&
           a->max_workspace == b->max_workspace && a->threads == b->threads &&
           a->reproducible == b->reproducible;
}

struct tune_agreement tune_compare(const lw_wisdom *a, const lw_wisdom *b) {
    struct tune_agreement sum = {0};
    lw_decision x, y;
    for (size_t i = 0; lw_wisdom_get(a, i, &x); i++)
        for (size_t k = 0; lw_wisdom_get(b, k, &y); k++) {
            if (!is_same_question(&x, &y)) continue;
            const char *one = x.rows[0].kernel, *other = y.rows[0].kernel;
            if (strcmp(one, other) == 0)
                sum.same++;
            else if (ties_with(&x, other) || ties_with(&y, one))
                sum.tie++;
            else
                sum.different++;
        }
    return sum;
}
