"""Small random models of every family, as Hugging Face folders and as GGUF files.

    MODELS                              what there is: family, shape, tokenizer
    write_folder(model, folder)         config.json (old or new spelling), safetensors, generation_config.json, tokenizer
    write_gguf(model, folder, path)     the same weights in F32, by the rules of the formats: q and k rows interleaved for the llama architecture,
                                        1 added to Gemma's norms, rope_freqs for llama3's scaling

Shapes are odd on purpose: head counts that are no powers of two, one key/value head, heads whose width is not hidden / heads, widths that no
vector length divides. Norms, biases and epsilons are far from what they are at initialisation, so that one left out shows.
"""
import json
import math
import os
from dataclasses import dataclass, field

import gguf
import torch
from transformers import AutoConfig, AutoModelForCausalLM

import tiny_tokenizers

WINDOW = 13  # of the sliding families: shorter than the rows
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}


@dataclass
class Model:
    name: str
    type: str  # transformers' model_type
    tokenizer: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    ffn: int
    head_dim: int = None  # None: hidden / heads, and config.json does not say it
    tied: bool = False
    theta: float = 10000.0
    eps: float = 1e-5
    old: bool = False  # config.json as transformers before 5 spelt it: rope_theta, rope_scaling, ... at the top
    gguf: bool = True  # False: what only a folder can say
    extra: dict = field(default_factory=dict)

    @property
    def width(self):
        return self.head_dim or self.hidden // self.heads


MODELS = [
    Model("llama", "llama", "smollm", 60, 3, 3, 3, 100),
    Model("llama-grouped", "llama", "llama2", 72, 2, 6, 2, 88, tied=True, theta=500.0, eps=1e-2, old=True),
    Model("llama-onekv", "llama", "smollm", 50, 2, 5, 1, 77, head_dim=14),
    Model("llama-scaled", "llama", "llama3", 96, 3, 6, 3, 132, head_dim=24, theta=500000.0, extra={"rope": LLAMA3}),
    Model("llama-scaled-tied", "llama", "llama3", 80, 2, 5, 5, 70, tied=True, theta=3000.0, old=True, extra={"rope": {**LLAMA3, "factor": 32.0}}),
    Model("mistral", "mistral", "mistral", 64, 3, 4, 2, 96, old=True, gguf=False, extra={"sliding_window": WINDOW}),
    Model("mistral-wide", "mistral", "llama2", 70, 2, 3, 1, 90, head_dim=34, theta=1e6, eps=1e-3, gguf=False, extra={"sliding_window": WINDOW + 4}),
    Model("mistral-full", "mistral", "llama2", 54, 2, 3, 3, 75, head_dim=22, theta=1e6, old=True, extra={"sliding_window": None}),
    Model("qwen2", "qwen2", "qwen2", 56, 3, 7, 1, 104, theta=1e6, eps=1e-6, old=True),
    Model("qwen2-tied", "qwen2", "qwen2", 90, 2, 5, 5, 61, tied=True, theta=10000.0, eps=1e-2),
    Model("qwen3", "qwen3", "qwen2", 60, 3, 6, 3, 100, head_dim=26, theta=1e6, eps=1e-6, old=True),
    Model("qwen3-tied", "qwen3", "qwen2", 48, 2, 3, 1, 65, head_dim=32, tied=True, theta=5000.0, eps=1e-2),
    Model("gemma3", "gemma3_text", "gemma", 72, 7, 3, 1, 100, head_dim=30, tied=True, theta=1e6, eps=1e-6, old=True,
          extra={"sliding_window": WINDOW, "pattern": 6, "local": 10000.0}),
    Model("gemma3-scaled", "gemma3_text", "gemma", 68, 13, 4, 2, 52, head_dim=20, tied=True, theta=1e5, eps=1e-2,
          extra={"sliding_window": WINDOW + 4, "pattern": 6, "local": 10000.0, "rope": {"rope_type": "linear", "factor": 8.0}}),
    Model("gemma3-pattern", "gemma3_text", "gemma", 70, 5, 5, 5, 84, head_dim=16, tied=True, theta=1e5, eps=1e-3, gguf=False,
          extra={"sliding_window": WINDOW, "pattern": 2, "local": 300.0, "query_pre_attn_scalar": 40}),
]
CONTEXT = 512


