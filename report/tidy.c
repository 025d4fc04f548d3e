#include "tidy.h"

#include <string.h>
#include "text.h"

/* Google Benchmark's own numbering, what stands in the name, and what is somebody's business. */
static const char *const left_out[] = {"family_index",
                                       "per_family_instance_index",
                                       "run_type",
                                       "repetitions",
                                       "threads",
                                       "iterations",
                                       "host_name",
                                       "load_avg",
                                       "executable",
                                       "pictures",
                                       "weights",
                                       "data",
                                       NULL};

static bool keeps(const cJSON *item, const cJSON *parent) {
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(parent, "name");
    if (!item->string) return true;
    if (strcmp(item->string, "threads") == 0 && !cJSON_HasObjectItem(parent, "run_type")) return true;
    if (strcmp(item->string, "run_name") == 0 && cJSON_Compare(item, name, true)) return false;
    if (strcmp(item->string, "repetition_index") == 0 && item->valuedouble == 0) return false;
    for (const char *const *key = left_out; *key; key++)
        if (strcmp(item->string, *key) == 0) return false;
    return true;
}

static void write_value(FILE *out, const cJSON *item);

static void write_children(FILE *out, const cJSON *parent, const char *between) {
    const char *comma = "";
    for (const cJSON *child = parent->child; child; child = child->next) {
        if (!keeps(child, parent)) continue;
        fputs(comma, out);
        if (child->string) {
            text_json(out, child->string);
            fputc(':', out);
        }
        write_value(out, child);
        comma = between;
    }
}

static void write_value(FILE *out, const cJSON *item) {
    if (cJSON_IsNumber(item))
        text_number_json(out, item->valuedouble);
    else if (cJSON_IsString(item))
        text_json(out, item->valuestring);
    else if (cJSON_IsArray(item) || cJSON_IsObject(item)) {
        fputc(cJSON_IsArray(item) ? '[' : '{', out);
        write_children(out, item, ",");
        fputc(cJSON_IsArray(item) ? ']' : '}', out);
    } else {
        fputs(cJSON_IsTrue(item) ? "true" : cJSON_IsFalse(item) ? "false" : "null", out);
    }
}

void report_tidy_json(FILE *out, const cJSON *root) {
    fputs("{", out);
    write_children(out, root, ",\n");
    fputs("}\n", out);
}

void report_tidy_matrix(FILE *out, const struct report_run *run) {
    const cJSON *item;
    const char *comma = "\n";
    fputs("{\"context\":{", out);
    write_children(out, run->matrix.context, ",\n");
    fputs("},\n\"benchmarks\":[", out);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(run->matrix.root, "benchmarks")) {
        if (strcmp(report_text(item, "run_type"), "aggregate") == 0) continue;
        fputs(comma, out);
        write_value(out, item);
        comma = ",\n";
    }
    fputs("\n]}\n", out);
}
