#!/usr/bin/env python3
"""Two servers with one store behind the nginx of service/nginx.conf; with a tiny model. As TAP; skipped where there is no nginx.

usage: nginx_test.py ATTUNE GOLDEN NGINX_CONF
"""
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from serve_test import ADAPTER, ASKED, CHAT, Server, curate
from tap import Case

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
if not NGINX:
    print("1..0 # SKIP nginx not here")
    sys.exit(0)

WHOLE = """daemon off; pid {here}/pid; error_log stderr; events {{}}
http {{
access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
{ours}
}}
"""


class Proxy:
    """nginx as the file says, but for its ports and its name."""

    def __init__(self, here, servers):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with open(sys.argv[3], encoding="utf-8") as f:
            ours = f.read().replace("listen 80;", f"listen 127.0.0.1:{self.port};").replace("attune.example.com", "localhost")
        for port, s in zip(("8081", "8082"), servers):
            ours = ours.replace(f"127.0.0.1:{port}", f"127.0.0.1:{s.port}")
        self.conf = os.path.join(here, "nginx.conf")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(WHOLE.format(here=here, ours=ours))
        self.child = subprocess.Popen([NGINX, "-p", here, "-c", self.conf], stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        end = time.time() + 20
        while time.time() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.child.terminate()
        print("".join(f"# {line}\n" for line in self.child.communicate(timeout=20)[1].splitlines()), end="")

    def ask(self, method, path, body=None, **headers):
        """The connection and the answer, whose body is not read."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, body and json.dumps(body), {"Host": f"localhost:{self.port}", "Content-Type": "application/json"} | headers)
        return c, c.getresponse()

    def status(self, *args, **headers):
        c, got = self.ask(*args, **headers)
        got.read()
        c.close()
        return got.status


def test(p, servers):
    Case.check("the servers behind one address", p.status("GET", "/health") == p.status("GET", "/") == 200)
    own, foreign = f"http://localhost:{p.port}", "http://evil.example"
    Case.check("who comes from the page is let in, who comes from elsewhere not", p.status("GET", "/page/state", Origin=own) == 200 and
               p.status("GET", "/page/state", Origin=foreign) == p.status("GET", "/page/state", Host="evil.example") == 403)
    got = json.loads(p.ask("POST", CHAT, ASKED | {"model": "ours/rag", "messages": [{"role": "user", "content": "How many uploads does Harbor allow?"}]})[1].read())
    Case.check("an answer from the store", got["attune"]["passages"][0]["source"] == "plans.md", got)
    both = [s.post(CHAT, ASKED | {"model": "ours/rag"})[0] for s in servers]
    Case.check("that both have open", both == [200, 200], both)
    c, got = p.ask("POST", CHAT, ASKED | {"stream": True, "n": 60, "max_tokens": 450, "temperature": 2})
    for _ in range(200):
        line = got.readline()
    Case.check("a stream comes as it is made", line.startswith((b"data: ", b"\n")) and sum(s.busy() for s in servers) > 20, line)
    begun = time.time()
    got.close()
    c.close()
    Case.check("who leaves frees the place behind it", all(s.wait_idle(5) for s in servers) and time.time() - begun < 2, time.time() - begun)


def main():
    with tempfile.TemporaryDirectory() as here:
        store = ("--parallel", "2", "--threads", "1", "--adapter", ADAPTER + "=ours", "--data", curate(here))
        with Server(*store) as one, Server(*store) as two, Proxy(here, (one, two)) as p:
            test(p, (one, two))
            for ending, left in ((one, two), (two, None)):
                ending.child.terminate()
                ending.child.wait(timeout=60)
                status = [p.status("POST", CHAT, ASKED) for _ in range(3)]
                Case.check(f"with {'one' if left else 'both'} gone", status == ([200] * 3 if left else [502] * 3), status)
    print(f"1..{Case.n}")
    return Case.failed > 0


if __name__ == "__main__":
    sys.exit(main())
