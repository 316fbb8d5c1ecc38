/*
 * For comparisons against PyTorch: loss and every adapter gradient of rows taken as one batch.
 *
 *   gradient_tool MODEL ADAPTER ROWS.jsonl OUT.safetensors
 *
 * Prints {"loss", "count"}; the loss is the sum over scored tokens / their count. Not installed.
 */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_TOKENS = 4096, MAX_ROWS = 256 };

static int fill(struct packer *p, const struct model *m, const char *path, struct err *e)
{
	struct jsonl *j = NULL;
	json_t *object;
	size_t line;
	int rc = jsonl_open(&j, path, e), more = 0;
	while (!rc && (more = jsonl_next(j, &object, &line, e)) > 0) {
		struct row row;
		struct sample s = {0};
		if ((rc = row_parse(&row, object, path, line, e)))
			break;
		rc = row_sample(&s, &row, model_encoder(m), false, e);
		if (!rc && (p->batch.n_tokens + s.n > MAX_TOKENS || p->batch.n_seqs == MAX_ROWS))
			rc = err_set(e, ERR_DATA, "%s: more than %d tokens or %d rows", path, MAX_TOKENS, MAX_ROWS);
		if (!rc)
			packer_add(p, &s);
		sample_release(&s);
		row_release(&row);
	}
	jsonl_close(j);
	return more < 0 ? more : rc;
}

int main(int argc, char **argv)
{
	struct err e = {0};
	struct model *m = NULL;
	struct lora *l = NULL;
	struct work *w = NULL;
	struct packer p = {0};
	float *loss = NULL, *grad = NULL;
	double sum = 0;
	if (argc != 5) {
		fprintf(stderr, "usage: %s MODEL ADAPTER ROWS.jsonl OUT.safetensors\n", argv[0]);
		return 2;
	}
	if (kern_init(NULL, &e) || model_open(&m, argv[1], &e) || lora_open(&l, m, argv[2], &e) ||
		packer_init(&p, MAX_TOKENS, MAX_ROWS, &e) || fill(&p, m, argv[3], &e) ||
		work_new(&w, m, l, p.batch.n_tokens, true, &e) || !(loss = mem_alloc(MAX_TOKENS, sizeof(*loss), &e)) ||
		!(grad = mem_alloc(l->n_params, sizeof(*grad), &e)) ||
		model_loss_and_grad(m, l, w, &p.batch, 1 / (float)p.batch.n_scored, loss, grad, &e) ||
		lora_write_tensors(l, m, grad, argv[4], &e)) {
		fprintf(stderr, "gradient_tool: %s\n", e.text);
	} else {
		for (size_t i = 0; i < p.batch.n_scored; i++)
			sum += (double)loss[i];
		printf("{\"loss\": %.9g, \"count\": %zu}\n", sum / (double)p.batch.n_scored, p.batch.n_scored);
	}
	mem_free(grad);
	mem_free(loss);
	packer_release(&p);
	work_free(w);
	lora_free(l);
	model_free(m);
	return -e.code;
}
