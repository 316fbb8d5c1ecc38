#!/usr/bin/env python3
"""The page of `attune serve` in a browser: every screen by keyboard alone, nothing on the console, nothing from elsewhere, hostile texts
as text; with a tiny model. As TAP; skipped where Debian's chromium, chromium-driver or python3-selenium are missing.

usage: page_browser.py ATTUNE GOLDEN
With ATTUNE_AXE=axe.min.js in the environment each screen is also held to axe-core (`make page`), and with ATTUNE_SHOTS=DIR it is photographed, light and dark, in three widths.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

MISSING = [name for name, there in (("chromium", shutil.which("chromium")), ("chromium-driver", shutil.which("chromedriver"))) if not there]
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.keys import Keys
except ImportError:
    MISSING.append("python3-selenium")
if MISSING:
    print(f"1..0 # SKIP {', '.join(MISSING)} not here")
    sys.exit(0)

from page_test import HOSTILE, LONG, PATIENT, ask, children, csrf, disputed, send  # noqa: E402
from serve_test import ADAPTER, ATTUNE, ENV, MODEL, Server, curate  # noqa: E402
from tap import Case  # noqa: E402

WIDTHS = (1280, 800, 390)


class Browser:
    """Chromium without a window, worked by its keyboard."""

    def __init__(self, server):
        o = Options()
        o.binary_location = shutil.which("chromium")
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900"):
            o.add_argument(flag)
        o.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=o)
        self.server = server
        self.base = f"http://127.0.0.1:{server.port}"

    def open(self, path):
        """A fresh document at this address."""
        self.driver.get("about:blank")
        self.driver.get(self.base + path)
        self.until("return document.querySelector('h1') !== null", path)

    def js(self, script, *args):
        return self.driver.execute_script(script, *args)

    def until(self, script, what, seconds=60):
        end = time.time() + seconds
        while not self.js(script):
            if time.time() > end:
                raise RuntimeError(f"{what}: {self.text()[:2000]}")
            time.sleep(0.05)

    def text(self):
        return self.js("return document.body.innerText")

    def keys(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def tab_to(self, script, what, most=80):
        """Moves the focus with Tab until it is where `script` (an expression of `e`) says; every stop has to be seen and to have a name."""
        for _ in range(most):
            self.keys(Keys.TAB)
            if self.js("const e = document.activeElement; const r = e.getBoundingClientRect(); return e !== document.body && r.width > 0 && "
                       "getComputedStyle(e).outlineStyle === 'none' && getComputedStyle(e.parentElement).outlineStyle === 'none' && e.id !== 'main'"):
                Case.check(f"the focus is seen at {what}", False, self.js("return document.activeElement.outerHTML"))
            if self.js(f"const e = document.activeElement; return {script}"):
                return
        raise RuntimeError(f"Tab does not reach {what}")

    def console(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def outside(self):
        """Requests to anybody but the server."""
        urls = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in urls if m["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith((self.base + "/", "about:", "data:", "blob:"))]

    def look(self, name):
        """What axe-core says of the screen, and its photographs."""
        if axe := os.environ.get("ATTUNE_AXE"):
            for scheme in ("light", "dark"):
                self.scheme(scheme)
                with open(axe, encoding="utf-8") as f:
                    self.js(f.read())
                found = self.driver.execute_async_script("const done = arguments[0]; axe.run().then((r) => done(r.violations))")
                found = [(v["impact"], v["id"], [n["html"][:150] for n in v["nodes"]][:4]) for v in found]
                Case.check(f"axe-core finds nothing in {name}, {scheme}", not found, found)
        if folder := os.environ.get("ATTUNE_SHOTS"):
            for width in WIDTHS:
                self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
                for scheme in ("light", "dark"):
                    self.scheme(scheme)
                    shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
                    with open(os.path.join(folder, f"{name}-{width}-{scheme}.png"), "wb") as f:
                        f.write(base64.b64decode(shot["data"]))
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.scheme("light")

    def scheme(self, scheme):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def end(self, name):
        """Of each screen the last look."""
        width = self.js("return [document.documentElement.scrollWidth, innerWidth]")
        Case.check(f"{name} is as wide as its window", width[0] <= width[1], width)
        title, pictures = self.js("return [document.title, document.querySelectorAll('img[src=\"x\"], main script').length]")
        Case.check(f"texts stay texts in {name}", title.endswith("· attune") and not pictures, (title, pictures))
        Case.check(f"no word on the console about {name}", not (said := self.console()), said)
        Case.check(f"nothing from elsewhere for {name}", not (urls := self.outside()), urls)


def rounds(b):
    return json.loads(b.server.ask("GET", "/page/arena")[2])["rounds"]


def test_arena(b):
    b.open("/")
    Case.check("the page opens on the arena, with the question in focus", b.js("return document.title === 'Arena · attune' && document.activeElement.id === 'question'"), b.text())
    Case.check("every model is offered", b.js("return [...document.querySelectorAll('.arms input')].map((e) => e.value)") ==
               ["untied", "untied/rag", "ours", "ours/rag"], b.text())
    Case.check("the commands are there", "attune chat --model" in b.text() and f"--adapter {ADAPTER}" in b.text())
    b.look("arena-empty")
    b.keys("How many uploads? " + HOSTILE.split(" \u202e")[0], Keys.ENTER)
    b.until("return document.querySelectorAll('.answer').length === 4 && !document.querySelector('.vote:disabled')", "four answers")
    (round_,) = rounds(b)
    Case.check("the answers are what the server keeps", b.js("return [...document.querySelectorAll('.answer > .said')].map((e) => e.textContent)") ==
               [round_["answers"][arm]["text"] or "(nothing)" for arm in round_["arms"]] and HOSTILE[:8] in round_["question"], (b.text(), round_))
    Case.check("an answer from passages names them", round_["answers"]["ours/rag"]["passages"] and "plans.md" in round_["answers"]["ours/rag"]["passages"][0]["source"], round_)
    b.tab_to("e.matches('.vote')", "a vote")
    b.keys("3")
    b.until("return document.querySelectorAll('.chosen').length === 1 && document.getElementById('says')", "a vote by its number")
    Case.check("a vote by its number", rounds(b)[0]["vote"] == "ours", rounds(b))
    b.tab_to("e.id === 'says'", "what a right answer says")
    b.keys("40 uploads | forty", Keys.ENTER)
    b.until("return document.querySelector('.case [role=status]').textContent !== ''", "the case")
    Case.check("the case is kept", rounds(b)[0]["says"] == ["40 uploads", "forty"] and "cases.jsonl" in b.text(), rounds(b))
    b.look("arena")
    b.driver.refresh()
    b.until("return document.querySelectorAll('.answer').length === 4 && document.getElementById('says')", "the round after a reload")
    Case.check("a reload loses nothing", b.js("return document.getElementById('says').value") == "40 uploads | forty" and
               b.js("return document.querySelector('.chosen h3').textContent") == "ours", b.text())
    ask(b.server, HOSTILE, ["untied", "ours"])
    status = b.server.ask("POST", "/page/arena/ask", {"question": "Left in the middle?", "arms": ["untied"]}, {"X-CSRF-Token": b.js("return fetch('/page/state').then((r) => r.json()).then((s) => s.csrf)")})[0]
    b.driver.refresh()
    b.until("return document.querySelectorAll('.answer').length === 1 && !document.querySelector('.vote:disabled')", "the answer that was missing")
    Case.check("what was left in the middle is asked again", status == 200 and "untied" in rounds(b)[0]["answers"], rounds(b)[0])
    b.tab_to("e.matches('.line')", "an earlier question")
    b.keys(Keys.ENTER)
    b.until("return document.querySelectorAll('.answer').length === 2", "an earlier question")
    Case.check("a hostile answer is shown as it is", HOSTILE[:40] in b.js("return document.querySelector('.answer > .said').textContent"), b.text())
    b.open("/")
    b.keys("Who said it?")
    b.tab_to("e.id === 'blind'", "blind")
    b.keys(Keys.SPACE)
    b.tab_to("e.textContent === 'Ask'", "Ask")
    b.keys(Keys.ENTER)
    b.until("return document.querySelector('.stage h2')?.textContent === 'Who said it?' && !document.querySelector('.vote:disabled')", "blind answers")
    names = b.js("return [...document.querySelectorAll('.answer h3')].map((e) => e.textContent)")
    Case.check("blind, nothing says who it is", names == ["Answer A", "Answer B", "Answer C", "Answer D"] and not b.js("return document.querySelector('.answer .sources, .answer.tuned:not(.blind)')"), names)
    b.tab_to("e.matches('.vote')", "a vote")
    b.keys("1")
    b.until("return document.querySelector('.chosen h3')", "the name")
    Case.check("after the vote it does", b.js("return document.querySelector('.chosen h3').textContent") == rounds(b)[0]["arms"][0] == rounds(b)[0]["vote"], b.text())
    b.end("the arena")


def test_report(b, results):
    b.open("/#report")
    Case.check("without an evaluation it says what makes one", "There is no evaluation yet" in b.text() and "attune eval --model" in b.text(), b.text())
    b.look("report-empty")
    os.rename(os.path.join(results, "eval-later"), os.path.join(results, "eval"))
    with open(os.path.join(results, "eval", "report.html"), "r+", encoding="utf-8") as f:
        html = f.read()
        f.seek(0)
        f.write(html.replace("</main>", f"<p>{HOSTILE}</p></main>"))
    b.open("/")
    b.tab_to("e.textContent === 'Report'", "Report", 120)
    b.keys(Keys.ENTER)
    b.until("return document.querySelector('.verdict')", "the verdict")
    Case.check("the verdict and its numbers", b.js("return document.querySelectorAll('tbody tr').length") >= 2 and "interval" in b.text(), b.text())
    b.look("report")
    b.end("the report")
    b.tab_to("e.textContent === 'The whole report'", "the whole report")
    b.keys(Keys.ENTER)
    b.until("return location.pathname === '/report/eval' && document.querySelector('h1')", "the whole report")
    Case.check("it has its own style", b.js("return getComputedStyle(document.querySelector('.verdict')).borderLeftStyle") == "solid")
    Case.check("and nothing in it runs", b.js("return document.title") == "Was it worth it?")
    said = b.console()
    Case.check("the browser has refused the script and the picture", len(said) >= 2 and all("Content Security Policy" in one["message"] for one in said), said)
    b.outside()


def test_xray(b):
    b.open("/#xray")
    b.until("return document.querySelectorAll('.tokens .token').length > 3", "tokens")
    Case.check("it opens on an answer that was kept", b.js("return document.getElementById('which').value").startswith("arena-"), b.text())
    b.tab_to("e.tagName === 'SUMMARY' && e.textContent === 'Look into another text'", "another text")
    b.keys(Keys.ENTER)
    b.tab_to("e.id === 'xq'", "its question")
    b.keys("How many uploads does Harbor allow?", Keys.TAB, "Harbor allows 40 uploads per minute, with a timeout of 99 seconds. <script>")
    b.tab_to("e.textContent === 'Look into it'", "the button")
    b.keys(Keys.ENTER)
    b.until("return document.querySelector('.mark-supported') && location.hash.endsWith('/typed')", "its tokens")
    b.driver.refresh()
    b.until("return document.querySelector('.tokens .mark-supported')", "its tokens after a reload")
    said = b.js("return document.querySelector('.tokens').textContent")
    Case.check("the answer stands there whole, a reload later", said.startswith("Harbor allows 40 uploads per minute, with a timeout of 99 seconds. <script>"), said)
    Case.check("what has no support is marked", "99" in b.js("return [...document.querySelectorAll('.tokens .mark-unsupported')].map((e) => e.textContent).join('')"), b.text())
    b.tab_to("e.matches('.tokens .token')", "the tokens", 120)
    first = b.js("return document.querySelector('.detail').textContent")
    b.keys(Keys.ARROW_RIGHT)
    second = b.js("return document.querySelector('.detail').textContent")
    Case.check("arrows go from token to token, and each says its numbers", first != second and "nats" in second and "likeliest" in second and
               b.js("return document.querySelectorAll('.tokens [tabindex=\"0\"]').length") == 1, second)
    while not b.js("return document.activeElement.matches('.mark-supported')"):
        b.keys(Keys.ARROW_RIGHT)
    b.keys(Keys.ENTER)
    said = b.js("return document.querySelector('.detail').innerText")
    Case.check("and says so", "the documents say so: plans.md" in said and "[object" not in said, said)
    Case.check("a claim opens its passage", "40 uploads per minute" in b.js("return document.activeElement.matches('.passage') && document.activeElement.textContent"), b.text())
    b.tab_to("e.tagName === 'SUMMARY' && e.textContent === 'Every token as a table'", "the table")
    b.keys(Keys.ENTER)
    Case.check("every value as text", b.js("return document.querySelectorAll('tbody tr').length === document.querySelectorAll('.tokens .token').length"), b.text())
    b.look("xray")
    b.end("the X-ray")


def test_review(b):
    b.open("/#review")
    Case.check("an empty queue says where drafts come from", "Nothing waits for a decision" in b.text() and "arena" in b.text(), b.text())
    b.look("review-empty")
    token = csrf(b.server)
    answers = ("Harbor allows 40 uploads per minute.", "Harbor waits 99 seconds. " + HOSTILE, "The default timeout of Harbor is 30 seconds.")
    for i, text in enumerate(answers):
        got = send(b.server, "/page/arena/ask", {"question": f"How does Harbor do? {HOSTILE} {i}", "arms": ["ours"]}, token)[1]
        send(b.server, "/page/arena/answer", {"id": got["id"], "arm": "ours", "text": text, "finish_reason": "stop", "passages": []}, token)
        if i < 2:
            send(b.server, "/page/review/add", {"id": got["id"], "arm": "ours"}, token)
    b.open("/#arena")
    b.tab_to("e.textContent === 'Review' && e.matches('.link')", "an answer's Review")
    b.keys(Keys.ENTER)
    b.until("return document.querySelector('.draft')", "the draft")
    Case.check("the doubtful draft is first, in focus, its claim marked", b.js("return document.activeElement.matches('.draft') && document.querySelector('.draft-text').textContent") == answers[1] and
               "99 seconds" in b.js("return document.querySelector('.draft-text .mark-unsupported').textContent"), b.text())
    b.look("review")
    b.keys("2")
    Case.check("a key gives a reason", b.js("return document.querySelector('.chip[aria-pressed=true]').textContent.includes('fact')"), b.text())
    b.keys("e")
    b.keys(Keys.CONTROL + "a", "Harbor waits 30 seconds.")
    Case.check("an edit shows what changed, word by word", b.js("return [...document.querySelectorAll('.changes ins, .changes del')].map((e) => e.tagName + e.textContent).join('|')").startswith("DEL99|INS30"), b.js("return document.querySelector('.changes').innerHTML"))
    b.look("review-edit")
    b.keys(Keys.ENTER)
    b.until("return document.querySelector('.draft') && !document.getElementById('edited')", "the next draft")
    queue = b.server.get("/page/review")[1]
    Case.check("Enter keeps it and goes on", queue["edited"] == 1 and queue["waiting"] == 2 and queue["seconds_each"] > 0, queue)
    shown = b.js("return document.querySelector('.draft-text').textContent")
    for key, said in (("x", "Reject: done. 1"), ("u", "Undo: done. 2"), ("s", "Skip: done. 2")):
        b.keys(key)
        b.until(f"return document.getElementById('live').textContent.startsWith('{said}')", f"the key {key}")
        Case.check(f"the key {key} decides and goes on", b.js("return document.activeElement.matches('.draft')") and
                   (b.js("return document.querySelector('.draft-text').textContent") == shown) == (key == "u"), b.text())
    b.keys("a")
    b.until("return document.getElementById('live').textContent.startsWith('Accept: done. 1')", "the key a")
    b.driver.refresh()
    b.until("return document.querySelector('.draft')", "the queue after a reload")
    for _ in range(5):  # any of the three may be one that is shown once more
        b.keys(Keys.ENTER)
        time.sleep(0.5)
        if b.js("return document.querySelector('.empty') !== null"):
            break
    b.until("return document.querySelector('.empty')", "the end of the queue")
    Case.check("Enter accepts, and then all is decided", "All is decided" in b.text() and b.server.get("/page/review")[1]["waiting"] == 0, b.text())
    b.keys("u")
    b.until("return document.querySelector('.draft')", "the last one again")
    b.end("the review")


def metrics(folder, steps, ended):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "metrics.jsonl"), "w", encoding="utf-8") as f:
        for i in range(steps + 1):
            line = {"step": i, "total_steps": 200, "epoch": i / 200}
            if i:
                line |= {"loss": 3 / (1 + i / 20) + i % 7 / 40, "lr": 1e-4, "grad_norm": 1, "tokens": 600, "tokens_per_s": 300 + i % 5 * 9}
            f.write(json.dumps(line | ({"eval_loss": 3.2 / (1 + i / 25)} if i % 20 == 0 else {}) | {"rss_mb": 912}) + "\n")
    if ended:
        with open(os.path.join(folder, "run.json"), "w", encoding="utf-8") as f:
            json.dump({"steps": steps, "seconds": 431.5}, f)


def test_data(b, results):
    disputed(os.path.join(results, "data"))
    b.open("/")
    b.tab_to("e.textContent === 'Data'", "Data", 120)
    b.keys(Keys.ENTER)
    b.until("return document.querySelector('.disputes li')", "the contradictions")
    Case.check("what there is to look at, hostile texts as they are", HOSTILE[:40] in b.js("return document.querySelectorAll('.disputes blockquote')[1].textContent") and
               b.js("return document.querySelectorAll('section[aria-labelledby=documents] tbody tr').length") == 1 and "97 %" in b.text() and "Haven" in b.text() and
               "curate --in DIR" in b.text(), b.text())
    b.look("data")
    b.end("the data")


def test_overtaken(b):
    """A screen that comes when another one has been opened is not shown."""
    b.js("const ask = window.fetch; window.fetch = async (path, ...rest) => {"
         "if (String(path).startsWith('/page/data')) await new Promise((go) => setTimeout(go, 1500)); return ask(path, ...rest); };"
         "location.hash = '#data'; setTimeout(() => { location.hash = '#report'; }, 100);")
    time.sleep(3)
    shown = b.js("return [document.querySelector('nav [aria-current]').textContent, document.querySelectorAll('main > *').length, document.querySelector('main').innerText]")
    Case.check("a late screen does not join the one that is open", shown[:2] == ["Report", 1] and "What was read and what came of it" not in shown[2], shown)


def test_train(b, results):
    b.open("/#train")
    Case.check("without a run it says how to begin one", "There is no run to watch" in b.text() and "attune train --model" in b.text(), b.text())
    b.look("train-empty")
    metrics(os.path.join(results, "run-one"), 200, True)
    metrics(os.path.join(results, "run-two"), 80, False)
    b.open("/#train")
    b.until("return document.querySelectorAll('.chart').length === 2", "the curves")
    rows = b.js("return [...document.querySelectorAll('tbody tr')].map((e) => e.innerText)")
    Case.check("two runs, one over the other, with their figures", len(rows) == 2 and "200 of 200" in rows[0] and "ended after 7 min" in rows[0] and
               "80 of 200" in rows[1] and "left" in rows[1] and "0.89 GB" in rows[1] and b.js("return document.querySelectorAll('.chart')[0].querySelectorAll('g').length") == 2, rows)
    b.look("train")
    metrics(os.path.join(results, "run-two"), 90, False)
    b.until("return document.body.innerText.includes('90 of 200')", "the log as it grows")
    b.tab_to("e.id === 'run-0'", "a run's box")
    b.keys(Keys.SPACE)
    Case.check("a run is taken away", b.js("return document.querySelectorAll('tbody tr').length") == 1, b.text())
    b.end("the runs")


def test_training(b):
    """A training by keyboard: begun, seen, stopped, gone on with."""
    b.open("/#train")
    b.until("return document.getElementById('which-run')", "what can be trained")
    b.tab_to("e.tagName === 'SUMMARY' && e.textContent === 'Settings'", "the settings")
    b.keys(Keys.ENTER)
    for name, value in LONG.items():
        b.tab_to(f"e.id === 'set-{name}'", name)
        b.keys(value)
    b.look("train-settings")
    b.tab_to("e.textContent === 'Start training'", "Start")
    b.keys(Keys.ENTER)
    b.until("return document.querySelector('.training > p')?.textContent.match(/^run-1: training; step [1-9]/) && document.querySelector('.chart g.c2 polyline')?.getAttribute('points').includes(' ')",
            "the curve of the training")
    said = b.js("return document.querySelector('.training > p').textContent")
    Case.check("step, loss, rate and time left as they go", all(word in said for word in ("of 20000", "loss ", "tokens/s", "left")) and "--set num_epochs=2000" in b.text(), said)
    b.look("train-running")
    Case.check("the focus is on what stops it", b.js("return document.activeElement.textContent") == "Stop", b.js("return document.activeElement.outerHTML"))
    b.keys(Keys.ENTER)
    b.until("return document.getElementById('which-run')?.value === 'run-1'", "the end of the training")
    said = b.js("return [document.querySelector('.training > p').textContent, document.getElementById('live').textContent, document.activeElement.textContent]")
    Case.check("how it ended is shown and said, and it can go on", said[0].startswith("run-1: stopped after step") and said[0] == said[1] and said[2] == "Go on", said)
    b.look("train-stopped")
    b.keys(Keys.ENTER)
    b.until("return document.querySelector('.training button')?.textContent === 'Stop' && document.querySelector('.training > p').textContent.includes('; step')", "the training again")
    b.driver.refresh()
    b.until("return document.querySelector('.training button')?.textContent === 'Stop'", "the training after a reload")
    os.kill(children(b.server)[0], 9)
    b.until("return document.querySelector('.training > p.bad')", "the end of the training")
    Case.check("one that is killed is told", "signal 9" in b.js("return document.querySelector('.training > p').textContent"), b.text())
    b.end("the training")


def test_key(here):
    key = os.path.join(here, "key")
    with Server("--api-key-file", key) as s:
        with open(key, encoding="ascii") as f:
            s.key = f.read().strip()
        b = Browser(s)
        try:
            b.open("/#report")
            Case.check("the key is asked for, in focus", b.js("return document.title === 'Sign in · attune' && document.activeElement.id === 'key'"), b.text())
            b.look("sign-in")
            b.keys("x" * 64, Keys.ENTER)
            b.until("return document.querySelector('.problem').textContent !== ''", "a wrong key")
            Case.check("a wrong one is said", "not the server's key" in b.text(), b.text())
            b.console()
            b.keys(s.key, Keys.ENTER)
            b.until("return document.title === 'Report · attune'", "the screen behind the door")
            b.driver.refresh()
            b.until("return document.title === 'Report · attune'", "the screen after a reload")
            Case.check("a reload stays signed in, and scripts do not see why", b.js("return document.cookie") == "", b.js("return document.cookie"))
            b.end("the screen behind a key")
            b.tab_to("e.textContent === 'Sign out'", "Sign out")
            b.keys(Keys.ENTER)
            b.until("return document.title === 'Sign in · attune'", "the door again")
            Case.check("signed out", True)
        finally:
            b.driver.quit()


def evaluate(here, data, out):
    questions = os.path.join(here, "questions.jsonl")
    with open(questions, "w", encoding="utf-8") as f:
        f.write(json.dumps({"id": "q1", "question": "How many uploads does Harbor allow?", "answers": ["40"], "source": "plans.md"}) + "\n")
    subprocess.run([ATTUNE, "eval", "--model", MODEL, "--adapter", ADAPTER, "--data", data, "--questions", questions, "--out", out, "--quiet"], env=ENV, check=True, stdout=subprocess.DEVNULL,
                   timeout=300)


def main():
    with tempfile.TemporaryDirectory() as here:
        results = os.path.join(here, "results")
        os.mkdir(results)
        os.rename(curate(here), os.path.join(results, "data"))
        evaluate(here, os.path.join(results, "data"), os.path.join(results, "eval-later"))
        with Server("--results", results, "--adapter", ADAPTER + "=ours", env=PATIENT) as s:
            b = Browser(s)
            try:
                test_arena(b)
                test_report(b, results)
                test_xray(b)
                test_data(b, results)
                test_overtaken(b)
                test_review(b)
                test_train(b, results)
                test_training(b)
            finally:
                b.driver.quit()
        test_key(here)
    print(f"1..{Case.n}")
    return Case.failed > 0


if __name__ == "__main__":
    sys.exit(main())
