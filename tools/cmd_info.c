/* lanewise info: the CPU, and what it can do at most. */
#include <stdlib.h>

#include "bench/levels.h"
#include "cli.h"
#include "commands.h"

#define PEAK_SECONDS      0.2
#define BANDWIDTH_SECONDS 0.1

static size_t measure_levels(const lw_cpu_info *cpu, struct lw_level levels[LW_LEVELS]) {
    size_t count = lw_levels_of(cpu, levels);
    for (size_t i = 0; i < count; i++) {
        cli_progress("measuring the bandwidth of %s", levels[i].name);
        lw_measure_bandwidth(levels[i].working_set, BANDWIDTH_SECONDS, levels[i].gb_per_s);
    }
    return count;
}

static double measure_peak(size_t isa_index, const lw_isa_info *isa) {
    if (!isa->usable) return 0;
    cli_progress("measuring the FMA peak of %s", isa->name);
    return lw_measure_peak_gflops(isa_index, PEAK_SECONDS, LW_PEAK_SAMPLE);
}

static int print_json(const lw_cpu_info *cpu) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "cpu", cpu->model);
    cJSON_AddNumberToObject(root, "cores", cpu->cores);
    cJSON_AddStringToObject(root, "features", cpu->features);
    cJSON *isas = cJSON_AddArrayToObject(root, "isas");
    lw_isa_info isa;
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK; i++) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", isa.name);
        cJSON_AddNumberToObject(object, "lanes", isa.lanes);
        cJSON_AddBoolToObject(object, "usable", isa.usable);
        cJSON_AddStringToObject(object, "reason", isa.usable ? "" : isa.reason);
        double peak = measure_peak(i, &isa);
        if (isa.usable)
            cli_json_number(object, "peak_gflops", peak);
        else
            cJSON_AddNullToObject(object, "peak_gflops");
        cJSON_AddItemToArray(isas, object);
    }
    struct lw_level levels[LW_LEVELS];
    size_t count = measure_levels(cpu, levels);
    cJSON *memory = cJSON_AddArrayToObject(root, "memory");
    for (size_t i = 0; i < count; i++) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "level", levels[i].name);
        cJSON_AddNumberToObject(object, "cache_bytes", (double)levels[i].cache_bytes);
        cJSON_AddNumberToObject(object, "working_set_bytes", (double)levels[i].working_set);
        cli_json_number(object, "read_gb_per_s", levels[i].gb_per_s[LW_READ]);
        cli_json_number(object, "write_gb_per_s", levels[i].gb_per_s[LW_WRITE]);
        cli_json_number(object, "copy_gb_per_s", levels[i].gb_per_s[LW_COPY]);
        cJSON_AddItemToArray(memory, object);
    }
    cJSON_AddNumberToObject(root, "kernels", (double)lw_kernel_count());
    return cli_json_print(root, LW_EXIT_OK);
}

static void print_size(size_t bytes) {
    if (bytes >= 1 << 20)
        printf("%6.4g MB", (double)bytes / (1 << 20));
    else
        printf("%6.4g KB", (double)bytes / (1 << 10));
}

static int print_text(const lw_cpu_info *cpu) {
    printf("CPU       %s, %d core%s for this process\n", *cpu->model ? cpu->model : "unknown", cpu->cores,
           cpu->cores == 1 ? "" : "s");
    printf("features  %s\n\n", *cpu->features ? cpu->features : "none that matter here");
    lw_isa_info isa;
    printf("ISA      lanes  FMA peak of one thread\n");
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK; i++) {
        double peak = measure_peak(i, &isa);
        cli_progress_clear();
        if (isa.usable)
            printf("%-8s %5d  %.1f GFLOP/s\n", isa.name, isa.lanes, peak);
        else
            printf("%-8s %5d  not usable here: %s\n", isa.name, isa.lanes, isa.reason);
    }
    struct lw_level levels[LW_LEVELS];
    size_t count = measure_levels(cpu, levels);
    cli_progress_clear();
    printf("\nmemory      size    read   write    copy, GB/s of one thread\n");
    for (size_t i = 0; i < count; i++) {
        printf("%-6s ", levels[i].name);
        if (levels[i].cache_bytes)
            print_size(levels[i].cache_bytes);
        else
            printf("%9s", "");
        printf(" %7.1f %7.1f %7.1f\n", levels[i].gb_per_s[LW_READ], levels[i].gb_per_s[LW_WRITE],
               levels[i].gb_per_s[LW_COPY]);
    }
    size_t usable = 0, all = lw_kernel_count();
    lw_kernel_info row;
    for (size_t i = 0; lw_kernel_get(i, &row) == LW_OK; i++)
        usable += row.usable;
    printf("\n%zu of %zu kernels usable here (lanewise list)\n", usable, all);
    return LW_EXIT_OK;
}

int cmd_info(int argc, char **argv) {
    struct cli_shared s = {0};
    const struct cli_option options[] = {CLI_OPT_JSON(&s)};
    const struct cli_command command = {
        .name = "info",
        .usage = "[--json]",
        .about = "The CPU, the ISAs compiled in and usable, caches, and the measured limits of one thread: "
                 "FMA peak\n"
                 "per ISA, bandwidth per level of memory. Takes a few seconds.",
        .options = options,
        .option_count = CLI_COUNT(options),
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = cli_check_environment();
    if (status != CLI_GO) return status;
    lw_cpu_info cpu;
    lw_cpu_get(&cpu);
    return s.json ? print_json(&cpu) : print_text(&cpu);
}
