/*
 * Search by meaning with the tiny embedder of tests/golden: the nearest passages are those of transformers' vectors, vectors are made once and only
 * for what changed, and damaged or foreign ones are not used. Fusion is that of a reference in Python.
 */
#include "search/search.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/format.h"
#include "kern/kern.h"
#include "search/fusion.h"
#include "store/store.h"

enum { WIDTH = 24, TEXTS_MAX = 32, ROWS_MAX = 160 };

#define OK(call)                                \
	do {                                    \
		if (call)                       \
			fail_msg("%s", e.text); \
	} while (0)

static struct {
	size_t n;
	char text[TEXTS_MAX][400];
	double vector[TEXTS_MAX][WIDTH]; /* of length 1 */
} golden;

/* The lines whose texts a section may have: words to look for, no NUL, no blank at an end. */
static int setup(void **state)
{
	(void)state;
	struct jsonl *j;
	struct err e = {0};
	json_t *o;
	size_t line;
	log_set_level(LOG_WARNING);
	if (kern_init("ref", &e) || /* what bf16 does to vectors is embed_test's */
		jsonl_open(&j, GOLDEN_DIR "/embed.jsonl", &e))
		return -1;
	for (; jsonl_next(j, &o, &line, &e) == 1; json_decref(o)) {
		const json_t *bytes = json_object_get(o, "bytes"), *vector = json_object_get(o, "vector");
		size_t n = json_array_size(bytes);
		char *text = golden.text[golden.n];
		for (size_t i = 0; i < n; i++)
			text[i] = (char)json_integer_value(json_array_get(bytes, i));
		text[n] = 0;
		for (size_t i = 0; i < WIDTH; i++)
			golden.vector[golden.n][i] = json_real_value(json_array_get(vector, i));
		golden.n += n > 2 && strlen(text) == n;
	}
	jsonl_close(j);
	return golden.n == 19 ? 0 : -1;
}

struct fixture {
	char dir[32], sections[64], index[64];
	struct embedder *embedder;
};

