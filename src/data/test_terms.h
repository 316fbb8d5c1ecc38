/* For tests of terms. Include cmocka.h first. */
#ifndef ATTUNE_DATA_TEST_TERMS_H
#define ATTUNE_DATA_TEST_TERMS_H

#include "format/format.h"

/* "preferred=definition-forbidden-...;" of every term, which is released. */
static void assert_terms_are(struct terms *t, const char *expected)
{
	struct buf b = {0};
	struct err e = {0};
	for (size_t i = 0; i < t->n; i++) {
		buf_printf(&b, &e, "%s=%s", t->p[i].preferred, t->p[i].definition);
		for (size_t k = 0; k < t->p[i].n_forbidden; k++)
			buf_printf(&b, &e, "-%s", t->p[i].forbidden[k]);
		buf_puts(&b, ";", &e);
	}
	assert_string_equal(b.len ? b.p : "", expected);
	buf_release(&b);
	terms_release(t);
}

#endif
