/*
 * attention: forward against its formula and backward against finite differences, both in double; every path against ref where that
 * would take too long; what a query may see; threads.
 */
#include "test_kern.h"

enum { SEQS_MAX = 9 };

/* Sequences end to end in shared rows, which are `gap` floats wider than they need be. */
struct job {
	struct attention a;
	struct attention_seq seq[SEQS_MAX];
	struct attention_seq_grad grad[SEQS_MAX];
	size_t n_q, n_k, q_cols, k_cols; /* rows of all sequences, and their widths */
	float *q, *k, *v, *out, *lse, *d_out, *dq, *dk, *dv;
};

struct shape {
	size_t H, Hkv, D, gap, n_seqs;
	size_t length[SEQS_MAX][2]; /* nq, nk */
	size_t window;
};

static void job_make(struct job *j, struct rng *r, const struct shape *s, float size)
{
	*j = (struct job){.q_cols = s->H * s->D, .k_cols = s->Hkv * s->D};
	for (size_t i = 0; i < s->n_seqs; i++) {
		j->n_q += s->length[i][0];
		j->n_k += s->length[i][1];
	}
	j->a = (struct attention){.seq = j->seq, .grad = j->grad, .n_seqs = s->n_seqs, .H = s->H, .Hkv = s->Hkv, .D = s->D};
	j->a.window = s->window;
	j->a.ldq = j->q_cols + s->gap;
	j->a.ldk = j->k_cols + s->gap;
	j->a.scale = 1 / sqrtf((float)s->D);
	j->q = rows_random(r, j->n_q, j->q_cols, j->a.ldq, size);
	j->k = rows_random(r, j->n_k, j->k_cols, j->a.ldk, size);
	j->v = rows_random(r, j->n_k, j->k_cols, j->a.ldk, 1);
	j->d_out = rows_random(r, j->n_q, j->q_cols, j->a.ldq, 1);
}

/* Forward and backward on the chosen path, into fresh rows. */
static void job_run(struct job *j, const struct shape *s)
{
	size_t ldq = j->a.ldq, ldk = j->a.ldk, iq = 0, ik = 0;
	j->out = rows_alloc(j->n_q, j->q_cols, ldq);
	j->lse = guard_floats(j->n_q * j->a.H);
	j->dq = rows_alloc(j->n_q, j->q_cols, ldq);
	j->dk = rows_alloc(j->n_k, j->k_cols, ldk);
	j->dv = rows_alloc(j->n_k, j->k_cols, ldk);
	for (size_t i = 0; i < s->n_seqs; i++) {
		j->seq[i] = (struct attention_seq){.q = j->q + iq * ldq,
			.k = j->k + ik * ldk,
			.v = j->v + ik * ldk,
			.out = j->out + iq * ldq,
			.lse = j->lse + iq * j->a.H,
			.nq = s->length[i][0],
			.nk = s->length[i][1]};
		j->grad[i] = (struct attention_seq_grad){
			.d_out = j->d_out + iq * ldq, .dq = j->dq + iq * ldq, .dk = j->dk + ik * ldk, .dv = j->dv + ik * ldk};
		iq += s->length[i][0];
		ik += s->length[i][1];
	}
	j->a.scratch = test_scratch();
	kern->attention(&j->a);
	kern->attention_backward(&j->a);
	gaps_intact(j->out, j->n_q, j->q_cols, ldq);
	gaps_intact(j->dq, j->n_q, j->q_cols, ldq);
	gaps_intact(j->dk, j->n_k, j->k_cols, ldk);
	gaps_intact(j->dv, j->n_k, j->k_cols, ldk);
}

/* ---- the formula in double --------------------------------------------------------------------------------------------- */

struct exact {
	const struct shape *shape;
	size_t seq; /* the one whose loss is asked for */
	double scale;
	double *q, *k, *v, *weight, *out, *lse; /* compact rows of all sequences */
};

