"""How training grows with the length of its sequences: growth.py ATTUNE MODEL.gguf [--lengths 512,1024,2048,4096,8192] [--rounds 3].

LoRA r 16 on all linear layers of SmolLM2-135M, one sequence a step, every token scored; lengths by turns. A line a length: tokens/s (median of the
rounds), time a token as a multiple of the first length's, the same of the FLOP counted (src/flow/bench.c, training_flop), their ratio, and the peak
of memory (wait4) with what each token of length added to it.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import tempfile

LAYERS, C, HEADS, KV, D, F, V, RANK = 30, 576, 9, 3, 64, 1536, 49152, 16  # SmolLM2-135M
STEPS = 3  # the first warms up


def flop(length):
    """A token's: forward and backward to the activations of the frozen weights, all three products of LoRA's matrices and of attention."""
    layers = LAYERS * C * (2 * (HEADS + KV) * D + 3 * F)
    adapter = LAYERS * RANK * (2 * (C + HEADS * D) + 2 * (C + KV * D) + 3 * (C + F))
    return 4 * (layers + C * V) + 6 * adapter + 3 * 2 * LAYERS * HEADS * D * (length + 1)


def train(args, folder, length, turn):
    """Seconds a token of the fastest step, and the peak in bytes. Rows of digits, each a token of its own; the end token is the last one."""
    data, out = os.path.join(folder, str(length)), os.path.join(folder, f"{length}-{turn}")
    os.makedirs(data, exist_ok=True)
    draw = random.Random(1)
    with open(os.path.join(data, "train.jsonl"), "w", encoding="utf-8") as f:
        for _ in range(STEPS):
            f.write(json.dumps({"text": "".join(draw.choices("0123456789", k=length - 1))}) + "\n")
    settings = {"sequence_len": length, "micro_batch_size": 1, "gradient_accumulation_steps": 1, "lora_r": RANK, "max_steps": STEPS}
    command = [args.attune, "train", "--model", args.model, "--data", data, "--out", out, "--quiet"]
    with subprocess.Popen(command + [word for k, v in settings.items() for word in ("--set", f"{k}={v}")]) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"attune train of {length} tokens ended with {child.returncode}")
    with open(os.path.join(out, "metrics.jsonl"), encoding="utf-8") as f:
        rates = [step["tokens_per_s"] for step in map(json.loads, f) if "tokens_per_s" in step]
    return 1 / max(rates[1:]), usage.ru_maxrss * 1024


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("attune")
    ap.add_argument("model")
    ap.add_argument("--lengths", default="512,1024,2048,4096,8192", type=lambda s: [int(n) for n in s.split(",")])
    ap.add_argument("--rounds", type=int, default=3)
    args = ap.parse_args()
    got = {length: [] for length in args.lengths}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(args.rounds):
            for length in args.lengths:
                got[length].append(train(args, folder, length, turn))
    first, before = args.lengths[0], None
    start = statistics.median(s for s, _ in got[first])
    print("| tokens | tokens/s | time a token | FLOP a token | time : FLOP | peak, MB | added, KB a token |\n|---|---|---|---|---|---|---|")
    for length in args.lengths:
        seconds, peak = statistics.median(s for s, _ in got[length]), max(p for _, p in got[length])
        time, work = seconds / start, flop(length) / flop(first)
        added = "" if before is None else f"{(peak - before[1]) / (length - before[0]) / 1e3:.1f}"
        print(f"| {length:,} | {1 / seconds:,.0f} | {time:.2f} | {work:.2f} | {time / work:.2f} | {peak / 1e6:,.0f} | {added} |")
        before = length, peak


if __name__ == "__main__":
    main()
