/*
 * pdftotext in a child that a hostile file gains nothing by taking over: limits on time, memory and output; no new privileges;
 * Landlock, where the kernel has it, leaves it read-only system folders; seccomp takes sockets, new processes, signals and the view
 * of other processes away. The file is its standard input, opened here.
 *
 * Reference: landlock(7), seccomp(2), setrlimit(2). Between fork and exec only async-signal-safe calls, since other threads may
 * hold locks.
 */
#include "data/pdf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 4096, CHUNK = 64 << 10, EXIT_NO_START = 126 };

bool data_pdf_program(char path[PATH_SIZE])
{
	const char *dirs = getenv("PATH");
	for (size_t n; dirs && *dirs; dirs += n + (dirs[n] == ':')) {
		n = strcspn(dirs, ":");
		if (n && (size_t)snprintf(path, PATH_SIZE, "%.*s/pdftotext", (int)n, dirs) < PATH_SIZE && access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* ---- the cage ------------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE
#define DENY(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef __x86_64__
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* the calls of x32 */
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_fork),
	DENY(SYS_vfork),
#endif
	DENY(SYS_clone),
	DENY(SYS_clone3),
	DENY(SYS_execveat),
	DENY(SYS_socket),
	DENY(SYS_socketpair),
	DENY(SYS_connect),
	DENY(SYS_bind),
	DENY(SYS_listen),
	DENY(SYS_sendto),
	DENY(SYS_sendmsg),
	DENY(SYS_ptrace),
	DENY(SYS_process_vm_readv),
	DENY(SYS_process_vm_writev),
	DENY(SYS_kill),
	DENY(SYS_pidfd_open),
	DENY(SYS_pidfd_getfd),
	DENY(SYS_pidfd_send_signal),
	DENY(SYS_mount),
	DENY(SYS_umount2),
	DENY(SYS_chroot),
	DENY(SYS_pivot_root),
	DENY(SYS_unshare),
	DENY(SYS_setns),
	DENY(SYS_bpf),
	DENY(SYS_perf_event_open),
	DENY(SYS_userfaultfd),
	DENY(SYS_io_uring_setup),
	DENY(SYS_keyctl),
	DENY(SYS_add_key),
	DENY(SYS_request_key),
	DENY(SYS_open_by_handle_at),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
#endif

static void allow_below(int rules, const char *path)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE,
		.parent_fd = open(path, O_PATH | O_CLOEXEC)};
	if (rule.parent_fd < 0)
		return;
	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

/* Rules that leave system folders and the program's own, to be read; -1 where the kernel has no Landlock. */
static int rules_open(const char *program)
{
	static const char *const readable[] = {"/usr", "/lib", "/lib64", "/bin", "/etc", "/nix", "/gnu"};
	const struct landlock_ruleset_attr all = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
	char dir[PATH_SIZE];
	int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
	if (rules < 0)
		return -1;
	for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
		allow_below(rules, readable[i]);
	snprintf(dir, sizeof dir, "%s", program);
	*strrchr(dir, '/') = 0;
	allow_below(rules, dir);
	return rules;
}

static bool limit(int what, size_t n)
{
	const struct rlimit r = {n, n};
	return setrlimit((enum __rlimit_resource)what, &r) == 0;
}

/* In the child; returns only when something is wrong. */
static void child_become(const char *program, int in, int out, int said, int rules, const struct pdf_limits *l)
{
	static char *const arguments[] = {"pdftotext", "-tsv", "-enc", "UTF-8", "-", "-", NULL};
	static char *const environment[] = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", NULL};
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(said, 2) < 0)
		return;
	if (!limit(RLIMIT_CPU, l->seconds) || !limit(RLIMIT_AS, l->memory) || !limit(RLIMIT_FSIZE, 0) || !limit(RLIMIT_CORE, 0) ||
		!limit(RLIMIT_NOFILE, 64))
		return;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	if (rules >= 0 && syscall(SYS_landlock_restrict_self, rules, 0))
		return;
#ifdef ARCHITECTURE
	const struct sock_fprog all = {.len = sizeof filter / sizeof *filter, .filter = filter};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all))
		return;
#endif
	execve(program, arguments, environment);
}

/* ---- the talk with it ----------------------------------------------------------------------------------------------------- */

struct talk {
	int out, said; /* ends to read from; -1: closed */
	struct buf *text;
	char words[SAID_MAX]; /* what it said on stderr */
	size_t n_words;
	bool too_long, too_slow;
};

