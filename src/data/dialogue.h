/* Private to data: questions that people asked and the answers that other people gave. */
#ifndef ATTUNE_DATA_DIALOGUE_H
#define ATTUNE_DATA_DIALOGUE_H

#include "data/corpus.h"

/* Items from the turns of m->section: of a ticket its message and reply, of a call each question and the turn after it. */
int pairs_from_turns(struct maker *m, struct err *e);

/* Is a turn of m->section by somebody who answers: support in a ticket, in a call who asks less than another one? */
bool dialogue_answers(const struct maker *m, const struct block *turn);

#endif
