/*
 * gemm: on every path, over all formats, orientations and tails, against sums in double; as a linear map; what a row may see; an A
 * that is used again; threads. The definition here is the comment in kern.h, not ref.
 */
#include "test_block.h"
#include "test_kern.h"

struct shape {
	size_t M, N, K;
	enum dtype dtype;
	bool a_transposed, b_transposed;
};

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* A stored matrix, its bytes as unaligned as a file may have them. */
static struct matrix matrix_random(struct rng *r, enum dtype dtype, size_t rows, size_t cols)
{
	size_t bytes = rows * dtype_row_bytes(dtype, cols);
	uint8_t *data = guard_bytes(bytes);
	for (size_t at = 0; at < bytes; at += dtype_block_bytes(dtype))
		block_random(r, dtype, data + at);
	return (struct matrix){.dtype = dtype, .rows = rows, .cols = cols, .data = data};
}

/* Fills in term and matrix for `s`, with `gap` floats between the rows of A. */
static struct gemm_term term_random(struct rng *r, const struct shape *s, size_t gap)
{
	size_t rows = s->a_transposed ? s->K : s->M, cols = s->a_transposed ? s->M : s->K;
	return (struct gemm_term){
		.a = rows_random(r, rows, cols, cols + gap, 1),
		.lda = cols + gap,
		.K = s->K,
		.a_transposed = s->a_transposed,
		.b = s->b_transposed ? matrix_random(r, s->dtype, s->N, s->K) : matrix_random(r, s->dtype, s->K, s->N),
		.b_transposed = s->b_transposed,
	};
}

/*
 * C by its definition, in double; `before` is what C held, or NULL. Caller frees. *size becomes the rms of C were the signs of its
 * products random: errors are relative to that, since terms that happen to cancel leave their errors behind.
 */
static double *gemm_in_double(const struct gemm *g, const float *before, double *size)
{
	double *c = doubles(g->M * g->N), squares = 0;
	for (int t = 0; t < g->n_terms; t++) {
		const struct gemm_term *term = &g->term[t];
		float *row = mem_alloc(term->b.cols, sizeof *row, NULL);
		double *b = doubles(term->K * g->N);
		for (size_t i = 0; i < term->b.rows; i++) {
			matrix_row(row, &term->b, i, 0, term->b.cols);
			for (size_t j = 0; j < term->b.cols; j++)
				b[term->b_transposed ? j * g->N + i : i * g->N + j] = (double)row[j];
		}
		for (size_t m = 0; m < g->M; m++)
			for (size_t k = 0; k < term->K; k++) {
				double a = (double)g->alpha *
					(double)term->a[term->a_transposed ? k * term->lda + m : m * term->lda + k];
				for (size_t n = 0; n < g->N; n++) {
					double product = a * b[k * g->N + n];
					c[m * g->N + n] += product;
					squares += product * product;
				}
			}
		mem_free(row);
		mem_free(b);
	}
	for (size_t i = 0; before && i < g->M * g->N; i++) {
		double value = (double)before[i / g->N * g->ldc + i % g->N];
		c[i] += value;
		squares += value * value;
	}
	*size = sqrt(squares / fmax((double)(g->M * g->N), 1));
	return c;
}

/* Runs g on every path from the same C and compares each with the definition. */
static void gemm_check(struct rng *r, struct gemm *g)
{
	size_t size = g->M ? ((g->M - 1) * g->ldc + g->N) * sizeof(float) : 0;
	float *before = g->accumulate ? rows_random(r, g->M, g->N, g->ldc, 1) : rows_alloc(g->M, g->N, g->ldc);
	double rms_size, *want = gemm_in_double(g, g->accumulate ? before : NULL, &rms_size);
	for (size_t p = 0; path_choose(p); p++) {
		g->c = rows_alloc(g->M, g->N, g->ldc);
		g->scratch = test_scratch();
		memcpy(g->c, before, size);
		kern->gemm(g);
		rows_close(g->c, g->ldc, want, g->M, g->N, rms_size, products_tolerance(kern),
			"M %zu N %zu ldc %zu, %d terms, alpha %g%s, first K %zu %s%s%s", g->M, g->N, g->ldc, g->n_terms,
			(double)g->alpha, g->accumulate ? " accumulated" : "", g->term[0].K, dtype_name(g->term[0].b.dtype),
			g->term[0].a_transposed ? " A transposed" : "", g->term[0].b_transposed ? " B transposed" : "");
		gaps_intact(g->c, g->M, g->N, g->ldc);
	}
	mem_free(want);
	guards_end();
}

