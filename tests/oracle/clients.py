#!/usr/bin/env python3
"""Programs that people already have, against a running `attune serve` with a real model: the official `openai` package, the command-line tool
`llm`, lm-evaluation-harness, and Prometheus' parser. Needs no golden file: what the clients accept, and what one way of asking says about
another, is the measure.

usage: build/oracle/bin/python tests/oracle/clients.py ATTUNE MODEL.gguf        (setup.sh; minilm too, if it has been pulled)
"""
import asyncio
import contextlib
import glob
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

import openai
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

HERE = os.path.dirname(os.path.abspath(__file__))
ASKED = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, "max_tokens": 24}
PROMPT = "The capital of France is"


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


@contextlib.contextmanager
def served(attune, model, *args):
    """The address of a server."""
    with subprocess.Popen([attune, "serve", "--model", model, "--port", "0", *args], stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child.stdout.readline().strip()
        finally:
            child.terminate()
    if child.returncode:
        raise RuntimeError(f"the server ended with {child.returncode}")


def measures(url):
    with urllib.request.urlopen(url + "/metrics") as got:
        return list(text_string_to_metric_families(got.read().decode()))


def value(url, name):
    return next(s.value for f in measures(url) for s in f.samples if s.name == name)


# ---- openai

def chat(client, model, pulled):
    yield "models", sorted(m.id for m in client.models.list().data) == sorted([model, *(["minilm"] if pulled else [])]), None
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
    developer = client.chat.completions.create(model=model, **ASKED | {"messages": [{"role": "developer", "content": "You are a helpful assistant."}, *ASKED["messages"]]})
    yield "a developer's message is the system's", developer.choices[0].message.content == said, developer


def forms(client, model):
    class City(BaseModel):
        name: str
        country: str
        capital: bool
        rivers: list[str]

    got = client.chat.completions.parse(model=model, response_format=City, temperature=0, max_tokens=200,
                                        messages=[{"role": "user", "content": "Describe Paris: its name, country, whether it is a capital, its rivers."}])
    city = got.choices[0].message.parsed
    yield "a class of pydantic's as the form of an answer", city and city.name and isinstance(city.capital, bool), got
    got = client.chat.completions.create(model=model, response_format={"type": "json_object"}, **ASKED | {"max_tokens": 100})
    yield "an object of JSON", got.choices[0].finish_reason == "length" or isinstance(json.loads(got.choices[0].message.content), dict), got


def errors(client, model):
    yield "a model that is not there", error(lambda: client.chat.completions.create(model="absent", **ASKED), openai.NotFoundError).code == "model_not_found", None
    e = error(lambda: client.chat.completions.create(model=model, frequency_penalty=1, **ASKED), openai.BadRequestError)
    yield "what is not supported", e.code == "unsupported_parameter" and e.param == "frequency_penalty", e
    e = error(lambda: client.chat.completions.create(model=model, messages=[{"role": "user", "content": "long " * 9000}]), openai.BadRequestError)
    yield "a prompt that is too long", e.code == "context_length_exceeded", e
    once = client.with_options(max_retries=0)

    async def crowd():
        many = openai.AsyncOpenAI(base_url=str(client.base_url), api_key="none", max_retries=0)
        return await asyncio.gather(*(many.chat.completions.create(model=model, n=128, **ASKED | {"temperature": 1}) for _ in range(4)), return_exceptions=True)

    got = asyncio.run(crowd())
    yield "a full queue", any(isinstance(one, openai.RateLimitError) for one in got) and any(not isinstance(one, Exception) for one in got), got
    url = str(client.base_url).removesuffix("/v1/")
    with once.chat.completions.create(model=model, stream=True, n=16, **ASKED | {"max_tokens": 1000, "temperature": 2}) as stream:
        next(iter(stream))
    gone = time.time()
    while value(url, "llamacpp:requests_processing") + value(url, "llamacpp:requests_deferred") and time.time() < gone + 10:
        time.sleep(0.02)
    yield "a stream that is closed frees its places within a second", time.time() - gone < 1, time.time() - gone


def keys(attune, model):
    with tempfile.TemporaryDirectory() as here:
        path = os.path.join(here, "key")
        with served(attune, model, "--api-key-file", path) as url:
            with open(path, encoding="ascii") as f:
                key = f.read().strip()
            yield "the key", openai.OpenAI(base_url=url + "/v1", api_key=key).models.list().data, None
            yield "another key", error(openai.OpenAI(base_url=url + "/v1", api_key="x").models.list, openai.AuthenticationError).code == "invalid_api_key", None


def text(client, model):
    one = client.completions.create(model=model, prompt=PROMPT, max_tokens=2, temperature=0, logprobs=2)
    yield "completions", len(one.choices[0].logprobs.tokens) == 2 and "".join(one.choices[0].logprobs.tokens) == one.choices[0].text, one
    scored = client.completions.create(model=model, prompt=PROMPT + one.choices[0].text, max_tokens=0, echo=True, logprobs=1, temperature=0)
    p = scored.choices[0].logprobs
    yield "echo scores a prompt", scored.choices[0].text == PROMPT + one.choices[0].text and p.token_logprobs[0] is None and max(
        abs(a - b) for a, b in zip(p.token_logprobs[-2:], one.choices[0].logprobs.token_logprobs)) < 0.05, (scored, one)
    yield "its greedy tokens are the likeliest", all(list(t)[0] == s for t, s in zip(p.top_logprobs[-2:], p.tokens[-2:])), p
    two = client.completions.create(model=model, prompt=[PROMPT, "One and one is"], max_tokens=2, temperature=0)
    yield "two prompts", [c.index for c in two.choices] == [0, 1] and two.choices[0].text == one.choices[0].text, two
    streamed = "".join(c.choices[0].text for c in client.completions.create(model=model, prompt=PROMPT, max_tokens=2, temperature=0, stream=True))
    yield "stream of a completion", streamed == one.choices[0].text, streamed


def embeddings(client, folder):
    """The client asks for base64 unless it is told otherwise. The reference is transformers: the mean of the last rows, of length 1."""
    import torch
    from transformers import AutoModel, AutoTokenizer
    texts = ["A cat sat on the mat.", "Ein Kätzchen lag auf dem Teppich.", "The stock market fell 3.5 % today!", "word " * 200]
    tok, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tok.backend_tokenizer.no_truncation()
    got = client.embeddings.create(model="minilm", input=texts)
    n, worst = 0, 0
    for one, said in zip(got.data, texts, strict=True):
        ids = tok(said, return_tensors="pt")
        with torch.no_grad():
            v = torch.nn.functional.normalize(model(**ids).last_hidden_state.mean(1)[0], dim=0)
        worst = max(worst, (v - torch.tensor(one.embedding)).abs().max().item())
        n += ids["input_ids"].shape[1]
    yield f"vectors are transformers' within {worst:.1e}", worst < 1e-3, worst
    yield "usage", got.usage.prompt_tokens == got.usage.total_tokens == n, (got.usage, n)
    plain = client.embeddings.create(model="minilm", input=texts, encoding_format="float")
    yield "floats are the same", all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) for x, y in zip(got.data, plain.data) for a, b in zip(x.embedding, y.embedding)), None
    e = error(lambda: client.embeddings.create(model="minilm", input=[[1, 2, 3]]), openai.BadRequestError)
    yield "ids of another tokenizer", "check_embedding_ctx_length=False" in e.message, e
    e = error(lambda: client.embeddings.create(model="minilm", input="word " * 600), openai.BadRequestError)
    yield "a text that is too long", e.code == "context_length_exceeded", e


