#!/usr/bin/env python3
"""What curation finds of what is planted in a copy of the sample. As TAP.

usage: measure.py ATTUNE SAMPLE

Near-duplicates: at least 97 in 100 of those planted, none of the sections that only resemble another. Of contradictions written by hand the
numbers are told. Made by rule: statements of the sample under a heading of another page, with another number, of which at least 8 in 10 have to be found;
and with another number about something of another name, of which at most 1 in 10 may be.
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


PLANTED = 60


def curated(docs, data):
    subprocess.run([ATTUNE, "curate", "--in", docs, "--out", data, "--quiet"], check=True)


def other_number(text):
    """The first number of a value, and 7 more."""
    return re.sub(r"\d+", lambda m: str(int(m.group()) + 7), text, count=1)


def other_name(statement):
    """The first name inside the statement becomes one that nobody has; None without one."""
    changed, n = re.subn(r"(?<=[a-z] )[A-Z][a-z]+\b", "Aldermoor", statement, count=1)
    return changed if n else None


def exchanged(clean, change):
    """How many of the statements that `change` makes of facts are reported, and of how many; `clean` has "docs" and the data folder "data" of them."""
    with open(os.path.join(clean, "data", "manifest.json"), encoding="utf-8") as f:
        pages = sorted(d["path"] for d in json.load(f)["documents"] if d["path"].endswith(".md") and not d["unseen"])
    made = {}
    for fact in lines(os.path.join(clean, "data", "facts.jsonl")):
        statement, value = fact["statement"], fact["value"]
        if fact["kind"] != "value" or fact["item"] is None or not re.match(r"\d", value) or statement.count(value) != 1:
            continue
        text = change(statement.replace(value, other_number(value)))
        if text and len(statement.split()) >= 5:
            made[statement] = (fact["source"]["path"], text)
    made = list(made.values())
    made = made[::max(1, len(made) // PLANTED)][:PLANTED]
    with tempfile.TemporaryDirectory() as work:
        docs, data = os.path.join(work, "docs"), os.path.join(work, "data")
        shutil.copytree(os.path.join(clean, "docs"), docs)
        for i, (path, text) in enumerate(made):
            page = [p for p in pages if p != path][i % (len(pages) - 1)]
            with open(os.path.join(docs, page), "a", encoding="utf-8") as f:
                f.write(f"\n## Remark number {i}\n\n{text}\n")
        curated(docs, data)
        sides = [p[s]["source"]["heading"] for p in lines(os.path.join(data, "contradictions.jsonl")) for s in "ab"]
    return sum(any(h.endswith(f"Remark number {i}") for h in sides) for i in range(len(made))), len(made)


copies, n_copies = reported("duplicates", "duplicates.jsonl", ("source", "of"))
others, n_others = reported("distinct", "duplicates.jsonl", ("source", "of"))
disagree, n_disagree = reported("contradictions", "contradictions.jsonl", ("a", "b"))
agree, n_agree = reported("agreements", "contradictions.jsonl", ("a", "b"))
with tempfile.TemporaryDirectory() as clean:
    subprocess.run([sys.executable, os.path.join(HERE, "plant.py"), SAMPLE, os.path.join(clean, "docs")], check=True, stdout=subprocess.DEVNULL)
    curated(os.path.join(clean, "docs"), os.path.join(clean, "data"))
    changed, n_changed = exchanged(clean, lambda statement: statement)
    alike, n_alike = exchanged(clean, other_name)
passed = [(len(copies) >= 0.97 * n_copies, f"{len(copies)} of {n_copies} near-duplicates are found"),
          (not others, f"{len(others)} of {n_others} sections that resemble another are taken for copies"),
          (n_changed and changed >= 0.9 * n_changed, f"{changed} of {n_changed} statements with another number are found"),
          (n_alike and n_alike >= 10 * alike, f"{alike} of {n_alike} statements of something else are reported")]
print(f"1..{len(passed)}")
print(f"# contradictions: {len(disagree)} of {n_disagree} found, {len(agree)} of {n_agree} look-alikes reported")
for i, (ok, what) in enumerate(passed):
    print(f"{'ok' if ok else 'not ok'} {i + 1} - {what}")
sys.exit(not all(ok for ok, _ in passed))
