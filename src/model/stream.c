/*
 * What becomes of one sequence's logits: the next token, its text, the reason to end. Text leaves only in whole UTF-8 characters and
 * never as part of what may become a stop text.
 */
#include "model/net.h"

#include <string.h>

void generated_release(struct generated *g)
{
	buf_release(&g->text);
}

int generated_utf8(const struct generated *g, struct buf *out, struct err *e)
{
	size_t from = out->len;
	int rc = utf8_append(out, g->text.len ? g->text.p : "", g->text.len, e);
	for (size_t i = from; i < out->len; i++)
		if (!out->p[i])
			out->p[i] = ' ';
	return rc;
}

int prompt_check(size_t n, size_t context, struct err *e)
{
	if (n < 1)
		return err_set(e, ERR_DATA, "the prompt is empty; generation needs at least one token to continue");
	if (n > context)
		return err_set(e, ERR_DATA, "the prompt has %zu tokens, the context holds %zu", n, context);
	return 0;
}

/* Bytes at the end that are the beginning of an unfinished UTF-8 character; bytes that can never finish count as finished. */
static size_t unfinished(const char *p, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)p[n - back];
		if ((c & 0xc0) == 0x80)
			continue;
		size_t length = c >= 0xf0 && c < 0xf8 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		return c < 0xf8 && length > back ? back : 0;
	}
	return 0;
}

/* Looks for a stop text from `from` on. Found: its place. Else the length of text that cannot be part of one any more. */
static size_t find_stop(const struct buf *text, size_t from, const struct generate_options *o, bool *found)
{
	size_t safe = text->len;
	*found = false;
	for (size_t at = from; at < text->len; at++) {
		for (size_t i = 0; i < o->n_stop; i++) {
			size_t length = strlen(o->stop[i]), rest = text->len - at;
			if (length == 0 || memcmp(text->p + at, o->stop[i], length < rest ? length : rest))
				continue;
			if (length <= rest) {
				*found = true;
				return at;
			}
			safe = at < safe ? at : safe;
		}
	}
	return safe;
}

/* Hands on what is finished, or all that is left; true when generation must end. */
static bool emit(struct stream *s, bool last)
{
	const struct generate_options *o = s->options;
	struct generated *out = s->out;
	bool stopped, wanted = true;
	size_t safe = find_stop(&out->text, s->sent, o, &stopped);
	if (stopped) {
		out->text.len = safe;
		out->text.p[safe] = 0;
	} else if (last) {
		safe = out->text.len;
	} else {
		safe -= unfinished(out->text.p, safe);
	}
	if (safe > s->sent && o->on_text)
		wanted = o->on_text(o->context, out->text.p + s->sent, safe - s->sent);
	s->sent = safe > s->sent ? safe : s->sent;
	return stopped || !wanted;
}

static void end(struct stream *s, const char *reason)
{
	s->ended = true;
	s->out->finish_reason = reason;
}

void stream_begin(struct stream *s, const struct generate_options *o, struct generated *out, size_t n_prompt)
{
	*out = (struct generated){.n_prompt = n_prompt};
	*s = (struct stream){.options = o, .out = out};
	if (!o->max_tokens)
		end(s, "length");
}

int32_t stream_draw(const struct stream *s, const struct model *m, const float *logits, float *scratch)
{
	const struct generate_options *o = s->options;
	size_t n = s->out->n_tokens;
	return n < o->opening.n ? o->opening.p[n]
				: sample_token(logits, m->config.n_tokens, &o->sampling, o->grammar, s->out->n_prompt + n, scratch);
}

int stream_take(struct stream *s, const struct kv *kv, const float *logits, int32_t id, struct err *e)
{
	const struct model *m = kv->model;
	const struct generate_options *o = s->options;
	struct generated *out = s->out;
	if (id >= 0) {
		out->n_tokens++;
		if (o->grammar)
			grammar_take(o->grammar, id);
		if (o->on_token)
			o->on_token(o->context, id, logits);
	}
	if (id < 0 || tokenizer_is_eog(m->tokenizer, id)) {
		end(s, "stop");
	} else {
		int rc = tokenizer_decode(m->tokenizer, &id, 1, false, &out->text, e);
		if (rc)
			return rc;
		if (emit(s, false)) {
			end(s, "stop");
			return 0;
		}
		if (out->n_tokens == o->max_tokens || kv->n == kv->capacity)
			end(s, "length");
	}
	if (s->ended && out->text.len > s->sent)
		emit(s, true);
	return 0;
}
