/*
 * Captions to turns. A cue is what follows a line with "-->" up to an empty one; what stands outside of cues (numbers, notes, style
 * sheets) is nothing that was said. Cues end where the screen is full, so that only a change of the speaker ends a turn.
 *
 * Reference: https://www.w3.org/TR/webvtt1/; SubRip has no specification.
 */
#include "data/captions.h"

#include <ctype.h>
#include <string.h>

#include "data/outline.h"
#include "data/plain.h"

enum { SPEAKERS_MAX = 64, PARAGRAPH_BYTES = 300, PARAGRAPH_BYTES_MAX = 1200 };

/* A piece of a line of a cue that one person says. */
struct piece {
	struct str voice; /* <v Name>; n 0: none */
	struct str said;  /* "Name" of "Name: words"; n 0: none */
	const char *text; /* the words, "Name: " included; tags and entities resolved */
	size_t words;     /* where they begin behind "Name: " */
	struct span span;
};

struct captions {
	struct outline o;
	struct piece *piece; /* [n]; mem_free */
	size_t n, cap, n_cues;
	struct buf text; /* of the piece being read */
	struct {
		struct str who;
		size_t n;
	} speaker[SPEAKERS_MAX]; /* said or shown, and how often */
	size_t n_speakers;
};

/* ---- pieces --------------------------------------------------------------------------------------------------------------- */

static bool same(struct str a, struct str b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

static void speaker_count(struct captions *c, struct str who)
{
	size_t i = 0;
	while (i < c->n_speakers && !same(c->speaker[i].who, who))
		i++;
	if (i == SPEAKERS_MAX || !who.n)
		return;
	if (i == c->n_speakers)
		c->speaker[c->n_speakers++].who = who;
	c->speaker[i].n++;
}

/* "[music]" and "(laughs)" are no words. */
static bool is_sound(const char *s)
{
	size_t n = strlen(s);
	return n > 2 && ((*s == '[' && strcspn(s, "]") == n - 1) || (*s == '(' && strcspn(s, ")") == n - 1));
}

static int piece_end(struct captions *c, struct str voice, struct span span)
{
	struct outline *o = &c->o;
	outline_text_begin(o);
	int rc = c->text.len ? outline_prose(o, c->text.p) : 0;
	const char *text = rc == 0 ? outline_text_end(o) : NULL;
	buf_clear(&c->text);
	if (!text)
		return ERR_RESOURCE;
	text += strspn(text, ">- "); /* marks of a change of the speaker */
	/* Captions that roll show a line twice. */
	if (!*text || is_sound(text) || (c->n && !strcmp(c->piece[c->n - 1].text, text)))
		return 0;
	if (mem_reserve(&c->piece, c->n, &c->cap, sizeof *c->piece, o->e))
		return ERR_RESOURCE;
	struct piece *p = &c->piece[c->n++];
	*p = (struct piece){.voice = voice, .text = text, .span = span};
	if (!voice.n)
		p->said = plain_speaker((struct str){text, strlen(text)}, &p->words);
	speaker_count(c, voice.n ? voice : p->said);
	return 0;
}

static int entity(struct captions *c, const char *p, size_t n, size_t *used)
{
	static const char *const known[][2] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&nbsp;", " "}, {"&lrm;", ""},
		{"&rlm;", ""}, {"&quot;", "\""}, {"&#39;", "'"}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		*used = strlen(known[i][0]);
		if (*used <= n && !memcmp(p, known[i][0], *used))
			return buf_puts(&c->text, known[i][1], c->o.e);
	}
	*used = 1;
	return buf_append(&c->text, "&", 1, c->o.e);
}

/* "v.loud Ida Berg" between the brackets of a tag: the name, or nothing. */
static struct str voice_of(struct str tag)
{
	size_t i = 0;
	if (tag.n < 3 || *tag.p != 'v' || (tag.p[1] != ' ' && tag.p[1] != '.' && tag.p[1] != '\t'))
		return (struct str){0};
	while (i < tag.n && tag.p[i] != ' ' && tag.p[i] != '\t')
		i++;
	while (i < tag.n && isspace((unsigned char)tag.p[i]))
		i++;
	while (tag.n > i && isspace((unsigned char)tag.p[tag.n - 1]))
		tag.n--;
	return (struct str){tag.p + i, tag.n - i};
}

/* A line of a cue. *voice goes on from line to line of it. */
static int line_read(struct captions *c, struct str line, struct str *voice)
{
	size_t start = (size_t)(line.p - c->o.d->bytes), from = 0;
	bool closed[2] = {true, true}; /* is there a '>', a '}' ahead? Looked for no further once there is none */
	int rc = 0;
	for (size_t i = 0, used; i < line.n && rc == 0; i += used) {
		const char *end = NULL;
		char open = line.p[i];
		used = 1;
		bool brace = open == '{';
		if (closed[brace] && (open == '<' || (brace && i + 1 < line.n && line.p[i + 1] == '\\'))) {
			end = memchr(line.p + i, brace ? '}' : '>', line.n - i);
			closed[brace] = end != NULL;
		}
		if (end) {
			struct str tag = {line.p + i + 1, (size_t)(end - line.p) - i - 1}, next = voice_of(tag);
			used = tag.n + 2;
			if (!next.n)
				continue;
			rc = piece_end(c, *voice, (struct span){start + from, start + i});
			*voice = next;
			from = i;
		} else if (open == '&') {
			rc = entity(c, line.p + i, line.n - i, &used);
		} else {
			rc = buf_append(&c->text, &open, 1, c->o.e);
		}
	}
	return rc < 0 ? rc : piece_end(c, *voice, (struct span){start + from, start + line.n});
}

