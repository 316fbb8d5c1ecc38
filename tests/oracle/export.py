"""Do llama.cpp and PEFT compute with an export what attune computes with base and adapter?

    export.py ATTUNE MODEL.gguf QUESTIONS.jsonl WORK

Random adapters (LoRA, rsLoRA) on every linear layer of a GGUF of the Llama architecture. MODEL is first written as F32, so that quantised
arithmetic of llama.cpp is no part of what is compared. `gguf` (F32, F16) and `gguf-lora` are loaded by llama-cpp-python, and asked for the
log-probabilities of attune's greedy continuations of 50 questions: mean |difference| at most 1e-2, and the same first choice wherever it
leads by 0.1. The GGUF files are read by the gguf package, `mlx` by mlx where it is installed. `peft` must hold the adapter's own tensors.
"""
import json
import math
import os
import subprocess
import sys

import numpy as np
import torch
from gguf import GGUFReader
from safetensors.torch import load_file, save_file

ATTUNE, MODEL, QUESTIONS, WORK = sys.argv[1:5]
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
N_PROMPTS, MARGIN, BOUND = 50, 0.1, 1e-2


def attune(*args):
    subprocess.run([ATTUNE, *args, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def at(name):
    return os.path.join(WORK, name)


def field(reader, key):
    return reader.fields[key].contents()


def make_adapter(path, r, alpha, rslora, std):
    g = GGUFReader(MODEL)
    there = {x.name: [int(n) for n in x.shape] for x in g.tensors}
    shape = {hf: there[f"blk.0.{name}.weight"][::-1] for hf, name in NAMES.items()}
    torch.manual_seed(3)
    t = {}
    for layer in range(field(g, "llama.block_count")):
        for name, (n_out, n_in) in shape.items():
            at_layer = f"base_model.model.model.layers.{layer}.{name}."
            t[at_layer + "lora_A.weight"] = (torch.rand(r, n_in) * 2 - 1) / n_in ** 0.5
            t[at_layer + "lora_B.weight"] = torch.randn(n_out, r) * std
    os.makedirs(path, exist_ok=True)
    save_file(t, os.path.join(path, "adapter_model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(path, "adapter_config.json"), "w", encoding="utf-8") as file:
        json.dump({"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "base", "r": r, "lora_alpha": alpha,
                   "use_rslora": rslora, "target_modules": [n.split(".")[1] for n in shape], "bias": "none"}, file)


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def reference(base, adapter, out):
    """attune's greedy continuations of the questions, and their log-probabilities."""
    with open(at("prompts.jsonl"), "w", encoding="utf-8") as f:
        for q in lines(QUESTIONS)[:N_PROMPTS]:
            f.write(json.dumps({"prompt": "Question: " + q["question"] + "\nAnswer:"}) + "\n")
    attune("generate", "--model", base, "--adapter", adapter, "--in", at("prompts.jsonl"), "--out", at("answers.jsonl"), "--max-tokens", "16")
    with open(at("rows.jsonl"), "w", encoding="utf-8") as f:
        for row in lines(at("answers.jsonl")):
            f.write(json.dumps({"prompt": row["prompt"], "completion": row["text"] or " ", "generated": row["usage"]["completion_tokens"],
                                "finish": row["finish_reason"]}) + "\n")
    attune("score", "--model", base, "--adapter", adapter, "--in", at("rows.jsonl"), "--out", out)
    return lines(out)


def compare(title, rows, model, lora=None):
    from llama_cpp import Llama
    llm = Llama(model, lora_path=lora, n_ctx=256, logits_all=True, verbose=False, n_threads=2)
    differences, choices, agreed = [], 0, 0
    for row in rows:
        # greedy tokens, unless the text was cut into others again
        greedy = "\ufffd" not in row["completion"] and len(row["tokens"]) == row["generated"] + (row["finish"] == "length")
        prompt = llm.tokenize(row["prompt"].encode(), add_bos=False, special=False)
        ids = prompt + row["tokens"]
        llm.reset()
        llm.eval(ids)
        logp = torch.log_softmax(torch.tensor(np.array(llm.scores[:len(ids)])), -1)
        for i, (token, mine) in enumerate(zip(row["tokens"], row["logprobs"])):
            there = logp[len(prompt) + i - 1]
            differences.append(abs(float(there[token]) - mine))
            top = torch.topk(there, 2)
            if greedy and i < len(row["tokens"]) - 1 and float(top.values[0] - top.values[1]) > MARGIN:
                choices += 1
                agreed += int(top.indices[0]) == token
    mean = sum(differences) / len(differences)
    ok = mean <= BOUND and agreed == choices
    print(f"{'ok' if ok else 'FAILED'} {title}: {len(differences)} tokens, mean difference {mean:.5f}, largest {max(differences):.4f}, "
          f"first choice {agreed} of {choices}", flush=True)
    return ok


def check_files(name, adapter, r, scale):
    """The adapter formats, undone here by themselves."""
    t = load_file(os.path.join(adapter, "adapter_model.safetensors"))
    back = load_file(at(name + "-peft/adapter_model.safetensors"))
    ok = t.keys() == back.keys() and all(torch.equal(t[k], back[k]) for k in t)
    mlx = load_file(at(name + "-mlx/adapters.safetensors"))
    with open(at(name + "-mlx/adapter_config.json"), encoding="utf-8") as f:
        ok = ok and math.isclose(json.load(f)["lora_parameters"]["scale"], scale, rel_tol=1e-6)
    for k, v in t.items():
        twin = k.removeprefix("base_model.model.").removesuffix(".weight").replace("lora_A", "lora_a").replace("lora_B", "lora_b")
        ok = ok and torch.equal(mlx[twin], v.T)
    g = GGUFReader(at(name + "-lora.gguf"))
    ok = ok and len(g.tensors) == len(t) and math.isclose(field(g, "adapter.lora.alpha"), scale * r, rel_tol=1e-6)
    ok = ok and field(g, "general.type") == "adapter"
    whole, base = GGUFReader(at(name + "-F16.gguf")), GGUFReader(MODEL)
    ok = ok and set(base.fields) <= set(whole.fields) and [x.name for x in base.tensors] == [x.name for x in whole.tensors]
    ok = ok and all(np.array_equal(x.shape, y.shape) for x, y in zip(base.tensors, whole.tensors))
    for k in base.fields:
        if k.startswith(("tokenizer.", "llama.")):
            ok = ok and field(base, k) == field(whole, k)
    print(f"{'ok' if ok else 'FAILED'} {name}: tensors and keys of peft, mlx, gguf-lora and gguf", flush=True)
    return ok


def main():
    os.makedirs(WORK, exist_ok=True)
    make_adapter(at("zero"), 8, 8, False, 0.0)
    attune("export", "--model", MODEL, "--adapter", at("zero"), "--to", "gguf", "--type", "F32", "--out", at("base.gguf"))
    ok = True
    for name, r, alpha, rslora in (("lora", 8, 16, False), ("rslora", 16, 8, True)):
        make_adapter(at(name), r, alpha, rslora, 0.01)
        for to, out in (("peft", "-peft"), ("mlx", "-mlx"), ("gguf-lora", "-lora.gguf")):
            attune("export", "--model", at("base.gguf"), "--adapter", at(name), "--to", to, "--out", at(name + out))
        for kind in ("F32", "F16"):
            attune("export", "--model", at("base.gguf"), "--adapter", at(name), "--to", "gguf", "--type", kind, "--out", at(f"{name}-{kind}.gguf"))
        ok = check_files(name, at(name), r, alpha / (r ** 0.5 if rslora else r)) and ok
        rows = reference(at("base.gguf"), at(name), at(name + ".jsonl"))
        ok = compare(f"{name}: gguf-lora in llama.cpp", rows, at("base.gguf"), at(name + "-lora.gguf")) and ok
        for kind in ("F32", "F16"):
            ok = compare(f"{name}: gguf {kind} in llama.cpp", rows, at(f"{name}-{kind}.gguf")) and ok
        # the comparison must see an adapter that is left out
        print("next line is to fail:")
        ok = not compare(f"{name}: without the adapter", rows, at("base.gguf")) and ok
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