/* out and lse of sequence x->seq; returns its loss, the sum of out times weight. */
static double exact_loss(const void *job)
{
	const struct exact *x = job;
	const struct shape *s = x->shape;
	size_t H = s->H, D = s->D, q0 = 0, k0 = 0, nq = s->length[x->seq][0], nk = s->length[x->seq][1];
	double loss = 0, score[64];
	for (size_t i = 0; i < x->seq; i++) {
		q0 += s->length[i][0];
		k0 += s->length[i][1];
	}
	assert_true(nk <= sizeof score / sizeof *score);
	for (size_t i = 0; i < nq * H; i++) {
		size_t h = i % H, row = q0 + i / H, seen = nk - nq + i / H + 1,
		       first = s->window && s->window < seen ? seen - s->window : 0, kv = h / (H / s->Hkv) * D, ldk = s->Hkv * D;
		const double *q = x->q + (row * H + h) * D;
		double sum = 0, *out = x->out + (row * H + h) * D;
		for (size_t t = first; t < seen; t++) {
			double dot = 0;
			for (size_t d = 0; d < D; d++)
				dot += q[d] * x->k[(k0 + t) * ldk + kv + d];
			score[t] = dot * x->scale;
			sum += exp(score[t]);
		}
		x->lse[row * H + h] = log(sum);
		for (size_t d = 0; d < D; d++) {
			out[d] = 0;
			for (size_t t = first; t < seen; t++)
				out[d] += exp(score[t]) / sum * x->v[(k0 + t) * ldk + kv + d];
			loss += out[d] * x->weight[(row * H + h) * D + d];
		}
	}
	return loss;
}

/* The slopes of all losses along each of x [rows, cols], where sequence i has length[i][side] rows. Caller frees. */
static double *exact_gradient(struct exact *e, double *x, size_t cols, int side)
{
	size_t rows = 0;
	for (size_t i = 0; i < e->shape->n_seqs; i++)
		rows += e->shape->length[i][side];
	double *g = doubles(rows * cols), *at = g;
	for (e->seq = 0; e->seq < e->shape->n_seqs; e->seq++)
		for (size_t i = 0; i < e->shape->length[e->seq][side] * cols; i++)
			*at++ = slope(exact_loss, e, x++);
	return g;
}

/*
 * Each element of dq, dk and dv. A softmax passes on the rounding of its scores (of order 1 here, so no more than the rounding of
 * the products themselves), and the backward pass subtracts means: twice the tolerance of one product chain.
 */
static void test_finite_differences(void **state)
{
	(void)state;
	static const struct shape shapes[] = {{4, 2, 32, 3, 4, {{3, 3}, {1, 1}, {2, 5}, {1, 4}}, 0},
		{3, 1, 32, 0, 2, {{5, 5}, {2, 3}}, 0}, {1, 1, 64, 1, 1, {{2, 6}}, 0},
		{4, 2, 32, 3, 4, {{6, 6}, {1, 1}, {2, 5}, {1, 4}}, 3}, {3, 1, 32, 0, 1, {{4, 4}}, 2}};
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		const struct shape *s = &shapes[i];
		struct job j;
		struct rng r;
		rng_init(&r, 1, RNG_DATA, (uint32_t)i, 0);
		job_make(&j, &r, s, 2);
		struct exact e = {.shape = s, .scale = (double)j.a.scale};
		e.q = rows_widen(j.q, j.n_q, j.q_cols, j.a.ldq);
		e.k = rows_widen(j.k, j.n_k, j.k_cols, j.a.ldk);
		e.v = rows_widen(j.v, j.n_k, j.k_cols, j.a.ldk);
		e.weight = rows_widen(j.d_out, j.n_q, j.q_cols, j.a.ldq);
		e.out = doubles(j.n_q * j.q_cols);
		e.lse = doubles(j.n_q * s->H);
		double *dq = exact_gradient(&e, e.q, j.q_cols, 0);
		double *dk = exact_gradient(&e, e.k, j.k_cols, 1), *dv = exact_gradient(&e, e.v, j.k_cols, 1);
		for (e.seq = 0; e.seq < s->n_seqs; e.seq++)
			exact_loss(&e);
		for (size_t p = 0; path_choose(p); p++) {
			double tolerance = 2 * products_tolerance(kern);
			job_run(&j, s);
			rows_close(j.out, j.a.ldq, e.out, j.n_q, j.q_cols, rms(e.out, j.n_q * j.q_cols), tolerance,
				"out of shape %zu", i);
			rows_close(j.lse, s->H, e.lse, j.n_q, s->H, 1, tolerance, "lse of shape %zu", i);
			rows_close(j.dq, j.a.ldq, dq, j.n_q, j.q_cols, rms(dq, j.n_q * j.q_cols), tolerance, "dq of shape %zu", i);
			rows_close(j.dk, j.a.ldk, dk, j.n_k, j.k_cols, rms(dk, j.n_k * j.k_cols), tolerance, "dk of shape %zu", i);
			rows_close(j.dv, j.a.ldk, dv, j.n_k, j.k_cols, rms(dv, j.n_k * j.k_cols), tolerance, "dv of shape %zu", i);
		}
		double *all[] = {e.q, e.k, e.v, e.weight, e.out, e.lse, dq, dk, dv};
		for (size_t k = 0; k < sizeof all / sizeof *all; k++)
			mem_free(all[k]);
		guards_end();
	}
}

