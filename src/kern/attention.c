/*
 * Attention with a running softmax over blocks of keys (Dao et al. 2022), forward and backward, made of tile products. The
 * queries of all heads that share a key/value head are stacked as rows of one product, so that keys and values are packed once for the
 * group. One task is a key/value head of one sequence and a block of queries. Forward they share nothing that they write; backward
 * those of a head add to the same keys, in order.
 */
#include "kern/tile.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <string.h>

enum { ROWS = 96, KEYS = 64, MAX_D = ATTENTION_MAX_D };

/* Places of a block of keys that a query sees: `from` to before `to`. */
struct span {
	size_t from, to;
};

/* Private memory of a thread. ROWS stacked query rows; at least one position of every head of a group must fit. */
struct space {
	float q[ROWS * MAX_D], d_out[ROWS * MAX_D], out[ROWS * MAX_D]; /* gathered rows [R, D] */
	float s[ROWS * KEYS], dp[ROWS * KEYS];                         /* scores and their gradient [R, KEYS] */
	float max[ROWS], sum[ROWS], delta[ROWS], lse[ROWS];
	struct span seen[ROWS];
	float rows[KEYS * MAX_D]; /* keys, values or a gradient of theirs that lie in two places */
	/* Packed: queries and the gradient of what they give, for all blocks of keys; scores or their gradient, transposed or not. */
	_Alignas(64) packed q_packed[ROWS * MAX_D], d_out_packed[ROWS * MAX_D], s_packed[ROWS * (ROWS > KEYS ? ROWS : KEYS)];
	/* Panels of the same two, and of keys or values. */
	_Alignas(64) packed q_panels[ROWS * MAX_D], d_out_panels[ROWS * MAX_D], panels[ROWS * MAX_D];
};

size_t P(attention_scratch_bytes)(void)
{
	return sizeof(struct space) * (size_t)omp_get_max_threads();
}

static struct space *my_space(const struct attention *a)
{
	return (struct space *)a->scratch + omp_get_thread_num();
}

/* The panels of B [K, N], or of its transpose, one behind the other; its rows are `ldb` floats apart. K <= ROWS or N <= ROWS, the other <= MAX_D. */
static const packed *pack_panels(packed *to, const float *b, size_t ldb, bool transposed, size_t K, size_t N)
{
	const struct matrix m = {DTYPE_F32, transposed ? N : K, ldb, b};
	for (size_t n = 0; n < N; n += TILE_COLS)
		P(tile_pack_b)(to + n * tile_depth(K), &m, transposed, 0, K, n, least(TILE_COLS, N - n));
	return to;
}

/* c [M, N] = alpha A B (added when `accumulate`), both packed. */
static void product(
	float *c, size_t ldc, size_t M, size_t N, size_t K, const packed *a, const packed *panels, float alpha, bool accumulate)
{
	size_t depth = tile_depth(K);
	for (size_t n = 0; n < N; n += TILE_COLS)
		P(tile_multiply)(c + n, ldc, M, least(TILE_COLS, N - n), a, depth, panels + n * depth, K, alpha, accumulate);
}

static const packed *pack(packed *dst, const float *a, size_t lda, bool transposed, size_t M, size_t K)
{
	P(tile_pack_a)(dst, tile_depth(K), a, lda, transposed, M, K);
	return dst;
}

/* Rows q0..q0+n of the group's heads, stacked head by head: dst [G * n, D]. */
static void gather(const struct attention *a, float *dst, const float *src, size_t hkv, size_t q0, size_t n)
{
	size_t G = a->H / a->Hkv;
	for (size_t g = 0; g < G; g++)
		for (size_t i = 0; i < n; i++)
			memcpy(dst + (g * n + i) * a->D, src + (q0 + i) * a->ldq + (hkv * G + g) * a->D, a->D * sizeof(float));
}

static void scatter(const struct attention *a, float *dst, const float *src, size_t hkv, size_t q0, size_t n)
{
	size_t G = a->H / a->Hkv;
	for (size_t g = 0; g < G; g++)
		for (size_t i = 0; i < n; i++)
			memcpy(dst + (q0 + i) * a->ldq + (hkv * G + g) * a->D, src + (g * n + i) * a->D, a->D * sizeof(float));
}

/* The first key that query q sees. */
static size_t first_key(const struct attention *a, const struct attention_seq *s, size_t q)
{
	size_t n = s->nk - s->nq + q + 1;
	return a->window && a->window < n ? n - a->window : 0;
}

