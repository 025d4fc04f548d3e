/* lanewise mnist: the assembled model on a test set, or on pictures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/crowding.h"
#include "bench/energy.h"
#include "bench/peak.h"
#include "bench/peers/peer.h"
#include "cli.h"
#include "commands.h"
#include "mnist.h"
#include "models/mnist_cnn.h"
#include "npy.h"

#define WARM_UP_SECONDS 0.1
#define TIMED_SECONDS   1.0
#define PICTURE_SECONDS 0.1 /* pictures are about their digits */
#define BUSY_SHARE      0.85
#define PEAK_SECONDS    0.2
#define LOOK_SECONDS    100e-6 /* from one look at the core's other thread to the next, at least */
#define ALONE_SHARE     0.95   /* of the batches: nothing to tell of the others */

struct mnist_options {
    struct cli_shared shared;
    const char *weights, *data, *logits;
    int64_t batch, images; /* images: the first so many, 0 all */
    bool peers;
    struct cli_strings pictures;
    char kernel_list[512]; /* --kernel, cut into names */
    struct lwm_cnn_options cnn;
};

struct mnist_run {
    struct lwm_safetensors *file;
    enum lwm_dataset set;
    char weights_path[LWM_PATH_MAX];
    struct lwm_cnn_weights weights;
    struct lwm_cnn *cnn;
    struct mnist_input input;
    float *probabilities, *logits;
    double us_per_image, peak_gflops; /* of all threads used */
    double uj_per_image;              /* energy; NAN: it can't be read */
    double cpu_share; /* of the time measured, the part in which the threads had their cores */
    double alone_us_per_image, alone_share; /* of batches that had the core to themselves; NAN: not known */
    size_t correct;
    struct mnist_peers peers;
};

static int best_class(const float *probabilities) {
    int best = 0;
    for (int i = 1; i < MNIST_CLASSES; i++) {
        if (probabilities[i] > probabilities[best]) best = i;
    }
    return best;
}

/* ---- preparing ----------------------------------------------------------------------------------------- */

/* conv1=NAME,conv2=NAME */
static int read_kernels(struct mnist_options *o) {
    if (!o->shared.kernel) return CLI_GO;
    if (strlen(o->shared.kernel) >= sizeof o->kernel_list)
        return cli_fail(LW_EXIT_USAGE, "--kernel: too long");
    strcpy(o->kernel_list, o->shared.kernel);
    for (char *item = strtok(o->kernel_list, ","); item; item = strtok(NULL, ",")) {
        char *name = strchr(item, '=');
        int layer = 0;
        if (name) *name++ = 0;
        while (layer < LWM_CNN_LAYERS && strcmp(item, lwm_cnn_layer_names[layer]) != 0)
            layer++;
        if (!name || !*name || layer == LWM_CNN_LAYERS)
            return cli_fail(LW_EXIT_USAGE,
                            "--kernel %s: LAYER=NAME,... with layers conv1, conv2, fc, softmax",
                            o->shared.kernel);
        o->cnn.kernel[layer] = name;
    }
    return CLI_GO;
}

static int open_weights(const struct mnist_options *o, struct mnist_run *r) {
    struct lwm_error err = {0};
    if (o->weights) {
        if (strlen(o->weights) >= sizeof r->weights_path)
            return cli_fail(LW_EXIT_USAGE, "--weights: path too long");
        strcpy(r->weights_path, o->weights);
    } else if (!mnist_find_model_file("mnist.safetensors", r->weights_path)) {
        return cli_fail(LW_EXIT_USAGE, "models/mnist.safetensors not found; --weights FILE names another");
    }
    if (lwm_safetensors_open(r->weights_path, &r->file, &err) != LWM_OK ||
        lwm_cnn_weights(r->file, &r->weights, &err) != LWM_OK)
        return cli_fail(err.status == LWM_NO_MEMORY ? LW_EXIT_IMPOSSIBLE : LW_EXIT_USAGE, "%s", err.text);
    r->set = lwm_dataset_named(lwm_safetensors_metadata(r->file, "dataset"));
    return CLI_GO;
}