static void blocks_fit(struct shape *s)
{
	if (s->b_transposed)
		s->K = round_up(s->K, dtype_block(s->dtype));
	else
		s->N = round_up(s->N, dtype_block(s->dtype));
}

/* Tails in all directions, each format in each orientation with everything else drawn: 40 draws for each pair. */
static void test_shapes(void **state)
{
	(void)state;
	static const size_t Ms[] = {1, 2, 3, 4, 5, 6, 7, 13, 37, 100}, Ns[] = {1, 15, 17, 50, 64, 130},
			    Ks[] = {1, 2, 31, 32, 96, 770, 1600};
	static const float alphas[] = {1, 1, 0.5f, -2};
	struct rng r;
	rng_init(&r, 1, RNG_DATA, 0, 0);
	for (int i = 0; i < 2 * DTYPE_COUNT * 40; i++) {
		struct shape s = {
			.M = Ms[rng_below(&r, 10)],
			.N = Ns[rng_below(&r, 6)],
			.K = Ks[rng_below(&r, 7)],
			.dtype = (enum dtype)(i / 2 % DTYPE_COUNT),
			.a_transposed = rng_below(&r, 3) == 0,
			.b_transposed = i % 2,
		};
		blocks_fit(&s);
		struct gemm g = {
			.M = s.M,
			.N = s.N,
			.n_terms = 1 + (int)rng_below(&r, 2),
			.alpha = alphas[rng_below(&r, 4)],
			.ldc = s.N + 3 * rng_below(&r, 2),
			.accumulate = rng_below(&r, 2),
		};
		for (int t = 0; t < g.n_terms; t++) {
			g.term[t] = term_random(&r, &s, 5 * rng_below(&r, 2));
			/* The second term is a LoRA matrix: another K, f32, either way round. */
			s.K = Ks[rng_below(&r, 5)];
			s.dtype = DTYPE_F32;
			s.a_transposed = rng_below(&r, 3) == 0;
			s.b_transposed = rng_below(&r, 2);
		}
		gemm_check(&r, &g);
	}
}

/* Larger than any block of rows, columns or K that a path may cut the work into, and not a multiple of any; with a LoRA term. */
static void test_many_blocks(void **state)
{
	(void)state;
	static const struct shape shapes[] = {
		{1537, 130, 96, DTYPE_Q4_1, false, true}, {2051, 33, 1541, DTYPE_F32, false, false},
		{97, 1601, 130, DTYPE_F16, false, false}, {70, 65, 4131, DTYPE_BF16, false, false},
		{7, 3075, 1056, DTYPE_Q8_0, false, true}, {7, 1029, 1792, DTYPE_Q4_K, false, true},
		{9, 1536, 803, DTYPE_Q6_K, false, false}, {3, 1536, 803, DTYPE_Q5_K, false, false},
		{16, 576, 3001, DTYPE_F32, true, false}, /* a weight gradient: K runs over tokens */
	};
	struct rng r;
	rng_init(&r, 2, RNG_DATA, 0, 0);
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		const struct shape *s = &shapes[i];
		struct gemm g = {.M = s->M, .N = s->N, .n_terms = 2, .alpha = 1, .ldc = s->N};
		g.term[0] = term_random(&r, s, 1);
		g.term[1] = term_random(&r, &(struct shape){s->M, s->N, 9, DTYPE_F32, false, true}, 0);
		gemm_check(&r, &g);
	}
}

/* No rows or no columns. */
static void test_empty(void **state)
{
	(void)state;
	static const struct shape shapes[] = {{0, 5, 7, DTYPE_F32, false, true}, {5, 0, 7, DTYPE_F32, false, true}};
	struct rng r;
	rng_init(&r, 3, RNG_DATA, 0, 0);
	for (size_t i = 0; i < 4; i++) {
		const struct shape *s = &shapes[i / 2];
		struct gemm g = {.M = s->M, .N = s->N, .n_terms = 1, .alpha = 1, .ldc = s->N, .accumulate = i % 2};
		g.term[0] = term_random(&r, s, 0);
		gemm_check(&r, &g);
	}
}

