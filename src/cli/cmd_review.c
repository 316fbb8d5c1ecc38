/*
 * attune review: people decide about drafts, in the terminal; and what they decided, counted and handed on. The queue is RESULTS/reviews.db, which
 * attune write and the page fill too.
 */
#include "cli/review.h"
#include "cli/verbs.h"
#include "data/data.h"

#include <string.h>

/* ---- importing ------------------------------------------------------------------------------------------------------------------- */

struct importing {
	struct reviews *reviews;
	size_t n;
};

static int import_line(void *context, const json_t *o, struct err *e)
{
	struct importing *to = context;
	struct review_draft d = {.id = review_field(o, "id", NULL),
		.kind = review_field(o, "type", ""),
		.prompt = review_field(o, "prompt", NULL),
		.text = review_field(o, "text", NULL),
		.origin = review_field(o, "origin", "imported"),
		.evidence = "[]",
		.findings = "[]"};
	if (!d.id || !d.prompt || !d.text || !*d.text)
		return err_set(e, ERR_DATA, "expected {\"id\", \"prompt\", \"text\"}, all strings, and a text that is not empty");
	to->n++;
	return reviews_add(to->reviews, &d, e);
}

/* ---- decisions made elsewhere ---------------------------------------------------------------------------------------------------- */

struct deciding {
	struct reviews *reviews;
	json_t *waiting; /* of every draft by its id: has nobody decided? */
	size_t n;
};

static int waiting_note(void *context, const struct review *v, struct err *e)
{
	struct deciding *to = context;
	json_t *waits = json_boolean(v->verdict.action == REVIEW_NONE);
	return json_object_set_new(to->waiting, v->draft.id, waits) ? err_set(e, ERR_RESOURCE, "out of memory") : 0;
}

/* A draft that is decided already is left alone, so that a file may be read twice. */
static int decision_line(void *context, const json_t *o, struct err *e)
{
	struct deciding *to = context;
	const char *id = review_field(o, "id", ""), *action = review_field(o, "action", ""), *text = review_field(o, "text", "");
	struct review_verdict v = {.text = "",
		.seconds = json_number_value(json_object_get(o, "seconds")),
		.simulated = json_is_true(json_object_get(o, "simulated"))};
	char reasons[REVIEW_REASONS_SIZE];
	int rc = flow_reasons(json_object_get(o, "reasons"), reasons, e);
	for (int a = REVIEW_ACCEPT; a <= REVIEW_REJECT; a++)
		if (!strcmp(action, review_action_name((enum review_action)a)))
			v.action = (enum review_action)a;
	v.reasons = reasons;
	if (v.action == REVIEW_EDIT)
		v.text = text;
	if (!rc && (!*id || !v.action || (v.action == REVIEW_EDIT && !*text) || !(v.seconds >= 0)))
		rc = err_set(e, ERR_DATA,
			"expected {\"id\", \"action\"}, an action of accept, edit and reject, and \"text\" of an edit");
	if (!rc && !json_is_false(json_object_get(to->waiting, id))) {
		rc = reviews_decide(to->reviews, id, &v, e);
		to->n++;
	}
	if (!rc && json_object_set_new(to->waiting, id, json_false()))
		rc = err_set(e, ERR_RESOURCE, "out of memory");
	return rc;
}

static int decisions_read(struct reviews *r, const char *path, struct err *e)
{
	struct deciding to = {.reviews = r, .waiting = json_object()};
	int rc = reviews_each(r, waiting_note, &to, e);
	if (!rc)
		rc = jsonl_each(path, decision_line, &to, e);
	if (!rc)
		log_line(LOG_INFO, "%zu drafts decided as %s says", to.n, path);
	json_decref(to.waiting);
	return rc;
}

/* ---- counting -------------------------------------------------------------------------------------------------------------------- */

struct counts {
	size_t action[REVIEW_ACTIONS], n_words, n_edits, n_again, n_agree, n_simulated, reason[REVIEW_REASONS];
	double seconds;
};

