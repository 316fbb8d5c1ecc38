/*
 * The operations on rows: rmsnorm, rope, swiglu, geglu, cross-entropy. On every path, forward against the formula and backward against
 * finite differences, both in double; extreme values; what a row may see; threads.
 */
#include "test_kern.h"

/*
 * Fails unless each of got[0..n) is `want` to within `tolerance` of itself or, where numbers get so small that f32 holds them with
 * fewer bits, within FLT_MIN.
 */
static void each_close(const float *got, const double *want, size_t n, double tolerance, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabs((double)got[i] - want[i]) <= tolerance * fabs(want[i]) + 0x1p-126))
			fail_msg("%s: %s[%zu] is %.9g, not %.9g (tolerance %.2g)", kern->name, name, i, (double)got[i], want[i],
				tolerance);
}

static void all_close(const float *got, const double *want, size_t rows, size_t cols, size_t ld, const char *name)
{
	rows_close(got, ld, want, rows, cols, rms(want, rows * cols), f32_tolerance, "%s [%zu, %zu]", name, rows, cols);
}

/* ---- rmsnorm ----------------------------------------------------------------------------------------------------------- */

struct norm {
	size_t T, C;
	double eps, *x, *w, *weight, *y;
};

/* sum(y * weight), and y on the way. */
static double norm_loss(const void *job)
{
	const struct norm *j = job;
	double loss = 0;
	for (size_t t = 0; t < j->T; t++) {
		double mean = 0;
		for (size_t i = 0; i < j->C; i++)
			mean += j->x[t * j->C + i] * j->x[t * j->C + i] / (double)j->C;
		for (size_t i = 0; i < j->C; i++) {
			j->y[t * j->C + i] = j->x[t * j->C + i] / sqrt(mean + j->eps) * j->w[i];
			loss += j->y[t * j->C + i] * j->weight[t * j->C + i];
		}
	}
	return loss;
}

static void test_rmsnorm(void **state)
{
	(void)state;
	static const size_t Ts[] = {0, 1, 5}, Cs[] = {1, 2, 7, 16, 33, 100};
	/* eps as large as the mean square of x, so that its place in the formula is seen. */
	const float eps = 0.25f;
	struct rng r;
	rng_init(&r, 1, RNG_DATA, 0, 0);
	for (size_t k = 0; k < 18; k++) {
		size_t T = Ts[k / 6], C = Cs[k % 6], n = T * C;
		float *x = floats_random(&r, n, 1), *w = floats_random(&r, C, 2), *dy = floats_random(&r, n, 1);
		float *dx0 = floats_random(&r, n, 1);
		struct norm j = {.T = T, .C = C, .eps = (double)eps, .y = doubles(n), .x = rows_widen(x, T, C, C)};
		j.w = rows_widen(w, 1, C, C);
		j.weight = rows_widen(dy, T, C, C);
		double *want = doubles(n);
		for (size_t i = 0; i < n; i++)
			want[i] = (double)dx0[i] + slope(norm_loss, &j, &j.x[i]);
		norm_loss(&j);
		for (size_t p = 0; path_choose(p); p++) {
			float *y = guard_floats(n), *dx = guard_floats(n), *rstd = guard_floats(T);
			memcpy(dx, dx0, n * sizeof *dx);
			kern->rmsnorm(y, rstd, x, w, T, C, eps);
			kern->rmsnorm_backward(dx, dy, x, w, rstd, T, C);
			all_close(y, j.y, T, C, C, "rmsnorm");
			all_close(dx, want, T, C, C, "rmsnorm_backward");
			for (size_t t = 0; t < T && w[0] != 0; t++)
				assert_true(fabsf(y[t * C] - x[t * C] * rstd[t] * w[0]) <= 1e-6f);
		}
		double *all[] = {j.x, j.w, j.weight, j.y, want};
		for (size_t i = 0; i < sizeof all / sizeof *all; i++)
			mem_free(all[i]);
		guards_end();
	}
}

