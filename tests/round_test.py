#!/usr/bin/env python3
"""The loop of drafts, review and training: the editor of bench/round by hand, and bench/round.py whole with a tiny model. As TAP.

usage: round_test.py ATTUNE GOLDEN_DIR SOURCE_ROOT
"""
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

from tap import Case

ATTUNE, GOLDEN, ROOT = (os.path.abspath(a) for a in sys.argv[1:4])
MODEL, SAMPLE = os.path.join(GOLDEN, "untied.gguf"), os.path.join(ROOT, "sample")
FACT = "The holding bay keeps undelivered events for 16 days."


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def editor():
    spec = importlib.util.spec_from_file_location("editor", os.path.join(ROOT, "bench/round/editor.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_editor():
    module = editor()
    guide = module.Guide(SAMPLE)

    def decide(text, facts=(FACT,), slip=0, reason="stop", seed=0):
        made = module.decide(guide, {"id": "x", "text": text, "finish_reason": reason}, list(facts), random.Random(seed), slip)
        return made["action"], made.get("text"), made["reasons"]

    Case.check("what is right is accepted", decide(FACT) == ("accept", None, []))
    Case.check("a forbidden term is replaced, its article and plural too", decide(f"A quarantine helps webhooks. {FACT}") ==
               ("edit", f"A holding bay helps endpoints. {FACT}", ["term"]), decide(f"A quarantine helps webhooks. {FACT}"))
    Case.check("but not in code", module.Edit(guide, {"text": "", "finish_reason": "stop"}, [], random.Random(0), 0).terms("The header `webhook` stays.") == "The header `webhook` stays.")
    Case.check("a wrong value is set right", decide("The holding bay keeps undelivered events for 9 days.") == ("edit", FACT, ["fact"]))
    Case.check("what nobody says is taken out", decide(f"{FACT} It has 4711 dragons.") == ("edit", FACT, ["fact"]))
    Case.check("what is missing is added", decide("Events wait in the holding bay.") == ("edit", f"Events wait in the holding bay. {FACT}", ["fact"]))
    Case.check("style is mended", decide(f"{FACT} We simply like it!")[1] == f"{FACT} Ullvane like it.", decide(f"{FACT} We simply like it!"))
    Case.check("a cut end goes", decide(f"{FACT} And then the", reason="length") == ("edit", FACT, ["format"]))
    Case.check("of nothing good nothing is kept", decide("There are 4711 dragons.")[0] == "reject")
    slips = [decide("The quarantine has 4711 dragons! It is simply easy.", slip=0.5, seed=i) for i in range(9)]
    Case.check("what is overlooked depends on the seed alone", len({str(s) for s in slips}) > 1 and
               slips == [decide("The quarantine has 4711 dragons! It is simply easy.", slip=0.5, seed=i) for i in range(9)])


def test_briefs():
    first, second = (lines(os.path.join(ROOT, f"bench/round/briefs-{i}.jsonl")) for i in (1, 2))
    facts = {f for b in first + second for f in b["facts"]}
    Case.check("two sets of 100 briefs, no fact in both", len(first) == len(second) == 100 and len(facts) == 200 and len({b["points"] for b in first + second}) == 200)
    module = editor()
    guide = module.Guide(SAMPLE)
    wrong = [f for f in sorted(facts) if not all(guide.supports(v, f) for v in module.values(f))]
    Case.check("whose values the documents support", not wrong, wrong)


def test_round():
    os.makedirs("small/docs")
    for name in ("plans", "delivery", "holding-bay"):
        shutil.copy(os.path.join(SAMPLE, f"docs/{name}.md"), "small/docs")
    shutil.copy(os.path.join(SAMPLE, "style-guide.md"), "small")
    command = [sys.executable, os.path.join(ROOT, "bench/round.py"), "--out", "out", "--model", MODEL, "--embedder", "none", "--n", "4", "--max-tokens", "64",
               "--set", "max_steps=2", "--set", "lora_r=2", ATTUNE, "small"]
    done, again = (subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2))
    table = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    Case.check("four rows of figures", done.returncode == 0 and len(table) == 5 and "simulated editor" in done.stdout, (done.stdout, done.stderr[-2000:]))
    Case.check("run again, nothing is made anew", again.stdout == done.stdout and "$ attune write" in done.stderr and not any(f"$ attune {verb} " in again.stderr for verb in ("write", "run")), again.stderr[-2000:])
    first, second = (json.load(open(f"out/eval-{i}.json", encoding="utf-8"))["model"]["adapter"] for i in (1, 2))
    said = {m["content"] for row in lines("out/documents/.attune/data/train.jsonl") + lines("out/documents/.attune/data/valid.jsonl") for m in row.get("messages", [])}
    rows = lines("out/documents/reviewed.jsonl")
    Case.check("the second training has the edits", first != second and any(r["messages"][1]["content"] in said for r in rows), rows)
    done = subprocess.run([ATTUNE, "write", "--in", "out/briefs-1.jsonl", "--out", "plain", "--results", "out/documents/.attune", "--max-tokens", "4"], capture_output=True, text=True, check=False)
    with open("out/documents/.attune/eval/eval.json", encoding="utf-8") as f:
        best = json.load(f)["best"]
    Case.check("a verdict of attune run says who writes", done.returncode == 0 and f"written by {best} of {MODEL}" in done.stderr and "which the verdict recommends" in done.stderr, done.stderr)


def main():
    with tempfile.TemporaryDirectory() as here:
        os.chdir(here)
        test_editor()
        test_briefs()
        test_round()
        os.chdir("/")
    print(f"1..{Case.n}")
    return Case.failed > 0


sys.exit(main())