static int begin(void **state)
{
	static struct fixture f;
	struct err e = {0};
	strcpy(f.dir, "meaning_test_XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.sections, sizeof f.sections, "%s/sections.jsonl", f.dir);
	snprintf(f.index, sizeof f.index, "%s/index.db", f.dir);
	*state = &f;
	return embedder_open(&f.embedder, GOLDEN_DIR "/embed", &e);
}

static int end(void **state)
{
	struct fixture *f = *state;
	embedder_free(f->embedder);
	return dir_remove(f->dir, NULL);
}

/* Document i has one section without a heading: golden text i, or `other` for document `changed`. */
static void write_sections(const struct fixture *f, size_t changed, const char *other)
{
	struct buf b = {0};
	struct err e = {0};
	for (size_t i = 0; i < golden.n; i++) {
		char path[32];
		const char *text = i == changed ? other : golden.text[i];
		snprintf(path, sizeof path, "%02zu.md", i);
		json_t *o = json_pack(
			"{s:s, s:i, s:s, s:s, s:s}", "path", path, "start", 0, "heading", "", "sha256", text, "text", text);
		char *line = json_dumps(o, 0);
		OK(buf_printf(&b, &e, "%s\n", line));
		free(line);
		json_decref(o);
	}
	OK(file_replace(f->sections, b.p, b.len, &e));
	buf_release(&b);
}

static void find(const struct fixture *f, const char *question, size_t limit, struct search_hits *h)
{
	struct search *s;
	struct err e = {0};
	OK(search_open(&s, f->dir, f->embedder, &e));
	OK(search_find(s, question, limit, h, &e));
	search_close(s);
}

static double golden_cosine(size_t a, size_t b)
{
	double sum = 0;
	for (size_t i = 0; i < WIDTH; i++)
		sum += golden.vector[a][i] * golden.vector[b][i];
	return sum;
}

/* All passages, in the order of transformers' vectors; rounding to half precision moves a cosine by less than 1e-3. */
static void test_the_nearest_are_those_of_the_reference(void **state)
{
	const struct fixture *f = *state;
	struct search_hits h;
	write_sections(f, SIZE_MAX, NULL);
	for (size_t q = 0; q < golden.n; q++) {
		double by_place[TEXTS_MAX];
		bool seen[TEXTS_MAX + 1] = {false};
		find(f, golden.text[q], TEXTS_MAX, &h);
		assert_int_equal(h.n, golden.n);
		for (size_t i = 0; i < h.n; i++) {
			assert_true(h.p[i].by_meaning >= 1 && h.p[i].by_meaning <= golden.n && !seen[h.p[i].by_meaning]);
			seen[h.p[i].by_meaning] = true;
			by_place[h.p[i].by_meaning - 1] = golden_cosine(q, (size_t)atoi(h.p[i].source));
		}
		assert_true(fabs(by_place[0] - 1) < 1e-3);
		for (size_t i = 1; i < golden.n; i++)
			if (by_place[i] > by_place[i - 1] + 2e-3)
				fail_msg("'%s': place %zu has cosine %g, the one before %g", golden.text[q], i + 1, by_place[i],
					by_place[i - 1]);
		search_hits_release(&h);
	}
}

static void test_no_more_than_asked_for(void **state)
{
	const struct fixture *f = *state;
	struct search_hits h;
	write_sections(f, SIZE_MAX, NULL);
	find(f, golden.text[0], 3, &h);
	assert_int_equal(h.n, 3);
	assert_string_equal(h.p[0].text, golden.text[0]);
	assert_true(h.p[0].by_words == 1 && h.p[0].by_meaning == 1);
	assert_true(fabs(h.p[0].score - 1) < 1e-12);
	search_hits_release(&h);
	find(f, "zzzz", 3, &h); /* no word of it occurs: by meaning alone */
	assert_int_equal(h.n, 3);
	for (size_t i = 0; i < h.n; i++)
		assert_true(!h.p[i].by_words && h.p[i].by_meaning == i + 1);
	search_hits_release(&h);
	find(f, "", 3, &h);
	assert_int_equal(h.n, 3);
	search_hits_release(&h);
}

/* Puts vectors into the index that the embedder would not have made; row of document i as the first pass numbers them. */
static void plant(const struct fixture *f, size_t document, const void *value, size_t size_bytes)
{
	struct store *s;
	struct err e = {0};
	char key[65];
	OK(store_open(&s, f->index, &e));
	OK(store_index_key(s, key, &e));
	const struct store_keys keys = {key, embedder_key(f->embedder)};
	const struct store_vectors v = {(const int64_t[]){(int64_t)(document + 1) * STORE_PASSAGES_MAX}, value, 1, size_bytes};
	OK(store_vectors_put(s, &keys, &v, &e));
	store_close(s);
}

static void plant_golden(const struct fixture *f, size_t document, size_t vector)
{
	float wide[WIDTH];
	uint16_t half[WIDTH];
	for (size_t i = 0; i < WIDTH; i++)
		wide[i] = (float)golden.vector[vector][i];
	dtype_quantize(half, DTYPE_F16, wide, WIDTH);
	plant(f, document, half, sizeof half);
}

/* The document that lies nearest to golden text q. */
static size_t nearest(const struct fixture *f, size_t q)
{
	struct search_hits h;
	size_t document = SIZE_MAX;
	find(f, golden.text[q], TEXTS_MAX, &h);
	for (size_t i = 0; i < h.n; i++)
		if (h.p[i].by_meaning == 1)
			document = (size_t)atoi(h.p[i].source);
	search_hits_release(&h);
	return document;
}

/* A vector that was planted stays as long as its document does, so it is not made again; one whose document changes is. */
static void test_only_what_changed_is_made_again(void **state)
{
	const struct fixture *f = *state;
	write_sections(f, SIZE_MAX, NULL);
	assert_int_equal(nearest(f, 1), 1);
	plant_golden(f, 1, 4);
	plant_golden(f, 2, 5);
	assert_int_equal(nearest(f, 4), 1); /* as near as document 4, and before it */
	write_sections(f, 2, "unable keys, the limit");
	assert_int_equal(nearest(f, 4), 1);
	assert_int_equal(nearest(f, 5), 5); /* document 2 has its own vector */
	write_sections(f, 2, golden.text[2]);
	assert_int_equal(nearest(f, 2), 2);
	assert_int_equal(nearest(f, 4), 1);
}

/* Without an embedder an index keeps its vectors, and of what changes meanwhile they go. */
static void test_words_alone_in_between(void **state)
{
	const struct fixture *f = *state;
	struct search *s;
	struct search_hits h;
	struct err e = {0};
	char key[65];
	write_sections(f, SIZE_MAX, NULL);
	assert_int_equal(nearest(f, 1), 1);
	plant_golden(f, 1, 4);
	plant_golden(f, 2, 5);
	write_sections(f, 2, "unable keys, the limit");
	OK(search_open(&s, f->dir, NULL, &e));
	OK(search_find(s, "unable", 3, &h, &e));
	assert_true(h.n && h.p[0].by_words == 1 && !h.p[0].by_meaning);
	search_hits_release(&h);
	memcpy(key, search_key(s), sizeof key);
	search_close(s);
	OK(search_open(&s, f->dir, f->embedder, &e));
	assert_string_not_equal(search_key(s), key); /* answers from it are others */
	search_close(s);
	assert_int_equal(nearest(f, 4), 1);
	assert_int_equal(nearest(f, 5), 5);
}

/* The same weights under another hash are another embedder: whatever the first one made is made again. */
static void test_vectors_of_another_embedder_are_made_again(void **state)
{
	struct fixture *f = *state;
	struct embedder *own = f->embedder, *other;
	struct err e = {0};
	char command[2 * PATH_SIZE], dir[64];
	snprintf(dir, sizeof dir, "%s/embed", f->dir);
	snprintf(command, sizeof command, "cp -rL %s/embed %s && chmod -R u+w %s && echo >>%s/config.json", GOLDEN_DIR, dir, dir,
		dir);
	assert_int_equal(system(command), 0);
	OK(embedder_open(&other, dir, &e));
	assert_string_not_equal(embedder_key(own), embedder_key(other));
	write_sections(f, SIZE_MAX, NULL);
	assert_int_equal(nearest(f, 1), 1);
	plant_golden(f, 1, 4);
	assert_int_equal(nearest(f, 4), 1);
	f->embedder = other;
	assert_int_equal(nearest(f, 4), 4);
	plant_golden(f, 1, 4);
	assert_int_equal(nearest(f, 4), 1);
	f->embedder = own;
	assert_int_equal(nearest(f, 4), 4);
	embedder_free(other);
}

static void test_damaged_vectors_are_refused(void **state)
{
	const struct fixture *f = *state;
	struct search *s;
	struct err e = {0};
	uint16_t value[WIDTH + 1] = {0x3c00}; /* 1, 0, 0, ... */
	static const struct {
		size_t n;
		uint16_t first;
		const char *says;
	} bad[] = {{WIDTH - 1, 0x3c00, "46 bytes, expected 48"}, {WIDTH + 1, 0x3c00, "50 bytes, expected 48"},
		{0, 0, "0 bytes, expected 48"}, {WIDTH, 0x4000, "the length 2, expected 1"}, {WIDTH, 0, "the length 0, expected 1"},
		{WIDTH, 0x7c00, "length inf"}, {WIDTH, 0x7e00, "length nan"}};
	write_sections(f, SIZE_MAX, NULL);
	assert_int_equal(nearest(f, 1), 1);
	plant(f, 3, value, WIDTH * sizeof *value);
	assert_int_equal(nearest(f, 1), 1); /* that one is a vector */
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		value[0] = bad[i].first;
		plant(f, 3, value, bad[i].n * sizeof *value);
		e = (struct err){0};
		assert_int_equal(search_open(&s, f->dir, f->embedder, &e), ERR_DATA);
		assert_null(s);
		if (!strstr(e.text, bad[i].says) || strncmp(e.text, f->index, strlen(f->index)) ||
			!strstr(e.text, "remove the file"))
			fail_msg("%s: does not say '%s'", e.text, bad[i].says);
	}
	assert_int_equal(unlink(f->index), 0);
	assert_int_equal(nearest(f, 1), 1);
}

