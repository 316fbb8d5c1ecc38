"""What llama.cpp does with a GGUF file, to set beside attune's figures (flow.h, flow_bench): through its C interface, as llama_cpp hands it on.

    llama.py MODEL.gguf [--threads 2] [WHAT/STREAMS/FLASH...]

Measured is each of the words, unless told otherwise prefill/1/0 prefill/1/1 decode/1/0 decode/1/1 decode/16/0 decode/16/1: a prompt of 512 tokens in
one batch, or a token more for each of 1 or 16 sequences, which is one llama_batch, behind prompts of 32; without or with flash attention. Drawing a
token from the logits is not counted. A JSON line each: median, slowest and fastest of some runs; the first, not counted, warms up.

The line `start` has the seconds from the first call of the library to the logits behind a short prompt. memory_bytes is the most that the process
has held, without what Python held before that call.
"""
import argparse
import ctypes
import json
import os
import random
import resource
import statistics
import time

import llama_cpp as L

PREFILL, PROMPT, STEPS, RUNS = 512, 32, 32, 3
FIGURES = [f"{what}/{n}/{flash}" for what, n in (("prefill", 1), ("decode", 1), ("decode", 16)) for flash in (0, 1)]


def rss_bytes():
    with open("/proc/self/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Context:
    """Sequences of one context, and a batch."""

    def __init__(self, model, args, n_seqs, n_each, flash):
        p = L.llama_context_default_params()
        p.n_ctx = n_seqs * -(-n_each // 256) * 256  # whole blocks for each sequence
        p.n_batch = p.n_ubatch = 512
        p.n_seq_max = n_seqs
        p.n_threads = p.n_threads_batch = args.threads
        p.flash_attn_type = flash
        self.c = L.llama_init_from_model(model, p)
        assert self.c, "llama_init_from_model failed"
        self.n_vocabulary = L.llama_vocab_n_tokens(L.llama_model_get_vocab(model))
        self.batch = L.llama_batch_init(512, 0, 1)
        self.draw = random.Random(1)

    def close(self):
        L.llama_batch_free(self.batch)
        L.llama_free(self.c)

    def clear(self):
        L.llama_memory_clear(L.llama_get_memory(self.c), True)

    def fill(self, rows):
        """rows: (sequence, position, whether its logits are wanted); tokens are drawn."""
        b = self.batch
        b.n_tokens = len(rows)
        for i, (seq, pos, logits) in enumerate(rows):
            b.token[i] = self.draw.randrange(self.n_vocabulary)
            b.pos[i], b.n_seq_id[i], b.logits[i] = pos, 1, logits
            b.seq_id[i][0] = seq

    def run(self):
        """Seconds until the logits are there."""
        began = time.perf_counter()
        if L.llama_decode(self.c, self.batch):
            raise SystemExit("llama_decode failed")
        L.llama_synchronize(self.c)
        return time.perf_counter() - began


def prefill(model, args, _, flash):
    c, rates = Context(model, args, 1, PREFILL, flash), []
    for _ in range(RUNS + 1):
        c.clear()
        c.fill([(0, pos, pos == PREFILL - 1) for pos in range(PREFILL)])
        rates.append(PREFILL / c.run())
    c.close()
    return rates[1:]


def decode(model, args, n, flash):
    c, rates = Context(model, args, n, PROMPT + STEPS + 1, flash), []
    for seq in range(n):
        c.fill([(seq, pos, pos == PROMPT - 1) for pos in range(PROMPT)])
        c.run()
    for step in range(STEPS + 1):
        c.fill([(seq, PROMPT + step, True) for seq in range(n)])
        rates.append(n / c.run())
    c.close()
    return rates[1:]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("figures", nargs="*", default=FIGURES)
    ap.add_argument("--threads", type=int, default=2)
    args = ap.parse_intermixed_args()
    quiet = L.llama_log_callback(lambda level, text, data: None)
    L.llama_log_set(quiet, ctypes.c_void_p(0))
    held, began = rss_bytes(), time.perf_counter()

    def say(**line):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(line | {"memory_bytes": peak - held}), flush=True)

    L.llama_backend_init()
    model = L.llama_model_load_from_file(os.fsencode(args.model), L.llama_model_default_params())
    assert model, "llama_model_load_from_file failed"
    first = Context(model, args, 1, PROMPT, 0)
    first.fill([(0, pos, pos == 4) for pos in range(5)])
    first.run()
    say(what="start", seconds=time.perf_counter() - began)
    first.close()
    for figure in args.figures:
        what, n, flash = figure.split("/")
        rates = {"prefill": prefill, "decode": decode}[what](model, args, int(n), int(flash))
        say(what=what, streams=int(n), flash=int(flash), rate=statistics.median(rates), low=min(rates), high=max(rates))


if __name__ == "__main__":
    main()
