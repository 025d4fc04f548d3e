/* What a Winograd row does, worked out once when the weights are packed: how tiles cover the outputs, where
 * in V each point of each tile lies, and the list of matrix products.
 *
 * An axis of n outputs is covered by tiles of the set's largest size and at most one smaller one (14 =
 * 6+6+2, or 7+7), all over one weight set (winograd_matrices.h): the smaller tile's points are a prefix of
 * the larger's. So of the tiles in order, those that use a point are a prefix too, and a point's product runs
 * over neighbouring units; a unit is one (point, tile). Every point has room for `slots` units, at least as
 * many as a block has tiles, so that all strides are constant. */
#ifndef LW_WINOGRAD_SCHEDULE_H
#define LW_WINOGRAD_SCHEDULE_H

#include "conv_loop.h"
#include "winograd_matrices.h"

/* Tiles that share one pass over the weights, and the floats of V that one row of points may take: more where
 * the weights come from beyond the near caches. */
static const struct {
    int64_t weights; /* floats, at most */
    int64_t tiles, row_floats;
} wino_blocks[] = {{1 << 20, 24, 64 << 10}, {INT64_MAX, 64, 128 << 10}};

/* Floats between the weights that are fetched into L1 and those in use, of all oc tiles of a call together.
 */
#define WINO_AHEAD 2048

/* Floats of a point's weights, of all oc tiles of a call, that stay in L1 for all its runs of tiles, where
 * they come from beyond the near caches. */
#define WINO_CHUNK 6144

/* Outputs of a row: a block holds whole rows of tiles, and counts of products are 32 bits wide. */
#define WINO_MAX_WIDTH 1048576

/* An oc tile: what a task computes. One call of the product may take two of them. */
#define WINO_TASK_VECTORS 2
#define WINO_TASK_WIDTH   (WINO_TASK_VECTORS * VL)

struct wino_axis {
    int outputs;   /* of a large tile */
    int rest;      /* outputs of the last, smaller tile; 0: none */
    int64_t full;  /* large tiles */
    int64_t tiles; /* all */
};

struct wino {
    struct conv_geometry g;
    struct wino_axis y, x;
    int points;                            /* along one axis, of the largest tile */
    int32_t column_tiles[WINO_MAX_POINTS]; /* tiles of a row that use a point of column j */
    int64_t oc_tiles;                      /* of WINO_TASK_VECTORS vectors */
    int64_t block_rows;                    /* tile rows of an image in a block */
    int64_t blocks;                        /* of tile rows in an image */
    int64_t images, groups;                /* images that a block takes together where they are small */
    int64_t slots;                         /* for the tiles of a block */
    bool heavy;                            /* the weights come from beyond the near caches */
    int64_t tasks;
};

/* What one call computes: products of `points` neighbouring points of one row, each `runs` times `tiles`
 * tiles, the first of them in slot `slot`; of all runs of such a point those from `first_run` on. */
struct wino_product {
    int32_t column, points, slot, runs, tiles, first_run, all_runs;
};

/* One kind of block: the last one may have fewer and smaller tile rows, or fewer images, than the others. Row
 * r of a block is tile row begin + r / images of image r % images: so those that use a point come first. */
struct wino_schedule {
    int64_t begin, end; /* tile rows, of the first block of this kind */
    int64_t images;
    int32_t products[WINO_MAX_POINTS + 1]; /* row i of points: products[i] .. products[i + 1] - 1 */
    size_t product_at;                     /* bytes from the head: struct wino_product[] */
};

/* What the packed weights begin with. */
struct wino_head {
    struct wino w;                /* but for g.d, which is the call's */
    struct wino_schedule kind[2]; /* all blocks but the last, and the last */
    size_t bytes;                 /* of all this */
};

static inline int wino_outputs_at(const struct wino_axis *a, int64_t tile) {
    return tile < a->full ? a->outputs : a->rest;
}

/* Where a set has what a tile of so many outputs needs: its pairs less one. */
static inline int wino_index(int outputs) { return (outputs - 1) / 2; }

/* Outputs of all tiles: at most one more than there are. */
static inline int64_t wino_covered(const struct wino_axis *a) { return a->full * a->outputs + a->rest; }

static struct wino_axis wino_cover(int64_t outputs, const struct wino_set *set) {
    const int m = WINO_OUTPUTS(set, set->pairs);
    struct wino_axis a = {.outputs = m, .full = outputs / m, .rest = (int)(outputs % m)};
    if (a.rest > 0 && (m - a.rest) % 2 != 0) a.rest++; /* a set's tiles are all even, or all odd */
    if (a.rest == m) a.full++, a.rest = 0;
    a.tiles = a.full + (a.rest > 0);
    return a;
}

/* Tiles begin .. end-1 that use point i. */
static inline int64_t wino_users(const struct wino_axis *a, int64_t begin, int64_t end, int i) {
    const int64_t users = a->rest && i < a->rest + 2 ? a->tiles : a->full;
    return lw_max(0, lw_min(end, users) - begin);
}

static int64_t wino_axis_units(const struct wino_axis *a, int64_t begin, int64_t end, int points) {
    int64_t units = 0;
    for (int i = 0; i < points; i++)
        units += wino_users(a, begin, end, i);
    return units;
}

/* Do pooled rows reach from a tile into the next? */
static inline bool wino_carries(const struct wino *w) { return w->g.d->pool2x2 && w->y.outputs % 2 != 0; }

