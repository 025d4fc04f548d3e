/* `lanewise gate` on made-up builds: scripts that write what a run of theirs would have measured. */
#include "command.h"

#include <math.h>
#include <sys/stat.h>

#include "tools/compare_stats.h"

TestSuite(gate, .init = enter_scratch, .fini = leave_scratch);

/* Six rows, two passes. Every third turn the machine is in a state in which all takes 1.3 times as long. The
 * fourth row takes `factor` times as long in this build. */
static void write_build(const char *path, double factor, const char *doubt) {
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fprintf(f,
            "#!/bin/sh\n"
            "runs=$(cat runs 2>/dev/null || echo 0)\n"
            "echo $((runs + 1)) >runs\n"
            "for word; do out=${word#--benchmark_out=}; done\n"
            "awk -v runs=$runs -v factor=%g 'BEGIN {\n"
            "    srand(runs + 5)\n"
            "    state = int(runs / 2) %% 3 ? 1 : 1.3\n"
            "    printf \"{\\\"context\\\": {\\\"cpu_model\\\": \\\"X\\\", \\\"trust\\\": \\\"%s\\\"}, \"\n"
            "    printf \"\\\"benchmarks\\\": [\"\n"
            "    for (row = 0; row < 6; row++)\n"
            "        for (pass = 0; pass < 2; pass++) {\n"
            "            ns = 1000 * (row + 1) * state * (0.99 + 0.02 * rand()) * (row == 3 ? factor : 1)\n"
            "            printf \"%%s{\\\"name\\\": \\\"conv/p%%d/k/threads:1\\\", \", row || pass ? \", \" "
            ": \"\", row\n"
            "            printf \"\\\"repetition_index\\\": %%d, \\\"cpu_time\\\": %%g, \", pass, ns\n"
            "            printf \"\\\"real_time\\\": %%g, \\\"time_unit\\\": \\\"ns\\\"}\", ns\n"
            "        }\n"
            "    print \"]}\"\n"
            "}' >\"$out\"\n",
            factor, doubt);
    fclose(f);
    cr_assert_eq(chmod(path, 0755), 0);
}

static void write_script(const char *path, const char *lines) {
    char text[300];
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", lines);
    write_file(path, text, strlen(text));
    cr_assert_eq(chmod(path, 0755), 0);
}

static void expect_outcome(int status, const char *needle, const char *words) {
    struct outcome o = run_words(".stdout", words);
    cr_expect_eq(o.status, status, "lanewise %s: %d, not %d\n%s%s", words, o.status, status, o.out, o.err);
    cr_expect(strstr(o.out, needle) || strstr(o.err, needle), "'%s' is not in:\n%s%s", needle, o.out, o.err);
    free_outcome(&o);
}

Test(gate, a_slow_row_is_named_whatever_state_the_machine_is_in) {
    write_build("old", 1, "good");
    write_build("new", 1.08, "good");
    expect_outcome(1, "slower      conv/p3/k/threads:1", "gate --out kept ./old ./new");
    expect_outcome(1, "1 slower, 0 faster, 5 same", "compare kept/old.json kept/new.json");
    expect_outcome(0, "0 slower, 1 faster, 5 same", "compare kept/new.json kept/old.json");
    expect_outcome(0, "6 same", "compare --threshold 12 kept/old.json kept/new.json");
    cJSON *root = expect_json(1, "compare --json kept/old.json kept/new.json");
    cr_expect_float_eq(number_of(cJSON_GetArrayItem(cJSON_GetObjectItem(root, "rows"), 3), "ratio"), 1.08,
                       0.01);
    cJSON_Delete(root);
    expect_outcome(1, "1 slower", "gate --turns 12 --out kept ./old ./new"); /* of another gate now */
    cr_assert_eq(rename("kept/old.json", "other.json"), 0);
    expect_outcome(1, "1 slower", "gate --out kept ./old ./new");
    expect_outcome(2, "0 slower", "compare other.json kept/new.json");
}

Test(gate, one_build_is_the_same_as_itself) {
    write_build("old", 1, "good");
    expect_outcome(0, "0 slower, 0 faster, 6 same", "gate ./old ./old");
    char *runs = read_file("runs", NULL);
    cr_expect_str_eq(runs, "80\n");
    free(runs);
    expect_outcome(2, "5 undisturbed turns of 5 are too few for 6 rows, at least 10 are needed: --turns 15",
                   "gate --turns 5 ./old ./old");
}

Test(gate, what_one_run_leaves_out_others_have) {
    write_build("old", 1, "good");
    write_script("hasty",
                 "./old \"$@\"\nfor word; do out=${word#--benchmark_out=}; done\n"
                 "[ $(cat runs) != 4 ] || sed -i 's/\"cpu_time\"/\"error_occurred\": true, &/' \"$out\"");
    expect_outcome(0, "0 slower, 0 faster, 6 same, 0 can't tell, 0 missing", "gate ./old ./hasty");
}

Test(gate, what_most_runs_doubt_is_told) {
    write_build("old", 1, "good");
    write_build("new", 1, "it was emulated");
    expect_outcome(0, "./new: don't trust its times: in 40 of 40 turns, the last time: it was emulated",
                   "gate ./old ./new");
}

