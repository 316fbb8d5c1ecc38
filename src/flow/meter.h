/*
 * Private to flow: the ceiling meter, what limits a data folder.
 *
 * Documents are dealt to what every training sees, to what only some see, and to what none sees; of each fact one question is kept for measuring. All
 * trainings take the same number of steps, so that what differs is the documents alone. Reference: docs/decisions.md, "The ceiling meter".
 */
#ifndef ATTUNE_FLOW_METER_H
#define ATTUNE_FLOW_METER_H

#include "eval/eval.h"
#include "flow/flow.h"

enum {
	METER_STEPS = 48,                     /* of a training */
	METER_ROWS = 600,                     /* that a training sees, about; of more, documents are left out */
	METER_PHRASINGS = 1,                  /* of a fact, in a training */
	METER_ASKED = 240,                    /* questions on documents that no training sees; as many again on the others */
	METER_ASKED_UNIT = 4,                 /* of these on one of the others */
	METER_KINDS = 5,                      /* told apart; what has fewest rows of more is "other" */
	METER_UNITS_FEW = 8,                  /* documents of a kind; of fewer, sections are dealt */
	METER_TRAININGS = 5 + 2 * METER_KINDS /* base, quarter, two halves, all; and two of each kind */
};

/* Where documents come from: a folder, or what files beside the folders are called ("*.csv"). */
struct meter_kind {
	const char *name;
	size_t n_documents, n_facts, n_rows; /* in train.jsonl, asking rows alone */
	size_t n_units, n_held, n_used;      /* dealt; seen by no training; seen by the largest one */
};

/* A document, or a section of one. */
struct meter_unit {
	const char *path;
	size_t kind, document; /* numbers */
	size_t place;          /* in its kind, in the order of dealing: those that are held come last */
	uint32_t key;          /* of that order */
	size_t n_facts;
};

enum meter_use { METER_LEFT, METER_TRAINED, METER_ASKED_ROW };
struct meter_row {
	size_t unit, line; /* line: of its file, from 0 */
	long long item;    /* the fact */
	bool valid;        /* of valid.jsonl */
	uint32_t key;
	enum meter_use use;
	const char *text; /* the line, of a row that is used */
};

struct meter_data {
	struct meter_kind kind[METER_KINDS + 1];
	struct meter_unit *unit;
	struct meter_row *row; /* in the order of the files */
	size_t n_kinds, n_units, n_rows, n_documents;
	size_t n_train;  /* asking rows of train.jsonl */
	size_t n_asked;  /* rows to ask, of both sorts */
	size_t n_unseen; /* of these, on units that are held */
	struct arena arena;
};

/* Reads a data folder and deals. The caller releases, in any case. The same folder and seed give the same. */
int meter_data_read(struct meter_data *d, const char *folder, uint64_t seed, struct err *e);
void meter_data_release(struct meter_data *d);

enum meter_part { METER_BASE, METER_QUARTER, METER_HALF, METER_OTHER_HALF, METER_ALL, METER_HALF_OF, METER_WITHOUT };
struct meter_training {
	enum meter_part part;
	size_t kind; /* of the last two */
	size_t n_units, n_rows;
	double *nats; /* [n_asked] of each row's answer, in the order of the rows */
};
bool meter_held(const struct meter_data *d, const struct meter_unit *u);
/* Does this training see the unit? A quarter is in the half, that in all: they are nested. */
bool meter_sees(const struct meter_data *d, const struct meter_training *t, const struct meter_unit *u);

struct meter {
	const struct flow_meter_options *o;
	struct meter_data data;
	struct meter_training training[METER_TRAININGS];
	size_t n_trainings;
	double *tokens; /* [n_asked] of each row's answer, its end included */
	char folder[PATH_SIZE], data_key[65], model_key[65];
	struct model *model;
	struct train_config config;
	int lock;
};

/* Trains and asks, each training once: what the folder holds of the same rows, model and settings is read. ERR_STOPPED after o->stop. */
int meter_train(struct meter *m, struct err *e);
int meter_name(char out[PATH_SIZE], const struct meter *m, size_t i, struct err *e); /* "all", "half-of-2" */

/* What a change takes off the loss, in nats per answer token; told: in one direction, and by more than the luck of a training. */
struct meter_effect {
	struct eval_estimate less;
	double luck; /* its standard error by chance in training: of the line through the trainings, what lies beside it */
	bool told;
};

/* How a loss falls with the logarithm of the rows: what doubling takes off it. weight[i] of training i; they sum to 0. */
void meter_slope(const double *log2_rows, const bool *used, size_t n, double *weight);
/* The standard deviation of losses around that line, with n - 2 degrees of freedom; NaN of fewer than three. */
double meter_scatter(const double *log2_rows, const bool *used, size_t n, const double *loss);

struct meter_document {
	const char *path;
	size_t n_facts;
	double nats; /* what its being there takes off the answers to one question on each of its facts */
	struct eval_estimate less;
};

struct meter_result {
	const char *too_little;                     /* why there is nothing to be measured; NULL: there is */
	struct eval_estimate loss[METER_TRAININGS]; /* on documents that no training saw */
	struct meter_effect twice;                  /* of everything, on new documents */
	struct meter_effect own;                    /* a document being there, on its own questions */
	struct meter_effect twice_of[METER_KINDS + 1], without[METER_KINDS + 1]; /* of one kind, on all new documents */
	struct meter_effect curve_of[METER_KINDS + 1];                           /* of everything, on new ones of the kind */
	struct eval_estimate all_of[METER_KINDS + 1];                            /* loss of the largest training on them */
	size_t rank[METER_KINDS + 1];                                            /* kinds by what they contributed */
	struct meter_document *document;                                         /* [n_documents] likewise */
	size_t n_documents;
};
int meter_weigh(const struct meter *m, struct meter_result *r, struct err *e);

/* For people, for programs, for report.html. */
int meter_page(const struct meter *m, const struct meter_result *r, struct buf *out, struct err *e);
int meter_json(const struct meter *m, const struct meter_result *r, json_t **out, struct err *e);
int meter_html(const struct meter *m, const struct meter_result *r, struct buf *out, struct err *e);

#endif
