/* Fully connected layer. Vectors run along the inputs: a tile holds `outputs` x `images` sums, each a vector
 * that is added up at the end, so that ten outputs waste no lanes and weights stream through the cache once,
 * in order. Images share the weights that are loaded. Inputs are taken in chunks: the weights of a chunk stay
 * in L1 for a group of images, and short chains round less. The order of each sum is the same whatever its
 * tile, its task or the batch.
 *
 * Packed: tiles of outputs one after the other, each [inputs / VL][outputs of the tile][VL] in the order of
 * the source's memory, zero in the lanes beyond; then the biases. */
#ifndef LW_LINEAR_H
#define LW_LINEAR_H

#include "template.h"
#include "window.h"

#define LINEAR_OUTPUTS 5 /* at most, of a tile */
#if VL == 4 || VL == 16  /* 32 registers */
#define LINEAR_IMAGES 4
#else
#define LINEAR_IMAGES 2
#endif
#define LINEAR_GROUP 16                     /* images of a task */
#define LINEAR_CHUNK (VL == 1 ? 256 : 1024) /* inputs; a multiple of VL */

/* Floats of one image in the source's memory. */
static int64_t linear_inputs(const lw_desc *d) {
    return (d->src_layout == LW_BLOCKED ? lw_round_up(d->ic, LW_BLOCK) : d->ic) * d->ih * d->iw;
}

/* Tiles of outputs differ by one in size at most; tile == tiles gives the end. */
static int64_t linear_tiles(const lw_desc *d) { return lw_div_up(d->oc, LINEAR_OUTPUTS); }
static int64_t linear_tile_begin(const lw_desc *d, int64_t tile) {
    return split_begin(d->oc, linear_tiles(d), tile);
}

static size_t linear_packed_bytes(const lw_desc *d) {
    return sizeof(float) * (size_t)(d->oc * (lw_round_up(linear_inputs(d), VL) + 1));
}

static void linear_pack(const lw_desc *d, const float *weights, const float *bias, void *packed) {
    /* Every layout is [ic / block][plane][block]. */
    int64_t block = d->src_layout == LW_NCHW ? 1 : d->src_layout == LW_NHWC ? d->ic : LW_BLOCK;
    int64_t plane = d->ih * d->iw, padded = lw_round_up(linear_inputs(d), VL);
    float *out = packed;
    for (int64_t t = 0; t < linear_tiles(d); t++) {
        int64_t o = linear_tile_begin(d, t), outputs = linear_tile_begin(d, t + 1) - o;
        for (int64_t j = 0; j < outputs; j++) {
            const float *w = weights + (o + j) * d->ic * plane;
            float *tile = out + o * padded + j * VL;
            int64_t i = 0;
            for (int64_t b = 0; b < d->ic; b += block)
                for (int64_t p = 0; p < plane; p++)
                    for (int64_t c = b; c < b + block; c++, i++)
                        tile[i / VL * outputs * VL + i % VL] = c < d->ic ? w[c * plane + p] : 0.0f;
            for (; i < padded; i++)
                tile[i / VL * outputs * VL + i % VL] = 0.0f;
        }
    }
    for (int64_t o = 0; o < d->oc; o++)
        out[d->oc * padded + o] = bias ? bias[o] : 0.0f;
}

/* The products of n <= VL inputs. */
LW_INLINE void linear_step(const float *x, int64_t step, const float *w, int n,
                           vf acc[LINEAR_IMAGES][LINEAR_OUTPUTS], const int images, const int outputs) {
    vf v[LINEAR_IMAGES];
    LW_UNROLL
    for (int m = 0; m < images; m++)
        v[m] = n == VL ? v_load(x + m * step) : v_load_n(x + m * step, n);
    LW_UNROLL
    for (int o = 0; o < outputs; o++) {
        vf weight = v_load(w + o * VL);
        LW_UNROLL
        for (int m = 0; m < images; m++)
            acc[m][o] = v_fma(weight, v[m], acc[m][o]);
    }
}

