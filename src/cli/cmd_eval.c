/* attune eval: a model with and without an adapter, with and without a prompt and retrieval, and what answers today, on
 * sealed questions and on texts that nobody trained on. */
#include "cli/verbs.h"
#include "eval/eval.h"
#include "flow/flow.h"

#include <stdio.h>
#include <string.h>

enum { ARM_NAME_SIZE = 24 };

enum { BASE, PROMPT, RAG, TUNED, RAG_TUNED, OURS };

static int compare(const struct eval_job *j, const struct eval_arm *arm, size_t n_arms, const char *gates, struct err *e)
{
	struct eval_result result;
	struct buf table = {0};
	int rc = 0;
	for (size_t i = OURS; i < n_arms && !rc; i++) /* those that are only read first: what is wrong with them costs no answers */
		rc = eval_arm_run(j, &arm[i], e);
	for (size_t i = 0; i < OURS && !rc; i++)
		rc = eval_arm_run(j, &arm[i], e);
	if (!rc)
		rc = eval_compare(j, arm, n_arms, &result, e);
	if (!rc)
		rc = eval_table(&result, &table, e);
	if (!rc)
		rc = print_text(&table, e);
	if (!rc && gates)
		rc = eval_gates_hold(gates, arm, &result, e);
	buf_release(&table);
	return rc;
}

/* --answers NAME=FILE, behind our own arms; the names lie in `names`. */
static int imported(struct eval_arm arm[EVAL_ARMS_MAX], size_t *n_arms, char names[EVAL_ARMS_MAX][ARM_NAME_SIZE],
	const struct cli *c, struct err *e)
{
	int at = 0;
	for (const char *given; (given = cli_next(c, "answers", &at)); (*n_arms)++) {
		size_t n = strspn(given, "abcdefghijklmnopqrstuvwxyz0123456789-_");
		char *name = names[*n_arms];
		if (*n_arms == EVAL_ARMS_MAX)
			return err_set(e, ERR_USAGE, "eval: --answers: expected at most %d", EVAL_ARMS_MAX - OURS);
		if (n < 1 || n >= ARM_NAME_SIZE || given[n] != '=' || !given[n + 1])
			return err_set(e, ERR_USAGE,
				"eval: --answers %s: expected NAME=FILE, the name of small letters, digits, - and _, at most %d",
				given, ARM_NAME_SIZE - 1);
		snprintf(name, ARM_NAME_SIZE, "%.*s", (int)n, given);
		for (size_t i = 0; i < *n_arms; i++)
			if (!strcmp(arm[i].name, name))
				return err_set(e, ERR_USAGE, "eval: --answers %s: another arm has this name", given);
		arm[*n_arms] = (struct eval_arm){.name = name, .key = "", .context = EVAL_IMPORTED, .answers = given + n + 1};
	}
	return 0;
}

static int costs_read(struct eval_costs *k, const struct cli *c, struct err *e)
{
	int rc = cli_real(c, "volume", 0, 1e12, &k->answers_a_month, e);
	if (!rc)
		rc = cli_real(c, "setup-hours", 0, 1e6, &k->setup_hours, e);
	return rc ? rc : cli_real(c, "upkeep-hours", 0, 1e6, &k->upkeep_hours, e);
}

static int run(const struct cli *c, struct err *e)
{
	struct session s = {0};
	struct embedder *embedder = NULL;
	char model_key[65], adapter_key[65] = "-" /* soon the hash; not "", which is the base's */,
			    names[EVAL_ARMS_MAX][ARM_NAME_SIZE];
	const char *data = cli_flag(c, "data"), *out = cli_flag(c, "out"), *adapter = cli_flag(c, "adapter"),
		   *gates = cli_flag(c, "gate");
	struct eval_arm arm[EVAL_ARMS_MAX] = {[BASE] = {.name = "base", .key = ""},
		[PROMPT] = {.name = "prompt", .key = "", .context = EVAL_PROMPT},
		[RAG] = {.name = "rag", .key = "", .context = EVAL_PASSAGES},
		[TUNED] = {.name = "tuned", .key = adapter_key},
		[RAG_TUNED] = {.name = "rag+tuned", .key = adapter_key, .context = EVAL_PASSAGES}};
	size_t n_arms = OURS;
	struct eval_costs costs;
	int rc = costs_read(&costs, c, e);
	if (!rc)
		rc = imported(arm, &n_arms, names, c, e);
	if (!rc && gates)
		rc = eval_gates_check(gates, arm, n_arms, e);
	if (!rc)
		rc = session_open(&s, c, e);
	if (!rc)
		rc = sha256_path(s.path, model_key, e);
	if (!rc)
		rc = sha256_path(adapter, adapter_key, e);
	if (!rc)
		rc = flow_embedder(&embedder, cli_flag(c, "embedder"), e);
	if (rc)
		goto done;
	interrupt_catch();
	const struct eval_job job = {.questions = cli_flag(c, "questions"),
		.data = data,
		.out = out,
		.model = s.model,
		.embedder = embedder,
		.model_name = cli_flag(c, "model"),
		.model_key = model_key,
		.costs = costs,
		.consistency = cli_flag(c, "consistency"),
		.stop = &interrupted};
	arm[TUNED].lora = arm[RAG_TUNED].lora = s.lora;
	rc = compare(&job, arm, n_arms, gates, e);
done:
	embedder_free(embedder);
	session_close(&s);
	return rc;
}

const struct command command_eval = {
	.name = "eval",
	.operands = "",
	.summary = "Compare a model with and without an adapter and retrieval on sealed questions and held-out text.",
	.examples = {"attune eval --data data --adapter run/adapter --out eval --questions questions.jsonl",
		"attune eval --data data --adapter run/adapter --out eval",
		"attune eval --data data --adapter run/adapter --out eval --answers today=drafts.jsonl --gate "
		"'known>=0.6,retention<=0.01'"},
	.flags = (const struct flag[]){FLAG_MODEL,
		{.name = "adapter", .argument = "DIR", .help = "adapter to judge", .required = true}, FLAG_EMBEDDER,
		{.name = "data", .argument = "DIR", .help = "the data folder that curate wrote", .required = true},
		{.name = "out", .argument = "DIR", .help = "folder for the answers, eval.json and report.html", .required = true},
		{.name = "answers",
			.argument = "NAME=F",
			.help = "answers of whatever you use today, judged beside the others: a line {\"id\", \"text\"} a question",
			.repeated = true},
		{.name = "consistency",
			.help = "ask every question in five wordings with three seeds, too: fifteen times the answers"},
		{.name = "gate",
			.argument = "G",
			.help = "conditions, as 'known>=0.6,rag.false_premise<=0.3,retention<=0.01'; exit code 3 when one does not "
				"hold"},
		{.name = "volume", .argument = "N", .fallback = "1000", .help = "answers a month, for the break-even"},
		{.name = "setup-hours", .argument = "H", .fallback = "16", .help = "people's hours before the first answer"},
		{.name = "upkeep-hours",
			.argument = "H",
			.fallback = "4",
			.help = "people's hours a month for review, training again and maintenance"},
		{.name = "questions",
			.argument = "F",
			.fallback = "questions.jsonl",
			.help = "sealed questions, a line each; absent: texts alone"},
		{0}},
	.run = run,
};
