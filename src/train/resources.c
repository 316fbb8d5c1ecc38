/*
 * What the machine has, before the start of what would fail hours later: memory, disk.
 * References: proc(5) (MemAvailable), the kernel's cgroup-v2 document (memory.max, memory.stat).
 */
#include "train/resources.h"

#include <stdio.h>
#include <string.h>
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

/* Of the lines "name number" of a file that of `name`, or 0. */
static size_t file_entry(const char *path, const char *name)
{
	char found[64];
	unsigned long long v = 0;
	FILE *f = fopen(path, "re");
	while (f && fscanf(f, "%63s %llu", found, &v) == 2 && strcmp(found, name))
		v = 0;
	if (f)
		fclose(f);
	return (size_t)v;
}

size_t memory_group_left(const char *folder)
{
	char path[PATH_SIZE];
	if (path_join(path, sizeof path, NULL, folder, "memory.max"))
		return SIZE_MAX;
	size_t max = file_number(path, SIZE_MAX), used = rss_anonymous_bytes();
	if (max == SIZE_MAX || path_join(path, sizeof path, NULL, folder, "memory.stat"))
		return max;
	size_t group = file_entry(path, "anon");
	used = group > used ? group : used;
	return max > used ? max - used : 0;
}

size_t memory_limit(void)
{
	char line[128];
	size_t available = SIZE_MAX, held = rss_anonymous_bytes(), kib; /* pages of mapped weights count as available */
	FILE *f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "MemAvailable: %zu kB", &kib) == 1)
			available = kib * 1024;
	if (f)
		fclose(f);
	size_t left = memory_group_left("/sys/fs/cgroup");
	available = left < available ? left : available;
	return available < SIZE_MAX - held ? held + available : SIZE_MAX;
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
