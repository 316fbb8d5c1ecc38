/* An arm on a tiny model: whole, stopped, torn, changed, unreadable. */
#include "eval/eval.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "arm_test_XXXXXX";
static struct model *model;
static struct lora *lora;

static const char *at(const char *name)
{
	static char path[8][PATH_SIZE];
	static int next;
	next = (next + 1) % 8;
	snprintf(path[next], PATH_SIZE, "%s/%s", root, name);
	return path[next];
}

static void put(const char *name, const char *text)
{
	struct err e = {0};
	assert_int_equal(file_replace(at(name), text, strlen(text), &e), 0);
}

static void get(const char *name, struct buf *b)
{
	struct err e = {0};
	buf_clear(b);
	if (file_read(at(name), 1 << 20, b, &e))
		fail_msg("%s", e.text);
}

static int arm_run(const char *out, bool tuned, const char *model_key, const volatile sig_atomic_t *stop, struct err *e)
{
	struct eval_job j = {.questions = at("questions.jsonl"),
		.data = at("data"),
		.out = at(out),
		.model = model,
		.model_name = "tiny",
		.model_key = model_key,
		.stop = stop};
	struct eval_arm arm = {.name = tuned ? "tuned" : "base", .lora = tuned ? lora : NULL, .key = tuned ? "adapter" : ""};
	return eval_arm_run(&j, &arm, e);
}

static void finish(const char *out, bool tuned, const char *model_key)
{
	struct err e = {0};
	if (arm_run(out, tuned, model_key, NULL, &e))
		fail_msg("%s", e.text);
}

static void test_whole(void **state)
{
	(void)state;
	struct buf base = {0}, tuned = {0}, again = {0};
	finish("whole", false, "m");
	finish("whole", true, "m");
	get("whole/answers-base.jsonl", &base);
	get("whole/answers-tuned.jsonl", &tuned);
	assert_non_null(strstr(base.p, "{\"id\":\"a\",\"question\":\"Which port?\",\"answers\":[\"1\"],\"text\":"));
	assert_non_null(strstr(base.p, "\"finish_reason\":"));
	assert_true(strcmp(base.p, tuned.p));
	finish("whole", false, "m");
	get("whole/answers-base.jsonl", &again);
	assert_string_equal(again.p, base.p);
	buf_release(&base);
	buf_release(&tuned);
	buf_release(&again);
}

/* Each ordinary question in five wordings with three seeds, which give other answers; once. */
static void test_samples(void **state)
{
	(void)state;
	struct buf one = {0}, two = {0}, again = {0};
	struct err e = {0};
	struct eval_job j = {.questions = at("questions.jsonl"),
		.data = at("data"),
		.out = at("samples"),
		.model = model,
		.model_name = "tiny",
		.model_key = "m",
		.consistency = true};
	const struct eval_arm arm = {.name = "base", .key = ""};
	assert_int_equal(eval_arm_run(&j, &arm, &e), 0);
	get("samples/samples-base-1.jsonl", &one);
	get("samples/samples-base-3.jsonl", &two);
	size_t n = 0;
	for (const char *p = one.p; (p = strchr(p, '\n')); p++)
		n++;
	assert_int_equal(n, 15);
	assert_non_null(strstr(one.p, "\"wording\":5,\"text\":"));
	const char *a = strstr(one.p, "\"text\":"), *b = strstr(two.p, "\"text\":");
	assert_true(strncmp(a, b, strcspn(a, ",")));
	assert_int_equal(file_replace(at("samples/samples-base-1.jsonl"), one.p, one.len / 2, &e), 0);
	assert_int_equal(eval_arm_run(&j, &arm, &e), 0);
	get("samples/samples-base-1.jsonl", &again);
	assert_string_equal(again.p, one.p);
	buf_release(&one);
	buf_release(&two);
	buf_release(&again);
}

