/* Packing: a strip of source rows becomes blocks of B channels, padded left and right, in which the pixels
 * that one tap reads for neighbouring outputs are B floats apart whatever the stride: columns are sorted by
 * phase, x mod stride. Asked for stride 1 and no padding it is a change of layout. */
#ifndef LW_PACK_H
#define LW_PACK_H

struct strip {
    int block;           /* B: 16 or 1 */
    int64_t blocks;      /* of the group's channels */
    int64_t in_rows;     /* rows */
    int64_t row_step;    /* source rows from one to the next */
    int64_t phase_width; /* pixels of one phase */
    int64_t lead;        /* floats before the first row */
    int64_t row_floats, block_floats, floats;
};

/* One source row of channels c .. c+count-1 into [phase][pixel][B]. */
struct pack_row {
    const lw_desc *d;
    const float *image; /* the image's first float */
    int64_t c, count, y;
};

static bool phase_is_used(const lw_desc *d, int64_t phase) {
    for (int64_t k = 0; k < d->kw; k++)
        if (k * d->dilation_w % d->stride_w == phase) return true;
    return false;
}

/* n columns of a plane, up to VL. */
LW_INLINE void pack_columns(const float *src, int64_t stride, int n, float *dst) {
    if (stride == 1) {
        v_store(dst, v_load_n(src, n));
    } else if (stride == 2) {
        float columns[2 * VL];
        const int last = 2 * n - 1; /* the last column's neighbour may not be there */
        vf even, odd;
        v_store(columns, v_load_n(src, last < VL ? last : VL));
        v_store(columns + VL, last > VL ? v_load_n(src + VL, last - VL) : v_zero());
        v_deinterleave(columns, &even, &odd);
        v_store(dst, even);
    } else {
        for (int x = 0; x < n; x++)
            dst[x] = src[x * stride];
    }
}

/* n columns of up to VL channels: the others are zeros. */
LW_INLINE void pack_square(const float *src, int64_t plane, int64_t stride, int channels, int n, vf *r) {
    if (stride == 1) {
        LW_UNROLL
        for (int i = 0; i < VL; i++) {
            r[i] = v_zero();
            if (i < channels) r[i] = n == VL ? v_load(src + i * plane) : v_load_n(src + i * plane, n);
        }
        return;
    }
    float tile[VL * VL];
    for (int i = 0; i < channels; i++)
        pack_columns(src + i * plane, stride, n, tile + i * VL);
    LW_UNROLL
    for (int i = 0; i < VL; i++)
        r[i] = i < channels ? v_load(tile + i * VL) : v_zero();
}

/* Pixels of up to 16 channels from planes, VL at a time transposed in registers. The last ones overlap those
 * before. */
static void pack_pixels_nchw(const struct pack_row *p, int64_t ix, int64_t stride, int64_t pixels,
                             float *dst) {
    const int64_t plane = p->d->ih * p->d->iw;
    const float *src = p->image + p->c * plane + p->y * p->d->iw + ix;
    const int n = (int)lw_min(VL, pixels);
    for (int64_t begin = 0; begin < pixels; begin += VL) {
        const int64_t x = lw_min(begin, pixels - n);
        for (int64_t c = 0; c < p->count; c += VL) {
            vf r[VL];
            pack_square(src + c * plane + x * stride, plane, stride, (int)lw_min(VL, p->count - c), n, r);
            v_transpose(r);
            float *to = dst + x * LW_BLOCK + c;
            LW_UNROLL
            for (int i = 0; i < VL; i++)
                if (i < n) v_store(to + i * LW_BLOCK, r[i]);
        }
    }
}

/* Source pixel (y, x), channel c of an image in any layout. */
static inline const float *image_at(const lw_desc *d, const float *image, int64_t c, int64_t y, int64_t x) {
    if (d->src_layout == LW_NCHW) return image + (c * d->ih + y) * d->iw + x;
    if (d->src_layout == LW_NHWC) return image + (y * d->iw + x) * d->ic + c;
    return image + ((c / LW_BLOCK * d->ih + y) * d->iw + x) * LW_BLOCK + c % LW_BLOCK;
}

/* From NHWC or blocks. */
static void pack_pixel(const struct pack_row *p, int64_t ix, float *dst) {
    const lw_desc *d = p->d;
    if (d->src_layout == LW_BLOCKED && p->c % LW_BLOCK != 0) {
        for (int64_t c = 0; c < p->count; c++)
            dst[c] = *image_at(d, p->image, p->c + c, p->y, ix);
        return;
    }
    const float *src = image_at(d, p->image, p->c, p->y, ix);
    int64_t c = 0;
    for (; c + VL <= p->count; c += VL)
        v_store(dst + c, v_load(src + c));
    if (c < p->count) v_store(dst + c, v_load_n(src + c, (int)(p->count - c)));
}

