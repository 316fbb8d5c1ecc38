/*
 * Passages scored by words: BM25 (Robertson & Zaragoza 2009, (3.15)) with the constants and the floor of FTS5's bm25(), and its sums in the same
 * order, so that scores are the same to the last bit. Word after word, each passage that has it gets what that is worth. Reference: postings.h.
 */
#include "store/postings.h"

#include <math.h>
#include <string.h>

static const double K1 = 1.2, B = 0.75, WEIGHT_MIN = 1e-6;

struct scoring {
	const struct db *db;
	Fts5Tokenizer *words;
	fts5_tokenizer tokenizer;
	sqlite3_stmt *postings; /* of a term */
	size_t n;
	int64_t *row;     /* [n] all passages, ascending */
	double *saturate; /* [n] what BM25 adds to a frequency below the line, which grows with the passage's length */
	double *score;    /* [n] */
};

/* ---- words ------------------------------------------------------------------------------------------------------------------------- */

/* SQLite's documentation of FTS5, "Extending FTS5". */
static int tokenizer_open(struct scoring *s, struct err *e)
{
	static const char *arguments[] = {TOKENIZER_INNER, TOKENIZER_OPTION, TOKENIZER_VALUE};
	sqlite3_stmt *q = db_prepare(s->db, "SELECT fts5(?1)", 0, e);
	fts5_api *api = NULL;
	void *context;
	if (!q)
		return e->code;
	sqlite3_bind_pointer(q, 1, &api, "fts5_api_ptr", NULL);
	bool found = sqlite3_step(q) == SQLITE_ROW && api && !api->xFindTokenizer(api, TOKENIZER, &context, &s->tokenizer) &&
		!s->tokenizer.xCreate(context, arguments, sizeof arguments / sizeof *arguments, &s->words);
	sqlite3_finalize(q);
	return found ? 0 : err_set(e, ERR_FAILED, "%s: SQLite gives no tokenizer '%s'", s->db->path, TOKENIZER);
}

struct tokens {
	size_t n;
	struct buf first;
};

static int token_take(void *context, int flags, const char *token, int n, int start, int end)
{
	struct tokens *t = context;
	(void)flags, (void)start, (void)end;
	return t->n++ || !buf_append(&t->first, token, (size_t)n, NULL) ? SQLITE_OK : SQLITE_NOMEM;
}

/* ---- scores ------------------------------------------------------------------------------------------------------------------------ */

static int damaged(const struct scoring *s, struct err *e)
{
	return err_set(
		e, ERR_DATA, "%s: damaged: its postings are not those of its passages; %s", s->db->path, s->db->kind->remedy);
}

/* The postings of a term, and in how many passages it stands; none, and 0, where it stands in none. Valid until the next. */
static int postings_find(struct scoring *s, const char *term, size_t length, struct posting *at, size_t *n, struct err *e)
{
	sqlite3_reset(s->postings);
	sqlite3_bind_text64(s->postings, 1, term, length, SQLITE_STATIC, SQLITE_UTF8);
	int step = sqlite3_step(s->postings);
	*at = (struct posting){0};
	*n = 0;
	if (step != SQLITE_ROW)
		return step == SQLITE_DONE ? 0 : db_failed(s->db, e);
	const uint8_t *value = sqlite3_column_blob(s->postings, 1);
	*at = (struct posting){.p = value, .end = value + sqlite3_column_bytes(s->postings, 1)};
	*n = (size_t)sqlite3_column_int64(s->postings, 0);
	return 0;
}

/* Lists all passages, with their lengths. */
static int passages_load(struct scoring *s, struct err *e)
{
	struct posting at;
	double total = 0;
	size_t n, i = 0;
	int more, rc = postings_find(s, "", 0, &at, &n, e);
	if (rc)
		return rc;
	if (n > (size_t)(at.end - at.p)) /* each takes two bytes and more */
		return damaged(s, e);
	s->row = mem_alloc(n, sizeof *s->row, e);
	s->saturate = mem_alloc(n, sizeof *s->saturate, e);
	s->score = mem_alloc(n, sizeof *s->score, e);
	if (!s->row || !s->saturate || !s->score)
		return ERR_RESOURCE;
	for (; (more = posting_next(&at)) == 1 && i < n; i++) {
		s->row[i] = at.row;
		s->saturate[i] = (double)at.frequency;
		total += s->saturate[i];
	}
	if (more || i < n)
		return damaged(s, e);
	for (i = 0; i < n; i++)
		s->saturate[i] = K1 * (1 - B + B * s->saturate[i] / (total / (double)n));
	s->n = n;
	return 0;
}

