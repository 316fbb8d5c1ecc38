/* Private to the DOCX reader: what its styles and lists are. */
#ifndef ATTUNE_DATA_DOCX_STYLE_H
#define ATTUNE_DATA_DOCX_STYLE_H

#include "data/docx.h"

enum { LIST_LEVELS = 9, NUM_BULLET = -1, NUM_NUMBER = -2 };

/* Everything inherited from the styles that it is based on. Zeroed: body text. */
struct docx_style {
	const char *id, *based_on;
	int level;          /* of the heading, 1 to 9; 0: none */
	int num, num_level; /* the list that it makes items of, NUM_BULLET and NUM_NUMBER where only its name says so; 0: none */
	bool title;         /* of the whole document */
	bool contents;      /* a line of a table of contents */
	bool bold, hidden, code; /* its text */
};

/* A list and which of its levels are numbered. */
struct docx_list {
	int id;
	unsigned ordered; /* bit of each level */
};

struct docx_styles {
	struct docx_style *style; /* [n], sorted by id; mem_free */
	size_t n, cap;
	struct docx_list *list; /* [n_lists], sorted; mem_free */
	size_t n_lists;
};

/* Either part may be empty. */
int docx_styles_read(struct docx_styles *s, const struct buf part[DOCX_PARTS], struct document *d, struct arena *a, struct err *e);
void docx_styles_release(struct docx_styles *s);
/* A style by its id; body text when there is none. */
const struct docx_style *docx_style_find(const struct docx_styles *s, const char *id);
bool docx_list_is_ordered(const struct docx_styles *s, int num, int level);

#endif
