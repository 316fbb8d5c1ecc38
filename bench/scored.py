"""What scoring 30 % of the tokens saves a training: scored.py ATTUNE MODEL.gguf [--rounds 5].

LoRA r 16 on all linear layers, 4 rows of 512 digits a step, by turns with every token scored (text) and with 30 % of them (a prompt and its completion).
Digits are tokens of their own. A rate is that of the fastest step of a turn after its first; a ratio is that of one round's two turns.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import tempfile

LENGTH, ROWS, STEPS = 512, 4, 5  # a step's rows; the first step warms up
SCORED = 0.3
FRAME = {"sequence_len": LENGTH, "micro_batch_size": ROWS, "gradient_accumulation_steps": 1, "lora_r": 16, "max_steps": STEPS}


def rows(kind):
    draw = random.Random(1)
    for _ in range(ROWS * STEPS):
        digits = "".join(draw.choices("0123456789", k=LENGTH - 1))  # the end token is the last one
        cut = round(len(digits) * (1 - SCORED))
        yield {"text": digits} if kind == "all" else {"prompt": digits[:cut], "completion": digits[cut:]}


def rate(args, folder, kind, turn):
    data, out = os.path.join(folder, kind), os.path.join(folder, f"{kind}-{turn}")
    os.makedirs(data, exist_ok=True)
    with open(os.path.join(data, "train.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(row) + "\n" for row in rows(kind))
    command = [args.attune, "train", "--model", args.model, "--data", data, "--out", out, "--quiet"]
    subprocess.run(command + [word for k, v in FRAME.items() for word in ("--set", f"{k}={v}")], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(out, "metrics.jsonl"), encoding="utf-8") as f:
        return max([step["tokens_per_s"] for step in map(json.loads, f) if "tokens_per_s" in step][1:])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("attune")
    ap.add_argument("model")
    ap.add_argument("--rounds", type=int, default=5)
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        got = [(rate(args, folder, "all", turn), rate(args, folder, "some", turn)) for turn in range(args.rounds)]
    for every, some in got:
        print(f"all {every:,.0f} tokens/s, 30 % {some:,.0f}: {some / every:.2f}")
    print(f"median of the ratios {statistics.median(some / every for every, some in got):.2f}")


if __name__ == "__main__":
    main()
