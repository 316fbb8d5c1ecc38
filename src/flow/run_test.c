/*
 * flow_run and flow_plan on a tiny model, each run in a child process: whole, again, with something changed, killed anywhere. The linker wraps
 * fault_hit, which every file call passes, so that a child can kill itself at its n-th file call. The parent never enters a
 * parallel region: libgomp does not survive a fork after one.
 */
#include "flow/flow.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kern/kern.h"

static char root[] = "flow_test_XXXXXX";
static struct train_config config;
static struct shared {
	uint64_t n_file;
	char page[8192];
	struct err err;
} * shared; /* with the child */
static uint64_t kill_at;
static bool planning; /* flow_plan instead of flow_run */
static volatile sig_atomic_t stop;

bool __real_fault_hit(enum fault_kind kind);
bool __wrap_fault_hit(enum fault_kind kind);
bool __wrap_fault_hit(enum fault_kind kind)
{
	if (kind == FAULT_FILE && ++shared->n_file == kill_at)
		kill(getpid(), SIGKILL);
	return __real_fault_hit(kind);
}

static const char *at(const char *name)
{
	static char path[16][PATH_SIZE];
	static int next;
	next = (next + 1) % 16;
	snprintf(path[next], PATH_SIZE, "%s/%s", root, name);
	return path[next];
}

static void put(const char *name, const char *text)
{
	struct err e = {0};
	assert_int_equal(file_replace(at(name), text, strlen(text), &e), 0);
}

/* The return value of flow_run (or flow_plan), or 1 when it was killed at file call `kill_here`. */
static int run(const char *out, uint64_t kill_here)
{
	struct flow_run_options o = {.in = at("docs"),
		.out = at(out),
		.model = GOLDEN_DIR "/untied.gguf",
		.embedder = GOLDEN_DIR "/embed",
		.config = &config,
		.stop = &stop};
	int status;
	memset(shared, 0, sizeof *shared);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		struct buf page = {0}, json = {0};
		kill_at = kill_here;
		int rc = planning ? flow_plan(&o, 1, &page, &json, &shared->err) : flow_run(&o, &page, &shared->err);
		snprintf(shared->page, sizeof shared->page, "%s", page.p ? page.p : "");
		buf_release(&page);
		buf_release(&json);
		_exit(-rc);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return 1;
	}
	return -WEXITSTATUS(status);
}

static void finish(const char *out)
{
	if (run(out, 0) != 0)
		fail_msg("%s", shared->err.text);
}

/* What `find` and `format` tell of the folder, page aside. */
static void shell(struct buf *b, const char *format, const char *out)
{
	char command[PATH_SIZE + 512];
	char line[1024];
	snprintf(command, sizeof command, format, at(out));
	buf_clear(b);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		assert_int_equal(buf_puts(b, line, NULL), 0);
	assert_int_equal(pclose(f), 0);
}

static const char contents[] = "cd %s && find . -type f ! -name page.txt ! -name metrics.jsonl ! -name run.json ! -name "
			       "report.html ! -name eval.json ! -name loss.svg ! "
			       "-path '*/checkpoints/*' "
			       "-exec sha256sum {} + | sort -k2";
static const char times[] = "cd %s && find . -type f ! -name page.txt ! -name eval.json ! -name report.html ! -name '*lock*' "
			    "-printf '%%p %%i %%T@\\n' | sort";

static const char trained[] = "cd %s && find run-* -type f ! -name '*lock*' -printf '%%p %%i %%T@\\n' | sort";

static void test_whole(void **state)
{
	(void)state;
	struct buf before = {0}, after = {0};
	finish("whole");
	assert_non_null(strstr(shared->page, "1 used (0 of them held out), 0 left out"));
	assert_non_null(strstr(shared->page, "questions, trained documents"));
	assert_true(file_exists(at("whole/page.txt")));

	/* Again: nothing is written but the page and the comparison. */
	shell(&before, times, "whole");
	finish("whole");
	shell(&after, times, "whole");
	assert_string_equal(before.p, after.p);

	/* Another question is asked and a damaged file made again; the training is not. */
	shell(&before, trained, "whole");
	assert_non_null(strstr(before.p, "/adapter/"));
	put("docs/questions.jsonl", "{\"id\":\"a\",\"question\":\"How long?\",\"answers\":[\"x\"]}\n");
	put("whole/data/train.jsonl", "damaged");
	finish("whole");
	shell(&after, trained, "whole");
	assert_string_equal(before.p, after.p);
	shell(&after, "cd %s/eval && grep -l 'How long' answers-*.jsonl | wc -l", "whole");
	assert_string_equal(after.p, "5\n");

	/* New words, a new run beside the old one. */
	put("docs/a.md", "# A\n\nThe lease lasts 4 hours. The key has 8 bytes.\n");
	finish("whole");
	shell(&before, "ls -d %s/run-* | wc -l", "whole");
	assert_string_equal(before.p, "2\n");
	buf_release(&before);
	buf_release(&after);
}

