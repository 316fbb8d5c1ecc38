#!/usr/bin/env python3
"""Retrieval of many sections: how long the index takes to build by words, and a question to be looked up, by words or with an embedder's folder by
words and meaning (of vectors by chance).

usage: search.py SEARCH_TOOL [SECTIONS [EMBEDDER]]      100,000 unless told otherwise; the tool: ninja -C build tests/search_tool

The bar is 60 s to build and 20 ms a question. Sections are made from a seed: 80 words each, of a vocabulary of 20,000 whose frequencies fall as in a
natural text (Zipf), in documents of 20 sections. Questions have five to nine words as frequent as in the text, so most of them have one that stands in a
large part of all sections.
"""
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

VOCABULARY, WORDS, OF_A_DOCUMENT, QUESTIONS = 20000, 80, 20, 200


def word(i):
    """Word number i: syllables that no stemmer cuts."""
    out = ""
    while True:
        i, syllable = divmod(i, 60)
        out += "bdfgklmnprtv"[syllable % 12] + "aiuok"[syllable // 12] + "x" * (syllable // 12 == 4)
        if not i:
            return out + "o"


def main():
    tool, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    draw = random.Random(0)
    words = [word(i) for i in range(VOCABULARY)]
    weights = list(itertools.accumulate(1 / (i + 3) for i in range(VOCABULARY)))
    with tempfile.TemporaryDirectory() as here:
        with open(os.path.join(here, "sections.jsonl"), "w", encoding="utf-8") as f:
            for i in range(n):
                text = " ".join(draw.choices(words, cum_weights=weights, k=WORDS))
                print(json.dumps({"path": f"{i // OF_A_DOCUMENT}.md", "start": i % OF_A_DOCUMENT, "heading": " ".join(draw.choices(words, k=2)),
                                  "sha256": str(i), "text": text}), file=f)
        questions = "".join(" ".join(draw.choices(words, cum_weights=weights, k=draw.randint(5, 9))) + "\n" for _ in range(QUESTIONS))
        out = subprocess.run([tool, here, *sys.argv[3:4]], input=questions, text=True, check=True, stdout=subprocess.PIPE).stdout.split()
        size = os.path.getsize(os.path.join(here, "index.db"))
    build, took = float(out[0]), sorted(map(float, out[1:]))
    print(f"{n} sections: index of {size / 1e6:.0f} MB in {build:.1f} s; a question in {1000 * statistics.median(took):.1f} ms, "
          f"95 % below {1000 * took[int(0.95 * len(took))]:.1f} ms, the longest {1000 * took[-1]:.1f} ms")


main()
