/*
 * attune review: people decide about drafts, in the terminal; and what they decided, counted and handed on. The queue is RESULTS/reviews.db, which
 * attune write and the page fill too.
 */
#include "cli/verbs.h"
#include "eval/eval.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { DRAFT_BYTES_MAX = 1 << 20 };

/* ---- importing ------------------------------------------------------------------------------------------------------------------- */

struct importing {
	struct reviews *reviews;
	size_t n;
};

static const char *field(const json_t *o, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(o, name));
	return text ? text : otherwise;
}

static int import_line(void *context, const json_t *o, struct err *e)
{
	struct importing *to = context;
	struct review_draft d = {.id = field(o, "id", NULL),
		.kind = field(o, "type", ""),
		.prompt = field(o, "prompt", NULL),
		.text = field(o, "text", NULL),
		.origin = field(o, "origin", "imported"),
		.evidence = "[]",
		.findings = "[]"};
	if (!d.id || !d.prompt || !d.text)
		return err_set(e, ERR_DATA, "expected {\"id\", \"prompt\", \"text\"}, all strings");
	to->n++;
	return reviews_add(to->reviews, &d, e);
}

/* ---- counting -------------------------------------------------------------------------------------------------------------------- */

struct counts {
	size_t action[REVIEW_ACTIONS], n_words, n_edits, n_again, n_agree, reason[REVIEW_REASONS];
	double seconds;
};

static int count(void *context, const struct review *v, struct err *e)
{
	struct counts *n = context;
	size_t edits = 0, words = 0;
	int rc = 0;
	n->action[v->verdict.action]++;
	n->seconds += v->seconds;
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
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:o}", "waiting", (json_int_t)n->action[REVIEW_NONE],
		"accepted", (json_int_t)n->action[REVIEW_ACCEPT], "edited", (json_int_t)n->action[REVIEW_EDIT], "rejected",
		(json_int_t)n->action[REVIEW_REJECT], "edits", (json_int_t)n->n_edits, "words", (json_int_t)n->n_words, "seconds",
		n->seconds, "shown_again", (json_int_t)n->n_again, "decided_alike", (json_int_t)n->n_agree, "reasons", reasons);
}

static int counts_print(const struct counts *n, struct err *e)
{
	struct buf text = {0};
	size_t all = decided(n);
	int rc = buf_printf(&text, e, "waiting     %zu\ndecided     %zu: %zu accepted as they are, %zu edited, %zu rejected\n",
		n->action[REVIEW_NONE], all, n->action[REVIEW_ACCEPT], n->action[REVIEW_EDIT], n->action[REVIEW_REJECT]);
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

struct exporting {
	struct sink *rows, *pairs; /* either may be NULL */
	size_t n_rows, n_pairs;
};

static int export_one(void *context, const struct review *v, struct err *e)
{
	struct exporting *to = context;
	bool edited = v->verdict.action == REVIEW_EDIT;
	json_t *row = NULL, *pair = NULL;
	int rc = 0;
	if (!edited && v->verdict.action != REVIEW_ACCEPT)
		return 0;
	const char *text = edited ? v->verdict.text : v->draft.text;
	if (to->rows) {
		row = json_pack("{s:[{s:s, s:s}, {s:s, s:s}], s:{s:s}}", "messages", "role", "user", "content", v->draft.prompt,
			"role", "assistant", "content", text, "source", "review", v->draft.id);
		rc = row ? sink_put(to->rows, row, e) : err_set(e, ERR_RESOURCE, "out of memory");
		to->n_rows++;
	}
	if (!rc && to->pairs && edited) {
		pair = json_pack("{s:s, s:s, s:s}", "prompt", v->draft.prompt, "chosen", text, "rejected", v->draft.text);
		rc = pair ? sink_put(to->pairs, pair, e) : err_set(e, ERR_RESOURCE, "out of memory");
		to->n_pairs++;
	}
	json_decref(row);
	json_decref(pair);
	return rc;
}

static int export_all(struct reviews *r, const char *rows, const char *pairs, struct err *e)
{
	struct sink to[2] = {0};
	struct exporting x = {rows ? &to[0] : NULL, pairs ? &to[1] : NULL, 0, 0};
	int rc = rows ? sink_open(&to[0], rows, e) : 0;
	if (!rc && pairs)
		rc = sink_open(&to[1], pairs, e);
	if (!rc)
		rc = reviews_each(r, export_one, &x, e);
	if (!rc && rows)
		rc = sink_commit(&to[0], e);
	if (!rc && pairs)
		rc = sink_commit(&to[1], e);
	sink_abort(&to[0]);
	sink_abort(&to[1]);
	if (!rc)
		log_line(LOG_INFO, "%zu rows to train on, %zu pairs; rows beside the documents are read by the next attune run",
			x.n_rows, x.n_pairs);
	return rc;
}

/* ---- deciding -------------------------------------------------------------------------------------------------------------------- */

struct shown {
	const char *results;
	char *id, *text;
};

static int show(void *context, const struct review *v, struct err *e)
{
	struct shown *to = context;
	json_t *findings = json_loads(v->draft.findings, 0, NULL), *passages = json_loads(v->draft.evidence, 0, NULL), *one;
	struct buf text = {0};
	size_t i;
	int rc = buf_printf(&text, e, "\n%s%s%s\nfrom %s\n\n%s\n\n", v->draft.kind, *v->draft.kind ? ": " : "", v->draft.prompt,
		v->draft.origin, v->draft.text);
	json_array_foreach (findings, i, one) { /* lint's; the arena's have no message, and what is supported too */
		const char *kind = field(one, "kind", ""), *instead = field(one, "instead", "");
		if (!rc && strcmp(kind, "supported"))
			rc = buf_printf(&text, e, "  %s: %s\n", kind, field(one, "message", instead));
	}
	json_array_foreach (passages, i, one)
		if (!rc)
			rc = buf_printf(&text, e, "  passage: %s (%s)\n", field(one, "source", ""), field(one, "heading", ""));
	if (!rc)
		rc = print_text(&text, e);
	if (!rc && (!(to->id = mem_strdup(v->draft.id, e)) || !(to->text = mem_strdup(v->draft.text, e))))
		rc = ERR_RESOURCE;
	json_decref(findings);
	json_decref(passages);
	buf_release(&text);
	return rc;
}

/* A key; without a terminal the first letter of a line. 0 at the end of the input. */
static int key_read(const char *question)
{
	struct termios before, raw;
	fputs(question, stderr);
	bool terminal = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &before);
	if (!terminal) {
		char line[64];
		return fgets(line, sizeof line, stdin) ? *line : 0;
	}
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	unsigned char key = 0;
	ssize_t n = read(STDIN_FILENO, &key, 1);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	fprintf(stderr, "%c\n", n == 1 && key >= ' ' ? key : ' ');
	return n == 1 && key != 4 ? key : 0;
}

