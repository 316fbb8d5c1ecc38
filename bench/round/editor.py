#!/usr/bin/env python3
"""An editor of drafts for measurements alone: it knows the sample's style guide, its documents and what a brief's draft must say, and nothing of attune.

It replaces forbidden terms, sets wrong values right or takes their sentence out, removes what the style guide forbids, and adds the fact that is missing;
what needs nothing is accepted, and of what no sentence is left is rejected. Like people it overlooks some faults, the same ones for the same seed.

usage: editor.py [--seed N] [--slip SHARE] DOCUMENTS BRIEFS.jsonl DRAFTS.jsonl > DECISIONS.jsonl
"""
import argparse
import glob
import json
import os
import random
import re

CODE = re.compile(r"`[^`]*`|\*\*[^*]*\*\*")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`*\"(])|\n+")
NUMBER = re.compile(r"(?<![\w.,`-])\d[\d,.:/-]*\d|(?<![\w.,`-])\d")
WORDS = {name: str(i + 2) for i, name in enumerate("two three four five six seven eight nine ten eleven twelve".split())}
FUNCTION = set("""a an and are as at be been but by can do does for from has have how if in into is it its may more most no not of on once one or other so
than that the their them then there they this to until up was what when where which while who will with within without you your""".split())


def stem(word):
    """Enough to hold "events" and "event", "delivers" and "delivery" together."""
    word = word.lower()
    for end in ("ies", "ing", "ed", "es", "s", "y"):
        if word.endswith(end) and len(word) - len(end) >= 4:
            return word[:len(word) - len(end)]
    return word


def content(text):
    return {stem(w) for w in re.findall(r"[A-Za-z]{3,}", text) if w.lower() not in FUNCTION}


def values(text):
    """Numbers and code, as they are compared: figures without separators, code without its marks."""
    plain = CODE.sub(" ", text)
    found = {n.replace(",", "").rstrip(".:/-") for n in NUMBER.findall(plain)}
    found |= {WORDS[w] for w in re.findall(r"[a-z]+", plain.lower()) if w in WORDS}
    found |= set(re.findall(r"\b[A-Z]\d{3}\b", plain))
    return found | {c.strip("`") for c in CODE.findall(text) if c.startswith("`")}


class Guide:
    """What the documents say: the table of terms, the words not to write, and every sentence, list item and table row."""

    def __init__(self, folder):
        self.terms, self.said = [], []
        for path in sorted(glob.glob(os.path.join(folder, "**", "*.md"), recursive=True)):
            with open(path, encoding="utf-8") as f:
                text = f.read()
            if os.path.basename(path) == "style-guide.md":
                self.learn(text)
                continue
            title = re.search(r"^# (.*)", text, re.M)
            head, table = title.group(1) if title else "", ""
            for line in re.sub(r"(?<=\S)\n(?=[^\s#|>*-])(?!\d+\. )", " ", text).split("\n"):
                if line.startswith("#"):
                    head = line
                table = (table or line) if line.startswith("|") else ""
                for sentence in ([line] if line.startswith("|") else SENTENCE.split(line)):
                    self.said.append((values(sentence), content(f"{head} {table} {sentence}")))

    def learn(self, text):
        for write, instead in re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", text, re.M):
            if write != "Write":
                write = write.removeprefix("the ")
                self.terms += [(word, write) for word in sorted(instead.split(", "), key=len, reverse=True)]

    def supports(self, value, sentence):
        """Is there a place that has the value and speaks of the same?"""
        words = content(sentence)
        return any(value in known and len(words & about) >= min(2, len(words)) for known, about in self.said)


class Edit:
    """One draft on its way to be right."""

    def __init__(self, guide, draft, facts, rng, slip):
        self.guide, self.facts, self.rng, self.slip = guide, facts, rng, slip
        self.reasons = set()
        self.sentences = [s.strip() for s in SENTENCE.split(draft["text"]) if s.strip()]
        if draft["finish_reason"] == "length" and self.sentences and not re.search(r"[.!?:`*)]$", self.sentences[-1]):
            self.sentences.pop()
            self.reasons.add("format")
        self.kept = 0

    def sees(self):
        return self.rng.random() >= self.slip

    def outside_code(self, pattern, replace, text, reason):
        """re.sub on what is neither code nor a label."""
        def one(match):
            if not self.sees():
                return match.group(0)
            self.reasons.add(reason)
            return match.expand(replace) if isinstance(replace, str) else replace(match)
        parts, at = [], 0
        for code in [*CODE.finditer(text), None]:
            end = code.start() if code else len(text)
            parts.append(re.sub(pattern, one, text[at:end], flags=re.I))
            if code:
                parts.append(code.group(0))
                at = code.end()
        return "".join(parts)

    def terms(self, text):
        for word, preferred in self.guide.terms:
            def better(match, preferred=preferred):
                article, plural = match.group(1) or "", match.group(3) or ""
                out = preferred + ("s" if plural and not preferred.endswith("s") else "")
                if article:
                    article = ("an " if preferred[0].lower() in "aeiou" else "a ") if article.lower() in ("a ", "an ") else article
                    article = article.capitalize() if match.group(1)[0].isupper() else article
                elif match.group(2)[0].isupper():
                    out = out[0].upper() + out[1:]
                return article + out
            text = self.outside_code(rf"\b(an? )?({re.escape(word)})(s|es)?\b", better, text, "term")
        return text

    def style(self, text):
        text = self.outside_code(r"!", ".", text, "tone")
        text = self.outside_code(r"\b(simply|just|please note(?: that)?|easily) ", "", text, "tone")
        text = self.outside_code(r"\beasy\b", "short", text, "tone")
        text = self.outside_code(r"\bwe are\b", "Ullvane is", text, "tone")
        text = self.outside_code(r"\b(we|us)\b", "Ullvane", text, "tone")
        text = self.outside_code(r"\bour\b", "the", text, "tone")
        text = self.outside_code(r"(\d)%", r"\1 %", text, "format")
        return self.outside_code(r"(?<![\d.,:])(\d{1,3})(\d{3})(?![\d.,:])", lambda m: m.group(0) if 1900 < int(m.group(0)) < 2100 else f"{m.group(1)},{m.group(2)}", text, "format")

    def facts_right(self, text):
        """The sentence with its wrong values set right; None when the documents know nothing of the kind."""
        for value in sorted(values(text)):
            if self.guide.supports(value, text) or not self.sees():
                continue
            self.reasons.add("fact")
            near = [f for f in self.facts if len(content(f) & content(text)) >= 2]
            right = sorted(values(near[0])) if near else []
            if len(right) != 1 or value not in text:
                return None
            text = text.replace(value, next((n for n in NUMBER.findall(near[0]) if n.replace(",", "") == right[0]), right[0]))
        return text

    def says(self, fact):
        """Is a fact said in one sentence? Its values all, and most of its words."""
        wanted, words = values(fact), content(fact)
        return any(wanted <= values(s) and len(words & content(s)) >= 0.6 * len(words) for s in self.sentences)

    def run(self):
        out, seen = [], set()
        for sentence in self.sentences:
            right = self.facts_right(sentence)
            right = self.style(self.terms(right)) if right else None
            if right and right.lower() in seen and self.sees():
                self.reasons.add("format")
                right = None
            if right:
                seen.add(right.lower())
                out.append(right)
        self.kept = len(out)
        self.sentences = out
        for fact in self.facts:
            if not self.says(fact) and self.sees():
                self.reasons.add("fact")
                out.append(fact)
        return " ".join(out)


def decide(guide, draft, facts, rng, slip):
    edit = Edit(guide, draft, facts, rng, slip)
    text = edit.run()
    decision = {"id": draft["id"], "simulated": True, "seconds": 0, "reasons": sorted(edit.reasons)}
    if not edit.reasons:
        return decision | {"action": "accept"}
    return decision | ({"action": "edit", "text": text} if edit.kept else {"action": "reject"})


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slip", type=float, default=0.05, help="share of faults that are overlooked")
    parser.add_argument("documents")
    parser.add_argument("briefs")
    parser.add_argument("drafts")
    args = parser.parse_args()
    guide = Guide(args.documents)
    facts = {b["points"]: b["facts"] for b in lines(args.briefs)}
    for draft in lines(args.drafts):
        rng = random.Random(f"{args.seed} {draft['id']}")
        print(json.dumps(decide(guide, draft, facts.get(draft["points"], []), rng, args.slip)))


if __name__ == "__main__":
    main()
