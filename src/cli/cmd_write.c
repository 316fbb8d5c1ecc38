/* attune write: briefs to drafts, checked against the documents and put in front of people. */
#include "cli/verbs.h"
#include "data/data.h"
#include "flow/flow.h"

#include <string.h>

static int print_written(const struct flow_written *w, const struct flow_write_options *o, struct err *e)
{
	struct buf text = {0};
	double n = w->n_drafts ? (double)w->n_drafts : 1;
	int rc = buf_printf(&text, e, "drafts      %zu in %s/drafts.jsonl, %zu of them from before; %zu briefs left out\n",
		w->n_drafts, o->out, w->n_before, w->n_bad);
	if (!rc)
		rc = buf_printf(&text, e, "written by  %s\nwords       %.0f a draft\n", o->origin, (double)w->n_words / n);
	if (!rc && o->data)
		rc = buf_printf(&text, e, "findings    %.1f a draft, of which %.1f claims without support\n",
			(double)w->n_findings / n, (double)w->n_claims / n);
	if (!rc && (o->grounded || w->n_gaps))
		rc = buf_printf(&text, e, "left open   %zu places in %zu drafts, for a person to fill in\n", w->n_gaps, w->n_open);
	if (!rc)
		rc = print_text(&text, e);
	buf_release(&text);
	return rc;
}

/* Who writes, said on stderr, and as the drafts remember it: an adapter trained anew in the same place is another writer. */
static int arm_choose(struct flow_arm *arm, const char **model, struct buf *origin, const struct cli *c, struct err *e)
{
	const struct flow_arm_choice choice = {cli_flag(c, "results"), cli_flag(c, "arm"), cli_flag(c, "adapter")};
	char hex[65] = "";
	int rc = flow_arm(arm, &choice, e);
	if (!rc && *arm->adapter)
		rc = sha256_path(arm->adapter, hex, e);
	if (rc)
		return rc;
	const char *given = cli_flag(c, "model");
	*model = given ? given : *arm->model ? arm->model : MODEL_DEFAULT;
	rc = buf_printf(origin, e, "%s of %s", arm->name, *model);
	if (!rc && *arm->adapter)
		rc = buf_printf(origin, e, " with %s (%.8s)", arm->adapter, hex);
	if (!rc && cli_flag(c, "grounded"))
		rc = buf_puts(origin, ", grounded", e);
	if (!rc)
		log_line(LOG_INFO, "written by %s, %s", origin->p, arm->why);
	if (!rc && !choice.name && *arm->model && strcmp(*model, arm->model))
		log_line(LOG_WARNING, "the verdict was measured with %s, not with %s", arm->model, *model);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	struct session session = {0};
	struct embedder *embedder = NULL;
	struct flow_arm arm;
	struct flow_written written = {0};
	char data[PATH_SIZE], reviews[PATH_SIZE];
	struct buf origin = {0};
	const char *results = cli_flag(c, "results"), *model = NULL;
	struct flow_write_options o = {.in = cli_flag(c, "in"),
		.out = cli_flag(c, "out"),
		.arm = &arm,
		.reviews = reviews,
		.grounded = cli_flag(c, "grounded") != NULL,
		.stop = &interrupted};
	int rc = dir_exists(results)
		? 0
		: err_set(e, ERR_USAGE, "--results %s: no such folder; expected one that attune run made", results);
	if (!rc)
		rc = path_join(data, sizeof data, e, results, "data");
	if (!rc)
		rc = path_join(reviews, sizeof reviews, e, results, "reviews.db");
	o.data = !rc && dir_exists(data) ? data : NULL;
	if (!rc)
		rc = arm_choose(&arm, &model, &origin, c, e);
	if (!rc && arm.passages && !o.data)
		rc = err_set(e, ERR_USAGE, "the arm %s: expected the folder %s", arm.name, data);
	if (!rc)
		rc = sampling_read(&o.generate, c, e);
	if (!rc)
		rc = session_load(&session, c, model, *arm.adapter ? arm.adapter : NULL, e);
	if (!rc && arm.passages)
		rc = flow_embedder(&embedder, cli_flag(c, "embedder"), e);
	if (!rc) {
		o.embedder = embedder;
		o.origin = origin.p;
		o.model = session.model;
		o.lora = session.lora;
		interrupt_catch();
		rc = flow_write(&o, &written, e);
	}
	if (!rc)
		rc = print_written(&written, &o, e);
	if (!rc)
		log_line(LOG_INFO, "next: attune review --results %s, or the page of attune serve --results %s", results, results);
	buf_release(&origin);
	embedder_free(embedder);
	session_close(&session);
	return rc;
}

const struct command command_write = {
	.name = "write",
	.operands = "",
	.summary = "Write drafts from briefs, check them against the documents, and queue them for review.",
	.examples = {"attune write --in briefs.csv --out drafts --results sample/.attune",
		"attune write --in briefs.csv --out drafts --results sample/.attune --arm tuned --adapter run/adapter",
		"attune write --in briefs.jsonl --out drafts --results sample/.attune --grounded --max-tokens 400"},
	.flags =
		(const struct flag[]){
			{.name = "model",
				.argument = "M",
				.help = "model: a path or a name that pull takes; without it the verdict's, else " MODEL_DEFAULT},
			{.name = "adapter",
				.argument = "DIR",
				.help = "adapter of the arms tuned and rag+tuned; without it the verdict's"},
			{.name = "in",
				.argument = "FILE",
				.help = "briefs with type, audience, points and length: .csv, or lines of JSON",
				.required = true},
			{.name = "out",
				.argument = "DIR",
				.help = "folder for drafts.jsonl; drafts of the same writer that are there are kept",
				.required = true},
			{.name = "results",
				.argument = "DIR",
				.help = "folder that attune run made, such as sample/.attune",
				.required = true},
			{.name = "arm",
				.argument = "A",
				.help = "who writes: base, prompt, rag, tuned or rag+tuned; without it the one that the verdict in "
					"--results "
					"recommends, without a verdict rag, or base where there is no data folder"},
			{.name = "grounded",
				.help = "leave open, as " GAP_NUMBER " and " GAP_NAME
					", every number in digits, version, flag and name that is in neither the "
					"brief nor the passages (where there are no passages: in no document)"},
			FLAG_EMBEDDER, FLAGS_SAMPLING("0", "1"), {0}},
	.run = run,
};
