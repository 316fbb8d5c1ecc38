/*
 * Sections to passages to an index, and questions to words. Reference: search.h.
 */
#include "search/search.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "format/format.h"
#include "search/fusion.h"
#include "search/vectors.h"

/* Grows whenever the same sections give other passages than before, or what is in an index that is there cannot be relied on. */
enum { PASSAGES_VERSION = 2 };

/* Grows whenever the same index and embedder find other passages than before. */
enum { FUSION_VERSION = 2 };

struct search {
	struct store *store;
	char index_key[65], key[65];
	struct vectors vectors; /* embedder NULL: none */
};

/* ---- a section as passages ----------------------------------------------------------------------------------------------------- */

/* Where the first passage of text[0..n) ends: before the last empty line, line or blank that fits, so that it breaks where people do. */
static size_t passage_end(const char *text, size_t n)
{
	size_t line = 0, blank = 0;
	if (n <= PASSAGE_BYTES_MAX)
		return n;
	for (size_t i = PASSAGE_BYTES_MAX; i > PASSAGE_BYTES_MAX / 2; i--) {
		if (text[i] == '\n' && text[i - 1] == '\n')
			return i;
		if (text[i] == '\n' && !line)
			line = i;
		if (text[i] == ' ' && !blank)
			blank = i;
	}
	size_t end = line ? line : blank ? blank : PASSAGE_BYTES_MAX;
	while (!line && !blank && end > 1 && ((unsigned char)text[end] & 0xc0) == 0x80) /* not inside a character */
		end--;
	return end;
}

struct passages {
	struct store_passage *p;
	size_t n, cap;
};

static int passages_add(struct passages *list, struct arena *a, const char *heading, const char *text, size_t start, struct err *e)
{
	for (size_t at = 0, n = strlen(text), take; at < n; at += take) {
		take = passage_end(text + at, n - at);
		size_t first = strspn(text + at, " \n"), last = take;
		while (last > first && strchr(" \n", text[at + last - 1]))
			last--;
		if (first >= last)
			continue;
		if (list->n == list->cap) {
			int rc = mem_resize(&list->p, list->cap, 2 * list->cap + 16, sizeof *list->p, e);
			if (rc)
				return rc;
			list->cap = 2 * list->cap + 16;
		}
		struct store_passage *p = &list->p[list->n++];
		*p = (struct store_passage){arena_strdup(a, heading, strlen(heading), e),
			arena_strdup(a, text + at + first, last - first, e), start + at + first};
		if (!p->heading || !p->text)
			return ERR_RESOURCE;
	}
	return 0;
}

/* ---- sections.jsonl to the index --------------------------------------------------------------------------------------------------- */

/* The document being read: its sections follow each other in the file. */
struct reading {
	struct store *store;
	struct passages passages;
	struct arena arena;
	char *path;         /* NULL before the first */
	struct sha256 *sum; /* of all that its passages are made of */
};

static int document_begin(struct reading *r, const char *path, struct err *e)
{
	const int version[] = {PASSAGES_VERSION, PASSAGE_BYTES_MAX};
	int rc = sha256_new(&r->sum, e);
	if (rc)
		return rc;
	sha256_add(r->sum, version, sizeof version);
	r->path = arena_strdup(&r->arena, path, strlen(path), e);
	return r->path ? 0 : ERR_RESOURCE;
}

static int document_end(struct reading *r, struct err *e)
{
	char hex[65];
	if (!r->path)
		return 0;
	sha256_hex(r->sum, hex);
	int rc = store_index_put(r->store, r->path, hex, r->passages.p, r->passages.n, e);
	r->passages.n = 0;
	r->path = NULL;
	sha256_free(r->sum);
	r->sum = NULL;
	arena_reset(&r->arena);
	return rc;
}

