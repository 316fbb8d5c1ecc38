/*
 * JSON Lines, or one list of objects, to tickets and rows that are training data already. Training rows are understood by the
 * reader that the trainer uses, so that none gets into a data set which training then refuses.
 *
 * Reference: json_rows.h; the formats are those of row_parse, and TRL's preference pairs (prompt, chosen, rejected; prompt,
 * completion, label).
 */
#include "data/json_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/outline.h"
#include "data/ticket_rows.h"
#include "format/format.h"

enum { MESSAGES_MAX = 254, NAME_BYTES = 96 };

struct reader {
	struct ticket_rows rows;
	struct corpus *c;
	const struct document *file;
	struct err *e;
	size_t mark;                    /* bytes of a byte order mark */
	char *names[TICKET_FIELDS_MAX]; /* of the fields of all objects that are no training rows, in the arena */
	size_t n_names, n_given;
};

/* ---- training rows -------------------------------------------------------------------------------------------------------- */

static bool is_given(const json_t *o)
{
	static const char *const keys[] = {"messages", "conversations", "prompt", "instruction", "chosen"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (json_object_get(o, keys[i]))
			return true;
	return false;
}

/*
 * A pair becomes a row with its chosen answer. `chosen` is the answer behind `prompt`, or without one the whole conversation; a
 * completion with a label is an answer that was liked, or not. *why, when there is no answer to learn.
 */
static int preference_resolve(json_t *o, const char **why)
{
	json_t *prompt = json_object_get(o, "prompt"), *chosen = json_object_get(o, "chosen"), *label = json_object_get(o, "label");
	int failed = 0;
	if (json_is_boolean(label)) {
		*why = json_is_true(label) ? NULL : "its label says that the answer was not good";
		return json_object_del(o, "label");
	}
	if (!chosen && !json_object_get(o, "rejected"))
		return 0;
	if (!chosen)
		*why = "a rejected answer without a chosen one";
	else if (json_is_string(chosen) && json_is_string(prompt))
		failed = json_object_set(o, "completion", chosen);
	else if (json_is_array(chosen) && json_is_array(prompt)) {
		json_t *all = json_copy(prompt);
		failed = !all || json_array_extend(all, chosen) || json_object_set(o, "messages", all);
		json_decref(all);
		json_object_del(o, "prompt");
	} else if (json_is_array(chosen)) {
		failed = json_object_set(o, "messages", chosen);
		json_object_del(o, "prompt");
	} else
		*why = "expected \"prompt\" and \"chosen\" to be both strings or both lists of messages";
	json_object_del(o, "chosen");
	json_object_del(o, "rejected");
	return failed;
}

static bool has_calls(const struct message *m)
{
	return json_array_size(json_object_get(m->more, "tool_calls")) > 0;
}

/* Why training would refuse the row, or NULL. */
static const char *row_refusal(const struct row *r)
{
	static const char *const roles[] = {"system", "user", "assistant", "tool"};
	size_t n_trained = 0;
	if (r->kind == ROW_TEXT)
		return *r->text ? NULL : "its \"text\" is empty";
	if (r->kind == ROW_COMPLETION)
		return r->completion && *r->completion ? NULL : "no answer: its \"completion\" is absent or empty";
	for (size_t i = 0; i < r->n_messages; i++) {
		size_t k = 0;
		while (k < 4 && strcmp(r->messages[i].role, roles[k]))
			k++;
		if (k == 4)
			return "a message by another role than system, user, assistant and tool";
		if (r->messages[i].train && !*r->messages[i].content && !has_calls(&r->messages[i]))
			return "a message by the assistant is empty";
		n_trained += r->messages[i].train;
	}
	if (r->n_messages > MESSAGES_MAX)
		return "more than 254 messages";
	if (strcmp(r->messages[r->n_messages - 1].role, "assistant"))
		return "no answer: its last message is not by the assistant";
	return n_trained ? NULL : "no answer that is to be learnt";
}

static int given_add(struct reader *r, const json_t *o, struct span span)
{
	struct document d = *r->file;
	struct outline outline;
	char part[32];
	char *text = json_dumps(o, JSON_COMPACT);
	snprintf(part, sizeof part, "row %zu", ++r->n_given);
	d.kind = DOCUMENT_ROW;
	d.part = arena_strdup(&r->c->arena, part, strlen(part), r->e);
	d.row = text ? arena_strdup(&r->c->arena, text, strlen(text), r->e) : NULL;
	int rc = text ? 0 : err_set(r->e, ERR_RESOURCE, "%s: out of memory while keeping a row", r->file->path);
	free(text);
	if (rc < 0 || !d.part || !d.row)
		return ERR_RESOURCE;
	outline_init(&outline, &d, &r->c->arena, r->e);
	if ((rc = outline_section(&outline, "", 0, span.start)) == 0) {
		d.sections[0].span.end = span.end;
		rc = corpus_add(r->c, &d, r->e);
	}
	outline_release(&outline);
	return rc;
}

/* A reason for the list of what is left out, in the arena. */
static int bad_add(struct reader *r, size_t line, const char *why)
{
	const char *kept = arena_strdup(&r->c->arena, why, strlen(why), r->e);
	if (kept)
		ticket_rows_bad(&r->rows, line, kept);
	return kept ? 0 : ERR_RESOURCE;
}

/* The sentence without the place that it begins with. */
static const char *reason(const struct reader *r, const struct err *e, size_t line)
{
	char place[PATH_SIZE + 32];
	int n = snprintf(place, sizeof place, "%s: line %zu: ", r->file->path, line);
	return n > 0 && !strncmp(e->text, place, (size_t)n) ? e->text + n : e->text;
}

static int given_read(struct reader *r, json_t *o, struct span span, size_t line)
{
	struct err wrong = {0};
	struct row row;
	const char *why = NULL;
	if (preference_resolve(o, &why))
		return err_set(r->e, ERR_RESOURCE, "%s: out of memory while reading line %zu", r->file->path, line);
	if (why)
		return bad_add(r, line, why);
	int rc = row_parse(&row, json_incref(o), r->file->path, line, &wrong);
	if (rc == ERR_RESOURCE)
		return err_set(r->e, rc, "%s", wrong.text);
	if (rc < 0)
		return bad_add(r, line, reason(r, &wrong, line));
	why = row_refusal(&row);
	row_release(&row);
	return why ? bad_add(r, line, why) : given_add(r, o, span);
}

/* ---- tickets -------------------------------------------------------------------------------------------------------------- */

static int name_add(struct reader *r, const char *outer, const char *inner)
{
	char name[NAME_BYTES];
	snprintf(name, sizeof name, "%s%s%s", outer, *inner ? "." : "", inner);
	for (size_t i = 0; i < r->n_names; i++)
		if (!strcmp(r->names[i], name))
			return 0;
	if (r->n_names == TICKET_FIELDS_MAX)
		return 0;
	char *kept = arena_strdup(&r->c->arena, name, strlen(name), r->e);
	if (kept)
		r->names[r->n_names++] = kept;
	return kept ? 0 : ERR_RESOURCE;
}

static bool is_text(const json_t *value)
{
	return json_is_string(value) || json_is_integer(value);
}

/* The names of an object's fields and of those of the objects in it: "customer.message". */
static int names_collect(struct reader *r, json_t *o)
{
	const char *key, *inner;
	json_t *value, *more;
	int rc = 0;
	json_object_foreach (o, key, value) {
		if (is_text(value))
			rc = name_add(r, key, "");
		else if (json_is_object(value))
			json_object_foreach (value, inner, more)
				if (is_text(more) && rc == 0)
					rc = name_add(r, key, inner);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What a field says, in `number` when it is one. */
static const char *field_text(const json_t *o, const char *name, char number[32])
{
	char outer[NAME_BYTES];
	const json_t *value = json_object_get(o, name);
	const char *dot = strchr(name, '.');
	if (!value && dot) {
		snprintf(outer, sizeof outer, "%.*s", (int)(dot - name), name);
		value = json_object_get(json_object_get(o, outer), dot + 1);
	}
	if (json_is_integer(value)) {
		snprintf(number, 32, "%lld", (long long)json_integer_value(value));
		return number;
	}
	return json_is_string(value) ? json_string_value(value) : "";
}

static int ticket_read(struct reader *r, const json_t *o, struct span span, size_t line)
{
	const char *text[TICKET_FIELDS];
	char number[TICKET_FIELDS][32];
	for (int k = 0; k < TICKET_FIELDS; k++)
		text[k] = r->rows.field[k] < 0 ? "" : field_text(o, r->names[r->rows.field[k]], number[k]);
	return ticket_rows_add(&r->rows, text, span, line);
}

/* ---- passes over the file ------------------------------------------------------------------------------------------------- */

static int object_read(struct reader *r, json_t *o, struct span span, size_t line)
{
	if (is_given(o))
		return given_read(r, o, span, line);
	if (r->rows.mapped)
		return ticket_read(r, o, span, line);
	if (json_is_string(json_object_get(o, "text")))
		return given_read(r, o, span, line);
	return bad_add(r, line, "neither a ticket nor a row of training data");
}

/* Once for the names of fields, then for what they hold. */
static int pass(struct reader *r, bool names)
{
	struct jsonl *j;
	struct span span;
	json_t *o;
	size_t line;
	const char *text = r->file->bytes + r->mark;
	int rc = jsonl_open_bytes(&j, r->file->path, text, r->file->size - r->mark, r->e);
	while (rc == 0) {
		struct err wrong = {0};
		int got = jsonl_next(j, &o, &line, &wrong);
		if (got == 0)
			break;
		r->rows.n_rows += !names;
		jsonl_span(j, &span.start, &span.end);
		span = (struct span){span.start + r->mark, span.end + r->mark};
		if (got == ERR_RESOURCE)
			rc = err_set(r->e, got, "%s", wrong.text);
		else if (got < 0)
			rc = names ? 0 : bad_add(r, line, reason(r, &wrong, line));
		else if (!names)
			rc = object_read(r, o, span, line);
		else if (!is_given(o))
			rc = names_collect(r, o);
		if (got > 0)
			json_decref(o);
	}
	jsonl_close(j);
	return rc;
}

/* The file as a whole, when none of its objects is anything. */
static int unknown_skip(struct reader *r)
{
	struct buf why = {0};
	int rc = buf_printf(&why, r->e,
		"no training rows (messages, prompt, conversations, instruction, chosen), and no field of questions (question, "
		"message, body, "
		"description, request) beside one of replies (reply, answer, response, resolution, comment); its fields: %.500s",
		r->rows.head.p);
	rc = rc < 0 ? rc : ticket_file_skip(&r->rows, why.p);
	buf_release(&why);
	return rc;
}

int json_rows_read(struct corpus *c, const struct document *file, struct err *e)
{
	struct reader r = {.c = c, .file = file, .e = e};
	r.mark = file->size >= 3 && !memcmp(file->bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
	ticket_rows_init(&r.rows, c, file, e);
	int rc = pass(&r, true);
	if (rc == 0 && r.n_names)
		rc = ticket_rows_map(&r.rows, (const char *const *)r.names, r.n_names);
	if (rc == 0)
		rc = pass(&r, false);
	if (rc == 0 && r.n_names && !r.n_given && !r.rows.mapped && r.rows.n_rows)
		rc = unknown_skip(&r);
	else if (rc == 0)
		rc = ticket_rows_end(&r.rows);
	ticket_rows_release(&r.rows);
	return rc;
}