/* Behind the last key that query q sees. */
static size_t end_key(const struct attention *a, const struct attention_seq *s, size_t q)
{
	return a->bidirectional ? s->nk : s->nk - s->nq + q + 1;
}

/* Of the keys k0..k0+n those that query q sees. */
static struct span visible(const struct attention *a, const struct attention_seq *s, size_t q, size_t k0, size_t n)
{
	size_t first = first_key(a, s, q), end = end_key(a, s, q);
	return (struct span){first < k0 ? 0 : least(n, first - k0), end < k0 ? 0 : least(n, end - k0)};
}

/* Keys (or values) k0..k0+n of one head, `*ld` floats apart: where they lie or, when they are f16 or only some are shared, gathered. */
static const float *key_rows(
	const struct attention *a, const struct attention_seq *s, struct located x, size_t hkv, size_t k0, size_t n, size_t *ld)
{
	size_t D = a->D, m = s->n_shared;
	float *rows = my_space(a)->rows;
	*ld = x.half ? D : a->ldk;
	if (x.half) {
		const struct matrix half = {DTYPE_F16, n, D, x.half + (hkv * s->half_rows + k0) * D};
		P(unpack)(rows, D, &half, (struct strip){0, n, 0, D});
		return rows;
	}
	if (k0 >= m)
		return x.own + (k0 - m) * a->ldk + hkv * D;
	if (k0 + n <= m)
		return x.shared + k0 * a->ldk + hkv * D;
	*ld = D;
	for (size_t j = 0; j < n; j++) {
		const float *from = k0 + j < m ? x.shared + (k0 + j) * a->ldk : x.own + (k0 + j - m) * a->ldk;
		memcpy(rows + j * D, from + hkv * D, D * sizeof(float));
	}
	return rows;
}

static void clear_unseen(float *s, struct span seen)
{
	memset(s, 0, seen.from * sizeof(float));
	memset(s + seen.to, 0, (KEYS - seen.to) * sizeof(float));
}

/*
 * The first R rows of scores become exp(s - max), and zero outside `seen`; the running max, sum and the rows of out are brought along. In steps of
 * all rows, without branches on the maxima, so that the processor works at many rows at once: maximum, powers and sum of one wait for each other.
 */
static void softmax_rows(struct space *w, size_t R, size_t D)
{
	float base[ROWS], shrink[ROWS];
	for (size_t r = 0; r < R; r++) {
		float *s = w->s + r * KEYS;
		vf highest = vset(w->max[r]);
		for (size_t j = 0; j < w->seen[r].from; j++)
			s[j] = -INFINITY;
		for (size_t j = w->seen[r].to; j < KEYS; j++)
			s[j] = -INFINITY;
		for (size_t j = 0; j < KEYS; j += LANES)
			highest = vmax(highest, vload(s + j));
		base[r] = vmax_lanes(highest);
	}
	for (size_t r = 0; r < R; r += LANES) {
		vf max = vload(base + r),
		   safe = vselect(max == vset(-INFINITY), vset(0), max); /* a row that has seen nothing yet */
		vstore(shrink + r, vexp(vload(w->max + r) - safe));
		vstore(w->max + r, max);
		vstore(base + r, safe);
	}
	for (size_t r = 0; r < R; r++) {
		float *s = w->s + r * KEYS, *out = w->out + r * D;
		vf part = {0};
		for (size_t j = 0; j < KEYS; j += LANES)
			vstore(s + j, vexp(vload(s + j) - base[r]));
		if (w->seen[r].to - w->seen[r].from < KEYS)
			clear_unseen(s, w->seen[r]);
		for (size_t j = 0; j < KEYS; j += LANES)
			part += vload(s + j);
		for (size_t d = 0; d < D; d++)
			out[d] *= shrink[r];
		w->sum[r] = w->sum[r] * shrink[r] + vsum(part);
	}
}