/* One read; closes the end of what has ended. */
static void take(struct talk *t, int *fd, char *chunk, size_t max, int *rc, struct err *e)
{
	ssize_t n = read(*fd, chunk, CHUNK);
	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
	} else if (fd == &t->said) {
		size_t keep = (size_t)n < SAID_MAX - 1 - t->n_words ? (size_t)n : SAID_MAX - 1 - t->n_words;
		memcpy(t->words + t->n_words, chunk, keep);
		t->n_words += keep;
	} else if (t->text->len + (size_t)n > max) {
		t->too_long = true;
	} else {
		*rc = buf_append(t->text, chunk, (size_t)n, e);
	}
}

/* Until both ends are closed, or it has to be killed. */
static int listen_to(struct talk *t, const struct pdf_limits *l, struct err *e)
{
	double until = now_s() + 2.0 * l->seconds;
	int rc = 0;
	char *chunk = mem_alloc(CHUNK, 1, e);
	if (!chunk)
		return ERR_RESOURCE;
	while (rc == 0 && !t->too_long && !t->too_slow && (t->out >= 0 || t->said >= 0)) {
		struct pollfd ends[] = {{t->out, POLLIN, 0}, {t->said, POLLIN, 0}};
		double left = until - now_s();
		int n = left > 0 ? poll(ends, 2, (int)(left * 1000) + 1) : 0;
		t->too_slow = n == 0;
		if (n > 0 && ends[0].revents)
			take(t, &t->out, chunk, l->output, &rc, e);
		if (n > 0 && ends[1].revents)
			take(t, &t->said, chunk, l->output, &rc, e);
	}
	mem_free(chunk);
	return rc;
}

/* Why there is no text, from the end of the child; the first of its words is the one that counts. */
static int judge(struct talk *t, int status, const struct pdf_limits *l, struct document *d, struct arena *a, struct err *e)
{
	int cpu = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	t->words[t->n_words] = 0;
	if (t->too_long)
		return document_skip(d, a, e, "pdftotext writes more than %zu MB of it", l->output >> 20);
	if (t->too_slow || cpu == SIGXCPU || cpu == SIGKILL)
		return document_skip(d, a, e, "pdftotext needs more than %u s for it", l->seconds);
	if (cpu)
		return document_skip(d, a, e, "pdftotext ended with signal %d, as by a file that is built to exhaust it", cpu);
	if (WEXITSTATUS(status) == EXIT_NO_START)
		return document_skip(d, a, e, "pdftotext cannot be started within its limits");
	if (strstr(t->words, "ncorrect password"))
		return document_skip(d, a, e, "it is encrypted; save it without a password");
	if (WEXITSTATUS(status) == 3)
		return document_skip(d, a, e, "it does not allow its text to be copied");
	if (WEXITSTATUS(status))
		return document_skip(
			d, a, e, "not a PDF file that pdftotext can read: %.*s", (int)strcspn(t->words, "\r\n"), t->words);
	return 0;
}

int pdf_child_run(
	struct buf *out, const char *path, const struct pdf_limits *limits, struct document *d, struct arena *a, struct err *e)
{
	char program[PATH_SIZE];
	int in = -1, to[2] = {-1, -1}, said[2] = {-1, -1}, rules = -1, status = 0, rc = 0;
	if (!data_pdf_program(program))
		return document_skip(
			d, a, e, "pdftotext, which reads PDF files, is missing: install poppler-utils and run this again");
	struct talk t = {.out = -1, .said = -1, .text = out};
	if ((in = open(path, O_RDONLY | O_CLOEXEC)) < 0 || pipe2(to, O_CLOEXEC) || pipe2(said, O_CLOEXEC)) {
		rc = err_errno(e, "read", path);
		goto done;
	}
	rules = rules_open(program);
	pid_t child = fork();
	if (child < 0) {
		rc = err_errno(e, "start", program);
		goto done;
	}
	if (child == 0) {
		child_become(program, in, to[1], said[1], rules, limits);
		syscall(SYS_exit_group, EXIT_NO_START);
	}
	close(to[1]);
	close(said[1]);
	t.out = to[0];
	t.said = said[0];
	to[0] = to[1] = said[0] = said[1] = -1;
	rc = listen_to(&t, limits, e);
	if (rc < 0 || t.too_long || t.too_slow)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0)
		rc = judge(&t, status, limits, d, a, e);
done:
	for (int i = 0; i < 2; i++) {
		if (to[i] >= 0)
			close(to[i]);
		if (said[i] >= 0)
			close(said[i]);
	}
	const int rest[] = {in, rules, t.out, t.said};
	for (size_t i = 0; i < 4; i++)
		if (rest[i] >= 0)
			close(rest[i]);
	return rc;
}
