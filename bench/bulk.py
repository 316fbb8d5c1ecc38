"""Curation at size: bulk.py ATTUNE [--from FOLDER ...] [--mb 1,10,100] [--rounds 3] [--threads N] [--work FOLDER] [--json FILE].

The pages are the HTML files below the --from folders, by default those of Debian's sqlite3-doc, python3.11-doc and postgresql-doc-15 that are installed,
in an order that hashes of their paths give, so that a small size mixes all of them too. They are taken as they are; when all are used up and
the size is not reached they are taken again, and each further time the words of their text are exchanged by a permutation of the vocabulary, seeded
with the number of the copy: a new text with the old structure, which no removal of duplicates takes for the old one. A word goes to one as
frequent (the same 64 ranks) with the same ending; tags, numbers, names in capitals and the 256 most frequent words, which make the grammar, stay.

A line a size: seconds and peak memory (wait4) of the fastest of the rounds, megabytes a second, rows, and by what the time grew for each tenfold of the
megabytes: 10 is linear. The kept sizes lie in --work (a temporary folder without it) and are not made again.
"""
import argparse
import collections
import glob
import hashlib
import json
import math
import os
import random
import re
import subprocess
import tempfile
import time

DOCS = ["/usr/share/doc/sqlite3", "/usr/share/doc/python3.11/html", "/usr/share/doc/postgresql-doc-15/html"]
PIECE = re.compile(r"<(?:script|style)\b.*?</(?:script|style)>|<!--.*?-->|<[^>]*>|&#?\w+;|[A-Za-z_]\w*", re.DOTALL | re.IGNORECASE)
ENDINGS = ["ing", "ed", "ly", "ion", "s", "e"]
FIXED, RANKS = 256, 64


def is_word(piece):
    return piece.isalpha() and (piece.islower() or piece.istitle()) and len(piece) > 2


def pages_of(folders):
    """(folder, path) by the hash of the path."""
    found = [(f, os.path.relpath(p, f)) for f in folders for p in glob.glob(os.path.join(f, "**", "*.html"), recursive=True) if os.path.isfile(p)]
    return sorted(found, key=lambda page: hashlib.sha256(page[1].encode()).digest())


def read(page):
    with open(os.path.join(*page), encoding="utf-8", errors="replace") as f:
        return f.read()


def groups_of(pages):
    """Words that may stand for each other."""
    count = collections.Counter()
    for page in pages:
        count.update(p.lower() for p in PIECE.findall(read(page)) if is_word(p))
    groups = collections.defaultdict(list)
    for rank, word in enumerate(sorted(count, key=lambda w: (-count[w], w))[FIXED:]):
        groups[rank // RANKS, next((e for e in ENDINGS if word.endswith(e)), "")].append(word)
    return [groups[k] for k in sorted(groups)]


def exchange(groups, copy):
    """The function that makes the copy of a text."""
    to, draw = {}, random.Random(copy)
    for words in groups:
        to.update(zip(words, draw.sample(words, len(words))))

    def piece(match):
        old = match.group()
        new = to.get(old.lower()) if is_word(old) else None
        return old if new is None else new.title() if old[0].isupper() else new

    return lambda text: PIECE.sub(piece, text)


def make(folder, pages, mb):
    """The folder with pages of `mb` megabytes."""
    left, copy, groups = mb * 1e6, 0, None
    os.makedirs(folder)
    while left > 0:
        if copy == 1:
            groups = groups_of(pages)
        change = exchange(groups, copy) if copy else lambda text: text
        for page in pages:
            if left <= 0:
                break
            text = change(read(page)).encode()
            path = os.path.join(folder, str(copy), os.path.basename(page[0].removesuffix("/html")), page[1])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(text)
            left -= len(text)
        copy += 1


def curate(args, folder, out):
    """Seconds, peak in bytes and processor seconds."""
    begun = time.monotonic()
    threads = ["--threads", args.threads] if args.threads else []
    with subprocess.Popen([args.attune, "curate", "--in", folder, "--out", out, "--quiet"] + threads) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"attune curate ended with {child.returncode}")
    return time.monotonic() - begun, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime


def measure(args, mb, pages, work):
    folder = os.path.join(work, f"{mb}mb")
    if not os.path.isdir(folder):
        make(folder + ".part", pages, mb)
        os.rename(folder + ".part", folder)
    size = sum(os.path.getsize(p) for p in glob.glob(os.path.join(folder, "**", "*.html"), recursive=True)) / 1e6
    with tempfile.TemporaryDirectory(dir=work) as out:
        runs = [curate(args, folder, os.path.join(out, str(i))) for i in range(args.rounds)]
        with open(os.path.join(out, "0", "manifest.json"), encoding="utf-8") as f:
            counts = json.load(f)["counts"]
    seconds, peak, cpu = min(runs)
    return {"mb": size, "seconds": seconds, "processor_s": cpu, "mb_s": size / seconds, "peak_mb": peak / 1e6, "documents": counts["documents"],
            "sections": counts["sections"], "rows": counts["train"] + counts["valid"]}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("attune")
    ap.add_argument("--from", dest="folders", nargs="+", default=[f for f in DOCS if os.path.isdir(f)])
    ap.add_argument("--mb", default="1,10,100", type=lambda s: [int(n) for n in s.split(",")])
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--threads")
    ap.add_argument("--work")
    ap.add_argument("--json")
    args = ap.parse_args()
    pages = pages_of(args.folders)
    if not pages:
        raise SystemExit("no HTML page to start from: apt-get install sqlite3-doc python3.11-doc postgresql-doc-15, or --from FOLDER")
    got = []
    print("| MB | seconds | processor s | MB/s | peak, MB | documents | sections | rows | growth a tenfold: time | memory |\n|" + "---|" * 10)
    with tempfile.TemporaryDirectory() as temporary:
        for mb in args.mb:
            now = measure(args, mb, pages, args.work or temporary)
            for key in ("seconds", "peak_mb"):
                if got:
                    now["growth_" + key] = 10 ** (math.log(now[key] / got[-1][key]) / math.log(now["mb"] / got[-1]["mb"]))
            got.append(now)
            growth = [f"{now[k]:.1f}" if k in now else "" for k in ("growth_seconds", "growth_peak_mb")]
            print(f"| {now['mb']:.1f} | {now['seconds']:.2f} | {now['processor_s']:.2f} | {now['mb_s']:.2f} | {now['peak_mb']:,.0f} | {now['documents']:,} "
                  f"| {now['sections']:,} | {now['rows']:,} | {growth[0]} | {growth[1]} |", flush=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(got, f, indent=1)


if __name__ == "__main__":
    main()
