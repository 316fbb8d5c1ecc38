#!/usr/bin/env python3
"""Recall and precision of `attune lint` on the drafts, as TAP: measure.py ATTUNE SAMPLE [dev|sealed] [--misses]

The rules may be worked on with drafts 01 to 25 (dev); 26 to 50 (sealed) only measure.

A planted finding is found when one of the same kind overlaps it; one that is found and overlaps no planted finding of its kind is false.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

RECALL, PRECISION = 0.76, 0.71  # floors; wanted are 0.90 and 0.85
here = pathlib.Path(__file__).parent
attune, sample = sys.argv[1:3]
planted = [json.loads(line) for line in (here / "findings.jsonl").read_text(encoding="utf-8").splitlines()]
for p in planted:
    line = (here / "drafts" / pathlib.Path(p["file"]).name).read_bytes().split(b"\n")[p["line"] - 1]
    text = p["text"].encode()
    same = [q for q in planted if (q["file"], q["line"], q["text"]) == (p["file"], p["line"], p["text"])]
    places = [m.start() for m in re.finditer(rb"(?<!\w)" + re.escape(text) + rb"(?!\w)" if text[-1:].isalnum() and text[:1].isalnum() else re.escape(text), line)]
    p["start"] = places[min(same.index(p), len(places) - 1)]
    p["end"] = p["start"] + len(text)
drafts = sorted((here / "drafts").glob("*.md"))
half = set(sys.argv) & {"dev", "sealed"}
if half:
    drafts = drafts[:25] if "dev" in half else drafts[25:]
    planted = [p for p in planted if pathlib.Path(p["file"]).name in {d.name for d in drafts}]
with tempfile.TemporaryDirectory() as data:
    subprocess.run([attune, "curate", "--in", sample, "--out", data, "--quiet"], check=True)
    out = subprocess.run([attune, "lint", *map(str, drafts), "--data", data, "--json"], capture_output=True, text=True).stdout
found = [json.loads(line) for line in out.splitlines()]
for f in found:
    f["file"], f["from"], f["to"] = pathlib.Path(f["path"]).name, f["column"] - 1, f["column"] - 1 + f["end"] - f["start"]


def meet(p, f):
    return p["kind"] == f["kind"] and pathlib.Path(p["file"]).name == f["file"] and p["line"] == f["line"] and p["start"] < f["to"] and f["from"] < p["end"]


counts = collections.defaultdict(lambda: [0, 0, 0, 0])
for p in planted:
    hit = any(meet(p, f) for f in found)
    counts[p["kind"]][0] += 1
    counts[p["kind"]][1] += hit
    if not hit and "--misses" in sys.argv:
        print("# missed", p["file"], p["line"], p["kind"], p["text"], "|", p["why"])
for f in found:
    true = any(meet(p, f) for p in planted)
    counts[f["kind"]][2] += 1
    counts[f["kind"]][3] += true
    if not true and "--misses" in sys.argv:
        print("# false", f["file"], f["line"], f["kind"], f["message"])
total = [sum(c[i] for c in counts.values()) for i in range(4)]
print("1..2")
for kind, (n, hits, n_found, right) in [*sorted(counts.items()), ("all", total)]:
    print(f"# {kind:7} recall {hits}/{n} = {hits / max(n, 1):.3f}  precision {right}/{n_found} = {right / max(n_found, 1):.3f}")
ok = [total[1] >= RECALL * total[0], total[3] >= PRECISION * total[2]]
print(f"{'ok' if ok[0] else 'not ok'} 1 - {total[1]} of {total[0]} planted findings are found")
print(f"{'ok' if ok[1] else 'not ok'} 2 - {total[3]} of {total[2]} findings are right")
sys.exit(not all(ok))
