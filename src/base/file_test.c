/* Files: reading, mapping, atomic replacement under every fault. */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

/* Every test runs inside its own empty folder. */
static char folder[] = "file_test_XXXXXX";

static int enter(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	return !mkdtemp(folder) || chdir(folder);
}

static int leave(void **state)
{
	(void)state;
	fault_set(FAULT_FILE, 0, false);
	fault_set(FAULT_MEM, 0, false);
	return chdir("..") || dir_remove(folder, NULL);
}

static size_t count_entries(const char *path)
{
	size_t n = 0;
	DIR *d = opendir(path);
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void assert_content(const char *path, const char *want)
{
	struct buf b = {0};
	struct err e = {0};
	if (file_read(path, 1 << 24, &b, &e))
		fail_msg("%s", e.text);
	assert_string_equal(b.p ? b.p : "", want);
	buf_release(&b);
}

static void test_read(void **state)
{
	(void)state;
	enum { N = 200 * 1000 };
	struct err e = {0};
	struct buf b = {0};
	char *bytes = mem_alloc(N, 1, &e);
	for (size_t i = 0; i < N; i++)
		bytes[i] = (char)(i % 251);
	assert_int_equal(file_replace("a", bytes, N, &e), 0);

	assert_int_equal(buf_puts(&b, "before", &e), 0);
	assert_int_equal(file_read("a", N, &b, &e), 0);
	assert_int_equal(b.len, 6 + N);
	assert_memory_equal(b.p, "before", 6);
	assert_memory_equal(b.p + 6, bytes, N);

	buf_clear(&b);
	buf_puts(&b, "before", &e);
	assert_int_equal(file_read("a", N - 1, &b, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "a: larger than the 199999 bytes"));
	assert_string_equal(b.p, "before"); /* no part of a file that was refused */
	assert_int_equal(file_read("absent", N, &b, &e), ERR_FAILED);
	assert_string_equal(e.text, "open absent: No such file or directory");
	assert_int_equal(file_read(".", N, &b, &e), ERR_FAILED);
	assert_string_equal(e.text, "read .: Is a directory");

	for (uint64_t n = 1;; n++) {
		fault_set(FAULT_FILE, n, false);
		int rc = file_read("a", N, &b, &e);
		if (fault_count(FAULT_FILE) < n)
			break;
		assert_int_equal(rc, ERR_FAILED);
		assert_string_equal(b.p, "before");
	}
	assert_memory_equal(b.p + 6, bytes, N);
	mem_free(bytes);
	buf_release(&b);
}

/* ---- interrupted calls ------------------------------------------------------------------------------------------------- */

static void ignore_signal(int number)
{
	(void)number;
}

/* Starts `other_end` in a thread, and a signal every 5 ms that interrupts the calls of this one. */
static pthread_t interrupt_begin(void *(*other_end)(void *), void *argument)
{
	pthread_t thread;
	sigset_t alarm_only, before;
	struct sigaction action = {.sa_handler = ignore_signal}; /* without SA_RESTART */
	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm_only, &before); /* the thread inherits it */
	assert_int_equal(pthread_create(&thread, NULL, other_end, argument), 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 5000}, {0, 5000}}, NULL);
	return thread;
}

static void interrupt_end(pthread_t thread)
{
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	pthread_join(thread, NULL);
	signal(SIGALRM, SIG_DFL);
}

static void *write_later(void *fd)
{
	usleep(60000);
	assert_int_equal(write(*(int *)fd, "late", 4), 4);
	close(*(int *)fd);
	return NULL;
}

/* "-" reads stdin, and signals that interrupt the read do not end it. */
static void test_read_stdin_interrupted(void **state)
{
	(void)state;
	int fds[2], saved = dup(STDIN_FILENO);
	assert_int_equal(pipe(fds), 0);
	dup2(fds[0], STDIN_FILENO);
	pthread_t thread = interrupt_begin(write_later, &fds[1]);
	assert_content("-", "late");
	interrupt_end(thread);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fds[0]);
}

static void *read_slowly(void *out)
{
	char chunk[20000];
	usleep(20000);
	int fd = open("fifo", O_RDONLY);
	for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0; usleep(7000))
		buf_append(out, chunk, (size_t)n, NULL);
	close(fd);
	return NULL;
}

/* A full pipe and a signal make write return early with a part: the rest follows. */
static void test_write_interrupted(void **state)
{
	(void)state;
	enum { N = 300 * 1000 };
	struct buf got = {0};
	char *bytes = mem_alloc(N, 1, NULL);
	for (size_t i = 0; i < N; i++)
		bytes[i] = (char)(i % 251);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	pthread_t thread = interrupt_begin(read_slowly, &got);
	assert_int_equal(file_append("fifo", bytes, N, NULL), 0); /* opening a fifo waits for the reader, and is interrupted too */
	interrupt_end(thread);
	assert_int_equal(got.len, N);
	assert_memory_equal(got.p, bytes, N);
	buf_release(&got);
	mem_free(bytes);
}

