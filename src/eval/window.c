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
	const uint64_t offset = 0xcbf29ce484222325, prime = 0x100000001b3;
	while (*s->p) {
		uint64_t word = offset;
		while (*s->p && !is_wordy(*s->p))
			s->p++;
		if (!*s->p)
			break;
		for (; is_wordy(*s->p); s->p++)
			word = (word ^ (uint64_t)tolower((unsigned char)*s->p)) * prime;
		s->last[s->n++ % s->size] = word;
		if (s->n < s->size)
			continue;
		*hash = offset;
		for (size_t i = 0; i < s->size; i++)
			*hash = (*hash ^ s->last[(s->n + i) % s->size]) * prime;
		return true;
	}
	return false;
}