static int read_input(const struct mnist_options *o, struct mnist_run *r) {
    if (o->pictures.count) return mnist_read_pictures(o->pictures.items, o->pictures.count, &r->input);
    int status = mnist_read_test_set(r->set, o->data, &r->input);
    if (status != CLI_GO) return status;
    if (!r->input.count && r->set == LWM_MNIST) status = mnist_read_drawn_digits(&r->input);
    if (o->images && (size_t)o->images < r->input.count) r->input.count = (size_t)o->images;
    if (status != CLI_GO || r->input.count) return status;
    return cli_fail(LW_EXIT_USAGE,
                    "no %s test set found: name its folder with --data (Debian: dataset-fashion-mnist)",
                    lwm_dataset_name(r->set));
}

static int prepare(struct mnist_options *o, struct mnist_run *r) {
    int status = open_weights(o, r);
    if (status == CLI_GO) status = read_input(o, r);
    if (status != CLI_GO) return status;
    lw_error err = {0};
    if (lwm_cnn_create(&r->cnn, &r->weights, &o->cnn, &err) != LW_OK) return cli_fail_error(&err, NULL);
    r->probabilities = calloc(r->input.count * MNIST_CLASSES, sizeof(float));
    r->logits = calloc(r->input.count * MNIST_CLASSES, sizeof(float));
    if (r->probabilities && r->logits) return CLI_GO;
    return cli_fail(LW_EXIT_IMPOSSIBLE, "no memory for the results");
}

static void free_run(struct mnist_run *r) {
    lwm_cnn_destroy(r->cnn);
    lwm_safetensors_close(r->file);
    mnist_input_free(&r->input);
    free(r->probabilities);
    free(r->logits);
    free(r->peers.items);
}

/* ---- classifying and timing ---------------------------------------------------------------------------- */

static void classify(const struct mnist_options *o, struct mnist_run *r) {
    size_t batch = (size_t)o->batch;
    for (size_t i = 0; i < r->input.count; i += batch) {
        size_t n = r->input.count - i < batch ? r->input.count - i : batch;
        lwm_cnn_run(r->cnn, r->input.images + i * MNIST_PIXELS, (int64_t)n,
                    r->probabilities + i * MNIST_CLASSES, r->logits + i * MNIST_CLASSES);
    }
    for (size_t i = 0; r->input.labels && i < r->input.count; i++)
        r->correct += best_class(r->probabilities + i * MNIST_CLASSES) == r->input.labels[i];
}

/* The peak of the ISA that conv2's row is of, with as many threads as the model used, in samples that take as
 * long as a batch. */