static int section_read(struct reading *r, const json_t *o, const char *file, size_t line, struct err *e)
{
	const char *path = json_string_value(json_object_get(o, "path")),
		   *heading = json_string_value(json_object_get(o, "heading")),
		   *text = json_string_value(json_object_get(o, "text"));
	const json_t *start = json_object_get(o, "start");
	int rc = 0;
	if (!path || !heading || !text || !json_is_integer(start) || json_integer_value(start) < 0)
		return err_set(e, ERR_DATA, "%s:%zu: expected path, start, heading and text of a section", file, line);
	if (r->path && strcmp(r->path, path))
		rc = document_end(r, e);
	if (!rc && !r->path)
		rc = document_begin(r, path, e);
	if (rc)
		return rc;
	/* Not the file's hash: the same bytes give another text when they are scrubbed, or read by another version. */
	const json_int_t at = json_integer_value(start);
	sha256_add(r->sum, &at, sizeof at);
	sha256_add(r->sum, heading, strlen(heading) + 1);
	sha256_add(r->sum, text, strlen(text) + 1);
	return passages_add(&r->passages, &r->arena, heading, text, (size_t)at, e);
}

static int index_make(struct search *s, const char *file, const char *key, struct err *e)
{
	struct reading r = {.store = s->store};
	struct jsonl *j = NULL;
	json_t *o;
	size_t line;
	int rc = jsonl_open(&j, file, e), more = 0;
	arena_init(&r.arena, 64 << 10);
	if (!rc)
		rc = store_index_begin(s->store, e);
	while (!rc && (more = jsonl_next(j, &o, &line, e)) == 1) {
		rc = section_read(&r, o, file, line, e);
		json_decref(o);
	}
	if (!rc && !(rc = more))
		rc = document_end(&r, e);
	if (!rc)
		rc = store_index_commit(s->store, key, e);
	store_index_abort(s->store);
	jsonl_close(j);
	sha256_free(r.sum);
	mem_free(r.passages.p);
	arena_release(&r.arena);
	return rc;
}

/* The hash of a text and another hash. */
static int key_make(char key[65], const char *text, const char *hex, struct err *e)
{
	struct sha256 *sum = NULL;
	int rc = sha256_new(&sum, e);
	if (rc)
		return rc;
	sha256_add(sum, text, strlen(text));
	sha256_add(sum, hex, strlen(hex));
	sha256_hex(sum, key);
	sha256_free(sum);
	return 0;
}

static int vectors_add(struct search *s, const struct embedder *embedder, struct err *e)
{
	char text[128];
	snprintf(text, sizeof text, "%d %s\n", FUSION_VERSION, embedder_key(embedder));
	int rc = vectors_open(&s->vectors, s->store, s->index_key, embedder, e);
	return rc ? rc : key_make(s->key, text, s->index_key, e);
}