static void reasons_read(char out[64])
{
	int key;
	*out = 0;
	while ((key = key_read("because of: t term, f fact, o tone, m format, p pii, Enter ends: ")) && key != '\n' &&
		key != '\r') {
		const char *keys = "tfomp", *at = strchr(keys, key);
		if (at && !strstr(out, review_reason_names[at - keys]))
			snprintf(out + strlen(out), 64 - strlen(out), "%s%s", *out ? "," : "", review_reason_names[at - keys]);
	}
}

/* Runs the editor on a file, as the shell would. */
static int editor_run(const char *path, struct err *e)
{
	const char *visual = getenv("VISUAL"), *editor = visual && *visual ? visual : getenv("EDITOR");
	struct buf command = {0};
	int status = 0, rc = buf_printf(&command, e, "%s \"$1\"", editor && *editor ? editor : "vi");
	pid_t child = rc ? -1 : fork();
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", command.p, "sh", path, NULL);
		_exit(127);
	}
	if (!rc && (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)))
		rc = err_set(e, ERR_FAILED, "the editor \"%.200s\" failed; nothing was decided", editor && *editor ? editor : "vi");
	buf_release(&command);
	return rc;
}

/* Lets an editor change the text, in a file beside the queue, since it may be confidential. 1 when it did, 0 when it is as before. */
static int edit(const char *text, const char *results, struct buf *out, struct err *e)
{
	char path[PATH_SIZE];
	size_t n = strlen(text);
	int rc = path_join(path, sizeof path, e, results, "draft-XXXXXX"), fd = rc ? -1 : mkstemp(path);
	if (rc || fd < 0)
		return rc ? rc : err_errno(e, "make", path);
	close(fd);
	rc = file_replace(path, text, n, e);
	if (!rc)
		rc = editor_run(path, e);
	if (!rc)
		rc = file_read(path, DRAFT_BYTES_MAX, out, e);
	unlink(path);
	while (!rc && out->len && strchr("\r\n", out->p[out->len - 1]) && !(n && strchr("\r\n", text[n - 1])))
		out->p[--out->len] = 0; /* which the editor has added */
	if (!rc && (!out->len || memchr(out->p, 0, out->len)))
		rc = err_set(e, ERR_DATA, "the edited draft: expected text, found %s", out->len ? "a zero byte" : "nothing");
	return rc ? rc : strcmp(text, out->p) != 0;
}

/* What the key says about the draft; action NONE: nothing. */
static int verdict_read(int key, const struct shown *s, struct review_verdict *v, struct buf *text, char reasons[64], struct err *e)
{
	int rc = 0;
	*v = (struct review_verdict){.text = "", .reasons = ""};
	if (key == 'a' || key == '\n' || key == '\r') {
		v->action = REVIEW_ACCEPT;
	} else if (key == 's') {
		v->action = REVIEW_SKIP;
	} else if (key == 'x') {
		reasons_read(reasons);
		*v = (struct review_verdict){REVIEW_REJECT, "", reasons, 0};
	} else if (key == 'e') {
		rc = edit(s->text, s->results, text, e);
		if (rc == 1) {
			reasons_read(reasons);
			*v = (struct review_verdict){REVIEW_EDIT, text->p, reasons, 0};
		}
		if (rc > 0)
			rc = 0;
		if (!rc && v->action == REVIEW_NONE)
			log_line(LOG_INFO, "nothing was changed");
		if (rc == ERR_FAILED || rc == ERR_DATA) {
			log_line(LOG_ERROR, "%s", e->text);
			rc = 0;
		}
	}
	return rc;
}