static double measure_peak(const struct mnist_run *r, double batch_seconds) {
    const char *kernel = lwm_cnn_kernel(r->cnn, LWM_CONV2);
    lw_kernel_info row;
    lw_isa_info isa;
    size_t i = 0;
    while (lw_kernel_get(i, &row) == LW_OK && strcmp(row.name, kernel) != 0)
        i++;
    for (size_t k = 0; lw_isa_get(k, &isa) == LW_OK; k++) {
        if (strcmp(isa.name, row.isa) == 0)
            return lw_measure_peak_gflops_threads(k, PEAK_SECONDS, fmax(batch_seconds, LW_PEAK_SAMPLE),
                                                  lwm_cnn_threads(r->cnn));
    }
    return 0;
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A batch of images, repeated where there are fewer; NULL: no memory. */
static float *first_batch(const struct mnist_options *o, const struct mnist_run *r) {
    size_t batch = (size_t)o->batch;
    float *images = malloc(batch * MNIST_PIXELS * sizeof *images);
    for (size_t i = 0; images && i < batch; i++)
        memcpy(images + i * MNIST_PIXELS, r->input.images + i % r->input.count * MNIST_PIXELS,
               MNIST_PIXELS * sizeof *images);
    return images;
}

static double batch_seconds(const struct mnist_run *r, const float *images, int64_t batch, float *out) {
    double least = INFINITY;
    for (int i = 0; i < 3; i++) { /* the first one is cold */
        double start = cli_seconds();
        lwm_cnn_run(r->cnn, images, batch, out, NULL);
        least = fmin(least, cli_seconds() - start);
    }
    return least;
}

/* Times of batches in seconds. `alone`: of those between two looks that found no other thread on the core. */
struct batch_times {
    float *all, *alone; /* of MAX_TIMES */
    size_t count, alone_count;
    size_t looked_at; /* those before are sorted out */
    double looked;
    bool was_alone, known; /* what the last look found; can looks find anything here? */
};

enum { MAX_TIMES = 1 << 20 };

/* A look at the core: it takes a microsecond, the model thirty an image. */
static void sort_out(struct batch_times *t) {
    const double ratio = lw_crowding_ratio();
    const bool alone = lw_is_alone(ratio);
    if (alone && t->was_alone) {
        memcpy(t->alone + t->alone_count, t->all + t->looked_at,
               (t->count - t->looked_at) * sizeof *t->alone);
        t->alone_count += t->count - t->looked_at;
    }
    t->looked_at = t->count;
    t->was_alone = alone;
    t->known = !isnan(ratio);
    t->looked = cli_seconds();
}

static double median(float *times, size_t count) {
    qsort(times, count, sizeof *times, by_value);
    return count ? (double)times[count / 2] : NAN;
}

/* Batches follow each other through the images. */
static void time_batches(const struct mnist_options *o, struct mnist_run *r, const float *source,
                         size_t images, float *out, struct batch_times *t) {
    const size_t batch = (size_t)o->batch;
    const double timed = o->pictures.count ? PICTURE_SECONDS : TIMED_SECONDS;
    const bool looks = lwm_cnn_threads(r->cnn) == 1; /* a look tells of one core */
    const double start = cli_seconds(), cpu = cpu_seconds();
    size_t at = 0, all = 0;
    struct lw_energy energy;
    lw_energy_start(&energy, LW_POWERCAP);
    for (double begin = start; t->count < MAX_TIMES; at = (at + batch) % images) {
        lwm_cnn_run(r->cnn, source + at * MNIST_PIXELS, (int64_t)batch, out, NULL);
        double now = cli_seconds();
        all++;
        if (begin - start >= WARM_UP_SECONDS) t->all[t->count++] = (float)(now - begin);
        const bool last = now - start >= WARM_UP_SECONDS + timed && t->count >= 3;
        if (looks && (last || now - t->looked >= LOOK_SECONDS)) sort_out(t), now = cli_seconds();
        if (last) break;
        begin = now;
    }
    r->cpu_share = (cpu_seconds() - cpu) / (cli_seconds() - start) / lwm_cnn_threads(r->cnn);
    double used = lw_energy_used(&energy);
    r->uj_per_image = used < 0 ? NAN : used / (double)(all * batch);
    r->alone_share = t->known ? (double)t->alone_count / (double)t->count : NAN;
    r->us_per_image = 1e6 * median(t->all, t->count) / (double)batch;
    r->alone_us_per_image = 1e6 * median(t->alone, t->alone_count) / (double)batch;
}

/* The median time of a batch over many. */
static int measure_speed(const struct mnist_options *o, struct mnist_run *r) {
    size_t batch = (size_t)o->batch, batches = r->input.count / batch;
    /* Fewer images than a batch: the batch is filled by repeating them. */
    size_t images = batches ? batches * batch : batch;
    float *filled = NULL, *out = malloc(batch * MNIST_CLASSES * sizeof(float));
    struct batch_times times = {.all = malloc(MAX_TIMES * sizeof(float)),
                                .alone = malloc(MAX_TIMES * sizeof(float))};
    if (!batches) filled = first_batch(o, r);
    const float *source = batches ? r->input.images : filled;
    const bool memory = out && times.all && times.alone && source;
    if (memory) {
        cli_progress("timing batches of %zu", batch);
        const double about = batch_seconds(r, source, (int64_t)batch, out);
        const double before = measure_peak(r, about);
        time_batches(o, r, source, images, out, &times);
        r->peak_gflops = fmax(before, measure_peak(r, about));
        cli_progress_clear();
    }
    free(out);
    free(times.all);
    free(times.alone);
    free(filled);
    return memory ? CLI_GO : cli_fail(LW_EXIT_IMPOSSIBLE, "no memory for a batch");
}

static int run_peers(const struct mnist_options *o, struct mnist_run *r) {
    float *images = first_batch(o, r);
    if (!images) return cli_fail(LW_EXIT_IMPOSSIBLE, "no memory for a batch");
    cli_progress("timing other libraries");
    int status = mnist_run_peers(r->cnn, &r->weights, images, o->batch, o->shared.isa, &r->peers);
    cli_progress_clear();
    free(images);
    return status;
}

static double peak_pct(const struct mnist_run *r, double us_per_image) {
    double gflops = lwm_cnn_flops() / (us_per_image * 1e3);
    return r->peak_gflops > 0 ? 100 * gflops / r->peak_gflops : NAN;
}

/* ---- telling ------------------------------------------------------------------------------------------- */

static void add_pictures(cJSON *root, const struct mnist_options *o, const struct mnist_run *r) {
    cJSON *array = cJSON_AddArrayToObject(root, "pictures");
    for (size_t i = 0; i < o->pictures.count; i++) {
        const float *p = r->probabilities + i * MNIST_CLASSES;
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "file", o->pictures.items[i]);
        cJSON_AddNumberToObject(object, "class", best_class(p));
        cJSON_AddStringToObject(object, "name", mnist_class_names(r->set)[best_class(p)]);
        cJSON *list = cJSON_AddArrayToObject(object, "probabilities");
        for (int k = 0; k < MNIST_CLASSES; k++)
            cJSON_AddItemToArray(list, cJSON_CreateNumber((double)p[k]));
        cJSON_AddItemToArray(array, object);
    }
}

