#include "energy.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -1: it can't be read. */
static double read_number(const char *root, const char *package, const char *file_name) {
    char path[512], line[64], *end = line;
    if (snprintf(path, sizeof path, "%s/%s/%s", root, package, file_name) >= (int)sizeof path) return -1;
    FILE *file = fopen(path, "r");
    bool read = file && fgets(line, sizeof line, file);
    if (file) fclose(file);
    double value = read ? strtod(line, &end) : -1;
    return end == line ? -1 : value;
}

/* intel-rapl:0 is a package, AMD's too; intel-rapl:0:1 is a part of it and counted in it. */
static bool is_package(const char *name) {
    static const char prefix[] = "intel-rapl:";
    return strncmp(name, prefix, sizeof prefix - 1) == 0 && !strchr(name + sizeof prefix - 1, ':');
}

void lw_energy_start(struct lw_energy *energy, const char *root) {
    *energy = (struct lw_energy){.root = root};
    DIR *folder = opendir(root);
    for (struct dirent *e; folder && energy->count < LW_PACKAGES && (e = readdir(folder));) {
        double now = is_package(e->d_name) ? read_number(root, e->d_name, "energy_uj") : -1;
        if (now < 0 || strlen(e->d_name) >= sizeof energy->packages->name) continue;
        strcpy(energy->packages[energy->count].name, e->d_name);
        energy->packages[energy->count++].start_uj = now;
    }
    if (folder) closedir(folder);
}

double lw_energy_used(const struct lw_energy *energy) {
    double sum = energy->count ? 0 : -1;
    for (int i = 0; i < energy->count; i++) {
        const char *name = energy->packages[i].name;
        double now = read_number(energy->root, name, "energy_uj"), used = now - energy->packages[i].start_uj;
        if (now < 0) return -1;
        sum += used >= 0 ? used : used + read_number(energy->root, name, "max_energy_range_uj");
    }
    return sum;
}