static double inner(const float *x, const float *y, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)y[i];
	return sum;
}

/*
 * Y = X W' is linear, so its derivative needs no small step: with dX = G W and dW = G' X, <Y, G> = <X, dX> = <W, dW> exactly. Both
 * inner products carry the relative error of their gemm, which random signs average out: within `tolerance` of norm(Y) norm(G).
 */
static void test_gradients(void **state)
{
	(void)state;
	enum { T = 45, IN = 256, OUT = 70 };
	struct rng r;
	rng_init(&r, 4, RNG_DATA, 0, 0);
	for (size_t p = 0; path_choose(p); p++)
		for (enum dtype dtype = 0; dtype < DTYPE_COUNT; dtype++) {
			struct matrix W = matrix_random(&r, dtype, OUT, IN);
			float *x = floats_random(&r, T * IN, 1), *g = floats_random(&r, T * OUT, 1), *w = guard_floats(OUT * IN);
			float *y = guard_floats(T * OUT), *dx = guard_floats(T * IN), *dw = guard_floats(OUT * IN);
			for (size_t i = 0; i < OUT; i++)
				matrix_row(w + i * IN, &W, i, 0, IN);
			struct gemm op = {
				.M = T, .N = OUT, .n_terms = 1, .alpha = 1, .c = y, .ldc = OUT, .scratch = test_scratch()};
			op.term[0] = (struct gemm_term){.a = x, .lda = IN, .K = IN, .b = W, .b_transposed = true};
			kern->gemm(&op);
			op.N = op.ldc = IN;
			op.c = dx;
			op.term[0] = (struct gemm_term){.a = g, .lda = OUT, .K = OUT, .b = W};
			kern->gemm(&op);
			op.M = OUT;
			op.c = dw;
			op.term[0] =
				(struct gemm_term){.a = g, .lda = OUT, .K = T, .a_transposed = true, .b = {DTYPE_F32, T, IN, x}};
			kern->gemm(&op);

			double yg = inner(y, g, T * OUT), size = sqrt(inner(y, y, T * OUT) * inner(g, g, T * OUT));
			double tolerance = products_tolerance(kern);
			if (!(fabs(inner(x, dx, T * IN) - yg) < tolerance * size &&
				    fabs(inner(w, dw, OUT * IN) - yg) < tolerance * size))
				fail_msg("%s: %s: <Y, G> %.9g, <X, dX> %.9g, <W, dW> %.9g", kern->name, dtype_name(dtype), yg,
					inner(x, dx, T * IN), inner(w, dw, OUT * IN));
			guards_end();
		}
}

/* NaN in row m of A reaches row m of C alone, NaN in column n of B column n alone: all else keeps its bits. */
static void test_neighbours(void **state)
{
	(void)state;
	enum { M = 23, N = 70, K = 65 };
	struct rng r;
	rng_init(&r, 5, RNG_DATA, 0, 0);
	for (size_t p = 0; path_choose(p); p++)
		for (size_t i = 0; i < 4 * M; i++) {
			struct shape s = {.M = M, .N = N, .K = K, .a_transposed = i / 2 % 2, .b_transposed = i % 2};
			struct gemm g = {.M = M, .N = N, .n_terms = 1, .alpha = 1, .ldc = N, .scratch = test_scratch()};
			size_t row = i / 4, col = i / 4 * 3;
			g.term[0] = term_random(&r, &s, 0);
			const struct gemm_term *t = &g.term[0];
			float *a = (float *)t->a, *b = (float *)t->b.data, *clean = guard_floats(M * N);
			g.c = clean;
			kern->gemm(&g);
			for (size_t k = 0; k < K; k++) {
				a[t->a_transposed ? k * t->lda + row : row * t->lda + k] = NAN;
				b[t->b_transposed ? col * K + k : k * N + col] = NAN;
			}
			g.c = guard_floats(M * N);
			kern->gemm(&g);
			for (size_t m = 0; m < M; m++)
				for (size_t n = 0; n < N; n++) {
					bool poisoned = m == row || n == col;
					float now = g.c[m * N + n], before = clean[m * N + n];
					if (poisoned ? !isnan(now) : memcmp(&now, &before, sizeof now) != 0)
						fail_msg("%s: NaN in row %zu of A and column %zu of B: C[%zu][%zu] was %g, is %g",
							kern->name, row, col, m, n, (double)before, (double)now);
				}
			guards_end();
		}
}