def rope(model):
    return {"rope_type": "default", "rope_theta": model.theta, **({**model.extra["rope"], "rope_theta": model.theta} if "rope" in model.extra else {})}


def config_dict(model, vocab_size):
    """config.json, in the spelling of today's transformers or in the one that most folders of the hub still have."""
    kind = tiny_tokenizers.KINDS[model.tokenizer]
    c = {"model_type": model.type, "vocab_size": vocab_size, "hidden_size": model.hidden, "num_hidden_layers": model.layers, "num_attention_heads": model.heads,
         "num_key_value_heads": model.kv_heads, "intermediate_size": model.ffn, "rms_norm_eps": model.eps, "tie_word_embeddings": model.tied,
         "max_position_embeddings": CONTEXT, "torch_dtype" if model.old else "dtype": "float32"}
    if model.head_dim:
        c["head_dim"] = model.head_dim
    gemma = model.type == "gemma3_text"
    c["hidden_activation" if gemma else "hidden_act"] = "gelu_pytorch_tanh" if gemma else "silu"
    if model.type in ("mistral", "gemma3_text"):
        c["sliding_window"] = model.extra["sliding_window"]
    if model.type.startswith("qwen"):  # as Qwen's own folders: a window that is not used
        c |= {"sliding_window": WINDOW, "use_sliding_window": False, "max_window_layers": model.layers - 1}
    if gemma:
        c["query_pre_attn_scalar"] = model.extra.get("query_pre_attn_scalar", model.head_dim)
    full = rope(model)
    if model.old:
        c |= {"rope_theta": model.theta, "rope_scaling": {k: v for k, v in full.items() if k != "rope_theta"} if "rope" in model.extra else None}
        if gemma:
            c |= {"rope_local_base_freq": model.extra["local"], "sliding_window_pattern": model.extra["pattern"]}
    elif gemma:
        c["rope_parameters"] = {"full_attention": full, "sliding_attention": {"rope_type": "default", "rope_theta": model.extra["local"]}}
        c["layer_types"] = ["sliding_attention" if (i + 1) % model.extra["pattern"] else "full_attention" for i in range(model.layers)]
    else:
        c["rope_parameters"] = full
    return c, kind


def randomise(net, seed):
    """Weights that attend sharply and norms and biases that matter."""
    g = torch.Generator().manual_seed(seed)
    gemma = net.config.model_type == "gemma3_text"
    with torch.no_grad():
        for name, p in net.named_parameters():
            noise = torch.randn(p.shape, generator=g)
            if "norm" in name:
                p.copy_((0.0 if gemma else 1.0) + 0.4 * noise)
            elif name.endswith("bias"):
                p.copy_(0.5 * noise)
            elif "embed_tokens" in name:
                p.copy_(noise * (0.5 / p.shape[1] ** 0.5 if gemma or net.config.tie_word_embeddings else 0.3))
            else:
                p.copy_(noise * (1.5 if "q_proj" in name or "k_proj" in name else 1.0) / p.shape[1] ** 0.5)
    if not net.config.tie_word_embeddings:
        net.lm_head.weight.data.mul_(1.5)
    elif not gemma:
        net.model.norm.weight.data.mul_(5.0)
    else:
        net.model.norm.weight.data.add_(5.0)


