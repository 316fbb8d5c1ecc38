/*
 * Passages as vectors: made once and kept in the index in half precision, and searched exactly, by one product with the question's. All
 * have length 1, so that the product is the cosine. Reference: vectors.h.
 */
#include "search/vectors.h"

#include <math.h>
#include <string.h>

enum { AT_ONCE = 64 }; /* passages between two commits, and two lines of progress */

/* ---- making ------------------------------------------------------------------------------------------------------------------- */

/* Passages without a vector, as the embedder reads them: heading and text. */
struct batch_of_texts {
	struct arena arena;
	const char *text[AT_ONCE];
	int64_t row[AT_ONCE];
	size_t n;
};

static int text_keep(void *context, const struct store_hit *hit, struct err *e)
{
	struct batch_of_texts *b = context;
	struct buf text = {0};
	int rc = buf_printf(&text, e, "%s\n%s", hit->passage.heading, hit->passage.text);
	b->row[b->n] = hit->row;
	if (!rc && !(b->text[b->n++] = arena_strdup(&b->arena, text.p, text.len, e)))
		rc = ERR_RESOURCE;
	buf_release(&text);
	return rc;
}

static int batch_put(
	struct store *s, const struct store_keys *keys, const struct embedder *m, const struct batch_of_texts *b, struct err *e)
{
	size_t width = embedder_width(m);
	float *v = mem_alloc(b->n * width, sizeof *v, e);
	uint16_t *half = mem_alloc(b->n * width, sizeof *half, e);
	int rc = v && half ? embedder_run(m, b->text, b->n, v, e) : ERR_RESOURCE;
	if (!rc) {
		dtype_quantize(half, DTYPE_F16, v, b->n * width);
		const struct store_vectors put = {.row = b->row, .value = half, .n = b->n, .size_bytes = width * sizeof *half};
		rc = store_vectors_put(s, keys, &put, e);
	}
	mem_free(v);
	mem_free(half);
	return rc;
}

static int vectors_make(struct store *s, const struct store_keys *keys, const struct embedder *m, size_t n, struct err *e)
{
	struct batch_of_texts *b = mem_alloc(1, sizeof *b, e);
	struct progress progress;
	int64_t last = -1;
	int rc = 0;
	if (!b)
		return ERR_RESOURCE;
	arena_init(&b->arena, 64 << 10);
	progress_begin(&progress, "vectors of passages", "passages", (double)n);
	for (size_t done = 0;; done += b->n) {
		progress_update(&progress, (double)done, NULL);
		arena_reset(&b->arena);
		b->n = 0;
		rc = store_vectors_missing(s, last, AT_ONCE, text_keep, b, e);
		if (!rc && b->n)
			rc = batch_put(s, keys, m, b, e);
		if (rc || !b->n)
			break;
		last = b->row[b->n - 1];
	}
	progress_end(&progress);
	arena_release(&b->arena);
	mem_free(b);
	return rc;
}

/* ---- loading ------------------------------------------------------------------------------------------------------------------- */

struct loading {
	struct vectors *v;
	const char *path; /* of the index, for messages */
	float *wide;      /* [width] */
};

/* Each has length 1 but for rounding, so that a damaged one shows. */
static int vector_load(void *context, int64_t row, const void *value, size_t size_bytes, struct err *e)
{
	const struct loading *l = context;
	struct vectors *v = l->v;
	size_t width = embedder_width(v->embedder), n = (v->n + 1) * width;
	if (size_bytes != width * sizeof *v->value)
		return err_set(e, ERR_DATA,
			"%s: the vector of passage %lld has %zu bytes, expected %zu; remove the file, it is made again from the "
			"documents",
			l->path, (long long)row, size_bytes, width * sizeof *v->value);
	int rc = mem_reserve(&v->row, v->n, &v->n_rows, sizeof *v->row, e);
	if (!rc && n > v->n_values) {
		rc = mem_resize(&v->value, v->n_values, 2 * n, sizeof *v->value, e);
		v->n_values = rc ? v->n_values : 2 * n;
	}
	if (rc)
		return rc;
	uint16_t *mine = v->value + v->n * width;
	memcpy(mine, value, size_bytes);
	const struct matrix one = {DTYPE_F16, 1, width, mine};
	matrix_row(l->wide, &one, 0, 0, width);
	double length = sqrt(kern->sum_squares(l->wide, width));
	if (!(fabs(length - 1) < 0.01))
		return err_set(e, ERR_DATA,
			"%s: the vector of passage %lld has the length %g, expected 1; remove the file, it is made again from the "
			"documents",
			l->path, (long long)row, length);
	v->row[v->n++] = row;
	return 0;
}

