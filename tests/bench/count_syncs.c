/* Loaded before all other libraries of a measured program: its calls of fsync and fdatasync, and its writes that sync
 * by themselves, are counted in a file that the measurement reads. A count a sync costs nothing beside it. */
#define _GNU_SOURCE
#include "bench/count_syncs.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t* count;

__attribute__((constructor)) static void begin(void) {
    const char* name = getenv(YM_SYNCS_FILE);
    if (name == NULL) return;
    const int file = open(name, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void* page = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) count = page;
}

static void note(void) {
    if (count != NULL) __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
}

int fdatasync(int descriptor) {
    note();
    return (int)syscall(SYS_fdatasync, descriptor);
}

int fsync(int descriptor) {
    note();
    return (int)syscall(SYS_fsync, descriptor);
}

ssize_t pwritev2(int descriptor, const struct iovec* parts, int parts_count, off_t at, int flags) {
    if ((flags & (RWF_SYNC | RWF_DSYNC)) != 0) note();
    /* The kernel takes the position in two halves; the upper one is empty where a long has 64 bits. */
    return syscall(SYS_pwritev2, descriptor, parts, parts_count, (long)at, 0L, flags);
}
