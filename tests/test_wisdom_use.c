/* What plans make of wisdom, and where it is looked for. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include "command.h"
#include "dispatch/wisdom.h"
#include "wisdom.h"

TestSuite(wisdom_use, .timeout = 60, .init = enter_scratch, .fini = leave_scratch);

static void use(lw_wisdom *w) {
    lw_error err;
    cr_assert_eq(lw_wisdom_use(w, &err), LW_OK, "%s", err.text);
}

/* The chosen row's name, static, with its rule; NULL: none. */
static const char *chosen(const lw_desc *d, const lw_options *opt, const char **rule) {
    lw_explanation *e;
    lw_error err;
    cr_assert_eq(lw_explain(&e, d, opt, &err), LW_OK, "%s", err.text);
    const char *name = e->chosen;
    *rule = e->rule;
    for (size_t i = 0; i < e->count; i++) {
        bool known = name && !strcmp(e->candidates[i].kernel, name);
        if (known && strcmp(e->rule, "forced") != 0) cr_expect_str_eq(e->candidates[i].source, e->rule);
    }
    lw_explanation_free(e);
    return name;
}

static void expect_rule(const lw_desc *d, const lw_options *opt, const char *rule, int line) {
    const char *found;
    chosen(d, opt, &found);
    cr_expect_str_eq(found, rule, "line %d: '%s', not '%s'", line, found, rule);
}
#define EXPECT_RULE(d, opt, rule) expect_rule(d, opt, rule, __LINE__)

Test(wisdom_use, forced_wisdom_measured_estimated) {
    lw_wisdom *w = some_wisdom();
    lw_desc d = conv2();
    lw_options opt = lw_default_options();
    lw_decision known;
    const char *rule;
    EXPECT_RULE(&d, &opt, "estimated");
    use(w);
    cr_assert(lw_wisdom_find(w, &d, &opt, &known));
    cr_expect_str_eq(chosen(&d, &opt, &rule), known.rows[0].kernel);
    cr_expect_str_eq(rule, "wisdom");
    opt.effort = LW_MEASURE;
    EXPECT_RULE(&d, &opt, "wisdom");
    d.bias = false;
    EXPECT_RULE(&d, &opt, "measured");
    d.bias = true;
    opt.kernel = known.rows[1].kernel;
    EXPECT_RULE(&d, &opt, "forced");
    lw_wisdom_forget();
    opt = lw_default_options();
    EXPECT_RULE(&d, &opt, "estimated");
    lw_wisdom_free(w);
}

Test(wisdom_use, a_plan_has_the_known_row) {
    lw_wisdom *w = some_wisdom();
    lw_desc d = lw_maxpool2d(1, 32, 28, 28, 2, 2, 0);
    lw_options opt = lw_default_options();
    lw_decision known;
    lw_error err;
    lw_plan *plan;
    opt.effort = LW_WISDOM_ONLY;
    cr_expect_eq(lw_plan_create(&plan, &d, NULL, NULL, &opt, &err), LW_ERR_NO_WISDOM);
    cr_expect_null(plan);
    cr_expect(strstr(err.text, "nothing is known about maxpool mb1_ic32ih28iw28_oh14ow14"), "%s", err.text);
    use(w);
    cr_assert(lw_wisdom_find(w, &d, NULL, &known));
    cr_assert_eq(lw_plan_create(&plan, &d, NULL, NULL, &opt, &err), LW_OK, "%s", err.text);
    cr_expect_str_eq(lw_plan_kernel(plan), known.rows[0].kernel);
    cr_expect_str_eq(lw_plan_rule(plan), "wisdom");
    lw_plan_destroy(plan);
    lw_wisdom_free(w);
}

Test(wisdom_use, every_known_time_is_told) {
    lw_wisdom *w = some_wisdom();
    lw_desc d = conv2();
    lw_decision known;
    lw_explanation *e;
    size_t told = 0;
    use(w);
    cr_assert(lw_wisdom_find(w, &d, NULL, &known));
    cr_assert_eq(lw_explain(&e, &d, NULL, NULL), LW_OK);
    for (size_t i = 0; i < e->count; i++)
        for (size_t k = 0; k < known.count; k++)
            if (!strcmp(e->candidates[i].kernel, known.rows[k].kernel)) {
                cr_expect_eq(e->candidates[i].ns, known.rows[k].ns);
                cr_expect_eq(e->candidates[i].ns_high, known.rows[k].ns_high);
                cr_expect_str_eq(e->candidates[i].source, "wisdom");
                told++;
            }
    cr_expect_eq(told, known.count);
    lw_explanation_free(e);
    lw_wisdom_free(w);
}

