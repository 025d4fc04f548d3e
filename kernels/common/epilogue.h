/* The tail of a convolution: rows of output pixels, channels last, become rows of the destination in its
 * layout, with the 2x2 max pool and ReLU on the way. */
#ifndef LW_EPILOGUE_H
#define LW_EPILOGUE_H

/* Where a run of channels of one image row goes. */
struct out_row {
    float *dst; /* the image's first float */
    lw_layout layout;
    int64_t channels, height, width; /* of the whole destination image */
    int64_t c, count;                /* the run of channels */
    int64_t y;
    bool relu;
};

/* 2x2 max pool of two rows [width][stride] of `vectors` vectors a pixel, in place into the first: width/2
 * pixels. */
static void pool_rows(float *upper, const float *lower, int64_t width, int64_t stride, int vectors) {
    for (int64_t x = 0; x < width / 2; x++) {
        const float *u = upper + 2 * x * stride, *l = lower + 2 * x * stride;
        for (int v = 0; v < vectors; v++, u += VL, l += VL) {
            vf m = v_max_keep(v_load(u), v_load(u + stride));
            m = v_max_keep(v_max_keep(m, v_load(l)), v_load(l + stride));
            v_store(upper + x * stride + v * VL, m);
        }
    }
}

static void relu_row(float *row, int64_t floats) {
    for (int64_t i = 0; i < floats; i += VL) {
        vf a = v_load(row + i);
        v_relu(&a, 1);
        v_store(row + i, a);
    }
}

static void store_row_nhwc(const struct out_row *o, const float *row, int64_t stride) {
    float *dst = o->dst + o->y * o->width * o->channels + o->c;
    for (int64_t x = 0; x < o->width; x++, row += stride, dst += o->channels) {
        int64_t c = 0;
        for (; c + VL <= o->count; c += VL)
            v_store(dst + c, v_load(row + c));
        if (c < o->count) v_store_n(dst + c, v_load(row + c), (int)(o->count - c));
    }
}

/* A run that starts inside a vector or ends inside a block, whose other channels are another group's. */
static void store_row_lanes(const struct out_row *o, const float *row, int64_t stride, int64_t c,
                            int64_t end) {
    for (; c < end; c++) {
        const int64_t channel = o->c + c;
        float *dst =
            o->dst + ((channel / LW_BLOCK * o->height + o->y) * o->width) * LW_BLOCK + channel % LW_BLOCK;
        for (int64_t x = 0; x < o->width; x++)
            dst[x * LW_BLOCK] = c < o->count ? row[x * stride + c] : 0.0f;
    }
}

/* The lanes behind the last channel become zeros. */
static void store_row_blocked(const struct out_row *o, const float *row, int64_t stride) {
    const bool last = o->c + o->count == o->channels;
    const int64_t end = last ? lw_round_up(o->channels, LW_BLOCK) - o->c : o->count;
    int64_t c = 0;
    for (; o->c % VL == 0 && c + VL <= end; c += VL) {
        const int64_t channel = o->c + c;
        const int n = (int)lw_max(0, lw_min(VL, o->count - c));
        float *dst =
            o->dst + ((channel / LW_BLOCK * o->height + o->y) * o->width) * LW_BLOCK + channel % LW_BLOCK;
        const float *from = n > 0 ? row + c : row;
        if (n == VL)
            for (int64_t x = 0; x < o->width; x++)
                v_store(dst + x * LW_BLOCK, v_load(from + x * stride));
        else
            for (int64_t x = 0; x < o->width; x++)
                v_store(dst + x * LW_BLOCK, v_load_n(from + x * stride, n));
    }
    store_row_lanes(o, row, stride, c, end);
}

/* VL pixels of VL channels at a time, transposed in registers. The last ones overlap those before. */
static void store_row_nchw(const struct out_row *o, const float *row, int64_t stride) {
    const int64_t plane = o->height * o->width;
    const int pixels = (int)lw_min(VL, o->width);
    for (int64_t c = 0; c < o->count; c += VL) {
        float *dst = o->dst + (o->c + c) * plane + o->y * o->width;
        const int channels = (int)lw_min(VL, o->count - c);
        for (int64_t begin = 0; begin < o->width; begin += VL) {
            const int64_t x = lw_min(begin, o->width - pixels);
            vf r[VL];
            LW_UNROLL
            for (int i = 0; i < VL; i++)
                r[i] = v_load(row + (x + (i < pixels ? i : 0)) * stride + c);
            v_transpose(r);
            LW_UNROLL
            for (int i = 0; i < VL; i++)
                if (i < channels) {
                    if (pixels == VL)
                        v_store(dst + i * plane + x, r[i]);
                    else
                        v_store_n(dst + i * plane + x, r[i], pixels);
                }
        }
    }
}

/* Stores one row of o->width pixels, each `stride` floats (a multiple of VL) of which o->count count. */
static void store_row(const struct out_row *o, float *row, int64_t stride) {
    if (o->relu) relu_row(row, o->width * stride);
    if (o->layout == LW_NHWC)
        store_row_nhwc(o, row, stride);
    else if (o->layout == LW_BLOCKED)
        store_row_blocked(o, row, stride);
    else
        store_row_nchw(o, row, stride);
}

#endif