/* ---- paths against ref ------------------------------------------------------------------------------------------------- */

static void rows_compare(const float *got, const float *want, size_t rows, size_t cols, size_t ld, const char *name, size_t shape)
{
	double *w = rows_widen(want, rows, cols, ld);
	rows_close(got, ld, w, rows, cols, rms(w, rows * cols), 2 * products_tolerance(kern), "%s of shape %zu", name, shape);
	mem_free(w);
}

static void test_paths(void **state)
{
	(void)state;
	static const size_t dims[][5] = {{1, 1, 32, 0}, {3, 1, 64, 0}, {3, 3, 80, 5}, {8, 1, 64, 7}, {8, 8, 32, 1}, {9, 3, 64, 192},
		{8, 2, 128, 0}, {3, 1, 256, 0}, {3, 1, 64, 0, 2}, {4, 1, 256, 3, 20}, {5, 5, 64, 0, 64}, {7, 1, 32, 1, 100}};
	static const size_t lengths[SEQS_MAX][2] = {
		{1, 1}, {200, 200}, {2, 2}, {63, 63}, {64, 64}, {65, 65}, {1, 200}, {5, 70}, {64, 131}};
	for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
		struct shape shape = {dims[i][0], dims[i][1], dims[i][2], dims[i][3], SEQS_MAX, {{0}}, dims[i][4]}, *s = &shape;
		struct job j;
		struct rng r;
		memcpy(shape.length, lengths, sizeof lengths);
		rng_init(&r, 2, RNG_DATA, (uint32_t)i, 0);
		/* Scores up to +-6 or so: some rows nearly pick one key, and running maxima move. */
		job_make(&j, &r, s, 2);
		assert_int_equal(kern_init("ref", NULL), 0);
		job_run(&j, s);
		struct job want = j;
		for (size_t p = 0; path_choose(p); p++) {
			job_run(&j, s);
			rows_compare(j.out, want.out, j.n_q, j.q_cols, j.a.ldq, "out", i);
			rows_compare(j.lse, want.lse, j.n_q, s->H, s->H, "lse", i);
			rows_compare(j.dq, want.dq, j.n_q, j.q_cols, j.a.ldq, "dq", i);
			rows_compare(j.dk, want.dk, j.n_k, j.k_cols, j.a.ldk, "dk", i);
			rows_compare(j.dv, want.dv, j.n_k, j.k_cols, j.a.ldk, "dv", i);
		}
		guards_end();
	}
}

