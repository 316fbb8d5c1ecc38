#!/usr/bin/env python3
"""How many true values evidence.c calls supported, and how many exchanged ones not: claims.py BUILD DATA [--misses]

BUILD has tests/claims_tool, DATA is what `attune curate --in sample --out DATA` wrote. True ones are the answers of questions.jsonl and up to
250 statements of the ledger; each is tried again with its value exchanged for another of the same shape. evidence.c's bounds were set on this.
"""
import collections
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

build, data = sys.argv[1], pathlib.Path(sys.argv[2])


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def shape(value):
    return re.sub(r"[\d.,]+", "#", value)


facts = lines(data / "facts.jsonl")
alike = collections.defaultdict(set)
for f in facts:
    alike[shape(f["value"])].add(f["value"])
random.seed(1)
tries = []  # kind, question, answer, value, true


def put(kind, question, answer, value):
    tries.append((kind, question, answer.replace("%", value), value, True))
    others = sorted(alike[shape(value)] - {value})
    if others:
        other = random.choice(others)
        tries.append((kind, question, answer.replace("%", other), other, False))


for q in lines(pathlib.Path(__file__).parent / "questions.jsonl"):
    if q.get("answers") and not q.get("false_premise"):
        put("answers", q["question"], "It is %.", q["answers"][0])
for f in random.sample(facts, min(250, len(facts))):
    if f["statement"].count(f["value"]) == 1 and "%" not in f["statement"]:
        put("statements", "", f["statement"].replace(f["value"], "%"), f["value"])

with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
    for _, question, answer, _, _ in tries:
        file.write(json.dumps({"question": question, "answer": answer}) + "\n")
    file.flush()
    out = subprocess.run([f"{build}/tests/claims_tool", data, file.name], capture_output=True, text=True, check=True).stdout
counts = collections.Counter()
for (kind, question, answer, value, true), line in zip(tries, out.splitlines()):
    of_value = [c for c in json.loads(line) if value in c["text"] or c["text"] in value]
    judged = of_value[0]["supported"] if of_value else None
    counts[kind, true, judged] += 1
    if judged != true and "--misses" in sys.argv:
        print(f"{value}: {'true' if true else 'false'}, judged {judged} | {question} | {answer}")
for kind in ("answers", "statements"):
    for true in (True, False):
        n = [counts[kind, true, judged] for judged in (True, False, None)]
        print(f"{kind}, {'true' if true else 'exchanged'}: {n[0]} supported, {n[1]} not, {n[2]} not taken for claims, of {sum(n)}")
