/*
 * A child that trains: started, asked to stop, and what is to be said when it has ended. Reference: training.h; prctl(2), "PR_SET_PDEATHSIG";
 * proc(5), "oom_score_adj". Between fork and exec only async-signal-safe calls, since the engine's thread may hold locks.
 */
#include "serve/training.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NICEST = 19, EXIT_NO_START = 126, LOG_BYTES_MAX = 64 << 20 };

/* ---- starting --------------------------------------------------------------------------------------------------------------------------- */

/* Of the system's ways to be short of memory, the one that leaves the server alive. */
static void go_first(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t written = write(fd, "1000", 4);
	(void)written; /* a wish */
	close(fd);
}

/* In the child; returns only when something is wrong. */
static void child_become(const char *const arguments[], int log, int nothing, pid_t server)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGPIPE};
	const struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;
	sigemptyset(&none);
	setpgid(0, 0);
	setpriority(PRIO_PROCESS, 0, NICEST);
	go_first();
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		sigaction(caught[i], &plain, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/*
	 * A server that is killed would leave it behind, with nobody to stop it. SIGTERM, which only asks however often it comes: the kernel sends
	 * it when the thread that forked ends, and again for each further thread that had inherited the child meanwhile.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != server)
		return;
	if (dup2(nothing, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		return;
	/* Connections above all: a client would never see one closed. Where the kernel is too old for it, all are opened with O_CLOEXEC anyway. */
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	/* execv takes its arguments as char *const[] for old times' sake and does not change them. */
	execv("/proc/self/exe", (char *const *)(uintptr_t)arguments);
}

int training_start(struct training *t, const char *const arguments[], const char *log, struct err *e)
{
	int said = -1, nothing = -1, rc = 0, ends[2] = {-1, -1}, failed = 0;
	pid_t server = getpid(), child = -1;
	signal(SIGCHLD, SIG_DFL); /* who starts the server may have it ignored, and then no child's end is ever told */
	if ((said = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644)) < 0)
		rc = err_errno(e, "write", log);
	else if ((nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0 || pipe2(ends, O_CLOEXEC) || (child = fork()) < 0)
		rc = err_errno(e, "start", arguments[0]);
	if (rc)
		goto done;
	if (child == 0) {
		child_become(arguments, said, nothing, server);
		ssize_t told = write(ends[1], &errno, sizeof errno);
		(void)told;
		syscall(SYS_exit_group, EXIT_NO_START);
	}
	close(ends[1]);
	ends[1] = -1;
	/* Ends without a byte when the program has been started, some milliseconds from now. */
	if (read(ends[0], &failed, sizeof failed) > 0) {
		waitpid(child, NULL, 0);
		errno = failed;
		rc = err_errno(e, "start", arguments[0]);
		goto done;
	}
	*t = (struct training){.state = TRAINING_RUNS, .pid = child};
	snprintf(t->log, sizeof t->log, "%s", log);
done:
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
	if (nothing >= 0)
		close(nothing);
	if (said >= 0)
		close(said);
	return rc;
}

void training_stop(struct training *t)
{
	if (t->state != TRAINING_RUNS || t->stopping)
		return;
	t->stopping = true;
	kill(-t->pid, SIGTERM);
}

/* ---- its end ---------------------------------------------------------------------------------------------------------------------------- */

/* Its own sentence: the last line of the log that begins as main.c begins it. Empty where there is none. */
static void said_read(const char *log, struct err *out)
{
	static const char start[] = "attune: ";
	struct buf text = {0};
	out->text[0] = 0;
	struct err ignored;
	int rc = file_read(log, LOG_BYTES_MAX, &text, &ignored);
	const char *line = rc ? NULL : text.p, *found = NULL;
	for (; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, start, sizeof start - 1))
			found = line + sizeof start - 1;
	}
	if (found)
		err_set(out, ERR_FAILED, "%.*s", (int)strcspn(found, "\n"), found);
	buf_release(&text);
}

static enum training_state ended_by_signal(struct training *t, int number)
{
	struct err *s = &t->sentence;
	if (number == SIGINT || number == SIGTERM) {
		err_set(s, ERR_STOPPED, "stopped before it had begun");
		return TRAINING_STOPPED;
	}
	err_set(s, ERR_FAILED, "killed by signal %d (%s)%s; it can go on from its last checkpoint", number, strsignal(number),
		number == SIGKILL ? ", as the system does where memory is short" : "");
	return TRAINING_KILLED;
}

static enum training_state ended_by_itself(struct training *t)
{
	struct err *s = &t->sentence;
	if (t->code == -ERR_INTERRUPTED) {
		err_set(s, ERR_INTERRUPTED, "ended at once; it can go on from its last checkpoint");
		return TRAINING_STOPPED;
	}
	if (!t->code) {
		err_set(s, ERR_OK, "done");
		return TRAINING_DONE;
	}
	said_read(t->log, s);
	if (!*s->text)
		err_set(s, ERR_FAILED, "ended with exit code %d; %.900s may say why", t->code, t->log);
	return t->code == -ERR_STOPPED ? TRAINING_STOPPED : TRAINING_FAILED;
}

static bool look(struct training *t, int how)
{
	int status = 0;
	if (t->state != TRAINING_RUNS)
		return false;
	pid_t got = waitpid(t->pid, &status, how);
	if (got != t->pid)
		return false;
	t->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	t->state = WIFSIGNALED(status) ? ended_by_signal(t, WTERMSIG(status)) : ended_by_itself(t);
	t->pid = 0;
	return true;
}

bool training_look(struct training *t)
{
	return look(t, WNOHANG);
}

void training_kill(struct training *t)
{
	if (t->state != TRAINING_RUNS)
		return;
	kill(-t->pid, SIGKILL);
	while (!look(t, 0) && errno == EINTR)
		;
	t->state = TRAINING_STOPPED;
	err_set(&t->sentence, ERR_STOPPED, "ended at once with the server; it can go on from its last checkpoint");
}
