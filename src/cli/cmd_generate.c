/* attune generate: what the model says to each line. */
#include "cli/verbs.h"

#include <stdio.h>

enum { STOPS_MAX = 16 };

struct job {
	struct generate_options options;
	const char *stop[STOPS_MAX];
	json_t **line;        /* [n] the lines of the input */
	struct ids *prompts;  /* [n] */
	size_t n, n_reserved; /* n_reserved: places in both */
	struct sink out;
	struct progress progress;
	size_t n_tokens;
	double t_start;
};

static int stops_read(struct job *j, const struct cli *c, struct err *e)
{
	const char *stop;
	j->options.stop = j->stop;
	for (int i = 0; (stop = cli_next(c, "stop", &i));) {
		if (!*stop || j->options.n_stop == STOPS_MAX)
			return err_set(e, ERR_USAGE, "--stop: expected at most %d texts, none of them empty", STOPS_MAX);
		j->stop[j->options.n_stop++] = stop;
	}
	return 0;
}

/* Takes `object`, a line of the input. */
static int prompt_add(struct job *j, json_t *object, const char *path, size_t line, const struct model *m, struct err *e)
{
	struct row row;
	int rc = row_parse(&row, object, path, line, e);
	if (rc)
		return rc;
	if (j->n == j->n_reserved) {
		size_t more = j->n_reserved ? 2 * j->n_reserved : 64;
		rc = mem_resize(&j->line, j->n_reserved, more, sizeof *j->line, e);
		if (!rc)
			rc = mem_resize(&j->prompts, j->n_reserved, more, sizeof *j->prompts, e);
		j->n_reserved = rc ? j->n_reserved : more;
	}
	if (!rc) {
		struct ids *prompt = &j->prompts[j->n];
		j->line[j->n++] = json_incref(row.json);
		rc = row_prompt(prompt, &row, model_encoder(m), e);
		if (!rc && (rc = prompt_check(prompt->n, model_config(m)->context, e)))
			err_prefix(e, "line %zu", line);
		if (rc)
			err_prefix(e, "%s", path);
	}
	row_release(&row);
	return rc;
}

static int prompts_read(struct job *j, struct jsonl *in, const char *path, const struct model *m, struct err *e)
{
	json_t *object;
	size_t line;
	int got, rc = 0;
	while (!rc && (got = jsonl_next(in, &object, &line, e)) > 0)
		rc = prompt_add(j, object, path, line, m, e);
	return rc ? rc : got;
}

static int add_answer(json_t *line, const struct generated *g, struct err *e)
{
	json_t *usage = json_pack("{s:I, s:I, s:I}", "prompt_tokens", (json_int_t)g->n_prompt, "completion_tokens",
		(json_int_t)g->n_tokens, "total_tokens", (json_int_t)(g->n_prompt + g->n_tokens));
	if (json_object_set_new(line, "text", json_text(g->text.p, g->text.len)) |
		json_object_set_new(line, "finish_reason", json_string(g->finish_reason)) |
		json_object_set_new(line, "usage", usage))
		return err_set(e, ERR_RESOURCE, "out of memory while writing JSON");
	return 0;
}

static int answer_put(void *context, size_t i, const struct generated *answer, struct err *e)
{
	struct job *j = context;
	char rate[64];
	int rc = add_answer(j->line[i], answer, e);
	if (!rc)
		rc = sink_put(&j->out, j->line[i], e);
	json_decref(j->line[i]);
	j->line[i] = NULL;
	j->n_tokens += answer->n_tokens;
	snprintf(rate, sizeof rate, "%.0f tokens/s", (double)j->n_tokens / (now_s() - j->t_start));
	progress_update(&j->progress, (double)(i + 1), rate);
	return rc;
}

static int answer_all(struct job *j, const struct session *s, struct err *e)
{
	struct generate_job many = {.prompts = j->prompts,
		.n = j->n,
		.options = j->options,
		.on_answer = answer_put,
		.context = j,
		.stop = &interrupted};
	j->t_start = now_s();
	progress_begin(&j->progress, "generating", "answers", (double)j->n);
	int rc = generate_many(s->model, s->lora, &many, e);
	progress_end(&j->progress);
	return rc == ERR_STOPPED ? err_set(e, ERR_INTERRUPTED, "interrupted; nothing was written") : rc;
}

static void job_release(struct job *j)
{
	sink_abort(&j->out);
	for (size_t i = 0; i < j->n; i++) {
		json_decref(j->line[i]);
		ids_release(&j->prompts[i]);
	}
	mem_free(j->line);
	mem_free(j->prompts);
}

static int run(const struct cli *c, struct err *e)
{
	struct session session = {0};
	struct jsonl *in = NULL;
	struct job job = {0};
	int rc = sampling_read(&job.options, c, e);
	if (!rc)
		rc = stops_read(&job, c, e);
	if (!rc)
		rc = jsonl_open(&in, cli_flag(c, "in"), e);
	if (!rc)
		rc = session_open(&session, c, e);
	if (!rc)
		rc = sink_open(&job.out, cli_flag(c, "out"), e);
	if (!rc)
		rc = prompts_read(&job, in, input_name(c), session.model, e);
	if (rc)
		goto done;
	interrupt_catch();
	rc = answer_all(&job, &session, e);
	if (!rc)
		rc = sink_commit(&job.out, e);
	if (!rc)
		log_line(LOG_INFO, "next: attune score --in ROWS.jsonl, or attune chat");
done:
	job_release(&job);
	session_close(&session);
	jsonl_close(in);
	return rc;
}

const struct command command_generate = {
	.name = "generate",
	.operands = "",
	.summary = "Continue the prompt, or answer the messages, of each line.",
	.examples = {"attune generate --in prompts.jsonl --out answers.jsonl",
		"attune generate --adapter run/adapter --in prompts.jsonl --out answers.jsonl --max-tokens 64",
		"echo '{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}' | attune generate --temperature 0.7"},
	.flags = (const struct flag[]){FLAG_MODEL, FLAG_ADAPTER,
		{.name = "in", .argument = "FILE", .fallback = "-", .help = "lines of {prompt} or {messages}; -: stdin"},
		{.name = "out",
			.argument = "FILE",
			.fallback = "-",
			.help = "the same lines plus text, finish_reason, usage; -: stdout"},
		FLAGS_SAMPLING("0", "1"),
		{.name = "stop", .argument = "TEXT", .help = "end the answer before this text", .repeated = true}, {0}},
	.run = run,
};
