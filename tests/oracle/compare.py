"""Compare two outputs of score.py or `attune score`; the token ids must be the same.

    compare.py A.jsonl B.jsonl [--max X] [--mean X] [--p99 X]

Prints one JSON object: count, and max, mean, 99th percentile of |difference| of the log-probabilities. Exit 1 on other ids or over a bound.
"""
import argparse
import json
import sys


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("a")
    ap.add_argument("b")
    for name in ("max", "mean", "p99"):
        ap.add_argument("--" + name, type=float)
    args = ap.parse_args()
    with open(args.a, encoding="utf-8") as f, open(args.b, encoding="utf-8") as g:
        rows = [[json.loads(line) for line in h if line.strip()] for h in (f, g)]
    if len(rows[0]) != len(rows[1]):
        sys.exit(f"{len(rows[0])} rows against {len(rows[1])}")
    diffs = []
    for i, (a, b) in enumerate(zip(*rows), 1):
        if a["tokens"] != b["tokens"]:
            at = next((k for k, (x, y) in enumerate(zip(a["tokens"], b["tokens"])) if x != y), min(a["n"], b["n"]))
            sys.exit(f"row {i}: token ids differ from scored token {at}: {a['tokens'][at:at + 5]} against {b['tokens'][at:at + 5]}")
        for r in (a, b):
            if not r["n"] == len(r["logprobs"]) == len(r["tokens"]) or abs(sum(r["logprobs"]) - r["sum"]) > 1e-3 * (1 + abs(r["sum"])):
                sys.exit(f"row {i}: n, sum and logprobs do not agree")
        diffs += [abs(x - y) for x, y in zip(a["logprobs"], b["logprobs"])]
    if not diffs or any(d != d for d in diffs):
        sys.exit("no log-probabilities, or NaN among them")
    diffs.sort()
    found = {"max": diffs[-1], "mean": sum(diffs) / len(diffs), "p99": diffs[min(len(diffs) - 1, int(0.99 * len(diffs)))]}
    print(json.dumps({"rows": len(rows[0]), "n": len(diffs), **found}))
    over = [k for k, v in found.items() if getattr(args, k) is not None and v > getattr(args, k)]
    if over:
        sys.exit("over the bound: " + ", ".join(f"{k} {found[k]:.3g} > {getattr(args, k):.3g}" for k in over))


if __name__ == "__main__":
    main()
