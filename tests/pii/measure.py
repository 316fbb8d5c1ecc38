#!/usr/bin/env python3
"""Recall and precision of the search for personal data on a labelled set, and whether any labelled item is left in what curation writes.

As TAP: recall >= 98 %, precision >= 95 %, and no item in any file or in the log. An item is found when a span of its kind meets it and
found spans cover all its letters and digits; a found span is right when it meets an item of its kind. Names of persons are looked for in what
stems from their own file, since elsewhere the same word may be something else.

usage: measure.py ATTUNE SET...
"""
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

RECALL, PRECISION = 0.98, 0.95


def attune(program, *args):
    done = subprocess.run([program, "curate", *map(str, args)], capture_output=True)
    if done.returncode:
        sys.exit(f"attune curate {args}: {done.stderr.decode()}")
    return done


def compare(labels, found, files):
    """Counts per kind: items, items found, spans, spans that are right; and what went wrong."""
    n = collections.defaultdict(lambda: [0, 0, 0, 0])
    wrong = []
    meets = lambda a, b: a["start"] < b["end"] and b["start"] < a["end"]
    for item in labels:
        spans = [f for f in found if f["path"] == item["file"] and meets(f, item)]
        if item["kind"] == "none":
            continue
        covered = set(i for f in spans for i in range(f["start"], f["end"]))
        whole = all(i in covered for i in range(item["start"], item["end"]) if chr(files[item["file"]][i]).isalnum())
        good = whole and any(f["kind"] == item["kind"] for f in spans)
        n[item["kind"]][0] += 1
        n[item["kind"]][1] += good
        if not good:
            wrong.append(("missed", item["kind"], item["file"], item["start"], item["end"]))
    for f in found:
        good = any(l["file"] == f["path"] and l["kind"] == f["kind"] and meets(f, l) for l in labels)
        n[f["kind"]][2] += 1
        n[f["kind"]][3] += good
        if not good:
            wrong.append(("no item", f["kind"], f["path"], f["start"], f["end"]))
    return n, wrong


def leaks(labels, out, log):
    """Labelled items that stand as a whole in a file of the data set or in the log."""
    texts = {p.name: p.read_text(errors="replace") for p in out.iterdir() if p.is_file()} | {"the log": log}
    left = []
    for item in labels:
        if item["kind"] == "none":
            continue
        for form in {item["text"], json.dumps(item["text"], ensure_ascii=False)[1:-1], item["text"].replace('""', '"')}:
            pattern = re.compile(r"(?<!\w)" + re.escape(form) + r"(?!\w)")
            for name, text in texts.items():
                lines = text.split("\n")
                if item["kind"] == "person":
                    lines = [l for l in lines if f'"path":{json.dumps(item["file"])}' in l]
                    whole = [l for l in lines if pattern.search(l)]
                    lines = whole if " " in item["text"] else []
                if any(pattern.search(l) for l in lines):
                    left.append((name, item["kind"], item["file"], item["start"], item["end"]))
    return left


def main():
    program, sets = sys.argv[1], [pathlib.Path(s) for s in sys.argv[2:]]
    print(f"1..{3 * len(sets)}")
    number = 0
    for folder in sets:
        labels = [json.loads(line) for line in (folder / "labels.jsonl").open()]
        files = {l["file"]: (folder / l["file"]).read_bytes() for l in labels}
        with tempfile.TemporaryDirectory() as to:
            documents, out = pathlib.Path(to) / "in", pathlib.Path(to) / "out"
            shutil.copytree(folder, documents, ignore=shutil.ignore_patterns("labels.jsonl"))  # the labels are no document
            found = [json.loads(line) for line in attune(program, "--in", documents, "--pii", "--json").stdout.splitlines()]
            n, wrong = compare(labels, found, files)
            done = attune(program, "--in", documents, "--out", out)
            left = leaks(labels, out, done.stderr.decode())
        total = [sum(c[i] for c in n.values()) for i in range(4)]
        print(f"# {folder.name}: kind, items, found, recall, spans, right, precision")
        for kind, c in [*sorted(n.items()), ("all", total)]:
            print(f"# {kind:16} {c[0]:4} {c[1]:4} {c[1] / max(c[0], 1):6.1%} {c[2]:4} {c[3]:4} {c[3] / max(c[2], 1):6.1%}")
        for line in (wrong + left) if "dev" in folder.name else []:
            print("#", *line)
        print(f"# {folder.name}: {len(left)} items left in the files or the log")
        for good, what in (
            (total[1] >= RECALL * total[0], "recall"),
            (total[3] >= PRECISION * total[2], "precision"),
            (not left, "no item is left"),
        ):
            number += 1
            print(f"{'ok' if good else 'not ok'} {number} - {folder.name}: {what}")


main()
