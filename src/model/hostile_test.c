/*
 * Models and adapters that are well-formed files and still wrong: keys missing, of another type or out of range, shapes that do not fit,
 * values that are no numbers, adapters of another rank, shape or base. Each is the golden model or adapter with one thing changed, and each gets
 * a sentence that names the thing.
 */
#include "model/test_golden.h"

enum { TENSORS_MAX = 32, BYTES_MAX = 1 << 16 };

/* What is changed of a tensor. */
enum damage {
	DAMAGE_NONE,
	DAMAGE_DROP,
	DAMAGE_RENAME,     /* its last letter becomes an x */
	DAMAGE_FIRST_LESS, /* one less in the first dimension */
	DAMAGE_LAST_LESS,
	DAMAGE_FLAT, /* one dimension */
	DAMAGE_NAN,  /* its first number: a value, or the scale of a block */
};

/* A tensor on its way into a file. Storage that the damage needs is static. */
static struct tensor damaged(const struct tensor *t, enum damage how)
{
	static const uint8_t nan[DTYPE_COUNT][4] = {[DTYPE_F32] = {0, 0, 0xc0, 0x7f}, [DTYPE_BF16] = {0xc0, 0x7f}};
	static uint8_t bytes[BYTES_MAX];
	static char name[128];
	static const uint8_t half[2] = {0, 0x7e};
	struct tensor out = *t;
	size_t n_bytes = t->dtype == DTYPE_F32 ? 4 : 2, per_row = t->size_bytes / t->dims[0];
	switch (how) {
	case DAMAGE_RENAME:
		snprintf(name, sizeof name, "%.*sx", (int)strlen(t->name) - 1, t->name);
		out.name = name;
		break;
	case DAMAGE_FIRST_LESS:
		out.dims[0]--;
		out.size_bytes -= per_row;
		break;
	case DAMAGE_LAST_LESS: /* only of plain values */
		assert_int_equal(dtype_block(t->dtype), 1);
		out.dims[t->n_dims - 1]--;
		out.size_bytes = t->size_bytes / t->dims[t->n_dims - 1] * out.dims[t->n_dims - 1];
		break;
	case DAMAGE_FLAT:
		out.n_dims = 1;
		out.dims[0] *= out.dims[1];
		break;
	case DAMAGE_NAN:
		assert_true(t->size_bytes <= BYTES_MAX);
		memcpy(bytes, t->data, t->size_bytes);
		memcpy(bytes, t->dtype == DTYPE_F32 || t->dtype == DTYPE_BF16 ? nan[t->dtype] : half, n_bytes);
		out.data = bytes;
		break;
	default:
		break;
	}
	return out;
}

/* All tensors, with the damage to the one of this name (NULL: to none). Returns how many are left. */
static size_t damage_one(struct tensor *to, const struct tensor *from, size_t n, const char *which, enum damage how)
{
	size_t left = 0;
	bool done = !which;
	for (size_t i = 0; i < n; i++) {
		bool this = which && !strcmp(from[i].name, which);
		done = done || this;
		if (!this || how != DAMAGE_DROP)
			to[left++] = damaged(&from[i], this ? how : DAMAGE_NONE);
	}
	assert_true(done);
	return left;
}

static void assert_says(int rc, const struct err *e, const char *path, const char *says)
{
	if (rc != ERR_DATA || !strstr(e->text, says) || !strstr(e->text, path))
		fail_msg("got %d \"%s\", expected \"%s\"", rc, e->text, says);
}

/* ---- GGUF ------------------------------------------------------------------------------------------------------------------ */

/* A key gets another value, of the type whose member is used; KEY_LOST: it is there under another name. */
struct key {
	const char *name;
	enum { KEY_KEPT, KEY_LOST, KEY_U32, KEY_F32, KEY_STR } how;
	uint32_t u32;
	float f32;
	const char *str;
};

/* The same bytes under another name of the same length. */
static void key_lose(const char *path, const char *name)
{
	struct err e = {0};
	struct buf b = {0};
	check(file_read(path, 1 << 24, &b, &e), &e);
	char *at = memmem(b.p, b.len, name, strlen(name));
	assert_non_null(at);
	*at = '~';
	check(file_replace(path, b.p, b.len, &e), &e);
	buf_release(&b);
}

