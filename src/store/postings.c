/* Postings made and read. Reference: postings.h; SQLite's documentation of fts5vocab. */
#include "store/postings.h"

#include <string.h>

/* ---- LEB128: seven bits a byte, the lowest first; all but the last have the high bit ------------------------------------------- */

enum { VARINT_BYTES_MAX = 10 };

static int varint_put(struct buf *b, uint64_t v, struct err *e)
{
	uint8_t byte[VARINT_BYTES_MAX];
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		byte[n++] = (uint8_t)(v | 0x80);
	byte[n++] = (uint8_t)v;
	return buf_append(b, byte, n, e);
}

static bool varint_next(struct posting *at, uint64_t *v)
{
	*v = 0;
	for (int shift = 0; at->p < at->end && shift < 63; shift += 7) {
		uint8_t byte = *at->p++;
		*v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

int posting_next(struct posting *at)
{
	uint64_t step;
	if (at->p == at->end)
		return 0;
	if (!varint_next(at, &step) || !varint_next(at, &at->frequency) || step > (uint64_t)(INT64_MAX - at->row))
		return -1;
	at->row += (int64_t)step;
	return 1;
}

/* ---- making ----------------------------------------------------------------------------------------------------------------------- */

struct making {
	const struct db *db;
	sqlite3_stmt *put;
	size_t n, cap;
	int64_t *row; /* [n] all passages, ascending */
	uint64_t *length;
	struct buf term, value; /* of the term being read */
	uint64_t n_passages;
	int64_t last;       /* the passage before, of this term */
	int64_t current;    /* the passage being read; 0: none */
	uint64_t frequency; /* of the term in it */
};

static int passages_list(struct making *m, struct err *e)
{
	sqlite3_stmt *q = db_prepare(m->db, "SELECT id, n_passages FROM document ORDER BY id", 0, e);
	int step = SQLITE_DONE, rc = q ? 0 : e->code;
	while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW) {
		int64_t first = sqlite3_column_int64(q, 0) * STORE_PASSAGES_MAX, n = sqlite3_column_int64(q, 1);
		for (int64_t i = 0; i < n && !rc; i++)
			if (!(rc = mem_reserve(&m->row, m->n, &m->cap, sizeof *m->row, e)))
				m->row[m->n++] = first + i;
	}
	if (!rc && step != SQLITE_DONE)
		rc = db_failed(m->db, e);
	sqlite3_finalize(q);
	if (!rc && !(m->length = mem_alloc(m->n, sizeof *m->length, e)))
		rc = ERR_RESOURCE;
	return rc;
}

/* m->n when there is no such passage. */
static size_t passage_at(const struct making *m, int64_t row)
{
	size_t low = 0, high = m->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (m->row[middle] < row)
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->n && m->row[low] == row ? low : m->n;
}

static int posting_put(struct making *m, int64_t row, uint64_t frequency, struct err *e)
{
	int rc = varint_put(&m->value, (uint64_t)(row - m->last), e);
	m->last = row;
	m->n_passages++;
	return rc ? rc : varint_put(&m->value, frequency, e);
}

static int passage_end(struct making *m, struct err *e)
{
	size_t at = passage_at(m, m->current);
	int64_t row = m->current;
	m->current = 0;
	if (!row)
		return 0;
	if (at == m->n || row <= m->last)
		return err_set(e, ERR_DATA, "%s: damaged: a word stands in the passage %lld, which is not there; %s", m->db->path,
			(long long)row, m->db->kind->remedy);
	m->length[at] += m->frequency;
	return posting_put(m, row, m->frequency, e);
}

/* The term is complete. */
static int term_end(struct making *m, struct err *e)
{
	sqlite3_int64 ignored;
	int rc = passage_end(m, e);
	if (!rc && m->n_passages) {
		sqlite3_bind_text64(m->put, 1, m->term.len ? m->term.p : "", m->term.len, SQLITE_STATIC, SQLITE_UTF8);
		sqlite3_bind_int64(m->put, 2, (sqlite3_int64)m->n_passages);
		sqlite3_bind_blob64(m->put, 3, m->value.p, m->value.len, SQLITE_STATIC);
		rc = db_step_once(m->db, m->put, &ignored, e);
	}
	buf_clear(&m->term);
	buf_clear(&m->value);
	m->n_passages = 0;
	m->last = 0;
	return rc;
}

/* Every place of every word, ordered by word and passage: of each pair the places are counted. */
static int terms_put(struct making *m, struct err *e)
{
	sqlite3_stmt *q = db_prepare(m->db, "SELECT term, doc FROM occurrence ORDER BY term", 0, e);
	int step = SQLITE_DONE, rc = q ? 0 : e->code;
	while (!rc && (step = sqlite3_step(q)) == SQLITE_ROW) {
		const void *term = sqlite3_column_text(q, 0);
		size_t n = (size_t)sqlite3_column_bytes(q, 0);
		int64_t row = sqlite3_column_int64(q, 1);
		if (n != m->term.len || memcmp(term, m->term.p, n)) {
			rc = term_end(m, e);
			if (!rc)
				rc = buf_append(&m->term, term, n, e);
		} else if (row != m->current) {
			rc = passage_end(m, e);
		}
		m->frequency = row == m->current ? m->frequency + 1 : 1;
		m->current = row;
	}
	if (!rc && step != SQLITE_DONE)
		rc = db_failed(m->db, e);
	sqlite3_finalize(q);
	return rc ? rc : term_end(m, e);
}

static int lengths_put(struct making *m, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < m->n && !rc; i++)
		rc = posting_put(m, m->row[i], m->length[i], e);
	return rc ? rc : term_end(m, e);
}

int postings_make(const struct db *d, struct err *e)
{
	struct making m = {.db = d};
	int rc = db_execute(d, "DELETE FROM posting", e);
	if (!rc && !(m.put = db_prepare(d, "INSERT INTO posting(term, n_passages, value) VALUES(?1, ?2, ?3)", 0, e)))
		rc = e->code;
	if (!rc)
		rc = passages_list(&m, e);
	if (!rc)
		rc = terms_put(&m, e);
	if (!rc)
		rc = lengths_put(&m, e);
	sqlite3_finalize(m.put);
	buf_release(&m.term);
	buf_release(&m.value);
	mem_free(m.row);
	mem_free(m.length);
	return rc;
}