/* Tighter budgets than the tune's leave some of its rows; looser ones may admit rows that it never saw. */
Test(wisdom_use, budgets) {
    lw_wisdom *w;
    lw_desc d = conv2();
    lw_options opt = lw_default_options();
    lw_explanation *e;
    const char *rule;
    cr_assert_eq(lw_wisdom_create(&w, NULL), LW_OK);
    opt.max_workspace = (size_t)1 << 30;
    add_backwards(w, &d, &opt);
    use(w);
    EXPECT_RULE(&d, &opt, "wisdom");
    opt.max_error = LW_ERROR_STRICT;
    const char *direct = chosen(&d, &opt, &rule);
    cr_expect_str_eq(rule, "wisdom");
    cr_expect_eq(strncmp(direct, "conv_direct", 11), 0, "%s", direct);
    opt.max_error = 1e-4;
    EXPECT_RULE(&d, &opt, "estimated");
    opt.max_error = LW_ERROR_FAST;
    opt.max_workspace = 0;
    EXPECT_RULE(&d, &opt, "estimated");
    opt.max_workspace = (size_t)100 << 10; /* the F(6x6) and F(4x4) rows need more */
    const char *small = chosen(&d, &opt, &rule);
    cr_expect_str_eq(rule, "wisdom");
    cr_assert_eq(lw_explain(&e, &d, &opt, NULL), LW_OK);
    for (size_t i = 0; i < e->count; i++)
        if (!strcmp(e->candidates[i].kernel, small))
            cr_expect_leq(e->candidates[i].workspace_bytes, opt.max_workspace);
    lw_explanation_free(e);
    opt.isa = "scalar";
    cr_expect(strstr(chosen(&d, &opt, &rule), "_scalar"));
    cr_expect_str_eq(rule, "wisdom");
    opt.isa = NULL;
    opt.threads = 2;
    EXPECT_RULE(&d, &opt, "estimated");
    lw_wisdom_free(w);
}

/* ---- files --------------------------------------------------------------------------------------------- */

Test(wisdom_use, files) {
    lw_wisdom *w = some_wisdom(), *again;
    lw_error err;
    char *text = text_of_wisdom(w);
    cr_assert_eq(lw_wisdom_write_file(w, "w", &err), LW_OK, "%s", err.text);
    char *file = read_file("w", NULL);
    cr_expect_str_eq(file, text);
    cr_assert_eq(lw_wisdom_read_file(&again, "w", &err), LW_OK, "%s", err.text);
    lw_wisdom_free(again);
    cr_assert_eq(lw_wisdom_import_file("w", &err), LW_OK, "%s", err.text);
    cr_assert_eq(symlink("exported", "link"), 0);
    write_file("exported", "", 0);
    cr_assert_eq(chmod("exported", 0600), 0);
    cr_assert_eq(lw_wisdom_export_file("link", &err), LW_OK, "%s", err.text);
    char *exported = read_file("exported", NULL);
    struct stat info;
    cr_expect_str_eq(exported, text);
    cr_expect(lstat("link", &info) == 0 && S_ISLNK(info.st_mode));
    cr_expect(stat("exported", &info) == 0 && (info.st_mode & 0777) == 0600);
    cr_expect_eq(lw_wisdom_read_file(&again, "nothing", &err), LW_ERR_FILE);
    cr_expect(strstr(err.text, "nothing: No such file"), "%s", err.text);
    cr_expect_eq(lw_wisdom_read_file(&again, ".", &err), LW_ERR_FILE);
    cr_expect_eq(lw_wisdom_write_file(w, "no/such/folder", &err), LW_ERR_FILE);
    cr_expect_eq(lw_wisdom_write_file(w, ".", &err), LW_ERR_FILE);
    cr_expect_eq(count_files(), 3); /* no temporary one is left */
    write_file("w", "lanewise wisdom 1\nbanana\n", 25);
    cr_expect_eq(lw_wisdom_import_file("w", &err), LW_ERR_CORRUPT);
    cr_expect_str_eq(err.text, "w: line 2: no 'version: ...'");
    free(exported);
    free(file);
    free(text);
    lw_wisdom_free(w);
}

/* A file that says of the pool that row `which` of its rows is the best. Returns the row's name. */
static const char *write_choice(const char *path, size_t which) {
    static char names[8][64];
    lw_wisdom *w = some_wisdom();
    lw_desc d = lw_maxpool2d(1, 32, 28, 28, 2, 2, 0);
    lw_decision all;
    char problem[256];
    cr_assert(lw_wisdom_find(w, &d, NULL, &all));
    lw_timing row = all.rows[which % all.count];
    snprintf(names[which % 8], 64, "%s", row.kernel);
    row.kernel = names[which % 8];
    lw_desc_text(&d, problem, sizeof problem);
    lw_decision one = {problem, LW_ERROR_FAST, 0, 1, false, false, 1, 1, &row};
    lw_wisdom_free(w);
    cr_assert_eq(lw_wisdom_create(&w, NULL), LW_OK);
    cr_assert_eq(lw_wisdom_add(w, &one, NULL), LW_OK);
    cr_assert_eq(lw_wisdom_write_file(w, path, NULL), LW_OK);
    lw_wisdom_free(w);
    return names[which % 8];
}

