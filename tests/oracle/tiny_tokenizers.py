"""Small tokenizers of each family's real kind, made by the `tokenizers` library from a page of text, as Hugging Face files.

    write(kind, folder)      tokenizer.json, tokenizer_config.json and chat_template.jinja of a KIND; returns the Kind
    gguf_fields(folder)      what tokenizer.ggml.* of a GGUF must say of the same tokenizer

Byte-level BPE: the split expressions are the families' own. SentencePiece's BPE is written as transformers' converter writes it: the merges
are all pairs that join to a piece, by the score of the piece, so that ranks here and scores in a GGUF mean the same.
"""
import json
import os
import re
from dataclasses import dataclass, field

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXT = """The harbour office opens at six in the morning and closes at nine in the evening; the north berth is 9 metres deep, the south berth 12.
A ship that waits longer than 3 hours pays 104 euros an hour. Who doesn't book doesn't land! They've asked, we'll answer, I'm sure it's right.
for (int i = 0; i < 100; i++) { printf("%d\\n", i * 2); }    /* four spaces */	a tab, and \u00a0 a hard one.
Der Hafenmeister \u00f6ffnet um sechs Uhr f\u00fcr gro\u00dfe Schiffe. \u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u041a\u043e\u0440\u0430\u0431\u043b\u044c \u0432 \u043f\u043e\u0440\u0442\u0443 42 \u0434\u043d\u044f. \u6e2f\u53e3\u6bcf\u5929\u65e9\u4e0a\u516d\u70b9\u5f00\u95e8\u3002 \U0001f6a2\u2693 e\u0301te\u0301

The tide turns twice a day. Two hours before high water the window opens, three hours after it the window closes, and then nothing moves.
Q: What is the depth of the inner berth? A: The inner berth is 3 metres deep. Q: And of the old berth? A: Five metres, at most 5.25.


Cranes lift 40 tonnes each; the largest lifts 250. Order numbers look like HB-2024-00317 or HB-1999-12. See https://example.org/port?berth=4&day=1.
"""

CHATML = """{%- for message in messages -%}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"""

HEADERS = """{{ bos_token }}{%- for message in messages -%}
{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] + '<|eot_id|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif -%}"""

# The system message has no place of its own: it opens the first user's turn, as in the families' own templates.
INST = """{{ bos_token }}{%- for message in messages -%}
{%- if message['role'] == 'system' -%}{{ '[INST] ' + message['content'] + '\\n\\n' }}
{%- elif message['role'] == 'user' -%}{%- if loop.index0 != 1 -%}{{ '[INST] ' }}{%- endif -%}{{ message['content'] + ' [/INST]' }}
{%- else -%}{{ ' ' + message['content'] + eos_token }}{%- endif -%}
{%- endfor -%}"""

TURNS = """{{ bos_token }}{%- for message in messages -%}
{%- if message['role'] == 'system' -%}{{ '<start_of_turn>user\\n' + message['content'] + '\\n\\n' }}
{%- elif message['role'] == 'user' -%}{%- if loop.index0 != 1 -%}{{ '<start_of_turn>user\\n' }}{%- endif -%}{{ message['content'] + '<end_of_turn>\\n' }}
{%- else -%}{{ '<start_of_turn>model\\n' + message['content'] + '<end_of_turn>\\n' }}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"""

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@dataclass
class Kind:
    """A tokenizer. Control tokens lie before or behind the pieces, as in the family's own files; ends: what generation_config.json lists;
    user: added, but not special."""

    scheme: str  # "bytes" or "pieces"
    pre: str  # tokenizer.ggml.pre
    template: str
    control: list
    bos: str
    eos: str
    ends: list
    add_bos: bool
    user: list = field(default_factory=list)
    prefix: str = "never"  # pieces: where a space is put in front: never, each part ("legacy"), or the text only ("first")


KINDS = {
    "smollm": Kind("bytes", "smollm", CHATML, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "<|im_start|>", "<|im_end|>", ["<|im_end|>", "<|endoftext|>"], False),
    "llama3": Kind("bytes", "llama-bpe", HEADERS, ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
                   "<|begin_of_text|>", "<|eot_id|>", ["<|end_of_text|>", "<|eot_id|>"], True),
    "qwen2": Kind("bytes", "qwen2", CHATML, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], None, "<|im_end|>", ["<|im_end|>", "<|endoftext|>"], False,
                  user=["<tool_call>", "</tool_call>"]),
    "llama2": Kind("pieces", "default", INST, ["<unk>", "<s>", "</s>"], "<s>", "</s>", ["</s>"], True, prefix="legacy"),
    "mistral": Kind("pieces", "default", INST, ["<unk>", "<s>", "</s>"], "<s>", "</s>", ["</s>"], True, prefix="first"),
    "gemma": Kind("pieces", "default", TURNS, ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"], "<bos>", "<eos>",
                  ["<eos>", "<end_of_turn>"], True, user=["\n", "\n\n", "\n\n\n", "<table>"]),
}
N_PIECES = 420  # besides bytes and control tokens


