/*
 * Bytes as a file, without a disk: a memfd, opened through /proc; and a folder whose one entry points at it.
 */
#include "fuzz.h"

#include <limits.h>
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

static char folder[] = "fuzz_XXXXXX";

static void folder_remove(void)
{
	dir_remove(folder, NULL);
}

const char *fuzz_folder(const char *name, const uint8_t *p, size_t n)
{
	static bool made;
	char entry[PATH_MAX];
	if (!made && (!mkdtemp(folder) || atexit(folder_remove)))
		abort();
	made = true;
	const char *file = fuzz_file(p, n);
	snprintf(entry, sizeof entry, "%s/%s", folder, name);
	unlink(entry);
	if (symlink(file, entry))
		abort();
	return folder;
}

void fuzz_check(int rc, const struct err *e)
{
	bool good = rc >= 0 || (rc == (int)e->code && e->text[0] && !strchr(e->text, '\n'));
	if (!good) {
		fprintf(stderr, "rc %d, code %d, text \"%s\"\n", rc, (int)e->code, e->text);
		abort();
	}
}

const struct encoder *fuzz_encoder(void)
{
	static struct tokenizer *tokenizer;
	static struct chat_template *chat;
	static struct gguf *g; /* they may borrow from it */
	static struct encoder encoder;
	struct err e = {0};
	if (!g &&
		(gguf_open(&g, SEED_GGUF, &e) || tokenizer_from_gguf(&tokenizer, g, &e) || chat_template_from_gguf(&chat, g, &e))) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	encoder = (struct encoder){.tokenizer = tokenizer, .chat = chat};
	return &encoder;
}