static void test_map(void **state)
{
	(void)state;
	struct err e = {0};
	struct file_map m;
	assert_int_equal(file_replace("a", "content", 7, &e), 0);
	assert_int_equal(file_map_open(&m, "a", &e), 0);
	assert_int_equal(m.size, 7);
	assert_memory_equal(m.p, "content", 7);
	file_map_close(&m);
	assert_null(m.p);
	file_map_close(&m);

	assert_int_equal(file_replace("empty", "", 0, &e), 0);
	assert_int_equal(file_map_open(&m, "empty", &e), 0);
	assert_null(m.p);
	assert_int_equal(m.size, 0);

	assert_int_equal(file_map_open(&m, "absent", &e), ERR_FAILED);
	assert_string_equal(e.text, "open absent: No such file or directory");
	assert_int_equal(file_map_open(&m, ".", &e), ERR_DATA);
	assert_string_equal(e.text, ".: not a regular file");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(file_map_open(&m, "fifo", &e), ERR_DATA); /* and does not wait for a writer */
	for (uint64_t n = 1; n <= 2; n++) {
		fault_set(FAULT_FILE, n, false);
		assert_int_equal(file_map_open(&m, "a", &e), ERR_FAILED);
		assert_null(m.p);
	}
}

static void test_rewrite(void **state)
{
	struct err e = {0};
	struct stat st;
	struct buf b = {0};
	(void)state;
	assert_int_equal(file_rewrite("a", "new", 3, &e), ERR_FAILED); /* of a file that is there */
	assert_int_equal(file_replace("a", "old", 3, &e), 0);
	assert_int_equal(chmod("a", 0640), 0);
	assert_int_equal(file_rewrite("a", "new", 3, &e), 0);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(symlink("a", "link"), 0);
	assert_int_equal(file_rewrite("link", "x", 1, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "link: a symbolic link"));
	assert_int_equal(file_rewrite(".", "x", 1, &e), ERR_DATA);
	assert_int_equal(chmod("a", 0444), 0);
	assert_int_equal(file_rewrite("a", "x", 1, &e), ERR_DATA);
	assert_string_equal(e.text, "a: the file is read-only");
	assert_int_equal(chmod("a", 0600), 0);
	for (uint64_t n = 1;; n++) {
		fault_set(FAULT_FILE, n, false);
		int rc = file_rewrite("a", "x", 1, &e);
		uint64_t calls = fault_count(FAULT_FILE);
		fault_set(FAULT_FILE, 0, false);
		assert_int_equal(count_entries("."), 2); /* nothing is left beside a and link */
		if (calls < n)
			break;
		assert_int_equal(rc, ERR_FAILED);
	}
	assert_int_equal(file_read("a", 9, &b, &e), 0);
	assert_string_equal(b.p, "x");
	buf_release(&b);
}

/* What is forgotten is not resident, and the same when it is read again; what was not named stays. */
static void test_map_forget(void **state)
{
	(void)state;
	enum { N = (32 << 20) + 100 };
	struct err e = {0};
	struct file_map m;
	uint8_t *bytes = mem_alloc(N, 1, &e);
	for (size_t i = 0; i < N; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	assert_int_equal(file_replace("large", bytes, N, &e), 0);
	assert_int_equal(file_map_open(&m, "large", &e), 0);
	assert_memory_equal(m.p, bytes, N);
	size_t all = rss_bytes();
	file_map_forget(&m, 1, (16 << 20) + 1);
	size_t half = rss_bytes();
	assert_true(all > half + (15 << 20) && all < half + (17 << 20));
	file_map_forget(&m, 0, N);
	assert_true(half > rss_bytes() + (15 << 20));
	file_map_forget(&m, 5, 6); /* no whole page */
	assert_memory_equal(m.p, bytes, N);
	file_map_close(&m);
	mem_free(bytes);
}

/* Fails each call in turn, once and for ever: the old content stays, or the new one is whole; nothing is left beside it. */
static void replace_under_faults(enum fault_kind kind, bool for_ever, bool in_pieces)
{
	struct err e = {0};
	for (uint64_t n = 1;; n++) {
		assert_int_equal(file_replace("a", "old", 3, &e), 0);
		struct file_writer w;
		fault_set(kind, n, for_ever);
		int rc;
		if (in_pieces) {
			rc = file_writer_open(&w, "a", &e);
			if (!rc) {
				rc = file_writer_put(&w, "n", 1, &e);
				rc = rc ? rc : file_writer_put(&w, "ew", 2, &e);
				if (rc)
					file_writer_abort(&w);
				else
					rc = file_writer_commit(&w, &e);
			}
		} else {
			rc = file_replace("a", "new", 3, &e);
		}
		uint64_t calls = fault_count(kind);
		fault_set(kind, 0, false);
		assert_int_equal(count_entries("."), 1);
		if (calls < n) {
			assert_int_equal(rc, 0);
			assert_content("a", "new");
			/* create, write, fsync, rename; open and fsync the parent: nothing is skipped */
			assert_true(kind == FAULT_MEM ? n > 2 : n - 1 == 6);
			return;
		}
		assert_int_equal(rc, kind == FAULT_MEM ? ERR_RESOURCE : ERR_FAILED);
		if (kind == FAULT_FILE)
			assert_non_null(strstr(e.text, "Input/output error"));
		/* Only the last step, the fsync of the parent, comes after the rename. */
		assert_content("a", strstr(e.text, "folder") ? "new" : "old");
	}
}

static void test_replace(void **state)
{
	(void)state;
	struct err e = {0};
	for (int i = 0; i < 8; i++)
		replace_under_faults(i & 1 ? FAULT_MEM : FAULT_FILE, i & 2, i & 4);
	assert_int_equal(file_replace("absent/a", "x", 1, &e), ERR_FAILED);
	assert_non_null(strstr(e.text, "create absent/a"));
	assert_int_equal(mkdir("taken", 0755), 0);
	assert_int_equal(file_replace("taken", "x", 1, &e), ERR_FAILED);
	assert_int_equal(count_entries("."), 2);
}

/* The disk ends in the middle of a write: first a short write, then the error. */
static void test_disk_full(void **state)
{
	(void)state;
	struct err e = {0};
	static char large[100000];
	struct rlimit old, small = {0};
	memset(large, 'x', sizeof large);
	assert_int_equal(file_replace("a", "old", 3, &e), 0);

	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){.rlim_cur = 60000, .rlim_max = old.rlim_max};
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	int rc = file_replace("a", large, sizeof large, &e);
	struct file_writer w;
	int rc_writer = file_writer_open(&w, "a", NULL);
	for (int i = 0; i < 3; i++)
		rc_writer = rc_writer ? rc_writer : file_writer_put(&w, large, 25000, NULL);
	assert_int_equal(rc_writer, 0); /* still pending */
	rc_writer = file_writer_commit(&w, NULL);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, handler);
	assert_int_equal(rc, ERR_RESOURCE);
	assert_int_equal(rc_writer, ERR_RESOURCE);
	assert_string_equal(e.text, "write a: File too large");
	assert_content("a", "old");
	assert_int_equal(count_entries("."), 1);

	assert_int_equal(file_append("/dev/full", "x", 1, &e), ERR_RESOURCE);
	assert_string_equal(e.text, "append to /dev/full: No space left on device");
}

