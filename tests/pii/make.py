#!/usr/bin/env python3
"""Write the documents and labels of tests/pii/dev, dev2 and sealed.

The texts lie in tests/pii/source with the labels written into them:

    ⟦em:anna@host.de⟧   an item (here of the kind email)
    ⟦!ph:2024-11-05⟧    a look-alike (here of a phone), which is none
    ‹iban DE 4›         a macro, replaced by a made-up value
    ‹a=name de_DE›      a macro whose value is kept; ‹a› writes it again,
                        ‹first a›, ‹last a› and ‹mail a› use it;
                        with a key like _a nothing is written

A ticket file (*.csv.src) starts with its columns; === begins a ticket, and
"=== de_DE sv_SE" one ticket for each locale, in which ‹L› stands for it. A
line @@column begins a field. Other files (*.src) become a page or a call.

Values come from Faker (FAKER_VERSION below) and from a seeded generator, so
that the same version writes the same bytes again.
"""

import base64
import json
import pathlib
import random
import re
import shutil
import sys
import unicodedata
import uuid

import faker

FAKER_VERSION = "40.63.0"
HERE = pathlib.Path(__file__).resolve().parent

KINDS = {
    "em": "email", "ph": "phone", "cc": "card", "ib": "iban", "ip": "ip",
    "mac": "mac", "ssn": "ssn", "jwt": "jwt", "sec": "secret",
    "key": "private_key", "url": "url_credentials", "p": "person",
}

DOMAINS = {
    "dev": {
        "de": ["hartwig-lagertechnik.de", "gmx.de", "web.de", "oberrath-bau.de"],
        "en": ["gmail.com", "dunleavy-freightco.com", "outlook.com", "tarrowgate.io", "mail.pennfold.co.uk"],
        "fr": ["orange.fr", "atelier-brossard-fils.fr", "laposte.net"],
        "sv": ["telia.com", "norrvik-rederi.se"],
        "es": ["hotmail.es", "naranjas-velamar.es"],
        "nl": ["ziggo.nl", "vanderkade-bloemen.nl"],
        "": ["proton.me", "yahoo.com", "trellisworks.eu"],
    },
    "dev2": {
        "de": ["arcor.de", "gasthof-birkenau.de", "seehotel-ortwein.at", "bluewin.ch"],
        "en": ["btinternet.com", "aol.com", "thistledown-cottages.co.uk", "msn.com"],
        "fr": ["sfr.fr", "auberge-des-trois-saules.fr"],
        "it": ["libero.it", "locanda-ginepro.it"],
        "pt": ["sapo.pt", "quinta-do-sobreiral.pt"],
        "cs": ["seznam.cz", "penzion-u-lipek.cz"],
        "": ["pm.me", "gmx.com", "hostel-sette-venti.com", "stayhaven-rooms.net"],
    },
    "sealed": {
        "de": ["t-online.de", "kessler-praezision.com", "posteo.de", "stadtwerke-ellernau.de"],
        "en": ["icloud.com", "harrowmeresurveyors.co.uk", "yahoo.co.uk", "fastmail.com", "pinecrest-dentalgroup.com"],
        "fr": ["free.fr", "cabinet-delorme-associes.fr", "wanadoo.fr"],
        "sv": ["bredband2.com", "lundagard-optik.se"],
        "es": ["yahoo.es", "talleres-urquiola.es"],
        "nl": ["kpnmail.nl", "dewittezwaan-advies.nl"],
        "": ["zoho.eu", "mail.ru", "ostrava-klempirstvi.cz"],
    },
}

AGENTS = {
    "dev": ["Milo", "Ines", "Saoirse", "Ferran", "Nokuthula"],
    "dev2": ["Thandeka", "Wout", "Marisol", "Yusra", "Corentin"],
    "sealed": ["Bronagh", "Lucjan", "Temperance", "Rafi", "Ottilie"],
}

IBAN = {  # the BBAN of a country: n a digit, a a letter
    "DE": "n" * 18, "GB": "aaaa" + "n" * 14, "FR": "n" * 10 + "n" * 11 + "nn",
    "NL": "aaaa" + "n" * 10, "ES": "n" * 20, "SE": "n" * 20, "NO": "n" * 11,
    "BE": "n" * 12, "IT": "a" + "n" * 22, "CH": "n" * 17, "PL": "n" * 24,
    "AT": "n" * 16, "MT": "aaaa" + "n" * 5 + "n" * 18, "DK": "n" * 14,
    "FI": "n" * 14, "PT": "n" * 21, "IE": "aaaa" + "n" * 14, "CZ": "n" * 20,
    "LU": "n" * 16, "GR": "n" * 23,
}

