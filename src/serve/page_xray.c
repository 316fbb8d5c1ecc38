/*
 * X-ray: an answer as the model's tokens, so that it can be scored with and without an adapter, and what the data folder says about it: claims with
 * and without support, forbidden terms. The scores themselves come from /v1/completions. Reference: page.h.
 */
#include "serve/page.h"
#include "serve/pending.h"

#include <string.h>

#include "data/data.h"
#include "format/format.h"
#include "search/search.h"

enum { TEXT_MAX = 64 << 10 };

/* Opened when somebody first looks: most servers never need it. */
struct xray {
	struct terms terms;
	bool open;
};

static int knowledge_open(struct page *page, struct err *e)
{
	char path[PATH_SIZE];
	struct xray *x = page->xray;
	if (x && x->open)
		return 0;
	if (!x && !(x = page->xray = mem_alloc(1, sizeof *x, e)))
		return ERR_RESOURCE;
	int rc = path_join(path, sizeof path, e, page->o->data, "terms.yaml");
	if (!rc && file_exists(path))
		rc = terms_read(&x->terms, path, e);
	x->open = !rc;
	return rc;
}

void xray_close(struct xray *x)
{
	if (!x)
		return;
	terms_release(&x->terms);
	mem_free(x);
}

/* ---- what the data folder says -------------------------------------------------------------------------------------------------------- */

/* Adds {"kind", "start", "end", ...}: bytes of the answer. */
static void claims_add(json_t *marks, const struct evidence_claims *claims)
{
	for (size_t i = 0; i < claims->n; i++) {
		const struct evidence_claim *c = &claims->p[i];
		json_array_append_new(marks,
			json_pack("{s:s, s:I, s:I, s:s, s:s, s:s}", "kind", c->supported ? "supported" : "unsupported", "start",
				(json_int_t)c->start, "end", (json_int_t)c->end, "source", c->path, "heading", c->heading,
				"instead", c->instead));
	}
}

static void terms_add(json_t *marks, const struct terms *t, const char *text)
{
	size_t term = 0, n;
	bool preferred = false;
	for (size_t i = 0; text[i]; i += n ? n : 1) {
		n = terms_match(t, text, i, &term, &preferred);
		if (n && !preferred)
			json_array_append_new(marks,
				json_pack("{s:s, s:I, s:I, s:s}", "kind", "term", "start", (json_int_t)i, "end",
					(json_int_t)(i + n), "instead", t->p[term].preferred));
	}
}

struct wanted {
	const json_t *marks;
	json_t *sources;
};

/* A section that a claim leans on, once. */
static int section_take(void *context, const json_t *section, struct err *e)
{
	struct wanted *w = context;
	const json_t *mark, *path = json_object_get(section, "path"), *heading = json_object_get(section, "heading");
	size_t i;
	(void)e;
	json_array_foreach (w->marks, i, mark) {
		if (json_equal((json_t *)(uintptr_t)path, json_object_get(mark, "source")) &&
			json_equal((json_t *)(uintptr_t)heading, json_object_get(mark, "heading"))) {
			json_array_append_new(w->sources,
				json_pack("{s:O, s:O, s:O}", "source", path, "heading", heading, "text",
					json_object_get(section, "text")));
			break;
		}
	}
	return 0;
}

