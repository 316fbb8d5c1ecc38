/* The filters and tests that are known, by name: an index into their table, or -1. Private to format. */
#ifndef FORMAT_JINJA_TABLE_H
#define FORMAT_JINJA_TABLE_H

#include "format/jinja.h"

int jinja_filter(struct str name);
int jinja_test(struct str name);
bool jinja_test_takes(int index); /* whether the test has an argument */

#endif
