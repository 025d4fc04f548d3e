/* What this process knows: one table, replaced whole. Lookups share a lock that is held for as long as a
 * table is looked at or changed hands; executions never come here. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "dispatch/error.h"
#include "dispatch/wisdom.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static lw_wisdom *known;

/* One importer at a time: what it adds to must not change meanwhile. */
static pthread_mutex_t importing = PTHREAD_MUTEX_INITIALIZER;

/* ---- changing ------------------------------------------------------------------------------------------ */

static void publish(lw_wisdom *next) {
    pthread_rwlock_wrlock(&lock);
    lw_wisdom *last = known;
    known = next;
    pthread_rwlock_unlock(&lock);
    lw_wisdom_free(last);
}

static lw_status add_all(lw_wisdom *to, const lw_wisdom *from, lw_error *err) {
    lw_status status = LW_OK;
    for (size_t i = 0; from && status == LW_OK && i < from->count; i++)
        status = lw_wisdom_add(to, from->list[i], err);
    return status;
}

lw_status lw_wisdom_adopt(const lw_wisdom *w, lw_error *err) {
    lw_wisdom *next;
    pthread_mutex_lock(&importing);
    lw_status status = lw_wisdom_create(&next, err);
    if (status == LW_OK) status = add_all(next, known, err); /* only importers change it */
    if (status == LW_OK) status = add_all(next, w, err);
    if (status == LW_OK)
        publish(next);
    else
        lw_wisdom_free(next);
    pthread_mutex_unlock(&importing);
    return status;
}

lw_status lw_wisdom_use(const lw_wisdom *w, lw_error *err) {
    lw_status status = lw_wisdom_check(w, err);
    return status == LW_OK ? lw_wisdom_adopt(w, err) : status;
}

void lw_wisdom_forget(void) {
    pthread_mutex_lock(&importing);
    publish(NULL);
    pthread_mutex_unlock(&importing);
}

lw_status lw_wisdom_import(const char *text, size_t size, lw_error *err) {
    lw_wisdom *w;
    lw_status status = lw_wisdom_read(&w, text, size, err);
    if (status != LW_OK) return status;
    status = lw_wisdom_use(w, err);
    lw_wisdom_free(w);
    return status;
}

lw_status lw_wisdom_import_file(const char *path, lw_error *err) {
    lw_wisdom *w;
    lw_error why = {0};
    lw_status status = lw_wisdom_read_file(&w, path, err);
    if (status != LW_OK) return status;
    status = lw_wisdom_use(w, &why);
    lw_wisdom_free(w);
    return status == LW_OK ? lw_succeed(err) : lw_fail(err, status, "%.100s: %.140s", path, why.text);
}

static lw_status copy_known(lw_wisdom **copy, lw_error *err) {
    lw_status status = lw_wisdom_create(copy, err);
    pthread_rwlock_rdlock(&lock);
    if (status == LW_OK) status = add_all(*copy, known, err);
    pthread_rwlock_unlock(&lock);
    return status;
}

lw_status lw_wisdom_export(char **text, size_t *size, lw_error *err) {
    lw_wisdom *copy;
    lw_status status = copy_known(&copy, err);
    if (status == LW_OK) status = lw_wisdom_write(copy, text, size, err);
    lw_wisdom_free(copy);
    return status;
}

lw_status lw_wisdom_export_file(const char *path, lw_error *err) {
    lw_wisdom *copy;
    lw_status status = copy_known(&copy, err);
    if (status == LW_OK) status = lw_wisdom_write_file(copy, path, err);
    lw_wisdom_free(copy);
    return status;
}

/* ---- looking ------------------------------------------------------------------------------------------- */

static struct lw_considered *eligible_row(struct lw_selection *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].c.eligible && !strcmp(s->list[i].c.kernel, name)) return &s->list[i];
    return NULL;
}

/* Its rows are in order of preference: the first that is eligible here is the one. */
static bool apply(const lw_decision *d, struct lw_selection *s) {
    for (size_t i = 0; i < d->count; i++) {
        struct lw_considered *x = eligible_row(s, d->rows[i].kernel);
        if (!x) continue;
        x->c.ns = d->rows[i].ns;
        x->c.ns_low = d->rows[i].ns_low;
        x->c.ns_high = d->rows[i].ns_high;
        x->c.source = "wisdom";
        if (s->chosen == s->count) s->chosen = (size_t)(x - s->list);
    }
    return s->chosen != s->count;
}

bool lw_wisdom_lookup(const struct lw_request *r, struct lw_selection *s) {
    if (r->target->elsewhere) {
        const lw_wisdom *w = r->target->wisdom;
        const lw_decision *d = w ? lw_wisdom_covering(w, r->desc, &r->opt) : NULL;
        return d && apply(d, s);
    }
    pthread_rwlock_rdlock(&lock);
    const lw_decision *d = known ? lw_wisdom_covering(known, r->desc, &r->opt) : NULL;
    bool found = d && apply(d, s);
    pthread_rwlock_unlock(&lock);
    return found;
}
