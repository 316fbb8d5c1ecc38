/*
 * Personal data out of the documents. Reference: scrub.h.
 */
#include "data/scrub.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "data/encoding.h"
#include "data/json_view.h"
#include "data/person.h"
#include "data/tickets.h"
#include "data/walk.h"
#include "format/format.h"

enum { COLUMNS_MAX = 256, ALLOW_BYTES_MAX = 1 << 20, PATTERN_BYTES = 256 };

static const char *const placeholder[PII_KINDS] = {[PII_EMAIL] = "user@example.com",
	[PII_PHONE] = "000-000-0000",
	[PII_CARD] = "0000 0000 0000 0000",
	[PII_IBAN] = "XX00 0000 0000 0000",
	[PII_IP] = "192.0.2.1",
	[PII_MAC] = "00:00:00:00:00:00",
	[PII_SSN] = "000-00-0000",
	[PII_JWT] = "eyJ...",
	[PII_SECRET] = "YOUR_SECRET",
	[PII_PRIVATE_KEY] = "-----BEGIN PRIVATE KEY-----...-----END PRIVATE KEY-----",
	[PII_URL_CREDENTIALS] = "user:password",
	[PII_PERSON] = "customer"};

void scrub_release(struct scrub *s)
{
	mem_free(s->place);
	mem_free(s->item);
	mem_free(s->kind);
	mem_free(s->slot);
	mem_free(s->next);
	mem_free((void *)s->allow.p);
	*s = (struct scrub){0};
}

/* ---- what is allowed ---------------------------------------------------------------------------------------------------------- */

static int allow_read(struct scrub *s, const char *in, struct err *e)
{
	char path[PATH_SIZE];
	struct buf b = {0};
	int rc = dir_exists(in) ? path_join(path, sizeof path, e, in, DATA_PII_ALLOW) : 1;
	if (rc || !file_exists(path))
		return rc < 0 ? rc : 0;
	rc = file_read(path, ALLOW_BYTES_MAX, &b, e);
	char *text = rc == 0 ? mem_alloc(b.len + 1, 1, e) : NULL;
	if (text) {
		memcpy(text, b.p ? b.p : "", b.len);
		s->allow = (struct str){text, b.len};
	}
	buf_release(&b);
	return text ? 0 : rc < 0 ? rc : ERR_RESOURCE;
}

/* Is there a line that is the item, or a pattern of it ("*@brix.io")? Letters match in either case. */
static bool is_allowed(const struct scrub *s, struct str item)
{
	char pattern[PATTERN_BYTES], text[PATTERN_BYTES];
	if (item.n >= sizeof text)
		return false;
	memcpy(text, item.p, item.n);
	text[item.n] = 0;
	for (size_t at = 0, n; at < s->allow.n; at += n + 1) {
		const char *line = s->allow.p + at, *nl = memchr(line, '\n', s->allow.n - at);
		n = nl ? (size_t)(nl - line) : s->allow.n - at;
		size_t len = n && line[n - 1] == '\r' ? n - 1 : n;
		if (!len || len >= sizeof pattern || *line == '#')
			continue;
		memcpy(pattern, line, len);
		pattern[len] = 0;
		if (!fnmatch(pattern, text, FNM_CASEFOLD | FNM_NOESCAPE))
			return true;
	}
	return false;
}

/* ---- finding ------------------------------------------------------------------------------------------------------------------ */

/* By their form, as they stand or coded. */
static int form_find(struct piis *out, struct str t, bool published, struct err *e)
{
	struct piis plain = {0}, coded = {0};
	int rc = pii_find(&plain, t, published, e);
	if (rc == 0)
		rc = pii_find_coded(&coded, t, published, e);
	if (rc == 0)
		rc = piis_merge(out, &plain, &coded, e);
	piis_release(&plain);
	piis_release(&coded);
	return rc;
}