/* One phase of a row: pixel x is source column x * stride + shift; those outside begin .. end-1 are padding.
 */
struct phase {
    int64_t shift, begin, end, width;
};

static struct phase pack_phase(const lw_desc *d, int64_t phase, int64_t width) {
    struct phase p = {.shift = phase - d->pad_left, .width = width};
    const int64_t s = d->stride_w;
    p.begin = p.shift < 0 ? lw_min(width, lw_div_up(-p.shift, s)) : 0;
    p.end = lw_max(p.begin, lw_min(width, d->iw > p.shift ? lw_div_up(d->iw - p.shift, s) : 0));
    return p;
}

/* Often one or two, for which the compiler may not make a call of it. */
static inline void zero_floats(float *p, int64_t n) {
    for (; n >= VL; n -= VL, p += VL)
        v_store(p, v_zero());
    for (; n > 0; n--, p++) {
        *p = 0.0f;
        LW_NEW_BASE(p);
    }
}

/* Of a row of n floats all but begin .. end-1; padding of one pixel, the usual, without a loop. */
static inline void zero_edges(float *p, int64_t begin, int64_t end, int64_t n) {
    if (begin == 1 && end == n - 1) {
        p[0] = p[n - 1] = 0.0f;
        return;
    }
    zero_floats(p, begin);
    zero_floats(p + end, n - end);
}

/* The same for a row: the last vector overlaps the one before. */
static inline void copy_floats(float *dst, const float *src, int64_t n) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL)
        v_store(dst + i, v_load(src + i));
    if (i < n && n >= VL)
        v_store(dst + n - VL, v_load(src + n - VL));
    else
        for (; i < n; i++)
            dst[i] = src[i];
}

/* Every stride-th float. */
static void pack_plane_strided(const float *src, int64_t stride, int64_t pixels, float *dst) {
    int64_t x = 0;
    if (stride == 2)
        for (; x + VL < pixels; x += VL) { /* the last pixel's neighbour may not be there */
            vf even, odd;
            v_deinterleave(src + 2 * x, &even, &odd);
            v_store(dst + x, even);
        }
    for (; x < pixels; x++)
        dst[x] = src[x * stride];
}

/* B = 1: from planes, strided. */
static void pack_phase_row(const struct pack_row *p, const struct phase *f, const int B, float *dst) {
    const lw_desc *d = p->d;
    const int64_t s = d->stride_w, begin = f->begin, end = f->end, ix = begin * s + f->shift;
    zero_floats(dst, begin * B);
    zero_floats(dst + end * B, (f->width - end) * B);
    if (begin == end) return;
    if (B == 1)
        pack_plane_strided(image_at(d, p->image, p->c, p->y, ix), s, end - begin, dst + begin);
    else if (d->src_layout == LW_NCHW)
        pack_pixels_nchw(p, ix, s, end - begin, dst + begin * B);
    else
        for (int64_t x = begin; x < end; x++)
            pack_pixel(p, x * s + f->shift, dst + x * B);
}

/* B = 16: all phases of a row of planes at once, as all are used. Column x of the source is column x +
 * pad_left of the padded row. */
static void pack_phases_nchw(const struct pack_row *p, int64_t width, float *dst) {
    const lw_desc *d = p->d;
    const int64_t s = d->stride_w, columns = lw_max(0, lw_min(d->iw, s * width - d->pad_left));
    float pixels[VL * LW_BLOCK] = {0};
    for (int64_t phase = 0; phase < s; phase++) {
        const struct phase f = pack_phase(d, phase, width);
        zero_floats(dst + phase * width * LW_BLOCK, f.begin * LW_BLOCK);
        zero_floats(dst + (phase * width + f.end) * LW_BLOCK, (width - f.end) * LW_BLOCK);
    }
    int64_t phase = d->pad_left % s, column = d->pad_left / s;
    for (int64_t x = 0; x < columns; x += VL) {
        const int64_t n = lw_min(VL, columns - x);
        pack_pixels_nchw(p, x, 1, n, pixels);
        for (int64_t i = 0; i < n; i++) {
            copy_floats(dst + (phase * width + column) * LW_BLOCK, pixels + i * LW_BLOCK, LW_BLOCK);
            if (++phase == s) phase = 0, column++;
        }
    }
}

