#!/usr/bin/env python3
"""attune curate --meter from outside, with a tiny model: whole, again, stopped, killed: always the same bytes. As TAP.

usage: meter_test.py ATTUNE GOLDEN SAMPLE
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tap import Case

ATTUNE, GOLDEN = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SAMPLE = os.path.abspath(sys.argv[3])
MODEL = os.path.join(GOLDEN, "untied.gguf")
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("ATTUNE_", "HF_"))} | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/nonexistent"}


def documents(here, n):
    """So many files of each of two folders of the sample."""
    for kind in ("docs", "posts"):
        os.makedirs(os.path.join(here, kind))
        for name in sorted(os.listdir(os.path.join(SAMPLE, kind)))[:n]:
            shutil.copy(os.path.join(SAMPLE, kind, name), os.path.join(here, kind, name))


def meter(docs, out, *more):
    return [ATTUNE, "curate", "--in", docs, "--out", out, "--meter", "--model", MODEL, "--threads", "1", "--set", "lora_r=4", *more]


def run(*args):
    done = subprocess.run(args, env=ENV, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


def files(out):
    """What the meter made, byte for byte: what a training came to, the results, the report and its hash in the manifest."""
    found = {}
    for name in ["meter.json", "report.html", "manifest.json", *(os.path.join("meter", n) for n in sorted(os.listdir(os.path.join(out, "meter"))))]:
        path = os.path.join(out, name)
        if os.path.isfile(path) and not os.path.basename(name).startswith("."):
            with open(path, "rb") as f:
                found[name] = f.read()
        elif os.path.isdir(path):
            found[name] = b"a folder"
    return found


def cut(docs, out, number, want):
    """Ends the meter when a training has finished and the next one is under way."""
    child = subprocess.Popen(meter(docs, out), env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 120
    folder = os.path.join(out, "meter")
    while time.time() < deadline and child.poll() is None:
        names = os.listdir(folder) if os.path.isdir(folder) else []
        if "quarter.json" in names and [n for n in names if n.startswith("run-")]:
            break
        time.sleep(0.005)
    child.send_signal(number)
    _, err = child.communicate(timeout=120)
    Case.check(f"signal {number}: exit code {want}", child.returncode == want, (child.returncode, err))
    before = os.stat(os.path.join(folder, "quarter.json"))
    Case.check("and the results are not there yet", not os.path.exists(os.path.join(out, "meter.json")))
    rc, _, err = run(*meter(docs, out))
    after = os.stat(os.path.join(folder, "quarter.json"))
    Case.check("run again it goes on, and trains nothing twice", rc == 0 and (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns) and
               " trainings of " in err, (rc, err))


def main():
    here = tempfile.mkdtemp(prefix="meter_test_")
    try:
        docs, whole = os.path.join(here, "documents"), os.path.join(here, "whole")
        documents(docs, 16)
        rc, page, err = run(*meter(docs, whole))
        Case.check("it ends well and says what it will take", rc == 0 and "meter: 8 trainings of " in err and " min, at most " in err, (rc, err))
        Case.check("no training misses validation rows", "no validation loss" not in err, err)
        Case.check("a page", page.startswith("meter       ") and "\ndocs " in page and "\nposts " in page and "twice as " in page, page)
        with open(os.path.join(whole, "meter.json"), encoding="utf-8") as f:
            result = json.load(f)
        with open(os.path.join(whole, "manifest.json"), encoding="utf-8") as f:
            Case.check("of this data", json.load(f)["key"] == result["data"] and result["metered"])
        named = [t["name"] for t in result["trainings"]]
        Case.check("the trainings", named == ["base", "quarter", "half", "other-half", "all", "half-of-0", "without-0", "half-of-1", "without-1"], named)
        dealt = [t["dealt"] for t in result["trainings"]]
        Case.check("each larger than the one before", 0 == dealt[0] < dealt[1] < dealt[2] < dealt[4] and dealt[2] + dealt[3] == dealt[4], dealt)
        Case.check("training teaches", result["trainings"][4]["loss"]["value"] < result["trainings"][0]["loss"]["value"], result["trainings"])
        Case.check("every effect has an interval and a verdict", all(
            e["low"] <= e["value"] <= e["high"] and e["verdict"] in ("helps", "hurts", "cannot tell")
            for e in [result["twice"], result["own"], *(k[w] for k in result["kinds"] for w in ("without", "twice"))]), result)
        ranked = [k["without"]["value"] for k in result["kinds"]]
        Case.check("kinds are ranked", ranked == sorted(ranked, reverse=True) and {k["kind"] for k in result["kinds"]} == {"docs", "posts"}, ranked)
        nats = [d["nats"] for d in result["documents"]]
        Case.check("documents are ranked", len(nats) > 15 and nats == sorted(nats, reverse=True), nats)
        with open(os.path.join(whole, "report.html"), encoding="utf-8") as f:
            report = f.read()
        Case.check("a part of the report, with the curve", report.count("What more data would buy") == 1 and "Loss on new documents against rows" in report)
        first = files(whole)
        Case.check("only results are left of the trainings", not [n for n in first if "run-" in n], list(first))

        rc, again, err = run(*meter(docs, whole, "--json"))
        Case.check("again: nothing is trained, the same bytes", rc == 0 and files(whole) == first and " trainings of " not in err, err)
        Case.check("--json is what meter.json holds", json.loads(again) == result, again)
        rc, _, err = run(*meter(docs, whole, "--set", "learning_rate=0.0001"))
        Case.check("another setting trains again", rc == 0 and " trainings of " in err and files(whole)["meter.json"] != first["meter.json"], err)

        for number, want in ((signal.SIGINT, 75), (signal.SIGKILL, -9)):
            out = os.path.join(here, f"cut-{int(number)}")
            cut(docs, out, number, want)
            Case.check("with the same bytes in the end", files(out) == first, [n for n in first if files(out).get(n) != first[n]])

        few = os.path.join(here, "few")
        documents(few, 2)
        rc, page, err = run(*meter(few, os.path.join(here, "few-data")))
        Case.check("too little is said, not measured", rc == 0 and page.startswith("Too little to meter: "), (rc, page, err))
    finally:
        shutil.rmtree(here, ignore_errors=True)
    print(f"1..{Case.n}")
    return 1 if Case.failed else 0


if __name__ == "__main__":
    sys.exit(main())
