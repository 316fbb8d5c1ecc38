#!/usr/bin/env python3
"""100,000 requests of all kinds to one server, a tiny model's: fails when a status is not as expected, when memory grows, or descriptors.

usage: soak.py ATTUNE GOLDEN [N]

Memory is that of the server while nobody asks, behind the first fifth of the requests and behind the last one: it may grow by 1 % and 512 KiB,
which is what the heap's own pieces wander by.
"""
import concurrent.futures
import random
import socket
import sys
import tempfile
import time

from serve_hostile_test import descriptors, post, reset, resident
from serve_test import ADAPTER, ASKED, CHAT, TEXT, Server, curate, head

SHORT = ASKED | {"max_tokens": 4}
PLAN = {"type": "json_schema", "json_schema": {"name": "plan", "schema": {"type": "object", "properties": {"paid": {"type": "boolean"}}, "required": ["paid"]}}}
# how often of 1000, what, and the status; None: the client does not wait for one
KINDS = [
    (300, ("GET", "/health"), 200), (100, ("GET", "/v1/models"), 200), (30, ("GET", "/metrics"), 200), (20, ("OPTIONS", CHAT), 204), (20, ("HEAD", "/"), 200),
    (60, ("GET", "/"), 200), (60, ("GET", "/ui/app.js"), 200), (30, ("GET", "/page/report"), 200), (20, ("GET", "/page/review"), 200),
    (40, ("POST", "/tokenize", {"content": "in the for that"}), 200),
    (60, ("POST", CHAT, SHORT), 200), (20, ("POST", CHAT, SHORT | {"model": "ours", "logprobs": True, "top_logprobs": 3}), 200), (20, ("POST", CHAT, SHORT | {"model": "untied/rag"}), 200),
    (20, ("POST", CHAT, SHORT | {"stream": True, "n": 2}), 200), (20, ("POST", CHAT, SHORT | {"response_format": PLAN, "max_tokens": 24}), 200),
    (20, ("POST", TEXT, {"model": "untied", "prompt": "in the", "max_tokens": 0, "echo": True, "logprobs": 2}), 200),
    (30, ("POST", CHAT, SHORT | {"temperature": 9}), 400), (20, ("POST", CHAT, "{"), 400), (20, ("POST", CHAT, SHORT | {"model": "absent"}), 404), (30, ("GET", "/nothing"), 404),
    (10, ("DELETE", "/health"), 405), (20, ("GET", "/health", None, {"Host": "evil.example"}), 403),
    (10, post(ASKED | {"max_tokens": 400, "stream": True, "temperature": 2}), None), (10, post(ASKED | {"max_tokens": 400, "n": 3, "temperature": 2}), None),
    (5, head("Host: localhost")[:-2], None), (5, b"HELLO\r\n\r\n", None)]


def ask(s, i):
    """Request i: None, or what is wrong with its answer. What it is depends on i alone."""
    kind, want = random.Random(i).choices([k[1:] for k in KINDS], [k[0] for k in KINDS])[0]
    if want is not None:
        got = s.ask(*kind)[0]
        return None if got == want else (kind, got)
    with socket.create_connection(("127.0.0.1", int(s.port)), timeout=60) as c:
        c.sendall(kind)
        time.sleep(i % 4 * 0.01)
        if i % 2:
            reset(c)
    return None


def rest(s):
    """Waits until nobody is being answered; memory in KiB, descriptors."""
    s.wait_idle(60)
    time.sleep(2.5)  # connections that have ended are swept every second
    return resident(s), descriptors(s)


def main():
    n = int(sys.argv[3]) if len(sys.argv) > 3 else 100000
    parts, seen, wrong = 10, [], []
    with tempfile.TemporaryDirectory() as here, Server("--parallel", "2", "--threads", "1", "--adapter", ADAPTER + "=ours", "--data", curate(here)) as s:
        begun = time.time()
        for part in range(parts):
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                wrong += filter(None, pool.map(lambda i: ask(s, i), range(n * part // parts, n * (part + 1) // parts)))
            seen.append(rest(s))
            print(f"{n * (part + 1) // parts} requests, {time.time() - begun:.0f} s: {seen[-1][0]} KiB, {seen[-1][1]} descriptors, {len(wrong)} wrong", flush=True)
    (warm, open_warm), (last, open_last) = seen[parts // 5 - 1], seen[-1]
    for bad in wrong[:5]:
        print(str(bad)[:300])
    grows, leaks = last > warm * 1.01 + 512, open_last > open_warm
    print(f"memory {warm} to {last} KiB{', which is growth' if grows else ''}; descriptors {open_warm} to {open_last}{', which is a leak' if leaks else ''}; "
          f"{len(wrong)} answers were not as expected; the server ended with {s.child.returncode}")
    return grows or leaks or bool(wrong) or s.child.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
