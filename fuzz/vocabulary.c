/* Any bytes as what other tools know of terms: a TBX file, or a rule or a list of Vale. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/data.h"
#include "format/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *name = n && *p == '<' ? "a.tbx" : n && *p == 'e' ? "rule.yml" : "accept.txt", *folder = fuzz_folder(name, p, n);
	char from[PATH_SIZE], terms[PATH_SIZE];
	struct terms_imported made;
	struct terms t = {0};
	struct err e = {0};
	if (path_join(from, sizeof from, NULL, folder, name) || path_join(terms, sizeof terms, NULL, folder, DATA_TERMS))
		abort();
	int rc = data_terms_import(from, folder, &made, &e);
	fuzz_check(rc, &e);
	if (!rc && made.n_terms && terms_read(&t, terms, &e)) /* what was written can be read */
		abort();
	terms_release(&t);
	unlink(terms);
	return 0;
}
