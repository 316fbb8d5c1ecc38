"""How often search finds the section that answers a question: by words, by meaning, and fused.

    measure.py ATTUNE DATA QUESTIONS.jsonl [EMBEDDER]      DATA: attune curate --in sample --out DATA; EMBEDDER: minilm

QUESTIONS.jsonl has lines of {"question"} with "source" and "heading" of the section, as in this folder (written from the sample's pages alone, in
other words than theirs, before anything was measured), or with "answers", any of which a passage must hold, as bench/ has them. Without an
EMBEDDER attune's own default is asked.
"""
import json
import subprocess
import sys


def ranks(hits, right):
    """The best place of a right passage in each list; None where it is in none."""
    best = {"words": None, "meaning": None, "fused": None}
    for i, hit in enumerate(hits):
        if right(hit):
            for name, place in (("words", hit["by_words"]), ("meaning", hit["by_meaning"]), ("fused", i + 1)):
                if place and (best[name] is None or place < best[name]):
                    best[name] = place
    return best


def main():
    attune, data, questions, *embedder = sys.argv[1:]
    with open(questions, encoding="utf-8") as f:
        rows = [q for q in map(json.loads, f) if not q.get("false_premise") and (q.get("answers") or q.get("heading"))]
    found = []
    for q in rows:
        command = [attune, "search", q["question"], "--data", data, "--top", "100", "--json", "--quiet"]
        out = subprocess.run(command + (["--embedder", embedder[0]] if embedder else []), check=True, stdout=subprocess.PIPE).stdout
        hits = [json.loads(line) for line in out.decode().splitlines()]
        if "heading" in q:
            found.append(ranks(hits, lambda h: h["source"] == q["source"] and h["heading"] == q["heading"]))
        else:
            found.append(ranks(hits, lambda h: any(a.lower() in (h["heading"] + "\n" + h["text"]).lower() for a in q["answers"])))
    print(f"{len(rows)} questions; the right passage is among the first")
    for name in ("words", "meaning", "fused"):
        counts = [sum(1 for f in found if f[name] and f[name] <= k) for k in (1, 3, 5, 10)]
        print(f"{name:8} 1: {counts[0]:3}   3: {counts[1]:3}   5: {counts[2]:3}   10: {counts[3]:3}")


if __name__ == "__main__":
    main()
