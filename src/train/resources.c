/*
 * Refusing before the start what would fail hours later: memory, disk, a second process in the same folder.
 * References: proc(5) (MemAvailable), the kernel's cgroup-v2 document (memory.max), flock(2).
 */
#include "train/resources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The first number of a file, or `otherwise` when there is none ("max", or no such file). */
static size_t file_number(const char *path, size_t otherwise)
{
	unsigned long long v = 0;
	FILE *f = fopen(path, "re");
	bool found = f && fscanf(f, "%llu", &v) == 1;
	if (f)
		fclose(f);
	return found ? (size_t)v : otherwise;
}

/* SIZE_MAX when unknown. */
static size_t memory_available(void)
{
	char line[128];
	size_t available = SIZE_MAX, kib;
	FILE *f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "MemAvailable: %zu kB", &kib) == 1)
			available = kib * 1024;
	if (f)
		fclose(f);
	size_t max = file_number("/sys/fs/cgroup/memory.max", SIZE_MAX), used = rss_bytes();
	if (max != SIZE_MAX) {
		size_t left = max > used ? max - used : 0; /* our own share: the page cache that the group also counts gives way */
		available = left < available ? left : available;
	}
	return available;
}

int memory_check(size_t need_bytes, struct err *e)
{
	size_t available = memory_available();
	if (need_bytes <= available)
		return 0;
	return err_set(e, ERR_RESOURCE,
		"training needs %zu MB of memory more and %zu MB are available; lower micro_batch_size or "
		"sequence_len, or close other programs",
		need_bytes >> 20, available >> 20);
}

int disk_check(const char *dir, size_t need_bytes, struct err *e)
{
	struct statvfs s;
	if (statvfs(dir, &s))
		return err_errno(e, "look at the disk under", dir);
	size_t left;
	if (!size_mul(s.f_bavail, s.f_frsize, &left) || left >= need_bytes)
		return 0;
	return err_set(e, ERR_RESOURCE,
		"%s: the disk has %zu MB left and the run needs %zu MB for checkpoints and adapter; make room "
		"or choose another --out",
		dir, left >> 20, (need_bytes >> 20) + 1);
}

/* Ends in ".tmp" and digits: a file_writer that was killed between its first byte and its rename. */
static bool is_leftover(const char *name)
{
	size_t n = strlen(name), digits = 0;
	while (digits < n && name[n - 1 - digits] >= '0' && name[n - 1 - digits] <= '9')
		digits++;
	return digits && n - digits > 4 && !strncmp(name + n - digits - 4, ".tmp", 4);
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

int run_lock(int *fd, const char *dir, struct err *e)
{
	*fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return err_errno(e, "open folder", dir);
	if (!flock(*fd, LOCK_EX | LOCK_NB)) {
		leftovers_remove(*fd);
		return 0;
	}
	int rc = errno == EWOULDBLOCK ? err_set(e, ERR_FAILED, "%s: another process trains in this folder", dir)
				      : err_errno(e, "lock", dir);
	run_unlock(*fd);
	*fd = -1;
	return rc;
}

void run_unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}
