/*
 * Drafts at volume: briefs to drafts.jsonl, line by line and in their order, so that who stops or dies loses at most the AT_ONCE drafts that were
 * being made and the file ends up with the same bytes. Reference: flow.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "flow/briefs.h"
#include "flow/flow.h"
#include "search/search.h"
#include "store/store.h"

enum { AT_ONCE = 64, DRAFTS_BYTES_MAX = 1 << 30, PROMPT_BYTES_MAX = 1 << 20 };

struct item {
	const struct brief *brief;
	struct buf prompt; /* without passages */
	json_t *evidence;
	struct ids ids;
	struct evidence *told; /* brief and passages; NULL: nothing is left open */
};

struct writing {
	const struct flow_write_options *o;
	struct flow_written *done;
	char path[PATH_SIZE];
	struct lint *lint;     /* NULL: no data folder */
	struct search *search; /* NULL: no passages */
	struct row front;      /* messages that stand in front of every brief */
	struct reviews *reviews;
	json_t *there; /* ids of drafts in the file */
	struct item item[AT_ONCE];
	struct progress progress;
	size_t n_tokens, n_done; /* n_done: briefs, those from before included */
	double t_start;
};

/* ---- one draft --------------------------------------------------------------------------------------------------------------------- */

static json_t *findings_json(const struct lint_findings *found)
{
	json_t *list = json_array();
	for (size_t i = 0; i < found->n; i++)
		json_array_append_new(list, lint_finding_json(&found->p[i]));
	return list;
}

static size_t words(const char *text)
{
	size_t n = 0;
	for (; *(text += strspn(text, " \t\r\n")); text += strcspn(text, " \t\r\n"))
		n++;
	return n;
}

/* Counts the draft and puts it in front of people; once, however often it is called. */
static int draft_queue(struct writing *w, const json_t *o, struct err *e)
{
	const json_t *findings = json_object_get(o, "findings"), *f;
	size_t n_claims = 0, n_gaps = 0, n = json_array_size(findings), i;
	json_array_foreach (findings, i, f) {
		const char *kind = json_string_value(json_object_get(f, "kind"));
		n_claims += review_is_claim(kind);
		n_gaps += kind && !strcmp(kind, lint_kind_name(LINT_GAP));
	}
	char *evidence = json_dumps(json_object_get(o, "evidence"), JSON_COMPACT), *found = json_dumps(findings, JSON_COMPACT);
	const struct review_draft d = {.id = json_string_value(json_object_get(o, "id")),
		.kind = json_string_value(json_object_get(o, "type")),
		.prompt = json_string_value(json_object_get(o, "prompt")),
		.text = json_string_value(json_object_get(o, "text")),
		.origin = json_string_value(json_object_get(o, "origin")),
		.evidence = evidence,
		.findings = found,
		.urgency = (double)n_claims + 0.1 * (double)(n - n_claims)};
	int rc = evidence && found ? reviews_add(w->reviews, &d, e) : err_set(e, ERR_RESOURCE, "out of memory");
	w->done->n_drafts++;
	w->done->n_words += words(d.text);
	w->done->n_claims += n_claims;
	w->done->n_findings += n;
	w->done->n_gaps += n_gaps;
	w->done->n_open += n_gaps > 0;
	free(evidence);
	free(found);
	return rc;
}

static int draft_make(
	struct writing *w, const struct item *it, const char *text, const char *finish_reason, json_t **out, struct err *e)
{
	struct lint_findings found = {0};
	const char *const *f = it->brief->field;
	int rc = w->lint ? lint_draft(w->lint, text, &found, e) : lint_gaps(text, &found, e);
	*out = rc ? NULL
		  : json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O, s:o}", "id", it->brief->id, "type", f[BRIEF_TYPE],
			    "audience", f[BRIEF_AUDIENCE], "points", f[BRIEF_POINTS], "length", f[BRIEF_LENGTH], "prompt",
			    it->prompt.p, "text", text, "finish_reason", finish_reason, "origin", w->o->origin, "evidence",
			    it->evidence, "findings", findings_json(&found));
	lint_findings_release(&found);
	return rc || *out ? rc : err_set(e, ERR_RESOURCE, "out of memory while writing a draft");
}

/*
 * Leaves open in the text what the draft may not say. Where it had passages only they count, since what the model knows from elsewhere a person cannot look up
 * beside the draft; where it had none, the documents.
 */