static void test_writer(void **state)
{
	(void)state;
	enum { N = 3 << 20 }; /* more than what is held back */
	struct err e = {0};
	struct file_writer w = {0};
	file_writer_abort(&w);

	char *bytes = mem_alloc(N, 1, &e);
	for (size_t i = 0; i < N; i++)
		bytes[i] = (char)(i * i % 251 + 1);
	assert_int_equal(file_writer_open(&w, "a", &e), 0);
	size_t at = 0;
	for (size_t n = 1; at < N; n = n * 3 % 1999993) { /* pieces of 1 byte to almost 2 MB */
		n = n < N - at ? n : N - at;
		assert_int_equal(file_writer_put(&w, bytes + at, n, &e), 0);
		at += n;
	}
	assert_false(file_exists("a")); /* nothing appears before commit */
	assert_int_equal(file_writer_commit(&w, &e), 0);
	struct file_map m;
	assert_int_equal(file_map_open(&m, "a", &e), 0);
	assert_int_equal(m.size, N);
	assert_memory_equal(m.p, bytes, N);
	file_map_close(&m);
	mem_free(bytes);

	assert_int_equal(file_writer_open(&w, "b", &e), 0);
	assert_int_equal(file_writer_put(&w, "x", 1, &e), 0);
	file_writer_abort(&w);
	assert_int_equal(count_entries("."), 1);
}

/* What is no file, /dev/null above all, is written to and stays what it is. */
static void test_stream(void **state)
{
	(void)state;
	struct err e = {0};
	struct stat st;
	char got[8] = "";
	assert_int_equal(mkfifo("pipe", 0600), 0);
	int fd = open("pipe", O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	if (file_replace("pipe", "text", 4, &e))
		fail_msg("%s", e.text);
	assert_int_equal(read(fd, got, sizeof got), 4);
	assert_string_equal(got, "text");
	assert_int_equal(close(fd), 0);
	assert_int_equal(lstat("pipe", &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(count_entries("."), 1);
}

static void test_append(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(file_append("log", "one\n", 4, &e), 0);
	assert_int_equal(file_append("log", "two\n", 4, &e), 0);
	assert_content("log", "one\ntwo\n");
	for (uint64_t n = 1; n <= 2; n++) {
		fault_set(FAULT_FILE, n, false);
		assert_int_equal(file_append("log", "x", 1, &e), ERR_FAILED);
	}
	fault_set(FAULT_FILE, 0, false);
	assert_content("log", "one\ntwo\n");
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(test_read),
		in_folder(test_rewrite),
		in_folder(test_read_stdin_interrupted),
		in_folder(test_write_interrupted),
		in_folder(test_map),
		in_folder(test_map_forget),
		in_folder(test_replace),
		in_folder(test_disk_full),
		in_folder(test_writer),
		in_folder(test_stream),
		in_folder(test_append),
	};
	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
