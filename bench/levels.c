#include "levels.h"

size_t lw_levels_of(const lw_cpu_info *cpu, struct lw_level levels[LW_LEVELS]) {
    const size_t size[] = {cpu->l1d_bytes, cpu->l2_bytes, cpu->l3_bytes};
    static const char *const name[] = {"L1", "L2", "L3"};
    size_t count = 0, last = 16 << 20;
    for (int i = 0; i < 3; i++) {
        if (!size[i]) continue;
        levels[count++] = (struct lw_level){name[i], i + 1, size[i], size[i] / 2, {0}};
        last = size[i] > last ? size[i] : last;
    }
    /* Others use a shared L3 too. */
    for (size_t i = 0; i < count; i++)
        if (levels[i].number == 3 && cpu->l2_bytes && levels[i].working_set > 8 * cpu->l2_bytes)
            levels[i].working_set = 8 * cpu->l2_bytes;
    /* A machine may tell the L3 of a whole socket: half a gigabyte is DRAM enough everywhere. */
    size_t far = 4 * last > (size_t)512 << 20 ? (size_t)512 << 20 : 4 * last;
    levels[count++] = (struct lw_level){"DRAM", LW_LEVELS, 0, far, {0}};
    return count;
}

size_t lw_sweep_bytes(const lw_cpu_info *cpu) {
    const size_t most = (size_t)32 << 20;
    return cpu->l2_bytes + (cpu->l3_bytes < most ? cpu->l3_bytes : most);
}
