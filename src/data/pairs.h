/* Private to data: questions from the structure of documents. */
#ifndef ATTUNE_DATA_PAIRS_H
#define ATTUNE_DATA_PAIRS_H

#include "data/corpus.h"

/* Headings that are questions, requests with their steps, or topics; glossary entries and definitions. For m->section. */
int pairs_from_section(struct maker *m, struct err *e);

/* One item a cell, named by its row and column. (table.c) */
int pairs_from_table(struct maker *m, const struct block *b, struct err *e);

#endif