def byte_level(kind):
    t = Tokenizer(models.BPE(ignore_merges=kind.pre == "llama-bpe"))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind.pre == "smollm")
    if kind.pre == "smollm":
        first = pre_tokenizers.Digits(individual_digits=True)
    else:
        first = pre_tokenizers.Split(Regex(LLAMA3 if kind.pre == "llama-bpe" else QWEN2), "isolated")
    if kind.pre == "qwen2":
        t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([first, level])
    t.decoder = decoders.ByteLevel()
    in_front = kind.control if kind.pre == "smollm" else []
    t.train_from_iterator(TEXT.split("\n\n"), trainers.BpeTrainer(vocab_size=256 + N_PIECES + len(in_front), special_tokens=in_front, show_progress=False,
                                                             initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return t


def piece_merges(vocab):
    """All pairs that join to a piece, in the order of the pieces' scores; ids are scores with the sign turned."""
    merges = []
    for piece, at in vocab.items():
        splits = [(piece[:i], piece[i:]) for i in range(1, len(piece)) if piece[:i] in vocab and piece[i:] in vocab]
        merges += [(at, vocab[a], vocab[b], a, b) for a, b in splits]
    return [(a, b) for *_, a, b in sorted(merges)]


def pieces(kind):
    space = "\u2581"
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    # The seldom letters are left to byte fallback.
    trained.train_from_iterator(TEXT.split("\n"), trainers.BpeTrainer(vocab_size=N_PIECES, limit_alphabet=70, show_progress=False))
    learnt = [p for p, _ in sorted(trained.get_vocab().items(), key=lambda x: x[1])]
    letters, joined = [p for p in learnt if len(p) == 1], [p for p in learnt if len(p) > 1]
    runs = [space * n for n in range(2, 5)]
    user = kind.user
    names = kind.control + user + [f"<0x{b:02X}>" for b in range(256)] + runs + joined + letters
    vocab = {p: i for i, p in enumerate(dict.fromkeys(names))}
    # Control tokens, those of users and bytes take no part in merging.
    normal = {p: vocab[p] for p in runs + joined + letters}
    t = Tokenizer(models.BPE(vocab=vocab, merges=piece_merges(normal), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    replace = normalizers.Replace(" ", space)
    parts = [decoders.Replace(space, " "), decoders.ByteFallback(), decoders.Fuse()]
    if kind.prefix == "never":
        t.normalizer = replace
        t.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    elif kind.prefix == "legacy":
        t.normalizer = normalizers.Sequence([normalizers.Prepend(space), replace])
    else:
        t.pre_tokenizer = pre_tokenizers.Metaspace(space, prepend_scheme="first", split=False)
    t.decoder = decoders.Sequence(parts + ([] if kind.prefix == "never" else [decoders.Strip(" ", 1, 0)]))
    return t


def write(name, folder):
    kind = KINDS[name]
    t = byte_level(kind) if kind.scheme == "bytes" else pieces(kind)
    t.add_special_tokens([AddedToken(c, special=True, normalized=False) for c in kind.control])
    t.add_tokens([AddedToken(u, special=False, normalized=False) for u in kind.user])
    if kind.add_bos:
        bos = processors.TemplateProcessing(single=f"{kind.bos} $A", pair=f"{kind.bos} $A $B", special_tokens=[(kind.bos, t.token_to_id(kind.bos))])
        t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), bos]) if name == "llama3" else bos
    os.makedirs(folder, exist_ok=True)
    t.save(os.path.join(folder, "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": kind.bos, "eos_token": kind.eos, "model_max_length": 10 ** 30,
              "clean_up_tokenization_spaces": False}
    if kind.scheme == "pieces":
        config |= {"add_bos_token": kind.add_bos, "add_eos_token": False, "unk_token": "<unk>"}
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump({**config, "chat_template": kind.template} if name in ("qwen2", "llama2") else config, f, indent=1)
    if name not in ("qwen2", "llama2"):
        with open(os.path.join(folder, "chat_template.jinja"), "w") as f:
            f.write(kind.template)
    return kind


def gguf_fields(name, folder):
    """{key: value} of tokenizer.ggml.*, by the rules of the GGUF specification and llama.cpp's converter."""
    kind = KINDS[name]
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as f:
        data = json.load(f)
    t = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokens = [t.id_to_token(i) for i in range(t.get_vocab_size())]
    types = [3 if s in kind.control else 4 if s in kind.user else 1 for s in tokens]
    out = {"model": "gpt2" if kind.scheme == "bytes" else "llama", "pre": kind.pre, "tokens": tokens, "token_type": types}
    if kind.scheme == "bytes":
        out["merges"] = [m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]]
    else:
        out["token_type"] = [6 if re.fullmatch("<0x[0-9A-F]{2}>", s) else 2 if s == "<unk>" else k for s, k in zip(tokens, types)]
        out["scores"] = [float(-i) if k == 1 else -1000.0 if k == 4 else 0.0 for i, k in enumerate(out["token_type"])]
        out["add_space_prefix"] = kind.prefix != "never"
        out["unknown_token_id"] = t.token_to_id("<unk>")
    if kind.bos:
        out["bos_token_id"] = t.token_to_id(kind.bos)
    out["eos_token_id"] = t.token_to_id(kind.eos)
    out["add_bos_token"] = kind.add_bos
    return out, kind.template
