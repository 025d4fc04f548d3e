/* What `lanewise pick` tells: see pick.h. */
#include <string.h>

#include "pick.h"

const char *pick_plain(const char *text, char *copy, size_t size) {
    size_t n = 0;
    for (; text[n] && n + 1 < size; n++)
        copy[n] = strchr("\"\\*/?", text[n]) || (unsigned char)text[n] < 32 || text[n] == 127 ? '_' : text[n];
    copy[n] = 0;
    return copy;
}

void pick_print(const struct pick_list *list) {
    size_t width = strlen("kernel"), name_width = strlen("problem");
    for (size_t i = 0; i < list->count; i++) {
        const struct pick *p = &list->items[i];
        size_t length = p->row.kernel ? strlen(p->row.kernel) : 0, name = strlen(p->name);
        if (length > width) width = length;
        if (name > name_width) name_width = name;
    }
    printf("for %s\n\n", list->cpu);
    printf("%-*s  %-8s  %-15s  %-17s  %-*s  %-9s  %9s  %9s  %s\n", (int)name_width, "problem", "op",
           "layouts", "tail", (int)width, "kernel", "rule", "time", "memory", "rel.L2");
    for (size_t i = 0; i < list->count; i++) {
        const struct pick *p = &list->items[i];
        char layouts[32], desc[256], time[16], bytes[16];
        lw_desc_text(&p->desc, desc, sizeof desc); /* its last word is the tail */
        printf("%-*s  %-8s  %-15s  %-17s  ", (int)name_width, p->name, lw_op_name(p->desc.op),
               cli_layouts_text(&p->desc, layouts), strrchr(desc, ' ') + 1);
        if (p->row.kernel)
            printf("%-*s  %-9s  %9s  %9s  %.1e\n", (int)width, p->row.kernel, p->rule,
                   cli_time_text(p->row.ns, time),
                   cli_bytes_text(p->row.workspace_bytes + p->row.packed_bytes, bytes), p->row.rel_l2);
        else
            printf("none: %s\n", p->why);
    }
}

static cJSON *one_json(const struct pick *p) {
    char problem[256];
    cJSON *object = cJSON_CreateObject();
    lw_desc_problem(&p->desc, problem, sizeof problem);
    cJSON_AddStringToObject(object, "problem", problem);
    cJSON_AddStringToObject(object, "name", p->name);
    cJSON_AddStringToObject(object, "op", lw_op_name(p->desc.op));
    cJSON_AddStringToObject(object, "src_layout", lw_layout_name(p->desc.src_layout));
    cJSON_AddStringToObject(object, "dst_layout", lw_layout_name(p->desc.dst_layout));
    cJSON_AddBoolToObject(object, "bias", p->desc.bias);
    cJSON_AddBoolToObject(object, "relu", p->desc.relu);
    cJSON_AddBoolToObject(object, "pool2x2", p->desc.pool2x2);
    if (p->row.kernel)
        cJSON_AddStringToObject(object, "kernel", p->row.kernel);
    else
        cJSON_AddNullToObject(object, "kernel");
    cJSON_AddStringToObject(object, "rule", p->row.kernel ? p->rule : "");
    cJSON_AddStringToObject(object, "reason", p->why);
    if (p->row.kernel) cli_json_candidate(object, &p->row);
    return object;
}

cJSON *pick_json(const struct pick_list *list) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "cpu", list->cpu);
    cJSON *picks = cJSON_AddArrayToObject(root, "picks");
    for (size_t i = 0; i < list->count; i++)
        cJSON_AddItemToArray(picks, one_json(&list->items[i]));
    return root;
}
