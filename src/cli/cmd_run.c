/* attune run: from documents to a tuned model, in one command that can be stopped and run again. */
#include "cli/verbs.h"
#include "flow/flow.h"

static int run(const struct cli *c, struct err *e)
{
	struct settings s;
	struct buf page = {0};
	char out[PATH_SIZE];
	const char *in = c->n_operands ? c->operand[0] : ".", *given = cli_flag(c, "out");
	if (!dir_exists(in)) /* before anything is made in it */
		return err_set(e, ERR_USAGE, "run: %s: no such folder; expected a folder of documents", in);
	int rc = settings_read(&s, c, in, e);
	if (!rc)
		rc = given ? path_join(out, sizeof out, e, "", given) : path_join(out, sizeof out, e, in, ".attune");
	if (!rc)
		rc = kern_start(c, e);
	if (rc)
		goto done;
	interrupt_catch();
	const struct flow_run_options o = {.in = in,
		.out = out,
		.model = cli_flag(c, "model"),
		.embedder = cli_flag(c, "embedder"),
		.config = &s.config,
		.stop = &interrupted};
	rc = flow_run(&o, &page, e);
	if (!rc)
		rc = print_text(&page, e);
	if (!rc)
		log_line(LOG_INFO,
			"next: attune chat --model %s --data %s/data, as the verdict says with --adapter and the adapter named "
			"above",
			o.model, out);
done:
	settings_release(&s);
	buf_release(&page);
	return rc;
}

const struct command command_run = {
	.name = "run",
	.operands = "[DIR]",
	.n_operands_max = 1,
	.summary = "Train a model on a folder of documents and show its answers before and after.",
	.examples = {"attune run sample", "attune run handbook --out handbook-run",
		"attune run sample --set num_epochs=5 --threads 2"},
	.flags = (const struct flag[]){FLAG_MODEL, FLAG_EMBEDDER,
		{.name = "out",
			.argument = "DIR",
			.help = "folder for everything it makes (default: .attune in the documents' folder)"},
		FLAG_SET, FLAG_WORKSPACE, {0}},
	.run = run,
};