static size_t scores_read(const json_t *list, double score[ROWS_MAX])
{
	size_t n = json_array_size(list);
	assert_true(n <= ROWS_MAX);
	for (size_t i = 0; i < n; i++)
		score[i] = (double)json_integer_value(json_array_get(list, i));
	return n;
}

static size_t rows_read(const json_t *list, int64_t row[ROWS_MAX])
{
	size_t n = json_array_size(list);
	assert_true(n <= ROWS_MAX);
	for (size_t i = 0; i < n; i++)
		row[i] = json_integer_value(json_array_get(list, i));
	return n;
}

static void test_fusion_is_that_of_the_reference(void **state)
{
	(void)state;
	struct jsonl *j;
	struct err e = {0};
	json_t *o;
	size_t line, n_lines = 0;
	OK(jsonl_open(&j, GOLDEN_DIR "/fusion.jsonl", &e));
	for (; jsonl_next(j, &o, &line, &e) == 1; json_decref(o), n_lines++) {
		int64_t words[ROWS_MAX], meaning[ROWS_MAX], want[ROWS_MAX];
		struct candidate got[2 * ROWS_MAX];
		double bm25[ROWS_MAX], cosine[ROWS_MAX];
		struct ranking w = {words, bm25, rows_read(json_object_get(o, "words"), words), 0},
			       m = {meaning, cosine, rows_read(json_object_get(o, "meaning"), meaning), 0};
		assert_int_equal(scores_read(json_object_get(o, "word_scores"), bm25), w.n);
		assert_int_equal(scores_read(json_object_get(o, "meaning_scores"), cosine), m.n);
		w.floor = (double)json_integer_value(json_object_get(o, "word_floor"));
		m.floor = (double)json_integer_value(json_object_get(o, "meaning_floor"));
		size_t n = rows_read(json_object_get(o, "fused"), want);
		assert_int_equal(fuse(&w, &m, got), n);
		for (size_t i = 0; i < n; i++) {
			if (got[i].row != want[i])
				fail_msg("line %zu, place %zu: %d, expected %d", line, i + 1, (int)got[i].row, (int)want[i]);
			assert_int_equal(got[i].by_words ? words[got[i].by_words - 1] : want[i], want[i]);
			assert_int_equal(got[i].by_meaning ? meaning[got[i].by_meaning - 1] : want[i], want[i]);
			assert_true(got[i].by_words || got[i].by_meaning);
		}
	}
	jsonl_close(j);
	assert_int_equal(n_lines, 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_nearest_are_those_of_the_reference, begin, end),
		cmocka_unit_test_setup_teardown(test_no_more_than_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(test_only_what_changed_is_made_again, begin, end),
		cmocka_unit_test_setup_teardown(test_words_alone_in_between, begin, end),
		cmocka_unit_test_setup_teardown(test_vectors_of_another_embedder_are_made_again, begin, end),
		cmocka_unit_test_setup_teardown(test_damaged_vectors_are_refused, begin, end),
		cmocka_unit_test(test_fusion_is_that_of_the_reference),
	};
	return cmocka_run_group_tests_name("meaning", tests, setup, NULL);
}
