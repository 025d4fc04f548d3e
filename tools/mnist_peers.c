/* The MNIST model by other libraries, layer by layer in their own layouts, beside ours. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peers/peer.h"
#include "cli.h"
#include "mnist.h"

/* Winograd against direct makes some 1e-6; a wrong layout or a lost bias makes 0.1 and more. */
#define MOST_REL_L2 1e-4

struct chain {
    const struct lw_peer *peer;
    struct lw_peer_op *layer[LWM_CNN_LAYERS];
};

struct ours {
    struct lwm_cnn *cnn;
    const float *images;
    int64_t batch;
    float *probabilities, *logits;
};

static void run_ours(void *arg) {
    const struct ours *o = arg;
    lwm_cnn_run(o->cnn, o->images, o->batch, o->probabilities, NULL);
}

static void run_chain(void *arg) {
    const struct chain *c = arg;
    for (int i = 0; i < LWM_CNN_LAYERS; i++)
        c->peer->run(c->layer[i]);
}

static void free_chain(struct chain *c) {
    for (int i = LWM_CNN_LAYERS - 1; i >= 0; i--)
        c->peer->destroy(c->layer[i]);
}

/* ---- making -------------------------------------------------------------------------------------------- */

/* The row for a layer: `wanted` for the convolutions, but for conv1, whose one input channel few algorithms
 * take, any that will do. NULL: none, and why. */
static const struct lw_peer_row *choose_row(const struct lw_peer *peer, enum lwm_cnn_layer layer,
                                            const struct lw_peer_row *wanted, const struct lw_peer_problem *p,
                                            char why[LW_PEER_TEXT]) {
    if (p->desc->op == LW_CONV) {
        if (peer->supports(wanted, p, why)) return wanted;
        if (layer == LWM_CONV2) return NULL;
    }
    snprintf(why, LW_PEER_TEXT, "the library has no row for %s", lw_op_name(p->desc->op));
    for (const struct lw_peer_row *row = peer->rows; row < peer->rows + peer->row_count; row++) {
        bool plain = row->layout == LW_PEER_OWN || p->desc->op == LW_SOFTMAX;
        if (row->op == p->desc->op && plain && peer->supports(row, p, why)) return row;
    }
    return NULL;
}

