/* For tests: arms whose answers and texts are laid out by hand under the right keys, and compared. */
#ifndef ATTUNE_EVAL_TEST_COMPARE_H
#define ATTUNE_EVAL_TEST_COMPARE_H

#include "eval/compare.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eval/arm.h"

static char root[] = "eval_test_XXXXXX";
enum { BASE, TUNED, RAG, PROMPT, RAG_TUNED, ARMS };
static const struct eval_arm arms[ARMS] = {[BASE] = {.name = "base", .key = ""},
	[TUNED] = {.name = "tuned", .key = "adapter"},
	[RAG] = {.name = "rag", .key = "", .context = EVAL_PASSAGES},
	[PROMPT] = {.name = "prompt", .key = "", .context = EVAL_PROMPT},
	[RAG_TUNED] = {.name = "rag+tuned", .key = "adapter", .context = EVAL_PASSAGES}};
static size_t n_arms; /* the first so many are compared */
static struct eval_job job;

static inline const char *at(const char *name)
{
	static char path[8][PATH_SIZE];
	static int next;
	next = (next + 1) % 8;
	snprintf(path[next], PATH_SIZE, "%s/%s", root, name);
	return path[next];
}

static inline void put(const char *path, const char *text, size_t n)
{
	struct err e = {0};
	if (file_replace(path, text, n, &e))
		fail_msg("%s", e.text);
}

/* Lines with "question" (as JSON), and what the arms say, as their files. */
struct said {
	const char *question, *text[ARMS];
};

static inline void answers_put(const struct said *s, size_t n)
{
	struct buf q = {0};
	struct err e = {0};
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_printf(&q, &e, "%s\n", s[i].question), 0);
	put(job.questions, n ? q.p : "", q.len);
	for (size_t arm = 0; arm < n_arms; arm++) {
		struct arm_files f;
		buf_clear(&q);
		assert_int_equal(arm_files_fill(&f, &job, &arms[arm], &e), 0);
		for (size_t i = 0; i < n; i++) {
			json_t *o = json_loads(s[i].question, 0, NULL);
			assert_non_null(o);
			json_object_set_new(o, "text", json_string(s[i].text[arm]));
			json_object_set_new(o, "finish_reason", json_string("stop"));
			json_object_set_new(o, "n_tokens", json_integer(1));
			json_object_set_new(o, "key", json_string(f.answers_key));
			assert_int_equal(json_line(&q, o, &e), 0);
			json_decref(o);
		}
		put(f.answers, n ? q.p : "", q.len);
	}
	buf_release(&q);
}

/* Six texts of 100 bytes: bits of held-out and general ones. */
static inline void texts_put(double unseen_base, double unseen_tuned, double general_base, double general_tuned)
{
	const double bits[][2] = {[BASE] = {unseen_base, general_base}, [TUNED] = {unseen_tuned, general_tuned}};
	for (size_t arm = 0; arm <= TUNED; arm++) {
		struct arm_files f;
		struct err e = {0};
		struct buf b = {0};
		assert_int_equal(arm_files_fill(&f, &job, &arms[arm], &e), 0);
		for (int i = 0; i < 12; i++)
			assert_int_equal(
				buf_printf(&b, &e, "{\"set\":\"%s\",\"source\":\"%d\",\"bytes\":100,\"bits\":%g,\"key\":\"%s\"}\n",
					i % 2 ? "general" : "unseen", i, 100 * bits[arm][i % 2], f.texts_key),
				0);
		put(f.texts, b.p, b.len);
		buf_release(&b);
	}
}

static inline void compare(struct eval_result *r)
{
	struct err e = {0};
	if (eval_compare(&job, arms, n_arms, r, &e))
		fail_msg("%s", e.text);
}

static inline void file_text(const char *name, struct buf *b)
{
	buf_clear(b);
	assert_int_equal(file_read(at(name), 1 << 20, b, NULL), 0);
}

static inline int setup(void **state)
{
	(void)state;
	static char questions[PATH_SIZE], data[PATH_SIZE], out[PATH_SIZE];
	struct err e = {0};
	snprintf(questions, sizeof questions, "%s", at("questions.jsonl"));
	snprintf(data, sizeof data, "%s", at("data"));
	snprintf(out, sizeof out, "%s", at("out"));
	job = (struct eval_job){.questions = questions,
		.data = data,
		.out = out,
		.model_name = "tiny",
		.model_key = "m",
		.train_seconds = 1,
		.train_tokens = 2};
	n_arms = TUNED + 1;
	return dir_remove(data, &e) || dir_make(data, &e) || dir_make(out, &e);
}

static inline int teardown(void **state)
{
	(void)state;
	return dir_remove(root, NULL);
}

#endif
