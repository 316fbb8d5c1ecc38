/*
 * Refusing before the start what would fail hours later: memory, disk.
 * References: proc(5) (MemAvailable), the kernel's cgroup-v2 document (memory.max).
 */
#include "train/resources.h"

#include <stdio.h>
#include <sys/statvfs.h>

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
