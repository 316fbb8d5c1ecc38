/* The table of families. A new family is a row here, and a field where it differs in a way that none before did. */
#include "model/arch.h"

#include <stdio.h>
#include <string.h>

#define NORM1 [NORM_ATTENTION] = {"attn_norm.weight", "input_layernorm.weight"}
#define NORM2 [NORM_FFN] = {"ffn_norm.weight", "post_attention_layernorm.weight"}
#define QK_NORMS \
	[NORM_Q] = {"attn_q_norm.weight", "self_attn.q_norm.weight"}, [NORM_K] = {"attn_k_norm.weight", "self_attn.k_norm.weight"}
#define QKV_BIASES                                                                                                \
	[BIAS_Q] = {"attn_q.bias", "self_attn.q_proj.bias"}, [BIAS_K] = {"attn_k.bias", "self_attn.k_proj.bias"}, \
	[BIAS_V] = {"attn_v.bias", "self_attn.v_proj.bias"}
/* What Llama calls the norm behind attention stands in front of the feed-forward; here it is behind attention. */
#define SANDWICH_NORMS                                                                            \
	[NORM_FFN] = {"ffn_norm.weight", "pre_feedforward_layernorm.weight"},                     \
	[NORM_ATTENTION_OUT] = {"post_attention_norm.weight", "post_attention_layernorm.weight"}, \
	[NORM_FFN_OUT] = {"post_ffw_norm.weight", "post_feedforward_layernorm.weight"}

static const struct arch table[] = {
	{.name = {"llama", "llama"},
		.hf_class = "LlamaForCausalLM",
		.gguf_rope = ROPE_INTERLEAVED,
		.vector = {NORM1, NORM2},
		.theta = 1e4},
	{.name = {"llama", "mistral"},
		.hf_class = "MistralForCausalLM",
		.gguf_rope = ROPE_INTERLEAVED,
		.vector = {NORM1, NORM2},
		.window = WINDOW_ALL,
		.hf_window = 4096,
		.theta = 1e4},
	{.name = {"qwen2", "qwen2"},
		.hf_class = "Qwen2ForCausalLM",
		.gguf_rope = ROPE_HALF,
		.vector = {NORM1, NORM2, QKV_BIASES},
		.window = WINDOW_UPPER,
		.hf_window = 4096,
		.theta = 1e4},
	{.name = {"qwen3", "qwen3"},
		.hf_class = "Qwen3ForCausalLM",
		.gguf_rope = ROPE_HALF,
		.vector = {NORM1, NORM2, QK_NORMS},
		.window = WINDOW_UPPER,
		.hf_window = 4096,
		.hf_head_dim = 128,
		.theta = 1e4},
	{.name = {"gemma3", "gemma3_text"},
		.hf_class = "Gemma3ForCausalLM",
		.gguf_rope = ROPE_HALF,
		.vector = {NORM1, SANDWICH_NORMS, QK_NORMS},
		.act = ACTIVATION_GELU,
		.window = WINDOW_PATTERN,
		.norm_plus_one = true,
		.scaled_embedding = true,
		.hf_window = 4096,
		.hf_head_dim = 256,
		.theta = 1e6,
		.local_theta = 1e4,
		.layers_of_wide = 62},
};

enum { ARCHS = sizeof(table) / sizeof(table[0]) };

const struct arch_name arch_embedding = {"token_embd.weight", "model.embed_tokens.weight"},
		       arch_norm = {"output_norm.weight", "model.norm.weight"}, arch_head = {"output.weight", "lm_head.weight"};

const struct arch_name arch_weight[LORA_TARGETS] = {
	[LORA_Q] = {"attn_q.weight", "self_attn.q_proj.weight"},
	[LORA_K] = {"attn_k.weight", "self_attn.k_proj.weight"},
	[LORA_V] = {"attn_v.weight", "self_attn.v_proj.weight"},
	[LORA_O] = {"attn_output.weight", "self_attn.o_proj.weight"},
	[LORA_GATE] = {"ffn_gate.weight", "mlp.gate_proj.weight"},
	[LORA_UP] = {"ffn_up.weight", "mlp.up_proj.weight"},
	[LORA_DOWN] = {"ffn_down.weight", "mlp.down_proj.weight"},
};

const struct arch_name arch_vector_known[ARCH_VECTORS] = {NORM1, SANDWICH_NORMS, QK_NORMS, QKV_BIASES};

const struct arch *arch_at(size_t i)
{
	return i < ARCHS ? &table[i] : NULL;
}

const struct arch *arch_find(bool gguf, const char *name)
{
	for (size_t i = 0; i < ARCHS; i++)
		if (!strcmp(name, gguf ? table[i].name.gguf : table[i].name.hf))
			return &table[i];
	return NULL;
}

void arch_list(bool gguf, char *list, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < ARCHS; i++) {
		const char *name = gguf ? table[i].name.gguf : table[i].name.hf;
		if (arch_find(gguf, name) == &table[i] && n < size)
			n += (size_t)snprintf(list + n, size - n, "%s%s", n ? ", " : "", name);
	}
}

void arch_layer_name(bool gguf, size_t layer, struct arch_name part, char *name, size_t size)
{
	snprintf(name, size, gguf ? "blk.%zu.%s" : "model.layers.%zu.%s", layer, gguf ? part.gguf : part.hf);
}