# ---- llm

def llm(url, model, said, here):
    def run(*args, stdin=None):
        done = subprocess.run([os.path.join(os.path.dirname(sys.executable), "llm"), *args], env=os.environ | {"LLM_USER_PATH": work}, input=stdin,
                              capture_output=True, text=True, check=False, timeout=300)
        return done.stdout.strip() if not done.returncode else f"exit {done.returncode}: {done.stderr}"

    with open(os.path.join(work, "extra-openai-models.yaml"), "w", encoding="utf-8") as f:
        f.write(f'- {{model_id: ours, model_name: "{model}", api_base: "{url}/v1", supports_schema: true}}\n'
                f'- {{model_id: text, model_name: "{model}", api_base: "{url}/v1", completion: true}}\n')
    question, options = ASKED["messages"][0]["content"], ("-o", "temperature", "0", "-o", "max_tokens", "24")
    got = run("-m", "ours", *options, "-s", "You are a helpful assistant.", question)
    yield "llm streams", got == said, got
    logged = json.loads(run("logs", "--json", "-n", "1"))[0]
    yield "llm keeps what it cost", logged["input_tokens"] > 20 and logged["output_tokens"] > 2, logged
    got = run("-m", "ours", *options, "-c", "And of Italy?")
    yield "llm goes on with a conversation", got and not got.startswith("exit") and got != said, got
    got = run("-m", "ours", *options, "--no-stream", question)
    yield "llm waits for the whole", got == said, got
    got = run("-m", "ours", "-o", "temperature", "0", "--schema", "name, age int, tame bool", "Describe a dog called Rex.")
    yield "llm asks for a schema", got.startswith("{") and set(json.loads(got)) == {"name", "age", "tame"}, got
    got = run("-m", "text", "-o", "temperature", "0", "-o", "max_tokens", "2", PROMPT)
    yield "llm completes", got.startswith("Paris"), got
    got = run("-m", "ours", "-o", "frequency_penalty", "1", question)
    yield "llm tells what is not supported", got.startswith("exit 1") and "frequency_penalty" in got, got


# ---- lm-evaluation-harness

