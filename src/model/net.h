/* What the files of this room share: the loaded model, its memory, and the layer loop. */
#ifndef ATTUNE_MODEL_NET_H
#define ATTUNE_MODEL_NET_H

#include "model/arch.h"
#include "model/model.h"

struct layer {
	float *vector[ARCH_VECTORS];   /* f32 whatever the file stores; NULL where the family has none */
	struct matrix w[LORA_TARGETS]; /* [out, in] as stored, borrowed from the file */
	size_t window;                 /* keys that a query sees; 0: all */
	int rotation;                  /* of model.frequency */
};

enum { ROTATIONS = 2 };

struct model {
	const struct arch *arch;
	struct model_config config;
	struct encoder encoder;
	struct tokenizer *tokenizer;
	struct chat_template *chat;
	struct gguf *gguf; /* one of the two */
	struct hf *hf;
	char *path;
	struct matrix embedding, head; /* [V, C] */
	float *norm;                   /* [C] */
	struct layer *layer;
	float *frequency[ROTATIONS]; /* [D/2] radians a position */
	int n_rotations;
	struct arena arena;
};

/* Keys and values of one sequence, as attention has them: [n_layers][Hkv, capacity, D] each. */
struct kv {
	const struct model *model;
	size_t capacity, n;
	uint16_t *k, *v; /* f16 */
};

/* One layer's activations; [T, width] each. Kept for the backward pass, or shared by all layers when there is none. */
struct activations {
	float *q, *k, *v, *att, *lse; /* q and k after rotation; att before o; lse [T, H] */
	float *q_raw, *k_raw;         /* q and k before their norms: the same memory where there is none, or no backward pass */
	float *q_rstd, *k_rstd;       /* [T, H], [T, Hkv] of these norms, or NULL */
	float *mid;                   /* the residual stream between attention and feed-forward [T, C] */
	float *gate, *up;             /* [T, F] */
	float *branch[2], *rstd[2];   /* what attention and feed-forward add, before the norms behind them [T, C], [T], or NULL */
	float *h[LORA_TARGETS];       /* scale x A' [T, h_width], the same memory for all that read x */
};

struct work {
	void *block;
	size_t max_tokens, bytes;
	bool backward;
	size_t n_recomputed; /* layers 0..n_recomputed share the activations of one, those below the last of them are computed again */
	float **x;           /* [n_layers + 1] the residual stream at each layer's input [T, C] */
	struct activations *act;      /* [n_layers] */
	float *normed, *hidden;       /* [T, C], [T, F]: recomputed where needed */
	float *rstd;                  /* [T] */
	float *dx, *d_normed;         /* [T, C] */
	float *dq, *dk, *dv;          /* like q, k, v */
	float *shared_dk, *shared_dv; /* [T, Hkv*D] each sequence's part of the gradient of the rows it shares */
	float *d_hidden;              /* [T, F] */
	float *dh;                    /* [T, h_width] */
	float *rows, *d_rows;         /* [head_rows, C] */
	float *logits;                /* [head_rows, V] */
	size_t head_rows;             /* scored rows that the head takes at a time */
	bool by_row;                  /* the rows are next tokens: see gemm.by_row */
	/* With by_row the adapter of each row [T], equal ones side by side; NULL: all have that of the call. */
	const struct lora *const *row_lora;
	float *angle[ROTATIONS]; /* [T, D/2, 2] cos, sin of each row's position */
	struct attention_seq *seq;
	struct attention_seq_grad *seq_grad;
	void *scratch;
};

/* ---- loading ----------------------------------------------------------------------------------------------------------------- */

/* A tensor of a model's file by the name that it should have; NULL where the file has none. */
struct tensor_at {
	const char *path, *name;
	const struct tensor *tensor;
};
/* As [rows, cols], as stored; as n values in f32, in the arena. ERR_DATA when it is absent, of another shape or not finite. */
int tensor_matrix(struct matrix *out, const struct tensor_at *at, size_t rows, size_t cols, struct err *e);
int tensor_vector(struct arena *arena, float **out, const struct tensor_at *at, size_t n, struct err *e);

/* Fills config, the layers' windows and the rotations; also finds the family. The tokenizer is loaded already. */
int load_config(struct model *m, struct err *e);
/* How angles depend on positions: pair i turns by position theta^(-2i/D), slower where positions are scaled. */
struct rotation {
	double theta;
	double factor; /* all pairs this much slower */
	double low, high,
		original_size; /* Llama 3: pairs with more than `high` turns in the original context are left, below `low` slowed */
};
/* As the metadata of a GGUF say it; `local` of the layers with a window. Llama 3's scaling stands in the tensor ROPE_FREQS. */
int read_gguf_rotation(const struct model *m, bool local, struct rotation *r, struct err *e);
#define ROPE_FREQS "rope_freqs.weight"
/* Llama 3: slow pairs are slowed by the factor, fast ones left, those between by a mean of the two. */
double llama3_divisor(const struct rotation *r, double frequency);
/* Values of a layer's norm or bias. */
size_t layer_vector_length(const struct model_config *c, enum arch_vector v);
/* A tensor of n plain values as f32 in the model's arena. */
int load_vector(struct model *m, float **out, const char *name, size_t n, struct err *e);