static int draft_ground(const struct writing *w, const struct item *it, const char *finish_reason, struct buf *text, struct err *e)
{
	bool documents = w->lint && !json_array_size(it->evidence);
	const struct gaps g = {
		.evidence = {it->told, documents ? lint_evidence(w->lint) : NULL}, .cut = !strcmp(finish_reason, "length")};
	struct buf out = {0};
	int rc = gaps_open(&g, text->p, &out, e);
	if (rc) {
		buf_release(&out);
		return rc;
	}
	buf_release(text);
	*text = out;
	return 0;
}

static int draft_keep(void *context, size_t i, const struct generated *made, struct err *e)
{
	struct writing *w = context;
	struct buf text = {0}, line = {0};
	json_t *o = NULL;
	char rate[64];
	int rc = generated_utf8(made, &text, e);
	if (!rc && w->item[i].told && text.len)
		rc = draft_ground(w, &w->item[i], made->finish_reason, &text, e);
	if (!rc)
		rc = draft_make(w, &w->item[i], text.len ? text.p : "", made->finish_reason, &o, e);
	if (!rc)
		rc = json_line(&line, o, e);
	if (!rc)
		rc = file_append(w->path, line.p, line.len, e);
	if (!rc)
		rc = draft_queue(w, o, e);
	w->n_tokens += made->n_tokens;
	snprintf(rate, sizeof rate, "%.0f tokens/s", (double)w->n_tokens / (now_s() - w->t_start));
	progress_update(&w->progress, (double)++w->n_done, rate);
	json_decref(o);
	buf_release(&text);
	buf_release(&line);
	return rc;
}

/* ---- prompts ------------------------------------------------------------------------------------------------------------------------ */

/* Brief and passages as what the draft may say. */
static int item_ground(struct item *it, struct err *e)
{
	struct evidence_text told[PASSAGES_SHOWN + 2] = {
		{"", "", it->brief->field[BRIEF_POINTS]}, {"", "", it->brief->field[BRIEF_AUDIENCE]}};
	size_t n = 2, i;
	const json_t *one;
	json_array_foreach (it->evidence, i, one)
		told[n++] = (struct evidence_text){json_string_value(json_object_get(one, "source")),
			json_string_value(json_object_get(one, "heading")), json_string_value(json_object_get(one, "text"))};
	return evidence_of(&it->told, told, n, e);
}

/* The brief as the model gets it, with as many passages as leave room. */
static int item_prepare(struct writing *w, struct item *it, struct err *e)
{
	const struct search_prompt p = {.model = w->o->model,
		.front = w->front.messages,
		.n_front = w->front.n_messages,
		.answer_tokens = w->o->generate.max_tokens};
	struct search_hits hits = {0};
	size_t n = 0;
	int rc = brief_prompt(it->brief, &it->prompt, e);
	if (!rc && w->search)
		rc = search_find(w->search, it->brief->field[BRIEF_POINTS], PASSAGES_SHOWN, &hits, e);
	if (!rc)
		rc = search_prompt(&p, &hits, it->prompt.p, &it->ids, &n, e);
	it->evidence = json_array();
	for (size_t i = 0; i < n && !rc; i++)
		json_array_append_new(it->evidence,
			json_pack("{s:s, s:s, s:s}", "source", hits.p[i].source, "heading", hits.p[i].heading, "text",
				hits.p[i].text));
	search_hits_release(&hits);
	if (!rc && w->o->grounded)
		rc = item_ground(it, e);
	return rc ? err_prefix(e, "brief %s", it->brief->id) : 0;
}

/* The messages of the arm's prompt, if it has one. */
static int front_read(struct writing *w, struct err *e)
{
	json_t *o = NULL;
	const char *path = w->o->arm->prompt;
	int rc = *path ? json_file(&o, path, PROMPT_BYTES_MAX, e) : 0;
	return rc || !o ? rc : row_parse(&w->front, o, path, 1, e);
}

static int some_write(struct writing *w, size_t n, struct err *e)
{
	struct ids prompts[AT_ONCE];
	int rc = 0;
	for (size_t i = 0; i < n && !rc; i++) {
		rc = item_prepare(w, &w->item[i], e);
		prompts[i] = w->item[i].ids;
	}
	struct generate_job job = {
		.prompts = prompts, .n = n, .options = w->o->generate, .on_answer = draft_keep, .context = w, .stop = w->o->stop};
	if (!rc)
		rc = generate_many(w->o->model, w->o->lora, &job, e);
	for (size_t i = 0; i < n; i++) {
		ids_release(&w->item[i].ids);
		buf_release(&w->item[i].prompt);
		json_decref(w->item[i].evidence);
		evidence_free(w->item[i].told);
		w->item[i] = (struct item){0};
	}
	return rc;
}

