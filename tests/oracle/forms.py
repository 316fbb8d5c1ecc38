#!/usr/bin/env python3
"""Answers of a server with a model that knows nothing, in forms made at random, against the package jsonschema. As TAP.

usage: forms.py ATTUNE [SCHEMAS]
"""
import json
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request

import jsonschema

ATTUNE, N = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
MODEL = os.path.join(os.path.dirname(__file__), "../golden/untied.gguf")


def schema(r, depth=0):
    kind = r.choice(["integer", "number", "string", "boolean", "null", "enum", "const", "types"] + ["object", "array", "anyOf", "free"] * (depth < 3))
    if kind == "enum":
        return {"enum": r.sample(["a", "ab", "\u00e9\"\\", 1, -2.5, None, True, [1, {"x": 2}]], r.randint(1, 5))}
    if kind == "const":
        return {"const": r.choice(["x y", 0, False, {"k": []}])}
    if kind == "types":
        return {"type": r.sample(["integer", "boolean", "null"], 2)}
    if kind == "anyOf":
        return {r.choice(["anyOf", "anyOf", "allOf"]): [schema(r, depth + 1)]} if r.random() < .3 else {"anyOf": [schema(r, depth + 1) for _ in range(r.randint(1, 3))]}
    if kind == "free":
        return {"type": "object", "additionalProperties": schema(r, depth + 1)}
    if kind == "array":
        out = {"type": "array", "items": schema(r, depth + 1)}
        if r.random() < .7:
            out["minItems"] = r.randint(0, 2)
        if r.random() < .7:
            out["maxItems"] = r.randint(2, 4)
        return out
    if kind == "object":
        names = r.sample(["name", "a b", "\u00fc", "plan", "n", "\"q\""], r.randint(0, 4))
        out = {"type": "object", "properties": {n: schema(r, depth + 1) for n in names}, "required": [n for n in names if r.random() < .6]}
        if r.random() < .6:
            out["additionalProperties"] = r.choice([False, False, True])
        return out
    return {"type": kind}


def main():
    server = subprocess.Popen([ATTUNE, "serve", "--model", MODEL, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    url, r = server.stdout.readline().strip(), random.Random(5)
    whole = cut = wrong = 0
    while True:  # as long as it loads
        try:
            urllib.request.urlopen(url + "/health")
            break
        except urllib.error.HTTPError:
            time.sleep(.1)
    print("1..2")
    for i in range(N):
        asked = schema(r)
        body = {"model": "untied", "messages": [{"role": "user", "content": "in the"}], "max_tokens": 200, "temperature": 1.5, "top_p": 1, "n": 8,
                "seed": i, "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": asked}}}
        request = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
        for choice in json.load(urllib.request.urlopen(request))["choices"]:
            text = choice["message"]["content"]
            if choice["finish_reason"] == "length":
                cut += 1
                continue
            whole += 1
            try:
                jsonschema.validate(json.loads(text), asked)
            except (ValueError, jsonschema.ValidationError) as e:
                wrong += 1
                print(f"# {json.dumps(asked)}: {text}: {e}")
    server.terminate()
    print(f"{'ok' if not wrong else 'not ok'} 1 - {wrong} of {whole} whole answers do not have their form")
    print(f"{'ok' if cut < whole else 'not ok'} 2 - {cut} were cut at 200 tokens")
    return bool(wrong) or cut >= whole


sys.exit(main())
