/* attune curate: documents to a data folder. */
#include "cli/settle.h"
#include "cli/verbs.h"
#include "data/data.h"

static int run(const struct cli *c, struct err *e)
{
	struct settings s;
	struct data_summary made;
	size_t n_settled;
	const char *in = cli_flag(c, "in"), *out = cli_flag(c, "out");
	if (!in || !out)
		return err_set(e, ERR_USAGE, "curate: needs --in PATH and --out DIR");
	int rc = settings_read(&s, c, in, e);
	const struct data_options o = {.in = in, .out = out, .seed = s.config.seed, .n_phrasings = DATA_PHRASINGS};
	if (!rc)
		rc = data_curate(&o, &made, e);
	if (!rc && cli_flag(c, "settle") && !(rc = settle_ask(in, out, &n_settled, e)) && n_settled)
		rc = data_curate(&o, &made, e);
	if (!rc)
		log_line(LOG_INFO, "%zu documents (%zu left out), %zu sections, %zu facts: %zu rows to train on, %zu held out",
			made.n_documents, made.n_skipped, made.n_sections, made.n_facts, made.n_train, made.n_valid);
	settings_release(&s);
	return rc;
}

const struct command command_curate = {
	.name = "curate",
	.operands = "",
	.summary = "Turn documents into a data set to train on.",
	.examples = {"attune curate --in handbook --out handbook-data", "attune curate --in guide.md --out guide-data",
		"attune curate --in handbook --out handbook-data --settle"},
	.flags = (const struct flag[]){{.name = "in", .argument = "PATH", .help = "a folder of documents, or one file"},
		{.name = "out", .argument = "DIR", .help = "the data folder to write"},
		{.name = "settle",
			.help = "ask which of two contradicting facts is right; the answers go to settled.jsonl beside the "
				"documents"},
		FLAG_SET, FLAG_WORKSPACE, {0}},
	.run = run,
};