static int cues_read(struct captions *c)
{
	const struct document *d = c->o.d;
	bool in_cue = false;
	struct str voice = {0};
	int rc = 0;
	for (size_t i = 0; i < d->size && rc == 0;) {
		struct str line = {d->bytes + i, 0};
		while (i + line.n < d->size && line.p[line.n] != '\n' && line.p[line.n] != '\r')
			line.n++;
		bool crlf = i + line.n + 1 < d->size && line.p[line.n] == '\r' && line.p[line.n + 1] == '\n';
		i += line.n + 1 + crlf;
		if (line.n && memmem(line.p, line.n, "-->", 3)) {
			in_cue = true;
			voice = (struct str){0};
			c->n_cues++;
			continue;
		}
		in_cue &= line.n > 0;
		if (in_cue)
			rc = line_read(c, line, &voice);
	}
	return rc;
}

/* ---- documents ------------------------------------------------------------------------------------------------------------ */

static struct str speaker_of(const struct captions *c, const struct piece *p)
{
	if (p->voice.n)
		return p->voice;
	for (size_t i = 0; i < c->n_speakers; i++)
		if (c->speaker[i].n > 1 && same(c->speaker[i].who, p->said))
			return p->said;
	return (struct str){0};
}

static bool is_call(const struct captions *c)
{
	struct str first = {0}, who;
	for (size_t i = 0; i < c->n; i++) {
		who = speaker_of(c, &c->piece[i]);
		if (who.n && first.n && !same(who, first))
			return true;
		first = first.n ? first : who;
	}
	return false;
}

static int block_add(struct captions *c, enum block_kind kind, struct span span, struct str who)
{
	char *text = outline_text_end(&c->o);
	if (!text || !*text)
		return text ? 0 : ERR_RESOURCE;
	struct block *b = outline_block(&c->o, kind, span);
	if (!b)
		return ERR_RESOURCE;
	b->text = text;
	b->speaker = who.n ? arena_strdup(c->o.arena, who.p, who.n, c->o.e) : NULL;
	outline_text_begin(&c->o);
	return who.n && !b->speaker ? ERR_RESOURCE : 0;
}

static int piece_add(struct captions *c, const struct piece *p)
{
	const char *words = p->text + (speaker_of(c, p).n && !p->voice.n ? p->words : 0);
	int rc = outline_text(&c->o, words, strlen(words));
	return rc < 0 ? rc : outline_text(&c->o, " ", 1);
}

static int call_make(struct captions *c)
{
	struct str who = {0}, next;
	struct span span = {0};
	int rc = 0;
	c->o.d->kind = DOCUMENT_CALL;
	outline_text_begin(&c->o);
	for (size_t i = 0; i < c->n && rc == 0; i++) {
		next = speaker_of(c, &c->piece[i]);
		if (next.n && !same(next, who)) {
			if (who.n)
				rc = block_add(c, BLOCK_TURN, span, who);
			who = next;
			span.start = c->piece[i].span.start;
		}
		if (!who.n)
			continue; /* before the first turn */
		span.end = c->piece[i].span.end;
		if (rc == 0)
			rc = piece_add(c, &c->piece[i]);
	}
	return rc < 0 ? rc : block_add(c, BLOCK_TURN, span, who);
}

/* Without speakers there are no paragraphs either: one ends with a sentence once it is long enough. */
static int page_make(struct captions *c)
{
	struct span span = {0};
	int rc = 0;
	outline_text_begin(&c->o);
	for (size_t i = 0; i < c->n && rc == 0; i++) {
		const struct buf *t = &c->o.text;
		if (!t->len)
			span.start = c->piece[i].span.start;
		span.end = c->piece[i].span.end;
		rc = piece_add(c, &c->piece[i]);
		bool sentence = t->len > 1 && strchr(".?!", t->p[t->len - 2]);
		if (rc == 0 && (i + 1 == c->n || (sentence && t->len > PARAGRAPH_BYTES) || t->len > PARAGRAPH_BYTES_MAX))
			rc = block_add(c, BLOCK_PARAGRAPH, span, (struct str){0});
	}
	return rc;
}

int captions_read(struct document *d, struct arena *a, struct err *e)
{
	struct captions c = {0};
	outline_init(&c.o, d, a, e);
	int rc = cues_read(&c);
	const char *title = rc == 0 ? outline_file_title(&c.o) : NULL;
	if (rc == 0)
		rc = title ? outline_section(&c.o, title, 1, 0) : ERR_RESOURCE;
	if (rc == 0 && c.n)
		rc = is_call(&c) ? call_make(&c) : page_make(&c);
	if (rc == 0 && !c.n_cues)
		d->skipped = "no cue in it; expected lines such as 00:00:01.000 --> 00:00:04.000, and words below";
	else if (rc == 0 && !d->n_blocks)
		d->skipped = "no text in it";
	mem_free(c.piece);
	buf_release(&c.text);
	outline_release(&c.o);
	return rc;
}
