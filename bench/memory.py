"""What a training is predicted to hold, and what it held: memory.py ATTUNE [MODEL.gguf...], the pulled model without any.

Each case is `attune train` of one step over rows of random digits that fill the micro-batch, in a process of its own. Predicted is the ledger of its
run.json, made before the step; measured is the most that the kernel saw resident (ru_maxrss). Prints a Markdown table.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

MODEL = "smollm2-135m"
LENGTH = 512

# micro-batch, rank, threads, other settings, --memory
CASES = [
    (1, 16, 2, {}, None),
    (4, 16, 2, {}, None),
    (8, 16, 2, {}, None),
    (1, 4, 2, {}, None),
    (1, 64, 2, {}, None),
    (1, 16, 1, {}, None),
    (1, 16, 2, {"gradient_accumulation_steps": 4}, None),
    (4, 16, 2, {}, "900MB"),
    (8, 16, 2, {}, "1GB"),
]


def rows_write(path, n):
    with open(path, "w") as f:
        for _ in range(n):
            f.write(json.dumps({"text": "".join(random.choices("0123456789", k=LENGTH - 2))}) + "\n")


def measure(attune, model, micro, rank, threads, settings, limit):
    with tempfile.TemporaryDirectory() as folder:
        accumulated = settings.get("gradient_accumulation_steps", 1)
        rows_write(folder + "/train.jsonl", micro * accumulated)
        rows_write(folder + "/valid.jsonl", 1)
        keys = dict(settings, micro_batch_size=micro, lora_r=rank, sequence_len=LENGTH, max_steps=1)
        command = [attune, "train", "--model", model, "--data", folder, "--out", folder + "/run", "--threads", str(threads), "--quiet"]
        command += [part for k, v in keys.items() for part in ("--set", f"{k}={v}")]
        command += ["--memory", limit] if limit else []
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"{' '.join(command)}: exit code {child.returncode}")
        with open(folder + "/run/run.json") as f:
            run = json.load(f)
    return run["memory"], run["seconds"], usage.ru_maxrss / 1024


def main():
    random.seed(1)
    attune, models = sys.argv[1], sys.argv[2:] or [MODEL]
    print("| model | micro-batch | rank | threads | other | layers recomputed | predicted, MB | measured, MB | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for model in models:
        for micro, rank, threads, settings, limit in CASES if model == models[0] else CASES[:1]:
            memory, _, measured = measure(attune, model, micro, rank, threads, settings, limit)
            predicted = memory["predicted"] / 2**20
            other = ", ".join([f"{k} {v}" for k, v in settings.items()] + ([f"--memory {limit}"] if limit else []))
            print(f"| {os.path.basename(model)} | {micro} x {LENGTH} | {rank} | {threads} | {other} | {memory['layers_recomputed']} | "
                  f"{predicted:,.0f} | {measured:,.0f} | {predicted / measured:.2f} |", flush=True)


if __name__ == "__main__":
    main()
