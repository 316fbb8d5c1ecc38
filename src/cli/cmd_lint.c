/* attune lint: drafts against the company's terms, facts and style. */
#include "cli/verbs.h"
#include "data/data.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { DRAFT_BYTES_MAX = 16 << 20 };

static json_t *finding_json(const char *path, const struct lint_finding *f)
{
	json_t *o = json_pack("{s:o}", "path", json_text(path, strlen(path))), *rest = lint_finding_json(f);
	json_object_update(o, rest);
	json_decref(rest);
	return o;
}

/* ---- SARIF ------------------------------------------------------------------------------------------------------------------------ */

/* From 1, in UTF-16 code units, of a byte of the text. */
static json_int_t column16(const char *text, size_t at)
{
	size_t from = at;
	json_int_t n = 1;
	while (from && text[from - 1] != '\n')
		from--;
	for (; from < at; from++)
		n += ((unsigned char)text[from] & 0xc0) != 0x80 ? ((unsigned char)text[from] >= 0xf0) + 1 : 0;
	return n;
}

/* A text region, section 3.30.2; `line` is that of its end. */
static json_t *region(const char *text, size_t start, size_t end, size_t line)
{
	size_t before = 0;
	for (size_t i = start; i < end; i++)
		before += text[i] == '\n';
	return json_pack("{s:I, s:I, s:I, s:I}", "startLine", (json_int_t)(line - before), "startColumn", column16(text, start),
		"endLine", (json_int_t)line, "endColumn", column16(text, end));
}

/* A path as a URI reference: section 3.4.3, RFC 3986. */
static json_t *artifact(const char *path)
{
	char uri[3 * PATH_SIZE];
	size_t n = 0;
	for (const char *p = path; *p && n + 4 < sizeof uri; p++)
		n += (size_t)snprintf(uri + n, sizeof uri - n, isalnum((unsigned char)*p) || strchr("-._~/", *p) ? "%c" : "%%%02X",
			(unsigned char)*p);
	return json_pack("{s:s%}", "uri", uri, n);
}

/* A result, section 3.27; a replacement where there is one: the certain fix, or what the documents have instead. */
static json_t *finding_sarif(const char *path, const char *text, const struct lint_finding *f)
{
	size_t from = f->fix ? f->fix_start : f->start, end_line = f->line;
	const char *instead = f->fix ? f->fix : f->instead;
	for (size_t i = f->start; i < f->end; i++)
		end_line += text[i] == '\n';
	json_t *o = json_pack("{s:s, s:s, s:{s:o}, s:[{s:{s:o, s:o}}]}", "ruleId", lint_kind_name(f->kind), "level",
		f->kind == LINT_TERM || f->kind == LINT_CLAIM || f->kind == LINT_GAP ? "error" : "warning", "message", "text",
		json_text(f->message, strlen(f->message)), "locations", "physicalLocation", "artifactLocation", artifact(path),
		"region", region(text, f->start, f->end, end_line));
	if (*instead)
		json_object_set_new(o, "fixes",
			json_pack("[{s:{s:s}, s:[{s:o, s:[{s:o, s:{s:o}}]}]}]", "description", "text",
				f->fix ? "certain: attune lint --fix does it" : "to be looked at by a person", "artifactChanges",
				"artifactLocation", artifact(path), "replacements", "deletedRegion",
				region(text, from, f->end, end_line), "insertedContent", "text",
				json_text(instead, strlen(instead))));
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

/* ---- drafts ----------------------------------------------------------------------------------------------------------------------- */

struct linting {
	const struct lint *lint;
	bool json, fix, to_stdout; /* to_stdout: the one draft is stdin, what it becomes goes to stdout */
	json_t *results;           /* for SARIF; NULL: nobody wants it */
	size_t n, n_fixed;         /* findings that are left, and made good, so far */
};

/* A line of the report: data, but on stderr where the draft itself goes to stdout. */
static int line_put(const struct linting *l, const struct buf *line, struct err *e)
{
	if (!l->to_stdout)
		return print_line(line->p, e);
	fprintf(stderr, "%s\n", line->p); /* whether or not --quiet */
	return 0;
}

static int finding_put(struct linting *l, const char *path, const char *text, const struct lint_finding *f, struct err *e)
{
	struct buf line = {0};
	json_t *object = l->json ? finding_json(path, f) : NULL;
	if (l->results)
		json_array_append_new(l->results, finding_sarif(path, text, f));
	int rc = l->json
		? print_json(object, e)
		: buf_printf(&line, e, "%s:%zu:%zu: %s: %s", path, f->line, f->column, lint_kind_name(f->kind), f->message);
	if (!rc && !l->json)
		rc = line_put(l, &line, e);
	json_decref(object);
	buf_release(&line);
	return rc;
}

static int fix_put(struct linting *l, const char *path, const struct lint_fix *x, struct err *e)
{
	struct buf line = {0};
	json_t *object = l->json ? json_pack("{s:o, s:I, s:I, s:I, s:I, s:s, s:o, s:o}", "path", json_text(path, strlen(path)),
					   "line", (json_int_t)x->line, "column", (json_int_t)x->column, "start",
					   (json_int_t)x->start, "end", (json_int_t)x->end, "kind", "fixed", "from",
					   json_text(x->from, strlen(x->from)), "to", json_text(x->to, strlen(x->to)))
				 : NULL;
	int rc = l->json ? print_json(object, e)
			 : buf_printf(&line, e, "%s:%zu:%zu: fixed: %s -> %s", path, x->line, x->column, x->from, x->to);
	for (char *p = line.p; p && *p; p++)
		*p = strchr("\r\n", *p) ? ' ' : *p; /* words may stand in two lines */
	if (!rc && !l->json)
		rc = line_put(l, &line, e);
	json_decref(object);
	buf_release(&line);
	return rc;
}

static int findings_put(struct linting *l, const char *path, const char *text, const struct lint_findings *found, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < found->n && !rc; i++)
		rc = finding_put(l, path, text, &found->p[i], e);
	l->n += found->n;
	return rc;
}