static void poison(float *x, size_t row, size_t n, size_t cols, size_t ld, float with)
{
	for (size_t i = row; i < row + n; i++)
		for (size_t c = 0; c < cols; c++)
			x[i * ld + c] = with;
}

static void same_rows(const float *got, const float *want, size_t row, size_t n, size_t cols, size_t ld, const char *name)
{
	for (size_t i = row; i < row + n; i++)
		if (memcmp(got + i * ld, want + i * ld, cols * sizeof *got) != 0)
			fail_msg("%s: values elsewhere change row %zu of %s", kern->name, i, name);
}

static void all_nan(const float *x, size_t row, size_t n, size_t cols, size_t ld, const char *name)
{
	for (size_t i = row; i < row + n; i++)
		if (!isnan(x[i * ld]) || !isnan(x[i * ld + cols - 1]))
			fail_msg("%s: NaN does not reach row %zu of %s", kern->name, i, name);
}

/* Keys whose first rows lie elsewhere: the same results, wherever the border falls among the blocks of keys. */
static void shared_keys(size_t window)
{
	const struct shape shape = {6, 2, 64, 4, 6, {{30, 44}, {1, 2}, {50, 114}, {70, 170}, {4, 9}, {64, 128}}, window},
			   *s = &shape;
	static const size_t n_shared[] = {14, 1, 64, 100, 0, 3};
	struct job j;
	struct rng r;
	rng_init(&r, 6, RNG_DATA, 0, 0);
	job_make(&j, &r, s, 2);
	assert_int_equal(kern_init("ref", NULL), 0);
	job_run(&j, s);
	struct job want = j;
	size_t ldk = j.a.ldk, bytes = ((j.n_k - 1) * ldk + j.k_cols) * sizeof(float);
	for (size_t p = 0; path_choose(p); p++) {
		struct job own = j;
		own.a.seq = own.seq;
		own.a.grad = own.grad;
		job_run(&own, s);
		float *k = memcpy(rows_alloc(j.n_k, j.k_cols, ldk), j.k, bytes),
		      *v = memcpy(rows_alloc(j.n_k, j.k_cols, ldk), j.v, bytes);
		float *dk = memcpy(rows_alloc(j.n_k, j.k_cols, ldk), own.dk, bytes),
		      *dv = memcpy(rows_alloc(j.n_k, j.k_cols, ldk), own.dv, bytes);
		for (size_t i = 0, at = 0; i < s->n_seqs; at += s->length[i++][1]) {
			struct attention_seq *q = &own.seq[i];
			struct attention_seq_grad *g = &own.grad[i];
			q->n_shared = n_shared[i];
			q->shared_k = k + at * ldk;
			q->shared_v = v + at * ldk;
			q->k += n_shared[i] * ldk;
			q->v += n_shared[i] * ldk;
			g->shared_dk = dk + at * ldk;
			g->shared_dv = dv + at * ldk;
			g->dk += n_shared[i] * ldk;
			g->dv += n_shared[i] * ldk;
			poison(j.k, at, n_shared[i], j.k_cols, ldk, NAN); /* must not be read */
			poison(j.v, at, n_shared[i], j.k_cols, ldk, NAN);
			poison(own.dk, at, n_shared[i], j.k_cols, ldk, NAN); /* must not be added to */
			poison(own.dv, at, n_shared[i], j.k_cols, ldk, NAN);
		}
		kern->attention(&own.a);
		kern->attention_backward(&own.a);
		for (size_t i = 0, at = 0; i < s->n_seqs; at += s->length[i++][1]) {
			all_nan(own.dk, at, n_shared[i], j.k_cols, ldk, "dk");
			all_nan(own.dv, at, n_shared[i], j.k_cols, ldk, "dv");
			for (size_t row = at; row < at + n_shared[i]; row++) {
				memcpy(own.dk + row * ldk, dk + row * ldk, j.k_cols * sizeof(float));
				memcpy(own.dv + row * ldk, dv + row * ldk, j.k_cols * sizeof(float));
				memcpy(j.k + row * ldk, k + row * ldk, j.k_cols * sizeof(float));
				memcpy(j.v + row * ldk, v + row * ldk, j.k_cols * sizeof(float));
			}
		}
		rows_compare(own.out, want.out, j.n_q, j.q_cols, j.a.ldq, "out", p);
		rows_compare(own.lse, want.lse, j.n_q, s->H, s->H, "lse", p);
		rows_compare(own.dq, want.dq, j.n_q, j.q_cols, j.a.ldq, "dq", p);
		rows_compare(own.dk, want.dk, j.n_k, j.k_cols, ldk, "dk", p);
		rows_compare(own.dv, want.dv, j.n_k, j.k_cols, ldk, "dv", p);
	}
	guards_end();
}

