/* Stands between a program and its files (LD_PRELOAD), so that a disk fails when a test wants it to.
 *
 * Only files under one folder count. What it does is said by the environment:
 *   YM_SHIM_DIR     the folder; without it nothing happens
 *   YM_SHIM_CALL    pwrite (all kinds of writing), fdatasync (all kinds of syncing), open, rename, allocate
 *   YM_SHIM_NTH     the first call of that kind that fails, from 1; 0: none does
 *   YM_SHIM_TIMES   how many fail from there on (1); 0: all
 *   YM_SHIM_FAULT   EIO; ENOSPC; short: half of what should be written is, and the call says so; lie: a sync says that
 *                   it was done, and was not
 *   YM_SHIM_HIT     a file that is made when a call has failed, with a line for each
 *   YM_SHIM_LEDGER  a ledger of all syncs, see LEDGERS.md
 *   YM_SHIM_UNDO    a file that tells how to take back each write that was not synced; undo.py does it after a kill,
 *                   which then is a power cut
 *
 * A record of YM_SHIM_UNDO, all numbers of 8 octets in the machine's order: kind (1 write, 2 synced, 3 renamed), number
 * of the write (of a synced: the last one that it covers), offset, size of the file before, octets of old content,
 * length of the path; then the path and the old content (of a renamed file: its new path). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { files_max = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static char* paths[files_max]; /* of the files that count, by descriptor */
static const char* call;
static const char* fault;
static long nth;
static long times;
static long seen;
static int hit_fd = -1;
static int ledger_fd = -1;
static int undo_fd = -1;
static uint64_t writes; /* so far */

static void* real(const char* name) {
    void* found = dlsym(RTLD_NEXT, name);
    if (found == NULL) abort();
    return found;
}

/* The ones behind us, with types. */
#define REAL(name, result, ...) ((result(*)(__VA_ARGS__))(uintptr_t)real(#name))

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

static void put(int fd, const void* octets, size_t size) {
    if (REAL(write, ssize_t, int, const void*, size_t)(fd, octets, size) != (ssize_t)size) abort();
}

