#include "other_cpu.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dispatch/wisdom.h"

/* results/<cpu>/wisdom.txt of the source tree, by folder (cmake/embed.cmake). */
struct lw_text {
    const char *name, *text;
};
extern const struct lw_text lw_texts_lw_wisdom_builtin[];

/* ---- the wisdom there is ------------------------------------------------------------------------------- */

/* Calls `use` for what comes with the library, then for the file. Returns CLI_GO or what it returned. */
typedef int wisdom_user(void *arg, const char *where, const lw_wisdom *w);

static int each_wisdom(const char *file, wisdom_user *use, void *arg) {
    int status = CLI_GO;
    lw_error err = {0};
    lw_wisdom *w;
    if (file && strcmp(file, "none") == 0) return CLI_GO;
    for (const struct lw_text *t = lw_texts_lw_wisdom_builtin; t->text && status == CLI_GO; t++)
        if (lw_wisdom_read(&w, t->text, strlen(t->text), &err) == LW_OK) {
            status = use(arg, t->name, w);
            lw_wisdom_free(w);
        }
    if (status != CLI_GO || !file) return status;
    if (lw_wisdom_read_file(&w, file, &err) != LW_OK) return cli_fail_error(&err, "--wisdom");
    status = use(arg, NULL, w);
    lw_wisdom_free(w);
    return status;
}

static bool is_named(const char *name, const char *where, const lw_wisdom *w) {
    return !strcasecmp(name, lw_wisdom_cpu(w)) || !strcasecmp(name, lw_wisdom_cpu_kind(w)) ||
           (where && !strcasecmp(name, where));
}

struct finding {
    struct other_cpu *other;
    const char *name;
    char isas[LW_WISDOM_VALUE];
    bool from_file;
};

/* Of two decisions about a question the later one, which is the file's, counts. */
static int add_wisdom(void *arg, const char *where, const lw_wisdom *w) {
    struct finding *f = arg;
    struct other_cpu *other = f->other;
    const struct predict_cpu *cpu = predict_cpu_of(lw_wisdom_cpu_kind(w));
    lw_decision d;
    lw_error err = {0};
    if (!is_named(f->name, where, w) && !(other->known && other->known == cpu)) return CLI_GO;
    if (!other->known) other->known = cpu;
    snprintf(f->isas, sizeof f->isas, "%s", w->header[LW_WISDOM_ISAS]);
    snprintf(other->name, sizeof other->name, "%.70s (%.80s)", lw_wisdom_cpu(w), lw_wisdom_cpu_kind(w));
    f->from_file |= !where;
    lw_status status = other->wisdom ? LW_OK : lw_wisdom_create(&other->wisdom, &err);
    for (size_t i = 0; status == LW_OK && lw_wisdom_get(w, i, &d); i++)
        status = lw_wisdom_add(other->wisdom, &d, &err);
    return status == LW_OK ? CLI_GO : cli_fail_error(&err, "wisdom");
}

static int fail_unknown(const char *name) {
    char list[640] = "";
    for (size_t i = 0, used = 0; predict_cpu_at(i); i++)
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", predict_cpu_at(i)->name);
    return cli_fail(LW_EXIT_USAGE,
                    "--cpu %s: nothing is known of it: there are %s, and CPUs with wisdom (pick --list)",
                    name, list);
}

static int find(struct other_cpu *other, const char *name, const char *file) {
    *other = (struct other_cpu){.known = predict_cpu_find(name)};
    struct finding f = {.other = other, .name = name};
    int status = each_wisdom(file, add_wisdom, &f);
    if (status != CLI_GO) return status;
    if (!other->known && !other->wisdom) return fail_unknown(name);
    if (file && strcmp(file, "none") != 0 && !f.from_file)
        return cli_fail(LW_EXIT_USAGE, "%s: not measured on %s", file, name);
    if (other->known) {
        predict_target(&other->target, other->known);
        snprintf(other->name, sizeof other->name, "%s (%s)", other->known->name, other->known->about);
    } else
        predict_target_of_isas(&other->target, f.isas);
    other->target.target.wisdom = other->wisdom;
    other->decisions = other->wisdom ? other->wisdom->count : 0;
    return CLI_GO;
}

int other_cpu_choose(struct other_cpu *other, const char *name, const struct cli_shared *shared,
                     const struct lw_target **target) {
    *target = name ? &other->target.target : &lw_target_here;
    if (name) {
        int status = cli_check_environment();
        return status == CLI_GO ? find(other, name, shared->wisdom) : status;
    }
    int status = cli_check_isa(shared->isa);
    return status == CLI_GO ? cli_use_wisdom(shared->wisdom) : status;
}

void other_cpu_free(struct other_cpu *other) {
    lw_wisdom_free(other->wisdom);
    other->wisdom = NULL;
}

/* ---- telling ------------------------------------------------------------------------------------------- */

void other_cpu_print_note(const struct other_cpu *other) {
    if (!other->known) {
        printf(
            "\nestimated: by the costs that the ISAs assume of any CPU; nothing is predicted for this one\n");
        return;
    }
    printf("\npredicted: by llvm-mca's models of the loops, not measured: ");
    for (int i = 0; i < PREDICT_ISAS && other->known->isas[i].isa; i++)
        printf("%s%s by the model of %s", i ? ", " : "", other->known->isas[i].isa,
               other->known->isas[i].model);
    printf("\n           figures: %s\n", other->known->source);
    for (size_t i = 0; predict_checked[i]; i++)
        printf("           %s\n", predict_checked[i]);
}

