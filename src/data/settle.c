/* Decisions on contradictions, and what follows from them. Reference: settle.h. */
#include "data/settle.h"

#include <string.h>

#include "format/format.h"

/* Sets the decision of the contradictions between the two statements: `keep` is right, or both are. */
static void decide(struct contradictions *c, const struct items *items, const char *keep, const char *other, bool both)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *a = items->p[c->p[i].a].answer, *b = items->p[c->p[i].b].answer;
		bool first = !strcmp(a, keep) && !strcmp(b, other), second = !strcmp(b, keep) && !strcmp(a, other);
		if (first || second)
			c->p[i].settled = both ? SETTLED_BOTH : first ? SETTLED_A : SETTLED_B;
	}
}

int settle_read(struct contradictions *c, const struct items *items, const char *in, struct err *e)
{
	char path[PATH_SIZE];
	struct jsonl *lines;
	json_t *o;
	size_t line;
	int rc = path_join(path, sizeof path, e, in, DATA_SETTLED);
	if (rc || !dir_exists(in) || !file_exists(path))
		return rc;
	rc = jsonl_open(&lines, path, e);
	if (rc)
		return rc;
	while (!rc && (rc = jsonl_next(lines, &o, &line, e)) > 0) {
		const char *keep, *drop, *a, *b;
		rc = 0;
		if (!json_unpack(o, "{s:s, s:s}", "keep", &keep, "drop", &drop))
			decide(c, items, keep, drop, false);
		else if (!json_unpack(o, "{s:[s, s]}", "both", &a, &b))
			decide(c, items, a, b, true);
		else
			rc = err_set(e, ERR_DATA,
				"%s: line %zu: expected {\"keep\":STATEMENT,\"drop\":STATEMENT} or "
				"{\"both\":[STATEMENT,STATEMENT]}",
				path, line);
		json_decref(o);
	}
	jsonl_close(lines);
	return rc;
}

bool settle_forbids(const struct contradictions *c, const struct items *items, const char *text)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct contradiction *k = &c->p[i];
		bool a = k->settled == SETTLED_NOT || k->settled == SETTLED_B,
		     b = k->settled == SETTLED_NOT || k->settled == SETTLED_A;
		if ((a && strstr(text, items->p[k->a].answer)) || (b && strstr(text, items->p[k->b].answer)))
			return true;
	}
	return false;
}

void settle_drop(const struct contradictions *c, const struct items *items)
{
	for (size_t i = 0; i < items->n && c->n; i++)
		if (settle_forbids(c, items, items->p[i].answer))
			memset(items->p[i].questions, 0, items->p[i].n_questions * sizeof *items->p[i].questions);
}
