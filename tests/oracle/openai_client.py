#!/usr/bin/env python3
"""The official `openai` client (PyPI) against a running `attune serve` with a real model. Needs no golden file: what the client's types accept,
and what one way of asking says about another, is the measure.

usage: build/oracle/bin/pip install openai; build/oracle/bin/python tests/oracle/openai_client.py ATTUNE MODEL
"""
import subprocess
import sys

import openai

ASKED = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, "max_tokens": 24}


def check(name, ok, seen=""):
    print(f"{'ok' if ok else 'not ok'} - {name}" + ("" if ok else f"\n# {seen!r}"), flush=True)
    return ok


def error(call, kind):
    """The error that a call ends with, of the class that the client should make of it."""
    try:
        call()
    except kind as e:
        return e
    return None


def chat(client, model):
    yield "models", [m.id for m in client.models.list()] == [model], None
    yield "one model", client.models.retrieve(model).owned_by == "attune", None
    one = client.chat.completions.create(model=model, **ASKED)
    said = one.choices[0].message.content
    yield "chat", "Paris" in said and one.choices[0].finish_reason == "stop" and one.usage.total_tokens == one.usage.prompt_tokens + one.usage.completion_tokens, one
    chunks = list(client.chat.completions.create(model=model, stream=True, stream_options={"include_usage": True}, **ASKED))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    yield "stream", text == said and chunks[0].choices[0].delta.role == "assistant" and chunks[-1].usage.completion_tokens == one.usage.completion_tokens, chunks
    scored = client.chat.completions.create(model=model, logprobs=True, top_logprobs=3, **ASKED).choices[0].logprobs.content
    yield "logprobs", "".join(t.token for t in scored) == said and all(len(t.top_logprobs) == 3 and t.top_logprobs[0].token == t.token and t.logprob <= 0 for t in scored), scored
    three = client.chat.completions.create(model=model, n=3, seed=4, **ASKED | {"temperature": 1.2})
    again = client.chat.completions.create(model=model, n=3, seed=4, **ASKED | {"temperature": 1.2})
    yield "n and seed", [c.message.content for c in three.choices] == [c.message.content for c in again.choices], (three, again)
    cut = client.chat.completions.create(model=model, stop=[" Paris"], **ASKED)
    yield "stop", cut.choices[0].message.content == said[:said.index(" Paris")], cut
    yield "a model that is not there", error(lambda: client.chat.completions.create(model="absent", **ASKED), openai.NotFoundError).code == "model_not_found", None
    e = error(lambda: client.chat.completions.create(model=model, frequency_penalty=1, **ASKED), openai.BadRequestError)
    yield "what is not supported", e.code == "unsupported_parameter" and e.param == "frequency_penalty", e
    e = error(lambda: client.chat.completions.create(model=model, messages=[{"role": "user", "content": "long " * 9000}]), openai.BadRequestError)
    yield "a prompt that is too long", e.code == "context_length_exceeded", e


def text(client, model):
    prompt = "The capital of France is"
    one = client.completions.create(model=model, prompt=prompt, max_tokens=2, temperature=0, logprobs=2)
    yield "completions", len(one.choices[0].logprobs.tokens) == 2 and "".join(one.choices[0].logprobs.tokens) == one.choices[0].text, one
    scored = client.completions.create(model=model, prompt=prompt + one.choices[0].text, max_tokens=0, echo=True, logprobs=1, temperature=0)
    p = scored.choices[0].logprobs
    yield "echo scores a prompt", scored.choices[0].text == prompt + one.choices[0].text and p.token_logprobs[0] is None and max(
        abs(a - b) for a, b in zip(p.token_logprobs[-2:], one.choices[0].logprobs.token_logprobs)) < 0.05, (scored, one)
    yield "its greedy tokens are the likeliest", all(list(t)[0] == s for t, s in zip(p.top_logprobs[-2:], p.tokens[-2:])), p
    two = client.completions.create(model=model, prompt=[prompt, "One and one is"], max_tokens=2, temperature=0)
    yield "two prompts", [c.index for c in two.choices] == [0, 1] and two.choices[0].text == one.choices[0].text, two
    streamed = "".join(c.choices[0].text for c in client.completions.create(model=model, prompt=prompt, max_tokens=2, temperature=0, stream=True))
    yield "stream of a completion", streamed == one.choices[0].text, streamed


def main():
    child = subprocess.Popen([sys.argv[1], "serve", "--model", sys.argv[2], "--port", "0"], stdout=subprocess.PIPE, text=True)
    failed = 0
    try:
        client = openai.OpenAI(base_url=child.stdout.readline().strip() + "/v1", api_key="none", max_retries=30)
        model = client.models.list().data[0].id
        client.chat.completions.create(model=model, **ASKED)  # 503 while the model is being loaded: the client tries again by itself
        for part in (chat, text):
            for case in part(client, model):
                failed += not check(*case)
    finally:
        child.terminate()
        child.wait(30)
    return failed > 0 or child.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
