/*
 * model: what the network computes. Loading, layers forward and backward, LoRA, the key/value cache, sampling.
 *
 * Llama and its relatives: embedding, L times {rmsnorm, q k v with rotary positions, causal attention with grouped heads, o, residual;
 * rmsnorm, gated feed-forward, residual}, rmsnorm, head (tied to the embedding where the file has no head of its own). What sets a family
 * apart (a window on attention, norms of heads or behind the branches, biases) is in arch.h. Touvron et al. 2023; LoRA: Hu et al. 2021.
 *
 * Weights stay as their file stores them; LoRA adapters are f32 in one flat array, so that optimizer, checkpoints and gradient
 * sums work on plain vectors.
 *
 * A model and a lora are immutable while computing and may be shared; a `work` belongs to one computation at a time.
 * kern_init must have been called.
 */
#ifndef ATTUNE_MODEL_H
#define ATTUNE_MODEL_H

#include <signal.h>

#include "base/base.h"
#include "format/format.h"
#include "kern/kern.h"

/* ---- the base model ------------------------------------------------------------------------------------------------------ */

enum activation { ACTIVATION_SILU, ACTIVATION_GELU };

struct model_config {
	size_t n_layers, C, F, H, Hkv, D, V, context; /* D head width; V rows of the embedding; context: the longest sequence */
	size_t n_tokens;                              /* ids that are tokens: up to V, to which some families pad */
	float rms_eps, attention_scale, embedding_scale;
	enum rope_layout rope;
	enum activation activation;
	bool tied; /* the head is the embedding */
};

struct model;
/* Opens a GGUF file or a Hugging Face folder of a family of arch.h. The caller frees. */
int model_open(struct model **out, const char *path, struct err *e);
void model_free(struct model *m);
const struct model_config *model_config(const struct model *m);
const char *model_path(const struct model *m);
size_t model_bytes(const struct model *m); /* of its matrices, as their file stores them */
/* Tokenizer, template and the explicit short system message that training and every use share. */
const struct encoder *model_encoder(const struct model *m);
/* The file behind it, borrowed: one of the two, the other is NULL. */
const struct gguf *model_gguf(const struct model *m);
const struct hf *model_hf(const struct model *m);

/* ---- LoRA ------------------------------------------------------------------------------------------------------------------ */

enum lora_target { LORA_Q, LORA_K, LORA_V, LORA_O, LORA_GATE, LORA_UP, LORA_DOWN, LORA_TARGETS };
const char *lora_target_name(enum lora_target t); /* PEFT's name: "q_proj", ... */

struct lora_config {
	size_t r;
	float alpha;
	bool use_rslora;  /* scale alpha / sqrt(r) instead of alpha / r (Kalajdzievski 2023) */
	unsigned targets; /* bits 1 << enum lora_target */
};

/*
 * Of one linear layer: y = x W' + (scale x A') B'. A [r, in]; B is kept transposed, bt [r, out]. Offsets into lora.params.
 * The As of a layer's linear layers that read the same x (q, k, v; gate, up) lie one behind the other, so that one product makes h = scale x A' of
 * all: this one's part are the r columns of h from h_first on, of h_width.
 */
struct lora_slot {
	bool present;
	size_t a, bt, n_in, n_out, h_first, h_width;
};

struct lora {
	struct lora_config config;
	float scale;
	size_t n_layers, n_params;
	float *params;          /* [n_params] f32 */
	struct lora_slot *slot; /* [n_layers * LORA_TARGETS] */
};
/* A Kaiming-uniform with a = sqrt(5), i.e. U(-1/sqrt(in), 1/sqrt(in)); B zero: the adapter starts as the base. */
int lora_new(struct lora **out, const struct model *m, const struct lora_config *c, uint64_t seed, struct err *e);
/* A PEFT or mlx-lm folder, or a LoRA GGUF; their row orders and scales are told in lora_file.c. Its passport, if it has one, is checked. */
int lora_open(struct lora **out, const struct model *m, const char *path, struct err *e);
int lora_save_mlx(const struct lora *l, const struct model *m, const char *dir, struct err *e);
int lora_save_gguf(const struct lora *l, const struct model *m, const char *path, struct err *e);
int lora_save(const struct lora *l, const struct model *m, const char *dir, struct err *e);
/*
 * Writes an array of n_params values laid out like lora.params (a gradient, say) as safetensors under PEFT's tensor names in
 * Hugging Face order: what comparisons against PyTorch read.
 */
