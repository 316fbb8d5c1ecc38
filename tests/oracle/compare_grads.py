"""Cosine of two sets of tensors with the same names: gradients, or the adapters after training.

    compare_grads.py A.safetensors B.safetensors [--min X] [--overall X] [--bounds C.safetensors --slack X] [--quiet]

With --bounds each tensor's cosine of A and B must reach that of A and C, less the slack: C is what bf16 autocast makes of A.

Prints a line a tensor (cosine, ratio of norms B/A), then one JSON object with the minimum and the cosine of all tensors as one vector.
Exit 1 where names or shapes differ, a value is not finite, or a bound is missed.
"""
import argparse
import json
import sys

import torch
from safetensors.torch import load_file


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("a")
    ap.add_argument("b")
    ap.add_argument("--min", type=float)
    ap.add_argument("--overall", type=float)
    ap.add_argument("--bounds")
    ap.add_argument("--slack", type=float, default=0.0)
    ap.add_argument("--quiet", action="store_true", help="the JSON object only")
    args = ap.parse_args()
    a, b, bounds = load_file(args.a), load_file(args.b), load_file(args.bounds) if args.bounds else {}
    if a.keys() != b.keys():
        sys.exit(f"names differ: {sorted(a.keys() ^ b.keys())[:4]}")
    low, dot, aa, bb, under = (2.0, ""), 0.0, 0.0, 0.0, []
    for name in sorted(a):
        if a[name].shape != b[name].shape:
            sys.exit(f"{name}: {list(a[name].shape)} against {list(b[name].shape)}")
        x, y = a[name].double().flatten(), b[name].double().flatten()
        if not (torch.isfinite(x).all() and torch.isfinite(y).all()):
            sys.exit(f"{name}: not finite")
        xy, xx, yy = (x @ y).item(), (x @ x).item(), (y @ y).item()
        same = xx == 0 and yy == 0
        cosine = 1.0 if same else xy / max((xx * yy) ** 0.5, 1e-300)
        if not args.quiet:
            print(f"{cosine:.7f} {1.0 if same else (yy / max(xx, 1e-300)) ** 0.5:.5f} {name}")
        low = min(low, (cosine, name))
        if bounds and cosine < torch.nn.functional.cosine_similarity(x, bounds[name].double().flatten(), dim=0).item() - args.slack:
            under.append(name)
        dot, aa, bb = dot + xy, aa + xx, bb + yy
    overall = dot / max((aa * bb) ** 0.5, 1e-300)
    print(json.dumps({"tensors": len(a), "min": low[0], "min_at": low[1], "overall": overall, "norm_ratio": (bb / max(aa, 1e-300)) ** 0.5,
                      "under_bounds": len(under)}))
    if (args.min is not None and low[0] < args.min) or (args.overall is not None and overall < args.overall) or under:
        sys.exit("under the bound")


if __name__ == "__main__":
    main()
