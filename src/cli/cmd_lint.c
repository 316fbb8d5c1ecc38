/* attune lint: drafts against the company's terms, facts and style. */
#include "cli/verbs.h"
#include "data/data.h"

#include <string.h>

enum { DRAFT_BYTES_MAX = 16 << 20 };

static json_t *finding_json(const char *path, const struct lint_finding *f)
{
	json_t *o = json_pack("{s:o}", "path", json_text(path, strlen(path))), *rest = lint_finding_json(f);
	json_object_update(o, rest);
	json_decref(rest);
	return o;
}

/* A result of SARIF 2.1.0, section 3.27; a replacement where there is one. */
static json_t *finding_sarif(const char *path, const struct lint_finding *f)
{
	json_t *place = json_pack("{s:{s:o}, s:{s:I, s:I, s:I, s:I}}", "artifactLocation", "uri", json_text(path, strlen(path)),
		"region", "startLine", (json_int_t)f->line, "startColumn", (json_int_t)f->column, "byteOffset",
		(json_int_t)f->start, "byteLength", (json_int_t)(f->end - f->start));
	json_t *o = json_pack("{s:s, s:s, s:{s:o}, s:[{s:o}]}", "ruleId", lint_kind_name(f->kind), "level",
		f->kind == LINT_TERM || f->kind == LINT_CLAIM ? "error" : "warning", "message", "text",
		json_text(f->message, strlen(f->message)), "locations", "physicalLocation", place);
	if (*f->instead)
		json_object_set_new(o, "fixes",
			json_pack("[{s:[{s:{s:o}, s:[{s:{s:I, s:I}, s:{s:o}}]}]}]", "artifactChanges", "artifactLocation", "uri",
				json_text(path, strlen(path)), "replacements", "deletedRegion", "byteOffset", (json_int_t)f->start,
				"byteLength", (json_int_t)(f->end - f->start), "insertedContent", "text",
				json_text(f->instead, strlen(f->instead))));
	return o;
}

static int sarif_write(const char *path, json_t *results, struct err *e)
{
	json_t *rules = json_array();
	for (int k = 0; k < LINT_KINDS; k++)
		json_array_append_new(rules, json_pack("{s:s}", "id", lint_kind_name((enum lint_kind)k)));
	json_t *all = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:o}}, s:s, s:O}]}", "$schema",
		"https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs", "tool", "driver", "name", "attune",
		"rules", rules, "columnKind", "utf16CodeUnits", "results", results);
	int rc = json_file_write(path, all, e);
	json_decref(all);
	return rc;
}

struct linting {
	const struct lint *lint;
	bool json;
	json_t *results; /* for SARIF */
	size_t n;        /* findings so far */
};

static int finding_put(struct linting *l, const char *path, const struct lint_finding *f, struct err *e)
{
	struct buf line = {0};
	json_t *object = l->json ? finding_json(path, f) : NULL;
	json_array_append_new(l->results, finding_sarif(path, f));
	int rc = l->json
		? print_json(object, e)
		: buf_printf(&line, e, "%s:%zu:%zu: %s: %s\n", path, f->line, f->column, lint_kind_name(f->kind), f->message);
	if (!rc && !l->json)
		rc = print_text(&line, e);
	json_decref(object);
	buf_release(&line);
	return rc;
}

static int draft_lint(struct linting *l, const char *path, struct err *e)
{
	struct buf text = {0};
	struct lint_findings found = {0};
	int rc = file_read(path, DRAFT_BYTES_MAX, &text, e);
	if (!rc && text.len && memchr(text.p, 0, text.len))
		rc = err_set(e, ERR_DATA, "%s: expected text, found a zero byte", path);
	if (!rc)
		rc = lint_draft(l->lint, text.p ? text.p : "", &found, e);
	for (size_t i = 0; i < found.n && !rc; i++)
		rc = finding_put(l, path, &found.p[i], e);
	l->n += found.n;
	lint_findings_release(&found);
	buf_release(&text);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	struct lint *lint = NULL;
	struct linting l = {.json = cli_flag(c, "json") != NULL, .results = json_array()};
	const char *sarif = cli_flag(c, "sarif");
	int rc = lint_open(&lint, cli_flag(c, "data"), e);
	l.lint = lint;
	for (int i = 0; i < c->n_operands && !rc; i++)
		rc = draft_lint(&l, c->operand[i], e);
	if (!rc && sarif)
		rc = sarif_write(sarif, l.results, e);
	if (!rc && l.n)
		rc = err_set(e, ERR_GATE, "%zu findings in %d drafts", l.n, c->n_operands);
	if (!rc)
		log_line(LOG_INFO, "nothing found in %d drafts", c->n_operands);
	json_decref(l.results);
	lint_free(lint);
	return rc;
}

const struct command command_lint = {
	.name = "lint",
	.operands = "DRAFT...",
	.n_operands_min = 1,
	.n_operands_max = 100000,
	.summary = "Check drafts for wrong terms, unsupported claims, style, and what makes them bad to quote.",
	.examples = {"attune lint draft.md --data sample/.attune/data", "attune lint drafts/*.md --data data --json",
		"attune lint drafts/*.md --data data --sarif lint.sarif"},
	.flags =
		(const struct flag[]){
			{.name = "data", .argument = "DIR", .help = "the data folder that curate wrote", .required = true},
			{.name = "sarif",
				.argument = "F",
				.help = "also write the findings as SARIF 2.1.0, which code hosts show beside the lines"},
			FLAG_JSON, {0}},
	.run = run,
};