int search_open(struct search **out, const char *data, const struct embedder *embedder, struct err *e)
{
	char sections[PATH_SIZE], index[PATH_SIZE], have[65], text[32];
	struct search *s = mem_alloc(1, sizeof *s, e);
	int rc = s ? path_join(sections, sizeof sections, e, data, "sections.jsonl") : ERR_RESOURCE;
	*out = NULL;
	if (!rc)
		rc = path_join(index, sizeof index, e, data, "index.db");
	if (!rc && !file_exists(sections))
		rc = err_set(e, ERR_DATA, "%s: not there; expected a data folder, as 'attune curate' writes it", sections);
	if (!rc)
		rc = sha256_file(sections, have, e);
	snprintf(text, sizeof text, "%d %d\n", PASSAGES_VERSION, PASSAGE_BYTES_MAX);
	if (!rc)
		rc = key_make(s->index_key, text, have, e);
	if (!rc)
		rc = store_open(&s->store, index, e);
	if (!rc)
		rc = store_index_key(s->store, have, e);
	if (!rc && strcmp(have, s->index_key))
		rc = index_make(s, sections, s->index_key, e);
	if (!rc)
		memcpy(s->key, s->index_key, sizeof s->key);
	if (!rc && embedder)
		rc = vectors_add(s, embedder, e);
	if (rc) {
		search_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void search_close(struct search *s)
{
	if (!s)
		return;
	vectors_release(&s->vectors);
	store_close(s->store);
	mem_free(s);
}

const char *search_key(const struct search *s)
{
	return s->key;
}

/* ---- a question as words ------------------------------------------------------------------------------------------------------------ */

enum { WORDS_MAX = 64, WORD_BYTES_MAX = 64 };

/* What any question has. Sorted. */
static const char *const empty_word[] = {"a", "about", "all", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but",
	"by", "can", "could", "did", "do", "does", "for", "from", "get", "had", "has", "have", "how", "i", "if", "in", "is", "it",
	"its", "many", "may", "me", "much", "my", "of", "on", "or", "our", "s", "shall", "should", "so", "some", "t", "than",
	"that", "the", "their", "them", "there", "these", "they", "this", "those", "to", "us", "use", "was", "we", "were", "what",
	"when", "where", "which", "who", "whom", "whose", "why", "will", "with", "would", "you", "your"};

static bool is_empty_word(const char *word)
{
	size_t low = 0, high = sizeof empty_word / sizeof *empty_word;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcasecmp(word, empty_word[middle]);
		if (!order)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* Letters, digits, underscores, and whatever is not ASCII: what the index makes of them is its business. */
static bool is_word_byte(char c)
{
	return (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
}

/* The words of text, `empty` ones or the others, into word[at..]; returns how many there are then. */
static size_t words_find(const char *text, bool empty, char (*word)[WORD_BYTES_MAX], size_t at)
{
	for (const char *p = text; *p && at < WORDS_MAX;) {
		size_t n = 0;
		while (p[n] && is_word_byte(p[n]))
			n++;
		if (n && n < WORD_BYTES_MAX) {
			memcpy(word[at], p, n);
			word[at][n] = 0;
			bool wanted = is_empty_word(word[at]) == empty;
			for (size_t i = 0; i < at && wanted; i++)
				wanted = strcasecmp(word[i], word[at]) != 0;
			at += wanted;
		}
		p += n ? n : 1;
	}
	return at;
}

/* ---- finding -------------------------------------------------------------------------------------------------------------------------- */

enum { LIST_MIN = 50 }; /* how many of each list are fused at least */

/* What is being found: two lists of at most `length`, and their passages. */
struct finding {
	size_t length, n;
	struct store_match *match; /* [length] by words */
	int64_t *words, *meaning;  /* [length] */
	double *bm25, *cosine;     /* [length] */
	struct candidate *c;       /* [n] of at most 2 * length, the best first */
	struct arena arena;
};

static int finding_init(struct finding *f, size_t length, struct err *e)
{
	*f = (struct finding){.length = length};
	arena_init(&f->arena, 16 << 10);
	f->match = arena_alloc(&f->arena, length, sizeof *f->match, e);
	f->words = arena_alloc(&f->arena, length, sizeof *f->words, e);
	f->meaning = arena_alloc(&f->arena, length, sizeof *f->meaning, e);
	f->bm25 = arena_alloc(&f->arena, length, sizeof *f->bm25, e);
	f->cosine = arena_alloc(&f->arena, length, sizeof *f->cosine, e);
	f->c = arena_alloc(&f->arena, 2 * length, sizeof *f->c, e);
	return f->match && f->words && f->meaning && f->bm25 && f->cosine && f->c ? 0 : ERR_RESOURCE;
}

static int find_by_words(struct finding *f, struct search *s, const char *question, struct err *e)
{
	char text[WORDS_MAX][WORD_BYTES_MAX];
	const char *word[WORDS_MAX];
	size_t n = words_find(question, false, text, 0);
	if (!n)
		n = words_find(question, true, text, 0);
	for (size_t i = 0; i < n; i++)
		word[i] = text[i];
	const struct store_words words = {word, n};
	int rc = store_index_match(s->store, &words, f->length, f->match, &f->n, e);
	for (size_t i = 0; i < f->n && !rc; i++)
		f->c[i] = (struct candidate){.row = f->match[i].row, .score = f->match[i].score, .by_words = i + 1};
	return rc;
}

/*
 * Fuses what lies nearest to the question's meaning with what its words found. A passage that is in no list of words has 0 where they list all that
 * they find, else at most what the last one has; all have a cosine.
 */
static int find_by_meaning(struct finding *f, struct search *s, const char *question, struct err *e)
{
	struct ranking words = {f->words, f->bm25, f->n, 0}, meaning = {f->meaning, f->cosine, 0, 0};
	for (size_t i = 0; i < f->n; i++) {
		f->words[i] = f->c[i].row;
		f->bm25[i] = f->c[i].score;
	}
	if (f->n == f->length)
		words.floor = f->bm25[f->n - 1];
	int rc = vectors_find(&s->vectors, question, f->length, f->meaning, f->cosine, &meaning.n, e);
	if (meaning.n)
		meaning.floor = f->cosine[meaning.n - 1];
	if (!rc)
		f->n = fuse(&words, &meaning, f->c);
	return rc;
}

static int hit_keep(void *context, const struct store_hit *hit, struct err *e)
{
	struct search_hits *h = context;
	const char *text[] = {hit->path, hit->passage.heading, hit->passage.text};
	const char *mine[3];
	for (int i = 0; i < 3; i++)
		if (!(mine[i] = arena_strdup(&h->arena, text[i], strlen(text[i]), e)))
			return ERR_RESOURCE;
	h->p[h->n++] = (struct search_hit){.source = mine[0], .heading = mine[1], .text = mine[2], .start = hit->passage.start};
	return 0;
}

/* Reads the best passages; one that another process has dropped meanwhile is left out. */
static int hits_fill(struct search *s, const struct finding *f, size_t limit, struct search_hits *out, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < f->n && out->n < limit && !rc; i++) {
		size_t n = out->n;
		rc = store_passage(s->store, f->c[i].row, hit_keep, out, e);
		if (!rc && out->n > n) {
			out->p[n].score = f->c[i].score;
			out->p[n].by_words = f->c[i].by_words;
			out->p[n].by_meaning = f->c[i].by_meaning;
		}
	}
	return rc;
}

int search_find(struct search *s, const char *question, size_t limit, struct search_hits *out, struct err *e)
{
	struct finding f;
	bool fused = s->vectors.embedder != NULL;
	*out = (struct search_hits){0};
	arena_init(&out->arena, 16 << 10);
	out->p = arena_alloc(&out->arena, limit, sizeof *out->p, e);
	int rc = finding_init(&f, fused && limit < LIST_MIN ? LIST_MIN : limit, e);
	if (!rc && !out->p)
		rc = ERR_RESOURCE;
	if (!rc)
		rc = find_by_words(&f, s, question, e);
	if (!rc && fused)
		rc = find_by_meaning(&f, s, question, e);
	if (!rc)
		rc = hits_fill(s, &f, limit, out, e);
	if (rc)
		search_hits_release(out);
	arena_release(&f.arena);
	return rc;
}

int search_message(const struct search_hits *h, size_t n, const char *question, struct buf *out, struct err *e)
{
	if (!n)
		return buf_puts(out, question, e);
	struct passage *p = mem_alloc(n, sizeof *p, e);
	if (!p)
		return ERR_RESOURCE;
	for (size_t i = 0; i < n; i++)
		p[i] = (struct passage){h->p[i].source, h->p[i].heading, h->p[i].text};
	int rc = passages_render(p, n, question, out, e);
	mem_free(p);
	return rc;
}

/* The ids with the first n hits. */
static int prompt_make(
	const struct search_prompt *p, const struct search_hits *h, size_t n, const char *question, struct ids *out, struct err *e)
{
	struct message *messages = mem_alloc(p->n_front + 1, sizeof *messages, e);
	const struct row row = {.kind = ROW_MESSAGES, .messages = messages, .n_messages = p->n_front + 1};
	struct buf text = {0};
	int rc = messages ? search_message(h, n, question, &text, e) : ERR_RESOURCE;
	if (!rc) {
		for (size_t i = 0; i < p->n_front; i++)
			messages[i] = p->front[i];
		messages[p->n_front] = (struct message){.role = "user", .content = text.p};
		out->n = 0;
		rc = row_prompt(out, &row, model_encoder(p->model), e);
	}
	buf_release(&text);
	mem_free(messages);
	return rc;
}

int search_prompt(const struct search_prompt *p, const struct search_hits *h, const char *question, struct ids *out, size_t *n_used,
	struct err *e)
{
	size_t context = model_config(p->model)->context, n = h->n;
	int rc = prompt_make(p, h, n, question, out, e);
	while (!rc && n && out->n + p->answer_tokens > context)
		rc = prompt_make(p, h, --n, question, out, e);
	*n_used = n;
	return rc ? rc : prompt_check(out->n, context, e);
}

int search_ask(struct search *s, const char *question, struct search_hits *hits, struct buf *out, struct err *e)
{
	int rc = search_find(s, question, PASSAGES_SHOWN, hits, e);
	return rc ? rc : search_message(hits, hits->n, question, out, e);
}

void search_hits_release(struct search_hits *h)
{
	arena_release(&h->arena);
	*h = (struct search_hits){0};
}