static void test_killed(void **state)
{
	(void)state;
	struct buf expected = {0}, got = {0};
	finish("expected");
	uint64_t n = shared->n_file;
	shell(&expected, contents, "expected");
	assert_true(n > 50);
	for (uint64_t k = 1; k <= n; k += 1 + n / 24) {
		assert_int_equal(dir_remove(at("killed"), NULL), 0);
		assert_int_equal(run("killed", k), 1);
		finish("killed");
		shell(&got, contents, "killed");
		if (strcmp(expected.p, got.p))
			fail_msg("killed at file call %d:\n%s\nnot\n%s", (int)k, got.p, expected.p);
	}
	buf_release(&expected);
	buf_release(&got);
}

/* What a plan asks, and the data set, are the run's: nothing of it is made again. */
static void test_plan(void **state)
{
	(void)state;
	static const char answered[] =
		"cd %s && find data eval/answers-base.jsonl eval/answers-prompt.jsonl eval/answers-rag.jsonl "
		"eval/texts-base.jsonl eval/prompt.json -type f ! -name '*lock*' -printf '%%p %%i %%T@\\n' | sort";
	struct buf before = {0}, after = {0};
	planning = true;
	put("docs/empty.md", "");
	finish("planned");
	assert_non_null(strstr(shared->page, "1 left out, 2 facts\nleft out    empty.md: "));
	assert_non_null(strstr(shared->page, "questions   2 on trained documents; right without training: base"));
	assert_non_null(strstr(shared->page, "\nDon't train: the documents state 2 facts"));
	assert_true(file_exists(at("planned/plan.json")));
	shell(&before, "ls -d %s/run-* 2>&1 | grep -c 'No such'", "planned"); /* nothing was trained */
	assert_string_equal(before.p, "1\n");
	shell(&before, answered, "planned");
	assert_non_null(strstr(before.p, "answers-rag.jsonl"));
	finish("planned");
	planning = false;
	finish("planned");
	shell(&after, answered, "planned");
	assert_string_equal(before.p, after.p);

	/* Without questions the reserved ones are asked, which say too much; a stopped plan goes on. */
	planning = true;
	unlink(at("docs/questions.jsonl"));
	stop = 1;
	assert_int_equal(run("alone", 0), (int8_t)ERR_STOPPED);
	stop = 0;
	finish("alone");
	assert_non_null(strstr(shared->page, ", reserved phrasings of the training rows"));
	planning = false;
	buf_release(&before);
	buf_release(&after);
}

static void test_one_process_a_folder(void **state)
{
	(void)state;
	struct err e = {0};
	int fd;
	assert_int_equal(dir_make(at("locked"), &e), 0);
	assert_int_equal(dir_lock(&fd, at("locked"), &e), 0);
	assert_int_equal(run("locked", 0), ERR_FAILED);
	assert_non_null(strstr(shared->err.text, "another process"));
	dir_unlock(fd);
	finish("locked");
}

static void test_stopped(void **state)
{
	(void)state;
	stop = 1;
	assert_int_equal(run("stopped", 0), (int8_t)ERR_STOPPED);
	assert_non_null(strstr(shared->err.text, "again"));
	stop = 0;
	finish("stopped");
}

static void test_refused(void **state)
{
	(void)state;
	put("docs/questions.jsonl", "{\"id\":\"a\"}\n");
	assert_int_equal(run("refused", 0), ERR_DATA);
	assert_non_null(strstr(shared->err.text, "questions.jsonl: line 1"));
	unlink(at("docs/questions.jsonl"));
	finish("refused"); /* no questions: no table */
	assert_null(strstr(shared->page, "questions, trained documents"));
	unlink(at("docs/a.md"));
	assert_int_equal(run("refused", 0), ERR_DATA);
	assert_non_null(strstr(shared->err.text, "looked for *.md"));
}

static int setup(void **state)
{
	(void)state;
	struct err e = {0};
	if (dir_make(at("docs"), &e))
		return -1;
	put("docs/a.md", "# A\n\nThe lease lasts 3 hours. The key has 8 bytes.\n");
	put("docs/questions.jsonl",
		"{\"id\":\"a\",\"question\":\"After what time is a lease over?\",\"answers\":[\"3 hours\"]}\n"
		"{\"id\":\"b\",\"question\":\"Of what size are keys?\",\"answers\":[\"8 bytes\"]}\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return dir_remove(root, NULL);
}

int main(void)
{
	struct err e = {0};
	if (!mkdtemp(root) || kern_init(NULL, &e))
		return 1;
	setenv("OMP_NUM_THREADS", "1", 1);
	log_set_level(LOG_ERROR);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	train_config_default(&config);
	config.lora_r = 2;
	config.num_epochs = 1;
	config.save_steps = 2;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_process_a_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};
	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
