/* The prompt that is chosen, on a tiny model: what it holds, what it never holds, that it is the best of those tried. */
#include "eval/prompt.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char root[] = "prompt_test_XXXXXX", data[PATH_SIZE], out[PATH_SIZE];
static struct model *model;

static void put(const char *dir, const char *name, const char *text)
{
	char path[PATH_SIZE];
	struct err e = {0};
	assert_int_equal(path_join(path, sizeof path, &e, dir, name), 0);
	assert_int_equal(file_replace(path, text, strlen(text), &e), 0);
}

static struct eval_job job(void)
{
	return (struct eval_job){.data = data, .out = out, .model = model, .model_name = "tiny", .model_key = "m"};
}

static void make(struct prompt *p)
{
	struct err e = {0};
	const struct eval_job j = job();
	if (prompt_make(p, &j, &e))
		fail_msg("%s", e.text);
}

static json_t *file(void)
{
	char path[PATH_SIZE];
	struct err e = {0};
	assert_int_equal(path_join(path, sizeof path, &e, out, EVAL_PROMPT_FILE), 0);
	json_t *all = json_load_file(path, 0, NULL);
	assert_non_null(all);
	return all;
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static int setup(void **state)
{
	(void)state;
	put(data, "terms.yaml", "terms:\n  - preferred: bay\n    forbidden: [queue]\n    definition: \"\"\n  - preferred: plain\n");
	put(data, "sections.jsonl",
		"{\"path\":\"s\",\"heading\":\"Style guide > Voice\",\"text\":\"Be brief.\"}\n"
		"{\"path\":\"s\",\"heading\":\"Style guide > Terminology\",\"text\":\"Say bay.\"}\n"
		"{\"path\":\"g\",\"heading\":\"Glossary\",\"text\":\"Bay: a place.\"}\n"
		"{\"path\":\"a\",\"heading\":\"Bays > Voice\",\"text\":\"A bay speaks.\"}\n");
	put(data, "train.jsonl",
		"{\"messages\":[{\"role\":\"user\",\"content\":\"A1?\"},{\"role\":\"assistant\",\"content\":\"one\"}],\"kind\":"
		"\"x\",\"item\":1}\n"
		"{\"messages\":[{\"role\":\"user\",\"content\":\"A2?\"},{\"role\":\"assistant\",\"content\":\"two\"}],\"kind\":"
		"\"x\",\"item\":2}\n"
		"{\"messages\":[{\"role\":\"user\",\"content\":\"A2 "
		"again?\"},{\"role\":\"assistant\",\"content\":\"two\"}],\"kind\":\"x\",\"item\":2}\n"
		"{\"messages\":[{\"role\":\"user\",\"content\":\"G?\"},{\"role\":\"assistant\",\"content\":\"g\"}],\"distill\":"
		"true}\n"
		"{\"text\":\"T\"}\n");
	put(data, "valid.jsonl",
		"{\"messages\":[{\"role\":\"user\",\"content\":\"B1?\"},{\"role\":\"assistant\",\"content\":\"one\"}],\"kind\":"
		"\"x\",\"item\":1}\n"
		"{\"messages\":[{\"role\":\"user\",\"content\":\"B3?\"},{\"role\":\"assistant\",\"content\":\"threes\"}],\"item\":"
		"3}\n");
	return 0;
}

/* All messages, a line each. */
static void said(const struct prompt *p, char text[4096])
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += (size_t)snprintf(text + n, 4096 - n, "%s: %s\n", p->messages[i].role, p->messages[i].content);
}

static void test_holds(void **state)
{
	(void)state;
	struct prompt p;
	char text[4096];
	make(&p);
	json_t *all = file(), *tried = json_object_get(all, "tried");
	assert_int_equal(json_array_size(tried), 7);
	const json_t *fullest = json_array_get(tried, 2);
	assert_true(json_is_true(json_object_get(fullest, "terms")) && json_is_true(json_object_get(fullest, "style")));
	said(&p, text);
	assert_non_null(strstr(text, "You write and answer"));
	assert_null(strstr(text, "A1?")); /* the answer that is asked for */
	assert_null(strstr(text, "G?"));
	assert_null(strstr(text, "Say bay."));
	assert_null(strstr(text, "A bay speaks."));
	assert_null(strstr(text, "a place"));
	assert_null(strstr(text, "plain"));
	json_decref(all);
	prompt_release(&p);
}

