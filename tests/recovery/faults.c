/* What stands between a process and its disk, for tests that kill or refuse at an exact step.
 *
 * Loaded before the C library (LD_PRELOAD), this counts every call that changes what is on the disk, of Python and of
 * DuckDB alike. Once armed it does one thing at one step: ends the process before the step, ends it in the middle
 * of a write, or lets the step fail as a disk would. Reads, pipes and sockets are not steps.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF = 0, COUNT = 1, KILL = 2, TEAR = 3, FAIL_ONCE = 4, FAIL_ON = 5, FAIL_WRITES = 6 };
enum { MOST_STEPS = 20000, STEP_TEXT = 96 };

static atomic_int mode = OFF, taken = 0;
static int at_step, with_errno;
static char (*steps)[STEP_TEXT];

/* Called from Python, in the child that is to suffer it. */
void faults_arm(int new_mode, int step, int error) {
    if (!steps) steps = calloc(MOST_STEPS, STEP_TEXT);
    at_step = step;
    with_errno = error;
    atomic_store(&taken, 0);
    atomic_store(&mode, new_mode);
}

int faults_disarm(void) {
    atomic_store(&mode, OFF);
    return atomic_load(&taken);
}

const char *faults_step(int step) { return steps && step > 0 && step <= MOST_STEPS ? steps[step - 1] : ""; }

static void die(void) { syscall(SYS_kill, getpid(), SIGKILL); for (;;) pause(); }

static const char *base_of(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

/* The number of this step, or 0 where it is none. */
static int step_of(const char *what, int fd, const char *path) {
    if (atomic_load(&mode) == OFF) return 0;
    char link[64], name[512] = "";
    if (path) {
        snprintf(name, sizeof name, "%s", path);
    } else {
        struct stat about;
        if (fstat(fd, &about) != 0 || !(S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))) return 0;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, name, sizeof name - 1);
        name[length > 0 ? length : 0] = 0;
    }
    int number = atomic_fetch_add(&taken, 1) + 1;
    if (number <= MOST_STEPS) snprintf(steps[number - 1], STEP_TEXT, "%s %s", what, base_of(name));
    return number;
}

static int is_write(const char *what) { return what[0] == 'w' || what[0] == 'a'; }

/* Whether the step must not happen; errno tells why. */
static int refused(const char *what, int fd, const char *path) {
    int number = step_of(what, fd, path);
    if (!number) return 0;
    int now = atomic_load(&mode);
    if (now == KILL && number == at_step) die();
    int hit = (now == FAIL_ONCE && number == at_step) || (now == FAIL_ON && number >= at_step) ||
              (now == FAIL_WRITES && number >= at_step && is_write(what));
    if (hit) errno = with_errno;
    return hit;
}

static int torn(void) { return atomic_load(&mode) == TEAR && atomic_load(&taken) == at_step; }

#define REAL(type, name, ...)                                             \
    static type (*real)(__VA_ARGS__);                                     \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define WRITES(name, params, half, whole)                                 \
    {                                                                     \
        if (refused("write", fd, NULL)) return -1;                        \
        if (torn()) { half; die(); }                                      \
        return whole;                                                     \
    }

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    WRITES(write, , real(fd, data, size / 2), real(fd, data, size))
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    WRITES(pwrite, , real(fd, data, size / 2, at), real(fd, data, size, at))
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    WRITES(pwrite64, , real(fd, data, size / 2, at), real(fd, data, size, at))
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    WRITES(writev, , real(fd, parts, count / 2), real(fd, parts, count))
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t);
    WRITES(pwritev, , real(fd, parts, count / 2, at), real(fd, parts, count, at))
}
ssize_t sendfile(int out, int in, off_t *at, size_t size) {
    REAL(ssize_t, sendfile, int, int, off_t *, size_t);
    if (refused("write", out, NULL)) return -1;
    if (torn()) { real(out, in, at, size / 2); die(); }
    return real(out, in, at, size);
}
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
    if (refused("write", out, NULL)) return -1;
    if (torn()) { real(in, from, out, to, size / 2, flags); die(); }
    return real(in, from, out, to, size, flags);
}