static void forward(const struct attention *a, const struct attention_seq *s, size_t hkv, size_t q0, size_t nq)
{
	struct space *w = my_space(a);
	size_t G = a->H / a->Hkv, D = a->D, R = G * nq, end = end_key(a, s, q0 + nq - 1);
	gather(a, w->q, s->q, hkv, q0, nq);
	const packed *q = pack(w->q_packed, w->q, D, false, R, D);
	memset(w->out, 0, R * D * sizeof(float));
	for (size_t r = 0; r < R; r++) {
		w->max[r] = -INFINITY;
		w->sum[r] = 0;
	}
	for (size_t k0 = first_key(a, s, q0); k0 < end; k0 += KEYS) {
		size_t n = least(KEYS, end - k0), ld;
		const float *k = key_rows(a, s, located_keys(s), hkv, k0, n, &ld);
		product(w->s, KEYS, R, n, D, q, pack_panels(w->panels, k, ld, true, D, n), a->scale, false);
		for (size_t r = 0; r < R; r++)
			w->seen[r] = visible(a, s, q0 + r % nq, k0, n);
		softmax_rows(w, R, D);
		const float *v = key_rows(a, s, located_values(s), hkv, k0, n, &ld);
		product(w->out, D, R, D, n, pack(w->s_packed, w->s, KEYS, false, R, n), pack_panels(w->panels, v, ld, false, n, D),
			1, true);
	}
	for (size_t r = 0; r < R; r++) {
		float inverse = 1 / w->sum[r];
		for (size_t d = 0; d < D; d++)
			w->out[r * D + d] *= inverse;
		if (s->lse)
			s->lse[(q0 + r % nq) * a->H + hkv * G + r / nq] = w->max[r] + logf(w->sum[r]);
	}
	scatter(a, s->out, w->out, hkv, q0, nq);
}

/* p[i] = scale q . key i of n <= LANES, the last one again for those that are missing; keys are ldk floats apart. */
static inline __attribute__((always_inline)) void scores_at(
	float *p, const float *q, const float *k, size_t ldk, const size_t n, size_t D, float scale)
{
	vf part[LANES] = {{0}};
	float rest[LANES] = {0};
	size_t d = 0;
	for (; d + LANES <= D; d += LANES) {
		vf x = vload(q + d);
#pragma GCC unroll 16
		for (size_t i = 0; i < LANES; i++)
			part[i] += x * vload(k + least(i, n - 1) * ldk + d);
	}
	for (; d < D; d++)
		for (size_t i = 0; i < LANES; i++)
			rest[i] += q[d] * k[least(i, n - 1) * ldk + d];
	vstore(p, (vsum_each(part) + vload(rest)) * vset(scale));
}

static void scores_of_one(float *p, const float *q, const float *k, size_t ldk, size_t n, size_t D, float scale)
{
	size_t j = 0;
	for (; j + LANES <= n; j += LANES)
		scores_at(p + j, q, k + j * ldk, ldk, LANES, D, scale);
	if (j < n)
		scores_at(p + j, q, k + j * ldk, ldk, n - j, D, scale);
}

/* out[d] += p[j] v[j][d] of n rows that are ldv floats apart; even and odd rows add up apart, for their latency. */
static void add_values(float *out, const float *p, const float *v, size_t ldv, size_t n, size_t D)
{
	enum { WIDE = 4 };
	size_t d = 0;
	for (; d + WIDE * LANES <= D; d += WIDE * LANES) {
		const float *row = v + d;
		vf even[WIDE], odd[WIDE] = {{0}};
		size_t j = 0;
		for (size_t i = 0; i < WIDE; i++)
			even[i] = vload(out + d + i * LANES);
		for (; j + 2 <= n; j += 2, row += 2 * ldv)
			for (size_t i = 0; i < WIDE; i++) {
				even[i] += vset(p[j]) * vload(row + i * LANES);
				odd[i] += vset(p[j + 1]) * vload(row + ldv + i * LANES);
			}
		for (size_t i = 0; i < WIDE; i++) {
			if (j < n)
				even[i] += vset(p[j]) * vload(row + i * LANES);
			vstore(out + d + i * LANES, even[i] + odd[i]);
		}
	}
	for (size_t j = 0; j < n; j++)
		for (size_t i = d; i < D; i++)
			out[i] += p[j] * v[j * ldv + i];
}

