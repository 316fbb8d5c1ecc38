/*
 * Sentence embeddings: a BERT encoder whose last rows are averaged over a text. Word, position and type embeddings and a norm; L times
 * {attention of every token to every other, residual, norm; feed-forward with GELU, residual, norm}; the mean of the rows; length 1. Texts
 * lie end to end, without padding, and attention never crosses from one to another. What a file asks for and is not built is refused by name.
 * References: Devlin et al. 2019; Reimers & Gurevych 2019 (sentence-transformers); transformers' modeling_bert.py.
 *
 * T rows, C width, F feed-forward width, H heads, D head width.
 */
#include "model/net.h"

#include <math.h>
#include <string.h>

enum { HEAD_MAX = 256, LAYERS_MAX = 64, WIDTH_MAX = 8192, POSITIONS_MAX = 1 << 16, VOCABULARY_MAX = 1 << 22, ROWS = 1024 };
static const size_t JSON_MAX = (size_t)16 << 20;

enum part { QUERY, KEY, VALUE, OUT, UP, DOWN, PARTS };
enum norm { NORM_AFTER_ATTENTION, NORM_AFTER_FFN, NORMS };

static const char *const part_name[PARTS] = {"attention.self.query", "attention.self.key", "attention.self.value",
	"attention.output.dense", "intermediate.dense", "output.dense"};
static const char *const norm_name[NORMS] = {"attention.output.LayerNorm", "output.LayerNorm"};

struct affine {
	float *w, *b; /* [C] */
};

struct encoder_layer {
	struct matrix w[PARTS]; /* [out, in], borrowed from the file */
	float *bias[PARTS];     /* [out] */
	struct affine norm[NORMS];
};

struct embedder {
	struct hf *hf;
	struct wordpiece *words;
	const char *path; /* of the folder, for messages */
	char key[65];
	size_t n_layers, C, F, H, n_ids, n_positions, n_types, longest; /* longest: tokens of a text, the special ones included */
	float eps;
	struct matrix word, position; /* [n_ids, C], [n_positions, C] */
	float *type;                  /* [C] of the first of the types, the only one that single texts have */
	struct affine norm;
	struct encoder_layer *layer;
	struct arena arena;
};

/* ---- loading ------------------------------------------------------------------------------------------------------------------ */

static int get_size(const struct embedder *m, const char *key, size_t max, size_t *out, struct err *e)
{
	const json_t *j = json_object_get(hf_config(m->hf), key);
	if (!json_is_integer(j) || json_integer_value(j) < 1 || json_integer_value(j) > (json_int_t)max)
		return err_set(e, ERR_DATA, "%s: config.json: %s: expected a number from 1 to %zu", m->path, key, max);
	*out = (size_t)json_integer_value(j);
	return 0;
}

/* A key that must have this value; absent, it has. */
static int expect(const struct embedder *m, const char *key, const char *value, struct err *e)
{
	const json_t *j = json_object_get(hf_config(m->hf), key);
	if (!j || json_is_null(j) || (json_is_string(j) && !strcmp(json_string_value(j), value)))
		return 0;
	return err_set(e, ERR_DATA, "%s: config.json: %s is %.64s; an embedder here is %s", m->path, key,
		json_is_string(j) ? json_string_value(j) : "no string", value);
}

static int read_config(struct embedder *m, struct err *e)
{
	const struct {
		const char *key;
		size_t max, *out;
	} size[] = {{"num_hidden_layers", LAYERS_MAX, &m->n_layers}, {"hidden_size", WIDTH_MAX, &m->C},
		{"intermediate_size", WIDTH_MAX, &m->F}, {"num_attention_heads", WIDTH_MAX, &m->H},
		{"vocab_size", VOCABULARY_MAX, &m->n_ids}, {"max_position_embeddings", POSITIONS_MAX, &m->n_positions},
		{"type_vocab_size", WIDTH_MAX, &m->n_types}};
	const json_t *eps = json_object_get(hf_config(m->hf), "layer_norm_eps");
	const char *type = json_string_value(json_object_get(hf_config(m->hf), "model_type"));
	if (!type || strcmp(type, "bert"))
		return err_set(e, ERR_DATA, "%s: config.json: model_type is %.64s; expected bert, the family of embedders", m->path,
			type ? type : "missing");
	int rc = expect(m, "hidden_act", "gelu", e);
	if (!rc)
		rc = expect(m, "position_embedding_type", "absolute", e);
	for (size_t i = 0; i < sizeof size / sizeof *size && !rc; i++)
		rc = get_size(m, size[i].key, size[i].max, size[i].out, e);
	if (rc)
		return rc;
	if (m->C % m->H || m->C / m->H > HEAD_MAX)
		return err_set(e, ERR_DATA, "%s: config.json: width %zu for %zu heads; expected heads of equal width up to %d",
			m->path, m->C, m->H, HEAD_MAX);
	if (!json_is_number(eps) || !(json_number_value(eps) > 0 && json_number_value(eps) < 1))
		return err_set(e, ERR_DATA, "%s: config.json: layer_norm_eps: expected a number between 0 and 1", m->path);
	m->eps = (float)json_number_value(eps);
	if (m->n_ids < wordpiece_n_ids(m->words))
		return err_set(e, ERR_DATA, "%s: the tokenizer has ids up to %zu, the model rows for %zu", m->path,
			wordpiece_n_ids(m->words) - 1, m->n_ids);
	return 0;
}

