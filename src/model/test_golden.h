/* For the tests of this room: two tiny Llamas, their rows, and what PyTorch makes of them (tests/golden/README.md). */
#ifndef ATTUNE_MODEL_TEST_GOLDEN_H
#define ATTUNE_MODEL_TEST_GOLDEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kern/kern.h"
#include "model/model.h"

enum { GOLDEN_ROWS = 24 };

/* Fails the test with the sentence of the error. */
static inline void check(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s", e->text);
}

static const struct kern *real_kern;

/* [n, width] rows that are `width` apart, each value what a cache of f16 makes of it. */
static inline float *halved_rows(const float *rows, size_t n, size_t width)
{
	struct err e = {0};
	uint16_t *half = mem_alloc(width, sizeof(*half), &e);
	float *copy = mem_alloc(n * width, sizeof(*copy), &e);
	for (size_t i = 0; i < n; i++) {
		real_kern->halve(half, rows + i * width, width);
		for (size_t j = 0; j < width; j++)
			copy[i * width + j] = f16_to_f32(half[j]);
	}
	mem_free(half);
	return copy;
}

static inline void halved_attention(const struct attention *a)
{
	for (size_t i = 0; i < a->n_seqs; i++) {
		struct attention_seq s = a->seq[i];
		struct attention one = *a;
		float *k = NULL, *v = NULL;
		if (!s.half_k) {
			assert_int_equal(s.n_shared, 0);
			s.k = k = halved_rows(s.k, s.nk, a->ldk);
			s.v = v = halved_rows(s.v, s.nk, a->ldk);
		}
		one.seq = &s;
		one.n_seqs = 1;
		real_kern->attention(&one);
		mem_free(k);
		mem_free(v);
	}
}

/* Keys and values are rounded as in a cache where there is none, too: what is computed at once is then what is computed in pieces. */
static inline void halved_begin(void)
{
	static struct kern halved;
	real_kern = kern;
	halved = *kern;
	halved.attention = halved_attention;
	kern = &halved;
}

static inline void halved_end(void)
{
	kern = real_kern;
}

static inline struct model *golden_model(const char *name)
{
	struct err e = {0};
	struct model *m;
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), GOLDEN_DIR "/%s", name);
	check(model_open(&m, path, &e), &e);
	return m;
}

static inline struct lora *golden_adapter(const struct model *m, const char *name)
{
	struct err e = {0};
	struct lora *l;
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), GOLDEN_DIR "/%s.golden/adapter", name);
	check(lora_open(&l, m, path, &e), &e);
	return l;
}

static inline void golden_samples(const struct model *m, struct sample s[GOLDEN_ROWS])
{
	struct err e = {0};
	struct jsonl *j;
	json_t *object;
	size_t line;
	check(jsonl_open(&j, GOLDEN_DIR "/rows.jsonl", &e), &e);
	for (size_t i = 0; i < GOLDEN_ROWS; i++) {
		struct row row;
		assert_int_equal(jsonl_next(j, &object, &line, &e), 1);
		check(row_parse(&row, object, "rows.jsonl", line, &e), &e);
		check(row_sample(&s[i], &row, model_encoder(m), false, &e), &e);
		row_release(&row);
	}
	jsonl_close(j);
}

static inline void samples_release(struct sample s[GOLDEN_ROWS])
{
	for (size_t i = 0; i < GOLDEN_ROWS; i++)
		sample_release(&s[i]);
}

#endif
