#!/usr/bin/env python3
"""Makes src/data/frequency.txt: the commonest English words and how often each occurs in a million, commonest first.

usage: frequency.py frequency_dictionary_en_82_765.txt >src/data/frequency.txt

The list is SymSpell's (MIT licence; pip download --no-deps --only-binary=:all: symspellpy, unzip, symspellpy/): Google Books Ngram (CC BY 3.0) cut with
SCOWL (free, permissive). Words of fewer than 20 in a million are left out.
"""
import sys

RARE = 20
with open(sys.argv[1], encoding="utf-8-sig") as f:
    pairs = [line.split() for line in f]
total = sum(int(n) for _, n in pairs)
for word, n in pairs:
    ppm = int(n) * 1_000_000 // total
    if ppm >= RARE and word.isascii() and word.isalpha():
        print(word, ppm)