/* Zeros have no direction: they stay zeros. A row of NaN stays alone. Large and tiny rows come out of size 1. */
static void test_rmsnorm_extremes(void **state)
{
	(void)state;
	enum { T = 5, C = 576 };
	struct rng r;
	rng_init(&r, 2, RNG_DATA, 0, 0);
	float *x = floats_random(&r, T * C, 1), *w = guard_floats(C), *dy = floats_random(&r, T * C, 1);
	for (size_t i = 0; i < C; i++) {
		w[i] = 1;
		x[0 * C + i] = 0;
		x[1 * C + i] = NAN;
		x[3 * C + i] *= 1e15f;
		x[4 * C + i] *= 1e-15f;
	}
	for (size_t p = 0; path_choose(p); p++) {
		float *y = guard_floats(T * C), *dx = guard_floats(T * C), *rstd = guard_floats(T);
		memset(dx, 0, T * C * sizeof *dx);
		kern->rmsnorm(y, rstd, x, w, T, C, 0x1p-125f);
		kern->rmsnorm_backward(dx, dy, x, w, rstd, T, C);
		for (size_t i = 0; i < C; i++)
			assert_true(y[i] == 0 && isfinite(dx[i]) && isnan(y[C + i]) && isnan(dx[C + i]));
		for (size_t t = 2; t < T; t++) {
			double *row = rows_widen(y + t * C, 1, C, C);
			assert_true(fabs(rms(row, C) - 1) < 1e-5);
			mem_free(row);
			for (size_t i = 0; i < C; i++)
				assert_true(isfinite(dx[t * C + i]));
		}
	}
	guards_end();
}

/* ---- rope -------------------------------------------------------------------------------------------------------------- */

/* cos and sin of position * 100^(-2i/D) for each row: base 100, so that also the slow pairs turn visibly. */
static float *rope_angles(const int32_t *position, size_t T, size_t D)
{
	float *table = guard_floats(T * D);
	for (size_t t = 0; t < T; t++)
		for (size_t i = 0; i < D / 2; i++) {
			double angle = (double)position[t] * pow(100, -2.0 * (double)i / (double)D);
			table[t * D + 2 * i] = (float)cos(angle);
			table[t * D + 2 * i + 1] = (float)sin(angle);
		}
	return table;
}

/* Rotates compact rows of doubles: (a, b) becomes (a cos - b sin, a sin + b cos). */
static void rope_in_double(double *x, const float *angles, size_t T, size_t H, size_t D, enum rope_layout layout)
{
	for (size_t k = 0; k < T * H * (D / 2); k++) {
		size_t i = k % (D / 2), head = k / (D / 2);
		double *a = x + head * D + (layout == ROPE_HALF ? i : 2 * i), *b = a + (layout == ROPE_HALF ? D / 2 : 1);
		const float *angle = angles + head / H * D + 2 * i;
		double cosine = (double)angle[0], sine = (double)angle[1], turned = *a * cosine - *b * sine;
		*b = *a * sine + *b * cosine;
		*a = turned;
	}
}

/*
 * The rotation is linear, so its gradient needs no small step: for outputs y of x and any g, <y, g> = <x, the gradient of g>. That is
 * tested by its stronger form: direction -1 undoes direction +1, and a rotation's inverse is its transpose.
 */
