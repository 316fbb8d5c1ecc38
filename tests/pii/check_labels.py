#!/usr/bin/env python3
"""Check the labels of tests/pii/dev, dev2 and sealed.

Every label's text must be the bytes of the file at its span, no two labels
may overlap, an item must be well-formed for its kind and a look-alike must
not be, a name that is labelled in a ticket or a call must be labelled at
every place of it, and each set needs 250 items and 250 look-alikes, 12 of
each kind. Exits with 1 on a mistake.
"""

import base64
import collections
import ipaddress
import itertools
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
KINDS = ["email", "phone", "card", "iban", "ip", "mac", "ssn", "jwt", "secret", "private_key", "url_credentials", "person"]
mistakes = []


def luhn(digits):
    total = 0
    for i, d in enumerate(map(int, reversed(digits))):
        if i % 2:
            d = d * 2 - 9 if d > 4 else d * 2
        total += d
    return total % 10 == 0


def is_card(text):
    digits = re.sub("[ -]", "", text)
    return bool(re.fullmatch("[0-9]{13,19}", digits)) and luhn(digits) and bool(
        re.match("4|5[1-5]|2[2-7]|3[47]|36|38|30[0-5]|35[2-8]|6", digits)
        and not (digits.startswith("35") and len(digits) != 16))


def is_iban(text):
    flat = text.replace(" ", "")
    if not re.fullmatch("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", flat):
        return False
    return int("".join(str(int(c, 36)) for c in flat[4:] + flat[:4])) % 97 == 1


def is_jwt(text):
    parts = text.split(".")
    if len(parts) != 3 or not all(re.fullmatch("[A-Za-z0-9_-]+", p) for p in parts):
        return False
    try:
        return "alg" in json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (ValueError, TypeError):
        return False


def is_ip(text):
    try:
        a = ipaddress.ip_address(text)
    except ValueError:
        return False
    if getattr(a, "ipv4_mapped", None):
        a = a.ipv4_mapped
    return a.is_global and not a.is_multicast and text not in ("8.8.8.8", "1.1.1.1", "9.9.9.9")


def is_mac(text):
    flat = re.sub("[:.-]", "", text).lower()
    form = r"[0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(\1[0-9a-fA-F]{2}){4}|([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}"
    return bool(re.fullmatch(form, text)) and flat not in ("0" * 12, "f" * 12)


def is_ssn(text):
    m = re.fullmatch(r"([0-9]{3})([ -]?)([0-9]{2})\2([0-9]{4})", text)
    return bool(m) and m[1] not in ("000", "666") and m[1][0] != "9" and m[3] != "00" and m[4] != "0000"


def is_email(text):
    m = re.fullmatch(r"[^\s@<>()\"]+@((?:[\w-]+\.)+\w{2,})", text)
    return bool(m) and not re.search(r"(^|\.)(example\.(com|net|org)|example|test|invalid|localhost)$", m[1], re.I)


def is_phone(text):
    text = re.sub("extension|poste", "ext", text)
    digits = re.sub(r"\D", "", re.split(r"x|ext", text)[0])
    return 7 <= len(digits) <= 15 and bool(re.fullmatch(r"[0-9+()/. \-–xet,#]+", text))


def is_private_key(text):
    return bool(re.fullmatch(r"-----BEGIN ([A-Z]+ )*PRIVATE KEY-----.+-----END ([A-Z]+ )*PRIVATE KEY-----", text, re.S))


WELL_FORMED = {
    "email": is_email, "phone": is_phone, "card": is_card, "iban": is_iban, "ip": is_ip, "mac": is_mac, "ssn": is_ssn,
    "jwt": is_jwt, "secret": lambda t: len(t) >= 8 and not re.search(r"\s", t), "private_key": is_private_key,
    "url_credentials": lambda t: bool(re.fullmatch(r"[^\s:@/]*:[^\s@/]+", t)),
    "person": lambda t: t == t.strip() and "\n" not in t and not re.search("[0-9@<>:]", t),
}
# What a look-alike of these kinds must not be (the others depend on the words around them).
NEVER = {"card", "iban", "mac", "ssn", "jwt", "private_key"}


