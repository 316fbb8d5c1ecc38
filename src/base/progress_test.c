/* Progress and log, as they appear on stderr. */
#include "base/base.h"

#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

static int saved_stderr;
static struct buf shown; /* what the last capture saw */

/* stderr goes to `fd` until capture_end reads it back from `reading`. */
static void capture_begin(int fd)
{
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
}

static void capture_end(int reading)
{
	char chunk[4096];
	fflush(stderr);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	fcntl(reading, F_SETFL, O_NONBLOCK);
	buf_clear(&shown);
	for (ssize_t n; (n = read(reading, chunk, sizeof chunk)) > 0;)
		buf_append(&shown, chunk, (size_t)n, NULL);
}

/* Half of 200 steps done after 100 s, then all; returns what was written to a pipe or, with `terminal`, to a pseudo-terminal. */
static const char *run(bool terminal, double total)
{
	int fds[2];
	struct progress p;
	if (terminal) {
		struct termios raw = {0};
		cfmakeraw(&raw); /* no carriage returns of its own */
		assert_int_equal(openpty(&fds[0], &fds[1], NULL, &raw, NULL), 0);
	} else {
		assert_int_equal(pipe(fds), 0);
	}
	capture_begin(fds[1]);
	progress_begin(&p, "Training", "steps", total);
	progress_update(&p, 1, NULL); /* too early to be shown */
	p.t_start -= 100;
	p.t_shown -= 4.9;
	progress_update(&p, 99, "not on a pipe");
	p.t_shown -= 0.2;
	progress_update(&p, 100, "loss 1.25");
	p.t_start -= 3600;
	progress_update(&p, 200, "too soon again");
	progress_end(&p);
	capture_end(fds[0]);
	close(fds[0]);
	close(fds[1]);
	return shown.p ? shown.p : "";
}

/* Replaces "123 MB" by "N MB": memory is whatever it is. */
static const char *without_memory(const char *text)
{
	static char out[2048];
	size_t n = 0;
	for (const char *at = text; *at;) {
		size_t digits = strspn(at, "0123456789"), taken = digits ? digits : 1;
		bool memory = digits && !strncmp(at + digits, " MB", 3);
		assert_true(n + taken < sizeof out);
		memcpy(out + n, memory ? "N" : at, memory ? 1 : taken);
		n += memory ? 1 : taken;
		at += taken;
	}
	out[n] = 0;
	return out;
}

static void test_lines(void **state)
{
	(void)state;
	setenv("TERM", "xterm", 1); /* a pipe is no terminal, whatever these say */
	unsetenv("NO_COLOR");
	assert_string_equal(without_memory(run(false, 200)),
		"Training 100/200 steps (50 %), 1 min 40 s left, loss 1.25, 1.00 steps/s, N MB\n"
		"Training 200/200 steps (100 %), took 1 h 1 min, 0.05 steps/s, N MB\n");
	assert_string_equal(without_memory(run(false, 0)),
		"Training 100 steps, loss 1.25, 1.00 steps/s, N MB\n"
		"Training 200 steps, took 1 h 1 min, 0.05 steps/s, N MB\n");
}

static void test_terminal(void **state)
{
	(void)state;
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	const char *text = run(true, 200);
	assert_non_null(strstr(text, "\rTraining 99/200 steps (50 %), 1 min 42 s left, not on a pipe, ")); /* redrawn after 0.1 s */
	assert_non_null(strstr(text, "\033[K\rTraining 200/200"));
	assert_int_equal(strchr(text, '\n') - text, strlen(text) - 1); /* one line in the end */

	/* A log line wipes the line that stands there; afterwards there is none. */
	int fds[2];
	struct progress p;
	struct winsize narrow = {.ws_row = 25, .ws_col = 20};
	struct termios raw = {0};
	cfmakeraw(&raw);
	assert_int_equal(openpty(&fds[0], &fds[1], NULL, &raw, &narrow), 0);
	capture_begin(fds[1]);
	progress_begin(&p, "Training", "steps", 200);
	p.t_shown -= 1;
	progress_update(&p, 123, NULL);
	log_line(LOG_WARNING, "w");
	p.total = 0;
	progress_end(&p);
	log_line(LOG_WARNING, "x");
	capture_end(fds[0]);
	close(fds[0]);
	close(fds[1]);
	assert_string_equal(shown.p, /* cut to the width of the terminal, less the last column */
		"\rTraining 123/200 st\033[K\r\033[Kwarning: w\n\rTraining 123 steps,\033[K\nwarning: x\n");

	setenv("NO_COLOR", "1", 1);
	assert_null(strpbrk(run(true, 200), "\033\r"));
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	assert_null(strpbrk(run(true, 200), "\033\r"));
	unsetenv("TERM");
	assert_null(strpbrk(run(true, 200), "\033\r"));
}

static void test_quiet(void **state)
{
	(void)state;
	log_set_level(LOG_WARNING);
	assert_string_equal(run(false, 200), "");
	log_set_level(LOG_INFO);

	int fds[2];
	struct progress p;
	assert_int_equal(pipe(fds), 0);
	capture_begin(fds[1]);
	progress_begin(&p, "Short", "steps", 3); /* too short to be worth a line */
	progress_update(&p, 3, NULL);
	progress_end(&p);
	capture_end(fds[0]);
	assert_int_equal(shown.len, 0);
	close(fds[0]);
	close(fds[1]);
}

static void test_log(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	capture_begin(fds[1]);
	for (enum log_level level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		log_set_level(level);
		log_line(LOG_ERROR, "%d e", (int)level);
		log_line(LOG_WARNING, "w");
		log_line(LOG_INFO, "i");
		log_line(LOG_DEBUG, "d");
	}
	log_set_level(LOG_INFO);
	capture_end(fds[0]);
	close(fds[0]);
	close(fds[1]);
	assert_string_equal(shown.p,
		"error: 0 e\n"
		"error: 1 e\nwarning: w\n"
		"error: 2 e\nwarning: w\ni\n"
		"error: 3 e\nwarning: w\ni\ndebug: d\n");
}

static void test_measures(void **state)
{
	(void)state;
	enum { N = 64 << 20 };
	double before = now_s();
	usleep(20000);
	double took = now_s() - before;
	assert_true(took >= 0.02 && took < 10);

	size_t rss = rss_bytes();
	char *p = mem_alloc(N, 1, NULL); /* zeroed, so resident */
	assert_true(rss > 0 && rss_bytes() > rss + N * 9 / 10);
	mem_free(p);
	assert_true(rss_peak_bytes() > rss + N * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_measures),
	};
	int failed = cmocka_run_group_tests_name("progress", tests, NULL, NULL);
	buf_release(&shown);
	return failed;
}
