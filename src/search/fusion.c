/* Two scores as one. Reference: fusion.h. */
#include "search/fusion.h"

#include <stdlib.h>

/* Of the passage in place `place` from 1; 0: not in the list. */
static double share(const struct ranking *r, size_t place)
{
	if (!place)
		return 0;
	double span = r->score[0] - r->floor;
	return span > 0 ? (r->score[place - 1] - r->floor) / span : 1;
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
		out[i].score = (2 * share(words, out[i].by_words) + 3 * share(meaning, out[i].by_meaning)) / 5;
	qsort(out, n, sizeof *out, compare);
	return n;
}
