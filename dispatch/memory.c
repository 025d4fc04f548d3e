#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif
#include "dispatch/size.h"

/* Gets the whole pages of a large block in one call: a fault for each of them would take longer than packing
 * weights does, in virtual machines several times as long. A kernel that doesn't know how leaves the faults.
 */
static void get_pages(char *memory, size_t bytes) {
#if defined(__linux__) && defined(MADV_POPULATE_WRITE)
    enum { LARGE = 64 << 10 };
    const long page = sysconf(_SC_PAGESIZE);
    if (page <= 0 || bytes < LARGE) return;
    const size_t skip = -(uintptr_t)memory % (size_t)page;
    madvise(memory + skip, (bytes - skip) / (size_t)page * (size_t)page, MADV_POPULATE_WRITE);
#else
    (void)memory, (void)bytes;
#endif
}

void *lw_aligned_alloc(size_t bytes) {
    void *memory = NULL;
    if (!lw_align_up(&bytes) || posix_memalign(&memory, LW_ALIGN, bytes ? bytes : LW_ALIGN)) return NULL;
    get_pages(memory, bytes);
    return memory;
}