static void gguf_write(const char *path, const struct gguf *from, const struct key *k, const struct tensor *t, size_t n)
{
	struct err e = {0};
	struct gguf_writer *w;
	check(gguf_writer_open(&w, path, &e), &e);
	if (k->how == KEY_U32)
		check(gguf_put_u32(w, k->name, k->u32, &e), &e);
	else if (k->how == KEY_F32)
		check(gguf_put_f32(w, k->name, k->f32, &e), &e);
	else if (k->how == KEY_STR)
		check(gguf_put_str(w, k->name, k->str, &e), &e);
	check(gguf_put_keys(w, from, &e), &e);
	check(gguf_put_tensors(w, t, n, &e), &e);
	for (size_t i = 0; i < n; i++)
		check(gguf_put_data(w, t[i].data, t[i].size_bytes, &e), &e);
	check(gguf_writer_commit(w, &e), &e);
	gguf_writer_free(w);
	if (k->how == KEY_LOST)
		key_lose(path, k->name);
}

/* Opens the golden GGUF with one key and one tensor changed. */
static int gguf_changed(const char *path, struct key k, const char *which, enum damage how, struct err *e)
{
	struct gguf *g;
	struct model *m;
	struct tensor t[TENSORS_MAX];
	check(gguf_open(&g, GOLDEN_DIR "/untied.gguf", e), e);
	size_t n = damage_one(t, gguf_tensor_at(g, 0), gguf_n_tensors(g), which, how);
	gguf_write(path, g, &k, t, n);
	gguf_close(g);
	int rc = model_open(&m, path, e);
	assert_true(!rc == !!m);
	model_free(m);
	return rc;
}

