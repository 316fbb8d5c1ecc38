"""Token ids and sentence embeddings of an embedder against transformers: ids equal, vectors within 1e-3.

    embed.py TOOL FOLDER [PATH...]      with the Python of tests/oracle/setup.sh; TOOL is build/tests/embed_tool

Texts are lines of the given documents (default: sample/ and docs/), and hostile ones: random characters of all of Unicode in words and
between them, accents composed and not, ideographs, control characters, long words, special tokens spelt out. The reference is the folder's
own tokenizer, with special tokens as plain text, and the model in f32 with the mean of its rows over the mask, as sentence-transformers does;
ATTUNE_CPU chooses the kernels that are compared.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModel, AutoTokenizer

torch.set_num_threads(1)
HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS, BATCH, LIMIT = 256, 32, 1e-3


def document_lines(paths):
    lines = []
    for path in paths:
        files = [os.path.join(d, f) for d, _, fs in sorted(os.walk(path)) for f in sorted(fs)] if os.path.isdir(path) else [path]
        for file in files:
            if file.endswith((".md", ".txt", ".html", ".vtt")):
                with open(file, encoding="utf-8", errors="ignore") as f:
                    lines += [line.strip() for line in f if line.strip()]
    return lines


def hostile(n):
    r = random.Random(7)
    any_char = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
    ranges = [(0x20, 0x7F), (1, 0x20), (0x7F, 0x250), (0x300, 0x370), (0x370, 0x600), (0x900, 0xA00), (0x1100, 0x1200), (0x1E00, 0x2100),
              (0x2000, 0x2070), (0x3000, 0x3100), (0x4E00, 0x9FFF), (0xAC00, 0xD7A0), (0xF900, 0x10000), (0x1F300, 0x1F700),
              (0x2F800, 0x2FA20), (0xE0000, 0xE0080)]
    fixed = ["", " ", "\u00ad", "a" * 100, "a" * 101, "é" * 100, "e\u0301" * 101, "x" * 5000, "word " * 600, "[CLS] [SEP][PAD] [MASK] [UNK]",
             "İstanbul ΑΣ ß ẞ", "中文字符mixed with한국어 and 日本語カナ", "don't re-enter: 3.14%!", "\ufeffbom\u200bzero\u00a0space\u2028line",
             "a\ufffdb", "\u0344\u0385\u1fee", "豈更車", "##ing ## #", "𝕳𝖊𝖑𝖑𝖔 ﬁne ½ ℡"]
    texts = list(fixed)
    while len(texts) < n:
        low, high = r.choice(ranges)
        pick = (lambda: r.choice(any_char)) if r.random() < 0.2 else (lambda: r.randrange(low, high))
        text = "".join(chr(pick()) if r.random() < 0.6 else r.choice("abc eXY") for _ in range(r.randrange(1, 80)))
        texts.append(text)
    return texts


def main():
    tool, folder, *paths = sys.argv[1:]
    lines = document_lines(paths or [os.path.join(HERE, "..", "..", d) for d in ("sample", "docs")])
    random.Random(3).shuffle(lines)
    texts = hostile(600) + lines[:1000] + [" ".join(lines[i:i + 12]) for i in range(0, 360, 12)]
    tok, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    back = tok.backend_tokenizer
    back.no_padding()
    back.enable_truncation(TOKENS)
    back.encode_special_tokens = True
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as f:
        for text in texts:
            f.write(json.dumps({"text": text}) + "\n")
        f.flush()
        out = subprocess.run([tool, folder, f.name], check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()
    got = [json.loads(line) for line in out]
    assert len(got) == len(texts), (len(got), len(texts))
    ids = [back.encode(text).ids for text in texts]
    wrong = [i for i in range(len(texts)) if ids[i] != got[i]["ids"]]
    for i in wrong[:5]:
        print("ids differ:", ascii(texts[i][:200]), ids[i][:20], got[i]["ids"][:20])
    worst = 0.0
    with torch.no_grad():
        order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
        for at in range(0, len(texts), BATCH):
            rows = [ids[i] for i in order[at:at + BATCH]]
            width = max(map(len, rows))
            mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])
            padded = torch.tensor([r + [0] * (width - len(r)) for r in rows])
            hidden = model(input_ids=padded, attention_mask=mask).last_hidden_state
            mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
            want = torch.nn.functional.normalize(mean, dim=1)
            worst = max(worst, (want - torch.tensor([got[i]["vector"] for i in order[at:at + BATCH]])).abs().max().item())
    print(f"{os.environ.get('ATTUNE_CPU', 'best')}: {len(texts)} texts, {sum(map(len, ids))} ids, {len(wrong)} texts with other ids, "
          f"largest difference of a value {worst:.2e}")
    return 1 if wrong or not worst <= LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