static void test_rope(void **state)
{
	(void)state;
	static const size_t Hs[] = {1, 3, 8}, Ds[] = {2, 6, 32, 64, 80, 128, 256};
	static const int32_t position[] = {0, 1, 2, 49, 7, 7, 0};
	enum { T = sizeof position / sizeof *position };
	struct rng r;
	rng_init(&r, 3, RNG_DATA, 0, 0);
	for (size_t k = 0; k < 2 * 3 * 7; k++) {
		enum rope_layout layout = k % 2 ? ROPE_HALF : ROPE_INTERLEAVED;
		size_t H = Hs[k / 2 % 3], D = Ds[k / 6], ld = H * D + k % 4;
		float *angles = rope_angles(position, T, D), *x = rows_random(&r, T, H * D, ld, 1);
		double *before = rows_widen(x, T, H * D, ld), *want = rows_widen(x, T, H * D, ld);
		rope_in_double(want, angles, T, H, D, layout);
		for (size_t p = 0; path_choose(p); p++) {
			float *y = rows_alloc(T, H * D, ld);
			memcpy(y, x, ((T - 1) * ld + H * D) * sizeof *y);
			kern->rope(y, ld, angles, T, H, D, layout, 1);
			all_close(y, want, T, H * D, ld, "rope");
			kern->rope(y, ld, angles, T, H, D, layout, -1);
			all_close(y, before, T, H * D, ld, "rope there and back");
			kern->rope(y, ld, angles, 0, H, D, layout, 1);
			all_close(y, before, T, H * D, ld, "rope of no rows");
			gaps_intact(y, T, H * D, ld);
		}
		mem_free(before);
		mem_free(want);
		guards_end();
	}
}

/* ---- swiglu and geglu -------------------------------------------------------------------------------------------------- */

struct gated {
	double gate, up;
};

static double gated_value(const void *job)
{
	const struct gated *g = job;
	return g->gate / (1 + exp(-g->gate)) * g->up;
}

static double gelu_gated_value(const void *job)
{
	const struct gated *g = job;
	return 0.5 * g->gate * (1 + tanh(sqrt(2 / M_PI) * (g->gate + 0.044715 * g->gate * g->gate * g->gate))) * g->up;
}

/*
 * Each value to 5e-7 of itself: exp of a rounded argument keeps 2^-24 |x| only when it is reduced in two parts, and no path may lose
 * more than a few bits of the last place. Below about -87 e^x has no normal f32; 1e-35 absolute is asked for there.
 */
static void test_swiglu_range(void **state)
{
	(void)state;
	enum { N = 20001 };
	float *gate = guard_floats(N), *up = guard_floats(N);
	double *want = doubles(N);
	for (size_t i = 0; i < N; i++) {
		gate[i] = -100 + (float)i * 0.01f;
		up[i] = 1;
		want[i] = gated_value(&(struct gated){(double)gate[i], 1});
	}
	size_t low = 1300; /* gate[low] = -87 */
	for (size_t p = 0; path_choose(p); p++) {
		float *y = guard_floats(N);
		kern->swiglu(y, gate, up, N);
		for (size_t i = 0; i < low; i++)
			assert_true(fabs((double)y[i] - want[i]) < 1e-35);
		each_close(y + low, want + low, N - low, 5e-7, "swiglu");
	}
	mem_free(want);
	guards_end();
}

typedef void (*glu)(float *, const float *, const float *, size_t);
typedef void (*glu_backward)(float *, float *, float *, const float *, const float *, const float *, size_t);

static void test_gated(bool gelu)
{
	double (*value)(const void *) = gelu ? gelu_gated_value : gated_value;
	static const size_t ns[] = {0, 1, 15, 16, 17, 100, 1001, 40003};
	struct rng r;
	rng_init(&r, 4, RNG_DATA, 0, 0);
	for (size_t k = 0; k < sizeof ns / sizeof *ns; k++) {
		size_t n = ns[k], bytes = n * sizeof(float);
		/* GELU's exponent is a cube of the gate, whose rounding it magnifies. */
		float *gate = floats_random(&r, n, gelu ? 3 : 8), *up = floats_random(&r, n, 2), *dy = floats_random(&r, n, 1);
		double *y_want = doubles(n), *dgate_want = doubles(n), *dup_want = doubles(n);
		for (size_t i = 0; i < n; i++) {
			struct gated g = {(double)gate[i], (double)up[i]};
			y_want[i] = value(&g);
			dgate_want[i] = (double)dy[i] * slope(value, &g, &g.gate);
			dup_want[i] = (double)dy[i] * slope(value, &g, &g.up);
		}
		for (size_t p = 0; path_choose(p); p++) {
			float *y = guard_floats(n), *again = guard_floats(n), *dgate = guard_floats(n), *dup = guard_floats(n);
			glu forward = gelu ? kern->geglu : kern->swiglu;
			glu_backward backward = gelu ? kern->geglu_backward : kern->swiglu_backward;
			forward(y, gate, up, n);
			backward(again, dgate, dup, dy, gate, up, n);
			all_close(y, y_want, 1, n, n, gelu ? "geglu" : "swiglu");
			assert_memory_equal(again, y, bytes);
			all_close(dgate, dgate_want, 1, n, n, "dgate");
			all_close(dup, dup_want, 1, n, n, "dup");

			/* In place: over dy, gate and up. */
			float *d = guard_floats(n), *g = guard_floats(n), *u = guard_floats(n);
			memcpy(d, dy, bytes);
			memcpy(g, gate, bytes);
			memcpy(u, up, bytes);
			backward(d, g, u, d, g, u, n);
			assert_memory_equal(d, y, bytes);
			assert_memory_equal(g, dgate, bytes);
			assert_memory_equal(u, dup, bytes);
		}
		mem_free(y_want);
		mem_free(dgate_want);
		mem_free(dup_want);
		guards_end();
	}
}

