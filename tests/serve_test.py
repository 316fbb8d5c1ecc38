#!/usr/bin/env python3
"""The server from outside: answers, streams, errors, keys; with a tiny model. As TAP. What wishes it ill: serve_hostile_test.py.

usage: serve_test.py ATTUNE GOLDEN
"""
import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time

from tap import HARBOR, Case

ATTUNE, GOLDEN = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
MODEL, ADAPTER = os.path.join(GOLDEN, "untied.gguf"), os.path.join(GOLDEN, "untied.golden", "adapter")
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("ATTUNE_", "HF_"))} | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/nonexistent"}
CHAT, TEXT, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
EMBEDDER = os.path.join(GOLDEN, "embed")
ASKED = {"model": "untied", "messages": [{"role": "user", "content": "in the"}], "max_tokens": 12, "temperature": 0}


class Server:
    """A running `attune serve`; the model is loaded when it is entered."""

    def __init__(self, *args, env=ENV, model=MODEL):
        self.child = subprocess.Popen([ATTUNE, "serve", "--model", model, "--port", "0", *args], env=env, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
        self.key = None

    def __enter__(self):
        url = self.child.stdout.readline().strip()
        if not url:
            raise RuntimeError(self.child.communicate()[1])
        self.host, self.port = url.removeprefix("http://").rsplit(":", 1)
        end = time.time() + 60
        while self.get("/health")[0] != 200 and time.time() < end:
            time.sleep(0.05)
        return self

    def __exit__(self, kind, *_):
        ended = self.child.poll()
        if ended is None:
            self.child.send_signal(signal.SIGTERM)
        self.out, self.err = self.child.communicate(timeout=60)
        if kind:  # of an exception: what the server has to say to it
            print(f"# the server ended with {ended}: {self.err!r}", flush=True)

    def ask(self, method, path, body=None, headers=None):
        """Status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=60)
        sent = {"Content-Type": "application/json"} if method == "POST" else {}
        if self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        connection.request(method, path, body if body is None or isinstance(body, (str, bytes)) else json.dumps(body), sent | (headers or {}))
        got = connection.getresponse()
        text = got.read()
        connection.close()
        return got.status, got.headers, text

    def get(self, path):
        status, _, text = self.ask("GET", path)
        return status, json.loads(text) if text[:1] == b"{" else text

    def post(self, path, body):
        status, _, text = self.ask("POST", path, body)
        return status, json.loads(text)

    def stream(self, path, body):
        """The events of a stream, decoded; the last one is "[DONE]"."""
        status, headers, text = self.ask("POST", path, body | {"stream": True})
        assert status == 200 and headers["Content-Type"] == "text/event-stream", (status, text)
        lines = [line.removeprefix("data: ") for line in text.decode().split("\n\n") if line.startswith("data: ")]
        return [json.loads(line) if line != "[DONE]" else line for line in lines]

    def raw(self, data, wait=5):
        """What comes back for these bytes until the server closes the connection, or for `wait` seconds."""
        with socket.create_connection(("127.0.0.1", int(self.port))) as s:
            got = b""
            try:
                s.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all was sent: the answer may be there
            s.settimeout(wait)
            try:
                while piece := s.recv(65536):
                    got += piece
            except (TimeoutError, ConnectionResetError):
                pass
            return got

    def measure(self, name):
        for line in self.get("/metrics")[1].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise KeyError(name)

    def busy(self):
        return self.measure("llamacpp:requests_processing") + self.measure("llamacpp:requests_deferred")

    def wait_idle(self, seconds):
        end = time.time() + seconds
        while self.busy():
            if time.time() > end:
                return False
            time.sleep(0.02)
        return True


def content(answer, i=0):
    return answer["choices"][i]["message"]["content"]


def pieces(events, i=0):
    return [c["delta"]["content"] for e in events if e != "[DONE]" for c in e["choices"] if c["index"] == i and c["delta"].get("content")]


def test_models(s):
    status, got = s.get("/v1/models")
    ids = [(m["id"], m["root"], m["parent"]) for m in got["data"]]
    Case.check("models: the base and its adapters", status == 200 and got["object"] == "list" and
               ids == [("untied", "untied", None), ("ours", "untied", "untied")], got)
    Case.check("one model", s.get("/v1/models/ours") == (200, got["data"][1]))
    status, got = s.get("/v1/models/absent")
    Case.check("no such model", status == 404 and got["error"]["code"] == "model_not_found" and got["error"]["param"] == "model", got)


def generate(prompt, *args):
    done = subprocess.run([ATTUNE, "generate", "--model", MODEL, "--quiet", "--max-tokens", "12", *args], input=json.dumps(prompt), env=ENV,
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_chat(s):
    status, got = s.post(CHAT, ASKED)
    want = generate({"messages": ASKED["messages"]})
    choice = got["choices"][0]
    Case.check("an answer in OpenAI's shape", status == 200 and got["object"] == "chat.completion" and got["id"].startswith("chatcmpl-") and
               got["model"] == "untied" and choice["message"]["role"] == "assistant" and choice["index"] == 0 and choice["logprobs"] is None, got)
    Case.check("it is what generate says", content(got) == want["text"] and choice["finish_reason"] == want["finish_reason"] and
               {k: got["usage"][k] for k in want["usage"]} == want["usage"], (got, want))
    want = content(got)
    parts = [{"type": "text", "text": "in"}, {"type": "text", "text": " the"}]
    Case.check("content in parts", content(s.post(CHAT, ASKED | {"messages": [{"role": "user", "content": parts}]})[1]) == want)
    nulls = dict.fromkeys(("stream", "n", "stop", "seed", "top_p", "logprobs", "top_logprobs", "response_format", "tools", "tool_choice",
                           "stream_options", "max_completion_tokens", "user", "logit_bias", "presence_penalty", "anything"))
    Case.check("optional fields may be null", content(s.post(CHAT, ASKED | nulls)[1]) == want)
    harmless = {"frequency_penalty": 0, "presence_penalty": 0.0, "logit_bias": {}, "tools": [], "response_format": {"type": "text"}, "user": "u",
                "metadata": {"a": "b"}, "store": False}
    Case.check("fields whose value changes nothing", content(s.post(CHAT, ASKED | harmless)[1]) == want)
    system = [{"role": r, "content": "Be brief."} for r in ("system", "developer")]
    one, two = (content(s.post(CHAT, ASKED | {"messages": [m, *ASKED["messages"]]})[1]) for m in system)
    Case.check("a developer is a system", one == two != want, (one, two))
    less = ASKED | {"max_completion_tokens": 3}
    del less["max_tokens"]
    got = s.post(CHAT, less)[1]
    Case.check("max_completion_tokens", got["usage"]["completion_tokens"] == 3 and got["choices"][0]["finish_reason"] == "length" and
               want.startswith(content(got)), got)
    tuned = content(s.post(CHAT, ASKED | {"model": "ours"})[1])
    Case.check("the model chooses the adapter", tuned == generate({"messages": ASKED["messages"]}, "--adapter", ADAPTER)["text"] != want, tuned)
    draw = ASKED | {"temperature": 1.5, "n": 3, "seed": 5}
    one, two = s.post(CHAT, draw)[1], s.post(CHAT, draw)[1]
    texts = [content(one, i) for i in range(3)]
    Case.check("n choices, drawn by the seed", [c["index"] for c in one["choices"]] == [0, 1, 2] and len(set(texts)) == 3 and
               texts == [content(two, i) for i in range(3)] and one["usage"]["completion_tokens"] > one["usage"]["prompt_tokens"] / 3, one)
    later = s.post(CHAT, draw | {"seed": 6, "n": 1})[1]
    Case.check("choice i has the seed + i", content(later) == texts[1], (later, texts))
    Case.check("another seed, other answers", content(s.post(CHAT, draw | {"seed": 99})[1]) not in texts)
    return want


def form(schema):
    return {"type": "json_schema", "json_schema": {"name": "form", "strict": True, "schema": schema}}


def test_forms(s):
    """A model that knows nothing of JSON gives the form that is asked for, whatever it would say."""
    plan = {"type": "object", "properties": {"plan": {"enum": ["Seed", "Grove"]}, "paid": {"type": "boolean"}, "note": {"type": "null"}},
            "required": ["plan", "paid"], "additionalProperties": False}
    both = {"type": "object", "properties": {"plans": {"type": "array", "items": {"$ref": "#/$defs/plan"}, "minItems": 1, "maxItems": 2}},
            "required": ["plans"], "$defs": {"plan": plan}}
    asked = ASKED | {"max_tokens": 200, "temperature": 1.5, "top_p": 1, "n": 16, "seed": 3, "response_format": form(both)}
    status, got = s.post(CHAT, asked)
    right, choices = 0, got["choices"] if status == 200 else []
    for choice in choices:
        plans = json.loads(choice["message"]["content"])["plans"]
        right += choice["finish_reason"] == "stop" and 1 <= len(plans) <= 2 and all(
            p["plan"] in ("Seed", "Grove") and isinstance(p["paid"], bool) and set(p) <= {"plan", "paid", "note"} for p in plans)
    Case.check("every answer has the form", right == 16, got)
    Case.check("and they differ", len({c["message"]["content"] for c in choices}) > 4, got)
    status, got = s.post(CHAT, asked | {"temperature": 0, "n": 1, "stop": None})
    Case.check("the likeliest one too", status == 200 and json.loads(content(got))["plans"], got)
    events = s.stream(CHAT, asked | {"n": 1})
    Case.check("streamed", json.loads("".join(pieces(events)))["plans"], events)
    status, got = s.post(CHAT, ASKED | {"max_tokens": 8, "temperature": 1, "n": 8, "seed": 1, "response_format": {"type": "json_object"}})
    Case.check("an object begins with a brace", status == 200 and all(c["message"]["content"].startswith("{") for c in got["choices"]), got)
    for schema, says in (({"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}}, "schema.a: this keyword is not supported: pattern"),
                         ({"$ref": "#"}, "without end"), (None, "json_schema.schema: expected an object, found none")):
        status, got = s.post(CHAT, ASKED | {"response_format": form(schema) if schema else {"type": "json_schema"}})
        Case.check(f"refused: {says}", status == 400 and says in got["error"]["message"] and
                   got["error"]["param"].startswith("response_format"), got)


def test_stream(s, want):
    events = s.stream(CHAT, ASKED)
    Case.check("a stream says the same", "".join(pieces(events)) == want, events)
    connection = http.client.HTTPConnection("127.0.0.1", int(s.port), timeout=60)
    connection.request("POST", CHAT, json.dumps(ASKED | {"stream": True, "n": 100, "max_tokens": 400, "temperature": 2}), {"Content-Type": "application/json"})
    got = connection.getresponse()
    while b'"content":"' not in (line := got.readline()) or b'"role"' in line:
        pass
    Case.check("as it is made", s.busy() > 50)
    got.close()
    connection.close()
    s.wait_idle(5)
    Case.check("first the role, last the reason, then [DONE]", events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""} and
               events[-1] == "[DONE]" and events[-2]["choices"][0]["finish_reason"] == "length" and events[-2]["choices"][0]["delta"] == {} and
               all(e["choices"][0]["finish_reason"] is None for e in events[:-2]) and
               {e["object"] for e in events[:-1]} == {"chat.completion.chunk"} and len({e["id"] for e in events[:-1]}) == 1, events)
    Case.check("no usage unless asked for", all("usage" not in e for e in events[:-1]))
    events = s.stream(CHAT, ASKED | {"stream_options": {"include_usage": True}, "n": 2})
    Case.check("usage comes last, with no choice", events[-2]["choices"] == [] and events[-2]["usage"]["completion_tokens"] == 24 and
               all(e["usage"] is None for e in events[:-2]), events[-3:])
    Case.check("two choices in one stream", "".join(pieces(events, 0)) == "".join(pieces(events, 1)) == want)


def test_logprobs(s):
    got = s.post(CHAT, ASKED | {"logprobs": True, "top_logprobs": 3})[1]
    tokens = got["choices"][0]["logprobs"]["content"]
    Case.check("logprobs of a chat", bytes(b for t in tokens for b in t["bytes"]).decode("utf-8", "replace") == content(got) and
               all(len(t["top_logprobs"]) == 3 and t["top_logprobs"][0]["logprob"] == t["logprob"] < 0 for t in tokens), tokens)
    events = s.stream(CHAT, ASKED | {"logprobs": True, "top_logprobs": 3})
    streamed = [t for e in events[1:-1] for t in (e["choices"][0]["logprobs"] or {"content": []})["content"]]
    Case.check("a stream has the same", len(streamed) == len(tokens) and all(abs(a["logprob"] - b["logprob"]) < 1e-2 for a, b in zip(streamed, tokens)), streamed)


def test_text(s):
    asked = {"model": "untied", "prompt": "that is", "max_tokens": 6, "temperature": 0}
    status, got = s.post(TEXT, asked)
    said = got["choices"][0]["text"]
    Case.check("a completion", status == 200 and got["object"] == "text_completion" and said == generate({"prompt": "that is"}, "--max-tokens", "6")["text"], got)
    p = s.post(TEXT, asked | {"logprobs": 2})[1]["choices"][0]["logprobs"]
    Case.check("the likeliest token is the one that was taken", len(p["tokens"]) == 6 and all(
        list(t)[0] == own and t[own] == x for t, own, x in zip(p["top_logprobs"], p["tokens"], p["token_logprobs"])), p)
    Case.check("of a stream", "".join(e["choices"][0]["text"] for e in s.stream(TEXT, asked)[:-1]) == said)
    got = s.post(TEXT, asked | {"prompt": ["that is", "of"], "n": 2, "echo": True})[1]
    Case.check("two prompts, two choices each, behind what was asked", [c["index"] for c in got["choices"]] == [0, 1, 2, 3] and
               [c["text"][:len(p)] for c, p in zip(got["choices"], ("that is", "that is", "of", "of"))] == ["that is", "that is", "of", "of"] and
               got["choices"][0]["text"] == "that is" + said, got)
    ids = s.post("/tokenize", {"content": "in the for that"})[1]["tokens"]
    Case.check("tokens and back", len(ids) > 3 and s.post("/detokenize", {"tokens": ids})[1] == {"content": "in the for that"}, ids)
    for path, body, param in (("/tokenize", {}, "content"), ("/detokenize", {"tokens": [10 ** 9]}, "tokens"), ("/detokenize", {"tokens": 5}, "tokens"),
                              (TEXT, asked | {"prompt": [-1]}, "prompt"), (TEXT, asked | {"prompt": [384]}, "prompt"), (TEXT, asked | {"prompt": [{}]}, "prompt"),
                              (TEXT, asked | {"prompt": [["a"]]}, "prompt"), (TEXT, asked | {"prompt": ["a"] * 200}, "prompt"), (TEXT, asked | {"prompt": [1] * 600}, "prompt")):
        status, got = s.post(path, body)
        Case.check(f"400 for {path} {json.dumps(body)[:70]}", status == 400 and got["error"]["param"] == param, (status, got))
    row = {"prompt": "in the", "completion": " for that"}
    scored = json.loads(subprocess.run([ATTUNE, "score", "--model", MODEL, "--quiet"], input=json.dumps(row), env=ENV, capture_output=True, text=True,
                                       check=True).stdout)
    n = len(scored["tokens"]) - 1  # without the end token
    for prompt in ("in the for that", ids):
        for most in (0, 1):
            got = s.post(TEXT, asked | {"prompt": prompt, "echo": True, "max_tokens": most, "logprobs": 2})[1]["choices"][0]
            p = got["logprobs"]
            last = p["token_logprobs"][-n - most:len(p["tokens"]) - most]
            Case.check(f"echo scores the prompt as score does, max_tokens {most}", p["token_logprobs"][0] is None and p["top_logprobs"][0] is None and
                       got["text"].startswith("in the for that") and len(p["tokens"]) >= len(ids) + most and p["text_offset"][0] == 0 and
                       all(abs(a - b) < 1e-2 for a, b in zip(last, scored["logprobs"])) and all(len(t) == 2 for t in p["top_logprobs"][1:]), (p, scored))


def test_llama(s):
    """What llama-server offers beside OpenAI's interface."""
    messages = [{"role": "user", "content": "in <|im_end|> the"}]
    status, got = s.post("/apply-template", {"messages": messages})
    Case.check("the template's text", status == 200 and set(got) == {"prompt"} and got["prompt"].endswith("assistant\n") and "You are a helpful assistant." in got["prompt"] and
               "in <|im_end|> the" in got["prompt"], got)
    asked = {"model": "untied", "max_tokens": 6, "temperature": 0}
    plain = s.post("/apply-template", {"messages": ASKED["messages"]})[1]["prompt"]
    ids = s.post("/tokenize", {"content": plain})[1]["tokens"]
    one, two = s.post(CHAT, asked | {"messages": ASKED["messages"]})[1], s.post(TEXT, asked | {"prompt": ids})[1]
    Case.check("its tokens are a chat's prompt", one["usage"]["prompt_tokens"] == two["usage"]["prompt_tokens"] == len(ids) and content(one) == two["choices"][0]["text"], (one, two))
    for body, param in (({}, "messages"), ({"messages": [*messages, {"role": "assistant", "content": "a"}]}, "messages"), ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0]")):
        status, got = s.post("/apply-template", body)
        Case.check(f"400 for the template of {json.dumps(body)[:50]}", status == 400 and got["error"]["param"] == param, got)
    special, letters = (s.post("/tokenize", {"content": "<|im_end|>", "parse_special": x})[1]["tokens"] for x in (True, False))
    Case.check("control tokens, or their letters", len(special) == 1 < len(letters) and special == s.post("/tokenize", {"content": "<|im_end|>"})[1]["tokens"], (special, letters))
    got = s.post("/tokenize", {"content": "in\u00e9", "with_pieces": True})[1]["tokens"]
    Case.check("pieces, and bytes where they are no text", b"".join(t["piece"].encode() if isinstance(t["piece"], str) else bytes(t["piece"]) for t in got) == "in\u00e9".encode() and
               [t["id"] for t in got] == s.post("/tokenize", {"content": "in\u00e9"})[1]["tokens"], got)
    Case.check("a switch that is none", s.post("/tokenize", {"content": "a", "with_pieces": 1})[1]["error"]["param"] == "with_pieces")
    status, got = s.get("/props")
    Case.check("properties", status == 200 and got["total_slots"] == 2 and got["model_path"] == MODEL and got["default_generation_settings"]["n_ctx"] == 512 and
               "{%" in got["chat_template"] and got["eos_token"] and got["modalities"] == {"vision": False, "audio": False}, got)


def test_scales(s):
    """The strength of an adapter, for all that is asked from then on."""
    def said(**more):
        return content(s.post(CHAT, ASKED | {"model": "ours"} | more)[1])

    def scale(*pairs):
        return s.post("/lora-adapters", [{"id": i, "scale": x} for i, x in pairs])

    tuned, base = said(), said(model="untied")
    adapters = s.get("/lora-adapters")
    Case.check("adapters", adapters == (200, json.dumps([{"id": 0, "path": ADAPTER, "scale": 1.0}], separators=(",", ":")).encode()), adapters)
    Case.check("at nothing it is the base", scale((0, 0)) == (200, {"success": True}) and said() == base != tuned)
    with tempfile.TemporaryDirectory() as here:
        half = os.path.join(here, "half")
        shutil.copytree(ADAPTER, half)
        path = os.path.join(half, "adapter_config.json")
        with open(path, encoding="utf-8") as f:
            config = json.load(f)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config | {"lora_alpha": config["lora_alpha"] * 3}, f)
        want = generate({"messages": ASKED["messages"]}, "--adapter", half)["text"]
    scale((0, 3))
    Case.check("at three it is one of three times its alpha", said() == want and want not in (tuned, base), (said(), want))
    Case.check("and is not taken for the one at its own strength", scale((0, 1)) == (200, {"success": True}) and said() == tuned)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        got = list(pool.map(lambda i: said() if i else said(model="untied"), range(8)))
    Case.check("beside the base", got == [base] + [tuned] * 7, got)
    Case.check("who is not named is off", scale() == (200, {"success": True}) and json.loads(s.get("/lora-adapters")[1])[0]["scale"] == 0 and said() == base)
    for body, param in (([{"id": 1, "scale": 1}], "id"), ([{"id": -1, "scale": 1}], "id"), ([{"scale": 1}], "id"), ([{"id": 0}], "scale"), ([{"id": 0, "scale": 1e9}], "scale"),
                        ([{"id": 0, "scale": 1}, 5], "id"), ({"id": 0, "scale": 1}, None), ("[", None)):
        status, got = s.post("/lora-adapters", body)
        Case.check(f"400 for {json.dumps(body)}", status == 400 and got["error"]["param"] == param, got)
    Case.check("an error changes nothing", said() == base)
    scale((0, 1))
    Case.check("405 for another method", s.ask("DELETE", "/lora-adapters")[0] == 405)


