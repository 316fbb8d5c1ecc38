/* attune generate: what the model says to each line. */
#include "cli/verbs.h"

#include <string.h>

enum { STOPS_MAX = 16 };

struct job {
	const struct session *session;
	struct generator *generator;
	size_t capacity; /* of the generator, in tokens */
	struct generate_options options;
	const char *stop[STOPS_MAX];
};

static bool go_on(void *context, const char *text, size_t n)
{
	(void)context;
	(void)text;
	(void)n;
	return !interrupted;
}

static int job_init(struct job *j, const struct session *s, const struct cli *c, struct err *e)
{
	const char *stop;
	*j = (struct job){.session = s, .options = {.stop = j->stop, .on_text = go_on}};
	int rc = sampling_read(&j->options, c, e);
	if (rc)
		return rc;
	for (int i = 0; (stop = cli_next(c, "stop", &i));) {
		if (!*stop || j->options.n_stop == STOPS_MAX)
			return err_set(e, ERR_USAGE, "--stop: expected at most %d texts, none of them empty", STOPS_MAX);
		j->stop[j->options.n_stop++] = stop;
	}
	return 0;
}

/* A generator that holds n tokens; one that does already is kept. */
static int reserve(struct job *j, size_t n, struct err *e)
{
	size_t context = model_config(j->session->model)->context;
	n = n < context ? n : context;
	if (n <= j->capacity)
		return 0;
	generator_free(j->generator);
	j->capacity = 0;
	int rc = generator_new(&j->generator, j->session->model, j->session->lora, n, e);
	if (!rc)
		j->capacity = n;
	return rc;
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

static int answer(struct job *j, struct row *r, const char *path, struct sink *out, struct err *e)
{
	struct ids prompt = {0};
	struct generated g = {0};
	int rc = row_prompt(&prompt, r, model_encoder(j->session->model), e);
	if (!rc)
		rc = reserve(j, prompt.n + j->options.max_tokens, e);
	if (!rc)
		generator_reset(j->generator);
	if (!rc && (rc = generator_run(j->generator, prompt.p, prompt.n, &j->options, &g, e)))
		err_prefix(e, "line %zu", r->line);
	if (rc)
		err_prefix(e, "%s", path);
	else if (interrupted)
		rc = err_set(e, ERR_INTERRUPTED, "interrupted; nothing was written");
	if (!rc)
		rc = add_answer(r->json, &g, e);
	if (!rc)
		rc = sink_put(out, r->json, e);
	generated_release(&g);
	ids_release(&prompt);
	return rc;
}

static int answer_all(struct job *j, struct jsonl *in, const char *path, struct sink *out, struct err *e)
{
	struct progress progress;
	json_t *object;
	size_t line;
	int got;
	progress_begin(&progress, "generating", "answers", 0);
	for (double n = 1; (got = jsonl_next(in, &object, &line, e)) > 0; n++) {
		struct row row;
		int rc = row_parse(&row, object, path, line, e);
		if (rc)
			return rc;
		rc = answer(j, &row, path, out, e);
		row_release(&row);
		if (rc)
			return rc;
		progress_update(&progress, n, NULL);
	}
	progress_end(&progress);
	return got;
}

static int run(const struct cli *c, struct err *e)
{
	struct session session = {0};
	struct jsonl *in = NULL;
	struct sink out = {0};
	struct job job = {0};
	int rc = job_init(&job, &session, c, e);
	if (!rc)
		rc = jsonl_open(&in, cli_flag(c, "in"), e);
	if (!rc)
		rc = session_open(&session, c, e);
	if (!rc)
		rc = sink_open(&out, cli_flag(c, "out"), e);
	if (rc)
		goto done;
	interrupt_catch();
	rc = answer_all(&job, in, input_name(c), &out, e);
	if (!rc)
		rc = sink_commit(&out, e);
	if (!rc)
		log_line(LOG_INFO, "next: attune score --in ROWS.jsonl, or attune chat");
done:
	sink_abort(&out);
	generator_free(job.generator);
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
