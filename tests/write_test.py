#!/usr/bin/env python3
"""attune write and attune review end to end: no draft is lost or doubled, and what people decide becomes rows. As TAP.

usage: write_test.py ATTUNE GOLDEN_DIR
"""
import json
import os
import random
import re
import signal
import sqlite3
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
    put("briefs.csv", "\ufeffType,Audience,Key points,Length\nfaq,users,\"Uploads of Harbor,\nand where\",60\nblog,all,,9\n,,Uploads of Harbor,\nfaq,users,\"Uploads of Harbor,\nand where\",60\n")
    rc, out, err = run(*write_args("briefs.csv", "drafts"))
    made = lines("drafts/drafts.jsonl")
    Case.check("a draft for each brief, in their order", rc == 0 and [d["type"] for d in made] == ["faq", "", "faq"], (rc, out, err))
    Case.check("the prompt says it all", made[0]["prompt"] == "Write an answer for the FAQ for users, of about 60 words. It says: Uploads of Harbor,\nand where" and
               made[1]["prompt"] == "Write a text. It says: Uploads of Harbor", made)
    Case.check("equal briefs have ids of their own", len({d["id"] for d in made}) == 3, made)
    Case.check("a bad row is named and left out", "briefs.csv: line 4: " in err and "1 briefs left out" in out, (out, err))
    Case.check("every draft is in the queue", json.loads(run("review", "--results", "results", "--status", "--json")[1])["waiting"] == 3)
    put("briefs.jsonl", json.dumps({"type": "faq", "audience": "users", "points": "Uploads of Harbor,\nand where", "length": 60}) + "\n")
    rc, out, err = run(*write_args("briefs.jsonl", "other", "--arm", "rag"))
    same = lines("other/drafts.jsonl")[0]
    Case.check("lines of JSON are the same briefs", rc == 0 and same["id"] == made[0]["id"] and same["prompt"] == made[0]["prompt"], (rc, err))
    os.mkdir("lists")
    put("list.jsonl", json.dumps({"type": None, "points": ["Uploads of Harbor", "where"], "length": "60"}) + "\n" + '{"points": ["a", 7]}\n{"points": {"a": 1}}\n{"points": "a", "length": -5}\n{"points": "a", "length": "short"}\n')
    rc, out, err = run(*write_args("list.jsonl", "list")[:5], "--results", "lists", "--model", MODEL, "--arm", "base", "--max-tokens", "24")
    Case.check("points may be a list", rc == 0 and lines("list/drafts.jsonl")[0]["points"] == "Uploads of Harbor; where" and len(lines("list/drafts.jsonl")) == 1, (rc, err))
    Case.check("what is no text is named", all(f"list.jsonl: line {n}: expected {w}; left out" in err for n, w in (
        (2, '"points" to be a string or a list of strings, found a list with a number'), (3, '"points" to be a string or a list of strings, found an object'),
        (4, 'a "length" in words, found "-5"'), (5, 'a "length" in words, found "short"'))), err)
    put("gap.jsonl", '{"points": "Uploads of Harbor"}\n\n\n{"type": "faq"}\n')
    rc, out, err = run(*write_args("gap.jsonl", "gap"))
    Case.check("a bad line is named as editors count", rc == 0 and "gap.jsonl: line 4: " in err, (rc, err))
    rc, out, err = run(*write_args("briefs.jsonl", "full", "--arm", "rag", "--max-tokens", "512"))
    full = lines("full/drafts.jsonl")[0]
    Case.check("passages for which the context has no room are no evidence", rc == 0 and same["evidence"] and not full["evidence"], (rc, err, full))
    for name, sign in (("semicolons", ";"), ("tabs", "\t")):
        put(f"{name}.csv", "\ufefftype;audience;points;length\nfaq;users;\"Uploads of Harbor,\nand where\";60\n".replace(";", sign))
        rc, out, err = run(*write_args(f"{name}.csv", name))
        Case.check(f"so are rows with {name}", rc == 0 and lines(f"{name}/drafts.jsonl")[0]["id"] == made[0]["id"], (rc, err))
    for name, row in (("open", '"Uploads of Harbor\n'), ("inside", 'the "Send" button of Harbor\n'), ("behind", '"Uploads" of Harbor\n')):
        put(f"{name}.csv", f"points,length\nUploads of Harbor,60\n{row}Uploads of Harbor,60\n")
        rc, out, err = run(*write_args(f"{name}.csv", "quotes"))
        Case.check(f"refused, not swallowed: a quotation mark, {name}", rc == 4 and f"{name}.csv: line 3: expected a row whose quotation marks" in err and not os.path.exists("quotes/drafts.jsonl"), (rc, out, err))
    put("none.csv", "a,b\n1,2\n")
    for title, path, words in (("no column of points", "none.csv", "none.csv: line 1: expected a head with the columns type, audience, points and length, found a, b"), ("no file", "absent.csv", "absent.csv")):
        rc, out, err = run(*write_args(path, "none"))
        Case.check(f"refused: {title}", rc in (1, 4) and words in err and not out, (rc, err))
    rc, out, err = run("write", "--in", "briefs.csv", "--out", "x", "--results", "absent")
    Case.check("refused: no results", rc == 2 and "--results absent" in err, (rc, err))
    put("alien/drafts.jsonl", '{"x":1}\n')
    rc, out, err = run(*write_args("briefs.csv", "alien"))
    Case.check("refused: a file of somebody else", rc == 4 and "alien/drafts.jsonl: line 1: expected a draft" in err, (rc, err))
    put("alien/drafts.jsonl", json.dumps({k: v for k, v in made[0].items() if k != "findings"}) + "\n")
    rc, out, err = run(*write_args("briefs.csv", "alien"))
    Case.check("refused: a draft without findings", rc == 4 and "alien/drafts.jsonl: line 1: expected a draft" in err, (rc, err))
    put("alien/drafts.jsonl", json.dumps(made[0] | {"findings": [{"message": "of no kind"}]}) + "\n")
    rc, out, err = run(*write_args("briefs.csv", "alien"))
    Case.check("a finding of no kind is no claim", rc == 0 and "1 of them from before" in out, (rc, out, err))


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
        put("judged/eval/eval.json", json.dumps({"best": best, "verdict": "Because.", "model": {"name": model, "key": "", "adapter": adapter}}))

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
    rc, err, _ = written("c", "--model", MODEL, "--arm", "base")
    Case.check("nor are drafts taken for another writer's", rc == 4 and f"expected a draft written by base of {MODEL}, found one by rag of {draft['origin'][7:]}; " in err,
               (rc, err))
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