int vectors_open(struct vectors *v, struct store *s, const char *key, const struct embedder *m, struct err *e)
{
	const struct store_keys keys = {key, embedder_key(m)};
	struct loading l = {v, store_path(s), mem_alloc(embedder_width(m), sizeof *l.wide, e)};
	size_t n_missing;
	*v = (struct vectors){.embedder = m};
	int rc = l.wide ? store_vectors_begin(s, keys.embedder, &n_missing, e) : ERR_RESOURCE;
	if (!rc && n_missing)
		rc = vectors_make(s, &keys, m, n_missing, e);
	if (!rc)
		rc = store_vectors_each(s, &keys, vector_load, &l, e);
	mem_free(l.wide);
	return rc;
}

void vectors_release(struct vectors *v)
{
	mem_free(v->row);
	mem_free(v->value);
	*v = (struct vectors){0};
}

/* ---- finding ------------------------------------------------------------------------------------------------------------------- */

/* The nearest so far, the nearest first; of equal ones the earlier. */
struct nearest {
	double *cosine;
	int64_t *row;
	size_t n, limit;
};

static void nearest_add(struct nearest *near, double cosine, int64_t row)
{
	size_t at = near->n;
	if (near->n == near->limit && (!near->limit || cosine <= near->cosine[near->limit - 1]))
		return;
	while (at > 0 && near->cosine[at - 1] < cosine)
		at--;
	near->n += near->n < near->limit;
	memmove(near->cosine + at + 1, near->cosine + at, (near->n - at - 1) * sizeof *near->cosine);
	memmove(near->row + at + 1, near->row + at, (near->n - at - 1) * sizeof *near->row);
	near->cosine[at] = cosine;
	near->row[at] = row;
}

/* cosine [n] of all passages with the question. */
static int cosines(const struct vectors *v, const char *question, float *cosine, struct err *e)
{
	size_t width = embedder_width(v->embedder);
	float *q = mem_alloc(width, sizeof *q, e);
	void *scratch = mem_alloc(kern_scratch_bytes(), 1, e);
	int rc = q && scratch ? embedder_run(v->embedder, &question, 1, q, e) : ERR_RESOURCE;
	struct gemm g = {.M = 1, .N = v->n, .n_terms = 1, .alpha = 1, .c = cosine, .ldc = v->n, .scratch = scratch};
	g.term[0] =
		(struct gemm_term){.a = q, .lda = width, .K = width, .b = {DTYPE_F16, v->n, width, v->value}, .b_transposed = true};
	if (!rc && v->n)
		kern->gemm(&g);
	mem_free(q);
	mem_free(scratch);
	return rc;
}

int vectors_find(
	const struct vectors *v, const char *question, size_t limit, int64_t *row, double *cosine, size_t *n, struct err *e)
{
	float *all = mem_alloc(v->n, sizeof *all, e);
	struct nearest near = {.cosine = cosine, .row = row, .limit = limit};
	int rc = all ? cosines(v, question, all, e) : ERR_RESOURCE;
	for (size_t i = 0; i < v->n && !rc; i++)
		nearest_add(&near, (double)all[i], v->row[i]);
	*n = near.n;
	mem_free(all);
	return rc;
}
