/* One kernel on one problem: which layouts, tails and kinds of data it is run with, and the worst of them. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference/verify.h"

/* Beyond these a problem is compared in part (all borders and tails, a random sample of the rest)... */
#define COMPARE_OUTPUTS 16384
#define COMPARE_MACS    8000000
/* (of data that isn't normal so many times less) */
#define OTHER_KINDS_SHARE 8
/* ...run in one layout only, and not in guard-page buffers; */
#define ONE_LAYOUT_FLOPS 1e9
#define GUARD_BYTES      (64 << 20)
/* and beyond these not at all: --mb makes it smaller. */
#define MEMORY_BYTES   1e9
#define FLOPS_PER_LANE 1.5e10
/* Of the kinds of data that aren't normal as many as fit, in turn; at least one. */
#define OTHER_KINDS_FLOPS 5e8
#define OTHER_KINDS_BYTES 100e6
/* Threads aren't worth starting for less than this. */
#define THREADS_FLOPS 5e7

struct variant {
    lw_layout src, dst;
    bool tail; /* relu, and a 2x2 pool where the output has room for one */
};
enum { MAX_VARIANTS = LW_LAYOUT_COUNT * LW_LAYOUT_COUNT + 1 };

/* ---- one kernel on one problem ------------------------------------------------------------------------- */

static lw_desc variant_desc(const lw_desc *desc, const struct variant *v) {
    lw_desc d = *desc;
    d.src_layout = v->src;
    d.dst_layout = v->dst;
    int64_t oc, oh, ow;
    lw_desc_output(&d, &oc, &oh, &ow);
    d.relu = v->tail;
    d.pool2x2 = v->tail && d.op == LW_CONV && oh >= 2 && ow >= 2;
    return d;
}

/* The layouts to test a row in: those it takes on both sides alike; the mixed ones where it takes no other.
 * Then the first of them again with the fused tail. Returns how many; 0: reason tells why. */
static int find_variants(const lw_kernel_info *row, const lw_desc *desc, struct variant *out,
                         char reason[256]) {
    int count = 0;
    lw_error err = {0};
    for (int mixed = 0; mixed < 2 && count == 0; mixed++) {
        for (int pair = 0; pair < LW_LAYOUT_COUNT * LW_LAYOUT_COUNT; pair++) {
            struct variant v = {(lw_layout)(pair / LW_LAYOUT_COUNT), (lw_layout)(pair % LW_LAYOUT_COUNT),
                                false};
            if ((v.src != v.dst) != mixed || !(row->src_layouts >> v.src & 1) ||
                !(row->dst_layouts >> v.dst & 1))
                continue;
            lw_desc d = variant_desc(desc, &v);
            lw_error refusal = {0};
            if (lw_kernel_accepts(row->name, &d, &refusal) == LW_OK)
                out[count++] = v;
            else if (!*err.text)
                err = refusal;
        }
    }
    /* Without the row's name, so that the same reason of several rows is one in the tally. */
    size_t name = strlen(row->name);
    bool named = strncmp(err.text, row->name, name) == 0 && strncmp(err.text + name, ": ", 2) == 0;
    snprintf(reason, 256, "%s", err.text + (named ? name + 2 : 0));
    if (count && (desc->op == LW_CONV || desc->op == LW_LINEAR)) {
        struct variant v = {out[0].src, out[0].dst, true};
        lw_desc d = variant_desc(desc, &v);
        if (lw_kernel_accepts(row->name, &d, NULL) == LW_OK) out[count++] = v;
    }
    return count;
}

/* What is drawn is drawn from the case itself, so that a repetition runs the same. */
static uint32_t hash_text(uint32_t hash, const char *text) {
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u; /* FNV-1a */
    return hash ^ hash >> 15;
}

static double tensor_bytes(const lw_desc *d) {
    return 4.0 * ((double)lw_src_floats(d) + (double)lw_dst_floats(d) + (double)lw_weight_floats(d));
}

static bool too_big(const lw_kernel_info *row, const lw_desc *d, char reason[256]) {
    int lanes = 1;
    lw_isa_info isa;
    for (size_t i = 0; lw_isa_get(i, &isa) == LW_OK; i++) {
        if (strcmp(isa.name, row->isa) == 0) lanes = isa.lanes;
    }
    if (tensor_bytes(d) > MEMORY_BYTES)
        snprintf(reason, 256, "its tensors take more than 1 GB (--mb N makes it smaller)");
    else if (cli_flops(d) > FLOPS_PER_LANE * lanes)
        snprintf(reason, 256, "more than %.0f GFLOP, too long on %s rows (--mb N makes it smaller)",
                 FLOPS_PER_LANE * 1e-9 * lanes, row->isa);
    else
        return false;
    return true;
}

static void name_variant(char *text, size_t size, const lw_desc *d) {
    size_t used = strlen(text);
    const char *src = lw_layout_name(d->src_layout), *dst = lw_layout_name(d->dst_layout);
    snprintf(text + used, size - used, "%s%s%s%s%s%s", used ? " " : "", src,
             d->src_layout == d->dst_layout ? "" : ":", d->src_layout == d->dst_layout ? "" : dst,
             d->pool2x2 ? "+pool" : "", d->relu ? "+relu" : "");
}