static int draft_lint(struct linting *l, const char *path, const char *text, struct err *e)
{
	struct lint_findings found;
	int rc = lint_draft(l->lint, text, &found, e);
	if (!rc)
		rc = findings_put(l, path, text, &found, e);
	lint_findings_release(&found);
	return rc;
}

/* Puts the draft in its place; one that may not be written to is no failure, *done says so. */
static int draft_write(const struct linting *l, const char *path, const struct buf *text, bool *done, struct err *e)
{
	int rc = l->to_stdout ? print_text(text, e) : file_rewrite(path, text->p, text->len, e);
	*done = !rc;
	if (l->to_stdout || rc != ERR_DATA)
		return rc;
	log_line(LOG_WARNING, "%s; nothing in it is fixed", e->text);
	return 0;
}

static int draft_fix(struct linting *l, const char *path, const struct buf *text, struct err *e)
{
	struct lint_fixed fixed;
	bool done = true;
	int rc = lint_fix(l->lint, text->p, &fixed, e);
	if (!rc && (fixed.n || l->to_stdout))
		rc = draft_write(l, path, fixed.n ? &fixed.text : text, &done, e);
	for (size_t i = 0; i < fixed.n && done && !rc; i++)
		rc = fix_put(l, path, &fixed.p[i], e);
	l->n_fixed += done ? fixed.n : 0;
	if (!rc && done)
		rc = findings_put(l, path, fixed.n ? fixed.text.p : text->p, &fixed.left, e);
	else if (!rc)
		rc = draft_lint(l, path, text->p, e);
	lint_fixed_release(&fixed);
	return rc;
}

static int draft_check(struct linting *l, const char *path, struct err *e)
{
	struct buf text = {0};
	int rc = file_read(path, DRAFT_BYTES_MAX, &text, e);
	if (!rc && text.len && memchr(text.p, 0, text.len))
		rc = err_set(e, ERR_DATA, "%s: expected text, found a zero byte", path);
	if (!rc && !text.len) { /* nothing can be wrong with it */
		buf_release(&text);
		return 0;
	}
	bool fix = l->fix && (rc || utf8_is_valid(text.p, text.len));
	if (!rc && l->fix && !fix)
		log_line(LOG_WARNING, "%s: expected UTF-8, found other bytes; nothing in it is fixed", path);
	if (!rc && l->to_stdout && !fix)
		rc = print_text(&text, e);
	if (!rc)
		rc = fix ? draft_fix(l, path, &text, e) : draft_lint(l, path, text.p, e);
	buf_release(&text);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	struct lint *lint = NULL;
	struct linting l = {.json = cli_flag(c, "json") != NULL, .fix = cli_flag(c, "fix") != NULL};
	const char *sarif = cli_flag(c, "sarif");
	for (int i = 0; i < c->n_operands; i++)
		l.to_stdout |= l.fix && !strcmp(c->operand[i], "-");
	if (l.to_stdout && (c->n_operands > 1 || l.json))
		return err_set(e, ERR_USAGE, "--fix of stdin writes the draft to stdout; expected no other draft and no --json");
	l.results = sarif ? json_array() : NULL;
	int rc = lint_open(&lint, cli_flag(c, "data"), e);
	l.lint = lint;
	for (int i = 0; i < c->n_operands && !rc; i++)
		rc = draft_check(&l, c->operand[i], e);
	if (!rc && sarif)
		rc = sarif_write(sarif, l.results, e);
	if (!rc && l.n_fixed)
		log_line(LOG_INFO, "%zu fixed", l.n_fixed);
	if (!rc && l.n)
		rc = err_set(e, ERR_GATE, "%zu findings%s in %d drafts", l.n, l.fix ? " left" : "", c->n_operands);
	if (!rc)
		log_line(LOG_INFO, "nothing %s in %d drafts", l.fix ? "left" : "found", c->n_operands);
	json_decref(l.results);
	lint_free(lint);
	return rc;
}

const struct command command_lint = {
	.name = "lint",
	.operands = "DRAFT...",
	.n_operands_min = 1,
	.n_operands_max = 100000,
	.summary =
		"Check drafts for wrong terms, unsupported claims, style, and what makes them bad to quote; fix what is certain.",
	.examples = {"attune lint draft.md --data sample/.attune/data", "attune lint drafts/*.md --data data --fix",
		"attune lint drafts/*.md --data data --sarif lint.sarif"},
	.flags = (const struct flag[]){{.name = "data",
					       .argument = "DIR",
					       .help = "the data folder that curate wrote",
					       .required = true},
		{.name = "fix",
			.help = "write preferred terms, casing and a few marks into the drafts themselves; of stdin (-) to stdout"},
		{.name = "sarif",
			.argument = "F",
			.help = "also write the findings as SARIF 2.1.0, which code hosts show beside the lines"},
		FLAG_JSON, {0}},
	.run = run,
};
