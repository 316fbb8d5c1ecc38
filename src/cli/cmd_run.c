/* attune run: from documents to a tuned model, in one command that can be stopped and run again. */
#include "cli/verbs.h"

static int run(const struct cli *c, struct err *e)
{
	struct settings s;
	struct flow_run_options o;
	struct buf page = {0};
	char out[PATH_SIZE];
	int rc = run_read(&o, &s, out, c, e);
	if (!rc)
		rc = flow_run(&o, &page, e);
	if (!rc)
		rc = print_text(&page, e);
	if (!rc)
		log_line(LOG_INFO,
			"next: attune chat --model %s --data %s/data, as the verdict says with --adapter and the adapter named "
			"above",
			o.model, out);
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
	.flags = (const struct flag[]){FLAG_MODEL, FLAG_EMBEDDER, FLAG_RUN_OUT, FLAG_SET, FLAG_MEMORY, FLAG_WORKSPACE, {0}},
	.run = run,
};