static void expect_pool(const char *kernel) {
    lw_desc d = lw_maxpool2d(1, 32, 28, 28, 2, 2, 0);
    const char *rule, *name = chosen(&d, NULL, &rule);
    cr_expect_str_eq(rule, kernel ? "wisdom" : "estimated");
    if (kernel) cr_expect_str_eq(name, kernel);
}

Test(wisdom_use, the_first_file_wins) {
    const char *const paths[] = {"named", "user", "system"};
    lw_error err = {0};
    cr_expect_eq(lw_wisdom_import_files(paths, 3, false, &err), LW_OK);
    cr_expect_eq(lw_wisdom_import_files(paths, 3, true, &err), LW_ERR_FILE);
    const char *in_system = write_choice("system", 0);
    cr_expect_eq(lw_wisdom_import_files(paths, 3, false, &err), LW_OK);
    expect_pool(in_system);
    const char *in_user = write_choice("user", 1);
    cr_expect_str_neq(in_user, in_system);
    cr_expect_eq(lw_wisdom_import_files(paths, 3, false, &err), LW_OK);
    expect_pool(in_user);
    write_choice("named", 0);
    cr_expect_eq(lw_wisdom_import_files(paths, 3, true, &err), LW_OK);
    expect_pool(in_system);

    /* One that is refused is left out, and told. */
    char *text = read_file("user", NULL), *stale = altered(text, "\ncpu: ", "\ncpu: not ");
    write_file("named", stale, strlen(stale));
    lw_wisdom_forget();
    cr_expect_eq(lw_wisdom_import_files(paths, 3, true, &err), LW_ERR_STALE);
    cr_expect(strstr(err.text, "named: it is of another cpu: 'not "), "%s", err.text);
    expect_pool(in_user);
    write_file("user", text, strlen(text) - 1);
    lw_wisdom_forget();
    cr_expect_eq(lw_wisdom_import_files(paths + 1, 2, false, &err), LW_ERR_CORRUPT);
    cr_expect(strstr(err.text, "user: line "), "%s", err.text);
    expect_pool(in_system);
    free(stale);
    free(text);
}

Test(wisdom_use, search_path) {
    char path[1024], home[1024];
    lw_error err;
    cr_assert_not_null(getcwd(home, sizeof home));
    setenv("XDG_CONFIG_HOME", "/somewhere", 1);
    setenv("HOME", home, 1);
    cr_assert_eq(lw_wisdom_user_path(path, sizeof path, &err), LW_OK);
    cr_expect_str_eq(path, "/somewhere/lanewise/wisdom");
    cr_expect_eq(lw_wisdom_user_path(path, 10, &err), LW_ERR_ENVIRONMENT);
    setenv("XDG_CONFIG_HOME", "relative", 1);
    cr_assert_eq(lw_wisdom_user_path(path, sizeof path, &err), LW_OK);
    cr_expect(strstr(path, "/.config/lanewise/wisdom"), "%s", path);
    cr_assert(mkdir(".config", 0700) == 0 && mkdir(".config/lanewise", 0700) == 0);
    const char *in_user = write_choice(path, 1), *named = write_choice("named", 0);
    cr_expect_neq(lw_wisdom_import_default(NULL, &err), LW_ERR_CORRUPT);
    expect_pool(in_user);
    setenv("LANEWISE_WISDOM", "named", 1);
    lw_wisdom_import_default(NULL, &err);
    expect_pool(named);
    lw_wisdom_import_default(".config/lanewise/wisdom", &err);
    expect_pool(in_user);
    lw_wisdom_forget();
    setenv("LANEWISE_WISDOM", "none", 1);
    cr_expect_eq(lw_wisdom_import_default(NULL, &err), LW_OK, "%s", err.text);
    expect_pool(NULL);
    setenv("LANEWISE_WISDOM", "gone", 1);
    cr_expect_eq(lw_wisdom_import_default(NULL, &err), LW_ERR_FILE);
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("HOME");
    cr_expect_eq(lw_wisdom_user_path(path, sizeof path, &err), LW_ERR_ENVIRONMENT);
}

/* ---- threads ------------------------------------------------------------------------------------------- */

static int done;

static void *make_plans(void *arg) {
    (void)arg;
    lw_desc d = lw_maxpool2d(1, 32, 28, 28, 2, 2, 0);
    size_t known = 0;
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
        lw_plan *plan;
        if (lw_plan_create(&plan, &d, NULL, NULL, NULL, NULL) != LW_OK) return NULL;
        known += !strcmp(lw_plan_rule(plan), "wisdom");
        lw_plan_destroy(plan);
    }
    return (void *)(known + 1);
}

Test(wisdom_use, plans_are_made_while_it_changes) {
    lw_wisdom *w = some_wisdom();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, make_plans, NULL), 0);
    for (int i = 0; i < 300; i++) {
        use(w);
        free(known_text());
        if (i % 3 == 0) lw_wisdom_forget();
    }
    __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(threads[i], &result);
        cr_expect_not_null(result);
    }
    lw_wisdom_free(w);
}
