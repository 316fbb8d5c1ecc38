#!/usr/bin/env python3
"""Copy the sample and add planted texts to the copy.

    plant.py SAMPLE OUT [--contradictions] [--agreements] [--duplicates] [--distinct]

questions.jsonl and hidden files and folders are not copied. Without a set
the copy is clean. The same arguments always give the same files.
"""
import argparse
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SETS = ("contradictions", "agreements", "duplicates", "distinct")


def read_set(name):
    with open(os.path.join(HERE, name + ".jsonl"), encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def copy_sample(sample, out):
    def left_out(folder, names):
        top = os.path.abspath(folder) == os.path.abspath(sample)
        return [n for n in names
                if n.startswith(".") or (top and n == "questions.jsonl")]
    shutil.copytree(sample, out, ignore=left_out)


def add(out, item):
    """Append a section; a file that does not exist yet gets it as its first."""
    path = os.path.join(out, *item["file"].split("/"))
    old = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8", newline="") as f:
            old = f.read()
    mark = "## "
    if not old:
        mark = "# "
    elif not old.endswith("\n"):
        old += "\n"
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(old + ("\n" if old else "") + mark + item["heading"]
                + "\n\n" + item["text"] + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("sample")
    p.add_argument("out", help="a folder that does not exist yet")
    for name in SETS:
        p.add_argument("--" + name, action="store_true")
    a = p.parse_args()
    if os.path.exists(a.out):
        sys.exit("plant.py: %s exists already" % a.out)
    copy_sample(a.sample, a.out)
    for name in SETS:
        if getattr(a, name):
            for item in read_set(name):
                add(a.out, item)


if __name__ == "__main__":
    main()
