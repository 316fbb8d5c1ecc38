#!/usr/bin/env python3
"""Do transformers, PEFT and llama.cpp compute with an export what attune computes with base and adapter?

    export.py BUILD [--work DIR] [--only NAME,...] [--real MODEL.gguf]...

Tiny models of the families (tiny_models.py), each as a folder and as a GGUF, get two adapters (LoRA, rsLoRA) that attune trains to answer 50 questions
in a word and stop. Every export is loaded by its own program: `peft` by PEFT, `hf` by transformers (weights in F32, F16, BF16; computed in f32), `gguf`
(the same types) and `gguf-lora` by llama-cpp-python. Asked are attune's greedy answers, end token included: mean |difference of log-probabilities| at most
1e-2, the same first choice wherever it leads by 0.1, and left alone each program gives that answer and stops. What must be seen is seen: the base without
the adapter has to fail. --real: real models, over the F32 file that attune writes of them, since llama.cpp multiplies quantised matrices otherwise. TAP,
then a table: rows are exports, figures the mean difference.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import llama_cpp
import numpy as np
import torch
import transformers

import common
import tiny_models
from families import Report, write_jsonl

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ["llama", "llama-scaled", "qwen3", "qwen3-tied", "gemma3"]
TYPES = ["F32", "F16", "BF16"]
N_PROMPTS, N_ALONE, MARGIN, BOUND = 50, 5, 0.1, 1e-2
ANSWERS = ["Yes.", "No, never.", "At high water."]
ADAPTERS = {"lora": ["lora_r=8", "lora_alpha=16", "use_rslora=false"], "rslora": ["lora_r=12", "lora_alpha=8", "use_rslora=true"]}


def questions():
    things = ["berth", "crane", "ship", "tide", "window"]
    return [{"role": "user", "content": f"Does {things[i % 5]} {i // 5} move?"} for i in range(N_PROMPTS)]


class Attune:
    def __init__(self, build, work):
        self.program, self.work = pathlib.Path(build).resolve() / "attune", work

    def __call__(self, *args):
        env = {**os.environ, "OMP_WAIT_POLICY": "passive"}
        done = subprocess.run([str(self.program), *map(str, args), "--quiet"], capture_output=True, env=env)
        if done.returncode:
            raise SystemExit(f"attune {' '.join(map(str, args))}: {done.stderr.decode(errors='replace')}")

    def lines(self, verb, base, adapter, rows, *flags):
        write_jsonl(self.work / "in.jsonl", rows)
        self(verb, "--model", base, "--adapter", adapter, "--in", self.work / "in.jsonl", "--out", self.work / "out.jsonl", *flags)
        return common.read_jsonl(self.work / "out.jsonl")

    def train(self, base, out, settings, steps):
        data = self.work / "data"
        data.mkdir(exist_ok=True)
        write_jsonl(data / "train.jsonl", [{"messages": [q, {"role": "assistant", "content": ANSWERS[i % 5 % 3]}]} for i, q in enumerate(questions())])
        sets = [f"max_steps={steps}", "num_epochs=1000", "learning_rate=5e-3", "loraplus_lr_ratio=2", "micro_batch_size=8", "gradient_accumulation_steps=1", *settings]
        self("train", "--model", base, "--data", data, "--out", out, *(x for s in sets for x in ("--set", s)))


class Asked:
    """What attune says with base and adapter: its answers, and the log-probabilities of their tokens."""

    def __init__(self, attune, tok, base, adapter):
        prompts = [{"messages": [q]} for q in questions()]
        self.answers = attune.lines("generate", base, adapter, prompts, "--max-tokens", 12)
        # some templates put a space in front of an answer, which is part of its first token
        rows = [{"messages": [q, {"role": "assistant", "content": a["text"].removeprefix(" ")}]} for q, a in zip(questions(), self.answers)]
        scored = attune.lines("score", base, adapter, rows)
        self.rows = []
        for row, mine, answer in zip(rows, scored, self.answers):
            ids, flags = common.sample(tok, row)
            assert [i for i, s in zip(ids, flags) if s] == mine["tokens"], "ids differ"
            greedy = answer["finish_reason"] == "stop" and answer["usage"]["completion_tokens"] == mine["n"]
            self.rows.append((ids, flags, mine["logprobs"], greedy))
        self.prompts = [tok(tok.apply_chat_template(common.row_messages(p), tokenize=False, add_generation_prompt=True), add_special_tokens=False).input_ids
                        for p in prompts]
        self.ends = set(tok.convert_tokens_to_ids(sorted(tok.ends)))


def compare(asked, log_softmax):
    """(mean difference, largest, first choices that agree, of how many)"""
    differences, agreed, choices = [], 0, 0
    for ids, flags, logprobs, greedy in asked.rows:
        there = log_softmax(ids)
        mine = iter(logprobs)
        for at in (i for i, s in enumerate(flags) if s):
            differences.append(abs(there[at - 1][ids[at]].item() - next(mine)))
            top = there[at - 1].topk(2)
            if greedy and (top.values[0] - top.values[1]).item() > MARGIN:
                choices += 1
                agreed += top.indices[0].item() == ids[at]
    return sum(differences) / len(differences), max(differences), agreed, choices


class Transformers:
    def __init__(self, model):
        self.model = model

    def log_softmax(self, ids):
        with torch.no_grad():
            return torch.log_softmax(self.model(torch.tensor([ids])).logits[0].double(), -1)

    def alone(self, ids, ends):
        """(the answer's ids, whether it ended by itself); by the folder's own generation_config.json."""
        out = self.model.generate(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False, max_new_tokens=12,
                                  pad_token_id=0)[0, len(ids):].tolist()
        return [i for i in out if i not in ends], bool(out) and out[-1] in ends


class LlamaCpp:
    def __init__(self, path, lora=None):
        self.llm = llama_cpp.Llama(str(path), lora_path=lora and str(lora), n_ctx=256, n_batch=256, logits_all=True, verbose=False, n_threads=1, flash_attn=False)

    def log_softmax(self, ids):
        self.llm.reset()
        self.llm.eval(ids)
        return torch.log_softmax(torch.tensor(np.array(self.llm.scores[:len(ids)])).double(), -1)

    def alone(self, ids, ends):
        self.llm.reset()
        out = []
        for token in self.llm.generate(ids, temp=0.0, top_k=1, repeat_penalty=1.0):
            if llama_cpp.llama_vocab_is_eog(self.llm._model.vocab, token):
                return out, True
            out.append(token)
            if len(out) == 12:
                return out, False


def check(report, row, column, asked, judge):
    mean, largest, agreed, choices = compare(asked, judge.log_softmax)
    report.demand(f"{row}, {column}: log-probabilities", mean <= BOUND and agreed == choices and choices > N_PROMPTS,
                  f"mean {mean:.1e}, largest {largest:.1e}, first choice {agreed} of {choices}")
    report.figure(row, column, mean, max)
    wrong = 0
    for (ids, flags, _, greedy), prompt in list(zip(asked.rows, asked.prompts))[:N_ALONE]:
        said = [i for i, s in zip(ids, flags) if s]
        got, stopped = judge.alone(prompt, asked.ends)
        wrong += not greedy or not stopped or got != said[:-1]
    report.demand(f"{row}, {column}: stops at the end of its turn, and says the same", not wrong, f"{wrong} of {N_ALONE} do not" if wrong else "")


def check_exports(report, attune, name, base, folder, gguf, types, steps):
    """base: what is trained on and exported from; folder and gguf: the same weights for PEFT and for llama.cpp."""
    tok = common.load_tokenizer(folder)
    for adapter, settings in ADAPTERS.items():
        at = attune.work / f"{name}.{adapter}"
        row = f"{name}, {adapter}"
        subprocess.run(["rm", "-rf", str(at)], check=True)
        at.mkdir()
        attune.train(base, at / "run", settings, steps)
        trained = at / "run" / "adapter"
        asked = Asked(attune, tok, base, trained)
        report.demand(f"{row}: answers end", sum(a["finish_reason"] == "stop" for a in asked.answers) == N_PROMPTS)
        bare = compare(asked, Transformers(common.load_model(folder)).log_softmax)
        report.demand(f"{row}: the adapter left out would be seen", bare[0] > 10 * BOUND, f"mean {bare[0]:.1e}")

        def export(to, *flags, of=base):
            out = at / "-".join([to, *flags[1:]])
            attune("export", "--model", of, "--adapter", trained, "--to", to, "--out", out, *flags)
            return str(out)

        check(report, row, "peft", asked, Transformers(common.load_model(folder, export("peft"))))
        check(report, row, "gguf-lora", asked, LlamaCpp(gguf, export("gguf-lora")))
        for kind in types:
            made = export("hf", "--type", kind)
            report.demand(f"{row}, hf {kind}: ids of the questions", all(
                common.load_tokenizer(made).apply_chat_template(common.row_messages({"messages": [q]}), add_generation_prompt=True, return_dict=False) == ids
                for q, ids in list(zip(questions(), asked.prompts))[:N_ALONE]))
            check(report, row, f"hf {kind}", asked, Transformers(common.load_model(made)))
            if os.path.isfile(base):
                check(report, row, f"gguf {kind}", asked, LlamaCpp(export("gguf", "--type", kind)))


def check_tiny(report, attune, model):
    folder, gguf = str(attune.work / model.name), str(attune.work / f"{model.name}.gguf")
    tiny_models.write_folder(model, folder)
    tiny_models.write_gguf(model, folder, gguf)
    check_exports(report, attune, f"{model.name} (GGUF)", gguf, folder, gguf, TYPES, 120)
    check_exports(report, attune, f"{model.name} (folder)", folder, folder, gguf, TYPES, 120)


def check_real(report, attune, path):
    name = os.path.basename(path)
    folder, gguf = attune.work / f"{name}.hf", attune.work / f"{name}.F32"
    if not (folder / "tokenizer.json").exists():
        subprocess.run([sys.executable, str(HERE / "hf_model.py"), path, str(folder)], check=True, stdout=subprocess.DEVNULL)
    if not gguf.exists():  # an adapter of one step at a rate of 0 changes nothing
        attune.train(path, attune.work / f"{name}.zero", ["learning_rate=0", "lora_r=1"], 1)
        attune("export", "--model", path, "--adapter", attune.work / f"{name}.zero" / "adapter", "--to", "gguf", "--type", "F32", "--out", gguf)
    check_exports(report, attune, name, str(gguf), str(folder), str(gguf), ["F16", "BF16"], 40)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("build")
    ap.add_argument("--work")
    ap.add_argument("--only", default=",".join(NAMES), help="names of tiny models, with commas; none: real models only")
    ap.add_argument("--real", action="append", default=[])
    args = ap.parse_args()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    work = pathlib.Path(args.work or os.path.join(args.build, "oracle-export")).resolve()
    work.mkdir(parents=True, exist_ok=True)
    report, attune = Report(), Attune(args.build, work)
    for model in tiny_models.MODELS:
        if model.name in args.only.split(","):
            check_tiny(report, attune, model)
    for path in args.real:
        check_real(report, attune, os.path.realpath(path))
    print(f"1..{report.n}")
    report.print_table()
    return report.bad > 0


if __name__ == "__main__":
    sys.exit(main())
