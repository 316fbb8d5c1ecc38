#!/usr/bin/env python3
"""Tokenizers of other families against their references: sentencepiece for SentencePiece's BPE, the `tokenizers` library with the model's own
expression for byte-level BPE.

    vocabularies.py TOKENIZE_TOOL MODEL.gguf TEXT...   every file's ids, and a generated mixed text's, must be equal

A GGUF holds all that sentencepiece's model file did; it is put together again here. llama.cpp's ggml-vocab-*.gguf are such vocabularies.
"""
import pathlib
import sys

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizer_golden import every_code_point, mixed, tool_ids

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
UNKNOWN, USER_DEFINED, UNUSED = 2, 4, 5


def sentencepiece_of(field):
    model, tokens = sentencepiece_model_pb2.ModelProto(), field("tokens")
    unknown = field("unknown_token_id", 0)
    for i, (text, score, kind) in enumerate(zip(tokens, field("scores"), field("token_type"), strict=True)):
        piece = model.pieces.add()
        piece.piece, piece.score = text.replace(" ", "\u2581") if kind == USER_DEFINED else text, score
        piece.type = UNKNOWN if i == unknown else UNUSED if kind == UNKNOWN else kind  # converters call what fills a vocabulary up unknown
    trainer, normalizer = model.trainer_spec, model.normalizer_spec
    trainer.model_type, trainer.byte_fallback = 2, True
    trainer.unk_id, trainer.bos_id, trainer.eos_id = unknown, field("bos_token_id"), field("eos_token_id")
    trainer.unk_piece, trainer.bos_piece, trainer.eos_piece = (tokens[i] for i in (trainer.unk_id, trainer.bos_id, trainer.eos_id))
    normalizer.name, normalizer.add_dummy_prefix = "identity", field("add_space_prefix", True)
    normalizer.remove_extra_whitespaces, normalizer.escape_whitespaces = False, True
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(model.SerializeToString())
    return processor.encode


def byte_level_of(field):
    pre = field("pre")
    merges = [tuple(m.split(" ")) for m in field("merges")]
    t = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(field("tokens"))}, merges=merges, ignore_merges=pre == "llama-bpe"))
    expression = {"gpt-2": None, "llama-bpe": LLAMA3, "qwen2": LLAMA3.replace("{1,3}", "")}[pre]
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not expression)
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(expression), "isolated"), level]) if expression else level
    if pre == "qwen2":
        t.normalizer = normalizers.NFC()
    return lambda text: t.encode(text, add_special_tokens=False).ids


def main(tool, model, files):
    fields = gguf.GGUFReader(model).fields

    def field(key, default=None):
        found = fields.get("tokenizer.ggml." + key)
        return found.contents() if found else default

    reference = (sentencepiece_of if field("model") == "llama" else byte_level_of)(field)
    points = "".join(line for i, line in enumerate(every_code_point()) if i < 0x3400 or 0xA000 <= i < 0x17000 or 0x1D000 <= i < 0x20000)
    texts = [("mixed text", mixed(300_000).replace("\0", "")), ("code points", points.replace("\0", ""))]
    texts += [(name, pathlib.Path(name).read_bytes().decode("utf-8", "ignore")) for name in files]
    n_bytes = n_ids = bad = 0
    for name, text in texts:
        want, got = reference(text), tool_ids(tool, model, text.encode())
        n_bytes, n_ids = n_bytes + len(text.encode()), n_ids + len(want)
        if want != got:
            bad += 1
            at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
            print(f"{name}: differs at token {at}: expected {want[at - 3:at + 5]}, got {got[at - 3:at + 5]}")
    print(f"{model}: {len(texts)} texts, {n_bytes} bytes, {n_ids} ids, {bad} texts differ")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3], sys.argv[3:]) if len(sys.argv) > 2 else __doc__)