/* Whatever is left of the file, wherever it was cut or damaged, the rerun ends with the same bytes. */
static void test_torn(void **state)
{
	(void)state;
	struct buf whole = {0}, again = {0};
	struct err e = {0};
	finish("torn", false, "m");
	get("torn/answers-base.jsonl", &whole);
	for (size_t n = 0; n < whole.len; n += 1 + whole.len / 9) {
		assert_int_equal(file_replace(at("torn/answers-base.jsonl"), whole.p, n, &e), 0);
		finish("torn", false, "m");
		get("torn/answers-base.jsonl", &again);
		assert_string_equal(again.p, whole.p);
	}
	assert_int_equal(buf_puts(&again, "{\"more\":1}\n", &e), 0);
	put("torn/answers-base.jsonl", again.p);
	finish("torn", false, "m");
	get("torn/answers-base.jsonl", &again);
	assert_string_equal(again.p, whole.p);
	buf_release(&whole);
	buf_release(&again);
}

static void test_stopped(void **state)
{
	(void)state;
	volatile sig_atomic_t stop = 1;
	struct buf whole = {0}, again = {0};
	struct err e = {0};
	assert_int_equal(arm_run("stopped", false, "m", &stop, &e), ERR_STOPPED);
	assert_non_null(strstr(e.text, "again"));
	finish("stopped", false, "m");
	finish("whole", false, "m");
	get("whole/answers-base.jsonl", &whole);
	get("stopped/answers-base.jsonl", &again);
	assert_string_equal(again.p, whole.p);
	buf_release(&whole);
	buf_release(&again);
}

/* Another model makes everything again, another question what follows it, another accepted answer nothing. */
static void test_changed(void **state)
{
	(void)state;
	struct buf b = {0};
	finish("changed", false, "m");
	get("changed/answers-base.jsonl", &b);
	char *text = strstr(b.p, "\"text\":\"");
	assert_non_null(text);
	assert_int_equal(buf_append(&b, "", 1, NULL), 0);
	memcpy(strstr(b.p, "\"text\":\"") + 7, "\"MARK\"", 6); /* recognisable, still JSON once the rest is gone */
	char *end = strstr(b.p, "\"MARK\"") + 6, *rest = strstr(end, ",\"finish_reason\"");
	memmove(end, rest, strlen(rest) + 1);
	put("changed/answers-base.jsonl", b.p);
	put("questions.jsonl", "{\"id\":\"a\",\"question\":\"Which port?\",\"answers\":[\"2\"]}\n");
	finish("changed", false, "m");
	get("changed/answers-base.jsonl", &b);
	assert_non_null(strstr(b.p, "\"answers\":[\"2\"],\"text\":\"MARK\""));
	finish("changed", false, "another");
	get("changed/answers-base.jsonl", &b);
	assert_null(strstr(b.p, "MARK"));
	put("questions.jsonl", "{\"id\":\"a\",\"question\":\"Which door?\",\"answers\":[\"2\"]}\n");
	finish("changed", false, "another");
	get("changed/answers-base.jsonl", &b);
	assert_non_null(strstr(b.p, "Which door?"));
	assert_null(strstr(b.p, "Which port?"));
	buf_release(&b);
}

static int rag_run(const char *out, struct err *e)
{
	struct eval_job j = {.questions = at("questions.jsonl"),
		.data = at("data"),
		.out = at(out),
		.model = model,
		.model_name = "tiny",
		.model_key = "m"};
	struct eval_arm arm = {.name = "rag", .key = "", .context = EVAL_PASSAGES};
	return eval_arm_run(&j, &arm, e);
}

static void rag_finish(const char *out, const char *text, struct buf *answers)
{
	char section[4096];
	struct err e = {0};
	snprintf(section, sizeof section, "{\"path\":\"a\",\"start\":0,\"heading\":\"h\",\"sha256\":\"%zu\",\"text\":\"%s\"}\n",
		strlen(text), text);
	put("data/sections.jsonl", section);
	if (rag_run(out, &e))
		fail_msg("%s", e.text);
	get("rag/answers-rag.jsonl", answers);
}

/* The text of the first answer, up to the next field. */
static void first_text(const struct buf *b, char text[1024])
{
	const char *from = strstr(b->p, "\"text\":");
	snprintf(text, 1024, "%.*s", (int)(strstr(from, "\"key\":") - from), from);
}

