/*
 * Does a model say the same when it is asked the same? Reference: consistency.h; Fleiss, "Measuring nominal scale agreement among many raters",
 * Psychological Bulletin 76 (1971).
 */
#include "eval/consistency.h"

#include <stdio.h>
#include <string.h>

#include "eval/judge.h"
#include "eval/window.h"

enum { PARAPHRASE_SEED = 5 };

/* What `attune chat` draws with: people meet these answers. */
static const struct sampling as_in_chat = {.temperature = 0.2f, .top_p = 0.9f};

/* Grows whenever the same questions give other wordings than before. */
enum { SAMPLES_VERSION = 1 };

/* ---- asking ----------------------------------------------------------------------------------------------------------------- */

static int wordings_add(struct questions *out, const struct question *q, struct err *e)
{
	const char *said[PARAPHRASES];
	int rc = data_paraphrases(said, PARAPHRASES, q->text, PARAPHRASE_SEED, &out->arena, e);
	for (size_t i = 0; i < PARAPHRASES && rc == 0; i++) {
		json_t *o = json_copy((json_t *)q->json);
		if (json_object_set_new(o, "question", json_string(said[i])) ||
			json_object_set_new(o, "wording", json_integer((json_int_t)i + 1)) || json_array_append(out->list, o))
			rc = err_set(e, ERR_RESOURCE, "out of memory while asking in other words");
		else
			out->p[out->n++] = (struct question){.json = o,
				.id = json_string_value(json_object_get(o, "id")),
				.text = json_string_value(json_object_get(o, "question")),
				.source = q->source};
		json_decref(o);
	}
	return rc;
}

int paraphrases_fill(struct questions *out, const struct questions *q, struct err *e)
{
	*out = (struct questions){.list = json_array()};
	arena_init(&out->arena, 64 << 10);
	out->p = arena_alloc(&out->arena, q->n * PARAPHRASES, sizeof *out->p, e);
	int rc = out->p ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < q->n && rc == 0; i++)
		if (question_is_ordinary(&q->p[i]))
			rc = wordings_add(out, &q->p[i], e);
	return rc;
}

/* What the answers with one seed are, and where. */
struct samples {
	char path[PATH_SIZE], key[128];
	struct answer_job job;
};

static int samples_name(struct samples *s, const struct eval_job *j, const struct eval_arm *arm, const struct questions *wordings,
	const char *key, int seed, struct err *e)
{
	char name[256];
	snprintf(name, sizeof name, "samples-%s-%d.jsonl", arm->name, seed);
	snprintf(s->key, sizeof s->key, "%s samples %d seed %d", key, SAMPLES_VERSION, seed);
	s->job = (struct answer_job){.questions = wordings, .path = s->path, .key = s->key};
	return path_join(s->path, sizeof s->path, e, j->out, name);
}

int samples_make(const struct eval_job *j, const struct eval_arm *arm, const struct questions *q, const char *key,
	struct answerer by, struct err *e)
{
	struct questions wordings;
	char label[256];
	int rc = paraphrases_fill(&wordings, q, e);
	for (int seed = 1; seed <= SAMPLE_SEEDS && rc == 0; seed++) {
		struct samples s;
		snprintf(label, sizeof label, "samples %d of %d, %s", seed, SAMPLE_SEEDS, arm->name);
		by.label = label;
		by.sampling = as_in_chat;
		by.sampling.seed = (uint64_t)seed;
		rc = samples_name(&s, j, arm, &wordings, key, seed, e);
		if (rc == 0)
			rc = answers_make(&s.job, &by, e);
	}
	questions_release(&wordings);
	return rc;
}

int samples_load(const char ***texts, const struct eval_job *j, const struct eval_arm *arm, const struct questions *q,
	const char *key, struct arena *a, struct err *e)
{
	struct questions wordings;
	int rc = paraphrases_fill(&wordings, q, e);
	*texts = arena_alloc(a, wordings.n * SAMPLE_SEEDS, sizeof **texts, e);
	if (rc == 0 && !*texts)
		rc = ERR_RESOURCE;
	for (int seed = 1; seed <= SAMPLE_SEEDS && rc == 0; seed++) {
		struct samples s;
		json_t *list = NULL;
		rc = samples_name(&s, j, arm, &wordings, key, seed, e);
		if (rc == 0)
			rc = answers_load(&list, &s.job, e);
		if (rc == 0 && json_array_size(list) != wordings.n)
			rc = err_set(e, ERR_DATA, "%s: expected %zu answers, found %zu; run the arm \"%s\" first", s.path,
				wordings.n, json_array_size(list), arm->name);
		for (size_t i = 0; i < wordings.n && rc == 0; i++) {
			const char *text = json_string_value(json_object_get(json_array_get(list, i), "text"));
			const char **slot =
				&(*texts)[i / PARAPHRASES * SAMPLES + (size_t)(seed - 1) * PARAPHRASES + i % PARAPHRASES];
			if (!(*slot = arena_strdup(a, text, strlen(text), e)))
				rc = ERR_RESOURCE;
		}
		json_decref(list);
	}
	questions_release(&wordings);
	return rc;
}

/* ---- agreement -------------------------------------------------------------------------------------------------------------- */

static bool question_names(const struct question *q, const struct value *v)
{
	for (size_t i = 0; i < q->in_question.n; i++)
		if (value_is(v, &q->in_question.p[i]))
			return true;
	return false;
}

/* A number for what is said. */
static int said_read(uint64_t *out, const char *text, const struct question *q, struct arena *a, struct err *e)
{
	enum { RIGHT = 1, REFUSED };
	struct judgement j;
	struct values v = {0};
	struct window_scan words = {.p = text, .size = 1};
	uint64_t word;
	int rc = answer_judge(&j, text, q, a, e);
	if (rc == 0)
		rc = values_read(&v, text, a, e);
	*out = HASH_START;
	if (rc < 0 || j.right || j.refused) {
		*out = j.right ? RIGHT : REFUSED;
		return rc;
	}
	for (size_t i = 0; i < v.n; i++)
		if (!question_names(q, &v.p[i])) {
			*out = hash_step(hash_step(hash_bytes(v.p[i].text, strlen(v.p[i].text)),
						 hash_bytes(v.p[i].unit, strlen(v.p[i].unit))),
				(uint64_t)v.p[i].kind);
			return 0;
		}
	while (window_next(&words, &word))
		*out = hash_step(*out, word);
	return 0;
}

int agreement_measure(double *out, const char *const *text, size_t n, const struct question *q, struct arena *a, struct err *e)
{
	uint64_t said[SAMPLES];
	size_t same = 0;
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = said_read(&said[i], text[i], q, a, e);
		for (size_t k = 0; k < i; k++)
			same += said[k] == said[i];
	}
	*out = (double)same / ((double)n * (double)(n - 1) / 2);
	return rc;
}