def test_stop(s, want):
    stop = want[3:6]
    got = s.post(CHAT, ASKED | {"stop": stop})[1]
    Case.check("a stop text ends and is left out", content(got) == want[:want.index(stop)] and got["choices"][0]["finish_reason"] == "stop", got)
    events = s.stream(CHAT, ASKED | {"stop": ["nowhere", stop]})
    Case.check("in a stream too, its beginning held back", "".join(pieces(events)) == want[:want.index(stop)] and
               events[-2]["choices"][0]["finish_reason"] == "stop", events)
    never = want[3:6] + "\u0001"
    Case.check("what only looked like a stop text is said", "".join(pieces(s.stream(CHAT, ASKED | {"stop": never}))) == want)


def test_errors(s):
    message = {"role": "user", "content": "a"}
    bad = [({"foo": 1}, "foo", "unknown_parameter"), ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
           ({"response_format": {"type": "xml"}}, "response_format", "unsupported_parameter"),
           ({"frequency_penalty": 0.5}, "frequency_penalty", "unsupported_parameter"), ({"logit_bias": {"1": 2}}, "logit_bias", "unsupported_parameter"),
           ({"temperature": 999999}, "temperature", None), ({"temperature": -1}, "temperature", None), ({"temperature": "1"}, "temperature", None),
           ({"top_p": 2}, "top_p", None), ({"n": 0}, "n", None), ({"n": 1000}, "n", None), ({"n": 1.5}, "n", None), ({"seed": "a"}, "seed", None),
           ({"max_tokens": -1}, "max_tokens", None), ({"max_tokens": 0}, "max_tokens", None), ({"max_completion_tokens": 5}, None, None),
           ({"stop": ["a"] * 5}, "stop", None), ({"stop": [""]}, "stop", None), ({"stop": [1]}, "stop", None), ({"stream": "yes"}, "stream", None),
           ({"stream_options": {"include_usage": True}}, "stream_options", None),
           ({"stream": True, "stream_options": {"x": True}}, "stream_options", "unsupported_parameter"),
           ({"logprobs": 3}, "logprobs", None), ({"top_logprobs": 2}, "top_logprobs", None), ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", None),
           ({"model": None}, "model", None), ({"model": 5}, "model", None), ({"messages": []}, "messages", None), ({"messages": "a"}, "messages", None),
           ({"messages": [message, {"role": "assistant", "content": "b"}]}, "messages", None), ({"messages": [5]}, "messages[0]", None),
           ({"messages": [message, {"role": "tool", "content": "b"}]}, "messages[1]", None), ({"messages": [{"role": "user"}]}, "messages[0]", None),
           ({"messages": [message | {"name": "x"}]}, "messages[0]", "unsupported_parameter"),
           ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages[0]", None),
           ({"messages": [{"role": "user", "content": "long " * 600}]}, "messages", "context_length_exceeded")]
    for change, param, code in bad:
        status, got = s.post(CHAT, ASKED | change)
        e = got.get("error", {})
        Case.check(f"400 for {json.dumps(change)[:60]}", status == 400 and set(e) == {"message", "type", "param", "code"} and
                   e["type"] == "invalid_request_error" and e["code"] == code and (param is None or e["param"] == param) and e["message"], (status, got))
    status, got = s.post(CHAT, ASKED | {"model": "absent"})
    Case.check("404 for a model that is not there", status == 404 and got["error"]["code"] == "model_not_found", got)
    for title, body in (("no JSON", "{"), ("no object", "[1]"), ("bad UTF-8", b'{"model":"\xff"}'), ("a duplicate key", '{"n":1,"n":1}'),
                        ("NUL", '{"model":"a\\u0000"}'), ("a lone surrogate", '{"model":"\\ud800"}'), ("depth", '{"a":' + "[" * 100000), ("1e999", '{"n":1e999}'),
                        ("nothing", "")):
        status, got = s.post(CHAT, body)
        Case.check(f"400 for a body with {title}", status == 400 and got["error"]["type"] == "invalid_request_error", (status, got))
    Case.check("404 for a path", s.get("/v1/nothing")[0] == 404 and s.get("/nothing")[0] == 404)
    Case.check("405 for a method", s.get(CHAT)[0] == 405 and s.ask("DELETE", "/v1/models")[0] == 405 and s.ask("POST", "/health", "{}")[0] == 405)