static void add_peers(cJSON *root, const struct mnist_options *o, const struct mnist_run *r) {
    cJSON *array = cJSON_AddArrayToObject(root, "peers");
    for (const struct mnist_peer *p = r->peers.items; p < r->peers.items + r->peers.count; p++) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(array, object);
        cJSON_AddStringToObject(object, "peer", p->kernel);
        cJSON_AddStringToObject(object, "reason", p->reason);
        cJSON_AddNumberToObject(object, "batch", (double)o->batch);
        cJSON_AddNumberToObject(object, "threads", lwm_cnn_threads(r->cnn));
        if (*p->reason) continue;
        cli_json_number(object, "us_per_image", 1e6 * p->time.b_seconds / (double)o->batch);
        cli_json_number(object, "our_us_per_image", 1e6 * p->time.a_seconds / (double)o->batch);
        cli_json_number(object, "ratio", p->time.ratio);
        cli_json_number(object, "ratio_low", p->time.low);
        cli_json_number(object, "ratio_high", p->time.high);
        cli_json_number(object, "logits_rel_l2", p->logits_rel_l2);
    }
}

static int print_json(const struct mnist_options *o, const struct mnist_run *r) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "images", (double)r->input.count);
    if (r->input.labels) {
        cJSON_AddNumberToObject(root, "correct", (double)r->correct);
        cJSON_AddNumberToObject(root, "accuracy", (double)r->correct / (double)r->input.count);
    } else { /* pictures have no labels */
        cJSON_AddNullToObject(root, "correct");
        cJSON_AddNullToObject(root, "accuracy");
    }
    cli_json_number(root, "us_per_image", r->us_per_image);
    cli_json_number(root, "images_per_second", 1e6 / r->us_per_image);
    cli_json_number(root, "peak_gflops", r->peak_gflops);
    cli_json_number(root, "peak_pct", peak_pct(r, r->us_per_image));
    cli_json_number(root, "cpu_share", r->cpu_share);
    cli_json_number(root, "alone_share", r->alone_share);
    cli_json_number(root, "alone_us_per_image", r->alone_us_per_image);
    cli_json_number(root, "alone_peak_pct", peak_pct(r, r->alone_us_per_image));
    cli_json_number(root, "energy_uj_per_image", r->uj_per_image);
    cJSON_AddNumberToObject(root, "threads", lwm_cnn_threads(r->cnn));
    cJSON_AddNumberToObject(root, "batch", (double)o->batch);
    cJSON *layers = cJSON_AddArrayToObject(root, "layers");
    for (int i = 0; i < LWM_CNN_LAYERS; i++) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", lwm_cnn_layer_names[i]);
        cJSON_AddStringToObject(object, "kernel", lwm_cnn_kernel(r->cnn, (enum lwm_cnn_layer)i));
        cJSON_AddItemToArray(layers, object);
    }
    cJSON_AddStringToObject(root, "data", r->input.what);
    cJSON_AddStringToObject(root, "dataset", lwm_dataset_name(r->set));
    cJSON_AddStringToObject(root, "weights", r->weights_path);
    if (o->pictures.count) add_pictures(root, o, r);
    if (o->peers) add_peers(root, o, r);
    return cli_json_print(root, LW_EXIT_OK);
}

