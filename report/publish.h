/* What is made from result folders: page, plots, the table over all CPUs, a section of the README. Files are
 * written whole or not at all. All return CLI_GO, or the exit status after one line. */
#ifndef LW_REPORT_PUBLISH_H
#define LW_REPORT_PUBLISH_H

#include "run.h"

/* Writes report.html, and where there is something to plot peers.svg and mnist.svg, into the run's folder. */
int publish_folder(const struct report_run *run, const char *folder);

/* DIR/README.md: a row for each folder of DIR that has a matrix.json. */
int publish_index(const char *dir);

/* Fills in what is between the two marks of the file, from the run in FOLDER (a path as seen from the file).
 */
#define PUBLISH_BEGIN "<!-- results: begin -->"
#define PUBLISH_END   "<!-- results: end -->"
int publish_readme(const struct report_run *run, const char *folder, const char *file);

/* Writes DIR/NAME by a function; `arg` is for it. It returns false where there shall be no such file: an
 * older one is removed. */
typedef bool publish_writer(FILE *out, const void *arg);
int publish_file(const char *dir, const char *name, publish_writer *write, const void *arg);

/* The folders of DIR that have a matrix.json, by name, to be freed with publish_free_names. */
int publish_list(const char *dir, char ***names, size_t *count);
void publish_free_names(char **names, size_t count);

#endif
