/*
 * "Did you mean": the candidate with the smallest edit distance, swapped neighbours counting one, if it is small for the length
 * of the word. Reference: optimal string alignment distance, Damerau 1964.
 */
#include "cli/cli.h"

#include <string.h>

enum { WORD_MAX = 40 };

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t edit_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), d[WORD_MAX + 1][WORD_MAX + 1];
	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			best = min(best, min(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = min(best, d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	return d[n][m];
}

void guess_try(struct guess *g, const char *candidate)
{
	size_t distance = edit_distance(g->word, candidate);
	if (distance <= min(3, strlen(candidate) / 3 + 1) && distance < strlen(candidate) && (!g->best || distance < g->distance)) {
		g->best = candidate;
		g->distance = distance;
	}
}