static void print_pictures(const struct mnist_options *o, const struct mnist_run *r) {
    const char *const *names = mnist_class_names(r->set);
    for (size_t i = 0; i < o->pictures.count; i++) {
        const float *p = r->probabilities + i * MNIST_CLASSES;
        printf("%s: %s\n", o->pictures.items[i], names[best_class(p)]);
        mnist_draw(r->input.images + i * MNIST_PIXELS);
        mnist_bars(p, names);
        putchar('\n');
    }
}

static void print_text(const struct mnist_options *o, const struct mnist_run *r) {
    printf("data      %s\nweights   %s\n", r->input.what, r->weights_path);
    if (r->input.labels)
        printf("accuracy  %.2f%%  (%zu of %zu images)\n", 100.0 * (double)r->correct / (double)r->input.count,
               r->correct, r->input.count);
    int threads = lwm_cnn_threads(r->cnn);
    printf("speed     %.0f images/s, %.2f us an image (batches of %d, %d thread%s)\n", 1e6 / r->us_per_image,
           r->us_per_image, (int)o->batch, threads, threads == 1 ? "" : "s");
    printf("          %.1f GFLOP/s, %.1f%% of the FMA peak measured beside it (%.1f GFLOP/s)\n",
           lwm_cnn_flops() / (r->us_per_image * 1e3), peak_pct(r, r->us_per_image), r->peak_gflops);
    if (r->alone_share == 0)
        puts("          no batch had the core to itself: another thread was at work there");
    else if (r->alone_share < ALONE_SHARE)
        printf("          %.2f us, %.1f%% in the %.0f%% of the batches without another thread at work on the "
               "core\n",
               r->alone_us_per_image, peak_pct(r, r->alone_us_per_image), 100 * r->alone_share);
    if (threads == 1 && r->cpu_share < BUSY_SHARE) /* more threads may be idle of their own */
        printf("          other processes took %.0f%% of the cores meanwhile: the time is too long\n",
               100 * (1 - r->cpu_share));
    if (isfinite(r->uj_per_image))
        printf("energy    %.1f uJ an image, of the whole CPU\n", r->uj_per_image);
    else
        puts("energy    n/a (no RAPL that can be read)");
    for (int i = 0; i < LWM_CNN_LAYERS; i++)
        printf("%-9s %s\n", lwm_cnn_layer_names[i], lwm_cnn_kernel(r->cnn, (enum lwm_cnn_layer)i));
}

static void print_peers(const struct mnist_options *o, const struct mnist_run *r) {
    printf(
        "\nagainst other libraries, timed in turn (ratio: our time over theirs, median and 95%% interval)\n");
    for (const struct mnist_peer *p = r->peers.items; p < r->peers.items + r->peers.count; p++) {
        const struct bench_ratio *t = &p->time;
        if (*p->reason)
            printf("%-20s skipped: %s\n", p->kernel, p->reason);
        else
            printf("%-20s %.2f us an image, ours %.2f, ratio %.3f (%.2f .. %.2f); logits differ by %.1e\n",
                   p->kernel, 1e6 * t->b_seconds / (double)o->batch, 1e6 * t->a_seconds / (double)o->batch,
                   t->ratio, t->low, t->high, p->logits_rel_l2);
    }
}

static int run_model(struct mnist_options *o, struct mnist_run *r) {
    int status = prepare(o, r);
    if (status != CLI_GO) return status;
    classify(o, r);
    if (o->logits) {
        char why[200];
        const int64_t shape[] = {(int64_t)r->input.count, MNIST_CLASSES};
        if (!npy_write(o->logits, 2, shape, r->logits, why))
            return cli_fail(LW_EXIT_USAGE, "%s: %s", o->logits, why);
    }
    if (o->pictures.count && !o->shared.json) {
        print_pictures(o, r);
        return LW_EXIT_OK;
    }
    if ((status = measure_speed(o, r)) != CLI_GO) return status;
    if (o->peers && (status = run_peers(o, r)) != CLI_GO) return status;
    if (o->shared.json) return print_json(o, r);
    print_text(o, r);
    if (o->peers) print_peers(o, r);
    return LW_EXIT_OK;
}