static void test_gguf_keys(void **state)
{
	static const struct {
		struct key key;
		const char *says;
	} cases[] = {
		{{"general.architecture", .how = KEY_LOST}, "key 'general.architecture': got none, expected one"},
		{{"general.architecture", .how = KEY_U32, .u32 = 1}, "key 'general.architecture': got u32, expected string"},
		{{"general.architecture", .how = KEY_STR, .str = "mamba"}, "general.architecture is 'mamba'; attune computes"},
		{{"llama.block_count", .how = KEY_LOST}, "llama.block_count is missing"},
		{{"llama.block_count", .how = KEY_F32, .f32 = 1}, "key 'llama.block_count': got f32, expected an integer"},
		{{"llama.block_count", .how = KEY_STR, .str = "1"}, "key 'llama.block_count': got string, expected an integer"},
		{{"llama.block_count", .how = KEY_U32, .u32 = 0}, "llama.block_count is 0, expected 1 to 512"},
		{{"llama.block_count", .how = KEY_U32, .u32 = UINT32_MAX}, "llama.block_count is 4294967295, expected 1 to 512"},
		{{"llama.block_count", .how = KEY_U32, .u32 = 2}, "tensor blk.1.attn_norm.weight is missing"},
		{{"llama.embedding_length", .how = KEY_LOST}, "llama.embedding_length is missing"},
		{{"llama.embedding_length", .how = KEY_U32, .u32 = 0}, "llama.embedding_length is 0, expected 1 to 131072"},
		{{"llama.embedding_length", .how = KEY_U32, .u32 = 64},
			"tensor token_embd.weight has 2 dimensions [384, 32], expected [384, 64]"},
		{{"llama.feed_forward_length", .how = KEY_LOST}, "llama.feed_forward_length is missing"},
		{{"llama.feed_forward_length", .how = KEY_U32, .u32 = 96},
			"tensor blk.0.ffn_gate.weight has 2 dimensions [64, 32], expected [96, 32]"},
		{{"llama.attention.head_count", .how = KEY_LOST}, "llama.attention.head_count is missing"},
		{{"llama.attention.head_count", .how = KEY_U32, .u32 = 0}, "llama.attention.head_count is 0, expected 1 to"},
		{{"llama.attention.head_count", .how = KEY_U32, .u32 = 3},
			"tensor blk.0.attn_q.weight has 2 dimensions [64, 32], expected [96, 32]"},
		{{"llama.attention.head_count_kv", .how = KEY_U32, .u32 = 0}, "llama.attention.head_count_kv is 0, expected 1 to"},
		{{"llama.attention.head_count_kv", .how = KEY_U32, .u32 = 3},
			"2 heads over 3 key/value heads; expected a whole group"},
		{{"llama.attention.key_length", .how = KEY_U32, .u32 = 0}, "llama.attention.key_length is 0, expected 1 to"},
		{{"llama.attention.key_length", .how = KEY_U32, .u32 = 31}, "head width 31 with 32 rotated"},
		{{"llama.attention.value_length", .how = KEY_U32, .u32 = 16}, "head width 32 with 32 rotated, values 16 wide"},
		{{"llama.rope.dimension_count", .how = KEY_U32, .u32 = 16}, "head width 32 with 16 rotated"},
		{{"llama.rope.freq_base", .how = KEY_F32, .f32 = 0}, "llama.rope.freq_base is 0, expected a positive number"},
		{{"llama.rope.freq_base", .how = KEY_F32, .f32 = NAN}, "llama.rope.freq_base is nan, expected a positive number"},
		{{"llama.rope.freq_base", .how = KEY_U32, .u32 = 10000}, "got u32, expected f32 or f64"},
		{{"llama.rope.scaling.type", .how = KEY_STR, .str = "yarn"}, "rope scaling 'yarn' is not supported"},
		{{"llama.rope.scaling.type", .how = KEY_U32, .u32 = 1}, "'llama.rope.scaling.type': got u32, expected string"},
		{{"llama.attention.layer_norm_rms_epsilon", .how = KEY_LOST}, "llama.attention.layer_norm_rms_epsilon is missing"},
		{{"llama.attention.layer_norm_rms_epsilon", .how = KEY_F32, .f32 = -1}, "is -1, expected a positive number"},
		{{"llama.attention.layer_norm_rms_epsilon", .how = KEY_F32, .f32 = INFINITY}, "is inf, expected a positive number"},
		{{"llama.context_length", .how = KEY_U32, .u32 = 0}, "llama.context_length is 0, expected 1 to 1048576"},
		{{"llama.expert_count", .how = KEY_U32, .u32 = 8}, "llama.expert_count is set"},
		{{"tokenizer.ggml.model", .how = KEY_LOST}, "key 'tokenizer.ggml.model': got none"},
		{{"tokenizer.ggml.model", .how = KEY_STR, .str = "bert"}, "tokenizer.ggml.model is \"bert\""},
		{{"tokenizer.ggml.pre", .how = KEY_LOST}, "key 'tokenizer.ggml.pre': got none"},
		{{"tokenizer.ggml.pre", .how = KEY_STR, .str = "none"}, "tokenizer.ggml.pre is \"none\""},
		{{"tokenizer.ggml.tokens", .how = KEY_LOST}, "key 'tokenizer.ggml.tokens': got none"},
		{{"tokenizer.ggml.tokens", .how = KEY_STR, .str = "a"}, "got string, expected array"},
		{{"tokenizer.ggml.token_type", .how = KEY_LOST}, "key 'tokenizer.ggml.token_type': got none"},
		{{"tokenizer.ggml.merges", .how = KEY_LOST}, "key 'tokenizer.ggml.merges': got none"},
		{{"tokenizer.ggml.eos_token_id", .how = KEY_U32, .u32 = 384}, "end token 384 is beyond the vocabulary of 384"},
		{{"tokenizer.ggml.eos_token_id", .how = KEY_U32, .u32 = UINT32_MAX}, "is beyond the vocabulary of 384"},
		{{"tokenizer.ggml.eot_token_id", .how = KEY_U32, .u32 = 384}, "end token 384 is not in the vocabulary of 384"},
		{{"tokenizer.ggml.add_bos_token", .how = KEY_U32, .u32 = 1}, "got u32, expected bool"},
		{{"tokenizer.chat_template", .how = KEY_U32, .u32 = 1}, "'tokenizer.chat_template': got u32, expected string"},
		{{"tokenizer.chat_template", .how = KEY_STR, .str = "{% for"}, "line 1"},
	};
	(void)state;
	char path[] = "hostile_XXXXXX";
	assert_int_not_equal(close(mkstemp(path)), -1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};
		assert_says(gguf_changed(path, cases[i].key, NULL, DAMAGE_NONE, &e), &e, path, cases[i].says);
	}
	unlink(path);
}