static void test_glu(void **state)
{
	(void)state;
	test_gated(false);
	test_gated(true);
}

/* One NaN stays alone; the gradient at +-200 is finite. GELU's at +-1e30 is, too. */
static void test_swiglu_extremes(void **state)
{
	(void)state;
	enum { N = 40 };
	for (size_t p = 0; path_choose(p); p++) {
		float *gate = guard_floats(N), *up = guard_floats(N), *y = guard_floats(N), *again = guard_floats(N),
		      *dgate = guard_floats(N), *dup = guard_floats(N);
		for (size_t i = 0; i < N; i++) {
			gate[i] = i % 2 ? 200 : -200;
			up[i] = 1;
		}
		gate[17] = NAN;
		kern->swiglu(y, gate, up, N);
		kern->swiglu_backward(again, dgate, dup, up, gate, up, N);
		for (size_t i = 0; i < N; i++) {
			float s = i % 2 ? 1.0f : 0.0f; /* the sigmoid of +-200 */
			if (i == 17)
				assert_true(isnan(y[i]) && isnan(dgate[i]) && isnan(dup[i]));
			else if (!(fabsf(y[i] - 200 * s) < 1e-30f && fabsf(dgate[i] - s) < 1e-30f &&
					 fabsf(dup[i] - 200 * s) < 1e-30f))
				fail_msg("%s: at %g: y %g, dgate %g, dup %g", kern->name, (double)gate[i], (double)y[i],
					(double)dgate[i], (double)dup[i]);
		}
		for (size_t i = 0; i < N; i++)
			gate[i] = i == 17 ? NAN : i % 2 ? 1e30f : -1e30f;
		kern->geglu(y, gate, up, N);
		kern->geglu_backward(again, dgate, dup, up, gate, up, N);
		for (size_t i = 0; i < N; i++) {
			if (i == 17)
				assert_true(isnan(y[i]) && isnan(dgate[i]) && isnan(dup[i]));
			else
				assert_true(isfinite(y[i]) && fabsf(dgate[i] - (float)(i % 2)) < 1e-6f && isfinite(dup[i]));
		}
		guards_end();
	}
}

/* ---- cross-entropy ----------------------------------------------------------------------------------------------------- */

struct entropy {
	const double *logits;
	size_t V, target;
};

static double entropy_loss(const void *job)
{
	const struct entropy *e = job;
	double max = e->logits[0], sum = 0;
	for (size_t i = 1; i < e->V; i++)
		max = fmax(max, e->logits[i]);
	for (size_t i = 0; i < e->V; i++)
		sum += exp(e->logits[i] - max);
	return max + log(sum) - e->logits[e->target];
}

/*
 * Finite differences confirm scale * (softmax - onehot) in double where V is small; that formula judges floats everywhere. A softmax is
 * as exact as exp and the sum over V, 4e-6 of itself, however small. At the target 1 is subtracted, and its rounding of 6e-8 stays.
 */
