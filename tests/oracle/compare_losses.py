"""The losses of a PEFT run (losses.json of train20.py) and of attune's (metrics.jsonl), step by step.

    compare_losses.py LOSSES.json METRICS.jsonl --within 0.01
"""
import argparse
import json
import sys


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("peer")
    ap.add_argument("ours")
    ap.add_argument("--within", type=float, required=True, help="largest relative difference")
    args = ap.parse_args()
    peer = json.load(open(args.peer))
    ours = [s for s in map(json.loads, open(args.ours)) if s["step"] > 0]
    assert len(peer) == len(ours), f"{len(peer)} and {len(ours)} steps"
    worst = max(abs(a["loss"] - b["loss"]) / a["loss"] for a, b in zip(peer, ours))
    rates = max(abs(a["lr"] - b["lr"]) for a, b in zip(peer, ours))
    print(json.dumps({"steps": len(ours), "worst": worst, "first": ours[0]["loss"], "last": ours[-1]["loss"], "lr_difference": rates}))
    sys.exit(worst > args.within)


main()