/* sums[image][output] += products of `count` inputs. step: floats from one image to the next. */
LW_INLINE void linear_tile(const float *x, int64_t step, const float *w, int64_t count, vf *sums,
                           const int images, const int outputs) {
    vf acc[LINEAR_IMAGES][LINEAR_OUTPUTS];
    LW_UNROLL
    for (int i = 0; i < images * outputs; i++)
        acc[i / outputs][i % outputs] = v_zero();
    int64_t i = 0;
    for (; i + VL <= count; i += VL, w += outputs * VL)
        linear_step(x + i, step, w, VL, acc, images, outputs);
    if (i < count) linear_step(x + i, step, w, (int)(count - i), acc, images, outputs);
    LW_UNROLL
    for (int m = 0; m < images * outputs; m++)
        sums[m] = v_add(sums[m], acc[m / outputs][m % outputs]);
}

typedef void linear_tile_function(const float *x, int64_t step, const float *w, int64_t count, vf *sums);

#define LINEAR_TILE(images, outputs)                                                                         \
    static void linear_tile_##images##x##outputs(const float *x, int64_t step, const float *w,               \
                                                 int64_t count, vf *sums) {                                  \
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
    int64_t inputs = linear_inputs(d), padded = lw_round_up(inputs, VL);
    int64_t first = linear_tile_begin(d, tile), outputs = linear_tile_begin(d, tile + 1) - first;
    const float *packed = call->packed, *w = packed + first * padded, *bias = packed + d->oc * padded + first;
    vf sums[LINEAR_GROUP * LINEAR_OUTPUTS];
    for (int64_t i = 0; i < (n_end - n) * outputs; i++)
        sums[i] = v_zero();
    for (int64_t i = 0, taken; i < inputs; i += LINEAR_CHUNK) {
        for (int64_t m = n; m < n_end; m += taken) {
            linear_tile_function *run = linear_pick(n_end - m, outputs, &taken);
            run(call->src + m * inputs + i, inputs, w + i * outputs, lw_min(LINEAR_CHUNK, inputs - i),
                sums + (m - n) * outputs);
        }
    }
    int64_t dst_step = d->dst_layout == LW_BLOCKED ? lw_round_up(d->oc, LW_BLOCK) : d->oc;
    for (int64_t m = n; m < n_end; m++) {
        float *dst = call->dst + m * dst_step;
        for (int64_t o = 0; o < outputs; o++) {
            float y = v_sum(sums[(m - n) * outputs + o]) + bias[o];
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

static double linear_cycles(const lw_desc *d) {
    double steps = (double)lw_div_up(linear_inputs(d), VL), outputs = (double)d->oc, batch = (double)d->batch;
    double groups = (double)lw_div_up(d->batch, LINEAR_GROUP);
    return 50 + batch * outputs * (steps * 0.6 + 8) + groups * outputs * steps * VL / 8;
}

static int64_t linear_units(const lw_desc *d) { return lw_div_up(d->batch, LINEAR_GROUP) * linear_tiles(d); }
static int64_t linear_tasks(const lw_desc *d) { return split_tasks(linear_units(d), linear_cycles(d)); }

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

/* Roundings in sequence: a product for each vector of a chunk, a sum for each chunk. */
static double linear_products(const lw_desc *d) {
    return (double)lw_div_up(lw_min(LINEAR_CHUNK, linear_inputs(d)), VL);
}
static double linear_chunks(const lw_desc *d) { return (double)lw_div_up(linear_inputs(d), LINEAR_CHUNK); }

/* Then come the tree of v_sum (at most 4 levels) and the bias. */
static double linear_bound(const lw_desc *d) {
    return rounding_bound(LW_FMA_ROUNDINGS * linear_products(d) + linear_chunks(d) + 4 + 1);
}

static double linear_rel_l2(const lw_desc *d) {
    return 5e-8 + 2e-8 * sqrt(linear_products(d) + linear_chunks(d));
}

#define LW_ROWS_linear                                                                                       \
    {.name = LW_ROW_NAME("linear", ""),                                                                      \
     .algorithm = "gemv",                                                                                    \
     .tile = "",                                                                                             \
     .op = LW_LINEAR,                                                                                        \
     .src_layouts = LW_ANY_LAYOUT,                                                                           \
     .dst_layouts = LW_ANY_LAYOUT,                                                                           \
     .supports = linear_supports,                                                                            \
     .packed_bytes = linear_packed_bytes,                                                                    \
     .pack = linear_pack,                                                                                    \
     .tasks = linear_tasks,                                                                                  \
     .run = linear_run,                                                                                      \
     .bound = linear_bound,                                                                                  \
     .rel_l2 = linear_rel_l2,                                                                                \
     .exact_on_integers = true,                                                                              \
     .cycles = linear_cycles},

#endif