/* Two products in a row share A, or seem to: `same_a` never changes a bit. Some do not fit in what a path may keep. */
static void test_same_a(void **state)
{
	(void)state;
	static const struct {
		size_t M, K, rank; /* of both; the second term of both has K `rank` */
		bool transposed, other_k, other_rows;
		enum dtype by_row; /* of B, where not F32; a product by row of a plain matrix comes between, as an adapter's does */
		bool another;      /* or one of the same shape, with another A */
	} cases[] = {
		{37, 96, 8, false, false, false, DTYPE_F32, false},
		{37, 96, 8, true, false, false, DTYPE_F32, false},
		{37, 96, 8, false, true, false, DTYPE_F32, false},
		{37, 96, 8, false, false, true, DTYPE_F32, false},
		{3, 70, 8, false, false, false, DTYPE_F32, false},
		{3, 70, 8, true, false, false, DTYPE_F32, false},
		{50, 1537, 7, false, false, false, DTYPE_F32, false},
		{20, 1536, 400, false, false, false, DTYPE_F32, false},
		{20, 4000, 8, false, false, false, DTYPE_F32, false},
		{700, 33, 8, false, false, false, DTYPE_F32, false},
		{1400, 33, 8, true, false, false, DTYPE_F32, false},
		{5, 96, 8, false, false, false, DTYPE_Q4_0, false},
		{1, 96, 8, false, false, false, DTYPE_Q8_0, false},
		{5, 96, 8, false, false, true, DTYPE_Q8_0, false},
		{5, 96, 8, false, false, false, DTYPE_Q8_0, true},
		{5, 70, 8, false, false, false, DTYPE_BF16, false},
		{5, 70, 8, false, true, false, DTYPE_BF16, false},
		{3000, 1536, 8, false, false, false, DTYPE_Q8_0, false},
	};
	struct rng r;
	rng_init(&r, 7, RNG_DATA, 0, 0);
	for (size_t p = 0; path_choose(p); p++)
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
			size_t M = cases[i].M, K = cases[i].K, N = 40;
			struct shape s = {M, N, K, cases[i].by_row, cases[i].transposed, true};
			struct shape low = {M, N, cases[i].rank, DTYPE_F32, false, false};
			struct gemm g = {.M = M, .N = N, .n_terms = 2, .alpha = 1, .ldc = N, .scratch = test_scratch()};
			g.by_row = cases[i].by_row;
			float *c[2] = {guard_floats(M * N), guard_floats(M * N)};
			g.term[0] = term_random(&r, &s, 0);
			g.term[1] = term_random(&r, &low, 0);
			const struct gemm_term another = term_random(&r, &s, 0);
			struct gemm next = g;
			next.term[1] = term_random(&r, &low, 0);
			next.same_a = true;
			if (cases[i].other_k)
				next.term[0].K--;
			if (cases[i].other_rows) {
				next.M -= 2;
				next.term[0].a += 2 * K;
			}
			for (int again = 0; again < 2; again++) {
				struct gemm between = {.M = M, .N = N, .n_terms = 1, .alpha = 1, .c = c[again], .ldc = N};
				between.term[0] = cases[i].another ? another : g.term[1];
				between.by_row = true;
				between.scratch = g.scratch;
				g.c = next.c = c[again];
				kern->gemm(&g);
				if (g.by_row)
					kern->gemm(&between);
				next.same_a = !again;
				kern->gemm(&next);
			}
			if (memcmp(c[0], c[1], next.M * N * sizeof **c) != 0)
				fail_msg("%s: M %zu K %zu rank %zu: same_a changes the product", kern->name, M, K, cases[i].rank);
			guards_end();
		}
}

