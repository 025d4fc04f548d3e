#include "digit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    side = 28,
    digit_side = 20,    /* of the ink's longer side, as in MNIST */
    working_side = 512, /* larger pictures are reduced first: it evens out noise and bounds the work */
    least_contrast = 16 /* of 255 */
};
static const float middle = 14.5f; /* MNIST centres its mass on pixel 14, whose middle is at 14.5 */
static const float noise = 0.25f;  /* below this part of full ink, it's paper */
static const float speck = 0.03f;  /* a component lighter than this part of the heaviest is dirt */

struct plane {
    int width, height;
    float *at; /* row by row */
};

struct box {
    int left, top, right, bottom; /* right and bottom are outside */
};

/* ---- brightness, 0 to 255 */

/* Averages over squares, so that the longer side is at most working_side. */
static bool reduce(const struct lwm_image *image, struct plane *p) {
    int longer = image->width > image->height ? image->width : image->height;
    int step = (longer + working_side - 1) / working_side;
    p->width = (image->width + step - 1) / step;
    p->height = (image->height + step - 1) / step;
    p->at = malloc((size_t)p->width * (size_t)p->height * sizeof *p->at);
    if (!p->at) return false;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            unsigned sum = 0, count = 0;
            for (int v = y * step; v < (y + 1) * step && v < image->height; v++)
                for (int u = x * step; u < (x + 1) * step && u < image->width; u++, count++)
                    sum += image->gray[(size_t)v * (size_t)image->width + (size_t)u];
            p->at[y * p->width + x] = (float)sum / (float)count;
        }
    return true;
}

/* The brightness below which `part` of the counted pixels lie. */
static float quantile(const unsigned histogram[256], float part) {
    double total = 0, sum = 0;
    for (int i = 0; i < 256; i++)
        total += histogram[i];
    for (int i = 0; i < 256; i++) {
        sum += histogram[i];
        if (sum > part * total) return (float)i;
    }
    return 255;
}

struct levels {
    float paper, darkest, lightest;
};

/* Paper is the median of the border; the extremes leave out a ten-thousandth, which dust may be. */
static struct levels measure(const struct plane *p) {
    unsigned border[256] = {0}, all[256] = {0};
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            int level = (int)(p->at[y * p->width + x] + 0.5f);
            all[level]++;
            if (x == 0 || y == 0 || x == p->width - 1 || y == p->height - 1) border[level]++;
        }
    return (struct levels){quantile(border, 0.5f), quantile(all, 0.0001f), quantile(all, 0.9999f)};
}

/* From paper to full ink: negative if ink is dark. */
static float contrast(struct levels l) {
    float dark = l.paper - l.darkest, light = l.lightest - l.paper;
    return dark > light ? -dark : light;
}

/* The median along one side of the picture. */
static float side_level(const struct plane *p, int start, int step, int count) {
    unsigned histogram[256] = {0};
    for (int i = 0; i < count; i++)
        histogram[(int)(p->at[start + i * step] + 0.5f)]++;
    return quantile(histogram, 0.5f);
}

/* Light that falls from one side makes the paper's far side darker: take the slope between opposite sides
 * out. A slope near the contrast is no light but ink along a side, as a 7 that fills its picture has. */
static void level_light(struct plane *p, float full) {
    int w = p->width, h = p->height;
    float slope_x = side_level(p, w - 1, w, h) - side_level(p, 0, w, h);
    float slope_y = side_level(p, (h - 1) * w, 1, w) - side_level(p, 0, 1, w);
    float most = 0.75f * fabsf(full);
    if (fabsf(slope_x) > most || fabsf(slope_y) > most) return;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float *v = &p->at[y * w + x];
            *v -= slope_x * (((float)x + 0.5f) / (float)w - 0.5f);
            *v -= slope_y * (((float)y + 0.5f) / (float)h - 0.5f);
            *v = fminf(fmaxf(*v, 0), 255);
        }
}

/* ---- ink, 0 to 1 */

/* False if there is too little contrast to tell ink from paper. */
static bool to_ink(struct plane *p) {
    level_light(p, contrast(measure(p)));
    struct levels l = measure(p);
    float full = contrast(l);
    if (fabsf(full) < least_contrast) return false;
    for (int i = 0; i < p->width * p->height; i++) {
        float ink = (p->at[i] - l.paper) / full;
        p->at[i] = ink < noise ? 0 : ink > 1 ? 1 : ink;
    }
    return true;
}

/* Give the component of inked pixels around `start` the number `mark`; its mass. `stack` has room for all
 * pixels. */
static float flood(const struct plane *p, int *marks, int *stack, int start, int mark) {
    float mass = 0;
    int depth = 0;
    stack[depth++] = start;
    marks[start] = mark;
    while (depth) {
        int i = stack[--depth], x = i % p->width, y = i / p->width;
        mass += p->at[i];
        for (int v = y - 1; v <= y + 1; v++)
            for (int u = x - 1; u <= x + 1; u++) {
                if (u < 0 || v < 0 || u >= p->width || v >= p->height) continue;
                int j = v * p->width + u;
                if (p->at[j] > 0 && !marks[j]) {
                    marks[j] = mark;
                    stack[depth++] = j;
                }
            }
    }
    return mass;
}

