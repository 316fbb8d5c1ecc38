#!/usr/bin/env python3
"""Holds the bits per byte of an evaluation's general text to transformers in f32.

    bits.py MODEL_DIR general.txt texts-base.jsonl [--within 0.005]

The first token of a paragraph is given: neither its bits nor its bytes count. The last line printed is the evidence.
"""
import argparse
import json
import math
import sys

import torch

import common


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("general")
    ap.add_argument("texts")
    ap.add_argument("--within", type=float, default=0.005)
    args = ap.parse_args()
    tok = common.load_tokenizer(args.model)
    model = common.load_model(args.model)
    rows = [row for row in common.read_jsonl(args.texts) if row["set"] == "general"]
    with open(args.general, encoding="utf-8") as f:
        paragraphs = [line for line in f.read().split("\n") if line]
    assert len(rows) == len(paragraphs)
    worst = ours = theirs = n_bytes = 0
    with torch.no_grad():
        for row, text in zip(rows, paragraphs):
            ids = common.encode_plain(tok, text).ids
            bits = -common.row_logprobs(model, ids, [False] + [True] * (len(ids) - 1)).sum().item() / math.log(2)
            size = len(text.encode()) - len(tok.decode(ids[:1]).encode())
            assert size == row["bytes"], (row["source"], size, row["bytes"])
            worst = max(worst, abs(row["bits"] / bits - 1))
            ours, theirs, n_bytes = ours + row["bits"], theirs + bits, n_bytes + size
    print(json.dumps({"paragraphs": len(rows), "ours": ours / n_bytes, "theirs": theirs / n_bytes, "ratio": ours / theirs, "worst": worst}))
    return abs(ours / theirs - 1) > args.within


if __name__ == "__main__":
    sys.exit(main())
