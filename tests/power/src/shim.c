// Stands between a process and the files below one folder: notes what is written, synced, named and removed, in the
// order in which it happens, and lets one call fail or wait. Loaded with LD_PRELOAD, so that the process under test is
// the one that is shipped: its database, its standard library and its calls of the system are not replaced.
//
// The environment says what to do:
//   DISK_ROOT   the folder, absolute
//   DISK_TRACE  where to note it; appended to, so that one trace can go on through several processes
//   DISK_FAULT  "CALL SUFFIX NUMBER KIND": the NUMBERth CALL (sync, write, truncate) of a file with this SUFFIX
//               fails once (eio), writes half (short), is interrupted once (eintr), or waits until the file
//               DISK_TRACE.go is there, and makes DISK_TRACE.waits meanwhile (stall)
//
// A sync does not reach the real disk: what a power cut leaves is worked out from the trace, and nobody waits.
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
#include <sys/syscall.h>
#include <unistd.h>

enum { WRITE = 1, TRUNCATE, SYNC, CREATE, LINK, UNLINK, RENAME, MKDIR, SYNC_FOLDER };
enum { MOST_FILES = 4096 };

struct head {
  uint8_t kind, failed;
  uint16_t name_bytes;
  uint32_t data_bytes;
  uint64_t file, place;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX], go[PATH_MAX], waits[PATH_MAX];
static char *paths[MOST_FILES]; // by file descriptor; absent for files that are not watched
static int trace = -1;
static char fault_call[16], fault_suffix[64], fault_kind[16];
static long fault_left;

__attribute__((constructor)) static void begin(void) {
  const char *where = getenv("DISK_TRACE"), *folder = getenv("DISK_ROOT"), *fault = getenv("DISK_FAULT");
  if (!where || !folder) return;
  snprintf(root, sizeof root, "%s", folder);
  snprintf(go, sizeof go, "%s.go", where);
  snprintf(waits, sizeof waits, "%s.waits", where);
  trace = (int)syscall(SYS_openat, AT_FDCWD, where, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fault) sscanf(fault, "%15s %63s %ld %15s", fault_call, fault_suffix, &fault_left, fault_kind);
}

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int below(const char *path) {
  size_t n = strlen(root);
  return trace >= 0 && n && path && !strncmp(path, root, n) && (path[n] == '/' || !path[n]);
}

static const char *watched(int fd) { return fd >= 0 && fd < MOST_FILES && trace >= 0 ? paths[fd] : NULL; }

static void put(const void *bytes, size_t count) {
  const char *at = bytes;
  while (count) {
    ssize_t n = syscall(SYS_write, trace, at, count);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) abort(); // a trace with a gap proves nothing
    at += n, count -= (size_t)n;
  }
}

static void note(int kind, int failed, uint64_t file, uint64_t place, const char *name, const void *data, size_t count) {
  struct head head = {(uint8_t)kind, (uint8_t)failed, name ? (uint16_t)strlen(name) : 0, (uint32_t)count, file, place};
  int kept = errno;
  put(&head, sizeof head);
  if (name) put(name, head.name_bytes);
  if (count) put(data, count);
  errno = kept;
}

static uint64_t number(int fd) {
  struct stat about;
  return fstat(fd, &about) ? 0 : about.st_ino;
}

// Whether this call is the one that goes wrong.
static int struck(const char *call, const char *path) {
  size_t n = strlen(path), suffix = strlen(fault_suffix);
  if (fault_left <= 0 || strcmp(call, fault_call) || n < suffix || strcmp(path + n - suffix, fault_suffix)) return 0;
  return --fault_left == 0;
}

static void stall(void) {
  // Others go on meanwhile.
  pthread_mutex_unlock(&turn);
  close((int)syscall(SYS_openat, AT_FDCWD, waits, O_WRONLY | O_CREAT, 0600));
  while (syscall(SYS_faccessat, AT_FDCWD, go, F_OK)) usleep(1000);
  pthread_mutex_lock(&turn);
}

// Returns the error of a struck call; 0 when it goes on, with `count` halved for a short write.
static int strike(const char *call, const char *path, size_t *count) {
  if (!struck(call, path)) return 0;
  if (!strcmp(fault_kind, "eio")) return EIO;
  if (!strcmp(fault_kind, "eintr")) return EINTR;
  if (!strcmp(fault_kind, "stall")) stall();
  if (!strcmp(fault_kind, "short") && count && *count > 1) *count /= 2;
  return 0;
}

static int opened(int fd, const char *path, int flags, int is_new) {
  if (fd < 0 || fd >= MOST_FILES) return fd;
  free(paths[fd]);
  paths[fd] = strdup(path);
  if (is_new) note(CREATE, 0, number(fd), 0, path, NULL, 0);
  else if (flags & O_TRUNC) note(TRUNCATE, 0, number(fd), 0, NULL, NULL, 0);
  return fd;
}

