/* lanewise list: every kernel row. */
#include <math.h>

#include "cli.h"
#include "commands.h"

/* A small problem on which a row's bound is told: what all convolutions take, 32 channels of 14x14. */
static lw_desc sample_problem(lw_op op) {
    switch (op) {
    case LW_MAXPOOL:
        return lw_maxpool2d(1, 32, 28, 28, 2, 2, 0);
    case LW_LINEAR:
        return lw_linear(1, 3136, 10);
    case LW_RELU:
        return lw_relu(1, 32, 28, 28);
    case LW_SOFTMAX:
        return lw_softmax(1, 10);
    default: {
        lw_desc d = lw_conv2d(1, 32, 14, 14, 64, 3, 3);
        d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
        return d;
    }
    }
}

/* The bound on the first sample that the row takes: 32 channels, one channel, depthwise, a 3x3 pool.
 * Negative: none. */
static double sample_bound(const lw_kernel_info *row, const char **on) {
    lw_desc common = sample_problem(row->op), few = common, depthwise = common, wide = common;
    few.ic = 1;
    few.ih = few.iw = 28;
    few.oc = 32;
    depthwise.groups = depthwise.oc = depthwise.ic;
    wide.kh = wide.kw = 3;
    const struct {
        const char *name;
        lw_desc d;
    } samples[] = {{row->op == LW_CONV ? "32->64 3x3" : "", common},
                   {"1->32 3x3", few},
                   {"32 3x3 depthwise", depthwise},
                   {"3x3 stride 2", wide}};
    size_t count = row->op == LW_CONV ? 3 : 1;
    for (size_t i = 0; i < CLI_COUNT(samples); i++) {
        if (i >= count && !(row->op == LW_MAXPOOL && i == 3)) continue;
        lw_desc d = samples[i].d;
        for (int pair = 0; pair < LW_LAYOUT_COUNT * LW_LAYOUT_COUNT; pair++) {
            d.src_layout = (lw_layout)(pair / LW_LAYOUT_COUNT);
            d.dst_layout = (lw_layout)(pair % LW_LAYOUT_COUNT);
            lw_status status = lw_kernel_accepts(row->name, &d, NULL);
            if (status != LW_OK && status != LW_ERR_ISA)
                continue; /* a bound is told of rows of other CPUs too */
            double bound = lw_kernel_bound(row->name, &d);
            if (bound < 0) continue;
            *on = samples[i].name;
            return bound;
        }
    }
    *on = "";
    return -1;
}

static void format_layouts(unsigned mask, char *text, size_t size) {
    size_t used = 0;
    *text = 0;
    for (int l = 0; l < LW_LAYOUT_COUNT && used < size; l++) {
        if (mask >> l & 1)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "",
                                     lw_layout_name((lw_layout)l));
    }
}

static void add_layouts(cJSON *object, const char *key, unsigned mask) {
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (int l = 0; l < LW_LAYOUT_COUNT; l++) {
        if (mask >> l & 1) cJSON_AddItemToArray(array, cJSON_CreateString(lw_layout_name((lw_layout)l)));
    }
}

static cJSON *row_json(const lw_kernel_info *row) {
    const char *on;
    double bound = sample_bound(row, &on);
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", row->name);
    cJSON_AddStringToObject(object, "op", lw_op_name(row->op));
    cJSON_AddStringToObject(object, "algorithm", row->algorithm);
    cJSON_AddStringToObject(object, "isa", row->isa);
    cJSON_AddStringToObject(object, "tile", row->tile);
    cJSON_AddBoolToObject(object, "usable", row->usable);
    cJSON_AddStringToObject(object, "reason", row->usable ? "" : row->reason);
    add_layouts(object, "src_layouts", row->src_layouts);
    add_layouts(object, "dst_layouts", row->dst_layouts);
    cli_json_number(object, "bound", bound < 0 ? (double)NAN : bound);
    cJSON_AddStringToObject(object, "bound_on", on);
    return object;
}

static void print_heading(void) {
    printf("%-38s %-8s %-10s %-7s %-17s %-17s %-20s %s\n", "kernel", "op", "algorithm", "isa", "source",
           "destination", "bound c", "here");
}

static void print_row(const lw_kernel_info *row) {
    char src[32], dst[32], bound_text[48] = "-";
    const char *on;
    double bound = sample_bound(row, &on);
    format_layouts(row->src_layouts, src, sizeof src);
    format_layouts(row->dst_layouts, dst, sizeof dst);
    if (bound >= 0) snprintf(bound_text, sizeof bound_text, "%.0f%s%s", bound, *on ? " on " : "", on);
    printf("%-38s %-8s %-10s %-7s %-17s %-17s %-20s %s\n", row->name, lw_op_name(row->op), row->algorithm,
           row->isa, src, dst, bound_text, row->usable ? "usable" : row->reason);
}

int cmd_list(int argc, char **argv) {
    struct cli_shared s = {0};
    const struct cli_option options[] = {CLI_OPT_OP(&s), CLI_OPT_KERNEL(&s), CLI_OPT_ISA(&s),
                                         CLI_OPT_JSON(&s)};
    const struct cli_command command = {
        .name = "list",
        .usage = "[--op OP] [--kernel GLOB] [--isa NAME] [--json]",
        .about = "Every kernel row: what it computes, how, on which layouts, whether this CPU can run it, "
                 "and its error\n"
                 "bound: c in |y - exact| <= c * 2^-24 * (|bias| + sum |w||x|), told on a typical problem.",
        .options = options,
        .option_count = CLI_COUNT(options),
    };
    int status = cli_parse(&command, argc, argv);
    if (status == CLI_GO) status = cli_check_environment();
    if (status == CLI_GO)
        status = cli_known_isa(s.isa); /* rows of an ISA that this CPU lacks can be listed */
    if (status != CLI_GO) return status;

    size_t shown = 0, unusable = 0;
    cJSON *array = s.json ? cJSON_CreateArray() : NULL;
    for (int op = 0; op < LW_OP_COUNT; op++) {
        struct cli_rows rows;
        if (s.op.given && s.op.op != (lw_op)op) continue;
        if (!cli_select_rows((lw_op)op, s.kernel, s.isa, &rows)) {
            cJSON_Delete(array);
            return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
        }
        if (!s.json && !shown && rows.count) print_heading();
        for (size_t i = 0; i < rows.count; i++) {
            if (s.json)
                cJSON_AddItemToArray(array, row_json(&rows.items[i]));
            else
                print_row(&rows.items[i]);
        }
        shown += rows.count;
        unusable += rows.unusable;
        cli_rows_free(&rows);
    }
    if (!shown && s.kernel) {
        cJSON_Delete(array);
        return cli_fail(LW_EXIT_USAGE, "no kernel row matches %s", s.kernel);
    }
    if (s.json) return cli_json_print(array, LW_EXIT_OK);
    printf("\n%zu of %zu kernels usable here\n", shown - unusable, shown);
    return LW_EXIT_OK;
}