static void piis_allow(const struct scrub *s, struct piis *v, const char *text)
{
	size_t kept = 0;
	for (size_t i = 0; i < v->n; i++)
		if (!is_allowed(s, (struct str){text + v->p[i].span.start, v->p[i].span.end - v->p[i].span.start}))
			v->p[kept++] = v->p[i];
	v->n = kept;
}

/* What was found elsewhere and stands here without the words that gave it away. */
static int again_find(const struct scrub *s, struct piis *v, struct str text, struct err *e)
{
	struct piis again = {0}, all = {0};
	struct pii item = {.score = PII_ENOUGH};
	int rc = 0;
	for (size_t at = 0, n; rc == 0 && scrub_match(s, text, &at, &n, &item.kind); at += n) {
		item.span = (struct span){at, at + n};
		rc = piis_add(&again, item, e);
	}
	if (rc == 0 && again.n)
		rc = piis_merge(&all, v, &again, e);
	if (rc == 0 && again.n) {
		piis_release(v);
		*v = all;
		all = (struct piis){0};
	}
	piis_release(&again);
	piis_release(&all);
	return rc;
}

int scrub_find(const struct scrub *s, struct piis *out, struct str head, struct str text, bool published, struct err *e)
{
	struct piis form = {0}, cell = {0};
	int rc = form_find(&form, text, published, e);
	if (rc == 0)
		rc = pii_find_cell(&cell, head, text, 0, published, e);
	if (rc == 0)
		rc = piis_merge(out, &form, &cell, e);
	piis_release(&form);
	piis_release(&cell);
	if (rc < 0)
		return rc;
	piis_allow(s, out, text.p);
	return again_find(s, out, text, e);
}

/* Tickets, given rows and captions are what people said to each other, and no page. */
static bool is_published(const char *path)
{
	enum walk_kind kind = walk_kind(path);
	return kind != WALK_TICKETS && kind != WALK_JSON && kind != WALK_CAPTIONS;
}

/* In the cells of a table that stands as CSV. */
static int cells_find(struct piis *out, struct str t, struct err *e)
{
	struct str head[COLUMNS_MAX];
	size_t n_heads = 0, mark = t.n >= 3 && !memcmp(t.p, "\xef\xbb\xbf", 3) ? 3 : 0;
	char sign = (char)data_csv_delimiter(t.p + mark, t.n - mark);
	bool first = true;
	int rc = 0;
	for (size_t at = mark, k = 0, n; at < t.n && rc == 0; at += n + 1) {
		n = csv_field_length(t, at, sign);
		struct str cell = {t.p + at, n};
		if (first && k < COLUMNS_MAX)
			head[n_heads++] = cell;
		else if (!first && k < n_heads)
			rc = pii_find_cell(out, head[k], cell, at, false, e);
		bool ends = at + n < t.n && t.p[at + n] == '\n';
		first &= !ends;
		k = ends ? 0 : k + 1;
	}
	return rc;
}

/* By their form, not yet names. `d`: of JSON its view. */
static int file_find(const struct scrub *s, struct piis *out, const struct document *d, struct err *e)
{
	struct piis form = {0}, cells = {0};
	struct str t = {d->bytes, d->size};
	int rc = form_find(&form, t, is_published(d->path), e);
	if (rc == 0 && walk_kind(d->path) == WALK_TICKETS)
		rc = cells_find(&cells, t, e);
	if (rc == 0)
		rc = piis_merge(out, &form, &cells, e);
	if (rc == 0)
		piis_allow(s, out, d->bytes);
	piis_release(&form);
	piis_release(&cells);
	return rc;
}

/* Adds names, which give way where they meet something else; theirs is `text`. Releases them. */
static int names_merge(const struct scrub *s, struct piis *v, struct piis *names, const char *text, struct err *e)
{
	struct piis all = {0};
	piis_allow(s, names, text);
	int rc = piis_merge(&all, v, names, e);
	if (rc == 0) {
		piis_release(v);
		*v = all;
		all = (struct piis){0};
	}
	piis_release(names);
	piis_release(&all);
	return rc;
}

