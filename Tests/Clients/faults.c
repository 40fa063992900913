/* Stands between a process and its files: counts, records, fails or cuts short what it does below one directory.
 *
 * Loaded by LD_PRELOAD and steered through a small file that both sides map (FAULTS_CONTROL, laid out as `struct control`), so that
 * a fault can be ordered while the process runs. Operations are taken one at a time: the record has them in the order in which they
 * happened. `faults.py` is the other side. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN = 1, WRITE = 2, SYNC = 4, RENAME = 8, UNLINK = 16, MKDIR = 32, TRUNCATE = 64, READ = 128, RMDIR = 256 };
enum action { NOTHING = 0, FAIL = 1, KILL = 2, SHORT = 3, TORN = 4 };

struct control {
  uint32_t action;      /* what happens at operation number `at` */
  uint32_t error;       /* the errno of FAIL, and of what follows a SHORT write */
  uint32_t kinds;       /* which kinds count */
  uint32_t is_lasting;  /* whether everything from `at` on fails */
  uint64_t at;          /* 1: the next one that counts */
  uint64_t count;       /* how many have counted since the order was given */
  uint64_t happened;    /* how often something was done to one */
  char root[1024];
  char match[256];      /* only paths that contain this count; empty: all */
};

/* A record of the trace, followed by two paths and the bytes written. */
struct entry {
  uint32_t kind;
  uint32_t flags; /* WRITE: 1 on the disk when it returned. SYNC: 1 a directory. OPEN: 1 made, 2 emptied */
  uint64_t file;  /* inode */
  uint64_t offset;
  uint32_t path_size, other_size;
  uint64_t data_size;
};

#define FILES 4096
static struct control *control;
static int trace = -1;
static char *paths[FILES];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULTS_CONTROL");
  int file = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  syscall(SYS_close, file);
  if (map == MAP_FAILED) return;
  path = getenv("FAULTS_TRACE");
  if (path) trace = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  control = map;
}

/* The whole path, whatever of it exists; in a buffer of PATH_MAX bytes. */
static const char *whole(const char *path, char *buffer) {
  char parent[PATH_MAX];
  if (path[0] == '/') return path;
  if (!getcwd(parent, sizeof parent) || strlen(parent) + strlen(path) + 2 > PATH_MAX) return path;
  while (path[0] == '.' && path[1] == '/') path += 2;
  strcpy(buffer, parent);
  if (strcmp(path, ".") != 0) strcat(strcat(buffer, "/"), path);
  return buffer;
}

