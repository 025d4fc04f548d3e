/* Fully connected layer. Vectors run along the inputs, so that ten outputs waste no lanes and weights stream
 * through the cache once, in order. Images share the weights that are loaded. Inputs are taken in chunks: the
 * weights of a chunk stay in L1 for a group of images, and short chains round less.
 *
 * The order of each sum is the same in every ISA, and whatever its tile, its task or the batch: the bias,
 * plus one chunk after the other. In a chunk sixteen lanes take every sixteenth input each, in vectors of as
 * many lanes as there are, in a chain that starts from zero; then the lanes are added by halves, 16 to 8 to 4
 * to 2 to
 * 1. So a layer of one chunk and no bias is a term of the sum of a larger one (models/mnist_cnn.c). A tile
 * holds `images` x `outputs` sums of `parts` vectors each, and goes over a chunk as often as it takes for all
 * sixteen lanes.
 *
 * Packed: tiles of outputs one after the other, each [inputs / run][outputs of the tile][run] in the order of
 * the source's memory, zero in the inputs beyond, up to a multiple of 16; then the biases. */
#ifndef LW_LINEAR_H
#define LW_LINEAR_H

#include "template.h"
#include "window.h"

#define LINEAR_LANES   LW_BLOCK
#define LINEAR_OUTPUTS 5 /* at most, of a tile */
#if VL == 1              /* compilers make vectors of a run */
#define LINEAR_RUN    4
#define LINEAR_WIDTH  8 /* images x parts of a tile */
#define LINEAR_IMAGES 2
#elif VL == 8 /* 16 registers */
#define LINEAR_RUN    VL
#define LINEAR_WIDTH  2
#define LINEAR_IMAGES 2
#else /* 32 registers */
#define LINEAR_RUN    VL
#define LINEAR_WIDTH  4
#define LINEAR_IMAGES 4
#endif
#define LINEAR_GROUP 16  /* images of a task */
#define LINEAR_CHUNK 784 /* inputs; a multiple of LINEAR_LANES: a quarter of MNIST's 3136 */

/* Floats of one image in the source's memory. */
static int64_t linear_inputs(const lw_desc *d) {
    return lw_layout_channels(d->src_layout, d->ic) * d->ih * d->iw;
}

/* Tiles of outputs differ by one in size at most; tile == tiles gives the end. */
static int64_t linear_tiles(const lw_desc *d) { return lw_div_up(d->oc, LINEAR_OUTPUTS); }
static int64_t linear_tile_begin(const lw_desc *d, int64_t tile) {
    return split_begin(d->oc, linear_tiles(d), tile);
}

static size_t linear_packed_bytes(const lw_desc *d) {
    return sizeof(float) * (size_t)(d->oc * (lw_round_up(linear_inputs(d), LINEAR_LANES) + 1));
}

/* Input i of the first of a tile's outputs. */
static inline int64_t linear_at(int64_t i, int64_t outputs) {
    return i / LINEAR_RUN * outputs * LINEAR_RUN + i % LINEAR_RUN;
}

static void linear_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    /* Every layout is [ic / block][plane][block]. */
    int64_t block = d->src_layout == LW_NCHW ? 1 : d->src_layout == LW_NHWC ? d->ic : LW_BLOCK;
    int64_t plane = d->ih * d->iw, padded = lw_round_up(linear_inputs(d), LINEAR_LANES);
    float *out = packed;
    for (int64_t t = 0; t < linear_tiles(d); t++) {
        int64_t o = linear_tile_begin(d, t), outputs = linear_tile_begin(d, t + 1) - o;
        for (int64_t j = 0; j < outputs; j++) {
            const float *w = weights + (o + j) * d->ic * plane;
            float *tile = out + o * padded + j * LINEAR_RUN;
            int64_t i = 0;
            for (int64_t b = 0; b < d->ic; b += block)
                for (int64_t p = 0; p < plane; p++)
                    for (int64_t c = b; c < b + block; c++, i++)
                        tile[linear_at(i, outputs)] = c < d->ic ? w[c * plane + p] : 0.0f;
            for (; i < padded; i++)
                tile[linear_at(i, outputs)] = 0.0f;
        }
    }
    for (int64_t o = 0; o < d->oc; o++)
        out[d->oc * padded + o] = bias ? bias[o] : 0.0f;
}

/* n inputs, all the vector's or those that are left (none, if negative). */
LW_INLINE vf linear_load(const float *x, int n) { return n >= VL ? v_load(x) : v_load_n(x, n > 0 ? n : 0); }

