/*
 * Low-rank adapters: fresh, read from and written to PEFT folders. PEFT keeps Hugging Face row order; where the rows of the base's q and k
 * are interleaved (GGUF of the Llama architecture), the rows of B follow.
 */
#include "model/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *module, *target; /* as PEFT names them */
} targets[LORA_TARGETS] = {
	[LORA_Q] = {"self_attn", "q_proj"},
	[LORA_K] = {"self_attn", "k_proj"},
	[LORA_V] = {"self_attn", "v_proj"},
	[LORA_O] = {"self_attn", "o_proj"},
	[LORA_GATE] = {"mlp", "gate_proj"},
	[LORA_UP] = {"mlp", "up_proj"},
	[LORA_DOWN] = {"mlp", "down_proj"},
};

const char *lora_target_name(enum lora_target t)
{
	return targets[t].target;
}

static void tensor_name(char *name, size_t size, size_t layer, int t, char side)
{
	snprintf(name, size, "base_model.model.model.layers.%zu.%s.%s.lora_%c.weight", layer, targets[t].module, targets[t].target,
		side);
}

/* The place in our B of Hugging Face's row: within a head, row j D/2 + i is kept at 2i + j. */
static size_t our_row(const struct model *m, int t, size_t row)
{
	size_t D = m->config.D, in_head = row % D;
	if (m->config.rope == ROPE_HALF || (t != LORA_Q && t != LORA_K))
		return row;
	return row - in_head + 2 * (in_head % (D / 2)) + in_head / (D / 2);
}

/* An adapter with its slots laid out for `present(layer, target)` bits and zeroed parameters. */
static int layout(struct lora **out, const struct model *m, const struct lora_config *c, const bool *present, struct err *e)
{
	const struct model_config *mc = &m->config;
	struct lora *l = mem_alloc(1, sizeof(*l), e);
	*out = NULL;
	if (!l)
		return e->code;
	l->config = *c;
	l->n_layers = mc->n_layers;
	l->scale = c->alpha / (c->use_rslora ? sqrtf((float)c->r) : (float)c->r);
	l->slot = mem_alloc(mc->n_layers * LORA_TARGETS, sizeof(*l->slot), e);
	for (size_t i = 0; l->slot && i < mc->n_layers * LORA_TARGETS; i++) {
		const struct matrix *w = &m->layer[i / LORA_TARGETS].w[i % LORA_TARGETS];
		if (!present[i])
			continue;
		l->slot[i] = (struct lora_slot){true, l->n_params, l->n_params + c->r * w->cols, w->cols, w->rows};
		l->n_params += c->r * (w->rows + w->cols);
	}
	l->params = l->slot ? mem_alloc(l->n_params, sizeof(float), e) : NULL;
	if (!l->params) {
		lora_free(l);
		return e->code;
	}
	*out = l;
	return 0;
}

static int check_config(const struct lora_config *c, const char *where, struct err *e)
{
	if (c->r < 1 || c->r > 1024 || !(c->alpha > 0 && c->alpha < 1e6f) || !(c->targets & ((1u << LORA_TARGETS) - 1)))
		return err_set(e, ERR_USAGE,
			"%s: r %zu, alpha %g, %d targets; expected r 1 to 1024, a positive alpha and at least one target", where,
			c->r, (double)c->alpha, __builtin_popcount(c->targets));
	return 0;
}

int lora_new(struct lora **out, const struct model *m, const struct lora_config *c, uint64_t seed, struct err *e)
{
	bool *present = NULL;
	size_t n = m->config.n_layers * LORA_TARGETS;
	int rc = check_config(c, "LoRA", e);
	*out = NULL;
	if (rc)
		return rc;
	if (!(present = mem_alloc(n, sizeof(*present), e)))
		return e->code;
	for (size_t i = 0; i < n; i++)
		present[i] = c->targets >> i % LORA_TARGETS & 1;
	rc = layout(out, m, c, present, e);
	for (size_t i = 0; !rc && i < n; i++) {
		struct lora_slot *s = &(*out)->slot[i];
		struct rng r;
		rng_init(&r, seed, RNG_INIT, (uint32_t)(i / LORA_TARGETS), (uint32_t)(i % LORA_TARGETS));
		float bound = s->present ? 1 / sqrtf((float)s->n_in) : 0;
		for (size_t j = 0; s->present && j < c->r * s->n_in; j++)
			(*out)->params[s->a + j] = (2 * rng_uniform(&r) - 1) * bound;
	}
	mem_free(present);
	return rc;
}

