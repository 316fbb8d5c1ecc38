/*
 * Bytes as a file, without a disk: a memfd, opened through /proc.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *fuzz_file(const uint8_t *p, size_t n)
{
	static int fd = -1;
	static char path[64];
	if (fd >= 0)
		close(fd);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET))
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return path;
}

void fuzz_check(int rc, const struct err *e)
{
	bool good = rc >= 0 || (rc == (int)e->code && e->text[0] && !strchr(e->text, '\n'));
	if (!good) {
		fprintf(stderr, "rc %d, code %d, text \"%s\"\n", rc, (int)e->code, e->text);
		abort();
	}
}
