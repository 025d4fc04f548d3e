#include "dispatch/size.h"
#include "kernel.h"

size_t lw_tensor_floats(lw_layout layout, int64_t batch, int64_t channels, int64_t height, int64_t width) {
    if ((unsigned)layout >= LW_LAYOUT_COUNT || batch < 1 || channels < 1 || height < 1 || width < 1) return 0;
    if (layout == LW_BLOCKED) {
        if (channels > INT64_MAX - LW_BLOCK) return 0;
        channels = lw_round_up(channels, LW_BLOCK);
    }
    int64_t count = batch;
    if (!lw_multiply(&count, channels) || !lw_multiply(&count, height) || !lw_multiply(&count, width) ||
        (uint64_t)count > SIZE_MAX / sizeof(float))
        return 0;
    return (size_t)count;
}

/* In every layout the pixels of a plane are evenly spaced, so five strides say it all. */
struct strides {
    int64_t image, block, lane, pixel;
};

static struct strides strides_of(lw_layout layout, int64_t channels, int64_t pixels) {
    switch (layout) {
    case LW_NHWC:
        return (struct strides){channels * pixels, LW_BLOCK, 1, channels};
    case LW_BLOCKED:
        return (struct strides){lw_round_up(channels, LW_BLOCK) * pixels, LW_BLOCK * pixels, 1, LW_BLOCK};
    default:
        return (struct strides){channels * pixels, LW_BLOCK * pixels, pixels, 1};
    }
}

void lw_convert_layout(const float *src, lw_layout from, float *dst, lw_layout to, int64_t batch,
                       int64_t channels, int64_t height, int64_t width) {
    if (!src || !dst || !lw_tensor_floats(from, batch, channels, height, width) ||
        !lw_tensor_floats(to, batch, channels, height, width))
        return;
    int64_t pixels = height * width, blocks = lw_div_up(channels, LW_BLOCK);
    struct strides s = strides_of(from, channels, pixels), d = strides_of(to, channels, pixels);
    for (int64_t n = 0; n < batch; n++)
        for (int64_t b = 0; b < blocks; b++) {
            int64_t lanes = lw_min(LW_BLOCK, channels - b * LW_BLOCK);
            const float *sp = src + n * s.image + b * s.block;
            float *dp = dst + n * d.image + b * d.block;
            for (int64_t p = 0; p < pixels; p++) {
                for (int64_t c = 0; c < lanes; c++)
                    dp[p * d.pixel + c * d.lane] = sp[p * s.pixel + c * s.lane];
                for (int64_t c = lanes; to == LW_BLOCKED && c < LW_BLOCK; c++)
                    dp[p * d.pixel + c] = 0.0f;
            }
        }
}

const char *lw_layout_name(lw_layout layout) {
    static const char *const names[] = {[LW_NCHW] = "nchw", [LW_NHWC] = "nhwc", [LW_BLOCKED] = "blocked"};
    return (unsigned)layout < LW_LAYOUT_COUNT ? names[layout] : "?";
}
