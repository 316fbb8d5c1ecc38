#!/usr/bin/env python3
"""What is found of a company's terms without its glossary and style guide. As TAP.

usage: measure.py ATTUNE SAMPLE [--list]

Two references: what glossary and style guide of the sample say (read by attune, from the whole sample), and tests/facts/terms.jsonl, which a reader
made from the other documents. Found terms that are in either are right. Case and plural do not count.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ATTUNE, SAMPLE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
GUIDES = ("style-guide.md", "glossary.md", "questions.jsonl", ".attune")


def key(form):
    return re.sub(r"(ies|es|s)$", "", form.casefold().replace("-", " "))


def terms(folder):
    """(preferred form, status) of what curation writes for a folder."""
    with tempfile.TemporaryDirectory() as data:
        subprocess.run([ATTUNE, "curate", "--in", folder, "--out", data, "--quiet"], check=True)
        with open(os.path.join(data, "terms.yaml"), encoding="utf-8") as f:
            entries = f.read().split("  - preferred: ")[1:]
    return [(json.loads(e.split("\n")[0]), "found" if "\n    status: found" in e else "") for e in entries]


def main():
    guide = {key(t) for t, status in terms(SAMPLE) if not status}
    with open(os.path.join(HERE, "../facts/terms.jsonl"), encoding="utf-8") as f:
        entries = [json.loads(line) for line in f]
    listed = [{key(v) for v in [t["term"], *t["variants"]]} for t in entries]
    with tempfile.TemporaryDirectory() as work:
        docs = os.path.join(work, "docs")
        shutil.copytree(SAMPLE, docs, ignore=shutil.ignore_patterns(*GUIDES))
        found = {key(t): t for t, status in terms(docs) if status}
    reader = set().union(*listed)
    right = [k for k in found if k in guide | reader]
    if "--list" in sys.argv:
        for k in found:
            print("#", found[k], "" if k in guide | reader else "WRONG")
    print("1..2")
    in_guide, in_list = sum(k in found for k in guide), sum(any(k in found for k in t) for t in listed)
    print(f"# {len(found)} found: {sum(k in guide for k in found)} are in the guides, {sum(k in reader for k in found)} in the reader's list")
    print(f"# of the guides' {len(guide)} terms {in_guide} ({in_guide / len(guide):.0%}) are found, of the reader's {len(listed)} {in_list} ({in_list / len(listed):.0%})")
    for kind in sorted({t["kind"] for t in entries}):
        of = [t for e, t in zip(entries, listed) if e["kind"] == kind]
        print(f"# {kind}: {sum(any(k in found for k in t) for t in of)} of {len(of)}")
    ok = [len(right) >= PRECISION * len(found), in_list >= RECALL * len(listed)]
    print(f"{'ok' if ok[0] else 'not ok'} 1 - {len(right)} of {len(found)} ({len(right) / max(1, len(found)):.0%}) found terms are right")
    print(f"{'ok' if ok[1] else 'not ok'} 2 - {in_list} of {len(listed)} listed terms are found")
    return not all(ok)


PRECISION, RECALL = 0.55, 0.4  # floors; wanted are 0.75 and 0.75
sys.exit(main())