static int place_add(struct scrub *s, const char *path, const struct pii *item, size_t line, struct err *e)
{
	if (mem_reserve(&s->place, s->n, &s->cap, sizeof *s->place, e))
		return ERR_RESOURCE;
	s->place[s->n++] = (struct pii_place){.path = path,
		.line = line,
		.start = item->span.start,
		.end = item->span.end,
		.kind = item->kind,
		.score = (double)item->score};
	return 0;
}

/* ---- replacing ----------------------------------------------------------------------------------------------------------------- */

size_t document_place(const struct document *d, size_t at)
{
	size_t low = 0, high = d->n_edits; /* the number of edits that begin at or before `at` */
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (d->edits[mid].at <= at)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return at;
	const struct edit *k = &d->edits[low - 1];
	size_t into = at - k->at;
	return into < k->n ? k->source + (into < k->source_n ? into : k->source_n) : k->source + k->source_n + into - k->n;
}

int scrub_replace(struct buf *out, struct edit *edits, struct str text, const struct piis *v, struct err *e)
{
	size_t at = 0;
	int rc = 0;
	for (size_t i = 0; i < v->n && rc == 0; i++) {
		const struct pii *k = &v->p[i];
		const char *as = k->as ? k->as : placeholder[k->kind];
		rc = buf_append(out, text.p + at, k->span.start - at, e);
		if (edits)
			edits[i] = (struct edit){out->len, strlen(as), k->span.start, k->span.end - k->span.start};
		if (rc == 0)
			rc = buf_puts(out, as, e);
		at = k->span.end;
	}
	return rc < 0 ? rc : buf_append(out, text.p + at, text.n - at, e);
}

static int file_replace_items(struct scrub *s, struct document *d, const struct piis *v, struct arena *a, struct err *e)
{
	struct buf b = {0};
	size_t line = 1, at = 0;
	int rc = 0;
	for (size_t i = 0; i < v->n && rc == 0; i++) {
		for (; at < v->p[i].span.start; at++)
			line += d->bytes[at] == '\n';
		rc = place_add(s, d->path, &v->p[i], line, e);
	}
	struct edit *edits = rc == 0 && v->n ? arena_alloc(a, v->n, sizeof *edits, e) : NULL;
	if (rc < 0 || !v->n || !edits)
		return rc < 0 ? rc : v->n ? ERR_RESOURCE : 0;
	rc = scrub_replace(&b, edits, (struct str){d->bytes, d->size}, v, e);
	if (rc == 0 && !d->own && !(d->bytes = arena_strdup(a, b.p, b.len, e)))
		rc = ERR_RESOURCE;
	if (rc == 0) {
		d->size = b.len;
		d->edits = edits;
		d->n_edits = v->n;
	}
	if (rc == 0 && d->own) {
		document_forget(d);
		d->bytes = d->own = b.p;
		b = (struct buf){0};
	}
	buf_release(&b);
	return rc;
}

/* A file as it is searched, and what was found in it. */
struct search {
	struct document view; /* the document itself, but of JSON json_view; without bytes it is not searched */
	struct piis found;
};

static int views_make(struct search *v, struct corpus *c, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < c->n && rc == 0; i++) {
		enum walk_kind kind = walk_kind(c->d[i].path);
		if (!c->d[i].bytes || c->d[i].skipped || (rc = encoding_convert(&c->d[i], kind == WALK_HTML, &c->arena, e)) < 0 ||
			c->d[i].skipped)
			continue;
		v[i].view = c->d[i];
		if (kind == WALK_JSON)
			rc = json_view(&v[i].view, &c->d[i], &c->arena, e);
	}
	return rc;
}

/* What every file holds by its form (`again`: that is known from others), on all threads; what is found does not depend on their number. */
static int files_find(const struct scrub *s, struct search *v, size_t n, bool again, struct err *e)
{
	int rc = 0;
#pragma omp parallel for schedule(dynamic)
	for (size_t i = 0; i < n; i++) {
		struct err why = {0};
		struct str text = {v[i].view.bytes, v[i].view.size};
		int failed = !text.p ? 0
			: again      ? again_find(s, &v[i].found, text, &why)
				     : file_find(s, &v[i].found, &v[i].view, &why);
#pragma omp critical
		if (failed && !rc)
			rc = err_set(e, failed, "%s", why.text);
	}
	return rc;
}