static struct wino wino_geometry(const lw_desc *d, const struct wino_set *set) {
    struct wino w = {.g = conv_geometry(d, LW_BLOCK, WINO_TASK_VECTORS),
                     .points = WINO_POINTS(set, set->pairs)};
    w.oc_tiles = lw_div_up(d->oc, WINO_TASK_WIDTH);
    w.y = wino_cover(w.g.oh, set);
    w.x = wino_cover(w.g.ow, set);
    for (int j = 0; j < w.points; j++)
        w.column_tiles[j] = (int32_t)wino_users(&w.x, 0, w.x.tiles, j);
    w.heavy = w.points * w.points * d->ic > wino_blocks[0].weights / d->oc;
    const int64_t tiles = wino_blocks[w.heavy].tiles,
                  row_floats = w.points * w.x.tiles * w.g.blocks * LW_BLOCK;
    const int64_t rows =
        lw_max(1, wino_blocks[w.heavy].row_floats / row_floats); /* tile rows that V has room for */
    w.block_rows = lw_min(lw_div_up(tiles, w.x.tiles), rows);
    if (wino_carries(&w)) w.block_rows = lw_round_up(w.block_rows, 2);
    w.block_rows = lw_min(w.y.tiles, w.block_rows);
    w.blocks = lw_div_up(w.y.tiles, w.block_rows);
    w.images = lw_max(1, lw_min(d->batch, lw_min(tiles / (w.y.tiles * w.x.tiles), rows / w.y.tiles)));
    w.groups = lw_div_up(d->batch, w.images);
    w.slots = w.block_rows * w.images * w.x.tiles;
    w.slots += w.slots % 8 == 0; /* points a multiple of 512 bytes apart would share few sets of L1 */
    w.tasks = w.groups * w.blocks * w.oc_tiles;
    return w;
}

/* Vectors in an output tile: the last one has only as many as its channels need. */
static inline int wino_vectors(const struct wino *w, int64_t oc_tile) {
    return (int)lw_div_up(lw_min(WINO_TASK_WIDTH, w->g.ocg - oc_tile * WINO_TASK_WIDTH), VL);
}

/* ---- the schedule ----------------------------------------------------------------------------------------
 */

/* How many tiles of a block use point (i, j). */
static inline int64_t wino_point_tiles(const struct wino *w, const struct wino_schedule *s, int i, int j) {
    return s->images * wino_users(&w->y, s->begin, s->end, i) * w->column_tiles[j];
}

/* Lists a kind's products where `list` isn't NULL. A point's tiles are split evenly into runs, one after the
 * other while its weights are in L1: of two lengths, or of one, and then neighbouring points with as many
 * tiles share a call. */
static void wino_list_products(const struct wino *w, struct wino_schedule *s, struct wino_product *list) {
    int32_t count = 0;
    for (int i = 0; i < w->points; i++) {
        s->products[i] = count;
        for (int j = 0, points; j < w->points; j += points) {
            const int64_t tiles = wino_point_tiles(w, s, i, j);
            const int64_t runs = lw_max(1, lw_div_up(tiles, LW_WINO_TILES)), longer = tiles % runs;
            points = 1;
            while (longer == 0 && j + points < w->points && wino_point_tiles(w, s, i, j + points) == tiles)
                points++;
            int64_t slot = 0;
            for (int64_t n = lw_div_up(tiles, runs); slot < tiles; n--) { /* tiles of a run */
                const int64_t equal = slot == 0 && longer > 0 ? longer : (tiles - slot) / n;
                if (list)
                    list[count] = (struct wino_product){j,
                                                        points,
                                                        (int32_t)slot,
                                                        (int32_t)equal,
                                                        (int32_t)n,
                                                        (int32_t)(slot == 0 ? 0 : longer),
                                                        (int32_t)runs};
                slot += equal * n;
                count++;
            }
        }
    }
    s->products[w->points] = count;
}

/* Is this block of the second kind? */
static inline bool wino_is_last(const struct wino *w, int64_t group, int64_t block) {
    return block == w->blocks - 1 && (w->images == 1 || group == w->groups - 1);
}

/* Sizes and places of both kinds of block. */
static void wino_make_head(const lw_desc *d, const struct wino_set *set, struct wino_head *h) {
    memset(h, 0, sizeof *h);
    h->w = wino_geometry(d, set);
    h->bytes = conv_align(sizeof *h);
    for (int k = 0; k < 2; k++) {
        struct wino_schedule *s = &h->kind[k];
        s->begin = k ? (h->w.blocks - 1) * h->w.block_rows : 0;
        s->end = lw_min(h->w.y.tiles, s->begin + h->w.block_rows);
        s->images = k ? d->batch - (h->w.groups - 1) * h->w.images : h->w.images;
        wino_list_products(&h->w, s, NULL);
        s->product_at = h->bytes;
        h->bytes += conv_align((size_t)s->products[h->w.points] * sizeof(struct wino_product));
    }
}

/* Writes the head and what it points to. */
static void wino_write_head(const struct wino_head *h, char *out) {
    struct wino_head copy = *h;
    copy.w.g.d = NULL;
    memcpy(out, &copy, sizeof copy);
    for (int k = 0; k < 2; k++)
        wino_list_products(&h->w, &copy.kind[k], (struct wino_product *)(out + h->kind[k].product_at));
}

#endif
