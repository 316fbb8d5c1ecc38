#!/usr/bin/env python3
"""Prints src/format/unicode_table.c: the code points that are letters (L*), numbers (N*) or white space, as sorted ranges.

    python3 tools/unicode_classes.py > src/format/unicode_table.c

Needs Unicode 16.0, the version the reference tokenizer (the `tokenizers` library 0.23) matches \\p{L} and \\p{N} with: Python 3.14's
unicodedata, or the package unicodedata2 in its version 16.0.0.
"""
import sys

try:
    import unicodedata2 as unicodedata
except ImportError:
    import unicodedata

if unicodedata.unidata_version != "16.0.0":
    sys.exit(f"need Unicode 16.0.0, this Python has {unicodedata.unidata_version}; try: pip install unicodedata2==16.0.0")

# White_Space is the categories Z* and these; Python's isspace() counts U+001C..1F too, regular expressions do not.
SPACE = {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85}
# The reference splits digits by a younger table than it matches \p{N} with.
NUMBER_17 = set(range(0x11DE0, 0x11DEA)) | set(range(0x16FF4, 0x16FF7))


def char_class(cp):
    category = unicodedata.category(chr(cp))
    if category[0] == "L":
        return "LETTER"
    if cp in NUMBER_17:
        return "YOUNG_NUMBER"
    if category[0] == "N":
        return "NUMBER"
    return "SPACE" if category[0] == "Z" or cp in SPACE else None


ranges = []
for cp in range(0x110000):
    c = char_class(cp)
    if c and ranges and ranges[-1][2] == c and ranges[-1][1] == cp - 1:
        ranges[-1][1] = cp
    elif c:
        ranges.append([cp, cp, c])

print("/* Unicode 16.0 letters, numbers and white space, sorted. Written by tools/unicode_classes.py; do not edit. */")
print('#include "format/unicode.h"\n')
print("// clang-format off")
print("const struct unicode_range unicode_ranges[] = {")
for i in range(0, len(ranges), 4):
    print("\t" + " ".join(f"{{0x{a:04x}, 0x{b:04x}, CHAR_{c}}}," for a, b, c in ranges[i : i + 4]))
print("};")
print("// clang-format on\n")
print("const size_t unicode_n_ranges = sizeof unicode_ranges / sizeof *unicode_ranges;")
