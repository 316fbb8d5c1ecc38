#!/usr/bin/env python3
"""attune write and attune review end to end: no draft is lost or doubled, and what people decide becomes rows. As TAP.

usage: write_test.py ATTUNE GOLDEN_DIR
"""
import json
import os
import subprocess
import sys
import tempfile
import time

from tap import HARBOR, Case

ATTUNE, GOLDEN = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
MODEL = os.path.join(GOLDEN, "untied.gguf")
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("ATTUNE_", "HF_"))} | {"HF_HUB_OFFLINE": "1"}


def run(*args, text="", **more):
    done = subprocess.run([ATTUNE, *args], input=text, env=ENV | more, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def put(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def write_args(briefs, out, *more):
    return ["write", "--in", briefs, "--out", out, "--results", "results", "--model", MODEL, "--arm", "base", "--max-tokens", "24", *more]


def test_briefs():
    put("briefs.csv", "\ufeffType,Audience,Key points,Length\nfaq,users,\"How long,\nand where\",60\nblog,all,,9\n,,Uploads of Harbor,\nfaq,users,\"How long,\nand where\",60\n")
    rc, out, err = run(*write_args("briefs.csv", "drafts"))
    made = lines("drafts/drafts.jsonl")
    Case.check("a draft for each brief, in their order", rc == 0 and [d["type"] for d in made] == ["faq", "", "faq"], (rc, out, err))
    Case.check("the prompt says it all", made[0]["prompt"] == "Write an answer for the FAQ for users, of about 60 words. It says: How long,\nand where" and
               made[1]["prompt"] == "Write a text. It says: Uploads of Harbor", made)
    Case.check("equal briefs have ids of their own", len({d["id"] for d in made}) == 3, made)
    Case.check("a bad row is named and left out", "briefs.csv: line 4: " in err and "1 briefs left out" in out, (out, err))
    Case.check("every draft is in the queue", json.loads(run("review", "--results", "results", "--status", "--json")[1])["waiting"] == 3)
    put("briefs.jsonl", json.dumps({"type": "faq", "audience": "users", "points": "How long,\nand where", "length": 60}) + "\n")
    rc, out, err = run(*write_args("briefs.jsonl", "other", "--arm", "rag"))
    same = lines("other/drafts.jsonl")[0]
    Case.check("lines of JSON are the same briefs", rc == 0 and same["id"] == made[0]["id"] and same["prompt"] == made[0]["prompt"], (rc, err))
    put("none.csv", "a,b\n1,2\n")
    for title, path, words in (("no column of points", "none.csv", "none.csv: line 1: expected a head"), ("no file", "absent.csv", "absent.csv")):
        rc, out, err = run(*write_args(path, "none"))
        Case.check(f"refused: {title}", rc in (1, 4) and words in err and not out, (rc, err))
    rc, out, err = run("write", "--in", "briefs.csv", "--out", "x", "--results", "absent")
    Case.check("refused: no results", rc == 2 and "--results absent" in err, (rc, err))
    put("alien/drafts.jsonl", '{"x":1}\n')
    rc, out, err = run(*write_args("briefs.csv", "alien"))
    Case.check("refused: a file of somebody else", rc == 4 and "alien/drafts.jsonl: line 1: expected a draft" in err, (rc, err))


def test_arms():
    """The verdict says who writes, unless a flag does."""
    key = "5c6eaafe2926" + "0" * 52
    os.makedirs("judged/eval")
    os.symlink(os.path.abspath("results/data"), "judged/data")
    run("train", "--model", MODEL, "--data", "results/data", "--out", f"judged/run-{key[:12]}", "--set", "max_steps=8", "--set", "learning_rate=0.05", "--set", "lora_r=4")
    put("judged/eval/prompt.json", json.dumps({"messages": [{"role": "system", "content": "Speak of bees."}, {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Bees."}]}))
    put("one.jsonl", '{"points": "Uploads of Harbor"}\n')
    put("said.jsonl", '{"messages": [{"role": "user", "content": "Write a text. It says: Uploads of Harbor"}]}\n')

    def verdict(best, model=MODEL, adapter=key):
        put("judged/eval/eval.json", json.dumps({"best": best, "verdict": "Because.", "adapter": adapter, "model": {"name": model, "key": ""}}))

    def written(out, *more):
        rc, _, err = run("write", "--in", "one.jsonl", "--out", out, "--results", "judged", "--max-tokens", "8", *more)
        return rc, err, lines(f"{out}/drafts.jsonl")[0] if rc == 0 else {}

    rc, err, draft = written("a0", "--model", MODEL)
    Case.check("without a verdict: passages, and it says so", rc == 0 and draft["evidence"] and draft["origin"] == f"rag of {MODEL}" and
               "written by rag" in err and "for want of a verdict in judged/eval" in err, (err, draft))
    texts = {}
    for arm, passages in (("base", 0), ("prompt", 0), ("rag", 1), ("tuned", 0), ("rag+tuned", 1)):
        verdict(arm)
        rc, err, draft = written(f"a-{arm}")
        texts[arm] = draft.get("text")
        Case.check(f"the verdict recommends {arm}", rc == 0 and draft["origin"].startswith(f"{arm} of {MODEL}") and
                   (f" with judged/run-{key[:12]}/adapter (" in draft["origin"]) == ("tuned" in arm) and bool(draft["evidence"]) == bool(passages) and
                   f"written by {draft['origin']}, which the verdict recommends: Because." in err, (rc, err, draft))
    Case.check("and every arm writes in its own way", len(set(texts.values())) > 3, texts)
    run("generate", "--model", MODEL, "--in", "said.jsonl", "--out", "said-base.jsonl", "--max-tokens", "8", "--temperature", "0")
    Case.check("the base is asked as generate asks it", lines("said-base.jsonl")[0]["text"] == texts["base"], texts)
    verdict("tuned")
    rc, err, draft = written("b", "--arm", "base")
    Case.check("a flag overrides", rc == 0 and draft["text"] == texts["base"] and "as --arm says" in err, (rc, err))
    rc, err, draft = written("c", "--model", os.path.join(GOLDEN, "tied"), "--arm", "rag")
    Case.check("so does a model", rc == 0 and draft["origin"].endswith("tied"), (rc, err))
    rc, err, draft = written("d", "--adapter", f"judged/run-{key[:12]}/adapter")
    Case.check("an adapter in place of the verdict's", rc == 0 and draft["text"] == texts["tuned"], (rc, err))
    verdict("rag", "another")
    rc, err, draft = written("d2", "--model", MODEL)
    Case.check("another model than the verdict's is said", rc == 0 and "the verdict was measured with another, not with" in err, (rc, err))
    for title, best, adapter, more, words in (("an arm that there is none of", "rag", key, ("--arm", "best"), '--arm "best": expected'),
                                              ("what attune cannot write", "today", key, (), 'the verdict recommends "today": expected'),
                                              ("an adapter for an arm without", "rag", key, ("--adapter", "x"), "the arm rag has none"),
                                              ("an adapter that is gone", "tuned", "1" * 64, (), "the arm tuned needs --adapter DIR")):
        verdict(best, adapter=adapter)
        rc, err, _ = written("e", *more)
        Case.check(f"refused: {title}", rc == 2 and words in err, (rc, err))
    put("judged/eval/eval.json", '{"best": 3}')
    rc, err, _ = written("e")
    Case.check("refused: what is no evaluation", rc == 4 and "eval.json: expected an evaluation" in err, (rc, err))


def test_resumed():
    """Killed at any time: the same bytes, and each draft once."""
    put("many.jsonl", "".join(json.dumps({"type": "faq", "points": f"Point {i} of Harbor"}) + "\n" for i in range(150)))
    rc, out, err = run(*write_args("many.jsonl", "whole"))
    with open("whole/drafts.jsonl", "rb") as f:
        whole = f.read()
    Case.check("150 drafts", rc == 0 and whole.count(b"\n") == 150, (rc, err))
    os.mkdir("killed")
    kills = 0
    for size in (1, len(whole) // 3, len(whole) // 2):
        child = subprocess.Popen([ATTUNE, *write_args("many.jsonl", "killed")], env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while child.poll() is None and (not os.path.exists("killed/drafts.jsonl") or os.path.getsize("killed/drafts.jsonl") < size):
            time.sleep(0.001)
        kills += child.poll() is None
        child.kill()
        child.wait()
    with open("killed/drafts.jsonl", "ab") as f:  # as a full disk leaves it
        f.write(b'{"id": "cut')
    rc, out, err = run(*write_args("many.jsonl", "killed"))
    with open("killed/drafts.jsonl", "rb") as f:
        Case.check("killed and run again: the same bytes", rc == 0 and f.read() == whole and kills == 3, (rc, kills, err))
    for cut in (0, len(whole) // 3, len(whole) - 1):
        with open("killed/drafts.jsonl", "wb") as f:
            f.write(whole[:cut])
        rc, out, err = run(*write_args("many.jsonl", "killed"))
        with open("killed/drafts.jsonl", "rb") as f:
            Case.check(f"cut at byte {cut}: the same bytes", rc == 0 and f.read() == whole, (rc, err))
    os.mkdir("later")
    rc, out, err = run(*write_args("many.jsonl", "killed")[:5], "--results", "later", "--model", MODEL, "--arm", "base", "--max-tokens", "24")
    Case.check("drafts that are there are queued where they are not", rc == 0 and
               json.loads(run("review", "--results", "later", "--status", "--json")[1])["waiting"] == 150, (rc, err))
    Case.check("no draft is queued twice", json.loads(run("review", "--results", "results", "--status", "--json")[1])["waiting"] == 153)


def status():
    return json.loads(run("review", "--results", "fresh", "--status", "--json")[1])


def test_review():
    os.mkdir("fresh")
    put("import.jsonl", "".join(json.dumps({"id": f"i{i}", "prompt": f"Say {i}.", "text": f"It is the number {i} of them."}) + "\n" for i in range(4)))
    rc, out, err = run("review", "--results", "fresh", "--import", "import.jsonl")
    Case.check("drafts are imported", rc == 0 and status()["waiting"] == 4, (rc, out, err))
    run("review", "--results", "fresh", "--import", "import.jsonl")
    Case.check("once", status()["waiting"] == 4)
    rc, out, err = run("review", "--results", "fresh", text="s\na\nx\nf\np\n\nu\nx\nt\n\nq\n")
    Case.check("decided by keys", rc == 0 and "It is the number 0 of them." in out, (rc, out, err))
    got = status()
    Case.check("accepted, rejected after an undo, skipped", (got["waiting"], got["accepted"], got["rejected"]) == (2, 1, 1) and
               got["reasons"] == {"term": 1, "fact": 0, "tone": 0, "format": 0, "pii": 0}, got)
    put("editor.sh", "echo 'It is a number of them.' > \"$1\"\n")
    rc, out, err = run("review", "--results", "fresh", text="e\no\n\nq\n", EDITOR="sh editor.sh", VISUAL="")
    got = status()
    Case.check("edited, with the rate of it", (got["edited"], got["edits"], got["words"]) == (1, 2, 13) and got["reasons"]["tone"] == 1, (got, err))
    rc, out, err = run("review", "--results", "fresh", text="e\nq\n", EDITOR="false", VISUAL="")
    Case.check("an editor that fails decides nothing", rc == 0 and "nothing was decided" in err and status()["waiting"] == 1, (rc, err))
    rc, out, err = run("review", "--results", "fresh", "--export", "docs/reviewed.jsonl", "--preferences", "pairs.jsonl")
    rows, pairs = lines("docs/reviewed.jsonl"), lines("pairs.jsonl")
    Case.check("accepted and edited drafts become rows", rc == 0 and sorted(r["messages"][1]["content"] for r in rows) ==
               ["It is a number of them.", "It is the number 1 of them."], (rows, err))
    Case.check("edits become pairs", [(p["chosen"], p["rejected"]) for p in pairs] == [("It is a number of them.", "It is the number 3 of them.")] or
               [p["chosen"] for p in pairs] == ["It is a number of them."], pairs)
    rc, out, err = run("curate", "--in", "docs", "--out", "next")
    said = [m["content"] for row in lines("next/train.jsonl") + lines("next/valid.jsonl") for m in row.get("messages", [])]
    Case.check("which the next data set has", rc == 0 and "It is a number of them." in said, (rc, err))
    put("bad.jsonl", '{"id": "x", "prompt": "y"}\n')
    rc, out, err = run("review", "--results", "fresh", "--import", "bad.jsonl")
    Case.check("refused: a line without text", rc == 4 and "bad.jsonl: line 1: expected" in err, (rc, err))


def main():
    with tempfile.TemporaryDirectory() as here:
        os.chdir(here)
        os.mkdir("alien")
        os.mkdir("docs")
        put("docs/plans.md", HARBOR)
        run("curate", "--in", "docs", "--out", "results/data")
        test_briefs()
        test_arms()
        test_resumed()
        test_review()
        os.chdir("/")
    print(f"1..{Case.n}")
    return Case.failed > 0


sys.exit(main())
