#!/usr/bin/env python3
"""No planted item of personal data is left in what attune writes, from outside: every file, index.db's free pages too, and every line of stdout and stderr. As TAP.

Each place (a heading, an alt text, a cell, a speaker, a reason, ...) of a document of each kind that is read gets items of its own, so that what is left says where it
stood. What is looked for is the part of an item that only it has, its letters and digits alone, in the bytes as they are, as UTF-16, and with the escapes of JSON, HTML and
URLs resolved. Names, hosts and numbers are drawn here, nobody's on purpose; where a range is kept for fiction, attune knows it and leaves it alone, so it cannot be used.

usage: planted.py ATTUNE GOLDEN
"""
import base64
import collections
import csv
import html
import io
import json
import os
import random
import re
import string
import subprocess
import sys
import tempfile
import urllib.parse
import zipfile

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Case

ATTUNE, GOLDEN = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
MODEL = os.path.join(GOLDEN, "untied.gguf")
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("ATTUNE_", "HF_"))} | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/nonexistent"}
RNG = random.Random(7)
ITEMS = []  # (kind, place, what only it has)


# ---- items ----------------------------------------------------------------------------------------------------------------------------


def word(syllables=3):
    return "".join(RNG.choice("bdfgklmnprstvz") + RNG.choice("aeiou") for _ in range(syllables)) + RNG.choice("lnrs")


def digits(n):
    return "".join(RNG.choice("123456789") for _ in range(n))


def drawn(n, alphabet=string.ascii_letters + string.digits):
    return "".join(RNG.choice(alphabet) for _ in range(n - 3)) + "q7R"


def card():
    body = "4539" + digits(11)
    odd = sum(sum(divmod(2 * int(c), 10)) for c in body[::2])
    body += str(-(odd + sum(map(int, body[1::2]))) % 10)
    return " ".join(body[i:i + 4] for i in range(0, 16, 4))


def iban():
    body = digits(18)
    check = 98 - int(body + "131400") % 97  # D is 13, E is 14
    text = f"DE{check:02}{body}"
    return " ".join(text[i:i + 4] for i in range(0, 22, 4))