int cmd_mnist(int argc, char **argv) {
    lw_options defaults = lw_default_options();
    struct mnist_options o = {.batch = 64,
                              .cnn = {.effort = defaults.effort, .max_error = defaults.max_error}};
    struct cli_shared *s = &o.shared;
    const struct cli_option options[] = {
        {"weights", 0, CLI_STRING, &o.weights, "FILE", "safetensors (default: models/mnist.safetensors)", 0,
         0},
        {"data", 0, CLI_STRING, &o.data, "DIR", "folder of the IDX files, gzipped or not", 0, 0},
        {"batch", 0, CLI_INT, &o.batch, "N", "images a batch (default 64)", 1, 1 << 16},
        {"mb", 0, CLI_INT, &o.batch, "N", "the same as --batch", 1, 1 << 16},
        {"images", 0, CLI_INT, &o.images, "N", "the first N of the set (default: all)", 1, INT32_MAX},
        CLI_OPT_THREADS(s),
        CLI_OPT_ISA(s),
        {"kernel", 0, CLI_STRING, &s->kernel, "LAYER=NAME,...", "force rows; conv1, conv2, fc, softmax", 0,
         0},
        {"logits", 0, CLI_STRING, &o.logits, "OUT.npy", "write the logits, float32 [images][10]", 0, 0},
        {"peers", 0, CLI_FLAG, &o.peers, NULL, "the model by other libraries too, timed in turn with ours", 0,
         0},
        CLI_OPT_WISDOM(s),
        CLI_OPT_REPRODUCIBLE(s),
        CLI_OPT_JSON(s),
    };
    const struct cli_command command = {
        .name = "mnist",
        .usage = "[--weights FILE] [--data DIR | IMAGE.png|.pgm ...] [--images N] [--batch N] [--threads N]\n"
                 "                      [--isa NAME] [--kernel conv1=NAME,conv2=NAME] [--logits OUT.npy]\n"
                 "                      [--wisdom FILE] [--reproducible] [--peers] [--json]",
        .about = "Classifies the MNIST test set with the assembled model: accuracy and images per second; or "
                 "pictures of\n"
                 "digits, drawn in the terminal with their probabilities. Data: --data, else "
                 "$LANEWISE_MNIST_DIR, else\n"
                 "the usual places; without any, ten digits drawn for lanewise. Weights of Fashion-MNIST\n"
                 "(models/fashion.safetensors) look for that data set ($LANEWISE_FASHION_MNIST_DIR). The "
                 "time is the\n"
                 "median of many batches: float images in, probabilities out; beside it that of the batches "
                 "without "
                 "another\n"
                 "thread at work on the core, where there were both.",
        .options = options,
        .option_count = CLI_COUNT(options),
        .positional = &o.pictures,
    };
    int status = cli_parse(&command, argc, argv);
    const char *with_pictures = o.data ? "--data" : o.images ? "--images" : NULL;
    if (status == CLI_GO && with_pictures && o.pictures.count)
        status = cli_fail(LW_EXIT_USAGE, "%s and pictures (%s) can't be combined", with_pictures,
                          o.pictures.items[0]);
    if (status == CLI_GO && o.peers && !*lw_peers) status = cli_fail(LW_EXIT_IMPOSSIBLE, "%s", LW_PEER_NONE);
    if (status == CLI_GO) status = read_kernels(&o);
    if (status == CLI_GO) status = cli_check_environment();
    if (status == CLI_GO) status = cli_check_isa(s->isa);
    if (status == CLI_GO) status = cli_use_wisdom(s->wisdom);
    if (status == CLI_GO) {
        o.cnn.isa = s->isa;
        o.cnn.reproducible = s->reproducible;
        o.cnn.threads = s->threads ? (int)s->threads : 1;
        struct mnist_run run = {0};
        status = run_model(&o, &run);
        free_run(&run);
    }
    cli_strings_free(&o.pictures);
    return status;
}
