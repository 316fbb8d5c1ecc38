#!/usr/bin/env python3
"""Chat templates of real models: attune's text against transformers'.

    templates.py FOLDER TOOL     FOLDER holds *.jinja; TOOL is the built tests/template_tool

Prints a line a template: equal, or how many of its conversations differ, or the sentence with which it is refused.
"""
import datetime
import json
import pathlib
import subprocess
import sys

from transformers.utils.chat_template_utils import _compile_jinja_template

TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "The weather <b>\"now\"</b> & 'here'.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "description": "Where, e.g. Köln"}, "unit": {"type": "string", "enum": ["c", "f"]},
                                     "days": {"type": "integer", "default": 1}}, "required": ["city"]}}}]
CONTENTS = ["Hi", "", " two\n\nlines \n", "é日😀 \u2003", "\"quoted\" 'and' \\ back", "<|im_end|></s>[INST]<|eot_id|><end_of_turn>", "{{ 7 }}{% if %}", "<think>\nhm\n</think>\n\nSo."]


def call(arguments):
    return {"role": "assistant", "content": "", "tool_calls": [{"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}]}


def conversations():
    out = []
    for i, content in enumerate(CONTENTS):
        turn = [{"role": "user", "content": content}, {"role": "assistant", "content": CONTENTS[-1 - i]}, {"role": "user", "content": "And " + content}]
        out += [(turn, None, True), ([{"role": "system", "content": content}] + turn, None, True), (turn[:2], None, False)]
    arguments = {"city": "Köln", "days": 2, "deep": [1.5, None, True, {"a": "b\n"}]}
    asked = [{"role": "user", "content": "Weather?"}]
    answered = asked + [call(arguments), {"role": "tool", "name": "get_weather", "tool_call_id": "abcdefghi", "content": "{\"t\": 7}"}]
    out += [(asked, TOOLS, True), ([{"role": "system", "content": "Be brief."}] + asked, TOOLS, True), (answered, TOOLS, True),
            (answered + [{"role": "assistant", "content": "7 degrees"}], TOOLS, False), (asked + [call(json.dumps(arguments))] + answered[2:], TOOLS, True),
            ([asked[0], asked[0]], None, True)]
    return out


def main(folder, tool):
    jobs, expected = [], []
    for path in sorted(pathlib.Path(folder).glob("*.jinja")):
        for messages, tools, add in conversations():
            job = {"template": path.read_text(), "messages": messages, "tools": tools, "add_generation_prompt": add, "bos": "<s>", "eos": "</s>"}
            jobs.append((path.name, job))
            try:
                text = _compile_jinja_template(job["template"]).render(
                    messages=messages, tools=tools, documents=None, add_generation_prompt=add, bos_token="<s>", eos_token="</s>",
                    strftime_now=datetime.datetime(2024, 7, 26).strftime)
            except Exception as error:
                text = error
            expected.append(text)
    out = subprocess.run([tool], input="".join(json.dumps(j) + "\n" for _, j in jobs), capture_output=True, text=True, check=True).stdout
    answers = [json.loads(line) for line in out.split("\n") if line]
    assert len(answers) == len(jobs)
    names, n_equal = sorted({name for name, _ in jobs}), 0
    for name in names:
        bad = [(w, a) for (n, _), w, a in zip(jobs, expected, answers) if n == name and (a.get("text") != w if isinstance(w, str) else "error" not in a)]
        n_equal += not bad
        print(name, "equal" if not bad else f"{len(bad)} of {len(conversations())} differ: {bad[0][1].get('error') or 'text'}")
        if bad and "error" not in bad[0][1]:
            print("   wanted", repr(bad[0][0])[-300:], "\n   got   ", repr(bad[0][1]["text"])[-300:])
    print(f"{n_equal} of {len(names)} templates are equal on {len(conversations())} conversations each")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
