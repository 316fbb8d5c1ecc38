/*
 * A child process without a shell: stdin closed to it, its words on stdout and stderr kept for the error sentence.
 * Reference: posix_spawn(3).
 */
#include "hub/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { OUTPUT_MAX = 256 * 1024 };

/* Reads to the end; keeps the first OUTPUT_MAX bytes. Returns an error only after the end, so that the child never blocks on us. */
static int read_all(int fd, struct buf *out, struct err *e)
{
	char chunk[4096];
	int rc = 0;
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return rc;
		if (!rc && out->len + (size_t)n <= OUTPUT_MAX)
			rc = buf_append(out, chunk, (size_t)n, e);
	}
}

int child_run(const char *const argv[], struct buf *output, int *status, struct err *e)
{
	posix_spawn_file_actions_t actions;
	int ends[2] = {-1, -1}, rc = 0;
	pid_t child = 0;
	*status = 0;
	if (posix_spawn_file_actions_init(&actions))
		return err_set(e, ERR_RESOURCE, "out of memory while starting %s", argv[0]);
	if (pipe2(ends, O_CLOEXEC)) {
		rc = err_errno(e, "make a pipe for", argv[0]);
		goto done;
	}
	int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	/* posix_spawnp takes its arguments as char *const[] for old times' sake and does not change them. */
	failed = failed ? failed : posix_spawnp(&child, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	if (failed) {
		errno = failed;
		rc = err_errno(e, "start", argv[0]);
		goto done;
	}
	close(ends[1]);
	ends[1] = -1;
	rc = read_all(ends[0], output, e);
	while (waitpid(child, status, 0) < 0 && errno == EINTR)
		;
done:
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}
