/*
 * Private to data: what every reader fills a document with. Sections open in the order of the text; blocks belong to the last one.
 * Everything goes to the arena but `text`, which outline_release frees.
 */
#ifndef ATTUNE_DATA_OUTLINE_H
#define ATTUNE_DATA_OUTLINE_H

#include "data/corpus.h"

enum { OUTLINE_LEVELS = 8 };

struct outline {
	struct document *d;
	struct arena *arena, *lists; /* lists: where sections and blocks grow; the same unless the reader packs them itself */
	struct err *e;
	size_t cap_sections, cap_blocks;
	const char *title[OUTLINE_LEVELS + 1]; /* of the headings that are open, by level */
	struct buf text;                       /* of the leaf being read */
	size_t bold;                           /* bytes of bold text that it opened with */
};

void outline_init(struct outline *o, struct document *d, struct arena *a, struct err *e);
void outline_release(struct outline *o);

/* A heading of a level, 0 (the text before the first) to OUTLINE_LEVELS, at a byte. `title` stays the caller's, in the arena. */
int outline_section(struct outline *o, const char *title, int level, size_t start);
/* NULL when memory ran out. */
struct block *outline_block(struct outline *o, enum block_kind kind, struct span span);

/* A leaf: begin, any text with white space made single, end: the text without a space at its end in the arena, or NULL. */
void outline_text_begin(struct outline *o);
int outline_text(struct outline *o, const char *s, size_t n);
/*
 * The same of text that was written for people alone: spaces of every kind are spaces, marks without width are nothing, and a backtick is an
 * apostrophe, so that a pair of backticks always delimits code.
 */
int outline_prose(struct outline *o, const char *s);
/* Is the leaf a short line all in bold, as people write a heading who know no style for it? */
bool outline_is_label(const struct outline *o);
char *outline_text_end(struct outline *o);
/* The name of the file without its ending, as a title. */
char *outline_file_title(struct outline *o);
/* Takes the backticks out of a heading in place. */
char *outline_title(char *text);

#endif