int lora_write_tensors(const struct lora *l, const struct model *m, const float *values, const char *path, struct err *e);
void lora_free(struct lora *l);
size_t lora_size(const struct model *m, const struct lora_config *c); /* the n_params that lora_new will give */
/*
 * dst [n, in] = rows first.. of W + scale B A, for a tensor t of the model's file and in its row order; t itself where it has no
 * adapter, or `l` is NULL. Takes one thread; rows may be spread over many.
 */
void lora_merge(float *dst, const struct model *m, const struct lora *l, const struct tensor *t, size_t first, size_t n);
bool lora_changes(const struct model *m, const struct lora *l, const struct tensor *t); /* whether there is one for it */
/* Where row `row` of Hugging Face's order stands in the tensor t of the model's file. */
size_t model_tensor_row(const struct model *m, const struct tensor *t, size_t row);

/* ---- the passport of an adapter ------------------------------------------------------------------------------------------------ */

#define PASSPORT "passport.json" /* in an adapter's folder; beside a file PATH: PATH.passport.json */
/* What the model is and makes of text: fingerprint of its weights, template, end tokens, ids of golden prompts. The caller decrefs. */
int passport_new(json_t **out, const struct model *m, struct err *e);
int passport_save(const struct model *m, const char *dir, struct err *e);
/* ERR_DATA, naming file, key, expected and found, when the model is not the one of the passport at `path`; 0 where there is no such file. */
int passport_check(const struct model *m, const char *path, struct err *e);

/* ---- the model as a Hugging Face folder ---------------------------------------------------------------------------------------- */

/* A tensor as the folder has it: its name there, and its values from one of the model's file, rows in Hugging Face's order. */
struct hf_part {
	const char *name; /* valid as long as the arena or the model */
	const struct tensor *from;
	float minus; /* is taken from each value: 1 where GGUF keeps 1 + w of a norm, else 0 */
};
/* All of them, in `arena`: of a folder whatever is in its files, of a GGUF what the family has. */
int model_hf_parts(const struct model *m, struct arena *arena, struct hf_part **out, size_t *n, struct err *e);
/*
 * config.json, with the weights' type: F32, F16, BF16, or DTYPE_COUNT for what a folder says itself. Of a GGUF by the table of families. ERR_DATA
 * when config.json cannot say what a GGUF says. The caller decrefs.
 */
int model_hf_config(const struct model *m, enum dtype type, json_t **out, struct err *e);

/* ---- training-shaped computation ---------------------------------------------------------------------------------------------- */

/*
 * Sequences end to end. Row i of `tokens` at its position; target[j] is the token that row scored_row[j] must predict.
 *
 * A sequence that begins like the first one takes its first shared[i] rows from there, and only the rest is laid: what causal layers
 * compute of equal beginnings is equal, and its gradient is the sum over all who share it. For a gradient, at most as many rows as the
 * sequence has of its own.
 *
 * The last n_distilled scored rows learn the distribution of `teacher`, not their target: the normed rows in front of the base's head.
 */
struct batch {
	const int32_t *tokens; /* [n_tokens] */
	size_t n_tokens;
	const size_t *start;  /* [n_seqs + 1]; start[0] = 0, start[n_seqs] = n_tokens */
	const size_t *shared; /* [n_seqs]; shared[0] = 0. NULL: none */
	size_t n_seqs;
	const int32_t *scored_row; /* [n_scored], ascending */
	const int32_t *target;     /* [n_scored] */
	size_t n_scored;
	const float *teacher; /* [n_distilled, C] */
	size_t n_distilled;
};

/* How many rows s shares with a first sequence of these ids where a gradient is wanted: none that it scores. */
size_t sample_shared(const struct sample *s, const int32_t *first, size_t n_first);

/* Lays samples end to end; `batch` is the view of what was added since the last clear. A sample's last row predicts nothing. */
struct packer {
	struct batch batch;
	bool forward_only; /* set after packer_init: no gradient will be asked for, so that all that is equal is shared */
	int32_t *tokens, *scored_row, *target; /* [max_tokens] */
	size_t *start, *shared;                /* [max_seqs + 1] */
};
int packer_init(struct packer *p, size_t max_tokens, size_t max_seqs, struct err *e);
void packer_clear(struct packer *p);
void packer_add(struct packer *p, const struct sample *s); /* the caller keeps to what packer_init was told */
void packer_release(struct packer *p);

/* Memory of one computation, for batches of up to max_tokens. With `backward`, activations of all layers are kept. */
struct work;
int work_new(struct work **out, const struct model *m, const struct lora *l, size_t max_tokens, bool backward, struct err *e);
/*
 * With `backward`, but for the first n_recomputed < n_layers layers only their inputs are kept: the rest is computed again when the backward pass gets
 * there. Gradients have the same bits for any n_recomputed.
 */
