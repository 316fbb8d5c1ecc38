/* attune curate: documents to a data folder. */
#include "cli/settle.h"
#include "cli/verbs.h"
#include "data/data.h"
#include "format/format.h"

enum { PREVIEW_MAX = 1000 };

/* A row that asks something, as people read it. */
static int row_show(const json_t *row, struct err *e)
{
	const char *question, *answer, *kind = "", *path = "no document";
	struct buf text = {0};
	if (json_unpack((json_t *)row, "{s:[{s:s}, {s:s}]}", "messages", "content", &question, "content", &answer))
		return 0;
	json_unpack((json_t *)row, "{s:s, s:{s:s}}", "kind", &kind, "source", "path", &path);
	int rc = buf_printf(&text, e, "%s\n  %s\n  (%s, %s)\n\n", question, answer, kind, path);
	if (!rc)
		rc = print_text(&text, e);
	buf_release(&text);
	return rc;
}

/* `n` of the `n_rows` rows to train on, evenly spread. */
static int preview(const char *out, size_t n, size_t n_rows, struct err *e)
{
	char path[PATH_SIZE];
	struct jsonl *rows;
	json_t *row;
	size_t line;
	int rc = path_join(path, sizeof path, e, out, "train.jsonl");
	if (!rc)
		rc = jsonl_open(&rows, path, e);
	if (rc)
		return rc;
	while (!rc && (rc = jsonl_next(rows, &row, &line, e)) > 0) {
		rc = line * n / n_rows > (line - 1) * n / n_rows ? row_show(row, e) : 0;
		json_decref(row);
	}
	jsonl_close(rows);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	long long n_shown = 0;
	struct settings s;
	struct data_summary made;
	size_t n_settled;
	const char *in = cli_flag(c, "in"), *out = cli_flag(c, "out");
	if (!in || !out)
		return err_set(e, ERR_USAGE, "curate: needs --in PATH and --out DIR");
	int rc = cli_flag(c, "preview") ? cli_int(c, "preview", 1, PREVIEW_MAX, &n_shown, e) : 0;
	if (!rc)
		rc = settings_read(&s, c, in, e);
	const struct data_options o = {.in = in, .out = out, .seed = s.config.seed, .n_phrasings = DATA_PHRASINGS};
	if (!rc)
		rc = data_curate(&o, &made, e);
	if (!rc && cli_flag(c, "settle") && !(rc = settle_ask(in, out, &n_settled, e)) && n_settled)
		rc = data_curate(&o, &made, e);
	if (!rc)
		log_line(LOG_INFO, "%zu documents (%zu left out), %zu sections, %zu facts: %zu rows to train on, %zu held out",
			made.n_documents, made.n_skipped, made.n_sections, made.n_facts, made.n_train, made.n_valid);
	if (!rc)
		log_line(LOG_INFO, "all of it, for people: %s/report.html", out);
	if (!rc && n_shown)
		rc = preview(out, (size_t)n_shown, made.n_train, e);
	settings_release(&s);
	return rc;
}

const struct command command_curate = {
	.name = "curate",
	.operands = "",
	.summary = "Turn documents into a data set to train on.",
	.examples = {"attune curate --in handbook --out handbook-data", "attune curate --in guide.md --out guide-data --preview 20",
		"attune curate --in handbook --out handbook-data --settle"},
	.flags = (const struct flag[]){{.name = "in",
					       .argument = "PATH",
					       .help = "a folder of documents (Markdown, HTML, PDF, Word, text, captions, CSV, "
						       "JSON), or one file"},
		{.name = "out", .argument = "DIR", .help = "the data folder to write"},
		{.name = "preview", .argument = "N", .help = "show N of the rows to train on"},
		{.name = "settle",
			.help = "ask which of two contradicting facts is right; the answers go to settled.jsonl beside the "
				"documents"},
		FLAG_SET, FLAG_WORKSPACE, {0}},
	.run = run,
};