static void test_cross_entropy(void **state)
{
	(void)state;
	static const size_t ns[] = {0, 1, 3, 17}, Vs[] = {1, 2, 31, 100, 1000, 49152};
	const float scale = 0.37f;
	struct rng r;
	rng_init(&r, 5, RNG_DATA, 0, 0);
	for (size_t k = 0; k < 24; k++) {
		size_t n = ns[k % 4], V = Vs[k / 4];
		float *logits = floats_random(&r, n * V, 6);
		int32_t *target = guard_bytes(n * sizeof *target);
		double *x = rows_widen(logits, n, V, V), *loss_want = doubles(n), *want = doubles(n * V);
		for (size_t i = 0; i < n; i++) {
			target[i] = (int32_t)(i == 0 ? 0 : i == 1 ? V - 1 : rng_below(&r, (uint32_t)V));
			struct entropy e = {x + i * V, V, (size_t)target[i]};
			loss_want[i] = entropy_loss(&e);
			for (size_t c = 0; c < V; c++) {
				double softmax = exp(e.logits[c] - e.logits[e.target] - loss_want[i]);
				want[i * V + c] = softmax - (c == e.target);
				if (V <= 100)
					assert_true(fabs(slope(entropy_loss, &e, &x[i * V + c]) - want[i * V + c]) < 1e-8);
				want[i * V + c] *= (double)scale;
			}
		}
		for (size_t p = 0; path_choose(p); p++) {
			float *loss = guard_floats(n), *g = guard_floats(n * V);
			memcpy(g, logits, n * V * sizeof *g);
			kern->cross_entropy(loss, g, target, n, V, 0);
			assert_memory_equal(g, logits, n * V * sizeof *g); /* scale 0: the logits stay */
			rows_close(loss, 1, loss_want, n, 1, fmax(rms(loss_want, n), 1), f32_tolerance, "loss for V %zu", V);
			kern->cross_entropy(loss, g, target, n, V, scale);
			rows_close(loss, 1, loss_want, n, 1, fmax(rms(loss_want, n), 1), f32_tolerance,
				"loss with gradient for V %zu", V);
			for (size_t i = 0; i < n; i++) {
				size_t t = i * V + (size_t)target[i];
				assert_true(fabs((double)g[t] - want[t]) < 2e-7 * (double)scale);
				g[t] = (float)want[t];
			}
			each_close(g, want, n * V, 2 * f32_tolerance, "gradient");
		}
		mem_free(x);
		mem_free(loss_want);
		mem_free(want);
		guards_end();
	}
}

struct divergence {
	const double *logits, *teacher;
	size_t V;
};

static double divergence_loss(const void *context)
{
	const struct divergence *d = context;
	double loss = 0;
	for (size_t i = 0; i < d->V; i++) {
		struct entropy p = {d->logits, d->V, i}, q = {d->teacher, d->V, i};
		double log_p = -entropy_loss(&p), log_q = -entropy_loss(&q);
		loss += exp(log_q) * (log_q - log_p);
	}
	return loss;
}

/* Finite differences confirm the gradient, as above; the first row's teacher is the student itself. */
static void test_distill(void **state)
{
	(void)state;
	static const size_t Vs[] = {1, 2, 31, 100};
	enum { N = 3 };
	const float scale = 0.37f;
	struct rng r;
	rng_init(&r, 8, RNG_DATA, 0, 0);
	for (size_t k = 0; k < sizeof Vs / sizeof *Vs; k++) {
		size_t V = Vs[k];
		float *logits = floats_random(&r, N * V, 6), *teacher = floats_random(&r, N * V, 6);
		memcpy(teacher, logits, V * sizeof *teacher);
		double *x = rows_widen(logits, N, V, V), *y = rows_widen(teacher, N, V, V), loss_want[N], *want = doubles(N * V);
		for (size_t i = 0; i < N; i++) {
			struct divergence d = {x + i * V, y + i * V, V};
			loss_want[i] = divergence_loss(&d);
			for (size_t c = 0; c < V; c++)
				want[i * V + c] = (double)scale * slope(divergence_loss, &d, &x[i * V + c]);
		}
		for (size_t p = 0; path_choose(p); p++) {
			float *loss = guard_floats(N), *g = guard_floats(N * V);
			memcpy(g, logits, N * V * sizeof *g);
			kern->distill(loss, g, teacher, N, V, 0);
			assert_memory_equal(g, logits, N * V * sizeof *g);
			rows_close(loss, 1, loss_want, N, 1, fmax(rms(loss_want, N), 1), f32_tolerance, "divergence for V %zu", V);
			kern->distill(loss, g, teacher, N, V, scale);
			rows_close(loss, 1, loss_want, N, 1, fmax(rms(loss_want, N), 1), f32_tolerance, "divergence for V %zu", V);
			for (size_t i = 0; i < N * V; i++)
				assert_true(fabs((double)g[i] - want[i]) < 4e-7);
		}
		mem_free(x);
		mem_free(y);
		mem_free(want);
		guards_end();
	}
}

