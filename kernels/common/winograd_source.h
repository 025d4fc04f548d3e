/* Where the pixels of Winograd's tiles are: in the source itself, or, where its layout doesn't have a block
 * of channels side by side, in rows that are gathered for a whole row of tiles. */
#ifndef LW_WINOGRAD_SOURCE_H
#define LW_WINOGRAD_SOURCE_H

#include "pack.h"
#include "winograd_transform.h"

/* The source rows that a row of tiles reads, of one block of channels: column x of row i at row[i] + x *
 * step[i]. A row in the padding is zeros: its step is 0. */
struct wino_source {
    const float *row[WINO_MAX_POINTS];
    ptrdiff_t step[WINO_MAX_POINTS];
    ptrdiff_t column; /* floats from pixel to pixel */
    int rows;
    int groups; /* vectors of channels */
};

/* Can channels c .. of a pixel be loaded as they lie? The last vectors in NHWC only where they are whole. */
static inline bool wino_in_place(const lw_desc *d, int64_t c) {
    return d->src_layout == LW_BLOCKED || (d->src_layout == LW_NHWC && lw_min(LW_BLOCK, d->ic - c) % VL == 0);
}

/* Floats of the rows that are gathered, `rows` at most: those of one block of channels. */
static size_t wino_gathered(const lw_desc *d, int rows) {
    const bool never = wino_in_place(d, 0) && wino_in_place(d, (d->ic - 1) / LW_BLOCK * LW_BLOCK);
    return never ? 0 : (size_t)(rows * d->iw * LW_BLOCK);
}

/* Floats of zeros that stand for a row of padding: a tile's width of pixels where they lie in the source. */
static size_t wino_zeros(const lw_desc *d) {
    const int64_t column = lw_max(LW_BLOCK, d->src_layout == LW_NHWC ? d->ic : 0);
    return (size_t)(WINO_MAX_POINTS * column + LW_BLOCK);
}

/* Source rows y0 .. y0+rows-1 of channels c .. of an image. */
static void wino_open_rows(const lw_desc *d, const float *image, int64_t c, int64_t y0, int rows,
                           float *gathered, const float *zeros, struct wino_source *s) {
    const bool in_place = wino_in_place(d, c);
    const struct phase whole = {.end = d->iw, .width = d->iw};
    struct pack_row row = {.d = d, .image = image, .c = c, .count = lw_min(LW_BLOCK, d->ic - c)};
    s->rows = rows;
    s->groups = (int)lw_div_up(row.count, VL);
    s->column = in_place && d->src_layout == LW_NHWC ? d->ic : LW_BLOCK;
    for (int i = 0; i < rows; i++) {
        row.y = y0 + i;
        const bool inside = row.y >= 0 && row.y < d->ih;
        s->row[i] = !inside ? zeros : in_place ? image_at(d, image, c, row.y, 0) : gathered;
        s->step[i] = inside ? s->column : 0;
        if (!inside || in_place) continue;
        pack_phase_row(&row, &whole, LW_BLOCK, gathered);
        gathered += d->iw * LW_BLOCK;
    }
}

/* The patch of a tile that begins in column x0, which may be in the padding. */
static inline struct wino_patch wino_patch_at(const lw_desc *d, const struct wino_source *s, int64_t x0,
                                              int columns) {
    struct wino_patch p = {.column = s->column, .columns = columns, .groups = s->groups};
    p.begin = (int)lw_min(columns, lw_max(0, -x0));
    p.end = (int)lw_max(p.begin, lw_min(columns, d->iw - x0));
    for (int i = 0; i < s->rows; i++)
        p.row[i] = s->row[i] + x0 * s->step[i];
    return p;
}

#endif
