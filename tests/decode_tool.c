/*
 * How far the next-token path (stored weights times 16-bit activations, kern/rows.c) is from the path of whole prompts, for docs/speed.md:
 *
 *	decode_tool MODEL TEXT...
 *
 * Of up to 200 tokens of each text: the difference of a token's log-probability, the divergence of the two distributions, and how often the first
 * choice is the same; with the processor's time a token.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "format/format.h"
#include "model/net.h"

enum { TOKENS = 200 };

struct sums {
	double difference, largest, divergence, seconds;
	size_t n, same;
};

static double log_sum(const float *x, size_t n)
{
	double max = x[0], sum = 0;
	for (size_t i = 1; i < n; i++)
		max = x[i] > max ? x[i] : max;
	for (size_t i = 0; i < n; i++)
		sum += exp(x[i] - max);
	return max + log(sum);
}

static size_t first_choice(const float *x, size_t n)
{
	size_t best = 0;
	for (size_t i = 1; i < n; i++)
		best = x[i] > x[best] ? i : best;
	return best;
}

static void compare(struct sums *s, const float *whole, const float *next, size_t V, int32_t token)
{
	double a = log_sum(whole, V), b = log_sum(next, V), d = fabs((whole[token] - a) - (next[token] - b));
	s->difference += d;
	s->largest = d > s->largest ? d : s->largest;
	s->same += first_choice(whole, V) == first_choice(next, V);
	for (size_t i = 0; i < V; i++)
		s->divergence += exp(whole[i] - a) * ((whole[i] - a) - (next[i] - b));
	s->n++;
}

static int text_try(const struct model *m, const char *path, struct sums *s, struct err *e)
{
	struct buf text = {0};
	struct ids ids = {0};
	struct work *w = NULL;
	struct kv *kv = NULL;
	size_t V = model_config(m)->V, n = 0;
	int32_t row[TOKENS];
	float *logits = NULL;
	int rc = file_read(path, 1 << 20, &text, e);
	if (!rc)
		rc = tokenizer_encode(m->tokenizer, text.p, text.len, &ids, e);
	n = ids.n < TOKENS ? ids.n : TOKENS;
	size_t start[] = {0, n};
	struct batch batch = {.tokens = ids.p, .n_tokens = n, .start = start, .n_seqs = 1};
	for (size_t i = 0; i < n; i++)
		row[i] = (int32_t)i;
	if (!rc && !(logits = mem_alloc(n + 1, V * sizeof *logits, e)))
		rc = ERR_RESOURCE;
	if (!rc)
		rc = work_new(&w, m, NULL, TOKENS, false, e);
	if (!rc)
		rc = kv_new(&kv, m, TOKENS, e);
	if (!rc)
		rc = model_logits(m, NULL, w, &batch, row, n, logits, e);
	for (size_t i = 0; i + 1 < n && !rc; i++) {
		clock_t begun = clock();
		rc = model_append(m, NULL, w, kv, ids.p + i, 1, logits + n * V, e);
		s->seconds += (double)(clock() - begun) / CLOCKS_PER_SEC;
		if (!rc)
			compare(s, logits + i * V, logits + n * V, V, ids.p[i + 1]);
	}
	kv_free(kv);
	work_free(w);
	mem_free(logits);
	ids_release(&ids);
	buf_release(&text);
	return rc;
}

int main(int argc, char **argv)
{
	struct model *m = NULL;
	struct err e = {0};
	struct sums s = {0};
	int rc = argc > 2 ? kern_init(NULL, &e) : err_set(&e, ERR_USAGE, "usage: decode_tool MODEL TEXT...");
	if (!rc)
		rc = model_open(&m, argv[1], &e);
	for (int i = 2; i < argc && !rc; i++)
		rc = text_try(m, argv[i], &s, &e);
	if (rc)
		fprintf(stderr, "%s\n", e.text);
	else if (s.n)
		printf("%zu tokens: log-probability differs by %.6f on average, at most %.5f; divergence %.2e nats; same first "
		       "choice %zu; %.2f ms a token\n",
			s.n, s.difference / (double)s.n, s.largest, s.divergence / (double)s.n, s.same,
			1e3 * s.seconds / (double)s.n);
	model_free(m);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
