/*
 * Sequences that live at the same time and share each pass over the weights; one may join or leave between any two steps (Yu et al. 2022,
 * "Orca"). Prompts are computed one by one and answers row by row, so that an answer has the same bits whatever is beside it,
 * unless it takes over rows that another sequence has computed.
 */
#include "model/net.h"

#include <string.h>

struct slot {
	struct kv *kv;
	struct ids held;           /* what kv holds */
	struct lora lora;          /* that kv was computed with, as it was then; zeroed: the base alone */
	struct sequence *sequence; /* NULL: free */
	struct stream stream;
	int32_t id;       /* drawn, not yet appended; of a sequence whose prompt is done */
	uint64_t used_at; /* number of the join that took it last */
};

struct batcher {
	const struct model *model;
	struct work *work;
	float *scratch; /* [n_slots, V] */
	struct slot slot[BATCHER_SLOTS_MAX];
	size_t n_slots, n_busy, n_prompts;
	uint64_t n_joined;
	bool reuse;
};

int batcher_new(struct batcher **out, const struct model *m, const struct batcher_options *o, struct err *e)
{
	struct lora widest = {0}; /* the one that all others fit into, as far as memory goes */
	struct batcher *b = mem_alloc(1, sizeof(*b), e);
	int rc = b ? 0 : ERR_RESOURCE;
	*out = NULL;
	for (size_t i = 0; i < o->n_lora; i++) {
		const struct lora_config *c = &o->lora[i]->config;
		widest.config.targets |= c->targets;
		widest.config.r = c->r > widest.config.r ? c->r : widest.config.r;
	}
	if (!rc) {
		b->model = m;
		b->reuse = o->reuse;
		b->n_slots = o->n_slots < 1 ? 1 : o->n_slots < BATCHER_SLOTS_MAX ? o->n_slots : BATCHER_SLOTS_MAX;
		rc = work_new(&b->work, m, o->n_lora ? &widest : NULL, net_append_rows(o->capacity), false, e);
	}
	if (!rc && !(b->scratch = mem_alloc(b->n_slots * m->config.V, sizeof(float), e)))
		rc = ERR_RESOURCE;
	for (size_t i = 0; !rc && i < b->n_slots; i++)
		rc = kv_new(&b->slot[i].kv, m, o->capacity, e);
	if (rc)
		batcher_free(b);
	else
		*out = b;
	return rc;
}

void batcher_free(struct batcher *b)
{
	for (size_t i = 0; b && i < b->n_slots; i++) {
		kv_free(b->slot[i].kv);
		ids_release(&b->slot[i].held);
	}
	if (b) {
		work_free(b->work);
		mem_free(b->scratch);
	}
	mem_free(b);
}

bool batcher_full(const struct batcher *b)
{
	return b->n_busy == b->n_slots;
}

size_t batcher_n(const struct batcher *b)
{
	return b->n_busy;
}

size_t batcher_n_prompts(const struct batcher *b)
{
	return b->n_prompts;
}

/* ---- slots -------------------------------------------------------------------------------------------------------------------- */

static const struct lora *lora_of(const struct slot *slot)
{
	return slot->lora.params ? &slot->lora : NULL;
}

/* Whether two compute the same: the same numbers at the same scale. */
static bool is_same(const struct lora *a, const struct lora *b)
{
	return a == b || (a && b && a->params == b->params && a->scale == b->scale);
}

/* Tokens at the beginning of the prompt that the slot has computed; the last one is always to be computed, for its logits. */
static size_t shared(const struct slot *slot, const struct sequence *s)
{
	size_t n = 0, most = s->prompt.n - 1;
	if (!is_same(lora_of(slot), s->lora) || s->score_prompt)
		return 0;
	most = slot->held.n < most ? slot->held.n : most;
	while (n < most && slot->held.p[n] == s->prompt.p[n])
		n++;
	return n;
}

static struct slot *slot_longest_unused(struct batcher *b)
{
	struct slot *oldest = NULL;
	for (size_t i = 0; i < b->n_slots; i++)
		if (!b->slot[i].sequence && (!oldest || b->slot[i].used_at < oldest->used_at))
			oldest = &b->slot[i];
	return oldest;
}

/* The slot holds the first n tokens of the prompt, copied from a cache that does; none with `from` NULL. */
static int slot_fill(struct slot *to, const struct sequence *s, const struct kv *from, size_t n, struct err *e)
{
	int rc = 0;
	to->held.n = 0;
	kv_truncate(to->kv, 0);
	for (size_t i = 0; i < n && !rc; i++)
		rc = ids_push(&to->held, s->prompt.p[i], e);
	if (rc)
		to->held.n = 0;
	else if (n)
		kv_copy(to->kv, from, n);
	return rc;
}

/*
 * A free slot that holds as much of the prompt as any slot does. A slot of which more than half would be lost stays as it is, for who goes on
 * with it, and is copied from.
 */
static int slot_choose(struct batcher *b, const struct sequence *s, struct slot **out, struct err *e)
{
	struct slot *to = slot_longest_unused(b), *from = NULL;
	size_t n = 0;
	for (size_t i = 0; b->reuse && i < b->n_slots; i++) {
		size_t here = shared(&b->slot[i], s);
		if (here > n) {
			n = here;
			from = &b->slot[i];
		}
	}
	if (from && !from->sequence && n >= from->held.n / 2)
		to = from;
	*out = to;
	if (n <= s->n_begun)
		return slot_fill(to, s, s->begun, s->n_begun, e);
	if (to != from)
		return slot_fill(to, s, from->kv, n, e);
	to->held.n = n;
	kv_truncate(to->kv, n);
	return 0;
}

