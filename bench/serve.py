"""What `attune serve` gives its clients: serve.py ATTUNE MODEL ADAPTER [--rounds 3] [--tokens 64].

Time to the first token of a prompt of about 1,000 tokens, unknown to the server and with a beginning that it has cached; tokens/s of one stream and of
16, of one adapter and of two mixed in a batch (ADAPTER twice, under two names). Answers are drawn at temperature 1.8, so that few end early. The figures
alternate by rounds; medians and ranges.
"""
import argparse
import concurrent.futures
import http.client
import json
import random
import statistics
import subprocess
import time

WORDS = "time year people way day man thing woman life child world school state family student group country problem hand part place case week company".split()
STREAMS = 16


def ask(port, body):
    """Seconds to the first token (or to the end, where that comes first), and the usage."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    began, first, usage = time.monotonic(), None, None
    connection.request("POST", "/v1/chat/completions", json.dumps(body | {"stream": True, "stream_options": {"include_usage": True}}), {"Content-Type": "application/json"})
    got = connection.getresponse()
    if got.status != 200:
        raise SystemExit(f"{got.status}: {got.read().decode()}")
    for line in got:
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            usage = event.get("usage") or usage
            if first is None and event["choices"] and (event["choices"][0]["delta"].get("content") or event["choices"][0]["finish_reason"]):
                first = time.monotonic() - began
    connection.close()
    return first, usage


def first_token(port, model, draw, turn):
    """Unknown, and then with the same beginning and another end."""
    text = " ".join(draw.choices(WORDS, k=960))
    out = {}
    for what, end in (("unknown", "What is it about?"), ("cached", "And what is it not about?")):
        body = {"model": model, "max_tokens": 2, "temperature": 0, "messages": [{"role": "system", "content": f"{turn} {text}"}, {"role": "user", "content": end}]}
        seconds, usage = ask(port, body)
        out[f"first token, {what} prompt, ms"] = 1000 * seconds
        print(json.dumps({"what": what, "ms": 1000 * seconds, "usage": usage}), flush=True)
    return out


def rate(port, models, n, tokens, draw):
    """Tokens/s of n answers at a time, prompts included; stream i asks models[i % len(models)]."""
    bodies = [{"model": models[i % len(models)], "max_tokens": tokens, "temperature": 1.8, "seed": draw.randrange(1 << 30),
               "messages": [{"role": "user", "content": "Tell me about " + " and ".join(draw.sample(WORDS, 3)) + "."}]} for i in range(n)]
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        began = time.monotonic()
        made = sum(usage["completion_tokens"] for _, usage in pool.map(lambda body: ask(port, body), bodies))
        return made / (time.monotonic() - began)


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("GET", path)
    got = connection.getresponse()
    status, body = got.status, json.load(got)
    connection.close()
    return status, body


def measure(port, args, figures):
    draw = random.Random(1)
    while get(port, "/health")[0] != 200:
        time.sleep(0.05)
    base = next(m["id"] for m in get(port, "/v1/models")[1]["data"] if m["id"] not in ("one", "two"))
    for turn in range(args.rounds + 1):  # the first warms up
        got = first_token(port, base, draw, turn)
        for name, models, n in (("1 stream", [base], 1), ("16 streams", [base], STREAMS), ("16 of one adapter", ["one"], STREAMS), ("16 of two adapters", ["one", "two"], STREAMS)):
            got[name + ", tokens/s"] = rate(port, models, n, args.tokens, draw)
        for name, value in got.items() if turn else ():
            figures.setdefault(name, []).append(value)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("attune")
    ap.add_argument("model")
    ap.add_argument("adapter")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--tokens", type=int, default=64)
    args = ap.parse_args()
    command = [args.attune, "serve", "--model", args.model, "--adapter", f"{args.adapter}=one", "--adapter", f"{args.adapter}=two", "--parallel", str(STREAMS), "--port", "0", "--quiet"]
    figures = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            measure(int(child.stdout.readline().strip().rsplit(":", 1)[1]), args, figures)
        finally:
            child.terminate()
    for name, values in figures.items():
        print(f"{name}: {statistics.median(values):,.1f} ({min(values):,.1f}-{max(values):,.1f})")


if __name__ == "__main__":
    main()