static int count(void *context, const struct review *v, struct err *e)
{
	struct counts *n = context;
	size_t edits = 0, words = 0;
	int rc = 0;
	n->action[v->verdict.action]++;
	n->seconds += v->seconds;
	n->n_simulated += v->verdict.simulated;
	if (v->verdict.action == REVIEW_ACCEPT || v->verdict.action == REVIEW_EDIT)
		rc = eval_ter(v->draft.text, v->verdict.action == REVIEW_EDIT ? v->verdict.text : v->draft.text, &edits, &words, e);
	n->n_edits += edits;
	n->n_words += words;
	for (int i = 0; i < REVIEW_REASONS; i++)
		n->reason[i] += strstr(v->verdict.reasons, review_reason_names[i]) != NULL;
	if (v->again && v->earlier != REVIEW_NONE) {
		n->n_again++;
		n->n_agree += v->earlier == v->verdict.action;
	}
	return rc ? err_prefix(e, "draft %s", v->draft.id) : 0;
}

static size_t decided(const struct counts *n)
{
	return n->action[REVIEW_ACCEPT] + n->action[REVIEW_EDIT] + n->action[REVIEW_REJECT];
}

static json_t *counts_json(const struct counts *n)
{
	json_t *reasons = json_object();
	for (int i = 0; i < REVIEW_REASONS; i++)
		json_object_set_new(reasons, review_reason_names[i], json_integer((json_int_t)n->reason[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:o}", "waiting", (json_int_t)n->action[REVIEW_NONE],
		"accepted", (json_int_t)n->action[REVIEW_ACCEPT], "edited", (json_int_t)n->action[REVIEW_EDIT], "rejected",
		(json_int_t)n->action[REVIEW_REJECT], "simulated", (json_int_t)n->n_simulated, "edits", (json_int_t)n->n_edits,
		"words", (json_int_t)n->n_words, "seconds", n->seconds, "shown_again", (json_int_t)n->n_again, "decided_alike",
		(json_int_t)n->n_agree, "reasons", reasons);
}

static int counts_print(const struct counts *n, struct err *e)
{
	struct buf text = {0};
	size_t all = decided(n);
	int rc = buf_printf(&text, e, "waiting     %zu\ndecided     %zu: %zu accepted as they are, %zu edited, %zu rejected\n",
		n->action[REVIEW_NONE], all, n->action[REVIEW_ACCEPT], n->action[REVIEW_EDIT], n->action[REVIEW_REJECT]);
	if (!rc && n->n_simulated)
		rc = buf_printf(&text, e, "simulated   %zu of them, by a program instead of people\n", n->n_simulated);
	if (!rc && n->n_words)
		rc = buf_printf(&text, e, "HTER        %.1f %% of the words of accepted and edited drafts\n",
			100 * (double)n->n_edits / (double)n->n_words);
	if (!rc && all)
		rc = buf_printf(&text, e, "time        %.1f minutes for 100 drafts\n", n->seconds / (double)all * 100 / 60);
	if (!rc && n->n_again)
		rc = buf_printf(&text, e, "agreement   %zu of %zu shown twice were decided alike\n", n->n_agree, n->n_again);
	for (int i = 0; i < REVIEW_REASONS && !rc; i++)
		if (n->reason[i])
			rc = buf_printf(&text, e, "for %-7s %zu\n", review_reason_names[i], n->reason[i]);
	if (!rc)
		rc = print_text(&text, e);
	buf_release(&text);
	return rc;
}

/* ---- handing on ------------------------------------------------------------------------------------------------------------------ */

enum export { ROWS, PAIRS, LABELS, CASES, EXPORTS };
static const char *const export_flag[EXPORTS] = {"export", "preferences", "labels", "cases"};

struct exporting {
	struct sink sink[EXPORTS];
	bool wanted[EXPORTS];
	size_t n[EXPORTS];
};

/* Takes the object. */
static int export_put(struct exporting *x, enum export to, json_t *object, struct err *e)
{
	int rc = object ? 0 : err_set(e, ERR_RESOURCE, "out of memory");
	if (!rc && x->wanted[to]) {
		rc = sink_put(&x->sink[to], object, e);
		x->n[to]++;
	}
	json_decref(object);
	return rc;
}

static json_t *label(const struct review *v, const char *text, bool good)
{
	return json_pack("{s:s, s:s, s:b}", "prompt", v->draft.prompt, "completion", text, "label", good);
}

static int export_one(void *context, const struct review *v, struct err *e)
{
	struct exporting *x = context;
	const struct review_draft *d = &v->draft;
	bool edited = v->verdict.action == REVIEW_EDIT, good = edited || v->verdict.action == REVIEW_ACCEPT;
	const char *text = edited ? v->verdict.text : d->text;
	/* Where a place is still open nobody has finished it, and a model would learn to write marks, or to tell good from bad by them. */
	bool open = gaps_in(text, strlen(text)), began_open = gaps_in(d->text, strlen(d->text));
	json_t *one = NULL;
	int rc = x->wanted[CASES] ? review_case(&one, v, e) : 0;
	if (rc || one) /* what is asked again must not be trained on */
		return rc ? rc : export_put(x, CASES, one, e);
	if (good && !open)
		rc = export_put(x, ROWS,
			json_pack("{s:[{s:s, s:s}, {s:s, s:s}], s:{s:s, s:o*}}", "messages", "role", "user", "content", d->prompt,
				"role", "assistant", "content", text, "source", "review", d->id, "simulated",
				v->verdict.simulated ? json_true() : NULL),
			e);
	if (!rc && edited && !open && !began_open)
		rc = export_put(
			x, PAIRS, json_pack("{s:s, s:s, s:s}", "prompt", d->prompt, "chosen", text, "rejected", d->text), e);
	if (!rc && good && !open)
		rc = export_put(x, LABELS, label(v, text, true), e);
	if (!rc && (edited || v->verdict.action == REVIEW_REJECT) && !began_open)
		rc = export_put(x, LABELS, label(v, d->text, false), e);
	return rc;
}

static int export_all(struct reviews *r, const struct cli *c, struct err *e)
{
	struct exporting x = {0};
	int rc = 0;
	for (int i = 0; i < EXPORTS && !rc; i++) {
		const char *path = cli_flag(c, export_flag[i]);
		if ((x.wanted[i] = path != NULL))
			rc = sink_open(&x.sink[i], path, e);
	}
	if (!rc)
		rc = reviews_each(r, export_one, &x, e);
	for (int i = 0; i < EXPORTS; i++) {
		if (!rc && x.wanted[i])
			rc = sink_commit(&x.sink[i], e);
		sink_abort(&x.sink[i]);
	}
	if (!rc && x.wanted[CASES])
		log_line(LOG_INFO, "%zu cases for attune eval --questions; they are in none of the other files", x.n[CASES]);
	if (!rc && (x.wanted[ROWS] || x.wanted[PAIRS] || x.wanted[LABELS]))
		log_line(LOG_INFO,
			"%zu rows to train on, %zu pairs, %zu labels; rows beside the documents are read by the next attune run",
			x.n[ROWS], x.n[PAIRS], x.n[LABELS]);
	return rc;
}

/* ---- rounds ---------------------------------------------------------------------------------------------------------------------- */

static int rounds_print(const struct flow_rounds *all, bool json, struct err *e)
{
	struct buf text = {0};
	int rc = json ? 0 : review_rounds_text(all, &text, e);
	if (!rc && !json)
		rc = print_text(&text, e);
	for (size_t i = 0; json && i < all->n && !rc; i++) {
		json_t *one = review_round_json(&all->p[i]);
		rc = print_json(one, e);
		json_decref(one);
	}
	buf_release(&text);
	return rc;
}

static int rounds_show(struct reviews *r, const char *html, bool json, struct err *e)
{
	struct flow_rounds all;
	struct buf page = {0};
	int rc = flow_rounds(&all, r, e);
	if (!rc)
		rc = rounds_print(&all, json, e);
	if (!rc && html)
		rc = review_rounds_page(&all, &page, e);
	if (!rc && html)
		rc = file_replace(html, page.p, page.len, e);
	buf_release(&page);
	flow_rounds_release(&all);
	return rc;
}

/* ---- the verb -------------------------------------------------------------------------------------------------------------------- */

static int counts_show(struct reviews *r, bool json, struct err *e)
{
	struct counts n = {0};
	int rc = reviews_each(r, count, &n, e);
	if (!rc && json) {
		json_t *object = counts_json(&n);
		rc = print_json(object, e);
		json_decref(object);
	} else if (!rc) {
		rc = counts_print(&n, e);
	}
	return rc;
}

static int drafts_import(struct reviews *r, const char *path, struct err *e)
{
	struct importing from = {.reviews = r};
	int rc = jsonl_each(path, import_line, &from, e);
	size_t n_new = reviews_added(r);
	if (!rc && n_new < from.n)
		log_line(LOG_INFO, "%zu new drafts of %s; %zu were in the queue already and stay as they were", n_new, path,
			from.n - n_new);
	else if (!rc)
		log_line(LOG_INFO, "%zu new drafts of %s", n_new, path);
	return rc;
}

/* Puts in, then hands out or shows; without any such flag a person decides, and what was decided is counted, as always where JSON is wanted. */
static int work(struct reviews *r, const struct cli *c, const char *results, struct err *e)
{
	const char *import = cli_flag(c, "import"), *decisions = cli_flag(c, "decisions"), *html = cli_flag(c, "html");
	bool json = cli_flag(c, "json") != NULL, status = cli_flag(c, "status") != NULL, exports = false,
	     rounds = html || cli_flag(c, "rounds");
	for (int i = 0; i < EXPORTS; i++)
		exports = exports || cli_flag(c, export_flag[i]);
	bool person = !import && !decisions && !exports && !rounds && !status;
	int rc = import ? drafts_import(r, import, e) : 0;
	if (!rc && decisions)
		rc = decisions_read(r, decisions, e);
	if (!rc && exports)
		rc = export_all(r, c, e);
	if (!rc && person)
		rc = review_desk(r, results, e);
	if (!rc && rounds)
		rc = rounds_show(r, html, json, e);
	if (!rc && (person || status || (json && !rounds)))
		rc = counts_show(r, json, e);
	if (!rc && person)
		log_line(LOG_INFO, "next: attune review --results %s --export DOCUMENTS/reviewed.jsonl, then attune run DOCUMENTS",
			results);
	return rc;
}

static int run(const struct cli *c, struct err *e)
{
	struct reviews *r = NULL;
	char path[PATH_SIZE];
	const char *results = cli_flag(c, "results");
	int rc = dir_exists(results)
		? path_join(path, sizeof path, e, results, "reviews.db")
		: err_set(e, ERR_USAGE, "--results %s: no such folder; expected one that attune run made", results);
	if (!rc)
		rc = reviews_open(&r, path, e);
	if (!rc)
		rc = work(r, c, results, e);
	reviews_close(r);
	return rc;
}

const struct command command_review = {
	.name = "review",
	.operands = "",
	.summary = "Accept, edit or reject drafts, see what each round needed, and hand it on to the next training.",
	.examples = {"attune review --results sample/.attune",
		"attune review --results sample/.attune --export sample/reviewed.jsonl --preferences pairs.jsonl",
		"attune review --results sample/.attune --rounds --html rounds.html"},
	.flags = (const struct flag[]){{.name = "results",
					       .argument = "DIR",
					       .help = "folder that attune run made, such as sample/.attune",
					       .required = true},
		{.name = "import", .argument = "F", .help = "put drafts into the queue: lines of {id, prompt, text} and type"},
		{.name = "decisions",
			.argument = "F",
			.help = "take decisions made elsewhere: lines of {id, action} with text, reasons, seconds, simulated"},
		{.name = "status", .help = "only count: decided, editing rate (HTER), minutes, agreement"},
		{.name = "rounds", .help = "only show what the drafts of each writer needed: unedited, HTER, findings, minutes"},
		{.name = "html", .argument = "F", .help = "write the rounds as a page with a picture, too"},
		{.name = "export", .argument = "F", .help = "write accepted and edited drafts as rows to train on; -: stdout"},
		{.name = "preferences", .argument = "F", .help = "write {prompt, chosen, rejected} of edits; -: stdout"},
		{.name = "labels", .argument = "F", .help = "write {prompt, completion, label} of everything decided; -: stdout"},
		{.name = "cases",
			.argument = "F",
			.help = "write decisions about a single value as questions for attune eval, and leave them out of the "
				"others; -: stdout"},
		FLAG_JSON, {0}},
	.run = run,
};