Test(gate, failures_are_one_line_and_leave_nothing) {
    setenv("TMPDIR", ".", 1);
    write_build("old", 1, "good");
    write_script("broken", "echo why >&2\nexit 1");
    write_script("silent", "");
    expect_failure(4, "needs two builds", "gate ./old");
    expect_failure(4, "./nowhere: No such file", "gate ./nowhere ./old");
    expect_failure(3, "./broken: exit status 1: why", "gate ./broken ./old");
    expect_failure(4, "./silent: it wrote no result", "gate ./silent ./old");
    expect_failure(4, "exit status 2: lanewise", "gate " LW_BINARY " ./old -- --frob");
    expect_failure(4, "--out old: Not a directory", "gate --out old ./old ./old");
    expect_failure(4, "--turns 0: not a whole number", "gate --turns 0 ./old ./old");
    setenv("TMPDIR", "nowhere", 1);
    expect_failure(4, "TMPDIR nowhere: No such file", "gate ./old ./old");
    unsetenv("TMPDIR");
    write_script("hung", "exec sleep 60");
    expect_failure(3, "./hung: not done after 1 s", "gate --timeout 1 ./hung ./old");
    expect_failure(4, "--repeat is no option for the runs of a gate", "gate ./old ./old -- --repeat 3");
    cr_assert(mkdir("kept", 0700) == 0 && mkdir("kept/new.json", 0700) == 0);
    expect_failure(4, "kept/new.json: Is a directory", "gate --out kept ./old ./old");
    cr_expect_eq(access("runs", F_OK), -1, "nothing was measured in vain");
    cr_expect_eq(count_files(), 5, "old, broken, silent, hung and kept");
}

/* A build that waits is ended with the gate, and what is between them is gone. */
Test(gate, a_signal_leaves_nothing) {
    char script[300], cwd[200];
    setenv("TMPDIR", getcwd(cwd, sizeof cwd), 1);
    write_build("old", 1, "good");
    write_script("slow", "echo $$ >pid\nexec sleep 60");
    snprintf(
        script, sizeof script,
        "%s gate ./slow ./old & gate=$!; while ! [ -s pid ]; do sleep 0.05; done; kill $gate; wait $gate; "
        "kill -0 $(cat pid) 2>/dev/null && echo alive; ls -d lanewise-gate* 2>/dev/null; true",
        LW_BINARY);
    char *const argv[] = {(char *)"sh", (char *)"-c", script, NULL};
    struct outcome o = run_program("/bin/sh", ".stdout", argv);
    cr_expect_str_eq(o.out, "");
    free_outcome(&o);
}

/* What an edited file says. */
static void edit_file(const char *path, const char *script) {
    char line[300];
    snprintf(line, sizeof line, "sed -i '%s' %s", script, path);
    cr_assert_eq(system(line), 0);
}

Test(gate, turns_have_to_be_what_they_say) {
    write_build("old", 1, "good");
    expect_outcome(0, "6 same", "gate --turns 10 --out kept ./old ./old");
    edit_file("kept/old.json", "s/\"turn\":.*9/\"turn\": 10/");
    expect_failure(4, "kept/old.json: conv/p0/k/threads:1: a pass has no turn from 0 to 9",
                   "compare kept/old.json kept/new.json");
    edit_file("kept/old.json", "s/\"turns\":[^,]*/\"turns\": 1e9/");
    expect_failure(4, "not of the same whole number of turns", "compare kept/old.json kept/new.json");
}

Test(gate, the_least_of_a_turns_passes_counts) {
    write_build("old", 1, "good");
    expect_outcome(0, "6 same", "gate --turns 10 --out kept ./old ./old");
    /* every second pass, in one of the files */
    edit_file("kept/new.json", "/\"repetition_index\":.*[13579],/,/time_unit/ s/_time\":.*/_time\": 1e6,/");
    expect_outcome(0, "6 same", "compare kept/old.json kept/new.json");
}

Test(gate, the_interval_is_that_of_signed_ranks) {
    /* Of 32 ways to sign five ranks one has no negative one and one has only the first: at 1/32 one of the
     * fifteen means is cut off, at 2/32 two are. */
    const double logs[5] = {1, 2, 3, 4, 5};
    struct compare_ratio r = compare_pairs(logs, 5, 1.0 / 32);
    cr_expect_float_eq(log(r.ratio), 3, 1e-9);
    cr_expect_float_eq(log(r.low), 1, 1e-9);
    cr_expect_float_eq(log(r.high), 5, 1e-9);
    r = compare_pairs(logs, 5, 2.0 / 32);
    cr_expect_float_eq(log(r.low), 1.5, 1e-9);
    cr_expect_float_eq(log(r.high), 4.5, 1e-9);
    r = compare_pairs(logs, 5, 0.03);
    cr_expect(r.low == 0 && isinf(r.high), "five are too few");
    cr_expect_eq(compare_pairs_needed(1.0 / 32), 5);
    cr_expect_eq(compare_pairs_needed(0.03), 6);
    double many[62];
    for (int i = 0; i < 62; i++)
        many[i] = 0.01 * (i * 37 % 62);
    const struct compare_ratio counted = compare_pairs(many, 60, 0.001),
                               normal = compare_pairs(many, 61, 0.001);
    cr_expect_float_eq(log(counted.low / normal.low), 0, 0.01);
    cr_expect_float_eq(log(counted.high / normal.high), 0, 0.01);
}