static void test_shared(void **state)
{
	(void)state;
	shared_keys(0);
	shared_keys(10);
	shared_keys(75);
}

/* Scores of +-10^4 and more: the softmax picks one key, nothing overflows, and no output leaves the range of the values. */
static void test_extreme_scores(void **state)
{
	(void)state;
	static const struct shape s = {2, 1, 64, 0, 2, {{130, 130}, {1, 70}}, 0};
	struct job j;
	struct rng r;
	rng_init(&r, 3, RNG_DATA, 0, 0);
	job_make(&j, &r, &s, 300);
	for (size_t p = 0; path_choose(p); p++) {
		job_run(&j, &s);
		for (size_t i = 0; i < j.n_q * j.q_cols; i++)
			assert_true(fabsf(j.out[i]) <= 1.001f && isfinite(j.dq[i]));
		for (size_t i = 0; i < j.n_k * j.k_cols; i++)
			assert_true(isfinite(j.dk[i]) && isfinite(j.dv[i]));
		for (size_t i = 0; i < j.n_q * s.H; i++)
			assert_true(isfinite(j.lse[i]));
	}
	guards_end();
}

/* Without lse, as in generation, the output has the same bits; a backward pass is not asked for. */
static void test_no_lse(void **state)
{
	(void)state;
	static const struct shape s = {4, 2, 64, 0, 2, {{70, 70}, {1, 90}}, 0};
	struct job j;
	struct rng r;
	rng_init(&r, 4, RNG_DATA, 0, 0);
	job_make(&j, &r, &s, 1);
	for (size_t p = 0; path_choose(p); p++) {
		job_run(&j, &s);
		float *out = guard_floats(j.n_q * j.q_cols);
		j.a.grad = NULL;
		for (size_t i = 0; i < s.n_seqs; i++) {
			j.seq[i].out = out + (j.seq[i].out - j.out);
			j.seq[i].lse = NULL;
		}
		kern->attention(&j.a);
		assert_memory_equal(out, j.out, j.n_q * j.q_cols * sizeof *out);
		j.a.grad = j.grad;
	}
	guards_end();
}