TASK = """task: attune_choices
dataset_path: json
dataset_kwargs: {{data_files: {{test: "{path}"}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: answer
doc_to_choice: choices
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""


def own_scores(attune, model, items):
    """ln p of each choice by `attune score`, without the end token."""
    rows = [{"prompt": f"Question: {i['question']}\nAnswer:", "completion": f" {c}"} for i in items for c in i["choices"]]
    done = subprocess.run([attune, "score", "--model", model, "--quiet"], input="\n".join(map(json.dumps, rows)), capture_output=True, text=True, check=True)
    scores = iter([sum(json.loads(line)["logprobs"][:-1]) for line in done.stdout.splitlines()])
    return [[next(scores) for _ in i["choices"]] for i in items]


def harness(attune, path, url, model, work):
    from hf_model import save_tokenizer
    choices = os.path.join(HERE, "choices.jsonl")
    with open(choices, encoding="utf-8") as f:
        items = [json.loads(line) for line in f]
    with open(os.path.join(work, "task.yaml"), "w", encoding="utf-8") as f:
        f.write(TASK.format(path=choices))
    folder, out = os.path.join(work, "tokenizer"), os.path.join(work, "out")
    os.makedirs(folder, exist_ok=True)
    save_tokenizer(path, os.path.dirname(path), folder)
    args = f"model={model},base_url={url}/v1/completions,tokenizer={folder},tokenizer_backend=huggingface,num_concurrent=4,max_retries=3"
    subprocess.run([os.path.join(os.path.dirname(sys.executable), "lm_eval"), "--model", "local-completions", "--model_args", args, "--include_path", work,
                    "--tasks", "attune_choices", "--output_path", out, "--log_samples", "--batch_size", "4"],
                   env=os.environ | {"HF_HOME": os.path.join(work, "hf"), "HF_DATASETS_OFFLINE": "1"}, check=True, stdout=subprocess.DEVNULL)
    with open(glob.glob(out + "/**/results_*.json", recursive=True)[0], encoding="utf-8") as f:
        accuracy = json.load(f)["results"]["attune_choices"]["acc,none"]
    with open(glob.glob(out + "/**/samples_*.jsonl", recursive=True)[0], encoding="utf-8") as f:
        samples = sorted((json.loads(line) for line in f), key=lambda s: s["doc_id"])
    theirs = [[float(r[0][0]) for r in s["resps"]] for s in samples]
    ours = own_scores(attune, path, items)
    right = sum(max(range(len(o)), key=o.__getitem__) == i["answer"] for o, i in zip(ours, items, strict=True))
    worst = max(abs(a - b) for x, y in zip(ours, theirs, strict=True) for a, b in zip(x, y, strict=True))
    yield f"lm-eval: {accuracy * len(items):.0f} of {len(items)} right, {right} by attune score", round(accuracy * len(items)) == right, accuracy
    yield f"lm-eval: ln p of all {sum(map(len, ours))} choices within {worst:.1e}", worst < 0.02, worst
    again = [[r[0][1] in (True, "True") for r in s["resps"]] for s in samples]
    yield "lm-eval: which choices are greedy", any(map(any, again)) and not all(map(all, again)), again


def prometheus(url):
    families = {f.name: f for f in measures(url)}
    wanted = {"llamacpp:prompt_tokens": "counter", "llamacpp:tokens_predicted": "counter", "llamacpp:requests_processing": "gauge",
              "llamacpp:requests_deferred": "gauge", "attune_time_to_first_token_seconds": "histogram", "attune_time_between_tokens_seconds": "histogram"}
    yield "Prometheus reads the metrics", all(families[name].type == kind for name, kind in wanted.items()), families
    for name, kind in wanted.items():
        if kind == "histogram":
            buckets = [s for s in families[name].samples if s.name.endswith("_bucket")]
            counts = [s.value for s in buckets]
            yield f"{name} is a histogram", counts == sorted(counts) and buckets[-1].labels["le"] == "+Inf" and counts[-1] > 0, buckets


def main():
    attune, path = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    failed = 0

    def all_of(cases):
        nonlocal failed
        for case in cases:
            failed += not check(*case)

    pulled = subprocess.run([attune, "pull", "--quiet", "minilm"], capture_output=True, text=True, check=False).stdout.strip()
    with tempfile.TemporaryDirectory() as here, served(attune, path) as url:
        client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=30)
        model = os.path.basename(path).removesuffix(".gguf")
        said = client.chat.completions.create(model=model, **ASKED).choices[0].message.content  # 503 while the model is being loaded: the client tries again by itself
        all_of(chat(client, model, pulled))
        for cases in (forms, text, errors):
            all_of(cases(client, model))
        if pulled:
            all_of(embeddings(client, pulled))
        all_of(llm(url, model, said, here))
        all_of(harness(attune, path, url, model, here))
        all_of(prometheus(url))
    all_of(keys(attune, path))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
