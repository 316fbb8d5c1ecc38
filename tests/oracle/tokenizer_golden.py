#!/usr/bin/env python3
"""The model's own tokenizer (the `tokenizers` library on the GGUF's vocabulary) against attune's.

    tokenizer_golden.py compare MODEL.gguf TOKENIZE_TOOL FILE...   every file's ids, and a generated mixed text's, must be equal
    tokenizer_golden.py write   MODEL.gguf                         writes tests/golden/tokenizer.jsonl, which the unit test reads

transformers builds the GGUF's tokenizer without the digit split that tokenizer.ggml.pre = smollm means; it is put in front here. The
library takes text, not bytes: what is malformed UTF-8 in a file is left out of the comparison. attune takes each such byte as a character
of its own that is neither letter, number nor space.
"""
import array
import json
import pathlib
import random
import subprocess
import sys

import gguf
from tokenizers import Tokenizer, models, pre_tokenizers

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "tokenizer.jsonl"


def reference(model):
    fields = gguf.GGUFReader(model).fields
    assert fields["tokenizer.ggml.pre"].contents() == "smollm"
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    t = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(tokens)}, merges=merges, dropout=None, unk_token=None))
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    return t


SNIPPETS = """Hello world¦it's we're I'll they've I'd 'm 'S 'T don't''s¦x = f(a[0], -1) != 3.14e-10;¦#include <stdio.h>\n\tint main(void)\n{\n
def f(x):\r\n    return x ** 2\r\n¦1234567890¦v1.2.3-rc4¦٣٤٥٦ ३४५ ²³ ½ Ⅷ ㊿¦  two  three   four    ¦\t\t\ttabs\t \t¦\n\n\n\n¦\r\n\r\n¦\u00a0nbsp\u3000wide\u2003em¦
Größe straße ÆØÅ¦Привет, мир! 42 рубля¦你好,世界。三百二十一号¦日本語のテキスト、カタカナ¦한국어 문장입니다¦مرحبا بالعالم ١٢٣¦שלום עולם¦สวัสดีชาวโลก ๑๒๓¦नमस्ते दुनिया¦
e\u0301 o\u0308\u0323 combining¦\u0301\u0302 alone¦👍🏽👩‍👩‍👧‍👦🇩🇪 emoji 😀😀¦\u200b\u200d\ufeff zero width¦\u0378\u0530 unassigned \U000e0001\U0010ffff¦\ue000 private¦𝔘𝔫𝔦 𝟙𝟚𝟛¦
\U00011de0\U00016ff4 young digits¦\U00010d40 \U000105c0 sixteen¦<|im_start|>user\n<|im_end|>¦<|endoftext|>¦!!!???...---===>>>¦a_b__c___d¦'''\"\"\"```¦\x00\x01\x02 nul¦\x85next\x1cfile¦
https://www.sqlite.org/lang_select.html?a=1&b=%20#x¦SELECT count(*) FROM t1 WHERE a>=1 AND b<'x';¦ﬁ ﬂ ǆ¦ℵ₀ ∑ ∫ √2 ≠ π¦1st 2nd 10x x10 a1b2c3¦ 1  2   3¦\n 1\n  2¦ \n a¦ \t\n\x0b\x0c¦'s 't're've'm'll'd'x""".split("¦")


def mixed(n_chars):
    """Random walks over snippets, single code points of every kind, and runs of white space."""
    rng, out = random.Random(1), []
    scripts = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE80), (0x1100, 0x1200), (0x2000, 0x2070),
               (0x2100, 0x2C00), (0x3000, 0x3100), (0x4E00, 0x9FFF), (0xAC00, 0xD7A4), (0xFE00, 0xFFFF), (0x10000, 0x20000), (0x1F300, 0x1FAFF), (0x20000, 0x10FFFF)]
    total = 0
    while total < n_chars:
        kind = rng.random()
        if kind < 0.4:
            piece = rng.choice(SNIPPETS)
        elif kind < 0.7:
            low, high = rng.choice(scripts)
            piece = "".join(chr(c) for c in (rng.randrange(low, high) for _ in range(rng.randrange(1, 12))) if not 0xD800 <= c < 0xE000)
        elif kind < 0.85:
            piece = "".join(rng.choice(" \t\n\r\u00a0\u3000\x0b1a'!.") for _ in range(rng.randrange(1, 9)))
        else:
            piece = rng.choice(" \n\t-=a0é") * rng.randrange(1, 60)
        out.append(piece)
        total += len(piece)
    return "".join(out)


def every_code_point():
    """Each code point behind and before a letter, a number, a sign and a space: which class it has."""
    for cp in range(0x110000):
        if not 0xD800 <= cp < 0xE000:
            c = chr(cp)
            yield f"a{c}a 1{c}1 !{c}! {c} {c}{c}'s{c}\n"


def tool_ids(tool, model, data):
    run = subprocess.run([tool, model], input=data, stdout=subprocess.PIPE, check=True)
    ids = array.array("i")
    ids.frombytes(run.stdout)
    return ids.tolist()


def compare(model, tool, files):
    t, bad, malformed = reference(model), 0, 0
    texts = [("mixed text", mixed(1_500_000)), ("every code point", "".join(every_code_point()))]
    for name in files:
        data = pathlib.Path(name).read_bytes()
        texts.append((name, data.decode("utf-8", "ignore")))
        malformed += texts[-1][1].encode() != data
    n_bytes = n_ids = 0
    for name, text in texts:
        want, got = t.encode(text, add_special_tokens=False).ids, tool_ids(tool, model, text.encode())
        n_bytes, n_ids = n_bytes + len(text.encode()), n_ids + len(want)
        if want != got:
            bad += 1
            at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
            print(f"{name}: differs at token {at}: expected {want[at - 3:at + 5]} {t.decode(want[at - 3:at + 5])!r}, got {got[at - 3:at + 5]}")
    print(f"{len(texts)} texts, {n_bytes} bytes, {n_ids} ids, {bad} texts differ; malformed UTF-8 left out of {malformed}")
    return bad != 0


def write(model):
    t, rows = reference(model), list(SNIPPETS)
    walk = mixed(12_000)
    rows += [walk[i : i + 80] for i in range(0, len(walk), 80)]
    GOLDEN.parent.mkdir(exist_ok=True)
    with GOLDEN.open("w") as f:
        for text in rows:
            if "\0" not in text:  # the product's JSON has no NUL
                f.write(json.dumps({"text": text, "ids": t.encode(text, add_special_tokens=False).ids}) + "\n")


if __name__ == "__main__":
    if len(sys.argv) > 3 and sys.argv[1] == "compare":
        sys.exit(compare(sys.argv[2], sys.argv[3], sys.argv[4:]))
    elif len(sys.argv) == 3 and sys.argv[1] == "write":
        write(sys.argv[2])
    else:
        sys.exit(__doc__)
