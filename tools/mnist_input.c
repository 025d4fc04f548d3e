/* Test sets, pictures and the ten drawn digits: see mnist.h. */
#include "mnist.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "models/digit.h"

/* ---- files that come with lanewise --------------------------------------------------------------------- */

static bool beside_executable(const char *between, const char *name, char path[LWM_PATH_MAX]) {
    char exe[LWM_PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (length <= 0) return false;
    exe[length] = 0;
    char *slash = strrchr(exe, '/');
    if (!slash) return false;
    *slash = 0;
    return snprintf(path, LWM_PATH_MAX, "%s%s/%s", exe, between, name) < LWM_PATH_MAX && lwm_is_file(path);
}

bool mnist_find_model_file(const char *name, char path[LWM_PATH_MAX]) {
    /* An install that was moved still finds its own; a build finds the tree it was built from. */
    static const char *const near[] = {"", "/models", "/../share/lanewise", "/../models"};
    for (size_t i = 0; i < CLI_COUNT(near); i++) {
        if (beside_executable(near[i], name, path)) return true;
    }
    static const char *const built_in[] = {LW_SOURCE_DIR "/models", LW_DATA_DIR};
    for (size_t i = 0; i < CLI_COUNT(built_in); i++) {
        if (snprintf(path, LWM_PATH_MAX, "%s/%s", built_in[i], name) < LWM_PATH_MAX && lwm_is_file(path))
            return true;
    }
    return false;
}

/* ---- inputs -------------------------------------------------------------------------------------------- */

static bool make_room(struct mnist_input *input, size_t count, bool labelled) {
    input->images = malloc(count * MNIST_PIXELS * sizeof *input->images);
    input->labels = labelled ? malloc(count) : NULL;
    input->count = count;
    return input->images && (input->labels || !labelled);
}

void mnist_input_free(struct mnist_input *input) {
    free(input->images);
    free(input->labels);
    *input = (struct mnist_input){0};
}

int mnist_read_test_set(enum lwm_dataset set, const char *folder, struct mnist_input *input) {
    struct lwm_error err = {0};
    char found[LWM_PATH_MAX];
    static const char *const variable[] = {"LANEWISE_MNIST_DIR", "LANEWISE_FASHION_MNIST_DIR"};
    const char *named = getenv(variable[set == LWM_FASHION_MNIST]);
    int status = lwm_mnist_find(set, LWM_TEST, folder, found, &err);
    if (status == LWM_NOT_FOUND && !folder && !(named && *named)) return CLI_GO;
    if (status != LWM_OK) return cli_fail(LW_EXIT_USAGE, "%s", err.text);
    struct lwm_mnist data;
    if (lwm_mnist_load(found, LWM_TEST, &data, &err) != LWM_OK)
        return cli_fail(err.status == LWM_NO_MEMORY ? LW_EXIT_IMPOSSIBLE : LW_EXIT_USAGE, "%s", err.text);
    bool good = make_room(input, data.count, true);
    for (size_t i = 0; good && i < data.count * MNIST_PIXELS; i++)
        input->images[i] = (float)data.pixels[i] / 255.0f;
    if (good) memcpy(input->labels, data.labels, data.count);
    lwm_mnist_free(&data);
    snprintf(input->what, sizeof input->what, "%s test set in %s", lwm_dataset_name(set), found);
    return good ? CLI_GO : cli_fail(LW_EXIT_IMPOSSIBLE, "no memory for the images");
}

static int read_picture(const char *path, float *digit) {
    struct lwm_error err = {0};
    struct lwm_image image;
    int status = lwm_image_read(path, &image, &err);
    if (status == LWM_OK) status = lwm_image_to_mnist(&image, path, digit, &err);
    lwm_image_free(&image);
    if (status == LWM_OK) return CLI_GO;
    return cli_fail(status == LWM_NO_MEMORY ? LW_EXIT_IMPOSSIBLE : LW_EXIT_USAGE, "%s", err.text);
}

int mnist_read_pictures(const char *const *paths, size_t count, struct mnist_input *input) {
    if (!make_room(input, count, false))
        return cli_fail(LW_EXIT_IMPOSSIBLE, "no memory for %zu pictures", count);
    for (size_t i = 0; i < count; i++) {
        int status = read_picture(paths[i], input->images + i * MNIST_PIXELS);
        if (status != CLI_GO) return status;
    }
    snprintf(input->what, sizeof input->what, "%zu picture%s", count, count == 1 ? "" : "s");
    return CLI_GO;
}

int mnist_read_drawn_digits(struct mnist_input *input) {
    if (!make_room(input, MNIST_CLASSES, true))
        return cli_fail(LW_EXIT_IMPOSSIBLE, "no memory for ten pictures");
    for (int i = 0; i < MNIST_CLASSES; i++) {
        char name[16], path[LWM_PATH_MAX];
        snprintf(name, sizeof name, "digits/%d.png", i);
        if (!mnist_find_model_file(name, path))
            return cli_fail(LW_EXIT_USAGE,
                            "no MNIST data found (--data DIR or LANEWISE_MNIST_DIR), and no models/%s", name);
        int status = read_picture(path, input->images + i * MNIST_PIXELS);
        if (status != CLI_GO) return status;
        input->labels[i] = (unsigned char)i;
    }
    snprintf(input->what, sizeof input->what,
             "ten digits drawn for lanewise (no MNIST data found; see --data)");
    return CLI_GO;
}

/* ---- drawing ------------------------------------------------------------------------------------------- */

static bool has_utf8(void) { return strcmp(nl_langinfo(CODESET), "UTF-8") == 0; }

void mnist_draw(const float *image) {
    static const char *const half_blocks[] = {" ", "\u2580", "\u2584",
                                              "\u2588"}; /* none, upper, lower, both */
    static const char shades[] = " .:-=+*#%@";
    bool utf8 = has_utf8();
    for (int y = 0; y < 28; y += 2) {
        printf("  ");
        for (int x = 0; x < 28; x++) {
            float upper = image[y * 28 + x], lower = image[(y + 1) * 28 + x];
            if (utf8)
                fputs(half_blocks[(upper > 0.4f) + 2 * (lower > 0.4f)], stdout);
            else
                putchar(shades[(int)((upper + lower) * 0.5f * 9.99f)]);
        }
        putchar('\n');
    }
}

void mnist_bars(const float *probabilities, const char *const *names) {
    bool utf8 = has_utf8();
    int best = 0, widest = 0;
    for (int i = 0; i < MNIST_CLASSES; i++) {
        if (probabilities[i] > probabilities[best]) best = i;
        if ((int)strlen(names[i]) > widest) widest = (int)strlen(names[i]);
    }
    for (int i = 0; i < MNIST_CLASSES; i++) {
        int filled = (int)(probabilities[i] * 40 + 0.5f);
        printf("  %c %-*s %6.2f%% ", i == best ? '>' : ' ', widest, names[i], 100 * (double)probabilities[i]);
        for (int k = 0; k < filled; k++)
            fputs(utf8 ? "\u2588" : "#", stdout);
        putchar('\n');
    }
}

const char *const *mnist_class_names(enum lwm_dataset set) {
    static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    static const char *const clothes[] = {"T-shirt", "trousers", "pullover", "dress", "coat",
                                          "sandal",  "shirt",    "sneaker",  "bag",   "ankle boot"};
    return set == LWM_FASHION_MNIST ? clothes : digits;
}
