/* Private to `lanewise mnist`: where things lie, and how a picture is shown. */
#ifndef LW_MNIST_H
#define LW_MNIST_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/ratio.h"
#include "models/mnist_cnn.h"
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

/* The model by another library, its convolutions by one of that library's rows. */
struct mnist_peer {
    const char *kernel;      /* "onednn:default" */
    char reason[256];        /* why it didn't run, or "" */
    struct bench_ratio time; /* ours over theirs; seconds are of a batch */
    double logits_rel_l2;    /* difference from ours */
};
struct mnist_peers {
    size_t count;
    struct mnist_peer *items;
};

/* Runs a batch of images by our model and by every peer, and times them in turn. CLI_GO, or the exit status
 * after one line: no peers in this build, no memory, or logits that differ from ours. */
int mnist_run_peers(struct lwm_cnn *cnn, const struct lwm_cnn_weights *weights, const float *images,
                    int64_t batch, const char *isa, struct mnist_peers *peers);

/* The model by PyTorch, in a child process that is ready to run the batch. scores: [batch][10] logits, then
 * as many probabilities. NULL: why, in one line. */
struct mnist_torch;
struct mnist_torch *mnist_torch_start(const struct lwm_cnn_weights *weights, const float *images,
                                      int64_t batch, int threads, const char *isa, float *scores,
                                      char why[256]);
void mnist_torch_run(struct mnist_torch *torch, int64_t executions);
bool mnist_torch_ended(const struct mnist_torch *torch); /* before its time: it has run nothing any more */
void mnist_torch_stop(struct mnist_torch *torch);        /* NULL is fine */

/* The picture in 14 lines of 28 characters: half blocks where the terminal's character set has them, else
 * shades. */
void mnist_draw(const float *image);
/* Ten bars; `names` are the classes' names. */
void mnist_bars(const float *probabilities, const char *const *names);
const char *const *mnist_class_names(enum lwm_dataset set);

#endif
