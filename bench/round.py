#!/usr/bin/env python3
"""Does review make the next drafts better? One round on the sample: drafts, edits by a program (bench/round/editor.py), training on them, new drafts.

Every step is skipped when its result is there, so that who stops it runs the same command again. The figures are of a simulated editor: they say whether the
loop works and in which direction it moves, not what people's hours are.

usage: round.py [--out DIR] [--model M] [--n BRIEFS] [--set KEY=VALUE]... ATTUNE SAMPLE
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "round")


class Round:
    def __init__(self, args):
        self.args, self.attune = args, os.path.abspath(args.attune)
        self.documents = os.path.join(args.out, "documents")
        self.results = os.path.join(self.documents, ".attune")
        os.makedirs(args.out, exist_ok=True)

    def path(self, name):
        return os.path.join(self.args.out, name)

    def run(self, *args, out=None):
        print("$ attune", *args, file=sys.stderr, flush=True)
        done = subprocess.run([self.attune, *args], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f"attune {args[0]} ended with {done.returncode}; run the same command again to go on")
        if out:
            with open(out + ".part", "w", encoding="utf-8") as f:
                f.write(done.stdout)
            os.replace(out + ".part", out)
        return done.stdout

    def sample(self):
        """The documents, with what attune run has made of them already."""
        if not os.path.isdir(self.documents):
            shutil.rmtree(self.path("part"), ignore_errors=True)
            shutil.copytree(self.args.sample, self.path("part"), ignore=shutil.ignore_patterns("reviews.db*"))
            os.rename(self.path("part"), self.documents)

    def train(self, name):
        """Trains and evaluates, and keeps what came out: the next time it is another adapter."""
        kept = self.path(f"eval-{name}.json")
        if not os.path.exists(kept):
            more = [a for s in self.args.set for a in ("--set", s)]
            self.run("run", self.documents, "--model", self.args.model, "--embedder", self.args.embedder, *more)
            shutil.copy(os.path.join(self.results, "eval", "eval.json"), kept + ".part")
            os.replace(kept + ".part", kept)
        with open(kept, encoding="utf-8") as f:
            return json.load(f)

    def briefs(self, which):
        """The first n of a set, as a file of their own."""
        path = self.path(f"briefs-{which}.jsonl")
        with open(os.path.join(HERE, f"briefs-{which}.jsonl"), encoding="utf-8") as f, open(path, "w", encoding="utf-8") as out:
            out.writelines(f.readlines()[:self.args.n])
        return path

    def beside(self, name):
        """A log of its own over the same data: the same briefs written by somebody else would be the same drafts."""
        results = self.path(name)
        os.makedirs(results, exist_ok=True)
        if not os.path.lexists(os.path.join(results, "data")):
            os.symlink(os.path.abspath(os.path.join(self.results, "data")), os.path.join(results, "data"))
        return results

    def written(self, name, which, results, *arm):
        """Drafts of a set of briefs, decided by the editor."""
        briefs, decisions = self.briefs(which), self.path(f"decisions-{name}.jsonl")
        if os.path.exists(decisions):
            return
        self.run("write", "--in", briefs, "--out", self.path(f"drafts-{name}"), "--results", results, "--model", self.args.model, "--embedder", self.args.embedder,
                 "--max-tokens", str(self.args.max_tokens), *arm)
        made = subprocess.run([sys.executable, os.path.join(HERE, "editor.py"), self.args.sample, briefs, self.path(f"drafts-{name}/drafts.jsonl")],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        with open(decisions + ".part", "w", encoding="utf-8") as f:
            f.write(made)
        self.run("review", "--results", results, "--decisions", decisions + ".part")
        os.replace(decisions + ".part", decisions)

    def adapter(self, evaluation):
        return os.path.join(self.results, f"run-{evaluation['model']['adapter'][:12]}", "adapter")

    def rounds(self, results):
        return [json.loads(line) for line in self.run("review", "--results", results, "--rounds", "--json").splitlines()]


def share(s, scale=100):
    if s["value"] is None:
        return "-"
    return f"{scale * s['value']:.1f}" + ("" if s["low"] is None else f" ({scale * s['low']:.1f} to {scale * s['high']:.1f})")


def table(rows):
    print("| briefs | written by | unedited, % | HTER, % | rejected | forbidden terms a draft | unsupported claims a draft | general text, bits per byte |")
    print("|---|---|---|---|---|---|---|---|")
    for briefs, who, r, general in rows:
        print(f"| {briefs} | {who} | {share(r['unedited'])} | {share(r['hter'])} | {r['rejected']} of {r['drafts']} | {r['terms_per_draft']:.2f} | {r['claims_per_draft']:.2f} | "
              f"{'-' if general is None else f'{general:.3f}'} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", default="build/round")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--n", type=int, default=100, help="briefs of each of the two sets")
    parser.add_argument("--max-tokens", type=int, default=160)
    parser.add_argument("--set", action="append", default=[], help="a setting of training")
    parser.add_argument("attune")
    parser.add_argument("sample")
    args = parser.parse_args()
    r = Round(args)
    r.sample()
    first = r.train(1)
    tuned = ("--arm", "rag+tuned", "--adapter", r.adapter(first))
    r.written("first", 1, r.results, *tuned)
    rows = os.path.join(r.documents, "reviewed.jsonl")
    if not os.path.exists(rows):
        r.run("review", "--results", r.results, "--export", rows)
    second = r.train(2)
    r.written("second", 2, r.results, "--arm", "rag+tuned", "--adapter", r.adapter(second))
    before, rag = r.beside("before"), r.beside("rag")
    r.written("before", 2, before, *tuned)
    r.written("rag", 2, rag, "--arm", "rag")
    one, two = r.rounds(r.results)[:2]
    general = [e["axes"]["general_text"]["arms"] for e in (first, second)]
    table([("first", "passages and the first training", one, general[0]["tuned"]["value"]), ("second", "passages and the first training", r.rounds(before)[0], general[0]["tuned"]["value"]),
           ("second", "passages and training with the edits", two, general[1]["tuned"]["value"]), ("second", "passages alone", r.rounds(rag)[0], general[0]["base"]["value"])])
    print(f"\nAll drafts were decided by a simulated editor. Change from the first round to the second, whose briefs are others: {share(two['change'])} points of HTER.")
    r.run("review", "--results", r.results, "--rounds", "--html", r.path("rounds.html"))


if __name__ == "__main__":
    main()