static int items_add_found(struct scrub *s, const struct search *v, struct arena *a, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < v->found.n && rc == 0; i++) {
		struct span span = v->found.p[i].span;
		rc = scrub_item_add(s, v->found.p[i].kind, (struct str){v->view.bytes + span.start, span.end - span.start}, a, e);
	}
	return rc;
}

/* Names that are found in the file as well, and everything of it replaced. */
static int file_scrub(struct scrub *s, struct document *d, struct search *v, struct arena *a, struct err *e)
{
	struct piis names = {0};
	int rc = pii_names_find(&names, &v->view, a, e);
	if (rc == 0)
		rc = names_merge(s, &v->found, &names, v->view.bytes, e);
	piis_release(&names);
	for (size_t k = 0; k < v->found.n; k++) {
		struct span *span = &v->found.p[k].span;
		*span = (struct span){document_place(&v->view, span->start), document_place(&v->view, span->end)};
	}
	return rc < 0 ? rc : file_replace_items(s, d, &v->found, a, e);
}

int scrub_files(struct scrub *s, struct corpus *c, const char *in, struct err *e)
{
	struct search *search = mem_alloc(c->n + 1, sizeof *search, e);
	int rc = search ? allow_read(s, in, e) : ERR_RESOURCE;
	if (rc == 0)
		rc = views_make(search, c, e);
	if (rc == 0)
		rc = files_find(s, search, c->n, false, e);
	for (size_t i = 0; i < c->n && rc == 0; i++)
		rc = items_add_found(s, &search[i], &c->arena, e);
	for (size_t i = 0; i < c->n && rc == 0; i++) {
		rc = scrub_path(s, &c->d[i], &c->arena, e);
		search[i].view.path = c->d[i].path;
		s->n_paths += c->d[i].path != c->d[i].file;
	}
	if (rc == 0)
		rc = files_find(s, search, c->n, true, e);
	for (size_t i = 0; i < c->n && rc == 0; i++)
		rc = search[i].view.bytes ? file_scrub(s, &c->d[i], &search[i], &c->arena, e) : 0;
	for (size_t i = 0; search && i < c->n; i++)
		piis_release(&search[i].found);
	mem_free(search);
	return rc;
}

/* ---- what readers made --------------------------------------------------------------------------------------------------------- */

/* A DOCX or PDF file may be a letter or call, whose people are only named in what the reader made. */
static bool names_people(const struct document *d)
{
	enum walk_kind kind = walk_kind(d->path);
	return (kind == WALK_DOCX || kind == WALK_PDF) && d->bytes;
}

struct rewriting {
	struct scrub *s;
	struct corpus *c;
	struct document *d;
	struct err *e;
	struct persons *people; /* of a DOCX or PDF file that is a letter or call, else NULL */
	struct span span;       /* of the text in the document */
	size_t at, line;        /* newlines in front of `at` */
	bool changed;
};

/* The line of the text that is being rewritten. Texts come in the document's order, but for a few. */
static size_t line_find(struct rewriting *r)
{
	if (r->span.start < r->at)
		r->at = r->line = 0;
	for (; r->at < r->span.start && r->at < r->d->size; r->at++)
		r->line += r->d->bytes[r->at] == '\n';
	return r->line + 1;
}

static int names_add(struct rewriting *r, struct piis *v, struct str t)
{
	struct piis names = {0};
	r->people->text = t;
	r->people->n_hits = 0;
	int rc = persons_find(&names, r->people, (struct span){0, t.n}, &r->c->arena, r->e);
	rc = rc < 0 ? rc : names_merge(r->s, v, &names, t.p, r->e);
	piis_release(&names);
	return rc;
}