def records(name, data):
    """The spans of the tickets of a CSV file, or the whole file."""
    if not name.endswith(".csv"):
        return [(0, len(data))]
    out, start, quoted = [], 0, False
    for i, c in enumerate(data):
        if c == 0x22:
            quoted = not quoted
        elif c == 0x0a and not quoted:
            out.append((start, i + 1))
            start = i + 1
    return out[1:]


def check_names(where, name, data, labels):
    """A labelled name must not stand unlabelled in the same record."""
    if not name.endswith((".csv", ".txt", ".vtt", ".json")):
        for label in labels:
            if label["kind"] == "person":
                mistakes.append("%s:%s:%d: a person in a page" % (where, name, label["start"]))
        return
    for start, end in records(name, data):
        inside = [d for d in labels if start <= d["start"] < end]
        rest = bytearray(data[start:end])
        for d in inside:
            for i in range(d["start"] - start, d["end"] - start):
                rest[i] = 0x23
        left = rest.decode("utf-8", "replace")
        words = {w for d in inside if d["kind"] == "person" for w in re.findall(r"[^\W\d_]{2,}", d["text"]) if w[0].isupper() or not w.isascii()}
        for w in words:
            for m in re.finditer(r"(?<!\w)%s(?!\w)" % re.escape(w), left):
                mistakes.append("%s:%s: the name %r is left at %r" % (where, name, w, left[max(0, m.start() - 30):m.end() + 20]))


def check(where):
    root = HERE / where
    counts, alike = collections.Counter(), collections.Counter()
    files = {p.name: p.read_bytes() for p in sorted(root.iterdir()) if p.name != "labels.jsonl"}
    per_file = {name: [] for name in files}
    for n, line in enumerate((root / "labels.jsonl").read_text(encoding="utf-8").splitlines(), 1):
        d = json.loads(line)
        at = "%s/labels.jsonl:%d (%s)" % (where, n, d["text"][:40])
        if d["file"] not in files:
            mistakes.append(at + ": no such file")
            continue
        if files[d["file"]][d["start"]:d["end"]] != d["text"].encode() or not d["text"]:
            mistakes.append(at + ": not the bytes of the file")
        per_file[d["file"]].append(d)
        text = d["text"].replace('""', '"') if d["file"].endswith(".csv") else d["text"]
        if d["kind"] == "none":
            like = d["looks_like"]
            if like not in KINDS:
                mistakes.append(at + ": an unknown kind")
            alike[like] += 1
            if like in NEVER and WELL_FORMED[like](text):
                mistakes.append("%s: a look-alike that is a real %s" % (at, like))
        elif d["kind"] not in KINDS:
            mistakes.append(at + ": an unknown kind")
        else:
            counts[d["kind"]] += 1
            if not WELL_FORMED[d["kind"]](text):
                mistakes.append("%s: not well-formed as %s" % (at, d["kind"]))
    for name, labels in per_file.items():
        labels.sort(key=lambda d: d["start"])
        for a, b in zip(labels, labels[1:]):
            if b["start"] < a["end"]:
                mistakes.append("%s:%s: %r and %r overlap" % (where, name, a["text"], b["text"]))
        if not labels:
            mistakes.append("%s:%s: no labels" % (where, name))
        check_names(where, name, files[name], labels)
    print("%-17s %6s %12s" % (where, "items", "look-alikes"))
    for k in KINDS:
        print("  %-15s %6d %12d" % (k, counts[k], alike[k]))
        if counts[k] < 12 or alike[k] < 12:
            mistakes.append("%s: fewer than 12 of %s" % (where, k))
    print("  %-15s %6d %12d" % ("all", sum(counts.values()), sum(alike.values())))
    if sum(counts.values()) < 250 or sum(alike.values()) < 250:
        mistakes.append("%s: fewer than 250" % where)
    return {(d["kind"], d["text"]) for labels in per_file.values() for d in labels if d["kind"] not in ("none", "person")}


values = [check(s) for s in ("dev", "dev2", "sealed")]
for a, b in itertools.combinations(values, 2):
    for kind, text in sorted(a & b):
        mistakes.append("in two sets: %s %r" % (kind, text))
for m in mistakes:
    print(m, file=sys.stderr)
sys.exit(1 if mistakes else 0)
