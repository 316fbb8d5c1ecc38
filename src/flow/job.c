/*
 * Documents, model and arms of a run or a plan. Every step looks into the output folder first. Reference: job.h, flow.h.
 */
#include "flow/job.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "hub/hub.h"

static int curate(struct job *j, struct err *e)
{
	struct data_options d = {.in = j->in,
		.out = j->data,
		.seed = j->o->config->seed,
		.n_phrasings = DATA_PHRASINGS,
		.scrub_pii = j->o->config->scrub_pii};
	bool current;
	struct data_summary *made = &j->made;
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
	char path[PATH_SIZE], hex[65], name[FLOW_KEY_SHOWN + 8];
	struct buf b = {0};
	struct sha256 *sum = NULL;
	int rc = buf_printf(&b, e, "%s\n", j->model_key);
	for (size_t i = 0; i < sizeof file / sizeof *file && rc == 0; i++) {
		rc = path_join(path, sizeof path, e, j->data, file[i]);
		if (rc == 0 && file_exists(path) && (rc = sha256_file(path, hex, e)) == 0)
			rc = buf_printf(&b, e, "%s %s\n", file[i], hex);
	}
	if (rc == 0)
		rc = train_config_text(j->o->config, &b, e);
	if (rc == 0)
		rc = sha256_new(&sum, e);
	if (rc == 0) {
		sha256_add(sum, b.p, b.len);
		sha256_hex(sum, j->run_key);
		snprintf(name, sizeof name, "run-%.*s", FLOW_KEY_SHOWN, j->run_key);
		rc = path_join(j->run, sizeof j->run, e, j->o->out, name);
	}
	if (rc == 0)
		rc = path_join(j->adapter, sizeof j->adapter, e, j->run, "adapter");
	if (rc == 0)
		rc = path_join(j->loss_svg, sizeof j->loss_svg, e, j->run, "loss.svg");
	sha256_free(sum);
	buf_release(&b);
	return rc;
}

/* Asks one arm, the base without an adapter. */
static int ask(struct job *j, struct eval_arm *arm, struct err *e)
{
	struct lora *lora = NULL;
	int rc = *arm->key ? lora_open(&lora, j->model, j->adapter, e) : 0;
	arm->lora = lora;
	if (rc == 0)
		rc = eval_arm_run(&j->eval, arm, e);
	arm->lora = NULL;
	lora_free(lora);
	return rc;
}

/* A workspace has its documents in sources/, a plain folder is its own. */
static int sources_find(struct job *j, struct err *e)
{
	int rc = path_join(j->in, sizeof j->in, e, j->o->in, "sources");
	return rc == 0 && !dir_exists(j->in) ? path_join(j->in, sizeof j->in, e, "", j->o->in) : rc;
}

static int prepare(struct job *j, struct err *e)
{
	static const struct {
		const char *name;
		size_t offset;
	} part[] = {{"data", offsetof(struct job, data)}, {"eval", offsetof(struct job, out)}};
	int rc = dir_make(j->o->out, e);
	if (rc == 0)
		rc = dir_lock(&j->lock, j->o->out, e);
	for (size_t i = 0; i < sizeof part / sizeof *part && rc == 0; i++)
		rc = path_join((char *)j + part[i].offset, PATH_SIZE, e, j->o->out, part[i].name);
	if (rc == 0)
		rc = path_join(j->questions, sizeof j->questions, e, j->o->in, "questions.jsonl");
	if (rc == 0)
		rc = path_join(j->report, sizeof j->report, e, j->out, "report.html");
	if (rc == 0)
		rc = sources_find(j, e);
	if (rc == 0)
		rc = curate(j, e); /* before the model is fetched: an empty folder is told at once */
	if (rc == 0)
		rc = hub_resolve(j->model_path, j->o->model, e);
	if (rc == 0)
		rc = sha256_path(j->model_path, j->model_key, e);
	if (rc == 0)
		rc = run_name(j, e);
	if (rc == 0)
		rc = model_open(&j->model, j->model_path, e);
	return rc < 0 ? rc : flow_embedder(&j->embedder, j->o->embedder, e);
}

int job_open(struct job *j, const struct flow_run_options *o, struct err *e)
{
	*j = (struct job){.o = o,
		.lock = -1,
		.arm = {[BASE] = {.name = "base", .key = ""},
			[PROMPT] = {.name = "prompt", .key = "", .context = EVAL_PROMPT},
			[RAG] = {.name = "rag", .key = "", .context = EVAL_PASSAGES},
			[TUNED] = {.name = "tuned", .key = j->run_key},
			[RAG_TUNED] = {.name = "rag+tuned", .key = j->run_key, .context = EVAL_PASSAGES}}};
	int rc = prepare(j, e);
	j->eval = (struct eval_job){.questions = j->questions,
		.data = j->data,
		.out = j->out,
		.model = j->model,
		.embedder = j->embedder,
		.model_name = o->model,
		.model_key = j->model_key,
		.loss_svg = j->loss_svg,
		.costs = EVAL_COSTS_DEFAULT,
		.stop = o->stop};
	return rc;
}

void job_close(struct job *j)
{
	model_free(j->model);
	embedder_free(j->embedder);
	dir_unlock(j->lock);
}

int job_ask(struct job *j, enum job_arm from, enum job_arm to, struct err *e)
{
	int rc = 0;
	for (enum job_arm i = from; i < to && rc == 0; i++)
		rc = ask(j, &j->arm[i], e);
	return rc;
}
