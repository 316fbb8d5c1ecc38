#!/usr/bin/env python3
"""What curation finds of what is planted in a copy of the sample. As TAP.

usage: measure.py ATTUNE SAMPLE

Near-duplicates: at least 97 in 100 of those planted, none of the sections that only resemble another. Of contradictions the numbers are told.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ATTUNE, SAMPLE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


def lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def reported(kind, found, sides):
    """The ids of the planted texts that stand in `found`, and how many were planted."""
    with tempfile.TemporaryDirectory() as work:
        docs, data = os.path.join(work, "docs"), os.path.join(work, "data")
        subprocess.run([sys.executable, os.path.join(HERE, "plant.py"), SAMPLE, docs, "--" + kind], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([ATTUNE, "curate", "--in", docs, "--out", data, "--quiet"], check=True)
        places = [pair[side].get("source", pair[side]) for pair in lines(os.path.join(data, found)) for side in sides]
    planted = lines(os.path.join(HERE, kind + ".jsonl"))
    return {p["id"] for p in planted for s in places if s["path"] == p["file"] and s["heading"].endswith(p["heading"])}, len(planted)


copies, n_copies = reported("duplicates", "duplicates.jsonl", ("source", "of"))
others, n_others = reported("distinct", "duplicates.jsonl", ("source", "of"))
disagree, n_disagree = reported("contradictions", "contradictions.jsonl", ("a", "b"))
agree, n_agree = reported("agreements", "contradictions.jsonl", ("a", "b"))
print("1..2")
print(f"# contradictions: {len(disagree)} of {n_disagree} found, {len(agree)} of {n_agree} look-alikes reported")
print(f"{'ok' if len(copies) >= 0.97 * n_copies else 'not ok'} 1 - {len(copies)} of {n_copies} near-duplicates are found")
print(f"{'ok' if not others else 'not ok'} 2 - {len(others)} of {n_others} sections that resemble another are taken for copies")
sys.exit(not (len(copies) >= 0.97 * n_copies and not others))
