/* Where MNIST and Fashion-MNIST lie on this machine, and their images with labels. */
#ifndef LWM_MNIST_DATA_H
#define LWM_MNIST_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "idx.h"
#include "lwm_error.h"
#include "lwm_file.h"

enum lwm_dataset { LWM_MNIST, LWM_FASHION_MNIST };
enum lwm_part { LWM_TEST /* t10k */, LWM_TRAIN };

const char *lwm_dataset_name(enum lwm_dataset set); /* "MNIST", "Fashion-MNIST" */

/* The data set of this name, as a weight file's metadata "dataset" has it; MNIST if NULL or unknown. */
enum lwm_dataset lwm_dataset_named(const char *name);

/* The folder that holds both files of `part`. With `folder` (the option --data) that one; else the one that
 * $LANEWISE_MNIST_DIR or $LANEWISE_FASHION_MNIST_DIR names; else the usual places:
 *   $XDG_CACHE_HOME/lanewise/mnist, ~/.cache/lanewise/mnist, /usr/share/datasets/mnist,
 *   /usr/local/share/datasets/mnist   (fashion-mnist likewise).
 * A folder that was named is never silently passed over: it is LWM_NOT_FOUND if the files aren't there.
 * LWM_NOT_FOUND without a name means that no usual place has them. */
int lwm_mnist_find(enum lwm_dataset set, enum lwm_part part, const char *folder, char found[LWM_PATH_MAX],
                   struct lwm_error *err);

struct lwm_mnist {
    size_t count;
    uint8_t *pixels; /* count x 28 x 28, 0 is background */
    uint8_t *labels; /* count, each 0 to 9 */
};

/* The images of a folder: {t10k,train}-images-idx3-ubyte and -labels-idx1-ubyte, also written .idx3-ubyte,
 * each with or without .gz. On failure *data is empty; lwm_mnist_free is fine on it either way. */
int lwm_mnist_load(const char *folder, enum lwm_part part, struct lwm_mnist *data, struct lwm_error *err);
void lwm_mnist_free(struct lwm_mnist *data);

#endif