/* The mean loss of the answers of valid.jsonl, each computed alone. */
static double loss_of(const struct prompt *p)
{
	static const char *const turn[][2] = {{"B1?", "one"}, {"B3?", "threes"}};
	struct message messages[32];
	struct err e = {0};
	double sum = 0;
	size_t n = 0;
	for (size_t i = 0; i < 2; i++) {
		const struct row row = {.kind = ROW_MESSAGES, .messages = messages, .n_messages = p->n + 2};
		struct sample s;
		struct packer packer;
		struct work *work;
		float loss[64];
		memcpy(messages, p->messages, p->n * sizeof *messages);
		messages[p->n] = (struct message){.role = "user", .content = turn[i][0]};
		messages[p->n + 1] = (struct message){.role = "assistant", .content = turn[i][1], .train = true};
		assert_int_equal(row_sample(&s, &row, model_encoder(model), false, &e), 0);
		assert_int_equal(packer_init(&packer, s.n, 1, &e), 0);
		packer_add(&packer, &s);
		assert_int_equal(work_new(&work, model, NULL, s.n, false, &e), 0);
		assert_int_equal(model_loss(model, NULL, work, &packer.batch, loss, &e), 0);
		for (size_t k = 0; k < packer.batch.n_scored; k++, n++)
			sum += (double)loss[k];
		work_free(work);
		packer_release(&packer);
		sample_release(&s);
	}
	return sum / (double)n;
}

static void test_best(void **state)
{
	(void)state;
	struct prompt p;
	double best = INFINITY;
	size_t i, n_fit = 0;
	json_t *one, *all;
	make(&p);
	all = file();
	json_array_foreach (json_object_get(all, "tried"), i, one)
		if (!json_is_null(json_object_get(one, "loss"))) {
			n_fit++;
			best = fmin(best, number(one, "loss"));
		}
	assert_true(n_fit > 3);
	/* computed together and alone, which rounds alike but in bf16, where they are 1.4e-4 apart */
	assert_true(fabs(best - loss_of(&p)) < (strstr(kern->name, "bf16") ? 1e-3 : 1e-4));
	json_decref(all);
	prompt_release(&p);
}

/* The same inputs are not computed again; others are; a damaged file counts as none. */
static void test_again(void **state)
{
	(void)state;
	struct prompt p;
	char path[PATH_SIZE], before[65], after[65];
	struct err e = {0};
	volatile sig_atomic_t stop = 1;
	struct eval_job j = job();
	make(&p);
	prompt_release(&p);
	j.stop = &stop;
	assert_int_equal(prompt_make(&p, &j, &e), 0);
	prompt_release(&p);
	assert_int_equal(prompt_key(before, &j, &e), 0);
	put(data, "terms.yaml", "terms:\n  - preferred: bay\n    forbidden: [tray]\n    definition: \"\"\n");
	assert_int_equal(prompt_key(after, &j, &e), 0);
	assert_string_not_equal(before, after);
	assert_int_equal(prompt_make(&p, &j, &e), ERR_STOPPED);
	prompt_release(&p);
	make(&p);
	prompt_release(&p);
	assert_int_equal(path_join(path, sizeof path, &e, out, EVAL_PROMPT_FILE), 0);
	json_t *all = file();
	json_object_del(json_array_get(json_object_get(all, "messages"), 0), "role");
	assert_int_equal(json_dump_file(all, path, 0), 0);
	json_decref(all);
	make(&p);
	assert_true(p.n > 0 && !strcmp(p.messages[0].role, "system"));
	prompt_release(&p);
}

/* Terms as long as the context: a prompt without them; no room for anything: none, and the arm asks as the base does. */
static void test_fits(void **state)
{
	(void)state;
	struct prompt p;
	char terms[4096] = "terms:\n  - preferred: bay\n    forbidden: [queue]\n    definition: \"", text[4096];
	for (size_t i = 0; i < 600; i++)
		strcat(terms, "qjz ");
	strcat(terms, "\"\n");
	put(data, "terms.yaml", terms);
	make(&p);
	json_t *all = file();
	assert_true(json_is_null(json_object_get(json_array_get(json_object_get(all, "tried"), 1), "loss")));
	said(&p, text);
	assert_null(strstr(text, "qjz"));
	json_decref(all);
	prompt_release(&p);
}

/* A folder without anything gives the instruction alone. */
static void test_nothing(void **state)
{
	(void)state;
	struct prompt p;
	struct err e = {0};
	assert_int_equal(dir_remove(data, &e), 0);
	assert_int_equal(dir_make(data, &e), 0);
	make(&p);
	assert_int_equal(p.n, 1);
	prompt_release(&p);
}

static int teardown(void **state)
{
	(void)state;
	model_free(model);
	return dir_remove(root, NULL);
}

int main(void)
{
	struct err e = {0};
	if (!mkdtemp(root) || path_join(data, sizeof data, &e, root, "data") || path_join(out, sizeof out, &e, root, "out") ||
		dir_make(data, &e) || dir_make(out, &e) || kern_init(NULL, &e) ||
		model_open(&model, GOLDEN_DIR "/untied.gguf", &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_holds, setup),
		cmocka_unit_test_setup(test_best, setup),
		cmocka_unit_test_setup(test_again, setup),
		cmocka_unit_test_setup(test_fits, setup),
		cmocka_unit_test_setup(test_nothing, setup),
	};
	return cmocka_run_group_tests_name("prompt", tests, NULL, teardown);
}
