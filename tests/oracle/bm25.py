#!/usr/bin/env python3
"""The order of `attune search` by words alone, beside Okapi BM25 written out here (Robertson & Zaragoza 2009). As TAP.

usage: bm25.py ATTUNE DOCUMENTS [N]      curates DOCUMENTS and asks N questions (300)

Of SQLite only the tokens are taken (fts5vocab): from them k1 = 1.2, b = 0.75, and an IDF of ln((N - n + 0.5) / (n + 0.5)), 1e-6 where that is not
above 0; of equal scores the earlier row comes first. A word that the index takes for several tokens ("max_items") is a phrase. Questions are drawn
from the passages' words, rare and common, some of them joined, doubled, unknown, in capitals. What says nothing in a question is search.c's list.
"""
import collections
import json
import math
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile

K1, B, TOP = 1.2, 0.75, 100
TOKENIZER = "porter unicode61 remove_diacritics 2"
HERE = os.path.dirname(os.path.abspath(__file__))


class Index:
    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.db.execute("CREATE VIRTUAL TABLE temp.token USING fts5vocab(main, passage, instance)")
        self.db.execute(f"CREATE VIRTUAL TABLE temp.word USING fts5(text, tokenize = '{TOKENIZER}')")
        self.db.execute("CREATE VIRTUAL TABLE temp.word_token USING fts5vocab(temp, word, instance)")
        self.rows = [row for row, in self.db.execute("SELECT rowid FROM passage")]
        self.places = collections.defaultdict(lambda: collections.defaultdict(set))  # term -> row -> {(column, offset)}
        self.length = collections.Counter()
        for term, row, column, offset in self.db.execute("SELECT term, doc, col, offset FROM temp.token"):
            self.places[term][row].add((column, offset))
            self.length[row] += 1
        self.mean = sum(self.length.values()) / len(self.rows)

    def tokens(self, word):
        self.db.execute("DELETE FROM temp.word")
        self.db.execute("INSERT INTO temp.word(text) VALUES(?)", (word,))
        return [term for term, in self.db.execute("SELECT term FROM temp.word_token ORDER BY offset")]

    def frequencies(self, tokens):
        """How often the tokens stand one behind the other, by row."""
        found = {}
        for row, places in self.places[tokens[0]].items():
            n = sum(all((c, o + i) in self.places[t][row] for i, t in enumerate(tokens)) for c, o in places)
            if n:
                found[row] = n
        return found

    def ranking(self, words):
        score = collections.defaultdict(float)
        for tokens in filter(None, map(self.tokens, words)):
            frequency = self.frequencies(tokens)
            idf = math.log((len(self.rows) - len(frequency) + 0.5) / (len(frequency) + 0.5))
            for row, f in frequency.items():
                score[row] += (idf if idf > 0 else 1e-6) * (f * (K1 + 1) / (f + K1 * (1 - B + B * self.length[row] / self.mean)))
        return sorted(((s, r) for r, s in score.items()), key=lambda p: (-p[0], p[1]))[:TOP]


def once(words):
    return list({w.lower(): w for w in words}.values())


def questions(index, empty, n):
    """Lists of words, none of them empty, none twice."""
    draw = random.Random(0)
    words = collections.Counter(w for text, in index.db.execute("SELECT heading || ' ' || text FROM passage") for w in re.findall(r"\w+", text))
    common = [w for w, _ in words.most_common(80) if w.lower() not in empty]
    every = sorted(w for w in words if w.lower() not in empty and len(w.encode()) < 64)
    yield from (["unknownword"], ["events", "event"], ["Events", "kept", "unknownword"], [common[0]], once(common[:24]))
    for _ in range(n - 5):
        chosen = [draw.choice(common if draw.random() < 0.4 else every) for _ in range(draw.choice((1, 2, 3, 4, 6, 9)))]
        if draw.random() < 0.2:
            chosen[0] = "_".join(draw.sample(every, 2))
        yield once([w.upper() if draw.random() < 0.1 else w for w in chosen])


def main():
    attune, documents, n = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 300
    with open(os.path.join(HERE, "..", "..", "src", "search", "search.c"), encoding="utf-8") as f:
        empty = set(re.findall(r'"(\w+)"', re.search(r"empty_word\[\] = \{(.*?)\};", f.read(), re.S).group(1)))
    with tempfile.TemporaryDirectory() as here:
        subprocess.run([attune, "curate", "--in", documents, "--out", here, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        search = [attune, "search", "--data", here, "--embedder", "none", "--top", str(TOP), "--json", "--quiet"]
        subprocess.run([*search, "the index is made"], check=True, stdout=subprocess.DEVNULL)
        index = Index(os.path.join(here, "index.db"))
        place = {(path, start, heading): row for row, path, heading, start in index.db.execute(
            "SELECT p.rowid, d.path, p.heading, p.start FROM passage p JOIN document d ON d.id = p.rowid >> 20")}
        asked = n_hits = n_ties = 0
        wrong = []
        for words in questions(index, empty, n):
            out = subprocess.run([*search, "--", " ".join(words)], check=True, stdout=subprocess.PIPE).stdout
            hits = [json.loads(line) for line in out.decode().splitlines()]
            found = [(h["score"], place[h["source"], h["start"], h["heading"]]) for h in hits]
            expected = index.ranking(words)
            asked, n_hits = asked + 1, n_hits + len(found)
            n_ties += sum(a[0] == b[0] for a, b in zip(expected, expected[1:]))
            if [r for _, r in found] != [r for _, r in expected] or any(abs(a - b) > 1e-9 * b for (a, _), (b, _) in zip(found, expected)):
                wrong.append((words, found[:5], expected[:5]))
    print("1..1")
    print(f"{'not ok' if wrong or not n_ties or n_hits < 10 * asked else 'ok'} 1 - the order and scores of {asked} questions, "
          f"{n_hits} passages of {len(index.rows)}, {n_ties} of equal scores")
    for w in wrong[:5]:
        print(f"# {w!r}")
    sys.exit(bool(wrong))


main()
