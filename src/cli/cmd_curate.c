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
		rc = print_foreign(&text, e);
	buf_release(&text);
	return rc;
}

/* A pair of wordings, as people read it. */
static int pair_show(const json_t *row, struct err *e)
{
	const char *prompt, *chosen, *rejected, *path;
	struct buf text = {0};
	if (json_unpack((json_t *)row, "{s:s, s:s, s:s, s:{s:s}}", "prompt", &prompt, "chosen", &chosen, "rejected", &rejected,
		    "source", "path", &path))
		return 0;
	int rc = buf_printf(&text, e, "%s\n  %s\n  not: %s\n  (preference, %s)\n\n", prompt, chosen, rejected, path);
	if (!rc)
		rc = print_foreign(&text, e);
	buf_release(&text);
	return rc;
}

/* `n` of the `n_rows` rows of a file, evenly spread; the file is absent when there are none. */
static int preview(
	const char *out, const char *name, size_t n, size_t n_rows, int (*show)(const json_t *row, struct err *e), struct err *e)
{
	char path[PATH_SIZE];
	struct jsonl *rows;
	json_t *row;
	size_t line;
	int rc = path_join(path, sizeof path, e, out, name);
	if (!rc && n_rows)
		rc = jsonl_open(&rows, path, e);
	if (rc || !n_rows)
		return rc;
	while (!rc && (rc = jsonl_next(rows, &row, &line, e)) > 0) {
		rc = line * n / n_rows > (line - 1) * n / n_rows ? show(row, e) : 0;
		json_decref(row);
	}
	jsonl_close(rows);
	return rc;
}

static int summary_show(const struct data_summary *made, const char *out, bool json, struct err *e)
{
	if (!json) {
		log_line(LOG_INFO, "%zu documents (%zu left out), %zu sections, %zu facts: %zu rows to train on, %zu held out",
			made->n_documents, made->n_skipped, made->n_sections, made->n_facts, made->n_train, made->n_valid);
		log_line(LOG_INFO, "all of it, for people: %s/report.html", out);
		return 0;
	}
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "documents", (json_int_t)made->n_documents, "left_out",
		(json_int_t)made->n_skipped, "sections", (json_int_t)made->n_sections, "facts", (json_int_t)made->n_facts, "train",
		(json_int_t)made->n_train, "held_out", (json_int_t)made->n_valid);
	int rc = o ? print_json(o, e) : err_set(e, ERR_RESOURCE, "out of memory while writing JSON");
	json_decref(o);
	return rc;
}

/* Where personal data stands, never what it is. */
static int pii_show(const struct data_options *o, bool json, struct err *e)
{
	struct pii_places found;
	struct buf text = {0};
	int rc = data_pii(o, &found, e);
	for (size_t i = 0; i < found.n && !rc; i++) {
		const struct pii_place *p = &found.p[i];
		buf_clear(&text);
		json_t *row = json ? json_pack("{s:s, s:I, s:I, s:I, s:s, s:f}", "path", p->path, "line", (json_int_t)p->line,
					     "start", (json_int_t)p->start, "end", (json_int_t)p->end, "kind",
					     pii_kind_name(p->kind), "score", p->score)
				   : NULL;
		if (json)
			rc = print_json(row, e);
		else if (!(rc = buf_printf(&text, e, "%s:%zu: %s\n", p->path, p->line, pii_kind_name(p->kind))))
			rc = print_foreign(&text, e);
		json_decref(row);
	}
	buf_release(&text);
	pii_places_release(&found);
	return rc;
}

static int terms_import(const char *from, const char *in, struct err *e)
{
	struct terms_imported n;
	int rc = data_terms_import(from, in, &n, e);
	if (!rc)
		log_line(LOG_INFO, "%s: %zu entries read, %zu not understood; %zu terms added to %s/" DATA_TERMS, from, n.n_entries,
			n.n_unread, n.n_terms, in);
	return rc;
}