/* B was A of the product before, or seems to have been: `b_was_a` never changes a bit. Where a path keeps A, B itself is not read again. */
static void test_b_was_a(void **state)
{
	(void)state;
	static const struct {
		size_t T, K, M; /* A of the first product [T, K]; of the second, transposed, [M, T] */
		bool another;   /* B is another matrix of the same shape */
		bool kept;
	} cases[] = {
		{37, 96, 16, false, true},
		{37, 97, 5, false, true},
		{200, 1537, 48, false, true},
		{512, 768, 64, false, true},
		{672, 40, 3, false, true},
		{672, 96, 200, false, false},
		{37, 96, 16, true, false},
		{700, 40, 16, false, false},
		{40, 1700, 16, false, false},
	};
	struct rng r;
	rng_init(&r, 11, RNG_DATA, 0, 0);
	for (size_t p = 0; path_choose(p); p++)
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
			size_t T = cases[i].T, K = cases[i].K, M = cases[i].M;
			struct shape first = {T, 24, K, DTYPE_F32, false, true}, second = {M, K, T, DTYPE_F32, true, false};
			struct gemm before = {.M = T, .N = 24, .n_terms = 1, .alpha = 1, .ldc = 24, .scratch = test_scratch()};
			struct gemm g = {.M = M, .N = K, .n_terms = 1, .alpha = 1, .ldc = K, .scratch = before.scratch};
			float *c[2] = {guard_floats(M * K), guard_floats(M * K)}, *x = floats_random(&r, T * K, 1);
			before.term[0] = term_random(&r, &first, 0);
			g.term[0] = term_random(&r, &second, 0);
			before.c = guard_floats(T * 24);
			before.term[0].a = cases[i].another ? floats_random(&r, T * K, 1) : x;
			g.term[0].b.data = x;
			for (int again = 0; again < 2; again++) {
				kern->gemm(&before);
				g.c = c[again];
				g.b_was_a = again;
				if (again && cases[i].kept && strcmp(kern->name, "ref") != 0)
					memset(x, 0, T * K * sizeof *x);
				kern->gemm(&g);
			}
			if (memcmp(c[0], c[1], M * K * sizeof **c) != 0)
				fail_msg("%s: T %zu K %zu M %zu: b_was_a changes the product", kern->name, T, K, M);
			guards_end();
		}
}

/* Any bits whose scales are finite; now and then scales that are 0, negative, subnormal or huge. */
static void block_any(struct rng *r, enum dtype dtype, uint8_t *block)
{
	static const float scales[] = {0, -0.0f, 0x1p-24f, -0x1p-20f, 6e4f, -3e3f};
	size_t at = dtype == DTYPE_Q6_K ? 208 : 0;
	block_random(r, dtype, block);
	if (rng_below(r, 4) == 0)
		half_put(block + at, scales[rng_below(r, 6)]);
	if (dtype != DTYPE_Q6_K && rng_below(r, 16) == 0)
		memset(block + 2, 0xff, dtype_block_bytes(dtype) - 2);
	if ((dtype == DTYPE_Q4_1 || dtype == DTYPE_Q5_1 || dtype >= DTYPE_Q4_K) && dtype != DTYPE_Q6_K)
		half_put(block + 2, 2 * rng_uniform(r) - 1);
}

/* Rows of A whose groups of 32 are of every size, among them those that f32 barely holds, zeros, and with one value above all others. */
static void rows_any(struct rng *r, float *a, size_t n)
{
	static const float sizes[] = {1, 1, 1, 0, 1e-45f, 1e-38f, 7e-31f, 9e-31f, 1e-5f, 1e25f};
	for (size_t i = 0; i < n; i += 32) {
		float size = sizes[rng_below(r, 10)];
		for (size_t j = i; j < i + 32 && j < n; j++)
			a[j] = size * (2 * rng_uniform(r) - 1);
		if (i + 32 <= n && rng_below(r, 3) == 0)
			a[i + rng_below(r, 32)] *= 1e3f;
	}
}

