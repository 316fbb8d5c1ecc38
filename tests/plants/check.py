#!/usr/bin/env python3
"""Check the planted texts against the sample: check.py [SAMPLE]

Quotes, headings, similarities and counts; exits with 1 on a mistake.
"""
import os
import re
import sys

import plant

COUNTS = {"contradictions": 40, "agreements": 40, "duplicates": 60,
          "distinct": 40}
NEAR = 0.75
FAR = 0.55
SHAPE = {
    "contradictions": {"id", "file", "heading", "text", "value",
                       "contradicts"},
    "agreements": {"id", "file", "heading", "text", "value", "resembles"},
    "duplicates": {"id", "file", "heading", "text", "of", "edit"},
    "distinct": {"id", "file", "heading", "text", "near"},
}


def sections(text):
    """Yield (heading, body up to the next heading of any level)."""
    out, fence = [], False
    for line in text.split("\n"):
        if line.startswith("```"):
            fence = not fence
        m = None if fence else re.match(r"#{1,6} +(.*?) *$", line)
        if m:
            out.append((m.group(1), []))
        elif out:
            out[-1][1].append(line)
    return [(h, "\n".join(b)) for h, b in out]


def words(text):
    """Lower-case words without Markdown marks and punctuation around them."""
    out = []
    for line in text.split("\n"):
        line = line.strip()
        if line.startswith("```") or re.fullmatch(r"\|?[\s:|-]+\|?", line):
            continue
        line = re.sub(r"^(#{1,6}|[-*+]|>|\d+[.)]) +", "", line)
        line = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line)
        line = line.replace("|", " ")
        for w in line.lower().split():
            w = re.sub(r"^[\W_]+|[\W_]+$", "", w)
            if w:
                out.append(w)
    return out


def grams(text):
    w = words(text)
    return {tuple(w[i:i + 5]) for i in range(len(w) - 4)}


def jaccard(a, b):
    a, b = grams(a), grams(b)
    return len(a & b) / len(a | b) if a or b else 1.0


def numbers(text):
    # List marks are no numbers of the text.
    text = re.sub(r"(?m)^\s*\d+[.)] +", "", text)
    return set(re.findall(r"\d[\d.,:]*\d|\d", text))


def squeeze(text):
    return " ".join(text.split())


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    sample = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        here, "..", "..", "sample")
    mistakes = []

    def wrong(item, what):
        mistakes.append("%s: %s" % (item.get("id", "?"), what))

    def read(name):
        path = os.path.join(sample, *name.split("/"))
        if not os.path.isfile(path):
            return None
        with open(path, encoding="utf-8") as f:
            return f.read()

    def section(item, ref):
        text = read(ref["file"])
        if text is None:
            wrong(item, "no file " + ref["file"])
            return None
        found = [b for h, b in sections(text) if h == ref["heading"]]
        if len(found) != 1:
            wrong(item, "%d headings %r" % (len(found), ref["heading"]))
            return None
        if len(words(found[0])) < 25:
            wrong(item, "the section has fewer than 25 words")
        return found[0]

    ids, places, facts, uses = set(), set(), set(), {}
    low, high = 1.0, 0.0
    for name in plant.SETS:
        items = plant.read_set(name)
        if len(items) != COUNTS[name]:
            mistakes.append("%s: %d lines" % (name, len(items)))
        for it in items:
            if set(it) != SHAPE[name]:
                wrong(it, "fields %s" % sorted(it))
                continue
            if it["id"] in ids:
                wrong(it, "the id is used twice")
            ids.add(it["id"])
            place = (it["file"], it["heading"])
            if place in places:
                wrong(it, "another planted section has this heading")
            places.add(place)
            host = read(it["file"])
            if host is not None and any(h == it["heading"]
                                        for h, _ in sections(host)):
                wrong(it, "the file has this heading already")
            if not re.fullmatch(r"(docs|posts)/[a-z0-9-]+\.md", it["file"]):
                wrong(it, "odd file name")
            if re.search(r"(?m)^#{1,6} ", re.sub(r"(?s)```.*?```", "",
                                                 it["text"])):
                wrong(it, "a heading inside the text")

            if name in ("contradictions", "agreements"):
                ref = it["contradicts" if name == "contradictions"
                         else "resembles"]
                text = read(ref["file"])
                if text is None or ref["quote"] not in text:
                    wrong(it, "the quote does not stand in " + ref["file"])
                if it["value"] not in squeeze(it["text"]):
                    wrong(it, "the value does not stand in the text")
            if name == "contradictions":
                if set(ref) != {"file", "quote", "value"}:
                    wrong(it, "fields of contradicts")
                if it["file"] == ref["file"]:
                    wrong(it, "stands in the file that it contradicts")
                if ref["value"] not in squeeze(ref["quote"]):
                    wrong(it, "the old value does not stand in the quote")
                if ref["value"] == it["value"]:
                    wrong(it, "the same value")
                if (ref["file"], ref["quote"]) in facts:
                    wrong(it, "another line contradicts this quote")
                facts.add((ref["file"], ref["quote"]))
            elif name == "agreements":
                if set(ref) != {"file", "quote"}:
                    wrong(it, "fields of resembles")
            else:
                ref = it["of" if name == "duplicates" else "near"]
                body = section(it, ref)
                if body is None:
                    continue
                if len(words(it["text"])) < (18 if name == "duplicates"
                                             else 25):
                    wrong(it, "too short")
                if name == "duplicates":
                    j = jaccard(it["text"], body)
                    low = min(low, j)
                    if j < NEAR:
                        wrong(it, "similarity %.3f to the section" % j)
                    if squeeze(it["text"]) == squeeze(body):
                        wrong(it, "an exact copy")
                    more = numbers(it["text"]) - numbers(body)
                    if more:
                        wrong(it, "new numbers %s" % sorted(more))
                    key = (ref["file"], ref["heading"])
                    uses[key] = uses.get(key, 0) + 1
                    if uses[key] > 2 or (uses[key] == 2
                                         and len(words(body)) < 80):
                        wrong(it, "the section is used too often")
                else:
                    # Far from every section of the sample, not from one.
                    for folder in ("docs", "posts"):
                        for f in sorted(os.listdir(
                                os.path.join(sample, folder))):
                            if not f.endswith(".md"):
                                continue
                            for h, b in sections(read(folder + "/" + f)):
                                j = jaccard(it["text"], b)
                                high = max(high, j)
                                if j >= FAR:
                                    wrong(it, "similarity %.3f to %s, %s"
                                          % (j, f, h))

    # No distinct section may be near to another planted one either.
    distinct = plant.read_set("distinct")
    for i, it in enumerate(distinct):
        for o in distinct[:i] + plant.read_set("duplicates"):
            if jaccard(it["text"], o["text"]) >= FAR:
                wrong(it, "near to " + o["id"])

    for m in mistakes:
        print(m)
    print("%d planted texts, %d mistakes; similarity of duplicates %.3f and "
          "more, of distinct sections %.3f and less"
          % (len(ids), len(mistakes), low, high))
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
