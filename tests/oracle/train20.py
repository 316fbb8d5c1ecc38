"""A short LoRA training run with PyTorch and PEFT that the product must follow step by step.

    train20.py MODEL_DIR ROWS.jsonl --init ADAPTER_DIR --out DIR [--steps 20] [--rows-per-step 4] [--lr 5e-4]
               [--schedule constant|cosine] [--warmup STEPS] [--weight-decay 0] [--autocast]
    train20.py ... --init ADAPTER_DIR --make R [--seed S]

Rows go to the steps in the file's order, round and round, never shuffled; the last group of a round may be short. The loss of a step is
sum(-logprob) / count over all its scored tokens. AdamW(0.9, 0.999, 1e-8), gradient norm clipped to 1. --make R first writes to
ADAPTER_DIR a fresh adapter (A drawn, B zero). DIR gets losses.json, one object a step, and adapter/.
"""
import argparse
import json
import os

import common


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("rows")
    ap.add_argument("--init", required=True)
    ap.add_argument("--make", type=int, metavar="R")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--out", required=True)
    ap.add_argument("--steps", type=int, default=20)
    ap.add_argument("--rows-per-step", type=int, default=4)
    ap.add_argument("--lr", type=float, default=5e-4)
    ap.add_argument("--schedule", choices=("constant", "cosine"), default="constant")
    ap.add_argument("--warmup", type=int, default=0, help="steps, cosine only")
    ap.add_argument("--weight-decay", type=float, default=0.0)
    ap.add_argument("--autocast", action="store_true")
    args = ap.parse_args()
    samples = common.load_samples(common.load_tokenizer(args.model), args.rows)
    groups = [samples[i:i + args.rows_per_step] for i in range(0, len(samples), args.rows_per_step)]
    if args.make:
        common.save_adapter(common.add_lora(common.load_model(args.model), args.make, args.seed, b_std=0.0), args.init, "base")
    model = common.load_model(args.model, args.init, trainable=True)
    log = common.train(model, groups, args.steps, args.lr, args.schedule, args.warmup, args.weight_decay, args.autocast,
                       report=lambda line: print(json.dumps(line), flush=True))
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "losses.json"), "w") as f:
        json.dump(log, f, indent="\t")
    common.save_adapter(model, os.path.join(args.out, "adapter"), "base")


if __name__ == "__main__":
    main()