def write_folder(model, folder):
    tiny_tokenizers.write(model.tokenizer, folder)
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as f:
        t = json.load(f)
    n_vocab = len({*t["model"]["vocab"], *(a["content"] for a in t["added_tokens"])})
    config, kind = config_dict(model, n_vocab)
    ids = {a["content"]: a["id"] for a in t["added_tokens"]}
    config |= {"bos_token_id": ids.get(kind.bos), "eos_token_id": ids[kind.eos], "pad_token_id": None}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f)
    net = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.float32)
    randomise(net, sum(model.name.encode()))
    net.save_pretrained(folder)
    config["architectures"] = [type(net).__name__]
    with open(os.path.join(folder, "config.json"), "w") as f:  # ours, not the one that save_pretrained has respelt
        json.dump(config, f, indent=1)
    ends = [ids[e] for e in kind.ends]
    with open(os.path.join(folder, "generation_config.json"), "w") as f:
        json.dump({"bos_token_id": ids.get(kind.bos), "eos_token_id": ends[0] if len(ends) == 1 else ends, "do_sample": False}, f)


def interleave(w, n_heads):
    """From Hugging Face's row order (halves of a head) to that of GGUF files of the llama architecture (pairs)."""
    return w.reshape(n_heads, 2, w.shape[0] // n_heads // 2, -1).transpose(1, 2).reshape(w.shape)


def rope_freqs(model):
    """What llama3's scaling divides each frequency by."""
    p = model.extra["rope"]
    out = []
    for i in range(0, model.width, 2):
        wavelength = 2 * math.pi * model.theta ** (i / model.width)
        high, low = (p["original_max_position_embeddings"] / p[k] for k in ("high_freq_factor", "low_freq_factor"))
        smooth = (p["original_max_position_embeddings"] / wavelength - p["low_freq_factor"]) / (p["high_freq_factor"] - p["low_freq_factor"])
        out.append(1.0 if wavelength < high else p["factor"] if wavelength > low else 1 / ((1 - smooth) / p["factor"] + smooth))
    return torch.tensor(out)


def write_gguf(model, folder, path):
    arch = {"mistral": "llama", "gemma3_text": "gemma3"}.get(model.type, model.type)
    w = gguf.GGUFWriter(path, arch)
    w.add_context_length(CONTEXT)
    w.add_embedding_length(model.hidden)
    w.add_block_count(model.layers)
    w.add_feed_forward_length(model.ffn)
    w.add_head_count(model.heads)
    w.add_head_count_kv(model.kv_heads)
    w.add_layer_norm_rms_eps(model.eps)
    w.add_rope_freq_base(model.theta)
    w.add_file_type(gguf.LlamaFileType.ALL_F32)
    if model.head_dim:
        w.add_key_length(model.head_dim)
        w.add_value_length(model.head_dim)
    if arch == "llama":
        w.add_rope_dimension_count(model.width)
    if arch == "gemma3":
        w.add_sliding_window(model.extra["sliding_window"])
    if model.extra.get("rope", {}).get("rope_type") == "linear":
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(model.extra["rope"]["factor"])
    net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    fields, template = tiny_tokenizers.gguf_fields(model.tokenizer, folder)
    w.add_chat_template(template)
    for key, value in fields.items():
        getattr(w, {"model": "add_tokenizer_model", "pre": "add_tokenizer_pre", "tokens": "add_token_list", "token_type": "add_token_types", "merges": "add_token_merges",
                    "scores": "add_token_scores", "add_space_prefix": "add_add_space_prefix", "unknown_token_id": "add_unk_token_id", "bos_token_id": "add_bos_token_id",
                    "eos_token_id": "add_eos_token_id", "add_bos_token": "add_add_bos_token"}[key])(value)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch.upper()], model.layers)
    if model.extra.get("rope", {}).get("rope_type") == "llama3":
        w.add_tensor("rope_freqs.weight", rope_freqs(model).numpy())
    for name, p in net.named_parameters():
        if arch == "llama" and ".q_proj." in name:
            p = interleave(p, model.heads)
        elif arch == "llama" and ".k_proj." in name:
            p = interleave(p, model.kv_heads)
        elif arch == "gemma3" and "norm" in name:
            p = p + 1
        w.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), p.detach().contiguous().numpy())
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