/* By row, one quantised term: ref's bits on every path, for every number of rows, also where C is added to and scaled. */
static void test_by_row_bits(void **state)
{
	(void)state;
	enum { N = 90 };                                            /* whole panels of B and parts of one, side by side */
	static const size_t Ks[] = {256, 1536, 32, 160, 192, 1248}; /* 8, 48, 1, 5, 6, 39 groups: eights, and every kind of rest */
	struct rng r;
	rng_init(&r, 8, RNG_DATA, 0, 0);
	for (size_t i = 0; i < DTYPE_COUNT * 12; i++) {
		enum dtype dtype = (enum dtype)(i % DTYPE_COUNT);
		size_t M = i < DTYPE_COUNT ? 49 : 11; /* of each format once more than panels take at a time */
		size_t K = Ks[rng_below(&r, 6)], lda, ldc = N + 3 * rng_below(&r, 2), size = ((M - 1) * ldc + N) * sizeof(float);
		if (!dtype_is_quantised(dtype))
			continue;
		K = round_up(K, dtype_block(dtype));
		lda = K + 5 * rng_below(&r, 2);
		float *a = rows_alloc(M, K, lda), *before = rows_random(&r, M, N, ldc, 1), *want = rows_alloc(M, N, ldc);
		struct gemm g = {.N = N, .n_terms = 1, .alpha = i % 3 ? 1 : -0.3f, .ldc = ldc, .accumulate = i % 2, .by_row = true};
		g.term[0] =
			(struct gemm_term){.a = a, .lda = lda, .K = K, .b = matrix_random(&r, dtype, N, K), .b_transposed = true};
		for (size_t m = 0; m < M; m++)
			rows_any(&r, a + m * lda, K);
		for (size_t at = 0; at < N * dtype_row_bytes(dtype, K); at += dtype_block_bytes(dtype))
			block_any(&r, dtype, (uint8_t *)g.term[0].b.data + at);
		assert_int_equal(kern_init("ref", NULL), 0);
		memcpy(want, before, size);
		g.M = M;
		g.c = want;
		kern->gemm(&g);
		for (size_t j = 0; j < M * N; j++)
			assert_true(isfinite(want[j / N * ldc + j % N]));
		for (size_t p = 0; path_choose(p); p++)
			for (size_t rows = 1; rows <= M; rows += rows < 11 ? 1 : 19) {
				struct gemm some = g;
				some.M = rows;
				some.scratch = test_scratch();
				some.c = rows_alloc(rows, N, ldc);
				memcpy(some.c, before, ((rows - 1) * ldc + N) * sizeof(float));
				kern->gemm(&some);
				for (size_t j = 0; j < rows * N; j++) {
					size_t at = j / N * ldc + j % N;
					if (memcmp(&some.c[at], &want[at], sizeof(float)) != 0)
						fail_msg("%s: %s K %zu, %zu rows: C[%zu][%zu] is %a, of ref %a", kern->name,
							dtype_name(dtype), K, rows, j / N, j % N, (double)some.c[at],
							(double)want[at]);
				}
				gaps_intact(some.c, rows, N, ldc);
			}
		guards_end();
	}
}

/*
 * By row, a term of each format and a LoRA term, against sums in double. A value of A is off by up to half of 1 / 32767 of the largest of its 32:
 * of uniform ones 1.5e-5 of their rms; of BF16 where its products are the processor's, as much as in tiles. Rows keep their bits whatever their number.
 */
static void test_by_row(void **state)
{
	(void)state;
	enum { M = 9, N = 50, RANK = 8 };
	struct rng r;
	rng_init(&r, 9, RNG_DATA, 0, 0);
	for (size_t i = 0; i < DTYPE_COUNT * 3; i++) {
		struct shape s = {M, N, 512, (enum dtype)(i % DTYPE_COUNT), false, true};
		s.K += dtype_is_quantised(s.dtype) ? 0 : 300 + i;
		struct gemm g = {.M = M, .N = N, .n_terms = i < DTYPE_COUNT ? 1 : 2, .alpha = 0.5f, .ldc = N, .by_row = true};
		double size;
		g.term[0] = term_random(&r, &s, 0);
		g.term[1] = term_random(&r, &(struct shape){M, N, RANK, DTYPE_F32, false, false}, 0);
		double *want = gemm_in_double(&g, NULL, &size);
		for (size_t p = 0; path_choose(p); p++) {
			g.scratch = test_scratch();
			g.c = guard_floats(M * N);
			g.M = M;
			kern->gemm(&g);
			bool narrow = s.dtype == DTYPE_BF16 && !strcmp(kern->name, "avx512bf16");
			rows_close(g.c, N, want, M, N, size, narrow ? products_tolerance(kern) : 4e-5, "by row, %s, %d terms",
				dtype_name(s.dtype), g.n_terms);
			for (size_t rows = 1; rows < M; rows++) {
				struct gemm some = g;
				some.M = rows;
				some.c = guard_floats(rows * N);
				kern->gemm(&some);
				if (memcmp(some.c, g.c, rows * N * sizeof(float)) != 0)
					fail_msg("%s: %s, %d terms: %zu rows have other bits than %d", kern->name,
						dtype_name(s.dtype), g.n_terms, rows, M);
			}
		}
		mem_free(want);
		guards_end();
	}
}

