#!/usr/bin/env python3
"""kill -9 on a real training run, twenty times at points spread over its steps, three of them inside the write of a checkpoint; then the adapter's bytes,
and those of a run with one thread, must equal an undisturbed run's. Minutes on the real model, so not part of `make test` (src/train/run_test.c does the
same on a tiny one, at exact file calls).

usage: kill9.py ATTUNE MODEL DATA_DIR WORK_DIR
"""
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

attune, model, data, work = sys.argv[1:5]
SETTINGS = ["max_steps=24", "num_epochs=100", "save_steps=1", "sequence_len=192"]
KILLS, IN_CHECKPOINT = 20, 3


def start(run, threads):
    flags = [word for s in SETTINGS for word in ("--set", s)]
    return subprocess.Popen([attune, "train", "--model", model, "--data", data, "--out", run, "--quiet", "--threads", str(threads)] + flags,
                            stdout=subprocess.DEVNULL)


def adapter(run):
    with open(os.path.join(run, "adapter", "adapter_model.safetensors"), "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def steps(run):
    try:
        return sum(1 for _ in open(os.path.join(run, "metrics.jsonl")))
    except FileNotFoundError:
        return 0


def writing(run):
    """A checkpoint that is being written: anything in checkpoints/ without its final name."""
    try:
        return [n for n in os.listdir(os.path.join(run, "checkpoints")) if not n.startswith("step-") or not n[5:].isdigit()]
    except FileNotFoundError:
        return []


def main():
    for name in ("whole", "one", "killed"):
        shutil.rmtree(os.path.join(work, name), ignore_errors=True)
    whole, one, killed = (os.path.join(work, n) for n in ("whole", "one", "killed"))
    assert start(whole, 2).wait() == 0
    assert start(one, 1).wait() == 0
    print("undisturbed, 2 threads:", adapter(whole))
    print("undisturbed, 1 thread: ", adapter(one))
    rng, n_in_checkpoint = random.Random(1), 0
    for n in range(KILLS):
        process, want = start(killed, 2), n % 6 == 5
        until = time.time() + 60 if want else None
        before = steps(killed)
        # at least a step ahead, so that the kills spread, then a random moment or the next checkpoint
        while process.poll() is None and steps(killed) <= before:
            time.sleep(0.005)
        if want:
            while process.poll() is None and not writing(killed) and time.time() < until:
                pass
        else:
            time.sleep(rng.random() * 0.5)
        inside = writing(killed)
        process.send_signal(signal.SIGKILL)
        process.wait()
        n_in_checkpoint += bool(inside)
        print(f"kill {n + 1}: after {steps(killed)} lines of the log{', inside ' + inside[0] if inside else ''}", flush=True)
    assert start(killed, 2).wait() == 0
    print("killed and resumed:    ", adapter(killed))
    same = adapter(whole) == adapter(one) == adapter(killed)
    print("same bytes" if same else "DIFFERENT", f"after {KILLS} kills, {n_in_checkpoint} of them inside a checkpoint write")
    sys.exit(not same or n_in_checkpoint < IN_CHECKPOINT)


main()