/* A cache of f16 gives the bits that its values give as f32, and what is behind the last key, or nothing, does not matter. */
static void test_half(void **state)
{
	(void)state;
	static const struct shape s = {6, 2, 80, 4, 4, {{1, 1}, {1, 203}, {33, 70}, {64, 64}}, 0};
	struct job j;
	struct rng r;
	rng_init(&r, 7, RNG_DATA, 0, 0);
	job_make(&j, &r, &s, 2);
	for (size_t i = 0; i < j.n_k * j.a.ldk - s.gap; i++) {
		j.k[i] = f16_to_f32(f32_to_f16(j.k[i]));
		j.v[i] = f16_to_f32(f32_to_f16(j.v[i]));
	}
	for (size_t p = 0; path_choose(p); p++) {
		job_run(&j, &s);
		struct job halves = j;
		float *out = guard_floats(j.n_q * j.a.ldq);
		for (size_t i = 0; i < s.n_seqs; i++) {
			const struct attention_seq *f = &j.seq[i];
			size_t rows = f->nk + 3 - i, values = s.Hkv * rows * s.D;
			uint16_t *k = guard_bytes(values * sizeof *k), *v = guard_bytes(values * sizeof *v); /* NaN */
			for (size_t n = 0; n < s.Hkv * f->nk * s.D; n++) {
				size_t d = n % s.D, h = n / s.D % s.Hkv, row = n / s.D / s.Hkv;
				k[(h * rows + row) * s.D + d] = f32_to_f16(f->k[row * j.a.ldk + h * s.D + d]);
				v[(h * rows + row) * s.D + d] = f32_to_f16(f->v[row * j.a.ldk + h * s.D + d]);
			}
			halves.seq[i] = (struct attention_seq){
				.q = f->q, .half_k = k, .half_v = v, .half_rows = rows, .nq = f->nq, .nk = f->nk};
			halves.seq[i].out = out + (f->out - j.out);
		}
		halves.a.seq = halves.seq;
		kern->attention(&halves.a);
		same_rows(out, j.out, 0, j.n_q, j.q_cols, j.a.ldq, "out of a cache");
	}
	guards_end();
}

static void test_empty(void **state)
{
	(void)state;
	static const struct shape none = {3, 1, 64, 0, 0, {{0}}, 0}, hollow = {3, 1, 64, 0, 3, {{0, 0}, {2, 2}, {0, 0}}, 0};
	struct job j;
	struct rng r;
	rng_init(&r, 5, RNG_DATA, 0, 0);
	for (size_t p = 0; path_choose(p); p++) {
		job_make(&j, &r, &none, 1);
		job_run(&j, &none);
		job_make(&j, &r, &hollow, 1);
		job_run(&j, &hollow);
		for (size_t i = 0; i < j.n_q * j.q_cols; i++)
			assert_true(isfinite(j.out[i]) && isfinite(j.dq[i]));
		guards_end();
	}
}

/* ---- what may be seen -------------------------------------------------------------------------------------------------- */

/* NaN in all of the middle sequence: its own results become NaN, the others' keep their bits. */
static void test_neighbours(void **state)
{
	(void)state;
	static const struct shape shapes[] = {
		{6, 2, 64, 4, 3, {{20, 20}, {70, 70}, {65, 65}}, 0}, {2, 1, 80, 0, 3, {{5, 90}, {9, 33}, {2, 2}}, 0}};
	for (size_t p = 0; path_choose(p); p++)
		for (size_t i = 0; i < 2; i++) {
			const struct shape *s = &shapes[i];
			const size_t *n = s->length[1], q0 = s->length[0][0], k0 = s->length[0][1];
			struct job j;
			struct rng r;
			rng_init(&r, 6, RNG_DATA, (uint32_t)i, 0);
			job_make(&j, &r, s, 1);
			job_run(&j, s);
			struct job want = j;
			poison(j.q, q0, n[0], j.q_cols, j.a.ldq, NAN);
			poison(j.d_out, q0, n[0], j.q_cols, j.a.ldq, NAN);
			poison(j.k, k0, n[1], j.k_cols, j.a.ldk, NAN);
			poison(j.v, k0, n[1], j.k_cols, j.a.ldk, NAN);
			job_run(&j, s);
			all_nan(j.out, q0, n[0], j.q_cols, j.a.ldq, "out");
			all_nan(j.dq, q0, n[0], j.q_cols, j.a.ldq, "dq");
			for (int side = 0; side < 2; side++) {
				size_t first_q = side ? q0 + n[0] : 0, n_q = side ? s->length[2][0] : q0;
				size_t first_k = side ? k0 + n[1] : 0, n_k = side ? s->length[2][1] : k0;
				same_rows(j.out, want.out, first_q, n_q, j.q_cols, j.a.ldq, "out");
				same_rows(j.lse, want.lse, first_q, n_q, s->H, s->H, "lse");
				same_rows(j.dq, want.dq, first_q, n_q, j.q_cols, j.a.ldq, "dq");
				same_rows(j.dk, want.dk, first_k, n_k, j.k_cols, j.a.ldk, "dk");
				same_rows(j.dv, want.dv, first_k, n_k, j.k_cols, j.a.ldk, "dv");
			}
			guards_end();
		}
}

