/*
 * What happens to text before it is cut: Unicode's composition (NFC) where the model's tokenizer asks for it, and SentencePiece's
 * spaces: U+2581 is a space, and some models put one in front. References: Unicode Standard Annex 15; Google's sentencepiece,
 * normalizer.cc; Hugging Face tokenizers, normalizers.
 */
#include "format/tokenizer.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "format/unicode.h"

static const char LOWER_BLOCK[] = "\xe2\x96\x81"; /* U+2581 */

void normalized_release(struct normalized *z)
{
	buf_release(&z->text);
	mem_free(z->map);
	*z = (struct normalized){0};
}

/* Appends p[0..n), made from source bytes [from, to): byte i ends at from + i + 1, never beyond `to`, the last one at `to`. */
static int put(struct normalized *z, const char *p, size_t n, size_t from, size_t to, struct err *e)
{
	size_t at = z->text.len, need = at + n;
	if (buf_append(&z->text, p, n, e))
		return ERR_RESOURCE;
	if (need > z->map_cap) {
		size_t cap = need < 256 ? 256 : 2 * need;
		if (mem_resize(&z->map, z->map_cap, cap, sizeof *z->map, e))
			return ERR_RESOURCE;
		z->map_cap = cap;
	}
	for (size_t i = 0; i < n; i++)
		z->map[at + i] = (uint32_t)(i + 1 == n || from + i + 1 > to ? to : from + i + 1);
	return 0;
}

/* ---- composition ------------------------------------------------------------------------------------------------------------- */

/*
 * Composition never reaches back across an ASCII character, so text is composed in chunks that start with one. A long chunk without any
 * ends before a character that does not combine, and at CHUNK_MAX anywhere: sorting a run of marks takes quadratic time.
 */
enum { CHUNK_SOFT = 1024, CHUNK_MAX = 4096 };

static bool combines(uint32_t cp)
{
	const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
	return p->combining_class || p->category == UTF8PROC_CATEGORY_MN || p->category == UTF8PROC_CATEGORY_MC ||
		(cp >= 0x1100 && cp < 0x1200);
}

/* The end of the chunk that starts text[0..n); *plain when composing cannot change it. */
static size_t chunk_end(const char *text, size_t n, bool *plain)
{
	size_t at = 0;
	uint32_t cp;
	*plain = true;
	while (at < n) {
		size_t length = utf8_next(text + at, n - at, &cp);
		if (at && (!length || cp < 0x80 || at >= CHUNK_MAX || (at >= CHUNK_SOFT && !combines(cp))))
			break;
		if (!length)
			return 1;
		*plain &= cp < 0x300;
		at += length;
	}
	return at;
}

static int compose(struct normalized *z, const char *text, size_t from, size_t to, struct err *e)
{
	utf8proc_uint8_t *out = NULL;
	utf8proc_ssize_t n = utf8proc_map(
		(const utf8proc_uint8_t *)text + from, (utf8proc_ssize_t)(to - from), &out, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	int rc;
	if (n < 0)
		rc = err_set(e, ERR_RESOURCE, "cannot compose %zu bytes of text: %s", to - from, utf8proc_errmsg(n));
	else
		rc = put(z, (const char *)out, (size_t)n, from, to, e);
	free(out);
	return rc;
}

/* Below U+0300 nothing changes; its first byte is 0xcc. */
static bool may_compose(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] >= 0xcc)
			return true;
	return false;
}

static int normalize_nfc(const char *text, size_t n, struct normalized *z, struct err *e)
{
	int rc = 0;
	for (size_t at = 0, end; at < n && !rc; at = end) {
		bool plain;
		end = at + chunk_end(text + at, n - at, &plain);
		rc = plain ? put(z, text + at, end - at, at, end, e) : compose(z, text, at, end, e);
	}
	return rc;
}

/* ---- SentencePiece ----------------------------------------------------------------------------------------------------------- */

static bool wants_prefix(const struct tokenizer *t, struct piece text, bool opens)
{
	bool spaced = *text.p == ' ' || (text.n >= 3 && !memcmp(text.p, LOWER_BLOCK, 3));
	return t->prefix == PREFIX_ALWAYS || (t->prefix == PREFIX_UNSPACED && !spaced) ||
		(t->prefix == PREFIX_OPENING && opens && !spaced);
}

static int normalize_spaces(struct piece text, bool prefix, struct normalized *z, struct err *e)
{
	int rc = prefix ? put(z, " ", 1, 0, 0, e) : 0;
	for (size_t at = 0; at < text.n && !rc;) {
		const char *block = memmem(text.p + at, text.n - at, LOWER_BLOCK, 3);
		size_t end = block ? (size_t)(block - text.p) : text.n;
		rc = put(z, text.p + at, end - at, at, end, e);
		if (!rc && block)
			rc = put(z, " ", 1, end, end + 3, e);
		at = block ? end + 3 : text.n;
	}
	return rc;
}

int text_normalize(const struct tokenizer *t, struct piece text, bool opens, struct normalized *z, bool *changed, struct err *e)
{
	bool level = t->scheme == SCHEME_BYTES, prefix = !level && text.n && wants_prefix(t, text, opens);
	*changed = text.n && (level ? t->nfc && may_compose(text.p, text.n) : prefix || memmem(text.p, text.n, LOWER_BLOCK, 3));
	if (!*changed)
		return 0;
	buf_clear(&z->text);
	return level ? normalize_nfc(text.p, text.n, z, e) : normalize_spaces(text, prefix, z, e);
}