/* A single query against a long cache: no packing; heads h to h + n, which share a key/value head, one after the other for each block of keys. */
static void forward_one(const struct attention *a, const struct attention_seq *s, size_t h, size_t n)
{
	struct space *w = my_space(a);
	size_t D = a->D, hkv = h / (a->H / a->Hkv), ld;
	memset(w->out, 0, n * D * sizeof(float));
	for (size_t i = 0; i < n; i++) {
		w->max[i] = -INFINITY;
		w->sum[i] = 0;
	}
	for (size_t k0 = first_key(a, s, 0); k0 < s->nk; k0 += KEYS) {
		size_t keys = least(KEYS, s->nk - k0);
		const float *k = key_rows(a, s, located_keys(s), hkv, k0, keys, &ld);
		for (size_t i = 0; i < n; i++) {
			scores_of_one(w->s + i * KEYS, s->q + (h + i) * D, k, ld, keys, D, a->scale);
			w->seen[i] = (struct span){0, keys};
		}
		softmax_rows(w, n, D);
		const float *v = key_rows(a, s, located_values(s), hkv, k0, keys, &ld);
		for (size_t i = 0; i < n; i++)
			add_values(w->out + i * D, w->s + i * KEYS, v, ld, keys, D);
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t d = 0; d < D; d++)
			s->out[(h + i) * D + d] = w->out[i * D + d] / w->sum[i];
		if (s->lse)
			s->lse[h + i] = w->max[i] + logf(w->sum[i]);
	}
}

/* Heads of a task of `forward_one`: all that share keys and values, or fewer where threads would wait. A head's bits are the same. */
static size_t heads_at_once(const struct attention *a)
{
	size_t n = a->H / a->Hkv;
	while (n > 1 && a->n_seqs * a->H / n < (size_t)omp_get_max_threads())
		n = (n + 1) / 2;
	return n;
}

static size_t query_block(const struct attention *a)
{
	assert(a->D <= MAX_D && a->H / a->Hkv <= ROWS);
	return ROWS / (a->H / a->Hkv);
}

void P(attention)(const struct attention *a)
{
	size_t step = query_block(a), G = a->H / a->Hkv, heads = heads_at_once(a);
	assert(!(a->bidirectional && a->window));
#pragma omp parallel
	for (size_t i = 0; i < a->n_seqs; i++) {
		const struct attention_seq *s = &a->seq[i];
		size_t n_blocks = (s->nq + step - 1) / step;
		if (s->nq == 1 && !s->n_shared) {
#pragma omp for collapse(2) schedule(dynamic) nowait
			for (size_t h = 0; h < a->Hkv; h++)
				for (size_t g = 0; g < G; g += heads)
					forward_one(a, s, h * G + g, least(heads, G - g));
			continue;
		}
#pragma omp for collapse(2) schedule(dynamic) nowait
		for (size_t h = 0; h < a->Hkv; h++)
			for (size_t b = 0; b < n_blocks; b++)
				forward(a, s, h, b * step, least(step, s->nq - b * step));
	}
}

/* Adds A B, packed [n, K] and [K, D], to the gradient of keys (or values) k0..k0+n of one head: rows that may be shared, or own, or both. */
static void add_to_keys(const struct attention *a, const struct attention_seq *s, float *own, float *shared, size_t hkv, size_t k0,
	size_t n, size_t K, const packed *p, const packed *panels)
{
	struct space *w = my_space(a);
	size_t D = a->D, m = s->n_shared;
	if (k0 >= m) {
		product(own + (k0 - m) * a->ldk + hkv * D, a->ldk, n, D, K, p, panels, 1, true);
	} else if (k0 + n <= m) {
		product(shared + k0 * a->ldk + hkv * D, a->ldk, n, D, K, p, panels, 1, true);
	} else {
		product(w->rows, D, n, D, K, p, panels, 1, false);
		for (size_t j = 0; j < n; j++) {
			float *to = (k0 + j < m ? shared + (k0 + j) * a->ldk : own + (k0 + j - m) * a->ldk) + hkv * D;
			for (size_t d = 0; d < D; d++)
				to[d] += w->rows[j * D + d];
		}
	}
}

/*
 * With P = exp(scale Q K' - lse): dV = P' dO; dS = scale P (dO V' - delta), delta = sum(dO O) per row; dQ = dS K; dK = dS' Q.
 */