int work_new_recomputing(
	struct work **out, const struct model *m, const struct lora *l, size_t max_tokens, size_t n_recomputed, struct err *e);
void work_free(struct work *w);
/* The bytes that work_new_recomputing will take, by what they are for. */
struct work_size {
	size_t layers;  /* kept for the backward pass */
	size_t passing; /* of the layer that is computed */
	size_t head;    /* a chunk of logits and its rows */
	size_t scratch; /* of the kernels, all threads */
};
void work_measure(
	struct work_size *out, const struct model *m, const struct lora_config *l, size_t max_tokens, size_t n_recomputed);

/*
 * loss[j] = -ln p(target[j]), for j < n_scored; of distilled rows KL(teacher || p). `l` may be NULL (the base). Sequences longer than
 * the context: ERR_DATA.
 */
int model_loss(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, float *loss, struct err *e);
/* The same, and grad [n_params] = scale * d(sum of loss) / d(params), overwritten. The work must have `backward`. */
int model_loss_and_grad(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, float scale,
	float *loss, float *grad, struct err *e);
/* The teacher of a batch: normed rows [n_scored, C] in front of the head, of the base alone. */
int model_teacher(const struct model *m, struct work *w, const struct batch *b, float *teacher, struct err *e);
/* logits [n_rows, V] of the given rows of the batch; for tests. */
int model_logits(const struct model *m, const struct lora *l, struct work *w, const struct batch *b, const int32_t *row,
	size_t n_rows, float *logits, struct err *e);

/* ---- generation ---------------------------------------------------------------------------------------------------------------- */

/* Keys and values of one sequence. */
struct kv;
int kv_new(struct kv **out, const struct model *m, size_t capacity, struct err *e);
void kv_free(struct kv *kv);
void kv_truncate(struct kv *kv, size_t n_tokens);                    /* keeps the first n */
void kv_copy(struct kv *to, const struct kv *from, size_t n_tokens); /* `to` then holds the first n, which fit, of `from` */
size_t kv_n(const struct kv *kv);

/* Appends n tokens and gives the logits [V] after the last one. ERR_DATA when the cache is full. */
int model_append(const struct model *m, const struct lora *l, struct work *w, struct kv *kv, const int32_t *tokens, size_t n,
	float *logits, struct err *e);

struct sampling {
	float temperature; /* 0: greedy, the first of equals */
	float top_p;       /* (0, 1] */
	uint64_t seed;
};
/*
 * One token from logits [V], of those that the grammar (may be NULL) allows; -1: it allows none. The draw depends only on (seed, position).
 * `scratch` [V].
 */
int32_t sample_token(
	const float *logits, size_t V, const struct sampling *s, struct grammar_state *grammar, size_t position, float *scratch);

struct generate_options {
	struct sampling sampling;
	struct grammar_state *grammar; /* what the text may be, borrowed; NULL: anything */
	struct ids opening; /* tokens that the answer begins with, whatever the model would say; borrowed. Not with a grammar */
	size_t max_tokens;
	const char *const *stop; /* texts that end the generation and are left out; may be NULL */
	size_t n_stop;
	/* Called with each piece of finished UTF-8 text; returns false to end the generation. May be NULL. */
	bool (*on_text)(void *context, const char *text, size_t n);
	/* Called with each token, the end token too, and the logits [V] that it was drawn from, before its text. May be NULL. */
	void (*on_token)(void *context, int32_t id, const float *logits);
	void *context; /* of both */
};
struct generated {
	struct buf text;
	const char *finish_reason; /* "stop" (end token, stop text, on_text, or nothing that the grammar allows) or "length" */
	size_t n_prompt, n_tokens; /* n_tokens: generated, the end token included */
};
void generated_release(struct generated *g);
/* Appends its text as UTF-8 without a NUL, whatever the model said. */
int generated_utf8(const struct generated *g, struct buf *out, struct err *e);
/* ERR_DATA when n tokens are no prompt for a context of that many. */
int prompt_check(size_t n, size_t context, struct err *e);

/* Continues prompt ids. kv may hold a prefix of the prompt already (chat turns): it is reused where equal ids lead. */
struct generator;
int generator_new(struct generator **out, const struct model *m, const struct lora *l, size_t max_tokens_in_all, struct err *e);
void generator_free(struct generator *g);
/* Forgets what was computed, so that the next answer has the same bits whatever was asked before. */
void generator_reset(struct generator *g);
int generator_run(struct generator *g, const int32_t *prompt, size_t n, const struct generate_options *o, struct generated *out,
	struct err *e);

/*
 * Sequences that live at the same time and share each pass over the weights; one may join or leave between any two calls. For one thread at
 * a time.
 */
