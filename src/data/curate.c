/*
 * data_curate: the stages in their order. Reference: data.h.
 */
#include "data/corpus.h"

#include <string.h>

#include "data/candidates.h"
#include "data/contradict.h"
#include "data/dataset.h"
#include "data/dialogue.h"
#include "data/fact.h"
#include "data/ground.h"
#include "data/ledger.h"
#include "data/names.h"
#include "data/pairs.h"
#include "data/phrase.h"
#include "data/refuse.h"
#include "data/scrub.h"
#include "data/settle.h"
#include "data/split.h"
#include "data/terms.h"
#include "data/terms_merge.h"

static int document_items(struct maker *m, struct err *e)
{
	int rc = 0;
	bool guide = document_is_guide(m->document);
	for (size_t i = 0; i < m->document->n_sections && rc == 0; i++) {
		m->section = &m->document->sections[i];
		rc = m->document->kind == DOCUMENT_PAGE ? pairs_from_section(m, e) : pairs_from_turns(m, e);
		for (size_t k = 0; k < m->section->n_blocks && rc == 0; k++) {
			const struct block *b = &m->document->blocks[m->section->block + k];
			if (b->kind == BLOCK_TURN && strcmp(b->speaker, "support"))
				continue; /* who asks states no facts */
			if (b->kind == BLOCK_TABLE)
				rc = guide ? 0 : pairs_from_table(m, b, e); /* a guide's are about words: terms.c */
			else if (b->kind != BLOCK_CODE && !b->bold)
				rc = facts_from_block(m, b, e);
		}
	}
	return rc;
}

/* What a document says, and what is needed on the way. */
struct said {
	struct arena scratch, kept;
	struct items items, unasked;
	size_t first; /* the number of the first item */
	int rc;
	struct err e;
};

static struct maker maker_of(const struct maker *m, struct said *s, const struct document *d)
{
	struct maker own = *m;
	own.arena = &s->scratch;
	own.kept = &s->kept;
	own.items = &s->items;
	own.words_later = true;
	own.document = d;
	return own;
}

static void document_say(const struct maker *m, struct said *s, const struct document *d)
{
	struct maker own = maker_of(m, s, d);
	s->items.n = s->unasked.n = 0;
	s->rc = d->skipped || d->unseen ? 0 : document_items(&own, &s->e);
	if (s->rc == 0 && !d->skipped)
		s->rc = ledger_document(&own, &s->unasked, 0, &s->e);
}

static void document_word(const struct maker *m, struct said *s, const struct document *d)
{
	const struct maker own = maker_of(m, s, d);
	for (size_t i = 0; i < s->items.n && s->rc == 0; i++)
		s->rc = item_word(&own, &s->items.p[i], s->first + i, i ? &s->items.p[i - 1] : NULL, &s->e);
	arena_reset(&s->scratch);
}

/* In the order of the documents. */
static int said_add(struct maker *m, const struct said *s, struct items *unasked, struct err *e)
{
	int rc = s->rc ? err_set(e, s->rc, "%s", s->e.text) : 0;
	for (size_t i = 0; i < s->items.n && rc == 0; i++)
		rc = items_add(m->items, &s->items.p[i], e);
	for (size_t i = 0; i < s->unasked.n && rc == 0; i++)
		rc = items_add(unasked, &s->unasked.p[i], e);
	return rc;
}

/*
 * What the documents say, some of them at a time on all threads: first what is asked, then, since its number seeds the wording of an item, the
 * words. The bytes of pages go with it.
 */
static int items_make(struct maker *m, struct corpus *c, struct items *unasked, struct err *e)
{
	enum { DOCUMENTS = 32, SCRATCH_BYTES = 1 << 18, TRIM_BYTES = 8 << 20 };
	struct said *s = mem_alloc(DOCUMENTS, sizeof *s, e);
	size_t freed = 0;
	int rc = s ? 0 : ERR_RESOURCE;
	for (size_t i = 0; s && i < DOCUMENTS; i++) {
		arena_init(&s[i].scratch, SCRATCH_BYTES);
		arena_init(&s[i].kept, SCRATCH_BYTES);
	}
	for (size_t first = 0; first < c->n && rc == 0; first += DOCUMENTS) {
		struct document *d = c->d + first;
		size_t n = c->n - first < DOCUMENTS ? c->n - first : DOCUMENTS, number = m->items->n;
#pragma omp parallel for schedule(dynamic)
		for (size_t i = 0; i < n; i++)
			document_say(m, &s[i], &d[i]);
		for (size_t i = 0; i < n; number += s[i++].items.n)
			s[i].first = number;
#pragma omp parallel for schedule(dynamic)
		for (size_t i = 0; i < n; i++)
			document_word(m, &s[i], &d[i]);
		for (size_t i = 0; i < n && rc == 0; i++)
			rc = said_add(m, &s[i], unasked, e);
		for (size_t i = 0; i < n; i++) {
			freed += d[i].own ? d[i].size : 0;
			document_forget(&d[i]);
		}
		if (freed > TRIM_BYTES) { /* other threads' memory is made elsewhere than where the pages were read */
			mem_trim();
			freed = 0;
		}
	}
	for (size_t i = 0; s && i < DOCUMENTS; i++) {
		arena_join(m->kept, &s[i].kept);
		arena_release(&s[i].scratch);
		mem_free(s[i].items.p);
		mem_free(s[i].unasked.p);
	}
	mem_free(s);
	mem_trim();
	return rc;
}