/* Takes one run into the result: the worst counts. */
static void merge(struct check_result *r, const lw_desc *d, enum lw_fill kind,
                  const struct lw_verify_result *v) {
    if (v->status == LW_ERR_NO_MEMORY || v->status == LW_ERR_UNSUPPORTED) {
        if (!*r->reason) snprintf(r->reason, sizeof r->reason, "%s", v->error.text);
        return;
    }
    bool ran = v->status == LW_OK, good = ran && v->ok;
    double error = ran ? v->err_over_bound : (double)INFINITY;
    bool worse = r->outcome == CHECK_SKIPPED || !(error <= r->err_over_bound);
    if (good ? r->outcome != CHECK_FAILED && worse : r->outcome != CHECK_FAILED || worse) {
        r->err_over_bound = error;
        r->worst_kind = kind;
        *r->worst_variant = 0;
        name_variant(r->worst_variant, sizeof r->worst_variant, d);
        snprintf(r->worst, sizeof r->worst, "%.159s", ran ? v->worst : v->error.text);
    }
    if (kind == LW_FILL_NORMAL && ran) {
        name_variant(r->variants, sizeof r->variants, d);
        if (!(v->rel_l2 <= r->rel_l2)) r->rel_l2 = v->rel_l2;
    }
    if (!(r->kinds >> kind & 1) || !(error <= r->kind_error[kind])) r->kind_error[kind] = error;
    r->kinds |= 1u << kind;
    r->compared += v->compared;
    r->total += v->total;
    r->outcome = good && r->outcome != CHECK_FAILED ? CHECK_OK : CHECK_FAILED;
}

static void run_kind(const struct check_settings *s, const lw_kernel_info *row, const lw_desc *desc,
                     const struct variant *variant, enum lw_fill kind, struct check_result *r) {
    lw_desc d = variant_desc(desc, variant);
    bool normal = kind == LW_FILL_NORMAL;
    const struct lw_verify_options options = {
        .fill = kind,
        .seed = s->seed,
        .threads = s->threads_given || cli_flops(&d) > THREADS_FLOPS ? s->threads : 1,
        .max_outputs = normal ? COMPARE_OUTPUTS : COMPARE_OUTPUTS / OTHER_KINDS_SHARE,
        .max_macs = normal ? COMPARE_MACS : COMPARE_MACS / OTHER_KINDS_SHARE,
        .once = !normal,
        .guard = tensor_bytes(&d) < GUARD_BYTES,
    };
    struct lw_verify_result v;
    lw_verify(row->name, &d, &options, &v);
    merge(r, &d, kind, &v);
}

/* Of the kinds that aren't normal `room` at most, from the one whose turn it is. */
static unsigned other_kinds(unsigned kinds, double room, uint32_t turn) {
    enum lw_fill list[LW_FILL_COUNT];
    unsigned count = 0, chosen = 0;
    for (int k = 0; k < LW_FILL_COUNT; k++)
        if (k != LW_FILL_NORMAL && kinds >> k & 1) list[count++] = (enum lw_fill)k;
    for (unsigned i = 0; i < count && (i == 0 || i + 1 <= room); i++)
        chosen |= 1u << list[(turn + i) % count];
    return chosen;
}

void check_pair(const struct check_settings *s, const lw_kernel_info *row, const struct lw_problem *problem,
                struct check_result *r) {
    const lw_desc *desc = &problem->desc;
    struct variant variants[MAX_VARIANTS];
    *r = (struct check_result){.outcome = CHECK_SKIPPED,
                               .op = desc->op,
                               .kernel = row->name,
                               .isa = row->isa,
                               .rel_l2 = (double)NAN};
    snprintf(r->problem, sizeof r->problem, "%s", problem->text);
    snprintf(r->name, sizeof r->name, "%s", problem->name);
    int count = find_variants(row, desc, variants, r->reason);
    if (count == 0 || too_big(row, desc, r->reason)) return;
    *r->reason = 0;

    double start = cli_seconds();
    bool big = cli_flops(desc) > ONE_LAYOUT_FLOPS;
    uint32_t draw = hash_text((uint32_t)s->seed, problem->text);
    for (int i = 0; i < count && s->kinds >> LW_FILL_NORMAL & 1; i++)
        if (!big || i == (int)(draw % (uint32_t)count))
            run_kind(s, row, desc, &variants[i], LW_FILL_NORMAL, r);
    double room = fmin(OTHER_KINDS_FLOPS / cli_flops(desc), OTHER_KINDS_BYTES / tensor_bytes(desc));
    unsigned others = other_kinds(s->kinds, room, hash_text(draw, row->name));
    for (int k = 0; k < LW_FILL_COUNT; k++)
        if (others >> k & 1)
            run_kind(s, row, desc, &variants[(draw + (uint32_t)k) % (uint32_t)count], (enum lw_fill)k, r);
    r->seconds = cli_seconds() - start;
}