static int append_to(const char* variable) {
    const char* path = getenv(variable);
    if (path == NULL) return -1;
    return REAL(open, int, const char*, int, ...)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

__attribute__((constructor)) static void begin(void) {
    const char* dir = getenv("YM_SHIM_DIR");
    if (dir == NULL || realpath(dir, folder) == NULL) {
        folder[0] = '\0';
        return;
    }
    call = getenv("YM_SHIM_CALL");
    fault = getenv("YM_SHIM_FAULT");
    nth = getenv("YM_SHIM_NTH") != NULL ? atol(getenv("YM_SHIM_NTH")) : 0;
    times = getenv("YM_SHIM_TIMES") != NULL ? atol(getenv("YM_SHIM_TIMES")) : 1;
    hit_fd = append_to("YM_SHIM_HIT");
    ledger_fd = append_to("YM_SHIM_LEDGER");
    undo_fd = append_to("YM_SHIM_UNDO");
    if (ledger_fd >= 0) {
        char line[80];
        put(ledger_fd, line,
            (size_t)snprintf(line, sizeof line, "start %llu syncs broker - .\n", (unsigned long long)now_us()));
    }
    unsetenv("LD_PRELOAD"); /* programs that this one starts are none of our business */
}

static int is_ours(const char* path, char* whole) {
    if (folder[0] == '\0' || path == NULL) return 0;
    const size_t length = strlen(folder);
    char parent[PATH_MAX];
    if (realpath(path, whole) == NULL) { /* it does not exist yet */
        snprintf(parent, sizeof parent, "%s", path);
        char* slash = strrchr(parent, '/');
        const char* name = slash != NULL ? slash + 1 : path;
        if (slash != NULL) *slash = '\0';
        char dir[PATH_MAX];
        if (realpath(slash == NULL ? "." : slash == parent ? "/" : parent, dir) == NULL) return 0;
        if ((size_t)snprintf(whole, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX) return 0;
    }
    return strncmp(whole, folder, length) == 0 && (whole[length] == '/' || whole[length] == '\0');
}

static const char* path_of(int fd) {
    return fd >= 0 && fd < files_max ? paths[fd] : NULL;
}

/* Whether this call is one that fails. Called with the lock. */
static int fails(const char* kind, const char* what) {
    if (nth == 0 || call == NULL || strcmp(call, kind) != 0) return 0;
    ++seen;
    if (seen < nth || (times != 0 && seen >= nth + times)) return 0;
    if (hit_fd >= 0) {
        char line[PATH_MAX + 80];
        const int n =
            snprintf(line, sizeof line, "%s %ld %s %s %llu\n", kind, seen, fault, what, (unsigned long long)now_us());
        put(hit_fd, line, (size_t)n);
    }
    return 1;
}

static int fault_number(void) {
    return fault != NULL && strcmp(fault, "ENOSPC") == 0 ? ENOSPC : EIO;
}

/* --- opening, closing, renaming --------------------------------------------------------------------------------- */

static int opened(int fd, const char* whole) {
    if (fd >= 0 && fd < files_max) {
        free(paths[fd]);
        paths[fd] = whole != NULL ? strdup(whole) : NULL;
    }
    return fd;
}

static int open_ours(const char* path, int flags, mode_t mode, int is_at, int at) {
    char whole[PATH_MAX];
    pthread_mutex_lock(&lock);
    const int ours = (!is_at || path[0] == '/' || at == AT_FDCWD) && is_ours(path, whole);
    int fd = -1;
    if (ours && fails("open", whole)) {
        errno = fault_number();
    } else {
        fd = is_at ? REAL(openat, int, int, const char*, int, ...)(at, path, flags, mode)
                   : REAL(open, int, const char*, int, ...)(path, flags, mode);
        opened(fd, ours ? whole : NULL);
    }
    const int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return fd;
}

static mode_t mode_of(int flags, va_list list) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? (mode_t)va_arg(list, unsigned) : 0;
}

#define OPEN(name)                                 \
    int name(const char* path, int flags, ...) {   \
        va_list list;                              \
        va_start(list, flags);                     \
        const mode_t mode = mode_of(flags, list);  \
        va_end(list);                              \
        return open_ours(path, flags, mode, 0, 0); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                     \
    int name(int at, const char* path, int flags, ...) { \
        va_list list;                                    \
        va_start(list, flags);                           \
        const mode_t mode = mode_of(flags, list);        \
        va_end(list);                                    \
        return open_ours(path, flags, mode, 1, at);      \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    pthread_mutex_lock(&lock);
    opened(fd, NULL);
    const int result = REAL(close, int, int)(fd);
    const int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return result;
}

static int may_rename(const char* from, const char* to) {
    char whole[PATH_MAX];
    char whole_from[PATH_MAX];
    pthread_mutex_lock(&lock);
    const int ours = is_ours(from, whole_from) && is_ours(to, whole);
    const int failed = ours && fails("rename", whole);
    if (ours && !failed && undo_fd >= 0) {
        const uint64_t head[6] = {3, writes, 0, 0, strlen(whole), strlen(whole_from)};
        put(undo_fd, head, sizeof head);
        put(undo_fd, whole_from, strlen(whole_from));
        put(undo_fd, whole, strlen(whole));
    }
    for (int fd = 0; ours && !failed && fd < files_max; ++fd)
        if (paths[fd] != NULL && strcmp(paths[fd], whole_from) == 0) opened(fd, whole);
    pthread_mutex_unlock(&lock);
    if (failed) errno = fault_number();
    return !failed;
}

int rename(const char* from, const char* to) {
    return may_rename(from, to) ? REAL(rename, int, const char*, const char*)(from, to) : -1;
}
int renameat(int at, const char* from, int to_at, const char* to) {
    return may_rename(from, to) ? REAL(renameat, int, int, const char*, int, const char*)(at, from, to_at, to) : -1;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* Notes what stands where `size` octets will be written. Called with the lock. */
static void note_old(int fd, size_t size, off_t offset) {
    struct stat info;
    if (undo_fd < 0 || fstat(fd, &info) != 0) return;
    const char* path = paths[fd];
    const size_t there = offset >= info.st_size ? 0 : (size_t)(info.st_size - offset);
    const size_t old = there < size ? there : size;
    const uint64_t head[6] = {1, ++writes, (uint64_t)offset, (uint64_t)info.st_size, old, strlen(path)};
    const size_t bytes = sizeof head + strlen(path) + old;
    char* record = malloc(bytes);
    if (record == NULL) abort();
    memcpy(record, head, sizeof head);
    memcpy(record + sizeof head, path, strlen(path));
    const int reader = REAL(open, int, const char*, int, ...)(path, O_RDONLY | O_CLOEXEC);
    if (reader < 0 || pread(reader, record + bytes - old, old, offset) != (ssize_t)old) abort();
    REAL(close, int, int)(reader);
    put(undo_fd, record, bytes);
    free(record);
}

/* 0: go on; else the call has been answered with *result. Called with the lock. */
static int before_write(int fd, const struct iovec* parts, int count, off_t offset, ssize_t* result) {
    size_t size = 0;
    for (int i = 0; i < count; ++i) size += parts[i].iov_len;
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR);
    if (!fails("pwrite", paths[fd])) {
        note_old(fd, size, offset);
        return 0;
    }
    *result = -1;
    errno = fault_number();
    if (fault == NULL || strcmp(fault, "short") != 0) return 1;
    note_old(fd, size / 2, offset);
    const size_t part = parts[0].iov_len < size / 2 ? parts[0].iov_len : size / 2;
    *result = REAL(pwrite, ssize_t, int, const void*, size_t, off_t)(fd, parts[0].iov_base, part, offset);
    return 1;
}

#define WRITE(name, parameters, parts, count, offset, arguments, types)                                      \
    ssize_t name parameters {                                                                                \
        if (path_of(fd) == NULL) return REAL(name, ssize_t, types) arguments;                                \
        pthread_mutex_lock(&lock);                                                                           \
        ssize_t result = 0;                                                                                  \
        if (!before_write(fd, parts, count, offset, &result)) result = REAL(name, ssize_t, types) arguments; \
        const int kept = errno;                                                                              \
        pthread_mutex_unlock(&lock);                                                                         \
        errno = kept;                                                                                        \
        return result;                                                                                       \
    }
#define TYPES(...) __VA_ARGS__
#define ONE (&(struct iovec){(void*)(uintptr_t)octets, size})

WRITE(write, (int fd, const void* octets, size_t size), ONE, 1, -1, (fd, octets, size), TYPES(int, const void*, size_t))
WRITE(pwrite, (int fd, const void* octets, size_t size, off_t offset), ONE, 1, offset, (fd, octets, size, offset),
      TYPES(int, const void*, size_t, off_t))
WRITE(pwrite64, (int fd, const void* octets, size_t size, off64_t offset), ONE, 1, offset, (fd, octets, size, offset),
      TYPES(int, const void*, size_t, off64_t))
WRITE(writev, (int fd, const struct iovec* parts, int count), parts, count, -1, (fd, parts, count),
      TYPES(int, const struct iovec*, int))
WRITE(pwritev, (int fd, const struct iovec* parts, int count, off_t offset), parts, count, offset,
      (fd, parts, count, offset), TYPES(int, const struct iovec*, int, off_t))
WRITE(pwritev64, (int fd, const struct iovec* parts, int count, off64_t offset), parts, count, offset,
      (fd, parts, count, offset), TYPES(int, const struct iovec*, int, off64_t))
WRITE(pwritev2, (int fd, const struct iovec* parts, int count, off_t offset, int flags), parts, count, offset,
      (fd, parts, count, offset, flags), TYPES(int, const struct iovec*, int, off_t, int))
WRITE(pwritev64v2, (int fd, const struct iovec* parts, int count, off64_t offset, int flags), parts, count, offset,
      (fd, parts, count, offset, flags), TYPES(int, const struct iovec*, int, off64_t, int))

#define ALLOCATE(name, parameters, arguments, types, on_fault)                  \
    int name parameters {                                                       \
        pthread_mutex_lock(&lock);                                              \
        const int failed = path_of(fd) != NULL && fails("allocate", paths[fd]); \
        pthread_mutex_unlock(&lock);                                            \
        if (!failed) return REAL(name, int, types) arguments;                   \
        errno = fault_number();                                                 \
        return on_fault;                                                        \
    }
ALLOCATE(fallocate, (int fd, int mode, off_t offset, off_t size), (fd, mode, offset, size),
         TYPES(int, int, off_t, off_t), -1)
ALLOCATE(posix_fallocate, (int fd, off_t offset, off_t size), (fd, offset, size), TYPES(int, off_t, off_t),
         fault_number())
ALLOCATE(ftruncate, (int fd, off_t size), (fd, size), TYPES(int, off_t), -1)

/* --- syncing ---------------------------------------------------------------------------------------------------- */

static int sync_ours(int fd, int (*behind)(int)) {
    if (path_of(fd) == NULL) return behind(fd);
    pthread_mutex_lock(&lock);
    const uint64_t covered = writes; /* what is written meanwhile may be safe or not */
    const int failed = fails("fdatasync", paths[fd]);
    char* path = strdup(paths[fd]);
    pthread_mutex_unlock(&lock);
    const uint64_t began = now_us();
    int result = -1;
    const int lies = failed && strcmp(fault, "lie") == 0;
    if (lies) {
        result = 0;
    } else if (failed) {
        errno = fault_number();
    } else {
        result = behind(fd);
    }
    const int kept = errno;
    if (undo_fd >= 0 && result == 0 && !lies) {
        const uint64_t head[6] = {2, covered, 0, 0, 0, strlen(path)};
        char record[sizeof head + PATH_MAX];
        memcpy(record, head, sizeof head);
        memcpy(record + sizeof head, path, strlen(path));
        put(undo_fd, record, sizeof head + strlen(path));
    }
    if (ledger_fd >= 0) {
        struct stat info;
        char line[160];
        const unsigned long long file = fstat(fd, &info) == 0 ? (unsigned long long)info.st_ino : 0;
        const int length = snprintf(line, sizeof line, "sync %llu %llu %d %llu .\n", (unsigned long long)now_us(),
                                    (unsigned long long)began, result == 0 ? 0 : kept, file);
        put(ledger_fd, line, (size_t)length);
    }
    free(path);
    errno = kept;
    return result;
}

int fdatasync(int fd) {
    return sync_ours(fd, REAL(fdatasync, int, int));
}
int fsync(int fd) {
    return sync_ours(fd, REAL(fsync, int, int));
}
