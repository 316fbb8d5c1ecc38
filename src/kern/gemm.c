/*
 * The matrix product of a vector path. A is packed once and shared; panels of B are packed by the thread that multiplies them, into
 * memory of its own and straight from the stored blocks, so that quantised weights are dequantised on the fly; or, where B is what the product before
 * had as A, from that one's packed rows.
 *
 *   for each pass along K, over as many segments of all terms as a panel may be deep, for each block of rows (MC):
 *     all threads pack A [MC, pass] and meet; then each goes through its share of the tiles, panel after panel.
 *
 * Every element of C is the sum over segments of K in order, whoever computes it.
 */
#include "kern/tile.h"

#include <omp.h>
#include <string.h>

enum {
	MC = 672,
	KC = TILE_MAX_DEPTH,
	PASS = 2 * KC + 128,
	ROW_CHUNK = 8 * TILE_ROWS,
	PACK_ROWS = 16,
	FEW_ROWS = 4,
	NARROW_ROWS = 64 /* of an A that is put behind the kept one */
};

/* A range of K of one term, `at` columns into packed A and packed rows into a panel. */
struct segment {
	const struct gemm_term *term;
	size_t k0, K, at;
};

/* A pass holds whole blocks of KC and what is left of each term. */
struct pass {
	struct segment segment[PASS / KC + GEMM_TERMS];
	int n;
	bool kept;       /* the first term's A is packed already */
	const packed *b; /* the first term's B as the product before packed it as its A, or NULL */
	packed *a;       /* A of this product, packed: each segment [rows, depth] */
	size_t rows;
};

size_t P(gemm_scratch_bytes)(void)
{
	return sizeof(struct kept) + (MC + NARROW_ROWS + (size_t)omp_get_max_threads() * TILE_COLS) * PASS * sizeof(packed);
}

/* Takes the segments of the next pass, from *k of term *i on; false when there are none. */
static bool pass_next(struct pass *p, const struct gemm *g, int *i, size_t *k)
{
	size_t depth = 0;
	p->n = 0;
	for (; *i < g->n_terms; ++*i, *k = 0) {
		const struct gemm_term *t = &g->term[*i];
		while (*k < t->K) {
			size_t K = least(KC, t->K - *k);
			if (depth + tile_depth(K) > PASS)
				return true;
			p->segment[p->n++] = (struct segment){t, *k, K, depth};
			depth += tile_depth(K);
			*k += K;
		}
	}
	return p->n > 0;
}

static void pack_rows(const struct gemm *g, const struct pass *p, size_t m0, size_t m, size_t M)
{
	for (int i = 0; i < p->n; i++) {
		const struct segment *s = &p->segment[i];
		const struct gemm_term *t = s->term;
		if (t == g->term && p->kept)
			continue;
		size_t depth = tile_depth(s->K), row = m0 + m;
		const float *from = t->a_transposed ? t->a + s->k0 * t->lda + row : t->a + row * t->lda + s->k0;
		P(tile_pack_a)(p->a + s->at * p->rows + m * depth, depth, from, t->lda, t->a_transposed, M, s->K);
	}
}

/* Columns n..n+N of a segment of B. Of one that was A, which had one pass, they lie in one segment of that. */
static void pack_panel(const struct gemm *g, const struct pass *p, const struct segment *s, packed *panel, size_t n, size_t N)
{
	struct matrix b = s->term->b;
	size_t first = 0;
	if (p->b) {
		first = n / KC * KC;
		b = (struct matrix){(enum dtype)PACKED_DTYPE, s->term->K, tile_depth(least(KC, g->N - first)), p->b + first * MC};
	}
	P(tile_pack_b)(panel, &b, s->term->b_transposed, s->k0, s->K, n - first, N);
}

