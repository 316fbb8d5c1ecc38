#!/usr/bin/env python3
"""Makes fusion.jsonl: pairs of rankings and what reciprocal rank fusion makes of them (Cormack, Clarke & Buettcher 2009), for src/search/search_test.c.

Scores are exact fractions here, so that equal ones are equal. Of these the one nearer in meaning comes first, then the earlier row.

usage: fusion.py > fusion.jsonl
"""
import json
import random
from fractions import Fraction

K = 60


def fused(words, meaning):
    place = [{row: i + 1 for i, row in enumerate(ranking)} for ranking in (words, meaning)]
    score = {row: sum(Fraction(1, K + p[row]) for p in place if row in p) for row in {*words, *meaning}}
    return sorted(score, key=lambda row: (-score[row], place[1].get(row, float("inf")), row))


def main():
    draw = random.Random(0)
    pairs = [([], []), ([7], []), ([], [7]), ([1, 2], [2, 1]), ([3, 1, 2], [4, 5, 6]), ([5, 4, 3, 2, 1], [1, 2, 3, 4, 5]), (list(range(50)), [49])]
    for n in (1, 2, 3, 10, 50, 50, 50):
        pairs.append(tuple(draw.sample(range(2 * n), n) for _ in range(2)))
        pairs.append((draw.sample(range(3 * n), n), draw.sample(range(3 * n), (n + 1) // 2)))
    for words, meaning in pairs:
        print(json.dumps({"words": words, "meaning": meaning, "fused": fused(words, meaning)}))


if __name__ == "__main__":
    main()
