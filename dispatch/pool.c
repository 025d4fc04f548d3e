/* A pool in which the caller never depends on its workers.
 *
 * Tasks are claimed one by one from a counter, by the caller as well: with every worker descheduled the
 * caller does them all itself. What it waits for at the end is workers which entered the job and are still
 * running a task that they claimed. Whoever waits spins, then lets others have the core by turns, then
 * sleeps: a busy neighbour costs a time slice or two.
 *
 * A job is open while `state` has OPEN set; a worker enters by adding one to the count in state's low bits,
 * in the same compare-and-swap that finds the job open, so a late worker can't touch a job that is over. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include "dispatch/error.h"
#include "dispatch/plan.h"
#include "dispatch/size.h"

#define INSIDE (((uint64_t)1 << 16) - 1) /* workers in the job */
#define OPEN   ((uint64_t)1 << 16)
#define STOP   ((uint64_t)1 << 17)
#define EPOCH  ((uint64_t)1 << 18) /* and up: the number of the job */

/* Waiting takes about as long as waking a thread would, by turns with whoever else wants this core: of two
 * threads on one core the one that waits must not hold up the other. */
enum { SPIN_NS = 3000, YIELD_NS = 50000, SPINS_PER_LOOK = 16 };

struct worker {
    lw_pool *pool;
    pthread_t thread;
    int index; /* 1 .. threads-1; the caller is 0 */
};

struct lw_pool {
    /* The job, in one cache line, which takes hundreds of ns from core to core: written by the caller before
     * it opens, read by workers that entered. */
    _Alignas(LW_ALIGN) void (*run)(void *arg, int64_t task, int worker);
    void *arg;
    int64_t tasks;
    _Atomic int64_t next; /* the first task that nobody has claimed */
    _Atomic uint64_t state;
    _Alignas(LW_ALIGN) atomic_bool busy; /* a caller has the workers */
    atomic_int sleepers;                 /* workers that block, or are about to */
    atomic_bool caller_sleeps;
    pthread_mutex_t lock;
    pthread_cond_t opened, left;
    int threads, started;
    struct worker *workers;
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Spins for SPIN_NS, then yields between looks until YIELD_NS have passed. */
static bool spin_until(lw_pool *pool, bool (*ready)(lw_pool *, uint64_t), uint64_t arg) {
    int64_t start = 0, waited = 0;
    while (waited < YIELD_NS) {
        for (int i = 0; i < SPINS_PER_LOOK; i++) {
            if (ready(pool, arg)) return true;
            relax();
        }
        int64_t now = now_ns();
        if (!start) start = now;
        waited = now - start;
        if (waited > SPIN_NS && waited < YIELD_NS) sched_yield();
    }
    return false;
}

/* ---- workers ------------------------------------------------------------------------------------------- */

static uint64_t epoch_of(uint64_t state) { return state / EPOCH; }

/* An open job that this worker hasn't been in, or the end. */
static bool has_work(lw_pool *pool, uint64_t seen) {
    uint64_t state = atomic_load(&pool->state);
    return (state & STOP) || ((state & OPEN) && epoch_of(state) != seen);
}

static void wait_for_work(lw_pool *pool, uint64_t seen) {
    if (spin_until(pool, has_work, seen)) return;
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers,
                     1); /* then look again: open_job() stores state, then looks at sleepers */
    while (!has_work(pool, seen))
        pthread_cond_wait(&pool->opened, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

static int64_t claim(lw_pool *pool) {
    return atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
}

/* From `task` on, as long as there are any: after the last one there is nothing to claim. */
static void run_tasks(lw_pool *pool, int64_t task, int worker) {
    for (; task < pool->tasks; task = task + 1 < pool->tasks ? claim(pool) : pool->tasks)
        pool->run(pool->arg, task, worker);
}

/* false: the job closed before this worker could enter. */
static bool enter_job(lw_pool *pool, uint64_t *seen) {
    uint64_t state = atomic_load(&pool->state);
    while ((state & OPEN) && epoch_of(state) != *seen)
        if (atomic_compare_exchange_weak(&pool->state, &state, state + 1)) {
            *seen = epoch_of(state);
            return true;
        }
    return false;
}

static void leave_job(lw_pool *pool) {
    uint64_t state = atomic_fetch_sub(&pool->state, 1) - 1;
    if ((state & (INSIDE | OPEN)) || !atomic_load(&pool->caller_sleeps)) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->left);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *arg) {
    struct worker *w = arg;
    lw_pool *pool = w->pool;
    uint64_t seen = 0; /* jobs count from 1 */
    for (;;) {
        wait_for_work(pool, seen);
        if (atomic_load(&pool->state) & STOP) return NULL;
        if (enter_job(pool, &seen)) {
            run_tasks(pool, claim(pool), w->index);
            leave_job(pool);
        }
    }
}

static void wake_workers(lw_pool *pool) {
    if (!atomic_load(&pool->sleepers)) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->opened);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- the caller ---------------------------------------------------------------------------------------- */

static bool all_left(lw_pool *pool, uint64_t unused) {
    (void)unused;
    return !(atomic_load(&pool->state) & INSIDE);
}

static void close_job(lw_pool *pool) {
    atomic_fetch_and(&pool->state, ~OPEN);
    if (spin_until(pool, all_left, 0)) return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_sleeps, true);
    while (!all_left(pool, 0))
        pthread_cond_wait(&pool->left, &pool->lock);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->lock);
}

