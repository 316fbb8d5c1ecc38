/*
 * Files: whole reads, read-only maps, atomic replacement. Every system call that can fail for want of disk passes
 * fault_hit, so that tests can fail each in turn. Reference: base.h; open(2), rename(2), fsync(2).
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) /* clang's word for it */
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { READ_CHUNK = 64 * 1024, PENDING_MAX = 1024 * 1024 };

/* ---- system calls, with faults and EINTR ------------------------------------------------------------------------------- */

static int open_checked(const char *path, int flags)
{
	int fd;
	do
		fd = fault_hit(FAULT_FILE) ? -1 : open(path, flags | O_CLOEXEC, 0644);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static ssize_t read_checked(int fd, void *p, size_t n)
{
	ssize_t got;
	do
		got = fault_hit(FAULT_FILE) ? -1 : read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* All n bytes; short writes continue. */
static int write_checked(int fd, const void *p, size_t n)
{
	for (const char *at = p; n;) {
		ssize_t put = fault_hit(FAULT_FILE) ? -1 : write(fd, at, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		at += put;
		n -= (size_t)put;
	}
	return 0;
}

/* A failed fsync is never repeated: the kernel may have dropped the pages, and a second call would then lie. */
static int fsync_checked(int fd)
{
	return fault_hit(FAULT_FILE) ? -1 : fsync(fd);
}

static int rename_checked(const char *from, const char *to)
{
	return fault_hit(FAULT_FILE) ? -1 : rename(from, to);
}

static void close_fd(int fd)
{
	if (fd > STDERR_FILENO)
		close(fd);
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

int file_read(const char *path, size_t max_size, struct buf *out, struct err *e)
{
	int rc = 0, fd = strcmp(path, "-") ? open_checked(path, O_RDONLY) : STDIN_FILENO;
	size_t start = out->len;
	char chunk[READ_CHUNK];
	if (fd < 0)
		return err_errno(e, "open", path);
	for (;;) {
		ssize_t n = read_checked(fd, chunk, sizeof chunk);
		if (n < 0) {
			rc = err_errno(e, "read", path);
			goto done;
		}
		if (!n)
			break;
		if ((size_t)n > max_size - (out->len - start)) {
			rc = err_set(e, ERR_DATA, "%s: larger than the %zu bytes accepted here", path, max_size);
			goto done;
		}
		rc = buf_append(out, chunk, (size_t)n, e);
		if (rc) {
			err_prefix(e, "%s", path);
			goto done;
		}
	}
done:
	if (rc && out->p) /* nothing of a file that could not be read whole */
		out->p[out->len = start] = 0;
	close_fd(fd);
	return rc;
}

/* What the map holds behind the file's end, up to the page's, is readable zeros: AddressSanitizer shall see it as out of bounds. */
static size_t map_slack(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	return (page - size % page) % page;
}

int file_map_open(struct file_map *m, const char *path, struct err *e)
{
	*m = (struct file_map){0};
	int rc = 0, fd = open_checked(path, O_RDONLY | O_NONBLOCK); /* a named pipe must not block: it is refused below */
	struct stat st;
	if (fd < 0 || fstat(fd, &st)) {
		rc = err_errno(e, "open", path);
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		rc = err_set(e, ERR_DATA, "%s: not a regular file", path);
		goto done;
	}
	if (!st.st_size)
		goto done;
	void *p = fault_hit(FAULT_FILE) ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		rc = err_errno(e, "map", path);
		goto done;
	}
	*m = (struct file_map){.p = p, .size = (size_t)st.st_size};
	ASAN_POISON_MEMORY_REGION(m->p + m->size, map_slack(m->size));
done:
	close_fd(fd);
	return rc;
}

void file_map_forget(const struct file_map *m, size_t first, size_t end)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	first = (first + page - 1) / page * page;
	end = end == m->size ? end : end / page * page;
	if (first < end)
		madvise((void *)(uintptr_t)(m->p + first), end - first,
			MADV_DONTNEED); /* advice: that it failed would matter to nobody */
}

void file_map_close(struct file_map *m)
{
	if (m->p) {
		ASAN_UNPOISON_MEMORY_REGION(m->p + m->size, map_slack(m->size));
		munmap((void *)(uintptr_t)m->p, m->size);
	}
	*m = (struct file_map){0};
}

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

/* The folder that holds `path`, into dst. */
static int path_parent(char *dst, size_t size, struct err *e, const char *path)
{
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash == path ? 1 : slash - path) : 1;
	if ((size_t)n >= size)
		return err_set(e, ERR_FAILED, "%s: the path is longer than %zu bytes", path, size - 1);
	snprintf(dst, size, "%.*s", n, slash ? path : ".");
	return 0;
}

/* A device or a pipe, which a rename would put a file in the place of: with the superuser's rights even of /dev/null. */
static bool is_stream(const char *path)
{
	struct stat st;
	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int file_writer_open(struct file_writer *w, const char *path, struct err *e)
{
	const bool stream = is_stream(path);
	*w = (struct file_writer){.fd = -1};
	struct buf name = {0};
	int rc = stream ? 0 : buf_printf(&name, e, "%s" FILE_TEMPORARY "%ld", path, (long)getpid());
	if (rc)
		goto done;
	w->temporary = name.p;
	w->path = mem_strdup(path, e);
	if (!w->path) {
		rc = ERR_RESOURCE;
		goto done;
	}
	w->fd = stream ? open_checked(path, O_WRONLY) : open_checked(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
	if (w->fd < 0)
		rc = stream ? err_errno(e, "open", path) : err_errno(e, "create", w->temporary);
	w->open = w->fd >= 0;
done:
	if (rc)
		file_writer_abort(w);
	return rc;
}

static int file_writer_flush(struct file_writer *w, const void *p, size_t n, struct err *e)
{
	return write_checked(w->fd, p, n) ? err_errno(e, "write", w->path) : 0;
}

int file_writer_put(struct file_writer *w, const void *p, size_t n, struct err *e)
{
	int rc = 0;
	if (w->pending.len + n > PENDING_MAX) {
		rc = file_writer_flush(w, w->pending.p, w->pending.len, e);
		buf_clear(&w->pending);
	}
	if (rc)
		return rc;
	return n > PENDING_MAX ? file_writer_flush(w, p, n, e) : buf_append(&w->pending, p, n, e);
}

int file_writer_commit(struct file_writer *w, struct err *e)
{
	char parent[PATH_SIZE];
	int rc = file_writer_flush(w, w->pending.p, w->pending.len, e);
	if (rc || !w->temporary)
		goto done;
	if (fsync_checked(w->fd)) {
		rc = err_errno(e, "fsync", w->path);
		goto done;
	}
	rc = path_parent(parent, sizeof parent, e, w->path);
	if (rc)
		goto done;
	if (rename_checked(w->temporary, w->path)) {
		rc = err_errno(e, "rename to", w->path);
		goto done;
	}
	rc = dir_sync(parent, e);
done:
	file_writer_abort(w);
	return rc;
}

void file_writer_abort(struct file_writer *w)
{
	if (w->open) {
		close(w->fd);
		if (w->temporary)
			unlink(w->temporary); /* after the rename there is none */
	}
	mem_free(w->path);
	mem_free(w->temporary);
	buf_release(&w->pending);
	*w = (struct file_writer){0};
}

int file_replace(const char *path, const void *p, size_t n, struct err *e)
{
	struct file_writer w;
	int rc = file_writer_open(&w, path, e);
	if (rc)
		return rc;
	rc = file_writer_flush(&w, p, n, e);
	if (rc)
		file_writer_abort(&w);
	else
		rc = file_writer_commit(&w, e);
	return rc;
}

/* May the bytes of this file be replaced? `st` gets whose it is. */
static int rewrite_check(const char *path, struct stat *st, struct err *e)
{
	if (lstat(path, st))
		return err_errno(e, "open", path);
	if (S_ISLNK(st->st_mode))
		return err_set(e, ERR_DATA, "%s: a symbolic link is not written through; name the file that it leads to", path);
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_DATA, "%s: not a regular file", path);
	if (!(st->st_mode & 0222) || access(path, W_OK)) /* the superuser may always, but is not meant to */
		return err_set(e, ERR_DATA, "%s: the file is read-only", path);
	return 0;
}

int file_rewrite(const char *path, const void *p, size_t n, struct err *e)
{
	struct stat st;
	struct file_writer w;
	int rc = rewrite_check(path, &st, e);
	if (!rc)
		rc = file_writer_open(&w, path, e);
	if (rc)
		return rc;
	if (fault_hit(FAULT_FILE) || ((st.st_uid != geteuid() || st.st_gid != getegid()) && fchown(w.fd, st.st_uid, st.st_gid)) ||
		fchmod(w.fd, st.st_mode & 07777))
		rc = err_errno(e, "keep the owner and permissions of", path);
	if (!rc)
		rc = file_writer_flush(&w, p, n, e);
	if (!rc)
		return file_writer_commit(&w, e);
	file_writer_abort(&w);
	return rc;
}

int file_append(const char *path, const void *p, size_t n, struct err *e)
{
	int fd = open_checked(path, O_WRONLY | O_APPEND | O_CREAT);
	if (fd < 0)
		return err_errno(e, "open", path);
	int rc = write_checked(fd, p, n) ? err_errno(e, "append to", path) : 0;
	close_fd(fd);
	return rc;
}