static void test_gguf_tensors(void **state)
{
	static const struct {
		const char *which;
		enum damage how;
		const char *says;
	} cases[] = {
		{"token_embd.weight", DAMAGE_DROP, "tensor token_embd.weight is missing or not a matrix"},
		{"token_embd.weight", DAMAGE_FLAT, "tensor token_embd.weight is missing or not a matrix"},
		{"token_embd.weight", DAMAGE_FIRST_LESS, "the embedding has 383 rows for the tokenizer's 384 tokens"},
		{"token_embd.weight", DAMAGE_NAN, "tensor token_embd.weight holds a value that is not finite"}, /* Q8_0 */
		{"output.weight", DAMAGE_FIRST_LESS, "tensor output.weight has 2 dimensions [383, 32], expected [384, 32]"},
		{"output.weight", DAMAGE_NAN, "tensor output.weight holds a value that is not finite"}, /* BF16 */
		{"output_norm.weight", DAMAGE_DROP, "tensor output_norm.weight is missing"},
		{"output_norm.weight", DAMAGE_LAST_LESS, "tensor output_norm.weight: expected 32 plain values, found F32 with 1"},
		{"output_norm.weight", DAMAGE_NAN, "tensor output_norm.weight holds a value that is not finite"},
		{"blk.0.attn_norm.weight", DAMAGE_DROP, "tensor blk.0.attn_norm.weight is missing"},
		{"blk.0.attn_q.weight", DAMAGE_RENAME, "tensor blk.0.attn_q.weight is missing"},
		{"blk.0.attn_q.weight", DAMAGE_FLAT, "tensor blk.0.attn_q.weight has 1 dimensions [2048, 0], expected [64, 32]"},
		{"blk.0.attn_q.weight", DAMAGE_NAN, "tensor blk.0.attn_q.weight holds a value that is not finite"}, /* Q4_0 */
		{"blk.0.attn_k.weight", DAMAGE_NAN, "tensor blk.0.attn_k.weight holds a value that is not finite"}, /* Q4_1 */
		{"blk.0.attn_v.weight", DAMAGE_LAST_LESS,
			"tensor blk.0.attn_v.weight has 2 dimensions [32, 31], expected [32, 32]"},
		{"blk.0.attn_v.weight", DAMAGE_NAN, "tensor blk.0.attn_v.weight holds a value that is not finite"},     /* F16 */
		{"blk.0.ffn_down.weight", DAMAGE_NAN, "tensor blk.0.ffn_down.weight holds a value that is not finite"}, /* F32 */
	};
	(void)state;
	char path[] = "hostile_XXXXXX";
	assert_int_not_equal(close(mkstemp(path)), -1);
	struct err e = {0};
	check(gguf_changed(path, (struct key){0}, NULL, DAMAGE_NONE, &e), &e); /* unchanged it opens */
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		e = (struct err){0};
		assert_says(gguf_changed(path, (struct key){0}, cases[i].which, cases[i].how, &e), &e, path, cases[i].says);
	}
	unlink(path);
}

/* ---- folders --------------------------------------------------------------------------------------------------------------- */

static void link_into(const char *dir, const char *name)
{
	char from[PATH_SIZE], to[PATH_SIZE];
	snprintf(from, sizeof from, GOLDEN_DIR "/tied/%s", name);
	snprintf(to, sizeof to, "%s/%s", dir, name);
	assert_int_equal(symlink(from, to), 0);
}

/* Opens the golden folder with `key` of its config.json set to `json`; NULL: without that key. */
static int folder_changed(const char *dir, const char *key, const char *json, struct err *e)
{
	char path[PATH_SIZE];
	struct model *m;
	json_t *config = json_load_file(GOLDEN_DIR "/tied/config.json", 0, NULL);
	assert_int_equal(
		json ? json_object_set_new(config, key, json_loads(json, JSON_DECODE_ANY, NULL)) : json_object_del(config, key), 0);
	snprintf(path, sizeof path, "%s/config.json", dir);
	assert_int_equal(json_dump_file(config, path, 0), 0);
	json_decref(config);
	int rc = model_open(&m, dir, e);
	assert_true(!rc == !!m);
	model_free(m);
	return rc;
}

