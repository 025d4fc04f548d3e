/* PyTorch's own time for the MNIST model: models/torch_mnist.py in a child process, which runs when it is
 * told to. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "mnist.h"

/* The system's, which has Debian's python3-torch, whatever comes first in PATH. */
#define PYTHON "/usr/bin/python3"

struct mnist_torch {
    pid_t child;
    FILE *to, *from;
    bool broken; /* it has ended too early */
};

/* ---- the child ----------------------------------------------------------------------------------------- */

/* The libraries behind PyTorch are held to an ISA by the environment. */
static void hold_to(const char *isa) {
    static const struct {
        const char *isa, *aten, *onednn;
    } caps[] = {{"avx2", "avx2", "AVX2"}, {"scalar", "default", "SSE41"}};
    for (size_t i = 0; i < CLI_COUNT(caps); i++) {
        if (strcmp(isa, caps[i].isa) != 0) continue;
        setenv("ATEN_CPU_CAPABILITY", caps[i].aten, 1);
        setenv("DNNL_MAX_CPU_ISA", caps[i].onednn, 1);
    }
}

static void be_child(const int in[2], const int out[2], const char *isa, char *const argv[]) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    const int ends[] = {in[0], in[1], out[0], out[1]};
    for (size_t i = 0; i < CLI_COUNT(ends); i++)
        if (ends[i] > 1) close(ends[i]);
    hold_to(isa);
    signal(SIGPIPE, SIG_DFL);
    execv(PYTHON, argv);
    printf("missing no " PYTHON "\n");
    fflush(stdout);
    _exit(3);
}

static bool start_child(struct mnist_torch *t, const char *isa, char *const argv[]) {
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    fflush(NULL);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || (t->child = fork()) < 0) {
        const int ends[] = {in[0], in[1], out[0], out[1]};
        for (size_t i = 0; i < CLI_COUNT(ends); i++)
            if (ends[i] >= 0) close(ends[i]);
        t->child = 0;
        return false;
    }
    if (t->child == 0) be_child(in, out, isa, argv);
    close(in[0]);
    close(out[1]);
    t->to = fdopen(in[1], "w");
    t->from = fdopen(out[0], "r");
    return t->to && t->from;
}

void mnist_torch_stop(struct mnist_torch *t) {
    if (!t) return;
    if (t->to) fclose(t->to); /* its input ends, and so does it */
    if (t->from) fclose(t->from);
    if (t->child > 0) waitpid(t->child, NULL, 0);
    free(t);
}

/* ---- talking ------------------------------------------------------------------------------------------- */

static void send(struct mnist_torch *t, const float *values, size_t count) {
    fwrite(values, sizeof *values, count, t->to);
}

static bool read_line(struct mnist_torch *t, char *line, int size) {
    if (!fgets(line, size, t->from)) return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

/* What the child has said instead of what was expected; or that it has ended. */
static struct mnist_torch *give_up(struct mnist_torch *t, const char *line, char why[256]) {
    static const char missing[] = "missing ";
    bool told = strncmp(line, missing, strlen(missing)) == 0;
    snprintf(why, 256, "no PyTorch here (Debian: python3-torch): %.150s",
             told ? line + strlen(missing) : "the script has failed");
    mnist_torch_stop(t);
    return NULL;
}

struct mnist_torch *mnist_torch_start(const struct lwm_cnn_weights *w, const float *images, int64_t batch,
                                      int threads, const char *isa, float *scores, char why[256]) {
    char path[LWM_PATH_MAX], batch_text[24], threads_text[24], line[256] = "";
    const size_t count = (size_t)batch * MNIST_CLASSES;
    snprintf(batch_text, sizeof batch_text, "%lld", (long long)batch);
    snprintf(threads_text, sizeof threads_text, "%d", threads);
    char *const argv[] = {PYTHON, path, batch_text, threads_text, NULL};
    struct mnist_torch *t = calloc(1, sizeof *t);
    if (!t || !mnist_find_model_file("torch_mnist.py", path))
        return give_up(t, "missing models/torch_mnist.py", why);
    if (!start_child(t, isa, argv)) return give_up(t, "missing processes", why);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* it may have ended */
    const struct {
        const float *values;
        size_t count;
    } parts[] = {{w->conv1_weight, 32 * 9},
                 {w->conv1_bias, 32},
                 {w->conv2_weight, 64 * 32 * 9},
                 {w->conv2_bias, 64},
                 {w->fc_weight, 31360},
                 {w->fc_bias, MNIST_CLASSES},
                 {images, (size_t)batch * MNIST_PIXELS}};
    for (size_t i = 0; i < CLI_COUNT(parts); i++)
        send(t, parts[i].values, parts[i].count);
    fflush(t->to);
    signal(SIGPIPE, before);
    if (!read_line(t, line, sizeof line) || strncmp(line, "ready ", 6) != 0 ||
        fread(scores, sizeof *scores, 2 * count, t->from) != 2 * count)
        return give_up(t, line, why);
    return t;
}

void mnist_torch_run(struct mnist_torch *t, int64_t executions) {
    char line[64];
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    fprintf(t->to, "%lld\n", (long long)executions);
    fflush(t->to);
    signal(SIGPIPE, before);
    t->broken |= !read_line(t, line, sizeof line);
}

bool mnist_torch_ended(const struct mnist_torch *t) { return t->broken; }