/* What is found stands in front of the question; other passages, other answers; what does not fit into the context is left out. */
static void test_passages(void **state)
{
	(void)state;
	struct buf alone = {0}, b = {0};
	char text[4][1024], long_text[2048] = "";
	struct err e = {0};
	assert_int_equal(rag_run("rag", &e), ERR_DATA);
	assert_non_null(strstr(e.text, "sections.jsonl"));
	finish("rag", false, "m");
	get("rag/answers-base.jsonl", &alone);
	first_text(&alone, text[0]);
	rag_finish("rag", "The port is 7.", &b);
	first_text(&b, text[1]);
	rag_finish("rag", "Port of a far land, says the old song.", &b);
	first_text(&b, text[2]);
	strcpy(long_text, "port ");
	for (size_t n = 0; n < 170; n++) /* no token of several letters */
		strcat(long_text, "qjxz");
	rag_finish("rag", long_text, &b);
	first_text(&b, text[3]);
	assert_string_not_equal(text[0], text[1]);
	assert_string_not_equal(text[1], text[2]);
	assert_string_equal(text[0], text[3]);
	assert_false(file_exists(at("rag/texts-rag.jsonl")));
	buf_release(&alone);
	buf_release(&b);
}

/* Each question has its own; one that takes for granted what no section says is objected to, and the model goes on. */
static void test_objections(void **state)
{
	(void)state;
	struct buf b = {0};
	put("questions.jsonl",
		"{\"id\":\"a\",\"question\":\"Which port?\",\"answers\":[\"7\"]}\n"
		"{\"id\":\"b\",\"question\":\"Which port has the Platinum plan?\",\"answers\":[\"none\"]}\n");
	rag_finish("rag", "The port is 7.", &b);
	const char *second = strchr(b.p, '\n'), *opening = "\"text\":\"No, Platinum is not mentioned.";
	assert_true(strstr(b.p, opening) > second);
	assert_int_not_equal(strstr(b.p, opening)[strlen(opening)], '"');
	buf_release(&b);
}

