/* Private to search: the vectors of an index, and the passages that lie nearest to a question. */
#ifndef ATTUNE_SEARCH_VECTORS_H
#define ATTUNE_SEARCH_VECTORS_H

#include "model/model.h"
#include "store/store.h"

struct vectors {
	const struct embedder *embedder;
	size_t n, n_rows, n_values; /* n passages; for how many there is room in `row` and `value` */
	int64_t *row;               /* [n] ascending */
	uint16_t *value;            /* [n, width] f16 */
};
/* Makes the vectors that the store lacks, and loads all. `key` is that of the index. The caller releases, in any case. */
int vectors_open(struct vectors *v, struct store *s, const char *key, const struct embedder *m, struct err *e);
void vectors_release(struct vectors *v);
/* The passages of the largest cosine with the question, the largest first: fills row and cosine [0..*n), *n at most `limit`. */
int vectors_find(
	const struct vectors *v, const char *question, size_t limit, int64_t *row, double *cosine, size_t *n, struct err *e);

#endif