static cJSON *isas_json(const struct predict_cpu *cpu) {
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; i < PREDICT_ISAS && cpu->isas[i].isa; i++) {
        cJSON *isa = cJSON_CreateObject();
        cJSON_AddStringToObject(isa, "isa", cpu->isas[i].isa);
        cJSON_AddStringToObject(isa, "model", cpu->isas[i].model);
        cJSON_AddNumberToObject(isa, "ghz", cpu->isas[i].ghz);
        cJSON_AddItemToArray(array, isa);
    }
    return array;
}

void other_cpu_json(const struct other_cpu *other, cJSON *root) {
    cJSON_AddNumberToObject(root, "decisions", (double)other->decisions);
    if (!other->known) return;
    cJSON *prediction = cJSON_AddObjectToObject(root, "prediction");
    cJSON_AddStringToObject(prediction, "cpu", other->known->name);
    cJSON_AddStringToObject(prediction, "figures", other->known->source);
    cJSON_AddItemToObject(prediction, "isas", isas_json(other->known));
    cJSON *costs = cJSON_AddObjectToObject(prediction, "costs"); /* cycles a unit of work */
    for (size_t i = 0; i < other->target.target.isa_count; i++) {
        cJSON *units = cJSON_AddObjectToObject(costs, other->target.isas[i].name);
        cJSON_AddNumberToObject(units, "ghz", other->target.costs[i].ghz);
        for (size_t unit = 0; unit < LW_WORK_COUNT; unit++)
            cJSON_AddNumberToObject(units, lw_work_unit(unit), other->target.costs[i].unit[unit]);
    }
    cJSON *checked = cJSON_AddArrayToObject(prediction, "checked");
    for (size_t i = 0; predict_checked[i]; i++)
        cJSON_AddItemToArray(checked, cJSON_CreateString(predict_checked[i]));
}

/* ---- the list ------------------------------------------------------------------------------------------ */

struct listing {
    const struct predict_cpu
        *cpu;     /* wisdom of this one is counted; NULL: of those that aren't known is told */
    cJSON *array; /* NULL: text */
    size_t decisions;
};

static int count_wisdom(void *arg, const char *where, const lw_wisdom *w) {
    struct listing *l = arg;
    (void)where;
    if (predict_cpu_of(lw_wisdom_cpu_kind(w)) == l->cpu) l->decisions += w->count;
    return CLI_GO;
}

static void list_one(const struct listing *l, const char *name, const char *about, const char *isas,
                     size_t decisions, const char *source) {
    if (!l->array) {
        char sources[48] = "";
        if (decisions) snprintf(sources, sizeof sources, "wisdom (%zu)%s", decisions, l->cpu ? ", " : "");
        printf("%-22s %-36s %-14s %s%s\n", name, about, isas, sources, l->cpu ? "predicted" : "");
        return;
    }
    cJSON *object = cJSON_CreateObject(), *from = cJSON_CreateArray();
    cJSON_AddStringToObject(object, "name", name);
    cJSON_AddStringToObject(object, "about", about);
    if (decisions) cJSON_AddItemToArray(from, cJSON_CreateString("wisdom"));
    if (l->cpu) cJSON_AddItemToArray(from, cJSON_CreateString("predicted"));
    cJSON_AddItemToObject(object, "sources", from);
    cJSON_AddNumberToObject(object, "decisions", (double)decisions);
    cJSON_AddStringToObject(object, "figures", source);
    if (l->cpu) cJSON_AddItemToObject(object, "isas", isas_json(l->cpu));
    cJSON_AddItemToArray(l->array, object);
}

static int list_unknown(void *arg, const char *where, const lw_wisdom *w) {
    if (!predict_cpu_of(lw_wisdom_cpu_kind(w)))
        list_one(arg, where ? where : lw_wisdom_cpu(w), lw_wisdom_cpu_kind(w), w->header[LW_WISDOM_ISAS],
                 w->count, "");
    return CLI_GO;
}

int other_cpu_list(const char *file, bool json) {
    struct listing l = {.array = json ? cJSON_CreateArray() : NULL};
    int status = CLI_GO;
    if (!json) printf("%-22s %-36s %-14s %s\n", "name", "CPU", "ISAs", "picks by");
    for (size_t i = 0; status == CLI_GO && (l.cpu = predict_cpu_at(i)) != NULL; i++) {
        char isas[64] = "";
        for (int k = 0; k < PREDICT_ISAS && l.cpu->isas[k].isa; k++)
            snprintf(isas + strlen(isas), sizeof isas - strlen(isas), "%s%s", k ? " " : "",
                     l.cpu->isas[k].isa);
        l.decisions = 0;
        status = each_wisdom(file, count_wisdom, &l);
        if (status == CLI_GO) list_one(&l, l.cpu->name, l.cpu->about, isas, l.decisions, l.cpu->source);
    }
    if (status == CLI_GO) status = each_wisdom(file, list_unknown, &l);
    if (status != CLI_GO) {
        cJSON_Delete(l.array);
        return status;
    }
    if (json) return cli_json_print(l.array, LW_EXIT_OK);
    printf("\n");
    for (size_t i = 0; predict_checked[i]; i++)
        printf("%s\n", predict_checked[i]);
    return LW_EXIT_OK;
}
