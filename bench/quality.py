#!/usr/bin/env python3
"""Does curation pay? The sealed questions answered by models that were trained on as many tokens of three kinds of rows from the same documents:

    quality.py ATTUNE RUN QUESTIONS.jsonl OUT [--seeds 3]

RUN is what `attune run DOCUMENTS` left, of which the data folder is used. For each seed, with the default settings:

- curated: RUN/data/train.jsonl
- headings: a row a section, "What do the documents say about HEADING?" and the section, as it is, again and again
- chunks: the documents' text in pieces of 200 words, without questions, again and again

Each trains as many tokens as curated does, to whole epochs, then `attune eval` asks. Prints the share of questions on trained documents that the tuned model answers
right for each kind and seed, and the difference to curated over all seeds with its 95 % interval (bootstrap over questions), as JSON lines. What is in
OUT already is not made again.
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess

CHUNK_WORDS = 200


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def write_rows(folder, rows):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "train.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(r) + "\n" for r in rows)


def headings(sections):
    return [{"messages": [{"role": "user", "content": f"What do the documents say about {s['heading']}?"},
                          {"role": "assistant", "content": s["text"]}]} for s in sections]


def chunks(sections):
    rows = []
    for path in sorted({s["path"] for s in sections}):
        words = " ".join(s["text"] for s in sections if s["path"] == path).split()
        rows += [{"text": " ".join(words[i:i + CHUNK_WORDS])} for i in range(0, len(words), CHUNK_WORDS)]
    return rows


def train(args, data, out, settings):
    if not os.path.exists(os.path.join(out, "adapter", "adapter_config.json")):
        subprocess.run([args.attune, "train", "--data", data, "--out", out, "--quiet"] + [x for s in settings for x in ("--set", s)], check=True)
    with open(os.path.join(out, "run.json"), encoding="utf-8") as f:
        return json.load(f)


def ask(args, adapter, out, like):
    """Answers of the arms without the adapter are taken from the evaluation before."""
    if like and not os.path.exists(out):
        shutil.copytree(like, out, ignore=shutil.ignore_patterns("*tuned*", "eval.json", "report.html"))
    if not os.path.exists(os.path.join(out, "eval.json")):
        subprocess.run([args.attune, "eval", "--data", os.path.join(args.run, "data"), "--adapter", adapter, "--questions", args.questions, "--out", out, "--quiet"],
                       check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(out, "eval.json"), encoding="utf-8") as f:
        return json.load(f)


def interval(differences):
    """Of the mean; a question is a cluster, whose differences in all seeds are drawn together."""
    r = random.Random(1)
    means = sorted(statistics.fmean(r.choices(differences, k=len(differences))) for _ in range(10000))
    return [round(100 * means[250], 1), round(100 * means[9749], 1)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("attune")
    p.add_argument("run")
    p.add_argument("questions")
    p.add_argument("out")
    p.add_argument("--seeds", type=int, default=3)
    args = p.parse_args()
    data, right, like = os.path.join(args.run, "data"), {}, None
    trained = {r["source"]["path"] for r in lines(os.path.join(data, "train.jsonl")) if r.get("source")}
    sections = [s for s in lines(os.path.join(data, "sections.jsonl")) if s["path"] in trained]
    write_rows(os.path.join(args.out, "headings"), headings(sections))
    write_rows(os.path.join(args.out, "chunks"), chunks(sections))
    for seed in range(1, args.seeds + 1):
        for kind in ("curated", "headings", "chunks"):
            out = os.path.join(args.out, f"{kind}-{seed}")
            settings = [f"seed={seed}", "excess_length_strategy=truncate"]
            if kind == "curated":
                run = train(args, data, out, settings)
                wanted = run["tokens"]
            else:
                rows = os.path.join(args.out, kind)
                epoch = train(args, rows, out + "-step", settings + ["max_steps=1"])["train"]["tokens"]  # a step counts them
                run = train(args, rows, out, settings + [f"num_epochs={max(1, round(wanted / epoch))}"])
            result = ask(args, os.path.join(out, "adapter"), out + "-eval", like)
            like = like or out + "-eval"
            known = [q for q in result["questions"] if not (q["false_premise"] or q["twin"] or q["unseen"])]
            right[kind, seed] = [q["tuned"]["right"] for q in known]
            share = {a: round(100 * result["axes"][a]["arms"]["tuned"]["value"], 1) for a in ("known", "false_premise", "over_refusal", "terms", "unsupported")}
            print(json.dumps({"kind": kind, "seed": seed, "tokens": run["tokens"], "right": sum(right[kind, seed]), "of": len(known)} | share), flush=True)
    for kind in ("headings", "chunks"):
        differences = [statistics.fmean(right["curated", s][i] - right[kind, s][i] for s in range(1, args.seeds + 1)) for i in range(len(right[kind, 1]))]
        print(json.dumps({"curated": f"against {kind}", "points": round(100 * statistics.fmean(differences), 1), "interval": interval(differences)}))


main()