def test_grounded():
    """Of a model that knows nothing and says anything no number is left, and what is left is what it said."""
    mark = re.compile(r"\[(?:number|name)\?\]")
    put("bare.jsonl", "".join(json.dumps({"type": "faq", "points": "Harbor " + "x" * i}) + "\n" for i in range(70)))
    os.mkdir("bare")
    os.mkdir("bare-free")
    args = ("--in", "bare.jsonl", "--model", MODEL, "--arm", "base", "--max-tokens", "24", "--temperature", "1")
    run("write", *args, "--results", "bare-free", "--out", "free")
    rc, out, err = run("write", *args, "--results", "bare", "--out", "grounded", "--grounded")
    free, grounded = lines("free/drafts.jsonl"), lines("grounded/drafts.jsonl")
    n = [len(mark.findall(d["text"])) for d in grounded]
    Case.check("places are left open, and counted", rc == 0 and sum(n) > 10 and f"left open   {sum(n)} places in {sum(map(bool, n))} drafts" in out, (rc, out, err))
    Case.check("nobody has told a number", any(re.search(r"\d", d["text"]) for d in free) and not any(re.search(r"\d", d["text"]) for d in grounded),
               [d["text"] for d in grounded if re.search(r"\d", d["text"])])
    Case.check("what is not open stays", all(re.fullmatch(".+?".join(map(re.escape, mark.split(g["text"]))), f["text"], re.S) for f, g in zip(free, grounded)) and
               all(f["text"] == g["text"] for f, g, k in zip(free, grounded, n) if not k), (free, grounded))
    Case.check("each is a finding for a person, and no claim", [sum(f["kind"] == "gap" for f in d["findings"]) for d in grounded] == n and
               all(mark.fullmatch(d["text"].encode()[f["start"]:f["end"]].decode()) for d in grounded for f in d["findings"]), grounded)
    Case.check("the drafts say so", all(g["origin"] == f"{f['origin']}, grounded" for f, g in zip(free, grounded)), grounded[0])
    with open("grounded/drafts.jsonl", "rb") as f:
        whole = f.read()
    put("grounded/drafts.jsonl", whole[:len(whole) // 2].decode(errors="ignore"))
    rc, out, err = run("write", *args, "--results", "bare", "--out", "grounded", "--grounded")
    with open("grounded/drafts.jsonl", "rb") as f:
        Case.check("cut and run again: the same bytes", rc == 0 and f.read() == whole, (rc, err))
    rc, _, err = run("write", *args, "--results", "bare", "--out", "free", "--grounded")
    Case.check("drafts made without are not taken for it", rc == 4 and f"free/drafts.jsonl: line 1: expected a draft written by {grounded[0]['origin']}, "
               f"found one by {free[0]['origin']}; give another --out" in err, (rc, err))
    seen = run("review", "--results", "bare", text="s\n" * 139 + "q\n")[1]
    Case.check("review shows them", seen.count('gap "[name?]": a place left open: which name belongs here?') >= sum(n) // 2, seen[-500:])
    os.mkdir("open")
    put("open.jsonl", "".join(json.dumps({"id": f"o{i}", "prompt": f"Say {i}.", "text": f"It takes [number?] days, number {i}."}) + "\n" for i in range(3)))
    put("filled.jsonl", json.dumps({"id": "o0", "action": "accept"}) + "\n" + json.dumps({"id": "o1", "action": "edit", "text": "It takes [name?] days."}) + "\n" +
        json.dumps({"id": "o2", "action": "edit", "text": "It takes nine days."}) + "\n")
    run("review", "--results", "open", "--import", "open.jsonl")
    run("review", "--results", "open", "--decisions", "filled.jsonl")
    rc, _, err = run("review", "--results", "open", "--export", "filled-rows.jsonl", "--preferences", "filled-pairs.jsonl", "--labels", "filled-labels.jsonl")
    Case.check("nothing is learnt from what is still open", rc == 0 and [r["messages"][1]["content"] for r in lines("filled-rows.jsonl")] == ["It takes nine days."] and
               lines("filled-pairs.jsonl") == [] and
               [(k["completion"], k["label"]) for k in lines("filled-labels.jsonl")] == [("It takes nine days.", True)], err)


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


def drafts(folder):
    try:
        with open(f"{folder}/drafts.jsonl", "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def test_thousand():
    """1,000 drafts need the memory of 100, and two kills at any time cost none. Every 64 get a workspace; where glibc takes it from the heap instead of
    mapping it, which it begins to do of itself after the first, what lies behind decides whether there are two of them."""
    briefs = [json.dumps({"type": "faq", "points": f"Point {i} of Harbor"}) + "\n" for i in range(1000)]
    put("hundred.jsonl", "".join(briefs[:100]))
    put("thousand.jsonl", "".join(briefs))
    for results in ("hundred", "thousand", "thousand-resumed"):
        os.mkdir(results)

    def start(out, results="thousand-resumed", briefs="thousand.jsonl"):
        return subprocess.Popen([ATTUNE, "write", "--in", briefs, "--out", out, "--results", results, "--model", MODEL, "--arm", "base", "--max-tokens", "4"],
                                env=ENV | {"MALLOC_MMAP_THRESHOLD_": "1000000",
                                           "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"}, # what is freed shall not count
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def until(child, folder, n):
        while child.poll() is None and drafts(folder).count(b"\n") < n:
            time.sleep(0.01)

    few = os.wait4(start("hundred-whole", "hundred", "hundred.jsonl").pid, 0)[2]
    _, code, used = os.wait4(start("thousand-whole", "thousand").pid, 0)
    whole = drafts("thousand-whole")
    Case.check("1,000 drafts, with the memory of 100", code == 0 and whole.count(b"\n") == 1000 and used.ru_maxrss < 1.05 * few.ru_maxrss, (code, few.ru_maxrss, used.ru_maxrss))
    rng = random.Random(time.time_ns())
    points = sorted(rng.sample(range(1, 800), 2))
    killed = 0
    for point in points:
        child = start("thousand-killed")
        until(child, "thousand-killed", point)
        child.kill()
        killed += child.wait() == -signal.SIGKILL
    code = start("thousand-killed").wait()
    Case.check("killed twice: the same bytes", killed == 2 and code == 0 and drafts("thousand-killed") == whole, (points, killed, code))
    Case.check("and each is queued once", json.loads(run("review", "--results", "thousand-resumed", "--status", "--json")[1])["waiting"] == 1000)


def status():
    return json.loads(run("review", "--results", "fresh", "--status", "--json")[1])


def test_review():
    os.mkdir("fresh")
    put("import.jsonl", "".join(json.dumps({"id": f"i{i}", "prompt": f"Say {i}.", "text": f"It is the number {i} of them."}) + "\n" for i in range(4)))
    rc, out, err = run("review", "--results", "fresh", "--import", "import.jsonl")
    Case.check("drafts are imported", rc == 0 and status()["waiting"] == 4, (rc, out, err))
    rc, out, err = run("review", "--results", "fresh", "--import", "import.jsonl", "--json")
    Case.check("once, and it says so, in JSON too", json.loads(out) == status() and status()["waiting"] == 4 and "0 new drafts" in err and "4 were in the queue already" in err, err)
    rc, out, err = run("review", "--results", "fresh", text="s\na\nx\nf\np\n\nu\nx\nt\n\nq\n")
    Case.check("decided by keys", rc == 0 and "It is the number 0 of them." in out, (rc, out, err))
    got = status()
    Case.check("accepted, rejected after an undo, skipped", (got["waiting"], got["accepted"], got["rejected"]) == (2, 1, 1) and
               got["reasons"] == {"term": 1, "fact": 0, "tone": 0, "format": 0, "pii": 0}, got)
    put("editor.sh", "echo 'It is a number of them.' > \"$1\"\n")
    rc, out, err = run("review", "--results", "fresh", text="e\n\no\n\nq\n", EDITOR="sh editor.sh", VISUAL="")
    got = status()
    Case.check("an edit is shown word by word", "It is [-the-]{+a+} number [-" in out and "\033" not in out and "Enter keeps it" in err, (out, err))
    Case.check("edited, with the rate of it", (got["edited"], got["edits"], got["words"]) == (1, 2, 13) and got["reasons"]["tone"] == 1, (got, err))
    rc, out, err = run("review", "--results", "fresh", text="u\ne\nq\nq\n", EDITOR="sh editor.sh", VISUAL="")
    Case.check("an edit can be given up", status()["edited"] == 1, (out, err))
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
    rc, out, err = run("review", "--results", "fresh", "--labels", "labels.jsonl")
    labels = lines("labels.jsonl")
    Case.check("and everything decided becomes labels", rc == 0 and {l["completion"] for l in labels if l["label"]} ==
               {r["messages"][1]["content"] for r in rows} and len(labels) == 4 and pairs[0]["rejected"] in {l["completion"] for l in labels if not l["label"]}, labels)
    for title, text in (("text", {}), ("a word of text", {"text": ""})):
        put("bad.jsonl", json.dumps({"id": "x", "prompt": "y"} | text) + "\n")
        rc, out, err = run("review", "--results", "fresh", "--import", "bad.jsonl")
        Case.check(f"refused: a line without {title}", rc == 4 and "bad.jsonl: line 1: expected" in err, (rc, err))
    log_put("empty", [{"id": "e0", "text": ""}])  # as a log may have it from before
    put("editor.sh", "stat -c %a \"$1\" > mode; echo 'It is said.' > \"$1\"\n")
    rc, out, err = run("review", "--results", "empty", text="e\n\n\nq\n", EDITOR="sh editor.sh", VISUAL="")
    Case.check("a draft without a word can be edited", rc == 0 and json.loads(run("review", "--results", "empty", "--status", "--json")[1])["edited"] == 1, (rc, out, err))
    with open("mode", encoding="ascii") as f:
        Case.check("what is edited is its owner's alone to read", f.read() == "600\n")


FOUND = [{"start": 13, "end": 19, "kind": "claim", "message": "the documents say 30 seconds", "instead": "30 seconds"},
         {"start": 0, "end": 6, "kind": "term", "message": "\"Haven\" is written \"Harbor\" here", "instead": "Harbor"}]
UNSUPPORTED = {"start": 13, "end": 19, "kind": "unsupported", "instead": "30 seconds"}  # as the page has it


def log_put(results, drafts):
    """Puts drafts with findings and passages into a log that attune made."""
    os.makedirs(results, exist_ok=True)
    run("review", "--results", results, "--status")
    with sqlite3.connect(f"{results}/reviews.db") as db:
        db.executemany("INSERT INTO draft(id, kind, prompt, text, origin, evidence, findings, urgency, again, at) VALUES(?, 'faq', ?, ?, ?, ?, ?, 0, 0, 0)",
                       [(d["id"], d.get("prompt", "Say it."), d["text"], d.get("origin", "rag"), json.dumps(d.get("evidence", [])), json.dumps(d.get("findings", []))) for d in drafts])
    db.close()


def test_shown():
    """Findings are marked where they stand, with the passages above, and nothing of a draft steers the terminal."""
    log_put("shown", [{"id": "a", "text": "Havens last \x1b[2J99 days.", "origin": "rag", "findings": FOUND,
                       "evidence": [{"source": "plans.md", "heading": "Plans", "text": "The default timeout is 30 seconds."}]}])
    rc, out, err = run("review", "--results", "shown", text="q\n")
    Case.check("findings are marked and said", rc == 0 and "[1: Havens] last" in out and "[2: " in out and
               '  1 term "Havens": "Haven" is written "Harbor" here\n' in out and "the documents say 30 seconds" in out, out)
    Case.check("passages stand above with their text", "passage: plans.md (Plans)\nThe default timeout is 30 seconds.\n" in out and "1 waiting" in out, out)
    Case.check("no escape reaches the terminal", "\x1b" not in out, out)
    log_put("hostile", [{"id": "b", "text": "Havens.", "origin": "rag", "findings": [{"start": 0, "end": 6, "kind": "odd\x1b[2J", "message": "mess\x1b]0;age\x07"},
                                                                                    {"start": 0, "end": 6, "kind": "unsupported", "instead": "in\x1b[31mstead\u009b2J"}]}])
    rc, out, err = run("review", "--results", "hostile", text="q\n")
    Case.check("nor one of a finding", "mess\ufffd]0;age\ufffd" in out and "odd\ufffd[2J" in out and "the documents do not say so; there: in\ufffd[31mstead" in out and
               not any(c in out for c in "\x1b\x07\u009b"), out)
    main_end, side = os.openpty()
    child = subprocess.Popen([ATTUNE, "review", "--results", "shown"], env={k: v for k, v in ENV.items() if k != "NO_COLOR"}, stdin=side, stdout=side, stderr=subprocess.DEVNULL)
    os.close(side)
    os.write(main_end, b"q")
    seen = b""
    while b"waiting     1" not in seen:
        seen += os.read(main_end, 4096)
    child.wait()
    Case.check("colours on a terminal", b"\x1b[4;33mHavens\x1b[0m" in seen and b"\x1b[4;31m" in seen and b"\x1b[2J" not in seen, seen)


def rounds(results, *more):
    rc, out, err = run("review", "--results", results, "--rounds", "--json", *more)
    return [json.loads(line) for line in out.splitlines()] if rc == 0 else err


def test_cases():
    """What people decided is asked again: the value that they want has to be there, and what they took out must not come back."""
    evidence = [{"source": "plans.md", "heading": "Plans", "text": ""}]
    claim = {"start": 15, "end": 25, "kind": "claim", "message": "", "instead": "30 seconds"}
    log_put("cases", [{"id": "accept", "prompt": "How long is the limit?", "text": "The limit is 4 hours.", "evidence": evidence},
                      {"id": "edit", "prompt": "How long is the timeout of Harbor?", "text": "It is 31 seconds, see --wait.", "evidence": evidence},
                      {"id": "reject", "prompt": "After what time does it stop?", "text": "It stops after 50 seconds.", "findings": [claim], "evidence": evidence},
                      {"id": "many", "prompt": "What are the limits?", "text": "They are 4 hours and 9 days.", "evidence": evidence},
                      {"id": "none", "prompt": "What is good?", "text": "It is good.", "evidence": evidence},
                      {"id": "waits", "prompt": "How many?", "text": "It is 7 days.", "evidence": evidence},
                      {"id": "longer", "prompt": "Which flag waits for everything?", "text": "It is --wait.", "evidence": evidence},
                      {"id": "program", "prompt": "How often?", "text": "It is 8 times.", "evidence": evidence}])
    made = [{"id": "accept", "action": "accept"}, {"id": "edit", "action": "edit", "text": "It is 30 seconds.", "reasons": ["fact"]},
            {"id": "reject", "action": "reject", "reasons": ["fact"]}, {"id": "many", "action": "accept"}, {"id": "none", "action": "reject", "reasons": ["tone"]},
            {"id": "longer", "action": "edit", "text": "It is --wait-all.", "reasons": ["fact"]}, {"id": "program", "action": "accept", "simulated": True}]
    put("made.jsonl", "".join(json.dumps(d) + "\n" for d in made))
    run("review", "--results", "cases", "--decisions", "made.jsonl")
    rc, out, err = run("review", "--results", "cases", "--cases", "cases.jsonl", "--export", "rows.jsonl", "--labels", "labels.jsonl")
    got = {c["id"]: c for c in lines("cases.jsonl")}
    Case.check("decisions that one value tells become cases", rc == 0 and "4 cases" in err and sorted(got) == ["accept", "edit", "longer", "reject"], (got, err))
    Case.check("what stands in the good text is not forbidden", got["longer"]["answers"] == ["--wait-all"] and "must_not" not in got["longer"], got)
    Case.check("an accepted value is asked for", got["accept"] == {"id": "accept", "question": "How long is the limit?", "answers": ["4 hours"], "source": "plans.md",
                                                               "reference": "The limit is 4 hours."}, got)
    Case.check("of an edit what was put in, and what was taken out", got["edit"]["answers"] == ["30 seconds"] and got["edit"]["must_not"] == ["31 seconds", "--wait"] and
               got["edit"]["reference"] == "It is 30 seconds.", got)
    Case.check("of a reject what the documents have instead", got["reject"]["answers"] == ["30 seconds"] and got["reject"]["must_not"] == ["50 seconds"] and
               "reference" not in got["reject"], got)
    Case.check("a case is in no file to train on", sorted(r["source"]["review"] for r in lines("rows.jsonl")) == ["many", "program"] and
               {l["prompt"] for l in lines("labels.jsonl")} == {"What are the limits?", "What is good?", "How often?"}, (lines("rows.jsonl"), lines("labels.jsonl")))
    model = os.path.join(GOLDEN, "tied")
    rc, _, err = run("train", "--model", model, "--data", "results/data", "--out", "case-run", "--set", "max_steps=2", "--set", "lora_r=2")
    Case.check("an adapter to judge", rc == 0, err)
    said = {"accept": "The limit is 4 hours.", "edit": "It is 30 seconds, see --wait.", "reject": "It stops after half a minute, 30 seconds.", "longer": "It is --wait-all."}
    put("today.jsonl", "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in said.items()))
    rc, out, err = run("eval", "--model", model, "--data", "results/data", "--adapter", "case-run/adapter", "--out", "case-eval", "--questions", "cases.jsonl",
                       "--answers", "today=today.jsonl")
    judged = {q["id"]: q["today"] for q in json.load(open("case-eval/eval.json", encoding="utf-8"))["questions"]} if rc == 0 else {}
    Case.check("eval judges them, and what came back is wrong", rc == 0 and {i: j["right"] for i, j in judged.items()} == {"accept": True, "edit": False, "reject": True, "longer": True} and
               judged["edit"]["competing"] == "--wait", (rc, judged, err))
    with open("case-eval/report.html", encoding="utf-8") as f:
        Case.check("the report says what must not", "Must not come back: 31 seconds &middot; --wait" in f.read())


def test_rounds():
    """What each writer's drafts needed, by hand: 10 words each, of which the first round changes 5 and the second 1."""
    words = "one two three four five six seven eight nine ten"
    log_put("rounds", [{"id": f"{r}{i}", "text": words, "origin": f"writer {r}", "findings": [FOUND[0] if i % 2 else UNSUPPORTED] if r == "a" else [UNSUPPORTED | {"kind": "supported"}],
                        "evidence": [{"source": f"page-{i % 5}.md"}]} for r in "ab" for i in range(20)])
    changed = {"a": "one two three four five x x x x x", "b": "one two three four five six seven eight nine x"}
    made = [{"id": f"{r}{i}", "action": "edit", "text": changed[r], "reasons": ["fact"], "seconds": 6, "simulated": True} for r in "ab" for i in range(16)]
    made += [{"id": "a16", "action": "accept"}, {"id": "b16", "action": "accept"}, {"id": "b17", "action": "accept"}, {"id": "b18", "action": "reject", "reasons": ["tone"]}]
    put("made.jsonl", "".join(json.dumps(d) + "\n" for d in made))
    rc, out, err = run("review", "--results", "rounds", "--decisions", "made.jsonl")
    Case.check("decisions made elsewhere are taken", rc == 0 and "36 drafts decided" in err, err)
    rc, out, err = run("review", "--results", "rounds", "--decisions", "made.jsonl")
    Case.check("once", rc == 0 and "0 drafts decided" in err, err)
    a, b = rounds("rounds")
    Case.check("a round is what one writer wrote", (a["origin"], a["drafts"], a["accepted"], a["edited"], b["accepted"], b["rejected"]) == ("writer a", 20, 1, 16, 2, 1), (a, b))
    Case.check("HTER is the edits over the words", abs(a["hter"]["value"] - 80 / 170) < 1e-9 and abs(b["hter"]["value"] - 16 / 180) < 1e-9, (a, b))
    Case.check("with an interval, and the change from the round before", a["hter"]["low"] <= a["hter"]["value"] <= a["hter"]["high"] and a["change"]["value"] is None and
               b["change"]["high"] < 0 and abs(b["change"]["value"] - (16 / 180 - 80 / 170)) < 1e-9, (a, b))
    Case.check("unedited, minutes, reasons, findings", abs(b["unedited"]["value"] - 2 / 19) < 1e-9 and abs(a["minutes_per_100"] - 96 / 17 * 100 / 60) < 1e-6 and
               (a["reasons"]["fact"], b["reasons"]["tone"]) == (16, 1) and (a["claims_per_draft"], b["claims_per_draft"]) == (1, 0), (a, b))
    rc, out, err = run("review", "--results", "rounds", "--rounds", "--html", "rounds.html")
    with open("rounds.html", encoding="utf-8") as f:
        page = f.read()
    Case.check("for people, too", rc == 0 and "round 2     writer b" in out and "): better\n" in out and "16 decided by a simulated editor" in out, (out, err))
    Case.check("and as a page that needs nothing else", page.count("<circle") == 2 and "16 decided by a simulated editor" in page and "writer b" in page and
               "http" not in page.replace("http-equiv", "") and "<script" not in page, page)
    Case.check("what is simulated is said with the figures", json.loads(run("review", "--results", "rounds", "--status", "--json")[1])["simulated"] == 32 and
               "32 of them, by a program" in run("review", "--results", "rounds", "--status")[1])
    run("review", "--results", "rounds", "--export", "simulated.jsonl")
    Case.check("and in the rows", sum(row["source"].get("simulated", False) for row in lines("simulated.jsonl")) == 32)
    for title, line, words in (("an unknown draft", {"id": "z", "action": "accept"}, 'there is no draft "z"'), ("an unknown action", {"id": "a19", "action": "undo"}, "expected"),
                               ("an edit without a text", {"id": "a19", "action": "edit"}, "expected"), ("an unknown reason", {"id": "a19", "action": "reject", "reasons": ["x"]}, "reasons: expected"),
                               ("reasons that are no list", {"id": "a19", "action": "reject", "reasons": "fact"}, "reasons: expected"), ("a reason twice", {"id": "a19", "action": "reject", "reasons": ["fact", "fact"]}, "reasons: expected"),
                               ("time that runs back", {"id": "a19", "action": "accept", "seconds": -1}, "expected")):
        put("bad.jsonl", json.dumps(line) + "\n")
        rc, out, err = run("review", "--results", "rounds", "--decisions", "bad.jsonl")
        Case.check(f"refused: {title}", rc == 4 and f"bad.jsonl: line 1: " in err and words in err, (rc, err))
    os.mkdir("none")
    Case.check("no drafts, no rounds", run("review", "--results", "none", "--rounds", "--html", "none.html")[1] == "no drafts\n" and rounds("none") == [])


def main():
    with tempfile.TemporaryDirectory() as here:
        os.chdir(here)
        os.mkdir("alien")
        os.mkdir("docs")
        put("docs/plans.md", HARBOR)
        run("curate", "--in", "docs", "--out", "results/data")
        test_briefs()
        test_arms()
        test_grounded()
        test_resumed()
        test_thousand()
        test_review()
        test_shown()
        test_rounds()
        test_cases()
        os.chdir("/")
    print(f"1..{Case.n}")
    return Case.failed > 0


sys.exit(main())