/* Columns n..n+N of the rows m0 + [first, last). Chunks of rows keep the tiles of C close from one segment to the next. */
static void multiply_panel(
	const struct gemm *g, const struct pass *p, packed *panel, size_t m0, size_t first, size_t last, size_t n, bool accumulate)
{
	size_t N = least(TILE_COLS, g->N - n);
	for (int i = 0; i < p->n; i++) {
		const struct segment *s = &p->segment[i];
		pack_panel(g, p, s, panel + s->at * TILE_COLS, n, N);
	}
	for (size_t m = first; m < last; m += ROW_CHUNK)
		for (int i = 0; i < p->n; i++) {
			const struct segment *s = &p->segment[i];
			size_t depth = tile_depth(s->K);
			P(tile_multiply)
			(g->c + (m0 + m) * g->ldc + n, g->ldc, least(ROW_CHUNK, last - m), N, p->a + s->at * p->rows + m * depth,
				depth, panel + s->at * TILE_COLS, s->K, g->alpha, accumulate || i);
		}
}

/*
 * One block of rows of a pass, by all threads of the enclosing parallel region. The tiles, panel by panel, are cut into equal shares; only
 * the panel where two shares meet is packed twice.
 */
static void block(const struct gemm *g, const struct pass *p, size_t m0, bool accumulate)
{
	size_t M = least(MC, g->M - m0), n_tiles = (M + TILE_ROWS - 1) / TILE_ROWS, n_panels = (g->N + TILE_COLS - 1) / TILE_COLS;
	size_t id = (size_t)omp_get_thread_num(), n_threads = (size_t)omp_get_num_threads(), work = n_panels * n_tiles;
	packed *panel = (packed *)((struct kept *)g->scratch + 1) + (MC + NARROW_ROWS + id * TILE_COLS) * PASS;
	if (!p->kept || g->n_terms > 1) {
#pragma omp for schedule(static)
		for (size_t m = 0; m < M; m += PACK_ROWS)
			pack_rows(g, p, m0, m, least(PACK_ROWS, M - m));
	}
	for (size_t at = work * id / n_threads, end = work * (id + 1) / n_threads, n; at < end; at += n) {
		size_t tile = at % n_tiles;
		n = least(n_tiles - tile, end - at);
		multiply_panel(
			g, p, panel, m0, tile * TILE_ROWS, least((tile + n) * TILE_ROWS, M), at / n_tiles * TILE_COLS, accumulate);
	}
}

/* Whether scratch holds the packed A of the first term. It is kept if all terms and rows fit at once: of one pass and one block of rows. */
static bool keep(const struct gemm *g)
{
	size_t depth = 0;
	for (int i = 0; i < g->n_terms; i++)
		depth += tile_depth(g->term[i].K);
	return kept_again(g->scratch, g, PACKED, g->M <= MC && depth <= PASS);
}

/* Whether B of the only term is what scratch holds as packed A, which few rows of a new one leave there. */
static bool was_a(const struct gemm *g)
{
	const struct kept *have = g->scratch;
	const struct gemm_term *t = &g->term[0];
	return g->b_was_a && g->n_terms == 1 && g->M <= NARROW_ROWS && !t->b_transposed && t->b.dtype == DTYPE_F32 &&
		have->how == PACKED && have->a == t->b.data && have->lda == t->b.cols && have->M == t->K && have->K == g->N &&
		!have->transposed;
}

void P(gemm)(const struct gemm *g)
{
	bool a_rows = true;
	for (int i = 0; i < g->n_terms; i++)
		a_rows = a_rows && !g->term[i].a_transposed;
	if (a_rows && (g->M <= FEW_ROWS || g->by_row)) {
		P(gemm_rows)(g, g->scratch, P(gemm_scratch_bytes)() - sizeof(struct kept));
		return;
	}
	packed *a = (packed *)((struct kept *)g->scratch + 1);
	struct pass start = {.a = a, .rows = MC};
	if (was_a(g))
		start = (struct pass){.b = a, .a = a + MC * PASS, .rows = NARROW_ROWS};
	else
		start.kept = keep(g);
#pragma omp parallel
	{
		struct pass p = start;
		int term = 0;
		bool later = false;
		for (size_t k = 0; pass_next(&p, g, &term, &k);) {
			bool accumulate = g->accumulate || later;
			for (size_t m0 = 0; m0 < g->M; m0 += MC, later = true) {
				if (later) {
#pragma omp barrier /* nobody reads the packed A any more */
				}
				block(g, &p, m0, accumulate);
			}
		}
	}
}
