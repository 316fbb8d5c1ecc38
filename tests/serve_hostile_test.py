#!/usr/bin/env python3
"""The server among those who wish it ill: requests that two programs could read differently, clients that go away, crowds of slow ones, bodies
that never end; with a tiny model. As TAP.

usage: serve_hostile_test.py ATTUNE GOLDEN
"""
import json
import os
import select
import socket
import struct
import sys
import tempfile
import threading
import time

import serve_test
from serve_test import ADAPTER, ASKED, CHAT, Server, deep, head, status_of
from tap import Case

serve_test.ENV["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"  # what is freed shall not count

BODY = json.dumps(ASKED).encode()
LONG = ASKED | {"max_tokens": 450, "temperature": 2}
POST = ("Host: localhost", "Content-Type: application/json")
OK = head("Host: localhost")


def post(body, *lines):
    """A whole request; of a body that is no bytes its JSON."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(*POST, f"Content-Length: {len(body)}", *lines, method="POST", path=CHAT) + body


def connect(s, data=b""):
    c = socket.create_connection(("127.0.0.1", int(s.port)), timeout=30)
    c.sendall(data)
    return c


def wait_busy(s, least, seconds=20):
    end = time.time() + seconds
    while s.busy() < least and time.time() < end:
        time.sleep(0.01)
    return s.busy()


def test_requests(s):
    n = len(BODY)
    length, chunks = f"Content-Length: {n}", f"{n:x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"

    def sent(*lines, body=BODY):
        return head(*POST, *lines, method="POST", path=CHAT) + body

    def chunked(body):
        return sent("Transfer-Encoding: chunked", body=body)

    table = [
        ("a plain request", OK, 200), ("a host with its port", head(f"Host: 127.0.0.1:{s.port}"), 200), ("a host of version 6", head("Host: [::1]:80"), 200),
        ("a host from elsewhere", head("Host: evil.example"), 403), ("no host", head("X: y"), 400), ("two hosts", head("Host: localhost", "Host: evil.example"), 400),
        ("an empty host", head("Host: "), 403), ("a host that only begins well", head("Host: localhost.evil.example"), 403),
        ("a host in two lines", head("Host: localhost\r\n .evil.example"), 403), ("a host with a user", head("Host: evil.example@localhost"), 403),
        ("a host whose number is odd", head("Host: 0x7f.1"), 403),
        ("its own origin", head(f"Host: localhost:{s.port}", f"Origin: http://localhost:{s.port}"), 200),
        ("an origin from elsewhere", head("Host: localhost", "Origin: http://evil.example"), 403), ("no origin", head("Host: localhost", "Origin: null"), 403),
        ("two origins", head("Host: localhost", "Origin: http://localhost", "Origin: http://localhost"), 403),
        ("a target with a host", head("Host: localhost", path="http://evil.example/health"), 400), ("its own address as the target", head("Host: localhost", path="http://localhost/health"), 400),
        ("a target that is a star", head("Host: localhost", method="OPTIONS", path="*"), 400), ("a target with a space", b"GET /health x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("a long path", head("Host: localhost", path="/" + "a" * 9000), 414), ("a NUL in the path", head("Host: localhost", path="/health%00"), 400),
        ("a bare LF", OK.replace(b"\r\n", b"\n"), 400), ("one bare LF", b"GET /health HTTP/1.1\r\nX: y\nHost: localhost\r\n\r\n", 400), ("a NUL", head("Host: localhost", "X: a\0b"), 400),
        ("a bare CR", head("Host: localhost", "X: a\rb"), 400), ("no HTTP", b"HELLO\r\n\r\n", 400), ("HTTP/0.9", b"GET /health\r\n\r\n", 400), ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("a huge header", head("Host: localhost", "X: " + "y" * 20000), None), ("many headers", head("Host: localhost", *["X: y"] * 5000), None),
        ("a name with a space", head("Host: localhost", "Content-Length : 5"), 400), ("a name with a control character", head("Host: localhost", "X\x01: y"), 400),
        ("no name", head("Host: localhost", ": x"), 400), ("no colon", head("Host: localhost", "nonsense"), 400),
        ("a length", post(BODY), 200), ("chunks", chunked(chunks), 200),
        ("two lengths", sent(length, length), 400), ("two lengths that differ", sent("Content-Length: 0", length), 400), ("a list of lengths", sent(f"{length}, {n}"), 400),
        ("a length and chunks", sent(length, "Transfer-Encoding: chunked", body=chunks), 400), ("chunks and a length", sent("Transfer-Encoding: chunked", length, body=chunks), 400),
        ("two codings", sent("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=chunks), 400), ("chunks inside a coding", sent("Transfer-Encoding: gzip, chunked", body=chunks), 400),
        ("another coding", sent("Transfer-Encoding: identity", length), 400), ("a coding that only ends well", sent("Transfer-Encoding: xchunked", body=chunks), 400),
        ("a negative length", sent("Content-Length: -5"), 400), ("a length with a sign", sent(f"Content-Length: +{n}"), 400), ("a length in hexadecimal", sent(f"Content-Length: 0x{n:x}"), 400),
        ("a length in two lines", sent(f"Content-Length:\r\n {n}"), 400), ("an empty length", sent("Content-Length:"), 400),
        ("an endless length", sent("Content-Length: 99999999999", body=b""), None), ("a length beyond 64 bits", sent(f"Content-Length: {2 ** 64 + n}"), None),
        ("an endless chunk", chunked(b"fffffffffff\r\n"), None), ("a chunk of 2^64 - 1", chunked(b"f" * 16 + b"\r\n" + BODY), None), ("a chunk of 2^63 - 1", chunked(b"7" + b"f" * 15 + b"\r\n" + BODY), None),
        ("a chunk beyond 64 bits", chunked(b"1" + b"0" * 16 + chunks), None), ("a negative chunk", chunked(b"-1\r\n" + BODY), None), ("a chunk that is no number", chunked(b"zz\r\n" + BODY), None),
        ("chunks that are too much together", chunked((b"100000\r\n" + b" " * (1 << 20) + b"\r\n") * 5), None), ("a chunk without its end", chunked(chunks.replace(b"\r\n0", b"xx0")), None),
        ("no type", head("Host: localhost", length, method="POST", path=CHAT) + BODY, 415), ("two types", post(BODY, "Content-Type: text/plain"), 415),
        ("a form's type", head("Host: localhost", "Content-Type: text/plain", length, method="POST", path=CHAT) + BODY, 415),
        ("a type that only begins well", head("Host: localhost", "Content-Type: application/jsonp", length, method="POST", path=CHAT) + BODY, 415),
        ("a NUL in the body", post(BODY.replace(b"in the", b"in\0the")), 400), ("an expectation that nobody meets", post(BODY, "Expect: 200-ok"), 417),
        ("OPTIONS", head("Host: localhost", method="OPTIONS", path=CHAT), 204), ("HEAD", head("Host: localhost", method="HEAD"), 200),
        ("HEAD of what is posted", head("Host: localhost", method="HEAD", path=CHAT), 405), ("PUT", head("Host: localhost", method="PUT"), 405), ("TRACE", head("Host: localhost", method="TRACE"), 501),
        ("CONNECT", head("Host: localhost", method="CONNECT", path="localhost:80"), 400), ("no method", head("Host: localhost", method="get"), 501)]
    for title, data, want in table:
        got = s.raw(data, 1 if want is None else 5)
        Case.check(f"{title}: {want or 'no success'}", status_of(got) == want if want else status_of(got) in (None, 400, 413, 431), got[:300])
    got = s.raw(head("Host: localhost", method="OPTIONS", path=CHAT))
    Case.check("nothing is granted to other origins", b"access-control" not in got.lower(), got)
    Case.check("answers are not to be guessed at or kept", b"nosniff" in s.raw(OK) and b"no-store" in s.raw(OK))


def test_one(s):
    """Nothing behind a request becomes a second one."""
    old = b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\nHost: localhost\r\n\r\n"
    table = [
        ("a request", OK, 200), ("a body", post(BODY), 200), ("HTTP/1.0 that would go on", old, None), ("a head that is refused", b"HELLO\r\n\r\n", 400),
        ("a method that nobody has", head("Host: localhost", method="TRACE"), 501), ("CONNECT", head("Host: localhost", method="CONNECT", path="localhost:80"), 400),
        ("a bare LF", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: y\n\n", 400), ("an expectation", post(BODY, "Expect: 200-ok"), 417),
        ("a last chunk", head(*POST, "Transfer-Encoding: chunked", method="POST", path=CHAT) + f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\nHost: evil.example\r\n\r\n", 200),
        ("a length of none", head(*POST, "Content-Length: 0", method="POST", path=CHAT), 400)]
    for title, data, want in table:
        begun = time.time()
        got = s.raw(data + head("Host: localhost", path="/v1/models"), 5)
        Case.check(f"behind {title} stands no second request, and the connection ends", got.count(b"HTTP/1.") == 1 and status_of(got) == want and b'"data"' not in got and
                   b"keep-alive" not in got.lower() and time.time() - begun < 4, got)
    with connect(s, head(*POST, f"Content-Length: {len(BODY)}", "Expect: 100-continue", method="POST", path=CHAT)) as c:
        first = c.recv(1000)
        c.sendall(BODY)
        Case.check("who waits for leave to send gets it, then the answer", first == b"HTTP/1.1 100 Continue\r\n\r\n" and status_of(c.recv(1000)) == 200, first)
    try:
        status = s.ask("POST", CHAT, json.dumps({"model": "x" * (5 << 20)}))[0]
    except OSError:
        status = None
    Case.check("a body that is too large", status in (413, None), status)


def leave(c):
    c.close()


def reset(c):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()


def half(c):
    c.shutdown(socket.SHUT_WR)


def test_gone(s):
    """Clients that do not wait for their answers."""
    for what, body in (("a stream", LONG | {"n": 100, "stream": True}), ("an answer in one piece", LONG | {"n": 100})):
        for how, go in (("leaves", leave), ("resets", reset), ("sends no more at", half)):
            c = connect(s, post(body))
            begun = wait_busy(s, 51)
            c.sendall(b"bytes that nobody asked for\r\n\r\n" * 100)
            time.sleep(0.2)
            left, gone = s.busy(), time.time()
            go(c)
            Case.check(f"who {how} {what} frees its place", begun > 50 and left and s.wait_idle(5) and time.time() - gone < 1, (begun, left, time.time() - gone))
            c.close()
    with connect(s, OK) as c:
        half(c)
        Case.check("what is answered at once is answered to who sends no more, too", status_of(c.recv(1000)) == 200)
    Case.check("and the server goes on", s.post(CHAT, ASKED)[0] == 200)


def test_waiting(s):
    """More questions than there are places to wait: the rest is told so, and who asks for health gets in."""
    crowd = [connect(s, post(LONG | {"n": 4})) for _ in range(250)]
    wait_busy(s, 150)
    status = [s.get("/health")[0] for _ in range(20)]
    told, end = {}, time.time() + 10
    while sum(status == 429 for status in told.values()) <= 30 and time.time() < end:  # the last may not have been read yet
        for c in select.select([c for c in crowd if c not in told], [], [], 0.1)[0]:
            told[c] = status_of(c.recv(1000))
    refused = sum(status == 429 for status in told.values())
    for c in crowd:
        c.close()
    Case.check("with all places taken health is told", status == [200] * 20 and refused > 30, (status, refused))
    Case.check("and who leaves leaves nothing", s.wait_idle(10))


def resident(s):
    with open(f"/proc/{s.child.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def descriptors(s):
    return len(os.listdir(f"/proc/{s.child.pid}/fd"))


class Crowd:
    """Connections that begin with `data` and go on a byte at a time, and come again when they are dropped; in a thread of their own."""

    def __init__(self, s, n, data):
        self.address, self.data, self.dropped, self.ending = ("127.0.0.1", int(s.port)), data, 0, False
        self.alive = [None] * n
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()
        for c in filter(None, self.alive):
            c.close()

    def run(self):
        n_sent = [0] * len(self.alive)
        while not self.ending:
            for i, c in enumerate(self.alive):
                try:
                    if not c:
                        self.alive[i], n_sent[i] = socket.socket(), 0
                        self.alive[i].setblocking(False)
                        self.alive[i].connect_ex(self.address)
                    else:
                        n_sent[i] += c.send(b"x" if n_sent[i] else self.data)
                except BlockingIOError:
                    pass
                except OSError:
                    c.close()
                    self.alive[i] = None
                    self.dropped += 1
            time.sleep(0.3)


def test_crowd(s):
    """A thousand who never come to the end of their head, where 256 have a place."""
    begun, most, status, took = resident(s), 0, [], []
    with Crowd(s, 1000, b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ") as crowd:
        end, n = time.time() + 6, 0
        while time.time() < end:
            at = time.time()
            status.append(s.get("/health")[0])
            took.append(time.time() - at)
            n, most = max(n, descriptors(s)), max(most, resident(s))
            time.sleep(0.02)
        Case.check("a thousand slow heads do not keep anybody out", set(status) == {200} and len(status) > 5 and crowd.dropped > 1000, (status, max(took), crowd.dropped))
        Case.check("256 at most are kept, and 32 that are going", 256 < n < 256 + 32 + 20, n)
    print(f"# health in the crowd: {len(took)} times, {1000 * sorted(took)[len(took) // 2]:.1f} ms, at most {1000 * max(took):.1f} ms; {crowd.dropped} dropped", flush=True)
    print(f"# memory in the crowd: {most - begun} KiB more", flush=True)
    Case.check("in little memory", most - begun < 64 << 10, (begun, most))


def test_deadlines(s):
    """How long those may take who keep sending: ten seconds for a head, thirty for a request."""
    rest = head(*POST, "Content-Length: 1000", method="POST", path=CHAT)
    slow = {"a head": (connect(s, b"GET /health HTTP/1.1\r\nX: "), 10), "a request": (connect(s, rest), 30)}
    begun, took = time.time(), {}
    while len(took) < len(slow) and time.time() < begun + 40:
        for what, (c, _) in slow.items():
            try:
                if what not in took:
                    c.send(b"x")
            except OSError:
                took[what] = time.time() - begun
        time.sleep(0.5)
    for what, (c, seconds) in slow.items():
        Case.check(f"{what} has {seconds} seconds", seconds - 1 < took.get(what, 0) < seconds + 4, took)
        c.close()
    Case.check("nothing is left open", descriptors(s) < 30, descriptors(s))


def test_memory(s):
    """Bodies of almost 4 MiB that are never whole."""
    begun = resident(s)
    data = head(*POST, f"Content-Length: {4 << 20}", method="POST", path=CHAT) + b" " * ((4 << 20) - 1)
    crowd = []
    for _ in range(60):
        try:
            crowd.append(connect(s, data))
        except OSError:  # while it is being dropped
            pass
    Case.check("who fills the memory is dropped", s.get("/health")[0] == 200 and resident(s) - begun < 160 << 10, (begun, resident(s)))
    endless = head(*POST, "Transfer-Encoding: chunked", method="POST", path=CHAT)
    for c in crowd:
        c.close()
    try:
        with connect(s, endless) as c:
            for _ in range(200):
                c.sendall(b"0" * (1 << 20))
        ended = False
    except OSError:
        ended = True
    Case.check("so is who sends the size of a chunk without end", ended and resident(s) - begun < 160 << 10, (begun, resident(s)))


def main():
    with Server("--parallel", "2", "--adapter", ADAPTER + "=ours", "--threads", "1") as s:
        test_requests(s)
        test_one(s)
        test_waiting(s)
        test_memory(s)
        test_crowd(s)
        test_deadlines(s)
        Case.check("after all that it answers", s.post(CHAT, ASKED)[0] == 200)
    Case.check("Ctrl-C ends it with 0", s.child.returncode == 0 and "Sanitizer" not in s.err, s.err)
    with tempfile.TemporaryDirectory() as here:
        with Server("--parallel", "2", "--threads", "1", model=deep(here, 16)) as s: # the small model would have answered before they leave
            test_gone(s)
        Case.check("and so does it", s.child.returncode == 0 and "Sanitizer" not in s.err, s.err)
    print(f"1..{Case.n}")
    return Case.failed > 0


if __name__ == "__main__":
    sys.exit(main())
