/*
 * The key that clients must show. Reference: key.h, getrandom(2).
 */
#include "serve/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANDOM_BYTES = 32, KEY_MIN = 16 };

/* Fails when the file is there already. */
static int key_make(const char *path, struct err *e)
{
	unsigned char random[RANDOM_BYTES];
	char line[2 * RANDOM_BYTES + 2];
	if (getrandom(random, sizeof random, 0) != RANDOM_BYTES)
		return err_errno(e, "draw random bytes for", path);
	for (size_t i = 0; i < RANDOM_BYTES; i++)
		snprintf(line + 2 * i, 3, "%02x", random[i]);
	line[2 * RANDOM_BYTES] = '\n';
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc = 0;
	if (fd < 0 || write(fd, line, 2 * RANDOM_BYTES + 1) != 2 * RANDOM_BYTES + 1)
		rc = err_errno(e, "write", path);
	if (fd >= 0 && close(fd) && !rc)
		rc = err_errno(e, "write", path);
	if (!rc)
		log_line(LOG_INFO, "a new key is in %s", path);
	return rc;
}

int key_read(const char *path, char key[KEY_SIZE], struct err *e)
{
	struct buf text = {0};
	struct stat st;
	int rc = 0;
	if (stat(path, &st))
		rc = errno == ENOENT ? key_make(path, e) : err_errno(e, "open", path);
	else if (st.st_mode & 077)
		rc = err_set(
			e, ERR_USAGE, "%s: others can read the key (mode %03o); chmod 600 it", path, (unsigned)st.st_mode & 0777);
	if (!rc)
		rc = file_read(path, 4096, &text, e);
	if (rc)
		goto done;
	size_t n = 0;
	while (n < text.len && text.p[n] > ' ' && text.p[n] < 127)
		n++;
	if (n < KEY_MIN || n >= KEY_SIZE || (n < text.len && strcmp(text.p + n, "\n")))
		rc = err_set(
			e, ERR_USAGE, "%s: expected one line of %d to %d visible ASCII characters", path, KEY_MIN, KEY_SIZE - 1);
	else
		snprintf(key, KEY_SIZE, "%.*s", (int)n, text.p);
done:
	buf_release(&text);
	return rc;
}