/* ---- what is there already ---------------------------------------------------------------------------------------------------------- */

static int draft_seen(void *context, const json_t *o, struct err *e)
{
	static const char *const names[] = {"id", "type", "prompt", "text", "origin"};
	struct writing *w = context;
	bool good = json_is_array(json_object_get(o, "evidence")) && json_is_array(json_object_get(o, "findings"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		good = good && json_is_string(json_object_get(o, names[i]));
	if (!good)
		return err_set(e, ERR_DATA, "expected a draft as attune write makes them; give another --out");
	const char *origin = json_string_value(json_object_get(o, "origin"));
	if (strcmp(origin, w->o->origin))
		return err_set(
			e, ERR_DATA, "expected a draft written by %s, found one by %s; give another --out", w->o->origin, origin);
	if (json_object_set_new(w->there, json_string_value(json_object_get(o, "id")), json_true()))
		return err_set(e, ERR_RESOURCE, "out of memory");
	return draft_queue(w, o, e); /* the program may have died between file and queue */
}

/* Reads the drafts of a run before; a line that was cut goes. */
static int before_read(struct writing *w, struct err *e)
{
	struct buf file = {0};
	if (!file_exists(w->path))
		return 0;
	int rc = file_read(w->path, DRAFTS_BYTES_MAX, &file, e);
	size_t whole = file.len;
	while (whole && file.p[whole - 1] != '\n')
		whole--;
	if (!rc && whole < file.len)
		rc = file_replace(w->path, file.len ? file.p : "", whole, e);
	buf_release(&file);
	if (!rc && whole)
		rc = jsonl_each(w->path, draft_seen, w, e);
	w->done->n_before = w->done->n_drafts;
	return rc;
}

static int all_write(struct writing *w, const struct briefs *b, struct err *e)
{
	size_t n = 0, n_left = 0;
	int rc = 0;
	for (size_t i = 0; i < b->n; i++)
		n_left += !json_object_get(w->there, b->p[i].id);
	if (!n_left)
		return 0;
	w->n_done = b->n - n_left;
	w->t_start = now_s();
	progress_begin(&w->progress, "writing", "drafts", (double)b->n);
	for (size_t i = 0; i < b->n && !rc; i++) {
		if (!json_object_get(w->there, b->p[i].id))
			w->item[n++].brief = &b->p[i];
		if (n == AT_ONCE || (n && i + 1 == b->n)) {
			rc = some_write(w, n, e);
			n = 0;
		}
	}
	progress_end(&w->progress);
	return rc == ERR_STOPPED ? err_set(e, ERR_STOPPED, "stopped while writing drafts; run the same command again to go on")
				 : rc;
}

int flow_write(const struct flow_write_options *o, struct flow_written *out, struct err *e)
{
	struct briefs briefs = {0};
	struct writing w = {.o = o, .done = out, .there = json_object()};
	*out = (struct flow_written){0};
	int rc = briefs_read(&briefs, o->in, e), lock = -1;
	if (!rc)
		rc = dir_make(o->out, e);
	if (!rc)
		rc = dir_lock(&lock, o->out, e);
	if (!rc)
		rc = path_join(w.path, sizeof w.path, e, o->out, "drafts.jsonl");
	if (!rc)
		rc = reviews_open(&w.reviews, o->reviews, e);
	if (!rc && o->data)
		rc = lint_open(&w.lint, o->data, e);
	if (!rc)
		rc = front_read(&w, e);
	if (!rc && o->data && o->arm->passages)
		rc = search_open(&w.search, o->data, o->embedder, e);
	if (!rc)
		rc = before_read(&w, e);
	if (!rc)
		rc = all_write(&w, &briefs, e);
	out->n_bad = briefs.n_bad;
	if (lock >= 0)
		dir_unlock(lock);
	search_close(w.search);
	lint_free(w.lint);
	reviews_close(w.reviews);
	row_release(&w.front);
	json_decref(w.there);
	briefs_release(&briefs);
	return rc;
}
