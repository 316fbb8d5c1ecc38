/* attune plan: before any training, what it would take on this machine and whether it is likely to be worth it. */
#include "cli/verbs.h"

static int run(const struct cli *c, struct err *e)
{
	struct settings s;
	struct flow_run_options o;
	struct buf page = {0}, json = {0};
	char out[PATH_SIZE];
	double changes;
	int rc = run_read(&o, &s, out, c, e);
	if (!rc)
		rc = cli_real(c, "changes", 0, 1e6, &changes, e);
	if (!rc)
		rc = flow_plan(&o, changes, &page, &json, e);
	if (!rc)
		rc = print_text(cli_flag(c, "json") ? &json : &page, e);
	settings_release(&s);
	buf_release(&page);
	buf_release(&json);
	return rc;
}

const struct command command_plan = {
	.name = "plan",
	.operands = "[DIR]",
	.n_operands_max = 1,
	.summary = "Say what training on a folder of documents would take here, and whether it is likely to be worth it.",
	.examples = {"attune plan sample", "attune plan handbook --out handbook-run --changes 4", "attune plan sample --json"},
	.flags = (const struct flag[]){FLAG_MODEL, FLAG_EMBEDDER, FLAG_RUN_OUT,
		{.name = "changes",
			.argument = "N",
			.fallback = "1",
			.help = "how many times a month what the documents say changes"},
		FLAG_JSON, FLAG_SET, FLAG_MEMORY, FLAG_WORKSPACE, {0}},
	.run = run,
};
