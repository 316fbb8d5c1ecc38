/*
 * Runs a fuzz target without libFuzzer: over its seeds, then over mutations of them that are the same in every run.
 * usage: TARGET N_MUTATIONS SEED_FILE...; prints TAP. A crash, a sanitizer report or an input that takes over 10 s ends it.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEED_MAX = 1 << 20, MUTATIONS_MAX = 6, SECONDS_MAX = 10 };

static void run(const struct buf *b)
{
	/* An exact copy on the heap, so that AddressSanitizer sees a read past the end. */
	uint8_t *copy = malloc(b->len ? b->len : 1);
	if (!copy)
		abort();
	if (b->len)
		memcpy(copy, b->p, b->len);
	alarm(SECONDS_MAX);
	LLVMFuzzerTestOneInput(copy, b->len);
	alarm(0);
	free(copy);
}

/* One change: a bit, an extreme number, a cut, a repeat, or a piece of the other seed. */
static void mutate(struct buf *b, const struct buf *other, struct rng *r)
{
	static const uint64_t extremes[] = {
		0, 1, 3, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 62, 1ull << 63, UINT64_MAX};
	uint32_t n = (uint32_t)b->len;
	if (!n)
		return;
	uint32_t at = rng_below(r, 1 + rng_below(r, n)); /* more often near the front, where the headers are */
	uint32_t length = 1 + rng_below(r, n - at < 32 ? n - at : 32);
	struct err e;
	switch (rng_below(r, 7)) {
	case 0:
		b->p[at] = (char)(b->p[at] ^ (1 << rng_below(r, 8)));
		break;
	case 1:
		b->p[at] = (char)rng_u32(r);
		break;
	case 2: {
		uint64_t value = extremes[rng_below(r, sizeof extremes / sizeof *extremes)];
		memcpy(b->p + at, &value, n - at < 8 ? n - at : 8u >> rng_below(r, 3));
		break;
	}
	case 3:
		b->len = at;
		break;
	case 4:
		memmove(b->p + at, b->p + at + length, n - at - length);
		b->len -= length;
		break;
	case 5: /* repeat a piece behind itself */
		if (buf_append(b, (const char[32]){0}, length, &e))
			abort();
		memmove(b->p + at + length, b->p + at, n - at);
		break;
	case 6:
		if (other->len >= length)
			memcpy(b->p + at, other->p + rng_below(r, (uint32_t)(other->len - length + 1)), length);
		break;
	}
}

int main(int argc, char **argv)
{
	struct err e = {0};
	uint32_t n_mutations = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0, n_seeds = argc > 2 ? (uint32_t)(argc - 2) : 0;
	struct buf *seeds = calloc(n_seeds ? n_seeds : 1, sizeof *seeds), b = {0};
	if (!seeds || !n_seeds) {
		fprintf(stderr, "usage: %s N_MUTATIONS SEED_FILE...\n", argv[0]);
		return 2;
	}
	printf("1..2\n");
	log_set_level(LOG_ERROR);
	for (uint32_t i = 0; i < n_seeds; i++) {
		if (file_read(argv[2 + i], SEED_MAX, &seeds[i], &e)) {
			fprintf(stderr, "%s\n", e.text);
			return 1;
		}
		run(&seeds[i]);
		for (b.len = 0; b.len < seeds[i].len && b.len < 4096;) { /* every truncation of its beginning */
			if (buf_append(&b, seeds[i].p + b.len, 1, &e))
				abort();
			run(&b);
		}
	}
	printf("ok 1 - %u seeds and their truncations\n", n_seeds);
	fflush(stdout);
	for (uint32_t i = 0; i < n_mutations; i++) {
		struct rng r;
		rng_init(&r, 1, RNG_DATA, i, 0);
		const struct buf *seed = &seeds[rng_below(&r, n_seeds)], *other = &seeds[rng_below(&r, n_seeds)];
		buf_clear(&b);
		if (buf_append(&b, seed->p, seed->len, &e))
			abort();
		for (uint32_t k = 1 + rng_below(&r, MUTATIONS_MAX); k; k--)
			mutate(&b, other, &r);
		run(&b);
	}
	printf("ok 2 - %u mutations\n", n_mutations);
	for (uint32_t i = 0; i < n_seeds; i++)
		buf_release(&seeds[i]);
	buf_release(&b);
	free(seeds);
	return 0;
}
