/*
 * Random numbers as a function of key and counter: Philox 4x32-10. Reference: Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011, section 3.3; known answers from its Random123 distribution.
 */
#include "base/base.h"

#include <math.h>

enum { PHILOX_ROUNDS = 10 };

void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
	uint32_t k0 = key[0], k1 = key[1];
	uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
	for (int i = 0; i < PHILOX_ROUNDS; i++) {
		uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += 0x9E3779B9u; /* golden ratio */
		k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
	}
	out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

void rng_init(struct rng *r, uint64_t seed, enum rng_use use, uint32_t a, uint32_t b)
{
	*r = (struct rng){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .counter = {0, (uint32_t)use, a, b}};
}

uint32_t rng_u32(struct rng *r)
{
	if (!r->n_left) {
		philox(r->key, r->counter, r->out);
		r->counter[0]++;
		r->n_left = 4;
	}
	return r->out[4 - r->n_left--];
}

float rng_uniform(struct rng *r)
{
	return (float)(rng_u32(r) >> 8) * 0x1p-24f;
}

float rng_normal(struct rng *r)
{
	/* Box-Muller, one of the pair: the other would be state. 1 - u is in (0, 1], so the logarithm is finite. */
	double u = 1.0 - (double)rng_uniform(r), v = (double)rng_uniform(r);
	return (float)(sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v));
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	/* Lemire, "Fast random integer generation in an interval", 2019: reject the few low products that favour some results. */
	uint64_t product = (uint64_t)rng_u32(r) * n;
	if ((uint32_t)product < n) {
		uint32_t threshold = -n % n; /* 2^32 mod n */
		while ((uint32_t)product < threshold)
			product = (uint64_t)rng_u32(r) * n;
	}
	return (uint32_t)(product >> 32);
}

void rng_shuffle(struct rng *r, uint32_t *v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = rng_below(r, (uint32_t)i);
		uint32_t t = v[i - 1];
		v[i - 1] = v[j];
		v[j] = t;
	}
}
