#!/usr/bin/env python3
"""Photographs of the page for the documents: arena, review and train on a real run, light, 1280 wide, in at most 256 colours. Works on a copy of the results.

usage: page_shots.py ATTUNE GOLDEN RESULTS OUT [QUESTION]        (RESULTS: what `attune run` wrote; GOLDEN is tests/golden, for what the tests share)
"""
import base64
import collections
import glob
import os
import shutil
import struct
import sys
import tempfile
import zlib

import page_browser
import serve_test
from page_test import csrf, send

QUESTION = "How long does an invitation to Tolvery stay good?"
WIDTH, STEPS = 1280, 12


def pixels(png):
    """Width and rows of (r, g, b) of a PNG of 8 bits a channel without interlacing, as Chromium writes it. RFC 2083, section 6."""
    at, data = 8, b""
    while at < len(png):
        n, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + n]
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack(">IIBB", body[:10])
        data += body if kind == b"IDAT" else b""
        at += 12 + n
    size, raw = {2: 3, 6: 4}[colour], zlib.decompress(data)
    rows, above, stride = [], bytearray(width * size), width * size
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride if kind else 0):
            a, b, c = (line[i - size], above[i], above[i - size]) if i >= size else (0, above[i], 0)
            line[i] = (line[i] + (0, a, b, (a + b) // 2, min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2])[kind]) & 255
        rows.append([tuple(line[i:i + 3]) for i in range(0, stride, size)])
        above = line
    return width, rows


def shrink(png):
    """The same in the 256 colours that stand there most often, each other one as the nearest of these."""
    width, rows = pixels(png)
    palette = [colour for colour, _ in collections.Counter(p for row in rows for p in row).most_common(256)]
    index = {colour: i for i, colour in enumerate(palette)}
    for colour in {p for row in rows for p in row} - set(index):
        index[colour] = min(range(len(palette)), key=lambda i: sum((a - b) ** 2 for a, b in zip(palette[i], colour)))
    raw = b"".join(b"\0" + bytes(index[p] for p in row) for row in rows)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), 8, 3, 0, 0, 0)), (b"PLTE", bytes(v for p in palette for v in p)), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)


def shot(b, path):
    """What is to be seen down to where the content ends."""
    height = b.js("return Math.ceil(Math.max(...[...document.querySelectorAll('main *')].map((e) => e.getBoundingClientRect().bottom)) + scrollY) + 32")
    b.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": WIDTH, "height": min(height, 1100), "deviceScaleFactor": 1, "mobile": False})
    b.scheme("light")
    got = base64.b64decode(b.driver.execute_cdp_cmd("Page.captureScreenshot", {})["data"])
    small = shrink(got)
    with open(path, "wb") as f:
        f.write(small)
    print(f"{path}: {len(small) // 1024} KB, of {len(got) // 1024}")


def copy(results, here):
    """Data, evaluation and runs, without checkpoints."""
    copied = os.path.join(here, "results")
    shutil.copytree(results, copied, ignore=shutil.ignore_patterns("checkpoints", "arena.jsonl", "cases.jsonl", "reviews.db*", "train*.log", "trainings.jsonl"))
    return copied


def arena(b, question, out):
    b.open("/#arena")
    b.keys(question, page_browser.Keys.ENTER)
    b.until("return document.querySelectorAll('.answer').length > 3 && !document.querySelector('.vote:disabled')", "the answers", 600)
    b.js("document.activeElement.blur()")
    shot(b, os.path.join(out, "arena.png"))


def review(b, out):
    (round_,) = page_browser.rounds(b)
    for arm in round_["arms"]:
        send(b.server, "/page/review/add", {"id": round_["id"], "arm": arm}, csrf(b.server))
    b.open("/#review")
    b.until("return document.querySelector('.draft')", "a draft")
    shot(b, os.path.join(out, "review.png"))


def train(b, out):
    status, got = send(b.server, "/page/train/start", {}, csrf(b.server))
    assert status == 200, got
    b.open("/#train")
    b.until(f"return Number(document.querySelector('.training > p')?.textContent.match(/step ([0-9]+) of/)?.[1]) >= {STEPS}", "steps of the training", 1200)
    shot(b, os.path.join(out, "train.png"))
    send(b.server, "/page/train/stop", {}, csrf(b.server))


def main():
    results, out, question = os.path.abspath(sys.argv[3]), os.path.abspath(sys.argv[4]), (sys.argv[5:] or [QUESTION])[0]
    env = {k: v for k, v in os.environ.items() if not k.startswith("ATTUNE_")} | {"HF_HUB_OFFLINE": "1"}
    serve_test.MODEL = "smollm2-135m"
    with tempfile.TemporaryDirectory() as here:
        copied = copy(results, here)
        adapter = max(glob.glob(os.path.join(copied, "run-*", "adapter")), key=os.path.getmtime)
        os.chdir(here)  # so that the commands on the screens have short paths
        with serve_test.Server("--results", "results", "--adapter", f"{os.path.relpath(adapter)}=tuned", env=env) as s:
            b = page_browser.Browser(s)
            try:
                b.driver.set_window_size(WIDTH, 900)
                arena(b, question, out)
                review(b, out)
                train(b, out)
            finally:
                b.driver.quit()


if __name__ == "__main__":
    main()