static void test_folder_keys(void **state)
{
	static const struct {
		const char *key, *json, *says;
	} cases[] = {
		{"model_type", NULL, "config.json: model_type is '(none)'; attune computes"},
		{"model_type", "7", "config.json: model_type is '(none)'"},
		{"model_type", "\"mamba\"", "config.json: model_type is 'mamba'"},
		{"num_hidden_layers", NULL, "config.json: num_hidden_layers is missing"},
		{"num_hidden_layers", "\"1\"", "config.json: num_hidden_layers: expected a non-negative integer"},
		{"num_hidden_layers", "1.0", "config.json: num_hidden_layers: expected a non-negative integer"},
		{"num_hidden_layers", "-1", "config.json: num_hidden_layers: expected a non-negative integer"},
		{"num_hidden_layers", "0", "num_hidden_layers is 0, expected 1 to 512"},
		{"hidden_size", NULL, "config.json: hidden_size is missing"},
		{"hidden_size", "9223372036854775807", "hidden_size is 9223372036854775807, expected 1 to"},
		{"num_attention_heads", "0", "num_attention_heads is 0, expected 1 to"},
		{"num_key_value_heads", "0", "num_key_value_heads is 0, expected 1 to"},
		{"rms_norm_eps", "\"small\"", "config.json: rms_norm_eps: expected a number"},
		{"rms_norm_eps", "0", "config.json: rms_norm_eps is 0, expected a positive number"},
		{"rope_theta", "-1", "rope_theta is -1, expected a positive number"},
		{"rope_scaling", "{\"rope_type\": \"yarn\"}", "rope scaling 'yarn' is not supported"},
		{"rope_scaling", "{\"rope_type\": \"linear\"}", "config.json: factor is missing"},
		{"hidden_act", "\"relu\"", "the activation is 'relu', expected silu or gelu_pytorch_tanh"},
		{"quantization_config", "{\"bits\": 4}", "config.json: quantization_config is set"},
	};
	(void)state;
	char dir[] = "hostile_XXXXXX";
	struct err e = {0};
	assert_non_null(mkdtemp(dir));
	link_into(dir, "model.safetensors");
	link_into(dir, "tokenizer.json");
	link_into(dir, "tokenizer_config.json");
	check(folder_changed(dir, "unknown", "1", &e), &e);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		e = (struct err){0};
		assert_says(folder_changed(dir, cases[i].key, cases[i].json, &e), &e, dir, cases[i].says);
	}
	check(dir_remove(dir, &e), &e);
}

/* ---- adapters -------------------------------------------------------------------------------------------------------------- */

enum form { FORM_PEFT, FORM_MLX, FORM_GGUF };
typedef int save(const struct lora *l, const struct model *m, const char *path, struct err *e);

/* The golden adapter in one of the formats, as a file or folder in a folder of its own. */
struct adapter {
	char dir[24], path[32];
};

/* Writes it and changes one tensor of it. */
static struct adapter adapter_new(const struct model *m, enum form form, const char *which, enum damage how)
{
	static save *const saves[] = {lora_save, lora_save_mlx, lora_save_gguf};
	static const char *const names[] = {"adapter_model.safetensors", "adapters.safetensors"};
	struct err e = {0};
	struct lora *l = golden_adapter(m, "untied");
	struct tensor t[TENSORS_MAX];
	char file[64];
	struct adapter a = {.dir = "hostile_XXXXXX"};
	assert_non_null(mkdtemp(a.dir));
	snprintf(a.path, sizeof a.path, "%s/adapter", a.dir);
	check(saves[form](l, m, a.path, &e), &e);
	lora_free(l);
	if (form == FORM_GGUF) {
		struct gguf *g;
		check(gguf_open(&g, a.path, &e), &e);
		size_t n = damage_one(t, gguf_tensor_at(g, 0), gguf_n_tensors(g), which, how);
		gguf_write(a.path, g, &(struct key){0}, t, n);
		gguf_close(g);
	} else {
		struct safetensors *s;
		snprintf(file, sizeof file, "%s/%s", a.path, names[form]);
		check(safetensors_open(&s, file, &e), &e);
		size_t n = damage_one(t, safetensors_at(s, 0), safetensors_n(s), which, how);
		check(safetensors_write(file, t, n, &e), &e);
		safetensors_close(s);
	}
	return a;
}

static void adapter_remove(const struct adapter *a)
{
	struct err e = {0};
	check(dir_remove(a->dir, &e), &e);
}

static void adapter_refused(const struct model *m, const char *path, const char *says)
{
	struct err e = {0};
	struct lora *l;
	int rc = lora_open(&l, m, path, &e);
	assert_null(l);
	assert_says(rc, &e, path, says);
}