/* One tensor of an adapter file, its shape checked; NULL in *out when absent. */
static int adapter_tensor(const struct safetensors *s, const char *dir, const char *name, size_t rows, size_t cols,
	struct matrix *out, bool *found, struct err *e)
{
	const struct tensor *t = safetensors_find(s, name);
	*found = t != NULL;
	if (!t)
		return 0;
	if (t->n_dims != 2 || t->dims[0] != rows || t->dims[1] != cols)
		return err_set(e, ERR_DATA,
			"%s: tensor %s is [%zu, %zu], expected [%zu, %zu]: the adapter is for another base or rank", dir, name,
			t->dims[0], t->n_dims > 1 ? t->dims[1] : 0, rows, cols);
	*out = (struct matrix){t->dtype, rows, cols, t->data};
	return 0;
}

/* Fills both matrices of every slot from the file, or only notes which are there when `l` is NULL. */
static int read_slots(const struct model *m, const struct safetensors *s, const char *dir, size_t r, struct lora *l, bool *present,
	size_t *n_found, struct err *e)
{
	for (size_t i = 0; i < m->config.n_layers * LORA_TARGETS; i++) {
		const struct matrix *w = &m->layer[i / LORA_TARGETS].w[i % LORA_TARGETS];
		int t = (int)(i % LORA_TARGETS), rc;
		char a_name[160], b_name[160];
		struct matrix a, b;
		bool has_a, has_b;
		tensor_name(a_name, sizeof(a_name), i / LORA_TARGETS, t, 'A');
		tensor_name(b_name, sizeof(b_name), i / LORA_TARGETS, t, 'B');
		if ((rc = adapter_tensor(s, dir, a_name, r, w->cols, &a, &has_a, e)) ||
			(rc = adapter_tensor(s, dir, b_name, w->rows, r, &b, &has_b, e)))
			return rc;
		if (has_a != has_b)
			return err_set(
				e, ERR_DATA, "%s: %s is there without %s", dir, has_a ? a_name : b_name, has_a ? b_name : a_name);
		present[i] = has_a;
		*n_found += has_a ? 2 : 0;
		if (!l || !has_a)
			continue;
		float *to_a = l->params + l->slot[i].a, *to_bt = l->params + l->slot[i].bt, row[1024];
		for (size_t j = 0; j < r; j++)
			matrix_row(to_a + j * w->cols, &a, j, 0, w->cols);
		for (size_t n = 0; n < w->rows; n++) {
			matrix_row(row, &b, n, 0, r);
			for (size_t j = 0; j < r; j++)
				to_bt[j * w->rows + our_row(m, t, n)] = row[j];
		}
	}
	return 0;
}

