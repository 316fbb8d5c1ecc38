/* attune eval: a model with and without an adapter, with and without retrieval, on sealed questions and on texts that nobody trained on. */
#include "cli/verbs.h"
#include "eval/eval.h"

static int compare(const struct eval_job *j, const struct eval_arm *arm, size_t n_arms, struct err *e)
{
	struct eval_result result;
	struct buf table = {0};
	int rc = 0;
	for (size_t i = 0; i < n_arms && !rc; i++)
		rc = eval_arm_run(j, &arm[i], e);
	if (!rc)
		rc = eval_compare(j, arm, n_arms, &result, e);
	if (!rc)
		rc = eval_table(&result, &table, e);
	if (!rc)
		rc = print_text(&table, e);
	buf_release(&table);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	struct session s = {0};
	char model_key[65], adapter_key[65];
	const char *data = cli_flag(c, "data"), *out = cli_flag(c, "out"), *adapter = cli_flag(c, "adapter");
	if (!data || !out || !adapter)
		return err_set(e, ERR_USAGE, "eval: needs --data DIR, --adapter DIR and --out DIR");
	int rc = session_open(&s, c, e);
	if (!rc)
		rc = sha256_path(s.path, model_key, e);
	if (!rc)
		rc = sha256_path(adapter, adapter_key, e);
	if (rc)
		goto done;
	interrupt_catch();
	const struct eval_job job = {.questions = cli_flag(c, "questions"),
		.data = data,
		.out = out,
		.model = s.model,
		.model_name = cli_flag(c, "model"),
		.model_key = model_key,
		.stop = &interrupted};
	const struct eval_arm arm[] = {{.name = "base", .key = ""}, {.name = "prompt", .key = "", .context = EVAL_PROMPT},
		{.name = "rag", .key = "", .context = EVAL_PASSAGES}, {.name = "tuned", .lora = s.lora, .key = adapter_key},
		{.name = "rag+tuned", .lora = s.lora, .key = adapter_key, .context = EVAL_PASSAGES}};
	rc = compare(&job, arm, sizeof arm / sizeof *arm, e);
done:
	session_close(&s);
	return rc;
}

const struct command command_eval = {
	.name = "eval",
	.operands = "",
	.summary = "Compare a model with and without an adapter and retrieval on sealed questions and held-out text.",
	.examples = {"attune eval --data data --adapter run/adapter --out eval --questions questions.jsonl",
		"attune eval --data data --adapter run/adapter --out eval",
		"attune eval --data other --adapter run/adapter --out other-eval --questions asked.jsonl"},
	.flags = (const struct flag[]){FLAG_MODEL, FLAG_ADAPTER,
		{.name = "data", .argument = "DIR", .help = "the data folder that curate wrote"},
		{.name = "out", .argument = "DIR", .help = "folder for the answers, eval.json and report.html"},
		{.name = "questions",
			.argument = "F",
			.fallback = "questions.jsonl",
			.help = "sealed questions, a line each; absent: texts alone"},
		{0}},
	.run = run,
};
