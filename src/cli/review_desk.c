/*
 * Deciding about drafts in the terminal: single keys, an editor for edits. What is decided is in the log at once. Reference: review.h.
 */
#include "cli/review.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { DRAFT_BYTES_MAX = 1 << 20, UNDO_MAX = 100 };

struct desk {
	struct reviews *reviews;
	const char *results;
	bool colour;
	char *id, *text;         /* of the draft that is shown */
	char *decided[UNDO_MAX]; /* ids, the last one last: what can be undone */
	size_t n_decided, n_waiting;
};

/* ---- showing --------------------------------------------------------------------------------------------------------------------- */

static int waiting_count(void *context, const struct review *v, struct err *e)
{
	struct desk *d = context;
	(void)e;
	d->n_waiting += v->verdict.action == REVIEW_NONE;
	return 0;
}

/* What stands above the draft. */
static int head_put(struct buf *out, const struct desk *d, const struct review *v, struct err *e)
{
	json_t *list = json_loads(v->draft.evidence, 0, NULL), *one;
	size_t i;
	int rc = buf_printf(out, e, "\n%zu waiting\n\n", d->n_waiting);
	json_array_foreach (list, i, one)
		if (!rc)
			rc = buf_printf(out, e, "passage: %s (%s)\n%s\n\n", review_field(one, "source", ""),
				review_field(one, "heading", ""), review_field(one, "text", ""));
	json_decref(list);
	return rc ? rc
		  : buf_printf(out, e, "%s%s%s\nwritten by %s%s\n\n", v->draft.kind, *v->draft.kind ? ": " : "", v->draft.prompt,
			    v->draft.origin, v->verdict.action ? ", shown once more" : "");
}

static int draft_show(void *context, const struct review *v, struct err *e)
{
	struct desk *d = context;
	struct buf head = {0}, text = {0};
	int rc = head_put(&head, d, v, e);
	if (!rc)
		rc = text_plain(&text, head.p, head.len, e);
	if (!rc)
		rc = review_paint(&text, &v->draft, d->colour, e);
	if (!rc)
		rc = print_text(&text, e);
	if (!rc && (!(d->id = mem_strdup(v->draft.id, e)) || !(d->text = mem_strdup(v->draft.text, e))))
		rc = ERR_RESOURCE;
	buf_release(&head);
	buf_release(&text);
	return rc;
}

/* ---- asking ---------------------------------------------------------------------------------------------------------------------- */

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