/* Reads what was opened, without personal data unless it is to stay. */
static int documents_read(struct scrub *s, struct corpus *c, const struct data_options *o, struct data_summary *out, struct err *e)
{
	int rc = o->scrub_pii ? scrub_files(s, c, o->in, e) : 0;
	if (rc == 0)
		rc = corpus_read(c, o->in, out, e);
	if (rc == 0 && o->scrub_pii)
		rc = scrub_texts(s, c, e);
	for (size_t i = 0; i < s->n && rc == 0; i++)
		out->n_pii[s->place[i].kind]++;
	mem_trim(); /* trees of pages, 120 of 360 MB where there are 100 MB of them */
	return rc;
}

int data_curate(const struct data_options *o, struct data_summary *out, struct err *e)
{
	struct corpus c;
	struct items items = {0}, unasked = {0};
	struct contradictions contradictions = {0};
	struct terms terms = {0};
	struct names *names = NULL;
	struct unseen_text *unseen;
	size_t n_unseen, n_open = 0, n_given = 0;
	struct scrub scrub = {0};
	memset(out, 0, sizeof *out);
	int rc = corpus_open(&c, o->in, e);
	if (rc < 0 || (rc = documents_read(&scrub, &c, o, out, e)) < 0 || (rc = names_new(&names, c.d, c.n, e)) < 0)
		goto done;
	split_documents(c.d, c.n, o->seed); /* before anything is made of them */
	struct maker m = {.options = o, .arena = &c.arena, .kept = &c.arena, .names = names, .items = &items};
	for (size_t i = 0; i < c.n; i++) {
		out->n_unseen += c.d[i].unseen;
		n_given += c.d[i].kind == DOCUMENT_ROW && !c.d[i].skipped;
	}
	if ((rc = terms_find(&terms, c.d, c.n, names, e)) < 0 || (rc = candidates_find(&terms, c.d, c.n, e)) < 0 ||
		(rc = items_make(&m, &c, &unasked, e)) < 0)
		goto done;
	if (rc == 0 && !items.n && !n_given)
		rc = err_set(e, ERR_DATA,
			"%s: the documents hold nothing to ask about: no value, table, definition, question or list of steps was "
			"found",
			o->in);
	if (rc < 0 || (rc = contradictions_find(&contradictions, &items, names, e)) < 0 ||
		(rc = settle_read(&contradictions, &items, o->in, e)) < 0 || (rc = refusals_make(&m, c.d, c.n, e)) < 0 ||
		(rc = grounded_make(&m, c.d, c.n, e)) < 0 || (rc = terms_merge(&terms, o->in, e)) < 0 ||
		(rc = unseen_texts(&unseen, &n_unseen, c.d, c.n, &c.arena, e)) < 0)
		goto done;
	if (o->scrub_pii && (rc = scrub_terms(&scrub, &terms, e)) < 0)
		goto done;
	const struct dataset made = {.documents = c.d,
		.n_documents = c.n,
		.items = &items,
		.unasked = &unasked,
		.unseen = unseen,
		.n_unseen = n_unseen,
		.duplicates = &c.duplicates,
		.contradictions = &contradictions,
		.terms = &terms,
		.scrub = o->scrub_pii ? &scrub : NULL};
	rc = dataset_write(o, &made, out, e);
	if (rc == 0)
		scrub_log(&scrub);
	for (size_t i = 0; i < contradictions.n; i++)
		n_open += contradictions.p[i].settled == SETTLED_NOT;
	if (rc == 0 && n_open)
		log_line(LOG_WARNING,
			"%zu %s of facts contradict each other and are left out: contradictions.jsonl; attune curate --settle asks "
			"which is right",
			n_open, n_open == 1 ? "pair" : "pairs");
done:
	scrub_release(&scrub);
	terms_release(&terms);
	names_free(names);
	mem_free(items.p);
	mem_free(unasked.p);
	mem_free(contradictions.p);
	corpus_release(&c);
	if (rc < 0)
		memset(out, 0, sizeof *out);
	return rc;
}

int data_is_current(const struct data_options *o, bool *current, struct data_summary *out, struct err *e)
{
	struct corpus c;
	char key[65];
	*current = false;
	int rc = corpus_open(&c, o->in, e);
	if (rc == 0)
		rc = dataset_key(o, c.d, c.n, key, e);
	if (rc == 0)
		rc = manifest_is_current(o->out, key, current, out, e);
	corpus_release(&c);
	return rc;
}

int data_pii(const struct data_options *o, struct pii_places *out, struct err *e)
{
	struct corpus c;
	struct scrub s = {0};
	struct data_summary sum = {0};
	struct data_options all = *o;
	*out = (struct pii_places){0};
	arena_init(&out->arena, 1 << 16);
	all.scrub_pii = true;
	int rc = corpus_open(&c, o->in, e);
	if (rc == 0)
		rc = documents_read(&s, &c, &all, &sum, e);
	for (size_t i = 0; i < s.n && rc == 0; i++) {
		s.place[i].path = arena_strdup(&out->arena, s.place[i].path, strlen(s.place[i].path), e);
		rc = s.place[i].path ? 0 : ERR_RESOURCE;
	}
	if (rc == 0) {
		out->p = s.place;
		out->n = s.n;
		s.place = NULL;
	}
	scrub_release(&s);
	corpus_release(&c);
	return rc;
}

void pii_places_release(struct pii_places *p)
{
	mem_free(p->p);
	arena_release(&p->arena);
	*p = (struct pii_places){0};
}