static bool make_chain(struct chain *c, const struct lw_peer *peer, const struct lw_peer_row *wanted,
                       const struct lwm_cnn_weights *weights, const struct ours *ours,
                       char why[LW_PEER_TEXT]) {
    *c = (struct chain){.peer = peer};
    for (int i = 0; i < LWM_CNN_LAYERS; i++) {
        lw_desc desc = lwm_cnn_layer_desc((enum lwm_cnn_layer)i, ours->batch);
        struct lwm_cnn_values values = lwm_cnn_layer_values(weights, (enum lwm_cnn_layer)i);
        struct lw_peer_problem p = {&desc, values.weights, values.bias, lwm_cnn_threads(ours->cnn),
                                    i ? c->layer[i - 1] : NULL};
        const struct lw_peer_row *row = choose_row(peer, (enum lwm_cnn_layer)i, wanted, &p, why);
        if (row) c->layer[i] = peer->create(row, &p, why);
        if (c->layer[i]) continue;
        free_chain(c);
        return false;
    }
    peer->load(c->layer[0], ours->images);
    return true;
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

static double rel_l2(const float *a, const float *b, size_t count) {
    double difference = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(difference / norm);
}

/* scores: logits and then probabilities. */
static int check_scores(const float *scores, const struct ours *ours, struct mnist_peer *result) {
    size_t count = (size_t)ours->batch * MNIST_CLASSES;
    result->logits_rel_l2 = rel_l2(scores, ours->logits, count);
    if (result->logits_rel_l2 <= MOST_REL_L2 &&
        rel_l2(scores + count, ours->probabilities, count) <= MOST_REL_L2)
        return CLI_GO;
    return cli_fail(LW_EXIT_FAILED, "%s: logits differ from ours, relative L2 %.2g", result->kernel,
                    result->logits_rel_l2);
}

static int check_chain(struct chain *c, const struct ours *ours, struct mnist_peer *result) {
    size_t count = (size_t)ours->batch * MNIST_CLASSES;
    float *scores = malloc(2 * count * sizeof *scores);
    if (!scores) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    run_chain(c);
    c->peer->store(c->layer[LWM_FC], scores);
    c->peer->store(c->layer[LWM_SOFTMAX], scores + count);
    int status = check_scores(scores, ours, result);
    free(scores);
    return status;
}

static int run_one(const struct lw_peer *peer, const struct lw_peer_row *row,
                   const struct lwm_cnn_weights *weights, struct ours *ours, struct mnist_peer *result) {
    struct chain chain;
    char why[LW_PEER_TEXT];
    *result = (struct mnist_peer){.kernel = row->name};
    if (!make_chain(&chain, peer, row, weights, ours, why)) {
        snprintf(result->reason, sizeof result->reason, "%s", why);
        return CLI_GO;
    }
    int status = check_chain(&chain, ours, result);
    if (status == CLI_GO) {
        struct bench_sampling sampling = bench_peer_sampling(lwm_cnn_threads(ours->cnn));
        struct bench_side a = {.run = run_ours, .arg = ours}, b = {.run = run_chain, .arg = &chain};
        result->time = bench_time_pair(&a, &b, bench_time_side(&b, &sampling), &sampling);
    }
    free_chain(&chain);
    return status;
}

/* ---- PyTorch ------------------------------------------------------------------------------------------- */

/* One execution of either side is so many runs that asking a process for them doesn't matter. */
#define ASKED_SECONDS 5e-3

struct repeated {
    struct ours *ours;
    struct mnist_torch *torch;
    int64_t count;
};

static void repeat_ours(void *arg) {
    const struct repeated *r = arg;
    for (int64_t i = 0; i < r->count; i++)
        run_ours(r->ours);
}

static void repeat_torch(void *arg) {
    const struct repeated *r = arg;
    mnist_torch_run(r->torch, r->count);
}

static void time_torch(struct repeated *r, struct mnist_peer *result) {
    struct bench_sampling sampling = bench_peer_sampling(lwm_cnn_threads(r->ours->cnn));
    struct bench_side a = {.run = repeat_ours, .arg = r}, b = {.run = repeat_torch, .arg = r};
    sampling.real_time = true; /* another process's CPU time isn't ours */
    sampling.seconds = 0.5;
    r->count = 10;
    double seconds = bench_time_side(&b, &sampling) / (double)r->count;
    r->count = (int64_t)(ASKED_SECONDS / (seconds > 1e-6 ? seconds : 1e-6)) + 1;
    result->time = bench_time_pair(&a, &b, seconds * (double)r->count, &sampling);
    result->time.a_seconds /= (double)r->count;
    result->time.b_seconds /= (double)r->count;
    if (mnist_torch_ended(r->torch)) snprintf(result->reason, sizeof result->reason, "the process has ended");
}

static int run_torch(const struct lwm_cnn_weights *weights, struct ours *ours, const char *isa,
                     struct mnist_peer *result) {
    *result = (struct mnist_peer){.kernel = "pytorch:optimised"};
    float *scores = malloc(2 * (size_t)ours->batch * MNIST_CLASSES * sizeof *scores);
    if (!scores) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    struct repeated r = {.ours = ours};
    r.torch = mnist_torch_start(weights, ours->images, ours->batch, lwm_cnn_threads(ours->cnn), isa, scores,
                                result->reason);
    int status = r.torch ? check_scores(scores, ours, result) : CLI_GO;
    if (r.torch && status == CLI_GO) time_torch(&r, result);
    mnist_torch_stop(r.torch);
    free(scores);
    return status;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

/* Room for one more; NULL: no memory. */
static struct mnist_peer *add_peer(struct mnist_peers *peers) {
    struct mnist_peer *items = realloc(peers->items, (peers->count + 1) * sizeof *items);
    if (!items) return NULL;
    peers->items = items;
    return &items[peers->count++];
}

static int run_all(const struct lwm_cnn_weights *weights, struct ours *ours, const char *isa,
                   struct mnist_peers *peers) {
    lwm_cnn_run(ours->cnn, ours->images, ours->batch, ours->probabilities, ours->logits);
    int status = CLI_GO;
    for (const struct lw_peer *const *peer = lw_peers; *peer; peer++)
        for (const struct lw_peer_row *row = (*peer)->rows; row < (*peer)->rows + (*peer)->row_count; row++) {
            if (row->op != LW_CONV || row->layout != LW_PEER_OWN || status != CLI_GO) continue;
            struct mnist_peer *peer_result = add_peer(peers);
            if (!peer_result) return cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
            status = run_one(*peer, row, weights, ours, peer_result);
        }
    if (status != CLI_GO) return status;
    struct mnist_peer *torch = add_peer(peers);
    return torch ? run_torch(weights, ours, isa, torch) : cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
}

int mnist_run_peers(struct lwm_cnn *cnn, const struct lwm_cnn_weights *weights, const float *images,
                    int64_t batch, const char *isa, struct mnist_peers *peers) {
    char version[LW_PEER_TEXT];
    lw_isa_info widest;
    size_t count = (size_t)batch * MNIST_CLASSES;
    *peers = (struct mnist_peers){0};
    cli_widest_isa(isa, &widest);
    for (const struct lw_peer *const *peer = lw_peers; *peer; peer++)
        (*peer)->start(widest.name, version);
    struct ours ours = {cnn, images, batch, malloc(count * sizeof(float)), malloc(count * sizeof(float))};
    int status = ours.probabilities && ours.logits ? run_all(weights, &ours, widest.name, peers)
                                                   : cli_fail(LW_EXIT_IMPOSSIBLE, "out of memory");
    free(ours.probabilities);
    free(ours.logits);
    return status;
}