static void reasons_read(char out[REVIEW_REASONS_SIZE])
{
	int key;
	*out = 0;
	while ((key = key_read("because of: t term, f fact, o tone, m format, p pii, Enter ends: ")) && key != '\n' &&
		key != '\r') {
		const char *keys = "tfomp", *at = strchr(keys, key);
		if (at && !strstr(out, review_reason_names[at - keys]))
			snprintf(out + strlen(out), REVIEW_REASONS_SIZE - strlen(out), "%s%s", *out ? "," : "",
				review_reason_names[at - keys]);
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

/* Lets an editor change the text, in a file beside the queue, since it may be confidential. */
static int edit(const char *text, const char *results, struct buf *out, struct err *e)
{
	char path[PATH_SIZE];
	size_t n = strlen(text);
	int rc = path_join(path, sizeof path, e, results, "draft-XXXXXX"), fd = rc ? -1 : mkstemp(path);
	if (rc || fd < 0)
		return rc ? rc : err_errno(e, "make", path);
	close(fd);
	rc = file_rewrite(path, text, n, e); /* which leaves it readable to its owner alone, as mkstemp made it */
	if (!rc)
		rc = editor_run(path, e);
	buf_clear(out);
	if (!rc)
		rc = file_read(path, DRAFT_BYTES_MAX, out, e);
	unlink(path);
	while (!rc && out->len && strchr("\r\n", out->p[out->len - 1]) && !(n && strchr("\r\n", text[n - 1])))
		out->p[--out->len] = 0; /* which the editor has added */
	if (!rc && (!out->len || memchr(out->p, 0, out->len)))
		rc = err_set(e, ERR_DATA, "the edited draft: expected text, found %s", out->len ? "a zero byte" : "nothing");
	return rc;
}

static int changes_show(const struct desk *d, const char *after, struct err *e)
{
	struct buf text = {0};
	int rc = review_changes(&text, d->text, after, d->colour, e);
	if (!rc)
		rc = buf_puts(&text, "\n\n", e);
	if (!rc)
		rc = print_text(&text, e);
	buf_release(&text);
	return rc;
}

/* Edits until the person keeps it: *kept. What an editor cannot do is said, and no error. */
static int edit_decide(const struct desk *d, struct buf *text, bool *kept, struct err *e)
{
	int key = 'e', rc = buf_puts(text, d->text, e);
	*kept = false;
	while (!rc && key == 'e') {
		char *from = mem_strdup(text->len ? text->p : "", e);
		rc = from ? edit(from, d->results, text, e) : ERR_RESOURCE;
		mem_free(from);
		if (rc == ERR_FAILED || rc == ERR_DATA) {
			log_line(LOG_ERROR, "%s", e->text);
			return 0;
		}
		if (!rc && !strcmp(text->p, d->text)) {
			log_line(LOG_INFO, "nothing was changed");
			return 0;
		}
		if (!rc)
			rc = changes_show(d, text->p, e);
		if (!rc)
			key = key_read("Enter keeps it, e edits on, q gives it up: ");
	}
	*kept = !rc && (key == '\n' || key == '\r');
	return rc;
}

/* ---- deciding -------------------------------------------------------------------------------------------------------------------- */

/* What the key says about the draft; action NONE: nothing. */
static int verdict_read(
	int key, const struct desk *d, struct review_verdict *v, struct buf *text, char reasons[REVIEW_REASONS_SIZE], struct err *e)
{
	bool kept = false;
	int rc = key == 'e' ? edit_decide(d, text, &kept, e) : 0;
	*v = (struct review_verdict){.text = "", .reasons = ""};
	if (key == 'a' || key == '\n' || key == '\r')
		v->action = REVIEW_ACCEPT;
	else if (key == 's')
		v->action = REVIEW_SKIP;
	else if (key == 'x')
		v->action = REVIEW_REJECT;
	else if (kept)
		*v = (struct review_verdict){.action = REVIEW_EDIT, .text = text->p, .reasons = ""};
	if (v->action == REVIEW_REJECT || v->action == REVIEW_EDIT) {
		reasons_read(reasons);
		v->reasons = reasons;
	}
	return rc;
}

/* Notes that draft d->id was decided; the oldest is forgotten where there are too many. */
static void decided_push(struct desk *d)
{
	if (d->n_decided == UNDO_MAX) {
		mem_free(d->decided[0]);
		memmove(d->decided, d->decided + 1, --d->n_decided * sizeof *d->decided);
	}
	d->decided[d->n_decided++] = d->id;
	d->id = NULL;
}

static int undo(struct desk *d, double seconds, struct err *e)
{
	const struct review_verdict v = {.action = REVIEW_UNDO, .text = "", .reasons = "", .seconds = seconds};
	char *id = d->decided[--d->n_decided];
	int rc = reviews_decide(d->reviews, id, &v, e);
	mem_free(id);
	return rc;
}

/* Asks until something is decided about the draft that is shown. 1 to go on, 0 at the end. */
static int draft_decide(struct desk *d, struct err *e)
{
	double begun = now_s();
	for (;;) {
		struct review_verdict v;
		struct buf text = {0};
		char reasons[REVIEW_REASONS_SIZE];
		int key = key_read("a accept, e edit, x reject, s skip, u undo the last, q quit: ");
		if (!key || key == 'q')
			return 0;
		if (key == 'u' && d->n_decided) {
			int rc = undo(d, now_s() - begun, e);
			return rc ? rc : 1;
		}
		int rc = verdict_read(key, d, &v, &text, reasons, e);
		v.seconds = now_s() - begun;
		if (!rc && v.action != REVIEW_NONE)
			rc = reviews_decide(d->reviews, d->id, &v, e);
		buf_release(&text);
		if (!rc && v.action != REVIEW_NONE && v.action != REVIEW_SKIP)
			decided_push(d);
		if (rc || v.action != REVIEW_NONE)
			return rc ? rc : 1;
	}
}

/* As draft_decide, when nothing is left but what was decided. */
static int end_decide(struct desk *d, struct err *e)
{
	log_line(LOG_INFO, "nothing is left to decide");
	if (!d->n_decided || key_read("u undo the last, Enter ends: ") != 'u')
		return 0;
	int rc = undo(d, 0, e);
	return rc ? rc : 1;
}

int review_desk(struct reviews *r, const char *results, struct err *e)
{
	struct desk d = {.reviews = r, .results = results, .colour = review_colour()};
	int rc;
	do {
		d.n_waiting = 0;
		rc = reviews_each(r, waiting_count, &d, e);
		if (!rc)
			rc = reviews_next(r, draft_show, &d, e);
		if (!rc)
			rc = d.id ? draft_decide(&d, e) : end_decide(&d, e);
		mem_free(d.id);
		mem_free(d.text);
		d.id = d.text = NULL;
	} while (rc == 1);
	while (d.n_decided)
		mem_free(d.decided[--d.n_decided]);
	return rc;
}