/* After curation: what more of the documents would buy. */
static int meter(const struct cli *c, const char *out, const struct settings *s, struct err *e)
{
	const struct flow_meter_options o = {
		.data = out, .model = cli_flag(c, "model"), .config = &s->config, .stop = &interrupted};
	struct buf page = {0};
	json_t *json = NULL;
	int rc = kern_start(c, e);
	interrupt_catch();
	if (!rc)
		rc = flow_meter(&o, &page, &json, e);
	if (!rc)
		rc = cli_flag(c, "json") ? print_json(json, e) : print_text(&page, e);
	json_decref(json);
	buf_release(&page);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	long long n_shown = 0;
	struct settings s = {0};
	struct data_summary made;
	size_t n_settled;
	const char *in = cli_flag(c, "in"), *out = cli_flag(c, "out");
	const char *vocabulary = cli_flag(c, "terms");
	bool places = cli_flag(c, "pii") != NULL, json = cli_flag(c, "json") != NULL;
	if (!in || (!out && !places && !vocabulary))
		return err_set(e, ERR_USAGE, "curate: needs --in PATH and --out DIR");
	if (places && (out || cli_flag(c, "preview") || cli_flag(c, "settle")))
		return err_set(e, ERR_USAGE,
			"curate: --pii only shows where personal data stands; --out, --preview and --settle are for another run");
	if (cli_flag(c, "meter") && (!out || places))
		return err_set(e, ERR_USAGE, "curate: --meter needs --out DIR, and writes, which --pii does not");
	if (vocabulary) {
		int imported = terms_import(vocabulary, in, e);
		if (imported || (!out && !places))
			return imported;
	}
	int rc = cli_flag(c, "preview") ? cli_int(c, "preview", 1, PREVIEW_MAX, &n_shown, e) : 0;
	if (!rc)
		rc = settings_read(&s, c, in, e);
	const struct data_options o = {
		.in = in, .out = out, .seed = s.config.seed, .n_phrasings = DATA_PHRASINGS, .scrub_pii = s.config.scrub_pii};
	if (!rc && places) {
		rc = pii_show(&o, json, e);
		settings_release(&s);
		return rc;
	}
	if (!rc)
		rc = data_curate(&o, &made, e);
	if (!rc && cli_flag(c, "settle") && !(rc = settle_ask(in, out, &n_settled, e)) && n_settled)
		rc = data_curate(&o, &made, e);
	if (!rc)
		rc = summary_show(&made, out, json && !n_shown && !cli_flag(c, "meter"), e);
	if (!rc && n_shown)
		rc = preview(out, "train.jsonl", (size_t)n_shown, made.n_train, json ? print_json : row_show, e);
	if (!rc && n_shown)
		rc = preview(out, "preferences.jsonl", (size_t)n_shown, made.n_preferences, json ? print_json : pair_show, e);
	if (!rc && cli_flag(c, "meter"))
		rc = meter(c, out, &s, e);
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
		{.name = "preview", .argument = "N", .help = "show N of the rows to train on, and of the pairs of wordings"},
		{.name = "settle",
			.help = "ask which of two contradicting facts is right; the answers go to settled.jsonl beside the "
				"documents"},
		{.name = "terms",
			.argument = "PATH",
			.help = "add the terms of a vocabulary (Vale, TBX), or of a folder of them, to terms.yaml beside the "
				"documents"},
		{.name = "meter",
			.help = "train many times, briefly, on parts of the rows, and say what more of each kind of document would "
				"buy"},
		{.name = "model",
			.argument = "M",
			.fallback = MODEL_DEFAULT,
			.help = "what --meter trains: a path or a name that pull takes"},
		{.name = "pii", .help = "show where personal data stands, without showing it, and write nothing"}, FLAG_JSON,
		FLAG_SET, FLAG_WORKSPACE, {0}},
	.run = run,
};