/* Rows of a strip that lie in the image. */
static void pack_rows_inside(const lw_desc *d, const struct strip *s, int64_t y0, int64_t *begin,
                             int64_t *end) {
    *begin = y0 < 0 ? lw_min(s->in_rows, lw_div_up(-y0, s->row_step)) : 0;
    *end = y0 < d->ih ? lw_min(s->in_rows, lw_div_up(d->ih - y0, s->row_step)) : 0;
}

/* Planes of stride 1: all rows alike. */
static void pack_planes(const lw_desc *d, const struct strip *s, const float *image, int64_t c0, int64_t y0,
                        float *dst) {
    const struct phase f = pack_phase(d, 0, s->phase_width);
    int64_t begin, end;
    pack_rows_inside(d, s, y0, &begin, &end);
    for (int64_t c = 0; c < s->blocks; c++) {
        const float *src = image + ((c0 + c) * d->ih + y0 + begin * s->row_step) * d->iw + f.begin + f.shift;
        float *to = dst + c * s->block_floats + begin * s->row_floats;
        for (int64_t r = begin; r < end; r++, src += s->row_step * d->iw, to += s->row_floats) {
            zero_edges(to, f.begin, f.end, f.width);
            copy_floats(to + f.begin, src, f.end - f.begin);
        }
    }
}

/* A phase of whole blocks of 16 channels that lie together, all rows alike. */
static void pack_blocks(const lw_desc *d, const struct strip *s, const struct phase *f, const float *image,
                        int64_t c0, int64_t y0, float *dst) {
    const ptrdiff_t column = d->src_layout == LW_NHWC ? d->ic : LW_BLOCK, step = d->stride_w * column;
    const int64_t pixels = f->end - f->begin;
    int64_t begin, end;
    pack_rows_inside(d, s, y0, &begin, &end);
    for (int64_t b = 0; b < s->blocks; b++, dst += s->block_floats) {
        const float *src = image_at(d, image, c0 + b * LW_BLOCK, y0 + begin * s->row_step,
                                    f->begin * d->stride_w + f->shift);
        float *to = dst + begin * s->row_floats;
        for (int64_t r = begin; r < end; r++, src += s->row_step * d->iw * column, to += s->row_floats) {
            zero_floats(to, f->begin * LW_BLOCK);
            zero_floats(to + f->end * LW_BLOCK, (f->width - f->end) * LW_BLOCK);
            const float *from = src;
            float *pixel = to + f->begin * LW_BLOCK;
            for (int64_t x = 0; x < pixels; x++, from += step, pixel += LW_BLOCK) {
                LW_UNROLL
                for (int v = 0; v < LW_BLOCK; v += VL)
                    v_store(pixel + v, v_load(from + v));
            }
        }
    }
}

/* The rows from source row y0 on, those that exist, of channels c0 .. c0+channels-1 of one image. dst: the
 * first row, behind the strip's lead. */
static void pack_strip(const lw_desc *d, const struct strip *s, const float *image, int64_t c0,
                       int64_t channels, int64_t y0, float *dst) {
    if (s->block == 1 && d->stride_w == 1) {
        pack_planes(d, s, image, c0, y0, dst);
        return;
    }
    bool all_used = true;
    for (int64_t phase = 0; phase < d->stride_w; phase++)
        all_used &= phase_is_used(d, phase);
    const bool blocks = s->block == LW_BLOCK && channels % LW_BLOCK == 0 &&
                        (d->src_layout == LW_NHWC || (d->src_layout == LW_BLOCKED && c0 % LW_BLOCK == 0));
    const bool at_once = d->stride_w > 1 && s->block == LW_BLOCK && d->src_layout == LW_NCHW && all_used;
    for (int64_t phase = 0; phase < (at_once ? 1 : d->stride_w); phase++, dst += s->phase_width * s->block) {
        if (!phase_is_used(d, phase)) continue;
        const struct phase f = pack_phase(d, phase, s->phase_width);
        if (blocks) {
            pack_blocks(d, s, &f, image, c0, y0, dst);
            continue;
        }
        for (int64_t b = 0; b < s->blocks; b++) {
            struct pack_row p = {.d = d, .image = image, .c = c0 + b * s->block};
            p.count = lw_min(s->block, channels - b * s->block);
            for (int64_t r = 0; r < s->in_rows; r++) {
                float *to = dst + b * s->block_floats + r * s->row_floats;
                p.y = y0 + r * s->row_step;
                if (p.y < 0 || p.y >= d->ih) continue;
                if (at_once)
                    pack_phases_nchw(&p, s->phase_width, to);
                else
                    pack_phase_row(&p, &f, s->block, to);
            }
        }
    }
}

#endif
