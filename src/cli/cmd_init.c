/*
 * attune init: an empty workspace. What belongs into it stands in its attune.yaml and not in sources/, where it would be read as
 * a document of the company.
 */
#include "cli/verbs.h"

static const char head[] =
	"# A workspace of attune. Its documents go into sources/, in folders if you like:\n"
	"#   *.md, *.html, *.pdf, *.docx, *.txt   documentation, articles, answers to common questions, a glossary\n"
	"#   *.csv                 tickets: a row each, with a column 'question' and a column 'reply'\n"
	"#   *.jsonl, *.json       tickets, too, or rows to train on as they are: {\"messages\": [...]} and what else trainers "
	"read\n"
	"#   *.txt                 calls: a line for each thing said, such as 'Anna: How long is a trial?'\n"
	"#   *.vtt, *.srt          calls as captions\n"
	"#   a style guide         in it a table with the columns 'Write' and 'Do not write' says how things are called\n"
	"# Questions for a fair test go into questions.jsonl beside this file, never into sources/; nothing is trained on them. "
	"Write them\n"
	"# before the first run, one a line:\n"
	"#   {\"id\": \"trial\", \"question\": \"How long is a trial?\", \"answers\": [\"14 days\"], \"source\": \"plans.md\"}\n"
	"# 'attune run' makes .attune/ for everything that it writes.\n"
	"\n"
	"# The settings of training with their defaults. To change one, take the '#' in front of it away.\n";

static int put_keys(struct buf *out, struct err *e)
{
	struct train_key k;
	int rc = 0;
	for (size_t i = 0; !rc && train_key_at(i, &k); i++)
		rc = buf_printf(out, e, "\n# %s (%s)\n#%s: %s\n", k.help, k.range, k.name, k.fallback);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	const char *dir = c->operand[0];
	char path[PATH_SIZE], sources[PATH_SIZE];
	struct buf text = {0};
	int rc = path_join(path, sizeof path, e, dir, "attune.yaml");
	if (!rc)
		rc = path_join(sources, sizeof sources, e, dir, "sources");
	if (!rc && file_exists(path))
		rc = err_set(e, ERR_USAGE, "init: %s exists already; delete it to begin anew, or take another folder", path);
	if (!rc)
		rc = buf_puts(&text, head, e);
	if (!rc)
		rc = put_keys(&text, e);
	if (!rc)
		rc = dir_make(sources, e);
	if (!rc)
		rc = file_replace(path, text.p, text.len, e);
	if (!rc)
		rc = print_line(path, e);
	if (!rc)
		log_line(LOG_INFO, "next: put documents into %s, then attune run %s", sources, dir);
	buf_release(&text);
	return rc;
}

const struct command command_init = {
	.name = "init",
	.operands = "DIR",
	.n_operands_min = 1,
	.n_operands_max = 1,
	.summary = "Make a workspace: a folder for documents and a commented attune.yaml.",
	.examples = {"attune init handbook", "attune init .", "attune init handbook && cp docs/*.md handbook/sources"},
	.run = run,
};