static int open_any(const char *path, int flags, mode_t mode) {
  if (!below(path)) return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  pthread_mutex_lock(&turn);
  int is_new = (flags & O_CREAT) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK);
  int fd = opened((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), path, flags, is_new);
  pthread_mutex_unlock(&turn);
  return fd;
}

#define MODE(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }

int open(const char *path, int flags, ...) { MODE(flags) return open_any(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_any(path, flags | O_LARGEFILE, mode); }
int openat(int at, const char *path, int flags, ...) {
  MODE(flags)
  return at == AT_FDCWD ? open_any(path, flags, mode) : (int)syscall(SYS_openat, at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
  MODE(flags)
  return at == AT_FDCWD ? open_any(path, flags, mode) : (int)syscall(SYS_openat, at, path, flags, mode);
}

int close(int fd) {
  REAL(close);
  if (!watched(fd)) return real(fd);
  pthread_mutex_lock(&turn);
  free(paths[fd]);
  paths[fd] = NULL;
  int done = real(fd);
  pthread_mutex_unlock(&turn);
  return done;
}

static ssize_t write_at(int fd, const void *bytes, size_t count, off64_t place, int positioned) {
  pthread_mutex_lock(&turn);
  const char *path = paths[fd];
  int error = strike("write", path, &count);
  ssize_t done = -1;
  if (error) errno = error;
  else {
    if (!positioned) {
      struct stat about;
      int at_end = fcntl(fd, F_GETFL) & O_APPEND;
      place = at_end && !fstat(fd, &about) ? about.st_size : lseek64(fd, 0, SEEK_CUR);
    }
    done = positioned ? syscall(SYS_pwrite64, fd, bytes, count, place) : syscall(SYS_write, fd, bytes, count);
    if (done > 0) note(WRITE, 0, number(fd), (uint64_t)place, NULL, bytes, (size_t)done);
  }
  pthread_mutex_unlock(&turn);
  return done;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  return watched(fd) ? write_at(fd, bytes, count, 0, 0) : syscall(SYS_write, fd, bytes, count);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t place) {
  return watched(fd) ? write_at(fd, bytes, count, place, 1) : syscall(SYS_pwrite64, fd, bytes, count, place);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t place) {
  return watched(fd) ? write_at(fd, bytes, count, place, 1) : syscall(SYS_pwrite64, fd, bytes, count, place);
}

static int sync_any(int fd) {
  pthread_mutex_lock(&turn);
  struct stat about;
  const char *path = paths[fd];
  int error = strike("sync", path, NULL);
  if (!fstat(fd, &about)) {
    if (S_ISDIR(about.st_mode)) note(SYNC_FOLDER, error != 0, 0, 0, path, NULL, 0);
    else note(SYNC, error != 0, about.st_ino, 0, NULL, NULL, 0);
  }
  if (error) errno = error;
  pthread_mutex_unlock(&turn);
  return error ? -1 : 0;
}

int fsync(int fd) { return watched(fd) ? sync_any(fd) : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return watched(fd) ? sync_any(fd) : (int)syscall(SYS_fdatasync, fd); }

static int cut(int fd, off64_t size) {
  pthread_mutex_lock(&turn);
  int error = strike("truncate", paths[fd], NULL), done = -1;
  if (error) errno = error;
  else if (!(done = (int)syscall(SYS_ftruncate, fd, size))) note(TRUNCATE, 0, number(fd), (uint64_t)size, NULL, NULL, 0);
  pthread_mutex_unlock(&turn);
  return done;
}

int ftruncate(int fd, off_t size) { return watched(fd) ? cut(fd, size) : (int)syscall(SYS_ftruncate, fd, size); }
int ftruncate64(int fd, off64_t size) { return watched(fd) ? cut(fd, size) : (int)syscall(SYS_ftruncate, fd, size); }

#define NAMED(path, call, kind) \
  if (!below(path)) return call; \
  pthread_mutex_lock(&turn); \
  int done = call; \
  if (!done) note(kind, 0, 0, 0, path, NULL, 0); \
  pthread_mutex_unlock(&turn); \
  return done;

int unlink(const char *path) { NAMED(path, (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0), UNLINK) }
int mkdir(const char *path, mode_t mode) { NAMED(path, (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode), MKDIR) }

// Two names: the old one is the name, the new one the data.
static int two(int kind, const char *from, const char *to, int done) {
  if (!done) note(kind, 0, 0, 0, from, to, strlen(to));
  pthread_mutex_unlock(&turn);
  return done;
}

int linkat(int at, const char *from, int at_to, const char *to, int flags) {
  if (!below(to)) return (int)syscall(SYS_linkat, at, from, at_to, to, flags);
  pthread_mutex_lock(&turn);
  return two(LINK, from, to, (int)syscall(SYS_linkat, at, from, at_to, to, flags));
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int rename(const char *from, const char *to) {
  if (!below(to)) return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  pthread_mutex_lock(&turn);
  return two(RENAME, from, to, (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
