/*
 * Passages in front of a question. Training rows and retrieval both come through here, so that a model is asked in the words it was
 * trained on. Reference: format.h, "retrieved passages".
 */
#include "format/format.h"

int passages_render(const struct passage *p, size_t n, const char *question, struct buf *out, struct err *e)
{
	int rc = buf_puts(out, "Answer from these passages only.\n\n", e);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = buf_printf(out, e, "[%zu] %s: %s\n%s\n\n", i + 1, p[i].source, p[i].heading, p[i].text);
	return rc < 0 ? rc : buf_printf(out, e, "Question: %s", question);
}