/* Logits of +-10^4, all equal ones, a row of NaN between them, and one whose only large logit is the last, in the tail of every path. */
static void test_cross_entropy_extremes(void **state)
{
	(void)state;
	enum { N = 6, V = 1002 };
	static const int32_t target[N] = {0, 7, 7, 7, 7, 7};
	const double want[N] = {20000 + log(V / 2), NAN, log(V / 2), log(V), log(V), 10000};
	for (size_t p = 0; path_choose(p); p++) {
		float *logits = guard_floats(N * V), *loss = guard_floats(N);
		for (size_t c = 0; c < V; c++) {
			logits[c] = logits[2 * V + c] = c % 2 ? 1e4f : -1e4f;
			logits[V + c] = NAN;
			logits[3 * V + c] = 0;
			logits[4 * V + c] = -1e4f;
			logits[5 * V + c] = c == V - 1 ? 1e4f : 0;
		}
		kern->cross_entropy(loss, logits, target, N, V, 1);
		for (size_t i = 0; i < N; i++) {
			if (i == 1) {
				assert_true(isnan(loss[i]));
				continue;
			}
			assert_true(fabs((double)loss[i] - want[i]) < 1e-6 * want[i]);
			for (size_t c = 0; c < V; c++) {
				double softmax = i == 5 ? c == V - 1 : i > 2 ? 1.0 / V : c % 2 ? 2.0 / V : 0;
				assert_true(fabs((double)logits[i * V + c] - (softmax - (c == (size_t)target[i]))) < 1e-7);
			}
		}
		guards_end();
	}
}

/* A single NaN among the logits, wherever it lies, is seen in the loss: a broken model must not look like a good one. */
static void test_cross_entropy_nan(void **state)
{
	(void)state;
	enum { V = 50 };
	for (size_t p = 0; path_choose(p); p++) {
		for (size_t at = 0; at < V; at++) {
			float logits[V] = {0}, loss;
			logits[at] = NAN;
			kern->cross_entropy(&loss, logits, &(int32_t){at ? 0 : 1}, 1, V, 1);
			if (!isnan(loss))
				fail_msg("%s: NaN at %zu gives loss %g", kern->name, at, (double)loss);
		}
	}
}

/* What drawing needs. */
static void test_weights(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 7, 16, 33, 5000};
	static const float temperatures[] = {0.01f, 0.7f, 2};
	struct rng r;
	rng_init(&r, 10, RNG_DATA, 0, 0);
	for (size_t c = 0; c < 15; c++) {
		size_t n = sizes[c % 5];
		float *logits = floats_random(&r, n, 12), *want = guard_floats(n), *x = guard_floats(n);
		for (size_t i = 1; i < n; i += 3) /* what a grammar forbids */
			logits[i] = -INFINITY;
		memcpy(want, logits, n * sizeof *want);
		assert_int_equal(kern_init("ref", NULL), 0);
		double total = kern->weights(want, n, temperatures[c / 5]);
		for (size_t p = 0; path_choose(p); p++) {
			memcpy(x, logits, n * sizeof *x);
			double got = kern->weights(x, n, temperatures[c / 5]), sum = 0;
			for (size_t i = 0; i < n; sum += (double)x[i++])
				if (!(fabsf(x[i] - want[i]) <= 2e-5f * want[i] + 1e-37f) || (logits[i] == -INFINITY && x[i] != 0))
					fail_msg("%s: case %zu, weight %zu: %g, not %g", kern->name, c, i, (double)x[i],
						(double)want[i]);
			assert_true(got >= 1 && fabs(got - sum) <= 1e-12 * sum && fabs(got - total) <= 1e-5 * total);
		}
		guards_end();
	}
}

