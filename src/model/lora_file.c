/*
 * Adapters in files: PEFT's folder, which training writes, mlx-lm's folder and llama.cpp's GGUF. All three are read, so that an export can
 * be proved by opening it again.
 *
 *           A           B           rows of B                 scale
 *   PEFT    [r, in]     [out, r]    as in the folder          alpha / r, or alpha / sqrt(r)
 *   GGUF    [r, in]     [out, r]    as in the base's GGUF     alpha / r
 *   mlx-lm  [in, r]     [r, out]    as in the folder          scale
 *
 * GGUF of the Llama architecture interleaves the rows of q and k, and the rows of B follow; of no other architecture. Names in llama.cpp: src/llama-adapter.cpp.
 */
#include "model/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum kind { KIND_PEFT, KIND_GGUF, KIND_MLX };

/* An adapter's file, opened. */
struct source {
	const char *path;
	enum kind kind;
	struct safetensors *tensors;
	struct gguf *gguf; /* KIND_GGUF */
};

static void tensor_name(char *name, size_t size, enum kind kind, size_t i, char side)
{
	const struct lora_names *n = &lora_names[i % LORA_TARGETS];
	size_t layer = i / LORA_TARGETS;
	if (kind == KIND_PEFT)
		snprintf(name, size, "base_model.model.model.layers.%zu.%s.lora_%c.weight", layer, n->hf, side);
	else if (kind == KIND_GGUF)
		snprintf(name, size, "blk.%zu.%s.weight.lora_%c", layer, n->gguf, side - 'A' + 'a');
	else
		snprintf(name, size, "model.layers.%zu.%s.lora_%c", layer, n->hf, side - 'A' + 'a');
}

/* Within a head, row j D/2 + i of Hugging Face's order stands at 2i + j. */
static size_t interleaved(size_t D, size_t row)
{
	size_t in_head = row % D;
	return row - in_head + 2 * (in_head % (D / 2)) + in_head / (D / 2);
}

size_t lora_row(const struct model *m, enum lora_target t, size_t row)
{
	return m->config.rope == ROPE_INTERLEAVED && (t == LORA_Q || t == LORA_K) ? interleaved(m->config.D, row) : row;
}

