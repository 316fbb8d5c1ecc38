/*
 * Folders and paths. Reference: base.h.
 */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_exists(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISREG(st.st_mode);
}

bool dir_exists(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

int path_join(char *dst, size_t size, struct err *e, const char *a, const char *b)
{
	size_t n = strlen(a);
	int total = snprintf(dst, size, "%s%s%s", a, n && a[n - 1] != '/' ? "/" : "", b);
	if (total < 0 || (size_t)total >= size) {
		if (size)
			dst[0] = 0;
		return err_set(e, ERR_FAILED, "%s/%s: the path is longer than %zu bytes", a, b, size ? size - 1 : 0);
	}
	return 0;
}

int dir_make(const char *path, struct err *e)
{
	char part[PATH_SIZE];
	int rc = path_join(part, sizeof part, e, "", path);
	for (char *at = part; !rc && *at;) {
		at += strspn(at, "/");
		at += strcspn(at, "/");
		char rest = *at;
		*at = 0;
		/* mkdir first: checking beforehand would race with another process making the same folder. */
		if (fault_hit(FAULT_FILE) || (mkdir(part, 0755) && (errno != EEXIST || !dir_exists(part))))
			rc = err_errno(e, "make folder", part);
		*at = rest;
	}
	return rc;
}

int dir_sync(const char *path, struct err *e)
{
	int fd = fault_hit(FAULT_FILE) ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "open folder", path);
	int rc = fault_hit(FAULT_FILE) || fsync(fd) ? err_errno(e, "fsync of folder", path) : 0;
	close(fd);
	return rc;
}

/* Empties and removes parent/name; `path` is its full name, for messages. Descends by descriptor, so no link is followed. */
static int remove_tree(int parent, const char *name, const char *path, struct err *e)
{
	int rc = 0, fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		rc = err_errno(e, "open folder", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	for (struct dirent *d; !rc && (d = readdir(dir));) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (!unlinkat(fd, d->d_name, 0))
			continue;
		if (errno == EISDIR || errno == EPERM) /* Linux says EISDIR, POSIX EPERM */
			rc = remove_tree(fd, d->d_name, path, e);
		else
			rc = err_errno(e, "empty folder", path);
	}
	closedir(dir);
	if (!rc && unlinkat(parent, name, AT_REMOVEDIR))
		rc = err_errno(e, "remove folder", path);
	return rc;
}

int dir_remove(const char *path, struct err *e)
{
	struct stat st;
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : err_errno(e, "remove folder", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_FAILED, "remove folder %s: not a folder", path);
	return remove_tree(AT_FDCWD, path, path, e);
}

/* Of a file_writer that was killed between its first byte and its rename: FILE_TEMPORARY and the number of a process that is no more. */
static bool is_leftover(const char *name)
{
	const char *at = strstr(name, FILE_TEMPORARY);
	char *end;
	if (!at || at == name)
		return false;
	long pid = strtol(at + strlen(FILE_TEMPORARY), &end, 10);
	return !*end && pid > 0 && (pid == (long)getpid() || (kill((pid_t)pid, 0) && errno == ESRCH));
}

static void leftovers_remove(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *entry; d && (entry = readdir(d));)
		if (is_leftover(entry->d_name))
			unlinkat(dir_fd, entry->d_name, 0); /* failing that, it merely stays */
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

int dir_lock(int *fd, const char *dir, struct err *e)
{
	*fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return err_errno(e, "open folder", dir);
	if (!flock(*fd, LOCK_EX | LOCK_NB)) {
		leftovers_remove(*fd);
		return 0;
	}
	int rc = errno == EWOULDBLOCK ? err_set(e, ERR_FAILED, "%s: another process works in this folder", dir)
				      : err_errno(e, "lock", dir);
	dir_unlock(*fd);
	*fd = -1;
	return rc;
}

void dir_unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}