/* The products of the next `parts` vectors; n: inputs that are left from x on. */
LW_INLINE void linear_step(const float *x, int64_t step, const float *w, int n, vf *acc, const int images,
                           const int outputs, const int parts) {
    vf v[LINEAR_WIDTH];
    LW_UNROLL
    for (int m = 0; m < images; m++) {
        LW_UNROLL
        for (int p = 0; p < parts; p++)
            v[m * parts + p] = linear_load(x + m * step + p * VL, n - p * VL);
    }
    LW_UNROLL
    for (int o = 0; o < outputs; o++) {
        LW_UNROLL
        for (int p = 0; p < parts; p++) {
            vf weight = v_load(w + o * LINEAR_RUN + linear_at(p * VL, outputs));
            LW_UNROLL
            for (int m = 0; m < images; m++) {
                vf *sum = &acc[(m * outputs + o) * parts + p];
                *sum = v_fma(weight, v[m * parts + p], *sum);
            }
        }
    }
}

/* sums[image][output] += products of `count` inputs. step: floats from one image to the next. */
LW_INLINE void linear_tile(const float *x, int64_t step, const float *w, int64_t count, float *sums,
                           const int images, const int outputs) {
    const int most = VL == 1 ? LINEAR_RUN : LW_BLOCK_VECTORS;
    const int parts = LINEAR_WIDTH / images < most ? LINEAR_WIDTH / images : most;
    vf lanes[LINEAR_WIDTH * LINEAR_OUTPUTS * LW_BLOCK_VECTORS];
    for (int lane = 0; lane < LINEAR_LANES; lane += parts * VL, x += parts * VL, w += outputs * parts * VL) {
        vf acc[LINEAR_WIDTH * LINEAR_OUTPUTS];
        LW_UNROLL
        for (int i = 0; i < images * outputs * parts; i++)
            acc[i] = v_zero();
        int64_t i = 0;
        for (; i + LINEAR_LANES <= count; i += LINEAR_LANES)
            linear_step(x + i, step, w + i * outputs, LINEAR_LANES, acc, images, outputs, parts);
        if (i < count)
            linear_step(x + i, step, w + i * outputs, (int)(count - i) - lane, acc, images, outputs, parts);
        LW_UNROLL
        for (int m = 0; m < images * outputs; m++) {
            LW_UNROLL
            for (int p = 0; p < parts; p++)
                lanes[m * LW_BLOCK_VECTORS + lane / VL + p] = acc[m * parts + p];
        }
    }
    for (int m = 0; m < images * outputs; m++)
        sums[m] += sum_by_halves(lanes + m * LW_BLOCK_VECTORS);
}

typedef void linear_tile_function(const float *x, int64_t step, const float *w, int64_t count, float *sums);

#define LINEAR_TILE(images, outputs)                                                                         \
    static void linear_tile_##images##x##outputs(const float *x, int64_t step, const float *w,               \
                                                 int64_t count, float *sums) {                               \
        linear_tile(x, step, w, count, sums, images, outputs);                                               \
    }
#define LINEAR_TILES(images)                                                                                 \
    LINEAR_TILE(images, 1)                                                                                   \
    LINEAR_TILE(images, 2) LINEAR_TILE(images, 3) LINEAR_TILE(images, 4) LINEAR_TILE(images, 5)
#define LINEAR_NAMES(images)                                                                                 \
    {                                                                                                        \
        linear_tile_##images##x1, linear_tile_##images##x2, linear_tile_##images##x3,                        \
            linear_tile_##images##x4, linear_tile_##images##x5                                               \
    }
LINEAR_TILES(1)
LINEAR_TILES(2)
#if LINEAR_IMAGES == 4
LINEAR_TILES(4)
#endif

/* The tile for the most of `images` that one takes: *taken of them. */
static linear_tile_function *linear_pick(int64_t images, int64_t outputs, int64_t *taken) {
    static linear_tile_function *const table[][LINEAR_OUTPUTS] = {
        LINEAR_NAMES(1),
        LINEAR_NAMES(2),
#if LINEAR_IMAGES == 4
        LINEAR_NAMES(4),
#endif
    };
    int i = images < 2 ? 0 : images < 4 || LINEAR_IMAGES == 2 ? 1 : 2;
    *taken = (int64_t)1 << i;
    return table[i][outputs - 1];
}