#define MLX_Q "model.layers.0.self_attn.q_proj"
#define PEFT_Q "base_model.model." MLX_Q
#define GGUF_Q "blk.0.attn_q.weight"

static void test_adapter_tensors(void **state)
{
	static const struct {
		enum form form;
		const char *which;
		enum damage how;
		const char *says;
	} cases[] = {
		{FORM_PEFT, PEFT_Q ".lora_A.weight", DAMAGE_FIRST_LESS,
			"q_proj.lora_A.weight': got 7 x 32 in 2 dimensions, expected rank r = 8"},
		{FORM_PEFT, PEFT_Q ".lora_A.weight", DAMAGE_LAST_LESS, PEFT_Q ".lora_A.weight is [8, 31], expected [8, 32]"},
		{FORM_PEFT, PEFT_Q ".lora_B.weight", DAMAGE_FIRST_LESS,
			PEFT_Q ".lora_B.weight is [63, 8], expected [64, 8]: the adapter is for another"},
		{FORM_PEFT, PEFT_Q ".lora_B.weight", DAMAGE_DROP, "q_proj.lora_A.weight': got it alone, expected its lora_B too"},
		{FORM_PEFT, PEFT_Q ".lora_A.weight", DAMAGE_NAN, "the adapter holds a value that is not finite"},
		{FORM_MLX, MLX_Q ".lora_a", DAMAGE_LAST_LESS, "q_proj.lora_a is [32, 7], expected [32, 8]"},
		{FORM_MLX, MLX_Q ".lora_b", DAMAGE_LAST_LESS, "q_proj.lora_b is [8, 63], expected [8, 64]"},
		{FORM_MLX, MLX_Q ".lora_b", DAMAGE_DROP, "q_proj.lora_a is there without " MLX_Q ".lora_b"},
		{FORM_MLX, MLX_Q ".lora_a", DAMAGE_FLAT, "q_proj.lora_a is [256, 0], expected [32, 8]"},
		{FORM_MLX, MLX_Q ".lora_a", DAMAGE_NAN, "the adapter holds a value that is not finite"},
		{FORM_MLX, MLX_Q ".lora_a", DAMAGE_RENAME, "q_proj.lora_b is there without " MLX_Q ".lora_a"},
		{FORM_GGUF, GGUF_Q ".lora_a", DAMAGE_FIRST_LESS,
			"is [64, 8], expected [64, 7]: the adapter is for another base or rank"},
		{FORM_GGUF, GGUF_Q ".lora_b", DAMAGE_FIRST_LESS, "attn_q.weight.lora_b is [63, 8], expected [64, 8]"},
		{FORM_GGUF, GGUF_Q ".lora_b", DAMAGE_DROP, "attn_q.weight.lora_a is there without blk.0.attn_q.weight.lora_b"},
		{FORM_GGUF, GGUF_Q ".lora_a", DAMAGE_FLAT, "r 0, alpha"},
		{FORM_GGUF, GGUF_Q ".lora_a", DAMAGE_NAN, "the adapter holds a value that is not finite"},
	};
	struct model *m = golden_model("untied.gguf");
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct adapter a = adapter_new(m, cases[i].form, cases[i].which, cases[i].how);
		adapter_refused(m, a.path, cases[i].says);
		adapter_remove(&a);
	}
	model_free(m);
}