/* How sentence-transformers pools and how long a text may be; without these files as all such models: the mean, and all positions. */
static int read_pooling(struct embedder *m, struct err *e)
{
	static const char *const other[] = {"pooling_mode_cls_token", "pooling_mode_max_tokens",
		"pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"};
	char path[PATH_SIZE];
	json_t *object = NULL;
	int rc = path_join(path, sizeof path, e, m->path, "1_Pooling/config.json");
	if (!rc && file_exists(path))
		rc = json_file(&object, path, JSON_MAX, e);
	bool mean = !object || json_is_true(json_object_get(object, "pooling_mode_mean_tokens"));
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		mean = mean && !json_is_true(json_object_get(object, other[i]));
	json_decref(object);
	object = NULL;
	if (!rc && !mean)
		rc = err_set(e, ERR_DATA, "%s: expected pooling_mode_mean_tokens and no other pooling", path);
	if (!rc)
		rc = path_join(path, sizeof path, e, m->path, "sentence_bert_config.json");
	if (!rc && file_exists(path))
		rc = json_file(&object, path, JSON_MAX, e);
	const json_t *most = json_object_get(object, "max_seq_length");
	m->longest = m->n_positions < ROWS ? m->n_positions : ROWS;
	if (!rc && json_is_integer(most) && json_integer_value(most) < (json_int_t)m->longest)
		m->longest = json_integer_value(most) < 0 ? 0 : (size_t)json_integer_value(most);
	json_decref(object);
	if (!rc && m->longest < 3)
		rc = err_set(e, ERR_DATA, "%s: texts of %zu tokens; expected at least 3", m->path, m->longest);
	return rc;
}

static struct tensor_at at(const struct embedder *m, const char *name)
{
	return (struct tensor_at){m->path, name, hf_tensor(m->hf, name)};
}

static int load_affine(struct embedder *m, struct affine *out, const char *name, struct err *e)
{
	char full[128];
	snprintf(full, sizeof full, "%s.weight", name);
	struct tensor_at here = at(m, full);
	int rc = tensor_vector(&m->arena, &out->w, &here, m->C, e);
	snprintf(full, sizeof full, "%s.bias", name);
	here = at(m, full);
	return rc ? rc : tensor_vector(&m->arena, &out->b, &here, m->C, e);
}

static int load_layer(struct embedder *m, size_t i, struct err *e)
{
	struct encoder_layer *layer = &m->layer[i];
	char name[128];
	int rc = 0;
	for (int p = 0; p < PARTS && !rc; p++) {
		size_t rows = p == UP ? m->F : m->C, cols = p == DOWN ? m->F : m->C;
		snprintf(name, sizeof name, "encoder.layer.%zu.%s.weight", i, part_name[p]);
		struct tensor_at here = at(m, name);
		rc = tensor_matrix(&layer->w[p], &here, rows, cols, e);
		snprintf(name, sizeof name, "encoder.layer.%zu.%s.bias", i, part_name[p]);
		here = at(m, name);
		if (!rc)
			rc = tensor_vector(&m->arena, &layer->bias[p], &here, rows, e);
	}
	for (int n = 0; n < NORMS && !rc; n++) {
		snprintf(name, sizeof name, "encoder.layer.%zu.%s", i, norm_name[n]);
		rc = load_affine(m, &layer->norm[n], name, e);
	}
	return rc;
}

