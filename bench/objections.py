#!/usr/bin/env python3
"""To how many questions with a false premise evidence_objection objects, and to how many others: objections.py BUILD DATA QUESTIONS.jsonl... [--list]

BUILD has tests/claims_tool, DATA is what `attune curate --in sample --out DATA` wrote.
"""
import collections
import json
import subprocess
import sys
import tempfile

build, data = sys.argv[1:3]
for path in (a for a in sys.argv[3:] if a != "--list"):
    questions = [json.loads(line) for line in open(path, encoding="utf-8")]
    twins = {q["twin"] for q in questions if "twin" in q}
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps({"question": q["question"]}) + "\n" for q in questions)
        file.flush()
        out = subprocess.run([f"{build}/tests/claims_tool", data, file.name], capture_output=True, text=True, check=True).stdout
    asked, objected = collections.Counter(), collections.Counter()
    for q, line in zip(questions, out.splitlines()):
        kind = "false premise" if q.get("false_premise") else "twin" if q["id"] in twins else "other"
        asked[kind] += 1
        objected[kind] += json.loads(line) != ""
        if json.loads(line) and "--list" in sys.argv:
            print(f"{kind}: {json.loads(line)} | {q['question']}")
    print(f"{path}: " + ", ".join(f"{kind} {objected[kind]} of {n}" for kind, n in asked.items()))
