#!/usr/bin/env python3
"""Check tests/support: every claim is in its answer once, none in its question or inside another, no answer stands twice.

Exits with 1 on a mistake.
"""

import collections
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
WANTED = {"right": 90, "wrong": 60, "mixed": 30, "no claim": 20}
mistakes = []


def places(text, line):
    """Where the text stands in the line as whole words."""
    return [m.start() for m in re.finditer(r"(?<![A-Za-z0-9_])%s(?![A-Za-z0-9_])" % re.escape(text), line)]


sorts, claims, seen = collections.Counter(), collections.Counter(), set()
for n, raw in enumerate((HERE / "answers.jsonl").read_text(encoding="utf-8").splitlines(), 1):
    row, at = json.loads(raw), "answers.jsonl:%d" % n
    if list(row) != ["question", "answer", "claims"] or any(list(c) != ["text", "supported"] for c in row["claims"]):
        mistakes.append("%s: the fields are not question, answer, claims of text and supported" % at)
        continue
    if (row["question"], row["answer"]) in seen:
        mistakes.append("%s: twice" % at)
    seen.add((row["question"], row["answer"]))
    taken = set()
    for claim in row["claims"]:
        text, found = claim["text"], places(claim["text"], row["answer"]) if claim["text"] else []
        if not isinstance(claim["supported"], bool):
            mistakes.append("%s: supported is neither true nor false" % at)
        if len(found) != 1:
            mistakes.append("%s: %r stands in the answer %d times" % (at, text, len(found)))
            continue
        if places(text.lower(), row["question"].lower()):
            mistakes.append("%s: %r is in the question" % (at, text))
        span = set(range(found[0], found[0] + len(text)))
        if span & taken:
            mistakes.append("%s: %r overlaps another claim" % (at, text))
        taken |= span
        claims[claim["supported"]] += 1
    values = {c["supported"] for c in row["claims"]}
    sorts["no claim" if not values else "mixed" if len(values) == 2 else "right" if True in values else "wrong"] += 1

if sorts != WANTED:
    mistakes.append("not %s" % ", ".join("%d %s" % (v, k) for k, v in WANTED.items()))
print("%d answers: %s" % (sum(sorts.values()), ", ".join("%d %s" % (sorts[k], k) for k in WANTED)))
print("%d claims, %d of them supported" % (sum(claims.values()), claims[True]))
for m in mistakes:
    print(m, file=sys.stderr)
sys.exit(1 if mistakes else 0)
