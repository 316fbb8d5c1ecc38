/*
 * flow_run: from a folder of documents to one page. Every step looks into the output folder first. Reference: flow.h.
 */
#include "flow/flow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/data.h"
#include "flow/answers.h"
#include "flow/page.h"
#include "hub/hub.h"

enum { KEY_SHOWN = 12 };

struct job {
	const struct flow_run_options *o;
	char data[PATH_SIZE], run[PATH_SIZE], adapter[PATH_SIZE], model_path[PATH_SIZE], base[PATH_SIZE], tuned[PATH_SIZE];
	char model_key[65], run_key[65];
	struct model *model;
	struct questions questions;
	struct page page;
	int lock;
};

static int curate(struct job *j, struct err *e)
{
	struct data_options d = {.in = j->o->in, .out = j->data, .seed = j->o->config->seed, .n_phrasings = DATA_PHRASINGS};
	bool current;
	struct data_summary *made = &j->page.data;
	int rc = data_is_current(&d, &current, made, e);
	if (rc < 0 || current)
		return rc;
	rc = dir_remove(j->data, e); /* with whatever a killed run left there */
	if (rc == 0 && (rc = data_curate(&d, made, e)) == 0)
		log_line(LOG_INFO, "%zu documents with %zu facts: %zu questions to train on", made->n_documents, made->n_facts,
			made->n_train);
	return rc;
}

/* The run is named by all that it is made from. */
static int run_name(struct job *j, struct err *e)
{
	static const char *const file[] = {"train.jsonl", "valid.jsonl"};
	char path[PATH_SIZE], hex[65], name[KEY_SHOWN + 8];
	struct train_key key;
	struct buf b = {0};
	struct sha256 *sum = NULL;
	int rc = buf_printf(&b, e, "%s\n", j->model_key);
	for (size_t i = 0; i < sizeof file / sizeof *file && rc == 0; i++) {
		rc = path_join(path, sizeof path, e, j->data, file[i]);
		if (rc == 0 && file_exists(path) && (rc = sha256_file(path, hex, e)) == 0)
			rc = buf_printf(&b, e, "%s %s\n", file[i], hex);
	}
	for (size_t i = 0; rc == 0 && train_key_at(i, &key); i++)
		if ((rc = buf_printf(&b, e, "%s ", key.name)) == 0 && (rc = train_config_get(j->o->config, key.name, &b, e)) == 0)
			rc = buf_puts(&b, "\n", e);
	if (rc == 0)
		rc = sha256_new(&sum, e);
	if (rc == 0) {
		sha256_add(sum, b.p, b.len);
		sha256_hex(sum, j->run_key);
		snprintf(name, sizeof name, "run-%.*s", KEY_SHOWN, j->run_key);
		rc = path_join(j->run, sizeof j->run, e, j->o->out, name);
	}
	if (rc == 0)
		rc = path_join(j->adapter, sizeof j->adapter, e, j->run, "adapter");
	sha256_free(sum);
	buf_release(&b);
	return rc;
}

/* Answers of the base, or with `adapter` of the tuned model, from the folder or asked now. */
static int ask(struct job *j, const char *adapter, json_t **out, struct err *e)
{
	struct lora *lora = NULL;
	char key[2 * 65 + 65];
	snprintf(key, sizeof key, "%.16s-%.16s-%.16s", j->questions.sha256, j->model_key, adapter ? j->run_key : "base");
	struct answers_job a = {.questions = &j->questions,
		.model = j->model,
		.label = adapter ? "answers after" : "answers before",
		.path = adapter ? j->tuned : j->base,
		.key = key,
		.stop = j->o->stop};
	int rc = answers_load(&a, out, e);
	if (rc < 0 || *out || !j->questions.n)
		return rc;
	if (adapter)
		rc = lora_open(&lora, j->model, adapter, e);
	a.lora = lora;
	if (rc == 0)
		rc = answers_make(&a, out, e);
	lora_free(lora);
	return rc;
}

static int train(struct job *j, struct err *e)
{
	struct train_options t = {.model = j->model, .config = j->o->config, .data = j->data, .out = j->run, .stop = j->o->stop};
	return train_run(&t, &j->page.training, e);
}

static int prepare(struct job *j, struct err *e)
{
	static const char *const name[] = {"data", "answers-base.jsonl", "answers-tuned.jsonl"};
	char *const path[] = {j->data, j->base, j->tuned};
	char questions[PATH_SIZE];
	int rc = dir_make(j->o->out, e);
	if (rc == 0)
		rc = dir_lock(&j->lock, j->o->out, e);
	for (size_t i = 0; i < sizeof name / sizeof *name && rc == 0; i++)
		rc = path_join(path[i], PATH_SIZE, e, j->o->out, name[i]);
	if (rc == 0)
		rc = path_join(questions, sizeof questions, e, j->o->in, "questions.jsonl");
	if (rc == 0)
		rc = questions_read(&j->questions, questions, e);
	if (rc == 0)
		rc = curate(j, e); /* before the model is fetched: an empty folder is told at once */
	if (rc == 0)
		rc = hub_resolve(j->model_path, j->o->model, e);
	if (rc == 0)
		rc = sha256_path(j->model_path, j->model_key, e);
	if (rc == 0)
		rc = run_name(j, e);
	return rc < 0 ? rc : model_open(&j->model, j->model_path, e);
}

int flow_run(const struct flow_run_options *o, struct buf *page, struct err *e)
{
	struct job *j = mem_alloc(1, sizeof *j, e);
	json_t *base = NULL, *tuned = NULL;
	char path[PATH_SIZE];
	struct buf text = {0};
	double start = now_s();
	if (!j)
		return ERR_RESOURCE;
	j->o = o;
	j->lock = -1;
	int rc = prepare(j, e);
	if (rc < 0 || (rc = ask(j, NULL, &base, e)) < 0 || (rc = train(j, e)) < 0 || (rc = ask(j, j->adapter, &tuned, e)) < 0)
		goto done;
	j->page.in = o->in;
	j->page.model = o->model;
	j->page.adapter = j->adapter;
	j->page.base = base;
	j->page.tuned = tuned;
	j->page.seconds = now_s() - start;
	if ((rc = page_write(&j->page, &text, e)) == 0 && (rc = path_join(path, sizeof path, e, o->out, "page.txt")) == 0 &&
		(rc = file_replace(path, text.p, text.len, e)) == 0)
		rc = buf_append(page, text.p, text.len, e);
done:
	buf_release(&text);
	json_decref(base);
	json_decref(tuned);
	model_free(j->model);
	questions_release(&j->questions);
	dir_unlock(j->lock);
	mem_free(j);
	return rc;
}
