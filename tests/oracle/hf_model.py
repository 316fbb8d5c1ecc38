"""Turn a GGUF into a Hugging Face folder with the same weights in f32: the reference that the C engine is judged against.

    hf_model.py MODEL.gguf OUT_DIR

Two traps of transformers are dealt with here. It will not save a model that came from a GGUF until its quantizer is forgotten. And it
builds the tokenizer without the digit split of `tokenizer.ggml.pre = smollm`, which would give other ids for every number. For Gemma 3 it is not
asked at all: configuration, weights and tokenizer are put together here by the rules of the formats.
"""
import argparse
import json
import os

import gguf
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, AutoTokenizer, Gemma3ForCausalLM, Gemma3TextConfig

from tiny_tokenizers import piece_merges


def gguf_value(path, key, default=None):
    field = gguf.GGUFReader(path).get_field(key)
    return default if field is None else field.contents()


def save_tokenizer(path, folder, out):
    tok = AutoTokenizer.from_pretrained(folder, gguf_file=os.path.basename(path))
    pre = gguf_value(path, "tokenizer.ggml.pre")
    if pre != "smollm":
        raise SystemExit(f"{path}: pre-tokenizer {pre!r} is not known to this script, only 'smollm'")
    back = tok.backend_tokenizer
    back.normalizer = None
    back.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    back.post_processor = None
    tok.chat_template = gguf_value(path, "tokenizer.chat_template")
    tok.save_pretrained(out)
    check_tokenizer(path, out)


def check_tokenizer(path, out):
    """The saved file must hold the GGUF's own vocabulary, and split digits."""
    back = Tokenizer.from_file(os.path.join(out, "tokenizer.json"))
    tokens = gguf_value(path, "tokenizer.ggml.tokens")
    wrong = [i for i, t in enumerate(tokens) if back.token_to_id(t) != i]
    assert not wrong, f"ids differ from the GGUF's at {wrong[:5]}"
    assert back.encode("2024 x", add_special_tokens=False).tokens == ["2", "0", "2", "4", "Ġx"]


def check_weights(path, model):
    """Every tensor equals the gguf package's own dequantisation, bit for bit, once q and k are back in Hugging Face row order."""
    names = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
             "attn_output": "self_attn.o_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
             "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
    top = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}
    state, config = model.state_dict(), model.config
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    for t in gguf.GGUFReader(path).tensors:
        w = torch.tensor(gguf.dequantize(t.data, t.tensor_type))
        part = t.name.split(".")
        if part[0] == "blk":
            if part[2] in heads:
                w = w.reshape(heads[part[2]], -1, 2, w.shape[1]).transpose(1, 2).reshape(w.shape)
            name = f"model.layers.{part[1]}.{names[part[2]]}.weight"
        else:
            name = top[t.name]
        assert torch.equal(state[name], w), f"{name} differs from {t.name}"


GEMMA3 = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
          "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "attn_norm": "input_layernorm",
          "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
          "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def gemma3_model(reader):
    """What the file does not say is the same in every Gemma 3: five sliding layers to a full one, local base 10000, GELU by tanh, tied."""
    def value(key):
        return reader.get_field(f"gemma3.{key}").contents()

    config = Gemma3TextConfig(
        vocab_size=len(reader.get_field("tokenizer.ggml.tokens").data), hidden_size=value("embedding_length"), num_hidden_layers=value("block_count"),
        num_attention_heads=value("attention.head_count"), num_key_value_heads=value("attention.head_count_kv"), head_dim=value("attention.key_length"),
        intermediate_size=value("feed_forward_length"), rms_norm_eps=value("attention.layer_norm_rms_epsilon"), sliding_window=value("attention.sliding_window"),
        max_position_embeddings=value("context_length"), query_pre_attn_scalar=value("attention.key_length"), tie_word_embeddings=True,
        layer_types=["sliding_attention" if (i + 1) % 6 else "full_attention" for i in range(value("block_count"))],
        rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": value("rope.freq_base")},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}},
        bos_token_id=2, eos_token_id=1, pad_token_id=0)
    state = {}
    for t in reader.tensors:
        w = torch.tensor(gguf.dequantize(t.data, t.tensor_type))
        part = t.name.split(".")
        name = {"token_embd": "embed_tokens", "output_norm": "norm"}.get(part[0]) or f"layers.{part[1]}.{GEMMA3[part[2]]}"
        state[f"model.{name}.weight"] = w - 1 if "norm" in name else w
    model = Gemma3ForCausalLM(config)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert missing == ["lm_head.weight"] and not unexpected, (missing, unexpected)
    model.tie_weights()
    return model


def save_gemma3_tokenizer(reader, out):
    """SentencePiece's BPE. Its user-defined pieces are found in the text before anything is merged, as SentencePiece does."""
    tokens, scores, types = (reader.get_field(f"tokenizer.ggml.{key}").contents() for key in ("tokens", "scores", "token_type"))
    vocab = {t: i for i, t in enumerate(tokens)}
    order = sorted((i for i, k in enumerate(types) if k == gguf.TokenType.NORMAL), key=lambda i: (-scores[i], i))
    merges = piece_merges({tokens[i]: rank for rank, i in enumerate(order)})
    back = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    back.normalizer = normalizers.Replace(" ", "\u2581")
    back.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    back.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    back.post_processor = processors.TemplateProcessing(single="<bos> $A", pair="<bos> $A $B", special_tokens=[("<bos>", vocab["<bos>"])])
    back.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, types) if k == gguf.TokenType.CONTROL])
    back.add_tokens([AddedToken(t, special=False, normalized=False) for t, k in zip(tokens, types) if k == gguf.TokenType.USER_DEFINED])
    assert back.get_vocab_size() == len(tokens)
    back.save(os.path.join(out, "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>",
              "add_bos_token": True, "clean_up_tokenization_spaces": False}
    template = reader.get_field("tokenizer.chat_template")
    with open(os.path.join(out, "tokenizer_config.json"), "w") as f:
        json.dump(config if template is None else {**config, "chat_template": template.contents()}, f)
    with open(os.path.join(out, "generation_config.json"), "w") as f:
        json.dump({"bos_token_id": 2, "eos_token_id": [1, vocab["<end_of_turn>"]]}, f)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("gguf")
    ap.add_argument("out")
    args = ap.parse_args()
    if gguf_value(args.gguf, "general.architecture") == "gemma3":
        reader = gguf.GGUFReader(args.gguf)
        model = gemma3_model(reader)
        model.save_pretrained(args.out)
        save_gemma3_tokenizer(reader, args.out)
        print(f"{args.out}: {sum(p.numel() for p in model.parameters())} parameters, f32")
        return
    folder = os.path.dirname(os.path.abspath(args.gguf))
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=os.path.basename(args.gguf), dtype=torch.float32)
    model.hf_quantizer = None
    del model.config.quantization_config
    model.save_pretrained(args.out)
    check_weights(args.gguf, model)
    save_tokenizer(args.gguf, folder, args.out)
    print(f"{args.out}: {sum(p.numel() for p in model.parameters())} parameters, f32")


if __name__ == "__main__":
    main()