/* Rows so long that not all of them fit into the scratch, rounded. */
static void test_by_row_long(void **state)
{
	(void)state;
	enum { M = 11, N = 3, K = 1 << 19 };
	float want[M * N];
	struct rng r;
	rng_init(&r, 11, RNG_DATA, 0, 0);
	struct gemm g = {.M = M, .N = N, .n_terms = 1, .alpha = 1, .c = want, .ldc = N, .by_row = true};
	g.term[0] = term_random(&r, &(struct shape){M, N, K, DTYPE_Q4_1, false, true}, 0);
	assert_int_equal(kern_init("ref", NULL), 0);
	kern->gemm(&g);
	for (size_t p = 0; path_choose(p); p++) {
		g.scratch = test_scratch();
		g.c = guard_floats(M * N);
		kern->gemm(&g);
		assert_memory_equal(g.c, want, sizeof want);
	}
	guards_end();
}

/* What is not finite reaches its own row of C, and all of it, as NaN. */
static void test_by_row_not_finite(void **state)
{
	(void)state;
	enum { M = 6, N = 40, K = 256 };
	static const float bad[] = {NAN, INFINITY, -INFINITY};
	struct rng r;
	rng_init(&r, 10, RNG_DATA, 0, 0);
	for (size_t i = 0; i < DTYPE_COUNT * 3; i++) {
		struct shape s = {M, N, K, (enum dtype)(i % DTYPE_COUNT), false, true};
		struct gemm g = {.M = M, .N = N, .n_terms = 1, .alpha = 1, .ldc = N, .by_row = true};
		if (!dtype_is_quantised(s.dtype))
			continue;
		g.term[0] = term_random(&r, &s, 0);
		((float *)g.term[0].a)[2 * K + rng_below(&r, K)] = bad[i / DTYPE_COUNT];
		for (size_t p = 0; path_choose(p); p++) {
			g.scratch = test_scratch();
			g.c = guard_floats(M * N);
			kern->gemm(&g);
			for (size_t j = 0; j < M * N; j++)
				if (j / N == 2 ? !isnan(g.c[j]) : !isfinite(g.c[j]))
					fail_msg("%s: %s: %g in row 2 of A, C[%zu][%zu] is %g", kern->name, dtype_name(s.dtype),
						(double)bad[i / DTYPE_COUNT], j / N, j % N, (double)g.c[j]);
		}
		guards_end();
	}
}

/* A forward with its LoRA term, then a backward that adds to a gradient; wide enough that five threads all have work. */
static void op_for_threads(void *out)
{
	enum { T = 301, IN = 320, OUT = 450, RANK = 16 };
	struct rng r;
	float *c = out;
	rng_init(&r, 6, RNG_DATA, 0, 0);
	struct gemm g = {.M = T, .N = OUT, .n_terms = 2, .alpha = 0.5f, .c = c, .ldc = OUT, .scratch = test_scratch()};
	g.term[0] = term_random(&r, &(struct shape){T, OUT, IN, DTYPE_Q4_0, false, true}, 0);
	g.term[1] = term_random(&r, &(struct shape){T, OUT, RANK, DTYPE_F32, false, true}, 0);
	kern->gemm(&g);
	c += T * OUT;
	memset(c, 0, OUT * RANK * sizeof *c);
	g = (struct gemm){
		.M = OUT, .N = RANK, .n_terms = 1, .alpha = 1, .c = c, .ldc = RANK, .accumulate = true, .scratch = g.scratch};
	g.term[0] = term_random(&r, &(struct shape){OUT, RANK, T, DTYPE_F32, true, false}, 0);
	kern->gemm(&g);
	guards_end();
}

static void test_threads(void **state)
{
	(void)state;
	same_for_all_threads(op_for_threads, (301 * 450 + 450 * 16) * sizeof(float));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_many_blocks),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_gradients),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_same_a),
		cmocka_unit_test(test_b_was_a),
		cmocka_unit_test(test_by_row_bits),
		cmocka_unit_test(test_by_row),
		cmocka_unit_test(test_by_row_long),
		cmocka_unit_test(test_by_row_not_finite),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests_name("gemm", tests, NULL, NULL);
}
