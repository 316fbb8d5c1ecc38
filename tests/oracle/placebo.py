#!/usr/bin/env python3
"""Permutes the values of the facts in a curated data folder: the same style, names and questions, but nothing true.

usage: placebo.py DATA OUT

A model trained on OUT and evaluated on the questions about DATA shows how much of a score is style and guessing: it must be near zero.
Every value of facts.jsonl is exchanged for another of its kind (numbers among numbers with the same unit, code among code, names among
names), everywhere in train.jsonl and valid.jsonl and by one bijection, so that rows still agree with each other.
"""
import json
import pathlib
import random
import re
import sys

source, out = map(pathlib.Path, sys.argv[1:3])
random.seed(7)


def kind(value):
    """What a value may be exchanged with: its text with the numbers taken out, or the sort of a name."""
    if re.search(r"\d", value):
        return re.sub(r"[\d.,:]*\d", "0", value)
    return "code" if "`" in value or "_" in value else "name"


values = sorted({json.loads(line)["value"] for line in open(source / "facts.jsonl")})
kinds = {}
for value in values:
    kinds.setdefault(kind(value), []).append(value)
swap = {}
for group in kinds.values():
    random.shuffle(group)
    for i, value in enumerate(group):
        swap[value] = group[(i + 1) % len(group)]
    if len(group) == 1:  # nothing to exchange it with: its first number becomes another
        swap[group[0]] = re.sub(r"\d+", lambda m: str(int(m.group()) * 2 + 1), group[0], count=1)
swap = {a: b for a, b in swap.items() if a != b}
pattern = re.compile("|".join(rf"(?<![\w.,-]){re.escape(v)}(?![\w-]|[.,]\d)" for v in sorted(swap, key=len, reverse=True)))


def permuted(text):
    return pattern.sub(lambda m: swap[m.group()], text)


out.mkdir(parents=True, exist_ok=True)
changed = 0
for name in ("train.jsonl", "valid.jsonl"):
    with open(out / name, "w") as f:
        for line in open(source / name):
            row = json.loads(line)
            before = json.dumps(row)
            if row.get("kind") != "replay":
                if "completion" in row:
                    row["completion"] = permuted(row["completion"])
                for message in row.get("messages", []):
                    message["content"] = permuted(message["content"])
            changed += json.dumps(row) != before
            f.write(json.dumps(row, ensure_ascii=False) + "\n")
print(f"{len(swap)} of {len(values)} values exchanged, {changed} rows changed")
