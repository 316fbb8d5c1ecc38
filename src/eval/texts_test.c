/* Bits per byte on a tiny model, against model_loss itself, and what is scored of long and many texts. */
#include "eval/texts.h"

#include <setjmp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char root[] = "texts_test_XXXXXX";
static struct model *model;

static const char *at(const char *name)
{
	static char path[4][PATH_SIZE];
	static int next;
	next = (next + 1) % 4;
	snprintf(path[next], PATH_SIZE, "%s/%s", root, name);
	return path[next];
}

static void make(struct texts *t, const char *key)
{
	struct err e = {0};
	struct texts_job j = {.data = root, .path = at("texts.jsonl"), .key = key, .label = "texts", .model = model};
	if (texts_make(&j, &e) || texts_load(t, j.path, key, &e))
		fail_msg("%s", e.text);
}

/* The loss of a text by itself, its end token left out. */
static double bits_of(const char *text)
{
	struct err e = {0};
	struct row row = {.kind = ROW_TEXT, .text = text};
	struct sample s;
	struct packer p;
	struct work *w;
	float loss[256];
	double sum = 0;
	assert_int_equal(row_sample(&s, &row, model_encoder(model), false, &e), 0);
	assert_int_equal(packer_init(&p, s.n, 1, &e), 0);
	packer_add(&p, &s);
	assert_int_equal(work_new(&w, model, NULL, s.n, false, &e), 0);
	assert_int_equal(model_loss(model, NULL, w, &p.batch, loss, &e), 0);
	for (size_t i = 0; i + 1 < s.n_scored; i++)
		sum += (double)loss[i] / M_LN2;
	work_free(w);
	packer_release(&p);
	sample_release(&s);
	return sum;
}

static void test_bits(void **state)
{
	(void)state;
	struct texts t;
	struct err e = {0};
	const char *text = "The lease lasts 3 hours.";
	char line[128];
	snprintf(line, sizeof line, "{\"text\":\"%s\",\"source\":\"a.md\"}\n", text);
	assert_int_equal(file_replace(at("unseen.jsonl"), line, strlen(line), &e), 0);
	make(&t, "one");
	assert_false(t.p[0].general);
	assert_string_equal(t.p[0].source, "a.md");
	assert_true(fabs(t.p[0].bits - bits_of(text)) < 1e-3);
	assert_true(t.p[0].bytes < strlen(text) && t.p[0].bytes >= strlen(text) - 4); /* all but the first token */
	assert_true(t.n > 30 && t.p[t.n - 1].general);
	texts_release(&t);
	assert_int_equal(texts_load(&t, at("texts.jsonl"), "another", &e), 0);
	assert_int_equal(t.n, 0);
	texts_release(&t);
}

/* Of too many texts a part of every third of the file is scored, within the limit; a text longer than the context is, in pieces. */
static void test_many(void **state)
{
	(void)state;
	struct texts t;
	struct err e = {0};
	struct buf b = {0};
	enum { TEXTS = 60, BYTES = 1000 };
	char words[BYTES + 1];
	for (size_t i = 0; i < BYTES; i++)
		words[i] = i % 5 == 4 ? ' ' : 'a';
	words[BYTES] = 0;
	for (int i = 0; i < TEXTS; i++)
		assert_int_equal(buf_printf(&b, &e, "{\"text\":\"%s\",\"source\":\"%d\"}\n", words, i), 0);
	assert_int_equal(file_replace(at("unseen.jsonl"), b.p, b.len, &e), 0);
	make(&t, "two");
	size_t bytes = 0, third[3] = {0};
	for (size_t i = 0; i < t.n && !t.p[i].general; i++) {
		bytes += t.p[i].bytes;
		third[atoi(t.p[i].source) / (TEXTS / 3)]++;
	}
	assert_true(bytes <= TEXTS_UNSEEN_BYTES && bytes > TEXTS_UNSEEN_BYTES * 9 / 10);
	assert_true(third[0] > 4 && third[1] > 4 && third[2] > 4);
	texts_release(&t);
	buf_release(&b);
}

static void test_refused(void **state)
{
	(void)state;
	struct err e = {0};
	volatile sig_atomic_t stop = 1;
	struct texts_job j = {
		.data = root, .path = at("stopped.jsonl"), .key = "k", .label = "texts", .model = model, .stop = &stop};
	assert_int_equal(texts_make(&j, &e), ERR_STOPPED);
	assert_false(file_exists(j.path));
	assert_int_equal(file_replace(at("unseen.jsonl"), "{\"text\":\"a\"}\n", 13, &e), 0);
	assert_int_equal(texts_make(&j, &e), ERR_DATA);
	assert_non_null(strstr(e.text, "unseen.jsonl: line 1: "));
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
	if (!mkdtemp(root) || kern_init(NULL, &e) || model_open(&model, GOLDEN_DIR "/untied.gguf", &e))
		return 1;
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests_name("texts", tests, NULL, teardown);
}
