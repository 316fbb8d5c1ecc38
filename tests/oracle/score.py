"""What `attune score` must print, from transformers: same lines plus tokens, logprobs (natural log, of the scored tokens), sum and n.

    score.py MODEL_DIR IN.jsonl OUT.jsonl [--adapter DIR] [--autocast]

`tokens` holds the scored ids, one for each log-probability.
"""
import argparse
import json

import torch

import common


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("input")
    ap.add_argument("output")
    ap.add_argument("--adapter", help="PEFT folder")
    ap.add_argument("--autocast", action="store_true", help="bf16 autocast in place of f32")
    args = ap.parse_args()
    tok = common.load_tokenizer(args.model)
    model = common.load_model(args.model, args.adapter)
    with open(args.output, "w", encoding="utf-8") as out, torch.no_grad(), common.autocast(args.autocast):
        for row in common.read_jsonl(args.input):
            ids, scored = common.sample(tok, row)
            logp = common.row_logprobs(model, ids, scored).tolist()
            row.update(tokens=[i for i, s in zip(ids, scored) if s], logprobs=logp, sum=sum(logp), n=len(logp))
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
