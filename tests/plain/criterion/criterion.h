/* The part of Criterion that the suites use, for builds where Criterion itself can't start: its shared memory
 * has no place in ThreadSanitizer's address space. Each test runs in a child of its own, one after another.
 */
#ifndef LW_PLAIN_CRITERION_H
#define LW_PLAIN_CRITERION_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plain_options {
    void (*init)(void), (*fini)(void);
    double timeout; /* seconds; 0: the suite's, or none */
};

struct plain_test {
    const char *suite, *name; /* name NULL: the options of a suite */
    void (*run)(void);
    struct plain_options options;
    struct plain_test *next;
};

void plain_register(struct plain_test *test);
void plain_check(bool ok, bool fatal, const char *file, int line, const char *what, const char *format, ...);
void plain_skip(const char *format, ...) __attribute__((noreturn));

struct criterion_test_set;
struct criterion_test_set *criterion_initialize(void);
int criterion_handle_args(int argc, char **argv, bool handle_unknown);
int criterion_run_all_tests(struct criterion_test_set *set);
void criterion_finalize(struct criterion_test_set *set);

#define PLAIN_REGISTER(id, SUITE, NAME, RUN, ...)                                                            \
    __attribute__((constructor)) static void id##_register(void) {                                           \
        static struct plain_test test = {                                                                    \
            .suite = SUITE, .name = NAME, .run = RUN, .options = {__VA_ARGS__}};                             \
        plain_register(&test);                                                                               \
    }
#define TestSuite(suite, ...) PLAIN_REGISTER(suite##_suite, #suite, NULL, NULL, __VA_ARGS__)
#define Test(suite, test, ...)                                                                               \
    static void suite##_##test##_run(void);                                                                  \
    PLAIN_REGISTER(suite##_##test, #suite, #test, suite##_##test##_run, __VA_ARGS__)                         \
    static void suite##_##test##_run(void)

#define PLAIN_CHECK(ok, fatal, what, ...) plain_check(ok, fatal, __FILE__, __LINE__, what, "" __VA_ARGS__)
#define PLAIN_ASSERT(ok, what, ...)       PLAIN_CHECK(ok, true, what, __VA_ARGS__)
#define PLAIN_EXPECT(ok, what, ...)       PLAIN_CHECK(ok, false, what, __VA_ARGS__)

#define cr_assert(c, ...)                 PLAIN_ASSERT((c), #c, __VA_ARGS__)
#define cr_assert_not(c, ...)             PLAIN_ASSERT(!(c), "not " #c, __VA_ARGS__)
#define cr_assert_null(p, ...)            PLAIN_ASSERT((p) == NULL, #p " is NULL", __VA_ARGS__)
#define cr_assert_not_null(p, ...)        PLAIN_ASSERT((p) != NULL, #p " isn't NULL", __VA_ARGS__)
#define cr_assert_eq(a, b, ...)           PLAIN_ASSERT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)          PLAIN_ASSERT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)           PLAIN_ASSERT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)          PLAIN_ASSERT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)           PLAIN_ASSERT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)          PLAIN_ASSERT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)       PLAIN_ASSERT(strcmp(a, b) == 0, #a " == " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)      PLAIN_ASSERT(strcmp(a, b) != 0, #a " != " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...) PLAIN_ASSERT(memcmp(a, b, size) == 0, #a " == " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, eps, ...)                                                                   \
    PLAIN_ASSERT(fabs((double)(a) - (double)(b)) <= (eps), #a " == " #b, __VA_ARGS__)
#define cr_assert_fail(...) PLAIN_ASSERT(false, "fail", __VA_ARGS__)

#define cr_expect(c, ...)                 PLAIN_EXPECT((c), #c, __VA_ARGS__)
#define cr_expect_not(c, ...)             PLAIN_EXPECT(!(c), "not " #c, __VA_ARGS__)
#define cr_expect_null(p, ...)            PLAIN_EXPECT((p) == NULL, #p " is NULL", __VA_ARGS__)
#define cr_expect_not_null(p, ...)        PLAIN_EXPECT((p) != NULL, #p " isn't NULL", __VA_ARGS__)
#define cr_expect_eq(a, b, ...)           PLAIN_EXPECT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...)          PLAIN_EXPECT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)           PLAIN_EXPECT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)          PLAIN_EXPECT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...)           PLAIN_EXPECT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...)          PLAIN_EXPECT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)       PLAIN_EXPECT(strcmp(a, b) == 0, #a " == " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...)      PLAIN_EXPECT(strcmp(a, b) != 0, #a " != " #b, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, size, ...) PLAIN_EXPECT(memcmp(a, b, size) == 0, #a " == " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, eps, ...)                                                                   \
    PLAIN_EXPECT(fabs((double)(a) - (double)(b)) <= (eps), #a " == " #b, __VA_ARGS__)
#define cr_expect_fail(...) PLAIN_EXPECT(false, "fail", __VA_ARGS__)

#define cr_skip(...) plain_skip("" __VA_ARGS__)

#endif
