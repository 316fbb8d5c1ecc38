"""Does PEFT load an adapter folder that attune wrote? Loads it over the f32 base, insists that every tensor is used, and scores rows.

    peft_loads.py MODEL_DIR ADAPTER_DIR IN.jsonl OUT.jsonl [--autocast]

OUT is score.py's; compare.py then holds it against `attune score --adapter`. Exit 1 when the file has a tensor that PEFT would leave out,
lacks one that it wants, or changes nothing (an adapter that is silently ignored would otherwise agree with the base).
"""
import argparse
import os
import subprocess
import sys

import torch
from safetensors.torch import load_file

import common


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("adapter")
    ap.add_argument("input")
    ap.add_argument("output")
    ap.add_argument("--autocast", action="store_true")
    args = ap.parse_args()
    stored = load_file(os.path.join(args.adapter, "adapter_model.safetensors"))
    model = common.load_model(args.model, args.adapter)
    live = common.lora_parameters(model)
    if stored.keys() != live.keys():
        sys.exit(f"names differ from PEFT's: {sorted(stored.keys() ^ live.keys())[:4]}")
    for name, p in live.items():
        if not torch.equal(stored[name].to(p.dtype), p):
            sys.exit(f"{name}: PEFT did not load these values")
    if all(not p.any() for name, p in live.items() if "lora_B" in name):
        sys.exit("every lora_B is zero: the adapter changes nothing")
    del model, live
    here = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, os.path.join(here, "score.py"), args.model, args.input, args.output, "--adapter", args.adapter]
    sys.exit(subprocess.call(command + ["--autocast"] * args.autocast))


if __name__ == "__main__":
    main()
