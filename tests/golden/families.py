"""Makes families/: one tiny random model of each family of src/model/arch.c, as a folder and as GGUF, and what transformers makes of it.

    families.py [OUT_DIR]      with the Python of tests/oracle/setup.sh

Weights are bf16, so that folder and GGUF hold the same numbers and share their goldens. The tokenizer is that of `tied`, by links; the
embedding has more rows than it has tokens, as Qwen's has. Windows are shorter than the rows, Llama's scaled positions begin within them.
"""
import os
import shutil
import sys

import gguf
import torch
from safetensors.torch import save_file
from transformers import (Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import common  # noqa: E402
from make_golden import ROWS, add_tokenizer  # noqa: E402

SHAPE = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, vocab_size=392,
             max_position_embeddings=131072, rms_norm_eps=1e-6, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=2)
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
FAMILIES = {
    "llama3": (LlamaConfig, LlamaForCausalLM, dict(rope_parameters={
        "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64})),
    "mistral": (MistralConfig, MistralForCausalLM, dict(sliding_window=9, head_dim=8, rope_parameters=PLAIN)),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, dict(rope_parameters=PLAIN)),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, dict(head_dim=12, rope_parameters=PLAIN)),
    "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM, dict(
        num_hidden_layers=3, head_dim=12, sliding_window=9, query_pre_attn_scalar=12,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters={"full_attention": {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0},
                         "sliding_attention": PLAIN})),
}
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
         "post_attention_layernorm": "ffn_norm", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"}
GEMMA_NAMES = dict(NAMES, post_attention_layernorm="post_attention_norm", pre_feedforward_layernorm="ffn_norm",
                   post_feedforward_layernorm="post_ffw_norm")


def make_folder(name, seed, out):
    make_config, make_model, own = FAMILIES[name]
    torch.manual_seed(seed)
    model = make_model(make_config(**dict(SHAPE, **own)))
    with torch.no_grad():
        for key, p in model.named_parameters():
            if "norm" in key:
                p.uniform_(-0.5, 0.5) if name == "gemma3" else p.uniform_(0.5, 1.5)
            elif key.endswith("bias"):
                p.normal_(0.0, 0.5)
            else:
                p.normal_(0.0, 0.3 if "embed" in key else 1.0 / p.shape[1] ** 0.5)
    model.to(torch.bfloat16).save_pretrained(out)
    os.remove(os.path.join(out, "generation_config.json"))
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        os.symlink(f"../../tied/{file}", os.path.join(out, file))


def llama3_divisors(c):
    """As llama.cpp's converter writes them."""
    r = c.rope_parameters
    out = []
    for f in 1.0 / (r["rope_theta"] ** (torch.arange(0, c.head_dim, 2, dtype=torch.float32) / c.head_dim)):
        wave = 2 * torch.pi / f
        low, high = r["original_max_position_embeddings"] / r["low_freq_factor"], r["original_max_position_embeddings"] / r["high_freq_factor"]
        smooth = (r["original_max_position_embeddings"] / wave - r["low_freq_factor"]) / (r["high_freq_factor"] - r["low_freq_factor"])
        out.append(1.0 if wave < high else r["factor"] if wave > low else 1 / ((1 - smooth) / r["factor"] + smooth))
    return torch.tensor(out, dtype=torch.float32)


def make_gguf(name, folder, path):
    """Keys and tensors as llama.cpp's converter writes them."""
    model, tok = common.load_model(folder), common.load_tokenizer(folder)
    c = model.config
    head_dim = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    arch = {"mistral": "llama", "llama3": "llama"}.get(name, name)
    w = gguf.GGUFWriter(path, arch)
    w.add_block_count(c.num_hidden_layers)
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_key_length(head_dim)
    w.add_value_length(head_dim)
    rope = c.rope_parameters.get("full_attention", c.rope_parameters)
    w.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(rope["factor"])
    if name in ("gemma3", "mistral"):
        w.add_sliding_window(c.sliding_window)
    if name == "gemma3":
        w.add_array("gemma3.attention.sliding_window_pattern", [t == "sliding_attention" for t in c.layer_types])
    add_tokenizer(w, tok)
    top = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}
    for key, data in model.state_dict().items():
        part, kind = key.rsplit(".", 1)
        if part == "lm_head":
            continue
        if part not in top:
            layer, part = part.removeprefix("model.layers.").split(".", 1)
            short = (GEMMA_NAMES if name == "gemma3" else NAMES)[part]
            target = f"blk.{layer}.{short}"
        else:
            short = target = top[part]
        if name == "gemma3" and "norm" in short:
            data = data + 1
        if arch == "llama" and short in ("attn_q", "attn_k"):
            data = data.reshape(-1, 2, head_dim // 2, data.shape[1]).transpose(1, 2).reshape(data.shape)
        if data.dim() == 1:
            w.add_tensor(f"{target}.{kind}", data.numpy())
        else:
            bits = data.contiguous().to(torch.bfloat16).view(torch.uint8).numpy()
            w.add_tensor(f"{target}.{kind}", bits, raw_dtype=gguf.GGMLQuantizationType.BF16)
    if name == "llama3":
        w.add_tensor("rope_freqs.weight", llama3_divisors(c).numpy())
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def golden(folder, out):
    os.makedirs(out)
    tok = common.load_tokenizer(folder)
    samples = [common.sample(tok, row) for row in ROWS]

    def score(model):
        with torch.no_grad():
            return {f"row{i:02d}": common.row_logprobs(model, *s) for i, s in enumerate(samples)}
    save_file(score(common.load_model(folder)), os.path.join(out, "base.safetensors"))
    adapter = os.path.join(out, "adapter")
    common.save_adapter(common.add_lora(common.load_model(folder), 2, 7, b_std=0.2), adapter, "tiny")
    model = common.load_model(folder, adapter, trainable=True)
    save_file(score(model), os.path.join(out, "adapted.safetensors"))
    common.batch_backward(model, samples[::6])
    save_file({name: p.grad.contiguous() for name, p in common.lora_parameters(model).items()}, os.path.join(out, "grads.safetensors"))


def main():
    out = os.path.join(os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else HERE, "families")
    shutil.rmtree(out, ignore_errors=True)
    for seed, name in enumerate(FAMILIES, 1):
        folder = os.path.join(out, name)
        make_folder(name, seed, folder)
        make_gguf(name, folder, f"{folder}.gguf")
        golden(folder, f"{folder}.golden")


if __name__ == "__main__":
    main()
