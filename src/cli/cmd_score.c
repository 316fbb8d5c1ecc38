/*
 * attune score: log-probabilities of the scored tokens of each line. Rows are computed several at once, laid end to end, and
 * written in their order.
 */
#include "cli/verbs.h"

#include <string.h>

enum { GROUP_TOKENS = 2048, GROUP_ROWS = 256 }; /* of a group, unless one row alone is longer */

/* Rows that are computed together. */
struct group {
	struct row row[GROUP_ROWS];
	struct sample sample[GROUP_ROWS];
	size_t n, n_tokens, n_scored;
};

static void group_clear(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		row_release(&g->row[i]);
		sample_release(&g->sample[i]);
	}
	g->n = g->n_tokens = g->n_scored = 0;
}

/* The line again, with tokens, logprobs, sum and n. */
static int put_row(struct sink *out, const struct row *r, const struct sample *s, const float *loss, struct err *e)
{
	json_t *tokens = json_array(), *logprobs = json_array();
	double sum = 0;
	int failed = 0;
	for (size_t j = 0, k = 0; j < s->n && !failed; j++) {
		if (!s->scored[j])
			continue;
		sum -= (double)loss[k];
		failed = json_array_append_new(tokens, json_integer(s->ids[j])) ||
			json_array_append_new(logprobs, json_real(-(double)loss[k++]));
	}
	failed |= json_object_set_new(r->json, "tokens", tokens) | json_object_set_new(r->json, "logprobs", logprobs) |
		json_object_set_new(r->json, "sum", json_real(sum)) |
		json_object_set_new(r->json, "n", json_integer((json_int_t)s->n_scored));
	if (failed)
		return err_set(e, ERR_RESOURCE, "out of memory, or a log-probability that is not a number, at line %zu", r->line);
	return sink_put(out, r->json, e);
}

static int compute(const struct session *s, const struct group *g, struct sink *out, struct err *e)
{
	struct packer packer = {0};
	struct work *work = NULL;
	float *loss = mem_alloc(g->n_scored, sizeof *loss, e);
	int rc = loss ? packer_init(&packer, g->n_tokens, g->n, e) : e->code;
	for (size_t i = 0; !rc && i < g->n; i++)
		packer_add(&packer, &g->sample[i]);
	if (!rc)
		rc = work_new(&work, s->model, s->lora, g->n_tokens, false, e);
	if (!rc)
		rc = model_loss(s->model, s->lora, work, &packer.batch, loss, e);
	for (size_t i = 0, at = 0; !rc && i < g->n; i++) {
		rc = put_row(out, &g->row[i], &g->sample[i], loss + at, e);
		at += g->sample[i].n_scored;
	}
	work_free(work);
	packer_release(&packer);
	mem_free(loss);
	return rc;
}

/* The next line into *r and *s; 1, or 0 at the end, or an error. */
static int next(struct row *r, struct sample *s, const struct session *session, struct jsonl *in, const char *path, struct err *e)
{
	const struct model_config *config = model_config(session->model);
	json_t *object;
	size_t line;
	int got = jsonl_next(in, &object, &line, e);
	if (got <= 0)
		return got;
	int rc = row_parse(r, object, path, line, e);
	if (rc)
		return rc;
	rc = row_sample(s, r, model_encoder(session->model), false, e);
	if (rc)
		err_prefix(e, "%s", path);
	else if (s->n > config->context) {
		rc = err_set(e, ERR_DATA, "%s: line %zu: the row has %zu tokens, the model's context holds %zu", path, line, s->n,
			config->context);
		sample_release(s);
	}
	if (rc)
		row_release(r);
	return rc ? rc : 1;
}

static int score_all(
	const struct session *session, struct jsonl *in, const char *path, struct sink *out, struct group *g, struct err *e)
{
	struct progress progress;
	struct row row;
	struct sample sample;
	size_t n_tokens = 0;
	int got;
	progress_begin(&progress, "scoring", "tokens", 0);
	do {
		got = interrupted ? err_set(e, ERR_INTERRUPTED, "interrupted; nothing was written")
				  : next(&row, &sample, session, in, path, e);
		if (got < 0)
			return got;
		if (g->n && (!got || g->n == GROUP_ROWS || g->n_tokens + sample.n > GROUP_TOKENS)) {
			int rc = compute(session, g, out, e);
			n_tokens += g->n_tokens;
			group_clear(g);
			if (rc) {
				if (got) {
					row_release(&row);
					sample_release(&sample);
				}
				return rc;
			}
			progress_update(&progress, (double)n_tokens, NULL);
		}
		if (got) {
			g->row[g->n] = row;
			g->sample[g->n++] = sample;
			g->n_tokens += sample.n;
			g->n_scored += sample.n_scored;
		}
	} while (got);
	progress_end(&progress);
	return 0;
}

static int run(const struct cli *c, struct err *e)
{
	struct session session = {0};
	struct jsonl *in = NULL;
	struct sink out = {0};
	struct group *group = mem_alloc(1, sizeof *group, e);
	int rc = group ? jsonl_open(&in, cli_flag(c, "in"), e) : ERR_RESOURCE;
	if (!rc)
		rc = session_open(&session, c, e);
	if (!rc)
		rc = sink_open(&out, cli_flag(c, "out"), e);
	if (rc)
		goto done;
	interrupt_catch();
	rc = score_all(&session, in, input_name(c), &out, group, e);
	if (!rc)
		rc = sink_commit(&out, e);
	if (!rc)
		log_line(LOG_INFO, "next: attune generate --in PROMPTS.jsonl --out ANSWERS.jsonl");
done:
	sink_abort(&out);
	if (group)
		group_clear(group);
	mem_free(group);
	session_close(&session);
	jsonl_close(in);
	return rc;
}

const struct command command_score = {
	.name = "score",
	.operands = "",
	.summary = "Give the log-probability of each scored token of each line.",
	.examples = {"attune score --in rows.jsonl --out scored.jsonl",
		"attune score --adapter run/adapter --in rows.jsonl --out scored.jsonl",
		"echo '{\"text\":\"Paris is in France.\"}' | attune score"},
	.flags = (const struct flag[]){FLAG_MODEL, FLAG_ADAPTER,
		{.name = "in",
			.argument = "FILE",
			.fallback = "-",
			.help = "lines of {text}, {prompt, completion} or {messages}; -: stdin"},
		{.name = "out",
			.argument = "FILE",
			.fallback = "-",
			.help = "the same lines plus tokens, logprobs, sum, n; -: stdout"},
		{0}},
	.run = run,
};
