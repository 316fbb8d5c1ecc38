"""A Llama-shaped model of 1.7 billion parameters with random Q4_0 weights and the tokenizer of MODEL.gguf: large.py MODEL.gguf OUT.gguf.

To measure time and memory of training a larger model (`attune bench training --model OUT.gguf`); what it says is noise. Shape: SmolLM2-1.7B.
"""
import os
import sys

import gguf
import numpy as np

LAYERS, C, HEADS, FFN = 24, 2048, 32, 8192
SHAPE = {"block_count": LAYERS, "embedding_length": C, "feed_forward_length": FFN, "attention.head_count": HEADS, "attention.head_count_kv": HEADS,
         "rope.dimension_count": C // HEADS}


def q4_0(draw, rows, cols):
    """Random blocks of 32: f16 d, 16 bytes of nibbles; values of about 0.02."""
    blocks = draw.integers(0, 256, (rows * cols // 32, 18), dtype=np.uint8)
    blocks[:, :2] = np.frombuffer(np.float16(0.02 / 4.6).tobytes(), np.uint8)
    return blocks.reshape(rows, cols // 32 * 18)


def main():
    source, out = sys.argv[1:3]
    reader, draw = gguf.GGUFReader(source), np.random.default_rng(1)
    writer = gguf.GGUFWriter(out + ".part", "llama")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in (gguf.Keys.General.ARCHITECTURE, gguf.Keys.General.FILE_TYPE):
            continue
        array = field.types[0] == gguf.GGUFValueType.ARRAY
        value = SHAPE.get(field.name.removeprefix("llama."), field.contents())
        writer.add_key_value(field.name, value, field.types[0], sub_type=field.types[-1] if array else None)
    vocabulary = len(reader.fields["tokenizer.ggml.tokens"].data)

    def add(name, rows, cols):
        writer.add_tensor(name, q4_0(draw, rows, cols), raw_dtype=gguf.GGMLQuantizationType.Q4_0)

    def norm(name):
        writer.add_tensor(name, np.ones(C, np.float32))

    add("token_embd.weight", vocabulary, C)
    norm("output_norm.weight")
    for i in range(LAYERS):
        for name, rows, cols in (("attn_q", C, C), ("attn_k", C, C), ("attn_v", C, C), ("attn_output", C, C), ("ffn_gate", FFN, C), ("ffn_up", FFN, C), ("ffn_down", C, FFN)):
            add(f"blk.{i}.{name}.weight", rows, cols)
        norm(f"blk.{i}.attn_norm.weight")
        norm(f"blk.{i}.ffn_norm.weight")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(out + ".part", out)


if __name__ == "__main__":
    main()
