/*
 * One arm: every question answered, every text scored. Reference: eval.h, eval_arm_run.
 */
#include "eval/arm.h"

#include <stdio.h>

#include "eval/answer.h"
#include "eval/consistency.h"
#include "eval/prompt.h"
#include "eval/texts.h"
#include "search/search.h"

/* Grows whenever the same model, adapter and questions give other results than before. */
enum { EVAL_VERSION = 1 };

/* The same for answers from passages. */
enum { PASSAGES_VERSION = 2 };

/* What an arm's questions are held to; false: there are no sections, nothing is objected to. */
static bool objects_by(char sections[PATH_SIZE], const struct eval_job *j, const struct eval_arm *arm)
{
	struct err too_long;
	return arm_objects(arm) && path_join(sections, PATH_SIZE, &too_long, j->data, "sections.jsonl") == 0 &&
		file_exists(sections);
}

static int key_make(char hex[65], const char *what, const struct eval_job *j, const struct eval_arm *arm, struct err *e)
{
	struct buf b = {0};
	struct sha256 *sum = NULL;
	int rc = buf_printf(&b, e, "%s %d\n%s\n%s\n", what, EVAL_VERSION, j->model_key, arm->key);
	if (rc == 0)
		rc = sha256_new(&sum, e);
	if (rc == 0) {
		sha256_add(sum, b.p, b.len);
		sha256_hex(sum, hex);
	}
	sha256_free(sum);
	buf_release(&b);
	return rc;
}

/* What the answers of an arm depend on besides model, adapter and questions. */
static int context_name(char *name, size_t size, const struct eval_job *j, const struct eval_arm *arm, struct err *e)
{
	struct search *s;
	char key[65], sections[PATH_SIZE];
	int rc = 0;
	switch (arm->context) {
	case EVAL_ALONE:
		snprintf(name, size, "answers");
		if (objects_by(sections, j, arm) && (rc = sha256_file(sections, key, e)) == 0)
			snprintf(name, size, "answers, objections %d by %s", OBJECTIONS_VERSION, key);
		break;
	case EVAL_PROMPT:
		if ((rc = prompt_key(key, j, e)) == 0)
			snprintf(name, size, "answers behind %s", key);
		break;
	case EVAL_PASSAGES:
		if ((rc = search_open(&s, j->data, j->embedder, e)) < 0)
			break;
		snprintf(name, size, "answers %d from %d passages of %s, objections %d", PASSAGES_VERSION, PASSAGES_SHOWN,
			search_key(s), OBJECTIONS_VERSION);
		search_close(s);
		break;
	case EVAL_IMPORTED:
		if ((rc = sha256_file(arm->answers, key, e)) == 0)
			snprintf(name, size, "answers of %s", key);
	}
	return rc;
}

int arm_files_fill(struct arm_files *f, const struct eval_job *j, const struct eval_arm *arm, struct err *e)
{
	char name[256], texts[65] = "";
	snprintf(name, sizeof name, "answers-%s.jsonl", arm->name);
	int rc = path_join(f->answers, sizeof f->answers, e, j->out, name);
	snprintf(name, sizeof name, "texts-%s.jsonl", arm->name);
	if (rc == 0)
		rc = path_join(f->texts, sizeof f->texts, e, j->out, name);
	if (rc == 0)
		rc = context_name(name, sizeof name, j, arm, e);
	if (rc == 0)
		rc = key_make(f->answers_key, name, j, arm, e);
	if (rc == 0)
		rc = texts_hash(texts, j->data, e);
	snprintf(name, sizeof name, "texts %s", texts);
	return rc < 0 ? rc : key_make(f->texts_key, name, j, arm, e);
}

int eval_arm_run(const struct eval_job *j, const struct eval_arm *arm, struct err *e)
{
	struct questions questions;
	struct arm_files files;
	struct search *search = NULL;
	struct evidence *evidence = NULL;
	struct prompt prompt = {0};
	char label[256], sections[PATH_SIZE];
	int lock = -1;
	snprintf(label, sizeof label, "answers, %s", arm->name);
	int rc = questions_read(&questions, j->questions, e);
	if (rc == 0)
		rc = overlap_find(&questions, j->data, e);
	if (rc == 0)
		rc = leaks_check(&questions, j->questions, j->data, e);
	if (rc == 0)
		rc = dir_make(j->out, e);
	if (rc == 0)
		rc = dir_lock(&lock, j->out, e);
	if (rc == 0)
		rc = arm_files_fill(&files, j, arm, e);
	if (rc == 0 && arm->context == EVAL_PASSAGES)
		rc = search_open(&search, j->data, j->embedder, e);
	if (rc == 0 && objects_by(sections, j, arm))
		rc = evidence_open(&evidence, j->data, e);
	if (rc == 0 && arm->context == EVAL_PROMPT)
		rc = prompt_make(&prompt, j, e);
	if (rc == 0) {
		struct answer_job a = {.questions = &questions, .path = files.answers, .key = files.answers_key};
		struct answerer by = {.model = j->model,
			.lora = arm->lora,
			.search = search,
			.evidence = evidence,
			.prompt = &prompt,
			.sampling = {.top_p = 1}, /* greedy */
			.label = label,
			.stop = j->stop};
		rc = arm->context == EVAL_IMPORTED ? answers_import(&a, arm->answers, e) : answers_make(&a, &by, e);
		if (rc == 0 && samples_wanted(j, arm))
			rc = samples_make(j, arm, &questions, files.answers_key, by, e);
	}
	if (rc == 0 && arm->context == EVAL_ALONE) {
		snprintf(label, sizeof label, "texts, %s", arm->name);
		struct texts_job t = {.data = j->data,
			.path = files.texts,
			.key = files.texts_key,
			.label = label,
			.model = j->model,
			.lora = arm->lora,
			.stop = j->stop};
		rc = texts_make(&t, e);
	}
	search_close(search);
	evidence_free(evidence);
	prompt_release(&prompt);
	dir_unlock(lock);
	questions_release(&questions);
	return rc;
}
