/*
 * Items as strings: every one that was found anywhere is looked for everywhere, by a hash of its first bytes. Reference: scrub.h.
 */
#include "data/scrub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/format.h"

static size_t slot_of(const struct scrub *s, const char *p)
{
	uint64_t h = hash_bytes(p, ITEM_BYTES_MIN);
	return (size_t)(h ^ h >> 32) & (s->n_slots - 1);
}

static bool is_known(const struct scrub *s, struct str item)
{
	for (size_t i = s->n_slots ? s->slot[slot_of(s, item.p)] : 0; i; i = s->next[i - 1])
		if (s->item[i - 1].n == item.n && !memcmp(s->item[i - 1].p, item.p, item.n))
			return true;
	return false;
}

static int grow(struct scrub *s, struct err *e)
{
	size_t cap = s->cap_items ? 2 * s->cap_items : 64, *slot = mem_alloc(2 * cap, sizeof *slot, e);
	if (!slot)
		return ERR_RESOURCE;
	int rc = mem_resize(&s->item, s->cap_items, cap, sizeof *s->item, e);
	if (rc == 0)
		rc = mem_resize(&s->kind, s->cap_items, cap, sizeof *s->kind, e);
	if (rc == 0)
		rc = mem_resize(&s->next, s->cap_items, cap, sizeof *s->next, e);
	if (rc < 0) {
		mem_free(slot);
		return rc;
	}
	mem_free(s->slot);
	s->slot = slot;
	s->n_slots = 2 * cap;
	s->cap_items = cap;
	for (size_t i = 0; i < s->n_items; i++) {
		size_t *at = &s->slot[slot_of(s, s->item[i].p)];
		s->next[i] = *at;
		*at = i + 1;
	}
	return 0;
}

static int add(struct scrub *s, enum pii_kind kind, struct str item, struct arena *a, struct err *e)
{
	if (item.n < ITEM_BYTES_MIN || is_known(s, item))
		return 0;
	if (s->n_items == s->cap_items && grow(s, e) < 0)
		return ERR_RESOURCE;
	char *text = arena_strdup(a, item.p, item.n, e);
	if (!text)
		return ERR_RESOURCE;
	size_t i = s->n_items++, *at = &s->slot[slot_of(s, text)];
	s->item[i] = (struct str){text, item.n};
	s->kind[i] = kind;
	s->next[i] = *at;
	*at = i + 1;
	return 0;
}

/* As it stands and as JSON writes it; of a key block its first long line. */
int scrub_item_add(struct scrub *s, enum pii_kind kind, struct str item, struct arena *a, struct err *e)
{
	struct buf quoted = {0};
	if (kind == PII_PERSON)
		return 0; /* a name is one only in its ticket or call */
	if (memchr(item.p, '\n', item.n)) {
		struct str rest = item;
		for (item.n = 0; rest.n && item.n < 24;) {
			const char *nl = memchr(rest.p, '\n', rest.n);
			size_t n = nl ? (size_t)(nl - rest.p) : rest.n;
			item = (struct str){rest.p, *rest.p == '-' ? 0 : n};
			while (item.n && strchr("\r ", item.p[item.n - 1]))
				item.n--;
			rest = (struct str){rest.p + n, rest.n - n};
			rest = rest.n ? (struct str){rest.p + 1, rest.n - 1} : rest;
		}
	}
	int rc = add(s, kind, item, a, e);
	if (rc == 0 && (memchr(item.p, '"', item.n) || memchr(item.p, '\\', item.n))) {
		for (size_t i = 0; i < item.n && rc == 0; i++)
			rc = buf_printf(&quoted, e, "%s%c", strchr("\"\\", item.p[i]) ? "\\" : "", item.p[i]);
		if (rc == 0)
			rc = add(s, kind, (struct str){quoted.p, quoted.len}, a, e);
		buf_release(&quoted);
	}
	return rc;
}

bool scrub_match(const struct scrub *s, struct str text, size_t *at, size_t *n, enum pii_kind *kind)
{
	for (size_t i = *at; s->n_items && i + ITEM_BYTES_MIN <= text.n; i++) {
		for (size_t k = s->slot[slot_of(s, text.p + i)]; k; k = s->next[k - 1]) {
			struct str item = s->item[k - 1];
			bool here = item.n <= text.n - i && !memcmp(item.p, text.p + i, item.n);
			/* inside a longer word or number it is something else */
			bool begins = !i || !pii_word_at(text, i - 1) || !pii_word_at(item, 0) || (i > 1 && text.p[i - 2] == '\\');
			bool ends = here && (!pii_word_at(text, i + item.n) || !pii_word_at(item, item.n - 1));
			if (here && begins && ends) {
				*at = i;
				*n = item.n;
				*kind = s->kind[k - 1];
				return true;
			}
		}
	}
	return false;
}

static int reject(const char *file, struct str line, enum pii_kind kind, struct buf *rejected, struct err *e)
{
	char reason[64];
	json_t *row = json_loadb(line.p, line.n, 0, NULL), *from = json_object_get(row, "source");
	const char *path = json_string_value(json_object_get(from ? from : row, "path"));
	snprintf(reason, sizeof reason, "it still holds personal data: %s", pii_kind_name(kind));
	json_t *out = json_pack("{s:s, s:s, s:s*}", "file", file, "reason", reason, "path", path);
	int rc = json_line(rejected, out, e);
	json_decref(out);
	json_decref(row);
	return rc;
}

struct line {
	size_t at, n;
	bool held;
	enum pii_kind kind;
};

/* The lines, with what they still hold. */
static int lines_look(struct line **out, size_t *n, const struct scrub *s, const struct buf *rows, struct err *e)
{
	struct line *v = NULL;
	size_t n_lines = 0, cap = 0;
	int rc = 0;
	for (size_t at = 0, end; at < rows->len && rc == 0; at = end) {
		const char *nl = memchr(rows->p + at, '\n', rows->len - at);
		end = nl ? (size_t)(nl - rows->p) + 1 : rows->len;
		if ((rc = mem_reserve(&v, n_lines, &cap, sizeof *v, e)) == 0)
			v[n_lines++] = (struct line){.at = at, .n = end - at};
	}
#pragma omp parallel for schedule(dynamic, 64)
	for (size_t i = 0; i < n_lines; i++) {
		size_t place = 0, length;
		v[i].held = scrub_match(s, (struct str){rows->p + v[i].at, v[i].n}, &place, &length, &v[i].kind);
	}
	*out = v;
	*n = n_lines;
	return rc;
}

int scrub_gate(struct scrub *s, const char *file, struct buf *rows, struct buf *rejected, struct err *e)
{
	struct line *v;
	size_t n, kept = 0;
	int rc = lines_look(&v, &n, s, rows, e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct str line = {rows->p + v[i].at, v[i].n};
		if (v[i].held) {
			rc = reject(file, line, v[i].kind, rejected, e);
			s->n_rejected++;
			continue;
		}
		memmove(rows->p + kept, line.p, line.n);
		kept += line.n;
	}
	if (rows->len)
		rows->p[rows->len = kept] = 0;
	mem_free(v);
	return rc;
}