static void backward_block(const struct attention *a, const struct attention_seq *s, const struct attention_seq_grad *g, size_t hkv,
	size_t q0, size_t nq)
{
	struct space *w = my_space(a);
	size_t G = a->H / a->Hkv, D = a->D, R = G * nq, end = s->nk - s->nq + q0 + nq;
	gather(a, w->q, s->q, hkv, q0, nq);
	gather(a, w->d_out, g->d_out, hkv, q0, nq);
	gather(a, w->out, s->out, hkv, q0, nq);
	for (size_t r = 0; r < R; r++) {
		float delta = 0;
		for (size_t d = 0; d < D; d++)
			delta += w->out[r * D + d] * w->d_out[r * D + d];
		w->delta[r] = delta;
		w->lse[r] = s->lse[(q0 + r % nq) * a->H + hkv * G + r / nq];
	}
	const packed *q = pack(w->q_packed, w->q, D, false, R, D), *d_out = pack(w->d_out_packed, w->d_out, D, false, R, D);
	pack_panels(w->q_panels, w->q, D, false, R, D);
	pack_panels(w->d_out_panels, w->d_out, D, false, R, D);
	float *dq = w->out; /* O has served */
	memset(dq, 0, R * D * sizeof(float));
	for (size_t k0 = first_key(a, s, q0); k0 < end; k0 += KEYS) {
		size_t n = least(KEYS, end - k0), ld;
		const float *k = key_rows(a, s, located_keys(s), hkv, k0, n, &ld);
		product(w->s, KEYS, R, n, D, q, pack_panels(w->panels, k, ld, true, D, n), a->scale, false);
		const float *v = key_rows(a, s, located_values(s), hkv, k0, n, &ld);
		product(w->dp, KEYS, R, n, D, d_out, pack_panels(w->panels, v, ld, true, D, n), 1, false);
		for (size_t r = 0; r < R; r++) {
			float *p = w->s + r * KEYS, *dp = w->dp + r * KEYS;
			struct span seen = visible(a, s, q0 + r % nq, k0, n);
			for (size_t j = 0; j < KEYS; j += LANES) {
				vf e = vexp(vload(p + j) - w->lse[r]);
				vstore(p + j, e);
				vstore(dp + j, e * (vload(dp + j) - w->delta[r]) * a->scale);
			}
			if (seen.to - seen.from < KEYS) {
				clear_unseen(p, seen);
				clear_unseen(dp, seen);
			}
		}
		add_to_keys(a, s, g->dv, g->shared_dv, hkv, k0, n, R, pack(w->s_packed, w->s, KEYS, true, n, R), w->d_out_panels);
		add_to_keys(a, s, g->dk, g->shared_dk, hkv, k0, n, R, pack(w->s_packed, w->dp, KEYS, true, n, R), w->q_panels);
		k = key_rows(a, s, located_keys(s), hkv, k0, n, &ld);
		product(dq, D, R, D, n, pack(w->s_packed, w->dp, KEYS, false, R, n), pack_panels(w->panels, k, ld, false, n, D), 1,
			true);
	}
	scatter(a, g->dq, dq, hkv, q0, nq);
}

static void clear_rows(const struct attention *a, float *rows, size_t hkv, size_t n)
{
	for (size_t j = 0; j < n; j++)
		memset(rows + j * a->ldk + hkv * a->D, 0, a->D * sizeof(float));
}

/* A key/value head of a sequence takes its blocks of queries in order, since they add to the same keys; threads take turns with the heads. */
void P(attention_backward)(const struct attention *a)
{
	size_t step = query_block(a), longest = 0, n_heads = a->n_seqs * a->Hkv;
	assert(!a->bidirectional);
	for (size_t i = 0; i < a->n_seqs; i++)
		longest = longest < a->seq[i].nq ? a->seq[i].nq : longest;
#pragma omp parallel for collapse(2) ordered(2) schedule(dynamic)
	for (ptrdiff_t b = 0; b < (ptrdiff_t)((longest + step - 1) / step); b++)
		for (ptrdiff_t j = 0; j < (ptrdiff_t)n_heads; j++) {
			const struct attention_seq *s = &a->seq[(size_t)j / a->Hkv];
			const struct attention_seq_grad *g = &a->grad[(size_t)j / a->Hkv];
			size_t h = (size_t)j % a->Hkv, q0 = (size_t)b * step;
#pragma omp ordered depend(sink : b - 1, j)
			if (q0 == 0) {
				clear_rows(a, g->dk, h, s->nk - s->n_shared);
				clear_rows(a, g->dv, h, s->nk - s->n_shared);
				clear_rows(a, g->shared_dk, h, s->n_shared);
				clear_rows(a, g->shared_dv, h, s->n_shared);
			}
			if (q0 < s->nq)
				backward_block(a, s, g, h, q0, least(step, s->nq - q0));
#pragma omp ordered depend(source)
		}
}
