#!/usr/bin/env python3
"""Check tests/lint: every finding's text is in its line, none is ambiguous or overlaps another, drafts have the promised size.

Exits with 1 on a mistake.
"""

import collections
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
KINDS = ("term", "claim", "style", "search")
mistakes = []


def places(text, line):
    """Where the text stands in the line as whole words."""
    return [m.start() for m in re.finditer(r"(?<![A-Za-z0-9_])%s(?![A-Za-z0-9_])" % re.escape(text), line)]


drafts = {p.relative_to(HERE).as_posix(): p.read_text(encoding="utf-8") for p in sorted((HERE / "drafts").glob("*.md"))}
for name, text in drafts.items():
    words = sum(1 for word in text.split() if re.search(r"\w", word))
    if not 80 <= words <= 250:
        mistakes.append("%s: %d words" % (name, words))

kinds, per_draft, by_line = collections.Counter(), collections.Counter(), collections.defaultdict(list)
for n, raw in enumerate((HERE / "findings.jsonl").read_text(encoding="utf-8").splitlines(), 1):
    row, at = json.loads(raw), "findings.jsonl:%d" % n
    if list(row) != ["file", "line", "text", "kind", "why"]:
        mistakes.append("%s: the fields are not file, line, text, kind, why" % at)
        continue
    if row["kind"] not in KINDS:
        mistakes.append("%s: no kind %r" % (at, row["kind"]))
    if not row["why"].strip():
        mistakes.append("%s: no reason" % at)
    lines = drafts.get(row["file"], "").split("\n")
    if not 1 <= row["line"] <= len(lines) or not row["text"] or not places(row["text"], lines[row["line"] - 1]):
        mistakes.append("%s: %r is not in line %d of %s" % (at, row["text"], row["line"], row["file"]))
        continue
    kinds[row["kind"]] += 1
    per_draft[row["file"]] += 1
    by_line[row["file"], row["line"]].append(row["text"])

for (name, number), texts in by_line.items():
    line, taken = drafts[name].split("\n")[number - 1], set()
    for text in sorted(set(texts)):
        found = places(text, line)
        if len(found) != texts.count(text):
            mistakes.append("%s:%d: %r stands there %d times, listed %d times" % (name, number, text, len(found), texts.count(text)))
        for start in found:
            span = set(range(start, start + len(text)))
            if span & taken:
                mistakes.append("%s:%d: %r overlaps another finding" % (name, number, text))
            taken |= span

spread = collections.Counter(per_draft[name] for name in drafts)
if len(drafts) != 50 or spread[0] != 8 or max(spread) > 8:
    mistakes.append("not 50 drafts, 8 of them without a finding, at most 8 findings in one")
print("%d drafts, %d findings: %s" % (len(drafts), sum(kinds.values()), ", ".join("%s %d" % (k, kinds[k]) for k in KINDS)))
print("findings in a draft: %s" % ", ".join("%d in %d" % (k, spread[k]) for k in sorted(spread)))
for m in mistakes:
    print(m, file=sys.stderr)
sys.exit(1 if mistakes else 0)
