/* The few questions the readers ask of the file system. */
#ifndef LWM_FILE_H
#define LWM_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lwm_error.h"

enum { LWM_PATH_MAX = 4096 }; /* bytes, with the final zero */

bool lwm_is_file(const char *path);
bool lwm_is_folder(const char *path);

/* Open a regular file for reading; its size in bytes goes to *size. Folders, pipes and devices are refused:
 * their size means nothing, and a pipe could block for ever. */
int lwm_open(const char *path, FILE **file, uint64_t *size, struct lwm_error *err);

/* "folder/name.suffix" (suffix may be empty) into path. False if it is too long. */
bool lwm_join(char path[LWM_PATH_MAX], const char *folder, const char *name, const char *suffix);

#endif