CARDS = {
    "visa": (["4"], 16), "mc": (["51", "53", "55", "2221", "2720"], 16),
    "amex": (["34", "37"], 15), "discover": (["6011", "65"], 16),
    "jcb": (["3530", "3566"], 16), "diners": (["36", "305"], 14),
    "maestro": (["6304", "6759"], 16), "visa13": (["4"], 13),
    "visa19": (["4"], 19),
}

ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def luhn_sum(digits):
    total = 0
    for i, d in enumerate(reversed(digits)):
        d = int(d)
        if i % 2:
            d = d * 2 - 9 if d > 4 else d * 2
        total += d
    return total % 10


def group(text, sizes):
    """"1234 5678" from the sizes "4" (always four) or "4-6-5"."""
    if not sizes:
        return text
    sep = " "
    if sizes[0] in "-_":
        sep, sizes = ("-" if sizes[0] == "-" else " "), sizes[1:]
    steps = [int(s) for s in sizes.split("-")]
    out, at, i = [], 0, 0
    while at < len(text):
        n = steps[min(i, len(steps) - 1)]
        out.append(text[at:at + n])
        at += n
        i += 1
    return sep.join(out)


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Turned(tuple):
    pass


class Maker:
    """The macros of one document."""

    def __init__(self, which, seed):
        self.which = which
        self.rng = random.Random(seed)
        self.fakers = {}
        self.kept = {}
        self.locale = "en_US"

    def fake(self, locale):
        if locale not in self.fakers:
            f = faker.Faker(locale)
            f.seed_instance(self.rng.getrandbits(32))
            self.fakers[locale] = f
        return self.fakers[locale]

    def pick(self, alphabet, n):
        return "".join(self.rng.choice(alphabet) for _ in range(n))

    def expand(self, text):
        return re.sub("‹([^‹›]*)›", lambda m: self.macro(m[1]), text)

    def macro(self, body):
        key = None
        if re.match(r"\w+=", body):
            key, body = body.split("=", 1)
        words = body.split()
        if not key and len(words) == 1 and words[0] in self.kept:
            value = self.kept[words[0]]
            return value[0] + " " + value[1] if isinstance(value, tuple) else value
        value = getattr(self, "m_" + words[0])(*words[1:])
        if key:
            self.kept[key] = value
            if key.startswith("_"):  # kept, not written
                return ""
        if isinstance(value, Turned):
            return value[1] + ", " + value[0]
        return value[0] + " " + value[1] if isinstance(value, tuple) else value

    def loc(self, locale):
        return self.locale if locale in (None, "L") else locale

    # People

    def m_name(self, locale=None):
        f = self.fake(self.loc(locale))
        return (f.first_name(), f.last_name())

    def m_given(self, locale=None):
        return self.fake(self.loc(locale)).first_name()

    def m_eman(self, locale=None):
        """A name that its first place writes as "Last, First"."""
        return Turned(self.m_name(locale))

    def m_agent(self):
        return self.rng.choice(AGENTS[self.which])

    def m_first(self, key):
        return self.kept[key][0]

    def m_last(self, key):
        return self.kept[key][1]

    def m_initial(self, key):
        return self.kept[key][0][0]

    def m_mail(self, key, style="."):
        first, last = self.kept[key]
        fold = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "ł": "l", "æ": "ae"})

        def plain(s):
            s = unicodedata.normalize("NFKD", s.lower().translate(fold))
            return re.sub("[^a-z-]", "", s.encode("ascii", "ignore").decode())

        first, last = plain(first), plain(last)
        local = {
            ".": first + "." + last, "_": first + "_" + last, "i": first[:1] + last,
            "n": first + str(self.rng.randint(61, 99)), "+": first + "+invoices", "l": last + "." + first[:1],
        }[style] if first and last else "user" + str(self.rng.randint(1000, 9999))
        table = DOMAINS[self.which]
        pool = table.get(self.locale[:2], table[""])
        return local + "@" + self.rng.choice(pool)

    def m_company(self, locale=None):
        f = self.fake(self.loc(locale))
        while True:
            c = f.company()
            if re.search(r"(Inc|LLC|Ltd|PLC|Group|GmbH|AG|KG|KGaA|OHG|mbH|e\.V\.|SARL|S\.A\.|S\.A\.S\.|AB|HB|S\.L\.|B\.V\.|N\.V\.|BV|S\.r\.l\.|ApS|A/S|Sp\. z o\.o\.)$", c):
                return c

    def m_city(self, locale=None):
        return self.fake(self.loc(locale)).city()

    # Numbers

    def m_phone(self, locale=None):
        f = self.fake(self.loc(locale))
        while True:
            p = f.phone_number()
            digits = len(re.sub(r"\D", "", re.split("x|ext", p)[0]))
            if 7 <= digits <= 14 and not p.isdigit():
                return p

    def m_cc(self, brand="visa", sizes=""):
        starts, n = CARDS[brand]
        start = self.rng.choice(starts)
        digits = start + self.pick("0123456789", n - len(start) - 1)
        digits += str(next(d for d in range(10) if luhn_sum(digits + str(d)) == 0))
        return group(digits, sizes)

    def m_badcc(self, start="4", n="16", sizes=""):
        while True:
            digits = start + self.pick("0123456789", int(n) - len(start))
            if luhn_sum(digits) != 0:
                return group(digits, sizes)

    def m_luhn(self, start, n, sizes=""):
        """Digits that satisfy Luhn with any start."""
        digits = start + self.pick("0123456789", int(n) - len(start) - 1)
        digits += str(next(d for d in range(10) if luhn_sum(digits + str(d)) == 0))
        return group(digits, sizes)

    def m_iban(self, country, sizes=""):
        bban = "".join(self.pick("0123456789" if c == "n" else "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1) for c in IBAN[country])
        number = int("".join(str(int(c, 36)) for c in bban + country + "00"))
        return group("%s%02d%s" % (country, 98 - number % 97, bban), sizes)

    def m_badiban(self, country, sizes=""):
        iban = self.m_iban(country)
        last = (int(iban[-1]) + self.rng.randint(1, 9)) % 10
        return group(iban[:-1] + str(last), sizes)

    def m_ssn(self, sep="-"):
        sep = {"-": "-", "s": " ", "0": ""}[sep]
        area = self.rng.choice([a for a in range(101, 900) if a != 666])
        return sep.join(("%03d" % area, "%02d" % self.rng.randint(10, 99), "%04d" % self.rng.randint(1000, 9999)))

    def m_d(self, n):
        return self.pick("0123456789", int(n))

    def m_int(self, low, high):
        return str(self.rng.randint(int(low), int(high)))

    def m_date(self, form="%Y-%m-%d"):
        return self.fake("en_US").date_between_dates(
            __import__("datetime").date(2025, 1, 1), __import__("datetime").date(2026, 6, 30)).strftime(form.replace("_", " "))

    # Network

    def m_ip4(self):
        first = self.rng.choice([23, 31, 45, 51, 62, 77, 81, 84, 87, 91, 93, 109, 141, 146, 151, 178, 185, 188, 193, 194, 212, 217])
        return "%d.%d.%d.%d" % (first, self.rng.randint(2, 90), self.rng.randint(2, 254), self.rng.randint(2, 254))

    def m_ip6(self, form="short"):
        head = self.rng.choice(["2a01:4f8", "2a02:8108", "2001:67c", "2600:1f18", "2a00:1450", "2603:1020", "2a0b:f4c1"])
        if form == "long":
            return head + ":" + ":".join("%04x" % self.rng.randint(4096, 65535) for _ in range(6))
        return head + ":%x::%x" % (self.rng.randint(16, 65535), self.rng.randint(2, 4095))

    def m_ip10(self):
        return "10.%d.%d.%d" % tuple(self.rng.randint(1, 254) for _ in range(3))

    def m_mac(self, form=":"):
        octets = ["%02x" % (self.rng.randint(0, 63) * 4)] + ["%02x" % self.rng.randint(1, 254) for _ in range(5)]
        if form == ".":
            return ".".join(octets[i] + octets[i + 1] for i in (0, 2, 4))
        if form == "-u":
            return "-".join(octets).upper()
        if form == ":u":
            return ":".join(octets).upper()
        return form.join(octets)

    def m_octets(self, n, sep=":"):
        return sep.join("%02x" % self.rng.randint(1, 254) for _ in range(int(n)))

    # Keys and tokens: random, valid nowhere

    def m_hex(self, n):
        return self.pick("0123456789abcdef", int(n))

    def m_an(self, n):
        while True:
            s = self.pick(ALNUM, int(n))
            if re.search("[0-9]", s) and re.search("[a-z]", s) and re.search("[A-Z]", s):
                return s

    def m_up(self, n):
        return self.pick(UPPER, int(n))

    def m_b64(self, n):
        return self.pick(ALNUM + "+/", int(n))

    def m_uuid(self):
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def m_sk_live(self):
        return "sk_live_" + self.m_an(24)

    def m_openai(self):
        return "sk-" + self.m_an(48)

    def m_openaiproj(self):
        return "sk-proj-" + self.m_an(20) + "_" + self.m_an(27)

    def m_ghp(self):
        return "ghp_" + self.m_an(36)

    def m_ghpat(self):
        return "github_pat_" + self.m_up(22) + "_" + self.m_an(59)

    def m_glpat(self):
        return "glpat-" + self.m_an(20)

    def m_xox(self, c="b"):
        return "xox%s-%s-%s-%s" % (c, self.m_d(12), self.m_d(12), self.m_an(24))

    def m_akia(self):
        return "AKIA" + self.pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)

    def m_aiza(self):
        return "AIza" + self.m_an(35)

    def m_sendgrid(self):
        return "SG." + self.m_an(22) + "." + self.m_an(43)

    def m_npm(self):
        return "npm_" + self.m_an(36)

    def m_hf(self):
        return "hf_" + self.pick(ALNUM[:52], 34)

    def m_pw(self, n="14"):
        while True:
            s = self.pick(ALNUM + "!#%*+?", int(n))
            if s[0].isalnum() and s[-1].isalnum() and re.search("[0-9]", s) and re.search("[!#%*+?]", s):
                return s

    def m_upw(self, n="14"):
        """A password that needs no escape in a URL."""
        return self.m_an(str(int(n) - 4)) + self.rng.choice("!*._~-") + self.m_an("3")

    def m_jwt(self, alg="HS256", head=""):
        if head == "noalg":
            header = {"typ": "JWT", "ver": 1}
        elif head == "kid":
            header = {"kid": self.m_hex(8), "typ": "JWT", "alg": alg}
        else:
            header = {"alg": alg, "typ": "JWT"} if head != "bare" else {"alg": alg}
        f = self.fake("en_US")
        body = {"sub": self.m_hex(12), "iat": 1700000000 + self.rng.randint(0, 90000000), "scope": f.word() + " " + f.word()}
        n = {"HS256": 32, "HS512": 64, "RS256": 128, "ES256": 64, "EdDSA": 64}[alg]
        compact = (",", ":") if self.rng.random() < 0.7 else (", ", ": ")
        parts = [json.dumps(p, separators=compact).encode() for p in (header, body)] + [self.rng.randbytes(n)]
        return ".".join(b64url(p) for p in parts)

    def m_blobdot(self):
        """Three parts as of a JWT, of which the first is no JSON."""
        return ".".join(b64url(self.rng.randbytes(n)) for n in (24, 48, 32))

    def m_pem(self, label="RSA", form=""):
        size = {"RSA": 1190, "SMALL": 608, "EC": 121, "PKCS8": 1217, "PKCS8EC": 138, "ED": 48, "OPENSSH": 323, "DSA": 448,
                "ENC": 380, "PUBLIC": 294, "RSAPUB": 270, "CERT": 520, "CSR": 430, "SSH2PUB": 279, "PGPPUB": 330}[label]
        title = {"SMALL": "RSA PRIVATE KEY", "PKCS8": "PRIVATE KEY", "PKCS8EC": "PRIVATE KEY", "ED": "PRIVATE KEY",
                 "ENC": "ENCRYPTED PRIVATE KEY", "PUBLIC": "PUBLIC KEY", "RSAPUB": "RSA PUBLIC KEY", "CERT": "CERTIFICATE",
                 "CSR": "CERTIFICATE REQUEST", "PGPPUB": "PGP PUBLIC KEY BLOCK"}.get(label, label + " PRIVATE KEY")
        lead = {"OPENSSH": b"openssh-key-v1\0", "ED": bytes.fromhex("302e020100300506032b657004220420")}.get(label, b"\x30\x82")
        data = base64.b64encode(lead + self.rng.randbytes(size - len(lead))).decode()
        width = 70 if label == "OPENSSH" else 64
        lines = [data[i:i + width] for i in range(0, len(data), width)]
        if form.startswith("dek"):
            lines = ["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC," + self.m_hex(32).upper(), ""] + lines
            form = form[3:]
        lines = ["-----BEGIN %s-----" % title] + lines + ["-----END %s-----" % title]
        sep = {"": "\n", "q": "\n> ", "j": "\\n"}.get(form)
        if sep is None:
            sep = "\n" + " " * int(form[1:])
        return sep.join(lines)

    def m_sshpub(self, kind="rsa"):
        if kind == "ed25519":
            return "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + self.m_b64(43)
        return "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ" + self.m_b64(200)

    def m_L(self):
        return self.locale


def read_tickets(maker, text, first_id):
    """The CSV text, with its marks, of a ticket source."""
    head, _, rest = text.partition("\n===")
    options = dict(line.split(": ", 1) for line in head.strip().split("\n"))
    columns = options["columns"].split(",")
    rows = []
    for block in ("===" + rest).split("\n==="):
        block = block.removeprefix("===")
        locales, _, body = block.partition("\n")
        for locale in locales.split() or ["en_US"]:
            maker.kept = {}
            maker.locale = locale
            row = {}
            for field in re.split(r"(?m)^@@", body)[1:]:
                name, value = re.match(r"([\w -]+):[ \n]?(.*)", field, re.S).groups()
                if name not in columns:
                    raise SystemExit("no column %r" % name)
                row[name] = value
            # In the order of the columns, so that kept values are there.
            rows.append({c: maker.expand(row[c].strip("\n")) for c in columns if c in row})
    order = list(range(len(rows)))
    maker.rng.shuffle(order)
    # The day grows with the id, as it does in an export.
    out, day = [columns], 0
    for n, i in enumerate(order):
        day += maker.rng.randint(0, 3)
        month, dom = divmod(day, 28)
        auto = {
            "id": options["id"] % (first_id + 3 * n), "date": "2026-%02d-%02d" % (month + 1, dom + 1),
            "plan": maker.rng.choice(options["plans"].split(",")), "status": maker.rng.choice(options["states"].split(",")),
        }
        out.append([rows[i].get(c, auto.get(options.get("auto " + c, ""), "")) for c in columns])
    eol = "\r\n" if options.get("eol") == "crlf" else "\n"
    lines = []
    for row in out:
        cells = []
        for cell in row:
            bare = re.sub("⟦!?[a-z]+:|⟧", "", cell)
            cell = cell.replace("\n", eol)
            if re.search('[",\n\r]', bare) or options.get("quote") == "all":
                cell = '"' + cell.replace('"', '""') + '"'
            cells.append(cell)
        lines.append(",".join(cells) + eol)
    return ("\ufeff" if options.get("bom") == "yes" else "") + "".join(lines)


def strip_marks(name, text):
    """The bytes of a document and its labels."""
    out, labels = bytearray(), []
    at = 0
    for m in re.finditer("⟦(!?)([a-z]+):([^⟦⟧]*)⟧", text):
        out += text[at:m.start()].encode()
        start = len(out)
        out += m[3].encode()
        label = {"file": name, "start": start, "end": len(out)}
        if m[1]:
            label["kind"] = "none"
            label["looks_like"] = KINDS[m[2]]
        else:
            label["kind"] = KINDS[m[2]]
        label["text"] = m[3]
        labels.append(label)
        at = m.end()
    out += text[at:].encode()
    for left in "⟦⟧‹›":
        if left.encode() in out:
            at = bytes(out).index(left.encode())
            raise SystemExit("%s: a mark is left near %r" % (name, bytes(out)[max(0, at - 60):at + 60].decode(errors="replace")))
    return bytes(out), labels


def main():
    if faker.VERSION != FAKER_VERSION:
        print("make.py: Faker %s, but the files were written with %s" % (faker.VERSION, FAKER_VERSION), file=sys.stderr)
    for which in ("dev", "dev2", "sealed"):
        target = HERE / which
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        labels = []
        for n, source in enumerate(sorted((HERE / "source" / which).glob("*.src"))):
            name = source.name.removesuffix(".src")
            maker = Maker(which, "%s/%s" % (which, name))
            text = source.read_text(encoding="utf-8")
            if name.endswith(".csv"):
                text = read_tickets(maker, text, 4100 + 1000 * n)
            else:
                text = maker.expand(text)
            data, found = strip_marks(name, text)
            (target / name).write_bytes(data)
            labels += found
        with open(target / "labels.jsonl", "w", encoding="utf-8", newline="\n") as f:
            for label in labels:
                f.write(json.dumps(label, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