/* `head`: of a cell the one of its column. */
static int text_scrub(struct rewriting *r, const char *head, const char **text)
{
	struct piis v = {0};
	struct buf b = {0};
	struct str t = {*text ? *text : "", *text ? strlen(*text) : 0};
	int rc = scrub_find(r->s, &v, (struct str){head, strlen(head)}, t, is_published(r->d->path), r->e);
	if (rc == 0 && r->people && t.n)
		rc = names_add(r, &v, t);
	for (size_t i = 0; i < v.n && rc == 0; i++) {
		struct pii at = v.p[i];
		rc = scrub_item_add(
			r->s, at.kind, (struct str){t.p + at.span.start, at.span.end - at.span.start}, &r->c->arena, r->e);
		at.span = (struct span){document_place(r->d, r->span.start), document_place(r->d, r->span.end)};
		if (rc == 0)
			rc = place_add(r->s, r->d->path, &at, line_find(r), r->e);
	}
	if (rc == 0 && v.n) {
		rc = scrub_replace(&b, NULL, t, &v, r->e);
		*text = rc == 0 ? arena_strdup(&r->c->arena, b.p, b.len, r->e) : *text;
		r->changed = true;
		if (!*text)
			rc = ERR_RESOURCE;
	}
	buf_release(&b);
	piis_release(&v);
	return rc;
}

/* The passage becomes the text that was made of it, or blank when that is longer. */
static void passage_overwrite(struct document *d, struct span span, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	char *p = (char *)d->bytes; /* in the arena */
	for (size_t i = span.start; i < span.end && i < d->size; i++)
		p[i] = p[i] == '\n' ? '\n' : ' ';
	if (span.end <= d->size && n <= span.end - span.start)
		memcpy(p + span.start, text ? text : "", n);
}

/* What the head of its column says of a cell. Of a table that marks none (docx_table.c) that is empty, and the next row may be one. */
static const char *cell_head(const struct block *b, size_t i)
{
	const char *head = i < b->n_cols ? NULL : b->cells[i % b->n_cols];
	if (head && !*head && i >= 2 * b->n_cols)
		head = b->cells[b->n_cols + i % b->n_cols];
	return head ? head : "";
}

static int block_scrub(struct rewriting *r, struct block *b)
{
	int rc = 0;
	r->span = b->span;
	r->changed = false;
	if (b->text)
		rc = text_scrub(r, "", &b->text);
	for (size_t i = 0; i < b->n_rows * b->n_cols && rc == 0; i++)
		rc = text_scrub(r, cell_head(b, i), &b->cells[i]);
	if (r->changed) {
		size_t n = b->text ? strlen(b->text) : 0;
		b->bold = b->bold < n ? b->bold : n;
		passage_overwrite(r->d, b->span, b->text); /* of a ticket's two turns, which are one row, the last one stays */
	}
	return rc;
}

static int section_scrub(struct rewriting *r, struct section *k)
{
	size_t end = k->n_blocks ? r->d->blocks[k->block].span.start : k->span.end;
	r->span = (struct span){k->span.start, end > k->span.start ? end : k->span.start};
	r->changed = false;
	int rc = text_scrub(r, "", &k->title);
	bool changed = r->changed;
	if (rc == 0)
		rc = text_scrub(r, "", &k->heading);
	if (changed && r->d->kind == DOCUMENT_PAGE)
		passage_overwrite(r->d, r->span, k->title);
	for (size_t i = 0; i < k->n_blocks && rc == 0; i++)
		rc = block_scrub(r, &r->d->blocks[k->block + i]);
	return rc;
}

static int document_scrub(struct scrub *s, struct corpus *c, struct document *d, struct err *e)
{
	struct rewriting r = {.s = s, .c = c, .d = d, .e = e};
	int rc = 0;
	if (names_people(d)) {
		if (!(r.people = mem_alloc(1, sizeof *r.people, e)))
			return ERR_RESOURCE;
		persons_init(r.people, (struct str){d->bytes, d->size});
		rc = pii_people_learn(r.people, d->path, e);
	}
	for (size_t k = 0; k < d->n_sections && rc == 0; k++)
		rc = section_scrub(&r, &d->sections[k]);
	if (r.people)
		persons_release(r.people);
	mem_free(r.people);
	return rc;
}