/* One NaN in a query reaches its own row of its head; one in a key every query that sees it. Nothing turns it into a number. */
static void test_nan_is_seen(void **state)
{
	(void)state;
	static const struct shape s = {2, 1, 64, 0, 2, {{90, 90}, {1, 75}}, 0};
	for (size_t p = 0; path_choose(p); p++)
		for (size_t i = 0; i <= s.length[0][0]; i += 15) {
			struct job j;
			struct rng r;
			bool second = i == s.length[0][0]; /* the last round is the single query over a cache */
			rng_init(&r, 9, RNG_DATA, 0, 0);
			job_make(&j, &r, &s, 1);
			j.q[i * j.a.ldq + s.D + 3] = NAN;
			job_run(&j, &s);
			all_nan(j.out + s.D, i, 1, s.D, j.a.ldq, "out, by its query");
			assert_true(!isnan(j.out[i * j.a.ldq]));

			rng_init(&r, 9, RNG_DATA, 0, 0);
			job_make(&j, &r, &s, 1);
			j.k[(i + 7 * second) * j.a.ldk + 3] = NAN;
			job_run(&j, &s);
			all_nan(j.out, i, second ? 1 : s.length[0][0] - i, j.q_cols, j.a.ldq, "out, by a key");
			guards_end();
		}
}

/*
 * Causality, with places all around the blocks of a path: another value in everything from position t on leaves the results of earlier
 * queries their bits, and another query and output gradient at t leave those of later keys theirs. The value is enormous but finite:
 * inside a block, a masked key is multiplied by a probability of 0.
 */
static void test_future(void **state)
{
	(void)state;
	static const size_t places[] = {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 140};
	static const struct shape s = {2, 1, 64, 0, 1, {{141, 141}}, 0};
	for (size_t p = 0; path_choose(p); p++)
		for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
			const float large = 1e15f;
			size_t t = places[i], n = s.length[0][0];
			struct job clean, j;
			struct rng r;
			rng_init(&r, 7, RNG_DATA, 0, 0);
			job_make(&clean, &r, &s, 1);
			job_run(&clean, &s);

			rng_init(&r, 7, RNG_DATA, 0, 0);
			job_make(&j, &r, &s, 1);
			poison(j.q, t, n - t, j.q_cols, j.a.ldq, large);
			poison(j.d_out, t, n - t, j.q_cols, j.a.ldq, large);
			poison(j.k, t, n - t, j.k_cols, j.a.ldk, large);
			poison(j.v, t, n - t, j.k_cols, j.a.ldk, large);
			job_run(&j, &s);
			same_rows(j.out, clean.out, 0, t, j.q_cols, j.a.ldq, "out (future keys)");
			same_rows(j.lse, clean.lse, 0, t, s.H, s.H, "lse (future keys)");
			same_rows(j.dq, clean.dq, 0, t, j.q_cols, j.a.ldq, "dq (future keys)");
			assert_memory_not_equal(j.out + t * j.a.ldq, clean.out + t * j.a.ldq, sizeof(float));

			rng_init(&r, 7, RNG_DATA, 0, 0);
			job_make(&j, &r, &s, 1);
			poison(j.q, t, 1, j.q_cols, j.a.ldq, large);
			poison(j.d_out, t, 1, j.q_cols, j.a.ldq, large);
			job_run(&j, &s);
			same_rows(j.out, clean.out, t + 1, n - t - 1, j.q_cols, j.a.ldq, "out (one query)");
			same_rows(j.dq, clean.dq, t + 1, n - t - 1, j.q_cols, j.a.ldq, "dq (one query)");
			same_rows(j.dk, clean.dk, t + 1, n - t - 1, j.k_cols, j.a.ldk, "dk (one query)");
			same_rows(j.dv, clean.dv, t + 1, n - t - 1, j.k_cols, j.a.ldk, "dv (one query)");
			assert_memory_not_equal(j.dk + t * j.a.ldk, clean.dk + t * j.a.ldk, sizeof(float));
			guards_end();
		}
}