/* Shows the next draft and asks until something is decided. 1 to go on, 0 at the end. `last`: the id of the one before, for undo. */
static int decide_next(struct reviews *r, const char *results, char **last, struct err *e)
{
	struct shown s = {.results = results};
	struct review_verdict v = {.action = REVIEW_NONE};
	char reasons[64];
	int rc = reviews_next(r, show, &s, e), more = 1;
	double begun = now_s();
	if (!rc && !s.id) {
		log_line(LOG_INFO, "nothing is left to decide");
		more = 0;
	}
	while (!rc && more && v.action == REVIEW_NONE) {
		struct buf text = {0};
		int key = key_read("a accept, e edit, x reject, s skip, u undo the last, q quit: ");
		if (!key || key == 'q')
			more = 0;
		if (key == 'u' && *last) {
			const struct review_verdict undo = {REVIEW_UNDO, "", "", now_s() - begun};
			rc = reviews_decide(r, *last, &undo, e);
			mem_free(*last);
			*last = NULL;
			buf_release(&text);
			break;
		}
		if (more)
			rc = verdict_read(key, &s, &v, &text, reasons, e);
		v.seconds = now_s() - begun;
		if (!rc && v.action != REVIEW_NONE)
			rc = reviews_decide(r, s.id, &v, e);
		buf_release(&text);
	}
	if (v.action != REVIEW_NONE && v.action != REVIEW_SKIP) {
		mem_free(*last);
		*last = s.id;
		s.id = NULL;
	}
	mem_free(s.id);
	mem_free(s.text);
	return rc ? rc : more;
}

static int decide(struct reviews *r, const char *results, struct err *e)
{
	char *last = NULL;
	int rc;
	while ((rc = decide_next(r, results, &last, e)) == 1)
		continue;
	mem_free(last);
	return rc;
}

/* ---- the verb -------------------------------------------------------------------------------------------------------------------- */

static int run(const struct cli *c, struct err *e)
{
	struct reviews *r = NULL;
	struct counts n = {0};
	char path[PATH_SIZE];
	const char *results = cli_flag(c, "results"), *import = cli_flag(c, "import"), *rows = cli_flag(c, "export"),
		   *pairs = cli_flag(c, "preferences");
	bool status = cli_flag(c, "status") != NULL, json = cli_flag(c, "json") != NULL;
	struct importing from = {0};
	int rc = dir_exists(results)
		? path_join(path, sizeof path, e, results, "reviews.db")
		: err_set(e, ERR_USAGE, "--results %s: no such folder; expected one that attune run made", results);
	if (!rc)
		rc = reviews_open(&r, path, e);
	from.reviews = r;
	if (!rc && import)
		rc = jsonl_each(import, import_line, &from, e);
	if (!rc && import)
		log_line(LOG_INFO, "%zu drafts of %s are in the queue", from.n, import);
	if (!rc && !import && !rows && !pairs && !status)
		rc = decide(r, results, e);
	if (!rc && (rows || pairs))
		rc = export_all(r, rows, pairs, e);
	if (!rc && !rows && !pairs && !import)
		rc = reviews_each(r, count, &n, e);
	if (!rc && !rows && !pairs && !import) {
		json_t *object = json ? counts_json(&n) : NULL;
		rc = json ? print_json(object, e) : counts_print(&n, e);
		json_decref(object);
	}
	if (!rc && !status && !import && !rows && !pairs)
		log_line(LOG_INFO, "next: attune review --results %s --export DOCUMENTS/reviewed.jsonl, then attune run DOCUMENTS",
			results);
	reviews_close(r);
	return rc;
}

const struct command command_review = {
	.name = "review",
	.operands = "",
	.summary = "Accept, edit or reject drafts, and hand what was decided to the next training.",
	.examples = {"attune review --results sample/.attune", "attune review --results sample/.attune --import drafts.jsonl",
		"attune review --results sample/.attune --export sample/reviewed.jsonl --preferences pairs.jsonl"},
	.flags = (const struct flag[]){{.name = "results",
					       .argument = "DIR",
					       .help = "folder that attune run made, such as sample/.attune",
					       .required = true},
		{.name = "import", .argument = "F", .help = "put drafts into the queue: lines of {id, prompt, text} and type"},
		{.name = "status", .help = "only count: decided, editing rate (HTER), minutes, agreement"},
		{.name = "export", .argument = "F", .help = "write accepted and edited drafts as rows to train on; -: stdout"},
		{.name = "preferences", .argument = "F", .help = "write {prompt, chosen, rejected} of edits; -: stdout"}, FLAG_JSON,
		{0}},
	.run = run,
};
