/* The pictures that models/ reads, and digits made of them. */
#include "model_files.h"
#include "models/digit.h"
#include "models/image.h"

TestSuite(image, .init = make_folder, .fini = remove_folder);
TestSuite(digit, .init = make_folder, .fini = remove_folder);

/* ---- pictures */

static size_t put_chunk(unsigned char *to, const char *kind, const void *data, size_t size) {
    for (int b = 0; b < 4; b++)
        to[b] = (unsigned char)(size >> (24 - 8 * b));
    memcpy(to + 4, kind, 4);
    if (size) memcpy(to + 8, data, size);
    uLong crc = crc32(0, to + 4, (uInt)size + 4);
    for (int b = 0; b < 4; b++)
        to[8 + size + (size_t)b] = (unsigned char)(crc >> (24 - 8 * b));
    return size + 12;
}

enum { GRAY = 0, RGB = 2, PALETTE = 3, RGBA = 6 };

/* A PNG of these rows, each with its filter byte; returns its length, at most 4096. */
static size_t png_bytes(unsigned char *to, unsigned width, unsigned height, int depth, int colour,
                        const void *rows, size_t size) {
    unsigned char header[13] = {0}, packed[2048];
    for (int b = 0; b < 4; b++) {
        header[b] = (unsigned char)(width >> (24 - 8 * b));
        header[4 + b] = (unsigned char)(height >> (24 - 8 * b));
    }
    header[8] = (unsigned char)depth;
    header[9] = (unsigned char)colour;
    memcpy(to, "\x89PNG\r\n\x1a\n", 8);
    size_t used = 8 + put_chunk(to + 8, "IHDR", header, 13);
    if (colour == PALETTE) {
        used += put_chunk(to + used, "PLTE", (const unsigned char[]){0, 0, 0, 0, 0, 0, 255, 255, 255}, 9);
        used += put_chunk(to + used, "tRNS", (const unsigned char[]){255, 0}, 2);
    }
    uLongf packed_size = sizeof packed;
    cr_assert_eq(compress(packed, &packed_size, rows, size), Z_OK);
    used += put_chunk(to + used, "IDAT", packed, packed_size);
    return used + put_chunk(to + used, "IEND", NULL, 0);
}

static void refuse_image(const char *what) {
    struct lwm_error err = {0};
    struct lwm_image image;
    cr_expect_eq(lwm_image_read(path, &image, &err), LWM_BAD, "accepted; expected an error: %s", what);
    cr_expect_null(image.gray);
    check_error(&err, what);
}

/* The two by one pixels of the file written last. */
static void expect_pair(const char *what, int first, int second) {
    struct lwm_error err = {0};
    struct lwm_image image;
    cr_assert_eq(lwm_image_read(path, &image, &err), LWM_OK, "%s: %s", what, err.text);
    cr_assert(image.width == 2 && image.height == 1, "%s", what);
    cr_expect_eq(image.gray[0], first, "%s: %d", what, image.gray[0]);
    cr_expect_eq(image.gray[1], second, "%s: %d", what, image.gray[1]);
    lwm_image_free(&image);
}

CASE(image, png_of_every_kind) {
    static const struct {
        const char *what;
        int depth, colour;
        unsigned char row[17];
        size_t size;
        int first, second;
    } kinds[] = {
        {"1 bit", 1, GRAY, {0, 0x40}, 2, 0, 255},
        {"8 bits", 8, GRAY, {0, 7, 200}, 3, 7, 200},
        {"16 bits", 16, GRAY, {0, 7, 7, 200, 200}, 5, 7, 200},
        {"colour", 8, RGB, {0, 9, 9, 9, 255, 255, 255}, 7, 9, 255},
        {"palette: black; black but transparent", 8, PALETTE, {0, 0, 1}, 3, 0, 255},
        {"alpha: black; black but transparent", 8, RGBA, {0, 0, 0, 0, 255, 0, 0, 0, 0}, 9, 0, 255},
        {"16 bits, alpha", 16, RGBA, {0, 0, 0, 0, 0, 0, 0, 255, 255}, 17, 0, 255},
    };
    unsigned char bytes[4096];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t size = png_bytes(bytes, 2, 1, kinds[i].depth, kinds[i].colour, kinds[i].row, kinds[i].size);
        write_file("p.png", bytes, size);
        expect_pair(kinds[i].what, kinds[i].first, kinds[i].second);
    }
}

