#!/usr/bin/env python3
"""The page of `attune serve` at the level of HTTP: files and their policy, who is let in, what is kept. As TAP.

usage: page_test.py ATTUNE GOLDEN
"""
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

from serve_test import ADAPTER, ASKED, ATTUNE, CHAT, ENV, MODEL, Server, curate, head, status_of
from tap import Case

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; frame-ancestors 'none'; "
          "base-uri 'none'; form-action 'self'")
TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
HOSTILE = "<script>document.title = 'owned'</script><img src=x onerror=alert(1)> \u202e\u0007"


def csrf(s, cookie=None):
    return json.loads(s.ask("GET", "/page/state", headers={"Cookie": cookie} if cookie else {})[2])["csrf"]


def send(s, path, body, token=None, **headers):
    status, _, text = s.ask("POST", path, body, ({"X-CSRF-Token": token} if token else {}) | headers)
    return status, json.loads(text)


def test_files(s):
    status, headers, text = s.ask("GET", "/")
    Case.check("the page, with its policy", status == 200 and headers["Content-Type"] == TYPES["html"] and headers["Content-Security-Policy"] == POLICY and
               headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer" and
               headers["Cross-Origin-Opener-Policy"] == "same-origin", headers.items())
    seen, todo = {"/": text.decode()}, ["/"]
    while todo:
        path = todo.pop()
        found = re.findall(r'(?:href|src)="(/[^"#]*)"', seen[path]) if path == "/" else [f"/ui/{one}" for one in re.findall(r'from "\./([^"]+)"', seen[path])]
        for one in sorted(set(found) - set(seen)):
            status, headers, text = s.ask("GET", one)
            Case.check(f"{one} and its type", status == 200 and headers["Content-Type"] == TYPES[one.rsplit(".", 1)[1]] and
                       headers["Content-Security-Policy"] == POLICY, (status, headers.items()))
            seen[one] = text.decode()
            todo.append(one)
    Case.check("there are scripts", len(seen) > 5, list(seen))
    whole = "\n".join(seen.values()).replace("http://www.w3.org/2000/svg", "")
    Case.check("nothing is fetched from elsewhere", not re.search(r"https?://|//[a-z]+\.[a-z]+/|@import|url\(", whole))
    Case.check("no script and no style inside the page", not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", seen["/"]))
    Case.check("texts never become markup", not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|createContextualFragment", whole))
    tag = s.ask("GET", "/ui/app.js")[1]["ETag"]
    status, headers, text = s.ask("GET", "/ui/app.js", headers={"If-None-Match": tag})
    Case.check("a copy that is still right is not sent again", status == 304 and text == b"" and headers["ETag"] == tag, (status, headers.items()))
    Case.check("one that is not is", s.ask("GET", "/ui/app.js", headers={"If-None-Match": '"0"'})[0] == 200 and tag != s.ask("GET", "/ui/dom.js")[1]["ETag"])
    Case.check("HEAD has no body", b"\r\n\r\n" in (got := s.raw(head("Host: localhost", method="HEAD", path="/"))) and got.endswith(b"\r\n\r\n"), got)
    for path in ("/ui/", "/ui/nothing.js", "/ui//app.js", "/ui/./app.js", "/ui/../app.js", "/ui/%2e%2e/ui/app.js", "/ui/app.js/", "/ui/app.js%20", "/index.html",
                 "/page/", "/page/nothing", "/report/", "/report/eval", "/report/../eval.json", "/report/..%2feval.json", "/report/eval.json"):
        Case.check(f"404 for {path}", s.ask("GET", path)[0] == 404)
    Case.check("400 for a NUL in a path", s.ask("GET", "/ui/app.js%00")[0] == 400)
    Case.check("405 for POST", s.ask("POST", "/", "{}")[0] == s.ask("POST", "/page/state", "{}")[0] == s.ask("GET", "/page/arena/ask")[0] == 405)
    status, headers, _ = s.ask("GET", "/v1/models")
    Case.check("other answers may do nothing", headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'", headers.items())


def test_token(s):
    asked = {"question": "in the", "arms": ["untied"]}
    token = csrf(s)
    Case.check("a token of 256 bits", re.fullmatch("[0-9a-f]{64}", token), token)
    for title, wrong in (("no", None), ("another", "0" * 64), ("half a", token[:32]), ("a longer", token + "0")):
        status, got = send(s, "/page/arena/ask", asked, wrong)
        Case.check(f"403 with {title} token", status == 403 and got["error"]["code"] == "csrf", got)
    Case.check("200 with it", send(s, "/page/arena/ask", asked, token)[0] == 200)
    Case.check("403 from another page, even with it", send(s, "/page/arena/ask", asked, token, Origin="http://evil.example")[0] == 403)
    Case.check("403 for its look at the token", s.ask("GET", "/page/state", headers={"Origin": "http://evil.example"})[0] == 403)
    got = s.raw(head("Host: evil.example", path="/page/state"))
    Case.check("403 under another name", status_of(got) == 403 and token.encode() not in got, got)
    Case.check("415 for what a form sends", s.ask("POST", "/page/arena/ask", "{}", {"Content-Type": "text/plain", "X-CSRF-Token": token})[0] == 415)


def ask(s, question, arms):
    token = csrf(s)
    status, got = send(s, "/page/arena/ask", {"question": question, "arms": arms}, token)
    assert status == 200, got
    for i, arm in enumerate(arms):
        status, got = send(s, "/page/arena/answer", {"id": got["id"], "arm": arm, "text": f"{HOSTILE} {i}", "finish_reason": "stop", "passages": [
            {"source": "plans.md", "heading": "Plans", "start": 9, "text": HOSTILE, "score": 1, "more": 2}]}, token)
        assert status == 200, got
    return got


def test_arena(here):
    results = os.path.join(here, "results")
    os.mkdir(results)
    with Server("--results", results, "--adapter", ADAPTER + "=ours") as s:
        token = csrf(s)
        round_ = ask(s, HOSTILE, ["untied", "ours"])
        name = round_["id"]
        _, headers, text = s.ask("GET", "/page/arena")
        Case.check("a question and its answers come back as they are, as JSON", headers["Content-Type"] == "application/json" and
                   json.loads(text)["rounds"] == [round_] and round_["question"] == HOSTILE and round_["answers"]["ours"]["text"] == HOSTILE + " 1" and
                   round_["answers"]["ours"]["passages"] == [{"source": "plans.md", "heading": "Plans", "start": 9, "text": HOSTILE}] and
                   round_["vote"] is None, text)
        bad = [("/page/arena/ask", {"arms": ["untied"]}, "question"), ("/page/arena/ask", {"question": "", "arms": ["untied"]}, "question"),
               ("/page/arena/ask", {"question": "a" * 20000, "arms": ["untied"]}, "question"), ("/page/arena/ask", {"question": "a", "arms": []}, "arms"),
               ("/page/arena/ask", {"question": "a", "arms": [5]}, "arms"), ("/page/arena/ask", {"question": "a", "arms": ["a"] * 20}, "arms"),
               ("/page/arena/answer", {"id": name, "arm": "absent", "text": "a", "finish_reason": "stop"}, "arm"),
               ("/page/arena/answer", {"id": name, "arm": "ours", "text": 5, "finish_reason": "stop"}, "text"),
               ("/page/arena/answer", {"id": name, "arm": "ours", "text": "a", "finish_reason": "stop", "passages": [{"source": "a"}]}, "passages"),
               ("/page/arena/vote", {"id": name, "vote": "absent", "says": []}, "vote"), ("/page/arena/vote", {"id": name, "vote": None, "says": []}, "vote"),
               ("/page/arena/vote", {"id": name, "vote": "ours"}, "says"), ("/page/arena/vote", {"id": name, "vote": "ours", "says": [""]}, "says")]
        for path, body, param in bad:
            status, got = send(s, path, body, token)
            Case.check(f"400 for {path} {json.dumps(body)[-60:]}", status == 400 and got["error"]["param"] == param, (status, got))
        Case.check("404 for a round that is not there", send(s, "/page/arena/vote", {"id": "arena-0", "vote": "ours", "says": []}, token)[0] == 404)
        Case.check("a vote is no case", send(s, "/page/arena/vote", {"id": name, "vote": "ours", "says": []}, token)[0] == 200 and
                   json.loads(s.ask("GET", "/page/arena")[2])["n_cases"] == 0)
        send(s, "/page/arena/vote", {"id": name, "vote": "ours", "says": ["40 uploads"]}, token)
        send(s, "/page/arena/vote", {"id": name, "vote": "untied", "says": ["30 seconds", "half a minute"]}, token)
        second = ask(s, "Is it blue?", ["ours"])
        send(s, "/page/arena/vote", {"id": second["id"], "vote": "none", "says": [], "false_premise": True}, token)
        before = json.loads(s.ask("GET", "/page/arena")[2])
        Case.check("two cases", before["n_cases"] == 2 and [r["id"] for r in before["rounds"]] == [second["id"], name], before)
    with open(os.path.join(results, "cases.jsonl"), encoding="utf-8") as f:
        cases = [json.loads(line) for line in f]
    Case.check("of a case the last vote counts", cases == [
        {"id": name, "question": HOSTILE, "answers": ["30 seconds", "half a minute"], "source": "plans.md"},
        {"id": second["id"], "question": "Is it blue?", "answers": [], "false_premise": True}], cases)
    with Server("--results", results, "--adapter", ADAPTER + "=ours") as s:
        Case.check("all is there after a restart", json.loads(s.ask("GET", "/page/arena")[2]) == before)
    test_cases(here, os.path.join(results, "cases.jsonl"), len(cases))
    with open(os.path.join(results, "arena.jsonl"), encoding="utf-8") as f:
        log = f.read()
    for what, line in (("only a name", {"id": "x"}), ("an arm that is no name", {"id": "x", "question": "q", "arms": [1], "answers": {}})):
        with open(os.path.join(results, "arena.jsonl"), "w", encoding="utf-8") as f:
            f.write(log + json.dumps(line) + "\n")
        with subprocess.Popen([ATTUNE, "serve", "--model", MODEL, "--port", "0", "--results", results], env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
            try:
                err = child.communicate(timeout=10)[1]
            except subprocess.TimeoutExpired:
                child.kill()
                err = "it serves"
        Case.check(f"a damaged log is named with its line: {what}", child.returncode == 4 and re.search(r"arena\.jsonl: line \d+: expected a round", err), err)
    done = subprocess.run([ATTUNE, "serve", "--model", MODEL, "--port", "0", "--results", os.path.join(here, "absent")], env=ENV, capture_output=True, text=True,
                          check=False, timeout=60)
    Case.check("a results folder that is not there", done.returncode == 2 and "attune run" in done.stderr, done)


def test_cases(here, cases, n):
    """What was voted is what an evaluation asks."""
    out, data = os.path.join(here, "eval"), curate(here)
    done = subprocess.run([ATTUNE, "eval", "--model", MODEL, "--adapter", ADAPTER, "--data", data, "--questions", cases, "--out", out, "--quiet"], env=ENV,
                          capture_output=True, text=True, check=False, timeout=300)
    Case.check("attune eval asks the cases", done.returncode == 0 and os.path.exists(os.path.join(out, "eval.json")), done)
    with open(os.path.join(out, "eval.json"), encoding="utf-8") as f:
        Case.check("every one", len(json.load(f)["questions"]) == n)


def test_report(here):
    """The folder of test_arena, with an evaluation and a data folder in it."""
    results = os.path.join(here, "results")
    os.remove(os.path.join(results, "arena.jsonl"))
    with Server("--results", results) as s:
        got = json.loads(s.ask("GET", "/page/report")[2])
        Case.check("nothing to report", got["eval"] is None and not got["has_eval"] and not got["has_data"] and got["counts"] is None, got)
    for name in ("data", "eval"):
        os.rename(os.path.join(here, name), os.path.join(results, name))
    page = os.path.join(results, "eval", "report.html")
    with open(page, encoding="utf-8") as f:
        html = f.read()
    with open(page, "w", encoding="utf-8") as f:
        f.write(html.replace("</main>", "<script>document.title = 'owned'</script><style>h1 { display: none }</style></main>"))
    with Server("--results", results, "--adapter", ADAPTER + "=ours") as s:
        ids = [m["id"] for m in s.get("/v1/models")[1]["data"]]
        Case.check("the results' data folder is used", ids == ["untied", "untied/rag", "ours", "ours/rag"], ids)
        got = json.loads(s.ask("GET", "/page/report")[2])
        Case.check("the verdict", got["eval"]["verdict"] and set(got["eval"]["axes"]["known"]["arms"]) >= {"base", "tuned"} and "questions" not in got["eval"] and
                   got["counts"]["documents"] == 1 and got["has_eval"] and got["has_data"], got)
        for name in ("eval", "data"):
            status, headers, text = s.ask("GET", f"/report/{name}")
            style = re.search(r"<style>(.*?)</style>", text.decode(), re.S)[1]
            digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
            Case.check(f"the report of {name} may use its own style and nothing else", status == 200 and headers["Content-Type"] == TYPES["html"] and
                       headers["Content-Security-Policy"] == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; frame-ancestors 'none'; "
                       "base-uri 'none'; form-action 'none'", headers.items())
        with open(os.path.join(results, "eval", "eval.json"), "w", encoding="utf-8") as f:
            f.write("{")
        status, _, text = s.ask("GET", "/page/report")
        Case.check("a damaged evaluation is named", status == 400 and b"eval.json" in text, text)


def test_xray(here):
    """In the folder of test_report."""
    results = os.path.join(here, "results")
    with open(os.path.join(results, "data", "terms.yaml"), "w", encoding="utf-8") as f:
        f.write("terms:\n- preferred: Harbor\n  forbidden: [Haven]\n  definition: ''\n  status: accepted\n")
    question, answer = "How many uploads does Harbor allow?", "Haven allows 40 uploads per minute, with a timeout of 99 seconds. \u00e9\u2713"
    env = ENV | {"ATTUNE_CPU": "ref"}  # what a server scores goes through its cache of f16, and paths of bf16 round that once more
    with Server("--results", results, "--adapter", ADAPTER + "=ours", env=env) as s:
        token = csrf(s)
        status, got = send(s, "/page/xray", {"question": question, "answer": answer}, token)
        data = answer.encode()
        marks = [(m["kind"], data[m["start"]:m["end"]].decode(), m["instead"]) for m in got["marks"]]
        Case.check("an answer's claims and terms", status == 200 and ("supported", "40 uploads per minute", "") in marks and ("term", "Haven", "Harbor") in marks and
                   any(kind == "unsupported" and "99 seconds" in text for kind, text, _ in marks), got["marks"])
        Case.check("the passage that supports it", [(one["source"], "40 uploads" in one["text"]) for one in got["sources"]] == [("plans.md", True)], got["sources"])
        spans = [(t["start"], t["end"]) for t in got["tokens"]]
        Case.check("its tokens stand end to end", [t["id"] for t in got["tokens"]] == got["ids"][got["first"]:] and spans[0][0] == 0 and
                   max(end for _, end in spans) == len(data) and all(a[1] == b[0] for a, b in zip(spans, spans[1:])), got["tokens"])
        row = json.dumps({"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]})
        for name, flags in (("untied", []), ("ours", ["--adapter", ADAPTER])):
            scored = json.loads(subprocess.run([ATTUNE, "score", "--model", MODEL, "--quiet", *flags], input=row, env=env, capture_output=True, text=True, check=True).stdout)
            p = s.post("/v1/completions", {"model": name, "prompt": got["ids"], "echo": True, "max_tokens": 0, "logprobs": 3})[1]["choices"][0]["logprobs"]
            Case.check(f"{name} scores them as attune score does", len(scored["logprobs"]) == len(got["tokens"]) and
                       all(abs(a - b) < 1e-3 for a, b in zip(p["token_logprobs"][got["first"]:], scored["logprobs"])), (p, scored))
        longer = send(s, "/page/xray", {"question": question, "answer": answer, "rag": True}, token)[1]
        Case.check("with passages the question is longer, the answer the same", longer["first"] > got["first"] and longer["tokens"] == got["tokens"], longer)
        hostile = send(s, "/page/xray", {"question": HOSTILE, "answer": HOSTILE + "<|im_end|>"}, token)[1]
        Case.check("a hostile answer is only text", "".join(t["text"] for t in hostile["tokens"]).find("<script>") >= 0, hostile["tokens"])
        for body in ({"question": "a"}, {"answer": "a"}, {"question": "a", "answer": ""}, {"question": "a", "answer": "b" * 70000}):
            Case.check(f"400 for {json.dumps(body)[:40]}", send(s, "/page/xray", body, token)[0] == 400)
    with Server() as s:
        got = send(s, "/page/xray", {"question": question, "answer": answer}, csrf(s))[1]
        Case.check("without a data folder there are no marks", got["marks"] == [] and not got["has_data"] and got["tokens"], got)


def test_review(here):
    """Drafts and decisions, in the folder of test_xray."""
    results = os.path.join(here, "results")
    with Server("--results", results, "--adapter", ADAPTER + "=ours") as s:
        token = csrf(s)
        queue = s.get("/page/review")[1]
        Case.check("an empty queue makes no file", queue["draft"] is None and queue["waiting"] == 0 and not queue["can_undo"] and
                   not os.path.exists(os.path.join(results, "reviews.db")), queue)
        ids = []
        for text in ("Harbor allows 40 uploads per minute.", "Haven has a timeout of 99 seconds.", HOSTILE):
            got = send(s, "/page/arena/ask", {"question": "How many uploads does Harbor allow?", "arms": ["ours"]}, token)[1]
            send(s, "/page/arena/answer", {"id": got["id"], "arm": "ours", "text": text, "finish_reason": "stop", "passages": [
                {"source": "p.md", "heading": "H", "start": 0, "text": HOSTILE}]}, token)
            status, queue = send(s, "/page/review/add", {"id": got["id"], "arm": "ours"}, token)
            ids.append(f"{got['id']}/ours")
            assert status == 200, queue
        draft = queue["draft"]
        Case.check("the doubtful draft is first, with its findings and its evidence", queue["waiting"] == 3 and draft["id"] == ids[1] and
                   {f["kind"] for f in draft["findings"]} >= {"unsupported", "term"} and draft["evidence"][-1]["text"] == HOSTILE and draft["origin"] == "ours", draft)
        bad = [({"id": ids[1], "action": "burn"}, "action"), ({"action": "accept"}, "id"), ({"id": "absent", "action": "accept"}, "id"),
               ({"id": ids[1], "action": "edit"}, "text"), ({"id": ids[1], "action": "reject", "reasons": ["ugly"]}, "reasons"),
               ({"id": ids[1], "action": "reject", "reasons": ["term"] * 2}, "reasons"),
               ({"id": ids[1], "action": "reject", "reasons": "term"}, "reasons"), ({"action": "undo"}, "action")]
        for body, param in bad:
            status, got = send(s, "/page/review/decide", body, token)
            Case.check(f"400 for {json.dumps(body)[-50:]}", status == 400 and got["error"]["param"] == param, (status, got))
        Case.check("403 without the token", send(s, "/page/review/decide", {"id": ids[1], "action": "accept"})[0] == 403)
        edit = {"id": ids[1], "action": "edit", "text": "Harbor has a timeout of 30 seconds.", "reasons": ["fact", "term"], "seconds": 12.5}
        queue = send(s, "/page/review/decide", edit, token)[1]
        Case.check("an edit, and the next one", queue["edited"] == 1 and queue["waiting"] == 2 and queue["draft"]["id"] in (ids[0], ids[2]) and
                   queue["seconds_each"] == 12.5 and queue["can_undo"], queue)
        queue = send(s, "/page/review/decide", {"action": "undo"}, token)[1]
        Case.check("undone, it is back", queue["edited"] == 0 and queue["waiting"] == 3 and queue["draft"]["id"] == ids[1] and not queue["can_undo"], queue)
        for id_, action in ((ids[1], "reject"), (ids[0], "accept"), (ids[2], "skip")):
            queue = send(s, "/page/review/decide", {"id": id_, "action": action, "reasons": ["fact"] if action == "reject" else [], "seconds": 3}, token)[1]
        Case.check("what is skipped comes again", (queue["accepted"], queue["rejected"], queue["waiting"]) == (1, 1, 1) and
                   queue["draft"]["id"] == ids[2] and queue["draft"]["text"] == HOSTILE, queue)
        counts = {k: queue[k] for k in ("accepted", "rejected", "waiting")}
        queue = send(s, "/page/review/decide", {"action": "undo"}, token)[1]
        Case.check("undo takes back what was decided, not what was skipped since", queue["accepted"] == 0 and queue["draft"]["id"] == ids[0], queue)
        send(s, "/page/review/decide", {"id": ids[0], "action": "accept", "reasons": [], "seconds": 3}, token)
    with Server("--results", results) as s:
        queue = s.get("/page/review")[1]
        Case.check("a restart loses nothing", {k: queue[k] for k in counts} == counts, queue)
    with Server() as s:
        got = s.get("/page/review")[1]
        Case.check("without a results folder there is no log", got["log"] is None and got["draft"] is None, got)


def disputed(data):
    """A pair of facts, a copy and a term for the data folder of `curate`, with hostile texts."""
    fact = {"statement": "Harbor allows 40 uploads per minute.", "source": {"path": "plans.md", "heading": "Plans"}}
    other = {"statement": HOSTILE, "source": {"path": HOSTILE, "heading": ""}}
    for name, line in (("contradictions", {"a": fact, "b": other, "similarity": 0.9, "settled": None}),
                       ("duplicates", {"source": other["source"], "of": fact["source"], "similarity": 0.97, "kept": False})):
        with open(os.path.join(data, name + ".jsonl"), "w", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")
    with open(os.path.join(data, "terms.yaml"), "w", encoding="utf-8") as f:
        f.write("terms:\n- preferred: Harbor\n  forbidden: [Haven]\n  definition: ''\n  status: found\n")


def test_data(here):
    """In the folder of test_report."""
    results = os.path.join(here, "results")
    data = os.path.join(results, "data")
    disputed(data)
    with open(os.path.join(data, "contradictions.jsonl"), "r+", encoding="utf-8") as f:
        pair = json.loads(f.read())
        f.write("".join(json.dumps(pair | {"settled": "a" if i == 300 else None}) + "\n" for i in range(301)))
    with Server("--results", results) as s:
        status, got = s.get("/page/data")
        one = got["documents"][0]
        Case.check("documents with what came of them", status == 200 and len(got["documents"]) == 1 and one["path"] == "plans.md" and one["sections"] > 0 and
                   one["facts"] > 0 and one["unseen"] is False and one["skipped"] is None and one["flags"] == {}, got["documents"])
        Case.check("what to look at", (got["contradictions"]["n"], got["contradictions"]["open"]) == (302, 301) and len(got["contradictions"]["shown"]) == 200 and
                   got["contradictions"]["shown"][0]["b"]["statement"] == HOSTILE and
                   got["duplicates"]["shown"][0]["similarity"] == 0.97 and got["rejected"] == {"n": 0, "open": 0, "shown": []} and
                   got["terms"] == [{"preferred": "Harbor", "forbidden": ["Haven"], "definition": "", "status": "found"}], got)
        with open(os.path.join(data, "contradictions.jsonl"), "a", encoding="utf-8") as f:
            f.write("{\n")
        status, got = s.get("/page/data")
        Case.check("a damaged file is named, with its line", status == 400 and "contradictions.jsonl: line 303" in got["error"]["message"], got)
        os.remove(os.path.join(data, "contradictions.jsonl"))
    with Server() as s:
        Case.check("without a data folder there is none to look at", s.get("/page/data") == (200, {"documents": None}), s.get("/page/data"))


def test_train(here):
    results, other = os.path.join(here, "results"), os.path.join(here, "other")
    for folder in (os.path.join(results, "run-abc"), os.path.join(results, "run-empty"), other):
        os.mkdir(folder)
    log = os.path.join(results, "run-abc", "metrics.jsonl")
    lines = [json.dumps({"step": i, "total_steps": 9, "loss": 1.5}) for i in range(3)]
    for path, text in ((log, lines[0] + "\n" + lines[1] + "\n" + lines[2][:9]), (os.path.join(other, "metrics.jsonl"), "")):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    with Server("--results", results, "--run", other + "/") as s:
        got = s.get("/page/train")[1]["runs"]
        Case.check("the runs that have a log", [one["name"] for one in got] == ["other", "run-abc"], got)
        one = s.get("/page/train/run-abc/0")[1]
        Case.check("its whole lines", [line["step"] for line in one["lines"]] == [0, 1] and one["result"] is None and one["next"] == len(lines[0] + lines[1]) + 2, one)
        with open(log, "a", encoding="utf-8") as f:
            f.write(lines[2][9:] + "\n")
        with open(os.path.join(results, "run-abc", "run.json"), "w", encoding="utf-8") as f:
            f.write('{"steps": 2, "seconds": 5}')
        two = s.get(f"/page/train/run-abc/{one['next']}")[1]
        Case.check("and then what is new, and how it ended", [line["step"] for line in two["lines"]] == [2] and two["result"]["seconds"] == 5, two)
        with open(log, "w", encoding="utf-8") as f:
            f.write(lines[0] + "\n")
        again = s.get(f"/page/train/run-abc/{two['next']}")[1]
        Case.check("a log that begins anew is read anew", [line["step"] for line in again["lines"]] == [0], again)
        for path in ("run-abc", "run-abc/", "run-empty/0", "nothing/0", "../0", "..%2fresults/0", "run-abc/../run-abc/0", "/0", "run-abc%2f../0", "eval/0"):
            status = s.ask("GET", f"/page/train/{path}")[0]
            Case.check(f"{'a log' if path == 'run-abc/' else 404} for {path}", status == (200 if path == "run-abc/" else 404), status)


def children(server):
    """Processes that the server has started."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                state, parent = f.read().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if int(parent) == server.child.pid and state != "Z":
            found.append(int(pid))
    return found


def wait(what, condition, seconds=120):
    end = time.time() + seconds
    while not (got := condition()):
        if time.time() > end:
            raise RuntimeError(f"{what} takes more than {seconds} s")
        time.sleep(0.05)
    return got


def training(s):
    return s.get("/page/train")[1]["training"]


def ended(s):
    wait("the end of the training", lambda: training(s)["state"] != "running")
    return training(s)


def steps(s, run):
    found, at = [], 0
    while True:
        status, got = s.get(f"/page/train/{run}/{at}")
        if status != 200 or not got["lines"]:
            return found
        found += [line["step"] for line in got["lines"] if "loss" in line]
        at = got["next"]


def begin(s, body):
    return send(s, "/page/train/start", body, csrf(s))


def go_on(s, run="run-1"):
    """The run goes on; true when it has made a step more than its log has."""
    before = max(steps(s, run), default=0)
    status, got = begin(s, {"run": run})
    assert status == 200, got
    wait("a further step", lambda: max(steps(s, run), default=0) > before + 3)
    return before


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


# Of a tiny data set, long enough to be stopped; it would stop by itself when validation gets no better.
LONG = {"num_epochs": "2000", "max_steps": "20000", "lora_r": "2"}
PATIENT = ENV | {"ATTUNE_EARLY_STOPPING_PATIENCE": "0", "OMP_NUM_THREADS": "1"}


def test_training_refused(here, results, data):
    """Where nothing can be begun, and what no request may ask for."""
    for title, flags, want in (("a results folder", [], "--results"), ("a data folder", ["--results", results], "--data")):
        with Server(*flags) as s:
            cannot = s.get("/page/train")[1]["cannot"]
            status, got = begin(s, {})
            Case.check(f"without {title} nothing is begun, and the page says why", want in cannot and status == 400 and got["error"]["message"] == cannot, (cannot, got))
    with Server("--results", results, "--data", data) as s:
        token = csrf(s)
        Case.check("a page from elsewhere begins nothing", send(s, "/page/train/start", {"settings": LONG}, token, Origin="http://evil.example")[0] == 403)
        Case.check("nor one without the token", send(s, "/page/train/start", {"settings": LONG})[0] == send(s, "/page/train/start", {"settings": LONG}, "0" * 64)[0] == 403)
        Case.check("nor a form", s.ask("POST", "/page/train/start", "{}", {"Content-Type": "text/plain", "X-CSRF-Token": token})[0] == 415)
        Case.check("nor GET", s.ask("GET", "/page/train/start")[0] == s.ask("GET", "/page/train/stop")[0] == 404)
        Case.check("there is nothing to stop", send(s, "/page/train/stop", {}, token)[0] == 409)
        for body, want, param in (({"settings": {"lora_r": "0"}}, 400, "settings"), ({"settings": {"scrub_pii": "false"}}, 400, "settings"), ({"settings": {"lora_r": 5}}, 400, "settings"),
                                  ({"settings": {"lora_r": "2 --out /tmp"}}, 400, "settings"), ({"settings": []}, 400, "settings"), ({"run": 5}, 400, "run"), ({"run": ""}, 400, "run"),
                                  ({"run": "run-1"}, 404, "run"), ({"run": "../data"}, 404, "run"), ({"run": results}, 404, "run")):
            status, got = begin(s, body)
            Case.check(f"{want} for {json.dumps(body)[-40:]}", status == want and got["error"]["param"] == param, (status, got))
        Case.check("none of that has left anything", training(s) is None and os.listdir(results) == [] and not children(s), os.listdir(results))
        rows = os.path.join(data, "train.jsonl")
        os.rename(rows, rows + ".away")
        status, got = begin(s, {})
        Case.check("a start is answered at once", status == 200 and got["training"]["run"] == "run-1" and got["training"]["arguments"][:2] == ["train", "--model"], got)
        last = ended(s)
        Case.check("what the program refuses is told in its own sentence, and leaves no folder", last["state"] == "failed" and last["code"] == 1 and "train.jsonl" in last["sentence"] and
                   last["sentence"].count("\n") == 0 and not os.path.exists(os.path.join(results, "run-1")), (last, os.listdir(results)))
        os.rename(rows + ".away", rows)


def test_training_runs(s, results):
    """Begun, watched, stopped, gone on with, killed."""
    status, got = begin(s, {"settings": LONG})
    Case.check("a training begins", status == 200 and got["training"]["state"] == "running" and got["training"]["settings"] == LONG, got)
    wait("its first steps", lambda: len(steps(s, "run-1")) > 5)
    (child,) = children(s)
    with open(f"/proc/{child}/cmdline", encoding="utf-8") as f:
        words = f.read().split("\0")[:-1]
    Case.check("it is the command that the page shows", words == ["attune"] + training(s)["arguments"] and words[-6:] == [
        word for key, value in LONG.items() for word in ("--set", f"{key}={value}")], words)
    Case.check("by the server's own program", os.path.samefile(f"/proc/{child}/exe", f"/proc/{s.child.pid}/exe"))
    Case.check("in a group of its own, behind everybody else", os.getpgid(child) == child and os.getpriority(os.PRIO_PROCESS, child) == 19, os.getpgid(child))
    files = [os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")]
    Case.check("it has no connection of the server's", not any(name.startswith("socket:") for name in files) and os.path.realpath(os.path.join(results, "training.log")) in files, files)
    status, got = begin(s, {"settings": LONG})
    Case.check("only one at a time", status == 409 and "run-1" in got["error"]["message"] and children(s) == [child], got)
    Case.check("its run is no other's to go on with", begin(s, {"run": "run-1"})[0] == 409)
    Case.check("a page from elsewhere stops nothing", send(s, "/page/train/stop", {}, csrf(s), Origin="http://evil.example")[0] == 403)
    status, got = send(s, "/page/train/stop", {}, csrf(s))
    Case.check("it is asked to stop, twice without harm", status == 200 and send(s, "/page/train/stop", {}, csrf(s))[0] in (200, 409), got)
    last, made = ended(s), steps(s, "run-1")
    Case.check("it saves and stops", last["state"] == "stopped" and last["code"] == 75 and f"stopped after step {made[-1]} of" in last["sentence"] and
               os.path.isdir(os.path.join(results, "run-1", "checkpoints", f"step-{made[-1]}")) and not children(s), (last, made[-1]))
    Case.check("the run can be gone on with", [(one["name"], one["open"]) for one in s.get("/page/train")[1]["runs"]] == [("run-1", True)], s.get("/page/train"))
    Case.check("settings are for new runs", begin(s, {"run": "run-1", "settings": {}})[0] == 400)
    before = go_on(s)
    with open(os.path.join(results, "training.log"), encoding="utf-8") as f:
        said = f.read()
    Case.check("in its settings, from the step where it was", f"continuing after step {before} of" in said and training(s)["settings"] == LONG and
               (made := steps(s, "run-1")) == list(range(1, len(made) + 1)), said)
    (child,) = children(s)
    os.kill(child, 9)
    last = ended(s)
    Case.check("a training that is killed is told", last["state"] == "killed" and last["code"] == 137 and "signal 9" in last["sentence"], last)
    Case.check("the server lives, and has buried it", s.get("/health")[0] == 200 and not os.path.exists(f"/proc/{child}"))
    go_on(s)


def test_training(here):
    results, data = os.path.join(here, "results"), curate(here)
    os.mkdir(results)
    test_training_refused(here, results, data)
    served = ("--results", results, "--data", data)
    with Server(*served, env=PATIENT) as s:
        test_training_runs(s, results)
        (child,) = children(s)
    Case.check("a server that stops waits for its checkpoint", s.child.returncode == 0 and is_gone(child) and "stopped after step" in s.err, s.err)
    with Server(*served, env=PATIENT) as s:
        last = training(s)
        Case.check("the next one tells how it ended", last["state"] == "stopped" and last["code"] == 75 and "stopped after step" in last["sentence"], last)
        go_on(s)
        (child,) = children(s)
        s.child.kill()
        s.child.wait()
        wait("the end of the training without its server", lambda: is_gone(child))
        with open(os.path.join(results, "training.log"), encoding="utf-8") as f:
            Case.check("of a server that is killed the training saves and stops", "attune: stopped after step" in (said := f.read()), said)
    with Server(*served, env=PATIENT) as s:
        last = training(s)
        Case.check("and the next server knows", last["state"] == "stopped" and "server ended" in last["sentence"], last)
        status, got = begin(s, {"settings": {"max_steps": "3", "lora_r": "2"}})
        last = ended(s)
        adapter = os.path.join(results, "run-2", "adapter", "adapter_model.safetensors")
        Case.check("a training that is done has an adapter", status == 200 and last["run"] == "run-2" and last["state"] == "done" and last["code"] == 0 and os.path.exists(adapter) and
                   s.get("/page/train/run-2/0")[1]["result"]["steps"] == 3, last)
        Case.check("a finished run is not gone on with", begin(s, {"run": "run-2"})[0] == 404)
    with open(os.path.join(results, "trainings.jsonl"), "a", encoding="utf-8") as f:
        f.write('{"run":"run-1"}\n')
    done = subprocess.run([ATTUNE, "serve", "--model", MODEL, "--port", "0", *served], env=ENV, capture_output=True, text=True, check=False, timeout=60)
    Case.check("a damaged list of trainings is named with its line", done.returncode == 4 and re.search(r"trainings\.jsonl: line \d+: expected a training", done.stderr), done)


def test_key(here):
    key = os.path.join(here, "key")
    with Server("--api-key-file", key) as s:
        with open(key, encoding="ascii") as f:
            secret = f.read().strip()
        Case.check("who has not shown the key sees the page", s.ask("GET", "/")[0] == s.ask("GET", "/ui/app.js")[0] == 200)
        Case.check("and is told nothing else", s.get("/page/state") == (200, {"key": True, "known": False}), s.get("/page/state"))
        for path in ("/v1/models", "/page/arena", "/page/report", "/page/data", "/page/train", "/report/eval", "/page/nothing", "/metrics"):
            Case.check(f"401 for {path}", s.ask("GET", path)[0] == 401)
        for title, body, want in (("another key", {"key": "x" * 64}, 401), ("its beginning", {"key": secret[:-1]}, 401), ("no key", {}, 400), ("no text", {"key": 5}, 400)):
            status, headers, text = s.ask("POST", "/page/sign-in", body)
            Case.check(f"{want} for {title}, and no cookie", status == want and "Set-Cookie" not in headers and secret.encode() not in text, (status, text))
        status, headers, text = s.ask("POST", "/page/sign-in", {"key": secret})
        cookie = headers["Set-Cookie"].split(";")[0]
        Case.check("the key for a cookie that scripts cannot read", status == 200 and re.fullmatch(
            rf"attune_{s.port}=[0-9a-f]{{64}}; Path=/; HttpOnly; SameSite=Strict", headers["Set-Cookie"]) and secret not in cookie, headers.items())
        Case.check("with it one is in", s.ask("GET", "/v1/models", headers={"Cookie": f"a=b; {cookie}; c=d"})[0] == 200)
        for title, wrong in (("cut", cookie[:-1]), ("longer", cookie + "0"), ("under another name", "x" + cookie), ("of another port", cookie.replace(s.port, "1"))):
            Case.check(f"401 with a cookie that is {title}", s.ask("GET", "/v1/models", headers={"Cookie": wrong})[0] == 401)
        token = csrf(s, cookie)
        Case.check("a cookie alone changes nothing", send(s, CHAT, ASKED, Cookie=cookie)[0] == 403 and send(s, CHAT, ASKED, "0" * 64, Cookie=cookie)[0] == 403)
        Case.check("with the token it asks", send(s, CHAT, ASKED, token, Cookie=cookie)[0] == 200)
        Case.check("a token alone is nothing", send(s, CHAT, ASKED, token)[0] == 401)
        Case.check("programs need no token", send(s, "/page/arena/ask", {"question": "a", "arms": ["untied"]}, Authorization=f"Bearer {secret}")[0] == 200)
        status, headers, _ = s.ask("POST", "/page/sign-out", {}, {"Cookie": cookie, "X-CSRF-Token": token})
        Case.check("the cookie goes", status == 200 and "Max-Age=0" in headers["Set-Cookie"], headers.items())
    with Server("--api-key-file", key) as s:
        Case.check("a cookie ends with the process", s.ask("GET", "/v1/models", headers={"Cookie": re.sub(r"_\d+", f"_{s.port}", cookie)})[0] == 401)
    Case.check("the key is in no log", secret not in s.out + s.err, s.err)


def main():
    with Server() as s:
        test_files(s)
        test_token(s)
    with tempfile.TemporaryDirectory() as here:
        test_arena(here)
        test_report(here)
        test_xray(here)
        test_review(here)
        test_data(here)
        test_train(here)
    with tempfile.TemporaryDirectory() as here:
        test_training(here)
    with tempfile.TemporaryDirectory() as here:
        test_key(here)
    print(f"1..{Case.n}")
    return Case.failed > 0


if __name__ == "__main__":
    sys.exit(main())