/* The GGUF adapter's keys, and mlx-lm's numbers; PEFT's are tested in format. */
static void test_adapter_keys(void **state)
{
	static const struct {
		struct key key;
		const char *says;
	} cases[] = {
		{{"general.architecture", .how = KEY_STR, .str = "qwen2"},
			"'lora' for 'qwen2', expected a LoRA adapter for 'llama'"},
		{{"general.architecture", .how = KEY_LOST}, "key 'general.architecture': got none"},
		{{"general.type", .how = KEY_STR, .str = "model"}, "got general.type 'model'"},
		{{"general.type", .how = KEY_LOST}, "key 'general.type': got none"},
		{{"adapter.type", .how = KEY_STR, .str = "control"}, "adapter.type 'control'"},
		{{"adapter.lora.alpha", .how = KEY_LOST}, "key 'adapter.lora.alpha': got none"},
		{{"adapter.lora.alpha", .how = KEY_U32, .u32 = 16}, "got u32, expected f32 or f64"},
		{{"adapter.lora.alpha", .how = KEY_F32, .f32 = NAN}, "r 8, alpha nan"},
		{{"adapter.lora.alpha", .how = KEY_F32, .f32 = 0}, "r 8, alpha 0"},
	};
	static const struct {
		const char *config, *says;
	} mlx[] = {
		{"{\"fine_tune_type\": \"dora\"}", "fine_tune_type is 'dora'"},
		{"{}", "fine_tune_type is '(none)'"},
		{"{\"fine_tune_type\": \"lora\", \"lora_parameters\": {\"rank\": 0, \"scale\": 2}}",
			"expected a positive integer rank"},
		{"{\"fine_tune_type\": \"lora\", \"lora_parameters\": {\"rank\": 8}}", "and a number scale"},
		{"{\"fine_tune_type\": \"lora\", \"lora_parameters\": {\"rank\": 4, \"scale\": 2}}",
			"is [32, 8], expected [32, 4]"},
		{"{\"fine_tune_type\": \"lora\", \"lora_parameters\": {\"rank\": 9223372036854775807, \"scale\": 2}}",
			"expected r 1 to"},
		{"{\"fine_tune_type\": \"lora\", \"lora_parameters\": {\"rank\": 8, \"scale\": -2}}", "expected r 1 to"},
	};
	struct model *m = golden_model("untied.gguf");
	struct err e = {0};
	char config[PATH_SIZE];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct gguf *g;
		struct adapter a = adapter_new(m, FORM_GGUF, NULL, DAMAGE_NONE);
		check(gguf_open(&g, a.path, &e), &e);
		gguf_write(a.path, g, &cases[i].key, gguf_tensor_at(g, 0), gguf_n_tensors(g));
		gguf_close(g);
		adapter_refused(m, a.path, cases[i].says);
		adapter_remove(&a);
	}
	for (size_t i = 0; i < sizeof mlx / sizeof *mlx; i++) {
		struct adapter a = adapter_new(m, FORM_MLX, NULL, DAMAGE_NONE);
		check(path_join(config, sizeof config, &e, a.path, "adapter_config.json"), &e);
		check(file_replace(config, mlx[i].config, strlen(mlx[i].config), &e), &e);
		adapter_refused(m, a.path, mlx[i].says);
		adapter_remove(&a);
	}
	model_free(m);
}

/* A whole adapter, in each format, over a model that it was not made for; and a model in the place of an adapter. */
static void test_adapter_of_another_base(void **state)
{
	struct model *m = golden_model("untied.gguf"), *other = golden_model("tied");
	struct err e = {0};
	char file[PATH_SIZE];
	(void)state;
	for (enum form form = FORM_PEFT; form <= FORM_GGUF; form++) {
		struct adapter a = adapter_new(m, form, NULL, DAMAGE_NONE);
		adapter_refused(other, a.path, "the adapter is for another");
		adapter_remove(&a);
	}
	static const float values[32 * 8];
	const struct tensor stranger = {"lm_head.lora_a", DTYPE_F32, 2, {32, 8}, values, sizeof values};
	for (int all = 0; all < 2; all++) { /* one more than fits, and none */
		struct tensor t[TENSORS_MAX];
		struct safetensors *whole;
		struct adapter a = adapter_new(m, FORM_MLX, NULL, DAMAGE_NONE);
		check(path_join(file, sizeof file, &e, a.path, "adapters.safetensors"), &e);
		check(safetensors_open(&whole, file, &e), &e);
		size_t n = damage_one(t, safetensors_at(whole, 0), safetensors_n(whole), NULL, DAMAGE_NONE);
		t[n] = stranger;
		check(safetensors_write(file, t, all ? n + 1 : 0, &e), &e);
		safetensors_close(whole);
		adapter_refused(m, a.path, all ? "14 of 15 tensors fit the base" : "0 of 0 tensors fit the base");
		adapter_remove(&a);
	}
	adapter_refused(m, GOLDEN_DIR "/untied.gguf", "key 'general.type': got none");
	model_free(m);
	model_free(other);
}

int main(void)
{
	struct err e = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gguf_keys),
		cmocka_unit_test(test_gguf_tensors),
		cmocka_unit_test(test_folder_keys),
		cmocka_unit_test(test_adapter_tensors),
		cmocka_unit_test(test_adapter_keys),
		cmocka_unit_test(test_adapter_of_another_base),
	};
	check(kern_init(NULL, &e), &e);
	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
