#!/usr/bin/env python3
"""Prints src/format/wordpiece_table.c: what BERT's normalizer and pre-tokenizer take each code point for, as sorted ranges.

    python3 tools/wordpiece_classes.py > src/format/wordpiece_table.c

Asks the `tokenizers` library itself (0.23), which knows marks, formats and punctuation as they stood in Unicode 8.
"""
from tokenizers import normalizers, pre_tokenizers

OFF = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
clean = normalizers.BertNormalizer(**{**OFF, "clean_text": True}).normalize_str
chinese = normalizers.BertNormalizer(**{**OFF, "handle_chinese_chars": True}).normalize_str
strip = normalizers.BertNormalizer(**{**OFF, "strip_accents": True}).normalize_str
cut = pre_tokenizers.BertPreTokenizer().pre_tokenize_str


def char_class(cp):
    c = chr(cp)
    if clean(c) == "":
        return "REMOVED"
    if clean(c) == " ":
        return "SPACE"
    if strip(c) == "":
        return "MARK"
    if len(cut("a" + c + "b")) == 3:
        return "PUNCTUATION"
    return "IDEOGRAPH" if chinese(c) == " " + c + " " else None


ranges = []
for cp in range(0x110000):
    c = None if 0xD800 <= cp < 0xE000 else char_class(cp)
    if c and ranges and ranges[-1][2] == c and ranges[-1][1] == cp - 1:
        ranges[-1][1] = cp
    elif c:
        ranges.append([cp, cp, c])

print("/* Characters as BERT's tokenizer sees them, sorted. Written by tools/wordpiece_classes.py; do not edit. */")
print('#include "format/wordpiece.h"\n')
print("// clang-format off")
print("const struct wordpiece_range wordpiece_ranges[] = {")
for i in range(0, len(ranges), 3):
    print("\t" + " ".join(f"{{0x{a:04x}, 0x{b:04x}, WORDPIECE_{c}}}," for a, b, c in ranges[i : i + 3]))
print("};")
print("// clang-format on\n")
print("const size_t wordpiece_n_ranges = sizeof wordpiece_ranges / sizeof *wordpiece_ranges;")
