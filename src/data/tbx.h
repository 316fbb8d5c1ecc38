/* Private to data: terms of a TermBase eXchange file. */
#ifndef ATTUNE_DATA_TBX_H
#define ATTUNE_DATA_TBX_H

#include "format/format.h"

/*
 * Reads the English terms of TBX, version 2 (root `martif`) or 3 (root `tbx`, data categories as attributes or as tags): of each
 * concept the term with the status preferredTerm, or the first that is not forbidden, its definition, and as forbidden forms
 * those with deprecatedTerm or supersededTerm. Admitted ones may be used and are left out. A definition of more than 400 bytes
 * is none. At most 32 MiB in UTF-8 or UTF-16; a document type without entities of its own is passed over, and nothing is
 * fetched. ERR_DATA names the file and, where XML is none, the line.
 */
int tbx_read(struct term_rules *out, const char *path, struct err *e);

#endif
