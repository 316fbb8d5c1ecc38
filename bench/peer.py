"""LoRA training throughput of PyTorch + PEFT, to set beside attune's on the same machine.

    peer.py MODEL_DIR [--steps N] [--seconds S] [--rows 4] [--length 512] [--micro 1] [--base bf16|f32] [--compute bf16|f32] [--compile] [--threads 2]

One step: ROWS sequences of LENGTH random tokens, r 16 on all linear layers, every token scored, gradients clipped, AdamW. Prints a JSON line
a step (step 0 warms up and is left out of the summary) and a summary line: median and mean tokens/s, rss_mb (at the end), peak_rss_mb.
`busy` is the share of the threads' time that the process got: well under 1 means that something else was running.
MODEL_DIR is a Hugging Face folder (tests/oracle/hf_model.py makes one). --micro, --base, --compute and
--compile are the peer's tuning: try them on the machine and set its best beside attune, not its worst. To alternate with attune, run both by turns
with a few --steps each: machines drift.
"""
import argparse
import json
import os
import resource
import statistics
import time


def parse():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("--steps", type=int, default=8)
    ap.add_argument("--seconds", type=float, default=1e9, help="stop after the step that passes this time")
    ap.add_argument("--rows", type=int, default=4)
    ap.add_argument("--length", type=int, default=512)
    ap.add_argument("--micro", type=int, default=1, help="rows in one forward and backward")
    ap.add_argument("--base", choices=("bf16", "f32"), default="bf16", help="how the frozen weights are held; adapters are f32")
    ap.add_argument("--compute", choices=("bf16", "f32"), default="bf16", help="bf16: under autocast; f32: everything, the base too")
    ap.add_argument("--compile", action="store_true", help="torch.compile")
    ap.add_argument("--threads", type=int, default=2)
    return ap.parse_args()


def rss_mb():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main():
    args = parse()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)  # before torch is loaded
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    dtype = torch.bfloat16 if args.base == args.compute == "bf16" else torch.float32
    base = AutoModelForCausalLM.from_pretrained(args.model, dtype=dtype, attn_implementation="sdpa")
    model = get_peft_model(base, LoraConfig(
        r=16, lora_alpha=32, lora_dropout=0.0, task_type="CAUSAL_LM",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))
    params = [p for p in model.parameters() if p.requires_grad]
    for p in params:
        p.data = p.data.float()
    model.train()
    forward = torch.compile(model) if args.compile else model
    opt = torch.optim.AdamW(params, lr=2e-4, weight_decay=0.0)
    n_tokens = args.rows * args.length

    def step():
        ids = torch.randint(0, base.config.vocab_size, (args.rows, args.length))
        opt.zero_grad()
        loss = 0.0
        for part in ids.split(args.micro):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.compute == "bf16"):
                logits = forward(input_ids=part, use_cache=False).logits
            logits = logits[:, :-1].flatten(0, 1).float()
            part_loss = torch.nn.functional.cross_entropy(logits, part[:, 1:].flatten(), reduction="sum") / (n_tokens - args.rows)
            part_loss.backward()
            loss += part_loss.item()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        return loss

    rates, start = [], time.monotonic()
    for i in range(args.steps + 1):
        began, cpu = time.monotonic(), time.process_time()
        loss = step()
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        print(json.dumps({"step": i, "loss": round(loss, 4), "seconds": round(seconds, 3), "tokens_per_s": round(n_tokens / seconds, 1),
                          "busy": round(cpu / seconds / args.threads, 2), "rss_mb": round(rss_mb())}), flush=True)
        if i:
            rates.append(n_tokens / seconds)
        if i and time.monotonic() - start > args.seconds:
            break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"steps": len(rates), "tokens_per_s": round(statistics.median(rates), 1) if rates else None,
                      "tokens_per_s_mean": round(statistics.mean(rates), 1) if rates else None, "rss_mb": round(rss_mb()),
                      "peak_rss_mb": round(peak), "torch": torch.__version__, "threads": args.threads, "micro": args.micro,
                      "base": args.base, "compute": args.compute, "compile": args.compile}))


if __name__ == "__main__":
    main()