static int load_tensors(struct embedder *m, struct err *e)
{
	struct tensor_at word = at(m, "embeddings.word_embeddings.weight"),
			 position = at(m, "embeddings.position_embeddings.weight"),
			 type = at(m, "embeddings.token_type_embeddings.weight");
	struct matrix types;
	int rc = tensor_matrix(&m->word, &word, m->n_ids, m->C, e);
	if (!rc)
		rc = tensor_matrix(&m->position, &position, m->n_positions, m->C, e);
	if (!rc)
		rc = tensor_matrix(&types, &type, m->n_types, m->C, e);
	if (rc)
		return rc;
	m->type = arena_alloc(&m->arena, m->C, sizeof *m->type, e);
	m->layer = arena_alloc(&m->arena, m->n_layers, sizeof *m->layer, e);
	if (!m->type || !m->layer)
		return ERR_RESOURCE;
	matrix_row(m->type, &types, 0, 0, m->C);
	rc = load_affine(m, &m->norm, "embeddings.LayerNorm", e);
	for (size_t i = 0; i < m->n_layers && !rc; i++)
		rc = load_layer(m, i, e);
	return rc;
}

int embedder_open(struct embedder **out, const char *dir, struct err *e)
{
	struct embedder *m = mem_alloc(1, sizeof *m, e);
	int rc = m ? 0 : ERR_RESOURCE;
	*out = NULL;
	if (rc)
		return rc;
	arena_init(&m->arena, 1 << 16);
	if (!(m->path = arena_strdup(&m->arena, dir, strlen(dir), e)))
		rc = ERR_RESOURCE;
	if (!rc)
		rc = sha256_path(dir, m->key, e);
	if (!rc)
		rc = hf_open(&m->hf, dir, e);
	if (!rc)
		rc = wordpiece_open(&m->words, dir, e);
	if (!rc)
		rc = read_config(m, e);
	if (!rc)
		rc = read_pooling(m, e);
	if (!rc)
		rc = load_tensors(m, e);
	if (rc) {
		embedder_free(m);
		return rc;
	}
	*out = m;
	return 0;
}

void embedder_free(struct embedder *m)
{
	if (!m)
		return;
	wordpiece_free(m->words);
	hf_close(m->hf);
	arena_release(&m->arena);
	mem_free(m);
}

size_t embedder_width(const struct embedder *m)
{
	return m->C;
}

const char *embedder_key(const struct embedder *m)
{
	return m->key;
}

size_t embedder_context(const struct embedder *m)
{
	return m->longest;
}

/* ---- computing ---------------------------------------------------------------------------------------------------------------- */

/* Texts end to end: text i has the rows start[i] to before start[i + 1]. */
struct pass {
	const struct embedder *m;
	const int32_t *ids; /* [T] */
	const size_t *start;
	size_t n_texts, T;
	float *x, *q, *k, *v, *mid, *hidden; /* [T, C], hidden [T, F] */
	struct attention_seq *seq;
	void *scratch;
};

/* y [T, out] = in W' + bias, and `add` where it is not NULL. `again`: the product before this one had the same `in`. */
static void linear(const struct pass *p, const struct encoder_layer *layer, enum part part, float *y, const float *in,
	const float *add, bool again)
{
	const struct matrix *w = &layer->w[part];
	const float *bias = layer->bias[part];
	for (size_t t = 0; t < p->T; t++)
		for (size_t i = 0; i < w->rows; i++)
			y[t * w->rows + i] = add ? bias[i] + add[t * w->rows + i] : bias[i];
	struct gemm g = {.M = p->T,
		.N = w->rows,
		.n_terms = 1,
		.alpha = 1,
		.c = y,
		.ldc = w->rows,
		.accumulate = true,
		.same_a = again,
		.scratch = p->scratch};
	g.term[0] = (struct gemm_term){.a = in, .lda = w->cols, .K = w->cols, .b = *w, .b_transposed = true};
	kern->gemm(&g);
}

static void embed_tokens(const struct pass *p)
{
	const struct embedder *m = p->m;
	kern->gather(p->x, &m->word, p->ids, p->T);
	for (size_t i = 0; i < p->n_texts; i++)
		for (size_t t = p->start[i]; t < p->start[i + 1]; t++) {
			float *x = p->x + t * m->C;
			matrix_row(p->mid, &m->position, t - p->start[i], 0, m->C);
			for (size_t j = 0; j < m->C; j++)
				x[j] += p->mid[j] + m->type[j];
		}
	kern->layernorm(p->x, p->x, m->norm.w, m->norm.b, p->T, m->C, m->eps);
}