def b64(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def private_key():
    lines = [drawn(64) for _ in range(4)]
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"]), lines


def person():
    first, last = word().capitalize(), word(4).capitalize()
    return f"{first} {last}", [first, last]


def made(kind):
    """An item and what of it must not be found."""
    if kind == "email":
        local = word(5)
        return f"{local}@{word()}post.org", [local]
    if kind == "phone":
        text = f"+49 30 {digits(4)} {digits(4)}"
        return text, [text[7:]]
    if kind == "card":
        text = card()
        return text, [text]
    if kind == "iban":
        text = iban()
        return text, [text[4:]]
    if kind == "ip":
        text = f"185.{RNG.randint(100, 250)}.{RNG.randint(100, 250)}.{RNG.randint(100, 250)}"
        return text, [text]
    if kind == "mac":
        text = ":".join(["3c", *(f"{RNG.randint(17, 250):02x}" for _ in range(5))])
        return text, [text]
    if kind == "ssn":
        text = f"4{digits(2)}-{digits(2)}-{digits(4)}"
        return text, [text]
    if kind == "jwt":
        text = ".".join([b64('{"alg":"HS256","typ":"JWT"}'), b64(json.dumps({"sub": word(5)})), drawn(43)])
        return text, text.split(".")[1:]
    if kind == "secret":
        text = "ghp_" + drawn(36)
        return text, [text[4:]]
    if kind == "password":
        text = word(3).capitalize() + digits(4) + "!" + word(2)
        return text, [text]
    if kind == "url_credentials":
        password = drawn(14)
        return f"https://{word(3)}:{password}@vault.tolvery.com/in", [password]
    if kind == "private_key":
        return private_key()
    return person()


# How a sentence says it: digits alone are nobody's.
SAID = {"email": "write to {}", "phone": "call {}", "card": "card {}", "iban": "IBAN {}", "ip": "from host {}", "mac": "device {}", "ssn": "SSN {}", "jwt": "token {}",
        "secret": "key {}", "password": "the password is {}", "url_credentials": "see {}", "person": "ask {}"}
HEADS = {"email": "E-mail", "phone": "Phone", "card": "Card", "iban": "IBAN", "ip": "IP address", "mac": "MAC", "ssn": "SSN", "jwt": "Token", "secret": "API key",
         "password": "Password", "url_credentials": "URL", "person": "Contact name"}
FORMS = [k for k in SAID if k != "person"]  # by their form; names are looked for where somebody writes or speaks


def plant(kind, place):
    text, unique = made(kind)
    ITEMS.extend((kind, place, u) for u in unique)
    return text


def said(place, kinds=FORMS, how=lambda t: t):
    """An item of each kind in a clause."""
    return "; ".join(SAID[k].format(how(plant(k, place))) for k in kinds)


def entities(text):
    return "".join(c if c.isspace() else f"&#{ord(c)};" if i % 2 else f"&#x{ord(c):x};" for i, c in enumerate(text))


def percent(text):
    return urllib.parse.quote(text, safe="")


def percent_all(text):
    return "".join(f"%{ord(c):02x}" for c in text)


def broken(text):
    """Over a line end, at its first blank."""
    return text.replace(" ", "\n", 1)


COUNT = 0


def fact():
    """A sentence that gives a fact, each another."""
    global COUNT
    COUNT += 1
    return f"The {word(3).capitalize()} plan allows {COUNT + 20} uploads per minute."


# ---- documents --------------------------------------------------------------------------------------------------------------------------


def markdown():
    p = "markdown: "
    spaced = ["phone", "card", "iban"]
    yield "front.md", (f"---\ntitle: Plans\nauthor: {plant('email', p + 'front matter')}\nphone: {plant('phone', p + 'front matter')}\n"
                       f"api_key: {plant('secret', p + 'front matter')}\n---\n\n# Plans\n\n{fact()} {fact()}\n")
    for kind in FORMS:
        yield f"page-{kind}.md", "\n\n".join([
            f"# Plans, {SAID[kind].format(plant(kind, p + 'title'))}",
            f"{fact()} For more {SAID[kind].format(plant(kind, p + 'paragraph'))}.",
            f"## Limits: {SAID[kind].format(plant(kind, p + 'heading'))}",
            f"{fact()} Then **{SAID[kind].format(plant(kind, p + 'bold'))}** or *{SAID[kind].format(plant(kind, p + 'emphasis'))}*.",
            f"| Plan | {HEADS[kind]} |\n|---|---|\n| Harbor {word()} | {plant(kind, p + 'cell')} |\n| Jetty {word()} | {SAID[kind].format(plant(kind, p + 'said cell'))} |",
            f"| Plan | {SAID[kind].format(plant(kind, p + 'table head'))} |\n|---|---|\n| Quay {word()} | 12 |",
            f"- {fact()}\n- {SAID[kind].format(plant(kind, p + 'item'))}",
            f"> {fact()} {SAID[kind].format(plant(kind, p + 'quote'))}",
            f"```sh\n# {SAID[kind].format(plant(kind, p + 'code block'))}\n```",
            f"{fact()} Run `{SAID[kind].format(plant(kind, p + 'code span'))}` once.",
            f"![{SAID[kind].format(plant(kind, p + 'alt text'))}](a.png \"{SAID[kind].format(plant(kind, p + 'image title'))}\")\n{fact()}",
            f"<!-- {SAID[kind].format(plant(kind, p + 'comment'))} -->\n\n{fact()}",
            f"<div title=\"{SAID[kind].format(plant(kind, p + 'HTML attribute'))}\">{SAID[kind].format(plant(kind, p + 'HTML block'))}</div>",
            f"{fact()} See the note.[^1]\n\n[^1]: {SAID[kind].format(plant(kind, p + 'footnote'))}",
            f"### Entities\n\n{fact()} {SAID[kind].format(entities(plant(kind, p + 'entities')))}.",
            f"### Comment with entities\n\n{fact()} <!-- {SAID[kind].format(entities(plant(kind, p + 'entities in a comment')))} -->",
        ]) + "\n"
    yield "links.md", "\n\n".join([
        "# Links", f"{fact()} [Write](mailto:{plant('email', p + 'link')}) or [call](tel:{plant('phone', p + 'tel link').replace(' ', '')}).",
        f"{fact()} <{plant('email', p + 'autolink')}> [a](https://tolvery.com/?mail={plant('email', p + 'query')}&token={plant('secret', p + 'query')})",
        f"{fact()} [b](https://tolvery.com/?mail={percent(plant('email', p + 'query in percents'))}&x=1)",
        f"{fact()} [b2](mailto:{percent_all(plant('email', p + 'link all in percents'))}) and [b3](tel:{percent(plant('phone', p + 'tel link in percents'))})",
        f"{fact()} [c](mailto:{entities(plant('email', p + 'link in entities'))})",
        f"{fact()} [d][ref]\n\n[ref]: mailto:{plant('email', p + 'reference')} \"{SAID['phone'].format(plant('phone', p + 'reference title'))}\"",
        f"{fact()} [e](mailto:x@example.com?cc={percent(plant('email', p + 'cc of a link'))})",
        f"{fact()} ![{SAID['email'].format(entities(plant('email', p + 'alt text in entities')))}](a.png)",
        f"{fact()} {plant('email', p + 'escaped').replace('@', chr(92) + '@')}",
        f"{fact()} {plant('email', p + '&commat;').replace('@', '&commat;')}, {plant('email', p + '&#64;').replace('@', '&#64;')}",
        f"{fact()} <https://tolvery.com/%7E{percent(plant('email', p + 'autolink in percents'))}>",
        f"{fact()} Written in plain sight: mail={percent(plant('email', p + 'text in percents'))}.",
        "## Broken\n\n" + "\n\n".join(f"{fact()} {SAID[k].format(broken(plant(k, p + 'over a line end')))}." for k in spaced),
        "\n\n".join(f"> {fact()} {SAID[k].format(plant(k, p + 'quote over a line end').replace(' ', chr(10) + '> ', 1))}." for k in spaced),
        "- " + "\n- ".join(f"{fact()} {SAID[k].format(plant(k, p + 'item over a line end').replace(' ', chr(10) + '  ', 1))}." for k in spaced),
        f"{fact()} Call +49 30\\\n{''.join(plant_tail('phone', p + 'hard line break'))}.",
        f"```\n{plant('private_key', p + 'code block')}\n```", plant("private_key", p + "paragraph"),
        f"{fact()} {plant('email', p + 'parted by emphasis').replace('@', '@**', 1)}** {fact()}",
    ]) + "\n"
    # Nearly the same twice, with other values, and what contradicts.
    same = " ".join(fact() for _ in range(8))
    for i in range(2):
        yield f"copy-{i}.md", f"# Copies of {SAID['email'].format(plant('email', p + 'copy title'))}\n\n{same} {said(p + 'copy')}. The dock closes at {7 + i}:30.\n"
        yield f"against-{i}.md", ("# Gates\n\nThe gate timeout of the lock is " + str(30 + i) + f" seconds, {SAID['email'].format(plant('email', p + 'contradiction'))}.\n\n"
                                  f"The default berth of {plant('email', p + 'contradicting subject')} is {40 + i} meters.\n\n"
                                  f"The default password of the crane is {plant('password', p + 'contradicting value')}.\n")
    # Left out, with a reason.
    yield "bad.md", b"\0\1\2" + said(p + "no text").encode()
    yield "long.md", f"# Long\n\n{said(p + 'long passage')} " + f"{word()} " * 6000 + f"\n\n# Next\n\n{fact()}\n"
    yield "wide.md", (f"# Wide\n\n{fact()} {said(p + 'UTF-16')}\n").encode("utf-16")
    yield "western.md", (f"# Grüße\n\n{fact()} {said(p + 'Windows-1252')} für alle\n").encode("cp1252")


def plant_tail(kind, place):
    """A telephone number without what stands in front everywhere."""
    return plant(kind, place)[7:]


def web():
    p = "HTML: "
    for kind in FORMS:
        s = lambda place, how=html.escape: SAID[kind].format(how(plant(kind, p + place)))
        yield f"page-{kind}.html", f"""<!doctype html><html lang="en"><head><title>Plans, {s('title')}</title>
<meta name="description" content="{s('meta')}"><meta property="og:title" content="{s('og:title')}">
<script type="application/ld+json">{{"name": "{s('script')}"}}</script><style>/* {s('style')} */</style></head>
<body data-owner="{s('data attribute')}"><!-- {s('comment')} --><nav>{s('nav')}</nav><main>
<h1>Plans of {s('h1')}</h1><p>{fact()} {s('paragraph')}.</p><h2 id="{s('id')}">{s('h2')}</h2>
<p title="{s('title attribute')}">{fact()} <img src="a.png" alt="{s('alt text')}" title="{s('image title')}"> <a href="{s('href')}" aria-label="{s('aria-label')}">link</a></p>
<table><caption>{s('caption')}</caption><tr><th>Plan</th><th>{HEADS[kind]}</th></tr><tr><td>Harbor {word()}</td><td>{html.escape(plant(kind, p + 'cell'))}</td></tr>
<tr><td>Quay {word()}</td><td>{s('said cell')}</td></tr></table>
<ul><li>{fact()}</li><li>{s('item')}</li></ul><pre><code>{s('code')}</code></pre><blockquote><p>{fact()} {s('quote')}</p></blockquote>
<p>{fact()} {s('entities', entities)}</p><p hidden>{s('hidden')}</p><details><summary>{s('summary')}</summary><p>{fact()}</p></details>
<dl><dt>{s('term')}</dt><dd>{fact()}</dd></dl><figure><figcaption>{s('figcaption')}</figcaption></figure><abbr title="{s('abbr')}">x</abbr>
</main><footer>{s('footer')}</footer></body></html>
"""
    parted = lambda text: text[:len(text) // 2] + "<b>" + text[len(text) // 2:] + "</b>"
    soft = lambda text: text[:len(text) // 2] + "<wbr>" + text[len(text) // 2:]
    shy = lambda text: text[:len(text) // 2] + "&shy;" + text[len(text) // 2:]
    yield "parts.html", "<html><body><h1>Parts</h1>" + "\n".join([
        f"<p>{fact()} {said(p + 'parted by a tag', ['email', 'phone', 'card', 'iban', 'secret'], parted)}.</p>",
        f"<p>{fact()} {said(p + 'parted by wbr', ['email', 'phone', 'card', 'iban', 'secret'], soft)}.</p>",
        f"<p>{fact()} {said(p + 'parted by a soft hyphen', ['email', 'phone', 'card', 'iban', 'secret'], shy)}.</p>",
        f"<p>{fact()} {said(p + 'over a line end', ['phone', 'card', 'iban'], broken)}.</p>",
        f"<p>{fact()} {said(p + 'over a br', ['phone', 'card', 'iban'], lambda t: t.replace(' ', '<br>', 1))}.</p>",
        f"<p>{fact()} {said(p + 'with no-break spaces', ['phone', 'card', 'iban'], lambda t: t.replace(' ', '&nbsp;'))}.</p>",
        f"<p>{fact()} <a href=\"mailto:{percent_all(plant('email', p + 'href in percents'))}\">mail</a>, "
        f"<a href=\"mailto:{entities(plant('email', p + 'href in entities'))}\">mail</a></p>",
        f"<pre>{plant('private_key', p + 'private key')}</pre>",
        f"<p>{fact()} {plant('email', p + '&commat;').replace('@', '&commat;').replace('.', '&period;')}</p>"]) + "</body></html>\n"


def csv_text(rows, sign=","):
    out = io.StringIO()
    csv.writer(out, delimiter=sign).writerows(rows)
    return out.getvalue()


def reply(place, name, agent):
    return (f"Hi {name.split()[0]},\n\n{fact()} {fact()} {said(place + 'reply')}.\n\nBest regards,\n{agent}\nSupport\n\n"
            f"On Monday {name} <{plant('email', place + 'quoted reply')}> wrote:\n> {SAID['phone'].format(plant('phone', place + 'quoted reply'))}\n")


def tickets():
    p = "CSV: "
    rows = [["id", "customer_name", "E-Mail", "Tel.", "Kartennr", "IBAN", "SSN", "Passwort", "assigned agent", "subject", "question", "reply"]]
    for i in range(6):
        name, agent = plant("person", p + "column of names"), plant("person", p + "column of agents")
        ident = [f"T-{i}", plant("email", p + "id"), plant("phone", p + "id"), plant("person", p + "id, in the column of names too"), plant("ssn", p + "id"), plant("secret", p + "id")][i]
        if i == 3:
            name = ident
        rows.append([ident, name, plant("email", p + "column"), plant("phone", p + "column"), plant("card", p + "column"), plant("iban", p + "column").replace(" ", ""),
                     plant("ssn", p + "column").replace("-", ""), plant("password", p + "column"), agent,
                     f"How many uploads does {name} get, {SAID['email'].format(plant('email', p + 'subject'))}?",
                     f"Hello,\n\nI am {name} and {said(p + 'question')}. How many uploads does plan {word()} allow?\n\nThanks\n{name}\n{plant('phone', p + 'signature')}",
                     reply(p, name, agent)])
    yield "tickets.csv", csv_text(rows)
    # A head that says more than it should, another separator, and rows without a reply.
    head = ["id", "question", "reply", f"note of {plant('email', p + 'head')}", f"call {plant('phone', p + 'head')}", plant("secret", p + "head")]
    yield "head.csv", csv_text([head] + [[str(i), f"How fast is {word()}? {said(p + 'question')}", "" if i % 2 else f"{fact()} {fact()} {said(p + 'reply')}", said(p + "odd column"), "x", "y"]
                                         for i in range(4)], ";")
    yield "columns.csv", csv_text([[plant("email", p + "unknown head"), plant("phone", p + "unknown head"), plant("secret", p + "unknown head"), "x"], ["1", said(p + "unknown column"), "2", "3"]])
    yield "open.csv", f"id,question,reply\n1,\"{said(p + 'open quotation')}\",\"never closed {said(p + 'open quotation')}\n2,x,y\n"
    yield "tabs.csv", csv_text([["ticket", "message", "answer"]] + [[str(i), f"{said(p + 'tabs')}?", f"{fact()} {fact()} {said(p + 'tabs')}"] for i in range(2)], "\t")


def rows_of_json():
    p = "JSON: "

    def escaped(text):
        return "".join(f"\\u{ord(c):04x}" if c in "@.+-: " or i % 3 == 0 else c for i, c in enumerate(text))

    out = []
    for i in range(3):
        name, agent = plant("person", p + "customer.name"), plant("person", p + "assignee")
        out.append(json.dumps({"id": [i, plant("email", p + "id"), plant("phone", p + "id")][i], "customer": {"name": name, "email": plant("email", p + "field"), "message": f"I am {name}, {said(p + 'message')}. How many?"},
                               "agent": {"name": agent}, "subject": said(p + "subject"), "reply": reply(p, name, agent), "meta": {"tags": [said(p + "tags")]}}))
    yield "tickets.jsonl", "\n".join(out) + "\n"
    yield "escaped.jsonl", "".join(f'{{"id":{i},"question":"How? {said(p + "escaped question", FORMS, escaped)}","answer":"{fact()} {fact()} {said(p + "escaped answer", FORMS, escaped)}"}}\n'
                                   for i in range(2))
    given = []
    for i in range(3):
        name = plant("person", p + "given row")
        given.append(json.dumps({"messages": [{"role": "user", "name": name, "content": f"Hi, I am {name}. {said(p + 'given question')}?"},
                                              {"role": "assistant", "content": f"Hello {name}! {fact()} {said(p + 'given answer')}; {said(p + 'given answer in percents', how=percent)}"}],
                                 "meta": {"user": plant("email", p + "given field"), plant("email", p + "given key"): 1, "ip": plant("ip", p + "given field")},
                                 "id": plant("phone", p + "given id"), plant("secret", p + "given key"): "x"}))
    given.append(json.dumps({"prompt": f"{said(p + 'prompt')}?", "completion": f"{fact()} {said(p + 'completion')}", "id": plant("email", p + "given id")}))
    given.append(json.dumps({"text": f"{fact()} {said(p + 'text')}"}))
    given.append(json.dumps({"conversations": [{"from": "human", "value": said(p + "conversations")}, {"from": "gpt", "value": f"{fact()} {said(p + 'conversations')}"}]}))
    given.append(json.dumps({"instruction": said(p + "instruction"), "input": said(p + "input"), "output": f"{fact()} {said(p + 'output')}"}))
    given.append(json.dumps({"prompt": said(p + "preference"), "chosen": f"{fact()} {said(p + 'chosen')}", "rejected": said(p + "rejected")}))
    given.append(json.dumps({"prompt": said(p + "labelled"), "completion": said(p + "labelled"), "label": False}))
    given.append(json.dumps({"messages": [{"role": "user", "content": said(p + "tools")},
                                          {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": json.dumps({"who": plant("email", p + "arguments as a string")})}}]},
                                          {"role": "tool", "content": said(p + "tool")}, {"role": "assistant", "content": fact()}],
                             "tools": [{"type": "function", "function": {"name": "f", "description": said(p + "tools")}}]}))
    yield "given.jsonl", "\n".join(given) + "\n"
    # Rows that are no rows.
    bad = [f'{{"messages": [{{"role": "user", "content": "{said(p + "cut row")}"', f'{{"{plant("email", p + "unknown field")}": 1, "{plant("phone", p + "unknown field")}": "{said(p + "unknown field")}"}}',
           f'{{"messages": [{{"role": "{plant("email", p + "role")}", "content": "{said(p + "bad role")}"}}]}}', f'{plant("email", p + "no JSON")} {plant("secret", p + "no JSON")}',
           f'{{"messages": "{plant("email", p + "messages as text")}"}}', f'{{"id": 1, "question": "{said(p + "question alone")}"}}']
    yield "bad.jsonl", "\n".join(bad) + "\n"
    for i, line in enumerate(bad):
        yield f"bad-{i}.json", re.sub(r"[0-9a-z]{6,}(?=@)|(?<=ghp_)[0-9A-Za-z]+", lambda m: m[0], line)
    yield "list.json", json.dumps([{"ticket": i, "question": f"{said(p + 'list')}?", "answer": f"{fact()} {fact()} {said(p + 'list')}"} for i in range(2)], indent=1)


def transcripts():
    p = "call: "
    a, b = plant("person", p + "speakers"), plant("person", p + "speakers")
    yield "call.txt", "Call of Monday\n\n" + "\n".join(
        f"{(a, b)[i % 2]}: Well {(b, a)[i % 2].split()[0]}, {fact()} {SAID[k].format(plant(k, p + 'turn'))}." for i, k in enumerate(FORMS)) + \
        f"\n{a}: My line is +49 30\n{plant_tail('phone', p + 'over a line end')}, good night {b}.\n"
    a, b = plant("person", p + "stamped speakers"), plant("person", p + "stamped speakers")
    yield "stamped.txt", "\n".join(f"[00:0{i % 6}:12] {(a, b)[i % 2]}: {fact()} {SAID[k].format(plant(k, p + 'stamped turn'))}, {(b, a)[i % 2].split()[0]}." for i, k in enumerate(FORMS)) + "\n"
    a = plant("person", "letter: sender")
    b = plant("person", "letter: receiver")
    yield "letter.txt", (f"From: {a} <{plant('email', 'letter: From')}>\nTo: {b} <{plant('email', 'letter: To')}>\nSubject: {said('letter: subject')}\n\nDear {b},\n\n{fact()} {fact()} {said('letter: text')}.\n\n"
                         f"Our number is +49 30\n{plant_tail('phone', 'letter: over a line end')}, the account {broken(plant('iban', 'letter: over a line end'))}, card {broken(plant('card', 'letter: over a line end'))}.\n\n"
                         f"Kind regards,\n{a}\n{plant('phone', 'letter: signature')}\n{plant('email', 'letter: signature')}\n\n> On Tuesday {b} wrote:\n> {said('letter: quoted')}\n")
    a, b = plant("person", "chat: who"), plant("person", "chat: who")
    yield "chat.txt", "\n".join(f"2026-03-0{1 + i % 9} 10:{10 + i} - {(a, b)[i % 2]}: {fact()} {SAID[k].format(plant(k, 'chat: text'))}" for i, k in enumerate(FORMS)) + "\n"
    p = "captions: "
    a, b = plant("person", p + "voices"), plant("person", p + "voices")
    yield "call.vtt", (f"WEBVTT - {SAID['email'].format(plant('email', p + 'head'))}\n\nNOTE {said(p + 'note')}\n\nSTYLE\n::cue {{ content: \"{plant('email', p + 'style')}\" }}\n\n" +
                       "\n\n".join(f"{plant('email', p + 'cue id')}\n00:00:{10 + 2 * i}.000 --> 00:00:{12 + 2 * i}.000\n<v {(a, b)[i % 2]}>{fact()} {SAID[k].format(entities(plant(k, p + 'cue in entities')) if i % 2 else plant(k, p + 'cue'))}, {(b, a)[i % 2].split()[0]}.</v>"
                                   for i, k in enumerate(FORMS)) +
                       f"\n\n00:01:00.000 --> 00:01:02.000\n<v {a}>My number is +49 30\n\n00:01:02.000 --> 00:01:04.000\n<v {a}>{plant_tail('phone', p + 'over two cues')}.\n")
    a, b = plant("person", p + "SRT speakers"), plant("person", p + "SRT speakers")
    yield "call.srt", "\n\n".join(f"{i + 1}\n00:00:{10 + 2 * i},000 --> 00:00:{12 + 2 * i},000\n{(a, b)[i % 2]}: {fact()} {SAID[k].format(plant(k, p + 'SRT'))}, {(b, a)[i % 2]}." for i, k in enumerate(FORMS)) + "\n"


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'


def docx_file(body, **parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
        z.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
                   'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" '
                   'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>')
        z.writestr("_rels/.rels", '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
                   'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>')
        z.writestr("word/document.xml", f'<?xml version="1.0"?><w:document {W}><w:body>{body}</w:body></w:document>')
        for name, text in parts.items():
            z.writestr(name.replace("__", "/").replace("_", "."), text)
    return out.getvalue()


def run_of(text):
    return f'<w:r><w:t xml:space="preserve">{html.escape(text)}</w:t></w:r>'


def paragraph(text, style="", runs=None):
    return f'<w:p><w:pPr>{f"<w:pStyle w:val={chr(34)}{style}{chr(34)}/>" if style else ""}</w:pPr>{runs or run_of(text)}</w:p>'


def word_documents():
    p = "DOCX: "
    half = lambda t: run_of(t[:len(t) // 2]) + run_of(t[len(t) // 2:])
    cell = lambda t: f"<w:tc>{paragraph(t)}</w:tc>"
    body = paragraph(f"Plans, {said(p + 'title', ['email', 'phone', 'secret'])}", "Heading1") + "".join(
        paragraph(f"{fact()} {SAID[k].format(plant(k, p + 'paragraph'))}.") + paragraph(f"Limits {SAID[k].format(plant(k, p + 'heading'))}", "Heading2") +
        paragraph("", "", run_of(f"{fact()} ") + half(SAID[k].format(plant(k, p + 'runs')))) +
        f"<w:tbl><w:tr>{cell('Plan')}{cell(HEADS[k])}</w:tr><w:tr>{cell('Quay ' + word())}{cell(plant(k, p + 'cell'))}</w:tr></w:tbl>" for k in FORMS)
    body += paragraph("", "", f'<w:hyperlink r:id="rId9">{run_of("a link")}</w:hyperlink><w:del>{run_of(said(p + "deleted"))}</w:del>'
                      f'<w:r><w:rPr><w:vanish/></w:rPr><w:t>{said(p + "hidden", ["email", "phone"])}</w:t></w:r>')
    body += paragraph("", "", run_of(f"{fact()} Call +49 30") + "<w:r><w:br/></w:r>" + run_of(plant_tail("phone", p + "over a break") + "."))
    yield "plans.docx", docx_file(body, **{
        "docProps__core_xml": f'<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:creator>{plant("person", p + "creator")}</dc:creator><dc:title>{plant("email", p + "properties")}</dc:title></cp:coreProperties>',
        "word__comments_xml": f'<w:comments {W}><w:comment w:id="1" w:author="{plant("person", p + "author of a comment")}">{paragraph(said(p + "comment"))}</w:comment></w:comments>',
        "word__header1_xml": f'<w:hdr {W}>{paragraph(said(p + "page head"))}</w:hdr>',
        "word___rels__document_xml_rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId9" TargetMode="External" '
        f'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink" Target="mailto:{plant("email", p + "link")}"/></Relationships>'})
    a, b = plant("person", p + "letter"), plant("person", p + "letter")
    yield "letter.docx", docx_file("".join(map(paragraph, [f"Dear {a},", f"{fact()} {said(p + 'letter')}. {fact()}", f"{fact()} {fact()} Tell {a.split()[1]} so.", "Kind regards,", b])))
    yield "broken.docx", b"PK\3\4" + said(p + "no ZIP").encode()


def pdf_documents():
    p = "PDF: "
    a, b = plant("person", p + "letter"), plant("person", p + "letter")
    phone = plant("phone", p + "over a line end")
    lines = [f"Dear {a},", fact()]
    for k in FORMS:
        lines += [fact(), SAID[k].format(plant(k, p + "line"))]
    lines += [f"{fact()} Our line is {phone[:6]}", f"{phone[7:]} by day.", "Kind regards,", b]
    text = "BT /F1 10 Tf 40 800 Td 14 TL\n" + "\n".join("(" + re.sub(r"([\\()])", r"\\\1", t) + ") Tj T*" for t in lines) + "\nET"
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 1200 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
               f"<< /Length {len(text)} >>\nstream\n{text}\nendstream", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
               f"<< /Author ({plant('person', p + 'author')}) /Title ({plant('email', p + 'title of the file')}) >>"]
    out, at = "%PDF-1.4\n", []
    for i, o in enumerate(objects):
        at.append(len(out))
        out += f"{i + 1} 0 obj\n{o}\nendobj\n"
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{n:010} 00000 n \n" for n in at) + \
        f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info 6 0 R >>\nstartxref\n{out.rindex('endobj')}\n%%EOF\n"
    yield "letter.pdf", out.encode("latin-1")
    yield "broken.pdf", b"%PDF-1.4 " + said(p + "broken").encode()


def beside():
    """What people decided."""
    p = "terms.yaml: "
    yield "terms.yaml", ("terms:\n" + f"  - preferred: dock\n    forbidden: [wharf]\n    definition: Where ships lie; {said(p + 'definition', ['email', 'phone', 'secret', 'iban'])}\n"
                         f"  - preferred: berth\n    forbidden: [\"slip of {plant('email', p + 'forbidden')}\"]\n    definition: \"\"\n")
    yield "glossary.md", ("# Glossary\n\n| Term | Use instead of | Definition |\n|---|---|---|\n" +
                          "".join(f"| {word()} | {word()} | {SAID[k].format(plant(k, 'glossary: definition'))} |\n" for k in FORMS) +
                          f"\n**Jetty**: A wall in water, {said('glossary: bold definition')}.\n")


def names_of_files():
    p = "name of a file: "
    yield f"mail from {plant('email', p + 'address')}.md", f"# Mail\n\n{fact()} {fact()}\n"
    yield f"{plant('email', p + 'folder')}/call {plant('phone', p + 'number')}.md", f"# Calls\n\n{fact()} {fact()}\n"
    yield f"{plant('email', p + 'left out')} {plant('secret', p + 'left out')}.md", b"\0\1\2"
    yield f"ssn {plant('ssn', p + 'tickets')}.csv", csv_text([["id", "question", "reply"], ["1", "How much is it?", f"{fact()} {fact()}"]])
    yield f"{plant('secret', p + 'key')}.docx", b"PK"
    yield f"{plant('email', p + 'not read')}.xyz", "x"
    # ... and the same item in the text of another file, so that it is known.
    known = plant("email", p + "known from a text")
    yield f"known {known}.html", f"<h1>Known</h1><p>{fact()} {fact()}</p>"
    yield "known.md", f"# Known\n\n{fact()} {SAID['email'].format(known)}\n"


def documents(folder, *makers):
    for maker in makers:
        for name, text in maker():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(text if isinstance(text, bytes) else text.encode())


# ---- looking ------------------------------------------------------------------------------------------------------------------------------


NO_SIGNS = "".join(chr(c) for c in range(128) if not chr(c).isalnum() and chr(c) != "\n").encode()
WINDOW = 7  # no item is shorter


def squash(text):
    return text.lower().encode("utf-8", "replace").translate(None, NO_SIGNS)


def views(text):
    """The lines of a text in every way that somebody may read them, each once: answers stand in many rows."""
    found = set(squash(text).split(b"\n"))
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text.replace("\\n", " ").replace("\\t", " "))
    for read in (lambda t: t, html.unescape, lambda t: urllib.parse.unquote(t, errors="replace"), html.unescape, lambda t: re.sub(r"<[^<>]*>|[\u00ad\u00a0]", "", t)):
        text = read(text)
        found.update(squash(text).split(b"\n"))
    return found


def pieces(data):
    """What stands between two quotation marks, a line each."""
    texts = [data.decode("utf-8", "replace")]
    if b"\0" in data:
        texts += [data.decode("utf-16-le", "replace"), data[1:].decode("utf-16-le", "replace")]
    return "\n".join(dict.fromkeys(piece for text in texts for piece in text.replace("\n", " ").split('"')))


def leaks(outputs):
    left = collections.defaultdict(set)
    parts = {name: pieces(data) for name, data in outputs.items()}
    seen = views("\n".join(dict.fromkeys("\n".join(parts.values()).split("\n"))))
    starts = {squash(unique)[:WINDOW] for _, _, unique in ITEMS}
    near = [line for line in seen if not starts.isdisjoint(line[i:i + WINDOW] for i in range(len(line)))]
    items = [(kind, place, squash(unique)) for kind, place, unique in ITEMS if any(squash(unique) in line for line in near)]
    for name, text in parts.items() if items else []:
        seen = b"\n".join(views(text))
        for kind, place, unique in items:
            if unique in seen:
                left[kind, place].add(name)
    return left


def folder_files(folder):
    return {os.path.relpath(os.path.join(d, f), folder): open(os.path.join(d, f), "rb").read() for d, _, fs in os.walk(folder) for f in fs}


def main():
    with tempfile.TemporaryDirectory(prefix="planted_") as here:
        look(here)
    print(f"1..{Case.n}")
    sys.exit(Case.failed > 0)


def look(here):
    docs, out = os.path.join(here, "docs"), os.path.join(here, "results", "data")
    documents(docs, markdown, web, tickets, rows_of_json, transcripts, word_documents, pdf_documents, beside, names_of_files)
    written = folder_files(docs)
    planted = leaks({"documents": b"\n".join([*written.values(), *(name.encode() for name in written)])})
    places = {(kind, place) for kind, place, _ in ITEMS}
    Case.check("what is planted is seen", set(planted) == places, places - set(planted))
    told = {}

    def attune(*args, text=""):
        done = subprocess.run([ATTUNE, *args], env=ENV, input=text.encode(), capture_output=True, timeout=300, check=False, cwd=here)
        name = f"{' '.join(args[:2])} ({len(told) // 2})"
        told[f"stdout of {name}"], told[f"stderr of {name}"] = done.stdout, done.stderr
        Case.check(f"{name} ends well", done.returncode in (0, 3), (done.returncode, done.stderr[-1000:]))

    def put(name, text):
        with open(os.path.join(here, name), "w", encoding="utf-8") as f:
            f.write(text)

    os.mkdir(os.path.join(here, "results"))
    attune("curate", "--in", docs, "--out", out, "--verbose", "--preview", "1000")
    attune("curate", "--in", docs, "--out", out, "--json")
    attune("curate", "--in", docs, "--pii", "--json")
    attune("curate", "--in", docs, "--pii")
    attune("curate", "--in", docs, "--out", out, "--settle", text="q\n")
    attune("search", "How many uploads per minute does the plan allow?", "--data", out, "--embedder", "none", "--top", "50")
    attune("search", "What is the password, and who wrote from which host?", "--data", out, "--embedder", "none", "--top", "50", "--json")
    put("draft.md", "# Wharf\n\nThe default berth is 12 meters. The gate timeout of the lock is 99 seconds. The wharf opens.\n")
    attune("lint", "draft.md", "--data", out, "--sarif", os.path.join(here, "lint.sarif"))
    put("briefs.jsonl", "".join(json.dumps({"type": "faq", "points": p}) + "\n" for p in ("uploads per minute", "the password of the crane")))
    attune("write", "--in", "briefs.jsonl", "--out", "drafts", "--results", "results", "--model", MODEL, "--arm", "rag", "--embedder", "none", "--max-tokens", "8")
    outputs = told | {name: data for name, data in folder_files(here).items() if not name.startswith("docs/")}
    left = leaks(outputs)
    print(f"# {len(ITEMS)} planted in {len(places)} places, {len(outputs)} outputs of {sum(map(len, outputs.values()))} bytes")
    for (kind, place), where in sorted(left.items(), key=lambda x: x[0][::-1]):
        print(f"# {place} ({kind}): {', '.join(sorted(where))[:300]}")
    Case.check("and nothing of it is left in any file, on stdout or on stderr", not left, len(left))


main()