/* So are questions to the adapter without passages, by the same sections; not those to the base. Others make its answers again, the same do not. */
static void test_objections_of_the_adapter(void **state)
{
	static const char platinum[] =
		"{\"path\":\"a\",\"start\":0,\"heading\":\"h\",\"sha256\":\"1\",\"text\":\"The Platinum port.\"}\n";
	static const char ports[] = "{\"path\":\"a\",\"start\":0,\"heading\":\"h\",\"sha256\":\"2\",\"text\":\"The port is 7.\"}\n";
	(void)state;
	struct buf b = {0}, again = {0};
	struct stat before, after;
	put("questions.jsonl",
		"{\"id\":\"a\",\"question\":\"Which port?\",\"answers\":[\"7\"]}\n"
		"{\"id\":\"b\",\"question\":\"Which port has the Platinum plan?\",\"answers\":[\"none\"]}\n");
	put("data/sections.jsonl", ports);
	finish("objects", true, "m");
	get("objects/answers-tuned.jsonl", &b);
	const char *opening = "\"text\":\"No, Platinum is not mentioned.";
	assert_true(strstr(b.p, opening) > strchr(b.p, '\n'));
	assert_int_not_equal(strstr(b.p, opening)[strlen(opening)], '"');
	assert_int_equal(stat(at("objects/answers-tuned.jsonl"), &before), 0);
	finish("objects", true, "m");
	assert_int_equal(stat(at("objects/answers-tuned.jsonl"), &after), 0);
	assert_true(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
	put("data/sections.jsonl", platinum);
	finish("objects", true, "m");
	get("objects/answers-tuned.jsonl", &again);
	assert_null(strstr(again.p, opening));
	put("data/sections.jsonl", ports);
	finish("objects", false, "m");
	get("objects/answers-base.jsonl", &b);
	assert_null(strstr(b.p, opening));
	unlink(at("data/sections.jsonl"));
	finish("objects", true, "m");
	get("objects/answers-tuned.jsonl", &b);
	assert_null(strstr(b.p, opening));
	buf_release(&b);
	buf_release(&again);
}

static int import(const char *text, struct err *e)
{
	const struct eval_job j = {.questions = at("questions.jsonl"),
		.data = at("data"),
		.out = at("import"),
		.model = model,
		.model_name = "tiny",
		.model_key = "m"};
	const struct eval_arm arm = {.name = "today", .key = "", .context = EVAL_IMPORTED, .answers = at("today.jsonl")};
	put("today.jsonl", text);
	return eval_arm_run(&j, &arm, e);
}

/* Answers that others gave, in any order, also to questions that are not asked; each question needs one. */
static void test_import(void **state)
{
	(void)state;
	struct buf b = {0};
	struct err e = {0};
	static const char whole[] =
		"{\"id\":\"c\",\"text\":\"3\"}\n{\"id\":\"z\",\"text\":\"?\"}\n{\"id\":\"a\",\"text\":\"Port 1.\"}\n"
		"{\"id\":\"b\",\"text\":\"\"}\n";
	if (import(whole, &e))
		fail_msg("%s", e.text);
	get("import/answers-today.jsonl", &b);
	assert_non_null(strstr(b.p, "{\"id\":\"a\",\"question\":\"Which port?\",\"answers\":[\"1\"],\"text\":\"Port 1.\""));
	assert_true(strstr(b.p, "\"id\":\"a\"") < strstr(b.p, "\"id\":\"c\""));
	assert_null(strstr(b.p, "\"z\""));
	assert_false(file_exists(at("import/texts-today.jsonl")));
	assert_int_equal(import("{\"id\":\"a\",\"text\":\"1\"}\n{\"id\":\"c\",\"text\":\"3\"}\n", &e), ERR_DATA);
	assert_non_null(strstr(e.text, "\"b\" has none"));
	assert_int_equal(import("{\"id\":\"a\",\"text\":\"1\"}\n{\"id\":\"a\",\"text\":\"3\"}\n", &e), ERR_DATA);
	assert_non_null(strstr(e.text, "line 2: a second answer"));
	assert_int_equal(import("{\"id\":\"a\",\"text\":1}\n", &e), ERR_DATA);
	assert_non_null(strstr(e.text, "line 1: expected"));
	assert_int_equal(import("{\"id\":\"a\"", &e), ERR_DATA);
	unlink(at("today.jsonl"));
	buf_release(&b);
}

static void test_unreadable(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(dir_make(at("folder/answers-base.jsonl"), &e), 0);
	assert_true(arm_run("folder", false, "m", NULL, &e) < 0);
	assert_non_null(strstr(e.text, "answers-base.jsonl"));
	put("questions.jsonl", "{\"id\":\"a\"}\n");
	assert_int_equal(arm_run("bad", false, "m", NULL, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "questions.jsonl: line 1"));
	unlink(at("questions.jsonl"));
	finish("none", false, "m");
	assert_false(file_exists(at("none/answers-base.jsonl")));
}

static int setup(void **state)
{
	(void)state;
	assert_int_equal(dir_make(at("data"), NULL), 0);
	put("questions.jsonl",
		"{\"id\":\"a\",\"question\":\"Which port?\",\"answers\":[\"1\"]}\n"
		"{\"id\":\"b\",\"question\":\"How long?\",\"answers\":[\"2 days\"],\"source\":\"a.md\"}\n"
		"{\"id\":\"c\",\"question\":\"How many?\",\"answers\":[\"3\"]}\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lora_free(lora);
	model_free(model);
	return dir_remove(root, NULL);
}

int main(void)
{
	struct err e = {0};
	if (!mkdtemp(root) || kern_init(NULL, &e) || model_open(&model, GOLDEN_DIR "/untied.gguf", &e) ||
		lora_open(&lora, model, GOLDEN_DIR "/untied.golden/adapter", &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_whole, setup),
		cmocka_unit_test_setup(test_samples, setup),
		cmocka_unit_test_setup(test_torn, setup),
		cmocka_unit_test_setup(test_stopped, setup),
		cmocka_unit_test_setup(test_changed, setup),
		cmocka_unit_test_setup(test_passages, setup),
		cmocka_unit_test_setup(test_objections, setup),
		cmocka_unit_test_setup(test_objections_of_the_adapter, setup),
		cmocka_unit_test_setup(test_import, setup),
		cmocka_unit_test_setup(test_unreadable, setup),
	};
	return cmocka_run_group_tests_name("arm", tests, NULL, teardown);
}
