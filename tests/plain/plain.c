#define _GNU_SOURCE
#include "criterion/criterion.h"
#include "criterion/redirect.h"
#include <fnmatch.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77 };
static struct plain_test *tests, **last = &tests;
static const char *filter = "*";
static int failures; /* of the test that this child runs */

void plain_register(struct plain_test *test) {
    *last = test;
    last = &test->next;
}

void plain_check(bool ok, bool fatal, const char *file, int line, const char *what, const char *format, ...) {
    if (ok) return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "[----] %s:%d: failed: %s%s%s\n", file, line, what, *text ? ": " : "", text);
    failures++;
    if (fatal) exit(1);
}

void plain_skip(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("[SKIP] ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(SKIPPED);
}

void cr_redirect_stdout(void) {
    if (!freopen("/dev/null", "w", stdout)) abort();
}
void cr_redirect_stderr(void) {
    if (!freopen("/dev/null", "w", stderr)) abort();
}

/* ---- running ------------------------------------------------------------------------------------------- */

static struct plain_options options_of(const struct plain_test *test) {
    struct plain_options o = test->options;
    for (const struct plain_test *s = tests; s; s = s->next)
        if (!s->name && !strcmp(s->suite, test->suite)) {
            if (!o.init) o.init = s->options.init;
            if (!o.fini) o.fini = s->options.fini;
            if (o.timeout <= 0) o.timeout = s->options.timeout;
        }
    return o;
}

static void run_here(const struct plain_test *test) {
    struct plain_options o = options_of(test);
    alarm((unsigned)ceil(o.timeout));
    if (o.init) o.init();
    test->run();
    if (o.fini) o.fini();
    exit(failures != 0);
}

/* The child's exit status, or -1 when a signal ended it. */
static int run_in_child(const struct plain_test *test) {
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) run_here(test);
    if (child < 0 || waitpid(child, &status, 0) != child) return 1;
    if (WIFSIGNALED(status))
        fprintf(stderr, "[----] %s::%s: signal %d\n", test->suite, test->name, WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct criterion_test_set *criterion_initialize(void) {
    return NULL;
}
void criterion_finalize(struct criterion_test_set *set) { (void)set; }

int criterion_handle_args(int argc, char **argv, bool handle_unknown) {
    (void)handle_unknown;
    if (argc == 3 && !strcmp(argv[1], "--filter")) filter = argv[2];
    return 1;
}

int criterion_run_all_tests(struct criterion_test_set *set) {
    int count[4] = {0};
    enum { PASSED, FAILED, CRASHED, LEFT_OUT };
    (void)set;
    for (const struct plain_test *t = tests; t; t = t->next) {
        char name[256];
        snprintf(name, sizeof name, "%s/%s", t->suite, t->name ? t->name : "");
        if (!t->name || fnmatch(filter, name, 0)) continue;
        int status = run_in_child(t);
        int result = status == 0 ? PASSED : status == SKIPPED ? LEFT_OUT : status < 0 ? CRASHED : FAILED;
        count[result]++;
        if (result == FAILED || result == CRASHED) fprintf(stderr, "[FAIL] %s\n", name);
    }
    fprintf(stderr, "[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: %d | Skipped: %d\n",
            count[0] + count[1] + count[2], count[PASSED], count[FAILED], count[CRASHED], count[LEFT_OUT]);
    return count[FAILED] + count[CRASHED] == 0;
}

__attribute__((weak)) int main(int argc, char **argv) {
    criterion_handle_args(argc, argv, true);
    return !criterion_run_all_tests(NULL);
}