CASE(image, png_cut_anywhere_or_changed) {
    unsigned char bytes[4096], rows[8 * 9];
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = i % 9 ? (unsigned char)(i * 37) : 0;
    size_t size = png_bytes(bytes, 8, 8, 8, GRAY, rows, sizeof rows);
    for (size_t cut = 0; cut < size; cut++) {
        write_file("p.png", bytes, cut);
        refuse_image("");
    }
    for (size_t i = 0; i < size; i++) { /* each byte is the signature's, a length, or under a checksum */
        bytes[i] ^= 0x04;
        write_file("p.png", bytes, size);
        refuse_image("");
        bytes[i] ^= 0x04;
    }
    write_file("p.png", bytes, size);
    struct lwm_image image;
    cr_expect_eq(lwm_image_read(path, &image, NULL), LWM_OK);
    lwm_image_free(&image);
}

CASE(image, png_lies) {
    unsigned char bytes[4096];
    const unsigned char row[] = {0, 1, 2};
    write_file("p.png", bytes, png_bytes(bytes, 16385, 1, 8, GRAY, row, sizeof row));
    refuse_image("16385x1");
    write_file("p.png", bytes, png_bytes(bytes, 16384, 16384, 8, GRAY, row, sizeof row));
    refuse_image("in all");
    write_file("p.png", bytes, png_bytes(bytes, 0x7fffffff, 0x7fffffff, 8, GRAY, row, sizeof row));
    refuse_image("");
    write_file("p.png", bytes, png_bytes(bytes, 0, 1, 8, GRAY, row, sizeof row));
    refuse_image("");
    write_file("p.png", bytes, png_bytes(bytes, 2, 1, 3, GRAY, row, sizeof row));
    refuse_image("");
    write_file("p.png", bytes, png_bytes(bytes, 2, 9, 8, GRAY, row, sizeof row)); /* too few rows */
    refuse_image("");
    write_file("p.gif", "GIF89a..", 8);
    refuse_image("neither");
    write_file("p.png", "", 0);
    refuse_image("is empty");
}

static void write_text(const char *text) { write_file("p.pgm", text, strlen(text)); }

CASE(image, pgm) {
    write_text("P2\n# a comment\n2 1 # another\n100\n0 100");
    expect_pair("P2", 0, 255);
    write_text("P2 2 1 65535 32768\n65535\n\n");
    expect_pair("P2, 16 bits", 128, 255);
    write_file("p.pgm", "P5 2 1 255\n\x07\n", 13);
    expect_pair("P5", 7, '\n');
    write_file("p.pgm", "P5 2 1 65535\n\x80\x00\xff\xff", 17);
    expect_pair("P5, 16 bits", 128, 255);
}

