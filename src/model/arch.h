/*
 * The model families that are built, a row each: what sets a family apart from Llama, and how its parts are called in Hugging Face
 * folders and in GGUF. Whatever reads or writes a model goes by this table; the computation goes by struct model_config and struct layer,
 * never by the family.
 *
 * Sources: transformers' configuration and modeling files; llama.cpp's converters.
 */
#ifndef ATTUNE_MODEL_ARCH_H
#define ATTUNE_MODEL_ARCH_H

#include "model/model.h"

struct arch_name {
	const char *gguf, *hf; /* both NULL where the family has no such part */
};

/* The vectors of a layer: weights of its norms, and biases of its linear layers. */
enum arch_vector {
	NORM_ATTENTION,     /* [C] in front of q, k and v */
	NORM_FFN,           /* [C] in front of gate and up */
	NORM_Q,             /* [D] of each query head, before rotation */
	NORM_K,             /* [D] of each key head */
	NORM_ATTENTION_OUT, /* [C] behind o, before it is added to the residual stream */
	NORM_FFN_OUT,       /* [C] behind down */
	BIAS_Q,             /* [H*D], in the row order of its matrix */
	BIAS_K,             /* [Hkv*D] */
	BIAS_V,             /* [Hkv*D] */
	ARCH_VECTORS
};

/* Which layers look back through a window, where config or metadata give its size. */
enum arch_window {
	WINDOW_NONE,    /* the family has none */
	WINDOW_ALL,     /* every layer */
	WINDOW_UPPER,   /* layers from max_window_layers on, when use_sliding_window is true */
	WINDOW_PATTERN, /* all but each sixth layer, or as sliding_window_pattern says */
};

struct arch {
	struct arch_name
		name; /* general.architecture and the prefix of its keys; model_type. Several model_types may be one architecture */
	const char *hf_class;       /* transformers' class, which config.json names */
	enum rope_layout gguf_rope; /* how the rows of q and k stand in GGUF: interleaved, or as in Hugging Face folders */
	struct arch_name vector[ARCH_VECTORS];
	enum activation act;
	enum arch_window window;
	bool norm_plus_one;    /* folders keep w of a norm that multiplies by 1 + w; GGUF keeps 1 + w */
	bool scaled_embedding; /* embeddings are multiplied by sqrt(C) */
	size_t hf_head_dim;    /* where config.json gives none; 0: C / H */
	size_t hf_window;      /* where config.json gives no sliding_window */
	double theta,
		local_theta;   /* rotary bases where the file gives none; local_theta: of layers with a window, 0: as the others */
	size_t layers_of_wide; /* the model of this many layers scales scores by C / H instead of D, which no GGUF key tells */
};

const struct arch *arch_find(bool gguf, const char *name); /* NULL when unknown */
const struct arch *arch_at(size_t i);                      /* NULL behind the last */
/* "llama, mistral, ...": what arch_find knows. */
void arch_list(bool gguf, char *list, size_t size);

extern const struct arch_name arch_embedding, arch_norm, arch_head; /* whole tensor names; the head may be absent */
/* Of every family: the weight of a linear layer. Names of a layer's parts are completed by arch_layer_name. */
extern const struct arch_name arch_weight[LORA_TARGETS];
/* What the part would be called by the families that have it. */
extern const struct arch_name arch_vector_known[ARCH_VECTORS];
void arch_layer_name(bool gguf, size_t layer, struct arch_name part, char *name, size_t size);

#endif
