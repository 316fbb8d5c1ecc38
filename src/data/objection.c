/*
 * Questions that take for granted what the documents do not say ("false presuppositions": Kim et al. 2021, "Which Linguist Invented the Lightbulb?").
 * A small model agrees with most of them, whatever it has been taught; that a word stands nowhere is certain without a model. Reference: data.h.
 */
#include <ctype.h>
#include <string.h>

#include "data/evidence.h"

/* What anybody who asks about software may say. */
static const char everyday[] =
	"API APIs CLI CPU DNS FAQ GPU HTTP HTTPS ID IDs IP IT OK OS PC PDF RAM SDK SSH TCP TLS UDP UI URL URLs UTC VPN";

/* Does no document have the word? Not of "Sweden's" or "Swedish-speaking" where "Sweden" and "Swedish" are known. */
static bool is_foreign(const struct evidence *v, struct word w)
{
	uint64_t hash = evidence_word_hash(v, &w);
	if (!hash || evidence_weight_of(v, hash) > 0 || word_in(&w, everyday))
		return false;
	for (size_t i = 1; i + 1 < w.n; i++)
		if (strchr("-'", w.p[i]) && isalnum((unsigned char)w.p[i - 1]) && islower((unsigned char)w.p[i + 1])) {
			w.n = i;
			return is_foreign(v, w);
		}
	return true;
}

/* The claim's name from its first foreign word on; n = 0: the documents have each of them. */
static struct str foreign_part(const struct evidence *v, const char *text, const struct evidence_claim *c)
{
	struct word w[SENTENCE_WORDS];
	size_t n = words_split((struct str){text + c->start, c->end - c->start}, w);
	for (size_t i = 0; i < n; i++)
		if (is_foreign(v, w[i])) {
			const struct word *last = &w[n - 1];
			size_t end = (size_t)(last->p - w[i].p) + last->n;
			return (struct str){w[i].p, end};
		}
	return (struct str){text, 0};
}

/* "3.12.0" is one of many that are right. */
static bool is_version(const char *p, size_t n)
{
	size_t dots = 0;
	for (size_t i = 0; i < n; i++)
		dots += p[i] == '.';
	return dots > 1;
}

/* What else is said to a model, a letter to rewrite or a page to sum up, takes nothing for granted of the product. */
static bool is_question(const char *text)
{
	enum { QUESTION_BYTES_MAX = 2000 };
	size_t n = strnlen(text, QUESTION_BYTES_MAX + 1);
	return n <= QUESTION_BYTES_MAX && memchr(text, '?', n);
}

int evidence_objection(const struct evidence *v, const char *question, struct buf *out, struct err *e)
{
	struct evidence_claims claims;
	struct arena a;
	if (!is_question(question))
		return 0;
	arena_init(&a, 16 << 10);
	int rc = evidence_check(v, "", question, &a, &claims, e);
	for (size_t i = 0; i < claims.n && rc == 0; i++) {
		const struct evidence_claim *c = &claims.p[i];
		struct str name = c->is_name ? foreign_part(v, question, c) : (struct str){question, 0};
		if (name.n)
			rc = buf_printf(out, e, "No, %.*s is not mentioned.", (int)name.n, name.p);
		else if (!c->is_name && *c->instead && !is_version(question + c->start, c->end - c->start))
			rc = buf_puts(out, "No, that is not right.", e);
		else
			continue;
		break;
	}
	arena_release(&a);
	return rc;
}