CASE(image, bad_pgm) {
    static const struct {
        const char *text, *what;
    } bad[] = {
        {"P2", "header"},
        {"P2 2", "header"},
        {"P2 2 1", "header"},
        {"P2 -2 1 255 0 0", "header"},
        {"P2 99999999999999999999 1 255 0", "header"},
        {"P2 2 1 0 0 0", "value of white is 0"},
        {"P2 2 1 65536 0 0", "value of white is 65536"},
        {"P2 0 1 255 0", "0x1"},
        {"P2 16385 1 255 0", "16385x1"},
        {"P2 16384 16384 255 0", "in all"},
        {"P2 2 1 255", "ends at pixel 0 of 2"},
        {"P2 2 1 255 7", "ends at pixel 1 of 2"},
        {"P2 2 1 255 7 x", "no number at pixel 1"},
        {"P2 2 1 100 7 101", "pixel 1 is 101"},
        {"P2 2 1 255 7 8 9", "more follows"},
        {"P2 2 1 255x7 8", "no white space"},
        {"P5 2 1 255", "ends at pixel 0 of 2"},
        {"P5 2 1 255 a", "ends at pixel 1 of 2"},
        {"P5 2 1 255 abc", "more follows"},
        {"P5 2 1 65535 abc", "ends at pixel 1 of 2"},
        {"P5 2 1 9 aa", "pixel 0 is 97"},
        {"P6 2 1 255 abcdef", "neither"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(bad[i].text);
        refuse_image(bad[i].what);
    }
}

/* ---- digits */

static void centre_of_mass(const float digit[784], float *x, float *y) {
    float mass = 0;
    *x = *y = 0;
    for (int i = 0; i < 784; i++) {
        mass += digit[i];
        *x += digit[i] * (float)(i % 28);
        *y += digit[i] * (float)(i / 28);
    }
    *x /= mass;
    *y /= mass;
}

/* As MNIST's: 0 to 1, 20 pixels on the longer side (a pixel more where it falls between two), centred. */
static void expect_like_mnist(const char *name, const float digit[784]) {
    float x, y, least = 1, most = 0;
    int left = 28, right = -1, top = 28, bottom = -1;
    for (int i = 0; i < 784; i++) {
        least = fminf(least, digit[i]);
        most = fmaxf(most, digit[i]);
        if (digit[i] > 0) {
            left = i % 28 < left ? i % 28 : left;
            right = i % 28 > right ? i % 28 : right;
            top = i / 28 < top ? i / 28 : top;
            bottom = i / 28;
        }
    }
    int longer = right - left > bottom - top ? right - left + 1 : bottom - top + 1;
    cr_expect(longer >= 20 && longer <= 21, "%s: %d pixels", name, longer);
    cr_expect(least == 0 && most == 1, "%s: %g to %g", name, (double)least, (double)most);
    centre_of_mass(digit, &x, &y);
    cr_expect(fabsf(x - 14) < 0.5f && fabsf(y - 14) < 0.5f, "%s: mass at %g, %g", name, (double)x, (double)y);
}

CASE(digit, the_ten_drawn_ones) {
    for (int d = 0; d < 10; d++) {
        struct lwm_error err = {0};
        struct lwm_image image;
        float digit[784], inverted[784];
        char name[512];
        snprintf(name, sizeof name, "%s/models/digits/%d.png", LW_SOURCE_DIR, d);
        cr_assert_eq(lwm_image_read(name, &image, &err), LWM_OK, "%s", err.text);
        cr_assert_eq(lwm_image_to_mnist(&image, name, digit, &err), LWM_OK, "%s", err.text);
        expect_like_mnist(name, digit);

        /* The same with light ink on dark paper, and dirt in a corner. */
        for (int i = 0; i < image.width * image.height; i++)
            image.gray[i] = (uint8_t)(255 - image.gray[i]);
        image.gray[3 * image.width + 3] = 255;
        cr_assert_eq(lwm_image_to_mnist(&image, name, inverted, &err), LWM_OK, "%s", err.text);
        for (int i = 0; i < 784; i++)
            cr_expect_float_eq(inverted[i], digit[i], 1e-5f);
        lwm_image_free(&image);
    }
}

CASE(digit, light_from_one_side) {
    struct lwm_error err = {0};
    struct lwm_image image;
    float even[784], lit[784], apart = 0;
    static const char name[] = LW_SOURCE_DIR "/models/digits/5.png";
    cr_assert_eq(lwm_image_read(name, &image, &err), LWM_OK, "%s", err.text);
    cr_assert_eq(lwm_image_to_mnist(&image, name, even, &err), LWM_OK, "%s", err.text);
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < image.width; x++) {
            uint8_t *v = &image.gray[y * image.width + x];
            *v = (uint8_t)(*v * 2 / 3 + 80 * x / image.width - 40 * y / image.height * *v / 255);
        }
    cr_assert_eq(lwm_image_to_mnist(&image, name, lit, &err), LWM_OK, "%s", err.text);
    expect_like_mnist(name, lit);
    for (int i = 0; i < 784; i++)
        apart += fabsf(lit[i] - even[i]) / 784;
    cr_expect(apart < 0.03f, "%g", (double)apart);
    lwm_image_free(&image);
}

CASE(digit, of_any_size) {
    static const int sizes[][2] = {{28, 28}, {3, 3}, {40, 30}, {1000, 700}, {20, 3000}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int w = sizes[s][0], h = sizes[s][1];
        struct lwm_image image = {w, h, malloc((size_t)(w * h))};
        float digit[784];
        char name[32];
        snprintf(name, sizeof name, "%dx%d", w, h);
        memset(image.gray, 240, (size_t)(w * h));
        for (int y = h / 3; y < h - h / 3; y++)
            for (int x = w / 3; x < w - w / 3; x++)
                image.gray[y * w + x] = 20;
        cr_expect_eq(lwm_image_to_mnist(&image, name, digit, NULL), LWM_OK);
        expect_like_mnist(name, digit);
        lwm_image_free(&image);
    }
}

CASE(digit, mnist_is_taken_as_it_is) {
    struct lwm_image image = {28, 28, calloc(784, 1)};
    float digit[784];
    for (int i = 300; i < 320; i++)
        image.gray[i] = (uint8_t)(i - 200);
    cr_expect_eq(lwm_image_to_mnist(&image, "x", digit, NULL), LWM_OK);
    for (int i = 0; i < 784; i++)
        cr_expect_eq(digit[i], (float)image.gray[i] / 255);
    lwm_image_free(&image);
}

CASE(digit, blank_pictures) {
    static const int sizes[] = {1, 2, 28, 300};
    strcpy(path, "/blank");
    for (int s = 0; s < 4; s++)
        for (int level = 0; level < 256; level += 51) {
            int n = sizes[s];
            struct lwm_image image = {n, n, malloc((size_t)(n * n))};
            struct lwm_error err = {0};
            float digit[784];
            memset(image.gray, level, (size_t)(n * n));
            cr_expect_eq(lwm_image_to_mnist(&image, "blank", digit, &err), LWM_BAD);
            check_error(&err, "blank");
            lwm_image_free(&image);
        }
}