void lw_pool_run(lw_pool *pool, int64_t tasks, void (*run)(void *arg, int64_t task, int worker), void *arg) {
    if (!run || tasks < 1) return;
    bool alone = !pool || pool->threads < 2 || tasks < 2;
    if (alone || atomic_exchange_explicit(&pool->busy, true, memory_order_acquire)) {
        for (int64_t task = 0; task < tasks; task++)
            run(arg, task, 0);
        return;
    }
    pool->run = run;
    pool->arg = arg;
    pool->tasks = tasks;
    atomic_store_explicit(&pool->next, 1, memory_order_relaxed); /* the caller has the first */
    atomic_fetch_add(&pool->state, EPOCH | OPEN); /* OPEN and the count are clear between jobs */
    wake_workers(pool);
    run_tasks(pool, 0, 0);
    close_job(pool);
    atomic_store_explicit(&pool->busy, false, memory_order_release);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

int lw_pool_threads(const lw_pool *pool) { return pool ? pool->threads : 1; }

void lw_pool_destroy(lw_pool *pool) {
    if (!pool) return;
    atomic_fetch_or(&pool->state, STOP);
    wake_workers(pool);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->left);
    pthread_cond_destroy(&pool->opened);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool);
}

/* Workers take no signals: those are the program's own threads' business. */
static bool start_workers(lw_pool *pool) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = true;
    for (int i = 0; ok && i < pool->threads - 1; i++) {
        pool->workers[i] = (struct worker){.pool = pool, .index = i + 1};
        ok = !pthread_create(&pool->workers[i].thread, NULL, worker_main, &pool->workers[i]);
        pool->started += ok;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

lw_status lw_pool_create(lw_pool **pool, int threads, lw_error *err) {
    if (!pool) return lw_fail(err, LW_ERR_INVALID, "the pointer to the pool is NULL");
    *pool = NULL;
    if (threads < 1 || threads > LW_MAX_THREADS)
        return lw_fail(err, LW_ERR_INVALID, "threads is %d, but must be 1 to %d", threads, LW_MAX_THREADS);
    lw_pool *p = lw_aligned_alloc(sizeof *p);
    if (!p) return lw_fail(err, LW_ERR_NO_MEMORY, "no memory for a pool of %d threads", threads);
    *p = (lw_pool){.threads = threads, .workers = calloc((size_t)threads, sizeof *p->workers)};
    bool ready = p->workers && !pthread_mutex_init(&p->lock, NULL) && !pthread_cond_init(&p->opened, NULL) &&
                 !pthread_cond_init(&p->left, NULL);
    if (!ready) { /* the C library needs no memory for a default mutex: it's calloc that failed */
        free(p->workers);
        free(p);
        return lw_fail(err, LW_ERR_NO_MEMORY, "no memory for a pool of %d threads", threads);
    }
    if (!start_workers(p)) {
        int started = p->started + 1;
        lw_pool_destroy(p);
        return lw_fail(err, LW_ERR_THREADS, "only %d of %d threads could be started", started, threads);
    }
    *pool = p;
    return lw_succeed(err);
}
