/* Any bytes as terms.yaml; what is accepted is written, read again and must be the same. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/format.h"
#include "fuzz.h"

static void must_equal(const struct terms *a, const struct terms *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; i < a->n && same; i++) {
		const struct term *x = &a->p[i], *y = &b->p[i];
		same = !strcmp(x->preferred, y->preferred) && !strcmp(x->definition, y->definition) &&
			x->n_forbidden == y->n_forbidden && x->status == y->status;
		for (size_t k = 0; k < x->n_forbidden && same; k++)
			same = !strcmp(x->forbidden[k], y->forbidden[k]);
	}
	if (!same)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = {0};
	struct terms t, back;
	char path[PATH_SIZE];
	int rc = terms_read(&t, fuzz_file(p, n), &e);
	fuzz_check(rc, &e);
	if (!rc && !path_join(path, sizeof path, NULL, fuzz_folder("seed", p, 0), "terms.yaml")) {
		rc = terms_write(&t, path, &e); /* quoting may make it too long to write */
		fuzz_check(rc, &e);
		if (!rc && terms_read(&back, path, &e))
			abort();
		if (!rc) {
			must_equal(&t, &back);
			terms_release(&back);
		}
	}
	terms_release(&t);
	return 0;
}