/* Images n .. n_end-1 (a group), outputs of one tile. */
static void linear_group(const struct lw_call *call, int64_t n, int64_t n_end, int64_t tile) {
    const lw_desc *d = call->desc;
    int64_t inputs = linear_inputs(d), padded = lw_round_up(inputs, LINEAR_LANES);
    int64_t first = linear_tile_begin(d, tile), outputs = linear_tile_begin(d, tile + 1) - first;
    const float *packed = call->packed, *w = packed + first * padded, *bias = packed + d->oc * padded + first;
    float sums[LINEAR_GROUP * LINEAR_OUTPUTS];
    for (int64_t m = 0; m < n_end - n; m++)
        memcpy(sums + m * outputs, bias, (size_t)outputs * sizeof *sums);
    for (int64_t i = 0, taken; i < inputs; i += LINEAR_CHUNK) {
        for (int64_t m = n; m < n_end; m += taken) {
            linear_tile_function *run = linear_pick(n_end - m, outputs, &taken);
            run(call->src + m * inputs + i, inputs, w + i * outputs, lw_min(LINEAR_CHUNK, inputs - i),
                sums + (m - n) * outputs);
        }
    }
    int64_t dst_step = lw_layout_channels(d->dst_layout, d->oc);
    for (int64_t m = n; m < n_end; m++) {
        float *dst = call->dst + m * dst_step;
        for (int64_t o = 0; o < outputs; o++) {
            float y = sums[(m - n) * outputs + o];
            dst[first + o] = d->relu && y < 0 ? 0.0f : y;
        }
        if (first + outputs == d->oc)
            for (int64_t o = d->oc; o < dst_step; o++)
                dst[o] = 0.0f;
    }
}

static bool linear_supports(const lw_desc *d, const char **reason) {
    (void)d, (void)reason;
    return true;
}

static double linear_steps(const lw_desc *d) {
    return (double)(d->batch * d->oc * lw_div_up(linear_inputs(d), VL));
}

/* The weights are read once for each group of images. */
static void linear_work(const lw_desc *d, const struct lw_caches *caches, struct lw_work *w) {
    const double bytes = (double)linear_packed_bytes(d);
    w->unit[LW_WORK_call] += 1;
    w->unit[LW_WORK_linear] += linear_steps(d) * LW_FMA_ROUNDINGS / 2;
    w->unit[LW_WORK_store] += (double)(d->batch * d->oc);
    lw_work_stream(w, caches, bytes * (double)(lw_div_up(d->batch, LINEAR_GROUP) - 1), bytes);
    work_tensors(d, caches, bytes, w);
}

static int64_t linear_units(const lw_desc *d) { return lw_div_up(d->batch, LINEAR_GROUP) * linear_tiles(d); }
static int64_t linear_tasks(const lw_desc *d) { return split_tasks(linear_units(d), linear_steps(d)); }

static void linear_run(const struct lw_call *call, int64_t begin, int64_t end, void *workspace) {
    const lw_desc *d = call->desc;
    int64_t units = linear_units(d), tasks = linear_tasks(d), tiles = linear_tiles(d);
    int64_t last = split_begin(units, tasks, end);
    (void)workspace;
    for (int64_t unit = split_begin(units, tasks, begin); unit < last; unit++) {
        int64_t n = unit / tiles * LINEAR_GROUP;
        linear_group(call, n, lw_min(d->batch, n + LINEAR_GROUP), unit % tiles);
    }
}

/* Roundings in sequence: a lane's products of a chunk, four halvings, a sum for each chunk. */
static double linear_products(const lw_desc *d) {
    return (double)lw_div_up(lw_min(LINEAR_CHUNK, linear_inputs(d)), LINEAR_LANES);
}
static double linear_chunks(const lw_desc *d) { return (double)lw_div_up(linear_inputs(d), LINEAR_CHUNK); }

static double linear_bound(const lw_desc *d) {
    return rounding_bound(LW_FMA_ROUNDINGS * linear_products(d) + 4 + linear_chunks(d));
}

static double linear_rel_l2(const lw_desc *d) {
    return 5e-8 + 2e-8 * sqrt(linear_products(d) + linear_chunks(d));
}

#define LW_ROWS_linear                                                                                       \
    LW_ROW(linear, .algorithm = "gemv", .op = LW_LINEAR, .src_layouts = LW_ANY_LAYOUT,                       \
           .dst_layouts = LW_ANY_LAYOUT, .supports = linear_supports, .packed_bytes = linear_packed_bytes,   \
           .pack = linear_pack, .tasks = linear_tasks, .run = linear_run, .bound = linear_bound,             \
           .rel_l2 = linear_rel_l2, .exact_on_integers = true, .work = linear_work)

#endif