def test_together(s, want):
    """Answers that are made at the same time, of two models."""
    tuned = content(s.post(CHAT, ASKED | {"model": "ours"})[1])
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        got = list(pool.map(lambda i: content(s.post(CHAT, ASKED | {"model": ("untied", "ours")[i % 2]})[1]), range(48)))
    Case.check("48 answers at a time, each as if alone", got == [want, tuned] * 24, got)
    status, answer = s.post(CHAT, ASKED | {"n": 128})
    Case.check("128 choices through 2 places", status == 200 and {content(answer, i) for i in range(128)} == {want}, answer)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: s.post(CHAT, ASKED | {"n": 128, "max_tokens": 400, "temperature": 1})[0], range(4)))
    Case.check("a full queue is 429", sorted(set(got)) == [200, 429], got)


def head(*lines, method="GET", path="/health"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def test_key(here):
    def refuses(title, words, *args):
        done = subprocess.run([ATTUNE, "serve", "--model", MODEL, "--port", "0", *args], env=ENV, capture_output=True, text=True, check=False,
                              timeout=60)
        Case.check(title, done.returncode == 2 and words in done.stderr and not done.stdout, done)

    key = os.path.join(here, "key")
    refuses("an address that others reach needs a key", "--api-key-file", "--host", "0.0.0.0")
    with Server("--host", "0.0.0.0", "--api-key-file", key) as s:
        with open(key, encoding="ascii") as f:
            s.key = f.read().strip()
        Case.check("a key is made that only its owner can read", stat.S_IMODE(os.stat(key).st_mode) == 0o600 and len(s.key) == 64, s.key)
        Case.check("with the key", s.post(CHAT, ASKED)[0] == 200)
        whole = s.key
        for title, shown in (("without it", None), ("with another one", "x" * 64), ("with its beginning", whole[:-1]), ("with more than it", whole + "0")):
            s.key = shown
            status, headers, text = s.ask("GET", "/v1/models")
            Case.check(f"401 {title}", status == 401 and headers["WWW-Authenticate"] == "Bearer" and
                       json.loads(text)["error"]["code"] == "invalid_api_key" and whole.encode() not in text, (status, text))
        Case.check("health needs none", s.get("/health")[0] == 200 and s.ask("OPTIONS", "/v1/models")[0] == 204)
    Case.check("the key is in no log", whole not in s.out + s.err, s.err)
    with Server("--api-key-file", key) as s:
        s.key = whole
        Case.check("the key stays", s.get("/v1/models")[0] == 200)
    os.chmod(key, 0o644)
    refuses("a key that others can read", "chmod 600", "--api-key-file", key)
    refuses("two models of one name", "two models", "--adapter", ADAPTER + "=a", "--adapter", ADAPTER + "=a")
    refuses("an adapter with the embedder's name", "two models", "--adapter", ADAPTER + "=embed", "--embedder", EMBEDDER)
    refuses("a name that is none", "letters, digits", "--adapter", ADAPTER + "=a/rag")
    refuses("an empty name", "expected DIR or DIR=NAME", "--adapter", ADAPTER + "=")
    refuses("a port that is none", "--port", "--port", "70000")
    done = subprocess.run([ATTUNE, "serve", "--model", MODEL, "--port", "0", "--adapter", os.path.join(here, "absent")], env=ENV, capture_output=True,
                          text=True, check=False, timeout=60)
    Case.check("an adapter that is not there ends it", done.returncode == 1 and "absent" in done.stderr, done)


def test_names(here):
    """Paths that are no names, and no UTF-8 either."""
    place = os.path.join(here, "lr=1e-4 \udcff")
    model, adapter = os.path.join(place, "My Model@\udcff.gguf"), os.path.join(place, "adapter")
    os.mkdir(place)
    shutil.copy(MODEL, model)
    shutil.copytree(ADAPTER, adapter)
    with Server("--model", model, "--adapter", adapter, "--adapter", adapter + "=ours", "--results", place) as s:
        ids = [m["id"] for m in s.get("/v1/models")[1]["data"]]
        Case.check("what no name may have becomes a dash; '=' may stand in an adapter's path", ids == ["My-Model--", "lr-1e-4--", "ours"], ids)
        for path in ("/page/state", "/page/arena", "/page/review", "/page/train", "/props", "/lora-adapters"):
            status, _, text = s.ask("GET", path)
            Case.check(f"{path} tells of a path that is no UTF-8", status == 200 and (path == "/page/train" or "lr=1e-4 \ufffd" in str(json.loads(text))), (status, text))


def curate(here):
    docs, data = os.path.join(here, "docs"), os.path.join(here, "data")
    os.mkdir(docs)
    with open(os.path.join(docs, "plans.md"), "w", encoding="utf-8") as f:
        f.write(HARBOR)
    subprocess.run([ATTUNE, "curate", "--in", docs, "--out", data, "--quiet"], env=ENV, check=True, timeout=60)
    return data


def test_rag(here):
    data = curate(here)
    asked = ASKED | {"messages": [{"role": "user", "content": "How many uploads does Harbor allow?"}], "max_tokens": 8}
    with Server("--data", data, "--adapter", ADAPTER + "=ours", "--parallel", "1", "--threads", "1") as s:
        got = [(m["id"], m["parent"]) for m in s.get("/v1/models")[1]["data"]]
        Case.check("with passages every model is there twice", got == [("untied", None), ("untied/rag", "untied"), ("ours", "untied"), ("ours/rag", "ours")], got)
        Case.check("a name with a slash", s.get("/v1/models/ours/rag")[0] == s.get("/v1/models/ours%2Frag")[0] == 200)
        status, plain = s.post(CHAT, asked)
        status, got = s.post(CHAT, asked | {"model": "untied/rag"})
        found = got["attune"]["passages"][0]
        Case.check("an answer names its passages", status == 200 and found["source"] == "plans.md" and found["number"] == 1 and "40 uploads" in found["text"] and
                   got["usage"]["prompt_tokens"] > plain["usage"]["prompt_tokens"] and "attune" not in plain and got["model"] == "untied/rag", got)
        message = f"Answer from these passages only.\n\n[1] plans.md: {found['heading']}\n{found['text']}\n\nQuestion: {asked['messages'][0]['content']}"
        Case.check("it is asked as training rows are", content(got) == content(s.post(CHAT, asked | {"messages": [{"role": "user", "content": message}]})[1]))
        events = s.stream(CHAT, asked | {"model": "ours/rag"})
        Case.check("a stream names them once, first", [i for i, e in enumerate(events) if "attune" in e] == [0], events)
        got = s.post(CHAT, asked | {"model": "untied/rag", "messages": [{"role": "user", "content": "xyzzy"}]})[1]
        Case.check("a question that nothing answers", got["attune"]["passages"] == [] and "objection" not in got["attune"], got)
        false = asked | {"model": "untied/rag", "max_tokens": 40, "messages": [{"role": "user", "content": "How many uploads has the Platinum plan?"}]}
        got, events = s.post(CHAT, false)[1], s.stream(CHAT, false)
        Case.check("an answer to a false premise begins with an objection", content(got).startswith("No, Platinum is not mentioned.") and
                   len(content(got)) > len(got["attune"]["objection"]) and got["attune"]["objection"] == "No, Platinum is not mentioned.", got)
        Case.check("a stream too, which tells of it first", "objection" in events[0]["attune"] and content(got) ==
                   "".join(pieces(events)), events)
        got = s.post(CHAT, false | {"response_format": {"type": "json_object"}})[1]
        Case.check("but JSON does not", "objection" not in got["attune"] and content(got).startswith("{"), got)
    with Server("--data", data, "--embedder", EMBEDDER, "--threads", "1") as s:
        got = s.post(CHAT, asked | {"model": "untied/rag", "messages": [{"role": "user", "content": "xyzzy"}]})[1]
        Case.check("with an embedder passages are found by meaning too", [p["source"] for p in got["attune"]["passages"]] == ["plans.md"], got)
    with Server() as s:
        Case.check("without a data folder there is none", s.post(CHAT, asked | {"model": "untied/rag"})[0] == 404)


def test_objections_of_an_adapter(here):
    os.mkdir(os.path.join(here, "trained"))
    data, adapter = curate(os.path.join(here, "trained")), os.path.join(here, "trained", "run", "adapter")
    rows = os.path.join(data, "train.jsonl")
    shutil.copytree(ADAPTER, adapter)
    with open(rows, "rb") as f:
        record = {"train": {"path": rows}, "inputs": {"train_sha256": hashlib.sha256(f.read()).hexdigest()}}
    with open(os.path.join(here, "trained", "run", "run.json"), "w", encoding="utf-8") as f:
        json.dump(record, f)
    false = ASKED | {"model": "ours", "max_tokens": 40, "messages": [{"role": "user", "content": "How many uploads has the Platinum plan?"}]}
    with Server("--adapter", adapter + "=ours", "--adapter", ADAPTER + "=theirs", "--threads", "1") as s:
        got, events = s.post(CHAT, false)[1], s.stream(CHAT, false)
        Case.check("an adapter objects to what the documents that it was trained on do not say", content(got).startswith("No, Platinum is not mentioned.") and
                   got["attune"] == {"objection": "No, Platinum is not mentioned."}, got)
        Case.check("and in a stream", content(got) == "".join(pieces(events)) and events[0]["attune"] == got["attune"], events)
        others = [s.post(CHAT, false | {"model": m})[1] for m in ("untied", "theirs")]
        Case.check("base and an adapter of unknown documents do not", all("attune" not in o and not content(o).startswith("No,") for o in others), others)
        s.post("/lora-adapters", [{"id": 1, "scale": 1}])
        Case.check("nor one that is switched off", "attune" not in s.post(CHAT, false)[1])
    with open(os.path.join(data, "sections.jsonl"), "a", encoding="utf-8") as f:
        f.write("no section\n")
    with Server("--adapter", adapter + "=ours", "--threads", "1") as s:
        Case.check("an adapter with damaged documents answers without objecting", "attune" not in s.post(CHAT, false)[1])
    with open(rows, "a", encoding="utf-8") as f:
        f.write("\n")
    with Server("--adapter", adapter + "=ours", "--threads", "1") as s:
        Case.check("nor one whose rows have changed since", "attune" not in s.post(CHAT, false)[1])


def test_embeddings():
    with open(os.path.join(GOLDEN, "embed.jsonl"), encoding="utf-8") as f:
        golden = [json.loads(line) for line in f]
    golden = [g | {"text": bytes(g["bytes"]).decode()} for g in golden if g["bytes"] and 0 not in g["bytes"]]
    golden = [g for g in golden if len(g["ids"]) < 40]  # the others are cut
    texts = [g["text"] for g in golden]

    def right(got, want):
        return all(abs(a - b) < 2e-3 for a, b in zip(got, want, strict=True))

    # In f32: what bf16 does to vectors is embed_test's.
    with Server("--embedder", EMBEDDER, "--threads", "1", "--parallel", "1", env=ENV | {"ATTUNE_CPU": "ref"}) as s:
        models = s.get("/v1/models")[1]["data"]
        Case.check("the embedder is a model of its own", [(m["id"], m["root"], m["parent"]) for m in models] == [("untied", "untied", None), ("embed", "embed", None)] and
                   s.get("/v1/models/embed") == (200, models[1]), models)
        asked = {"model": "embed", "input": texts}
        status, got = s.post(EMBEDDINGS, asked)
        Case.check("vectors as transformers makes them", status == 200 and got["object"] == "list" and got["model"] == "embed" and
                   [(d["object"], d["index"]) for d in got["data"]] == [("embedding", i) for i in range(len(texts))] and
                   all(right(d["embedding"], g["vector"]) for d, g in zip(got["data"], golden, strict=True)), got)
        n = sum(len(g["ids"]) for g in golden)
        Case.check("usage counts their tokens", got["usage"] == {"prompt_tokens": n, "total_tokens": n}, (got["usage"], n))
        same = s.post(EMBEDDINGS, asked | {"encoding_format": "float", "dimensions": 24, "user": "u", "anything": None})
        Case.check("floats are what is given anyway", same == (200, got), same)
        packed = s.post(EMBEDDINGS, asked | {"encoding_format": "base64"})[1]
        Case.check("base64 has the same bits", all(list(struct.unpack("<24f", base64.b64decode(p["embedding"]))) ==
                   list(struct.unpack("<24f", struct.pack("<24f", *d["embedding"]))) for p, d in zip(packed["data"], got["data"], strict=True)), packed)
        status, one = s.post(EMBEDDINGS, asked | {"input": texts[0]})
        Case.check("a text alone", status == 200 and len(one["data"]) == 1 and right(one["data"][0]["embedding"], golden[0]["vector"]), one)
        status, many = s.post(EMBEDDINGS, asked | {"input": (texts * 200)[:2048]})
        Case.check("2,048 texts, in many passes", status == 200 and len(many["data"]) == 2048 and
                   all(right(d["embedding"], golden[i % len(golden)]["vector"]) for i, d in enumerate(many["data"])), status)
        for change, param, code, says in (
                ({"input": texts[:2] + ["event " * 39]}, "input", "context_length_exceeded", "text 2 has more than the 40 tokens"),
                ({"input": [[101, 102]]}, "input", None, "check_embedding_ctx_length=False"), ({"input": [101, 102]}, "input", None, "check_embedding_ctx_length=False"),
                ({"input": ""}, "input", None, "text 0"), ({"input": ["a", None]}, "input", None, "text 1"), ({"input": []}, "input", None, "1 to 2048"),
                ({"input": ["a"] * 2049}, "input", None, "1 to 2048"), ({"input": None}, "input", None, "expected a text"), ({"input": {"a": 1}}, "input", None, "expected a text"),
                ({"dimensions": 12}, "dimensions", "unsupported_parameter", "24"), ({"encoding_format": "int8"}, "encoding_format", None, "base64"),
                ({"foo": 1}, "foo", "unknown_parameter", "foo"), ({"model": None}, "model", None, "a name")):
            status, got = s.post(EMBEDDINGS, asked | change)
            e = got.get("error", {})
            Case.check(f"400 for {json.dumps(change)[:60]}", status == 400 and (e["param"], e["code"], e["type"]) == (param, code, "invalid_request_error") and
                       says in e["message"], (status, got))
        Case.check("as long as the embedder takes", s.post(EMBEDDINGS, asked | {"input": "event " * 38})[1]["usage"]["total_tokens"] == 40)
        status, got = s.post(EMBEDDINGS, asked | {"model": "untied"})
        Case.check("404 for a model that makes none", status == 404 and got["error"]["code"] == "model_not_found" and '"embed" does' in got["error"]["message"], got)
        status, got = s.post(CHAT, ASKED | {"model": "embed"})
        Case.check("the embedder does not chat", status == 400 and got["error"]["param"] == "model" and "/v1/embeddings" in got["error"]["message"], got)
        body = json.dumps(asked | {"input": ["event " * 38] * 2048}).encode()
        with socket.create_connection(("127.0.0.1", int(s.port))) as c:
            c.sendall(f"POST {EMBEDDINGS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            end = time.time() + 10
            while not s.busy() and time.time() < end:
                time.sleep(0.01)
            answered = s.post(CHAT, ASKED)[0], s.busy()
        Case.check("others are answered between its passes", answered == (200, 1), answered)
        Case.check("who goes away frees the engine", s.wait_idle(2))
    with Server("--embedder", "none") as s:
        status, got = s.post(EMBEDDINGS, {"model": "minilm", "input": "a"})
        Case.check("without an embedder: how to get one", status == 404 and "attune pull minilm" in got["error"]["message"] and
                   len(s.get("/v1/models")[1]["data"]) == 1, got)


def deep(folder, times):
    """The golden model with its one layer so many times behind another, in a folder of its own: an answer takes as much longer."""
    source, out = os.path.join(GOLDEN, "untied"), os.path.join(folder, "untied")
    head, data = {}, b""
    shutil.copytree(source, out, ignore=shutil.ignore_patterns("model*"))
    for shard in sorted(name for name in os.listdir(source) if name.endswith(".safetensors")):
        with open(os.path.join(source, shard), "rb") as f:
            size = int.from_bytes(f.read(8), "little")
            tensors, values = json.loads(f.read(size)), f.read()
        for name, tensor in tensors.items():
            for k in range(times if ".layers.0." in name else name != "__metadata__"):
                begin, end = tensor["data_offsets"]
                head[name.replace(".layers.0.", f".layers.{k}.")] = tensor | {"data_offsets": [len(data), len(data) + end - begin]}
                data += values[begin:end]
    head = json.dumps(head).encode()
    with open(os.path.join(out, "model.safetensors"), "wb") as f:
        f.write(len(head).to_bytes(8, "little") + head + data)
    with open(os.path.join(source, "config.json")) as f:
        config = json.load(f) | {"num_hidden_layers": times}
    with open(os.path.join(out, "config.json"), "w") as f:
        json.dump(config, f)
    return out


def test_slow(folder):
    """An answer that takes long, and a server that does not wait for it."""
    many = {"type": "array", "items": {"type": "string"}, "minItems": 64} # or the model would end soon
    long = {"max_tokens": 450, "n": 90, "temperature": 2, "response_format": {"type": "json_schema", "json_schema": {"name": "many", "schema": many}}}
    with Server("--parallel", "1", "--threads", "1", env=ENV | {"ATTUNE_CPU": "ref"}, model=deep(folder, 16)) as s, concurrent.futures.ThreadPoolExecutor(2) as pool:
        others = [pool.submit(s.post, CHAT, ASKED | long) for _ in range(2)]
        end = time.time() + 10
        while s.busy() < 180 and time.time() < end:
            time.sleep(0.01)
        connection = http.client.HTTPConnection("127.0.0.1", int(s.port), timeout=60)
        connection.request("POST", CHAT, json.dumps(ASKED | {"stream": True}), {"Content-Type": "application/json"})
        stream, begun = connection.getresponse(), time.time()
        lines = [stream.readline() for _ in range(4)]
        Case.check("a stream that has nothing to say pings", json.loads(lines[0].removeprefix(b"data: "))["choices"][0]["delta"]["role"] == "assistant" and
                   lines[2:] == [b": ping\n", b"\n"] and 4 < time.time() - begun < 9, (lines, time.time() - begun))
        s.child.send_signal(signal.SIGTERM)
        rest = stream.read().decode()
        last = rest.rstrip().rsplit("\n", 1)[-1].removeprefix("data: ")
        Case.check("an error in mid-stream is its last event", json.loads(last)["error"]["code"] == "timeout" and "[DONE]" not in rest, rest)
        got = [one.result() for one in others]
        Case.check("and a 503 to whoever had no answer yet", [(status, g.get("error", {}).get("type")) for status, g in got] == [(503, "unavailable_error")] * 2, got)
        Case.check("it ends ten seconds after it was asked to", s.child.wait(timeout=30) == 0)


def test_end():
    with Server("--parallel", "1", "--threads", "1") as s:
        body = ASKED | {"n": 4, "max_tokens": 450, "temperature": 2}
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(s.post, CHAT, body)
            end = time.time() + 10
            while not s.busy() and time.time() < end:
                time.sleep(0.01)
            s.child.send_signal(signal.SIGTERM)
            status, got = answer.result()
        rc = s.child.wait(timeout=30)
        Case.check("who is being answered gets the answer, then it ends", status == 200 and len(got["choices"]) == 4 and rc == 0, (rc, status))
    Case.check("stdout has the address alone", s.out == "", s.out)


def main():
    with Server("--parallel", "2", "--adapter", ADAPTER + "=ours", "--threads", "1") as s:
        test_models(s)
        want = test_chat(s)
        test_forms(s)
        test_stream(s, want)
        test_stop(s, want)
        test_logprobs(s)
        test_text(s)
        test_llama(s)
        test_scales(s)
        test_errors(s)
        test_together(s, want)
    Case.check("Ctrl-C ends it with 0", s.child.returncode == 0 and "Sanitizer" not in s.err, s.err)
    with tempfile.TemporaryDirectory() as here:
        test_key(here)
        test_names(here)
    with tempfile.TemporaryDirectory() as here:
        test_rag(here)
        test_objections_of_an_adapter(here)
    test_embeddings()
    with tempfile.TemporaryDirectory() as here:
        test_slow(here)
    test_end()
    print(f"1..{Case.n}")
    return Case.failed > 0


if __name__ == "__main__":
    sys.exit(main())
