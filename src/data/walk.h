/* Private to data: the documents under a path. */
#ifndef ATTUNE_DATA_WALK_H
#define ATTUNE_DATA_WALK_H

#include "data/corpus.h"

struct paths {
	const char **p; /* relative to the root, sorted by bytes; strings live in the arena */
	size_t n, cap;
};
void paths_release(struct paths *p);

/* Which reader a file is for, by the end of its name in any case. A file of another kind that is named itself is read as Markdown. */
enum walk_kind { WALK_NONE, WALK_MARKDOWN, WALK_HTML, WALK_PLAIN, WALK_DOCX, WALK_PDF, WALK_CAPTIONS, WALK_TICKETS, WALK_JSON };
enum walk_kind walk_kind(const char *path);
extern const char walk_patterns[]; /* "*.md, *.markdown, ...": for messages */

/*
 * A regular file gives itself; of a folder, every file below it of a kind that is read, but hidden ones, its own questions.jsonl
 * (sealed questions are never trained on) and DATA_SETTLED, and no data folder below it. Links to folders are not followed, but named in a warning.
 * ERR_DATA when a folder has none: the message counts what is there instead.
 */
int walk(struct paths *out, const char *root, struct arena *a, struct err *e);
/* The same of the files that are `wanted` by their name; there may be none. */
int walk_for(struct paths *out, const char *root, bool (*wanted)(const char *name), struct arena *a, struct err *e);

#endif