/* `known`: but for items that are known there is nothing. */
static bool text_is_clean(const struct scrub *s, const struct document *d, bool known, const char *head, const char *text)
{
	struct piis v = {0};
	struct str t = {text ? text : "", text ? strlen(text) : 0};
	int rc = known ? again_find(s, &v, t, NULL)
		       : scrub_find(s, &v, (struct str){head, strlen(head)}, t, is_published(d->path), NULL);
	bool clean = rc == 0 && !v.n;
	piis_release(&v);
	return clean;
}

/* Would document_scrub find nothing? False, too, when memory is short: it will tell. */
static bool document_is_clean(const struct scrub *s, const struct document *d, bool known)
{
	bool clean = !names_people(d);
	for (size_t k = 0; k < d->n_sections && clean; k++) {
		const struct section *section = &d->sections[k];
		clean = text_is_clean(s, d, known, "", section->title) && text_is_clean(s, d, known, "", section->heading);
		for (size_t i = 0; i < section->n_blocks && clean; i++) {
			const struct block *b = &d->blocks[section->block + i];
			clean = text_is_clean(s, d, known, "", b->text);
			for (size_t j = 0; j < b->n_rows * b->n_cols && clean; j++)
				clean = text_is_clean(s, d, known, cell_head(b, j), b->cells[j]);
		}
	}
	return clean;
}

/* In the order of the documents, since what is found in one is looked for in those behind it; but most hold nothing, which all threads see. */
int scrub_texts(struct scrub *s, struct corpus *c, struct err *e)
{
	enum { DOCUMENTS = 64 };
	bool clean[DOCUMENTS];
	int rc = 0;
	for (size_t first = 0; first < c->n && rc == 0; first += DOCUMENTS) {
		size_t n = c->n - first < DOCUMENTS ? c->n - first : DOCUMENTS, n_items = s->n_items;
		struct document *d = c->d + first;
#pragma omp parallel for schedule(dynamic)
		for (size_t i = 0; i < n; i++)
			clean[i] = d[i].skipped || document_is_clean(s, &d[i], false);
		for (size_t i = 0; i < n && rc == 0; i++) {
			if (clean[i] && !d[i].skipped && s->n_items != n_items)
				clean[i] = document_is_clean(s, &d[i], true);
			if (!clean[i])
				rc = document_scrub(s, c, &d[i], e);
		}
	}
	return rc;
}

void scrub_log(const struct scrub *s)
{
	static const char *const name[PII_KINDS] = {"e-mail addresses", "telephone numbers", "card numbers", "IBANs",
		"IP addresses", "MAC addresses", "social security numbers", "signed tokens", "keys and passwords", "private keys",
		"passwords in URLs", "names of persons"};
	size_t n[PII_KINDS] = {0};
	struct buf b = {0};
	int rc = 0;
	for (size_t i = 0; i < s->n; i++)
		n[s->place[i].kind]++;
	for (size_t k = 0; k < PII_KINDS && rc == 0; k++)
		if (n[k])
			rc = buf_printf(&b, NULL, "%s%zu %s", b.len ? ", " : "", n[k], name[k]);
	if (rc == 0 && b.len)
		log_line(LOG_INFO, "replaced: %s; attune curate --pii shows where, %s beside the documents keeps some", b.p,
			DATA_PII_ALLOW);
	if (s->n_paths)
		log_line(LOG_WARNING, "%zu files have personal data in their names, which are given as withheld- and their SHA-256",
			s->n_paths);
	if (s->n_rejected)
		log_line(LOG_WARNING, "%zu rows still held personal data and are left out: rejected.jsonl", s->n_rejected);
	buf_release(&b);
}
