/* Private to data: items to files. */
#ifndef ATTUNE_DATA_DATASET_H
#define ATTUNE_DATA_DATASET_H

#include "data/contradict.h"
#include "data/corpus.h"
#include "data/preferences.h"
#include "data/scrub.h"
#include "data/split.h"
#include "format/format.h"

/* Grows whenever the same documents and options give other files than before. */
enum { DATASET_VERSION = 19 };

/* The files that are written line by line. An empty one is not written: that is what trainers take. */
enum {
	DATASET_TRAIN,
	DATASET_VALID,
	DATASET_SECTIONS,
	DATASET_FACTS,
	DATASET_UNSEEN,
	DATASET_DUPLICATES,
	DATASET_CONTRADICTIONS,
	DATASET_PREFERENCES,
	DATASET_REJECTED,
	DATASET_REPORT,
	DATASET_FILES
};

/*
 * A file of lines that is being written: once ROWS_PENDING bytes of lines wait they are handed on (what is rejected and the report wait whole), and nothing appears under its name before manifest_write
 * commits it. A zeroed struct with path, name and scrub is empty.
 */
struct dataset_file {
	char path[PATH_SIZE];
	const char *name;
	struct scrub *scrub; /* whose items no line may hold; NULL: lines are not looked at */
	struct buf pending, rejected;
	struct file_writer writer;
	struct sha256 *sum; /* of what was written; NULL: nothing was */
};
int dataset_file_put(struct dataset_file *f, const char *lines, size_t n, struct err *e); /* whole lines */
int dataset_file_flush(struct dataset_file *f, struct err *e);                            /* all that waits */
void dataset_file_release(struct dataset_file *f);                                        /* what is not committed is gone */

struct dataset {
	const struct document *documents;
	size_t n_documents;
	struct items *items;
	const struct items *unasked; /* facts that no question asks for */
	const struct unseen_text *unseen;
	size_t n_unseen;
	const struct duplicates *duplicates;
	const struct contradictions *contradictions;
	const struct terms *terms;
	const struct preferences *preferences; /* made by dataset_write */
	struct scrub *scrub;                   /* NULL: personal data stays */
};

/*
 * Drops every question that two different answers claim (who is asked cannot know which is meant) and repeats of one, then
 * writes the folder as data.h says and fills the counts of `out`.
 */
int dataset_write(const struct data_options *o, const struct dataset *d, struct data_summary *out, struct err *e);

/* ---- report.c ---- */

/* Appends report.html: what was read, what is asked of it, what was left out and why. After the items were dropped that are. */
int curation_report(const struct dataset *d, const struct data_summary *s, struct buf *out, struct err *e);

/* ---- manifest.c ---- */

extern const char *const dataset_file_name[]; /* [DATASET_FILES] and terms.yaml */

/* What a data set is made from, as one hash: version, options, path and content of every document. */
int dataset_key(const struct data_options *o, const struct document *d, size_t n, char hex[65], struct err *e);

/* Commits the files, which are flushed, and writes terms.yaml and, last, manifest.json. */
int manifest_write(const struct data_options *o, const struct dataset *d, struct dataset_file file[DATASET_FILES],
	const struct data_summary *c, struct err *e);

/* Compares the manifest with the key and the files with the manifest; fills `out` from it when all agree. */
int manifest_is_current(const char *dir, const char *key, bool *current, struct data_summary *out, struct err *e);

#endif
