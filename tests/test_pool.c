/* The thread pool: each task exactly once, worker numbers unique, no dependence on the workers. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lanewise.h"

TestSuite(pool, .timeout = 60);

enum { MAX_TASKS = 1000, MAX_WORKERS = 8 };

struct job {
    lw_pool *pool;
    int threads, spin;
    atomic_int times[MAX_TASKS], active[MAX_WORKERS], wrong;
};

static void burn(int steps) {
    for (volatile int i = 0; i < steps; i++)
        ;
}

static void count_task(void *arg, int64_t task, int worker) {
    struct job *j = arg;
    if (task < 0 || task >= MAX_TASKS || worker < 0 || worker >= j->threads ||
        atomic_fetch_add(&j->active[worker], 1)) {
        j->wrong++;
        return;
    }
    j->times[task]++;
    burn(j->spin);
    atomic_fetch_sub(&j->active[worker], 1);
}

static lw_pool *pool_of(int threads) {
    lw_pool *pool;
    lw_error err;
    cr_assert_eq(lw_pool_create(&pool, threads, &err), LW_OK, "%s", err.text);
    cr_assert_eq(lw_pool_threads(pool), threads);
    return pool;
}

static void expect_once(struct job *j, int64_t tasks) {
    memset(j->times, 0, sizeof j->times);
    lw_pool_run(j->pool, tasks, count_task, j);
    for (int64_t i = 0; i < MAX_TASKS; i++)
        cr_assert_eq(j->times[i], i < tasks, "task %d ran %d times", (int)i, (int)j->times[i]);
    cr_assert_eq(j->wrong, 0);
}

Test(pool, each_task_once) {
    static const int64_t counts[] = {0, 1, 2, 3, 7, 8, 64, MAX_TASKS};
    for (int threads = 1; threads <= MAX_WORKERS; threads++) {
        struct job j = {.pool = pool_of(threads), .threads = threads};
        for (int round = 0; round < 40; round++)
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                j.spin = round % 4 * 20;
                expect_once(&j, counts[c]);
            }
        lw_pool_destroy(j.pool);
    }
}

/* Workers that fell asleep between jobs are woken, and are needed: each task waits until two are at work. */
struct meeting {
    atomic_int inside, met;
};

static void meet(void *arg, int64_t task, int worker) {
    struct meeting *m = arg;
    (void)task, (void)worker;
    atomic_fetch_add(&m->inside, 1);
    struct timespec t = {0, 100000};
    for (int i = 0; i < 50000 && atomic_load(&m->inside) < 2; i++)
        nanosleep(&t, NULL);
    m->met += atomic_load(&m->inside) >= 2;
}

Test(pool, workers_wake_from_sleep) {
    lw_pool *pool = pool_of(2);
    struct timespec t = {0, 2000000};
    for (int round = 0; round < 20; round++) {
        struct meeting m = {0};
        nanosleep(&t, NULL);
        lw_pool_run(pool, 2, meet, &m);
        cr_assert_eq(m.met, 2);
    }
    lw_pool_destroy(pool);
}

/* The caller blocks, rather than spins, for a worker's long task, and is woken. */
static void sleep_on_workers(void *arg, int64_t task, int worker) {
    (void)task;
    struct meeting *m = arg;
    struct timespec t = {0, worker ? 5000000 : 0};
    meet(m, task, worker);
    nanosleep(&t, NULL);
    atomic_fetch_add(&m->met, worker != 0);
}

Test(pool, caller_waits_for_claimed_tasks) {
    lw_pool *pool = pool_of(2);
    for (int round = 0; round < 10; round++) {
        struct meeting m = {0};
        lw_pool_run(pool, 2, sleep_on_workers, &m);
        cr_assert_eq(m.met, 3, "returned before the worker was done");
    }
    lw_pool_destroy(pool);
}

static void *many_runs(void *arg) {
    struct job *j = arg;
    for (int round = 0; round < 300; round++) {
        memset(j->times, 0, sizeof j->times);
        lw_pool_run(j->pool, 50, count_task, j);
        for (int i = 0; i < 50; i++)
            j->wrong += j->times[i] != 1;
    }
    return NULL;
}

Test(pool, concurrent_callers) {
    enum { CALLERS = 4 };
    static struct job jobs[CALLERS];
    pthread_t callers[CALLERS];
    lw_pool *pool = pool_of(3);
    for (int i = 0; i < CALLERS; i++) {
        jobs[i].pool = pool;
        jobs[i].threads = 3;
        jobs[i].spin = 30;
        cr_assert_eq(pthread_create(&callers[i], NULL, many_runs, &jobs[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i], NULL);
        cr_expect_eq(jobs[i].wrong, 0);
    }
    lw_pool_destroy(pool);
}

struct nested {
    lw_pool *pool;
    atomic_int inner, wrong;
};
static void inner_task(void *arg, int64_t task, int worker) {
    struct nested *n = arg;
    (void)task;
    n->inner++;
    n->wrong += worker != 0; /* a nested run is its caller's alone */
}
static void outer_task(void *arg, int64_t task, int worker) {
    struct nested *n = arg;
    (void)task, (void)worker;
    lw_pool_run(n->pool, 5, inner_task, n);
}

Test(pool, nested_run) {
    struct nested n = {.pool = pool_of(4)};
    lw_pool_run(n.pool, 40, outer_task, &n);
    cr_expect_eq(n.inner, 200);
    cr_expect_eq(n.wrong, 0);
    lw_pool_destroy(n.pool);
}

/* Jobs follow one another with pauses around the length of the workers' spin, where wake-ups could get lost.
 */
Test(pool, pauses_of_any_length) {
    struct job j = {.pool = pool_of(3), .threads = 3, .spin = 10};
    for (int round = 0; round < 3000; round++) {
        expect_once(&j, 6);
        burn(round % 100 * 300);
    }
    lw_pool_destroy(j.pool);
}

Test(pool, destroyed_at_once_or_asleep) {
    struct timespec t = {0, 1000000};
    for (int round = 0; round < 50; round++) {
        lw_pool *pool = pool_of(1 + round % MAX_WORKERS);
        if (round & 1) nanosleep(&t, NULL);
        lw_pool_destroy(pool);
    }
    lw_pool_destroy(NULL);
}

Test(pool, bad_arguments) {
    static const int bad[] = {0, -1, 1025, INT32_MAX};
    lw_error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        lw_pool *pool = (lw_pool *)&err;
        cr_expect_eq(lw_pool_create(&pool, bad[i], &err), LW_ERR_INVALID);
        cr_expect_null(pool);
        cr_expect(strstr(err.text, "threads"), "%s", err.text);
    }
    cr_expect_eq(lw_pool_create(NULL, 2, NULL), LW_ERR_INVALID);
    cr_expect_eq(lw_pool_threads(NULL), 1);
    struct job j = {.threads = 1}; /* no pool: the caller's own thread */
    expect_once(&j, 10);
    lw_pool_run(NULL, 3, NULL, NULL);
}