/* Dirt would widen the digit's box: drop components that are nothing beside the heaviest. */
static bool drop_specks(struct plane *p) {
    int count = p->width * p->height, components = 0;
    int *marks = calloc((size_t)count, sizeof *marks);
    int *stack = malloc((size_t)count * sizeof *stack);
    float *mass = malloc(((size_t)count + 1) * sizeof *mass);
    bool good = marks && stack && mass;
    if (good) {
        float heaviest = 0;
        for (int i = 0; i < count; i++)
            if (p->at[i] > 0 && !marks[i]) {
                components++;
                mass[components] = flood(p, marks, stack, i, components);
                if (mass[components] > heaviest) heaviest = mass[components];
            }
        for (int i = 0; i < count; i++)
            if (marks[i] && mass[marks[i]] < speck * heaviest) p->at[i] = 0;
    }
    free(marks);
    free(stack);
    free(mass);
    return good;
}

/* ---- the digit */

static struct box bounds(const struct plane *p) {
    struct box b = {p->width, p->height, 0, 0};
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++)
            if (p->at[y * p->width + x] > 0) {
                b.left = x < b.left ? x : b.left;
                b.right = x >= b.right ? x + 1 : b.right;
                b.top = y < b.top ? y : b.top;
                b.bottom = y + 1;
            }
    return b;
}

/* Mean ink over a rectangle with fractional sides; there is none outside the plane. */
static float mean_over(const struct plane *p, float left, float top, float right, float bottom) {
    int x0 = left > 0 ? (int)left : 0, x1 = right < (float)p->width ? (int)ceilf(right) : p->width;
    int y0 = top > 0 ? (int)top : 0, y1 = bottom < (float)p->height ? (int)ceilf(bottom) : p->height;
    float sum = 0;
    for (int y = y0; y < y1; y++) {
        float tall = fminf(bottom, (float)(y + 1)) - fmaxf(top, (float)y);
        for (int x = x0; x < x1; x++)
            sum += p->at[y * p->width + x] * tall * (fminf(right, (float)(x + 1)) - fmaxf(left, (float)x));
    }
    return sum / ((right - left) * (bottom - top));
}

/* Where, in the source, the digit's frame of 28 pixels begins: the mass in the middle, but all ink inside. */
static float frame_start(float mass_centre, int first, int last, float step) {
    float start = mass_centre - middle * step;
    return fmaxf(fminf(start, (float)first), (float)last - side * step);
}

/* One resampling does it all: each pixel of the frame averages its own piece of the source. */
static void place(const struct plane *p, float digit[28 * 28]) {
    struct box b = bounds(p);
    double mass = 0, mass_x = 0, mass_y = 0;
    for (int y = b.top; y < b.bottom; y++)
        for (int x = b.left; x < b.right; x++) {
            double ink = p->at[y * p->width + x];
            mass += ink;
            mass_x += ink * (x + 0.5);
            mass_y += ink * (y + 0.5);
        }
    int width = b.right - b.left, height = b.bottom - b.top;
    float step =
        (float)(width > height ? width : height) / digit_side; /* source pixels to one of the frame */
    float left = frame_start((float)(mass_x / mass), b.left, b.right, step);
    float top = frame_start((float)(mass_y / mass), b.top, b.bottom, step);

    float most = 0;
    for (int i = 0; i < side * side; i++) {
        float x = left + (float)(i % side) * step, y = top + (float)(i / side) * step;
        digit[i] = mean_over(p, x, y, x + step, y + step);
        most = fmaxf(most, digit[i]);
    }
    /* A thin pen turns pale when it is scaled down; MNIST's strokes are white in their middle. */
    for (int i = 0; i < side * side; i++)
        digit[i] /= most;
}

static bool is_mnist_already(const struct lwm_image *image) {
    if (image->width != side || image->height != side) return false;
    unsigned border[256] = {0};
    int most = 0;
    for (int i = 0; i < side * side; i++) {
        int x = i % side, y = i / side;
        if (x == 0 || y == 0 || x == side - 1 || y == side - 1) border[image->gray[i]]++;
        most = image->gray[i] > most ? image->gray[i] : most;
    }
    return quantile(border, 0.5f) < least_contrast && most >= least_contrast;
}

int lwm_image_to_mnist(const struct lwm_image *image, const char *name, float digit[28 * 28],
                       struct lwm_error *err) {
    if (is_mnist_already(image)) {
        for (int i = 0; i < side * side; i++)
            digit[i] = (float)image->gray[i] / 255;
        return LWM_OK;
    }
    struct plane p = {0};
    int status = LWM_OK;
    if (!reduce(image, &p))
        status = lwm_fail(err, LWM_NO_MEMORY, name, "not enough memory");
    else if (!to_ink(&p))
        status = lwm_fail(err, LWM_BAD, name, "the picture is blank: no ink differs from its background");
    else if (!drop_specks(&p))
        status = lwm_fail(err, LWM_NO_MEMORY, name, "not enough memory");
    else
        place(&p, digit);
    free(p.at);
    return status;
}
