#!/usr/bin/env python3
"""Check tests/facts: every quote is in its file, every value in its quote, every term in a document, nothing stands twice.

Exits with 1 on a mistake.
"""

import collections
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
KINDS = ("product", "feature", "plan", "ui", "object", "role", "unit", "acronym")
NOT_FOR_TERMS = ("style-guide.md", "glossary.md", "questions.jsonl")
mistakes = []


def rows(name, keys):
    for n, line in enumerate((HERE / name).read_text(encoding="utf-8").splitlines(), 1):
        row, at = json.loads(line), "%s:%d" % (name, n)
        if list(row) != keys:
            mistakes.append("%s: the fields are not %s" % (at, ", ".join(keys)))
        else:
            yield at, row


documents = {p.relative_to(SAMPLE).as_posix(): p.read_bytes() for p in sorted(SAMPLE.rglob("*"))
             if p.is_file() and p.name != "questions.jsonl"}

facts, seen = collections.Counter(), set()
for at, row in rows("facts.jsonl", ["file", "quote", "subject", "value"]):
    facts[row["file"]] += 1
    if row["quote"].encode() not in documents.get(row["file"], b""):
        mistakes.append("%s: the quote is not in %s" % (at, row["file"]))
    if not row["value"] or row["value"] not in row["quote"]:
        mistakes.append("%s: the value %r is not in the quote" % (at, row["value"]))
    if not row["subject"].strip():
        mistakes.append("%s: no subject" % at)
    for key in ((row["file"], row["quote"], row["value"]), (row["file"], row["subject"], row["value"])):
        if key in seen:
            mistakes.append("%s: twice" % at)
        seen.add(key)
for name in documents:
    if not facts[name]:
        mistakes.append("%s has no fact" % name)

text = b"\n".join(data for name, data in documents.items() if not name.endswith(NOT_FOR_TERMS)).decode()
terms, forms = collections.Counter(), set()
for at, row in rows("terms.jsonl", ["term", "kind", "variants"]):
    terms[row["kind"]] += 1
    if row["kind"] not in KINDS:
        mistakes.append("%s: no kind %r" % (at, row["kind"]))
    for form in [row["term"]] + row["variants"]:
        if form in forms:
            mistakes.append("%s: %r is there twice" % (at, form))
        forms.add(form)
        words = r"\s+".join(map(re.escape, form.split()))
        if not re.search(r"(?<!\w)%s(?:s|es)?(?!\w)" % re.sub("y$", "(?:y|ie)", words), text, re.I):
            mistakes.append("%s: %r is in no document" % (at, form))

print("%d facts in %d documents, %d terms: %s" % (sum(facts.values()), len(facts), sum(terms.values()),
                                                  ", ".join("%s %d" % (k, terms[k]) for k in KINDS)))
for m in mistakes:
    print(m, file=sys.stderr)
sys.exit(1 if mistakes else 0)
