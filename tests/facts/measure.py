#!/usr/bin/env python3
"""How many of the facts that a careful reader lists the ledger holds. As TAP.

usage: measure.py ATTUNE SAMPLE [--misses] [--draw N]

A fact of facts.jsonl is found when the ledger has one whose span overlaps the quote and whose value is the listed one or contains it; marks and
case do not count. The list is not complete, so precision is a person's to judge: --draw writes N facts of the ledger with what their spans hold.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
WANTED = 0.7


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def plain(text):
    return re.sub(r"\s+", " ", re.sub(r"[*`_\"“”]", "", text)).strip(" .,:;").casefold()


def spans(text, quote):
    at = text.find(quote)
    while at >= 0:
        yield at, at + len(quote)
        at = text.find(quote, at + 1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("attune")
    p.add_argument("sample")
    p.add_argument("--misses", action="store_true")
    p.add_argument("--draw", type=int, default=0)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as data:
        subprocess.run([os.path.abspath(a.attune), "curate", "--in", a.sample, "--out", data, "--quiet", "--set", "scrub_pii=false"], check=True)
        ledger = lines(os.path.join(data, "facts.jsonl"))
    text = {}
    for path in {f["source"]["path"] for f in ledger} | {f["file"] for f in lines(os.path.join(HERE, "facts.jsonl"))}:
        with open(os.path.join(a.sample, path), "rb") as f:
            text[path] = f.read()
    if a.draw:
        for f in random.Random(1).sample(ledger, min(a.draw, len(ledger))):
            s = f["source"]
            print(json.dumps({k: f[k] for k in ("kind", "subject", "value", "statement")} | {"place": s["path"], "heading": s["heading"],
                  "span": text[s["path"]][s["start"]:s["end"]].decode()}, ensure_ascii=False))
        return 0
    listed, overlapped, found = lines(os.path.join(HERE, "facts.jsonl")), 0, 0
    for f in listed:
        places = list(spans(text[f["file"]], f["quote"].encode()))
        near = [g for g in ledger if g["source"]["path"] == f["file"] and
                any(g["source"]["start"] < end and start < g["source"]["end"] for start, end in places)]
        hit = any(plain(f["value"]) in plain(g["value"]) for g in near)
        overlapped += bool(near)
        found += hit
        if a.misses and not hit:
            print(f"# {f['file']} | {f['value']} | {f['quote']!r} | {[g['value'] for g in near]}")
    print("1..1")
    print(f"# {len(ledger)} facts in the ledger; {overlapped} of {len(listed)} listed ones stand where it has any")
    print(f"{'ok' if found >= WANTED * len(listed) else 'not ok'} 1 - {found} of {len(listed)} listed facts ({found / len(listed):.1%}) are found")
    return found < WANTED * len(listed)


sys.exit(main())