/*
 * A window: enormous keys and values before it leave a query's results their bits, those inside change them; many queries and a single one,
 * with windows all around the blocks of a path.
 */
static void test_window(void **state)
{
	(void)state;
	static const size_t windows[] = {1, 2, 16, 63, 64, 65, 100};
	for (size_t p = 0; path_choose(p); p++)
		for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
			const struct shape s = {2, 1, 64, 0, 2, {{141, 141}, {1, 141}}, windows[i]};
			const size_t last = 140, first = last + 1 - windows[i]; /* the keys of both last queries */
			struct job clean, j;
			struct rng r;
			rng_init(&r, 10, RNG_DATA, 0, 0);
			job_make(&clean, &r, &s, 1);
			job_run(&clean, &s);
			for (size_t inside = 0; inside < 2; inside++) {
				rng_init(&r, 10, RNG_DATA, 0, 0);
				job_make(&j, &r, &s, 1);
				for (size_t seq = 0; seq < 2; seq++) {
					poison(j.k, seq * 141, first + inside, j.k_cols, j.a.ldk, 1e15f);
					poison(j.v, seq * 141, first + inside, j.k_cols, j.a.ldk, 1e15f);
				}
				job_run(&j, &s);
				if (!inside) {
					same_rows(j.out, clean.out, last, 2, j.q_cols, j.a.ldq, "out (before the window)");
					same_rows(j.lse, clean.lse, last, 2, s.H, s.H, "lse (before the window)");
					same_rows(j.dq, clean.dq, last, 2, j.q_cols, j.a.ldq, "dq (before the window)");
				} else {
					assert_memory_not_equal(j.out + last * j.a.ldq, clean.out + last * j.a.ldq, 4);
					assert_memory_not_equal(j.out + (last + 1) * j.a.ldq, clean.out + (last + 1) * j.a.ldq, 4);
				}
			}
			guards_end();
		}
}

/* ---- threads ----------------------------------------------------------------------------------------------------------- */

/* A task of the second takes its six heads, or three, two or one. */
static const struct shape threads_shapes[] = {
	{6, 2, 64, 0, 4, {{130, 130}, {1, 65}, {17, 17}, {64, 100}}, 0}, {6, 1, 64, 0, 1, {{1, 200}}, 0}};

static void op_for_threads(void *out)
{
	uint8_t *to = out;
	for (size_t s = 0; s < 2; s++) {
		struct job j;
		struct rng r;
		rng_init(&r, 8, RNG_DATA, 0, 0);
		job_make(&j, &r, &threads_shapes[s], 1);
		job_run(&j, &threads_shapes[s]);
		const float *parts[] = {j.out, j.lse, j.dq, j.dk, j.dv};
		const size_t n[] = {j.n_q * j.q_cols, j.n_q * j.a.H, j.n_q * j.q_cols, j.n_k * j.k_cols, j.n_k * j.k_cols};
		for (size_t i = 0; i < 5; to += n[i++] * sizeof(float))
			memcpy(to, parts[i], n[i] * sizeof(float));
		guards_end();
	}
}

static void test_threads(void **state)
{
	(void)state;
	size_t n_q = 130 + 1 + 17 + 64, n_k = 130 + 65 + 17 + 100;
	same_for_all_threads(op_for_threads, ((n_q + 1) * (2 * 6 * 64 + 6) + (2 * n_k + 200) * 2 * 64) * sizeof(float));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finite_differences),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_extreme_scores),
		cmocka_unit_test(test_no_lse),
		cmocka_unit_test(test_half),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_nan_is_seen),
		cmocka_unit_test(test_future),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}
