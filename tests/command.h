/* Runs the built command in a scratch folder and looks at what came out: status, stdout, stderr, files. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw */
#endif
#ifndef LW_TEST_COMMAND_H
#define LW_TEST_COMMAND_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

extern char **environ;

struct outcome {
    int status; /* exit status; 128 + signal when it was killed */
    char *out, *err;
};

/* Every test is a process of its own: its working folder and environment are its own too. */
static char scratch[] = "/tmp/lanewise-test-XXXXXX";

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info, (void)kind, (void)where;
    return remove(path);
}
static inline void leave_scratch(void) {
    if (chdir("/") == 0) nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
static inline void enter_scratch(void) {
    cr_assert_not_null(mkdtemp(scratch));
    cr_assert_eq(chdir(scratch), 0);
    static const char *const ours[] = {"LANEWISE_ISA",         "LANEWISE_KERNEL",
                                       "LANEWISE_WISDOM",      "LANEWISE_VERBOSE",
                                       "LANEWISE_MNIST_DIR",   "LANEWISE_FASHION_MNIST_DIR",
                                       "LANEWISE_REPRODUCIBLE"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        unsetenv(ours[i]);
    setenv("XDG_CONFIG_HOME", scratch, 1); /* the user's wisdom is none of a test's business */
}

static inline void write_file(const char *path, const void *data, size_t size) {
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f, "%s", path);
    cr_assert_eq(fwrite(data, 1, size, f), size);
    cr_assert_eq(fclose(f), 0);
}

/* The whole file, ended by a zero; to be freed. */
static inline char *read_file(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    fseek(f, 0, SEEK_END);
    long length = ftell(f);
    rewind(f);
    char *data = malloc((size_t)length + 1);
    cr_assert_not_null(data);
    cr_assert_eq(fread(data, 1, (size_t)length, f), (size_t)length);
    data[length] = 0;
    fclose(f);
    if (size) *size = (size_t)length;
    return data;
}

/* Files in the scratch folder, but for the captured output. */
static inline int count_files(void) {
    int count = 0;
    DIR *folder = opendir(".");
    cr_assert_not_null(folder);
    for (struct dirent *e; (e = readdir(folder));)
        count += e->d_name[0] != '.';
    closedir(folder);
    return count;
}

static inline struct outcome run_program(const char *program, const char *out_path, char *const argv[]) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, ".stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t pid;
    int status, failed = posix_spawn(&pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    cr_assert_eq(failed, 0, "%s: %s", program, strerror(failed));
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    struct outcome o = {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
    o.out = strncmp(out_path, "/dev/", 5) == 0 ? strdup("") : read_file(out_path, NULL);
    o.err = read_file(".stderr", NULL);
    return o;
}

static inline struct outcome run_argv(const char *out_path, char *const argv[]) {
    return run_program(LW_BINARY, out_path, argv);
}

/* Arguments as one string, cut at spaces (none of ours holds one). */
static inline struct outcome run_program_words(const char *program, const char *out_path, const char *words) {
    char *copy = strdup(words), *argv[64] = {(char *)"lanewise"};
    int count = 1;
    for (char *w = strtok(copy, " "); w && count < 63; w = strtok(NULL, " "))
        argv[count++] = w;
    struct outcome o = run_program(program, out_path, argv);
    free(copy);
    return o;
}
static inline struct outcome run_words(const char *out_path, const char *words) {
    return run_program_words(LW_BINARY, out_path, words);
}

static inline void free_outcome(struct outcome *o) {
    free(o->out);
    free(o->err);
}

/* It must fail with this status, exactly one line on stderr which holds `needle`, and nothing on stdout. */
static inline void expect_failure(int status, const char *needle, const char *words) {
    struct outcome o = run_words(".stdout", words);
    cr_expect_eq(o.status, status, "lanewise %s: status %d, expected %d; %s", words, o.status, status, o.err);
    char *newline = strchr(o.err, '\n');
    cr_expect(strncmp(o.err, "lanewise", 8) == 0 && newline && newline[1] == 0,
              "lanewise %s: stderr is not one line of ours:\n%s", words, o.err);
    cr_expect(strstr(o.err, needle), "lanewise %s: '%s' is not in: %s", words, needle, o.err);
    cr_expect_str_eq(o.out, "", "lanewise %s: stdout has\n%s", words, o.out);
    free_outcome(&o);
}

/* It must succeed; its stdout as JSON, to be deleted. */
static inline cJSON *expect_json(int status, const char *words) {
    struct outcome o = run_words(".stdout", words);
    cr_assert_eq(o.status, status, "lanewise %s: status %d, expected %d; %s", words, o.status, status, o.err);
    cJSON *root = cJSON_ParseWithOpts(o.out, NULL, true);
    cr_assert_not_null(root, "lanewise %s: no JSON:\n%s", words, o.out);
    free_outcome(&o);
    return root;
}

static inline void expect_keys(const cJSON *object, const char *const *keys) {
    for (; *keys; keys++)
        cr_expect(cJSON_HasObjectItem(object, *keys), "key %s is missing", *keys);
}

static inline double number_of(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    cr_assert(cJSON_IsNumber(item), "%s is no number", key);
    return item->valuedouble;
}

static inline const char *text_of(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    cr_assert(cJSON_IsString(item), "%s is no text", key);
    return item->valuestring;
}

/* ---- .npy, written and read here independently of tools/npy.c ------------------------------------------ */

static inline void write_npy(const char *path, int dims, const long *shape, const float *data) {
    char dict[200] = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
    size_t count = 1;
    for (int i = 0; i < dims; i++) {
        count *= (size_t)shape[i];
        snprintf(dict + strlen(dict), sizeof dict - strlen(dict), "%ld,", shape[i]);
    }
    snprintf(dict + strlen(dict), sizeof dict - strlen(dict), "), }");
    char header[256];
    snprintf(header, sizeof header, "%-117.117s\n", dict); /* 10 + 118 = 128 */
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    fwrite("\x93NUMPY\1\0\x76\0", 1, 10, f);
    fwrite(header, 1, 118, f);
    fwrite(data, sizeof *data, count, f);
    cr_assert_eq(fclose(f), 0);
}

/* The data of a version 1 file that must have this shape text, "(2, 3)"; to be freed. */
static inline float *read_npy(const char *path, const char *shape, size_t count) {
    size_t size;
    char *file = read_file(path, &size);
    cr_assert(size > 10 && memcmp(file, "\x93NUMPY\1", 7) == 0, "%s is no npy file", path);
    size_t header = 10 + (unsigned char)file[8] + 256u * (unsigned char)file[9];
    cr_assert_eq(header % 64, 0, "data at %zu", header);
    cr_assert_eq(size, header + count * sizeof(float), "%s: %zu bytes", path, size);
    char *text = strndup(file + 10, header - 10);
    cr_assert(strstr(text, "'descr': '<f4', 'fortran_order': False") && strstr(text, shape),
              "%s: header %s, not %s", path, text, shape);
    float *data = malloc(count * sizeof *data + 1);
    memcpy(data, file + header, count * sizeof *data);
    free(text);
    free(file);
    return data;
}

#endif