static int add_term(struct scoring *s, const struct buf *term, struct err *e)
{
	struct posting at;
	size_t n, i = 0;
	int more, rc = postings_find(s, term->p, term->len, &at, &n, e);
	double weight = log(((double)s->n - (double)n + 0.5) / ((double)n + 0.5));
	weight = weight > 0 ? weight : WEIGHT_MIN;
	if (rc)
		return rc;
	while ((more = posting_next(&at)) == 1) {
		while (i < s->n && s->row[i] < at.row)
			i++;
		if (i == s->n || s->row[i] != at.row)
			return damaged(s, e);
		double f = (double)at.frequency;
		s->score[i] += weight * (f * (K1 + 1) / (f + s->saturate[i]));
	}
	return more ? damaged(s, e) : 0;
}

/* A word of several tokens. A question of this phrase alone gives what it is worth. */
static int add_phrase(struct scoring *s, const char *word, struct err *e)
{
	sqlite3_stmt *q = db_prepare(s->db,
		"SELECT rowid, -bm25(passage) FROM passage WHERE passage MATCH '\"' || replace(?1, '\"', '\"\"') || '\"' ORDER BY "
		"rowid",
		0, e);
	int step = SQLITE_DONE, rc = q ? 0 : e->code;
	size_t i = 0;
	if (q)
		db_bind_text(q, 1, word);
	while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW) {
		while (i < s->n && s->row[i] < sqlite3_column_int64(q, 0))
			i++;
		if (i == s->n || s->row[i] != sqlite3_column_int64(q, 0))
			rc = damaged(s, e);
		else
			s->score[i] += sqlite3_column_double(q, 1);
	}
	if (!rc && step != SQLITE_DONE)
		rc = db_failed(s->db, e);
	sqlite3_finalize(q);
	return rc;
}

static int add_word(struct scoring *s, const char *word, struct err *e)
{
	struct tokens t = {0};
	int rc = s->tokenizer.xTokenize(s->words, &t, FTS5_TOKENIZE_QUERY, word, (int)strlen(word), token_take);
	if (rc)
		rc = err_set(e, ERR_RESOURCE, "no memory for the words of a question");
	else if (t.n == 1)
		rc = add_term(s, &t.first, e);
	else if (t.n)
		rc = add_phrase(s, word, e);
	buf_release(&t.first);
	return rc;
}

/* ---- the best ---------------------------------------------------------------------------------------------------------------------- */

static size_t best(const struct scoring *s, size_t limit, struct store_match *out)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++) {
		double score = s->score[i];
		if (score <= 0 || (n == limit && (!n || score <= out[n - 1].score)))
			continue;
		size_t at = n += n < limit;
		for (at--; at > 0 && out[at - 1].score < score; at--)
			out[at] = out[at - 1];
		out[at] = (struct store_match){s->row[i], score};
	}
	return n;
}

int bm25_match(const struct db *d, const struct store_words *words, size_t limit, struct store_match *out, size_t *n, struct err *e)
{
	struct scoring s = {.db = d};
	int rc = db_execute(d, "BEGIN", e); /* so that all is of one state, whoever writes meanwhile */
	*n = 0;
	if (rc)
		return rc;
	s.postings = db_prepare(d, "SELECT n_passages, value FROM posting WHERE term = ?1", 0, e);
	rc = s.postings ? tokenizer_open(&s, e) : e->code;
	if (!rc)
		rc = passages_load(&s, e);
	for (size_t i = 0; i < words->n && !rc; i++)
		rc = add_word(&s, words->word[i], e);
	if (!rc)
		*n = best(&s, limit, out);
	if (s.words)
		s.tokenizer.xDelete(s.words);
	sqlite3_finalize(s.postings);
	mem_free(s.row);
	mem_free(s.saturate);
	mem_free(s.score);
	return db_finish(d, rc, e);
}