static void layer_forward(const struct pass *p, const struct encoder_layer *layer)
{
	const struct embedder *m = p->m;
	size_t C = m->C, D = C / m->H;
	const struct affine *norm = layer->norm;
	linear(p, layer, QUERY, p->q, p->x, NULL, false);
	linear(p, layer, KEY, p->k, p->x, NULL, true);
	linear(p, layer, VALUE, p->v, p->x, NULL, true);
	for (size_t i = 0; i < p->n_texts; i++) {
		size_t row = p->start[i] * C, n = p->start[i + 1] - p->start[i];
		p->seq[i] = (struct attention_seq){
			.q = p->q + row, .k = p->k + row, .v = p->v + row, .out = p->mid + row, .nq = n, .nk = n};
	}
	const struct attention a = {.seq = p->seq,
		.n_seqs = p->n_texts,
		.H = m->H,
		.Hkv = m->H,
		.D = D,
		.ldq = C,
		.ldk = C,
		.bidirectional = true,
		.scale = 1 / sqrtf((float)D),
		.scratch = p->scratch};
	kern->attention(&a);
	linear(p, layer, OUT, p->q, p->mid, p->x, false);
	kern->layernorm(p->x, p->q, norm[NORM_AFTER_ATTENTION].w, norm[NORM_AFTER_ATTENTION].b, p->T, C, m->eps);
	linear(p, layer, UP, p->hidden, p->x, NULL, false);
	kern->gelu(p->hidden, p->hidden, p->T * m->F);
	linear(p, layer, DOWN, p->q, p->hidden, p->x, false);
	kern->layernorm(p->x, p->q, norm[NORM_AFTER_FFN].w, norm[NORM_AFTER_FFN].b, p->T, C, m->eps);
}

/* out [n_texts, C]: the mean of each text's rows, of length 1. */
static void pool(const struct pass *p, float *out)
{
	size_t C = p->m->C;
	memset(out, 0, p->n_texts * C * sizeof *out);
	for (size_t i = 0; i < p->n_texts; i++, out += C) {
		for (size_t t = p->start[i]; t < p->start[i + 1]; t++)
			for (size_t j = 0; j < C; j++)
				out[j] += p->x[t * C + j];
		double length = sqrt(kern->sum_squares(out, C));
		for (size_t j = 0; j < C && length > 0; j++)
			out[j] = (float)((double)out[j] / length);
	}
}

static int pass_alloc(struct pass *p, struct arena *a, size_t rows, size_t n_texts, struct err *e)
{
	const struct embedder *m = p->m;
	float **block[] = {&p->x, &p->q, &p->k, &p->v, &p->mid};
	for (size_t i = 0; i < sizeof block / sizeof *block; i++)
		if (!(*block[i] = arena_alloc(a, rows * m->C, sizeof(float), e)))
			return ERR_RESOURCE;
	p->hidden = arena_alloc(a, rows * m->F, sizeof(float), e);
	p->seq = arena_alloc(a, n_texts, sizeof *p->seq, e);
	p->scratch = arena_alloc(a, kern_scratch_bytes(), 1, e);
	return p->hidden && p->seq && p->scratch ? 0 : ERR_RESOURCE;
}

size_t embedder_fits(const size_t *start, size_t n)
{
	size_t i = 1;
	while (i < n && start[i + 1] - start[0] <= ROWS)
		i++;
	return i;
}

int embedder_run_ids(const struct embedder *m, const int32_t *ids, const size_t *start, size_t n, float *out, struct err *e)
{
	struct arena arena;
	struct pass p = {.m = m};
	size_t n_ids = start[n] - start[0];
	arena_init(&arena, 1 << 16);
	size_t *local = arena_alloc(&arena, n + 1, sizeof *local, e);
	int rc = local ? pass_alloc(&p, &arena, n_ids < ROWS ? n_ids : ROWS, n, e) : ERR_RESOURCE;
	for (size_t i = 0, take; i < n && !rc; i += take) {
		take = embedder_fits(start + i, n - i);
		for (size_t j = 0; j <= take; j++)
			local[j] = start[i + j] - start[i];
		p.ids = ids + start[i];
		p.start = local;
		p.n_texts = take;
		p.T = local[take];
		embed_tokens(&p);
		for (size_t l = 0; l < m->n_layers; l++)
			layer_forward(&p, &m->layer[l]);
		pool(&p, out + i * m->C);
	}
	arena_release(&arena);
	return rc;
}

int embedder_encode(const struct embedder *m, const char *text, size_t n, size_t limit, struct ids *out, struct err *e)
{
	return wordpiece_encode(m->words, text, n, limit, out, e);
}

int embedder_run(const struct embedder *m, const char *const *text, size_t n, float *out, struct err *e)
{
	struct ids ids = {0};
	size_t *start = mem_alloc(n + 1, sizeof *start, e);
	int rc = start ? 0 : ERR_RESOURCE;
	for (size_t i = 0; i < n && !rc; i++) {
		rc = embedder_encode(m, text[i], strlen(text[i]), m->longest, &ids, e);
		start[i + 1] = ids.n;
	}
	if (!rc)
		rc = embedder_run_ids(m, ids.p, start, n, out, e);
	mem_free(start);
	ids_release(&ids);
	return rc;
}
