/* Reciprocal rank fusion. Reference: fusion.h. */
#include "search/fusion.h"

#include <stdlib.h>

enum { FUSION_CONSTANT = 60 };

static double worth(size_t place)
{
	return place ? 1 / (FUSION_CONSTANT + (double)place) : 0;
}

static int compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	size_t near_x = x->by_meaning - 1, near_y = y->by_meaning - 1; /* 0, in no list, becomes the largest */
	if (near_x != near_y)
		return near_x < near_y ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

size_t fuse(const struct ranking *words, const struct ranking *meaning, struct candidate *out)
{
	size_t n = 0;
	for (; n < words->n; n++)
		out[n] = (struct candidate){.row = words->row[n], .by_words = n + 1};
	for (size_t i = 0; i < meaning->n; i++) {
		size_t at = 0;
		while (at < words->n && out[at].row != meaning->row[i])
			at++;
		if (at == words->n) {
			at = n++;
			out[at] = (struct candidate){.row = meaning->row[i]};
		}
		out[at].by_meaning = i + 1;
	}
	for (size_t i = 0; i < n; i++)
		out[i].score = worth(out[i].by_words) + worth(out[i].by_meaning);
	qsort(out, n, sizeof *out, compare);
	return n;
}
