#!/usr/bin/env python3
"""The model cache is shared with huggingface_hub: what attune fetched from pull_test.py's server it finds offline, and the other way round.

usage: build/oracle/bin/python tests/oracle/hub.py ATTUNE
"""
import http.server
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import pull_test

cache = tempfile.mkdtemp()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), pull_test.Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ |= {"HF_HUB_CACHE": cache, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1", "no_proxy": "127.0.0.1"}
import huggingface_hub


def attune(name, **more):
    return subprocess.run([pull_test.ATTUNE, "pull", name], env=os.environ | more, capture_output=True, text=True, check=True).stdout.strip()


def nobody_asked():
    asked = list(pull_test.Hub.requests)
    pull_test.Hub.requests.clear()
    return not asked


check = pull_test.Case.check
offline = {"local_files_only": True}
folder, branch = attune("hf:a/small"), attune("hf:a/small@dev")
one, other = attune("hf:a/one-gguf"), attune("hf:a/two-gguf@refs/pr/1:b.gguf")
nobody_asked()
check("its folder", huggingface_hub.snapshot_download("a/small", **offline) == folder)
check("its branch", huggingface_hub.snapshot_download("a/small", revision="dev", **offline) == branch)
check("its file", huggingface_hub.hf_hub_download("a/one-gguf", "x/only.gguf", **offline) == one)
check("its file of a revision", huggingface_hub.hf_hub_download("a/two-gguf", "b.gguf", revision="refs/pr/1", **offline) == other)
asked = pull_test.Hub.requests[:]
check("nobody was asked", not asked, asked)
scan = huggingface_hub.scan_cache_dir(cache)
check("the cache is in order", not scan.warnings and {r.repo_id for r in scan.repos} == {"a/small", "a/one-gguf", "a/two-gguf"}, scan)
# into the folder that attune began, so that both work under one .locks
check("README beside it", huggingface_hub.hf_hub_download("a/small", "README.md") == f"{folder}/README.md")

for found in (huggingface_hub.snapshot_download("a/shards"), huggingface_hub.snapshot_download("a/shards", revision="refs/pr/1")):
    nobody_asked()
    revision = "@refs/pr/1" if "e" * 40 in found else ""
    check(f"theirs{revision}", attune(f"hf:a/shards{revision}", HF_HUB_OFFLINE="1") == found and nobody_asked())
found = huggingface_hub.hf_hub_download("a/far", "m.gguf")
check("their file", attune("hf:a/far:m.gguf", HF_HUB_OFFLINE="1") == found)
check("attune goes on in their folder", os.path.dirname(attune("hf:a/shards@dev")).endswith("models--a--shards/snapshots"))
print(f"1..{pull_test.Case.n}")
print(f"# huggingface_hub {huggingface_hub.__version__}")
sys.exit(pull_test.Case.failed > 0)
