/*
 * Private to cli: what attune review shows and asks.
 */
#ifndef ATTUNE_CLI_REVIEW_H
#define ATTUNE_CLI_REVIEW_H

#include "cli/cli.h"
#include "flow/flow.h"
#include "store/store.h"

/* A string of an object, or what stands for it. */
const char *review_field(const json_t *o, const char *name, const char *otherwise);

/* Is stdout a terminal whose reader wants colours? https://no-color.org */
bool review_colour(void);
/*
 * Appends a draft with its findings marked and numbered, and what they say below. Without colours a mark is "[1: nine days]". Control characters of
 * the draft and its findings do not reach the terminal.
 */
int review_paint(struct buf *out, const struct review_draft *d, bool colour, struct err *e);
/*
 * Appends `after` with what it changed of `before`, word by word: the longest common subsequence of words and of the spaces between them, as
 * ui/diff.js has it. Without colours "[-gone-]{+new+}".
 */
int review_changes(struct buf *out, const char *before, const char *after, bool colour, struct err *e);

/*
 * A line of a questions file that asks again what a person decided, with the one value that decides it as its answer; NULL: there is no such value, or
 * no person decided. The caller decrefs.
 */
int review_case(json_t **out, const struct review *v, struct err *e);

/* One draft after another is shown and decided, until nothing is left or the person ends it. */
int review_desk(struct reviews *r, const char *results, struct err *e);

/* Rounds for a person, one for a program (the caller decrefs), and all as a page. */
int review_rounds_text(const struct flow_rounds *r, struct buf *out, struct err *e);
json_t *review_round_json(const struct flow_round *r);
int review_rounds_page(const struct flow_rounds *r, struct buf *out, struct err *e);

#endif
