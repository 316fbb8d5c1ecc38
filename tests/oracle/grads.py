"""Loss and the gradient of every LoRA matrix on a few rows, from PyTorch and PEFT.

    grads.py MODEL_DIR ROWS.jsonl OUT.safetensors --adapter DIR [--autocast]
    grads.py MODEL_DIR ROWS.jsonl OUT.safetensors --adapter DIR --make R [--seed S] [--autocast]

Loss is sum(-logprob) over the scored tokens of all rows / their count. Every row is a sequence of its own; there is no padding.
--make R first writes a fresh adapter of rank R, alpha 2R, on all linear layers to DIR, with random A *and* B: with B zero half
of the gradients would be zero. The gradients carry PEFT's names; loss and count are printed and stand in the metadata.
"""
import argparse
import json

from safetensors.torch import save_file

import common


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("rows")
    ap.add_argument("output")
    ap.add_argument("--adapter", required=True)
    ap.add_argument("--make", type=int, metavar="R")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--autocast", action="store_true")
    args = ap.parse_args()
    samples = common.load_samples(common.load_tokenizer(args.model), args.rows)
    if args.make:
        model = common.add_lora(common.load_model(args.model), args.make, args.seed, b_std=0.02)
        common.save_adapter(model, args.adapter, "base")
    else:
        model = common.load_model(args.model, args.adapter, trainable=True)
    loss, count = common.batch_backward(model, samples, args.autocast)
    grads = {name: p.grad.float().contiguous() for name, p in common.lora_parameters(model).items()}
    save_file(grads, args.output, metadata={"format": "pt", "loss": repr(loss), "count": str(count)})
    print(json.dumps({"loss": loss, "count": count, "tensors": len(grads)}))


if __name__ == "__main__":
    main()
