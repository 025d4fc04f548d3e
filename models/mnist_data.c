#include "mnist_data.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *folder, *variable;
} sets[] = {
    [LWM_MNIST] = {"MNIST", "mnist", "LANEWISE_MNIST_DIR"},
    [LWM_FASHION_MNIST] = {"Fashion-MNIST", "fashion-mnist", "LANEWISE_FASHION_MNIST_DIR"},
};

/* Each file is spelled in two ways: the original one, and that of some archives. */
static const char *const image_names[2][2] = {
    [LWM_TEST] = {"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"},
    [LWM_TRAIN] = {"train-images-idx3-ubyte", "train-images.idx3-ubyte"},
};
static const char *const label_names[2][2] = {
    [LWM_TEST] = {"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"},
    [LWM_TRAIN] = {"train-labels-idx1-ubyte", "train-labels.idx1-ubyte"},
};

const char *lwm_dataset_name(enum lwm_dataset set) { return sets[set].name; }

enum lwm_dataset lwm_dataset_named(const char *name) {
    return name && strcmp(name, sets[LWM_FASHION_MNIST].name) == 0 ? LWM_FASHION_MNIST : LWM_MNIST;
}

static bool find_file(char path[LWM_PATH_MAX], const char *folder, const char *const names[2]) {
    static const char *const suffixes[] = {"", ".gz"};
    for (int n = 0; n < 2; n++)
        for (int s = 0; s < 2; s++)
            if (lwm_join(path, folder, names[n], suffixes[s]) && lwm_is_file(path)) return true;
    return false;
}

static bool holds(const char *folder, enum lwm_part part) {
    char path[LWM_PATH_MAX];
    return find_file(path, folder, image_names[part]) && find_file(path, folder, label_names[part]);
}

/* What a folder that was named lacks. */
static int missing(const char *folder, enum lwm_part part, struct lwm_error *err) {
    char path[LWM_PATH_MAX];
    if (!lwm_is_folder(folder)) return lwm_fail(err, LWM_NOT_FOUND, folder, "no such folder");
    const char *const *names =
        find_file(path, folder, image_names[part]) ? label_names[part] : image_names[part];
    return lwm_fail(err, LWM_NOT_FOUND, folder, "has no %s or %s.gz", names[0], names[0]);
}

int lwm_mnist_find(enum lwm_dataset set, enum lwm_part part, const char *folder, char found[LWM_PATH_MAX],
                   struct lwm_error *err) {
    if (!folder) {
        const char *named = getenv(sets[set].variable);
        folder = named && *named ? named : NULL;
    }
    if (folder) {
        if (strlen(folder) >= LWM_PATH_MAX)
            return lwm_fail(err, LWM_NOT_FOUND, folder, "the path is too long");
        if (!holds(folder, part)) return missing(folder, part, err);
        strcpy(found, folder);
        return LWM_OK;
    }

    const struct {
        const char *root, *below;
    } places[] = {{getenv("XDG_CACHE_HOME"), "lanewise/"},
                  {getenv("HOME"), ".cache/lanewise/"},
                  {"/usr/share/datasets", ""},
                  {"/usr/local/share/datasets", ""}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].root && *places[i].root &&
            lwm_join(found, places[i].root, places[i].below, sets[set].folder) && holds(found, part))
            return LWM_OK;
    return lwm_fail(
        err, LWM_NOT_FOUND, sets[set].name,
        "not found in ~/.cache/lanewise/%s or /usr/share/datasets/%s; --data or $%s may name its folder",
        sets[set].folder, sets[set].folder, sets[set].variable);
}

int lwm_mnist_load(const char *folder, enum lwm_part part, struct lwm_mnist *data, struct lwm_error *err) {
    *data = (struct lwm_mnist){0};
    char images[LWM_PATH_MAX], labels[LWM_PATH_MAX];
    if (!find_file(images, folder, image_names[part]) || !find_file(labels, folder, label_names[part]))
        return missing(folder, part, err);

    size_t label_count = 0;
    int status = lwm_idx_images(images, &data->pixels, &data->count, err);
    if (status == LWM_OK) status = lwm_idx_labels(labels, &data->labels, &label_count, err);
    if (status == LWM_OK && label_count != data->count)
        status = lwm_fail(err, LWM_BAD, labels, "has %zu labels, but there are %zu images", label_count,
                          data->count);
    if (status != LWM_OK) lwm_mnist_free(data);
    return status;
}

void lwm_mnist_free(struct lwm_mnist *data) {
    free(data->pixels);
    free(data->labels);
    *data = (struct lwm_mnist){0};
}
