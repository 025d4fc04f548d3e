#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif
#include "dispatch/size.h"

#if defined(__linux__) && defined(MADV_HUGEPAGE) && defined(MADV_POPULATE_WRITE)
enum { LARGE = 64 << 10, HUGE_PAGE = 2 << 20 };

/* Of what fills a quarter of a huge page or more: weights that come from the last cache took up to three
 * times as long where they lay in scattered small pages, as all do in a process that has run for a while. */
static size_t huge_pages(size_t bytes) {
    if (bytes < HUGE_PAGE / 4 || bytes > SIZE_MAX - HUGE_PAGE) return 0;
    return (bytes + HUGE_PAGE - 1) / HUGE_PAGE;
}

/* Gets the pages of a large block in one call: a fault for each of them would take longer than packing
 * weights does, in virtual machines several times as long. A kernel that doesn't know how leaves the faults.
 */
static void *alloc_pages(size_t bytes) {
    const size_t huge = huge_pages(bytes);
    const long page = sysconf(_SC_PAGESIZE);
    void *memory = NULL;
    if (huge) bytes = huge * HUGE_PAGE;
    if (posix_memalign(&memory, huge ? HUGE_PAGE : LW_ALIGN, bytes)) return NULL;
    if (page <= 0 || bytes < LARGE) return memory;
    const size_t skip = -(uintptr_t)memory % (size_t)page;
    if (huge) madvise(memory, bytes, MADV_HUGEPAGE);
    madvise((char *)memory + skip, (bytes - skip) / (size_t)page * (size_t)page, MADV_POPULATE_WRITE);
    return memory;
}
#else
static void *alloc_pages(size_t bytes) {
    void *memory = NULL;
    return posix_memalign(&memory, LW_ALIGN, bytes) ? NULL : memory;
}
#endif

void *lw_aligned_alloc(size_t bytes) {
    return lw_align_up(&bytes) ? alloc_pages(bytes ? bytes : LW_ALIGN) : NULL;
}
