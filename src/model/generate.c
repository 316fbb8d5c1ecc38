/*
 * Generation of one sequence: prefill, then a token at a time. Text leaves only in whole UTF-8 characters and never as part of what may
 * become a stop text.
 */
#include "model/net.h"

#include <string.h>

struct generator {
	const struct model *model;
	const struct lora *lora;
	struct work *work;
	struct kv *kv;
	struct ids cached; /* what kv holds */
	float *logits;
	void *scratch;
};

enum { PREFILL_ROWS = 256 };

void generated_release(struct generated *g)
{
	buf_release(&g->text);
}

int generator_new(struct generator **out, const struct model *m, const struct lora *l, size_t max_tokens_in_all, struct err *e)
{
	struct generator *g = mem_alloc(1, sizeof(*g), e);
	size_t V = m->config.V, rows = max_tokens_in_all < PREFILL_ROWS ? max_tokens_in_all : PREFILL_ROWS;
	*out = NULL;
	if (!g)
		return e->code;
	g->model = m;
	g->lora = l;
	if (work_new(&g->work, m, l, rows, false, e) || kv_new(&g->kv, m, max_tokens_in_all, e) ||
		!(g->logits = mem_alloc(V, sizeof(float), e)) || !(g->scratch = mem_alloc(1, sample_scratch_bytes(V), e))) {
		generator_free(g);
		return e->code;
	}
	*out = g;
	return 0;
}

void generator_free(struct generator *g)
{
	if (!g)
		return;
	work_free(g->work);
	kv_free(g->kv);
	ids_release(&g->cached);
	mem_free(g->logits);
	mem_free(g->scratch);
	mem_free(g);
}

void generator_reset(struct generator *g)
{
	g->cached.n = 0;
	kv_truncate(g->kv, 0);
}

static int append(struct generator *g, const int32_t *tokens, size_t n, struct err *e)
{
	int rc = model_append(g->model, g->lora, g->work, g->kv, tokens, n, g->logits, e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = ids_push(&g->cached, tokens[i], e);
	if (rc) /* what the cache holds is unknown */
		generator_reset(g);
	return rc;
}

/* Brings the cache to the prompt, reusing where equal ids lead; at least the last token is computed, for its logits. */
static int prefill(struct generator *g, const int32_t *prompt, size_t n, struct err *e)
{
	size_t same = 0;
	while (same < g->cached.n && same + 1 < n && g->cached.p[same] == prompt[same])
		same++;
	kv_truncate(g->kv, same);
	g->cached.n = same;
	return append(g, prompt + same, n - same, e);
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

/* Hands on what is finished after `sent`; true when generation must end. */
static bool emit(struct generated *out, const struct generate_options *o, size_t *sent, bool last)
{
	bool stopped, wanted = true;
	size_t safe = find_stop(&out->text, *sent, o, &stopped);
	if (stopped) {
		out->text.len = safe;
		out->text.p[safe] = 0;
	} else if (last) {
		safe = out->text.len;
	} else {
		safe -= unfinished(out->text.p, safe);
	}
	if (safe > *sent && o->on_text)
		wanted = o->on_text(o->context, out->text.p + *sent, safe - *sent);
	*sent = safe > *sent ? safe : *sent;
	return stopped || !wanted;
}

int generator_run(struct generator *g, const int32_t *prompt, size_t n, const struct generate_options *o, struct generated *out,
	struct err *e)
{
	const struct tokenizer *tok = g->model->tokenizer;
	size_t sent = 0;
	bool ended = false;
	double t0 = now_s();
	memset(out, 0, sizeof(*out));
	if (n < 1)
		return err_set(e, ERR_DATA, "the prompt is empty; generation needs at least one token to continue");
	if (n > g->kv->capacity)
		return err_set(e, ERR_DATA, "the prompt has %zu tokens, the context holds %zu", n, g->kv->capacity);
	int rc = o->max_tokens ? prefill(g, prompt, n, e) : 0;
	double t1 = now_s();
	out->n_prompt = n;
	out->prefill_s = t1 - t0;
	out->finish_reason = "length";
	while (!rc && out->n_tokens < o->max_tokens) {
		int32_t id = sample_token(g->logits, g->model->config.V, &o->sampling, n + out->n_tokens, g->scratch);
		out->n_tokens++;
		if (tokenizer_is_eog(tok, id)) {
			out->finish_reason = "stop";
			break;
		}
		if ((rc = tokenizer_decode(tok, &id, 1, false, &out->text, e)))
			break;
		if ((ended = emit(out, o, &sent, false))) {
			out->finish_reason = "stop";
			break;
		}
		if (kv_n(g->kv) == g->kv->capacity)
			break;
		if (out->n_tokens < o->max_tokens)
			rc = append(g, &id, 1, e);
	}
	if (!rc && !ended && out->text.len > sent)
		emit(out, o, &sent, true);
	out->decode_s = now_s() - t1;
	if (rc)
		generated_release(out);
	return rc;
}
