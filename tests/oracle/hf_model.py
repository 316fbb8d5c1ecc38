"""Turn a GGUF into a Hugging Face folder with the same weights in f32: the reference that the C engine is judged against.

    hf_model.py MODEL.gguf OUT_DIR

Two traps of transformers are dealt with here. It will not save a model that came from a GGUF until its quantizer is forgotten. And it
builds the tokenizer without the digit split of `tokenizer.ggml.pre = smollm`, which would give other ids for every number.
"""
import argparse
import os

import gguf
import torch
from tokenizers import Tokenizer, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer


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


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("gguf")
    ap.add_argument("out")
    args = ap.parse_args()
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
