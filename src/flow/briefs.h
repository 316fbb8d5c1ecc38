/*
 * Private to flow: what drafts are ordered by.
 */
#ifndef ATTUNE_FLOW_BRIEFS_H
#define ATTUNE_FLOW_BRIEFS_H

#include "format/format.h"

enum brief_field { BRIEF_TYPE, BRIEF_AUDIENCE, BRIEF_POINTS, BRIEF_LENGTH, BRIEF_FIELDS };

struct brief {
	const char *field[BRIEF_FIELDS]; /* "" where it is not given */
	char id[40];                     /* of all of it; of equal ones the second has another */
};
struct briefs {
	struct brief *p;
	size_t n, cap, n_bad;
	json_t *seen; /* how often there is one, by id */
	struct arena arena;
};
/*
 * Rows of CSV with a head, or lines of JSON: type, audience, points (what is to be said) and length in words, of which points must be there. A row
 * that cannot be used is warned of and left out; ERR_DATA when none can.
 */
int briefs_read(struct briefs *b, const char *path, struct err *e);
void briefs_release(struct briefs *b);
/* What the model is asked. Appends. */
int brief_prompt(const struct brief *b, struct buf *out, struct err *e);

#endif