int lora_open(struct lora **out, const struct model *m, const char *dir, struct err *e)
{
	struct peft_config p;
	struct safetensors *s = NULL;
	struct lora *l = NULL;
	size_t n = m->config.n_layers * LORA_TARGETS, n_found = 0;
	bool *present = mem_alloc(n, sizeof(*present), e);
	int rc = present ? peft_open(dir, &p, &s, e) : e->code;
	*out = NULL;
	if (rc)
		goto done;
	struct lora_config c = {.r = p.r, .alpha = (float)p.alpha, .use_rslora = p.use_rslora};
	c.targets = (1u << LORA_TARGETS) - 1;
	if ((rc = check_config(&c, dir, e)) || (rc = read_slots(m, s, dir, p.r, NULL, present, &n_found, e)))
		goto done;
	if (n_found == 0 || n_found != safetensors_n(s)) {
		rc = err_set(e, ERR_DATA, "%s: %zu of %zu tensors fit the base %s; the adapter is for another model", dir, n_found,
			safetensors_n(s), m->path);
		goto done;
	}
	c.targets = 0;
	for (size_t i = 0; i < n; i++)
		c.targets |= present[i] ? 1u << i % LORA_TARGETS : 0;
	if ((rc = layout(&l, m, &c, present, e)) || (rc = read_slots(m, s, dir, p.r, l, present, &n_found, e)))
		goto done;
	for (size_t i = 0; i < l->n_params; i++) {
		if (!isfinite(l->params[i])) {
			rc = err_set(e, ERR_DATA,
				"%s: adapter_model.safetensors holds a value that is not finite; the file is damaged", dir);
			goto done;
		}
	}
	*out = l;
	l = NULL;
done:
	lora_free(l);
	safetensors_close(s);
	mem_free(present);
	return rc;
}

/* PEFT's tensors of `values`; names and data live in the arena. */
static int make_tensors(const struct lora *l, const struct model *m, const float *values, struct arena *arena, struct tensor **out,
	size_t *n_out, struct err *e)
{
	size_t n = 0, r = l->config.r;
	*out = arena_alloc(arena, l->n_layers * LORA_TARGETS * 2, sizeof(**out), e);
	if (!*out)
		return e->code;
	for (size_t i = 0; i < l->n_layers * LORA_TARGETS; i++) {
		const struct lora_slot *s = &l->slot[i];
		int t = (int)(i % LORA_TARGETS);
		char name[160];
		if (!s->present)
			continue;
		float *b = arena_alloc(arena, s->n_out * r, sizeof(float), e);
		if (!b)
			return e->code;
		for (size_t row = 0; row < s->n_out; row++)
			for (size_t j = 0; j < r; j++)
				b[row * r + j] = values[s->bt + j * s->n_out + our_row(m, t, row)];
		for (int side = 0; side < 2; side++) {
			tensor_name(name, sizeof(name), i / LORA_TARGETS, t, side ? 'B' : 'A');
			const char *kept = arena_strdup(arena, name, strlen(name), e);
			if (!kept)
				return e->code;
			(*out)[n++] = (struct tensor){.name = kept,
				.dtype = DTYPE_F32,
				.n_dims = 2,
				.dims = {side ? s->n_out : r, side ? r : s->n_in},
				.data = side ? b : values + s->a,
				.size_bytes = r * (side ? s->n_out : s->n_in) * sizeof(float)};
		}
	}
	*n_out = n;
	return 0;
}

int lora_write_tensors(const struct lora *l, const struct model *m, const float *values, const char *path, struct err *e)
{
	struct arena arena;
	struct tensor *t;
	size_t n;
	arena_init(&arena, 1 << 20);
	int rc = make_tensors(l, m, values, &arena, &t, &n, e);
	if (!rc)
		rc = safetensors_write(path, t, n, e);
	arena_release(&arena);
	return rc;
}

int lora_save(const struct lora *l, const struct model *m, const char *dir, struct err *e)
{
	struct arena arena;
	struct tensor *t;
	size_t n;
	struct peft_config p = {.r = l->config.r, .alpha = (double)l->config.alpha, .use_rslora = l->config.use_rslora};
	snprintf(p.base_model, sizeof(p.base_model), "%s", m->path);
	for (int i = 0; i < LORA_TARGETS; i++)
		if (l->config.targets >> i & 1)
			snprintf(p.targets[p.n_targets++], sizeof(p.targets[0]), "%s", targets[i].target);
	arena_init(&arena, 1 << 20);
	int rc = make_tensors(l, m, l->params, &arena, &t, &n, e);
	if (!rc)
		rc = peft_write(dir, &p, t, n, e);
	arena_release(&arena);
	return rc;
}

void lora_free(struct lora *l)
{
	if (!l)
		return;
	mem_free(l->params);
	mem_free(l->slot);
	mem_free(l);
}
