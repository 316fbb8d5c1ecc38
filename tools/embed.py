#!/usr/bin/env python3
"""A file as a C string: const char NAME[].

usage: embed.py NAME FILE OUT.c
"""
import sys

name, path, out = sys.argv[1:]
with open(path, "rb") as f:
    data = f.read() + b"\0"
rows = [", ".join(str(b - 256 if b > 127 else b) for b in data[i:i + 24]) for i in range(0, len(data), 24)]
with open(out, "w") as f:
    f.write("extern const char {0}[];\nconst char {0}[] = {{\n\t{1}}};\n".format(name, ",\n\t".join(rows)))
