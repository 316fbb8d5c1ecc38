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

#include "model/model.h"

enum { GOLDEN_ROWS = 24 };

/* Fails the test with the sentence of the error. */
static inline void check(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s", e->text);
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
