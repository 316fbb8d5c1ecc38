#!/usr/bin/env python3
"""Writes the seeds that are too long or too binary to keep: a GGUF file with everything a Llama needs, only tiny, a safetensors file of
three types, the GGUF's tokenizer as a tokenizer.json, a Word document, and the same document's parts apart by NUL bytes.

usage: seeds.py OUT.gguf OUT.safetensors OUT.json OUT.docx OUT.parts
"""
import io
import json
import struct
import sys
import zipfile

U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
# ggml's number of each type, the values and bytes of its blocks
GGML_F32, GGML_Q4_1, GGML_Q8_0 = 0, 3, 8
BLOCKS = {0: (1, 4), 1: (1, 2), 30: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 12: (256, 144), 13: (256, 176), 14: (256, 210)}
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def array(kind, items):
    pack = {STRING: string, I32: lambda v: struct.pack("<i", v)}[kind]
    return struct.pack("<IQ", kind, len(items)) + b"".join(map(pack, items))


def byte_alphabet():
    """GPT-2's printable character for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) if b in plain else chr(256 + n) for n, b in enumerate(sorted(set(range(256)) - set(plain)))] + [chr(b) for b in plain]


CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TOKENS = [*CONTROL, *byte_alphabet(), "ab", "\u0120a", "\u0120ab"]
MERGES = ["a b", "\u0120 a", "\u0120a b"]


def gguf():
    width, ff, tokens = 32, 64, TOKENS
    keys = [
        ("general.architecture", STRING, string("llama")),
        ("general.alignment", U32, struct.pack("<I", 32)),
        ("llama.block_count", U32, struct.pack("<I", 1)),
        ("llama.context_length", U32, struct.pack("<I", 64)),
        ("llama.embedding_length", U32, struct.pack("<I", width)),
        ("llama.feed_forward_length", U32, struct.pack("<I", ff)),
        ("llama.attention.head_count", U32, struct.pack("<I", 2)),
        ("llama.attention.head_count_kv", U32, struct.pack("<I", 1)),
        ("llama.attention.layer_norm_rms_epsilon", F32, struct.pack("<f", 1e-5)),
        ("llama.rope.freq_base", F32, struct.pack("<f", 1e4)),
        ("llama.rope.dimension_count", U32, struct.pack("<I", 16)),
        ("llama.vocab_size", U64, struct.pack("<Q", len(tokens))),
        ("tokenizer.ggml.model", STRING, string("gpt2")),
        ("tokenizer.ggml.pre", STRING, string("smollm")),
        ("tokenizer.ggml.tokens", ARRAY, array(STRING, tokens)),
        ("tokenizer.ggml.token_type", ARRAY, array(I32, [3] * len(CONTROL) + [1] * (len(tokens) - len(CONTROL)))),
        ("tokenizer.ggml.merges", ARRAY, array(STRING, MERGES)),
        ("tokenizer.ggml.bos_token_id", U32, struct.pack("<I", 1)),
        ("tokenizer.ggml.eos_token_id", U32, struct.pack("<I", 2)),
        ("tokenizer.ggml.add_bos_token", BOOL, b"\0"),
        ("tokenizer.chat_template", STRING, string(TEMPLATE)),
    ]
    tensors = [
        ("token_embd.weight", GGML_Q8_0, (width, len(tokens))),
        ("output_norm.weight", GGML_F32, (width,)),
        ("blk.0.attn_norm.weight", GGML_F32, (width,)),
        ("blk.0.attn_q.weight", GGML_Q4_1, (width, width)),
        ("blk.0.attn_k.weight", GGML_Q8_0, (width, width // 2)),
        ("blk.0.attn_v.weight", GGML_Q8_0, (width, width // 2)),
        ("blk.0.attn_output.weight", GGML_Q8_0, (width, width)),
        ("blk.0.ffn_norm.weight", GGML_F32, (width,)),
        ("blk.0.ffn_gate.weight", GGML_Q8_0, (width, ff)),
        ("blk.0.ffn_up.weight", GGML_Q8_0, (width, ff)),
        ("blk.0.ffn_down.weight", GGML_Q4_1, (ff, width)),
    ] + [(f"more.{kind}", kind, (256, 2)) for kind in BLOCKS]
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for name, kind, value in keys:
        out += string(name) + struct.pack("<I", kind) + value
    data = b""
    for name, kind, dims in tensors:
        n = dims[0] * (dims[1] if len(dims) > 1 else 1)
        values, size = BLOCKS[kind]
        block = struct.pack("<f", 1) if kind == GGML_F32 else (b"\0\x2c\0\x30" + bytes(range(256)))[:size]
        data += b"\0" * (-len(data) % 32)
        out += string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, len(data))
        data += block * (n // values)
    return out + b"\0" * (-len(out) % 32) + data


def safetensors():
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, dtype, size, shape in (("a", "F32", 4, [2, 3]), ("b.weight", "BF16", 2, [4]), ("c", "F16", 2, [1, 2, 2])):
        n = size
        for d in shape:
            n *= d
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + n]}
        data += bytes(n)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def tokenizer_json():
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [{"id": i, "content": text, "special": True} for i, text in enumerate(CONTROL)],
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "use_regex": True}],
            },
            "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "vocab": {text: i for i, text in enumerate(TOKENS)}, "merges": MERGES},
        }
    ).encode()


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def paragraph(text, style="", more=""):
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{more}</w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>{text}</w:t></w:r></w:p>'


ROW = "".join(f"<w:tc><w:tcPr><w:gridSpan w:val='1'/><w:vMerge w:val='restart'/></w:tcPr>{paragraph(text)}</w:tc>" for text in ("a", "b"))
ITEM = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="2"/></w:numPr>'
PARTS = {
    "word/document.xml": f"<w:document {W}><w:body>{paragraph('Guide', 'H1')}{paragraph('It is &amp;c.', '', ITEM)}{paragraph('x = 1', 'Code')}"
    f"<w:tbl><w:tr>{ROW}</w:tr><w:tr>{ROW}</w:tr></w:tbl><w:p><w:del><w:r><w:t>gone</w:t></w:r></w:del><w:r><w:t>see</w:t>"
    '<w:footnoteReference w:id="3"/></w:r><w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent></w:p></w:body></w:document>',
    "word/styles.xml": f'<w:styles {W}><w:style w:styleId="H1"><w:name w:val="heading 1"/><w:basedOn w:val="Code"/></w:style>'
    '<w:style w:styleId="Code"><w:name w:val="Source Code"/></w:style></w:styles>',
    "word/numbering.xml": f'<w:numbering {W}><w:abstractNum w:abstractNumId="4"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="2"><w:abstractNumId w:val="4"/></w:num></w:numbering>',
    "word/footnotes.xml": f'<w:footnotes {W}><w:footnote w:id="3">{paragraph("a note")}</w:footnote></w:footnotes>',
}


def docx():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in PARTS.items():
            z.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def docx_parts():
    return b"\0".join(text.encode() for text in PARTS.values())


for path, make in zip(sys.argv[1:], (gguf, safetensors, tokenizer_json, docx, docx_parts), strict=True):
    with open(path, "wb") as out:
        out.write(make())
