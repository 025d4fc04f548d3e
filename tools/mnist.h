/* Private to `lanewise mnist`: where things lie, and how a picture is shown. */
#ifndef LW_MNIST_H
#define LW_MNIST_H

#include <stdbool.h>
#include <stddef.h>

#include "models/mnist_data.h"

enum { MNIST_PIXELS = 28 * 28, MNIST_CLASSES = 10 };

/* What to classify: floats NCHW, and labels where they are known. */
struct mnist_input {
    size_t count;
    float *images;                /* count x 28 x 28, 0 .. 1 */
    unsigned char *labels;        /* NULL: unknown */
    char what[LWM_PATH_MAX + 64]; /* "MNIST test set in /usr/share/..." */
};

/* A file of models/ (NAME may hold a folder): beside the executable, in the install's data folder, in the
 * source tree. */
bool mnist_find_model_file(const char *name, char path[LWM_PATH_MAX]);

/* The test set of `set`: CLI_GO; CLI_GO with count 0 when no folder was named and none of the usual places
 * has it; else the exit status, said on stderr. */
int mnist_read_test_set(enum lwm_dataset set, const char *folder, struct mnist_input *input);
/* Pictures of single digits. */
int mnist_read_pictures(const char *const *paths, size_t count, struct mnist_input *input);
/* The ten digits that come with lanewise, labelled. */
int mnist_read_drawn_digits(struct mnist_input *input);
void mnist_input_free(struct mnist_input *input);

/* The picture in 14 lines of 28 characters: half blocks where the terminal's character set has them, else
 * shades. */
void mnist_draw(const float *image);
/* Ten bars; `names` are the classes' names. */
void mnist_bars(const float *probabilities, const char *const *names);
const char *const *mnist_class_names(enum lwm_dataset set);

#endif