struct batcher;
enum { BATCHER_SLOTS_MAX = 48 };
struct batcher_options {
	size_t n_slots, capacity;       /* sequences at a time, up to BATCHER_SLOTS_MAX; tokens of one, its answer included */
	const struct lora *const *lora; /* [n_lora] the adapters that sequences may have */
	size_t n_lora;
	bool reuse; /* of equal beginnings what one sequence has computed serves the next: faster, and other last bits */
};
int batcher_new(struct batcher **out, const struct model *m, const struct batcher_options *o, struct err *e);
void batcher_free(struct batcher *b);
bool batcher_full(const struct batcher *b);
size_t batcher_n(const struct batcher *b);         /* sequences that live */
size_t batcher_n_prompts(const struct batcher *b); /* of these, those whose prompt is not computed yet */

struct sequence {
	const struct lora *lora; /* NULL: the base alone */
	struct ids prompt;       /* borrowed */
	const struct kv
		*begun; /* holds the first n_begun tokens of the prompt, which are fewer than all; NULL where n_begun is 0 */
	size_t n_begun;
	struct generate_options options;
	bool score_prompt;       /* on_token is called with the tokens of the prompt too, but for the first; max_tokens may be 0 */
	struct generated answer; /* grows; it has ended when finish_reason is not NULL. The caller releases. */
	size_t n_done;           /* tokens of the prompt that are computed; after batcher_join those that needed no computing */
};
/* Takes a slot, of which there must be one; `s` must stay where it is until it has ended or left. ERR_DATA when the prompt does not fit. */
int batcher_join(struct batcher *b, struct sequence *s, struct err *e);
void batcher_leave(struct batcher *b, const struct sequence *s); /* before its end; one that does not live is left alone */
int batcher_prompt(struct batcher *b, struct err *e);            /* computes some 256 tokens of the prompt that joined first */
int batcher_tokens(struct batcher *b, struct err *e);            /* a token more for each whose prompt is done */

/* Answers to many prompts, several at a time in one pass over the weights. An answer does not depend on what is asked beside it. */
struct generate_job {
	const struct ids *prompts;  /* [n], each as prompt_check wants it */
	const struct ids *openings; /* [n] what each answer begins with; NULL: none is given */
	size_t n;
	/*
	 * So many ids that most prompts begin with, such as a long system message, are computed once. An answer depends on this number, not on
	 * which prompts begin so.
	 */
	size_t n_prefix;
	const int32_t *prefix;           /* [n_prefix] */
	struct generate_options options; /* without on_text and on_token */
	/* Called with each answer, in the order of the prompts, as soon as those before have been called; not 0 ends. */
	int (*on_answer)(void *context, size_t i, const struct generated *answer, struct err *e);
	void *context;
	const volatile sig_atomic_t *stop; /* ERR_STOPPED within a token when it becomes true; may be NULL */
};
int generate_many(const struct model *m, const struct lora *l, const struct generate_job *job, struct err *e);

/* ---- sentence embeddings ------------------------------------------------------------------------------------------------------- */

/*
 * An encoder that makes one vector of a text, so that texts of like meaning have vectors of a small angle: BERT with the mean of its last rows
 * (sentence-transformers). Immutable after opening, so free to share between threads.
 */
struct embedder;
/* Opens a Hugging Face folder: config.json, model.safetensors, tokenizer.json and, where they are there, 1_Pooling/config.json and sentence_bert_config.json. */
int embedder_open(struct embedder **out, const char *dir, struct err *e);
void embedder_free(struct embedder *m);
size_t embedder_width(const struct embedder *m);
const char *embedder_key(const struct embedder *m); /* SHA-256 of the folder, as sha256_path makes it. Valid until _free */
size_t embedder_context(const struct embedder *m);  /* tokens of a text that it takes, begin and end among them */
/* Appends the ids of n bytes of text as wordpiece_encode does. */
int embedder_encode(const struct embedder *m, const char *text, size_t n, size_t limit, struct ids *out, struct err *e);
/* How many of n texts, delimited as for _run_ids, make one pass; one always does. */
size_t embedder_fits(const size_t *start, size_t n);
/* out [n, width]: a vector of length 1 for each of n texts; text i has ids[start[i]] to before ids[start[i + 1]], up to embedder_context. */
int embedder_run_ids(const struct embedder *m, const int32_t *ids, const size_t *start, size_t n, float *out, struct err *e);
/* The same of texts (NUL-terminated, any bytes), of as much of each as the model takes. */
int embedder_run(const struct embedder *m, const char *const *text, size_t n, float *out, struct err *e);

#endif
