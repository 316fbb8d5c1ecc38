/*
 * A mapped file that is cut while it is in use, or whose disk fails: the next read of a page that is gone raises SIGBUS. No computation
 * can go on from there, so the process names the file and ends as for any other unusable input; what it was writing appears whole or not at all
 * anyway. Which file it was is asked from the kernel, so that nobody has to keep a list of maps. Reference: mmap(2), proc(5),
 * signal-safety(7): the signal comes from a read of our own, and nothing here takes a lock or allocates.
 */
#include "cli/cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = PATH_SIZE + 128, MESSAGE_SIZE = PATH_SIZE + 256 };

/* A line of /proc/self/maps, "START-END PERMS OFFSET DEVICE INODE   PATH" in hexadecimal: whether `address` is in it, and where in which file. */
static bool map_holds(const char *line, uintptr_t address, const char **path, uintptr_t *at)
{
	char *next;
	uintptr_t start = strtoull(line, &next, 16), end = *next == '-' ? strtoull(next + 1, &next, 16) : 0;
	*path = strchr(line, '/');
	if (address < start || address >= end || !*path || strlen(next) < strlen(" r--p "))
		return false;
	*at = address - start + strtoull(next + strlen(" r--p "), NULL, 16);
	return true;
}

/* The file that is mapped at `address`, in `line`; NULL when none is. */
static const char *map_find(uintptr_t address, char line[LINE_SIZE], uintptr_t *at)
{
	char chunk[1024];
	const char *path;
	size_t n = 0;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (got = read(fd, chunk, sizeof chunk)) > 0) {
		for (ssize_t i = 0; i < got; i++) {
			if (chunk[i] != '\n') {
				if (n < LINE_SIZE - 1) /* of a path that is longer the rest is left out */
					line[n++] = (unsigned char)chunk[i] < ' ' || chunk[i] == 0x7f ? '?' : chunk[i];
				continue;
			}
			line[n] = 0;
			n = 0;
			if (map_holds(line, address, &path, at))
				return path; /* the process ends: nobody misses the descriptor */
		}
	}
	return NULL;
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	static char line[LINE_SIZE], message[MESSAGE_SIZE];
	uintptr_t at;
	(void)number, (void)context;
	const char *path = map_find((uintptr_t)info->si_addr, line, &at);
	if (!path)
		return; /* to the same read again, which now ends the process */
	int n = snprintf(message, sizeof message,
		"attune: %s: byte %ju: got nothing, expected what was there before; the file was cut while it was in use, or its "
		"disk "
		"fails\n",
		path, (uintmax_t)at);
	if (write(STDERR_FILENO, message, (size_t)n) != n)
		_exit(-ERR_FAILED);
	_exit(-ERR_DATA);
}

void sigbus_catch(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}
