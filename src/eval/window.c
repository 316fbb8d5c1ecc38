/*
 * Words in a row, each hashed by FNV-1a, and their hashes again. Reference: window.h.
 */
#include "eval/window.h"

#include <ctype.h>

static bool is_wordy(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

bool window_next(struct window_scan *s, uint64_t *hash)
{
	while (*s->p) {
		uint64_t word = HASH_START;
		while (*s->p && !is_wordy(*s->p))
			s->p++;
		if (!*s->p)
			break;
		for (; is_wordy(*s->p); s->p++)
			word = hash_step(word, (uint64_t)tolower((unsigned char)*s->p));
		s->last[s->n++ % s->size] = word;
		if (s->n < s->size)
			continue;
		*hash = HASH_START;
		for (size_t i = 0; i < s->size; i++)
			*hash = hash_step(*hash, s->last[(s->n + i) % s->size]);
		return true;
	}
	return false;
}