/* ---- layers ------------------------------------------------------------------------------------------------------------------ */

/*
 * Runs all layers over the batch; x[n_layers] holds the result. With kv, sequence i continues kv[i], whose n stays as it is. Rows behind
 * the last sequence only fill up a tile.
 */
int net_forward(
	const struct model *m, const struct lora *l, struct work *w, const struct batch *b, struct kv *const *kv, struct err *e);

/*
 * After net_forward, and with x[i] as it left it: what layer i keeps for its backward pass, again and with the same bits. Overwrites normed, hidden,
 * rstd and seq.
 */
void net_layer_again(const struct model *m, const struct lora *l, struct work *w, size_t i, const struct batch *b);

/* Rows of the batch that its sequence i shares. */
static inline size_t batch_shared(const struct batch *b, size_t i)
{
	return b->shared ? b->shared[i] : 0;
}

/* A layer's attention job over the first n_seqs entries of w->seq (and w->seq_grad). */
struct attention net_attention(const struct model *m, const struct work *w, size_t layer, size_t n_seqs);

/* Logits [n, V] of n rows [n, C] that the last norm has left. */
void net_head(const struct model *m, const struct work *w, const float *normed, size_t n, float *logits);
/* The last norm over n gathered rows w->rows, into w->normed. */
void net_last_norm(const struct model *m, struct work *w, size_t n);

/* The slot of one linear layer, or NULL where it has no adapter. */
static inline const struct lora_slot *lora_slot(const struct lora *l, size_t layer, enum lora_target t)
{
	return l && l->slot[layer * LORA_TARGETS + t].present ? &l->slot[layer * LORA_TARGETS + t] : NULL;
}

/* Of the slots that read the same x: where their As begin, and whether this is the last. */
static inline size_t lora_first_a(const struct lora_slot *s)
{
	return s->a - s->h_first * s->n_in;
}

static inline bool lora_is_last(const struct lora *l, const struct lora_slot *s)
{
	return s->h_first + l->config.r == s->h_width;
}

/* ---- adapters ---------------------------------------------------------------------------------------------------------------- */

struct lora_names {
	const char *hf, *target, *gguf; /* "self_attn.q_proj", PEFT's target, the name in blk.N */
};
extern const struct lora_names lora_names[LORA_TARGETS];

/* The first linear layer behind each input that linear layers read, and the end. */
enum { LORA_INPUTS = 4 };
extern const enum lora_target lora_input[LORA_INPUTS + 1];

/* An adapter with its slots laid out for the linear layers that are present [n_layers * LORA_TARGETS], and zeroed parameters. */
int lora_layout(struct lora **out, const struct model *m, const struct lora_config *c, const bool *present, struct err *e);
int lora_check(const struct lora_config *c, const char *where, struct err *e);
/* Where the row of a linear layer in Hugging Face's order stands in the base's file. */
size_t lora_row(const struct model *m, enum lora_target t, size_t row);

/* ---- generation -------------------------------------------------------------------------------------------------------------- */

enum { PREFILL_ROWS = 256, APPEND_EACH_MAX = BATCHER_SLOTS_MAX };

/* The rows that the work of a generation needs whose sequences have up to n tokens. */
size_t net_append_rows(size_t n);
/*
 * Appends tokens[i] to kv[i], which has room, for i < n <= APPEND_EACH_MAX; w->logits [n, V] follow them. lora[i] (NULL: none) is its adapter; equal
 * ones stand side by side. What a sequence gets does not depend on the others, nor on their number.
 */
int net_append_each(const struct model *m, const struct lora *const *lora, struct work *w, struct kv *const *kv,
	const int32_t *tokens, size_t n, struct err *e);

/* w->logits [n, V] after rows first.. of what w has just computed; n <= head_rows. */
void net_logits(const struct model *m, struct work *w, size_t first, size_t n);

/* A sequence while it is made. */
struct stream {
	const struct generate_options *options;
	struct generated *out;
	size_t sent; /* bytes of text handed on */
	bool ended;
};
/* Takes over `out`, which the caller releases. */
void stream_begin(struct stream *s, const struct generate_options *o, struct generated *out, size_t n_prompt);
/* The token that comes next, drawn from the logits; -1: the grammar allows none. Streams may draw at the same time, each with a scratch [V] of its own. */
int32_t stream_draw(const struct stream *s, const struct model *m, const float *logits, float *scratch);
/* Takes a token that follows what kv holds. If the stream has not ended then, it is to be appended. */
int stream_take(struct stream *s, const struct kv *kv, const float *logits, int32_t id, struct err *e);

#endif