static void slot_leave(struct batcher *b, struct slot *slot)
{
	if (slot->sequence->n_done < slot->sequence->prompt.n)
		b->n_prompts--;
	slot->sequence = NULL;
	b->n_busy--;
}

/* ---- sequences ---------------------------------------------------------------------------------------------------------------- */

int batcher_join(struct batcher *b, struct sequence *s, struct err *e)
{
	struct slot *slot;
	int rc = prompt_check(s->prompt.n, b->slot[0].kv->capacity, e);
	if (!rc)
		rc = slot_choose(b, s, &slot, e);
	if (rc)
		return rc;
	s->n_done = slot->kv->n;
	stream_begin(&slot->stream, &s->options, &s->answer, s->prompt.n);
	if (slot->stream.ended && !s->score_prompt)
		return 0;
	s->answer.finish_reason = NULL;
	slot->sequence = s;
	slot->lora = s->lora ? *s->lora : (struct lora){0};
	slot->used_at = ++b->n_joined;
	b->n_busy++;
	b->n_prompts++;
	return 0;
}

void batcher_leave(struct batcher *b, const struct sequence *s)
{
	for (size_t i = 0; i < b->n_slots; i++)
		if (b->slot[i].sequence == s)
			slot_leave(b, &b->slot[i]);
}

/* The logits [V] that follow the last token of n slots, and what comes of them. Drawing takes a tenth of a step and more, so all threads draw. */
static int next(struct batcher *b, struct slot *const *slot, size_t n, struct err *e)
{
	const struct model *m = b->model;
	const float *logits = b->work->logits;
	size_t V = m->config.V;
	int rc = 0;
#pragma omp parallel for schedule(dynamic) if (n > 1)
	for (size_t i = 0; i < n; i++)
		if (!slot[i]->stream.ended)
			slot[i]->id = stream_draw(&slot[i]->stream, m, logits + i * V, b->scratch + i * V);
	for (size_t i = 0; i < n && !rc; i++) {
		if (slot[i]->stream.ended) /* before it began: only the prompt was to be scored */
			slot[i]->sequence->answer.finish_reason = "length";
		else
			rc = stream_take(&slot[i]->stream, slot[i]->kv, logits + i * V, slot[i]->id, e);
		if (!rc && slot[i]->stream.ended)
			slot_leave(b, slot[i]);
	}
	return rc;
}

/* Tells of tokens first + 1.. of the prompt, from the logits after each of the n rows that were just computed. */
static void score(const struct batcher *b, const struct slot *slot, size_t first, size_t n)
{
	const struct sequence *s = slot->sequence;
	size_t V = b->model->config.V, taken;
	for (size_t row = 0; row < n; row += taken) {
		taken = n - row < b->work->head_rows ? n - row : b->work->head_rows;
		net_logits(b->model, b->work, row, taken);
		for (size_t i = row; i < row + taken && first + i + 1 < s->prompt.n; i++)
			s->options.on_token(s->options.context, s->prompt.p[first + i + 1], b->work->logits + (i - row) * V);
	}
}

int batcher_prompt(struct batcher *b, struct err *e)
{
	struct slot *slot = NULL;
	for (size_t i = 0; i < b->n_slots; i++) {
		struct slot *here = &b->slot[i];
		if (here->sequence && here->sequence->n_done < here->sequence->prompt.n && (!slot || here->used_at < slot->used_at))
			slot = here;
	}
	if (!slot)
		return 0;
	struct sequence *s = slot->sequence;
	size_t first = slot->kv->n, n = s->prompt.n - first;
	n = n < b->work->max_tokens ? n : b->work->max_tokens;
	int rc = model_append(b->model, lora_of(slot), b->work, slot->kv, s->prompt.p + first, n, b->work->logits, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = ids_push(&slot->held, s->prompt.p[first + i], e);
	if (rc)
		return rc;
	s->n_done += n;
	b->n_prompts -= s->n_done == s->prompt.n;
	if (s->score_prompt) {
		score(b, slot, first, n);
		net_logits(b->model, b->work, n - 1, 1);
	}
	return s->n_done == s->prompt.n ? next(b, &slot, 1, e) : 0;
}

/* Appends the drawn tokens of n slots and draws the next ones. */
static int slots_advance(struct batcher *b, struct slot *const *slot, size_t n, struct err *e)
{
	const struct lora *lora[BATCHER_SLOTS_MAX];
	struct kv *kv[BATCHER_SLOTS_MAX];
	int32_t id[BATCHER_SLOTS_MAX];
	for (size_t i = 0; i < n; i++) {
		lora[i] = lora_of(slot[i]);
		if (i && is_same(lora[i], lora[i - 1]))
			lora[i] = lora[i - 1];
		kv[i] = slot[i]->kv;
		id[i] = slot[i]->id;
	}
	int rc = net_append_each(b->model, lora, b->work, kv, id, n, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = ids_push(&slot[i]->held, id[i], e);
	return rc ? rc : next(b, slot, n, e);
}

int batcher_tokens(struct batcher *b, struct err *e)
{
	struct slot *slot[BATCHER_SLOTS_MAX];
	bool taken[BATCHER_SLOTS_MAX] = {false};
	size_t n = 0;
	for (size_t first = 0; first < b->n_slots; first++) /* those with an adapter side by side */
		for (size_t i = first; i < b->n_slots; i++) {
			struct slot *s = &b->slot[i];
			if (taken[i] || !s->sequence || s->sequence->n_done < s->sequence->prompt.n ||
				!is_same(lora_of(s), lora_of(&b->slot[first])))
				continue;
			taken[i] = true;
			slot[n++] = s;
		}
	return n ? slots_advance(b, slot, n, e) : 0;
}