/* Where that row stands in an adapter's file: a GGUF follows the base's GGUF, also when the base at hand is a folder. */
static size_t file_row(const struct model *m, enum kind kind, int t, size_t row)
{
	bool turned = kind == KIND_GGUF && m->arch->gguf_rope == ROPE_INTERLEAVED && (t == LORA_Q || t == LORA_K);
	return turned ? interleaved(m->config.D, row) : row;
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

/* One tensor of an adapter, its shape checked; *found is false when it is absent. */
static int source_tensor(
	const struct source *s, const char *name, size_t rows, size_t cols, struct matrix *out, bool *found, struct err *e)
{
	const struct tensor *t = s->gguf ? gguf_tensor(s->gguf, name) : safetensors_find(s->tensors, name);
	*found = t != NULL;
	if (!t)
		return 0;
	if (t->n_dims != 2 || t->dims[0] != rows || t->dims[1] != cols)
		return err_set(e, ERR_DATA,
			"%s: tensor %s is [%zu, %zu], expected [%zu, %zu]: the adapter is for another base or rank", s->path, name,
			t->dims[0], t->n_dims > 1 ? t->dims[1] : 0, rows, cols);
	*out = (struct matrix){t->dtype, rows, cols, t->data};
	return 0;
}

static void read_slot(
	const struct model *m, enum kind kind, const struct matrix *a, const struct matrix *b, struct lora *l, size_t i)
{
	const struct lora_slot *s = &l->slot[i];
	float *to_a = l->params + s->a, *to_bt = l->params + s->bt;
	size_t r = l->config.r;
	int t = (int)(i % LORA_TARGETS);
	for (size_t j = 0; j < r; j++)
		for (size_t k = 0; k < s->n_in; k++)
			matrix_row(&to_a[j * s->n_in + k], a, kind == KIND_MLX ? k : j, kind == KIND_MLX ? j : k, 1);
	for (size_t n = 0; n < s->n_out; n++) {
		size_t row = file_row(m, kind, t, n);
		for (size_t j = 0; j < r; j++)
			matrix_row(&to_bt[j * s->n_out + lora_row(m, t, n)], b, kind == KIND_MLX ? j : row,
				kind == KIND_MLX ? row : j, 1);
	}
}

/* Fills both matrices of every slot from the file, or only notes which are there when `l` is NULL. */
static int read_slots(
	const struct model *m, const struct source *s, size_t r, struct lora *l, bool *present, size_t *n_found, struct err *e)
{
	for (size_t i = 0; i < m->config.n_layers * LORA_TARGETS; i++) {
		const struct matrix *w = &m->layer[i / LORA_TARGETS].w[i % LORA_TARGETS];
		bool turned = s->kind == KIND_MLX, has_a, has_b;
		char a_name[160], b_name[160];
		struct matrix a, b;
		int rc;
		tensor_name(a_name, sizeof(a_name), s->kind, i, 'A');
		tensor_name(b_name, sizeof(b_name), s->kind, i, 'B');
		if ((rc = source_tensor(s, a_name, turned ? w->cols : r, turned ? r : w->cols, &a, &has_a, e)) ||
			(rc = source_tensor(s, b_name, turned ? r : w->rows, turned ? w->rows : r, &b, &has_b, e)))
			return rc;
		if (has_a != has_b)
			return err_set(e, ERR_DATA, "%s: %s is there without %s", s->path, has_a ? a_name : b_name,
				has_a ? b_name : a_name);
		present[i] = has_a;
		*n_found += has_a ? 2 : 0;
		if (l && has_a)
			read_slot(m, s->kind, &a, &b, l, i);
	}
	return 0;
}

/* The rank is the short side of the first tensor. */
static int source_gguf(struct source *s, const struct model *m, struct lora_config *c, struct err *e)
{
	const char *type, *adapter, *made_for, *wanted = m->arch->name.gguf;
	double alpha;
	int rc = gguf_open(&s->gguf, s->path, e);
	if (rc || (rc = gguf_str(s->gguf, "general.type", &type, e)) || (rc = gguf_str(s->gguf, "adapter.type", &adapter, e)) ||
		(rc = gguf_str(s->gguf, "general.architecture", &made_for, e)) ||
		(rc = gguf_f64(s->gguf, "adapter.lora.alpha", &alpha, e)))
		return rc;
	if (strcmp(type, "adapter") || strcmp(adapter, "lora") || strcmp(made_for, wanted) || !gguf_n_tensors(s->gguf))
		return err_set(e, ERR_DATA,
			"%s: got general.type '%s', adapter.type '%s' for '%s', expected a LoRA adapter for '%s'", s->path, type,
			adapter, made_for, wanted);
	const struct tensor *t = gguf_tensor_at(s->gguf, 0);
	c->r = t->dims[0] < t->dims[1] ? t->dims[0] : t->dims[1];
	c->alpha = (float)alpha;
	return 0;
}

/* Opens whichever of the three `path` is. */
static int source_open(struct source *s, const struct model *m, const char *path, struct lora_config *c, struct err *e)
{
	struct peft_config peft;
	struct mlx_config mlx;
	int rc;
	*s = (struct source){.path = path};
	*c = (struct lora_config){.targets = (1u << LORA_TARGETS) - 1};
	if (file_exists(path) && !dir_exists(path)) {
		s->kind = KIND_GGUF;
		rc = source_gguf(s, m, c, e);
	} else if (mlx_here(path)) {
		s->kind = KIND_MLX;
		rc = mlx_open(path, &mlx, &s->tensors, e);
		c->r = mlx.r;
		c->alpha = (float)(mlx.scale * (double)mlx.r);
	} else {
		rc = peft_open(path, &peft, &s->tensors, e);
		c->r = peft.r;
		c->alpha = (float)peft.alpha;
		c->use_rslora = peft.use_rslora;
	}
	if (!rc && lora_check(c, path, e))
		rc = e->code = ERR_DATA; /* what is wrong is the file, not a setting */
	return rc;
}

/* A passport that travels with the adapter: in its folder, or beside its file. */
static int check_passport(const struct model *m, const char *path, struct err *e)
{
	char passport[PATH_SIZE];
	struct buf beside = {0};
	bool folder = dir_exists(path);
	int rc = folder ? 0 : buf_printf(&beside, e, "%s." PASSPORT, path);
	if (!rc)
		rc = path_join(passport, sizeof passport, e, folder ? path : "", folder ? PASSPORT : beside.p);
	buf_release(&beside);
	return rc ? rc : passport_check(m, passport, e);
}

int lora_open(struct lora **out, const struct model *m, const char *path, struct err *e)
{
	struct source s = {0};
	struct lora_config c;
	struct lora *l = NULL;
	size_t n = m->config.n_layers * LORA_TARGETS, n_found = 0;
	bool *present = mem_alloc(n, sizeof(*present), e);
	int rc = present ? source_open(&s, m, path, &c, e) : e->code;
	*out = NULL;
	if (rc || (rc = check_passport(m, path, e)) || (rc = read_slots(m, &s, c.r, NULL, present, &n_found, e)))
		goto done;
	size_t n_tensors = s.gguf ? gguf_n_tensors(s.gguf) : safetensors_n(s.tensors);
	if (n_found == 0 || n_found != n_tensors) {
		rc = err_set(e, ERR_DATA, "%s: %zu of %zu tensors fit the base %s; the adapter is for another model", path, n_found,
			n_tensors, m->path);
		goto done;
	}
	c.targets = 0;
	for (size_t i = 0; i < n; i++)
		c.targets |= present[i] ? 1u << i % LORA_TARGETS : 0;
	if ((rc = lora_layout(&l, m, &c, present, e)) || (rc = read_slots(m, &s, c.r, l, present, &n_found, e)))
		goto done;
	for (size_t i = 0; i < l->n_params; i++) {
		if (!isfinite(l->params[i])) {
			rc = err_set(e, ERR_DATA, "%s: the adapter holds a value that is not finite; the file is damaged", path);
			goto done;
		}
	}
	*out = l;
	l = NULL;
done:
	lora_free(l);
	safetensors_close(s.tensors);
	gguf_close(s.gguf);
	mem_free(present);
	return rc;
}

/* ---- writing --------------------------------------------------------------------------------------------------------------- */

/* One slot's A or B as the file has it, in the arena. */
static int make_tensor(const struct lora *l, const struct model *m, enum kind kind, const float *values, size_t i, bool is_b,
	struct arena *arena, struct tensor *out, struct err *e)
{
	const struct lora_slot *s = &l->slot[i];
	size_t r = l->config.r, width = is_b ? s->n_out : s->n_in;
	bool rows_are_ranks = is_b == (kind == KIND_MLX); /* [r, width], else [width, r] */
	char name[160];
	int t = (int)(i % LORA_TARGETS);
	tensor_name(name, sizeof(name), kind, i, is_b ? 'B' : 'A');
	const char *kept = arena_strdup(arena, name, strlen(name), e);
	float *data = kept ? arena_alloc(arena, width * r, sizeof(float), e) : NULL;
	if (!data)
		return e->code;
	for (size_t n = 0; n < width; n++) {
		size_t from = is_b ? lora_row(m, t, n) : n, to = is_b ? file_row(m, kind, t, n) : n;
		for (size_t j = 0; j < r; j++)
			data[rows_are_ranks ? j * width + to : to * r + j] = values[(is_b ? s->bt : s->a) + j * width + from];
	}
	*out = (struct tensor){.name = kept,
		.dtype = DTYPE_F32,
		.n_dims = 2,
		.dims = {rows_are_ranks ? r : width, rows_are_ranks ? width : r},
		.data = data,
		.size_bytes = r * width * sizeof(float)};
	return 0;
}

/* The tensors of `values`, which lie as lora.params do; all in the arena. */
static int make_tensors(const struct lora *l, const struct model *m, enum kind kind, const float *values, struct arena *arena,
	struct tensor **out, size_t *n_out, struct err *e)
{
	size_t n = 0;
	*out = arena_alloc(arena, l->n_layers * LORA_TARGETS * 2, sizeof(**out), e);
	int rc = *out ? 0 : e->code;
	for (size_t i = 0; i < l->n_layers * LORA_TARGETS; i++)
		for (int side = 0; side < 2 && !rc && l->slot[i].present; side++)
			rc = make_tensor(l, m, kind, values, i, side, arena, &(*out)[n++], e);
	*n_out = n;
	return rc;
}

int lora_write_tensors(const struct lora *l, const struct model *m, const float *values, const char *path, struct err *e)
{
	struct arena arena;
	struct tensor *t;
	size_t n;
	arena_init(&arena, 1 << 20);
	int rc = make_tensors(l, m, KIND_PEFT, values, &arena, &t, &n, e);
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
			snprintf(p.targets[p.n_targets++], sizeof(p.targets[0]), "%s", lora_names[i].target);
	arena_init(&arena, 1 << 20);
	int rc = make_tensors(l, m, KIND_PEFT, l->params, &arena, &t, &n, e);
	if (!rc)
		rc = peft_write(dir, &p, t, n, e);
	arena_release(&arena);
	return rc;
}

int lora_save_mlx(const struct lora *l, const struct model *m, const char *dir, struct err *e)
{
	struct arena arena;
	struct tensor *t;
	size_t n;
	struct mlx_config c = {.base_model = m->path, .n_layers = m->config.n_layers, .r = l->config.r, .scale = (double)l->scale};
	for (int i = 0; i < LORA_TARGETS; i++)
		if (l->config.targets >> i & 1)
			c.keys[c.n_keys++] = lora_names[i].hf;
	arena_init(&arena, 1 << 20);
	int rc = make_tensors(l, m, KIND_MLX, l->params, &arena, &t, &n, e);
	if (!rc)
		rc = mlx_write(dir, &c, t, n, e);
	arena_release(&arena);
	return rc;
}

int lora_save_gguf(const struct lora *l, const struct model *m, const char *path, struct err *e)
{
	struct arena arena;
	struct tensor *t;
	struct gguf_writer *w = NULL;
	size_t n;
	arena_init(&arena, 1 << 20);
	int rc = make_tensors(l, m, KIND_GGUF, l->params, &arena, &t, &n, e);
	if (rc || (rc = gguf_writer_open(&w, path, e)) || (rc = gguf_put_str(w, "general.architecture", m->arch->name.gguf, e)) ||
		(rc = gguf_put_str(w, "general.type", "adapter", e)) || (rc = gguf_put_str(w, "adapter.type", "lora", e)) ||
		(rc = gguf_put_f32(w, "adapter.lora.alpha", l->scale * (float)l->config.r, e)) ||
		(rc = gguf_put_tensors(w, t, n, e)))
		goto done;
	for (size_t i = 0; i < n && !rc; i++)
		rc = gguf_put_data(w, t[i].data, t[i].size_bytes, e);
	if (!rc)
		rc = gguf_writer_commit(w, e);
done:
	gguf_writer_free(w);
	arena_release(&arena);
	return rc;
}
