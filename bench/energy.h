/* Energy of the CPU, where the system lets it be read (RAPL, through Linux's powercap): of whole packages, so
 * what other processes use meanwhile is in it. */
#ifndef LW_BENCH_ENERGY_H
#define LW_BENCH_ENERGY_H

#define LW_POWERCAP "/sys/class/powercap"

enum { LW_PACKAGES = 16 };

struct lw_energy {
    const char *root; /* LW_POWERCAP */
    int count;        /* packages; 0: it can't be read */
    struct {
        char name[32];
        double start_uj;
    } packages[LW_PACKAGES];
};

void lw_energy_start(struct lw_energy *energy, const char *root);
/* Microjoules since the start, if each counter passed its end once at most; -1: it can't be read. */
double lw_energy_used(const struct lw_energy *energy);

#endif
