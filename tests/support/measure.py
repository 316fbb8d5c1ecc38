#!/usr/bin/env python3
"""How well evidence.c agrees with the labels of answers.jsonl, as TAP: measure.py ATTUNE SAMPLE CLAIMS_TOOL"""
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

KAPPA = 0.80
attune, sample, tool = sys.argv[1:4]
path = pathlib.Path(__file__).parent / "answers.jsonl"
answers = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
with tempfile.TemporaryDirectory() as data:
    subprocess.run([attune, "curate", "--in", sample, "--out", data, "--quiet"], check=True)
    out = subprocess.run([tool, data, path], capture_output=True, text=True, check=True).stdout
counts, extra = collections.Counter(), 0
for answer, line in zip(answers, out.splitlines()):
    found = json.loads(line)
    for claim in answer["claims"]:
        mine = [f for f in found if f["text"].strip("`") in claim["text"] or claim["text"] in f["text"]]
        counts[claim["supported"], all(f["supported"] for f in mine) if mine else None] += 1
    extra += sum(not any(f["text"].strip("`") in c["text"] or c["text"] in f["text"] for c in answer["claims"]) for f in found)
n = sum(counts.values())
for label in (True, False):
    print(f"# {'supported' if label else 'unsupported'}: judged so {counts[label, label]}, not so {counts[label, not label]}, not found {counts[label, None]}")
judged = {k: v for k, v in counts.items() if k[1] is not None}
m = sum(judged.values())
agree = sum(v for (a, b), v in judged.items() if a == b) / m
chance = sum(sum(v for k, v in judged.items() if k[0] == x) * sum(v for k, v in judged.items() if k[1] == x) for x in (True, False)) / m ** 2
kappa = (agree - chance) / (1 - chance)
print(f"# of {n} labelled claims {m} are found, {extra} others too; agreement {agree:.3f}")
print("1..1")
print(f"{'ok' if kappa >= KAPPA else 'not ok'} 1 - kappa {kappa:.3f}")
sys.exit(kappa < KAPPA)
