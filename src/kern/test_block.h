/* For the tests of kern and model: random stored blocks whose values are finite and of order 1. */
#ifndef ATTUNE_KERN_TEST_BLOCK_H
#define ATTUNE_KERN_TEST_BLOCK_H

#include "kern/kern.h"

#include <math.h>
#include <string.h>

static inline void half_put(uint8_t *p, float value)
{
	uint16_t h = f32_to_f16(value);
	memcpy(p, &h, sizeof h);
}

/* Random bits, but scales d so that the largest |value| without a minimum is from `scale` to twice that, and minima near its middle. */
static inline void quantised_random(struct rng *r, enum dtype dtype, uint8_t *block, float scale)
{
	for (size_t i = 0; i < dtype_block_bytes(dtype); i++)
		block[i] = (uint8_t)rng_u32(r);
	switch (dtype) {
	case DTYPE_Q8_0:
		half_put(block, scale / 127);
		return;
	case DTYPE_Q4_1:
		half_put(block + 2, -scale);
		/* fallthrough */
	case DTYPE_Q4_0:
		half_put(block, scale / 8);
		return;
	case DTYPE_Q5_1:
		half_put(block + 2, -scale);
		/* fallthrough */
	case DTYPE_Q5_0:
		half_put(block, scale / 16);
		return;
	case DTYPE_Q4_K:
		half_put(block, scale / (63 * 8));
		half_put(block + 2, scale / 63);
		return;
	case DTYPE_Q5_K:
		half_put(block, scale / (63 * 16));
		half_put(block + 2, scale / 63);
		return;
	case DTYPE_Q6_K:
		half_put(block + 208, scale / (128 * 32));
		return;
	default:
		return;
	}
}

static inline void block_random(struct rng *r, enum dtype dtype, uint8_t *block)
{
	float value = 2 * rng_uniform(r) - 1;
	uint16_t bf16 = f32_to_bf16(value);
	if (dtype == DTYPE_F32)
		memcpy(block, &value, sizeof value);
	else if (dtype == DTYPE_F16)
		half_put(block, value);
	else if (dtype == DTYPE_BF16)
		memcpy(block, &bf16, sizeof bf16);
	else
		quantised_random(r, dtype, block, copysignf(1 + fabsf(value), value));
}

#endif