#define ON_FD(name, params, call, what)                                   \
    int name params {                                                     \
        REAL(int, name, STRIP params);                                    \
        if (refused(what, fd, NULL)) return -1;                           \
        int result = real call;                                           \
        if (torn()) die();                                                \
        return result;                                                    \
    }
#define STRIP(...) __VA_ARGS__

ON_FD(fsync, (int fd), (fd), "fsync")
ON_FD(fdatasync, (int fd), (fd), "fsync")
ON_FD(ftruncate, (int fd, off_t size), (fd, size), "ftruncate")
ON_FD(ftruncate64, (int fd, off64_t size), (fd, size), "ftruncate")
ON_FD(fchmod, (int fd, mode_t bits), (fd, bits), "chmod")
ON_FD(fallocate, (int fd, int how, off_t at, off_t size), (fd, how, at, size), "allocate")
ON_FD(fallocate64, (int fd, int how, off64_t at, off64_t size), (fd, how, at, size), "allocate")

int posix_fallocate(int fd, off_t at, off_t size) {
    REAL(int, posix_fallocate, int, off_t, off_t);
    if (refused("allocate", fd, NULL)) return errno;
    int result = real(fd, at, size);
    if (torn()) die();
    return result;
}

#define ON_PATH(name, params, call, what, path)                           \
    int name params {                                                     \
        REAL(int, name, STRIP params);                                    \
        if (refused(what, -1, path)) return -1;                           \
        int result = real call;                                           \
        if (torn()) die();                                                \
        return result;                                                    \
    }

ON_PATH(rename, (const char *from, const char *to), (from, to), "rename to", to)
ON_PATH(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), "rename to", to)
ON_PATH(renameat2, (int a, const char *from, int b, const char *to, unsigned f), (a, from, b, to, f), "rename to", to)
ON_PATH(link, (const char *from, const char *to), (from, to), "link", to)
ON_PATH(linkat, (int a, const char *from, int b, const char *to, int f), (a, from, b, to, f), "link", to)
ON_PATH(unlink, (const char *path), (path), "unlink", path)
ON_PATH(unlinkat, (int at, const char *path, int flags), (at, path, flags), "unlink", path)
ON_PATH(remove, (const char *path), (path), "unlink", path)
ON_PATH(rmdir, (const char *path), (path), "rmdir", path)
ON_PATH(mkdir, (const char *path, mode_t bits), (path, bits), "mkdir", path)
ON_PATH(mkdirat, (int at, const char *path, mode_t bits), (at, path, bits), "mkdir", path)
ON_PATH(chmod, (const char *path, mode_t bits), (path, bits), "chmod", path)
ON_PATH(truncate, (const char *path, off_t size), (path, size), "ftruncate", path)

#define MAKES(flags) ((flags) & (O_CREAT | O_TRUNC) || ((flags) & O_TMPFILE) == O_TMPFILE)
#define OPENS(name)                                                                    \
    int name(const char *path, int flags, ...) {                                       \
        REAL(int, name, const char *, int, ...);                                       \
        mode_t bits = 0;                                                               \
        if (MAKES(flags)) { va_list rest; va_start(rest, flags); bits = va_arg(rest, mode_t); va_end(rest); } \
        if (MAKES(flags) && strncmp(path, "/dev/", 5) && refused("open", -1, path)) return -1; \
        int result = real(path, flags, bits);                                          \
        if (MAKES(flags) && torn()) die();                                             \
        return result;                                                                 \
    }
#define OPENS_AT(name)                                                                 \
    int name(int at, const char *path, int flags, ...) {                               \
        REAL(int, name, int, const char *, int, ...);                                  \
        mode_t bits = 0;                                                               \
        if (MAKES(flags)) { va_list rest; va_start(rest, flags); bits = va_arg(rest, mode_t); va_end(rest); } \
        if (MAKES(flags) && refused("open", -1, path)) return -1;                      \
        int result = real(at, path, flags, bits);                                      \
        if (MAKES(flags) && torn()) die();                                             \
        return result;                                                                 \
    }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)
