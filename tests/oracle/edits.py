#!/usr/bin/env python3
"""Pairs of texts with their TER and chrF by sacrebleu's defaults: tests/golden/edits.jsonl, which src/eval/edit_test.c reads.

usage: edits.py > ../golden/edits.jsonl      (needs sacrebleu 2.6: pip install sacrebleu)

The last line has the scores of all pairs together. Texts are sentences put together from a few words, and edited as people edit: words
replaced, left out, added, moved as runs, other case, punctuation, letters. Some are made by hand: nothing, white space of every kind, scripts."""
import json
import random

from sacrebleu.metrics import CHRF, TER

WORDS = ("the a an of to in is are not for with by on port limit plan event events key keys day days hour hours 30 7 18 1,000 "
         "default value webhook retry retries sent kept stored deleted after before each every one two request requests, "
         "signed header; (optional) \"quoted\" API ID's don't – user-defined naïve Zürich 東京 данные προϊόν").split()
HAND = [
    ("", ""), ("", "a"), ("a", ""), (" ", "\t\n"), ("a", "a"), ("A b C", "a B c"), ("a b c d", "d a b c"), ("b c d a", "a b c d"),
    ("a a a a", "a a"), ("a a", "a a a a"), ("a b a b a b", "b a b a b a"), ("x y z", "p q r"),
    ("one\u00a0two\u2003three\u3000four", "one two three four"), ("a\x1cb\x1fc\x85d", "a b c d"), ("zero\u200bwidth", "zero width"),
    ("Straße ÄÖÜ İstanbul", "straße äöü i̇stanbul"), ("İ", "i"), ("STRASSE", "straße"), ("ΟΔΟΣ ΣΑΣ", "οδος σας"), ("Ǆ ǅ ǆ", "ǆ ǆ ǆ"),
    ("мир Миру мир", "Мир миру МИР"), ("東京 は 大きい", "は 東京 大きい"), ("e\u0301", "é"), ("👩‍💻 writes", "writes 👩‍💻"),
    ("Events are kept for 30 days.", "Events are kept 30 days ."), ("...", "…"), ("a.b,c;d", "a . b , c ; d"),
    ("no", "Yes, it does: events are kept for 30 days on every plan."), ("ab", "abcdefgh"), ("abcdefgh", "ab"),
    ("I don't know.", "The port is 7343."), ("trailing  \n", "trailing"), ("\ufeffmark", "mark"),
    (" ".join(map(str, range(12))), " ".join(map(str, list(range(6, 12)) + list(range(6))))),
    (" ".join(map(str, range(24))), " ".join(map(str, list(range(12, 24)) + list(range(12))))),
    (" ".join(map(str, range(120))), " ".join(map(str, list(range(60, 120)) + list(range(60))))),
    ("a b " * 40, "b a " * 40), ("a " * 70, "a b " * 30), ("w " + "x " * 130, "x w"), ("x w", "w " + "y x " * 60),
    ("a b c d e f " * 12, "f e d c b a " * 12),
]


def sentence(r):
    return [r.choice(WORDS) for _ in range(r.choice((1, 3, 6, 9, 14, 20, 30)))]


def edit(r, words):
    words = list(words)
    for _ in range(r.choice((0, 1, 1, 2, 3, 5, 8))):
        at, how = r.randrange(len(words) + 1), r.random()
        if how < 0.4 and len(words) > 2:
            n = r.randrange(1, min(len(words), 12))
            start = r.randrange(len(words) - n + 1)
            run, rest = words[start:start + n], words[:start] + words[start + n:]
            to = r.randrange(len(rest) + 1)
            words = rest[:to] + run + rest[to:]
        elif how < 0.55:
            words.insert(at, r.choice(WORDS))
        elif how < 0.7:
            del words[at:at + 1]
        elif at < len(words) and how < 0.85:
            words[at] = r.choice(WORDS)
        elif at < len(words):
            words[at] = r.choice((str.upper, str.title, lambda w: w + ".", lambda w: w[:-1], lambda w: w + "s"))(words[at])
    return words


def limit_pairs():
    """Pairs whose distance is decided by one of tercom's limits."""
    def pair(answer, reference):
        return " ".join(map(str, answer)), " ".join(map(str, reference))

    rest, r = list(range(100, 160)), random.Random(2)
    for n in (10, 11):  # words that move at once
        yield pair(list(range(n)) + rest[:20], rest[:20] + list(range(n)))
    for far in (50, 51):  # how far
        yield pair(list(range(5)) + rest[:far], rest[:far] + list(range(5)))
    for n in (24, 25, 26):  # how far from the diagonal
        yield pair(list(range(n)) + rest, rest + list(range(50, 50 + n)))
        yield pair(rest + list(range(n)), list(range(50, 50 + n)) + rest)
    for n in range(8, 20):  # how many moves are tried
        runs = [[3 * i, 3 * i + 1, 3 * i + 2] for i in range(n)]
        yield pair(sum(r.sample(runs, n), []), sum(runs, []))


def main():
    r = random.Random(1)
    pairs = HAND + list(limit_pairs())
    while len(pairs) < 340:
        reference = sentence(r)
        answer = edit(r, reference) if r.random() < 0.85 else sentence(r)
        pairs.append((r.choice((" ", " ", " ", "  ", "\n")).join(answer), " ".join(reference)))
    ter, chrf = TER(), CHRF()
    for answer, reference in pairs:
        t = ter.sentence_score(answer, [reference])
        print(json.dumps({"answer": answer, "reference": reference, "edits": t.num_edits, "words": int(t.ref_length),
                          "chrf": chrf.sentence_score(answer, [reference]).score}))
    answers, references = [a for a, _ in pairs], [[b for _, b in pairs]]
    t = ter.corpus_score(answers, references)
    print(json.dumps({"edits": t.num_edits, "words": int(t.ref_length), "chrf": chrf.corpus_score(answers, references).score,
                      "ter_signature": str(ter.get_signature()), "chrf_signature": str(chrf.get_signature())}))


main()
