/* `lanewise pick --emit cmake`: the rows as the cache entry LANEWISE_KERNELS. */
#include <string.h>

#include "pick.h"

static bool is_repeated(const struct pick_list *list, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (strcmp(list->items[k].row.kernel, list->items[i].row.kernel) == 0) return true;
    return false;
}

/* What a row is for and why, as a comment. */
static void put_users(const struct pick_list *list, const char *kernel, FILE *out) {
    const char *rule = "";
    size_t users = 0;
    char name[256];
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].row.kernel, kernel) != 0) continue;
        if (users++) continue;
        rule = list->items[i].rule;
        fprintf(out, " # %s", pick_plain(list->items[i].name, name, sizeof name));
    }
    if (users > 1) fprintf(out, " and %zu more", users - 1);
    fprintf(out, " (%s)", rule);
}

void pick_emit_cmake(const struct pick_list *list, const char *prefix, FILE *out) {
    char cpu[96];
    (void)prefix;
    fprintf(out,
            "# The only kernels that lanewise %d.%d.%d needs, as picked for %s by lanewise pick.\n"
            "# cmake -C THIS_FILE ... builds the library with just those.\n"
            "set(LANEWISE_KERNELS\n",
            LW_VERSION_MAJOR, LW_VERSION_MINOR, LW_VERSION_PATCH, pick_plain(list->cpu, cpu, sizeof cpu));
    for (size_t i = 0; i < list->count; i++) {
        if (is_repeated(list, i)) continue;
        fprintf(out, "    %s", list->items[i].row.kernel);
        put_users(list, list->items[i].row.kernel, out);
        fputc('\n', out);
    }
    fputs("    CACHE STRING \"the kernels to build, by name\" FORCE)\n", out);
}
