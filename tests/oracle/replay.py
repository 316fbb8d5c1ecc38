#!/usr/bin/env python3
"""Makes src/data/replay.jsonl: what a base model says by itself, as training rows against forgetting.

usage: replay.py ATTUNE MODEL OUT.jsonl [TOKENS]

The openings below are continued by the model at temperature 1, half of them again as chat. Nothing here may come from
src/eval/general.txt, which measures what is forgotten. The same attune and model give the same file.
"""
import json
import subprocess
import sys
import tempfile

OPENINGS = """The|In the|When|If you|She|He|They|It was|There are|Many people|One of the|For example,|During the|A good|Water|My|We|I|Some
After|Before|Children|Scientists|The best way to|How to|What is|Why do|Once upon a time,|Dear|To make|Most|Every|This|At the|On a|Some people
Health|Food|Music|History|Mathematics|Animals|Plants|Cities|Rivers|Travel|Books|Weather|Teachers|Parents|The most important|As a|With|Because
Although|While|The sun|Our|Let's|Today|The first|Two|People who|Learning|Reading|The word|Energy|Light|Sleep|Exercise|Friends|Work|Money|Art
Science|The human body|A farmer|The king|The old|Once|Long ago|In many countries,|According to|Step 1:|Introduction|You|Imagine""".replace(
    "\n", "|").split("|")
TOPICS = """a balanced breakfast|the water cycle|a thank-you letter|the seasons|a small garden|the number 144|rain|bicycles|good study habits
packing for a trip|a fox|bread|healthy sleep|photosynthesis|a polite refusal|the planets|printing|volcanoes|fractions|libraries|the heart|the moon
soup|team sports|bees|bridges|the ocean|saving money|maps|old age""".replace("\n", "|").split("|")
FORMS = ["Tell me about {}.", "Explain {} to a child.", "Give me three tips on {}.", "Write a short paragraph about {}."]

attune, model, out = sys.argv[1:4]
tokens = sys.argv[4] if len(sys.argv) > 4 else "80"
prompts = [{"prompt": o} for o in OPENINGS]
prompts += [{"messages": [{"role": "user", "content": FORMS[i % 4].format(t)}]} for i, t in enumerate(TOPICS)]
with tempfile.TemporaryDirectory() as d:
    with open(d + "/in.jsonl", "w") as f:
        f.writelines(json.dumps(p) + "\n" for p in prompts)
    subprocess.run([attune, "generate", "--model", model, "--in", d + "/in.jsonl", "--out", d + "/out.jsonl", "--max-tokens", tokens,
                    "--temperature", "1", "--top-p", "1", "--seed", "5"], check=True)
    rows = [json.loads(line) for line in open(d + "/out.jsonl")]
with open(out, "w") as f:
    for r in rows:
        row = {"source": None, "kind": "replay"}
        if "prompt" in r:
            text = r["prompt"] + r["text"]
            end = max(text.rfind(mark) for mark in (". ", ".\n", "? ", "! "))  # not to teach an end inside a sentence
            if end < 40:
                continue
            row["text"] = text[:end + 1]
        elif r["finish_reason"] == "stop":  # a cut answer must not teach to stop there
            row["messages"] = r["messages"] + [{"role": "assistant", "content": r["text"]}]
        else:
            continue
        f.write(json.dumps(row, ensure_ascii=False) + "\n")