int xray_marks(struct server *s, const char *question, const char *answer, json_t *marks, json_t *sources, struct err *e)
{
	struct wanted wanted = {.marks = marks, .sources = sources};
	struct evidence_claims claims;
	struct arena a;
	char path[PATH_SIZE];
	if (!s->o->data)
		return 0;
	arena_init(&a, 1 << 16);
	int rc = knowledge_open(s->page, e);
	if (!rc)
		rc = evidence_check(s->evidence, question, answer, &a, &claims, e);
	if (!rc) {
		claims_add(marks, &claims);
		terms_add(marks, &s->page->xray->terms, answer);
		rc = path_join(path, sizeof path, e, s->o->data, "sections.jsonl");
	}
	if (!rc)
		rc = jsonl_each(path, section_take, &wanted, e);
	arena_release(&a);
	return rc;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------------------------------- */

/* {"id", "text", "start", "end"} of each token of the answer; what stands in front of it in its first token counts for nothing. */
static json_t *tokens_json(const struct tokenizer *t, const struct sample *s, size_t first, const char *answer, struct err *e)
{
	json_t *list = json_array();
	struct buf whole = {0};
	size_t n, front = 0, at = 0, length = strlen(answer);
	if (tokenizer_decode(t, s->ids + first, s->n - first, true, &whole, e))
		goto done;
	const char *found = whole.len ? memmem(whole.p, whole.len, answer, length) : NULL;
	front = found ? (size_t)(found - whole.p) : 0;
	for (size_t i = first; i < s->n; i++) {
		const char *p = tokenizer_bytes(t, s->ids[i], &n);
		size_t from = at < front ? 0 : at - front, to = at + n < front ? 0 : at + n - front;
		json_array_append_new(list,
			json_pack("{s:i, s:o, s:I, s:I}", "id", s->ids[i], "text", json_text(p, n), "start",
				(json_int_t)(from < length ? from : length), "end", (json_int_t)(to < length ? to : length)));
		at += n;
	}
done:
	buf_release(&whole);
	return list;
}

static json_t *ids_json(const struct sample *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(list, json_integer(s->ids[i]));
	return list;
}

/* The conversation's ids as training has them, and its marks. */
static json_t *xray_make(struct server *s, const char *question, const char *asked, const char *answer, struct err *e)
{
	const struct encoder *encoder = model_encoder(engine_model(s->engine));
	struct message messages[] = {{.role = "user", .content = asked}, {.role = "assistant", .content = answer, .train = true}};
	const struct row row = {.kind = ROW_MESSAGES, .messages = messages, .n_messages = 2};
	struct sample sample = {0};
	json_t *out = NULL, *marks = json_array(), *sources = json_array();
	int rc = row_sample(&sample, &row, encoder, false, e);
	if (!rc)
		rc = xray_marks(s, question, answer, marks, sources, e);
	if (!rc) {
		size_t first = 0;
		while (first < sample.n && !sample.scored[first])
			first++;
		while (sample.n && !sample.scored[sample.n - 1]) /* what the template writes behind the end of a turn */
			sample.n--;
		out = json_pack("{s:o, s:I, s:o, s:O, s:O, s:b}", "ids", ids_json(&sample), "first", (json_int_t)first, "tokens",
			tokens_json(encoder->tokenizer, &sample, first, answer, e), "marks", marks, "sources", sources, "has_data",
			s->o->data != NULL);
	}
	json_decref(marks);
	json_decref(sources);
	sample_release(&sample);
	return out;
}

/* A look at one answer. */
struct look {
	struct pending pending;
	json_t *body;
	const char *question, *answer;
	struct buf asked; /* the question with passages in front, or nothing */
};

static void look_free(struct pending *p)
{
	struct look *l = (struct look *)p;
	json_decref(l->body);
	buf_release(&l->asked);
	mem_free(l);
}

static int find_passages(struct task *t, bool *more, struct problem *p)
{
	struct look *l = (struct look *)t;
	struct search_hits hits;
	struct err e = {0};
	(void)more;
	int rc = search_ask(l->pending.server->search, l->question, &hits, &l->asked, &e);
	search_hits_release(&hits);
	return rc ? problem_from(p, "question", &e) : 0;
}

static void look_reply(struct look *l, struct problem *p)
{
	struct http_request *r = l->pending.r;
	struct err e = {0};
	json_t *out = NULL;
	if (!p->status) {
		out = xray_make(l->pending.server, l->question, l->asked.len ? l->asked.p : l->question, l->answer, &e);
		if (!out)
			problem_from(p, "answer", &e);
	}
	l->pending.r = NULL;
	page_reply(r, p, out);
	pending_free(&l->pending);
}

static void look_go_on(struct pending *p)
{
	struct problem none = {0};
	look_reply((struct look *)p, &none);
}

void xray_post(struct server *s, struct http_request *r, const char *rest)
{
	struct problem p = {0};
	struct look *l = pending_new(sizeof *l, s, r);
	(void)rest;
	if (!l)
		return;
	l->pending.go_on = look_go_on;
	l->pending.free = look_free;
	l->body = page_body(r, &p);
	l->question = l->body ? page_text(l->body, "question", TEXT_MAX, &p) : NULL;
	l->answer = l->question ? page_text(l->body, "answer", TEXT_MAX, &p) : NULL;
	bool rag = l->answer && s->search && json_is_true(json_object_get(l->body, "rag"));
	if (!rag || pending_compute(&l->pending, find_passages, &p))
		look_reply(l, &p);
}