static int is_below(const char *path) {
  size_t length = strlen(control->root);
  return strncmp(path, control->root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static const char *path_of(int file) { return control && file >= 0 && file < FILES ? paths[file] : NULL; }

/* What is to be done to an operation; sets errno. The caller holds the mutex. */
static enum action next(enum kind kind, const char *path) {
  if (!control->action || !(control->kinds & kind)) return NOTHING;
  if (control->match[0] && !strstr(path, control->match)) return NOTHING;
  uint64_t count = ++control->count;
  if (count != control->at && !(control->is_lasting && count > control->at)) return NOTHING;
  control->happened++;
  if (control->action == KILL) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  errno = control->error;
  /* Only a write can be cut short; and what was cut once fails as a whole from then on. */
  if ((control->action == SHORT || control->action == TORN) && (kind != WRITE || count > control->at)) return FAIL;
  return control->action;
}

static void put(const void *bytes, size_t size) {
  while (size) {
    ssize_t count = syscall(SYS_write, trace, bytes, size);
    if (count <= 0) abort();
    bytes = (const char *)bytes + count;
    size -= count;
  }
}

static uint64_t inode(int file) {
  struct stat status;
  return fstat(file, &status) == 0 ? status.st_ino : 0;
}

static void record(enum kind kind, uint32_t flags, uint64_t file, uint64_t offset, const char *path, const char *other,
                   const void *data, size_t size) {
  if (trace < 0) return;
  int error = errno;
  struct entry entry = {kind, flags, file, offset, strlen(path), other ? strlen(other) : 0, size};
  put(&entry, sizeof entry);
  put(path, entry.path_size);
  if (other) put(other, entry.other_size);
  if (data) put(data, size);
  errno = error;
}

/* Files */

static int open_below(int directory, const char *name, int flags, mode_t mode) {
  char buffer[PATH_MAX], target[PATH_MAX];
  const char *path = whole(name, buffer);
  if (!control || (directory != AT_FDCWD && name[0] != '/') || !is_below(path))
    return syscall(SYS_openat, directory, name, flags, mode);
  int writes = (flags & O_ACCMODE) != O_RDONLY, file = -1;
  pthread_mutex_lock(&mutex);
  if (next(writes ? OPEN : READ, path) == NOTHING) {
    int was_there = access(path, F_OK) == 0;
    file = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (file >= 0 && file < FILES) {
      free(paths[file]);
      paths[file] = strdup(realpath(path, target) ? target : path);
      uint32_t made = (was_there ? 0 : 1) | (flags & O_TRUNC && was_there ? 2 : 0);
      if (writes && made) record(OPEN, made, inode(file), 0, path, NULL, NULL, 0);
    }
  }
  pthread_mutex_unlock(&mutex);
  return file;
}

#define OPENING(name)                                        \
  int name(const char *path, int flags, ...) {               \
    va_list list;                                            \
    va_start(list, flags);                                   \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0; \
    va_end(list);                                            \
    return open_below(AT_FDCWD, path, flags, mode);          \
  }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name)                                     \
  int name(int directory, const char *path, int flags, ...) {\
    va_list list;                                            \
    va_start(list, flags);                                   \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0; \
    va_end(list);                                            \
    return open_below(directory, path, flags, mode);         \
  }
OPENING_AT(openat)
OPENING_AT(openat64)

int __open_2(const char *path, int flags) { return open_below(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_below(AT_FDCWD, path, flags, 0); }
int creat(const char *path, mode_t mode) { return open_below(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

int close(int file) {
  if (path_of(file)) {
    pthread_mutex_lock(&mutex);
    free(paths[file]);
    paths[file] = NULL;
    pthread_mutex_unlock(&mutex);
  }
  return syscall(SYS_close, file);
}

/* Bytes */

static ssize_t write_pieces(int file, const struct iovec *pieces, int count, off_t offset, int is_placed) {
  const char *path = path_of(file);
  size_t size = 0;
  for (int index = 0; index < count; index++) size += pieces[index].iov_len;
  /* Aligned, as a file needs it that is written past the page cache. */
  char *data = NULL;
  if (posix_memalign((void **)&data, 4096, size ? size : 1) != 0) abort();
  char *end = data;
  for (int index = 0; index < count; end += pieces[index++].iov_len)
    memcpy(end, pieces[index].iov_base, pieces[index].iov_len);
  ssize_t written = -1;
  pthread_mutex_lock(&mutex);
  enum action action = next(WRITE, path);
  if (action != FAIL) {
    size_t wanted = action == NOTHING ? size : size / 2;
    written = is_placed ? syscall(SYS_pwrite64, file, data, wanted, offset) : syscall(SYS_write, file, data, wanted);
    if (written >= 0) {
      off_t start = is_placed ? offset : lseek(file, 0, SEEK_CUR) - written;
      uint32_t is_durable = fcntl(file, F_GETFL) & (O_DSYNC | O_SYNC) ? 1 : 0;
      record(WRITE, is_durable, inode(file), start, path, NULL, data, written);
    }
    if (action == TORN) {
      kill(getpid(), SIGKILL);
      for (;;) pause();
    }
  }
  pthread_mutex_unlock(&mutex);
  free(data);
  return written;
}

ssize_t write(int file, const void *bytes, size_t size) {
  struct iovec piece = {(void *)bytes, size};
  return path_of(file) ? write_pieces(file, &piece, 1, 0, 0) : syscall(SYS_write, file, bytes, size);
}
ssize_t writev(int file, const struct iovec *pieces, int count) {
  return path_of(file) ? write_pieces(file, pieces, count, 0, 0) : syscall(SYS_writev, file, pieces, count);
}
ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
  struct iovec piece = {(void *)bytes, size};
  return path_of(file) ? write_pieces(file, &piece, 1, offset, 1) : syscall(SYS_pwrite64, file, bytes, size, offset);
}
ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset) { return pwrite(file, bytes, size, offset); }
ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t offset) {
  return path_of(file) ? write_pieces(file, pieces, count, offset, 1)
                       : syscall(SYS_pwritev, file, pieces, count, offset, 0);
}
ssize_t pwritev64(int file, const struct iovec *pieces, int count, off64_t offset) {
  return pwritev(file, pieces, count, offset);
}

static int may_read(int file) {
  const char *path = path_of(file);
  if (!path) return 1;
  pthread_mutex_lock(&mutex);
  enum action action = next(READ, path);
  pthread_mutex_unlock(&mutex);
  return action == NOTHING;
}
ssize_t read(int file, void *bytes, size_t size) { return may_read(file) ? syscall(SYS_read, file, bytes, size) : -1; }
ssize_t pread(int file, void *bytes, size_t size, off_t offset) {
  return may_read(file) ? syscall(SYS_pread64, file, bytes, size, offset) : -1;
}
ssize_t pread64(int file, void *bytes, size_t size, off64_t offset) { return pread(file, bytes, size, offset); }

static int sync_file(int file, long call) {
  const char *path = path_of(file);
  if (!path) return syscall(call, file);
  int result = -1;
  pthread_mutex_lock(&mutex);
  if (next(SYNC, path) == NOTHING) {
    struct stat status;
    fstat(file, &status);
    result = syscall(call, file);
    if (result == 0) record(SYNC, S_ISDIR(status.st_mode) ? 1 : 0, status.st_ino, 0, path, NULL, NULL, 0);
  }
  pthread_mutex_unlock(&mutex);
  return result;
}
int fsync(int file) { return sync_file(file, SYS_fsync); }
int fdatasync(int file) { return sync_file(file, SYS_fdatasync); }

static int resize(int file, off_t size, int only_grows) {
  const char *path = path_of(file);
  int result = -1;
  pthread_mutex_lock(&mutex);
  if (next(TRUNCATE, path) == NOTHING) {
    struct stat status;
    result = only_grows ? syscall(SYS_fallocate, file, 0, 0, size) : syscall(SYS_ftruncate, file, size);
    if (result == 0 && fstat(file, &status) == 0)
      record(TRUNCATE, 0, status.st_ino, status.st_size, path, NULL, NULL, 0);
  }
  pthread_mutex_unlock(&mutex);
  return result;
}
int ftruncate(int file, off_t size) { return path_of(file) ? resize(file, size, 0) : syscall(SYS_ftruncate, file, size); }
int ftruncate64(int file, off64_t size) { return ftruncate(file, size); }
int posix_fallocate(int file, off_t offset, off_t size) {
  if (!path_of(file)) return REAL(posix_fallocate)(file, offset, size);
  return resize(file, offset + size, 1) == 0 ? 0 : errno;
}
int posix_fallocate64(int file, off64_t offset, off64_t size) { return posix_fallocate(file, offset, size); }
int fallocate(int file, int mode, off_t offset, off_t size) {
  if (!path_of(file) || mode != 0) return syscall(SYS_fallocate, file, mode, offset, size);
  return resize(file, offset + size, 1);
}
int fallocate64(int file, int mode, off64_t offset, off64_t size) { return fallocate(file, mode, offset, size); }

/* Directories */

static int change(enum kind kind, const char *name, const char *new_name, int (*act)(const char *, const char *)) {
  char buffer[PATH_MAX], other[PATH_MAX];
  const char *path = whole(name, buffer), *new_path = new_name ? whole(new_name, other) : NULL;
  if (!control || (!is_below(path) && !(new_path && is_below(new_path)))) return act(path, new_path);
  int result = -1;
  pthread_mutex_lock(&mutex);
  if (next(kind, new_path ? new_path : path) == NOTHING) {
    result = act(path, new_path);
    if (result == 0) record(kind, 0, 0, 0, path, new_path, NULL, 0);
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

static int really_rename(const char *path, const char *new_path) {
  return syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, new_path, 0);
}
static int really_unlink(const char *path, const char *ignored) {
  (void)ignored;
  return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
static int really_rmdir(const char *path, const char *ignored) {
  (void)ignored;
  return syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}
static __thread mode_t new_mode;
static int really_mkdir(const char *path, const char *ignored) {
  (void)ignored;
  return syscall(SYS_mkdirat, AT_FDCWD, path, new_mode);
}

int rename(const char *path, const char *new_path) { return change(RENAME, path, new_path, really_rename); }
int unlink(const char *path) { return change(UNLINK, path, NULL, really_unlink); }
int rmdir(const char *path) { return change(RMDIR, path, NULL, really_rmdir); }
int mkdir(const char *path, mode_t mode) {
  new_mode = mode;
  return change(MKDIR, path, NULL, really_mkdir);
}
