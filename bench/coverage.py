#!/usr/bin/env python3
"""Do the training rows of a data folder teach what the development questions ask? No model, no training: seconds instead of an hour.

usage: coverage.py DATA QUESTIONS.jsonl... [--misses]

    attune curate --in sample --out data && bench/coverage.py data bench/questions.jsonl bench/premises.jsonl
    attune curate --in PAGES --out pages && bench/coverage.py pages bench/sqlite.jsonl

PAGES holds the pages of tests/sqlite/pages.txt, from Debian's package sqlite3-doc. Questions with a false premise and their twins are left out.

- stated: some row about the question's page has an accepted answer, as whole words, in its answer
- best 1, 3, 10: it stands in the answer of the row whose question is nearest by words (BM25, the suffixes -s, -ed and -ing cut), or of
  one of the 3 or 10 nearest; rows of one answer count as one, at the place of their best question

Rows with passages in front, of general text, of unanswerable questions and of text without a question are not counted: they teach no fact
by a question. What a question's nearest rows do not say can hardly be learnt, but what they say is not thereby learnt.
"""
import argparse
import collections
import json
import math
import re

SKIPPED = {"grounded", "replay", "text", "unknown", "denial", "confirmation"}


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def words(text):
    found = re.findall(r"[a-z0-9_]+(?:[.][0-9]+)*", text.lower())
    return [re.sub(r"(?<=...)(?:ing|ed|es|s)$", "", w) for w in found]


def holds(text, answers):
    """An accepted answer as whole words; marks of code and grouping of digits do not count."""
    plain = re.sub(r"[`*\"“”]", "", text)
    return any(re.search(r"(?<![\w.])" + re.escape(a) + r"(?![\w]|[.,]\d)", plain, re.I) for a in answers)


class Index:
    """Okapi BM25 with k1 1.2 and b 0.75 over the questions of rows."""

    def __init__(self, rows):
        self.rows = rows
        self.bags = [collections.Counter(words(r["question"])) for r in rows]
        self.mean = sum(sum(b.values()) for b in self.bags) / max(1, len(self.bags))
        self.where = collections.defaultdict(list)
        for i, bag in enumerate(self.bags):
            for w in bag:
                self.where[w].append(i)

    def nearest(self, question, n):
        """The n best distinct answers, each with the row that brought it."""
        score = collections.Counter()
        for w in set(words(question)):
            idf = math.log(1 + (len(self.rows) - len(self.where[w]) + 0.5) / (len(self.where[w]) + 0.5))
            for i in self.where[w]:
                f, length = self.bags[i][w], sum(self.bags[i].values())
                score[i] += idf * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * length / self.mean))
        best, seen = [], set()
        for i, _ in sorted(score.items(), key=lambda s: (-s[1], s[0])):
            if self.rows[i]["answer"] not in seen:
                seen.add(self.rows[i]["answer"])
                best.append(self.rows[i])
            if len(best) == n:
                break
        return best


def rows_of(data):
    rows = []
    for r in lines(data + "/train.jsonl"):
        if r["kind"] not in SKIPPED and "messages" in r:
            rows.append({"question": r["messages"][-2]["content"], "answer": r["messages"][-1]["content"], "kind": r["kind"],
                         "path": (r["source"] or {}).get("path")})
    return rows


def main():
    p = argparse.ArgumentParser()
    p.add_argument("data")
    p.add_argument("questions", nargs="+")
    p.add_argument("--misses", action="store_true")
    a = p.parse_args()
    rows = rows_of(a.data)
    index = Index(rows)
    print(f"{len(rows)} rows: " + ", ".join(f"{n} {k}" for k, n in collections.Counter(r["kind"] for r in rows).most_common()))
    for path in a.questions:
        asked = [q for q in lines(path) if "false_premise" not in q and "twin" not in q]
        stated, best = 0, collections.Counter()
        for q in asked:
            hit = any(r["path"] == q["source"] and holds(r["answer"], q["answers"]) for r in rows)
            near = index.nearest(q["question"], 10)
            places = [i for i, r in enumerate(near) if holds(r["answer"], q["answers"])]
            stated += hit
            for n in (1, 3, 10):
                best[n] += bool(places) and places[0] < n
            if a.misses and (not places or places[0] > 0):
                print(f"# {q['id']} {'' if hit else 'NOT STATED '}{q['question']} {q['answers'][0]!r}\n#     {near[0]['question'] if near else ''!r}"
                      f" -> {near[0]['answer'] if near else ''!r}")
        print(f"{path}: of {len(asked)} stated {stated}, best 1 {best[1]}, best 3 {best[3]}, best 10 {best[10]}")


main()
