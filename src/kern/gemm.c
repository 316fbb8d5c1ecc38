/*
 * The matrix product of a vector path. B is packed panel by panel into cache-sized scratch just before use, straight from the stored
 * blocks, so that quantised weights are dequantised on the fly; A is packed once per block of K.
 *
 *   for each block of rows (MC), for each block of K (KC):
 *     pack A [MC, KC]; for each group of panels: pack the group, then multiply tiles (panel x ROW_CHUNK rows).
 *
 * Every element of C is the sum over blocks of K in order, whoever computes it.
 */
#include "kern/tile.h"

#include <string.h>

enum { MC = 1536, KC = TILE_MAX_DEPTH, GROUP = 16, ROW_CHUNK = 48, FEW_ROWS = 4 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t P(gemm_scratch_bytes)(void)
{
	return (size_t)(MC + GROUP * TILE_COLS) * KC * sizeof(packed);
}

/*
 * Few rows: reading B is all the work, so it is unpacked row by row and used at once, without packing.
 * B transposed: c[n] = A row . B row n. B as it is: c += a[k] B row k, in column chunks.
 */
static void few_rows(const struct gemm *g)
{
	enum { COLUMNS = 64 };
#pragma omp parallel for schedule(static)
	for (size_t n0 = 0; n0 < g->N; n0 += COLUMNS) {
		size_t N = least(COLUMNS, g->N - n0);
		float sum[FEW_ROWS][COLUMNS] = {{0}}, b[KC];
		for (int i = 0; i < g->n_terms; i++) {
			const struct gemm_term *t = &g->term[i];
			for (size_t k0 = 0; k0 < t->K; k0 += t->b_transposed ? KC : 1) {
				size_t K = t->b_transposed ? least(KC, t->K - k0) : 1;
				for (size_t n = 0; n < (t->b_transposed ? N : 1); n++) {
					P(unpack)
					(b, &t->b, t->b_transposed ? n0 + n : k0, t->b_transposed ? k0 : n0,
						t->b_transposed ? K : N);
					for (size_t m = 0; m < g->M; m++) {
						const float *a = t->a + m * t->lda + k0;
						if (!t->b_transposed) {
							for (size_t j = 0; j < N; j++)
								sum[m][j] += *a * b[j];
							continue;
						}
						vf part[4] = {{0}};
						size_t k = 0;
						for (; k + 4 * LANES <= K; k += 4 * LANES)
							for (size_t v = 0; v < 4; v++)
								part[v] += vload(a + k + v * LANES) * vload(b + k + v * LANES);
						float rest = 0;
						for (; k < K; k++)
							rest += a[k] * b[k];
						sum[m][n] += vsum((part[0] + part[1]) + (part[2] + part[3])) + rest;
					}
				}
			}
		}
		for (size_t m = 0; m < g->M; m++) {
			float *c = g->c + m * g->ldc + n0;
			for (size_t j = 0; j < N; j++)
				c[j] = (g->accumulate ? c[j] : 0) + g->alpha * sum[m][j];
		}
	}
}

/* One block of rows and of K, by all threads of the enclosing parallel region. */
static void block(const struct gemm *g, const struct gemm_term *t, size_t m0, size_t k0, bool accumulate)
{
	size_t M = least(MC, g->M - m0), K = least(KC, t->K - k0), depth = tile_depth(K);
	size_t n_chunks = (M + ROW_CHUNK - 1) / ROW_CHUNK;
	packed *a = g->scratch, *panels = a + MC * KC;
	for (size_t n0 = 0; n0 < g->N; n0 += GROUP * TILE_COLS) {
		size_t n_panels = (least(GROUP * TILE_COLS, g->N - n0) + TILE_COLS - 1) / TILE_COLS;
		size_t n_packs = n_panels + (n0 == 0 ? n_chunks : 0);
#pragma omp for schedule(dynamic)
		for (size_t i = 0; i < n_packs; i++) {
			if (i < n_panels) {
				size_t n = n0 + i * TILE_COLS;
				P(tile_pack_b)
				(panels + i * TILE_COLS * KC, &t->b, t->b_transposed, k0, K, n, least(TILE_COLS, g->N - n));
			} else {
				size_t m = (i - n_panels) * ROW_CHUNK;
				const float *from = t->a_transposed ? t->a + k0 * t->lda + m0 + m : t->a + (m0 + m) * t->lda + k0;
				P(tile_pack_a)(a + m * depth, depth, from, t->lda, t->a_transposed, least(ROW_CHUNK, M - m), K);
			}
		}
#pragma omp for schedule(dynamic)
		for (size_t i = 0; i < n_panels * n_chunks; i++) {
			size_t p = i / n_chunks, m = i % n_chunks * ROW_CHUNK, n = n0 + p * TILE_COLS;
			P(tile_multiply)
			(g->c + (m0 + m) * g->ldc + n, g->ldc, least(ROW_CHUNK, M - m), least(TILE_COLS, g->N - n), a + m * depth,
				depth, panels + p * TILE_COLS * KC, K, g->alpha, accumulate);
		}
	}
}

void P(gemm)(const struct gemm *g)
{
	bool a_rows = true;
	for (int i = 0; i < g->n_terms; i++)
		a_rows = a_rows && !g->term[i].a_transposed;
	if (g->M <= FEW_ROWS && a_rows) {
		few_rows(g);
		return;
	}
#pragma omp parallel
	for (size_t m0 = 0; m0 < g->M; m0 += MC) {
		bool accumulate = g->accumulate;
		for (int i = 0; i < g->n_terms; i++)
			for (size_t k0 = 0; k0 < g->term[i].K; k0 += KC, accumulate = true)
				block(g, &g->term[i], m0, k0, accumulate);
	}
}
