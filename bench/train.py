"""LoRA training, attune against PyTorch + PEFT, by turns on this machine in one run.

    train.py ATTUNE MODEL.gguf MODEL_DIR [--rounds 3] [--micro 1,2,4] [--steps 4]

The work of a step is the same for both: 4 x 512 tokens, r 16 on all linear layers, all tokens scored, gradients clipped, AdamW. MODEL_DIR is the same model as a
Hugging Face folder (tests/oracle/hf_model.py). The first round tries the peer's --micro settings and keeps its fastest. Prints a JSON line a
turn and a summary: medians of the steps' tokens/s, their ratio, peak memory.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def show(**line):
    print(json.dumps(line), flush=True)


def attune(args, folder, turn):
    """Rows of 511 digits: the pre-tokenizer makes each a token of its own, and the end token is the 512th."""
    data, run = os.path.join(folder, "data"), os.path.join(folder, f"run{turn}")
    if not os.path.exists(data):
        os.mkdir(data)
        rng = random.Random(1)
        with open(os.path.join(data, "train.jsonl"), "w") as f:
            for _ in range(4 * (args.steps + 1)):
                f.write(json.dumps({"text": "".join(rng.choices("0123456789", k=511))}) + "\n")
    settings = {"sequence_len": 512, "micro_batch_size": 1, "gradient_accumulation_steps": 4, "num_epochs": 1, "lora_r": 16,
                "lora_alpha": 32, "train_on_inputs": "true", "save_steps": 1000000}
    flags = [word for k, v in settings.items() for word in ("--set", f"{k}={v}")]
    command = ["/usr/bin/env", "time", "-f", "%M", args.attune, "train", "--model", args.gguf, "--data", data, "--out", run, "--quiet"]
    done = subprocess.run(command + flags, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    steps = [json.loads(line) for line in open(os.path.join(run, "metrics.jsonl"))]
    rates = [s["tokens_per_s"] for s in steps if s["step"] > 1]
    return rates, int(done.stderr.strip().splitlines()[-1]) / 1000


def peer(args, micro):
    command = [sys.executable, os.path.join(HERE, "peer.py"), args.folder, "--steps", str(args.steps), "--micro", str(micro)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
                          env=dict(os.environ, HF_HUB_OFFLINE="1"))
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [s["tokens_per_s"] for s in lines if s.get("step")], lines[-1]["peak_rss_mb"]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("attune")
    ap.add_argument("gguf")
    ap.add_argument("folder")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--steps", type=int, default=4)
    ap.add_argument("--micro", default="1,2,4")
    args = ap.parse_args()
    ours, theirs, memory = [], {}, {}
    settings = [int(m) for m in args.micro.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(args.rounds):
            rates, peak = attune(args, folder, turn)
            ours += rates
            memory["attune"] = max(peak, memory.get("attune", 0))
            show(turn=turn, who="attune", tokens_per_s=rates, peak_rss_mb=peak)
            for micro in settings:
                rates, peak = peer(args, micro)
                theirs.setdefault(micro, []).extend(rates)
                memory[micro] = max(peak, memory.get(micro, 0))
                show(turn=turn, who="peer", micro=micro, tokens_per_s=rates, peak_rss_mb=peak)
            settings = [max(theirs, key=lambda m: statistics.median(theirs[m]))]
    best = settings[0]
    us, them = statistics.median(ours), statistics.median(theirs[best])
    show(attune_tokens_per_s=us, peer_tokens_per_s=them, peer_micro=best, ratio=round(us / them, 2), attune_peak_rss_mb=memory["attune"],
         peer_peak_rss_mb=memory[best])


if __name__ == "__main__":
    main()