/* ---- f16 --------------------------------------------------------------------------------------------------------------- */

/* The bits of f32_to_f16 on every path, but what is too large becomes the largest; any number of values. */
static void test_halve(void **state)
{
	(void)state;
	static const float edge[] = {0, -0.0f, 1, 65504, 65519, 65520, -65520, 1e30f, -INFINITY, INFINITY, 6.1e-5f, 6e-8f, 3e-8f,
		2.9802323e-8f, -1e-20f, 1.00048828f, 1.00146484f, 2049, 2051, -1.0004f};
	enum { N = sizeof edge / sizeof *edge };
	for (size_t p = 0; path_choose(p); p++)
		for (size_t n = 0; n <= 3 * N; n++) {
			float *x = guard_floats(n);
			uint16_t *half = guard_bytes(n * sizeof *half);
			for (size_t i = 0; i < n; i++)
				x[i] = edge[(i + n) % N];
			kern->halve(half, x, n);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(half[i], f32_to_f16(fminf(fmaxf(x[i], -65504), 65504)));
			for (size_t i = 0; i < n; i++)
				x[i] = NAN;
			kern->halve(half, x, n);
			for (size_t i = 0; i < n; i++)
				assert_true(isnan(f16_to_f32(half[i])));
			guards_end();
		}
}

/* ---- threads ----------------------------------------------------------------------------------------------------------- */

static void op_for_threads(void *out)
{
	enum { T = 33, H = 9, D = 64, C = H * D, V = 3001 };
	struct rng r;
	float *o = out;
	int32_t target[T];
	rng_init(&r, 6, RNG_DATA, 0, 0);
	for (size_t i = 0; i < T; i++)
		target[i] = (int32_t)rng_below(&r, 50);
	float *x = floats_random(&r, T * C, 3), *w = floats_random(&r, C, 1), *dy = floats_random(&r, T * C, 1);
	float *logits = floats_random(&r, T * V, 5), *angles = rope_angles(target, T, D);

	memcpy(o + T, dy, T * C * sizeof *o);
	kern->rmsnorm(o + T + T * C, o, x, w, T, C, 1e-5f);
	kern->rmsnorm_backward(o + T, dy, x, w, o, T, C);
	kern->rope(o + T, C, angles, T, H, D, ROPE_HALF, 1);
	o += T + 2 * T * C;
	kern->swiglu(o, x, dy, T * C);
	kern->swiglu_backward(o + T * C, o + 2 * T * C, o + 3 * T * C, dy, x, o, T * C);
	o += 4 * T * C;
	kern->cross_entropy(o, logits, target, T, V, 0.5f);
	memcpy(o + T, logits, T * V * sizeof *o);
	guards_end();
}

static void test_threads(void **state)
{
	(void)state;
	same_for_all_threads(op_for_threads, (33 + 6 * 33 * 576 + 33 + 33 * 3001) * sizeof(float));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rmsnorm),
		cmocka_unit_test(test_rmsnorm_extremes),
		cmocka_unit_test(test_rope),
		cmocka_unit_test(test_swiglu_range),
		cmocka_unit_test(test_glu),
		cmocka_unit_test(test_swiglu_extremes),
		cmocka_unit_test(test_cross_entropy),
		cmocka_unit_test(test_distill),
		cmocka_unit_test(test_cross_entropy_extremes),
		cmocka_unit_test(test_cross_entropy_nan),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_halve),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests_name("ops", tests, NULL, NULL);
}
