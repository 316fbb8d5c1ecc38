#!/usr/bin/env python3
"""Makes fusion.jsonl: pairs of lists with scores and what their convex combination makes of them (Bruch, Gai & Ingber 2023), for
src/search/meaning_test.c.

Of each list the floor becomes 0 and the best 1; words weigh 2/5, meaning 3/5. Scores are exact fractions here, and the best is 64 above the floor, so that
doubles are exact, too, and equal ones are equal. Of these the one nearer in meaning comes first, then the earlier row.

usage: fusion.py > fusion.jsonl
"""
import json
import random
from fractions import Fraction

SPAN = 64


def shares(rows, scores, floor):
    best = scores[0] if scores else 0
    return {row: Fraction(score - floor, best - floor) if best > floor else Fraction(1) for row, score in zip(rows, scores)}


def fused(words, meaning):
    place = {row: i for i, row in enumerate(meaning[0])}
    of_words, of_meaning = shares(*words), shares(*meaning)
    score = {row: (2 * of_words.get(row, 0) + 3 * of_meaning.get(row, 0)) / 5 for row in {*of_words, *of_meaning}}
    return sorted(score, key=lambda row: (-score[row], place.get(row, float("inf")), row))


def scored(draw, rows):
    """The rows with scores from the best down to the floor or above it; now and then all are equal."""
    floor = draw.randrange(100)
    if rows and draw.random() < 0.1:
        return rows, [floor] * len(rows), floor
    return rows, sorted([floor + SPAN] * min(1, len(rows)) + [floor + draw.randrange(SPAN + 1) for _ in rows[1:]], reverse=True), floor


def main():
    draw = random.Random(0)
    pairs = [([], []), ([7], []), ([], [7]), ([1, 2], [2, 1]), ([3, 1, 2], [4, 5, 6]), ([5, 4, 3, 2, 1], [1, 2, 3, 4, 5]), (list(range(50)), [49])]
    for n in (1, 2, 3, 10, 50, 50, 50):
        pairs.append(tuple(draw.sample(range(2 * n), n) for _ in range(2)))
        pairs.append((draw.sample(range(3 * n), n), draw.sample(range(3 * n), (n + 1) // 2)))
    for rows in pairs:
        words, meaning = (scored(draw, r) for r in rows)
        print(json.dumps({"words": words[0], "word_scores": words[1], "word_floor": words[2], "meaning": meaning[0], "meaning_scores": meaning[1],
                          "meaning_floor": meaning[2], "fused": fused(words, meaning)}))


if __name__ == "__main__":
    main()
